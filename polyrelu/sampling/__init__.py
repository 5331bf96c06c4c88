"""The estimators of regions that people use, and what they find beside the truth.

A method takes a network, a domain and a budget of forward passes, and returns a :class:`Sample`:
patterns, how often and when each was seen, and the cost. :func:`compare` sets it beside the graph
of all regions. docs/sampling.md.
"""

from __future__ import annotations

from ..volumes import RegionVolumes, region_volumes, wall_content
from .bisection import BisectedBoundaries, bisect_boundaries
from .bounds import ParityBound, parity_bound
from .boxes import CountEstimate, estimate_count
from .compare import Comparison, Coverage, EstimatorError, compare, estimator_errors
from .cost import ExactCost, exact_cost, forward_seconds
from .coupons import expected_regions, points_for, points_for_all, regions_variance
from .lines import LineEstimate, crossing_constant, random_lines
from .methods import METHODS, run_method
from .planes import random_planes
from .points import data_points, gaussian_points, grid_points, uniform_points
from .richness import (
    Richness,
    ace,
    chao1,
    chao1_bias_corrected,
    frequencies,
    good_turing,
    jackknife1,
    jackknife2,
    richness,
    sample_coverage,
)
from .sample import Sample
from .study import Study, study
from .trajectories import Trajectory, arc, random_trajectories, trajectory
from .walks import facet_walk, region_points

__all__ = [
    "METHODS",
    "BisectedBoundaries",
    "Comparison",
    "CountEstimate",
    "Coverage",
    "EstimatorError",
    "ExactCost",
    "LineEstimate",
    "ParityBound",
    "RegionVolumes",
    "Richness",
    "Sample",
    "Study",
    "Trajectory",
    "ace",
    "arc",
    "bisect_boundaries",
    "chao1",
    "chao1_bias_corrected",
    "compare",
    "crossing_constant",
    "data_points",
    "estimate_count",
    "estimator_errors",
    "exact_cost",
    "expected_regions",
    "facet_walk",
    "forward_seconds",
    "frequencies",
    "gaussian_points",
    "good_turing",
    "grid_points",
    "jackknife1",
    "jackknife2",
    "parity_bound",
    "points_for",
    "points_for_all",
    "random_lines",
    "random_planes",
    "random_trajectories",
    "region_points",
    "region_volumes",
    "regions_variance",
    "richness",
    "run_method",
    "sample_coverage",
    "study",
    "trajectory",
    "uniform_points",
    "wall_content",
]
