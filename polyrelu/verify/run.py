"""What the checks of one verification share: the graph, exact forms on its regions, the clock."""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flint import fmpz_mat

from ..progress import Progress
from .forms import Forms, Row, dot, primitive, reduced

if TYPE_CHECKING:
    from ..graph import RegionGraph


class Run:
    """What the checks share: the graph, the regions to look at, exact forms, the clock."""

    def __init__(self, graph: RegionGraph, chosen: Any, progress: Progress | None) -> None:
        self.graph, self.chosen, self.progress = graph, chosen, progress
        self.chart = graph.domain.chart()
        self.dim = self.chart.dim
        self.hull = self.chart.matrix
        self.inequalities = [primitive(g) for g in graph.domain.inequalities()]
        self.flat = [not any(self.on_hull(g)) for g in self.inequalities]
        one = fmpz_mat([[int(i == j) for j in range(graph.dim + 1)] for i in range(graph.dim + 1)])
        forms, inputs = Forms(graph.network, self.hull), Forms(graph.network, one)
        self.rows = lru_cache(4096)(lambda i: forms.rows(self.bits(i)))  # in the chart
        self.input_rows = lru_cache(256)(lambda i: [reduced(g) for g in inputs.rows(self.bits(i))])
        self._began, self._steps = time.perf_counter(), 0

    def bits(self, i: int) -> Row:
        return [int(b) for b in self.graph.pattern(i)]

    def on_hull(self, row: Row) -> Row:
        """A row in the domain's coordinates as one in the chart's."""
        return reduced((fmpz_mat([row]) * self.hull).entries())

    def facets(self, i: int) -> list[tuple[int, int]]:
        """(name, neighbour) of each facet."""
        here = slice(*self.graph.indptr[i : i + 2].tolist())
        return list(zip(self.graph.facets[here].tolist(), self.graph.neighbor[here].tolist(),
                        strict=True))  # fmt: skip

    def wall(self, i: int, name: int) -> Row:
        """The row of a facet in the chart, positive inside."""
        if name >= 0:
            return reduced(self.rows(i)[name])
        return self.on_hull(self.inequalities[-1 - name])

    def step(self) -> None:
        self._steps += 1
        if self.progress is not None:
            self.progress(self._steps, time.perf_counter() - self._began)

    def close(self) -> None:
        close = getattr(self.progress, "close", None)
        if close is not None:
            close()

    def misplaced(self, point: Sequence[Fraction], i: int) -> str | None:
        """Why a rational point is not strictly inside region i; None if it is."""
        for k, (g, flat) in enumerate(zip(self.inequalities, self.flat, strict=True)):
            value = dot(g[:-1], point) + g[-1]
            if value < 0 or (value == 0) != flat:
                return f"does not lie strictly within inequality {k} of the domain"
        signs = self.graph.network.exact(point)[1]
        for t, (bit, sign) in enumerate(zip(self.bits(i), signs, strict=True)):
            if sign != (1 if bit else -1) and (sign or bit or any(self.rows(i)[t])):
                return f"has sign {sign} at threshold {t}, where the pattern has bit {bit}"
        return None
