"""How separable classes are after each layer of a network, and of several: epoch by epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import NetworkError, PointsError
from ..limits import Limits
from ..network import Array, Layer, Network, finite_array, integers
from ..progress import Progress, reporter
from ..queries.values import homogeneous_values
from ..queries.where import as_network
from .ball import ball_degree
from .directional import directional_separability
from .linear import is_linearly_separable
from .ls0 import ls0
from .ls1 import ls1
from .ls2 import ls2
from .measure import SeparabilityMeasure
from .table import SeparabilityRow, SeparabilityTable

MEASURES: dict[str, Callable[..., SeparabilityMeasure]] = {
    "LS0": ls0,
    "LS1": ls1,
    "LS2": ls2,
    "ball": ball_degree,
    "directional": directional_separability,
}
MOST_LABELS = 1000

Points = Any  # an array, or rows of fractions


def layer_separability(
    network: Layer | Network | Sequence[Network],
    inputs: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    measures: Sequence[str] = ("separable", "LS1"),
    against: str = "each",
    exact: bool = False,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> SeparabilityTable:
    """Measure how linearly separable the classes of a data set are, layer by layer.

    The inputs, the outputs of each hidden layer and the network's outputs are taken as point sets,
    one for each class. By default they are the network's float64 outputs, as any framework computes
    them: rounded. What is then proved is proved of these numbers. With ``exact=True`` they are the
    rational numbers that the network's weights really give, for small networks and data.

    Args:
        network: or several, of the same input dimension, such as one for each epoch of training.
        inputs: shape (n, input_dim).
        labels: shape (n,): integers or strings, two classes at least.
        measures: any of "separable", "LS0", "LS1", "LS2", "ball", "directional".
        against: "each": all pairs of classes, "rest": each class against all others.
        exact: outputs in fractions instead of float64.
        limits: for each measure of each row, not for the whole.
        progress: as of :func:`polyrelu.regions`; counts rows.

    Raises:
        PointsError: shapes that do not match, NaN, infinity, one class only, an unknown measure; or
            float64 outputs that overflow.
        NetworkError: the inputs do not fit, or there is no network.

    The cost is that of the measures: (layers + 1) * pairs of classes * networks rows. Source:
    MD-LSM (arXiv 2307.13962), which compares them with the accuracy over training
    (``table.accuracies``).
    """
    networks = _networks(network)
    points, classes, members = _data(networks, inputs, labels)
    _check(measures, against)
    names = tuple(name for name in MEASURES if name in measures)
    report, began = reporter(progress, "rows"), time.monotonic()
    rows: list[SeparabilityRow] = []
    for epoch, one in enumerate(networks):
        for layer, values in enumerate(
            _exact_outputs(one, points) if exact else _outputs(one, points)
        ):
            name = "input" if layer == 0 else f"layer {layer - 1}"
            name = "output" if layer == len(one.layers) else name
            for first, second in _opponents(len(classes), against):
                others = members != first if second is None else members == second
                a, b = (_chosen(values, which) for which in (members == first, others))
                yes = is_linearly_separable(a, b).proved if "separable" in measures else None
                found = {key: MEASURES[key](a, b, limits=limits) for key in names}
                opponent = None if second is None else classes[second]
                rows.append(SeparabilityRow(epoch, layer, name, one.widths[layer],
                                            classes[first], opponent, yes, found))  # fmt: skip
                if report:
                    report(len(rows), time.monotonic() - began)
    accuracies = tuple(_accuracy(one, points, members, len(classes)) for one in networks)
    return SeparabilityTable(tuple(rows), names, accuracies, exact)


def _networks(network: Layer | Network | Sequence[Network]) -> list[Network]:
    given = [network] if isinstance(network, Layer | Network) else list(network)
    if not given:
        raise NetworkError("at least one network is needed, but the sequence is empty")
    networks = [as_network(one) for one in given]
    if len({one.input_dim for one in networks}) > 1:
        raise NetworkError("all networks must have as many inputs")
    return networks


def _data(
    networks: list[Network], inputs: npt.ArrayLike, labels: npt.ArrayLike
) -> tuple[Array, list[Any], npt.NDArray[np.intp]]:
    """The points, the classes in order, and which one each point is of."""
    try:
        points = finite_array("inputs", inputs, 2)
    except NetworkError as error:
        raise PointsError(str(error)) from None
    if points.shape[1] != networks[0].input_dim:
        raise NetworkError(
            f"inputs must have shape (n, {networks[0].input_dim}), not {points.shape}"
        )
    given = np.asarray(labels)
    if given.shape != (len(points),):
        raise PointsError(f"labels must have shape ({len(points)},), not {given.shape}")
    if given.dtype.kind == "f" and np.array_equal(given, np.floor(given)):
        given = given.astype(np.int64)
    if given.dtype.kind not in "iubUS":
        raise PointsError(f"labels must be integers or strings, not {given.dtype}")
    classes, members = np.unique(given, return_inverse=True)
    if not 2 <= len(classes) <= MOST_LABELS:
        raise PointsError(f"labels must have 2 to {MOST_LABELS} classes, not {len(classes)}")
    return points, classes.tolist(), members


def _check(measures: Sequence[str], against: str) -> None:
    known = ("separable", *MEASURES)
    chosen = [measures] if isinstance(measures, str) else list(measures)
    wrong = next((name for name in chosen if name not in known), None)
    if wrong is not None or not chosen or isinstance(measures, str):
        shown = wrong if wrong is not None else measures
        raise PointsError(f"measures must be a list of {', '.join(known)}, not {shown!r}")
    if against not in ("each", "rest"):
        raise PointsError(f"against must be 'each' or 'rest', not {against!r}")


def _opponents(n: int, against: str) -> list[tuple[int, int | None]]:
    return list(combinations(range(n), 2)) if against == "each" else [(k, None) for k in range(n)]


def _outputs(network: Network, points: Array) -> Iterator[Points]:
    """The inputs and the outputs of each layer, in float64."""
    yield points
    for k, layer in enumerate(network.layers):
        with np.errstate(all="ignore"):
            points = layer(points)
        if not np.isfinite(points).all():
            raise PointsError(f"the outputs of layer {k} overflow float64; exact=True does not")
        yield points


def _exact_outputs(network: Network, points: Array) -> Iterator[Points]:
    """The same in fractions."""
    n, dim = points.shape
    flat, shift = integers(points)
    columns = [[*flat[i * dim : (i + 1) * dim], 1 << shift] for i in range(n)]
    yield [[Fraction(v, x[-1]) for v in x[:-1]] for x in columns]
    for layer in network.layers:
        columns = [list(x) for x in homogeneous_values(Network((layer,)), columns)]
        yield [[Fraction(v, x[-1]) for v in x[:-1]] for x in columns]


def _chosen(values: Points, which: npt.NDArray[np.bool_]) -> Points:
    if isinstance(values, np.ndarray):
        return values[which]
    return [x for x, taken in zip(values, which, strict=True) if taken]


def _accuracy(
    network: Network, points: Array, members: npt.NDArray[np.intp], n_classes: int
) -> float | None:
    """One output: the second class is where it is > 0."""
    with np.errstate(all="ignore"):
        values = network(points)
    if network.output_dim == 1 and n_classes == 2:
        return float(np.mean((values[:, 0] > 0) == members))
    if network.output_dim != n_classes:
        return None
    return float(np.mean(values.argmax(axis=1) == members))
