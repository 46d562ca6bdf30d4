"""Pixels as they go out: upright, turned, cut, sRGB, 8 bits, and nothing else in the file."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from studio.dataset_requests import ExportRequest
from studio.datasets.bake import bake, encoded, pixels, seen
from studio.datasets.entry import Entry, Measures
from studio.datasets.pictures import Unusable, load_rgb

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def corners() -> Image.Image:
    """Red, green above blue, white; 8 x 4 pixels."""
    picture = Image.new("RGB", (8, 4))
    for box, colour in (((0, 0), RED), ((4, 0), GREEN), ((0, 2), BLUE), ((4, 2), WHITE)):
        picture.paste(colour, (*box, box[0] + 4, box[1] + 2))
    return picture


def look(picture: Image.Image) -> list[tuple[int, ...]]:
    width, height = picture.size
    return [picture.getpixel(at) for at in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1))]


def save(picture: Image.Image, file: Path, **options: object) -> Path:
    picture.save(file, **options)
    return file


def entry(file: Path, **more: object) -> Entry:
    return Entry(id=1, file=file.name, name=file.name, sha256="ab" * 32, **more)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["png", "tiff", "webp"])
def test_pictures_stand_upright_as_the_trainer_sees_them(tmp_path, orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "webp" else {}
    file = save(corners(), tmp_path / f"a.{kind}", exif=exif, **options)
    shown = seen(file)
    if kind != "tiff":  # which training here doesn't read
        assert np.array_equal(np.asarray(shown), np.asarray(load_rgb(file)))
    assert shown.size == ((4, 8) if orientation > 4 else (8, 4))
    assert look(shown)[{1: 0, 2: 1, 3: 3, 4: 2, 5: 0, 6: 1, 7: 3, 8: 2}[orientation]] == RED


def test_turns_go_clockwise_and_the_cut_comes_after(tmp_path):
    file = save(corners(), tmp_path / "a.png")
    assert look(pixels(file, turn=1)) == [BLUE, RED, WHITE, GREEN]
    assert look(pixels(file, turn=2)) == [WHITE, BLUE, GREEN, RED]
    assert look(pixels(file, turn=3)) == [GREEN, WHITE, RED, BLUE]
    cut = pixels(file, turn=1, crop=(0.5, 0.0, 1.0, 0.5))
    assert (cut.size, set(look(cut))) == ((2, 4), {RED})


@pytest.mark.parametrize("turn", [0, 1])
@pytest.mark.parametrize(
    "crop", [(0.0, 0.0, 1.0, 1.0), (0.101, 0.33, 0.847, 0.999), (0.99999, 0.99999, 1.0, 1.0)]
)
def test_the_size_is_what_the_entry_tells(tmp_path, turn, crop):
    file = save(Image.new("RGB", (97, 61)), tmp_path / "a.png")
    one = entry(file, turn=turn, crop=crop, measures=Measures(width=97, height=61))
    ready = bake(one, tmp_path, ExportRequest())
    assert (ready.width, ready.height) == one.size == Image.open(io.BytesIO(ready.content)).size


def test_larger_pictures_are_scaled_down_and_smaller_ones_kept(tmp_path):
    file = save(Image.new("RGB", (300, 100)), tmp_path / "a.png")
    assert pixels(file, longest_side=150).size == (150, 50)
    assert pixels(file, longest_side=400).size == (300, 100)
    assert pixels(save(Image.new("RGB", (1000, 2)), tmp_path / "b.png"), longest_side=64).size == (64, 1)


def test_what_is_transparent_lies_on_white(tmp_path):
    Image.new("RGBA", (8, 8), (255, 0, 0, 128)).save(tmp_path / "half.png")
    Image.new("LA", (8, 8), (0, 0)).save(tmp_path / "la.png")
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 0, 255, 0])
    palette.save(tmp_path / "p.png", transparency=1)
    palette.save(tmp_path / "solid.png")
    Image.new("L", (8, 8), 9).save(tmp_path / "l.png", transparency=9)
    found = {
        name: seen(tmp_path / f"{name}.png").getpixel((0, 0)) for name in ("half", "la", "p", "solid", "l")
    }
    assert found == {"half": (255, 127, 127), "la": WHITE, "p": WHITE, "solid": GREEN, "l": WHITE}


def test_deep_grey_comes_down_to_eight_bits(tmp_path):
    Image.fromarray(np.array([[0, 257 * 100, 65535]], np.uint16)).save(tmp_path / "a.png")
    Image.fromarray(np.array([[0.0, 0.5, np.nan]], np.float32)).save(tmp_path / "f.tiff")
    Image.fromarray(np.array([[0, 100, 65535]], np.int32)).save(tmp_path / "i.tiff")
    assert [p[0] for p in np.asarray(seen(tmp_path / "a.png"))[0]] == [0, 100, 255]
    assert [p[0] for p in np.asarray(seen(tmp_path / "f.tiff"))[0]] == [0, 128, 0]
    assert [p[0] for p in np.asarray(seen(tmp_path / "i.tiff"))[0]] == [0, 0, 255]


def test_deep_colour_comes_down_to_eight_bits(tmp_path):
    (tmp_path / "a.png").write_bytes(_png16((65535, 32896, 0)))
    assert seen(tmp_path / "a.png").getpixel((0, 0)) == (255, 128, 0)


def _png16(colour: tuple[int, int, int]) -> bytes:
    return _png(2, 2, 16, 2, (b"\0" + struct.pack(">3H", *colour) * 2) * 2)


def _png(width: int, height: int, depth: int, kind: int, rows: bytes) -> bytes:
    def chunk(name: bytes, held: bytes) -> bytes:
        return struct.pack(">I", len(held)) + name + held + struct.pack(">I", zlib.crc32(name + held))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_other_colour_spaces_become_rgb(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "cmyk.jpg", quality=100)
    Image.new("1", (8, 8), 1).save(tmp_path / "one.png")
    Image.new("L", (8, 8), 77).save(tmp_path / "grey.png")
    red, green, blue = seen(tmp_path / "cmyk.jpg").getpixel((4, 4))
    assert red > 245
    assert max(green, blue) < 10
    assert seen(tmp_path / "one.png").getpixel((0, 0)) == WHITE
    assert seen(tmp_path / "grey.png").getpixel((0, 0)) == (77, 77, 77)


def _swapped_profile() -> bytes:
    """An sRGB profile whose red and green primaries have changed places, under another name."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile = profile.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be")).replace(
        b"sRGB", b"swap"
    )
    red, green = (profile.index(tag, 128) for tag in (b"rXYZ", b"gXYZ"))
    places = profile[red + 4 : red + 12], profile[green + 4 : green + 12]
    profile[green + 4 : green + 12], profile[red + 4 : red + 12] = places
    return bytes(profile)


def test_colours_go_through_the_profile(tmp_path):
    file = save(Image.new("RGB", (8, 8), RED), tmp_path / "a.png", icc_profile=_swapped_profile())
    red, green, blue = seen(file).getpixel((0, 0))
    assert green > 250
    assert max(red, blue) < 6
    layer = save(Image.new("RGBA", (8, 8), (*RED, 255)), tmp_path / "b.png", icc_profile=_swapped_profile())
    assert seen(layer).getpixel((0, 0)) == (red, green, blue)


def test_an_srgb_profile_changes_no_pixel_and_a_wrong_one_counts_as_none(tmp_path):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, profile in (("srgb", srgb), ("broken", b"no profile"), ("short", srgb[:200])):
        file = save(noise, tmp_path / f"{name}.png", icc_profile=profile)
        assert np.array_equal(np.asarray(seen(file)), np.asarray(noise)), name
    grey = save(Image.new("L", (8, 8), 77), tmp_path / "grey.png", icc_profile=srgb)
    assert seen(grey).getpixel((0, 0)) == (77, 77, 77)


def test_of_an_animation_the_first_frame_counts(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    assert {seen(tmp_path / f"a.{kind}").getpixel((0, 0)) for kind in ("gif", "webp", "png")} == {RED}


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_nothing_but_pixels_is_in_the_file(tmp_path, kind):
    exif = Image.Exif()
    exif[0x013B] = "SECRET artist"
    exif.get_ifd(0x8825)[1] = "N"
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "SECRET prompt")
    text.add_itxt("XML:com.adobe.xmp", "SECRET xmp")
    options = {"exif": exif, "icc_profile": _swapped_profile(), "dpi": (300, 300)}
    save(corners(), tmp_path / "a.png", pnginfo=text, **options)
    save(corners(), tmp_path / "a.jpg", comment=b"SECRET comment", xmp=b"SECRET xmp", **options)
    for source in ("a.png", "a.jpg"):
        content = bake(entry(tmp_path / source), tmp_path, ExportRequest(picture_format=kind)).content
        assert b"SECRET" not in content
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
            assert (picture.format, picture.mode) == (kind.upper(), "RGB")
            assert not set(picture.info) & {
                "exif",
                "icc_profile",
                "comment",
                "xmp",
                "parameters",
                "photoshop",
            }
            assert len(picture.getexif()) == 0


def test_a_polyglot_is_a_polyglot_no_more(tmp_path):
    file = save(corners(), tmp_path / "a.png")
    file.write_bytes(file.read_bytes() + b"PK\x03\x04 <script>alert(1)</script>")
    assert b"script" not in bake(entry(file), tmp_path, ExportRequest()).content


def test_jpeg_keeps_the_full_resolution_of_colours():
    with Image.open(io.BytesIO(encoded(corners(), "jpeg"))) as picture:
        assert {layer[1:3] for layer in picture.layer} == {(1, 1)}
        assert max(picture.quantization[0]) < 20


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_lossless_formats_keep_every_pixel(kind):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (33, 17, 3), dtype=np.uint8))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encoded(noise, kind)))), np.asarray(noise))


def test_what_can_not_be_decoded_says_why(tmp_path):
    whole = save(Image.effect_noise((400, 400), 90).convert("RGB"), tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    png = save(Image.effect_noise((400, 400), 90), tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(png[: len(png) // 2])
    (tmp_path / "words.png").write_text("no picture")
    (tmp_path / "vector.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (tmp_path / "drawing.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    for name, side in (("bomb.png", 9000), ("bigger.png", 20000)):  # refused by their headers alone
        (tmp_path / name).write_bytes(_png(side, side, 1, 0, b""))
    told = {"cut.jpg": "cut short", "cut.png": "cut short", "words.png": "opened", "vector.png": "opened",
            "drawing.png": "opened", "bomb.png": "50 million", "bigger.png": "50 million", "gone.png": "gone"}  # fmt: skip
    for name, words in told.items():
        with pytest.raises(Unusable, match=words):
            seen(tmp_path / name)
