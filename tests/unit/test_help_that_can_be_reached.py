"""A centre is named with every way to reach it, in a script that the reader reads; an authority is never named as help."""

import re
from typing import Any

import pytest

from app.core.i18n import LANGUAGES, translator
from app.directory.packs import load_packs
from app.directory.schemas import Contact, Name, Organisation, Source
from app.matching.code_names import CodeNames
from app.matching.reasons import SENTENCES
from app.matching.rulebook import remarks_of
from app.web.components.rendering import render
from app.web.person import centre_cards
from app.web.person.centre_cards import phone_links, script_of

DIRECTORY = load_packs()
COUNTRIES = [country.code for country in DIRECTORY.countries]
READS = {"ru": "CYRILLIC", "be": "CYRILLIC", "uk": "CYRILLIC", "ka": "GEORGIAN"}


def card(organisation: Organisation, language: str = "en") -> dict[str, Any]:
    code_names = CodeNames(language, DIRECTORY)
    reasons = centre_cards.remarks(organisation, DIRECTORY, code_names)
    return centre_cards.card(organisation, DIRECTORY, code_names.translator, reasons=reasons)


def shown(language: str, *cards: dict[str, Any]) -> str:
    return render(
        "person/country_contacts.html",
        language,
        country="X",
        confirmed=cards,
        unconfirmed=(),
        is_served=True,
        here="contacts/pl",
    )


CENTRES = [organisation for organisation in DIRECTORY.organisations if organisation.services]


@pytest.mark.parametrize("organisation", CENTRES, ids=lambda organisation: organisation.id)
def test_a_centre_is_shown_with_all_that_the_pack_has_and_its_links_are_safe(organisation: Organisation) -> None:
    page = shown("en", card(organisation))
    for number in (organisation.phone or "").split(";"):
        assert number.strip() in page
    assert (organisation.email or "") in page
    assert "mailto:" in page or not organisation.email
    assert "subject=" not in page
    assert (organisation.address or "") in page
    if (organisation.website or "").startswith("https:"):
        assert f'<a href="{organisation.website}" rel="noreferrer">' in page
    assert 'href="http:' not in page
    assert bool(organisation.hours) == ("Open: " in page)
    assert bool(organisation.phone_hours) == ("Phone: " in page)
    assert ("As of: " in page) == bool(organisation.source.date)


def test_nobody_is_told_to_call_where_there_is_no_number() -> None:
    for entry in DIRECTORY.services:
        said = [SENTENCES[key] for key in remarks_of(entry)]
        assert entry.organisation.phone or not any(
            re.search(r"\bcall\b", sentence, re.IGNORECASE) for sentence in said
        ), entry.key
    without = next(organisation for organisation in CENTRES if organisation.id == "ge-sapari")
    assert "We do not know how to reach them." in shown("en", card(without))
    assert "Call them first" not in shown("en", card(without))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_is_readable_and_the_original_stands_beside_it(language: str) -> None:
    for organisation in CENTRES:
        name, original = centre_cards.names(organisation, language, DIRECTORY)
        assert script_of(name.text) in {"LATIN", READS.get(language)}, organisation.id
        assert {name.text, original.text if original else name.text} >= {
            organisation.name.local or organisation.name.en
        }
    page = shown(language, card(next(one for one in CENTRES if one.id == "ge-unhcr"), language))
    assert 'lang="ka"' in page
    assert page.count('translate="no"') >= 3


def test_state_bodies_say_that_they_are_the_state_and_what_that_means() -> None:
    for organisation in CENTRES:
        is_said = "This is a state body." in shown("en", card(organisation))
        assert is_said == organisation.state_run, organisation.id
    assert {one.id for one in CENTRES if one.state_run} == {
        "pl-npp",
        "ge-las",
        "ge-ombud",
        "lt-ria",
        "de-beratungshilfe",
    }


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("needs", [None, *({need.id} for need in DIRECTORY.needs)], ids=str)
def test_an_authority_is_no_urgent_contact_and_112_comes_first(country: str, needs: set[str] | None) -> None:
    contacts = DIRECTORY.urgent_contacts(country, needs)
    assert contacts[0].phone == "112"
    assert not [one for one in contacts[1:] if one.authority]
    assert not [one for one in contacts if one.source.confidence == "low"]
    if needs == {"detention"}:
        assert not [one for one in contacts if one.purpose in {"violence", "children", "migrant_info", "trafficking"}]


def test_the_number_for_danger_says_that_the_police_may_answer() -> None:
    page = render("person/contacts.html", "en", countries=[
        (code.lower(), code, DIRECTORY.urgent_contacts(code), DIRECTORY.authority_lines(code)) for code in COUNTRIES
    ], here="contacts")  # fmt: skip
    assert page.count("The police may answer") == len(COUNTRIES)
    assert "110" in page, "the police of Germany stand among the authorities"
    assert page.index("Phone numbers of the authorities") < page.index(">110<")


def test_numbers_become_links_of_digits_alone() -> None:
    assert phone_links("1485; +995 32 292 00 55") == [("1485", "tel:1485"), ("+995 32 292 00 55", "tel:+995322920055")]
    assert phone_links("") == []


def test_days_and_dates_are_in_the_reader_s_language() -> None:
    words = translator("ru")
    ombudsman = next(one for one in CENTRES if one.id == "ge-ombud")
    ways = centre_cards.reach(ombudsman, DIRECTORY, words)
    assert ways.hours == "пн–пт 09:00–18:00"
    assert ways.phone_hours == "круглосуточно"
    assert "2021" in ways.known
    assert "июн" in ways.known


def test_a_link_without_encryption_is_text() -> None:
    made_up = Organisation(
        id="made-up", name=Name(en="Made up"), kind="authority", website="http://made.example",
        source=Source(title="nobody", confidence="high"),
    )  # fmt: skip
    ways = centre_cards.reach(made_up, DIRECTORY, translator("en"))
    assert (ways.site, ways.site_link) == ("made.example", "")


def test_a_contact_for_one_need_is_not_named_for_another() -> None:
    def purposes(country: str, *needs: str) -> set[str]:
        found: tuple[Contact, ...] = DIRECTORY.urgent_contacts(country, set(needs))
        return {one.purpose for one in found}

    assert purposes("DE", "detention") == {"emergency"}
    assert purposes("DE", "gbv") == {"emergency", "violence"}
    assert purposes("GE", "detention") >= {"emergency", "ombudsman"}
    assert "hrd_emergency" in purposes("LT", "hrd_journalists")


@pytest.mark.parametrize("language", ["ru", "ka", "en"])
def test_places_have_no_english_words_for_readers_of_another_language(language: str) -> None:
    words = translator(language)
    for organisation in (*DIRECTORY.organisations, *DIRECTORY.helpers):
        said = centre_cards.place(organisation, words)
        assert bool(said) == bool(organisation.city)
        assert "(" not in said
        if language != "en":
            assert not re.search(
                r"\b(online|nationwide|international|region|regions|border|exile|from|airports|centres|France|Germany|Russia)\b",
                said,
            ), said
    berlin = next(entry for entry in DIRECTORY.organisations if entry.city == "Berlin (nationwide)")
    assert centre_cards.place(berlin, translator("en")) == "Berlin; In the whole country"


def test_what_a_reason_says_is_not_said_a_second_time() -> None:
    ways = centre_cards.ContactWays(languages="Lithuanian", costs=["It may cost money: ask first"])
    assert centre_cards.said_once(ways, ["need.yes", "language.yes"]) == ways
    assert not centre_cards.said_once(ways, ["language.interpreter"]).languages
    assert not centre_cards.said_once(ways, ["cost_unknown"]).costs
