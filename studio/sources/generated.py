"""Pictures that the studio's own models draw, from a list of prompts: their request is kept as the recipe, and each is
marked as made by a model."""

import hashlib
import io
import json
import re
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import count, product

from studio.dataset_requests import ImportRequest
from studio.datasets.entry import Provenance
from studio.datasets.errors import SourceRefused
from studio.datasets.found import Found, Skipped, Step
from studio.engine import events
from studio.requests import MOST_SEED, GenerateRequest
from studio.sources.source import Place, Source
from studio.sources.words import NO_COUNT
from studio.studio import Studio, Waiting
from studio.words import Said, Text

TITLE = Text("Generated pictures", "生成的图片")
MOST_PROMPTS = 10_000
_CHOICE = re.compile(r"\{([^{}]*\|[^{}]*)\}")

NO_PROMPTS = Text(
    "it needs prompts, one a line; {a|b} stands for either", "请填写提示词，每行一条；{a|b} 表示两者皆可"
)
TOO_MANY = Text("its choices make more than {most} prompts", "组合出的提示词超过 {most} 条")
NO_STUDIO = Text("pictures can only be drawn where the engine runs", "只有在运行绘图引擎时才能生成图片")
DRAWING = Text("Drawing {number} of {count}", "正在绘制第 {number}/{count} 张")
IN_LINE = Text("{ahead} others are served first", "前面还有 {ahead} 项任务")


def _find(request: ImportRequest, place: Place) -> Iterator[Found | Skipped | Step]:
    if place.studio is None:
        raise SourceRefused(None, source=TITLE, reason=NO_STUDIO)
    if not request.count:
        raise SourceRefused("count", source=TITLE, reason=NO_COUNT)
    prompts = list(_prompts(request.query))
    base = _base(request, place.studio)
    drawn = 0
    for number in count():
        asked = base.with_(
            prompt=prompts[number % len(prompts)], seed=(request.seed + number) % (MOST_SEED + 1)
        )
        if place.is_known(_id(asked)):
            continue
        yield from _drawn(asked, place.studio, drawn, request.count)
        drawn += 1


def _prompts(lines: str) -> Iterator[str]:
    """Every line, and of a line with choices every combination."""
    told = 0
    for line in filter(None, map(str.strip, lines.splitlines())):
        parts = _CHOICE.split(line)
        choices = [part.split("|") if at % 2 else [part] for at, part in enumerate(parts)]
        for words in product(*choices):
            told += 1
            if told > MOST_PROMPTS:
                raise SourceRefused("query", source=TITLE, reason=Said(TOO_MANY, {"most": MOST_PROMPTS}))
            yield " ".join("".join(words).split())
    if not told:
        raise SourceRefused("query", source=TITLE, reason=Said(NO_PROMPTS, {}))


def _base(request: ImportRequest, studio: Studio) -> GenerateRequest:
    """What is asked of the model besides prompt and seed: the model that `where` names, with what its card suggests."""
    model = request.where.strip() or GenerateRequest().model
    return GenerateRequest.from_dict({**studio.shelf.model(model).defaults, "model": model, "count": 1})


def _drawn(asked: GenerateRequest, studio: Studio, number: int, total: int) -> Iterator[Found | Step]:
    """One picture, told of while it is drawn; closing stops the drawing."""
    doing = Said(DRAWING, {"number": number + 1, "count": total})
    yield Step(number, total, doing)
    with closing(studio.draw(asked)) as drawing:
        for event in drawing:
            if isinstance(event, Waiting):
                yield Step(number, total, Said(IN_LINE, {"ahead": event.position}))
            elif isinstance(event, events.Step):
                yield Step(number, total, doing)
            elif isinstance(event, events.Picture):
                yield _offered(event, asked)


def _offered(picture: events.Picture, asked: GenerateRequest) -> Found:
    from PIL import Image

    stream = io.BytesIO()
    Image.frombytes("RGB", (picture.width, picture.height), picture.rgb).save(stream, "PNG", compress_level=4)
    return Found(
        name=f"{_id(asked)[:12]}-{picture.seed}.png",
        open=partial(io.BytesIO, stream.getvalue()),
        caption=asked.prompt,
        caption_source="prompt",
        provenance=Provenance(
            source="generated",
            source_id=_id(asked),
            author=asked.model,
            ai_generated=True,
            recipe=json.dumps({"painter": "studio", "request": asked.to_dict()}, ensure_ascii=False),
        ),
    )


def _id(asked: GenerateRequest) -> str:
    """What tells one picture from all others: its whole request."""
    told = json.dumps(asked.to_dict(), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32]


SOURCE = Source(
    title=TITLE,
    help=Text(
        "Pictures drawn by a model of the studio from your prompts, one a line; {a|b} stands for either.",
        "用本程序的模型按你的提示词绘制，每行一条；{a|b} 表示两者皆可。",
    ),
    order=21,
    fields=("query", "where", "count", "seed", "honour_opt_outs"),
    find=_find,
)
