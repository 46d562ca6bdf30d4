"""The engine's small rooms: cache, stepwise, preview, device."""

import io
import sys
from types import SimpleNamespace

import pytest

from studio.engine.cache import Cache, Kept
from studio.engine.device import Device, is_out_of_memory, pick_dtype, threads
from studio.engine.stepwise import Hand, Stopped, stepwise
from studio.errors import UnknownChoice
from studio.words import Said, Text

NOTHING = Said(Text("", ""), {})


def kept(size):
    return Kept(object(), size, NOTHING)


def test_cache_drops_the_least_recently_used():
    cache = Cache(100)
    for name in "abc":
        cache.put(name, kept(30))
    cache.get("a")
    cache.put("d", kept(30))
    assert [name for name in "abcd" if name in cache] == ["a", "c", "d"]
    assert cache.bytes == 90


def test_cache_keeps_the_newest_whatever_its_size():
    cache = Cache(100)
    cache.put("a", kept(10))
    cache.put("b", kept(500))
    assert "a" not in cache
    assert "b" in cache
    cache.make_room(50)
    assert "b" not in cache


def counting(report):
    for n in range(3):
        report(n)
    return "done"


def test_stepwise_yields_reports_and_returns_the_result():
    steps = stepwise(counting, Hand())
    seen = []
    with pytest.raises(StopIteration) as over:
        while True:
            seen.append(next(steps))
    assert (seen, over.value.value) == ([0, 1, 2], "done")


def test_stepwise_call_waits_while_the_generator_is_paused():
    reached = []

    def call(report):
        for n in range(3):
            reached.append(n)
            report(n)

    steps = stepwise(call, Hand())
    next(steps)
    assert reached == [0]
    next(steps)
    assert reached == [0, 1]
    steps.close()
    assert reached == [0, 1]


def test_stepwise_closing_ends_the_call_first():
    ended = []

    def call(report):
        try:
            counting(report)
        except Stopped:
            ended.append(True)
            raise

    steps = stepwise(call, Hand())
    next(steps)
    steps.close()
    assert ended == [True]


def test_a_hand_takes_the_next_call_after_a_stopped_one():
    hand = Hand()
    stopped = stepwise(counting, hand)
    next(stopped)
    stopped.close()
    assert list(stepwise(counting, hand)) == [0, 1, 2]


def test_stepwise_raises_what_the_call_raises():
    def call(report):
        report(1)
        raise ZeroDivisionError("here")

    steps = stepwise(call, Hand())
    assert next(steps) == 1
    with pytest.raises(ZeroDivisionError, match="here"):
        next(steps)


class Softener:
    """An autoencoder whose latents are the picture, eight times smaller."""

    def encode(self, parts, pictures):
        import torch

        small = torch.nn.functional.avg_pool2d(pictures, 8) * 0.5
        return torch.cat([small, small[:, :1] * 0], 1), small

    def decode(self, parts, latents):
        import torch

        rgb = torch.nn.functional.interpolate(latents[:, :3] / 0.5, scale_factor=8, mode="bilinear")
        return rgb / 2 + 0.5


def test_preview_learns_what_the_autoencoder_makes():
    import torch
    from PIL import Image

    from studio.engine.preview import _made_up, fit

    vae = Softener()
    preview = fit(SimpleNamespace(decode=vae.decode, encode_picture=vae.encode), {})
    latents, _ = vae.encode({}, _made_up()[:1] * 2 - 1)
    shown = Image.open(io.BytesIO(preview.jpeg(latents)))
    truth = torch.nn.functional.avg_pool2d(vae.decode({}, latents), 2)[0]
    seen = (
        torch.frombuffer(bytearray(shown.tobytes()), dtype=torch.uint8).reshape(128, 128, 3).permute(2, 0, 1)
    )
    assert (seen / 255 - truth).abs().mean() < 0.03


def test_preview_of_a_network_is_a_small_jpeg_whatever_the_latents(tiny_kolors):
    import torch
    from PIL import Image

    from studio.engine.load import open_part
    from studio.engine.preview import fit
    from studio.families import families

    family = families()["kolors"]
    preview = fit(family, {"vae": open_part(family.part("vae"), tiny_kolors, "cpu", torch.float32)})
    for value in (0.0, float("nan"), 1e30):
        picture = preview.jpeg(torch.full((1, 4, 8, 12), value))
        assert Image.open(io.BytesIO(picture)).size == (48, 32)


CPU = Device("cpu", "CPU", 8 * 2**30)


def test_precision_on_a_cpu_is_full_until_it_would_not_fit():
    import torch

    assert pick_dtype(CPU, "auto", False, 10**6) == torch.float32
    assert pick_dtype(CPU, "auto", False, 6 * 10**9) == torch.bfloat16
    assert pick_dtype(CPU, "fp16", False, 10**6) == torch.float32
    assert pick_dtype(CPU, "fp16", False, 6 * 10**9) == torch.bfloat16
    assert pick_dtype(CPU, "bf16", False, 10**6) == torch.bfloat16


def test_precision_that_was_named_is_kept_on_a_gpu():
    import torch

    assert pick_dtype(Device("cuda", "GPU", 8 * 2**30), "fp16", False) == torch.float16


@pytest.mark.parametrize(
    ("has_bf16", "fp16_is_safe", "wanted"),
    [((8, 0), False, "bfloat16"), ((7, 5), True, "float16"), ((7, 5), False, "float32")],
)
def test_precision_on_a_gpu_follows_its_generation(monkeypatch, has_bf16, fp16_is_safe, wanted):
    import torch

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: has_bf16)
    dtype = pick_dtype(Device("cuda", "GPU", 8 * 2**30), "auto", fp16_is_safe)
    assert dtype == getattr(torch, wanted)


def test_unknown_precision_is_refused_at_its_field():
    with pytest.raises(UnknownChoice) as refused:
        pick_dtype(CPU, "int3", False)
    assert refused.value.field == "precision"


def test_threads_follow_the_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads() >= 1


def test_out_of_memory_is_told_from_other_failures():
    import torch

    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"))
    assert not is_out_of_memory(RuntimeError("shapes differ"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows doesn't tell")
def test_peak_memory_is_known():
    from studio.engine.device import peak_bytes

    assert 2**25 < peak_bytes(CPU) < 2**36
