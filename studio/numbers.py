"""How many numbers a model's networks hold: what its card tells before it is here, and the headers of its files after."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Sizes:
    """How many numbers a model's networks hold: its text encoders in all, their linear layers that can be packed into
    fewer bits, and the largest of these and of all layers; its denoiser and that one's largest layer; its
    autoencoder, with `2d` or `3d` convolutions."""

    encoders: int
    packable: int
    largest_packable: int
    largest_encoder_layer: int
    denoiser: int
    largest_denoiser_layer: int
    decoder: int
    decoder_kind: Literal["2d", "3d"] = "2d"
