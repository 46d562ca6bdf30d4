"""What a run leaves is what it learnt, for every reader: plain diffusers, and this studio."""

import pytest
import torch

from studio.engine.load import open_part
from studio.families import families
from studio.lora.attach import activate, attach
from studio.lora.layer import Layer
from studio.lora.match import match, shapes_of
from studio.lora.read import read
from studio.lora.write import to_bytes, write
from studio.training.adapters import add_adapter, changes_of
from studio.training.checkpoint import State
from tests.tiny import WIDTH


def kolors(folder):
    from diffusers.pipelines.kolors.pipeline_kolors import KolorsPipeline

    return KolorsPipeline.from_pretrained(folder)


def sdxl(folder):
    """A StableDiffusionXLPipeline with a tiny denoiser; the text encoders have no part in this."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8, layers_per_block=1, block_out_channels=(16, 32), norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), attention_head_dim=(2, 2),
        use_linear_projection=True, cross_attention_dim=WIDTH, addition_embed_type="text_time",
        addition_time_embed_dim=8, projection_class_embeddings_input_dim=WIDTH + 6 * 8,
    )  # fmt: skip
    vae = kolors(folder).vae
    return StableDiffusionXLPipeline(vae, None, None, None, None, unet, EulerDiscreteScheduler())


def learn(network, request, size=1e-3):
    """An adapter with values as after some steps; a small `size` is where half precision runs out of digits."""
    dice = torch.Generator().manual_seed(5)
    for parameter in add_adapter(network, request, "tiny").values():
        parameter.data += size * torch.randn(parameter.shape, generator=dice)
    return changes_of(network)


def deltas(network):
    """Module path to the change of its weight, as PEFT computes it."""
    found = {}
    for name, module in network.named_modules():
        adapters = getattr(module, "lora_A", None) or getattr(module, "lokr_w1", None) or {}
        if hasattr(module, "get_delta_weight") and len(adapters):
            (adapter,) = adapters
            found[name] = module.get_delta_weight(adapter).detach().float()
    return found


def assert_equal_deltas(loaded, trained, within=1e-3):
    assert loaded.keys() == trained.keys()
    assert trained
    for name, change in trained.items():
        error = float((loaded[name] - change).norm() / change.norm())
        assert error < within, f"{name}: {error:.1e}"


ATTENTION = "to_q,to_k,to_v,to_out"
EVERYWHERE = f"{ATTENTION},ff.net.0.proj,ff.net.2,proj_in,conv1,conv_shortcut,conv_in,time_emb_proj"


@pytest.mark.long
@pytest.mark.parametrize("layout", ["kohya", "diffusers"])
@pytest.mark.parametrize(("size", "targets"), [(1.0, ATTENTION), (1e-5, ATTENTION), (1e-3, EVERYWHERE)])
@pytest.mark.parametrize("build", [kolors, sdxl])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_plain_diffusers_gets_the_trained_change(tiny_kolors, ask, tmp_path, build, size, targets, layout):
    trained = build(tiny_kolors).unet
    changes = learn(trained, ask(lora_target_modules=targets), size)
    write(tmp_path / "a.safetensors", changes, "kolors", dtype=torch.float16, layout=layout)
    pipeline = build(tiny_kolors)
    pipeline.load_lora_weights(str(tmp_path / "a.safetensors"))
    assert_equal_deltas(deltas(pipeline.unet), deltas(trained))


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_finished_run_leaves_what_it_learnt(train, ask, settings, tiny_kolors):
    folder = train(ask(learning_rate=1e-4, output_path=str(settings.output_dir / "mine")))
    state = State.from_bytes(folder.checkpoints()[-1].state_file.read_bytes())
    change = {
        name.removesuffix(".lora_A.default.weight"): 0.5
        * state.trained[name.replace("lora_A", "lora_B")]
        @ state.trained[name]
        for name in state.trained
        if ".lora_A." in name
    }
    for source in (
        settings.loras_dir / "ink.safetensors",
        settings.output_dir / "mine" / "ink.safetensors",
        settings.output_dir / "mine" / "ink-diffusers",
        folder.checkpoints()[-1].lora_file,
    ):
        pipeline = kolors(tiny_kolors)
        pipeline.load_lora_weights(str(source))
        assert_equal_deltas(deltas(pipeline.unet), change)


def answer(network):
    dice = torch.Generator().manual_seed(1)
    words = {
        "prompt_embeds": torch.randn(1, 256, WIDTH, generator=dice),
        "pooled_prompt_embeds": torch.randn(1, WIDTH, generator=dice),
    }
    noisy = torch.randn(1, 4, 8, 8, generator=dice)
    with torch.no_grad():
        return families()["kolors"].predict(
            network, noisy, torch.tensor([500]), words, torch.full((1, 6), 64.0)
        )


@pytest.mark.long
@pytest.mark.parametrize("layout", ["kohya", "diffusers"])
@pytest.mark.parametrize("adapter", ["lora", "dora", "lokr"])
@pytest.mark.parametrize(("rank", "targets"), [(4, ATTENTION), (1, ATTENTION), (4, EVERYWHERE)])
def test_studio_loads_every_kind_again(tiny_kolors, ask, tmp_path, adapter, rank, targets, layout):
    part = families()["kolors"].part("unet")
    trained, fresh = (open_part(part, tiny_kolors, "cpu", torch.float32) for _ in range(2))
    shapes, base = shapes_of(fresh), answer(fresh)
    changes = learn(trained, ask(adapter=adapter, lora_rank=rank, lora_target_modules=targets), 0.1)
    write(tmp_path / "a.safetensors", changes, "kolors", layout=layout)
    matched = match(read(tmp_path / "a.safetensors"), shapes, "kolors", "tiny", "a")
    assert len(matched.layers) == len(changes)
    assert not matched.unmatched
    attach(fresh, "a", matched)
    activate(fresh, {"a": 1.0})
    wanted = answer(trained)
    assert float((wanted - base).abs().max()) > 1e-3
    assert float((answer(fresh) - wanted).abs().max()) < 1e-5
    activate(fresh, {})
    assert torch.equal(answer(fresh), base)


@pytest.mark.long
@pytest.mark.parametrize("first", ["lora", "dora", "lokr"])
@pytest.mark.parametrize("second", ["lora", "dora", "lokr"])
def test_kinds_mix(tiny_kolors, ask, tmp_path, first, second):
    part = families()["kolors"].part("unet")
    network = open_part(part, tiny_kolors, "cpu", torch.float32)
    shapes, base = shapes_of(network), answer(network)
    alone = {}
    for name, adapter in (("a", first), ("b", second)):
        learnt = learn(open_part(part, tiny_kolors, "cpu", torch.float32), ask(adapter=adapter), 0.1)
        write(tmp_path / f"{name}.safetensors", learnt, "kolors")
        attach(network, name, match(read(tmp_path / f"{name}.safetensors"), shapes, "kolors", "tiny", name))
        activate(network, {name: 1.0})
        alone[name] = answer(network)
    activate(network, {"a": 1.0, "b": 1.0})
    both = answer(network)
    assert not torch.allclose(both, alone["a"], atol=1e-4)
    activate(network, {"a": 1.0})
    assert torch.allclose(answer(network), alone["a"], atol=1e-6)
    activate(network, {})
    assert torch.equal(answer(network), base)


def test_folding_moves_no_digit():
    layer = Layer(torch.randn(4, 6) * 3, torch.randn(5, 4) * 1e-6, alpha=4.0)
    folded = layer.folded()
    assert torch.equal(folded.up @ folded.down, layer.up @ layer.down)
    assert 0.2 < float(folded.up.abs().max() / folded.down.abs().max()) < 5


def test_header_tells_the_hash_of_the_weights():
    changes = {"a.to_q": Layer(torch.ones(2, 3), torch.ones(3, 2), 2.0)}
    one, two = to_bytes(changes, "kolors"), to_bytes(changes, "kolors", {"modelspec.title": "other"})
    import json

    told = [json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"] for raw in (one, two)]
    assert told[0]["sshs_model_hash"] == told[1]["sshs_model_hash"]
    assert told[0]["modelspec.architecture"] == "kolors/lora"
