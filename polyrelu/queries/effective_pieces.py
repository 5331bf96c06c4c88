"""A network of one input as the function that it is: its pieces, knots and sign changes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from ..activations import exact
from ..domain import Domain, Slice
from ..errors import DomainError, IncompleteError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Layer, Network
from ..progress import Progress
from .outputs import Output, combination, output_weights
from .where import graph_of, stopped

Zero = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class EffectivePieces:
    """A continuous piecewise-affine function on an interval; made by :func:`effective_pieces`.

    Attributes:
        low, high: the ends of the interval; None: it has no end there.
        knots: where the slope changes, increasing, none at an end.
        slopes, intercepts: of each piece, from left to right; neighbours have different slopes.
        activation_regions: how many there are; ``len(self)`` is how many are left when neighbours
            of one slope are merged.
    """

    low: Fraction | None
    high: Fraction | None
    knots: tuple[Fraction, ...]
    slopes: tuple[Fraction, ...]
    intercepts: tuple[Fraction, ...]
    activation_regions: int

    def __len__(self) -> int:
        """The number of effective pieces."""
        return len(self.slopes)

    def __repr__(self) -> str:
        return f"EffectivePieces({len(self)} of {self.activation_regions} activation regions)"

    def __call__(self, x: float | Fraction) -> Fraction:
        """The function at a point, exactly.

        Raises:
            DomainError: x is not finite, or lies outside the interval.
        """
        at = _number(x)
        if (self.low is not None and at < self.low) or (self.high is not None and at > self.high):
            raise DomainError(f"x must be in [{self.low}, {self.high}], not {x}")
        k = bisect_left(self.knots, at)
        return self.slopes[k] * at + self.intercepts[k]

    @property
    def sign_changes(self) -> tuple[Zero, ...]:
        """Where the function goes from one sign to the other, from left to right: the first and the
        last zero between them, which are equal unless it is 0 on an interval. Zeros that it only
        touches are not counted."""
        found, last, signs = [], -1, self._signs()
        for k, sign in enumerate(signs):
            if sign == 0:
                continue
            if last >= 0 and sign != signs[last]:
                found.append(self._zeros_between(last, k))
            last = k
        return tuple(found)

    def _signs(self) -> list[int]:
        """At the left end, or towards it if there is none, at the knots, and at the right end."""
        left = self(self.low) if self.low is not None else -self.slopes[0] or self.intercepts[0]
        right = self(self.high) if self.high is not None else self.slopes[-1] or self.intercepts[-1]
        return [(v > 0) - (v < 0) for v in (left, *map(self, self.knots), right)]

    def _zeros_between(self, i: int, j: int) -> Zero:
        """Of entries of :meth:`_signs` that are opposite, with zeros between: those are knots."""
        if j > i + 1:
            return self.knots[i], self.knots[j - 2]
        zero = -self.intercepts[i] / self.slopes[i]
        return zero, zero

    def knots_between(self, samples: Sequence[float | Fraction]) -> tuple[int, ...]:
        """How many knots lie strictly between each sample and the next larger one.

        Args:
            samples: at least two, in any order; equal ones count once.

        Raises:
            DomainError: fewer than two different samples, or one that is not finite.
        """
        places = sorted({_number(x) for x in samples})
        if len(places) < 2:
            raise DomainError(f"samples must be two different numbers at least, not {len(places)}")
        return tuple(sum(a < t < b for t in self.knots) for a, b in pairwise(places))


def effective_pieces(
    what: Layer | Network | RegionGraph,
    domain: Domain | Slice | None = None,
    output: Output = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> EffectivePieces:
    """The pieces of a network of one input, or on a segment, neighbours of one slope merged.

    Training results count such *effective* regions (Safran, Vardi and Lee 2022): of two neurons
    whose kinks cancel, nothing is seen. Slopes are compared as fractions, so kinks that nearly
    cancel are knots.

    Args:
        what: a network of one input, with a domain (default its input box, else R), or its
            region graph. For a segment of a larger one: ``domain=segment(p, q)``, whose coordinate
            the knots are given in.
        output: the index of an output, or a weight for each.
        limits: of the enumeration.

    Raises:
        DomainError: the domain does not have dimension 1, or is a point.
        IncompleteError: a limit came before all regions were found.
        NetworkError: no such output.

    The cost is that of the regions, and an exact composition of the affine map for each.
    """
    graph = graph_of(what, domain, limits, progress)
    if graph.dim != 1 or graph.domain.chart().dim != 1:
        raise DomainError(
            "effective pieces need a domain of dimension 1, an interval, not a point or one of "
            f"dimension {graph.dim}; segment(p, q) is one in any number of inputs"
        )
    if not graph.complete:
        raise IncompleteError(f"effective pieces need all regions, but {stopped(graph)}")
    weights = output_weights(output, graph.network.output_dim)
    maps: list[tuple[Fraction, Fraction]] = []
    for region in sorted(graph, key=lambda region: region.exact_point()):
        (slope, intercept), scale = combination(weights, region.output_form)
        if not maps or maps[-1][0] != slope / scale:
            maps.append((slope / scale, intercept / scale))
    knots = tuple((d - b) / (a - c) for (a, b), (c, d) in pairwise(maps))
    slopes, intercepts = zip(*maps, strict=True)
    return EffectivePieces(*_ends(graph), knots, slopes, intercepts, len(graph))


def _ends(graph: RegionGraph) -> tuple[Fraction | None, Fraction | None]:
    rows = graph.domain.inequalities()
    lows = [Fraction(-b, a) for a, b in rows if a > 0]
    highs = [Fraction(-b, a) for a, b in rows if a < 0]
    return max(lows, default=None), min(highs, default=None)


def _number(x: float | Fraction) -> Fraction:
    try:
        return exact(x)
    except (TypeError, ValueError, OverflowError) as error:
        raise DomainError(f"points must be finite numbers ({error})") from None
