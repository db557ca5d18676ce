"""Faithfulness correlation."""

from typing import Annotated

from pydantic import Field

from ..core import Model, Seed
from ..core.baselines import Baseline, baselines
from ..errors import ModelError
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.correlation import pearson
from ..measuring.effects import effects, units_of
from ..measuring.outputs import On, seen
from ..measuring.subsets import Samples, size_of, subsets

_SHARE = 0.2  # of the positions, where no size is given
Size = Annotated[int, Field(ge=0)]


@metric(better="higher")
def faithfulness_correlation(
    model: Model,
    *,
    samples: Samples = 100,
    size: Size = 0,
    baseline: Baseline = 0.0,
    seed: Seed = 0,
    on: On = "logit",
) -> Measure:
    """Say whether a map's sum over a random subset of positions follows how far the score drops without it.

    The value is Pearson's correlation over the subsets: from -1 to 1, about 0 by chance, and 1 for the parts of a
    linear score, w (x - baseline). It is one point of `sensitivity_n`, which looks at several sizes of subsets;
    `mufidelity` takes cells of a grid for positions and ranks for figures. NaN where either stays the same for all
    subsets: of a map that is the same everywhere.

    The relevance of a position is the sum over its channels, which are replaced together; a location map is resized to
    the input's positions first. Every example gets the same subsets. Positions of several inputs stand side by side.

    Cost: one forward pass for each of `samples`.

    Args:
        samples: How many subsets.
        size: How many positions are in a subset, fewer than there are; 0 is a fifth of them.
        baseline: What takes the place of what is removed.
        seed: Which draws.
        on: Whether the "logit" is followed, or the "probability".

    Raises:
        ParameterError: The baseline does not fit the model's input.
        ModelError: The input has no more positions than `size`, or its number of them is not known; or a "probability"
            is asked for where there is none.

    Source:
        Bhatt, Weller, Moura 2020, "Evaluating and Aggregating Feature-based Model Explanations", arXiv:2005.00631: the
        definition of faithfulness.
    """
    view = seen(model, on)
    begin = baselines(model, baseline)

    def measure(case: Case) -> Measurement:
        units = units_of(case, None, "faithfulness_correlation")
        if size >= units.count:
            raise ModelError(
                f"faithfulness_correlation: size must be less than the {units.count} positions there are, not {size}."
            )
        chosen = subsets(units.count, [size or size_of(_SHARE, units.count)] * samples, seed)
        return Measurement(pearson(*effects(view, case, units, chosen, begin(case.inputs)((seed,)))))

    return measure
