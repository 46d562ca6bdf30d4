"""Opening a model: whole weights are read, all others refused by name."""

import json

import pytest

from studio.engine.load import open_part, signature
from studio.errors import PickleRefused, WeightsBroken, WeightsIncomplete, WeightsMissing
from studio.families import families


def open_(folder, name):
    import torch

    return open_part(families()["kolors"].part(name), folder, "cpu", torch.float32)


def rewrite(file, change):
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(file))
    change(tensors)
    save_file(tensors, str(file), {"format": "pt"})


def test_weights_are_those_of_diffusers(tiny_kolors):
    import torch
    from diffusers.pipelines.kolors.pipeline_kolors import KolorsPipeline

    pipeline = KolorsPipeline.from_pretrained(tiny_kolors, dtype=torch.float32)
    for name in ("unet", "vae", "text_encoder"):
        ours, theirs = open_(tiny_kolors, name).state_dict(), getattr(pipeline, name).state_dict()
        assert set(theirs) - set(ours) <= {"output_layer.weight"}
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_networks_are_ready_to_run(tiny_kolors):
    import torch

    network = open_part(families()["kolors"].part("unet"), tiny_kolors, "cpu", torch.bfloat16)
    assert not network.training
    assert {tensor.dtype for tensor in network.state_dict().values()} == {torch.bfloat16}
    assert not any(parameter.requires_grad or parameter.is_meta for parameter in network.parameters())


def test_file_that_changes_later_changes_nothing(own_kolors):
    import torch

    unet = open_(own_kolors, "unet")
    before = unet.conv_in.weight.clone()
    file = own_kolors / "unet" / "diffusion_pytorch_model.safetensors"
    with file.open("r+b") as stream:
        stream.seek(file.stat().st_size // 2)
        stream.write(b"\x55" * 4096)
    assert torch.equal(unet.conv_in.weight, before)


def test_shards_are_read_through_their_index(own_kolors):
    import torch
    from safetensors.torch import load_file, save_file

    whole = open_(own_kolors, "unet").state_dict()
    folder = own_kolors / "unet"
    tensors = load_file(str(folder / "diffusion_pytorch_model.safetensors"))
    (folder / "diffusion_pytorch_model.safetensors").unlink()
    names = sorted(tensors)
    where = {}
    for n in (1, 2):
        shard = f"diffusion_pytorch_model-0000{n}-of-00002.safetensors"
        mine = names[n - 1 :: 2]
        save_file({name: tensors[name] for name in mine}, str(folder / shard))
        where |= dict.fromkeys(mine, shard)
    index = folder / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": where}))
    again = open_(own_kolors, "unet").state_dict()
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    (folder / "diffusion_pytorch_model-00002-of-00002.safetensors").unlink()
    with pytest.raises(WeightsMissing, match="00002-of-00002"):
        open_(own_kolors, "unet")
    index.write_text("{")
    with pytest.raises(WeightsBroken, match="index.json"):
        open_(own_kolors, "unet")


@pytest.mark.parametrize("name", ["unet", "vae", "text_encoder"])
def test_missing_tensors_are_counted(own_kolors, name):
    file = next((own_kolors / name).glob("*.safetensors"))
    lost = {}

    def lose(tensors):
        for key in sorted(tensors)[:3]:
            lost[key] = tensors.pop(key)

    rewrite(file, lose)
    with pytest.raises(WeightsIncomplete) as refused:
        open_(own_kolors, name)
    assert refused.value.values["missing"] == 3
    assert refused.value.values["part"] == name
    assert refused.value.values["first"] in lost


def test_tensor_of_another_size_is_named(own_kolors):
    file = own_kolors / "vae" / "diffusion_pytorch_model.safetensors"
    rewrite(
        file, lambda tensors: tensors.update({"decoder.conv_in.bias": tensors["decoder.conv_in.bias"][:1]})
    )
    with pytest.raises(WeightsBroken, match=r"decoder\.conv_in\.bias has another size"):
        open_(own_kolors, "vae")


def test_truncated_file_is_named_with_its_reason(own_kolors):
    file = own_kolors / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(WeightsBroken, match="cut short") as refused:
        open_(own_kolors, "unet")
    assert refused.value.values["file"] == "unet/diffusion_pytorch_model.safetensors"
    assert refused.value.field == "model"


@pytest.mark.parametrize(
    "file", ["unet/config.json", "tokenizer/tokenizer.model", "scheduler/scheduler_config.json"]
)
def test_missing_file_is_named(own_kolors, file):
    (own_kolors / file).unlink()
    with pytest.raises(WeightsMissing, match=file):
        open_(own_kolors, file.partition("/")[0])


@pytest.mark.parametrize(
    "file", ["unet/config.json", "tokenizer/tokenizer.model", "scheduler/scheduler_config.json"]
)
def test_damaged_settings_are_named(own_kolors, file):
    (own_kolors / file).write_text("{nonsense")
    with pytest.raises(WeightsBroken, match=file):
        open_(own_kolors, file.partition("/")[0])


@pytest.mark.parametrize(
    "spoilt",
    [{"num_train_timesteps": -5}, {"num_train_timesteps": 0}, {"num_train_timesteps": "many"}, {"beta_start": None},
     {"beta_schedule": "x"}, {"timestep_spacing": "x"}, {"prediction_type": "x"}, None],
)  # fmt: skip
def test_scheduler_settings_that_no_scheduler_can_use_count_as_damaged(own_kolors, spoilt):
    file = own_kolors / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | spoilt if spoilt else []))
    with pytest.raises(WeightsBroken, match=r"scheduler/scheduler_config\.json"):
        open_(own_kolors, "scheduler")


def test_pickled_weights_are_refused(own_kolors):
    (own_kolors / "unet" / "diffusion_pytorch_model.safetensors").rename(own_kolors / "unet" / "weights.bin")
    with pytest.raises(PickleRefused, match=r"unet/weights\.bin"):
        open_(own_kolors, "unet")


def test_signature_sees_a_file_replaced_under_its_name(own_kolors):
    before = signature(own_kolors / "unet")
    file = own_kolors / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes())
    assert signature(own_kolors / "unet") != before
    assert signature(own_kolors / "nowhere") == ()
