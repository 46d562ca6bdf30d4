"""Writes LoRA files in every layout there is: the names come from tables of their own, made from the way that models
were first released, and not from the reader that is tested with them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]
DITS = ("flux", "flux2", "sd3", "qwen_image", "z_image")
UNETS = ("sd15", "sdxl", "kolors")


@dataclass(frozen=True)
class Written:
    """A layer as a file has it: its name, the layers of the denoiser that it is, and its three numbers."""

    name: str
    modules: tuple[str, ...]
    down: Any
    up: Any
    alpha: float


def layers(
    shapes: Shapes, groups: Iterable[tuple[str, tuple[str, ...]]], rank: int = 2, alpha: float = 0.5
) -> list[Written]:
    """Random layers for groups of modules, under their names."""
    import torch

    dice = torch.Generator().manual_seed(7)
    made = []
    for name, modules in groups:
        out, (_, *rest) = sum(shapes[m][0] for m in modules), shapes[modules[0]]
        up = torch.randn(out, rank, *[1] * (len(rest) - 1), generator=dice)
        made.append(Written(name, modules, torch.randn(rank, *rest, generator=dice), up, alpha))
    return made


def deltas(shapes: Shapes, written: Iterable[Written], strength: float | None = None) -> dict[str, Any]:
    """What the layers change: module to a matrix of its weight's shape."""
    found = {}
    for layer in written:
        scale = layer.alpha / layer.down.shape[0] if strength is None else strength
        whole = layer.up.flatten(1) @ layer.down.flatten(1) * scale
        if layer.name.endswith("adaLN_modulation.1") and layer.modules[0].endswith(
            ("norm_out.linear", _LAST)
        ):
            whole = whole.roll(whole.shape[0] // 2, 0)
        parts = whole.split([shapes[module][0] for module in layer.modules])
        found |= {m: part.reshape(shapes[m]) for m, part in zip(layer.modules, parts, strict=True)}
    return found


_LAST = "transformer_blocks.2.norm1_context.linear"
"""In the tiny Stable Diffusion 3, the end of the text stream: shift and scale stand the other way round."""


def diffusers_names(shapes: Shapes) -> list[tuple[str, tuple[str, ...]]]:
    """Every layer under diffusers' own name."""
    return [(name, (name,)) for name in shapes]


def first_names(shapes: Shapes, family: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every layer that the model's first release has, under its name there."""
    if family in UNETS:
        return [(ldm, (name,)) for name in shapes if (ldm := _ldm(name, shapes))]
    groups: dict[str, list[str]] = {}
    for name in shapes:
        for pattern, first in _RENAMES[family]:
            if re.fullmatch(pattern, name):
                groups.setdefault(re.sub(pattern, first, name), []).append(name)
                break
    order = ("to_q", "add_q_proj", "to_k", "add_k_proj", "to_v", "add_v_proj", "proj_mlp")
    place = {end: n for n, end in enumerate(order)}
    return [
        (first, tuple(sorted(names, key=lambda name: place.get(name.rpartition(".")[2], 0))))
        for first, names in groups.items()
    ]


_SGM = {"conv1": "in_layers.2", "conv2": "out_layers.3", "time_emb_proj": "emb_layers.1",
        "conv_shortcut": "skip_connection"}  # fmt: skip


def _ldm(name: str, shapes: Shapes) -> str:
    ends = {"conv_in": "input_blocks.0.0", "conv_out": "out.2", "time_embedding.linear_1": "time_embed.0",
            "time_embedding.linear_2": "time_embed.2", "add_embedding.linear_1": "label_emb.0.0",
            "add_embedding.linear_2": "label_emb.0.2"}  # fmt: skip
    if name in ends:
        return ends[name]
    if match := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.+)", name):
        at = 1 if match[1] == "attentions" else 2 * int(match[2])
        return f"middle_block.{at}.{_SGM.get(match[3], match[3])}"
    if match := re.fullmatch(r"down_blocks\.(\d)\.downsamplers\.0\.conv", name):
        return f"input_blocks.{3 * int(match[1]) + 3}.0.op"
    if match := re.fullmatch(r"up_blocks\.(\d)\.upsamplers\.0\.conv", name):
        has_attention = any(key.startswith(f"up_blocks.{match[1]}.attentions") for key in shapes)
        return f"output_blocks.{3 * int(match[1]) + 2}.{2 if has_attention else 1}.conv"
    if match := re.fullmatch(r"(down|up)_blocks\.(\d)\.(resnets|attentions)\.(\d)\.(.+)", name):
        side, at, rest = (
            int(match[3] == "attentions"),
            3 * int(match[2]) + int(match[4]),
            _SGM.get(match[5], match[5]),
        )
        return (
            f"input_blocks.{at + 1}.{side}.{rest}"
            if match[1] == "down"
            else f"output_blocks.{at}.{side}.{rest}"
        )
    return ""


_DOUBLE, _SINGLE = r"transformer_blocks\.(\d+)\.", r"single_transformer_blocks\.(\d+)\."
_ATTENTION = [
    (_DOUBLE + r"attn\.to_[qkv]", r"double_blocks.\1.img_attn.qkv"),
    (_DOUBLE + r"attn\.add_[qkv]_proj", r"double_blocks.\1.txt_attn.qkv"),
    (_DOUBLE + r"attn\.to_out\.0", r"double_blocks.\1.img_attn.proj"),
    (_DOUBLE + r"attn\.to_add_out", r"double_blocks.\1.txt_attn.proj"),
]
_ENDS = [
    ("x_embedder", "img_in"),
    ("context_embedder", "txt_in"),
    ("proj_out", "final_layer.linear"),
    (r"norm_out\.linear", "final_layer.adaLN_modulation.1"),
]
_RENAMES: dict[str, list[tuple[str, str]]] = {
    "flux": [
        *_ATTENTION,
        (_DOUBLE + r"ff\.net\.0\.proj", r"double_blocks.\1.img_mlp.0"),
        (_DOUBLE + r"ff\.net\.2", r"double_blocks.\1.img_mlp.2"),
        (_DOUBLE + r"ff_context\.net\.0\.proj", r"double_blocks.\1.txt_mlp.0"),
        (_DOUBLE + r"ff_context\.net\.2", r"double_blocks.\1.txt_mlp.2"),
        (_DOUBLE + r"norm1\.linear", r"double_blocks.\1.img_mod.lin"),
        (_DOUBLE + r"norm1_context\.linear", r"double_blocks.\1.txt_mod.lin"),
        (_SINGLE + r"(?:attn\.to_[qkv]|proj_mlp)", r"single_blocks.\1.linear1"),
        (_SINGLE + r"proj_out", r"single_blocks.\1.linear2"),
        (_SINGLE + r"norm\.linear", r"single_blocks.\1.modulation.lin"),
        (r"time_text_embed\.timestep_embedder\.linear_1", "time_in.in_layer"),
        (r"time_text_embed\.timestep_embedder\.linear_2", "time_in.out_layer"),
        (r"time_text_embed\.guidance_embedder\.linear_1", "guidance_in.in_layer"),
        (r"time_text_embed\.guidance_embedder\.linear_2", "guidance_in.out_layer"),
        (r"time_text_embed\.text_embedder\.linear_1", "vector_in.in_layer"),
        (r"time_text_embed\.text_embedder\.linear_2", "vector_in.out_layer"),
        *_ENDS,
    ],
    "flux2": [
        *_ATTENTION,
        (_DOUBLE + r"ff\.linear_in", r"double_blocks.\1.img_mlp.0"),
        (_DOUBLE + r"ff\.linear_out", r"double_blocks.\1.img_mlp.2"),
        (_DOUBLE + r"ff_context\.linear_in", r"double_blocks.\1.txt_mlp.0"),
        (_DOUBLE + r"ff_context\.linear_out", r"double_blocks.\1.txt_mlp.2"),
        (_SINGLE + r"attn\.to_qkv_mlp_proj", r"single_blocks.\1.linear1"),
        (_SINGLE + r"attn\.to_out", r"single_blocks.\1.linear2"),
        (r"(double_stream_modulation_img|double_stream_modulation_txt|single_stream_modulation)\.linear", r"\1.lin"),
        (r"time_guidance_embed\.timestep_embedder\.linear_1", "time_in.in_layer"),
        (r"time_guidance_embed\.timestep_embedder\.linear_2", "time_in.out_layer"),
        (r"time_guidance_embed\.guidance_embedder\.linear_1", "guidance_in.in_layer"),
        (r"time_guidance_embed\.guidance_embedder\.linear_2", "guidance_in.out_layer"),
        *_ENDS,
    ],
    "sd3": [
        (_DOUBLE + r"attn\.to_[qkv]", r"joint_blocks.\1.x_block.attn.qkv"),
        (_DOUBLE + r"attn2\.to_[qkv]", r"joint_blocks.\1.x_block.attn2.qkv"),
        (_DOUBLE + r"attn\.add_[qkv]_proj", r"joint_blocks.\1.context_block.attn.qkv"),
        (_DOUBLE + r"attn\.to_out\.0", r"joint_blocks.\1.x_block.attn.proj"),
        (_DOUBLE + r"attn2\.to_out\.0", r"joint_blocks.\1.x_block.attn2.proj"),
        (_DOUBLE + r"attn\.to_add_out", r"joint_blocks.\1.context_block.attn.proj"),
        (_DOUBLE + r"ff\.net\.0\.proj", r"joint_blocks.\1.x_block.mlp.fc1"),
        (_DOUBLE + r"ff\.net\.2", r"joint_blocks.\1.x_block.mlp.fc2"),
        (_DOUBLE + r"ff_context\.net\.0\.proj", r"joint_blocks.\1.context_block.mlp.fc1"),
        (_DOUBLE + r"ff_context\.net\.2", r"joint_blocks.\1.context_block.mlp.fc2"),
        (_DOUBLE + r"norm1\.linear", r"joint_blocks.\1.x_block.adaLN_modulation.1"),
        (_DOUBLE + r"norm1_context\.linear", r"joint_blocks.\1.context_block.adaLN_modulation.1"),
        (r"time_text_embed\.timestep_embedder\.linear_1", "t_embedder.mlp.0"),
        (r"time_text_embed\.timestep_embedder\.linear_2", "t_embedder.mlp.2"),
        (r"time_text_embed\.text_embedder\.linear_1", "y_embedder.mlp.0"),
        (r"time_text_embed\.text_embedder\.linear_2", "y_embedder.mlp.2"),
        (r"pos_embed\.proj", "x_embedder.proj"),
        ("context_embedder", "context_embedder"),
        *_ENDS[2:],
    ],
    "qwen_image": [(r"(.+)", r"\1")],
    "z_image": [
        (r"(.+)\.attention\.to_[qkv]", r"\1.attention.qkv"),
        (r"(.+)\.attention\.to_out\.0", r"\1.attention.out"),
        (r"all_final_layer\.2-1\.(.+)", r"final_layer.\1"),
        (r"all_x_embedder\.2-1", "x_embedder"),
        (r"(.+)", r"\1"),
    ],
}  # fmt: skip


def diffsynth_names(shapes: Shapes) -> list[tuple[str, tuple[str, ...]]]:
    """Attention layers as DiffSynth 1 counts the blocks."""
    blocks = {
        "down_blocks.1.attentions.0": 7, "down_blocks.1.attentions.1": 10, "down_blocks.2.attentions.0": 15,
        "down_blocks.2.attentions.1": 18, "mid_block.attentions.0": 21, "up_blocks.0.attentions.0": 25,
        "up_blocks.0.attentions.1": 28, "up_blocks.0.attentions.2": 31, "up_blocks.1.attentions.0": 35,
        "up_blocks.1.attentions.1": 38, "up_blocks.1.attentions.2": 41,
    }  # fmt: skip
    found = []
    for name in shapes:
        match = re.fullmatch(r"(.+attentions\.\d)\.(transformer_blocks\.\d+\.attn.+)", name)
        if match:
            found.append((f"blocks.{blocks[match[1]]}.{match[2].replace('to_out.0', 'to_out')}", (name,)))
    return found


def attention_names(shapes: Shapes) -> list[tuple[str, tuple[str, ...]]]:
    """Attention layers as diffusers' processors name them."""
    found = []
    for name in shapes:
        if match := re.fullmatch(r"(.+\.attn\d?)\.((?:to|add)_\w+?)(?:\.0)?", name):
            found.append((f"{match[1]}.processor.{match[2]}", (name,)))
    return found


def xflux_names(shapes: Shapes) -> list[tuple[str, tuple[str, ...]]]:
    """Attention layers as x-flux' processors name them."""
    found = []
    for block in sorted({name.split(".")[1] for name in shapes if name.startswith("transformer_blocks.")}):
        at, to = f"double_blocks.{block}.processor", f"transformer_blocks.{block}.attn"
        found += [(f"{at}.qkv_lora1", tuple(f"{to}.to_{p}" for p in "qkv")), (f"{at}.proj_lora1", (f"{to}.to_out.0",)),
                  (f"{at}.qkv_lora2", tuple(f"{to}.add_{p}_proj" for p in "qkv")),
                  (f"{at}.proj_lora2", (f"{to}.to_add_out",))]  # fmt: skip
    for block in sorted(
        {name.split(".")[1] for name in shapes if name.startswith("single_transformer_blocks.")}
    ):
        at, to = f"single_blocks.{block}.processor", f"single_transformer_blocks.{block}"
        found += [
            (f"{at}.qkv_lora", tuple(f"{to}.attn.to_{p}" for p in "qkv")),
            (f"{at}.proj_lora", (f"{to}.proj_out",)),
        ]
    return found


@dataclass(frozen=True)
class Spelling:
    """How a layout spells what the tables above name."""

    key: Callable[[str], str]
    down: str
    up: str
    has_alpha: bool = False
    ending: str = ".safetensors"


def _underscored(name: str) -> str:
    return "lora_unet_" + name.replace(".", "_")


KOHYA = Spelling(_underscored, ".lora_down.weight", ".lora_up.weight", True)
LYCORIS = Spelling(lambda n: "lycoris_" + n.replace(".", "_"), ".lora_down.weight", ".lora_up.weight", True)
ONETRAINER = Spelling(lambda n: "lora_transformer_" + n.replace(".", "_"), KOHYA.down, KOHYA.up, True)
DIFFUSERS = Spelling(lambda n: f"unet.{n}", ".lora_A.weight", ".lora_B.weight")
TRANSFORMER = Spelling(lambda n: f"transformer.{n}", ".lora_A.weight", ".lora_B.weight")
WITH_DEFAULT = Spelling(lambda n: f"unet.{n}", ".lora_A.default.weight", ".lora_B.default.weight")
OLD = Spelling(lambda n: f"unet.{n}", ".lora.down.weight", ".lora.up.weight")
PROCESSORS = Spelling(lambda n: f"unet.{n}_lora", ".down.weight", ".up.weight")
BARE_PROCESSORS = Spelling(lambda n: f"{n}_lora", ".down.weight", ".up.weight")
COMFY = Spelling(lambda n: f"diffusion_model.{n}", ".lora_A.weight", ".lora_B.weight", True)
COMFY_OLD = Spelling(lambda n: f"diffusion_model.{n}", ".lora_down.weight", ".lora_up.weight", True)
PEFT = Spelling(lambda n: f"base_model.model.{n}", ".lora_A.weight", ".lora_B.weight")
BARE = Spelling(str, ".lora_A.default.weight", ".lora_B.default.weight")
DIFFSYNTH = Spelling(str, ".lora_A.default.weight", ".lora_B.default.weight", ending=".ckpt")
LIGHTNING = Spelling(
    lambda n: f"pipe.unet.{n}", ".lora_A.default.weight", ".lora_B.default.weight", ending=".lightning.ckpt"
)
XFLUX = Spelling(str, ".down.weight", ".up.weight")


def tensors_of(written: Iterable[Written], spelling: Spelling) -> dict[str, Any]:
    """The tensors of a file."""
    import torch

    tensors = {}
    for layer in written:
        stem = spelling.key(layer.name)
        tensors |= {stem + spelling.down: layer.down.contiguous(), stem + spelling.up: layer.up.contiguous()}
        if spelling.has_alpha:
            tensors[f"{stem}.alpha"] = torch.tensor(layer.alpha)
    return tensors


def save(
    folder: Path, tensors: Mapping[str, Any], ending: str = ".safetensors", metadata: Any = None
) -> Path:
    """Write a file as its trainer does."""
    import torch
    from safetensors.torch import save_file

    file = folder / f"lora{ending}"
    if ending == ".safetensors":
        save_file(dict(tensors), str(file), metadata)
    elif ending == ".lightning.ckpt":
        state = {
            "epoch": 1,
            "global_step": 9,
            "pytorch-lightning_version": "2.6.6",
            "state_dict": dict(tensors),
        }
        torch.save({**state, "optimizer_states": [], "lr_schedulers": []}, file)
    else:
        torch.save(dict(tensors), file)
    return file
