"""By how much can a network stretch distances? Its Lipschitz constant, over all regions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isinf

import numpy as np
import numpy.typing as npt

from ..domain import Domain, Slice
from ..engine.kernel import UNIT
from ..errors import DomainError, IncompleteError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Array, Layer, Network, quotient
from ..notebook import InNotebook
from ..progress import Progress
from ..rational import gram, identity_matrix, inner, integer_row, rows_of, solve_affine
from .outputs import Output, output_weights
from .robustness import checked_norm
from .singular import (
    Bounds,
    down,
    eigenvalue_bounds,
    exceeds,
    extreme_eigenvalue,
    frobenius_norms,
    root_down,
    root_up,
    up,
)
from .where import graph_of, stopped

BLOCK = 4096  # regions whose maps are composed at once
UNDERFLOW, TINY = 2.0**-960, 2.0**-900  # more than what results and weights lose below 2**-1022

Matrix = list[list[Fraction]]


@dataclass(frozen=True, eq=False)
class Lipschitz(InNotebook):
    """The least L with ``|F(x) - F(y)| <= L |x - y|`` on a convex domain.

    Attributes:
        graph: the regions.
        norm: of inputs and outputs: 1, 2 or inf.
        value: bounds on L, one part in 2**50 apart at most.
        exact: L, in the norms 1 and inf; None in the norm 2.
        exact_squared: its square; None in the norm 2 with several outputs, where it is algebraic.
        region: one that attains it, the first if it is exact.
    """

    graph: RegionGraph
    norm: float
    value: Bounds
    exact: Fraction | None
    exact_squared: Fraction | None
    region: int

    def __repr__(self) -> str:
        return f"Lipschitz({self.value} in the norm {self.norm}, region {self.region})"


def lipschitz_constant(
    what: Layer | Network | RegionGraph,
    domain: Domain | Slice | None = None,
    *,
    norm: float = 2,
    output: Output | None = None,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Lipschitz:
    """The exact Lipschitz constant on a convex domain: the greatest operator norm on a region.

    The segment between two points runs through regions, and on each the map is affine; inside of
    the region that attains the maximum so does the constant. With one output it is the dual norm of
    a gradient. Distances are measured in the domain's coordinates (of a slice: its own); of a flat
    domain only directions in it count.

    Args:
        domain: default the network's input box, else R^n; none with a region graph.
        norm: 1, 2 or ``numpy.inf``, of inputs and outputs alike.
        output: one output only, or a linear combination by a weight for each.

    Raises:
        DomainError: the domain does not fit, is empty, or is a single point; or it is flat, not
            along axes, and the norm is not 2 (take a Slice).
        IncompleteError: a limit was reached; the constant needs all regions.
        NetworkError: no such output.
        ValueError: an unknown norm.

    The cost is that of the regions, and some 2 to 20 us each for their maps in float64 with error
    bounds. Those that may attain the maximum, ties included, are settled in rationals: 0.2 ms each.
    """
    norm = checked_norm(norm)
    graph = graph_of(what, domain, limits, progress)
    weights = None if output is None else output_weights(output, graph.network.output_dim)
    if not graph.complete:
        raise IncompleteError(f"the constant needs all regions, but {stopped(graph)}")
    maps = _Maps(graph, norm, weights)
    low, high = maps.bounds()
    candidates = np.flatnonzero(high >= low.max()).astype(np.int64)
    if norm == 2 and maps.n_out > 1:
        region, (a, b) = _greatest(maps, candidates[np.argsort(-low[candidates], kind="stable")])
        return Lipschitz(graph, norm, Bounds(root_down(a), root_up(b)), None, None, region)
    best, region = Fraction(-1), -1
    for i in candidates.tolist():
        size = maps.exact_size(i)
        if size > best:
            best, region = size, i
    if norm == 2:
        return Lipschitz(graph, norm, Bounds(root_down(best), root_up(best)), None, best, region)
    return Lipschitz(graph, norm, Bounds(down(best), up(best)), best, best * best, region)


def _greatest(
    maps: _Maps, candidates: npt.NDArray[np.int64]
) -> tuple[int, tuple[Fraction, Fraction]]:
    """The candidate with the greatest singular value, and bounds on its square."""
    best, bounds = -1, (Fraction(-1), Fraction(-1))
    for i in candidates.tolist():
        gram, metric = maps.exact_gram(i)
        if best < 0 or not exceeds(gram, metric, bounds[1], -1):
            found = extreme_eigenvalue(gram, metric, 0.0, _trace(gram, metric), -1)
            if best < 0 or found[1] > bounds[1]:
                best, bounds = i, found
    return best, bounds


def _trace(gram: Matrix, metric: Matrix) -> float:
    """An upper bound on the eigenvalues: the trace, if the metric is the unit matrix."""
    k = range(len(gram))
    unit = all(metric[i][j] == (i == j) for i in k for j in k)
    return up(sum((gram[i][i] for i in k), Fraction(0))) if unit else inf


class _Maps:
    """The linear maps of all regions of a graph, on the directions of the domain."""

    def __init__(
        self, graph: RegionGraph, norm: float, weights: tuple[Fraction, ...] | None
    ) -> None:
        self.graph, self.norm, self.weights = graph, norm, weights
        self.n_out = graph.network.output_dim if weights is None else 1
        *rows, _ = rows_of(graph.domain.chart().matrix)
        frame = [row[:-1] for row in rows]
        k = len(frame[0])
        if k == 0:
            raise DomainError("the domain is a single point: there are no distances in it")
        self.axes = [j for j, row in enumerate(frame) if any(row)]
        # Directions that span the domain, one per row; None: those along some axes do.
        self.directions: Matrix | None = None
        if len(self.axes) > k:
            if norm != 2:
                raise DomainError(
                    "the domain is flat and not along axes: there only the norm 2 is supported; "
                    "a Slice has coordinates of its own"
                )
            self.directions = [[Fraction(v) for v in c] for c in zip(*frame, strict=True)]

    # -- float64 with bounds -----------------------------------------------------------------

    def bounds(self) -> tuple[Array, Array]:
        """Of each region's operator norm (squared for the norm 2 with several outputs)."""
        n = len(self.graph)
        low, high = np.zeros(n), np.full(n, inf)
        if self.directions is None:
            with np.errstate(all="ignore"):  # what overflows is settled exactly
                for begin, maps, error in self._blocks():
                    a, b = self._sizes(maps, error)
                    sound = np.isfinite(a) & np.isfinite(b)
                    at = slice(begin, begin + len(maps))
                    low[at], high[at] = np.where(sound, a, 0.0), np.where(sound, b, inf)
        return low, high

    def _blocks(self) -> Iterator[tuple[int, Array, Array]]:
        """The maps of some regions after the other, shape (regions, outputs, axes), and how far
        each entry may be off."""
        network = self.graph.network
        last = None if self.weights is None else np.array([[_rounded(w) for w in self.weights]])
        depth = sum(layer.in_features + 10 for layer in network.layers)
        depth += network.output_dim + 10
        for begin in range(0, len(self.graph), BLOCK):
            packed = self.graph.packed_patterns[begin : begin + BLOCK]
            bits = np.unpackbits(packed, axis=1, count=len(network.thresholds), bitorder="little")
            maps = np.broadcast_to(
                np.eye(network.input_dim)[:, self.axes],
                (len(bits), network.input_dim, len(self.axes)),
            )
            # The same with absolute values bounds the size of what is rounded.
            sizes, t = maps, 0
            for layer in network.layers:
                slopes = np.empty((len(bits), layer.out_features))
                for u, unit in enumerate(layer.units):
                    above = bits[:, t : t + len(unit.breakpoints)].sum(axis=1)
                    slopes[:, u] = np.array([_rounded(s) for s in unit.slopes])[above]
                    t += len(unit.breakpoints)
                maps = slopes[:, :, None] * (layer.weight @ maps)
                sizes = (np.abs(layer.weight) + TINY) @ sizes + UNDERFLOW
                sizes = (np.abs(slopes)[:, :, None] + TINY) * sizes + UNDERFLOW
            if last is not None:
                maps, sizes = last @ maps, (np.abs(last) + TINY) @ sizes + UNDERFLOW
            yield begin, maps, 1.01 * depth * UNIT * sizes

    def _sizes(self, maps: Array, error: Array) -> tuple[Array, Array]:
        if self.norm == 2 and self.n_out > 1:
            n_out, k = maps.shape[1:]
            turned = maps.transpose(0, 2, 1)
            gram = turned @ maps if k <= n_out else maps @ turned
            size, off = (frobenius_norms(m) * 1.001 for m in (maps, error))
            unsure = 2 * size * off + off**2 + (max(n_out, k) + 5) * UNIT * size**2 + UNDERFLOW
            _, _, low, high = eigenvalue_bounds(gram, unsure)
            return low, high
        values, slack = self._norms(maps), self._norms(error)
        slack = 1.01 * slack + (maps.shape[1] + maps.shape[2] + 5) * UNIT * values + UNDERFLOW
        return values - slack, values + slack

    def _norms(self, maps: Array) -> Array:
        if self.norm == 2:  # one output
            return frobenius_norms(maps)
        found: Array = np.abs(maps).sum(axis=2 if isinf(self.norm) else 1).max(axis=1)
        return found

    # -- rationals ---------------------------------------------------------------------------

    def _exact(self, index: int) -> Matrix:
        """The map of a region, on the axes or the directions."""
        rows, _ = self.graph[index].exact_affine_map
        if self.weights is not None:
            columns = zip(*rows, strict=True)
            rows = (tuple(inner(self.weights, column) for column in columns),)
        if self.directions is None:
            return [[row[j] for j in self.axes] for row in rows]
        return [[inner(row, d) for d in self.directions] for row in rows]

    def exact_size(self, index: int) -> Fraction:
        """The operator norm; of one output in the norm 2 squared."""
        rows = self._exact(index)
        if self.norm == 2:
            (row,) = rows
            if self.directions is None:
                return inner(row, row)
            metric = gram(self.directions)
            return inner(row, _solution(metric, row))
        lines = rows if isinf(self.norm) else zip(*rows, strict=True)
        return max(sum(map(abs, line), Fraction(0)) for line in lines)

    def exact_gram(self, index: int) -> tuple[Matrix, Matrix]:
        """The Gram matrix of the map, and the metric in which its eigenvalues are meant."""
        rows = self._exact(index)
        columns = [list(c) for c in zip(*rows, strict=True)]
        if self.directions is not None:
            metric = gram(self.directions)
            return gram(columns), metric
        vectors = columns if len(columns) <= len(rows) else rows
        return gram(vectors), identity_matrix(len(vectors))


def _rounded(value: Fraction) -> float:
    return quotient(value.numerator, value.denominator)


def _solution(matrix: Matrix, right: list[Fraction]) -> list[Fraction]:
    rows = [integer_row([*row, -v]) for row, v in zip(matrix, right, strict=True)]
    found = solve_affine(rows, len(right))
    assert found is not None, "independent directions have a metric"
    return list(found)
