"""ROAD: the score while positions are removed without a trace, each imputed from its neighbours."""

from typing import Annotated

from pydantic import Field

from ..core import Model, NonNegative, Seed, Tensor, normal, tf
from ..core.copies import Number
from ..errors import ModelError
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.imputation import imputed
from ..measuring.outputs import On, seen
from ..measuring.ranking import at_positions, position_count
from ..measuring.removal import Order, area, counts_of, places, scores_along


def _check(model: Model, **_: object) -> None:
    specs = tf.nest.flatten(model.spec)
    if len(specs) > 1 or specs[0].shape.rank < 3:
        raise ModelError(
            "road imputes what it removes from its neighbours, and needs one input with positions (a picture, a "
            "series, a volume), which tables and tokens are not: use deletion."
        )


@metric(better="lower", curve=True, requires=_check)
def road(
    model: Model,
    *,
    steps: Annotated[int, Field(ge=2)] = 10,
    noise: NonNegative = 0.01,
    order: Order = "most_relevant",
    seed: Seed = 0,
    on: On = "probability",
) -> Measure:
    """Area under the curve of the score while the most relevant positions are imputed from what is left.

    A removed position becomes the weighted mean of its neighbours, be they removed or not, plus a little noise: so no
    edge tells the model which positions were removed, as edges to a baseline do. The curve has the score at the shares
    0, 1 / steps, ..., 1 - 1 / steps, since nothing can be imputed where nothing is left; its area, by trapezoids,
    divided by the last share, is its mean height: in [0, 1] for probabilities, and lower is better. With the order
    "least_relevant" higher is.

    Direct neighbours weigh 1/6 and diagonal ones 1/12, as in the paper; in a series both weigh 1/2, in volumes weights
    fall off in the same way. The paper gives the accuracy over a data set; here each example has its own score. All
    channels of a position are removed together, and positions of equal relevance go in a random order, the same for
    every example.

    Cost: `steps` - 1 forward passes beside that of the clean input, and for each about ten multigrid cycles, which
    solve for the values to 1e-5 of their spread.

    Args:
        steps: The share that is removed at a time is one of so many.
        noise: Standard deviation of what is added to imputed values, in the input's units.
        order: "most_relevant" or "least_relevant" positions first, or "random", whatever the map.
        seed: Which noise, and which random order.
        on: Whether the "probability" is followed, or the "logit".

    Raises:
        ModelError: The input has no positions, or there are several inputs; or no softmax or sigmoid makes the outputs,
            which are no probabilities then.

    Source:
        Rong et al., "A Consistent and Efficient Evaluation Strategy for Attribution Methods", 2022. arXiv:2202.00449,
        the section on noisy linear imputation.
    """
    view = seen(model, on)

    def measure(case: Case) -> Measurement:
        inputs, count = case.inputs, position_count(case.maps, case.inputs)
        if count < 2:
            raise ModelError("road needs two positions at least: of one there is nothing to impute from.")
        counts = counts_of([min(i / steps, 1 - 1 / count) for i in range(steps)], count)
        place = places(case, order, seed)
        values = inputs if inputs.dtype in (tf.float32, tf.float64) else tf.cast(inputs, tf.float32)

        def copy(i: Number) -> Tensor:
            gone = at_positions(place < tf.constant(counts[1:], place.dtype)[i], inputs)
            noisy = imputed(values, gone) + noise * normal(inputs.shape[1:], (seed, i), values.dtype)
            return tf.where(gone, _like(inputs, noisy), inputs)

        curve = scores_along(view, case, len(counts) - 1, copy)
        return Measurement(area(curve, counts / count), curve, counts / count)

    return measure


def _like(inputs: Tensor, values: Tensor) -> Tensor:
    return (
        tf.cast(values, inputs.dtype) if inputs.dtype.is_floating else tf.saturate_cast(tf.round(values), inputs.dtype)
    )
