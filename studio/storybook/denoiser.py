"""Train the text encoder, which can read by now, and the UNet together, on latents of flat scenes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from studio.storybook.conditioning import Prompting, attention_mask, encode
from studio.storybook.networks import (
    build_scheduler,
    build_text_encoder,
    build_unet,
    mixed,
    signal_and_noise,
)
from studio.storybook.recipe import Pace, Recipe
from studio.storybook.team import Team


class Paused(Exception):
    """Time was up before the training was over; everything is saved."""


@dataclass
class Bucket:
    """Training material of one size: latents (N, 4, h, w), word ids (N, wordings, L), and boxes of the things in
    latent cells (N, 3, 4)."""

    size: tuple[int, int]
    latents: Tensor
    words: Tensor
    boxes: Tensor


def time_ids(size: tuple[int, int], count: int, device: torch.device) -> Tensor:
    """Kolors' size conditioning (count, 6): original height and width, crop corner, target height and width."""
    width, height = size
    return torch.tensor([[height, width, 0, 0, height, width]], device=device, dtype=torch.float32).expand(
        count, 6
    )


def weights(boxes: Tensor, high: int, wide: int, of_things: float) -> Tensor:
    """What an error counts in each latent cell (B, 1, high, wide): `of_things` inside boxes (B, 3, 4), else 1."""
    y = torch.arange(high, device=boxes.device)[None, None, :, None] + 0.5
    x = torch.arange(wide, device=boxes.device)[None, None, None, :] + 0.5
    left, top, right, bottom = (side[..., None, None] for side in boxes.unbind(-1))
    inside = (x > left - 0.5) & (x < right + 0.5) & (y > top - 0.5) & (y < bottom + 0.5) & (right > left)
    return torch.where(inside.any(1, keepdim=True), of_things, 1.0)


class Trainer:
    """The two networks, their averages and their optimizer."""

    def __init__(self, recipe: Recipe, words: int, team: Team) -> None:
        torch.manual_seed(2)
        self.recipe, self.team, self.device = recipe, team, team.device
        self.text = build_text_encoder(recipe, words).to(self.device)
        self.unet = build_unet(recipe).to(self.device, memory_format=torch.channels_last)
        named = {
            f"{part}.{name}": parameter
            for part, network in (("text", self.text), ("unet", self.unet))
            for name, parameter in network.named_parameters()
            if "output_layer" not in name
        }
        self._names, self.parameters = [*named], [*named.values()]
        self.text.output_layer.requires_grad_(False)
        self.averages = [p.detach().clone() for p in self.parameters]
        self.optimizer = torch.optim.AdamW(
            self.parameters,
            lr=recipe.rate,
            betas=(0.9, 0.99),
            weight_decay=0.01,
            fused=self.device.type != "mps",
        )
        self.signal, self.noise = signal_and_noise(build_scheduler(), self.device)
        self.pace = self._pace()
        self._unet: Any = self.unet
        self._encode: Any = encode

    def start_from(self, folder: Path) -> None:
        """Begin with the UNet of an earlier model of the same sizes."""
        from diffusers import UNet2DConditionModel

        unet = UNet2DConditionModel.from_pretrained(folder / "unet", dtype=torch.float32)
        self.unet.load_state_dict(unet.state_dict())
        self.averages = [p.detach().clone() for p in self.parameters]

    def take_reader(self, state: dict[str, Tensor]) -> None:
        """Begin with a text encoder that can read."""
        self.text.load_state_dict(state)
        self.averages = [p.detach().clone() for p in self.parameters]

    @property
    def is_compiled(self) -> bool:
        """Whether the UNet runs compiled."""
        return self._unet is not self.unet

    def compile(self) -> None:
        """Run both networks compiled from now on, the UNet with one graph a bucket."""
        self._unet = torch.compile(self.unet, dynamic=False)
        self._encode = torch.compile(encode, dynamic=False)

    def loss(self, prompting: Prompting, bucket: Bucket, rng: torch.Generator) -> Tensor:
        """v-prediction error of one batch of a bucket (Salimans and Ho, arXiv:2202.00512)."""
        recipe, draws = self.recipe, self.recipe.draws
        count = max(1, recipe.batch // draws)
        which = torch.randint(len(bucket.latents), (count,), generator=rng, device=self.device)
        wording = torch.randint(bucket.words.shape[1], (count,), generator=rng, device=self.device)
        words = bucket.words[which, wording].long()
        dropped = torch.rand(count, generator=rng, device=self.device) < recipe.caption_dropout
        words[dropped] = -1
        prompt = prompting.compact(words)
        states, pooled = self._encode(self.text, prompt)
        x = bucket.latents[which].float().repeat_interleave(draws, 0)
        total = len(x)
        # stratified in time: every batch covers all noise levels evenly
        u = (
            torch.arange(total, device=self.device) + torch.rand(total, generator=rng, device=self.device)
        ) / total
        t = (u[torch.randperm(total, generator=rng, device=self.device)] * 1000).long().clamp_max(999)
        eps = torch.randn(x.shape, generator=rng, device=self.device)
        a, s = self.signal[t][:, None, None, None], self.noise[t][:, None, None, None]
        said = {
            "text_embeds": pooled.repeat_interleave(draws, 0),
            "time_ids": time_ids(bucket.size, total, self.device),
        }
        noisy = (a * x + s * eps).contiguous(memory_format=torch.channels_last)
        v = self._unet(
            noisy,
            t,
            states.repeat_interleave(draws, 0),
            added_cond_kwargs=said,
            encoder_attention_mask=attention_mask(prompt).repeat_interleave(draws, 0),
        ).sample
        error = functional.mse_loss(v.float(), a * eps - s * x, reduction="none")
        high, wide = x.shape[-2:]
        counts = weights(bucket.boxes[which], high, wide, recipe.thing_weight).repeat_interleave(draws, 0)
        return (error * counts).sum() / (counts.sum() * error.shape[1])

    def update(self, loss: Tensor) -> None:
        """One optimizer step, and the averages after it."""
        loss.backward()
        self.team.average(self.parameters)
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate * self.pace.rate(300)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.pace.advance()
        keep = min(self.recipe.ema, (1 + self.pace.step) / (10 + self.pace.step))
        torch._foreach_lerp_(self.averages, self.parameters, 1 - keep)

    def state(self) -> dict[str, Any]:
        """All that resuming needs."""
        return {
            "text": self.text.state_dict(), "unet": self.unet.state_dict(), "averages": self._named_averages(),
            "optimizer": self.optimizer.state_dict(), "step": self.pace.step, "spent_s": self.pace.spent_s,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.text.load_state_dict(state["text"])
        self.unet.load_state_dict(state["unet"])
        self.averages = [p.detach().clone() for p in self.parameters]
        if state["optimizer"] is not None:  # a small copy has neither optimizer nor anything but averages
            self.optimizer.load_state_dict(state["optimizer"])
            self.averages = [state["averages"][name].to(self.device) for name in self._names]
        self.pace = self._pace(state["step"], state["spent_s"])

    def _named_averages(self) -> dict[str, Tensor]:
        return dict(zip(self._names, self.averages, strict=True))

    def _pace(self, step: int = 0, spent_s: float = 0.0) -> Pace:
        agree = self.team.agree if self.team.size > 1 else None
        return Pace(self.recipe.steps, self.recipe.seconds, step, spent_s, agree)

    @torch.no_grad()
    def settle(self) -> tuple[nn.Module, nn.Module]:
        """Text encoder and UNet with the averaged weights, in evaluation mode."""
        for parameter, average in zip(self.parameters, self.averages, strict=True):
            parameter.copy_(average)
        return self.text.eval(), self.unet.eval()


def warm_up(recipe: Recipe, words: int, done_file: Path) -> None:
    """Compile the UNet for every bucket, then make `done_file`. Run in a process of its own while something else
    trains: the compiler's cache on disk hands the result to whoever compiles the same later."""
    from studio.storybook.scene import SIZES

    trainer = Trainer(recipe, words, Team("cuda"))
    device = trainer.device
    trainer.compile()
    rng = torch.Generator(device).manual_seed(0)
    for width, height in SIZES:
        latents = torch.randn(recipe.batch, 4, height // 8, width // 8, device=device)
        ids = torch.zeros(recipe.batch, 1, 8, dtype=torch.int16, device=device)
        boxes = torch.zeros(recipe.batch, 3, 4, device=device)
        bucket = Bucket((width, height), latents, ids, boxes)
        with torch.autocast("cuda", torch.bfloat16):
            loss = trainer.loss(Prompting((0, 0), 0), bucket, rng)
        loss.backward()
    torch.cuda.synchronize()
    done_file.touch()


def train(
    trainer: Trainer,
    prompting: Prompting,
    buckets: list[Bucket],
    file: Path,
    compiled_file: Path,
    say: Callable[[str], None],
    kept: Callable[[], None],
    is_time_up: Callable[[], bool],
) -> tuple[nn.Module, nn.Module]:
    """Train to the recipe's end, going on from `file` if it holds an earlier state, compiled as soon as
    `compiled_file` is there; `kept` is called after each time that the state was saved. Returns (text encoder, UNet);
    raises Paused, with all saved, when time is up before."""
    device = trainer.device
    if file.exists():
        trainer.restore(torch.load(file, map_location=device, weights_only=True))
        say(f"denoiser goes on from {trainer.pace}")
    rng = torch.Generator(device).manual_seed(2000 + trainer.pace.step + 100_000 * trainer.team.rank)
    choose = torch.Generator().manual_seed(2000 + trainer.pace.step)
    sizes = torch.tensor([float(len(bucket.latents)) for bucket in buckets])
    saved, recent = time.monotonic(), torch.zeros((), device=device)
    while trainer.pace.share < 1:
        if not trainer.is_compiled and trainer.pace.step % 20 == 0 and compiled_file.exists():
            say(f"denoiser runs compiled from {trainer.pace}")
            trainer.compile()
        bucket = buckets[int(torch.multinomial(sizes, 1, generator=choose))]
        with mixed(device):
            loss = trainer.loss(prompting, bucket, rng)
        trainer.update(loss)
        recent = torch.lerp(loss.detach(), recent, 0.98 if trainer.pace.step > 1 else 0.0)
        if trainer.pace.step % 250 == 0 or trainer.pace.share == 1:
            say(f"denoiser {trainer.pace} loss {recent.item():.4f}")
        if trainer.team.is_leader and time.monotonic() - saved > 120:
            saved = time.monotonic()
            save(file, trainer.state())
            kept()
        if trainer.pace.step % 20 == 0 and is_time_up():
            break
    if trainer.team.is_leader:
        save(file, trainer.state())
        kept()
    if trainer.pace.share < 1:
        raise Paused(f"denoiser paused at {trainer.pace}")
    return trainer.settle()


def save(file: Path, state: dict[str, Any]) -> None:
    """Write a state whole or not at all."""
    part = file.with_suffix(".part")
    torch.save(state, part)
    part.replace(file)
