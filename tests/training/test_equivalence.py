"""Our loop under Lightning learns what a plain PyTorch loop over the same network learns."""

import pytest
import torch
from pytorch_lightning import Callback

from studio.engine.load import open_part
from studio.families import families
from studio.training.adapters import add_adapter, changes_of
from studio.training.fit import fit
from studio.training.objective import Objective
from studio.training.stream import Batch
from studio.training.task import LoraTask
from tests.tiny import WIDTH

STEPS = 20


@pytest.fixture
def denoiser(tiny_kolors):
    return open_part(families()["kolors"].part("unet"), tiny_kolors, "cpu", torch.float32)


def batches(count, pictures=3, seed=0):
    """Latents, noise, timesteps and texts as if they had been injected."""
    dice = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(shape, generator=dice)

    return [
        Batch(
            draw(pictures, 4, 8, 8), draw(pictures, 4, 8, 8), torch.randint(0, 999, (pictures,), generator=dice),
            {"prompt_embeds": draw(pictures, 256, WIDTH), "pooled_prompt_embeds": draw(pictures, WIDTH)},
            torch.tensor([[64.0, 64, 0, 0, 64, 64]]).expand(pictures, 6), torch.full((pictures,), 1 / pictures), torch.zeros(pictures, dtype=torch.bool),
        )
        for _ in range(count)
    ]  # fmt: skip


class Injected:
    """A stream of given batches."""

    def __init__(self, given):
        self._given = given

    def batch(self, number):
        return self._given[number]


def ours(request, denoiser, given):
    """Losses by the product's own module under Lightning's Trainer."""
    losses = []

    class Listen(Callback):
        def on_train_batch_end(self, trainer, task, outputs, batch, batch_idx):
            lost, count = outputs["told"].tolist()
            losses.append(lost / count)
            if (batch_idx + 1) % task.request.accumulate_grad_batches == 0:
                task.step += 1

    family, trained = families()["kolors"], add_adapter(denoiser, request, "tiny")
    objective = Objective.of(_scheduler().config)
    steps = len(given) // request.accumulate_grad_batches
    task = LoraTask(request, family, denoiser, trained, objective, lambda *_: Injected(given), steps)
    fit(task, Listen(), {"accelerator": "cpu"})
    return losses, task


def plain(request, denoiser, given):
    """The same by hand, with diffusers' own scheduler for noise and targets."""
    trained = add_adapter(denoiser, request, "tiny")
    optimizer = torch.optim.AdamW(
        trained.values(), lr=request.learning_rate, weight_decay=request.weight_decay
    )
    scheduler, losses = _scheduler(), []
    for number, batch in enumerate(given):
        noisy = scheduler.add_noise(batch.latents, batch.noise, batch.timesteps)
        target = scheduler.get_velocity(batch.latents, batch.noise, batch.timesteps)
        added = {"text_embeds": batch.conditioning["pooled_prompt_embeds"], "time_ids": batch.sizes}
        answer = denoiser(
            noisy, batch.timesteps, batch.conditioning["prompt_embeds"], added_cond_kwargs=added
        ).sample
        loss = torch.nn.functional.mse_loss(answer, target)
        (loss / request.accumulate_grad_batches).backward()
        losses.append(loss.item())
        if (number + 1) % request.accumulate_grad_batches == 0:
            torch.nn.utils.clip_grad_norm_(trained.values(), request.gradient_clip)
            optimizer.step()
            optimizer.zero_grad()
    return losses


@pytest.mark.long
@pytest.mark.parametrize(
    "changes", [{}, {"accumulate_grad_batches": 4}, {"adapter": "dora"}, {"adapter": "lokr"}]
)
def test_twenty_steps_equal_a_plain_loop(ask, tiny_kolors, changes):
    request = ask(learning_rate=5e-3, **changes)
    given = batches(STEPS * request.accumulate_grad_batches)
    family = families()["kolors"].part("unet")
    theirs = plain(request, open_part(family, tiny_kolors, "cpu", torch.float32), given)
    mine, task = ours(request, open_part(family, tiny_kolors, "cpu", torch.float32), given)
    assert len(mine) == len(theirs)
    assert max(abs(a - b) for a, b in zip(mine, theirs, strict=True)) < 1e-5
    assert abs(theirs[-1] - theirs[0]) > 1e-3
    assert changes_of(task.denoiser)


def test_gradient_checkpointing_changes_no_loss(ask, tiny_kolors):
    family, given = families()["kolors"].part("unet"), batches(3)
    saving = open_part(family, tiny_kolors, "cpu", torch.float32)
    saving.enable_gradient_checkpointing()
    assert plain(ask(), saving, given) == plain(
        ask(), open_part(family, tiny_kolors, "cpu", torch.float32), given
    )


@pytest.mark.long
def test_learning_brings_the_loss_down(ask, denoiser):
    given = batches(1) * 40
    losses, _ = ours(ask(learning_rate=2e-2), denoiser, given)
    assert losses[-1] < 0.9 * losses[0]


def _scheduler():
    from diffusers import DDPMScheduler

    return DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
        rescale_betas_zero_snr=True, timestep_spacing="trailing",
    )  # fmt: skip
