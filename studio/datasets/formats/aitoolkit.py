"""ai-toolkit: a flat folder of pictures, name.txt beside each, `[trigger]` in a caption for the trigger word that the
configuration names. Any folder whose pictures have text files beside them is read like this."""

import json
import re
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

from studio.dataset_requests import ExportRequest, Need
from studio.datasets.formats.beside import has_captions, read_beside
from studio.datasets.formats.format import Format, Ready
from studio.datasets.formats.placing import put, put_caption
from studio.datasets.formats.texts import MOST_BYTES
from studio.datasets.found import Found, Skipped
from studio.words import Text

PLACEHOLDER = "[trigger]"
CONFIG = "ai-toolkit.yaml"
_TRIGGER = re.compile(r"""^\s*trigger_word:[ \t]*("(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*'|[^#\n]+)""", re.M)
_NOTHING = ("null", "Null", "NULL", "~")
"""How YAML writes that there is no value."""


def _recognises(path: Path) -> bool:
    return path.is_dir() and has_captions(path)


def _read(path: Path) -> Iterator[Found | Skipped]:
    trigger = _trigger_of(path)

    def facts(_: str, caption: str | None) -> dict[str, str]:
        return {"caption": caption.replace(PLACEHOLDER, trigger)} if caption and trigger else {}

    yield from read_beside(path, facts)


def _trigger_of(path: Path) -> str:
    """The trigger word of a configuration beside the pictures, taken from its line: it may be anybody's YAML."""
    for file in sorted((*path.glob("*.yaml"), *path.glob("*.yml"))):
        with file.open("rb") as stream:
            found = _TRIGGER.search(stream.read(MOST_BYTES).decode("utf-8", "replace"))
        if found:
            return _unquoted(found.group(1).strip())
    return ""


def _unquoted(word: str) -> str:
    if word.startswith('"'):
        try:
            return str(json.loads(word))
        except ValueError:
            return word.strip('"')
    if word.startswith("'"):
        return word[1:-1].replace("''", "'")
    return "" if word in _NOTHING else word


def _write(
    pictures: Iterable[Ready], folder: Path, request: ExportRequest, need: Need
) -> Generator[Ready, None, None]:
    for ready in pictures:
        put_caption(put(folder / ready.split, ready.name, ready.content), ready.entry.caption)
        yield ready
    (folder / CONFIG).write_text(_config(request, need), encoding="utf-8", newline="\n")


def _config(request: ExportRequest, need: Need) -> str:
    trigger = (
        f"      trigger_word: {json.dumps(need.trigger_word, ensure_ascii=False)}\n"
        if need.trigger_word
        else ""
    )
    return f"""\
# The part of an ai-toolkit configuration that speaks of these pictures. folder_path is meant from this folder: put
# where it lies before it. The pictures in validation/ are for looking at, not for training.
job: extension
config:
  name: my_lora
  process:
    - type: sd_trainer
{trigger}      datasets:
        - folder_path: "train"
          caption_ext: "txt"
          num_repeats: {request.repeats}
          resolution: [{need.resolution}]
          cache_latents_to_disk: true
"""


FORMAT = Format(
    title=Text("ai-toolkit (text beside each picture)", "ai-toolkit（图片旁附文本）"),
    order=60,
    recognises=_recognises,
    read=_read,
    write=_write,
)
