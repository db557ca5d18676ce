"""Suites: models with data of which it is known what a right explanation says. Nothing is downloaded."""

from collections.abc import Callable
from importlib import import_module
from typing import cast

from ...errors import ParameterError, UnknownName
from .suite import Part, Suite

SUITES = {"shapes": "shapes", "grid": "grid", "closed-form": "closed_form", "digits": "digits"}

__all__ = ["SUITES", "Part", "Suite", "suite"]


def suite(name: str, *, count: int | None = None) -> Suite:
    """Make a suite.

    Args:
        name: "shapes", "grid", "closed-form" or "digits".
        count: How many examples each of its parts has; by default as many as it is worth.

    Raises:
        UnknownName: There is no such suite.
        ParameterError: `count` is below 2.
        SetupError: It needs a package that is not installed.
    """
    if name not in SUITES:
        raise UnknownName("suite", name, SUITES)
    if count is not None and count < 2:
        raise ParameterError(f"count must be at least 2, not {count!r}.")
    make = cast(Callable[..., Suite], import_module(f".{SUITES[name]}", __name__).make)
    return make() if count is None else make(count)
