"""The files of a new plugin: templates of this package, filled with the plugin's names."""

import ast
import keyword
import re
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from .. import __version__
from ..errors import OutputError, UsageError

_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")  # the packaging standards' rule


@dataclass(frozen=True)
class Names:
    """What a new plugin is called.

    Attributes:
        distribution: By which it is installed: xaikit-sharp-edges.
        module: By which it is imported: xaikit_sharp_edges.
        name: By which what it offers is found: sharp_edges.
        kind: "method", "transformer" or "metric".
        version: That of xaikit.
    """

    distribution: str
    module: str
    name: str
    kind: str
    version: str = __version__

    @classmethod
    def of(cls, distribution: str, kind: str) -> "Names":
        """Derive the names from the distribution's.

        Raises:
            UsageError: It is no name of a distribution, no module can have it, or somebody else has it already.
        """
        if not _DISTRIBUTION.fullmatch(distribution):
            raise UsageError(
                f"{distribution!r} is no name of a distribution: it takes letters, digits and . _ - between them, "
                "such as xaikit-sharpness."
            )
        module = re.sub(r"[._-]+", "_", distribution).lower()
        names = cls(distribution, module, module.removeprefix("xaikit_"), kind)
        names._check()
        return names

    def _check(self) -> None:
        for name in (self.module, self.name):
            if not name.isidentifier() or keyword.iskeyword(name):
                raise UsageError(f"{self.distribution!r} makes {name!r}, which Python cannot import: choose another.")
        if self.module in sys.stdlib_module_names or self.module == "xaikit":
            raise UsageError(
                f"There is a module {self.module!r} already: choose another name, such as xaikit-sharpness."
            )
        if self.name in _taken() or self.name in _words(self.kind):
            raise UsageError(f"xaikit has {self.name!r} already: choose another name than {self.distribution!r}.")


def written(names: Names, kind: str, folder: Path) -> list[Path]:
    """Write a new plugin into a new folder, whole or not at all.

    Returns:
        The files, as paths in the folder.

    Raises:
        OutputError: The folder is there already, or cannot be written.
    """
    texts = {path: _filled(template, asdict(names)) for path, template in _files(names, kind).items()}
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise OutputError(f"{folder} is there already, and nothing in it is overwritten: choose another.") from None
    except OSError as error:
        raise OutputError(f"Cannot make {folder}: {error.strerror or error}.") from error
    try:
        for path, text in texts.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise OutputError(f"Cannot write {folder}: {error.strerror or error}.") from error
    return list(texts)


def _files(names: Names, kind: str) -> dict[Path, str]:
    """The files of a plugin, each with its template's name."""
    return {
        Path("pyproject.toml"): "pyproject.toml",
        Path("README.md"): f"{kind}.README",
        Path(f"{names.module}.py"): f"{kind}.py",
        Path("tests", f"test_{names.name}.py"): f"{kind}.test",
    }


def _filled(template: str, values: dict[str, Any]) -> str:
    text = files(__package__).joinpath("templates", f"{template}.txt").read_text(encoding="utf-8")
    return Template(text).substitute(values)


def _taken() -> set[str]:
    """The names of the catalogue, the package's own, and its modules."""
    import xaikit

    modules = {entry.name.split(".")[0] for entry in files("xaikit").iterdir()}
    return {*dir(xaikit), *modules}


def _words(kind: str) -> set[str]:
    """The names that a template's module uses itself."""
    nodes = list(ast.walk(ast.parse(_filled(f"{kind}.py", {"name": "_"}))))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    return used | arguments | functions
