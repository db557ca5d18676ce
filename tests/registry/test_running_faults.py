"""What goes wrong in a plugin while it runs is said with its name, and the others go on working."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.registry.sources import good
from xaikit import explain, find, gradients, stream
from xaikit.cli import main
from xaikit.core import method
from xaikit.errors import ModelError, PluginError
from xaikit.registry import configure
from xaikit.testing import LAWS

METHOD = """
import numpy as np
from xaikit import hookimpl
from xaikit.core import Explanation, forward, gradient, method, per_target, tf
from xaikit.errors import ModelError

calls = []

@method
def faulty(model, *, strength: float = 1.0):
    '''Go wrong.'''
    {bind}
    def step(inputs, targets):
        scores = forward(model, inputs, targets)
        maps = per_target(lambda score: gradient(score, inputs), scores)
        {step}
        return Explanation(scores, maps)
    return step

@hookimpl
def xaikit_explainers():
    return [faulty]
"""

TRANSFORMER = """
from xaikit import hookimpl
from xaikit.core import transformer

@transformer
def around(step):
    '''Change nothing.'''
    def same(inputs, targets):
        return step(inputs, targets)
    return same

@hookimpl
def xaikit_explainers():
    return [around]
"""

METRIC = """
from xaikit import hookimpl, metric
from xaikit.core import tf
from xaikit.measuring import Measurement

@metric(better="higher")
def faulty(model):
    '''Go wrong.'''
    {bind}
    def measure(case):
        {step}
        return Measurement(tf.reduce_sum(case.maps, axis=[1, 2, 3]))
    return measure

@hookimpl
def xaikit_metrics():
    return [faulty]
"""

# what is done when the method is bound, or in its step; what the message says; the exception's type
FAULTS = {
    "bind raises": ("raise KeyError('conv9')", "", "failed: KeyError: 'conv9'", KeyError),
    "bind gives no step": ("return None", "", "failed: TypeError: 'NoneType' object is not callable", TypeError),
    "the step raises": ("", "raise ValueError('too few\\nof them')", r"failed: ValueError: too few$", ValueError),
    "the step says nothing": ("", "raise ValueError", "failed: ValueError: it does not say why", ValueError),
    "a name that is not there": ("", "maps = slopes", "failed: NameError: name 'slopes' is not defined", NameError),
    "if of a tensor": (
        "",
        "maps = maps if maps else -maps",
        "failed: OperatorNotAllowedInGraphError: Using a symb",
        None,
    ),
    "shapes that do not fit": (
        "",
        "maps = maps + tf.zeros([7, 1])",
        "failed: ValueError: Dimensions must be equal",
        None,
    ),
    "nothing": ("", "return None", r"must return Explanation\(scores, maps\), not NoneType", None),
    "maps alone": ("", "return maps", r"must return Explanation\(scores, maps\), not SymbolicTensor", None),
    "maps of whole numbers": ("", "maps = tf.cast(maps, tf.int32)", "must return maps of floats .*, not int32", None),
    "maps without targets": (
        "",
        "maps = maps[..., 0]",
        r"must return maps \[B, \.\.\., T\] of the 1 targets, not",
        None,
    ),
    "maps of some examples": ("", "maps = maps[:1]", r"failed: Inval.*: assertion failed: \[maps must be \[B, ", None),
    "an op that fails": (
        "",
        "tf.debugging.assert_less(maps, -1e9, message='too bright')",
        r"failed: InvalidArgumentError: assertion failed: \[too bright\]",
        None,
    ),
    "Python in the graph that fails": (
        "",
        "maps = tf.ensure_shape(tf.numpy_function(lambda x: 1 // 0, [maps], tf.float32), maps.shape)",
        "failed: [A-Z][A-Za-z]*Error: ZeroDivisionError: integer division",
        None,
    ),
}


@pytest.fixture
def plugins(installed):
    """Install plugins in this process: `find` and `explain` know them."""

    def install(**sources):
        installed(**sources)
        configure()

    yield install
    configure()


def faulty(bind="", step="", source=METHOD):
    return source.format(bind=bind, step=step)


WITHIN = ("bind raises", "the step raises", "nothing", "maps of some examples", "an op that fails")
CASES = [("faulty", fault) for fault in FAULTS] + [
    ("absolute(smooth(faulty, repetitions=2))", fault) for fault in WITHIN
]


@pytest.mark.parametrize(("text", "fault"), CASES)
def test_what_goes_wrong_is_said_with_the_plugin_s_name_and_the_others_go_on(plugins, pooled, images, text, fault):
    bind, step, words, cause = FAULTS[fault]
    plugins(a_good=good("first"), m_faulty=faulty(bind, step))
    before = explain(gradients, pooled, images)

    with pytest.raises(PluginError, match=rf"^(The step of )?faulty, of the plugin m-faulty 1\.0, {words}") as caught:
        explain(text, pooled, images)

    assert caught.value.exit_code == 6
    assert cause is None or type(caught.value.__cause__) is cause
    assert find("smooth(first)")
    np.testing.assert_array_equal(explain(gradients, pooled, images).maps, before.maps)
    assert not [layer for layer in pooled._flatten_layers() if "call" in layer.__dict__]


def test_another_plugin_goes_on_after_one_has_failed(plugins, pooled, images):
    plugins(a_good=good("first"), m_faulty=faulty(step="raise ValueError('too few')"))
    expected = explain(gradients, pooled, images).maps

    for _ in range(2):
        with pytest.raises(PluginError, match="m-faulty"):
            explain("average(first, faulty)", pooled, images)
        np.testing.assert_array_equal(explain("first", pooled, images).maps, expected)


@pytest.mark.parametrize("text", ["faulty", "smooth(faulty, repetitions=2)"])
def test_maps_that_are_not_finite_where_the_scores_are_name_the_plugin(plugins, pooled, images, text):
    plugins(m_faulty=faulty(step="maps = tf.math.log(maps - 1e9)"))

    with pytest.raises(PluginError, match=r"example 0 is not finite.* \(faulty, of the plugin m-faulty 1\.0\)\.$"):
        explain(text, pooled, images)


def test_where_the_scores_are_not_finite_either_it_is_the_model(plugins, pooled, images):
    plugins(a_good=good("first"))
    broken = keras.models.clone_model(pooled)
    broken.set_weights([weights * np.float32("inf") for weights in pooled.get_weights()])

    with pytest.raises(ModelError, match="look at the model's weights"):
        explain("first", broken, images)


def test_a_fault_in_one_batch_leaves_those_before_it(plugins, pooled, images):
    plugins(m_faulty=faulty(step="tf.debugging.assert_less(inputs, 100.0, message='too bright')"))
    data = np.concatenate([images[:4], images[4:] + 1000])
    parts = stream("faulty", pooled, data, batch_size=2)

    np.testing.assert_array_equal(next(parts).maps, explain(gradients, pooled, data[:2]).maps)
    assert len(next(parts).maps) == 2
    with pytest.raises(PluginError, match=r"m-faulty 1\.0, failed: InvalidArgumentError: .*too bright"):
        next(parts)
    np.testing.assert_array_equal(
        explain("faulty", pooled, images).maps, explain(gradients, pooled, images).maps
    )  # and it goes on itself


def test_a_check_of_a_plugin_that_fails_is_said_with_its_name(plugins, pooled, images):
    source = faulty().replace("@method\n", "@method(requires=lambda model, **_: model.nothing)\n")
    plugins(m_faulty=source)

    with pytest.raises(PluginError, match=r"m-faulty 1\.0, failed: AttributeError: .*nothing"):
        explain("faulty", pooled, images)


def test_an_error_that_a_plugin_raises_on_purpose_is_its_own(plugins, pooled, images):
    plugins(m_faulty=faulty(bind="raise ModelError('This model is too small.')"))

    with pytest.raises(ModelError, match=r"^This model is too small\.$"):
        explain("faulty", pooled, images)


@pytest.mark.parametrize(
    "step", ["raise MemoryError", "raise tf.errors.ResourceExhaustedError(None, None, 'OOM when allocating')"]
)
def test_a_lack_of_memory_is_no_plugin_s_fault(plugins, pooled, images, step):
    plugins(m_faulty=faulty(step=step))

    with pytest.raises(ModelError, match="Memory ran out with a single row"):
        explain("faulty", pooled, images, batch_size=1)


def test_a_plugin_does_not_answer_for_what_it_goes_around(plugins, pooled, images):
    plugins(m_around=TRANSFORMER)

    @method
    def mine(model):
        def step(inputs, targets):
            raise RuntimeError("my own")

        return step

    with pytest.raises(RuntimeError, match=r"^my own$"):
        explain(find("around")(mine), pooled, images)


def test_nor_for_ops_of_what_it_goes_around(plugins, pooled, images):
    plugins(m_around=TRANSFORMER, m_faulty=faulty(step="tf.debugging.assert_less(maps, -1e9)"))

    @method
    def mine(model):
        made = gradients.bind(model)

        def step(inputs, targets):
            tf.debugging.assert_less(inputs, -1e9, message="my own")
            return made(inputs, targets)

        return step

    with pytest.raises(tf.errors.InvalidArgumentError, match="my own"):
        explain(find("around")(mine), pooled, images)
    with pytest.raises(PluginError, match=r"^faulty, of the plugin m-faulty"):
        explain("around(faulty)", pooled, images)


@pytest.mark.parametrize("text", ["gradcam", "lrp", "smooth(guided_backprop, repetitions=2)"])
def test_naming_the_ops_of_a_plugin_changes_no_map(plugins, pooled, images, text):
    plugins(m_around=TRANSFORMER)
    expected = explain(text, pooled, images)

    actual = explain(f"around({text})", pooled, images)

    np.testing.assert_array_equal(actual.maps, expected.maps)
    np.testing.assert_array_equal(actual.scores, expected.scores)


def test_work_of_the_host_in_a_plugin_is_no_fault_under_xla(plugins, pooled, images):
    work = "maps = on_host(lambda x: 2 * x, maps, tf.float32, maps.shape, 'doubling')"
    plugins(m_faulty="from xaikit.core.host import on_host\n" + faulty(step=work))

    explained = explain("faulty", pooled, images, jit=True)

    np.testing.assert_allclose(explained.maps, 2 * explain(gradients, pooled, images).maps, rtol=1e-5)
    assert explained.notes["jit"] == "off, for doubling"


def test_a_step_that_is_called_by_hand_is_named_too(plugins, pooled, images):
    plugins(m_faulty=faulty(step="tf.debugging.assert_less(maps, -1e9, message='too bright')"))
    step = find("faulty").bind(pooled)

    with pytest.raises(PluginError, match=r"^faulty, of the plugin m-faulty 1\.0, failed: .*too bright"):
        step(images, [0] * len(images))


def test_a_qualified_name_is_named_too(plugins, pooled, images):
    plugins(m_faulty=faulty(step="raise ValueError('clash')").replace("faulty", "gradcam"))

    with pytest.raises(PluginError, match=r"^m-faulty:gradcam, of the plugin m-faulty 1\.0, failed: ValueError: clash"):
        explain("m-faulty:gradcam", pooled, images)


@pytest.mark.parametrize(
    ("bind", "step", "words"),
    [
        ("raise KeyError('conv9')", "", r"^faulty, of the plugin m-faulty 1\.0, failed: KeyError: 'conv9'"),
        ("", "raise ValueError('empty')", r"^faulty, of the plugin m-faulty 1\.0, failed: ValueError: empty"),
        ("", "return None", r"^The measure of faulty, of the plugin m-faulty 1\.0, must return Measurement\(values\)"),
        ("", "return Measurement(case.maps)", r"must return one value for each example, \[B\], not \(None, 8, 8, 3\)"),
        ("", "return Measurement(1.0)", r"must return one value for each example, \[B\], not float"),
        ("", "tf.debugging.assert_less(case.maps, -1e9, message='odd')", r"^faulty, of the plugin m-faulty.*\[odd\]"),
    ],
    ids=["bind raises", "measure raises", "nothing", "a value for each pixel", "a number", "an op that fails"],
)
def test_what_goes_wrong_in_a_metric_is_said_with_the_plugin_s_name(plugins, pooled, images, bind, step, words):
    plugins(m_faulty=faulty(bind, step, METRIC))

    with pytest.raises(PluginError, match=words):
        find("faulty")(gradients, pooled, images)


def test_the_command_says_it_in_one_line_and_exits_with_six(plugins, capsys, tmp_path):
    plugins(m_faulty=faulty(step="raise ValueError('too few')"))

    with pytest.raises(SystemExit) as ended:
        main(["explain", "faulty", "-o", str(tmp_path / "out")])

    assert ended.value.code == 6
    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: faulty, of the plugin m-faulty 1.0, failed: ValueError: too few"
    )
    assert not (tmp_path / "out").exists()


# faults that no message can name, since maps come out: the laws find them
LAWLESS = {
    "it changes the weights": ("", "model.keras_model.weights[0].assign_add(model.keras_model.weights[0])", "purity"),
    "it leaves something on the model": ("model.keras_model.layers[1].mark = 1", "", "purity"),
    "it draws from TensorFlow's generator": ("", "maps = maps + tf.random.normal(tf.shape(maps))", "repetition"),
    "it seeds NumPy's generator": ("np.random.seed(7)", "", "purity"),
    "it mixes the examples of a batch": ("", "maps = maps / tf.reduce_max(tf.abs(maps))", "neighbours"),
    "it draws for each place in the batch": (
        "",
        "maps = maps * tf.random.stateless_uniform(tf.shape(maps), (1, 2))",
        "order",
    ),
    "its maps depend on how often it was traced": ("", "calls.append(1); maps = maps * len(calls)", "jit"),
    "its scores are not those of the model": ("", "scores = scores + 1", "clean scores"),
    "it explains one target whatever was asked for": ("", "maps = tf.zeros_like(maps) + maps[..., :1]", "targets"),
}


@pytest.mark.parametrize("fault", LAWLESS)
def test_what_no_message_can_name_the_laws_find(plugins, pooled, images, fault):
    bind, step, name = LAWLESS[fault]
    plugins(m_faulty=faulty(bind, step))
    model = keras.models.clone_model(pooled)  # it may be spoilt
    model.set_weights(pooled.get_weights())
    law = next(law for law in LAWS if law.name == name)

    with pytest.raises(AssertionError):
        law.check(find("faulty"), model, images)


def test_one_that_is_another_each_time_is_traced_each_time_and_a_law_finds_it(plugins, pooled, images):
    source = (
        "from xaikit import gradients, hookimpl\n"
        "class Restless:\n    name = 'restless'\n"
        "    def bind(self, model):\n        return gradients.bind(model)\n"
        "    asked = 0\n"
        "    def __hash__(self):\n        self.asked += 1\n        return self.asked\n"
        "@hookimpl\ndef xaikit_explainers():\n    return [Restless()]\n"
    )
    plugins(m_restless=source)
    law = next(law for law in LAWS if law.name == "one trace")

    with pytest.raises(AssertionError, match="traces more than the first"):
        law.check(find("restless"), pooled, images)
