"""Train the autoencoder on every drawing style, and measure how much of a picture survives it."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from studio.storybook.networks import build_vae, mixed
from studio.storybook.recipe import Pace, Recipe
from studio.storybook.team import Team

FLAT_SHARE = 0.72


@dataclass
class Pictures:
    """Painted pictures on the training device, one tensor (N, H, W, 3) of bytes for each style and size."""

    by_style: dict[str, list[Tensor]]

    @classmethod
    def of(cls, painted: Iterable[tuple[str, tuple[int, int], Tensor]]) -> Self:
        """From parts: style, size and pixels (N, H, W, 3)."""
        held: dict[str, dict[tuple[int, int], list[Tensor]]] = {}
        for style, size, pixels in painted:
            held.setdefault(style, {}).setdefault(size, []).append(pixels)
        return cls({
            style: [torch.cat(parts) for parts in by_size.values()] for style, by_size in held.items()
        })  # fmt: skip

    def crops(self, style: str, count: int, side: int, rng: torch.Generator) -> Tensor:
        """Random square crops (count, 3, side, side) in [-1, 1] from one size of one style."""
        choices = self.by_style[style]
        weights = torch.tensor([float(len(held)) for held in choices])
        held = choices[int(torch.multinomial(weights, 1, generator=rng))]
        _, high, wide, _ = held.shape
        which = torch.randint(len(held), (count,), generator=rng)
        rows = torch.randint(high - side + 1, (count, 1), generator=rng) + torch.arange(side)
        columns = torch.randint(wide - side + 1, (count, 1), generator=rng) + torch.arange(side)
        device = held.device
        crop = held[
            which.to(device)[:, None, None], rows.to(device)[:, :, None], columns.to(device)[:, None, :]
        ]
        return to_unit(crop)


def to_unit(pixels: Tensor) -> Tensor:
    """Bytes (N, H, W, 3) to (N, 3, H, W) in [-1, 1]."""
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1


def loss_of(vae: Any, x: Tensor, noise: Tensor) -> Tensor:
    """L1 + L1 on image gradients + 0.05 log MSE of each crop + 1e-6 KL, means over the batch (B, 3, H, W). The logarithm
    is what PSNR measures; 3e-4 keeps empty skies from counting for much. (KL summed over a picture's latents instead
    of averaged left two of the four channels with a noise of 0.15 deviations.)"""
    moments = vae.quant_conv(vae.encoder(x))
    mean, logvar = moments.chunk(2, dim=1)
    logvar = logvar.clamp(-30, 20)
    z = mean + torch.exp(0.5 * logvar) * noise
    y: Tensor = vae.decoder(vae.post_quant_conv(z))
    y, mean, logvar = y.float(), mean.float(), logvar.float()
    edges = (y.diff(dim=2) - x.diff(dim=2)).abs().mean() + (y.diff(dim=3) - x.diff(dim=3)).abs().mean()
    kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
    fidelity = ((y - x).square().mean((1, 2, 3)) + 3e-4).log().mean()
    loss: Tensor = (y - x).abs().mean() + edges + 0.05 * fidelity + 1e-6 * kl
    return loss


class Trainer:
    """The autoencoder and its optimizer; compiled on a GPU, which takes a minute that painting can use."""

    def __init__(self, recipe: Recipe, team: Team) -> None:
        torch.manual_seed(1)
        self.recipe, self.team, self.device = recipe, team, team.device
        self.vae = build_vae(recipe).to(self.device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(
            self.vae.parameters(),
            lr=recipe.vae_rate,
            betas=(0.9, 0.99),
            weight_decay=1e-4,
            fused=self.device.type != "mps",
        )
        self._loss_of: Any = torch.compile(loss_of) if self.device.type == "cuda" else loss_of

    def loss(self, x: Tensor) -> Tensor:
        """The loss of crops (B, 3, S, S), ready for `backward`."""
        x = x.contiguous(memory_format=torch.channels_last)
        side = self.recipe.vae_crop // 8
        noise = torch.randn(len(x), 4, side, side, device=self.device)
        with mixed(self.device):
            return self._loss_of(self.vae, x, noise)  # type: ignore[no-any-return]

    @torch.no_grad()
    def start_from(self, folder: Path) -> None:
        """Begin with the autoencoder of an earlier model, its latents made nearly free of noise."""
        begin_with(self.vae, folder)
        channels = self.vae.config.latent_channels
        self.vae.quant_conv.weight[channels:] = 0
        self.vae.quant_conv.bias[channels:] = -8

    def warm_up(self) -> None:
        """Compile by a first pass over noise; learns nothing."""
        side = self.recipe.vae_crop
        self.loss(torch.rand(self.recipe.vae_batch, 3, side, side, device=self.device)).backward()
        self.optimizer.zero_grad(set_to_none=True)

    def train(self, pictures: Pictures, file: Path, say: Callable[[str], None]) -> Any:
        """Train to the recipe's end, going on from `file` if it holds an earlier state; the latents come out with
        mean 0 and deviation 1 in each channel. Returns the network in evaluation mode."""
        pace = pace_of(self.recipe, self.team)
        if file.exists():
            state = torch.load(file, map_location=self.device, weights_only=True)
            self.vae.load_state_dict(state["model"])
            if state["done"]:
                return self.vae.eval()
            if state["optimizer"] is not None:  # a small copy has none
                self.optimizer.load_state_dict(state["optimizer"])
            pace = pace_of(self.recipe, self.team, state["step"], state["spent_s"])
        rng = torch.Generator().manual_seed(1000 + pace.step + 100_000 * self.team.rank)
        saved = time.monotonic()
        while pace.share < 1:
            for group in self.optimizer.param_groups:
                group["lr"] = self.recipe.vae_rate * pace.rate(100)
            loss = self.loss(self._batch(pictures, rng))
            loss.backward()
            self.team.average(self.vae.parameters())
            nn.utils.clip_grad_norm_(self.vae.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            pace.advance()
            if pace.step % 250 == 0 or pace.share == 1:
                say(f"autoencoder {pace} loss {loss.item():.4f}")
            if self.team.is_leader and time.monotonic() - saved > 90:
                saved = time.monotonic()
                save(file, self.vae, self.optimizer, pace, done=False)
        self.vae.eval()
        centre_latents(self.vae, pictures, self.recipe.vae_crop, rng)
        self.team.align(self.vae.parameters())
        if self.team.is_leader:
            save(file, self.vae, self.optimizer, pace, done=True)
        return self.vae

    def _batch(self, pictures: Pictures, rng: torch.Generator) -> Tensor:
        """Crops of flat pictures, and of four other styles."""
        batch, side = self.recipe.vae_batch, self.recipe.vae_crop
        others = [style for style in pictures.by_style if style != "flat"]
        flat = max(1, round(batch * FLAT_SHARE))
        parts = [pictures.crops("flat", flat, side, rng)]
        for k in torch.randint(len(others), (4,), generator=rng):
            parts.append(pictures.crops(others[int(k)], (batch - flat + 3) // 4, side, rng))
        return torch.cat(parts)[:batch]


def pace_of(recipe: Recipe, team: Team, step: int = 0, spent_s: float = 0.0) -> Pace:
    """How far the autoencoder's training has come, the same for the whole team."""
    agree = team.agree if team.size > 1 else None
    return Pace(recipe.vae_steps, recipe.vae_seconds, step, spent_s, agree)


def save(file: Path, vae: Any, optimizer: torch.optim.Optimizer, pace: Pace, done: bool) -> None:
    """Keep all that going on needs, whole or not at all."""
    part = file.with_suffix(".part")
    state = {"model": vae.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save({**state, "step": pace.step, "spent_s": pace.spent_s, "done": done}, part)
    part.rename(file)


@torch.no_grad()
def begin_with(vae: Any, folder: Path) -> None:
    """Take an earlier autoencoder's weights. Where `vae` has more residual blocks, these add nothing at first, so that it
    encodes and decodes to the bit as the earlier one."""
    from diffusers import AutoencoderKL

    held = AutoencoderKL.from_pretrained(folder, dtype=torch.float32).state_dict()
    told = vae.load_state_dict(held, strict=False)
    strange = [*told.unexpected_keys, *(name for name in told.missing_keys if ".resnets." not in name)]
    if strange:
        raise ValueError(f"{folder}: not an autoencoder that this one can begin with: {strange[0]}")
    for name in told.missing_keys:
        if ".conv2." in name:
            vae.get_parameter(name).zero_()


@torch.no_grad()
def centre_latents(vae: Any, pictures: Pictures, side: int, rng: torch.Generator) -> None:
    """Fold each latent channel's mean and deviation over flat pictures into the 1x1 convolutions around the
    latents, exactly: reconstructions stay the same, latents get mean 0 and deviation 1."""
    latents = torch.cat([
        vae.quant_conv(vae.encoder(pictures.crops("flat", 16, side, rng))).chunk(2, dim=1)[0] for _ in range(8)
    ])  # fmt: skip
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    channels = len(mean)
    after, before = vae.quant_conv, vae.post_quant_conv
    after.weight[:channels] /= deviation[:, None, None, None]
    after.bias[:channels] = (after.bias[:channels] - mean) / deviation
    after.bias[channels:] -= 2 * deviation.log()
    before.bias += (before.weight[:, :, 0, 0] * mean).sum(1)
    before.weight *= deviation[None, :, None, None]


@torch.no_grad()
def psnr(vae: Any, x: Tensor) -> float:
    """Mean peak signal-to-noise ratio in dB of pictures (N, 3, H, W) in [-1, 1] after encoding (posterior mean) and
    decoding, with values as 8-bit files hold them."""
    y = vae.decode(vae.encode(x).latent_dist.mode()).sample
    y = ((y.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1
    error = functional.mse_loss(y.float(), x, reduction="none").mean((1, 2, 3))
    return float((10 * torch.log10(4 / error.clamp_min(1e-10))).mean())


def mean_psnr(vae: Any, parts: Iterable[Tensor]) -> float:
    """`psnr` of several parts of pixels (N, H, W, 3), averaged."""
    values = [psnr(vae, to_unit(pixels)) for pixels in parts]
    return sum(values) / len(values)
