"""Which pattern a point has: float64 with an error bound, rational where that leaves it open."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from .activations import PiecewiseLinear
from .errors import DomainError
from .network import Array, Network, quotient
from .rational import dot, integer_row, rows_of

if TYPE_CHECKING:
    from .domain import Domain
    from .engine.compiled import Compiled
    from .region import Region

UNIT = 2.0**-53
TINY = 2.0**-900
LEAST = 2.0**-1074  # a weight that underflows is rounded by as much


class Regions(Protocol):
    """A :class:`.graph.RegionGraph`, in memory or not."""

    @property
    def network(self) -> Network: ...
    @property
    def domain(self) -> Domain: ...
    @property
    def compiled(self) -> Compiled: ...
    def find(self, pattern: npt.ArrayLike) -> int: ...
    def __getitem__(self, index: int) -> Region: ...


def exact_patterns(
    graph: Regions, points: npt.ArrayLike
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Packed patterns of points, and which points lie inside the domain and off all walls.

    A threshold that is identically 0 on the region of the point is no wall: its bit is 0.

    Raises:
        DomainError: the points are not of shape (m, dim), or not finite.
    """
    x, dim = np.atleast_2d(np.asarray(points, dtype=np.float64)), graph.domain.dim
    if x.ndim != 2 or x.shape[1] != dim:
        raise DomainError(f"points must have shape (m, {dim}), not {np.shape(points)}")
    if not np.isfinite(x).all():
        raise DomainError("points must be finite")
    inside = in_domain(graph, x)
    bits, certain = float_patterns(graph.network, x)
    known: dict[tuple[int, int], bool] = {}
    for i in np.flatnonzero(inside & ~certain):
        _, signs = graph.network.exact(x[i].tolist())
        bits[i] = [s > 0 for s in signs]
        zeros = [t for t, s in enumerate(signs) if s == 0]
        inside[i] = not zeros or _identically_zero(graph, bits[i], zeros, known)
    return np.packbits(bits, axis=1, bitorder="little"), inside


def _identically_zero(
    graph: Regions,
    bits: npt.NDArray[np.uint8],
    zeros: list[int],
    known: dict[tuple[int, int], bool],
) -> bool:
    """Do all these thresholds vanish on the region of a pattern? Remembers each in ``known``."""
    index = graph.find(bits)
    if index < 0:
        return False
    new = [t for t in zeros if (index, t) not in known]
    if new:
        columns = list(zip(*rows_of(graph.compiled.chart), strict=True))  # of a flat domain
        region = graph[index]
        known |= {(index, t): not any(dot(region.form(t), c) for c in columns) for t in new}
    return all(known[index, t] for t in zeros)


def in_domain(graph: Regions, x: Array) -> npt.NDArray[np.bool_]:
    """Whether each point lies in the (closed) domain, exactly."""
    inside = np.ones(len(x), dtype=bool)
    for row in graph.domain.inequalities():
        size = max(map(abs, row)) or 1
        a = np.array([v / size for v in row])
        with np.errstate(all="ignore"):  # what overflows is decided exactly
            value = x @ a[:-1] + a[-1]
            bound = (len(row) + 4) * UNIT * (np.abs(x) @ np.abs(a[:-1]) + abs(a[-1])) + TINY
            bound += LEAST * np.abs(x).sum(axis=1)
            certain = np.abs(value) > bound
        inside &= ~certain | (value > 0)
        for i in np.flatnonzero(inside & ~certain):
            column = integer_row([*map(Fraction, x[i].tolist()), Fraction(1)])
            inside[i] = dot(row, column) >= 0
    return inside


def float_patterns(
    network: Network, x: Array
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Patterns in float64 and whether every sign of a point is beyond its error bound."""
    bits: list[npt.NDArray[np.bool_]] = []
    certain = np.ones(len(x), dtype=bool)
    error = np.zeros_like(x)
    with np.errstate(all="ignore"):  # an overflow leaves a sign uncertain, that is all
        for layer in network.layers:
            size = np.abs(layer.weight)
            rounding = (layer.in_features + 6) * UNIT
            scale = np.abs(x) @ size.T + np.abs(layer.bias)
            underflow = LEAST * np.abs(x).sum(axis=1, keepdims=True) + TINY
            error = error @ size.T * (1 + 1e-7) + rounding * scale + underflow
            z = x @ layer.weight.T + layer.bias
            for unit, t in layer.thresholds:
                shift = _float(t)
                value = z[:, unit] - shift
                slack = error[:, unit] + 4 * UNIT * (np.abs(z[:, unit]) + abs(shift))
                bits.append(value > 0)
                certain &= np.abs(value) > slack
            x, error = _activate(layer.units, z, error)
    table = np.array(bits, dtype=np.uint8).reshape(len(bits), len(certain)).T
    return np.ascontiguousarray(table), certain


def _activate(units: Sequence[PiecewiseLinear], z: Array, error: Array) -> tuple[Array, Array]:
    """Outputs of a layer and their error, where every sign is certain."""
    h, new = np.empty_like(z), np.empty_like(error)
    for i, unit in enumerate(units):
        pieces = [unit.piece(k) for k in range(len(unit.slopes))]
        slope = np.array([_float(s) for s, _ in pieces])
        intercept = np.array([_float(c) for _, c in pieces])
        k = np.searchsorted(np.array([_float(t) for t in unit.breakpoints]), z[:, i], side="left")
        h[:, i] = slope[k] * z[:, i] + intercept[k]
        rounding = 4 * UNIT * (np.abs(slope[k] * z[:, i]) + np.abs(intercept[k]))
        underflow = LEAST * np.abs(z[:, i]) + TINY
        new[:, i] = np.abs(slope[k]) * error[:, i] * (1 + 1e-7) + rounding + underflow
    return h, new


def _float(value: Fraction) -> float:
    """Rounded to nearest; infinite where float64 ends."""
    return quotient(value.numerator, value.denominator)
