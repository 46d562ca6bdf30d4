"""What host and worker tell each other, a line of JSON each: one job down, then reports up."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from studio.dataset_requests import CaptionRequest

ReportKind = Literal["loaded", "described", "failed"]


@dataclass(frozen=True)
class Job:
    """Pictures of the set in `root` to be described with the weights in `folder`: their ids, and the captions that they
    had when the run began."""

    root: Path
    folder: Path
    request: CaptionRequest
    pictures: dict[int, str]

    @property
    def source(self) -> str:
        """What is kept as the source of the captions: captioner and weights."""
        return f"{self.request.captioner}:{self.folder.name}"

    def to_line(self) -> str:
        """The job as one line; `from_line` gives the equal job back."""
        told = {"root": str(self.root), "folder": str(self.folder), "request": self.request.to_dict()}
        return json.dumps(told | {"pictures": list(self.pictures.items())})

    @classmethod
    def from_line(cls, line: str) -> Self:
        """The job that a line tells of."""
        told = json.loads(line)
        request = CaptionRequest.from_dict(told["request"])
        pictures = {int(id): str(caption) for id, caption in told["pictures"]}
        return cls(Path(told["root"]), Path(told["folder"]), request, pictures)


@dataclass(frozen=True)
class Report:
    """How the worker comes along. `written`, `kept` (somebody edited them meanwhile), `empty` (the model had nothing to
    say) and `unreadable` count pictures of one batch; `name` and `caption` are of its last; `en` and `zh` say what went
    wrong, in the request's field `field`."""

    kind: ReportKind
    written: int = 0
    kept: int = 0
    empty: int = 0
    unreadable: int = 0
    name: str = ""
    caption: str = ""
    en: str = ""
    zh: str = ""
    field: str = ""

    @property
    def done(self) -> int:
        """How many pictures it is about."""
        return self.written + self.kept + self.empty + self.unreadable

    def to_line(self) -> str:
        """The report as one line; `from_line` gives the equal report back."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Self:
        """The report that a line tells of."""
        told: dict[str, Any] = json.loads(line)
        return cls(**told)
