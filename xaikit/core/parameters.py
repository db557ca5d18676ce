"""Parameters: declared once, as keyword-only arguments with a type, a default and a line in the docstring."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from ..errors import ParameterError, PluginError
from .arrays import Array

Count = Annotated[int, Field(ge=1)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a method or a transformer.

    Attributes:
        name: As it is written in Python, in an expression and on the command line.
        type: Its annotation; `Any` where there is none.
        default: The value that is left out of the spelling.
        text: Its line of the docstring.
    """

    name: str
    type: Any
    default: Any
    text: str

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.type)

    @property
    def checkable(self) -> bool:
        """Whether values can be checked against the type."""
        try:
            return self._adapter is not None
        except (PydanticUserError, TypeError):
            return False

    def check(self, value: Any) -> Any:
        """Give `value` as the type says it, or raise a ParameterError that says the rule and the value."""
        try:
            return self._adapter.validate_python(_plain(value), strict=True)
        except ValidationError as error:
            raise ParameterError(f"{self.name} {_rule(error)}, not {_shown(value)}.") from None

    @property
    def rule(self) -> str:
        """The type in words, such as "whole number, at least 1"."""
        return describe(self.type)


def declared(function: Callable[..., Any], texts: Mapping[str, str]) -> tuple[Parameter, ...]:
    """Read the keyword-only arguments of `function`; every one needs a default.

    Raises:
        PluginError: An argument has no default, takes any name (`**kwargs`), or has a type that is none.
    """
    try:
        hints = get_type_hints(function, include_extras=True) if getattr(function, "__annotations__", None) else {}
    except NameError as error:
        raise PluginError(f"The parameters of {function.__name__} have types that are not there: {error}.") from error
    parameters = []
    for argument in inspect.signature(function).parameters.values():
        if argument.kind is argument.VAR_KEYWORD:
            raise PluginError(f"{function.__name__} takes **{argument.name}: every parameter needs a name of its own.")
        if argument.kind is not argument.KEYWORD_ONLY:
            continue
        if argument.default is argument.empty:
            raise PluginError(f"Parameter {argument.name!r} of {function.__name__} has no default: give it one.")
        kind = hints.get(argument.name, Any)
        parameter = Parameter(argument.name, kind, argument.default, texts.get(argument.name, ""))
        if not parameter.checkable:
            raise PluginError(
                f"Parameter {argument.name!r} of {function.__name__} has a type that cannot be checked, {kind!r}: use "
                "int, float, str, bool, tuple, Literal, or those of xaikit.core."
            )
        parameters.append(parameter)
    return tuple(parameters)


def _plain(value: Any) -> Any:
    """Numbers of NumPy become Python's, and lists tuples: a value is hashable and spells itself."""
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return value.item()
    return value


_RULES = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be a text",
    "bool_type": "must be True or False",
    "value_error": "{error}",
    "tuple_type": "must be a tuple, such as (0.5, 2.0)",
}


def _rule(error: ValidationError) -> str:
    """Say the rules that were broken; alternatives of a union are joined by "or"."""
    rules = []
    for detail in error.errors(include_url=False):
        template = _RULES.get(detail["type"])
        context = detail.get("ctx", {})
        text = template.format(**{k: _number(v) for k, v in context.items()}) if template else ""
        rules.append(text or f"is refused ({detail['msg']})")
    return " or ".join(dict.fromkeys(rules))


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def describe(kind: Any) -> str:
    """Put a type into words, for `xaikit show` and the reference."""
    if get_origin(kind) is Annotated:
        base, *extras = get_args(kind)
        bounds = [bound for extra in extras for bound in _bounds(extra)]
        return ", ".join([describe(base), *bounds])
    if get_origin(kind) is Literal:
        return " or ".join(f'"{option}"' if isinstance(option, str) else repr(option) for option in get_args(kind))
    if get_origin(kind) is tuple:
        items = [item for item in get_args(kind) if item is not Ellipsis]
        return f"tuple of: {describe(items[0])}" if items else "tuple"
    words = {int: "whole number", float: "number", str: "text", bool: "True or False", Any: "anything", Array: "array"}
    if kind in words:
        return words[kind]
    arguments = get_args(kind)
    return " or ".join(describe(argument) for argument in arguments) if arguments else getattr(kind, "__name__", "any")


def _bounds(extra: Any) -> list[str]:
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    rules = getattr(extra, "metadata", [])
    return [f"{word} {_power(rule, name)}" for rule in rules for name, word in words.items() if hasattr(rule, name)]


def _power(rule: Any, name: str) -> str:
    bound = getattr(rule, name)
    exponent = bound.bit_length() - 1 if isinstance(bound, int) else 0
    return f"2^{exponent}" if exponent > 20 and bound == 1 << exponent else str(bound)
