"""MuFidelity."""

from ..core import Count, Model, Seed
from ..core.baselines import Baseline, baselines
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.correlation import spearman
from ..measuring.effects import effects, units_of
from ..measuring.outputs import On, seen
from ..measuring.subsets import Part, Samples, size_of, subsets


@metric(better="higher")
def mufidelity(
    model: Model,
    *,
    samples: Samples = 200,
    share: Part = 0.2,
    cells: Count = 9,
    baseline: Baseline = 0.0,
    seed: Seed = 0,
    on: On = "logit",
) -> Measure:
    """Say whether the cells to which a map gives more are those without which the score drops more.

    Random subsets of the cells of a grid are replaced by the baseline. The value is the rank correlation, Spearman's,
    of what the map gives to a subset with how far the score drops without it: from -1 to 1, about 0 by chance. The
    paper defines Pearson's correlation over subsets of single positions, which `faithfulness_correlation` measures;
    cells of a picture move the score where single pixels hardly do, and ranks do not mind how it bends. NaN where
    either stays the same for all subsets: of a map that is the same everywhere, on cells of equal size.

    The relevance of a position is the sum over its channels, which are replaced together; a location map is resized to
    the input's positions first. Every example gets the same subsets. Cells of several inputs stand side by side.

    Cost: one forward pass for each of `samples`.

    Args:
        samples: How many subsets.
        share: Of the cells, in a subset; rounded, at least one and not all.
        cells: Into how many cells each axis of a picture or volume is divided, at most its side. On tables and series
            each feature or step is a cell.
        baseline: What takes the place of what is removed.
        seed: Which draws.
        on: Whether the "logit" is followed, or the "probability".

    Raises:
        ParameterError: The baseline does not fit the model's input.
        ModelError: The input's size is not known; or a "probability" is asked for where there is none.

    Source:
        Bhatt, Weller, Moura 2020, "Evaluating and Aggregating Feature-based Model Explanations", arXiv:2005.00631: the
        definition of faithfulness, for Pearson's correlation. Superpixels, ranks and the name are those of the library
        xplique, whose defaults these are; there subsets are of the share on average, here exactly.
    """
    view = seen(model, on)
    begin = baselines(model, baseline)

    def measure(case: Case) -> Measurement:
        units = units_of(case, cells, "mufidelity")
        chosen = subsets(units.count, [size_of(share, units.count)] * samples, seed)
        return Measurement(spearman(*effects(view, case, units, chosen, begin(case.inputs)((seed,)))))

    return measure
