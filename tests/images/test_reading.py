"""Pictures are read as a person sees them, and what is no picture is refused in one line."""

import os

import numpy as np
import pytest
from PIL import Image

from xaikit.errors import InputError
from xaikit.images import find_pictures, grey, read, to_size

COLOURS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


@pytest.fixture
def saved(tmp_path):
    def save(image, name="x.png", **options):
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return save


@pytest.mark.parametrize("name", ["x.png", "x.bmp", "x.tiff"])
def test_a_picture_is_read_as_it_was_written(saved, name):
    actual = read(saved(Image.fromarray(COLOURS), name))

    np.testing.assert_array_equal(actual, COLOURS)
    assert actual.dtype == np.uint8


@pytest.mark.parametrize("name", ["x.jpg", "x.gif", "x.webp"])
def test_a_picture_of_each_format_has_its_shape(saved, name):
    assert read(saved(Image.fromarray(COLOURS), name)).shape == (6, 9, 3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_a_picture_of_each_mode_is_read_in_rgb(saved, mode):
    assert read(saved(Image.fromarray(COLOURS).convert(mode), "x.tiff")).shape == (6, 9, 3)


def test_a_sixteen_bit_picture_keeps_its_greys(saved):
    values = np.array([[0, 257, 30000, 65535]], np.uint16)

    actual = read(saved(Image.fromarray(values)))

    np.testing.assert_array_equal(actual[0, :, 0], [0, 1, 117, 255])


def test_what_is_transparent_is_white(saved):
    pixels = np.array([[[255, 0, 0, 0], [255, 0, 0, 255]]], np.uint8)

    actual = read(saved(Image.fromarray(pixels)))

    np.testing.assert_array_equal(actual, [[[255, 255, 255], [255, 0, 0]]])


def test_a_transparent_colour_of_a_palette_is_white(saved):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)

    actual = read(saved(image, transparency=0))

    np.testing.assert_array_equal(actual, [[[255, 255, 255], [0, 0, 255]]])


def test_a_picture_stands_upright(saved):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter

    actual = read(saved(Image.fromarray(COLOURS), exif=exif))

    np.testing.assert_array_equal(actual, np.rot90(COLOURS, -1))


def test_an_animation_gives_its_first_frame(saved):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]

    actual = read(saved(frames[0], "x.gif", save_all=True, append_images=frames[1:]))

    np.testing.assert_array_equal(actual[0, 0], [255, 0, 0])


def test_the_name_decides_nothing(saved, tmp_path):
    os.rename(saved(Image.fromarray(COLOURS)), tmp_path / "picture.txt")

    np.testing.assert_array_equal(read(tmp_path / "picture.txt"), COLOURS)


def test_a_link_to_a_picture_is_read(saved, tmp_path):
    (tmp_path / "link").symlink_to(saved(Image.fromarray(COLOURS)))

    np.testing.assert_array_equal(read(tmp_path / "link"), COLOURS)


def test_a_large_picture_is_refused_before_it_is_unpacked(saved):
    path = saved(Image.new("1", (20000, 15000)))  # 300 megapixels in 40 KB

    with pytest.raises(InputError, match="megapixels"):
        read(path)
    with pytest.raises(InputError, match="9 x 6 pixels, and 5e-05 megapixels are allowed"):
        read(saved(Image.fromarray(COLOURS)), max_megapixels=5e-5)


def test_pixels_of_no_known_range_are_refused(saved):
    with pytest.raises(InputError, match="save it with 8 or 16 bits"):
        read(saved(Image.new("F", (3, 3)), "x.tiff"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a picture"),
        (b"hello", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "cannot read"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path, content, why):
    (tmp_path / "x.jpg").write_bytes(content)

    with pytest.raises(InputError, match=why):
        read(tmp_path / "x.jpg")


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.gif", "x.bmp", "x.tiff", "x.webp"])
def test_a_cut_picture_is_refused(saved, name):
    path = saved(Image.fromarray(COLOURS.repeat(20, 0).repeat(20, 1)), name)
    path.write_bytes(path.read_bytes()[:150])

    with pytest.raises(InputError, match="cannot read"):
        read(path)


def test_damaged_pictures_are_read_or_refused_and_nothing_else(saved):
    random = np.random.default_rng(0)
    for name in ("x.png", "x.jpg", "x.gif", "x.bmp", "x.tiff", "x.webp"):
        path = saved(Image.fromarray(COLOURS), name)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(50):
            damaged = whole.copy()
            damaged[random.integers(0, len(damaged), 4)] = random.integers(0, 256, 4)
            path.write_bytes(damaged.tobytes())
            try:
                assert read(path).shape[-1] == 3
            except InputError as error:
                assert "\n" not in str(error)  # noqa: PT017 (either may happen)


def test_a_place_that_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "folder.png").mkdir()

    for name, why in {
        "pipe.png": "not a regular file",
        "folder.png": "not a regular file",
        "loop.png": "symbolic links",
        "missing.png": "No such file",
        "nul\0.png": "null",
    }.items():
        with pytest.raises(InputError, match=why):
            read(tmp_path / name)


@pytest.mark.parametrize("name", ["a\nb\x1b[31m.png", os.fsdecode(b"\xff.png"), "-rf.png", "a[b].png"])
def test_a_message_is_one_line_that_can_be_printed(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")

    with pytest.raises(InputError) as refused:
        read(tmp_path / name)

    assert str(refused.value).isprintable()


def test_a_folder_is_listed_by_name_and_a_file_as_it_is_given(tmp_path):
    for name in ("b.PNG", "a.jpeg", "below/c.webp", "notes.txt", ".hidden.png", ".cache/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "below" / "again").symlink_to(tmp_path)

    found = find_pictures([tmp_path / "notes.txt", tmp_path])

    assert found == [tmp_path / name for name in ("notes.txt", "a.jpeg", "b.PNG", "below/c.webp")]


def test_a_folder_without_pictures_is_refused_with_the_endings(tmp_path):
    with pytest.raises(InputError, match=r"no file in it ends in \.png, \.jpg"):
        find_pictures([tmp_path])
    with pytest.raises(InputError, match="there is no such file or folder"):
        find_pictures([tmp_path / "missing"])


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_resizing_keeps_the_channels_and_the_brightness(channels):
    image = np.full((6, 9, *channels), 77, np.uint8)

    np.testing.assert_array_equal(to_size(image, 4, 20), np.full((4, 20, *channels), 77))


def test_a_grey_picture_has_one_channel():
    np.testing.assert_array_equal(grey(np.full((2, 3, 3), 50, np.uint8)), np.full((2, 3, 1), 50))
