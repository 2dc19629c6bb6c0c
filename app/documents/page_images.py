"""Makes upright pictures of the pages of a photo or PDF, with nothing but their pixels. Runs in the converting process alone.

Everything that it needs is imported before the process gives up access to files.
"""

import io
from collections.abc import Iterator
from typing import Final

import pillow_heif
import pypdfium2 as pdfium
from PIL import (
    Image,
    ImageCms,
    ImageColor,
    ImageFile,
    ImagePalette,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.Image import Resampling, Transpose

from app.documents.limits import LONGEST_SIDE, FileLimits, Refusal, format_of

pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
Image.preinit()
_NEEDED_LATER: Final = (
    *(
        ImageColor,
        ImageFile,
        ImagePalette,
        JpegImagePlugin,
        MpoImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    ),
)
"""Pillow would import them when it needs them, and could not any more."""
Image.MAX_IMAGE_PIXELS = None  # `_check_pixels` is stricter, and refuses instead of warning

_PDF_DOTS_PER_INCH: Final = 200
_POINTS_PER_INCH: Final = 72
_ORIENTATION_TAG: Final = 0x0112
_UPRIGHT: Final = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What turns a picture upright, by its EXIF orientation."""


class Refused(Exception):
    """The file is refused; see `limits.Refusal`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


def pages_of(content: bytes, limits: FileLimits) -> Iterator[Image.Image]:
    """The pages of a file as RGB pictures, one after the other. A photo is one page. Raises Refused, MemoryError."""
    if len(content) > limits.bytes:
        raise Refused(Refusal.TOO_BIG)
    format_name = format_of(content)
    if not format_name:
        raise Refused(Refusal.NOT_ACCEPTED)
    if format_name == "PDF":
        yield from _pages_of_pdf(content, limits)
    else:
        yield _photo(content, format_name, limits)


def _photo(content: bytes, format_name: str, limits: FileLimits) -> Image.Image:
    try:
        with Image.open(io.BytesIO(content), formats=(format_name,)) as image:
            _check_pixels(image.size, limits)
            orientation = _orientation(image) if format_name != "HEIF" else 1  # pillow-heif has turned it already
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            profile = image.info.get("icc_profile")
            flat = _as_rgb(image)
            flat.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Resampling.LANCZOS, reducing_gap=2.0)
    except (
        OSError,
        ValueError,
        SyntaxError,
        RuntimeError,
        EOFError,
        KeyError,
        IndexError,
        TypeError,
        OverflowError,
    ) as error:
        raise Refused(
            Refusal.TOO_BIG if "llocat" in str(error) else Refusal.DAMAGED
        ) from None  # libheif's lack of memory
    flat = _in_srgb(flat, profile)
    return flat.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else flat


def _check_pixels(size: tuple[int, int], limits: FileLimits) -> None:
    if min(size) < 1:
        raise Refused(Refusal.DAMAGED)
    if size[0] * size[1] > limits.pixels:
        raise Refused(Refusal.TOO_BIG)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001 — metadata may be anything; the picture is still good
        return 1


def _as_rgb(image: Image.Image) -> Image.Image:
    """Without transparency (on white) and with 8 bits a channel."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        paper = Image.new("RGB", with_alpha.size, "white")
        paper.paste(with_alpha, mask=with_alpha.getchannel("A"))
        return paper
    if image.mode == "RGB":  # `convert` would copy it
        image.load()
        return image
    return image.convert("RGB")


def _in_srgb(image: Image.Image, profile: object) -> Image.Image:
    """With the colours of sRGB. A profile that cannot be read, or is not one of RGB, is left out."""
    if not isinstance(profile, bytes):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != "RGB" or "sRGB" in (source.profile.profile_description or ""):
            return image
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image


def _pages_of_pdf(content: bytes, limits: FileLimits) -> Iterator[Image.Image]:
    """The pages of a PDF, drawn by PDFium without scripts, with form fields and annotations as in print."""
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        encrypted = getattr(error, "err_code", None) == pdfium.raw.FPDF_ERR_PASSWORD
        raise Refused(Refusal.ENCRYPTED if encrypted else Refusal.DAMAGED) from None
    count = len(document)
    if count < 1:
        raise Refused(Refusal.DAMAGED)
    if count > limits.pages:
        raise Refused(Refusal.TOO_MANY_PAGES)
    try:
        document.init_forms()
        for number in range(count):
            page = document[number]
            width, height = page.get_size()
            longest = max(width, height)
            if not (min(width, height) >= 1 and longest < 1_000_000):
                raise Refused(Refusal.DAMAGED)
            scale = min(_PDF_DOTS_PER_INCH / _POINTS_PER_INCH, LONGEST_SIDE / longest)
            bitmap = page.render(scale=scale, rev_byteorder=True, may_draw_forms=True, draw_annots=True)
            yield bitmap.to_pil().convert("RGB")
            bitmap.close()
            page.close()
    except (pdfium.PdfiumError, ValueError, OSError, RuntimeError, OverflowError):
        raise Refused(Refusal.DAMAGED) from None
