"""Puts matched LoRAs onto a network through diffusers' and PEFT's public calls, and proves that they arrived.

Never fused into the weights: taking one off must leave the weights as they were, to the bit."""

import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from studio.lora.layer import Kronecker, Layer
from studio.lora.match import Match

Tensors = Mapping[str, Mapping[str, Any]]
"""Module path, and PEFT's name for a tensor, to the tensor."""

Weight = float | Callable[[str], float]
"""How much an adapter counts, everywhere or by module path; 0 leaves the layer as it was."""


def attach(network: Any, adapter: str, matched: Match) -> None:
    """Put a LoRA onto the network under the name `adapter`; it has no effect before `activate`.

    Raises AssertionError, with the network as it was, when what arrived isn't what was sent."""
    like = {"device": network.device, "dtype": network.dtype}
    tensors = {
        name: {role: tensor.to(**like) for role, tensor in layer.tensors().items()}
        for name, layer in matched.layers.items()
    }
    _add_layers(network, adapter, matched)
    _fill(network, adapter, matched, tensors)
    try:
        _prove(network, adapter, matched, tensors)
    except BaseException:
        detach(network, adapter)
        raise


def activate(network: Any, weights: Mapping[str, Weight]) -> None:
    """Give each adapter its weights, in this order, and switch all others off; none leaves the bare network."""
    for name, module in _adapted(network):
        counts = {adapter: w(name) if callable(w) else w for adapter, w in weights.items()}
        active = [adapter for adapter, count in counts.items() if count != 0]
        module.enable_adapters(bool(active))
        module.set_adapter(active, inference_mode=True)
        for adapter in active:
            module.set_scale(adapter, counts[adapter])


def step_aside(network: Any) -> dict[str, Any]:
    """Put the network's own layers where its adapted ones are, so that it runs as if nothing were attached, without what
    PEFT does at every call of every layer; gives the adapted ones by path, for `come_back`. Attach, activate or detach
    nothing in between, and move the network nowhere."""
    aside: dict[str, Any] = {}
    for path, module in _adapted(network):
        if path not in aside:  # of one in another, the outer
            aside[path] = module
            _put(network, path, module.get_base_layer())
    return aside


def come_back(network: Any, aside: Mapping[str, Any]) -> None:
    """Put adapted layers back where they were."""
    for path, module in aside.items():
        _put(network, path, module)


def _put(network: Any, path: str, module: Any) -> None:
    parent, _, name = path.rpartition(".")
    setattr(network.get_submodule(parent), name, module)


def detach(network: Any, adapter: str) -> None:
    """Take an adapter off and free it; the network's own layers come back when it was the last."""
    from diffusers.utils.peft_utils import delete_adapter_layers, recurse_remove_peft_layers

    if hasattr(network, "delete_adapters"):
        network.delete_adapters(adapter)
        if not getattr(network, "peft_config", None):
            network.unload_lora()
        return
    delete_adapter_layers(network, adapter)
    network.peft_config.pop(adapter, None)
    if not network.peft_config:
        recurse_remove_peft_layers(network)
        del network.peft_config


def _adapted(network: Any) -> list[tuple[str, Any]]:
    """The layers that hold adapters, by module path; of one in another, both."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [(name, m) for name, m in network.named_modules() if isinstance(m, BaseTunerLayer)]
    return [(name.partition(".base_layer")[0], layer) for name, layer in layers]


def _add_layers(network: Any, adapter: str, matched: Match) -> None:
    """Empty layers on exactly these modules. diffusers' loader goes by the ends of names, so that a LoRA on `proj_out` would
    get layers on every block's `proj_out` too; and it guesses how LoKr's factors were cut, wrongly for convolutions."""
    from peft import LoKrConfig, LoraConfig, PeftConfig, inject_adapter_in_model

    exactly = "|".join(re.escape(name) for name in matched.layers)
    first = next(iter(matched.layers.values()))
    config: PeftConfig = LoKrConfig(r=1, alpha=1, target_modules=exactly)
    if isinstance(first, Layer):
        config = LoraConfig(r=1, lora_alpha=1, target_modules=exactly, use_dora=first.magnitude is not None)
    with warnings.catch_warnings():
        # several at once is what we are after
        warnings.filterwarnings("ignore", "Already found a `peft_config`")
        inject_adapter_in_model(config, network, adapter, low_cpu_mem_usage=isinstance(first, Layer))
    if hasattr(network, "load_lora_adapter"):
        network._hf_peft_config_loaded = True


def _fill(network: Any, adapter: str, matched: Match, tensors: Tensors) -> None:
    """Give the layers that are there their values and their strength."""
    import torch

    for name, module in _arrived(network, adapter).items():
        layer = matched.layers[name]
        given = {role: torch.nn.Parameter(t, requires_grad=False) for role, t in tensors[name].items()}
        if isinstance(layer, Layer):
            module.lora_A[adapter].weight = given["lora_A.weight"]
            module.lora_B[adapter].weight = given["lora_B.weight"]
            if "lora_magnitude_vector" in given:
                module.lora_magnitude_vector[adapter].weight = given["lora_magnitude_vector"]
            module.r[adapter], module.lora_alpha[adapter] = layer.rank, layer.alpha
            module.set_scale(adapter, 1.0)
            continue
        for role in Kronecker.ROLES:
            held = getattr(module, role)
            if adapter in held:
                del held[adapter]
            if role in given:
                held[adapter] = given[role]


def _arrived(network: Any, adapter: str) -> dict[str, Any]:
    """The layers that hold an adapter."""
    kinds = ("lora_A", "lokr_w1", "lokr_w1_a")
    return {
        name: module
        for name, module in _adapted(network)
        if any(adapter in getattr(module, held, ()) for held in kinds)
    }


def _prove(network: Any, adapter: str, matched: Match, tensors: Tensors) -> None:
    """Each layer is there, on its module, with its values and its strength; and no other."""
    import torch

    arrived = _arrived(network, adapter)
    assert set(arrived) == set(matched.layers), f"{len(arrived)} of {len(matched.layers)} layers arrived"
    for name, layer in matched.layers.items():
        module = arrived[name]
        found = layer.found_in(module, adapter)
        assert found.keys() == tensors[name].keys(), name
        for role, tensor in found.items():
            assert torch.equal(tensor, tensors[name][role]), f"{name}.{role}"
        strength = layer.scale if isinstance(layer, Layer) else 1.0
        assert abs(module.scaling[adapter] - strength) < 1e-6, name
