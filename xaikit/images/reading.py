"""Reading pictures, whoever made them: every way to fail is one line that names the file."""

import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import InputError

Picture = NDArray[np.uint8]

# Pillow would try some forty openers on any file, and one of them starts another program.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")

_BOMBS = (Image.DecompressionBombWarning, Image.DecompressionBombError)


def read(path: str | os.PathLike[str], *, max_megapixels: float = 64) -> Picture:
    """Read a picture as RGB, [H, W, 3] in 0 to 255, upright, transparency laid on white.

    Of an animation, the first frame. Pixels of 16 bits keep their greys: they are divided by 257.

    Args:
        path: A PNG, JPEG, GIF, BMP, TIFF or WEBP file, whatever its name; a link to one will do.
        max_megapixels: The largest picture that is unpacked.

    Raises:
        InputError: There is no such file, it is no picture, it is damaged or too large, or its pixels are floats.
    """
    try:
        with _regular(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata takes nothing from the pixels
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _pixels(file, max_megapixels)
    except Exception as error:  # a hostile file fails in more ways than OSError
        raise InputError(f"cannot read {_printable(os.fsdecode(path))}: {_why(error, max_megapixels)}") from error


def find_pictures(paths: Sequence[Path]) -> list[Path]:
    """List the pictures: a file as it is given, a folder as the picture files in and below it, sorted by name.

    Hidden files are left out, and links to folders are not followed. What has a picture's ending is listed, and whether
    it can be read is for `read` to say.

    Raises:
        InputError: A path does not exist, or a folder cannot be listed or holds no picture.
    """
    return [picture for path in paths for picture in _expanded(path)]


def to_size(image: Picture, height: int, width: int) -> Picture:
    """Resize a picture, [H, W, C] or [H, W], to [height, width, C] or [height, width], bilinearly."""
    flat = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image  # Pillow knows no [H, W, 1]
    resized = np.array(Image.fromarray(flat).resize((width, height), Image.Resampling.BILINEAR))
    return resized.reshape(height, width, *image.shape[2:])


def grey(image: Picture) -> Picture:
    """Give the luminance of a picture, [H, W, 3], as [H, W, 1]."""
    return np.array(Image.fromarray(image).convert("L"))[..., None]


def _regular(path: str | os.PathLike[str]) -> BinaryIO:
    if not stat.S_ISREG(os.stat(path).st_mode):  # asked before it is opened: opening a pipe would wait for its writer
        raise ValueError("it is not a regular file")
    return open(path, "rb")


def _pixels(file: BinaryIO, max_megapixels: float) -> Picture:
    with Image.open(file, formats=FORMATS) as image:
        width, height = image.size  # known from the header: nothing is unpacked yet
        if width * height > max_megapixels * 1e6:
            raise ValueError(f"it has {width} x {height} pixels, and {max_megapixels:g} megapixels are allowed")
        image.load()
        upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I;16"):
        return _from_sixteen_bits(upright)
    if upright.mode in ("F", "I"):
        raise ValueError("its pixels are 32-bit numbers of no known range: save it with 8 or 16 bits")
    return np.array(_on_white(upright).convert("RGB"))


def _from_sixteen_bits(image: Image.Image) -> Picture:
    values = np.asarray(image).astype(np.uint32)
    greys = ((values + 128) // 257).astype(np.uint8)  # 65535 is 255, and in between the nearest
    return np.repeat(greys[..., None], 3, axis=-1)


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA"))  # else the colours that transparency hides would show


def _expanded(path: Path) -> Iterator[Path]:
    if not os.path.exists(path):
        raise InputError(f"cannot read {_printable(str(path))}: there is no such file or folder")
    if not path.is_dir():
        yield path
        return
    found = sorted(_below(path))
    if not found:
        raise InputError(f"cannot read {_printable(str(path))}: no file in it ends in {', '.join(ENDINGS)}")
    yield from found


def _below(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(f"cannot read {_printable(os.fsdecode(error.filename))}: {error.strerror}") from error

    for root, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(root, name) for name in names if name.lower().endswith(ENDINGS) and not name.startswith("."))


def _why(error: Exception, max_megapixels: float) -> str:
    if isinstance(error, UnidentifiedImageError):
        return f"it is not a picture of the formats {', '.join(FORMATS)}"
    if isinstance(error, _BOMBS):
        return f"it has far more pixels than the {max_megapixels:g} megapixels that are allowed"
    said = error.strerror if isinstance(error, OSError) else None
    return _printable(said or str(error) or type(error).__name__)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
