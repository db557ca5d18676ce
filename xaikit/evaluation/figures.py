"""What one metric says of one explainer: figures of each example, their mean, and how sure it is."""

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np


class Band(NamedTuple):
    """A mean curve, and the interval of each of its points.

    Attributes:
        at: [P], the places of the points, such as the shares of the positions that are removed.
        mean: [P].
        low: [P], by the mean's standard error, as the curves themselves are not kept.
        high: [P].
    """

    at: Any
    mean: Any
    low: Any
    high: Any


@dataclass(frozen=True, eq=False)
class Cell:
    """What one metric says of one explainer.

    Attributes:
        values: [N], one figure for each example, or [N, T] for several targets; NaN where there was nothing to measure.
        mean: Of the examples that have a figure; of several targets, the mean counts.
        low: The lower end of the mean's interval; NaN where fewer than two examples have a figure.
        high: Its upper end.
        missing: How many examples have no figure.
        band: The mean curve, where the metric is the summary of one.
    """

    values: Any
    mean: float
    low: float
    high: float
    missing: int
    band: Band | None


@dataclass(frozen=True)
class Sureness:
    """How intervals are made: by a percentile bootstrap over the examples.

    Attributes:
        confidence: The share of the resampled means that an interval holds, such as 0.95.
        resamples: How many means are resampled.
        seed: Which draws; the same for each cell, so that explainers are compared on the same resampled examples.
    """

    confidence: float
    resamples: int
    seed: int

    def interval(self, each: Any) -> tuple[float, float]:
        """Give the interval of the mean of figures [n], none of them NaN."""
        count = len(each)
        if count < 2:
            return math.nan, math.nan
        random = np.random.default_rng(self.seed)
        means = [each[random.integers(0, count, count)].mean() for _ in range(self.resamples)]
        low, high = np.quantile(means, [(1 - self.confidence) / 2, (1 + self.confidence) / 2])
        return float(low), float(high)

    @property
    def errors(self) -> float:
        """How many standard errors an interval reaches to each side, for means of many."""
        return NormalDist().inv_cdf((1 + self.confidence) / 2)


@dataclass
class Figures:
    """Figures of one explainer by one metric, collected batch by batch: curves are added up, never kept.

    Attributes:
        parts: [B, T] each.
        at: [P], the places of a curve's points.
        count: How many curves there were.
        mean: [P], their mean.
        squares: [P], the sum of their squared distances from it.
    """

    parts: list[Any] = field(default_factory=list)
    at: Any = None
    count: int = 0
    mean: Any = 0.0
    squares: Any = 0.0

    def add(self, values: Any, curve: Any) -> None:
        """Add those of a batch: values [B, T], and a `Curve` [B, P, T] or None."""
        self.parts.append(values)
        if curve is None:
            return
        self.at = curve.at
        each = curve.values.mean(axis=-1, dtype=np.float64)
        for one in each[np.isfinite(each).all(axis=1)]:  # Welford's update: no difference of large numbers
            self.count += 1
            away = one - self.mean
            self.mean = self.mean + away / self.count
            self.squares = self.squares + away * (one - self.mean)

    def cell(self, sureness: Sureness) -> Cell:
        """Sum up."""
        values = np.concatenate(self.parts)
        known = np.isfinite(values)
        counts = known.sum(axis=1)
        there = counts > 0
        sums = np.where(known, values, 0).sum(axis=1, dtype=np.float64)
        each = sums[there] / counts[there]
        mean = float(each.mean()) if len(each) else math.nan
        plain = values[:, 0] if values.shape[1] == 1 else values
        return Cell(plain, mean, *sureness.interval(each), int((~there).sum()), self._band(sureness))

    def _band(self, sureness: Sureness) -> Band | None:
        if not self.count:
            return None
        error = np.sqrt(self.squares / max(self.count - 1, 1) / self.count)
        reach = sureness.errors * error if self.count > 1 else np.full_like(error, math.nan)
        return Band(self.at, self.mean, self.mean - reach, self.mean + reach)
