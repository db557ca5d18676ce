"""Explainers as values: what the two decorators make."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.explainers import constant, echo
from xaikit import Explainer, absolute, explain, find, gradcam, gradients, method, smooth, transformer, tta
from xaikit.core import Count, Explanation, as_view, clean
from xaikit.errors import ParameterError, PluginError, UnknownName, UsageError


@transformer
def both(first, second, *, weight: float = 1.0):
    """Add the maps of two explainers."""

    def added(inputs, targets):
        scores, maps = first(inputs, targets)
        return Explanation(scores, maps + weight * second(inputs, targets).maps)

    return added


@transformer
def total(*steps, seed: int = 0):
    """Add the maps of one explainer or more."""

    def added(inputs, targets):
        made = [step(inputs, targets) for step in steps]
        return Explanation(made[0].scores, tf.add_n([one.maps for one in made]))

    return added


@transformer
def as_outputs(explainer, model):
    """Explain the outputs as they are: a transformer of views."""
    return explainer.bind(model.changed(scores="outputs"))


def test_changing_a_copy_leaves_the_original_alone():
    changed = gradcam(layer="a")

    assert changed != gradcam
    assert repr(gradcam) == "gradcam"
    assert repr(changed) == "gradcam(layer='a')"
    assert smooth(gradcam)(repetitions=50) == smooth(gradcam, repetitions=50)


def test_nothing_runs_before_a_model_is_bound():
    ran = []

    @method
    def watched(model):
        """Watch."""
        ran.append("bind")
        return lambda inputs, targets: None

    smooth(tta(watched), repetitions=3)
    assert not ran


def test_the_last_value_of_a_parameter_counts_and_a_default_takes_it_back():
    assert smooth(gradcam, noise=0.5)(noise=0.1) == smooth(gradcam)
    assert hash(smooth(gradcam, noise=0.5)(noise=0.1)) == hash(smooth(gradcam))


def test_the_order_in_which_parameters_are_written_does_not_matter():
    assert smooth(gradcam, seed=3, noise=0.5) == smooth(gradcam, noise=0.5, seed=3)
    assert repr(smooth(gradcam, seed=3, noise=0.5)) == "smooth(gradcam, noise=0.5, seed=3)"


def test_a_recipe_is_frozen():
    with pytest.raises(AttributeError):
        gradcam.values = ()


def test_a_recipe_tells_its_name_its_docstring_and_its_signature():
    assert gradcam.__name__ == gradcam.name == "gradcam"
    assert gradcam.__doc__.startswith("Weigh each feature")
    names = ["step", "repetitions", "noise", "relative", "reduce", "seed", "tolerance"]
    assert list(inspect.signature(smooth).parameters) == names
    assert smooth(gradcam, noise=0.5).parameters["noise"] == 0.5
    assert smooth(gradcam).parameters["repetitions"] == 20


def test_a_transformer_takes_several_explainers_in_their_order(pooled, images):
    expected = images + 3.0

    result = explain(both(echo, constant(value=1.0), weight=3.0), pooled, images)

    assert repr(both(echo, gradcam, weight=3.0)) == "both(echo, gradcam, weight=3.0)"
    np.testing.assert_allclose(result.maps[..., 0], expected, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_variadic_transformer_takes_one_explainer_or_more(count, pooled, images):
    maps = explain(total(*[constant(value=2.0)] * count), pooled, images).maps

    assert (maps == 2.0 * count).all()


def test_wrapping_an_explainer_changes_none_of_its_draws(pooled64, images64):
    noisy = smooth(echo, repetitions=1)
    expected = explain(noisy, pooled64, images64).maps

    wrapped = explain(total(noisy), pooled64, images64).maps
    beside = explain(both(noisy, total(noisy), weight=-1.0), pooled64, images64).maps

    np.testing.assert_array_equal(wrapped, expected)
    assert (beside == 0).all()


def test_equal_explainers_beside_each_other_draw_the_same(pooled64, images64):
    noisy = smooth(echo, repetitions=1)

    maps = explain(both(noisy, noisy, weight=-1.0), pooled64, images64).maps

    assert (maps == 0).all()


def test_a_transformer_of_views_changes_only_what_its_explainer_is_bound_to(pooled, images):
    expected = explain(gradients, pooled, images, scores="outputs")

    result = explain(as_outputs(gradients), pooled, images)

    np.testing.assert_array_equal(result.scores, expected.scores)
    np.testing.assert_array_equal(result.maps, expected.maps)
    assert not np.allclose(explain(gradients, pooled, images).scores, expected.scores)


def test_a_check_runs_in_bind_with_the_view_and_the_parameters(pooled):
    asked = []

    @method(requires=lambda model, **parameters: asked.append((model.name, parameters)))
    def checked(model, *, count: Count = 3):
        """Check."""
        return lambda inputs, targets: Explanation(None, None)

    checked(count=5).bind(pooled)

    assert asked == [("model 'pooled'", {"count": 5})]


def test_a_transformer_without_its_explainer_cannot_be_bound(pooled):
    with pytest.raises(UsageError, match=r"'smooth' is not complete: give it an explainer, like smooth\(gradcam\)"):
        smooth.bind(pooled)
    with pytest.raises(UsageError, match="'tta' is not complete"):
        smooth(tta)
    assert not smooth.complete
    assert smooth(gradcam).complete


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gradcam(gradients), "'gradcam' is a method and takes parameters by name only"),
        (lambda: smooth(gradcam)(gradients), "has its explainer already"),
        (lambda: smooth(gradcam, gradients), "'smooth' takes one explainer, not 2"),
        (lambda: both(gradcam), "'both' takes 2 explainers, not 1"),
        (lambda: smooth(3), "'smooth' takes explainers, and parameters by name; 3 is neither"),
        (lambda: smooth("gradcam"), "'gradcam' is neither"),
        (lambda: smooth(keras.Model), "is neither"),
    ],
)
def test_what_does_not_fit_together_is_refused(call, message):
    with pytest.raises(UsageError, match=message):
        call()


def test_names_and_values_are_refused_where_they_are_written():
    with pytest.raises(UnknownName, match=r"gradcam has no parameter named 'layr'\. Did you mean 'layer'"):
        gradcam(layr="conv")
    with pytest.raises(ParameterError, match="layer must be a text, not 3"):
        gradcam(layer=3)


def _no_model():
    """Take nothing."""


def _two_positional(model, layer):
    """Take the layer by position."""


def _any_name(model, **parameters):
    """Take anything."""


def _no_default(model, *, layer: str):
    """Have no default."""


def _wrong_default(model, *, count: Count = 0):
    """Have a default against its own type."""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (_no_model, "must take the model, and parameters by keyword only"),
        (_two_positional, "must take the model, and parameters by keyword only"),
        (_any_name, r"takes \*\*parameters: every parameter needs a name of its own"),
        (_no_default, "'layer' of _no_default has no default"),
        (_wrong_default, "The default of _wrong_default is against its own type: count must be at least 1, not 0"),
    ],
)
def test_a_bad_declaration_fails_where_it_is_written(function, message):
    with pytest.raises(PluginError, match=message):
        method(function)


def test_a_transformer_of_nothing_is_refused():
    with pytest.raises(PluginError, match="must take a step or more"):
        transformer(_no_model)
    with pytest.raises(PluginError, match="must take a step or more"):
        transformer(lambda model: None)


def test_anything_with_bind_is_an_explainer(pooled, images):
    class Twice:
        def bind(self, model):
            inner = gradients.bind(model)

            def step(inputs, targets):
                scores, maps = inner(inputs, targets)
                return Explanation(scores, 2 * maps)

            return step

    twice = Twice()
    expected = 2 * explain(gradients, pooled, images).maps

    assert isinstance(twice, Explainer)
    np.testing.assert_allclose(explain(twice, pooled, images).maps, expected)
    np.testing.assert_allclose(explain(absolute(twice), pooled, images).maps, np.abs(expected))


@pytest.mark.parametrize("result", [None, (1, 2), (tf.zeros(3), tf.zeros((3, 2, 1)))], ids=["none", "numbers", "flat"])
def test_a_step_that_breaks_its_contract_is_named(result, pooled, images):
    @method
    def broken(model):
        """Break."""
        return lambda inputs, targets: result

    with pytest.raises(PluginError, match="The step of broken must return"):
        explain(broken, pooled, images)


def test_a_bound_step_called_eagerly_traces_itself(pooled, images):
    expected = explain(gradcam, pooled, images, 2)
    step = gradcam.bind(pooled)

    for targets in ([2] * 5, [[2]] * 5, np.full(5, 2)):
        scores, maps = step(images, targets)

        np.testing.assert_array_equal(scores, expected.scores)
        np.testing.assert_array_equal(maps, expected.maps)


@pytest.mark.parametrize("jit", [False, True])
def test_a_bound_step_runs_in_ones_own_function(jit, pooled, images):
    expected = explain(smooth(gradcam, repetitions=2), pooled, images, 2)
    step = smooth(gradcam, repetitions=2).bind(pooled)

    scores, maps = tf.function(step, autograph=False, jit_compile=jit)(tf.constant(images), tf.fill([5, 1], 2))

    np.testing.assert_allclose(scores, expected.scores, atol=1e-5)
    np.testing.assert_allclose(maps, expected.maps, atol=1e-5)


def test_a_view_is_given_back_as_it_is(pooled):
    view = as_view(pooled)

    assert as_view(view) is view


def test_clean_asks_for_scores_and_shapes_alone(pooled, images):
    expected = explain(gradients, pooled, images, 1).scores

    @transformer
    def scored(step):
        """Give the clean scores and maps of the right shape."""
        return lambda inputs, targets: clean(step, inputs, targets)

    result = explain(scored(smooth(gradients)), pooled, images, 1)

    np.testing.assert_array_equal(result.scores, expected)
    assert result.maps.shape == (5, 8, 8, 3, 1)


def test_find_gives_the_catalogued_value():
    assert find("smooth") == smooth
    assert find("gradcam") is gradcam
