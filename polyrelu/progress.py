"""A line on stderr, or in a notebook, that says how far a long computation is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Progress = Callable[[int, float], None]

# Kernels that take long to compile.
ENTRIES = ("run", "signs_twice", "run_cells", "separate_pairs")


class Meter:
    """Called with (regions, seconds); writes at most five times a second, ends on its own line.
    What is counted may be something else."""

    def __init__(self, counted: str = "regions") -> None:
        self._counted = counted
        self.share: float | None = None  # of the whole, as far as it is known
        self._last = 0.0
        self._shown = False

    def __call__(self, regions: int, seconds: float) -> None:
        now = time.monotonic()
        if now - self._last < 0.2:
            return
        self._last = now
        self._shown = True
        rate = regions / seconds if seconds > 0 else 0.0
        line = f"{regions:,} {self._counted}, {seconds:.1f} s, {rate:,.0f}/s"
        self._show(f"{line}{_far(self.share, seconds)}")

    def _show(self, text: str) -> None:
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    def close(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _far(share: float | None, seconds: float) -> str:
    """How far it is, and how long the rest takes if it is like what is done."""
    if not share:
        return ""
    left = seconds * (1 - min(share, 1)) / share
    unit, size = next(u for u in _UNITS if left < 100 * u[1] or u is _UNITS[-1])
    return f", {100 * share:.1f} % of the volume, {left / size:.0f} {unit} left"


_UNITS = (("s", 1.0), ("min", 60.0), ("h", 3600.0), ("days", 86400.0))


def reporter(progress: bool | Progress, counted: str = "regions") -> Progress | None:
    """What to call with (regions, seconds): the function given; for True a :class:`Meter`, if
    stderr is a terminal, or a :class:`NotebookMeter` in a notebook; else nothing."""
    if callable(progress) or not progress:
        return progress or None
    if in_notebook():
        return NotebookMeter(counted)
    return Meter(counted) if on_terminal() else None


class NotebookMeter(Meter):
    """The same in a line of a notebook's output, which it writes over and empties in the end."""

    _handle: Any = None

    def _show(self, text: str) -> None:
        from IPython.display import DisplayHandle

        shown = {"text/plain": text}
        if self._handle is None:
            self._handle = DisplayHandle()
            self._handle.display(shown, raw=True)
        else:
            self._handle.update(shown, raw=True)

    def close(self) -> None:
        if self._shown:
            self._show("")


def in_notebook() -> bool:
    """Does a Jupyter kernel run this? IPython is asked only if it is running already."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None


def on_terminal() -> bool:
    """Is somebody looking at stderr? It is None if it was closed."""
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def compilation_announced() -> Iterator[None]:
    """Within it somebody at a terminal is told if the engine has to be compiled first."""
    if not on_terminal():
        yield
        return
    from numba.core import event

    class Announcer(event.Listener):  # type: ignore[misc]
        def on_start(self, compilation: Any) -> None:
            if compilation.data["dispatcher"].__name__ in ENTRIES:
                text = "polyrelu: compiling the engine, some 10 s, once for this installation"
                sys.stderr.write(f"{text}\n")
                sys.stderr.flush()

        def on_end(self, compilation: Any) -> None:
            pass

    with event.install_listener("numba:compile", Announcer()):
        yield
