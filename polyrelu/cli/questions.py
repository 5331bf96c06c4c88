"""``polyrelu query``: the questions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..wording import Wording, range_json, range_lines

if TYPE_CHECKING:
    from ..domain import Domain, Slice
    from ..limits import Limits
    from ..network import Array, Network
    from ..queries.surjectivity import OutputRange

QUESTIONS = {
    "injective": "do different inputs give different outputs? a proof, or two inputs that collide",
    "local": "is it injective near every point?",
    "rank": "is every region's map injective on it, that is, of full column rank?",
    "oriented": "as many outputs as inputs: do all regions' determinants have one sign?",
    "surjective": "one output: does it take every real value?",
    "range": "the least and the greatest value of each output, or of --output, and where",
    "stability": "bounds on how much distances shrink and grow (both Lipschitz constants)",
    "boundary": "the decision boundary: pieces, components, topology, also of its two sides",
    "radius": "how far is --point from the nearest input with another decision?",
    "lipschitz": "the exact Lipschitz constant",
    "folding": "how much it folds the segments between points of --data, or --segment",
    "separability": "how linearly separable the classes of --data are, layer by layer",
    "similarity": "how good its gradients are as a similarity of the points of --data",
}
NORMS = {"1": 1.0, "2": 2.0, "inf": float("inf")}
ABOUT_DATA = ("folding", "separability", "similarity")
WITH_NORM = ("radius", "lipschitz")
ONLY_FOR = {"network": "boundary", "output": "range", "pairs": "folding",
            "measures": "separability", "against": "separability",
            "metric": "similarity"}  # fmt: skip


def ask(
    question: str,
    network: Network,
    where: Domain | Slice,
    limits: Limits,
    point: Array | None,
    norm: str | None,
    output: int | None,
    progress: Any,
) -> Any:
    """The answer to a question of :data:`QUESTIONS`."""
    from ..queries import injectivity
    from ..queries.boundary import decision_boundary
    from ..queries.lipschitz import lipschitz_constant
    from ..queries.robustness import robust_radius
    from ..queries.stability import stability
    from ..queries.surjectivity import is_surjective

    tasks: dict[str, Callable[..., Any]] = {
        "injective": injectivity.is_injective,
        "local": injectivity.is_locally_injective,
        "rank": injectivity.is_injective_on_regions,
        "oriented": injectivity.is_coherently_oriented,
        "surjective": is_surjective,
        "range": partial(_ranges, output),
        "stability": stability,
        "boundary": decision_boundary,
        "radius": robust_radius,
        "lipschitz": lipschitz_constant,
    }
    task = tasks[question]
    if question in WITH_NORM:
        task = partial(task, norm=NORMS[norm or "2"])
    if point is not None:
        return task(network, point.tolist(), where, limits=limits, progress=progress)
    return task(network, where, limits=limits, progress=progress)


def _ranges(
    output: int | None, network: Network, where: Domain | Slice, limits: Limits, progress: Any
) -> Wording:
    from ..enumeration import regions
    from ..queries.outputs import output_weights
    from ..queries.surjectivity import output_range

    if output is not None:
        output_weights(output, network.output_dim)  # an output that is not there is told at once
    graph = regions(network, where, limits=limits, progress=progress)
    return ranges(network, output, partial(output_range, graph, limits=limits, progress=progress))


def ranges(network: Network, output: int | None, range_of: Callable[..., OutputRange]) -> Wording:
    """Of one output, or of all: what ``range_of(output=k)`` says, in words."""
    asked = range(network.output_dim) if output is None else [output]
    found = {k: range_of(output=k) for k in asked}
    return Wording(range_json(found), range_lines(found), "done")
