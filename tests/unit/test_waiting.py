"""Facts for somebody who waits: by country, need and letter, each with a source, none of low confidence, in every language."""

from dataclasses import replace
from datetime import date

import pytest

from app.core.i18n import LANGUAGES, translator
from app.directory.packs import load_packs
from app.matching.code_names import CodeNames
from app.web.components.rendering import environment
from app.web.person import waiting_advice
from app.web.person.waiting_advice import WhileYouWait

DIRECTORY = load_packs()
FACTS = [fact for facts in DIRECTORY.guidance_by_country.values() for fact in facts]


def told(country: str, *needs: str, letter: str | None = None, from_day: date | None = None) -> WhileYouWait:
    code_names = CodeNames("en", DIRECTORY)
    return waiting_advice.while_you_wait(
        country, needs, letter, DIRECTORY, code_names, from_day=from_day, has_deadline=letter is not None
    )


def test_every_fact_of_the_table_that_may_be_shown_is_there_with_its_source() -> None:
    without = [country.code for country in DIRECTORY.countries if not DIRECTORY.guidance_by_country.get(country.code)]
    assert without == [], [f"app/countries/{code.lower()}/guidance.yaml" for code in without]
    assert len(FACTS) >= 88
    assert all(fact.source.url and fact.source.confidence != "low" for fact in FACTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fact_is_told_in_every_language_and_stays_short(language: str) -> None:
    words = translator(language)
    for fact in FACTS:
        text = words.text(fact.fact)
        assert (text == fact.fact) == (language == "en"), fact.fact
        assert len(text) <= 300, text


def test_the_facts_are_those_of_the_country_and_the_letter_comes_first() -> None:
    assert (
        told("PL", "asylum", letter="return_decision_appeal")
        .first[0][0]
        .startswith("You have 7 days to appeal against a return decision")
    )
    assert "1481" in " ".join(text for text, _source in (*told("GE", "detention").first, *told("GE", "detention").more))
    assert all("BAMF" not in text for text, _source in told("PL", "asylum").first)
    assert len(told("DE", "asylum", "detention").first) == waiting_advice.SHOWN
    assert told("DE", "asylum", "detention").first[0][0].startswith("Do not count on a lawyer appointed by the court")


def test_the_law_of_the_union_is_told_only_where_it_holds() -> None:
    assert told("PL", "dublin").first
    assert told("LT", "dublin").first
    assert not told("GE", "dublin").first
    assert (
        told("GE", "extradition_interpol")
        .first[0][0]
        .startswith("If you have asked for asylum, you may not be extradited")
    )


def test_whom_to_turn_to_comes_with_a_day_and_a_deadline_with_how_to_save_it() -> None:
    def page(what: WhileYouWait) -> str:
        words = translator("en")
        macro = environment().get_template("parts/waiting.html").module.while_you_wait  # type: ignore[attr-defined]
        return str(macro(what, "en", words, words.text))

    with_both = page(told("LT", "asylum", letter="asylum_appeal", from_day=date(2026, 12, 1)))
    assert "If nobody has answered you by 1 December 2026, contact a centre yourself." in with_both
    assert "/en/contacts/lt" in with_both
    assert "How to save the deadline yourself" in with_both
    in_danger = page(replace(told("LT", "asylum", from_day=date(2026, 12, 1)), at_once=True))
    assert "Do not wait for our answer: contact a centre yourself today too." in in_danger
    assert "If nobody has answered you" not in in_danger
    neither = page(told("LT", "asylum"))
    assert "contact a centre yourself" not in neither
    assert "How to save the deadline yourself" not in neither


@pytest.mark.parametrize("country", [country.code for country in DIRECTORY.countries])
def test_every_kind_of_letter_that_has_facts_leads_to_them(country: str) -> None:
    for row in DIRECTORY.deadlines(country):
        if row.letter_kind:
            need = waiting_advice.need_of_letter(row.event)
            assert need is None or DIRECTORY.need(need) is not None
    assert waiting_advice.need_of_letter(None) is None
    assert waiting_advice.need_of_letter("unknown") is None


@pytest.mark.parametrize(
    ("letter", "need"),
    [
        ("departure_after_residence_refusal", "residence_permit"),
        ("entry_refusal_appeal", "asylum"),
        ("report_to_reception_centre", "asylum"),
        ("reopen_discontinued_asylum", "asylum"),
        ("refugee_board_court_complaint", "asylum"),
    ],
)
def test_a_letter_has_the_facts_that_are_about_it(letter: str, need: str) -> None:
    assert waiting_advice.need_of_letter(letter) == need
