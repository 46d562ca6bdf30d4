"""Safetensors headers, read without torch: which tensors a weight file holds, and whether the file is whole.

Format: 8 bytes little-endian length, that much JSON, then the tensors' bytes
(https://github.com/huggingface/safetensors#format).
"""

import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from studio.words import Text

MOST_HEADER_BYTES = 32 * 2**20

_BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
          "F8_E4M3": 1, "F8_E5M2": 1, "I8": 1, "U8": 1, "BOOL": 1}  # fmt: skip
_SCALARS: dict[str, Callable[[bytes], float]] = {
    "F64": lambda raw: float(struct.unpack("<d", raw)[0]),
    "F32": lambda raw: float(struct.unpack("<f", raw)[0]),
    "F16": lambda raw: float(struct.unpack("<e", raw)[0]),
    "BF16": lambda raw: float(struct.unpack("<f", b"\0\0" + raw)[0]),
    "I64": lambda raw: float(struct.unpack("<q", raw)[0]),
    "I32": lambda raw: float(struct.unpack("<i", raw)[0]),
}

NOT_SAFETENSORS = Text("it is no safetensors file", "不是 safetensors 格式")
CUT_SHORT = Text("it was cut short", "文件不完整")
PICKLED = Text("it is a pickle", "是 pickle 文件")
UNREADABLE = Text("it can't be opened", "无法打开")


class BadHeader(Exception):
    """Why a file isn't a whole safetensors file; whoever knows what the file was for turns it into a sentence."""

    def __init__(self, reason: Text) -> None:
        self.reason = reason
        super().__init__(reason.en)


@dataclass(frozen=True)
class Tensor:
    """One tensor of a file: its number format, its shape, and where its bytes lie after the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Header:
    """What a safetensors file holds: tensors by name, free-text metadata, and the offset of the first tensor."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    body: int


def read_header(file: Path) -> Header:
    """The header of a whole safetensors file; raises `BadHeader` with the reason when it isn't one."""
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            start, first = stream.read(8), stream.read(1)
            length = int.from_bytes(start, "little")
            # a header of 640, 896 or 1152 bytes begins with a pickle's first bytes; only JSON goes on with a brace
            if first != b"{" and start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04")):
                raise BadHeader(PICKLED)
            if len(start) < 8 or length > MOST_HEADER_BYTES:
                raise BadHeader(CUT_SHORT if len(start) < 8 else NOT_SAFETENSORS)
            raw = first + stream.read(max(0, length - 1))
    except OSError:
        raise BadHeader(UNREADABLE) from None
    if len(raw) < length:
        raise BadHeader(CUT_SHORT if raw.startswith(b"{") else NOT_SAFETENSORS)
    header = _parse(raw)
    if header.body + max((t.end for t in header.tensors.values()), default=0) != size:
        raise BadHeader(CUT_SHORT)
    return header


def read_scalar(file: Path, header: Header, name: str) -> float | None:
    """The value of a tensor of one number; None when its number format isn't known or the number isn't finite."""
    tensor = header.tensors[name]
    read = _SCALARS.get(tensor.dtype)
    if read is None or tensor.end - tensor.start != _BYTES[tensor.dtype]:
        return None
    with file.open("rb") as stream:
        stream.seek(header.body + tensor.start)
        value = read(stream.read(tensor.end - tensor.start))
    return value if math.isfinite(value) else None


def sizes(told: object) -> tuple[int, ...]:
    """A shape or offsets, as a file tells them; raises ValueError for numbers that no tensor can have."""
    if not isinstance(told, list | tuple) or not all(isinstance(n, int) and 0 <= n < 2**63 for n in told):
        raise ValueError
    return tuple(told)


def _parse(raw: bytes) -> Header:
    try:
        entries = json.loads(raw)
        told = entries.pop("__metadata__", {})
        metadata = {str(k): str(v) for k, v in told.items()}
        tensors = {name: _tensor(entry) for name, entry in entries.items()}
        "".join((*tensors, *metadata, *metadata.values())).encode()  # no half characters, as in safetensors
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadHeader(NOT_SAFETENSORS) from None
    return Header(tensors, metadata, 8 + len(raw))


def _tensor(entry: dict[str, object]) -> Tensor:
    start, end = sizes(entry["data_offsets"])
    tensor = Tensor(str(entry["dtype"]), sizes(entry["shape"]), start, end)
    width = _BYTES.get(tensor.dtype)
    if width and end - start != width * math.prod(tensor.shape):
        raise ValueError
    return tensor
