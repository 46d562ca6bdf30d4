"""LoRAs arrive in the model, work as strongly as they say, and leave no trace."""

import pytest

from studio.lora.attach import activate, attach, come_back, detach, step_aside
from studio.lora.match import match, shapes_of
from studio.lora.read import read


@pytest.fixture
def unet(tiny_kolors):
    import torch

    from studio.engine.load import open_part
    from studio.families import families

    return open_part(families()["kolors"].part("unet"), tiny_kolors, "cpu", torch.float32)


def call(unet):
    import torch

    dice = torch.Generator().manual_seed(0)
    extra = {
        "text_embeds": torch.randn(1, 32, generator=dice),
        "time_ids": torch.tensor([[64, 64, 0, 0, 64, 64]]),
    }
    with torch.no_grad():
        return unet(
            torch.randn(1, 4, 8, 8, generator=dice),
            500,
            torch.randn(1, 5, 32, generator=dice),
            added_cond_kwargs=extra,
        ).sample


def test_attached_lora_is_the_merged_one_and_leaves_nothing_behind(unet, tiny_lora):
    import torch

    base, names = call(unet), [name for name, _ in unet.named_modules()]
    fitted = match(read(tiny_lora), shapes_of(unet), "kolors", "tiny", "ink")
    attach(unet, "a", fitted)
    activate(unet, {"a": 0.7})
    with_lora = call(unet)
    assert (with_lora - base).abs().max() > 1e-3
    activate(unet, {})
    assert torch.equal(call(unet), base)
    activate(unet, {"a": 0.7})
    assert torch.equal(call(unet), with_lora)
    detach(unet, "a")
    assert torch.equal(call(unet), base)
    assert [name for name, _ in unet.named_modules()] == names
    with torch.no_grad():
        for name, layer in fitted.layers.items():
            change = layer.up @ layer.down * (0.7 * layer.alpha / layer.rank)
            unet.get_submodule(name).weight += change
    assert (call(unet) - with_lora).abs().max() < 1e-4


def test_adapted_layers_step_aside_and_come_back(unet, tiny_lora):
    import torch

    base, modules = call(unet), dict(unet.named_modules())
    fitted = match(read(tiny_lora), shapes_of(unet), "kolors", "tiny", "ink")
    attach(unet, "a", fitted)
    activate(unet, {"a": 0.7})
    with_lora = call(unet)
    aside = step_aside(unet)
    assert aside.keys() == fitted.layers.keys()
    assert dict(unet.named_modules()) == modules
    assert torch.equal(call(unet), base)
    come_back(unet, aside)
    assert torch.equal(call(unet), with_lora)
    detach(unet, "a")
    assert dict(unet.named_modules()) == modules


def test_convolutions_and_mixed_ranks_and_alphas_arrive(unet, tmp_path):
    import torch

    from studio.lora.read import Layer
    from studio.lora.write import write

    base, shapes = call(unet), shapes_of(unet)
    dice = torch.Generator().manual_seed(0)
    given = {}
    for n, name in enumerate(
        ["conv_in", "down_blocks.0.resnets.0.conv1", "time_embedding.linear_1", "conv_out"]
    ):
        out, *rest = shapes[name]
        rank = n + 2
        down = torch.randn(rank, *rest, generator=dice) * 0.2
        up = torch.randn(out, rank, *[1] * (len(rest) - 1), generator=dice) * 0.2
        given[name] = Layer(down, up, alpha=float(3 - n % 2))
    write(tmp_path / "a.safetensors", given, "kolors")
    attach(unet, "a", match(read(tmp_path / "a.safetensors"), shapes, "kolors", "tiny", "a"))
    activate(unet, {"a": 1.0})
    changed = call(unet)
    detach(unet, "a")
    assert torch.equal(call(unet), base)
    with torch.no_grad():
        for name, layer in given.items():
            change = layer.up.flatten(1) @ layer.down.flatten(1) * (layer.alpha / layer.rank)
            weight = unet.get_submodule(name).weight
            weight += change.reshape(weight.shape)
    assert (changed - base).abs().max() > 1e-2
    assert (call(unet) - changed).abs().max() < 1e-4


def test_one_of_two_is_the_one_alone(unet, tiny_lora, tmp_path, tiny_kolors):
    import torch

    from tests.tiny import build_lora

    other = build_lora(tmp_path / "b.safetensors", tiny_kolors, rank=8, seed=9)
    shapes = shapes_of(unet)
    attach(unet, "a", match(read(tiny_lora), shapes, "kolors", "tiny", "a"))
    activate(unet, {"a": 1.0})
    alone = call(unet)
    attach(unet, "b", match(read(other), shapes, "kolors", "tiny", "b"))
    activate(unet, {"a": 1.0, "b": 0.5})
    assert not torch.equal(call(unet), alone)
    activate(unet, {"a": 1.0})
    assert torch.equal(call(unet), alone)
    detach(unet, "b")
    activate(unet, {"a": 1.0})
    assert torch.equal(call(unet), alone)


def test_proof_fails_when_a_layer_did_not_arrive(unet, tiny_lora, monkeypatch):
    import peft
    import torch

    base = call(unet)
    fitted = match(read(tiny_lora), shapes_of(unet), "kolors", "tiny", "ink")
    inject = peft.inject_adapter_in_model

    def lossy(config, *where, **how):
        config.target_modules = config.target_modules.partition("|")[2]
        return inject(config, *where, **how)

    monkeypatch.setattr("peft.inject_adapter_in_model", lossy)
    with pytest.raises(AssertionError, match="31 of 32 layers arrived"):
        attach(unet, "a", fitted)
    activate(unet, {})
    assert torch.equal(call(unet), base)


def test_equals_diffusers_own_loader_on_the_layout_that_it_reads(tiny_kolors, tiny_lora, unet):
    import torch
    from diffusers.pipelines.kolors.pipeline_kolors import KolorsPipeline

    pipeline = KolorsPipeline.from_pretrained(tiny_kolors, dtype=torch.float32)
    for parameter in pipeline.unet.parameters():
        parameter.data = parameter.data.clone()
    pipeline.load_lora_weights(str(tiny_lora), adapter_name="a")
    pipeline.set_adapters("a", 0.7)
    attach(unet, "a", match(read(tiny_lora), shapes_of(unet), "kolors", "tiny", "ink"))
    activate(unet, {"a": 0.7})
    assert torch.equal(call(unet), call(pipeline.unet))
