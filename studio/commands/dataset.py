"""`python -m studio dataset`: sets of pictures without the page: import, check, split, augment, caption, export."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from studio.captioning.host import caption
from studio.commands import Command, dataset_told, options, told
from studio.commands.parser import add_shared
from studio.commands.progress import ProgressLine
from studio.dataset_requests import (
    AugmentRequest,
    CaptionRequest,
    CheckRequest,
    ExportRequest,
    ImportRequest,
    Need,
    SplitRequest,
)
from studio.datasets.augment import augment
from studio.datasets.catalogue import Catalogue
from studio.datasets.errors import NeedKept, SetMissing
from studio.datasets.export import export, prepare
from studio.datasets.formats import formats
from studio.datasets.found import Skipped, Step
from studio.datasets.hub import push
from studio.datasets.imports import left_off
from studio.datasets.inspect import inspect_stepwise
from studio.datasets.intake import Taken
from studio.datasets.measure import look_at
from studio.datasets.opening import SKIPPED, is_there, open_set
from studio.datasets.sets import Sets
from studio.datasets.split import split
from studio.errors import StudioError
from studio.requests import Request
from studio.settings import Settings
from studio.shelf import Shelf
from studio.shelf.limits import limit_of
from studio.shelf.models import ModelCard
from studio.sources.guide import guide
from studio.sources.importing import import_from, sources
from studio.sources.source import Place
from studio.studio import Studio
from studio.words import Language, Text

FINISHED, HAS_ERRORS = 0, 1
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class _Action:
    """One thing to do: its help, the requests whose fields are its options, what it works on, and what does it."""

    help: Text
    requests: tuple[type[Request], ...]
    target: Text | None
    run: Callable[["_Job"], int]


@dataclass(frozen=True)
class _Job:
    """What was typed, and what carries it out."""

    given: argparse.Namespace
    settings: Settings
    line: ProgressLine

    @property
    def say(self) -> Language:
        """The language to speak."""
        return self.settings.language

    def asked(self, kind: type[Request], **more: Any) -> Any:
        """The request that the options make."""
        return kind.from_dict({**options.values(kind, self.given), **more})

    def need(self, kept: Need | None = None) -> Need:
        """What the set is for: as it was typed, and else as it is kept."""
        return (kept or Need()).with_(**options.values(Need, self.given))

    def check_need(self, name: str, kept: Need) -> None:
        """See that no other need was typed than the set's; raises NeedKept."""
        typed, held = options.values(Need, self.given), kept.to_dict()
        others = [field for field, value in typed.items() if value != held[field]]
        if others:
            told = ", ".join(f"{options.option(field)} {held[field]!r}" for field in others)
            given = ", ".join(map(options.option, others))
            raise NeedKept(others[0], name=name, kept=told, given=given)

    def own(self) -> Catalogue:
        """The studio's set that was named, or whose folder was; raises SetMissing."""
        named = self.given.target
        path = Path(named).expanduser()
        if is_there(path) and path.is_dir() and ("/" in named or not self._is_known(named)):
            return Catalogue.open(path)
        return Sets(self.settings).open(named)

    def any(self) -> Catalogue:
        """That set; or any folder or archive of pictures, which is only looked at."""
        if self._is_known(self.given.target):
            return Sets(self.settings).open(self.given.target)
        path = Path(self.given.target).expanduser()
        if not is_there(path):
            raise SetMissing(None, path=self.given.target)
        return open_set(path, self.need())

    def _is_known(self, named: str) -> bool:
        return named in {card.name for card in Sets(self.settings).list()}

    def card(self, need: Need) -> ModelCard | None:
        """The model that will learn, if it is on the shelf."""
        try:
            return Shelf(self.settings).model(need.model)
        except StudioError:  # checks that need it are left out, and the card says which model is meant
            return None

    def follow(self, steps: Iterator[Step | Taken | Skipped]) -> Iterator[Taken | Skipped]:
        """Show steps as they come, and give on what came in or was skipped."""
        for step in steps:
            if isinstance(step, Step):
                self.line.running(dataset_told.step(step, self.say))
            else:
                yield step
        self.line.clear()

    def finish(self, steps: Generator[Step, None, _Result]) -> tuple[_Result, list[str]]:
        """Show steps to their end: what the generator returns, and the sentences that stay."""
        sentences: list[str] = []
        while True:
            try:
                step = next(steps)
            except StopIteration as done:
                self.line.clear()
                return done.value, sentences
            self.line.running(dataset_told.step(step, self.say))
            if step.doing is not None and (step.stays or (step.total and step.done == step.total)):
                sentences.append(dataset_told.plain(step.doing.say(self.say)))

    def tell(self, told: dict[str, Any], sentence: str) -> None:
        """Print the result: as JSON if that was asked for."""
        if self.given.json:
            words = json.dumps(told, ensure_ascii=False, indent=2)
            print(words.encode("utf-8", "replace").decode())  # a name on the disk may be no UTF-8
        else:
            print(sentence)


def _add_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    say = settings.language
    parser.set_defaults(perform=None, show_help=parser.print_help)
    actions = parser.add_subparsers(dest="action", metavar=told(say, "ACTION", "操作"))
    for name, action in _ACTIONS.items():
        help = told(say, action.help.en, action.help.zh)
        below = actions.add_parser(name, language=say, help=help, description=help)
        if action.target is not None:
            below.add_argument(
                "target",
                help=told(say, action.target.en, action.target.zh),
                metavar=told(say, "SET", "数据集"),
            )
        known: set[str] = set()
        for kind in action.requests:
            options.add_options(below, kind, say, _choices(settings), leave_out=known)
            known |= kind.settings().keys()
        if name == "push":
            below.add_argument(
                "--repo", required=True, help=told(say, "owner/name on the Hub.", "Hub 上的 所有者/名称。")
            )
            below.add_argument(
                "--public", action="store_true", help=told(say, "Let everybody see it.", "公开可见。")
            )
        if name == "guide":
            below.add_argument("words", nargs="*", help=told(say, "Words to look for.", "搜索词。"))
        below.add_argument(
            "--json", action="store_true", help=told(say, "Print one JSON object.", "输出一个 JSON 对象。")
        )
        add_shared(below, say)
        below.set_defaults(perform=action.run)


def _choices(settings: Settings) -> dict[str, Sequence[str]]:
    return {
        "source": [*sources()], "format": [name for name, one in formats().items() if one.write],
        "model": [card.name for card in Shelf(settings).models()],
    }  # fmt: skip


def _run(given: argparse.Namespace, settings: Settings) -> int:
    perform: Callable[[_Job], int] | None = given.perform
    if perform is None:
        given.show_help()
        return FINISHED
    line = ProgressLine(settings.language)
    try:
        return perform(_Job(given, settings, line))
    finally:
        line.clear()


def _list(job: _Job) -> int:
    rows = []
    for card in Sets(job.settings).list():
        with Catalogue.open(card.path) as catalogue:
            rows.append({"name": card.name, "folder": str(card.path), "pictures": catalogue.count(),
                         "is_unfinished": bool(left_off(catalogue))})  # fmt: skip
    job.tell({"sets": rows}, dataset_told.sets(rows, job.say))
    return FINISHED


def _import(job: _Job) -> int:
    request: ImportRequest = job.asked(ImportRequest)
    sets, name = Sets(job.settings), job.given.target
    taken, skipped = 0, list[Skipped]()
    with ExitStack() as stack:
        studio = None
        if request.source == "generated":
            studio = Studio(job.settings, may_name_files=True)
            stack.callback(studio.close)
        catalogue = stack.enter_context(sets.for_import(name, job.need()))
        job.check_need(name, catalogue.need)
        files = (Path(request.where).expanduser(),) if request.source == "upload" and request.where else ()
        place = Place(
            settings=job.settings, work_dir=catalogue.root / "incoming", files=files, studio=studio, environment=os.environ
        )  # fmt: skip
        for one in job.follow(import_from(catalogue, request, place)):
            if isinstance(one, Taken):
                taken += 1
            else:
                skipped.append(one)
        result = {"set": name, "folder": str(catalogue.root), "taken": taken, "pictures": catalogue.count(),
                  "skipped": [{"name": one.name, "reason": one.reason.say(job.say)} for one in skipped]}  # fmt: skip
    job.tell(result, dataset_told.imported(result, job.say))
    return FINISHED


def _check(job: _Job) -> int:
    request: CheckRequest = job.asked(CheckRequest)
    with job.any() as catalogue:
        for _ in job.follow(look_at(catalogue)):
            pass
        need = job.need(catalogue.need)
        card = job.card(need)
        limit, sizes = (limit_of(card), tuple(card.sizes)) if card else (None, ())
        report, _ = job.finish(inspect_stepwise(catalogue, request, limit, sizes, need))
        skipped = _skipped(catalogue)
        names = dict(catalogue.columns(["id", "name"]))
    result = {**report.to_dict(), "set": job.given.target, "skipped": [row[0] for row in skipped]}
    job.tell(result, dataset_told.card(report, names, skipped, job.say))
    return HAS_ERRORS if report.is_blocked else FINISHED


def _split(job: _Job) -> int:
    request: SplitRequest = job.asked(SplitRequest)
    with job.own() as catalogue:
        for _ in job.follow(look_at(catalogue)):
            pass
        done = split(catalogue, request)
    result = {"train": done.train, "validation": done.validation, "groups": done.groups, "moved": done.moved,
              "notes": [said.say(job.say) for said in done.said]}  # fmt: skip
    job.tell(result, dataset_told.divided(result, job.say))
    return FINISHED


def _augment(job: _Job) -> int:
    request: AugmentRequest = job.asked(AugmentRequest)
    with job.own() as catalogue:
        done, sentences = job.finish(augment(catalogue, request))
    job.tell({**vars(done), "message": done.said.say(job.say)}, sentences[-1])
    return FINISHED


def _caption(job: _Job) -> int:
    request: CaptionRequest = job.asked(CaptionRequest)
    with job.own() as catalogue:
        root = catalogue.root
    done, sentences = job.finish(caption(root, request, settings=job.settings))
    job.tell(
        {**vars(done), "message": done.said.say(job.say)},
        sentences[-1] if sentences else done.said.say(job.say),
    )
    return FINISHED


def _export(job: _Job) -> int:
    request: ExportRequest = job.asked(ExportRequest)
    with job.any() as catalogue:
        _, sentences = job.finish(_as_generator(export(catalogue, request, job.need(catalogue.need))))
        skipped = _skipped(catalogue)
    result = {"format": request.format, "folder": request.out, "messages": sentences,
              "skipped": [row[0] for row in skipped]}  # fmt: skip
    job.tell(result, dataset_told.written(sentences, skipped, job.say))
    return FINISHED


def _prepare(job: _Job) -> int:
    with job.own() as catalogue:
        _, sentences = job.finish(_as_generator(prepare(catalogue)))
        root = catalogue.root
    for sentence in dataset_told.first(sentences[:-1], job.say):  # beside the folder, which scripts read
        print(sentence, file=sys.stderr)
    job.tell({"dataset_path": str(root), "messages": sentences}, str(root))
    return FINISHED


def _push(job: _Job) -> int:
    request: ExportRequest = job.asked(ExportRequest)
    with job.any() as catalogue:
        need = job.need(catalogue.need)
        steps = push(catalogue, request, job.given.repo, private=not job.given.public, need=need)
        _, sentences = job.finish(_as_generator(steps))
        skipped = _skipped(catalogue)
    result = {"repo": job.given.repo, "messages": sentences, "skipped": [row[0] for row in skipped]}
    job.tell(result, dataset_told.written(sentences, skipped, job.say))
    return FINISHED


def _guide(job: _Job) -> int:
    found = guide(" ".join(job.given.words))
    job.tell(
        {"places": [dataset_told.place(entry, job.say) for entry in found]},
        dataset_told.places(found, job.say),
    )
    return FINISHED


def _skipped(catalogue: Catalogue) -> list[list[str]]:
    """What was not taken when the set was opened: name, and why in both languages."""
    return catalogue.note(SKIPPED) or []


def _as_generator(steps: Iterator[Step]) -> Generator[Step, None, None]:
    yield from steps


_NAMED = Text("The dataset's name.", "数据集名称。")
_OWN = Text("A dataset of the studio, by name or folder.", "本程序的数据集，名称或文件夹。")
_ANY = Text(
    "A dataset by name, or any folder, zip or shard of pictures.",
    "数据集名称，或任意图片文件夹、zip、分片文件。",
)
_ACTIONS = {
    "list": _Action(Text("List the datasets.", "列出数据集。"), (), None, _list),
    "import": _Action(
        Text("Bring pictures into a dataset, which is made if it isn't there.", "把图片导入数据集；不存在则新建。"),
        (ImportRequest, Need), _NAMED, _import),
    "check": _Action(
        Text("Check a dataset or any picture folder; exit code 1 when errors would spoil a training.",
             "检查数据集或任意图片文件夹；若有会毁掉训练的错误，退出码为 1。"),
        (CheckRequest, Need), _ANY, _check),
    "split": _Action(
        Text("Keep pictures aside for validation, near-duplicates together.", "划分验证集，近似重复的图片放在一起。"),
        (SplitRequest,), _OWN, _split),
    "augment": _Action(
        Text("Add varied copies of the training pictures.", "为训练图片添加变化副本。"), (AugmentRequest,), _OWN, _augment),
    "caption": _Action(
        Text("Have a model write captions.", "让模型撰写图片说明。"), (CaptionRequest,), _OWN, _caption),
    "export": _Action(
        Text("Write a dataset, or any picture folder, in another layout.", "把数据集或任意图片文件夹写成另一种布局。"),
        (ExportRequest, Need), _ANY, _export),
    "prepare": _Action(
        Text("Make a dataset ready for `train --dataset_path`; prints its folder.",
             "让数据集可供 train --dataset_path 使用，并输出其文件夹。"), (), _OWN, _prepare),
    "push": _Action(
        Text("Send a dataset to the Hugging Face Hub.", "把数据集推送到 Hugging Face Hub。"), (ExportRequest, Need), _ANY, _push),
    "guide": _Action(
        Text("Where pictures can be had, and whether they may be trained on.", "哪里能找到图片，以及能否用于训练。"),
        (), None, _guide),
}  # fmt: skip

COMMAND = Command(
    Text("Build, check and export sets of training pictures.", "建立、检查和导出训练图片集。"),
    _add_options,
    _run,
)
