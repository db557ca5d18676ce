"""The geometry behind the demo pictures: outlines of the classes, and strokes, specks and blobs around them.

Lengths are fractions of the picture's side, so that a drawing looks alike at every resolution. ``x`` runs right
and ``y`` runs down, both in [0, 1]; an :class:`Outline` says which points of a plane lie inside a class of shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]
Region = NDArray[np.bool_]
Outline = Callable[[Field, Field], Region]

FINER = 3
REACH = 1.15


class Pose(NamedTuple):
    """Where a shape stands: centre and radius in fractions of the side, angle in radians."""

    x: float
    y: float
    radius: float
    angle: float


def plane(side: int) -> tuple[Field, Field]:
    """Coordinates of the pixel centres: x float [1, side] and y float [side, 1], both in (0, 1)."""
    steps = (np.arange(side) + 0.5) / side
    return steps[None, :], steps[:, None]


def _circle(u: Field, v: Field) -> Region:
    inside: Region = np.hypot(u, v) <= 0.95
    return inside


def _ring(u: Field, v: Field) -> Region:
    distance = np.hypot(u, v)
    inside: Region = (distance <= 1.0) & (distance >= 0.56)
    return inside


def _square(u: Field, v: Field) -> Region:
    inside: Region = np.maximum(np.abs(u), np.abs(v)) <= REACH / np.sqrt(2)
    return inside


def _triangle(u: Field, v: Field) -> Region:
    slope = np.sqrt(3) / 2 * np.abs(u)
    inside: Region = np.maximum(slope - v / 2, v) <= REACH / 2
    return inside


def _cross(u: Field, v: Field) -> Region:
    near, far = np.minimum(np.abs(u), np.abs(v)), np.maximum(np.abs(u), np.abs(v))
    return (near <= 0.3) & (far <= 1.05)


def _star(u: Field, v: Field) -> Region:
    # Ten mirror images of one edge: fold every point into the sector between a tip and its neighbouring notch.
    sector = 2 * np.pi / 5
    folded = np.abs((np.arctan2(v, u) + sector / 2) % sector - sector / 2)
    along, across = np.hypot(u, v) * np.cos(folded), np.hypot(u, v) * np.sin(folded)
    notch_u, notch_v = 0.48 * np.cos(sector / 2), 0.48 * np.sin(sector / 2)
    inside: Region = (along - REACH) * notch_v <= across * (notch_u - REACH)
    return inside


OUTLINES: dict[str, Outline] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "ring": _ring,
}


def coverage(name: str, pose: Pose, side: int) -> Field:
    """How much of each pixel the shape ``name`` covers: float [side, side] in [0, 1], by finer sampling."""
    x, y = plane(side * FINER)
    u, v = _turned(x - pose.x, y - pose.y, pose.angle)
    inside = OUTLINES[name](u / pose.radius, v / pose.radius)
    share: Field = inside.reshape(side, FINER, side, FINER).mean(axis=(1, 3))
    return share


def _turned(x: Field, y: Field, angle: float) -> tuple[Field, Field]:
    cos, sin = np.cos(angle), np.sin(angle)
    return x * cos + y * sin, y * cos - x * sin


def stroke(points: Field, width: float, side: int) -> Field:
    """Coverage, float [side, side] in [0, 1], of a polyline through ``points`` [n, 2] (x, y), ``width`` wide."""
    x, y = plane(side)
    start, step = points[:-1, :, None, None], np.diff(points, axis=0)[:, :, None, None]
    to_x, to_y = x - start[:, 0], y - start[:, 1]
    length = np.maximum((step**2).sum(axis=1), 1e-12)
    share = np.clip((to_x * step[:, 0] + to_y * step[:, 1]) / length, 0, 1)
    distance = np.hypot(to_x - share * step[:, 0], to_y - share * step[:, 1]).min(axis=0)
    return _soft(distance - width / 2, side)


def specks(points: Field, radius: float, side: int) -> Field:
    """Coverage, float [side, side] in [0, 1], of dots of one ``radius`` at ``points`` [n, 2] (x, y)."""
    x, y = plane(side)
    distance = np.hypot(x - points[:, 0, None, None], y - points[:, 1, None, None]).min(axis=0)
    return _soft(distance - radius, side)


def blob(pose: Pose, stretch: float, waves: Field, side: int) -> Field:
    """Coverage, float [side, side] in [0, 1], of a ragged ellipse; ``waves`` [n, 2] holds amplitude and phase."""
    x, y = plane(side)
    u, v = _turned(x - pose.x, y - pose.y, pose.angle)
    around = np.arctan2(v * stretch, u)
    orders = np.arange(2, 2 + len(waves))[:, None, None]
    edge = 1 + (waves[:, 0, None, None] * np.cos(orders * around + waves[:, 1, None, None])).sum(axis=0)
    return _soft(np.hypot(u, v * stretch) - pose.radius * edge, side)


def _soft(distance: Field, side: int) -> Field:
    # One pixel of ramp across the edge is what averaging over the pixel would give.
    return np.clip(0.5 - distance * side, 0, 1)
