"""``polyrelu query folding``: of one segment, or between the points of a data set."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..wording import Wording
from .data import labelled
from .drawing import Shown, plot
from .tables import table_lines
from .where import UsageError, domain_of

if TYPE_CHECKING:
    from ..limits import Limits
    from ..network import Network
    from ..queries.folding_data import FoldingTable
    from ..queries.path import ActivationPath

DEFAULT_PAIRS = 20


def folding(args: argparse.Namespace, network: Network, limits: Limits, progress: Any) -> Shown:
    """Of one segment, or of a data set."""
    from ..queries.folding_data import folding_table

    if args.segment is not None:
        if args.data is not None or args.pairs is not None:
            raise UsageError("--segment is one path: --data and --pairs do not go with it")
        return _one_path(args, network)
    data = labelled(args.data, network)
    table = folding_table(network, data.inputs, data.labels, pairs=args.pairs or DEFAULT_PAIRS,
                          seed=args.seed, limits=limits, progress=progress)  # fmt: skip
    return Shown(_table_report(table), lambda ax: plot().plot_folding_table(table, ax=ax))


def _one_path(args: argparse.Namespace, network: Network) -> Shown:
    from ..queries.path import activation_path

    where: Any = domain_of(args, network)
    path = activation_path(network, where.to_input([[0.0], [1.0]]))
    return Shown(_path_report(path), lambda ax: plot().plot_path(path, ax=ax))


def _path_report(path: ActivationPath) -> Wording:
    found, best, back = path.folding(), path.greatest_folding(), path.reversed()
    layers = sorted({k for k, _, _ in path.network.thresholds})
    by_layer = [(k, path.folding([k])) for k in layers]
    data = {
        "pieces": len(path), "range": found.range, "length": found.length,
        "chi": str(found.chi), "chi_rounded": float(found.chi),
        "chi_backward": str(back.folding().chi), "chi_greatest": str(best.folding.chi),
        "greatest_on_pieces": [best.first, best.last],
        "folded_pieces": int(path.folded.sum()),
        "times": path.times, "flips": [path.flips_at(i) for i in range(len(path) - 1)],
        "layers": [{"layer": k, **vars(f), "chi": str(f.chi)} for k, f in by_layer],
    }  # fmt: skip
    rows = [{"layer": k, "range": f.range, "length": f.length, "chi": float(f.chi)}
            for k, f in [(None, found), *by_layer]]  # fmt: skip
    lines = [
        f"{len(path):,} pieces; folding {found}; backward {float(back.folding().chi):.4g}",
        f"  greatest on a part: {best.folding}, pieces {best.first} to {best.last}",
        f"  {data['folded_pieces']:,} pieces folded back",
        *table_lines(rows),
    ]
    return Wording(data, lines, "done")


def _table_report(table: FoldingTable) -> Wording:
    rows = table.rows()
    data = {
        "complete": table.complete, "stopped_by": table.stopped_by, "pairs": len(table),
        "classes": list(table.classes), "rows": rows, "mean_by_class": table.by_class(),
    }  # fmt: skip
    lines = [f"{len(table):,} pairs of points, both directions"]
    if len(table):
        i, j = table.most_folded
        data["most_folded"] = [i, j]
        lines += table_lines(rows)
        lines.append(f"  the most folded segment: from point {i} to point {j}")
    return Wording(data, lines, "done" if table.complete else "limit")
