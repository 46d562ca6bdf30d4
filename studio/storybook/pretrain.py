"""Make models/storybook from nothing: paint, train the autoencoder, the denoiser and the judge, write the folder.

    python -m studio.storybook.pretrain                 about 25 minutes on one H200-class GPU
    torchrun --nproc-per-node 2 -m studio.storybook.pretrain        the same on two
    python -m studio.storybook.pretrain --smoke         everything once, in a minute on a CPU

Every stage leaves its result in --work and is skipped when that is there, so a run that was cut off goes on where
it stood.
"""

import argparse
import multiprocessing
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch

from studio.storybook import autoencoder, denoiser, export, judge_training, kept, reading, tokenizer
from studio.storybook import judge as judges
from studio.storybook.conditioning import Prompting
from studio.storybook.networks import build_text_encoder, mixed
from studio.storybook.pool import Painting, Shard, plan, read, validation
from studio.storybook.recipe import FULL, SMOKE, Recipe
from studio.storybook.scene import SIZES, STYLES
from studio.storybook.team import Team, see_own_gpu


class Pretraining:
    """One making of the model: its recipe, its folder of intermediate results, its device and its painters."""

    def __init__(
        self,
        recipe: Recipe,
        work: Path,
        team: Team,
        processes: int,
        within_s: float = 0.0,
        start: Path | None = None,
        keep_dir: Path | None = None,
        pause_s: float = 0.0,
    ) -> None:
        self.recipe, self.work, self.team, self.device = recipe, work, team, team.device
        self.within_s, self.start, self.processes = within_s, start, processes
        self.began, self.keep_dir, self.pause_s = time.monotonic(), keep_dir, pause_s
        self._compiler: Any = None
        work.mkdir(parents=True, exist_ok=True)
        self.tokenizer_file = work / "tokenizer.model"
        if team.is_leader and not self.tokenizer_file.exists():
            tokenizer.train(self.tokenizer_file, recipe.vocabulary, 40_000 if recipe.steps > 100 else 4_000)
        team.wait()
        self.shards = plan(recipe.flat_shards, recipe.styled_shards, recipe.shard)
        self.checks = {style: validation(style, recipe.validation) for style in STYLES}
        first = [shard for held in self.checks.values() for shard in held]
        styled_until = max(k for k, shard in enumerate(self.shards) if shard.style != "flat") + 1
        self.early = self.shards[:styled_until]
        # the checks come after the styled shards: nobody waits for them
        order = [*self.early, *first, *self.shards[styled_until:]]
        self.painting = Painting(
            order, work / "pool", self.tokenizer_file, recipe.wordings, processes if team.is_leader else 0
        )

    def say(self, words: str) -> None:
        """A progress line on stderr, by the leader."""
        if not self.team.is_leader:
            return
        print(f"[{time.monotonic() - self.began:6.0f} s] {words}", file=sys.stderr, flush=True)

    def pixels(self, shards: list[Shard]) -> list[tuple[Shard, torch.Tensor]]:
        """Shards with their pixels on the device, in order, waiting for the painters."""
        return [
            (shard, torch.from_numpy(pixels).to(self.device))
            for shard, pixels in self.painting.pixels(shards)
        ]

    def train_autoencoder(self) -> Any:
        """The autoencoder stage; prints the PSNR of held-out scenes in each style."""
        trainer = autoencoder.Trainer(self.recipe, self.team)
        file = self.work / "autoencoder.pt"
        if self.start is not None:
            trainer.start_from(self.start / "vae")
        if self.device.type == "cuda" and not file.exists():
            self._wait_for_compiler("autoencoder-compiled")
            trainer.warm_up()
            self.say("autoencoder compiled")
        lessons = self.pixels(self.early)
        pictures = autoencoder.Pictures.of((shard.style, shard.size, pixels) for shard, pixels in lessons)
        self.say(f"autoencoder learns from {sum(len(p) for _, p in lessons)} pictures")
        vae = trainer.train(pictures, file, self.say)
        scores = {
            style: autoencoder.mean_psnr(vae, (p for _, p in self.pixels(shards)))
            for style, shards in self.checks.items()
        }
        self.say("PSNR " + ", ".join(f"{style} {score:.2f}" for style, score in scores.items()))
        return vae

    @torch.no_grad()
    def buckets(self, vae: Any) -> list[denoiser.Bucket]:
        """Latents, word ids and boxes of all flat shards, one bucket a size."""
        flat = [shard for shard in self.shards if shard.style == "flat"]
        parts: dict[tuple[int, int], list[tuple[torch.Tensor, ...]]] = {size: [] for size in SIZES}
        with ThreadPoolExecutor(8) as readers:
            arrived = readers.map(
                lambda shard: (shard, read(shard, self.painting.folder)), self.painting.arrivals(flat)
            )
            for shard, held in arrived:
                x = autoencoder.to_unit(torch.from_numpy(held.pixels).to(self.device))
                with mixed(self.device):
                    latents = vae.encode(x).latent_dist.mode().to(torch.float16)
                told = (torch.from_numpy(held.words), torch.from_numpy(held.boxes / 8))
                parts[shard.size].append((latents, *(t.to(self.device) for t in told)))
        self.say(f"encoded {len(flat) * self.recipe.shard} flat pictures")
        return [
            denoiser.Bucket(size, *(torch.cat(column) for column in zip(*held, strict=True)))
            for size, held in parts.items()
            if held
        ]

    def teach_reading(self) -> dict[str, torch.Tensor]:
        """The reading stage: weights of a text encoder that knows what captions say, the same for the whole team."""
        file = self.work / "reader.pt"
        if self.team.is_leader and not file.exists():
            names = tokenizer.load(self.tokenizer_file)
            text = build_text_encoder(self.recipe, names.vocab_size)
            text.to(self.device)
            prompting = Prompting(tuple(names.get_prefix_tokens()), names.pad_token_id)
            processes = self.processes if self.recipe.reading_scenes > 1000 else 1
            lessons, check = (
                reading.lessons(count, self.tokenizer_file, processes, self.device, held_out)
                for count, held_out in (
                    (self.recipe.reading_scenes, False),
                    (min(2000, self.recipe.reading_scenes), True),
                )
            )
            self.say(f"reads captions of {len(lessons.words)} scenes")
            reading.teach(text, lessons, check, prompting, self.recipe, self.say)
            denoiser.save(file, text.state_dict())
        self.team.wait()
        state: dict[str, torch.Tensor] = torch.load(file, map_location=self.device, weights_only=True)
        return state

    def train_denoiser(self, vae: Any, reader: dict[str, torch.Tensor]) -> tuple[Any, Any]:
        """The denoiser stage: (text encoder, UNet)."""
        names = tokenizer.load(self.tokenizer_file)
        prompting = Prompting(tuple(names.get_prefix_tokens()), names.pad_token_id)
        buckets = self.buckets(vae)
        if self.within_s:
            left_s = self.team.agree(max(1.0, self.within_s - (time.monotonic() - self.began)))
            self.recipe = replace(self.recipe, seconds=left_s)
        trainer = denoiser.Trainer(self.recipe, names.vocab_size, self.team)
        if self.start is not None:
            trainer.start_from(self.start)
        trainer.take_reader(reader)
        return denoiser.train(
            trainer,
            prompting,
            buckets,
            self.work / "denoiser.pt",
            self.work / "compiled",
            self.say,
            self.keep,
            self.is_time_up,
        )

    def keep(self) -> None:
        """Bring the small copy up to date, if one is wanted."""
        if self.keep_dir is not None and self.team.is_leader:
            kept.keep(self.work, self.keep_dir)

    def is_time_up(self) -> bool:
        """Whether the whole team must pause."""
        return bool(self.pause_s) and self.team.agree(time.monotonic() - self.began) > self.pause_s

    def _start_compiling(self) -> None:
        """Have everything compiled by another process while this one teaches reading and trains the autoencoder."""
        if self.device.type != "cuda" or not self.team.is_leader or (self.work / "denoiser.pt").exists():
            return
        words = tokenizer.load(self.tokenizer_file).vocab_size
        self._compiler = multiprocessing.get_context("spawn").Process(
            target=_compile, args=(self.recipe, words, self.work)
        )
        self._compiler.start()

    def _wait_for_compiler(self, name: str) -> None:
        """Until the helping process has made that file, or is gone."""
        while self._compiler is not None and self._compiler.is_alive() and not (self.work / name).exists():
            time.sleep(0.2)

    def _take(self, name: str, file: Path) -> None:
        if self.start is not None:
            shutil.copyfile(self.start / name, file)

    def close(self) -> None:
        """End the processes that help."""
        self.painting.close()
        if self._compiler is not None:
            self._compiler.kill()

    def train_judge(self) -> judges.Judge:
        """The judge stage; an earlier model's judge serves again."""
        file = self.work / "judge.safetensors"
        if self.start is not None and not file.exists():
            self._take("judge/judge.safetensors", file)
        if not file.exists():
            lessons = [
                judge_training.Lesson(pixels, shard.scenes(), shard.style)
                for shard, pixels in self.pixels(self.early)
            ]
            judges.save(judge_training.train(self.recipe, lessons, self.device, self.say), file)
        return judges.load(file)

    def run(self, out: Path) -> None:
        """All stages, then the folder."""
        self._start_compiling()
        if self.team.is_leader:
            judge = self.train_judge()
        self.team.wait()
        reader = self.teach_reading()
        self.keep()
        vae = self.train_autoencoder()
        self.keep()
        text, unet = self.train_denoiser(vae, reader)
        if not self.team.is_leader:
            return
        self.say(export.describe(text, unet, vae, judge))
        export.write_model(out, self.tokenizer_file, text, unet, vae, judge)
        sizes = ", ".join(f"{name} {size:.1f}" for name, size in export.summary(out).items())
        self.say(f"wrote {out}: {sizes}")


def _compile(recipe: Recipe, words: int, work: Path) -> None:
    """What the helping process does: first what is needed first."""
    autoencoder.Trainer(recipe, Team("cuda")).warm_up()
    (work / "autoencoder-compiled").touch()
    torch.cuda.empty_cache()
    denoiser.warm_up(recipe, words, work / "compiled")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    see_own_gpu()
    parser = argparse.ArgumentParser(
        prog="python -m studio.storybook.pretrain", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--smoke", action="store_true", help="tiny sizes: everything once, in a minute on a CPU"
    )
    parser.add_argument("--work", type=Path, default=Path("runs/storybook"), help="intermediate results")
    parser.add_argument(
        "--out", type=Path, help="where the model goes (models/storybook, or WORK/model with --smoke)"
    )
    parser.add_argument(
        "--processes", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="painter processes"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--from-model",
        type=Path,
        metavar="MODEL",
        help="begin with an earlier model's autoencoder, UNet and judge",
    )
    parser.add_argument(
        "--within", type=float, default=0.0, metavar="SECONDS", help="the denoiser trains for what is left"
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="a small copy of what has been learnt, renewed every two minutes",
    )
    parser.add_argument(
        "--go-on", type=Path, metavar="DIR", help="go on from such a copy, on another machine perhaps"
    )
    parser.add_argument(
        "--pause-after", type=float, default=0.0, metavar="SECONDS",
        help="stop then, with all saved, to go on with the same command later; the schedule is not shortened",
    )  # fmt: skip
    parser.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER", help="change the recipe")
    told = parser.parse_args(arguments)
    recipe = SMOKE if told.smoke else FULL
    known = {f.name: type(getattr(recipe, f.name)) for f in fields(recipe)}
    for change in told.set:
        name, _, value = change.partition("=")
        if known.get(name) not in (int, float):
            parser.error(f"--set {name}: not a number of the recipe; choose from {', '.join(known)}")
        recipe = replace(recipe, **{name: known[name](value)})
    out = told.out or (told.work / "model" if told.smoke else Path("models/storybook"))
    team = Team.gather(told.device)
    if told.go_on is not None and team.is_leader:
        kept.take_up(told.go_on, told.work)
    team.wait()
    making = Pretraining(
        recipe, told.work, team, told.processes, told.within, told.from_model, told.keep, told.pause_after
    )
    try:
        making.run(out)
    except denoiser.Paused as paused:
        making.say(str(paused))
    finally:
        making.close()
        team.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
