"""Holds the frozen linear layers of a denoiser in 8 or 4 bits, by bitsandbytes, where that is installed."""

from typing import Any

from torch import nn

from studio.train_request import TrainRequest
from studio.training.errors import QuantizedOnly
from studio.training.place import Ground, need
from studio.words import Text

NOT_LORA = Text("together with LoKr", "与 LoKr 同时使用时")
ON_APPLE = Text("on an Apple GPU", "在 Apple GPU 上")


def check_quantization(request: TrainRequest, ground: Ground) -> None:
    """See that what the request asks for can be had. Raises PackageMissing or QuantizedOnly."""
    asked = request.quantize_base
    if asked == "none":
        return
    need("bitsandbytes", "quantize_base", asked, "none")
    if request.adapter == "lokr":
        raise QuantizedOnly("quantize_base", value=asked, where=NOT_LORA)
    if ground.device.kind == "mps":
        raise QuantizedOnly("quantize_base", value=asked, where=ON_APPLE)


def quantize(denoiser: nn.Module, request: TrainRequest, ground: Ground) -> nn.Module:
    """The denoiser, from the CPU, on the device with its linear layers replaced. Call before adapters are added."""
    if request.quantize_base != "none":
        for parent in list(denoiser.modules()):
            for name, child in list(parent.named_children()):
                if type(child) is nn.Linear:
                    setattr(parent, name, _small(child, request.quantize_base, ground))
    return denoiser.to(ground.device.kind).requires_grad_(False)


def _small(layer: nn.Linear, kind: str, ground: Ground) -> Any:
    import bitsandbytes as bnb

    has_bias = layer.bias is not None
    small: Any
    if kind == "int8":
        small = bnb.nn.Linear8bitLt(layer.in_features, layer.out_features, has_bias, has_fp16_weights=False)
        small.weight = bnb.nn.Int8Params(layer.weight.data, requires_grad=False, has_fp16_weights=False)
    else:
        small = bnb.nn.Linear4bit(
            layer.in_features, layer.out_features, has_bias, compute_dtype=ground.dtype, quant_type="nf4"
        )
        small.weight = bnb.nn.Params4bit(layer.weight.data, requires_grad=False, quant_type="nf4")
    if has_bias:
        small.bias = layer.bias
    return small.to(ground.device.kind)
