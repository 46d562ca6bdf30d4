"""The sentence for whatever ended a run."""

import logging
import re
import secrets

from studio.engine.device import is_out_of_memory, pick_device
from studio.errors import StudioError, Unexpected
from studio.runs.folder import RunFolder
from studio.train_errors import TrainingOutOfMemory
from studio.train_request import TrainRequest
from studio.words import Said, Text

CHECKPOINT = Text("Switch gradient checkpointing on.", "请开启梯度检查点。")
BATCH = Text(
    "Lower the batch size from {now} to {lower} and accumulate {times} batches: the result is the same.",
    "请把批大小从 {now} 降到 {lower}，并累积 {times} 个批次：结果不变。",
)
QUANTIZE = Text("Set quantize_base to nf4.", "请把 quantize_base 设为 nf4。")
SIZE = Text(
    "Lower width and height, for example to {width} x {height}.",
    "请减小宽度和高度，例如 {width} x {height}。",
)
SMALLER = Text("Lower width, height and rank.", "请减小宽度、高度和秩。")
SOME = Text("some", "若干")
_WANTED = re.compile(r"[Tt]r(?:ied|y) to allocate ([\d.]+) ?(\w+)")
_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_log = logging.getLogger("inkstone.training")


def explain(error: Exception, folder: RunFolder) -> StudioError:
    """A StudioError for any error; what nobody foresaw goes to the log under a number."""
    if isinstance(error, StudioError):
        _log.error("%s", error)
        return error
    number = secrets.token_hex(3)
    _log.error("failure %s", number, exc_info=error)
    if not is_out_of_memory(error):
        return Unexpected(number=number, log=folder.log_file.name)
    device = pick_device()
    return TrainingOutOfMemory(
        "batch_size",
        device=device.name,
        needed=_wanted(str(error)),
        total=_gigabytes(device.memory_bytes),
        remedy=_remedy(folder.request(), device.kind == "cuda"),
    )


def _remedy(request: TrainRequest, is_gpu: bool) -> Said:
    """The knob that saves the most and costs the least."""
    if not request.use_gradient_checkpointing:
        return Said(CHECKPOINT, {})
    if request.batch_size > 1:
        lower = request.batch_size // 2
        times = -(-request.batch_size * request.accumulate_grad_batches // lower)
        return Said(BATCH, {"now": request.batch_size, "lower": lower, "times": times})
    if is_gpu and request.quantize_base == "none":
        return Said(QUANTIZE, {})
    if request.width and request.height:
        width, height = (side * 3 // 4 // 64 * 64 for side in (request.width, request.height))
        return Said(SIZE, {"width": width, "height": height})
    return Said(SMALLER, {})


def _wanted(words: str) -> str | Text:
    """How much was asked for at last, as torch says it."""
    found = _WANTED.search(words)
    unit = _UNITS.get(found[2]) if found else None
    return _gigabytes(float(found[1]) * unit) if found and unit else SOME


def _gigabytes(count: float) -> str:
    return f"{count / 2**30:.2f} GB"
