"""The plane: all differences in the order of their angles, exactly, in O(P log P) for P pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from math import atan2
from typing import Any

import numpy as np
import numpy.typing as npt

from ..network import Array
from ..rational import IntegerRow, primitive
from .points import PointSets

Integers = npt.NDArray[np.int64]

CLOSE = 1e-14  # angles further apart differ, as float64 angles are off by less than 1e-15; closer
# ones are compared in integers
FLOAT_BITS = 1000  # of integers that float64 holds, rounded


@dataclass(frozen=True, eq=False)
class Sweep:
    """The differences by the lines that they span, as a direction w turns half round.

    Before w crosses the first line all vectors of the upper half plane are negative; crossing a
    line makes those on it positive.

    Attributes:
        group: shape (P,): which line, by rising angle in [0, pi); -1 of a difference that is 0.
            Pair (i, j) is at ``i * len(b) + j``.
        sign: shape (P,): 1 in the upper half plane (or on its right edge), -1 below; 0 of 0.
        members: shape (lines,): a pair on each line.
        vectors: shape (P, 2): the differences, those below turned round.
    """

    group: Integers
    sign: Integers
    members: Integers
    vectors: npt.NDArray[Any]

    def between(self, k: int) -> IntegerRow:
        """A direction when it has crossed k lines: strictly between two of them."""
        n = len(self.members)
        x0, y0 = self._line(k - 1) if k else tuple(-v for v in self._line(n - 1))
        x1, y1 = self._line(k) if k < n else tuple(-v for v in self._line(0))
        if n == 1:  # the two are opposite
            return primitive([x0, y0])
        return primitive([y0 + y1, -x0 - x1])

    def _line(self, k: int) -> tuple[int, ...]:
        return tuple(int(v) for v in self.vectors[self.members[k]])


def sweep(sets: PointSets) -> Sweep:
    """Of two sets of rank 1 or 2."""
    a, b = ([(*x, 0)[:2] for x in points] for points in sets.reduced)
    large = max(abs(v) for x in [*a, *b] for v in x)
    kind: type = np.int64 if large < 1 << 61 else object
    first: npt.NDArray[Any] = np.array(a, dtype=kind)
    second: npt.NDArray[Any] = np.array(b, dtype=kind)
    m = (first[:, None, :] - second[None, :, :]).reshape(-1, 2)
    upper = (m[:, 1] > 0) | ((m[:, 1] == 0) & (m[:, 0] > 0))
    sign = np.where(upper, 1, -1).astype(np.int64)
    sign[(m[:, 0] == 0) & (m[:, 1] == 0)] = 0
    m = m * sign[:, None]
    angle = _angles(m, large)
    order = np.argsort(angle, kind="stable")
    order = order[sign[order] != 0]
    group, members = _grouped(m, order, angle[order])
    return Sweep(group, sign, members, m)


def _angles(m: npt.NDArray[Any], large: int) -> Array:
    if large.bit_length() < FLOAT_BITS:
        x, y = m.astype(np.float64).T
        return np.asarray(np.arctan2(y, x), dtype=np.float64)
    return np.array([atan2(*_shortened(y, x)) for x, y in m.tolist()])


def _shortened(y: int, x: int) -> tuple[float, float]:
    """Large integers times a common power of two, nearly."""
    shift = max(0, max(abs(x), abs(y)).bit_length() - 200)
    return float(y >> shift), float(x >> shift)


def _grouped(m: npt.NDArray[Any], order: Integers, angle: Array) -> tuple[Integers, Integers]:
    """The line of each vector, and a member of each line. Most vectors have an angle of their own;
    those whose angles are close are compared exactly."""
    apart = np.concatenate([[True], np.diff(angle) > CLOSE])
    starts = np.flatnonzero(apart)
    ends = np.append(starts[1:], len(order))
    line = np.zeros(len(order), dtype=np.int64)  # 1 where a new line begins
    line[starts] = 1
    order = order.copy()
    for k in np.flatnonzero(ends - starts > 1).tolist():
        part = slice(starts[k], ends[k])
        close = order[part]
        same = _by_angle([(int(x), int(y)) for x, y in m[close]])
        order[part] = close[[i for members in same for i in members]]
        sizes = [len(members) for members in same]
        line[part.start + np.cumsum([0, *sizes[:-1]])] = 1
    group = np.full(len(m), -1, dtype=np.int64)
    group[order] = np.cumsum(line) - 1
    return group, order[line == 1]


def _by_angle(vectors: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Indices of vectors of the upper half plane, those of one line together, by rising angle."""
    known: dict[tuple[int, ...], list[int]] = {}
    for k, v in enumerate(vectors):
        known.setdefault(tuple(primitive(v)), []).append(k)
    return [known[v] for v in sorted(known, key=cmp_to_key(_turn))]


def _turn(u: tuple[int, ...], v: tuple[int, ...]) -> int:
    """Positive if u is at the greater angle."""
    return u[1] * v[0] - u[0] * v[1]
