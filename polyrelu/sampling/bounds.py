"""A probabilistic lower bound on the number of regions by random parities of the patterns' bits.

Serra and Ramalingam (AAAI 2020, "Empirical bounds on linear regions of deep rectifier networks")
count approximately, as MBound does (Gomes, Sabharwal, Selman, AAAI 2006): add random parity
constraints until no pattern satisfies them all. They ask a mixed-integer solver whether one does.
Here the patterns of the enumerated regions are asked, so the answers are right, and what is
seen is how good the bound itself is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

import numpy as np

from ..errors import PointsError
from ..graph import RegionGraph
from .sample import Sample, positive
from .uniform import generator


@dataclass(frozen=True)
class ParityBound:
    """With probability at least ``confidence`` there are at least ``bound`` regions.

    Attributes:
        log2_bound: its binary logarithm.
        confidence: over the parities drawn.
        levels: in each trial, how many parities some pattern satisfied together.
        patterns: how many patterns were asked.
    """

    log2_bound: float
    confidence: float
    levels: tuple[int, ...]
    patterns: int

    @property
    def bound(self) -> float:
        return float(2.0**self.log2_bound)


def parity_bound(
    found: RegionGraph | Sample, *, trials: int = 20, confidence: float = 0.95, seed: int = 0
) -> ParityBound:
    """The lower bound of approximate counting, with the patterns found as the solver.

    A parity takes each bit with probability 1/2, and is even or odd with probability 1/2. If there
    are N patterns, s parities leave N / 2^s of them in expectation; so if N < 2^(s-a), some is
    left with probability below 2^-a, in all of t trials below 2^(-at). If some is left in all,
    N >= 2^(s-a), but for that probability: a = log2(1 / (1 - confidence)) / t. Parities of a trial
    are added one after the other, so choosing the greatest s costs no confidence.

    Args:
        found: a graph, or a sample (whose false patterns then count as well).
        trials: t, at least 1.
        confidence: in (0, 1).

    Raises:
        PointsError: no patterns, a confidence out of range.

    Listing the patterns gives their number, of course: the bound is for whoever cannot list them.
    """
    t = positive("trials", trials)
    if not 0 < confidence < 1:
        raise PointsError(f"confidence must be in (0, 1), not {confidence!r}")
    if not len(found):
        raise PointsError("there are no patterns")
    rng = generator(seed)
    levels = tuple(_level(found.packed_patterns, rng) for _ in range(t))
    bound = min(levels) + log2(1 - confidence) / t
    return ParityBound(max(0.0, bound), confidence, levels, len(found))


def _level(packed: np.ndarray, rng: np.random.Generator) -> int:
    """How many random parities some pattern satisfies, until none is left."""
    left, level = packed, 0
    while len(left):
        mask = rng.integers(0, 256, size=packed.shape[1], dtype=np.uint8)
        odd = np.bitwise_count(left & mask).sum(axis=1) % 2
        left = left[odd == rng.integers(2)]
        level += bool(len(left))
    return level
