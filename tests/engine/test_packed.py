"""Text encoders in 8 and 4 bits."""

import pytest
import torch

from studio.engine.load import Packing, open_part
from studio.engine.packed import Packed, can_pack
from studio.engine.plan import packed_bytes
from studio.engine.weigh import weigh
from studio.families import families
from studio.settings import ROOT

KOLORS = families()["kolors"]
CLOSE = {("tiny", 8): 0.999, ("tiny", 4): 0.97, ("storybook", 8): 0.999, ("storybook", 4): 0.99}
"""The least cosine to the whole encoder. Random weights of 32 inputs are the worst there is: nothing averages out."""
TEXTS = ("a red boat on the sea at sunset", "雪地里，两颗黄色的星星", "")


def encoded(folder, dtype, bits=0):
    packing = Packing(bits, "cpu") if bits else None
    parts = {
        name: open_part(
            KOLORS.part(name), folder, "cpu", dtype, packing=packing if name == "text_encoder" else None
        )
        for name in KOLORS.for_encode
    }
    return parts["text_encoder"], [KOLORS.encode(parts, text) for text in TEXTS]


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("which", ["tiny", "storybook"])
def test_packed_encoders_say_nearly_the_same(tiny_kolors, which, dtype, bits):
    folder = tiny_kolors if which == "tiny" else ROOT / "models" / "storybook"
    whole, wanted = encoded(folder, dtype)
    packed, found = encoded(folder, dtype, bits)
    for one, other in zip(wanted, found, strict=True):
        for name in one if which == "storybook" else ("prompt_embeds",):
            near = torch.nn.functional.cosine_similarity(
                one[name].float().flatten(), other[name].float().flatten(), 0
            )
            assert CLOSE[which, bits] < near, name
            assert other[name].dtype == dtype
    sizes = [sum(tensor.nbytes for tensor in each.state_dict().values()) for each in (whole, packed)]
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize("bits", [8, 4])
def test_weights_come_back_within_half_a_step(bits):
    weight = torch.randn(300, 96, generator=torch.Generator().manual_seed(0))
    packed = Packed(weight, bits)
    steps = packed.scale if bits == 8 else packed.scale.repeat_interleave(32, 1)
    assert ((packed.unpacked() - weight).abs() <= steps / 2 * 3).all()
    assert (packed.unpacked() - weight).square().mean() < (steps / 2).square().mean()
    assert sum(tensor.nbytes for tensor in packed.buffers()) <= 2 * packed_bytes(weight.numel(), bits)
    x = torch.randn(2, 96)
    assert torch.equal(packed(x), torch.nn.functional.linear(x, packed.unpacked()))


def test_zeros_and_single_values_stay_what_they_are():
    for bits in (8, 4):
        assert torch.equal(Packed(torch.zeros(4, 32), bits).unpacked(), torch.zeros(4, 32))
        assert torch.allclose(Packed(torch.full((4, 32), 0.5), bits).unpacked(), torch.tensor(0.5), atol=1e-2)


def test_only_layers_that_groups_divide_are_packed():
    assert can_pack(torch.Size((5, 64)))
    assert can_pack(torch.Size((5, 48)))
    assert not can_pack(torch.Size((5, 33)))
    assert not can_pack(torch.Size((5, 64, 3, 3)))


def test_sizes_are_told_by_headers_as_they_are_in_memory(tiny_kolors):
    places = {part.name: tiny_kolors / part.name for part in KOLORS.parts}
    sizes = weigh(KOLORS, places)

    def opened(name):
        return open_part(KOLORS.part(name), tiny_kolors, "cpu", torch.float32)

    def count(network):
        return sum(parameter.numel() for parameter in network.parameters())

    encoder = opened("text_encoder")
    linear = [m.weight.numel() for m in encoder.modules() if type(m) is torch.nn.Linear]
    assert (sizes.packable, sizes.largest_packable) == (sum(linear), max(linear))
    assert abs(sizes.encoders - count(encoder)) <= 64  # and the rotary table
    assert (sizes.denoiser, sizes.decoder) == (count(opened("unet")), count(opened("vae")))
    assert sizes.decoder_kind == "2d"
    assert weigh(KOLORS, {name: place / "nowhere" for name, place in places.items()}).denoiser == 0
