"""Painted scenes: the Storybook painter draws them, and since it knows what it drew, the captions are exact."""

import io
import json
import random
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from itertools import count
from typing import BinaryIO, Literal

from studio.dataset_requests import ImportRequest
from studio.datasets.entry import Provenance
from studio.datasets.errors import SourceRefused
from studio.datasets.found import Found, Skipped, Step
from studio.datasets.spdx import address_of
from studio.sources.source import Place, Source
from studio.sources.words import NO_COUNT
from studio.storybook.captions import caption
from studio.storybook.paint import LICENCE, scene_of
from studio.storybook.scene import CREATURES, KINDS, STYLES, Scene
from studio.words import Said, Text

TITLE = Text("Painted scenes", "合成场景")
_STEP = 10
NO_STYLE = Text(
    "there is no style '{style}'; choose one of {known}", "没有名为“{style}”的画风；可选：{known}"
)
NO_KIND = Text(
    "'{words}' can't be painted; name one of {known}, or nothing for all",
    "画不了“{words}”；可选：{known}；留空则全部",
)


def _find(request: ImportRequest, place: Place) -> Iterator[Found | Skipped | Step]:
    if not request.count:
        raise SourceRefused("count", source=TITLE, reason=NO_COUNT)
    if request.style not in STYLES:
        told: dict[str, object] = {"style": request.style, "known": ", ".join(STYLES)}
        raise SourceRefused("style", source=TITLE, reason=Said(NO_STYLE, told))
    only = _kind(request.query.strip())
    offered = 0
    for number in count():
        if place.is_known(_id(request, only, number)):
            continue
        if offered % _STEP == 0:
            yield Step(offered, request.count)
        offered += 1
        yield _offered(request, only, number)


def _kind(words: str) -> str | None:
    """The kind of thing that words name, in either language."""
    if not words:
        return None
    everything = {**KINDS, **CREATURES}
    for name, kind in everything.items():
        if words.lower() in (name, kind.en, kind.plural) or words == kind.zh:
            return name
    told: dict[str, object] = {"words": words[:60], "known": ", ".join(everything)}
    raise SourceRefused("query", source=TITLE, reason=Said(NO_KIND, told))


def _offered(request: ImportRequest, only: str | None, number: int) -> Found:
    scene = scene_of(request.seed, number, only)
    language: Literal["en", "zh"] = "zh" if request.caption_language == "zh" else "en"
    recipe = {
        "painter": "studio.storybook",
        "style": request.style,
        "seed": request.seed,
        "number": number,
        "scene": asdict(scene),
    }
    return Found(
        name=f"{only or 'scene'}-{request.seed}-{number:06d}.png",
        open=partial(_painted, scene, request.style),
        caption=caption(scene, language, random.Random(f"{language}-{scene.seed}"), whole=True),
        caption_source="scene",
        provenance=Provenance(
            source="synthetic",
            source_id=_id(request, only, number),
            author="Storybook",
            license=LICENCE,
            license_url=address_of(LICENCE),
            recipe=json.dumps(recipe, ensure_ascii=False),
        ),
    )


def _painted(scene: Scene, style: str) -> BinaryIO:
    from studio.storybook.painter import paint

    stream = io.BytesIO()
    paint(scene, style).save(stream, "PNG", compress_level=4)
    stream.seek(0)
    return stream


def _id(request: ImportRequest, only: str | None, number: int) -> str:
    return f"{request.style}/{only or 'all'}/{request.seed}/{number}"


SOURCE = Source(
    title=TITLE,
    help=Text(
        "Scenes painted on the spot, in eight styles, with exact captions; no network, free for every use (CC0).",
        "现场绘制的场景，八种画风，说明完全准确；无需网络，可自由使用（CC0）。",
    ),
    order=20,
    fields=("query", "style", "caption_language", "count", "seed"),
    find=_find,
)
