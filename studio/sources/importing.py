"""Bringing pictures from a source into a set: which sources there are, whether one may be used here, and the import."""

import hashlib
import json
import shutil
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from studio.catalog import scan
from studio.dataset_requests import ImportRequest
from studio.datasets.catalogue import Catalogue
from studio.datasets.errors import PathRefused, SourceRefused
from studio.datasets.found import Skipped, Step
from studio.datasets.imports import key_of
from studio.datasets.intake import Taken, known, take_in
from studio.errors import UnknownChoice
from studio.runs.lock import locked
from studio.settings import Settings
from studio.sources.source import Place, Source
from studio.train_errors import RunsBusy
from studio.words import Text

RUNNING = Text("this very import is under way already", "同样的导入正在进行中")
_LOCK = "lock"


def sources() -> dict[str, Source]:
    """Every source by name, in the order in which they are shown."""
    found = scan("studio.sources", "SOURCE", Source)
    return dict(sorted(found.items(), key=lambda named: (named[1].order, named[0])))


def sources_for(settings: Settings) -> dict[str, Source]:
    """The sources that may be used here: without those that name paths of this machine on a public page."""
    return {name: one for name, one in sources().items() if settings.may_import_paths or not one.is_local}


def import_from(
    catalogue: Catalogue, request: ImportRequest, place: Place
) -> Generator[Taken | Skipped | Step, None, None]:
    """Bring in what a source has; closed, failed or killed, the same request goes on where it stood.

    Raises UnknownChoice, PathRefused, SourceRefused (also when the same import is under way elsewhere), SourceFailed,
    DiskFull or NotWritable."""
    source = _source(request, place.settings)
    asked = request if "count" in source.fields else request.with_(count=0)
    work_dir = place.work_dir / _key(asked, place.files)
    try:
        with locked(place.work_dir / f"{work_dir.name}.{_LOCK}", patience_s=0):
            held = known(catalogue, asked.source)
            ours = replace(place, work_dir=work_dir, is_known=held.__contains__)
            yield from take_in(catalogue, source.find(asked, ours), asked)
            shutil.rmtree(work_dir, ignore_errors=True)
    except RunsBusy:
        raise SourceRefused(None, source=source.title, reason=RUNNING) from None


def _source(request: ImportRequest, settings: Settings) -> Source:
    known_here = sources()
    if request.source not in known_here:
        label, names = ImportRequest.settings()["source"].label, ", ".join(sources_for(settings))
        raise UnknownChoice("source", label=label, value=request.source, known=names)
    source = known_here[request.source]
    if source.is_local and not settings.may_import_paths:
        raise PathRefused("where")
    return source


def _key(request: ImportRequest, files: tuple[Path, ...]) -> str:
    """What an import's own folder is called: dropped files tell one upload from the next."""
    told = [key_of(request), *(str(file) for file in files)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
