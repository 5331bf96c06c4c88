"""Claims on the geometry of one square layer, and on bounded decision regions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations

import numpy as np

from ..limits import Limits
from ..network import Network
from ..queries.boundary import DecisionBoundary
from ..queries.boundary_type import BoundaryKind, BoundaryType, boundary_type
from ..queries.layer_geometry import LayerGeometry, layer_geometry
from ..rational import inner
from .claim import Found, Hypothesis, Known, Source
from .common import GENERIC, gaussian_networks, hidden_widths, whole_boundary
from .registry import claim

TOPIC = "layer geometry"
PAPER = "Vallin, Larsson, Larson 2023"
GRIGSBY = "Grigsby and Lindsey 2022"


def _layers(rng: np.random.Generator, size: str) -> Iterator[tuple[str, LayerGeometry]]:
    for d in (2, 3, 4, *((5, 6) if size == "full" else ())):
        yield f"Gaussian, d = {d}", layer_geometry(rng.normal(size=(d, d)), rng.normal(size=d))
        rows = np.diag(rng.integers(1, 5, size=d).astype(float))[rng.permutation(d)]
        yield f"orthogonal rows, d = {d}", layer_geometry(rows, rng.normal(size=d))


@claim(
    "layer-is-a-projection",
    "ReLU(A x + b) = A pi(x) + b, with pi an idempotent map onto the cone of the columns of A^-1, "
    "linear on each of 2^d sectors.",
    source=Source(PAPER, "proof in docs/layer-geometry.md", Known.DERIVED),
    topic=TOPIC,
    instances=_layers,
    hypotheses=[
        Hypothesis("A is square and has an inverse", lambda a, limits: a.is_square_invertible)
    ],
)
def layer_is_a_projection(layer: LayerGeometry, limits: Limits) -> Found:
    return layer.check_factorisation(), {"sectors": 2**layer.dim}


def _is_nearest(layer: LayerGeometry, x: tuple[Fraction, ...]) -> bool:
    """Is pi(x) the nearest point of the cone? Its normal is at no acute angle to any edge, and
    orthogonal to the point itself (Moreau)."""
    y = layer.project(np.array(x, dtype=object))
    normal = [a - b for a, b in zip(x, y, strict=True)]
    at = [a - b for a, b in zip(y, layer.apex, strict=True)]
    acute = any(inner(normal, edge) > 0 for edge in layer.dual_vectors)
    return inner(normal, at) == 0 and not acute


@claim(
    "projection-is-oblique",
    "pi takes every point to the nearest one of the cone iff the rows of A are orthogonal.",
    source=Source("polyrelu", "docs/layer-geometry.md", Known.DERIVED),
    topic=TOPIC,
    instances=_layers,
)
def projection_is_oblique(layer: LayerGeometry, limits: Limits) -> Found:
    """Points x^ + a_i* - a_j* tell: the proof uses no others."""
    points = [
        tuple(x + a - b for x, a, b in zip(layer.apex, first, second, strict=True))
        for first, second in permutations(layer.dual_vectors, 2)
    ]
    nearest = all(_is_nearest(layer, x) for x in points)
    return nearest == layer.is_orthogonal, {"orthogonal": layer.is_orthogonal, "nearest": nearest}


Image = tuple[LayerGeometry, list[int]]  # and which outputs are positive


def _images(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Image]]:
    for d in (2, 3, *((4, 5) if size == "full" else ())):
        for active in range(d + 1):
            layer = layer_geometry(rng.normal(size=(d, d)), rng.normal(size=d))
            y = [int(v) for v in rng.permutation([3] * active + [0] * (d - active))]
            yield f"d = {d}, {active} positive outputs", (layer, y)


@claim(
    "preimages-of-points",
    "The preimage of a point y >= 0 with |I| positive entries is a pointed cone of dimension "
    "d - |I|, which d - |I| rays span.",
    source=Source("Carlsson 2019", "proof in docs/layer-geometry.md", Known.DERIVED),
    topic=TOPIC,
    instances=_images,
    hypotheses=[Hypothesis("y has no negative entry", lambda c, limits: min(c[1]) >= 0)],
)
def preimages_of_points(case: Image, limits: Limits) -> Found:
    """Its apex, and the points along its rays, are taken to y; so is then all of it."""
    layer, y = case
    found = layer.preimage(y)
    points = [*found.points]
    for apex in found.points:
        points += [tuple(a + v for a, v in zip(apex, ray, strict=True)) for ray in found.rays]
    ends = {layer(np.array(point, dtype=object)) for point in points}
    inactive = y.count(0)
    holds = (found.dim, len(found.rays), len(found.lines)) == (inactive, inactive, 0)
    return holds and ends == {tuple(y)}, {"dimension": found.dim, "rays": len(found.rays)}


# --- decision boundaries of one layer ----------------------------------------------------------


@dataclass(frozen=True)
class Level:
    """{x : normal . ReLU(weight x + bias) = offset}."""

    weight: np.ndarray
    bias: np.ndarray
    normal: np.ndarray
    offset: float

    @property
    def type(self) -> BoundaryType:
        return boundary_type(self.weight, self.bias, self.normal, self.offset)

    def boundary(self, limits: Limits) -> DecisionBoundary:
        head = (self.normal[None], np.array([-self.offset]))
        return whole_boundary(Network.from_layers([(self.weight, self.bias), head]), limits)


def _level(rng: np.random.Generator, d: int, p: int) -> Level:
    normal = abs(rng.normal(size=d)) * np.where(np.arange(d) < p, 1, -1)
    offset = float(rng.normal())
    return Level(rng.normal(size=(d, d)), rng.normal(size=d), normal * np.sign(offset), offset)


def _levels(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Level]]:
    for d in (2, 3, 4, *((5,) if size == "full" else ())):
        for p in range(1, d + 1):
            yield f"d = {d}, p = {p}", _level(rng, d, p)


IS_TYPE = Hypothesis(
    "A has an inverse, c and all n_i are not 0, some n_i has the sign of c",
    lambda level, limits: level.type.kind is BoundaryKind.TYPE,
)


@claim(
    "boundary-pieces",
    "{n . ReLU(A x + b) = c} cuts 2^d - 2^(d - p) regions, p the number of n_i with the sign of c: "
    "2, 3; 4, 6, 7; 8, 12, 14, 15 for d = 2, 3, 4.",
    source=Source(PAPER, "proof in docs/layer-geometry.md", Known.DERIVED),
    topic=TOPIC,
    instances=_levels,
    hypotheses=[IS_TYPE],
)
def boundary_pieces(level: Level, limits: Limits) -> Found:
    """Counted twice: on the regions of the layer, and as pieces of the boundary's complex."""
    kind = level.type
    d, p = kind.d, kind.p or 0
    predicted = 2**d - 2 ** (d - p)
    found = kind.count_pieces(limits).pieces, len(level.boundary(limits))
    return found == (predicted, predicted), {"d": d, "p": p, "pieces": found[0],
                                             "predicted": predicted}  # fmt: skip


@claim(
    "boundary-types",
    "An affine map of the inputs takes {n . ReLU(A x + b) = c} to {u_1+ + ... + u_p+ - u_(p+1)+ - "
    "... - u_d+ = 1}: there are exactly d types.",
    source=Source(PAPER, "proof in docs/layer-geometry.md", Known.DERIVED),
    topic=TOPIC,
    instances=_levels,
    hypotheses=[IS_TYPE],
)
def boundary_types(level: Level, limits: Limits) -> Found:
    """The map at points of every sector: both sides are linear there, and agree if they do at
    d + 1 points that span it."""
    kind = level.type
    assert kind.normal_form_map is not None
    assert kind.p is not None
    matrix, offset = kind.normal_form_map
    layer = layer_geometry(level.weight, level.bias)
    normal, c = [Fraction(v) for v in level.normal.tolist()], Fraction(level.offset)
    points = [tuple(Fraction(v) for v in point) for point in _spread(layer)]
    wrong = 0
    for x in points:
        u = [max(inner(row, x) + v, Fraction(0)) for row, v in zip(matrix, offset, strict=True)]
        wrong += (
            sum(u[: kind.p]) - sum(u[kind.p :])
            != inner(normal, layer(np.array(x, dtype=object))) / c
        )
    return wrong == 0, {"p": kind.p, "points": len(points), "wrong": wrong}


def _spread(layer: LayerGeometry) -> Iterator[tuple[Fraction, ...]]:
    """In each sector the apex and a point along each of its edges, and one inside."""
    for sector in layer.sectors():
        hull = sector.polyhedron
        yield from hull.points
        apex = hull.points[0]
        for ray in hull.rays:
            yield tuple(a + v for a, v in zip(apex, ray, strict=True))
        yield tuple(a + sum(column) for a, column in
                    zip(apex, zip(*hull.rays, strict=True), strict=True))  # fmt: skip


@claim(
    "boundary-topology",
    "Each of the d types is homeomorphic to R^(d-1), Betti numbers (1, 0, ..., 0), and closed by a "
    "point at infinity to the sphere.",
    source=Source(PAPER, "proof in docs/layer-geometry.md", Known.DERIVED),
    topic=TOPIC,
    instances=_levels,
    hypotheses=[IS_TYPE],
)
def boundary_topology(level: Level, limits: Limits) -> Found:
    boundary, d = level.boundary(limits), len(level.bias)
    found = boundary.betti(), boundary.betti("infinity")
    line, sphere = [0] * (d + 1), [0] * (d + 1)
    line[0] = sphere[0] = sphere[d - 1] = 1
    return found == (tuple(line), tuple(sphere)), {"betti": found[0], "closed": found[1]}


@claim(
    "boundary-convexity",
    "Of the set where n . ReLU(A x + b) / c is below 1 and that where it is above, the first is "
    "convex iff p = d, the second iff p = 1.",
    source=Source("polyrelu", "docs/layer-geometry.md", Known.DERIVED),
    topic=TOPIC,
    instances=_levels,
    hypotheses=[IS_TYPE],
)
def boundary_convexity(level: Level, limits: Limits) -> Found:
    boundary, kind = level.boundary(limits), level.type
    below, above = (0, 1) if level.offset > 0 else (1, 0)
    found = boundary.is_convex(below), boundary.is_convex(above)
    return found == (kind.p == kind.d, kind.p == 1), {"p": kind.p, "below": found[0],
                                                      "above": found[1]}  # fmt: skip


def _levels_at_zero(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Level]]:
    for d in (2, 3, *((4,) if size == "full" else ())):
        for p in range(d + 1):
            drawn = _level(rng, d, p)
            yield f"d = {d}, p = {p}", Level(drawn.weight, drawn.bias, drawn.normal, 0.0)


@claim(
    "boundary-at-level-zero",
    "If c = 0 the boundary contains a whole region, and cuts (2^p - 1)(2^q - 1) others, p and q "
    "the numbers of positive and negative n_i.",
    source=Source("polyrelu", "docs/layer-geometry.md", Known.DERIVED),
    topic=TOPIC,
    instances=_levels_at_zero,
    hypotheses=[
        Hypothesis("A has an inverse, c = 0 and no n_i is",
                   lambda level, limits: level.type.kind is BoundaryKind.DEGENERATE)
    ],
)  # fmt: skip
def boundary_at_level_zero(level: Level, limits: Limits) -> Found:
    found = level.type.count_pieces(limits)
    p, q = int((level.normal > 0).sum()), int((level.normal < 0).sum())
    predicted = (2**p - 1) * (2**q - 1)
    holds = (found.pieces, found.full_regions) == (predicted, 1)
    return holds, {"pieces": found.pieces, "predicted": predicted, "whole": found.full_regions}


# --- bounded components ------------------------------------------------------------------------


def _bounded_components(network: Network, limits: Limits) -> tuple[int, int]:
    """Of the sets where the output is at most 0, and above 0."""
    boundary = whole_boundary(network, limits)
    return sum(boundary.decision_region(0).bounded), sum(boundary.decision_region(1).bounded)


def _not_wider_than_the_input(network: Network, limits: Limits) -> bool:
    return max(hidden_widths(network)) <= network.input_dim


@claim(
    "narrow-networks-are-unbounded",
    "If no hidden layer is wider than the input, every component of every decision region is "
    "unbounded.",
    source=Source("Johnson 2019", "also quoted by Grigsby and Lindsey 2022", Known.MEMORY),
    topic=TOPIC,
    instances=gaussian_networks([(2, 2, 2)] * 8 + [(3, 3, 3)] * 4,
                                [(2, 2, 2, 2)] * 20 + [(3, 3, 2, 3)] * 10),
    hypotheses=[Hypothesis("no hidden layer is wider than the input", _not_wider_than_the_input)],
)  # fmt: skip
def narrow_networks(network: Network, limits: Limits) -> Found:
    found = _bounded_components(network, limits)
    return found == (0, 0), {"bounded components": found}


@claim(
    "one-bounded-component",
    "With one hidden layer of d + 1 units each decision region has at most one bounded component.",
    source=Source(GRIGSBY, known=Known.NOTE),
    topic=TOPIC,
    instances=gaussian_networks([(2, 3)] * 20 + [(3, 4)] * 6, [(2, 3)] * 80 + [(3, 4)] * 20),
    hypotheses=[
        Hypothesis("one hidden layer of d + 1 units",
                   lambda n, limits: hidden_widths(n) == (n.input_dim + 1,)),
        GENERIC,
    ],
)  # fmt: skip
def one_bounded_component(network: Network, limits: Limits) -> Found:
    found = _bounded_components(network, limits)
    return max(found) <= 1, {"bounded components": found}
