"""``polyrelu query``: the questions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..domain import Domain, Slice
    from ..limits import Limits
    from ..network import Array, Network

QUESTIONS = {
    "injective": "do different inputs give different outputs? a proof, or two inputs that collide",
    "local": "is it injective near every point?",
    "rank": "is every region's map injective on it, that is, of full column rank?",
    "oriented": "as many outputs as inputs: do all regions' determinants have one sign?",
    "surjective": "one output: does it take every real value?",
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
ONLY_FOR = {"network": "boundary", "pairs": "folding", "measures": "separability",
            "against": "separability", "metric": "similarity"}  # fmt: skip


def ask(
    question: str,
    network: Network,
    where: Domain | Slice,
    limits: Limits,
    point: Array | None,
    norm: str | None,
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
