"""Pictures and files of runs on their way to the browser: small copies for the strip, whole ones to look at, LoRAs to
take home. Only what a run's events or folder name is ever copied into gradio's cache."""

import hashlib
import shutil
import uuid
from pathlib import Path
from urllib.parse import quote

from gradio.utils import get_upload_folder
from PIL import Image

from studio.disk import write_atomically
from studio.ui.pictures import served

SMALL_PX = 224


class Showcase:
    """Copies in gradio's cache, each made once for as long as its source doesn't change."""

    def __init__(self) -> None:
        self._small: dict[tuple[Path, int], Path] = {}

    def small(self, file: Path) -> str:
        """The address of a small copy of a picture; empty when the picture is gone or not whole yet."""
        try:
            key = file, file.stat().st_mtime_ns
            copy = self._small.get(key)
            if copy is None or not copy.is_file():
                copy = self._small[key] = _shrunk(file, key)
        except (OSError, SyntaxError):  # Pillow's word for a broken PNG
            return ""
        return address(copy)

    def whole(self, file: Path) -> str:
        """The place of a picture's copy, as gradio's own components take it."""
        return served(file)

    def lend(self, file: Path, name: str) -> str:
        """The place of a copy that is downloaded under `name`. Raises FileNotFoundError when the file is gone."""
        stat = file.stat()
        copy = _shelf() / _digest(f"{file} {stat.st_size} {stat.st_mtime_ns}") / name
        if not copy.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            part = copy.with_name(f"{uuid.uuid4().hex}.part")
            shutil.copyfile(file, part)
            part.replace(copy)
        return str(copy)


def address(file: Path) -> str:
    """Where the browser gets a file of gradio's cache, relative to the page."""
    return f"gradio_api/file={quote(str(file))}"


def _shrunk(file: Path, key: tuple[Path, int]) -> Path:
    copy = _shelf() / f"{_digest(f'{key} {SMALL_PX}')}.jpg"
    if not copy.is_file():
        with Image.open(file, formats=("PNG", "JPEG", "WEBP")) as picture:
            picture.thumbnail((SMALL_PX, SMALL_PX))
            small = picture.convert("RGB")
        write_atomically(copy, _jpeg(small))
    return copy


def _jpeg(picture: Image.Image) -> bytes:
    from io import BytesIO

    stream = BytesIO()
    picture.save(stream, "JPEG", quality=88)
    return stream.getvalue()


def _shelf() -> Path:
    return Path(get_upload_folder()).resolve() / "inkstone"


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:32]
