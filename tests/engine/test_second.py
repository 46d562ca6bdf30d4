"""The second pass: enlarged, in tiles, kept for the next time, and never at the first picture's cost."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from studio.engine import second
from studio.engine.chain import Chain
from studio.engine.events import FirstPass, Job, Picture, StageEnded, Step
from studio.requests import GenerateRequest

BASE = {"prompt": "a red house", "width": 64, "height": 64, "steps": 4, "seed": 1, "upscale_strength": 0.5}


@pytest.fixture(scope="module")
def chain():
    return Chain()


@pytest.fixture
def job(tiny_kolors):
    def make(**changes):
        return Job(GenerateRequest(**{**BASE, **changes}), tiny_kolors, "kolors")

    return make


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def test_a_little_larger_is_painted_whole(chain, job):
    events = list(chain.run(job(upscale=1.5)))
    (picture,), (first,) = of(Picture, events), of(FirstPass, events)
    assert (picture.width, picture.height, len(picture.rgb)) == (96, 96, 96 * 96 * 3)
    plain = list(chain.run(job()))
    assert of(Picture, plain) == [first.picture]
    assert not of(FirstPass, plain)
    assert all(event.reused for event in of(StageEnded, plain))
    told = [(event.step, event.steps, event.tile, event.tiles) for event in of(Step, events)]
    assert told == [(n, 6, 1, 1) for n in range(1, 7)]


def test_much_larger_is_painted_in_tiles_that_the_steps_tell(chain, job):
    events = list(chain.run(job(upscale=2.0)))
    (picture,) = of(Picture, events)
    assert (picture.width, picture.height) == (128, 128)
    again = [event for event in of(Step, events) if event.tiles > 1]
    assert [event.tile for event in again] == [tile for tile in range(1, 10) for _ in range(2)]
    assert again[-1].step == again[-1].steps
    assert {Image.open(io.BytesIO(event.preview_jpeg)).size for event in again} == {(64, 64)}


def test_only_its_strength_leaves_the_first_pass_alone(chain, job):
    chain.results.clear()
    whole = list(chain.run(job(upscale=1.5)))
    events = list(chain.run(job(upscale=1.5, upscale_strength=0.25)))
    assert [event.stage for event in of(StageEnded, events) if not event.reused] == ["sample", "decode"]
    assert [(event.step, event.steps) for event in of(Step, events)] == [(1, 1)]
    assert of(Picture, events) != of(Picture, whole)
    again = list(chain.run(job(upscale=1.5)))
    assert all(event.reused for event in of(StageEnded, again))
    chain.results.clear()
    assert of(Picture, chain.run(job(upscale=1.5))) == of(Picture, whole)


def test_little_strength_stays_near_the_enlarged_picture(chain, job):
    apart = []
    for strength in (0.25, 0.75):
        chain.results.clear()
        list(chain.run(job(upscale=2.0, upscale_strength=strength)))
        kept = [(key, held.value) for key, held in chain.results._kept.items()]
        begun = next(value for key, value in kept if key[0] == "start")
        ended = [value for key, value in kept if key[0] == "latents"][-1]
        apart.append(float((ended - begun).std()))
    assert 0 < apart[0] < apart[1]


def test_tiles_cover_everything_and_overlap_by_a_quarter():
    for own, factor in ((64, 2.0), (256, 3.3), (1024, 4.0), (1024, 1.7)):
        request = GenerateRequest(width=own, height=own // 2 + 32, upscale=factor)
        whole = second.size(request, 16)
        tiles = second.tiles(request, whole, 16)
        covered = np.zeros((whole[1], whole[0]), bool)
        for tile in tiles:
            covered[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] = True
            assert tile.left % 16 == tile.top % 16 == 0
        assert covered.all()
        lefts = sorted({tile.left for tile in tiles})
        assert max(b - a for a, b in itertools.pairwise(lefts)) <= 0.75 * tiles[0].width + 16
