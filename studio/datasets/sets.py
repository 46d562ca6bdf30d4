"""The studio's sets of pictures: folders under `outputs/datasets`, each with its catalogue."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from studio.dataset_requests import Need
from studio.datasets.catalogue import FILE, Catalogue
from studio.datasets.errors import SetMissing, SetNameRefused, SetTaken
from studio.datasets.imports import imports
from studio.disk import storage_error
from studio.settings import Settings

FOLDER = "datasets"
MOST_NAME_CHARACTERS = 80
_NOT_IN_NAMES = set('<>:"/\\|?*{}%\x7f')
_TAKEN_BY_WINDOWS = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)),
}


@dataclass(frozen=True)
class SetCard:
    """A set as a list shows it; `changed_at` is in seconds since 1970."""

    name: str
    path: Path
    changed_at: float


class Sets:
    """The sets of this machine, read from the disk each time they are asked for."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.output_dir / FOLDER

    def list(self) -> list[SetCard]:
        """Every set, the one changed last first."""
        found = [
            SetCard(file.parent.name, file.parent, _changed_at(file))
            for file in self.folder.glob(f"*/{FILE}")
            if not file.parent.name.startswith(".")
        ]
        return sorted(found, key=lambda card: (-card.changed_at, card.name))

    def path(self, name: str) -> Path:
        """The folder of a set, there or not; raises SetNameRefused for a name that can be no folder's."""
        refused = (
            not name.strip() or name != name.strip() or name.startswith(".") or name.endswith(".")
            or len(name) > MOST_NAME_CHARACTERS or len(name.encode("utf-8", "replace")) > 200
            or any(c in _NOT_IN_NAMES or not c.isprintable() for c in name)
            or name.split(".")[0].lower() in _TAKEN_BY_WINDOWS
        )  # fmt: skip
        if refused:
            raise SetNameRefused("name", name=name, most=MOST_NAME_CHARACTERS)
        return self.folder / name

    def create(self, name: str, need: Need) -> Catalogue:
        """A new set; raises SetTaken, SetNameRefused, DiskFull or NotWritable."""
        path = self.path(name)
        taken = {other.name.casefold() for other in self.folder.glob("*")} if self.folder.is_dir() else set()
        if name.casefold() in taken:
            raise SetTaken("name", name=name)
        new = path.with_name(f".{secrets.token_hex(8)}.new")
        try:
            Catalogue.create(new, need).close()
            new.rename(path)  # there at once and whole, or somebody else was faster
        except OSError as error:
            if path.exists():
                raise SetTaken("name", name=name) from None
            raise storage_error(error, path.parent) from None
        finally:
            shutil.rmtree(new, ignore_errors=True)
        return Catalogue.open(path)

    @contextmanager
    def for_import(self, name: str, need: Need) -> Iterator[Catalogue]:
        """The set of this name, made where it isn't there; two who ask at once get the same one. One that was made goes
        again when the block fails before a picture has come in. Raises what `create` and `open` raise."""
        is_new = True
        try:
            catalogue = self.create(name, need)
        except SetTaken:
            if not (self.path(name) / FILE).is_file():
                raise
            is_new, catalogue = False, self.open(name)
        with catalogue:
            try:
                yield catalogue
            except BaseException:
                is_ours = is_new and len(imports(catalogue)) <= 1  # nobody else is bringing something
                if is_ours and not catalogue.count():
                    catalogue.close()
                    self.remove(name)
                raise

    def open(self, name: str) -> Catalogue:
        """A set that is there; raises SetMissing or CatalogueBroken."""
        return Catalogue.open(self.path(name))

    def remove(self, name: str) -> None:
        """Take a set away with all its pictures; raises SetMissing or NotWritable."""
        path = self.path(name)
        if not (path / FILE).is_file():
            raise SetMissing("name", path=str(path))
        gone = path.with_name(f".{secrets.token_hex(8)}.gone")
        try:
            path.rename(gone)  # out of sight at once, whatever happens next
            shutil.rmtree(gone)
        except OSError as error:
            raise storage_error(error, path.parent) from None


def _changed_at(file: Path) -> float:
    """When a catalogue was written last; SQLite's log beside it counts."""
    log = file.with_name(f"{FILE}-wal")
    return max(found.stat().st_mtime for found in (file, log) if found.exists())
