"""Deciding injectivity: a layer by branching, beside enumerating its cells; networks by regions."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from itertools import pairwise
from math import comb
from statistics import median

import numpy as np

import polyrelu
from polyrelu.network import Affine, Layer
from polyrelu.verify import check_injectivity

from .measure import cpu_seconds, warm_up
from .nets import he_layers
from .table import Row, Table

SEEDS = 9
ENUMERABLE = 200_000  # cells

# Inputs n, rows m, and the nodes that were hoped for.
GAUSSIAN = (
    (2, 12, None), (3, 18, 44), (4, 32, 176), (5, 40, 835), (5, 80, None), (5, 160, None),
    (6, 50, None), (7, 60, None), (8, 40, None), (8, 64, None), (8, 128, None), (9, 80, None),
    (10, 90, None),
)  # fmt: skip

# Widths of ReLU networks with biases in the box [-1, 1]^d, with an injective first layer.
NETWORKS = ((2, 8, 8, 2), (3, 8, 8, 6), (2, 32, 5), (2, 24, 24, 5), (2, 64, 5), (3, 24, 7))


def run(quick: bool) -> Iterator[Table]:
    warm_up()
    _decide(_gaussian(2, 6, 0), 2)
    _decide_network(_doubled((2, 8, 8, 2), 0), 2)
    yield _layers(GAUSSIAN[:2] if quick else GAUSSIAN, 2 if quick else SEEDS)
    yield _networks(NETWORKS[:1] if quick else NETWORKS)
    yield _large(quick)


def _gaussian(n: int, m: int, seed: int) -> Layer:
    weight = np.random.default_rng(seed).normal(size=(m, n))
    return Layer((Affine(weight, np.zeros(m)),), polyrelu.relu())


def _decide(layer: Layer, n: int) -> polyrelu.Answer:
    return polyrelu.is_injective(layer, polyrelu.Space(n))


def _layers(cases: tuple[tuple[int, int, int | None], ...], seeds: int) -> Table:
    columns = [
        ("n", "n", "d"),
        ("m", "m", "d"),
        ("proved", "proved", ""),
        ("nodes", "nodes", ",.0f"),
        ("hoped", "hoped for", ",d"),
        ("ms", "ms", ",.2f"),
        ("us_node", "us/node", ".2f"),
        ("check_ms", "check again ms", ",.1f"),
        ("cells", "cells", ",d"),
        ("enumeration_ms", "count cells ms", ",.1f"),
        ("graph_ms", "all cells ms", ",.1f"),
        ("times", "all cells / ms", ",.0f"),
    ]
    table = Table("a Gaussian layer without bias on R^n: by branching", columns)
    for n, m, hoped in cases:
        table.rows.append(_layer_row(n, m, hoped, seeds))
    table.notes.append(
        f"medians of {seeds} layers; nodes and times of the injective ones, if there are any."
    )
    table.notes.append(
        "cells, count and graph: of one of them by this project's own engine, in the same run."
    )
    return table


def _layer_row(n: int, m: int, hoped: int | None, seeds: int) -> Row:
    proofs, refutations = [], []
    for seed in range(seeds):
        layer = _gaussian(n, m, seed)
        seconds = []
        for _ in range(5):
            spent, answer = cpu_seconds(_decide, layer, n)
            seconds.append(spent)
        (proofs if answer.proved else refutations).append((median(seconds), answer))
    kept = proofs or refutations
    spent = median(s for s, _ in kept)
    nodes = median(a.stats["nodes"] for _, a in kept)
    row: Row = {
        "n": n, "m": m, "proved": f"{len(proofs)} of {seeds}", "nodes": nodes, "hoped": hoped,
        "ms": 1e3 * spent, "us_node": 1e6 * spent / nodes, "check_ms": None, "cells": None,
        "enumeration_ms": None, "graph_ms": None, "times": None,
    }  # fmt: skip
    if proofs and nodes < 50_000:
        row["check_ms"] = 1e3 * cpu_seconds(check_injectivity, proofs[0][1])[0]
    if 2 * sum(comb(m - 1, k) for k in range(n)) <= ENUMERABLE:
        network, space = polyrelu.Network((_gaussian(n, m, 0),)), polyrelu.Space(n)
        counted, count = cpu_seconds(polyrelu.count_regions, network, space)
        row["cells"], row["enumeration_ms"] = count.count, 1e3 * counted
        row["graph_ms"] = 1e3 * cpu_seconds(polyrelu.regions, network, space)[0]
        row["times"] = row["graph_ms"] / row["ms"]
    gc.collect()
    return row


def _doubled(widths: tuple[int, ...], seed: int) -> polyrelu.Network:
    """He-scaled and random, but for a first layer that holds [B; -B]."""
    layers = he_layers(np.random.default_rng(seed), widths)
    d = widths[0]
    layers[0][0][d : 2 * d], layers[0][1][d : 2 * d] = -layers[0][0][:d], -layers[0][1][:d]
    return polyrelu.Network.from_layers(layers)


def _decide_network(network: polyrelu.Network, d: int) -> polyrelu.Answer:
    return polyrelu.is_injective(network, polyrelu.Box(-1, 1, dim=d))


_NETWORK_COLUMNS = [
    ("net", "net", ""),
    ("seed", "seed", "d"),
    ("answer", "answer", ""),
    ("regions", "regions", ",d"),
    ("pairs", "pairs not apart by boxes", ",d"),
    ("exact", "decided exactly", ",d"),
    ("s", "s", ".3f"),
    ("ms_region", "ms/region", ".2f"),
]


def _networks(cases: tuple[tuple[int, ...], ...]) -> Table:
    table = Table("networks in the box [-1, 1]^d, end to end", _NETWORK_COLUMNS)
    for widths in cases:
        for seed in (1, 2):
            name = "-".join(map(str, widths))
            table.rows.append(_network_row(name, _doubled(widths, seed), widths[0], seed))
    return table


def _network_row(name: str, network: polyrelu.Network, d: int, seed: int) -> Row:
    spent, answer = cpu_seconds(_decide_network, network, d)
    regions = answer.stats.get("regions")
    return {
        "net": name, "seed": seed, "answer": answer.status.value, "regions": regions,
        "pairs": answer.stats.get("pairs"), "exact": answer.stats.get("exact_pairs"),
        "s": spent, "ms_region": 1e3 * spent / regions if regions else None,
    }  # fmt: skip


def _large(quick: bool) -> Table:
    """Networks that keep their input beside what they make of it: injective, with many regions."""
    table = Table("thousands of regions: skip connections keep the input", _NETWORK_COLUMNS)
    for widths in ((2, 16),) if quick else ((2, 32, 32), (2, 64, 64), (3, 16, 12), (3, 24, 16)):
        name = "-".join(map(str, widths)) + " + x"
        table.rows.append(_network_row(name, _with_skip(widths, 1), widths[0], 1))
    table.notes.append("the output: 2 d + 1 random combinations of x and the last hidden layer.")
    return table


def _with_skip(widths: tuple[int, ...], seed: int) -> polyrelu.Network:
    rng = np.random.default_rng(seed)
    d = widths[0]
    relu, same = polyrelu.relu(), polyrelu.identity()
    layers = []
    for k, (m, n) in enumerate(pairwise(widths)):
        inputs = m if k == 0 else d + m
        weight = rng.normal(size=(n, inputs)) * np.sqrt(2 / inputs)
        keep = np.eye(d, inputs)
        bias = np.concatenate([np.zeros(d), rng.normal(size=n) / 2])
        rows = Affine(np.vstack([keep, weight]), bias)
        layers.append(Layer((rows,), (same,) * d + (relu,) * n))
    head = Affine(rng.normal(size=(2 * d + 1, d + widths[-1])) / 4, np.zeros(2 * d + 1))
    return polyrelu.Network((*layers, Layer((head,), same)))
