"""Where everything stands in the kernel's arrays: what depends on shapes and units alone.

Networks of one architecture share it, unless their neurons share walls: worked out once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..activations import PiecewiseLinear, relu
from .kernel.names import UNIT
from .rounding import as_float, rounding
from .walls import Grouping, Wall

T = TypeVar("T")

RELU = relu()
REMEMBERED = 32  # architectures
LARGEST = 1 << 12  # neurons of one that is remembered


@dataclass(frozen=True)
class Layout:
    """The walls of a network and its thresholds.

    Attributes:
        walls: of layers 1, 2, ...
        threshold_wall, threshold_side: for each threshold of the network, its wall (counted
            from layer 1 on) and +1 or -1.
        fields: of :class:`.state.Program`, all that do not depend on weights.
        first_wall, first_unit: as in Program, as plain numbers.
        widest: units or walls in a layer, at most.
        bits: where the sign of each wall stands in the kernel's words from layer 1 on, shape
            (walls,).
    """

    walls: Sequence[Sequence[Wall]]
    threshold_wall: np.ndarray
    threshold_side: np.ndarray
    fields: dict[str, Any]
    first_wall: list[int]
    first_unit: list[int]
    widest: int

    @cached_property
    def bits(self) -> np.ndarray:
        first_wall, first_word = self.fields["first_wall"], self.fields["first_word"]
        starts = 64 * (first_word[1:-1] - first_word[1]) - (first_wall[1:-1] - first_wall[1])
        n = int(first_wall[-1] - first_wall[1])
        bits: np.ndarray = np.arange(n) + np.repeat(starts, np.diff(first_wall[1:]))
        return bits

    @cached_property
    def from_layer_1(self) -> np.ndarray:
        """The walls' numbers, counted from layer 1 on, those of the domain -1, -2, ..."""
        walls = np.arange(self.first_wall[-1], dtype=np.int32)
        first = np.int32(self.first_wall[1])
        return np.where(walls >= first, walls - first, np.int32(-1) - walls)

    @cached_property
    def is_narrow(self) -> bool:
        """Do layers that begin with words of their own take a word more than all walls need?"""
        return self.kernel_words * 64 - 64 >= len(self.bits)

    @cached_property
    def kernel_words(self) -> int:
        """From layer 1 on."""
        return int(self.fields["first_word"][-1] - self.fields["first_word"][1])

    @cached_property
    def found_words(self) -> int:
        """Of a found pattern."""
        return (len(self.bits) + 63) // 64 if self.is_narrow else self.kernel_words

    @cached_property
    def found_bits(self) -> np.ndarray:
        """As ``bits``, in found patterns, without gaps between narrow layers."""
        return np.arange(len(self.bits)) if self.is_narrow else self.bits

    @cached_property
    def wall_runs(self) -> Runs:
        """What leaves out the gaps."""
        return runs(self.bits, np.zeros(len(self.bits), dtype=bool))

    @cached_property
    def threshold_runs(self) -> Runs:
        """What makes the thresholds' bits of a found pattern."""
        return runs(self.found_bits[self.threshold_wall], self.threshold_side < 0)

    @cached_property
    def wall_names(self) -> np.ndarray:
        """For each wall the threshold that represents it."""
        names = np.zeros(len(self.bits), dtype=np.int32)
        for t in range(len(self.threshold_wall) - 1, -1, -1):
            if self.threshold_side[t] > 0:
                names[self.threshold_wall[t]] = t
        return names


class Runs(NamedTuple):
    """Bits that are taken from a row of words to another, in runs; those of some complemented."""

    n: int  # bits
    source: np.ndarray
    target: np.ndarray
    length: np.ndarray
    flip: np.ndarray

    @property
    def are_in_place(self) -> bool:
        return len(self.source) == 1 and self.source[0] == 0 and not self.flip[0]


def runs(source: np.ndarray, flip: np.ndarray) -> Runs:
    """From the bits ``source``, complemented where ``flip``, to 0, 1, ..."""
    n = len(source)
    goes_on = (np.diff(source) == 1) & (flip[1:] == flip[:-1])
    start = np.flatnonzero(np.concatenate([np.ones(min(n, 1), dtype=bool), ~goes_on]))
    return Runs(n, source[start], start, np.diff(start, append=n), flip[start])


def layout(
    units: Sequence[Sequence[PiecewiseLinear]],
    groupings: Sequence[Grouping | None],
    n_domain: int,
    n_auxiliary: int,
) -> Layout:
    """Of layers with these units.

    Args:
        groupings: for each layer which thresholds share walls; None: all units are ReLUs, and no
            two have a wall in common.
    """
    widths = tuple(map(len, units))
    if sum(widths) < LARGEST and not any(groupings):
        return _plain_layout(widths, n_domain, n_auxiliary)
    found = [g or own_walls(len(u)) for g, u in zip(groupings, units, strict=True)]
    return _layout(units, found, n_domain, n_auxiliary)


@lru_cache(REMEMBERED)
def _plain_layout(widths: tuple[int, ...], n_domain: int, n_auxiliary: int) -> Layout:
    units = [(RELU,) * n for n in widths]
    return _layout(units, [own_walls(n) for n in widths], n_domain, n_auxiliary)


def own_walls(n: int) -> Grouping:
    """Of n ReLUs without a wall in common."""
    at = RELU.breakpoints[0]
    return Grouping([Wall(unit, at) for unit in range(n)], list(range(n)), [1] * n)


def _layout(
    units: Sequence[Sequence[PiecewiseLinear]],
    groupings: Sequence[Grouping],
    n_domain: int,
    n_auxiliary: int,
) -> Layout:
    walls = [grouping.walls for grouping in groupings]
    offsets = accumulate(map(len, walls), initial=0)
    threshold_wall = [at + w for at, g in zip(offsets, groupings, strict=False) for w in g.wall]
    threshold_side = np.array([side for g in groupings for side in g.side], dtype=np.int64)
    n_root = n_domain + n_auxiliary
    n_walls = [n_root, *map(len, walls)]
    n_units = [0, *map(len, units)]
    first_wall, first_unit = _starts(n_walls), _starts(n_units)
    first_word = _starts((n + 63) // 64 for n in n_walls)
    wall_bit = np.arange(first_wall[-1]) + np.repeat(
        64 * first_word[:-1] - first_wall[:-1], n_walls
    )
    wall_unit = [-1] * n_root
    for at, walls_of_layer in zip(first_unit[1:].tolist(), walls, strict=False):
        wall_unit += [at + wall.unit for wall in walls_of_layer]
    shifts = [wall.shift for walls_of_layer in walls for wall in walls_of_layer]
    rounded = {id(s): (as_float(s), rounding(s)) for s in different(shifts)}
    flat = [u for units_of_layer in units for u in units_of_layer]
    pieces = {id(u): _pieces(u) for u in different(flat)}
    slope, intercept, piece_error = (
        np.array([v for u in flat for v in pieces[id(u)][column]], dtype=np.float64)
        for column in range(3)
    )
    plain = [are_relus(u) and len(w) == len(u) for u, w in zip(units, walls, strict=True)]
    products = [a * b for a, b in pairwise(n_units[1:])]
    fields = {
        "n_layers": len(units),
        "n_domain": n_domain,
        "first_wall": first_wall,
        "first_word": first_word,
        "first_unit": first_unit,
        "is_plain": np.array([False, *plain, False]),
        "wall_unit": np.array(wall_unit, dtype=np.int64),
        "wall_shift": np.array([0.0] * n_root + [rounded[id(s)][0] for s in shifts]),
        "wall_shift_error": np.array([0.0] * n_root + [rounded[id(s)][1] for s in shifts]),
        "unit_threshold": _starts(len(u.breakpoints) for u in flat),
        "threshold_bit": wall_bit[np.array(threshold_wall, dtype=np.int64) + n_root],
        "threshold_side": threshold_side,
        "slope": slope,
        "intercept": intercept,
        "piece_error": piece_error,
        "first_weight": _starts([0, 0, *products]),
    }
    return Layout(
        walls=walls,
        threshold_wall=np.array(threshold_wall, dtype=np.int64),
        threshold_side=threshold_side,
        fields=fields,
        first_wall=first_wall.tolist(),
        first_unit=first_unit.tolist(),
        widest=max(1, *n_walls, *n_units),
    )


def _starts(lengths: Iterable[int]) -> np.ndarray:
    """Where parts of these lengths begin, and the end of the last."""
    return np.array([0, *accumulate(lengths)], dtype=np.int64)


def are_relus(units: Sequence[PiecewiseLinear]) -> bool:
    return different(units) == [RELU]


def different(things: Iterable[T]) -> list[T]:
    """By identity: to hash every unit's fractions costs more than all the rest."""
    return list({id(thing): thing for thing in things}.values())


@lru_cache
def _pieces(unit: PiecewiseLinear) -> tuple[list[float], list[float], list[float]]:
    """A unit's slopes, intercepts and the relative errors of both, in float64."""
    errors = [2 * UNIT if rounding(s) or rounding(c) else 0.0 for s, c in unit.pieces]
    return [as_float(s) for s, _ in unit.pieces], [as_float(c) for _, c in unit.pieces], errors
