"""What a picture file says of itself besides its pixels: how it is to be turned, its colours' meaning, who made it with
what, where, and whether it may be learnt from. All of it is hostile until read: what can't be read counts as not said,
except that an opt-out is honoured even in a packet that is broken."""

import re
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar
from xml.etree.ElementTree import Element

from PIL import ExifTags
from PIL.IptcImagePlugin import getiptcinfo

from studio.datasets.pixels import WITH_ALPHA

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

GENERATED = "AI: "
"""What `maker` begins with when the file says that a model drew the picture."""

Base = ExifTags.Base
_MOST_WORDS = 200
_MOST_PACKET_BYTES = 2**22
_PROHIBITED = "DMI-PROHIBITED"
_GENERATORS = re.compile(
    "stable.?diffusion|comfyui|midjourney|dall.?e|novelai|invokeai|fooocus|firefly|flux|inkstone|imagen|sdxl|automatic1111",
    re.IGNORECASE,
)
_GENERATOR_KEYS = {
    "parameters": "Stable Diffusion", "sd-metadata": "InvokeAI", "invokeai_metadata": "InvokeAI", "dream": "InvokeAI",
    "workflow": "ComfyUI",
}  # fmt: skip
_SETTINGS = re.compile(r"\bsteps: *\d+,.*\bseed: *\d+", re.IGNORECASE | re.DOTALL)
_ARTIFICIAL = re.compile("(?:composite)?(?:With)?trainedAlgorithmicMedia", re.IGNORECASE)
_SRGB = (b"rXYZ", (0.436, 0.222, 0.014)), (b"gXYZ", (0.385, 0.717, 0.097)), (b"bXYZ", (0.143, 0.061, 0.714))
_Told = TypeVar("_Told")


def of_header(picture: "Picture", content: bytes) -> dict[str, Any]:
    """The fields of `Measures` that metadata fill, of a picture whose pixels are loaded, or of a JPEG as it was opened;
    `content` is the whole file."""
    exif = picture.getexif()
    packet = _packet(picture, content)
    nothing: dict[str, str] = {}
    xmp = _quietly(lambda: dict(_statements(packet)), nothing)
    return {
        "has_alpha": picture.mode in WITH_ALPHA or "transparency" in picture.info,
        "bit_depth": _quietly(lambda: _bit_depth(picture, content), 8),
        "has_profile": _is_other_profile(picture.info.get("icc_profile")),
        "has_location": _quietly(lambda: bool(exif.get_ifd(ExifTags.IFD.GPSInfo)), False)
        or "GPSLatitude" in xmp,
        "has_thumbnail": _quietly(lambda: Base.JpegIFOffset in exif.get_ifd(ExifTags.IFD.IFD1), False),
        "camera": _camera(_words(exif.get(Base.Make)), _words(exif.get(Base.Model))),
        "maker": _maker(picture, exif, xmp, packet),
        "creator": _creator(picture, exif, xmp),
        "opt_out": _opt_out(xmp, packet),
    }


def orientation_of(picture: "Picture") -> int:
    """How the picture is to be turned: EXIF's 1 to 8. Raises when EXIF can't be read, as whoever turns it would."""
    exif = picture.getexif()
    told = exif.get(Base.Orientation, 1)
    if told not in range(2, 9):
        return 1
    del exif[Base.Orientation]
    exif.tobytes()  # what Pillow does when it turns a picture
    exif[Base.Orientation] = told
    return int(told)


def frames_of(picture: "Picture") -> int:
    """How many pictures the file holds; the small ones that a camera adds to a JPEG don't count."""
    return 1 if picture.format == "MPO" else int(getattr(picture, "n_frames", 1))


def _quietly(read: Callable[[], _Told], otherwise: _Told) -> _Told:
    try:
        return read()
    except Exception:  # Pillow's readers raise many kinds at broken metadata
        return otherwise


def _words(told: Any) -> str:
    """A value of metadata as one short line that any database takes."""
    if not told:
        return ""
    if isinstance(told, bytes):
        told = told.decode("utf-8", "replace")
    if isinstance(told, tuple | list):
        told = ", ".join(_words(part) for part in told)
    line = "".join(letter if letter.isprintable() else " " for letter in str(told)[: 4 * _MOST_WORDS])
    return " ".join(line.encode("utf-8", "replace").decode().split())[:_MOST_WORDS]


def _camera(make: str, model: str) -> str:
    return model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()


def _bit_depth(picture: "Picture", content: bytes) -> int:
    """Bits of one colour: of PNG, TIFF and AVIF, which may have more than 8."""
    if picture.format == "PNG":
        return int(max(8, content[24]))
    if picture.format == "TIFF":
        told = picture.tag_v2.get(Base.BitsPerSample, 8)  # type: ignore[attr-defined]
        return int(max(8, *(told if isinstance(told, tuple) else (told,))))
    at = content.find(b"av1C") if picture.format == "AVIF" else -1
    if at >= 0 and content[at + 6] & 0x40:
        return 12 if content[at + 6] & 0x20 else 10
    return 8


def _is_other_profile(profile: Any) -> bool:
    """Whether an ICC profile says anything else than sRGB: other primaries, or values that are linear."""
    if not isinstance(profile, bytes) or not profile:
        return False
    return not _quietly(lambda: _is_srgb(profile), False)


def _is_srgb(profile: bytes) -> bool:
    (count,) = struct.unpack_from(">I", profile, 128)
    places = [struct.unpack_from(">4sII", profile, 132 + 12 * k) for k in range(min(count, 100))]
    tags = {name: profile[at : at + size] for name, at, size in places}
    for name, wanted in _SRGB:
        held = struct.unpack_from(">3i", tags[name], 8)
        if any(abs(a / 65536 - b) > 0.005 for a, b in zip(held, wanted, strict=True)):
            return False
    curve = tags[b"rTRC"]
    (points,) = struct.unpack_from(">I", curve, 8)
    if curve[:4] != b"curv" or points > 1:
        return True
    return points == 1 and 1.9 < int.from_bytes(curve[12:14], "big") / 256 < 2.5


def _packet(picture: "Picture", content: bytes) -> bytes:
    """The XMP packet, wherever the format keeps it."""
    told = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp")
    if not told:
        start = content.find(b"<x:xmpmeta")
        end = content.find(b"</x:xmpmeta>", start)
        told = content[start : end + 12] if 0 <= start < end else b""
    told = told.encode() if isinstance(told, str) else bytes(told)
    return told.strip(b"\x00 \r\n\t")[:_MOST_PACKET_BYTES]


def _statements(packet: bytes) -> Iterator[tuple[str, str]]:
    """Names (without their namespace) and values of all that an XMP packet says."""
    if not packet:
        return
    from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

    root: Element = fromstring(packet)
    for element in root.iter():
        for name, value in element.attrib.items():
            yield name.rpartition("}")[2], value
        words = " ".join("".join(element.itertext()).split()) if len(element) < 20 else ""
        if words:
            yield element.tag.rpartition("}")[2], words[: 4 * _MOST_WORDS]


def _opt_out(xmp: dict[str, str], packet: bytes) -> str:
    """The value of PLUS's DataMining property (IPTC 2023.1) when it forbids training in any way."""
    told = xmp.get("DataMining", "").rpartition("/")[2]
    if told.startswith(_PROHIBITED):
        return _words(told)
    if xmp:
        return ""
    found = re.search(rb"DMI-PROHIBITED[A-Z-]*", packet.replace(b"\x00", b""))
    return found.group().decode() if found else ""


def _maker(picture: "Picture", exif: Any, xmp: dict[str, str], packet: bytes) -> str:
    """The program, marked as a generator where its name, its settings or the packet's source type say so."""
    info = picture.info
    told = _words(exif.get(Base.Software) or info.get("Software") or xmp.get("CreatorTool") or "")
    by_key = next((name for key, name in _GENERATOR_KEYS.items() if info.get(key)), "")
    if by_key or _GENERATORS.search(told):
        return GENERATED + (told or by_key)
    if _SETTINGS.search(_comment(exif)) or _ARTIFICIAL.search(packet[:65536].decode("latin-1")):
        return GENERATED + (told or "generated")
    return told


def _comment(exif: Any) -> str:
    """EXIF's user comment, where tools put the settings of a JPEG."""
    told = _quietly(lambda: exif.get_ifd(ExifTags.IFD.Exif).get(Base.UserComment, b""), b"")
    if isinstance(told, bytes):
        return told[8:8192].decode("utf-16-be" if told.startswith(b"UNICODE") else "utf-8", "ignore")
    return str(told)[:8192]


def _creator(picture: "Picture", exif: Any, xmp: dict[str, str]) -> str:
    """Artist, else who holds the copyright: EXIF, XMP, IPTC in this order."""
    iptc: dict[Any, Any] = {}
    if picture.info.get("photoshop") or picture.format == "TIFF":
        iptc = _quietly(lambda: dict(getiptcinfo(picture) or {}), iptc)  # type: ignore[arg-type]
    found = (exif.get(Base.Artist), xmp.get("creator"), iptc.get((2, 80)), exif.get(Base.Copyright), xmp.get("rights"),
             iptc.get((2, 116)))  # fmt: skip
    return next((words for words in map(_words, found) if words), "")
