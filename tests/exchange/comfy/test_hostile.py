"""Workflows that nobody saved in ComfyUI: each is one sentence in both languages, and soon."""

import copy
import json
from contextlib import suppress
from random import Random

import pytest

from studio.errors import StudioError
from studio.exchange.comfy.errors import (
    NoSampler,
    WorkflowBroken,
    WorkflowError,
    WorkflowLoops,
    WorkflowTooDeep,
    WorkflowTooLarge,
    WorkflowTooLong,
)
from studio.exchange.comfyui import FORMAT
from studio.exchange.files import NoRecipe, read_file, read_text
from studio.picture_errors import PictureError
from tests.exchange.comfy.samples import SAMPLES
from tests.exchange.comfy.workflows import Page, basic, basic_page, ksampler, n


def refused(value, kind):
    with pytest.raises(kind) as caught:
        read_text(value if isinstance(value, str) else json.dumps(value))
    for language in ("en", "zh"):
        words = caught.value.say(language)
        assert len(words) < 400
        assert "{" not in words
    return caught.value.say("en")


def said(value):
    recalled = read_text(json.dumps(value))
    return " ".join(notice.say("en") for notice in recalled.notices)


def test_a_file_of_100_mb_is_refused_unread(tmp_path):
    file = tmp_path / "large.json"
    with file.open("wb") as stream:
        stream.write(b'{"nodes": [')
        stream.truncate(100 * 2**20)
    with pytest.raises(WorkflowTooLarge) as caught:
        read_file(file)
    assert "100 MB" in caught.value.say("en")


def test_a_text_of_9_mb_is_refused_before_it_is_parsed():
    refused('{"a": "' + "x" * 9 * 2**20 + '"}', WorkflowTooLarge)


@pytest.mark.parametrize("levels", [70, 500, 10_000, 200_000])
@pytest.mark.parametrize("nest", ['{"a":', "["])
def test_what_nests_without_end_is_refused(levels, nest):
    end = {"{": "}", "[": "]"}[nest[0]]
    refused('{"a":' + nest * levels + "1" + end * levels + "}", WorkflowTooDeep)


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"a": }', "{'a': 1}", "[" * 100])
def test_what_is_no_json_object_is_refused(text):
    refused(text, WorkflowError)


@pytest.mark.parametrize(
    "value", [{}, {"a": 1}, {"1": {"inputs": {}}}, {"3": {"class_type": 7}}, {"prompt": "x"}, {"prompt": {}}]
)
def test_json_without_a_recipe_says_so(value):
    refused(value, NoRecipe)


@pytest.mark.parametrize("nodes", [[], {}, None, "x", 3, [1, None, []]])
def test_a_page_without_nodes_says_so(nodes):
    refused({"nodes": nodes, "links": [], "version": 0.4}, WorkflowBroken)


def test_a_workflow_without_a_sampler_names_its_nodes():
    value = {
        "1": n("LoadImage", image="x"),
        "2": n("WanVideoSampler", image=("1", 0)),
        "3": n("SaveImage", images=("2", 0)),
    }
    assert "WanVideoSampler" in refused(value, NoSampler)


def test_a_circle_of_loras_is_named():
    value = basic(_3=ksampler(model=("10", 0)), _10=n("LoraLoaderModelOnly", model=("11", 0), lora_name="a"),
                  _11=n("LoraLoaderModelOnly", model=("10", 0), lora_name="b"))  # fmt: skip
    assert "(10)" in refused(value, WorkflowLoops)


def test_a_sampler_that_feeds_itself_is_named():
    refused(basic(_3=ksampler(latent_image=("3", 0))), WorkflowLoops)


def test_a_value_that_comes_from_itself_is_named():
    refused(
        basic(_6=n("CLIPTextEncode", text=("10", 0)), _10=n("PrimitiveString", value=("10", 0))),
        WorkflowLoops,
    )


def test_a_circle_of_reroutes_is_named():
    page = basic_page(model=(20, 0))
    page.node(20, "Reroute", None, "*", **{"": (21, 0)})
    page.node(21, "Reroute", None, "*", **{"": (20, 0)})
    refused(page.value(), WorkflowLoops)


def test_a_circle_of_bypassed_nodes_is_named():
    page = basic_page(model=(20, 0))
    for id, origin in ((20, 21), (21, 20)):
        page.node(id, "LoraLoaderModelOnly", [], "MODEL", mode=4, model=(origin, 0))
    refused(page.value(), WorkflowLoops)


@pytest.mark.parametrize("copies", [1, 7])
def test_a_subgraph_within_itself_is_refused(copies):
    page = Page()
    page.node(1, "uuid", [], "LATENT")
    inner = [{"id": i, "type": "uuid"} for i in range(copies)]
    page.more["definitions"] = {"subgraphs": [{"id": "uuid", "name": "x", "nodes": inner, "links": []}]}
    refused(page.value(), WorkflowError)


def test_subgraphs_that_multiply_are_refused():
    page = Page()
    page.node(1, "u0", [])
    levels = [
        {"id": f"u{i}", "nodes": [{"id": j, "type": f"u{i + 1}"} for j in range(50)], "links": []}
        for i in range(8)
    ]
    page.more["definitions"] = {"subgraphs": levels}
    refused(page.value(), WorkflowTooLarge)


def test_a_subgraph_whose_way_out_leads_back_in_is_named():
    page = basic_page(model=(30, 0))
    page.node(30, "u", [], "MODEL", model=(30, 0))
    inner = {"id": "u", "inputs": [{"name": "model"}], "nodes": [{"id": 1, "type": "Note"}],
             "links": [{"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": -20, "target_slot": 0}]}  # fmt: skip
    page.more["definitions"] = {"subgraphs": [inner]}
    refused(page.value(), WorkflowLoops)


def test_a_chain_of_thousands_is_refused():
    chain = {
        f"_{i}": n("LoraLoaderModelOnly", model=(str(i + 1), 0), lora_name="a") for i in range(100, 4000)
    }
    refused(basic(_3=ksampler(model=("100", 0)), **chain), WorkflowTooLong)


def test_thousands_of_nodes_are_refused():
    refused({str(i): n("LoadImage", image="x") for i in range(6000)}, WorkflowTooLarge)


def test_texts_that_double_at_every_node_are_refused():
    chain = {
        f"_{i}": n("ConditioningCombine", conditioning_1=(str(i + 1), 0), conditioning_2=(str(i + 1), 0))
        for i in range(20, 60)
    }
    refused(
        basic(_3=ksampler(positive=("20", 0)), _60=n("CLIPTextEncode", text="a"), **chain), WorkflowTooLarge
    )


def test_strings_that_double_at_every_node_are_refused():
    chain = {
        f"_{i}": n("StringConcatenate", string_a=(str(i + 1), 0), string_b=(str(i + 1), 0))
        for i in range(20, 60)
    }
    refused(
        basic(_6=n("CLIPTextEncode", text=("20", 0)), _60=n("PrimitiveString", value="a" * 1000), **chain),
        WorkflowTooLarge,
    )


def test_a_link_to_a_node_that_is_not_there_is_told():
    words = said(basic(_3=ksampler(model=("99", 0))))
    assert "node 99, which is not in the workflow" in words
    assert "Input model of node KSampler (3) leads nowhere" in words


def test_a_link_that_is_not_listed_is_told():
    page = basic_page()
    page.links = page.links[1:]
    assert "link 1, which the workflow does not list" in said(page.value())


def test_a_link_of_the_wrong_type_is_told_and_not_followed():
    words = said(basic(_3=ksampler(model=("5", 0), positive=("4", 0), latent_image=("4", 7))))
    assert "where MODEL belongs" in words
    assert "where CONDITIONING belongs" in words
    assert "where LATENT belongs" in words


@pytest.mark.parametrize(
    "link", [["4"], ["4", -1], ["4", True], [None, 0], [["4"], 0], {"4": 0}, [4.5, 0], ["4", 0, 0], 1e300]
)
def test_what_is_no_link_leads_nowhere(link):
    assert "leads nowhere" in said(basic(_3=ksampler(model=link)))


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "9" * 5000, "1e999", "-1e999", "true", '"x"', "[]", "null"]
)
@pytest.mark.parametrize("name", ["seed", "steps", "cfg", "denoise"])
def test_a_number_that_is_none_is_left_out(name, number):
    text = json.dumps(basic(_3=ksampler(**{name: "HERE"}))).replace('"HERE"', number)
    recalled = read_text(text)
    field = {"cfg": "guidance"}.get(name, name)
    assert field not in recalled.fields
    assert recalled.request.prompt


def test_a_denoise_of_next_to_nothing_does_no_harm():
    recalled = read_text(json.dumps(basic(_3=ksampler(steps=20, denoise=1e-320))))
    assert recalled.request.steps == 20


def test_a_number_out_of_range_is_left_out_and_named():
    recalled = read_text(json.dumps(basic(_3=ksampler(steps=10**6, cfg=-3))))
    assert not {"steps", "guidance"} & recalled.fields
    words = " ".join(notice.say("zh") for notice in recalled.notices)
    assert "步数" in words
    assert "引导强度" in words


def test_nan_where_comfyui_itself_writes_it_does_no_harm():
    value = basic()
    value["4"]["is_changed"] = [float("nan")]
    assert read_text(json.dumps(value)).request.steps == 20


@pytest.mark.parametrize("id", [None, 1.5, True, [], {}, "", "../../x", "a" * 10_000])
def test_a_page_may_have_any_ids(id):
    page = basic_page()
    page.nodes[0]["id"] = id
    words = said(page.value())
    assert len(words) < 1000


def test_many_faults_are_told_in_few_words():
    recalled = read_text(json.dumps({**basic(), **{f"x{i}": n("Odd", a=(f"y{i}", 0)) for i in range(4000)}}))
    assert len(recalled.notices) <= 42
    assert "more." in recalled.notices[-1].say("en")


def test_a_picture_with_another_programs_text_falls_back_on_it():
    text = "a cat\nSteps: 20, Sampler: Euler, Seed: 1, Size: 64x64"
    loops = json.dumps(basic(_3=ksampler(latent_image=("3", 0))))
    assert FORMAT.read({"prompt": loops, "parameters": text}) is None
    with pytest.raises(WorkflowLoops):
        FORMAT.read({"prompt": loops})
    assert FORMAT.read({"prompt": loops, "workflow": basic_page().json()}).values["prompt"] == "a boat"


@pytest.mark.parametrize(
    "text", ["", "a cat", "{", "[]", "null", '{"version": 1}', "{" * 100_000, '{"nodes": 1}']
)
def test_other_texts_under_the_same_keys_are_not_ours(text):
    assert FORMAT.read({"prompt": text, "workflow": text}) is None


ODD = ("null", "true", "-1", "0", "1e30", "1.5", '""', '"x"', '"../../etc/passwd"', "[]", "{}", "[[]]", '{"a": []}',
       '["4", 0]', "[1, 2, 3]", "-10", "-20")  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_a_damaged_workflow_is_read_or_refused_but_never_crashes(name):
    chance = Random(name)
    for _ in range(12):
        value = copy.deepcopy(SAMPLES[name].value)
        for _ in range(chance.randint(1, 5)):
            _damage(chance, value)
        with suppress(WorkflowError, NoRecipe):
            recalled = read_text(json.dumps(value))
            assert all(
                notice.say("zh") for notice in (*recalled.notices, *recalled.mapped, *recalled.approximated)
            )


def _damage(chance, value):
    """Walk down at random and put something odd there, or take something away."""
    while value:
        key = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
        if isinstance(value[key], dict | list) and chance.random() < 0.8:
            value = value[key]
            continue
        if chance.random() < 0.6:
            value[key] = json.loads(chance.choice(ODD))
        else:
            del value[key]
        return


def test_every_error_of_this_room_is_a_picture_error():
    assert issubclass(WorkflowError, PictureError)
    assert issubclass(NoRecipe, StudioError)
