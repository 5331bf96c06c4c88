"""How stably can it be inverted? Certified bounds on both Lipschitz constants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..activations import PiecewiseLinear
from ..domain import Domain, Slice
from ..engine.kernel import UNIT
from ..enumeration import regions
from ..errors import DomainError, IncompleteError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Array, Layer, Network, quotient
from ..notebook import InNotebook
from ..progress import Progress
from ..rational import gram, identity_matrix, inner, rows_of
from ..region import Region
from .enclosure import enclosures
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
from .where import resolve, stopped

TINY = 2.0**-1000  # times UNIT it is more than underflow takes from a factor
LAYER_INPUTS, LAYER_CELLS = 6, 50_000  # of layers whose own bounds are worked out for a network's


@dataclass(frozen=True, eq=False)
class Stability(InNotebook):
    """Bounds on ``kappa_L |x - y| <= |F(x) - F(y)| <= kappa_U |x - y|`` on a convex domain.

    Attributes:
        graph: the regions.
        frame_bound: A, the least squared singular value of a region's map: for a ReLU layer the
            smallest lower frame bound of its active rows.
        weakest: the region that attains A (one that may, if several are equal).
        lower: kappa_L, the inverse's Lipschitz constant is 1 / kappa_L. At most sqrt(A); at least
            sqrt(A) / 2 for a ReLU layer, for a network at least the product of its layers' on an
            enclosure of what comes in. A low end of 0 says that nothing more is known: a layer is
            not injective there, has more than 6 inputs, or units that are flat in the middle.
        upper: kappa_U, the greatest singular value of a region's map.
        strongest: the region that attains kappa_U.
        region_lower, region_upper: shape (regions, 2): bounds on the least and the greatest
            singular value of each region's map.
    """

    graph: RegionGraph
    frame_bound: Bounds
    weakest: int
    lower: Bounds
    upper: Bounds
    strongest: int
    region_lower: Array
    region_upper: Array

    @property
    def inverse_lipschitz(self) -> Bounds:
        """The Lipschitz constant of the inverse, 1 / kappa_L; infinite if there is none."""
        return Bounds(_quotient_down(1.0, self.lower.high), _quotient_up(1.0, self.lower.low))

    @property
    def condition_number(self) -> Bounds:
        """kappa_U / kappa_L."""
        return Bounds(
            _quotient_down(self.upper.low, self.lower.high),
            _quotient_up(self.upper.high, self.lower.low),
        )

    def __repr__(self) -> str:
        return f"Stability(lower={self.lower}, upper={self.upper}, {len(self.graph)} regions)"


def _quotient_down(a: float, b: float) -> float:
    return math.inf if b == 0 else -up(-Fraction(a) / Fraction(b))


def _quotient_up(a: float, b: float) -> float:
    return math.inf if b == 0 else up(Fraction(a) / Fraction(b))


def stability(
    what: Layer | Network,
    domain: Domain | Slice | None = None,
    *,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Stability:
    """Bounds on how much a layer or a network contracts and stretches distances, by all regions.

    Distances are Euclidean, in the domain's coordinates. For a ReLU layer without bias on R^n
    kappa_U / kappa_L >= sqrt(2).

    Raises:
        DomainError: the domain does not fit, is empty, or is a single point.
        IncompleteError: a limit was reached; bounds need all regions.

    Source: sqrt(A) / 2 <= kappa_L <= sqrt(A): Freeman and Haider 2025 (arXiv 2502.09898); proof in
    docs/injectivity.md.
    """
    network, where = resolve(what, domain)
    graph = regions(network, where, limits=limits, progress=progress)
    if not graph.complete:
        raise IncompleteError(f"bounds need all regions, but {stopped(graph)}")
    maps = _Maps(graph)
    if maps.k == 0:
        raise DomainError("the domain is a single point: there are no distances in it")
    least_low, least_high, greatest_low, greatest_high = maps.bounds
    weakest, bottom = maps.extreme(least_low, least_high, 1)
    strongest, top = maps.extreme(-greatest_high, -greatest_low, -1)
    at_most = root_up(bottom[1])
    return Stability(
        graph=graph,
        frame_bound=Bounds(max(0.0, -up(-bottom[0])), up(bottom[1])),
        weakest=weakest,
        lower=Bounds(min(_lower(network, where, graph), at_most), at_most),
        upper=Bounds(root_down(top[0]), root_up(top[1])),
        strongest=strongest,
        region_lower=_roots(least_low, least_high),
        region_upper=_roots(greatest_low, greatest_high),
    )


def _roots(low: Array, high: Array) -> Array:
    """Square roots, rounded outwards."""
    down = np.sqrt(np.maximum(low, 0.0)) * (1 - 4 * UNIT)
    found: Array = np.stack([down, np.sqrt(np.maximum(high, 0.0)) * (1 + 4 * UNIT)], axis=1)
    return found


def _lower(network: Network, domain: Domain, graph: RegionGraph) -> float:
    """A lower bound on kappa_L: of a layer, or the product of a network's layers."""
    if len(network.layers) == 1:
        return _layer_lower(graph)
    product = 1.0
    for layer, where in zip(network.layers, enclosures(network, domain), strict=True):
        if layer.in_features > LAYER_INPUTS:
            return 0.0
        cells = regions(Network((layer,)), where, limits=Limits(regions=LAYER_CELLS))
        if not cells.complete:
            return 0.0
        product = max(0.0, math.nextafter(product * _layer_lower(cells), 0.0))
    return product


def _layer_lower(graph: RegionGraph) -> float:
    """With z the midpoint of x and y, units that are not flat at z give a share of
    ``|w . (x - y)|`` at least; some cell at z has no others that are active."""
    maps = _Shares(graph)
    _, bottom = maps.extreme(maps.bounds[0], maps.bounds[1], 1)
    return root_down(bottom[0])


def _share(unit: PiecewiseLinear, pieces: npt.NDArray[np.int64]) -> Fraction:
    """s such that ``|unit(a) - unit(b)| >= s |a - b|`` if the midpoint of a and b is not inside
    of a flat piece; ``pieces`` are those that occur.

    The least slope; half of it if the unit is flat on one side, from where the midpoint at least
    keeps the half of [a, b] away. 0 if it is flat elsewhere, or not monotone.
    """
    slopes: list[Fraction] = [unit.slopes[k] for k in sorted(set(pieces.tolist()))]
    if len(slopes) == 1:
        return abs(slopes[0])
    if min(slopes) < 0 < max(slopes):
        return Fraction(0)
    rising = [abs(s) for s in slopes if s]
    if len(rising) == len(slopes):
        return min(rising)
    if len(rising) == len(slopes) - 1 and 0 in (slopes[0], slopes[-1]):
        return min(rising) / 2
    return Fraction(0)


class _Maps:
    """The linear maps of all regions of a graph, their Gram matrices rounded and exact."""

    def __init__(self, graph: RegionGraph) -> None:
        self.graph = graph
        chart = graph.domain.chart().matrix
        self.k = int(chart.ncols()) - 1
        # On a flat domain lengths are measured by the metric of its chart.
        self.flat = self.k < graph.dim
        table = rows_of(chart)
        scale = table[-1][-1]
        self.frame = [[Fraction(v, scale) for v in row[:-1]] for row in table[:-1]]

    @cached_property
    def metric(self) -> list[list[Fraction]]:
        if not self.flat:
            return identity_matrix(self.k)
        return gram(_columns(self.frame))

    def exact_gram(self, index: int) -> list[list[Fraction]]:
        rows, _ = Region(self.graph, index).exact_affine_map
        return gram(_columns(self._local(rows)))

    def _local(self, rows: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
        """Linear maps in the domain's coordinates, or, of a flat domain, in its chart's."""
        if not self.flat:
            return [list(row) for row in rows]
        columns = _columns(self.frame)
        return [[inner(row, c) for c in columns] for row in rows]

    @cached_property
    def bounds(self) -> tuple[Array, Array, Array, Array]:
        """Of the least and greatest squared singular value of each region's map."""
        if self.flat:
            return self._exact_bounds()
        network = self.graph.network
        one = len(network.layers) == 1
        with np.errstate(all="ignore"):  # what overflows is done exactly
            gram, error = self._layer_grams(network.layers[0]) if one else self._region_grams()
        if not (np.isfinite(gram).all() and np.isfinite(error).all()):
            return self._exact_bounds()
        return eigenvalue_bounds(gram, error)

    def _exact_bounds(self) -> tuple[Array, Array, Array, Array]:
        """Exactly, region by region: in a metric that is no rational square, or where squares are
        beyond float64."""
        found = []
        for i in range(len(self.graph)):
            gram = self.exact_gram(i)
            least = extreme_eigenvalue(gram, self.metric, 0.0, math.inf, 1)
            greatest = extreme_eigenvalue(gram, self.metric, 0.0, math.inf, -1)
            found.append([down(least[0]), up(least[1]), down(greatest[0]), up(greatest[1])])
        a, b, c, d = np.array(found).T
        return a, b, c, d

    @cached_property
    def pieces(self) -> npt.NDArray[np.int64]:
        return layer_pieces(self.graph)

    def _squares(self, layer: Layer) -> list[list[Fraction]]:
        """For each unit and piece what its w w' counts."""
        return [[s * s for s in unit.slopes] for unit in layer.units]

    def _layer_grams(self, layer: Layer) -> tuple[Array, Array]:
        """Sums of w w' over the units, times the squared slopes of their pieces."""
        n, k = len(layer.units), self.k
        weight = layer.weight
        outer = (weight[:, :, None] * weight[:, None, :]).reshape(n, k * k)
        square = np.zeros((len(self.graph), n))
        for u, values in enumerate(self._squares(layer)):
            rounded = np.array([quotient(v.numerator, v.denominator) for v in values])
            square[:, u] = rounded[self.pieces[:, u]]
        gram = (square @ outer).reshape(-1, k, k)
        sizes = (square + TINY) @ (np.abs(outer) + TINY)
        return gram, (n + 10) * UNIT * 1.001 * frobenius_norms(sizes.reshape(-1, k, k))

    def _region_grams(self) -> tuple[Array, Array]:
        """From each region's exact map, rounded once."""
        exact = [self.exact_gram(i) for i in range(len(self.graph))]
        gram = np.array(
            [[[quotient(v.numerator, v.denominator) for v in r] for r in g] for g in exact]
        )
        return gram, 2 * UNIT * frobenius_norms(gram)

    def extreme(self, low: Array, high: Array, sign: int) -> tuple[int, tuple[Fraction, Fraction]]:
        """The region with the least (sign = 1) or greatest (-1; bounds are negated) eigenvalue,
        and exact bounds on it."""
        candidates = np.flatnonzero(low <= high.min())
        candidates = candidates[np.argsort((low + high)[candidates])]
        best = int(candidates[0])
        found = self._refined(best, low, high, sign)
        for i in candidates[1:].tolist():
            bound = found[0] if sign > 0 else found[1]
            gram = self.exact_gram(i)
            if not self._beyond(gram, bound, sign):
                other = self._refined(i, low, high, sign)
                if (other[0] < found[0]) if sign > 0 else (other[1] > found[1]):
                    best, found = i, other
        return best, found

    def _beyond(self, gram: list[list[Fraction]], bound: Fraction, sign: int) -> bool:
        return exceeds(gram, self.metric, bound, sign)

    def _refined(self, index: int, low: Array, high: Array, sign: int) -> tuple[Fraction, Fraction]:
        a, b = (low[index], high[index]) if sign > 0 else (-high[index], -low[index])
        return extreme_eigenvalue(self.exact_gram(index), self.metric, float(a), float(b), sign)


class _Shares(_Maps):
    """Of a layer, with each active unit's row times the share of it that is certain."""

    @cached_property
    def squares(self) -> list[list[Fraction]]:
        (layer,) = self.graph.network.layers
        shares = [_share(unit, self.pieces[:, u]) for u, unit in enumerate(layer.units)]
        return [
            [share * share if slope else Fraction(0) for slope in unit.slopes]
            for share, unit in zip(shares, layer.units, strict=True)
        ]

    def _squares(self, layer: Layer) -> list[list[Fraction]]:
        return self.squares

    def exact_gram(self, index: int) -> list[list[Fraction]]:
        pieces = self.pieces[index].tolist()
        weights = [square[k] for square, k in zip(self.squares, pieces, strict=True)]
        kept = [(row, w) for row, w in zip(self.rows, weights, strict=True) if w]
        return [
            [sum((w * row[i] * row[j] for row, w in kept), Fraction(0)) for j in range(self.k)]
            for i in range(self.k)
        ]

    @cached_property
    def rows(self) -> list[list[Fraction]]:
        (layer,) = self.graph.network.layers
        *table, bottom = rows_of(layer.integer_matrix)
        return self._local([[Fraction(v, bottom[-1]) for v in row[:-1]] for row in table])


def layer_pieces(graph: RegionGraph) -> npt.NDArray[np.int64]:
    """For each region of a layer's graph the piece that each unit is on, shape (regions, units)."""
    (layer,) = graph.network.layers
    first = np.cumsum([0, *(len(u.breakpoints) for u in layer.units)])
    ones = np.zeros((len(graph), first[-1] + 1), dtype=np.int64)
    ones[:, 1:] = np.cumsum(graph.patterns, axis=1)
    pieces: npt.NDArray[np.int64] = ones[:, first[1:]] - ones[:, first[:-1]]
    return pieces


def _columns(rows: Sequence[Sequence[Fraction]]) -> list[tuple[Fraction, ...]]:
    return list(zip(*rows, strict=True))
