"""The floors of the package: a module imports from floors below only; and what starting up costs."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import xaikit

PACKAGE = Path(xaikit.__file__).parent
FLOORS = [
    {"errors"},
    {"core"},
    {"hookspecs"},
    {"methods", "transformers"},
    {"engine", "models", "images", "demo", "targets"},
    {"measuring"},
    {"metrics"},
    {"registry"},
    {"showing", "inspection"},
    {"result"},
    {"api", "evaluation"},
    {"runs", "testing", "doctor"},
    {"reports", "cli"},
    {"__init__", "__main__"},
]
SEALED = {"methods", "transformers", "metrics"}  # the registry alone brings them in, by their entry points
FLOOR = {part: number for number, floor in enumerate(FLOORS) for part in floor}


def imported(path):
    """The parts of the package that a file imports, functions' imports included, with the line."""
    package = ("xaikit", *path.relative_to(PACKAGE).parent.parts)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if path == PACKAGE / "__init__.py":  # what only a type checker reads there is no import
        tree.body = [
            node for node in tree.body if not isinstance(node, ast.If) or "TYPE_CHECKING" not in ast.dump(node.test)
        ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            if top == "xaikit":
                part = rest.split(".")[0]
                yield (part if part in FLOOR else "__init__"), node.lineno


FILES = sorted(PACKAGE.rglob("*.py"))


def part_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def test_every_module_stands_on_a_floor():
    expected = set()

    actual = {part_of(path) for path in FILES} - set(FLOOR)

    assert actual == expected, f"say in FLOORS where {actual} stands"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_from_floors_below_and_never_what_is_sealed(path):
    own = part_of(path)
    version = own == "cli"  # the command line says the package's version
    for part, line in imported(path):
        if part == own or (version and part == "__init__"):
            continue
        assert FLOOR[part] < FLOOR[own], f"{path}:{line}: {own} imports {part}, which is not on a floor below"
        assert part not in SEALED, f"{path}:{line}: {own} imports {part}, which comes in by its entry point alone"


def child(code, *arguments, **environment):
    """Run code in a child process, and read the JSON that it prints last."""
    kept = {name: value for name, value in os.environ.items() if name not in ("KERAS_BACKEND", "TF_USE_LEGACY_KERAS")}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_neither_importing_nor_listing_nor_reading_an_expression_imports_tensorflow():
    heavy = """
import json, sys
def loaded():
    return sorted({"tensorflow", "keras", "matplotlib", "PIL", "h5py"} & set(sys.modules))
made = {}
import xaikit
made["import xaikit"] = loaded()
from xaikit.registry import registry
entries = registry().catalogue
made["catalogue"] = loaded()
summaries = [(entry.kind, entry.summary, getattr(entry.value, "parameters", {})) for entry in entries.values()]
made["summaries"] = loaded()
e = xaikit.find("smooth(tta(gradcam(layer='conv5'), scales=(0.5,)), repetitions=50)")
assert xaikit.find(repr(e)) == e
made["find"] = loaded()
from xaikit import Explainer, Explanation, gradcam, hookimpl, method, smooth, transformer
smooth(gradcam)
made["names"] = loaded()
from xaikit import Evaluation, Model, evaluate, explain, stream
dir(xaikit)
made["api"] = loaded()
print(json.dumps(made))
"""
    expected = {stage: [] for stage in ("import xaikit", "catalogue", "summaries", "find", "names", "api")}

    actual = child(heavy)

    assert actual == expected


REFUSALS = r"""
import importlib, json, os, sys
from importlib.machinery import PathFinder
from pathlib import Path
from xaikit.core.lazy import check_environment, tf
from xaikit.errors import SetupError
folder, said = Path(sys.argv[1]), {}

def attempt(name):
    importlib.invalidate_caches()
    try:
        tf.constant
    except SetupError as error:
        said[name] = [str(error), error.exit_code]

os.environ["KERAS_BACKEND"] = "jax"
attempt("backend")
del os.environ["KERAS_BACKEND"]
for value in ("1", "True", "true"):
    os.environ["TF_USE_LEGACY_KERAS"] = value
    attempt(f"legacy {value}")
del os.environ["TF_USE_LEGACY_KERAS"]

class Without(PathFinder):
    "Look for TensorFlow in one folder alone."
    path = []
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return PathFinder.find_spec(name, cls.path if name == "tensorflow" else path, target)

place = sys.meta_path.index(PathFinder)
sys.meta_path[place] = Without
attempt("missing")
os.environ["KERAS_BACKEND"] = ""
attempt("empty backend")
del os.environ["KERAS_BACKEND"]
(folder / "left" / "tensorflow").mkdir(parents=True)
Without.path = [str(folder / "left")]
attempt("left over")

sys.path.insert(0, str(folder / "old"))
def distribution(version):
    info = folder / "old" / "keras-0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: keras\nVersion: {version}\n")
def module(name, text):
    (folder / "fake").mkdir(exist_ok=True)
    (folder / "fake" / f"{name}.py").write_text(text)
    sys.modules.pop(name, None)
    Without.path = [str(folder / "fake")]

distribution("3.15.0")
module("tensorflow", "__version__ = '2.21.0'")
attempt("old keras")
distribution("2.15.0")
attempt("keras 2")
distribution("3.15.1")
module("tensorflow", "raise ImportError('libcuda.so: no such file')")
attempt("broken")
assert "keras" not in sys.modules  # nothing was imported up to here
sys.path.insert(0, str(folder / "fake"))
sys.dont_write_bytecode = True
module("keras", "class config:\n    backend = staticmethod(lambda: 'torch')")
module("tensorflow", "__version__, constant = '2.15.1', None")
attempt("old tensorflow")
module("tensorflow", "__version__, constant = '2.21.0', None")
attempt("backend of the settings")
module("keras", "class config:\n    backend = staticmethod(lambda: 'tensorflow')")
attempt("none")
check_environment()
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    return child(REFUSALS, str(tmp_path_factory.mktemp("environment")))


BACKEND = "asks for the 'jax' backend, and xaikit runs on TensorFlow: set KERAS_BACKEND=tensorflow."
LEGACY = "TF_USE_LEGACY_KERAS asks for Keras 2, and xaikit explains Keras 3 models: unset it."
MISSING = "TensorFlow is not installed: pip install 'xaikit[cpu]', or 'xaikit[gpu]' for NVIDIA devices."
OLD = "xaikit needs keras >= 3.15.1, not {} (earlier ones load hostile model files): pip install -U keras."
SENTENCES = {
    "backend": f"KERAS_BACKEND {BACKEND}",
    "legacy 1": LEGACY,
    "legacy True": LEGACY,
    "legacy true": LEGACY,
    "missing": MISSING,
    "empty backend": MISSING,  # to Keras an empty text is the default, and so it is to us
    "left over": MISSING,
    "old keras": OLD.format("3.15.0"),
    "keras 2": OLD.format("2.15.0"),
    "broken": "TensorFlow cannot be imported (libcuda.so: no such file): install it again in a new environment.",
    "old tensorflow": "xaikit needs TensorFlow >= 2.20, not 2.15.1: pip install -U 'xaikit[cpu]'.",
    "backend of the settings": f"Keras is set to {BACKEND.replace('asks for ', '').replace('jax', 'torch')}",
}


@pytest.mark.parametrize("case", SENTENCES)
def test_an_unfit_environment_is_refused_in_one_sentence(refusals, case):
    expected = [SENTENCES[case], 2]

    actual = refusals[case]

    assert actual == expected


def test_a_fit_environment_is_not_refused(refusals):
    assert set(refusals) == set(SENTENCES)
