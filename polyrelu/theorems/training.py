"""Gradient descent, for claims on what it leads to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..network import Network
from ..queries.tangent import tangent_features

RATE = 0.05
Training = tuple[Sequence[Network], np.ndarray]  # networks on the way; the inputs


def trained(network: Network, x: np.ndarray, y: np.ndarray, steps: int) -> list[Network]:
    """Ten networks on the way of gradient descent on half the mean squared error, from the first
    to the last; ``steps`` is a multiple of 9."""
    kept = [network]
    for step in range(1, steps + 1):
        network = _moved(network, -RATE * _gradient(network, x, y))
        if step % (steps // 9) == 0:
            kept.append(network)
    return kept


def _gradient(network: Network, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    features = np.asarray(tangent_features(network, x).matrix())[:, 0]
    gradient: np.ndarray = (network(x)[:, 0] - y) @ features / len(x)
    return gradient


def _moved(network: Network, step: np.ndarray) -> Network:
    parts, at = [], 0
    for layer in network.layers:
        middle = at + layer.weight.size
        end = middle + layer.bias.size
        weight = layer.weight + step[at:middle].reshape(layer.weight.shape)
        parts.append((weight, layer.bias + step[middle:end]))
        at = end
    return Network.from_layers(parts)
