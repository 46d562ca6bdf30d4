"""Whole model folders with random weights, of every family: a second each, some hundred kilobytes each."""

from collections.abc import Callable
from pathlib import Path

from tests.tinies import diffusion, flow
from tests.tiny import build_kolors

BUILDERS: dict[str, Callable[[Path], Path]] = {
    "flux": flow.build_flux,
    "flux2": flow.build_flux2,
    "flux2_klein": flow.build_flux2_klein,
    "kolors": build_kolors,
    "qwen_image": flow.build_qwen_image,
    "sd15": diffusion.build_sd15,
    "sd3": flow.build_sd3,
    "sdxl": diffusion.build_sdxl,
    "z_image": flow.build_z_image,
}
"""Family name to what writes a loadable folder and gives it back."""


def build(family: str, folder: Path) -> Path:
    """A model of a family, the same each time."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BUILDERS[family](folder)
