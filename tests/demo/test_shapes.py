import subprocess
import sys

import numpy as np
import pytest

from xaikit.demo import CLASSES, shapes
from xaikit.demo.distractors import distractors
from xaikit.demo.outlines import Pose, coverage

# For a radius of 1: what geometry says each outline encloses.
AREAS = {
    "circle": np.pi * 0.95**2,
    "square": 2 * 1.15**2,
    "triangle": 0.75 * np.sqrt(3) * 1.15**2,
    "star": 5 * 1.15 * 0.48 * np.sin(np.pi / 5),
    "cross": 4 * 2 * 0.3 * 1.05 - 4 * 0.3**2,
    "ring": np.pi * (1 - 0.56**2),
}


def test_pictures_labels_and_masks_have_the_promised_shapes_and_types() -> None:
    pictures = shapes(7, side=48)
    assert (pictures.images.shape, pictures.images.dtype) == ((7, 48, 48, 3), np.uint8)
    assert (pictures.labels.shape, pictures.labels.dtype) == ((7,), np.int64)
    assert (pictures.masks.shape, pictures.masks.dtype) == ((7, 48, 48), np.bool_)


def test_no_pictures_are_an_empty_array_of_pictures() -> None:
    assert shapes(0, side=32).images.shape == (0, 32, 32, 3)


@pytest.mark.parametrize("call", [{"count": -1}, {"count": 1, "side": 15}, {"count": 1, "seed": -1}])
def test_a_call_out_of_range_is_refused(call: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        shapes(**call)


def test_a_picture_does_not_depend_on_how_many_are_drawn() -> None:
    few, many = shapes(4, side=32, seed=3), shapes(15, side=32, seed=3)
    for one, other in zip(few, many, strict=True):
        np.testing.assert_array_equal(one, other[:4])


def test_another_seed_draws_other_pictures() -> None:
    assert (shapes(3, side=32, seed=1).images != shapes(3, side=32, seed=2).images).any(axis=(1, 2, 3)).all()


def test_every_class_is_drawn_equally_often() -> None:
    assert np.bincount(shapes(60, side=16).labels, minlength=len(CLASSES)).tolist() == [10] * len(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_a_shape_covers_the_area_of_its_outline(name: str) -> None:
    cover = coverage(name, Pose(0.5, 0.48, 0.3, 0.7), 128)
    assert cover.mean() == pytest.approx(AREAS[name] * 0.3**2, rel=0.01)
    assert (cover >= 0.5).mean() == pytest.approx(AREAS[name] * 0.3**2, rel=0.01)


@pytest.mark.parametrize("side", [32, 64])
def test_a_mask_is_neither_empty_nor_most_of_the_picture(side: int) -> None:
    shares = shapes(60, side=side, seed=4).masks.mean(axis=(1, 2))
    assert shares.min() > 0.02
    assert shares.max() < 0.25


@pytest.mark.parametrize("name", CLASSES)
def test_no_distractor_lies_over_the_shape(name: str) -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        pose = Pose(*rng.uniform(0.35, 0.65, 2), radius=rng.uniform(0.13, 0.27), angle=rng.uniform(0, 6))
        around = distractors(pose, 64, rng)
        assert all((cover[coverage(name, pose, 64) > 0] == 0).all() for cover in around)


def test_what_the_mask_covers_differs_from_what_surrounds_it() -> None:
    images, _, masks = shapes(60, seed=5)
    for image, mask in zip(images.astype(float), masks, strict=True):
        assert np.abs(image[mask].mean(axis=0) - np.median(image[~mask], axis=0)).max() > 20


def test_importing_the_demo_loads_neither_tensorflow_nor_keras() -> None:
    code = "import sys, xaikit.demo; sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
