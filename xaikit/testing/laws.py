"""All the laws of explainers, in the order in which they are checked."""

from functools import partial

from .claims import (
    claims_are_known,
    complete,
    complete_in_expectation,
    complete_without_biases,
    follows_its_seed,
    linear,
    needs_a_layer,
    shaped_as_claimed,
    tells_classes_apart,
)
from .composition import composes, mirrors, parts_make_the_whole, smoothing_without_noise_changes_nothing
from .contract import (
    explains_new_weights,
    follows_weights,
    picks_targets,
    scores_the_clean_input,
    spells_itself,
    well_formed,
)
from .devices import alike_in_half_precision, replicated_alike
from .independence import (
    independent_of_batches,
    independent_of_neighbours,
    independent_of_order,
    independent_of_seeds,
    repeatable,
)
from .kinds import KINDS, explains
from .law import Law
from .purity import pure, pure_after_an_exception
from .refusals import refuses_unknown_layers
from .sense import finds_the_shape, reads_the_weights
from .traces import compiled_alike, traced_once

_EXACT = "bit for bit"
_NEARLY = f"{_EXACT}, 1e-4 on a GPU"
_ROWS = "1e-6 of the largest value, 1e-4 on a GPU"
_FLOAT32 = "1e-5 of the largest value"

PROMISES: tuple[Law, ...] = (
    Law("spelling", "An explainer reads back as it is written.", spells_itself),
    Law("purity", "The model, the arrays and the generators are as before a run.", pure, _EXACT),
    Law("purity after an exception", "So they are after a run that failed.", pure_after_an_exception, _EXACT),
    Law("form", "Scores are [N, T], maps [N, ..., T], of finite floats.", well_formed),
    Law("clean scores", "The scores are those of the clean inputs.", scores_the_clean_input, _FLOAT32),
    Law("repetition", "Twice gives the same.", repeatable, _EXACT),
    Law("batches", "No batch size changes a map.", independent_of_batches, _ROWS),
    Law("neighbours", "An example alone has the map that it has among others.", independent_of_neighbours, _ROWS),
    Law("order", "Another order gives the same maps in that order.", independent_of_order, _NEARLY),
    Law("targets", "Some targets are all targets, then picked.", picks_targets, _FLOAT32),
    Law("one trace", "Batches, targets and equal values share one trace.", traced_once, "no trace more"),
    Law("weights", "Changed weights are seen.", follows_weights, _EXACT),
    Law("layers", "A layer that the model does not have is refused before anything runs.", refuses_unknown_layers),
    Law("jit", "XLA changes no map beyond float tolerance.", compiled_alike, _FLOAT32),
    Law("composition", "Every transformer works around it.", composes),
    Law("no noise", "Smoothing without noise changes nothing.", smoothing_without_noise_changes_nothing, _FLOAT32),
    Law("parts", "Its positive and its negative part make the whole.", parts_make_the_whole, _EXACT),
    Law("mirror", "The views of a mirrored input make the mirrored map.", mirrors, f"{_FLOAT32}, 1e-4 on a GPU"),
)

CLAIMED: tuple[Law, ...] = (
    Law("claims", "What it claims is something that can be checked.", claims_are_known),
    Law("complete", "Maps add up to what is promised.", complete, "0.05 of the largest score"),
    Law(
        "complete in expectation",
        "Maps of many samples add up to what is promised.",
        complete_in_expectation,
        "0.1 of the largest score with 1,000 samples, and less than with 30",
    ),
    Law(
        "complete without biases",
        "Maps of a model without biases add up.",
        complete_without_biases,
        "0.001 of the largest score",
    ),
    Law("linear", "The map of a sum is the sum of the maps.", linear, "1e-4 of the largest value, 1e-9 in float64"),
    Law(
        "class-discriminative", "Two classes have two maps.", tells_classes_apart, "more than 0.05 of the largest value"
    ),
    Law(
        "stochastic",
        "Another seed gives another map where that is claimed; elsewhere there is none.",
        follows_its_seed,
        "not 0",
    ),
    Law("needs-layer", "A table is refused before anything runs.", needs_a_layer),
    Law("input-shaped", "Maps have the inputs' shape where that is claimed, else positions.", shaped_as_claimed),
)

THOROUGH: tuple[Law, ...] = (
    Law(
        "new weights", "After a change of weights maps are those of a fresh start.", explains_new_weights, _NEARLY, True
    ),
    Law("seeds", "No seed of the program changes a map.", independent_of_seeds, _NEARLY, thorough=True),
    Law("replicas", "Two replicas give what one device does.", replicated_alike, _ROWS, thorough=True),
    Law(
        "mixed precision",
        "A mixed_float16 model has finite float32 maps that point where the others do.",
        alike_in_half_precision,
        "a cosine of at least 0.9",
        thorough=True,
    ),
    *(
        Law(
            kind,
            f"It explains {kind}, or says before anything runs why not.",
            partial(explains, kind),
            thorough=True,
        )
        for kind in KINDS
    ),
)

ADVICE: tuple[Law, ...] = (
    Law(
        "ground truth",
        "Heat lies on the shapes of the embedded pictures, more than chance would put there.",
        finds_the_shape,
        "an area under the ROC curve of more than 0.5, by two standard errors",
        thorough=True,
        advice=True,
    ),
    Law(
        "redrawn weights",
        "Maps change where the model's weights are drawn anew.",
        reads_the_weights,
        "a rank correlation below 0.9",
        thorough=True,
        advice=True,
    ),
)

LAWS: tuple[Law, ...] = (*PROMISES, *CLAIMED, *THOROUGH, *ADVICE)
