"""What lies around the shape in a demo picture: lines, letters, arcs, dots and blobs, none of them of a class."""

from __future__ import annotations

import numpy as np

from .outlines import REACH, Field, Pose, Region, blob, plane, specks, stroke

_TRIES, _MOST_DISTRACTORS = 14, 7
# Letter-like figures in a unit box. None closes, and none has arms that meet in a cross.
_LETTERS = (
    ((0, 0), (0, 1), (0.7, 1)),
    ((0, 0), (0.5, 1), (1, 0)),
    ((0, 0), (0.9, 0), (0, 1), (0.9, 1)),
    ((0, 1), (0, 0), (0.8, 1), (0.8, 0)),
    ((0.8, 0), (0, 0), (0, 1), (0.8, 1)),
    ((0, 0), (0.25, 1), (0.5, 0.3), (0.75, 1), (1, 0)),
    ((0.7, 0), (0.1, 0.2), (0.7, 0.7), (0, 1)),
)


def distractors(pose: Pose, side: int, rng: np.random.Generator) -> list[Field]:
    """Coverages [side, side] of what fits around the shape, apart from it and from one another."""
    x, y = plane(side)
    taken = np.hypot(x - pose.x, y - pose.y) <= pose.radius * REACH + 0.03
    wanted, kept = rng.integers(2, _MOST_DISTRACTORS + 1), list[Field]()
    kinds = (_line, _letter, _letter, _arc, _dots, _blob)
    for _ in range(_TRIES):
        if len(kept) == wanted:
            break
        cover = kinds[rng.integers(len(kinds))](side, rng)
        if not (taken & (cover > 0)).any():
            kept.append(cover)
            # Two lines that touch could make a cross: keep a gap of a few pixels.
            taken |= _grown(cover > 0, max(1, side // 32))
    return kept


def _grown(region: Region, steps: int) -> Region:
    padded = np.pad(region, steps)
    height, width = region.shape
    rows = np.logical_or.reduce([padded[step : step + height] for step in range(2 * steps + 1)])
    grown: Region = np.logical_or.reduce([rows[:, step : step + width] for step in range(2 * steps + 1)])
    return grown


def _line(side: int, rng: np.random.Generator) -> Field:
    return stroke(rng.uniform(-0.1, 1.1, (2, 2)), rng.uniform(0.012, 0.03), side)


def _letter(side: int, rng: np.random.Generator) -> Field:
    angle, size = rng.uniform(0, 2 * np.pi), rng.uniform(0.09, 0.2)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = (np.array(_LETTERS[rng.integers(len(_LETTERS))], float) - 0.5) * size * rng.uniform(0.7, 1.1, 2)
    return stroke(points @ turn + rng.uniform(0.05, 0.95, 2), rng.uniform(0.018, 0.04), side)


def _arc(side: int, rng: np.random.Generator) -> Field:
    start, span = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.1) * np.pi
    angles = start + span * np.linspace(0, 1, 9)
    points = rng.uniform(0.06, 0.2) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return stroke(points + rng.uniform(0, 1, 2), rng.uniform(0.018, 0.04), side)


def _dots(side: int, rng: np.random.Generator) -> Field:
    number = rng.integers(3, 9)
    points = rng.uniform(0.05, 0.95, 2) + rng.normal(0, 0.06, (number, 2))
    return specks(points, rng.uniform(0.01, 0.02), side)


def _blob(side: int, rng: np.random.Generator) -> Field:
    pose = Pose(rng.uniform(0.05, 0.95), rng.uniform(0.05, 0.95), rng.uniform(0.06, 0.12), rng.uniform(0, 2 * np.pi))
    waves = np.stack([rng.uniform(0.2, 1, 4) * (0.2, 0.14, 0.07, 0.04), rng.uniform(0, 2 * np.pi, 4)], axis=1)
    return blob(pose, rng.uniform(1.5, 2.6), waves, side)
