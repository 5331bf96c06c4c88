"""``polyrelu regions``: enumerate, count, keep."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import add_limits, add_quiet, add_where, natural
from .output import DONE, LIMIT, complain, counted_lines, described, print_json, show, state_of
from .reading import network_in
from .searching import enumerated, limits_of
from .targets import check_apart, check_target
from .where import UsageError, domain_of

if TYPE_CHECKING:
    from ..enumeration import Count
    from ..network import Network
    from ..store.store import RegionStore


def add_options(parser: Any) -> None:
    """Of the command."""
    parser.add_argument("--count", action="store_true", help="count only; store nothing")
    parser.add_argument(
        "--decision",
        action="store_true",
        help="also cut regions where the decision changes, as `query boundary` of a store needs",
    )
    parser.add_argument("-o", "--save", metavar="FILE.npz", type=Path, help="keep the graph")
    parser.add_argument(
        "--store",
        metavar="DIR",
        type=Path,
        help="keep the graph on disk, however large: a directory of Parquet files. What was "
        "stopped, or killed, goes on when the same command is given again",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="DIR",
        type=Path,
        help="with --count: record there what was counted, and go on from it",
    )
    parser.add_argument(
        "--workers",
        type=natural,
        metavar="N",
        help="on how many cores to work (default: all)",
    )
    parser.add_argument(
        "--start",
        metavar="X",
        help="outward from a point, nearest regions first; with --limit-regions, of networks that "
        "have far too many: one number for all inputs, n numbers, or a file of them",
    )
    add_quiet(parser, "print the number of regions and nothing else")
    add_where(parser)
    add_limits(parser)


def run(args: argparse.Namespace) -> int:
    """The command; its exit code."""
    _check_kept(args)
    if args.save is not None:
        check_target(args.save, (".npz",))
        check_apart(args)
    network = network_in(args)
    if args.decision:
        from ..queries.decision import decision

        network = decision(network).extended
    began = time.perf_counter()
    found = enumerated(args, network, _enumerator(args))
    seconds = time.perf_counter() - began
    data = _counts(found) if args.count else found.statistics()
    if args.save is not None:
        found.save(args.save)
    if args.json:
        asked: dict[str, Any] = {"command": "regions", "file": str(args.file), "saved": _kept(args)}
        asked |= {"network": described(network), **_asked(args, network)}
        print_json(asked | data | {"total_seconds": seconds})
    else:
        _write_for_people(args, data, seconds)
    return DONE if found.complete else LIMIT


def _counts(found: Count) -> dict[str, Any]:
    return {
        "regions": found.count,
        "complete": found.complete,
        "stopped_by": found.stopped_by,
        **found.stats,
    }


def _write_for_people(args: argparse.Namespace, data: dict[str, Any], seconds: float) -> None:
    if not args.quiet:
        kept = _kept(args)
        show(*_summary(data, seconds), *([] if kept is None else [f"saved: {kept}"]))
        return
    show(str(data["regions"]))
    if not data["complete"]:
        complain(state_of(data["complete"], data["stopped_by"]))


def _enumerator(args: argparse.Namespace) -> Callable[..., Any]:
    """What to call with a network, a domain, limits and progress."""
    from ..enumeration import count_regions, regions

    if args.count:
        return partial(count_regions, workers=args.workers, checkpoint=args.checkpoint)
    if args.store is None:
        return partial(regions, workers=args.workers)
    from ..storing import store_regions

    def store(network: Network, domain: Any, **options: Any) -> RegionStore:
        return store_regions(network, domain, args.store, workers=args.workers, **options)

    return store


def _check_kept(args: argparse.Namespace) -> None:
    """Refuse options about what is kept that contradict each other."""
    if args.count and (args.save is not None or args.store is not None):
        option = "--save" if args.save is not None else "--store"
        raise UsageError(f"--count stores nothing; leave out {option}, or --count")
    if args.checkpoint is not None and not args.count:
        raise UsageError("--checkpoint is for --count; --store survives without it")
    if args.store is not None and (args.save is not None or args.start is not None):
        option = "--save" if args.save is not None else "--start"
        raise UsageError(f"--store and {option} do not go together; leave out one of them")
    if args.checkpoint is not None and args.start is not None:
        raise UsageError("--checkpoint and --start do not go together; leave out one of them")


def _kept(args: argparse.Namespace) -> str | None:
    """Where the graph is kept."""
    where = args.save or args.store
    return None if where is None else str(where)


def _asked(args: argparse.Namespace, network: Network) -> dict[str, Any]:
    """Where and within which limits it looked."""
    where = domain_of(args, network)
    asked = {"domain": repr(where), "limits": asdict(limits_of(args))}
    return asked | ({} if args.start is None else {"start": args.start})


def _summary(data: dict[str, Any], seconds: float) -> list[str]:
    state = state_of(data["complete"], data["stopped_by"])
    lines = [f"{data['regions']:,} regions ({state}) in {seconds:.2f} s"]
    if "walls" in data:
        lines += counted_lines(data)
    if "volume_share" in data:
        lines.append(f"  done: some {100 * data['volume_share']:.1f} % of the domain's volume")
    lines.append(f"  signs that needed rational arithmetic: {data['rational_signs']:,}")
    return lines
