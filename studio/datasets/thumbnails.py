"""Small copies of a set's pictures for the page: turned and cut as they will be exported, always encoded anew, so that
nothing that hides in a file (a script, a place, a second file behind the first) ever reaches a browser."""

import hashlib
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from studio.datasets.entry import Entry
from studio.datasets.pictures import MOST_PIXELS, NO_PICTURE, TOO_LARGE, Unusable
from studio.disk import write_atomically

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

SMALL_PX, LARGE_PX = 256, 1280
"""Longest side of a tile's picture, and of the one that is looked at closely."""
FOLDER = "thumbnails"
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
_TURNS = (None, Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_90)
_THREADS = 4


def place_of(root: Path, entry: Entry, side: int = SMALL_PX, is_cut: bool = True) -> Path:
    """Where the small copy of a picture lies or will lie: another turn, cut or size is another file."""
    crop = entry.crop if is_cut else None
    key = f"{entry.sha256} {entry.file} {entry.turn % 4} {crop} {side}"
    return root / FOLDER / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.webp"


def thumbnail(root: Path, entry: Entry, side: int = SMALL_PX, is_cut: bool = True) -> Path:
    """The small copy, made now unless it is there; `is_cut` False shows what the cut leaves away too. Raises Unusable
    for a file that is no picture, and StorageError when the disk takes no more."""
    copy = place_of(root, entry, side, is_cut)
    if not copy.is_file():
        write_atomically(copy, _shrunk(entry.path(root), entry, side, is_cut))
    return copy


def develop(root: Path, entries: Iterable[Entry]) -> Iterator[Path | None]:
    """The small copies of many pictures, in their order and as they get ready; None for what can't be shown."""
    with ThreadPoolExecutor(_THREADS) as threads:
        yield from threads.map(lambda entry: _attempt(root, entry), entries)


def _attempt(root: Path, entry: Entry) -> Path | None:
    try:
        return thumbnail(root, entry)
    except Unusable:
        return None


def _shrunk(file: Path, entry: Entry, side: int, is_cut: bool) -> bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the limit here is lower than the one that is warned of
            with Image.open(file, formats=_FORMATS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise Unusable(TOO_LARGE, most=MOST_PIXELS // 10**6)
                picture.draft("RGB", (2 * side, 2 * side))
                upright = ImageOps.exif_transpose(picture)
                return _webp(_cut(_turned(upright, entry.turn), entry if is_cut else None), side)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise Unusable(NO_PICTURE) from None


def _turned(picture: "Picture", turn: int) -> "Picture":
    way = _TURNS[turn % 4]
    return picture if way is None else picture.transpose(way)


def _cut(picture: "Picture", entry: Entry | None) -> "Picture":
    if entry is None or entry.crop is None:
        return picture
    left, top, right, bottom = entry.crop
    width, height = picture.size
    x, y = min(round(left * width), width - 1), min(round(top * height), height - 1)
    return picture.crop((x, y, max(x + 1, round(right * width)), max(y + 1, round(bottom * height))))


def _webp(picture: "Picture", side: int) -> bytes:
    if picture.mode.startswith("I"):  # 16 bits a pixel: the upper eight
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    has_alpha = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    small = picture.convert("RGBA" if has_alpha else "RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    if has_alpha:
        paper = Image.new("RGBA", small.size, "white")
        small = Image.alpha_composite(paper, small).convert("RGB")
    stream = BytesIO()
    Image.frombytes("RGB", small.size, small.tobytes()).save(stream, "WEBP", quality=82, method=2)
    return stream.getvalue()
