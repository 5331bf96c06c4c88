"""The ONNX operators that polyrelu knows, as operations on a :class:`~polyrelu.io.tape.Tape`.

Three tables: ``UNITS`` close a layer, ``MAPS`` are affine or only move entries, ``HEADS`` are
left off at the very end. Operators: https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import activations
from ..activations import PiecewiseLinear
from ..errors import NetworkError, UnsupportedLayerError
from ..network import Array
from ._limits import check_entries
from .tape import Index, Tape
from .windows import Windows, sliding_windows


@dataclass(frozen=True)
class Operand:
    """An array of constants, or of positions in the state (``computed``)."""

    array: npt.NDArray[Any]
    computed: bool


@dataclass(frozen=True)
class Call:
    """One node, ready to be run: its operands are there."""

    tape: Tape
    op: str
    inputs: Sequence[Operand | None]
    names: Sequence[str]
    outputs: int
    attributes: Mapping[str, Any]
    opset: int

    def has(self, k: int) -> bool:
        return k < len(self.inputs) and self.inputs[k] is not None

    def operand(self, k: int) -> Operand:
        operand = self.inputs[k] if k < len(self.inputs) else None
        if operand is None:
            raise NetworkError(f"input {k} is missing")
        return operand

    def computed(self, k: int) -> Index:
        operand = self.operand(k)
        if not operand.computed:
            raise UnsupportedLayerError(
                f"input {k} ({self.names[k]!r}) is a constant: arithmetic between constants "
                "rounds and must be folded by the exporter"
            )
        return operand.array

    def floats(self, k: int, finite: bool = True) -> Array:
        """A constant, widened to float64."""
        array = self._constant(k)
        if array.dtype.kind not in "f" and array.dtype.name != "bfloat16":
            raise NetworkError(f"input {k} ({self.names[k]!r}) must be floats, not {array.dtype}")
        wide = array.astype(np.float64)
        if np.isnan(wide).any() or (finite and np.isinf(wide).any()):
            raise NetworkError(f"input {k} ({self.names[k]!r}) must be finite")
        return wide

    def ints(self, k: int) -> list[int]:
        array = self._constant(k)
        if array.dtype.kind not in "iu":
            raise NetworkError(f"input {k} ({self.names[k]!r}) must be integers, not {array.dtype}")
        return [int(n) for n in array.ravel()]

    def _constant(self, k: int) -> npt.NDArray[Any]:
        operand = self.operand(k)
        if operand.computed:
            raise UnsupportedLayerError(f"input {k} ({self.names[k]!r}) must be a constant")
        return operand.array

    def ints_at(self, attribute: str, k: int) -> list[int] | None:
        """What later opsets moved from an attribute to an input."""
        if self.has(k):
            return self.ints(k)
        value = self.attributes.get(attribute)
        return None if value is None else [int(n) for n in value]


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise NetworkError(f"axis {axis} does not exist in {rank} dimension(s)")
    return axis % rank


# -- units: the tensor that they apply to, and one for each of its entries ------------------------

Applied = tuple[Index, list[PiecewiseLinear]]
_LARGEST = float(np.finfo(np.float32).max)  # what exporters write for "no bound"


def _same(call: Call, unit: PiecewiseLinear) -> Applied:
    x = call.computed(0)
    return x, [unit] * x.size


def _prelu(call: Call) -> Applied:
    x = call.computed(0)
    slopes = np.broadcast_to(call.floats(1), x.shape).ravel().tolist()
    units = {slope: activations.leaky_relu(slope) for slope in set(slopes)}
    return x, [units[slope] for slope in slopes]


def _clip(call: Call) -> Applied:
    if call.opset >= 11:
        bounds = [
            float(call.floats(k, finite=False).reshape(())) if call.has(k) else default
            for k, default in ((1, -math.inf), (2, math.inf))
        ]
    else:
        bounds = [call.attributes.get("min", -math.inf), call.attributes.get("max", math.inf)]
    return _same(call, _clipped(*bounds))


def _clipped(low: float, high: float) -> PiecewiseLinear:
    if math.isnan(low) or math.isnan(high) or low > high or low == math.inf or high == -math.inf:
        raise NetworkError(f"bounds must be in order, not {low} and {high}")
    if low == high:
        return PiecewiseLinear((), (0,), low)
    if abs(low) < _LARGEST and abs(high) < _LARGEST:
        return activations.hard_tanh(low, high)
    if abs(low) < _LARGEST:
        return PiecewiseLinear((low,), (0, 1), low)
    if abs(high) < _LARGEST:
        return PiecewiseLinear((high,), (1, 0), high)
    return activations.identity()


def _hard_sigmoid(call: Call) -> Applied:
    alpha = Fraction(call.attributes.get("alpha", float(np.float32(0.2))))
    beta = Fraction(call.attributes.get("beta", 0.5))
    if alpha <= 0:
        raise UnsupportedLayerError(f"alpha must be positive, not {float(alpha)}")
    return _same(call, PiecewiseLinear((-beta / alpha, (1 - beta) / alpha), (0, alpha, 0), 0))


def _extreme(slopes: tuple[int, int]) -> Callable[[Call], Applied]:
    """Max or Min of a tensor and a constant: a unit that bends at the constant."""

    def apply(call: Call) -> Applied:
        if len(call.inputs) != 2 or sum(o is not None and o.computed for o in call.inputs) != 1:
            raise UnsupportedLayerError("must be of one computed tensor and one constant")
        at = 0 if call.operand(0).computed else 1
        x, c = np.broadcast_arrays(call.computed(at), call.floats(1 - at))
        check_entries(x.size, 1)
        units = {v: PiecewiseLinear((v,), slopes, v) for v in set(c.ravel().tolist())}
        return x, [units[v] for v in c.ravel().tolist()]

    return apply


def _leaky(call: Call) -> Applied:
    alpha = call.attributes.get("alpha", float(np.float32(0.01)))
    return _same(call, activations.leaky_relu(alpha))


UNITS: dict[str, Callable[[Call], Applied]] = {
    "Relu": lambda call: _same(call, activations.relu()),
    "LeakyRelu": _leaky,
    "PRelu": _prelu,
    "Clip": _clip,
    "Abs": lambda call: _same(call, activations.absolute()),
    "HardSigmoid": _hard_sigmoid,
    "Max": _extreme((0, 1)),
    "Min": _extreme((1, 0)),
}


# -- moving entries: the same for constants and for positions -------------------------------------


def _moved(move: Callable[[Call, npt.NDArray[Any]], npt.NDArray[Any]]) -> Callable[[Call], Operand]:
    def apply(call: Call) -> Operand:
        operand = call.operand(0)
        return Operand(move(call, operand.array), operand.computed)

    return apply


def _reshape(call: Call, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    shape = call.ints_at("shape", 1) or []
    if not call.attributes.get("allowzero", 0):
        shape = [x.shape[k] if n == 0 else n for k, n in enumerate(shape)]
    return x.reshape(shape)


def _flatten(call: Call, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    axis = int(call.attributes.get("axis", 1))
    axis = axis if axis == x.ndim else _axis(axis, x.ndim)
    return x.reshape(math.prod(x.shape[:axis]), -1)


def _squeeze(call: Call, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    axes = call.ints_at("axes", 1)
    return np.squeeze(x, None if axes is None else tuple(axes))


def _unsqueeze(call: Call, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.expand_dims(x, tuple(call.ints_at("axes", 1) or ()))


def _slice(call: Call, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    starts, ends = call.ints_at("starts", 1) or [], call.ints_at("ends", 2) or []
    axes = call.ints_at("axes", 3)
    axes = list(range(len(starts))) if axes is None else axes
    steps = call.ints(4) if call.has(4) else [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        n = x.shape[_axis(axis, x.ndim)]
        # ONNX clamps; for a negative step an end before the first entry means "to the first"
        stop = None if step < 0 and end < -n else end
        cut: list[slice] = [slice(None)] * x.ndim
        cut[_axis(axis, x.ndim)] = slice(start, stop, step)
        x = x[tuple(cut)]
    return x


def _gather(call: Call, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    shape = call.operand(1).array.shape
    axis = _axis(int(call.attributes.get("axis", 0)), x.ndim)
    indices = np.array(call.ints(1), dtype=np.int64).reshape(shape)
    check_entries(x.size // max(1, x.shape[axis]), indices.size)
    return np.take(x, indices, axis)


def _expand(call: Call, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    shape = np.broadcast_shapes(x.shape, tuple(call.ints(1)))
    check_entries(math.prod(shape), 1)
    return np.broadcast_to(x, shape)


def _transpose(call: Call, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.transpose(x, call.attributes.get("perm"))


def _dropout(call: Call, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if call.has(2) and np.any(call.operand(2).array):
        raise UnsupportedLayerError("training_mode must be false")
    return x


def _split(call: Call) -> list[Operand]:
    operand = call.operand(0)
    axis = _axis(int(call.attributes.get("axis", 0)), operand.array.ndim)
    n, sizes = operand.array.shape[axis], call.ints_at("split", 1)
    if sizes is None:
        each = -(-n // call.outputs)
        sizes = [min(each, n - k * each) for k in range(call.outputs)]
    if sum(sizes) != n or len(sizes) != call.outputs or min(sizes) < 1:
        raise NetworkError(f"parts of {sizes} do not make {n}")
    parts = np.split(operand.array, list(itertools.accumulate(sizes))[:-1], axis)
    return [Operand(part, operand.computed) for part in parts]


def _cast(call: Call) -> Operand:
    operand, target = call.operand(0), int(call.attributes["to"])
    kinds = {1: np.float32, 6: np.int32, 7: np.int64, 10: np.float16, 11: np.float64}
    if target not in kinds or (operand.computed and target in (6, 7)):
        raise UnsupportedLayerError("a cast must be to float16, float32 or float64")
    if operand.computed:  # rounding of intermediate values is no part of the exact function
        return operand
    return Operand(operand.array.astype(kinds[target]), False)


def _shape(call: Call) -> Operand:
    shape = call.operand(0).array.shape
    start, end = call.attributes.get("start", 0), call.attributes.get("end")
    return Operand(np.array(shape, dtype=np.int64)[start:end], False)


def _constant(call: Call) -> Operand:
    for key, value in call.attributes.items():
        if key == "value":
            return Operand(np.asarray(value), False)
        if key in ("value_float", "value_floats"):
            return Operand(np.array(value, dtype=np.float32), False)
        if key in ("value_int", "value_ints"):
            return Operand(np.array(value, dtype=np.int64), False)
    raise UnsupportedLayerError("a constant must be numbers")


def _constant_of_shape(call: Call) -> Operand:
    shape = call.ints(0)
    check_entries(math.prod(shape), 1, "a constant")
    value = np.asarray(call.attributes.get("value", np.zeros(1, dtype=np.float32)))
    return Operand(np.full(shape, value.reshape(()), dtype=value.dtype), False)


def _concat(call: Call) -> Operand:
    operands = [call.operand(k) for k in range(len(call.inputs))]
    axis = int(call.attributes.get("axis", 1))
    check_entries(sum(o.array.size for o in operands), 1)
    if not any(o.computed for o in operands):
        return Operand(np.concatenate([o.array for o in operands], axis), False)
    arrays = {k: o.array for k, o in enumerate(operands) if o.computed}
    for k, operand in enumerate(operands):
        if not operand.computed:
            make = partial(call.tape.constant, call.floats(k))
            new, old = call.tape.carry(list(arrays.values()), make)
            arrays = dict(zip(arrays, old, strict=True)) | {k: new}
    return Operand(np.concatenate([arrays[k] for k in range(len(operands))], axis), True)


def _pad(call: Call) -> Operand:
    if call.attributes.get("mode", b"constant") != b"constant" or call.has(3):
        raise UnsupportedLayerError("padding must be constant and of all axes")
    x = call.computed(0)
    pads = call.ints_at("pads", 1) or []
    if len(pads) != 2 * x.ndim or min(pads) < 0:
        raise UnsupportedLayerError("pads must be two for each axis, and not negative")
    pairs = list(zip(pads[: x.ndim], pads[x.ndim :], strict=True))
    check_entries(math.prod(n + a + b for n, (a, b) in zip(x.shape, pairs, strict=True)), 1)
    value = call.floats(2).reshape(()) if call.has(2) else call.attributes.get("value", 0.0)
    edge, (x,) = call.tape.carry([x], lambda: call.tape.constant(np.array([float(value)])))
    return Operand(np.pad(x, pairs, constant_values=int(edge[0])), True)


# -- arithmetic -----------------------------------------------------------------------------------


def _aligned(call: Call) -> tuple[Operand, Operand]:
    """Both operands of an arithmetic node; before opset 7 an attribute says how they align."""
    a, b = call.operand(0), call.operand(1)
    axis = call.attributes.get("axis")
    if call.opset < 7 and call.attributes.get("broadcast", 0) and axis is not None:
        behind = a.array.ndim - _axis(int(axis), a.array.ndim) - b.array.ndim
        b = Operand(b.array.reshape(b.array.shape + (1,) * behind), b.computed)
    return a, b


def _integer_arithmetic(call: Call, a: Operand, b: Operand) -> Operand | None:
    """Shapes are computed in graphs, too: integers, without rounding."""
    if a.computed or b.computed or a.array.dtype.kind != "i" or b.array.dtype.kind != "i":
        return None
    if call.op == "Div" and (np.any(b.array <= 0) or np.any(a.array < 0)):
        return None
    operation = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.floor_divide}
    return Operand(operation[call.op](a.array, b.array), False)


def _arithmetic(call: Call) -> Operand:
    a, b = _aligned(call)
    integer = _integer_arithmetic(call, a, b)
    if integer is not None:
        return integer
    tape, op = call.tape, call.op
    if a.computed and b.computed:
        if op in ("Mul", "Div"):
            raise UnsupportedLayerError("of two computed tensors is not piecewise affine")
        return Operand(tape.add(a.array, b.array, 1 if op == "Add" else -1), True)
    x = a.array if a.computed else call.computed(1) if op == "Div" else b.array
    if not b.computed and not a.computed:
        call.computed(0)  # raises: two constants
    c = call.floats(1 if a.computed else 0).reshape(b.array.shape if a.computed else a.array.shape)
    if op == "Div" and b.computed:
        raise UnsupportedLayerError("by a computed tensor is not piecewise affine")
    if op == "Add":
        y = tape.elementwise(x, shift=c)
    elif op == "Sub":
        y = tape.elementwise(x, shift=-c) if a.computed else tape.elementwise(x, -1.0, c)
    elif op == "Mul":
        y = tape.elementwise(x, scale=c)
    else:
        y = tape.elementwise(x, divisor=c)
    return Operand(y, True)


def _sum(call: Call) -> Operand:
    x, rest = call.computed(0), [call.computed(k) for k in range(1, len(call.inputs))]
    while rest:
        x, rest = call.tape.carry(rest[1:], partial(call.tape.add, x, rest[0]))
    return Operand(x, True)


def _matmul(call: Call) -> Operand:
    a, b = call.operand(0), call.operand(1)
    if a.computed and b.computed:
        raise UnsupportedLayerError("of two computed tensors is not piecewise affine")
    if b.computed:
        return Operand(call.tape.rmatmul(call.floats(0), b.array), True)
    return Operand(call.tape.matmul(call.computed(0), call.floats(1)), True)


def _gemm(call: Call) -> Operand:
    tape, x, weight = call.tape, call.computed(0), call.floats(1)
    if call.attributes.get("transA", 0):
        x = x.T
    if weight.ndim != 2:
        raise NetworkError(f"the weight must be a matrix, not of shape {weight.shape}")
    weight = weight.T if call.attributes.get("transB", 0) else weight
    if x.ndim != 2 and x.size == len(weight):  # MATLAB writes (1, 1, 1, n)
        x = x.reshape(1, -1)
    alpha, beta = (float(call.attributes.get(key, 1.0)) for key in ("alpha", "beta"))
    others = [call.operand(2).array] if call.has(2) and call.operand(2).computed else []
    y, moved = tape.carry(others, lambda: tape.elementwise(tape.matmul(x, weight), scale=alpha))
    if not call.has(2) or beta == 0:
        return Operand(y, True)
    if not moved and beta == 1:
        return Operand(tape.elementwise(y, shift=call.floats(2)), True)
    if not moved:  # beta times a constant may round, so the constant becomes a tensor first
        bias, (y,) = tape.carry([y], lambda: tape.constant(call.floats(2)))
        moved = [bias]
    term, (y,) = tape.carry([y], lambda: tape.elementwise(moved[0], scale=beta))
    return Operand(tape.add(y, term), True)


def _batch_norm(call: Call) -> Operand:
    x, attributes = call.computed(0), call.attributes
    if attributes.get("training_mode", 0) or attributes.get("spatial", 1) != 1:
        raise UnsupportedLayerError("must be in inference mode, with statistics for each channel")
    if call.opset < 7 and not attributes.get("is_test", 0):
        raise UnsupportedLayerError("must be in inference mode (is_test=1)")
    epsilon = float(attributes.get("epsilon", float(np.float32(1e-5))))
    gamma, beta, mean, variance = (call.floats(k) for k in range(1, 5))
    axis = _axis(1, x.ndim)
    return Operand(call.tape.batch_norm(x, axis, (gamma, beta, mean, variance), epsilon), True)


# -- windows --------------------------------------------------------------------------------------


def _image(call: Call) -> Index:
    x = call.computed(0)
    if x.ndim < 3 or x.shape[0] != 1:
        raise NetworkError(f"the input must be (1, channels, *spatial), not {x.shape}")
    image: Index = x[0]
    return image


def _windows(call: Call, spatial: tuple[int, ...], kernel: Sequence[int]) -> Windows:
    rank = len(spatial)
    strides = call.attributes.get("strides", [1] * rank)
    dilations = call.attributes.get("dilations", [1] * rank)
    mode = call.attributes.get("auto_pad", b"NOTSET")
    if mode in (b"SAME_UPPER", b"SAME_LOWER"):
        padding = []
        for n, k, s, d in zip(spatial, kernel, strides, dilations, strict=True):
            total = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
            small, large = total // 2, total - total // 2
            padding.append((small, large) if mode == b"SAME_UPPER" else (large, small))
    else:
        pads = call.attributes.get("pads", [0] * 2 * rank)
        pads = [0] * 2 * rank if mode == b"VALID" else pads
        padding = list(zip(pads[:rank], pads[rank:], strict=True))
    windows = sliding_windows(spatial, kernel, strides, padding, dilations)
    room = zip(spatial, padding, kernel, strides, dilations, strict=True)
    uneven = any((n + a + b - d * (k - 1) - 1) % s for n, (a, b), k, s, d in room)
    if call.attributes.get("ceil_mode", 0) and uneven:
        raise UnsupportedLayerError("ceil_mode must be 0 where it makes a difference")
    return windows


def _conv(call: Call) -> Operand:
    x, weight = _image(call), call.floats(1)
    if weight.ndim != x.ndim + 1:
        raise NetworkError(f"a weight of shape {weight.shape} does not fit {x.shape}")
    windows = _windows(call, x.shape[1:], weight.shape[2:])
    bias = call.floats(2) if call.has(2) else None
    y = call.tape.convolution(x, weight, bias, windows, int(call.attributes.get("group", 1)))
    return Operand(y[None], True)


def _average_pool(call: Call) -> Operand:
    x, kernel = _image(call), call.attributes["kernel_shape"]
    windows = _windows(call, x.shape[1:], kernel)
    whole = np.full(windows.shape, float(math.prod(kernel)))
    divisor = whole if call.attributes.get("count_include_pad", 0) else windows.inside()
    return Operand(call.tape.average_pool(x, windows, divisor)[None], True)


def _reduce(call: Call) -> Operand:
    x = call.computed(0)
    axes = call.ints_at("axes", 1) or []
    if not axes and call.attributes.get("noop_with_empty_axes", 0):
        return Operand(x, True)
    wanted = sorted({_axis(a, x.ndim) for a in axes}) or list(range(x.ndim))
    keep = bool(call.attributes.get("keepdims", 1))
    return Operand(call.tape.reduce(x, wanted, keep, call.op == "ReduceMean"), True)


def _global_average_pool(call: Call) -> Operand:
    x = _image(call)[None]
    return Operand(call.tape.reduce(x, range(2, x.ndim), keep=True, mean=True), True)


MAPS: dict[str, Callable[[Call], Operand | list[Operand]]] = {
    "Add": _arithmetic,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Conv": _conv,
    "Div": _arithmetic,
    "Dropout": _moved(_dropout),
    "Expand": _moved(_expand),
    "Flatten": _moved(_flatten),
    "Gather": _moved(_gather),
    "Gemm": _gemm,
    "GlobalAveragePool": _global_average_pool,
    "Identity": _moved(lambda call, x: x),
    "MatMul": _matmul,
    "Mul": _arithmetic,
    "Neg": lambda call: Operand(call.tape.elementwise(call.computed(0), scale=-1.0), True),
    "Pad": _pad,
    "ReduceMean": _reduce,
    "ReduceSum": _reduce,
    "Reshape": _moved(_reshape),
    "Shape": _shape,
    "Slice": _moved(_slice),
    "Split": _split,
    "Squeeze": _moved(_squeeze),
    "Sub": _arithmetic,
    "Sum": _sum,
    "Transpose": _moved(_transpose),
    "Unsqueeze": _moved(_unsqueeze),
}

#: Left off at the very end: each is increasing or keeps the order, and bends nothing by itself.
HEADS = ("Softmax", "LogSoftmax", "Sigmoid", "Tanh")

#: What may follow a head: entries stay in their order.
AFTER_HEAD = ("Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Dropout")
