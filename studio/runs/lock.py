"""One lock file that processes and threads take turns at; the system gives it back when its holder dies."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from studio.disk import storage_error
from studio.train_errors import RunsBusy

PATIENCE_S = 20.0
_PAUSE_S = 0.02


@contextmanager
def locked(file: Path, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold a lock file, making it and its folder. Raises RunsBusy when another holder doesn't let go in time,
    NotWritable or DiskFull when there can't be such a file."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise storage_error(error, file.parent) from None
    try:
        deadline = time.monotonic() + patience_s
        while not _take(descriptor):
            if time.monotonic() > deadline:
                raise RunsBusy(None, folder=str(file.parent))
            time.sleep(_PAUSE_S)
        yield
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> bool:
        with suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            return True
        return False
else:
    import fcntl

    def _take(descriptor: int) -> bool:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False
