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
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from .. import activations
from ..activations import PiecewiseLinear, Real
from ..domain import Box
from ..errors import DomainError, FileFormatError, NetworkError
from ..network import Affine, Layer, Network
from ._limits import check_bytes

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
    with path.open("rb") as file:  # outside the try: not allowed to read is another error
        try:
            with zipfile.ZipFile(file) as archive:
                arrays = _arrays(path, archive)
        except FileFormatError:
            raise
        except _BROKEN as error:
            raise FileFormatError(f"{path} is not a readable .npz file: {error}") from None
    try:
        return _network(path, arrays)
    except DomainError as error:
        raise FileFormatError(f"{path}: the input box: {error}") from None


_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,  # a position before the start of the file
    ValueError,
    struct.error,
    NotImplementedError,  # a compression that Python does not know
    RuntimeError,  # an encrypted member
)


def _arrays(path: Path, archive: zipfile.ZipFile) -> dict[str, npt.NDArray[Any]]:
    members = archive.infolist()
    seen: set[str] = set()
    for member in members:
        name = member.filename
        if _MEMBER.fullmatch(name) is None:
            raise FileFormatError(
                f"{path}: an array must be named W0, b0, d0, ..., activations, lo or hi, "
                f"not {name[:60]!r}"
            )
        if name in seen:
            raise FileFormatError(f"{path}: the array {name!r} must not occur twice")
        seen.add(name)
    check_bytes(path, sum(member.file_size for member in members))
    for member in members:
        with archive.open(member) as stream:
            _check_header(f"{path}: {member.filename}", stream, member.file_size)
    return {m.filename.removesuffix(".npy"): _read(path, archive, m) for m in members}


def _check_header(what: str, stream: IO[bytes], size: int) -> None:
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise ValueError(f"version {version}")
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise FileFormatError(f"{what} has no readable array header: {error}") from None
    if any(n < 0 for n in shape):
        raise FileFormatError(f"{what} must have a shape, not {shape}")
    if dtype.kind not in ("fiuU") or (dtype.kind == "f" and dtype.itemsize > 8):
        raise FileFormatError(f"{what} must hold float64 or narrower numbers, not {dtype}")
    claimed = math.prod(shape) * dtype.itemsize
    if claimed != size - stream.tell():
        raise FileFormatError(
            f"{what} claims shape {shape} of {dtype}, {claimed} bytes, "
            f"but holds {size - stream.tell()}"
        )


def _read(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(member) as stream:
        try:
            array: npt.NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        except ValueError as error:
            raise FileFormatError(f"{path}: {member.filename}: {error}") from None
        stream.read(1)  # at the end the archive's checksum is compared
    text = member.filename == "activations.npy"
    if (array.dtype.kind == "U") != text:
        kind = "strings" if text else "numbers"
        raise FileFormatError(f"{path}: {member.filename} must hold {kind}, not {array.dtype}")
    return array


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
    return [str(name) for name in names]


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
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its stub knows no **kwargs of arrays


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
