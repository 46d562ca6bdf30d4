"""Token limits agree with the tokenizers that the models themselves use."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from studio.settings import ROOT
from studio.shelf.limits import limit_of
from studio.shelf.models import ModelCard, read_model_card

TEXTS = (
    "",
    "  a red boat  on the sea ",
    "一只红色的猫在一棵绿色的松树的左边，草地上",
    "Ｆｕｌｌ-width，marks。and CAPITALS",
    "😀 emoji 🐱‍👤 and é à ü 𝒳",
    "<unk> </s> [MASK] <|user|> sop <|endoftext|>",
    "tab\tnew\nline\u200b\ufeff",
)
LONG = tuple(text * 80 for text in TEXTS)


def card_of(folder: Path) -> ModelCard:
    card = read_model_card(ROOT / "models" / "cards" / "storybook.toml", ROOT / "models")
    return replace(card, folder=folder)


def test_storybook_counts_and_cuts_as_its_tokenizer():
    from diffusers.pipelines.kolors import ChatGLMTokenizer

    card = read_model_card(ROOT / "models" / "cards" / "storybook.toml", ROOT / "models")
    real = ChatGLMTokenizer.from_pretrained(str(card.folder / "tokenizer"))
    limit = limit_of(card)
    assert limit is not None
    assert limit.most == 254
    for text in (*TEXTS, *LONG):
        pieces = real.tokenize(text)
        assert limit.count(text) == len(pieces)
        assert limit.tail(text) == real.convert_tokens_to_string(pieces[254:])
        read = real(text, max_length=256, truncation=True, padding="max_length")["input_ids"]
        assert len(read) == 256
        assert sum(read[k] != real.pad_token_id for k in range(256)) >= min(limit.count(text), 254)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with a small CLIP tokenizer: vocab.json and merges.txt as OpenAI's, learnt from a few words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    learner.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=900, special_tokens=["<|startoftext|>", "<|endoftext|>"], end_of_word_suffix="</w>",
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
    )  # fmt: skip
    learner.train_from_iterator([*TEXTS, "a red boat on the blue sea at sunset"] * 20, trainer)
    told = json.loads(learner.to_str())["model"]
    folder = tmp_path_factory.mktemp("clip") / "tokenizer"
    folder.mkdir()
    vocab = dict(told["vocab"])
    for piece in pre_tokenizers.ByteLevel.alphabet():  # CLIP has every byte as the end of a word too
        vocab.setdefault(f"{piece}</w>", len(vocab))
    (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    pairs = [pair if isinstance(pair, str) else " ".join(pair) for pair in told["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *pairs]) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "CLIPTokenizer", "model_max_length": 77}'
    )
    return folder.parent


@pytest.mark.parametrize("is_whole", [False, True])
def test_clip_counts_as_its_tokenizer(clip, is_whole, tmp_path):
    from transformers import CLIPTokenizer

    real = CLIPTokenizer.from_pretrained(str(clip / "tokenizer"))
    folder = clip
    if is_whole:
        real.save_pretrained(str(tmp_path / "tokenizer"))
        assert (tmp_path / "tokenizer" / "tokenizer.json").is_file()
        folder = tmp_path
    limit = limit_of(card_of(folder))
    assert limit is not None
    assert limit.most == 75
    for text in (*TEXTS, *LONG):
        ids = real(text, add_special_tokens=False, verbose=False)["input_ids"]
        assert limit.count(text) == len(ids)
    assert limit.tail("a red boat") == ""
    words = "a red boat on the blue sea at sunset " * 20
    tail = limit.tail(words)
    assert words.strip().endswith(tail)
    assert limit.count(words) - limit.count(tail) == 75


def test_without_a_tokenizer_on_disk_nobody_knows(tmp_path):
    assert limit_of(card_of(tmp_path / "missing")) is None
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "ChatGLMTokenizer"}')
    assert limit_of(card_of(tmp_path)) is None
    (folder / "tokenizer_config.json").write_text("[]")
    assert limit_of(card_of(tmp_path)) is None


def test_half_characters_count_as_question_marks():
    limit = limit_of(read_model_card(ROOT / "models" / "cards" / "storybook.toml", ROOT / "models"))
    assert limit is not None
    assert limit.count("a \ud800 boat") == limit.count("a ? boat")
    assert limit.tail("\ud800" * 300) == limit.tail("?" * 300)


def test_counting_needs_no_torch():
    code = (
        "import sys; from studio.settings import ROOT; from studio.shelf.models import read_model_card\n"
        "from studio.shelf.limits import limit_of\n"
        "limit = limit_of(read_model_card(ROOT / 'models/cards/storybook.toml', ROOT / 'models'))\n"
        "print(limit.count('a red boat'), sorted({'torch', 'transformers', 'diffusers'} & sys.modules.keys()))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert answer.stdout.split() == ["3", "[]"], answer.stderr
