"""Thresholds whose forms are proportional share one *wall*: repeated and opposite neurons, and
parallel ones that bend at the same place, are decided once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from flint import fmpz_mat

from ..network import quotient
from ..rational import IntegerRow, primitive

Threshold = tuple[int, Fraction]


class Wall(NamedTuple):
    """A hyperplane that thresholds of one unit's layer share.

    Attributes:
        unit: unit of the representative threshold, counted within its layer; -1: no unit.
        shift: its breakpoint.
    """

    unit: int
    shift: Fraction


@dataclass(frozen=True)
class Grouping:
    """Which threshold lies on which wall.

    Attributes:
        walls: in the order of their first thresholds.
        wall, side: for each threshold its wall, and +1 or -1: whether it looks the same way
            as the wall's first threshold.
    """

    walls: list[Wall]
    wall: list[int]
    side: list[int]


def shifted(forms: fmpz_mat, unit: int, shift: Fraction) -> IntegerRow:
    """Integer row of ``form(unit) - shift``, from homogeneous integer forms."""
    n = forms.nrows() - 1
    columns = range(forms.ncols())
    row = [int(forms[unit, j]) for j in columns]
    if shift:
        scale = [int(forms[n, j]) for j in columns]
        row = [shift.denominator * a - shift.numerator * s for a, s in zip(row, scale, strict=True)]
    return row


def group(
    thresholds: Sequence[Threshold], forms: Callable[[], fmpz_mat], prints: np.ndarray | None
) -> Grouping:
    """Find the walls of a layer's thresholds.

    Args:
        forms: gives the homogeneous integer forms of the layer's units.
        prints: of each unit a number that is the same where forms are proportional, for instance a
            function of the ratios of their entries; None if there are none.
    """
    if len(thresholds) == 1:
        return Grouping([Wall(*thresholds[0])], [0], [1])
    if prints is not None and not any({id(t): t for _, t in thresholds}.values()):
        alike = _may_be_equal(prints[[unit for unit, _ in thresholds]])
    else:
        exact = forms()
        alike = _may_be_equal(_prints([shifted(exact, unit, t) for unit, t in thresholds]))
    if not alike.any():
        n = len(thresholds)
        return Grouping([Wall(unit, t) for unit, t in thresholds], list(range(n)), [1] * n)
    exact = forms()
    seen: dict[tuple[int, ...], tuple[int, int]] = {}
    grouping = Grouping([], [], [])
    for i, (unit, t) in enumerate(thresholds):
        at, turned = len(grouping.walls), 1
        if alike[i]:
            row = primitive(shifted(exact, unit, t))
            sign = 1 if next((v for v in row if v), 1) > 0 else -1
            at, first = seen.setdefault(tuple(sign * v for v in row), (at, sign))
            turned = sign * first
        if at == len(grouping.walls):
            grouping.walls.append(Wall(unit, t))
        grouping.wall.append(at)
        grouping.side.append(turned)
    return grouping


def _prints(rows: list[IntegerRow]) -> np.ndarray:
    """Functions of the rows' ratios: of each entry and the first that is not 0. A correctly rounded
    quotient depends on its exact value alone, so proportional rows give equal ratios, bit by bit.
    """
    leads = [next((v for v in row if v), 1) for row in rows]
    ratios = np.array(
        [[quotient(v, lead) for v in row] for row, lead in zip(rows, leads, strict=True)]
    )
    if not len(ratios):
        return np.zeros(0)
    weights = np.sqrt(np.arange(2.0, ratios.shape[1] + 2))
    with np.errstate(all="ignore"):
        prints: np.ndarray = (ratios * weights).sum(axis=1)
    prints[np.isnan(prints)] = 0.0  # NaN would not equal itself
    return prints


def _may_be_equal(prints: np.ndarray) -> np.ndarray:
    """For each print whether another equals it."""
    order = prints.argsort()
    equal = prints[order[1:]] == prints[order[:-1]]
    alike = np.zeros(len(prints), dtype=bool)
    alike[order[1:]] = equal
    alike[order[:-1]] |= equal
    return alike
