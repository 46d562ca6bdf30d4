"""The texts of a PNG file, read chunk by chunk without decoding a pixel, so that no picture is too large or too broken.

PNG specification, https://www.w3.org/TR/png-3/#11textinfo."""

import struct
import zlib
from collections.abc import Iterator

from studio.picture_errors import NotAPicture, PictureTooLarge
from studio.words import Text

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_TEXT_BYTES = 8 * 2**20
TEXT_SIZE = Text("text", "文字信息")
NO_HEADER = Text("its header is damaged", "文件头已损坏")


def size_of(raw: bytes) -> tuple[int, int]:
    """Width and height in pixels that the header claims."""
    if len(raw) < 33 or raw[12:16] != b"IHDR":
        raise NotAPicture(None, reason=NO_HEADER)
    width, height = struct.unpack(">II", raw[16:24])
    return width, height


def texts_of(raw: bytes) -> dict[str, str]:
    """Key to text of every tEXt, zTXt and iTXt chunk, the first of each key, up to where the file breaks off.

    Raises PictureTooLarge when all texts together pass MOST_TEXT_BYTES."""
    texts: dict[str, str] = {}
    room = MOST_TEXT_BYTES
    for kind, chunk in _chunks(raw):
        try:
            key, text = _READERS[kind](chunk, room)
        except (KeyError, ValueError, zlib.error):
            continue
        room -= len(text)
        if room < 0:
            most = f"{MOST_TEXT_BYTES // 2**20} MB"
            raise PictureTooLarge(None, what=TEXT_SIZE, size=f"> {most}", most=most)
        texts.setdefault(
            key.decode("latin-1"), text.decode("latin-1" if kind != b"iTXt" else "utf-8", "replace")
        )
    return texts


def _chunks(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at + 12 <= len(raw):
        length = int.from_bytes(raw[at : at + 4], "big")
        kind = raw[at + 4 : at + 8]
        if kind == b"IEND" or at + 8 + length > len(raw):
            return
        if kind in _READERS:
            yield kind, raw[at + 8 : at + 8 + length]
        at += 12 + length


def _plain(chunk: bytes, room: int) -> tuple[bytes, bytes]:
    key, text = chunk.split(b"\0", 1)
    return key, text


def _compressed(chunk: bytes, room: int) -> tuple[bytes, bytes]:
    key, rest = chunk.split(b"\0", 1)
    return key, _inflate(rest[1:], room)


def _international(chunk: bytes, room: int) -> tuple[bytes, bytes]:
    key, rest = chunk.split(b"\0", 1)
    _language, _translated, text = rest[2:].split(b"\0", 2)
    return key, _inflate(text, room) if rest[:1] == b"\1" else text


def _inflate(packed: bytes, room: int) -> bytes:
    """At most one byte more than there is room for, however much the packed bytes would swell to."""
    return zlib.decompressobj().decompress(packed, room + 1)


_READERS = {b"tEXt": _plain, b"zTXt": _compressed, b"iTXt": _international}
