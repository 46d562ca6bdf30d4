"""Pictures that begin with a picture: what is kept, what is told, and where the mask holds."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from studio.engine import start
from studio.engine.chain import Chain
from studio.engine.events import Job, Picture, StageEnded, Step
from studio.errors import MaskAlone, MaskBlack, StartMissing
from studio.requests import GenerateRequest

SIZE = (64, 64)


@pytest.fixture(scope="module")
def chain():
    return Chain()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A colourful picture, and masks of it."""
    folder = tmp_path_factory.mktemp("starts")
    y, x = np.mgrid[0:64, 0:64]
    Image.fromarray(np.stack([x * 4, y * 4, 255 - x * 2], -1).astype(np.uint8)).save(folder / "picture.png")
    Image.fromarray(np.where(x >= 32, 255, 0).astype(np.uint8)).save(folder / "right.png")
    for name, colour in (("black", 3), ("white", 251)):
        Image.new("L", SIZE, colour).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def job(tiny_kolors, files):
    def make(picture="picture.png", mask=None, **changes):
        base = {"prompt": "a red house", "width": 64, "height": 64, "steps": 5, "seed": 1}
        request = GenerateRequest(**{**base, **changes})
        begins = {"start": picture and files / picture, "mask": mask and files / mask}
        return Job(request, tiny_kolors, "kolors", previews=False, **begins)

    return make


def ran(events):
    return [event.stage for event in events if isinstance(event, StageEnded) and not event.reused]


def pixels(events):
    (picture,) = [event for event in events if isinstance(event, Picture)]
    return np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3)


def test_a_new_seed_keeps_the_start_and_a_changed_file_is_encoded_again(chain, job, files):
    chain.results.clear()
    assert ran(chain.run(job())) == ["load", "adapt", "encode", "sample", "decode"]
    assert ran(chain.run(job(seed=2))) == ["sample", "decode"]
    assert ran(chain.run(job(strength=0.4))) == ["sample", "decode"]
    assert ran(chain.run(job())) == []
    shutil.copy(files / "picture.png", files / "again.png")
    first = pixels(chain.run(job("again.png")))
    with Image.open(files / "again.png") as picture:
        turned = picture.transpose(Image.Transpose.ROTATE_90)
    turned.save(files / "again.png")
    events = list(chain.run(job("again.png")))
    assert ran(events) == ["encode", "sample", "decode"]
    assert not np.array_equal(pixels(events), first)


def test_the_steps_told_are_those_that_are_taken(chain, job):
    def steps(**changes):
        chain.results.clear()
        told = [event for event in chain.run(job(**changes)) if isinstance(event, Step)]
        assert [event.step for event in told] == list(range(1, len(told) + 1))
        assert {event.steps for event in told} == {len(told)}
        return len(told)

    assert [steps(strength=strength) for strength in (0.05, 0.4, 0.6)] == [1, 2, 3]
    assert steps(steps=1, strength=0.5) == 1


def test_at_full_strength_nothing_of_the_start_is_left(chain, job):
    noise = pixels(chain.run(job(None)))
    assert ran(chain.run(job(strength=1.0))) == []
    assert np.array_equal(pixels(chain.run(job(strength=1.0))), noise)
    assert ran(chain.run(job(None, strength=0.3))) == []


def test_what_the_mask_leaves_black_comes_back_to_the_bit(chain, job, files):
    with Image.open(files / "picture.png") as picture:
        old = np.asarray(picture.convert("RGB"))
    for strength in (0.6, 1.0):
        made = pixels(chain.run(job(mask="right.png", strength=strength)))
        assert np.array_equal(made[:, :32], old[:, :32])
        assert (made[:, 40:] != old[:, 40:]).any(-1).mean() > 0.9


def test_latents_outside_the_mask_end_as_they_began(chain, job):
    chain.results.clear()
    list(chain.run(job(mask="right.png", sampler="dpmpp_2m_sde")))
    held = {key[0]: kept.value for key, kept in chain.results._kept.items() if key[0] in ("start", "latents")}
    apart = (held["latents"] - held["start"]).abs()[0].amax(0)
    assert float(apart[:, :4].max()) == 0
    assert float(apart[:, 4:].min()) > 0


def test_a_white_mask_is_no_mask_and_a_black_one_is_refused(chain, job):
    plain = pixels(chain.run(job()))
    assert np.array_equal(pixels(chain.run(job(mask="white.png"))), plain)
    with pytest.raises(MaskBlack, match="black everywhere"):
        list(chain.run(job(mask="black.png")))
    with pytest.raises(MaskAlone):
        list(chain.run(job(None, mask="right.png")))
    with pytest.raises(StartMissing):
        list(chain.run(job("nowhere.png")))


def test_any_shape_is_cut_to_fit(tmp_path):
    for size in ((1, 1), (20_000, 3), (50, 700), (64, 64)):
        file = tmp_path / "picture.png"
        Image.linear_gradient("L").resize(size).convert("RGB").save(file)
        assert start.fitted(file, 96, 64).shape == (3, 64, 96)
        Image.new("L", size, 255).save(file)
        assert start.fitted_mask(file, 96, 64) is None


def test_covering_cuts_about_the_middle(tmp_path):
    strip = np.zeros((10, 40, 3), np.uint8)
    strip[:, 12:28] = 255  # the middle 10, and what Lanczos sees of their neighbours
    Image.fromarray(strip).save(tmp_path / "strip.png")
    assert float(start.fitted(tmp_path / "strip.png", 64, 64).min()) > 200


def test_the_new_picture_fades_in_within_the_mask():
    mask = torch.zeros(1, 32, 32)
    mask[:, :, 16:] = 1
    new, old = bytes([200]) * (32 * 32 * 3), torch.zeros(3, 32, 32)
    row = np.frombuffer(start.composed(new, old, mask), np.uint8).reshape(32, 32, 3)[16, :, 0]
    assert (row[:16] == 0).all()
    assert 0 < row[16] < row[18] < 200
    assert (row[20:] == 200).all()


def test_closing_at_any_yield_leaves_the_next_picture_alone(chain, job):
    def fresh(asked):
        chain.results.clear()
        return pixels(chain.run(asked))

    wanted, masked = fresh(job(None, steps=2)), job(mask="right.png", steps=2, seed=9)
    total = len(list(chain.run(masked)))
    for stop in range(total):
        chain.results.clear()
        events = chain.run(masked)
        for _ in range(stop + 1):
            next(events)
        events.close()
    assert np.array_equal(fresh(job(None, steps=2)), wanted)
