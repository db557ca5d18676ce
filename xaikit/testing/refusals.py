"""What cannot be done is refused by an error of xaikit: in `bind`, where it can be known without data."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ..core import Explainer, Model, Recipe, Step
from ..core.steps import bound
from ..errors import UsageError, XaikitError
from .law import Broken, Skipped, explained

_NOBODY = "no_such_layer"


@dataclass(frozen=True)
class _Watched:
    """An explainer that remembers whether it was bound."""

    explainer: Explainer
    done: list[bool] = field(compare=False)

    def bind(self, model: Model, /) -> Step:
        step = bound(self.explainer, model)
        self.done.append(True)
        return step


def refusal(explainer: Explainer, model: Any, inputs: Any, targets: Any = "top1") -> tuple[str, Any]:
    """Explain, and give what `bind` says against the model, or nothing and the explanation.

    Raises:
        Broken: The explainer fails in another way, or refuses the model only when its step is traced.
    """
    watched = _Watched(explainer, [])
    try:
        return "", explained(watched, model, inputs, targets)
    except XaikitError as error:
        if watched.done:
            raise Broken(f"bind takes {model.name!r}, and the step fails: {type(error).__name__}: {error}") from error
        return str(error), None
    except Exception as error:
        where = "the step" if watched.done else "bind"
        raise Broken(f"{where} fails on {model.name!r} with {type(error).__name__}: {error}") from error


def refuses_unknown_layers(explainer: Explainer, model: Any, inputs: Any) -> str:
    """Check that `bind` refuses a layer that the model does not have, and names it, wherever a layer can be given."""
    wrong = _misled(explainer)
    if not wrong:
        raise Skipped("it has no parameter `layer`")
    for each in wrong:
        said, _ = refusal(each, model, inputs)
        if not said:
            raise Broken(f"{each!r} is bound, and explains: the layer is not looked for")
        if _NOBODY not in said:
            raise Broken(f"the error of {each!r} does not name the layer: {said}")
    return ""


def _misled(explainer: Explainer) -> list[Recipe[Any]]:
    """Give copies of an expression with an unknown layer, one for each level that has a parameter for it."""
    if not isinstance(explainer, Recipe):
        return []
    made = [explainer(**{name: _NOBODY}) for name in ("layer", "layers") if name in explainer.parameters]
    for place, operand in enumerate(explainer.explainers):
        for other in _misled(operand):
            operands = (*explainer.explainers[:place], other, *explainer.explainers[place + 1 :])
            made.append(replace(explainer, explainers=operands))
    return made


def refused(call: Callable[[], object], subject: str) -> None:
    """Check that a call is refused with UsageError.

    Raises:
        Broken: It is not, or with another error.
    """
    try:
        call()
    except UsageError:
        return
    except Exception as error:
        raise Broken(f"{subject} fails with {type(error).__name__}, which is no UsageError: {error}") from error
    raise Broken(f"{subject} is not refused")
