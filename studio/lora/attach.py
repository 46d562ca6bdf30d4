"""Puts matched LoRAs onto a denoiser through diffusers' public calls, and proves that they arrived.

Never fused into the weights: taking one off must leave the weights as they were, to the bit."""

import warnings
from collections.abc import Mapping
from typing import Any

from studio.lora.layer import Layer
from studio.lora.match import Match


def attach(network: Any, adapter: str, matched: Match) -> None:
    """Put a LoRA onto the network under the name `adapter`; it has no effect before `activate`.

    Raises AssertionError, with the network as it was, when what arrived isn't what was sent."""
    like = {"device": network.device, "dtype": network.dtype}
    tensors: dict[str, Any] = {}
    alphas: dict[str, float] = {}
    for module, layer in matched.layers.items():
        tensors |= {f"unet.{module}.{name}": tensor.to(**like) for name, tensor in layer.tensors().items()}
        if isinstance(layer, Layer):
            alphas[f"unet.{module}.alpha"] = layer.alpha
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Already found a `peft_config`"
        )  # several at once is what we are after
        network.load_lora_adapter(
            dict(tensors),
            prefix="unet",
            network_alphas=alphas or None,
            adapter_name=adapter,
            low_cpu_mem_usage=True,
        )
    try:
        _prove(network, adapter, matched, tensors)
    except BaseException:
        network.delete_adapters(adapter)
        raise


def activate(network: Any, weights: Mapping[str, float]) -> None:
    """Give each adapter its weight, in this order, and switch all others off; none leaves the bare network."""
    if not getattr(network, "peft_config", None):
        return
    if not weights:
        network.disable_lora()
        return
    network.enable_lora()
    network.set_adapters(list(weights), list(weights.values()))


def detach(network: Any, adapter: str) -> None:
    """Take an adapter off and free it; the network's own layers come back when it was the last."""
    network.delete_adapters(adapter)
    if not getattr(network, "peft_config", None):
        network.unload_lora()


def _prove(network: Any, adapter: str, matched: Match, tensors: Mapping[str, Any]) -> None:
    """Each layer is there, on its module, with its values and its strength; and no other."""
    import torch

    arrived = {
        name.removesuffix(".base_layer"): module
        for name, module in network.named_modules()
        if any(adapter in getattr(module, held, ()) for held in ("lora_A", "lokr_w1", "lokr_w1_a"))
        and hasattr(module, "scaling")
    }
    assert set(arrived) == set(matched.layers), f"{len(arrived)} of {len(matched.layers)} layers arrived"
    for name, layer in matched.layers.items():
        module = arrived[name]
        found = layer.found_in(module, adapter)
        assert found.keys() == layer.tensors().keys(), name
        for role, tensor in found.items():
            assert torch.equal(tensor, tensors[f"unet.{name}.{role}"]), f"{name}.{role}"
        strength = layer.scale if isinstance(layer, Layer) else 1.0
        assert abs(module.scaling[adapter] - strength) < 1e-6, name
