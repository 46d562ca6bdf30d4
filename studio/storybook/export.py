"""Write what training made as a folder that `KolorsPipeline.from_pretrained` loads: fp16 safetensors in shards that
any host takes without LFS."""

import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn

from studio.storybook import judge as judges
from studio.storybook import tokenizer as tokenizers
from studio.storybook.networks import build_scheduler, parameters_of

LARGEST_FILE = "9MB"


def write_model(
    folder: Path, tokenizer_file: Path, text: nn.Module, unet: nn.Module, vae: nn.Module, judge: judges.Judge
) -> None:
    """Replace `folder` by a complete pipeline folder, with the judge beside it. Hand-written files (README.md) stay."""
    from diffusers import KolorsPipeline

    for part in ("tokenizer", "text_encoder", "unet", "vae", "scheduler", "judge"):
        shutil.rmtree(folder / part, ignore_errors=True)
    pipe = KolorsPipeline(
        vae=_half(vae), text_encoder=_half(text), tokenizer=tokenizers.load(tokenizer_file), unet=_half(unet),
        scheduler=build_scheduler(), force_zeros_for_empty_prompt=False,
    )  # fmt: skip
    pipe.save_pretrained(folder, max_shard_size=LARGEST_FILE)
    judges.save(judge, folder / "judge" / "judge.safetensors")


def _half(model: Any) -> Any:
    return model.to("cpu", torch.float16, memory_format=torch.contiguous_format)


def summary(folder: Path) -> dict[str, float]:
    """Megabytes of the folder and of its largest file."""
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return {"folder_mb": sum(sizes) / 1e6, "largest_file_mb": max(sizes) / 1e6}


def describe(text: nn.Module, unet: nn.Module, vae: nn.Module, judge: nn.Module) -> str:
    """One line on the sizes of the networks."""
    parts = {"text encoder": text, "UNet": unet, "autoencoder": vae, "judge": judge}
    return ", ".join(f"{name} {parameters_of(model) / 1e6:.2f} M" for name, model in parts.items())
