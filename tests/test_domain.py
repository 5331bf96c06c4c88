"""Domains: exact charts, what is refused and with which words, and their dictionaries."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from networks import gaussian_network, one_layer

from polyrelu import Affine, Box, Layer, Network, Polytope, Slice, Space, regions, relu, segment
from polyrelu.domain import Domain, domain_from_dict
from polyrelu.errors import DomainError
from polyrelu.rational import dot, rows_of

THIRD = Fraction(1, 3)


def chart_points(where: Domain, coordinates):
    """The points of a chart's coordinates, exactly."""
    chart = where.chart()
    found = []
    for y in coordinates:
        x = [dot(row, [*y, 1]) for row in rows_of(chart.matrix)]
        found.append(tuple(Fraction(v, x[-1]) for v in x[:-1]))
    return found


def check_chart(where: Domain, dim: int):
    """The chart's constraints are the domain's own rows, seen in its coordinates."""
    chart = where.chart()
    assert chart.dim == dim
    matrix = chart.matrix.table()
    rows = where.inequalities()
    for g, source in zip(chart.constraints, chart.sources, strict=True):
        pulled = [dot(rows[source], [int(row[j]) for row in matrix]) for j in range(dim + 1)]
        ratio = {Fraction(a, b) for a, b in zip(pulled, g, strict=True) if b}
        assert len(ratio) == 1
        assert ratio.pop() > 0
        assert all((a == 0) == (b == 0) for a, b in zip(pulled, g, strict=True))
    for i, row in enumerate(rows):
        if i not in chart.sources:  # left out: the same sign everywhere on the domain
            pulled = [dot(row, [int(r[j]) for r in matrix]) for j in range(dim + 1)]
            assert not any(pulled[:-1])
            assert pulled[-1] >= 0


# ---------------------------------------------------------------- boxes


def test_a_box_between_numbers_arrays_and_both():
    assert Box(-1, 1, dim=3).dim == 3
    assert Box([0, 0], 1).high.tolist() == [1, 1]
    assert Box(0, [1, 2, 3]).low.tolist() == [0, 0, 0]
    assert Box([-1], [1], dim=2).dim == 2
    assert repr(Box(-1, 1, dim=2)) == "Box(-1, 1, dim=2)"


def test_a_box_cannot_be_written_to_nor_through():
    low = np.zeros(2)
    where = Box(low, 1)
    low[0] = 7
    assert where.low.tolist() == [0, 0]
    with pytest.raises(ValueError, match="read-only"):
        where.low[0] = 1


@pytest.mark.parametrize(
    ("where", "dim"),
    [
        (Box(-1, 1, dim=3), 3),
        (Box([-1, 0.1, 5e-324], [1, 0.1, 1e308]), 2),
        (Box([1, 2], [1, 2]), 0),
        (Box(-1e308, 1e308, dim=2), 2),
    ],
)
def test_the_chart_of_a_box(where, dim):
    check_chart(where, dim)
    corner = chart_points(where, [[1] * dim])[0]
    assert corner == tuple(map(Fraction, where.high.tolist()))
    assert chart_points(where, [[-1] * dim])[0] == tuple(map(Fraction, where.low.tolist()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((-1, 1), None), r"needs its dimension: Box\(-1, 1, dim=2\)"),
        (((-1, 1), 0), "dim must be a positive integer, not 0"),
        (((-1, 1), 2.5), "dim must be a positive integer, not 2.5"),
        ((([0, 0], [1, 1, 1]), None), r"low \(2,\), high \(3,\) and dim=None do not fit"),
        ((([0, 0], [1, 1]), 3), "dim=3 do not fit together"),
        ((([[0.0]], 1), None), r"must have shape \(dim,\), not \(1, 1\)"),
        ((([], []), None), r"must have shape \(dim,\), not \(0,\)"),
        ((([0, 1], [1, 0.5]), None), "coordinate 1 has 1.0 > 0.5"),
        (((-np.inf, 1), 2), "low must be finite; for an unbounded domain use Space or Polytope"),
        (((-1, np.nan), 2), "high must be finite"),
        ((("a", 1), 2), "low must be real numbers"),
        (((-1, 1j), 2), "high must be real numbers"),
        (((2**53 + 1, 2**60), 1), "float64 holds exactly, not 9007199254740993"),
        (((THIRD, 1), 1), "float64 holds exactly, not 1/3; a Polytope takes fractions"),
    ],
)
def test_boxes_that_are_refused(arguments, message):
    sides, dim = arguments
    with pytest.raises(DomainError, match=message):
        Box(*sides, dim=dim)


# ---------------------------------------------------------------- polytopes


def test_a_polytope_of_fractions_is_not_rounded():
    where = Polytope([[3 * THIRD, THIRD]], [Fraction(1, 7)])
    assert where.inequalities() == [[-21, -7, 3]]


def test_numpy_integers_do_not_overflow():
    where = Polytope([[np.int64(2**62), Fraction(1, 2**10)]], [1])
    assert where.inequalities() == [[-(2**72), -1, 2**10]]


def test_entries_of_every_numeric_type():
    rows = Polytope([[np.float32(0.5), np.int8(1)], [True, 0.25]], [1, 2.0]).inequalities()
    assert rows == [[-1, -2, 2], [-4, -1, 8]]


@pytest.mark.parametrize(
    ("A", "b", "dim"),
    [
        (np.vstack([-np.eye(2), np.ones((1, 2))]), [0, 0, 1], 2),  # a triangle
        ([[1, 1], [-1, -1]], [1, -1], 1),  # a line
        ([[1, 0], [-1, 0], [0, 1], [0, -1]], [1, -1, 2, -2], 0),  # a point
        ([[1, 0, 0], [1, 0, 0], [2, 0, 0], [0, 0, 0]], [1, 2, 2, 5], 3),  # repeated rows
        ([[-1, 0], [0, -1], [1, 1]], [0, 0, 0], 0),  # rows that only together are equations
        ([[THIRD, 1], [-THIRD, -1], [0, 1]], [THIRD, -THIRD, 1], 1),
        ([[0.0, 0.0]], [0.0], 2),  # says nothing
    ],
)
def test_the_chart_of_a_polytope(A, b, dim):
    check_chart(Polytope(A, b), dim)


def test_a_point_is_a_domain():
    G = regions(one_layer(np.eye(2), [-1, -3]), Polytope([[1, 0], [-1, 0], [0, 1], [0, -1]],
                                                         [2, -2, 3, -3]))  # fmt: skip
    assert len(G) == 1
    assert G[0].exact_point() == (2, 3)
    assert G.patterns.tolist() == [[1, 0]]
    assert G[0].bounded
    assert G[0].volume() == 1


@pytest.mark.parametrize(
    ("A", "b"),
    [
        ([[1.0], [-1.0]], [-1.0, 0.0]),
        ([[0.0]], [-1.0]),
        ([[1, 1], [-1, 0], [0, -1]], [-1e-300, 0, 0]),
        ([[1, 1], [-1, -1], [1, 0], [-1, 0], [0, 1]], [1, -1, 1, -1, Fraction(-1, 10**400)]),
    ],
)
def test_an_empty_polytope_is_refused_when_it_is_used(A, b):
    where = Polytope(A, b)
    net = gaussian_network(0, where.dim, 3)
    with pytest.raises(DomainError, match=f"empty: no x satisfies all {len(b)} rows"):
        regions(net, where)


@pytest.mark.parametrize(
    ("A", "b", "message"),
    [
        ([1, 2], [1, 2], r"A must have shape \(m, dim\) with m, dim >= 1, not \(2,\)"),
        ([[1, 2], [3]], [1, 2], "A must have shape"),
        (np.zeros((0, 2)), [], "A must have shape"),
        ([[1, 2]], [1, 2], r"b must have shape \(1,\), not \(2,\)"),
        ([[1, 2]], 1, r"b must have shape \(1,\), not \(\)"),
        ([[np.nan]], [1], "A and b must be finite real numbers"),
        ([[1.0]], [np.inf], "A and b must be finite real numbers"),
        ([["x"]], [1], "A and b must be finite real numbers"),
        ([[1j]], [1], "A and b must be finite real numbers"),
        ([[None]], [1], "A and b must be finite real numbers"),
    ],
)
def test_polytopes_that_are_refused(A, b, message):
    with pytest.raises(DomainError, match=message):
        Polytope(A, b)


@pytest.mark.parametrize("dim", [0, -1, 2.0, "2", None])
def test_spaces_that_are_refused(dim):
    with pytest.raises(DomainError, match="dim must be a positive integer, not"):
        Space(dim)


# ---------------------------------------------------------------- slices


def exact_input(cut: Slice, t):
    """Where the slice's coordinates lie in the input space, in fractions."""
    x = [dot(row, [*t, 1]) for row in rows_of(cut.embedding.integer_matrix)]
    return tuple(Fraction(v, x[-1]) for v in x[:-1])


def test_a_segment_ends_exactly_at_its_points():
    a, b = np.array([0.1, 1e300, -3.0]), np.array([0.3, -1e-300, 1e9])
    cut = segment(a, b)
    assert exact_input(cut, [0]) == tuple(map(Fraction, a.tolist()))
    assert exact_input(cut, [1]) == tuple(map(Fraction, b.tolist()))
    assert cut.to_input([[0.0], [1.0]]).tolist() == [a.tolist(), b.tolist()]
    assert (cut.dim, cut.input_dim) == (1, 3)
    assert isinstance(cut.domain, Box)


def test_through_points_is_the_simplex_by_default():
    corners = np.random.default_rng(0).normal(size=(3, 7))
    cut = Slice.through(*corners)
    for t, corner in zip([[0, 0], [1, 0], [0, 1]], corners, strict=True):
        assert exact_input(cut, t) == tuple(map(Fraction, corner.tolist()))
    G = regions(gaussian_network(0, 7, 6), cut)
    assert sum(r.exact_volume() for r in G) == Fraction(1, 2)
    assert G.slice is cut
    assert G.domain is cut.domain


def test_a_slice_is_the_network_restricted_exactly():
    net = gaussian_network(1, 5, 4, 3)
    cut = Slice(np.full(5, 0.1), np.random.default_rng(1).normal(size=(2, 5)))
    restricted = cut.restrict(net)
    for t in ([THIRD, Fraction(-2, 7)], [Fraction(5), Fraction(0)]):
        whole = [Fraction(v) for v in t]
        origin, *rest = [exact_input(cut, u) for u in ([0, 0], [1, 0], [0, 1])]
        x = [
            o + sum(c * (r[k] - o) for c, r in zip(whole, rest, strict=True))
            for k, o in enumerate(origin)
        ]
        assert restricted.exact(whole) == net.exact(x)


def test_within_keeps_what_lies_inside():
    """The diagonal of the unit square, from a quarter below to its other end."""
    cut = Slice([0, 0], [1, 1], Box(-1, 1, dim=1), within=Box(-0.25, 2, dim=2))
    G = regions(one_layer([[1.0, 0.0]], [0.0]), cut)
    assert len(G) == 2
    ends = {v for r in G for v in r.exact_vertices()}
    assert ends == {(Fraction(-1, 4),), (0,), (1,)}


def test_within_alone_bounds_the_slice():
    cut = Slice([0.5, 0, 0], np.eye(3)[1:], within=Box(-1, 1, dim=3))
    G = regions(one_layer(np.eye(3), np.zeros(3)), cut)
    assert len(G) == 4
    assert sum(r.exact_volume() for r in G) == 4


def test_a_slice_that_misses_its_domain_is_refused():
    cut = Slice([2.0, 0], [0, 1], within=Box(-1, 1, dim=2))
    with pytest.raises(DomainError, match="empty"):
        regions(gaussian_network(0, 2, 3), cut)


def test_a_segment_through_a_large_input_space():
    net = gaussian_network(0, 784, 16)
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 784))
    G = regions(net, segment(a, b))
    crossings = sum(
        s * t < 0 for s, t in zip(net.exact(a.tolist())[1], net.exact(b.tolist())[1], strict=True)
    )
    assert len(G) == crossings + 1
    assert sum(r.exact_volume() for r in G) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Slice([0, 0], [[1, 0, 0]]), r"basis \(k, n\), not \(2,\) and \(1, 3\)"),
        (lambda: Slice([[0, 0]], [[1, 0]]), r"origin must have shape \(n,\)"),
        (lambda: Slice([0, 0], [[1, 1], [2, 2]]), "2 directions .* linearly independent"),
        (lambda: Slice([0, 0], [[0, 0]]), "1 directions .* linearly independent"),
        (lambda: Slice([0, 0], np.ones((3, 2))), "linearly independent"),
        (lambda: Slice([0, 0], [[1, 0]], Box(0, 1, dim=2)), "needs a domain of dimension 1, not 2"),
        (lambda: Slice([0, 0], [[1, 0]], within=Space(1)), "within must have dimension 2, not 1"),
        (lambda: Slice([0, np.nan], [[1, 0]]), "origin must be finite"),
        (lambda: Slice([0, 0], [[np.inf, 0]]), "basis must be finite"),
        (lambda: Slice([0], [[1]], Slice([0], [[1]])), "domain must be a Box, Polytope or Space"),
        (lambda: Slice([0, 0], [[1, 0]], within="box"), "within must be a Box, Polytope or Space"),
        (lambda: Slice.through(), "at least two points"),
        (lambda: Slice.through([1, 2]), r"at least two points .* not 1 of \[\(2,\)\]"),
        (lambda: Slice.through([1, 2], [1, 2, 3]), r"of one shape .* \[\(2,\), \(3,\)\]"),
        (lambda: segment(1.0, 2.0), r"points of one shape \(n,\)"),
        (lambda: segment([1, 2], [1, 2]), "must be different points"),
        (lambda: Slice.through(np.eye(3)), r"did you mean Slice.through\(\*points\)"),
        (lambda: Slice.through([0, 0], [1, 1], [2, 2]), "2 directions .* linearly independent"),
    ],
)
def test_slices_that_are_refused(make, message):
    with pytest.raises(DomainError, match=message):
        make()


# ---------------------------------------------------------------- which domain fits which network


def test_domains_that_do_not_fit_the_network():
    net = gaussian_network(0, 2, 3)
    with pytest.raises(DomainError, match="dimension 3, the network takes 2 inputs"):
        regions(net, Box(-1, 1, dim=3))
    with pytest.raises(DomainError, match=r"lies in R\^3, the network takes R\^2"):
        regions(net, segment([0, 0, 0], [1, 1, 1]))
    with pytest.raises(DomainError, match=r"for instance Box\(-1, 1, dim=2\) or Space\(2\)"):
        regions(net)
    with pytest.raises(DomainError, match="must be a Box, Polytope, Space or Slice, not"):
        regions(net, "box")
    with pytest.raises(TypeError, match=r"must be a polyrelu.Network, not str"):
        regions("net", Space(2))


def test_the_input_box_is_the_default():
    box = Box([0, -1], [2, 1])
    layers = (Layer([Affine(np.eye(2), [-1.0, 0.0])], relu()),)
    assert regions(Network(layers, input_box=box)).domain is box


# ---------------------------------------------------------------- dictionaries


@pytest.mark.parametrize(
    "where",
    [
        Box([0.1, -5e-324], [1e308, -0.0]),
        Space(4),
        Polytope([[THIRD, -2], [1e300, 0.1]], [Fraction(-(10**30), 7), 0]),
        Polytope([[0.0, 0.0]], [1.0]),
        Slice([0, 0], [1, 1], Box(-1, 1, dim=1), within=Box(-1, 1, dim=2)).domain,
    ],
)
def test_round_trip(where):
    again = domain_from_dict(where.to_dict())
    assert type(again) is type(where)
    assert again.dim == where.dim
    assert again.inequalities() == where.inequalities()
    assert again.to_dict() == where.to_dict()


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"kind": "ball"},
        {"kind": "box", "low": ["0x0p0"]},
        {"kind": "box", "low": ["zero"], "high": ["0x1p0"]},
        {"kind": "box", "low": ["0x1p99999"], "high": ["0x1p0"]},
        {"kind": "box", "low": ["nan"], "high": ["0x1p0"]},
        {"kind": "box", "low": [0.0], "high": [1.0]},
        {"kind": "box", "low": ["0x1p0"], "high": ["0x0p0"]},
        {"kind": "space", "dim": "2"},
        {"kind": "space", "dim": 0},
        {"kind": "polytope", "dim": 2, "rows": [["1", "2"]]},
        {"kind": "polytope", "dim": 1.0, "rows": [["1", "2"]]},
        {"kind": "polytope", "dim": "x", "rows": []},
        {"kind": "polytope", "dim": 1, "rows": [["g", "2"]]},
        {"kind": "polytope", "dim": 1, "rows": 3},
    ],
)
def test_dictionaries_that_are_refused(data):
    with pytest.raises(DomainError):
        domain_from_dict(data)
