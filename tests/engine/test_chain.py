"""The chain: which stages run, what is reused, and that nothing is left behind."""

import pickle
import shutil

import pytest

from studio.engine.chain import Chain
from studio.engine.events import (
    STAGES,
    Finished,
    Job,
    LoraFile,
    LoraMatch,
    Notice,
    Picture,
    StageEnded,
    StageStarted,
    Step,
)
from studio.errors import (
    LoraBroken,
    LoraForAnotherFamily,
    LoraHoldsCode,
    LoraMissing,
    NotFinite,
    OutOfMemory,
    Unexpected,
    UnknownChoice,
    WeightsBroken,
    WeightsIncomplete,
)
from studio.requests import GenerateRequest
from tests.tiny import build_lora

BASE = {"prompt": "a red house 夜晚", "width": 64, "height": 64, "steps": 3, "seed": 1}


@pytest.fixture(scope="module")
def chain():
    return Chain()


@pytest.fixture
def job(tiny_kolors):
    def make(loras=(), model=tiny_kolors, **changes):
        return Job(GenerateRequest(**{**BASE, **changes}), model, "kolors", tuple(loras))

    return make


def ran(events):
    """Stages that ran, in order, each as often as it ran."""
    return [event.stage for event in events if isinstance(event, StageEnded) and not event.reused]


def pictures(events):
    return [event.rgb for event in events if isinstance(event, Picture)]


def fresh(chain, job):
    """The pictures of a job, with nothing kept from before."""
    chain.results.clear()
    return pictures(chain.run(job))


def test_events_tell_the_whole_story(chain, job):
    chain.results.clear()
    events = list(chain.run(job(count=2)))
    stages = [(event.stage, event.picture) for event in events if isinstance(event, StageStarted)]
    pairs = [("sample", 0), ("decode", 0), ("sample", 1), ("decode", 1)]
    assert stages == [("load", 0), ("adapt", 0), ("encode", 0), *pairs]
    assert [(e.stage, e.picture) for e in events if isinstance(e, StageEnded)] == stages
    steps = [event for event in events if isinstance(event, Step)]
    assert [(s.picture, s.step, s.steps) for s in steps] == [(p, n, 3) for p in (0, 1) for n in (1, 2, 3)]
    assert all(step.preview_jpeg.startswith(b"\xff\xd8") for step in steps)
    assert all(step.seconds_left >= 0 for step in steps)
    made = [event for event in events if isinstance(event, Picture)]
    assert [(p.index, p.seed, p.width, p.height, len(p.rgb)) for p in made] == [
        (0, 1, 64, 64, 64 * 64 * 3),
        (1, 2, 64, 64, 64 * 64 * 3),
    ]
    assert isinstance(events[-1], Finished)
    assert events[-1].peak_bytes > 0
    assert all(event.holds.say("zh") for event in events if isinstance(event, StageEnded))


def test_same_request_runs_nothing_and_answers_at_once(chain, job):
    first = list(chain.run(job()))
    again = list(chain.run(job()))
    assert ran(again) == []
    assert pictures(again) == pictures(first)
    assert again[-1].seconds < 0.1


def test_half_characters_are_read_as_question_marks(chain, job):
    assert fresh(chain, job(prompt="a \ud800 boat")) == fresh(chain, job(prompt="a ? boat"))


def test_new_seed_runs_only_sample_and_decode(chain, job):
    list(chain.run(job()))
    assert ran(chain.run(job(seed=77))) == ["sample", "decode"]


def test_new_prompt_keeps_the_negative_one(chain, job):
    list(chain.run(job()))
    before = set(chain.results._kept)
    assert ran(chain.run(job(prompt="a blue boat", seed=5))) == ["encode", "sample", "decode"]
    texts = [key for key in set(chain.results._kept) - before if key[0] == "text"]
    assert len(texts) == 1


def test_new_sampling_settings_run_only_sample_and_decode(chain, job):
    list(chain.run(job()))
    for change in (
        {"steps": 4},
        {"sampler": "heun"},
        {"schedule": "karras"},
        {"width": 72},
        {"guidance": 2.0},
    ):
        assert ran(chain.run(job(**change))) == ["sample", "decode"], change
    assert ran(chain.run(job(guidance=1.0))) == ["sample", "decode"]


def test_picture_of_a_batch_can_be_made_alone(chain, job):
    batch = fresh(chain, job(count=3))
    assert fresh(chain, job(seed=3)) == batch[2:]


def test_batch_reuses_the_pictures_that_it_has(chain, job):
    fresh(chain, job())
    assert ran(chain.run(job(count=2))) == ["sample", "decode"]


def test_seeds_wrap_around(chain, job):
    events = list(chain.run(job(seed=2**32 - 1, count=2)))
    assert [event.seed for event in events if isinstance(event, Picture)] == [2**32 - 1, 0]


def test_coming_back_to_a_model_reuses_it(chain, job, own_kolors):
    chain.results.clear()
    first = pictures(chain.run(job()))
    assert ran(chain.run(job(model=own_kolors))) == ["load", "adapt", "encode", "sample", "decode"]
    assert ran(chain.run(job())) == []
    assert ran(chain.run(job(seed=8))) == ["sample", "decode"]
    assert pictures(chain.run(job())) == first


def test_kept_picture_needs_no_model(job):
    chain = Chain()
    first = pictures(chain.run(job()))
    chain.models.kept.clear()
    again = list(chain.run(job()))
    assert (ran(again), pictures(again)) == ([], first)
    assert chain.models.kept.bytes == 0


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("vae", ["load", "decode"]),
        ("unet", ["load", "adapt", "sample", "decode"]),
        ("text_encoder", ["load", "encode", "sample", "decode"]),
        ("scheduler", ["load", "sample", "decode"]),
    ],
)
def test_replaced_part_runs_only_what_depends_on_it(chain, job, own_kolors, part, wanted):
    list(chain.run(job(model=own_kolors)))
    file = next(file for file in (own_kolors / part).iterdir() if file.suffix != ".md")
    file.write_bytes(file.read_bytes())
    assert ran(chain.run(job(model=own_kolors))) == wanted


def use(file, weight=1.0):
    return LoraFile(file.stem, file, weight)


def test_lora_changes_the_picture_and_removal_gives_the_old_one_back(chain, job, tiny_lora):
    base = fresh(chain, job())
    chain.results.clear()
    events = list(chain.run(job([use(tiny_lora, 0.8)])))
    assert pictures(events) != base
    (match,) = [event for event in events if isinstance(event, LoraMatch)]
    assert match == LoraMatch("ink", 32, 32, 4, 0.8, "file", "kolors")
    assert fresh(chain, job()) == base


def test_a_lora_that_is_off_is_out_of_the_way_and_comes_back(job, tiny_lora, tiny_kolors, tmp_path):
    from peft.tuners.tuners_utils import BaseTunerLayer

    chain = Chain()
    other = build_lora(tmp_path / "other.safetensors", tiny_kolors, seed=2)
    wanted = [fresh(chain, job([use(file, 0.8)])) for file in (tiny_lora, other)]
    for file, picture in zip((tiny_lora, other), wanted, strict=True):
        for off in (job(), job([use(tiny_lora, 0.0)])):
            fresh(chain, off)
            (unet,) = [
                kept.value.part
                for _, kept in chain.models.kept.items()
                if getattr(kept.value, "adapters", None)
            ]
            assert not any(isinstance(module, BaseTunerLayer) for module in unet.modules())
        chain.results.clear()
        assert fresh(chain, job([use(file, 0.8)])) == picture


def test_lora_of_weight_zero_is_the_base(chain, job, tiny_lora):
    assert fresh(chain, job([use(tiny_lora, 0.0)])) == fresh(chain, job())


def test_a_lora_counts_by_block(chain, job, tiny_lora):
    base, whole = fresh(chain, job()), fresh(chain, job([use(tiny_lora, 0.8)]))
    halved = LoraFile("ink", tiny_lora, 0.8, (("down", 0.5), ("mid", 0.5), ("up", 0.5)))
    assert fresh(chain, job([halved])) == fresh(chain, job([use(tiny_lora, 0.4)])) != whole
    assert fresh(chain, job([LoraFile("ink", tiny_lora, 0.8, (("down", 0.0),))])) not in (base, whole)
    nowhere = LoraFile("ink", tiny_lora, 0.8, (("down", 0.0), ("mid", 0.0), ("up", 0.0)))
    assert fresh(chain, job([nowhere])) == base
    assert ran(chain.run(job([use(tiny_lora, 0.8)]))) != []


def test_layers_for_a_text_encoder_that_is_not_there_are_told(chain, job, tmp_path, tiny_lora):
    import torch
    from safetensors.torch import load_file, save_file

    stem = "lora_te1_text_model_encoder_layers_0_self_attn_q_proj"
    more = {f"{stem}.lora_down.weight": torch.ones(4, 8), f"{stem}.lora_up.weight": torch.ones(8, 4)}
    save_file(load_file(str(tiny_lora)) | more, str(tmp_path / "both.safetensors"))
    events = list(chain.run(job([use(tmp_path / "both.safetensors")])))
    (match,) = [event for event in events if isinstance(event, LoraMatch)]
    assert (match.matched, match.total, match.text_layers) == (32, 32, 0)
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert "1 layers for text_encoder" in notice.said.say("en")


def test_a_torch_file_of_tensors_works_as_the_safetensors_file_does(chain, job, tmp_path, tiny_lora):
    import torch
    from safetensors.torch import load_file

    torch.save({"state_dict": load_file(str(tiny_lora))}, tmp_path / "ink.ckpt")
    assert fresh(chain, job([use(tmp_path / "ink.ckpt")])) == fresh(chain, job([use(tiny_lora)]))


def test_lora_twice_is_the_sum_of_its_weights(chain, job, tiny_lora):
    twice = fresh(chain, job([use(tiny_lora, 0.25), use(tiny_lora, 0.5)]))
    assert twice == fresh(chain, job([use(tiny_lora, 0.75)]))


def test_new_lora_weight_reads_no_file_and_keeps_the_texts(chain, job, tiny_lora, monkeypatch):
    list(chain.run(job([use(tiny_lora, 0.5)])))
    monkeypatch.setattr("studio.engine.adapt.read", None)
    assert ran(chain.run(job([use(tiny_lora, 0.6)]))) == ["adapt", "sample", "decode"]


def test_switching_between_loras_reuses_the_attached_ones(
    chain, job, tiny_lora, tmp_path, tiny_kolors, monkeypatch
):
    other = build_lora(tmp_path / "b.safetensors", tiny_kolors, seed=4)
    a = fresh(chain, job([use(tiny_lora)]))
    b = pictures(chain.run(job([use(other)])))
    both = pictures(chain.run(job([use(tiny_lora), use(other)])))
    monkeypatch.setattr("studio.engine.adapt.read", None)
    assert fresh(chain, job([use(other)])) == b
    assert fresh(chain, job([use(tiny_lora)])) == a
    assert fresh(chain, job([use(tiny_lora), use(other)])) == both
    assert len({a[0], b[0], both[0]}) == 3


def test_lora_replaced_under_its_name_is_noticed(chain, job, tmp_path, tiny_kolors):
    file = build_lora(tmp_path / "mine.safetensors", tiny_kolors, seed=1)
    first = list(chain.run(job([use(file)])))
    build_lora(file, tiny_kolors, seed=2)
    second = list(chain.run(job([use(file)])))
    assert ran(second) == ["adapt", "sample", "decode"]
    assert pictures(first) != pictures(second)
    build_lora(file, tiny_kolors, seed=2)
    assert fresh(chain, job([use(file)])) == pictures(second)


def test_old_loras_are_taken_off_when_there_are_too_many(chain, job, tmp_path, tiny_kolors, monkeypatch):
    monkeypatch.setattr("studio.engine.adapt.MOST_BYTES", 100_000)
    base = fresh(chain, job())
    files = [build_lora(tmp_path / f"{n}.safetensors", tiny_kolors, seed=n) for n in range(6)]
    made = [fresh(chain, job([use(file)])) for file in files]
    unet = next(key for key in chain.models.kept._kept if key[2] == "unet")
    adapters = chain.models.kept.get(unet).value.adapters
    assert adapters.bytes <= 100_000
    assert fresh(chain, job([use(files[0])])) == made[0]
    assert fresh(chain, job()) == base


def test_partial_match_is_told(chain, job, tmp_path, tiny_kolors):
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(build_lora(tmp_path / "a.safetensors", tiny_kolors)))
    renamed = {key.replace("up_blocks", "upper_blocks"): tensor for key, tensor in tensors.items()}
    save_file(renamed, str(tmp_path / "part.safetensors"))
    events = list(chain.run(job([use(tmp_path / "part.safetensors")])))
    (match,) = [event for event in events if isinstance(event, LoraMatch)]
    assert 0 < match.matched < match.total == 32
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert notice.field == "loras"
    assert f"only {match.matched} of its 32 layers" in notice.said.say("en")


def test_bad_loras_are_refused_and_harm_nothing(chain, job, tmp_path, tiny_kolors, tiny_lora):
    base = fresh(chain, job())
    sdxl = build_lora(tmp_path / "sdxl.safetensors", tiny_kolors, family="sdxl")
    (tmp_path / "cut.safetensors").write_bytes(tiny_lora.read_bytes()[:-5])
    (tmp_path / "old.ckpt").write_bytes(pickle.dumps(print))
    for file, error in [
        (sdxl, LoraForAnotherFamily),
        (tmp_path / "cut.safetensors", LoraBroken),
        (tmp_path / "old.ckpt", LoraHoldsCode),
        (tmp_path / "gone.safetensors", LoraMissing),
    ]:
        chain.results.clear()
        with pytest.raises(error):
            list(chain.run(job([use(tiny_lora), use(file)])))
        assert fresh(chain, job()) == base


@pytest.mark.long
def test_closing_at_any_yield_leaves_the_next_picture_alone(chain, job, tiny_lora):
    wanted = fresh(chain, job())
    disturbing = job([use(tiny_lora, 0.9)], prompt="something else", sampler="dpmpp_2m_sde", seed=9, count=2)
    chain.results.clear()
    total = len(list(chain.run(disturbing)))
    for stop in range(total):
        chain.results.clear()
        events = chain.run(disturbing)
        for _ in range(stop + 1):
            next(events)
        events.close()
        assert fresh(chain, job()) == wanted, f"closed at yield {stop}"
        events = chain.run(job())
        chain.results.clear()
        for _ in range(min(stop + 1, 5)):
            next(events)
        events.close()
        assert fresh(chain, job()) == wanted, f"the same request, closed at yield {stop}"


def test_stopped_batch_keeps_its_finished_pictures(chain, job):
    chain.results.clear()
    events = chain.run(job(count=3))
    for event in events:
        if isinstance(event, Step) and event.picture == 1:
            break
    events.close()
    assert ran(chain.run(job(count=2))) == ["sample", "decode"]


def notices(events):
    return {event.field: event.said.say("en") for event in events if isinstance(event, Notice)}


def test_sizes_are_rounded_down_and_said(chain, job):
    events = list(chain.run(job(width=71, height=100)))
    assert notices(events) == {
        "width": "Kolors paints in steps of 8 pixels: 71 became 64.",
        "height": "Kolors paints in steps of 8 pixels: 100 became 96.",
    }
    assert [(e.width, e.height) for e in events if isinstance(e, Picture)] == [(64, 96)]


def test_long_prompt_says_what_was_not_read_every_time(chain, job):
    prompt = "a red house " * 850
    assert len(prompt) > 10_000
    for _ in range(2):
        said = notices(chain.run(job(prompt=prompt)))["prompt"]
        assert "254 tokens" in said
        assert "house" in said.partition("Not read")[2]
        assert len(said) < 400


def test_empty_prompt_says_what_happens(chain, job):
    events = list(chain.run(job(prompt=" \n")))
    assert "whatever it likes" in notices(events)["prompt"]
    assert len(pictures(events)) == 1


def test_negative_prompt_without_guidance_says_that_it_is_unused(chain, job):
    assert "no effect" in notices(chain.run(job(guidance=1.0, negative_prompt="blurry")))["negative_prompt"]
    assert notices(chain.run(job(guidance=1.0))) == {}


@pytest.mark.parametrize(
    ("change", "field"),
    [({"sampler": "x"}, "sampler"), ({"schedule": "x"}, "schedule"), ({"precision": "x"}, "precision")],
)
def test_unknown_choices_are_refused_at_their_field(chain, job, change, field):
    with pytest.raises(UnknownChoice) as refused:
        list(chain.run(job(**change)))
    assert refused.value.field == field


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_every_precision_paints(chain, job, precision):
    assert len(pictures(chain.run(job(precision=precision)))) == 1


def test_fp16_on_a_cpu_is_computed_exactly_and_said_so(chain, job):
    exact = fresh(chain, job(precision="fp32"))
    events = list(chain.run(job(precision="fp16")))
    assert pictures(events) == exact
    assert ran(events) == []
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert notice.field == "precision"
    assert "fp32" in notice.said.say("en")
    assert "已改用 fp32" in notice.said.say("zh")


def test_broken_model_is_refused_and_mended_by_a_good_copy(chain, job, own_kolors, tiny_kolors):
    file = own_kolors / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(WeightsBroken):
        list(chain.run(job(model=own_kolors)))
    shutil.copy(tiny_kolors / "unet" / file.name, file)
    assert fresh(chain, job(model=own_kolors)) == fresh(chain, job())


def test_incomplete_text_encoder_is_refused_and_not_painted_black(chain, job, own_kolors):
    from safetensors.torch import load_file, save_file

    file = own_kolors / "text_encoder" / "model.safetensors"
    tensors = load_file(str(file))
    tensors.pop(next(key for key in tensors if "layers.1" in key))
    save_file(tensors, str(file), {"format": "pt"})
    with pytest.raises(WeightsIncomplete, match="text_encoder lacks 1 of"):
        list(chain.run(job(model=own_kolors)))


def test_weights_that_overflow_say_so(chain, job, own_kolors):
    from safetensors.torch import load_file, save_file

    file = own_kolors / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(str(file))
    tensors["conv_out.weight"] = tensors["conv_out.weight"] * float("nan")
    save_file(tensors, str(file), {"format": "pt"})
    with pytest.raises(NotFinite, match="after sample"):
        list(chain.run(job(model=own_kolors)))


def test_running_out_of_memory_frees_it_and_the_next_run_is_the_same(job, monkeypatch):
    import gc
    import weakref

    import torch

    from studio.engine import decode

    chain = Chain()
    wanted = fresh(chain, job())
    held = []

    def greedy(family, parts, latents):
        block = torch.zeros(1000)
        held.append(weakref.ref(block))
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    with monkeypatch.context() as patched:
        patched.setattr(decode, "run", greedy)
        with pytest.raises(OutOfMemory, match="ran out of memory at decode") as refused:
            fresh(chain, job())
        assert "smaller size" in str(refused.value)
        assert chain.models.kept.bytes == 0
    gc.collect()
    assert held[0]() is None
    assert fresh(chain, job()) == wanted


def test_out_of_memory_in_the_middle_of_sampling(job, monkeypatch):
    import torch

    chain = Chain()
    wanted = fresh(chain, job())
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    forward, calls = UNet2DConditionModel.forward, []

    def greedy(self, *args, **how):
        calls.append(1)
        if len(calls) in (2, 3):
            raise torch.OutOfMemoryError("out of memory")
        return forward(self, *args, **how)

    with monkeypatch.context() as patched:
        patched.setattr(UNet2DConditionModel, "forward", greedy)
        with pytest.raises(OutOfMemory, match="at sample"):
            fresh(chain, job())
    assert fresh(chain, job()) == wanted


def test_unforeseen_failure_has_a_number_that_the_log_has_too(chain, job, monkeypatch, caplog):
    from studio.engine import decode

    def fail(*_):
        raise ZeroDivisionError("something odd")

    chain.results.clear()
    with monkeypatch.context() as patched, pytest.raises(Unexpected) as refused:
        patched.setattr(decode, "run", fail)
        list(chain.run(job()))
    assert refused.value.values["number"] in caplog.text
    assert "something odd" in caplog.text
    assert refused.value.__traceback__ is not None
    assert "something odd" not in str(refused.value)


def test_previews_can_be_left_out(chain, tiny_kolors):
    job = Job(GenerateRequest(**{**BASE, "seed": 4}), tiny_kolors, "kolors", previews=False)
    assert [event.preview_jpeg for event in chain.run(job) if isinstance(event, Step)] == [None] * 3


def test_warming_up_leaves_nothing_to_load(job, tiny_kolors, tmp_path):
    chain = Chain()
    chain.warm_up("kolors", tmp_path / "nowhere")
    chain.warm_up("kolors", tiny_kolors)
    assert ran(chain.run(job())) == [stage for stage in STAGES if stage != "load"]


def test_weights_that_the_family_reads_as_text_are_told(chain, job):
    said = notices(chain.run(job(prompt="a (red:1.3) house", negative_prompt="((night))", guidance=2.0)))
    assert said.keys() == {"prompt", "negative_prompt"}
    assert "Kolors reads brackets as they stand" in said["prompt"]
    assert notices(chain.run(job(prompt="a red house (old)"))) == {}
