"""The pictures that others begin with, and their masks, kept beside the pictures that are made.

A kept picture is named by what it holds, the SHA-256 of its PNG file: a recipe can name it and means these very pixels,
and nothing that a stranger's recipe says becomes a path.

What the history recalls stays as long as that does. The rest goes a week after it was last used, or earlier where the
folder has grown too large; a file's time tells of its last use, so that several processes agree on it."""

import hashlib
import io
import os
import re
import threading
import time
import warnings
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from studio.datasets.pixels import as_rgb
from studio.disk import reason_of, write_atomically
from studio.errors import StartMissing
from studio.picture_errors import DAMAGED, UNKNOWN_FORMAT, NotAPicture, PictureNotOpened, PictureTooLarge
from studio.settings import Settings
from studio.words import Text

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

FOLDER = "starts"
MOST_PIXELS = 64 * 2**20
KEPT_S = 7 * 86400
"""How long a picture that no entry of the history names is kept after its last use."""
MOST_BYTES = 2 * 2**30
"""How large the folder may grow before those unused longest go earlier."""
IN_USE_S = 3600
"""A picture used since then may be in somebody's form or in the queue: it never goes."""
_SWEPT_EVERY_S = 3600
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
_NAME = re.compile(r"[0-9a-f]{64}")
PIXELS = Text("number of pixels", "像素数")


class Starts:
    """The kept pictures of one installation. Safe to use from several threads and processes."""

    def __init__(self, settings: Settings, recalled: Callable[[], Collection[str]]) -> None:
        """`recalled` tells the names that the history holds."""
        self._dir = settings.output_dir / FOLDER
        self._recalled = recalled
        self._lock = threading.Lock()
        self._swept: float | None = None

    def keep(self, source: "Path | str | bytes | Picture", field: str = "start") -> str:
        """Keep a picture, upright and in RGB, and give its name; now and then `sweep` before. `field` is the request's
        that will hold the name.

        Raises NotAPicture, PictureNotOpened, PictureTooLarge, DiskFull or NotWritable."""
        stream = io.BytesIO()
        _upright(source, field).save(stream, "PNG")
        name = hashlib.sha256(stream.getvalue()).hexdigest()
        file = self._dir / f"{name}.png"
        if self._swept is None or time.monotonic() - self._swept > _SWEPT_EVERY_S:
            self._swept = time.monotonic()
            self.sweep()
        with self._lock:
            if not _used(file):
                write_atomically(file, stream.getvalue())
        return name

    def file(self, name: str, field: str = "start") -> Path | None:
        """The file of a kept picture, which counts as used now; None for an empty name. Raises StartMissing."""
        if not name:
            return None
        file = self._dir / f"{name}.png"
        if not _NAME.fullmatch(name) or not _used(file):
            raise StartMissing(field)
        return file

    def sweep(self) -> None:
        """Drop the kept pictures that the history doesn't name and nobody has used for `KEPT_S`, and of a folder of more
        than `MOST_BYTES` as many of the others as it takes, those unused longest first."""
        recalled, now = frozenset(self._recalled()), time.time()
        found = []
        for file in self._dir.glob("*.png"):
            with suppress(FileNotFoundError):  # another process swept it
                found.append((file.stat().st_mtime, file.stat().st_size, file))
        held = sum(size for _, size, _ in found)
        for _, size, file in sorted(found):
            if file.stem in recalled or not _NAME.fullmatch(file.stem):
                continue
            with (
                self._lock,
                suppress(FileNotFoundError, PermissionError),
            ):  # on Windows somebody may be reading it
                unused_s = now - file.stat().st_mtime
                if unused_s > KEPT_S or (held > MOST_BYTES and unused_s > IN_USE_S):
                    file.unlink()
                    held -= size


def _used(file: Path) -> bool:
    """Note the use of a file; False when it isn't there."""
    with suppress(PermissionError):  # another user's, which this one may only read
        try:
            os.utime(file)
        except FileNotFoundError:
            return False
    return file.is_file()


def _upright(source: "Path | str | bytes | Picture", field: str) -> "Picture":
    from PIL import Image, ImageOps, UnidentifiedImageError

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
    except UnidentifiedImageError:
        raise NotAPicture(field, reason=UNKNOWN_FORMAT) from None
    except Exception as error:  # Pillow's readers raise many kinds at broken files, SyntaxError among them
        if isinstance(error, OSError) and error.errno and isinstance(source, str | Path):
            raise PictureNotOpened(field, file=Path(source).name, reason=reason_of(error)) from None
        raise NotAPicture(field, reason=DAMAGED) from None


def _check(picture: "Picture", field: str) -> None:
    if picture.width * picture.height > MOST_PIXELS:
        raise _too_large(f"{picture.width * picture.height:,}", field)


def _too_large(size: str, field: str) -> PictureTooLarge:
    return PictureTooLarge(field, what=PIXELS, size=size, most=f"{MOST_PIXELS:,}")
