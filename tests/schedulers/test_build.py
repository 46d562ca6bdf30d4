"""Every sampler and noise schedule together paints finite pictures, and the exact ones the right ones."""

import itertools

import pytest

from studio.errors import UnknownChoice
from studio.schedulers.build import build
from studio.schedulers.samplers import SAMPLERS
from studio.schedulers.schedules import SCHEDULES

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
CONFIGS = {
    "zero_terminal": {
        **BETAS,
        "_class_name": "EulerDiscreteScheduler",
        "prediction_type": "v_prediction",
        "rescale_betas_zero_snr": True,
        "timestep_spacing": "trailing",
    },
    "kolors": {
        **BETAS,
        "beta_end": 0.014,
        "num_train_timesteps": 1100,
        "timestep_spacing": "leading",
        "steps_offset": 1,
    },
}
PAIRS = list(itertools.product(SAMPLERS, SCHEDULES))
DETERMINISTIC = ("euler", "heun", "dpmpp_2m", "ddim", "uni_pc")
SPREAD = 0.8
"""Standard deviation of the made-up pictures, for which the perfect denoiser is known."""


def paint(config, sampler, schedule, steps, seed=0):
    """Sample Gaussian 'pictures' with their perfect denoiser: (result, start noise at scale 1)."""
    import torch

    scheduler = build(config, sampler, schedule, steps)
    scheduler.set_timesteps(steps)
    dice = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, 4, 32, 32, generator=dice)
    latents = noise * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        seen = scheduler.scale_model_input(latents, timestep)
        sigma = scheduler._sigma(timestep).float()
        signal = 1 / (1 + sigma**2) ** 0.5
        picture = seen * signal * SPREAD**2 / (signal**2 * SPREAD**2 + (sigma * signal) ** 2)
        grain = (seen - signal * picture) / (sigma * signal)
        is_v = config.get("prediction_type") == "v_prediction"
        output = signal * grain - sigma * signal * picture if is_v else grain
        latents = scheduler.step(output, timestep, latents, generator=dice, return_dict=False)[0]
        assert torch.allclose(scheduler.denoised(), picture, atol=5e-3)
    return latents, noise


@pytest.mark.long
@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize(("sampler", "schedule"), PAIRS)
def test_every_pair_stays_finite_and_in_scale(kind, sampler, schedule):
    import torch

    for steps in (1, 2, 5, 20, 60):
        result, _ = paint(CONFIGS[kind], sampler, schedule, steps)
        assert torch.isfinite(result).all()
        assert result.std() < (1.1 if steps >= 20 else 2)  # Heun overshoots on five steps, as published
    assert result.std() > (0.5 if steps >= 20 else 0)


@pytest.mark.long
@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("sampler", DETERMINISTIC)
def test_more_steps_come_nearer_to_the_exact_solution(kind, sampler, schedule):
    misses = []
    for steps in (8, 120):
        result, noise = paint(CONFIGS[kind], sampler, schedule, steps)
        misses.append(float((result - noise * SPREAD).abs().max()))
    assert misses[1] < misses[0] / 2
    assert misses[1] < (0.08 if sampler in ("euler", "ddim") else 0.04)


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name not in DETERMINISTIC])
def test_random_samplers_repeat_with_the_seed(sampler):
    import torch

    first, again = (paint(CONFIGS["zero_terminal"], sampler, "auto", 8, seed=5)[0] for _ in range(2))
    other = paint(CONFIGS["zero_terminal"], sampler, "auto", 8, seed=6)[0]
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("kind", CONFIGS)
def test_auto_is_the_models_own_scheduler_exactly(kind):
    import torch
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

    own = EulerDiscreteScheduler.from_config(CONFIGS[kind])
    ours = build(CONFIGS[kind], "euler", "auto", 20)
    for scheduler in (own, ours):
        scheduler.set_timesteps(20)
    assert torch.equal(own.sigmas, ours.sigmas)
    assert torch.equal(own.timesteps, ours.timesteps)
    assert own.init_noise_sigma == ours.init_noise_sigma


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "lcm"])
def test_auto_gives_other_samplers_the_same_grid(sampler):
    import torch

    own = build(CONFIGS["kolors"], "euler", "auto", 11)
    ours = build(CONFIGS["kolors"], sampler, "auto", 11)
    for scheduler in (own, ours):
        scheduler.set_timesteps(11)
    assert torch.equal(own.sigmas, torch.unique(ours.sigmas).flip(0))


def test_heun_calls_twice_but_counts_whole_steps():
    scheduler = build(CONFIGS["kolors"], "heun", "karras", 6)
    scheduler.set_timesteps(6)
    import torch

    latents, whole = torch.zeros(1, 4, 4, 4), 0
    for timestep in scheduler.timesteps:
        scheduler.scale_model_input(latents, timestep)
        latents = scheduler.step(latents, timestep, latents, return_dict=False)[0]
        whole += not scheduler.is_within_step
    assert len(scheduler.timesteps) == 11
    assert whole == 5  # the sixth ends in sigma 0 with a single call, which Heun never corrects


@pytest.mark.parametrize(
    ("sampler", "schedule", "field"), [("x", "auto", "sampler"), ("euler", "x", "schedule")]
)
def test_unknown_names_are_refused_at_their_field(sampler, schedule, field):
    with pytest.raises(UnknownChoice) as refused:
        build(CONFIGS["kolors"], sampler, schedule, 4)
    assert refused.value.field == field
    assert "'x'" in str(refused.value)
