"""The way in: the levels in order, each with its checks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ..progress import Progress, reporter
from .combinatorial import check_adjacency, check_columns, check_patterns
from .geometry import check_geometry
from .judge import check_by_judge, import_cdd
from .report import Verification
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
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {level!r}")
    if sample is not None and sample < 0:
        raise ValueError(f"sample must be None or a number of regions, not {sample}")
    depth = LEVELS.index(level)
    cdd = import_cdd() if level == "judge" else None
    began = time.perf_counter()
    columns = check_columns(graph)
    checks, chosen = [columns], range(0)
    if columns.ok:
        run = Run(graph, _choose(len(graph), sample, seed), reporter(progress))
        chosen = run.chosen
        checks += check_patterns(run)
        checks += check_adjacency(run) if depth >= 1 else []
        checks += check_geometry(run) if depth >= 2 else []
        checks += check_by_judge(run, cdd) if depth >= 3 else []
        run.close()
    seconds = time.perf_counter() - began
    return Verification(level, len(graph), len(chosen), seconds, tuple(checks))


def _choose(n: int, sample: int | None, seed: int) -> Any:
    if sample is None or sample >= n:
        return range(n)
    return np.sort(np.random.default_rng(seed).choice(n, sample, replace=False)).tolist()
