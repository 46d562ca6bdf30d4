"""Small sets of pictures for the tests of layouts: every picture has its own colours, every caption its own trouble."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from studio.dataset_requests import ExportRequest, Need
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import New, Provenance
from studio.datasets.export import export
from studio.datasets.formats import recognise
from studio.datasets.found import Found, Skipped, Step

CAPTIONS = (
    "一只红色的小船，停在「港口」里",
    "a boat 🚤 at sea, seen from above",
    'a "quoted" boat; semi, comma',
    "two lines\nof words",
    "NA",
    "007",
    "=1+1",
    "- a dash, 100% of it\\n no break",
)

PROVENANCE = Provenance(
    source="commons", source_id="File:Boat.jpg", source_url="https://example.org/Boat.jpg", author="Ana, 安娜",
    license="CC-BY-4.0", license_url="https://creativecommons.org/licenses/by/4.0/", attribution='"Boat" by Ana',
    retrieved_at="2026-11-25T00:00:00Z", ai_generated=True, series="harbour", recipe='{"seed": 1}',
)  # fmt: skip


def pixels(number: int, width: int = 72, height: int = 66) -> np.ndarray:
    """Noise that no other number has."""
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)


def png(number: int, width: int = 72, height: int = 66) -> bytes:
    """A PNG of that noise."""
    stream = io.BytesIO()
    Image.fromarray(pixels(number, width, height)).save(stream, "PNG")
    return stream.getvalue()


def new(root: Path, number: int, content: bytes | None = None, ending: str = ".png", **more: Any) -> New:
    """A picture of a set, its file written."""
    content = png(number) if content is None else content
    sha256 = hashlib.sha256(content).hexdigest()
    file = root / "pictures" / f"{sha256[:16]}{ending}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    told = {"name": f"照片 {number}{ending}", **more}
    return New(file=str(file.relative_to(root)), sha256=sha256, **told)


def a_set(
    root: Path, captions: Sequence[str] = CAPTIONS, need: Need | None = None, validation: int = 2
) -> Catalogue:
    """A set whose last pictures are kept aside."""
    catalogue = Catalogue.create(root, need or Need())
    first_aside = len(captions) - validation
    catalogue.add(
        new(root, n, caption=caption, split="validation" if n >= first_aside else "train", provenance=PROVENANCE,
            caption_source="human", tags=("boat", "sea, calm"), repeats=n % 3 + 1)
        for n, caption in enumerate(captions)
    )  # fmt: skip
    return catalogue


def written(catalogue: Catalogue, out: Path, layout: str, **more: Any) -> list[Step]:
    """Export a set; the steps."""
    return list(export(catalogue, ExportRequest(format=layout, out=str(out), **more)))


def read(path: Path) -> tuple[list[Found], dict[str, str]]:
    """What a place holds, and by name what was skipped and why."""
    found = list(recognise(path).read(path))
    return (
        [one for one in found if isinstance(one, Found)],
        {one.name: one.reason.say("en") for one in found if isinstance(one, Skipped)},
    )


def decoded(found: Found) -> np.ndarray:
    """The pixels of a picture on offer."""
    with found.open() as stream:
        return np.asarray(Image.open(stream).convert("RGB"))


def content(found: Found) -> bytes:
    """The bytes of a picture on offer."""
    with found.open() as stream:
        return stream.read()
