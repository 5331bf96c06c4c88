"""Networks: what is computed. Immutable, and exact down to the last bit.

A network is a list of layers; a layer is an affine map followed by one piecewise-linear unit
per output. The affine map is kept as *factors*: multiplying two float64 matrices rounds, and
then another function would be analysed. Factors are composed exactly, in integers, once.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cached_property
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .activations import PiecewiseLinear, identity, relu
from .errors import NetworkError
from .notebook import InNotebook

if TYPE_CHECKING:
    from flint import fmpz_mat

    from .domain import Box

Array = npt.NDArray[np.float64]
Units = PiecewiseLinear | Sequence[PiecewiseLinear]


def finite_array(name: str, value: npt.ArrayLike, ndim: int) -> Array:
    """``value`` as a read-only float64 array; NaN and infinity are refused by position."""
    try:
        if hasattr(value, "detach"):  # a torch parameter
            value = value.detach()
        raw = np.asarray(value)
        if raw.dtype.kind not in "fiub":
            raise TypeError(f"dtype {raw.dtype}")
        array = np.array(raw, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise NetworkError(f"{name} must be an array of real numbers ({error})") from None
    if raw.dtype.kind in "iu" and any(
        int(a) != b for a, b in zip(array.flat, raw.flat, strict=True)
    ):
        raise NetworkError(f"{name} holds integers beyond 2**53, which float64 cannot hold exactly")
    if raw.dtype.kind == "f" and raw.dtype.itemsize > 8:
        raise NetworkError(f"{name} must be float64 or narrower, not {raw.dtype}")
    if array.ndim != ndim:
        raise NetworkError(f"{name} must have {ndim} dimension(s), not shape {array.shape}")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = tuple(int(i) for i in bad[0])
        raise NetworkError(f"{name} must be finite, but entry {where} is {array[where]}")
    array.flags.writeable = False
    return array


def integers(array: Array) -> tuple[list[int], int]:
    """The entries of ``array`` (row by row) as integers over a common power of two.

    Returns ``(numerators, shift)`` with ``array.flat[i] == numerators[i] / 2**shift``,
    exactly; ``shift >= 0``.
    """
    digits, power = _odd_parts(array.ravel())
    shift = max(0, -int(power.min(initial=0)))
    return [int(m) << (int(p) + shift) for m, p in zip(digits, power, strict=True)], shift


def binary_places(array: Array) -> int:
    """The least ``s >= 0`` such that ``array * 2**s`` has integer entries."""
    return max(0, -int(_odd_parts(array)[1].min(initial=0)))


def _odd_parts(array: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Odd integers and powers of two whose products are the entries."""
    mantissa, exponent = np.frexp(array)
    digits = (mantissa * 2.0**53).astype(np.int64)
    lowest = digits & -digits
    trailing = np.where(digits == 0, 0, np.frexp(lowest.astype(np.float64))[1] - 1)
    power = np.where(digits == 0, 0, exponent - 53 + trailing)
    return digits >> trailing, power


def quotient(numerator: int, denominator: int) -> float:
    """Correctly rounded; infinite where float64 ends."""
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if numerator > 0 else -math.inf


class FieldsOnly:
    """Pickles and copies the fields of a dataclass and nothing that was worked out from them:
    flint's matrices cannot be pickled."""

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: self.__dict__[f.name] for f in fields(self)}  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Affine(FieldsOnly):
    """One affine factor ``x -> (weight @ x + bias) / divisor``.

    Args:
        weight: shape (out, in).
        bias: shape (out,).
        divisor: shape (out,), positive, or None for 1: average pooling and input
            normalisation divide, and the quotient is seldom a float.

    Raises:
        NetworkError: wrong shapes, no rows or columns, NaN, infinity, divisor <= 0.
    """

    weight: Array
    bias: Array
    divisor: Array | None = None

    def __post_init__(self) -> None:
        weight = finite_array("weight", self.weight, 2)
        bias = finite_array("bias", self.bias, 1)
        if 0 in weight.shape:
            raise NetworkError(f"weight must have rows and columns, not shape {weight.shape}")
        if bias.shape != weight.shape[:1]:
            raise NetworkError(
                f"bias must have shape {weight.shape[:1]} to go with weight {weight.shape}, "
                f"not {bias.shape}"
            )
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "bias", bias)
        if self.divisor is not None:
            divisor = finite_array("divisor", self.divisor, 1)
            if divisor.shape != bias.shape:
                raise NetworkError(f"divisor must have shape {bias.shape}, not {divisor.shape}")
            if np.any(divisor <= 0):
                raise NetworkError("divisor must be positive")
            object.__setattr__(self, "divisor", divisor)

    def __call__(self, x: Array) -> Array:
        y = x @ self.weight.T + self.bias
        return y if self.divisor is None else y / self.divisor

    @cached_property
    def integer_matrix(self) -> fmpz_mat:
        """Homogeneous integer matrix of shape (out + 1, in + 1), see :class:`Layer`."""
        from flint import fmpz_mat

        n_out, n_in = self.weight.shape
        flat, shift = integers(np.concatenate([self.weight, self.bias[:, None]], axis=1))
        rows = [flat[i * (n_in + 1) : (i + 1) * (n_in + 1)] for i in range(n_out)]
        scale = 1 << shift
        if self.divisor is not None:
            ratios = [Fraction(float(d)) for d in self.divisor]
            common = int(np.lcm.reduce(np.array([r.numerator for r in ratios], dtype=object)))
            rows = [
                [a * (common // r.numerator) * r.denominator for a in row]
                for row, r in zip(rows, ratios, strict=True)
            ]
            scale *= common
        rows.append([0] * n_in + [scale])
        return fmpz_mat(rows)


@dataclass(frozen=True, eq=False)
class Layer(FieldsOnly):
    """An affine map, as a product of factors, and a piecewise-linear unit per output.

    Args:
        factors: applied in order.
        units: one :class:`PiecewiseLinear` for all outputs, or one for each.
    """

    factors: tuple[Affine, ...]
    units: tuple[PiecewiseLinear, ...]

    def __init__(self, factors: Iterable[Affine], units: Units) -> None:
        factors = tuple(factors)
        if not factors:
            raise NetworkError("a layer must have an affine map")
        for k, (a, b) in enumerate(pairwise(factors)):
            if b.weight.shape[1] != a.weight.shape[0]:
                raise NetworkError(
                    f"factor {k} has {a.weight.shape[0]} outputs, "
                    f"but factor {k + 1} takes {b.weight.shape[1]}"
                )
        n = factors[-1].weight.shape[0]
        units = (units,) * n if isinstance(units, PiecewiseLinear) else tuple(units)
        wrong = next((u for u in units if not isinstance(u, PiecewiseLinear)), None)
        if wrong is not None:
            raise NetworkError(
                f"units must be PiecewiseLinear, such as polyrelu.relu(), not {wrong!r}"
            )
        if len(units) != n:
            raise NetworkError(f"a layer with {n} outputs needs {n} units, not {len(units)}")
        object.__setattr__(self, "factors", factors)
        object.__setattr__(self, "units", units)

    @property
    def in_features(self) -> int:
        return int(self.factors[0].weight.shape[1])

    @property
    def out_features(self) -> int:
        return int(self.factors[-1].weight.shape[0])

    @cached_property
    def thresholds(self) -> tuple[tuple[int, Fraction], ...]:
        """Every (unit, breakpoint) of the layer: the affine forms whose signs make a pattern."""
        if len(set(map(id, self.units))) == 1:
            return tuple(product(range(len(self.units)), self.units[0].breakpoints))
        return tuple((i, t) for i, unit in enumerate(self.units) for t in unit.breakpoints)

    @cached_property
    def integer_matrix(self) -> fmpz_mat:
        """The affine map in homogeneous integers, shape (out + 1, in + 1).

        It takes ``(x, 1)`` to a positive multiple of ``(y, 1)``: the last row is
        ``(0, ..., 0, scale)`` with ``scale > 0``. Exact, also for several factors.
        """
        product = self.factors[0].integer_matrix
        for factor in self.factors[1:]:
            product = factor.integer_matrix * product
        return product

    @property
    def is_exact(self) -> bool:
        """Whether :attr:`weight` and :attr:`bias` hold the affine map without rounding."""
        return len(self.factors) == 1 and self.factors[0].divisor is None

    @property
    def denominator(self) -> int:
        """A common denominator of the affine map's entries."""
        if self.is_exact:
            return 1 << binary_places(self.table)
        return int(self.integer_matrix[self.out_features, self.in_features])

    @cached_property
    def table(self) -> Array:
        """Weight and bias side by side, shape (out, in + 1), each entry rounded once."""
        if self.is_exact:
            only = self.factors[0]
            table = np.concatenate([only.weight, only.bias[:, None]], axis=1)
        else:
            rows = self.integer_matrix.table()
            scale = int(rows[-1][-1])
            table = np.array([[quotient(int(a), scale) for a in row] for row in rows[:-1]])
        table.flags.writeable = False
        return table

    @property
    def weight(self) -> Array:
        """The composed weight, shape (out, in), each entry rounded once to float64."""
        return self.table[:, :-1]

    @property
    def bias(self) -> Array:
        """The composed bias, shape (out,), each entry rounded once to float64."""
        return self.table[:, -1]

    def pre_activation(self, x: Array) -> Array:
        """The affine map of inputs of shape (..., in), in float64."""
        for factor in self.factors:
            x = factor(x)
        return x

    def activate(self, z: Array) -> Array:
        """The units' outputs for pre-activations of shape (..., out), in float64."""
        y = np.array(z)
        for unit, columns in self._bending:
            y[..., columns] = unit(z[..., columns])
        return y

    @cached_property
    def _bending(self) -> list[tuple[PiecewiseLinear, list[int]]]:
        """The different units, but for the identity, and whose they are."""
        found: dict[PiecewiseLinear, list[int]] = {}
        alike = {id(u): u for u in self.units}  # to hash every unit's fractions takes long
        columns = {name: found.setdefault(u, []) for name, u in alike.items()}
        for i, unit in enumerate(self.units):
            columns[id(unit)].append(i)
        return [(unit, at) for unit, at in found.items() if not unit.is_identity]

    def __call__(self, x: Array) -> Array:
        return self.activate(self.pre_activation(x))


@dataclass(frozen=True, eq=False)
class Network(FieldsOnly, InNotebook):
    """A feed-forward network of piecewise-linear units. Immutable.

    Args:
        layers: in order; the last usually has identity units (it is the output).
        input_box: the box of inputs that the network was made for, if its file says so.
        notes: what the loader left off or decided, one sentence each.

    Skip connections are units that pass their value on (identity units).

    Raises:
        NetworkError: no layers, or widths that do not fit.
    """

    layers: tuple[Layer, ...]
    input_box: Box | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        try:
            layers = tuple(self.layers)
        except TypeError:
            raise NetworkError(f"layers must be a sequence, not {self.layers!r}") from None
        if not layers:
            raise NetworkError("a network must have at least one layer")
        for k, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise NetworkError(
                    f"layer {k} must be a Layer, not a {type(layer).__name__}; Network.from_layers "
                    f"takes (weight, bias) pairs"
                )
        for k, (a, b) in enumerate(pairwise(layers)):
            if a.out_features != b.in_features:
                raise NetworkError(
                    f"layer {k} has {a.out_features} outputs, but layer {k + 1} takes "
                    f"{b.in_features}"
                )
        if self.input_box is not None and self.input_box.dim != layers[0].in_features:
            raise NetworkError(
                f"input_box must have dimension {layers[0].in_features}, not {self.input_box.dim}"
            )
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "notes", tuple(self.notes))

    @classmethod
    def from_layers(
        cls,
        layers: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]],
        activation: Units | None = None,
        *,
        output_activation: Units | None = None,
        input_box: Box | None = None,
    ) -> Network:
        """From ``(weight, bias)`` pairs, weight of shape (out, in) as in torch.

        ``activation`` (default ReLU) follows every pair but the last, which is the affine
        output unless ``output_activation`` is given.
        """
        pairs = list(layers)
        for name, given in (("activation", activation), ("output_activation", output_activation)):
            if isinstance(given, str) or (
                callable(given) and not isinstance(given, PiecewiseLinear)
            ):
                raise NetworkError(
                    f"{name} must be a PiecewiseLinear, such as polyrelu.relu(), not {given!r}"
                )
        hidden = relu() if activation is None else activation
        last = identity() if output_activation is None else output_activation
        built = []
        for k, pair in enumerate(pairs):
            try:
                weight, bias = pair
            except (TypeError, ValueError):
                raise NetworkError(f"layer {k} must be a (weight, bias) pair") from None
            try:
                factor = Affine(weight, bias)  # type: ignore[arg-type]
                built.append(Layer([factor], last if k == len(pairs) - 1 else hidden))
            except NetworkError as error:
                raise NetworkError(f"layer {k}: {error}") from None
        return cls(tuple(built), input_box=input_box)

    @classmethod
    def from_torch(cls, module: Any, input_shape: tuple[int, ...] | None = None) -> Network:
        """From a ``torch.nn.Sequential`` (nested too), see :mod:`polyrelu.io.torch`."""
        from .io.torch import from_torch

        return from_torch(module, input_shape)

    @classmethod
    def from_sklearn(cls, model: Any) -> Network:
        """From a fitted ``MLPClassifier`` or ``MLPRegressor``, see :mod:`polyrelu.io.sklearn`."""
        from .io.sklearn import from_sklearn

        return from_sklearn(model)

    @property
    def input_dim(self) -> int:
        return self.layers[0].in_features

    @property
    def output_dim(self) -> int:
        return self.layers[-1].out_features

    @property
    def widths(self) -> tuple[int, ...]:
        """Input dimension and the number of outputs of every layer."""
        return (self.input_dim, *(layer.out_features for layer in self.layers))

    @cached_property
    def thresholds(self) -> tuple[tuple[int, int, Fraction], ...]:
        """``(layer, unit, breakpoint)`` of every bit of a pattern, in the pattern's order.

        A bit is 1 where the unit's pre-activation is greater than the breakpoint. A ReLU
        has the one breakpoint 0, so a ReLU network has one bit per hidden neuron.
        """
        return tuple(
            (k, unit, t) for k, layer in enumerate(self.layers) for unit, t in layer.thresholds
        )

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the exact function: factors and units, not their names."""
        digest = hashlib.sha256(b"polyrelu network 1")
        for layer in self.layers:
            for factor in layer.factors:
                for array in (factor.weight, factor.bias, factor.divisor):
                    shape = () if array is None else array.shape
                    digest.update(repr(shape).encode())
                    if array is not None:
                        digest.update((array + 0.0).astype("<f8").tobytes())  # -0.0 is 0.0
            for unit in layer.units:
                digest.update(repr((unit.breakpoints, unit.slopes, unit.value)).encode())
        return digest.hexdigest()

    def __call__(self, x: npt.ArrayLike) -> Array:
        """The output in float64 for inputs of shape (..., input_dim): rounded as usual."""
        y = np.asarray(x, dtype=np.float64)
        if y.shape[-1:] != (self.input_dim,):
            raise NetworkError(f"inputs must have shape (..., {self.input_dim}), not {y.shape}")
        for layer in self.layers:
            y = layer(y)
        return y

    def exact(self, x: Sequence[float | Fraction]) -> tuple[tuple[Fraction, ...], tuple[int, ...]]:
        """The output at ``x`` and the sign of every threshold there, in rational arithmetic.

        Returns:
            ``(output, signs)``: output has length ``output_dim``; signs, in the order of
            :attr:`thresholds`, are -1, 0 or 1.
        """
        from flint import fmpz_mat

        point = [Fraction(v) for v in x]
        if len(point) != self.input_dim:
            raise NetworkError(f"a point must have {self.input_dim} coordinates, not {len(point)}")
        signs: list[int] = []
        for layer in self.layers:
            scale = int(np.lcm.reduce(np.array([v.denominator for v in point], dtype=object)))
            column = [[int(v * scale)] for v in point] + [[scale]]
            z = (layer.integer_matrix * fmpz_mat(column)).entries()
            bottom = int(z[-1])
            values = [Fraction(int(v), bottom) for v in z[:-1]]
            signs += [(values[i] > t) - (values[i] < t) for i, t in layer.thresholds]
            point = [unit.exact(v) for unit, v in zip(layer.units, values, strict=True)]
        return tuple(point), tuple(signs)

    def __repr__(self) -> str:
        return f"Network({'-'.join(map(str, self.widths))}, {len(self.thresholds)} thresholds)"
