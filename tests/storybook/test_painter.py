"""The painter: right size, same pixels for the same scene, true colours, nothing lost against its ground."""

import csv
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from studio.storybook import paint as paint_command
from studio.storybook.objects import drawing
from studio.storybook.paint import PaintRequest, paint_folder
from studio.storybook.painter import paint
from studio.storybook.palette import palette
from studio.storybook.plan import plan
from studio.storybook.scene import COLOURS, GROUNDS, KINDS, SIZES, STYLES, TIMES, Scene, Thing, draw_lot
from studio.storybook.styles.canvas import coverage, reduced

Pixels = npt.NDArray[np.float32]


def portrait(
    kind: str, colour: str, ground: str = "grass", time: str = "day", side: int = 96, seed: int = 4
) -> Scene:
    """One thing, large, in the middle of a square picture."""
    height = min(0.8, 0.9 / KINDS[kind].aspect)
    return Scene((Thing(kind, colour, 0.5, 0.93, height),), "single", ground, time, 0.6, (side, side), seed)


def pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture, np.float32)


def test_same_scene_gives_same_pixels() -> None:
    for style in STYLES:
        first, second = paint(draw_lot(11), style), paint(draw_lot(11), style)
        assert first.tobytes() == second.tobytes(), style


def test_picture_has_the_scene_size_and_is_rgb() -> None:
    for size in SIZES:
        for style in STYLES:
            picture = paint(draw_lot(3, size), style)
            assert (picture.size, picture.mode) == (size, "RGB"), style


@pytest.mark.long
@pytest.mark.parametrize("style", STYLES)
def test_every_kind_paints_in_every_style(style: str) -> None:
    for i, kind in enumerate(KINDS):
        scene = portrait(kind, list(COLOURS)[i % 10], GROUNDS[i % 6], TIMES[i % 4])
        assert pixels(paint(scene, style)).std() > 5, kind


def test_styles_differ_from_one_another() -> None:
    scene = draw_lot(21, (256, 256))
    pictures = [pixels(paint(scene, style)) for style in STYLES]
    for i, one in enumerate(pictures):
        assert all(np.abs(one - other).mean() > 3 for other in pictures[i + 1 :]), STYLES[i]


def test_drawings_fill_their_frames() -> None:
    for kind, names in KINDS.items():
        points = np.concatenate([shape.points for shape in drawing(kind)])
        low, high = points.min(axis=0), points.max(axis=0)
        frame = np.array([100 * names.aspect, 100])
        assert np.abs(low).max() <= 7, kind
        assert np.abs(high - frame).max() <= 7, kind


def test_mirrored_things_are_flipped() -> None:
    scene = portrait("dog", "brown")
    turned = replace(scene, things=(replace(scene.things[0], mirrored=True),))
    marks, flipped = plan(scene).things[0].marks, plan(turned).things[0].marks
    for mark, other in zip(marks, flipped, strict=True):
        assert np.allclose(96 - mark.points[:, 0], other.points[:, 0], atol=1e-3)


@pytest.mark.long
@pytest.mark.parametrize("colour", COLOURS)
def test_named_colour_dominates_every_kind(colour: str) -> None:
    names = list(COLOURS)
    for i, kind in enumerate(KINDS):
        scene = portrait(kind, colour, time=TIMES[i % 4])
        paints = [palette(name, scene.time, random.Random(0)) for name in names]
        wanted = np.array([p[role] for p in paints for role in ("main", "shade", "light")], np.float32)
        inside = reduced(coverage(plan(scene).things[0].marks, scene.size)) > 200
        seen = pixels(paint(scene))[inside]
        nearest = np.square(seen[:, None] - wanted).sum(axis=2).argmin(axis=1) // 3
        shares = np.bincount(nearest, minlength=len(names)) / len(nearest)
        assert shares[names.index(colour)] >= 0.5, (kind, scene.time, shares.round(2))


@pytest.mark.long
@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_every_colour_stands_out_from_every_ground(ground: str, time: str) -> None:
    for colour in COLOURS:
        scene = portrait("sheep", colour, ground, time)
        marks = plan(scene).things[0].marks
        edge = (reduced(coverage(marks, scene.size, grow=2.0)) > 128) & (
            reduced(coverage(marks, scene.size)) < 250
        )
        difference = np.abs(pixels(paint(scene)) - pixels(paint(replace(scene, things=())))).mean(axis=2)
        assert np.median(difference[edge]) > 10, colour
        assert np.percentile(difference[edge], 90) > 30, colour


def test_grounds_differ_at_every_hour() -> None:
    for time in TIMES:
        lands = [
            pixels(paint(Scene((), "single", ground, time, 0.5, (96, 96), 1)))[56:].mean(axis=(0, 1))
            for ground in GROUNDS
        ]
        for i, one in enumerate(lands):
            assert all(np.linalg.norm(one - other) > 22 for other in lands[i + 1 :]), (time, GROUNDS[i])


def test_command_paints_a_folder_that_loads(tmp_path: Path) -> None:
    assert paint_command.main(["--count", "6", "--out", str(tmp_path), "--seed", "5"]) == 0
    with (tmp_path / "train" / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == paint_command.COLUMNS
    assert len(rows) == 6
    assert [row["text"] == row["text_zh"] for row in rows] == [True, False] * 3
    assert {(row["license"], row["style"]) for row in rows} == {("CC0-1.0", "flat")}
    for row in rows:
        with Image.open(tmp_path / "train" / row["file_name"]) as picture:
            assert picture.size in SIZES


def test_command_keeps_its_hands_off_a_filled_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "mine.txt").write_text("mine")
    assert paint_command.main(["--count", "1", "--out", str(tmp_path)]) == 2
    assert "already holds files" in capsys.readouterr().err
    assert [file.name for file in (tmp_path / "train").iterdir()] == ["mine.txt"]


def test_command_refuses_negative_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert paint_command.main(["--count", "-1", "--out", str(tmp_path)]) == 2
    assert "--count is -1" in capsys.readouterr().err
    assert not (tmp_path / "train").exists()


def test_an_interrupted_folder_keeps_its_captions(tmp_path: Path) -> None:
    painting = paint_folder(PaintRequest(5, tmp_path))
    for _ in range(3):
        next(painting)
    painting.close()
    with (tmp_path / "train" / "metadata.csv").open(encoding="utf-8", newline="") as file:
        names = [row["file_name"] for row in csv.DictReader(file)]
    assert names == ["000000.png", "000001.png", "000002.png"]
    assert all((tmp_path / "train" / name).exists() for name in names)
