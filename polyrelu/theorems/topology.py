"""Claims on the complex of a network's regions, and on the topology of level sets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from ..faces import Face, face_complex
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Network
from .claim import Found, Known, Source
from .common import GENERIC, all_regions, gaussian_networks, whole_boundary
from .registry import claim

TOPIC = "topology"
MASDEN = "Masden 2022"
NETWORKS = gaussian_networks(
    [(2, 4, 3), (3, 4, 2), (2, 3, 3, 3)], [(2, 8, 8), (3, 5, 4), (4, 5, 3), (2, 5, 5, 5)]
)


@claim(
    "euler-characteristic",
    "Over the faces of a complex on R^d, sum (-1)^k N_k = (-1)^d.",
    source=Source("polyrelu", "R^d is a disjoint union of open cells", Known.DERIVED),
    topic=TOPIC,
    instances=NETWORKS,
)
def euler_characteristic(network: Network, limits: Limits) -> Found:
    cells = face_complex(all_regions(network, limits))
    found = cells.euler_characteristic
    return found == (-1) ** cells.dim, {"f-vector": cells.f_vector, "sum": found}


def _fillings(signs: tuple[int, ...]) -> Iterator[list[int]]:
    """The patterns that are left if each 0 is made positive or not, in all ways."""
    return (list(bits) for bits in product(*[(0, 1) if s == 0 else (int(s > 0),) for s in signs]))


def _has_cubical_star(graph: RegionGraph, vertex: Face) -> bool:
    return all(graph.find(pattern) >= 0 for pattern in _fillings(vertex.signs()))


@claim(
    "cubical-star",
    "In general position the star of a vertex is cubical: all 2^d ways to give a sign to the "
    "pre-activations that vanish there are regions.",
    source=Source(MASDEN, known=Known.NOTE),
    topic=TOPIC,
    instances=NETWORKS,
    hypotheses=[GENERIC],
)
def cubical_star(network: Network, limits: Limits) -> Found:
    graph = all_regions(network, limits)
    vertices = list(face_complex(graph).faces(0))
    cubical = [_has_cubical_star(graph, vertex) for vertex in vertices]
    return all(cubical), {"vertices": len(cubical), "cubical": sum(cubical)}


@claim(
    "zeros-tell-the-dimension",
    "In general position a face of dimension k has d - k zeros in its sign vector.",
    source=Source("Grigsby and Lindsey 2022; Masden 2022", known=Known.NOTE),
    topic=TOPIC,
    instances=NETWORKS,
    hypotheses=[GENERIC],
)
def zeros_tell_the_dimension(network: Network, limits: Limits) -> Found:
    cells = face_complex(all_regions(network, limits))
    zeros = [{f.signs().count(0) for f in cells.faces(k)} for k in range(cells.dim + 1)]
    return zeros == [{cells.dim - k} for k in range(cells.dim + 1)], {"zeros by dimension": zeros}


@claim(
    "signs-tell-faces",
    "Different faces have different sign vectors, in general position or not.",
    source=Source(MASDEN, known=Known.NOTE),
    topic=TOPIC,
    instances=NETWORKS,
)
def signs_tell_faces(network: Network, limits: Limits) -> Found:
    cells = face_complex(all_regions(network, limits))
    signs = [face.signs() for k in range(cells.dim + 1) for face in cells.faces(k)]
    return len(set(signs)) == len(signs), {"faces": len(signs), "sign vectors": len(set(signs))}


def _times(s: tuple[int, ...], t: tuple[int, ...]) -> tuple[int, ...]:
    """The product of sign vectors: s, and t where s is 0."""
    return tuple(a or b for a, b in zip(s, t, strict=True))


@claim(
    "product-tells-faces",
    "In general position a vertex v lies on a face F iff the product v F of their sign vectors "
    "(v, and F where v is 0) is F.",
    source=Source(MASDEN, known=Known.NOTE),
    topic=TOPIC,
    instances=gaussian_networks([(2, 4, 3), (3, 4, 2)], [(2, 6, 5), (3, 5, 3)]),
    hypotheses=[GENERIC],
)
def product_tells_faces(network: Network, limits: Limits) -> Found:
    cells = face_complex(all_regions(network, limits))
    vertices = [(face.members, face.signs()) for face in cells.faces(0)]
    wrong = pairs = 0
    for k in range(1, cells.dim + 1):
        for face in cells.faces(k):
            signs = face.signs()
            wrong += sum((v <= face.members) != (_times(s, signs) == signs) for v, s in vertices)
            pairs += len(vertices)
    return wrong == 0, {"pairs": pairs, "wrong": wrong}


@claim(
    "product-tells-edges",
    "In general position two vertices v, w span an edge iff their sign vectors have v w = w v, "
    "with d - 1 zeros.",
    source=Source(MASDEN, known=Known.NOTE),
    topic=TOPIC,
    instances=gaussian_networks([(2, 4, 3), (3, 4, 2)], [(2, 6, 5), (3, 5, 3)]),
    hypotheses=[GENERIC],
)
def product_tells_edges(network: Network, limits: Limits) -> Found:
    cells = face_complex(all_regions(network, limits))
    signs = [vertex.signs() for vertex in cells.faces(0)]
    edges = {frozenset(edge.members) for edge in cells.faces(1) if edge.bounded}
    found = {
        frozenset([i, j])
        for i in range(len(signs)) for j in range(i)
        if (p := _times(signs[i], signs[j])) == _times(signs[j], signs[i])
        and p.count(0) == cells.dim - 1
    }  # fmt: skip
    return found == edges, {"edges": len(edges), "by signs": len(found)}


# --- level sets --------------------------------------------------------------------------------

Shape = tuple[Network, tuple[int, ...]]


def _pairs(n: int) -> np.ndarray:
    """Rows by which |x_i| are sums of two ReLUs."""
    return np.vstack([np.eye(n), -np.eye(n)])


def sphere(d: int) -> Network:
    """|x_1| + ... + |x_d| - 1."""
    return Network.from_layers([(_pairs(d), np.zeros(2 * d)), (np.ones((1, 2 * d)), [-1.0])])


def torus() -> Network:
    """||x| + |y| - 2| + |z| - 1."""
    ring = [[1, 1, 0, 1, 1, 0], [-1, -1, 0, -1, -1, 0], [0, 0, 1, 0, 0, 1]]
    return Network.from_layers([(_pairs(3), np.zeros(6)), (ring, [-2, 2, 0]), ([[1, 1, 1]], [-1])])


def _shapes(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Shape]]:
    yield "square", (sphere(2), (1, 1, 0))
    yield "octahedron", (sphere(3), (1, 0, 1, 0))
    yield "torus", (torus(), (1, 2, 1, 0))
    if size == "full":
        yield "cross-polytope of R^4", (sphere(4), (1, 0, 0, 1, 0))


@claim(
    "known-surfaces",
    "The zero sets of |x| + |y| - 1, |x| + |y| + |z| - 1 and ||x| + |y| - 2| + |z| - 1 are a "
    "circle, a sphere and a torus, with their Betti numbers.",
    source=Source("polyrelu", "homology over Z/2 of the faces", Known.DERIVED),
    topic=TOPIC,
    instances=_shapes,
)
def known_surfaces(case: Shape, limits: Limits) -> Found:
    network, predicted = case
    boundary = whole_boundary(network, limits)
    found = boundary.betti()
    return found == predicted, {"pieces": len(boundary), "betti": found, "predicted": predicted}


@claim(
    "alexander-duality",
    "The zero set of a network, closed by one point at infinity, divides the sphere into "
    "1 + b_{d-1} components: as many as both decision regions have.",
    source=Source("Alexander duality", "the closure is that of Masden 2022", Known.DERIVED),
    topic=TOPIC,
    instances=gaussian_networks([(2, 4, 3), (3, 4, 2), (2, 6)], [(2, 12, 12), (3, 6, 5), (4, 5)]),
)
def alexander_duality(network: Network, limits: Limits) -> Found:
    boundary = whole_boundary(network, limits)
    d = network.input_dim
    components = sum(boundary.region_betti(c)[0] for c in (0, 1))
    betti = boundary.betti("infinity")
    predicted = 1 + (betti[d - 1] if len(boundary) else 0)
    return components == predicted, {"components": components, "betti": betti}
