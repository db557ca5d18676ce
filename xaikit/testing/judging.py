"""Laws, judged one after the other: what they find of an explainer or a transformer, as values."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from ..core import Explainer, Recipe
from ..errors import UnknownName, UsageError
from ..measuring import Metric
from ..measuring.measured import Measured
from ..registry import find
from .composition import around
from .contract import class_count
from .law import Law, Verdict, count, view_of
from .laws import LAWS
from .measuring import METRIC_LAWS
from .samples import check_taken, random_inputs, sample_for
from .transforming import OPERANDS, TRANSFORMER_LAWS
from .trials import with_reference

_LEAST = 3  # examples, below which neighbours and order say little


def judge_explainer(
    explainer: Explainer, model: Any = None, inputs: Any = None, laws: Collection[str] | None = None
) -> Iterator[Verdict]:
    """Judge an explainer by every law, one after the other.

    Args:
        explainer: A complete one.
        model: A built Keras model with one output; by default a small one of `xaikit.testing`.
        inputs: Some examples for it, [N, ...], N at least 3; by default random ones, as the model declares them.
        laws: Names of the laws; by default all of them.

    Returns:
        An iterator of verdicts, in the order of the laws.

    Raises:
        UnknownName: There is no law of such a name.
        UsageError: The explainer is not complete, inputs are given without a model, or they are too few.
        XaikitError: The explainer refuses the model.
    """
    chosen = chosen_laws(LAWS, laws)
    check_explains(explainer)
    if isinstance(explainer, Recipe) and not explainer.complete:
        raise UsageError(
            f"{explainer.name!r} is not complete: check it around explainers, like {explainer.name}(gradcam), or by "
            "itself with check_transformer."
        )
    model, inputs = subjects(explainer, model, inputs)
    return (law.judge(explainer, model, inputs) for law in chosen)


def judge_transformer(
    transformer: Recipe[Any], model: Any = None, inputs: Any = None, laws: Collection[str] | None = None
) -> Iterator[Verdict]:
    """Judge a transformer by its own laws, and around explainers of three sorts by theirs.

    Around the first, an attribution, every law is checked; around a location map, and around one that draws, those
    that are not thorough.

    Args:
        transformer: One without its explainers, such as `smooth`; with parameters, if need be.
        model: As for `judge_explainer`; the explainers around which it stands have to take it.
        inputs: As for `judge_explainer`.
        laws: Names of the laws, of transformers and of explainers; by default all of them.

    Returns:
        An iterator of verdicts, which say of which explainer they are.

    Raises:
        UnknownName: There is no law of such a name.
        UsageError: It is no transformer, or has its explainer already.
    """
    chosen = chosen_laws((*TRANSFORMER_LAWS, *LAWS), laws)
    if not isinstance(transformer, Recipe) or transformer.complete:
        raise UsageError(f"check_transformer takes a transformer without its explainers, not {transformer!r}.")
    model, inputs = subjects(find(OPERANDS[0]), model, inputs)

    def verdicts() -> Iterator[Verdict]:
        for law in chosen:
            if law in TRANSFORMER_LAWS:
                yield law.judge(transformer, model, inputs)
        for number, text in enumerate(OPERANDS):
            made = around(transformer, find(text))
            for law in chosen:
                if law not in TRANSFORMER_LAWS and not (number and law.thorough):
                    yield law.judge(made, model, inputs)

    return verdicts()


def judge_metric(
    metric: Metric[Any], model: Any = None, inputs: Any = None, laws: Collection[str] | None = None
) -> Iterator[Verdict]:
    """Judge a metric by its laws, of the maps of `gradients`, or of `gradients` itself where the metric explains.

    Args:
        metric: A metric, with the parameters that are to be judged.
        model: As for `judge_explainer`; the metric and `gradients` have to take it.
        inputs: As for `judge_explainer`.
        laws: Names of the laws, of `METRIC_LAWS`; by default all of them.

    Returns:
        An iterator of verdicts, in the order of the laws.

    Raises:
        UnknownName: There is no law of such a name.
        UsageError: It is no metric, inputs are given without a model, or they are too few.
        XaikitError: The metric refuses the model.
    """
    chosen = chosen_laws(METRIC_LAWS, laws)
    if not isinstance(metric, Metric):
        raise UsageError(f"check_metric takes a metric, such as deletion, not {metric!r}.")
    gradients = find("gradients")
    model, inputs = subjects(gradients, model, inputs)
    check_taken(Measured(gradients, (with_reference(metric, inputs),)), view_of(model, inputs))
    return (law.judge(metric, model, inputs) for law in chosen)


def check_explains(explainer: Any) -> None:
    """Refuse what is neither a method nor a transformer, nor an object of a kind with them.

    Raises:
        UsageError: It has no `bind`.
    """
    if not isinstance(explainer, Explainer) or isinstance(explainer, type):
        raise UsageError(f"An explainer is a method or a transformer, and {explainer!r} is neither.")


def chosen_laws(laws: Iterable[Law], names: Collection[str] | None) -> list[Law]:
    """Give laws by their names, all of them for None.

    Raises:
        UnknownName: There is no law of such a name.
    """
    known = {law.name: law for law in laws}
    for name in names or ():
        if name not in known:
            raise UnknownName("law", name, known)
    return [law for law in known.values() if names is None or law.name in names]


def subjects(explainer: Explainer, model: Any, inputs: Any) -> tuple[Any, Any]:
    """Fill in a model and inputs that are not given, and check that they and the explainer go together."""
    if model is None:
        if inputs is not None:
            raise UsageError("A model and inputs for it are given together, or the model alone, or neither.")
        return sample_for(explainer)
    inputs = random_inputs(model) if inputs is None else inputs
    if count(inputs) < _LEAST:
        raise UsageError(f"The laws need at least {_LEAST} examples, not {count(inputs)}.")
    class_count(model, inputs)  # whatever is wrong with the two is not the explainer's fault
    check_taken(explainer, view_of(model, inputs))
    return model, inputs
