"""The laws of metrics: every built-in one keeps them, and each law notices a metric that is written to break it."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest

from tests.oracles.weights import settled
from tests.strategies import metrics
from xaikit import complexity, gradients, max_sensitivity, metric, relevance_mass, sparseness
from xaikit.core import tf
from xaikit.errors import ModelError, UnknownName, UsageError
from xaikit.measuring import Measurement, Metric
from xaikit.testing import METRIC_LAWS, check_metric, judge_metric, sample_inputs, sample_model

LAW = {law.name: law for law in METRIC_LAWS}
LIGHT = [law.name for law in METRIC_LAWS if not law.thorough]
FAULTY = []  # (what breaks, the law that it breaks)


@pytest.mark.parametrize("measured", metrics(), ids=lambda measured: measured.name)
def test_every_metric_keeps_the_laws(measured):
    check_metric(measured, laws=LIGHT)


@pytest.mark.parametrize("measured", [relevance_mass, max_sensitivity(samples=2)], ids=repr)
def test_a_few_keep_the_thorough_laws_too(measured):
    check_metric(measured, laws=[law.name for law in METRIC_LAWS if law.thorough])


def breaks(*laws, **declared):
    """Make a metric of a function of (case, model) that gives values, [B], and say which laws it breaks."""

    def note(values):
        def broken(model):
            def measure(case):
                found = values(case, model)
                return found if isinstance(found, Measurement) else Measurement(found)

            return measure

        broken.__name__, broken.__doc__ = values.__name__, values.__doc__
        made = metric(better="higher", **declared)(broken)
        FAULTY.extend((made, law) for law in laws)
        return made

    return note


def sizes(case):
    """The sum of each map's sizes, [B]."""
    return tf.reduce_sum(tf.abs(case.maps), axis=[1, 2, 3])


@breaks("spelling", "batches", "neighbours")
def share_of_the_batch(case, model):
    """Normalise over the batch."""
    return sizes(case) / tf.reduce_sum(sizes(case))


@breaks("order")
def numbered(case, model):
    """Weigh by the place in the batch."""
    return sizes(case) * tf.cast(tf.range(tf.shape(case.scores)[0]), tf.float32)


@breaks("repetition")
def noisy(case, model):
    """Draw from TensorFlow's own generator."""
    return sizes(case) * tf.random.uniform(tf.shape(case.scores))


@breaks("purity", "seeds")
def chancy(case, model):
    """Draw from NumPy's generator while it is traced."""
    return sizes(case) * np.random.uniform()


@breaks("purity")
def stepped(case, model):
    """Change a weight."""
    model.keras_model.layers[1].bias.assign_add([1.0, 0.0, 0.0, 0.0])
    return sizes(case)


@breaks("form")
def column(case, model):
    """Give a column, [B, 1]."""
    return sizes(case)[:, tf.newaxis]


@breaks("form")
def mean_of_the_batch(case, model):
    """Give one number for all examples, [1]."""
    return tf.reduce_mean(sizes(case), keepdims=True)


@breaks("form")
def infinite(case, model):
    """Divide by zero."""
    return sizes(case) / 0.0


@breaks("constant map")
def largest_share(case, model):
    """Divide by a size that is 0 where the map is, and give no NaN there."""
    return 1.0 / sizes(case)


@breaks("constant map")
def concentrated(case, model):
    """Divide by a spread that is 0 where the map is the same everywhere."""
    return sizes(case) / tf.math.reduce_std(case.maps, axis=[1, 2, 3])


@breaks("constant map")
def strict(case, model):
    """Fail where there is nothing to rank."""
    flat = tf.reshape(case.maps, [tf.shape(case.maps)[0], -1])
    with tf.control_dependencies([tf.debugging.assert_greater(tf.math.reduce_std(flat, axis=1), 0.0)]):
        return tf.reduce_max(flat, axis=1)


COUNTED = []


@breaks("several targets", "explainer", "jit")
def counting(case, model):
    """Count how often it is traced: an effect outside of the graph."""
    COUNTED.append(1)
    return sizes(case) * len(COUNTED)


@breaks("curve", curve=True)
def flat(case, model):
    """Declare a curve, and give none."""
    return sizes(case)


@breaks("curve")
def secretive(case, model):
    """Give a curve, and do not say so."""
    return Measurement(sizes(case), tf.stack([sizes(case)] * 2, axis=1), tf.constant([0.0, 1.0]))


@breaks("curve", curve=True)
def backwards(case, model):
    """Put the curve's places in falling order."""
    return Measurement(sizes(case), tf.stack([sizes(case)] * 2, axis=1), tf.constant([1.0, 0.0]))


@breaks("curve", curve=True)
def steep(case, model):
    """Give an infinite point."""
    return Measurement(sizes(case), tf.stack([sizes(case), sizes(case) / 0.0], axis=1), tf.constant([0.0, 1.0]))


@breaks("jit")
def unfit_for_xla(case, model):
    """Use an op that XLA does not compile."""
    return tf.strings.to_number(tf.strings.as_string(sizes(case)))


@breaks("refusals", "form")
def undeclared(case, model):
    """Need masks, and do not say so."""
    return tf.reduce_sum(tf.cast(case.masks, tf.float32), axis=[1, 2])


@breaks("empty mask", masks=True)
def a_hit(case, model):
    """Take an empty mask for a hit."""
    inside = tf.cast(case.masks, tf.float32)[..., tf.newaxis]
    return tf.math.divide_no_nan(tf.reduce_sum(case.maps * inside, axis=[1, 2, 3]), tf.reduce_sum(case.maps))


@breaks("empty mask", masks=True)
def all_or_none(case, model):
    """Give all of the batch NaN where one mask is empty."""
    held = tf.reduce_all(tf.reduce_any(case.masks, axis=[1, 2]))
    return tf.where(held, sizes(case), np.nan)


@dataclass(frozen=True, repr=False, eq=False)
class Nameless(Metric):
    """A metric that is another value each time that it is made."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__


FAULTY.append((Nameless(sparseness.declaration), "one trace"))


@pytest.fixture(scope="module")
def shared():
    """A copy of the sample model, for what leaves it as it is."""
    return settled(keras.models.clone_model(sample_model()))


@pytest.mark.parametrize(("faulty", "law"), FAULTY, ids=lambda value: value if isinstance(value, str) else value.name)
def test_a_broken_law_is_noticed(faulty, law, shared):
    model = settled(keras.models.clone_model(sample_model())) if law == "purity" else shared

    verdict = LAW[law].judge(faulty, model, sample_inputs())

    assert verdict.outcome == "fail"
    assert verdict.text
    assert not verdict.text.startswith("TypeError")


def test_every_law_is_broken_by_something():
    assert {law for _, law in FAULTY} == set(LAW)


def test_every_law_has_a_name_and_a_statement_of_its_own():
    assert len(LAW) == len({law.statement for law in METRIC_LAWS}) == len(METRIC_LAWS)
    assert all(law.statement.endswith(".") for law in METRIC_LAWS)


def test_purity_is_noticed_of_what_was_traced_before(shared):
    laws = ["form", "purity"]

    found = {verdict.law: verdict.outcome for verdict in judge_metric(chancy, shared, sample_inputs(), laws)}
    (again,) = judge_metric(chancy, shared, sample_inputs(), ["purity"])

    assert (found["form"], found["purity"], again.outcome) == ("pass", "fail", "fail")


def test_a_metric_keeps_the_laws_on_a_table_of_one_s_own(table, rows):
    verdicts = check_metric(relevance_mass, model=table, inputs=rows, laws=LIGHT)

    assert {verdict.outcome for verdict in verdicts} == {"pass"}


def test_several_inputs_are_measured_too(rows):
    inputs = {"first": keras.Input((5,), name="first"), "second": keras.Input((3,), name="second")}
    joined = keras.layers.Concatenate()(list(inputs.values()))
    model = settled(keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dense(4, activation="relu")(joined))))
    data = {"first": rows, "second": rows[:, :3]}

    check_metric(complexity, model=model, inputs=data, laws=LIGHT)
    with pytest.raises(ModelError, match="has several"):
        check_metric(relevance_mass, model=model, inputs=data)


def test_a_report_lists_the_broken_laws_and_an_expected_failure_is_none():
    expected = {"spelling": "it is nobody's"}

    check_metric(share_of_the_batch, laws=["spelling", "form"], expected_failures=expected)

    with pytest.raises(AssertionError, match=r"share_of_the_batch breaks 2 of 3 laws:\n- batches .*\n- neighbours "):
        check_metric(share_of_the_batch, laws=["spelling", "batches", "neighbours"], expected_failures=expected)


def test_a_check_that_cannot_be_made_is_refused(rows):
    with pytest.raises(UsageError, match="takes a metric, such as deletion, not gradients"):
        check_metric(gradients)
    with pytest.raises(UnknownName, match="There is no law named 'mirror'"):
        judge_metric(sparseness, laws=["mirror"])
    with pytest.raises(UsageError, match="given together"):
        check_metric(sparseness, inputs=rows)
    with pytest.raises(UsageError, match="at least 3 examples, not 2"):
        check_metric(sparseness, model=sample_model(), inputs=sample_inputs()[:2])


def test_a_law_that_does_not_apply_is_skipped_with_its_reason():
    (skipped,) = judge_metric(sparseness, laws=["empty mask"])

    assert (skipped.outcome, skipped.text) == ("skip", "it compares with no masks")
