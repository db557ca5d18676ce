"""Layer-wise relevance propagation: the score is handed back, layer by layer, and on the way nothing is lost."""

from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from ..core import Explanation, Model, NonNegative, Step, Tensor, method, per_target, report_gap, tf
from ..core import relevance_rules as rules
from ..core.relevance import LayerRule, Rules, network_of, relevance, seeds
from ..errors import ParameterError

Rule = Literal[
    "epsilon",
    "zero",
    "gamma",
    "zplus",
    "alpha2_beta1",
    "epsilon_plus",
    "epsilon_plus_flat",
    "epsilon_gamma_box",
    "attention",
]
Bound = Annotated[float, Field(allow_inf_nan=False)] | None


@method
def lrp(
    model: Model,
    *,
    rule: Rule = "epsilon",
    epsilon: NonNegative = 1e-6,
    gamma: NonNegative = 0.25,
    low: Bound = None,
    high: Bound = None,
) -> Step:
    """Hand the score back layer by layer, to each input in proportion to what it contributed.

    A layer is a convolution, a dense layer or the like, with the bias, the batch normalisation and other shifts and
    scales that follow it directly, however they are written. A bias keeps its share: the sum of a map and of what the
    biases kept is the score; the "completeness_gap" that `explain(..., details=True)` reports is what they kept,
    negated.

    All else is the same under every rule. Activations hand on all that they get, smooth ones too. Sums, averages and
    concatenations share in proportion; in maximum pooling the largest takes all. Shifts keep their share as biases do,
    and so does a batch normalisation that follows no layer. What divides in a normalisation (layer, group, unit) is
    taken as a number. Attention weights and gates, made by a softmax or a sigmoid, are taken as numbers where they
    weigh features; other products share by halves. A softmax elsewhere has its gradient.

    Maps: [B, *input, T], signed.
    Cost: one forward pass, and per target a backward pass; rules that look at signs run each layer several times in
        either direction, half as often where its inputs are never below 0.
    Claims: complete without biases, class-discriminative, input-shaped.

    Args:
        rule: "zero", in proportion to the contributions x w; "epsilon", the same with a stabiliser; "gamma", where
            those of the sum's sign count (1 + gamma) times; "zplus", to those above 0 alone; "alpha2_beta1", twice the
            relevance to those above 0, less once to those below. "epsilon_plus" is "zplus" in convolutions, "epsilon"
            elsewhere; "epsilon_plus_flat" the same, but first layers share alike among all their inputs;
            "epsilon_gamma_box" is "gamma" in convolutions, "epsilon" elsewhere, and first layers share by how far
            their inputs are from their bounds. "attention" is "epsilon", where products share by halves with
            attention weights and gates as well, which hand it on to queries and keys; what a
            softmax keeps on that way goes to the values.
        epsilon: The stabiliser, in the units of what a layer gives.
        gamma: How much more contributions of the sum's sign count.
        low: The least value of the inputs, for "epsilon_gamma_box"; by default each example's own.
        high: Their largest value.

    Raises:
        ModelError: The model has an operation without a rule, such as a recurrent layer's loop; the message names it.
        InputError: The input is made of whole numbers, or the score does not depend on it.
        ParameterError: `low` is above `high`.

    Source:
        Bach et al., "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance
        Propagation", 2015. PLoS ONE 10(7): e0130140 (epsilon, alpha-beta). Montavon et al., "Layer-Wise Relevance
        Propagation: An Overview", 2019 (gamma, composites). Montavon et al., "Explaining Nonlinear Classification
        Decisions with Deep Taylor Decomposition", 2015. arXiv:1512.02479 (box). Achtibat et al., "AttnLRP", 2024.
        arXiv:2402.05602 (attention, normalisation, activations). Ali et al., "XAI for Transformers: Better
        Explanations through Conservative Propagation", 2022. arXiv:2202.07304 (attention weights as numbers). Arras et
        al., "Explaining Recurrent Neural Network Predictions in Sentiment Analysis", 2017. arXiv:1706.07206 (gates).
    """
    if low is not None and high is not None and low > high:
        raise ParameterError(f"lrp: low must be at most high, not {low} above {high}.")
    chosen = _rules(rule, epsilon, gamma, low, high)
    look = partial(network_of, model, attention=rule == "attention", method="lrp")
    look(model.preview)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        made = model.run(inputs)
        scores = model.pick(made, targets)
        network = look(made)
        back = relevance(network, chosen)

        def explain(score: Tensor) -> Tensor:
            return tf.nest.pack_sequence_as(inputs, back(seeds(score, network)))

        maps = per_target(explain, scores, like=inputs)
        report_gap(maps, lambda: scores)
        return Explanation(scores, maps)

    return step


def _rules(rule: Rule, size: float, weight: float, low: float | None, high: float | None) -> Rules:
    """Give each kind of layer its rule."""
    epsilon, zplus = partial(rules.epsilon, size=size), partial(rules.alpha_beta, alpha=1, beta=0)
    gamma, box = partial(rules.gamma, weight=weight), partial(rules.box, low=low, high=high)
    composites = {
        "epsilon": Rules(epsilon),
        "zero": Rules(rules.zero),
        "gamma": Rules(gamma),
        "zplus": Rules(zplus),
        "alpha2_beta1": Rules(partial(rules.alpha_beta, alpha=2, beta=1)),
        "epsilon_plus": Rules(_by_kind(epsilon, zplus)),
        "epsilon_plus_flat": Rules(_by_kind(epsilon, zplus), rules.flat),
        "epsilon_gamma_box": Rules(_by_kind(epsilon, gamma), box),
        "attention": Rules(epsilon),
    }
    return composites[rule]


def _by_kind(others: LayerRule, convolutions: LayerRule) -> LayerRule:
    return lambda layer: (convolutions if layer.convolution else others)(layer)
