"""What a start picture and a mask mean, on the shipped Storybook: the judge reads what was kept and what was changed."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from studio.engine.chain import Chain
from studio.engine.events import Job, Picture
from studio.requests import GenerateRequest
from studio.storybook import judge, score
from studio.storybook.painter import paint
from studio.storybook.scene import Scene, Thing

HOUSE = Scene((Thing("house", "red", 0.5, 0.8, 0.4),), "single", "grass", "day", 0.6, (256, 256), 1)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A scene as the painter paints it, and a mask of all that the thing stands on."""
    folder = tmp_path_factory.mktemp("scene")
    paint(HOUSE).save(folder / "scene.png")
    mask = Image.new("L", (256, 256))
    ImageDraw.Draw(mask).rectangle((56, 64, 200, 224), fill=255)
    mask.save(folder / "mask.png")
    return folder


def painted(folder, prompt, strength, mask=None):
    request = GenerateRequest(prompt=prompt, steps=8, guidance=3.0, seed=5, strength=strength)
    begins = {"start": folder / "scene.png", "mask": mask}
    job = Job(request, score.MODEL_DIR, "kolors", previews=False, **begins)
    (picture,) = [event for event in Chain().run(job) if isinstance(event, Picture)]
    return np.frombuffer(picture.rgb, np.uint8).reshape(256, 256, 3)


def read(pixels):
    seen = judge.load(score.MODEL_DIR / "judge" / "judge.safetensors")
    picture = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255
    return judge.read(seen, picture)[0]


@pytest.mark.long
def test_the_scene_stays_and_the_thing_takes_another_colour(drawn):
    reading = read(painted(drawn, "a blue house on the grass by day", 0.75))
    assert (reading.ground, reading.time) == ("grass", "day")
    assert [(thing.kind, thing.colour) for thing in reading.things] == [("house", "blue")]
    assert abs(reading.things[0].x - 0.5) < 0.1


@pytest.mark.long
def test_a_mask_lets_only_the_thing_change(drawn):
    with Image.open(drawn / "scene.png") as scene:
        old = np.asarray(scene.convert("RGB"))
    made = painted(drawn, "a yellow house on the grass by day", 1.0, drawn / "mask.png")
    outside = np.asarray(Image.open(drawn / "mask.png")) == 0
    assert np.array_equal(made[outside], old[outside])
    assert [(thing.kind, thing.colour) for thing in read(made).things] == [("house", "yellow")]
