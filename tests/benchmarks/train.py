"""What training under Lightning, with all that stands beside it, costs over a plain PyTorch loop; and whether both
learn the same.

    python tests/benchmarks/train.py [--model DIR] [--steps N] [--batch N] [--json]

Both train the same network with the same batches, adapter and optimizer, and take turns; medians of 5 are compared.
"studio" is the product's way from cached latents to the run's folder: batches drawn, Lightning's loop, every step told,
averages and orders seen to. "plain" has its batches ready. On a busy machine the clock is off by several percent, so
seconds of processor time are printed too: those are steadier. Without --model it takes models/storybook, or a model of
that size with random weights where that isn't there."""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from studio.engine.host import QUIET_THREADS  # noqa: E402

WARM_STEPS = 2
PICTURES = 24
RANK = 16


def main() -> None:
    """Measure and print."""
    given = _arguments()
    for name, value in QUIET_THREADS.items():
        os.environ.setdefault(name, value)
    with tempfile.TemporaryDirectory() as scratch:
        model = given.model or _model(Path(scratch))
        result = compare(model, Path(scratch), given.steps, given.batch, given.size, given.rounds)
    if given.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{result['model']}, {given.size} px, rank {RANK}, batch {given.batch}, {given.steps} steps, "
          f"median of {given.rounds}, seconds a step")  # fmt: skip
    for name in ("plain", "studio"):
        clock, ratio, processor = (result[key][name] for key in ("seconds", "ratio", "processor_ratio"))
        print(f"  {name:8} {clock:.4f}   x {ratio:.3f}   processor time x {processor:.3f}")
    print(f"  largest difference of losses {result['losses_max_abs_diff']:.2e}")


def compare(model: Path, scratch: Path, steps: int, batch: int, size: int, rounds: int) -> dict[str, Any]:
    """Seconds a step, side by side, and the largest difference between the losses."""
    bench = _Bench(model, scratch, steps, batch, size)
    ways = {"plain": bench.plain, "studio": bench.studio}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    losses: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        for name in list(ways) if turn % 2 else list(reversed(ways)):
            losses[name], clock, spent = ways[name](turn)
            if turn:  # the first is for warming up
                seconds[name].append(clock)
                processor[name].append(spent)
    pairs = zip(losses["plain"], losses["studio"], strict=True)
    return {
        "model": model.name,
        "seconds": {name: statistics.median(spent) for name, spent in seconds.items()},
        "ratio": _ratios(seconds),
        "processor_ratio": _ratios(processor),
        "losses_max_abs_diff": max(abs(a - b) for a, b in pairs),
    }


def _ratios(times: dict[str, list[float]]) -> dict[str, float]:
    medians = {name: statistics.median(spent) for name, spent in times.items()}
    return {name: median / medians["plain"] for name, median in medians.items()}


class _Bench:
    """One network with its adapter, and the batches of one course."""

    def __init__(self, model: Path, scratch: Path, steps: int, batch: int, size: int) -> None:
        import torch

        from studio.engine.device import use_threads
        from studio.engine.load import open_part
        from studio.families import families
        from studio.train_plan import make_plan
        from studio.train_request import TrainRequest
        from studio.training.adapters import add_adapter
        from studio.training.objective import Objective
        from studio.training.store import Store

        use_threads()
        self.family, self.scratch, self.steps = families()["kolors"], scratch, steps
        self.request = TrainRequest(
            name="bench", dataset_path=str(scratch), width=size, height=size, aspect_buckets=False,
            batch_size=batch, max_steps=steps, lora_rank=RANK, caption_dropout=0.1,
        )  # fmt: skip
        self.config = open_part(self.family.part("scheduler"), model, "cpu", torch.float32)
        self.denoiser = open_part(self.family.part("unet"), model, "cpu", torch.float32)
        self.objective = Objective.of(self.config)
        self.trained = add_adapter(self.denoiser, self.request, model.name)
        self.beginning = {name: p.detach().clone() for name, p in self.trained.items()}
        self.plan = make_plan(self.request, [(size, size)] * PICTURES, [(size, size)], 8)
        self.library = _library(Store(scratch / "cache"), size, self.denoiser)
        stream = self._stream()
        self.batches = [stream.batch(number) for number in range(steps)]

    def plain(self, turn: int) -> tuple[list[float], float, float]:
        """The loop that one writes by hand, with diffusers' scheduler. Losses, seconds and processor seconds a step."""
        import torch

        self._begin_anew()
        scheduler, losses = _scheduler(self.config), []
        trained = list(self.trained.values())
        optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.01, fused=True)
        clock = _Clock(self.steps)
        for batch in self.batches:
            noisy = scheduler.add_noise(batch.latents, batch.noise, batch.timesteps)
            target = batch.noise
            if scheduler.config.prediction_type == "v_prediction":
                target = scheduler.get_velocity(batch.latents, batch.noise, batch.timesteps)
            added = {"text_embeds": batch.conditioning["pooled_prompt_embeds"], "time_ids": batch.sizes}
            answer = self.denoiser(
                noisy, batch.timesteps, batch.conditioning["prompt_embeds"], added_cond_kwargs=added,
                return_dict=False,
            )[0]  # fmt: skip
            loss = torch.nn.functional.mse_loss(answer, target)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
            clock.tick()
        return losses, *clock.read()

    def studio(self, turn: int) -> tuple[list[float], float, float]:
        """The product's loop."""
        from studio.engine.device import pick_device
        from studio.runs.folder import RunFolder
        from studio.runs.record import Record
        from studio.training.fit import fit
        from studio.training.report import Report
        from studio.training.task import LoraTask
        from studio.training.watch import Watch

        self._begin_anew()
        folder = RunFolder(self.scratch / f"run-{turn}")
        folder.path.mkdir()
        folder.make(self.request, Record())
        clock = _Clock(self.steps)

        class Timed(Watch):
            def on_train_batch_end(self, *given: Any, **named: Any) -> None:
                super().on_train_batch_end(*given, **named)
                clock.tick()

        task = LoraTask(
            self.request, self.family, self.denoiser, self.trained, self.objective,
            lambda rank, world: self._stream(), self.steps,
        )  # fmt: skip
        fit(task, Timed(Report(folder), pick_device(), None, None), {"accelerator": "cpu"})
        losses = [event["loss"] for event in folder.events()[0] if event["kind"] == "step"]
        return losses, *clock.read()

    def _stream(self) -> Any:
        from studio.training.stream import Stream

        return Stream(self.plan, self.library, self.request, self.objective.timesteps)

    def _begin_anew(self) -> None:
        from studio.training.adapters import load_trained

        load_trained(self.trained, self.beginning)


class _Clock:
    """Seconds a step, the first ones left out."""

    def __init__(self, steps: int) -> None:
        self._warm, self._count, self._steps = min(WARM_STEPS, steps - 1), 0, steps

    def tick(self) -> None:
        """A step is done."""
        self._count += 1
        if self._count == self._warm:
            self._began, self._spent = time.perf_counter(), time.process_time()
        if self._count == self._steps:
            self._ended, self._used = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """By the clock, and of the processor."""
        steps = self._steps - self._warm
        return (self._ended - self._began) / steps, (self._used - self._spent) / steps


def _library(store: Any, size: int, denoiser: Any) -> Any:
    """Random latents and texts of the right sizes: speed doesn't depend on what they show."""
    import torch

    from studio.training.encoding import Entry, Library

    dice = torch.Generator().manual_seed(0)
    width, pooled = denoiser.config.encoder_hid_dim, _pooled_width(denoiser)
    entries = []
    for number in range(PICTURES + 1):
        words = {"prompt_embeds": torch.randn(256, width, generator=dice),
                 "pooled_prompt_embeds": torch.randn(pooled, generator=dice)}  # fmt: skip
        latents = torch.randn(1, 4, size // 8, size // 8, generator=dice)
        store.put(f"text{number}", words)
        sizes = torch.tensor([[size, size, 0, 0, size, size]], dtype=torch.float32)
        store.put(f"latents{number}", {"mean": latents, "std": latents.abs() / 100, "sizes": sizes})
        entries.append(Entry(f"latents{number}", f"text{number}", (size, size), 1))
    return Library(store, tuple(entries[:PICTURES]), entries[PICTURES].text, ())


def _pooled_width(denoiser: Any) -> int:
    config = denoiser.config
    return int(config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim)


def _scheduler(config: dict[str, Any]) -> Any:
    """diffusers' training scheduler with the model's noise levels, the last of which is not quite without signal."""
    from diffusers import DDPMScheduler

    from studio.schedulers.build import build

    known = ("beta_start", "beta_end", "beta_schedule", "num_train_timesteps", "prediction_type")
    scheduler = DDPMScheduler(**{name: config[name] for name in known if name in config})
    scheduler.alphas_cumprod = build(config, "euler", "auto", 1).alphas_cumprod
    return scheduler


def _model(scratch: Path) -> Path:
    storybook = ROOT / "models" / "storybook"
    if (storybook / "model_index.json").is_file():
        return storybook
    from tests.tiny import build_kolors

    return build_kolors(scratch / "random", like_storybook=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="folder of a Kolors model")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=256, help="pixels a side")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
