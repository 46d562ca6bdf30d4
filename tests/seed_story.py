"""The seed's story from end to end: train by its flags, keep its `.ckpt`, open its workflow, paint, take the LoRA off.

    python tests/seed_story.py [--folder DIR] [--tiny] [--json]

Every step is one of the studio's own commands in a process of its own, on Kolors at real size with random weights (18 GB,
made here; --folder keeps them) in the folders that the seed has. --tiny tells it on a CPU, with a Kolors of two layers and
small pictures. The `.ckpt` is made as DiffSynth 1 leaves it: the trained matrices as they are, in its names, without
alpha. What a step claims is asserted; each line is printed when its step is done, with --json as one JSON object."""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from studio.engine.host import QUIET_THREADS  # noqa: E402
from tests.kolors_sized import FAMILY, make  # noqa: E402

WORKFLOW = ROOT / "tests" / "exchange" / "samples" / "kolors_with_lora_example.json"
CHECKPOINT = Path("lightning_logs/version_1/checkpoints/epoch=9-step=5000.ckpt")
"""What the workflow names, in models/loras."""
RANK, TRAINED_ALPHA, WORKFLOW_ALPHA = 16, 4.0, 2.0
STRENGTH = WORKFLOW_ALPHA / RANK
"""What B·A counts in the picture: LoadKolorsLoRA's alpha over the rank."""
GB = 2**30


@dataclass(frozen=True)
class Scale:
    """How much is done."""

    pictures: int
    steps: int
    training: tuple[str, ...]
    """Flags beside the seed's."""
    painting: Mapping[str, Any]
    """What is painted otherwise than the workflow says."""


REAL = Scale(8, 20, ("--learning_rate", "1e-2"), {})
TINY = Scale(
    4,
    8,
    ("--learning_rate", "1e-2", "--width", "64", "--height", "64", "--sample_steps", "2"),
    {"steps": 4, "width": 64, "height": 64},
)


def main() -> None:
    """Tell it."""
    given = _arguments()
    for name, value in QUIET_THREADS.items():
        os.environ.setdefault(name, value)
    with tempfile.TemporaryDirectory() as scratch:
        for line in told(Path(scratch), given.folder, given.tiny):
            print(json.dumps(line, ensure_ascii=False) if given.json else _spoken(line), flush=True)


def told(scratch: Path, folder: Path | None, tiny: bool) -> Iterator[dict[str, Any]]:
    """The story's lines, each with the seconds that its step took. Raises AssertionError where a claim fails."""
    began = time.perf_counter()
    for what, facts in Story(scratch, folder or scratch / "kolors", tiny).steps():
        yield {"what": what, "seconds": round(time.perf_counter() - began, 2), **facts}
        began = time.perf_counter()


Step = tuple[str, dict[str, Any]]


class Story:
    """One telling, in a scratch folder that holds models, pictures and results."""

    def __init__(self, scratch: Path, folder: Path, tiny: bool) -> None:
        from studio.engine.device import pick_device

        self.scratch, self.folder, self.tiny = scratch, folder, tiny
        self.scale = TINY if tiny else REAL
        self.device = pick_device()
        self.models = scratch / "models"
        self.ckpt = self.models / "loras" / CHECKPOINT
        self.converted = self.ckpt.with_suffix(".safetensors")
        self.trained = self.models / "loras" / "anime.safetensors"
        self.products: dict[str, Any] = {}
        """B·A of every layer as trained, by module path."""

    def steps(self) -> Iterator[Step]:
        """From an empty folder to the LoRA taken off again."""
        import torch

        yield "machine", {"device": self.device.name, "torch": torch.__version__}
        yield "model", self._model()
        yield "data set", self._pictures()
        yield "train", self._train()
        yield "ckpt", self._keep_ckpt()
        yield "lora show", self._show()
        recipe, facts = self._recipe()
        yield "workflow, with the .ckpt", facts
        before, facts = self._generate(recipe, has_lora=False)
        yield "generate without LoRA", facts
        by_command, facts = self._generate(recipe, has_lora=True)
        yield "generate with the .ckpt", facts
        yield "lora convert", self._convert()
        anew, facts = self._recipe()
        yield "workflow, with the converted file", facts
        weights = {
            self.ckpt: _lora_of(recipe)["weight"],
            self.converted: _lora_of(anew)["weight"],
            self.trained: WORKFLOW_ALPHA / TRAINED_ALPHA,
        }
        yield "layers", self._layers(weights)
        yield "pictures", self._compare(before, by_command, self._in_one_process(recipe, weights))

    def _model(self) -> dict[str, Any]:
        """Kolors as the seed has it: models/kolors/Kolors, and the VAE beside it."""
        from studio.engine.device import free_memory

        make(self.folder, self.scratch, self.device.kind, self.tiny)
        free_memory(self.device)
        (self.models / "kolors").mkdir(parents=True)
        for link, target in (
            ("kolors/Kolors", self.folder),
            ("sdxl-vae-fp16-fix", self.folder / "vae"),
            ("cards", ROOT / "models" / "cards"),
        ):
            (self.models / link).symlink_to(target.resolve(), target_is_directory=True)
        return {"gb": sum(file.stat().st_size for file in self.folder.rglob("*.safetensors")) / GB}

    def _pictures(self) -> dict[str, Any]:
        """train/metadata.csv with file_name and text."""
        folder, count = self.scratch / "lora_dataset_processed", str(self.scale.pictures)
        self._python("studio.storybook.paint", "--count", count, "--out", str(folder))
        rows = (folder / "train" / "metadata.csv").read_text(encoding="utf-8").splitlines()
        assert rows[0].startswith("file_name,text,"), rows[0]
        return {"pictures": len(rows) - 1}

    def _train(self) -> dict[str, Any]:
        """By the seed's flags; only what is in `Scale.training`, the number of steps and the name are ours."""
        kolors = self.models / "kolors" / "Kolors"
        done = self._studio(
            "train",
            "--pretrained_unet_path", str(kolors / "unet" / "diffusion_pytorch_model.safetensors"),
            "--pretrained_text_encoder_path", str(kolors / "text_encoder"),
            "--pretrained_fp16_vae_path", str(self.models / "sdxl-vae-fp16-fix" / "diffusion_pytorch_model.safetensors"),
            "--lora_rank", str(RANK), "--lora_alpha", str(TRAINED_ALPHA),
            "--dataset_path", str(self.scratch / "lora_dataset_processed"),
            "--output_path", str(self.scratch / "result"),
            "--max_epochs", "1", "--steps_per_epoch", str(self.scale.steps),
            "--center_crop", "--use_gradient_checkpointing", "--precision", "16-mixed",
            *self.scale.training, "--name", self.trained.stem, "--json",
        )  # fmt: skip
        run = json.loads(done.stdout)
        assert run["state"] == "finished", run
        assert run["step"] == self.scale.steps, run
        assert Path(run["lora"]) == self.trained, run
        assert (self.scratch / "result" / self.trained.name).is_file()
        self.run = Path(run["folder"])
        losses = _losses(self.run)
        assert losses
        assert all(map(math.isfinite, losses)), losses
        instead = [line for line in done.stderr.splitlines() if "bf16-mixed is used" in line]
        assert bool(instead) == (self.device.kind == "cpu"), done.stderr
        return {
            "steps": run["step"],
            "first_loss": losses[0],
            "last_loss": losses[-1],
            "run_s": run["seconds"],
            "peak_gb": run["peak_bytes"] / GB,
            **({"told": instead[0]} if instead else {}),
        }

    def _keep_ckpt(self) -> dict[str, Any]:
        """The trained matrices, unscaled and in float32, in a flat torch file by DiffSynth 1's names."""
        import torch

        from tests.lora.layouts import DIFFSYNTH, diffsynth_names, tensors_of

        state = torch.load(next((self.run / "checkpoints").glob("*.ckpt")), weights_only=True)
        modules = [name.partition(".lora_A.")[0] for name in state["trained"] if ".lora_A." in name]
        matrices = {
            module: tuple(state["trained"][f"{module}.lora_{half}.default.weight"] for half in "AB")
            for module in modules
        }
        self.products = {module: up @ down for module, (down, up) in matrices.items()}
        assert all(product.abs().max() > 0 for product in self.products.values())
        named = diffsynth_names({module: tuple(p.shape) for module, p in self.products.items()})
        assert len(named) == len(matrices)
        spelt = [_Spelt(name, *matrices[module]) for name, (module,) in named]
        self.ckpt.parent.mkdir(parents=True)
        torch.save(tensors_of(spelt, DIFFSYNTH), self.ckpt)
        return {"layers": len(spelt), "mb": self.ckpt.stat().st_size / 2**20}

    def _show(self) -> dict[str, Any]:
        """The file says of itself that it has no alpha: at weight 1 it would count B·A in full, four times too much."""
        shown = json.loads(self._studio("lora", "show", str(self.ckpt), "--json").stdout)
        assert (shown["layout"], shown["rank"], shown["alpha"]) == ("diffsynth-1", RANK, None), shown
        assert (shown["layers"], shown["strength"]) == (len(self.products), 1.0), shown
        odd = next(said for said in shown["odd"] if "alpha" in said)
        return {**{name: shown[name] for name in ("layout", "layers", "strength")}, "says": odd}

    def _recipe(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The workflow as the studio reads it, by the files that are here."""
        read = json.loads(self._studio("recipe", str(WORKFLOW), "--to", "inkstone").stdout)["request"]
        lora = _lora_of(read)
        assert read["model"] == "kolors-first", read
        assert lora["name"] == CHECKPOINT.with_suffix("").as_posix(), read
        return read | self.scale.painting, {
            "model": read["model"],
            "lora": lora["name"],
            "weight": lora["weight"],
        }

    def _generate(self, recipe: Mapping[str, Any], has_lora: bool) -> tuple[bytes, dict[str, Any]]:
        """The picture's pixels, by the command, in a process that has seen no other."""
        from PIL import Image

        lora = _lora_of(recipe)
        asked = {name: recipe[name] for name in
                 ("model", "sampler", "schedule", "steps", "guidance", "width", "height", "seed")}  # fmt: skip
        options = [word for name, value in asked.items() for word in (f"--{name}", str(value))]
        if has_lora:
            options += ["--lora", f"{lora['name']}:{lora['weight']}"]
        file = self.scratch / ("with.png" if has_lora else "without.png")
        done = self._studio("generate", recipe["prompt"], *options, "--out", str(file), "--json")
        made = json.loads(done.stdout)
        with Image.open(file) as picture:
            rgb = picture.convert("RGB")
        assert rgb.size == (recipe["width"], recipe["height"])
        return rgb.tobytes(), {
            "picture_s": made["pictures"][0]["seconds"],
            "peak_gb": made["peak_bytes"] / GB,
            "notices": len(made["notices"]),
        }

    def _convert(self) -> dict[str, Any]:
        """Given the alpha that it was trained with, 4/16 is folded into a new file beside it, which then hides it."""
        words = ("lora", "convert", str(self.ckpt), str(self.converted), "--alpha", f"{TRAINED_ALPHA:g}")
        done = json.loads(self._studio(*words, "--json").stdout)
        assert (done["layers"], done["left_out"]) == (len(self.products), [])
        return {"layers": done["layers"]}

    def _layers(self, weights: Mapping[Path, float]) -> dict[str, Any]:
        """Each file at its weight changes every layer by 2/16 of B·A as trained."""
        apart = {file: self._farthest(file, weight) for file, weight in weights.items()}
        assert all(far < 1e-3 for far in apart.values()), apart
        found = {f"{file.name} x {weights[file]:g}": far for file, far in apart.items()}
        return {"strength": STRENGTH, "farthest": found}

    def _farthest(self, file: Path, weight: float) -> float:
        """The largest relative difference among a file's layers from what they should change."""
        from studio.lora.convert import placed
        from studio.lora.read import read

        layers, left_out = placed(read(file))
        assert not left_out
        assert layers.keys() == self.products.keys()
        return max(
            float((weight * layer.scale * (layer.up @ layer.down) - wanted).norm() / wanted.norm())
            for module, layer in layers.items()
            for wanted in [STRENGTH * self.products[module]]
        )

    def _in_one_process(self, recipe: Mapping[str, Any], weights: Mapping[Path, float]) -> list[bytes]:
        """Pixels with each file in turn, and then without any, from one engine that keeps the model."""
        from studio.engine.chain import Chain
        from studio.engine.device import use_threads
        from studio.engine.events import LoraFile

        use_threads()
        chain = Chain(self.device)
        uses = [LoraFile(file.name, file, weight) for file, weight in weights.items()]
        return [self._painted(chain, recipe, use) for use in (*uses, None)]

    def _painted(self, chain: Any, recipe: Mapping[str, Any], use: Any) -> bytes:
        from studio.engine.events import Job, LoraMatch, Picture
        from studio.requests import GenerateRequest

        request = GenerateRequest.from_dict({**recipe, "loras": ()})
        job = Job(request, self.models / "kolors", FAMILY, (use,) if use else (), previews=False)
        events = list(chain.run(job))
        for match in (event for event in events if isinstance(event, LoraMatch)):
            assert (match.matched, match.total) == (len(self.products),) * 2, match
        assert sum(isinstance(event, LoraMatch) for event in events) == bool(use)
        return next(event.rgb for event in events if isinstance(event, Picture))

    def _compare(self, before: bytes, by_command: bytes, painted: list[bytes]) -> dict[str, Any]:
        """One strength, one picture, by whichever file; and without the LoRA the picture that was there before."""
        by_ckpt, by_converted, by_trained, after = painted
        assert after == before, _apart(after, before)
        assert by_ckpt == by_command, _apart(by_ckpt, by_command)
        effect, rounding = _apart(by_ckpt, before), _apart(by_trained, by_ckpt)
        assert by_converted == by_ckpt, _apart(by_converted, by_ckpt)
        assert effect["mean"] > 0.5, effect
        assert rounding["mean"] < effect["mean"] / 10, (rounding, effect)
        return {
            "off_again_equals_before": True,
            "ckpt_equals_command": True,
            "ckpt_equals_converted": True,
            "lora_changes": effect,
            "float16_file_from_ckpt": rounding,
        }

    def _studio(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return self._python("studio", *words)

    def _python(self, module: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a module on this story's folders, and see that it ends well."""
        own = {
            "INKSTONE_MODELS": str(self.models),
            "INKSTONE_OUTPUT": str(self.scratch / "outputs"),
            "INKSTONE_RUNS": str(self.scratch / "outputs" / "runs"),
            "INKSTONE_LANGUAGE": "en",
        }
        done = subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=ROOT,
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (
            f"{module} {' '.join(words)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        )
        return done


@dataclass(frozen=True)
class _Spelt:
    """A layer under the name that it has in a file."""

    name: str
    down: Any
    up: Any


def _lora_of(recipe: Mapping[str, Any]) -> dict[str, Any]:
    [lora] = recipe["loras"]
    return dict(lora)


def _losses(run: Path) -> list[float]:
    events = map(json.loads, (run / "events.jsonl").read_text(encoding="utf-8").splitlines())
    return [event["loss"] for event in events if event["kind"] == "step"]


def _apart(one: bytes, other: bytes) -> dict[str, Any]:
    """How far two pictures are apart: mean and most, in 1/255, and the share of values that differ."""
    import numpy as np

    pair = (np.frombuffer(pixels, np.uint8).astype(int) for pixels in (one, other))
    gap = np.abs(next(pair) - next(pair))
    return {"mean": float(gap.mean()), "most": int(gap.max()), "share": float((gap > 0).mean())}


def _spoken(line: Mapping[str, Any]) -> str:
    facts = (f"{key} {_short(value)}" for key, value in line.items() if key != "what")
    return f"{line['what']}: " + ", ".join(facts)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {_short(each)}" for key, each in value.items()) + ")"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="where the model's files are, or are to be kept")
    parser.add_argument("--tiny", action="store_true", help="a Kolors of two layers")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    return parser.parse_args()


if __name__ == "__main__":
    main()
