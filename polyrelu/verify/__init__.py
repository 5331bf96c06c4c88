"""Re-checking a region graph with code that shares nothing with the engine that made it.

The engine splits cells in float64 behind error bounds; here all arithmetic is rational, forms
are composed anew from patterns, and vertices come from a double description of our own, or at
the last level from cddlib. Levels are cumulative, in rising cost (2-8-8 to 3-25x5):

``patterns`` (0.3-5 ms a region)
    The point of each region lies in the relative interior of the domain and has exactly the
    region's pattern, by a rational forward pass. A pre-activation may be 0 there only if its
    form is identically 0 on the region. No two regions have the same pattern.
``adjacency`` (microseconds a region)
    "Touches" is symmetric, names a pair once, and joins different patterns; the threshold
    of a facet changes its bit there. A complete graph has no unexplored facet and is connected,
    as the domain is convex.
``geometry`` (2-30 ms a region)
    The listed facets bound the region, no more and no less: each is (d-1)-dimensional, and the
    vertices and rays that they have satisfy every threshold and the domain. Each facet lies in
    the closure of its neighbour, whose wall there is the same hyperplane seen from behind. With
    all regions of a complete graph also their union: volumes add up to the domain's, and the
    Euler characteristic of the complex (by compact supports) is the domain's.
``judge`` (0.05-1.5 s a region; needs ``polyrelu[cdd]``)
    ``cdd.gmp`` gets all thresholds and the domain: what exact LP finds irredundant must be the
    facets, its vertices and rays those of :class:`~polyrelu.region.Region` (modulo lines, if
    it contains any: its lines are compared too, as far as they are rounded); one exact step
    through each facet lands in the neighbour, by a rational forward pass.

If every region passes ``geometry``, no region is missing: whoever leaves one through a facet
is in another, and the domain is connected even without its faces of codimension 2.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .levels import LEVELS, verify
from .report import Check, Failure, Verification, VerificationError

if TYPE_CHECKING:
    from .equivalence import check_equivalence as check_equivalence
    from .injectivity import check_injectivity as check_injectivity
    from .robustness import check_robustness as check_robustness
    from .separability import check_separability as check_separability

# These check answers, so that they stand above the queries, and the graph does not.
_OF_ANSWERS = {
    "check_equivalence": ".equivalence",
    "check_injectivity": ".injectivity",
    "check_robustness": ".robustness",
    "check_separability": ".separability",
}

__all__ = [
    "LEVELS",
    "Check",
    "Failure",
    "Verification",
    "VerificationError",
    "check_equivalence",
    "check_injectivity",
    "check_robustness",
    "check_separability",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _OF_ANSWERS:
        return getattr(import_module(_OF_ANSWERS[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
