"""`python -m studio runs`: what was trained, is being trained and will be."""

import argparse
import json
import sys
from datetime import datetime

from studio.commands import Command, following, told
from studio.commands.parser import CommandLineError
from studio.runs import Runs, RunView
from studio.settings import Settings
from studio.toml import dumps
from studio.words import Language, Said, Text

_ACTIONS = ("list", "show", "stop", "resume", "delete")
_NO_ID = Text(
    "'{action}' needs the id of a run; 'runs list' shows them", "“{action}”需要训练编号；用 runs list 可查看"
)
_NONE = Text("No runs yet. Start one with: python -m studio train PRESET --dataset-path FOLDER",
             "还没有训练。开始训练：python -m studio train 预设 --dataset-path 文件夹")  # fmt: skip
_STATE = Text("Run {id} is {state}.", "训练 {id}：{state}。")
_DELETED = Text("Run {id} was deleted.", "训练 {id} 已删除。")
_PLACE = Text("number {position} in the queue", "队列第 {position} 位")
_AT = Text("step {step} of {steps}", "第 {step}/{steps} 步")
_LOG_LINES = 15


def _add_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    say = settings.language
    parser.add_argument("action", nargs="?", choices=_ACTIONS, default="list", metavar="|".join(_ACTIONS), help=told(
        say, "What to do; list without anything.", "要做什么；不填则列出全部。"))  # fmt: skip
    parser.add_argument("id", nargs="?", metavar=told(say, "ID", "编号"), help=told(
        say, "The run, as the list names it.", "训练编号，见列表。"))  # fmt: skip
    parser.add_argument("--accept-changes", action="store_true", help=told(
        say, "Resume although pictures have changed.", "即使图片有变动也继续。"))  # fmt: skip
    parser.add_argument("--queue", action="store_true", help=told(
        say, "Resume without waiting for the end.", "继续训练，但不等待完成。"))  # fmt: skip
    parser.add_argument("--json", action="store_true", help=told(
        say, "Print JSON: one object, for the list one with 'runs'.", "输出 JSON：单个对象；列表放在 runs 里。"))  # fmt: skip


def _run(given: argparse.Namespace, settings: Settings) -> int:
    runs, say = Runs(settings), settings.language
    runs.tick()
    if given.action == "list":
        _list(runs.list(), say, given.json)
        return following.FINISHED
    if not given.id:
        raise CommandLineError(None, message=Said(_NO_ID, {"action": given.action}))
    view = runs.get(given.id)
    match given.action:
        case "show":
            _show(view, say, given.json)
        case "stop":
            _tell(runs.stop(view.id), _STATE, say, given.json)
        case "resume":
            return _resume(runs, view, given, say)
        case "delete":
            runs.delete(view.id)
            _tell(view, _DELETED, say, given.json)
    return following.FINISHED


def _resume(runs: Runs, view: RunView, given: argparse.Namespace, say: Language) -> int:
    offset = view.folder.events()[1]
    resumed = runs.resume(view.id, accept_changes=given.accept_changes)
    if given.queue:
        _tell(resumed, _STATE, say, given.json)
        return following.FINISHED
    return following.end(following.follow(runs, view.id, say, offset), say, given.json)


def _list(views: list[RunView], say: Language, as_json: bool) -> None:
    if as_json:
        _print_json({"runs": [following.told(view, say) for view in views]})
        return
    for view in views:
        print(f"{view.id}  {view.title.say(say)}  {_where(view, say)}".rstrip())
    if not views:
        print(_NONE.say(say))


def _show(view: RunView, say: Language, as_json: bool) -> None:
    if as_json:
        request = {"request": None if view.broken else view.request.to_dict()}
        points = [{"step": p.step, "lora": str(p.lora_file)} for p in view.folder.checkpoints()]
        _print_json({**following.told(view, say), **request, "checkpoints": points})
        return
    print(f"{view.id}  {view.title.say(say)}  {_where(view, say)}".rstrip())
    print(view.folder.path)
    if view.broken:
        print(view.broken.say(say))
        return
    if view.record.message:
        print(view.record.says(say))
    print(f"{datetime.fromtimestamp(view.record.created_at):%Y-%m-%d %H:%M:%S}\n")
    print(dumps(view.request.to_dict()))
    print(view.folder.log_tail(_LOG_LINES))


def _where(view: RunView, say: Language) -> str:
    if view.position:
        return _PLACE.say(say, position=view.position)
    record = view.record
    return _AT.say(say, step=record.step, steps=record.steps) if record.steps else ""


def _tell(view: RunView, text: Text, say: Language, as_json: bool) -> None:
    if as_json:
        _print_json(following.told(view, say))
    else:
        print(text.say(say, id=view.id, state=view.title))


def _print_json(value: object) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    print()


COMMAND = Command(
    Text("List, show, stop, resume or delete training runs.", "列出、查看、停止、继续或删除训练。"),
    _add_options,
    _run,
)
