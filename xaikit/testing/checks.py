"""All the laws, and two ways to run them."""

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any

from ..core import Explainer, Recipe
from ..errors import UnknownName, UsageError
from .composition import composes, parts_make_the_whole, smoothing_without_noise_changes_nothing
from .contract import follows_weights, picks_targets, scores_the_clean_input, spells_itself, well_formed
from .independence import independent_of_batches, independent_of_neighbours, independent_of_order, repeatable
from .law import Law
from .purity import pure, pure_after_an_exception
from .samples import sample_inputs, sample_model
from .traces import compiled_alike, traced_once

LAWS: tuple[Law, ...] = (
    Law("spelling", "An explainer reads back as it is written.", spells_itself),
    Law("purity", "The model, the arrays and the generators are as before a run.", pure),
    Law("purity after an exception", "So they are after a run that failed.", pure_after_an_exception),
    Law("form", "Scores are [N, T], maps [N, ..., T], of finite floats.", well_formed),
    Law("clean scores", "The scores are those of the clean inputs.", scores_the_clean_input),
    Law("repetition", "Twice gives the same.", repeatable),
    Law("batches", "No batch size changes a map.", independent_of_batches),
    Law("neighbours", "An example alone has the map that it has among others.", independent_of_neighbours),
    Law("order", "Another order gives the same maps in that order.", independent_of_order),
    Law("targets", "Some targets are all targets, then picked.", picks_targets),
    Law("one trace", "Batches, targets and equal values share one trace.", traced_once),
    Law("weights", "Changed weights are seen.", follows_weights),
    Law("jit", "XLA changes no map beyond float tolerance.", compiled_alike),
    Law("composition", "Every transformer works around it.", composes),
    Law("no noise", "Smoothing without noise changes nothing.", smoothing_without_noise_changes_nothing),
    Law("parts", "Its positive and its negative part make the whole.", parts_make_the_whole),
)


def check_explainer(
    explainer: Explainer, model: Any = None, inputs: Any = None, expected_failures: Collection[str] = ()
) -> None:
    """Check that an explainer keeps every law.

    Args:
        explainer: A complete one.
        model: A built Keras model with at least two outputs; by default `sample_model()`.
        inputs: Some examples for it, [N, ...], N at least 3; by default `sample_inputs()`.
        expected_failures: Names of laws that it is known not to keep; one that it does keep is a failure.

    Raises:
        AssertionError: It breaks some of the laws; the message lists them, each with its figure.
        UnknownName: There is no law of an expected failure's name.
        UsageError: The explainer is not complete, or inputs are given without a model, or a model without inputs.
    """
    _check_names(expected_failures)
    if isinstance(explainer, Recipe) and not explainer.complete:
        raise UsageError(
            f"{explainer.name!r} is not complete: check it around explainers, like {explainer.name}(gradcam)."
        )
    model, inputs = _subjects(model, inputs)
    broken = []
    for law in LAWS:
        problem = _problem(law, explainer, model, inputs)
        if problem and law.name not in expected_failures:
            broken.append(f"{law.name} ({law.statement}) {problem}")
        if not problem and law.name in expected_failures:
            broken.append(f"{law.name} ({law.statement}) It was expected to fail, and holds.")
    assert not broken, "\n- ".join([f"{explainer!r} breaks {len(broken)} of {len(LAWS)} laws:", *broken])


def parametrize_with_checks(
    explainers: Iterable[Explainer],
    model: Any = None,
    inputs: Any = None,
    expected_failures: Collection[str] = (),
    laws: Collection[str] | None = None,
) -> Callable[[Any], Any]:
    """Make a pytest test of every explainer and law, of a function with the arguments `explainer` and `check`.

    Args:
        explainers: Complete ones.
        model: A built Keras model, as for `check_explainer`.
        inputs: Some examples for it.
        expected_failures: Names of laws that are not kept: strict expected failures of the tests.
        laws: Names of the laws to check; by default all of them.

    Returns:
        A decorator; the test's body is `check(explainer)`.

    Raises:
        UnknownName: There is no law of such a name.
    """
    import pytest

    _check_names([*expected_failures, *(laws or ())])
    chosen = [law for law in LAWS if laws is None or law.name in laws]

    def checked(law: Law, explainer: Explainer) -> None:
        law.check(explainer, *_subjects(model, inputs))

    def case(explainer: Explainer, law: Law) -> Any:
        marks = [pytest.mark.xfail(strict=True)] if law.name in expected_failures else []
        return pytest.param(explainer, partial(checked, law), id=f"{explainer!r}: {law.name}", marks=marks)

    return pytest.mark.parametrize(
        ("explainer", "check"), [case(explainer, law) for explainer in explainers for law in chosen]
    )


def _check_names(names: Collection[str]) -> None:
    known = [law.name for law in LAWS]
    for name in names:
        if name not in known:
            raise UnknownName("law", name, known)


def _subjects(model: Any, inputs: Any) -> tuple[Any, Any]:
    if (model is None) != (inputs is None):
        raise UsageError("A model and inputs for it are given together, or neither.")
    return (sample_model(), sample_inputs()) if model is None else (model, inputs)


def _problem(law: Law, explainer: Explainer, model: Any, inputs: Any) -> str:
    """Say what is wrong, or nothing."""
    try:
        law.check(explainer, model, inputs)
    except AssertionError as error:
        return str(error) or "It does not hold."
    except Exception as error:  # whatever a step throws is its fault, and the other laws are checked all the same
        return f"{type(error).__name__}: {error}"
    return ""
