"""All parameters at once against the outputs: Gauss-Newton."""

from __future__ import annotations

import numpy as np

from ..network import Array
from .lifted import Rows
from .oracle import Oracle
from .places import Places

LARGEST = 6000  # parameters; the cost grows with their cube
_ROUNDS = 6
_RIDGE = 1e-13  # scaling a neuron changes nothing: that direction of each needs some weight


def forward(layers: tuple[Rows, ...], x: Array) -> list[Array]:
    """The input of every layer and the output."""
    inputs = [x]
    for k, (weight, bias) in enumerate(layers):
        y = inputs[-1] @ weight.T + bias
        inputs.append(y if k == len(layers) - 1 else np.maximum(y, 0.0))
    return inputs


def polished(
    oracle: Oracle, places: Places, layers: tuple[Rows, ...], rng: np.random.Generator
) -> tuple[Rows, ...]:
    """The parameters that fit best to fresh samples, some 1.5 equations for each parameter; those
    given if there are too many, or if nothing is better."""
    count = sum(w.size + b.size for w, b in layers)
    if count > LARGEST:
        return layers
    x = places.points(int(1.5 * count / oracle.output_dim) + 50, rng)
    y = oracle(x)
    best = float(np.sqrt(np.mean((forward(layers, x)[-1] - y) ** 2)))
    for _ in range(_ROUNDS):
        trial = _step(layers, x, y)
        misfit = float(np.sqrt(np.mean((forward(trial, x)[-1] - y) ** 2)))
        if not misfit < best:
            break
        gain, best, layers = misfit / best, misfit, trial
        if gain > 0.5:
            break
    return layers


def _step(layers: tuple[Rows, ...], x: Array, y: Array) -> tuple[Rows, ...]:
    from scipy.linalg import cho_factor, cho_solve

    residual = y - forward(layers, x)[-1]
    jacobian = _jacobian(layers, x)
    gram = jacobian.T @ jacobian
    gram[np.diag_indices_from(gram)] *= 1 + _RIDGE
    gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) / len(gram)
    try:
        change = cho_solve(cho_factor(gram), jacobian.T @ residual.ravel())
    except np.linalg.LinAlgError:
        return layers
    out, at = [], 0
    for weight, bias in layers:
        w = change[at : at + weight.size].reshape(weight.shape)
        b = change[at + weight.size : at + weight.size + bias.size]
        out.append((weight + w, bias + b))
        at += weight.size + bias.size
    return tuple(out)


def _jacobian(layers: tuple[Rows, ...], x: Array) -> Array:
    """Shape (n * output_dim, parameters)."""
    inputs = forward(layers, x)
    n, m = inputs[-1].shape
    back = np.tile(np.eye(m), (n, 1, 1))  # d output / d pre-activation of the layer
    parts = []
    for k in reversed(range(len(layers))):
        weight = layers[k][0]
        by_weight = back[:, :, :, None] * inputs[k][:, None, None, :]
        parts.append(np.concatenate([by_weight.reshape(n * m, -1), back.reshape(n * m, -1)], axis=1))
        if k:
            back = (back @ weight) * (inputs[k] > 0)[:, None, :]
    return np.concatenate(parts[::-1], axis=1)
