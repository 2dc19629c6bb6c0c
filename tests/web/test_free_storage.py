"""What anybody may store, and what happens when there is no room: nobody is refused who is in danger, and nothing typed is lost."""

import pytest
import sqlalchemy as sa

from app.cases import person_access
from app.cases.models import Case
from app.core.storage_brake import StorageBrake, StorageLimits
from app.intake import drafts
from app.intake.drafts import Draft
from app.intake.models import SealedResponse
from app.web.person.form_storage import FormStorage
from tests.support.people import Browser, PersonSite, short_form

_NO_ROOM = StorageLimits(database_max=1)
_ROW = 65_536 + 64
STORY = "Мне нужна помощь, 🦉"


def stored(person_site: PersonSite) -> list[int]:
    with person_site.database.begin(write=False) as session:
        return list(session.scalars(sa.select(sa.func.length(Draft.sealed))))


def rows(person_site: PersonSite, table: type) -> int:
    with person_site.database.begin(write=False) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def fill_the_disk(person_site: PersonSite) -> None:
    person_site.app.state.storage = StorageBrake(_NO_ROOM)


def story_on(browser: Browser) -> str:
    field = browser.page.css_first("textarea#f-story")
    assert field is not None, browser.text
    return field.text().removeprefix("\n")


@pytest.mark.parametrize(
    "typed",
    [{"story": "🦉" * 20_000}, {"story": "z" * 250_000}, {"call_me": "x" * 200_000}, {"happened": ["y" * 90] * 900}],
)
def test_an_unfinished_form_holds_no_more_than_a_form_can(person_site: PersonSite, typed: dict[str, str]) -> None:
    browser = person_site.browser().open("/en/form/6")
    browser.fill(**typed)
    assert max(stored(person_site), default=0) <= _ROW
    assert "cannot keep unfinished forms" in browser.text
    if "story" in typed:
        assert story_on(browser) == typed["story"], "nothing is lost"


def test_the_longest_story_of_three_byte_letters_fits() -> None:
    assert drafts.fits({"typed": {"story": ["ა" * 20_000], "call_me": ["ა" * 120]}, "begun": ""})


def test_without_room_the_form_goes_on_in_one_page_and_urgent_cases_are_taken(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/en/form/1").fill(for_whom="relative")
    before = stored(person_site)
    fill_the_disk(person_site)
    browser.fill(needs=["asylum"])
    assert stored(person_site) == before
    assert browser.page.css_first("input[value=relative][checked]") is not None, "what was typed before is there too"
    browser.fill(country="PL", how_soon="none", channel="number", story=STORY)
    sent = browser.fill()
    assert sent.answer.status_code == 503
    assert "except urgent ones" in sent.text
    assert STORY in sent.answer.text
    assert rows(person_site, Case) == rows(person_site, SealedResponse) == 0
    sent.fill(button=("change", "1")).fill(how_soon="today").fill()
    assert sent.number()
    assert rows(person_site, Case) == 1


def test_without_room_a_form_in_steps_says_so_and_keeps_its_answers(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), "en", until_check=True)
    fill_the_disk(person_site)
    assert browser.fill().answer.status_code == 503
    assert rows(person_site, Case) == rows(person_site, SealedResponse) == 0
    person_site.app.state.storage = StorageBrake(StorageLimits())
    assert browser.open("/en/form/check").fill().number()


def test_without_room_a_message_is_shown_again_unless_the_case_is_urgent(person_site: PersonSite) -> None:
    for how_soon, is_taken in (("none", False), ("today", True)):
        number = short_form(person_site.browser(), "en", how_soon=how_soon).number()
        browser = person_site.browser().open("/en/return").fill(number=number)
        fill_the_disk(person_site)
        browser.fill("/case/message", text=STORY)
        assert ("no room for messages" in browser.text) is not is_taken
        assert STORY in browser.answer.text
        person_site.app.state.storage = StorageBrake(StorageLimits())


def test_too_many_unfinished_forms_or_steps_of_one_sender_are_not_stored(person_site: PersonSite) -> None:
    person_site.app.state.form_storage = FormStorage(most_drafts=0)
    person_site.browser().open("/en/form/1").fill(for_whom="self")
    assert len(stored(person_site)) == 1
    person_site.app.state.form_storage = FormStorage(most_drafts=0)
    assert "cannot keep" in person_site.browser().open("/en/form/1").fill(for_whom="self").text
    assert len(stored(person_site)) == 1


def test_steps_of_one_sender_are_counted_and_those_of_nobody_are_not() -> None:
    from datetime import UTC, datetime

    from app.web.person.spam_signals import SubmissionCounter

    counter, now = SubmissionCounter(per_sender=2), datetime(2026, 11, 30, tzinfo=UTC)
    assert [counter.count("203.0.113.7", now)[0] for _ in range(3)] == [False, False, True]
    assert counter.count("198.51.100.1", now)[0] is False


def test_a_case_takes_so_many_changes_a_day_and_can_still_be_erased(
    person_site: PersonSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person_access, "MOST_CHANGES_A_DAY", 3)  # the filing is one
    number = short_form(person_site.browser(), "en").number()
    browser = person_site.browser().open("/en/return").fill(number=number)
    for text in ("one", "two", "three"):
        browser.fill("/case/message", text=text)
    assert "Very many changes" in browser.text
    assert browser.page.css_first("textarea[name=text]").text().strip() == "three"
    browser.open("/en/case/answers/6").fill(story="another")
    assert "Very many changes" in browser.text
    browser.open("/en/case")
    browser.fill("/case/erase", sure="yes")
    with person_site.database.begin(write=False) as session:
        assert session.scalars(sa.select(Case.state)).all() == ["erased"]


def test_a_thread_takes_so_many_messages(person_site: PersonSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person_access, "MOST_MESSAGES", 1)
    number = short_form(person_site.browser(), "en").number()
    browser = person_site.browser().open("/en/return").fill(number=number)
    browser.fill("/case/message", text="one").fill("/case/message", text="two")
    assert browser.page.css_first("textarea[name=text]").text().strip() == "two"


def test_an_overlong_message_or_number_is_shown_again_and_not_stored(person_site: PersonSite) -> None:
    number = short_form(person_site.browser(), "en").number()
    browser = person_site.browser().open("/en/return").fill(number="7" * 90_000)
    assert max(stored(person_site)) <= _ROW
    browser.open("/en/return").fill(number=number)
    browser.fill("/case/message", text="щ" * 30_000)
    assert "too long" in browser.text
    assert browser.page.css_first("textarea[name=text]").text().strip() == "щ" * 30_000
    assert max(stored(person_site)) <= _ROW


def test_readiness_and_operations_say_that_there_is_no_room(person_site: PersonSite) -> None:
    fill_the_disk(person_site)
    assert person_site.browser().client.get("/readyz").text == "ready\nstorage-full"
