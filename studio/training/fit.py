"""The loop itself, which is Lightning's."""

import logging
import warnings
from collections.abc import Mapping
from typing import Any

from pytorch_lightning import Callback, Trainer

from studio.training.task import LoraTask


def fit(task: LoraTask, beside: Callback, options: Mapping[str, Any]) -> None:
    """Train a task to its end, or until the callback stops it. `options` say on what devices.

    Lightning's own loggers, bars and checkpoints stay off: what they do is done in the run's folder."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", module="pytorch_lightning|lightning_fabric"
        )  # hints, meant for others
        trainer = Trainer(
            max_epochs=1,
            accumulate_grad_batches=task.request.accumulate_grad_batches,
            callbacks=[beside],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            use_distributed_sampler=False,
            **options,
        )
        trainer.fit(task)
