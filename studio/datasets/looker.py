"""The process that looks at pictures: `python -m studio.datasets.looker`. A path a line comes in as JSON, the picture's
`Measures` go out likewise; what is too much for it (memory, a decoder that never ends) kills it and nothing else."""

import json
import os
import sys
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import IO

import cv2

from studio.datasets.entry import Measures
from studio.datasets.measure import measure

MOST_MEMORY_BYTES = 6 * 2**30
"""Of addresses, not of memory in use: libraries take some gigabytes of those alone; a picture of 50 million pixels takes
about one."""
MOST_SECONDS_A_FILE = 120


def main() -> None:
    """Answer until the input ends."""
    with _own_output() as out:
        cv2.setNumThreads(1)
        _limit_memory()
        _put(out, "ready")
        names = [field.name for field in fields(Measures)]
        values = attrgetter(*names)
        for line in sys.stdin.buffer:
            _limit_time()
            measures = measure(Path(json.loads(line)))
            _put(out, dict(zip(names, values(measures), strict=True)))


def _own_output() -> IO[bytes]:
    """The standard output for answers alone: what libraries print goes where errors go."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return out


def _put(out: IO[bytes], answer: object) -> None:
    out.write(json.dumps(answer).encode() + b"\n")
    out.flush()


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = MOST_MEMORY_BYTES if most == resource.RLIM_INFINITY else min(most, MOST_MEMORY_BYTES)
        resource.setrlimit(resource.RLIMIT_AS, (wanted, most))


def _limit_time() -> None:
    """Let this process be killed once one file has taken too long."""
    if sys.platform != "win32":
        import resource

        spent = resource.getrusage(resource.RUSAGE_SELF)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        wanted = int(spent.ru_utime + spent.ru_stime) + MOST_SECONDS_A_FILE
        resource.setrlimit(
            resource.RLIMIT_CPU, (wanted if most == resource.RLIM_INFINITY else min(most, wanted), most)
        )


if __name__ == "__main__":
    main()
