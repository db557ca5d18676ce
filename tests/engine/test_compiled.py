"""One trace per explainer, model, input and strategy; and nothing that keeps a model alive."""

import dataclasses
import functools
import gc
import operator
import threading
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from xaikit import explain, find, smooth
from xaikit.engine.compiled import forget
from xaikit.errors import UsageError


def test_a_new_object_new_targets_and_a_ragged_last_batch_trace_once(traced, model, images):
    recorded, traces = traced

    explain(recorded, model, images, 1, batch_size=4)  # 4 and 3
    explain(recorded(), model, images, 2, batch_size=4)
    explain(recorded(strength=1.0), model, images[:2], "top1", batch_size=4)
    explain(recorded, model, images, [0, 1, 2, 3, 0, 1, 2], batch_size=2)
    explain(recorded, model, list(images), batch_size=7)
    explain(recorded, model, images.astype("float64"))

    assert len(traces) == 1


def test_any_number_of_several_targets_traces_once(traced, model, images):
    recorded, traces = traced

    for targets in ("top2", "top3", "all", [[0, 1]] * 7, [[3, 3, 1]] * 7):
        explain(recorded, model, images, targets, batch_size=4)

    assert len(traces) == 1
    explain(recorded, model, images, 1, batch_size=4)  # one target needs no loop
    assert len(traces) == 2


def test_a_composition_made_anew_traces_once(traced, model, images):
    recorded, traces = traced

    explain(smooth(recorded, repetitions=3), model, images)
    first = len(traces)
    explain(smooth(recorded(strength=1.0))(repetitions=3), model, images[:3])

    assert len(traces) == first > 0


def test_another_parameter_another_size_and_other_scores_trace_anew(traced, model, images):
    recorded, traces = traced

    explain(recorded, model, images)
    explain(recorded(strength=2.0), model, images)
    explain(recorded, model, np.ones((2, 10, 8, 3)))
    explain(recorded, model, images, scores="outputs")

    assert len(traces) == 4


def test_each_model_has_its_own_trace(traced, tools, model, images):
    recorded, traces = traced
    other = tools.convolutional()

    explain(recorded, model, images)
    explain(recorded, other, images)
    explain(recorded, model, images)

    assert len(traces) == 2


def test_the_same_target_function_is_traced_once(traced, model, images):
    recorded, traces = traced

    def difference(scores):
        return scores[:, 0] - scores[:, 1]

    for _ in range(3):
        explain(recorded, model, images, difference)
    assert len(traces) == 1

    explain(recorded, model, images, lambda scores: scores[:, 0])
    assert len(traces) == 2


def test_target_functions_that_are_equal_values_share_a_trace(traced, model, images):
    recorded, traces = traced
    one, other, third = Column(1), Column(1), Column(2)

    explain(recorded, model, images, one)
    explain(recorded, model, images, other)
    explain(recorded, model, images, one.picked)
    explain(recorded, model, images, one.picked)  # a new object each time
    assert len(traces) == 2

    explain(recorded, model, images, third)
    assert len(traces) == 3


@dataclasses.dataclass(frozen=True)
class Column:
    number: int

    def __call__(self, scores):
        return scores[:, self.number]

    def picked(self, scores):
        return scores[:, self.number]


def test_a_target_function_is_not_kept_alive(traced, model, images):
    recorded, _ = traced

    def first(scores):
        return scores[:, 0]

    explain(recorded, model, images, first)
    gone = weakref.ref(first)
    del first
    gc.collect()

    assert gone() is None


def test_a_new_function_that_takes_an_old_ones_place_is_not_mistaken_for_it(traced, model, images):
    recorded, _ = traced
    expected = [explain(recorded, model, images, i).scores for i in range(4)]

    actual = [explain(recorded, model, images, lambda scores, i=i: scores[:, i]).scores for i in range(4)]

    np.testing.assert_array_equal(actual, expected)


def test_methods_of_objects_and_getters_are_target_functions(traced, model, images):
    recorded, _ = traced
    expected = explain(recorded, model, images, 2)

    for function in (
        Column(2).picked,
        functools.partial(tf.gather, indices=2, axis=1),
        operator.itemgetter((slice(None), 2)),
    ):
        actual = explain(recorded, model, images, function)
        np.testing.assert_array_equal(actual.maps, expected.maps)


def test_changed_weights_are_seen_without_a_new_trace(traced, tools, images):
    recorded, traces = traced
    model, other = tools.convolutional(), tools.convolutional()
    other.set_weights([2 * value for value in other.get_weights()])
    expected = explain(recorded, other, images)
    explain(recorded, model, images)
    before = len(traces)

    model.set_weights(other.get_weights())
    actual = explain(recorded, model, images)

    assert len(traces) == before
    np.testing.assert_array_equal(actual.maps, expected.maps)
    np.testing.assert_array_equal(actual.scores, expected.scores)


def test_training_between_two_explanations_is_seen(traced, tools, images):
    recorded, traces = traced
    model = tools.convolutional()
    model.compile("sgd", "sparse_categorical_crossentropy")
    first = explain(recorded, model, images)

    model.fit(images, np.arange(7) % 4, epochs=2, verbose=0)
    actual = explain(recorded, model, images, scores="outputs")

    assert not np.array_equal(explain(recorded, model, images).maps, first.maps)
    np.testing.assert_allclose(actual.scores[:, 0], model.predict(images, verbose=0).max(axis=1), rtol=1e-5)
    assert len(traces) == 2  # logits and outputs


@pytest.mark.parametrize("text", ["gradients", "gradcam", "smooth(gradcam, repetitions=2)"])
def test_a_model_is_freed_with_its_last_reference_although_it_was_explained(tools, images, text):
    model = tools.convolutional()
    result = explain(find(text), model, images)
    gone = weakref.ref(model)

    del model
    gc.collect()

    assert gone() is None
    assert result.maps.shape[0] == 7  # the explanation stays


def test_a_model_is_freed_although_a_target_function_lives_on(tools, images):
    model = tools.convolutional()
    function = Column(1)
    explain("gradients", model, images, function)
    gone = weakref.ref(model)

    del model
    gc.collect()

    assert gone() is None


def test_what_is_forgotten_is_traced_anew(traced, tools, images):
    recorded, traces = traced
    model = tools.convolutional()
    explain(recorded, model, images)

    forget(model)
    explain(recorded, model, images)
    forget(tools.convolutional())

    assert len(traces) == 2


def test_xla_compiles_once_for_a_shape(traced, model, images):
    recorded, traces = traced

    for targets in (1, 2, "top1"):
        explain(recorded, model, images, targets, batch_size=4, jit=True)

    assert len(traces) == 1


def test_two_threads_that_explain_the_same_new_model_trace_it_once(traced, tools, images):
    recorded, traces = traced
    expected = explain(recorded, tools.convolutional(), images)
    traces.clear()
    model = tools.convolutional()
    barrier, made = threading.Barrier(4), {}

    def work(number):
        barrier.wait()
        made[number] = explain(recorded, model, images)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(traces) == 1
    assert len(made) == 4
    for result in made.values():
        np.testing.assert_array_equal(result.maps, expected.maps)
    assert tools.whole(model)


def test_two_threads_that_trace_two_explainers_of_one_model_do_not_disturb_each_other(tools, images):
    texts = ["gradcam", "gradients", "smooth(gradcam, repetitions=2)", "tta(gradients, scales=())"]
    expected = {text: explain(text, tools.convolutional(), images).maps for text in texts}
    model = tools.convolutional()
    barrier, made = threading.Barrier(len(texts)), {}

    def work(text):
        barrier.wait()
        made[text] = explain(text, model, images).maps

    threads = [threading.Thread(target=work, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(made) == set(texts)
    for text in texts:
        np.testing.assert_array_equal(made[text], expected[text])
    assert tools.whole(model)


def test_a_model_that_predicts_in_one_thread_is_explained_in_another(tools, images):
    model = tools.convolutional()
    expected = model(images).numpy()
    outputs, stop = [], threading.Event()

    def predict():
        while not stop.is_set():
            outputs.append(model(images).numpy())  # eagerly: through the very layers whose call is shadowed

    thread = threading.Thread(target=predict)
    thread.start()
    try:
        for layer in ("gradcam", "gradients"):
            explain(f"smooth({layer}, repetitions=2)", model, images)
    finally:
        stop.set()
        thread.join()

    assert outputs
    for output in outputs:
        np.testing.assert_allclose(output, expected, rtol=1e-6)


def test_an_explainer_that_cannot_be_hashed_is_refused_in_words(model, images):
    class Listed(list):
        def bind(self, model):
            raise AssertionError

    with pytest.raises(UsageError, match="An explainer must be hashable"):
        explain(Listed(), model, images)


def test_a_target_function_need_not_be_hashable(traced, model, images):
    @dataclasses.dataclass
    class Loose:
        number: int

        def __call__(self, scores):
            return scores[:, self.number]

    recorded, traces = traced
    function = Loose(1)
    expected = explain(recorded, model, images, 1).maps
    before = len(traces)

    for _ in range(2):
        np.testing.assert_array_equal(explain(recorded, model, images, function).maps, expected)

    assert len(traces) == before + 1


def test_a_model_that_is_no_model_is_refused(images):
    with pytest.raises(UsageError, match=r"The model must be a keras\.Model, not function"):
        explain("gradients", lambda x: x, images)
    with pytest.raises(UsageError, match=r"The model must be a keras\.Model, not Dense"):
        explain("gradients", keras.layers.Dense(1), images)
