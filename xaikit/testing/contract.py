"""What an explanation consists of, whose it is, and how its explainer is written."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import Explainer, Explanation, Model, Step, Tensor, forward, tf
from ..core.steps import bound
from ..registry import find
from .law import FLOAT32, Broken, count, equal, explained, on_device


def well_formed(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that scores are [N, T] and maps [N, ..., T], finite floats of 32 or 64 bits, for one target and for two."""
    for columns in (1, 2):
        targets = np.zeros([count(inputs), columns], int)
        scores, maps = explained(explainer, model, inputs, targets)
        assert scores.shape == (count(inputs), columns), f"scores of {columns} targets have the shape {scores.shape}"
        check_maps(maps, inputs, columns)


def check_maps(maps: Any, inputs: Any, columns: int) -> None:
    """Check the types, values and shapes of maps of `columns` targets."""
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


clean_scores = _Scores()


def class_count(model: Any, inputs: Any) -> int:
    """Say how many outputs there are to choose from."""
    return int(explained(clean_scores, model, inputs, "all").scores.shape[1])


def scores_the_clean_input(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that the scores are the model's own, of the inputs as they are."""
    last = class_count(model, inputs) - 1
    figures = []
    for targets in ("top1", [[last, 0]] * count(inputs)):
        expected = explained(clean_scores, model, inputs, targets).scores
        actual = explained(explainer, model, inputs, targets).scores
        figures.append(equal(actual, expected, f"scores of {targets}", FLOAT32))
    return max(figures)


def picks_targets(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that some targets, in any order and repeated, are all of them, then picked; and a vector is a column.

    "top1" is each example's best class on the clean inputs.
    """
    every = explained(explainer, model, inputs, "all").maps
    last = class_count(model, inputs) - 1
    figures = []
    for wanted in ([0], [last, 0, last]):
        expected = tf.nest.map_structure(lambda leaf, wanted=wanted: leaf[..., wanted], every)
        actual = explained(explainer, model, inputs, [wanted] * count(inputs)).maps
        figures.append(equal(actual, expected, f"maps of the targets {wanted}", FLOAT32))
    best = _best(model, inputs)
    expected = tf.nest.map_structure(lambda leaf: _columns(leaf, best), every)
    actual = explained(explainer, model, inputs).maps
    figures.append(equal(actual, expected, f"maps of the best classes {best.tolist()}", FLOAT32))
    column, number = (explained(explainer, model, inputs, targets).maps for targets in ([last] * count(inputs), last))
    return max(*figures, equal(column, number, "maps of one target for each example"))


def _best(model: Any, inputs: Any) -> Any:
    """Give each example's best class, [N]; of one output, that one."""
    return explained(clean_scores, model, inputs, "all").scores.argmax(axis=1)


def _columns(maps: Any, best: Any) -> Any:
    """Pick one target of each example: [N, ..., T] and [N] to [N, ..., 1]."""
    return np.stack([maps[i, ..., k] for i, k in enumerate(best)])[..., np.newaxis]


def follows_weights(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that changed weights are seen by what was traced before, and that weights put back give the old scores."""
    before = explained(explainer, model, inputs, 0)
    weights = model.get_weights()
    try:
        model.set_weights([0.5 * values for values in weights])
        changed = explained(explainer, model, inputs, 0)
    finally:
        model.set_weights(weights)
    if np.array_equal(changed.scores, before.scores):
        raise Broken("the scores are still those of the old weights", 0.0)
    return equal(explained(explainer, model, inputs, 0).maps, before.maps, "maps after the weights were put back")


@dataclass(frozen=True, eq=False)
class _Anew:
    """An explainer that shares its trace with nothing."""

    explainer: Explainer

    def bind(self, model: Model, /) -> Step:
        return bound(self.explainer, model)


def explains_new_weights(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that after a change of weights the maps are those that a fresh start gives."""
    explained(explainer, model, inputs, 0)
    weights = model.get_weights()
    try:
        model.set_weights([0.5 * values for values in weights])
        actual, expected = (explained(each, model, inputs, 0).maps for each in (explainer, _Anew(explainer)))
    finally:
        model.set_weights(weights)
    return equal(actual, expected, "maps after the weights were changed", on_device(0.0))


def spells_itself(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that `find(repr(e)) == e`, with the same hash."""
    text = repr(explainer)
    again = find(text)
    assert again == explainer, f"{text} reads back as {again!r}, which is not equal"
    assert hash(again) == hash(explainer), f"{text} reads back with another hash"
    assert repr(again) == text, f"{text} reads back as {again!r}"
