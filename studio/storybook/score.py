"""What the Storybook model can do, in figures: it paints what captions ask for, and the judge reads the pictures.

    python -m studio.storybook.score [--count 400] [--steps 25] [--guidance 3] [--json]
    python -m studio.storybook.score --lora models/loras/ink.safetensors --style ink-wash
    python -m studio.storybook.score --lora models/loras/mobo.safetensors --creature mobo

Every caption states all facts of its scene. Half of them are English and half Chinese; a quarter begin with a pair
of kind and colour that training never showed. A thing that is missing counts as a wrong object and as a wrong colour.
"""

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from studio.engine.device import use_threads
from studio.errors import StudioError
from studio.storybook import autoencoder, judge
from studio.storybook.captions import caption
from studio.storybook.judge import Reading, Seen
from studio.storybook.painter import paint
from studio.storybook.pool import paint_pixels, validation
from studio.storybook.scene import (
    COLOURFUL_STYLES,
    CREATURES,
    HELD_OUT,
    STYLES,
    Arrangement,
    Scene,
    Thing,
    draw_lot,
)
from studio.words import Language

MODEL_DIR = Path(__file__).parents[2] / "models" / "storybook"
FIRST_SEED = 90_000_000
ARRANGEMENTS: tuple[Arrangement, ...] = ("single", "left", "group", "above", "left", "single", "row", "group")
Say = Callable[[str], None]
Painted = tuple[Scene, Language, Tensor]
"""What was asked for, in which language, and the picture (3, H, W) in [0, 1]."""
FACTS = ("object", "colour", "ground", "time", "relation", "count", "style")


@dataclass
class Tally:
    """Right answers out of asked ones, by fact and by language."""

    asked: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))

    def note(self, language: str, fact: str, answers: Iterable[bool]) -> None:
        """Count answers to one fact, for all and for one language."""
        for key in (fact, f"{language}/{fact}"):
            self.asked[key] += list(answers)

    def share(self, key: str) -> float:
        """The share that was right, 0 to 1; 0 where nothing was asked."""
        return sum(self.asked[key]) / len(self.asked[key]) if self.asked[key] else 0.0

    def language(self, language: str) -> float:
        """Mean share over the facts in one language."""
        return sum(self.share(f"{language}/{fact}") for fact in FACTS) / len(FACTS)


def ask(count: int) -> Iterator[tuple[Scene, str, Language]]:
    """Scenes with the captions to paint from: all arrangements, sizes and both languages in turn."""
    for k in range(count):
        scene = draw_lot(
            FIRST_SEED + k, arrangement=ARRANGEMENTS[k // 4 % len(ARRANGEMENTS)], held_out=k // 2 % 4 == 0
        )
        language: Language = "zh" if k % 2 else "en"
        yield scene, caption(scene, language, random.Random(f"score-{k}"), whole=True), language


def answers(scene: Scene, reading: Reading, style: str = "flat") -> dict[str, list[bool]]:
    """Which facts of a scene a reading confirms, by fact; facts that the scene does not raise are empty."""
    found = match(scene.things, reading.things)
    told: dict[str, list[bool]] = {
        "object": [seen is not None for seen in found],
        "colour": [
            seen is not None and seen.colour == thing.colour
            for thing, seen in zip(scene.things, found, strict=True)
        ],
        "ground": [reading.ground == scene.ground],
        "time": [reading.time == scene.time],
        "style": [reading.style == style],
        "relation": [],
        "count": [],
    }
    if scene.arrangement == "group":
        kind = scene.things[0].kind
        told["count"] = [sum(seen.kind == kind for seen in reading.things) == len(scene.things)]
    elif scene.arrangement in ("left", "above"):
        first, second = found
        if first is None or second is None:
            told["relation"] = [False]
        else:
            told["relation"] = [first.x < second.x if scene.arrangement == "left" else first.y < second.y]
    told["held_out"] = [
        right
        for thing, right in zip(scene.things, told["colour"], strict=True)
        if (thing.kind, thing.colour) in HELD_OUT
    ]
    return told


def match(things: tuple[Thing, ...], seen: tuple[Seen, ...]) -> list[Seen | None]:
    """For each asked thing one that was seen of its kind, its colour first; none is used twice."""
    left = sorted(seen, key=lambda s: -s.sureness)
    found: list[Seen | None] = [None] * len(things)
    for by_colour in (True, False):
        for k, thing in enumerate(things):
            fits = [s for s in left if s.kind == thing.kind and (s.colour == thing.colour or not by_colour)]
            if found[k] is None and fits:
                found[k] = fits[0]
                left.remove(fits[0])
    return found


def tally(pictures: Iterable[Painted], judge_: judge.Judge, style: str = "flat") -> Tally:
    """Read pictures (3, H, W) in [0, 1] and count what is right."""
    result = Tally()
    for scene, language, picture in pictures:
        reading = judge.read(judge_, picture[None])[0]
        for fact, right in answers(scene, reading, style).items():
            result.note(language, fact, right)
    return result


def generated(
    pipe: Any,
    prompts: list[tuple[Scene, str, Language]],
    steps: int,
    guidance: float,
    say: Say,
    batch: int = 8,
) -> Iterator[Painted]:
    """Pictures that the model paints from prompts as `ask` gives them, batched by size; each has its own seed."""
    by_size: dict[tuple[int, int], list[tuple[Scene, str, Language]]] = defaultdict(list)
    for asked in prompts:
        by_size[asked[0].size].append(asked)
    done = 0
    for (width, height), all_asked in by_size.items():
        for start in range(0, len(all_asked), batch):
            part = all_asked[start : start + batch]
            pictures = pipe(
                [words for _, words, _ in part], negative_prompt=[""] * len(part), width=width, height=height,
                num_inference_steps=steps, guidance_scale=guidance, output_type="pt",
                generator=[torch.Generator().manual_seed(scene.seed) for scene, _, _ in part],
            ).images  # fmt: skip
            done += len(part)
            say(f"{done}/{len(prompts)} pictures")
            for (scene, _, language), picture in zip(part, pictures.float().cpu(), strict=True):
                yield scene, language, picture


def load_pipeline(model_dir: Path, device: str) -> Any:
    """The plain `KolorsPipeline` of a folder, in fp32 on a CPU and bf16 elsewhere."""
    from diffusers import KolorsPipeline

    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    pipe = KolorsPipeline.from_pretrained(model_dir, dtype=dtype).to(device)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def true_scenes(count: int, style: str = "flat") -> Iterator[Painted]:
    """Held-out scenes as the painter paints them."""
    for scene, _, language in ask(count):
        yield scene, language, as_picture(np.asarray(paint(scene, style)))


def as_picture(pixels: Any) -> Tensor:
    """Bytes (H, W, 3) to (3, H, W) in [0, 1]."""
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float() / 255


def blurred(picture: Tensor) -> Tensor:
    """The picture as an eye without glasses sees it: Gaussian blur of 1.5 pixels."""
    import cv2

    return torch.from_numpy(cv2.GaussianBlur(picture.permute(1, 2, 0).numpy(), (0, 0), 1.5)).permute(2, 0, 1)


def recoloured(picture: Tensor) -> Tensor:
    """The picture under warmer, dimmer and paler light."""
    grey = picture.mean(0, keepdim=True)
    tint = torch.tensor([1.06, 1.0, 0.94])[:, None, None]
    return ((grey + (picture - grey) * 0.8) * tint * 0.9).clamp(0, 1)


def examine(judge_: judge.Judge, count: int) -> dict[str, float]:
    """How often the judge is right about true scenes: clean, blurred, re-coloured, and in the other styles (things
    and style only, colours where the style keeps them)."""
    flat = list(true_scenes(count))
    shares = {"clean": _mean(tally(flat, judge_))}
    shares["blurred"] = _mean(tally(((s, w, blurred(p)) for s, w, p in flat), judge_))
    shares["recoloured"] = _mean(tally(((s, w, recoloured(p)) for s, w, p in flat), judge_))
    for style in STYLES:
        if style != "flat":
            facts = ("object", "colour", "style") if style in COLOURFUL_STYLES else ("object", "style")
            shares[style] = _mean(tally(true_scenes(count // 4, style), judge_, style), facts)
    return shares


def _mean(result: Tally, facts: tuple[str, ...] = FACTS) -> float:
    return sum(result.share(fact) for fact in facts) / len(facts)


def survival(model_dir: Path, count: int, device: str) -> dict[str, float]:
    """PSNR in dB of the autoencoder on held-out scenes of each style."""
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_pretrained(model_dir / "vae", dtype=torch.float32).to(device).eval()
    shares = {}
    for style in STYLES:
        values = [
            autoencoder.psnr(vae, autoencoder.to_unit(torch.from_numpy(paint_pixels(shard)).to(device)))
            for shard in validation(style, count)
        ]
        shares[style] = sum(values) / len(values)
    return shares


def report(result: Tally, exam: dict[str, float], psnr: dict[str, float]) -> dict[str, float]:
    """The figures under the names that `--json` promises."""
    shares = {fact: result.share(fact) for fact in (*FACTS, "held_out")}
    shares |= {"english": result.language("en"), "chinese": result.language("zh"), "judge": exam["clean"]}
    return {**shares, "psnr": psnr["flat"], "psnr_styles": sum(psnr.values()) / len(psnr)}


def _table(result: Tally, exam: dict[str, float], psnr: dict[str, float]) -> str:
    rows = ["fact        all    English  Chinese"]
    for fact in (*FACTS, "held_out"):
        shares = (result.share(key) for key in (fact, f"en/{fact}", f"zh/{fact}"))
        rows.append(f"{fact:<10}" + "".join(f"{share:>8.1%}" for share in shares))
    rows.append(
        f"{'mean':<18}{result.language('en'):>8.1%}{result.language('zh'):>8.1%}   (without held_out)"
    )
    rows.append("judge on true scenes: " + ", ".join(f"{name} {share:.1%}" for name, share in exam.items()))
    rows.append("autoencoder, dB:      " + ", ".join(f"{name} {value:.1f}" for name, value in psnr.items()))
    return "\n".join(rows)


def _lora_score(
    told: argparse.Namespace,
    pipe: Any,
    judge_: judge.Judge,
    bare: list[Painted],
    asked: tuple[int, int, float, Say],
) -> Any:
    from studio.storybook.creature_score import creature_score
    from studio.storybook.lora_score import lora_score

    if told.creature:
        return creature_score(pipe, judge_, told.lora, told.creature, *asked)
    return lora_score(pipe, judge_, told.lora, told.style, *asked, bare)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m studio.storybook.score", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--model", type=Path, default=MODEL_DIR, help="folder of the model")
    parser.add_argument("--count", type=int, help="prompts to paint (400; with --lora 100)")
    parser.add_argument(
        "--lora", type=Path, metavar="FILE", help="also compare pictures with and without this LoRA"
    )
    parser.add_argument(
        "--creature", choices=CREATURES, help="the creature that the LoRA was taught, instead of a style"
    )
    parser.add_argument(
        "--style", choices=STYLES, default="ink-wash", help="the style that the LoRA was taught"
    )
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    told = parser.parse_args(arguments)
    told.count = told.count or (100 if told.lora else 400)
    if told.count < 8:
        parser.error(f"--count {told.count}: at least 8 prompts make a score")
    if not (told.model / "judge" / "judge.safetensors").exists():
        parser.error(
            f"--model {told.model}: no judge/judge.safetensors in it; name a folder that pretrain wrote"
        )

    def say(words: str) -> None:
        print(f"\r{words}", end="", file=sys.stderr, flush=True)

    use_threads()
    judge_ = judge.load(told.model / "judge" / "judge.safetensors")
    exam = examine(judge_, min(told.count, 400))
    psnr = survival(told.model, 12 if told.lora else min(96, told.count), told.device)  # no LoRA touches that
    pipe = load_pipeline(told.model, told.device)
    bare = list(generated(pipe, list(ask(told.count)), told.steps, told.guidance, say))
    result = tally(bare, judge_)
    figures, table = report(result, exam, psnr), _table(result, exam, psnr)
    if told.lora:
        asked = (told.count, told.steps, told.guidance, say)
        try:
            lora = _lora_score(told, pipe, judge_, bare, asked)
        except StudioError as error:
            parser.error(f"--lora {told.lora}: {error}")
        figures, table = figures | lora.report(), f"{table}\n\n{lora.table()}"
    print(file=sys.stderr)
    print(json.dumps(figures) if told.json else table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
