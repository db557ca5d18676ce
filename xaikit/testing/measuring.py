"""The laws that every metric keeps, whatever it measures."""

import copy
from functools import partial
from typing import Any

import numpy as np

from ..core import tf
from ..engine.compiled import anew, held
from ..measuring import Curve, Metric
from ..registry import find
from .contract import class_count, spells_itself
from .independence import reseeded
from .law import FLOAT32, Broken, Law, Skipped, count, explained, on_device
from .purity import unchanged
from .refusals import refused
from .traces import compiles
from .trials import Found, Trial, alike, constant, trial


def pure(metric: Metric[Any], model: Any, inputs: Any) -> None:
    """Check that measuring changes nothing but its result, as `pure` of explainers does."""
    given = trial(metric, model, inputs)
    parts = (inputs, given.targets, given.subject, given.masks)
    arrays = [part for part in parts if part is not None and not hasattr(part, "bind")]
    with anew(model):  # a model could be patched while it is traced
        unchanged(given.found, model, arrays)


def well_formed(metric: Metric[Any], model: Any, inputs: Any) -> None:
    """Check that scores are floats, [N] for one target and [N, T] for several, and never infinite."""
    for given in (trial(metric, model, inputs), _of_two(metric, model, inputs)):
        values = given.found().values
        wanted = np.shape(given.targets)
        assert values.shape == wanted, f"scores have the shape {values.shape}, not {wanted}"
        assert values.dtype in (np.float32, np.float64), f"scores are {values.dtype}"
        assert not np.isinf(values).any(), f"{np.isinf(values).sum()} scores are infinite"


def _of_two(metric: Metric[Any], model: Any, inputs: Any) -> Trial:
    """Ask for targets 0 and 1, of one output twice for the one."""
    second = min(1, class_count(model, inputs) - 1)
    return trial(metric, model, inputs, [[0, second]] * count(inputs))


def gives_its_curve(metric: Metric[Any], model: Any, inputs: Any) -> None:
    """Check that there is a curve where one is declared, for one target and for two, and none elsewhere."""
    declared = metric.declaration.curve
    for given in (trial(metric, model, inputs), _of_two(metric, model, inputs)):
        curve = given.found().curve
        assert declared or curve is None, "it gives a curve, and does not declare it: curve=True"
        assert not declared or curve is not None, "it declares a curve, and gives none"
        if curve is not None:
            _check_curve(curve, np.shape(given.targets))
    if not declared:
        refused(partial(metric.curve, find("gradients"), model, inputs), "a curve that is not declared")


def _check_curve(curve: Curve, targets: tuple[int, ...]) -> None:
    wanted = (targets[0], len(curve.at), *targets[1:])
    assert curve.values.shape == wanted, f"the curve's values have the shape {curve.values.shape}, not {wanted}"
    assert not np.isinf(curve.values).any(), f"{np.isinf(curve.values).sum()} points of the curve are infinite"
    assert np.isfinite(curve.at).all(), f"the curve's places are {curve.at}"
    assert (np.diff(curve.at) > 0).all(), f"the curve's places do not increase: {curve.at}"


def repeatable(metric: Metric[Any], model: Any, inputs: Any) -> float:
    """Check that a second run gives the same scores."""
    given = trial(metric, model, inputs)
    first, second = given.found(), given.found()
    return alike(second, first, "of a second run")


def independent_of_batches(metric: Metric[Any], model: Any, inputs: Any) -> float:
    """Check that no batch size, and no short last batch, changes a score."""
    given = trial(metric, model, inputs)
    expected = given.found(batch_size=count(inputs))
    sizes = sorted({1, 2, 3, 4 * count(inputs)})
    return max(_near(given.found(batch_size=size), expected, f"by batches of {size}") for size in sizes)


def _near(actual: Found, expected: Found, subject: str) -> float:
    return alike(actual, expected, subject, on_device(FLOAT32))


def independent_of_neighbours(metric: Metric[Any], model: Any, inputs: Any) -> float:
    """Check that an example alone has the score that it has among others."""
    given = trial(metric, model, inputs)
    together = given.found()
    one = (slice(i, i + 1) for i in range(count(inputs)))
    return max(
        _near(given.of(place).found(), _rows(together, place), f"of example {place.start} alone") for place in one
    )


def independent_of_order(metric: Metric[Any], model: Any, inputs: Any) -> float:
    """Check that examples in another order have the same scores in that order."""
    order = np.random.default_rng(2).permutation(count(inputs))
    given = trial(metric, model, inputs)
    return _near(given.of(order).found(), _rows(given.found(), order), f"in the order {order.tolist()}")


def _rows(found: Found, chosen: Any) -> Found:
    curve = found.curve and Curve(found.curve.at, found.curve.values[chosen])
    return Found(found.values[chosen], curve)


def measures_targets_one_by_one(metric: Metric[Any], model: Any, inputs: Any) -> float:
    """Check that two targets together have the scores that each has alone."""
    both = _of_two(metric, model, inputs)
    together = both.found()
    figures = []
    for t in range(2):
        alone = trial(metric, model, inputs, both.targets[:, t]).found()
        curve = together.curve and Curve(together.curve.at, together.curve.values[..., t])
        figures.append(_near(Found(together.values[:, t], curve), alone, f"of target {both.targets[0, t]}"))
    return max(figures)


def measures_an_explainer_by_its_maps(metric: Metric[Any], model: Any, inputs: Any) -> float:
    """Check that an explainer has the scores of its maps."""
    if metric.declaration.explains:
        raise Skipped("it takes no maps")
    given = trial(metric, model, inputs)
    return _near(given.changed(subject=find("gradients")).found(), given.found(), "of the explainer")


def traced_once(metric: Metric[Any], model: Any, inputs: Any) -> float:
    """Check that batches, a short last one, new targets and an equal value made anew share one trace."""
    given = trial(metric, model, inputs)
    given.found(batch_size=2)
    first = held(model)
    anew = given.changed(metric=copy.copy(given.metric))
    for targets in (given.targets, np.zeros_like(given.targets)):
        anew.changed(targets=targets).found(batch_size=3)
    anew.of(slice(0, 1)).found()
    more = held(model) - first
    if more:
        raise Broken(f"there were {more} traces more than the first one", more)
    return 0.0


def measures_constant_maps(metric: Metric[Any], model: Any, inputs: Any) -> None:
    """Check that maps of zeros, and of ones, have a score or NaN: no error, and nothing infinite."""
    given = trial(metric, model, inputs)
    for value in (0.0, 1.0):
        values = given.changed(subject=constant(given.subject, value)).found().values
        assert not np.isinf(values).any(), f"a map of {value:g} everywhere has the scores {values}"


def says_what_it_needs(metric: Metric[Any], model: Any, inputs: Any) -> None:
    """Check that it is refused with UsageError without masks that it needs, and with maps where it explains."""
    given = trial(metric, model, inputs)
    if metric.declaration.explains:
        maps = explained(find("gradients"), model, inputs).maps
        refused(given.changed(subject=maps).found, "maps for a metric that explains")
    if metric.declaration.masks:
        refused(given.changed(masks=None).found, "a call without masks")
    else:
        _measures_without_masks(given)


def _measures_without_masks(given: Trial) -> None:
    try:
        given.found()
    except Exception as error:
        raise Broken(f"it declares no need of masks, and fails without any: {type(error).__name__}: {error}") from error


def passes_over_empty_masks(metric: Metric[Any], model: Any, inputs: Any) -> float:
    """Check that an example whose mask is empty has NaN, and the others what they had."""
    if not metric.declaration.masks:
        raise Skipped("it compares with no masks")
    given = trial(metric, model, inputs)
    masks = given.masks.copy()
    masks[0] = False
    values = given.changed(masks=masks).found()
    assert np.isnan(values.values[0]), f"the score of an empty mask is {values.values[0]:.3g}, not NaN"
    others = slice(1, None)
    return _near(_rows(values, others), _rows(given.found(), others), "of the other examples")


def independent_of_seeds(metric: Metric[Any], model: Any, inputs: Any) -> float:
    """Check that scores are the same when they are traced anew, under another seed of the program."""
    given = trial(metric, model, inputs)
    first, second = reseeded(model, given.found)
    return alike(second, first, "under another global seed", on_device(0.0))


def compiled_alike(metric: Metric[Any], model: Any, inputs: Any) -> float:
    """Check that XLA changes scores by no more than the rounding of floats, where it compiles the model."""
    given = trial(metric, model, inputs)
    expected = given.found()
    try:
        actual = given.found(jit=True)
    except tf.errors.OpError as error:
        if compiles(model, inputs):
            raise Broken(f"XLA compiles the model, and not the metric: {error.message}") from error
        raise Skipped("XLA does not compile the model") from error
    return _near(actual, expected, "under XLA")


_EXACT = "bit for bit"
_FLOAT32 = "1e-5 of the largest score, 1e-4 on a GPU"

METRIC_LAWS: tuple[Law, ...] = (
    Law("spelling", "It reads back as it is written.", spells_itself),
    Law("purity", "The model, the arrays and the generators are as before a measurement.", pure, _EXACT),
    Law(
        "form", "Scores are floats, [N] or [N, T]: NaN where there is nothing to measure, never infinite.", well_formed
    ),
    Law("curve", "A curve is declared, and has values [N, P] or [N, P, T] at P increasing places.", gives_its_curve),
    Law("repetition", "Twice gives the same scores.", repeatable, _EXACT),
    Law("batches", "No batch size, and no short last batch, changes a score.", independent_of_batches, _FLOAT32),
    Law(
        "neighbours",
        "An example alone has the score that it has among others.",
        independent_of_neighbours,
        _FLOAT32,
    ),
    Law("order", "Another order gives the same scores in that order.", independent_of_order, _FLOAT32),
    Law(
        "several targets",
        "Two targets together have the scores that each has alone.",
        measures_targets_one_by_one,
        _FLOAT32,
    ),
    Law("explainer", "An explainer has the scores of its maps.", measures_an_explainer_by_its_maps, _FLOAT32),
    Law("one trace", "Batches, new targets and equal values share one trace.", traced_once, "no trace more"),
    Law(
        "constant map", "A map that is the same everywhere has a score or NaN.", measures_constant_maps, "not infinite"
    ),
    Law("refusals", "It says what it needs: masks, or the explainer.", says_what_it_needs),
    Law("empty mask", "An empty mask has NaN, and is no hit and no miss.", passes_over_empty_masks, _FLOAT32),
    Law("seeds", "No seed of the program changes a score.", independent_of_seeds, "bit for bit, 1e-4 on a GPU", True),
    Law("jit", "XLA changes no score beyond float tolerance.", compiled_alike, _FLOAT32, thorough=True),
)
