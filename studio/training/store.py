"""Encoded pictures and texts on disk, by what they were made of; what was used last stays in memory.

A file's name is a mark of everything that its tensors depend on, so it is never out of date, and the next run that
needs the same finds it there."""

import hashlib
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from studio.disk import write_atomically
from studio.headers import BadHeader, read_header
from studio.training.errors import CacheGone

if TYPE_CHECKING:
    import torch

    Tensors = dict[str, torch.Tensor]

MEMORY_BYTES = 2**30
"""How much is held in memory at most; disk and its cache are quick enough for the rest."""


def mark_of(*facts: object) -> str:
    """The key of what is made from `facts`."""
    mark = hashlib.sha256()
    for fact in facts:
        told = fact if isinstance(fact, bytes) else str(fact).encode("utf-8", "surrogatepass")
        mark.update(f"{len(told)} ".encode() + told)
    return mark.hexdigest()[:40]


class Store:
    """A folder of tensors. Every process of a run may have one on the same folder."""

    def __init__(self, folder: Path, memory_bytes: int = MEMORY_BYTES) -> None:
        self.folder = folder
        self._memory_bytes, self._held_bytes = memory_bytes, 0
        self._held: OrderedDict[str, Tensors] = OrderedDict()

    def has(self, key: str) -> bool:
        """Whether it was encoded before, and its file is whole."""
        try:
            return bool(read_header(self._file(key)).tensors)
        except BadHeader:
            return False

    def put(self, key: str, tensors: "Tensors") -> None:
        """Keep tensors, whole or not at all. Raises StorageError."""
        from safetensors.torch import save

        content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
        write_atomically(self._file(key), content)

    def get(self, key: str) -> "Tensors":
        """What was kept. Raises CacheGone."""
        if key not in self._held:
            self._hold(key, self._read(key))
        self._held.move_to_end(key)
        return self._held[key]

    def _read(self, key: str) -> "Tensors":
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            return load(self._file(key).read_bytes())
        except (OSError, SafetensorError):
            raise CacheGone(None, folder=str(self.folder)) from None

    def _hold(self, key: str, tensors: "Tensors") -> None:
        self._held[key] = tensors
        self._held_bytes += _bytes(tensors)
        while self._held_bytes > self._memory_bytes and len(self._held) > 1:
            _, dropped = self._held.popitem(last=False)
            self._held_bytes -= _bytes(dropped)

    def _file(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"


def _bytes(tensors: "Tensors") -> int:
    return sum(tensor.nbytes for tensor in tensors.values())
