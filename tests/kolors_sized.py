"""Makes a model folder as large as Kolors, or a tiny one, with random weights straight into safetensors: for what runs on
a GPU and fetches nothing."""

import gc
import shutil
from pathlib import Path

FAMILY = "kolors"
NETWORKS = {
    "text_encoder": "model.safetensors",
    "unet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
}


def make(folder: Path, scratch: Path, device: str, tiny: bool) -> None:
    """Fill `folder`, unless that was done before; 18 GB at real size."""
    from tests.tiny import build_kolors

    if (folder / "vae" / NETWORKS["vae"]).is_file():
        return
    if tiny:
        build_kolors(folder)
        return
    build_kolors(scratch / "tiny")
    shutil.move(scratch / "tiny" / "tokenizer", _made(folder) / "tokenizer")
    for name, file in NETWORKS.items():
        write_network(name, _made(folder / name) / file, device)


def write_network(name: str, file: Path, device: str) -> None:
    """A network with random weights in half precision, made where that is fast: each layer keeps the size of what flows
    through it, norms are the identity."""
    import torch
    from safetensors.torch import save_file

    from studio.families import families

    part = families()[FAMILY].part(name)
    with torch.device("meta"):
        network = part.open(file.parent)
    for unused in part.unused:
        setattr(network, unused, None)
    dice = torch.Generator(device).manual_seed(0)
    tensors = {}
    for key, empty in network.named_parameters():
        made = torch.zeros(empty.shape, dtype=torch.bfloat16, device=device)
        if empty.ndim > 1:
            made.normal_(std=empty[0].numel() ** -0.5, generator=dice)
        elif key.endswith("weight"):
            made.fill_(1)
        tensors[key] = made.cpu()
    save_file(tensors, str(file), {"format": "pt"})
    del tensors
    gc.collect()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
