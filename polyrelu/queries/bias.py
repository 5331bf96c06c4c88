"""What bias a ReLU layer can bear: alpha-rectifying frames, and inverting a layer.

A frame W is alpha-rectifying on a set K if for every x in K the rows with ``w_i . x >= alpha_i``
span the space; ``ReLU(W x - alpha)`` is then injective on a convex K (Haider, Ehler, Balazs,
"Convex geometry of ReLU-layers, injectivity on the ball and local reconstruction", ICML 2023).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import lcm

import numpy as np
import numpy.typing as npt

from ..activations import relu
from ..domain import Domain
from ..engine.generators import generators
from ..errors import DomainError, NetworkError
from ..network import Array, Layer, finite_array
from ..rational import (
    dot,
    independent,
    inner,
    integer_row,
    margin,
    null_space,
    solve_affine,
)
from .singular import Bounds, down, root_down, root_of, root_up, up

Vector = tuple[Fraction, ...]


@dataclass(frozen=True)
class UniformBias:
    """The largest alpha such that a frame is alpha-rectifying on a set.

    Attributes:
        value: bounds on it; -inf if the rows do not span the space.
        square: alpha * |alpha|, exactly (on a polytope: alpha itself, and ``square`` is None).
        weak_rows: rows that lie in one hyperplane; beyond alpha, somewhere only they are left.
    """

    value: Bounds
    square: Fraction | None
    weak_rows: tuple[int, ...]

    def __repr__(self) -> str:
        return f"UniformBias({self.value}, weak_rows={self.weak_rows})"


def largest_uniform_bias(weight: npt.ArrayLike, on: str | Domain = "sphere") -> UniformBias:
    """The largest alpha for which ``ReLU(W x - alpha)`` keeps a spanning set of active rows.

    With H over the sets of rows that span hyperplanes (all rows in one), it is the least over H
    of ``min over x of max over rows i not in H of w_i . x``: on the unit sphere the distance of
    the origin to the boundary of the convex hull of these rows, negative if it lies outside;
    on the unit ball the same, but at most 0; on a polytope a linear program. Exact. The cost
    grows like the number of hyperplanes, at most m choose n - 1.

    Args:
        weight: shape (m, n).
        on: "sphere" or "ball" (of radius 1), or a bounded domain.

    Raises:
        DomainError: ``on`` is none of these, or unbounded.
    """
    rows = _rows(weight)
    dim = len(rows[0])
    if isinstance(on, Domain):
        if on.dim != dim:
            raise DomainError(f"the domain has dimension {on.dim}, the rows have length {dim}")
        on.chart()  # refuses an empty one
    elif not isinstance(on, str) or on not in ("sphere", "ball"):
        raise DomainError(f'on must be "sphere", "ball" or a Domain, not {on!r}')
    if len(independent([integer_row(w) for w in rows], dim)) < dim:
        return UniformBias(Bounds(-np.inf, -np.inf), None, tuple(range(len(rows))))
    best: tuple[Fraction, tuple[int, ...]] | None = None
    for flat in _hyperplanes(rows, dim):
        others = [w for i, w in enumerate(rows) if i not in flat]
        if isinstance(on, Domain):
            level = _level_on(on, others)
        else:
            level = _signed_square(others, dim)
            level = min(level, Fraction(0)) if on == "ball" else level
        if best is None or level < best[0]:
            best = level, flat
    assert best is not None, "spanning rows span hyperplanes"
    value, flat = best
    if isinstance(on, Domain):
        return UniformBias(Bounds(down(value), up(value)), None, flat)
    if value >= 0:
        return UniformBias(Bounds(root_down(value), root_up(value)), value, flat)
    return UniformBias(Bounds(-root_up(-value), -root_down(-value)), value, flat)


def _rows(weight: npt.ArrayLike) -> list[Vector]:
    table = finite_array("weight", weight, 2)
    if 0 in table.shape:
        raise NetworkError(f"weight must have rows and columns, not shape {table.shape}")
    return [tuple(Fraction(v) for v in row) for row in table.tolist()]


def _hyperplanes(rows: Sequence[Vector], dim: int) -> Iterator[tuple[int, ...]]:
    """All maximal sets of rows that span a hyperplane."""
    integers = [integer_row(w) for w in rows]
    seen = set()
    for chosen in combinations(range(len(rows)), dim - 1):
        normals = null_space([integers[i] for i in chosen], dim)
        if len(normals) == 1:
            flat = tuple(i for i, w in enumerate(integers) if dot(w, normals[0]) == 0)
            if flat not in seen:
                seen.add(flat)
                yield flat


def _signed_square(rows: Sequence[Vector], dim: int) -> Fraction:
    """``m |m|`` for m the least over unit x of the greatest ``w . x``."""
    polar = generators([integer_row([*(-v for v in w), Fraction(1)]) for w in rows], dim)
    if not polar.directions and not polar.lines:  # the origin is inside of the hull
        longest = max(Fraction(dot(g[:-1], g[:-1]), g[-1] ** 2) for g in polar.points)
        return 1 / longest
    point = nearest_point(rows)
    return -inner(point, point)


def nearest_point(points: Sequence[Vector]) -> Vector:
    """The point of a convex hull that is nearest to the origin, exactly (Wolfe 1976)."""
    corral, weights = [0], [Fraction(1)]
    while True:
        x = _mean([points[i] for i in corral], weights)
        least = min(range(len(points)), key=lambda i: inner(points[i], x))
        if inner(points[least], x) >= inner(x, x):
            return x
        corral.append(least)
        weights.append(Fraction(0))
        while True:
            target = _affine_weights([points[i] for i in corral])
            if min(target) > 0:
                weights = target
                break
            ratios = [w / (w - t) for w, t in zip(weights, target, strict=True) if t <= 0 and w > t]
            step = min(ratios, default=Fraction(0))
            weights = [w + step * (t - w) for w, t in zip(weights, target, strict=True)]
            drop = next(
                k for k, (w, t) in enumerate(zip(weights, target, strict=True)) if w == 0 and t <= 0
            )
            del corral[drop], weights[drop]


def _mean(points: Sequence[Vector], weights: Sequence[Fraction]) -> Vector:
    return tuple(inner(column, weights) for column in zip(*points, strict=True))


def _affine_weights(points: Sequence[Vector]) -> list[Fraction]:
    """Weights of sum 1 of the point of an affine hull that is nearest to the origin."""
    n = len(points)
    system = [[inner(p, q) for q in points] + [Fraction(1), Fraction(0)] for p in points]
    system.append([Fraction(1)] * n + [Fraction(0), Fraction(-1)])
    found = solve_affine([integer_row(row) for row in system], n + 1)
    assert found is not None, "the corral is affinely independent"
    return list(found[:n])


def _level_on(domain: Domain, rows: Sequence[Vector]) -> Fraction:
    """The least over the domain of the greatest ``w . x``, by an exact linear program."""
    common = lcm(*(v.denominator for w in rows for v in w))
    down_rows = [[int(-v * common) for v in w] + [0] for w in rows]
    size = 1
    while size < common << 2200:  # the value is at most 1: in a domain that is made smaller
        bounds = [[*(size * v for v in g[:-1]), g[-1]] for g in domain.inequalities()]
        best = margin([*bounds, *down_rows], frozenset(range(len(bounds))))
        if best.value < 1:
            return -best.value * size / common
        size <<= 60
    raise DomainError("the domain must be bounded: in this one no bias is too small")


@dataclass(frozen=True)
class PolytopeBias:
    """What polytope bias estimation finds for a frame on a sphere or ball.

    Attributes:
        alpha: shape (m,): with it the rows of some facet are active wherever one looks. Rounded
            down. A row that is on no facet is never needed: its alpha keeps it off.
        facets: rows that make a facet of the hull; their cones cover the space.
    """

    alpha: Array
    facets: tuple[tuple[int, ...], ...]


def polytope_bias(weight: npt.ArrayLike, on: str = "ball", radius: float = 1.0) -> PolytopeBias:
    """A bias for each row, such that on the cone of each facet all its rows stay active.

    The facets are those of the convex hull of the rows, scaled to length 1 (nearly: cones do not
    change). On facet F, ``alpha_i`` is the least of ``w_i . x`` over the points of norm ``radius``
    (at most that, for a ball) of the cone of F, and for a row the least over its facets.

    Args:
        weight: shape (m, n); the origin must be inside of the hull of the rows
            ("omnidirectional").
        on: "sphere" or "ball".

    Raises:
        NetworkError: the frame is not omnidirectional: some half-space has none of its rows.

    Source: Haider, Ehler, Balazs 2023, from the definition.
    """
    if on not in ("sphere", "ball"):
        raise DomainError(f'on must be "sphere" or "ball", not {on!r}')
    if not isinstance(radius, int | float) or not 0 < radius < np.inf:
        raise DomainError(f"radius must be a positive number, not {radius!r}")
    rows = _rows(weight)
    dim = len(rows[0])
    if not all(map(any, rows)):
        raise NetworkError("a row of zeros has no direction")
    unit = [[v / root_of(inner(w, w)) for v in w] for w in rows]
    polar = generators([integer_row([*(-v for v in w), Fraction(1)]) for w in unit], dim)
    if polar.directions or polar.lines:
        raise NetworkError(
            "the frame must be omnidirectional: the origin is not inside of its rows' convex hull"
        )
    facets = []
    least: list[float | None] = [None] * len(rows)
    for point in polar.points:
        x = [Fraction(v, point[-1]) for v in point[:-1]]
        facet = tuple(i for i, w in enumerate(unit) if inner(w, x) == 1)
        facets.append(facet)
        for i in facet:
            here = _least_on_cone(i, facet, rows, on)
            least[i] = here if least[i] is None else min(here, least[i])  # type: ignore[type-var]
    size = Fraction(radius)
    alpha = [
        up(size * Fraction(root_up(inner(w, w)))) if v is None else down(size * Fraction(v))
        for w, v in zip(rows, least, strict=True)
    ]
    return PolytopeBias(np.array(alpha), tuple(facets))


def _least_on_cone(i: int, facet: Sequence[int], rows: Sequence[Vector], on: str) -> float:
    """The least of ``w_i . x`` over the unit vectors (or unit ball) of the cone of a facet; at
    most that.

    If no inner product is negative, ``w_i . x / |x|`` is quasiconcave and least on a ray; else
    its least value is minus the length of the projection of -w_i onto the cone.
    """
    along = [inner(rows[i], rows[j]) for j in facet]
    if min(along) >= 0:
        if on == "ball":
            return 0.0
        squares = [v * v / inner(rows[j], rows[j]) for v, j in zip(along, facet, strict=True)]
        return root_down(min(squares))
    minus = tuple(-v for v in rows[i])
    p = project_on_cone(minus, [rows[j] for j in facet])
    return -root_up(inner(p, p))


def project_on_cone(z: Vector, rays: Sequence[Vector]) -> Vector:
    """The point of the cone of the rays that is nearest to z, exactly.

    By the face that holds it: z minus its projection p onto the face's span is orthogonal to
    the face and has no positive inner product with any ray.
    """
    dim = len(z)
    for size in range(dim + 1):
        for chosen in combinations(rays, size):
            system = [integer_row([*(inner(a, b) for b in chosen), -inner(a, z)]) for a in chosen]
            weights = solve_affine(system, size)
            if weights is None or any(w < 0 for w in weights):
                continue
            p = _mean(chosen, weights) if chosen else (Fraction(0),) * dim
            rest = tuple(a - b for a, b in zip(z, p, strict=True))
            if all(inner(rest, r) <= 0 for r in rays):
                return p
    raise AssertionError("some face holds the nearest point")


def reconstruct(layer: Layer, output: npt.ArrayLike, *, tolerance: float = 1e-6) -> Array:
    """The input of a ReLU layer from its output, in float64.

    Least squares on the active rows, those with a positive output, if these determine x; else,
    on the boundary of cells, also from the rows that are not active: a linear program.

    Args:
        output: shape (..., m), ``layer(x)`` up to rounding.
        tolerance: how far ``layer(x)`` may be from the output, relative to its size; and on the
            boundary of cells, two inputs that fit from each other: outputs are rounded, so that
            whether a row is 0 there has no exact answer.

    Returns x, shape (..., n).

    Raises:
        NetworkError: the active rows do not determine x, a unit is no ReLU, or the output is not
            one that the layer has.
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"layer must be a polyrelu.Layer, not {type(layer).__name__}")
    for i, unit in enumerate(layer.units):
        if unit != relu():
            raise NetworkError(f"unit {i} is no ReLU")
    given = np.asarray(output, dtype=np.float64)
    if given.shape[-1:] != (layer.out_features,):
        raise NetworkError(
            f"outputs must have shape (..., {layer.out_features}), not {given.shape}"
        )
    finite_array("output", given.ravel(), 1)
    flat = given.reshape(-1, layer.out_features)
    found = np.array([_input_of(layer, z, tolerance) for z in flat])
    return found.reshape(*given.shape[:-1], layer.in_features)


def _input_of(layer: Layer, z: Array, tolerance: float) -> Array:
    active = np.flatnonzero(z > 0)
    rows = [integer_row([Fraction(v) for v in layer.weight[i].tolist()]) for i in active]
    x: Array | None
    determined = len(independent(rows, layer.in_features) if rows else []) == layer.in_features
    if determined:
        weight, rest = layer.weight[active], z[active] - layer.bias[active]
        length = np.linalg.norm(weight, axis=0)  # the rank is known: nothing is to be cut off
        scaled, *_ = np.linalg.lstsq(weight / length, rest, rcond=0.0)
        x = np.asarray(scaled / length, dtype=np.float64)
    else:
        x = _on_boundary(layer, z, active, tolerance)
    if x is None:
        raise NetworkError("this is not an output of the layer")
    size = np.abs(layer.weight) @ np.abs(x) + np.abs(layer.bias) + np.abs(z)
    if (np.abs(layer(x) - z) > tolerance * size).any():
        raise NetworkError("this is not an output of the layer")
    return x


def _on_boundary(
    layer: Layer, z: Array, active: npt.NDArray[np.intp], tolerance: float
) -> Array | None:
    """The one x with ``w . x + b = z`` on active rows and ``<= 0`` on the others; None: none.

    It is taken for the only one if two programs with opposite random costs agree.
    """
    from scipy.optimize import linprog

    off = np.setdiff1d(np.arange(len(z)), active)
    cost = np.random.default_rng(0).normal(size=layer.in_features)
    ends = []
    for sign in (1.0, -1.0):
        found = linprog(
            sign * cost, layer.weight[off], -layer.bias[off], layer.weight[active],
            z[active] - layer.bias[active], bounds=(None, None),
        )  # fmt: skip
        if found.status == 2:
            return None
        ends.append(found.x)
    one, other = ends
    if (
        one is None
        or other is None
        or np.linalg.norm(one - other) > tolerance * max(1.0, float(np.linalg.norm(one)))
    ):
        raise NetworkError(
            f"the {len(active)} active rows do not determine the input, nor do the others"
        )
    return np.asarray(one)
