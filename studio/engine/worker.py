"""The engine's own process: takes jobs from its standard input, sends events to its standard output.

It ends with whoever started it: when its input closes, it is gone at once, even in the middle of a picture."""

import contextlib
import importlib
import logging
import os
import signal
import sys
import threading
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from studio.engine import wire
from studio.engine.process import WarmModel
from studio.errors import StudioError, Unexpected

LOG_BYTES = 2**20
_log = logging.getLogger("inkstone.engine")


class Worker:
    """Jobs in, events out, one job at a time."""

    def __init__(self, orders: IO[bytes], events: IO[bytes]) -> None:
        self._orders, self._events = orders, events
        self._jobs: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        self._cancelled: set[int] = set()

    def work(self, warm: WarmModel | None) -> None:
        """Get ready, say so, and do jobs until the process is ended."""
        threading.Thread(target=self._listen, name="orders", daemon=True).start()
        from studio.engine.device import settle_imports
        from studio.engine.host import facts_of, make_chain

        chain = make_chain()
        wire.send(self._events, ("ready", 0, facts_of(chain)))
        _import_pipelines()
        settle_imports()
        if warm is not None and self._jobs.empty():
            chain.warm_up(warm.family, warm.folder)
        while True:
            number, job = self._jobs.get()
            self._do(chain, number, job)

    def _listen(self) -> None:
        """Read orders on a thread of its own, so that a cancellation is seen while a job runs."""
        while True:
            try:
                order, number, job = wire.receive(self._orders)
            except EOFError:
                os._exit(0)
            if order == "run":
                self._jobs.put((number, job))
            else:
                self._cancelled.add(number)

    def _do(self, chain: Any, number: int, job: Any) -> None:
        try:
            with contextlib.closing(chain.run(job)) as events:
                for event in events:
                    if number in self._cancelled:
                        break
                    wire.send(self._events, ("event", number, event))
            outcome: tuple[str, int, Any] = ("done", number, None)
        except StudioError as error:
            outcome = ("error", number, error)
        except Exception:
            traceback.print_exc()
            outcome = ("error", number, Unexpected(number=number, log="terminal"))
        wire.send(self._events, outcome)


def main() -> None:
    """Run the worker on this process's standard input and output; anything else that is printed goes to stderr."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the page decides when to end; it closes the input
    orders = sys.stdin.buffer
    events = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _offer_to_oom_killer()
    code: int | str | None = 1
    try:
        warm, log_file = wire.receive(orders)
        _log_to(log_file)
        Worker(orders, events).work(warm)
    except SystemExit as leaving:
        code = leaving.code
    except (BrokenPipeError, EOFError):
        code = 0
    except BaseException:
        _log.exception("the engine could not go on")
        traceback.print_exc()
    logging.shutdown()
    os._exit(
        code if isinstance(code, int) else 1
    )  # at once: the thread that reads orders can't be ended otherwise


def _import_pipelines() -> None:
    """Bring in what the first job would wait for."""
    for name in ("accelerate", "diffusers.pipelines.kolors.pipeline_kolors", "peft", "PIL.Image"):
        importlib.import_module(name)


def _offer_to_oom_killer() -> None:
    """Where memory runs out, lose this process rather than the page."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def _log_to(file: Path | None) -> None:
    log = logging.getLogger("inkstone")
    log.setLevel(logging.INFO)
    with contextlib.suppress(OSError):
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            handler = RotatingFileHandler(
                file, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8", delay=True
            )
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
            log.addHandler(handler)


if __name__ == "__main__":
    main()
