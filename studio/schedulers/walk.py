"""What the pipelines take for their scheduler: a class of diffusers on a grid of our own."""

import inspect
from typing import TYPE_CHECKING, Any

from studio.schedulers.start import Start

if TYPE_CHECKING:
    import torch


class Scheduler:
    """A diffusers scheduler that walks our grid of sigmas, as a pipeline expects it.

    It also remembers the last call of the denoiser, so that a preview can show the picture that the model has in mind
    (`denoised`) and not the noise around it. Without a grid the scheduler is diffusers' own, untouched.

    With a picture to begin with (`start`) only the last steps of the grid are walked. `begin` mixes it into the
    pipeline's noise as soon as both are known: some pipelines draw first, others ask for the grid first."""

    def __init__(
        self,
        inner: Any,
        sigmas: "torch.Tensor | None",
        timesteps: "torch.Tensor | None",
        start: Start | None = None,
    ) -> None:
        self.inner, self.start = inner, start
        if start is not None and sigmas is not None and timesteps is not None:
            sigmas, timesteps = sigmas[-start.steps - 1 :], timesteps[-start.steps :]
        self._sigmas, self._timesteps = sigmas, timesteps
        self._starts_at_one = float(getattr(inner, "init_noise_sigma", 1)) == 1
        self._drawn: torch.Tensor | None = None
        self._noise: torch.Tensor | None = None
        self._is_ready = False
        self._takes_generator = "generator" in inspect.signature(inner.step).parameters
        self._last: tuple[Any, Any, Any] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
        """Begin anew, on the grid."""
        steps = self.start.steps if self.start else num_inference_steps
        self.inner.set_timesteps(steps, device=device)
        self._last = None
        if self._sigmas is not None and self._timesteps is not None:
            install(self.inner, self._sigmas, self._timesteps, device)
        self._is_ready = True
        self._mix()

    @property
    def init_noise_sigma(self) -> Any:
        """By what pipelines multiply the noise that they draw. With a picture to begin with, `begin` does that."""
        return 1.0 if self.start else self.inner.init_noise_sigma

    def begin(self, drawn: "torch.Tensor") -> None:
        """Take the noise that the pipeline has drawn, and turn it into the latents to begin with, in place."""
        self._drawn = drawn
        self._mix()

    def step(
        self, model_output: Any, timestep: Any, sample: Any, generator: Any = None, return_dict: bool = True
    ) -> Any:
        """One step of the sampler; the arguments are diffusers'."""
        self._last = (model_output, sample, self._sigma(timestep))
        if hasattr(self.inner, "lower_order_nums") and self._leaps():
            self.inner.lower_order_nums = 0
        chance = {"generator": generator} if self._takes_generator else {}
        stepped = self.inner.step(model_output, timestep, sample, **chance, return_dict=return_dict)
        if (
            self._sigmas is not None
            and self.inner.order == 2
            and self.inner.step_index == 1
            and _falls_far(self._sigmas)
        ):
            self.inner.prev_derivative = self.inner.dt = self.inner.sample = None
        self._hold(stepped[0])
        return stepped

    def denoised(self) -> "torch.Tensor | None":
        """What the model takes the finished latents to be, as of the last step, in float32."""
        if self._last is None:
            return None
        output, sample, sigma = (value.float() for value in self._last)
        keep = (sigma**2 + 1) ** 0.5
        if self._starts_at_one:
            sample = sample * keep
        match self.inner.config.prediction_type:
            case "epsilon":
                return sample - sigma * output  # type: ignore[no-any-return]
            case "v_prediction":
                return sample / keep**2 - output * sigma / keep  # type: ignore[no-any-return]
            case _:
                return output  # type: ignore[no-any-return]

    @property
    def is_within_step(self) -> bool:
        """Whether the denoiser will be called again before this step is done."""
        return getattr(self.inner, "dt", None) is not None

    def _leaps(self) -> bool:
        """Whether this step is more than twice the last one in log sigma: then a multistep solver, which draws its
        line through the last predictions, would be thrown off (`normal` ends so), and takes a first-order step."""
        sigmas, index = self.inner.sigmas, self.inner.step_index
        if not index or sigmas[index + 1] == 0:
            return False
        here, last = sigmas[index] / sigmas[index + 1], sigmas[index - 1] / sigmas[index]
        return bool(here.log() > 2 * last.log())

    def _mix(self) -> None:
        if self.start is None or self._drawn is None or not self._is_ready:
            return
        chosen = self._drawn if self.start.noise is None else self.start.noise
        self._noise = chosen.detach().to(self._drawn.device, copy=True).float()
        whole = self._noise * self._scale if self.start.is_whole else self._noised(self._noise)
        self._drawn.copy_(whole)

    def _hold(self, latents: "torch.Tensor") -> None:
        """Put what stands outside the mask where it has to be at this noise level, in place."""
        if self.start is None or self.start.mask is None or self._noise is None:
            return
        mask = self.start.mask.to(latents.device)
        latents.copy_(mask * latents.float() + (1 - mask) * self._noised(self._noise))

    def _noised(self, noise: "torch.Tensor") -> "torch.Tensor":
        """The picture to begin with, at the noise level that the scheduler has come to."""
        assert self.start is not None
        sigma = self._level()
        noisy: torch.Tensor = self.start.latents.to(noise.device) + sigma * noise
        return noisy / (sigma**2 + 1) ** 0.5 if self._starts_at_one else noisy

    @property
    def _scale(self) -> Any:
        """What noise is multiplied by, for latents that are nothing else."""
        return self.inner.init_noise_sigma

    def _level(self) -> Any:
        """Sigma where the scheduler stands, between two steps."""
        index = self.inner.step_index or 0
        if hasattr(self.inner, "sigmas"):
            return self.inner.sigmas[index]
        return self._sigma(self.inner.timesteps[index]) if index < len(self.inner.timesteps) else 0.0

    def _sigma(self, timestep: Any) -> Any:
        if not hasattr(self.inner, "sigmas"):
            share = self.inner.alphas_cumprod[timestep].clamp(min=2**-24)
            return ((1 - share) / share) ** 0.5
        index = self.inner.step_index
        return self.inner.sigmas[0 if index is None else index]


def install(inner: Any, sigmas: "torch.Tensor", timesteps: "torch.Tensor", device: Any) -> None:
    """Put the grid where the class looks for it. Heun calls the denoiser twice a step, LCM looks up whole timesteps."""
    import torch

    if inner.order == 2:
        once = 2 if _falls_far(sigmas) else 1
        sigmas = torch.cat([sigmas[:once], sigmas[once:-1].repeat_interleave(2), sigmas[-1:]])
        timesteps = torch.cat([timesteps[:once], timesteps[once:].repeat_interleave(2)])
    if hasattr(inner, "sigmas"):
        inner.sigmas = sigmas
    else:
        timesteps = timesteps.round().long()
    inner.timesteps = timesteps.to(device)
    inner.set_begin_index(0)


def _falls_far(sigmas: "torch.Tensor") -> bool:
    """Whether the first step crosses so many noise levels (zero terminal signal) that Heun's correction, which takes
    the slope for straight, would miss by far: it is left out there."""
    return len(sigmas) > 2 and bool(sigmas[0] > 10 * sigmas[1])
