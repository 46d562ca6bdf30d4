"""What the shapes in a LoRA file's header tell before any tensor is read: sizes, ranks, families, and how much of a model
it fits."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from studio.headers import Header
from studio.lora.format import Told
from studio.lora.keys import Role, Sorted, kind_of
from studio.lora.kinship import kin
from studio.lora.names import Place, flat

Shape = tuple[int, ...]
Sizes = Mapping[str, tuple[int, int]]
"""A layer's name, as the file spells it, to its outputs and its inputs."""


def sizes_of(found: Sorted, header: Header) -> dict[str, tuple[int, int]]:
    """The size of each layer of the denoiser that is whole."""
    sizes = {}
    for stem, roles in found.layers.items():
        shapes = {role: header.tensors[key].shape for role, key in roles.items()}
        is_flat = any(len(s) < 2 for role, s in shapes.items() if role not in ("alpha", "magnitude"))
        if not is_flat and (size := _size(shapes)):
            sizes[stem] = size
    return sizes


def rank_of(found: Sorted, header: Header) -> int | None:
    """The commonest rank."""
    ranks: Counter[int] = Counter()
    for roles in (*found.layers.values(), *(r for layers in found.texts.values() for r in layers.values())):
        by_role: dict[Role, Role] = {"down": "down", "hada_w1_b": "hada_w1_b", "lokr_w2_b": "lokr_w2_b",
                                     "lokr_w1_b": "lokr_w1_b", "lokr_w2": "lokr_w2"}  # fmt: skip
        key = next((roles[role] for role in by_role if role in roles), None)
        shape = header.tensors[key].shape if key else ()
        if len(shape) >= 2:
            ranks[max(shape[:2]) if key and key.endswith("lokr_w2") else shape[0]] += 1
    return ranks.most_common(1)[0][0] if ranks else None


def families_of(found: Sorted, header: Header) -> frozenset[str]:
    """The families whose denoisers have all of these layers."""
    return kin(places_for_kin(found.told, sizes_of(found, header)))


def places_for_kin(told: Mapping[str, Told], sizes: Sizes) -> Iterable[tuple[str, int, int]]:
    """What `kin` asks: each layer by diffusers' name, with its size. A name that several families give a layer is told by
    its size, and else left out."""
    for stem, (outputs, inputs) in sizes.items():
        places = [place for place in told[stem].places if place.suits(outputs, inputs)]
        if len(places) == 1:
            yield from ((module, outputs, inputs) for module in places[0].modules)


def fitting(found: Sorted, header: Header, shapes: Mapping[str, Shape]) -> int:
    """How many layers of a file a denoiser has, whose layers have these shapes by module path."""
    modules = {flat(name): shape for name, shape in shapes.items()}
    sizes = sizes_of(found, header)
    return sum(
        any(_fits(place, size, modules) for place in found.told[stem].places) for stem, size in sizes.items()
    )


def _fits(place: Place, size: tuple[int, int], modules: Mapping[str, Shape]) -> bool:
    shapes = [modules[name] for name in place.modules if name in modules]
    if len(shapes) < len(place.modules) or not place.suits(*size):
        return False
    outputs, inputs = size
    return sum(s[0] for s in shapes) == outputs and all(inputs in (s[1], math.prod(s[1:])) for s in shapes)


def _size(shapes: Mapping[Role, Shape]) -> tuple[int, int] | None:
    """Outputs and inputs; of LoKr's convolutions, the inputs times the size of the kernel."""
    if "down" in shapes and "up" in shapes:
        return shapes["up"][0], shapes["down"][1]
    kind = kind_of(shapes)
    if kind == "LoHa" and {"hada_w1_a", "hada_w1_b"} <= shapes.keys():
        return shapes["hada_w1_a"][1 if "hada_t1" in shapes else 0], shapes["hada_w1_b"][1]
    if kind == "LoKr":
        one, two = _factor(shapes, "lokr_w1", ""), _factor(shapes, "lokr_w2", "lokr_t2")
        return (one[0] * two[0], one[1] * two[1]) if one and two else None
    return None


def _factor(shapes: Mapping[Role, Shape], name: str, core: str) -> tuple[int, int] | None:
    by_name = {str(role): shape for role, shape in shapes.items()}
    whole, a, b = by_name.get(name), by_name.get(f"{name}_a"), by_name.get(f"{name}_b")
    if whole and len(whole) >= 2:
        return whole[0], math.prod(whole[1:])
    if not a or not b:
        return None
    if core in by_name:
        return a[1], b[1] * math.prod(by_name[core][2:])
    return a[0], math.prod(b[1:])
