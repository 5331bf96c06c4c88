"""All parameters at once against the outputs: Gauss-Newton."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..network import Array
from .last import Asked
from .lifted import Rows

LARGEST = 6000  # parameters; the cost grows with their cube
_ROUNDS = 12
SMALL = 1500  # so many are also fitted by orthogonal transformations
_RIDGES = (1e-14, 1e-11, 1e-8, 1e-5, 1e-2)  # the first keeps parameters that no sample shows
_RCONDS = (1e-12, 1e-9)  # likewise; a trial is kept only if it fits better


def forward(layers: tuple[Rows, ...], x: Array) -> list[Array]:
    """The input of every layer and the output."""
    inputs = [x]
    for k, (weight, bias) in enumerate(layers):
        y = inputs[-1] @ weight.T + bias
        inputs.append(y if k == len(layers) - 1 else np.maximum(y, 0.0))
    return inputs


def samples_for(layers: tuple[Rows, ...], output_dim: int) -> int:
    """Some 1.5 equations for each parameter; none if there are too many parameters."""
    count = sum(w.size + b.size for w, b in layers)
    return int(1.5 * count / output_dim) + 50 if count <= LARGEST else 0


def polished(layers: tuple[Rows, ...], samples: Asked) -> tuple[Rows, ...]:
    """The parameters that fit best to samples; those given if nothing is better.

    By normal equations; then, where parameters that few samples show are left over, by orthogonal
    transformations, which are slower and resolve twice as many digits.
    """
    count = sum(w.size + b.size for w, b in layers)
    if count > LARGEST or len(samples.x) * samples.y.shape[1] < count:
        return layers
    best = _misfit(layers, samples)
    for changes in (_by_normal_equations, _by_orthogonal):
        if changes is _by_orthogonal and (count > SMALL or best <= samples.noise):
            break
        for _ in range(_ROUNDS):
            gain, trial = _better(layers, samples, best, changes)
            if gain >= 1:
                break
            best, layers = gain * best, trial
            if gain > 0.8 and best < 1e-9:  # more steps cost time and mend nothing that is seen
                break
    return layers


_Changes = Callable[[Array, Array], Iterator[Array]]


def _better(
    layers: tuple[Rows, ...], samples: Asked, best: float, changes: _Changes
) -> tuple[float, tuple[Rows, ...]]:
    """The first step that is an improvement, and by which factor."""
    jacobian, residual, scale = _equations(layers, samples)
    for change in changes(jacobian, residual):
        trial = _moved(layers, change / scale)
        misfit = _misfit(trial, samples)
        if misfit < best:
            return misfit / best, trial
    return 1.0, layers


def _by_normal_equations(jacobian: Array, residual: Array) -> Iterator[Array]:
    """Ever shorter steps."""
    from scipy.linalg import cho_factor, cho_solve

    gram, right = jacobian.T @ jacobian, jacobian.T @ residual
    for ridge in _RIDGES:
        try:
            yield cho_solve(cho_factor(gram + ridge * np.eye(len(gram))), right)
        except np.linalg.LinAlgError:
            continue


def _by_orthogonal(jacobian: Array, residual: Array) -> Iterator[Array]:
    for rcond in _RCONDS:
        change = np.linalg.lstsq(jacobian, residual, rcond=rcond)[0]
        yield np.asarray(change, dtype=np.float64)


def _misfit(layers: tuple[Rows, ...], samples: Asked) -> float:
    off = forward(layers, samples.x)[-1] - samples.y
    return float(np.sqrt(np.mean((samples.weight[:, None] * off) ** 2)))


def _equations(layers: tuple[Rows, ...], samples: Asked) -> tuple[Array, Array, Array]:
    """Jacobian with columns of length 1, residual, and the columns' lengths. Scaling a neuron
    changes nothing: rows that keep each hidden row's length are added."""
    weights = np.repeat(samples.weight, samples.y.shape[1])
    residual = weights * (samples.y - forward(layers, samples.x)[-1]).ravel()
    jacobian = weights[:, None] * _jacobian(layers, samples.x)
    scale = np.linalg.norm(jacobian, axis=0)
    scale[scale == 0] = 1.0  # nothing shows this parameter: it stays
    gauge = _gauge(layers) / scale
    gauge /= np.linalg.norm(gauge, axis=1)[:, None].clip(1e-300)
    residual = np.concatenate([residual, np.zeros(len(gauge))])
    return np.concatenate([jacobian / scale, gauge]), residual, scale


def _moved(layers: tuple[Rows, ...], change: Array) -> tuple[Rows, ...]:
    out, at = [], 0
    for rows, bias in layers:
        middle, end = at + rows.size, at + rows.size + bias.size
        out.append((rows + change[at:middle].reshape(rows.shape), bias + change[middle:end]))
        at = end
    return tuple(out)


def _gauge(layers: tuple[Rows, ...]) -> Array:
    """For each hidden row the equation that its length stays, shape (rows, parameters)."""
    count = sum(w.size + b.size for w, b in layers)
    out, at = [], 0
    for rows, bias in layers[:-1]:
        for i, row in enumerate(rows):
            equation = np.zeros(count)
            equation[at + i * len(row) : at + (i + 1) * len(row)] = row
            out.append(equation)
        at += rows.size + bias.size
    return np.array(out).reshape(-1, count)


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
