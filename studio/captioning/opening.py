"""Opening a captioner's folder with transformers: whole weights or none, nothing fetched, no code from the folder run.

Pictures are prepared by transformers' Pillow classes, each named outright: the automatic choice prefers torchvision,
and where that is installed it scales pictures otherwise, so that the same weights would say other things here and
there. Qwen's processor also wants a reader of videos, which exists only with torchvision: it gets none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.captioning.weights import parameters
from studio.datasets.errors import CaptionerBroken
from studio.engine.device import Device, is_out_of_memory, pick_dtype
from studio.errors import StudioError, WeightsIncomplete

OFFLINE: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False}


_VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model")


def open_model(kind: Any, folder: Path, device: Device) -> Any:
    """A network of class `kind` in evaluation mode on the device. Raises WeightsIncomplete for missing tensors (which
    transformers would fill with random numbers) and CaptionerBroken for anything else."""
    dtype = pick_dtype(device, "auto", fp16_is_safe=False, parameters=parameters(folder))
    try:
        model, found = kind.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, output_loading_info=True, **OFFLINE
        )
    except Exception as error:
        raise broken(folder, error) from error
    lacking = sorted({*found["missing_keys"], *(key for key, *_ in found["mismatched_keys"])})
    if lacking:
        facts = {"missing": len(lacking), "total": len(model.state_dict()), "first": lacking[0]}
        raise WeightsIncomplete("weights", name=folder.name, part=type(model).__name__, **facts)
    return model.to(device.kind).eval()


def open_part(kind: Any, folder: Path) -> Any:
    """A tokenizer or a preparer of pictures of class `kind`; raises CaptionerBroken."""
    try:
        return kind.from_pretrained(folder, **OFFLINE)
    except Exception as error:
        raise broken(folder, error) from error


def open_tokenizer(folder: Path) -> Any:
    """The folder's tokenizer; raises CaptionerBroken, also where its vocabulary is missing: transformers would make an
    empty one."""
    from transformers import AutoTokenizer

    if not any((folder / file).is_file() for file in _VOCABULARIES):
        raise CaptionerBroken("weights", name=folder.name, reason=f"{_VOCABULARIES[0]} ?")
    return open_part(AutoTokenizer, folder)


def broken(folder: Path, error: Exception) -> Exception:
    """What a failure to open a folder means to its reader; memory that ran out is told of elsewhere."""
    if isinstance(error, StudioError) or is_out_of_memory(error):
        return error
    words = " ".join(str(error).split()) or type(error).__name__
    return CaptionerBroken("weights", name=folder.name, reason=words[:200])
