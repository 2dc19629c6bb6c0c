"""Dates typed into forms: three boxes everywhere, a whole date in the first, read back in words, faults named, nothing lost."""

import re
from datetime import date, timedelta

from app.core.i18n import LANGUAGES, translator
from tests.support.desk import ONE, StaffSite
from tests.support.people import PersonSite, short_form

LETTER = {"how_soon": "week", "letter_kind": "PL.return_decision_appeal"}
BOXES = ("letter_received_on", "letter_received_on_month", "letter_received_on_year")


def boxes(browser: object, name: str = BOXES[0]) -> list[str]:
    page = browser.page  # type: ignore[attr-defined]
    return [page.css_first(f"#f-{name}{part}").attributes.get("value") or "" for part in ("", "_month", "_year")]


def test_what_was_understood_is_read_back_in_words_and_no_page_shows_figures(person_site: PersonSite) -> None:
    browser = person_site.browser()
    short_form(browser, "ru", until_check=True, **LETTER, **dict(zip(BOXES, ("20", "ноября", ""), strict=True)))
    read_back = "пятница, 20 ноября 2026 г."
    assert read_back in browser.text
    assert not re.search(r"\d{4}-\d\d-\d\d", browser.text)
    browser.open("/ru/form/4")
    assert boxes(browser) == ["20", "11", "2026"]
    assert read_back in browser.text
    browser.open("/ru/form/check").fill()
    number = browser.number()
    browser.open("/ru/return").fill(number=number)
    browser.fill("case/copy")
    assert read_back in browser.text
    assert not re.search(r"\d{4}-\d\d-\d\d", browser.text)
    browser.open("/ru/case/answers/4")
    assert boxes(browser) == ["20", "11", "2026"]
    browser.fill(
        "case/answers/4", letter_received_on="18.11.2026", letter_received_on_month="", letter_received_on_year=""
    )
    browser.open("/ru/case").fill("case/copy")
    assert "среда, 18 ноября 2026 г." in browser.text


def test_a_whole_date_goes_into_the_first_box_in_every_language(person_site: PersonSite) -> None:
    day = person_site.time().date() - timedelta(days=4)
    for lang in LANGUAGES:
        browser = person_site.browser()
        browser.open(f"/{lang}/form/4").fill(how_soon="week", letter_received_on=translator(lang).date(day))
        browser.open(f"/{lang}/form/4")
        assert boxes(browser) == [str(day.day), str(day.month), str(day.year)], lang
        assert browser.page.css_first("fieldset.date legend") is not None
        assert {node.attributes["inputmode"] for node in browser.page.css("fieldset.date input")} == {"numeric"}


def test_a_day_that_does_not_exist_or_is_still_to_come_is_named_and_what_was_typed_stays(
    person_site: PersonSite,
) -> None:
    browser = person_site.browser()
    short_form(browser, "en", until_check=True)
    browser.open("/en/form/4").fill(how_soon="week", **dict(zip(BOXES, ("30", "2", "2026"), strict=True)))
    assert browser.answer.status_code == 422
    assert "There is no such day: 30 February 2026." in browser.text
    assert len(browser.page.css("fieldset.date .error")) == 1
    assert boxes(browser) == ["30", "2", "2026"]
    browser.open("/en/form/4")
    assert boxes(browser) == ["30", "2", "2026"]
    browser.fill(**dict(zip(BOXES, ("1", "1", "2027"), strict=True)))
    assert "This date is in the future." in browser.text
    browser.open("/en/form/all").fill(for_whom="self", needs="asylum", country="PL", letter_received_on="24.13.")
    assert "There is no such month." in browser.text
    assert boxes(browser)[0] == "24.13."


def test_a_day_without_a_year_is_the_last_one_where_the_person_is(person_site: PersonSite) -> None:
    """At 22:30 UTC it is the next day in Georgia already."""
    person_site.time.at = person_site.time.at.replace(hour=22, minute=30)
    browser = person_site.browser()
    tomorrow = person_site.time().date() + timedelta(days=1)
    browser.open("/en/form/3").fill(country="GE")
    browser.open("/en/form/4").fill(how_soon="week", letter_received_on=f"{tomorrow.day}.{tomorrow.month}")
    browser.open("/en/form/4")
    assert boxes(browser) == [str(tomorrow.day), str(tomorrow.month), str(tomorrow.year)]


def test_staff_and_partners_type_dates_in_the_same_boxes(office: StaffSite) -> None:
    label, _receipt = office.file()
    vera, path = office.as_("vera"), f"/desk/cases/{label}"
    refused = vera.submit(vera.get(path), f"{path}/snooze", until="31", until_month="2", until_year="")
    assert refused.status == 422
    assert "There is no such day: 31 February." in refused.words()
    again = refused.form(f"{path}/snooze")
    assert (again["until"], again["until_month"]) == ("31", "2"), "the day can be corrected where it is refused"
    assert vera.submit(refused, f"{path}/snooze", until="27", until_month="Nov").did("snoozed")
    assert office.case(label).snoozed_until == date(2026, 11, 27)
    auditor = office.as_("auditor")
    rows = auditor.get("/desk/audit", params={"since": "24", "since_month": "11", "since_year": "2026"})
    assert rows.status == 200
    assert 'value="24"' in rows.text
    assert "There is no such month." in auditor.get("/desk/audit", params={"until": "24.13.2026"}).words()
    entry = f"/desk/directory/organisations/{ONE}"
    page = vera.get(entry)
    assert vera.submit(page, f"{entry}/pause", until="1", until_month="12", until_year="26").did("paused")
    assert "2 Dec 2026" in vera.get(entry).words() or "1 Dec 2026" in vera.get(entry).words()
