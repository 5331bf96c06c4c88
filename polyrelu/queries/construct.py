"""Layers and networks that are injective by construction; ``is_injective`` proves it again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..activations import identity, relu
from ..errors import NetworkError
from ..network import Affine, Layer, Network, finite_array
from ..rational import independent, integer_row


def doubling_layer(
    basis: npt.ArrayLike,
    scale: npt.ArrayLike | None = None,
    extra: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
) -> Layer:
    """The ReLU layer with rows ``[B; -D B; M]``: injective on R^n, with 2 n units the fewest.

    Up to the order of rows every injective ReLU layer with 2 n units and no bias is of this form
    (Puthawala et al. 2022). -D B is kept as a product, as rounding it would leave rows that are not
    quite opposite, and then the layer is not injective.

    Args:
        basis: B, shape (n, n), invertible.
        scale: the diagonal of D, shape (n,), positive; default ones.
        extra: M, shape (k, n), any further rows.
        bias: of B, shape (n,); -D B then gets -D times that. M gets none.

    Raises:
        NetworkError: B is singular, shapes do not match, D is not positive.
    """
    b = finite_array("basis", basis, 2)
    n = len(b)
    if b.shape != (n, n) or len(independent([integer_row(_exact(r)) for r in b], n)) < n:
        raise NetworkError(f"basis must be square and invertible, this is not: {b.shape}")
    d = np.ones(n) if scale is None else finite_array("scale", scale, 1)
    if d.shape != (n,) or not (d > 0).all():
        raise NetworkError(f"scale must be {n} positive numbers, not {scale!r}")
    m = np.zeros((0, n)) if extra is None else finite_array("extra", extra, 2)
    if m.shape[1] != n:
        raise NetworkError(f"extra must have rows of length {n}, not {m.shape[1]}")
    c = np.zeros(n) if bias is None else finite_array("bias", bias, 1)
    if c.shape != (n,):
        raise NetworkError(f"bias must have shape ({n},), not {c.shape}")
    rows = Affine(np.vstack([b, -b, m]), np.concatenate([c, -c, np.zeros(len(m))]))
    stretch = np.diag(np.concatenate([np.ones(n), d, np.ones(len(m))]))
    factors = [rows] if scale is None else [rows, Affine(stretch, np.zeros(len(stretch)))]
    return Layer(factors, relu())


def _exact(row: npt.NDArray[np.float64]) -> list:  # type: ignore[type-arg]
    from fractions import Fraction

    return [Fraction(v) for v in row.tolist()]


def random_injective_network(
    input_dim: int, depth: int = 2, *, output_dim: int | None = None, seed: int = 0
) -> Network:
    """A random network that is injective end to end though its layers narrow again.

    Each hidden layer doubles, ``ReLU([B; -B] x)``, and a random matrix then takes its output down
    to ``output_dim`` dimensions: almost every one keeps an injective piecewise-linear map of R^d
    injective if that is at least 2 d + 1 (Puthawala et al. 2022, section 3.2). Layers after the
    first are not injective alone.

    Args:
        input_dim: d.
        depth: hidden layers.
        output_dim: m, between layers and at the end; default 2 d + 1.
    """
    for name, value in (("input_dim", input_dim), ("depth", depth)):
        if not isinstance(value, int) or value < 1:
            raise NetworkError(f"{name} must be an integer of at least 1, not {value!r}")
    m = 2 * input_dim + 1 if output_dim is None else output_dim
    if m < input_dim:
        raise NetworkError(f"output_dim must be at least {input_dim}, not {m}")
    rng = np.random.default_rng(seed)
    layers, inputs = [], input_dim
    down: list[Affine] = []
    for _ in range(depth):
        double = doubling_layer(rng.normal(size=(inputs, inputs)) / np.sqrt(inputs))
        layers.append(Layer([*down, *double.factors], relu()))
        weight = rng.normal(size=(m, 2 * inputs)) / np.sqrt(2 * inputs)
        down, inputs = [Affine(weight, np.zeros(m))], m
    layers.append(Layer(down, identity()))
    return Network(tuple(layers))
