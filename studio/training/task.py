"""The Lightning module: a frozen denoiser with an adapter, and the loss of a batch."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from studio.families.family import Family
from studio.train_request import TrainRequest
from studio.training.adapters import without_adapter
from studio.training.objective import Objective
from studio.training.optimizers import make_optimizer, rate_at
from studio.training.stream import Batch, Feed, Stream


class LoraTask(LightningModule):
    """Learns from `step` on, up to `steps`. `stream_for` gives the batches of a device by rank and number of devices."""

    def __init__(
        self,
        request: TrainRequest,
        family: Family,
        denoiser: nn.Module,
        trained: Mapping[str, nn.Parameter],
        objective: Objective,
        stream_for: Callable[[int, int], Stream],
        steps: int,
        step: int = 0,
    ) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.request, self.family, self.objective = request, family, objective
        self.trained, self.steps, self.step = dict(trained), steps, step
        self._stream_for = stream_for

    def losses(self, batch: Batch) -> Tensor:
        """What each picture of a batch loses (B,), in float32."""
        noisy = self.objective.noisy(batch.latents, batch.noise, batch.timesteps)
        told = self.objective.told(batch.timesteps)
        target = self.objective.target(batch.latents, batch.noise, batch.timesteps)
        if self.request.keeps_priors and bool(batch.priors.any()):
            target = self._with_priors(target, batch, noisy, told)
        answer = self.family.predict(self.denoiser, noisy, told, batch.conditioning, batch.sizes)
        each = (answer.float() - target).square().mean((1, 2, 3))
        return each * self.objective.weights(batch.timesteps, self.request.min_snr_gamma)

    @torch.no_grad()
    def _with_priors(self, target: Tensor, batch: Batch, noisy: Tensor, told: Tensor) -> Tensor:
        """The target (B, C, h, w), where a prior is kept what the model answers without its adapter."""
        kept = batch.priors
        words = {name: states[kept] for name, states in batch.conditioning.items()}
        with without_adapter(self.denoiser):
            answer = self.family.predict(self.denoiser, noisy[kept], told[kept], words, batch.sizes[kept])
        target = target.clone()
        target[kept] = answer.to(target.dtype)
        return target

    def training_step(self, batch: Batch, index: int) -> dict[str, Tensor]:
        """Lightning's: the loss, and the sum and number of what really counts of it."""
        losses = self.losses(batch)
        counts = (batch.weights > 0).float()
        told = torch.stack([(losses.detach() * counts).sum(), counts.sum()])
        return {"loss": (losses * batch.weights).sum(), "told": told}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Lightning's."""
        is_scaled = self.trainer.precision == "16-mixed"
        return make_optimizer(self.request, self.trained.values(), is_scaled)

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Lightning's; done here because its own refuses fused optimizers under every mixed precision, though only
        float16 scales gradients."""
        if self.request.gradient_clip:
            torch.nn.utils.clip_grad_norm_(self.trained.values(), self.request.gradient_clip)

    def optimizer_step(
        self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Callable[[], Any] | None = None
    ) -> None:
        """Lightning's, at the rate of this step: a function of the step alone, so that nothing has to be kept of it."""
        for group in optimizer.param_groups:
            group["lr"] = self.rate_of(self.step)
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)

    def rate_of(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return rate_at(self.request, step, self.steps)

    def train_dataloader(self) -> Feed:
        """Lightning's: the batches from here to the end."""
        each = self.request.accumulate_grad_batches
        stream = self._stream_for(self.global_rank, self.trainer.world_size)
        return Feed(stream, self.step * each, self.steps * each)

    def on_fit_start(self) -> None:
        """Lightning's: the network is on its device now."""
        self.objective = self.objective.on(self.device)
