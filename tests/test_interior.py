"""Linear programs in a box by interior points, against HiGHS."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from polyrelu.engine.interior import iterates


def program(m: int, d: int, seed: int) -> tuple:
    """A form, rows that are positive at 0, bounds around it."""
    rng = np.random.default_rng(seed)
    A, b = rng.normal(size=(m, d)), rng.random(m) + 0.1
    return (rng.normal(size=d), 3.0), A, b, -rng.random(d) - 0.1, rng.random(d) + 0.1


@pytest.mark.parametrize(("m", "d"), [(0, 3), (1, 1), (5, 40), (40, 5), (12, 12)])
def test_bounds_on_both_sides_meet_at_the_minimum(m, d):
    for seed in range(5):
        form, A, b, low, high = program(m, d, seed)
        found = linprog(form[0], -A, b, bounds=np.stack([low, high], axis=1))
        least = found.fun + form[1]
        steps = list(iterates(form, A, b, low, high, np.zeros(d)))
        for point, multipliers, value, bound in steps:
            assert (A @ point + b > 0).all()
            assert ((low < point) & (point < high)).all()
            assert (multipliers >= 0).all()
            assert value == pytest.approx(form[0] @ point + form[1])
            assert bound <= least + 1e-9
            assert value >= least - 1e-9
        assert steps[-1].value == pytest.approx(least, abs=1e-6)
        assert steps[-1].bound == pytest.approx(least, abs=1e-6)
        assert len(steps) < 25


def test_what_overflows_ends_it():
    form, A, b, low, high = program(4, 6, 0)
    with np.errstate(all="ignore"):
        assert not list(iterates((form[0] * 1e300, 1e308), A * 1e200, b, low, high, np.zeros(6)))
