"""A floor that makes a map makes the method's own: so both did the same work."""

import numpy as np
import pytest

from benchmarks.cases import CASES, text_of
from benchmarks.floors import FLOORS, helpings
from benchmarks.networks import best_classes, pictures, settled
from xaikit import explain, find
from xaikit.registry import registry

SIDE = 16
WRITTEN = [  # explainer, floor, copies
    ("gradients", "gradients", 0),
    ("guided_backprop", "guided_backprop", 0),
    ("deconvnet", "deconvnet", 0),
    ("lrp", "lrp", 0),
    ("full_gradients", "full_gradients", 0),
    ("deeplift", "differences", 0),
    ("gradcam", "gradcam", 0),
    ("integrated_gradients(steps=3)", "integrated_gradients", 3),
    ("smooth(gradients, repetitions=3, noise=0.0)", "slopes", 3),
    ("occlusion(patch=8, stride=8)", "occlusion", 4),
    ("ablationcam(channels=6)", "heads", 6),
    ("tta(gradcam, scales=(0.5,))", "views", 4),
]


@pytest.fixture(scope="module")
def tiny():
    return settled("tiny", SIDE)


@pytest.fixture(scope="module")
def tiny_vit():
    return settled("tiny_vit", SIDE)


def same(text, name, copies, network, rows):
    images = pictures(3, SIDE)
    classes = best_classes(network, images)

    scores, *_, maps = FLOORS[name].build(network, copies, rows)(images, classes)
    explained = explain(text, network.model, images)

    np.testing.assert_allclose(explained.scores[:, 0], scores, atol=1e-5)
    assert np.abs(maps).max() > 0
    np.testing.assert_allclose(explained.maps[..., 0], maps, atol=1e-5 * np.abs(maps).max())


@pytest.mark.parametrize("rows", [32, 2])
@pytest.mark.parametrize(("text", "name", "copies"), WRITTEN, ids=lambda value: str(value))
def test_a_floor_that_is_written_in_full_gives_the_method_s_map(text, name, copies, rows, tiny):
    if rows == 2 and not copies:
        pytest.skip("it makes no copies")

    same(text, name, copies, tiny, rows)


@pytest.mark.parametrize(("text", "name"), [("attention_rollout", "rollout"), ("attention_relevance", "relevance")])
def test_a_floor_of_attention_gives_the_method_s_map(text, name, tiny_vit):
    same(text, name, 0, tiny_vit, 32)


@pytest.mark.parametrize("name", ["forward", "forwards", "superpixels", "slopes_in_turn"])
def test_a_floor_that_only_counts_gives_the_clean_scores(name, tiny):
    images = pictures(3, SIDE)
    classes = best_classes(tiny, images)
    expected = np.take_along_axis(np.asarray(tiny.logits(images)), classes[:, np.newaxis], axis=1)[:, 0]

    actual, *rest = FLOORS[name].build(tiny, 3, 2)(images, classes)

    np.testing.assert_allclose(actual, expected, atol=1e-5)
    if name == "forwards":
        assert rest[0].shape == (9,)


@pytest.mark.parametrize(("count", "copies", "rows"), [(1, 5, 4), (3, 4, 8), (7, 2, 3), (4, 3, 4)])
def test_helpings_hold_every_copy_of_every_example_once_and_never_too_many(count, copies, rows):
    seen = []
    for part, x, y, numbers in helpings(np.arange(count, dtype="float32"), np.zeros(count, "int32"), copies, rows):
        assert len(x) * len(numbers) <= rows
        assert len(x) == len(y) == len(range(count)[part])
        seen += [(int(example), int(number)) for example in x for number in numbers]

    assert sorted(seen) == [(example, number) for example in range(count) for number in range(copies)]


def test_every_method_and_the_transformers_of_many_passes_are_measured_against_a_floor():
    methods = {
        entry.name for entry in registry().catalogue.values() if (entry.kind, entry.origin) == ("method", "xaikit")
    }

    assert set(CASES) == methods | {"smooth", "tta", "mc_dropout"}
    assert {case.floor for case in CASES.values()} == set(FLOORS)
    assert all(find(text_of(name, 32)).name == name for name in CASES)
    assert all(floor.why and "\n" not in floor.why for floor in FLOORS.values())
