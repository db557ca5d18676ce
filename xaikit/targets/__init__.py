"""Targets as values: what to explain, where an index does not say it.

    explain(gradcam, model, images, difference("top1", "top2"))

Each is hashable and compared by value, checks itself as far as that goes without a model, and spells itself; what
depends on the input is resolved on the clean one, and kept for every noisy copy, view and mask.
"""

from ..core.goals import Given, Goal
from .detection import detection
from .difference import difference
from .labels import read_labels
from .named import named
from .output import output
from .regression import regression
from .segment import segment
from .similarity import similarity

__all__ = [
    "Given",
    "Goal",
    "detection",
    "difference",
    "named",
    "output",
    "read_labels",
    "regression",
    "segment",
    "similarity",
]
