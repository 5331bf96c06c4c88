"""The way in: the levels in order, each with its checks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..progress import Progress, reporter
from .combinatorial import check_adjacency, check_columns, check_patterns
from .geometry import check_geometry
from .judge import check_by_judge, import_cdd
from .report import Check, Verification
from .run import Run

if TYPE_CHECKING:
    from ..graph import RegionGraph

LEVELS = ("patterns", "adjacency", "geometry", "judge")


def verify(
    graph: RegionGraph,
    level: str = "geometry",
    *,
    sample: int | None = None,
    seed: int = 0,
    progress: bool | Progress = False,
) -> Verification:
    """Re-check a region graph; see :mod:`polyrelu.verify` for the levels.

    Args:
        level: "patterns", "adjacency", "geometry" or "judge"; each includes those before it.
        sample: look at so many regions one by one, drawn at random by ``seed``, not at all.
            Distinctness of patterns and adjacency are always checked of all.
        progress: True writes to stderr if it is a terminal; or a function that is called with
            the number of regions checked (summed over levels) and the seconds.

    An incomplete graph is verified for what it holds. A wrong graph gives failures, not
    exceptions.

    Raises:
        ValueError: there is no such level, or ``sample`` is negative.
        MissingExtraError: level "judge" without pycddlib.
    """
    check_arguments(level, sample)
    began = time.perf_counter()
    chosen = choose(len(graph), sample, seed)
    checks = checks_of(graph, level, chosen, progress)
    n = len(chosen) if checks[0].ok else 0
    return Verification(level, len(graph), n, time.perf_counter() - began, tuple(checks))


def check_arguments(level: str, sample: int | None) -> None:
    """Raises ValueError: there is no such level, or ``sample`` is negative."""
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {level!r}")
    if sample is not None and sample < 0:
        raise ValueError(f"sample must be None or a number of regions, not {sample}")


def checks_of(
    graph: RegionGraph, level: str, chosen: Sequence[int], progress: bool | Progress
) -> list[Check]:
    """The checks of a level, of these regions one by one."""
    depth = LEVELS.index(level)
    cdd = import_cdd() if level == "judge" else None
    columns = check_columns(graph)
    checks = [columns]
    if columns.ok:
        run = Run(graph, chosen, reporter(progress))
        checks += check_patterns(run)
        checks += check_adjacency(run) if depth >= 1 else []
        checks += check_geometry(run) if depth >= 2 else []
        checks += check_by_judge(run, cdd) if depth >= 3 else []
        run.close()
    return checks


def choose(n: int, sample: int | None, seed: int) -> Sequence[int]:
    """So many of n regions, ascending; all for None."""
    if sample is None or sample >= n:
        return range(n)
    chosen: list[int] = np.random.default_rng(seed).choice(n, sample, replace=False).tolist()
    return sorted(chosen)
