"""The region graph of a store: what can be asked of it without all of it in memory."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..activations import Real
from ..answer import Answer, Status
from ..domain import Domain, Slice
from ..engine.adjacency import hash_rows
from ..engine.compiled import Compiled
from ..engine.program import compile_network
from ..errors import FileFormatError, IncompleteError, LimitsError
from ..graph import RegionGraph, packed_pattern
from ..locate import exact_patterns
from ..network import Network
from ..progress import Progress
from ..queries.decision import decision
from ..queries.where import why_stopped
from ..region import Region
from .manifest import Manifest, chart_rows, read_manifest
from .parts import bucket_of
from .reader import Numbers, Part, Reader
from .table import Words, arrow, as_words

if TYPE_CHECKING:
    from ..queries.outputs import Output
    from ..queries.surjectivity import OutputRange
    from ..verify import Verification
    from .boundary import StoredBoundary


class RegionStore:
    """A region graph on disk; made by :func:`open_store`.

    Regions are numbered from 0 on, and lie in parts of ``part_regions`` each. Nothing in the
    directory is changed. The last two parts that were used are kept in memory.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        arrow()
        self.directory = directory
        self._manifest = manifest
        if chart_rows(self.compiled.chart) != manifest.chart:
            raise FileFormatError(
                f"{directory} has witnesses in other coordinates than this version of polyrelu"
            )
        self._reader = Reader(directory, manifest, self.compiled)

    # -- what it is --------------------------------------------------------------------------

    @property
    def network(self) -> Network:
        """The network; for a slice, the network restricted to it."""
        return self._manifest.network

    @property
    def domain(self) -> Domain:
        """The domain; for a slice, that of its coordinates."""
        return self._manifest.domain

    @property
    def slice(self) -> Slice | None:
        """The slice, or None."""
        return self._manifest.slice

    @property
    def complete(self) -> bool:
        """False if a limit or an interrupt stopped the enumeration."""
        return self._manifest.complete

    @property
    def stopped_by(self) -> str | None:
        """ "regions", "seconds", "memory", "interrupt", "executor" or None."""
        return self._manifest.stopped_by

    @property
    def part_regions(self) -> int:
        """How many regions there are in each part but the last."""
        return self._manifest.part_regions

    @property
    def n_parts(self) -> int:
        return len(self._manifest.parts)

    @property
    def n_walls(self) -> int:
        """How many pairs of regions touch."""
        return self._manifest.counts.walls

    def __len__(self) -> int:
        return self._manifest.regions

    def __repr__(self) -> str:
        state = "" if self.complete else f", incomplete: stopped by {self.stopped_by}"
        size = f"{len(self)} regions, {self.n_walls} walls, {self.n_parts} parts"
        return f"RegionStore({size}{state})"

    @cached_property
    def compiled(self) -> Compiled:
        """What the engine worked on: the chart of the domain and the network's walls."""
        return compile_network(self.network, self.domain)

    def statistics(self) -> dict[str, Any]:
        """Counts in a dictionary of plain numbers, as of :meth:`RegionGraph.statistics`. They were
        made with the store: this reads nothing."""
        counts, n = self._manifest.counts, len(self)
        present = [k for k, count in enumerate(counts.degrees) if count]
        return {
            "regions": n,
            "complete": self.complete,
            "stopped_by": self.stopped_by,
            "walls": counts.walls,
            "domain_facets": counts.domain_facets,
            "unexplored_facets": counts.unexplored_facets,
            "unbounded_regions": counts.unbounded_regions,
            "average_degree": 2 * counts.walls / n if n else 0.0,
            "least_degree": min(present, default=0),
            "greatest_degree": max(present, default=0),
            "thin_regions": counts.thin_regions,
            **self._manifest.stats,
        }

    # -- parts and regions -------------------------------------------------------------------

    def parts(self) -> Iterator[Part]:
        """The parts, one after the other: each a graph of its own regions, in memory.

        Raises:
            FileFormatError: a file is damaged.
        """
        return map(self.part, range(self.n_parts))

    def part(self, number: int) -> Part:
        """Part ``number``; see :meth:`parts`."""
        number = operator.index(number)
        if not 0 <= number < self.n_parts:
            raise IndexError(f"part {number} of {self.n_parts}")
        return self._reader.part(number)

    def file_checks(self) -> Iterator[Callable[[], object]]:
        """For each file of regions, and of the index, a function that reads and checks it."""
        for number in range(self.n_parts):
            yield partial(self.part, number)
        for number in range(len(self._manifest.index)):
            yield partial(self._reader.bucket, number)

    def _place(self, index: int) -> tuple[Part, int]:
        """The part of a region, and its number there."""
        n, index = len(self), operator.index(index)
        if not -n <= index < n:
            raise IndexError(f"region {index} of {n}")
        number, place = divmod(index % n, self.part_regions)
        return self.part(number), place

    def __getitem__(self, index: int) -> Region:
        """A region, as one of the graph of its part: its ``index``, and the neighbours that its
        facets name, are numbers in the part. See :meth:`neighbors`."""
        part, place = self._place(index)
        return part.graph[place]

    def neighbors(self, index: int) -> Numbers:
        """The regions, by their numbers in the store, that share a (d-1)-dimensional wall with
        region ``index``."""
        part, place = self._place(index)
        found = part.neighbors[slice(*part.graph.indptr[place : place + 2].tolist())]
        return found[found >= 0]

    # -- looking up --------------------------------------------------------------------------

    def find(self, pattern: npt.ArrayLike) -> int:
        """The region with a pattern of zeros and ones, or -1."""
        return int(self.lookup(packed_pattern(self.network, pattern)[None])[0])

    def locate(self, points: npt.ArrayLike) -> Numbers:
        """The region that each point lies strictly inside of, exactly; see
        :meth:`RegionGraph.locate`.

        The index of hashes leads to at most a few regions, whose whole patterns are compared. The
        cost is that of reading one file of the index, of some MB, and one part, for each that is
        met.
        """
        packed, inside = exact_patterns(self, points)
        found = np.full(len(packed), -1, dtype=np.int64)
        found[inside] = self.lookup(packed[inside])
        return found

    def lookup(self, packed: npt.NDArray[np.uint8]) -> Numbers:
        """The region of each packed pattern, or -1; see :attr:`RegionGraph.packed_patterns`."""
        words = as_words(packed)
        hashes = hash_rows(words)
        bucket = bucket_of(hashes, len(self._manifest.index))
        asked, candidate = [], []
        for k in np.unique(bucket).tolist():
            here = np.flatnonzero(bucket == k)
            there, regions = self._reader.bucket(k)
            first, last = (np.searchsorted(there, hashes[here], side) for side in ("left", "right"))
            for i, a, b in zip(here.tolist(), first.tolist(), last.tolist(), strict=True):
                asked += [i] * (b - a)
                candidate += regions[a:b].tolist()
        return self._with_pattern(words, np.array(asked, int), np.array(candidate, int))

    def _with_pattern(self, words: Words, asked: Numbers, region: Numbers) -> Numbers:
        """For each row of words the region that has it; it is among the candidates: ``region[j]``
        is one for row ``asked[j]``."""
        found = np.full(len(words), -1, dtype=np.int64)
        names = [f"pattern_{k}" for k in range(words.shape[1])]
        number = region // self.part_regions
        for k in np.unique(number).tolist():
            here = number == k
            table = self._reader.table(k, ["region", *names])
            place = region[here] - k * self.part_regions
            same = np.ones(len(place), dtype=bool)
            for name, word in zip(names, words[asked[here]].T, strict=True):
                same &= table[name].to_numpy()[place] == word
            found[asked[here][same]] = region[here][same]
        return found

    # -- in memory ---------------------------------------------------------------------------

    def to_graph(self, memory: int = 1 << 32) -> RegionGraph:
        """All of it in memory.

        Raises:
            LimitsError: it takes more than ``memory`` bytes.
        """
        counts, n = self._manifest.counts, len(self)
        facets = 2 * counts.walls + counts.domain_facets + counts.unexplored_facets
        width = (len(self.network.thresholds) + 7) // 8
        needed = 3 * (n * (width + 8 * self.compiled.dim + 20) + 12 * facets)
        if needed > memory:
            raise LimitsError(
                f"{n} regions take some {needed} bytes on the way, more than memory={memory}; "
                f"go through parts(), or allow more"
            )
        return self.subgraph(np.arange(n))

    def subgraph(self, regions: npt.ArrayLike) -> RegionGraph:
        """Some of the regions in memory, in ascending order, each once; what is behind facets that
        lead to others is unexplored. The i-th is the region with the i-th least number."""
        chosen = np.unique(np.asarray(regions, dtype=np.int64))
        if len(chosen) and not 0 <= chosen[0] <= chosen[-1] < len(self):
            raise IndexError(f"regions must be numbers from 0 to {len(self) - 1}")
        number = chosen // self.part_regions
        tables = [
            self._reader.table(k).take(chosen[number == k] - k * self.part_regions)
            for k in np.unique(number).tolist()
        ]
        if not tables:
            tables = [self._reader.empty()]
        graph, _ = self._reader.graph(arrow().concat_tables(tables).combine_chunks())
        return graph

    # -- answers -----------------------------------------------------------------------------

    def verify(
        self,
        level: str = "geometry",
        *,
        sample: int | None = 1000,
        seed: int = 0,
        progress: bool | Progress = False,
    ) -> Verification:
        """Compare all files with their checksums, and re-check regions; see
        :func:`.verify.verify_store`."""
        from .verify import verify_store

        return verify_store(self, level, sample=sample, seed=seed, progress=progress)

    def output_range(
        self, output: Output | None = None, *, progress: bool | Progress = False
    ) -> OutputRange:
        """The exact range of one output. On a bounded domain the store tells where to begin, and
        the regions are enumerated anew for each end, some microseconds each; of unbounded regions
        all vertices and rays are asked, milliseconds each.

        Args:
            output: as of :func:`polyrelu.output_range`.
            progress: of the enumerations, as of :func:`polyrelu.regions`.

        Raises:
            NetworkError: more than one output, and ``output`` does not say which.
            IncompleteError: the store has not all regions.
        """
        from ..queries.surjectivity import range_of

        if not self.complete:
            why = why_stopped(self.stopped_by, f"{len(self)} regions")
            raise IncompleteError(f"the range needs all regions, but {why}")
        graphs = (part.graph for part in self.parts())
        return range_of(self, graphs, output, None, progress)

    def is_surjective(self, *, progress: bool | Progress = False) -> Answer:
        """Does a network with one output take every real value? As :func:`polyrelu.is_surjective`;
        the cost is that of :meth:`output_range`.

        Raises:
            NetworkError: more than one output.
        """
        from ..queries.surjectivity import surjectivity, weights_of

        weights_of(self.network, None)
        stats = {"regions": len(self)}
        if not self.complete:
            why = why_stopped(self.stopped_by, f"{len(self)} regions")
            return Answer(Status.UNKNOWN, why, stats=stats)
        return surjectivity(self.output_range(progress=progress), stats)

    def boundary(
        self, network: Network, *, classes: Sequence[int] | None = None, level: Real = 0
    ) -> StoredBoundary:
        """The decision boundary of ``network``, of whose ``decision(...).extended`` this is the
        store; see :class:`.boundary.StoredBoundary`.

        Args:
            classes, level: as of :func:`polyrelu.decision_boundary`.

        Raises:
            NetworkError: the store is of another network; classes that are not there.
        """
        from .boundary import StoredBoundary

        return StoredBoundary(self, decision(network, classes, level))


def open_store(path: str | os.PathLike[str]) -> RegionStore:
    """The region graph in a directory (docs/stores.md).

    Only the manifest and the network are read; other files when they are needed, and each is
    compared with its checksum then.

    Raises:
        FileNotFoundError: there is no such directory.
        FileFormatError: it holds no finished store, or a damaged one, or one of another version.
        MissingExtraError: ``pip install polyrelu[arrow]``.
    """
    directory = Path(path)
    return RegionStore(directory, read_manifest(directory))
