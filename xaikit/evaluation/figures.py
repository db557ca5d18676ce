"""What one metric says of one explainer: figures of each example, their mean, and how sure it is."""

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from ..errors import ParameterError


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

    confidence: float = 0.95
    resamples: int = 1000
    seed: int = 0

    def check(self) -> None:
        """Refuse values that mean nothing.

        Raises:
            ParameterError: Which, and what is allowed.
        """
        if not 0 < self.confidence < 1:
            raise ParameterError(f"confidence must be between 0 and 1, not {self.confidence!r}.")
        if self.resamples < 1:
            raise ParameterError(f"resamples must be at least 1, not {self.resamples!r}.")

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
        counts: [P], how many curves had a figure at each point.
        mean: [P], their mean.
        squares: [P], the sum of their squared distances from it.
    """

    parts: list[Any] = field(default_factory=list)
    at: Any = None
    counts: Any = 0
    mean: Any = 0.0
    squares: Any = 0.0

    def add(self, values: Any, curve: Any) -> None:
        """Add those of a batch: values [B, T], and a `Curve` [B, P, T] or None."""
        self.parts.append(np.array(values))  # a copy: of more than these, their curves, it may be a view
        if curve is None:
            return
        self.at = curve.at
        for one in _of_targets(curve.values):  # Welford's update: no difference of large numbers
            known = np.isfinite(one)
            self.counts = self.counts + known
            away = np.where(known, one, self.mean) - self.mean
            self.mean = self.mean + away / np.maximum(self.counts, 1)
            self.squares = self.squares + away * np.where(known, one - self.mean, 0)

    def cell(self, sureness: Sureness) -> Cell:
        """Sum up."""
        values = np.concatenate(self.parts)
        each = _of_targets(values[:, np.newaxis])[:, 0]
        there = each[np.isfinite(each)]
        mean = float(there.mean()) if len(there) else math.nan
        plain = values[:, 0] if values.shape[1] == 1 else values
        return Cell(plain, mean, *sureness.interval(there), len(each) - len(there), self._band(sureness))

    def _band(self, sureness: Sureness) -> Band | None:
        if self.at is None:
            return None
        missing = np.where(self.counts < 1, math.nan, 0)
        alone = np.where(self.counts < 2, math.nan, 0)
        error = np.sqrt(self.squares / np.maximum(self.counts - 1, 1) / np.maximum(self.counts, 1))
        reach = sureness.errors * error + alone
        return Band(self.at, self.mean + missing, self.mean - reach, self.mean + reach)


def _of_targets(values: Any) -> Any:
    """Give the mean over the targets that have a figure, float64: [N, P, T] to [N, P]."""
    known = np.isfinite(values)
    sums = np.where(known, values, 0).sum(axis=-1, dtype=np.float64)
    counts = known.sum(axis=-1)
    return np.where(counts, sums / np.maximum(counts, 1), math.nan)
