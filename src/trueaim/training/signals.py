"""Stopping when asked: the first signal finishes the chunk and saves, the second leaves at once."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from trueaim.core.errors import StoppedError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Whether a signal has come, and which."""

    def __init__(self) -> None:
        self.number: int | None = None

    def check(self, kept: str) -> None:
        """Raise `StoppedError` if a signal has come; `kept` says in words what is safe."""
        if self.number is not None:
            name = signal.Signals(self.number).name
            raise StoppedError(f"stopped by {name}; {kept}", self.number)


@contextmanager
def listening() -> Iterator[Stop]:
    """Turns signals into a flag for as long as the block runs; outside the main thread nothing is changed."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handler(number: int, frame: FrameType | None) -> None:
        del frame
        if stop.number is not None:
            os._exit(128 + number)
        stop.number = number

    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
