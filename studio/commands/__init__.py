"""The command line's commands: one file each, with one constant `COMMAND`. Adding one is adding a file here."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from studio.settings import Settings
from studio.words import Language, Text


@dataclass(frozen=True)
class Command:
    """A command: one line of help, what adds its options to a parser, and what does it and returns the exit code."""

    help: Text
    add_options: Callable[[argparse.ArgumentParser, Settings], None]
    run: Callable[[argparse.Namespace, Settings], int]


def told(language: Language, en: str, zh: str) -> str:
    """Words for argparse, which takes `%` for a placeholder."""
    return Text(en, zh).say(language).replace("%", "%%")
