"""The command line makes pictures, takes every field of a request, and fails in one sentence."""

import json
import shutil

import pytest
from PIL import Image

from studio.__main__ import main
from studio.exchange.picture import read_settings
from studio.requests import GenerateRequest, LoraUse
from studio.settings import ROOT, Settings
from studio.starts import Starts
from tests.tiny import build_kolors, build_lora

SMALL = ("--steps", "2", "--width", "64", "--height", "64")


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory):
    """Models whose Storybook is two layers of random weights."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(ROOT / "models" / "cards", folder / "cards")
    build_kolors(folder / "storybook")
    return folder


@pytest.fixture
def run(models_dir, tmp_path, monkeypatch, capsys):
    """Runs the command line in an empty folder; answers exit code, standard output and standard error."""
    monkeypatch.setenv("INKSTONE_MODELS", str(models_dir))
    monkeypatch.setenv("INKSTONE_OUTPUT", str(tmp_path / "outputs"))
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.delenv("INKSTONE_LANGUAGE", raising=False)
    monkeypatch.chdir(tmp_path)

    def runs(*words):
        code = main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return runs


def test_a_picture_is_written_with_its_settings(run, tmp_path):
    code, out, _ = run("generate", "一艘红色的小船", *SMALL, "--seed", "7", "--out", "new/boat.png")
    assert (code, out) == (0, "new/boat.png\n")
    recalled = read_settings(tmp_path / "new" / "boat.png")
    assert recalled.request == GenerateRequest(
        prompt="一艘红色的小船", steps=2, width=64, height=64, seed=7, upscale_strength=0.07
    )
    (kept,) = (tmp_path / "outputs").glob("*-*-*/*.png")
    assert kept.read_bytes() == (tmp_path / "new" / "boat.png").read_bytes()


def test_the_same_seed_gives_the_same_file_content_and_replaces_it(run, tmp_path):
    from PIL import Image

    pixels = []
    for _ in range(2):
        assert run("generate", "a cat", *SMALL, "--seed", "3", "--out", "a.png")[0] == 0
        with Image.open(tmp_path / "a.png") as picture:
            pixels.append(picture.tobytes())
    assert pixels[0] == pixels[1]


def test_several_pictures_are_numbered_and_told_as_json(run, tmp_path):
    code, out, _ = run(
        "generate", "a cat", *SMALL, "--count", "2", "--seed", "5", "--out", "cat.png", "--json"
    )
    told = json.loads(out)
    assert code == 0
    assert [picture["file"] for picture in told["pictures"]] == ["cat-1.png", "cat-2.png"]
    assert [picture["seed"] for picture in told["pictures"]] == [5, 6]
    assert all((tmp_path / picture["file"]).is_file() for picture in told["pictures"])
    assert told["seconds"] > 0


def test_each_prompt_gets_its_file_and_tells_what_was_read(run, tmp_path):
    code, out, _ = run(
        "generate", "a {x|x} cat | __colour__", *SMALL, "--seed", "5", "--out", "cat.png", "--json"
    )
    pictures = json.loads(out)["pictures"]
    assert code == 0
    assert [picture["file"] for picture in pictures] == ["cat-1.png", "cat-2.png"]
    assert [picture["request"]["prompt"] for picture in pictures] == ["a {x|x} cat", "__colour__"]
    assert pictures[0]["read"]["prompt"] == "a x cat"
    assert pictures[1]["read"]["prompt"].isalpha()


def test_every_field_can_be_given(run, models_dir, tmp_path):
    lora = build_lora(tmp_path / "my ink.safetensors", models_dir / "storybook")
    picture, mask = tmp_path / "my picture.png", tmp_path / "mask.png"
    Image.effect_mandelbrot((80, 160), (-2, -2, 2, 2), 20).save(picture)
    Image.linear_gradient("L").save(mask)
    given = {
        "--negative-prompt": "rain", "--model": "storybook", "--sampler": "heun", "--schedule": "karras",
        "--steps": "2", "--guidance": "2.5", "--width": "64", "--height": "128", "--seed": "9", "--count": "1",
        "--lora": f"{lora}:0.5", "--style": "storybook-night", "--precision": "fp32",
        "--start": str(picture), "--mask": str(mask), "--strength": "0.5", "--upscale": "1.0",
        "--upscale-strength": "0.4", "--memory": "whole",
    }  # fmt: skip
    code, out, err = run("generate", "a dog", *[word for pair in given.items() for word in pair])
    assert code == 0, err
    starts = Starts(Settings.from_environment(), set)
    assert read_settings(out.strip()).request == GenerateRequest(
        prompt="a dog", negative_prompt="rain", model="storybook", sampler="heun", schedule="karras", steps=2,
        guidance=2.5, width=64, height=128, seed=9, loras=(LoraUse(str(lora), 0.5),), styles=("storybook-night",),
        precision="fp32", start=starts.keep(picture), mask=starts.keep(mask), strength=0.5, upscale=1.0,
        upscale_strength=0.4, memory="whole",
    )  # fmt: skip
    assert len(given) + 1 == len(GenerateRequest.settings())
    assert "LoRA" in err


def test_a_preset_lies_between_what_suits_the_model_and_what_is_typed(run):
    code, out, _ = run("generate", "a cat", "--preset", "quick", "--width", "64", "--height", "64", "--json")
    request = json.loads(out)["pictures"][0]["request"]
    assert code == 0
    assert (request["steps"], request["sampler"], request["guidance"]) == (8, "dpmpp_2m", 3.0)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--steps", "many"), "Steps is 'many'"),
        (("--steps", "0"), "between 1 and 150"),
        (("--seed", "1.5"), "a whole number"),
        (("--model", "gone"), "no model 'gone'"),
        (("--model", "kolors"), "huggingface.co"),
        (("--sampler", "gone"), "gone"),
        (("--lora", "gone:0.5"), "no LoRA 'gone'"),
        (("--lora", "a:9"), "between -4 and 4"),
        (("--style", "gone"), "Style 'gone'"),
        (("--preset", "gone"), "Preset 'gone'"),
        (("--out", "a.jpg"), ".png"),
        (("--stepps", "3"), "--stepps"),
        (("--output", "file"), "can't be written"),
        (("--out", "file/a.png"), "can't be written"),
        (("--out", "x" * 300 + ".png"), "name is too long"),
        (("--out", "folder.png"), "it is a folder"),
        (("--lora", "ink:" + "1" * 5000), "no LoRA"),
        (("--start", "nowhere.png"), "no such file"),
        (("--language", "fr"), "language"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(run, tmp_path, words, part):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.png").mkdir()
    code, out, err = run("generate", "a cat", *SMALL, *words)
    assert (code, out) == (2, "")
    assert part in err
    assert len(err.strip().splitlines()) == 1


def test_chinese_is_spoken_on_request_and_by_locale(run, monkeypatch):
    assert "“步数”" in run("generate", "a", "--steps", "0", "--language", "zh")[2]
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "“步数”" in run("generate", "a", "--steps", "0")[2]


def test_what_nobody_foresaw_is_one_sentence_with_details_in_the_log(run, tmp_path, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr("studio.commands.generate.Studio.generate", fail)
    code, _, err = run("generate", "a cat", *SMALL)
    assert code == 2
    assert "Traceback" not in err
    assert "nobody foresaw this" in (tmp_path / "outputs" / "inkstone.log").read_text()


def test_interrupting_keeps_what_is_finished(run, tmp_path, monkeypatch):
    from studio.studio import Studio

    make = Studio.generate

    def interrupted(self, request):
        for event in make(self, request):
            yield event
            if type(event).__name__ == "Saved":
                raise KeyboardInterrupt

    monkeypatch.setattr(Studio, "generate", interrupted)
    assert run("generate", "a cat", *SMALL, "--count", "3", "--out", "a.png")[0] == 130
    assert [file.name for file in tmp_path.glob("*.png")] == ["a-1.png"]
