"""Advice: whether an explainer finds what is there, and whether it reads what the model has learned.

A method may keep every law and say little. These figures come from few pictures and one model: they warn, no more.
"""

from typing import Any

import numpy as np

from ..core import Explainer, tf
from ..errors import XaikitError
from ..registry import find
from .law import Broken, Skipped, explained
from .samples import demo_model, demo_pictures

PICTURES = 16
HARDLY = 0.9  # a rank correlation above this is hardly a change


def finds_the_shape(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that heat lies on the shape of the embedded pictures more often than chance would put it there.

    The figure is the mean over the pictures of the chance that a pixel of the shape is hotter than one beside it, the
    area under the ROC curve; a map that knows nothing has 0.5. Chance is left where that is two standard errors away.
    """
    drawn = demo_pictures(PICTURES)
    heat = find("heatmap")(explainer)
    try:
        maps = explained(heat, demo_model(), drawn.images, drawn.labels).maps
    except XaikitError as error:
        raise Skipped(f"it does not explain the embedded model: {error}") from error
    if maps.shape[1:3] != drawn.masks.shape[1:]:
        raise Skipped("its maps do not have the pictures' positions")
    hits = [_hotter(maps[i, ..., 0], mask) for i, mask in enumerate(drawn.masks)]
    mean, deviation = float(np.mean(hits)), float(np.std(hits))
    if not mean > 0.5 + 2 * deviation / np.sqrt(len(hits)):
        raise Broken(f"on the shapes of {PICTURES} embedded pictures it is no better than chance", mean)
    return mean


def _hotter(heat: Any, mask: Any) -> float:
    """Give the chance that a value inside of the mask is larger than one outside; ties count half."""
    ranks = _ranks(heat.ravel())[mask.ravel()]
    inside, outside = int(mask.sum()), int((~mask).sum())
    return float((ranks.sum() - inside * (inside + 1) / 2) / (inside * outside))


def reads_the_weights(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that maps change where weights are drawn anew.

    The figure is the mean over the examples of the rank correlation between the sizes of both maps.
    """
    kept = explained(explainer, model, inputs, 0).maps
    redrawn = explained(find("randomized")(explainer), model, inputs, 0).maps
    pairs = zip(tf.nest.flatten(kept), tf.nest.flatten(redrawn), strict=True)
    figures = [_correlation(np.abs(a), np.abs(b)) for one, other in pairs for a, b in zip(one, other, strict=True)]
    mean = float(np.mean(figures))
    if not mean < HARDLY:
        raise Broken("with weights drawn anew the maps are hardly other ones", mean)
    return mean


def _correlation(one: Any, other: Any) -> float:
    """Give Spearman's correlation; that of constant maps is 1, and with a constant map 0."""
    ranks = [_ranks(values.ravel()) - (values.size + 1) / 2 for values in (one, other)]
    size = float(np.linalg.norm(ranks[0]) * np.linalg.norm(ranks[1]))
    return float(ranks[0] @ ranks[1]) / size if size else float(not any(np.any(each) for each in ranks))


def _ranks(values: Any) -> Any:
    """Rank values from 1; equal ones share the mean of their ranks."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]
