"""Explainers as values: the one implementation of the protocol, that two decorators make."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, Protocol, overload

from ..errors import PluginError, UsageError
from .declaration import Declaration, Declared, P, positional, variadic
from .explanation import Step
from .makers import answering
from .steps import BoundStep, Explainer, bound
from .tracing import levels_below
from .view import Model, as_view


@dataclass(frozen=True, repr=False)
class Recipe(Declared[P]):
    """An explainer, or a transformer that still waits for its explainers: a frozen value that spells itself.

    Call it with parameters for a changed copy, `gradcam(layer="conv5")`; call a transformer with its explainers,
    `smooth(gradcam)`. Two recipes are equal if their spellings are.

    Attributes:
        declaration: The method or transformer.
        explainers: What a transformer transforms, in order.
        values: The parameters that differ from their defaults, as (name, value), in the order of their declaration.
    """

    explainers: tuple[Explainer, ...] = ()

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.declaration.function.__doc__

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
        operands = self._operands(explainers) if explainers else self.explainers
        return Recipe(self.declaration, self.with_values(parameters), operands)

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
        with levels_below() as below, answering(self):
            if declaration.requires is not None:
                declaration.requires(view, **parameters)
            if declaration.kind == "method":
                step = declaration.function(view, **parameters)
            elif declaration.takes_model:
                step = declaration.function(*map(_Operand, self.explainers), view, **parameters)
            else:
                step = declaration.function(*(bound(each, view) for each in self.explainers), **parameters)
        return BoundStep(step, view, self, 1 + max([*below, *map(_level, self.explainers)], default=-1))

    def __repr__(self) -> str:
        return self.spelled(*map(repr, self.explainers))


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
        if len(positional(function)) != 1:
            raise PluginError(f"Method {function.__name__} must take the model, and parameters by keyword only.")
        return _recipe(Declaration(function.__name__, "method", function, 0, True, requires))

    return declare(function) if function is not None else declare


class _Transforming(Protocol):
    """What makes a transformer of a function: of explainers and the model, or of steps."""

    @overload
    def __call__(self, function: Callable[Concatenate[Any, Model, P], Step], /) -> Recipe[P]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Any, P], Step], /) -> Recipe[P]: ...


@overload
def transformer(function: Callable[Concatenate[Any, Model, P], Step], /) -> Recipe[P]: ...
@overload
def transformer(function: Callable[Concatenate[Any, P], Step], /) -> Recipe[P]: ...
@overload
def transformer(*, requires: Callable[..., None] | None = None) -> _Transforming: ...
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
        names = positional(function)
        takes_model = bool(names) and names[-1] == "model"
        operands = None if variadic(function) else len(names) - takes_model
        if operands == 0:
            raise PluginError(f"Transformer {function.__name__} must take a step or more, and parameters by keyword.")
        return _recipe(Declaration(function.__name__, "transformer", function, operands, takes_model, requires))

    return declare(function) if function is not None else declare


def _recipe(declaration: Declaration) -> Recipe[Any]:
    declaration.check_defaults()
    return Recipe(declaration)
