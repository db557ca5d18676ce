"""Data in every form gives the same examples, and what cannot be read is refused in words."""

import itertools
from collections import OrderedDict

import keras
import numpy as np
import pytest
import tensorflow as tf

from xaikit import explain, stream
from xaikit.engine.sources import source
from xaikit.errors import InputError, ModelError, TargetError, UsageError


class Turns(keras.utils.PyDataset):
    """Batches of two, for ever where there is no end."""

    def __init__(self, inputs, *others, ends=True):
        super().__init__()
        self.arrays, self.ends, self.epochs = (inputs, *others), ends, 0

    @property
    def num_batches(self):
        return -(-len(self.arrays[0]) // 2) if self.ends else None

    def on_epoch_begin(self):
        self.epochs += 1

    def __getitem__(self, i):
        cut = tuple(array[2 * i : 2 * i + 2] for array in self.arrays)
        return cut if len(cut) > 1 else cut[0]


def batches(*arrays):
    """A generator of batches of three."""
    for start in range(0, len(arrays[0]), 3):
        cut = tuple(array[start : start + 3] for array in arrays)
        yield cut if len(cut) > 1 else cut[0]


def dataset(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays if len(arrays) > 1 else arrays[0])


LABELS = np.array([3, 1, 0, 2, 2, 1, 3])
WEIGHTS = np.linspace(0, 1, 7)

PLAIN = {
    "an array": lambda x: x,
    "a float64 array": lambda x: x.astype("float64"),
    "a big-endian array": lambda x: x.astype(">f4"),
    "a Fortran array": np.asfortranarray,
    "an array that is a view": lambda x: np.repeat(x, 2, axis=0)[::2],
    "a list of pictures": list,
    "a tuple of pictures": tuple,
    "nested lists": lambda x: x.tolist(),
    "a tensor": tf.constant,
    "a float64 tensor": lambda x: tf.constant(x, tf.float64),
    "a list of tensors": lambda x: [tf.constant(one) for one in x],
    "a Dataset of x": lambda x: dataset(x).batch(2),
    "a Dataset of (x,)": lambda x: tf.data.Dataset.from_tensor_slices((x,)).batch(3),
    "a Dataset, prefetched": lambda x: dataset(x).batch(3).prefetch(2),
    "a Dataset, mapped": lambda x: dataset(x / 2).map(lambda one: 2 * one, num_parallel_calls=2).batch(4).prefetch(1),
    "a Dataset, repeated and taken": lambda x: dataset(x).batch(7).repeat().take(1),
    "a Dataset from a generator": lambda x: tf.data.Dataset.from_generator(
        lambda: batches(x), output_signature=tf.TensorSpec([None, 8, 8, 3])
    ),
    "a PyDataset": Turns,
    "a generator": batches,
    "a generator of tensors": lambda x: (tf.constant(batch) for batch in batches(x)),
    "an iterator": lambda x: iter([x[:3], x[3:]]),
}
LABELLED = {
    "a Dataset of (x, y)": lambda x: dataset(x, LABELS).batch(2),
    "a Dataset of (x, y, w)": lambda x: dataset(x, LABELS, WEIGHTS).batch(3),
    "a Dataset of (x, y), prefetched": lambda x: dataset(x, LABELS).batch(3).prefetch(tf.data.AUTOTUNE),
    "a Dataset of (x, y [B, 1])": lambda x: dataset(x, LABELS[:, np.newaxis]).batch(2),
    "a PyDataset of (x, y)": lambda x: Turns(x, LABELS),
    "a PyDataset of (x, y, w)": lambda x: Turns(x, LABELS, WEIGHTS),
    "a generator of (x, y)": lambda x: batches(x, LABELS),
    "a generator of (x, y, w)": lambda x: batches(x, LABELS, WEIGHTS),
}


def read(data, model, steps=None):
    """All the inputs, and all the labels, of the pieces that a source gives."""
    pieces = list(source(data, model, batch_size=2, steps=steps).pieces)
    inputs = tf.nest.map_structure(lambda *leaves: np.concatenate(leaves), *[piece.inputs for piece in pieces])
    labels = None if pieces[0].labels is None else np.concatenate([piece.labels for piece in pieces])
    return inputs, labels


@pytest.mark.parametrize("form", PLAIN)
def test_inputs_in_every_form_are_the_same_examples(model, images, form):
    inputs, labels = read(PLAIN[form](images), model)

    np.testing.assert_allclose(inputs, images, rtol=1e-6)
    assert inputs.dtype == np.float32
    assert labels is None


@pytest.mark.parametrize("form", LABELLED)
def test_labelled_data_gives_its_labels_as_targets(model, images, form):
    inputs, labels = read(LABELLED[form](images), model)

    np.testing.assert_array_equal(inputs, images)
    np.testing.assert_array_equal(labels.ravel(), LABELS)


@pytest.mark.parametrize("form", ["a list of pictures", "a Dataset, prefetched", "a PyDataset", "a generator"])
def test_maps_do_not_depend_on_the_form_of_the_data(model, images, form):
    expected = explain("gradients", model, images, 1, batch_size=4)

    actual = explain("gradients", model, PLAIN[form](images), 1, batch_size=4)

    np.testing.assert_array_equal(actual.maps, expected.maps)
    np.testing.assert_array_equal(actual.scores, expected.scores)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool", "float16"])
def test_other_numbers_become_the_type_of_the_models_input(echo, model, images, dtype):
    given = (np.abs(images) * 100).astype(dtype)
    expected = given.astype("float32")

    maps = explain(echo, model, given).maps

    assert maps.dtype == np.float32
    np.testing.assert_array_equal(maps[..., 0], expected)


def test_what_is_given_is_not_changed(model, images):
    given = (np.abs(images) * 100).astype("uint8")
    expected = given.copy()

    explain("gradients", model, given)

    np.testing.assert_array_equal(given, expected)
    assert given.dtype == np.uint8


def test_float64_models_are_fed_float64(echo, tools):
    layers = [keras.Input((5,), dtype="float64"), keras.layers.Dense(2, dtype="float64")]
    model = tools.weighted(keras.Sequential(layers))
    given = np.random.default_rng(0).normal(size=(3, 5))

    scores, maps = explain(echo, model, given)

    np.testing.assert_array_equal(maps[..., 0], given)
    assert scores.dtype == np.float64


def halves():
    draws = np.random.default_rng(4)
    return draws.normal(size=(5, 4, 4, 3)).astype("float32"), draws.normal(size=(5, 5)).astype("float32")


SEVERAL = {
    "a list": lambda p, r: [p, r],
    "a tuple": lambda p, r: (p, r),
    "a list of tensors": lambda p, r: [tf.constant(p), tf.constant(r)],
    "a dict": lambda p, r: {"row": r, "picture": p},
    "a dict with more": lambda p, r: {"row": r, "picture": p, "other": r},
    "a Dataset of dicts": lambda p, r: dataset({"picture": p, "row": r}).batch(2),
    "a Dataset of ((p, r), y)": lambda p, r: dataset((p, r), LABELS[:5] % 3).batch(2),
    "a Dataset of (dict, y)": lambda p, r: dataset({"picture": p, "row": r}, LABELS[:5] % 3).batch(2),
    "a generator of lists": lambda p, r: ([p[i : i + 2], r[i : i + 2]] for i in (0, 2, 4)),
    "a generator of dicts": lambda p, r: ({"picture": p[i : i + 2], "row": r[i : i + 2]} for i in (0, 2, 4)),
}
BY_PLACE = {"a list", "a tuple", "a list of tensors", "a Dataset of ((p, r), y)", "a generator of lists"}


@pytest.mark.parametrize("form", SEVERAL)
def test_several_inputs_in_every_form_are_the_same_examples(parts, form):
    picture, row = halves()

    inputs, _ = read(SEVERAL[form](picture, row), parts)

    assert isinstance(inputs, list)
    np.testing.assert_array_equal(inputs[0], picture)
    np.testing.assert_array_equal(inputs[1], row)


@pytest.mark.parametrize("form", [form for form in SEVERAL if form not in BY_PLACE])
def test_inputs_by_name_are_the_same_examples(named_parts, form):
    picture, row = halves()

    inputs, _ = read(SEVERAL[form](picture, row), named_parts)

    assert set(inputs) == {"picture", "row"}
    np.testing.assert_array_equal(inputs["picture"], picture)
    np.testing.assert_array_equal(inputs["row"], row)


def test_inputs_by_name_may_be_ordered():
    row, image = keras.Input((3,), name="row"), keras.Input((2,), name="image")
    joined = keras.layers.Dense(2)(keras.layers.Concatenate()([row, image]))
    model = keras.Model(OrderedDict(row=row, image=image), joined)
    given = {"row": np.ones((4, 3), "float32"), "image": np.zeros((4, 2), "float32")}

    found = explain("smooth(gradients, repetitions=2)", model, given, 0)

    np.testing.assert_allclose(found.scores, model.predict(given, verbose=0)[:, :1], rtol=1e-6)
    assert {name: maps.shape for name, maps in found.maps.items()} == {"row": (4, 3, 1), "image": (4, 2, 1)}


def test_maps_have_the_structure_of_the_inputs(echo, parts, named_parts):
    picture, row = halves()

    listed = explain(echo, parts, [picture, row], batch_size=2).maps
    named = explain(echo, named_parts, {"row": row, "picture": picture}, batch_size=2).maps

    assert [leaf.shape for leaf in listed] == [(5, 4, 4, 3, 1), (5, 5, 1)]
    np.testing.assert_array_equal(listed[1][..., 0], row)
    np.testing.assert_array_equal(named["picture"], listed[0])


def test_integer_inputs_beside_others_keep_their_type(echo, tools):
    words, row = keras.Input((3,), dtype="int32", name="words"), keras.Input((5,), name="row")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(10, 2)(words))
    model = keras.Model([words, row], keras.layers.Dense(2)(keras.layers.Concatenate()([embedded, row])))
    tools.weighted(model)
    given = np.array([[1, 2, 3], [4, 5, 6]])  # int64, as NumPy makes them
    expected = model.predict([given, np.ones((2, 5))], verbose=0)

    scores = explain(_scores_alone(), model, [given, np.ones((2, 5))], "all").scores

    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def _scores_alone():
    from xaikit.core import Explanation, forward, method

    @method
    def scores_alone(model):
        def step(inputs, targets):
            scores = forward(model, inputs, targets)
            return Explanation(scores, scores[:, tf.newaxis, :])

        return step

    return scores_alone


# -- refusals ----------------------------------------------------------------------------------------------------------

PICTURE = np.zeros((3, 8, 8, 3), "float32")
BROKEN = PICTURE.copy()
BROKEN[2, 1, 1, 0] = np.nan

REFUSED = {
    "no batch axis": (PICTURE[0], r"lack the batch axis, give inputs\[np\.newaxis\], or batch the Dataset"),
    "a Dataset that is not batched": (dataset, r"lack the batch axis"),
    "channels first": (np.zeros((3, 3, 8, 8)), r"the channels go last, np\.moveaxis\(inputs, 1, -1\)"),
    "another number of channels": (np.zeros((3, 8, 8, 4)), r"\(3, 8, 8, 4\), and the model takes .*: .* 3 are wanted"),
    "another rank": (np.zeros((3, 8)), r"they have 2 axes instead of 4"),
    "too many axes": (np.zeros((2, 3, 8, 8, 3)), r"they have 5 axes instead of 4"),
    "no rows": (PICTURE[:0], r"There are no examples"),
    "an empty list": ([], r"There are no examples"),
    "an empty Dataset": (lambda x: dataset(x).batch(2).take(0), r"There are no examples"),
    "an empty generator": (lambda x: iter(()), r"There are no examples"),
    "text": ("cat.png", r"must be arrays, tensors, .* not str"),
    "None": (None, r"not NoneType"),
    "a list of text": (["cat.png"], r"not list|must be (real )?numbers"),
    "an array of text": (np.array(["cat"]), r"must be (real )?numbers, not <U3"),
    "objects": (np.array([{}, None]), r"must be (real )?numbers, not object"),
    "complex numbers": (PICTURE.astype("complex64"), r"must be (real )?numbers, not complex64"),
    "ragged pictures": ([PICTURE[0], PICTURE[1, :4]], r"no array of one shape .*: give examples of equal size"),
    "one number": (np.float32(3), r"need a batch axis"),
    "not a number": (BROKEN, r"Example 2 holds NaN or infinity: leave it out, or fill in numbers"),
    "infinity": (np.where(np.isnan(BROKEN), -np.inf, BROKEN), r"Example 2 holds NaN or infinity"),
    "too many things": (lambda x: iter([(x, 1, 2, 3)]), r"must be x, \(x, y\) or \(x, y, w\), not 4 things"),
    "an endless Dataset": (lambda x: dataset(x).batch(2).repeat(), r"The Dataset does not end: give steps"),
    "an endless PyDataset": (lambda x: Turns(x, ends=False), r"The PyDataset does not end .*: give steps"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_in_words(model, case):
    data, words = REFUSED[case]
    given = data(PICTURE) if callable(data) else data

    with pytest.raises(InputError, match=words) as caught:
        explain("gradients", model, given)

    assert "\n" not in str(caught.value)


def test_another_size_is_refused_where_the_model_takes_one_alone(tools):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)), name="fixed")

    with pytest.raises(ModelError, match=r"model 'fixed' does not take inputs of \(None, 9, 8, 3\)") as caught:
        explain("gradients", model, np.zeros((3, 9, 8, 3)))

    assert "\n" not in str(caught.value)


def test_another_size_is_explained_where_the_model_takes_it(echo, model):
    data = np.ones((3, 9, 12, 3), "float32")
    expected = model.predict(data, verbose=0)

    scores, maps = explain(echo, model, data, "all", scores="outputs")

    assert maps.shape == (3, 9, 12, 3, 4)
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_a_table_with_other_features_is_refused_in_words(table):
    with pytest.raises(InputError, match=r"\(2, 6\), and the model takes \(None, 5\): it wants 5 features"):
        explain("gradients", table, np.zeros((2, 6)))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.zeros((2, 4, 4, 3)), r"The model takes 2 inputs, and the data has 1\."),
        ([np.zeros((2, 4, 4, 3))] * 3, r"The model takes 2 inputs, and the data has 3\."),
        ([np.zeros((2, 4, 4, 3)), np.zeros((3, 5))], r"different numbers of examples: \[2, 3\]"),
        ({"picture": np.zeros((2, 4, 4, 3))}, r"The data lacks the input 'row': the model takes 'picture', 'row'"),
        ([np.zeros((2, 5)), np.zeros((2, 4, 4, 3))], r"they have 2 axes instead of 4"),
        ([np.zeros((2, 4, 4, 3)), np.full((2, 5), np.nan)], r"Example 0 holds NaN"),
    ],
    ids=["one of two", "three of two", "other lengths", "a missing name", "swapped", "NaN in the second"],
)
def test_several_inputs_that_do_not_fit_are_refused_in_words(parts, data, words):
    with pytest.raises(InputError, match=words):
        explain("gradients", parts, data)


def test_inputs_by_name_need_a_dict(named_parts):
    with pytest.raises(InputError, match=r"takes its inputs by name \('picture', 'row'\): give a dict"):
        explain("gradients", named_parts, list(halves()))


def test_an_example_is_named_by_its_place_in_all_the_data(model):
    data = np.concatenate([PICTURE, PICTURE, BROKEN])

    with pytest.raises(InputError, match="Example 8 holds NaN"):
        explain("gradients", model, data, batch_size=2)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.eye(3), r"argmax\(axis=-1\)"),
        (np.eye(3, dtype=int), "one-hot rows"),
        (np.array([0.5, 1.5, 2.0]), "must be whole numbers"),
        (np.zeros((3, 1, 1), int), r"must be \[B\] or \[B, T\], not of shape \(3, 1, 1\)"),
        (np.array([0, -1, 2]), "Target -1 is out of range"),
    ],
    ids=["one-hot", "whole one-hot", "fractions", "rank 3", "negative"],
)
def test_labels_that_are_no_classes_are_refused_in_words(model, images, labels, words):
    with pytest.raises(TargetError, match=words):
        explain("gradients", model, iter([(images[:3], labels)]))


def test_labels_of_another_number_than_their_examples_are_refused(model, images):
    data = iter([(images[:3], LABELS[:2]), (images[3:6], LABELS[2:6])])

    with pytest.raises((InputError, TargetError), match=r"3 examples .* 2 labels"):
        explain("gradients", model, data, batch_size=6)


def test_labels_that_nobody_asks_for_may_be_anything(echo, model, images):
    labelled = tf.data.Dataset.from_tensor_slices((images, {"name": ["cat"] * 7})).batch(4)

    maps = explain(echo, model, labelled, 1).maps

    np.testing.assert_array_equal(maps[..., 0], images)


# -- steps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "count"),
    [
        (lambda x: itertools.cycle([x[:3], x[3:6]]), 9),
        (lambda x: dataset(x).batch(2).repeat(), 6),
        (lambda x: Turns(x, ends=False), 6),
        (lambda x: x, 6),
        (batches, 7),
    ],
    ids=["endless generator", "endless Dataset", "endless PyDataset", "array", "generator of three"],
)
def test_steps_are_the_most_batches_that_are_taken(echo, model, images, form, count):
    if count == 6 and isinstance(form(images), Turns):
        images = np.concatenate([images] * 2)

    maps = explain(echo, model, form(images), steps=3, batch_size=2).maps

    assert len(maps) == count
    np.testing.assert_array_equal(maps[:3, ..., 0], images[:3])


def test_more_steps_than_there_are_batches_take_all(echo, model, images):
    assert len(explain(echo, model, images, steps=100, batch_size=2).maps) == 7
    assert len(explain(echo, model, Turns(images), steps=100, batch_size=2).maps) == 7


def test_a_generator_gives_up_no_element_beyond_its_steps(echo, model, images):
    data = itertools.cycle([images[:2], images[2:4], images[4:6]])

    explain(echo, model, data, steps=2, batch_size=2)

    np.testing.assert_array_equal(next(data), images[4:6])


@pytest.mark.parametrize("steps", [0, -1, 1.5, True, "3"])
def test_steps_that_are_no_count_are_refused(model, images, steps):
    with pytest.raises(UsageError, match=r"steps must be a whole number of at least 1, or None, not"):
        stream("gradients", model, images, steps=steps)


def test_a_py_dataset_begins_one_epoch(echo, model, images):
    data = Turns(images)

    explain(echo, model, data)

    assert data.epochs == 1
