"""Train the decoder of a finished autoencoder on whole pictures and the latents that its encoder gives them."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from studio.storybook.autoencoder import begin_with, pace_of, save, to_unit
from studio.storybook.networks import build_vae, mixed
from studio.storybook.recipe import Recipe
from studio.storybook.team import Team

FLAT_SHARE = 0.75
OTHERS = 4
"""Lots of the other styles in a batch."""
_AT_ONCE = 32
"""Pictures that the encoder sees at once."""


@dataclass
class Lessons:
    """Pictures of one style and size with their latents, on the training device."""

    style: str
    pixels: Tensor
    """(N, H, W, 3) bytes."""
    moments: Tensor
    """(N, 8, H/8, W/8): mean and log variance."""


def loss_of(vae: Any, z: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """0.05 log MSE of each picture + 0.3 (L1 + L1 on image gradients) of what latents (B, 4, H/8, W/8) decode to, beside
    pictures (B, 3, H, W), and the MSE of each (B,). The logarithm is what PSNR measures; 1e-4 keeps empty skies from
    counting for much."""
    y = vae.decoder(vae.post_quant_conv(z)).float()
    edges = (y.diff(dim=2) - x.diff(dim=2)).abs().mean() + (y.diff(dim=3) - x.diff(dim=3)).abs().mean()
    error = (y - x).square().mean((1, 2, 3))
    loss = 0.05 * (error + 1e-4).log().mean() + 0.3 * ((y - x).abs().mean() + edges)
    return loss, error.detach()


class Trainer:
    """An autoencoder whose decoder learns; compiled on a GPU, which takes a minute for each picture size."""

    def __init__(self, recipe: Recipe, team: Team, folder: Path) -> None:
        torch.manual_seed(1)
        self.recipe, self.team, self.device = recipe, team, team.device
        vae = build_vae(recipe)
        begin_with(vae, folder)
        self.vae = vae.to(self.device, memory_format=torch.channels_last)
        for part in (self.vae.encoder, self.vae.quant_conv):
            part.requires_grad_(False)
        self._learning = [p for p in self.vae.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self._learning,
            lr=recipe.vae_rate,
            betas=(0.9, 0.99),
            weight_decay=1e-4,
            fused=self.device.type != "mps",
        )
        self._loss_of: Any = torch.compile(loss_of, dynamic=False) if self.device.type == "cuda" else loss_of

    @torch.no_grad()
    def lessons(self, painted: Iterable[tuple[str, Tensor]]) -> Iterator[Lessons]:
        """Pictures by style and size, from parts: style and pixels (N, H, W, 3)."""
        held: dict[tuple[str, int], list[tuple[Tensor, Tensor]]] = {}
        for style, pixels in painted:
            here = pixels.to(self.device)
            moments = torch.cat([self._moments(to_unit(some)) for some in here.split(_AT_ONCE)])
            held.setdefault((style, here.shape[1]), []).append((here, moments))
        for (style, _), parts in held.items():
            yield Lessons(
                style,
                torch.cat([pixels for pixels, _ in parts]),
                torch.cat([moments for _, moments in parts]),
            )

    def warm_up(self, sizes: Iterable[tuple[int, int]]) -> None:
        """Compile for pictures of these sizes (width, height) by a pass over noise; learns nothing."""
        for wide, high in sizes:
            z = torch.randn(self.recipe.vae_batch, 4, high // 8, wide // 8, device=self.device)
            x = torch.rand(self.recipe.vae_batch, 3, high, wide, device=self.device)
            self._loss(z, x)[0].backward()
            self.optimizer.zero_grad(set_to_none=True)

    def train(self, lessons: list[Lessons], file: Path, say: Callable[[str], None]) -> Any:
        """Train to the recipe's end, going on from `file` if it holds an earlier state. Returns the network in evaluation
        mode."""
        pace = pace_of(self.recipe, self.team)
        if file.exists():
            state = torch.load(file, map_location=self.device, weights_only=True)
            self.vae.load_state_dict(state["model"])
            if state["done"]:
                return self.vae.eval()
            self.optimizer.load_state_dict(state["optimizer"])
            pace = pace_of(self.recipe, self.team, state["step"], state["spent_s"])
        rng = torch.Generator().manual_seed(1000 + pace.step + 100_000 * self.team.rank)
        saved = time.monotonic()
        errors: list[Tensor] = []
        while pace.share < 1:
            for group in self.optimizer.param_groups:
                group["lr"] = self.recipe.vae_rate * pace.rate(100)
            z, x, flat = self._batch(lessons, rng)
            loss, error = self._loss(z, x)
            loss.backward()
            self.team.average(self._learning)
            nn.utils.clip_grad_norm_(self._learning, 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            errors.append(error[:flat])
            pace.advance()
            if pace.step % 250 == 0 or pace.share == 1:
                decibels = 10 * torch.log10(4 / torch.cat(errors).clamp_min(1e-10)).mean()
                errors.clear()
                say(f"decoder {pace} loss {loss.item():.4f}, flat {decibels.item():.2f} dB")
            if self.team.is_leader and time.monotonic() - saved > 90:
                saved = time.monotonic()
                save(file, self.vae, self.optimizer, pace, done=False)
        self.team.align(self.vae.parameters())
        if self.team.is_leader:
            save(file, self.vae, self.optimizer, pace, done=True)
        return self.vae.eval()

    def _loss(self, z: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        z, x = (a.contiguous(memory_format=torch.channels_last) for a in (z, x))
        with mixed(self.device):
            return self._loss_of(self.vae, z, x)  # type: ignore[no-any-return]

    def _moments(self, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        return self.vae.quant_conv(self.vae.encoder(x))  # type: ignore[no-any-return]

    def _batch(self, lessons: list[Lessons], rng: torch.Generator) -> tuple[Tensor, Tensor, int]:
        """Latents and pictures of one size, flat ones first, then other styles; and how many are flat."""
        batch = self.recipe.vae_batch
        flat = _one_of([some for some in lessons if some.style == "flat"], rng)
        size = flat.pixels.shape[1:]
        others = [some for some in lessons if some.style != "flat" and some.pixels.shape[1:] == size]
        count = max(1, round(batch * FLAT_SHARE)) if others else batch
        each = (batch - count + OTHERS - 1) // OTHERS
        parts = [(flat, count), *((_one_of(others, rng), each) for _ in range(OTHERS if others else 0))]
        zs, xs = zip(*(self._draw(some, several, rng) for some, several in parts), strict=True)
        return torch.cat(zs)[:batch], torch.cat(xs)[:batch], count

    def _draw(self, lessons: Lessons, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        which = torch.randint(len(lessons.pixels), (count,), generator=rng).to(self.device)
        mean, logvar = lessons.moments[which].chunk(2, dim=1)
        noise = torch.exp(0.5 * logvar.clamp(-30, 20)) * torch.randn_like(mean)
        return mean + noise, to_unit(lessons.pixels[which])


def _one_of(lessons: list[Lessons], rng: torch.Generator) -> Lessons:
    """By lot, larger ones more often."""
    weights = torch.tensor([float(len(some.pixels)) for some in lessons])
    return lessons[int(torch.multinomial(weights, 1, generator=rng))]
