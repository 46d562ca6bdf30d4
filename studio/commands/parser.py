"""argparse in two languages: its headings translated, and its complaints one sentence each."""

import argparse
from typing import Any, NoReturn

from studio.commands import told
from studio.errors import StudioError
from studio.words import Language, Text

_USAGE = Text("Usage: ", "用法：")
_OPTIONS = Text("Options", "选项")
_PLACES = Text("What to give", "参数")
_HELP = Text("Show this help.", "显示本帮助。")


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
        raise CommandLineError(None, message=message)


def add_shared(parser: argparse.ArgumentParser, say: Language) -> None:
    """Options that every command takes; the program has read them before any command is known."""
    parser.add_argument("--language", choices=("en", "zh"), default=argparse.SUPPRESS, help=told(
        say, "Language of the words; by default the system's.", "所用的语言，默认与系统相同。"))  # fmt: skip
    parser.add_argument("--output", metavar=told(say, "FOLDER", "文件夹"), default=argparse.SUPPRESS, help=told(
        say, "Folder of the pictures and their history.", "图片及历史记录所在的文件夹。"))  # fmt: skip


def _formatter(language: Language) -> type[argparse.HelpFormatter]:
    class Formatter(argparse.HelpFormatter):
        def __init__(self, prog: str) -> None:
            super().__init__(prog, max_help_position=32)

        def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
            super().add_usage(usage, actions, groups, _USAGE.say(language) if prefix is None else prefix)

    return Formatter
