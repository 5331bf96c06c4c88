"""Kernel matrices: through regions, through factored features, and by a backward pass a point."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import polyrelu
from polyrelu.queries.tangent import affine_factors, exact_bits

from .measure import cpu_seconds
from .nets import he_network
from .table import Row, Table

REPETITIONS = 3
DEMO = Path(__file__).parents[1] / "demo" / "network.npz"

# Widths with the output last, and how many points: few regions hold many, or each has its own.
CASES = (
    ((1, 64, 64, 1), 1000), ((2, 16, 16, 1), 500), ((2, 16, 16, 1), 2000), ((2, 16, 16, 1), 4000),
    ((2, 64, 64, 1), 1000), ((2, 64, 64, 1), 4000), ((3, 16, 16, 1), 2000), ((8, 16, 16, 1), 1000),
)  # fmt: skip
LABELLED = (500, 2000, 4000)


def run(quick: bool) -> Iterator[Table]:
    yield _kernels((((2, 8, 8, 1), 100),) if quick else CASES, 1 if quick else REPETITIONS)
    yield _gaps((100,) if quick else LABELLED)


def _kernels(cases: tuple[tuple[tuple[int, ...], int], ...], repetitions: int) -> Table:
    columns = [
        ("net", "net", ""),
        ("metric", "metric", ""),
        ("points", "points", ",d"),
        ("regions", "their regions", ",d"),
        ("parameters", "parameters", ",d"),
        ("regions_s", "by regions s", ".3f"),
        ("factored_s", "factored s", ".3f"),
        ("backprop_s", "backprop s", ".3f"),
        ("torch_s", "torch s", ".3f"),
        ("ratio", "backprop / by regions", ".1f"),
        ("difference", "difference", ".0e"),
    ]
    table = Table("the kernel matrix of a data set, one output", columns)
    for widths, n in cases:
        net = he_network(widths)
        for name in ("block", "squares"):
            table.rows.append(_row(net, "-".join(map(str, widths)), name, n, repetitions))
    table.notes.append("CPU medians, exact patterns included in the first two. Backprop: numpy, a")
    table.notes.append("forward and a backward pass a point, gradients stored, one matrix product;")
    table.notes.append("torch: the same with autograd. Points are normal. difference: relative.")
    return table


def _row(net: polyrelu.Network, name: str, metric_name: str, n: int, repetitions: int) -> Row:
    x = np.random.default_rng(1).normal(size=(n, net.input_dim))
    squares = polyrelu.DiagonalMetric.squared(net)
    metric: polyrelu.Metric = polyrelu.BlockMetric() if metric_name == "block" else squares
    size = len(np.asarray(squares.weights))
    scale = None if metric_name == "block" else np.asarray(squares.weights)
    ways: dict[str, Any] = {
        "regions_s": lambda: polyrelu.RegionKernel(net, metric).matrix(x),
        "factored_s": lambda: polyrelu.kernel_matrix(net, x, metric=metric),
        "backprop_s": lambda: _product(_by_backprop(net, x), scale),
    }
    if importlib.util.find_spec("torch") is not None:
        gradient = _autograd(net)
        ways["torch_s"] = lambda: _product(np.stack([gradient(row) for row in x]), scale)
    spent: dict[str, list[float]] = {key: [] for key in ways}
    kernels = {}
    for _ in range(repetitions):
        for key, way in ways.items():
            seconds, kernels[key] = cpu_seconds(way)
            spent[key].append(seconds)
    row: Row = {key: median(times) for key, times in spent.items()}
    largest = np.abs(kernels["backprop_s"]).max()
    off = max(np.abs(k - kernels["backprop_s"]).max() for k in kernels.values())
    return {
        "net": name, "metric": metric_name, "points": n, "parameters": size,
        "regions": len(np.unique(exact_bits(net, x), axis=0)), **row,
        "ratio": row["backprop_s"] / row["regions_s"], "difference": off / largest,
    }  # fmt: skip


def _product(psi: np.ndarray, scale: np.ndarray | None) -> np.ndarray:
    return (psi if scale is None else psi * scale) @ psi.T


def _by_backprop(net: polyrelu.Network, x: np.ndarray) -> np.ndarray:
    """A forward and a backward pass for every point, as one would write them."""
    factors = affine_factors(net)
    psi = np.empty((len(x), sum(f.weight.size + f.bias.size for f in factors)))
    for row, h in zip(psi, x, strict=True):
        inputs, signs = [], []
        for factor in factors:
            inputs.append(h)
            z = factor.weight @ h + factor.bias
            signs.append(z > 0)
            h = np.maximum(z, 0)
        delta, end = np.ones(1), len(row)
        for k in range(len(factors) - 1, -1, -1):
            n_out, n_in = factors[k].weight.shape
            row[end - n_out : end] = delta
            end -= n_out * (n_in + 1)
            np.multiply.outer(
                delta, inputs[k], out=row[end : end + n_out * n_in].reshape(n_out, n_in)
            )
            if k:
                delta = (delta @ factors[k].weight) * signs[k - 1]
    return psi


def _autograd(net: polyrelu.Network) -> Any:
    import torch

    torch.set_num_threads(1)
    steps: list[Any] = []
    for factor in affine_factors(net):
        linear = torch.nn.Linear(*factor.weight.shape[::-1], dtype=torch.float64)
        linear.weight.data = torch.tensor(np.array(factor.weight))
        linear.bias.data = torch.tensor(np.array(factor.bias))
        steps += [linear, torch.nn.ReLU()]
    module = torch.nn.Sequential(*steps[:-1])
    parameters = list(module.parameters())

    def gradient(row: np.ndarray) -> np.ndarray:
        output = module(torch.from_numpy(row))[0]
        found = torch.autograd.grad(output, parameters)
        return np.concatenate([g.numpy().ravel() for g in found])

    return gradient


def _gaps(sizes: tuple[int, ...]) -> Table:
    columns = [
        ("points", "points", ",d"),
        ("features_s", "features s", ".3f"),
        ("gap_s", "gap s", ".3f"),
        ("classifier_s", "classifier s", ".3f"),
        ("sparse_s", "sparse metric s", ".3f"),
        ("kernel_s", "kernel matrix s", ".3f"),
        ("width", "relative width", ".0e"),
    ]
    table = Table("the demo's 4-20-20-10, all outputs: gaps with bounds, no kernel matrix", columns)
    net = polyrelu.load_network(DEMO)
    rng = np.random.default_rng(0)
    for n in sizes:
        x = rng.normal(size=(n, net.input_dim))
        labels = net(x).argmax(axis=1)
        features, data = cpu_seconds(polyrelu.LabelledFeatures, net, x, labels)
        gap, found = cpu_seconds(polyrelu.similarity_gap, data)
        classifier, _ = cpu_seconds(polyrelu.similarity_classifier, data)
        sparse, _ = cpu_seconds(polyrelu.sparse_metric, data, 50)
        kernel, _ = cpu_seconds(polyrelu.kernel_matrix, net, x)
        table.rows.append({
            "points": n, "features_s": features, "gap_s": gap, "classifier_s": classifier,
            "sparse_s": sparse, "kernel_s": kernel,
            "width": (found.mean.high - found.mean.low) / abs(found.mean.low),
        })  # fmt: skip
    table.notes.append("Labels are the network's. The kernel matrix, which none of them forms, is")
    table.notes.append("without bounds. Relative width: of the bounds on the mean gap.")
    return table
