"""Scenes are drawn by lot within the rules that captions and the judge rely on."""

import random
import re

import pytest

from studio.storybook.captions import GROUND_WORDS, TIME_WORDS, caption
from studio.storybook.scene import COLOURS, GROUNDS, HELD_OUT, KINDS, SIZES, TIMES, Scene, draw_lot

MANY = range(1_500)


def area(box: tuple[float, float, float, float]) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def shared(a: tuple[float, ...], b: tuple[float, ...]) -> tuple[float, float, float, float]:
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


def test_vocabulary_is_large_enough() -> None:
    assert len(KINDS) >= 20
    assert len(COLOURS) == 10
    assert len(GROUNDS) == 6
    assert len(TIMES) == 4
    assert len(SIZES) == 3
    assert {("boat", "purple"), ("cat", "green")} <= HELD_OUT
    assert {kind for kind, _ in HELD_OUT} == set(KINDS)


@pytest.mark.parametrize("held_out", [False, True])
def test_things_stay_visible_and_inside(held_out: bool) -> None:
    for seed in MANY:
        scene = draw_lot(seed, held_out=held_out)
        boxes = [thing.box(scene.size) for thing in scene.things]
        for k, box in enumerate(boxes):
            inside = area(shared(box, (0, 0, *scene.size))) / area(box)
            hidden = sum(area(shared(box, other)) for other in boxes[k + 1 :]) / area(box)
            assert inside - hidden >= 0.4, scene


def test_arrangements_are_true() -> None:
    for seed in MANY:
        scene = draw_lot(seed)
        first, last = scene.things[0], scene.things[-1]
        if scene.arrangement in ("left", "row", "group"):
            assert [t.x for t in scene.things] == sorted(t.x for t in scene.things)
        elif scene.arrangement == "above":
            assert first.box(scene.size)[3] <= last.box(scene.size)[1]
        assert len(scene.things) in {"single": (1,), "group": (2, 3), "row": (3,)}.get(
            scene.arrangement, (2,)
        )


def test_held_out_pairs_appear_only_when_asked_for() -> None:
    for seed in MANY:
        assert not HELD_OUT & {(t.kind, t.colour) for t in draw_lot(seed).things}
        first = draw_lot(seed, held_out=True).things[0]
        assert (first.kind, first.colour) in HELD_OUT


def test_draw_lot_is_a_pure_function() -> None:
    assert draw_lot(5) == draw_lot(5)
    assert draw_lot(5) != draw_lot(6)


def facts_missing(scene: Scene, words: str, language: str) -> list[str]:
    wanted = [GROUND_WORDS[scene.ground][language], TIME_WORDS[scene.time][language]]  # type: ignore[index]
    for thing in scene.things:
        kind = KINDS[thing.kind]
        wanted.append((kind.zh,) if language == "zh" else (kind.en, kind.plural))
        wanted.append(
            (COLOURS[thing.colour], COLOURS[thing.colour][0]) if language == "zh" else (thing.colour,)
        )
    return [str(choices) for choices in wanted if not any(word in words for word in choices)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_whole_captions_state_every_fact(language: str) -> None:
    for seed in MANY:
        scene = draw_lot(seed)
        words = caption(scene, language, random.Random(seed), whole=True)  # type: ignore[arg-type]
        assert not facts_missing(scene, words.lower(), language), words


def test_captions_are_in_their_language() -> None:
    for seed in MANY:
        scene, rng = draw_lot(seed), random.Random(seed)
        assert caption(scene, "en", rng).isascii()
        assert not re.search("[a-zA-Z]", caption(scene, "zh", rng))


def test_captions_vary() -> None:
    rng = random.Random(0)
    assert len({caption(draw_lot(3), "zh", rng) for _ in range(200)}) > 60
