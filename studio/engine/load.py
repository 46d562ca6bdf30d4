"""Opens the parts of a model's folder, with every weight accounted for.

The stack's own loaders let a network without some of its weights pass, with a line in the log; its pictures are black.
Weights are copied out of their files, never mapped: a file that is overwritten later then changes nothing, and the
copy is aligned as torch likes it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import PickleRefused, WeightsBroken, WeightsIncomplete, WeightsMissing
from studio.families.family import Part
from studio.headers import PICKLED, BadHeader, read_header
from studio.words import Text

if TYPE_CHECKING:
    import torch

Signature = tuple[tuple[str, int, int], ...]
"""Files by name, size and time of change in nanoseconds."""

DAMAGED = Text("it can't be read", "无法读取")


def signature(folder: Path) -> Signature:
    """What the files of a folder look like from outside; it changes when one is replaced under the same name."""
    files = sorted(file for file in folder.glob("*") if file.is_file()) if folder.is_dir() else []
    return tuple((file.name, *file_signature(file)) for file in files)


def file_signature(file: Path) -> tuple[int, int]:
    """Size, and time of change in nanoseconds."""
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns


def parameters(folder: Path) -> int:
    """How many numbers the weights in a model's folder hold, about, taking them for half precision."""
    return sum(file.stat().st_size for file in folder.glob("*/*.safetensors")) // 2


def open_part(
    part: Part, model_dir: Path, device: str, dtype: "torch.dtype", source: Path | None = None
) -> Any:
    """A part, ready for its stage: a network filled, on the device and in evaluation mode, or what `part.open` gives.

    `source` is its folder, or one weight file beside its config.json, where that isn't `model_dir` / its name. Raises
    WeightsMissing, WeightsBroken, WeightsIncomplete or PickleRefused (field "model")."""
    source = source or model_dir / part.name
    folder = source.parent if source.suffix == ".safetensors" else source
    for file in part.needs:
        if not (folder / file).is_file():
            raise WeightsMissing("model", name=model_dir.name, file=f"{part.name}/{file}")
    if not part.is_network:
        return _opened(part, folder)
    files = weight_files(folder) if source == folder else [_checked(source)]
    from accelerate import init_empty_weights  # type: ignore[import-untyped,unused-ignore]

    with init_empty_weights(include_buffers=False):
        network = _opened(part, folder)
    for name in part.unused:
        setattr(network, name, None)
    _fill(network, files, model_dir.name, part.name, device, _dtype_of(network, dtype))
    return network.eval().requires_grad_(False)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of one complete set of weights: a single file, or the shards of an index."""
    name, part = folder.parent.name, folder.name
    single = sorted(
        (f for f in folder.glob("*.safetensors") if "-of-" not in f.name), key=lambda f: len(f.name)
    )
    indexes = sorted(folder.glob("*.safetensors.index*.json"), key=lambda f: len(f.name))
    files = single[:1] or (_shards(indexes[0]) if indexes else [])
    if not files:
        pickles = [*folder.glob("*.bin"), *folder.glob("*.ckpt"), *folder.glob("*.pt")]
        if pickles:
            raise PickleRefused("model", file=f"{part}/{pickles[0].name}")
        raise WeightsMissing("model", name=name, file=f"{part}/*.safetensors")
    for file in files:
        _checked(file)
    return files


def _checked(file: Path) -> Path:
    """The file, if it is there and whole."""
    name, inside = file.parent.parent.name, f"{file.parent.name}/{file.name}"
    if not file.is_file():
        raise WeightsMissing("model", name=name, file=inside)
    try:
        read_header(file)
    except BadHeader as bad:
        if bad.reason is PICKLED:
            raise PickleRefused("model", file=inside) from None
        raise WeightsBroken("model", name=name, file=inside, reason=bad.reason) from None
    return file


def _opened(part: Part, folder: Path) -> Any:
    """What `part.open` gives, or WeightsBroken when a file that it reads is damaged."""
    try:
        return part.open(folder)
    except (OSError, ValueError, TypeError, RuntimeError, KeyError):
        file = f"{part.name}/{part.needs[0]}"
        raise WeightsBroken("model", name=folder.parent.name, file=file, reason=DAMAGED) from None


def _shards(index: Path) -> list[Path]:
    try:
        named = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        return [index.parent / file for file in sorted({str(name) for name in named})]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        file = f"{index.parent.name}/{index.name}"
        raise WeightsBroken("model", name=index.parent.parent.name, file=file, reason=DAMAGED) from None


def _dtype_of(network: Any, dtype: "torch.dtype") -> "torch.dtype":
    """float32 for an autoencoder that overflows in half precision, else as asked."""
    import torch

    overflows = getattr(network.config, "force_upcast", False) and dtype == torch.float16
    return torch.float32 if overflows else dtype


def _fill(
    network: Any, files: Iterable[Path], model: str, part: str, device: str, dtype: "torch.dtype"
) -> None:
    from safetensors import safe_open

    wanted = network.state_dict()
    found: dict[str, torch.Tensor] = {}
    for file in files:
        with safe_open(str(file), "pt") as weights:
            for key in weights.keys():  # noqa: SIM118 - not a dict
                name = key if key in wanted else key.removeprefix("transformer.")
                if name not in wanted:
                    continue
                tensor = weights.get_tensor(key)
                if tensor.shape != wanted[name].shape:
                    reason = Text(f"{name} has another size", f"{name} 的尺寸不符")
                    raise WeightsBroken("model", name=model, file=f"{part}/{file.name}", reason=reason)
                found[name] = tensor.to(
                    device, dtype if tensor.is_floating_point() else tensor.dtype, copy=True
                )
    missing = [name for name, tensor in wanted.items() if name not in found and tensor.is_meta]
    if missing:
        count = {"missing": len(missing), "total": len(wanted), "first": missing[0]}
        raise WeightsIncomplete("model", name=model, part=part, **count)
    network.load_state_dict(found, strict=False, assign=True)
    network.to(device, dtype)
