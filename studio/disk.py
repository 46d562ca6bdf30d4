"""Writing files whole or not at all, with a sentence when the disk refuses."""

import errno
import os
import secrets
import shutil
from pathlib import Path

from studio.errors import DiskFull, NotWritable, StorageError
from studio.words import Text

LEAST_FREE_BYTES = 16 * 2**20
"""Below this a disk counts as full: a picture or two would still fit, the index and its log might not."""

_REASONS = {
    errno.ENOENT: Text("there is no such file or folder", "文件或文件夹不存在"),
    errno.EACCES: Text("permission denied", "没有权限"),
    errno.EPERM: Text("it is not permitted", "系统不允许"),
    errno.EISDIR: Text("it is a folder", "它是文件夹"),
    errno.ENOTDIR: Text("something on its path is no folder", "路径中有一处不是文件夹"),
    errno.EEXIST: Text("a file of that name is in the way", "已有同名文件"),
    errno.ENAMETOOLONG: Text("its name is too long", "名称过长"),
    errno.EADDRINUSE: Text("it is in use", "已被占用"),
    errno.EROFS: Text("the disk is read-only", "磁盘为只读"),
}


def reason_of(error: OSError) -> Text | str:
    """Why the operating system refused: the common reasons in both languages, others in its own words."""
    return _REASONS.get(error.errno or 0) or error.strerror or str(error)


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
    return NotWritable(None, folder=str(folder), reason=reason_of(error))


def free_bytes(folder: Path) -> int:
    """Room left on the disk where a folder is, or will be."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free
