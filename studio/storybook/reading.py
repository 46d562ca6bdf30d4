"""Teach the text encoder to read before it meets a picture: from a caption, in either language, say what is in the
scene. Words for the same fact then lie near each other, whatever the language, and a thing's colour apart from its kind.

Left to the denoiser alone, English came out ten points ahead of Chinese after three million pictures.
"""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from studio.storybook.conditioning import Prompting, encode
from studio.storybook.networks import mixed
from studio.storybook.pool import word_ids
from studio.storybook.recipe import Pace, Recipe
from studio.storybook.scene import COLOURS, GROUNDS, KINDS, TIMES, Scene, draw_lot

FIRST_SEED = 200_000_000
HELD_OUT_SEED = 210_000_000
WORDINGS = 4
THINGS = 3
_ARRANGEMENTS = ("single", "group", "left", "above", "row")
_SIZES = ("", "small", "big")
OF_SCENE = (len(_ARRANGEMENTS), len(GROUNDS), len(TIMES))
OF_THING = (len(KINDS) + 1, len(COLOURS) + 1, len(_SIZES) + 1)
"""How many answers there are to each question about a scene, and about each of its three things; the last means that
there is no such thing."""


@dataclass
class Lessons:
    """Word ids (N, wordings, L), even rows English and odd rows Chinese, and facts (N, 12)."""

    words: Tensor
    facts: Tensor


def facts(scene: Scene) -> list[int]:
    """Arrangement, ground, time, and kind, colour and size of each of three things from left to right (above: from
    the top)."""
    told = [_ARRANGEMENTS.index(scene.arrangement), GROUNDS.index(scene.ground), TIMES.index(scene.time)]
    for thing in scene.things:
        told += [list(KINDS).index(thing.kind), list(COLOURS).index(thing.colour), _SIZES.index(thing.size)]
    for _ in range(THINGS - len(scene.things)):
        told += [n - 1 for n in OF_THING]
    return told


def write(seeds: range, tokenizer_file: Path, held_out: bool) -> tuple[Any, Any]:
    """Word ids and facts of the scenes of these seeds, as arrays."""
    import sentencepiece

    pieces = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer_file))  # type: ignore[call-arg, unused-ignore]
    scenes = [draw_lot(seed, held_out=held_out) for seed in seeds]
    words = np.stack([word_ids(scene, WORDINGS, pieces.encode) for scene in scenes])
    return words, np.array([facts(scene) for scene in scenes], np.int64)


def lessons(
    count: int, tokenizer_file: Path, processes: int, device: torch.device, held_out: bool = False
) -> Lessons:
    """So many scenes' captions, written by several processes."""
    first = HELD_OUT_SEED if held_out else FIRST_SEED
    piece = max(1, min(1000, count // max(1, processes)))
    work = [
        (range(s, min(s + piece, first + count)), tokenizer_file, held_out)
        for s in range(first, first + count, piece)
    ]
    if processes > 1 and len(work) > 1:
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            parts = pool.starmap(write, work)
    else:
        parts = [write(*piece_of) for piece_of in work]
    words, told = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Lessons(torch.from_numpy(words).to(device), torch.from_numpy(told).to(device))


class Readout(nn.Module):
    """Answers from the encoder's states (B, L, width) and its last token (B, width), the two things that the denoiser
    sees: scene and things from the last token; things also from the states, by one attention that the last token asks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scene = nn.Linear(width, sum(OF_SCENE))
        self.thing = nn.Linear(width, THINGS * sum(OF_THING))
        self.ask, self.key, self.value = (
            nn.Linear(width, THINGS * width),
            nn.Linear(width, width),
            nn.Linear(width, width),
        )
        self.found = nn.Linear(width, sum(OF_THING))

    def forward(self, states: Tensor, last: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the scene (B, 15) and, twice, of its things (B, 3, 38)."""
        batch, length, width = states.shape
        heads = width // 32
        q = self.ask(last).view(batch, THINGS, heads, 32).transpose(1, 2)
        k = self.key(states).view(batch, length, heads, 32).transpose(1, 2)
        v = self.value(states).view(batch, length, heads, 32).transpose(1, 2)
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen[:, None, None].to(q.dtype))
        found = self.found(y.transpose(1, 2).reshape(batch, THINGS, width))
        return self.scene(last), self.thing(last).view(batch, THINGS, -1), found


def teach(
    text: Any,
    lessons: Lessons,
    check: Lessons,
    prompting: Prompting,
    recipe: Recipe,
    say: Callable[[str], None],
) -> None:
    """Train the encoder in place; says how much it reads right of scenes with held-out pairs."""
    device = lessons.words.device
    torch.manual_seed(3)
    readout = Readout(recipe.text_width).to(device)
    learning = [p for n, p in text.named_parameters() if "output_layer" not in n] + list(readout.parameters())
    optimizer = torch.optim.AdamW(learning, lr=recipe.reading_rate, betas=(0.9, 0.99), weight_decay=0.01)
    rng = torch.Generator(device).manual_seed(4)
    pace = Pace(recipe.reading_steps, recipe.reading_seconds)
    said = time.monotonic()
    while pace.share < 1:
        which = torch.randint(len(lessons.words), (recipe.reading_batch,), generator=rng, device=device)
        wording = torch.randint(WORDINGS, (recipe.reading_batch,), generator=rng, device=device)
        for group in optimizer.param_groups:
            group["lr"] = recipe.reading_rate * pace.rate(100)
        loss = _loss(text, readout, prompting, lessons.words[which, wording].long(), lessons.facts[which])
        loss.backward()
        nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        pace.advance()
        if pace.share == 1 or time.monotonic() - said > 15:
            said = time.monotonic()
            say(f"reading {pace} loss {loss.item():.3f}")
    for row, language in enumerate(("English", "Chinese")):
        right = accuracy(text, readout, prompting, check.words[:, row].long(), check.facts)
        say(f"reads held-out pairs in {language}: kinds {right[0]:.1%}, colours {right[1]:.1%}")


def _loss(text: Any, readout: Readout, prompting: Prompting, words: Tensor, told: Tensor) -> Tensor:
    prompt = prompting.compact(words)
    with mixed(words.device):
        states, last = encode(text, prompt)
        scene, thing, found = (logits.float() for logits in readout(states, last, prompt.seen))
    of_things = told[:, len(OF_SCENE) :].unflatten(1, (THINGS, -1))
    loss = sum(
        functional.cross_entropy(part, told[:, k]) for k, part in enumerate(scene.split(OF_SCENE, dim=-1))
    )
    for logits in (thing, found):
        for k, part in enumerate(logits.split(OF_THING, dim=-1)):
            loss = loss + functional.cross_entropy(part.flatten(0, 1), of_things[..., k].flatten())
    assert isinstance(loss, Tensor)
    return loss


@torch.no_grad()
def accuracy(
    text: Any, readout: Readout, prompting: Prompting, words: Tensor, told: Tensor
) -> tuple[float, float]:
    """Shares of kinds and of colours that are read right from the states, of things that are there."""
    prompt = prompting.compact(words)
    states, last = encode(text, prompt)
    found = readout(states, last, prompt.seen)[2].split(OF_THING, dim=-1)
    of_things = told[:, len(OF_SCENE) :].unflatten(1, (THINGS, -1))
    there = of_things[..., 0] < len(KINDS)
    kinds, colours = ((found[k].argmax(-1) == of_things[..., k])[there].float().mean() for k in (0, 1))
    return float(kinds), float(colours)
