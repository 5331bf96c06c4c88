"""Sectors, projection and preimages of one layer, against T itself and against cddlib."""

from __future__ import annotations

import pickle
from fractions import Fraction
from itertools import product
from random import Random

import layers
import numpy as np
import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from polyrelu import (
    Affine,
    Arrangement,
    Layer,
    Network,
    NetworkError,
    Polyhedron,
    identity,
    layer_geometry,
    leaky_relu,
    relu,
)

RANDOM = st.randoms(use_true_random=False)


def exactly(weight, bias, x):
    """``A x + b`` by hand."""
    return [
        sum((Fraction(a) * v for a, v in zip(row, x, strict=True)), Fraction(b))
        for row, b in zip(weight, bias, strict=True)
    ]


def relu_of(values):
    return tuple(max(v, Fraction(0)) for v in values)


def inner(a, b):
    return sum((u * v for u, v in zip(a, b, strict=True)), Fraction(0))


def point_at(geometry, c):
    """The point with given pre-activations."""
    return tuple(
        a + sum(v * dual[k] for v, dual in zip(c, geometry.dual_vectors, strict=True))
        for k, a in enumerate(geometry.apex)
    )


def grid(geometry, values=(-2, -1, 0, 1, Fraction(3, 2))):
    """Points with simple pre-activations, so that many of them are 0 or equal."""
    for c in product(values, repeat=geometry.width):
        yield c, point_at(geometry, c)


def drawn(polyhedron, choose: Random):
    """A random point, by what spans it."""
    weights = [choose.randint(0, 3) for _ in polyhedron.points]
    weights[0] += not any(weights)
    total = Fraction(sum(weights))
    x = [Fraction(0)] * polyhedron.ambient_dim
    for w, p in zip(weights, polyhedron.points, strict=True):
        x = [a + w / total * v for a, v in zip(x, p, strict=True)]
    for direction, low in [(r, 0) for r in polyhedron.rays] + [(s, -3) for s in polyhedron.lines]:
        t = Fraction(choose.randint(low, 3), choose.randint(1, 3))
        x = [a + t * v for a, v in zip(x, direction, strict=True)]
    return x


def inside(polyhedron, x):
    """In the closure."""
    column = [*x, 1]
    return not any(inner(g, column) for g in polyhedron.equations) and all(
        inner(g, column) >= 0 for g in polyhedron.inequalities
    )


def without_theory(polyhedron):
    """The same rows; what spans them is then computed by the engine."""
    return Polyhedron(
        polyhedron.ambient_dim, polyhedron.equations, polyhedron.inequalities, polyhedron.strict
    )


def assert_same_span(one, two):
    assert one.is_empty == two.is_empty
    assert one.dim == two.dim
    assert len(one.lines) == len(two.lines)
    if not one.lines:  # else generators are unique modulo lines only
        assert set(one.points) == set(two.points)
        assert set(one.rays) == set(two.rays)
    for a, b in ((one, two), (two, one)):
        assert all(inside(a, p) for p in b.points)
        if not a.is_empty:
            start = a.points[0]
            turned = [tuple(-v for v in s) for s in b.lines]
            for direction in (*b.rays, *b.lines, *turned):
                assert inside(a, [p + v for p, v in zip(start, direction, strict=True)])


def assert_cddlib_agrees(polyhedron):
    """Generators of the closure; strict rows must not vanish on all of it."""
    pytest.importorskip("cdd")
    import cdd
    import cdd.gmp

    n = polyhedron.ambient_dim
    rows = [*polyhedron.equations, *polyhedron.inequalities, (*(0,) * n, 1)]
    table = [[Fraction(g[-1]), *map(Fraction, g[:-1])] for g in rows]
    matrix = cdd.gmp.matrix_from_array(
        table, lin_set=range(len(polyhedron.equations)), rep_type=cdd.RepType.INEQUALITY
    )
    found = cdd.gmp.copy_generators(cdd.gmp.polyhedron_from_matrix(matrix))
    points = [g[1:] for i, g in enumerate(found.array) if g[0] and i not in found.lin_set]
    rays = [g[1:] for i, g in enumerate(found.array) if not g[0] and i not in found.lin_set]
    if not points and not any(g[-1] for g in rows[:-1]):
        points = [[Fraction(0)] * n]  # cddlib leaves out the apex of a cone
    generators = [[*p, 1] for p in points] + [[*g[1:], 0] for g in found.array if not g[0]]
    strict = [polyhedron.inequalities[i] for i in polyhedron.strict]
    flat = any(not any(inner(g, x) for x in generators) for g in strict)
    assert polyhedron.is_empty == (not points or flat)
    if not polyhedron.is_empty:
        sizes = len(polyhedron.points), len(polyhedron.rays), len(polyhedron.lines)
        assert sizes == (len(points), len(rays), len(found.lin_set))
        if not found.lin_set:
            assert {tuple(p) for p in points} == set(polyhedron.points)


# --- C3.1: T = A pi + b, pi idempotent, over Q ---------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(RANDOM, st.integers(1, 4))
def test_factorisation_is_an_identity_of_rationals(choose, d):
    weight, bias = layers.square(choose, d)
    geometry = layer_geometry(weight, bias)
    assert geometry.is_square_invertible
    assert geometry.notes == ()
    assert geometry.check_factorisation()
    assert not any(exactly(weight, bias, geometry.apex))
    for _ in range(5):
        x = [Fraction(choose.randint(-99, 99), choose.randint(1, 9)) for _ in range(d)]
        value = relu_of(exactly(weight, bias, x))
        projected = geometry.project(x)
        assert geometry(x) == value == tuple(exactly(weight, bias, projected))
        assert geometry.project(projected) == projected
        assert geometry.cone.contains(projected)
        sector = geometry.sector(x)
        assert sector.contains(x)
        shifted = [v - a for v, a in zip(x, geometry.apex, strict=True)]
        by_matrix = exactly(sector.projector, geometry.apex, shifted)
        assert tuple(by_matrix) == projected
        matrix, vector = sector.affine_map
        assert tuple(exactly(matrix, vector, x)) == value


def test_a_wrong_factorisation_is_seen():
    geometry = layer_geometry([[1.0, 2.0], [0.0, 1.0]], [1.0, 2.0])
    right = geometry.dual_vectors
    geometry.__dict__["dual_vectors"] = (right[1], right[0])
    assert not geometry.check_factorisation()
    geometry.__dict__["dual_vectors"] = right
    assert geometry.check_factorisation()
    geometry.__dict__["apex"] = (Fraction(0), Fraction(1, 10**30))
    assert not geometry.check_factorisation()


@settings(max_examples=150, deadline=None)
@given(RANDOM, st.integers(1, 3))
def test_projection_is_euclidean_iff_the_rows_are_orthogonal(choose, d):
    """Nearest in a convex cone: the rest is normal to the point, at no acute angle to an edge."""
    kinds = (layers.orthogonal, layers.integers, layers.gaussian)
    geometry = layer_geometry(*layers.square(choose, d, kinds))
    nearest = True
    for _, x in grid(geometry, (-1, 0, 1)):
        projected = geometry.project(x)
        rest = [a - b for a, b in zip(x, projected, strict=True)]
        along = [a - b for a, b in zip(projected, geometry.apex, strict=True)]
        nearest &= inner(rest, along) == 0
        nearest &= all(inner(rest, dual) <= 0 for dual in geometry.dual_vectors)
    rows = geometry.weight
    orthogonal = all(inner(rows[i], rows[j]) == 0 for i in range(d) for j in range(i))
    assert geometry.is_orthogonal == orthogonal == nearest


# --- sectors -------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(RANDOM, st.integers(1, 3))
def test_sectors_are_half_open_and_cover_the_space(choose, d):
    weight, bias = layers.square(choose, d)
    geometry = layer_geometry(weight, bias)
    sectors = list(geometry.sectors())
    assert len({s.pattern for s in sectors}) == len(sectors) == 2**d
    for c, x in grid(geometry):
        assert geometry.coordinates(x) == tuple(c)
        holding = [s.active for s in sectors if s.contains(x)]
        assert (
            holding == [tuple(i for i, v in enumerate(c) if v > 0)] == [geometry.sector(x).active]
        )
    for sector in sectors:
        cell = sector.polyhedron
        assert (cell.points, len(cell.rays), cell.dim) == ((geometry.apex,), d, d)
        assert_same_span(cell, without_theory(cell))
        face = geometry.face(sector.active)
        assert face.dim == len(sector.active)
        assert_same_span(face, without_theory(face))
        x = drawn(cell, choose)
        assert inside(cell, x)
        assert face.contains(geometry.project(x))


def test_conventions():
    """A pre-activation of 0 is inactive."""
    geometry = layer_geometry(np.eye(2), [0, 0])
    assert geometry.sector([1, 0]).active == (0,)
    assert geometry.sector([0, 0]).pattern == (0, 0)
    assert geometry.sector([1, 0]) == geometry.sector_of([0])
    assert not geometry.sector_of([0, 1]).contains([1, 0])
    assert geometry.sector_of([0]).polyhedron.points == ((0, 0),)  # of the closure
    assert geometry.face([]).contains(geometry.apex)
    assert geometry.cone.contains([0, 0])
    assert geometry.sector_of([1, 0]).active == (0, 1)


# --- preimages -----------------------------------------------------------------------------------


def assert_is_preimage(found, geometry, points, holds):
    for _, x in points:
        assert found.contains(x) == holds(geometry(x), x)


@settings(max_examples=80, deadline=None)
@given(RANDOM, st.integers(1, 3))
def test_preimages_of_points_and_faces(choose, d):
    geometry = layer_geometry(*layers.square(choose, d))
    points = list(grid(geometry))
    y = [choose.choice([0, 0, 1, Fraction(3, 2)]) for _ in range(d)]
    active = [i for i, v in enumerate(y) if v]
    found = geometry.preimage(y)
    assert found.dim == d - len(active)
    assert not found.strict
    assert_is_preimage(found, geometry, points, lambda value, x: value == tuple(y))
    face = geometry.preimage_of_face(active)
    closed = geometry.preimage_of_face(active, closed=True)
    zero = [j for j in range(d) if j not in active]
    assert_is_preimage(
        face, geometry, points,
        lambda v, x: all(v[i] > 0 for i in active) and not any(v[j] for j in zero),
    )  # fmt: skip
    assert_is_preimage(closed, geometry, points, lambda v, x: not any(v[j] for j in zero))
    assert len(closed.lines) == len(active)
    for one in (found, face, closed):
        assert_same_span(one, without_theory(one))
        assert_cddlib_agrees(one)
        assert inside(one, drawn(one, choose))
    assert geometry(drawn(found, choose)) == tuple(y)
    if d > 1:
        y[choose.randrange(d)] = Fraction(-1, 10**40)
        assert geometry.preimage(y).is_empty
        assert geometry.preimage(y).dim == -1


@settings(max_examples=150, deadline=None)
@given(RANDOM, st.integers(1, 3))
def test_preimages_of_hyperplanes(choose, d):
    geometry = layer_geometry(*layers.square(choose, d))
    n = [choose.choice([-2, -1, 0, 1, 1, Fraction(1, 3)]) for _ in range(d)]
    c = choose.choice([0, 0, 1, 2, -1, Fraction(1, 2)])
    pieces = geometry.preimages_of_hyperplane(n, c)
    for z, x in grid(geometry):
        active = tuple(i for i, v in enumerate(z) if v > 0)
        on = inner(n, geometry(x)) == c
        assert [i for i, piece in pieces.items() if piece.contains(x)] == [active] * on
    for sector in geometry.sectors():
        piece = geometry.preimage_of_hyperplane(n, c, sector.active)
        assert piece.is_empty == (sector.active not in pieces)
        assert_same_span(piece, without_theory(piece))
        assert_cddlib_agrees(piece)
        if not piece.is_empty:
            x = drawn(piece, choose)
            assert inside(piece, x)
            assert inside(sector.polyhedron, x)
            assert inner(n, geometry(x)) == c


def test_a_preimage_by_hand():
    """x0 + x1 = 1 on the positive quadrant, x0 = 1 left of it."""
    geometry = layer_geometry(np.eye(2), [0, 0])
    pieces = geometry.preimages_of_hyperplane([1, 1], 1)
    assert set(pieces) == {(0,), (1,), (0, 1)}
    assert set(pieces[0, 1].points) == {(1, 0), (0, 1)}
    assert pieces[0, 1].rays == ()
    assert pieces[0,].points == ((1, 0),)
    assert pieces[0,].rays == ((0, -1),)
    assert pieces[0,].contains([1, 0])
    assert not pieces[0, 1].contains([1, 0])  # strict: it is of the other sector
    assert geometry.preimages_of_hyperplane([1, 1], -1) == {}
    zero = geometry.preimages_of_hyperplane([1, 1], 0)
    assert set(zero) == {()}
    assert zero[()].dim == 2


@settings(max_examples=80, deadline=None)
@given(RANDOM, st.integers(1, 3))
def test_any_polyhedron(choose, n):
    """Redundant, flat, empty, with lines, half-open."""

    def rows(most):
        return tuple(
            tuple(choose.randint(-2, 2) for _ in range(n + 1))
            for _ in range(choose.randint(0, most))
        )

    inequalities = rows(6)
    strict = frozenset(i for i in range(len(inequalities)) if choose.random() < 0.3)
    one = Polyhedron(n, rows(2), inequalities, strict)
    assert_cddlib_agrees(one)
    if not one.is_empty:
        for _ in range(3):
            assert inside(one, drawn(one, choose))
    x = [choose.randint(-2, 2) for _ in range(n)]
    values = [inner(g, [*x, 1]) for g in inequalities]
    on = not any(inner(g, [*x, 1]) for g in one.equations)
    assert one.contains(x) == (on and all(v > 0 if i in strict else v >= 0
                                          for i, v in enumerate(values)))  # fmt: skip
    assert not (one.contains(x) and one.is_empty)


# --- what is not invertible ----------------------------------------------------------------------

FLAT = ([[1.0, 1.0], [-1.0, -1.0], [2.0, 2.0], [0.0, 0.0]], [0.0, 0.0, -2.0, 1.0])
SINGULAR = ([[1, 2], [2, 4]], [0, -1])


@pytest.mark.parametrize(
    ("weight", "bias", "why"),
    [
        (*FLAT, r"shape \(4, 2\), it is not square"),
        (*SINGULAR, "singular, of rank 1 instead of 2"),
        ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0, 0], "not square"),
    ],
)
def test_what_no_longer_holds_is_refused(weight, bias, why):
    geometry = layer_geometry(weight, bias)
    assert not geometry.is_square_invertible
    assert "not square" in geometry.notes[0] or "singular" in geometry.notes[0]
    assert len(geometry.notes) > 1
    sector = next(geometry.sectors())
    for refused in (
        lambda: geometry.apex,
        lambda: geometry.dual_vectors,
        lambda: geometry.is_orthogonal,
        lambda: geometry.cone,
        lambda: geometry.face([0]),
        lambda: geometry.project([0] * geometry.dim),
        lambda: geometry.check_factorisation(),
        lambda: sector.projector,
    ):
        with pytest.raises(NetworkError, match=why):
            refused()


@settings(max_examples=80, deadline=None)
@given(RANDOM, st.integers(1, 3), st.integers(1, 4))
def test_preimages_of_any_layer(choose, d, width):
    weight = [[choose.randint(-1, 1) for _ in range(d)] for _ in range(width)]
    bias = [choose.randint(-1, 1) for _ in range(width)]
    geometry = layer_geometry(weight, bias)
    points = [(None, x) for x in product((-2, -1, 0, Fraction(1, 2), 1), repeat=d)]
    y = geometry(choose.choice(points)[1])
    n = [choose.choice([-1, 0, 1]) for _ in range(width)]
    c = choose.choice([0, 0, 1, inner(n, y)])
    found = geometry.preimage(y)
    assert_is_preimage(found, geometry, points, lambda value, x: value == y)
    assert_cddlib_agrees(found)
    assert geometry(drawn(found, choose)) == y
    other = [choose.choice([0, 0, 1, 2]) for _ in range(width)]
    assert_is_preimage(geometry.preimage(other), geometry, points, lambda v, x: v == tuple(other))
    assert_cddlib_agrees(geometry.preimage(other))
    pieces = geometry.preimages_of_hyperplane(n, c)
    for _, x in points:
        holding = [active for active, piece in pieces.items() if piece.contains(x)]
        assert holding == [geometry.sector(x).active] * (inner(n, geometry(x)) == c)
    for piece in pieces.values():
        assert inside(piece, drawn(piece, choose))
    active = [i for i in range(width) if choose.random() < 0.5]
    sector, closed = geometry.sector_of(active), geometry.preimage_of_face(active, closed=True)
    for _, x in points:
        assert sector.contains(x) == (geometry.sector(x).active == sector.active)
        assert closed.contains(x) == all(
            not v for i, v in enumerate(geometry(x)) if i not in active
        )
    if not sector.polyhedron.is_empty:
        assert inside(sector.polyhedron, drawn(sector.polyhedron, choose))


@settings(max_examples=80, deadline=None)
@given(RANDOM, st.integers(1, 3), st.integers(1, 5))
def test_sectors_of_any_layer_are_cells(choose, d, width):
    weight = [[choose.randint(-2, 2) for _ in range(d)] for _ in range(width)]
    bias = [choose.randint(-1, 1) for _ in range(width)]
    sectors = list(layer_geometry(weight, bias).sectors())
    assert all(s.polyhedron.dim == d for s in sectors)
    assert (
        len({s.pattern for s in sectors}) == len(sectors) == Arrangement(weight, bias).n_chambers()
    )


def test_opposite_rows_leave_a_flat_sector():
    geometry = layer_geometry([[1], [-1]], [0, 0])
    assert {s.active for s in geometry.sectors()} == {(0,), (1,)}
    assert geometry.sector([0]).polyhedron.dim == 0
    assert list(geometry.preimages_of_hyperplane([1, 1], 0)) == [()]  # |x| = 0
    assert geometry.sector_of([0, 1]).polyhedron.is_empty


# --- what goes in --------------------------------------------------------------------------------


def test_layers_and_exact_numbers():
    weight, bias = [[1.5, 0.25], [-1.0, 3.0]], [0.5, -2.0]
    expected = layer_geometry(weight, bias)
    rational = [[fmpq(3, 2), Fraction(1, 4)], [-1, np.float32(3)]]
    one = Layer([Affine(weight, bias)], relu())
    for same in (layer_geometry(one), layer_geometry(rational, [Fraction(1, 2), -2])):
        assert (same.weight, same.bias, same.apex) == (
            expected.weight, expected.bias, expected.apex
        )  # fmt: skip
    third = layer_geometry([[Fraction(1, 3)]], [Fraction(1, 7)])
    assert third.apex == (Fraction(-3, 7),)
    huge = layer_geometry([[10**400, 1], [1, Fraction(1, 10**400)]], [1, 1])
    assert not huge.is_square_invertible  # rank 1, exactly
    assert layer_geometry(
        [[10**400 + 1, 1], [1, Fraction(1, 10**400)]], [1, 1]
    ).check_factorisation()
    divided = Layer([Affine([[1.0]], [1.0], [3.0])], relu())
    assert layer_geometry(divided).weight == ((Fraction(1, 3),),)


def test_cells_of_rows_that_are_not_float64():
    """Two hyperplanes 10^-30 apart, and one in thirds."""
    weight = [[Fraction(1, 3), 0], [1, 0], [Fraction(1, 10**30), Fraction(2, 7)]]
    geometry = layer_geometry(weight, [1, 3 + Fraction(1, 10**30), 0])
    assert len(list(geometry.sectors())) == 6
    patterns = {(), (2,), (1,), (1, 2), (0, 1), (0, 1, 2)}
    assert {s.active for s in geometry.sectors()} == patterns
    with pytest.raises(NetworkError, match="within the range of float64"):
        list(layer_geometry([[10**400], [1]], [0, 1]).sectors())


def test_results_can_be_pickled_and_shown():
    geometry = layer_geometry(np.eye(2), [0, 1])
    again = pickle.loads(pickle.dumps(geometry))  # noqa: S301
    assert again.apex == geometry.apex
    assert repr(geometry) == "LayerGeometry(2 units on R^2, invertible)"
    assert repr(geometry.sector([1, 1])) == "Sector(active=(0, 1), of 2)"
    assert repr(geometry.cone) == "Polyhedron(dim 2 in R^2: 1 points, 2 rays, 0 lines)"
    assert repr(geometry.preimage([-1, 0])) == "Polyhedron(empty, in R^2)"


def test_wrong_input():
    eye = np.eye(2)
    for weight, bias, message in (
        ([1.0, 2.0], [0.0], "weight must have 2 dimension"),
        (eye, [0.0], "bias must have length 2, not 1"),
        (eye, None, "a bias is needed"),
        (Network.from_layers([(eye, [0, 0])]), None, "a Layer is needed, such as"),
        (np.zeros((0, 2)), [], "rows and columns"),
        ([[1.0, np.nan], [0, 1]], [0, 0], r"finite, but entry \(0, 1\) is nan"),
        (eye, [0, np.inf], r"finite, but entry \(1,\) is inf"),
        ([[Fraction(1), float("nan")]], [0], r"finite, but entry \(0, 1\) is nan"),
        ([[1, 2], [3]], [0, 0], "array of real numbers"),
        ([["a", "b"]], [0], "array of real numbers"),
        ([[Fraction(1), "2"]], [0], r"real, but entry \(0, 1\) is '2'"),
        (Layer([Affine(eye, [0, 0])], relu()), [0, 0], "has its bias already"),
        (Layer([Affine(eye, [0, 0])], leaky_relu()), None, "unit 0 is"),
        (
            Layer([Affine(eye, [0, 0])], [relu(), identity()]),
            None,
            "all units must be ReLU.*unit 1",
        ),
    ):
        with pytest.raises(NetworkError, match=message):
            layer_geometry(weight, bias)
    geometry = layer_geometry(eye, [0, 0])
    for wrong, message in (
        (lambda: geometry.project([1]), "x must have length 2, not 1"),
        (lambda: geometry.sector([1, np.nan]), "x must be finite"),
        (lambda: geometry.sector([[1, 2]]), "x must have 1 dimension"),
        (lambda: geometry.preimage([1, 2, 3]), "y must have length 2"),
        (lambda: geometry.preimage_of_face([-1]), "unit numbers 0, ..., 1, not -1"),
        (lambda: geometry.sector_of([2]), "not 2"),
        (lambda: geometry.face([1, 1]), "once"),
        (lambda: geometry.face([0.5]), "must be unit numbers"),
        (lambda: geometry.preimage_of_hyperplane([1], 0, [0]), "normal must have length 2"),
        (lambda: geometry.preimages_of_hyperplane([1, 1], float("inf")), "offset must be finite"),
        (lambda: geometry.preimages_of_hyperplane([1, 1], "1"), "offset must be real, not '1'"),
        (lambda: geometry.cone.contains([1]), "x must have length 2"),
    ):
        with pytest.raises(NetworkError, match=message):
            wrong()
