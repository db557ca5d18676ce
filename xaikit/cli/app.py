"""The commands, put together."""

from typing import Annotated

import typer

from .check import check
from .demo import demo
from .doctor import doctor
from .evaluate import evaluate
from .explain import explain
from .layers import layers
from .list_methods import list_methods
from .new_plugin import new_plugin
from .plugins import plugins
from .sanity import sanity
from .show import show

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def _version(wanted: bool) -> None:
    if wanted:
        from .. import __version__
        from .console import out

        out(f"xaikit {__version__}")
        raise typer.Exit


@app.callback()
def everywhere(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    no_plugins: Annotated[bool, typer.Option("--no-plugins", help="Use built-in methods alone.")] = False,
    block: Annotated[list[str] | None, typer.Option("--block", help="A plugin not to use; repeatable.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a foreseen error too.")] = False,
) -> None:
    """Explain Keras 3 models: why did it say what it said?

    An EXPRESSION is a method's name, or a composition such as "smooth(tta(gradcam), repetitions=50)". The environment
    variable XAIKIT_PLUGINS chooses plugins: unset means all, empty means none, "a,b" means these.
    """
    if no_plugins or block:
        from ..registry import configure

        configure(no_plugins=no_plugins, block=block or [])


app.command("demo")(demo)
app.command("explain")(explain)
app.command("evaluate")(evaluate)
app.command("sanity")(sanity)
app.command("list-methods")(list_methods)
app.command("show")(show)
app.command("layers")(layers)
app.command("check")(check)
app.command("plugins")(plugins)
app.command("new-plugin")(new_plugin)
app.command("doctor")(doctor)
