"""LoRAs on networks of every family: attached and proved, weighed by block, mixed, and gone to the bit."""

import pytest

from studio.lora.attach import activate, attach, detach
from studio.lora.blocks import weigh
from studio.lora.layer import Kronecker, Layer
from studio.lora.match import Match, match, match_text, shapes_of
from studio.lora.read import read
from tests.lora import layouts as lay
from tests.lora.layouts import DITS, UNETS, first_names, layers, save, tensors_of
from tests.lora.networks import network, shapes, text_encoder
from tests.lora.test_kinds import random

FIRST = {
    "sd15": "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
    "sdxl": "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q",
    "flux": "transformer_blocks.0.attn.to_q", "flux2": "transformer_blocks.0.attn.to_q",
    "sd3": "transformer_blocks.0.attn.to_q", "qwen_image": "transformer_blocks.0.attn.to_q",
    "z_image": "layers.0.attention.to_q", "kolors": "mid_block.attentions.0.transformer_blocks.0.attn2.to_k",
}  # fmt: skip


def few(family):
    """The layers of one block, and of what is around the blocks, as the model's first release names them."""
    wanted = (
        FIRST[family].rpartition(".attn")[0].rpartition("attention")[0]
        or FIRST[family].rpartition(".attn")[0]
    )
    groups = first_names(shapes(family), family)
    return [group for group in groups if any(m.startswith(wanted) or m.count(".") < 2 for m in group[1])]


@pytest.mark.parametrize("family", [*UNETS, *DITS])
def test_layers_work_where_they_were_attached_and_leave_nothing(tmp_path, family):
    import torch

    net = network(family)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    written = layers(shapes(family), few(family))
    matched = match(read(save(tmp_path, tensors_of(written, lay.COMFY))), shapes(family), family, "tiny", "a")
    assert matched.matched == len(written) > 3
    attach(net, "a", matched)
    activate(net, {"a": weigh(0.5, ())})
    for name, delta in lay.deltas(shapes(family), written).items():
        found = net.get_submodule(name).get_delta_weight("a")
        assert (found - 0.5 * delta).abs().max() < 1e-5, name
    detach(net, "a")
    after = net.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


class Two:
    """A network of one linear layer in each of two blocks, and of one between them."""

    def __new__(cls):
        import torch
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.loaders.peft import PeftAdapterMixin
        from diffusers.models.modeling_utils import ModelMixin

        class Network(ModelMixin, ConfigMixin, PeftAdapterMixin):
            @register_to_config
            def __init__(self):
                super().__init__()
                block = lambda: torch.nn.ModuleDict({"to_q": torch.nn.Linear(8, 8)})  # noqa: E731
                self.down_blocks = torch.nn.ModuleList([block(), block()])
                self.mid_block = block()

            def forward(self, x):
                for block in (*self.down_blocks, self.mid_block):
                    x = block["to_q"](x)
                return x

        with torch.random.fork_rng():
            torch.manual_seed(3)
            return Network().eval()


PLACES = ("down_blocks.0.to_q", "down_blocks.1.to_q", "mid_block.to_q")


def matched(kind=Layer, seed=0, lengths=False):
    def made(name):
        if kind is Kronecker:
            return Kronecker({"lokr_w1": random(2, 2, seed=seed), "lokr_w2": random(4, 4, seed=seed)})
        magnitude = random(8, seed=seed).abs() + 0.5 if lengths else None
        return Layer(random(2, 8, seed=seed), random(8, 2, seed=seed), 1.0, magnitude)

    return Match({name: made(name) for name in PLACES}, 3, (), None, "file")


def out(net):
    import torch

    with torch.no_grad():
        return net(random(2, 8))


def delta(change):
    layer = change.dense() if isinstance(change, Kronecker) else change
    return layer.up @ layer.down * layer.scale


@pytest.mark.parametrize(
    ("blocks", "counts"),
    [
        ((), (1, 1, 1)),
        ((("down", 0.5), ("mid", 0.0)), (0.5, 0.5, 0)),
        ((("down", 0.0), ("down.1", 2.0)), (0, 2, 1)),
        ((("down.0-1", 0.25), ("up", 3.0), ("text", 0.0)), (0.25, 0.25, 1)),
    ],
)
@pytest.mark.parametrize("kind", [Layer, Kronecker])
def test_blocks_have_weights_of_their_own(blocks, counts, kind):
    import torch

    net, given = Two(), matched(kind)
    attach(net, "a", given)
    activate(net, {"a": weigh(0.8, blocks)})
    found = out(net)
    activate(net, {})
    detach(net, "a")
    with torch.no_grad():
        for name, count in zip(PLACES, counts, strict=True):
            net.get_submodule(name).weight += delta(given.layers[name]) * 0.8 * count
    assert (found - out(net)).abs().max() < 1e-4


@pytest.mark.parametrize("lengths", [False, True])
def test_weight_nothing_is_no_lora_to_the_bit(lengths):
    import torch

    net = Two()
    base = out(net)
    attach(net, "a", matched(lengths=lengths))
    activate(net, {"a": weigh(1.0, ())})
    assert not torch.equal(out(net), base)
    activate(net, {"a": weigh(1.0, (("down", 0.0), ("mid", 0.0)))})
    assert torch.equal(out(net), base)
    activate(net, {"a": weigh(0.0, ())})
    assert torch.equal(out(net), base)


def test_lokr_and_lora_work_together_and_leave_one_by_one():
    import torch

    net = Two()
    base = out(net)
    given = {"a": matched(), "b": matched(Kronecker, 1), "c": matched(seed=2), "d": matched(Kronecker, 3)}
    weights = {"a": 0.5, "b": 0.25, "c": -0.5, "d": 0.125}
    for name, each in given.items():
        attach(net, name, each)
    activate(net, {name: weigh(weight, ()) for name, weight in weights.items()})
    found = out(net)
    activate(net, {"b": weigh(0.25, ())})
    alone = out(net)
    for name in ("a", "c", "d"):
        detach(net, name)
    activate(net, {"b": weigh(0.25, ())})
    assert torch.equal(out(net), alone)
    detach(net, "b")
    assert torch.equal(out(net), base)
    with torch.no_grad():
        for name, weight in weights.items():
            for place, change in given[name].layers.items():
                net.get_submodule(place).weight += delta(change) * weight
    assert (found - out(net)).abs().max() < 1e-4


def test_text_encoders_take_loras_and_give_their_words_back(tmp_path):
    import torch

    encoder = text_encoder()
    ids = torch.arange(1, 9)[None]

    def states():
        with torch.no_grad():
            return encoder(ids).last_hidden_state

    base, names = states(), [name for name, _ in encoder.named_modules()]
    tensors = {}
    for layer in (0, 1):
        for end, (into, wide) in {"self_attn_q_proj": (16, 16), "mlp_fc1": (16, 32)}.items():
            stem = f"lora_te_text_model_encoder_layers_{layer}_{end}"
            rank = 2 + layer
            tensors |= {f"{stem}.lora_down.weight": random(rank, into), f"{stem}.lora_up.weight": random(wide, rank),
                        f"{stem}.alpha": torch.tensor(1.0)}  # fmt: skip
    given = match_text(read(save(tmp_path, tensors)), shapes_of(encoder), "text_encoder")
    assert given.matched == given.total == 4
    attach(encoder, "a", given)
    activate(encoder, {"a": weigh(0.7, (("text", 0.5),), is_text=True)})
    changed = states()
    activate(encoder, {"a": weigh(0.7, (("text", 0.0),), is_text=True)})
    assert torch.equal(states(), base)
    detach(encoder, "a")
    assert torch.equal(states(), base)
    assert [name for name, _ in encoder.named_modules()] == names
    with torch.no_grad():
        for name, change in given.layers.items():
            encoder.get_submodule(name).weight += delta(change) * 0.35
    assert (states() - changed).abs().max() < 1e-4
    assert (changed - base).abs().max() > 1e-3
