"""The laws that every explainer keeps, as checks: for the built-in ones, and for the authors of plugins.

    from xaikit.testing import parametrize_with_checks

    @parametrize_with_checks([contrast, smooth(contrast)])
    def test_contrast_keeps_the_laws(explainer, check):
        check(explainer)

`check_explainer(contrast)` runs them all outside of pytest. Each law is a function of an explainer, a Keras model and
inputs as well, which raises AssertionError with the figure.
"""

from .checks import LAWS, check_explainer, parametrize_with_checks
from .composition import composes, parts_make_the_whole, smoothing_without_noise_changes_nothing
from .contract import follows_weights, picks_targets, scores_the_clean_input, spells_itself, well_formed
from .independence import independent_of_batches, independent_of_neighbours, independent_of_order, repeatable
from .law import Law
from .purity import pure, pure_after_an_exception
from .samples import sample_inputs, sample_model
from .traces import compiled_alike, traced_once

__all__ = [
    "LAWS",
    "Law",
    "check_explainer",
    "compiled_alike",
    "composes",
    "follows_weights",
    "independent_of_batches",
    "independent_of_neighbours",
    "independent_of_order",
    "parametrize_with_checks",
    "parts_make_the_whole",
    "picks_targets",
    "pure",
    "pure_after_an_exception",
    "repeatable",
    "sample_inputs",
    "sample_model",
    "scores_the_clean_input",
    "smoothing_without_noise_changes_nothing",
    "spells_itself",
    "traced_once",
    "well_formed",
]
