"""What a LoRA file changes about one weight: by two thin matrices (LoRA, DoRA) or a Kronecker product (LoKr)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    import torch

    Tensors = dict[str, torch.Tensor]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """A change to one weight: up (out, rank) @ down (rank, in) x alpha / rank. With a `magnitude` (out,) it is a DoRA
    (arXiv:2402.09353): the changed weight's rows are given these lengths."""

    down: "torch.Tensor"
    up: "torch.Tensor"
    alpha: float
    magnitude: "torch.Tensor | None" = None
    origin: tuple[int, float] | None = None
    """Rank and strength as the file has them, where its matrices had to be remade."""

    @property
    def rank(self) -> int:
        """Columns of `up`, rows of `down`."""
        return int(self.down.shape[0])

    @property
    def scale(self) -> float:
        """What the product of the matrices counts."""
        return self.alpha / self.rank

    @property
    def told(self) -> tuple[int, float]:
        """Rank and strength as the file has them."""
        return self.origin or (self.rank, self.scale)

    @property
    def width(self) -> tuple[int, int]:
        """Outputs and inputs."""
        return int(self.up.shape[0]), int(self.down.shape[1])

    @property
    def nbytes(self) -> int:
        """Memory of its matrices."""
        return sum(tensor.nbytes for tensor in self.tensors().values())

    @property
    def is_whole(self) -> bool:
        """Whether its matrices go together."""
        is_pair = min(self.down.ndim, self.up.ndim) >= 2 and self.down.shape[0] == self.up.shape[1]
        return is_pair and self.down.numel() > 0 and self.up.numel() > 0

    def parts(self, count: int) -> "list[Layer]":
        """The layer cut into this many along its outputs: equal ones, except that of four the last is what three as wide
        as the inputs leave."""
        outputs, inputs = self.width
        sizes = [outputs // count] * count if count < 4 else [inputs] * 3 + [outputs - 3 * inputs]
        magnitudes = [None] * count if self.magnitude is None else self.magnitude.flatten().split(sizes)
        cut = zip(self.up.split(sizes), magnitudes, strict=True)
        return [replace(self, up=up, magnitude=magnitude) for up, magnitude in cut]

    def swapped(self) -> "Layer":
        """The layer with the two halves of its outputs exchanged."""
        half = self.up.shape[0] // 2
        magnitude = None if self.magnitude is None else self.magnitude.flatten().roll(half)
        return replace(self, up=self.up.roll(half, 0), magnitude=magnitude)

    def fitted(self, shape: Shape) -> "Layer | None":
        """The layer in the weight's own number of dimensions, or None when the sizes differ. 1x1 convolutions and
        linear layers are the same thing, and files mix them."""
        down, up = self.down, self.up
        if len(shape) == 2 and down.ndim == 4 and down.shape[2:] == (1, 1):
            down, up = down[:, :, 0, 0], up.flatten(1)
        elif len(shape) == 4 and down.ndim == 2 and shape[2:] == (1, 1):
            down, up = down[:, :, None, None], up[:, :, None, None]
        magnitude = None if self.magnitude is None else self.magnitude.flatten()
        fits = up.shape[:2] == (shape[0], down.shape[0]) and tuple(down.shape[1:]) == shape[1:]
        fits = fits and up.ndim == len(shape)
        fits = fits and (magnitude is None or magnitude.shape == (shape[0],))
        return replace(self, down=down, up=up, magnitude=magnitude) if fits else None

    def tensors(self) -> "Tensors":
        """Its matrices by the names that PEFT gives them."""
        named = {"lora_A.weight": self.down, "lora_B.weight": self.up}
        if self.magnitude is None:
            return named
        is_linear = self.up.ndim == 2
        shaped = self.magnitude if is_linear else self.magnitude.reshape(1, -1, *[1] * (self.up.ndim - 2))
        return {**named, "lora_magnitude_vector": shaped}

    def found_in(self, module: Any, adapter: str) -> "Tensors":
        """The same matrices where PEFT has put them on a module."""
        found = {
            "lora_A.weight": module.lora_A[adapter].weight,
            "lora_B.weight": module.lora_B[adapter].weight,
        }
        if adapter in (getattr(module, "lora_magnitude_vector", None) or {}):
            found["lora_magnitude_vector"] = module.lora_magnitude_vector[adapter].weight
        return found

    def folded(self) -> Self:
        """The same change at strength 1, alpha = rank. A power of two is moved between the matrices until both are
        about equally large, so that neither loses digits in half precision; that alone changes no digit."""
        down, up = self.down, self.up * self.scale
        high, low = float(down.abs().max()), float(up.abs().max())
        shift = 2.0 ** round(math.log2(high / low) / 2) if high and low else 1.0
        return replace(self, down=down / shift, up=up * shift, alpha=float(self.rank))


@dataclass(frozen=True)
class Kronecker:
    """A change to one weight: w1 (x) w2 x scale (LoKr, arXiv:2309.14859), each factor whole (`lokr_w1`) or a product of
    two (`lokr_w1_a`, `lokr_w1_b`). Alpha counts only where a factor is a product."""

    ROLES: ClassVar = ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b")

    factors: "Mapping[str, torch.Tensor]"
    alpha: float | None = None

    @property
    def rank(self) -> int:
        """The rank of a factor that is a product; else the longer side of the second one."""
        for role in ("lokr_w2_b", "lokr_w1_b"):
            if role in self.factors:
                return int(self.factors[role].shape[0])
        return max(int(side) for side in self.factors["lokr_w2"].shape[:2])

    @property
    def scale(self) -> float:
        """What the product of the factors counts."""
        is_product = any(role.endswith(("_a", "_b")) for role in self.factors)
        return self.alpha / self.rank if is_product and self.alpha is not None else 1.0

    @property
    def nbytes(self) -> int:
        """Memory of its factors."""
        return sum(tensor.nbytes for tensor in self.factors.values())

    @property
    def told(self) -> tuple[int, float]:
        """Rank and strength as the file has them."""
        return self.rank, self.scale

    @property
    def width(self) -> tuple[int, int]:
        """Outputs and inputs, these times the size of a convolution."""
        one, two = self._side("lokr_w1") or (0, 1), self._side("lokr_w2") or (0, 1)
        return one[0] * two[0], one[1] * two[1]

    @property
    def is_whole(self) -> bool:
        """Whether both factors are there."""
        return all(self._side(name) is not None for name in ("lokr_w1", "lokr_w2"))

    def fitted(self, shape: Shape) -> Self | None:
        """Itself, or None when the product has another size."""
        one, two = self._side("lokr_w1"), self._side("lokr_w2")
        if one is None or two is None:
            return None
        fits = one[0] * two[0] == shape[0] and one[1] * two[1] == math.prod(shape[1:])
        return self if fits else None

    def dense(self) -> Layer:
        """The same change as two matrices, one of which is a whole weight and the other changes nothing: for what no
        Kronecker product can hold, a magnitude or a part of the outputs."""
        import torch

        one, two = (self._whole(name) for name in ("lokr_w1", "lokr_w2"))
        return dense_layer(torch.kron(one, two.flatten(1)) * self.scale, self.told)

    def tensors(self) -> "Tensors":
        """Its factors by the names that PEFT gives them, at strength 1."""
        return dict(self.folded().factors)

    def found_in(self, module: Any, adapter: str) -> "Tensors":
        """The same factors where PEFT has put them on a module."""
        return {role: getattr(module, role)[adapter] for role in self.factors}

    def folded(self) -> Self:
        """The same change at strength 1."""
        first = "lokr_w1" if "lokr_w1" in self.factors else "lokr_w1_b"
        return replace(
            self, factors={**self.factors, first: self.factors[first] * self.scale}, alpha=float(self.rank)
        )

    def _whole(self, name: str) -> "torch.Tensor":
        return (
            self.factors[name]
            if name in self.factors
            else self.factors[f"{name}_a"] @ self.factors[f"{name}_b"]
        )

    def _side(self, name: str) -> tuple[int, int] | None:
        """Rows and columns of a factor."""
        whole, a, b = (self.factors.get(name + end) for end in ("", "_a", "_b"))
        if whole is not None and whole.ndim >= 2:
            return int(whole.shape[0]), math.prod(whole.shape[1:])
        if a is not None and b is not None and a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0]:
            return int(a.shape[0]), int(b.shape[1])
        return None


Change = Layer | Kronecker
"""A change to one weight, in either form."""


def dense_layer(delta: "torch.Tensor", told: tuple[int, float]) -> Layer:
    """A change (out, in) or (out, in, k, k) as a layer, exactly: the smaller side is the rank."""
    import torch

    outputs, inputs = delta.shape[:2]
    if delta.ndim == 2 and inputs < outputs:
        return Layer(torch.eye(inputs), delta, float(inputs), origin=told)
    return Layer(
        delta, torch.eye(outputs).reshape(outputs, -1, *[1] * (delta.ndim - 2)), float(outputs), origin=told
    )


def hadamard_layer(factors: "Mapping[str, torch.Tensor]", alpha: float | None) -> Layer:
    """LoHa (arXiv:2108.06098), (w1_a w1_b) * (w2_a w2_b), as a layer, exactly: the elementwise product of two matrices of
    rank r is one of rank r x r, whose columns are the products of their columns."""
    import torch

    one_a, one_b, two_a, two_b = (factors[f"hada_{name}"] for name in ("w1_a", "w1_b", "w2_a", "w2_b"))
    rank = int(one_b.shape[0])
    scale = 1.0 if alpha is None else alpha / rank
    if "hada_t1" in factors:
        delta = tucker(factors["hada_t1"], one_a, one_b) * tucker(factors["hada_t2"], two_a, two_b)
        return dense_layer(delta * scale, (rank, scale))
    if rank * rank >= min(one_a.shape[0], one_b.shape[1]):
        return dense_layer((one_a @ one_b) * (two_a @ two_b) * scale, (rank, scale))
    up = torch.einsum("op,oq->opq", one_a, two_a).flatten(1)
    down = torch.einsum("pi,qi->pqi", one_b, two_b).flatten(0, 1)
    return Layer(down, up, scale * rank * rank, origin=(rank, scale))


def tucker(core: "torch.Tensor", a: "torch.Tensor", b: "torch.Tensor") -> "torch.Tensor":
    """A convolution's weight (out, in, k, k) from a core (r, r, k, k), outputs (r, out) and inputs (r, in)."""
    import torch

    return torch.einsum("ijkl,jr,ip->prkl", core, b, a)
