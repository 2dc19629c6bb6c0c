"""The language of a page for staff and partners: whose it is, and how it is switched.

In this order: what the signed-in member has chosen, what the link of an invitation names (`?language=`, on the pages before the
sign-in), what was chosen in this browser (a cookie that holds nothing but the code of the language), the browser's own first
language that we have, English.
"""

from typing import Final
from urllib.parse import urlencode

from fastapi import Request, Response

from app.core.i18n import LANGUAGES, STAFF, Translator, translator
from app.settings import Settings
from app.web.components import cookies, rendering
from app.web.components.time_format import TimeFormat

COOKIE: Final = "staff_language"
DEFAULT: Final = "en"
_KEPT_FOR: Final = 180 * 24 * 3600


def of(request: Request) -> str:
    """The code of the reader's language, one of `LANGUAGES`."""
    member = getattr(request.state, "member", None)
    if member is not None and member.language in LANGUAGES:
        return str(member.language)
    if member is None:
        named = request.query_params.get("language", "")
        return named if named in LANGUAGES else _of_browser(request)
    if not hasattr(request.state, "browser_language"):  # a page asks several times
        request.state.browser_language = _of_browser(request)
    return str(request.state.browser_language)


def _of_browser(request: Request) -> str:
    """What was chosen in this browser, else its own first language that we have, else English."""
    chosen = cookies.read(request, COOKIE)
    if chosen in LANGUAGES:
        return str(chosen)
    return rendering.preferred_language(request.headers.get("accept-language", ""), otherwise=DEFAULT)


def words(request: Request) -> Translator:
    """The sentences of the staff's domain in the reader's language."""
    return translator(of(request), STAFF)


def times(request: Request) -> TimeFormat:
    """Days, instants and durations in the reader's language."""
    return TimeFormat(words(request))


def remember(response: Response, language: str, settings: Settings) -> None:
    """Keep a language in this browser, for its pages before the sign-in. One of `LANGUAGES`."""
    cookies.put(response, COOKIE, language, settings, seconds=_KEPT_FOR)


def address_here(request: Request) -> str | None:
    """Where the page can be asked for again; None for one that answers a form, where a switch would lose what was typed."""
    if request.method not in {"GET", "HEAD"}:
        return None
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "done"]
    return request.url.path + (f"?{urlencode(kept)}" if kept else "")
