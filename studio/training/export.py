"""What a run leaves: the LoRA in models/loras with its header, a JSON and a thumbnail beside it, and copies where the
request asks for them."""

import io
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio import __version__
from studio.disk import write_atomically
from studio.lora.layer import Change
from studio.lora.write import TRAINED_ALPHA, TRAINED_RANK, to_bytes
from studio.shelf import ModelCard
from studio.train_plan import Plan, Size
from studio.train_request import TrainRequest

THUMBNAIL_PX = 384
DIFFUSERS_FILE = "pytorch_lora_weights.safetensors"
"""What diffusers looks for when `load_lora_weights` is given a folder."""


class Exporting:
    """Makes the files of one run."""

    def __init__(
        self, request: TrainRequest, card: ModelCard, plan: Plan, size: Size, started_at: float
    ) -> None:
        self._request, self._card, self._plan, self._size = request, card, plan, size
        self._started_at = started_at

    def lora(self, changes: Mapping[str, Change], step: int) -> bytes:
        """The LoRA file as of a step, in half precision, in the layout that every reader takes."""
        import torch

        return to_bytes(changes, self._card.family, self._header(step), torch.float16)

    def leave(
        self, changes: Mapping[str, Change], step: int, loras_dir: Path, thumbnail: bytes | None
    ) -> Path:
        """Write all files; gives the LoRA's. Raises StorageError."""
        import torch

        name, content = self._request.name, self.lora(changes, step)
        if thumbnail is not None:
            write_atomically(loras_dir / f"{name}.png", _small(thumbnail))
        write_atomically(loras_dir / f"{name}.json", self._sidecar(step))
        file = loras_dir / f"{name}.safetensors"
        write_atomically(file, content)
        if self._request.output_path:
            folder = Path(self._request.output_path)
            own = to_bytes(changes, self._card.family, self._header(step), torch.float16, "diffusers")
            write_atomically(folder / f"{name}.safetensors", content)
            write_atomically(folder / f"{name}.json", self._sidecar(step))
            write_atomically(folder / f"{name}-diffusers" / DIFFUSERS_FILE, own)
        return file

    def _header(self, step: int) -> dict[str, str]:
        """What kohya's trainers and the modelspec standard record, as far as it applies here, and our own."""
        asked, width, height = self._request, *self._size
        told: dict[str, Any] = {
            "modelspec.title": asked.name,
            "modelspec.date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._started_at)),
            "modelspec.implementation": f"inkstone {__version__}",
            "modelspec.resolution": f"{width}x{height}",
            "modelspec.trigger_phrase": asked.trigger_word,
            "ss_output_name": asked.name,
            "ss_sd_model_name": self._card.name,
            "ss_training_started_at": self._started_at,
            "ss_training_finished_at": time.time(),
            "ss_seed": asked.seed,
            "ss_learning_rate": asked.learning_rate,
            "ss_lr_scheduler": asked.lr_schedule,
            "ss_lr_warmup_steps": asked.warmup_steps,
            "ss_optimizer": asked.optimizer,
            "ss_max_grad_norm": asked.gradient_clip,
            "ss_num_train_images": self._plan.pictures,
            "ss_num_epochs": self._plan.epochs,
            "ss_steps": step,
            "ss_max_train_steps": self._plan.steps,
            "ss_total_batch_size": self._plan.batch * self._plan.accumulate,
            "ss_batch_size_per_device": asked.batch_size,
            "ss_gradient_accumulation_steps": self._plan.accumulate,
            "ss_gradient_checkpointing": asked.use_gradient_checkpointing,
            "ss_mixed_precision": asked.precision,
            "ss_resolution": f"({width}, {height})",
            "ss_enable_bucket": asked.aspect_buckets,
            "ss_bucket_info": json.dumps(self._buckets()),
            "ss_flip_aug": asked.random_flip,
            "ss_random_crop": not asked.center_crop,
            "ss_caption_dropout_rate": asked.caption_dropout,
            "ss_noise_offset": asked.noise_offset,
            "ss_min_snr_gamma": asked.min_snr_gamma,
            "inkstone.adapter": asked.adapter,
            TRAINED_RANK: asked.lora_rank,
            TRAINED_ALPHA: asked.lora_alpha,
            "inkstone.ema_decay": asked.ema_decay,
        }
        return {key: str(value) for key, value in told.items() if value != ""}

    def _buckets(self) -> dict[str, Any]:
        found = enumerate(self._plan.buckets)
        return {"buckets": {n: {"resolution": b.size, "count": len(b.members)} for n, b in found}}

    def _sidecar(self, step: int) -> bytes:
        """The JSON beside the LoRA; what the LoRA list shows comes first."""
        asked = self._request
        told = {
            "title": asked.name,
            "base_model": self._card.family,
            "model": self._card.name,
            "trigger_words": [asked.trigger_word] if asked.trigger_word else [],
            "description": "",
            "steps": step,
            "pictures": self._plan.pictures,
            "created_at": round(time.time()),
            "request": asked.to_dict(),
        }
        return json.dumps(told, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def _small(picture: bytes) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as loaded:
        loaded.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        written = io.BytesIO()
        loaded.save(written, "PNG")
    return written.getvalue()
