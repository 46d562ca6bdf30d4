"""A run as a whole, in this process: what it tells, what it leaves, and how it ends."""

import json
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import PIL.Image
import pytest
import torch

from studio.engine.chain import Chain
from studio.engine.events import Job, LoraFile, LoraMatch, Picture
from studio.errors import DiskFull
from studio.lora.read import read
from studio.requests import GenerateRequest
from studio.runs.process import Process
from studio.shelf import Shelf
from studio.training.checkpoint import State
from studio.training.worker import main
from tests.training.conftest import paint_set, told

WITHOUT_BITS = pytest.mark.skipif(find_spec("bitsandbytes") is not None, reason="bitsandbytes is installed")


def test_run_tells_its_course_and_leaves_its_files(train, ask, settings):
    request = ask(
        trigger_word="zhoodle",
        checkpoint_every=2,
        sample_every=2,
        sample_prompts=("a red house", "雪地里"),
        output_path=str(settings.output_dir / "mine"),
    )
    folder = train(request)
    record = folder.record()
    assert (record.state, record.step, record.steps) == ("finished", 4, 4)
    assert record.result["lora"] == str(settings.loras_dir / "ink.safetensors")
    assert [event["step"] for event in told(folder, "step")] == [1, 2, 3, 4]
    assert {"loss", "smoothed", "lr", "pictures_per_s", "eta_s", "memory_bytes"} <= told(folder, "step")[
        0
    ].keys()
    assert [event["step"] for event in told(folder, "checkpoint")] == [2, 4]
    samples = [(event["step"], event["index"]) for event in told(folder, "sample")]
    assert samples == [(2, 0), (2, 1), (4, 0), (4, 1)]
    assert all((folder.path / event["file"]).is_file() for event in told(folder, "sample"))
    stages = {(event["name"], event["done"]) for event in told(folder, "stage")}
    assert {("load", 2), ("encode", 13), ("train", 0), ("sample", 2), ("export", 1)} <= stages
    assert "uses 5 of the 5" in told(folder, "message")[0]["en"]
    card = Shelf(settings).lora("ink")
    assert (card.family, card.rank, card.alpha, card.trigger_words) == ("kolors", 4, 4.0, ("zhoodle",))
    assert card.thumbnail == settings.loras_dir / "ink.png"
    sidecar = json.loads((settings.loras_dir / "ink.json").read_text(encoding="utf-8"))
    assert sidecar["request"] == request.to_dict()
    assert sorted(p.name for p in (settings.output_dir / "mine").iterdir()) == [
        "ink-diffusers", "ink.json", "ink.safetensors",
    ]  # fmt: skip
    assert [point.step for point in folder.checkpoints()] == [2, 4]


def test_loss_that_goes_off_stops_at_the_last_good_checkpoint(train, ask, settings):
    folder = train(ask(learning_rate=1e4, warmup_steps=100, checkpoint_every=1, max_steps=60), code=1)
    record, steps = folder.record(), [event["step"] for event in told(folder, "step")]
    assert record.state == "failed"
    kept = folder.checkpoints()[-1]
    assert f"the checkpoint of step {kept.step} was kept" in record.says("en")
    assert "Lower the learning rate (now 10000)" in record.says("en")
    assert kept.step <= steps[-1] < 60
    state = State.from_bytes(kept.state_file.read_bytes())
    assert all(torch.isfinite(tensor).all() for tensor in state.trained.values())
    assert not (settings.loras_dir / "ink.safetensors").exists()


def test_loss_that_goes_off_before_any_checkpoint_says_so(train, ask):
    folder = train(ask(learning_rate=1e4, max_steps=60), code=1)
    assert "before the first checkpoint" in folder.record().says("en")
    assert folder.checkpoints() == []


@pytest.mark.long
def test_validation_asks_the_same_every_time(train, ask, tmp_path):
    own = paint_set(tmp_path / "set", [(64, 64)] * 4)
    paint_set(own, [(64, 64), (64, 64), (96, 64)], "validation")
    still = train(ask(dataset_path=str(own), validation_every=2, learning_rate=1e-9))
    losses = [event["loss"] for event in told(still, "validation")]
    assert [event["step"] for event in told(still, "validation")] == [0, 2, 4]
    assert max(losses) - min(losses) < 1e-4
    moved = train(ask(dataset_path=str(own), validation_every=2, learning_rate=1e-2, name="moved"))
    losses = [event["loss"] for event in told(moved, "validation")]
    assert abs(losses[0] - losses[-1]) > 1e-4


def test_averages_are_what_is_validated_and_left(train, ask, settings):
    folder = train(ask(ema_decay=0.99, learning_rate=1e-2))
    state = State.from_bytes(folder.checkpoints()[-1].state_file.read_bytes())
    name = next(name for name in state.trained if "lora_B" in name)
    module, other = name.removesuffix(".lora_B.default.weight"), name.replace("lora_B", "lora_A")
    layer = read(settings.loras_dir / "ink.safetensors").layers["lora_unet_" + module.replace(".", "_")]
    left = layer.up @ layer.down
    averaged, last = (0.5 * kept[name] @ kept[other] for kept in (state.averages, state.trained))
    assert float((left - averaged).norm() / averaged.norm()) < 1e-3
    assert float((left - last).norm() / last.norm()) > 1e-2


@pytest.mark.long
@pytest.mark.parametrize("changes", [
    {"adapter": "dora", "lora_target_modules": "to_q,to_out,conv1,proj_in"},
    {"adapter": "lokr", "lora_target_modules": "to_q,to_out,conv1,proj_in"},
    {"optimizer": "adafactor"},
    {"precision": "bf16-mixed"},
    {"precision": "16-mixed", "use_gradient_checkpointing": True},
    {"lora_target_modules": "to_q,to_k,ff.net.0.proj,ff.net.2,proj_in"},
])  # fmt: skip
def test_every_kind_of_run_leaves_a_lora_that_paints(train, ask, settings, changes):
    folder = train(ask(learning_rate=1e-2, **changes))
    assert folder.record().state == "finished"
    card = Shelf(settings).lora("ink")
    request = GenerateRequest(prompt="a red house", width=64, height=64, steps=2, seed=1)
    model = settings.models_dir / "storybook"
    jobs = [
        Job(request, model, "kolors", (LoraFile("ink", card.file, weight),), False) for weight in (0.0, 1.0)
    ]
    chain = Chain()
    off, on = ([e for e in chain.run(job) if isinstance(e, Picture | LoraMatch)] for job in jobs)
    assert on[0].matched == on[0].total
    assert on[-1].rgb != off[-1].rgb


def test_sample_equals_what_generate_paints(train, ask, settings):
    """The last sample is what the chain makes of the finished file at the same seed, up to its half precision."""
    folder = train(ask(learning_rate=1e-2, sample_prompts=("a red house",), sample_steps=3))
    with PIL.Image.open(folder.path / told(folder, "sample")[-1]["file"]) as sample:
        painted = np.asarray(sample).astype(int)
    request = GenerateRequest(prompt="a red house", width=64, height=64, steps=3, seed=12, guidance=3.0)
    file = LoraFile("ink", settings.loras_dir / "ink.safetensors", 1.0)
    job = Job(request, settings.models_dir / "storybook", "kolors", (file,), False)
    (picture,) = (event for event in Chain().run(job) if isinstance(event, Picture))
    theirs = np.frombuffer(picture.rgb, np.uint8).reshape(64, 64, 3).astype(int)
    assert abs(theirs - painted).max() <= 3


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"dataset_path": "/nowhere"}, "There is no folder /nowhere"),
    ({"model": "none"}, "There is no model 'none'"),
    pytest.param({"optimizer": "adamw8bit"}, "needs the package bitsandbytes", marks=WITHOUT_BITS),
    pytest.param({"quantize_base": "int8"}, "needs the package bitsandbytes", marks=WITHOUT_BITS),
    ({"training_strategy": "deepspeed_stage_2"}, "needs the package deepspeed"),
    ({"lora_target_modules": "to_x"}, "Target layers name no layer"),
    ({"num_nodes": 2}, "1 processes were started"),
])  # fmt: skip
def test_bad_input_ends_in_one_sentence(train, ask, changes, sentence):
    folder = train(ask(**changes), code=1)
    record = folder.record()
    assert record.state == "failed"
    assert sentence in record.says("en")
    assert record.says("zh")
    assert told(folder, "message")[-1]["level"] == "error"
    assert told(folder, "ended")[-1]["state"] == "failed"


@pytest.mark.parametrize("bits", ["int8", "nf4"])
def test_quantised_network_learns_where_bitsandbytes_is_there(train, ask, bits):
    pytest.importorskip("bitsandbytes")
    assert train(ask(quantize_base=bits, optimizer="adamw8bit")).record().state == "finished"


def test_two_pictures_without_captions_are_learnt_from(train, ask, tmp_path):
    own = tmp_path / "bare"
    own.mkdir()
    for number in range(2):
        PIL.Image.new("RGB", (64, 64), (90 * number, 3, 80)).save(own / f"{number}.png")
    folder = train(ask(dataset_path=str(own), batch_size=8))
    assert folder.record().state == "finished"
    assert "2 pictures have no caption" in told(folder, "message")[1]["en"]


def test_no_room_for_a_checkpoint_ends_in_a_sentence(train, ask, monkeypatch):
    from studio.training import checkpoint

    def full(file, content):
        raise DiskFull(None, folder=str(file.parent), free_mb=0)

    monkeypatch.setattr(checkpoint, "write_atomically", full)
    folder = train(ask(), code=1)
    assert "is full" in folder.record().says("en")


def test_run_of_another_worker_is_left_alone(new_run, ask, settings):
    folder = new_run(ask())
    theirs = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        process = Process.found(theirs.pid)
        folder.update(state="running", pid=process.pid, process_started_at=process.started_at)
        assert main(folder.path, settings) == 2
        assert folder.record().pid == theirs.pid
        assert folder.events()[0] == []
    finally:
        theirs.kill()
        theirs.wait()


def test_finished_training_that_could_not_be_exported_only_exports(train, ask, settings):
    settings.loras_dir.parent.mkdir(parents=True, exist_ok=True)
    settings.loras_dir.write_text("in the way", encoding="utf-8")
    folder = train(ask(), code=1)
    assert "can't be written" in folder.record().says("en")
    settings.loras_dir.unlink()
    train(folder)
    assert (settings.loras_dir / "ink.safetensors").is_file()
    assert (settings.loras_dir / "ink.png").is_file()
    assert [event["step"] for event in told(folder, "step")] == [1, 2, 3, 4]


def test_order_to_stop_is_obeyed_while_encoding(train, ask, new_run):
    folder = new_run(ask())
    folder.order("stop")
    train(folder)
    assert folder.record().state == "stopped"
    assert not told(folder, "step")
    train(folder)
    assert folder.record().state == "finished"
