"""The sigma grids: descending, as long as asked, and equal to their definitions."""

import numpy as np
import pytest

from studio.schedulers import schedules
from studio.schedulers.schedules import SCHEDULES

GRIDS = [name for name, schedule in SCHEDULES.items() if schedule.grid]


def table(steps=1000, end=0.012, is_zero_terminal=False):
    """Sigmas of a scaled-linear model, rising."""
    share = np.cumprod(1 - np.linspace(0.00085**0.5, end**0.5, steps) ** 2)
    if is_zero_terminal:
        root = np.sqrt(share)
        root = (root - root[-1]) * root[0] / (root[0] - root[-1])
        share = np.maximum(root**2, 2.0**-24)
    return np.sqrt((1 - share) / share)


TABLES = {"eps": table(), "kolors": table(1100, 0.014), "zero_terminal": table(is_zero_terminal=True)}


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 20, 30, 150])
@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("name", GRIDS)
def test_grid_falls_within_the_table(name, kind, steps):
    sigmas = SCHEDULES[name].grid(TABLES[kind], steps)
    assert len(sigmas) == steps
    assert np.isfinite(sigmas).all()
    assert (np.diff(sigmas) < 0).all()
    assert sigmas[0] <= TABLES[kind][-1] * (1 + 1e-9)
    assert sigmas[-1] >= TABLES[kind][0] * (1 - 1e-9)


@pytest.mark.parametrize("name", [name for name in GRIDS if name != "ddim_uniform"])
def test_grid_begins_where_the_model_was_trained_to(name):
    for sigmas in TABLES.values():
        assert SCHEDULES[name].grid(sigmas, 20)[0] == pytest.approx(sigmas[-1])


@pytest.mark.parametrize("name", ["karras", "exponential"])
def test_crowded_spacings_spend_one_step_above_what_can_be_seen(name):
    sigmas = SCHEDULES[name].grid(TABLES["zero_terminal"], 20)
    assert (sigmas > schedules.MOST_CROWDED_SIGMA).sum() == 1


def euler(spacing, steps, **settings):
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        timestep_spacing=spacing,
        **settings,
    )
    scheduler.set_timesteps(steps)
    return scheduler.sigmas[:-1].numpy()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("normal", lambda n: euler("linspace", n)),
        ("trailing", lambda n: euler("trailing", n)),
        ("ddim_uniform", lambda n: euler("leading", n, steps_offset=1)),
        ("karras", lambda n: euler("linspace", n, use_karras_sigmas=True)),
        ("exponential", lambda n: euler("linspace", n, use_exponential_sigmas=True)),
    ],
)
def test_grid_agrees_with_diffusers(name, wanted):
    assert SCHEDULES[name].grid(TABLES["eps"], 20) == pytest.approx(wanted(20), rel=2e-4)


def test_beta_quantiles_are_symmetric_and_right():
    shares = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
    quantiles = schedules._beta_quantiles(shares)
    assert quantiles + quantiles[::-1] == pytest.approx(np.ones(7), abs=1e-6)
    uniform = schedules._beta_quantiles(shares, shape=1.0)
    assert uniform == pytest.approx(shares, abs=1e-4)
    arcsine = schedules._beta_quantiles(shares, shape=0.5)
    assert arcsine == pytest.approx(np.sin(np.pi / 2 * shares) ** 2, abs=1e-6)


def test_timestep_and_sigma_are_inverse():
    for sigmas in TABLES.values():
        timesteps = np.array([0.0, 0.5, 499.25, 900.0, len(sigmas) - 1])
        there = schedules.sigma_at(sigmas, timesteps)
        assert schedules.timestep_at(sigmas, there) == pytest.approx(timesteps, abs=1e-6)
