"""polyrelu: every linear region of a ReLU network, exactly, and the graph of which touch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Names load when they are first used: importing polyrelu takes milliseconds.
_WHERE = {
    "absolute": "activations",
    "activation_path": "queries.path",
    "ActivationPath": "queries.path",
    "Affine": "network",
    "Answer": "answer",
    "Arrangement": "arrangement",
    "bisected_folding": "queries.folding_sampling",
    "boundary_crossings": "queries.crossings",
    "boundary_mesh": "mesh",
    "boundary_type": "queries.boundary_type",
    "BoundaryKind": "queries.boundary_type",
    "BoundaryType": "queries.boundary_type",
    "Box": "domain",
    "Collision": "queries.witness",
    "Count": "enumeration",
    "count_regions": "enumeration",
    "Crossing": "queries.crossings",
    "decision_boundary": "queries.boundary",
    "DecisionBoundary": "queries.boundary",
    "Domain": "domain",
    "DomainError": "errors",
    "doubling_layer": "queries.construct",
    "face_complex": "faces",
    "FaceComplex": "faces",
    "Facet": "region",
    "FileFormatError": "errors",
    "Folding": "queries.folding",
    "folding_of_patterns": "queries.folding",
    "folding_table": "queries.folding_data",
    "FoldingSummary": "queries.folding_data",
    "FoldingTable": "queries.folding_data",
    "hard_tanh": "activations",
    "identity": "activations",
    "IncompleteError": "errors",
    "is_coherently_oriented": "queries.injectivity",
    "is_convolution_injective": "queries.convolution",
    "is_injective": "queries.injectivity",
    "is_injective_on_regions": "queries.injectivity",
    "is_locally_injective": "queries.injectivity",
    "is_surjective": "queries.surjectivity",
    "largest_uniform_bias": "queries.bias",
    "Layer": "network",
    "layer_geometry": "queries.layer_geometry",
    "LayerGeometry": "queries.layer_geometry",
    "leaky_relu": "activations",
    "Limits": "limits",
    "LimitsError": "errors",
    "Lipschitz": "queries.lipschitz",
    "lipschitz_constant": "queries.lipschitz",
    "load_graph": "io",
    "load_network": "io",
    "MissingExtraError": "errors",
    "Network": "network",
    "NetworkError": "errors",
    "orientations": "queries.injectivity",
    "output_range": "queries.surjectivity",
    "PiecewiseLinear": "activations",
    "Polyhedron": "queries.polyhedron",
    "PolyreluError": "errors",
    "Polytope": "domain",
    "polytope_bias": "queries.bias",
    "random_injective_network": "queries.construct",
    "reconstruct": "queries.bias",
    "Region": "region",
    "RegionGraph": "graph",
    "recover": "recovery.recover",
    "RecoveredLayer": "recovery.result",
    "Recovery": "recovery.result",
    "regions": "enumeration",
    "relu": "activations",
    "relu6": "activations",
    "robust_radius": "queries.robustness",
    "RobustRadius": "queries.robustness",
    "sampled_folding": "queries.folding_sampling",
    "samples_needed": "queries.folding_sampling",
    "save_network": "io",
    "Sector": "queries.layer_geometry",
    "segment": "domain",
    "Slice": "domain",
    "Space": "domain",
    "stability": "queries.stability",
    "Status": "answer",
    "SubPath": "queries.path",
    "UnknownAnswerError": "errors",
    "UnsupportedLayerError": "errors",
    "Verdict": "recovery.result",
}
_MODULES = ("plot",)

__all__ = [*sorted(_WHERE), "__version__", "plot"]

if TYPE_CHECKING:
    from . import plot as plot
    from .activations import PiecewiseLinear as PiecewiseLinear
    from .activations import absolute as absolute
    from .activations import hard_tanh as hard_tanh
    from .activations import identity as identity
    from .activations import leaky_relu as leaky_relu
    from .activations import relu as relu
    from .activations import relu6 as relu6
    from .answer import Answer as Answer
    from .answer import Status as Status
    from .arrangement import Arrangement as Arrangement
    from .domain import Box as Box
    from .domain import Domain as Domain
    from .domain import Polytope as Polytope
    from .domain import Slice as Slice
    from .domain import Space as Space
    from .domain import segment as segment
    from .enumeration import Count as Count
    from .enumeration import count_regions as count_regions
    from .enumeration import regions as regions
    from .errors import DomainError as DomainError
    from .errors import FileFormatError as FileFormatError
    from .errors import IncompleteError as IncompleteError
    from .errors import LimitsError as LimitsError
    from .errors import MissingExtraError as MissingExtraError
    from .errors import NetworkError as NetworkError
    from .errors import PolyreluError as PolyreluError
    from .errors import UnknownAnswerError as UnknownAnswerError
    from .errors import UnsupportedLayerError as UnsupportedLayerError
    from .faces import FaceComplex as FaceComplex
    from .faces import face_complex as face_complex
    from .graph import RegionGraph as RegionGraph
    from .io import load_graph as load_graph
    from .io import load_network as load_network
    from .io import save_network as save_network
    from .limits import Limits as Limits
    from .mesh import boundary_mesh as boundary_mesh
    from .network import Affine as Affine
    from .network import Layer as Layer
    from .network import Network as Network
    from .queries.bias import largest_uniform_bias as largest_uniform_bias
    from .queries.bias import polytope_bias as polytope_bias
    from .queries.bias import reconstruct as reconstruct
    from .queries.boundary import DecisionBoundary as DecisionBoundary
    from .queries.boundary import decision_boundary as decision_boundary
    from .queries.boundary_type import BoundaryKind as BoundaryKind
    from .queries.boundary_type import BoundaryType as BoundaryType
    from .queries.boundary_type import boundary_type as boundary_type
    from .queries.construct import doubling_layer as doubling_layer
    from .queries.construct import random_injective_network as random_injective_network
    from .queries.convolution import is_convolution_injective as is_convolution_injective
    from .queries.crossings import Crossing as Crossing
    from .queries.crossings import boundary_crossings as boundary_crossings
    from .queries.folding import Folding as Folding
    from .queries.folding import folding_of_patterns as folding_of_patterns
    from .queries.folding_data import FoldingSummary as FoldingSummary
    from .queries.folding_data import FoldingTable as FoldingTable
    from .queries.folding_data import folding_table as folding_table
    from .queries.folding_sampling import bisected_folding as bisected_folding
    from .queries.folding_sampling import sampled_folding as sampled_folding
    from .queries.folding_sampling import samples_needed as samples_needed
    from .queries.injectivity import is_coherently_oriented as is_coherently_oriented
    from .queries.injectivity import is_injective as is_injective
    from .queries.injectivity import is_injective_on_regions as is_injective_on_regions
    from .queries.injectivity import is_locally_injective as is_locally_injective
    from .queries.injectivity import orientations as orientations
    from .queries.layer_geometry import LayerGeometry as LayerGeometry
    from .queries.layer_geometry import Sector as Sector
    from .queries.layer_geometry import layer_geometry as layer_geometry
    from .queries.lipschitz import Lipschitz as Lipschitz
    from .queries.lipschitz import lipschitz_constant as lipschitz_constant
    from .queries.path import ActivationPath as ActivationPath
    from .queries.path import SubPath as SubPath
    from .queries.path import activation_path as activation_path
    from .queries.polyhedron import Polyhedron as Polyhedron
    from .queries.robustness import RobustRadius as RobustRadius
    from .queries.robustness import robust_radius as robust_radius
    from .queries.stability import stability as stability
    from .queries.surjectivity import is_surjective as is_surjective
    from .queries.surjectivity import output_range as output_range
    from .queries.witness import Collision as Collision
    from .recovery.recover import recover as recover
    from .recovery.result import RecoveredLayer as RecoveredLayer
    from .recovery.result import Recovery as Recovery
    from .recovery.result import Verdict as Verdict
    from .region import Facet as Facet
    from .region import Region as Region


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
