"""A recipe is read from any file: picture, workflow, our own JSON, or copied text."""

import json

import pytest

from studio.exchange.a1111 import FORMAT as A1111
from studio.exchange.comfy.writing import write
from studio.exchange.files import NoRecipe, read_file, read_text
from studio.exchange.inkstone import FORMAT as INKSTONE
from studio.exchange.picture import png_with_settings
from studio.picture_errors import NotAPicture, PictureNotOpened, SettingsTooNew
from studio.requests import GenerateRequest, LoraUse

REQUEST = GenerateRequest(prompt="红色的小船", negative_prompt="blur", seed=7, sampler="dpmpp_2m", schedule="karras", model="kolors",
                          loras=(LoraUse("ink", 0.8),))  # fmt: skip


@pytest.mark.parametrize(
    ("content", "form"),
    [(png_with_settings(bytes(48), 4, 4, REQUEST, {"seed": 7}), "Inkstone"),
     (INKSTONE.write(REQUEST, {})["inkstone"].encode(), "Inkstone"),
     (A1111.write(REQUEST, {})["parameters"].encode(), "A1111"),
     (b"\xef\xbb\xbf" + A1111.write(REQUEST, {})["parameters"].encode(), "A1111"),
     (json.dumps(write(REQUEST, "kolors", "mz").api).encode(), "ComfyUI"),
     (json.dumps(write(REQUEST, "kolors", "mz").page, indent=2).encode(), "ComfyUI"),
     (json.dumps({"prompt": write(REQUEST, "sdxl").api, "client_id": "x"}).encode(), "ComfyUI")],
    ids=["picture", "our json", "text", "text with mark", "api", "page", "envelope"],
)  # fmt: skip
def test_every_sort_of_file_gives_its_request(tmp_path, content, form):
    file = tmp_path / "file with any ending.bin"
    file.write_bytes(content)
    recalled = read_file(file)
    assert (recalled.request, recalled.format) == (REQUEST, form)


@pytest.mark.parametrize("text", ["just words", '{"a": 1}', "{}", "a: b"])
def test_a_file_without_a_recipe_says_so(text):
    with pytest.raises(NoRecipe):
        read_text(text)


def test_our_own_json_of_a_later_studio_is_refused():
    with pytest.raises(SettingsTooNew):
        read_text('{"version": 2, "request": {}}')


def test_what_is_not_there_or_empty_says_so(tmp_path):
    with pytest.raises(PictureNotOpened, match="gone.json can't be opened: there is no such file"):
        read_file(tmp_path / "gone.json")
    (tmp_path / "empty.json").write_bytes(b"")
    with pytest.raises(NotAPicture):
        read_file(tmp_path / "empty.json")
