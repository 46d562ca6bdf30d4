"""The pictures that others begin with, and their masks, kept beside the pictures that are made.

A kept picture is named by what it holds, the SHA-256 of its PNG file: a recipe can name it and means these very pixels,
and nothing that a stranger's recipe says becomes a path."""

import hashlib
import io
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from studio.datasets.pixels import as_rgb
from studio.disk import write_atomically
from studio.errors import StartMissing
from studio.picture_errors import NotAPicture, PictureTooLarge
from studio.settings import Settings
from studio.words import Text

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

FOLDER = "starts"
MOST_PIXELS = 64 * 2**20
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
_NAME = re.compile(r"[0-9a-f]{64}")
PIXELS = Text("number of pixels", "像素数")


class Starts:
    """The kept pictures of one installation. Safe to use from several threads and processes."""

    def __init__(self, settings: Settings) -> None:
        self._dir = settings.output_dir / FOLDER

    def keep(self, source: "Path | str | bytes | Picture", field: str = "start") -> str:
        """Keep a picture, upright and in RGB, and give its name. `field` is the request's that will hold the name.

        Raises NotAPicture, PictureTooLarge, DiskFull or NotWritable."""
        stream = io.BytesIO()
        _upright(source, field).save(stream, "PNG")
        name = hashlib.sha256(stream.getvalue()).hexdigest()
        file = self._dir / f"{name}.png"
        if not file.is_file():
            write_atomically(file, stream.getvalue())
        return name

    def file(self, name: str, field: str = "start") -> Path | None:
        """The file of a kept picture; None for an empty name. Raises StartMissing."""
        if not name:
            return None
        file = self._dir / f"{name}.png"
        if not _NAME.fullmatch(name) or not file.is_file():
            raise StartMissing(field)
        return file


def _upright(source: "Path | str | bytes | Picture", field: str) -> "Picture":
    from PIL import Image, ImageOps

    if isinstance(source, Image.Image):
        _check(source, field)
        return as_rgb(source)
    opened = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is lower
            with Image.open(opened, formats=_FORMATS) as picture:
                _check(picture, field)
                return as_rgb(ImageOps.exif_transpose(picture))
    except Image.DecompressionBombError:
        raise _too_large(f"> {MOST_PIXELS:,}", field) from None
    except PictureTooLarge:
        raise
    except Exception as error:  # Pillow's readers raise many kinds at broken files, SyntaxError among them
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise NotAPicture(field, reason=reason) from None


def _check(picture: "Picture", field: str) -> None:
    if picture.width * picture.height > MOST_PIXELS:
        raise _too_large(f"{picture.width * picture.height:,}", field)


def _too_large(size: str, field: str) -> PictureTooLarge:
    return PictureTooLarge(field, what=PIXELS, size=size, most=f"{MOST_PIXELS:,}")
