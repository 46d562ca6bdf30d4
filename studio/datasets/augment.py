"""Varied copies of training pictures: flipped, rotated, scaled, cropped, recoloured, each with its recipe.

Every copy is a picture of the set like any other, knows the one it was made from, and is only learnt from: validation
pictures have no copies, and copies none of their own. Asking twice adds nothing, not even a copy that was taken out."""

import hashlib
import json
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from studio.dataset_requests import VARIATIONS, AugmentRequest
from studio.datasets.bake import encoded, pixels
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Entry, New
from studio.datasets.errors import NothingToVary
from studio.datasets.found import Step
from studio.datasets.measure import measure
from studio.datasets.pictures import Unusable
from studio.datasets.query import Query
from studio.datasets.vary import Recipe, may_flip, recipe_of, vary
from studio.disk import check_writable, write_atomically
from studio.errors import UnknownChoice
from studio.words import Said, Text

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

SOURCE = "augmented"
KIND = "augment"
VARYING = Text("Varying {name}", "正在变化 {name}")
MADE = Text("{count} varied copies made", "做了 {count} 张变化副本")
PRESENT = Text("{count} were there already", "{count} 张已经有了")
NOT_FLIPPED = Text(
    "{count} pictures not flipped, because their captions say left, right or letters",
    "{count} 张未翻转，因为说明中提到左右或文字",
)
COPIES_OUT = Text("{count} copies not copied again", "{count} 张副本不再做副本")
HELD_OUT = Text("{count} kept for validation and left alone", "{count} 张留作验证，未作变化")
UNREADABLE = Text("{count} could not be read", "{count} 张无法读取")
JOINED = Text("{first}; {second}", "{first}；{second}")
ONLY_COPIES = Text(
    "all {count} are varied copies, and copies of copies are not made. Bring the originals back with Undo, or import some.",
    "{count} 张全是变化副本，而副本不再做副本。请用“撤销”恢复原图，或导入图片。",
)
ONLY_VALIDATION = Text(
    "all {count} are kept for validation, where copies would falsify the measure. Split again, or import some.",
    "{count} 张全部留作验证，变化副本会使衡量失真。请重新划分，或导入图片。",
)
NOTHING_HERE = Text("there is none. Import pictures first.", "一张也没有。请先导入图片。")


@dataclass(frozen=True)
class Varied:
    """What was done: copies made and copies that were there already; pictures not flipped; copies, validation pictures
    and pictures that can't be read, all left alone."""

    made: int = 0
    present: int = 0
    not_flipped: int = 0
    copies_out: int = 0
    held_out: int = 0
    unreadable: int = 0

    @property
    def said(self) -> Said:
        """The summary in words."""
        told = Said(MADE, {"count": self.made})
        more = (
            (self.present, PRESENT), (self.not_flipped, NOT_FLIPPED), (self.copies_out, COPIES_OUT),
            (self.held_out, HELD_OUT), (self.unreadable, UNREADABLE),
        )  # fmt: skip
        for count, text in more:
            if count:
                told = Said(JOINED, {"first": told, "second": Said(text, {"count": count})})
        return told


def augment(
    catalogue: Catalogue, request: AugmentRequest, ids: Sequence[int] | None = None
) -> Generator[Step, None, Varied]:
    """Add varied copies of the original training pictures, of all or of those in `ids`. Yields after each picture, last
    the summary, which is also returned; may be closed at any time. Raises NothingToVary, UnknownChoice, StorageError."""
    _check(request)
    originals, left = _originals(catalogue, ids)
    check_writable(catalogue.root / "pictures")
    known = _recipes(catalogue)
    varied = Varied(copies_out=left["copies"], held_out=left["validation"])
    for k, id in enumerate(originals):
        entry = catalogue.get(id)
        if entry.split == "validation":  # since a moment ago
            varied = replace(varied, held_out=varied.held_out + 1)
        elif not entry.is_deleted:
            varied = _vary_entry(catalogue, entry, request, known, varied)
        yield Step(k + 1, len(originals), Said(VARYING, {"name": entry.name}))
    yield Step(len(originals), len(originals), varied.said)
    return varied


def preview(entry: Entry, root: Path, request: AugmentRequest, number: int) -> "Picture":
    """The copy with this number, as `augment` would make it; raises Unusable for a file that can't be read."""
    _check(request)
    return vary(_seen(entry, root), recipe_of(entry, request, number))


def _seen(entry: Entry, root: Path) -> "Picture":
    return pixels(entry.path(root), entry.turn, entry.crop)


def _check(request: AugmentRequest) -> None:
    """Raise UnknownChoice for a variation that doesn't exist, or for none."""
    unknown = [kind for kind in request.variations if kind not in VARIATIONS]
    if unknown or not request.variations:
        label = AugmentRequest.settings()["variations"].label
        value = unknown[0] if unknown else ""
        raise UnknownChoice("variations", label=label, value=value, known=", ".join(VARIATIONS))


def _originals(catalogue: Catalogue, ids: Sequence[int] | None) -> tuple[list[int], dict[str, int]]:
    """The pictures to vary, and how many are left alone for what reason."""
    chosen = None if ids is None else set(ids)
    originals, left = list[int](), {"copies": 0, "validation": 0}
    for id, source, parent, split in catalogue.columns(["id", "source", "parent", "split"]):
        if chosen is not None and id not in chosen:
            continue
        if source == SOURCE or parent:
            left["copies"] += 1
        elif split == "validation":
            left["validation"] += 1
        else:
            originals.append(id)
    if originals:
        return originals, left
    reason, count = (ONLY_COPIES, left["copies"]) if left["copies"] else (ONLY_VALIDATION, left["validation"])
    raise NothingToVary(None, reason=Said(reason, {"count": count}) if count else NOTHING_HERE)


def _recipes(catalogue: Catalogue) -> set[tuple[str, str]]:
    """Original and recipe of every copy that was ever made here; one that somebody took out isn't made again."""
    return {
        (str(parent), str(recipe))
        for is_deleted in (False, True)
        for parent, recipe in catalogue.columns(
            ["parent", "recipe"], Query(source=SOURCE, is_deleted=is_deleted)
        )
    }


def _vary_entry(
    catalogue: Catalogue, entry: Entry, request: AugmentRequest, known: set[tuple[str, str]], varied: Varied
) -> Varied:
    """Make the copies of one picture; what has been done, with them."""
    if "flip" in request.variations and not may_flip(entry):
        varied = replace(varied, not_flipped=varied.not_flipped + 1)
    recipes = dict.fromkeys(recipe_of(entry, request, number) for number in range(request.copies))
    wanted = [recipe for recipe in recipes if recipe != Recipe()]
    new = [recipe for recipe in wanted if (entry.sha256, _written(entry, recipe)) not in known]
    varied = replace(varied, present=varied.present + len(wanted) - len(new))
    if not new:
        return varied
    try:
        picture = _seen(entry, catalogue.root)
    except Unusable:
        return replace(varied, unreadable=varied.unreadable + 1)
    for recipe in new:
        known.add((entry.sha256, _written(entry, recipe)))
        _keep(catalogue, entry, recipe, vary(picture, recipe))
    return replace(varied, made=varied.made + len(new))


def _keep(catalogue: Catalogue, entry: Entry, recipe: Recipe, picture: "Picture") -> None:
    """Write a copy's file, then its row: a file without a row is never seen, a row without a file never exists."""
    content = encoded(picture, "png")
    sha256 = hashlib.sha256(content).hexdigest()
    file = f"pictures/{sha256[:2]}/{sha256[:16]}.png"
    write_atomically(catalogue.root / file, content)
    made = replace(
        entry.provenance, source=SOURCE, source_id="", parent=entry.sha256, recipe=_written(entry, recipe)
    )
    mark = hashlib.sha256(made.recipe.encode()).hexdigest()[:6]
    new = New(
        file=file, name=f"{Path(entry.name).stem}-{mark}.png", sha256=sha256, caption=entry.caption,
        caption_source=entry.caption_source, split="train", tags=entry.tags, repeats=entry.repeats, provenance=made,
        measures=measure(catalogue.root / file),
    )  # fmt: skip
    catalogue.add([new])


def _written(entry: Entry, recipe: Recipe) -> str:
    """The recipe as JSON, with how the original was turned and cut before."""
    before = {"turn": entry.turn % 4, "cut": list(entry.crop) if entry.crop else None}
    return json.dumps({"kind": KIND, **before, **asdict(recipe)}, sort_keys=True)
