"""One search, alone or by many: under limits, with progress, recorded so that it survives.

``frontier`` has the tree of its tasks, ``checkpoint`` writes down what they come to, ``crew``
gives them out and takes them back, and ``search`` decides when to stop. What a task does is the
engine's.
"""

from __future__ import annotations

from .checkpoint import Checkpoint
from .crew import usable_cores
from .search import Search

__all__ = ["Checkpoint", "Search", "usable_cores"]
