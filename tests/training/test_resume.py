"""Stopping, being killed, and going on: nothing of it changes what is learnt."""

import random
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from studio.runs.events import settled
from studio.training.checkpoint import State
from tests.training.conftest import told

HARD = {
    "batch_size": 2, "accumulate_grad_batches": 2, "max_steps": 9, "checkpoint_every": 2, "random_flip": True,
    "crops": 2, "caption_dropout": 0.3, "ema_decay": 0.9, "lr_schedule": "cosine", "warmup_steps": 3,
    "min_snr_gamma": 5.0, "noise_offset": 0.05, "checkpoints_kept": 2, "use_gradient_checkpointing": True,
}  # fmt: skip


def losses(folder):
    """Step to loss, of the course that counts."""
    return {event["step"]: event["loss"] for event in settled(folder.events()[0]) if event["kind"] == "step"}


def last_state(folder):
    return State.from_bytes(folder.checkpoints()[-1].state_file.read_bytes())


def assert_equal_states(one, two):
    """To the bit: weights, averages, and the optimizer's memory."""
    assert one.step == two.step
    assert one.trained.keys() == two.trained.keys()
    assert all(torch.equal(one.trained[name], two.trained[name]) for name in one.trained)
    if one.averages is not None:
        assert all(torch.equal(one.averages[name], two.averages[name]) for name in one.averages)
    for index, kept in one.optimizer["state"].items():
        other = two.optimizer["state"][index]
        assert all(bool((torch.as_tensor(kept[name]) == torch.as_tensor(other[name])).all()) for name in kept)


@pytest.mark.long
def test_killed_at_a_random_step_and_resumed_equals_uninterrupted(train, ask, new_run, start, settings):
    whole = train(ask(**HARD))
    folder = new_run(ask(**HARD, name="again"))
    worker = start(folder)
    worker.wait_for("step", random.randint(3, 8))
    worker.kill()
    begun = folder.checkpoints()[-1].step
    torn = folder.path / "events.jsonl"
    torn.write_bytes(torn.read_bytes() + b'{"t": 1, "kind": "st')
    train(folder)
    assert told(folder, "started")[-1]["resumed_from"] == begun > 0
    assert losses(folder) == losses(whole)
    assert list(losses(folder)) == list(range(1, 10))
    assert_equal_states(last_state(folder), last_state(whole))
    first, second = (settings.loras_dir / f"{name}.safetensors" for name in ("ink", "again"))
    one, two = load_file(first), load_file(second)
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.long
def test_order_to_stop_saves_and_resuming_ends_the_same(train, ask, new_run, start):
    whole = train(ask(max_steps=60))
    folder = new_run(ask(max_steps=60, name="again"))
    worker = start(folder)
    worker.wait_for("step", 2)
    folder.order("stop")
    assert worker.end() == 0
    record = folder.record()
    assert record.state == "stopped"
    assert folder.checkpoints()[-1].step == record.step == max(losses(folder))
    assert not told(folder, "sample")
    train(folder)
    assert folder.record().state == "finished"
    assert losses(folder) == losses(whole)
    assert_equal_states(last_state(folder), last_state(whole))


@pytest.mark.parametrize("optimizer", ["adafactor", "prodigy"])
def test_other_optimizers_resume_to_the_bit(train, ask, new_run, optimizer):
    pytest.importorskip("prodigyopt") if optimizer == "prodigy" else None
    settings = {
        "optimizer": optimizer,
        "max_steps": 4,
        "learning_rate": 1.0 if optimizer == "prodigy" else 1e-3,
    }
    whole = train(ask(**settings))
    folder = train(ask(**settings, name="again", checkpoint_every=2))
    for point in folder.checkpoints()[1:]:
        point.state_file.unlink()
    folder.update(state="interrupted")
    train(folder)
    assert losses(folder) == losses(whole)
    assert_equal_states(last_state(folder), last_state(whole))


@pytest.mark.long
def test_killed_before_the_first_checkpoint_begins_anew(train, ask, new_run, start):
    folder = new_run(ask(max_steps=5))
    worker = start(folder)
    worker.wait_for("step", 1)
    worker.kill()
    if not folder.checkpoints():
        train(folder)
        assert told(folder, "started")[-1]["resumed_from"] is None
    assert sorted(losses(folder)) == [1, 2, 3, 4, 5]


def test_checkpoint_cut_short_anywhere_is_passed_over(train, ask):
    folder = train(ask(checkpoint_every=1, max_steps=3))
    newest = folder.checkpoints()[-1]
    whole = newest.state_file.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        newest.state_file.write_bytes(whole[:length])
        assert [point.step for point in folder.checkpoints()] == [1, 2]
    inside = bytearray(whole)
    inside[len(whole) // 2 : len(whole) // 2 + 2000] = bytes(2000)
    newest.state_file.write_bytes(inside)
    folder.update(state="interrupted")
    train(folder)
    assert told(folder, "started")[-1]["resumed_from"] in (2, 3)  # damage that a zip's directory doesn't show
    assert folder.record().state == "finished"


def test_checkpoint_of_another_rank_or_base_is_refused(train, ask, settings, new_run):
    made = train(ask(max_steps=1))
    other = new_run(ask(lora_rank=8, name="other"))
    shutil.copytree(made.checkpoints_dir, other.checkpoints_dir, dirs_exist_ok=True)
    train(other, code=1)
    assert "rank 4, but 8" in other.record().says("en")
    state = last_state(made)
    theirs = replace(state, made_for=replace(state.made_for, base="0" * 32))
    made.checkpoints()[-1].state_file.write_bytes(theirs.to_bytes())
    made.update(state="interrupted")
    train(made, code=1)
    assert "trained on storybook (00000000)" in made.record().says("en")


def test_changed_pictures_are_told_and_asked_about(train, ask, tmp_path, pictures):
    own = shutil.copytree(pictures, tmp_path / "own")
    folder = train(ask(dataset_path=str(own), max_steps=2))
    table = own / "train" / "metadata.csv"
    table.write_text(
        table.read_text(encoding="utf-8").replace("a red house", "a blue house"), encoding="utf-8"
    )
    (own / "train" / "04.png").unlink()
    folder.update(state="interrupted")
    for point in folder.checkpoints():
        raw = State.from_bytes(point.state_file.read_bytes())
        point.state_file.write_bytes(replace(raw, step=1).to_bytes())
    train(folder, code=1)
    assert "0 added, 1 removed, 1 changed" in folder.record().says("en")
    folder.update(state="queued", accept_changes=True)
    train(folder)
    assert folder.record().state == "finished"


@pytest.mark.long
def test_orders_to_save_and_sample_are_obeyed(ask, new_run, start):
    folder = new_run(ask(max_steps=40, name="long"))
    worker = start(folder)
    worker.wait_for("step", 1)
    folder.order("save")
    folder.order("sample")
    assert worker.end() == 0
    steps = [event["step"] for event in told(folder, "checkpoint")]
    assert len(steps) == 2
    assert steps[0] < steps[1] == 40
    assert {event["step"] for event in told(folder, "sample")} == {*steps}
