"""All parameters at once against the outputs: Gauss-Newton."""

from __future__ import annotations

import numpy as np

from ..network import Array
from .lifted import Rows
from .oracle import Oracle
from .places import Places

LARGEST = 6000  # parameters; the cost grows with their cube
_ROUNDS = 10
_RIDGES = (1e-14, 1e-12, 1e-10)  # parameters that no sample shows must not stop the others


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
    x = places.mixed(int(1.5 * count / oracle.output_dim) + 50, rng)
    y, weight = oracle(x), oracle.typical_noise / oracle.noise(x)
    best = _misfit(layers, x, y, weight)
    for _ in range(_ROUNDS):
        trial = _step(layers, x, y, weight)
        misfit = _misfit(trial, x, y, weight)
        if not misfit < best:
            break
        gain, best, layers = misfit / best, misfit, trial
        if gain > 0.8:
            break
    return layers


def _misfit(layers: tuple[Rows, ...], x: Array, y: Array, weight: Array) -> float:
    return float(np.sqrt(np.mean((weight[:, None] * (forward(layers, x)[-1] - y)) ** 2)))


def _step(layers: tuple[Rows, ...], x: Array, y: Array, weight: Array) -> tuple[Rows, ...]:
    """Scaling a neuron changes nothing: rows that keep each hidden row's length are added."""
    from scipy.linalg import cho_factor, cho_solve

    weights = np.repeat(weight, y.shape[1])
    residual = weights * (y - forward(layers, x)[-1]).ravel()
    jacobian = weights[:, None] * _jacobian(layers, x)
    scale = np.maximum(np.linalg.norm(jacobian, axis=0), 1e-300)
    jacobian /= scale
    gauge = _gauge(layers) / scale
    gauge /= np.linalg.norm(gauge, axis=1)[:, None]
    gram = jacobian.T @ jacobian + gauge.T @ gauge
    change = np.zeros(len(gram))
    for ridge in _RIDGES:
        gram[np.diag_indices_from(gram)] += ridge
        try:
            change = cho_solve(cho_factor(gram), jacobian.T @ residual) / scale
            break
        except np.linalg.LinAlgError:
            continue
    out, at = [], 0
    for rows, bias in layers:
        middle, end = at + rows.size, at + rows.size + bias.size
        out.append((rows + change[at:middle].reshape(rows.shape), bias + change[middle:end]))
        at = end
    return tuple(out)


def _gauge(layers: tuple[Rows, ...]) -> Array:
    """For each hidden row the equation that its length does not change, shape (rows, parameters)."""
    count = sum(w.size + b.size for w, b in layers)
    out, at = [], 0
    for rows, bias in layers[:-1]:
        for i, row in enumerate(rows):
            equation = np.zeros(count)
            equation[at + i * len(row) : at + (i + 1) * len(row)] = row
            out.append(equation)
        at += rows.size + bias.size
    return np.array(out)


def _jacobian(layers: tuple[Rows, ...], x: Array) -> Array:
    """Shape (n * output_dim, parameters)."""
    inputs = forward(layers, x)
    n, m = inputs[-1].shape
    back = np.tile(np.eye(m), (n, 1, 1))  # d output / d pre-activation of the layer
    parts = []
    for k in reversed(range(len(layers))):
        weight = layers[k][0]
        by_weight = back[:, :, :, None] * inputs[k][:, None, None, :]
        parts.append(
            np.concatenate([by_weight.reshape(n * m, -1), back.reshape(n * m, -1)], axis=1)
        )
        if k:
            back = (back @ weight) * (inputs[k] > 0)[:, None, :]
    return np.concatenate(parts[::-1], axis=1)
