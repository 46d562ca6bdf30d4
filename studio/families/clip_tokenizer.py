"""CLIP's tokenizer: from a model's folder, or from the byte pairs that come with the studio (MIT, from openai/CLIP).

Checkpoints in one file bring no tokenizer, and all models that read through CLIP share one vocabulary."""

from pathlib import Path
from typing import Any

from studio.families.family import Part

_MERGES = Path(__file__).parent / "clip" / "merges.txt"
_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"


def clip_tokenizer(name: str, padding: str = _END) -> Part:
    """CLIP's tokenizer; `padding` is what fills a text up where the folder doesn't say."""

    def opened(folder: Path) -> Any:
        from transformers import CLIPTokenizer

        if (folder / "tokenizer.json").is_file() or (folder / "vocab.json").is_file():
            read: Any = CLIPTokenizer
            told = {} if (folder / "tokenizer_config.json").is_file() else {"model_max_length": 77}
            return read.from_pretrained(str(folder), **told)
        merges = [
            (first, second)
            for first, _, second in (line.partition(" ") for line in _MERGES.read_text("utf-8").splitlines())
        ]
        shipped: Any = CLIPTokenizer
        return shipped(vocabulary(merges), merges, pad_token=padding, model_max_length=77)

    return Part(name, opened, (), is_network=False)


def vocabulary(merges: list[tuple[str, str]]) -> dict[str, int]:
    """The number of every piece: bytes, bytes that end a word, pairs in their order, and two marks."""
    letters = _letters()
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges)]
    return {piece: number for number, piece in enumerate([*pieces, _BEGIN, _END])}


def _letters() -> list[str]:
    """A printable letter for each byte, in CLIP's order: those that print as they are first."""
    printing = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    others = 256 - len(printing)
    return [chr(byte) for byte in printing] + [chr(256 + number) for number in range(others)]
