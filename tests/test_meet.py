"""Rays and points of many rows at once, against rational arithmetic."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from polyrelu.engine.shoot import Rows


def region(m: int, d: int, seed: int, exponent: int = 0) -> Rows:
    """Rows that are positive at 0, bounds around it on some sides."""
    rng = np.random.default_rng(seed)
    A, b = rng.normal(size=(m, d)), (rng.random(m) + 0.05) * 2.0**exponent
    low, high = (
        np.where(rng.random(d) < 0.8, rng.random(d) + 0.1, np.inf) * 2.0**exponent for _ in range(2)
    )
    norm = (np.abs(A).sum(axis=1) + np.abs(b)) * (1 + 1e-9)
    return Rows(A, b, norm, np.zeros(m), -low, high)


def values_at(rows: Rows, x: np.ndarray) -> list[Fraction]:
    """Of all rows, bounds included; 1 where there is no bound."""
    point = [Fraction(v) for v in x.tolist()]
    forms = zip(rows.A.tolist(), rows.b.tolist(), strict=True)
    inner = [
        sum((Fraction(a) * v for a, v in zip(g, point, strict=True)), Fraction(c)) for g, c in forms
    ]
    ends = [*zip(point, rows.low.tolist(), strict=True)], [*zip(point, rows.high, strict=True)]
    below = [v - Fraction(b) if np.isfinite(b) else Fraction(1) for v, b in ends[0]]
    above = [Fraction(float(b)) - v if np.isfinite(b) else Fraction(1) for v, b in ends[1]]
    return [*inner, *below, *above]


def is_beyond_alone(rows: Rows, x: np.ndarray, r: int) -> bool:
    return [v <= 0 for v in values_at(rows, x)] == [i == r for i in range(len(values_at(rows, x)))]


@pytest.mark.parametrize(("m", "d"), [(0, 3), (1, 1), (6, 4), (5, 9)])
@pytest.mark.parametrize("seed", range(4))
def test_rays_end_beyond_the_row_that_they_meet_first(m, d, seed):
    rows, rng = region(m, d, seed), np.random.default_rng(seed)
    x, directions = np.zeros(d), rng.normal(size=(d, 12))
    hits = rows.shoot(x, directions)
    assert all(is_beyond_alone(rows, p, r) for p, r in zip(hits.point.T, hits.row, strict=True))
    for k in range(12):
        values = np.array(values_at(rows, x), dtype=float)
        slopes = values - np.array(values_at(rows, directions[:, k]), dtype=float)
        t = np.where(slopes > 1e-12, values / np.maximum(slopes, 1e-12), np.inf)
        if np.isfinite(t).any():
            assert t.argmin() in hits.row
    assert len(hits.row) <= 12


@pytest.mark.parametrize("seed", range(8))
def test_points_too_near_to_a_row_are_not_certain(seed):
    everywhere = np.full(5, np.inf)
    rows = replace(region(4, 5, seed), low=-everywhere, high=everywhere)
    direction = np.linalg.lstsq(rows.A, -rows.b, rcond=None)[0][:, None]  # where all rows meet
    assert len(rows.shoot(np.zeros(5), direction).row) == 0


def facets_along_axes(rows: Rows, x: np.ndarray) -> np.ndarray:
    metric = rows.metric(x)
    return rows.shoot_along_axes(x, lambda used: metric(rows.A[used].T))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("exponent", [0, -40])
def test_bounds_that_are_met_along_axes_are_facets(seed, exponent):
    rows, d = region(3, 6, seed, exponent), 6
    x = np.zeros(d)
    found = facets_along_axes(rows, x)
    assert np.isfinite(np.concatenate([rows.low, rows.high])[found - rows.m]).all()
    from_here = rows._met_along_axes(x[None], np.zeros(2 * d, dtype=np.int64))[0]
    assert set(rows.m + np.flatnonzero(from_here)) <= set(found)
    for r in rows.m + np.flatnonzero(from_here):
        beyond = x.copy()
        beyond[(r - rows.m) % d] = (65 / 64) * np.concatenate([rows.low, rows.high])[r - rows.m]
        assert is_beyond_alone(rows, beyond, r)
    for r in set(range(rows.m, rows.m + 2 * d)) - set(found):
        assert not rows.is_redundant(r, np.zeros(rows.m)) or not np.isfinite(
            np.concatenate([rows.low, rows.high])[r - rows.m]
        )


def test_more_bounds_are_met_from_further_inside_of_the_row_in_the_way():
    """x + y > 0.1 - epsilon hides the lower sides of the unit square from (0.06, 0.06)."""
    one = np.ones(2)
    rows = Rows(one[None], np.array([-0.1]), np.array([2.1]), np.zeros(1), np.zeros(2), one)
    x = np.array([0.06, 0.06])
    assert not rows._met_along_axes(x[None], np.array([0, 0, -1, -1]))[0].any()
    assert facets_along_axes(rows, x).tolist() == [1, 2, 3, 4]


def test_a_row_that_is_doubtful_certifies_nothing():
    rows = region(3, 4, 0)
    doubtful = replace(rows, error=np.full(3, 10.0))
    assert len(facets_along_axes(rows, np.zeros(4)))
    assert len(facets_along_axes(doubtful, np.zeros(4))) == 0
    assert len(doubtful.shoot(np.zeros(4), -rows.A.T).row) == 0
