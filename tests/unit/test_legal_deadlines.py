"""Last safe days counted by hand: holidays, weekends, month ends, changes of the clock, in Warsaw, Tbilisi, Vilnius, Berlin."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.core.i18n import translator
from app.directory.packs import Deadline, Limit, load_packs
from app.matching import deadline_texts, runs
from app.matching.deadlines import Calendar, DeadlineFinding, assess, calendar_of, last_safe_day, time_zone

PACKS = load_packs()


def day(text: str) -> date:
    return date.fromisoformat(text)


def calendar(country: str, region: str | None = None) -> Calendar:
    return calendar_of(PACKS.country(country), region)


def limit(value: int, unit: Any) -> Limit:
    return Limit(value=value, unit=unit)


COUNTED = [
    # country, region, served on, limit, rolls over, last safe day
    ("PL", None, "2026-11-20", 14, "calendar_days", "yes", "2026-12-04"),  # a Friday
    ("PL", None, "2026-11-04", 7, "calendar_days", "yes", "2026-11-12"),  # 11 November: Independence Day
    ("PL", None, "2026-11-04", 7, "calendar_days", "no", "2026-11-11"),
    ("PL", None, "2026-11-04", 7, "calendar_days", "unknown", "2026-11-12"),  # the country's general rule
    ("PL", None, "2026-12-10", 14, "calendar_days", "yes", "2026-12-28"),  # 24, 25, 26, then a Sunday
    ("PL", None, "2026-04-24", 7, "calendar_days", "yes", "2026-05-04"),  # 1 May, Saturday, 3 May
    ("PL", None, "2026-07-25", 14, "calendar_days", "yes", "2026-08-10"),  # a Saturday
    ("PL", None, "2026-08-08", 7, "calendar_days", "yes", "2026-08-17"),  # Assumption on a Saturday
    ("PL", None, "2024-02-15", 14, "calendar_days", "yes", "2024-02-29"),  # leap day
    ("PL", None, "2025-03-16", 14, "calendar_days", "yes", "2025-03-31"),  # the clock changes on the 30th, a Sunday
    ("GE", None, "2026-10-04", 10, "calendar_days", "unknown", "2026-10-14"),  # Svetitskhovloba; nothing says it moves
    ("GE", None, "2026-11-19", 10, "calendar_days", "unknown", "2026-11-29"),  # a Sunday; nothing says it moves
    ("GE", None, "2026-12-31", 7, "calendar_days", "yes", "2027-01-08"),  # Orthodox Christmas
    ("GE", None, "2026-04-03", 7, "calendar_days", "yes", "2026-04-14"),  # Orthodox Easter, Friday to Monday
    ("LT", None, "2026-12-10", 14, "calendar_days", "unknown", "2026-12-24"),
    ("LT", None, "2026-12-10", 14, "calendar_days", "yes", "2026-12-28"),
    ("LT", None, "2026-06-10", 14, "calendar_days", "yes", "2026-06-25"),  # St John's Day
    ("DE", None, "2026-12-18", 7, "calendar_days", "yes", "2026-12-28"),
    ("DE", None, "2026-12-17", 7, "calendar_days", "yes", "2026-12-24"),  # Christmas Eve is a working day
    ("DE", None, "2027-03-01", 7, "calendar_days", "yes", "2027-03-08"),  # women's day is a holiday in Berlin only
    ("DE", "DE-BE", "2027-03-01", 7, "calendar_days", "yes", "2027-03-09"),
    ("DE", "DE-BY", "2027-03-01", 7, "calendar_days", "yes", "2027-03-08"),
    ("DE", None, "2026-05-28", 7, "calendar_days", "yes", "2026-06-04"),  # Corpus Christi, in some Länder
    ("DE", "DE-BY", "2026-05-28", 7, "calendar_days", "yes", "2026-06-05"),
    ("DE", None, "2026-01-31", 1, "months", "yes", "2026-03-02"),  # 28 February is a Saturday
    ("DE", None, "2026-01-31", 1, "months", "no", "2026-02-28"),
    ("DE", None, "2028-01-31", 1, "months", "no", "2028-02-29"),
    ("DE", None, "2026-10-31", 1, "months", "yes", "2026-11-30"),
    ("DE", None, "2026-12-15", 1, "months", "yes", "2027-01-15"),
    ("DE", None, "2025-11-30", 3, "months", "no", "2026-02-28"),
    ("DE", None, "2025-12-31", 12, "months", "no", "2026-12-31"),
    ("PL", None, "2026-12-22", 3, "working_days", "yes", "2026-12-29"),  # 23, 28, 29
    ("PL", None, "2026-11-06", 5, "working_days", "no", "2026-11-16"),  # 9, 10, 12, 13, 16
    ("DE", "DE-BE", "2027-03-05", 1, "working_days", "yes", "2027-03-09"),
    ("DE", None, "2027-03-05", 1, "working_days", "yes", "2027-03-08"),
    ("LT", None, "2026-06-10", 48, "hours", "no", "2026-06-11"),
    ("LT", None, "2026-03-28", 48, "hours", "no", "2026-03-29"),  # the clock goes forward: the hours end at 01:00
    ("LT", None, "2026-10-24", 48, "hours", "no", "2026-10-24"),  # the clock goes back: they end at 23:00 on the 25th
    ("GE", None, "2026-03-28", 48, "hours", "no", "2026-03-29"),  # no change of the clock in Georgia
    ("LT", None, "2026-06-10", 12, "hours", "no", "2026-06-10"),  # never before the day itself
]


@pytest.mark.parametrize(("country", "region", "served", "value", "unit", "rolls", "last"), COUNTED)
def test_a_last_safe_day_is_as_counted_by_hand(
    country: str, region: str | None, served: str, value: int, unit: str, rolls: str, last: str
) -> None:
    assert last_safe_day(day(served), limit(value, unit), calendar(country, region), rolls) == day(last)


def finding(country: str, event: str, received: str | None, today: str, **days: date) -> DeadlineFinding:
    row = PACKS.deadline(country, event)
    return assess(row, day(received) if received else None, PACKS.country(country), day(today), **days)


TODAY = "2026-11-24"


def test_a_known_letter_has_its_source_and_certainty() -> None:
    found = finding("PL", "return_decision_appeal", "2026-11-20", TODAY)
    assert (found.last_safe_day, found.certainty, found.passed) == (day("2026-11-27"), "sourced-high", False)
    assert "foreigners" in found.source
    assert found.source_url


@pytest.mark.parametrize("country", [country.code for country in PACKS.countries])
def test_every_letter_of_every_pack_comes_to_a_day(country: str) -> None:
    for row in PACKS.deadlines(country):
        found = finding(country, row.event, "2026-11-20", TODAY)
        sourced = row.limit is not None
        assert (found.certainty == f"sourced-{row.source.confidence}") == sourced == found.is_known
        assert sourced or found.last_safe_day == day("2026-11-25")
        assert found.source


def test_an_unknown_kind_date_or_limit_is_due_in_five_days_and_says_so() -> None:
    for found, last in (
        (assess(None, day("2026-11-20"), PACKS.country("PL"), day(TODAY)), "2026-11-25"),
        (finding("PL", "border_leave_order_complaint", "2026-11-20", TODAY), "2026-11-25"),
        (finding("PL", "asylum_appeal_regular", None, TODAY), "2026-11-29"),
        (finding("PL", "asylum_appeal_regular", None, TODAY, asked_on=day("2026-11-21")), "2026-11-26"),
    ):
        assert (found.last_safe_day, found.certainty) == (day(last), "assumed")
        assert not found.passed
        assert not found.is_known


def test_a_letter_of_unknown_limit_that_came_long_ago_may_be_over() -> None:
    found = finding("PL", "border_leave_order_complaint", "2026-10-15", TODAY)
    assert (found.last_safe_day, found.certainty, found.passed) == (day("2026-10-20"), "assumed", True)
    assert found == finding("PL", "border_leave_order_complaint", "2026-10-15", "2026-11-25")


def test_the_earliest_day_of_delivery_counts() -> None:
    for received, earlier in (("2026-11-20", "2026-11-13"), ("2026-11-13", "2026-11-20"), (None, "2026-11-13")):
        found = finding("PL", "return_decision_appeal", received, TODAY, earlier_on=day(earlier))
        assert (found.last_safe_day, found.certainty) == (day("2026-11-20"), "sourced-high")


def test_a_regulation_of_the_union_is_no_source_outside_it() -> None:
    assert "2024/1348" in assess(None, None, PACKS.country("LT"), day(TODAY)).source
    outside = assess(None, None, PACKS.country("GE"), day(TODAY))
    assert "EU" not in outside.source
    assert outside.source_url is None


def test_the_rules_on_asylum_are_no_source_for_a_letter_about_something_else() -> None:
    for event in ("border_leave_order_complaint", "entry_refusal_appeal", "dublin_appeal"):
        found = finding("PL", event, "2026-11-20", TODAY)
        assert found.certainty == "assumed"
        assert "2024/1348" not in found.source
    assert "2024/1351" in finding("PL", "dublin_appeal", "2026-11-20", TODAY).source, "the rules on transfers frame it"
    assert "2024/1348" not in finding("LT", "detention_appeal", "2026-11-20", TODAY).source


def test_holidays_of_a_land_move_no_day_because_the_land_of_the_court_is_not_known() -> None:
    answers = {
        "country": "DE", "region": "DE-BE", "needs": ["asylum"], "how_soon": "none", "consent": {},
        "letter": {"kind": "asylum_appeal_simple", "received_on": "2027-02-22"},
    }  # fmt: skip
    _facts, found = runs.facts_and_deadline(answers, PACKS, datetime(2027, 2, 23, tzinfo=UTC))
    assert found is not None
    assert found.last_safe_day == day("2027-03-08"), "women's day, in Berlin alone"


def test_an_assumed_day_is_never_later_than_the_limit_counted_from_today() -> None:
    short = finding("DE", "airport_procedure_urgent_motion", None, TODAY)
    assert short.last_safe_day == day("2026-11-27")
    assert short.certainty == "assumed"


def test_a_letter_from_the_future_is_a_letter_without_a_date() -> None:
    assert finding("PL", "asylum_appeal_regular", "2027-11-20", TODAY).certainty == "assumed"


@pytest.mark.parametrize("received", ["0001-01-01", "1900-02-28", "9999-12-31"])
def test_absurd_dates_come_to_a_day_all_the_same(received: str) -> None:
    for country in PACKS.countries:
        for row in PACKS.deadlines(country.code):
            assert finding(country.code, row.event, received, TODAY).last_safe_day


def test_a_passed_day_is_said_to_have_passed_and_today_has_not() -> None:
    assert finding("PL", "return_decision_appeal", "2026-11-10", TODAY).passed
    assert not finding("PL", "return_decision_appeal", "2026-11-17", TODAY).passed


def test_a_region_without_holidays_of_its_own_has_the_country_s() -> None:
    assert calendar("PL", "PL-14").is_working(day("2026-11-24"))
    assert not calendar("GE", "GE-TB").is_working(day("2026-11-23"))


@pytest.mark.parametrize(("country", "hour_before_midnight"), [("PL", 22), ("LT", 21), ("DE", 22), ("GE", 19)])
def test_today_is_the_day_it_is_in_the_country(country: str, hour_before_midnight: int) -> None:
    late = datetime(2026, 11, 24, hour_before_midnight, 59, tzinfo=UTC)
    assert runs.local_date(PACKS, country, late) == day("2026-11-24")
    assert runs.local_date(PACKS, country, late + timedelta(minutes=1)) == day("2026-11-25")
    assert time_zone(PACKS.country(country)).key


def test_a_row_with_an_unknown_roll_over_takes_the_country_s_rule_or_the_earlier_day() -> None:
    row = PACKS.deadline("PL", "asylum_appeal_regular")
    assert isinstance(row, Deadline)
    assert row.rolls_over == "unknown"
    assert finding("PL", "asylum_appeal_regular", "2026-11-28", TODAY).certainty == "assumed"
    assert finding("PL", "asylum_appeal_regular", "2026-11-21", TODAY).last_safe_day == day("2026-12-07")
    assert finding("LT", "asylum_appeal", "2026-11-21", TODAY).last_safe_day == day("2026-12-07"), "this row says yes"
    assert finding("LT", "dublin_appeal", "2026-11-21", TODAY).last_safe_day == day("2026-11-28"), "this one nothing"


@pytest.mark.parametrize(
    ("event", "received", "first", "reasons"),
    [
        ("asylum_appeal_simple", "2026-11-24", "2026-12-08", "2026-12-24"),
        ("asylum_appeal_manifestly_unfounded", "2026-11-25", "2026-11-30", "2026-12-28"),  # 25 and 26 are holidays
        ("dublin_appeal", "2027-01-31", "2027-02-08", "2027-03-01"),  # 7 February and 28 February are Sundays
        ("asylum_appeal_accelerated", "2026-11-24", "2026-11-29", "2026-12-24"),  # the limit itself is not known
    ],
)
def test_what_else_the_letter_makes_due_has_a_day_of_its_own(
    event: str, received: str, first: str, reasons: str
) -> None:
    row = PACKS.deadline("DE", event)
    further = PACKS.further_rows("DE", row)
    found = assess(row, day(received), PACKS.country("DE"), day(received), further=further)
    assert (found.last_safe_day, [one.last_safe_day for one in found.further]) == (day(first), [day(reasons)])
    words = translator("en")
    said = deadline_texts.describe(found, day(received), words)
    assert f"Give the court the reasons and evidence by {words.date(day(reasons))}." in said.also
    assert said.further_days == (day(reasons),)
    undated = deadline_texts.describe(
        assess(row, None, PACKS.country("DE"), day(received), further=further), day(received), words
    )
    assert "Give the court the reasons and evidence within one month of delivery." in undated.also
    assert not undated.further_days


def test_the_source_of_an_assumed_day_is_not_of_another_number_of_days() -> None:
    short = finding("DE", "airport_procedure_urgent_motion", None, TODAY)
    assert "5 days" not in short.source, "it is counted by the letter's own limit"
    assert short.source_url
    no_day = finding("PL", "return_decision_appeal", None, TODAY)
    assert no_day.certainty == "assumed"
    assert "no law known" not in no_day.source
    assert "no law known" in finding("PL", "border_leave_order_complaint", "2026-11-20", TODAY).source
