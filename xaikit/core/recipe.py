"""Explainers as values: the one implementation of the protocol, that two decorators make."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Concatenate, Generic, Literal, ParamSpec, overload

from ..errors import ParameterError, PluginError, UnknownName, UsageError
from .docstrings import Docstring, parse
from .explanation import Step
from .parameters import Parameter, declared
from .steps import BoundStep, Explainer, bound
from .tracing import levels_below
from .view import Model, as_view

P = ParamSpec("P")
Kind = Literal["method", "transformer"]


@dataclass(frozen=True, eq=False)
class Declaration:
    """What a decorated function declares: its name, its parameters, what it says of itself.

    Attributes:
        name: The function's name, by which it is found.
        kind: "method", or "transformer".
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


@dataclass(frozen=True, repr=False)
class Recipe(Generic[P]):
    """An explainer, or a transformer that still waits for its explainers: a frozen value that spells itself.

    Call it with parameters for a changed copy, `gradcam(layer="conv5")`; call a transformer with its explainers,
    `smooth(gradcam)`. Two recipes are equal if their spellings are.

    Attributes:
        declaration: The method or transformer.
        explainers: What a transformer transforms, in order.
        values: The parameters that differ from their defaults, as (name, value), in the order of their declaration.
    """

    declaration: Declaration
    explainers: tuple[Explainer, ...] = ()
    values: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """The name by which it is found."""
        return self.declaration.name

    @property
    def __name__(self) -> str:
        return self.declaration.name

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.declaration.function.__doc__

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.declaration.function)

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter with its value, defaults included."""
        chosen = dict(self.values)
        return {name: chosen.get(name, item.default) for name, item in self.declaration.parameters.items()}

    @property
    def complete(self) -> bool:
        """Whether nothing is missing for `bind`."""
        return self.declaration.kind == "method" or bool(self.explainers)

    @overload
    def __call__(self, explainer: Explainer, /, *args: P.args, **parameters: P.kwargs) -> "Recipe[P]": ...
    @overload
    def __call__(self, *args: P.args, **parameters: P.kwargs) -> "Recipe[P]": ...
    # the names and types in P are checked at run time; what is accepted is what the overloads say
    def __call__(self, *explainers: Any, **parameters: Any) -> "Recipe[P]":  # type: ignore[misc]
        """Give a changed copy: with explainers, for a transformer, or with parameters.

        Raises:
            UnknownName: There is no such parameter.
            ParameterError: A value is refused.
            UsageError: Explainers where none belong, too few or too many, or something that is no explainer.
        """
        chosen = dict(self.values)
        for name, value in parameters.items():
            chosen[name] = self._checked(name, value)
        order = self.declaration.parameters
        values = tuple((name, chosen[name]) for name in order if name in chosen and chosen[name] != order[name].default)
        return Recipe(self.declaration, self._operands(explainers) if explainers else self.explainers, values)

    def _checked(self, name: str, value: Any) -> Any:
        known = self.declaration.parameters
        if name not in known:
            raise UnknownName("parameter", name, known, owner=self.name)
        try:
            return known[name].check(value)
        except ParameterError as error:
            raise ParameterError(f"{self.name}: {error}") from None

    def _operands(self, explainers: tuple[Any, ...]) -> tuple[Explainer, ...]:
        wanted = self.declaration.operands
        if self.declaration.kind == "method":
            raise UsageError(f"{self.name!r} is a method and takes parameters by name only, not {explainers[0]!r}.")
        if self.explainers:
            raise UsageError(f"{self!r} has its explainer already: write {self.name}(...) around another.")
        if wanted is not None and len(explainers) != wanted:
            raise UsageError(f"{self.name!r} takes {_explainers(wanted)}, not {len(explainers)}.")
        for explainer in explainers:
            if isinstance(explainer, Recipe) and not explainer.complete:
                raise UsageError(_incomplete(explainer))
            if not isinstance(explainer, Explainer) or isinstance(explainer, type):
                raise UsageError(f"{self.name!r} takes explainers, and parameters by name; {explainer!r} is neither.")
        return explainers

    def bind(self, model: Any, /) -> Step:
        """Make the step for `model`, a view or a Keras model.

        Raises:
            UsageError: A transformer without its explainer.
            ModelError: The model cannot be explained so.
        """
        if not self.complete:
            raise UsageError(_incomplete(self))
        view = as_view(model)
        declaration, parameters = self.declaration, self.parameters
        if declaration.requires is not None:
            declaration.requires(view, **parameters)
        with levels_below() as below:
            if declaration.kind == "method":
                step = declaration.function(view, **parameters)
            elif declaration.takes_model:
                step = declaration.function(*map(_Operand, self.explainers), view, **parameters)
            else:
                step = declaration.function(*(bound(each, view) for each in self.explainers), **parameters)
        return BoundStep(step, view, repr(self), 1 + max([*below, *map(_level, self.explainers)], default=-1))

    def __repr__(self) -> str:
        operands = [repr(explainer) for explainer in self.explainers]
        parts = operands + [f"{name}={value!r}" for name, value in self.values]
        return f"{self.name}({', '.join(parts)})" if parts else self.name


@dataclass(frozen=True)
class _Operand:
    """An explainer for a transformer that binds it itself."""

    explainer: Explainer

    def bind(self, model: Model, /) -> Step:
        return bound(self.explainer, model)


def _level(explainer: Explainer) -> int:
    """The level of an explainer that may be bound later only, inside the step."""
    return 1 + max(map(_level, explainer.explainers), default=-1) if isinstance(explainer, Recipe) else 0


def _explainers(count: int) -> str:
    return "one explainer" if count == 1 else f"{count} explainers"


def _incomplete(recipe: Recipe[Any]) -> str:
    return f"{recipe.name!r} is not complete: give it an explainer, like {recipe.name}(gradcam)."


@overload
def method(function: Callable[Concatenate[Model, P], Step], /) -> Recipe[P]: ...
@overload
def method(
    *, requires: Callable[..., None] | None = None
) -> Callable[[Callable[Concatenate[Model, P], Step]], Recipe[P]]: ...
def method(function: Any = None, /, *, requires: Callable[..., None] | None = None) -> Any:
    """Make a method of a function `(model, *, parameters) -> step`.

    Args:
        function: Its keyword-only arguments are the parameters: a type, a default, and a line under `Args`.
        requires: `(model, **parameters) -> None`, which raises in `bind` where the model does not do.

    Raises:
        PluginError: The function's signature declares no method.
    """

    def declare(function: Callable[..., Any]) -> Recipe[Any]:
        if len(_positional(function)) != 1:
            raise PluginError(f"Method {function.__name__} must take the model, and parameters by keyword only.")
        return _recipe(Declaration(function.__name__, "method", function, 0, True, requires))

    return declare(function) if function is not None else declare


@overload
def transformer(function: Callable[Concatenate[Any, P], Step], /) -> Recipe[P]: ...
@overload
def transformer(
    *, requires: Callable[..., None] | None = None
) -> Callable[[Callable[Concatenate[Any, P], Step]], Recipe[P]]: ...
def transformer(function: Any = None, /, *, requires: Callable[..., None] | None = None) -> Any:
    """Make a transformer of a function `(step, *, parameters) -> step`.

    Several positional arguments take several steps, `*steps` one or more. Where the last one is called `model`, the
    others are explainers that are not bound yet: a transformer of views binds them to a changed view of the model.

    Args:
        function: Its keyword-only arguments are the parameters: a type, a default, and a line under `Args`.
        requires: `(model, **parameters) -> None`, which raises in `bind` where the model does not do.

    Raises:
        PluginError: The function's signature declares no transformer.
    """

    def declare(function: Callable[..., Any]) -> Recipe[Any]:
        names = _positional(function)
        takes_model = bool(names) and names[-1] == "model"
        operands = None if _variadic(function) else len(names) - takes_model
        if operands == 0:
            raise PluginError(f"Transformer {function.__name__} must take a step or more, and parameters by keyword.")
        return _recipe(Declaration(function.__name__, "transformer", function, operands, takes_model, requires))

    return declare(function) if function is not None else declare


def _recipe(declaration: Declaration) -> Recipe[Any]:
    defaults = declaration.parameters.values()  # read now: a bad declaration fails where it is written
    for parameter in defaults:
        try:
            parameter.check(parameter.default)
        except ParameterError as error:
            raise PluginError(f"The default of {declaration.name} is against its own type: {error}") from None
    return Recipe(declaration)


def _positional(function: Callable[..., Any]) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [item.name for item in inspect.signature(function).parameters.values() if item.kind in kinds]


def _variadic(function: Callable[..., Any]) -> bool:
    kinds = [item.kind for item in inspect.signature(function).parameters.values()]
    return inspect.Parameter.VAR_POSITIONAL in kinds
