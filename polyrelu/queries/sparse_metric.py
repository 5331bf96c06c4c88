"""Sparse metrics that make the similarity gap greatest.

The mean gap is linear in a diagonal metric: ``sum of g_i c_i`` with ``c_i = E_x[psi_i(x)
(E[psi_i | same] - E[psi_i | different])]``, which needs no more than the sums of features over
classes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..errors import PolyreluError
from .arithmetic import Balls, Numbers
from .kernels import LabelledFeatures
from .metrics import DiagonalMetric, from_tables
from .similarity import check_classes
from .tangent import parameter_blocks, total

Places = npt.NDArray[np.int64]


def sparse_metric(
    data: LabelledFeatures, size: int, *, leave_one_out: bool = False
) -> DiagonalMetric:
    """The diagonal 0/1 metric with at most ``size`` ones whose mean similarity gap is greatest.

    Those are the ``size`` greatest gains c_i that are positive; if none is, the greatest one. Ties
    go to the earlier parameter. Divided by the trace, its mean gap is never less than that of the
    uniform metric: a mean of the greatest is at least the mean of all. The choice is exact; where
    rounding leaves it open, rationals decide.

    Args:
        leave_one_out: as of :func:`polyrelu.similarity_gap`.

    Raises:
        PolyreluError: a size that is not a positive whole number; classes as there.

    The cost is linear in points and parameters.
    """
    check_classes(data, leave_one_out)
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise PolyreluError(f"size must be a positive whole number, not {size!r}")
    gains = coordinate_gains(data, leave_one_out)
    chosen = _greatest(gains, int(size), lambda at: _exact_gains(data, at, leave_one_out))
    return DiagonalMetric.sparse(data.network, chosen)


def coordinate_gains(data: LabelledFeatures, leave_one_out: bool = False) -> Balls:
    """c_i of every parameter, in the order of :func:`polyrelu.parameter_blocks`, with bounds."""
    features = data.bounded
    blocks: list[list[Numbers]] = [[] for _ in features.inputs]
    for c, count in enumerate(data.counts.tolist()):
        mine = data.members(c)
        same, other = features.summed(mine), features.summed(~mine)
        squares = features.summed_squares(mine) if leave_one_out else None
        for k, found in enumerate(blocks):
            own = same[k] * same[k]
            if squares is not None:
                own = own - squares[k]
            found.append(_gain(own, same[k] * other[k], count, len(data), leave_one_out))
    tables = [
        total(found).reshape(features.outputs, -1, inputs.shape[1]).sum(0)
        for found, inputs in zip(blocks, features.inputs, strict=True)
    ]
    return Balls(from_tables([t.mid for t in tables]), from_tables([t.rad for t in tables]))


def _gain(own: Numbers, mixed: Numbers, count: int, points: int, leave_one_out: bool) -> Numbers:
    """What a class adds to the mean gap of a coordinate: from the sum of psi(x) psi(x') over its
    pairs, and that over pairs of which x' is of another class."""
    return (own / (count - leave_one_out) - mixed / (points - count)) / points


def _exact_gains(data: LabelledFeatures, at: Places, leave_one_out: bool) -> list[Numbers]:
    """The same for some coordinates, in rationals."""
    columns = [_coordinate(data, i) for i in at.tolist()]
    gains = []
    for psi in columns:  # shape (n, outputs)
        parts = []
        for c, count in enumerate(data.counts.tolist()):
            mine = data.members(c)
            same, other = psi[mine].sum(0), psi[~mine].sum(0)
            own = same * same
            if leave_one_out:
                own = own - (psi[mine] * psi[mine]).sum(0)
            parts.append(_gain(own, same * other, count, len(data), leave_one_out))
        gains.append(total(parts).sum(0))
    return gains


def _coordinate(data: LabelledFeatures, index: int) -> Numbers:
    """One coordinate of the exact features of every output, shape (n, outputs)."""
    blocks = parameter_blocks(data.network)
    k = next(k for k, block in enumerate(blocks) if index < block.start + block.size)
    (n_out, n_in), place = blocks[k].shape, index - blocks[k].start
    row, column = divmod(place, n_in) if place < n_out * n_in else (place - n_out * n_in, n_in)
    return data.exact.deltas[k][:, row::n_out] * data.exact.inputs[k][:, column : column + 1]


def _greatest(gains: Balls, size: int, exactly: Callable[[Places], list[Numbers]]) -> Places:
    """Places of the ``size`` greatest positive numbers; if none is positive, of the greatest."""
    low, high = gains.low, gains.high
    least = np.sort(low)[-size] if size <= len(low) else -np.inf
    rival = np.sort(high)[-size - 1] if size < len(high) else -np.inf
    certain = (low > rival) & (low > 0)
    doubtful = np.flatnonzero(~certain & (high >= least) & (high > 0))
    chosen = np.flatnonzero(certain).tolist()
    values = dict(zip(doubtful.tolist(), exactly(doubtful), strict=True))
    order = sorted((i for i, v in values.items() if v > 0), key=lambda i: (-values[i], i))
    chosen += order[: size - len(chosen)]
    if not chosen:
        best = np.flatnonzero(high >= low.max())
        exact = exactly(best)
        chosen = [int(best[max(range(len(best)), key=lambda i: (exact[i], -i))])]
    return np.array(sorted(chosen), dtype=np.int64)
