"""The subjects of the API reference, and which modules belong to each. Without Sphinx."""

from __future__ import annotations

import importlib
import inspect

import polyrelu

# Title -> modules of polyrelu; a package stands for all modules in it.
SUBJECTS = {
    "Networks": ["network", "activations", "rational_network", "io"],
    "Domains": ["domain"],
    "Regions": ["enumeration", "graph", "region", "limits"],
    "Large searches": ["storing", "store", "search"],
    "Answers": ["answer", "queries.witness"],
    "Arrangements and bounds": ["arrangement", "queries.counting", "queries.diameter"],
    "Injectivity and stability": [
        "queries.injectivity",
        "queries.convolution",
        "queries.surjectivity",
        "queries.ends",
        "queries.stability",
        "queries.bias",
        "queries.construct",
    ],
    "Faces and decision boundaries": [
        "faces",
        "queries.boundary",
        "queries.decision",
        "mesh",
        "solids",
    ],
    "The report": ["reporting"],
    "One layer": ["queries.layer_geometry", "queries.polyhedron", "queries.boundary_type"],
    "Robustness": ["queries.robustness", "queries.lipschitz", "queries.crossings"],
    "Networks compared": [
        "queries.equivalence",
        "canonical_form",
        "alignment",
        "linear_complex",
        "queries.graph_recovery",
        "queries.identifiability",
    ],
    "Recovery": ["recovery"],
    "Space folding": [
        "queries.path",
        "queries.folding",
        "queries.folding_data",
        "queries.folding_sampling",
        "queries.graph_folding",
        "queries.smooth_folding",
        "smooth_network",
        "torch_folding",
    ],
    "Gradient similarity": [
        "queries.tangent",
        "queries.kernels",
        "queries.metrics",
        "queries.euler_metric",
        "queries.sparse_metric",
        "queries.similarity",
        "queries.similarity_classifier",
        "queries.hinge",
        "queries.region_kernel",
        "queries.arithmetic",
    ],
    "Linear separability": ["separability"],
    "Numbers that papers use": [
        "queries.effective_pieces",
        "queries.weight_paths",
        "queries.gradient_product",
        "queries.jacobian_rank",
        "queries.pattern_clusters",
        "queries.persistence",
    ],
    "Errors": ["errors"],
}
# Public modules whose functions are not names of polyrelu itself.
MODULES = {
    "Families of arrangements": "polyrelu.families",
    "Conformance": "polyrelu.conformance",
    "Sampling": "polyrelu.sampling",
    "Claims": "polyrelu.theorems",
    "Pictures": "polyrelu.plot",
    "Verification": "polyrelu.verify",
}


def names_by_subject() -> dict[str, list[str]]:
    """Title -> the public names of polyrelu; each name has one subject.

    Raises:
        LookupError: a name's module has no subject.
    """
    found: dict[str, list[str]] = {title: [] for title in SUBJECTS}
    for name, module in sorted(polyrelu._WHERE.items(), key=lambda item: item[0].lower()):
        found[_subject(name, module)].append(name)
    return found


def names_of_module(module: str) -> list[str]:
    """A module's ``__all__``, or the public functions and classes that are defined in it."""
    found = importlib.import_module(module)
    if hasattr(found, "__all__"):
        return list(found.__all__)
    return [
        name
        for name, value in vars(found).items()
        if name[0] != "_"
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module
    ]


def _subject(name: str, module: str) -> str:
    packages = {module, module.split(".")[0]}
    for title, modules in SUBJECTS.items():
        if packages & set(modules):
            return title
    raise LookupError(
        f"polyrelu.{name} has no place in the reference: give its module {module!r} a subject in "
        f"docs/site_builder/subjects.py"
    )
