"""Opens a LoRA file, whatever its name says that it is: by its first bytes it is a safetensors file or a torch file."""

import json
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import LoraBroken, LoraHoldsCode
from studio.finite import as_number
from studio.headers import CUT_SHORT, NOT_SAFETENSORS, PICKLED, BadHeader, Header, read_header
from studio.letters import whole
from studio.lora.pickled import HoldsCode, is_zip, read_pickled_header, state_of
from studio.words import Text

if TYPE_CHECKING:
    import torch

MOST_CONFIG_BYTES = 2**20
QUANTISED = Text("its weights are stored as {dtype}, which needs a loader of its own",
                 "权重以 {dtype} 存储，需要专门的加载程序")  # fmt: skip
NAME_IS_NO_TEXT = Text("its name is not valid UTF-8; rename it", "文件名不是有效的 UTF-8，请改名")
_FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}


def open_header(file: Path) -> Header:
    """The names and shapes of a LoRA file's tensors, without torch. Raises LoraBroken or LoraHoldsCode (field "loras")."""
    if whole(str(file)) != str(file):
        raise LoraBroken("loras", name=whole(file.name), reason=NAME_IS_NO_TEXT)
    try:
        try:
            return read_header(file)
        except BadHeader as bad:
            if bad.reason is not PICKLED:
                raise
            return read_pickled_header(file)
    except BadHeader as bad:
        raise LoraBroken("loras", name=file.name, reason=bad.reason) from None
    except HoldsCode as held:
        raise LoraHoldsCode("loras", file=file.name, what=held.what) from None


def open_tensors(file: Path, header: Header, keys: Iterable[str]) -> dict[str, "torch.Tensor"]:
    """These tensors, as float32 copies: a file that is overwritten later changes nothing here.

    Raises LoraBroken for values that need a scale beside them, and for a file that ends early."""
    wanted = {key: header.tensors[key] for key in keys}
    quantised = next((t.dtype for t in wanted.values() if t.shape and t.dtype not in _FLOATS), None)
    scaled = any(name.endswith(("scale_weight", "weight_scale", "scale_input")) for name in header.tensors)
    if quantised or scaled:
        reason = Text(*(words.format(dtype=quantised or "F8") for words in (QUANTISED.en, QUANTISED.zh)))
        raise LoraBroken("loras", name=file.name, reason=reason)
    loaded = _torch_file(file) if header.body == 0 else _safetensors(file)
    return {key: loaded[key].float().clone() for key in wanted}


def adapter_config(file: Path, header: Header) -> Mapping[str, Any]:
    """What PEFT says of an adapter: in the header of a file that diffusers saved, with the part's name before each key,
    or in the adapter_config.json beside a file that PEFT saved. Nonsense is nothing."""
    beside = file.with_name("adapter_config.json")
    is_raw = any(name.startswith("base_model.model.") for name in header.tensors)
    try:
        if "lora_adapter_metadata" in header.metadata:
            told = json.loads(header.metadata["lora_adapter_metadata"])
        elif is_raw and beside.is_file() and beside.stat().st_size <= MOST_CONFIG_BYTES:
            told = json.loads(beside.read_text(encoding="utf-8"))
        else:
            return {}
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def told_alpha(config: Mapping[str, Any], metadata: Mapping[str, str]) -> float | None:
    """The alpha that PEFT's configuration or kohya's header names for all layers."""
    prefixes = ("", "unet.", "transformer.", "text_encoder.")
    told = next((config[f"{p}lora_alpha"] for p in prefixes if f"{p}lora_alpha" in config), None)
    return as_number(told if told is not None else metadata.get("ss_network_alpha"))


def _safetensors(file: Path) -> dict[str, "torch.Tensor"]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(str(file))
    except SafetensorError:  # its offsets overlap, a key is there twice: what a header's reader needs not see
        raise LoraBroken("loras", name=file.name, reason=NOT_SAFETENSORS) from None


def _torch_file(file: Path) -> Mapping[str, "torch.Tensor"]:
    import torch

    is_renamed = file.suffix.lower() == ".safetensors"  # torch believes names
    try:
        with file.open("rb") as stream:
            source = stream if is_renamed else file
            mmap = is_zip(file) and not is_renamed
            root = torch.load(source, map_location="cpu", weights_only=True, mmap=mmap)
    except (RuntimeError, OSError, EOFError, ValueError, pickle.UnpicklingError):
        raise LoraBroken("loras", name=file.name, reason=CUT_SHORT) from None
    return {str(name): tensor for name, tensor in state_of(root).items()}
