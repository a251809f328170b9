"""A limit of time for code of others that may never return."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Late(BaseException):
    """The time was up; no Exception, so that it passes through the `except Exception` of others' code."""


def _ring(number: int, frame: Any) -> None:
    raise Late


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """A block that raises `Late` once it has taken so long, and again each tenth of that if it is swallowed.

    It needs the main thread of a Unix process, and code that returns to Python now and then; elsewhere it does nothing.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGALRM) is None:
        yield
        return
    before = signal.signal(signal.SIGALRM, _ring)
    earlier, _ = signal.setitimer(signal.ITIMER_REAL, seconds, max(seconds / 10, 0.05))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, earlier)
        signal.signal(signal.SIGALRM, before)
