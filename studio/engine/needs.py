"""What a model takes of a GPU, told before it is here: the plan's own arithmetic over the numbers of its card."""

from collections.abc import Mapping

from studio.engine import second
from studio.engine.places import places_of
from studio.engine.plan import LADDER, Mode, Room, Work, choose
from studio.engine.weigh import weigh
from studio.families import families
from studio.families.family import Family
from studio.numbers import Sizes
from studio.requests import GenerateRequest
from studio.shelf import ModelCard

HALF_BYTES = 2
_ROOMY = Room(2**60, 2**60)
"""A machine on which everything fits in one piece."""
_LEAST_BYTES = 50_000_000
"""A mode that saves less than this over the one before it isn't told."""


def needs(card: ModelCard, is_here: bool) -> Mapping[Mode, int]:
    """Bytes at the peak of each mode on a GPU, for a picture by the model's own defaults in half precision; of a model
    that is here by the headers of its files, else by its card's numbers. Empty where nobody knows."""
    family = families().get(card.family)
    sizes = weigh(family, places_of(family, card.folder)) if family and is_here else card.numbers
    return {} if family is None or sizes is None else _needs(sizes, family, card)


def _needs(sizes: Sizes, family: Family, card: ModelCard) -> Mapping[Mode, int]:
    work = work_of(GenerateRequest.from_dict(card.defaults), family, HALF_BYTES, HALF_BYTES)
    plan = choose(sizes, work, _ROOMY)
    told: dict[Mode, int] = {}
    for mode in LADDER:
        least = min(told.values(), default=2**62)
        if mode != "cpu" and plan.needs[mode] < least - _LEAST_BYTES:
            told[mode] = plan.needs[mode]
    return told


def work_of(request: GenerateRequest, family: Family, itemsize: int, decoder_itemsize: int) -> Work:
    """A request as far as memory goes, with numbers of so many bytes, the autoencoder's apart."""
    is_guided = family.guidance == "free" and request.guidance > 1
    whole = second.size(request, family.size_multiple) or (request.width, request.height)
    tiles = second.tiles(request, whole, family.size_multiple)
    return Work(
        painted=max(request.width * request.height, tiles[0].width * tiles[0].height),
        decoded=max(request.width * request.height, whole[0] * whole[1]),
        passes=2 if is_guided else 1,
        kind="unet" if family.denoiser == "unet" else "transformer",
        itemsize=itemsize,
        decoder_itemsize=decoder_itemsize,
    )
