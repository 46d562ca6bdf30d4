"""A picture's pixels as they go out: upright, turned and cut as its entry says, sRGB, 8-bit RGB, nothing else in the
file. Trainers differ in what they do with orientation, profiles, alpha and 16 bits; baked, all see the same picture."""

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageCms

from studio.dataset_requests import ExportRequest
from studio.datasets.entry import Crop, Entry
from studio.datasets.formats.format import Ready
from studio.datasets.pictures import CUT_SHORT, MOST_PIXELS, NO_PICTURE, TOO_LARGE, Unusable
from studio.words import Text

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "GIF")
"""What is decoded; Pillow knows more, some of which start other programs."""
ENDINGS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
JPEG_QUALITY = 95
GONE = Text("its file is gone", "它的文件不见了")

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
_TURNED = {1: Image.Transpose.ROTATE_270, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_90}
_SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def bake(entry: Entry, root: Path, request: ExportRequest, name: str = "") -> Ready:
    """A picture of the set in folder `root`, ready to be written under `name`; raises Unusable when its file can't be
    decoded whole."""
    picture = pixels(entry.path(root), entry.turn, entry.crop, request.longest_side)
    content = encoded(picture, request.picture_format)
    return Ready(
        entry, name or f"{entry.sha256[:16]}{ENDINGS[request.picture_format]}", content, *picture.size
    )


def pixels(file: Path, turn: int = 0, crop: Crop | None = None, longest_side: int = 0) -> "Picture":
    """A file decoded as it is meant to be seen (8-bit sRGB), then turned clockwise by quarters, cut, and scaled down;
    raises Unusable."""
    return _scaled(_cut(_turned(seen(file), turn), crop), longest_side)


def seen(file: Path) -> "Picture":
    """The first frame of a file, whole, upright, in 8-bit sRGB on white; raises Unusable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of sizes, which are judged here, and of broken notes in the file
            with Image.open(file, formats=FORMATS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise Unusable(TOO_LARGE, most=MOST_PIXELS // 10**6)
                picture.load()
                return _plain(_upright(picture))
    except Unusable:
        raise
    except FileNotFoundError:
        raise Unusable(GONE) from None
    except Image.DecompressionBombError:
        raise Unusable(TOO_LARGE, most=MOST_PIXELS // 10**6) from None
    except Exception as error:  # Pillow's readers raise many kinds at broken files, SyntaxError among them
        raise Unusable(CUT_SHORT if "truncated" in str(error) else NO_PICTURE) from None


def encoded(picture: "Picture", kind: str) -> bytes:
    """The file of an RGB picture and nothing beside: png, jpeg (quality 95, full colour resolution) or webp (lossless)."""
    options: dict[str, dict[str, Any]] = {
        "png": {"compress_level": 2},
        "jpeg": {"quality": JPEG_QUALITY, "subsampling": 0},
        "webp": {"lossless": True, "method": 1, "quality": 25},
    }
    bare = picture.copy()
    bare.info = {}
    stream = io.BytesIO()
    bare.save(stream, kind.upper(), **options[kind])
    return stream.getvalue()


def _upright(picture: "Picture") -> "Picture":
    try:
        how = _UPRIGHT.get(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # a broken block of EXIF says nothing, and the pixels are still good
        how = None
    turned = picture if how is None else picture.transpose(how)
    turned.info = dict(picture.info)
    return turned


def _plain(picture: "Picture") -> "Picture":
    """8-bit sRGB, with what is transparent laid on white."""
    profile = picture.info.get("icc_profile")
    picture = _eight_bit(picture)
    alpha = None
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        alpha = picture.getchannel("A")
        picture = picture.convert("RGB")
    elif picture.mode not in ("RGB", "L", "CMYK", "LAB"):
        picture = picture.convert("RGB")
    picture = _in_srgb(picture, profile)
    if alpha is None:
        return picture
    return Image.composite(picture, Image.new("RGB", picture.size, "white"), alpha)


def _eight_bit(picture: "Picture") -> "Picture":
    """Grey in 16 or more bits, or in floating point, brought to 8 bits; others as they are."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.nan_to_num(np.asarray(picture).astype(np.float32))
    most = float(values.max(initial=0))
    is_deep = picture.mode.startswith("I;16") or most > 255
    scale = 1 / 257 if is_deep else 255 if picture.mode == "F" and most <= 1 else 1
    return Image.fromarray(np.clip(np.rint(values * scale), 0, 255).astype(np.uint8))


def _in_srgb(picture: "Picture", profile: bytes | None) -> "Picture":
    """Colours through the profile into sRGB; a profile that is broken or of another kind of picture counts as none."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            is_fit = _SPACES.get(source.profile.xcolor_space) == picture.mode
            if is_fit and not (
                picture.mode == "RGB" and "srgb" in ImageCms.getProfileDescription(source).lower()
            ):
                target = ImageCms.createProfile("sRGB")
                turned = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
                return turned if turned is not None else picture.convert("RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            return picture.convert("RGB")
    return picture.convert("RGB")


def _turned(picture: "Picture", turn: int) -> "Picture":
    how = _TURNED.get(turn % 4)
    return picture if how is None else picture.transpose(how)


def _cut(picture: "Picture", crop: Crop | None) -> "Picture":
    """The part that the entry names; its size is the one that `Entry.size` tells."""
    if crop is None:
        return picture
    width = min(picture.width, max(1, round((crop[2] - crop[0]) * picture.width)))
    height = min(picture.height, max(1, round((crop[3] - crop[1]) * picture.height)))
    left = min(max(0, round(crop[0] * picture.width)), picture.width - width)
    top = min(max(0, round(crop[1] * picture.height)), picture.height - height)
    return picture.crop((left, top, left + width, top + height))


def _scaled(picture: "Picture", longest_side: int) -> "Picture":
    if not longest_side or max(picture.size) <= longest_side:
        return picture
    share = longest_side / max(picture.size)
    size = max(1, round(picture.width * share)), max(1, round(picture.height * share))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
