"""Enumerating from the command line: domain, limits and progress by its options."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from .where import domain_of, start_of

if TYPE_CHECKING:
    from ..limits import Limits
    from ..network import Network


def limits_of(args: argparse.Namespace) -> Limits:
    """Those that the options set."""
    from ..limits import Limits

    return Limits(args.limit_regions, args.limit_seconds, args.limit_memory)


def with_progress(
    args: argparse.Namespace, task: Callable[..., Any], counted: str = "regions"
) -> Any:
    """``task(progress=...)``, shown on stderr if that is a terminal."""
    from ..progress import Meter, on_terminal

    if args.quiet or not on_terminal():
        return task(progress=False)
    meter = Meter(counted)
    try:
        return task(progress=meter)
    finally:
        meter.close()


def enumerated(
    args: argparse.Namespace,
    network: Network,
    enumerator: Callable[..., Any],
    accept: Callable[[int], object] | None = None,
) -> Any:
    """``regions`` or ``count_regions`` of what the options say; ``accept`` may refuse a domain of
    so many coordinates before the work."""
    where = domain_of(args, network)
    if accept is not None:
        accept(where.dim)
    task = partial(enumerator, network, where, limits=limits_of(args))
    start = start_of(args, where.dim)
    found = with_progress(args, task if start is None else partial(task, start=start))
    kept = found.count if hasattr(found, "count") else len(found)
    if found.stopped_by == "interrupt" and not kept:
        raise KeyboardInterrupt
    return found
