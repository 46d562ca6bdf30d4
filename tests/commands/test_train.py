"""Training from the command line: presets, the well-known script's flags, a run that is followed to its end."""

import json
import os
import signal
import subprocess
import sys
from functools import partial

import pytest

from studio.__main__ import main
from studio.runs import Runs
from studio.settings import ROOT
from tests.runs.conftest import end_all, until
from tests.worker import COMMAND


@pytest.fixture
def environment(settings, tmp_path, monkeypatch):
    """An empty folder, and commands that find the installation of the test."""
    told = {
        "INKSTONE_MODELS": str(settings.models_dir), "INKSTONE_OUTPUT": str(settings.output_dir), "LC_ALL": "C",
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    for name in ("INKSTONE_LANGUAGE", "WORLD_SIZE", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def runs(settings, environment):
    """The runs that the commands work on; no worker outlives the test."""
    runs = Runs(settings, worker=COMMAND)
    yield runs
    end_all(runs)


@pytest.fixture
def run(runs, monkeypatch, capsys):
    """Runs the command line with a worker that learns nothing; answers exit code, standard output and error."""
    for command in ("train", "runs"):
        monkeypatch.setattr(f"studio.commands.{command}.Runs", partial(Runs, worker=COMMAND))

    def answers(*words):
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return answers


def test_a_preset_file_and_a_dataset_are_enough(run, runs, dataset):
    preset = ROOT / "presets" / "train" / "storybook-style.toml"
    code, out, err = run(
        "train", preset, "--dataset_path", dataset, "--name", "ink", "--max-steps", "6", "--json"
    )
    assert code == 0, err
    told = json.loads(out)
    assert (told["state"], told["name"], told["step"], told["steps"]) == ("finished", "ink", 6, 6)
    assert told["lora"].endswith("lora.safetensors")
    assert (told["seconds"], told["peak_bytes"], told["message"]) == (1.5, 2**20, None)
    assert "step 6 of 6" in err
    request = runs.get(told["id"]).request
    assert (request.lora_rank, request.lr_schedule, request.dataset_path) == (16, "cosine", str(dataset))


def test_without_json_the_file_is_printed_alone(run, dataset):
    code, out, err = run("train", "storybook-style", "--dataset-path", dataset, "--max-steps", "2")
    assert code == 0, err
    assert out.strip().endswith("lora.safetensors")
    assert len(out.splitlines()) == 1


def test_the_well_known_scripts_command_is_taken_flag_for_flag(run, runs, dataset, tmp_path):
    for name in ("unet.safetensors", "vae.safetensors"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "text_encoder").mkdir()
    code, out, err = run(
        "train",
        "--pretrained_unet_path", "unet.safetensors",
        "--pretrained_text_encoder_path", "text_encoder",
        "--pretrained_fp16_vae_path", "vae.safetensors",
        "--lora_rank", "16", "--lora_alpha", "4.0", "--dataset_path", dataset, "--output_path", "out",
        "--max_epochs", "1", "--steps_per_epoch", "500", "--height", "1024", "--width", "1024",
        "--center_crop", "--random_flip", "--use_gradient_checkpointing", "--precision", "16-mixed",
        "--batch_size", "1", "--dataloader_num_workers", "0", "--accumulate_grad_batches", "2",
        "--learning_rate", "1e-4", "--training_strategy", "auto", "--lora_target_modules", "to_q,to_k,to_v,to_out",
        "--queue",
    )  # fmt: skip
    assert code == 0, err
    request = runs.get(out.strip()).request
    assert (request.model, request.lora_rank, request.lora_alpha) == ("kolors", 16, 4.0)
    assert (request.center_crop, request.random_flip, request.use_gradient_checkpointing) == (
        True,
        True,
        True,
    )
    assert (request.steps_per_epoch, request.accumulate_grad_batches, request.precision) == (
        500,
        2,
        "16-mixed",
    )
    assert (request.aspect_buckets, request.caption_dropout) == (False, 0.0)
    assert request.pretrained_unet_path == str(tmp_path / "unet.safetensors")
    assert request.output_path == str(tmp_path / "out")


def test_yes_or_no_options_stand_alone_or_take_a_word(run, runs, dataset):
    words = ("--center-crop", "true", "--aspect_buckets", "false", "--random-flip")
    code, out, err = run("train", "--dataset-path", dataset, "--max-steps", "1", "--queue", "--json", *words)
    assert code == 0, err
    request = runs.get(json.loads(out)["id"]).request
    assert (request.center_crop, request.aspect_buckets, request.random_flip) == (True, False, True)


def test_sample_prompts_are_given_one_by_one(run, runs, dataset):
    prompts = ("--sample-prompt", "a boat, red", "--sample_prompts", "一只猫")
    code, out, err = run("train", "--dataset-path", dataset, "--max-steps", "1", "--queue", *prompts)
    assert code == 0, err
    assert runs.get(out.strip()).request.sample_prompts == ("a boat, red", "一只猫")


def test_a_preset_fits_itself_to_the_memory_of_the_machine(run, runs, dataset, monkeypatch, tmp_path):
    (tmp_path / "mine.toml").write_text(
        'title = {en="a", zh="b"}\n[request]\nmax_steps = 2\n[memory.8]\nlora_rank = 3\n[memory.24]\nlora_rank = 5\n'
    )
    for gb, rank in ((7.7, 3), (30, 5)):
        monkeypatch.setattr("studio.commands.train._MEMORY", f"print(int({gb} * 2**30))")
        code, out, err = run("train", "mine.toml", "--dataset-path", dataset, "--queue")
        assert code == 0, err
        assert runs.get(out.strip()).request.lora_rank == rank


def test_a_run_that_fails_says_so_and_is_no_success(run, dataset):
    code, out, err = run(
        "train", "--dataset-path", dataset, "--max-steps", "3", "--trigger-word", "fail", "--json"
    )
    assert code == 2
    assert json.loads(out)["state"] == "failed"
    assert "It went wrong." in err
    assert "python -m studio runs resume" in err


def test_a_worker_that_dies_is_told_with_its_last_words(run, dataset):
    code, out, err = run(
        "train", "--dataset-path", dataset, "--max-steps", "3", "--trigger-word", "die", "--json"
    )
    assert code == 2
    assert json.loads(out)["state"] == "interrupted"
    assert "ended unexpectedly" in err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("no-such-preset",), "Preset 'no-such-preset'"),
        (("gone.toml",), "gone.toml"),
        (("broken.toml",), "broken.toml"),
        (("--dataset-path", "/no/such"), "no folder /no/such"),
        (("--dataset-path", "empty"), "no pictures at all"),
        ((), "no folder ''"),
        (("sdxl-style", "--dataset-path", "DATA"), "Model 'sdxl' is not on this disk yet"),
        (("--dataset-path", "DATA", "--lora_rank", "0"), "Rank is 0"),
        (("--dataset-path", "DATA", "--lora_alpha", "0"), "Alpha is 0"),
        (("--dataset-path", "DATA", "--lora_rank", "many"), "a whole number"),
        (("--dataset-path", "DATA", "--center_crop", "perhaps"), "true or false"),
        (("--dataset-path", "DATA", "--precision", "fp8"), "16-mixed"),
        (("--dataset-path", "DATA", "--name", "a/b"), "can't be a LoRA's name"),
        (("--dataset-path", "DATA", "--name", "Moon"), "'Moon-2'"),
        (("--dataset-path", "DATA", "--rank", "3"), "--rank"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(run, settings, dataset, tmp_path, monkeypatch, words, part):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.toml").write_text("what [")
    settings.loras_dir.mkdir()
    (settings.loras_dir / "moon.safetensors").write_bytes(b"")
    monkeypatch.setattr("studio.commands.train._MEMORY", "print(2**34)")
    code, out, err = run("train", *(str(dataset) if word == "DATA" else word for word in words))
    assert (code, out) == (2, "")
    assert part in err
    assert len(err.strip().splitlines()) == 1


def start(*words):
    """The command in a process of its own, with a worker that learns nothing."""
    code = (
        "import sys; from functools import partial; import studio.commands.train as train\n"
        f"from studio.runs import Runs; train.Runs = partial(Runs, worker={COMMAND!r})\n"
        "from studio.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=_hear_ctrl_c,
    )  # fmt: skip


def _hear_ctrl_c():
    """Tests that were started in the background have it switched off, and their children would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def reaches(runs, step):
    return lambda: any(view.record.step >= step for view in runs.list())


def test_ctrl_c_saves_and_stops_and_resume_goes_on(run, runs, dataset):
    command = start("train", "--dataset-path", dataset, "--max-steps", "60", "--json")
    until(reaches(runs, 3))
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=30)
    told = json.loads(out)
    assert (command.returncode, told["state"]) == (130, "stopped")
    assert "Ctrl-C once more" in err
    assert runs.get(told["id"]).folder.checkpoints()[-1].step == told["step"]
    code, out, err = run("runs", "resume", told["id"], "--json")
    assert (code, json.loads(out)["state"]) == (0, "finished"), err
    assert f"step {told['step']} of" not in err  # what was shown before is not shown again


def test_a_second_ctrl_c_ends_it_at_once(runs, dataset):
    command = start("train", "--dataset-path", dataset, "--max-steps", "60", "--trigger-word", "slow")
    until(lambda: any(view.record.steps for view in runs.list()))
    command.send_signal(signal.SIGINT)
    until(lambda: any(view.state == "stopping" for view in runs.list()))
    os.kill(runs.list()[0].record.pid, signal.SIGSTOP)  # a worker that hangs
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=30)
    assert command.returncode == 2
    assert runs.list()[0].state == "interrupted"


def test_a_terminal_that_is_closed_leaves_the_run_at_work(runs, dataset):
    command = start("train", "--dataset-path", dataset, "--max-steps", "60")
    until(reaches(runs, 3))
    command.kill()
    command.communicate()
    until(lambda: runs.list()[0].state == "finished")
