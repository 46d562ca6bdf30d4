"""What the networks of a model hold, told by the headers of their files alone."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from studio.engine.load import bytes_on_disk
from studio.engine.places import Places
from studio.engine.weights import weight_files
from studio.errors import ModelError
from studio.families.family import Family, Part
from studio.headers import BadHeader, read_header
from studio.numbers import Sizes

Shapes = list[tuple[str, tuple[int, ...]]]
"""Tensor names with their shapes."""
_LAYER = 2**26
"""Numbers in a layer of a file that doesn't tell."""


def weigh(family: Family, places: Places) -> Sizes:
    """The sizes of a model; what can't be read counts as nothing, since opening it says what is wrong with it."""
    return sizes_of(
        family, {part.name: _shapes(part, places[part.name]) for part in family.parts if part.is_network}
    )


def sizes_of(family: Family, held: Mapping[str, Shapes]) -> Sizes:
    """The sizes of a model by the tensors of each of its networks."""
    readers = [part for part in family.parts if part.is_network and part.name in family.for_encode]
    texts = [shape for part in readers for shape in held[part.name]]
    drawers = [shape for name in family.for_decode if name in held for shape in held[name]]
    packable = [
        shape
        for part in readers
        if is_packable(part)
        for name, shape in held[part.name]
        if name.endswith(".weight") and len(shape) == 2 and not _is_embedding(name)
    ]
    return Sizes(
        encoders=_count(texts),
        packable=sum(map(math.prod, packable)),
        largest_packable=max(map(math.prod, packable), default=0),
        largest_encoder_layer=_largest(texts),
        denoiser=_count(held[family.denoiser]),
        largest_denoiser_layer=_largest(held[family.denoiser]),
        decoder=_count(drawers),
        decoder_kind="3d" if any(len(shape) == 5 for _, shape in drawers) else "2d",
    )


def is_packable(part: Part) -> bool:
    """Whether a text encoder may be kept in fewer bits. CLIP is small, and LoRAs attach to it."""
    return part.is_network and not part.takes_text_loras


def _is_embedding(name: str) -> bool:
    """A table of words, which stays as it is; T5's is called `shared`."""
    return "embed" in name or name.startswith("shared.")


def _shapes(part: Part, place: Path) -> Shapes:
    try:
        files = weight_files(place, part.takes_pickles) if place.is_dir() else [place]
        return [shape for file in files for shape in _shapes_in(part, file)]
    except (ModelError, BadHeader, OSError):
        return []


def _shapes_in(part: Part, file: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A pickle says nothing before it is read: it is taken for layers of one size in half precision."""
    if file.suffix != ".safetensors":
        yield from [(".weight", (1, _LAYER))] * (bytes_on_disk(file) // 2 // _LAYER)
        return
    told = read_header(file).tensors
    convert = part.from_checkpoint
    is_shared = convert is not None and convert.knows(told)
    for name, tensor in told.items():
        is_ours = not is_shared or (convert is not None and name.startswith(convert.prefixes))
        if is_ours and not any(f".{unused}." in f".{name}" for unused in part.unused):
            yield name, tensor.shape


def _count(shapes: Shapes) -> int:
    return sum(math.prod(shape) for _, shape in shapes)


def _largest(shapes: Shapes) -> int:
    return max((math.prod(shape) for _, shape in shapes), default=0)
