"""How a network stays near its device without filling it: it comes for its stages and goes back to main memory, or its
layers come one at a time, or it draws a picture in tiles."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_LAYERWISE = ("group_offloading", "layer_execution_tracker")
"""diffusers' names for what brings and sends off a layer, and for what learns when."""
TILE_OVERLAP = 0.25
"""Part of a tile's side that is blended into the next."""


class Guest:
    """A network that lives in main memory. What it brings is kept there, so that going back copies nothing; what was
    attached on the device goes with it."""

    def __init__(self, network: Any, device: str) -> None:
        self._network, self._device = network, device
        self._home = {name: tensor.data for name, tensor in self._tensors()}
        self.is_here = False

    def come(self) -> None:
        """Be on the device."""
        for _, tensor in self._tensors():
            tensor.data = tensor.data.to(self._device)
        self.is_here = True

    def go(self) -> bool:
        """Leave the device; gives whether it was there."""
        if not self.is_here:
            return False
        for name, tensor in self._tensors():
            home = self._home.get(name)
            tensor.data = tensor.data.to("cpu") if home is None else home
        self.is_here = False
        return True

    def _tensors(self) -> "Iterator[tuple[str, torch.Tensor]]":
        """Everything it holds, by name; a layer that a LoRA was put on has the name that it had before."""
        named = [*self._network.named_parameters(), *self._network.named_buffers()]
        yield from ((name.replace(".base_layer", ""), tensor) for name, tensor in named)


def layer_by_layer(network: Any, device: str) -> None:
    """Let the layers of a network in main memory come to the device one at a time, the next while one computes."""
    from diffusers.hooks import apply_group_offloading

    # not by blocks: their hooks would look for LoRA layers, attached later, among what they brought
    apply_group_offloading(
        network, onload_device=device, offload_type="leaf_level", use_stream=device == "cuda"
    )


def keep_what_is_read(network: Any, device: str) -> None:
    """Have layers stay on the device whose weights an adapter reads besides calling them, as DoRA does for its
    lengths."""
    for module in network.modules():
        if getattr(module, "lora_magnitude_vector", None):
            layer = module.get_base_layer()
            for hook in _LAYERWISE:
                layer._diffusers_hook.remove_hook(hook, recurse=False)
            layer.to(device)


def set_tiles(autoencoder: Any, side_px: int) -> None:
    """Decode in squares of `side_px` pixels that overlap, or in one piece for 0."""
    if not side_px:
        autoencoder.disable_tiling()
        return
    autoencoder.enable_tiling()
    if hasattr(autoencoder, "tile_latent_min_size"):
        autoencoder.tile_sample_min_size = side_px
        autoencoder.tile_latent_min_size = side_px // 8
        return
    stride = int(side_px * (1 - TILE_OVERLAP))
    autoencoder.tile_sample_min_height = autoencoder.tile_sample_min_width = side_px
    autoencoder.tile_sample_stride_height = autoencoder.tile_sample_stride_width = stride
