"""Flow models: the model's own grid is diffusers' to the bit, others are shifted as the model shifts."""

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler

from studio.errors import NotForFlow
from studio.schedulers.build import build
from studio.schedulers.flow import FLOW_SAMPLERS
from studio.schedulers.samplers import SAMPLERS
from studio.schedulers.schedules import SCHEDULES

FIXED = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 3.0}
BY_SIZE = {**FIXED, "use_dynamic_shifting": True}


def walk(scheduler, steps, model, **told):
    """Latents after all steps, and how often the model was asked."""
    scheduler.set_timesteps(steps, device="cpu", **told)
    scheduler.set_begin_index(0)
    latents = torch.full((1, 4), 0.5)
    for timestep in scheduler.timesteps:
        latents = scheduler.step(model(latents, timestep / 1000), timestep, latents, return_dict=False)[0]
    return latents, len(scheduler.timesteps)


def curved(latents, sigma):
    """A velocity that bends."""
    return latents * sigma + sigma**2


@pytest.mark.parametrize("config", [FIXED, BY_SIZE])
def test_auto_is_the_models_own(config):
    told = {"mu": 0.8, "sigmas": [1.0, 0.7, 0.3]} if config is BY_SIZE else {}
    ours = walk(build(config, "euler", "auto", 3), 3, curved, **told)
    theirs = walk(FlowMatchEulerDiscreteScheduler.from_config(config), 3, curved, **told)
    assert torch.equal(ours[0], theirs[0])


def test_heun_is_diffusers_own_on_its_grid():
    plain = {**FIXED, "shift": 1.0}
    theirs = FlowMatchHeunDiscreteScheduler(shift=1.0)
    ours = walk(build(plain, "heun", "auto", 4), 4, curved)
    wanted = walk(theirs, 4, curved)
    assert ours[1] == wanted[1] == 7
    assert torch.allclose(ours[0], wanted[0], atol=1e-6)


def test_heun_is_nearer_to_the_truth_than_euler():
    truth, _ = walk(build(BY_SIZE, "euler", "auto", 800), 800, curved, mu=0.8)
    errors = [
        float((walk(build(BY_SIZE, name, "auto", 8), 8, curved, mu=0.8)[0] - truth).abs().max())
        for name in ("euler", "heun")
    ]
    assert errors[1] < errors[0] / 4


@pytest.mark.parametrize("schedule", [name for name in SCHEDULES if name != "auto"])
@pytest.mark.parametrize("sampler", ["euler", "heun"])
def test_every_grid_falls_from_noise_to_picture(schedule, sampler):
    scheduler = build(BY_SIZE, sampler, schedule, 6)
    scheduler.set_timesteps(6, device="cpu", mu=0.8)
    sigmas = scheduler.inner.sigmas
    assert float(sigmas[0]) <= 1
    assert float(sigmas[-1]) == 0
    assert bool((sigmas[1:] <= sigmas[:-1]).all())
    assert len(scheduler.timesteps) == (6 if sampler == "euler" else 11)


def test_grid_is_shifted_as_the_model_shifts():
    weak, strong = (build(BY_SIZE, "euler", "sgm_uniform", 8) for _ in range(2))
    weak.set_timesteps(8, device="cpu", mu=0.2)
    strong.set_timesteps(8, device="cpu", mu=1.2)
    assert bool((strong.inner.sigmas[1:-1] > weak.inner.sigmas[1:-1]).all())


@pytest.mark.parametrize("sampler", sorted(SAMPLERS.keys() - FLOW_SAMPLERS.keys()))
def test_samplers_that_follow_no_flow_are_refused(sampler):
    with pytest.raises(NotForFlow, match=f"'{sampler}'.*euler, ddim, heun"):
        build(FIXED, sampler, "auto", 4)


def test_denoised_is_the_picture_in_mind():
    scheduler = build(FIXED, "euler", "auto", 4)
    scheduler.set_timesteps(4, device="cpu")
    scheduler.set_begin_index(0)
    assert scheduler.denoised() is None
    noise, picture = torch.randn(1, 4), torch.randn(1, 4)
    scheduler.step(noise - picture, scheduler.timesteps[0], noise, return_dict=False)
    assert torch.allclose(scheduler.denoised(), picture, atol=1e-6)
