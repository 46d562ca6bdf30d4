"""Which files of a repository are fetched: of each component that the pipeline names its settings and one set of weights.

Safetensors only, and half precision where it is offered: the engine opens no pickles and casts to its device's format
anyway. Weights for other frameworks (ONNX, OpenVINO, Flax) and all that lies deeper or beside are left where they are."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from studio.fetch.hubs.hub import Kept
from studio.shelf.models import INDEX, settings_file_of

_VARIANTS = ("fp16", "bf16", "")
"""What a set of weights is called in its file's name, the better first; "" is the plain one."""
_STEMS = ("diffusion_pytorch_model", "model")
_WEIGHTS = re.compile(
    r"(?P<stem>\w+)(?:\.(?P<variant>[a-z]\w*))?(?:-(?P<number>\d{5})-of-(?P<count>\d{5}))?(?:\.(?P<late>[a-z]\w*))?"
    r"\.safetensors"
)
_INDEX = re.compile(
    r"(?P<stem>\w+)(?:\.(?P<variant>[a-z]\w*))?\.safetensors\.index(?:\.(?P<late>[a-z]\w*))?\.json"
)
_PLAIN = re.compile(r"[\w-][\w.-]*")
_SETTINGS = (".json", ".txt", ".model", ".jinja")


class PartLacking(Exception):
    """A component without a complete set of safetensors."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


@dataclass
class _Set:
    """Files of one set of weights, with the index of a split one."""

    files: list[Kept] = field(default_factory=list)
    index: Kept | None = None
    count: int = 0

    @property
    def is_whole(self) -> bool:
        if not self.count:
            return bool(self.files)
        return len(self.files) == self.count and self.index is not None

    @property
    def all(self) -> list[Kept]:
        return [*self.files, *([self.index] if self.index and self.count else [])]


def needed(files: Sequence[Kept], parts: Mapping[str, str]) -> list[Kept]:
    """The files to fetch for these components (name to class), the pipeline's own index last: while that isn't here, the
    folder counts as no model. Raises PartLacking."""
    chosen: list[Kept] = []
    for part, kind in parts.items():
        inside = [file for file in files if _is_in(file.path, part)]
        chosen += _settings(inside)
        if settings_file_of(kind) is None:
            chosen += _weights(inside, part)
    return [*chosen, *(file for file in files if file.path == INDEX)]


def _is_in(path: str, part: str) -> bool:
    """Whether a file lies right in a component's folder, under a name that is no way out of it."""
    folder, _, name = path.rpartition("/")
    return folder == part and bool(_PLAIN.fullmatch(part)) and bool(_PLAIN.fullmatch(name))


def _settings(inside: Sequence[Kept]) -> Iterator[Kept]:
    for file in inside:
        name = PurePosixPath(file.path).name
        if name.endswith(_SETTINGS) and ".index." not in name and not name.startswith("openvino"):
            yield file


def _weights(inside: Sequence[Kept], part: str) -> list[Kept]:
    sets = _sets(inside)
    for stem in _STEMS:
        for variant in _VARIANTS:
            for is_split in (False, True):
                found = sets.get((stem, variant, is_split))
                if found is not None and found.is_whole:
                    return found.all
    raise PartLacking(part)


def _sets(inside: Sequence[Kept]) -> dict[tuple[str, str, bool], _Set]:
    """The sets of weights in a component's folder, by the name's stem, its variant, and whether it is split."""
    sets: dict[tuple[str, str, bool], _Set] = {}
    for file in inside:
        name = PurePosixPath(file.path).name
        if match := _WEIGHTS.fullmatch(name):
            found = sets.setdefault((match["stem"], _variant(match), bool(match["count"])), _Set())
            found.files.append(file)
            found.count = int(match["count"] or 0)
        elif match := _INDEX.fullmatch(name):
            sets.setdefault((match["stem"], _variant(match), True), _Set()).index = file
    return sets


def _variant(match: re.Match[str]) -> str:
    """The variant in a file's name; libraries have written it in two places."""
    return match["variant"] or match["late"] or ""
