"""Every kind of layer, every source of its strength, and what is refused by name."""

import json
import math
import os
import pickle

import pytest

from studio.errors import LoraBroken, LoraFitsNothing, LoraForAnotherFamily, LoraHoldsCode, LoraKindUnknown
from studio.lora.match import match, match_text, shapes_of
from studio.lora.read import read
from tests.lora import layouts as lay
from tests.lora.layouts import save
from tests.lora.networks import shapes, text_encoder
from tests.lora.test_matrix import assert_equal, changes

LINEAR = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
CONV = "down_blocks.1.resnets.0.conv1"
STEM = {name: "lora_unet_" + name.replace(".", "_") for name in (LINEAR, CONV)}


def fitted(file, family="sdxl", known=None):
    known = known or {name: shapes(family)[name] for name in (LINEAR, CONV)}
    matched = match(read(file), known, family, "tiny", "lora")
    return matched, changes(densed(matched), known)


def densed(matched):
    from dataclasses import replace

    from studio.lora.layer import Kronecker

    layers = {n: c.dense() if isinstance(c, Kronecker) else c for n, c in matched.layers.items()}
    return replace(matched, layers=layers)


def random(*shape, seed=0):
    import torch

    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def one(*shape):
    import torch

    return torch.tensor(shape[0])


def test_convolutions_with_a_kernel_in_the_middle(tmp_path):
    import torch

    out, into, *_ = shapes("sdxl")[CONV]
    down, mid, up = random(3, into, 1, 1), random(3, 3, 3, 3), random(out, 3, 1, 1)
    stem = STEM[CONV]
    tensors = {f"{stem}.lora_down.weight": down, f"{stem}.lora_mid.weight": mid, f"{stem}.lora_up.weight": up,
               f"{stem}.alpha": torch.tensor(1.5)}  # fmt: skip
    _, found = fitted(save(tmp_path, tensors))
    wanted = torch.einsum("or,rskl,si->oikl", up[:, :, 0, 0], mid, down[:, :, 0, 0]) * 0.5
    assert_equal(found, {CONV: wanted})


@pytest.mark.parametrize("rank", [2, 9])
def test_loha_is_exact(tmp_path, rank):
    import torch

    out, into = shapes("sdxl")[LINEAR]
    parts = {"w1_a": random(out, rank), "w1_b": random(rank, into), "w2_a": random(out, rank, seed=1),
             "w2_b": random(rank, into, seed=1)}  # fmt: skip
    tensors = {f"{STEM[LINEAR]}.hada_{name}": tensor for name, tensor in parts.items()}
    tensors[f"{STEM[LINEAR]}.alpha"] = torch.tensor(1.0)
    matched, found = fitted(save(tmp_path, tensors))
    wanted = (parts["w1_a"] @ parts["w1_b"]) * (parts["w2_a"] @ parts["w2_b"]) / rank
    assert (matched.rank, matched.scale) == (rank, 1 / rank)
    assert (found[LINEAR] - wanted).abs().max() < 1e-4


def test_loha_of_a_convolution_is_exact(tmp_path):
    import torch

    out, into, *_ = shapes("sdxl")[CONV]
    parts = {"w1_a": random(2, out), "w1_b": random(2, into), "w2_a": random(2, out, seed=1),
             "w2_b": random(2, into, seed=1), "t1": random(2, 2, 3, 3), "t2": random(2, 2, 3, 3, seed=3)}  # fmt: skip
    matched, found = fitted(save(tmp_path, {f"{STEM[CONV]}.hada_{name}": t for name, t in parts.items()}))
    one, two = (
        torch.einsum("ijkl,jr,ip->prkl", parts[f"t{n}"], parts[f"w{n}_b"], parts[f"w{n}_a"]) for n in (1, 2)
    )
    assert matched.alpha_source == "assumed"
    assert_equal(found, {CONV: one * two})


@pytest.mark.parametrize("is_whole", [True, False])
def test_lokr_is_exact_and_counts_alpha_only_where_a_factor_is_a_product(tmp_path, is_whole):
    import torch

    out, into = shapes("sdxl")[LINEAR]
    one, a, b = random(2, 4), random(out // 2, 3), random(3, into // 4)
    two = {"lokr_w2": a @ b} if is_whole else {"lokr_w2_a": a, "lokr_w2_b": b}
    tensors = {
        f"{STEM[LINEAR]}.{name}": tensor.contiguous() for name, tensor in {"lokr_w1": one, **two}.items()
    }
    tensors[f"{STEM[LINEAR]}.alpha"] = torch.tensor(1.5)
    _, found = fitted(save(tmp_path, tensors))
    wanted = torch.kron(one, a @ b) * (1.0 if is_whole else 0.5)
    assert (found[LINEAR] - wanted).abs().max() < 1e-4


def dora(tensors_for=LINEAR, magnitude=None):
    out, into = shapes("sdxl")[tensors_for]
    return {f"{STEM[tensors_for]}.lora_down.weight": random(2, into), f"{STEM[tensors_for]}.lora_up.weight": random(out, 2),
            f"{STEM[tensors_for]}.dora_scale": random(out, 1).abs() if magnitude is None else magnitude}  # fmt: skip


def test_dora_keeps_its_lengths(tmp_path):
    import torch

    tensors = dora()
    matched, _ = fitted(save(tmp_path, tensors))
    assert torch.equal(matched.layers[LINEAR].magnitude, tensors[f"{STEM[LINEAR]}.dora_scale"].flatten())


def test_dora_along_the_inputs_is_refused(tmp_path):
    with pytest.raises(LoraBroken, match="columns"):
        read(save(tmp_path, dora(magnitude=random(1, shapes("sdxl")[LINEAR][1]))))


def test_lokr_with_lengths_becomes_a_dora(tmp_path):
    import torch

    out, into = shapes("sdxl")[LINEAR]
    one, two, lengths = random(2, 4), random(out // 2, into // 4), random(out, 1).abs()
    stem = STEM[LINEAR]
    tensors = {f"{stem}.lokr_w1": one, f"{stem}.lokr_w2": two, f"{stem}.dora_scale": lengths}
    matched, found = fitted(save(tmp_path, tensors))
    assert torch.equal(matched.layers[LINEAR].magnitude, lengths.flatten())
    assert (found[LINEAR] - torch.kron(one, two)).abs().max() < 1e-4


@pytest.mark.parametrize(
    ("ends", "kind"),
    [
        (("a1.weight", "a2.weight", "b1.weight", "b2.weight"), "GLoRA"),
        (("diff",), "full difference"),
        (("w_norm", "b_norm"), "norm"),
        (("oft_blocks", "alpha"), "OFT"),
        (("on_input", "weight"), "IA3"),
    ],
)
def test_kinds_that_nothing_here_can_hold_are_refused_by_name(tmp_path, ends, kind):
    file = save(tmp_path, {f"{STEM[LINEAR]}.{end}": random(4, 4) for end in ends if end != "alpha"})
    with pytest.raises(LoraKindUnknown, match=kind) as refused:
        read(file)
    assert kind in refused.value.say("zh")


def test_such_layers_beside_others_are_counted_as_left_out(tmp_path):
    tensors = {**dora(), "lora_unet_mid_block_attentions_0_norm.w_norm": random(4)}
    matched, _ = fitted(save(tmp_path, tensors))
    assert (matched.matched, matched.total) == (1, 2)
    assert matched.unmatched == ("lora_unet_mid_block_attentions_0_norm",)


def plain(prefix="base_model.model.", rank=4):
    out, into = shapes("sdxl")[LINEAR]
    return {
        f"{prefix}{LINEAR}.lora_A.weight": random(rank, into),
        f"{prefix}{LINEAR}.lora_B.weight": random(out, rank),
    }


@pytest.mark.parametrize(
    ("config", "strength"),
    [
        ({"r": 4, "lora_alpha": 2}, 0.5),
        ({"lora_alpha": 2, "alpha_pattern": {"attn1.to_q": 8}}, 2.0),
        ({"lora_alpha": 2, "alpha_pattern": {"to_k": 8}}, 0.5),
        ({"lora_alpha": 2, "use_rslora": True}, 1.0),
    ],
)
def test_strength_is_read_from_what_peft_wrote_beside_the_file(tmp_path, config, strength):
    file = save(tmp_path, plain())
    (tmp_path / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    matched, _ = fitted(file)
    assert (matched.alpha_source, matched.scale) == ("header", pytest.approx(strength))


def test_an_adapter_config_says_nothing_of_other_files_in_its_folder(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"lora_alpha": 2}', "utf-8")
    assert fitted(save(tmp_path, plain("unet.")))[0].alpha_source == "assumed"


def test_mixed_ranks_each_have_their_own_strength(tmp_path):
    import torch

    out, into = shapes("sdxl")[LINEAR]
    other = LINEAR.replace("to_q", "to_k")
    stem = STEM[LINEAR].replace("to_q", "to_k")
    tensors = {f"{STEM[LINEAR]}.lora_down.weight": random(2, into), f"{STEM[LINEAR]}.lora_up.weight": random(out, 2),
               f"{STEM[LINEAR]}.alpha": torch.tensor(1.0), f"{stem}.lora_down.weight": random(6, into),
               f"{stem}.lora_up.weight": random(out, 6), f"{stem}.alpha": torch.tensor(2.0)}  # fmt: skip
    matched, _ = fitted(save(tmp_path, tensors), known={n: shapes("sdxl")[n] for n in (LINEAR, other)})
    assert [matched.layers[n].told for n in (LINEAR, other)] == [(2, 0.5), (6, pytest.approx(1 / 3))]
    assert matched.rank == 6


@pytest.mark.parametrize("ending", [".safetensors", ".ckpt", ".lightning.ckpt"])
def test_every_number_format_of_weights_is_read(tmp_path, ending):
    import torch

    for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.float8_e4m3fn):
        if dtype is torch.float8_e4m3fn and ending != ".safetensors":
            continue  # torch writes it through a call that its own careful reader refuses
        tensors = {key: tensor.to(dtype) for key, tensor in plain("unet.").items()}
        lora = read(save(tmp_path, tensors, ending))
        (layer,) = lora.layers.values()
        assert torch.equal(layer.up, tensors[f"unet.{LINEAR}.lora_B.weight"].float())


def test_whole_numbers_are_refused(tmp_path):
    import torch

    tensors = {key: (tensor * 20).to(torch.int8) for key, tensor in plain("unet.").items()}
    with pytest.raises(LoraBroken, match="I8"):
        read(save(tmp_path, tensors))


@pytest.mark.parametrize("ending", [".safetensors", ".ckpt"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.98])
def test_a_download_that_broke_off_is_refused(tmp_path, ending, share):
    file = save(tmp_path, plain("unet."), ending)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(LoraBroken) as refused:
        read(file)
    assert refused.value.field == "loras"


@pytest.mark.parametrize(("ending", "renamed"), [(".ckpt", "a.safetensors"), (".safetensors", "a.ckpt")])
def test_a_renamed_file_is_read_as_what_it_is(tmp_path, ending, renamed):
    file = save(tmp_path, plain("unet."), ending).rename(tmp_path / renamed)
    assert len(read(file).layers) == 1


class Trap:
    """Makes a folder when a pickle is opened by someone careless."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return (os.mkdir, (self.folder,))


@pytest.mark.parametrize("is_torch", [True, False])
@pytest.mark.parametrize("name", ["a.ckpt", "a.bin", "a.safetensors"])
def test_code_in_a_pickle_never_runs(tmp_path, name, is_torch):
    import torch

    state = {**plain("unet."), "trap": Trap(str(tmp_path / "ran"))}
    file = tmp_path / name
    if is_torch:
        torch.save({"state_dict": state}, file)
    else:
        file.write_bytes(pickle.dumps(Trap(str(tmp_path / "ran")), 2))
    with pytest.raises(LoraHoldsCode, match="mkdir"):
        read(file)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_torch_files_with_values_that_are_not_finite_are_refused(tmp_path, value):
    tensors = plain("unet.")
    tensors[f"unet.{LINEAR}.lora_B.weight"][0, 0] = value
    with pytest.raises(LoraBroken, match="NaN"):
        read(save(tmp_path, tensors, ".ckpt"))


@pytest.mark.parametrize("lost", ["lora_A", "lora_B"])
def test_half_of_a_pair_is_refused(tmp_path, lost):
    tensors = {key: tensor for key, tensor in plain("unet.").items() if lost not in key}
    with pytest.raises(LoraBroken, match="half of a layer"):
        read(save(tmp_path, tensors))


@pytest.mark.parametrize("end", ["lora_A", "lora_B"])
def test_layers_of_no_size_are_refused(tmp_path, end):
    import torch

    tensors = {key: torch.zeros(0, 4) if end in key else tensor for key, tensor in plain("unet.").items()}
    with pytest.raises(LoraBroken, match="half of a layer"):
        read(save(tmp_path, tensors))


OTHERS = [
    (
        "kolors",
        {"down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q": (320, 320)},
        "Stable Diffusion 1.5",
    ),
    ("sd15", {"down_blocks.1.attentions.0.transformer_blocks.1.attn2.to_k": (640, 2048)}, "Kolors / SDXL"),
    ("kolors", {"single_transformer_blocks.3.attn.to_q": (3072, 3072)}, "Flux"),
    ("flux", {"transformer_blocks.40.attn.to_q": (3072, 3072)}, "Qwen-Image"),
    ("flux", {"single_transformer_blocks.3.attn.to_qkv_mlp_proj": (27648, 3072)}, "Flux.2"),
    ("sd3", {"layers.3.attention.to_q": (3840, 3840)}, "Z-Image"),
    ("qwen_image", {"transformer_blocks.3.attn.add_q_proj": (1536, 1536)}, "Stable Diffusion 3"),
]


@pytest.mark.parametrize(("family", "given", "made_for"), OTHERS)
def test_another_family_is_told_by_names_and_sizes(tmp_path, family, given, made_for):
    tensors = {}
    for name, (out, into) in given.items():
        tensors |= {
            f"unet.{name}.lora_A.weight": random(1, into),
            f"unet.{name}.lora_B.weight": random(out, 1),
        }
    with pytest.raises(LoraForAnotherFamily, match=made_for):
        match(read(save(tmp_path, tensors)), given, family, "Tiny", "lora")


CLIP = {
    "lora_te_text_model_encoder_layers_0_self_attn_q_proj": (lay.KOHYA.down, lay.KOHYA.up),
    "lora_te1_text_model_encoder_layers_0_self_attn_q_proj": (lay.KOHYA.down, lay.KOHYA.up),
    "text_encoder.text_model.encoder.layers.0.self_attn.q_proj": (lay.DIFFUSERS.down, lay.DIFFUSERS.up),
    "text_encoder.encoder.layers.0.self_attn.q_proj": (lay.OLD.down, lay.OLD.up),
    "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer": (
        ".down.weight",
        ".up.weight",
    ),
    "text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora": (".down.weight", ".up.weight"),
    "text_encoders.clip_l.transformer.text_model.encoder.layers.0.self_attn.q_proj": (
        ".lora_A.weight",
        ".lora_B.weight",
    ),
}


@pytest.mark.parametrize("stem", CLIP)
def test_text_encoders_are_reached_in_every_layout(tmp_path, stem):
    down, up = CLIP[stem]
    lora = read(save(tmp_path, {f"{stem}{down}": random(2, 16), f"{stem}{up}": random(16, 2)}))
    matched = match_text(lora, shapes_of(text_encoder()), "text_encoder")
    (name,) = matched.layers
    assert name.endswith("encoder.layers.0.self_attn.q_proj")
    assert (matched.matched, matched.total) == (1, 1)
    assert match_text(lora, {}, "text_encoder_2").total == 0


def test_a_lora_of_text_encoders_alone_needs_one(tmp_path):
    stem = "lora_te_text_model_encoder_layers_0_mlp_fc1"
    tensors = {f"{stem}.lora_down.weight": random(2, 16), f"{stem}.lora_up.weight": random(32, 2)}
    lora = read(save(tmp_path, tensors))
    assert match(lora, shapes("sd15"), "sd15", "tiny", "lora", ["text_encoder"]).texts == {"text_encoder": 1}
    with pytest.raises(LoraFitsNothing):
        match(lora, shapes("kolors"), "kolors", "tiny", "lora")


def test_second_encoders_have_their_own_layers(tmp_path):
    tensors = {"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": random(2, 16),
               "lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": random(32, 2)}  # fmt: skip
    assert set(read(save(tmp_path, tensors)).texts) == {"text_encoder_2"}
