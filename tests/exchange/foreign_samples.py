"""Settings as other programs and sites write them, each quirk once, with what is to come of them."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Sample:
    """Texts of a picture; the values, names of what is left out, and settings that only come near, wanted of them."""

    name: str
    format: str
    texts: dict[str, str]
    values: dict[str, Any]
    left_out: tuple[str, ...] = ()
    near: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


def text(name, told, values, left_out=(), near=0, facts=None):
    return Sample(name, "A1111", {"parameters": told}, values, left_out, near, facts or {})


def lora(name, weight=1.0):
    return {"name": name, "weight": weight, "on": True}


A1111 = [
    text("plain", "a cat\nNegative prompt: blurry\nSteps: 20, Sampler: Euler, Schedule type: Automatic, CFG scale: 7, Seed: 1, "
         "Size: 512x768, Model hash: 45dee52b, Model: v1-5, Version: v1.10.1",
         {"prompt": "a cat", "negative_prompt": "blurry", "steps": 20, "sampler": "euler", "schedule": "auto", "guidance": 7.0,
          "seed": 1, "width": 512, "height": 768, "model": "v1-5", "loras": []}),
    text("old sampler with its schedule", "a cat\nSteps: 25, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 2, Size: 512x512",
         {"sampler": "dpmpp_2m", "schedule": "karras", "guidance": 6.5}),
    text("schedule type wins over the name", "a\nSteps: 25, Sampler: DPM++ 2M SDE Karras, Schedule type: Exponential, Seed: 2",
         {"sampler": "dpmpp_2m_sde", "schedule": "exponential"}, near=1),
    text("forge with distilled guidance", "a fox\nSteps: 20, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG "
         "Scale: 3.5, Seed: 3, Size: 896x1152, Model hash: c161, Model: flux1-dev-fp8, Version: f2.0.1v1.10.1, Diffusion in Low "
         "Bits: Automatic (fp16 LoRA), Module 1: ae, Module 2: clip_l",
         {"guidance": 3.5, "schedule": "simple", "model": "flux1-dev-fp8"}, ("Diffusion in Low Bits", "Module 1", "Module 2")),
    text("distilled beside real guidance", "a\nSteps: 9, Sampler: Euler, CFG scale: 4, Distilled CFG Scale: 3.5, Seed: 3",
         {"guidance": 4.0}, ("Distilled CFG Scale",)),
    text("civitai with a clip skip and a sampler that are none", "a cat\nNegative prompt: bad\nSteps: 30, Sampler: Undefined, CFG scale: 3.5, "
         "Seed: 4, Size: 832x1216, Clip skip: 0, Created Date: 2024-09-01T10:11:12.1234567Z, Civitai resources: "
         '[{"type":"checkpoint","modelVersionId":691639,"modelName":"FLUX","modelVersionName":"Dev"},{"type":"lora","weight":0.8,'
         '"modelVersionId":7,"modelName":"Ink, wash","modelVersionName":"v1.0"}], Civitai metadata: {"remixOfId":1}',
         {"steps": 30, "guidance": 3.5, "width": 832, "height": 1216, "loras": [lora("Ink, wash", 0.8)]}, ("Sampler",)),
    text("clip skip that skips", "a\nSteps: 30, Sampler: Euler a, Clip skip: 2, CFG scale: 5, Seed: 4",
         {"sampler": "euler_ancestral"}, ("Clip skip",), near=1),
    text("lora tags and hashes", "<lora:ink wash:0.7> a cat <lora:style_v2>, night <lora:x:0.5:0.9> <lora:y:te=0.2:unet=1.1>\nSteps: 8, "
         'Sampler: LCM, Seed: 5, Lora hashes: "ink wash: 1234567890ab, style_v2: ffff00001111", TI hashes: "e: 12"',
         {"prompt": "a cat, night", "sampler": "lcm",
          "loras": [lora("ink wash", 0.7), lora("style_v2"), lora("x", 0.9), lora("y", 1.1)]}, near=3,
         facts={"lora_hashes": {"ink wash": "1234567890ab", "style_v2": "ffff00001111"}}),
    text("five loras and a wild weight", "a" + "".join(f"<lora:l{n}:1>" for n in range(5)) + "<lora:w:99><lora:odd:abc>\nSteps: 8, Sampler: "
         "Heun, Seed: 5", {"prompt": "a", "loras": [lora(f"l{n}") for n in range(4)]}, ("LoRA l4", "LoRA w", "LoRA odd")),
    text("hires fix", "a\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 6, Size: 512x512, Denoising strength: 0.5, Hires upscale: 2, "
         'Hires steps: 10, Hires upscaler: Latent, Hires prompt: "x, y: z\\nb"', {"prompt": "a", "upscale": 2.0, "upscale_strength": 0.5}, ("Hires steps", "Hires prompt")),
    text("img2img", "a\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 6, Size: 512x512, Denoising strength: 0.45",
         {"prompt": "a", "strength": 0.45}, ()),
    text("quoted values", 'a\nSteps: 20, Sampler: Euler, Seed: 7, Model: "one, two: \\"three\\"", Version: 1',
         {"model": 'one, two: "three"'}),
    text("negative prompt inside the prompt", "a sign that says Negative prompt: no\nsecond line\nNegative prompt: bad\nNegative prompt: "
         "worse\nSteps: 20, Sampler: Euler, Seed: 7", {"prompt": "a sign that says Negative prompt: no\nsecond line",
                                                      "negative_prompt": "bad\nworse"}),
    text("no prompt at all", "Steps: 20, Sampler: DDIM, CFG scale: 7, Seed: 8", {"prompt": "", "negative_prompt": "", "sampler": "ddim"}),
    text("negative prompt only", "Negative prompt: bad\nSteps: 20, Sampler: Euler, Seed: 8", {"prompt": "", "negative_prompt": "bad"}),
    text("lines of an extension behind", "a red cat\nSteps: 20, Sampler: Euler, Seed: 9\nTemplate: a {red|blue} cat\nNegative Template: x",
         {"prompt": "a red cat", "seed": 9}),
    text("marks that would be drawn here", "[cow|horse] in {a|b} __colour__, |_|\nSteps: 20, Sampler: Euler, Seed: 9",
         {"prompt": r"[cow\|horse] in \{a\|b\} \__colour__, \|_\|"}),
    text("random seed and no sampler", "a\nSteps: 20, CFG scale: 7, Seed: -1, Size: 512x512", {"steps": 20}),
    text("samplers that are not here", "a\nSteps: 20, Sampler: DPM++ 3M SDE Exponential, Seed: 1, Eta: 0.5, ENSD: 31337",
         {"sampler": "dpmpp_2m_sde", "schedule": "exponential"}, ("Eta", "ENSD"), near=1),
    text("numbers that are none", "a\nSteps: many, Sampler: Foo, Schedule type: Bar, CFG scale: 1e9, Seed: x, Size: big",
         {"prompt": "a"}, ("Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size")),
    text("fooocus' other scheme", "a cat\nNegative prompt: bad\nSteps: 30, Sampler: DPM++ 2M SDE Karras, Seed: 10, Size: 1152x896, CFG scale: 4, "
         "Sharpness: 2, ADM Guidance: \"(1.5, 0.8, 0.3)\", Model: juggernautXL, Performance: Speed, Scheduler: karras, Styles: "
         "\"['Fooocus V2']\", Lora hashes: \"offset: aabbccddeeff: 0.1\", Metadata scheme: a1111, Version: Fooocus v2.5.5",
         {"sampler": "dpmpp_2m_sde", "schedule": "karras", "width": 1152, "height": 896, "loras": [lora("offset", 0.1)]},
         ("Sharpness", "ADM Guidance", "Performance", "Styles"), near=1, facts={"lora_hashes": {"offset": "aabbccddeeff"}}),
    text("hashes in one object", 'a\nSteps: 20, Sampler: Euler, Seed: 1, Hashes: {"model": "45dee52b", "lora:ink": "1234567890"}',
         {"prompt": "a"}, facts={"lora_hashes": {"ink": "1234567890"}}),
]  # fmt: skip

FOOOCUS = {
    "adm_guidance": "(1.5, 0.8, 0.3)", "base_model": "juggernautXL_v8", "base_model_hash": "aeb7e9e689", "clip_skip": 2,
    "full_prompt": ["a cat, cinematic"], "guidance_scale": 4.0, "lora_combined_1": "sd_xl_offset : 0.1",
    "loras": [["sd_xl_offset", 0.1, "aabbccddeeff"]], "metadata_scheme": "fooocus", "negative_prompt": "bad",
    "performance": "Speed", "prompt": "a cat", "prompt_expansion": "", "refiner_model": "None", "refiner_switch": 0.5,
    "resolution": "(1152, 896)", "sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras", "seed": "123456789", "sharpness": 2.0,
    "steps": 30, "styles": "['Fooocus V2']", "version": "Fooocus v2.5.5",
}  # fmt: skip
SWARM = {
    "sui_image_params": {
        "prompt": "a cat", "negativeprompt": "bad", "model": "OfficialStableDiffusion/sd_xl_base_1.0", "images": 1, "steps": 20,
        "cfgscale": 7.0, "aspectratio": "1:1", "width": 1024, "height": 1024, "sampler": "euler_ancestral", "scheduler": "normal",
        "seed": 1234, "loras": ["ink.safetensors", "b"], "loraweights": ["0.8", "1"], "refinercontrolpercentage": 0.2,
        "swarm_version": "0.9.3.1",
    },
    "sui_extra_data": {"date": "2024-09-01", "generation_time": "5 sec"},
    "sui_models": [{"name": "ink.safetensors", "param": "loras", "hash": "0xaabb"}],
}  # fmt: skip
INVOKE = {
    "generation_mode": "sdxl_txt2img", "positive_prompt": "a cat++ in (the snow)1.2", "negative_prompt": "bad", "width": 1024,
    "height": 768, "seed": 77, "rand_device": "cpu", "cfg_scale": 5.5, "steps": 28, "scheduler": "dpmpp_2m_k", "clip_skip": 0,
    "model": {"key": "a", "hash": "blake3:1", "name": "Juggernaut XL", "base": "sdxl", "type": "main"},
    "loras": [{"model": {"name": "ink", "base": "sdxl"}, "weight": 0.75}], "strength": 0.8, "app_version": "5.6.0",
}  # fmt: skip
INVOKE_3 = {
    "positive_prompt": "a cat", "negative_prompt": "", "width": 512, "height": 512, "seed": 7, "cfg_scale": 7.5, "steps": 50,
    "scheduler": "euler_a", "model": {"model_name": "sd-1", "base_model": "sd-1", "model_type": "main"},
    "loras": [{"lora": {"model_name": "old", "base_model": "sd-1"}, "weight": 0.5}],
}  # fmt: skip
INVOKE_2 = {
    "model": "stable diffusion", "model_weights": "stable-diffusion-1.5", "app_id": "invoke-ai/InvokeAI", "app_version": "2.3.5",
    "image": {"prompt": [{"prompt": "a cat [blurry] in snow [dark]", "weight": 1.0}], "steps": 50, "cfg_scale": 7.5, "threshold": 0,
              "perlin": 0, "height": 512, "width": 640, "seed": 123, "seamless": True, "type": "txt2img", "postprocessing": None,
              "sampler": "k_lms", "variations": []},
}  # fmt: skip
NOVEL = {
    "prompt": "1girl, {ink}, [night]", "steps": 28, "height": 1216, "width": 832, "scale": 5.0, "uncond_scale": 0.0, "cfg_rescale": 0.2,
    "seed": 3141592653, "n_samples": 1, "noise_schedule": "karras", "sampler": "k_euler_ancestral", "uc": "lowres", "sm": False,
    "request_type": "PromptGenerateRequest", "signed_hash": "x",
}  # fmt: skip
NOVEL_4 = {
    "v4_prompt": {"caption": {"base_caption": "a cat", "char_captions": [{"char_caption": "girl", "centers": []}]}},
    "v4_negative_prompt": {"caption": {"base_caption": "bad", "char_captions": []}}, "uc": "", "steps": 23, "seed": 5,
    "sampler": "k_dpmpp_2m", "noise_schedule": "native",
}  # fmt: skip

JSONS = [
    Sample("fooocus", "Fooocus", {"parameters": json.dumps(FOOOCUS), "fooocus_scheme": "fooocus"},
           {"prompt": "a cat", "negative_prompt": "bad", "steps": 30, "seed": 123456789, "guidance": 4.0, "width": 1152, "height": 896,
            "sampler": "dpmpp_2m_sde", "schedule": "karras", "model": "juggernautXL_v8", "loras": [lora("sd_xl_offset", 0.1)]},
           ("adm_guidance", "clip_skip", "performance", "refiner_switch", "sharpness", "styles"), 1,
           {"lora_hashes": {"sd_xl_offset": "aabbccddeeff"}}),
    Sample("fooocus with a resolution that is code", "Fooocus", {"parameters": json.dumps(
        {"prompt": "a", "base_model": "m", "metadata_scheme": "fooocus", "resolution": "__import__('os').system('x')"})},
        {"prompt": "a", "model": "m"}, ("resolution",)),
    Sample("swarm", "SwarmUI", {"parameters": json.dumps(SWARM, indent=2)},
           {"prompt": "a cat", "negative_prompt": "bad", "model": "OfficialStableDiffusion/sd_xl_base_1.0", "steps": 20, "guidance": 7.0,
            "width": 1024, "height": 1024, "sampler": "euler_ancestral", "schedule": "normal", "seed": 1234,
            "loras": [lora("ink", 0.8), lora("b")]}, ("refinercontrolpercentage",), 1, {"lora_hashes": {"ink": "aabb"}}),
    Sample("swarm with words between commas", "SwarmUI", {"parameters": json.dumps(
        {"sui_image_params": {"prompt": "a", "seed": -1, "loras": "x, y", "loraweights": "0.5"}})},
        {"prompt": "a", "loras": [lora("x", 0.5), lora("y")]}),
    Sample("invoke", "InvokeAI", {"invokeai_metadata": json.dumps(INVOKE), "invokeai_graph": "{}"},
           {"prompt": "a cat++ in (the snow)1.2", "negative_prompt": "bad", "width": 1024, "height": 768, "seed": 77, "guidance": 5.5,
            "steps": 28, "sampler": "dpmpp_2m", "schedule": "karras", "model": "Juggernaut XL", "loras": [lora("ink", 0.75)]},
           ("strength",), 1),
    Sample("invoke 3", "InvokeAI", {"invokeai_metadata": json.dumps(INVOKE_3)},
           {"model": "sd-1", "sampler": "euler_ancestral", "loras": [lora("old", 0.5)]}, (), 1),
    Sample("invoke 2", "InvokeAI", {"sd-metadata": json.dumps(INVOKE_2), "Dream": "a cat -s 50"},
           {"prompt": "a cat  in snow", "negative_prompt": "blurry, dark", "steps": 50, "guidance": 7.5, "width": 640, "height": 512,
            "seed": 123, "sampler": "dpmpp_2m", "model": "stable-diffusion-1.5", "loras": []}, ("seamless",), 1),
    Sample("novelai", "NovelAI", {"Software": "NovelAI", "Source": "NovelAI Diffusion V3", "Description": "x", "Comment": json.dumps(NOVEL)},
           {"prompt": "1girl, {ink}, [night]", "negative_prompt": "lowres", "steps": 28, "guidance": 5.0, "seed": 3141592653, "width": 832,
            "height": 1216, "sampler": "euler_ancestral", "schedule": "karras"}, ("model", "cfg_rescale"), 2),
    Sample("novelai 4", "NovelAI", {"Software": "NovelAI", "Comment": json.dumps(NOVEL_4)},
           {"prompt": "a cat", "negative_prompt": "bad", "sampler": "dpmpp_2m", "schedule": "auto"}, ("char_captions",)),
    Sample("novelai in a user comment", "NovelAI", {"parameters": json.dumps({"Software": "NovelAI", "Comment": json.dumps(NOVEL)})},
           {"seed": 3141592653}, ("cfg_rescale",), 2),
]  # fmt: skip

SAMPLES = [*A1111, *JSONS]
