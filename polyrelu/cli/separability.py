"""``polyrelu query separability``: how linearly separable classes are, layer by layer."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..wording import Wording
from .data import labelled
from .drawing import Shown, plot
from .where import UsageError

if TYPE_CHECKING:
    from ..limits import Limits
    from ..network import Network

MOST_PAIRWISE = 4  # classes; of more each is set against the rest


def separability(
    args: argparse.Namespace, network: Network, limits: Limits, progress: Any
) -> Shown:
    """The measures that were asked for, on the inputs and after each layer."""
    from ..separability.layers import layer_separability

    data = labelled(args.data, network)
    if data.labels is None:
        raise UsageError(f"{args.data} must hold labels, too: an array y")
    measures = args.measures.split(",") if args.measures else ["separable", "LS1"]
    few = len(set(data.labels.tolist())) <= MOST_PAIRWISE
    against = args.against or ("each" if few else "rest")
    table = layer_separability(network, data.inputs, data.labels, measures=measures,
                               against=against, limits=limits, progress=progress)  # fmt: skip
    drawn = next(iter(table.names), None)
    if drawn is None and args.save is not None:
        raise UsageError("a picture needs a measure other than separable: --measures=LS1, say")
    return Shown(Wording(table.to_dict(), table.lines(), "done"),
                 lambda ax: plot().plot_separability(table, drawn, by="layer", ax=ax))  # fmt: skip
