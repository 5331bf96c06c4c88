"""Networks in ``.npz`` files: the format that polyrelu writes, and the plainest to produce.

Arrays, for k = 0, 1, ... without a gap:

- ``W{k}`` of shape (out, in) and ``b{k}`` of shape (out,): an affine factor;
- ``d{k}`` of shape (out,), optional, positive: the factor's result is divided by it;
- ``activations``, optional, an array of strings, one for each factor: what follows it. Without
  it, ReLU follows every factor but the last. An entry is

  - empty: nothing, the next factor belongs to the same layer (see
    :class:`polyrelu.network.Layer`);
  - one unit for all outputs, or ``unit*count unit*count ...`` from the first output on;

  and a unit is ``relu``, ``identity``, ``abs``, ``relu6``, ``leaky_relu:slope``,
  ``hard_tanh:low:high`` or ``pl:breakpoints:slopes:value`` (see
  :class:`polyrelu.activations.PiecewiseLinear`; lists separated by commas). Numbers are
  integers, fractions ``p/q``, or decimals, which are read as float64;
- ``lo``, ``hi`` of shape (in,), optional: the input box.

Integers, float16, float32 and float64 are taken at their exact values.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import activations
from ..activations import PiecewiseLinear, Real
from ..domain import Box
from ..errors import DomainError, FileFormatError, NetworkError
from ..network import Affine, Layer, Network
from ._archive import read_arrays

_MEMBER = re.compile(r"((?:W|b|d)(?:0|[1-9][0-9]{0,5})|lo|hi|activations)\.npy")
_NUMBER = re.compile(r"[+-]?[0-9]{1,4000}(/[0-9]{1,4000})?")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,5})?")
_NAMED: dict[str, tuple[int, Callable[..., PiecewiseLinear]]] = {
    "relu": (0, activations.relu),
    "identity": (0, activations.identity),
    "abs": (0, activations.absolute),
    "relu6": (0, activations.relu6),
    "leaky_relu": (1, activations.leaky_relu),
    "hard_tanh": (2, activations.hard_tanh),
}


def load_npz(path: Path) -> Network:
    """The network in a ``.npz`` file. Nothing is unpickled.

    Names, types, shapes and sizes are checked before an array is read.

    Raises:
        FileFormatError: not a zip archive of plain numeric arrays under the names above, sizes
            that do not agree, a truncated or oversized member.
        NetworkError: numbers or shapes that make no network.
    """
    arrays = read_arrays(path, _MEMBER, "W0, b0, d0, ..., activations, lo or hi")
    return network_from_arrays(path, arrays)


def network_from_arrays(path: Path, arrays: dict[str, npt.NDArray[Any]]) -> Network:
    """The network that :func:`network_arrays` describes; ``path`` is for the messages."""
    for name, array in arrays.items():
        if (array.dtype.kind == "U") != (name == "activations"):
            kind = "strings" if name == "activations" else "numbers"
            raise FileFormatError(f"{path}: {name} must hold {kind}, not {array.dtype}")
    try:
        return _network(path, arrays)
    except DomainError as error:
        raise FileFormatError(f"{path}: the input box: {error}") from None


def _network(path: Path, arrays: dict[str, npt.NDArray[Any]]) -> Network:
    count = sum(name.startswith("W") for name in arrays)
    expected = {f"{letter}{k}" for k in range(count) for letter in "Wb"}
    optional = {f"d{k}" for k in range(count)} | {"activations", "lo", "hi"}
    missing = sorted(expected - arrays.keys())
    extra = sorted(arrays.keys() - expected - optional)
    if missing or extra or not count or ("lo" in arrays) != ("hi" in arrays):
        raise FileFormatError(
            f"{path} must hold W0, b0, W1, b1, ... without a gap, and both of lo and hi or "
            f"neither; it lacks {missing} and has {extra} besides"
        )
    names = _activations(path, arrays, count)
    layers: list[Layer] = []
    factors: list[Affine] = []
    for k, name in enumerate(names):
        try:
            factors.append(Affine(arrays[f"W{k}"], arrays[f"b{k}"], arrays.get(f"d{k}")))
        except NetworkError as error:
            raise NetworkError(f"{path}: factor {k}: {error}") from None
        if name:
            try:
                layers.append(Layer(factors, _units(name, factors[-1].weight.shape[0])))
            except (NetworkError, ValueError, ArithmeticError) as error:
                raise FileFormatError(f"{path}: activation {k}: {error}") from None
            factors = []
    if factors:
        raise FileFormatError(f"{path}: the last activation must not be empty")
    box = Box(arrays["lo"], arrays["hi"]) if "lo" in arrays else None
    return Network(tuple(layers), box)


def _activations(path: Path, arrays: dict[str, npt.NDArray[Any]], count: int) -> list[str]:
    if "activations" not in arrays:
        return ["relu"] * (count - 1) + ["identity"]
    names = arrays["activations"]
    if names.shape != (count,):
        raise FileFormatError(
            f"{path}: activations must have shape ({count},), one for each W, not {names.shape}"
        )
    try:
        return [str(name) for name in names]
    except (SystemError, ValueError) as error:
        raise FileFormatError(f"{path}: activations must be text ({error})") from None


def _units(text: str, n_out: int) -> PiecewiseLinear | list[PiecewiseLinear]:
    words = text.split()
    if len(words) == 1 and "*" not in text:
        return _unit(text)
    units: list[PiecewiseLinear] = []
    for word in words:
        name, _, times = word.partition("*")
        if not times.isdecimal() or len(times) > 9 or len(units) + int(times) > n_out:
            raise ValueError(f"must be unit*count for {n_out} outputs, not {word[:60]!r}")
        units += [_unit(name)] * int(times)
    return units


def _unit(text: str) -> PiecewiseLinear:
    name, *arguments = text.split(":")
    if name == "pl" and len(arguments) == 3:
        breakpoints, slopes, value = arguments
        return PiecewiseLinear(_numbers(breakpoints), _numbers(slopes), _real(value))
    arity, make = _NAMED.get(name, (-1, activations.relu))
    if len(arguments) != arity:
        raise ValueError(f"a unit must be one of {', '.join(_NAMED)} or pl, not {text[:60]!r}")
    return make(*(_real(argument) for argument in arguments))


def _numbers(text: str) -> tuple[Real, ...]:
    return tuple(_real(number) for number in text.split(",")) if text else ()


def _real(text: str) -> Real:
    """An integer or fraction at its value, a decimal as the nearest float64."""
    if _NUMBER.fullmatch(text):
        return Fraction(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    raise ValueError(f"must be a number, not {text[:60]!r}")


def save_npz(network: Network, path: Path) -> None:
    """Write ``network`` in the format above.

    Raises:
        FileFormatError: ``path`` does not end in ``.npz``.
    """
    if path.suffix.lower() != ".npz":
        raise FileFormatError(f"networks are written to .npz files, not {path.suffix!r} ({path})")
    arrays = network_arrays(network)
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its stub knows no **kwargs of arrays


def network_arrays(network: Network) -> dict[str, npt.NDArray[Any]]:
    """The arrays of the format above."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    names: list[str] = []
    for layer in network.layers:
        for factor in layer.factors:
            k = len(names)
            arrays[f"W{k}"], arrays[f"b{k}"] = factor.weight, factor.bias
            if factor.divisor is not None:
                arrays[f"d{k}"] = factor.divisor
            names.append("")
        names[-1] = _spell(layer.units)
    arrays["activations"] = np.array(names)
    if network.input_box is not None:
        arrays["lo"], arrays["hi"] = network.input_box.low, network.input_box.high
    return arrays


def _spell(units: tuple[PiecewiseLinear, ...]) -> str:
    runs = [(unit, len(list(run))) for unit, run in itertools.groupby(units)]
    if len(runs) == 1:
        return _name(runs[0][0])
    return " ".join(f"{_name(unit)}*{count}" for unit, count in runs)


def _name(unit: PiecewiseLinear) -> str:
    for name, (arity, make) in _NAMED.items():
        if arity == 0 and make() == unit:
            return name
    lists = (",".join(map(str, numbers)) for numbers in (unit.breakpoints, unit.slopes))
    return ":".join(["pl", *lists, str(unit.value)])
