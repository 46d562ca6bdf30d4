"""Before a run starts: what it will take, told from headers, and what to do when it doesn't fit."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.runs.costs import KEPT_32, ModelCosts, Network, read_costs
from studio.runs.estimate import Bench, Pictures, weigh
from studio.runs.machine import Machine, Past, past_run, this_machine
from studio.runs.preflight import GB, Preflight, preflight
from studio.settings import ROOT
from studio.train_plan import Plan, make_plan
from studio.train_request import TrainRequest

STORYBOOK = ROOT / "models" / "storybook"
SIZES = [(256, 256), (320, 192), (192, 320)]
HERE = Machine("cpu", "CPU", 8 * GB, 2)


@pytest.fixture(scope="session")
def storybook() -> ModelCosts:
    return read_costs(STORYBOOK)


@pytest.fixture(scope="session")
def kolors(tmp_path_factory: pytest.TempPathFactory) -> ModelCosts:
    """The shapes of Kolors' networks, as far as they count, in files without a body."""
    folder = tmp_path_factory.mktemp("kolors")
    down = {"block_out_channels": [320, 640, 1280], "layers_per_block": 2, "transformer_layers_per_block": [1, 2, 10],
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "encoder_hid_dim": 4096}  # fmt: skip
    attention = {
        f"mid_block.attentions.0.transformer_blocks.{block}.attn1.{name}.weight": [1280, 1280]
        for block in range(140)
        for name in ("to_q", "to_k", "to_v", "to_out.0")
    }
    others = 2_579_000_000 - len(attention) * 1280**2
    rest = {"mid_block.resnets.0.conv1.weight": [1280, others // 1280]}
    put(folder / "unet", down, attention | rest)
    put(folder / "text_encoder", {}, {"layers.weight": [4096, 6_200_000_000 // 4096]})
    put(
        folder / "vae",
        {"block_out_channels": [128, 256, 512, 512]},
        {"encoder.conv_in.weight": [128, 650_000]},
    )
    return read_costs(folder)


def put(folder: Path, config: dict[str, Any], shapes: dict[str, list[int]]) -> None:
    """A weight file whose tensors take no room: a sparse file of the right length."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 2 * shape[0] * shape[1]
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    raw = json.dumps(header).encode()
    with (folder / "weights.safetensors").open("wb") as stream:
        stream.write(struct.pack("<Q", len(raw)) + raw)
        stream.truncate(8 + len(raw) + end)


def planner(pictures: Pictures, own: list[tuple[int, int]]) -> Callable[[TrainRequest], Plan]:
    return lambda request: make_plan(request, pictures.sizes, own, 8)


def pictures(count: int = 24, side: int = 256, **others: int) -> Pictures:
    return Pictures(((side, side),) * count, **{"captioned": count, **others})


def check(costs: ModelCosts, machine: Machine = HERE, own: int = 256, held: Pictures | None = None,
          past: Past | None = None, free: int = 100 * GB, **fields: Any) -> Preflight:  # fmt: skip
    held = held or pictures(side=own)
    request = TrainRequest(**fields)
    return preflight(request, planner(held, [(own, own)]), Bench(costs, held, machine, past or Past()), free)


def said(found: Preflight) -> str:
    return " ".join(notice.say("en") for _, notice in found.notices)


def test_storybook_is_counted_from_its_headers(storybook):
    assert storybook.denoiser.parameters == 12_671_716
    assert storybook.denoiser.lora_parameters(("to_q", "to_k", "to_v", "to_out.0"), 16) == 322_560
    # counted with fake tensors: 8.0 million operations a cell forward and back, 30 kB kept
    assert 4 * storybook.denoiser.multiplications_a_cell == pytest.approx(8.0e6, rel=0.1)
    assert storybook.denoiser.kept_a_cell(KEPT_32) == pytest.approx(30e3, rel=0.15)


def test_a_small_run_is_told_in_steps_passes_and_time(storybook):
    found = check(storybook, max_steps=480, batch_size=4)
    assert found.refusal is None
    assert (found.estimate.steps, found.estimate.pictures_an_epoch) == (480, 24)
    assert found.estimate.passes == pytest.approx(80)
    assert 0.5 * GB < found.estimate.memory_bytes < 2 * GB
    assert not found.estimate.is_measured
    assert found.notices == ()


def test_more_steps_take_longer_and_checkpointing_trades_time_for_memory(storybook):
    once, twice = (check(storybook, max_steps=n).estimate for n in (100, 200))
    assert once.seconds < twice.seconds < 2.01 * once.seconds
    plain = check(storybook, batch_size=64).estimate
    saving = check(storybook, batch_size=64, use_gradient_checkpointing=True).estimate
    assert saving.memory_bytes < 0.7 * plain.memory_bytes
    assert saving.seconds > plain.seconds


def test_kolors_on_24_gb_is_told_to_check_its_gradients(kolors):
    gpu = Machine("cuda", "RTX 4090", 24 * GB)
    found = check(kolors, gpu, 1024, max_steps=100, batch_size=4)
    assert found.estimate.phase == "learn"
    assert found.refusal is not None
    assert found.refusal.knob == "use_gradient_checkpointing"
    sentence = found.refusal.said.say("en")
    assert "RTX 4090 has 24.0 GB" in sentence
    assert "Gradient checkpointing decides: on instead of off takes about" in sentence
    fixed = check(kolors, gpu, 1024, **{"max_steps": 100, "batch_size": 4, **found.refusal.fix})
    assert fixed.refusal is None


def test_the_first_changes_leave_what_is_learnt_alone(kolors):
    gpu = Machine("cuda", "RTX 4080", 16 * GB, quantizers=("nf4",))
    found = check(kolors, gpu, 1024, max_steps=100, batch_size=64)
    assert found.refusal is not None
    fix = found.refusal.fix
    assert found.refusal.knob == "batch_size"
    assert fix["batch_size"] * fix["accumulate_grad_batches"] == 64
    assert not {"width", "quantize_base"} & fix.keys()
    assert found.refusal.said.say("zh")


def test_what_no_setting_can_save_is_said_with_the_least(kolors):
    found = check(kolors, Machine("cuda", "GTX 1650", 4 * GB), 1024, max_steps=100)
    assert found.refusal is not None
    assert (found.refusal.knob, found.refusal.fix) == ("model", {})
    assert "no setting saves enough" in found.refusal.said.say("en")


def test_a_disk_too_small_for_the_checkpoints_keeps_fewer(kolors):
    gpu = Machine("cuda", "H200", 140 * GB)
    whole = check(kolors, gpu, 1024, max_steps=100, checkpoints_kept=10).estimate.disk_bytes
    found = check(kolors, gpu, 1024, max_steps=100, checkpoints_kept=10, free=whole * 7 // 10)
    assert found.refusal is not None
    assert 1 <= found.refusal.fix["checkpoints_kept"] < 10
    none = check(kolors, gpu, 1024, max_steps=100, checkpoints_kept=10, free=1000)
    assert none.refusal is not None
    assert none.refusal.fix == {}
    assert "Free some space" in none.refusal.said.say("en")


def past(request: TrainRequest, speed: float, memory: int) -> Past:
    events = [
        {"kind": "step", "step": n, "pictures_per_s": speed, "memory_bytes": memory} for n in range(1, 20)
    ]
    run = past_run(request, events)
    assert run is not None
    return Past((run,))


def test_a_past_run_of_this_machine_is_believed(storybook):
    before = TrainRequest(max_steps=50, width=256, height=256, use_gradient_checkpointing=True)
    known = past(before, 5.0, 3 * GB)
    alike = check(
        storybook, past=known, max_steps=1000, width=256, height=256, use_gradient_checkpointing=True
    )
    assert alike.estimate.is_measured
    assert alike.estimate.memory_bytes == 3 * GB
    assert alike.estimate.seconds == pytest.approx(1000 / 5.0, rel=0.25)
    other = check(storybook, past=known, max_steps=1000, width=256, height=256)
    assert other.estimate.memory_bytes != 3 * GB
    assert other.estimate.seconds == pytest.approx(alike.estimate.seconds / 1.4, rel=0.05)
    assert not check(
        storybook, past=past(TrainRequest(model="kolors"), 5.0, 0), max_steps=9
    ).estimate.is_measured


def test_a_run_that_hardly_began_tells_nothing():
    assert past_run(TrainRequest(), [{"kind": "step", "step": 1, "pictures_per_s": 9.0}]) is None
    assert past_run(TrainRequest(), [{"kind": "started", "pid": 1}]) is None


@pytest.mark.parametrize(
    ("held", "fields", "words"),
    [
        (pictures(2), {}, "Only 2 pictures"),
        (pictures(24, 128), {}, "24 of 24 pictures are smaller"),
        (pictures(24), {"steps_per_epoch": 10}, "uses 10 of 24"),
        (pictures(24), {"max_steps": 5}, "5 steps end before"),
        (pictures(24, captioned=0), {}, "give a trigger word"),
        (pictures(24), {"learning_rate": 1e3}, "1000 is far above"),
        (pictures(24), {"max_steps": 9_000_000}, "a crash would lose"),
    ],
)
def test_what_is_worth_knowing_is_said(storybook, held, fields, words):
    assert words in said(check(storybook, held=held, **fields))


def test_prior_preservation_asks_for_prompts(storybook):
    assert "Prior preservation needs prompts" in said(check(storybook, prior_share=0.3))
    assert "Prior preservation" not in said(check(storybook, prior_share=0.3, prior_prompts=("a cat",)))


def test_a_trigger_word_or_prodigy_quiets_the_notices(storybook):
    assert "trigger" not in said(check(storybook, held=pictures(captioned=0), trigger_word="zhuzi"))
    assert "far above" not in said(check(storybook, learning_rate=1.0, optimizer="prodigy"))


def test_the_machine_is_what_the_engine_says():
    assert this_machine("cuda", "H200", 5).memory_bytes == 5
    assert 0 < this_machine("cpu", "CPU", 2**20).memory_bytes == 2**20
    assert this_machine().memory_bytes > 2**20


def test_an_unknown_folder_costs_nothing(tmp_path):
    costs = read_costs(tmp_path / "nowhere")
    assert costs.denoiser == Network({}, {})
    bench = Bench(costs, pictures(), HERE)
    assert weigh(TrainRequest(), planner(bench.pictures, SIZES)(TrainRequest()), bench).memory_bytes > 0
