"""The least and the greatest value of an output over all regions.

The exact ends of one region take milliseconds: vertices in rational arithmetic. So only few regions
are asked. From a region with a large value somewhere one climbs from neighbour to neighbour, to a
value that none exceeds. Then the regions are enumerated once more, with the wall on which the
output has that value: the engine's certified signs say where it is greater. Nowhere: it is the
greatest. Else one climbs again, from there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..activations import PiecewiseLinear, relu
from ..domain import Domain
from ..enumeration import regions_above
from ..errors import IncompleteError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Affine, Network
from ..progress import Progress
from ..rational import ExactPoint, dot, integer_row, rows_of
from ..region import Region
from .decision import followed
from .outputs import combination
from .where import why_stopped

Weights = tuple[Fraction, ...]

STARTS = 64  # regions of which the value at one point is looked at, to begin with
CLIMBS = 4  # from the most promising regions


@dataclass(frozen=True)
class End:
    """One end of the range of values.

    Attributes:
        value: the least or greatest value, attained at ``point``; None: there is none.
        point: a point of the domain, exactly.
        direction: if there is none: along it, from ``point``, the values have no bound.
    """

    value: Fraction | None
    point: ExactPoint
    direction: ExactPoint | None = None


class Regions(Protocol):
    """All regions of a network on a domain: a :class:`RegionGraph` or a store."""

    @property
    def network(self) -> Network: ...
    @property
    def domain(self) -> Domain: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Region: ...
    def neighbors(self, index: int) -> npt.NDArray[np.int64]: ...
    def find(self, pattern: npt.ArrayLike) -> int: ...
    def statistics(self) -> dict[str, Any]: ...


def ends(
    regions: Regions,
    graphs: Iterable[RegionGraph],
    weights: Weights,
    limits: Limits,
    progress: bool | Progress,
) -> tuple[End, End]:
    """The least and the greatest value of a linear combination of outputs.

    Args:
        graphs: the same regions, part by part.
        limits: for both ends together; regions are not limited.

    Raises:
        IncompleteError: a limit was reached.
    """
    row, scale = _row_of(weights)
    began, bounds = time.perf_counter(), replace(limits, regions=None)
    found: dict[int, End | None] = {-1: None, 1: None}
    if row is None or regions.statistics()["unbounded_regions"]:
        for graph in graphs:
            for i in np.flatnonzero(graph.unbounded | (row is None)).tolist():
                for sign in found:
                    found[sign] = _better(found[sign], end_of(graph[i], sign, weights), sign)
    for sign, end in found.items():
        if row is not None and (end is None or end.value is not None):
            left = bounds.after(time.perf_counter() - began)
            climber = _Climber(regions, weights, sign)
            found[sign] = climber.greatest(end, sign * row, scale, left, progress)
    low, high = found[-1], found[1]
    assert low is not None
    assert high is not None  # there is a region
    return low, high


def _row_of(weights: Weights) -> tuple[npt.NDArray[np.float64] | None, int]:
    """Integers, as floats, and what divides them to give the weights; None if no floats do."""
    *whole, scale = integer_row([*weights, Fraction(1)])
    row = np.array(list(map(_rounded, whole)))
    return (row if row.tolist() == whole else None), scale


def _rounded(value: Fraction | int) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.inf


def _extended(network: Network, row: npt.NDArray[np.float64], level: Fraction) -> Network:
    """The network with a last threshold where ``row``, times the outputs, is above a level."""
    bias = _rounded(level)
    if bias != level:
        factor, unit = Affine(row[None], np.zeros(1)), PiecewiseLinear((level,), (0, 1), 0)
    else:  # then nothing is rounded where the outputs are constant
        factor, unit = Affine(row[None], np.array([-bias])), relu()
    return Network(followed(network, factor, [unit]), network.input_box)


def _better(one: End | None, other: End, sign: int) -> End:
    """The end with the greater value (sign = 1), or the less (-1)."""
    if one is None:
        return other
    if one.value is None or other.value is None:
        return one if one.value is None else other
    return other if sign * other.value > sign * one.value else one


class _Climber:
    """Looks for the greatest value (sign = 1), or the least (-1), where there is one."""

    def __init__(self, regions: Regions, weights: Weights, sign: int) -> None:
        self._regions, self._weights, self._sign = regions, weights, sign
        self._rounded = np.array([sign * float(w) for w in weights])
        self._ends: dict[int, End] = {}

    def greatest(
        self,
        known: End | None,
        row: npt.NDArray[np.float64],
        scale: int,
        limits: Limits,
        progress: bool | Progress,
    ) -> End:
        """That of all regions.

        Args:
            known: that of some.
            row, scale: the weights, times the sign, are ``row / scale``.
        """
        network, n, began = self._regions.network, len(self._regions), time.perf_counter()
        starts = np.unique(np.linspace(0, n - 1, min(n, STARTS)).astype(np.int64))
        points = np.array([self._regions[i].witness for i in starts.tolist()])
        best = self._climbed(known, starts[self._promising(points)].tolist())
        while best.value is not None:
            extended = _extended(network, row, self._sign * best.value * scale)
            above = regions_above(
                extended, self._regions.domain, len(network.thresholds),
                limits=limits.after(time.perf_counter() - began), progress=progress,
            )  # fmt: skip
            if above.stopped_by is not None:
                why = why_stopped(above.stopped_by, f"{above.searched} regions")
                raise IncompleteError(f"the range needs all regions, but {why}")
            if not len(above.packed_patterns):
                return best
            chosen = above.packed_patterns[self._promising(above.witnesses)]
            bits = np.unpackbits(chosen, axis=1, bitorder="little")[:, : len(network.thresholds)]
            higher = self._climbed(best, [self._regions.find(pattern) for pattern in bits])
            assert higher is not best, "a value is exceeded, but on no region"
            best = higher
        return best

    def _promising(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        """Where the value is greatest, about."""
        with np.errstate(all="ignore"):
            values = self._regions.network(points) @ self._rounded
        return np.argsort(-values, kind="stable")[:CLIMBS]

    def _climbed(self, best: End | None, starts: Sequence[int]) -> End:
        """The best end that neighbours lead to, from each of the regions in turn."""
        for at in starts:
            best = _better(best, self._climb(at), self._sign)
        assert best is not None
        return best

    def _climb(self, region: int) -> End:
        """From a region to a neighbour with a better end, as long as there is one."""
        end = self._end(region)
        neighbors = deque(self._regions.neighbors(region).tolist())
        while neighbors:
            other = neighbors.popleft()
            if _better(end, self._end(other), self._sign) is not end:
                end = self._end(other)
                neighbors = deque(self._regions.neighbors(other).tolist())
        return end

    def _end(self, region: int) -> End:
        if region not in self._ends:
            self._ends[region] = end_of(self._regions[region], self._sign, self._weights)
        return self._ends[region]


def end_of(region: Region, sign: int, weights: Weights) -> End:
    """The greatest value (sign = 1) or the least (-1) on a region."""
    matrix = rows_of(region.graph.compiled.chart)
    form, scale = combination(weights, region.output_form)
    best: tuple[Fraction, ExactPoint] | None = None
    for line in region.exact_lines():
        slope = dot(form[:-1], line)
        if slope:
            turned = line if slope * sign > 0 else [-v for v in line]
            return End(None, region.exact_point(), tuple(map(Fraction, turned)))
    for g in region.generators():
        x = [dot(row, g) for row in matrix]
        value = dot(form, x)
        if x[-1] == 0:
            if sign * value > 0:
                return End(None, region.exact_point(), tuple(map(Fraction, x[:-1])))
            continue
        exact = Fraction(value) / (scale * x[-1])
        if best is None or sign * exact > sign * best[0]:
            best = exact, tuple(Fraction(v, x[-1]) for v in x[:-1])
    assert best is not None, "a region has a point of some minimal face"
    return End(*best)
