"""One other tool on one network, in a process of its own. Needs numpy and the tool only."""

from __future__ import annotations

import importlib.metadata
import resource
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from .process import serve

Layers = list[tuple[np.ndarray, np.ndarray]]
Run = Callable[[], Any]  # what is timed
Read = Callable[[Any], tuple[int, int | None]]  # its regions and walls (None: it has none)

REPEAT_BELOW = 0.5  # CPU seconds: quicker tools are repeated


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


TOOLS = {f.__name__: f for f in (regioncam, affinitree, relucent, polypart, passagemath)}
PACKAGES = {"passagemath": "passagemath-polyhedra"}


def cpu() -> float:
    """CPU seconds of this process and of the workers that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """``{"tool": name}`` asks for its version; with ``layers`` and ``radius``, to run it."""
    name = request["tool"]
    if "layers" not in request:
        try:
            return {"version": importlib.metadata.version(PACKAGES.get(name, name))}
        except importlib.metadata.PackageNotFoundError:
            return {"version": None}
    layers = [(np.array(w), np.array(b)) for w, b in request["layers"]]
    try:
        run, read = TOOLS[name](layers, request["radius"])
        times: list[float] = []
        while not times or (sum(times) < REPEAT_BELOW and len(times) < 25):
            began = cpu()
            result = run()
            times.append(cpu() - began)
        regions, walls = read(result)
    except Exception as error:
        message = (str(error).splitlines() or [""])[0][:120]
        return {"error": type(error).__name__, "message": message}
    return {"regions": regions, "walls": walls, "cpu": median(times)}


if __name__ == "__main__":
    serve(answer)
