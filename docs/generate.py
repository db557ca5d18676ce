"""Write the reference: from the declarations of the catalogue, the commands' help, the hooks and the errors.

Run as `python docs/generate.py`. TensorFlow is not imported. A test holds that the committed pages are these.
"""

import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own table of kinds of models

from tests.kinds.kinds import KINDS, MEANING
from xaikit import errors, hookspecs
from xaikit.cli.app import app
from xaikit.registry import Entry, Registry
from xaikit.testing import ADVICE, CLAIMED, METRIC_LAWS, PROMISES, THOROUGH, TRANSFORMER_LAWS, Law

FOLDER = Path(__file__).parent / "reference"
WIDTH = 100  # of the commands' help, whatever the terminal's

_GENERATED = "<!-- Written by docs/generate.py. Change the declarations and run it again. -->"
_SHAPE = re.compile(r"(?<!`)\[B, [^\]]*\]")

_METHODS = """\
A method makes maps of a model. Every one is complete as it stands: `explain(gradcam, model, inputs)`. Its parameters
are given by name: `gradcam(layer="conv5")`. How to choose among them:
[Choose a method](../how-to/choose-a-method.md).

`B` counts the examples of a batch and `T` the targets; `*input` is the shape of one example, `*positions` the grid of
the layer that was read."""

_TRANSFORMERS = """\
A transformer takes an explainer `e`, any one, and is an explainer again: `smooth(tta(gradcam))`. How they go
together: [Compose](../how-to/compose.md).

`B` counts the examples of a batch and `T` the targets; `*input` is the shape of one example, `*positions` a grid."""

_METRICS = """\
A metric says how good an explanation is, one number for each example. It is called with an explainer, or with maps that
were made before: `deletion(steps=20)(gradcam, model, inputs)`. [Evaluate](../how-to/evaluate.md) compares several, and
[Choose a metric](../how-to/choose-a-metric.md) says which answers what.

Costs are model evaluations for each example and target, beside those of the explainer."""

_COMMANDS = """\
Results go to stdout; progress and messages go to stderr. With `--json` the result is one JSON value. A foreseen error
is one line on stderr and an [exit code](errors.md); `--debug` shows where it was raised. The options of `xaikit`
itself, such as `--no-plugins`, may stand before or after the command."""

_ERRORS = """\
Every error that xaikit raises on purpose is one of these, from the module `xaikit.errors`. Catch `XaikitError` to
catch them all. The number is the exit code of the command line."""

_HOOKS = (
    "What may change between versions, and what happens when a plugin fails: [Plugins](../explanation/plugins.md). "
    "How to make one: [Publish a plugin](../tutorials/publish-a-plugin.md)."
)

_WARNINGS = """\
## Warnings

A warning is of the class `XaikitWarning`: the explanation is right, and probably not what was meant."""

_MODELS = """\
Every cell of this table is a test: what is said to work is run on a small model of the kind, and its maps are checked
to be of the right shape, finite and not empty; what does not work raises an error that gives the reason. Transformers
work around whatever works. Nothing has to be prepared on a model, and nothing is changed on it."""

_LAWS = """\
The laws of `xaikit.testing`, which `xaikit check`, `check_explainer`, `check_transformer` and `check_metric` go
through. The name is what `--only`, `laws=` and `expected_failures=` take. The measure is what a figure is held against;
shares are of the largest value of the map. Why they are, and how to claim a property:
[Laws](../explanation/laws.md)."""

_SORTS: dict[str, tuple[Law, ...]] = {
    "Of every explainer": PROMISES,
    "Of an explainer that claims it": CLAIMED,
    "Of every explainer, thorough": THOROUGH,
    "Advice": ADVICE,
    "Of a transformer by itself": TRANSFORMER_LAWS,
    "Of a metric": METRIC_LAWS,
}

_FAMILIES = {
    "class activation maps": "cam gradcam gradcampp xgradcam hirescam layercam eigencam scorecam ablationcam",
    "gradients and paths": "gradients input_x_gradient integrated_gradients expected_gradients "
    "guided_integrated_gradients blur_integrated_gradients full_gradients",
    "backward rules": "guided_backprop deconvnet lrp deeplift",
    "perturbation": "occlusion rise lime kernel_shap sobol hsic",
    "attention": "attention_rollout attention_relevance",
}

_CODES = """\
## Exit codes

| code | meaning |
|---:|---|
| 0 | done |
| 1 | a fault of xaikit's own: the traceback is shown |
| 2 | the call is wrong |
| 3 | the model |
| 4 | the input |
| 5 | done in part: what could be done was written |
| 6 | a plugin |
| 7 | the output |
| 8 | an evaluation is worse than was asked for |
| 130 | interrupted, Ctrl-C |
| 143 | ended from outside, SIGTERM |"""


def pages() -> dict[str, str]:
    """Give the text of each generated page, by the file's name."""
    catalogue = Registry(only=[]).catalogue  # no plugins: the pages are the same wherever they are made
    return {
        "methods.md": _explainers("Methods", _METHODS, catalogue.values(), "method"),
        "transformers.md": _explainers("Transformers", _TRANSFORMERS, catalogue.values(), "transformer"),
        "metrics.md": _explainers("Metrics", _METRICS, catalogue.values(), "metric"),
        "command-line.md": _commands(),
        "errors.md": _errors(),
        "hooks.md": _hooks(),
        "models.md": _models(),
        "laws.md": _laws(),
    }


def _page(title: str, *blocks: str) -> str:
    return "\n\n".join([f"# {title}", _GENERATED, *blocks]) + "\n"


def _explainers(title: str, preface: str, entries: Iterable[Entry], kind: str) -> str:
    chosen = [entry for entry in entries if entry.kind == kind]
    lines = [f"| [`{entry.name}`](#{entry.name}) | {_shaped(entry.summary)} |" for entry in chosen]
    index = "\n".join(["| name | what it does |", "|---|---|", *lines])
    return _page(title, preface, index, *(_explainer(entry) for entry in chosen))


def _explainer(entry: Entry) -> str:
    declaration = entry.value.declaration
    text = declaration.docstring
    sections = dict(text.sections)
    raises = sections.pop("Raises", "")
    blocks = [f"## {entry.name}", f"```text\n{_signature(entry)}\n```", _wrapped(_shaped(text.summary))]
    if text.prose:
        blocks.append(_wrapped(_shaped(text.prose)))
    if entry.kind == "metric":
        blocks.append(f"**Better:** {_better(declaration)}.")
    if declaration.parameters:
        blocks.append(_parameters(declaration.parameters.values()))
    for title in ("Maps", "Cost", "Claims"):
        if title in sections:
            blocks.append(_wrapped(f"**{title}:** {_shaped(sections[title])}"))
    if raises:
        blocks.append(f"**Raises:**\n\n{_raised(raises)}")
    if "Source" in sections:
        blocks.append(_wrapped(f"**Source:** {sections['Source']}"))
    return "\n\n".join(blocks)


def _signature(entry: Entry) -> str:
    declaration = entry.value.declaration
    parameters = [f"{item.name}={item.default!r}" for item in declaration.parameters.values()]
    parts = [*_operands(declaration.kind, declaration.operands), *parameters]
    return f"{entry.name}({', '.join(parts)})" if parts else entry.name


def _better(declaration: Any) -> str:
    needs = ["needs masks"] if declaration.masks else []
    needs += ["needs the explainer, not its maps"] if declaration.explains else []
    needs += ["has a curve"] if declaration.curve else []
    return "; ".join([declaration.better, *needs])


def _operands(kind: str, count: int | None) -> list[str]:
    if kind in ("method", "metric"):
        return []
    if count is None:
        return ["a", "b", "..."]
    return ["e"] if count == 1 else list("abcdefgh"[:count])


def _parameters(parameters: Iterable[Any]) -> str:
    rows = ["| parameter | default | rule | meaning |", "|---|---|---|---|"]
    for item in parameters:
        cells = [f"`{item.name}`", f"`{item.default!r}`", item.rule, _shaped(item.text)]
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)


def _raised(text: str) -> str:
    """A line for each error: `Name: when.`, one after the other."""
    names = "|".join(error.__name__ for error in _tree(errors.XaikitError))
    items = re.split(rf"\s*\b({names}): ", text)[1:]
    pairs = zip(items[::2], items[1::2], strict=True)
    return "\n".join(_wrapped(f"- [`{name}`](errors.md): {_shaped(when)}", "  ") for name, when in pairs)


def _shaped(text: str) -> str:
    """Set shapes as code: their asterisks are no emphasis."""
    return _SHAPE.sub(lambda match: f"`{match[0]}`", text)


def _wrapped(text: str, indent: str = "") -> str:
    paragraphs = text.split("\n\n")
    options = {"width": 120, "subsequent_indent": indent, "break_long_words": False, "break_on_hyphens": False}
    return "\n\n".join(textwrap.fill(paragraph, **options) for paragraph in paragraphs)


def _commands() -> str:
    names = list(get_command(app).commands)
    return _page(
        "The command line",
        _COMMANDS,
        _help("xaikit"),
        *(f"## xaikit {name}\n\n{_help('xaikit', name)}" for name in names),
    )


def _help(*words: str) -> str:
    """The command's own help, as it prints it on a terminal of a fixed width."""
    shown = CliRunner().invoke(
        app, [*words[1:], "--help"], prog_name="xaikit", color=False, terminal_width=WIDTH, max_content_width=WIDTH
    )
    lines = "\n".join(line.rstrip() for line in shown.output.strip().splitlines())
    return f"```text\n{lines}\n```"


def _errors() -> str:
    about = (errors.__doc__ or "").strip().split("\n\n")[1:]  # the first line says what the module is
    blocks = [f"```text\n{_dedented(part)}\n```" if part.startswith("    ") else _wrapped(part) for part in about]
    rows = ["| error | code | when |", "|---|---:|---|"]
    for error in _tree(errors.XaikitError):
        rows.append(f"| `{error.__name__}` | {error.exit_code} | {_first_line(error)} |")
    return _page("Errors", _ERRORS, *blocks, "\n".join(rows), _WARNINGS, _CODES)


def _hooks() -> str:
    """Every hook with its signature and its own words."""
    about = inspect.cleandoc(hookspecs.__doc__ or "").split("\n\n")
    blocks = [f"```toml\n{part}\n```" if part.startswith("[") else _wrapped(part) for part in about]
    found = [spec for spec in vars(hookspecs).values() if hasattr(spec, "xaikit_spec")]
    return _page("Hooks", *blocks, _wrapped(f"This is version {hookspecs.API}. {_HOOKS}"), *map(_hook, found))


def _hook(spec: Any) -> str:
    signature = inspect.signature(spec)
    parameters = ", ".join(map(str, signature.parameters.values()))
    returned = str(signature.return_annotation).replace("typing.", "").replace("collections.abc.", "")
    code = f"@hookimpl\ndef {spec.__name__}({parameters}) -> {returned}: ..."
    return f"## {spec.__name__}\n\n```text\n{code}\n```\n\n{_wrapped(_unfolded(inspect.getdoc(spec) or ''))}"


def _unfolded(text: str) -> str:
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _models() -> str:
    """What works on which kind of model, from the table that the tests hold true."""
    rows = [f"| model | {' | '.join(_FAMILIES)} |", f"|---{'|---' * len(_FAMILIES)}|"]
    for kind in KINDS.values():
        cells = [_works(names.split(), kind.refused) for names in _FAMILIES.values()]
        rows.append(f"| {kind.text} | {' | '.join(cells)} |")
    lists = [f"- {family}: {', '.join(f'`{name}`' for name in names.split())}" for family, names in _FAMILIES.items()]
    return _page("Models", _MODELS, "\n".join(rows), "\n".join(lists))


def _works(names: list[str], refused: Mapping[str, str]) -> str:
    """All of a family, or but for some, each with its reason."""
    reasons: dict[str, list[str]] = {}
    for name in names:
        if name in refused:
            reasons.setdefault(MEANING[refused[name]], []).append(name)
    if not reasons:
        return "all"
    if len(reasons) == 1 and len(next(iter(reasons.values()))) == len(names):
        return f"none: {next(iter(reasons))}"
    return "all but " + "; ".join(f"{', '.join(f'`{name}`' for name in some)}: {why}" for why, some in reasons.items())


def _laws() -> str:
    """What each law means, and how much it allows."""
    blocks = []
    for title, laws in _SORTS.items():
        rows = [f"| {law.name} | {_shaped(law.statement)} | {law.tolerance} |" for law in laws]
        blocks += [f"## {title}", "\n".join(["| law | what it means | measure |", "|---|---|---|", *rows])]
    return _page("Laws", _LAWS, *blocks)


def _tree(error: type[errors.XaikitError]) -> list[type[errors.XaikitError]]:
    return [error, *(below for child in error.__subclasses__() for below in _tree(child) if _ours(below))]


def _ours(error: type) -> bool:
    return error.__module__ == errors.__name__


def _first_line(error: type) -> str:
    return (error.__doc__ or "").strip().split("\n")[0]


def _dedented(text: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in text.splitlines())


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
