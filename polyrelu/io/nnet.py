"""The Stanford NNet text format (Kyle Julian, https://github.com/sisl/NNet).

Lines of numbers separated by commas, comments (``//``) first:

1. number of layers, inputs, outputs, largest layer
2. sizes of the layers, inputs first
3. a flag that nothing uses
4. smallest inputs            5. largest inputs
6. means of inputs, then of outputs (one number)
7. ranges likewise
8. for each layer its weight, a row per line, then its bias, an entry per line

Every number is the float64 nearest to its decimal text.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..activations import identity, relu
from ..domain import Box
from ..errors import DomainError, FileFormatError, NetworkError
from ..network import Affine, Array, Layer, Network
from ._limits import check_bytes, check_entries


def load_nnet(path: Path) -> Network:
    """The network of a ``.nnet`` file as a function of the file's *raw* inputs.

    The normalisation ``(x - mean) / range`` is a factor of the first layer and the output's
    ``y * range + mean`` one of the last, both exact. ``input_box`` is the file's box; other
    readers clip inputs to it, this one does not.

    Raises:
        FileFormatError: wrong counts, something that is not a finite number, truncation;
            with the number of the line.
    """
    check_bytes(path, path.stat().st_size)
    with path.open(encoding="utf-8", errors="replace") as file:
        rows = _Rows(path, file)
        try:
            network = _network(rows, path.stat().st_size)
        except (NetworkError, DomainError) as error:
            raise rows.error(str(error)) from None
        rows.end()
    return network


class _Rows:
    """The lines of numbers, with the number of the line for errors."""

    def __init__(self, path: Path, lines: Iterator[str]) -> None:
        self._path = path
        self._lines = lines
        self._line = 0

    def error(self, message: str) -> FileFormatError:
        return FileFormatError(f"{self._path}, line {self._line}: {message}")

    def _next(self) -> list[str] | None:
        for line in self._lines:
            self._line += 1
            text = line.strip()
            if text and not text.startswith("//"):
                cells = text.split(",")
                return cells[:-1] if not cells[-1].strip() else cells
        return None

    def numbers(self, count: int | None, what: str) -> list[float]:
        cells = self._next()
        if cells is None:
            raise self.error(f"the file ends before {what}")
        if count is not None and len(cells) != count:
            raise self.error(f"{what} must be {count} number(s), not {len(cells)}")
        return [self._number(cell.strip(), what) for cell in cells]

    def _number(self, text: str, what: str) -> float:
        try:
            value = float(text) if "_" not in text else float("nan")
        except ValueError:
            value = float("nan")
        if not np.isfinite(value):
            raise self.error(f"{what} must be finite numbers, not {text[:40]!r}")
        return value

    def counts(self, count: int | None, what: str) -> list[int]:
        values = self.numbers(count, what)
        if any(v < 1 or v != int(v) for v in values):
            raise self.error(f"{what} must be positive integers")
        return [int(v) for v in values]

    def end(self) -> None:
        if self._next() is not None:
            raise self.error("the file goes on after the last bias")


def _network(rows: _Rows, file_bytes: int) -> Network:
    n_layers, n_in, n_out, _ = rows.counts(4, "the header")
    sizes = rows.counts(n_layers + 1, "the sizes of the layers")
    if sizes[0] != n_in or sizes[-1] != n_out:
        raise rows.error(
            f"layer sizes from {sizes[0]} to {sizes[-1]} must agree with the header's "
            f"{n_in} inputs and {n_out} outputs"
        )
    numbers = sum(b * (a + 1) for a, b in itertools.pairwise(sizes))
    if 2 * numbers > file_bytes + 1:  # a number takes a digit and a separator
        raise rows.error(f"layers of these sizes take {numbers} numbers; the file is truncated")
    rows.numbers(None, "the flag")
    low = rows.numbers(n_in, "the smallest inputs")
    high = rows.numbers(n_in, "the largest inputs")
    box = Box(low, high)
    means = np.array(rows.numbers(n_in + 1, "the means"))
    ranges = np.array(rows.numbers(n_in + 1, "the ranges"))
    if np.any(ranges <= 0):
        raise rows.error("the ranges must be positive")
    layers = []
    for k, (a, b) in enumerate(itertools.pairwise(sizes)):
        factors = [_factor(rows, a, b, k)]
        last = k == n_layers - 1
        if k == 0 and (np.any(means[:-1] != 0) or np.any(ranges[:-1] != 1)):
            check_entries(a, a, "the normalisation")
            factors.insert(0, Affine(np.eye(a), -means[:-1], ranges[:-1]))
        if last and (means[-1] != 0 or ranges[-1] != 1):
            check_entries(b, b, "the denormalisation")
            factors.append(Affine(ranges[-1] * np.eye(b), np.full(b, means[-1])))
        layers.append(Layer(factors, identity() if last else relu()))
    return Network(tuple(layers), box)


def _factor(rows: _Rows, n_in: int, n_out: int, layer: int) -> Affine:
    check_entries(n_out, n_in, f"the weight of layer {layer}")
    weight: Array = np.empty((n_out, n_in))
    bias: Array = np.empty(n_out)
    for i in range(n_out):
        weight[i] = rows.numbers(n_in, f"row {i} of the weight of layer {layer}")
    for i in range(n_out):
        bias[i] = rows.numbers(1, f"entry {i} of the bias of layer {layer}")[0]
    return Affine(weight, bias)
