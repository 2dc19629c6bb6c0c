"""In which form a caller wants the answer: its `Accept`, after RFC 9110 §12.5.1."""

from collections.abc import Iterator
from typing import Final

from fastapi import Request

from app.core.errors import AppError

VARY: Final = {"Vary": "Accept"}


class NotAcceptable(AppError):
    status, slug, title = 406, "not-acceptable", "This is not to be had in that form"


def preferred(request: Request, *offered: str) -> str:
    """Which of these media types the caller likes best; the first, where all are the same to it.

    A parameter of an offered type (`; fhirVersion=4.0`) is compared where the caller names it; others are passed over. A header
    without any media range in it says nothing.
    Raises NotAcceptable (406).
    """
    wanted = [one for one in ",".join(request.headers.getlist("accept")).lower().split(",") if "/" in one.split(";")[0]]
    if not wanted:
        return offered[0]
    liked = {one: _liking(one.lower(), wanted) for one in offered}
    best = max(offered, key=lambda one: liked[one])
    if not liked[best]:
        raise NotAcceptable(f"One of: {', '.join(offered)}.", headers=VARY)
    return best


def _liking(offered: str, wanted: list[str]) -> float:
    """The weight of the most specific range that this type lies in; 0 where none does."""
    media, ours = _split(offered)
    found = (0, 0.0)
    for media_range in wanted:
        name, theirs = _split(media_range)
        weight = _weight(theirs.pop("q", "1"))
        closeness = _closeness(media, name)
        if closeness and all(ours.get(key, value) == value for key, value in theirs.items()):
            found = max(found, (closeness, weight))
    return found[1]


def _closeness(media: str, media_range: str) -> int:
    if media_range == media:
        return 3
    if media_range.endswith("/*") and media_range[:-1] == media[: media.index("/") + 1]:
        return 2
    return int(media_range == "*/*")


def _split(text: str) -> tuple[str, dict[str, str]]:
    name, *rest = (part.strip() for part in text.split(";"))
    return name, dict(_parameters(rest))


def _parameters(parts: list[str]) -> Iterator[tuple[str, str]]:
    for part in parts:
        key, _, value = part.partition("=")
        yield key.strip(), value.strip().strip('"')


def _weight(text: str) -> float:
    """What is no weight is none at all."""
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
