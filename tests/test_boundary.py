"""Decision boundaries: pieces against exact programs, topology against independent judges."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import inf, sqrt
from pathlib import Path
from random import Random

import numpy as np
import oracle
import pytest
from networks import classifier, gaussian_network, network, problem
from scipy.optimize import nnls
from scipy.sparse.csgraph import connected_components

from polyrelu import (
    Box,
    IncompleteError,
    Layer,
    Limits,
    Network,
    NetworkError,
    PiecewiseLinear,
    Slice,
    Space,
    absolute,
    boundary_type,
    decision_boundary,
    identity,
    load_network,
    relu,
    robust_radius,
)
from polyrelu.network import Affine


def one_output(net: Network) -> Network:
    """The sum of a network's outputs, with small different weights."""
    weight = np.arange(1.0, net.output_dim + 1)[None]
    return Network((*net.layers, Layer([Affine(weight, [0.0])], identity())))


def signed(seed: int, max_inputs: int = 3):
    choose = Random(seed)
    net, where = problem(choose, max_inputs)
    return one_output(net), where


# ---------------------------------------------------------------- independent judges


def zero_faces(net, where):
    """For each of the oracle's cells of the network cut by its sign: its vertices, and those at
    which the output is 0. (Of a bounded domain.)"""
    (*layers, last) = net.layers
    cut = Network((*layers, Layer(last.factors, relu())))
    for cell in oracle.cells(cut, where):
        corners = sorted(cell.vertices())
        yield corners, [net.exact(v)[0][0] for v in corners]


def betti_of_simplices(simplices, top):
    """By gudhi. Convex sets that meet in common faces, given by their vertices, have the topology
    of the simplices on these (nerve theorem, Dowker duality)."""
    gudhi = pytest.importorskip("gudhi")
    number: dict = {}
    tree = gudhi.SimplexTree()
    for simplex in simplices:
        tree.insert([number.setdefault(v, len(number)) for v in simplex])
    tree.prune_above_dimension(top + 1)
    tree.compute_persistence(homology_coeff_field=2, persistence_dim_max=True)
    return tuple((tree.betti_numbers() + [0] * (top + 2))[: top + 1])


def judged(net, where):
    """Betti numbers of the level set, of where the output is below and above 0, and of where it is
    not below."""
    zero, below, above, closed = [], [], [], []
    for corners, values in zero_faces(net, where):
        for kept, signs in ((zero, [0]), (below, [-1]), (above, [1]), (closed, [0, 1])):
            chosen = [v for v, y in zip(corners, values, strict=True) if (y > 0) - (y < 0) in signs]
            if chosen:
                kept.append(chosen)
    return [betti_of_simplices(s, where.dim) for s in (zero, below, above, closed)]


def small_box(choose, dim):
    half = np.array([choose.choice([0.5, 1.0, 1.25]) for _ in range(dim)])
    return Box(-half, half)


@pytest.mark.parametrize("seed", range(200))
def test_betti_numbers_against_gudhi(seed):
    """Of nasty networks, whose level sets may be flat, thick or empty."""
    choose = Random(seed)
    dim = choose.choice([1, 2, 2, 3])
    net = one_output(network(choose, dim, {1: 8, 2: 7, 3: 5}[dim]))
    where = small_box(choose, dim)
    boundary = decision_boundary(net, where)
    zero, below, above, closed = judged(net, where)
    assert boundary.betti() == zero
    assert boundary.region_betti(0) == below
    assert boundary.region_betti(1) == above
    assert boundary.region_betti(1, "none") == closed
    assert len(boundary.components) == zero[0]
    assert boundary.euler_characteristic == sum((-1) ** k * b for k, b in enumerate(zero))


def check_duality(boundary, dim):
    """Alexander duality in the sphere: of the boundary with infinity, and what it leaves."""
    classes = boundary.decision.classes
    outside = [sum(boundary.region_betti(c)[k] for c in classes) for k in range(dim + 1)]
    outside[0] -= 1
    closed = list(boundary.betti("infinity"))
    ends = [face.bounded for face in faces_of(boundary) if not in_sides(boundary, face)]
    if all(ends) and not any(in_sides(boundary, face) for face in faces_of(boundary)):
        closed[0] += 1  # infinity is a point apart
    closed[0] -= 1
    assert outside[:dim] == closed[:dim][::-1]
    assert outside[dim] == 0


def faces_of(boundary):
    cells = boundary.complex
    for dim in range(cells.n_lines, cells.dim + 1):
        for face in cells.faces(dim):
            if boundary.winners[dim - cells.n_lines][face.index].bit_count() > 1:
                yield face


def in_sides(boundary, face):
    return boundary.complex.in_domain_boundary[face.dim - boundary.complex.n_lines][face.index]


@pytest.mark.parametrize("seed", range(80))
def test_alexander_duality(seed):
    choose = Random(seed)
    dim = choose.choice([1, 2, 3])
    outputs = choose.choice([1, 2, 3, 5])
    net = network(choose, dim, {1: 8, 2: 6, 3: 5}[dim])
    head = Affine(np.array([[choose.gauss(0, 1) for _ in range(net.output_dim)]
                            for _ in range(outputs)]), np.zeros(outputs))  # fmt: skip
    net = Network((*net.layers, Layer([head], identity())))
    where = choose.choice([Space(dim), Box(-1, 1, dim=dim)])
    boundary = decision_boundary(net, where)
    tied_everywhere = len(boundary.tied) == len(boundary.graph)
    if not tied_everywhere:
        check_duality(boundary, dim)


@pytest.mark.parametrize("seed", range(30))
def test_space_is_a_box_around_all_vertices(seed):
    """Outside of it everything is conical."""
    choose = Random(seed)
    dim = choose.choice([1, 2, 3])
    net = one_output(network(choose, dim, 6))
    whole = decision_boundary(net, Space(dim))
    corners = [v for face in whole.complex.faces(0) for v in face.exact_vertices()[0]]
    if whole.complex.n_lines:
        return
    size = 2.0 ** (int(max(map(abs, corners), default=1)).bit_length() + 1)
    box = decision_boundary(net, Box(-size, size, dim=dim))
    assert whole.betti() == box.betti()
    assert whole.betti("infinity") == box.betti("infinity")
    for c in (0, 1):
        assert whole.region_betti(c) == box.region_betti(c)
        assert len(whole.decision_region(c).components) == whole.region_betti(c)[0]


# ---------------------------------------------------------------- several classes


def greatest(net: Network, kept) -> Network:
    """``y_i - max of the others``, i = kept[0]: the level set is the boundary of class i alone."""
    n = net.output_dim
    i, first, *rest = kept
    rows = [np.eye(n)[i], np.eye(n)[first], *(np.eye(n)[k] for k in rest)]
    layers = [*net.layers, Layer([Affine(np.array(rows), np.zeros(len(rows)))], identity())]
    for left in range(len(rest), 0, -1):  # values: y_i, m, and `left` more
        step = np.zeros((left + 2, left + 2))
        step[0, 0] = step[1, 1] = 1  # y_i, m
        step[2, 1], step[2, 2] = -1, 1  # next - m
        for k in range(left - 1):
            step[3 + k, 3 + k] = 1
        units = [identity(), identity(), relu(), *[identity()] * (left - 1)]
        layers.append(Layer([Affine(step, np.zeros(left + 2))], units))
        join = np.zeros((left + 1, left + 2))
        join[0, 0] = join[1, 1] = join[1, 2] = 1
        for k in range(left - 1):
            join[2 + k, 3 + k] = 1
        layers.append(Layer([Affine(join, np.zeros(left + 1))], identity()))
    layers.append(Layer([Affine([[1.0, -1.0]], [0.0])], identity()))
    return Network(tuple(layers))


@pytest.mark.parametrize("seed", range(25))
def test_a_class_against_the_greatest_of_the_others(seed):
    choose = Random(seed)
    dim, outputs = choose.choice([(1, 4), (2, 3), (2, 5), (3, 3)])
    net = classifier(seed, dim, 5, outputs)
    where = choose.choice([Space(dim), Box(-1, 1, dim=dim)])
    boundary = decision_boundary(net, where)
    total = 0.0
    for i in range(outputs):
        others = [k for k in range(outputs) if k != i]
        alone = decision_boundary(greatest(net, [i, *others]), where)
        assert alone.region_betti(1) == boundary.region_betti(i)
        region = boundary.decision_region(i)
        assert len(region.components) == len(alone.decision_region(1).components)
        assert sorted(region.bounded) == sorted(alone.decision_region(1).bounded)
        if isinstance(where, Box):
            total += sum(piece.volume for piece in alone)
    if isinstance(where, Box):
        assert sum(piece.volume for piece in boundary) == pytest.approx(total / 2, rel=1e-12)


@pytest.mark.parametrize("seed", range(25))
def test_pieces_are_not_cut_by_comparisons_of_losers(seed):
    """One for each two pairs (region of the network, class) that meet in dimension d - 1; vertices
    are those of the polyhedron {y_i = y_j >= y_k} in the closure of the region."""
    net = classifier(seed, 2, 4, 5)
    boundary = decision_boundary(net, Box(-1, 1, dim=2))
    seen = set()
    for piece in boundary:
        i, j = piece.classes
        assert i < j
        (a, b), *_ = piece.regions
        n = boundary.decision.first
        patterns = [tuple(boundary.graph.pattern(r)[:n].tolist()) for r in (a, b)]
        name = (i, j, *patterns)
        assert name not in seen
        seen.add(name)
        ends = piece.exact_vertices()
        assert len(ends) == 2  # a segment, though made of several
        for x in ends:
            y = net.exact(x)[0]
            assert y[i] == y[j] == max(y)
        middle = [sum(c) / 2 for c in zip(*ends, strict=True)]
        y = net.exact(middle)[0]
        assert y[i] == y[j] == max(y)
        assert piece.volume == pytest.approx(
            sqrt(sum(float(u - v) ** 2 for u, v in zip(*ends, strict=True))), rel=1e-12
        )


def test_two_of_many_classes():
    net = classifier(3, 2, 6, 4)
    pair = decision_boundary(net, Space(2), classes=[3, 1])
    (*layers, last) = net.layers
    difference = Affine([[0.0, -1.0, 0.0, 1.0]], [0.0])
    alone = decision_boundary(
        Network((*layers, Layer([*last.factors, difference], identity()))), Space(2)
    )
    assert pair.betti() == alone.betti()
    assert pair.region_betti(3) == alone.region_betti(1)
    assert {piece.classes for piece in pair} <= {(3, 1)}


# ---------------------------------------------------------------- pieces


@pytest.mark.parametrize("seed", range(60))
def test_pieces_are_the_walls_on_which_the_output_is_zero(seed):
    """Every wall of the graph that lies in the level set is a piece, and no other."""
    net, where = signed(seed)
    boundary = decision_boundary(net, where)
    graph = boundary.graph
    net = boundary.decision.network
    found = {frozenset(pair) for piece in boundary for pair in piece.regions}
    assert len(found) == len(boundary)
    tied = set(boundary.tied.tolist())
    for i in range(len(graph)):
        value = net.exact(graph.exact_point(i))[0][0]
        if i not in tied:
            assert boundary.labels[i] == (value > 0)
            assert value != 0
        else:
            assert value == 0
    below = boundary.complex.boundary[-1]
    for i, j in graph.edges().tolist():
        (face,) = set(below[i]) & set(below[j])
        x = boundary.complex.face(boundary.complex.dim - 1, face).exact_point()
        on_level = net.exact(x)[0][0] == 0
        maximal = on_level and i not in tied and j not in tied
        assert (frozenset((i, j)) in found) == maximal


def circle(n: int) -> Network:
    """max over n directions of u . x, minus 1: zero on a regular polygon around the unit disc."""
    angle = 2 * np.pi * np.arange(n) / n
    u = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    net = Network.from_layers([(u, np.zeros(n))])
    best = greatest_of_all(net)
    return Network((*best.layers, Layer([Affine([[1.0]], [-1.0])], identity())))


def greatest_of_all(net: Network) -> Network:
    layers = list(net.layers)
    width = net.output_dim
    while width > 1:
        step = np.eye(width)
        step[-1, -2] = -1
        layers.append(Layer([Affine(step, np.zeros(width))], [identity()] * (width - 1) + [relu()]))
        join = np.eye(width - 1, width)
        join[-1, -1] = 1
        layers.append(Layer([Affine(join, np.zeros(width - 1))], identity()))
        width -= 1
    return Network(tuple(layers))


@pytest.mark.parametrize("n", [3, 4, 5, 8])
def test_a_polygon(n):
    boundary = decision_boundary(circle(n), Space(2))
    assert boundary.betti() == (1, 1, 0)
    assert boundary.betti("infinity") == (1, 1, 0)
    assert boundary.region_betti(0) == (1, 0, 0)
    assert boundary.region_betti(1) == boundary.region_betti(1, "none") == (1, 1, 0)
    assert boundary.region_betti(1, "infinity") == (1, 0, 0)  # a disc around infinity
    assert boundary.region_betti(0, "infinity") == (1, 0, 0)
    (component,) = boundary.components
    assert component.closed
    assert component.bounded
    assert component.pieces == tuple(range(len(boundary)))
    assert boundary.decision_region(0).bounded == (True,)
    assert boundary.decision_region(1).bounded == (False,)
    length = sum(piece.volume for piece in boundary)
    assert length == pytest.approx(2 * n * np.tan(np.pi / n), rel=1e-12)
    number, _ = connected_components(boundary.piece_graph(), directed=False)
    assert number == 1
    assert (boundary.piece_graph().sum(axis=1) == 2).all()


def cross_polytope(dim: int, radius: float) -> Network:
    """|x_1| + ... + |x_d| - radius."""
    return Network.from_layers(
        [(np.eye(dim), np.zeros(dim)), (np.ones((1, dim)), [-radius])], activation=absolute()
    )


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_a_cross_polytope(dim):
    """A sphere of 2^d simplices, each of area sqrt(d) / (d-1)!."""
    from math import factorial

    boundary = decision_boundary(cross_polytope(dim, 1.0), Space(dim))
    assert len(boundary) == 2**dim
    sphere = [0] * (dim + 1)
    sphere[0] += 1
    sphere[dim - 1] += 1
    assert boundary.betti() == tuple(sphere)
    assert boundary.f_vector[0] == 2 * dim
    for piece in boundary:
        assert piece.bounded
        assert piece.volume == pytest.approx(sqrt(dim) / factorial(dim - 1), rel=1e-15)
        assert sorted(map(sum, piece.exact_vertices())) != []
        assert all(sum(map(abs, v)) == 1 for v in piece.exact_vertices())
        *normal, constant = piece.equation
        assert all(sum(a * x for a, x in zip(normal, v, strict=True)) + constant == 0
                   for v in piece.exact_vertices())  # fmt: skip
        assert piece.classes == (0, 1)
        assert constant > 0 or dim == 1  # the first side holds the origin


def test_a_point_is_a_boundary_without_pieces():
    boundary = decision_boundary(cross_polytope(2, 0.0), Box(-1, 1, dim=2))
    assert len(boundary) == 0
    assert boundary.betti() == (1, 0, 0)
    assert boundary.f_vector == (1, 0, 0)
    (component,) = boundary.components
    assert component.pieces == component.tied == ()
    assert component.closed
    assert boundary.region_betti(1) == (1, 1, 0)
    assert boundary.region_betti(0) == (0, 0, 0)


def test_where_it_only_touches():
    """|x| on the plane: a line, with one class on both sides; relu(x): a half-plane."""
    line = Network.from_layers([([[1.0, 0.0]], [0.0]), ([[1.0]], [0.0])], activation=absolute())
    boundary = decision_boundary(line, Space(2))
    (piece,) = boundary
    assert piece.classes == (1, 1)
    assert not piece.bounded
    assert piece.volume == inf
    assert boundary.betti() == (1, 0, 0)
    assert boundary.betti("infinity") == (1, 1, 0)
    assert boundary.region_betti(1) == (2, 0, 0)
    assert len(boundary.decision_region(1).components) == 2

    half = Network.from_layers([([[1.0, 0.0]], [0.0])], output_activation=relu())
    thick = decision_boundary(half, Box(-1, 1, dim=2))
    assert len(thick) == 0
    assert len(thick.tied) == 1
    assert "1 regions tied" in repr(thick)
    assert thick.betti() == (1, 0, 0)
    (component,) = thick.components
    assert component.tied == tuple(thick.tied.tolist())
    assert not component.closed
    assert thick.region_betti(1) == (1, 0, 0)


def test_two_spheres_and_a_handle():
    """max(min over two discs): the boundary of two far discs, of an annulus."""
    two = Network.from_layers(
        [([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]), ([[1.0, 0.0], [0.0, 1.0]], [-3.0, 0.0]),
         ([[1.0, 1.0]], [-1.0])], activation=absolute(),
    )  # fmt: skip
    boundary = decision_boundary(two, Space(2))
    assert boundary.betti() == (2, 2, 0)
    assert [c.betti for c in boundary.components] == [(1, 1, 0)] * 2
    assert boundary.region_betti(0) == (2, 0, 0)
    ring = Network.from_layers(
        [(np.eye(2), np.zeros(2)), ([[1.0, 1.0]], [-3.0]), ([[1.0]], [-1.0])],
        activation=absolute(),
    )
    boundary = decision_boundary(ring, Space(2))
    assert boundary.betti() == (2, 2, 0)
    assert boundary.region_betti(0) == (1, 1, 0)
    assert boundary.region_betti(1) == (2, 1, 0)


def test_a_level():
    net = cross_polytope(2, 0.0)
    for level in (1, Fraction(1, 3), 0.1):
        boundary = decision_boundary(net, Space(2), level=level)
        assert all(sum(map(abs, v)) == Fraction(level)
                   for piece in boundary for v in piece.exact_vertices())  # fmt: skip
        assert boundary.betti() == (1, 1, 0)
    assert decision_boundary(net, Space(2), level=-1).betti() == (0, 0, 0)


def test_units_other_than_relu_and_outputs_that_bend():
    zigzag = PiecewiseLinear((-1, Fraction(1, 3), 2), (1, -2, 1, -1), 0.5)
    net = Network.from_layers(
        [(np.eye(1), [0.0]), ([[1.0]], [0.0])], activation=zigzag, output_activation=zigzag
    )
    boundary = decision_boundary(net, Space(1))
    points = sorted(v[0] for face in faces_of(boundary) for v in face.exact_vertices())
    assert points
    assert all(net.exact([x])[0][0] == 0 for x in points)
    ends = [-50.0, *(float(x) for x in points), 50.0]
    for a, b in pairwise(ends):
        values = [net.exact([Fraction(a) + (Fraction(b) - Fraction(a)) * Fraction(k, 97)])[0][0]
                  for k in range(1, 97)]  # fmt: skip
        assert all(v > 0 for v in values) or all(v < 0 for v in values)


def test_slices_and_flat_boxes():
    net = gaussian_network(5, 6, 8, 1)
    plane = Slice(np.zeros(6), np.eye(6)[:2], Box(-2, 2, dim=2))
    boundary = decision_boundary(net, plane)
    flat = Box([-2, -2, 0, 0, 0, 0], [2, 2, 0, 0, 0, 0])
    other = decision_boundary(net, flat)
    assert boundary.betti() == other.betti()
    assert len(boundary) == len(other)
    assert sum(p.volume for p in boundary) == pytest.approx(sum(p.volume for p in other), rel=1e-12)


def test_lines_in_every_region():
    """The topology of a cylinder is that of its section; its ends are one point at infinity."""
    net = cross_polytope(2, 1.0)
    (first, *rest) = net.layers
    wide = Network((Layer([Affine(np.eye(2, 3), np.zeros(2))], first.units), *rest))
    boundary = decision_boundary(wide, Space(3))
    assert boundary.betti() == (1, 1, 0, 0)
    assert boundary.betti("infinity") == (1, 1, 1, 0)  # a sphere with its poles joined
    assert boundary.region_betti(0) == (1, 0, 0, 0)
    assert boundary.region_betti(1) == (1, 1, 0, 0)
    assert not any(piece.bounded for piece in boundary)
    (component,) = boundary.components
    assert not component.bounded
    assert not component.closed


# ---------------------------------------------------------------- what theory says


@pytest.mark.parametrize("seed", range(40))
def test_one_layer_is_of_its_type(seed):
    """Pieces, topology and convexity of both sides, as the classification of one layer says."""
    choose = Random(seed)
    dim = choose.choice([1, 2, 2, 3])
    rng = np.random.default_rng(seed)
    weight, bias = rng.normal(size=(dim, dim)), rng.normal(size=dim)
    normal = rng.normal(size=dim) * [choose.choice([0, 1, 1, 1]) for _ in range(dim)]
    offset = choose.choice([0.0, 1.0, -0.5])
    shape = boundary_type(weight, bias, normal, offset)
    net = Network.from_layers([(weight, bias), (normal[None], [0.0])])
    boundary = decision_boundary(net, Space(dim), level=offset)
    assert len(boundary.tied) == shape.full_regions
    cut = {
        tuple(boundary.graph.pattern(side)[:dim].tolist())
        for piece in boundary
        for pair in piece.regions
        for side in pair
        if piece.classes == (0, 1)
    }
    if shape.full_regions == 0:
        assert len(boundary) == len(cut) == shape.pieces
    assert boundary.betti() == (*shape.betti, 0)
    if shape.full_regions == 0:
        assert boundary.is_convex(0) == shape.sublevel_convex
        assert boundary.is_convex(1) == shape.superlevel_convex


def bounded_components(net: Network) -> list[int]:
    """How many each class has on the whole space."""
    boundary = decision_boundary(net, Space(net.input_dim))
    return [sum(boundary.decision_region(c).bounded) for c in boundary.decision.classes]


@pytest.mark.parametrize("widths", [(2, 2, 2, 1), (3, 3, 2, 1), (2, 2, 2, 2, 3)])
def test_narrow_networks_have_no_bounded_decision_regions(widths):
    """If no layer is wider than the input (Hanin and Sellke 2017, Johnson 2019)."""
    for seed in range(15):
        assert not any(bounded_components(classifier(seed, *widths)))


def test_one_layer_of_one_unit_more_has_at_most_one_bounded_component():
    """Of each decision region (Vallin, Larsson, Larson 2023); both cases occur."""
    found = {tuple(bounded_components(classifier(seed, 2, 3, 1))) for seed in range(150)}
    assert found <= {(0, 0), (1, 0), (0, 1)}
    assert len(found) > 1


def test_convexity():
    ball = decision_boundary(cross_polytope(3, 1.0), Space(3))
    assert ball.is_convex(0)
    assert not ball.is_convex(1)
    line = Network.from_layers([([[1.0, 0.0]], [0.0]), ([[1.0]], [0.0])], activation=absolute())
    touching = decision_boundary(line, Space(2))
    assert touching.is_convex(0)  # empty
    assert not touching.is_convex(1)
    half = Network.from_layers([([[1.0, 0.0]], [0.0])], output_activation=relu())
    assert decision_boundary(half, Space(2)).is_convex(1)
    linear = decision_boundary(classifier(1, 2, 4), Space(2))
    assert all(linear.is_convex(c) for c in range(4))


# ---------------------------------------------------------------- limits and bad requests


def test_what_was_found_before_a_limit():
    net = gaussian_network(0, 3, 12, 12, 1)
    part = decision_boundary(net, Box(-1, 1, dim=3), limits=Limits(regions=300))
    assert not part.complete
    assert "incomplete" in repr(part)
    for ask in (part.betti, lambda: part.decision_region(0), lambda: part.components):
        with pytest.raises(IncompleteError, match="limit on regions"):
            ask()
    for piece in part:
        assert piece.volume > 0


@pytest.mark.parametrize(
    ("outputs", "options", "message"),
    [
        (1, {"classes": [0, 1]}, "one output decides by its level"),
        (1, {"level": float("nan")}, "level must be a finite number"),
        (1, {"level": "zero"}, "level must be a finite number"),
        (3, {"level": 1}, "level= is for a network with one output"),
        (3, {"classes": [0, 3]}, "classes must be 0 to 2"),
        (3, {"classes": [0]}, "two or more different outputs"),
        (3, {"classes": [1, 1]}, "two or more different outputs"),
        (3, {"classes": "ab"}, "numbers of outputs"),
        (3, {"classes": [0, 1.5]}, "two or more different outputs"),
        (3, {"classes": [0, float("inf")]}, "numbers of outputs"),
    ],
)
def test_bad_requests(outputs, options, message):
    with pytest.raises(NetworkError, match=message):
        decision_boundary(classifier(0, 2, 4, outputs), Box(-1, 1, dim=2), **options)


def test_what_is_not_there():
    boundary = decision_boundary(classifier(0, 2, 4, 2), Box(-1, 1, dim=2))
    with pytest.raises(IndexError, match="piece"):
        boundary[len(boundary)]
    with pytest.raises(ValueError, match="class 7 is none"):
        boundary.region_betti(7)
    with pytest.raises(ValueError, match="closure must be"):
        boundary.betti("open")


# ---------------------------------------------------------------- trained surfaces

SURFACES = {
    "sphere": (1, 0, 1, 0),
    "torus": (1, 2, 1, 0),
    "two_spheres": (2, 0, 2, 0),
    "linked_rings": (2, 4, 2, 0),
}


@pytest.mark.parametrize("name", SURFACES)
def test_trained_surfaces(name):
    """Closed surfaces, also by gudhi of their pieces in triangles; inside and outside by Alexander
    duality."""
    net = load_network(Path(__file__).parents[1] / "demo" / "surfaces" / f"{name}.npz")
    boundary = decision_boundary(net)
    expected = SURFACES[name]
    assert boundary.betti() == boundary.betti("infinity") == expected
    assert all(component.closed for component in boundary.components)
    assert sum(len(component.pieces) for component in boundary.components) == len(boundary)
    parts, loops = expected[0], expected[1]
    assert boundary.region_betti(0) == (parts, loops // 2, 0, 0)
    assert boundary.region_betti(1) == (1, loops // 2, parts, 0)
    cells = boundary.complex
    triangles = [
        (("middle", face), *cells.members[1][edge])
        for face, edges in enumerate(cells.boundary[2])
        if boundary.winners[2][face].bit_count() > 1
        for edge in edges
    ]
    assert betti_of_simplices(triangles, 3) == expected


def distance_to_hull(x, corners) -> float:
    """In float64: the convex combination of the corners that is nearest to x."""
    weight = 1e4  # of the equation that the coefficients add up to 1
    rows = np.vstack([corners.T - np.asarray(x)[:, None], weight * np.ones(len(corners))])
    coefficients, _ = nnls(rows, np.append(np.zeros(len(x)), weight))
    return float(np.linalg.norm(coefficients @ corners / coefficients.sum() - x))


@pytest.mark.parametrize("name", ["torus", "linked_rings"])
def test_the_robust_radius_is_the_distance_to_the_nearest_piece(name):
    """Of all pieces, one by one; the radius looks at few regions."""
    net = load_network(Path(__file__).parents[1] / "demo" / "surfaces" / f"{name}.npz")
    boundary = decision_boundary(net)
    corners = [piece.vertices() for piece in boundary]
    for x in np.random.default_rng(0).uniform(-1.5, 1.5, size=(6, 3)):
        found = robust_radius(net, x)
        nearest = min(distance_to_hull(x, v) for v in corners)
        assert found.radius == pytest.approx(nearest, rel=1e-6, abs=1e-9)
        assert found.regions_visited < len(boundary.graph) / 4


def test_a_set_that_lacks_a_point_is_not_convex():
    """|x| + |y| > 0; and where the point is no face of the boundary it is."""
    boundary = decision_boundary(cross_polytope(2, 0.0), Space(2))
    assert len(boundary) == 0
    assert not boundary.is_convex(1)
    assert boundary.is_convex(0)  # empty
    assert decision_boundary(cross_polytope(2, 0.0), Box([0, -1], [1, 1])).is_convex(1)
    assert decision_boundary(cross_polytope(2, -1.0), Space(2)).is_convex(1)


def test_an_incomplete_boundary_has_no_volume():
    net = gaussian_network(0, 3, 12, 12, 1)
    part = decision_boundary(net, Box(-1, 1, dim=3), limits=Limits(regions=300))
    with pytest.raises(IncompleteError, match="limit on regions"):
        part.volume  # noqa: B018


@pytest.mark.parametrize("level", [float("nan"), float("inf"), "a", None])
def test_levels_that_are_no_numbers(level):
    for outputs in (1, 3):
        with pytest.raises(NetworkError, match="level must be a finite number"):
            decision_boundary(classifier(0, 2, 4, outputs), Box(-1, 1, dim=2), level=level)
