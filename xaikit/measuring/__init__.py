"""Metrics: values that say how good an explanation is, measured in the same engine that explains."""

from .case import Case, Measure, Measurement
from .metric import Curve, Metric, metric

__all__ = ["Case", "Curve", "Measure", "Measurement", "Metric", "metric"]
