"""A ReLU layer read exactly: weights and biases as fractions, and the layer for the engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from numbers import Real
from operator import index as as_index
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import fmpq, fmpq_mat, fmpz_mat

from ..activations import exact, relu
from ..errors import NetworkError
from ..network import Affine, Layer, Network, finite_array
from ..rational import ExactPoint, IntegerRow, integer_row, rows_of, to_fraction

ExactMatrix = tuple[ExactPoint, ...]


def exact_vector(name: str, value: npt.ArrayLike, length: int) -> ExactPoint:
    """``length`` numbers, float64 or exact, as fractions.

    Raises:
        NetworkError: another shape, NaN, infinity, no real numbers.
    """
    raw = _array(name, value, 1)
    if len(raw) != length:
        raise NetworkError(f"{name} must have length {length}, not {len(raw)}")
    return _entries(name, raw)


def exact_number(name: str, value: object) -> Fraction:
    return _exact(name, value, ())


def _array(name: str, value: Any, ndim: int) -> npt.NDArray[Any]:
    if hasattr(value, "detach"):  # a torch parameter
        value = value.detach()
    try:
        raw = np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise NetworkError(f"{name} must be an array of real numbers ({error})") from None
    if raw.dtype.kind not in "iuO":  # integers and fractions of any size are kept as they are
        return finite_array(name, raw, ndim)
    if raw.ndim != ndim:
        raise NetworkError(f"{name} must have {ndim} dimension(s), not shape {raw.shape}")
    return raw


def _entries(name: str, raw: npt.NDArray[Any]) -> ExactPoint:
    return tuple(_exact(name, v, where) for where, v in np.ndenumerate(raw))


def _exact(name: str, value: object, where: tuple[int, ...]) -> Fraction:
    found = f"but entry {where} is {value!r}" if where else f"not {value!r}"
    if isinstance(value, fmpq):
        return to_fraction(value)
    if not isinstance(value, Real | np.bool_):
        raise NetworkError(f"{name} must be real, {found}")
    try:
        return exact(value)
    except (ValueError, OverflowError):
        raise NetworkError(f"{name} must be finite, {found}") from None


@dataclass(frozen=True, eq=False)
class ExactLayer:
    """``ReLU(A x + b)`` over the rationals, A of shape (width, dim)."""

    weight: ExactMatrix
    bias: ExactPoint

    @property
    def dim(self) -> int:
        """The number of inputs."""
        return len(self.weight[0])

    @property
    def width(self) -> int:
        """The number of units."""
        return len(self.weight)

    def preactivations(self, x: ExactPoint) -> ExactPoint:
        """``A x + b``."""
        return tuple(
            sum((a * v for a, v in zip(row, x, strict=True) if a), b)
            for row, b in zip(self.weight, self.bias, strict=True)
        )

    @cached_property
    def rows(self) -> tuple[IntegerRow, ...]:
        """For each unit a positive multiple of (a_i, b_i), in primitive integers."""
        return tuple(integer_row([*row, b]) for row, b in zip(self.weight, self.bias, strict=True))

    @cached_property
    def rank(self) -> int:
        return int(fmpz_mat([row[:-1] for row in self.rows]).rank())

    @cached_property
    def inverse(self) -> ExactMatrix:
        """A^-1, by rows; only if A is square and its rank is full."""
        return fractions_of(rational_matrix(self.weight).inv())

    @property
    def why_not_invertible(self) -> str | None:
        if self.dim != self.width:
            return f"the weight has shape ({self.width}, {self.dim}), it is not square"
        if self.rank < self.dim:
            return f"the weight is singular, of rank {self.rank} instead of {self.dim}"
        return None

    @cached_property
    def layer(self) -> Layer:
        """A float64 layer with the same activation regions, for the engine.

        Rows that float64 holds are as given. Others are scaled to have powers of two for
        denominators, and are then a sum of float64 rows: one factor has the terms, the next adds
        them up.
        """
        rows = [_binary([*row, b]) for row, b in zip(self.weight, self.bias, strict=True)]
        terms = [[_terms(v) for v in row] for row in rows]
        count = max(len(t) for row in terms for t in row)
        table = np.array(
            [[t[k] if k < len(t) else 0.0 for t in row] for k in range(count) for row in terms]
        )
        factors = [Affine(table[:, :-1], table[:, -1])]
        if count > 1:
            factors.append(Affine(np.tile(np.eye(self.width), count), np.zeros(self.width)))
        return Layer(factors, relu())


def _binary(row: list[Fraction]) -> list[Fraction]:
    """The least multiple by an odd integer whose denominators are powers of two."""
    scale = 1
    for v in row:
        left = (v * scale).denominator
        scale *= left // (left & -left)
    return [v * scale for v in row]


def _terms(value: Fraction) -> list[float]:
    """Float64 numbers that add up to a binary fraction, the leading one first."""
    terms: list[float] = []
    left = value
    while left or not terms:
        try:
            terms.append(float(left))
        except OverflowError:
            terms.append(0.0)
        if left and not terms[-1]:
            raise NetworkError("weights must be within the range of float64 to enumerate regions")
        left -= Fraction(terms[-1])
    return terms


def exact_layer(weight: npt.ArrayLike | Layer, bias: npt.ArrayLike | None) -> ExactLayer:
    """A layer from its weight and bias, or from a :class:`Layer` of ReLU units.

    Raises:
        NetworkError: shapes that do not match, NaN, infinity, other units than ReLU, a Network.
    """
    if isinstance(weight, Layer):
        if bias is not None:
            raise NetworkError("a Layer has its bias already")
        return _from_layer(weight)
    if isinstance(weight, Network):
        raise NetworkError("a Layer is needed, such as network.layers[0], not a Network")
    if bias is None:
        raise NetworkError("a bias is needed to go with the weight")
    table = _array("weight", weight, 2)
    if 0 in table.shape:
        raise NetworkError(f"weight must have rows and columns, not shape {table.shape}")
    n_out, n_in = table.shape
    flat = _entries("weight", table)
    rows = tuple(flat[i * n_in : (i + 1) * n_in] for i in range(n_out))
    return ExactLayer(rows, exact_vector("bias", bias, n_out))


def _from_layer(layer: Layer) -> ExactLayer:
    wrong = next((i for i, unit in enumerate(layer.units) if unit != relu()), None)
    if wrong is not None:
        raise NetworkError(f"all units must be ReLU, but unit {wrong} is {layer.units[wrong]}")
    weight, bias = affine_map(layer)
    return ExactLayer(weight, bias)


def affine_map(layer: Layer) -> tuple[ExactMatrix, ExactPoint]:
    """The weight and bias of a layer as fractions, also of one with several factors."""
    *rows, last = rows_of(layer.integer_matrix)
    table = [tuple(Fraction(v, last[-1]) for v in row) for row in rows]
    return tuple(row[:-1] for row in table), tuple(row[-1] for row in table)


def unit_set(name: str, units: Iterable[int], width: int) -> tuple[int, ...]:
    """A set of units, sorted.

    Raises:
        NetworkError: no such unit (they count from 0, and not from the end), or one twice.
    """
    try:
        chosen = sorted(as_index(i) for i in units)
    except TypeError:
        raise NetworkError(f"{name} must be unit numbers, not {units!r}") from None
    wrong = next((i for i in chosen if not 0 <= i < width), None)
    if wrong is not None:
        raise NetworkError(f"{name} must be unit numbers 0, ..., {width - 1}, not {wrong}")
    if len(set(chosen)) < len(chosen):
        raise NetworkError(f"{name} must name a unit once, not {chosen}: unit numbers, no pattern")
    return tuple(chosen)


def rational_matrix(rows: ExactMatrix) -> fmpq_mat:
    return fmpq_mat([[fmpq(v.numerator, v.denominator) for v in row] for row in rows])


def fractions_of(matrix: fmpq_mat) -> ExactMatrix:
    return tuple(tuple(map(to_fraction, row)) for row in matrix.table())
