"""Finds and reads the weight files of a network: safetensors, whole, by name; pickles only where a model's makers gave
nothing else, and then only as numbers."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from studio.errors import PickleRefused, WeightsBroken, WeightsMissing
from studio.headers import PICKLED, BadHeader, read_header
from studio.shelf.models import DAMAGED

if TYPE_CHECKING:
    import torch


Lazy = Callable[[], "torch.Tensor"]
"""Gives a tensor as it is in its file, mapped."""


def weight_files(folder: Path, takes_pickles: bool = False) -> list[Path]:
    """The files of one complete set of weights: a single file, or the shards of an index."""
    name, part = folder.parent.name, folder.name
    files = _complete(folder, "safetensors")
    pickles = [*folder.glob("*.bin"), *folder.glob("*.ckpt"), *folder.glob("*.pt")]
    if not files and takes_pickles:
        files = _complete(folder, "bin")
    if not files and pickles:
        raise PickleRefused("model", file=f"{part}/{pickles[0].name}")
    if not files:
        raise WeightsMissing("model", name=name, file=f"{part}/*.safetensors")
    for file in files:
        checked(file)
    return files


def checked(file: Path) -> Path:
    """The file, if it is there and whole."""
    name, inside = file.parent.parent.name, f"{file.parent.name}/{file.name}"
    if not file.is_file():
        raise WeightsMissing("model", name=name, file=inside)
    if file.suffix == ".bin":
        return file
    try:
        read_header(file)
    except BadHeader as bad:
        if bad.reason is PICKLED:
            raise PickleRefused("model", file=inside) from None
        raise WeightsBroken("model", name=name, file=inside, reason=bad.reason) from None
    return file


def tensors(file: Path) -> Iterator[tuple[str, Lazy]]:
    """The tensors of a weight file by name, each read when asked for."""
    if file.suffix == ".bin":
        yield from _unpickled(file)
        return
    from safetensors import safe_open

    with safe_open(str(file), "pt") as weights:
        for key in weights.keys():  # noqa: SIM118 - not a dict
            yield key, partial(weights.get_tensor, key)


def _unpickled(file: Path) -> Iterator[tuple[str, Lazy]]:
    """The tensors of a pickle, mapped. Only numbers are read: whatever else it holds is refused."""
    import pickle
    import zipfile

    import torch

    name, inside = file.parent.parent.name, f"{file.parent.name}/{file.name}"
    try:
        held = torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except pickle.UnpicklingError:
        raise PickleRefused("model", file=inside) from None
    except (OSError, RuntimeError, ValueError, EOFError):
        raise WeightsBroken("model", name=name, file=inside, reason=DAMAGED) from None
    for key, tensor in held.items():
        if isinstance(tensor, torch.Tensor):
            yield str(key), tensor.detach


def _complete(folder: Path, ending: str) -> list[Path]:
    """A single file, or else the shards of an index, by the shortest name; nothing where there is neither."""
    single = sorted(
        (f for f in folder.glob(f"*.{ending}") if "-of-" not in f.name), key=lambda f: len(f.name)
    )
    indexes = sorted(folder.glob(f"*.{ending}.index*.json"), key=lambda f: len(f.name))
    if ending == "bin":
        single = [file for file in single if "model" in file.name]
    return single[:1] or (_shards(indexes[0]) if indexes else [])


def _shards(index: Path) -> list[Path]:
    try:
        named = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        return [index.parent / Path(str(file)).name for file in sorted({str(name) for name in named})]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        file = f"{index.parent.name}/{index.name}"
        raise WeightsBroken("model", name=index.parent.parent.name, file=file, reason=DAMAGED) from None
