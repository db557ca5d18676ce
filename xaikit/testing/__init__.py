"""The laws that every explainer and every metric keeps, as checks: of the built-in ones, and for authors of plugins.

    from xaikit.testing import parametrize_with_checks

    @parametrize_with_checks([contrast, smooth(contrast)])
    def test_contrast_keeps_the_laws(explainer, check):
        check(explainer)

`check_explainer(contrast)` and `check_transformer(thresholded)` run them all outside of pytest, and `judge_explainer`
gives what they find as values. Each law is an entry of `LAWS`, with a check of an explainer, a Keras model and inputs.
Metrics have laws of their own, `METRIC_LAWS`, and `check_metric(spread)` runs those.
"""

from .checks import check_explainer, check_metric, check_transformer, parametrize_with_checks
from .claims import CLAIMS, claims_of
from .composition import composes, parts_make_the_whole, smoothing_without_noise_changes_nothing
from .contract import follows_weights, picks_targets, scores_the_clean_input, spells_itself, well_formed
from .independence import independent_of_batches, independent_of_neighbours, independent_of_order, repeatable
from .judging import check_explains, chosen_laws, judge_explainer, judge_metric, judge_transformer
from .law import Broken, Law, Skipped, Verdict
from .laws import ADVICE, CLAIMED, LAWS, PROMISES, THOROUGH
from .measuring import METRIC_LAWS
from .purity import pure, pure_after_an_exception
from .samples import (
    check_taken,
    demo_model,
    demo_pictures,
    random_inputs,
    sample_for,
    sample_inputs,
    sample_model,
    sample_transformer,
)
from .traces import compiled_alike, traced_once
from .transforming import TRANSFORMER_LAWS

__all__ = [
    "ADVICE",
    "CLAIMED",
    "CLAIMS",
    "LAWS",
    "METRIC_LAWS",
    "PROMISES",
    "THOROUGH",
    "TRANSFORMER_LAWS",
    "Broken",
    "Law",
    "Skipped",
    "Verdict",
    "check_explainer",
    "check_explains",
    "check_metric",
    "check_taken",
    "check_transformer",
    "chosen_laws",
    "claims_of",
    "compiled_alike",
    "composes",
    "demo_model",
    "demo_pictures",
    "follows_weights",
    "independent_of_batches",
    "independent_of_neighbours",
    "independent_of_order",
    "judge_explainer",
    "judge_metric",
    "judge_transformer",
    "parametrize_with_checks",
    "parts_make_the_whole",
    "picks_targets",
    "pure",
    "pure_after_an_exception",
    "random_inputs",
    "repeatable",
    "sample_for",
    "sample_inputs",
    "sample_model",
    "sample_transformer",
    "scores_the_clean_input",
    "smoothing_without_noise_changes_nothing",
    "spells_itself",
    "traced_once",
    "well_formed",
]
