"""Training runs: each a folder on disk, a queue of them, and one detached worker process at a time.

The folder is the only channel. Whoever looks (page, command line, a second browser) reads it; the worker alone writes
to it while it lives, and before and after that the queue does, under one lock. So nothing is lost with a page, a
server, or a worker that is killed."""

from studio.runs.folder import Checkpoint, RunFolder
from studio.runs.record import Record, State
from studio.runs.runs import Runs
from studio.runs.view import RunView

__all__ = ["Checkpoint", "Record", "RunFolder", "RunView", "Runs", "State"]
