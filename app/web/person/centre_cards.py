"""A centre as people see it: its name in a script they can read, and every way to reach it that the directory has."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from babel.dates import format_skeleton, get_day_names

from app.core.i18n import N_, Translator
from app.directory import fields
from app.directory.packs import Directory, Helper, Organisation
from app.directory.safety_notes import notes_of
from app.directory.schemas import Hours
from app.matching import rulebook
from app.matching.code_names import CodeNames
from app.matching.reasons import Reason
from app.matching.reasons import render as in_sentence

_LATIN, _CYRILLIC, _GEORGIAN, _HEBREW = "LATIN", "CYRILLIC", "GEORGIAN", "HEBREW"
_READ: Final = MappingProxyType(
    {"ru": (_CYRILLIC,), "be": (_CYRILLIC,), "uk": (_CYRILLIC,), "ka": (_GEORGIAN,)},
)
"""The scripts that readers of a language know besides the Latin one."""
_LANGUAGE_OF_SCRIPT: Final = MappingProxyType({_CYRILLIC: "ru", _GEORGIAN: "ka", _HEBREW: "he"})
_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY_AND_NIGHT: Final = ("00:00", "23:59")
_NATIONWIDE: Final = "nationwide"
_PLACES: Final = MappingProxyType(
    {
        "online": N_("Online"),
        _NATIONWIDE: N_("In the whole country"),
        "international": N_("International"),
        "belarus border region": N_("On the border with Belarus"),
        "airports": N_("Airports"),
        "asylum centres": N_("Reception centres for asylum seekers"),
    }
)
_COUNTRIES_IN_PLACES: Final = MappingProxyType(
    {"france": "FR", "germany and exile hubs abroad": "DE", "russia": "RU", "from belarus": "BY"}
)
_OWN_LANGUAGE: Final = re.compile(r"^language\.(interpreter|no|unknown)$")
"""Reasons that name every language in which a centre works."""
COSTS: Final = MappingProxyType(
    {
        "free": N_("Free of charge"),
        "state_funded": N_("Paid by the state"),
        "unknown": N_("It may cost money: ask first"),
    }
)


@dataclass(frozen=True, slots=True)
class WrittenName:
    """A name and its language, for the `lang` attribute of the page."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class ContactWays:
    """The ways to reach a centre. Every link is safe: `tel:` with digits, `mailto:` without a subject, `https:`.

    `site`: what is shown; `site_link`: the address, or "" where it is not encrypted.
    """

    phones: Sequence[tuple[str, str]] = ()
    email: str = ""
    site: str = ""
    site_link: str = ""
    address: WrittenName | None = None
    phone_hours: str = ""
    hours: str = ""
    languages: str = ""
    costs: Sequence[str] = ()
    known: str = ""
    """Since when this is known: a day, a month, a year; "" where the source has no date."""

    @property
    def is_possible(self) -> bool:
        """Whether the directory has any way to reach the centre."""
        return bool(self.phones or self.email or self.site or self.address)


def names(
    organisation: Organisation | Helper, reader: str, directory: Directory
) -> tuple[WrittenName, WrittenName | None]:
    """The name that the reader can read, and the other one to show next to it.

    The centre's own name comes first if it is readable.
    """
    english = WrittenName(organisation.name.en, "en")
    if not organisation.name.local or organisation.name.local == organisation.name.en:
        return english, None
    script = script_of(organisation.name.local)
    own = WrittenName(
        organisation.name.local, _LANGUAGE_OF_SCRIPT.get(script) or _country_language(organisation, directory)
    )
    return (own, english) if script == _LATIN or script in _READ.get(reader, ()) else (english, own)


def readable_name(stored: str, directory: Directory, words: Translator) -> str:
    """The name of an organisation as this reader can read it, from the one that the database has; else that one."""
    found = next(
        (entry for entry in directory.organisations if stored in (entry.id, entry.name.local, entry.name.en)), None
    )
    return names(found, words.language, directory)[0].text if found is not None and stored else stored


def script_of(text: str) -> str:
    """The script of the first letter that is not Latin; Latin if every letter is."""
    for character in text:
        script = unicodedata.name(character, "").split(" ")[0]
        if script in _LANGUAGE_OF_SCRIPT:
            return script
    return _LATIN


def _country_language(organisation: Organisation | Helper, directory: Directory) -> str:
    """The first language of the country whose pack lists it, if it is written in Latin letters; else English."""
    code = directory.files.get(organisation.id, "").split("/", maxsplit=1)[0].upper()
    language = directory.country(code).languages[0] if directory.has_country(code) else "en"
    return "en" if language in _LANGUAGE_OF_SCRIPT.values() else language


def place(organisation: Organisation | Helper, words: Translator) -> str:
    """The towns; what the directory says about them in English is left out, or said in the reader's language."""
    city = organisation.city or ""
    pieces = [_place(piece.strip(), words) for piece in re.sub(r"\([^)]*\)", "", city).split(";")]
    if f"({_NATIONWIDE})" in city:
        pieces.append(words.text(_PLACES[_NATIONWIDE]))
    return "; ".join(dict.fromkeys(pieces))


def _place(piece: str, words: Translator) -> str:
    known = piece.casefold()
    if known in _COUNTRIES_IN_PLACES:
        return words.country_name(_COUNTRIES_IN_PLACES[known])
    return words.text(_PLACES[known]) if known in _PLACES else re.sub(r" (and regions|region)$", "", piece)


def said_once(ways: ContactWays, reasons: Collection[str]) -> ContactWays:
    """The ways to reach a centre, without remarks that its reasons already contain: languages, or that it may cost money."""
    return replace(
        ways,
        languages="" if any(map(_OWN_LANGUAGE.match, reasons)) else ways.languages,
        costs=() if "cost_unknown" in reasons else ways.costs,
    )


def reach(organisation: Organisation | Helper, directory: Directory, words: Translator) -> ContactWays:
    """How to reach a centre of the directory."""
    spoken, costs = _languages_and_costs(organisation, directory)
    website = organisation.website or ""
    return ContactWays(
        phones=phone_links(organisation.phone or ""),
        email=organisation.email or "",
        site=re.sub(r"^https?://(www\.)?", "", website).rstrip("/"),
        site_link=website if website.startswith("https://") else "",
        address=WrittenName(organisation.address, _country_language(organisation, directory))
        if organisation.address
        else None,
        phone_hours=in_words(organisation.phone_hours, words),
        hours=in_words(organisation.hours, words),
        languages=words.listed(words.language_names(spoken)),
        costs=[words.text(COSTS[cost]) for cost in dict.fromkeys(costs)],
        known=known_since(organisation.source.date, words),
    )


def _languages_and_costs(
    organisation: Organisation | Helper, directory: Directory
) -> tuple[Iterable[str], Iterable[str]]:
    if isinstance(organisation, Helper):
        return organisation.languages, [organisation.cost]
    services = [entry.service for entry in directory.services if entry.organisation.id == organisation.id]
    spoken = dict.fromkeys(code for service in services for code in fields.languages(service.rule))
    return spoken, [service.cost for service in services]


def phone_links(numbers: str) -> list[tuple[str, str]]:
    """Each number as it is written, and as a `tel:` link: digits, and a plus sign before them."""
    as_typed = [(number.strip(), re.sub(r"[^\d+]", "", number)) for number in numbers.split(";")]
    return [(number, f"tel:{digits}") for number, digits in as_typed if digits]


def in_words(hours: Iterable[Hours], words: Translator) -> str:
    """Opening hours in the reader's language, like "Mon–Fri 09:00–17:00; Sat 10:00–12:00"."""
    return "; ".join(_period(entry, words) for entry in hours)


def _period(entry: Hours, words: Translator) -> str:
    if (entry.opens, entry.closes) == _DAY_AND_NIGHT:
        return words.text("24/7") if len(entry.days) == len(_DAYS) else _days(entry.days, words)
    return f"{_days(entry.days, words)} {entry.opens}–{entry.closes}".strip()


def _days(codes: Sequence[str], words: Translator) -> str:
    names_of_days: Mapping[int, str] = get_day_names("abbreviated", locale=words.locale)
    numbers = [_DAYS.index(code) for code in codes]
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{names_of_days[numbers[0]]}–{names_of_days[numbers[-1]]}"
    return ", ".join(names_of_days[number] for number in numbers)


def known_since(text: str | None, words: Translator) -> str:
    """The date of a source (YYYY, YYYY-MM or YYYY-MM-DD) in words; "" without one."""
    parts = [int(part) for part in (text or "").split("-") if part.isdecimal()]
    if len(parts) == 3:
        return words.date(date(parts[0], parts[1], parts[2]))
    if len(parts) == 2:
        return str(format_skeleton("yMMMM", date(parts[0], parts[1], 1), locale=words.locale))
    return text or ""


def remarks(organisation: Organisation | Helper, directory: Directory, code_names: CodeNames) -> list[str]:
    """Remarks about a centre on a page that does not know the reader: what it helps with, and what applies to everybody."""
    if isinstance(organisation, Helper):
        notes = [Reason(f"note.{key}") for key in notes_of(organisation)]
        helper_reasons = [Reason("need.yes", {"needs": list(organisation.needs)}), *notes]
        return [in_sentence(reason, code_names) for reason in helper_reasons]
    entries = [entry for entry in directory.services if entry.organisation.id == organisation.id]
    needs = list(dict.fromkeys(need for entry in entries for need in entry.service.needs))
    keys = dict.fromkeys(key for entry in entries for key in rulebook.remarks_of(entry))
    reasons = [Reason("need.yes", {"needs": needs}), *(Reason(key) for key in keys)]
    return [in_sentence(reason, code_names) for reason in reasons]


def card(
    organisation: Organisation | Helper,
    directory: Directory,
    words: Translator,
    *,
    said: Collection[str] = (),
    **more: Any,
) -> dict[str, Any]:
    """The context of a centre in `parts/centres.html`. `said`: the keys of its reasons."""
    name, original = names(organisation, words.language, directory)
    return {
        "slug": organisation.id,
        "name": name,
        "original": original,
        "place": place(organisation, words),
        "verified": organisation.source.confidence != "low",
        "state_run": organisation.state_run,
        "reach": said_once(reach(organisation, directory, words), said),
        "reasons": (),
        "choice": "ask",
        "ask": False,
        "connected": False,
        "by_yourself": False,
        **more,
    }


def card_of(
    slug: str, name: str, directory: Directory, words: Translator, *, said: Collection[str] = (), **more: Any
) -> dict[str, Any]:
    """The card of an organisation by its slug. One that has left the directory is shown by its name alone."""
    organisation = directory.organisation(slug)
    if organisation is not None:
        return card(organisation, directory, words, said=said, **more)
    return {
        "slug": slug, "name": WrittenName(name, words.language), "original": None, "place": "", "verified": True,
        "state_run": False, "reach": ContactWays(), "reasons": (), "choice": "ask", "ask": False, "connected": False,
        "by_yourself": False, **more,
    }  # fmt: skip
