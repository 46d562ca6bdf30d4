"""The smaller parts: averages, rates and optimizers, places, pictures, pace, sentences."""

from importlib.util import find_spec

import pytest
import torch
from torch import nn

from studio.engine.device import Device
from studio.errors import Unexpected
from studio.families import families
from studio.train_errors import NoTargets, PackageMissing, TrainingOutOfMemory
from studio.training.adapters import add_adapter
from studio.training.averages import Averages
from studio.training.errors import NoSuchLayers, NotSplit, QuantizedOnly, TeamDiffers
from studio.training.failure import explain
from studio.training.optimizers import make_optimizer, rate_at
from studio.training.pace import smoothed
from studio.training.pictures import Pictures
from studio.training.place import Ground, Place
from studio.training.quantize import check_quantization
from tests.training.conftest import paint_set

KOLORS = families()["kolors"]


def test_averages_follow_and_step_in():
    trained = {"a": nn.Parameter(torch.zeros(3))}
    averages = Averages(trained, 0.9)
    expected = torch.zeros(3)
    for step in range(1, 30):
        trained["a"].data += 1
        averages.update(step)
        keep = min(0.9, (1 + step) / (10 + step))
        expected = keep * expected + (1 - keep) * trained["a"].data
    assert torch.allclose(averages.state()["a"], expected)
    with averages.in_place():
        assert torch.allclose(trained["a"], expected)
    assert torch.equal(trained["a"].data, torch.full((3,), 29.0))
    other = Averages(trained, 0.9)
    other.restore(averages.state())
    assert torch.equal(other.state()["a"], averages.state()["a"])


@pytest.mark.parametrize(
    ("schedule", "middle", "last"), [("constant", 1.0, 1.0), ("linear", 0.5, 0.0), ("cosine", 0.5, 0.0)]
)
def test_rates_rise_and_then_follow_their_schedule(ask, schedule, middle, last):
    request = ask(learning_rate=1.0, lr_schedule=schedule, warmup_steps=10)
    assert [rate_at(request, step, 110) for step in (0, 4, 9)] == [0.1, 0.5, 1.0]
    assert rate_at(request, 10, 110) == 1.0
    assert rate_at(request, 60, 110) == pytest.approx(middle)
    assert rate_at(request, 110, 110) == pytest.approx(last)


@pytest.mark.parametrize("name", ["adamw", "adafactor", "prodigy", "adamw8bit"])
def test_every_optimizer_steps_or_names_its_package(ask, name):
    weight = nn.Parameter(torch.ones(64, 64))
    request = ask(optimizer=name, learning_rate=1.0 if name == "prodigy" else 0.01)
    package = {"prodigy": "prodigyopt", "adamw8bit": "bitsandbytes"}.get(name, "torch")
    try:
        __import__(package)
    except ImportError:
        with pytest.raises(PackageMissing, match=f"pip install {package}"):
            make_optimizer(request, [weight], is_scaled=False)
        return
    optimizer = make_optimizer(request, [weight], is_scaled=False)
    for _ in range(3):
        weight.square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert float(weight.detach().mean()) < 1


def test_adamw_is_fused_unless_its_gradients_are_scaled(ask):
    weight = nn.Parameter(torch.ones(2))
    assert make_optimizer(ask(), [weight], is_scaled=False).defaults["fused"]
    assert not make_optimizer(ask(), [weight], is_scaled=True).defaults["fused"]


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({}, Place(0, 0, 1)),
        ({"LOCAL_RANK": "1", "NODE_RANK": "0", "WORLD_SIZE": "2"}, Place(1, 1, 1)),
        ({"TORCHELASTIC_RUN_ID": "x", "RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8"}, Place(5, 1, 8)),
        ({"SLURM_NTASKS": "4", "SLURM_PROCID": "3", "SLURM_LOCALID": "1"}, Place(3, 1, 4)),
        ({"SLURM_NTASKS": "1", "SLURM_PROCID": "0"}, Place(0, 0, 1)),
    ],
)
def test_place_is_what_the_launcher_wrote(environment, place):
    assert Place.found(environment) == place
    assert place.is_leader == (place.rank == 0)


def test_team_must_be_as_large_as_the_request_counts_on(ask):
    Place(1, 1, 4).check(ask(devices=2, num_nodes=2))
    Place().check(ask(devices=2))
    for place, changes in ((Place(0, 0, 3), {"devices": 2}), (Place(), {"num_nodes": 2})):
        with pytest.raises(TeamDiffers, match="processes were started"):
            place.check(ask(**changes))


@pytest.mark.parametrize(
    ("asked", "found"),
    [("auto", "32-true"), ("32", "32-true"), ("16-mixed", "bf16-mixed"), ("bf16-mixed", "bf16-mixed")],
)
def test_precision_on_a_cpu(ask, asked, found):
    ground = Ground.found(ask(precision=asked), KOLORS, Place(), 0)
    if ground.device.kind == "cpu":
        assert ground.precision == found


def test_deepspeed_is_asked_for_by_name(ask):
    ground = Ground(Device("cpu", "CPU", 0), "32-true", torch.float32)
    assert ground.for_trainer(ask(devices=2))["strategy"] == "ddp"
    assert ground.for_trainer(ask())["strategy"] == "auto"
    with pytest.raises(PackageMissing, match="pip install deepspeed"):
        ground.for_trainer(ask(training_strategy="deepspeed_stage_2"))
    with pytest.raises(NotSplit, match="deepspeed_stage_2 or ddp"):
        ground.for_trainer(ask(training_strategy="deepspeed_stage_3"))


def test_quantising_says_what_it_needs(ask, monkeypatch, tmp_path):
    cpu, apple = (Ground(Device(kind, kind, 0), "32-true", torch.float32) for kind in ("cpu", "mps"))
    check_quantization(ask(), apple)
    if find_spec("bitsandbytes") is None:
        with pytest.raises(PackageMissing, match="pip install bitsandbytes"):
            check_quantization(ask(quantize_base="nf4"), cpu)
        (tmp_path / "bitsandbytes.py").write_text("", encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
    check_quantization(ask(quantize_base="int8"), cpu)
    with pytest.raises(QuantizedOnly, match="on an Apple GPU"):
        check_quantization(ask(quantize_base="int8"), apple)
    with pytest.raises(QuantizedOnly, match="LoKr"):
        check_quantization(ask(quantize_base="int8", adapter="lokr"), cpu)


def test_layers_that_the_model_lacks_are_named(ask):
    network = nn.ModuleDict({"to_q": nn.Linear(4, 4)})
    with pytest.raises(NoTargets):
        add_adapter(network, ask(lora_target_modules="to_x,to_y"), "tiny")
    with pytest.raises(NoSuchLayers, match="tiny has a name that ends with to_x"):
        add_adapter(network, ask(lora_target_modules="to_q,to_x"), "tiny")


@pytest.mark.parametrize("adapter", ["lora", "dora", "lokr"])
def test_adapter_is_the_same_for_the_same_seed_and_changes_nothing_yet(ask, adapter):
    torch.manual_seed(0)
    networks = [nn.Sequential(nn.Linear(8, 8)) for _ in range(3)]
    for network in networks:
        network.load_state_dict(networks[0].state_dict())
        network.requires_grad_(False)
    told = torch.ones(2, 8)
    before = networks[0](told)
    chance = torch.random.get_rng_state()
    trained = [
        add_adapter(network, ask(adapter=adapter, lora_target_modules="0", seed=seed), "tiny")
        for network, seed in zip(networks, (1, 1, 2), strict=True)
    ]
    assert torch.equal(chance, torch.random.get_rng_state())
    assert all(torch.equal(trained[0][name], trained[1][name]) for name in trained[0])
    assert any(not torch.equal(trained[0][name], trained[2][name]) for name in trained[0])
    assert torch.allclose(networks[0](told), before, atol=1e-6)
    assert all(p.requires_grad and p.dtype == torch.float32 for p in trained[0].values())


def test_share_is_set_aside_for_validation_unless_the_set_has_its_own(ask, tmp_path):
    own = paint_set(tmp_path / "set", [(64, 64)] * 10)
    request = ask(dataset_path=str(own), validation_share=0.3, validation_every=1)
    found = Pictures.of(request, [(64, 64)], 8)
    assert (len(found.train), len(found.validation), found.plan.pictures) == (7, 3, 7)
    assert found.items == Pictures.of(request, [(64, 64)], 8).items
    assert len(found.sizes) == 10
    assert not [said for said in found.said if "nothing to validate" in said.say("en")]
    paint_set(own, [(64, 96)], "validation")
    found = Pictures.of(request, [(64, 64), (64, 96)], 8)
    assert (len(found.train), len(found.validation)) == (10, 1)
    assert len(found.sizes) == 11


def test_what_a_set_is_made_of_is_told(ask, tmp_path):
    own = paint_set(tmp_path / "set", [(64, 64)] * 3)
    (own / "train" / "metadata.csv").write_text("file_name,text\n00.png,\n01.png,a\n02.png,b\nnot.png,c\n")
    found = Pictures.of(ask(dataset_path=str(own), validation_every=2), [(64, 64)], 8)
    said = [sentence.say("en") for sentence in found.said]
    assert "3 pictures to learn from, 0 for validation, 1 that can't be used" in said[0]
    assert "uses 3 of the 3" in said[0]
    assert said[1].startswith("1 pictures have no caption")
    assert said[2].startswith("There is nothing to validate on")
    assert found.prompts(ask()) == ("", "a")
    assert found.prompts(ask(sample_prompts=("x",))) == ("x",)


def test_smoothed_loss_is_a_mean_at_first_and_forgets_later():
    value = None
    for step in range(1, 21):
        value = smoothed(value, float(step), step, 1)
    assert value == pytest.approx(10.5)
    assert smoothed(1.0, 0.0, 1000, 1) == pytest.approx(0.98)
    assert smoothed(1.0, 0.0, 1000, 10) == pytest.approx(0.98**10)


def test_no_memory_names_the_knob(ask, new_run):
    with pytest.raises(RuntimeError) as failed:
        torch.empty(10**15)
    for changes, knob in (
        ({}, "Switch gradient checkpointing on."),
        ({"use_gradient_checkpointing": True, "batch_size": 4}, "from 4 to 2 and accumulate 2 batches"),
        ({"use_gradient_checkpointing": True, "batch_size": 1}, "Lower width and height"),
    ):
        told = explain(failed.value, new_run(ask(**changes)))
        assert isinstance(told, TrainingOutOfMemory)
        assert knob in str(told)
        assert "3725290.30 GB" in str(told)


def test_unforeseen_failure_goes_to_the_log_under_a_number(ask, new_run, caplog):
    told = explain(ZeroDivisionError("x"), new_run(ask()))
    assert isinstance(told, Unexpected)
    assert told.values["number"] in caplog.text
