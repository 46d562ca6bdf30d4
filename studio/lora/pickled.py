"""The names and shapes of the tensors in a torch file (.ckpt, .pt, .bin), without torch and without running anything.

A pickle is a program. This reader knows the few calls that rebuild tensors and answers each with a plain value; a file
that asks for anything else is refused before torch sees it.

It is the standard library's reader in Python, not the one in C: that one makes room for whatever memo index is named, 4 GB
for ten bytes. Tuples are read as lists, which have no hash: that of tuples in tuples takes for ever or overflows the stack."""

import io
import lzma
import pickle
import struct
import zipfile
import zlib
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, ClassVar

from studio.headers import CUT_SHORT, UNREADABLE, BadHeader, Header, Tensor, sizes
from studio.words import Text

NO_TENSORS = Text("it holds no tensors", "其中没有张量")
_DTYPES = {"Double": "F64", "Float": "F32", "Half": "F16", "BFloat16": "BF16", "Long": "I64", "Int": "I32",
           "Short": "I16", "Char": "I8", "Byte": "U8", "Bool": "BOOL"}  # fmt: skip
_MOST_BYTES = 4 * 2**20
"""Of the pickle alone, without the tensors' numbers: a LoRA of 3000 tensors takes half a megabyte."""
_LEGACY_PICKLES = 4
"""A file from before torch 1.6: a magic number, a version, the machine, and then the tensors."""
_DAMAGE = (pickle.UnpicklingError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, ValueError,
           TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError, RuntimeError, AssertionError)  # fmt: skip


class HoldsCode(Exception):
    """The pickle asks for something that rebuilds no tensor: `what` it asks for."""

    def __init__(self, what: str) -> None:
        self.what = what[:80]
        super().__init__(what)


def is_zip(file: Path) -> bool:
    """Whether a torch file is of the kind that can be mapped into memory."""
    with file.open("rb") as stream:
        return stream.read(4) == b"PK\x03\x04"


def read_pickled_header(file: Path) -> Header:
    """What a torch file holds, as `read_header` tells it of a safetensors file; of a Lightning checkpoint, its
    `state_dict`. Raises BadHeader for a damaged file, HoldsCode for one that would run code."""
    try:
        with file.open("rb") as stream:
            root = _zipped(stream) if is_zip(file) else _legacy(io.BytesIO(stream.read(_MOST_BYTES)))
    except OSError:
        raise BadHeader(UNREADABLE) from None
    except _DAMAGE:
        raise BadHeader(CUT_SHORT) from None
    tensors = {
        n: value for n, value in state_of(root).items() if isinstance(value, Tensor) and isinstance(n, str)
    }
    if not tensors:
        raise BadHeader(NO_TENSORS)
    return Header(tensors, {}, 0)


def state_of(root: Any) -> Mapping[Any, Any]:
    """The tensors of a torch file: the whole of it, or what lies under `state_dict`."""
    state = root.get("state_dict", root) if isinstance(root, Mapping) else {}
    return state if isinstance(state, Mapping) else {}


def _zipped(stream: IO[bytes]) -> Any:
    with zipfile.ZipFile(stream) as archive:
        entry = next((i for i in archive.infolist() if i.filename.rpartition("/")[2] == "data.pkl"), None)
        if entry is None or entry.file_size > _MOST_BYTES:
            raise BadHeader(NO_TENSORS)
        with archive.open(entry) as pickled:
            return _Reader(pickled).load()


def _legacy(stream: IO[bytes]) -> Any:
    root: Any = None
    for _ in range(_LEGACY_PICKLES):
        root = _Reader(stream).load()
        if isinstance(root, Mapping) and state_of(root) and "protocol_version" not in root:
            break
    return root


def _last(count: int) -> Callable[[Any], None]:
    """Reads the last `count` values as one list."""

    def load(reader: Any) -> None:
        at = len(reader.stack) - count
        reader.stack[at:] = [reader.stack[at:]]

    return load


def _marked(reader: Any) -> None:
    """Reads what follows the last mark as one list."""
    listed = reader.pop_mark()
    reader.append(listed)


class _Reader(pickle._Unpickler):
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        **pickle._Unpickler.dispatch,
        **{
            opcode[0]: _last(count)
            for count, opcode in enumerate((pickle.EMPTY_TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3))
        },
        pickle.TUPLE[0]: _marked,
        pickle.BUILD[0]: lambda reader: reader.stack.pop(),  # attributes, which no tensor needs
    }

    def find_class(self, module: str, name: str) -> Any:
        if module in ("torch", "torch.storage") and name.endswith("Storage"):
            return _DTYPES.get(name.removesuffix("Storage"), name)
        if module == "torch" and (name.startswith("float") or name in ("bfloat16", "int8", "uint8")):
            return {"float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2"}.get(name, name)
        known = _KNOWN.get((module, name))
        if known is None:
            raise HoldsCode(f"{module}.{name}")
        return known

    def persistent_load(self, told: Any) -> str:
        return _word(told[1])


def _tensor(dtype: str, offset: int, shape: object, *rest: Any) -> Tensor:
    return Tensor(_word(rest[3] if len(rest) > 3 else dtype), sizes(shape), 0, 0)


def _word(told: Any) -> str:
    """A word and nothing else: the text of lists in lists can be without end."""
    if not isinstance(told, str):
        raise TypeError
    return told


def _parameter(tensor: Tensor, *rest: Any) -> Tensor:
    return tensor


_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): list,
    ("torch", "device"): _word,
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "Counter"): Counter,
    ("collections", "defaultdict"): defaultdict,
    **{
        (module, kind.__name__): kind
        for module in ("builtins", "__builtin__")
        for kind in (set, dict, list, int, float)
    },
    **{(module, "tuple"): list for module in ("builtins", "__builtin__")},
    **{(module, "str"): _word for module in ("builtins", "__builtin__")},
}
"""All that a pickle of tensors asks for, and what it gets here."""
