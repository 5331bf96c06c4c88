"""A segment in rational arithmetic: what vanishes where, for the pieces that float64 found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt
from flint import fmpz_mat

from ..network import Array, Network, quotient
from ..rational import integer_row
from .exact import activate

UNIT, LEAST = 2.0**-53, 2.0**-1074
REMEMBERED_FORMS = 64  # pieces of a layer, the last ones asked for


@dataclass(frozen=True)
class Origin:
    """What makes a point of the segment: a threshold of a layer on a piece, or an end.

    Attributes:
        depth: the layer's number; -1 for the start, -2 for the end.
        piece: the piece between the points that there were before the layer.
        threshold: the number within the layer.
    """

    depth: int
    piece: int = 0
    threshold: int = 0

    @classmethod
    def start(cls) -> Origin:
        return cls(-1)

    @classmethod
    def end(cls) -> Origin:
        return cls(-2)


class ExactLine:
    """The affine forms along a segment, composed in integers when they are asked for.

    Layers are added as they are cut (:meth:`push`); forms are homogeneous, of shape (units + 1, 2):
    they take (t, 1) to a positive multiple of (z, 1).
    """

    def __init__(
        self,
        network: Network,
        start: Sequence[float | Fraction],
        end: Sequence[float | Fraction],
    ) -> None:
        self.network, self._ends = network, (start, end)
        self._parents: list[npt.NDArray[np.int64]] = []
        self._bits: list[npt.NDArray[np.bool_]] = []
        self._forms: dict[tuple[int, int], fmpz_mat] = {}
        self._times: dict[Origin, Fraction] = {
            Origin.start(): Fraction(0),
            Origin.end(): Fraction(1),
        }
        self.rational_points = self.rational_orders = 0

    @property
    def depth(self) -> int:
        """How many layers were cut so far."""
        return len(self._parents)

    def push(self, parents: npt.NDArray[np.int64], bits: npt.NDArray[np.bool_]) -> None:
        """The next layer: for each piece after it the piece before, and its bits."""
        self._parents.append(parents)
        self._bits.append(bits)

    @cached_property
    def _embedding(self) -> fmpz_mat:
        """Takes (t, 1) to the input."""
        start, end = self._ends
        ends = [(Fraction(x), Fraction(y)) for x, y in zip(start, end, strict=True)]
        flat = [v for x, y in ends for v in (y - x, x)]
        *whole, scale = integer_row([*flat, Fraction(1)])
        return fmpz_mat([*([whole[i], whole[i + 1]] for i in range(0, len(whole), 2)), [0, scale]])

    def forms(self, depth: int, piece: int) -> fmpz_mat:
        """The pre-activations of a layer on a piece between the points before it."""
        key = (depth, piece)
        if key not in self._forms:
            layer = self.network.layers[depth].integer_matrix
            self._forms[key] = layer * self._outputs(depth - 1, piece)
            if len(self._forms) > REMEMBERED_FORMS * max(1, depth):
                del self._forms[next(iter(self._forms))]
        return self._forms[key]

    def _outputs(self, depth: int, piece: int) -> fmpz_mat:
        if depth < 0:
            return self._embedding
        units, bits = self.network.layers[depth].units, self._bits[depth][:, piece]
        forms = self.forms(depth, int(self._parents[depth][piece]))
        counts = np.array([len(unit.breakpoints) for unit in units])
        first = np.cumsum(counts) - counts
        on = [int(bits[a : a + n].sum()) for a, n in zip(first, counts, strict=True)]
        return activate(units, forms, on)

    def root(self, depth: int, piece: int, threshold: int) -> Fraction:
        """Where a threshold vanishes on the line of a piece."""
        unit, level = self.network.layers[depth].thresholds[threshold]
        forms = self.forms(depth, piece)
        last = forms.nrows() - 1
        p, q, scale = level.numerator, level.denominator, int(forms[last, 1])
        slope, constant = q * int(forms[unit, 0]), q * int(forms[unit, 1]) - p * scale
        return Fraction(-constant, slope)

    def time(self, origin: Origin) -> Fraction:
        """Where a point is, in [0, 1]."""
        if origin not in self._times:
            self._times[origin] = self.root(origin.depth, origin.piece, origin.threshold)
        return self._times[origin]

    def values(self, piece: int, origin: Origin) -> tuple[Array, Array, npt.NDArray[np.int8]]:
        """The next layer's pre-activations at an end of a piece, each rounded once, bounds on
        their errors, and the signs of its thresholds there."""
        self.rational_points += 1
        depth, time = self.depth, self.time(origin)
        column = fmpz_mat([[time.numerator], [time.denominator]])
        *values, scale = map(int, (self.forms(depth, piece) * column).entries())
        rounded = np.array([quotient(v, scale) for v in values])
        zero = np.array([v == 0 for v in values])
        signs = []
        for unit, level in self.network.layers[depth].thresholds:
            difference = level.denominator * values[unit] - level.numerator * scale
            signs.append((difference > 0) - (difference < 0))
        errors = np.where(zero, 0.0, UNIT * np.abs(rounded) + LEAST)
        return rounded, errors, np.array(signs, dtype=np.int8)
