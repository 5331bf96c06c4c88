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
    "align": "alignment",
    "Alignment": "alignment",
    "Answer": "answer",
    "Arrangement": "arrangement",
    "ball_degree": "separability.ball",
    "Balls": "queries.arithmetic",
    "bisected_folding": "queries.folding_sampling",
    "BlockMetric": "queries.metrics",
    "boundary_crossings": "queries.crossings",
    "boundary_mesh": "mesh",
    "boundary_type": "queries.boundary_type",
    "BoundaryKind": "queries.boundary_type",
    "BoundaryType": "queries.boundary_type",
    "Box": "domain",
    "canonical": "canonical_form",
    "ClaimError": "errors",
    "Collision": "queries.witness",
    "Complex": "linear_complex",
    "Count": "enumeration",
    "count_regions": "enumeration",
    "Crossing": "queries.crossings",
    "decision": "queries.decision",
    "Decision": "queries.decision",
    "decision_boundary": "queries.boundary",
    "DecisionBoundary": "queries.boundary",
    "deep_graph_persistence": "queries.persistence",
    "DiagonalMetric": "queries.metrics",
    "diameter": "queries.diameter",
    "Diameter": "queries.diameter",
    "Difference": "queries.witness",
    "directional_separability": "separability.directional",
    "Distribution": "queries.graph_folding",
    "Domain": "domain",
    "DomainError": "errors",
    "doubling_layer": "queries.construct",
    "effective_pieces": "queries.effective_pieces",
    "EffectivePieces": "queries.effective_pieces",
    "egop": "queries.gradient_product",
    "equivalent": "queries.equivalence",
    "EulerMetric": "queries.euler_metric",
    "face_complex": "faces",
    "FaceComplex": "faces",
    "Facet": "region",
    "FileFormatError": "errors",
    "Folding": "queries.folding",
    "folding_of_patterns": "queries.folding",
    "folding_surrogate": "torch_folding",
    "folding_table": "queries.folding_data",
    "FoldingSummary": "queries.folding_data",
    "FoldingTable": "queries.folding_data",
    "GradientProduct": "queries.gradient_product",
    "graph_folding": "queries.graph_folding",
    "GraphFolding": "queries.graph_folding",
    "GraphRecovery": "queries.graph_recovery",
    "hard_tanh": "activations",
    "hinge_goodness": "queries.hinge",
    "HingeGoodness": "queries.hinge",
    "Identifiability": "queries.identifiability",
    "identifiability": "queries.identifiability",
    "identity": "activations",
    "IncompleteError": "errors",
    "index_space": "queries.gradient_product",
    "is_coherently_oriented": "queries.injectivity",
    "is_convolution_injective": "queries.convolution",
    "is_injective": "queries.injectivity",
    "is_injective_on_regions": "queries.injectivity",
    "is_linearly_separable": "separability.linear",
    "is_locally_injective": "queries.injectivity",
    "is_surjective": "queries.surjectivity",
    "jacobian_ranks": "queries.jacobian_rank",
    "kernel_matrix": "queries.kernels",
    "LabelledFeatures": "queries.kernels",
    "landmark_count": "queries.similarity",
    "largest_uniform_bias": "queries.bias",
    "Layer": "network",
    "layer_geometry": "queries.layer_geometry",
    "layer_separability": "separability.layers",
    "LayerGeometry": "queries.layer_geometry",
    "leaky_relu": "activations",
    "Limits": "limits",
    "LimitsError": "errors",
    "Lipschitz": "queries.lipschitz",
    "lipschitz_constant": "queries.lipschitz",
    "load_graph": "io",
    "load_network": "io",
    "ls0": "separability.ls0",
    "ls1": "separability.ls1",
    "ls2": "separability.ls2",
    "Metric": "queries.metrics",
    "MissingExtraError": "errors",
    "Network": "network",
    "NetworkError": "errors",
    "neural_persistence": "queries.persistence",
    "open_store": "store.store",
    "orientations": "queries.injectivity",
    "output_range": "queries.surjectivity",
    "parameter_blocks": "queries.tangent",
    "ParameterBlock": "queries.tangent",
    "path_norm": "queries.weight_paths",
    "path_rank": "queries.weight_paths",
    "pattern_clusters": "queries.pattern_clusters",
    "PatternClusters": "queries.pattern_clusters",
    "Persistence": "queries.persistence",
    "PiecewiseLinear": "activations",
    "PointsError": "errors",
    "Polyhedron": "queries.polyhedron",
    "PolyreluError": "errors",
    "Polytope": "domain",
    "polytope_bias": "queries.bias",
    "random_injective_network": "queries.construct",
    "RationalNetwork": "rational_network",
    "reconstruct": "queries.bias",
    "recover": "recovery.recover",
    "recover_from_graph": "queries.graph_recovery",
    "RecoveredLayer": "recovery.result",
    "Recovery": "recovery.result",
    "RecoveryError": "errors",
    "Region": "region",
    "region_bounds": "queries.counting",
    "RegionBounds": "queries.counting",
    "RegionGraph": "graph",
    "RegionKernel": "queries.region_kernel",
    "regions": "enumeration",
    "RegionStore": "store.store",
    "relu": "activations",
    "relu6": "activations",
    "robust_radius": "queries.robustness",
    "RobustRadius": "queries.robustness",
    "sampled_folding": "queries.folding_sampling",
    "samples_needed": "queries.folding_sampling",
    "save_network": "io",
    "Sector": "queries.layer_geometry",
    "segment": "domain",
    "SeparabilityMeasure": "separability.measure",
    "SeparabilityRow": "separability.table",
    "SeparabilityTable": "separability.table",
    "similarity_classifier": "queries.similarity_classifier",
    "similarity_gap": "queries.similarity",
    "SimilarityClassification": "queries.similarity_classifier",
    "SimilarityGap": "queries.similarity",
    "Slice": "domain",
    "smooth_folding": "queries.smooth_folding",
    "SmoothCrossing": "queries.smooth_folding",
    "SmoothFolding": "queries.smooth_folding",
    "SmoothNetwork": "smooth_network",
    "Space": "domain",
    "sparse_metric": "queries.sparse_metric",
    "stability": "queries.stability",
    "Status": "answer",
    "store_regions": "storing",
    "StoreError": "errors",
    "SubPath": "queries.path",
    "tangent_features": "queries.tangent",
    "TangentFeatures": "queries.tangent",
    "UnknownAnswerError": "errors",
    "UnsupportedLayerError": "errors",
    "Verdict": "recovery.result",
    "zaslavsky": "queries.counting",
}
_MODULES = ("plot", "sampling", "theorems")

__all__ = [*sorted(_WHERE), "__version__", *_MODULES]

if TYPE_CHECKING:
    from . import plot as plot
    from . import sampling as sampling
    from . import theorems as theorems
    from .activations import PiecewiseLinear as PiecewiseLinear
    from .activations import absolute as absolute
    from .activations import hard_tanh as hard_tanh
    from .activations import identity as identity
    from .activations import leaky_relu as leaky_relu
    from .activations import relu as relu
    from .activations import relu6 as relu6
    from .alignment import Alignment as Alignment
    from .alignment import align as align
    from .answer import Answer as Answer
    from .answer import Status as Status
    from .arrangement import Arrangement as Arrangement
    from .canonical_form import canonical as canonical
    from .domain import Box as Box
    from .domain import Domain as Domain
    from .domain import Polytope as Polytope
    from .domain import Slice as Slice
    from .domain import Space as Space
    from .domain import segment as segment
    from .enumeration import Count as Count
    from .enumeration import count_regions as count_regions
    from .enumeration import regions as regions
    from .errors import ClaimError as ClaimError
    from .errors import DomainError as DomainError
    from .errors import FileFormatError as FileFormatError
    from .errors import IncompleteError as IncompleteError
    from .errors import LimitsError as LimitsError
    from .errors import MissingExtraError as MissingExtraError
    from .errors import NetworkError as NetworkError
    from .errors import PointsError as PointsError
    from .errors import PolyreluError as PolyreluError
    from .errors import RecoveryError as RecoveryError
    from .errors import StoreError as StoreError
    from .errors import UnknownAnswerError as UnknownAnswerError
    from .errors import UnsupportedLayerError as UnsupportedLayerError
    from .faces import FaceComplex as FaceComplex
    from .faces import face_complex as face_complex
    from .graph import RegionGraph as RegionGraph
    from .io import load_graph as load_graph
    from .io import load_network as load_network
    from .io import save_network as save_network
    from .limits import Limits as Limits
    from .linear_complex import Complex as Complex
    from .mesh import boundary_mesh as boundary_mesh
    from .network import Affine as Affine
    from .network import Layer as Layer
    from .network import Network as Network
    from .queries.arithmetic import Balls as Balls
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
    from .queries.counting import RegionBounds as RegionBounds
    from .queries.counting import region_bounds as region_bounds
    from .queries.counting import zaslavsky as zaslavsky
    from .queries.crossings import Crossing as Crossing
    from .queries.crossings import boundary_crossings as boundary_crossings
    from .queries.decision import Decision as Decision
    from .queries.decision import decision as decision
    from .queries.diameter import Diameter as Diameter
    from .queries.diameter import diameter as diameter
    from .queries.effective_pieces import EffectivePieces as EffectivePieces
    from .queries.effective_pieces import effective_pieces as effective_pieces
    from .queries.equivalence import equivalent as equivalent
    from .queries.euler_metric import EulerMetric as EulerMetric
    from .queries.folding import Folding as Folding
    from .queries.folding import folding_of_patterns as folding_of_patterns
    from .queries.folding_data import FoldingSummary as FoldingSummary
    from .queries.folding_data import FoldingTable as FoldingTable
    from .queries.folding_data import folding_table as folding_table
    from .queries.folding_sampling import bisected_folding as bisected_folding
    from .queries.folding_sampling import sampled_folding as sampled_folding
    from .queries.folding_sampling import samples_needed as samples_needed
    from .queries.gradient_product import GradientProduct as GradientProduct
    from .queries.gradient_product import egop as egop
    from .queries.gradient_product import index_space as index_space
    from .queries.graph_folding import Distribution as Distribution
    from .queries.graph_folding import GraphFolding as GraphFolding
    from .queries.graph_folding import graph_folding as graph_folding
    from .queries.graph_recovery import GraphRecovery as GraphRecovery
    from .queries.graph_recovery import recover_from_graph as recover_from_graph
    from .queries.hinge import HingeGoodness as HingeGoodness
    from .queries.hinge import hinge_goodness as hinge_goodness
    from .queries.identifiability import Identifiability as Identifiability
    from .queries.identifiability import identifiability as identifiability
    from .queries.injectivity import is_coherently_oriented as is_coherently_oriented
    from .queries.injectivity import is_injective as is_injective
    from .queries.injectivity import is_injective_on_regions as is_injective_on_regions
    from .queries.injectivity import is_locally_injective as is_locally_injective
    from .queries.injectivity import orientations as orientations
    from .queries.jacobian_rank import jacobian_ranks as jacobian_ranks
    from .queries.kernels import LabelledFeatures as LabelledFeatures
    from .queries.kernels import kernel_matrix as kernel_matrix
    from .queries.layer_geometry import LayerGeometry as LayerGeometry
    from .queries.layer_geometry import Sector as Sector
    from .queries.layer_geometry import layer_geometry as layer_geometry
    from .queries.lipschitz import Lipschitz as Lipschitz
    from .queries.lipschitz import lipschitz_constant as lipschitz_constant
    from .queries.metrics import BlockMetric as BlockMetric
    from .queries.metrics import DiagonalMetric as DiagonalMetric
    from .queries.metrics import Metric as Metric
    from .queries.path import ActivationPath as ActivationPath
    from .queries.path import SubPath as SubPath
    from .queries.path import activation_path as activation_path
    from .queries.pattern_clusters import PatternClusters as PatternClusters
    from .queries.pattern_clusters import pattern_clusters as pattern_clusters
    from .queries.persistence import Persistence as Persistence
    from .queries.persistence import deep_graph_persistence as deep_graph_persistence
    from .queries.persistence import neural_persistence as neural_persistence
    from .queries.polyhedron import Polyhedron as Polyhedron
    from .queries.region_kernel import RegionKernel as RegionKernel
    from .queries.robustness import RobustRadius as RobustRadius
    from .queries.robustness import robust_radius as robust_radius
    from .queries.similarity import SimilarityGap as SimilarityGap
    from .queries.similarity import landmark_count as landmark_count
    from .queries.similarity import similarity_gap as similarity_gap
    from .queries.similarity_classifier import SimilarityClassification as SimilarityClassification
    from .queries.similarity_classifier import similarity_classifier as similarity_classifier
    from .queries.smooth_folding import SmoothCrossing as SmoothCrossing
    from .queries.smooth_folding import SmoothFolding as SmoothFolding
    from .queries.smooth_folding import smooth_folding as smooth_folding
    from .queries.sparse_metric import sparse_metric as sparse_metric
    from .queries.stability import stability as stability
    from .queries.surjectivity import is_surjective as is_surjective
    from .queries.surjectivity import output_range as output_range
    from .queries.tangent import ParameterBlock as ParameterBlock
    from .queries.tangent import TangentFeatures as TangentFeatures
    from .queries.tangent import parameter_blocks as parameter_blocks
    from .queries.tangent import tangent_features as tangent_features
    from .queries.weight_paths import path_norm as path_norm
    from .queries.weight_paths import path_rank as path_rank
    from .queries.witness import Collision as Collision
    from .queries.witness import Difference as Difference
    from .rational_network import RationalNetwork as RationalNetwork
    from .recovery.recover import recover as recover
    from .recovery.result import RecoveredLayer as RecoveredLayer
    from .recovery.result import Recovery as Recovery
    from .recovery.result import Verdict as Verdict
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
    from .smooth_network import SmoothNetwork as SmoothNetwork
    from .store.store import RegionStore as RegionStore
    from .store.store import open_store as open_store
    from .storing import store_regions as store_regions
    from .torch_folding import folding_surrogate as folding_surrogate


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
