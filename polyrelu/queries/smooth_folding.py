"""Space folding of networks with smooth units: certified patterns along a path.

Lewandowski, Heinzl, Pisoni, Moser: *On space folds of ReLU neural networks*, TMLR 2025
(arXiv:2502.09954), extended from activation regions to equivalence classes of inputs: two are
equivalent if each unit's pre-activation lies on the same side of the unit's threshold.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DomainError, NetworkError, UnknownAnswerError
from ..limits import Limits
from ..network import Array, finite_array
from ..progress import Progress, reporter
from ..smooth_network import SmoothNetwork
from .smooth_segment import SmoothSegment
from .smooth_steps import Pattern, Step, along

INTERVALS = 2**16  # of a segment that are looked at, unless limits say otherwise
THRESHOLDS = ("sign", "minimum")


@dataclass(frozen=True)
class SmoothCrossing:
    """Where the pattern changes.

    Attributes:
        low, high: the change lies between these parameters; t in [k, k + 1] is segment k. They are
            equal where it is known exactly.
        units: the bits that change (of an unresolved crossing: that may).
        resolved: False if neither the order nor, maybe, the number of changes is known.
    """

    low: Fraction
    high: Fraction
    units: tuple[int, ...]
    resolved: bool


@dataclass(frozen=True, eq=False)
class SmoothFolding:
    """The activation patterns along a path, and how much it folds.

    Attributes:
        patterns: shape (n, units), one for each piece between crossings, in order. Where a crossing
            is unresolved, patterns are missing there, but none is wrong.
        pieces: for each pattern an interval of parameters on which it is certain, closed; the
            crossings fill what lies between.
        crossings: in order.
        r1_bounds, r2_bounds, chi_bounds: least and greatest values that are possible.
    """

    patterns: Pattern
    pieces: tuple[tuple[Fraction, Fraction], ...]
    crossings: tuple[SmoothCrossing, ...]
    r1_bounds: tuple[int, float]
    r2_bounds: tuple[int, float]
    chi_bounds: tuple[Fraction, Fraction]

    @property
    def certified(self) -> bool:
        """Whether the sequence of patterns is complete."""
        return all(c.resolved for c in self.crossings)

    @property
    def unresolved(self) -> tuple[SmoothCrossing, ...]:
        return tuple(c for c in self.crossings if not c.resolved)

    @property
    def r1(self) -> int:
        """The greatest Hamming distance from the first pattern.

        It, :attr:`r2` and :attr:`chi` raise :class:`UnknownAnswerError` where only bounds are
        known.
        """
        return int(self._known("r1", self.r1_bounds))

    @property
    def r2(self) -> int:
        """The sum of Hamming distances of successive patterns."""
        return int(self._known("r2", self.r2_bounds))

    @property
    def chi(self) -> Fraction:
        """1 - r1 / r2, and 0 for a path without crossings."""
        known: Fraction = self._known("chi", self.chi_bounds)
        return known

    def _known(self, name: str, bounds: tuple[Any, Any]) -> Any:
        if bounds[0] != bounds[1]:
            raise UnknownAnswerError(
                f"{name} is only known to lie between {bounds[0]} and {bounds[1]}, as "
                f"{len(self.unresolved)} crossings are unresolved; ask for {name}_bounds"
            )
        return bounds[0]

    def __repr__(self) -> str:
        low, high = (float(v) for v in self.chi_bounds)
        chi = f"chi {low:.6g}" if low == high else f"chi in [{low:.6g}, {high:.6g}]"
        state = "" if self.certified else f", {len(self.unresolved)} unresolved"
        return f"SmoothFolding({len(self.patterns)} patterns, {chi}{state})"


def smooth_folding(
    network: SmoothNetwork,
    path: npt.ArrayLike,
    *,
    threshold: str = "sign",
    precision: int = 256,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> SmoothFolding:
    """The certified activation patterns along a segment or a polygonal path.

    Bit 1: the pre-activation is greater than the unit's threshold. Patterns are those on open
    pieces; units that change together change in one step. Zeros of the first layer are rational;
    deeper ones are isolated by interval Newton methods, and separated from each other to
    ``precision / 2`` bits. What is formally the same (equal or opposite rows, over the segment or
    at a rational point) is recognised as such. Anything else that coincides, touches 0 without
    crossing it, or starts at 0, is reported as unresolved, and r1, r2, chi get bounds. As r2 counts
    crossings in whatever order, and r1 seldom depends on it, these are often exact nevertheless.

    Args:
        path: shape (n, input_dim), the vertices, at least two.
        threshold: ``"sign"`` of the pre-activation, or ``"minimum"``, the point where GELU, SiLU
            and swish stop falling (a transcendental number, enclosed by a ball).
        precision: bits of the arithmetic that separates crossings, at least 64.
        limits: ``seconds`` in all, and ``regions``, how many intervals of each segment are looked
            at; what is not settled then is unresolved.
        progress: called with intervals and seconds.

    Raises:
        DomainError: the path has another shape, NaN, infinity, or equal vertices in succession.
        NetworkError: the minimum of a monotone activation.

    The cost grows with depth, the square of the width and the number of crossings: a tenth of a
    second for 784 inputs and two layers of 64 GELU units, a second for three layers of 256.
    """
    if not isinstance(network, SmoothNetwork):
        raise TypeError(f"a polyrelu.SmoothNetwork is needed, not {type(network).__name__}")
    if threshold not in THRESHOLDS:
        raise NetworkError(f"threshold must be one of {', '.join(THRESHOLDS)}, not {threshold!r}")
    if not isinstance(precision, int) or precision < 64:
        raise DomainError(f"precision must be at least 64 bits, not {precision!r}")
    vertices = _vertices(path, network.input_dim)
    out_of = _budget(limits, reporter(progress))
    steps: list[Step] = []
    first = last = np.zeros(network.n_units, dtype=np.uint8)
    for k, (x, y) in enumerate(pairwise(vertices)):
        segment = SmoothSegment(network, x, y, threshold == "minimum", precision)
        start, found = along(segment, out_of)
        if k == 0:
            first = start
        elif (start != last).any():
            steps.append(Step.certain(Fraction(k), Fraction(k), start != last, start))
        steps += [step.shifted(k) for step in found]
        last = found[-1].after if found else start
    return _result(first, _merged(first, steps), len(vertices) - 1)


def _vertices(path: npt.ArrayLike, dim: int) -> Array:
    try:
        vertices = finite_array("path", path, 2)
    except NetworkError as error:
        raise DomainError(str(error)) from None
    if len(vertices) < 2 or vertices.shape[1] != dim:
        raise DomainError(f"path must have shape (n, {dim}), n >= 2, not {vertices.shape}")
    same = np.flatnonzero((vertices[1:] == vertices[:-1]).all(axis=1))
    if len(same):
        raise DomainError(f"vertices {same[0]} and {same[0] + 1} of the path must be different")
    return vertices


def _budget(limits: Limits | None, report: Progress | None) -> Callable[[int], bool]:
    limits = Limits() if limits is None else limits
    started = time.monotonic()
    most = INTERVALS if limits.regions is None else limits.regions

    def out_of(looked: int) -> bool:
        seconds = time.monotonic() - started
        if report is not None:
            report(looked, seconds)
        return limits.reached(looked, seconds, 0, most) is not None

    return out_of


# --- the whole path ------------------------------------------------------------------------------


def _merged(first: Pattern, steps: Sequence[Step]) -> list[Step]:
    """Unresolved steps at a vertex together with the change there."""
    found: list[Step] = []
    for step in steps:
        if not found or found[-1].high < step.low or (found[-1].resolved and step.resolved):
            found.append(step)
            continue
        previous = found.pop()
        before = found[-1].after if found else first
        found.append(Step(previous.low, step.high, previous.involved | step.involved, step.after,
                           False, int((before != step.after).sum()),
                           previous.most + step.most))  # fmt: skip
    return found


def _result(first: Pattern, steps: Sequence[Step], length: int) -> SmoothFolding:
    patterns, pieces = [], []
    low, pattern = Fraction(0), first
    for step in steps:
        if low < step.low:
            patterns.append(pattern)
            pieces.append((low, step.low))
        low, pattern = step.high, step.after
    if low < length:
        patterns.append(pattern)
        pieces.append((low, Fraction(length)))
    r2 = sum(step.least for step in steps), sum(step.most for step in steps)
    r1 = _r1_bounds(patterns, steps, bool(steps) and steps[0].low == 0)
    r1 = min(r1[0], int(min(r1[1], r2[1]))), min(r1[1], r2[1])
    crossings = tuple(
        SmoothCrossing(s.low, s.high, tuple(np.flatnonzero(s.involved).tolist()), s.resolved)
        for s in steps
    )
    table = np.array(patterns, dtype=np.uint8).reshape(len(patterns), len(first))
    table.flags.writeable = False
    return SmoothFolding(table, tuple(pieces), crossings, r1, r2, _chi_bounds(r1, r2))


def _r1_bounds(
    patterns: Sequence[Pattern], steps: Sequence[Step], starts_unresolved: bool
) -> tuple[int, float]:
    """Patterns that are not known differ from the one before in the bits involved at most."""
    if not patterns:
        return 0, len(steps[0].after)
    doubt = int(steps[0].involved.sum()) if starts_unresolved else 0
    reference = patterns[0]
    away = [int((p != reference).sum()) for p in patterns]
    greatest = max(away)
    before = reference
    for step in steps:
        if not step.resolved:
            reach = (before != reference) | step.involved
            greatest = max(greatest, int(reach.sum()))
        before = step.after
    return max(max(away) - doubt, 0), greatest + doubt


def _chi_bounds(r1: tuple[int, float], r2: tuple[int, float]) -> tuple[Fraction, Fraction]:
    if r2[1] == 0:
        return Fraction(0), Fraction(0)
    low = max(Fraction(0), 1 - Fraction(int(r1[1]), r2[0])) if r2[0] else Fraction(0)
    high = Fraction(1) if r2[1] == inf else 1 - Fraction(r1[0], int(r2[1]))
    return low, high
