"""What is worked out before a search: rounded numbers, where they stand, the first cone."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import gaussian_network

import polyrelu as pr
from polyrelu.engine.frame import frame, frame_of
from polyrelu.engine.kernel.names import SAFE_WEIGHT
from polyrelu.engine.layout import layout, own_walls
from polyrelu.engine.survey import survey
from polyrelu.rational import dot

COLUMNS = ("packed_patterns", "local_witnesses", "indptr", "facets", "neighbor", "unbounded")

numbers = st.one_of(
    st.integers(-4, 4).map(float),
    st.floats(-1e3, 1e3),
    st.sampled_from([0.0, -0.0, 5e-324, 1e-70, -1e-61, 2.0**-200, 0.1, 1e200, 1.5 * 2.0**-1030]),
)


@st.composite
def affine_layers(draw):
    n, m = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(numbers, min_size=m, max_size=m), min_size=n, max_size=n))
    bias = draw(st.lists(numbers, min_size=n, max_size=n))
    return pr.Layer([pr.Affine(np.array(rows), np.array(bias))], pr.relu())


@settings(deadline=None, max_examples=200)
@given(st.lists(affine_layers(), min_size=1, max_size=3))
def test_a_survey_says_what_fractions_say(layers):
    found = survey(layers)
    weights, units = [], []
    for k, layer in enumerate(layers):
        table = [[Fraction(v) for v in row] for row in layer.table.tolist()]
        entries = [v for row in table for v in row]
        scale = 1 << found.places[k]
        assert all((v * scale).denominator == 1 for v in entries)
        assert found.places[k] == 0 or any((v * scale / 2).denominator > 1 for v in entries)
        assert found.largest[k] == max(map(abs, entries))
        kept = [[v if abs(v) > SAFE_WEIGHT else Fraction(0) for v in row[:-1]] for row in table]
        weights += [v for column in zip(*kept, strict=True) for v in column] if k else []
        units += [(row, left) for row, left in zip(table, kept, strict=True)]
    assert found.weight.tolist() == weights
    assert found.bias.tolist() == [row[-1] for row, _ in units]
    for norm, left_out, (row, kept) in zip(found.norm, found.left_out, units, strict=True):
        dropped = sum(a != b for a, b in zip(row[:-1], kept, strict=True))
        assert left_out == dropped * 2.0**-148
        exact = sum(map(abs, kept)) + Fraction(left_out)
        assert exact <= Fraction(norm) <= exact * Fraction(1 + 1e-5)


factors = st.integers(-7, 7).filter(bool)


@settings(deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=2, max_size=6), factors, factors)
def test_prints_of_proportional_forms_are_equal(row, a, b):
    table = np.array([[a * v for v in row], [b * v for v in row]]) / 8
    (prints,) = survey([pr.Layer([pr.Affine(table[:, :-1], table[:, -1])], pr.relu())]).prints
    assert prints[0] == prints[1]


def test_a_weight_that_rounding_made_zero_is_left_out_not_forgotten():
    tiny = pr.Affine(np.array([[5e-324, 1.0]]), np.zeros(1), np.array([4.0]))
    seen = survey([pr.Layer([tiny], pr.relu())])
    assert seen.left_out.tolist() == [2.0**-148]


@pytest.mark.parametrize("seed", range(5))
def test_the_cone_of_a_frame_is_what_its_walls_meet_in(seed):
    rng = np.random.default_rng(seed)
    dim = seed + 1
    A = rng.normal(size=(dim + 2, dim))
    polytope = pr.Polytope(np.vstack([A, 2 * A]), np.repeat([1.0, 2.0], dim + 2))
    chart = polytope.chart()
    walls = frame_of(chart)
    assert walls.numbers == list(range(dim + 2))
    rows = [walls.rows[i] for i in walls.independent]
    cone = walls.roots.cone
    for i, (generator, x) in enumerate(zip(cone.generators, cone.x, strict=True)):
        assert [dot(row, generator) > 0 for row in rows] == [j == i for j in range(1, dim + 1)]
        assert [dot(row, generator) < 0 for row in rows] == [False] * dim
        scale = generator[-1] or max(map(abs, generator))
        pairs = zip(generator[:-1], x[:-1], strict=True)
        error = max(abs(Fraction(v, scale) - Fraction(r)) for v, r in pairs)
        assert error <= Fraction(cone.radius[i])
        assert cone.named[int(cone.ident[i]) + 1] == [-v for v in generator]


def test_boxes_of_one_dimension_have_one_frame():
    boxes = pr.Box(-1, 1, dim=3), pr.Box([0, 1, 2], [5, 1.5, 7]), pr.Box([0] * 4, [1, 0, 1, 1])
    assert len({id(frame_of(box.chart())) for box in boxes}) == 1


def test_a_domain_without_vertices_has_no_roots_of_its_own():
    assert frame((), 2).roots is None
    assert frame(((1, 0, 1), (-1, 0, 1)), 2).roots is None
    assert frame((), 0).roots is not None  # a point


@pytest.mark.parametrize("widths", [(1,), (3, 64, 2), (64, 64), (70, 1), (5, 5, 5)])
def test_a_remembered_layout_is_the_one_that_is_worked_out(widths):
    units = [[pr.relu()] * n for n in widths]
    remembered = layout(units, [None] * len(widths), 4, 0)
    plain = layout(units, [own_walls(n) for n in widths], 4, 0)
    assert layout(units, [None] * len(widths), 4, 0) is remembered is not plain
    assert remembered.fields.keys() == plain.fields.keys()
    for name, value in plain.fields.items():
        assert np.array_equal(remembered.fields[name], value), name
    assert [list(w) for w in remembered.walls] == [list(w) for w in plain.walls]
    assert len(set(plain.bits.tolist())) == sum(widths)


def columns(graph):
    return [getattr(graph, name).tolist() for name in COLUMNS]


def test_networks_of_one_architecture_leave_each_other_alone():
    networks = [gaussian_network(seed, 2, 5, 4) for seed in range(3)]
    domains = pr.Box(-1, 1, dim=2), pr.Space(2), pr.Box([0, 0], [3, 1])
    pairs = list(product(networks, domains))
    first = [columns(pr.regions(*pair)) for pair in pairs]
    again = [columns(pr.regions(*pair)) for pair in reversed(pairs)]
    assert first == again[::-1]


@pytest.mark.parametrize("cells", ["vertices", "lp"])
def test_what_memory_held_before_does_not_matter(monkeypatch, cells):
    cases = [
        (gaussian_network(1, 2, 6, 5), pr.Box(-1, 1, dim=2)),
        (gaussian_network(2, 3, 4, 4), pr.Space(3)),
        (pr.Network.from_layers([(np.ones((3, 2)), np.zeros(3)), (np.eye(3), -np.ones(3))],
                                output_activation=pr.relu()), pr.Box(-1, 1, dim=2)),
    ]  # fmt: skip
    clean = [columns(pr.regions(*case, cells=cells)) for case in cases]
    empty = np.empty

    def dirty(shape, dtype=float):
        array = empty(shape, dtype)
        array.view(np.uint8)[...] = 0xA5 if array.dtype != bool else 1
        return array

    monkeypatch.setattr(np, "empty", dirty)
    assert [columns(pr.regions(*case, cells=cells)) for case in cases] == clean
