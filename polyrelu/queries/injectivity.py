"""Can it be inverted? ``is_injective`` and its relatives; docs/injectivity.md has the theorems."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import fmpz_mat

from ..answer import Answer, Status
from ..domain import Domain, Slice
from ..errors import DomainError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Layer, Network
from ..progress import Progress, reporter
from .enclosure import enclosures
from .layer_certificate import LayerCertificate, PairsCertificate
from .layer_injectivity import decide_layer, is_monotone
from .network_injectivity import (
    GraphCertificate,
    collision_inside,
    decide_on_graph,
    local_linear_map,
    network_collision,
    rank_deficient,
)
from .where import graph_of, resolve, stopped
from .witness import Collision

LAYER_NODES = 20_000  # for a layer after the first, before the regions of the network are tried


@dataclass(frozen=True)
class LayerwiseCertificate:
    """Each layer is injective on a convex set that holds all that comes in.

    Attributes:
        layers: one proof for each layer.
    """

    layers: tuple[LayerCertificate | PairsCertificate, ...]

    def __repr__(self) -> str:
        return f"LayerwiseCertificate({', '.join(map(repr, self.layers))})"


Certificate = LayerCertificate | PairsCertificate | LayerwiseCertificate | GraphCertificate


def is_injective(
    what: Layer | Network,
    domain: Domain | Slice | None = None,
    *,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Answer:
    """Does a layer or a network give different outputs for different points of a domain?

    A layer of monotone units (ReLU, leaky ReLU, hard tanh, ...) is decided by branching (cost: a
    few microseconds a node; for Gaussian layers some 10^2 nodes in 4 dimensions and 10^4 in 8, and
    hardly more with more neurons). A network is PROVED if each layer is injective on an
    interval enclosure of what comes in, REFUTED if the first is not, and otherwise decided on
    its region graph: every region's map has full column rank, and no two regions' images
    meet but where the regions touch (cost: some milliseconds a region).

    Args:
        domain: convex; default the network's ``input_box``, or R^n. A slice asks about the
            restriction to it, in its coordinates.
        limits: ``regions`` bounds nodes of the branching and regions of the graph.

    Returns:
        PROVED with a certificate (:meth:`polyrelu.verify.check_injectivity` checks it again),
        REFUTED with a :class:`Collision` as witness: two rational points whose outputs are
        exactly equal; or UNKNOWN if a limit was reached.

    Raises:
        DomainError: the domain is empty or does not fit.

    Source: Puthawala, Kothari, Lassas, Dokmanic, de Hoop, "Globally injective ReLU networks", JMLR
    23(105), 2022, theorem 2, with bias and on a convex domain.
    """
    network, where = resolve(what, domain)
    bounds = limits or Limits()
    began = time.perf_counter()
    first = network.layers[0]
    stats: dict[str, Any] = {}
    if all(map(is_monotone, first.units)):
        answer = decide_layer(first, where, bounds, reporter(progress))
        if len(network.layers) == 1:
            return answer
        if answer.refuted:
            return _through(network, answer)
        if answer.proved:
            proved = _layerwise(network, where, bounds, answer, began)
            if proved is not None:
                return proved
        stats["first_layer"] = answer.status.value
    answer = decide_on_graph(network, where, bounds.after(time.perf_counter() - began), progress)
    return replace(answer, stats=stats | answer.stats)


def _through(network: Network, answer: Answer) -> Answer:
    """What the first layer takes to one point, the network does."""
    witness = network_collision(network, answer.witness.x, answer.witness.y)
    reason = f"the first layer is not injective: {answer.reason}"
    return replace(answer, witness=witness, reason=reason)


def _layerwise(
    network: Network, domain: Domain, limits: Limits, first: Answer, began: float
) -> Answer | None:
    """A proof layer by layer, if there is one."""
    proofs = [first.certificate]
    nodes = first.stats["nodes"]
    most = min(LAYER_NODES, limits.regions or LAYER_NODES)
    for k, (layer, where) in enumerate(
        zip(network.layers, enclosures(network, domain), strict=True)
    ):
        if k == 0:
            continue
        if not all(map(is_monotone, layer.units)):
            return None
        left = limits.after(time.perf_counter() - began)
        answer = decide_layer(layer, where, replace(left, regions=most), None)
        if not answer.proved:
            return None
        proofs.append(answer.certificate)
        nodes += answer.stats["nodes"]
    return Answer(
        Status.PROVED,
        "every layer is injective on all that comes in",
        certificate=LayerwiseCertificate(tuple(proofs)),
        stats={"nodes": nodes, "seconds": time.perf_counter() - began},
    )


def is_locally_injective(
    what: Layer | Network,
    domain: Domain | Slice | None = None,
    *,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Answer:
    """Has every point of the domain a neighbourhood on which the network is injective?

    It is so iff every region's map has full column rank and regions with a common point have
    images that meet only where they touch: a collision of two such regions can be drawn towards
    the common point as near as one likes. Necessary for :func:`is_injective`.

    Returns:
        REFUTED with two points of such regions, or of one region, as witness.
    """
    network, where = resolve(what, domain)
    return decide_on_graph(network, where, limits or Limits(), progress, local=True)


def is_injective_on_regions(
    what: Layer | Network | RegionGraph,
    domain: Domain | Slice | None = None,
    *,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Answer:
    """Is the network injective on each of its regions, its map there of full column rank?

    Necessary for :func:`is_locally_injective`, and much less: ``abs`` is. Regions that touch may
    be folded over each other.
    """
    graph = graph_of(what, domain, limits, progress)
    bad = rank_deficient(graph)
    stats = {"regions": len(graph)}
    if bad is not None:
        reason = f"the map of region {bad.index} has too little rank"
        return Answer(Status.REFUTED, reason, witness=collision_inside(bad), stats=stats)
    if not graph.complete:
        return Answer(Status.UNKNOWN, stopped(graph), stats=stats)
    reason = "the map of every region has full rank"
    return Answer(Status.PROVED, reason, certificate=graph, stats=stats)


def orientations(graph: RegionGraph) -> npt.NDArray[np.int8]:
    """For a map R^d -> R^d the sign of the determinant of each region's map: shape (regions,).

    On a domain of lower dimension, in the coordinates of its chart.

    Raises:
        DomainError: the network has not as many outputs as the domain has dimensions.
    """
    matrix = graph.domain.chart().matrix
    k = int(matrix.ncols()) - 1
    if graph.network.output_dim != k:
        raise DomainError(
            f"orientations are of maps between spaces of one dimension: the domain has {k}, "
            f"there are {graph.network.output_dim} outputs"
        )
    signs = np.zeros(len(graph), dtype=np.int8)
    for i, region in enumerate(graph):
        determinant = int(fmpz_mat(local_linear_map(region, matrix)).det())
        signs[i] = (determinant > 0) - (determinant < 0)
    return signs


def is_coherently_oriented(
    network: Layer | Network | RegionGraph,
    domain: Domain | Slice | None = None,
    *,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Answer:
    """For a map R^d -> R^d: do all regions' maps have determinants of one sign, none 0?

    Necessary for a map to be injective: where two regions that touch have different signs it folds.
    Not sufficient: it may wind around a face of codimension 2 (Scholtes 2012, section 2.3).

    Returns:
        REFUTED with the pair of regions that touch as witness (or one region, of determinant 0).
    """
    graph = graph_of(network, domain, limits, progress)
    signs = orientations(graph)
    stats = {"regions": len(graph), "positive": int((signs > 0).sum()),
             "negative": int((signs < 0).sum()), "zero": int((signs == 0).sum())}  # fmt: skip
    flat = np.flatnonzero(signs == 0)
    if len(flat):
        i = int(flat[0])
        return Answer(Status.REFUTED, f"region {i} has determinant 0", witness=(i,), stats=stats)
    edges = graph.edges()
    folded = np.flatnonzero(signs[edges[:, 0]] != signs[edges[:, 1]])
    if len(folded):
        i, j = map(int, edges[folded[0]])
        reason = f"regions {i} and {j} touch and have different orientations"
        return Answer(Status.REFUTED, reason, witness=(i, j), stats=stats)
    if not graph.complete:
        return Answer(Status.UNKNOWN, stopped(graph), stats=stats)
    reason = "the determinants of all regions have one sign"
    return Answer(Status.PROVED, reason, value=int(signs[0]), certificate=graph, stats=stats)


__all__ = [
    "Collision",
    "GraphCertificate",
    "LayerCertificate",
    "LayerwiseCertificate",
    "PairsCertificate",
    "is_coherently_oriented",
    "is_injective",
    "is_injective_on_regions",
    "is_locally_injective",
    "orientations",
]
