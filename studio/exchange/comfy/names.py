"""Files by name. A workflow's paths are strangers' words: only their last part is kept, and it is only ever compared."""

import re

_ENDINGS = (".safetensors", ".ckpt", ".sft", ".pt", ".pth", ".bin", ".gguf")
_VERSION = re.compile(r"version_\d{1,6}")


def stem(path: str) -> str:
    """The last part of a path of any system, without its ending: "Kwai-Kolors/Kolors" is "Kolors"."""
    last = _parts(path)[-1]
    ending = next((end for end in _ENDINGS if last.lower().endswith(end)), "")
    return last[: len(last) - len(ending)] if ending else last


def lora_stem(path: str) -> str:
    """The same for a LoRA, with the version folder that Lightning puts checkpoints in, since the checkpoints of all its
    runs are called alike: "…/version_1/checkpoints/epoch=9-step=5000.ckpt" is "version_1/epoch=9-step=5000"."""
    version = next((part for part in reversed(_parts(path)[:-1]) if _VERSION.fullmatch(part)), None)
    return f"{version}/{stem(path)}" if version else stem(path)


def _parts(path: str) -> list[str]:
    return [part for part in re.split(r"[/\\]", path) if part not in ("", ".", "..")] or [""]
