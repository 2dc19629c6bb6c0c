"""The media type of an answer, chosen from what the caller accepts (RFC 9110 §12.5.1)."""

from typing import Final

from fastapi import Request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header, parse_options_header

from app.core.accept_headers import tidied
from app.core.errors import AppError

VARY: Final = {"Vary": "Accept"}


class NotAcceptable(AppError):
    status, slug, title = 406, "not-acceptable", "Not available in the requested format"


def best_media_type(request: Request, *offered: str) -> str:
    """The offered media type that the caller prefers; the first of several with equal preference.

    Without a media range in the header, the first offered type is used. Raises NotAcceptable (406).
    """
    header = ",".join(request.headers.getlist("accept"))
    if "/" not in header:
        return offered[0]
    accepted = parse_accept_header(tidied(header), MIMEAccept)
    best = max(offered, key=lambda media_type: _quality(media_type, accepted))
    if not _quality(best, accepted):
        raise NotAcceptable(f"Available formats: {', '.join(offered)}.", headers=VARY)
    return best


def _quality(offered: str, accepted: MIMEAccept) -> float:
    """The weight of the most specific range that holds this type, 0 to 1; 0 where none does.

    A parameter of the offered type (`fhirVersion=4.0`) is compared where the caller names it; any other is ignored.
    MIMEAccept itself would compare all of them, and refuse `text/csv; charset=utf-8` where `text/csv` is offered.
    """
    media_type, parameters = parse_options_header(offered)
    for media_range, quality in accepted:  # sorted: the most specific first
        name, named = parse_options_header(media_range)
        in_range = MIMEAccept([(name, 1)]).quality(media_type)
        if in_range and all(parameters.get(key, value) == value for key, value in named.items()):
            return quality
    return 0.0
