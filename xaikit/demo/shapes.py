"""Pictures of one shape each, on busy backgrounds, with the exact mask of the shape.

A scene is drawn in fractions of the side, so a larger side shows more detail of it (and now and then a distractor
more or less, where pixels decide whether there is room).
Everything around the shape is there to be ignored: an honest explanation of a model that names the shape has
little to say outside the mask.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .distractors import distractors
from .outlines import OUTLINES, REACH, Field, Pose, Region, coverage, plane

CLASSES: tuple[str, ...] = tuple(OUTLINES)
"""Names of the classes; a label is an index into them."""

SMALLEST_SIDE = 16


class Pictures(NamedTuple):
    """Pictures, what they show, and where."""

    images: NDArray[np.uint8]
    """[N, side, side, 3], RGB in 0..255."""
    labels: NDArray[np.int64]
    """[N], indices into :data:`CLASSES`."""
    masks: NDArray[np.bool_]
    """[N, side, side], true on the pixels that the shape covers by half or more."""


def shapes(count: int, *, side: int = 64, seed: int = 0) -> Pictures:
    """Draw ``count`` pictures, ``side`` pixels high and wide (16 or more), of one shape each.

    Picture ``i`` depends on ``seed`` (0 or more), ``side`` and ``i`` alone, never on ``count``. The classes come
    in shuffled rounds, so that their numbers differ by one at most.
    """
    if count < 0 or seed < 0 or side < SMALLEST_SIDE:
        raise ValueError(f"count and seed must be >= 0 and side >= {SMALLEST_SIDE}, got {count}, {seed} and {side}")
    pictures = Pictures(
        np.empty((count, side, side, 3), np.uint8), _labels(count, seed), np.empty((count, side, side), np.bool_)
    )
    for index, label in enumerate(pictures.labels):
        rng = np.random.default_rng([seed, 0, index])
        pictures.images[index], pictures.masks[index] = _picture(CLASSES[label], side, rng)
    return pictures


def _labels(count: int, seed: int) -> NDArray[np.int64]:
    rounds = -(-count // len(CLASSES))
    shuffled = [np.random.default_rng([seed, 1, turn]).permutation(len(CLASSES)) for turn in range(rounds)]
    return np.array(shuffled, np.int64).reshape(-1)[:count]


def _picture(name: str, side: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Region]:
    pose = _pose(rng)
    shape = coverage(name, pose, side)
    grounds = _ground_colours(rng)
    own = _colour(grounds, rng)
    canvas = _painted(_background(grounds, side, rng), shape, own, rng)
    for distractor in distractors(pose, side, rng):
        canvas = _painted(canvas, distractor, _colour(grounds, rng), rng)
    # Grain lies over everything alike, so that no texture gives the shape away.
    canvas = canvas + rng.uniform(0, 0.04) * rng.standard_normal((side, side, 1))
    canvas = canvas + rng.uniform(0, 0.02) * rng.standard_normal((side, side, 3))
    return np.clip(np.rint(canvas * 255), 0, 255).astype(np.uint8), shape >= 0.5


def _pose(rng: np.random.Generator) -> Pose:
    radius = rng.uniform(0.13, 0.27)
    edge = radius * REACH + 0.01
    return Pose(rng.uniform(edge, 1 - edge), rng.uniform(edge, 1 - edge), radius, rng.uniform(0, 2 * np.pi))


def _painted(canvas: Field, cover: Field, colour: Field, rng: np.random.Generator) -> Field:
    # A faint shading keeps shapes and distractors from being the only flat areas.
    shade = (_ramp(len(canvas), rng) - 0.5) * rng.uniform(0, 0.22)
    return canvas + cover[..., None] * (colour + shade[..., None] - canvas)


def _colour(grounds: Field, rng: np.random.Generator) -> Field:
    """Of a few random colours the one that stands out most from ``grounds`` [n, 3]."""
    hues = _rgb(rng.random(5), rng.uniform(0.25, 1.0, 5), rng.uniform(0.2, 1.0, 5))
    # The eye tells light from dark better than hue from hue.
    seen = np.array([0.9, 1.2, 0.6])
    distance = np.linalg.norm((hues[:, None] - grounds) * seen, axis=-1).min(axis=1)
    chosen: Field = hues[distance.argmax()]
    return chosen


def _rgb(hue: Field, saturation: Field, value: Field) -> Field:
    sixth = (hue[:, None] * 6 + np.array([5, 3, 1])) % 6
    colours: Field = value[:, None] * (1 - saturation[:, None] * np.clip(np.minimum(sixth, 4 - sixth), 0, 1))
    return colours


def _ground_colours(rng: np.random.Generator) -> Field:
    hue, saturation, value = rng.random(), rng.uniform(0.05, 0.6), rng.uniform(0.15, 0.95)
    hues = np.array([hue, hue + rng.uniform(-0.12, 0.12)])
    values = np.array([value, np.clip(value + rng.uniform(-0.3, 0.3), 0.1, 1)])
    return _rgb(hues, np.array([saturation, rng.uniform(0.05, 0.6)]), values)


def _background(grounds: Field, side: int, rng: np.random.Generator) -> Field:
    kinds = (_ramp, _glow, _stripes, _clouds)
    mix = kinds[rng.integers(len(kinds))](side, rng)
    # A little cloud on every kind: plain areas are the exception, as in photographs.
    mix = np.clip(mix + rng.uniform(0, 0.5) * (_clouds(side, rng) - 0.5), 0, 1)[..., None]
    canvas: Field = grounds[0] + mix * (grounds[1] - grounds[0])
    return canvas


def _ramp(side: int, rng: np.random.Generator) -> Field:
    x, y = plane(side)
    angle = rng.uniform(0, 2 * np.pi)
    share: Field = 0.5 + ((x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)) / np.sqrt(2)
    return share


def _glow(side: int, rng: np.random.Generator) -> Field:
    x, y = plane(side)
    centre = rng.uniform(0, 1, 2)
    share: Field = np.clip(np.hypot(x - centre[0], y - centre[1]) / rng.uniform(0.7, 1.3), 0, 1)
    return share


def _stripes(side: int, rng: np.random.Generator) -> Field:
    waves = rng.uniform(3, 10)
    share: Field = 0.5 + 0.5 * np.sin(2 * np.pi * waves * _ramp(side, rng))
    return share


def _clouds(side: int, rng: np.random.Generator) -> Field:
    cells = int(rng.integers(3, 9))
    knots = rng.random((cells + 1, cells + 1))
    place = (np.arange(side) + 0.5) / side * cells
    cell = place.astype(int)
    ease = (place - cell) ** 2 * (3 - 2 * (place - cell))
    rows = knots[cell] + ease[:, None] * (knots[cell + 1] - knots[cell])
    share: Field = rows[:, cell] + ease * (rows[:, cell + 1] - rows[:, cell])
    return share
