"""The parts of the recovery, each on networks of which the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from networks import he_network

import polyrelu as pr
from polyrelu.recovery.account import provisos, reasons
from polyrelu.recovery.first_layer import FirstLayer
from polyrelu.recovery.follow import follow_on
from polyrelu.recovery.last import Asked, fit_output, needed
from polyrelu.recovery.lifted import Known
from polyrelu.recovery.next_layer import NextLayer
from polyrelu.recovery.oracle import Oracle
from polyrelu.recovery.partial import Row, joined, joined_all, resolved, row_of, shown, wall_of
from polyrelu.recovery.places import Places
from polyrelu.recovery.residual import missing_wall
from polyrelu.recovery.robust import refitted
from polyrelu.recovery.wall import Wall, merged, roots

Array = np.ndarray


def measured(network: pr.Network, rng: np.random.Generator) -> tuple[Oracle, Places]:
    oracle, places = Oracle(network, network.input_dim), Places(network.input_dim, None, 1.0)
    oracle.measure_noise(places.points(24, rng), places.segments(24, rng)[0], rng)
    return oracle, places


def known_layers(network: pr.Network, count: int) -> Known:
    """The first layers, with their true signs."""
    rows = [(layer.weight, layer.bias) for layer in network.layers[:count]]
    return Known(tuple(rows[:-1]), rows[-1])


def proportional(a: Array, b: Array) -> float:
    """How far from a multiple of each other, relative."""
    a, b = a.ravel() / np.linalg.norm(a), b.ravel() / np.linalg.norm(b)
    return float(min(np.abs(a - b).max(), np.abs(a + b).max()))


def test_a_row_is_fitted_to_the_equations_that_are_right() -> None:
    rng = np.random.default_rng(0)
    row = rng.normal(size=6)
    row /= np.linalg.norm(row)
    design = rng.normal(size=(40, 6))
    design -= np.outer(design @ row, row)
    wrong = np.array([3, 17, 31])
    design[wrong] += 1e-3 * rng.normal(size=(3, 6))
    found, good = refitted(design, row + 1e-5 * rng.normal(size=6))
    assert np.flatnonzero(~good).tolist() == wrong.tolist()
    assert proportional(found, row) < 1e-12


def basis(*columns: Array) -> Array:
    return np.linalg.qr(np.array(columns).T)[0]


def test_parts_of_one_wall_are_merged_and_others_are_not() -> None:
    rng = np.random.default_rng(1)
    vector, other = rng.normal(size=(2, 12))
    a, b, both = rng.normal(size=(3, 12))
    left, right = basis(a, both), basis(b, both)
    first = Wall(vector + left @ [0.4, -2.0], left)
    second = Wall(-3 * vector + right @ [1.0, 0.7], right, shown=True)
    whole = merged(first, second)
    assert whole is not None
    assert whole.shown
    assert whole.null.shape == (12, 1)
    assert proportional(whole.null, both) < 1e-9
    apart = np.linalg.lstsq(np.stack([vector, both], axis=1), whole.vector, rcond=None)[
        0
    ]  # the wall up to what both leave open
    assert np.stack([vector, both], axis=1) @ apart == pytest.approx(whole.vector, abs=1e-9)
    assert merged(first, Wall(other, right)) is None
    # 12 equations, and more unknowns: any two walls agree
    assert merged(Wall(vector, basis(*rng.normal(size=(6, 12)))),
                  Wall(other, basis(*rng.normal(size=(6, 12))))) is None  # fmt: skip


def test_roots_lie_on_the_wall() -> None:
    network, rng = he_network(0, 3, 5, 4, 1), np.random.default_rng(0)
    known, row, signs = known_layers(network, 1), network.layers[1], np.ones(5)
    wall = wall_of(known, plain_row(row.weight[0], row.bias[0]), signs)
    x = 3 * rng.normal(size=(400, 3))
    high = wall.values(known, x) > 0
    count = min(high.sum(), (~high).sum())
    points = roots(known, wall, x[~high][:count], x[high][:count])
    assert count > 10
    assert np.abs(row.pre_activation(network.layers[0](points))[:, 0]).max() < 1e-7


def plain_row(weight: Array, bias: float, loose: tuple[int, ...] = ()) -> Row:
    open_ = np.zeros(len(weight), dtype=bool)
    open_[list(loose)] = True
    return Row(np.append(np.where(open_, 0.0, weight), bias), open_, False)


def turned(seed: int = 0) -> tuple[Known, Array, Array, float]:
    """A layer known up to its signs, these, and a neuron on top: weights and bias."""
    rng = np.random.default_rng(seed)
    known = Known((), (rng.normal(size=(6, 4)), rng.normal(size=6)))
    return known, np.where(rng.normal(size=6) < 0, -1.0, 1.0), rng.normal(size=6), 0.3


def test_a_row_in_lifted_features_is_the_same_function() -> None:
    known, signs, weight, bias = turned()
    wall = wall_of(known, plain_row(weight, bias), signs)
    x = np.random.default_rng(5).normal(size=(50, 4))
    true = np.maximum(signs * known.pre_activations(x), 0) @ weight + bias
    assert wall.values(known, x) == pytest.approx(true, abs=1e-12)


def test_a_wall_gives_its_weights_and_those_it_does_not_show_are_loose() -> None:
    known, signs, weight, bias = turned()
    wall = wall_of(known, plain_row(weight, bias), signs)
    off = wall_of(known, plain_row(np.eye(6)[2], 0.0), signs).vector
    off /= np.linalg.norm(off)
    # seen only where neuron 2 is off: any multiple of its output may be added
    part = Wall(wall.vector + 0.7 * off, off[:, None])
    row = row_of(known, part, signs)
    assert row is not None
    assert np.flatnonzero(row.loose).tolist() == [2]
    assert row.vector == pytest.approx(np.append(np.where(row.loose, 0, weight), bias), abs=1e-9)
    assert row_of(known, part, -signs) is None
    rough = np.random.default_rng(2).normal(size=len(wall.vector))
    assert row_of(known, Wall(rough, np.empty((len(rough), 0))), signs) is None


def test_rows_are_joined_if_they_agree_where_both_are_known() -> None:
    weight = np.random.default_rng(3).normal(size=7)
    a, b = plain_row(weight, 1.0, (0, 1)), plain_row(-2 * weight, -2.0, (1, 2))
    both = joined(a, b)
    assert both is not None
    assert np.flatnonzero(both.loose).tolist() == [1]
    assert both.vector == pytest.approx(np.append(np.where(both.loose, 0, weight), 1.0))
    c = plain_row(weight + 0.1 * np.eye(7)[4], 1.0, (1,))
    assert joined(a, c) is None
    assert joined(plain_row(weight, 0.0, (0, 1, 2)), plain_row(weight, 0.0, (3, 4))) is None
    assert len(joined_all([a, c, b])) == 2


def test_loose_weights_are_chosen_by_what_uses_them() -> None:
    """Neuron 0 is on wherever input 1 is, and neuron 2 is off there."""
    rng = np.random.default_rng(0)
    below = rng.normal(size=(4, 3)), rng.normal(size=4)
    weight, bias = rng.normal(size=(3, 4)), np.array([0.1, 0.2, 0.4])
    signs, c = np.array([1.0, -1.0, 1.0]), rng.normal(size=(2, 3))
    side = np.zeros((3, 4))
    side[0, 1], side[2, 1] = 1.0, -1.0
    known = Known((below,), (np.where(side == 0, signs[:, None] * weight, 0.0), signs * bias), side)
    slopes = c @ (signs[:, None] * known.top[0])
    slopes[:, 1] += 2 * c[:, 0] * weight[0, 1]
    x = 2 * rng.normal(size=(500, 3))
    found, constant = resolved(known, signs, c, slopes, x)
    settled = side >= 0
    assert found[settled] == pytest.approx(weight[settled])
    assert constant == pytest.approx(bias)
    h = known.under(x)
    h = h[h[:, 1] > 0]
    assert len(h) > 50
    assert np.all(h @ found[2] + constant[2] <= 1e-12)
    assert np.argwhere(~shown(known, signs, np.ones(3, dtype=bool), c)).tolist() == [[2, 1]]
    unknown = np.array([False, True, True])
    assert np.argwhere(~shown(known, signs, unknown, c)).tolist() == [[0, 1], [2, 1]]


@pytest.mark.parametrize(("seed", "withheld"), [(1, 1), (3, 3)])
def test_the_neuron_that_is_missing_is_found(seed: int, withheld: int) -> None:
    first, layer, last = he_network(seed, 4, 6, 5, 2).layers
    weight = layer.weight - 0.3  # on at few inputs, also far out: the others can be trusted
    network = pr.Network.from_layers(
        [(first.weight, first.bias), (weight, layer.bias), (last.weight, last.bias)]
    )
    rng = np.random.default_rng(0)
    oracle, places = measured(network, rng)
    asked, known = Asked(oracle, places, rng), known_layers(network, 1)
    rest = np.delete(np.arange(5), withheld)
    output = fit_output(asked, Known((known.top,), (weight[rest], layer.bias[rest])))
    assert output.unexplained is not None
    start = asked.x[np.argmax(output.off)]
    wall = missing_wall(oracle, places, asked, known, output, start, rng)
    assert wall is not None
    assert wall.shown
    assert wall.full
    true = first(asked.x) @ weight[withheld] + layer.bias[withheld]
    assert proportional(wall.values(known, asked.x), true) < 1e-8


def test_a_wall_is_followed_on_to_what_is_not_known_of_it() -> None:
    network, rng = he_network(1, 4, 6, 5, 1), np.random.default_rng(0)
    oracle, places = measured(network, rng)
    known, layer = known_layers(network, 1), network.layers[1]
    wall = wall_of(known, plain_row(layer.weight[0], layer.bias[0]), np.ones(6))
    wall = Wall(wall.vector / np.linalg.norm(wall.vector), wall.null)
    x = 2 * rng.normal(size=(200, 4))
    high = wall.values(known, x) > 0
    point = roots(known, wall, x[~high][:1], x[high][:1])[0]
    # |y_1| = +-y_1 on this piece: the difference of both is not determined
    on = known.pre_activations(point[None])[0, 1] > 0
    one, other = plain_row(np.eye(6)[1], 0.0), np.array([1.0 if k != 1 else -1.0 for k in range(6)])
    open_ = wall_of(known, one, other if on else np.ones(6)).vector
    open_ /= np.linalg.norm(open_)
    part = Wall(wall.vector + 0.5 * open_, open_[:, None])
    more = follow_on(oracle, places, known, part, point, rng)
    assert more is not None
    assert more.full
    assert proportional(more.vector, wall.vector) < 1e-9
    # where the wall is not known, it cannot be followed
    elsewhere = Wall(wall.vector, np.eye(len(wall.vector))[:, :1])
    assert follow_on(oracle, places, known, elsewhere, point, rng) is None


def test_planes_that_are_there_twice_are_not_needed() -> None:
    network, rng = he_network(2, 4, 5, 2), np.random.default_rng(0)
    oracle, places = measured(network, rng)
    asked, layer = Asked(oracle, places, rng), network.layers[0]
    idle = rng.normal(size=4)
    known = Known((), (np.vstack([layer.weight, layer.weight[1:2], idle]),
                       np.append(layer.bias, [layer.bias[1], 0.2])))  # fmt: skip
    keep = needed(asked, fit_output(asked, known))
    assert keep[[0, 2, 3, 4]].all()
    assert keep[[1, 5]].sum() == 1
    assert not keep[6]


def test_the_reasons_count_what_is_open() -> None:
    signs, weights = np.array([True, False, True]), np.ones((3, 2), dtype=bool)
    weights[2, 0] = weights[1, 1] = False
    said = provisos([np.ones(2, dtype=bool), signs], [np.ones((2, 2), dtype=bool), weights], 1e-16)
    assert len(said) == 2
    assert said[0].startswith("layer 1: the signs of neurons 1 are open")
    assert "2 weights (of neuron 1 on input 1, 2 on input 0)" in said[1]
    assert "noise is 1e-06" in provisos([], [], 1e-6)[0]
    assert provisos([np.ones(2, dtype=bool)], [], 1e-16) == []


def test_the_reasons_say_how_far_it_got() -> None:
    nothing = reasons(FirstLayer(), [], None)
    assert "no first layer was found" in nothing[0]
    layer = NextLayer(Known((), (np.eye(2), np.zeros(2))))
    layer.partial.append(Wall(np.ones(5), np.empty((5, 0))))
    first = FirstLayer([object()], unclear=2)  # type: ignore[list-item]
    said = reasons(first, [layer], "it differs")
    assert "2 hidden layers found" in said[0]
    assert said[1].startswith("layer 1: 1 walls")
    assert said[2].startswith("2 places")
    assert said[3] == "it differs"
