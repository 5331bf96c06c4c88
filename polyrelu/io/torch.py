"""Networks from ``torch.nn.Sequential``, nested too. Needs ``pip install polyrelu[torch]``.

Parameters of float64 or narrower are taken at their exact values; a module's Python numbers
(a negative slope, an epsilon) at their float64 values. The function is the module's in
evaluation mode: dropout passes on, batch normalisation uses its running statistics.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from .. import activations
from ..activations import PiecewiseLinear
from ..errors import NetworkError, UnsupportedLayerError
from ..network import Array, Network
from ._extras import require
from .tape import Index, Tape
from .windows import Windows, sliding_windows

_HEADS = ("Softmax", "Softmax2d", "LogSoftmax", "Sigmoid", "LogSigmoid", "Tanh")
_PASSED = (
    "Identity",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "AlphaDropout",
    "FeatureAlphaDropout",
)


def from_torch(module: Any, input_shape: Sequence[int] | None = None) -> Network:
    """The function of a ``torch.nn.Sequential``, or of a single known module.

    Args:
        module: nothing in it may have hooks or a ``forward`` of its own: what those do is
            unknown.
        input_shape: shape of one input, without the batch dimension. Needed if the module
            starts with a convolution, a pooling or an ``Unflatten``; the network's inputs are
            the flattened input.

    Softmax, LogSoftmax, Sigmoid, LogSigmoid and Tanh at the very end are left off (they move
    no region boundary); ``notes`` says so.

    Raises:
        UnsupportedLayerError: a module of another class; the message has its dotted position.
        NetworkError: shapes that do not fit, NaN, a parameter without data.
        MissingExtraError: torch is not installed.
    """
    leaves = _leaves(module, "")
    if not leaves:
        raise NetworkError("a network must have at least one module")
    shape = _input_shape(leaves) if input_shape is None else tuple(map(int, input_shape))
    if min(shape, default=0) < 1:
        raise NetworkError(f"input_shape must be positive numbers, not {shape}")
    tape = Tape(math.prod(shape))
    if bool(module.training) and any(_differs_in_training(name) for _, name, _ in leaves):
        tape.notes.append("The module is in training mode; its evaluation mode was taken.")
    x: Index = np.arange(math.prod(shape)).reshape(shape)
    head = ""
    for position, name, leaf in leaves:
        if name in _PASSED or (head and name == "Flatten"):
            continue
        if head:
            raise UnsupportedLayerError(
                f"{head} is understood only at the very end, not before {position} ({name})"
            )
        if name in _HEADS:
            head = f"{position} ({name})"
            tape.notes.append(f"{head} at the end is left off: the outputs are its inputs.")
            continue
        try:
            x = _apply(tape, name, leaf, x)
        except NetworkError as error:
            raise type(error)(f"{position} ({name}): {error}") from None
    return tape.finish([x])


def _differs_in_training(name: str) -> bool:
    return "Dropout" in name or "BatchNorm" in name


def _apply(tape: Tape, name: str, leaf: Any, x: Index) -> Index:
    if name in _UNITS:
        tape.activate([("x", x, _UNITS[name](leaf, x))])
        return tape.tensors.pop("x")
    return _MAPS[name](tape, leaf, x)


def _leaves(module: Any, position: str) -> list[tuple[str, str, Any]]:
    """(dotted position, class in torch.nn, module) of every module that computes."""
    nn = require("torch.nn", "torch")
    label = position or "the module"
    own = type(module).__name__
    if not isinstance(module, nn.Module):
        raise NetworkError(f"{label} must be a torch.nn.Module, not {own}")
    known = ("Sequential", *_PASSED, *_HEADS, *_UNITS, *_MAPS)
    name = next((n for n in known if _computes_as(module, getattr(nn, n))), None)
    if name is None:
        if own in vars(nn) and own not in known:
            raise UnsupportedLayerError(f"{label} ({own}) is not supported{_why_not(own)}")
        raise UnsupportedLayerError(
            f"{label} ({own}) must be a torch.nn.Sequential of known modules ({', '.join(known)}); "
            "what another forward() computes is unknown (exporting to ONNX may help)"
        )
    if any(require("torch", "torch").nn.parameter.is_lazy(p) for p in module.parameters()):
        raise NetworkError(f"{label} ({own}) has parameters with no data yet: run it once")
    if module._forward_hooks or module._forward_pre_hooks:
        raise UnsupportedLayerError(
            f"{label} ({own}) must not have forward hooks: what they do is unknown"
        )
    if name != "Sequential":
        return [(label, name, module)]
    prefix = position + "." if position else ""
    children = ((prefix + key, child) for key, child in module._modules.items())
    return list(itertools.chain.from_iterable(_leaves(child, at) for at, child in children))


def _why_not(name: str) -> str:
    if "MaxPool" in name:
        return ": the maximum of several inputs is not a function of one pre-activation"
    if name in (
        "GELU",
        "SiLU",
        "ELU",
        "SELU",
        "CELU",
        "Mish",
        "Softplus",
        "Softsign",
        "Tanhshrink",
    ):
        return ": it is not piecewise linear"
    return ""


def _computes_as(module: Any, known: Any) -> bool:
    """Whether ``module`` is of class ``known``, or of a subclass that computes the same."""
    forward = type(module).forward is known.forward and "forward" not in vars(module)
    inner = all(
        getattr(type(module), n, None) is getattr(known, n, None)
        for n in ("__call__", "_conv_forward")
    )
    return isinstance(module, known) and forward and inner


def _input_shape(leaves: Sequence[tuple[str, str, Any]]) -> tuple[int, ...]:
    for position, name, leaf in leaves:
        if name == "Linear":
            return (int(leaf.in_features),)
        if name == "BatchNorm1d":
            return (int(leaf.num_features),)
        if name not in _UNITS and name not in _PASSED and name != "Flatten":
            raise NetworkError(f"{position} ({name}) comes first, so input_shape must be given")
    raise NetworkError("nothing says how many inputs there are, so input_shape must be given")


def _array(value: Any, what: str) -> Array:
    """A parameter or buffer, widened to float64 without rounding."""
    torch = require("torch", "torch")
    if value.is_meta or torch.nn.parameter.is_lazy(value):
        raise NetworkError(f"{what} has no data yet")
    exact = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
    if value.dtype not in exact:
        raise NetworkError(f"{what} must be floating point of 64 bits or less, not {value.dtype}")
    array: Array = value.detach().to("cpu", torch.float64).to_dense().numpy()
    if not np.all(np.isfinite(array)):
        raise NetworkError(f"{what} must be finite")
    return array


def _bias(leaf: Any) -> Array | None:
    return None if leaf.bias is None else _array(leaf.bias, "bias")


# -- units: one for each entry of the input -----------------------------------------------------


def _same(unit: PiecewiseLinear, x: Index) -> list[PiecewiseLinear]:
    return [unit] * x.size


def _prelu(leaf: Any, x: Index) -> list[PiecewiseLinear]:
    slopes = _array(leaf.weight, "weight").ravel()
    channels = x.shape[0]
    if len(slopes) not in (1, channels):
        raise NetworkError(f"{len(slopes)} slopes do not fit {channels} channels")
    units = [activations.leaky_relu(slope) for slope in slopes.tolist()]
    return [unit for unit in units for _ in range(x.size // len(units))]


def _hard_tanh(leaf: Any, x: Index) -> list[PiecewiseLinear]:
    return _same(activations.hard_tanh(leaf.min_val, leaf.max_val), x)


def _hard_sigmoid(leaf: Any, x: Index) -> list[PiecewiseLinear]:
    return _same(PiecewiseLinear((-3, 3), (0, Fraction(1, 6), 0), 0), x)


def _threshold(leaf: Any, x: Index) -> list[PiecewiseLinear]:
    if leaf.threshold != leaf.value:
        raise UnsupportedLayerError(
            f"a threshold of {leaf.threshold} must have the same value, not {leaf.value}: "
            "the function would jump"
        )
    return _same(PiecewiseLinear((leaf.threshold,), (0, 1), leaf.value), x)


def _soft_shrink(leaf: Any, x: Index) -> list[PiecewiseLinear]:
    if leaf.lambd == 0:
        return _same(activations.identity(), x)
    return _same(PiecewiseLinear((-leaf.lambd, leaf.lambd), (1, 0, 1), 0), x)


_UNITS: dict[str, Callable[[Any, Index], list[PiecewiseLinear]]] = {
    "ReLU": lambda leaf, x: _same(activations.relu(), x),
    "LeakyReLU": lambda leaf, x: _same(activations.leaky_relu(leaf.negative_slope), x),
    "PReLU": _prelu,
    "ReLU6": lambda leaf, x: _same(activations.relu6(), x),
    "Hardtanh": _hard_tanh,
    "Hardsigmoid": _hard_sigmoid,
    "Threshold": _threshold,
    "Softshrink": _soft_shrink,
}


# -- affine maps ------------------------------------------------------------------------------


def _linear(tape: Tape, leaf: Any, x: Index) -> Index:
    if x.shape[-1] != leaf.in_features:
        raise NetworkError(f"the input must end in {leaf.in_features} features, not {x.shape}")
    return tape.matmul(x, _array(leaf.weight, "weight").T, _bias(leaf))


def _batch_norm(tape: Tape, leaf: Any, x: Index) -> Index:
    if leaf.running_mean is None or leaf.running_var is None:
        raise NetworkError("track_running_stats must be True: there are no statistics")
    mean, variance = _array(leaf.running_mean, "mean"), _array(leaf.running_var, "variance")
    gamma = np.ones_like(mean) if leaf.weight is None else _array(leaf.weight, "weight")
    beta = np.zeros_like(mean) if leaf.bias is None else _array(leaf.bias, "bias")
    return tape.batch_norm(x, 0, (gamma, beta, mean, variance), float(leaf.eps))


def _spatial(x: Index, rank: int) -> tuple[int, ...]:
    if x.ndim != rank + 1:
        raise NetworkError(f"the input must be (channels, *spatial) of {rank + 1} dimensions, "
                           f"not {x.shape}")  # fmt: skip
    return x.shape[1:]


def _each(value: Any, rank: int) -> tuple[int, ...]:
    """torch's "one number for all dimensions, or one for each"."""
    return (int(value),) * rank if isinstance(value, int) else tuple(map(int, value))


def _convolution(rank: int) -> Callable[[Tape, Any, Index], Index]:
    def apply(tape: Tape, leaf: Any, x: Index) -> Index:
        if leaf.padding_mode != "zeros":
            raise UnsupportedLayerError(f"padding must be with zeros, not {leaf.padding_mode!r}")
        if leaf.padding == "same":
            total = [d * (k - 1) for k, d in zip(leaf.kernel_size, leaf.dilation, strict=True)]
            padding = [(t // 2, t - t // 2) for t in total]
        elif leaf.padding == "valid":
            padding = [(0, 0)] * rank
        else:
            padding = [(p, p) for p in _each(leaf.padding, rank)]
        spatial = _spatial(x, rank)
        weight, bias = _array(leaf.weight, "weight"), _bias(leaf)
        windows = sliding_windows(spatial, weight.shape[2:], leaf.stride, padding, leaf.dilation)
        return tape.convolution(x, weight, bias, windows, leaf.groups)

    return apply


def _average_pool(rank: int) -> Callable[[Tape, Any, Index], Index]:
    def apply(tape: Tape, leaf: Any, x: Index) -> Index:
        kernel, stride = _each(leaf.kernel_size, rank), _each(leaf.stride, rank)
        padding = [(p, p) for p in _each(leaf.padding, rank)]
        spatial = _spatial(x, rank)
        windows = sliding_windows(spatial, kernel, stride, padding, (1,) * rank)
        if leaf.ceil_mode and any(
            (n + 2 * p - k) % s
            for n, (p, _), k, s in zip(spatial, padding, kernel, stride, strict=True)
        ):
            raise UnsupportedLayerError("ceil_mode must be False where it makes a difference")
        given = getattr(leaf, "divisor_override", None)
        whole = float(math.prod(kernel) if given is None else given)
        inside = not leaf.count_include_pad and given is None
        divisor = windows.inside() if inside else np.full(windows.shape, whole)
        return tape.average_pool(x, windows, divisor)

    return apply


def _adaptive_pool(rank: int) -> Callable[[Tape, Any, Index], Index]:
    def apply(tape: Tape, leaf: Any, x: Index) -> Index:
        spatial = _spatial(x, rank)
        wanted = leaf.output_size
        sizes = (wanted,) * rank if wanted is None or isinstance(wanted, int) else wanted
        goal = [n if size is None else size for n, size in zip(spatial, sizes, strict=True)]
        if any(n % g for n, g in zip(spatial, goal, strict=True)):
            raise UnsupportedLayerError(f"an output of {goal} must divide the input {spatial}")
        kernel = [n // g for n, g in zip(spatial, goal, strict=True)]
        windows: Windows = sliding_windows(spatial, kernel, kernel, [(0, 0)] * rank, [1] * rank)
        return tape.average_pool(x, windows, windows.inside())

    return apply


def _flatten(tape: Tape, leaf: Any, x: Index) -> Index:
    first, last = (d - 1 if d > 0 else d for d in (leaf.start_dim, leaf.end_dim))
    if leaf.start_dim == 0 or leaf.end_dim == 0 or x.ndim + min(first, last) < 0:
        raise UnsupportedLayerError("flattening must leave the batch dimension alone")
    first, last = (d + x.ndim if d < 0 else d for d in (first, last))
    if not 0 <= first <= last < x.ndim:
        raise NetworkError(f"dimensions {leaf.start_dim} to {leaf.end_dim} do not exist")
    return x.reshape(*x.shape[:first], -1, *x.shape[last + 1 :])


def _unflatten(tape: Tape, leaf: Any, x: Index) -> Index:
    if not isinstance(leaf.dim, int) or leaf.dim == 0:
        raise UnsupportedLayerError("unflattening must name a dimension behind the batch")
    axis = leaf.dim - 1 if leaf.dim > 0 else leaf.dim + x.ndim
    if not 0 <= axis < x.ndim:
        raise NetworkError(f"dimension {leaf.dim} does not exist")
    try:
        return x.reshape(*x.shape[:axis], *leaf.unflattened_size, *x.shape[axis + 1 :])
    except ValueError as error:
        raise NetworkError(str(error)) from None


_MAPS: dict[str, Callable[[Tape, Any, Index], Index]] = {
    "Linear": _linear,
    "BatchNorm1d": _batch_norm,
    "BatchNorm2d": _batch_norm,
    "Conv1d": _convolution(1),
    "Conv2d": _convolution(2),
    "AvgPool1d": _average_pool(1),
    "AvgPool2d": _average_pool(2),
    "AdaptiveAvgPool1d": _adaptive_pool(1),
    "AdaptiveAvgPool2d": _adaptive_pool(2),
    "Flatten": _flatten,
    "Unflatten": _unflatten,
}
