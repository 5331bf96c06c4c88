"""Where one row of a region is least: a primal-dual interior-point method.

In a box of hundreds of dimensions the bounds only add to a diagonal, so that a step takes one
system of the rows' number (Mehrotra 1992; Wright, Primal-Dual Interior-Point Methods, 1997). All
iterates are inside of the other rows, and the multipliers need not be exact, as bounds are charged
with what they leave: each iterate may already prove what is asked, and seldom is the last needed.

Nothing here is certain: whoever asks proves what an iterate suggests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

Array = np.ndarray

STEPS = 40
BOUNDARY = 0.95  # of the way to the first row, as far as a step goes
PRECISION = 2.0**-40  # of the first gap: whatever is not decided then is a tie


class Iterate(NamedTuple):
    """A point inside of all rows and bounds, and multipliers of the rows.

    Attributes:
        value: of the form at the point.
        bound: the least value that the multipliers leave possible.
    """

    point: Array
    multipliers: Array
    value: float
    bound: float


def iterates(
    form: tuple[Array, float], A: Array, b: Array, low: Array, high: Array, x: Array
) -> Iterator[Iterate]:
    """Towards the least ``a . x + constant`` where ``A x + b > 0`` and ``low < x < high``.

    Args:
        form: a and the constant.
        low, high: finite.
        x: a point inside, the nearer to the centre the better.
    """
    a, constant = form
    slack = np.concatenate([A @ x + b, x - low, high - x])
    m, d = A.shape
    mu = abs(float(a @ x) + constant)  # here the Dikin ellipsoid is as wide as the step is long
    dual = mu / slack
    for _ in range(STEPS):
        try:
            step = _Step(a, A, slack, dual)
        except LinAlgError:
            return
        aim = _aim(slack, dual, *step.towards(np.zeros(len(slack))))
        change, dual_change = step.towards(aim)
        t = BOUNDARY * _length(slack, change, 1 / BOUNDARY)
        x = x + t * change[m : m + d]
        dual = dual + BOUNDARY * _length(dual, dual_change, 1 / BOUNDARY) * dual_change
        slack = np.concatenate([A @ x + b, x - low, high - x])
        y = dual[:m]
        rest = a - y @ A
        bound = np.minimum(rest * low, rest * high).sum() + constant - y @ b
        value = float(a @ x) + constant
        if not (np.isfinite(bound) and (slack > 0).all()):
            return
        yield Iterate(x, y, value, float(bound))
        if value - bound < PRECISION * mu:
            return


def _aim(slack: Array, dual: Array, ahead: Array, dual_ahead: Array) -> Array:
    """For the products of slacks and dual: less, the further the step that makes them 0 can go,
    and corrected for its second order (Mehrotra)."""
    gap = float(slack @ dual)
    left = slack + _length(slack, ahead) * ahead
    reduced = float(left @ (dual + _length(dual, dual_ahead) * dual_ahead))
    products: Array = (reduced / gap) ** 3 * gap / len(slack) - ahead * dual_ahead
    return products


class _Step:
    """The Newton system of one step, factorised."""

    def __init__(self, a: Array, A: Array, slack: Array, dual: Array) -> None:
        self.a, self.A, self.slack, self.dual = a, A, slack, dual
        m, d = A.shape
        weight = dual / slack
        self.weight = weight
        self.diagonal = weight[m : m + d] + weight[m + d :]
        self.scaled = A / self.diagonal if m < d else None
        if self.scaled is not None:  # Woodbury: a system of the rows' number
            inner = self.scaled @ A.T
            inner[np.diag_indices(m)] += 1 / weight[:m]
        else:
            inner = (A * weight[:m, None]).T @ A
            inner[np.diag_indices(d)] += self.diagonal
        self.factor = cho_factor(inner, overwrite_a=True, check_finite=False)

    def towards(self, aim: Array) -> tuple[Array, Array]:
        """Changes of slacks and dual that make their products ``aim``, to first order."""
        m, d = self.A.shape
        pull = aim / self.slack
        force = pull[:m] @ self.A + pull[m : m + d] - pull[m + d :] - self.a
        if self.scaled is not None:  # the multipliers first: from x they would cancel near a vertex
            x = force / self.diagonal
            rows = cho_solve(self.factor, self.A @ x, check_finite=False)
            x = x - rows @ self.scaled
        else:
            x = cho_solve(self.factor, force, check_finite=False)
            rows = self.weight[:m] * (self.A @ x)
        bounds = self.weight[m:] * np.concatenate([x, -x])
        resisting = np.concatenate([rows, bounds])
        return resisting / self.weight, pull - self.dual - resisting


def _length(values: Array, change: Array, most: float = 1.0) -> float:
    """How far to go before one of the values is 0, ``most`` at most."""
    fall = float((-change / values).max(initial=0.0))
    return min(most, 1 / fall) if fall > 0 else most
