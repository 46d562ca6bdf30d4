"""The command line: `python -m studio COMMAND`. Each command is a file in `studio/commands`."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from studio import __version__, catalog
from studio.commands import Command, told
from studio.commands.parser import Parser, add_shared
from studio.errors import StudioError, Unexpected
from studio.letters import visible
from studio.settings import Settings

FAILED, STOPPED = 2, 130


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 after a failure told in one sentence, 130 when interrupted."""
    words = sys.argv[1:] if words is None else list(words)
    if isinstance(sys.stdout, TextIOWrapper):  # a half character is printed as JSON escapes it, \ud800
        sys.stdout.reconfigure(errors="backslashreplace")
    settings = Settings.from_environment(**_early(words))
    try:
        with _details_in(settings.output_dir / "inkstone.log"):
            parser = _parser(settings)
            given = parser.parse_args(words)
            if given.command is None:
                parser.print_help()
                return 0
            command: Command = given.command
            return command.run(given, settings)
    except StudioError as error:
        print(visible(error.say(settings.language)), file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # whoever read our output has left
        sys.stderr.close()
        return FAILED
    except KeyboardInterrupt:
        return STOPPED


@contextmanager
def _details_in(log_file: Path) -> Iterator[None]:
    """Send everything that is logged to a file, so that a reader sees sentences only; what nobody foresaw becomes
    Unexpected, with its details in that file."""
    root = logging.getLogger()
    with suppress(OSError):
        log_file.parent.mkdir(parents=True, exist_ok=True)
    can_write = os.access(log_file.parent, os.W_OK)
    handler = (
        logging.FileHandler(log_file, encoding="utf-8", delay=True) if can_write else logging.NullHandler()
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    try:
        yield
    except (StudioError, BrokenPipeError):
        raise
    except Exception as error:
        number = f"{time.time_ns() // 1_000_000 % 10_000_000:07d}"
        root.error("unexpected failure %s", number, exc_info=error)
        raise Unexpected(None, number=number, log=log_file) from None
    finally:
        root.removeHandler(handler)
        handler.close()


def _early(words: Sequence[str]) -> dict[str, Any]:
    """What must be known before there is help to show: the language to speak, and where the pictures go."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    early.add_argument("--language", choices=("en", "zh"))
    early.add_argument("--output", dest="output_dir", type=Path)
    try:
        return vars(early.parse_known_args(words)[0])
    except argparse.ArgumentError:  # the full parser says what is wrong
        return {}


def _parser(settings: Settings) -> Parser:
    say = settings.language
    about = told(say, f"Inkstone Studio {__version__}", f"砚 Inkstone Studio {__version__}")
    parser = Parser(language=say, prog="python -m studio", description=about)
    parser.set_defaults(command=None)
    add_shared(parser, say)
    commands = parser.add_subparsers(
        metavar=told(say, "COMMAND", "命令"), title=told(say, "Commands", "命令")
    )
    for name, command in catalog.scan("studio.commands", "COMMAND", Command).items():
        summary = told(say, command.help.en, command.help.zh)
        below = commands.add_parser(name, language=say, help=summary, description=summary)
        command.add_options(below, settings)
        add_shared(below, say)
        below.set_defaults(command=command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
