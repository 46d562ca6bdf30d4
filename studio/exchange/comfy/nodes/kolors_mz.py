"""The nodes of MinusZoneAI's ComfyUI-Kolors-MZ, which bring Kolors to ComfyUI's own samplers."""

from studio.exchange.comfy.kind import node
from studio.exchange.comfy.nodes.loaders import take_model
from studio.exchange.comfy.nodes.prompts import take_words
from studio.exchange.comfy.walk import Visit, lacks, passes
from studio.words import Text

CUDA_NOISE = Text(
    "Node {node} draws noise on the graphics card; here it is drawn on the processor, so the same seed gives another "
    "picture.",
    "节点 {node} 在显卡上抽取噪声；本程序在 CPU 上抽取，因此同一种子的画面不同。",
)
_GLM, _SIZES = "chatglm3_model:CHATGLM3MODEL", "width height crop_w crop_h target_width target_height"


def _unet(visit: Visit) -> None:
    take_model(visit, "unet_name")


def _checkpoint(visit: Visit) -> None:
    take_model(visit, "ckpt_name")


def _words(visit: Visit) -> None:
    take_words(visit, "text")


def _cuda(visit: Visit) -> None:
    visit.approximate(CUDA_NOISE)
    visit.follow("model")


NODES = (
    node("MZ_ChatGLM3Loader", passes(), "", "chatglm3_checkpoint", "CHATGLM3MODEL"),
    node("MZ_ChatGLM3_V2", _words, _GLM, "text", "CONDITIONING"),
    node("MZ_ChatGLM3_Advance_V2", _words, _GLM, f"text {_SIZES}", "CONDITIONING"),
    node("MZ_ChatGLM3", _words, f"{_GLM} hid_proj:TorchLinear", "text", "CONDITIONING"),
    node("MZ_KolorsUNETLoaderV2", _unet, "", "unet_name", "MODEL"),
    node("MZ_KolorsUNETLoader", _unet, "", "unet_name", "MODEL TorchLinear"),
    node("MZ_KolorsCheckpointLoaderSimple", _checkpoint, "", "ckpt_name", "MODEL VAE"),
    node("MZ_ChatGLM3Embeds2Conditioning", passes("kolors_embeds"), "kolors_embeds:KOLORS_EMBEDS", _SIZES,
         "CONDITIONING CONDITIONING"),
    node("MZ_ApplySDXLSamplingSettings", lacks("model"), "model:MODEL", "", "MODEL"),
    node("MZ_ApplyCUDAGenerator", _cuda, "model:MODEL", "", "MODEL"),
    node("MZ_KolorsControlNetPatch", lacks("model"), "control_net:CONTROL_NET model:MODEL", "", "CONTROL_NET"),
    node("MZ_IPAdapterAdvancedKolors", lacks("model"), "model:MODEL ipadapter:IPADAPTER image:IMAGE", "", "MODEL"),
)  # fmt: skip
