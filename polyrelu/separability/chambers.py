"""The chambers of all differences m = a - b: where a direction w has one sign on each of them.

They come in opposite pairs. In the plane they are the sectors between neighbouring lines. In more
dimensions the hyperplanes <w, m> = 0 go through the origin, and of two opposite chambers one at
least meets w_0 = 1: so they are the cells of an affine arrangement of one dimension less, which the
engine enumerates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from ..activations import relu
from ..domain import Space
from ..enumeration import regions
from ..limits import Limits
from ..network import Affine, Array, Layer, Network
from ..rational import IntegerRow, integer_row, primitive
from .plane import Sweep, sweep
from .points import PointSets

if TYPE_CHECKING:
    from ..graph import RegionGraph

Integers = npt.NDArray[np.int64]

MOST = 200_000  # chambers that are enumerated unless limits say otherwise
MOST_PAIRS = 5_000_000  # in the plane
MOST_ROWS = 50_000  # pairs, in more dimensions
HOPE = 3  # times as many chambers as may be: by a bound that is not attained
MOST_SIGNS = 4_000_000_000  # of lines, over all chambers
DIGITS = 50
MOST_BITS = 1000  # of integers that are sums of powers of two within float64
BLOCK = 4096  # chambers that are looked at together


class Chambers(Protocol):
    """One of each two opposite chambers, or both.

    Attributes:
        group: shape (P,): the line that a difference spans, -1 if it is 0.
        sign: shape (P,): 1 or -1 by the side of the line that it is on, 0 if it is 0.
        n_lines: how many lines.
    """

    group: Integers
    sign: Integers

    @property
    def n_lines(self) -> int: ...

    def sums(self, values: Array) -> Iterator[tuple[int, Array]]:
        """For values of shape (lines, k): in each chamber the sum over lines of the value, with the
        sign that w has on the line; in blocks (first chamber, shape (chambers, k))."""
        ...

    def walls(self, indices: Integers) -> tuple[Integers, npt.NDArray[np.int8]]:
        """For some chambers lines that bound them, all that do, and the sides, 1 or -1, of w:
        both of shape (indices, k)."""
        ...

    def direction(self, index: int, flipped: bool) -> IntegerRow:
        """A reduced direction inside a chamber, or inside the opposite one."""
        ...


def by_line(chambers: Chambers, values: Array) -> Array:
    """The sums over the differences of a line of their values, times their signs; (lines, k)."""
    found = np.zeros((chambers.n_lines, values.shape[1]))
    on = chambers.sign != 0
    np.add.at(found, chambers.group[on], chambers.sign[on, None] * values[on])
    return found


def chambers_of(sets: PointSets, limits: Limits) -> Chambers | None:
    """All chambers; None if there are, or may be, more than the limits (default :data:`MOST`)."""
    if sets.rank <= 2:
        return _Plane(sweep(sets), sets.rank) if sets.n_pairs <= MOST_PAIRS else None
    most = MOST if limits.regions is None else limits.regions
    if sets.n_pairs > MOST_ROWS:
        return None
    found = _lines(sets)
    # Differences are dependent, so there are fewer: up to a point it is worth a try.
    cells = _most_cells(len(found.rows), sets.rank)
    if cells > HOPE * most or min(most, cells) * len(found.rows) > MOST_SIGNS:
        return None
    if max(abs(v) for row in found.rows for v in row).bit_length() > MOST_BITS:
        return None
    within = Limits(most, limits.seconds, limits.memory)
    graph = regions(Network((_layer(found.rows),)), Space(sets.rank - 1), limits=within)
    return _Cells(found.group, found.sign, graph) if graph.complete else None


def _most_cells(n: int, rank: int) -> int:
    """An upper bound on the cells of n hyperplanes of R^(rank - 1)."""
    return sum(comb(n, k) for k in range(rank))


# --- the plane ------------------------------------------------------------------------------------


class _Plane:
    def __init__(self, turned: Sweep, rank: int) -> None:
        self.sweep, self.rank = turned, rank
        self.group, self.sign = turned.group, turned.sign

    @property
    def n_lines(self) -> int:
        return len(self.sweep.members)

    def sums(self, values: Array) -> Iterator[tuple[int, Array]]:
        crossed = np.vstack([np.zeros(values.shape[1]), np.cumsum(values, axis=0)])
        yield 0, 2 * crossed - crossed[-1]

    def walls(self, indices: Integers) -> tuple[Integers, npt.NDArray[np.int8]]:
        both = np.stack([indices - 1, indices], axis=1)
        lines = both % self.n_lines
        return lines, np.where(lines < indices[:, None], 1, -1).astype(np.int8)

    def direction(self, index: int, flipped: bool) -> IntegerRow:
        w = self.sweep.between(index)[: self.rank]
        return [-v for v in w] if flipped else w


# --- more dimensions ------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Lines:
    """The lines that the differences span, a vector of each in integers."""

    rows: list[IntegerRow]
    group: Integers
    sign: Integers


def _lines(sets: PointSets) -> _Lines:
    a, b = sets.reduced
    known: dict[tuple[int, ...], int] = {}
    group, sign = [], []
    for x in a:
        for y in b:
            m = primitive([v - w for v, w in zip(x, y, strict=True)])
            lead = next((v for v in m if v), 0)
            sign.append((lead > 0) - (lead < 0))
            key = tuple(m) if lead > 0 else tuple(-v for v in m)
            group.append(known.setdefault(key, len(known)) if lead else -1)
    return _Lines([list(key) for key in known], np.array(group), np.array(sign))


class _Cells:
    def __init__(self, group: Integers, sign: Integers, graph: RegionGraph) -> None:
        self.group, self.sign, self.graph = group, sign, graph

    @property
    def n_lines(self) -> int:
        return len(self.graph.network.thresholds)

    def sums(self, values: Array) -> Iterator[tuple[int, Array]]:
        for start in range(0, len(self.graph), BLOCK):
            indices = np.arange(start, min(start + BLOCK, len(self.graph)))
            yield start, self._signs(indices) @ values

    def walls(self, indices: Integers) -> tuple[Integers, npt.NDArray[np.int8]]:
        shape = (len(indices), self.n_lines)
        return np.broadcast_to(np.arange(self.n_lines), shape), self._signs(indices)

    def _signs(self, indices: Integers) -> npt.NDArray[np.int8]:
        packed = self.graph.packed_patterns[indices]
        bits = np.unpackbits(packed, axis=1, count=self.n_lines, bitorder="little")
        return 2 * bits.astype(np.int8) - 1

    def direction(self, index: int, flipped: bool) -> IntegerRow:
        w = integer_row([Fraction(1), *self.graph.exact_point(index)])
        return [-v for v in w] if flipped else w


def _layer(rows: list[IntegerRow]) -> Layer:
    """Forms ``row . (1, v)``, exactly, also where integers are beyond 2**53: by their digits."""
    size = max(abs(v) for row in rows for v in row)
    shifts = range(0, size.bit_length(), DIGITS)
    parts = [np.array([[_digit(v, shift) for v in row] for row in rows]) for shift in shifts]
    weight = np.vstack([part[:, 1:] for part in parts])
    bias = np.concatenate([part[:, 0] for part in parts])
    if len(parts) == 1:
        return Layer([Affine(weight, bias)], relu())
    n = len(rows)
    joined = np.hstack([np.eye(n) * 2.0**shift for shift in shifts])
    return Layer([Affine(weight, bias), Affine(joined, np.zeros(n))], relu())


def _digit(value: int, shift: int) -> float:
    part = (abs(value) >> shift) & ((1 << DIGITS) - 1)
    return float(part if value > 0 else -part)
