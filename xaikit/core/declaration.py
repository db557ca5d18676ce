"""Values that are declared by a function: their name, their parameters, and how they spell themselves."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Literal, ParamSpec

from ..errors import ParameterError, PluginError, UnknownName
from .docstrings import Docstring, parse
from .parameters import Parameter, declared

P = ParamSpec("P")
Kind = Literal["method", "transformer", "metric"]


@dataclass(frozen=True, eq=False)
class Declaration:
    """What a decorated function declares: its name, its parameters, what it says of itself.

    Attributes:
        name: The function's name, by which it is found.
        kind: "method", "transformer" or "metric".
        function: The function itself.
        operands: How many explainers a transformer takes; None is one or more.
        takes_model: A transformer of views: it is given its explainers unbound, and the view.
        requires: A check of the model and the parameters that runs in `bind`.
    """

    name: str
    kind: Kind
    function: Callable[..., Any]
    operands: int | None = 0
    takes_model: bool = True
    requires: Callable[..., None] | None = None

    @cached_property
    def docstring(self) -> Docstring:
        """The function's docstring in parts."""
        return parse(self.function.__doc__)

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters by name, in the order of their declaration."""
        return {item.name: item for item in declared(self.function, self.docstring.arguments)}

    def check_defaults(self) -> None:
        """Read the declaration now: a bad one fails where it is written.

        Raises:
            PluginError: A parameter has no default, or one against its own type.
        """
        for parameter in self.parameters.values():
            try:
                parameter.check(parameter.default)
            except ParameterError as error:
                raise PluginError(f"The default of {self.name} is against its own type: {error}") from None


@dataclass(frozen=True, repr=False)
class Declared(Generic[P]):
    """A frozen value of a declaration with its parameters. Two are equal if their spellings are.

    Attributes:
        declaration: What it is a value of.
        values: The parameters that differ from their defaults, as (name, value), in the order of their declaration.
    """

    declaration: Declaration
    values: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """The name by which it is found."""
        return self.declaration.name

    @property
    def __name__(self) -> str:
        return self.declaration.name

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.declaration.function)

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter with its value, defaults included."""
        chosen = dict(self.values)
        return {name: chosen.get(name, item.default) for name, item in self.declaration.parameters.items()}

    def __call__(self, *args: Any, **parameters: Any) -> Any:
        """Give a changed copy; what else a value can be called with, its kind says."""
        raise NotImplementedError

    def with_values(self, parameters: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        """Give `values` with some parameters changed.

        Raises:
            UnknownName: There is no such parameter.
            ParameterError: A value is refused.
        """
        chosen = dict(self.values)
        for name, value in parameters.items():
            chosen[name] = self._checked(name, value)
        order = self.declaration.parameters
        return tuple((name, chosen[name]) for name in order if name in chosen and chosen[name] != order[name].default)

    def _checked(self, name: str, value: Any) -> Any:
        known = self.declaration.parameters
        if name not in known:
            raise UnknownName("parameter", name, known, owner=self.name)
        try:
            return known[name].check(value)
        except ParameterError as error:
            raise ParameterError(f"{self.name}: {error}") from None

    def __repr__(self) -> str:
        return self.spelled()

    def spelled(self, *operands: str) -> str:
        """Write the value as an expression, around operands that are written already."""
        parts = [*operands, *(f"{name}={value!r}" for name, value in self.values)]
        return f"{self.name}({', '.join(parts)})" if parts else self.name


def positional(function: Callable[..., Any]) -> list[str]:
    """List the names of the positional arguments of a function."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [item.name for item in inspect.signature(function).parameters.values() if item.kind in kinds]


def variadic(function: Callable[..., Any]) -> bool:
    """Whether a function takes any number of positional arguments."""
    kinds = [item.kind for item in inspect.signature(function).parameters.values()]
    return inspect.Parameter.VAR_POSITIONAL in kinds
