"""argparse in two languages: its headings translated, and its complaints one sentence each."""

import argparse
import re
from typing import Any, NoReturn

from studio.commands import told
from studio.errors import StudioError
from studio.words import Language, Said, Text

_USAGE = Text("Usage: ", "用法：")
_OPTIONS = Text("Options", "选项")
_PLACES = Text("What to give", "参数")
_HELP = Text("Show this help.", "显示本帮助。")
_IN_CHINESE = (
    (r"unrecognized arguments: (?P<words>.*)", "不认识的参数 {words}"),
    (r"the following arguments are required: (?P<names>.*)", "缺少参数 {names}"),
    (r"one of the arguments (?P<names>.*) is required", "须给出其中一个参数：{names}"),
    (r"argument (?P<name>.+?): invalid choice: (?P<value>.*) \(choose from (?P<known>.*)\)", "{name} 不能是 {value}，可选：{known}"),
    (r"argument (?P<name>.+?): invalid int value: (?P<value>.*)", "{name} 的值 {value} 不是整数"),
    (r"argument (?P<name>.+?): invalid float value: (?P<value>.*)", "{name} 的值 {value} 不是数字"),
    (r"argument (?P<name>.+?): invalid \w+ value: (?P<value>.*)", "{name} 的值 {value} 无效"),
    (r"argument (?P<name>.+?): expected one argument", "{name} 需要一个值"),
    (r"argument (?P<name>.+?): expected at least one argument", "{name} 至少需要一个值"),
    (r"argument (?P<name>.+?): ignored explicit argument (?P<value>.*)", "{name} 不接受值 {value}"),
    (r"argument (?P<name>.+?): not allowed with argument (?P<other>.*)", "{name} 不能与 {other} 同时使用"),
)  # fmt: skip
"""What argparse complains of, and the same in Chinese."""


class CommandLineError(StudioError):
    """Words on the command line that can't be understood."""

    text = Text(
        "The command line can't be understood: {message}. Add --help to see what there is.",
        "无法理解命令行：{message}。加上 --help 可查看用法。",
    )


class Parser(argparse.ArgumentParser):
    """A parser that speaks one language and raises CommandLineError instead of exiting."""

    def __init__(self, *, language: Language = "en", **options: Any) -> None:
        self.language = language
        shape = {"add_help": False, "allow_abbrev": False, "formatter_class": _formatter(language)}
        super().__init__(**{**options, **shape})
        self._positionals.title = _PLACES.say(language)
        self._optionals.title = _OPTIONS.say(language)
        self.add_argument("-h", "--help", action="help", help=_HELP.say(language))

    def error(self, message: str) -> NoReturn:
        """One sentence in place of the usage and an English complaint."""
        raise CommandLineError(None, message=_in_both(message))


def add_shared(parser: argparse.ArgumentParser, say: Language) -> None:
    """Options that every command takes; the program has read them before any command is known."""
    parser.add_argument("--language", choices=("en", "zh"), default=argparse.SUPPRESS, help=told(
        say, "Language of the words; by default the system's.", "所用的语言，默认与系统相同。"))  # fmt: skip
    parser.add_argument("--output", metavar=told(say, "FOLDER", "文件夹"), default=argparse.SUPPRESS, help=told(
        say, "Folder of the pictures and their history.", "图片及历史记录所在的文件夹。"))  # fmt: skip


def _in_both(complaint: str) -> Said | str:
    """A complaint of argparse in both languages; one that isn't known stays as it is."""
    for pattern, zh in _IN_CHINESE:
        if found := re.fullmatch(pattern, complaint, re.DOTALL):
            return Said(Text("{complaint}", zh), {"complaint": complaint, **found.groupdict()})
    return complaint


def _formatter(language: Language) -> type[argparse.HelpFormatter]:
    class Formatter(argparse.HelpFormatter):
        def __init__(self, prog: str) -> None:
            super().__init__(prog, max_help_position=32)

        def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
            super().add_usage(usage, actions, groups, _USAGE.say(language) if prefix is None else prefix)

    return Formatter
