"""Workflows shaped as people's are, each with the values that must come out and the words that must be said."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.exchange.comfy.workflows import Page, basic, basic_page, flux, ksampler, n

FOLDER = Path(__file__).parent.parent / "samples"


@dataclass(frozen=True)
class Sample:
    """A file's value; `gives` are request values, `says` are words among what was left out or approximated."""

    value: Any
    gives: dict[str, Any] = field(default_factory=dict)
    says: tuple[str, ...] = ()


BASIC = {"prompt": "beautiful scenery, 水墨", "negative_prompt": "text, watermark", "steps": 20, "guidance": 8.0,
         "sampler": "dpmpp_2m", "schedule": "karras", "width": 512, "height": 768, "count": 1,
         "model": "v1-5-pruned-emaonly"}  # fmt: skip
PAGE = {"prompt": "a boat", "negative_prompt": "blurry", "steps": 30, "guidance": 7.0, "sampler": "euler", "seed": 42,
        "schedule": "normal", "width": 1024, "height": 768, "count": 2, "model": "sd_xl_base_1.0"}  # fmt: skip
FLUX = {"prompt": "a glass of tea", "guidance": 3.5, "sampler": "euler", "schedule": "simple", "steps": 20, "seed": 7,
        "width": 1024, "height": 1024, "model": "flux1-dev"}  # fmt: skip
SEED = {"width": 1024, "height": 1024, "steps": 25, "guidance": 5.0, "sampler": "euler", "schedule": "auto",
        "model": "Kolors", "negative_prompt": "", "count": 1}  # fmt: skip
LORA = {"name": "version_1/epoch=9-step=5000", "weight": 0.125, "on": True}


def _seed(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def _with_alpha_8() -> Any:
    value = _seed("kolors_with_lora_example")
    value["nodes"][-1]["widgets_values"][1] = 8
    return value


def _loras() -> Any:
    return basic(
        _3=ksampler(model=("11", 0), positive=("6", 0)),
        _10=n("LoraLoader", model=("4", 0), clip=("4", 1), lora_name="styles\\ink.safetensors", strength_model=0.8,
              strength_clip=0.8),
        _11=n("LoraLoaderModelOnly", model=("10", 0), lora_name="detail.pt", strength_model=-0.5),
        _6=n("CLIPTextEncode", text="x", clip=("12", 0)),
        _12=n("CLIPSetLastLayer", clip=("10", 1), stop_at_clip_layer=-2),
    )  # fmt: skip


def _many_loras() -> Any:
    nodes = {f"_{10 + i}": n("LoraLoaderModelOnly", model=(str(9 + i) if i else "4", 0), lora_name=f"l{i}.safetensors",
                             strength_model=1.0) for i in range(6)}  # fmt: skip
    return basic(_3=ksampler(model=("15", 0)), **nodes)


def _hires() -> Any:
    return basic(
        _9=n("SaveImage", images=("12", 0), filename_prefix="x"),
        _10=n("LatentUpscaleBy", samples=("3", 0), upscale_method="nearest-exact", scale_by=1.5),
        _11=ksampler(latent_image=("10", 0), denoise=0.5, steps=12),
        _12=n("VAEDecode", samples=("11", 0), vae=("4", 2)),
    )


def _refined() -> Any:
    shared = {"add_noise": "enable", "noise_seed": 3, "steps": 25, "cfg": 8.0, "sampler_name": "euler", "scheduler": "normal",
              "positive": ("6", 0), "negative": ("7", 0)}  # fmt: skip
    return basic(
        _3=n("KSamplerAdvanced", **shared, start_at_step=0, end_at_step=20, return_with_leftover_noise="enable",
             model=("4", 0), latent_image=("5", 0)),
        _12=n("CheckpointLoaderSimple", ckpt_name="sd_xl_refiner_1.0.safetensors"),
        _11=n("KSamplerAdvanced", **{**shared, "add_noise": "disable"}, start_at_step=20, end_at_step=10000,
              return_with_leftover_noise="disable", model=("12", 0), latent_image=("3", 0)),
        _8=n("VAEDecode", samples=("11", 0), vae=("4", 2)),
    )  # fmt: skip


def _mz() -> Any:
    return {
        "1": n("MZ_ChatGLM3Loader", chatglm3_checkpoint="chatglm3-8bit.safetensors"),
        "2": n("MZ_ChatGLM3_V2", chatglm3_model=("1", 0), text="可图，一只猫"),
        "3": n("MZ_ChatGLM3_Advance_V2", chatglm3_model=("1", 0), text="模糊", width=1024, height=1024, crop_w=0, crop_h=0,
               target_width=1024, target_height=1024),
        "4": n("MZ_KolorsUNETLoaderV2", unet_name="Kolors_unet_fp16.safetensors"),
        "5": n("MZ_ApplyCUDAGenerator", model=("4", 0)),
        "6": n("LoraLoaderModelOnly", model=("5", 0), lora_name="ink.safetensors", strength_model=0.75),
        "7": n("EmptyLatentImage", width=1024, height=1024, batch_size=1),
        "8": n("KSampler", seed=9, steps=25, cfg=5, sampler_name="euler", scheduler="ddim_uniform", denoise=1,
               model=("6", 0), positive=("2", 0), negative=("3", 0), latent_image=("7", 0)),
        "9": n("VAEDecode", samples=("8", 0), vae=("10", 0)),
        "10": n("VAELoader", vae_name="sdxl.vae.safetensors"),
        "11": n("PreviewImage", images=("9", 0)),
    }  # fmt: skip


def _mz_legacy() -> Any:
    graph = _mz()
    graph["4"] = n("MZ_KolorsUNETLoader", unet_name="kolors.safetensors")
    graph["2"] = n("MZ_ChatGLM3", chatglm3_model=("1", 0), hid_proj=("4", 1), text="可图，一只猫")
    graph["5"] = n("MZ_ApplySDXLSamplingSettings", model=("4", 0))
    return graph


def _mz_embeds() -> Any:
    graph = _mz()
    graph["20"] = n("LoadChatGLM3", chatglm3_checkpoint="chatglm3-4bit.safetensors")
    graph["21"] = n("KolorsTextEncode", chatglm3_model=("20", 0), prompt="可图，一只猫", negative_prompt="模糊",
                    num_images_per_prompt=1)  # fmt: skip
    graph["22"] = n("MZ_ChatGLM3Embeds2Conditioning", kolors_embeds=("21", 0), width=1024)
    graph["8"]["inputs"] |= {"positive": ["22", 0], "negative": ["22", 1]}
    return graph


def _mz_checkpoint() -> Any:
    graph = _mz()
    graph["4"] = n("MZ_KolorsCheckpointLoaderSimple", ckpt_name="kolors.safetensors")
    graph["9"] = n("VAEDecode", samples=("8", 0), vae=("4", 1))
    return graph


def _kijai_api() -> Any:
    return {
        "1": n("DownloadAndLoadKolorsModel", model="Kwai-Kolors/Kolors", precision="fp16"),
        "2": n("DownloadAndLoadChatGLM3", precision="quant8"),
        "3": n("KolorsTextEncode", chatglm3_model=("2", 0), prompt="一只{红|蓝}猫", negative_prompt="", num_images_per_prompt=3),
        "4": n("KolorsSampler", kolors_model=("1", 0), kolors_embeds=("3", 0), latent=("5", 0), width=1024, height=1024,
               seed=1, steps=30, cfg=5.0, scheduler="DPMSolverMultistepScheduler_SDE_karras", denoise_strength=0.6),
        "5": n("VAEEncode", pixels=("6", 0), vae=("7", 0)),
        "6": n("LoadImage", image="../../etc/passwd.png"),
        "7": n("VAELoader", vae_name="sdxl.vae.safetensors"),
        "8": n("VAEDecode", samples=("4", 0), vae=("7", 0)),
        "9": n("SaveImage", images=("8", 0), filename_prefix="kolors"),
    }  # fmt: skip


def _subgraph() -> Any:
    """The sampler inside a subgraph whose node outside shows a box for the steps, within another subgraph."""
    page = basic_page()
    page.nodes = [node for node in page.nodes if node["id"] != 3]
    inner = Page(1.0)
    inner.node(3, "KSampler", [42, "fixed", 1, 7, "euler", "normal", 1], "LATENT")
    links = [
        (-10, 0, "model"),
        (-10, 1, "positive"),
        (-10, 2, "negative"),
        (-10, 3, "latent_image"),
        (-10, 4, "steps"),
    ]
    sockets = [{"name": name, "type": "*", "link": inner.link((origin, slot), 3, at), **({"widget": {"name": name}} if at == 4 else {})}
               for at, (origin, slot, name) in enumerate(links)]  # fmt: skip
    inner.nodes[0]["inputs"] = sockets
    inner.link((3, 0), -20, 0)
    names = [{"id": name, "name": name, "type": "*"} for _, _, name in links]
    page.more["definitions"] = {"subgraphs": [{"id": "uuid-1", "name": "Sampling", "inputs": names, "nodes": inner.nodes,
                                               "links": inner.links}]}  # fmt: skip
    instance = page.node(
        30,
        "uuid-1",
        [30],
        "LATENT",
        model=(4, 0),
        positive=(6, 0),
        negative=(7, 0),
        latent_image=(5, 0),
        steps=None,
    )
    instance["inputs"][4]["widget"] = {"name": "steps"}
    page.links = [[*link[:1], 30, *link[2:]] if link[1] == 3 else link for link in page.links]
    return page.value()


def _bypassed_lora(mode: int) -> Any:
    page = basic_page(model=(20, 0))
    page.node(
        20, "LoraLoader", ["ink.safetensors", 0.8, 0.8], "MODEL CLIP", mode=mode, model=(4, 0), clip=(4, 1)
    )
    for socket, kind in zip(page.nodes[-1]["inputs"], ("MODEL", "CLIP"), strict=True):
        socket["type"] = kind
    return page.value()


def _rerouted() -> Any:
    page = basic_page(model=(21, 0), positive=(22, 0))
    page.node(20, "Reroute", None, "*", **{"": (4, 0)})
    page.node(21, "Reroute", None, "*", **{"": (20, 0)})
    page.node(22, "GetNode", ["words"], "*")
    page.node(23, "SetNode", ["words"], "*", value=(6, 0))
    return page.value()


def _primitive() -> Any:
    page = basic_page()
    page.node(20, "PrimitiveNode", [77, "randomize"], "INT")
    sampler = page.nodes[4]
    sampler["inputs"].append(
        {"name": "seed", "type": "INT", "link": page.link((20, 0), 3, 4), "widget": {"name": "seed"}}
    )
    page.node(21, "Note", ["remember the milk"])
    page.node(22, "MarkdownNote", ["# milk"])
    return page.value()


def _named_values() -> Any:
    page = basic_page(values={"seed": 42, "control_after_generate": "fixed", "steps": 30, "cfg": 7, "sampler_name": "euler",
                              "scheduler": "normal", "denoise": 1})  # fmt: skip
    page.nodes[1]["widgets_values"] = {"width": 1024, "height": 768, "batch_size": 2}
    return page.value()


def _sockets_for_boxes() -> Any:
    page = basic_page()
    for name in ("seed", "steps"):
        page.nodes[4]["inputs"].append({"name": name, "type": "INT", "link": None, "widget": {"name": name}})
    return page.value()


def _muted_second_save() -> Any:
    page = basic_page()
    page.node(50, "KSampler", [1, "fixed", 5, 1, "lcm", "simple", 1], "LATENT", mode=2, latent_image=(5, 0))
    page.node(51, "SaveImage", ["x"], "", mode=2, images=(50, 0))
    return page.value()


SAMPLES: dict[str, Sample] = {
    "kolors_example": Sample(_seed("kolors_example"), {**SEED, "seed": 1000102404233412 % 2**32},
                             ("4 prompts split by |", "larger than 4294967295", "sdxl.vae", "graphics card")),
    "kolors_with_lora_example": Sample(_seed("kolors_with_lora_example"),
                                       {**SEED, "seed": 0, "prompt": "二次元，长发，少女，白色背景", "loras": [LORA]},
                                       ("assumed rank of 16", "lora_alpha 2")),
    "kolors with lora_alpha 8": Sample(_with_alpha_8(), {"loras": [{**LORA, "weight": 0.5}]}),
    "kolors from a picture, api": Sample(_kijai_api(), {"sampler": "dpmpp_2m_sde", "schedule": "karras", "count": 3, "steps": 30},
                                         ("denoise strength of 0.6", "starts from a picture", "{a|b}")),
    "first graph": Sample(basic(), BASIC, ("larger than",)),
    "envelope": Sample({"prompt": basic(), "client_id": "x", "extra_data": {"extra_pnginfo": {}}}, BASIC),
    "page 0.4": Sample(basic_page().value(), PAGE, ("A batch of 2",)),
    "page 1.0": Sample(basic_page(1.0).value(), PAGE),
    "page with short values": Sample(basic_page(values=[42, "fixed", 30, 7]).value(), {"seed": 42, "steps": 30, "guidance": 7.0}),
    "page without control": Sample(basic_page(values=[42, 30, 7, "euler", "normal", 1]).value(), PAGE),
    "page of 2023": Sample(basic_page(values=[42, True, 30, 7, "euler", "normal", 1]).value(), PAGE),
    "page with named values": Sample(_named_values(), PAGE),
    "page with sockets for boxes": Sample(_sockets_for_boxes(), PAGE),
    "subgraph": Sample(_subgraph(), PAGE),
    "bypassed lora": Sample(_bypassed_lora(4), {**PAGE, "loras": None}),
    "running lora": Sample(_bypassed_lora(0), {**PAGE, "loras": [{"name": "ink", "weight": 0.8, "on": True}]}),
    "muted lora": Sample(_bypassed_lora(2), {"model": None, "loras": None}, ("Input model", "leads nowhere")),
    "reroutes": Sample(_rerouted(), PAGE),
    "primitive and notes": Sample(_primitive(), {**PAGE, "seed": 77}),
    "muted second branch": Sample(_muted_second_save(), PAGE),
    "two loras and clip skip": Sample(_loras(), {"loras": [{"name": "ink", "weight": 0.8, "on": True},
                                                          {"name": "detail", "weight": -0.5, "on": True}]}, ("CLIP skip 2",)),
    "six loras": Sample(_many_loras(), {"loras": [{"name": f"l{i}", "weight": 1.0, "on": True} for i in range(4)]},
                        ("At most 4", "l4, l5")),
    "lora of strength 9": Sample(basic(_3=ksampler(model=("10", 0)), _10=n("LoraLoader", model=("4", 0), clip=("4", 1), lora_name="a.ckpt",
                                       strength_model=9, strength_clip=0.3)), {"loras": [{"name": "a", "weight": 4.0, "on": True}]},
                                 ("strength 9 is outside", "0.3 for the text encoder")),
    "second pass": Sample(_hires(), BASIC, ("a second pass", "LatentUpscaleBy (10)")),
    "base and refiner": Sample(_refined(), {"seed": 3, "steps": 25, "model": "v1-5-pruned-emaonly"},
                               ("steps 0 to 20 of 25", "KSamplerAdvanced (11)")),
    "flux": Sample(flux(), {**FLUX, "negative_prompt": None}, ("fp8_e4m3fn", "VAE ae", "shift of node ModelSamplingFlux")),
    "flux with cfg": Sample(flux(_8=n("CFGGuider", model=("1", 0), positive=("5", 0), negative=("15", 0), cfg=4.0),
                                 _15=n("ConditioningZeroOut", conditioning=("4", 0))),
                            {**FLUX, "negative_prompt": ""}, ("own cfg 4",)),
    "flux text node": Sample(flux(_5=n("CLIPTextEncodeFlux", clip=("2", 0), clip_l="tea", t5xxl="a glass of tea", guidance=3.5)),
                             FLUX, ("different texts",)),
    "flux in one sampler": Sample(basic(_3=ksampler(positive=("10", 0), cfg=1.0),
                                        _10=n("FluxGuidance", conditioning=("6", 0), guidance=2.5)), {"guidance": 2.5}),
    "sd3": Sample(basic(_5=n("EmptySD3LatentImage", width=1024, height=1024, batch_size=1), _3=ksampler(model=("10", 0)),
                        _10=n("ModelSamplingSD3", model=("4", 0), shift=3.0)), {"width": 1024}, ("shift of node ModelSamplingSD3",)),
    "sdxl texts": Sample(basic(_6=n("CLIPTextEncodeSDXL", clip=("4", 1), width=1024, height=1024, crop_w=64, crop_h=0,
                                    target_width=1024, target_height=1024, text_g="a boat", text_l="oil paint")),
                         {"prompt": "a boat"}, ("text_l", "another size or crop")),
    "minuszone": Sample(_mz(), {"prompt": "可图，一只猫", "negative_prompt": "模糊", "model": "Kolors_unet_fp16", "schedule": "ddim_uniform",
                                "loras": [{"name": "ink", "weight": 0.75, "on": True}], "seed": 9}, ("MZ_ApplyCUDAGenerator (5)",)),
    "minuszone, old nodes": Sample(_mz_legacy(), {"prompt": "可图，一只猫", "model": "kolors"}, ("MZ_ApplySDXLSamplingSettings (5)",)),
    "minuszone, kijai's embeds": Sample(_mz_embeds(), {"prompt": "可图，一只猫", "negative_prompt": "模糊"}),
    "minuszone, checkpoint": Sample(_mz_checkpoint(), {"model": "kolors"}),
    "combined texts": Sample(basic(_3=ksampler(positive=("10", 0)), _10=n("ConditioningCombine", conditioning_1=("6", 0),
                                   conditioning_2=("11", 0)), _11=n("CLIPTextEncode", text="fog", clip=("4", 1))),
                             {"prompt": "beautiful scenery, 水墨, fog"}, ("2 texts are joined",)),
    "controlnet": Sample(basic(_3=ksampler(positive=("10", 0), negative=("10", 1)),
                               _10=n("ControlNetApplyAdvanced", positive=("6", 0), negative=("7", 0), control_net=("11", 0),
                                     image=("12", 0), strength=1.0, start_percent=0, end_percent=1),
                               _11=n("ControlNetLoader", control_net_name="canny.safetensors"), _12=n("LoadImage", image="a.png")),
                         BASIC | {"seed": 5}, ("ControlNetApplyAdvanced (10)",)),
    "inpainting": Sample(basic(_3=ksampler(positive=("10", 0), negative=("10", 1), latent_image=("10", 2), denoise=0.8),
                               _10=n("InpaintModelConditioning", positive=("6", 0), negative=("7", 0), vae=("4", 2),
                                     pixels=("12", 0), mask=("12", 1)), _12=n("LoadImage", image="a.png", upload="image")),
                         {"prompt": BASIC["prompt"]}, ("InpaintModelConditioning (10)", "denoise 0.8")),
    "unknown nodes": Sample(basic(_3=ksampler(model=("10", 0), positive=("11", 0)), _10=n("FancyPatch", model=("4", 0)),
                                  _11=n("FancyWords", conditioning=("6", 0)), _9=n("FancySave", images=("8", 0))),
                            BASIC | {"seed": 5}, ("FancyPatch (10)", "FancyWords (11)")),
    "words from nodes": Sample(basic(_6=n("CLIPTextEncode", text=("10", 0), clip=("4", 1)),
                                     _10=n("StringConcatenate", string_a=("11", 0), string_b="cat", delimiter=" "),
                                     _11=n("PrimitiveStringMultiline", value="a red"), _12=n("PrimitiveInt", value=12),
                                     _3=ksampler(steps=("12", 0))), {"prompt": "a red cat", "steps": 12}),
    "numbers in words": Sample(basic(_3=ksampler(cfg="7.5", steps="12", seed="8")), {"guidance": 7.5, "steps": 12, "seed": 8}),
    "wrapped list": Sample(basic(_6=n("CLIPTextEncode", text={"__value__": "wrapped"}, clip=("4", 1))), {"prompt": "wrapped"}),
    "odd size": Sample(basic(_5=n("EmptyLatentImage", width=100, height=516, batch_size=1)), {"width": 96, "height": 512},
                       ("100 pixels",)),
    "ddim_uniform with one step more": Sample(basic(_3=ksampler(scheduler="ddim_uniform", steps=30)), {"steps": 30}, ("31 steps for 30",)),
    "sampler that is not here": Sample(basic(_3=ksampler(sampler_name="dpmpp_3m_sde_gpu", scheduler="kl_optimal")),
                                       {"sampler": "dpmpp_2m_sde", "schedule": "karras"}, ("dpmpp_3m_sde_gpu", "kl_optimal")),
    "sampler that nobody knows": Sample(basic(_3=ksampler(sampler_name="wobble")), {"sampler": None}, ("wobble",)),
    "two pictures": Sample(basic(_20=ksampler(seed=2), _21=n("VAEDecode", samples=("20", 0), vae=("4", 2)),
                                 _22=n("SaveImage", images=("21", 0), filename_prefix="b")), BASIC, ("KSampler (20)",)),
}  # fmt: skip
"""`gives` with None: that value must not be there."""
