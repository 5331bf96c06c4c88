"""The steps of the activation pattern of a smooth network along a segment, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from .root_isolation import Zero, halve, isolate
from .smooth_segment import SmoothSegment
from .smooth_walls import Wall

DEPTH = 48  # halvings of a segment in float64

Pattern = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Step:
    """A change of the pattern, or (not resolved) several that are not told apart.

    Attributes:
        low, high: parameters between which it happens.
        involved: which bits change, or may.
        after: the pattern behind it.
        least, most: bounds on the number of changes of bits.
    """

    low: Fraction
    high: Fraction
    involved: npt.NDArray[np.bool_]
    after: Pattern
    resolved: bool
    least: int
    most: float

    @classmethod
    def certain(
        cls, low: Fraction, high: Fraction, involved: npt.NDArray[np.bool_], after: Pattern
    ) -> Step:
        """All these bits change at once."""
        count = int(involved.sum())
        return cls(low, high, involved, after, True, count, count)

    def shifted(self, by: int) -> Step:
        return replace(self, low=self.low + by, high=self.high + by)


def along(segment: SmoothSegment, out_of: Callable[[int], bool]) -> tuple[Pattern, list[Step]]:
    """The pattern just behind the start of the segment, and its changes."""
    start, zeros = isolate(segment, len(segment.walls), DEPTH, out_of)
    for k, (_, at, behind) in enumerate(segment.sorted.exact, start=len(start)):
        start.append(-behind if at > 0 else behind)
        if 0 < at < 1:
            zeros.append(Zero(k, at, at, 1, 1, -behind, behind, single=True))
    walls = [*segment.walls, *(wall for wall, _, _ in segment.sorted.exact)]
    pattern = np.zeros(segment.network.n_units, dtype=np.uint8)
    for bit, value in segment.sorted.constant.items():
        pattern[bit] = value
    for wall, sign in zip(walls, start, strict=True):
        _set(pattern, wall, sign)
    before, steps = pattern, []
    for cluster in _separated(segment, zeros, out_of):
        step = _step(walls, cluster, before)
        before = step.after
        steps.append(step)
    return pattern, steps


def _set(pattern: Pattern, wall: Wall, sign: int) -> None:
    for bit, turned in zip(wall.bits, wall.turned, strict=True):
        pattern[bit] = (sign > 0) != turned if sign else pattern[bit]


def _step(walls: Sequence[Wall], cluster: list[Zero], before: Pattern) -> Step:
    after, involved = before.copy(), np.zeros(len(before), dtype=bool)
    for zero in cluster:
        _set(after, walls[zero.function], zero.after)
        involved[list(walls[zero.function].bits)] = True
    low, high = min(z.low for z in cluster), max(z.high for z in cluster)
    if _is_one(cluster):
        return Step.certain(low, high, involved, after)
    sizes = [len(walls[z.function].bits) for z in cluster]
    least = sum(z.least * n for z, n in zip(cluster, sizes, strict=True))
    most = sum(z.most * n for z, n in zip(cluster, sizes, strict=True))
    return Step(low, high, involved, after, False, least, most)


def _is_one(cluster: Sequence[Zero]) -> bool:
    """Whether it is known to be one crossing, off the ends of the segment: a single zero, or
    several at one exact point."""
    if not all(zero.is_simple and zero.low > 0 and zero.high < 1 for zero in cluster):
        return False
    return len(cluster) == 1 or all(z.low == z.high for z in cluster)


def _separated(
    segment: SmoothSegment, zeros: Iterable[Zero], out_of: Callable[[int], bool]
) -> list[list[Zero]]:
    """In order, zeros whose intervals overlap together; as few as the precision allows."""
    shortest = Fraction(1, 2 ** (segment.bits // 2))
    stuck: set[int] = set()
    clusters = _overlapping(zeros)
    for cluster in clusters:
        _coincide(segment, cluster)
    done: list[list[Zero]] = []
    while clusters:
        done += [c for c in clusters if _is_one(c)]
        clusters = [c for c in clusters if not _is_one(c)]
        busy = [z for c in clusters for z in _worth_halving(c)
                if z.high - z.low > shortest and id(z) not in stuck]  # fmt: skip
        if not busy or out_of(0):
            break
        stuck |= {id(zero) for zero in busy if not halve(segment, zero)}
        clusters = [part for c in clusters for part in _overlapping(c)]
    return sorted([*done, *clusters], key=lambda c: min(z.low for z in c))


def _worth_halving(cluster: Sequence[Zero]) -> list[Zero]:
    """Simple zeros, but for those within what will not get shorter."""
    rest = [z for z in cluster if not z.is_simple]
    return [z for z in cluster if z.is_simple
            and not any(r.low <= z.low and z.high <= r.high for r in rest)]  # fmt: skip


def _overlapping(zeros: Iterable[Zero]) -> list[list[Zero]]:
    clusters: list[list[Zero]] = []
    end = Fraction(-1)
    for zero in sorted(zeros, key=lambda z: (z.low, z.high)):
        if zero.low <= end:
            clusters[-1].append(zero)
        else:
            clusters.append([zero])
        end = max(end, zero.high)
    return clusters


def _coincide(segment: SmoothSegment, cluster: Sequence[Zero]) -> None:
    """Zeros that are formally where something in the first layer is 0."""
    if len(cluster) == 1:
        return
    low, high = min(z.low for z in cluster), max(z.high for z in cluster)
    for t in (t for t in segment.rational_zeros if low <= t <= high):
        for zero in cluster:
            inside = zero.single and zero.low < t < zero.high
            if inside and segment.vanishes(zero.function, t):
                zero.low = zero.high = t
