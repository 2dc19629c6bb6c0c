"""Pages without questions: home, safety advice, urgent contacts, printable form, goodbye and quick exit."""

from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from app.core.dependencies import Db
from app.core.errors import NotFound
from app.core.i18n import translator
from app.directory.catalogue import ACROSS
from app.intake import drafts
from app.intake.questions import STEPS
from app.matching.code_names import CodeNames
from app.web.components import csrf, path_convertors  # noqa: F401  registers them
from app.web.components.rendering import page, preferred_language, shared_page
from app.web.person import centre_cards, elsewhere_pages, form_fields
from app.web.person.dependencies import Config, Cookie, Directory, Lang, Served, anyone, delete_cookie

root = APIRouter(dependencies=[Depends(anyone)])
router = APIRouter(dependencies=[Depends(anyone)])
EXIT_PAGES: Final = {
    "ru": "https://www.meteoblue.com/ru/",
    "be": "https://www.meteoblue.com/",
    "uk": "https://sinoptik.ua/",
    "pl": "https://www.imgw.pl/",
    "lt": "https://www.meteo.lt/",
    "ka": "https://www.meteoblue.com/",
    "de": "https://www.dwd.de/",
    "en": "https://www.metoffice.gov.uk/",
}
"""Weather pages that say nothing about the visitor. None belongs to a company of Russia or Belarus: it would learn the address of
whoever leaves in a hurry."""
_LONGEST_TEXT: Final = 10_000
_DEFAULT_EXIT_PAGE: Final = "https://www.meteoblue.com/"
"""For a language that has no page of its own above."""


@root.get("/")
async def choose_language(request: Request) -> Response:
    return RedirectResponse(f"/{preferred_language(request.headers.get('accept-language', ''))}/", 303)


@root.get("/favicon.ico")
async def no_icon() -> Response:
    return Response(status_code=204)


@root.get("/robots.txt")
async def robots() -> Response:
    return Response("User-agent: *\nDisallow: /\n", media_type="text/plain")


@router.get("/")
async def start(lang: Lang, settings: Config, directory: Directory, served: Served) -> Response:
    """The first page. It names the countries from which a team takes requests, and no others."""
    names = translator(lang)
    countries = [names.country_name(country.code) for country in directory.countries if country.code in served]
    return shared_page(
        "person/start.html",
        lang,
        demo=settings.demo,
        here="",
        countries=names.listed(countries),
        takes_requests_from_elsewhere=ACROSS in served,
    )


@router.get("/safety")
async def safety(lang: Lang, settings: Config) -> Response:
    return shared_page(
        "person/safety.html", lang, days_kept=ceil(settings.closed_kept / timedelta(days=1)), here="safety"
    )


@router.get("/about")
def about(lang: Lang, settings: Config) -> Response:
    """Who runs this copy, who pays, what it is not, and where to complain outside the team."""
    return shared_page(
        "person/about.html",
        lang,
        operator=settings.operator,
        funding=settings.funding,
        complaints_to=settings.complaints_to,
        told=_operator_text(settings.about_dir, "about", lang),
        complaints=_operator_text(settings.about_dir, "complaints", lang),
        here="about",
    )


def _operator_text(folder: Path, name: str, lang: str) -> tuple[str, str]:
    """The operator's own text in the reader's language, else in English, and its language; empty without a file."""
    for language in dict.fromkeys((lang, "en")):
        try:
            return (folder / f"{name}.{language}.txt").read_text(encoding="utf-8").strip()[:_LONGEST_TEXT], language
        except (OSError, UnicodeDecodeError):
            continue
    return "", lang


@router.get("/contacts")
def contacts(lang: Lang, directory: Directory) -> Response:
    code_names = CodeNames(lang, directory)
    countries = [
        (
            country.code.lower(),
            code_names.translator.country_name(country.code),
            directory.urgent_contacts(country.code),
            directory.authority_lines(country.code),
        )
        for country in directory.countries
    ]
    return page("person/contacts.html", lang, countries=countries, here="contacts")


@router.get("/contacts/{code:country}")
def country_contacts(lang: Lang, code: str, directory: Directory, served: Served) -> Response:
    """The centres of a country's pack, then those that work across borders, with every way to reach them. No authority."""
    if not directory.is_host(code.upper()):
        raise NotFound
    code_names = CodeNames(lang, directory)
    cards = [
        centre_cards.card(
            organisation,
            directory,
            code_names.translator,
            reasons=centre_cards.remarks(organisation, directory, code_names),
        )
        for organisation in directory.organisations
        if organisation.services and directory.files.get(organisation.id, "").startswith((f"{code}/", "xx/"))
    ]
    return page(
        "person/country_contacts.html",
        lang,
        country=code_names.translator.country_name(code.upper()),
        is_served=code.upper() in served,
        confirmed=[card for card in cards if card["verified"]],
        unconfirmed=[card for card in cards if not card["verified"]],
        here=f"contacts/{code}",
    )


@router.get("/paper")
def paper(lang: Lang, directory: Directory, served: Served) -> Response:
    """The printable form. It asks for the countries from which a team takes requests."""
    code_names = CodeNames(lang, directory)
    steps = [
        (
            step,
            elsewhere_pages.only_served(
                form_fields.fields(step.questions, {}, {}, code_names, directory, on_one_page=True), served
            ),
        )
        for step in STEPS
    ]
    return page("person/paper.html", lang, steps=steps, here="paper")


@router.get("/goodbye")
async def goodbye(lang: Lang) -> Response:
    return shared_page("person/goodbye.html", lang, here="")


@router.get("/deleted")
async def deleted(lang: Lang) -> Response:
    """Say that everything was erased."""
    return shared_page("person/deleted.html", lang, here="")


@router.get("/leave")
def leave(lang: Lang, request: Request, cookie: Cookie, settings: Config, session: Db) -> Response:
    """Quick exit: delete the draft, ask the browser to clear this site's data, and redirect to a weather page.

    A link or an image of another site redirects too, but does not delete a form that is being filled in here.
    """
    response = RedirectResponse(EXIT_PAGES.get(lang, _DEFAULT_EXIT_PAGE), 303)
    if csrf.is_of_other_site(request):
        return response
    drafts.drop(session, cookie)
    delete_cookie(response, settings)
    response.headers["clear-site-data"] = '"cache", "cookies", "storage"'
    return response
