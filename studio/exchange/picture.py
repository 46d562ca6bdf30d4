"""Pictures with settings inside: written as PNG, read from PNG, JPEG and WebP. What is read is hostile until checked:
no pixel is decoded, every size is capped, every value goes through the request's own checks."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio import catalog
from studio.disk import reason_of
from studio.errors import RequestError
from studio.exchange import Facts, Format, Reading, png
from studio.picture_errors import (
    DAMAGED,
    UNKNOWN_FORMAT,
    NoSettings,
    NotAPicture,
    PictureNotOpened,
    PictureTooLarge,
)
from studio.requests import GenerateRequest
from studio.words import Said, Text

MOST_PIXELS = 64 * 2**20
MOST_FILE_BYTES = 64 * 2**20
_USER_COMMENT, _EXIF_FOLDER = 0x9286, 0x8769
_CODES = (b"ASCII\0\0\0", bytes(8))
_MOST_NAMES = 8

LEFT_OUT = Text(
    "Not taken over, because this studio has no such setting: {names}.",
    "以下参数本程序没有，未采用：{names}。",
)
UNUSABLE = Text(
    "The picture's value for {label} can't be used here and was left out.",
    "图片中的“{label}”数值无法使用，未采用。",
)
FILE_SIZE = Text("file size", "文件大小")
PIXELS = Text("number of pixels", "像素数")


@dataclass(frozen=True)
class Recalled:
    """The request that a picture holds, what should be said about it, the format it was in, the fields it told (the
    others have their defaults), other facts, where each value came from, and what only comes near."""

    request: GenerateRequest
    notices: tuple[Said, ...]
    format: str
    fields: frozenset[str]
    facts: Facts = field(default_factory=dict)
    mapped: tuple[Said, ...] = ()
    approximated: tuple[Said, ...] = ()


def formats() -> list[Format]:
    """Every format, the exact ones first."""
    found = catalog.scan("studio.exchange", "FORMAT", Format).values()
    return sorted(found, key=lambda entry: (not entry.is_exact, entry.order, entry.name))


def png_with_settings(rgb: bytes, width: int, height: int, request: GenerateRequest, facts: Facts) -> bytes:
    """A PNG file of RGB pixels (height x width x 3 bytes) with the request in every format."""
    from PIL import Image, PngImagePlugin

    texts = PngImagePlugin.PngInfo()
    for entry in reversed(formats()):
        for key, text in (entry.write(request, facts) if entry.write else {}).items():
            texts.add_text(key, text)
    stream = io.BytesIO()
    Image.frombytes("RGB", (width, height), rgb).save(stream, "PNG", pnginfo=texts)
    return stream.getvalue()


def read_settings(source: str | Path | bytes) -> Recalled:
    """The settings inside a picture file or its bytes.

    Raises NotAPicture, PictureNotOpened, PictureTooLarge, SettingsTooNew, NoSettings, or what a format finds wrong with its own."""
    return recalled_from(_texts(_bytes_of(source)))


def recalled_from(texts: Mapping[str, str]) -> Recalled:
    """The settings in a picture's texts; raises as `read_settings`."""
    for entry in formats():
        reading = entry.read(texts)
        if reading is not None:
            return _checked(reading, entry.name)
    raise NoSettings(None)


def _checked(reading: Reading, format_name: str) -> Recalled:
    """Take each value that holds on its own; name the others."""
    settings = GenerateRequest.settings()
    request, told, notices = GenerateRequest(), set[str](), list[Said]()
    strange = [name for name in reading.left_out if isinstance(name, str)]
    for key, value in reading.values.items():
        if key not in settings:
            strange.append(str(key))
            continue
        try:
            request = request.with_(**{key: getattr(GenerateRequest.from_dict({key: value}), key)})
            told.add(key)
        except RequestError:
            notices.append(Said(UNUSABLE, {"label": settings[key].label}))
    if strange:
        names = ", ".join(name[:40] for name in strange[:_MOST_NAMES])
        more = len(strange) > _MOST_NAMES
        notices.append(Said(LEFT_OUT, {"names": f"{names}, …" if more else names}))
    notices += [said for said in reading.left_out if isinstance(said, Said)]
    return Recalled(request, tuple(notices), format_name, frozenset(told), reading.facts, reading.mapped,
                    reading.approximated)  # fmt: skip


def _bytes_of(source: str | Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        size = Path(source).stat().st_size
        if size > MOST_FILE_BYTES:
            raise _too_large(FILE_SIZE, f"{size // 2**20} MB", f"{MOST_FILE_BYTES // 2**20} MB")
        return Path(source).read_bytes()
    except OSError as error:
        raise PictureNotOpened(None, file=Path(source).name, reason=reason_of(error)) from None


def _texts(raw: bytes) -> Mapping[str, str]:
    if raw.startswith(png.SIGNATURE):
        _check_pixels(*png.size_of(raw))
        return png.texts_of(raw)
    return _exif_texts(raw)


def _exif_texts(raw: bytes) -> Mapping[str, str]:
    """The text that JPEG and WebP files carry as EXIF user comment; Pillow reads headers only here."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(raw), formats=("JPEG", "WEBP")) as picture:
            _check_pixels(*picture.size)
            comment: Any = picture.getexif().get_ifd(_EXIF_FOLDER).get(_USER_COMMENT, b"")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(PIXELS, f"> {MOST_PIXELS:,}", f"{MOST_PIXELS:,}") from None
    except PictureTooLarge:
        raise
    except Exception as error:  # Pillow's readers raise many kinds at broken files, SyntaxError among them
        known = isinstance(error, UnidentifiedImageError)
        raise NotAPicture(None, reason=UNKNOWN_FORMAT if known else DAMAGED) from None
    if len(comment) > png.MOST_TEXT_BYTES:
        raise _too_large(png.TEXT_SIZE, f"{len(comment) // 2**20} MB", f"{png.MOST_TEXT_BYTES // 2**20} MB")
    return {"parameters": _comment_text(comment)} if comment else {}


def _comment_text(comment: bytes | str) -> str:
    """EXIF 2.3 table 9: eight bytes name the encoding of the rest."""
    if isinstance(comment, str):
        return comment
    code, body = comment[:8], comment[8:]
    if code != b"UNICODE\0":
        return (body if code in _CODES else comment).decode("utf-8", "replace").rstrip("\0")
    orders = [body.decode(order, "replace").lstrip("\ufeff") for order in ("utf-16-be", "utf-16-le")]
    return max(orders, key=lambda text: sum(letter < "\x7f" for letter in text)).rstrip("\0")


def _check_pixels(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise _too_large(PIXELS, f"{width * height:,}", f"{MOST_PIXELS:,}")


def _too_large(what: Text, size: str, most: str) -> PictureTooLarge:
    return PictureTooLarge(None, what=what, size=size, most=most)
