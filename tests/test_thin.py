"""Cells about an ulp thin: signs and witnesses in twice the precision of float64."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from networks import doubled, one_layer
from numba import njit
from test_against_oracle import check

from polyrelu import Box, Network, Space, regions, relu
from polyrelu.engine.kernel.twice_arithmetic import bound_twice, form_twice
from polyrelu.engine.thin import ThinWitnesses
from polyrelu.verify import verify


@njit
def _form_twice(high, low, norm, low_norm, error, x, x_low, size, small):
    dim = len(x) - 1
    value = form_twice(high, low, 0, x, x_low)
    return value, bound_twice(norm, low_norm, error, 0.0, size, small, dim)


@pytest.mark.parametrize("dim", [1, 2, 5])
@pytest.mark.parametrize("row_low", [0.0, 2.0**-54, 2.0**-30])
def test_a_value_in_twice_the_precision_is_within_its_bound(dim, row_low):
    choose = np.random.default_rng(dim)
    for _ in range(300):
        row = choose.normal(size=dim + 1) * 2.0 ** choose.integers(-20, 20)
        x = np.append(choose.normal(size=dim) * 2.0 ** choose.integers(0, 30), 1.0)
        row[-1] = -(row[:-1] @ x[:-1])  # cancels nearly all
        low = np.append(choose.normal(size=dim) * 2.0**-54 * np.abs(x).max(), 0.0)
        less = choose.normal(size=dim + 1) * row_low * np.abs(row)
        norm, size = np.abs(row).sum() * (1 + 1e-12), 2 * max(1.0, np.abs(x).max())
        small, less_norm = np.abs(low).max(), np.abs(less).sum() * (1 + 1e-12)
        value, bound = _form_twice(
            row[:, None].copy(), less[:, None].copy(), norm, less_norm, 0.0, x, low, size, small
        )
        true = sum(
            (Fraction(a) + Fraction(b)) * (Fraction(v) + Fraction(w))
            for a, b, v, w in zip(row, less, x, low, strict=True)
        )
        lost = abs(Fraction(value) - true)
        assert lost <= Fraction(bound) + abs(true) * Fraction(2.0**-52)
        assert bound < 2.0**-98 * (norm + 2.0**45 * less_norm) * size * (dim + 4) ** 2


def test_twice_the_precision_gives_up_where_float64_ends():
    huge = np.array([[2.0**1000], [1.0]])
    value, bound = _form_twice(
        huge, 0 * huge, 2.0**1000, 0.0, 0.0, np.array([3.0, 1.0]), np.zeros(2), 3.0, 0.0
    )
    assert not bound < value < np.inf
    assert not bound < -value < np.inf


@pytest.mark.parametrize(("n", "dim"), [(6, 1), (6, 2), (4, 3), (4, 4)])
@pytest.mark.parametrize("box", [True, False])
def test_hyperplanes_one_ulp_apart_need_no_integers(n, dim, box):
    G = regions(doubled(n, n, dim), Box(-8, 8, dim=dim) if box else Space(dim))
    assert len(G.exact_witnesses) > len(G) // 4
    counted = {k: v for k, v in G.stats.items() if k.startswith("rational_")}
    assert counted["rational_witnesses"] == 0
    assert counted["rational_generators"] == 0
    result = verify(G)
    assert result, str(result)


@pytest.mark.parametrize("seed", range(6))
def test_normals_an_ulp_apart(seed):
    """Nearly parallel: directions are on one and not on the other."""
    choose, dim = Random(seed), 2 + seed % 2
    weight = np.array([[choose.gauss(0, 1) for _ in range(dim)] for _ in range(3)])
    bias = np.array([choose.gauss(0, 1) for _ in range(3)])
    near = weight.copy()
    near[0, 0] = np.nextafter(near[0, 0], np.inf)
    near[1, -1] = np.nextafter(near[1, -1], -np.inf)
    moved = np.nextafter(bias, choose.choice([-np.inf, np.inf]))
    net = one_layer(np.vstack([weight, near]), np.concatenate([bias, moved]))
    check(net, Space(dim))
    check(net, Box(-4, 4, dim=dim))


def test_thin_cells_of_a_layer_above_have_deeper_walls():
    choose = np.random.default_rng(3)
    weight, bias = choose.normal(size=(4, 2)), choose.normal(size=4) / 2
    twice = np.vstack([weight, weight]), np.concatenate([bias, np.nextafter(bias, 9)])
    top = choose.normal(size=(3, 8)), choose.normal(size=3) / 2
    net = Network.from_layers([twice, top], output_activation=relu())
    check(net, Box(-2, 2, dim=2))
    check(net, Space(2))


class TestThinWitnesses:
    part = ThinWitnesses(
        {0: (Fraction(1, 3),)},
        np.array([2, 3]),
        np.array([[1.0], [2.0]]),
        np.full((2, 1), 2.0**-60),
    )

    def test_a_point_is_the_exact_sum(self):
        assert self.part[3] == (2 + Fraction(1, 2**60),)
        assert list(self.part) == [0, 2, 3]
        assert len(self.part) == 3
        assert 1 not in self.part
        assert self.part.get(1) is None

    def test_blocks_are_joined_with_plain_ones(self):
        joined = ThinWitnesses.joined([self.part, {1: (Fraction(7),)}, self.part], [0, 4, 10])
        assert list(joined) == [0, 2, 3, 5, 10, 12, 13]
        assert joined[5] == (Fraction(7),)
        assert joined[13] == self.part[3]
        assert joined[10] == (Fraction(1, 3),)
        assert ThinWitnesses.joined([{}], [0]) == {}

    def test_regions_are_renumbered_or_left_out(self):
        moved = self.part.renumbered(np.array([-1, 0, 5, -1]))
        assert dict(moved) == {5: self.part[2]}


def near_normals(seed: int, hyperplanes: int, dim: int, sign: float = 1.0) -> Network:
    """Hyperplanes in general position, each with a copy whose normal is a few ulps off."""
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(hyperplanes, dim)), rng.normal(size=hyperplanes)
    near = W + rng.integers(-9, 10, size=W.shape) * np.spacing(W)
    return one_layer(np.vstack([W, sign * near]), np.concatenate([b, sign * b]))


@pytest.mark.parametrize(("n", "dim"), [(5, 2), (4, 3), (4, 4)])
@pytest.mark.parametrize("where", ["box", "space"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_where_nearly_parallel_hyperplanes_meet_needs_no_integers(n, dim, where, sign):
    """Two hyperplanes whose normals are an ulp apart meet in the zeros of their difference."""
    net = near_normals(n, n, dim, sign)
    G = regions(net, Box(-8, 8, dim=dim) if where == "box" else Space(dim))
    assert G.stats["rational_generators"] == G.stats["rational_witnesses"] == 0
    assert set(map(bytes, G.patterns)) == {
        bytes(p) for p in regions(net, G.domain, cells="lp").patterns
    }
    result = verify(G)
    assert result, str(result)


@pytest.mark.parametrize("seed", range(3))
def test_copies_that_meet_far_away_or_nowhere(seed):
    """Normals an ulp apart with biases that are not: their difference is not a float64 row."""
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(3, 2)), rng.normal(size=3)
    net = one_layer(
        np.vstack([W, np.nextafter(W, 9), W]), np.concatenate([b, b / 3, b + rng.normal(size=3)])
    )
    check(net, Space(2))
    check(net, Box(-4, 4, dim=2))
