"""Every sample gives the values it must, says what it must, and speaks both languages."""

import json

import pytest

from studio.exchange.comfy.kind import CONTROL, UPLOAD, kinds
from studio.exchange.comfy.samplers import CLASSES, SAMPLERS, SCHEDULES, TO_COMFY, ddim_steps
from studio.exchange.comfyui import FORMAT
from studio.exchange.files import read_text
from studio.schedulers import samplers, schedules
from studio.words import Said
from tests.exchange.comfy.samples import SAMPLES

EVERY = pytest.mark.parametrize("name", SAMPLES)
OFFERED = """
euler euler_cfg_pp euler_ancestral euler_ancestral_cfg_pp heun heunpp2 dpm_2 dpm_2_ancestral lms dpm_fast dpm_adaptive
dpmpp_2s_ancestral dpmpp_2s_ancestral_cfg_pp dpmpp_sde dpmpp_sde_gpu dpmpp_2m dpmpp_2m_cfg_pp dpmpp_2m_sde
dpmpp_2m_sde_gpu dpmpp_2m_sde_heun dpmpp_2m_sde_heun_gpu dpmpp_3m_sde dpmpp_3m_sde_gpu ddpm lcm ipndm ipndm_v deis
res_multistep res_multistep_cfg_pp res_multistep_ancestral res_multistep_ancestral_cfg_pp gradient_estimation
gradient_estimation_cfg_pp er_sde seeds_2 seeds_3 sa_solver sa_solver_pece ddim uni_pc uni_pc_bh2 exp_heun_2_x0
exp_heun_2_x0_sde cfgpp_ud10_ab
"""
"""What ComfyUI's sampler and scheduler lists hold."""
SPREAD = "simple sgm_uniform karras exponential ddim_uniform beta normal linear_quadratic kl_optimal"


def read(value):
    key = "workflow" if "nodes" in value else "prompt"
    reading = FORMAT.read({key: json.dumps(value)})
    assert reading is not None
    return reading


def told(reading, language="en"):
    left = [item.say(language) if isinstance(item, Said) else item for item in reading.left_out]
    return " ".join([*left, *(said.say(language) for said in reading.approximated)])


@EVERY
def test_a_sample_gives_its_values(name):
    reading = read(SAMPLES[name].value)
    got = {key: reading.values.get(key) for key in SAMPLES[name].gives}
    assert got == SAMPLES[name].gives


@EVERY
def test_a_sample_says_what_is_not_the_same(name):
    words = told(read(SAMPLES[name].value))
    assert [part for part in SAMPLES[name].says if part not in words] == []


@EVERY
def test_what_is_said_is_said_in_both_languages_and_says_where_each_value_came_from(name):
    reading = read(SAMPLES[name].value)
    assert "{" not in told(reading, "zh").replace("{a|b}", "")
    assert len(reading.mapped) >= 5
    assert all("(from " in said.say("en") for said in reading.mapped)


@EVERY
def test_a_file_reads_as_the_picture_does(name):
    recalled = read_text(json.dumps(SAMPLES[name].value))
    assert recalled.format == "ComfyUI"
    assert (
        set(SAMPLES[name].gives) - {k for k, v in SAMPLES[name].gives.items() if v is None} <= recalled.fields
    )


def test_the_four_prompts_of_the_first_example_stay_as_they_are():
    assert read(SAMPLES["kolors_example"].value).values["prompt"].count("|") == 3


def test_a_prompt_is_traced_through_links_and_never_by_titles():
    value = json.loads(json.dumps(SAMPLES["first graph"].value))
    value["6"]["_meta"]["title"], value["7"]["_meta"]["title"] = "negative", "positive"
    assert read(value).values["prompt"] == "beautiful scenery, 水墨"


def test_a_plain_graph_has_nothing_to_excuse():
    value = json.loads(json.dumps(SAMPLES["first graph"].value))
    value["3"]["inputs"]["seed"] = 5
    reading = read(value)
    assert reading.left_out == ()
    assert reading.approximated == ()


def test_file_names_are_kept_without_their_folders():
    for sample in SAMPLES.values():
        values = read(sample.value).values
        assert "/" not in values.get("model", "")
        assert all(".." not in use["name"] and use["name"].count("/") <= 1 for use in values.get("loras", ()))


@pytest.mark.parametrize("name", OFFERED.split())
def test_every_sampler_of_comfyui_is_matched_to_one_of_ours(name):
    assert SAMPLERS[name].name in samplers.SAMPLERS


@pytest.mark.parametrize("name", SPREAD.split())
def test_every_scheduler_of_comfyui_is_matched_to_one_of_ours(name):
    assert SCHEDULES[name].name in schedules.SCHEDULES


def test_every_other_name_of_ours_exists_too():
    assert {match.name for pair in CLASSES.values() for match in pair} <= {
        *samplers.SAMPLERS,
        *schedules.SCHEDULES,
    }
    assert set(TO_COMFY) == set(samplers.SAMPLERS)


@pytest.mark.parametrize(("steps", "taken"), [(20, 20), (25, 25), (30, 31), (40, 40), (1, 1)])
def test_comfyui_takes_a_step_more_where_the_count_does_not_divide(steps, taken):
    assert ddim_steps(steps) == taken


def test_every_node_of_the_reference_is_known():
    wanted = (
        "CheckpointLoaderSimple UNETLoader CLIPLoader DualCLIPLoader VAELoader LoraLoader LoraLoaderModelOnly "
        "CLIPSetLastLayer CLIPTextEncode CLIPTextEncodeSDXL EmptyLatentImage EmptySD3LatentImage KSampler KSamplerAdvanced "
        "VAEDecode VAEEncode SaveImage PreviewImage LoadImage DownloadAndLoadKolorsModel LoadChatGLM3 "
        "DownloadAndLoadChatGLM3 KolorsTextEncode KolorsSampler LoadKolorsLoRA MZ_ChatGLM3Loader MZ_ChatGLM3_V2 "
        "MZ_ChatGLM3_Advance_V2 MZ_KolorsUNETLoaderV2 MZ_KolorsCheckpointLoaderSimple MZ_ChatGLM3Embeds2Conditioning "
        "MZ_ApplySDXLSamplingSettings MZ_ApplyCUDAGenerator MZ_ChatGLM3 MZ_KolorsUNETLoader"
    )
    assert set(wanted.split()) <= set(kinds())


@pytest.mark.parametrize("kind", kinds().values(), ids=lambda kind: kind.class_type)
def test_a_list_of_values_is_named_with_and_without_the_pages_own_entries(kind):
    extras = {CONTROL: "fixed", UPLOAD: "image"}
    plain = {name: f"v{i}" for i, name in enumerate(kind.widgets) if name not in extras}
    assert kind.values([extras.get(name) or plain[name] for name in kind.widgets]) == plain
    assert kind.values(list(plain.values())) == plain
    assert kind.values(list(plain.values())[:1]) == dict(list(plain.items())[:1])
