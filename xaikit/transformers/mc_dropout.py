"""Monte-Carlo dropout: what an explanation is over many draws of the network."""

from typing import Any, Literal

from ..core import Count, Explanation, Model, Seed, Share, Step, Tensor, Tolerance, clean, tf, transformer
from ..core.repeats import drawn, drawn_at_once, note_noise, quantiles_of, stacked
from ..core.sampling import averaged_over
from ..errors import ParameterError

Reduce = Literal["mean", "variance", "quantile"]


def _check(model: Model, *, reduce: Reduce, tolerance: float, **_: Any) -> None:
    if tolerance and reduce != "mean":
        raise ParameterError(f"mc_dropout: tolerance is for means, reduce='mean': give {reduce!r} repetitions.")
    note_noise(model)


@transformer(requires=_check)
def mc_dropout(
    explainer: Any,
    model: Model,
    *,
    repetitions: Count = 20,
    reduce: Reduce = "mean",
    q: Share = 0.5,
    seed: Seed = 0,
    tolerance: Tolerance = 0.0,
) -> Step:
    """Explain with dropout on, again and again, and reduce the maps of each example to one.

    Every layer that makes noise in training does: dropout of all kinds, Gaussian noise, the masks of recurrent cells.
    Normalisation stays as in inference. Each repetition is one draw of the network, the same for every example, so
    that a map depends on no batch, replica or place. In a model without such layers the map is the explainer's own.
    The scores are those of the model in inference. Quantiles are those of `np.quantile`; `xaikit.quantiles` gives
    several of one run.

    Maps: as they were.
    Cost: `repetitions` times its explainer's, and one forward pass; a quantile holds all the maps at once.
    Claims: stochastic.

    Args:
        repetitions: How many draws of the network.
        reduce: "mean", "variance" (the population's), or the "quantile" `q`.
        q: Which quantile, from 0 to 1: 0.5 is the median.
        seed: Which draws.
        tolerance: Instead of a number of repetitions: go on until the standard error of each mean map, the largest one
            of its values, is below this, in the units of the map; 0 takes `repetitions`.

    Raises:
        ParameterError: A tolerance for a variance or a quantile.

    Source:
        Gal and Ghahramani, "Dropout as a Bayesian Approximation", 2016. arXiv:1506.02142, section 4; of explanations,
        Bykov et al., "How Much Can I Trust You?", 2020. arXiv:2006.09000.
    """
    plain = explainer.bind(model)  # what cannot be explained is refused now

    def sampled(inputs: Tensor, targets: Tensor) -> Explanation:
        first = clean(plain, inputs, targets)
        maps = drawn(explainer, model, inputs, targets, seed)
        if reduce == "quantile":
            every = stacked(maps, repetitions, first)
            return Explanation(first.scores, tf.nest.map_structure(lambda leaf: quantiles_of(leaf, [q])[0], every))
        found = averaged_over(
            maps,
            inputs,
            targets,
            repetitions,
            like=first,
            tolerance=tolerance,
            reduce=reduce,
            method="mc_dropout",
            at_once=drawn_at_once(explainer, model, inputs, targets, seed),
        )
        return Explanation(first.scores, found)

    return sampled
