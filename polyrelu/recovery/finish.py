"""From the outputs in lifted features back to layers of a network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..network import Array
from .last import Output
from .lifted import Rows
from .partial import resolved


def layers_of(
    output: Output, signs: Array, sign_known: npt.NDArray[np.bool_], x: Array, values: Array
) -> tuple[Rows, ...]:
    """All layers, given the signs of the top known one, up to what a polish mends.

    Where a sign is not known, the outputs have an affine part in what is under the layer, whatever
    the choice; a pair of opposite neurons carries it.

    Args:
        x, values: shapes (s, d) and (s, output_dim), samples.
    """
    known, c = output.known, output.c
    if not known.n_top:  # no kink anywhere
        return _with_affine_part((), np.empty((len(c), 0)), x, values)
    slopes = output.coefficients[known.n_top : -1].T
    hidden = (*known.below, resolved(known, signs, c, slopes, x))
    under = known.under(x)
    weight, bias = hidden[-1]
    rest = values - 2 * np.maximum(under @ weight.T + bias, 0.0) @ c.T
    if sign_known.all():
        return (*hidden, (2 * c, np.median(rest, axis=0)))
    return _with_affine_part(hidden, 2 * c, under, rest)


def _with_affine_part(
    hidden: tuple[Rows, ...], out: Array, under: Array, rest: Array
) -> tuple[Rows, ...]:
    """A network whose outputs have an affine part in what is under the last hidden layer: a pair of
    opposite neurons, relu(t) - relu(-t) = t, carries it.

    Args:
        hidden: its hidden layers.
        out: shape (outputs, n), the output's weights on the neurons of the last.
        under, rest: activations under that layer at some points, and the rest of the outputs there.
    """
    design = np.concatenate([under, np.ones((len(under), 1))], axis=1)
    size = np.maximum(np.linalg.norm(design, axis=1, keepdims=True), 1e-300)
    affine = np.linalg.lstsq(design / size, rest / size, rcond=1e-13)[0].T
    linear, constant = affine[:, :-1], affine[:, -1]
    m = len(linear)
    if not hidden:
        return ((linear, constant),)
    weight, bias = hidden[-1]
    last = (np.concatenate([weight, linear, -linear]), np.concatenate([bias, np.zeros(2 * m)]))
    return (*hidden[:-1], last, (np.concatenate([out, np.eye(m), -np.eye(m)], axis=1), constant))


def normal_rows(weight: Array, bias: Array) -> Rows:
    """Rows of length 1."""
    size = np.linalg.norm(weight, axis=1)
    return weight / size[:, None], bias / size


def scaled(layers: tuple[Rows, ...]) -> tuple[Rows, ...]:
    """Hidden rows of length 1; the next layer takes the factors."""
    out, factor = [], np.ones(layers[0][0].shape[1])
    for k, (weight, bias) in enumerate(layers):
        weight = weight * factor
        factor = np.linalg.norm(weight, axis=1)
        factor[factor == 0] = 1.0
        if k == len(layers) - 1:
            factor = np.ones(len(bias))
        out.append((weight / factor[:, None], bias / factor))
    return tuple(out)
