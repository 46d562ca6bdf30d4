"""Pictures that pictures begin with, and their masks: kept under the output folder by what they hold."""

import hashlib
import io
from pathlib import Path

from PIL import Image, ImageOps

from studio.disk import write_atomically
from studio.errors import RequestError
from studio.picture_errors import NotAPicture
from studio.words import Text


class StartMissing(RequestError):
    """A start picture whose kept file is gone."""

    text = Text("The {label} {name} is not kept here; choose one again.", "这里没有{label} {name}，请重新选择。")


class Starts:
    def __init__(self, output_dir: Path) -> None:
        self._dir = output_dir / "starts"

    def keep(self, given: Image.Image | Path) -> str:
        try:
            opened = Image.open(given) if isinstance(given, Path) else given
            picture = ImageOps.exif_transpose(opened).convert("L" if opened.mode == "L" else "RGB")
        except Exception as error:
            raise NotAPicture(None, reason=type(error).__name__) from None
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        name = hashlib.sha256(stream.getvalue()).hexdigest()
        write_atomically(self._dir / f"{name}.png", stream.getvalue())
        return name

    def path_of(self, name: str) -> Path:
        file = self._dir / f"{name}.png"
        if not file.is_file():
            raise StartMissing("start", label="start picture", name=name)
        return file
