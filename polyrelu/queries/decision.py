"""The decision of a network as further thresholds: between classes, the greatest output.

Classes challenge the greatest so far, one after the other (:mod:`polyrelu.challenges`). The bits
tell who wins, a tie goes to the earlier one, and with K classes there are K - 1 thresholds. A
single output is one match between "at most the level" and "above it".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..activations import PiecewiseLinear, Real, exact
from ..challenges import first_challenge, next_challenge
from ..engine.kernel import UNIT
from ..errors import NetworkError
from ..network import Affine, Layer, Network
from .values import TINY, homogeneous_values, rounded_values

Winners = npt.NDArray[np.int64]
SAMPLES, BATCH = 256, 64


@dataclass(frozen=True)
class Decision:
    """A network, and the classes between which it decides.

    Attributes:
        network: the network that is asked about.
        extended: the same with a threshold for each match, which are its last ones.
        classes: numbers of outputs; for a single output (0, 1): at most the level, above it.
        level: of a single output, else None.
        order: indices into ``classes``: the first defends, the others challenge in turn.
    """

    network: Network
    extended: Network
    classes: tuple[int, ...]
    level: Fraction | None
    order: tuple[int, ...]

    @property
    def first(self) -> int:
        """The number of the first match's threshold."""
        return len(self.network.thresholds)

    def winners(self, packed: npt.NDArray[np.uint8]) -> Winners:
        """The winner of each packed pattern of the extended network: an index into ``classes``."""
        bytes_before, bits_before = divmod(self.first, 8)
        bits = np.unpackbits(packed[:, bytes_before:], axis=1, bitorder="little")[:, bits_before:]
        winner = np.full(len(packed), self.order[0])
        for t, challenger in enumerate(self.order[1:]):
            winner[bits[:, t] == 1] = challenger
        return winner

    def matches_of(self, winner: int) -> range:
        """The thresholds of the matches that a class (by its index) has played if it wins: its
        challenge, and all later ones."""
        place = self.order.index(winner)
        return range(self.first + max(place - 1, 0), self.first + len(self.order) - 1)

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
    if _level(level) != 0:
        raise NetworkError("level= is for a network with one output; several are compared")
    chosen = tuple(range(outputs)) if classes is None else _checked(classes, outputs)
    order = _strongest_first(network, chosen)
    layers = _challenges(network, [chosen[k] for k in order])
    extended = Network(layers, network.input_box, network.notes)
    return Decision(network, extended, chosen, None, order)


def _level(level: Real) -> Fraction:
    try:
        return exact(level)
    except (TypeError, ValueError, OverflowError):
        raise NetworkError(f"level must be a finite number, not {level!r}") from None


def _checked(classes: Sequence[int], outputs: int) -> tuple[int, ...]:
    try:
        chosen = tuple(int(c) for c in classes)
        whole = all(c == d for c, d in zip(chosen, classes, strict=True))
    except (TypeError, ValueError, OverflowError):
        raise NetworkError(f"classes must be numbers of outputs, not {classes!r}") from None
    if not whole or len(set(chosen)) != len(chosen) or len(chosen) < 2:
        raise NetworkError(f"classes must be two or more different outputs, not {classes!r}")
    if not all(0 <= c < outputs for c in chosen):
        raise NetworkError(f"classes must be 0 to {outputs - 1}, not {classes!r}")
    return chosen


def _by_level(network: Network, level: Fraction) -> Decision:
    unit = PiecewiseLinear((level,), (0, 1), 0)
    layers = followed(network, Affine(np.eye(1), np.zeros(1)), [unit])
    extended = Network(layers, network.input_box, network.notes)
    return Decision(network, extended, (0, 1), level, (0, 1))


def followed(
    network: Network, factor: Affine, units: Sequence[PiecewiseLinear]
) -> tuple[Layer, ...]:
    """The layers of a network, then an affine map and units; one layer fewer if its last has no
    units."""
    last = network.layers[-1]
    if all(unit.is_identity for unit in last.units):
        return *network.layers[:-1], Layer([*last.factors, factor], units)
    return *network.layers, Layer([factor], units)


def _strongest_first(network: Network, classes: tuple[int, ...]) -> tuple[int, ...]:
    """Who wins most often goes first: then few regions are cut where neither side wins in the end.
    By samples, as another order costs only time."""
    points = np.random.default_rng(0).uniform(-1.0, 1.0, size=(SAMPLES, network.input_dim))
    box = network.input_box
    if box is not None:
        points = (box.low + box.high) / 2 + points * (box.high - box.low) / 2
    with np.errstate(all="ignore"):
        # Few at a time: products that are spread over threads leave these spinning.
        values = np.concatenate([network(some) for some in np.split(points, SAMPLES // BATCH)])
    wins = np.bincount(values[:, classes].argmax(axis=1), minlength=len(classes))
    return tuple(np.argsort(-wins, kind="stable").tolist())


def _challenges(network: Network, classes: Sequence[int]) -> tuple[Layer, ...]:
    """The layers of the extended network."""
    values = np.eye(network.output_dim)[list(classes)]
    layers = followed(network, *first_challenge(values))
    return *layers, *(next_challenge(left) for left in range(len(classes), 2, -1))
