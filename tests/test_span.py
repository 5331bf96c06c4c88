"""Rays in the span of a region's rows, against rational arithmetic, scipy and plain algebra."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import linprog, nnls

from polyrelu import Box, Limits, Network, Space, regions
from polyrelu.engine.adjacency import DOMAIN_WALL
from polyrelu.engine.meet import nearest_beyond
from polyrelu.engine.shoot import Rows
from polyrelu.engine.span import Span, SpannedRows


def spanned(m: int, d: int, seed: int, n: int = 4, size: float = 1.0) -> SpannedRows:
    """Rows that are combinations of n, and positive at 0; a box around 0, of different widths."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(n, d))
    A = np.concatenate([first, rng.normal(size=(m - n, n)) @ first])
    b = (rng.random(m) + 0.05) * size
    low, high = -(rng.random(d) + 0.05) * size, (rng.random(d) + 0.05) * size
    norm = (np.abs(A).sum(axis=1) + np.abs(b)) * (1 + 1e-9)
    rows = Rows(A, b, norm, np.zeros(m), low, high)
    span = Span.of(first, low, high, np.zeros(d))
    assert span is not None
    return SpannedRows(rows, span, A @ span.basis, np.zeros(d))


def exact_values(rows: Rows, point: list[Fraction]) -> list[Fraction]:
    """Of all rows, bounds included."""
    forms = zip(rows.A.tolist(), rows.b.tolist(), strict=True)
    inner = [
        sum((Fraction(a) * v for a, v in zip(g, point, strict=True)), Fraction(c)) for g, c in forms
    ]
    below = [v - Fraction(w) for v, w in zip(point, rows.low.tolist(), strict=True)]
    return inner + below + [Fraction(w) - v for v, w in zip(point, rows.high.tolist(), strict=True)]


def end_of(around: SpannedRows, z: np.ndarray) -> list[Fraction]:
    """x + E z, without rounding."""
    return [
        Fraction(v) + sum(Fraction(e) * Fraction(t) for e, t in zip(row, z.tolist(), strict=True))
        for v, row in zip(around.x.tolist(), around.span.basis.tolist(), strict=True)
    ]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [1.0, 2.0**-30])
def test_steps_lead_beyond_one_row_alone(seed, size):
    around = spanned(9, 12, seed, size=size)
    steps = np.random.default_rng(seed).normal(size=(4, 20)) * size
    found = [around.shoot(around.towards), around.shoot(steps)]
    assert len(found[0].row)
    for row, step in found:
        for r, z in zip(row.tolist(), step.T, strict=True):
            values = exact_values(around.rows, end_of(around, z))
            assert [i for i, v in enumerate(values) if v <= 0] == [r]
            rounded = (around.x + around.span.basis @ z).tolist()
            values = exact_values(around.rows, [Fraction(v) for v in rounded])
            assert [i for i, v in enumerate(values) if v < 0] == [r]


def test_steps_out_of_the_box_are_not_taken():
    around = spanned(6, 8, 0)
    rows = around.rows
    tight = Rows(rows.A, rows.b, rows.norm, rows.error, rows.low / 2**10, rows.high / 2**10)
    assert len(around.shoot(around.towards).row)
    narrow = SpannedRows(tight, around.span, around.slopes, around.x)
    assert len(narrow.shoot(narrow.towards).row) == 0


def test_a_doubtful_row_certifies_nothing():
    around = spanned(6, 8, 0)
    rows = around.rows
    doubtful = Rows(rows.A, rows.b, rows.norm, np.full(6, 10.0), rows.low, rows.high)
    doubtful = SpannedRows(doubtful, around.span, around.slopes, around.x)
    assert len(doubtful.shoot(doubtful.towards).row) == 0


def test_the_metric_is_that_of_the_barrier():
    around = spanned(7, 10, 3)
    rows, span = around.rows, around.span
    hessian = (rows.A / around.values[:, None] ** 2).T @ rows.A + np.diag(span.scale**-2)
    assert around.metric(np.eye(10)) @ hessian == pytest.approx(np.eye(10), abs=1e-8)
    assert span.basis @ around.towards == pytest.approx(-np.linalg.solve(hessian, rows.A.T))


def test_the_centre_has_no_gradient():
    around = spanned(7, 10, 4)
    for _ in range(8):
        around.centre()
        around._move(around._newton_step()[0])
    rows = around.rows
    box = around.span.push - around.x / around.span.scale**2
    gradient = rows.A.T @ (1 / (rows.A @ around.x + rows.b)) + box
    assert gradient @ around.span.basis == pytest.approx(np.zeros(4), abs=1e-6)
    assert rows.certainly_inside(around.x)


def nearest_by_scipy(forms: np.ndarray, values: np.ndarray, r: int, margin: float):
    """The least distance problem by QR, as Lawson and Hanson solve it; None: no point."""
    sign = np.where(np.arange(len(values)) == r, -1.0, 1.0)
    wanted = np.where(sign > 0, -(1 - margin) * values, (1 + margin) * values)
    system = np.vstack([forms.T * sign, wanted])
    found, rest = nnls(system, np.eye(len(system))[-1])
    if rest < 1e-9:
        return None
    residual = system @ found - np.eye(len(system))[-1]
    return residual[:-1] / -residual[-1]


@pytest.mark.parametrize("seed", range(12))
def test_nearest_points_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    m, k = int(rng.integers(2, 15)), int(rng.integers(1, 6))
    forms, values = rng.normal(size=(m, k)), rng.random(m) + 0.1
    margin = 2.0**-7
    weights, multipliers = nearest_beyond(forms @ forms.T, values, np.arange(m), margin)
    missing = 0
    for r in range(m):
        expected, step = nearest_by_scipy(forms, values, r, margin), -forms.T @ weights[r]
        if expected is None:
            missing += 1
            y = np.where(np.arange(m) == r, 0.0, multipliers[r])
            assert (y >= 0).all()
            assert forms[r] == pytest.approx(y @ forms, abs=1e-6)  # a multiple of others: no facet
            assert values[r] > y @ values * (1 - 4 * margin)
        else:
            assert step == pytest.approx(expected, abs=1e-6 * max(1.0, np.abs(expected).max()))
    assert missing < m


def facets_by_programs(rows: Rows) -> set[int]:
    """Rows that are negative somewhere where all others are positive."""
    found = set()
    for r in range(rows.m):
        others = np.arange(rows.m) != r
        bounds = np.stack([rows.low, rows.high], axis=1)
        least = linprog(rows.A[r], -rows.A[others], rows.b[others], bounds=bounds)
        assert abs(least.fun + rows.b[r]) > 1e-7
        if least.fun + rows.b[r] < 0:
            found.add(r)
    return found


def test_points_are_sought_in_the_box():
    """Facets that can only be reached along the sides of the box."""
    gained = 0
    for seed in range(12):
        around = spanned(24, 8, seed, n=6)
        true, asked = facets_by_programs(around.rows), np.arange(24)
        plain = around.rows.shoot(around.x, around.span.basis @ around.nearest_beyond(asked)[0])
        boxed = around.rows.shoot(around.x, around.nearest_in_box(asked)[0])
        inside = {r for r in boxed.row.tolist() if r < 24}
        assert inside <= true
        gained += len(inside - set(plain.row.tolist()))
    assert gained > 3


@pytest.mark.parametrize(
    ("A", "low", "high", "unbounded"),
    [
        ([[1.0, 0], [0, 1]], [-np.inf] * 2, [np.inf] * 2, True),
        ([[1.0, 0], [0, 1], [-1, -1]], [-np.inf] * 2, [np.inf] * 2, False),
        ([[1.0, 0], [0, 1]], [-np.inf] * 2, [np.inf, 3.0], False),  # only along one side
        ([[1.0, 1]], [-2.0, -2], [np.inf, np.inf], True),
        ([[-1.0, -1]], [-2.0, -2], [np.inf, np.inf], False),
    ],
)
def test_escapes_only_where_unbounded(A, low, high, unbounded):
    A, low, high = np.array(A), np.array(low), np.array(high)
    m = len(A)
    rows = Rows(A, np.ones(m), np.abs(A).sum(axis=1) + 1, np.zeros(m), low, high)
    angles = np.linspace(0, 2 * np.pi, 33)
    assert any(rows.escapes(np.array([np.cos(t), np.sin(t)])) for t in angles) == unbounded
    assert not rows.escapes(np.zeros(2))
    assert not rows.escapes(np.array([np.nan, 1.0]))


def he_network(seed: int, *widths: int) -> Network:
    rng = np.random.default_rng(seed)
    pairs = [
        (rng.normal(size=(n, m)) * np.sqrt(2 / m), rng.normal(size=n) / 2)
        for m, n in pairwise(widths)
    ]
    return Network.from_layers([*pairs, (rng.normal(size=(3, widths[-1])), np.zeros(3))])


def rows_of(region, low: float, high: float) -> Rows:
    """From the network alone: the affine forms of all neurons on a region of a ReLU network."""
    net, x = region.graph.network, region.witness
    forms, rows = np.eye(len(x) + 1)[:-1], []
    at = np.append(x, 1.0)
    for layer in net.layers[:-1]:
        forms = layer.weight @ forms
        forms[:, -1] += layer.bias
        signs = np.sign(forms @ at)
        rows.append(forms * signs[:, None])
        forms = forms * (signs > 0)[:, None]
    table = np.concatenate(rows)
    d = len(x)
    return Rows(table[:, :-1], table[:, -1], np.ones(len(table)), np.zeros(len(table)),
                np.full(d, low), np.full(d, high))  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_facets_in_many_dimensions_are_those_of_linear_programs(seed):
    net = he_network(seed, 70, 10, 12)
    start = np.where(np.random.default_rng(seed).random(70) < 0.6, 0.0, 0.7)
    G = regions(net, Box(0, 1, dim=70), start=start, limits=Limits(regions=12))
    redundant = 0
    for region in G:
        here = slice(*G.indptr[region.index : region.index + 2])
        true = facets_by_programs(rows_of(region, 0.0, 1.0))
        assert (G.neighbor[here] != DOMAIN_WALL).sum() == len(true)
        redundant += 22 - len(true)
    assert redundant > 0


def test_unbounded_regions_in_many_dimensions():
    """Of 140 or 200 hyperplanes in R^70: nearly all regions are unbounded, or few."""
    for n, some in ((100, True), (260, False)):
        rng = np.random.default_rng(n)
        net = Network.from_layers(
            [(rng.normal(size=(n, 70)), rng.normal(size=n)), ([[1] * n], [0])]
        )
        G = regions(net, Space(70), start=np.zeros(70), limits=Limits(regions=2))
        for region in G:
            signs = 2.0 * region.pattern - 1
            A = net.layers[0].weight * signs[:, None]
            cone = linprog(-np.sum(A, axis=0), -A, np.zeros(n), bounds=[(-1, 1)] * 70)
            assert bool(G.unbounded[region.index]) == (cone.fun < -1e-9) == some
