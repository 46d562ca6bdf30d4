"""The sentencepiece model behind Storybook's `ChatGLMTokenizer`, trained on the painter's own captions."""

import io
import random
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from studio.storybook.captions import GROUND_WORDS, TIME_WORDS, caption
from studio.storybook.scene import COLOURS, KINDS, draw_lot

EXTRA_WORDS = (
    "ink wash painting 水墨画", "ink outline drawing 线描", "blueprint 蓝图", "woodcut 木刻", "crayon 蜡笔",
    "pixel art 像素画", "neon lights 霓虹", "flat picture book style 扁平插画", "inkstone storybook 砚台 绘本",
)  # fmt: skip
"""Words that captions of the painter never use but users' trigger words may: they get whole pieces too."""


_CHINESE = re.compile("[\u3400-\u9fff]")
_WORDS = {
    *(kind.zh for kind in KINDS.values()), *COLOURS.values(),
    *(word for told in (*GROUND_WORDS.values(), *TIME_WORDS.values()) for word in told["zh"]),
    "左边", "右边", "上面", "下面", "上方", "下方", "中间", "从左到右", "图画书", "插图", "水墨画", "线描", "蓝图", "木刻",
    "蜡笔", "像素画", "霓虹", "扁平插画", "砚台", "绘本",
}  # fmt: skip


def chinese_pieces(captions: Iterable[str]) -> list[str]:
    """Whole Chinese words, and each character of these captions. Chinese has no spaces, and captions repeat so much that
    pieces learnt from them were whole phrases ("a green cat" in one); then nothing that is learnt of cats or of green
    reached them, and Chinese trailed English by ten points."""
    characters = {c for text in [*captions, *_WORDS] for c in text if _CHINESE.match(c)}
    return sorted(_WORDS | characters)


def train(file: Path, vocabulary: int, sentences: int = 40_000) -> None:
    """Write `tokenizer.model`: byte pairs for English, whole words for Chinese, bytes for all else; case folded and
    NFKC-normalised, so that full-width punctuation and capitals read the same (Sennrich et al., arXiv:1508.07909)."""
    import sentencepiece

    rng = random.Random("tokenizer")
    scenes = [draw_lot(seed, held_out=seed % 11 == 0) for seed in range(sentences // 2)]
    english = [caption(scene, "en", rng) for scene in scenes]
    chinese = [caption(scene, "zh", rng) for scene in scenes]
    english += [_CHINESE.sub("", words) for words in EXTRA_WORDS] * 20
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(  # type: ignore[attr-defined, unused-ignore]
        sentence_iterator=iter(english), model_writer=model, vocab_size=vocabulary, model_type="bpe",
        byte_fallback=True, character_coverage=1.0, normalization_rule_name="nmt_nfkc_cf",
        hard_vocab_limit=False, user_defined_symbols=chinese_pieces(chinese), num_threads=2, minloglevel=2,
    )  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(model.getvalue())


def load(file: Path) -> Any:
    """The `ChatGLMTokenizer` over a `tokenizer.model`."""
    from diffusers.pipelines.kolors import ChatGLMTokenizer

    return ChatGLMTokenizer(str(file), model_max_length=256)
