"""Every law notices a faulty explainer: one, at least, is written to break it."""

import itertools

import keras
import numpy as np
import pytest

from tests.oracles.weights import settled
from xaikit import smooth
from xaikit.core import (
    Explanation,
    Recipe,
    forward,
    gradient,
    method,
    per_target,
    report_gap,
    tf,
    transformer,
)
from xaikit.core import (
    layer as find_layer,
)
from xaikit.testing import LAWS, TRANSFORMER_LAWS, sample_inputs, sample_model

LAW = {law.name: law for law in (*TRANSFORMER_LAWS, *LAWS)}
CALLS = itertools.count(1)
FAULTY = []  # (what breaks, the laws that it breaks)


def breaks(*laws):
    """Say which laws an explainer breaks."""

    def note(explainer):
        FAULTY.extend((explainer, law) for law in laws)
        return explainer

    return note


def slopes_of(model, inputs, targets):
    scores = forward(model, inputs, targets)
    return scores, per_target(lambda score: gradient(score, inputs), scores)


def changed(change):
    """A method, with the name and docstring of a function of (slopes, inputs, model) that changes its maps."""

    def broken(model):
        def step(inputs, targets):
            scores, slopes = slopes_of(model, inputs, targets)
            return Explanation(scores, change(slopes, inputs, model))

        return step

    broken.__name__, broken.__doc__ = change.__name__, change.__doc__
    return method(broken)


def first_conv(model):
    return model.keras_model.layers[1]


@breaks("repetition", "spelling")
@changed
def noisy(slopes, inputs, model):
    """Draw from TensorFlow's own generator."""
    return slopes + tf.random.normal(tf.shape(slopes))


@breaks("purity", "seeds")
@changed
def chancy(slopes, inputs, model):
    """Draw from NumPy's generator while it is traced."""
    return slopes * np.random.normal()


@breaks("purity")
@changed
def eager(slopes, inputs, model):
    """Draw from TensorFlow's own generator outside of the graph."""
    with tf.init_scope():
        drawn = float(tf.random.uniform([]))
    return slopes * drawn


@breaks("batches", "neighbours")
@changed
def averaged(slopes, inputs, model):
    """Take off the batch's mean."""
    return slopes - tf.reduce_mean(slopes, axis=0, keepdims=True)


@breaks("batches", "neighbours")
@changed
def normalized(slopes, inputs, model):
    """Divide by the batch's largest value."""
    return slopes / tf.reduce_max(tf.abs(slopes))


@breaks("order")
@changed
def numbered(slopes, inputs, model):
    """Weigh by the place in the batch."""
    return slopes * tf.reshape(tf.cast(tf.range(tf.shape(slopes)[0]), slopes.dtype), [-1, 1, 1, 1, 1])


@breaks("mirror")
@changed
def later(slopes, inputs, model):
    """Weigh by how often it was called before: no two views count alike."""
    return slopes * next(CALLS)


@breaks("targets")
@changed
def added(slopes, inputs, model):
    """Add up what belongs to other targets."""
    return slopes + tf.reduce_sum(slopes, axis=-1, keepdims=True)


@breaks("targets")
@changed
def first_alone(slopes, inputs, model):
    """Give the first target's map for every target."""
    return tf.zeros_like(slopes) + slopes[..., :1]


@breaks("class-discriminative")
@changed
def aimless(slopes, inputs, model):
    """Explain one class, whatever is asked for.

    Claims: class-discriminative, input-shaped.
    """
    return tf.zeros_like(slopes) + inputs[..., tf.newaxis]


@breaks("form")
@changed
def infinite(slopes, inputs, model):
    """Divide by zero."""
    return slopes / tf.zeros_like(slopes)


@breaks("form", "mixed precision")
@changed
def narrow(slopes, inputs, model):
    """Give half precision."""
    return tf.cast(slopes, tf.float16)


@breaks("form")
@changed
def cut(slopes, inputs, model):
    """Give one target's map where several are asked for."""
    return slopes[..., :1]


@breaks("form")
@changed
def summed(slopes, inputs, model):
    """Give one number a picture."""
    return tf.reduce_sum(slopes, axis=[1, 2, 3])


@breaks("jit")
@changed
def drawn_otherwise(slopes, inputs, model):
    """Draw normals that are others under XLA."""
    return slopes + tf.random.stateless_normal(tf.shape(slopes)[1:], tf.stack([tf.shape(slopes)[0] * 0, 3]))


@breaks("jit")
@changed
def unfit_for_xla(slopes, inputs, model):
    """Use an op that XLA does not compile."""
    return slopes * tf.strings.to_number(tf.strings.as_string(inputs))[..., tf.newaxis]


@breaks("purity", "purity after an exception")
@changed
def patched(slopes, inputs, model):
    """Leave an attribute on a layer."""
    first_conv(model).left_behind = True
    return slopes


@breaks("purity")
@changed
def stepped(slopes, inputs, model):
    """Change a weight."""
    first_conv(model).bias.assign_add([1.0, 0.0, 0.0, 0.0])
    return slopes


@breaks("purity after an exception")
@method
def patching_without_finally(model):
    """Change a layer's activation, and put it back if nothing goes wrong."""
    conv = first_conv(model)

    def step(inputs, targets):
        kept, conv.activation = conv.activation, tf.nn.tanh
        scores, slopes = slopes_of(model, inputs, targets)
        conv.activation = kept
        return Explanation(scores, slopes)

    return step


@breaks("clean scores")
@method
def offset(model):
    """Move the scores."""

    def step(inputs, targets):
        scores, slopes = slopes_of(model, inputs, targets)
        return Explanation(scores + 1, slopes)

    return step


@breaks("weights")
@method
def remembered(model):
    """Read the weights once."""
    total = sum(float(np.sum(values)) for values in model.keras_model.get_weights())

    def step(inputs, targets):
        scores, slopes = slopes_of(model, inputs, targets)
        return Explanation(tf.zeros_like(scores) + total, slopes)

    return step


@breaks("new weights")
@changed
def constant(slopes, inputs, model):
    """Weigh by weights that were read when it was traced."""
    return slopes * np.float32(np.abs(first_conv(model).get_weights()[0]).sum())


class Nameless:
    """An object that is another value each time that it is made."""

    def bind(self, model):
        def step(inputs, targets):
            return Explanation(*slopes_of(model, inputs, targets))

        return step


FAULTY.append((Nameless(), "one trace"))


@breaks("layers")
@method
def late(model, *, layer: str = ""):
    """Look for the layer in the step."""

    def step(inputs, targets):
        tap = find_layer(model, layer or "conv1")
        scores, features = forward(model, inputs, targets, read=tap)
        return Explanation(scores, per_target(lambda score: gradient(score, features), scores))

    return step


FAULTY.append((smooth(late), "layers"))  # inside of an expression


@breaks("layers")
@method
def careless(model, *, layer: str = ""):
    """Look for no layer."""
    return lambda inputs, targets: Explanation(*slopes_of(model, inputs, targets))


@breaks("layers")
@method
def crashing(model, *, layer: str = ""):
    """Look the layer up without a word of what is wrong."""
    assert not layer or next(each for each in model.keras_model.layers if each.name == layer)
    return lambda inputs, targets: Explanation(*slopes_of(model, inputs, targets))


@breaks("composition")
@method
def once(model):
    """Fail in the second trace."""
    first = iter([True])

    def step(inputs, targets):
        next(first)
        return Explanation(*slopes_of(model, inputs, targets))

    return step


TRACES = []


@breaks("no noise", "parts")
@changed
def counting(slopes, inputs, model):
    """Count how often it is traced: an effect outside of the graph."""
    TRACES.append(1)
    return slopes * len(TRACES)


@breaks("claims")
@changed
def boastful(slopes, inputs, model):
    """Claim what nobody can check.

    Claims: faithful.
    """
    return slopes


@breaks("complete")
@changed
def unreported(slopes, inputs, model):
    """Claim to add up, and do not say to what.

    Claims: complete, input-shaped.
    """
    return slopes


@breaks("complete", "complete in expectation", "complete without biases")
@method
def incomplete(model):
    """Claim to add up, and do not.

    Claims: complete, complete in expectation, complete without biases, input-shaped.
    """

    def step(inputs, targets):
        scores, slopes = slopes_of(model, inputs, targets)
        report_gap(slopes, lambda: scores)
        return Explanation(scores, slopes)

    return step


@breaks("complete in expectation")
@method
def stubborn(model, *, samples: int = 10):
    """Claim that samples help, and do not use them.

    Claims: complete in expectation, input-shaped.
    """
    return incomplete.declaration.function(model)


@breaks("linear", "input-shaped")
@changed
def squared(slopes, inputs, model):
    """Claim to be linear, and square; and be of the inputs' shape, and not claim it.

    Claims: linear.
    """
    return slopes**2


@breaks("input-shaped", "needs-layer", "stochastic")
@changed
def channelless(slopes, inputs, model):
    """Claim what is not so.

    Claims: input-shaped, needs-layer, stochastic.
    """
    return tf.reduce_sum(slopes, axis=-2)


@breaks("stochastic")
@method
def seedless(model, *, seed: int = 0):
    """Claim to draw, and do not.

    Claims: stochastic, input-shaped.
    """
    return lambda inputs, targets: Explanation(*slopes_of(model, inputs, targets))


@breaks("stochastic")
@method
def secretive(model, *, seed: int = 0):
    """Have a seed, and do not say so.

    Claims: input-shaped.
    """
    return lambda inputs, targets: Explanation(*slopes_of(model, inputs, targets))


@breaks("replicas")
@changed
def replicated(slopes, inputs, model):
    """Weigh by the replica's number."""
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return slopes * (1 + tf.cast(replica, slopes.dtype))


@breaks("mixed precision")
@changed
def turned(slopes, inputs, model):
    """Point elsewhere in half precision."""
    return slopes if first_conv(model).compute_dtype == "float32" else -slopes


@breaks("nested models")
@method
def on_the_surface(model):
    """Look for a convolution among the outermost layers."""
    next(each for each in model.keras_model.layers if isinstance(each, keras.layers.Conv2D))
    return lambda inputs, targets: Explanation(*slopes_of(model, inputs, targets))


@breaks("subclassed models")
@method
def functional_only(model):
    """Read symbolic tensors that a subclassed model does not have."""
    assert len(model.keras_model.outputs) > 0
    return lambda inputs, targets: Explanation(*slopes_of(model, inputs, targets))


@breaks("models with several outputs")
@changed
def one_output_only(slopes, inputs, model):
    """Take the outputs for one tensor."""
    return slopes * tf.reduce_max(model(inputs))


@breaks("models with several inputs")
@changed
def one_input_only(slopes, inputs, model):
    """Take the inputs for one tensor."""
    return slopes * inputs[..., tf.newaxis]


@breaks("series")
@changed
def pictures_only(slopes, inputs, model):
    """Take the input for pictures."""
    return tf.transpose(slopes, [0, 2, 1, 3, 4])


@breaks("tables")
@changed
def empty_on_tables(slopes, inputs, model):
    """Give zeros where there are no positions."""
    return slopes if inputs.shape.rank > 2 else tf.zeros_like(slopes)


@breaks("ground truth")
@changed
def blind(slopes, inputs, model):
    """Give noise, the same for every picture."""
    drawn = tf.random.stateless_normal(tf.shape(slopes)[1:], [0, 4])
    return tf.zeros_like(slopes) + drawn


@breaks("redrawn weights")
@changed
def shown(slopes, inputs, model):
    """Give the input for a map."""
    return tf.zeros_like(slopes) + inputs[..., tf.newaxis]


@breaks("name")
@transformer
def unregistered(step):
    """Do nothing, and be nobody's."""
    return step


@breaks("structure")
@transformer
def targetless(step):
    """Add the targets' maps up."""

    def added_up(inputs, targets):
        scores, maps = step(inputs, targets)
        return Explanation(scores, tf.reduce_sum(maps, axis=-1, keepdims=True))

    return added_up


@breaks("structure")
@transformer
def listed(step):
    """Put maps into a list."""

    def in_a_list(inputs, targets):
        scores, maps = step(inputs, targets)
        return Explanation(scores, [maps])

    return in_a_list


@breaks("itself")
@transformer
def flattening(step):
    """Take what it makes for something else."""

    def flattened(inputs, targets):
        scores, maps = step(inputs, targets)
        return Explanation(scores, tf.reshape(maps, [-1, 8, 8 * 3, tf.shape(maps)[-1]])[:, :, ::3])

    return flattened


class Gullible(Recipe):
    """A transformer that takes whatever it is given."""

    def __call__(self, *explainers, **parameters):
        return self


FAULTY.append((Gullible(unregistered.declaration), "operands"))


@pytest.fixture(scope="module")
def shared():
    """A copy of the sample model, for what leaves it as it is."""
    return settled(keras.models.clone_model(sample_model()))


@pytest.mark.parametrize(
    ("explainer", "law"),
    FAULTY,
    ids=lambda value: value if isinstance(value, str) else getattr(value, "name", "nameless"),
)
def test_a_broken_law_is_noticed(explainer, law, shared):
    spoilt = law.startswith("purity")
    model = settled(keras.models.clone_model(sample_model())) if spoilt else shared

    verdict = LAW[law].judge(explainer, model, sample_inputs())

    assert verdict.outcome == ("warning" if LAW[law].advice else "fail")
    assert verdict.text
    assert "\n" not in verdict.text
    assert not verdict.text.startswith("TypeError")


def test_every_law_is_broken_by_something():
    assert {law for _, law in FAULTY} == set(LAW)
