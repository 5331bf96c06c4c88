"""Claims of papers as runnable checks; docs/theorems.md."""

from __future__ import annotations

from .claim import Claim, Hypothesis, Known, Outcome, Report, Source, Verdict
from .common import (
    GENERIC,
    SIMPLE,
    all_regions,
    gaussian_network,
    gaussian_networks,
    simple_arrangements,
)
from .plain import plain
from .registry import claim, claims, register
from .run import reports, run
from .statistics import LEVEL, Estimate, at_least, at_most, mean, proportion

__all__ = [
    "GENERIC",
    "LEVEL",
    "SIMPLE",
    "Claim",
    "Estimate",
    "Hypothesis",
    "Known",
    "Outcome",
    "Report",
    "Source",
    "Verdict",
    "all_regions",
    "at_least",
    "at_most",
    "claim",
    "claims",
    "gaussian_network",
    "gaussian_networks",
    "mean",
    "plain",
    "proportion",
    "register",
    "reports",
    "run",
    "simple_arrangements",
]
