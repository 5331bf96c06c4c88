"""Forms in two float64 parts: what float64 lost of a row, and what is still missing then."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import he_layers, network, unequal_box
from numba import njit
from test_against_oracle import check

from polyrelu import (
    Box,
    Network,
    Polytope,
    Space,
    decision_boundary,
    hard_tanh,
    leaky_relu,
    regions,
    relu,
)
from polyrelu.engine import kernel
from polyrelu.engine.compilation import reference
from polyrelu.engine.enumerate import Enumeration
from polyrelu.engine.kernel.twice_forms import set_low_parts
from polyrelu.engine.program import compile_network
from polyrelu.engine.rounding import remainders, round_rows
from polyrelu.verify import verify


@njit(nogil=True, error_model="numpy", _nrt=False)
def _set_low_parts(program, stack, tables):
    set_low_parts(reference(program), reference(stack), reference(tables), stack.scalar[0])


def distance(row, scale, parts):
    """The l1 distance of ``row / scale`` to a sum of float64 rows."""
    sums = [sum(map(Fraction, column)) for column in zip(*parts, strict=True)]
    return sum(abs(Fraction(v, scale) - s) for v, s in zip(row, sums, strict=True))


def check_forms(net, where, cells=20):
    """The forms on the way to the first cells, in two parts, against the integers; returns what is
    missing, relative to the rows, in the worst case."""
    search = Enumeration(compile_network(net, where), max_regions=0)
    search._use_twice()
    compiled, program, tables = search.compiled, search.compiled.program, search._tables
    for wall, row in enumerate(compiled.root_rows):
        scale = max(map(abs, row)) if wall < len(compiled.frame.rows) else 1
        check_wall(tables, wall, row, scale)
    worst = 0.0
    for stack, _ in zip(search.cells(), range(cells), strict=False):
        _set_low_parts(program, stack, tables)
        e = int(stack.scalar[kernel.TOP])
        for layer in range(1, program.n_layers + 1):
            forms = search.resolver.forms.of_layer(layer, stack.positive[e], stack.negative[e])
            scale = int(forms[forms.nrows() - 1, compiled.dim])
            first, last = program.first_wall[layer : layer + 2]
            for wall in range(first, last):
                at = compiled.walls[layer - 1][wall - first]
                row = compiled.form(layer, wall - first, forms)
                check_wall(tables, wall, row, scale * at.shift.denominator)
                if tables.wall_norm[wall] > 0:
                    worst = max(worst, tables.wall_low_error[wall] / tables.wall_norm[wall])
    return worst


def check_wall(tables, wall, row, scale):
    parts = tables.wall[:, wall].tolist(), tables.wall_low[:, wall].tolist()
    assert distance(row, scale, parts) <= Fraction(tables.wall_low_error[wall])
    assert sum(map(abs, parts[1])) <= tables.wall_low_norm[wall]


def test_what_rows_of_integers_lack_in_float64():
    choose = Random(1)
    rows = [[choose.randrange(-(10**k), 10**k) for _ in range(4)] for k in (1, 5, 20, 40, 300)]
    scales = [3, 1, 7**20, 10**20 + 1, 10**600]
    columns, _, _ = round_rows(rows, scales)
    low, error = remainders(rows, scales, columns)
    for i, (row, scale) in enumerate(zip(rows, scales, strict=True)):
        parts = columns[:, i].tolist(), low[:, i].tolist()
        assert distance(row, scale, parts) <= Fraction(error[i])
        assert error[i] <= 2.0**-100 * np.abs(columns[:, i]).sum() + 2.0**-990
    exact = remainders([[3, 0, -5]], [8], np.array([[3 / 8], [0.0], [-5 / 8]]))
    assert not exact[0].any()
    assert exact[1] == [0.0]


def test_rows_that_float64_cannot_hold_have_no_small_part():
    low, error = remainders([[10**400, 1]], [1], np.array([[np.inf], [1.0]]))
    assert not low.any()
    assert error[0] == np.inf


@pytest.mark.parametrize("widths", [(2, 5), (3, 6, 4), (2, 5, 5, 5, 5)])
@pytest.mark.parametrize("where", ["box", "space", "polytope"])
def test_forms_of_relus_lack_some_hundred_bits_at_any_depth(widths, where):
    rng = np.random.default_rng(len(widths))
    pairs = [(rng.normal(size=(n, m)), rng.normal(size=n)) for m, n in pairwise(widths)]
    net, dim = Network.from_layers(pairs, output_activation=relu()), widths[0]
    domain = {
        "box": Box(-0.3, 2.9, dim=dim),
        "space": Space(dim),
        "polytope": Polytope(np.vstack([np.eye(dim), -np.eye(dim)]), rng.random(2 * dim)),
    }[where]
    assert check_forms(net, domain) < 2.0**-90


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_forms_of_nasty_networks(choose):
    """Units of all kinds, factors that divide, weights that are left out, huge and tiny ones."""
    dim = choose.choice([1, 2, 3])
    where = choose.choice([Space(dim), unequal_box(choose, dim)])
    check_forms(network(choose, dim, 8), where, cells=6)


@pytest.mark.parametrize("unit", [leaky_relu(Fraction(1, 3)), hard_tanh(-1, Fraction(1, 3))])
def test_forms_after_units_that_float64_rounds(unit):
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=(n, m)), rng.normal(size=n)) for m, n in pairwise((2, 4, 4, 3))]
    net = Network.from_layers(pairs, activation=unit, output_activation=unit)
    check_forms(net, Box([-3, -1], [2, 0.7]))


def test_weights_that_the_kernel_leaves_out_are_missing():
    first = np.eye(2), np.ones(2)
    tiny = np.array([[1.0, 2.0**-300], [2.0, 1.0]]), np.zeros(2)
    net = Network.from_layers([first, tiny], output_activation=relu())
    check_forms(net, Box(0, 1, dim=2))


def copies(seed, sizes, change, unit=None, sign=1.0):
    """A network of which each neuron, but for those of layer 1, has a copy a few ulps off."""
    rng = np.random.default_rng(seed)
    pairs, width = [], sizes[0]
    for k, n in enumerate(sizes[1:]):
        W, b = rng.normal(size=(n, width)) * np.sqrt(2 / width), rng.normal(size=n) / 2
        if k:
            V, c = W, np.nextafter(b, np.inf)
            if change == "weights":
                V, c = W + rng.integers(-9, 10, size=W.shape) * np.spacing(W), b
            W, b = np.vstack([W, sign * V]), np.concatenate([b, sign * c])
        pairs.append((W, b))
        width = len(b)
    unit = unit or relu()
    return Network.from_layers(pairs, activation=unit, output_activation=unit)


@pytest.mark.parametrize("change", ["weights", "biases"])
@pytest.mark.parametrize("where", [Box(-1, 1, dim=2), Box([-3, 0.1], [1, 0.7]), Space(2)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_copies_of_neurons_in_layer_2_need_no_integers(change, where, sign):
    G = regions(copies(1, (2, 6, 5), change, sign=sign), where)
    counted = {k: v for k, v in G.stats.items() if k.startswith("rational_")}
    assert counted["rational_generators"] == counted["rational_witnesses"] == 0
    assert counted["rational_signs"] == 0
    assert len(G.exact_witnesses) > len(G) // 8
    result = verify(G)
    assert result, str(result)


def test_rows_that_take_no_live_input_are_zero_for_sure():
    """Layers that pass single neurons on: their rows are 0 on half of the regions."""
    rng = np.random.default_rng(0)
    some, few = rng.normal(size=(6, 40)), rng.normal(size=(3, 6))
    some[:2], few[:2] = 0, 0
    some[[0, 1], [0, 1]], few[[0, 1], [0, 1]] = (1, -1), 1
    layers = [he_layers(0, 2, 40)[0], (some, [0, 0, 0.1, 0.2, 0.3, 0.4]), (few, [0, 0, 0.3])]
    net = Network.from_layers([*layers, (np.ones((1, 3)), [0.0])])
    graph = regions(net, Box(-2, 2, dim=2))
    assert len(graph.vanishing) > len(graph) > 500
    assert graph.stats["rational_signs"] < len(graph)  # at vertices on the walls that come again
    assert verify(graph).ok


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("unit", [relu(), leaky_relu(0.25), leaky_relu(Fraction(1, 100))])
def test_copies_in_deeper_layers_are_told_apart(seed, unit):
    change = ("weights", "biases")[seed % 2]
    net = copies(seed, (2, 3, 2), change, unit, sign=(1.0, -1.0)[seed // 2])
    check(net, Box([-1, -2], [0.7, 1.3]))
    check(net, Space(2))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_normals_an_ulp_apart_in_a_domain_whose_coordinates_round(dim):
    rng = np.random.default_rng(dim)
    W, b = rng.normal(size=(4, dim)), rng.normal(size=4) / 2
    near = W + rng.integers(-9, 10, size=W.shape) * np.spacing(W)
    net = Network.from_layers(
        [(np.vstack([W, near]), np.concatenate([b, b]))], output_activation=relu()
    )
    simplex = Polytope(np.vstack([-np.eye(dim), np.ones((1, dim))]), [*np.full(dim, 0.9), 3.1])
    for where in (Box(-3, 3, dim=dim), Box(-0.7, 2.1, dim=dim), simplex):
        G = regions(net, where)
        assert G.stats["rational_generators"] == G.stats["rational_witnesses"] == 0
        result = verify(G)
        assert result, str(result)


def test_classes_an_ulp_apart():
    """Matches between classes are layers of their own, whose forms have no small parts."""
    rng = np.random.default_rng(2)
    W, b = rng.normal(size=(3, 6)), rng.normal(size=3)
    last = np.vstack([W, W]), np.concatenate([b, np.nextafter(b, np.inf)])
    hidden = rng.normal(size=(6, 2)), rng.normal(size=6)
    found = decision_boundary(Network.from_layers([hidden, last]), Box(-2, 2, dim=2))
    best = decision_boundary(
        Network.from_layers([hidden, (W, np.nextafter(b, np.inf))]), Box(-2, 2, dim=2)
    )
    assert len(found) == len(best)
