"""One tool on one network, in a process of its own. Needs numpy and the tool only.

Every tool, polyrelu too, is timed from arrays of weights to its own result by the same loop.
"""

from __future__ import annotations

import platform
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from .memory import peak_bytes
from .process import serve

Layers = list[tuple[np.ndarray, np.ndarray]]
Run = Callable[[], Any]  # what is timed
Read = Callable[[Any], tuple[int, int | None]]  # its regions and walls (None: it has none)

REPEAT_BELOW = 0.5  # CPU seconds: quicker tools are repeated


def polyrelu(layers: Layers, radius: float) -> tuple[Run, Read]:
    import polyrelu

    dim = layers[0][0].shape[1]
    whole = np.isinf(radius)
    domain = polyrelu.Space(dim) if whole else polyrelu.Box(-radius, radius, dim=dim)

    def run() -> Any:
        network = polyrelu.Network.from_layers(layers, output_activation=polyrelu.relu())
        return polyrelu.regions(network, domain, workers=1)

    return run, lambda graph: (len(graph), graph.n_walls)


def regioncam(layers: Layers, radius: float) -> tuple[Run, Read]:
    from regioncam import Regioncam

    single = [
        (np.ascontiguousarray(w.T, dtype=np.float32), b.astype(np.float32)) for w, b in layers
    ]

    def run() -> Any:
        camera = Regioncam(size=radius)
        for weight, bias in single:
            camera.linear(weight, bias)
            camera.relu()
        return camera

    def read(camera: Any) -> tuple[int, int]:
        return camera.num_faces, sum(None not in edge.faces for edge in camera.edges)

    return run, read


def affinitree(layers: Layers, radius: float) -> tuple[Run, Read]:
    from affinitree import AffFunc, AffTree, Architecture, Polytope, builder

    dim = layers[0][0].shape[1]

    def run() -> Any:
        architecture = Architecture(dim)
        for weight, bias in layers:
            architecture.linear(AffFunc.from_mats(weight, bias))
            architecture.relu()
        if np.isinf(radius):
            return builder.from_layers(architecture)
        box = Polytope.hyperrectangle(dim, [(-radius, radius)] * dim)
        return builder.from_layers(architecture, AffTree.from_poly(box, AffFunc.identity(dim)))

    return run, lambda tree: (tree.num_terminals(), None)


def relucent(layers: Layers, radius: float) -> tuple[Run, Read]:
    from relucent import Complex

    head = np.ones((1, len(layers[-1][1]))), np.zeros(1)  # it puts ReLU between layers only
    whole = np.isinf(radius)
    size = 1.0 if whole else radius
    # It starts at the origin if not told otherwise, and refuses to if a hyperplane goes there.
    start = np.random.default_rng(0).uniform(-size, size, size=layers[0][0].shape[1])
    # "clipped" finds the same regions, but refuses more networks.
    cube: dict[str, Any] = {} if whole else {"cube_mode": "intersect", "cube_radius": radius}

    def run() -> Any:
        found = Complex([*layers, head])
        result = found.bfs(start, nworkers=1, verbose=0, **cube)
        if not (result.complete and result.verified):
            raise RuntimeError("it says that its search is incomplete or not verified")
        return found, found.dual_graph(relabel=True)

    def read(result: Any) -> tuple[int, int | None]:
        """In a cube its graph also joins cells that touch outside: not to be compared."""
        found, graph = result
        return len(found), graph.number_of_edges() if whole else None

    return run, read


def polypart(layers: Layers, radius: float) -> tuple[Run, Read]:
    from polypart.ftyping import Fraction
    from polypart.geometry import Hyperplane, Polytope
    from polypart.ppart import build_partition_tree

    def exact(value: float) -> Any:
        return Fraction(*float(value).as_integer_ratio())

    ((weight, bias),) = layers
    dim = weight.shape[1]
    sides = np.vstack([np.eye(dim), -np.eye(dim)])

    def run() -> Any:
        box = Polytope([[exact(v) for v in row] for row in sides], [exact(radius)] * (2 * dim))
        planes = [
            Hyperplane.from_coefficients([*map(exact, row), exact(-b)])
            for row, b in zip(weight, bias, strict=True)
        ]
        return build_partition_tree(box, planes)

    return run, lambda result: (result[1], None)


def passagemath(layers: Layers, radius: float) -> tuple[Run, Read]:
    from sage.all__sagemath_polyhedra import QQ, HyperplaneArrangements

    ((weight, bias),) = layers
    names = tuple(f"x{i}" for i in range(weight.shape[1]))

    def exact(values: np.ndarray) -> list[Any]:
        return [QQ(v.as_integer_ratio()) for v in values.tolist()]

    def run() -> Any:
        space = HyperplaneArrangements(QQ, names)
        planes = [[exact(w), exact(np.array([b]))[0]] for w, b in zip(weight, bias, strict=True)]
        return space(planes).regions()

    return run, lambda regions: (len(regions), None)


TOOLS = {f.__name__: f for f in (polyrelu, regioncam, affinitree, relucent, polypart, passagemath)}


def cpu() -> float:
    """CPU seconds of this process and of the workers that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_mb() -> float:
    """Peak resident set of this process or of its largest worker: a lower bound of both."""
    unit = 1 if sys.platform == "darwin" else 1024
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    return max(peak_bytes(), worker) / 1e6


def versions(packages: list[str]) -> dict[str, str | None]:
    """None for what is not installed."""
    found: dict[str, str | None] = {"Python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def measure(name: str, layers: Layers, radius: float) -> dict[str, Any]:
    """Counts, CPU seconds (median of some calls), what went before them, and peak memory."""
    began = cpu()
    with suppress(Exception):  # the small network may be one that the tool refuses
        TOOLS[name](small(layers, radius), radius)[0]()
    start, baseline = cpu() - began, peak_mb()
    run, read = TOOLS[name](layers, radius)
    times: list[float] = []
    while not times or (sum(times) < REPEAT_BELOW and len(times) < 25):
        began = cpu()
        result = run()
        times.append(cpu() - began)
        if len(times) == 1:
            peak = peak_mb()  # a second call holds two results
    regions, walls = read(result)
    return {
        "regions": regions,
        "walls": walls,
        "cpu": median(times),
        "start": start,
        "baseline_mb": baseline,
        "peak_mb": peak,
    }


def small(layers: Layers, radius: float) -> Layers:
    """Three neurons in each layer, of as many layers and inputs."""
    rng = np.random.default_rng(0)
    size = 1.0 if np.isinf(radius) else radius
    widths = [layers[0][0].shape[1], *[3] * len(layers)]
    return [(rng.normal(size=(n, m)), rng.normal(size=n) * size / 2) for m, n in pairwise(widths)]


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """``{"packages": names}`` asks for versions; ``tool``, ``layers`` and ``radius``, to run it."""
    if "packages" in request:
        return versions(request["packages"])
    layers = [(np.array(w), np.array(b)) for w, b in request["layers"]]
    try:
        return measure(request["tool"], layers, request["radius"])
    except Exception as error:
        message = (str(error).splitlines() or [""])[0][:120]
        return {"error": type(error).__name__, "message": message}


if __name__ == "__main__":
    serve(answer)
