"""Turns a call that reports through a callback into a generator that pauses at each report.

diffusers' pipelines tell of their steps by a callback; the chain is a generator, so that whoever reads it decides about
preview, progress and stopping. The call runs on a hand that waits while the generator is paused: the two never run
at the same time, and closing the generator ends the call before `close` returns."""

from collections.abc import Callable, Generator
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

Report = TypeVar("Report")
Result = TypeVar("Result")


class Hand:
    """A thread that does one call after another. Kept from picture to picture: a fresh thread would have to start
    OpenMP's helpers again, which costs the first step a tenth of its time."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        Thread(target=self._work, name="sampling", daemon=True).start()

    def take(self, call: Callable[[], None]) -> None:
        """Do this next; returns at once. The call must not raise."""
        self._calls.put(call)

    def _work(self) -> None:
        while True:
            self._calls.get()()


class Stopped(BaseException):
    """Raised inside the call when the generator was closed. Not an Exception: no library may swallow it."""


def stepwise(
    call: "Callable[[Callable[[Report], None]], Result]", hand: Hand
) -> "Generator[Report, None, Result]":
    """Yield what `call` reports; the generator's value is what `call` returns, its error what `call` raises."""
    reports: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
    goes_on: SimpleQueue[bool] = SimpleQueue()

    def report(value: Report) -> None:
        reports.put((False, value))
        if not goes_on.get():
            raise Stopped

    def run() -> None:
        try:
            outcome = (call(report), None)
        except BaseException as error:
            outcome = (None, error)  # type: ignore[assignment]
        reports.put((True, outcome))

    hand.take(run)
    is_over = False
    try:
        while True:
            is_over, value = reports.get()
            if is_over:
                break
            yield value
            goes_on.put(True)
    finally:
        goes_on.put(False)
        while not is_over:
            is_over, value = reports.get()
    result, error = value
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]
