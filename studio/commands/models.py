"""`python -m studio models`: which models are here, getting one from a hub, and removing one again."""

import argparse
import json
import os
import sys
from typing import Any

from studio.commands import Command, told
from studio.commands.parser import CommandLineError
from studio.commands.progress import ProgressLine
from studio.engine.plan import gb
from studio.errors import ModelMissing
from studio.families import families
from studio.fetch.fetching import fetch
from studio.fetch.hubs import hubs
from studio.fetch.record import Records
from studio.fetch.removing import check_removable, remove
from studio.fetch.standing import Standing, standing_of
from studio.fetch.telling import PRESENCE, size, told_progress
from studio.settings import Settings
from studio.shelf import ModelCard, Shelf
from studio.words import Language, Said, Text

FINISHED, REFUSED, STOPPED = 0, 1, 130
_ACTIONS = ("list", "get", "remove")
_NO_NAME = Text(
    "'{action}' needs the name of a model; 'models list' shows them",
    "“{action}”需要模型名称；用 models list 可查看",
)
_LINE = Text(
    "{name}  {title}  ({family})  {presence}\n  disk: {disk}, licence: {licence}",
    "{name}  {title}（{family}）  {presence}\n  磁盘：{disk}，许可：{licence}",
)
_NEEDS = Text("GPU memory by plan (--memory): {plans}", "各方案（--memory）所需显存：{plans}")
_TO_FETCH = Text("{gb} GB to fetch", "需下载 {gb} GB")
_WHOLE = Text("Model '{name}' is here: {folder}", "模型“{name}”已就绪：{folder}")
_STOPPED = Text(
    "Stopped; what has arrived is kept. Go on with: python -m studio models get {name}",
    "已停止，已下载的部分会保留。继续下载：python -m studio models get {name}",
)
_ASK = Text(
    "Remove model '{name}' ({size}) from {folder}? [y/N] ", "从 {folder} 删除模型“{name}”（{size}）？[y/N] "
)
_REMOVED = Text("Model '{name}' is removed; {size} are free again.", "模型“{name}”已删除，腾出 {size}。")
_KEPT = Text("Nothing was removed.", "未删除任何内容。")


def _add_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    say = settings.language
    parser.add_argument("action", nargs="?", choices=_ACTIONS, default="list", metavar="|".join(_ACTIONS), help=told(
        say, "What to do; list without anything.", "要做什么；不填则列出全部。"))  # fmt: skip
    parser.add_argument("name", nargs="?", metavar=told(say, "NAME", "名称"), help=told(
        say, "The model, as the list names it.", "模型名称，见列表。"))  # fmt: skip
    parser.add_argument("--from", dest="hub", choices=[*hubs()], help=told(
        say, "The hub to get it from; the first that has it.", "从哪里获取；默认用第一个可用来源。"))  # fmt: skip
    parser.add_argument("--endpoint", default="", metavar="URL", help=told(
        say, "Another address of that hub, such as a mirror.", "该来源的其他地址，如镜像站。"))  # fmt: skip
    parser.add_argument("--yes", action="store_true", help=told(
        say, "Remove without asking.", "删除时不再询问。"))  # fmt: skip
    parser.add_argument("--json", action="store_true", help=told(
        say, "Print one JSON object.", "输出一个 JSON 对象。"))  # fmt: skip


def _run(given: argparse.Namespace, settings: Settings) -> int:
    shelf = Shelf(settings)
    if given.action == "list":
        return _list(shelf, settings.language, given.json)
    if not given.name:
        raise CommandLineError(None, message=Said(_NO_NAME, {"action": given.action}))
    cards = {card.name: card for card in shelf.models()}
    if given.name not in cards:
        raise ModelMissing("model", name=given.name, known=", ".join(cards) or "-")
    return (_get if given.action == "get" else _remove)(cards[given.name], given, settings)


def _list(shelf: Shelf, say: Language, as_json: bool) -> int:
    rows = [standing_of(card) for card in shelf.models()]
    broken = [error.say(say) for error in (*shelf.broken_cards(), *shelf.unknown_models())]
    if as_json:
        _print_json({"models": [_row(row, say) for row in rows], "unusable": broken})
        return FINISHED
    for row in rows:
        print(_words(row, say))
    for sentence in broken:
        print(f"✗ {sentence}")
    return FINISHED


def _words(row: Standing, say: Language) -> str:
    card, family = row.card, families().get(row.card.family)
    disk = size(row.bytes_on_disk)
    if row.presence != "here" and card.files_gb is not None:
        disk += f" ({_TO_FETCH.say(say, gb=f'{card.files_gb:.1f}')})"
    line = _LINE.say(
        say, name=card.name, title=card.title, family=family.title if family else card.family, disk=disk,
        presence=PRESENCE[row.presence], licence=card.licence,
    )  # fmt: skip
    if row.needs:
        plans = ", ".join(f"{mode} {gb(count)} GB" for mode, count in row.needs.items())
        line += f"\n  {_NEEDS.say(say, plans=plans)}"
    return f"{line}\n  {row.fault.say(say)}" if row.presence == "partly" and row.fault else line


def _row(row: Standing, say: Language) -> dict[str, Any]:
    card = row.card
    return {
        "name": card.name, "title": card.title.say(say), "family": card.family, "presence": row.presence,
        "bytes_on_disk": row.bytes_on_disk, "files_gb": card.files_gb, "needs_bytes": dict(row.needs),
        "licence": card.licence, "folder": str(card.folder), "huggingface": card.huggingface,
        "modelscope": card.modelscope, "error": row.fault.say(say) if row.fault else None,
    }  # fmt: skip


def _get(card: ModelCard, given: argparse.Namespace, settings: Settings) -> int:
    say, line = settings.language, ProgressLine(settings.language)
    hub = given.hub or next((name for name, hub in hubs().items() if hub.id_of(card)), next(iter(hubs())))
    try:
        for progress in fetch(card, hub, settings, os.environ, given.endpoint):
            line.running(told_progress(progress, say))
    except KeyboardInterrupt:
        line.say(_STOPPED.say(say, name=card.name))
        return STOPPED
    finally:
        line.clear()
    now = Records(settings).of(card.name)
    if now is not None and now.state == "stopped":  # from the page
        line.say(_STOPPED.say(say, name=card.name))
        return STOPPED
    if given.json:
        _print_json(_row(standing_of(card), say))
    else:
        print(_WHOLE.say(say, name=card.name, folder=str(card.folder)))
    return FINISHED


def _remove(card: ModelCard, given: argparse.Namespace, settings: Settings) -> int:
    say = settings.language
    if not given.yes and not _is_sure(card, settings):
        print(_KEPT.say(say))
        return REFUSED
    freed = remove(card, settings)
    if given.json:
        _print_json({"name": card.name, "freed_bytes": freed})
    else:
        print(_REMOVED.say(say, name=card.name, size=size(freed)))
    return FINISHED


def _is_sure(card: ModelCard, settings: Settings) -> bool:
    """Ask; whoever can't be asked isn't sure. What can't be removed anyway is refused first, by `remove` itself."""
    check_removable(card, settings)
    held = size(standing_of(card).bytes_on_disk)
    try:
        answer = input(_ASK.say(settings.language, name=card.name, size=held, folder=str(card.folder)))
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes", "是")


def _print_json(value: object) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    print()


COMMAND = Command(
    Text("List the models, get one from a hub, or remove one.", "列出模型，从模型站获取或删除模型。"),
    _add_options,
    _run,
)
