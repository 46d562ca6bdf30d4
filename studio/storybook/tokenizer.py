"""The sentencepiece model behind Storybook's `ChatGLMTokenizer`, trained on the painter's own captions."""

import io
import random
from pathlib import Path
from typing import Any

from studio.storybook.captions import caption
from studio.storybook.scene import draw_lot

EXTRA_WORDS = (
    "ink wash painting 水墨画", "ink outline drawing 线描", "blueprint 蓝图", "woodcut 木刻", "crayon 蜡笔",
    "pixel art 像素画", "neon lights 霓虹", "flat picture book style 扁平插画", "inkstone storybook 砚台 绘本",
)  # fmt: skip
"""Words that captions of the painter never use but users' trigger words may: they get whole pieces too."""


def train(file: Path, vocabulary: int, sentences: int = 40_000) -> None:
    """Write `tokenizer.model`: unigram pieces with byte fallback, case folded and NFKC-normalised, so that full-width
    punctuation and capitals read the same (Kudo and Richardson, arXiv:1808.06226)."""
    import sentencepiece

    def lines() -> Any:
        rng = random.Random("tokenizer")
        for seed in range(sentences // 2):
            scene = draw_lot(seed, held_out=seed % 11 == 0)
            yield caption(scene, "en", rng)
            yield caption(scene, "zh", rng)
        for words in EXTRA_WORDS:
            yield from [words] * 20

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(  # type: ignore[attr-defined, unused-ignore]
        sentence_iterator=lines(), model_writer=model, vocab_size=vocabulary, model_type="unigram",
        byte_fallback=True, character_coverage=1.0, normalization_rule_name="nmt_nfkc_cf",
        hard_vocab_limit=False, num_threads=2, minloglevel=2,
    )  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(model.getvalue())


def load(file: Path) -> Any:
    """The `ChatGLMTokenizer` over a `tokenizer.model`."""
    from diffusers.pipelines.kolors import ChatGLMTokenizer

    return ChatGLMTokenizer(str(file), model_max_length=256)
