"""Explainers compared by metrics: one table, with intervals, curves and costs."""

from .evaluation import Column, Cost, Evaluation
from .figures import Band, Cell
from .run import evaluate

__all__ = ["Band", "Cell", "Column", "Cost", "Evaluation", "evaluate"]
