"""Builders of ComfyUI workflows in both forms, as small as they can be and shaped as real ones are."""

import json
from typing import Any

API = dict[str, dict[str, Any]]
SOCKETS = {"model": "MODEL", "clip": "CLIP", "vae": "VAE", "samples": "LATENT", "latent_image": "LATENT", "images": "IMAGE",
           "pixels": "IMAGE"}  # fmt: skip


def n(class_type: str, **inputs: Any) -> dict[str, Any]:
    """A node of the API form; ("4", 1) is a link to output 1 of node 4."""
    linked = {name: list(value) if isinstance(value, tuple) else value for name, value in inputs.items()}
    return {"class_type": class_type, "inputs": linked, "_meta": {"title": class_type}}


def basic(**nodes: dict[str, Any]) -> API:
    """ComfyUI's first graph: checkpoint 4, texts 6 and 7, latent 5, sampler 3, decode 8, save 9; `_6=n(…)` replaces a
    node or adds one."""
    graph = {
        "3": n("KSampler", seed=156680208700286, steps=20, cfg=8.0, sampler_name="dpmpp_2m", scheduler="karras", denoise=1.0,
               model=("4", 0), positive=("6", 0), negative=("7", 0), latent_image=("5", 0)),
        "4": n("CheckpointLoaderSimple", ckpt_name="SD1.5/v1-5-pruned-emaonly.safetensors"),
        "5": n("EmptyLatentImage", width=512, height=768, batch_size=1),
        "6": n("CLIPTextEncode", text="beautiful scenery, 水墨", clip=("4", 1)),
        "7": n("CLIPTextEncode", text="text, watermark", clip=("4", 1)),
        "8": n("VAEDecode", samples=("3", 0), vae=("4", 2)),
        "9": n("SaveImage", images=("8", 0), filename_prefix="ComfyUI"),
    }  # fmt: skip
    return {**graph, **{name.removeprefix("_"): node for name, node in nodes.items()}}


def ksampler(**changes: Any) -> dict[str, Any]:
    """The sampler of `basic` with some inputs changed."""
    inputs = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in basic()["3"]["inputs"].items()
    }
    return n("KSampler", **{**inputs, "seed": 5, **changes})


def flux(**nodes: dict[str, Any]) -> API:
    """The usual Flux graph with SamplerCustomAdvanced."""
    graph = {
        "1": n("UNETLoader", unet_name="flux1-dev.safetensors", weight_dtype="fp8_e4m3fn"),
        "2": n("DualCLIPLoader", clip_name1="t5xxl_fp16.safetensors", clip_name2="clip_l.safetensors", type="flux"),
        "3": n("VAELoader", vae_name="ae.safetensors"),
        "4": n("CLIPTextEncode", text="a glass of tea", clip=("2", 0)),
        "5": n("FluxGuidance", conditioning=("4", 0), guidance=3.5),
        "6": n("EmptySD3LatentImage", width=1024, height=1024, batch_size=1),
        "7": n("ModelSamplingFlux", model=("1", 0), max_shift=1.15, base_shift=0.5, width=1024, height=1024),
        "8": n("BasicGuider", model=("7", 0), conditioning=("5", 0)),
        "9": n("RandomNoise", noise_seed=7),
        "10": n("KSamplerSelect", sampler_name="euler"),
        "11": n("BasicScheduler", model=("7", 0), scheduler="simple", steps=20, denoise=1.0),
        "12": n("SamplerCustomAdvanced", noise=("9", 0), guider=("8", 0), sampler=("10", 0), sigmas=("11", 0),
                latent_image=("6", 0)),
        "13": n("VAEDecode", samples=("12", 0), vae=("3", 0)),
        "14": n("SaveImage", images=("13", 0), filename_prefix="Flux"),
    }  # fmt: skip
    return {**graph, **{name.removeprefix("_"): node for name, node in nodes.items()}}


class Page:
    """A workflow as ComfyUI's page saves it, in version 0.4 (links as lists) or 1.0 (links as objects)."""

    def __init__(self, version: float = 0.4) -> None:
        self.version = version
        self.nodes: list[dict[str, Any]] = []
        self.links: list[Any] = []
        self.more: dict[str, Any] = {}

    def node(
        self, id: Any, type: str, values: Any = None, outs: str = "", mode: int = 0, **ins: Any
    ) -> dict[str, Any]:
        """A node; `ins` are links (origin, slot), or None for a socket that nothing is plugged into."""
        inputs: list[dict[str, Any]] = []
        for name, origin in ins.items():
            kind = SOCKETS.get(name, "*")
            link = self.link(origin, id, len(inputs), kind) if origin else None
            inputs.append({"name": name, "type": kind, "link": link})
        outputs = [{"name": kind, "type": kind, "links": []} for kind in outs.split()]
        pos = [10, 20] if len(self.nodes) % 2 else {"0": 10, "1": 20}
        told = {"id": id, "type": type, "pos": pos, "size": [200, 100], "flags": {}, "order": 0, "mode": mode,
                "inputs": inputs, "outputs": outputs, "properties": {}, "widgets_values": values}  # fmt: skip
        self.nodes.append(told)
        return told

    def link(self, origin: Any, target: Any, slot: int, kind: str = "*") -> int:
        """A link between nodes; returns its id."""
        id = len(self.links) + 1
        names = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
        told = [id, origin[0], origin[1], target, slot, kind]
        self.links.append(told if self.version < 1 else dict(zip(names, told, strict=True)))
        return id

    def value(self) -> dict[str, Any]:
        """The whole file as a value."""
        last = {"last_node_id": 99, "last_link_id": 99} if self.version < 1 else {"state": {"lastNodeId": 99}}
        return {**last, "nodes": self.nodes, "links": self.links, "groups": [], "config": {}, "extra": {},
                "version": self.version, **self.more}  # fmt: skip

    def json(self) -> str:
        """The whole file."""
        return json.dumps(self.value())


def basic_page(version: float = 0.4, model: Any = (4, 0), **sampler: Any) -> Page:
    """The first graph as a page."""
    page = Page(version)
    page.node(4, "CheckpointLoaderSimple", ["sd_xl_base_1.0.safetensors"], "MODEL CLIP VAE")
    page.node(5, "EmptyLatentImage", [1024, 768, 2], "LATENT")
    page.node(6, "CLIPTextEncode", ["a boat"], "CONDITIONING", clip=(4, 1))
    page.node(7, "CLIPTextEncode", ["blurry"], "CONDITIONING", clip=(4, 1))
    values = sampler.get("values", [42, "randomize", 30, 7, "euler", "normal", 1])
    page.node(3, "KSampler", values, "LATENT", model=model, positive=sampler.get("positive", (6, 0)), negative=(7, 0),
              latent_image=(5, 0))  # fmt: skip
    page.node(8, "VAEDecode", [], "IMAGE", samples=(3, 0), vae=(4, 2))
    page.node(9, "SaveImage", ["ComfyUI"], "", images=(8, 0))
    return page
