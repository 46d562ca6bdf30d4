"""How long a caption may be for a model: its own tokenizer, read without torch.

Two kinds are known by the class that their tokenizer folder names: ChatGLM's (Kolors, Storybook), a sentencepiece model
of which 256 tokens are read, two of them a prefix; and CLIP's (SD1.5, SDXL), byte pairs of which 77 are read, two of
them marks of begin and end."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.letters import whole
from studio.shelf.models import ModelCard

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CHATGLM_TOKENS, CHATGLM_PREFIX = 256, 2
CLIP_TOKENS, CLIP_MARKS = 77, 2
_CLIP_SPLIT = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""How CLIP cuts a text into words (Radford et al., arXiv:2103.00020, as in openai/CLIP's simple_tokenizer)."""


@dataclass(frozen=True)
class Limit:
    """How long a caption may be for the model that will learn: tokens, and how to count them. `tail` is the part of a
    caption that the model would not see."""

    most: int
    count: Callable[[str], int]
    tail: Callable[[str], str]


def limit_of(card: ModelCard) -> Limit | None:
    """The limit of a model's first tokenizer; None when its folder isn't here, or holds a kind that isn't known."""
    folder = card.folder / "tokenizer"
    kind = _kind(folder)
    if kind.startswith("ChatGLM") and (folder / "tokenizer.model").is_file():
        return _chatglm(folder / "tokenizer.model")
    if kind.startswith("CLIP") and _has_pairs(folder):
        return _clip(folder)
    return None


def _kind(folder: Path) -> str:
    try:
        told = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return ""
    return str(told.get("tokenizer_class", "")) if isinstance(told, dict) else ""


def _chatglm(file: Path) -> Limit:
    from sentencepiece import SentencePieceProcessor

    processor: Any = SentencePieceProcessor(model_file=str(file))
    most = CHATGLM_TOKENS - CHATGLM_PREFIX

    def count(text: str) -> int:
        return len(processor.encode(whole(text)))

    def tail(text: str) -> str:
        return str(processor.decode(processor.encode(whole(text))[most:]))

    return Limit(most, count, tail)


def _has_pairs(folder: Path) -> bool:
    files = (("tokenizer.json",), ("vocab.json", "merges.txt"))
    return any(all((folder / name).is_file() for name in needed) for needed in files)


def _clip(folder: Path) -> Limit:
    own = folder / "tokenizer.json"
    reader = _whole(own) if own.is_file() else _from_pairs(folder)
    most = CLIP_TOKENS - CLIP_MARKS

    def count(text: str) -> int:
        return len(reader.encode(whole(text), add_special_tokens=False).ids)

    def tail(text: str) -> str:
        offsets = reader.encode(whole(text), add_special_tokens=False).offsets
        return text[offsets[most - 1][1] :].strip() if len(offsets) > most else ""

    return Limit(most, count, tail)


def _whole(file: Path) -> "Tokenizer":
    """A tokenizer.json, made to read a text to its end."""
    from tokenizers import Tokenizer

    reader = Tokenizer.from_file(str(file))
    reader.no_truncation()
    reader.no_padding()
    return reader


def _from_pairs(folder: Path) -> "Tokenizer":
    """CLIP's tokenizer over vocab.json and merges.txt."""
    from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
    from tokenizers.models import BPE

    pairs = BPE.from_file(
        str(folder / "vocab.json"), str(folder / "merges.txt"), continuing_subword_prefix="",
        end_of_word_suffix="</w>", unk_token="<|endoftext|>",
    )  # fmt: skip
    reader = Tokenizer(pairs)
    reader.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    reader.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_CLIP_SPLIT), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    reader.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    return reader
