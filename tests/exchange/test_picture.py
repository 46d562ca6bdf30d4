"""Settings go into picture files and come back; hostile files get one sentence, quickly."""

import io
import json
import struct
import time
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from studio.exchange import png
from studio.exchange.a1111 import FORMAT as A1111
from studio.exchange.picture import MOST_PIXELS, png_with_settings, read_settings
from studio.picture_errors import (
    NoSettings,
    NotAPicture,
    PictureError,
    PictureNotOpened,
    PictureTooLarge,
    SettingsTooNew,
)
from studio.requests import MOST_LETTERS, GenerateRequest, LoraUse

REQUEST = GenerateRequest(
    prompt='雪地里,"a cat"\nNegative prompt: 🐈 \\', negative_prompt=" night\n", seed=7, loras=(LoraUse("水墨", 0.8),),
    styles=("night",),
)  # fmt: skip
RGB = bytes(range(48)) * 4


def small(**texts):
    """A PNG of 4 x 4 pixels with these texts."""
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, "PNG", pnginfo=info)
    return stream.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunks(*chunks):
    """A PNG with these chunks after its header."""
    plain = small()
    return plain[:33] + b"".join(chunks) + plain[33:]


@pytest.mark.parametrize("letter", ["船", "\x01", "🐈", "\\", "\ud800"])
def test_the_longest_prompts_come_back_from_their_picture(letter):
    words = letter * MOST_LETTERS
    request = GenerateRequest(prompt=words, negative_prompt=words)
    raw = png_with_settings(RGB[:48], 4, 4, request, {"prompt": words[1:], "negative_prompt": words[1:]})
    assert read_settings(raw).request == request


def test_a_picture_gives_its_request_back_exactly():
    raw = png_with_settings(RGB, 8, 8, REQUEST, {"seed": 7, "seconds": 1.5, "prompt": "woven"})
    recalled = read_settings(raw)
    assert recalled.request == REQUEST
    assert recalled.format == "Inkstone"
    assert recalled.facts["seconds"] == 1.5
    assert recalled.notices == ()
    with Image.open(io.BytesIO(raw)) as picture:
        assert picture.tobytes() == RGB
        assert set(picture.text) == {"parameters", "inkstone"}


def test_the_a1111_text_alone_gives_it_back_too():
    text = A1111.write(REQUEST, {"seed": 7})["parameters"]
    assert read_settings(small(parameters=text)).request == REQUEST


@pytest.mark.parametrize(
    ("kind", "order"), [("JPEG", "utf-16-be"), ("WEBP", "utf-16-be"), ("JPEG", "utf-16-le")]
)
def test_jpeg_and_webp_carry_the_text_as_exif_comment(tmp_path, kind, order):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + A1111.write(REQUEST, {})["parameters"].encode(order)
    file = tmp_path / "picture"
    Image.new("RGB", (8, 8)).save(file, kind, exif=exif)
    recalled = read_settings(file)
    assert recalled.request == REQUEST
    assert recalled.format == "A1111"


def test_values_that_do_not_hold_are_left_out_and_named():
    told = {
        "version": 1,
        "request": {"prompt": "a", "steps": 9999, "cfg": 3, "loras": [{"name": 3}], "styles": [[]]},
    }
    recalled = read_settings(small(inkstone=json.dumps(told)))
    assert recalled.request == GenerateRequest(prompt="a")
    assert recalled.fields == {"prompt"}
    words = " ".join(notice.say("zh") for notice in recalled.notices)
    assert all(name in words for name in ("步数", "cfg", "LoRA", "风格"))


def test_settings_of_a_later_studio_are_refused():
    with pytest.raises(SettingsTooNew) as caught:
        read_settings(small(inkstone='{"version": 2, "request": {}}'))
    assert "version 2" in caught.value.say("en")


@pytest.mark.parametrize(
    "raw",
    [
        small(),
        small(parameters="just words"),
        small(inkstone="{", parameters="[]"),
        small(inkstone='{"version": "1"}'),
    ],
    ids=["none", "no pairs", "broken", "odd version"],
)
def test_a_picture_without_settings_says_so(raw):
    with pytest.raises(NoSettings):
        read_settings(raw)


@pytest.mark.parametrize(
    "raw", [b"", b"GIF89a", b"<svg/>", b"%PDF", png.SIGNATURE, b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8 "]
)
def test_what_is_no_picture_says_so(raw):
    with pytest.raises(NotAPicture):
        read_settings(raw)


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(PictureNotOpened) as caught:
        read_settings(tmp_path / "gone.png")
    assert caught.value.say("zh") == "无法打开图片 gone.png：文件或文件夹不存在。"


def test_a_picture_with_too_many_pixels_is_not_opened():
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    with pytest.raises(PictureTooLarge) as caught:
        read_settings(png.SIGNATURE + chunk(b"IHDR", header) + small(inkstone="{}")[33:])
    assert f"{MOST_PIXELS:,}" in caught.value.say("en")


@pytest.mark.parametrize("size", [(9_000, 9_000), (12_000, 12_000), (20_000, 20_000)])
def test_a_jpeg_that_claims_too_many_pixels_is_not_opened(size):
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "JPEG")
    raw = stream.getvalue()
    at = raw.index(b"\xff\xc0") + 5
    with pytest.raises(PictureTooLarge):
        read_settings(raw[:at] + struct.pack(">HH", *size) + raw[at + 4 :])


@pytest.mark.long
@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_a_text_that_swells_is_not_unpacked(kind):
    bomb = zlib.compress(bytes(500 * 2**20), 9)
    body = b"inkstone\0" + (b"\0" if kind == b"zTXt" else b"\1\0\0\0") + bomb
    started = time.perf_counter()
    with pytest.raises(PictureTooLarge):
        read_settings(with_chunks(chunk(kind, body)))
    assert time.perf_counter() - started < 1


def test_many_large_texts_are_not_read():
    texts = [chunk(b"tEXt", b"k%d\0" % n + bytes(2**20)) for n in range(10)]
    with pytest.raises(PictureTooLarge):
        read_settings(with_chunks(*texts))


@pytest.mark.parametrize(
    "text",
    ["[" * 10**6, '{"version":1,"request":' + '{"a":' * 10**5, '{"version":1,"request":{"seed":' + "9" * 10**5 + "}}",
     "a:" * 10**6, '"' * 10**6, 'Steps: "' * 10**5, "<lora:" * 10**5 + "\nSteps: 1, Seed: 1, Size: 1x1",
     "Steps: 1, Seed: " + "9" * 10**5 + ", CFG scale: 1e999, Size: 0x0, Sampler: x"],
    ids=["nested list", "nested object", "huge number", "colons", "quotes", "open quotes", "open tags", "huge values"],
)  # fmt: skip
def test_hostile_texts_are_read_in_no_time(text):
    started = time.perf_counter()
    said = []
    try:
        said = [notice.say("zh") for notice in read_settings(small(parameters=text, inkstone=text)).notices]
    except PictureError as error:
        said = [error.say("zh")]
    assert all(len(words) < 500 for words in said)
    assert time.perf_counter() - started < 2


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_refused_but_never_crashes(data):
    raw = bytearray(png_with_settings(RGB, 8, 8, REQUEST, {}))
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(PictureError):
        read_settings(bytes(raw[: data.draw(st.integers(0, len(raw)))]))


def test_compressed_texts_are_read():
    text = A1111.write(GenerateRequest(prompt="a boat"), {})["parameters"].encode()
    for body in (b"zTXt", b"parameters\0\0"), (b"iTXt", b"parameters\0\1\0\0\0"):
        raw = with_chunks(chunk(body[0], body[1] + zlib.compress(text)))
        assert read_settings(raw).request.prompt == "a boat"
