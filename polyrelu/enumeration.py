"""The one way in: from a network and a domain to its regions."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from .domain import Domain, Slice
from .errors import DomainError, NetworkError
from .interrupt import deferred_interrupt
from .limits import Limits
from .network import Network, finite_array
from .progress import Meter, Progress, compilation_announced, reporter
from .rational import dot_point

if TYPE_CHECKING:
    import numpy.typing as npt

    from .engine.enumerate import Enumeration, Found
    from .engine.explore import Explorer
    from .graph import RegionGraph


Cells = Literal["auto", "vertices", "lp"]


@dataclass(frozen=True)
class Count:
    """How many regions there are.

    Attributes:
        count: the number; a lower bound if not ``complete``.
        complete: False if a limit or an interrupt stopped the count.
        stopped_by: "regions", "seconds", "memory", "interrupt" or None.
        stats: what it took.
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

    Ctrl-C stops the enumeration as a limit does: what was found is returned.

    The cost is proportional to the number of regions, times vertices of a region, times
    neurons that cut it (docs/engine.md).

    Raises:
        DomainError: the domain is empty or does not fit the network.
    """
    from .engine.assemble import assemble
    from .graph import RegionGraph

    search = _Search(network, domain, limits, progress, counting=False, cells=cells, start=start)
    with deferred_interrupt() as interrupted:
        search.run(interrupted)
        # The search is done: Ctrl-C would throw it away.
        began = time.perf_counter()
        blocks = search.found or [search.enumeration.nothing()]
        search.found = []  # so that assemble can free each block as it goes
        columns = assemble(
            search.enumeration, blocks, search.stopped_by is None, search.limits.regions
        )
    if columns.cut_short:
        search.stopped_by = search.stopped_by or "regions"
    stats = search.stats() | {"adjacency_seconds": time.perf_counter() - began}
    graph = RegionGraph(
        network=search.network,
        domain=search.domain,
        slice=search.slice,
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
) -> Count:
    """The number of activation regions, without storing them; see :func:`regions`."""
    search = _Search(network, domain, limits, progress, counting=True, cells=cells)
    if search.needs_merging:  # cells are merged by pattern, so patterns must be kept
        graph = regions(network, domain, limits=limits, progress=progress, cells=cells)
        return Count(len(graph), graph.complete, graph.stopped_by, graph.stats)
    with deferred_interrupt() as interrupted:
        search.run(interrupted)
    return Count(search.n_regions, search.stopped_by is None, search.stopped_by, search.stats())


class _Search:
    """One enumeration under limits, with progress."""

    def __init__(
        self,
        network: Network,
        domain: Domain | Slice | None,
        limits: Limits | None,
        progress: bool | Progress,
        counting: bool,
        cells: Cells,
        start: npt.ArrayLike | None = None,
    ) -> None:
        from .engine.choice import enumeration
        from .engine.program import compile_network

        if cells not in ("auto", "vertices", "lp"):
            raise ValueError(f'cells must be "auto", "vertices" or "lp", not {cells!r}')
        if limits is not None and not isinstance(limits, Limits):
            raise TypeError(f"limits must be a polyrelu.Limits, not {limits!r}")
        self.slice, self.network, self.domain = resolve_domain(network, domain)
        self.limits = limits or Limits()
        self.progress = reporter(progress)
        self.compiled = compile_network(self.network, self.domain)
        # Merging joins at most 2**auxiliary cells: only then may cells outnumber the limit.
        most = self.limits.regions
        self.enumeration: Enumeration | Explorer
        self.start: list[float] | None = None
        if start is not None:
            from .engine.explore import Explorer  # with it all of scipy.optimize

            try:
                self.start = finite_array("start", start, 1).tolist()
            except NetworkError as error:
                raise DomainError(str(error)) from None
            self.enumeration = Explorer(self.compiled, self._start_point(self.start), most)
        else:
            if most is not None and self.needs_merging:
                most <<= len(self.compiled.root_rows) - int(self.compiled.program.n_domain)
            with compilation_announced():
                self.enumeration = enumeration(self.compiled, counting, most, cells)
        self.most = most
        self.found: list[Found] = []
        self.n_regions = 0
        self.stopped_by: str | None = None
        self.seconds = 0.0
        self.memory = 0

    def _start_point(self, start: list[float]) -> tuple[Fraction, ...]:
        """The starting point in the engine's coordinates."""
        from .engine.program import to_engine

        x = [Fraction(v) for v in start]
        if len(x) != self.domain.dim:
            raise DomainError(
                f"start has {len(x)} coordinates, a point of the domain has {self.domain.dim}"
            )
        rows = self.domain.inequalities()
        outside = next((i for i, g in enumerate(rows) if dot_point(g, x) < 0), None)
        point = to_engine(self.compiled, x) if outside is None else None
        if point is None:
            which = "" if outside is None else f": it violates inequality {outside}"
            raise DomainError(f"start is outside of the domain{which}")
        return point

    @property
    def needs_merging(self) -> bool:
        return int(self.compiled.program.first_wall[1]) > self.compiled.program.n_domain

    def run(self, interrupted: Callable[[], bool]) -> None:
        began = time.perf_counter()
        reported = 0
        fixed = self._working_bytes()  # what the smallest search takes does not count
        with compilation_announced():
            try:
                for block in self.enumeration.blocks():
                    self._keep(block)
                    self.seconds = time.perf_counter() - began
                    if self.progress is not None and self.n_regions != reported:
                        reported = self.n_regions
                        self.progress(self.n_regions, self.seconds)
                    if self.enumeration.finished:
                        break
                    memory = self.memory + self._working_bytes() - fixed
                    self.stopped_by = self.limits.reached(
                        self.n_regions, self.seconds, memory, self.most
                    )
                    if self.stopped_by is None and interrupted():
                        self.stopped_by = "interrupt"
                    if self.stopped_by is not None:
                        break
            except KeyboardInterrupt:  # from the progress callback, or a second Ctrl-C
                self.stopped_by = "interrupt"
        if self.stopped_by is not None:
            self._keep(self.enumeration.flush())
        if isinstance(self.progress, Meter):
            self.progress.close()
        self.seconds = time.perf_counter() - began

    def _working_bytes(self) -> int:
        return self.enumeration.working_bytes if self.limits.memory is not None else 0

    def _keep(self, block: Found | int) -> None:
        if isinstance(block, int):
            self.n_regions += block
        elif len(block):
            self.n_regions += len(block)
            self.memory += block.nbytes if self.limits.memory is not None else 0
            self.found.append(block)

    def stats(self) -> dict[str, Any]:
        return {
            "seconds": self.seconds,
            "splits": self.enumeration.splits,
            **vars(self.enumeration.resolver.counters),
            **({} if self.start is None else {"start": self.start}),
            "versions": dict(_versions()),
        }


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
