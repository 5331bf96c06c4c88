"""The one way in: from a network and a domain to its regions."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from .domain import Domain, Slice
from .errors import DomainError, NetworkError, PolyreluError
from .interrupt import deferred_interrupt
from .limits import Limits
from .network import Network, finite_array
from .notebook import InNotebook
from .progress import Progress
from .rational import dot_point

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import numpy as np
    import numpy.typing as npt

    from .engine.compiled import Compiled
    from .engine.explore import Explorer
    from .engine.task import Problem
    from .graph import RegionGraph
    from .search import Checkpoint, Search


Cells = Literal["auto", "vertices", "lp"]


@dataclass(frozen=True)
class Count(InNotebook):
    """How many regions there are.

    Attributes:
        count: the number; a lower bound if not ``complete``.
        complete: False if a limit or an interrupt stopped the count.
        stopped_by: "regions", "seconds", "memory", "interrupt", "executor" (those who worked are
            gone) or None.
        stats: what it took; if it was stopped, with progress or a checkpoint and on a box of finite
            size, "volume_share": about how much of the volume was done.
    """

    count: int
    complete: bool
    stopped_by: str | None
    stats: dict[str, Any]


def regions(
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    limits: Limits | None = None,
    progress: bool | Progress = False,
    cells: Cells = "auto",
    start: npt.ArrayLike | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
) -> RegionGraph:
    """Every activation region of a network on a domain, exactly, and which of them touch.

    Args:
        domain: a domain in the input space, or a :class:`Slice` through it; default the
            network's ``input_box``.
        limits: when to stop early; the graph then has ``complete == False``.
        progress: True writes to stderr if it is a terminal; or a function that is called with
            the number of regions so far and the seconds.
        cells: how the engine holds a cell: by its "vertices", best where it has some dozens at
            most, or by a point and linear programs, "lp". "auto" looks at some cells first. The
            answer is the same.
        start: a point of the domain (of a Slice: in its coordinates). Regions are then found
            outward from the one that holds it, breadth first, through the walls that they
            share: with ``limits``, those around a point of a network that has far too many.
            It takes milliseconds per region where an enumeration takes microseconds.
        workers: on how many cores to work; default on all that this process may use, once it has
            taken a moment. The graph is the same, to the last bit and in the same
            order (but which regions are found before a limit on seconds or memory is not).
        executor: who does the work instead of threads: any ``concurrent.futures.Executor``, of
            processes or of other machines (docs/scaling.md). ``workers`` then is how many tasks
            it works on at a time.

    Ctrl-C stops the enumeration as a limit does: what was found is returned.

    The cost is proportional to the number of regions, times vertices of a region, times
    neurons that cut it (docs/engine.md).

    Raises:
        DomainError: the domain is empty or does not fit the network.
    """
    from .engine.assemble import assemble
    from .graph import RegionGraph

    made = Prepared.of(network, domain, limits, cells, False, bool(progress), start)
    search = made.search(progress, workers, executor)
    with deferred_interrupt() as interrupted:
        search.run(interrupted)
        # The search is done: Ctrl-C would throw it away.
        began = time.perf_counter()
        blocks = search.blocks()
        search.forget()  # so that assemble can free each block as it goes
        columns = assemble(
            search.compiled, search.settle, blocks, search.stopped_by is None,
            made.limits.regions, search.workers,
        )  # fmt: skip
    if columns.cut_short:
        search.stopped_by = search.stopped_by or "regions"
    stats = made.stats(search) | {"adjacency_seconds": time.perf_counter() - began}
    graph = RegionGraph(
        network=made.network,
        domain=made.domain,
        slice=made.slice,
        packed_patterns=columns.patterns,
        local_witnesses=columns.witnesses,
        exact_witnesses=columns.exact_witnesses,
        unbounded=columns.unbounded | (search.compiled.n_lines > 0),
        indptr=columns.indptr,
        facets=columns.facets,
        neighbor=columns.neighbors,
        coincident=columns.coincident,
        vanishing=columns.vanishing,
        complete=search.stopped_by is None,
        stopped_by=search.stopped_by,
        stats=stats,
    )
    vars(graph)["compiled"] = search.compiled  # instead of compiling once more
    return graph


def count_regions(
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    limits: Limits | None = None,
    progress: bool | Progress = False,
    cells: Cells = "auto",
    workers: int | None = None,
    executor: Executor | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Count:
    """The number of activation regions, without storing them, in memory that does not grow with
    them; see :func:`regions`.

    Args:
        checkpoint: a directory in which what was counted is recorded. A count that was stopped,
            by a limit, Ctrl-C or a power cut, goes on from there when it is called again, and
            comes to the same number. ``limits.seconds`` are those of each call.

    Where an unbounded direction of the domain first meets a wall after layer 1 (units such as
    identities pass it on), the engine cuts regions with auxiliary walls, and keeps all patterns in
    memory to count each region once. Such a count cannot be recorded;
    :func:`polyrelu.store_regions` survives there too.

    Raises:
        PolyreluError: a checkpoint for a count that cannot be recorded.
        FileFormatError: the checkpoint is one of something else, or damaged.
        StoreError: another process works on it, or the system refuses to write.
    """
    is_measured = bool(progress) or checkpoint is not None
    made = Prepared.of(network, domain, limits, cells, True, is_measured)
    assert made.problem is not None
    if made.problem.compiled.n_auxiliary:  # cells are merged by pattern, so patterns must be kept
        if checkpoint is not None:
            raise PolyreluError(
                "this count cannot be recorded in a checkpoint: on this domain the engine cuts "
                "regions with auxiliary walls, and must know them all to count each once. Use "
                "store_regions (polyrelu regions --store), which survives too, or count without"
            )
        graph = regions(
            network, domain, limits=limits, progress=progress, cells=cells, workers=workers,
            executor=executor,
        )  # fmt: skip
        return Count(len(graph), graph.complete, graph.stopped_by, graph.stats)
    if checkpoint is None:
        search = made.search(progress, workers, executor)
        with deferred_interrupt() as interrupted:
            search.run(interrupted)
    else:
        search = _resumed(made, checkpoint, progress, workers, executor)
    n, most = search.n_regions, made.limits.regions
    if most is not None and n > most:  # somebody was quicker than the count
        n, search.stopped_by = most, search.stopped_by or "regions"
    return Count(n, search.stopped_by is None, search.stopped_by, made.stats(search))


@dataclass(frozen=True)
class Above:
    """The regions on which a threshold is on.

    Attributes:
        packed_patterns: as of a graph; shape (n, bytes).
        witnesses: a point of each, shape (n, dim), rounded.
        stopped_by: why these are not all; None if they are.
        searched: how many regions were found, of these and others.
    """

    packed_patterns: npt.NDArray[np.uint8]
    witnesses: npt.NDArray[np.float64]
    stopped_by: str | None
    searched: int


def regions_above(
    network: Network,
    domain: Domain,
    threshold: int,
    *,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Above:
    """The regions of a network on which one of its thresholds is on. All are searched, on all
    cores, but only these take memory; which of them touch is not asked. Regions that auxiliary
    walls cut may be there several times."""
    from .engine.assemble import concatenate, packed_patterns
    from .engine.compiled import rounded_points

    made = Prepared.of(network, domain, limits, "auto", False, bool(progress))
    assert made.problem is not None
    made.problem.above = threshold
    search = made.search(progress, None, None)
    with deferred_interrupt() as interrupted:
        search.run(interrupted)
    found = concatenate(search.blocks())
    return Above(
        packed_patterns(search.compiled, found),
        rounded_points(search.compiled, found.witness),
        search.stopped_by,
        search.n_regions,
    )


@dataclass
class Prepared:
    """What is to be searched, checked and prepared.

    Attributes:
        problem: what to enumerate; or
        explorer: a search outward from a ``start``.
        most: how many cells to find: those of regions that are merged count one by one.
    """

    slice: Slice | None
    network: Network
    domain: Domain
    limits: Limits
    problem: Problem | None
    explorer: Explorer | None
    most: int | None
    start: list[float] | None

    @classmethod
    def of(
        cls,
        network: Network,
        domain: Domain | Slice | None,
        limits: Limits | None,
        cells: Cells,
        counting: bool,
        is_measured: bool,
        start: npt.ArrayLike | None = None,
    ) -> Prepared:
        from .engine.task import Problem

        if cells not in ("auto", "vertices", "lp"):
            raise ValueError(f'cells must be "auto", "vertices" or "lp", not {cells!r}')
        limits = Limits.checked(limits)
        cut, network, domain = resolve_domain(network, domain)
        if start is not None:
            return cls._outward(cut, network, domain, limits, start)
        problem = Problem.of(network, domain, counting, cells, is_measured)
        most = limits.regions
        if most is not None:
            # Merging joins at most 2**auxiliary cells: only then may cells outnumber the limit.
            most <<= problem.compiled.n_auxiliary
        return cls(cut, network, domain, limits, problem, None, most, None)

    @classmethod
    def _outward(
        cls,
        cut: Slice | None,
        network: Network,
        domain: Domain,
        limits: Limits,
        start: npt.ArrayLike,
    ) -> Prepared:
        from .engine.explore import Explorer  # with it all of scipy.optimize
        from .engine.program import compile_network

        try:
            point = finite_array("start", start, 1).tolist()
        except NetworkError as error:
            raise DomainError(str(error)) from None
        compiled = compile_network(network, domain)
        explorer = Explorer(compiled, _start_point(compiled, domain, point), limits.regions)
        return cls(cut, network, domain, limits, None, explorer, limits.regions, point)

    def search(
        self,
        progress: bool | Progress,
        workers: int | None,
        executor: Executor | None,
        checkpoint: Checkpoint | None = None,
    ) -> Search:
        from .search import Search

        return Search(
            self.problem, self.explorer, limits=self.limits, most=self.most, progress=progress,
            workers=workers, executor=executor, checkpoint=checkpoint,
        )  # fmt: skip

    def stats(self, search: Search) -> dict[str, Any]:
        return {
            **search.stats(),
            **({} if self.start is None else {"start": self.start}),
            "versions": dict(_versions()),
        }


def _resumed(
    made: Prepared,
    path: str | os.PathLike[str],
    progress: bool | Progress,
    workers: int | None,
    executor: Executor | None,
) -> Search:
    """A search that goes on from a checkpoint."""
    from .search import Checkpoint

    assert made.problem is not None
    with Checkpoint(path, made.problem) as checkpoint, deferred_interrupt() as interrupted:
        search = made.search(progress, workers, executor, checkpoint)
        search.run(interrupted)
    return search


def _start_point(compiled: Compiled, domain: Domain, start: list[float]) -> tuple[Fraction, ...]:
    """The starting point in the engine's coordinates."""
    from .engine.compiled import to_engine

    x = [Fraction(v) for v in start]
    if len(x) != domain.dim:
        raise DomainError(f"start has {len(x)} coordinates, a point of the domain has {domain.dim}")
    rows = domain.inequalities()
    outside = next((i for i, g in enumerate(rows) if dot_point(g, x) < 0), None)
    point = to_engine(compiled, x) if outside is None else None
    if point is None:
        which = "" if outside is None else f": it violates inequality {outside}"
        raise DomainError(f"start is outside of the domain{which}")
    return point


def resolve_domain(
    network: Network, domain: Domain | Slice | None
) -> tuple[Slice | None, Network, Domain]:
    """The slice if there is one, the network restricted to it, and the domain; default the
    network's input box.

    Raises:
        DomainError: there is none, or it does not fit the network.
    """
    if not isinstance(network, Network):
        raise TypeError(f"network must be a polyrelu.Network, not {type(network).__name__}")
    if domain is None:
        if network.input_box is None:
            raise DomainError(
                f"the network has no input box of its own; give a domain, for instance "
                f"Box(-1, 1, dim={network.input_dim}) or Space({network.input_dim})"
            )
        domain = network.input_box
    if isinstance(domain, Slice):
        return domain, domain.restrict(network), domain.domain
    if not isinstance(domain, Domain):
        raise DomainError(f"domain must be a Box, Polytope, Space or Slice, not {domain!r}")
    if domain.dim != network.input_dim:
        raise DomainError(
            f"the domain has dimension {domain.dim}, the network takes {network.input_dim} inputs"
        )
    return None, network, domain


@cache
def _versions() -> dict[str, str]:
    import flint
    import numba
    import numpy

    from . import __version__

    return {
        "polyrelu": __version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "numba": numba.__version__,
        "python-flint": flint.__version__,
    }
