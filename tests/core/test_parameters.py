"""Parameters: declared once, checked where they are written, described in words."""

from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import Field

from xaikit import gradcam, method, smooth, tta
from xaikit.core import Count, NonNegative, Positive, Seed, Share
from xaikit.core.arrays import Array
from xaikit.core.parameters import Parameter, describe
from xaikit.errors import ParameterError, UnknownName


def parameter(kind, default=None):
    return Parameter("amount", kind, default, "")


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Count, 0, "amount must be at least 1, not 0."),
        (Count, 2.5, "amount must be a whole number, not 2.5."),
        (Count, "3", "amount must be a whole number, not '3'."),
        (Count, True, "amount must be a whole number, not True."),
        (NonNegative, -0.5, "amount must be at least 0, not -0.5."),
        (NonNegative, float("nan"), "amount must be a finite number, not nan."),
        (NonNegative, "loud", "amount must be a number, not 'loud'."),
        (Positive, 0, "amount must be more than 0, not 0."),
        (Share, 1.5, "amount must be at most 1, not 1.5."),
        (Seed, -1, "amount must be at least 0, not -1."),
        (Annotated[int, Field(lt=9)], 9, "amount must be less than 9, not 9."),
        (bool, 1, "amount must be True or False, not 1."),
        (str, 5, "amount must be a text, not 5."),
        (Literal["mean", "sum"], "max", "amount must be 'mean' or 'sum', not 'max'."),
        (tuple[Positive, ...], 0.5, "amount must be a tuple, such as (0.5, 2.0), not 0.5."),
        (tuple[Positive, ...], (1.0, -1.0), "amount must be more than 0, not (1.0, -1.0)."),
    ],
)
def test_a_refused_value_names_the_rule_and_the_value(kind, value, message):
    with pytest.raises(ParameterError) as refusal:
        parameter(kind).check(value)

    assert str(refusal.value) == message


def test_alternatives_are_joined_by_or():
    with pytest.raises(ParameterError, match="amount must be a number or must be a text, not None"):
        parameter(float | str).check(None)


def test_a_long_value_is_cut_in_the_message():
    with pytest.raises(ParameterError) as refusal:
        parameter(int).check("x" * 500)

    assert len(str(refusal.value)) < 120


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Count, np.int64(3), 3),
        (NonNegative, np.float32(0.5), 0.5),
        (NonNegative, 2, 2.0),
        (bool, np.True_, True),
        (tuple[Positive, ...], [0.5, np.float64(2.0)], (0.5, 2.0)),
        (tuple[Positive, ...], (1, 2), (1.0, 2.0)),
    ],
)
def test_numbers_of_numpy_and_lists_become_plain_values(kind, value, expected):
    actual = parameter(kind).check(value)

    assert actual == expected
    assert type(actual) is type(expected)


def test_a_refused_value_names_its_explainer_too():
    with pytest.raises(ParameterError, match=r"^smooth: repetitions must be at least 1, not 0"):
        smooth(gradcam, repetitions=0)


def test_an_unknown_parameter_names_the_nearest():
    with pytest.raises(UnknownName, match=r"smooth has no parameter named 'repetition'\. Did you mean 'repetitions'"):
        smooth(gradcam, repetition=3)


def test_an_unknown_parameter_like_no_other_lists_them_all():
    with pytest.raises(UnknownName, match="There are: hflip, resize_method, scales"):
        tta(gradcam, zzz=3)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Count, "whole number, at least 1"),
        (NonNegative, "number, at least 0"),
        (Share, "number, at least 0, at most 1"),
        (bool, "True or False"),
        (Literal["mean", "sum"], '"mean" or "sum"'),
        (tuple[Positive, ...], "tuple of: number, more than 0"),
        (float | Array, "number or array"),
        (str, "text"),
    ],
)
def test_types_are_put_into_words(kind, expected):
    assert describe(kind) == expected


def test_a_parameter_without_a_type_takes_anything():
    @method
    def loose(model, *, anything=None):
        """Take anything."""

    assert loose(anything=("a", 1)).parameters == {"anything": ("a", 1)}


def test_a_declaration_gives_each_parameter_its_line_of_the_docstring():
    parameters = smooth.declaration.parameters

    assert list(parameters) == ["repetitions", "noise", "relative", "reduce", "seed", "tolerance"]
    assert all(parameter.text.endswith(".") for parameter in parameters.values())
    assert parameters["seed"].text == "Which draws."
    assert parameters["repetitions"].rule == "whole number, at least 1"
