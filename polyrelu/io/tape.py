"""A builder that writes a graph of tensors down as layers of one growing state vector.

The *state* is a vector that holds every entry of every live tensor; a tensor is an integer
array, in the tensor's shape, of positions in the state. Reshaping, transposing, slicing and
concatenating are then operations on that array of positions and cost no matrix. An affine
operation appends a factor that computes the new entries and passes the live ones on; units
close the layer, with identity units on what is passed on. That is how a skip connection
becomes a plain feed-forward network.

No two float64 matrices are multiplied here: every operation stays a factor of its own, unless
it can be merged without any rounding (a bias on a row that has none, a change of sign, a
division of a row that is not divided yet, a row of the factor that is computed beside).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..activations import PiecewiseLinear, identity
from ..domain import Box
from ..errors import NetworkError
from ..network import Affine, Array, Layer, Network
from ._limits import check_entries
from .windows import Windows

Index = npt.NDArray[np.int64]


def batch_norm_scale(gamma: Array, variance: Array, epsilon: float) -> Array:
    """``gamma / sqrt(variance + epsilon)``, each entry the nearest float64.

    The square root is irrational as a rule, so this is the one number of a network that is
    rounded on loading; from there on the network *is* the one with the rounded scale.

    Raises:
        NetworkError: ``variance + epsilon`` is not positive.
    """
    return np.array(
        [_divided_by_root(g, Fraction(v) + Fraction(epsilon))
         for g, v in zip(gamma.tolist(), variance.tolist(), strict=True)]
    )  # fmt: skip


def _divided_by_root(gamma: float, square: Fraction) -> float:
    if square <= 0:
        raise NetworkError("variance + epsilon must be positive in a batch normalisation")
    ratio = Fraction(gamma) ** 2 / square
    if ratio == 0:
        return 0.0
    # 2**shift * root has at least 128 bits; the sticky last bit makes float() round correctly.
    shift = max(0, 128 - (ratio.numerator.bit_length() - ratio.denominator.bit_length()) // 2)
    scaled = (ratio.numerator << (2 * shift)) // ratio.denominator
    root = math.isqrt(scaled)
    exact = root * root == scaled and scaled * ratio.denominator == ratio.numerator << (2 * shift)
    return math.copysign(float(Fraction(2 * root + (not exact), 1 << (shift + 1))), gamma)


@dataclass
class _Rows:
    """A factor under construction."""

    weight: Array
    bias: Array
    divisor: Array
    origin: Index  # the column that a row only passes on, or -1

    def take(self, rows: Index) -> None:
        check_entries(len(rows), self.weight.shape[1])
        self.weight, self.bias = self.weight[rows], self.bias[rows]
        self.divisor, self.origin = self.divisor[rows], self.origin[rows]

    def affine(self) -> Affine:
        plain = bool(np.all(self.divisor == 1))
        return Affine(self.weight, self.bias, None if plain else self.divisor)


class Tape:
    """Builds a :class:`Network` from operations on named tensors.

    Args:
        dim: number of inputs; the state starts as the input vector.

    Attributes:
        tensors: the live tensors, name to positions. Whoever drives the tape puts each
            result here and deletes a name before the operation that uses it last; an array
            of positions held elsewhere is void after the next operation.
        notes: sentences for :attr:`Network.notes`.
    """

    def __init__(self, dim: int) -> None:
        if dim < 1:
            raise NetworkError("a network must have at least one input")
        self.tensors: dict[str, Index] = {}
        self.notes: list[str] = []
        self._size = dim
        self._layers: list[Layer] = []
        self._entries = 0
        self._pending: list[_Rows] = []

    # -- affine operations ------------------------------------------------------------------

    def constant(self, value: Array) -> Index:
        """A tensor that does not depend on the input."""
        none = np.empty(0, dtype=np.int64)
        return self.sparse(value.shape, none, none, np.empty(0), value)

    def carry(
        self, others: Sequence[Index], operation: Callable[[], Index]
    ) -> tuple[Index, list[Index]]:
        """The result of ``operation`` and where ``others`` are in the state after it."""
        names = [f"\0{k}" for k in range(len(others))]  # no tensor of a file is called so
        self.tensors.update(zip(names, others, strict=True))
        result = operation()
        return result, [self.tensors.pop(name) for name in names]

    def elementwise(
        self,
        x: Index,
        scale: npt.ArrayLike = 1.0,
        shift: npt.ArrayLike = 0.0,
        divisor: npt.ArrayLike = 1.0,
    ) -> Index:
        """``(scale * x + shift) / divisor``, all broadcast together as in numpy.

        Raises:
            NetworkError: a divisor is zero, or shapes do not broadcast.
        """
        try:
            numbers = [np.asarray(v, dtype=np.float64) for v in (scale, shift, divisor)]
            x, a, b, d = np.broadcast_arrays(x, *numbers)
        except ValueError as error:
            raise NetworkError(str(error)) from None
        check_entries(x.size, self._size)
        if np.any(d == 0):
            raise NetworkError("a division by zero has no value")
        sign = np.where(d < 0, -1.0, 1.0)
        a, b, d = sign * a, sign * b, sign * d
        if np.all(a == 1) and np.all(b == 0) and np.all(d == 1):
            return x
        if self._merge(x.ravel(), a.ravel(), b.ravel(), d.ravel()):
            return x
        return self.sparse(x.shape, np.arange(x.size), x.ravel(), a.ravel(), b, d)

    def _merge(self, x: Index, scale: Array, shift: Array, divisor: Array) -> bool:
        """Do an elementwise operation inside the last factor, if nothing is rounded by it."""
        if not self._pending or len(np.unique(x)) < len(x) or np.isin(x, self._live()).any():
            return False
        last = self._pending[-1]
        moved, divided = shift != 0, divisor != 1
        if (
            np.any(np.abs(scale) != 1)
            or np.any(moved & ((last.bias[x] != 0) | (last.divisor[x] != 1)))
            or np.any(divided & (last.divisor[x] != 1))
        ):
            return False
        flipped = x[scale == -1]
        last.weight[flipped] *= -1
        last.bias[flipped] *= -1
        last.bias[x[moved]] = shift[moved]
        last.divisor[x[divided]] = divisor[divided]
        last.origin[x] = -1
        return True

    def matmul(self, x: Index, weight: Array, bias: Array | None = None) -> Index:
        """``x @ weight (+ bias)`` with numpy's rules for shapes; ``weight`` is constant.

        Raises:
            NetworkError: the shapes do not fit.
        """
        if weight.ndim == 2 and x.ndim and x.size == x.shape[-1] == len(weight):
            return self._dense(x.ravel(), weight.T, bias, (*x.shape[:-1], weight.shape[1]))
        y = self._product(x, weight, reverse=False)
        return y if bias is None else self.elementwise(y, shift=bias)

    def rmatmul(self, weight: Array, x: Index) -> Index:
        """``weight @ x`` with numpy's rules for shapes; ``weight`` is constant."""
        return self._product(x, weight, reverse=True)

    def _dense(self, x: Index, matrix: Array, bias: Array | None, shape: tuple[int, ...]) -> Index:
        x = self._distinct(x)
        n = len(matrix)
        offset = np.zeros(n) if bias is None else np.broadcast_to(bias, (n,))
        weight, columns = self._push(x, offset, np.ones(n))
        weight[:, columns] = matrix
        return np.arange(n).reshape(shape)

    def _product(self, x: Index, weight: Array, reverse: bool) -> Index:
        """Rows (i, j), one column for each k: as the sum that a matrix product is."""
        left, right = (weight, x) if reverse else (x, weight)
        if not left.ndim or not right.ndim:
            raise NetworkError("a matrix product needs tensors with dimensions")
        a = left[None, :] if left.ndim == 1 else left
        b = right[:, None] if right.ndim == 1 else right
        try:
            if a.shape[-1] != b.shape[-2]:
                raise ValueError
            batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        except ValueError:
            raise NetworkError(
                f"a product of shapes {left.shape} and {right.shape} does not exist"
            ) from None
        shape = (*batch, a.shape[-2], b.shape[-1], a.shape[-1])
        check_entries(math.prod(shape[:-1]), shape[-1], "a matrix product")
        x = self._distinct(x)
        a, b = (a, _as_right(x)) if reverse else (_as_left(x), b)
        terms = [
            np.broadcast_to(t, shape).ravel()
            for t in (a[..., :, None, :], np.swapaxes(b, -1, -2)[..., None, :, :])
        ]
        values, columns = terms if reverse else terms[::-1]
        rows = np.repeat(np.arange(math.prod(shape[:-1])), shape[-1])
        drop = ((-2,) if left.ndim == 1 else ()) + ((-1,) if right.ndim == 1 else ())
        weights: Array = values.astype(np.float64)
        y = self.sparse(shape[:-1], rows, columns.astype(np.int64), weights)
        return np.squeeze(y, axis=drop)

    def add(self, a: Index, b: Index, sign: int = 1) -> Index:
        """``a + sign * b`` of two computed tensors, broadcast as in numpy."""
        try:
            a, b = np.broadcast_arrays(a, b)
        except ValueError as error:
            raise NetworkError(str(error)) from None
        check_entries(a.size, self._size)
        rows = np.tile(np.arange(a.size), 2)
        values: Array = np.ones(2 * a.size)
        values[a.size :] = sign
        return self.sparse(a.shape, rows, np.concatenate([a.ravel(), b.ravel()]), values)

    def reduce(self, x: Index, axes: Sequence[int], keep: bool, mean: bool) -> Index:
        """The sum or the mean over ``axes``; a mean is a sum with a divisor, so it is exact."""
        kept = [k for k in range(x.ndim) if k not in axes]
        shape = tuple(x.shape[k] if k in kept else 1 for k in range(x.ndim))
        table = np.transpose(x, [*kept, *axes]).reshape(math.prod(shape), -1)
        n, count = table.shape
        divisor = np.full(n, float(count) if mean else 1.0)
        rows = np.repeat(np.arange(n), count)
        y = self.sparse((n,), rows, table.ravel(), np.ones(table.size), divisor=divisor)
        return y.reshape(shape if keep else tuple(x.shape[k] for k in kept))

    def sparse(
        self,
        shape: tuple[int, ...],
        rows: Index,
        columns: Index,
        values: Array,
        shift: Array | None = None,
        divisor: Array | None = None,
    ) -> Index:
        """A new tensor whose flat entry ``r`` is ``(sum of values * state[columns] + shift) / d``.

        A (row, column) pair may repeat only with small integer values: they are added in
        float64.
        """
        n = math.prod(shape)
        bias = np.zeros(n) if shift is None else np.broadcast_to(shift, shape).ravel()
        over = np.ones(n) if divisor is None else np.broadcast_to(divisor, shape).ravel()
        weight, columns = self._push(columns, bias, over)
        np.add.at(weight, (rows, columns), values)
        return np.arange(n).reshape(shape)

    def convolution(
        self, x: Index, weight: Array, bias: Array | None, windows: Windows, groups: int = 1
    ) -> Index:
        """Cross-correlation as the matrix that it is.

        Args:
            x: shape (channels, *spatial).
            weight: shape (out, channels / groups, *kernel).
            windows: of the kernel over the spatial shape.
        """
        x = self._distinct(x)
        n_out, per_group = weight.shape[:2]
        if x.shape[0] != per_group * groups or n_out % groups or groups < 1:
            raise NetworkError(
                f"a convolution with weight {weight.shape} and {groups} group(s) does not fit "
                f"{x.shape[0]} channels"
            )
        places, source = windows.places, windows.source
        shape = (n_out, *windows.shape)
        check_entries(n_out * places, self._size, "a convolution")
        position, tap = np.nonzero(source >= 0)
        flat, kernel = x.reshape(x.shape[0], -1), weight.reshape(n_out, per_group, -1)
        channel = np.arange(n_out)[:, None] // (n_out // groups) * per_group
        channel = channel + np.arange(per_group)  # (out, in): channels that an output reads
        columns = flat[channel][:, :, source[position, tap]]
        rows = np.broadcast_to(np.arange(n_out)[:, None, None] * places + position, columns.shape)
        offset = None if bias is None else np.repeat(bias, places).reshape(shape)
        return self.sparse(shape, rows.ravel(), columns.ravel(), kernel[:, :, tap].ravel(), offset)

    def average_pool(self, x: Index, windows: Windows, divisor: Array) -> Index:
        """The sum over each window, divided by ``divisor`` of shape ``windows.shape``."""
        places, channels = windows.places, x.shape[0]
        check_entries(channels * places, self._size, "a pooling")
        position, tap = np.nonzero(windows.source >= 0)
        columns = x.reshape(channels, -1)[:, windows.source[position, tap]]
        rows = np.arange(channels)[:, None] * places + position
        shape = (channels, *windows.shape)
        return self.sparse(
            shape, rows.ravel(), columns.ravel(), np.ones(columns.size), None, divisor[None]
        )

    def batch_norm(
        self, x: Index, axis: int, statistics: tuple[Array, Array, Array, Array], epsilon: float
    ) -> Index:
        """``(x - mean) * scale + beta`` along ``axis`` as two factors: ``x - mean`` is exact.

        Args:
            statistics: gamma, beta, mean and variance, one entry for each channel.
            epsilon: see :func:`batch_norm_scale`, which makes ``scale``.
        """
        gamma, beta, mean, variance = statistics
        shape = [1] * x.ndim
        shape[axis] = x.shape[axis]
        if not gamma.shape == beta.shape == mean.shape == variance.shape == (x.shape[axis],):
            raise NetworkError(
                f"a batch normalisation of {x.shape[axis]} channels must have as many "
                f"parameters, not {gamma.size}"
            )
        scale = batch_norm_scale(gamma, variance, epsilon)
        centred = self.elementwise(x, shift=-mean.reshape(shape))
        return self.elementwise(centred, scale=scale.reshape(shape), shift=beta.reshape(shape))

    # -- units and the end ------------------------------------------------------------------

    def activate(
        self, applications: Iterable[tuple[str, Index, Sequence[PiecewiseLinear]]]
    ) -> None:
        """Close the layer: apply units to tensors, all at once, and name the results.

        Args:
            applications: (name of the result, tensor, one unit for each of its entries).
        """
        applications = list(applications)
        size = sum(x.size for _, x, _ in applications)
        check_entries(size, size, "the smallest factor before units")
        place: dict[tuple[int, PiecewiseLinear], int] = {}
        named = [
            (
                name,
                np.array(
                    [place.setdefault(key, len(place))
                     for key in zip(x.ravel().tolist(), units, strict=True)],
                    dtype=np.int64,
                ).reshape(x.shape),
            )
            for name, x, units in applications
        ]  # fmt: skip
        entries = np.array([entry for entry, _ in place], dtype=np.int64)
        units = [unit for _, unit in place]
        passed = self._select(entries)
        self._close([*units, *[identity()] * passed])
        self.tensors.update(named)

    def finish(self, outputs: Sequence[Index], input_box: Box | None = None) -> Network:
        """The network whose output is the concatenation of ``outputs``, each flattened."""
        index = np.concatenate([x.ravel() for x in outputs])
        self.tensors.clear()
        untouched = np.array_equal(index, np.arange(self._size))
        if self._pending or not self._layers or not untouched:
            self._select(index)
            self._close([identity()] * self._size)
        return Network(tuple(self._layers), input_box, tuple(self.notes))

    def _close(self, units: list[PiecewiseLinear]) -> None:
        self._entries += sum(rows.weight.size for rows in self._pending)
        check_entries(self._entries, 1, "all factors")
        self._layers.append(Layer([rows.affine() for rows in self._pending], units))
        self._pending = []

    # -- the state --------------------------------------------------------------------------

    def _live(self) -> Index:
        if not self.tensors:
            return np.empty(0, dtype=np.int64)
        return np.unique(np.concatenate([x.ravel() for x in self.tensors.values()]))

    def _renumber(self, live: Index, first: int) -> None:
        place = np.full(self._size, -1)
        place[live] = np.arange(first, first + len(live))
        self.tensors = {name: place[x] for name, x in self.tensors.items()}
        self._size = first + len(live)

    def _push(self, columns: Index, bias: Array, divisor: Array) -> tuple[Array, Index]:
        """Start ``len(bias)`` new entries computed from ``columns`` of the state.

        Returns their rows of the weight, zero, to be filled, and the columns to fill. If the
        last factor only passes those columns on, the new rows are written beside it, in terms
        of the state before: no factor is added.
        """
        live, n = self._live(), len(bias)
        used = np.unique(columns)
        last = self._pending[-1] if self._pending else None
        source = last.origin[used] if last is not None else used
        through = last is not None and np.all(source >= 0)
        if last is not None and through:  # distinct origins, as live entries are distinct
            check_entries(n + len(live), last.weight.shape[1])
            columns = last.origin[columns]
            last.take(live)
            passed = self._pending.pop()
        else:
            check_entries(n + len(live), self._size)
            eye = np.zeros((len(live), self._size))
            eye[np.arange(len(live)), live] = 1
            passed = _Rows(eye, np.zeros(len(live)), np.ones(len(live)), live)
        rows = _Rows(
            np.concatenate([np.zeros((n, passed.weight.shape[1])), passed.weight]),
            np.concatenate([bias, passed.bias]),
            np.concatenate([divisor, passed.divisor]),
            np.concatenate([np.full(n, -1), passed.origin]),
        )
        self._renumber(live, n)
        self._pending.append(rows)
        return rows.weight[:n], columns

    def _select(self, entries: Index) -> int:
        """Make the state ``entries``, then what is live; returns how many entries that is."""
        live = self._live()
        rows = np.concatenate([entries, live])
        if self._pending:
            if not np.array_equal(rows, np.arange(self._size)):
                self._pending[-1].take(rows)
        else:
            check_entries(len(rows), self._size)
            weight = np.zeros((len(rows), self._size))
            weight[np.arange(len(rows)), rows] = 1
            self._pending.append(_Rows(weight, np.zeros(len(rows)), np.ones(len(rows)), rows))
        self._renumber(live, len(entries))
        return len(live)

    def _distinct(self, x: Index) -> Index:
        """``x`` with no entry twice: its columns can then be filled without adding floats."""
        if len(np.unique(x)) == x.size:
            return x
        return self.sparse(x.shape, np.arange(x.size), x.ravel(), np.ones(x.size))


def _as_left(x: Index) -> Index:
    return x[None, :] if x.ndim == 1 else x


def _as_right(x: Index) -> Index:
    return x[:, None] if x.ndim == 1 else x
