"""Train a finished model's decoder further. Latents stay what they are, so text encoder and UNet needn't learn again.

    python -m studio.storybook.polish --seconds 480                   one GPU; writes models/storybook/vae
    torchrun --nproc-per-node 2 -m studio.storybook.polish            the same on two
    python -m studio.storybook.polish --layers 2                      with a deeper decoder

A run that was cut off goes on where it stood: all it has is in --work.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from studio.storybook.autoencoder import mean_psnr
from studio.storybook.decoder import Trainer
from studio.storybook.export import LARGEST_FILE
from studio.storybook.pool import Painting, plan, validation
from studio.storybook.recipe import FULL, SMOKE, Recipe
from studio.storybook.scene import SIZES, STYLES
from studio.storybook.team import Team, see_own_gpu

RATE = 1e-3


def polish(
    model: Path, work: Path, recipe: Recipe, team: Team, processes: int, out: Path
) -> dict[str, float]:
    """Paint, train the decoder of `model`, write the autoencoder to `out`. Gives the PSNR of held-out scenes in dB by
    style."""
    began = time.monotonic()

    def say(words: str) -> None:
        if team.is_leader:
            print(f"[{time.monotonic() - began:6.0f} s] {words}", file=sys.stderr, flush=True)

    work.mkdir(parents=True, exist_ok=True)
    shards = plan(recipe.flat_shards, recipe.styled_shards, recipe.shard)
    checks = {style: validation(style, recipe.validation) for style in STYLES}
    order = [*shards, *(shard for held in checks.values() for shard in held)]
    words = model / "tokenizer" / "tokenizer.model"
    painting = Painting(order, work / "pool", words, recipe.wordings, processes if team.is_leader else 0)
    try:
        trainer = Trainer(recipe, team, model / "vae")
        if team.device.type == "cuda":
            trainer.warm_up(SIZES)
            say("compiled")
        painted = ((shard.style, torch.from_numpy(pixels)) for shard, pixels in painting.pixels(shards))
        lessons = list(trainer.lessons(painted))
        say(f"learns from {sum(len(some.pixels) for some in lessons)} pictures")
        vae = trainer.train(lessons, work / "decoder.pt", say)
        scores = {
            style: mean_psnr(
                vae, (torch.from_numpy(pixels).to(team.device) for _, pixels in painting.pixels(held))
            )
            for style, held in checks.items()
        }
    finally:
        painting.close()
    say("PSNR " + ", ".join(f"{style} {score:.2f}" for style, score in scores.items()))
    if team.is_leader:
        half = vae.to("cpu", torch.float16, memory_format=torch.contiguous_format)
        half.save_pretrained(out, max_shard_size=LARGEST_FILE)
        say(f"wrote {out}")
    return scores


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    see_own_gpu()
    parser = argparse.ArgumentParser(
        prog="python -m studio.storybook.polish", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--model", type=Path, default=Path("models/storybook"), help="folder of the model")
    parser.add_argument("--work", type=Path, default=Path("runs/polish"), help="intermediate results")
    parser.add_argument("--out", type=Path, help="folder for the autoencoder (MODEL/vae)")
    parser.add_argument("--seconds", type=float, default=480.0, help="how long to train")
    parser.add_argument("--batch", type=int, default=48, help="pictures of a step, on each GPU")
    parser.add_argument("--layers", type=int, help="residual blocks at each resolution (as many as it has)")
    parser.add_argument("--smoke", action="store_true", help="everything once, in a minute on a CPU")
    parser.add_argument(
        "--processes", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="painter processes"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    told = parser.parse_args(arguments)
    if not (told.model / "vae" / "config.json").exists():
        parser.error(f"--model {told.model}: no vae/config.json in it; name a folder that pretrain wrote")
    shape = json.loads((told.model / "vae" / "config.json").read_text())
    layers = shape["layers_per_block"] if told.layers is None else told.layers
    if layers < shape["layers_per_block"]:
        parser.error(f"--layers {layers}: it has {shape['layers_per_block']} and can't have fewer")
    if told.smoke:
        recipe = replace(SMOKE, shard=2, vae_steps=2)
    else:
        recipe = replace(
            FULL,
            flat_shards=112,
            styled_shards=56,
            vae_batch=told.batch,
            vae_steps=10**6,
            vae_seconds=told.seconds,
            vae_rate=RATE,
        )
    recipe = replace(recipe, vae_channels=tuple(shape["block_out_channels"]), vae_layers=layers)
    team = Team.gather(told.device)
    try:
        polish(told.model, told.work, recipe, team, told.processes, told.out or told.model / "vae")
    finally:
        team.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
