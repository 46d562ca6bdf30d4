"""Recipes from any file: a picture, a workflow or other JSON, or the text that programs copy to the clipboard."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.disk import reason_of
from studio.exchange import inkstone
from studio.exchange.comfy.api_json import inside, is_api
from studio.exchange.comfy.errors import WorkflowBroken, WorkflowTooLarge
from studio.exchange.comfy.loading import MOST_BYTES, NO_JSON, load
from studio.exchange.picture import Recalled, read_settings, recalled_from
from studio.exchange.png import SIGNATURE
from studio.picture_errors import NoSettings, PictureError, PictureNotOpened
from studio.words import Text

_PICTURES = (SIGNATURE, b"\xff\xd8\xff", b"RIFF", b"GIF8", b"BM", b"\0\0\0")


class NoRecipe(PictureError):
    """A text or JSON file without a recipe that any format knows."""

    text = Text(
        "This file holds no recipe that is known here. Use a picture with its settings, or a workflow saved in ComfyUI.",
        "这个文件里没有本程序认识的生成参数。请使用带参数的图片，或从 ComfyUI 保存的工作流。",
    )


def read_file(source: str | Path) -> Recalled:
    """The recipe in a file. Raises as `read_settings`; JSON and text are refused by their size before they are read."""
    file = Path(source)
    try:
        with file.open("rb") as stream:
            start = stream.read(16)
        size = file.stat().st_size
    except OSError as error:
        raise PictureNotOpened(None, file=file.name, reason=reason_of(error)) from None
    if start.startswith(_PICTURES) or not start:
        return read_settings(file)
    if size > MOST_BYTES:
        raise WorkflowTooLarge(None, size=f"{size // 2**20} MB", most=f"{MOST_BYTES // 2**20} MB")
    return read_text(file.read_bytes())


def read_text(raw: bytes | str) -> Recalled:
    """The recipe in JSON or in text. Raises NoRecipe, SettingsTooNew or WorkflowError."""
    text = raw if isinstance(raw, str) else raw.decode("utf-8-sig", "replace")
    try:
        return recalled_from(_texts(text))
    except NoSettings:
        raise NoRecipe(None) from None


def _texts(text: str) -> Mapping[str, str]:
    """The text under the key that a picture would hold it under."""
    if not text.lstrip().startswith(("{", "[")):
        return {"parameters": text}
    value: Any = load(text)
    if not isinstance(value, dict):
        raise WorkflowBroken(None, reason=NO_JSON)
    if isinstance(value.get("request"), dict):
        return {inkstone.KEY: text}
    return {"prompt" if is_api(inside(value)) else "workflow": text}
