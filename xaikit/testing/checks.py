"""All laws at once: as one assertion, or as tests of pytest."""

import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any

from ..core import Explainer, Recipe
from ..errors import XaikitWarning
from ..measuring import Metric
from .judging import chosen_laws, judge_explainer, judge_metric, judge_transformer, subjects
from .law import Law, Skipped, Verdict
from .laws import LAWS
from .measuring import METRIC_LAWS
from .transforming import TRANSFORMER_LAWS


def check_explainer(
    explainer: Explainer,
    model: Any = None,
    inputs: Any = None,
    expected_failures: Collection[str] = (),
    laws: Collection[str] | None = None,
) -> tuple[Verdict, ...]:
    """Check that an explainer keeps every law.

    Advice that does not hold is a warning, `XaikitWarning`, unless it is an expected failure.

    Args:
        explainer: A complete one.
        model: A built Keras model with one output; by default a small one of `xaikit.testing`.
        inputs: Some examples for it, [N, ...], N at least 3; by default random ones, as the model declares them.
        expected_failures: Names of laws that it is known not to keep, or a dict of them with reasons; one that it does
            keep is a failure.
        laws: Names of the laws to check; by default all of them.

    Returns:
        The verdicts.

    Raises:
        AssertionError: It breaks some of the laws; the message lists them, each with its figure.
        UnknownName: There is no law of such a name.
        UsageError: The explainer is not complete, inputs are given without a model, or they are too few.
        XaikitError: The explainer refuses the model.
    """
    chosen_laws(LAWS, expected_failures)
    return _held(repr(explainer), judge_explainer(explainer, model, inputs, laws), expected_failures)


def check_transformer(
    transformer: Recipe[Any],
    model: Any = None,
    inputs: Any = None,
    expected_failures: Collection[str] = (),
    laws: Collection[str] | None = None,
) -> tuple[Verdict, ...]:
    """Check that a transformer keeps its own laws, and around three built-in explainers those of explainers.

    Arguments, result and errors are those of `check_explainer`. An expected failure has to fail around one explainer
    at least.

    Args:
        transformer: One without its explainers, such as `smooth`; with parameters, if need be.
        model: As for `check_explainer`; the explainers around which it stands have to take it.
        inputs: As for `check_explainer`.
        expected_failures: As for `check_explainer`.
        laws: As for `check_explainer`.
    """
    chosen_laws((*TRANSFORMER_LAWS, *LAWS), expected_failures)
    return _held(repr(transformer), judge_transformer(transformer, model, inputs, laws), expected_failures)


def check_metric(
    metric: Metric[Any],
    *,
    model: Any = None,
    inputs: Any = None,
    laws: Collection[str] | None = None,
    expected_failures: Collection[str] = (),
) -> tuple[Verdict, ...]:
    """Check that a metric keeps every law of metrics.

    It is judged by the maps of `gradients`, or by `gradients` itself where it explains, with masks drawn at random.
    Result and errors are those of `check_explainer`.

    Args:
        metric: A metric, with the parameters that are to be checked; few steps and samples do.
        model: A built Keras model with one output; by default a small one of `xaikit.testing`.
        inputs: Some examples for it, [N, ...], N at least 3; by default random ones, as the model declares them.
        laws: Names of the laws to check, of `METRIC_LAWS`; by default all of them.
        expected_failures: As for `check_explainer`.
    """
    chosen_laws(METRIC_LAWS, expected_failures)
    return _held(repr(metric), judge_metric(metric, model, inputs, laws), expected_failures)


def _held(subject: str, judged: Iterable[Verdict], expected: Collection[str]) -> tuple[Verdict, ...]:
    """Raise what is wrong with verdicts, warn of advice, and give them back."""
    verdicts = tuple(judged)
    against = [each for each in verdicts if each.outcome in ("fail", "warning")]
    broken = [
        f"{each.law} ({each.statement}) {_of(each, subject)}{each.text}"
        for each in against
        if each.outcome == "fail" and each.law not in expected
    ]
    failed = {each.law for each in against}
    holding = {each.law: each for each in verdicts if each.outcome == "pass" and each.law not in failed}
    for name in expected:
        if name in holding:
            broken.append(f"{name} ({holding[name].statement}) It was expected to fail, and holds.")
    laws = len({each.law for each in verdicts})
    assert not broken, "\n- ".join([f"{subject} breaks {len(broken)} of {laws} laws:", *broken])
    for each in against:
        if each.outcome == "warning" and each.law not in expected:
            warnings.warn(f"{each.explainer}: {_measured(each)}", XaikitWarning, stacklevel=3)
    return verdicts


def _of(verdict: Verdict, subject: str) -> str:
    return "" if verdict.explainer == subject else f"{verdict.explainer}: "


def _measured(verdict: Verdict) -> str:
    return verdict.text if verdict.figure is None else f"{verdict.text} ({verdict.law} {verdict.figure:.2g})"


def parametrize_with_checks(
    explainers: Iterable[Explainer],
    model: Any = None,
    inputs: Any = None,
    expected_failures: Collection[str] = (),
    laws: Collection[str] | None = None,
) -> Callable[[Any], Any]:
    """Make a pytest test of every explainer and law, of a function with the arguments `explainer` and `check`.

    A law that cannot be judged skips its test. Advice that does not hold is a warning, `XaikitWarning`.

    Args:
        explainers: Complete ones.
        model: A built Keras model, as for `check_explainer`.
        inputs: Some examples for it.
        expected_failures: Names of laws that are not kept, or a dict of them with reasons: strict expected failures of
            the tests.
        laws: Names of the laws to check; by default all of them.

    Returns:
        A decorator; the test's body is `check(explainer)`.

    Raises:
        UnknownName: There is no law of such a name.
    """
    import pytest

    chosen_laws(LAWS, expected_failures)
    reasons = expected_failures if isinstance(expected_failures, Mapping) else dict.fromkeys(expected_failures, "")

    def checked(law: Law, subject: Callable[[], tuple[Any, Any]], explainer: Explainer) -> None:
        try:
            law.check(explainer, *subject())
        except Skipped as reason:
            pytest.skip(str(reason))
        except AssertionError as error:
            if not law.advice or law.name in reasons:
                raise
            warnings.warn(f"{explainer!r}: {error}", XaikitWarning, stacklevel=2)

    def cases(explainer: Explainer) -> Iterator[Any]:
        subject = cache(partial(subjects, explainer, model, inputs))  # when the first test asks
        for law in chosen_laws(LAWS, laws):
            marks = [pytest.mark.xfail(strict=True, reason=reasons[law.name])] if law.name in reasons else []
            yield pytest.param(explainer, partial(checked, law, subject), id=f"{explainer!r}: {law.name}", marks=marks)

    return pytest.mark.parametrize(("explainer", "check"), [case for each in explainers for case in cases(each)])
