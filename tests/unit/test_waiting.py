"""Facts for somebody who waits: by country, need and letter, each with a source, none of low confidence, in every language."""

from dataclasses import replace
from datetime import date

import pytest

from app.core.i18n import LANGUAGES, translator
from app.directory.packs import load_packs
from app.matching import deadline_texts, deadlines
from app.matching.code_names import CodeNames
from app.web.components.rendering import environment
from app.web.person import next_steps, waiting_advice
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
    page = shown
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


def shown(what: WhileYouWait) -> str:
    words = translator("en")
    macro = environment().get_template("parts/waiting.html").module.while_you_wait  # type: ignore[attr-defined]
    return str(macro(what, "en", words, words.text))


def test_somebody_who_holds_the_decision_is_not_first_told_about_the_interview() -> None:
    held = told("DE", "asylum", letter="asylum_appeal_manifestly_unfounded")
    assert held.first[0][0].startswith("After a rejection as manifestly unfounded or inadmissible")
    assert not any("interview" in text for text, _source in held.first)
    assert any("interview" in text for text, _source in held.more), "it is still there"
    assert "interview" in told("DE", "asylum").first[0][0], "nothing is decided yet"
    assert told("PL", "asylum", letter="asylum_appeal_regular").first[0][0].startswith("The appeal must be in Polish")
    reporting = told("PL", "asylum", letter="report_to_reception_centre")
    assert reporting.first[0][0].startswith("If you give no address")
    assert reporting.first[1][0].startswith("You ask for asylum in person"), "the application is still open"


@pytest.mark.parametrize("country", [country.code for country in DIRECTORY.countries])
def test_what_holds_after_a_missed_deadline_is_told_from_a_source_or_not_at_all(country: str) -> None:
    for row in DIRECTORY.deadlines(country):
        if not row.letter_kind:
            continue
        page = shown(replace(told(country, "asylum", letter=row.event), first=(), more=(), is_over=True))
        missed = DIRECTORY.row_if_missed(country, row)
        assert (missed is not None) == (row.if_missed is not None)
        if missed:
            assert missed.limit, "from a row of the facts"
            assert (missed.in_words or "?") in page
            assert missed.source.url in page
            assert deadline_texts.CERTAINTY[deadlines.OF_SOURCE[missed.source.confidence]] in page
        assert ("We have found no source" in page) == (missed is None and row.is_about_an_appeal), row.event
        assert ("A lawyer" in page or "Ask a lawyer" in page) == row.is_about_an_appeal
        assert "Send the appeal" not in page


def test_advice_that_no_source_gives_is_called_general_and_is_left_out_where_there_is_nothing_to_appeal() -> None:
    ours = "This is general advice of ours, not from a source about this letter."
    for letter in ("return_decision_appeal", "unknown"):
        page = shown(told("PL", "asylum", letter=letter))
        assert ours in page
        assert "the letter says that an appeal is possible" in page
        assert "Reasons can often follow later" not in page
    for letter in ("report_to_reception_centre", "departure_after_residence_refusal"):
        assert "appeal yourself" not in shown(replace(told("PL", "asylum", letter=letter), first=(), more=()))
    assert "appeal yourself" not in shown(told("GE", "asylum", letter="departure_after_rejection"))


def test_with_a_near_deadline_somebody_is_told_to_look_every_day_and_no_hour_of_the_night_is_called_today() -> None:
    words, today = translator("en"), date(2026, 11, 30)
    told_to_come = {code: next_steps.when_to_come(code, today, words) for code in ("emergency", "urgent", "normal")}
    assert told_to_come == {
        "emergency": "Come back with your number in a few hours. After that, look every day.",
        "urgent": "Come back with your number on 1 December 2026. After that, look every day.",
        "normal": "Come back with your number on 2 December 2026. After that, look every few days.",
    }
