"""The arithmetic of memory: what each mode takes, and which is chosen."""

import dataclasses

import pytest

from studio.engine.plan import LADDER, MODES, TILE_PX, Room, Work, choose, packed_bytes, smaller
from studio.numbers import Sizes
from studio.requests import GenerateRequest

GB = 2**30
KOLORS = Sizes(
    encoders=5_977_000_000,
    packable=5_710_000_000,
    largest_packable=112_197_632,
    largest_encoder_layer=266_338_304,
    denoiser=2_579_000_000,
    largest_denoiser_layer=29_491_200,
    decoder=83_650_000,
)
WORK = Work(1024 * 1024, 1024 * 1024, 2, "unet", 2, 2)
MACHINE = 64 * GB


def of_size(pixels):
    return dataclasses.replace(WORK, painted=pixels, decoded=pixels)


def plan(gb, asked="auto", sizes=KOLORS, work=WORK, main=MACHINE, kind="cuda"):
    return choose(sizes, work, Room(int(gb * GB), main, kind), asked)


@pytest.mark.parametrize(
    ("gb", "mode"),
    [
        (80, "whole"),
        (24, "whole"),
        (16, "encoder_away"),
        (12, "encoder_8bit"),
        (8, "encoder_8bit"),
        (7, "encoder_4bit"),
        (4, "offload"),
        (1, "cpu"),
    ],
)
def test_kolors_at_1024_px_by_size_of_the_gpu(gb, mode):
    made = plan(gb)
    assert made.mode == mode
    assert mode == "cpu" or made.needs[mode] <= gb * GB
    assert (made.tile_px, made.is_decoded_alone) == (0, mode == "encoder_4bit")


def test_with_more_memory_never_a_smaller_mode():
    rungs = [LADDER.index(plan(gb / 4).mode) for gb in range(1, 120)]
    assert rungs == sorted(rungs, reverse=True)
    assert set(rungs) == set(range(len(LADDER)))


def test_larger_pictures_never_take_less():
    for mode in LADDER:
        needs = [plan(80, mode, work=of_size(side * side)).needs[mode] for side in range(256, 4096, 256)]
        assert needs == sorted(needs)
        assert needs[0] < needs[-1]


def test_each_mode_takes_no_more_than_the_one_before():
    needs = plan(80).needs
    on_gpu = [needs[mode] for mode in LADDER if mode != "cpu"]
    assert on_gpu == sorted(on_gpu, reverse=True)


def test_a_mode_that_is_asked_for_is_taken_whether_it_fits_or_not():
    for mode in LADDER:
        assert plan(2, mode).mode == mode


def test_large_pictures_are_decoded_in_tiles_only_where_they_do_not_fit():
    work = of_size(2048 * 2048)
    assert plan(80, work=work).tile_px == 0
    tight = plan(6, work=work)
    assert (tight.mode, tight.tile_px) == ("offload", TILE_PX)
    assert tight.needs["offload"] < 4 * GB
    assert plan(8, "whole", work=of_size(512 * 512)).tile_px == 0


def test_a_picture_that_is_enlarged_counts_large_only_where_it_is_decoded():
    enlarged = dataclasses.replace(WORK, decoded=2048 * 2048)
    made = plan(8, work=enlarged)
    assert (made.mode, made.tile_px) == ("encoder_8bit", TILE_PX)
    assert plan(80, work=enlarged).needs["offload"] > 3 * plan(80).needs["offload"]


def test_without_room_in_main_memory_parts_are_read_again():
    assert not plan(16).drops
    assert plan(16, main=16 * GB).drops
    assert plan(4, main=16 * GB).mode == "cpu"
    assert plan(16, kind="mps").drops


def test_a_cpu_holds_everything_while_it_can():
    assert plan(64, kind="cpu").mode == "cpu"
    assert plan(20, main=20 * GB, kind="cpu").mode == "encoder_away"
    assert plan(12, main=12 * GB, kind="cpu").mode == "encoder_8bit"
    assert plan(12, main=12 * GB, kind="cpu").drops


def test_fp16_autoencoders_that_overflow_count_twice():
    heavy = plan(80, work=dataclasses.replace(WORK, decoder_itemsize=4)).needs["whole"]
    assert heavy - plan(80).needs["whole"] > 2 * GB


@pytest.mark.parametrize(
    ("mode", "at", "after"),
    [
        ("whole", "encode", "encoder_away"),
        ("whole", "sample", "encoder_away"),
        ("whole", "decode", "encoder_away"),
        ("encoder_away", "encode", "encoder_8bit"),
        ("encoder_8bit", "encode", "encoder_4bit"),
        ("encoder_away", "sample", "offload"),
        ("encoder_4bit", "sample", "offload"),
        ("encoder_8bit", "decode", "encoder_8bit"),
    ],
)
def test_after_memory_ran_out_the_next_takes_less_there(mode, at, after):
    room = Room(80 * GB, MACHINE)
    made = smaller(choose(KOLORS, WORK, room, mode), KOLORS, WORK, room, at)
    assert made.mode == after
    if at == "decode":
        assert made.is_decoded_alone
        assert made.tile_px == (TILE_PX if mode == "encoder_8bit" else 0)


def test_there_is_nothing_after_the_smallest():
    room = Room(GB, MACHINE)
    assert smaller(choose(KOLORS, WORK, room, "cpu"), KOLORS, WORK, room, "sample") is None


def test_words_are_there_for_every_choice():
    assert list(MODES) == list(GenerateRequest.settings()["memory"].choices) == ["auto", *LADDER]
    said = plan(8).said
    assert said.say("en") == "needs about 7.7 GB, 8.6 GB free: 8-bit text encoder"
    assert "8 位文本编码器" in said.say("zh")
    tiled = plan(8, work=of_size(2048 * 2048))
    assert tiled.name.say("en") == "8-bit text encoder, decoded in tiles"


def test_packed_sizes():
    assert (packed_bytes(1024, 8), packed_bytes(1024, 4)) == (1024, 512 + 128)
