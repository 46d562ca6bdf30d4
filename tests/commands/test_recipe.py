"""`python -m studio recipe` tells and rewrites recipes of every sort of file."""

import json
import shutil

import pytest

from studio.__main__ import main
from studio.exchange.files import read_text
from studio.exchange.picture import png_with_settings
from studio.requests import GenerateRequest
from studio.settings import ROOT
from tests.exchange.comfy.samples import FOLDER

REQUEST = GenerateRequest(prompt="红色的小船", negative_prompt="blur", seed=7, sampler="dpmpp_2m", schedule="karras",
                          model="kolors", width=1024, height=1024)  # fmt: skip
HUGE = "9" * 400


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command over the shipped cards; answers exit code, output and what was said beside it."""
    shutil.copytree(ROOT / "models" / "cards", tmp_path / "models" / "cards")
    (tmp_path / "models" / "loras").mkdir()
    monkeypatch.setenv("INKSTONE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("INKSTONE_OUTPUT", str(tmp_path / "outputs"))
    monkeypatch.setenv("LC_ALL", "C")

    def runs(*words):
        code = main(("recipe", *map(str, words)))
        said = capsys.readouterr()
        return code, said.out, said.err

    return runs


@pytest.fixture
def picture(tmp_path):
    file = tmp_path / "boat.png"
    file.write_bytes(png_with_settings(bytes(48), 4, 4, REQUEST, {"seed": 7}))
    return file


def test_the_seeds_workflow_is_told_with_all_that_became_of_it(run):
    code, out, err = run(FOLDER / "kolors_with_lora_example.json")
    assert (code, err) == (0, "")
    for words in ("ComfyUI", "Prompt: 二次元", "Model: kolors", "LoRAs: version_1/epoch=9-step=5000 × 0.125",
                  "Where each value came from", "assumed rank of 16", "Left out", "sdxl.vae"):  # fmt: skip
        assert words in out


def test_it_speaks_chinese(run):
    out = run(FOLDER / "kolors_example.json", "--language", "zh")[1]
    assert "各参数的来源" in out
    assert "模型: kolors" in out


@pytest.mark.parametrize(
    ("form", "name"),
    [("comfyui-api", "ComfyUI"), ("comfyui-ui", "ComfyUI"), ("a1111", "A1111"), ("inkstone", "Inkstone")],
)
def test_a_picture_is_written_in_every_form(run, picture, tmp_path, form, name):
    out = tmp_path / "out.file"
    code, printed, _ = run(
        picture,
        "--to",
        form,
        "--nodes" if "comfy" in form else "--out",
        "mz" if "comfy" in form else out,
        "--out",
        out,
    )
    assert (code, printed) == (0, "")
    recalled = read_text(out.read_bytes())
    assert (recalled.request, recalled.format) == (REQUEST, name)


def test_what_is_not_the_same_is_said_beside_the_output(run, picture):
    _, out, err = run(picture, "--to", "comfyui-api")
    assert {node["class_type"] for node in json.loads(out).values()} >= {"KolorsSampler", "KolorsTextEncode"}
    assert "graphics card" in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--nodes", "mz"), "--nodes goes with --to"),
        (("--to", "comfyui-api", "--nodes", "core"), "Choose kijai, mz instead"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(run, picture, words, sentence):
    code, _, err = run(picture, *words)
    assert code == 2
    assert sentence in err


def test_a_file_without_a_recipe_is_one_sentence(run, tmp_path):
    file = tmp_path / "x.json"
    file.write_text('{"a": 1}')
    code, _, err = run(file)
    assert code == 2
    assert err.count("\n") == 1


@pytest.fixture
def strange(tmp_path):
    """Writes a recipe file of JSON text."""

    def writes(request, facts="{}"):
        file = tmp_path / "strange.json"
        file.write_text(f'{{"version": 1, "request": {request}, "facts": {facts}}}')
        return file

    return writes


@pytest.mark.parametrize("form", [None, "a1111", "inkstone", "comfyui-api"])
@pytest.mark.parametrize(
    ("request_", "facts"),
    [
        ('{"prompt": "\\ud800"}', "{}"),
        (f'{{"guidance": {HUGE}}}', "{}"),
        (f'{{"loras": [{{"name": "a", "weight": {HUGE}}}]}}', "{}"),
        (f'{{"loras": [{{"name": "a", "blocks": {{"up": {HUGE}}}}}]}}', "{}"),
        ('{"loras": ["a"]}', f'{{"lora_alphas": {{"a": {HUGE}}}}}'),
    ],
)
def test_a_strange_recipe_is_told_without_its_strange_values(run, strange, request_, facts, form):
    code, _, err = run(strange(request_, facts), *(("--to", form) if form else ()))
    assert code == 0, err


def test_an_exact_value_without_end_in_a1111_text_is_left_out(run, tmp_path):
    text = f'x\nSteps: 4, Sampler: Euler, Seed: 1, Size: 256x256, Inkstone: "{{\\"guidance\\": {HUGE}}}"'
    (tmp_path / "a.txt").write_text(text)
    code, out, _ = run(tmp_path / "a.txt")
    assert code == 0
    assert "value for Guidance can't be used" in out


def test_a_strangers_words_steer_no_terminal(run, strange):
    file = strange('{"prompt": "\\u001b[2J\\nModel: kolors", "styles": ["\\r"]}')
    assert run(file)[1].splitlines() == [
        "strange.json (Inkstone)", r"  Prompt: \x1b[2J\nModel: kolors", r"  Styles: \r",
    ]  # fmt: skip
