"""A creature that the model has never seen: painted under its own name, and spotted when it is there."""

import csv
from pathlib import Path

import pytest

from studio.storybook import judge, paint, score
from studio.storybook.creature_score import train_spotter
from studio.storybook.scene import CREATURES, KINDS, draw_lot


def test_creatures_are_no_kinds() -> None:
    assert not CREATURES.keys() & KINDS.keys()


@pytest.mark.parametrize("name", CREATURES)
def test_captions_call_a_creature_by_its_name_alone(name: str, tmp_path: Path) -> None:
    assert paint.main(["--only", name, "--count", "12", "--out", str(tmp_path)]) == 0
    with (tmp_path / "train" / "metadata.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    for row in rows:
        assert name in row["text_en"]
        assert name in row["text_zh"]
        assert "blue" not in row["text_en"].replace("blue sea", "").replace("clear blue sky", "")


def test_only_one_kind_is_painted() -> None:
    scenes = [draw_lot(seed, only="cat") for seed in range(40)]
    assert {thing.kind for scene in scenes for thing in scene.things} == {"cat"}
    assert {len(scene.things) for scene in scenes} == {1}
    assert len({scene.things[0].colour for scene in scenes}) > 5


@pytest.mark.long
def test_a_spotter_tells_the_creature_from_all_else() -> None:
    _, right = train_spotter(judge.load(score.MODEL_DIR / "judge" / "judge.safetensors"), "mobo", 60, 40)
    assert right >= 0.9
