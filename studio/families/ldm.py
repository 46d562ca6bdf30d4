"""How networks stand in a checkpoint of one file, as Stability's own programs write it; brought to diffusers' names by
diffusers' own converters."""

from typing import TYPE_CHECKING, Any

from studio.families.family import Checkpoint

if TYPE_CHECKING:
    import torch

    Tensors = dict[str, "torch.Tensor"]

_BIG_G = "conditioner.embedders.1.model."


def _unet(network: Any, held: "Tensors") -> "Tensors":
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    made: Tensors = convert_ldm_unet_checkpoint(held, network.config)
    return made


def _vae(network: Any, held: "Tensors") -> "Tensors":
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    made: Tensors = convert_ldm_vae_checkpoint(held, network.config)
    return made


def _clip(network: Any, held: "Tensors") -> "Tensors":
    from diffusers.loaders.single_file_utils import convert_ldm_clip_checkpoint

    made: Tensors = convert_ldm_clip_checkpoint(held)
    return made


def _open_clip(network: Any, held: "Tensors") -> "Tensors":
    from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint

    made: Tensors = convert_open_clip_checkpoint(network, held, prefix=_BIG_G)
    return made


LDM_UNET = Checkpoint(("model.diffusion_model.",), _unet)
LDM_VAE = Checkpoint(("first_stage_model.",), _vae)
LDM_CLIP = Checkpoint(("cond_stage_model.transformer.", "conditioner.embedders.0.transformer."), _clip)
LDM_OPEN_CLIP = Checkpoint((_BIG_G,), _open_clip)
