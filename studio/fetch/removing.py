"""Taking a model off the disk again: only what lies in models/weights, and never what comes with the studio."""

import os
import secrets
import shutil
from pathlib import Path

from studio.disk import storage_error
from studio.fetch.errors import NotRemovable
from studio.fetch.record import Records
from studio.settings import Settings
from studio.shelf import ModelCard
from studio.words import Text

SHIPPED = Text("it comes with the studio", "它是随程序附带的")
OUTSIDE = Text("it lies outside of models/weights", "它不在 models/weights 中")
LINKED = Text("its folder is a link; remove the link by hand", "它的文件夹是链接，请手动删除该链接")
NOTHING = Text("nothing of it is on this disk", "磁盘上没有它的任何文件")


def why_not_removable(card: ModelCard, settings: Settings) -> Text | None:
    """What keeps a model from being removed; None when nothing does."""
    weights, folder = settings.weights_dir, card.folder
    if not _is_inside(folder.parent.resolve() / folder.name, weights.resolve()):
        return SHIPPED if not card.source_url else OUTSIDE
    if folder.is_symlink():
        return LINKED
    return None if folder.is_dir() else NOTHING


def check_removable(card: ModelCard, settings: Settings) -> None:
    """Raise NotRemovable when a model stays."""
    reason = why_not_removable(card, settings)
    if reason is not None:
        raise NotRemovable("model", name=card.name, reason=reason)


def remove(card: ModelCard, settings: Settings) -> int:
    """Remove a model's folder with all that was fetched of it; the bytes that are free again. The folder is gone at once
    or not at all. Raises NotRemovable, BeingFetched or NotWritable."""
    check_removable(card, settings)
    records = Records(settings)
    with records.claimed(card.name):
        size = sum(file.lstat().st_size for file in card.folder.rglob("*") if file.is_file())
        doomed = settings.weights_dir / f".removed-{secrets.token_hex(4)}"
        try:
            os.replace(card.folder, doomed)
            shutil.rmtree(doomed)
        except OSError as error:
            raise storage_error(error, settings.weights_dir) from None
        records.forget(card.name)
    return size


def _is_inside(path: Path, folder: Path) -> bool:
    return path != folder and path.is_relative_to(folder)
