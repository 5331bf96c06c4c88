"""The d types of decision boundaries of one layer: counts by enumeration, normal forms, shapes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from fractions import Fraction
from itertools import pairwise, product
from math import lcm
from random import Random

import layers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyrelu import (
    Affine,
    BoundaryKind,
    IncompleteError,
    Layer,
    Limits,
    Network,
    NetworkError,
    Polyhedron,
    boundary_type,
    layer_geometry,
    leaky_relu,
    relu,
)

RANDOM = st.randoms(use_true_random=False)
PIECES = {1: (1,), 2: (2, 3), 3: (4, 6, 7), 4: (8, 12, 14, 15)}


def value(n, c):
    """``n . relu(c)``."""
    return sum((Fraction(a) * max(v, Fraction(0)) for a, v in zip(n, c, strict=True)), Fraction(0))


def normal_with(choose: Random, d: int, p: int, q: int, sign: int = 1):
    """p entries of a sign, q of the other, the rest 0, shuffled."""
    size = [Fraction(choose.randint(1, 9), choose.randint(1, 9)) for _ in range(d)]
    signs = [sign] * p + [-sign] * q + [0] * (d - p - q)
    choose.shuffle(signs)
    return [s * v for s, v in zip(signs, size, strict=True)]


# --- C3.2: piece counts --------------------------------------------------------------------------


@pytest.mark.parametrize(("d", "p"), [(d, p) for d in PIECES for p in range(1, d + 1)])
@pytest.mark.parametrize("offset", [Fraction(2, 3), -1])
def test_pieces_are_as_published(d, p, offset):
    choose = Random(10 * d + p)
    weight, bias = layers.square(choose, d)
    sign = 1 if offset > 0 else -1
    found = boundary_type(weight, bias, normal_with(choose, d, p, d - p, sign), offset)
    assert found.kind is BoundaryKind.TYPE
    assert (found.p, found.q, found.d) == (p, d - p, d)
    assert found.pieces == found.linear_pieces == PIECES[d][p - 1] == found.count_pieces().pieces
    assert found.full_regions == 0
    assert found.confirm()


@settings(max_examples=150, deadline=None)
@given(RANDOM, st.integers(1, 4))
def test_counts_of_any_case(choose, d):
    """Also c = 0 and n_i = 0: by enumeration, and by the pieces of the preimage."""
    weight, bias = layers.square(choose, d)
    n = [choose.choice([-2, -1, 0, 1, 1.5]) for _ in range(d)]
    c = choose.choice([0, 1, -1, Fraction(1, 3)])
    found = boundary_type(weight, bias, n, c)
    assert found.confirm()
    if d < 4:
        pieces = layer_geometry(weight, bias).preimages_of_hyperplane(n, c)
        dims = [piece.dim for piece in pieces.values()]
        assert dims.count(d - 1) == found.pieces
        assert dims.count(d) == found.full_regions
        assert len(dims) == found.pieces + found.full_regions
    kinds = {
        BoundaryKind.EMPTY: c != 0 and all(v * c <= 0 for v in n),
        BoundaryKind.TYPE: c != 0 and 0 not in n and any(v * c > 0 for v in n),
        BoundaryKind.PRODUCT: c != 0 and 0 in n and any(v * c > 0 for v in n),
        BoundaryKind.DEGENERATE: c == 0,
        BoundaryKind.OTHER: False,
    }
    assert [kind for kind, holds in kinds.items() if holds] == [found.kind]


def test_a_wrong_count_is_not_confirmed():
    """The count does not come from p."""
    found = boundary_type(np.eye(2), [0, 0], [1, 1], 1)
    assert found.confirm()
    object.__setattr__(found, "p", 1)
    assert not found.confirm()


@pytest.mark.parametrize(
    ("p", "q", "zeros"), [(2, 1, 1), (1, 1, 0), (2, 0, 1), (0, 2, 0), (0, 0, 2)]
)
def test_level_zero(p, q, zeros):
    choose = Random(p + 10 * q)
    d = p + q + zeros
    weight, bias = layers.square(choose, d)
    found = boundary_type(weight, bias, normal_with(choose, d, p, q), 0)
    assert found.kind is BoundaryKind.DEGENERATE
    counted = found.count_pieces()
    assert counted.full_regions == found.full_regions == 2**zeros
    assert counted.pieces == found.pieces == (2**p - 1) * (2**q - 1) * 2**zeros
    assert found.linear_pieces == (2**p - 1) * (2**q - 1)


def test_products_have_the_linear_pieces_of_the_lower_dimension():
    choose = Random(5)
    for d in (2, 3, 4):
        for k in range(1, d):
            for p in range(1, k + 1):
                weight, bias = layers.square(choose, d, (layers.integers,))
                found = boundary_type(weight, bias, normal_with(choose, d, p, k - p), 2)
                assert found.kind is BoundaryKind.PRODUCT
                assert found.linear_pieces == PIECES[k][p - 1]
                assert found.pieces == PIECES[k][p - 1] * 2 ** (d - k)
                assert found.confirm()


# --- C3.3: exactly d types, by an affine map -----------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(RANDOM, st.integers(1, 5))
def test_the_normal_form_is_an_identity_on_every_sector(choose, d):
    """``n . T(x) - c = c (B(M x + v) - 1)``, as affine forms, and M is invertible."""
    weight, bias = layers.square(choose, d)
    n = [choose.choice([-2, 1e-9, 0, 1, 1e200, Fraction(-1, 3)]) for _ in range(d)]
    c = choose.choice([0, 1, -1, Fraction(7, 3), -1e-300])
    found = boundary_type(weight, bias, n, c)
    matrix, vector = found.normal_form_map
    assert layers.rank(matrix) == d
    assert sorted(found.order) == list(range(d))
    coefficients = [1] * found.p + [-1] * found.q + [0] * (d - found.p - found.q)
    scale, right = (Fraction(c), 1) if c else (Fraction(1), 0)
    for active in product((0, 1), repeat=d):  # u_k is positive where unit order[k] is
        form = [Fraction(0)] * d + [-Fraction(c)]
        for i in range(d):
            row = [*weight[i], bias[i]]
            form = [
                f + active[i] * Fraction(n[i]) * Fraction(a) for f, a in zip(form, row, strict=True)
            ]
        normal_form = [Fraction(0)] * d + [-Fraction(right)]
        for k, i in enumerate(found.order):
            row = [*matrix[k], vector[k]]
            s = active[i] * coefficients[k]
            normal_form = [f + s * a for f, a in zip(normal_form, row, strict=True)]
        assert form == [scale * f for f in normal_form]
    for k, i in enumerate(found.order):  # and with the same sign
        by = [u / Fraction(a) for u, a in zip(matrix[k], weight[i], strict=True) if a]
        assert by[0] > 0
        assert [*matrix[k], vector[k]] == [by[0] * Fraction(a) for a in (*weight[i], bias[i])]


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_there_are_exactly_d_types(d):
    """Of random (A, b, n, c) with all n_i and c different from 0; pieces tell them apart."""
    seen = {}
    choose = Random(d)
    for _ in range(60 * d):
        weight, bias = layers.square(choose, d)
        n = [choose.choice([-1, 1]) * choose.uniform(0.1, 2) for _ in range(d)]
        found = boundary_type(weight, bias, n, choose.choice([-1, 1]) * choose.uniform(0.1, 2))
        if found.kind is BoundaryKind.EMPTY:
            assert (found.p, found.pieces) == (0, 0)
            continue
        assert found.kind is BoundaryKind.TYPE
        seen[found.p] = found.pieces
    assert seen == dict(enumerate(PIECES[d], start=1))


def test_scaling_and_order_do_not_matter():
    choose = Random(3)
    weight, bias = layers.square(choose, 3, (layers.gaussian,))
    n, c = np.array([1.0, -2.0, 0.5]), 0.75
    one = boundary_type(weight, bias, n, c)
    assert (one.p, one.normal_form) == (2, "u1+ + u2+ - u3+ = 1")
    order = [2, 0, 1]
    other = boundary_type(4.0 * weight[order], 4.0 * bias[order], -3.0 * n[order], -8.0 * c)
    assert (other.p, other.kind) == (one.p, one.kind)


# --- C3.4: topology ------------------------------------------------------------------------------


EULER = [(1, 1, 0), (2, 1, 1), (2, 2, 0), (2, 1, 0), (3, 1, 2), (3, 2, 1), (3, 3, 0), (3, 1, 1)]


@pytest.mark.parametrize(("d", "p", "q"), EULER)
def test_euler_characteristic(d, p, q):
    """By compact supports that of R^(d-1) is (-1)^(d-1): summed over the faces of all sectors, each
    of which the boundary meets in an open convex set or not at all."""
    choose = Random(100 * d + 10 * p + q)
    weight, bias = layers.square(choose, d, (layers.integers,))
    found = boundary_type(weight, bias, normal_with(choose, d, p, q), 1)
    rows = layer_geometry(weight, bias).exact.rows
    total = 0
    for signs in product((-1, 0, 1), repeat=d):
        form = [Fraction(0)] * d + [Fraction(-1)]
        for i, s in enumerate(signs):
            if s > 0:
                row = [*weight[i], bias[i]]
                form = [f + found.normal[i] * a for f, a in zip(form, row, strict=True)]
        scale = lcm(*(f.denominator for f in form))
        equations = [tuple(int(f * scale) for f in form)]
        equations += [tuple(rows[i]) for i, s in enumerate(signs) if s == 0]
        sides = [tuple(s * v for v in rows[i]) for i, s in enumerate(signs) if s]
        face = Polyhedron(d, tuple(equations), tuple(sides), frozenset(range(len(sides))))
        total += 0 if face.is_empty else (-1) ** face.dim
    assert total == (-1) ** (d - 1)
    assert found.connected
    assert found.betti == (1, *[0] * (d - 1))


@settings(max_examples=150, deadline=None)
@given(RANDOM, st.integers(1, 4))
def test_a_graph_over_a_hyperplane(choose, d):
    """Along the sum of the p first axes of the normal form, each line crosses exactly once."""
    weight, bias = layers.square(choose, d)
    p = choose.randint(1, d)
    q = choose.randint(0, d - p)
    found = boundary_type(weight, bias, normal_with(choose, d, p, q), 2)
    matrix, vector = found.normal_form_map
    geometry = layer_geometry(matrix, vector)  # its pre-activations are the normal form's u
    along = [sum(dual[k] for dual in geometry.dual_vectors[:p]) for k in range(d)]
    x = [Fraction(choose.randint(-9, 9), choose.randint(1, 4)) for _ in range(d)]
    bends = sorted({-u for u in geometry.coordinates(x)[:p]})
    ends = [bends[0] - 1, *bends, bends[-1] + 2 + sum(map(abs, geometry.coordinates(x)))]
    layer = layer_geometry(weight, bias)
    values = []
    for t in ends:  # linear in between
        point = [v + t * w for v, w in zip(x, along, strict=True)]
        values.append(value(found.normal, layer.coordinates(point)) - 2)
    assert values[0] == values[1] < 0 < values[-1]
    assert all(a < b for a, b in pairwise(values[1:]))


def test_the_empty_set_has_no_component():
    found = boundary_type(np.eye(2), [0, 0], [1, 2], -1)
    assert found.kind is BoundaryKind.EMPTY
    assert (found.connected, found.betti) == (False, (0, 0))
    assert found.sublevel_convex
    assert found.superlevel_convex
    assert boundary_type(np.eye(2), [0, 0], [0, 0], 1).kind is BoundaryKind.EMPTY
    whole = boundary_type(np.eye(2), [0, 0], [0, 0], 0)
    assert (whole.kind, whole.full_regions, whole.connected) == (BoundaryKind.DEGENERATE, 4, True)


CASES = [(p, q, z) for p in range(4) for q in range(4 - p) for z in range(2) if 0 < p + q + z < 4]


@pytest.mark.parametrize(("p", "q", "zeros"), CASES)
@pytest.mark.parametrize("offset", [1, -1, 0])
def test_convexity(p, q, zeros, offset):
    """By midpoints of all pairs of a grid: if it is not convex, one of them is outside."""
    choose = Random(p + 10 * q + 100 * zeros)
    d = p + q + zeros
    weight, bias = layers.square(choose, d, (layers.integers,))
    n = [offset or 1] * p + [-(offset or 1)] * q + [0] * zeros
    found = boundary_type(weight, bias, n, offset)
    assert (found.p, found.q) == (p, q)
    grid = list(product((-1, 0, 1, 2), repeat=d))
    for turn, claimed in ((1, found.sublevel_convex), (-1, found.superlevel_convex)):
        members = [c for c in grid if turn * (value(n, c) - offset) <= 0]
        convex = all(
            turn * (value(n, [Fraction(a + b, 2) for a, b in zip(x, y, strict=True)]) - offset) <= 0
            for x in members
            for y in members
        )
        assert convex == claimed


# --- what goes in --------------------------------------------------------------------------------


def test_networks_and_levels():
    hidden, last = ([[1.0, 2.0], [0.5, -1.0]], [1.0, 0.25]), ([[1.0, -2.0]], [0.5])
    network = Network.from_layers([hidden, last])
    for level in (0, 1.5, Fraction(1, 3)):
        found = boundary_type(network, level=level)
        same = boundary_type(*hidden, [1, -2], level - Fraction(1, 2))
        assert (found.kind, found.p, found.pieces) == (same.kind, same.p, same.pieces)
        assert found.offset == level - Fraction(1, 2)
        assert found.normal_form_map == same.normal_form_map
    assert boundary_type(network).p == 1  # c = -1/2
    layer = Layer([Affine(*hidden)], relu())
    assert boundary_type(layer, normal=[1, -2], offset=-0.5).p == 1
    assert boundary_type(network, level=0.5).kind is BoundaryKind.DEGENERATE
    almost = boundary_type(network, level=np.nextafter(0.5, 1))
    assert almost.kind is BoundaryKind.TYPE
    assert almost.confirm()


@pytest.mark.parametrize(
    ("weight", "bias", "why", "counted"),
    [
        ([[1, 2], [2, 4]], [0, -1], "singular, of rank 1 instead of 2", (3, 1, 0)),
        ([[1.0, 0.0]], [0.0], r"shape \(1, 2\), it is not square", (2, 1, 0)),
        ([[1.0], [-1.0]], [0.0, 0.0], r"shape \(2, 1\), it is not square", (2, 2, 0)),
        ([[0.0]], [1.0], "singular, of rank 0", (1, 0, 1)),
    ],
)
def test_other_layers_get_no_claim(weight, bias, why, counted):
    found = boundary_type(weight, bias, [1] * len(bias), 1)
    assert found.kind is BoundaryKind.OTHER
    for nothing in (found.p, found.q, found.pieces, found.linear_pieces, found.full_regions,
                    found.order, found.normal_form_map, found.normal_form, found.connected,
                    found.betti, found.sublevel_convex, found.superlevel_convex):  # fmt: skip
        assert nothing is None
    with pytest.raises(NetworkError, match=why):
        found.confirm()
    count = found.count_pieces()
    assert (count.regions, count.pieces, count.full_regions) == counted


def test_rows_one_ulp_apart_are_two_hyperplanes():
    weight = [[1.0, 1.0], [1.0, np.nextafter(1.0, 2.0)]]
    found = boundary_type(weight, [0.0, 0.0], [1.0, -1.0], 1e-300)
    assert (found.kind, found.p, found.pieces) == (BoundaryKind.TYPE, 1, 2)
    assert found.confirm()
    weight[1][1] = 1.0
    assert boundary_type(weight, [0.0, 0.0], [1.0, -1.0], 1).kind is BoundaryKind.OTHER


def test_one_by_one():
    found = boundary_type([[-3]], [1], [2], 5)
    assert (found.kind, found.pieces, found.betti) == (BoundaryKind.TYPE, 1, (1,))
    assert found.sublevel_convex  # a half-line each
    assert found.superlevel_convex
    assert found.normal_form_map == (((Fraction(-6, 5),),), (Fraction(2, 5),))
    assert found.confirm()


def test_results_are_immutable_and_shown():
    found = boundary_type(np.eye(3), np.zeros(3), [1, 0, -1], 2)
    assert repr(found) == "BoundaryType(PRODUCT, u1+ - u2+ = 1 in R^3)"
    assert found.reason == "type 1 of 2, times R^1"
    assert found.order == (0, 2, 1)
    assert "singular" in repr(boundary_type(np.ones((2, 2)), [0, 0], [1, 1], 1))
    with pytest.raises(FrozenInstanceError):
        found.p = 3
    with pytest.raises(IncompleteError, match="all regions"):
        found.confirm(Limits(regions=2))


def test_wrong_input():
    eye = np.eye(2)
    one_layer = Network.from_layers([(eye, [0, 0])])
    two_outputs = Network.from_layers([(eye, [0, 0]), (eye, [0, 0])])
    leaky = Network.from_layers([(eye, [0, 0]), ([[1, 1]], [0])], leaky_relu())
    clipped = Network.from_layers([(eye, [0, 0]), ([[1, 1]], [0])], output_activation=relu())
    good = Network.from_layers([(eye, [0, 0]), ([[1, 1]], [0])])
    for arguments, options, message in (
        ((eye, [0, 0], [1], 1), {}, "normal must have length 2, not 1"),
        ((eye, [0, 0], [1, np.nan], 1), {}, r"normal must be finite, but entry \(1,\)"),
        ((eye, [0, 0], [1, 1], float("nan")), {}, "offset must be finite, not nan"),
        ((eye, [0], [1, 1], 1), {}, "bias must have length 2"),
        ((eye, [0, 0], [1, 1]), {}, "a normal and an offset are needed"),
        ((eye, None, [1, 1], 1), {}, "a bias is needed"),
        ((eye, [0, 0], [1, 1], 1), {"level": 0}, "level goes with a Network"),
        ((good, None, [1, 1], 1), {}, "give only the level"),
        ((good,), {"level": "high"}, "level must be real, not 'high'"),
        ((one_layer,), {}, "one hidden layer and an output layer, not 1 layers"),
        ((two_outputs,), {}, "one output, not 2"),
        ((leaky,), {}, "units must be ReLU"),
        ((clipped,), {}, "output must be affine"),
    ):
        with pytest.raises(NetworkError, match=message):
            boundary_type(*arguments, **options)
