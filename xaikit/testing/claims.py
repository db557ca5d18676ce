"""What an explainer claims in the line `Claims:` of its docstring, held against what it does."""

from typing import Any

import numpy as np

from ..core import Explainer, Recipe, tf
from ..core.completeness import total
from ..core.docstrings import parse
from .contract import class_count
from .kinds import subject
from .law import Broken, Skipped, equal, explained
from .refusals import refusal

CLAIMS = (
    "complete",
    "complete in expectation",
    "complete without biases",
    "linear",
    "class-discriminative",
    "stochastic",
    "needs-layer",
    "input-shaped",
)
SHARE = 0.05  # of the largest score, which the sum of a complete map may miss; of a map, by which classes differ
IN_EXPECTATION = 0.1  # the same with a thousand samples
WITHOUT_BIASES = 1e-3  # rules keep a little to be stable
LINEAR = 1e-4  # of the largest value, float32; the sums are taken in another order
LINEAR64 = 1e-9


def claims_of(explainer: Any) -> frozenset[str] | None:
    """Read the line `Claims:` of an explainer's docstring: the claims, none for "none"; None where there is no line."""
    text = explainer.declaration.docstring if isinstance(explainer, Recipe) else parse(type(explainer).__doc__)
    line = text.sections.get("Claims")
    if line is None:
        return None
    words = line.rstrip(".")
    return frozenset() if words == "none" else frozenset(words.split(", "))


def claims_are_known(explainer: Explainer, model: Any, inputs: Any) -> str:
    """Check that every claim is one that can be checked."""
    claims = claims_of(explainer)
    if claims is None:
        raise Skipped("its docstring has no line `Claims:`")
    unknown = sorted(claims - set(CLAIMS))
    if unknown:
        raise Broken(f"it claims to be {unknown[0]!r}; there are: {', '.join(CLAIMS)}")
    return ", ".join(sorted(claims))


def _need(explainer: Explainer, claim: str) -> None:
    if claim not in (claims_of(explainer) or ()):
        raise Skipped("it does not claim it")


def complete(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that maps add up to what is promised, by the "completeness_gap" that the explainer reports."""
    _need(explainer, "complete")
    return _within(_gap(explainer, model, inputs), SHARE, "maps add up to another sum than is promised")


def complete_in_expectation(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that maps of a thousand `samples` nearly add up, and do so better than those of thirty."""
    _need(explainer, "complete in expectation")
    if not isinstance(explainer, Recipe) or "samples" not in explainer.parameters:
        return _within(_gap(explainer, model, inputs), IN_EXPECTATION, "maps add up to another sum than is promised")
    few, many = (_gap(explainer(samples=samples), model, inputs) for samples in (30, 1000))
    if not many < few:
        raise Broken(f"with a thousand samples maps miss their sum by {many:.3g} and with thirty by {few:.3g}", many)
    return _within(many, IN_EXPECTATION, "with a thousand samples maps add up to another sum")


def complete_without_biases(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that maps add up where the model has no biases: they are set to zero, and put back."""
    _need(explainer, "complete without biases")
    biases = [each for each in model.weights if each.name in ("bias", "beta", "moving_mean", "mean")]
    values = [each.numpy() for each in biases]
    try:
        for each, value in zip(biases, values, strict=True):
            each.assign(np.zeros_like(value))
        gap = _gap(explainer, model, inputs)
    finally:
        for each, value in zip(biases, values, strict=True):
            each.assign(value)
    return _within(gap, WITHOUT_BIASES, "without biases maps add up to another sum than is promised")


def _gap(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Give the largest gap between maps' sums and what was promised, as a share of the largest score, or promise."""
    found = explained(explainer, model, inputs, details=True)
    details: Any = getattr(found, "details", {})
    gaps = [figures for name, figures in details.items() if name.startswith("completeness_gap")]
    if not gaps:
        raise Broken("it reports no completeness_gap: call xaikit.core.report_gap(maps, promised) in the step")
    sums = np.asarray(total(tf.nest.map_structure(tf.constant, found.maps)))
    size = max(float(np.abs(found.scores).max()), *(float(np.abs(sums - gap).max()) for gap in gaps))
    return max(float(np.abs(gap).max()) for gap in gaps) / size if size else 0.0


def _within(figure: float, share: float, text: str) -> float:
    if not figure <= share:
        raise Broken(f"{text}, by {figure:.3g} of the largest, where {share:g} is allowed", figure)
    return figure


def _combined(scores: Any) -> Any:
    return 2 * scores[:, 0] - 0.5 * scores[:, 1]


def linear(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that the map of a sum of two scores is the sum of their maps."""
    _need(explainer, "linear")
    _several(model, inputs)
    every = explained(explainer, model, inputs, "all").maps
    expected = tf.nest.map_structure(lambda leaf: 2 * leaf[..., :1] - 0.5 * leaf[..., 1:2], every)
    actual = explained(explainer, model, inputs, _combined).maps
    double = all(leaf.dtype == np.float64 for leaf in tf.nest.flatten(expected))
    return equal(actual, expected, "maps of 2 a - b / 2", LINEAR64 if double else LINEAR)


def tells_classes_apart(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that maps of two classes differ; the figure is by how much at most, as a share of the largest value."""
    _need(explainer, "class-discriminative")
    _several(model, inputs)
    leaves = tf.nest.flatten(explained(explainer, model, inputs, "all").maps)
    share = max(float(np.ptp(leaf, axis=-1).max() / (np.abs(leaf).max() or 1)) for leaf in leaves)
    if not share > SHARE:
        raise Broken(f"maps of all classes are alike: they differ by {share:.3g} of the largest value", share)
    return share


def _several(model: Any, inputs: Any) -> None:
    if class_count(model, inputs) < 2:
        raise Skipped("the model has one output")


def follows_its_seed(explainer: Explainer, model: Any, inputs: Any) -> float | None:
    """Check that another seed makes another map where that is claimed, and that there is no seed elsewhere."""
    claims = claims_of(explainer)
    if claims is None:
        raise Skipped("its docstring has no line `Claims:`")
    seeded = isinstance(explainer, Recipe) and "seed" in explainer.parameters
    if "stochastic" not in claims:
        if seeded:
            raise Broken("it has a parameter `seed`, and does not claim to be stochastic")
        return None
    if not isinstance(explainer, Recipe) or not seeded:
        raise Broken("it claims to be stochastic, and has no parameter `seed`")
    maps = [explained(explainer(seed=explainer.parameters["seed"] + more), model, inputs, 0).maps for more in (0, 1)]
    pairs = list(zip(*map(tf.nest.flatten, maps), strict=True))
    share = max(float(np.abs(one - other).max() / (np.abs(one).max() or 1)) for one, other in pairs)
    if not share > 0:
        raise Broken("another seed gives the same maps", share)
    return share


def needs_a_layer(explainer: Explainer, model: Any, inputs: Any) -> str:
    """Check that a table, whose model has no layer with positions, is refused in `bind`."""
    _need(explainer, "needs-layer")
    said, _ = refusal(explainer, *subject("tables"))
    if not said:
        raise Broken("it claims to need a layer with positions, and explains a table")
    return f"refused: {said}"


def shaped_as_claimed(explainer: Explainer, model: Any, inputs: Any) -> str:
    """Check that maps are of the inputs' shape where that is claimed, and of positions where a method does not."""
    claims = claims_of(explainer)
    if claims is None or ("input-shaped" not in claims and not _is_method(explainer)):
        raise Skipped("it does not claim it")
    leaves = tf.nest.flatten(inputs)
    maps = tf.nest.flatten(explained(explainer, model, inputs, 0).maps)
    shaped = len(maps) == len(leaves) and all(m.shape[:-1] == np.shape(x) for m, x in zip(maps, leaves, strict=True))
    if "input-shaped" in claims and not shaped:
        raise Broken(f"maps of inputs {np.shape(leaves[0])} are {maps[0].shape}, and input-shaped is claimed")
    if "input-shaped" not in claims and shaped and any(np.ndim(leaf) > 2 for leaf in leaves):
        raise Broken(f"maps of inputs {np.shape(leaves[0])} are {maps[0].shape}, and input-shaped is not claimed")
    return "the inputs' shape" if shaped else "positions"


def _is_method(explainer: Explainer) -> bool:
    return not isinstance(explainer, Recipe) or explainer.declaration.kind == "method"
