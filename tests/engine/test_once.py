"""What a UNet makes of the text alone is computed once a picture, and pictures stay what they were to the bit."""

import contextlib
from collections import Counter

import pytest
import torch

from studio.engine import sample
from studio.engine.chain import Chain
from studio.engine.events import Job, LoraFile, Picture
from studio.engine.once import once
from studio.engine.stay import layer_by_layer
from studio.requests import GenerateRequest

OF_THE_TEXT = ("attn2.to_k", "attn2.to_v", "encoder_hid_proj")
STEPS = 4


@pytest.fixture(scope="module")
def chain():
    return Chain()


@pytest.fixture
def counted(chain, tiny_kolors, monkeypatch):
    """How often each linear layer of the denoiser is computed, by the end of its name."""
    times, names = Counter(), {}
    linear = torch.nn.Linear.forward

    def counting(self, x):
        times[names.get(self, "")] += 1
        return linear(self, x)

    @contextlib.contextmanager
    def naming(denoiser):
        for name, module in denoiser.named_modules():
            short = name.removesuffix(".base_layer")
            names[module] = next((end for end in (*OF_THE_TEXT, "attn2.to_q") if short.endswith(end)), "")
        with once(denoiser):
            yield

    monkeypatch.setattr(torch.nn.Linear, "forward", counting)
    monkeypatch.setattr(sample, "once", naming)
    return times


def paint(chain, model, loras=(), **settings):
    chain.results.clear()
    request = GenerateRequest(
        **{"prompt": "a red house", "steps": STEPS, "width": 64, "height": 64, "seed": 1, **settings}
    )
    return [
        event.rgb for event in chain.run(Job(request, model, "kolors", loras)) if isinstance(event, Picture)
    ]


@pytest.mark.parametrize("weight", [None, 0.8])
def test_the_text_is_read_once_a_picture(chain, counted, tiny_kolors, tiny_lora, monkeypatch, weight):
    loras = () if weight is None else (LoraFile(tiny_lora.stem, tiny_lora, weight),)
    made = paint(chain, tiny_kolors, loras=loras)
    a_step = counted["attn2.to_q"] // STEPS
    assert a_step
    assert counted["attn2.to_k"] == counted["attn2.to_v"] == a_step
    assert counted["encoder_hid_proj"] == 1
    monkeypatch.setattr(sample, "once", lambda denoiser: contextlib.nullcontext())
    assert paint(chain, tiny_kolors, loras=loras) == made


def test_another_text_is_read_anew(chain, counted, tiny_kolors):
    first, second = paint(chain, tiny_kolors), paint(chain, tiny_kolors, prompt="a blue boat")
    assert first != second
    assert paint(chain, tiny_kolors) == first


def linear(width=3):
    blocks = torch.nn.Module()
    blocks.attn2 = torch.nn.Module()
    blocks.attn2.to_k = torch.nn.Linear(width, width)
    return blocks


def test_only_the_very_same_tensor_is_answered_from_memory():
    net = linear()
    x = torch.randn(2, 3)
    with once(net):
        answer = net.attn2.to_k(x)
        assert net.attn2.to_k(x) is answer
        assert net.attn2.to_k(x.clone()) is not answer
        with pytest.raises(RuntimeError):
            net.attn2.to_k(torch.randn(2, 4))
    assert "forward" not in vars(net.attn2.to_k)
    assert net.attn2.to_k(x) is not answer


def test_layers_are_given_back_after_an_error():
    net = linear()
    with pytest.raises(KeyError), once(net):
        raise KeyError
    assert "forward" not in vars(net.attn2.to_k)


def test_a_layer_that_is_brought_to_the_device_for_its_call_is_left_alone():
    net = linear()
    layer_by_layer(net, "cpu")
    brings = net.attn2.to_k.forward
    with once(net):
        assert net.attn2.to_k.forward is brings
    assert net.attn2.to_k.forward is brings
