"""Space folding of a labelled data set: between the points of two classes and within one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine.path import Tracer
from ..errors import DomainError, NetworkError
from ..limits import Limits
from ..network import Array, Layer, Network, finite_array
from ..progress import Progress, reporter
from .path import traced
from .where import as_network

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class FoldingSummary:
    """chi over some pairs of points, both directions of each.

    Attributes:
        pairs: how many pairs.
        mean, median, greatest: of chi; not a number if there are no pairs.
        folded: the share of directed pairs with chi > 0.
    """

    pairs: int
    mean: float
    median: float
    greatest: float
    folded: float


@dataclass(frozen=True, eq=False)
class FoldingTable:
    """The exact folding of segments between points of a data set; made by
    :func:`folding_table`.

    Attributes:
        network: the network.
        layers: the numbers of the layers that have thresholds.
        classes: the labels, sorted.
        first, second: shape (pairs,): indices of the two points.
        class_first, class_second: shape (pairs,): indices into ``classes``; first <= second.
        ranges: shape (pairs, 2, layers + 1): r1 from first to second and back, of the bits of each
            layer, and last of all bits.
        lengths: shape (pairs, layers + 1): r2, the same both ways.
        pieces: shape (pairs,).
        complete: False if a limit or an interrupt stopped it.
        stopped_by: "seconds", "memory", "interrupt" or None.
    """

    network: Network
    layers: tuple[int, ...]
    classes: tuple[Any, ...]
    first: Ints
    second: Ints
    class_first: Ints
    class_second: Ints
    ranges: Ints
    lengths: Ints
    pieces: Ints
    complete: bool
    stopped_by: str | None

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self.first)

    def chi(self, layer: int | None = None) -> Array:
        """Shape (pairs, 2): chi from first to second and back, of the bits of a layer or of all."""
        if layer is not None and layer not in self.layers:
            raise NetworkError(f"layer must be one of {self.layers}, not {layer!r}")
        k = -1 if layer is None else self.layers.index(layer)
        length = self.lengths[:, k, None]
        return 1.0 - np.where(length > 0, self.ranges[:, :, k], 1) / np.maximum(length, 1)

    def between(self, layer: int | None = None) -> FoldingSummary:
        """Over the pairs of two classes; ``greatest`` is the supremum that Lewandowski et al.
        (arXiv 2503.08502) propose as a measure of a network, over the pairs looked at."""
        return _summary(self.chi(layer)[self.class_first != self.class_second])

    def within(self, layer: int | None = None) -> FoldingSummary:
        """Over the pairs of one class."""
        return _summary(self.chi(layer)[self.class_first == self.class_second])

    def by_class(self, layer: int | None = None) -> Array:
        """Shape (classes, classes), symmetric: the mean chi; NaN where there are no pairs."""
        n = len(self.classes)
        table = np.full((n, n), np.nan)
        chi = self.chi(layer).mean(axis=1)
        for a, b in combinations_with_replacement(range(n), 2):
            here = (self.class_first == a) & (self.class_second == b)
            if here.any():
                table[a, b] = table[b, a] = chi[here].mean()
        return table

    @property
    def most_folded(self) -> tuple[int, int]:
        """The indices of the points from which and to which chi is greatest."""
        if not len(self):
            raise DomainError("there are no pairs")
        pair, back = np.unravel_index(int(np.argmax(self.chi())), (len(self), 2))
        ends = int(self.first[pair]), int(self.second[pair])
        return (ends[1], ends[0]) if back else ends

    def rows(self) -> list[dict[str, Any]]:
        """For a table: of all bits and of each layer's, between and within classes."""
        found = []
        for layer in (None, *self.layers):
            for name, part in (("between", self.between(layer)), ("within", self.within(layer))):
                found.append({"layer": layer, "pairs of": name, **vars(part)})
        return found


def _summary(chi: Array) -> FoldingSummary:
    if not chi.size:
        return FoldingSummary(0, *4 * [float("nan")])
    return FoldingSummary(len(chi), float(chi.mean()), float(np.median(chi)), float(chi.max()),
                          float((chi > 0).mean()))  # fmt: skip


def folding_table(
    network: Layer | Network,
    inputs: npt.ArrayLike,
    labels: Sequence[Any] | npt.NDArray[Any] | None = None,
    *,
    pairs: int | None = 20,
    seed: int = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> FoldingTable:
    """The exact folding of segments between points of a data set.

    Args:
        inputs: shape (n, input_dim).
        labels: shape (n,): the classes; None: all points are of one.
        pairs: how many pairs of points to look at for each two classes, and for each class with
            itself, drawn at random without repetition; None: all.
        seed: of the draw.
        limits: on seconds; what was found until then is kept. The pairs are looked at in random
            order, so that what is kept is a sample.

    Raises:
        DomainError: wrong shapes, NaN, infinity, fewer than two points, pairs < 1.

    The cost is that of :func:`activation_path` for each pair; both directions come from one.
    """
    net = as_network(network)
    points, numbers, classes = _data(net, inputs, labels)
    if pairs is not None and pairs < 1:
        raise DomainError(f"pairs must be positive or None, not {pairs}")
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(_draw(numbers, len(classes), pairs, rng))
    tracer, layers = Tracer(net), tuple(sorted({k for k, _, _ in net.thresholds}))
    found: list[tuple[Any, ...]] = []
    stopped = None
    report, began, bounds = reporter(progress), time.perf_counter(), limits or Limits()
    try:
        for i, j in drawn.tolist():
            stopped = bounds.reached(len(found), time.perf_counter() - began, 0, None)
            if stopped is not None:
                break
            found.append((i, j, *_measured(tracer, points[i], points[j], layers)))
            if report is not None:
                report(len(found), time.perf_counter() - began)
    except KeyboardInterrupt:
        stopped = "interrupt"
    return _table(net, layers, classes, numbers, found, stopped)


def _data(
    network: Network, inputs: npt.ArrayLike, labels: Sequence[Any] | npt.NDArray[Any] | None
) -> tuple[Array, Ints, tuple[Any, ...]]:
    try:
        points = finite_array("inputs", inputs, 2)
    except NetworkError as error:
        raise DomainError(str(error)) from None
    if points.shape[1] != network.input_dim or len(points) < 2:
        raise DomainError(
            f"inputs must have shape (n, {network.input_dim}), n >= 2, not {points.shape}"
        )
    given = np.zeros(len(points), dtype=np.int64) if labels is None else np.asarray(labels)
    if given.shape != (len(points),):
        raise DomainError(f"labels must have shape ({len(points)},), not {given.shape}")
    classes, numbers = np.unique(given, return_inverse=True)
    return points, numbers, tuple(classes.tolist())


def _draw(numbers: Ints, classes: int, pairs: int | None, rng: np.random.Generator) -> Ints:
    """Rows (i, j) for each two classes a <= b."""
    members = [np.flatnonzero(numbers == c) for c in range(classes)]
    drawn = []
    for a, b in combinations_with_replacement(range(classes), 2):
        m, n = len(members[a]), len(members[b])
        total = m * n if a != b else m * (m - 1) // 2
        kept = np.arange(total)
        if pairs is not None and pairs < total:
            kept = rng.choice(total, size=pairs, replace=False)
        if a != b:
            rows = np.stack([members[a][kept // n], members[b][kept % n]], axis=1)
        else:
            rows = members[a][np.array(_triangle(kept)).reshape(2, -1).T]
        drawn.append(rows)
    return np.concatenate(drawn)


def _triangle(k: Ints) -> tuple[Ints, Ints]:
    """Number k of (0, 1), (0, 2), (1, 2), (0, 3), ...; exact for k < 2^50."""
    j = (np.sqrt(8.0 * k + 1) + 1).astype(np.int64) // 2
    return k - j * (j - 1) // 2, j


Measured = tuple[list[list[int]], list[int], int]


def _measured(tracer: Tracer, x: Array, y: Array, layers: tuple[int, ...]) -> Measured:
    """Ranges there and back, lengths, pieces."""
    path = traced(tracer, (tuple(x.tolist()), tuple(y.tolist())))
    ways = []
    for way in (path, path.reversed()):
        parts = [way.folding([k]) for k in layers] if len(layers) > 1 else [way.folding()]
        ways.append([*parts, way.folding()])
    ranges = [[part.range for part in way] for way in ways]
    return ranges, [part.length for part in ways[0]], len(path)


def _table(
    network: Network,
    layers: tuple[int, ...],
    classes: tuple[Any, ...],
    numbers: Ints,
    found: list[tuple[Any, ...]],
    stopped: str | None,
) -> FoldingTable:
    columns: Iterator[Any] = iter(zip(*found, strict=True)) if found else iter([[]] * 5)
    first, second, ranges, lengths, pieces = (np.array(c, dtype=np.int64) for c in columns)
    width = len(layers) + 1
    return FoldingTable(
        network, layers, classes, first, second, numbers[first], numbers[second],
        ranges.reshape(-1, 2, width), lengths.reshape(-1, width), pieces, stopped is None, stopped,
    )  # fmt: skip
