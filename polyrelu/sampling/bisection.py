"""Boundaries found by bisection between points with different patterns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..domain import Domain, Slice
from ..errors import DomainError
from ..limits import Limits
from ..network import Array, Network
from ..progress import Progress
from .sample import Collector, Sample, positive
from .uniform import Uniform, generator

PAIRS = 128  # bisected at once


@dataclass(frozen=True, eq=False)
class BisectedBoundaries:
    """Points at which the pattern changes, each between two ends of a short segment.

    Attributes:
        sample: the patterns of all points that were looked at.
        before, after: shape (m, dim): ends with different patterns in float64.
        flips: shape (m,): in how many bits they differ.
        same: how many pairs of points had one pattern, so that nothing could be bisected.
    """

    sample: Sample
    before: Array
    after: Array
    flips: npt.NDArray[np.int64]
    same: int

    def __len__(self) -> int:
        return len(self.before)

    @property
    def widths(self) -> Array:
        """Shape (m,): the distance of the ends."""
        found: Array = np.linalg.norm(self.after - self.before, axis=1)
        return found

    @property
    def single(self) -> int:
        """At how many of them one bit flips: one wall was singled out."""
        return int((self.flips == 1).sum())

    def __repr__(self) -> str:
        return f"BisectedBoundaries({len(self)} points, {self.single} where one bit flips, " \
               f"{self.sample.passes:,} forward passes)"  # fmt: skip


def bisect_boundaries(
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    budget: int = 100_000,
    halvings: int = 40,
    seed: int = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> BisectedBoundaries:
    """Halve segments between uniform points of a bounded domain whose patterns differ, down to
    2^-halvings of their length. The half is kept whose first end has the pattern of the segment's
    start, and whose second has not.

    Args:
        halvings: from 1 to 52.

    Raises:
        DomainError: an unbounded domain; a budget of less than one bisection.
    """
    collector = Collector(network, domain, budget, limits, progress)
    depth = positive("halvings", halvings)
    if depth > 52:
        raise DomainError(
            f"halvings must be at most 52, which is all that float64 has, not {depth}"
        )
    if budget < depth + 2:
        raise DomainError(f"a budget of {budget} is less than a bisection of {depth + 2} passes")
    source = Uniform(collector.domain, generator(seed))
    found: list[tuple[Array, Array, npt.NDArray[np.int64]]] = []
    same = 0

    def step(_: int) -> bool:
        nonlocal same
        n = min(PAIRS, collector.left // (depth + 2))
        if not n:
            return False
        drawn = source.take(2 * n)
        a, b = drawn[:n], drawn[n : 2 * n]
        first, second = collector.look(a), collector.look(b)
        apart = (first != second).any(axis=1)
        same += int((~apart).sum())
        if apart.any():
            found.append(_halve(collector, a[apart], b[apart], first[apart], second[apart], depth))
        return True

    collector.repeat(step)
    sample = collector.sample("bisection", seed=seed, independent=False)
    none = np.zeros((0, collector.domain.dim))
    columns = [*zip(*found, strict=True)] or [(none,), (none,), (np.zeros(0, dtype=np.int64),)]
    before, after, flips = (np.concatenate(c) for c in columns)
    return BisectedBoundaries(sample, before, after, flips, same)


def _halve(
    collector: Collector,
    a: Array,
    b: Array,
    first: npt.NDArray[np.uint8],
    second: npt.NDArray[np.uint8],
    depth: int,
) -> tuple[Array, Array, npt.NDArray[np.int64]]:
    """The ends of the last halves, and in how many bits they differ."""
    for _ in range(depth):
        if collector.stopped_by:
            break
        middle = a / 2 + b / 2
        seen = collector.look(middle)
        like = (seen == first).all(axis=1)
        a = np.where(like[:, None], middle, a)
        b = np.where(like[:, None], b, middle)
        second = np.where(like[:, None], second, seen)
    flips = np.bitwise_count(first ^ second).sum(axis=1).astype(np.int64)
    return a, b, flips
