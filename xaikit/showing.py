"""Explanations as pictures: the heat of some maps, and the grid that a notebook shows."""

import io
from typing import Any

import numpy as np

from .core import Recipe, map_maps, tf, to_heat
from .core.filters import Show
from .images import visualize

_MOST = 8  # examples that a notebook shows


def heat(maps: Any, inputs: Any, show: Show = "auto") -> Any:
    """Make maps to look at by the convention of `heatmap`.

    Args:
        maps: [N, ..., T], raw.
        inputs: [N, *positions, C], for their shape.
        show: "auto", "for", "size" or "signed".

    Returns:
        [N, *input positions, T], in [0, 1], or in [-1, 1] for "signed".
    """
    inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
    maps = tf.nest.map_structure(tf.convert_to_tensor, maps)
    shown = map_maps(lambda one, of: to_heat(one, of, show), maps, inputs)
    return tf.nest.map_structure(lambda leaf: leaf.numpy(), shown)


def picture(explained: Any) -> bytes | None:
    """Draw the first explanations over their images, as PNG; None where the inputs are no images or not at hand."""
    inputs = explained.inputs
    if not isinstance(inputs, np.ndarray) or inputs.ndim != 4 or inputs.shape[-1] not in (1, 3, 4):
        return None
    images = inputs[:_MOST]
    looked_at = _is_heat(explained.explainer)
    heats = explained.maps[:_MOST] if looked_at else heat(explained.maps[:_MOST], images)
    buffer = io.BytesIO()
    visualize(list(images), _titles(explained, len(images)), list(heats[..., 0]), to=buffer)
    return buffer.getvalue()


def _is_heat(explainer: Any) -> bool:
    return isinstance(explainer, Recipe) and explainer.name == "heatmap"


def _titles(explained: Any, count: int) -> list[str]:
    scores = explained.scores[:count, 0]
    if explained.targets is None:
        return [f"{score:.3g}" for score in scores]
    return [f"class {t}: {score:.3g}" for t, score in zip(explained.targets[:count, 0], scores, strict=True)]
