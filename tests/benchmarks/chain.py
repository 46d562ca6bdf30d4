"""What the chain costs over diffusers' own pipeline, and whether both make the same latents.

    python tests/benchmarks/chain.py [--model DIR] [--steps N] [--json]

Pipeline and chain take turns on the same weights, scheduler, seed and prompt, from prompt to pixels; medians of 5 are
compared. A preview a step, which the pipeline has not, is measured apart. On a busy machine the clock is off by several
percent, so seconds of processor time are printed too: those are steady. Without --model it takes models/storybook, or a model of that size with random weights where that isn't there."""

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

PROMPT = "a red house on green grass at night, 两只白猫"


def main() -> None:
    """Measure and print."""
    given = _arguments()
    for name, value in QUIET_THREADS.items():
        os.environ.setdefault(name, value)
    with tempfile.TemporaryDirectory() as scratch:
        result = compare(given.model or _model(Path(scratch)), given.steps, given.size, given.rounds)
    if given.json:
        print(json.dumps(result, indent=2))
        return
    print(
        f"{result['model']}, {given.size} px, {given.steps} steps, median of {given.rounds}, seconds a picture"
    )
    for name in ("pipeline", "chain", "chain_with_previews"):
        clock, ratio, processor = (result[key][name] for key in ("seconds", "ratio", "processor_ratio"))
        print(f"  {name:20} {clock:.3f}   x {ratio:.3f}   processor time x {processor:.3f}")
    print(f"  largest difference of latents {result['latents_max_abs_diff']:.2e}")


def compare(model: Path, steps: int, size: int, rounds: int) -> dict[str, Any]:
    """Seconds a picture, side by side, and the largest difference between the latents."""
    from studio.engine.chain import Chain

    chain = Chain()
    _by_chain(chain, model, 1, size, 0, previews=True)
    pipeline = _pipeline(chain, model)
    ways = {
        "pipeline": lambda seed: _by_pipeline(pipeline, steps, size, seed),
        "chain": lambda seed: _by_chain(chain, model, steps, size, seed, previews=False),
        "chain_with_previews": lambda seed: _by_chain(chain, model, steps, size, seed, previews=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    latents: dict[str, Any] = {}
    for turn in range(rounds + 1):
        names = list(ways) if turn % 2 else list(reversed(ways))
        for name in names:
            chain.results.clear() if name != "pipeline" else None
            started, spent = time.perf_counter(), time.process_time()
            latents[name] = ways[name](turn)
            if turn:  # the first is for warming up
                seconds[name].append(time.perf_counter() - started)
                processor[name].append(time.process_time() - spent)
    difference = float((latents["pipeline"].float() - latents["chain"].float()).abs().max())
    return {
        "model": model.name,
        "device": chain.device.name,
        "seconds": _medians(seconds),
        "ratio": _ratios(seconds),
        "processor_ratio": _ratios(processor),
        "latents_max_abs_diff": difference,
    }


def _medians(times: dict[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(spent) for name, spent in times.items()}


def _ratios(times: dict[str, list[float]]) -> dict[str, float]:
    medians = _medians(times)
    return {name: median / medians["pipeline"] for name, median in medians.items()}


def _by_pipeline(pipeline: Any, steps: int, size: int, seed: int) -> Any:
    """Prompt to pixels as diffusers does it, by way of the latents."""
    import torch

    latents = pipeline(
        PROMPT,
        negative_prompt="",
        num_inference_steps=steps,
        guidance_scale=4.0,
        width=size,
        height=size,
        generator=[torch.Generator().manual_seed(seed)],
        output_type="latent",
    ).images
    with torch.no_grad():
        decoded = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor, return_dict=False)[0]
        pipeline.image_processor.postprocess(decoded, output_type="pil")
    return latents


def _by_chain(chain: Any, model: Path, steps: int, size: int, seed: int, previews: bool) -> Any:
    """Prompt to pixels as the chain does it."""
    for _ in chain.run(_job(model, steps, size, seed, previews)):
        pass
    return next(
        kept.value
        for key, kept in chain.results._kept.items()
        if isinstance(key, tuple) and key[0] == "latents"
    )


def _job(model: Path, steps: int, size: int, seed: int, previews: bool) -> Any:
    from studio.engine.events import Job
    from studio.requests import GenerateRequest

    request = GenerateRequest(prompt=PROMPT, steps=steps, guidance=4.0, width=size, height=size, seed=seed)
    return Job(request, model, "kolors", previews=previews)


def _pipeline(chain: Any, model: Path) -> Any:
    """KolorsPipeline around the very networks that the chain has open: two copies in memory differ by 2 % in speed
    for no other reason than where they lie."""
    from diffusers.pipelines.kolors.pipeline_kolors import KolorsPipeline

    from studio.engine.keys import keys_of
    from studio.families import families

    family = families()["kolors"]
    job = _job(model, 1, 64, 0, previews=False)
    opened = chain.models.at(family, model, job.request)
    opened.keys = keys_of(job, family, opened.places, opened.where, opened.plan).parts
    networks = opened.parts(part.name for part in family.parts if part.is_network)
    pipeline = KolorsPipeline.from_pretrained(model, dtype=opened.dtype, **networks)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _model(scratch: Path) -> Path:
    storybook = ROOT / "models" / "storybook"
    if (storybook / "model_index.json").is_file():
        return storybook
    from tests.tiny import build_kolors

    return build_kolors(scratch / "random", like_storybook=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="folder of a Kolors model")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--size", type=int, default=256, help="pixels a side")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
