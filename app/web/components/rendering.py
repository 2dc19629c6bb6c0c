"""Rendering of templates: environment, language, style sheets and error pages."""

import hashlib
from collections.abc import Callable, Hashable, Mapping, MutableMapping
from functools import lru_cache
from pathlib import Path
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.runtime import Context, Macro
from markupsafe import Markup
from werkzeug.http import parse_accept_header

from app.core import tracing
from app.core.accept_headers import tidied
from app.core.addresses import language_code
from app.core.compression import KeptPage
from app.core.errors import AppError, FilesTooLarge
from app.core.i18n import LANGUAGES, N_, OWN_NAMES, PERSON, translator
from app.web.components import date_fields

TEMPLATES: Final = Path(__file__).resolve().parents[1] / "templates"
_STATIC: Final = Path(__file__).resolve().parents[1] / "static"
_ERRORS: Final = {
    400: N_("We could not read what was sent. Please try again."),
    401: N_("Please sign in first."),
    403: N_("This is not possible here."),
    404: N_("There is no page at this address."),
    405: N_("This is not possible here."),
    409: N_("This is no longer possible: something has changed in the meantime."),
    412: N_("Someone else has changed this in the meantime."),
    413: N_("This is too long. Please send less text."),
    422: N_("Some of your answers are not valid. Please check them."),
    429: N_("Too many attempts. Please wait a few minutes."),
    503: N_("The service is very busy. Please try again in a minute. Everything that was shown as saved is safe."),
}
_FILES_TOO_LARGE: Final = N_(
    "The files are too large together: at most {size} MB. Nothing has been added. Please choose fewer files."
)
_UNEXPECTED: Final = N_("Something went wrong on our side. Please try again.")


_CALLED_DIRECTLY: Final = frozenset({MethodType, FunctionType, BuiltinMethodType, type(lru_cache(str))})
"""Also methods of built-in types, such as `dict.get`, and functions whose results are remembered."""


class _Context(Context):
    """Calls functions, methods and macros directly.

    Jinja checks for each call whether its target needs the context. None of our functions does; of the others only macros need
    something, the escaping settings. A staff page looks up about 200 sentences and calls about 70 macros: the check cost more than
    the look-ups.
    """

    def call(
        self, target: Callable[..., Any], /, *args: Any, _loop_vars: Any = None, _block_vars: Any = None, **kwargs: Any
    ) -> Any:
        kind = type(target)
        if kind in _CALLED_DIRECTLY:
            return target(*args, **kwargs)
        if kind is Macro:
            return target(self.eval_ctx, *args, **kwargs)
        return super().call(target, *args, _loop_vars=_loop_vars, _block_vars=_block_vars, **kwargs)


class _Environment(Environment):
    """Gives every template the globals as one plain dictionary.

    Jinja's own are two dictionaries in a chain, which Python goes through name by name for each context and each imported template
    of a page. Ours do not change once there is a template.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}


@lru_cache(maxsize=1)
def environment() -> Environment:
    jinja = _Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    jinja.context_class = _Context
    jinja.globals.update(
        languages=LANGUAGES,
        own_names=OWN_NAMES,
        css=css_address,
        lines=lines,
        qr_code=qr_code,
        boxes_of=date_fields.of_day,
        typed_boxes=date_fields.typed,
    )
    return jinja


@lru_cache(maxsize=8)
def css_address(name: str) -> str:
    """The URL of a static file with a digest of its content, so that browsers can cache it without becoming stale."""
    digest = hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:8]
    return f"/s/{name}?v={digest}"


def css_text(name: str) -> Markup:
    """The content of a style sheet, for a page that is kept as a file and asks nobody for anything."""
    return Markup((_STATIC / name).read_text(encoding="utf-8"))  # noqa: S704  our own file


def lines(text: str) -> Markup:
    """Text with its line breaks as `<br>`, escaped."""
    return Markup("<br>").join(text.splitlines())


def qr_code(text: str, title: str) -> Markup:
    """The text as a QR code, drawn into the page as SVG: dark on white in dark pages too, because cameras need that."""
    import segno  # loaded only by the few who join or change their code app

    code = segno.make(text, error="m", micro=False)
    drawn = code.svg_inline(scale=5, border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, title=title)
    return Markup(drawn)  # noqa: S704  drawn by the library, which escapes the title


def render(
    template: str, language: str, *, domain: str = PERSON, reworded: Mapping[str, str] | None = None, **context: Any
) -> str:
    """The template in a language, with the sentences of a domain of `app.core.i18n`. Raises UndefinedError.

    `reworded`: English sentences that this page words differently, for example because somebody else writes for the person; the
    template then finds `of_another` true.
    """
    words = translator(language, domain).reworded(reworded or {})
    with tracing.span(f"render {template}"):
        return (
            environment()
            .get_template(template)
            .render(lang=language, _=words.text, n_=words.plural, words=words, of_another=bool(reworded), **context)
        )


def page(template: str, language: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    return HTMLResponse(render(template, language, **context), status_code=status)


def shared_page(template: str, language: str, **context: Hashable) -> HTMLResponse:
    """A page that is the same for everybody who reads this language: rendered once for each context, then kept in memory.

    Nothing about a visitor may be in the context, and no token, secret or time.
    """
    return KeptPage(_shared(template, language, tuple(sorted(context.items()))))


@lru_cache(maxsize=256)
def _shared(template: str, language: str, context: tuple[tuple[str, Any], ...]) -> str:
    return render(template, language, **dict(context))


def raw_page(html: str) -> HTMLResponse:
    """A page that was rendered already."""
    return HTMLResponse(html)


def language_of(request: Request) -> str:
    """The language of the path, else the browser's first that we have, else Russian, which most of our users read."""
    first = request.url.path.strip("/").split("/", 1)[0]
    if first in LANGUAGES:
        return first
    return preferred_language(request.headers.get("accept-language", ""))


def preferred_language(accept: str, *, otherwise: str = "ru") -> str:
    """The first language of an `Accept-Language` header, by its weights, that we have; a regional form counts as its language.

    Spaces around a weight do no harm, nor does one without its 0.
    """
    accepted = parse_accept_header(tidied(accept[:500]))
    ours = (language_code(tag) for tag, quality in accepted if quality)
    return next((code for code in ours if code in LANGUAGES), otherwise)


def error_message(error: AppError) -> str:
    """The sentence for an error, to be translated, chosen by its status alone."""
    return _ERRORS.get(error.status, _UNEXPECTED)


def error_page(request: Request, error: AppError) -> HTMLResponse:
    """An error as a page. It does not show submitted input: forms show their own errors next to the fields."""
    language = language_of(request)
    words, back = translator(language), ""
    message = words.text(error_message(error))
    if isinstance(error, FilesTooLarge):
        message, back = words.text(_FILES_TOO_LARGE, size=error.megabytes), request.url.path
    response = page("person/error.html", language, status=error.status, message=message, back=back)
    response.headers.update(error.headers)
    return response
