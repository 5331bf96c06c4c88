"""Ctrl-C that lets a computation stop between two steps and keep what it has."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_deferred = 0


def deferred_so_far() -> int:
    """How many were deferred since the program began. Who calls several computations learns by it
    that one of them was stopped, though its answer may not say so."""
    return _deferred


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Within it a first Ctrl-C only makes the yielded function return True, once; a second one
    before that raises KeyboardInterrupt as usual. Outside the main thread nothing changes:
    signals do not arrive there."""
    received = False
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    # What `signal` wraps, which looks each handler up among constants: that takes 8 us.
    before = _signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # somebody else handles Ctrl-C
        yield lambda: False
        return

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal received
        global _deferred
        if received:
            raise KeyboardInterrupt
        received = True
        _deferred += 1

    def interrupted() -> bool:
        nonlocal received
        seen, received = received, False
        return seen

    _signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield interrupted
    finally:
        _signal.signal(signal.SIGINT, before)
