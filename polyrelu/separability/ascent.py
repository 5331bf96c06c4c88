"""Better directions by trial: for scores that are not concave. Float64 guesses, never proves."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from ..network import Array

Score = Callable[[Array], float]

TRIALS = 1500
STEPS = (0.6, 0.2, 0.06, 0.02, 0.006, 0.002)


def climb(score: Score, starts: Sequence[Array], seconds: float | None = None) -> Array:
    """The best unit direction found from some starts: steps to random sides, long ones first, and
    along those that helped again. Deterministic but for a limit on wall time."""
    rng = np.random.default_rng(0)
    until = np.inf if seconds is None else time.monotonic() + seconds
    found = [_from(score, unit(w), rng, until, TRIALS // len(starts)) for w in starts]
    return max(found, key=lambda pair: pair[0])[1]


def _from(
    score: Score, w: Array, rng: np.random.Generator, until: float, trials: int
) -> tuple[float, Array]:
    best = score(w)
    for step in STEPS:
        for _ in range(trials // len(STEPS)):
            if time.monotonic() > until:
                return best, w
            side = unit(rng.normal(size=len(w)))
            for signed in (step, -step):
                moved = unit(w + signed * side)
                value = score(moved)
                while value > best:
                    best, w = value, moved
                    moved = unit(w + signed * side)
                    value = score(moved)
    return best, w


def unit(w: Array) -> Array:
    size = float(np.linalg.norm(w))
    return w / size if size > 0 else np.eye(len(w))[0]


def starts(a: Array, b: Array, more: Sequence[Array] = ()) -> list[Array]:
    """The difference of the means, directions that are known to be good, and along each set's
    widest axis."""
    mean = a.mean(axis=0) - b.mean(axis=0)
    spread = np.linalg.eigh(np.atleast_2d(np.cov(a.T, bias=True)))[1][:, -1]
    return [mean, *more, spread, -spread]
