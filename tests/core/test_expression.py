"""Expressions: what is written reads back, and what is none is refused where it goes wrong."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import explainers
from xaikit import find, gradcam, smooth, tta
from xaikit.core.expression import read
from xaikit.errors import ExpressionError, UnknownName, UsageError, XaikitError


@settings(max_examples=60)
@given(explainers())
def test_an_explainer_reads_back_as_it_is_written(explainer):
    again = find(repr(explainer))

    assert again == explainer
    assert hash(again) == hash(explainer)
    assert repr(again) == repr(explainer)


@settings(max_examples=40)
@given(explainers(), explainers())
def test_equality_follows_the_spelling(first, second):
    assert (first == second) == (repr(first) == repr(second))


def test_an_expression_is_what_python_reads():
    expected = smooth(tta(gradcam(layer="conv5"), scales=(0.5,)), repetitions=50)

    assert find("smooth(tta(gradcam(layer='conv5'), scales=(0.5,)), repetitions=50)") == expected
    assert find(' smooth(tta(gradcam(layer="conv5"),scales=[0.5]), repetitions=5_0) ') == expected


def test_parameters_at_their_defaults_are_left_out():
    assert repr(find("smooth(gradcam, repetitions=20, noise=0.1)")) == "smooth(gradcam)"


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("gradcam.bind", "'gradcam.bind', column 1", "a name or a call"),
        ("smooth(gradcam.bind)", "'gradcam.bind)', column 8", "a name or a call"),
        ("gradcam + gradients", "'gradcam + gradients', column 1", "a name or a call"),
        ("[gradcam][0]", "column 1", "a name or a call"),
        ("gradcam[0]", "column 1", "a name or a call"),
        ("lambda: gradcam", "column 1", "a name or a call"),
        ("smooth(lambda m: m)", "column 8", "a name or a call"),
        ("smooth([e for e in (1,)])", "column 8", "a name or a call"),
        ("smooth(*[gradcam])", "column 8", "a name or a call"),
        ("smooth(gradcam, **{})", "'{})', column 19", "parameters are written out"),
        ("smooth(gradcam)(noise=1)", "column 1", "only a name can be called"),
        ("smooth(gradcam, noise=1+1)", "'1+1)', column 23", "here belongs a value"),
        ("smooth(gradcam, noise=gradcam)", "'gradcam)', column 23", "here belongs a value"),
        ("smooth(gradcam, noise=__import__('os'))", "column 23", "here belongs a value"),
        ("smooth(gradcam, noise=f'{1}')", "column 23", "here belongs a value"),
        ("smooth(gradcam, 50)", "'50)', column 17", r"its name \(there are: repetitions, noise"),
        ("3", "column 1", "a name or a call"),
        ("(gradcam := 3)", "column 2", "a name or a call"),
        ("gradcam if 1 else gradcam", "column 1", "a name or a call"),
        ("smooth(gradcam", "column", "was never closed"),
        ("gradcam; gradcam", "column 8", "invalid syntax"),
        ("", "its end", ""),
        ("é.é", "'é.é', column 1", "a name or a call"),
    ],
)
def test_what_is_no_expression_is_refused_at_its_place(text, place, reason):
    with pytest.raises(ExpressionError, match=f"Cannot read .*{reason}") as refusal:
        find(text)

    assert place in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_nothing_in_an_expression_is_run(tmp_path):
    path = tmp_path / "made"

    with pytest.raises(ExpressionError):
        find(f"smooth(gradcam, noise=open({str(path)!r}, 'w'))")
    assert not path.exists()


@pytest.mark.parametrize("text", ["smooth(" * 3000 + "gradcam" + ")" * 3000, "x" * 20_000, "-" * 9_000 + "1"])
def test_an_expression_that_is_too_deep_or_too_long_is_refused(text):
    with pytest.raises(XaikitError):
        find(text)


@settings(max_examples=200)
@given(st.text(max_size=40) | st.text("smothgradc()*.,=[]{}'\"0-1:# \n", max_size=40))
def test_any_text_is_read_or_refused_in_one_sentence(text):
    try:
        find(text)
    except XaikitError as refusal:
        assert str(refusal)  # noqa: PT017 (both ways are right)


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(
        UnknownName, match=r"There is no method, transformer or metric named 'smoth'\. Did you mean 'smooth'"
    ):
        find("smoth(gradcam)")


def test_a_method_takes_no_explainer():
    with pytest.raises(UsageError, match="'gradcam' is a method and takes parameters by name only"):
        find("gradcam(smooth)")


def test_a_transformer_without_an_explainer_is_not_complete():
    with pytest.raises(UsageError, match=r"'smooth' is not complete: give it an explainer, like smooth\(gradcam\)"):
        find("tta(smooth)")


def test_a_name_may_carry_its_distribution():
    asked = []

    def look_up(name):
        asked.append(name)
        return smooth if name.endswith("soft") else gradcam

    explainer = read("my-dist.x:soft(other:cam, noise=0.5)", look_up)

    assert asked == ["my-dist.x:soft", "other:cam"]
    assert explainer == smooth(gradcam, noise=0.5)


def test_a_colon_in_a_text_is_no_distribution():
    explainer = read("gradcam(layer='block:input')", lambda name: gradcam)

    assert explainer == gradcam(layer="block:input")


def test_a_place_is_pointed_at_in_the_text_as_it_was_written():
    with pytest.raises(ExpressionError, match=r"at 'my-dist:cam\.x\)', column 8"):
        read("smooth(my-dist:cam.x)", lambda name: smooth)


def test_find_takes_texts_only():
    with pytest.raises(UsageError, match="An expression must be a text, not int"):
        find(3)


def test_reading_and_listing_import_no_tensorflow():
    program = """
import sys, xaikit
from xaikit.registry import registry
xaikit.find("smooth(tta(gradcam(layer='conv5')), repetitions=3)")
[(entry.summary, entry.kind) for entry in registry().catalogue.values()]
[item.rule for entry in registry().catalogue.values() for item in entry.value.declaration.parameters.values()]
dir(xaikit)
loaded = {"tensorflow", "keras"} & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", program], check=True)
