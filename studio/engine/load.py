"""Opens the parts of a model, with every weight accounted for.

The stack's own loaders let a network without some of its weights pass, with a line in the log; its pictures are black.
Weights are copied out of their files, never mapped: a file that is overwritten later then changes nothing, and the
copy is aligned as torch likes it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.engine.weights import Lazy, checked, tensors, weight_files
from studio.errors import WeightsBroken, WeightsIncomplete
from studio.families.family import Part
from studio.headers import read_header
from studio.schedulers.build import build
from studio.schedulers.flow import is_flow
from studio.shelf.models import DAMAGED
from studio.words import Text

if TYPE_CHECKING:
    import torch

Signature = tuple[tuple[str, int, int], ...]
"""Files by name, size and time of change in nanoseconds."""


def signature(place: Path) -> Signature:
    """What the files of a folder, or one file, look like from outside; it changes when one is replaced under the same
    name."""
    files = [place] if place.is_file() else []
    if place.is_dir():
        files = sorted(file for file in place.glob("*") if file.is_file())
    return tuple((file.name, *file_signature(file)) for file in files)


def file_signature(file: Path) -> tuple[int, int]:
    """Size, and time of change in nanoseconds."""
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns


def bytes_on_disk(place: Path) -> int:
    """Size of the weights in a folder, or of one file."""
    files = [place] if place.is_file() else [*place.glob("*.safetensors"), *place.glob("*.bin")]
    return sum(file.stat().st_size for file in files)


@dataclass(frozen=True)
class Packing:
    """Linear layers in `bits` 8 or 4, packed on a device that may be faster than the one they go to."""

    bits: int
    device: str


def open_part(
    part: Part,
    model_dir: Path,
    device: str,
    dtype: "torch.dtype",
    source: Path | None = None,
    packing: Packing | None = None,
) -> Any:
    """A part, ready for its stage: a network filled, on the device and in evaluation mode, or what `part.open` gives.

    `source` is its folder, or one weight file beside its config.json or with all of a model's networks, where that isn't
    `model_dir` / its name. Raises WeightsMissing, WeightsBroken, WeightsIncomplete or PickleRefused (field "model")."""
    source = source or model_dir / part.name
    folder = _folder(part, source)
    for file in part.needed(model_dir):
        if not (folder / file).is_file():
            raise part.missing(model_dir, file)
    if not part.is_network:
        return _opened(part, folder)
    files = weight_files(folder, part.takes_pickles) if source == folder else [source]
    from accelerate import init_empty_weights  # type: ignore[import-untyped,unused-ignore]

    with init_empty_weights(include_buffers=False):
        network = _opened(part, folder)
    for name in part.unused:
        setattr(network, name, None)
    _Filling(part, network, model_dir.name, device, dtype, packing).fill(files)
    return network.eval().requires_grad_(False)


def _folder(part: Part, source: Path) -> Path:
    """Where a part's settings lie. A file that holds a whole model speaks for many parts: none of them has settings."""
    if source.suffix != ".safetensors":
        return source
    convert = part.from_checkpoint
    is_whole = convert is not None and convert.knows(read_header(checked(source)).tensors)
    return source.parent / part.name if is_whole else source.parent


def _opened(part: Part, folder: Path) -> Any:
    """What `part.open` gives, or WeightsBroken when a file that it reads is damaged."""
    try:
        opened = part.open(folder)
        if part.name == "scheduler":
            _try_out(opened)
        return opened
    except (OSError, ValueError, TypeError, RuntimeError, LookupError):
        file = f"{part.name}/{part.needs[0] if part.needs else ''}"
        raise WeightsBroken("model", name=folder.parent.name, file=file, reason=DAMAGED) from None


def _try_out(config: Mapping[str, Any]) -> None:
    """See that a scheduler can be made of its settings, and takes a step by them where that needs no picture; raises
    whatever it raises."""
    import torch

    scheduler = build(config, "euler", "auto", 1)
    if not is_flow(config):
        scheduler.set_timesteps(1)
        scheduler.step(torch.zeros(1), scheduler.timesteps[0], torch.zeros(1))


class _Filling:
    """Gives an empty network its weights, each in its number format, on the device."""

    def __init__(
        self,
        part: Part,
        network: Any,
        model: str,
        device: str,
        dtype: "torch.dtype",
        packing: Packing | None = None,
    ) -> None:
        self._part, self._network, self._model = part, network, model
        self._device, self._dtype = device, _dtype_of(network, dtype)
        self._wanted = network.state_dict()
        self._found: dict[str, torch.Tensor] = {}
        self._packing, self._packed = packing, dict[str, Any]()

    def fill(self, files: Iterable[Path]) -> None:
        """From these files; every weight has to be there."""
        for file in files:
            for key, tensor in self._tensors(file):
                if (name := self._named(key)) is not None:
                    self._found[name] = self._taken(name, tensor(), file)
        self._tie()
        missing = [
            name for name, tensor in self._wanted.items() if name not in self._found and tensor.is_meta
        ]
        if missing:
            count = {"missing": len(missing), "total": len(self._wanted), "first": missing[0]}
            raise WeightsIncomplete("model", name=self._model, part=self._part.name, **count)
        for name, tensor in self._wanted.items():
            if name not in self._found:
                self._found[name] = tensor.to(self._device, self._format(name, tensor))
        self._network.load_state_dict(self._found, strict=False, assign=True)
        for path, packed in self._packed.items():
            packed.bias = self._network.get_submodule(path).bias
            self._network.set_submodule(path, packed)
        self._network.to(self._device)

    def _tensors(self, file: Path) -> Iterator[tuple[str, Lazy]]:
        """As the file has them; or, out of a checkpoint, as its converter makes them."""
        convert = self._part.from_checkpoint
        if convert is None or not convert.knows(name for name, _ in tensors(file)):
            yield from tensors(file)
            return
        held = {key: tensor() for key, tensor in tensors(file) if key.startswith(convert.prefixes)}
        for key, tensor in convert.convert(self._network, held).items():
            yield key, tensor.detach

    def _named(self, key: str) -> str | None:
        """The network's name for a tensor of a file; None for one that it has no use for."""
        if key in self._wanted:
            return key
        renamed = (re.sub(pattern, to, key, count=1) for pattern, to in self._part.renames)
        return next((name for name in renamed if name in self._wanted), None)

    def _taken(self, name: str, tensor: "torch.Tensor", file: Path) -> "torch.Tensor":
        if tensor.shape != self._wanted[name].shape:
            reason = Text(f"{name} has another size", f"{name} 的尺寸不符")
            inside = f"{self._part.name}/{file.name}"
            raise WeightsBroken("model", name=self._model, file=inside, reason=reason)
        path = name.removesuffix(".weight")
        if self._packing and path != name and self._is_packable(path):
            from studio.engine.packed import Packed

            whole = tensor.to(self._packing.device, self._dtype)
            self._packed[path] = Packed(whole, self._packing.bits).to(self._device)
            wanted: torch.Tensor = self._wanted[name]
            return wanted
        return tensor.to(self._device, self._format(name, tensor), copy=True)

    def _is_packable(self, path: str) -> bool:
        """Whether a module is a plain linear layer whose weight is its own and may be rounded."""
        from torch.nn import Linear

        from studio.engine.packed import can_pack

        module, name = self._network.get_submodule(path), f"{path}.weight"
        tied = getattr(self._network, "_tied_weights_keys", None)
        shared = {*tied, *tied.values()} if isinstance(tied, dict) else set()
        kept = getattr(self._network, "_keep_in_fp32_modules", None) or ()
        is_kept = any(layer in name.split(".") for layer in kept)
        return type(module) is Linear and can_pack(module.weight.shape) and name not in shared and not is_kept

    def _format(self, name: str, tensor: "torch.Tensor") -> "torch.dtype":
        """float32 for the layers that their makers keep so beside float16, else as asked; whole numbers stay."""
        import torch

        if not tensor.is_floating_point():
            return tensor.dtype
        kept = getattr(self._network, "_keep_in_fp32_modules", None) or ()
        overflows = self._dtype == torch.float16 and any(layer in name.split(".") for layer in kept)
        return torch.float32 if overflows else self._dtype

    def _tie(self) -> None:
        """Weights that a network of transformers has under two names stand in a file under one of them."""
        tied = getattr(self._network, "_tied_weights_keys", None)
        for name, same in tied.items() if isinstance(tied, dict) else ():
            if name in self._wanted and name not in self._found and same in self._found:
                self._found[name] = self._found[same]


def _dtype_of(network: Any, dtype: "torch.dtype") -> "torch.dtype":
    """float32 for an autoencoder that overflows in half precision, else as asked."""
    import torch

    overflows = getattr(network.config, "force_upcast", False) and dtype == torch.float16
    return torch.float32 if overflows else dtype
