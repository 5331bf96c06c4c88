"""Networks of smooth units, and which of their pre-activations are formally the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd

import numpy as np
import numpy.typing as npt

from .errors import NetworkError
from .network import Affine, FieldsOnly, integers
from .smooth_units import SmoothUnit

# What a hidden layer computes exactly: a constant, and integer multiples of unknown numbers.
Form = tuple[int, tuple[tuple[int, int], ...]]


@dataclass(frozen=True, eq=False)
class SmoothNetwork(FieldsOnly):
    """A feed-forward network of smooth units: the exact function of its float64 weights.

    Args:
        layers: ``(weight, bias)`` pairs, weight of shape (out, in). The activation follows all but
            the last, which is the affine output. With ``"swiglu"`` the first half of a hidden
            layer's rows are gates, the second half values.
        activation, beta: see :class:`SmoothUnit`.

    Raises:
        NetworkError: fewer than two layers, widths that do not fit, NaN, infinity, an unknown
            activation.
    """

    layers: tuple[Affine, ...]
    unit: SmoothUnit

    def __init__(
        self,
        layers: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]],
        activation: str = "gelu",
        *,
        beta: float = 1.0,
    ) -> None:
        unit = SmoothUnit(activation, beta)
        built: list[Affine] = []
        for k, pair in enumerate(layers):
            try:
                weight, bias = pair
            except (TypeError, ValueError):
                raise NetworkError(f"layer {k} must be a (weight, bias) pair") from None
            try:
                built.append(Affine(weight, bias))  # type: ignore[arg-type]
            except NetworkError as error:
                raise NetworkError(f"layer {k}: {error}") from None
        if len(built) < 2:
            raise NetworkError("a network must have a hidden layer and an affine output")
        object.__setattr__(self, "layers", tuple(built))
        object.__setattr__(self, "unit", unit)
        for k, layer in enumerate(built[:-1]):
            rows, takes = len(layer.bias), built[k + 1].weight.shape[1]
            if unit.is_gated and rows % 2:
                raise NetworkError(f"layer {k} must have gates and as many values, not {rows} rows")
            if self.widths[k] != takes:
                raise NetworkError(
                    f"layer {k} has {self.widths[k]} outputs, but layer {k + 1} takes {takes}"
                )

    @property
    def input_dim(self) -> int:
        return int(self.layers[0].weight.shape[1])

    @property
    def hidden(self) -> tuple[Affine, ...]:
        """The layers that an activation follows."""
        return self.layers[:-1]

    @property
    def widths(self) -> tuple[int, ...]:
        """The number of units, and of bits of a pattern, of each hidden layer."""
        return tuple(len(a.bias) // (2 if self.unit.is_gated else 1) for a in self.hidden)

    @property
    def n_units(self) -> int:
        return sum(self.widths)

    @cached_property
    def _integer_layers(self) -> list[tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]]:
        """Twice a power of two times weight and bias, in integers (sigmoid(0) is a half)."""
        found = []
        for affine in self.hidden:
            n_out, n_in = affine.weight.shape
            flat, _ = integers(np.concatenate([affine.weight, affine.bias[:, None]], axis=1))
            table = 2 * np.array(flat, dtype=object).reshape(n_out, n_in + 1)
            found.append((table[:, :-1], table[:, -1]))
        return found

    def forms(self, first: Sequence[Hashable], zero: Hashable) -> list[list[Hashable]]:
        """What the pre-activations of each layer are, such that equal forms are equal functions.

        Args:
            first: of the first layer, whatever tells its pre-activations apart.
            zero: what stands in it for 0.

        Behind the first layer a form is a ``Form``; ``(0, ())`` is identically 0. Units with
        equal forms are one unknown, and what is 0 is known behind the activation too. Equality is
        sufficient only: other pre-activations may be equal by what the activation is.
        """
        found: list[list[Hashable]] = [list(first)]
        for weight, bias in self._integer_layers[1:]:
            outputs, is_zero = self._outputs(found[-1], zero)
            numbers: dict[Hashable, int] = {}
            columns: dict[int, npt.NDArray[np.object_]] = {}
            constant = bias
            at_zero = self.unit.at_zero
            for j, output in enumerate(outputs):
                if is_zero[j] and at_zero is not None:
                    constant = constant + weight[:, j] * at_zero.numerator // at_zero.denominator
                    continue
                number = numbers.setdefault(output, len(numbers))
                columns[number] = columns.get(number, 0) + weight[:, j]
            found.append([
                (int(constant[i]), tuple((k, int(c[i])) for k, c in columns.items() if c[i]))
                for i in range(len(bias))
            ])  # fmt: skip
            zero = (0, ())
        return found

    def _outputs(self, forms: list[Hashable], zero: Hashable) -> tuple[list[Hashable], list[bool]]:
        """What the activation makes of them, and which of that is its value at 0."""
        if not self.unit.is_gated:
            return forms, [form == zero for form in forms]
        half = len(forms) // 2
        pairs = list(zip(forms[:half], forms[half:], strict=True))
        return list(pairs), [zero in pair for pair in pairs]


def same_zeros(form: Form) -> Form:
    """The same for all multiples of a form, which vanish together."""
    constant, terms = form
    values = [constant, *(v for _, v in terms)]
    common = gcd(*values) or 1
    sign = 1 if next((v for v in values if v), 1) > 0 else -1
    return constant * sign // common, tuple((k, v * sign // common) for k, v in terms)
