"""What a source of pictures is, and what it is given."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from studio.dataset_requests import ImportRequest
from studio.datasets.found import Found, Skipped, Step
from studio.settings import Settings
from studio.words import Text

if TYPE_CHECKING:
    from studio.studio import Studio


@dataclass(frozen=True)
class Place:
    """What sources may use: settings, a folder of their own for what they fetch (kept until the import ends, so that an
    interrupted one goes on), files that somebody dropped, and, for generated pictures, the studio. `is_known` tells
    whether the set has a picture with that `source_id` from this source, so that it isn't loaded again."""

    settings: Settings
    work_dir: Path
    files: tuple[Path, ...] = ()
    studio: "Studio | None" = None
    environment: Mapping[str, str] = field(default_factory=dict)
    is_known: Callable[[str], bool] = field(default=lambda source_id: False)


@dataclass(frozen=True)
class Source:
    """A source. `fields` names the lines of ImportRequest that it reads; `is_local` ones name paths of this machine and
    are refused on a public page. `find` yields pictures, what it skips and how far it is, and raises SourceFailed or
    SourceRefused; whoever reads it may stop at any time."""

    title: Text
    help: Text
    order: int
    fields: tuple[str, ...]
    find: Callable[[ImportRequest, Place], Iterator[Found | Skipped | Step]]
    is_local: bool = False
    is_network: bool = False
