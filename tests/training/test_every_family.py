"""A training step of each family: a finite loss whose gradient reaches the LoRA, for texts of different length too."""

import pytest
import torch

from studio.engine.load import open_part
from studio.families import families
from studio.train_request import TrainRequest
from studio.training.adapters import add_adapter, changes_of
from studio.training.objective import FLOW_LEVELS, Objective, flow_sigmas
from studio.training.stream import Batch, _stacked
from studio.training.task import LoraTask
from tests.tinies import build

TEXTS = ("a red house on green grass", "夜晚")


@pytest.mark.long
@pytest.mark.parametrize("name", families())
def test_a_step_teaches_the_lora(tmp_path, name):
    family, folder = families()[name], build(name, tmp_path / name)
    parts = {part.name: open_part(part, folder, "cpu", torch.float32) for part in family.parts}
    denoiser = parts[family.denoiser].train()
    request = TrainRequest(name="ink", dataset_path="set", lora_rank=2, lora_target_modules="to_q,to_v",
                           prior_prompts=("a cat",), prior_share=0.5)  # fmt: skip
    trained = add_adapter(denoiser, request, name)
    objective = Objective.of(parts["scheduler"])
    task = LoraTask(request, family, denoiser, trained, objective, lambda *_: None, 1)
    rgb = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1
    latents, _ = family.encode_picture(parts, rgb)
    texts = [family.encode(parts, text) for text in TEXTS]
    batch = Batch(
        latents, torch.randn(latents.shape, generator=torch.Generator().manual_seed(2)), torch.tensor([300, 700]),
        {key: _stacked([text[key][0] for text in texts]) for key in texts[0]},
        torch.tensor([[32.0, 48, 0, 0, 32, 48]] * 2), torch.ones(2), torch.tensor([False, False]),
    )  # fmt: skip
    losses = task.losses(batch)
    losses.sum().backward()
    assert losses.shape == (2,)
    assert bool(torch.isfinite(losses).all())
    reached = [
        value.grad.abs().sum() for key, value in trained.items() if "lora_B" in key and value.grad is not None
    ]
    assert reached
    assert all(float(amount) > 0 for amount in reached)
    assert changes_of(denoiser)
    alone = task.losses(_first(batch, texts[0]))
    assert torch.allclose(alone, losses[:1], rtol=1e-3), "a longer neighbour changes what a picture loses"
    _check_priors(task, batch._replace(priors=torch.tensor([False, True])), losses)


def _check_priors(task: LoraTask, batch: Batch, losses: torch.Tensor) -> None:
    """A picture kept as it was loses nothing as long as nothing is learnt, and then what the adapter makes of it."""
    kept = task.losses(batch)
    assert torch.allclose(kept[0], losses[0], rtol=1e-4)
    assert float(kept[1].detach()) < 1e-6 * float(losses[1].detach())
    with torch.no_grad():
        for name, parameter in task.trained.items():
            parameter.add_(0.1 if "lora_B" in name else 0.0)
    learnt = task.losses(batch)
    assert float(learnt[1].detach()) > 10 * float(kept[1].detach())
    learnt[1].backward()
    assert all(parameter.requires_grad for parameter in task.trained.values())
    assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in task.trained.values())


def _first(batch: Batch, text: dict[str, torch.Tensor]) -> Batch:
    """The first picture of a batch with its own text, which is not filled up."""
    cut = {name: value[:1] for name, value in batch._asdict().items() if name != "conditioning"}
    return Batch(**cut, conditioning=text)


def test_flow_levels_are_quantiles_of_a_shifted_logit_normal():
    sigmas = flow_sigmas({"shift": 3.0})
    drawn = torch.sigmoid(torch.randn(200_000, generator=torch.Generator().manual_seed(0)))
    shifted = 3 * drawn / (1 + 2 * drawn)
    shares = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])
    assert torch.allclose(torch.quantile(sigmas, shares), torch.quantile(shifted, shares), atol=5e-3)
    assert bool((sigmas[1:] > sigmas[:-1]).all())
    assert float(flow_sigmas({"use_dynamic_shifting": True, "max_shift": 1.15})[FLOW_LEVELS // 2]) > 0.75


def test_flow_is_taught_the_way_from_picture_to_noise():
    ours = Objective.of({"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 1.0})
    latents, noise, at = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8), torch.tensor([100, 900])
    noisy, target, sigma = ours.noisy(latents, noise, at), ours.target(latents, noise, at), ours.told(at)
    assert torch.allclose(noisy - sigma.reshape(2, 1, 1, 1) * target, latents, atol=1e-5)
    assert torch.equal(ours.weights(at, 5.0), torch.ones(2))
