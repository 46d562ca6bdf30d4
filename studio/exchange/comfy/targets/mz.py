"""MinusZoneAI's nodes for Kolors (ComfyUI-Kolors-MZ), which sample with ComfyUI's own KSampler."""

from studio.exchange.comfy.plan import Plan, Target
from studio.exchange.comfy.targets.core import FILES_AS_NAMED, NEGATIVE, PROMPT, chain_loras, finish
from studio.words import Text

_TEXT_ENCODER, _VAE = "chatglm3-fp16.safetensors", "sdxl.vae.safetensors"


def _build(plan: Plan) -> None:
    file = f"{plan.request.model}.safetensors"
    model = plan.out(plan.add("MZ_KolorsUNETLoaderV2", unet_name=file))
    glm = plan.out(plan.add("MZ_ChatGLM3Loader", chatglm3_checkpoint=_TEXT_ENCODER))
    vae = plan.out(plan.add("VAELoader", vae_name=_VAE))
    loras = [f"{use.name}.safetensors" for use in plan.loras]
    plan.near("", FILES_AS_NAMED, files=", ".join([file, _TEXT_ENCODER, _VAE, *loras]))
    model = chain_loras(plan, model)
    positive = plan.add("MZ_ChatGLM3_V2", PROMPT, chatglm3_model=glm, text=plan.request.prompt)
    negative = plan.add("MZ_ChatGLM3_V2", NEGATIVE, chatglm3_model=glm, text=plan.request.negative_prompt)
    finish(plan, model, plan.out(positive), plan.out(negative), vae, "EmptyLatentImage")


TARGET = Target(
    "mz", Text("ComfyUI-Kolors-MZ (MinusZoneAI)", "ComfyUI-Kolors-MZ（MinusZoneAI）"), ("kolors",), 2, _build
)
