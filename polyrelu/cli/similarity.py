"""``polyrelu query similarity``: the kernels that a network's gradients induce on a data set."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..errors import PolyreluError
from ..wording import Wording
from .data import labelled
from .drawing import Shown, plot
from .tables import table_lines
from .where import UsageError

if TYPE_CHECKING:
    from ..limits import Limits
    from ..network import Network
    from ..queries.kernels import LabelledFeatures
    from ..queries.metrics import Metric

SPARSE = 100  # parameters


def similarity(args: argparse.Namespace, network: Network, limits: Limits, progress: Any) -> Shown:
    """Gaps and classifiers under each metric that fits the network."""
    from ..queries.kernels import LabelledFeatures

    found = labelled(args.data, network)
    if found.labels is None:
        raise UsageError(f"{args.data} must hold labels, too: an array y")
    data = LabelledFeatures(network, found.inputs, found.labels)
    metrics = _metrics(data)
    rows = [_row(name, data, metric) for name, metric in metrics.items()]
    drawn = metrics[args.metric or "tangent"]
    return Shown(_report(data, rows), lambda ax: plot().plot_similarity(data, drawn, ax=ax))


def _metrics(data: LabelledFeatures) -> dict[str, Metric | None]:
    """By name."""
    from ..queries.euler_metric import EulerMetric
    from ..queries.metrics import BlockMetric, DiagonalMetric
    from ..queries.sparse_metric import sparse_metric
    from ..queries.tangent import parameter_blocks

    blocks = parameter_blocks(data.network)
    return {
        "tangent": None,
        "last": BlockMetric([0.0] * (len(blocks) - 1) + [1.0]),
        "euler": EulerMetric(),
        "squared": DiagonalMetric.squared(data.network),
        "sparse": sparse_metric(data, min(SPARSE, sum(block.size for block in blocks))),
    }


def _row(name: str, data: LabelledFeatures, metric: Metric | None) -> dict[str, Any]:
    from ..queries.similarity import similarity_gap
    from ..queries.similarity_classifier import similarity_classifier

    row: dict[str, Any] = {"metric": name}
    try:
        gap = similarity_gap(data, metric)
        row |= {"mean gap": _middle(gap.mean), "5 % quantile": _middle(gap.quantile(0.05)),
                "least": _middle(gap.min)}  # fmt: skip
    except PolyreluError:  # the kernel is 0 at all points
        row |= {"mean gap": float("nan"), "5 % quantile": float("nan"), "least": float("nan")}
    found = similarity_classifier(data, metric)
    return row | {"errors": found.errors, "network": found.network_errors,
                  "both differ": found.disagreements}  # fmt: skip


def _middle(bounds: Any) -> float:
    return float((bounds.low + bounds.high) / 2)


def _report(data: LabelledFeatures, rows: list[dict[str, Any]]) -> Wording:
    written = {"points": len(data), "classes": list(data.classes), "metrics": rows}
    lines = [
        f"{len(data):,} points of {len(data.classes)} classes; gaps relative to sup |K|; errors of "
        "the similarity classifier and of the network",
        *table_lines(rows),
    ]
    return Wording(written, lines, "done")
