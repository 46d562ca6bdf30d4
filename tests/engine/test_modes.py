"""Every way of fitting the machine gives the picture, and the same one where nothing is rounded."""

import pytest
import torch

from studio.engine import plan as plans
from studio.engine import stay
from studio.engine.chain import Chain
from studio.engine.events import Job, LoraFile, Notice, Picture, StageEnded
from studio.engine.load import open_part
from studio.errors import OutOfMemory
from studio.families import families
from studio.lora.attach import attach, detach
from studio.lora.layer import Layer
from studio.lora.match import Match
from studio.requests import GenerateRequest
from studio.settings import ROOT
from tests.tiny import attention_shapes

BASE = {"prompt": "a red house 夜晚", "width": 64, "height": 64, "steps": 2, "seed": 1, "guidance": 3.0}
EXACT = ("whole", "encoder_away", "offload", "cpu")
ROUNDED = ("encoder_8bit", "encoder_4bit")


@pytest.fixture(params=["cpu", "cuda"])
def chain(request, monkeypatch):
    """A chain that forgets what is away, as on a CPU, and one that keeps it in main memory, as beside a GPU."""
    memory = plans.Room(64 * 2**30, 64 * 2**30, request.param)
    monkeypatch.setattr("studio.engine.models.room", lambda device: memory)
    return Chain()


@pytest.fixture
def job(tiny_kolors):
    def make(loras=(), **changes):
        request = GenerateRequest(**{**BASE, **changes})
        return Job(request, tiny_kolors, "kolors", tuple(loras), previews=False)

    return make


def pictures(events):
    return [event.rgb for event in events if isinstance(event, Picture)]


def notices(events):
    return [event.said.say() for event in events if isinstance(event, Notice) and event.field == "memory"]


def fresh(chain, job):
    """The pictures of a job, made from nothing."""
    chain.results.clear()
    return pictures(chain.run(job))


@pytest.fixture(scope="module")
def wanted(tiny_kolors):
    return pictures(Chain().run(Job(GenerateRequest(**BASE), tiny_kolors, "kolors")))


@pytest.mark.parametrize("mode", EXACT)
def test_nothing_rounded_nothing_changed(chain, job, wanted, mode):
    assert fresh(chain, job(memory=mode)) == wanted
    assert fresh(chain, job(memory=mode)) == wanted
    list(chain.run(job(memory=mode, prompt="another", seed=3)))
    assert fresh(chain, job(memory=mode)) == wanted


def test_kept_pictures_are_good_for_every_exact_mode(chain, job, wanted):
    list(chain.run(job()))
    for mode in EXACT:
        events = list(chain.run(job(memory=mode)))
        assert [event.stage for event in events if isinstance(event, StageEnded) and not event.reused] == []
        assert pictures(events) == wanted


@pytest.mark.parametrize("mode", ROUNDED)
def test_fewer_bits_give_another_picture_that_is_kept_apart(chain, job, wanted, mode):
    rounded = pictures(chain.run(job(memory=mode)))
    assert rounded != wanted
    assert pictures(chain.run(job())) == wanted
    assert pictures(chain.run(job(memory=mode))) == rounded
    far = torch.frombuffer(bytearray(rounded[0]), dtype=torch.uint8).float()
    near = torch.frombuffer(bytearray(wanted[0]), dtype=torch.uint8).float()
    assert (far - near).abs().mean() < 8


@pytest.mark.long
@pytest.mark.parametrize("mode", [*EXACT, *ROUNDED])
def test_loras_come_and_go_in_every_mode(chain, job, tiny_lora, mode):
    base = fresh(chain, job(memory=mode))
    with_lora = fresh(chain, job([LoraFile("ink", tiny_lora, 0.8)], memory=mode))
    assert with_lora != base
    assert fresh(chain, job(memory=mode)) == base
    assert fresh(chain, job([LoraFile("ink", tiny_lora, 0.8)], memory=mode)) == with_lora
    if mode in EXACT:
        assert with_lora == fresh(Chain(), job([LoraFile("ink", tiny_lora, 0.8)]))


def travelling(network):
    """The layers that come and go."""
    hooked = [module for module in network.modules() if hasattr(module, "_diffusers_hook")]
    return [module for module in hooked if "group_offloading" in module._diffusers_hook.hooks]


def test_layers_that_a_dora_reads_stay_where_it_can(tiny_kolors):
    unet = open_part(families()["kolors"].part("unet"), tiny_kolors, "cpu", torch.float32)
    stay.layer_by_layer(unet, "cpu")
    name, shape = next(iter(attention_shapes(tiny_kolors).items()))
    layer = Layer(torch.ones(2, shape[1]), torch.ones(shape[0], 2), 2.0, magnitude=torch.ones(shape[0]))
    attach(unet, "dora", Match({name: layer}, 1, (), "kolors", "file"))
    before = travelling(unet)
    stay.keep_what_is_read(unet, "cpu")
    after = travelling(unet)
    assert [m for m in before if m not in after] == [unet.get_submodule(name).get_base_layer()]
    stay.keep_what_is_read(unet, "cpu")
    detach(unet, "dora")


def test_turning_modes_says_so_before_loading(chain, job):
    events = list(chain.run(job(memory="encoder_8bit")))
    (said,) = notices(events)
    assert "needs about" in said
    assert "8-bit text encoder" in said
    loaded = next(event for event in events if isinstance(event, StageEnded) and event.stage == "load")
    assert events.index(loaded) > events.index(next(e for e in events if isinstance(e, Notice)))
    assert "8-bit text encoder" in loaded.holds.say()
    assert "8 位" in loaded.holds.say("zh")


def test_what_is_away_is_forgotten_on_a_cpu_and_kept_beside_a_gpu(chain, job, request):
    list(chain.run(job(memory="encoder_away")))
    open_now = {key[2]: kept.value for key, kept in chain.models.guests.items() if key[0] == "part"}
    assert {"unet", "vae"} <= open_now.keys()
    assert ("text_encoder" in open_now) == ("cuda" in request.node.callspec.id)
    if "text_encoder" in open_now:
        assert [open_now[name].guest.is_here for name in ("text_encoder", "unet", "vae")] == [
            False,
            True,
            True,
        ]
    assert chain.models.kept.bytes == 0


def test_models_of_two_plans_never_share_the_device(chain, job):
    list(chain.run(job(memory="encoder_4bit")))
    list(chain.run(job(memory="whole", seed=2)))
    guests = [kept.value.guest for _, kept in chain.models.guests.items() if hasattr(kept.value, "guest")]
    assert not any(guest.is_here for guest in guests if guest)
    assert chain.models.kept.bytes > 0
    list(chain.run(job(memory="encoder_4bit", seed=3)))
    assert chain.models.kept.bytes == 0


def test_guests_come_and_go_without_a_trace(tiny_kolors, tiny_lora):
    from studio.engine.adapt import Adapters, lora_key

    unet = open_part(families()["kolors"].part("unet"), tiny_kolors, "cpu", torch.float32)
    home = {name: (tensor.data_ptr(), tensor.clone()) for name, tensor in unet.state_dict().items()}
    guest, adapters = stay.Guest(unet, "cpu"), Adapters(unet)
    ink = LoraFile("ink", tiny_lora, 1.0)
    assert not guest.go()
    guest.come()
    adapters.apply([(lora_key(tiny_lora, "ink"), ink)], "kolors", "tiny")
    assert guest.go()
    guest.come()
    adapters.apply([], "kolors", "tiny")
    assert guest.go()
    for name, tensor in unet.state_dict().items():
        pointer, value = home[name.replace(".base_layer", "")] if "lora_" not in name else (None, tensor)
        assert torch.equal(tensor, value), name
        assert pointer in (None, tensor.data_ptr()), name


class Meter:
    """Raises a real out-of-memory error at the nth call of a function, and then as often as told."""

    def __init__(self, function, first, times=1):
        self.function, self.calls, self.bad = function, 0, range(first, first + times)

    def __call__(self, *given, **named):
        self.calls += 1
        if self.calls in self.bad:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.function(*given, **named)


def fail(monkeypatch, stage, first=1, times=1):
    """Memory runs out at a stage of the family itself."""
    family = families()["kolors"]
    meter = Meter(getattr(family, stage), first, times)
    monkeypatch.setitem(vars(family), stage, meter)
    return meter


@pytest.mark.parametrize("stage", ["encode", "sample", "decode"])
def test_after_memory_ran_out_the_picture_comes_all_the_same(chain, job, wanted, monkeypatch, stage):
    meter = fail(monkeypatch, stage)
    events = list(chain.run(job()))
    again, *_ = notices(events)
    assert f"Memory ran out at {stage}; once more, smaller: Text encoder off the GPU after use." == again
    assert pictures(events) == wanted
    assert meter.calls >= 2
    learnt = list(chain.run(job(seed=5)))
    assert not any("ran out" in said for said in notices(learnt))


def test_a_second_failure_is_told_and_not_tried_again(chain, job, wanted, monkeypatch):
    with monkeypatch.context() as patched:
        meter = fail(patched, "sample", times=9)
        with pytest.raises(OutOfMemory, match="ran out of memory at sample"):
            list(chain.run(job()))
        assert meter.calls == 2
    assert chain.models.guests.bytes == chain.models.kept.bytes == 0
    assert fresh(chain, job()) == wanted


def test_finished_pictures_are_neither_lost_nor_made_twice(chain, job, monkeypatch):
    alone = [fresh(chain, job(seed=seed))[0] for seed in (1, 2, 3)]
    chain.results.clear()
    meter = fail(monkeypatch, "sample", first=3)
    events = list(chain.run(job(count=3, width=64)))
    made = [event for event in events if isinstance(event, Picture)]
    assert [event.index for event in made] == [0, 1, 2]
    assert [event.rgb for event in made] == alone
    assert meter.calls == 4


def test_what_was_told_is_not_told_again(chain, job, monkeypatch):
    fail(monkeypatch, "decode")
    events = list(chain.run(job(prompt=" ")))
    said = [event.said.say() for event in events if isinstance(event, Notice)]
    assert len(said) == len(set(said))


def test_tiles_are_asked_for_only_while_decoding_and_are_kept_apart(chain, job, wanted, monkeypatch):
    monkeypatch.setattr(plans, "TILE_PX", 32)
    fail(monkeypatch, "decode")
    events = list(chain.run(job(memory="encoder_away")))
    assert "decoded in tiles" in notices(events)[1]
    assert pictures(events) != wanted
    assert pictures(chain.run(job())) == wanted


@pytest.mark.long
def test_tiles_on_storybook_are_undone():
    family = families()["kolors"]
    vae = open_part(family.part("vae"), ROOT / "models" / "storybook", "cpu", torch.float32)
    rows = torch.linspace(0, 1, 512)
    sky = torch.stack(
        [rows[:, None].expand(512, 512), rows[None].expand(512, 512), (rows[:, None] + rows) / 2]
    )
    latents, _ = family.encode_picture({"vae": vae}, sky[None] * 2 - 1)
    whole = family.decode({"vae": vae}, latents)
    stay.set_tiles(vae, 256)
    tiled = family.decode({"vae": vae}, latents)
    stay.set_tiles(vae, 0)
    assert torch.equal(family.decode({"vae": vae}, latents), whole)
    assert not torch.equal(tiled, whole)
    assert tiled.shape == whole.shape
    assert torch.isfinite(tiled).all()
