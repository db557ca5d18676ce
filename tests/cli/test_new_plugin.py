"""`xaikit new-plugin`: what it writes installs, is found, and keeps the laws; nothing is overwritten."""

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import xaikit
from xaikit import gradients
from xaikit.cli import main
from xaikit.registry import configure, registry

pytest.importorskip("hatchling", reason="pip install -e '.[test]'")
pytest.importorskip("pip")
KINDS = {"method": "xaikit-Sharp.edges", "transformer": "shrunken", "metric": "xaikit-spread"}
NAMES = {"method": "sharp_edges", "transformer": "shrunken", "metric": "spread"}
MODULES = {"method": "xaikit_sharp_edges", "transformer": "shrunken", "metric": "xaikit_spread"}


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return ended.value.code or 0, out, err


def pip(*arguments):
    words = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", "install", *words, *arguments], check=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A plugin of each kind, in folders, and a place where all of them are installed."""
    root = tmp_path_factory.mktemp("made")
    for kind, name in KINDS.items():
        with pytest.raises(SystemExit) as ended:
            main(["new-plugin", name, "--kind", kind, "--folder", str(root / kind)])
        assert not ended.value.code
    pip("--target", str(root / "site"), *(str(root / kind) for kind in KINDS))
    return root


@pytest.fixture
def installed(made, monkeypatch):
    """The plugins are installed in this process, as long as a test lasts."""
    monkeypatch.syspath_prepend(str(made / "site"))
    configure()
    yield registry()
    configure()
    for module in MODULES.values():
        sys.modules.pop(module, None)


def test_a_plugin_has_its_files_and_what_to_do_next_is_said(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    code, out, err = run(capsys, "new-plugin", "xaikit-sharpness")

    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    project = tomllib.loads(Path("xaikit-sharpness/pyproject.toml").read_text())["project"]
    assert (code, err) == (0, "")
    assert files == [
        "xaikit-sharpness/README.md",
        "xaikit-sharpness/pyproject.toml",
        "xaikit-sharpness/tests/test_sharpness.py",
        "xaikit-sharpness/xaikit_sharpness.py",
    ]
    assert [file for file in files if file not in out.replace("\\", "/").split()] == []
    assert "pip install -e '.[test]'" in out
    assert project["entry-points"] == {"xaikit": {"sharpness": "xaikit_sharpness"}}
    assert project["dependencies"] == [f"xaikit>={xaikit.__version__}"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_found_shown_and_spells_itself(installed, kind):
    entry = installed.entry(NAMES[kind])

    plugin = next(plugin for plugin in installed.plugins if plugin.distribution == entry.origin)
    assert (entry.kind, plugin.status, plugin.problem) == (kind, "ready", "")
    assert entry.origin.lower().replace(".", "-") == KINDS[kind].lower().replace(".", "-")
    assert entry.summary
    assert all(parameter.text for parameter in entry.value.declaration.parameters.values())
    sections = {"method": ["Maps", "Cost", "Claims", "Raises", "Source"], "transformer": ["Cost"], "metric": []}
    assert list(entry.value.declaration.docstring.sections) == sections[kind]


@pytest.mark.parametrize("kind", ["method", "transformer"])
def test_its_own_test_passes(installed, made, kind):
    path = made / kind / "tests" / f"test_{NAMES[kind]}.py"
    (test,) = in_file(path)
    cases = {case.id.partition(": ")[2]: case.values for case in test.pytestmark[0].args[1]}
    assert len(cases) > 10
    if kind == "transformer":
        cases.pop("composition")  # every transformer around it: that of the method has this one among them, and is slow

    for values in cases.values():
        test(*values)


def test_the_tests_of_a_metric_pass(installed, made):
    tests = in_file(made / "metric" / "tests" / "test_spread.py")

    for test in tests:
        test()

    assert len(tests) == 3


def in_file(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [value for name, value in vars(module).items() if name.startswith("test_")]


def test_the_metric_is_the_mean_squared_over_the_mean_of_squares(installed, pooled, images):
    maps = np.random.default_rng(3).normal(size=(5, 8, 8, 3, 2))
    maps[4] = -1.0
    sizes = np.maximum(maps, 0).reshape(5, -1, 2)
    with np.errstate(invalid="ignore"):
        expected = sizes.mean(axis=1) ** 2 / (sizes**2).mean(axis=1)

    values = xaikit.find("spread(only_positive=True)")(maps, pooled, images, [[0, 2]] * 5)

    np.testing.assert_allclose(values, expected, rtol=1e-5)
    assert np.isnan(values[4]).all()


def test_the_method_on_a_linear_model_is_weights_times_the_distance_from_the_baseline(
    installed, linear64, rectangles64
):
    kernel = linear64.get_weights()[0].reshape(4, 6, 2, 3)
    expected = (rectangles64[..., None] - 0.5) * kernel

    maps = xaikit.explain("sharp_edges(baseline=0.5)", linear64, rectangles64, "all").maps

    assert abs(maps - expected).max() <= 1e-12 * abs(expected).max()


def test_the_transformer_shrinks_maps_by_a_share_of_their_largest_size(installed, linear64, rectangles64):
    maps = xaikit.explain(gradients, linear64, rectangles64, "all").maps
    least = 0.25 * abs(maps).max(axis=(1, 2, 3), keepdims=True)
    expected = ((maps - least) * (maps > least)) + ((maps + least) * (maps < -least))

    actual = xaikit.explain("shrunken(gradients, share=0.25)", linear64, rectangles64, "all").maps

    assert (expected == 0).any()
    assert abs(actual - expected).max() <= 1e-12


def test_listing_what_is_written_imports_no_tensorflow(made):
    code = (
        "import xaikit_sharp_edges, shrunken, xaikit_spread; sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    path = f"import sys; sys.path[:0] = [{str(made / 'site')!r}, {str(Path(xaikit.__file__).parents[1])!r}]; "

    assert subprocess.run([sys.executable, "-c", path + code], check=False).returncode == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", ["check --select=E,F,W,I,B,UP", "format --check"])
def test_what_is_written_is_clean(made, kind, words):
    pytest.importorskip("ruff", reason="pip install -e '.[test]'")

    done = subprocess.run(
        [sys.executable, "-m", "ruff", *words.split(), "--isolated", "--no-cache", "."],
        cwd=made / kind,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "no name of a distribution"),
        ("sharp edges", "no name of a distribution"),
        ("sharp-", "no name of a distribution"),
        ("../sharp", "no name of a distribution"),
        ("xaikit-schärfe", "no name of a distribution"),
        ("3d", "'3d', which Python cannot import"),
        ("xaikit-3d", "'3d', which Python cannot import"),
        ("class", "'class', which Python cannot import"),
        ("json", "There is a module 'json' already"),
        ("xaikit", "There is a module 'xaikit' already"),
        ("xaikit-smooth", "xaikit has 'smooth' already"),
        ("xaikit-explain", "xaikit has 'explain' already"),
        ("xaikit-engine", "xaikit has 'engine' already"),
        ("xaikit-step", "xaikit has 'step' already"),
        ("xaikit-forward", "xaikit has 'forward' already"),
    ],
)
def test_a_name_that_cannot_be_had_is_refused_and_nothing_is_written(capsys, tmp_path, monkeypatch, name, words):
    monkeypatch.chdir(tmp_path)

    code, out, err = run(capsys, "new-plugin", name)

    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["folder", "empty folder", "file"])
def test_what_is_there_is_not_overwritten(capsys, tmp_path, there):
    folder = tmp_path / "place"
    if there == "file":
        folder.write_text("mine")
    else:
        folder.mkdir()
    if there == "folder":
        (folder / "pyproject.toml").write_text("mine")
    before = {path: path.is_file() and path.read_text() for path in tmp_path.rglob("*")}

    code, out, err = run(capsys, "new-plugin", "xaikit-sharpness", "--folder", folder)

    assert (code, out) == (7, "")
    assert err.startswith(f"error: {folder} is there already")
    assert {path: path.is_file() and path.read_text() for path in tmp_path.rglob("*")} == before


def test_a_place_that_cannot_be_written_is_said(capsys, tmp_path):
    (tmp_path / "file").write_text("")

    code, _, err = run(capsys, "new-plugin", "xaikit-sharpness", "--folder", tmp_path / "file" / "deep")

    assert code == 7
    assert err.startswith("error: Cannot make ")
