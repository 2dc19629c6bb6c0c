"""What is counted for a report, and that its tables together give no small number away."""

from datetime import UTC, date, datetime, timedelta
from itertools import cycle, islice
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.reporting import figures
from app.reporting.aggregation import combine
from app.reporting.figures import ALL, Report
from app.reporting.periods import MAX_QUARTERS, Period, Quarter
from app.reporting.queries import ENDS, CountedCase, CountedOffer

QUARTER = Quarter(2026, 4)
START = datetime(2026, 10, 5, 9, tzinfo=UTC)


def case(number: int, **changed: object) -> CountedCase:
    given_in = {
        "id": UUID(int=number), "month": "2026-10", "came_in": START, "country": "PL", "language": "ru", "urgency": "normal",
        "needs": ("asylum",), "state": "in_review", **changed,
    }  # fmt: skip
    return CountedCase(**given_in)  # type: ignore[arg-type]


def offer(number: int, **changed: object) -> CountedOffer:
    given_in = {
        "case_id": UUID(int=number), "organisation": "pl-hfhr", "month": "2026-10", "country": "PL", "urgency": "normal",
        "needs": ("asylum",), "offered_at": START + timedelta(hours=2), "state": "offered", "outcome": None, **changed,
    }  # fmt: skip
    return CountedOffer(**given_in)  # type: ignore[arg-type]


def after(hours: float) -> datetime:
    return START + timedelta(hours=2 + hours)


def cell(report: Report, table: str, row: str, column: str) -> int | None:
    found = report.table(table)
    assert found is not None
    line = found.everything if row == ALL else next(one for one in found.rows if one.code == row)
    assert line is not None
    return line.total.count if column == ALL else line.cells[found.columns.index(column)].count


def test_quarters_follow_each_other_and_never_overlap() -> None:
    assert str(Quarter.of(date(2026, 12, 31))) == "2026-Q4"
    assert Quarter.parse("2026-Q4") == QUARTER
    assert [Quarter.parse(text) for text in ("2026-Q5", "26-Q1", "2026", "٢٠٢٦-Q1", "")] == [None] * 5
    assert QUARTER.months == ("2026-10", "2026-11", "2026-12")
    assert QUARTER.end == QUARTER.next.start == datetime(2027, 1, 1, tzinfo=UTC)
    assert QUARTER.next.before == QUARTER


@pytest.mark.parametrize(
    ("state", "first", "end"),
    [
        ("completed", {"accept": after(1)}, "accepted"),
        ("handed_back", {"accept": after(1)}, "accepted"),
        ("declined", {"decline": after(1)}, "declined"),
        ("expired", {}, "no_answer"),
        ("expired", {"acknowledge": after(1)}, "only_acknowledged"),
        ("withdrawn", {"acknowledge": after(1)}, "taken_back"),
        ("offered", {}, "waiting"),
        ("waitlisted", {"waitlist": after(1)}, "waiting"),
    ],
)
def test_every_offer_has_one_end(state: str, first: dict[str, datetime], end: str) -> None:
    assert offer(1, state=state, first=first).end == end


HOW: dict[str, tuple[str, dict[str, datetime]]] = {
    "accepted": ("completed", {"accept": after(3), "complete": after(13)}),
    "declined": ("declined", {"decline": after(3)}),
    "only_acknowledged": ("expired", {"acknowledge": after(1)}),
    "no_answer": ("expired", {}),
    "taken_back": ("withdrawn", {}),
    "waiting": ("offered", {}),
}


def ended(slug: str, start: int, **ends: int) -> list[CountedOffer]:
    """So many offers to an organisation with each end, as different cases from `start` on."""
    listed = [end for end, many in ends.items() for _ in range(many)]
    return [
        offer(n, organisation=slug, state=HOW[end][0], first=dict(HOW[end][1])) for n, end in enumerate(listed, start)
    ]


def test_what_is_large_is_shown_with_its_rate_and_middle() -> None:
    offers = ended(
        "pl-hfhr", 0, accepted=30, declined=10, only_acknowledged=10, no_answer=20, taken_back=10, waiting=20
    )
    states = [*["helped"] * 30, *["unmet"] * 50, *["in_review"] * 20]
    report = figures.network_report(QUARTER, [case(n, state=state) for n, state in enumerate(states)], offers)
    assert cell(report, "partners", "pl-hfhr", "accepted") == 30
    assert cell(report, "partners", "pl-hfhr", "no_answer") == 20
    partners = report.table("partners")
    assert partners is not None
    assert partners.rows[0].share == 30
    assert cell(report, "unmet_places", "asylum|PL", "unmet") == 50
    assert {one.step: one.hours for one in report.medians} == {
        "first_offer": 2.0, "acknowledge": 1.0, "decide": 3.0, "start": None, "complete": 10.0,
    }  # fmt: skip


LAYOUT = """
months month not_offered offered accepted
urgencies urgency helped unmet open_or_withdrawn
countries country helped unmet open_or_withdrawn
languages language not_offered offered accepted
needs need helped unmet open_or_withdrawn
unmet_places place unmet not_unmet
partners organisation accepted declined only_acknowledged no_answer taken_back waiting
offer_urgency urgency accepted declined only_acknowledged no_answer taken_back waiting
offer_needs need accepted declined only_acknowledged no_answer taken_back waiting
in_time urgency in_time late_or_never
outcomes organisation represented advised referred_on resolved contact_lost
passed_over passed_over emergency urgent normal
"""
"""The tables of the network's report, written a second time by hand: name, what a row is, columns."""


def test_the_report_has_the_tables_that_are_written_here_by_hand() -> None:
    offers = [offer(1, state="completed", outcome="advised", first={"accept": after(1), "complete": after(2)})]
    report = figures.network_report(QUARTER, [case(1)], offers)
    tables = {table.name: " ".join((table.name, table.kind, *table.columns)) for table in report.tables}
    assert set(tables.values()) == set(LAYOUT.strip().splitlines()), "tests/unit/test_reporting.py: LAYOUT"


def test_a_small_cell_is_hidden_and_so_is_what_would_tell_of_it() -> None:
    plenty = dict.fromkeys(ENDS, 12)
    offers = [
        *ended("pl-hfhr", 0, **plenty),
        *ended("pl-ocalenie", 100, **plenty),
        *ended("pl-sip", 200, **{**plenty, "declined": 3}),
    ]
    report = figures.network_report(QUARTER, [], offers)
    assert cell(report, "partners", ALL, "declined") == 27
    assert cell(report, "partners", "pl-sip", "declined") is None
    others = [cell(report, "partners", slug, "declined") for slug in ("pl-hfhr", "pl-ocalenie")]
    assert None in others, "27 less twice 12 is three"
    assert None in [cell(report, "partners", "pl-sip", end) for end in ENDS if end != "declined"], (
        "63 less five times 12 too"
    )


def test_nobody_is_a_small_number_too() -> None:
    """All eleven were declined: to say so would say that nobody was accepted, or that nobody waits."""
    report = figures.organisation_report(QUARTER, ended("pl-hfhr", 0, declined=11))
    assert cell(report, "offer_urgency", "normal", "declined") is None
    assert None in (cell(report, "offer_urgency", ALL, ALL), cell(report, "in_time", ALL, ALL))
    waiting = figures.organisation_report(QUARTER, ended("pl-hfhr", 0, declined=11, waiting=11))
    assert cell(waiting, "offer_urgency", ALL, ALL) == 22


def test_a_middle_of_fewer_than_ten_is_not_told() -> None:
    offers = [offer(n, state="accepted", first={"accept": after(5)}) for n in range(9)]
    assert (
        next(one.hours for one in figures.organisation_report(QUARTER, offers).medians if one.step == "decide") is None
    )
    offers.append(offer(9, state="accepted", first={"accept": after(5)}))
    assert (
        next(one.hours for one in figures.organisation_report(QUARTER, offers).medians if one.step == "decide") == 5.0
    )


def test_in_time_is_by_urgency() -> None:
    late = [offer(n, urgency="emergency", state="accepted", first={"accept": after(25)}) for n in range(20)]
    soon = [offer(n, urgency="emergency", state="accepted", first={"accept": after(23)}) for n in range(20, 60)]
    report = figures.organisation_report(QUARTER, late + soon)
    assert cell(report, "in_time", "emergency", "in_time") == 40
    assert cell(report, "in_time", "emergency", "late_or_never") == 20


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["pl-hfhr", "pl-sip", "de-rlc"]),
            st.sampled_from(["normal", "urgent"]),
            st.sampled_from(ENDS[:4]),
        ),
        max_size=60,
    )
)
def test_no_shown_cell_is_small_and_no_line_leaves_a_small_rest(rows: list[tuple[str, str, str]]) -> None:
    offers = [
        offer(n, organisation=slug, urgency=urgency, state=HOW[end][0], first=dict(HOW[end][1]), month=month)
        for n, ((slug, urgency, end), month) in enumerate(
            zip(rows, islice(cycle(QUARTER.months), len(rows)), strict=True)
        )
    ]
    for report in (figures.network_report(QUARTER, [], offers), figures.organisation_report(QUARTER, offers)):
        for table in report.tables:
            lines = [*table.rows, *([table.everything] if table.everything else [])]
            for line in lines:
                counts = [one.count for one in line.cells]
                assert all(count is None or count >= 10 for count in (*counts, line.total.count))
                if line.total.count is not None and None in counts:
                    assert line.total.count - sum(count or 0 for count in counts) >= 10
                    assert counts.count(None) > 1


# --- years, and any stretch of quarters ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "quarters", "named"),
    [
        ("2026-Q4", 1, "2026-Q4"),
        ("2026", 4, "2026"),
        ("2026-Q1..2026-Q4", 4, "2026"),
        ("2025-Q3..2026-Q2", 4, "2025-Q3..2026-Q2"),
        ("2024-Q1..2026-Q4", MAX_QUARTERS, "2024-Q1..2026-Q4"),
    ],
)
def test_a_stretch_is_made_of_whole_quarters(text: str, quarters: int, named: str) -> None:
    stretch = Period.parse(text)
    assert stretch is not None
    assert (len(stretch.quarters), str(stretch)) == (quarters, named)
    assert (stretch.start, stretch.end) == (stretch.quarters[0].start, stretch.quarters[-1].end)


@pytest.mark.parametrize(
    "text", ["2026-10", "2026-Q4..2026-Q1", "2023-Q4..2026-Q4", "..", "2026..2027", "٢٠٢٦", "26", "2026-Q1..", ""]
)
def test_what_is_no_stretch_of_quarters_is_none(text: str) -> None:
    assert Period.parse(text) is None


def counted(quarter: Quarter, many: dict[str, int]) -> Report:
    """As many cases of each language in a quarter."""
    month, came_in = quarter.months[0], quarter.start
    spoken = [language for language, count in many.items() for _ in range(count)]
    return figures.network_report(
        quarter,
        [case(number, month=month, came_in=came_in, language=code) for number, code in enumerate(spoken)],
        [],
        quarter.months[:1],
    )


def test_a_year_adds_up_what_its_quarters_show_and_says_where_a_part_is_hidden() -> None:
    year = Period(Quarter(2026, 1), Quarter(2026, 4))
    spoken = [{"ru": 20, "be": 15}, {"ru": 30, "be": 12}, {"ru": 25, "be": 11, "uk": 3, "en": 9}, {"ru": 40, "be": 30}]
    reports = [counted(quarter, many) for quarter, many in zip(year.quarters, spoken, strict=True)]
    made = combine(year, reports)
    table = made.table("languages")
    assert table is not None
    said = {row.code: row.total.text for row in table.rows}
    assert said == {"be": "68", "en": "…", "ru": "115", "uk": "…"}
    months = made.table("months")
    assert months is not None
    assert [row.code for row in months.rows] == ["2026-01", "2026-04", "2026-07", "2026-10"]
    few = combine(year, [*reports[:3], counted(year.last, {"ru": 40, "be": 2, "en": 30})])
    table = few.table("languages")
    assert table is not None
    assert {row.code: row.total.text for row in table.rows}["be"] == "≥ 38"


def test_the_time_a_step_takes_stands_quarter_by_quarter_where_it_is_known() -> None:
    year = Period(Quarter(2026, 3), Quarter(2026, 4))
    quick = [offer(n, state="declined", first={"offer": after(0), "acknowledge": after(2)}) for n in range(12)]
    reports = [figures.network_report(year.first, [], quick[:9]), figures.network_report(year.last, [], quick)]
    said = [(one.step, one.hours, one.quarter) for one in combine(year, reports).medians]
    assert ("acknowledge", 2.0, "2026-Q4") in said
    assert [one for one in said if one[0] == "complete"] == [("complete", None, "")]
    assert not [one for one in said if one[0] == "acknowledge" and one[2] == "2026-Q3"]


@given(st.lists(st.fixed_dictionaries({"ru": st.integers(0, 40), "be": st.integers(0, 25)}), min_size=3, max_size=4))
def test_subtracting_stretches_tells_no_more_than_the_quarters_do(many: list[dict[str, int]]) -> None:
    """A longer stretch less a shorter one is what the quarters between them show, with nothing in it that they hide."""
    quarters = Period(Quarter(2026, 1), Quarter(2026, len(many))).quarters
    reports = [counted(quarter, counts) for quarter, counts in zip(quarters, many, strict=True)]
    longer = combine(Period(quarters[0], quarters[-1]), reports)
    shorter = combine(Period(quarters[0], quarters[-2]), reports[:-1])

    def told(report: Report) -> dict[tuple[str, str, int], int]:
        return {
            (table.name, row.code, place): cell.count or 0
            for table in report.tables
            for row in (*table.rows, *((table.everything,) if table.everything else ()))
            for place, cell in enumerate((*row.cells, row.total))
        }

    less, last = told(shorter), told(reports[-1])
    assert {key: count - less.get(key, 0) for key, count in told(longer).items()} == {
        key: last.get(key, 0) for key in told(longer)
    }
