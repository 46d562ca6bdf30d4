"""Writing files whole or not at all, with a sentence when the disk refuses."""

import errno
import os
import secrets
import shutil
from pathlib import Path

from studio.errors import DiskFull, NotWritable, StorageError

LEAST_FREE_BYTES = 16 * 2**20
"""Below this a disk counts as full: a picture or two would still fit, the index and its log might not."""


def write_atomically(file: Path, content: bytes) -> None:
    """Write a whole file or nothing, making its folder; raises DiskFull or NotWritable."""
    part = file.with_name(f".{secrets.token_hex(8)}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, file.parent) from None


def check_writable(folder: Path) -> None:
    """Make a folder and see that it takes a file, before work is spent on what goes there; raises DiskFull or
    NotWritable."""
    trial = folder / f".{secrets.token_hex(8)}"
    write_atomically(trial, b"-")
    trial.unlink(missing_ok=True)
    if free_bytes(folder) < LEAST_FREE_BYTES:
        raise storage_error(OSError(errno.ENOSPC, ""), folder)


def storage_error(error: OSError, folder: Path) -> StorageError:
    """What a failure of the operating system under `folder` means to its reader."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(None, folder=str(folder), free_mb=free_bytes(folder) // 2**20)
    return NotWritable(None, folder=str(folder), reason=error.strerror or str(error))


def free_bytes(folder: Path) -> int:
    """Room left on the disk where a folder is, or will be."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free
