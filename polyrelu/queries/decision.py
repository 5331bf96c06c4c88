"""The decision of a network as further thresholds: between classes, the greatest output.

Classes meet in a knock-out tournament of ``left + relu(right - left)``. Its bits tell the winner, a
tie goes to the class that comes first, and with K classes there are K - 1 thresholds. A single
output is one match between "at most the level" and "above it".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..activations import PiecewiseLinear, Real, exact, identity, relu
from ..engine.kernel import UNIT
from ..errors import NetworkError
from ..network import Affine, Layer, Network
from .values import TINY, homogeneous_values, rounded_values

Winners = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Decision:
    """A network, and the classes between which it decides.

    Attributes:
        network: the network that is asked about.
        extended: the same with the tournament's thresholds, which are its last ones.
        classes: numbers of outputs; for a single output (0, 1): at most the level, above it.
        level: of a single output, else None.
        matches: the classes (first, second) of the leftmost leaves of each match's two sides, in
            the order of the thresholds, with all classes of each side.
    """

    network: Network
    extended: Network
    classes: tuple[int, ...]
    level: Fraction | None
    matches: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]

    @property
    def first(self) -> int:
        """The number of the tournament's first threshold."""
        return len(self.network.thresholds)

    def winners(self, packed: npt.NDArray[np.uint8]) -> Winners:
        """The winner of each packed pattern of the extended network: an index into ``classes``."""
        bits = np.unpackbits(packed, axis=1, bitorder="little")[:, self.first :]
        place = {c: np.full(len(packed), k) for k, c in enumerate(self.classes)}
        winner = place[self.classes[0]]
        for t, (left, right) in enumerate(self.matches):
            winner = np.where(bits[:, t] == 1, place[right[0]], place[left[0]])
            place[left[0]] = winner
        return winner

    def on_path(self) -> list[set[int]]:
        """For each class (by its index) the thresholds of the matches that it may play."""
        return [
            {self.first + t for t, sides in enumerate(self.matches) if any(c in s for s in sides)}
            for c in self.classes
        ]

    def forms_at(self, values: Sequence[int]) -> list[int]:
        """What the classes compare, from the network's homogeneous outputs (y, w): one number for
        each class; the greatest wins."""
        if self.level is None:
            return [values[c] for c in self.classes]
        return [self.level.numerator * values[-1], self.level.denominator * values[0]]

    def winners_at(self, generators: Sequence[Sequence[int]]) -> list[int]:
        """The classes that win at homogeneous points, or in the end along directions, as bits."""
        values, error, is_ray = rounded_values(self.network, generators)
        if self.level is None:
            y, off = values[:, self.classes], error[:, self.classes]
        else:
            level = np.where(is_ray, 0.0, float(self.level))
            y = np.stack([level, values[:, 0]], axis=1)
            off = np.stack([UNIT * np.abs(level), error[:, 0]], axis=1)
        with np.errstate(all="ignore"):
            low, high = y - 2 * off - TINY, y + 2 * off + TINY
            may = ~(high < low.max(axis=1, keepdims=True))  # also where it is not a number
        bits = [1 << k for k in may.argmax(axis=1).tolist()]
        open_rows = np.flatnonzero(may.sum(axis=1) > 1).tolist()
        exact_values = homogeneous_values(self.network, [generators[i] for i in open_rows])
        for i, outputs in zip(open_rows, map(self.forms_at, exact_values), strict=True):
            most = max(outputs)
            bits[i] = sum(1 << k for k, y in enumerate(outputs) if y == most)
        return bits


def decision(network: Network, classes: Sequence[int] | None = None, level: Real = 0) -> Decision:
    """See :func:`polyrelu.decision_boundary`.

    Raises:
        NetworkError: classes that are not there or fewer than two, a level with several outputs.
    """
    outputs = network.output_dim
    if outputs == 1:
        if classes is not None:
            raise NetworkError("a network with one output decides by its level; leave classes out")
        return _by_level(network, _level(level))
    if exact(level) != 0:
        raise NetworkError("level= is for a network with one output; several are compared")
    chosen = tuple(range(outputs)) if classes is None else _checked(classes, outputs)
    layers, matches = _tournament(network, chosen)
    extended = Network(layers, network.input_box, network.notes)
    return Decision(network, extended, chosen, None, matches)


def _level(level: Real) -> Fraction:
    try:
        return exact(level)
    except (TypeError, ValueError, OverflowError):
        raise NetworkError(f"level must be a finite number, not {level!r}") from None


def _checked(classes: Sequence[int], outputs: int) -> tuple[int, ...]:
    try:
        chosen = tuple(int(c) for c in classes)
        whole = all(c == d for c, d in zip(chosen, classes, strict=True))
    except (TypeError, ValueError):
        raise NetworkError(f"classes must be numbers of outputs, not {classes!r}") from None
    if not whole or len(set(chosen)) != len(chosen) or len(chosen) < 2:
        raise NetworkError(f"classes must be two or more different outputs, not {classes!r}")
    if not all(0 <= c < outputs for c in chosen):
        raise NetworkError(f"classes must be 0 to {outputs - 1}, not {classes!r}")
    return chosen


def _by_level(network: Network, level: Fraction) -> Decision:
    unit = PiecewiseLinear((level,), (0, 1), 0)
    layers = _followed(network, Affine(np.eye(1), np.zeros(1)), [unit])
    extended = Network(layers, network.input_box, network.notes)
    return Decision(network, extended, (0, 1), level, (((0,), (1,)),))


def _followed(
    network: Network, factor: Affine, units: Sequence[PiecewiseLinear]
) -> tuple[Layer, ...]:
    """The layers of a network, then an affine map and units; one layer less if its last has no
    units."""
    last = network.layers[-1]
    if all(unit.is_identity for unit in last.units):
        return *network.layers[:-1], Layer([*last.factors, factor], units)
    return *network.layers, Layer([factor], units)


def _tournament(
    network: Network, classes: tuple[int, ...]
) -> tuple[tuple[Layer, ...], tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]]:
    """The extended layers, and the matches in the order of their thresholds.

    A round takes values v to (v1, v2 - v1, v3, v4 - v3, ...), of which the differences go through
    ReLU; sums of two are the values of the next round.
    """
    sides: list[tuple[int, ...]] = [(c,) for c in classes]
    matches: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    values = np.eye(network.output_dim)[list(classes)]
    layers = network.layers
    while len(sides) > 1:
        pairs = [sides[i : i + 2] for i in range(0, len(sides), 2)]
        weight, units = _round(values, len(sides))
        factor = Affine(weight, np.zeros(len(weight)))
        if not matches:
            layers = _followed(network, factor, units)
        else:
            layers = (*layers, Layer([factor], units))
        matches += [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]
        sides = [tuple(c for side in pair for c in side) for pair in pairs]
        starts = [2 * i for i in range(len(pairs))] + [len(weight)]
        values = np.array([
            [float(a <= j < b) for j in range(len(weight))] for a, b in pairwise(starts)
        ])  # fmt: skip
    return layers, tuple(matches)


def _round(
    values: npt.NDArray[np.float64], n: int
) -> tuple[npt.NDArray[np.float64], list[PiecewiseLinear]]:
    rows, units = [], []
    for i in range(0, n, 2):
        rows.append(values[i])
        units.append(identity())
        if i + 1 < n:
            rows.append(values[i + 1] - values[i])
            units.append(relu())
    return np.array(rows), units
