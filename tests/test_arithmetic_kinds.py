"""Balls: what is computed in rationals lies within them, also where float64 ends."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from polyrelu.queries.arithmetic import Balls, exactly, from_fractions, stacked, to_fractions
from polyrelu.queries.singular import Bounds

sizes = st.sampled_from([0.0, 5e-324, 1e-310, 1e-160, 1e-9, 0.1, 1.0, 3.0, 1e9, 1e160, 1e300])
numbers = st.builds(lambda v, s, m: v * s * m, sizes, st.sampled_from([-1, 1]),
                    st.floats(0.5, 1.0))  # fmt: skip
tables = st.lists(numbers, min_size=12, max_size=12)


def assert_holds(balls: Balls, exact) -> None:
    """Within the radius (the rounding outward of low and high would hide an error of one ulp)."""
    exact = to_fractions(exact).ravel()
    known = np.isfinite(balls.mid.ravel()) & np.isfinite(balls.rad.ravel())
    for mid, rad, v, sure in zip(balls.mid.ravel(), balls.rad.ravel(), exact, known, strict=True):
        assert not sure or abs(Fraction(float(mid)) - v) <= Fraction(float(rad))
    for low, v, high in zip(balls.low.ravel(), exact, balls.high.ravel(), strict=True):
        assert low == -np.inf or Fraction(float(low)) <= v
        assert high == np.inf or v <= Fraction(float(high))


@settings(deadline=None, max_examples=200)
@given(tables, tables, st.lists(st.floats(0, 1e-3), min_size=12, max_size=12))
def test_operations_hold_what_is_exact(left, right, radii):
    a, b = np.reshape(left, (3, 4)), np.reshape(right, (3, 4))
    # True numbers at the ends of their balls, or near them.
    rad = np.abs(b) * np.reshape(radii, (3, 4))
    ball = Balls(b, rad)
    x, y = exactly(a, "exact"), exactly(b, "exact") + exactly(rad, "exact")
    start = Balls(a, np.zeros((3, 4)))
    for made, exact in (
        (start + ball, x + y), (a + ball, x + y), (start - ball, x - y), (a - ball, x - y),
        (start * ball, x * y), (ball * a, x * y), (start @ ball.T, x @ y.T), (a @ ball.T, x @ y.T),
        (ball @ a.T, y @ x.T), (ball.sum(1), y.sum(1)), (ball / 3, y / 3), (-ball, -y),
        (ball.repeat(2, 0), y.repeat(2, 0)), (stacked([a, ball]), stacked([x, y])),
        (ball[1:, [0, 2]], y[1:, [0, 2]]), (ball.reshape(4, 3), y.reshape(4, 3)),
        (Balls.between(ball.low, ball.high), y),
    ):  # fmt: skip
        assert_holds(made, exact)
    assert_holds(ball.over(Bounds(3.0, 3.5)), y / exactly(np.array([3.25]), "exact"))


def test_where_nothing_is_known():
    balls = Balls(np.array([1.0, -1.0, 1.0, np.nan, 5e-324]), np.array([0.5, 0.5, 1.0, 0, 0]))
    assert balls.high[3] == np.inf
    overflowed = Balls(np.array([[-1e300, 1e9]]), np.zeros((1, 2))) @ np.array([[1e9], [1e300]])
    assert (overflowed.low[0, 0], overflowed.high[0, 0]) == (-np.inf, np.inf)  # 0, in truth
    assert balls.low[3] == -np.inf
    assert (balls.low > 0).tolist() == [True, False, False, False, False]
    assert Balls(np.ones(1), np.zeros(1)).over(Bounds(0.0, 1.0)).high[0] == np.inf


def test_fractions_are_rounded_with_a_bound():
    third = [[Fraction(1, 3), Fraction(1, 2)]]
    assert_holds(from_fractions(third, "bounds"), from_fractions(third, "exact"))
    assert isinstance(from_fractions([[Fraction(1, 2)]], "bounds"), np.ndarray)
    tiny = [[Fraction(1, 10**400), Fraction(1, 3 * 10**310)]]
    assert_holds(from_fractions(tiny, "bounds"), from_fractions(tiny, "exact"))


def test_what_underflows_is_accounted_for():
    """Products below 2^-1074, and sizes below it times a large factor."""
    for a, b in ((1e-200, 1e-200), (1e300, 3 * 5e-324), (5e-324, 0.3), (1e200, 7e-320)):
        left, right = np.array([[a, a]]), np.array([[b], [b]])
        exact = exactly(left, "exact") @ exactly(right, "exact")
        assert_holds(Balls(left, np.zeros((1, 2))) @ right, exact)
        assert_holds(Balls(left, np.zeros((1, 2))) * right.T, exactly(left, "exact")
                     * exactly(right.T, "exact"))  # fmt: skip
