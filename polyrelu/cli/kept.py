"""Questions about regions that were kept: a graph in a file, or a store."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..wording import Wording
from .questions import NORMS, ranges
from .reading import in_memory, network_of
from .where import UsageError

if TYPE_CHECKING:
    from ..graph import RegionGraph
    from ..store.boundary import StoredBoundary
    from ..store.store import RegionStore

OF_REGIONS = ("rank", "oriented", "surjective", "range", "lipschitz")
OF_STORES = (*OF_REGIONS, "boundary")


def check_question(args: argparse.Namespace) -> None:
    """Do regions answer it?

    Raises:
        UsageError: it needs the network; the message says where that is.
    """
    able = OF_STORES if args.file.is_dir() else OF_REGIONS
    if args.question not in able:
        raise UsageError(
            f"`query {args.question}` needs a network: give {network_of(args.file)}. {args.file} "
            f"holds regions, which answer {', '.join(able)}"
        )
    if args.save is not None:
        raise UsageError(f"-o (--save) needs a network: give {network_of(args.file)}")
    if args.question == "boundary" and args.network is None:
        raise UsageError(
            "the boundary in a store is that of a network: give --network=NET, of which `polyrelu "
            "regions NET --decision --store DIR` made the store"
        )


def ask_regions(args: argparse.Namespace, held: RegionGraph | RegionStore, progress: Any) -> Any:
    """The answer to a question that :func:`check_question` lets pass."""
    from ..queries.injectivity import is_coherently_oriented, is_injective_on_regions
    from ..queries.lipschitz import lipschitz_constant
    from ..queries.surjectivity import is_surjective, output_range
    from ..store.store import RegionStore

    if isinstance(held, RegionStore) and args.question == "boundary":
        return _boundary(args, held)
    if isinstance(held, RegionStore) and args.question == "surjective":
        return held.is_surjective(progress=progress)
    if args.question == "range":
        of_all = held.output_range if isinstance(held, RegionStore) else partial(output_range, held)
        return ranges(held.network, args.output, partial(of_all, progress=progress))
    tasks: dict[str, Callable[..., Any]] = {
        "rank": is_injective_on_regions,
        "oriented": is_coherently_oriented,
        "surjective": is_surjective,
        "lipschitz": partial(lipschitz_constant, norm=NORMS[args.norm or "2"]),
    }
    return tasks[args.question](in_memory(held), progress=progress)


def _boundary(args: argparse.Namespace, store: RegionStore) -> Wording:
    from ..io import load_network

    if store.slice is not None:
        raise UsageError(
            f"{args.file} is of a slice: ask `query boundary {args.network}` with its options"
        )
    found = store.boundary(load_network(args.network))
    data = _boundary_json(found, len(store))
    return Wording(data, _boundary_lines(data), "done" if found.complete else "limit")


def _boundary_json(found: StoredBoundary, regions: int) -> dict[str, Any]:
    counts = [{"classes": list(pair), "walls": n} for pair, n in found.counts.items()]
    return {"complete": found.complete, "regions": regions, "tied_regions": len(found.tied),
            "walls": sum(found.counts.values()), "between": counts}  # fmt: skip


def _boundary_lines(data: dict[str, Any]) -> list[str]:
    tied = data["tied_regions"]
    lines = [
        f"{data['walls']:,} walls between classes, of {data['regions']:,} regions"
        + (f"; of these {tied:,} tied everywhere" if tied else "")
    ]
    if not data["complete"]:
        lines.append("  incomplete: there may be more walls")
    for one in data["between"]:
        a, b = one["classes"]
        who = f"classes {a} and {b}" if a != b else f"class {a} on both sides, a tie between"
        lines.append(f"  {who}: {one['walls']:,}")
    return lines
