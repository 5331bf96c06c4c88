"""How stably can it be inverted? Certified bounds on both Lipschitz constants."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from ..activations import PiecewiseLinear
from ..domain import Domain, Slice
from ..enumeration import regions
from ..errors import IncompleteError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Array, Layer, Network
from ..progress import Progress
from ..rational import rows_of
from ..region import Region
from .enclosure import enclosures
from .singular import (
    UNIT,
    Bounds,
    down,
    eigenvalue_bounds,
    exceeds,
    extreme_eigenvalue,
    greatest_at_most,
    root_down,
    root_up,
    up,
)
from .where import resolve, stopped

LAYER_INPUTS, LAYER_CELLS = 6, 50_000  # of layers whose own bounds are worked out for a network's


@dataclass(frozen=True, eq=False)
class Stability:
    """Bounds on ``kappa_L |x - y| <= |F(x) - F(y)| <= kappa_U |x - y|`` on a convex domain.

    Attributes:
        graph: the regions.
        frame_bound: A, the least squared singular value of a region's map: for a ReLU layer the
            smallest lower frame bound of its active rows.
        weakest: the region that attains A (one that may, if several are equal).
        lower: kappa_L, the inverse's Lipschitz constant is 1 / kappa_L. At most sqrt(A); at least
            sqrt(A) / 2 for a ReLU layer, for a network at least the product of its layers'. A low
            end of 0 says that nothing more is known.
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

    Distances are Euclidean, in the domain's coordinates. For a layer with two or more outputs for
    each input kappa_U / kappa_L >= sqrt(2), whatever its weights.

    Raises:
        IncompleteError: a limit was reached; bounds need all regions.

    Source: sqrt(A) / 2 <= kappa_L <= sqrt(A): Puthawala et al. 2022 sharpened, docs/injectivity.md.
    """
    network, where = resolve(what, domain)
    graph = regions(network, where, limits=limits, progress=progress)
    if not graph.complete:
        raise IncompleteError(f"bounds need all regions, but {stopped(graph)}")
    maps = _Maps(graph)
    least_low, least_high, greatest_low, greatest_high = maps.bounds
    weakest, bottom = maps.extreme(least_low, least_high, 1)
    strongest, top = maps.extreme(-greatest_high, -greatest_low, -1)
    at_most = root_up(bottom[1])
    return Stability(
        graph=graph,
        frame_bound=Bounds(-up(-bottom[0]), up(bottom[1])),
        weakest=weakest,
        lower=Bounds(min(_lower(network, where, bottom[0]), at_most), at_most),
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


def _is_relu(unit: PiecewiseLinear) -> bool:
    return len(unit.breakpoints) == 1 and sorted(map(abs, unit.slopes)) == [0, 1]


def _lower(network: Network, domain: Domain, frame_bound: Fraction) -> float:
    """A lower bound on kappa_L, given one on A."""
    if len(network.layers) == 1:
        return _layer_lower(network.layers[0], frame_bound)
    product = 1.0
    for layer, where in zip(network.layers, enclosures(network, domain), strict=True):
        if layer.in_features > LAYER_INPUTS:
            return 0.0
        graph = regions(Network((layer,)), where, limits=Limits(regions=LAYER_CELLS))
        if not graph.complete:
            return 0.0
        maps = _Maps(graph)
        _, bottom = maps.extreme(maps.bounds[0], maps.bounds[1], 1)
        product = math.nextafter(product * _layer_lower(layer, bottom[0]), 0.0)
    return product


def _layer_lower(layer: Layer, frame_bound: Fraction) -> float:
    """Where the midpoint of x and y is active, a ReLU gives half of the difference at least; a
    unit without flat pieces is linear or has a layer's least slope, which A does not know."""
    if all(not unit.breakpoints for unit in layer.units):
        return root_down(frame_bound)
    if all(not unit.breakpoints or _is_relu(unit) for unit in layer.units):
        return root_down(frame_bound / 4)
    return 0.0


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
            return [[Fraction(int(i == j)) for j in range(self.k)] for i in range(self.k)]
        return _gram(self.frame)

    def exact_gram(self, index: int) -> list[list[Fraction]]:
        rows, _ = Region(self.graph, index).exact_affine_map
        linear: list[list[Fraction]] = [list(row) for row in rows]
        if self.flat:
            linear = [
                [sum((v * f for v, f in zip(row, c, strict=True)), Fraction(0))
                 for c in zip(*self.frame, strict=True)]
                for row in linear
            ]  # fmt: skip
        return _gram(linear)

    @cached_property
    def bounds(self) -> tuple[Array, Array, Array, Array]:
        """Of the least and greatest squared singular value of each region's map."""
        if self.flat:
            return self._flat_bounds()
        network = self.graph.network
        one = len(network.layers) == 1
        gram, error = self._layer_grams(network.layers[0]) if one else self._region_grams()
        return eigenvalue_bounds(gram, error)

    def _flat_bounds(self) -> tuple[Array, Array, Array, Array]:
        """Exactly, region by region, as the metric is not a rational square."""
        found = []
        for i in range(len(self.graph)):
            gram = self.exact_gram(i)
            most = greatest_at_most(gram, self.metric)
            least = extreme_eigenvalue(gram, self.metric, 0.0, most, 1)
            greatest = extreme_eigenvalue(gram, self.metric, 0.0, most, -1)
            found.append([down(least[0]), up(least[1]), down(greatest[0]), up(greatest[1])])
        a, b, c, d = np.array(found).T
        return a, b, c, d

    def _layer_grams(self, layer: Layer) -> tuple[Array, Array]:
        """Sums of w w' over the units, times the squared slopes of their pieces."""
        n, k = len(layer.units), self.k
        weight = layer.weight
        outer = (weight[:, :, None] * weight[:, None, :]).reshape(n, k * k)
        first = np.cumsum([0, *(len(u.breakpoints) for u in layer.units)])
        ones = np.concatenate(
            [np.zeros((len(self.graph), 1)), np.cumsum(self.graph.patterns, axis=1)], axis=1
        )
        square = np.zeros((len(self.graph), n))
        for u, unit in enumerate(layer.units):
            piece = (ones[:, first[u + 1]] - ones[:, first[u]]).astype(np.int64)
            square[:, u] = np.array([float(s * s) for s in unit.slopes])[piece]
        gram = (square @ outer).reshape(-1, k, k)
        size = np.sqrt((np.abs(square @ np.abs(outer)) ** 2).sum(axis=1))
        return gram, (n + 10) * UNIT * size * 1.001

    def _region_grams(self) -> tuple[Array, Array]:
        """From each region's exact map, rounded once."""
        exact = [self.exact_gram(i) for i in range(len(self.graph))]
        gram = np.array([[[float(v) for v in row] for row in g] for g in exact])
        return gram, 2 * UNIT * np.sqrt((gram**2).sum(axis=(1, 2)))

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


def _gram(rows: list[list[Fraction]]) -> list[list[Fraction]]:
    columns = list(zip(*rows, strict=True))
    return [
        [sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0)) for v in columns]
        for u in columns
    ]
