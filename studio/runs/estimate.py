"""How long a run will take and what it needs, by formulas that anybody can check:

- **learning**: the denoiser's bytes + P x (4 for its weights, 4 for gradients, the optimizer's, 4 for an EMA) + B x C x
  what a cell keeps (`costs`), a fifth more for what lives a moment; B pictures a batch of C latent cells, a LoRA of P
  numbers;
- **encoding**, before that and never with it: text encoder + autoencoder + its widest feature map three times over;
- **sampling**: the denoiser, the autoencoder and that feature map twice;
- to the greatest of these, what the libraries take by themselves. A past run with the same settings is believed first;
- **seconds**: two operations a multiplication looking, four learning, through all passes, by what this machine does in a
  second: as a past run of the model showed, or else a cautious figure."""

import math
from dataclasses import dataclass, field
from typing import Literal

from studio.runs.costs import KEPT_16, KEPT_32, KEPT_CHECKPOINTED, ModelCosts, Network
from studio.runs.machine import Machine, Past
from studio.train_plan import Plan, Size
from studio.train_request import TrainRequest

Phase = Literal["encode", "learn", "sample"]

CELL_PX = 8
"""A latent cell stands for so many pixels each way."""
RECOMPUTED = 1.4
MOMENTARY = 1.2
LIBRARIES_BYTES = {"cpu": 1.0 * 2**30, "mps": 1.0 * 2**30, "cuda": 1.2 * 2**30}
OPTIMIZER_BYTES = {"adamw": 8.0, "adafactor": 0.5, "prodigy": 16.0, "adamw8bit": 2.0}
"""State for each trained number."""
QUANTIZED_BYTES = {"int8": 1.1, "nf4": 0.6}
TOKENS = 256
PROMPTS = 2
"""Samples at a time when the request names none."""
SPEEDS = {"cpu": 2e10, "mps": 2e12, "cuda": 3e13}
"""Operations a second, for each thread of a CPU, before a run has shown better."""


@dataclass(frozen=True)
class Pictures:
    """The pictures of a run: sizes of those learnt from, how many only validate, how many have a caption."""

    sizes: tuple[Size, ...]
    validation: int = 0
    captioned: int = 0


@dataclass(frozen=True)
class Bench:
    """All that an estimate is made from besides the request."""

    costs: ModelCosts
    pictures: Pictures
    machine: Machine
    past: Past = field(default_factory=Past)


@dataclass(frozen=True)
class Estimate:
    """What the run will take. `passes` is how often each picture is seen, `phase` what needs the most memory."""

    steps: int
    pictures_an_epoch: int
    passes: float
    seconds: float
    is_measured: bool
    memory_bytes: int
    phase: Phase
    disk_bytes: int
    parameters: int


def weigh(request: TrainRequest, plan: Plan, bench: Bench) -> Estimate:
    """The estimate of a request laid out as `plan`."""
    scale = _Scale(request, plan, bench)
    memory, phase = scale.memory()
    seconds, is_measured = scale.seconds()
    known = bench.past.memory_bytes(request)
    return Estimate(
        steps=plan.steps,
        pictures_an_epoch=plan.pictures_an_epoch,
        passes=scale.seen / max(1, plan.pictures),
        seconds=seconds,
        is_measured=is_measured,
        memory_bytes=known or memory,
        phase=phase,
        disk_bytes=scale.disk(),
        parameters=scale.parameters,
    )


class _Scale:
    """The figures of one request."""

    def __init__(self, request: TrainRequest, plan: Plan, bench: Bench) -> None:
        self._request, self._plan, self._bench = request, plan, bench
        self._costs, self._kind = bench.costs, bench.machine.kind
        self._cells = max(width * height for width, height in (b.size for b in plan.buckets)) // CELL_PX**2
        self._batch = plan.batch // (request.devices * request.num_nodes)
        self._is_exact = _is_exact(request, bench)
        self.parameters = self._costs.denoiser.lora_parameters(request.targets, request.lora_rank)
        self.seen = plan.steps * plan.accumulate * min(plan.batch, plan.pictures)

    @property
    def _bytes_each(self) -> int:
        return 4 if self._is_exact else 2

    def memory(self) -> tuple[int, Phase]:
        """Bytes at the worst moment, and when that is."""
        request, costs, each = self._request, self._costs, self._bytes_each
        vae, map_bytes = costs.autoencoder.parameters * each, self._map_bytes()
        frozen = costs.denoiser.parameters * QUANTIZED_BYTES.get(request.quantize_base, each)
        trained = 8.0 + OPTIMIZER_BYTES[request.optimizer] + (4.0 if request.ema_decay else 0.0)
        phases: dict[Phase, float] = {
            "encode": costs.text_encoder.parameters * each + vae + 3 * map_bytes,
            "learn": frozen
            + self.parameters * trained
            + self._batch * self._cells * self._kept() * MOMENTARY,
            "sample": frozen + self.parameters * trained + vae + 2 * map_bytes,
        }
        worst = max(phases, key=lambda phase: phases[phase])
        return round(phases[worst] + LIBRARIES_BYTES[self._kind]), worst

    def seconds(self) -> tuple[float, bool]:
        """Seconds of the whole run, and whether a past run of this machine told the speed."""
        request, costs = self._request, self._costs
        look = 2 * costs.denoiser.multiplications_a_cell * self._cells
        past = self._bench.past.speed(request)
        speed = self._speed(past.pictures_per_s, past.request) if past else None
        prompts = len(request.sample_prompts) or PROMPTS
        tries = 1 + (self._plan.steps // request.sample_every if request.sample_every else 0)
        checks = self._plan.steps // request.validation_every if request.validation_every else 0
        pictures = self._plan.pictures + self._bench.pictures.validation
        copies = (1 if request.center_crop else request.crops) * (2 if request.random_flip else 1)
        operations = (
            self.seen * self._learning(request)
            + tries * prompts * request.sample_steps * 2 * look
            + checks * self._bench.pictures.validation * look
            + pictures * copies * costs.autoencoder.multiplications_a_cell * self._cells * CELL_PX**2
            + pictures * 2 * costs.text_encoder.parameters * TOKENS
        )
        return operations / (speed or self._usual_speed()), speed is not None

    def disk(self) -> int:
        """Checkpoints with all that resuming needs, one more while the last is written, and the encoded pictures."""
        request = self._request
        each = self.parameters * (8 + OPTIMIZER_BYTES[request.optimizer] + (4 if request.ema_decay else 0))
        copies = (1 if request.center_crop else request.crops) * (2 if request.random_flip else 1)
        latents = self._cells * 4 * 2 * 4
        words = TOKENS * int(self._costs.denoiser.config.get("encoder_hid_dim") or 768) * self._bytes_each
        return round((request.checkpoints_kept + 1) * each + self._plan.pictures * (copies * latents + words))

    def _kept(self) -> float:
        network = self._costs.denoiser
        if not self._request.use_gradient_checkpointing:
            return network.kept_a_cell(KEPT_32 if self._is_exact else KEPT_16)
        return network.kept_a_cell(KEPT_CHECKPOINTED) * self._bytes_each / 4

    def _map_bytes(self) -> int:
        channels = self._costs.autoencoder.config.get("block_out_channels") or [128]
        return int(channels[0]) * self._cells * CELL_PX**2 * self._bytes_each

    def _learning(self, request: TrainRequest) -> float:
        """Operations of learning from one picture of the request's size; some are looked at once more, for the prior."""
        again = RECOMPUTED if request.use_gradient_checkpointing else 1.0
        looks = 4 * again + (2 * request.prior_share if request.keeps_priors else 0)
        return looks * self._costs.denoiser.multiplications_a_cell * self._area_of(request)

    def _area_of(self, request: TrainRequest) -> float:
        """Latent cells of a request; one without a size has the model's own, which is also this one's default."""
        if request.width and request.height:
            return request.width * request.height / CELL_PX**2
        return self._cells

    def _speed(self, pictures_per_s: float, request: TrainRequest) -> float:
        return pictures_per_s * self._learning(request)

    def _usual_speed(self) -> float:
        speed = SPEEDS[self._kind] * (self._bench.machine.threads if self._kind == "cpu" else 1)
        return speed / 3 if self._is_exact and self._kind == "cuda" else speed


def _is_exact(request: TrainRequest, bench: Bench) -> bool:
    """Whether numbers have 32 bits: auto takes them on a CPU unless the model would then fill it."""
    if request.precision != "auto":
        return request.precision == "32"
    if bench.machine.kind != "cpu":
        return False
    networks: tuple[Network, ...] = (bench.costs.denoiser, bench.costs.text_encoder, bench.costs.autoencoder)
    numbers = math.fsum(network.parameters for network in networks)
    return 4 * numbers <= 0.6 * bench.machine.memory_bytes
