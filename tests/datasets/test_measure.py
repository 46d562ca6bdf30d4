"""What one look at a file tells: every fact, every fault, and that training agrees on what can be used."""

import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from PIL import Image, ImageCms, ImageFilter, ImageOps, PngImagePlugin

from studio.dataset_requests import Need
from studio.datasets import crowd, pictures
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import New
from studio.datasets.errors import LookFailed
from studio.datasets.header import GENERATED
from studio.datasets.measure import FAULTS, MOST_PIXELS, look_at, measure, measure_many
from studio.datasets.pictures import Unusable, size_of
from studio.datasets.pixels import upright
from tests.datasets.shapes import jpeg, mirrored, picture, pixels

DATA_MINING = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"{as_attribute}>{as_element}
</rdf:Description></rdf:RDF></x:xmpmeta>"""
VOCABULARY = "http://ns.useplus.org/ldf/vocab/"


def put(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


def saved(file: Path, image: Image.Image, **options: object) -> Path:
    image.save(file, **options)
    return file


def exif(**tags: object) -> Image.Exif:
    made = Image.Exif()
    names = {
        "orientation": 0x0112,
        "make": 0x010F,
        "model": 0x0110,
        "software": 0x0131,
        "artist": 0x013B,
        "copyright": 0x8298,
    }
    for name, value in tags.items():
        made[names[name]] = value
    return made


def test_a_plain_picture_is_measured_whole(tmp_path):
    seen = measure(put(tmp_path / "a.jpg", jpeg(picture(1, 320, 200))))
    assert (seen.width, seen.height, seen.format, seen.mode, seen.fault) == (320, 200, "JPEG", "RGB", "")
    assert seen.bytes == (tmp_path / "a.jpg").stat().st_size
    assert seen.sharpness > 100
    assert 0.02 < seen.saturation < 1
    assert 5 < seen.entropy <= 8
    assert 0 < seen.detail < 1
    assert 0 < seen.phash < 2**64
    assert seen.phash != seen.mirror_phash
    assert {seen.has_alpha, seen.has_profile, seen.has_location, seen.has_thumbnail, seen.opt_out != ""} == {
        False
    }


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sizes_and_pixels_are_as_the_picture_is_seen(tmp_path, orientation):
    image = picture(2, 320, 200)
    seen = measure(put(tmp_path / "a.jpg", jpeg(image, exif=exif(orientation=orientation))))
    assert seen.orientation == orientation
    assert (seen.width, seen.height) == ((200, 320) if orientation > 4 else (320, 200))
    turned = Image.open(tmp_path / "a.jpg")
    expected = np.asarray(ImageOps.exif_transpose(turned))
    assert np.array_equal(upright(np.asarray(turned), orientation), expected)
    Image.fromarray(expected).save(tmp_path / "b.png")
    baked = measure(tmp_path / "b.png")
    assert (baked.pixels_digest, baked.phash) == (seen.pixels_digest, seen.phash)


def test_the_mirror_hash_is_the_hash_of_the_mirror_image(tmp_path):
    for seed in range(20):
        seen = measure(saved(tmp_path / "a.png", picture(seed)))
        other = measure(saved(tmp_path / "b.png", mirrored(picture(seed))))
        assert (seen.mirror_phash ^ other.phash).bit_count() <= 1
        assert (seen.phash ^ other.mirror_phash).bit_count() <= 1


def test_truncated_files_are_found_and_verify_alone_would_not(tmp_path):
    content = jpeg(picture(3, 512, 512))
    file = put(tmp_path / "a.jpg", content[: len(content) * 6 // 10])
    with Image.open(file) as opened:
        opened.verify()
    assert measure(file).fault == "truncated"
    assert measure(put(tmp_path / "b.jpg", content[:-2])).fault == "truncated"
    for kind in ("PNG", "WEBP", "BMP", "TIFF", "AVIF", "GIF"):
        stream = io.BytesIO()
        picture(3).save(stream, kind)
        file = put(tmp_path / f"cut.{kind.lower()}", stream.getvalue()[: len(stream.getvalue()) * 6 // 10])
        assert measure(file).fault == "truncated", kind


def test_jpegs_whose_pixels_are_damaged_are_found_although_pillow_fills_the_gap(tmp_path):
    content = jpeg(picture(3, 512, 512))
    middle = len(content) // 2
    for damaged in (
        content[:middle] + b"\xff\xd9",
        content[:middle] + b"\x55" * 300 + content[middle + 300 :],
    ):
        with Image.open(put(tmp_path / "a.jpg", damaged)) as opened:
            opened.load()
        assert measure(tmp_path / "a.jpg").fault == "truncated"


@pytest.mark.parametrize("place", ["between its parts", "before its end", "after its end"])
def test_stray_bytes_around_the_pixels_do_no_harm(tmp_path, place):
    content = jpeg(picture(3, 512, 512))
    at = {
        "between its parts": content.index(b"\xff\xdb"),
        "before its end": -2,
        "after its end": len(content),
    }[place]
    seen = measure(put(tmp_path / "a.jpg", content[:at] + bytes(3) + content[at:]))
    assert (seen.fault, seen.pixels_digest) == ("", measure(put(tmp_path / "b.jpg", content)).pixels_digest)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "not-a-picture"),
        (b"only words", "not-a-picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "format"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", "format"),
        (b"%PDF-1.7\n", "format"),
        (b"8BPS\x00\x01" + bytes(64), "format"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(64), "format"),
        (b"\xff\x0a" + bytes(64), "format"),
        (b"\xff\xd8\xff\xe0" + bytes(16), "truncated"),
        (b"\x89PNG\r\n\x1a\n" + bytes(16), "truncated"),
    ],
)  # fmt: skip
def test_what_is_no_usable_picture_says_why(tmp_path, content, fault):
    assert measure(put(tmp_path / "a.png", content)).fault == fault
    assert measure(tmp_path / "nowhere.png").fault == "missing"


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [7100, 9000, 12000, 40000])
def test_pixel_bombs_are_refused_by_their_header(tmp_path, side):
    seen = measure(put(tmp_path / "bomb.png", png_header(side, side)))
    assert seen.fault == "too-large"
    assert seen.pixels_digest == ""


def test_limits_are_exact(tmp_path):
    assert (
        measure(put(tmp_path / "a.png", png_header(10_000, MOST_PIXELS // 10_000 + 1))).fault == "too-large"
    )
    assert measure(saved(tmp_path / "b.png", picture(1, 63, 400))).fault == "too-small"
    assert measure(saved(tmp_path / "c.png", picture(1, 64, 64))).fault == ""


def test_alpha_is_seen_and_laid_on_white(tmp_path):
    clear = Image.new("RGBA", (80, 80), (255, 0, 0, 0))
    for kind in ("png", "webp"):
        seen = measure(saved(tmp_path / f"a.{kind}", clear))
        assert seen.has_alpha
        assert seen.brightness == 255
    palette = picture(4).convert("P")
    assert measure(saved(tmp_path / "p.png", palette, transparency=0)).has_alpha
    lab = measure(saved(tmp_path / "lab.tif", Image.new("LAB", (80, 80))))
    assert (lab.mode, lab.has_alpha) == ("LAB", False)
    assert not measure(saved(tmp_path / "q.png", palette)).has_alpha


def test_cmyk_and_deep_colours_are_seen(tmp_path):
    assert measure(put(tmp_path / "a.jpg", jpeg(picture(5).convert("CMYK")))).mode == "CMYK"
    grey = np.linspace(0, 65535, 128 * 128).astype(np.uint16).reshape(128, 128)
    for kind in ("png", "tif"):
        seen = measure(saved(tmp_path / f"deep.{kind}", Image.fromarray(grey)))
        assert (seen.bit_depth, seen.fault) == (16, "")
        assert seen.brightness == pytest.approx(127, abs=1)
    rgb48 = (pixels(5, 64, 64).astype(np.uint16) * 257).byteswap().tobytes()
    lines = b"".join(b"\0" + rgb48[at : at + 384] for at in range(0, len(rgb48), 384))
    plain = png_header(64, 64)
    head = struct.pack(">IIBBBBB", 64, 64, 16, 2, 0, 0, 0)
    deep = plain[:16] + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    body = zlib.compress(lines)
    deep += (
        struct.pack(">I", len(body))
        + b"IDAT"
        + body
        + struct.pack(">I", zlib.crc32(b"IDAT" + body))
        + plain[-12:]
    )
    seen = measure(put(tmp_path / "rgb48.png", deep))
    assert (seen.bit_depth, seen.mode, seen.fault) == (16, "RGB", "")


def test_only_profiles_that_are_not_srgb_count(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert not measure(put(tmp_path / "a.jpg", jpeg(picture(6), icc_profile=srgb))).has_profile
    at = srgb.index(b"rXYZ")
    place = struct.unpack_from(">I", srgb, at + 4)[0]
    wide = srgb[: place + 8] + struct.pack(">i", round(0.61 * 65536)) + srgb[place + 12 :]
    assert measure(put(tmp_path / "b.jpg", jpeg(picture(6), icc_profile=wide))).has_profile
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert measure(put(tmp_path / "c.jpg", jpeg(picture(6), icc_profile=lab))).has_profile
    assert measure(put(tmp_path / "d.jpg", jpeg(picture(6), icc_profile=b"rubbish"))).has_profile


def test_cameras_programs_authors_and_places_are_read(tmp_path):
    tags = exif(
        make="Canon", model="Canon EOS R5", software="darktable 4", artist="王小明", copyright="(c) 2026\x00"
    )
    tags.get_ifd(0x8825)[1] = "N"
    seen = measure(put(tmp_path / "a.jpg", jpeg(picture(7), exif=tags)))
    assert (seen.camera, seen.maker, seen.has_location) == ("Canon EOS R5", "darktable 4", True)
    assert seen.creator
    other = exif(make="NIKON", model="D850", copyright="A\nB " + "x" * 900)
    seen = measure(put(tmp_path / "b.jpg", jpeg(picture(7), exif=other)))
    assert seen.camera == "NIKON D850"
    assert seen.creator.startswith("A B x")
    assert len(seen.creator) == 200
    assert not seen.has_location


def test_embedded_thumbnails_are_seen(tmp_path):
    ifd0 = struct.pack("<H", 0) + struct.pack("<I", 14)
    ifd1 = (
        struct.pack("<H", 2) + struct.pack("<HHII", 0x0201, 4, 1, 44) + struct.pack("<HHII", 0x0202, 4, 1, 4)
    )
    block = b"II*\x00" + struct.pack("<I", 8) + ifd0 + ifd1 + struct.pack("<I", 0) + b"\xff\xd8\xff\xd9"
    assert measure(put(tmp_path / "a.jpg", jpeg(picture(8), exif=b"Exif\0\0" + block))).has_thumbnail


def test_generated_pictures_are_recognised(tmp_path):
    told = PngImagePlugin.PngInfo()
    told.add_text("parameters", "a boat\nSteps: 20, Sampler: Euler a, Seed: 1")
    assert (
        measure(saved(tmp_path / "a.png", picture(9), pnginfo=told)).maker == f"{GENERATED}Stable Diffusion"
    )
    comment = exif()
    comment.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + "a boat Steps: 20, CFG: 7, Seed: 5".encode("utf-16-be")
    assert measure(put(tmp_path / "b.jpg", jpeg(picture(9), exif=comment))).maker.startswith(GENERATED)
    named = exif(software="Midjourney v7")
    assert measure(put(tmp_path / "c.jpg", jpeg(picture(9), exif=named))).maker == f"{GENERATED}Midjourney v7"
    assert measure(put(tmp_path / "d.jpg", jpeg(picture(9), exif=exif(software="GIMP 3")))).maker == "GIMP 3"


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "avif"])
@pytest.mark.parametrize("way", ["attribute", "element"])
def test_opt_outs_are_read_wherever_they_stand(tmp_path, kind, way):
    value = f"{VOCABULARY}DMI-PROHIBITED-AIMLTRAINING"
    packet = DATA_MINING.format(
        as_attribute=f' plus:DataMining="{value}"' if way == "attribute" else "",
        as_element=f"<plus:DataMining>{value}</plus:DataMining>" if way == "element" else "",
    )
    options: dict[str, object] = {"xmp": packet.encode()}
    if kind == "png":
        told = PngImagePlugin.PngInfo()
        told.add_itxt("XML:com.adobe.xmp", packet)
        options = {"pnginfo": told}
    assert (
        measure(saved(tmp_path / f"a.{kind}", picture(10), **options)).opt_out
        == "DMI-PROHIBITED-AIMLTRAINING"
    )


def test_only_what_forbids_is_an_opt_out_and_hostile_packets_are_survived(tmp_path):
    allowed = DATA_MINING.format(as_attribute=f' plus:DataMining="{VOCABULARY}DMI-ALLOWED"', as_element="")
    assert measure(put(tmp_path / "a.jpg", jpeg(picture(10), xmp=allowed.encode()))).opt_out == ""
    laughs = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    assert measure(put(tmp_path / "b.jpg", jpeg(picture(10), xmp=laughs))).opt_out == ""
    broken = b'<x:xmpmeta plus:DataMining="DMI-PROHIBITED"'
    assert measure(put(tmp_path / "c.jpg", jpeg(picture(10), xmp=broken))).opt_out == "DMI-PROHIBITED"


def test_frames_are_counted_and_other_formats_that_can_be_converted_are_no_fault(tmp_path):
    frames = [picture(seed, 80, 80) for seed in range(3)]
    for kind in ("gif", "webp", "tiff", "png"):
        seen = measure(saved(tmp_path / f"a.{kind}", frames[0], save_all=True, append_images=frames[1:]))
        assert (seen.frames, seen.fault) == (3, ""), kind
    seen = measure(saved(tmp_path / "a.mpo", frames[0], save_all=True, append_images=frames[1:]))
    assert (seen.frames, seen.format, seen.fault) == (1, "JPEG", "")
    assert measure(saved(tmp_path / "one.avif", frames[0])).fault == ""


def test_blur_scaling_and_exposure_show(tmp_path):
    image = picture(11, 512, 512)
    sharp = measure(saved(tmp_path / "a.png", image))
    soft = measure(saved(tmp_path / "b.png", image.filter(ImageFilter.GaussianBlur(3))))
    assert soft.sharpness < 10 < 50 < sharp.sharpness
    big = image.resize((1536, 1536), Image.Resampling.BICUBIC)
    assert measure(saved(tmp_path / "c.bmp", big)).detail < sharp.detail / 10
    dark = measure(saved(tmp_path / "d.png", Image.new("RGB", (99, 99), (2, 2, 2))))
    assert (dark.dark_share, dark.light_share, dark.entropy, dark.brightness) == (1, 0, 0, 2)
    light = measure(saved(tmp_path / "e.png", Image.new("RGB", (99, 99), "white")))
    assert (light.dark_share, light.light_share, light.saturation) == (0, 1, 0)
    assert measure(saved(tmp_path / "f.png", Image.new("RGB", (99, 99), "red"))).saturation == pytest.approx(
        1, abs=0.01
    )


def content_of(kind: str) -> bytes:
    stream = io.BytesIO()
    picture(20, 96, 96).save(stream, "JPEG" if kind == "jpg" else kind.upper())
    return stream.getvalue()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=some.sampled_from(["jpg", "png", "webp", "bmp"]),
    cut=some.floats(0, 1),
    flips=some.lists(some.tuples(some.floats(0, 0.999), some.integers(0, 255)), max_size=3),
)
def test_what_training_would_drop_has_a_fault(tmp_path, kind, cut, flips):
    whole = content_of(kind)
    content = bytearray(whole if cut > 0.5 else whole[: int(len(whole) * cut * 2)])
    for where, value in flips:
        if content:
            content[int(where * len(content))] = value
    file = put(tmp_path / f"a.{kind}", bytes(content))
    seen = measure(file)
    assert seen.fault in {"", *FAULTS}
    if seen.fault:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            assert size_of(file) == (seen.width, seen.height)
        except Unusable as unusable:
            raise AssertionError(f"training drops it: {unusable}") from None
        if pictures.load_rgb(file).size != (seen.width, seen.height):
            raise AssertionError("training sees another size")


def test_many_are_measured_in_order_by_processes(tmp_path):
    files = [put(tmp_path / f"{k}.jpg", jpeg(picture(k, 96, 96))) for k in range(70)]
    files[7].write_bytes(b"nothing")
    files[8].unlink()
    found = list(measure_many(files, 2))
    assert [index for index, _ in found] == list(range(70))
    assert [seen.fault for _, seen in found[6:10]] == ["", "not-a-picture", "missing", ""]
    assert found[30][1] == measure(files[30])


def test_a_file_that_kills_its_process_is_one_fault(tmp_path, monkeypatch):
    files = [put(tmp_path / f"{k}.jpg", jpeg(picture(k, 96, 96))) for k in range(20)]
    (tmp_path / "sitecustomize.py").write_text(
        "import os, studio.datasets.pixels as p\n"
        "before = p.decode\n"
        "def decode(picture, content, orientation):\n"
        "    os.abort() if b'deadly' in content else None\n"
        "    return before(picture, content, orientation)\n"
        "import studio.datasets.measure as m\n"
        "m.decode = decode\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    files[5].write_bytes(jpeg(picture(5, 96, 96), comment=b"deadly"))
    faults = [seen.fault for _, seen in measure_many(files, 1)]
    assert faults == ["not-a-picture" if k == 5 else "" for k in range(20)]


def test_processes_that_do_not_start_are_told_of(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('no such luck')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LookFailed, match="no such luck"):
        list(measure_many([tmp_path / "a.png"]))


def test_closing_early_leaves_no_process(tmp_path):
    files = [put(tmp_path / f"{k}.jpg", jpeg(picture(k, 96, 96))) for k in range(40)]
    found = measure_many(files, 2)
    next(found)
    found.close()
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if children.exists():
        lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children.read_text().split()]
        assert not [line for line in lines if b"studio.datasets.looker" in line]
    assert crowd._count(40, 2) == 2


def test_a_set_is_looked_at_and_remembers(tmp_path):
    with Catalogue.create(tmp_path / "set", Need()) as catalogue:
        for k in range(3):
            put(tmp_path / "set" / f"{k}.jpg", jpeg(picture(k, 96, 96)))
        catalogue.add(New(file=f"{k}.jpg", name=f"{k}.jpg", sha256=str(k)) for k in range(4))
        steps = list(look_at(catalogue))
        assert [(step.done, step.total) for step in steps] == [(0, 4), (4, 4)]
        assert catalogue.unmeasured() == []
        assert [entry.measures.fault for entry in catalogue.entries()] == ["", "", "", "missing"]
        assert [entry.measures.width for entry in catalogue.entries()] == [96, 96, 96, 0]
        assert [step.total for step in look_at(catalogue)] == [0]


def test_every_fault_has_its_sentence_in_both_languages():
    for text in FAULTS.values():
        assert text.say("en")
        assert any(ord(letter) > 0x3000 for letter in text.say("zh"))
