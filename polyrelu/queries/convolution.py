"""Convolutions: a condition on the kernels alone, for inputs of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from ..activations import relu
from ..answer import Answer, Status
from ..domain import Space
from ..errors import NetworkError
from ..limits import Limits
from ..network import Affine, Array, Layer, finite_array
from .layer_injectivity import decide_layer


def is_convolution_injective(
    kernels: npt.ArrayLike,
    window: int | Sequence[int] | None = None,
    *,
    stride: int = 1,
    bias: npt.ArrayLike | None = None,
    limits: Limits | None = None,
) -> Answer:
    """Is ``ReLU(conv(x))`` injective on inputs of all sizes from some on, by its kernels alone?

    If for some window of input positions the kernels, shifted to all places inside it and padded
    with zeros, make an injective ReLU layer, then every such window of the input is determined by
    the output, and so is the input. Sufficient only: PROVED or UNKNOWN. An input of a given size is
    decided exactly by :func:`is_injective` of the convolution as a matrix.

    Args:
        kernels: shape (out, in, k_1, ..., k_r), as torch has them.
        window: its size along each axis; default: the kernel's, then up to twice that.
        stride: of the convolution, along every axis.
        bias: shape (out,).

    Returns:
        PROVED with the window as ``value`` and the layer's certificate; holds for inputs that,
        with their zero padding, are as large as the window plus a multiple of the stride along each
        axis (stride 1: as large as the window or larger).

    Source: Puthawala et al. 2022, section 2.3.
    """
    given = kernels.detach() if hasattr(kernels, "detach") else kernels  # a torch parameter
    raw = np.asarray(given)
    if raw.ndim < 3 or 0 in raw.shape:
        raise NetworkError(f"kernels must have shape (out, in, k_1, ...), not {raw.shape}")
    table = finite_array("kernels", raw, raw.ndim)
    offset = np.zeros(len(table)) if bias is None else finite_array("bias", bias, 1)
    if offset.shape != table.shape[:1]:
        raise NetworkError(f"bias must have shape {table.shape[:1]}, not {offset.shape}")
    if not isinstance(stride, int) or stride < 1:
        raise NetworkError(f"stride must be an integer of at least 1, not {stride!r}")
    size = np.array(table.shape[2:])
    tried = []
    for shape in _windows(size, window, stride):
        tried.append(shape)
        layer = _window_layer(table, offset, shape, stride)
        answer = decide_layer(layer, Space(layer.in_features), limits or Limits(), None)
        if answer.proved:
            larger = "as large or larger" if stride == 1 else f"larger by multiples of {stride}"
            reason = (
                f"the shifted kernels make an injective layer on windows of size {shape}: "
                f"for inputs (with padding) {larger}"
            )
            return replace(answer, reason=reason, value=shape)
    reason = f"no window of the sizes {tried} is determined by the output inside it"
    return Answer(Status.UNKNOWN, reason, stats={"windows": len(tried)})


def _windows(
    size: npt.NDArray[np.int64], window: int | Sequence[int] | None, stride: int
) -> list[tuple[int, ...]]:
    if window is not None:
        try:
            given = np.broadcast_to(np.asarray(window, dtype=np.int64), size.shape)
        except (ValueError, TypeError):
            raise NetworkError(
                f"window must be one size, or {len(size)} for the kernel's axes, not {window!r}"
            ) from None
        if (given < size).any() or (given < stride).any():
            raise NetworkError(
                f"the window must be at least as large as kernel {tuple(size.tolist())} and stride "
                f"{stride}, not {tuple(given.tolist())}"
            )
        return [tuple(given.tolist())]
    least = np.maximum(size, stride)
    return [tuple((least + more).tolist()) for more in range(int(size.max()) + 1)]


def _window_layer(table: Array, offset: Array, shape: tuple[int, ...], stride: int) -> Layer:
    """All placements of the kernels in a window, as rows."""
    n_out, n_in, *size = table.shape
    places = [range(0, p - k + 1, stride) for p, k in zip(shape, size, strict=True)]
    rows = []
    for at in product(*places):
        here = tuple(slice(a, a + k) for a, k in zip(at, size, strict=True))
        row = np.zeros((n_out, n_in, *shape))
        row[(slice(None), slice(None), *here)] = table
        rows.append(row.reshape(n_out, -1))
    bias = np.tile(offset, prod(map(len, places)))
    return Layer([Affine(np.vstack(rows), bias)], relu())
