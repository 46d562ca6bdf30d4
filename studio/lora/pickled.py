"""The names and shapes of the tensors in a torch file (.ckpt, .pt, .bin), without torch and without running anything.

A pickle is a program. This reader knows the few calls that rebuild tensors and answers each with a plain value; a file
that asks for anything else is refused before torch sees it."""

import pickle
import zipfile
import zlib
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from studio.headers import CUT_SHORT, MOST_HEADER_BYTES, UNREADABLE, BadHeader, Header, Tensor
from studio.words import Text

NO_TENSORS = Text("it holds no tensors", "其中没有张量")
_DTYPES = {"Double": "F64", "Float": "F32", "Half": "F16", "BFloat16": "BF16", "Long": "I64", "Int": "I32",
           "Short": "I16", "Char": "I8", "Byte": "U8", "Bool": "BOOL"}  # fmt: skip
_LEGACY_PICKLES = 4
"""A file from before torch 1.6: a magic number, a version, the machine, and then the tensors."""
_DAMAGE = (pickle.UnpicklingError, EOFError, zipfile.BadZipFile, zlib.error, ValueError, TypeError, KeyError, IndexError,
           AttributeError, OverflowError, MemoryError, RecursionError, NotImplementedError, AssertionError)  # fmt: skip


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
            root = _zipped(stream) if is_zip(file) else _legacy(stream)
    except OSError:
        raise BadHeader(UNREADABLE) from None
    except _DAMAGE:
        raise BadHeader(CUT_SHORT) from None
    tensors = {str(name): value for name, value in state_of(root).items() if isinstance(value, Tensor)}
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
        if entry is None or entry.file_size > MOST_HEADER_BYTES:
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


class _Reader(pickle.Unpickler):
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
        return str(told[1])


def _tensor(dtype: str, offset: int, shape: tuple[int, ...], *rest: Any) -> Tensor:
    return Tensor(str(rest[3]) if len(rest) > 3 else dtype, tuple(int(n) for n in shape), 0, 0)


def _parameter(tensor: Tensor, *rest: Any) -> Tensor:
    return tensor


_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): tuple,
    ("torch", "device"): str,
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "Counter"): Counter,
    ("collections", "defaultdict"): defaultdict,
    **{("builtins", kind.__name__): kind for kind in (set, dict, list, tuple, int, float, str)},
    **{("__builtin__", kind.__name__): kind for kind in (set, dict, list, tuple, int, float, str)},
}
"""All that a pickle of tensors asks for, and what it gets here."""
