"""Puts matched LoRAs onto a denoiser through diffusers' public calls, and proves that they arrived.

Never fused into the weights: taking one off must leave the weights as they were, to the bit."""

import re
import warnings
from collections.abc import Mapping
from typing import Any

from studio.lora.layer import Kronecker, Layer
from studio.lora.match import Match

Tensors = Mapping[str, Mapping[str, Any]]
"""Module path, and PEFT's name for a tensor, to the tensor."""


def attach(network: Any, adapter: str, matched: Match) -> None:
    """Put a LoRA onto the network under the name `adapter`; it has no effect before `activate`.

    Raises AssertionError, with the network as it was, when what arrived isn't what was sent."""
    like = {"device": network.device, "dtype": network.dtype}
    tensors = {
        name: {role: tensor.to(**like) for role, tensor in layer.tensors().items()}
        for name, layer in matched.layers.items()
    }
    with warnings.catch_warnings():
        # several at once is what we are after
        warnings.filterwarnings("ignore", "Already found a `peft_config`")
        if any(isinstance(layer, Kronecker) for layer in matched.layers.values()):
            _add_factors(network, adapter, tensors)
        else:
            _load(network, adapter, matched, tensors)
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


def _load(network: Any, adapter: str, matched: Match, tensors: Tensors) -> None:
    network.load_lora_adapter(
        {f"unet.{name}.{role}": tensor for name, held in tensors.items() for role, tensor in held.items()},
        prefix="unet",
        network_alphas={f"unet.{name}.alpha": layer.alpha for name, layer in matched.layers.items()},
        adapter_name=adapter,
        low_cpu_mem_usage=True,
    )


def _add_factors(network: Any, adapter: str, tensors: Tensors) -> None:
    """LoKr: diffusers' loader guesses how the factors were cut, wrongly for convolutions. So the layers are made as
    small as can be, and then given the factors as they are."""
    import torch
    from peft import LoKrConfig

    exactly = "|".join(re.escape(name) for name in tensors)
    network.add_adapter(LoKrConfig(r=1, alpha=1, target_modules=exactly), adapter)
    for name, factors in tensors.items():
        module = network.get_submodule(name)
        for role in Kronecker.ROLES:
            held = getattr(module, role)
            if adapter in held:
                del held[adapter]
            if role in factors:
                held[adapter] = torch.nn.Parameter(factors[role], requires_grad=False)


def _prove(network: Any, adapter: str, matched: Match, tensors: Tensors) -> None:
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
        assert found.keys() == tensors[name].keys(), name
        for role, tensor in found.items():
            assert torch.equal(tensor, tensors[name][role]), f"{name}.{role}"
        strength = layer.scale if isinstance(layer, Layer) else 1.0
        assert abs(module.scaling[adapter] - strength) < 1e-6, name
