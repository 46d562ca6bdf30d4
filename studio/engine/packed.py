"""Linear layers with weights of 8 or 4 bits, for text encoders that would not fit otherwise.

Weights only: what flows through keeps its number format, and a layer is unpacked for the moment that it computes. 8 bits
go by output channel, symmetric; 4 bits by groups of inputs with a lowest value and a step each, the range drawn in where
that lessens the squared error. Without kernels of its own it runs on every device; torchao and bitsandbytes were weighed
and left: each brings binaries that have to fit the version of torch."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

GROUP = 32
"""Inputs that share a step in 4 bits, or the largest part of that which divides them."""
_SMALLEST_GROUP = 8
_DRAWN_IN = (1.0, 0.94, 0.88, 0.82)
"""Parts of a group's range that are tried."""
_ROWS = 2048
"""Rows that are packed at a time."""
_TINY = 1e-12


class Packed(nn.Module):
    """Stands where an nn.Linear stood. `weight` (out, in) is packed on the device that it is on."""

    codes: Tensor
    scale: Tensor
    least: Tensor | None
    bias: Tensor | None

    def __init__(self, weight: Tensor, bits: int) -> None:
        super().__init__()
        self.in_features, self.bits = weight.shape[1], bits
        parts = [(_eight if bits == 8 else _four)(rows) for rows in weight.split(_ROWS)]
        for name in ("codes", "scale", "least"):
            told = [part[name] for part in parts if name in part]
            self.register_buffer(name, torch.cat(told) if told else None)
        self.register_buffer("bias", None)

    def unpacked(self) -> Tensor:
        """The weight (out, in) that it computes with."""
        if self.least is None:
            return self.codes.to(self.scale.dtype).mul_(self.scale)
        codes = torch.stack((self.codes & 15, self.codes >> 4), -1).to(self.scale.dtype)
        groups = codes.view(*self.scale.shape, -1)
        return groups.mul_(self.scale[..., None]).add_(self.least[..., None]).view(-1, self.in_features)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        return functional.linear(x, self.unpacked(), self.bias)


def can_pack(shape: torch.Size) -> bool:
    """Whether a weight of this shape can be packed: two dimensions, and inputs that groups divide."""
    return len(shape) == 2 and math.gcd(shape[1], GROUP) >= _SMALLEST_GROUP


def _eight(rows: Tensor) -> dict[str, Tensor]:
    wide = rows.float()
    scale = (wide.abs().amax(1, keepdim=True) / 127).clamp(min=_TINY).to(rows.dtype)
    return {"codes": (wide / scale.float()).round().clamp(-127, 127).to(torch.int8), "scale": scale}


def _four(rows: Tensor) -> dict[str, Tensor]:
    groups = rows.float().unflatten(1, (-1, math.gcd(rows.shape[1], GROUP)))
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    codes, scale, least, best = _rounded(groups, low, high, rows.dtype)
    for part in _DRAWN_IN[1:]:
        inset = (high - low) * (1 - part) / 2
        other = _rounded(groups, low + inset, high - inset, rows.dtype)
        is_better = other[3] < best
        codes, scale, least, best = (
            torch.where(is_better, new, old)
            for new, old in zip(other, (codes, scale, least, best), strict=True)
        )
    flat = codes.flatten(1)
    packed = flat[:, ::2] | flat[:, 1::2] << 4
    return {"codes": packed, "scale": scale[..., 0], "least": least[..., 0]}


def _rounded(
    groups: Tensor, low: Tensor, high: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Codes, step, lowest value and squared error of groups (out, n, inputs) on a range that is rounded first."""
    scale, least = ((high - low) / 15).clamp(min=_TINY).to(dtype), low.to(dtype)
    codes = ((groups - least.float()) / scale.float()).round().clamp(0, 15)
    error = (codes * scale.float() + least.float() - groups).square().sum(-1, keepdim=True)
    return codes.to(torch.uint8), scale, least, error
