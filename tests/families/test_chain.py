"""The engine's chain with families whose scheduler keeps latents in rows, or that read guidance otherwise."""

import io
import shutil
from dataclasses import replace

import pytest
import torch
from PIL import Image

from studio.engine.chain import Chain
from studio.engine.device import Device
from studio.engine.events import Job, LoraFile, LoraMatch, Notice, Picture, StageEnded, Step
from studio.errors import NotForFlow
from studio.families.clip_weights import evened
from studio.families.family import Sampling
from studio.requests import GenerateRequest

ASKED = {"prompt": "a red house", "steps": 2, "guidance": 3.0, "width": 104, "height": 64, "seed": 5}


@pytest.fixture(scope="module")
def chain():
    return Chain(Device("cpu", "CPU", 4 * 2**30))


def job(folder, name, **more):
    previews = more.pop("previews", True)
    return Job(GenerateRequest(**{**ASKED, **more}), folder, name, previews=previews)


def previews_of(events):
    return [event.preview_jpeg for event in events if isinstance(event, Step)]


@pytest.mark.long
@pytest.mark.parametrize("name", ["flux", "flux2_klein", "qwen_image", "sd3", "z_image"])
def test_picture_and_previews_of_a_rounded_size(chain, tiny, name):
    events = list(chain.run(job(tiny(name), name)))
    (picture,) = [event for event in events if isinstance(event, Picture)]
    assert (picture.width, picture.height) == (96, 64)
    assert len(picture.rgb) == 96 * 64 * 3
    assert [Image.open(io.BytesIO(jpeg)).size for jpeg in previews_of(events)] == [(48, 32), (48, 32)]
    again = list(chain.run(job(tiny(name), name)))
    assert all(event.reused for event in again if isinstance(event, StageEnded))


def test_distilled_guidance_counts_and_its_negative_prompt_does_not(chain, tiny):
    def painted(**more):
        events = list(chain.run(job(tiny("flux"), "flux", previews=False, **more)))
        rgb = next(event.rgb for event in events if isinstance(event, Picture))
        return rgb, [event.field for event in events if isinstance(event, Notice)]

    plain, _ = painted()
    with_negative, notices = painted(negative_prompt="blurry")
    assert plain == with_negative
    assert "negative_prompt" in notices
    assert painted(guidance=1.0)[0] != plain


@pytest.mark.long
@pytest.mark.parametrize("name", ["sd15", "sdxl"])
def test_prompts_of_several_windows_are_painted_whole(chain, tiny, name):
    def painted(prompt, **more):
        events = list(chain.run(job(tiny(name), name, previews=False, prompt=prompt, **more)))
        (told,) = [
            event.holds.say() for event in events if isinstance(event, StageEnded) and event.stage == "encode"
        ]
        cut = [event for event in events if isinstance(event, Notice) and event.field == "prompt"]
        return next(event.rgb for event in events if isinstance(event, Picture)), told, cut

    house = "a red house " * 25
    one, told, _ = painted(house)
    assert told == "75 of 75 tokens"
    two, told, cut = painted(house + "at night")
    assert (told, cut) == ("77 tokens in 2 windows", [])
    assert len({one, two, painted(house + "at day")[0], painted("a red house BREAK at night")[0]}) == 4
    painted(house + "at night", guidance=1.0)
    away, told, _ = painted("a red house", negative_prompt=house + "at night")
    assert told == "3 of 75 tokens"
    assert away != painted("a red house", negative_prompt=house)[0]
    _, told, cut = painted(house * 9)
    assert told == "675 tokens in 9 windows"
    assert "reads 8 windows of tokens; this text takes 9. Not read: “a red house" in cut[0].said.say()


@pytest.mark.parametrize("name", ["sd15", "sdxl"])
def test_a_shorter_text_is_filled_up_with_empty_windows(opened, name):
    model = opened(name)
    family, parts = model.family, model.parts
    long, short, empty = (
        family.encode(parts, text) for text in ("a cat BREAK a dog BREAK a house", "blurry", "")
    )
    sampling = evened(Sampling(short, long, 64, 64, 2, 4.0, torch.Generator()))
    filled = torch.cat([short["prompt_embeds"], *[empty["prompt_embeds"]] * 2], 1)
    assert torch.equal(sampling.positive["prompt_embeds"], filled)
    assert torch.equal(sampling.negative["prompt_embeds"], long["prompt_embeds"])
    assert sampling.positive.keys() == sampling.negative.keys() == short.keys()


@pytest.mark.parametrize("name", ["sd15", "sdxl"])
def test_captions_of_every_length_are_learnt_in_one_window(opened, name):
    model = opened(name)
    shapes = {
        tuple(model.family.encode_caption(model.parts, text)["prompt_embeds"].shape)
        for text in ("", "a cat BREAK a dog", "a cat " * 100)
    }
    assert len(shapes) == 1


def test_sampler_that_fits_no_flow_is_refused_before_anything_is_loaded(chain, tmp_path):
    with pytest.raises(NotForFlow) as refused:
        list(chain.run(job(tmp_path / "nowhere", "z_image", sampler="dpmpp_2m")))
    assert refused.value.field == "sampler"


def test_a_card_may_change_how_a_model_is_sampled(chain, tiny):
    asked = job(tiny("sd15"), "sd15", previews=False)
    as_v = Job(
        asked.request, asked.model_dir, "sd15", previews=False, scheduler={"prediction_type": "v_prediction"}
    )
    pictures = [
        next(event.rgb for event in chain.run(each) if isinstance(event, Picture)) for each in (asked, as_v)
    ]
    assert pictures[0] != pictures[1]


def test_tiny_autoencoder_beside_the_model_draws_the_previews(chain, tiny, tmp_path):
    from diffusers import AutoencoderTiny

    folder = shutil.copytree(tiny("sd15"), tmp_path / "sd15")
    fitted = previews_of(chain.run(job(folder, "sd15")))
    eights = {"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4}
    small = AutoencoderTiny(**eights, num_encoder_blocks=(1,) * 4, num_decoder_blocks=(1,) * 4)
    small.save_pretrained(folder / "taesd")
    drawn = previews_of(chain.run(job(folder, "sd15", seed=6)))
    assert [Image.open(io.BytesIO(jpeg)).size for jpeg in drawn] == [(52, 32), (52, 32)]
    assert fitted[0] != drawn[0]
    shutil.rmtree(folder / "taesd")
    again = previews_of(chain.run(job(folder, "sd15", seed=7)))
    assert len(again) == 2


def kohya_lora(folder, file, with_denoiser):
    """A LoRA in kohya's names for CLIP's feed-forward layers, and perhaps for one layer of the denoiser."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    dice, tensors = torch.Generator().manual_seed(3), {}

    def add(name, shape):
        tensors[f"{name}.lora_down.weight"] = torch.randn(2, shape[1], generator=dice)
        tensors[f"{name}.lora_up.weight"] = torch.randn(shape[0], 2, generator=dice)
        tensors[f"{name}.alpha"] = torch.tensor(2.0)

    for part, prefix, end in (
        ("text_encoder", "lora_te_", "mlp.fc1.weight"),
        ("unet", "lora_unet_", "attn2.to_k.weight"),
    ):
        if part == "unet" and not with_denoiser:
            continue
        weights = next((folder / part).glob("*.safetensors"))
        with safe_open(str(weights), "pt") as held:
            for key in [key for key in held.keys() if key.endswith(end)]:  # noqa: SIM118 - not a dict
                path = key.removesuffix(".weight")
                if part == "text_encoder" and not path.startswith("text_model."):
                    path = f"text_model.{path}"
                add(prefix + path.replace(".", "_"), held.get_slice(key).get_shape())
    save_file(tensors, file)
    return file


def test_a_lora_for_the_text_encoder_reaches_it_and_leaves_no_trace(chain, tiny, tmp_path):
    folder = tiny("sd15")
    file = kohya_lora(folder, tmp_path / "words.safetensors", with_denoiser=True)

    def painted(*weights):
        loras = tuple(LoraFile("words", file, weight) for weight in weights)
        asked = job(folder, "sd15", previews=False, negative_prompt="blurry", seed=11)
        events = list(chain.run(replace(asked, loras=loras)))
        told = [event for event in events if isinstance(event, LoraMatch)]
        return next(event.rgb for event in events if isinstance(event, Picture)), told

    plain, _ = painted()
    changed, (match,) = painted(1.0)
    chain.results.clear()
    assert match.text_layers > 0
    assert match.matched == match.total
    assert changed != plain
    assert painted(0.5)[0] not in (plain, changed)
    chain.results.clear()
    assert painted(0.0)[0] == plain
    chain.results.clear()
    assert painted()[0] == plain


def test_a_lora_for_the_text_encoder_alone_changes_the_picture(chain, tiny, tmp_path):
    folder = tiny("sd15")
    file = kohya_lora(folder, tmp_path / "alone.safetensors", with_denoiser=False)
    asked = job(folder, "sd15", previews=False, seed=12)
    pictures = [
        next(event.rgb for event in chain.run(each) if isinstance(event, Picture))
        for each in (asked, replace(asked, loras=(LoraFile("alone", file, 1.0),)), asked)
    ]
    assert pictures[0] != pictures[1]
    assert pictures[0] == pictures[2]
