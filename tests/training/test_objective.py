"""Noise, targets and weights, against diffusers' own."""

import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.training_utils import compute_snr

from studio.training.objective import Objective

BETAS = {
    "beta_start": 0.00085,
    "beta_end": 0.014,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1100,
}


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_noise_target_and_weights_are_those_of_diffusers(prediction):
    theirs = DDPMScheduler(**BETAS, prediction_type=prediction)
    ours = Objective.of({**BETAS, "prediction_type": prediction})
    assert ours.timesteps == 1100
    latents, noise = torch.randn(6, 4, 8, 8), torch.randn(6, 4, 8, 8)
    times = torch.tensor([0, 1, 300, 700, 1098, 1099])
    assert torch.allclose(
        ours.noisy(latents, noise, times), theirs.add_noise(latents, noise, times), atol=1e-6
    )
    wanted = noise if prediction == "epsilon" else theirs.get_velocity(latents, noise, times)
    assert torch.allclose(ours.target(latents, noise, times), wanted, atol=1e-6)
    snr = compute_snr(theirs, times)
    weights = snr.clamp(max=5) / (snr if prediction == "epsilon" else snr + 1)
    assert torch.allclose(ours.weights(times, 5.0), weights, rtol=1e-4)
    assert torch.equal(ours.weights(times, 0.0), torch.ones(6))


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_last_timestep_of_a_zero_snr_model_is_finite(prediction):
    ours = Objective.of({**BETAS, "prediction_type": prediction, "rescale_betas_zero_snr": True})
    last = torch.tensor([1099])
    assert float(ours.signal[-1]) < 1e-3
    assert torch.isfinite(ours.weights(last, 5.0)).all()
    assert torch.isfinite(ours.target(torch.ones(1, 4, 8, 8), torch.ones(1, 4, 8, 8), last)).all()
