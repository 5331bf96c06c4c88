"""polyrelu: every linear region of a ReLU network, exactly, and the graph of which touch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Names load when they are first used: importing polyrelu takes milliseconds.
_WHERE = {
    "Affine": "network",
    "Answer": "answer",
    "Arrangement": "arrangement",
    "BoundaryKind": "queries.boundary_type",
    "BoundaryType": "queries.boundary_type",
    "Box": "domain",
    "Collision": "queries.witness",
    "Count": "enumeration",
    "DecisionBoundary": "queries.boundary",
    "Crossing": "queries.crossings",
    "Domain": "domain",
    "DomainError": "errors",
    "Facet": "region",
    "FaceComplex": "faces",
    "FileFormatError": "errors",
    "IncompleteError": "errors",
    "Layer": "network",
    "LayerGeometry": "queries.layer_geometry",
    "Limits": "limits",
    "LimitsError": "errors",
    "Lipschitz": "queries.lipschitz",
    "MissingExtraError": "errors",
    "Network": "network",
    "NetworkError": "errors",
    "PiecewiseLinear": "activations",
    "PointsError": "errors",
    "Polyhedron": "queries.polyhedron",
    "PolyreluError": "errors",
    "Polytope": "domain",
    "Region": "region",
    "RegionGraph": "graph",
    "Sector": "queries.layer_geometry",
    "RobustRadius": "queries.robustness",
    "SeparabilityMeasure": "separability.measure",
    "SeparabilityRow": "separability.table",
    "SeparabilityTable": "separability.table",
    "Slice": "domain",
    "Space": "domain",
    "Status": "answer",
    "UnknownAnswerError": "errors",
    "UnsupportedLayerError": "errors",
    "absolute": "activations",
    "ball_degree": "separability.ball",
    "boundary_type": "queries.boundary_type",
    "boundary_crossings": "queries.crossings",
    "boundary_mesh": "mesh",
    "count_regions": "enumeration",
    "decision_boundary": "queries.boundary",
    "directional_separability": "separability.directional",
    "doubling_layer": "queries.construct",
    "face_complex": "faces",
    "hard_tanh": "activations",
    "identity": "activations",
    "is_coherently_oriented": "queries.injectivity",
    "is_convolution_injective": "queries.convolution",
    "is_injective": "queries.injectivity",
    "is_injective_on_regions": "queries.injectivity",
    "is_linearly_separable": "separability.linear",
    "is_locally_injective": "queries.injectivity",
    "is_surjective": "queries.surjectivity",
    "largest_uniform_bias": "queries.bias",
    "layer_geometry": "queries.layer_geometry",
    "layer_separability": "separability.layers",
    "leaky_relu": "activations",
    "lipschitz_constant": "queries.lipschitz",
    "load_graph": "io",
    "load_network": "io",
    "ls0": "separability.ls0",
    "ls1": "separability.ls1",
    "ls2": "separability.ls2",
    "orientations": "queries.injectivity",
    "output_range": "queries.surjectivity",
    "polytope_bias": "queries.bias",
    "random_injective_network": "queries.construct",
    "reconstruct": "queries.bias",
    "regions": "enumeration",
    "relu": "activations",
    "relu6": "activations",
    "robust_radius": "queries.robustness",
    "save_network": "io",
    "segment": "domain",
    "stability": "queries.stability",
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
    from .errors import PointsError as PointsError
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
    from .queries.polyhedron import Polyhedron as Polyhedron
    from .queries.robustness import RobustRadius as RobustRadius
    from .queries.robustness import robust_radius as robust_radius
    from .queries.stability import stability as stability
    from .queries.surjectivity import is_surjective as is_surjective
    from .queries.surjectivity import output_range as output_range
    from .queries.witness import Collision as Collision
    from .region import Facet as Facet
    from .region import Region as Region
    from .separability.ball import ball_degree as ball_degree
    from .separability.directional import directional_separability as directional_separability
    from .separability.layers import layer_separability as layer_separability
    from .separability.linear import is_linearly_separable as is_linearly_separable
    from .separability.ls0 import ls0 as ls0
    from .separability.ls1 import ls1 as ls1
    from .separability.ls2 import ls2 as ls2
    from .separability.measure import SeparabilityMeasure as SeparabilityMeasure
    from .separability.table import SeparabilityRow as SeparabilityRow
    from .separability.table import SeparabilityTable as SeparabilityTable


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
