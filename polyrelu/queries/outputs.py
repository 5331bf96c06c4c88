"""Which output of a network is meant: one of them, or a linear combination."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..activations import exact
from ..errors import NetworkError
from ..rational import IntegerRow, integer_row

Output = int | Sequence[float | Fraction]


def output_weights(output: Output, outputs: int) -> tuple[Fraction, ...]:
    """The weights of a linear combination of outputs.

    Args:
        output: the index of one, or ``outputs`` weights.

    Raises:
        NetworkError: no such output; the wrong number of weights; weights that are not finite.
    """
    if isinstance(output, int | np.integer):
        if isinstance(output, bool) or not 0 <= output < outputs:
            raise NetworkError(f"output must be 0, ..., {outputs - 1}, not {output}")
        return tuple(Fraction(int(i == output)) for i in range(outputs))
    try:
        weights = tuple(exact(w) for w in output)
    except (TypeError, ValueError, OverflowError) as error:
        raise NetworkError(f"output must be an index or finite weights ({error})") from None
    if len(weights) != outputs:
        raise NetworkError(f"output must have {outputs} weights, not {len(weights)}")
    return weights


def combination(
    weights: Sequence[Fraction], form: Sequence[IntegerRow]
) -> tuple[IntegerRow, Fraction]:
    """The row of a linear combination of homogeneous output forms, and the number that divides it:
    the combination at x is ``row . (x, 1)`` over that number."""
    *whole, scale = integer_row([*weights, Fraction(1)])
    *rows, bottom = form
    row = [sum(w * v for w, v in zip(whole, column, strict=True))
           for column in zip(*rows, strict=True)]  # fmt: skip
    return row, Fraction(scale * bottom[-1])
