"""What an explanation consists of, whose it is, and how its explainer is written."""

from typing import Any

import numpy as np

from ..core import Explainer, Explanation, Model, Step, Tensor, forward, tf
from ..registry import find
from .law import FLOAT32, count, equal, explained


def well_formed(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that scores are [N, T] and maps [N, ..., T], finite floats of 32 or 64 bits, for one target and for two."""
    for columns in (1, 2):
        targets = np.zeros([count(inputs), columns], int)
        scores, maps = explained(explainer, model, inputs, targets)
        assert scores.shape == (count(inputs), columns), f"scores of {columns} targets have the shape {scores.shape}"
        ranks = {np.ndim(leaf) for leaf in tf.nest.flatten(inputs)}
        for leaf in tf.nest.flatten(maps):
            _well_formed_map(leaf, count(inputs), columns, ranks)


def _well_formed_map(maps: Any, examples: int, columns: int, ranks: set[int]) -> None:
    text = f"maps of {columns} targets"
    assert maps.dtype in (np.float32, np.float64), f"{text} are {maps.dtype}"
    assert np.isfinite(maps).all(), f"{text} hold {np.sum(~np.isfinite(maps))} values that are not finite"
    assert maps.shape[0] == examples, f"{text} have the shape {maps.shape} for {examples} examples"
    assert maps.shape[-1] == columns, f"{text} have the shape {maps.shape}, which does not end in the targets"
    allowed = ranks | {rank + 1 for rank in ranks}
    assert maps.ndim in allowed, f"{text} have {maps.ndim} axes, neither the input's positions nor its shape"


class _Scores:
    """The scores of the inputs, and no maps to speak of."""

    def bind(self, model: Model, /) -> Step:
        def step(inputs: Tensor, targets: Tensor, /) -> Explanation:
            scores = forward(model, inputs, targets)
            return Explanation(scores, tf.zeros_like(scores)[:, tf.newaxis])

        return step


_scores = _Scores()


def scores_the_clean_input(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that the scores are the model's own, of the inputs as they are."""
    for targets in ("top1", [[1, 0]] * count(inputs)):
        expected = explained(_scores, model, inputs, targets).scores
        equal(explained(explainer, model, inputs, targets).scores, expected, f"scores of {targets}", FLOAT32)


def picks_targets(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that some targets, in any order and repeated, are all of them, then picked; and a vector is a column.

    "top1" is each example's best class on the clean inputs.
    """
    every = explained(explainer, model, inputs, "all").maps
    for wanted in ([0], [1, 0, 1]):
        expected = tf.nest.map_structure(lambda leaf, wanted=wanted: leaf[..., wanted], every)
        actual = explained(explainer, model, inputs, [wanted] * count(inputs)).maps
        equal(actual, expected, f"maps of the targets {wanted}", FLOAT32)
    best = explained(_scores, model, inputs, "all").scores.argmax(axis=1)
    expected = tf.nest.map_structure(lambda leaf: _columns(leaf, best), every)
    equal(explained(explainer, model, inputs).maps, expected, f"maps of the best classes {best.tolist()}", FLOAT32)
    column, number = (explained(explainer, model, inputs, targets).maps for targets in ([1] * count(inputs), 1))
    equal(column, number, "maps of one target for each example")


def _columns(maps: Any, best: Any) -> Any:
    """Pick one target of each example: [N, ..., T] and [N] to [N, ..., 1]."""
    return np.stack([maps[i, ..., k] for i, k in enumerate(best)])[..., np.newaxis]


def follows_weights(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that changed weights are seen by what was traced before, and that weights put back give the old scores."""
    before = explained(explainer, model, inputs, 0)
    weights = model.get_weights()
    try:
        model.set_weights([0.5 * values for values in weights])
        changed = explained(explainer, model, inputs, 0)
    finally:
        model.set_weights(weights)
    assert not np.array_equal(changed.scores, before.scores), "the scores are still those of the old weights"
    equal(explained(explainer, model, inputs, 0).maps, before.maps, "maps after the weights were put back")


def spells_itself(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that `find(repr(e)) == e`, with the same hash."""
    text = repr(explainer)
    again = find(text)
    assert again == explainer, f"{text} reads back as {again!r}, which is not equal"
    assert hash(again) == hash(explainer), f"{text} reads back with another hash"
    assert repr(again) == text, f"{text} reads back as {again!r}"
