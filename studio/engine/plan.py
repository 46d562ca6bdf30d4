"""Which way a picture fits the machine: what each way would take of its memory, and the first that fits.

Weights are counted exactly, from the headers of their files. What the work itself takes is told by a number for each
kind of network, times the pixels, times the bytes of a number: the most that is alive at once while a network of real
size runs, counted with every tensor on torch's meta device (nothing computed, attention as one kernel), and a quarter
more for workspaces. For a denoiser it is linear in the pixels from 512 to 2048 px, for an autoencoder too.
Rejected: a table of measured peaks for each model and size, which says nothing of the next model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from studio.numbers import Sizes
from studio.words import Said, Text

Mode = Literal["whole", "encoder_away", "encoder_8bit", "encoder_4bit", "offload", "cpu"]
Stage = Literal["encode", "sample", "decode"]

LADDER: tuple[Mode, ...] = ("whole", "encoder_away", "encoder_8bit", "encoder_4bit", "offload", "cpu")
"""From the fastest to the smallest."""
MODES: dict[str, Text] = {
    "auto": Text("Auto", "自动"),
    "whole": Text("Everything on the GPU", "全部放进显存"),
    "encoder_away": Text("Text encoder off the GPU after use", "文本编码器用完移出显存"),
    "encoder_8bit": Text("8-bit text encoder", "8 位文本编码器"),
    "encoder_4bit": Text("4-bit text encoder", "4 位文本编码器"),
    "offload": Text("Layer by layer from main memory", "逐层从内存调入"),
    "cpu": Text("CPU only", "仅用 CPU"),
}
ALL: tuple[Mode, ...] = ("whole", "cpu")
"""Modes in which everything is in one place."""
BITS: Mapping[str, int] = {"encoder_8bit": 8, "encoder_4bit": 4}

SAMPLE: Mapping[str, int] = {"unet": 160, "transformer": 650}
"""Numbers alive for each pixel of a picture and each pass of the denoiser. Counted: SDXL and Kolors 80, SD1.5 130,
SD3.5 large 127, Qwen-Image 193, Flux 234, Flux.2 583."""
DECODE: Mapping[str, int] = {"2d": 1100, "3d": 2300}
"""Numbers alive for each pixel while an autoencoder decodes, by its convolutions. Counted: Kolors', SD1.5's, Flux's and
Flux.2's 768, Qwen-Image's 1730."""
ENCODE_NUMBERS = 100_000_000
"""Numbers alive while a text is read, however long."""
TILE_PX = 512
"""Side of the squares in which a picture is decoded where it doesn't fit in one piece."""
SPARE, SPARE_SHARE = 300 * 2**20, 0.03
"""What is left alone of the free memory, in bytes and as a share of it: gaps between tensors, and other programs."""
CPU_SHARE = 0.8
"""How much of main memory a model may fill."""

NEEDS = Text("needs about {needed} GB, {free} GB free: {plan}", "约需 {needed} GB，可用 {free} GB：{plan}")
TILED = Text("{plan}, decoded in tiles", "{plan}，分块解码")


@dataclass(frozen=True)
class Work:
    """A picture as far as memory goes: the pixels that are painted at once, and those that are decoded, which are more
    where it is enlarged; how many passes the denoiser makes at once, whether that is a `unet` or a `transformer`; and the
    bytes of a number, the autoencoder's apart."""

    painted: int
    decoded: int
    passes: int
    kind: Literal["unet", "transformer"]
    itemsize: int
    decoder_itemsize: int


@dataclass(frozen=True)
class Room:
    """Free memory in bytes, the device's and the machine's main memory; on a `cpu`, and beside an Apple GPU, the same."""

    device: int
    main: int
    kind: Literal["cuda", "mps", "cpu"] = "cuda"

    @property
    def rungs(self) -> tuple[Mode, ...]:
        """The modes to choose from: on a CPU nothing can be off it, and from an Apple GPU nothing is far."""
        if self.kind == "cuda":
            return LADDER
        modes: tuple[Mode, ...] = ("encoder_away", "encoder_8bit", "encoder_4bit")
        return ("cpu", *modes) if self.kind == "cpu" else ("whole", *modes, "cpu")


@dataclass(frozen=True)
class Plan:
    """How a picture is made: the mode; whether the denoiser makes way for decoding; the side of the tiles that decoding
    goes in, 0 for one piece; whether what is away is forgotten and read again instead of kept in main memory; and what
    each mode would take at its peak, in bytes."""

    mode: Mode
    is_decoded_alone: bool
    tile_px: int
    drops: bool
    needs: Mapping[Mode, int]
    free: int

    @property
    def bits(self) -> int:
        """Bits of a number in the text encoders' linear layers; 0 where they stay as they are."""
        return BITS.get(self.mode, 0)

    @property
    def takes_turns(self) -> bool:
        """Whether text encoders and denoiser are on the device one after the other."""
        return self.mode not in ALL

    @property
    def name(self) -> Said:
        """What it is called."""
        plan = Said(MODES[self.mode], {})
        return Said(TILED, {"plan": plan}) if self.tile_px else plan

    @property
    def said(self) -> Said:
        """What it needs, what there is, and what it is called."""
        facts = {"needed": gb(self.needs[self.mode]), "free": gb(self.free), "plan": self.name}
        return Said(NEEDS, facts)


def choose(sizes: Sizes, work: Work, room: Room, asked: str = "auto") -> Plan:
    """The plan for a picture: with the mode that was asked for or, for `auto`, with the fastest that fits, and the
    smallest where none does."""
    fitting = (mode for mode in room.rungs if _fits(sizes, work, room, mode))
    named = [mode for mode in LADDER if mode == asked]
    return _plan(sizes, work, room, named[0] if named else next(fitting, room.rungs[-1]))


def smaller(plan: Plan, sizes: Sizes, work: Work, room: Room, at: Stage) -> Plan | None:
    """The plan to go on with after memory ran out at a stage: the next mode that takes less there, with the denoiser
    away from decoding, or the same mode in tiles; None where there is no such."""
    taken = _taken(sizes, work, plan.mode, plan.is_decoded_alone, plan.tile_px)[at]
    rungs = room.rungs
    later = rungs[rungs.index(plan.mode) + 1 :] if plan.mode in rungs else ()
    if at == "decode" and plan.takes_turns and not plan.tile_px and work.decoded > TILE_PX**2:
        return replace(plan, is_decoded_alone=True, tile_px=TILE_PX)
    for mode in later:
        if _taken(sizes, work, mode, True, plan.tile_px)[at] < taken:
            made = _plan(sizes, work, room, mode)
            return replace(made, is_decoded_alone=made.takes_turns, tile_px=plan.tile_px or made.tile_px)
    return None


def _plan(sizes: Sizes, work: Work, room: Room, mode: Mode) -> Plan:
    budget = _budget(room, mode)
    together = _taken(sizes, work, mode, False, 0)["decode"] <= budget
    is_alone = not together and mode not in ALL
    is_whole = together or _taken(sizes, work, mode, is_alone, 0)["decode"] <= budget
    tile_px = 0 if is_whole or work.decoded <= TILE_PX**2 else TILE_PX
    if tile_px and is_alone:
        is_alone = _taken(sizes, work, mode, False, tile_px)["decode"] > budget
    away = (sizes.encoders + sizes.denoiser) * work.itemsize
    is_scarce = room.kind != "cuda" or away > room.main * CPU_SHARE
    needs = {each: max(_taken(sizes, work, each, True, tile_px).values()) for each in LADDER}
    needs[mode] = max(_taken(sizes, work, mode, is_alone, tile_px).values())
    free = room.main if mode == "cpu" else room.device
    return Plan(mode, is_alone, tile_px, is_scarce and mode not in (*ALL, "offload"), needs, free)


def _fits(sizes: Sizes, work: Work, room: Room, mode: Mode) -> bool:
    """Whether a mode fits: its decoding in tiles if not otherwise, save where everything stays."""
    tile_px = 0 if mode in ALL else TILE_PX
    held = (sizes.encoders + sizes.denoiser) * work.itemsize if mode == "offload" else 0
    held += held // 2  # pinned memory comes in powers of two
    peak = max(_taken(sizes, work, mode, True, tile_px).values())
    return held <= room.main * CPU_SHARE and peak <= _budget(room, mode)


def _taken(sizes: Sizes, work: Work, mode: Mode, is_alone: bool, tile_px: int) -> dict[Stage, int]:
    """Bytes of the device, or for `cpu` of main memory, that each stage takes at its peak."""
    size = work.itemsize
    decoder, denoiser = sizes.decoder * work.decoder_itemsize, sizes.denoiser * size
    encoders, reading = sizes.encoders * size, ENCODE_NUMBERS * size
    if bits := BITS.get(mode):
        encoders = (sizes.encoders - sizes.packable) * size + packed_bytes(sizes.packable, bits)
        reading += 2 * sizes.largest_packable * size
    if mode == "offload":
        encoders = min(encoders, 3 * sizes.largest_encoder_layer * size)
        denoiser = min(denoiser, 3 * sizes.largest_denoiser_layer * size)
    drawn = min(work.decoded, tile_px**2) if tile_px else work.decoded
    drawing = (DECODE[sizes.decoder_kind] * drawn + 12 * work.decoded) * work.decoder_itemsize
    sampling = SAMPLE[work.kind] * work.painted * work.passes * size
    if mode in ALL:
        return {
            name: encoders + denoiser + decoder + more for name, more in _stages(reading, sampling, drawing)
        }
    beside = 0 if is_alone or mode == "offload" else denoiser
    told = _stages(encoders + reading, denoiser + sampling, beside + drawing)
    return {name: decoder + more for name, more in told}


def _stages(encode: int, sample: int, decode: int) -> tuple[tuple[Stage, int], ...]:
    return ("encode", encode), ("sample", sample), ("decode", decode)


def packed_bytes(numbers: int, bits: int) -> int:
    """Bytes of packed numbers, with the scales of 4-bit ones, two half-precision numbers for every 32."""
    return numbers if bits == 8 else numbers // 2 + numbers // 8


def _budget(room: Room, mode: Mode) -> int:
    free = int(room.main * CPU_SHARE) if "cpu" in (mode, room.kind) else room.device
    return max(0, int(free * (1 - SPARE_SHARE)) - SPARE)


def gb(count: int) -> str:
    """Bytes in GB, as plans tell them."""
    return f"{count / 1e9:.1f}"
