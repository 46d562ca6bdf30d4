"""The nodes that load a model, its text encoders or its VAE. A file's name is all that is kept of them."""

from studio.exchange.comfy.graph import short
from studio.exchange.comfy.kind import node
from studio.exchange.comfy.names import stem
from studio.exchange.comfy.walk import Visit, lacks, passes
from studio.words import Said, Text

OTHER_VAE = Text(
    "The VAE {name} is left out: each model here brings its own.",
    "VAE {name} 未采用：本程序的模型都自带 VAE。",
)
OTHER_DTYPE = Text(
    "The number format {dtype} of node {node} is left out; precision here is chosen for the whole model.",
    "节点 {node} 的权重格式 {dtype} 未采用；本程序的精度针对整个模型设置。",
)
CLIP_SKIP = Text(
    "CLIP skip {skip} (node {node}) is left out; the model's own layer is read.",
    "CLIP skip {skip}（节点 {node}）未采用，使用模型默认的层。",
)


def take_model(visit: Visit, name: str) -> None:
    """The model's name, from the value `name`."""
    path = visit.text(name)
    if path is not None and visit.purpose == "model":
        visit.map("model", stem(path))
        visit.found.facts["model_file"] = short(stem(path))


def _checkpoint(visit: Visit) -> None:
    take_model(visit, "ckpt_name")


def _unet(visit: Visit) -> None:
    take_model(visit, "unet_name")
    dtype = visit.text("weight_dtype")
    if dtype not in (None, "default"):
        visit.leave(Said(OTHER_DTYPE, {"dtype": short(dtype), "node": visit.node.name}))


def _vae(visit: Visit) -> None:
    name = visit.text("vae_name")
    if name is not None:
        visit.found.facts["vae"] = short(stem(name))
        visit.leave(Said(OTHER_VAE, {"name": short(stem(name))}))


def _last_layer(visit: Visit) -> None:
    layer = visit.whole("stop_at_clip_layer")
    if layer is not None and layer < -1:
        visit.leave(Said(CLIP_SKIP, {"skip": -layer, "node": visit.node.name}))
    visit.follow("clip")


NODES = (
    node("CheckpointLoaderSimple", _checkpoint, "", "ckpt_name", "MODEL CLIP VAE"),
    node("CheckpointLoader", _checkpoint, "", "config_name ckpt_name", "MODEL CLIP VAE"),
    node("unCLIPCheckpointLoader", _checkpoint, "", "ckpt_name", "MODEL CLIP VAE CLIP_VISION"),
    node("UNETLoader", _unet, "", "unet_name weight_dtype", "MODEL"),
    node("UnetLoaderGGUF", _unet, "", "unet_name", "MODEL"),
    node("CLIPLoader", passes(), "", "clip_name type device", "CLIP"),
    node("DualCLIPLoader", passes(), "", "clip_name1 clip_name2 type device", "CLIP"),
    node("TripleCLIPLoader", passes(), "", "clip_name1 clip_name2 clip_name3", "CLIP"),
    node("VAELoader", _vae, "", "vae_name", "VAE"),
    node("CLIPSetLastLayer", _last_layer, "clip:CLIP", "stop_at_clip_layer", "CLIP"),
    node("ModelMergeSimple", lacks("model1"), "model1:MODEL model2:MODEL", "ratio", "MODEL"),
)
