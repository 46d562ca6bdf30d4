"""What Kolors takes of a GPU at real size: seconds a stage, peak memory of each mode, loading, LoRAs, and a hard cap.

    python tests/benchmarks/gpu.py [--cap-gb 8 24] [--steps 25] [--side 1024] [--folder DIR] [--json] [--tiny]

Weights are random and made here, straight into safetensors (18 GB; --folder keeps them), and so is the tokenizer: nothing
is fetched. Everything is measured through the engine's own chain, by its events; diffusers' KolorsPipeline with
enable_model_cpu_offload stands beside it, on the same files in the same run. A cap is what torch may allocate at most,
weights, work and gaps together (torch.cuda.set_per_process_memory_fraction), with the plan left to the studio. Each line
is printed when it is known; with --json it is one JSON object. --tiny takes the same way on a CPU in seconds. Files have
just been written when they are read: loading is from the page cache."""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from studio.engine.host import QUIET_THREADS  # noqa: E402
from tests.kolors_sized import FAMILY, NETWORKS, make  # noqa: E402

MODES = ("encoder_away", "encoder_8bit", "encoder_4bit", "offload")
RANK = 16
GB = 2**30


def main() -> None:
    """Measure and print."""
    given = _arguments()
    for name, value in QUIET_THREADS.items():
        os.environ.setdefault(name, value)
    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        for line in Benchmark(given, Path(scratch)).lines():
            line["at_s"] = round(time.perf_counter() - began, 1)
            print(json.dumps(line) if given.json else _spoken(line), flush=True)


class Benchmark:
    """One run on one device."""

    def __init__(self, given: argparse.Namespace, scratch: Path) -> None:
        from studio.engine.chain import Chain

        self.given, self.scratch = given, scratch
        self.folder: Path = given.folder or scratch / "kolors"
        self.chain = Chain()
        self.device = self.chain.device
        self._jobs = 0

    def lines(self) -> Iterator[dict[str, Any]]:
        """Everything, in the order of its weight."""
        import torch

        yield {"what": "machine", "device": self.device.name, "torch": torch.__version__,
               "memory_gb": self.device.memory_bytes / GB, "side": self.given.side, "steps": self.given.steps}  # fmt: skip
        made = time.perf_counter()
        make(self.folder, self.scratch, self.device.kind, self.given.tiny)
        yield {"what": "files", "seconds": time.perf_counter() - made, "gb": self._bytes() / GB}
        yield self._measured("whole, first picture", "whole")
        whole = self._measured("whole", "whole")
        yield whole
        yield from self._loras()
        for cap in self.given.cap_gb:
            yield from self._capped(cap, whole["seconds"])
        for mode in MODES:
            self._forget()
            yield self._measured(f"{mode}, first picture", mode)
            yield self._measured(mode, mode, whole["seconds"])
        self._forget()
        yield from self._plain(whole["seconds"])

    def _capped(self, cap: float, seconds: float) -> Iterator[dict[str, Any]]:
        """The studio's own plan, with no more memory than this to be had."""
        self._forget()
        with _Cap(self.device, cap):
            yield self._measured(f"cap {cap:g} GB, first picture", "auto")
            yield self._measured(f"cap {cap:g} GB", "auto", seconds)
        self._forget()

    def _loras(self) -> Iterator[dict[str, Any]]:
        """Two LoRAs on all layers of attention: put on, switched, taken off."""
        files = [
            _lora(self.scratch / f"{name}.safetensors", self.folder, seed) for seed, name in enumerate("ab")
        ]
        for what, file in (
            ("first", files[0]),
            ("second", files[1]),
            ("switched back", files[0]),
            ("off", None),
        ):
            told = self._run("whole", steps=2, lora=file)
            yield {"what": f"lora, {what}", "rank": RANK, "seconds": told["adapt"]}
        yield self._measured("whole with a LoRA", "whole", lora=files[1])
        yield self._measured("whole after LoRAs", "whole")

    def _measured(
        self, what: str, mode: str, seconds: float | None = None, lora: Path | None = None
    ) -> dict[str, Any]:
        """A new picture of a new prompt, with the peak of memory that it took."""
        began = time.perf_counter()
        with _Peak(self.device) as peak:
            told = self._run(mode, lora=lora)
        line = {"what": what, **told, "seconds": time.perf_counter() - began, **peak.told}
        return line | ({"x_whole": line["seconds"] / seconds} if seconds else {})

    def _run(self, mode: str, steps: int | None = None, lora: Path | None = None) -> dict[str, Any]:
        """Seconds a stage of one job, the plan that it went by, and what the reader was told of memory."""
        from studio.engine.events import Job, LoraFile, Notice, Picture, StageEnded
        from studio.requests import GenerateRequest

        self._jobs += 1
        request = GenerateRequest(
            prompt=f"a red house on green grass at night, 两只白猫 {self._jobs}",
            steps=steps or self.given.steps,
            guidance=5.0,
            width=self.given.side,
            height=self.given.side,
            seed=self._jobs,
            memory=mode,
        )
        loras = (LoraFile(lora.stem, lora, 0.1),) if lora else ()
        told: dict[str, Any] = {}
        for event in self.chain.run(Job(request, self.folder, FAMILY, loras, previews=False)):
            if isinstance(event, StageEnded):
                told[event.stage] = event.seconds
                told |= {"plan": str(event.holds.say()).rpartition("; ")[2]} if event.stage == "load" else {}
            elif isinstance(event, Notice) and event.field == "memory":
                told.setdefault("notices", []).append(event.said.say())
            elif isinstance(event, Picture):
                told["picture"] = len(event.rgb)
        return told

    def _plain(self, seconds: float) -> Iterator[dict[str, Any]]:
        """diffusers' pipeline, its parts moved to the GPU and back by accelerate."""
        import torch
        from diffusers.pipelines.kolors.pipeline_kolors import KolorsPipeline
        from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

        from studio.engine.load import open_part
        from studio.families import families

        family, dtype = families()[FAMILY], torch.bfloat16 if self.device.kind == "cuda" else torch.float32
        began = time.perf_counter()
        parts = {part.name: open_part(part, self.folder, "cpu", dtype) for part in family.parts}
        scheduler = EulerDiscreteScheduler.from_config(parts.pop("scheduler"))
        pipeline = KolorsPipeline(**parts, scheduler=scheduler)
        pipeline.set_progress_bar_config(disable=True)
        yield {"what": "KolorsPipeline, load", "seconds": time.perf_counter() - began}
        pipeline.to(self.device.kind)
        yield from self._by_pipeline("KolorsPipeline", pipeline, seconds)
        if self.device.kind == "cuda":
            pipeline.to("cpu")
            pipeline.enable_model_cpu_offload()
        yield from self._by_pipeline("KolorsPipeline with model offload", pipeline, seconds)

    def _by_pipeline(self, name: str, pipeline: Any, seconds: float) -> Iterator[dict[str, Any]]:
        import torch

        for what in (f"{name}, first picture", name):
            began = time.perf_counter()
            with _Peak(self.device) as peak:
                pipeline(
                    f"a red house on green grass at night, 两只白猫 {what}",
                    negative_prompt="",
                    num_inference_steps=self.given.steps,
                    guidance_scale=5.0,
                    width=self.given.side,
                    height=self.given.side,
                    generator=torch.Generator().manual_seed(1),
                )
            spent = time.perf_counter() - began
            yield {"what": what, "seconds": spent, "x_whole": spent / seconds, **peak.told}

    def _forget(self) -> None:
        """Put all models away."""
        from studio.engine.device import free_memory

        self.chain.models.clear()
        self.chain.results.clear()
        free_memory(self.device)

    def _bytes(self) -> int:
        return sum(file.stat().st_size for file in self.folder.rglob("*.safetensors"))


def _lora(file: Path, model: Path, seed: int) -> Path:
    """A small random LoRA of rank 16 for every linear layer of the denoiser's attention."""
    import torch

    from studio.headers import read_header
    from studio.lora.read import Layer
    from studio.lora.write import write

    dice = torch.Generator().manual_seed(seed)
    shapes = {
        name.removesuffix(".weight"): tensor.shape
        for name, tensor in read_header(model / "unet" / NETWORKS["unet"]).tensors.items()
        if ".attn" in name and name.endswith(".weight") and len(tensor.shape) == 2
    }
    layers = {
        name: Layer(
            torch.randn(RANK, shape[1], generator=dice) * 0.02,
            torch.randn(shape[0], RANK, generator=dice) * 0.02,
            alpha=RANK,
        )
        for name, shape in shapes.items()
    }
    write(file, layers, FAMILY)
    return file


class _Cap:
    """No more memory than this, for torch, as long as it lasts; nothing on a CPU."""

    def __init__(self, device: Any, cap_gb: float) -> None:
        self._share = min(1.0, cap_gb * GB / device.memory_bytes)
        self._set: Callable[[float], None] = lambda share: None
        if device.kind == "cuda":
            import torch

            self._set = torch.cuda.set_per_process_memory_fraction

    def __enter__(self) -> None:
        self._set(self._share)

    def __exit__(self, *_: object) -> None:
        self._set(1.0)


class _Peak:
    """The most memory in use while it lasts: in tensors, and as the driver sees it, with what torch holds ready."""

    def __init__(self, device: Any) -> None:
        self._is_cuda = device.kind == "cuda"
        self.told: dict[str, float] = {}

    def __enter__(self) -> "_Peak":
        import torch

        if self._is_cuda:
            torch.cuda.synchronize()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        return self

    def __exit__(self, *_: object) -> None:
        import torch

        if self._is_cuda:
            torch.cuda.synchronize()
            allocated, reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
            self.told = {"peak_gb": allocated / GB, "peak_reserved_gb": reserved / GB}


def _spoken(line: dict[str, Any]) -> str:
    told = {key: value for key, value in line.items() if key != "what"}
    spoken = (
        f"{key} {value:.2f}" if isinstance(value, float) else f"{key} {value}" for key, value in told.items()
    )
    return f"{line['what']}: " + ", ".join(spoken)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", choices=[FAMILY], default=FAMILY)
    parser.add_argument(
        "--cap-gb", type=float, nargs="*", default=[8, 24], help="GB (2^30 bytes) of GPU memory"
    )
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--side", type=int, default=1024, help="pixels a side")
    parser.add_argument("--folder", type=Path, help="where the files are, or are to be kept")
    parser.add_argument("--tiny", action="store_true", help="a Kolors of two layers")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    return parser.parse_args()


if __name__ == "__main__":
    main()
