"""How much of a file is converted, and why a file is refused. Only the standard library: the converting process imports it too."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Refusal(StrEnum):
    """Why a file was not taken. `TOO_BIG`: too many bytes or pixels, or too much memory needed. `DAMAGED`: cut off or broken."""

    NOT_ACCEPTED = "not_accepted"
    ENCRYPTED = "encrypted"
    TOO_MANY_PAGES = "too_many_pages"
    TOO_BIG = "too_big"
    DAMAGED = "damaged"
    TOO_SLOW = "too_slow"


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Limits of one file. `cpu_seconds`: of the process that reads it. `memory`: its address space in bytes, libraries included."""

    bytes: int = 15_000_000
    pages: int = 40
    pixels: int = 64_000_000
    cpu_seconds: int = 30
    memory: int = 700_000_000


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """How many files and pages a case can have, whoever added them, and the limits of one file."""

    files: int = 10
    pages: int = 40
    file: FileLimits = FileLimits()


_PDF_BEGINS_WITHIN: Final = 1024
_HEIF_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def format_of(begins: bytes) -> str:
    """`JPEG`, `PNG`, `WEBP`, `HEIF` or `PDF`, by the first bytes of a file, whatever its name says; "" for everything else."""
    if begins.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if begins.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if begins.startswith(b"RIFF") and begins[8:12] == b"WEBP":
        return "WEBP"
    if begins[4:8] == b"ftyp" and begins[8:12] in _HEIF_BRANDS:
        return "HEIF"
    return "PDF" if b"%PDF-" in begins[:_PDF_BEGINS_WITHIN] else ""


LONGEST_SIDE: Final = 2600
"""Pixels of the longer side of a page picture: 222 dots per inch of a sheet of A4, at which small print is legible."""
MOST_PAGE_BYTES: Final = 1_500_000
"""No page picture is larger: a second try with a lower quality always is smaller."""
MOST_FILE_BYTES: Final = 24_000_000
"""All page pictures of one file together are no larger: so much of it the web process holds until it is stored."""
_ENOUGH: Final = 500_000


def most_page_bytes(used: int, pages: int, most_pages: int) -> int:
    """The largest picture of the next page, in bytes, of a file whose first `pages` pages have used so many.

    The first pages can be as large as a single photo; enough for a page of print is left for each of those that may follow.
    """
    enough = min(_ENOUGH, MOST_FILE_BYTES // most_pages)
    return min(MOST_PAGE_BYTES, MOST_FILE_BYTES - used - enough * (most_pages - pages - 1))
