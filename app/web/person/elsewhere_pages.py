"""Pages for people who are in none of the host countries that have a team: who helps there and from afar, and how to stay safe.

A team can take requests from everywhere else (the made-up country `XX`). Then the country question offers it, and each page says
what such a request can and cannot achieve; without such a team the pages say beforehand that nobody takes such requests.
"""

from dataclasses import replace
from typing import Any, Final

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from markupsafe import Markup
from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.core.i18n import N_, Translator
from app.directory.catalogue import ACROSS
from app.directory.packs import Directory as Packs
from app.directory.packs import Helper, Organisation
from app.intake.questions import FormFields
from app.matching.code_names import CodeNames
from app.staff import service as staff
from app.web.components import path_convertors  # noqa: F401  registers them
from app.web.components.rendering import page
from app.web.person import centre_cards
from app.web.person.dependencies import Directory, Lang, Served, anyone
from app.web.person.form_fields import FormField

router = APIRouter(dependencies=[Depends(anyone)])
PLACES: Final = ("AM", "RS", "TR", "KZ", "ME", "IL", "RU", "BY")
"""Countries with a page of their own, in the order of the list. Every other one is "another country"."""
DANGEROUS: Final = frozenset({"RU", "BY"})
"""There the contact itself can be a crime, so that the advice on safety comes first."""
NOT_SERVED: Final = N_("Nobody here takes requests from this country.")


@router.get("/elsewhere")
def choose_place(lang: Lang, directory: Directory, served: Served) -> Response:
    words = CodeNames(lang, directory).translator
    return page(
        "person/elsewhere.html",
        lang,
        places=[(code.lower(), words.country_name(code)) for code in PLACES if not directory.is_host(code)],
        takes_requests=ACROSS in served,
        unserved=[
            (country.code.lower(), words.country_name(country.code))
            for country in directory.countries
            if country.code not in served
        ],
        here="elsewhere",
    )


@router.get("/elsewhere/{code:country}")
def show_place(lang: Lang, code: str, directory: Directory, served: Served) -> Response:
    """Helpers of one place, or from afar for any other country (`xx`)."""
    place = code.upper()
    if directory.is_host(place) or place not in (*PLACES, ACROSS):
        raise NotFound
    code_names = CodeNames(lang, directory)
    afar = [entry for entry in directory.organisations if directory.files.get(entry.id, "").startswith("xx/")]
    entries: list[Helper | Organisation] = [*directory.helpers_in(place), *afar]
    cards = [
        centre_cards.card(
            entry, directory, code_names.translator, reasons=centre_cards.remarks(entry, directory, code_names)
        )
        for entry in _each_once(entries)
    ]
    return page(
        "person/elsewhere_place.html",
        lang,
        country="" if place == ACROSS else code_names.translator.country_name(place),
        is_dangerous=place in DANGEROUS,
        takes_requests=ACROSS in served,
        contacts=directory.urgent_contacts(ACROSS),
        confirmed=[card for card in cards if card["verified"]],
        unconfirmed=[card for card in cards if not card["verified"]],
        here=f"elsewhere/{code}",
    )


def _each_once(entries: list[Helper | Organisation]) -> list[Helper | Organisation]:
    """The helpers, each name in the country's own language once: a local branch and its parent have the same name."""
    by_name: dict[str, Helper | Organisation] = {}
    for entry in entries:
        by_name.setdefault(entry.name.local or entry.name.en, entry)
    return list(by_name.values())


# --- at the question --------------------------------------------------------------------------------------------------


def at_country_question(
    question_fields: list[FormField], served: frozenset[str], code_names: CodeNames, directory: Packs, lang: str
) -> list[FormField]:
    """The country question for this installation: only countries with a team, and where everybody else finds help."""
    return [
        _served_only(field, served, code_names, directory, lang) if field.name == "country" else field
        for field in question_fields
    ]


def only_served(question_fields: list[FormField], served: frozenset[str]) -> list[FormField]:
    """The fields, with only the countries that a team takes requests from."""
    return [_with_served(field, served) if field.name == "country" else field for field in question_fields]


def _with_served(field: FormField, served: frozenset[str]) -> FormField:
    groups = tuple(
        replace(group, options=tuple(option for option in group.options if option.value in served))
        for group in field.groups
    )
    return replace(field, groups=groups)


def _served_only(
    field: FormField, served: frozenset[str], code_names: CodeNames, directory: Packs, lang: str
) -> FormField:
    groups = _with_served(field, served).groups
    text, names = code_names.text, code_names.translator
    unserved = [country.code for country in directory.countries if country.code not in served]
    links = [
        Markup('<a href="/{}/contacts/{}">{}</a>').format(lang, code.lower(), names.country_name(code))
        for code in unserved
    ]
    lines = [Markup("{}").format(field.hint)] if field.hint else []
    if ACROSS in served:
        lines.append(Markup("{}").format(text(_ELSEWHERE_TOO)))
    if links:
        lines.append(Markup("{} {}").format(text(_NO_TEAM), Markup(", ").join(links)))
    somewhere_else = _WHO_HELPS if ACROSS in served else _SOMEWHERE_ELSE
    lines.append(Markup('<a href="/{}/elsewhere">{}</a>').format(lang, text(somewhere_else)))
    return replace(field, groups=groups, hint=Markup("<br>").join(lines))


_NO_TEAM: Final = N_("We cannot take requests from this country, but you can contact these centres yourself:")
_SOMEWHERE_ELSE: Final = N_("I am in another country")
_WHO_HELPS: Final = N_("Who helps in other countries")
_ELSEWHERE_TOO: Final = N_(
    "From another country you can send a request too. We do not know the laws and deadlines there: a coordinator reads it and "
    "looks for help from afar."
)


def country_error(session: Session, answers: FormFields, directory: Packs, code_names: CodeNames) -> dict[str, str]:
    """The error at the country question when no team takes requests from the chosen country, for example because it stopped
    after the draft was begun.
    """
    code = answers.get("country", [""])[-1]
    if not directory.has_country(code) or code in staff.served_countries(session):
        return {}
    return {"country": code_names.text(NOT_SERVED)}


def about_the_place(country: str, region: str | None, lang: str, words: Translator) -> dict[str, Any] | None:
    """The remarks of a page on a request from elsewhere: where helpers are named, and whether contact itself is dangerous there."""
    if country != ACROSS:
        return None
    place = (region or "").removeprefix(f"{ACROSS}-")
    code = place if place in PLACES else ACROSS
    return {
        "link": f"/{lang}/elsewhere/{code.lower()}",
        "country": words.country_name(place) if place else "",
        "is_dangerous": place in DANGEROUS,
    }
