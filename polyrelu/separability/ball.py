"""The ball degree of Zhong and Lyu: 1 - z, z the radius of the smallest ball around the unit vectors
m / |m| of all differences m = a - b.

The vectors have length 1, so z^2 = 1 - rho^2, where rho is the distance of their convex hull from
the origin: the greatest margin, over unit directions w, of all ``<w, m> / |m|``. It is positive iff
the sets are linearly separable. A point of the hull bounds rho from above, a direction from below.
"""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np

from ..limits import Limits
from ..network import Array
from ..queries.singular import root_of, root_up
from ..rational import IntegerRow, dot
from .alternative import gordan
from .linear import separating_direction
from .measure import SeparabilityMeasure
from .points import PointSets, PointsLike, point_sets

UNIT = 2.0**-53
STEPS = 400  # of the active-set method: each takes one pair in
BLOCK = 1 << 22  # entries that are looked at together
TOLERANCE = 1e-13  # at which the iteration is content; bounds do not depend on it


def ball_degree(
    a: PointsLike, b: PointsLike, *, limits: Limits | None = None
) -> SeparabilityMeasure:
    """1 - z: 0 iff the sets are not linearly separable, and near to 1 if all a - b are nearly parallel.

    Whether it is positive is decided exactly (:func:`polyrelu.is_linearly_separable`); its value is
    algebraic and has proved bounds, some 1e-12 apart. It depends on the metric: it does not change
    with translations, rotations and scale, but with other linear maps.

    Args:
        a, b: shape (n, dim) and (m, dim): float64, or fractions.
        limits: ``seconds``: stop there and answer with the bounds reached.

    Returns:
        ``stats["radius"]`` has bounds on z. ``direction`` attains the margin of ``low``.

    Raises:
        PointsError: an empty set, different dimensions, NaN, infinity.

    The cost: some tens of passes over all P pairs, in blocks (nothing of size P is kept). Source:
    Zhong and Lyu (TPAMI 2024); that z^2 = 1 - rho^2 is proved in docs/separability.md.
    """
    began = time.monotonic()
    sets = point_sets(a, b)
    w = separating_direction(sets) if sets.rank else None
    if w is None:
        zero = Fraction(0)
        return SeparabilityMeasure.between("ball", zero, zero, None, "not linearly separable",
                                           radius=(1.0, 1.0))  # fmt: skip
    low, direction, high, steps = _Margin(sets, w, limits or Limits(), began).run()
    least, most = 1 - high * high, 1 - low * low  # of the radius squared
    radius = (root_of(least) if least > 0 else Fraction(0), Fraction(root_up(most)))
    return SeparabilityMeasure.between(
        "ball", max(1 - radius[1], Fraction(0)), 1 - radius[0], _full(sets, direction),
        "nearest point of the hull of unit differences",
        radius=(float(radius[0]), float(radius[1])), steps=steps, seconds=time.monotonic() - began,
    )  # fmt: skip
