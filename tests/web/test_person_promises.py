"""What the person's pages promise is what the code does, in every language and under every setting."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.cases.models import Case
from app.casework import shown_codes
from app.core.db import Database
from app.core.i18n import LANGUAGES, translator
from app.intake import receipts
from app.intake.questions import QUESTIONS, STEPS
from app.links import codes
from app.links import service as links
from app.messaging import rules
from app.messaging.person_texts import for_person
from app.reporting.persecution_figures import MIN_PEOPLE
from app.tasks.models import Task
from app.tasks.service import TaskKind
from app.web.components.rendering import render
from tests.support.people import Browser, PersonSite, person_site_on, short_form

UNKNOWN = "We do not know the deadline for this letter. It may be close, or already past. Get legal advice today."
LATE = "We have found no source that says what holds for a late appeal against this letter."
NEWS = "There is something new for you."


def back(person_site: PersonSite, number: str) -> Browser:
    return person_site.browser().open("/en/return").fill(number=number)


@pytest.fixture(params=[30, 91])
def kept(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[tuple[PersonSite, int]]:
    days: int = request.param
    with person_site_on(database, tmp_path / "var", closed_kept=timedelta(days=days)) as started:
        yield started, days


def test_the_page_names_the_days_that_the_setting_keeps(kept: tuple[PersonSite, int]) -> None:
    person_site, days = kept
    text = person_site.browser().open("/en/safety").text
    assert f"We delete everything {days} days after your request is closed." in text
    assert "90 days" not in text


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("days", [14, 21, 90])
def test_the_days_are_named_in_every_language(lang: str, days: int) -> None:
    assert f"{days} " in render("person/safety.html", lang, days_kept=days, here="safety")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_hint_quotes_the_words_that_are_sent(lang: str) -> None:
    words = translator(lang)
    _subject, sent = for_person(lang, "https://pristan.example/return", may_say_who=False)
    assert sent == words.text(NEWS)
    assert sent.removesuffix(".") in words.text(QUESTIONS["notify"].hint)


def test_numbers_in_sentences_are_those_of_the_code() -> None:
    assert MIN_PEOPLE == 10, "“at least ten people” on the page of figures"
    assert len(STEPS) == 7, "“Seven short steps” on the first page"
    assert (timedelta(days=1), 3) == (shown_codes.LASTS, shown_codes.OPENINGS), "the code for a lawyer"
    assert (receipts.DIGITS, codes.DIGITS) == (28, 20), "the number, and the digits of a code"
    assert [hour.hour for hour in rules._DEFAULT_HOURS] == [9, 20], "“otherwise from 9:00 to 20:00”"
    assert timedelta(hours=1) == links.VISIT_LASTS, "“This page is open for one hour”"


def test_a_letter_without_a_known_deadline_is_never_said_to_leave_time(person_site: PersonSite) -> None:
    browser, start = person_site.browser(), person_site.time.at
    short_form(browser, "en", until_check=True, how_soon="week", letter_kind="unknown")
    assert UNKNOWN in browser.text
    assert "left." not in browser.text
    browser.fill()
    assert UNKNOWN in browser.text
    number = browser.number()
    case = back(person_site, number)
    assert UNKNOWN in case.text
    assert "You must act by" not in case.text
    treat_as = (
        f"To be safe, treat {translator('en').date(person_site.time().date() + timedelta(days=5))} as the last day."
    )
    assert treat_as in case.text
    person_site.time.at += timedelta(days=1)
    case = back(person_site, number)
    assert treat_as in case.text, "not a day later tomorrow"
    copy = case.fill(action="/en/case/copy")
    assert UNKNOWN in copy.text
    assert treat_as in copy.text
    for day, words in ((4, "That is tomorrow."), (5, "That is today.")):
        person_site.time.at += timedelta(days=day) - (person_site.time.at - start)
        assert words in back(person_site, number).text
    person_site.time.at += timedelta(days=1)
    over = back(person_site, number).text
    assert "We do not know the deadline for this letter. It may be over: act today." in over
    assert "If you are in danger" not in over


def test_a_known_deadline_is_named_as_an_estimate_until_it_has_passed(person_site: PersonSite) -> None:
    arrived = person_site.time().date() - timedelta(days=2)
    browser = person_site.browser()
    short_form(
        browser, "en", until_check=True, how_soon="week",
        letter_kind="PL.return_decision_appeal", letter_received_on=arrived.isoformat(),
    )  # fmt: skip
    assert "You must act by" in browser.text
    assert "This is an estimate, not legal advice." in browser.text
    browser.fill()
    assert "You must act by" in browser.text
    number = browser.number()
    assert "You must act by" in back(person_site, number).text
    case = back(person_site, number)
    assert "How to save the deadline yourself" in case.text
    assert LATE not in case.text
    person_site.time.at += timedelta(days=60)
    case = back(person_site, number)
    assert "The deadline was probably" in case.text
    assert LATE in case.text
    assert "before the last day" not in case.text, "no advice that nobody can follow any more"
    assert case.page.css_first('a[href="/en/case/reminder.ics"]') is None, "no day is left to save"


def test_a_letter_that_is_long_past_is_said_to_be_probably_too_late(person_site: PersonSite) -> None:
    browser = person_site.browser()
    arrived: date = person_site.time().date() - timedelta(days=90)
    short_form(
        browser, "en", until_check=True, how_soon="week",
        letter_kind="PL.return_decision_appeal", letter_received_on=arrived.isoformat(),
    )  # fmt: skip
    assert "The deadline was probably" in browser.text
    assert "You must act by" not in browser.text
    browser.fill()
    assert LATE in browser.text
    assert "before the last day" not in browser.text


def test_nobody_in_danger_is_told_to_wait_and_the_days_to_wait_for_are_those_of_the_case(
    person_site: PersonSite,
) -> None:
    words, today_too = translator("en"), "Do not wait for our answer: contact a centre yourself today too."
    for soon, told in (("today", "Come back with your number in a few hours."), ("none", "Come back in a day or two.")):
        receipt = short_form(person_site.browser(), "en", how_soon=soon, allow=())
        with person_site.database.begin() as session:
            session.execute(sa.update(Case).values(state="in_review"))
            due_on = session.scalars(sa.select(Case.due_on).order_by(Case.due_on.desc())).first()
        assert due_on is not None
        case = back(person_site, receipt.number())
        assert told in case.text
        assert f"We aim to look at your request by {words.date(due_on)}." in case.text
        from_day = f"If nobody has answered you by {words.date(due_on + timedelta(days=1))}, contact a centre yourself."
        for page in (receipt, case):
            assert (today_too in page.text) == (soon == "today")
            assert (from_day in page.text) == (soon == "none")


def test_the_centres_that_help_with_the_need_of_the_deadline_stand_first(person_site: PersonSite) -> None:
    letter = {"letter_kind": "PL.return_decision_appeal", "letter_received_on": "20.11.2026", "nationality": "RU"}
    browser = short_form(person_site.browser(), "en", until_check=True, needs=["psychosocial", "deportation"], **letter)
    for page in (browser, browser.fill()):
        names = [node.text() for node in page.page.css(".centre h3, .centre h2, .centre .name")]
        assert "NOMADA" in names[0], names


def test_centres_that_nobody_has_checked_stand_apart_and_dangerous_contact_is_said(person_site: PersonSite) -> None:
    text = person_site.browser().open("/en/contacts/pl").text
    assert text.count("Homo Faber Association") == 1
    assert text.index("Helsinki Foundation") < text.index("Centres that we have not checked") < text.index("Homo Faber")
    assert "Contact with this centre can be dangerous for people in Russia or Belarus." in text


def test_the_day_is_that_of_the_country_on_the_page_and_in_the_copy(person_site: PersonSite) -> None:
    person_site.time.at = person_site.time.at.replace(hour=21, minute=0)
    number = short_form(person_site.browser(), "en", country="GE", allow=()).number()
    there = translator("en").date(person_site.time().date() + timedelta(days=1))
    case = back(person_site, number)
    assert f"Last updated: {there}." in case.text
    assert f"Last updated: {there}." in case.fill(action="/en/case/copy").text


ASKED_FIRST = "No centre is asked until you come back with your number and say yes."


def test_who_is_asked_first_is_told_so_and_when_to_come_back(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), "en", allow=())
    assert ASKED_FIRST in browser.text
    assert "We ask a centre" not in browser.text
    assert "Come back with your number on 26 November 2026." in browser.text
    assert "let you know" not in browser.text
    urgent = short_form(person_site.browser(), "en", allow=(), how_soon="today")
    assert "Come back with your number in a few hours." in urgent.text


def test_a_chosen_centre_is_asked_here_when_it_is_connected_and_by_a_coordinator_when_not(
    person_site: PersonSite,
) -> None:
    connected = short_form(person_site.browser(), "en")
    assert "We ask a centre that you chose." in connected.text
    assert ASKED_FIRST not in connected.text
    by_hand = short_form(person_site.browser(), "en", allow=("pl-sip",))
    assert "A coordinator contacts the centres that you chose, first without your name." in by_hand.text
    assert "fixed time" not in by_hand.text


@pytest.mark.parametrize(
    ("channel", "may", "is_said"), [("email", "yes", True), ("email", "", False), ("signal", "yes", False)]
)
def test_a_notice_is_promised_only_where_it_is_sent(
    person_site: PersonSite, channel: str, may: str, is_said: bool
) -> None:
    address = "somebody@example.org" if channel == "email" else "+48 601 234 567"
    said = {"channel": channel, "address": address, "notify": "yes", **({"may_leave_message": may} if may else {})}
    browser = short_form(person_site.browser(), "en", **said)
    assert ("let you know in the way you chose" in browser.text) == is_said


def test_centres_that_take_no_request_are_not_asked_about_and_the_receipt_says_so(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), "en", until_check=True, needs=["gbv"], country="DE", how_soon="today")
    assert "Choose the centres we may ask" not in browser.text
    assert "They do not take requests from us. You need to contact them yourself." in browser.text
    assert not browser.page.css("input[value=allow]")
    browser.fill()
    assert "The centres that we have found do not take requests from us: contact them yourself." in browser.text
    assert "No centre is asked until you come back" not in browser.text
    assert "Do not wait for our answer: contact a centre yourself today too." in browser.text


def test_a_page_without_a_centre_does_not_say_that_these_can_help(person_site: PersonSite) -> None:
    said = {"needs": ["unsure"], "country": "DE", "status": "no_status"}
    browser = short_form(person_site.browser(), "en", until_check=True, **said)
    assert "We have not found a centre for you yet." in browser.text
    assert "These centres can help you" not in browser.text
    assert "Something else, or I do not know, but they help" not in browser.text, "nothing that a centre could list"


def test_names_are_read_in_the_readers_letters_on_the_receipt_too(person_site: PersonSite) -> None:
    said = {"country": "GE", "needs": ["asylum", "housing"]}
    browser = short_form(person_site.browser(), "ru", allow=(), **said)
    needs = browser.page.css_first("#needs").text()
    assert "UNHCR" in needs
    assert not re.search(r"[\u10a0-\u10ff]", needs)
    assert "Когда вы отправите" not in needs, "it was sent"
    own = short_form(person_site.browser(), "ka", allow=(), **said)
    assert re.search(r"[\u10a0-\u10ff]", own.page.css_first("#needs").text())


def test_a_step_says_its_question_once(person_site: PersonSite) -> None:
    browser = person_site.browser()
    for step in STEPS:
        browser.open(f"/en/form/{step.slug}")
        titles = [node.text().strip() for node in browser.page.css("main h1, main h2")]
        assert len(browser.page.css("h1")) == 1, step.slug
        assert len(titles) == len(set(titles)), (step.slug, titles)


def test_who_writes_after_the_end_is_read(person_site: PersonSite) -> None:
    """“You can still write to us below” stands on the page of a request that has ended, which no view of the queue has."""
    browser = back(person_site, short_form(person_site.browser(), "en", needs=["asylum", "housing"]).number())
    assert "A coordinator looks for one." in browser.text
    browser.fill("case/message", text="first")
    browser.open("/en/case").fill("case/withdraw", button=("sure", "yes"))
    assert "You have withdrawn your request." in browser.text
    assert "A coordinator looks for one." not in browser.text
    with person_site.database.begin(write=False) as session:
        assert session.scalars(sa.select(Task.kind).where(Task.kind == TaskKind.WROTE_AFTER_END.value)).all() == []
    browser.fill("case/message", text="I need help again")
    assert "I need help again" in browser.text
    with person_site.database.begin(write=False) as session:
        task = session.scalars(sa.select(Task).where(Task.kind == TaskKind.WROTE_AFTER_END.value)).one()
        assert task.done_at is None
        assert (task.opened_at.minute, task.opened_at.second) == (0, 0), "the exact moment stands nowhere"


def test_state_legal_aid_stands_in_no_list_for_somebody_without_status(person_site: PersonSite) -> None:
    """Not among the others either: whoever has no permission to stay should not find the way there by a name."""
    said = {"needs": ["asylum", "residence_permit"], "country": "DE", "how_soon": "today"}
    named = short_form(person_site.browser(), "en", until_check=True, status="asylum_seeker", **said)
    assert "Beratungshilfe" in named.text
    page = short_form(person_site.browser(), "en", until_check=True, status="no_status", **said)
    assert "Beratungshilfe" not in page.text
    assert "Beratungshilfe" not in page.fill().text
