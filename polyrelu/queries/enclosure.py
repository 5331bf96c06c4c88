"""A convex set that holds the image of a domain under the first layers of a network, cheaply: an
interval for each output, in rational arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from flint import fmpz_mat

from ..activations import PiecewiseLinear
from ..domain import Box, Chart, Domain
from ..network import Layer, Network
from ..rational import IntegerRow, integer_row, rows_of

Interval = tuple[Fraction | None, Fraction | None]  # None: no bound


class Enclosure(Domain):
    """A box some of whose sides may be missing, with exact bounds; every side has a length."""

    def __init__(self, intervals: Sequence[Interval]) -> None:
        self.intervals = [_widened(low, high) for low, high in intervals]

    @property
    def dim(self) -> int:
        return len(self.intervals)

    def inequalities(self) -> list[IntegerRow]:
        return list(self._rows())

    def _rows(self) -> Iterator[IntegerRow]:
        for i, interval in enumerate(self.intervals):
            for bound, sign in zip(interval, (1, -1), strict=True):
                if bound is not None:
                    row = [Fraction(0)] * (self.dim + 1)
                    row[i], row[-1] = Fraction(sign), -sign * bound
                    yield integer_row(row)

    def chart(self) -> Chart:
        n = self.dim + 1
        one = fmpz_mat([[int(i == j) for j in range(n)] for i in range(n)])
        rows = tuple(map(tuple, self._rows()))
        return Chart(one, rows, tuple(range(len(rows))))

    def to_dict(self) -> dict[str, Any]:
        rows = [[format(v, "x") for v in g] for g in self._rows()]
        return {"kind": "polytope", "dim": self.dim, "rows": rows}

    def __repr__(self) -> str:
        return f"Enclosure(dim={self.dim})"


def _widened(low: Fraction | None, high: Fraction | None) -> Interval:
    if low is not None and low == high:
        return low - 1, high + 1
    return low, high


def enclosures(network: Network, domain: Domain) -> Iterator[Domain]:
    """For each layer a set that holds what may come in: the domain itself for the first."""
    yield domain
    intervals = _of_domain(domain)
    for layer in network.layers[:-1]:
        enclosure = Enclosure(_after(layer, intervals))
        intervals = enclosure.intervals  # as wide as the next proof says
        yield enclosure


def _of_domain(domain: Domain) -> list[Interval]:
    if isinstance(domain, Box):
        sides = zip(domain.low.tolist(), domain.high.tolist(), strict=True)
        return [(Fraction(a), Fraction(b)) for a, b in sides]
    return [(None, None)] * domain.dim


def _after(layer: Layer, intervals: Sequence[Interval]) -> list[Interval]:
    *rows, bottom = rows_of(layer.integer_matrix)
    found = []
    for unit, row in zip(layer.units, rows, strict=True):
        low = high = Fraction(row[-1], bottom[-1])
        ends: list[Fraction | None] = [low, high]
        for weight, (a, b) in zip(row, intervals, strict=False):
            if weight:
                if weight < 0:
                    a, b = b, a
                for k, end in enumerate((a, b)):
                    before = ends[k]
                    ends[k] = (
                        None if before is None or end is None
                        else before + Fraction(weight, bottom[-1]) * end
                    )  # fmt: skip
        found.append(unit_range(unit, (ends[0], ends[1])))
    return found


def unit_range(unit: PiecewiseLinear, interval: Interval) -> Interval:
    """The exact range of a unit on an interval."""
    low, high = interval
    inside = [
        t for t in unit.breakpoints if (low is None or t > low) and (high is None or t < high)
    ]
    at = [*inside, *(v for v in interval if v is not None)] or [Fraction(0)]
    values = [unit.exact(v) for v in at]
    below: Fraction | None = min(values)
    above: Fraction | None = max(values)
    for end, slope in ((low, -unit.slopes[0]), (high, unit.slopes[-1])):
        if end is None and slope > 0:
            above = None
        if end is None and slope < 0:
            below = None
    return below, above
