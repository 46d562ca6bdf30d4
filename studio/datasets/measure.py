"""One look at a picture file: whether it can be used, and all that checks, split and page need to know of it."""

import io
import json
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from studio.datasets import pictures
from studio.datasets.crowd import ask_many
from studio.datasets.entry import Measures
from studio.datasets.found import Step
from studio.datasets.header import frames_of, of_header, orientation_of
from studio.datasets.pictures import MOST_PIXELS
from studio.datasets.pixels import decode, measured
from studio.words import Said, Text

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from studio.datasets.catalogue import Catalogue

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "GIF")
"""What is decoded; an export writes all of it as PNG, JPEG or WebP."""
MOST_BYTES = 512 * 2**20

FAULTS: Mapping[str, Text] = {
    "missing": Text("the file is not there, or can't be read", "文件不存在或无法读取"),
    "format": Text(
        "its format can't be learnt from; save it as PNG, JPEG or WebP",
        "这种格式不能用于训练；请另存为 PNG、JPEG 或 WebP",
    ),
    "not-a-picture": Text("it can't be opened as a picture", "无法作为图片打开"),
    "truncated": Text(
        "the file was cut short or is damaged; copy it again", "文件不完整或已损坏；请重新复制"
    ),
    "too-large": Text(
        f"it has more than {MOST_PIXELS // 10**6} million pixels or is too large a file; scale it down first",
        f"超过 {MOST_PIXELS // 10**4} 万像素或文件过大；请先缩小",
    ),
    "too-small": Text(
        f"one of its sides has fewer than {pictures.LEAST_SIDE_PX} pixels",
        f"有一边不足 {pictures.LEAST_SIDE_PX} 像素",
    ),
}
"""What keeps a file from being used, in a sentence."""

LOOKING = Text("Looking at the pictures", "正在查看图片")

_BATCH = 200
_HEAD_BYTES = 4096
_TAIL_BYTES = 2**16
_OTHER_FORMATS = (b"8BPS", b"%!PS", b"\xc5\xd0\xd3\xc6", b"%PDF", b"\xff\x0a", b"\x00\x00\x00\x0cJXL ", b"\x00\x00\x00\x0cjP  ",
                  b"\x1aE\xdf\xa3", b"<svg", b"\x00\x00\x01\x00", b"DDS ", b"v/1\x01", b"SIMPLE  =")  # fmt: skip
_HEIF_BRANDS = (
    b"heic",
    b"heix",
    b"hevc",
    b"heim",
    b"heis",
    b"mif1",
    b"msf1",
    b"isom",
    b"mp41",
    b"mp42",
    b"qt  ",
)
_OUR_FORMATS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")


class _Fault(Exception):
    """A key of FAULTS."""


def measure(file: Path) -> Measures:
    """What one look at a file tells; one that can't be used has a `fault`, and raises nothing."""
    try:
        size = file.stat().st_size
        if size > MOST_BYTES:
            return Measures(bytes=size, fault="too-large")
        content = file.read_bytes()
    except OSError:
        return Measures(fault="missing")
    told: dict[str, Any] = {"bytes": size}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's words about odd metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            _look(content, file, told)
        except _Fault as fault:
            told["fault"] = str(fault)
    return Measures(**told)


def measure_many(files: Sequence[Path], processes: int = 0) -> Generator[tuple[int, Measures], None, None]:
    """The measures of many files with their index, in order, by so many processes (0: one a core). A file that kills
    its process is no picture, and the rest goes on. Raises LookFailed when no process can be started."""
    answers = ask_many([str(file) for file in files], processes)
    for index, answer in enumerate(answers):
        yield index, Measures(**json.loads(answer)) if answer else Measures(fault="not-a-picture")


def look_at(catalogue: "Catalogue", processes: int = 0) -> Iterator[Step]:
    """Measure every picture of a set that nobody has looked at yet, kept a batch at a time: stopping loses one batch at
    most."""
    where = dict(catalogue.columns(["id", "file"]))
    ids = catalogue.unmeasured()
    doing = Said(LOOKING, {})
    yield Step(0, len(ids), doing)
    with closing(measure_many([catalogue.root / where[id] for id in ids], processes)) as found:
        for done in range(0, len(ids), _BATCH):
            batch = {ids[index]: measures for index, measures in islice(found, _BATCH)}
            catalogue.measure(batch)
            yield Step(done + len(batch), len(ids), doing)


def _look(content: bytes, file: Path, told: dict[str, Any]) -> None:
    """Fill in what is known, until something is wrong."""
    with _opened(content) as picture:
        width, height = picture.size
        kind = "JPEG" if picture.format == "MPO" else str(picture.format)
        told |= {"width": width, "height": height, "format": kind, "mode": picture.mode}
        if width * height > MOST_PIXELS:
            raise _Fault("too-large")
        if min(width, height) < pictures.LEAST_SIDE_PX:
            raise _Fault("too-small")
        _decode(picture, content, kind, told)
        _check_end(content, file, kind)


def _opened(content: bytes) -> "Picture":
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise _Fault("too-large") from None
    except Exception:  # Pillow's readers raise many kinds at broken files, SyntaxError among them
        raise _Fault(_unopened(content[:_HEAD_BYTES])) from None


def _unopened(head: bytes) -> str:
    """Why a file can't be opened, from how it begins."""
    words = head.lstrip(b"\xef\xbb\xbf \r\n\t")
    if words.startswith(_OTHER_FORMATS) or (head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS):
        return "format"
    if words.startswith((b"<?xml", b"<!")) and b"<svg" in head:
        return "format"
    return "truncated" if head.startswith(_OUR_FORMATS) or head[4:12] == b"ftypavif" else "not-a-picture"


def _decode(picture: "Picture", content: bytes, kind: str, told: dict[str, Any]) -> None:
    try:
        if kind != "JPEG":
            told["frames"] = frames_of(picture)
            picture.load()
        told["orientation"] = orientation_of(picture)
        told |= of_header(picture, content)
        rgb = decode(picture, content, told["orientation"])
        told["height"], told["width"] = rgb.shape[:2]
        told |= measured(rgb)
    except MemoryError:
        raise _Fault("too-large") from None
    except Exception:  # see above; the header was good, so it is the rest that is not
        raise _Fault("truncated") from None


def _check_end(content: bytes, file: Path, kind: str) -> None:
    """Where training looks at how a file ends, what it finds there."""
    if kind == "JPEG":
        if content.rfind(b"\xff\xd9", -_TAIL_BYTES) < 0:
            raise _Fault("truncated")
    elif kind in ("PNG", "BMP") and file.suffix.lower() in pictures.ENDINGS:
        try:
            pictures.size_of(file)
        except pictures.Unusable:
            raise _Fault("truncated") from None
