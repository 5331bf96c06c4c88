"""What a query is about: a layer or network, and where it is looked at."""

from __future__ import annotations

from ..domain import Domain, Slice, Space
from ..enumeration import regions
from ..errors import DomainError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Layer, Network
from ..progress import Progress


def as_network(what: Layer | Network) -> Network:
    """A layer as a network of one."""
    if isinstance(what, Layer):
        return Network((what,))
    if not isinstance(what, Network):
        raise TypeError(f"a polyrelu.Network or Layer is needed, not {type(what).__name__}")
    return what


def resolve(what: Layer | Network, domain: Domain | Slice | None) -> tuple[Network, Domain]:
    """The network (restricted, if the domain is a slice) and its domain; default its input box,
    else R^n."""
    network = as_network(what)
    if domain is None:
        domain = network.input_box if network.input_box is not None else Space(network.input_dim)
    if isinstance(domain, Slice):
        return domain.restrict(network), domain.domain
    if not isinstance(domain, Domain):
        raise DomainError(f"domain must be a Box, Polytope, Space or Slice, not {domain!r}")
    if domain.dim != network.input_dim:
        raise DomainError(
            f"the domain has dimension {domain.dim}, but there are {network.input_dim} inputs"
        )
    return network, domain


def graph_of(
    what: Layer | Network | RegionGraph,
    domain: Domain | Slice | None,
    limits: Limits | None,
    progress: bool | Progress,
) -> RegionGraph:
    """The regions, unless they are given."""
    if isinstance(what, RegionGraph):
        if domain is not None:
            raise DomainError("a region graph has its domain already")
        return what
    network, where = resolve(what, domain)
    return regions(network, where, limits=limits, progress=progress)


def stopped(graph: RegionGraph) -> str:
    """Why a graph does not have all regions."""
    return why_stopped(graph.stopped_by, f"{len(graph)} regions")


def why_stopped(by: str | None, after: str) -> str:
    """The reason of an unknown answer."""
    if by == "interrupt":
        return f"Ctrl-C stopped it after {after}"
    return f"the limit on {by} was reached after {after}"
