"""Folding and separability of a network that learns to read digits, layer by layer and by epoch.

    python scripts/digits_by_epoch.py

Trains 64-32-32-32-10 on scikit-learn's digits, and prints tables in Markdown: those of
docs/digits.md. Needs scikit-learn; takes some minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

import polyrelu as pr

EPOCHS = (0, 1, 2, 5, 10, 20, 50, 100)
HIDDEN = (32, 32, 32)
BATCH, RATE, MOMENTUM = 64, 0.05, 0.9
PAIRS = 40  # of points for each two classes
POINTS = 400  # for separability


def digits() -> tuple[Any, Any, Any, Any]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    return train_test_split(x / 16, y, test_size=0.25, random_state=0, stratify=y)


def train(x: Any, y: Any) -> list[pr.Network]:
    """The network after each of EPOCHS: cross-entropy, stochastic gradients with momentum."""
    rng = np.random.default_rng(0)
    widths = (x.shape[1], *HIDDEN, 10)
    weights = [rng.normal(size=(n, m)) * np.sqrt(2 / m) for m, n in pairwise(widths)]
    biases = [np.zeros(n) for n in widths[1:]]
    parameters = [*weights, *biases]
    velocity = [np.zeros_like(p) for p in parameters]
    kept = []
    for epoch in range(max(EPOCHS) + 1):
        if epoch in EPOCHS:
            pairs = zip(weights, biases, strict=True)
            kept.append(pr.Network.from_layers([(w.copy(), b.copy()) for w, b in pairs]))
        for batch in np.array_split(rng.permutation(len(x)), len(x) // BATCH):
            slopes = gradients(weights, biases, x[batch], y[batch])
            for p, v, g in zip(parameters, velocity, slopes, strict=True):
                v *= MOMENTUM
                v -= RATE * g
                p += v
    return kept


def gradients(weights: list[Any], biases: list[Any], x: Any, y: Any) -> list[Any]:
    """Of the mean cross-entropy, by weights and then by biases."""
    values = [x]
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        z = values[-1] @ w.T + b
        values.append(np.maximum(z, 0) if k < len(weights) - 1 else z)
    shifted = np.exp(values[-1] - values[-1].max(axis=1, keepdims=True))
    delta = shifted / shifted.sum(axis=1, keepdims=True)
    delta[np.arange(len(y)), y] -= 1
    by_weight, by_bias = [], []
    for w, h in zip(reversed(weights), reversed(values[:-1]), strict=True):
        by_weight.append(delta.T @ h / len(y))
        by_bias.append(delta.mean(axis=0))
        delta = (delta @ w) * (h > 0)
    return [*reversed(by_weight), *reversed(by_bias)]


def accuracy(network: pr.Network, x: Any, y: Any) -> float:
    return float(np.mean(network(x).argmax(axis=1) == y))


def show(rows: Sequence[dict[str, Any]]) -> None:
    """As a table in Markdown."""
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        cells = (f"{v:.4f}" if isinstance(v, float) else str(v) for v in row.values())
        print("| " + " | ".join(cells) + " |")
    print()


def folding_rows(networks: list[pr.Network], data: Sequence[Any]) -> list[dict[str, Any]]:
    x, test_x, y, test_y = data
    rows = []
    for epoch, network in zip(EPOCHS, networks, strict=True):
        table = pr.folding_table(network, x, y, pairs=PAIRS, progress=True)
        row: dict[str, Any] = {"epoch": epoch, "train": accuracy(network, x, y),
                               "test": accuracy(network, test_x, test_y)}  # fmt: skip
        row |= {"χ between": table.between().mean, "χ within": table.within().mean,
                "greatest": table.between().greatest, "folded": table.between().folded}  # fmt: skip
        row |= {f"layer {k}": table.between(k).mean for k in table.layers}
        rows.append(row)
    return rows


def separability_rows(networks: list[pr.Network], data: Sequence[Any]) -> list[dict[str, Any]]:
    """For each layer how many classes a hyperplane separates from the rest, and the mean LS1."""
    x, y = data[0][:POINTS], data[2][:POINTS]
    table = pr.layer_separability(networks, x, y, against="rest", progress=True)
    rows = []
    for number, epoch in enumerate(EPOCHS):
        row: dict[str, Any] = {"epoch": epoch}
        for name in dict.fromkeys(r.name for r in table):
            some = [r for r in table if r.epoch == number and r.name == name]
            short = 1 - np.mean([r.measures["LS1"].low for r in some])
            row[name] = f"{sum(bool(r.separable) for r in some)}, {short:.1e}"
        rows.append(row)
    return rows


def main() -> None:
    data = digits()
    networks = train(data[0], data[2])
    show(folding_rows(networks, data))
    show(separability_rows(networks, data))


if __name__ == "__main__":
    main()
