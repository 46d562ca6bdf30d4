"""What is written as a workflow reads back equal, except for the fields that the writer said would not."""

import json
from pathlib import Path

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from studio.errors import UnknownChoice
from studio.exchange.comfy.kind import kinds
from studio.exchange.comfy.writing import NodesUnfit, targets, targets_for, write
from studio.exchange.files import read_text
from studio.exchange.on_shelf import on_shelf, ranks_of
from studio.requests import GenerateRequest, LoraUse
from studio.schedulers.samplers import SAMPLERS
from studio.schedulers.schedules import SCHEDULES
from studio.shelf import LoraCard, ModelCard
from studio.words import Text

CASES = [
    ("kijai", "kolors"),
    ("mz", "kolors"),
    ("core", "sd15"),
    ("core", "sdxl"),
    ("core", "flux"),
    ("core", "sd3"),
    ("core", ""),
]
EVERY = pytest.mark.parametrize(("target", "family"), CASES)
LORAS = [LoraCard(name, Path(f"{name}.safetensors"), name, rank=rank, alpha=alpha)
         for name, rank, alpha in (("ink", 4, None), ("runs/水墨", 16, 8.0), ("a.b", 32, 1.0), ("wide", 128, 128.0))]  # fmt: skip
MODELS = [
    ModelCard(
        name, "kolors", Text(name, name), Text("", ""), Path(f"weights/{name}-diffusers"), (), {}, (), "", url
    )
    for name, url in (("kolors", "https://example.org/Kwai-Kolors/Kolors-diffusers"), ("storybook", ""))
]

words = st.lists(st.sampled_from(("红色的小船", "🐈", '"', "\\", "\n", " ", "|", "{a|b}", "//", "\0", "\ud800", ":")) | st.text(max_size=8),
                 max_size=5).map("".join)  # fmt: skip
weights = st.floats(-4, 4).map(lambda weight: round(weight, 3))
uses = st.builds(LoraUse, st.sampled_from([card.name for card in LORAS]), weights, st.booleans())
requests = st.builds(
    GenerateRequest,
    prompt=words,
    negative_prompt=words,
    model=st.sampled_from(["kolors", "storybook", "model.v2"]),
    sampler=st.sampled_from([*SAMPLERS, "new one"]),
    schedule=st.sampled_from([*SCHEDULES, "new one"]),
    steps=st.integers(1, 150),
    guidance=st.floats(1, 30),
    width=st.integers(64, 4096),
    height=st.integers(64, 4096),
    seed=st.none() | st.integers(0, 2**32 - 1),
    count=st.integers(1, 16),
    loras=st.lists(uses, max_size=4, unique_by=lambda use: use.name).map(tuple),
    styles=st.lists(st.sampled_from(["night", "rain"]), max_size=1).map(tuple),
    precision=st.sampled_from(("auto", "fp16")),
)
PLAIN = GenerateRequest(prompt="a boat", negative_prompt="blur", model="kolors", seed=7, width=1024, height=768, steps=20,
                        schedule="normal", loras=(LoraUse("ink", 0.8),))  # fmt: skip


def again(value):
    """The request that a workflow reads as, with the shelf's names."""
    return on_shelf(read_text(json.dumps(value)), MODELS, LORAS).request


def written(request, family, target, language="en"):
    return write(request, family, target, ranks_of(LORAS), language)


@EVERY
@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(request=requests)
@example(PLAIN)
def test_what_is_written_reads_back_equal_but_for_what_was_said(target, family, request):
    told = written(request, family, target)
    plain = {name: getattr(GenerateRequest(), name) for name in told.changed}
    for form in (told.api, told.page):
        assert again(form).with_(**plain) == request.with_(**plain)
    said = [*told.approximated, *told.left_out]
    assert said or not told.changed


@EVERY
def test_a_plain_request_is_written_whole(target, family):
    changed = written(PLAIN, family, target).changed
    assert changed <= ({"schedule"} if target == "kijai" else set())


@EVERY
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_tidy_and_whole(target, family, language):
    """Left to right along every link, no node on another, links in both ends' lists, and ids that hold."""
    request = PLAIN.with_(loras=tuple(LoraUse(card.name, 0.5) for card in LORAS))
    page = written(request, family, target, language).page
    nodes = {node["id"]: node for node in page["nodes"]}
    for id, origin, slot, goal, at, kind in page["links"]:
        assert nodes[origin]["pos"][0] + nodes[origin]["size"][0] < nodes[goal]["pos"][0]
        assert id in nodes[origin]["outputs"][slot]["links"]
        assert nodes[goal]["inputs"][at]["link"] == id
        assert nodes[origin]["outputs"][slot]["type"] == nodes[goal]["inputs"][at]["type"] == kind
        assert nodes[origin]["order"] < nodes[goal]["order"]
    boxes = [(*node["pos"], *node["size"]) for node in nodes.values()]
    for i, (x, y, wide, high) in enumerate(boxes):
        for left, top, across, down in boxes[:i]:
            assert x + wide <= left or left + across <= x or y + high <= top or top + down <= y
    assert page["last_node_id"] == max(nodes)
    assert page["version"] == 0.4
    assert "Note" in {node["type"] for node in nodes.values()}


@EVERY
def test_the_api_form_has_every_input_that_the_server_asks_for(target, family):
    for node in written(PLAIN, family, target).api.values():
        kind = kinds()[node["class_type"]]
        wanted = {*kind.links, *kind.widgets} - {"control_after_generate", "upload", "latent"}
        assert wanted == set(node["inputs"])


def test_the_seeds_chain_comes_out_as_the_seed_has_it():
    nodes = [node["class_type"] for node in written(PLAIN, "kolors", "kijai").api.values()]
    assert nodes == ["DownloadAndLoadKolorsModel", "DownloadAndLoadChatGLM3", "VAELoader", "LoadKolorsLoRA", "KolorsTextEncode",
                     "KolorsSampler", "VAEDecode", "SaveImage"]  # fmt: skip


def test_alpha_is_the_weight_times_what_the_file_says():
    request = PLAIN.with_(loras=(LoraUse("ink", 0.5), LoraUse("runs/水墨", 0.25), LoraUse("nowhere", 0.1)))
    told = written(request, "kolors", "kijai")
    alphas = [
        node["inputs"]["lora_alpha"] for node in told.api.values() if node["class_type"] == "LoadKolorsLoRA"
    ]
    assert alphas == [2.0, 2.0, 1.6]
    assert "assumed rank of 16" in " ".join(said.say("en") for said in told.approximated)


def test_an_alpha_that_the_node_refuses_is_told():
    told = written(PLAIN.with_(loras=(LoraUse("wide", 1.0),)), "kolors", "kijai")
    assert "lora_alpha would be 128" in " ".join(said.say("en") for said in told.approximated)
    assert "0 到 4" in " ".join(said.say("zh") for said in told.approximated)


def test_what_nodes_cannot_hold_is_told_by_name():
    request = PLAIN.with_(styles=("night",), precision="fp16", loras=(LoraUse("ink", 1.0, on=False),))
    words = " ".join(said.say("en") for said in written(request, "sdxl", "core").left_out)
    assert all(word in words for word in ("night", "fp16", "ink"))


def test_a_start_picture_and_enlarging_are_left_out_and_told():
    told = written(PLAIN.with_(start="0a" * 32, upscale=2.0), "sdxl", "core")
    words = " ".join(said.say("en") for said in told.left_out)
    assert "begins with noise" in words
    assert "Enlarging 2 times" in words
    assert {"start", "mask", "strength", "upscale", "upscale_strength"} <= told.changed
    assert again(told.api) == PLAIN


def test_no_path_of_this_machine_is_written(tmp_path):
    text = json.dumps(written(PLAIN, "kolors", "kijai").page)
    assert str(tmp_path.anchor + "home") not in text
    assert "models/loras/ink.safetensors" in text


def test_every_target_is_the_usual_one_of_what_it_runs_or_a_choice_beside_it():
    assert [target.name for target in targets_for("kolors")] == ["kijai", "mz"]
    assert [target.name for target in targets_for("sdxl")] == ["core"]
    assert {target.name for target in targets_for("")} == set(targets())


def test_nodes_that_do_not_exist_or_do_not_fit_are_refused():
    with pytest.raises(UnknownChoice, match="kijai"):
        write(PLAIN, "kolors", "wobble")
    with pytest.raises(NodesUnfit) as caught:
        write(PLAIN, "kolors", "core")
    assert "kijai, mz" in caught.value.say("zh")
