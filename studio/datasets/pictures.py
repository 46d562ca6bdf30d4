"""One picture file: whether it can be learnt from, told from its header and its length, and its pixels upright."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from studio.datasets.pixels import as_rgb
from studio.words import Said, Text

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
OTHER_ENDINGS = (".gif", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl", ".psd", ".svg")
"""Pictures that are not read: they are told of, never passed over in silence."""
LEAST_SIDE_PX = 64
MOST_PIXELS = 50_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
_SIDEWAYS = (5, 6, 7, 8)
_ORIENTATION = 0x0112
_TAIL_BYTES = 2**16

NOT_READ = Text(
    "its format is not read; save it as PNG, JPEG or WebP", "不支持这种格式；请另存为 PNG、JPEG 或 WebP"
)
NO_PICTURE = Text("it can't be opened as a picture", "无法作为图片打开")
CUT_SHORT = Text("the file was cut short; copy it again", "文件不完整；请重新复制")
TOO_SMALL = Text(
    "it is {width} x {height} pixels; each side must have at least {least}",
    "尺寸为 {width} x {height} 像素；每边至少需要 {least}",
)
TOO_LARGE = Text(
    "it has more than {most} million pixels; scale it down first", "超过 {most}00 万像素；请先缩小"
)


class Unusable(Exception):
    """Why a picture can't be used; whoever reads the folder lists it."""

    def __init__(self, text: Text, **values: object) -> None:
        self.reason = Said(text, values)
        super().__init__(self.reason.say("en"))


def size_of(file: Path) -> tuple[int, int]:
    """Width and height in pixels as the picture is meant to be seen, from its header; raises Unusable."""
    if file.suffix.lower() in OTHER_ENDINGS:
        raise Unusable(NOT_READ)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is lower
            with Image.open(file, formats=_FORMATS) as picture:
                width, height = picture.size
                is_sideways = _is_sideways(picture)
                if picture.format == "PNG":
                    picture.verify()
                is_whole = _is_whole(file, picture.format)
    except Image.DecompressionBombError:
        raise Unusable(TOO_LARGE, most=MOST_PIXELS // 10**6) from None
    except Exception:  # Pillow's readers raise many kinds at broken files, SyntaxError among them
        raise Unusable(NO_PICTURE) from None
    if width * height > MOST_PIXELS:
        raise Unusable(TOO_LARGE, most=MOST_PIXELS // 10**6)
    if min(width, height) < LEAST_SIDE_PX:
        raise Unusable(TOO_SMALL, width=width, height=height, least=LEAST_SIDE_PX)
    if not is_whole:
        raise Unusable(CUT_SHORT)
    return (height, width) if is_sideways else (width, height)


def load_rgb(file: Path) -> "Picture":
    """The picture decoded: upright as its EXIF says, 8-bit RGB, transparency laid on white, deeper greys scaled down;
    raises OSError when the file has broken since it was looked at."""
    with Image.open(file, formats=_FORMATS) as picture:
        return as_rgb(ImageOps.exif_transpose(picture))


def _is_sideways(picture: "Picture") -> bool:
    if picture.format == "PNG" and "exif" not in picture.info:
        return False  # Pillow would decode the whole picture to look for it behind the pixels
    return picture.getexif().get(_ORIENTATION) in _SIDEWAYS


def _is_whole(file: Path, kind: str | None) -> bool:
    """Whether the file ends where its format says it must; Pillow has seen to PNG and WebP already."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        if kind == "BMP":
            return int.from_bytes(stream.read(6)[2:], "little") <= size
        if kind == "JPEG":
            stream.seek(max(0, size - _TAIL_BYTES))
            return b"\xff\xd9" in stream.read()
    return True
