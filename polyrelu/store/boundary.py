"""The decision boundary in a store: which regions it runs between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import NetworkError
from ..queries.boundary import TIED, find_parts, labels_of, path_walls
from ..queries.decision import Decision
from .reader import Numbers, Part

if TYPE_CHECKING:
    from .store import RegionStore


class StoredBoundary:
    """Where the decision of a network changes, as walls between regions of a store; made by
    :meth:`.store.RegionStore.boundary`.

    The parts are gone through once for ``labels``, which take two bytes for each region in memory,
    and once for :meth:`walls`.

    Attributes:
        decision: the network, its classes, and the network that has the decision's thresholds too.
    """

    def __init__(self, store: RegionStore, decided: Decision) -> None:
        if decided.extended.hash != store.network.hash:
            raise NetworkError(
                "the boundary needs the store of decision(network, ...).extended, in which no "
                "region lies on both sides of it (`polyrelu regions --decision --store`); this is "
                "the store of another network"
            )
        if len(decided.classes) > 1 << 15:
            raise NetworkError(f"at most {1 << 15} classes, not {len(decided.classes)}")
        self.decision, self._store = decided, store
        self._walls_of = path_walls(decided, store.compiled)

    @property
    def complete(self) -> bool:
        """Whether all of it is there: no limit was reached."""
        return self._store.complete

    @cached_property
    def labels(self) -> npt.NDArray[np.int16]:
        """For each region the place in ``decision.classes`` of the class that wins there, or -1 if
        several do. Shape (regions,)."""
        labels = np.empty(len(self._store), dtype=np.int16)
        for part in self._store.parts():
            here = slice(part.first, part.first + len(part))
            labels[here] = labels_of(self.decision, part.graph, self._walls_of)
        labels.flags.writeable = False
        return labels

    @property
    def tied(self) -> Numbers:
        """The regions on which several classes win alike, everywhere."""
        return np.flatnonzero(self.labels == TIED)

    def walls(self) -> Iterator[Numbers]:
        """Part by part the walls on which two outputs are the greatest: rows (region, region on the
        other side, threshold), each wall once."""
        for part in self._store.parts():
            yield self._walls(part)

    def _walls(self, part: Part) -> Numbers:
        found = find_parts(
            self.decision, part.graph, self._walls_of, self.labels, part.neighbors, part.first
        )
        found[:, 2] = part.graph.facets[found[:, 2]]
        return found

    @cached_property
    def counts(self) -> dict[tuple[int, int], int]:
        """How many walls there are between regions of two classes, by these; for regions of one
        class, walls on which another class is its equal.

        With two classes or one output these are the numbers of pieces of
        :func:`polyrelu.decision_boundary`; with more, a piece may be cut into several walls by the
        comparisons of other classes.
        """
        counts: Counter[tuple[int, int]] = Counter()
        classes = self.decision.classes
        for rows in self.walls():
            pairs, number = np.unique(self.labels[rows[:, :2]], axis=0, return_counts=True)
            for (a, b), n in zip(pairs.tolist(), number.tolist(), strict=True):
                first, second = sorted((classes[a], classes[b]))
                counts[first, second] += n
        return dict(sorted(counts.items()))
