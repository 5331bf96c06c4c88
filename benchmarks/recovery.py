"""Recovery from outputs alone: how often, how many queries, how long, how exact."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import numpy as np

import polyrelu
from polyrelu.network import Array

from .nets import he_network
from .table import Table

CASES = (
    (20, 10, 1), (40, 32, 1), (10, 20, 1), (4, 8, 8, 1), (10, 10, 10, 1), (10, 15, 15, 1),
    (4, 16, 16, 1), (10, 20, 20, 1), (10, 10, 10, 10, 1), (40, 20, 10, 10, 1), (80, 40, 20, 1),
)  # fmt: skip
SEEDS = 10


def run(quick: bool) -> Iterator[Table]:
    cases, seeds = (((20, 10, 1), (4, 6, 1)), 1) if quick else (CASES, SEEDS)
    columns = [
        ("net", "net", ""), ("seeds", "seeds", "d"), ("equivalent", "equivalent", "d"),
        ("complete", "of them all rows", "d"), ("queries", "queries", ",.0f"),
        ("seconds", "seconds", ".2f"), ("error", "largest row error", ".1e"),
    ]  # fmt: skip
    table = Table("recovery of random networks from their outputs", columns)
    for widths in cases:
        table.rows.append(_row(widths, seeds))
    table.notes.append("He-scaled Gaussian weights, biases N(0, 0.5^2). Queries and wall seconds "
                       "are medians over all seeds.")  # fmt: skip
    table.notes.append("all rows: every neuron of every layer, with its sign; the error is the "
                       "largest of all weights that the outputs determine.")  # fmt: skip
    yield table


def _row(widths: tuple[int, ...], seeds: int) -> dict[str, object]:
    runs = [(net, polyrelu.recover(net, widths[0], seed=seed, seconds=300))
            for seed in range(seeds) for net in [he_network(widths, seed)]]  # fmt: skip
    same = [(n, r) for n, r in runs if r.verdict is polyrelu.Verdict.EQUIVALENT]
    full = [(n, r) for n, r in same if r.widths == widths[1:-1] and _signs(r)]
    return {
        "net": "-".join(map(str, widths)), "seeds": seeds, "equivalent": len(same),
        "complete": len(full), "queries": median(r.queries for _, r in runs),
        "seconds": median(r.seconds for _, r in runs),
        "error": max((_error(n, r) for n, r in full), default=None),
    }  # fmt: skip


def _error(network: polyrelu.Network, recovery: polyrelu.Recovery) -> float:
    """The largest error of unit rows with their offsets, each with the nearest that was found; of
    weights that the outputs determine."""
    factor, order, worst = np.ones(network.input_dim), np.arange(network.input_dim), 0.0
    for layer, found in zip(network.layers[:-1], recovery.layers, strict=True):
        rows = np.concatenate([(layer.weight * factor)[:, order], layer.bias[:, None]], axis=1)
        got = np.concatenate([found.weight, found.bias[:, None]], axis=1)
        known = np.concatenate([found.weight_known, np.ones((len(got), 1), dtype=bool)], axis=1)
        apart = np.array([[_apart(row[k], g[k]) for g, k in zip(got, known, strict=True)]
                          for row in rows])  # fmt: skip
        match = apart.argmin(axis=1)
        worst = max(worst, float(apart.min(axis=1).max()))
        factor = np.array([_length(row[known[g]]) / _length(got[g][known[g]])
                           for row, g in zip(rows, match, strict=True)])  # fmt: skip
        order = np.argsort(match)
    return worst


def _apart(true: Array, found: Array) -> float:
    return float(np.abs(true / _length(true) - found / _length(found)).max())


def _length(row: Array) -> float:
    """Without the bias."""
    return float(np.linalg.norm(row[:-1]))


def _signs(recovery: polyrelu.Recovery) -> bool:
    return all(layer.sign_known.all() for layer in recovery.layers)
