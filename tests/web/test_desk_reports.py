"""Reports as pages and files: counted from true rows, hidden where they are small, and only of one's own."""

import csv
import io
import zipfile
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.cases import transitions
from app.casework import referral_actions
from app.core.i18n import STAFF, translator
from app.core.spreadsheet import csv_text, safe_text
from app.intake import form_counts
from app.referrals.actors import ActorRef
from app.referrals.commands import TransitionInput
from app.referrals.models import Referral
from app.referrals.states import ReferralActor, ReferralVerb
from app.reporting import kept_figures
from app.web.components.charts import Dot, dots, line, stack
from tests.support.desk import ONE, TWO, Page, StaffSite

DESK = ActorRef(ReferralActor.COORDINATOR, None)

ENGLISH = translator("en", STAFF)


def decline(office: StaffSite, many: int) -> None:
    """Twice as many offers to one centre: every second one is declined an hour later, the others wait."""
    from app.core.ids import named_id

    labels = [office.file()[0] for _ in range(2 * many)]
    organisation = named_id("organisation", ONE)
    for place, label in enumerate(labels):
        with office.database.begin() as session:
            case = transitions.locked(session, office.case(label).id)
            draft = referral_actions.create(
                session, office.keys, case, f"{ONE}/legal-help", by=DESK, now=office.time.at
            )
            referral_actions.advance(session, draft.id, ReferralVerb.OFFER, by=DESK, now=office.time.at)
            by = ActorRef(ReferralActor.PARTNER, organisation, organisation)
            at = office.time.at + timedelta(hours=1)
            if place % 2:
                referral_actions.advance(
                    session, draft.id, ReferralVerb.DECLINE, by=by, now=at, payload=TransitionInput(reason="other")
                )


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def value(found: list[dict[str, str]], table: str, row: str, column: str) -> str:
    return next(one["value"] for one in found if (one["table"], one["row"], one["column"]) == (table, row, column))


def test_a_report_counts_true_rows_and_hides_small_ones(office: StaffSite) -> None:
    decline(office, 11)
    with office.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Referral)) == 22
    vera = office.as_("vera")
    page = vera.get("/desk/reports?period=2026-Q4")
    assert page.status == 200
    assert page.tree.css_first("svg.chart title").text()
    assert page.tree.css_first("svg.chart desc").text()
    found = rows(vera.get("/desk/reports?period=2026-Q4&format=csv").text)
    name = next(one["row"] for one in found if one["table"] == "Offers by organisation" and one["row"] != "All")
    assert value(found, "Offers by organisation", name, "All") == "22"
    assert (
        value(found, "Offers by organisation", name, "Accepted")
        == "under 10, or hidden together with a number under 10"
    )
    assert value(found, "Cases by country", "Poland", "All") == "22"
    assert value(found, "Median time in hours", "From the offer to a decision", "hours") == "1.0"
    assert not any(one["value"].isdigit() and int(one["value"]) < 10 for one in found)


def test_another_team_and_another_partner_count_their_own(office: StaffSite) -> None:
    decline(office, 11)
    mine = rows(office.as_("partner").get("/partner/report?format=csv").text)
    assert value(mine, "Offers by urgency", "All", "All") == "22"
    for name, path in (("other-partner", "/partner/report"), ("outsider", "/desk/reports")):
        theirs = rows(office.as_(name).get(f"{path}?format=csv").text)
        assert {one["value"] for one in theirs} == {"under 10, or hidden together with a number under 10"}
    assert (
        value(rows(office.as_("auditor").get("/desk/reports?format=csv").text), "Cases by country", "Poland", "All")
        == "22"
    )
    assert TWO not in str(mine)


def table(page: Page, name: str) -> dict[str, list[str]]:
    """The numbers of a table of the page by the label of the row."""
    rows = page.tree.css(f'.panel > .scroll[aria-labelledby="t-{name}"] tbody tr')
    return {
        str(row.css_first("th").text()): [str(cell.text()) for cell in row.css("td:not(.bar-cell)")]  # type: ignore[union-attr]
        for row in rows
    }


def test_the_team_sees_exact_figures_and_who_opens_no_case_the_published_ones(office: StaffSite) -> None:
    decline(office, 3)
    for name in ("vera", "sofia"):
        page = office.as_(name).get("/desk/reports")
        assert table(page, "countries")["Poland"] == ["0", "0", "6", "6"]
        assert list(table(page, "in_time").values()) == [["3", "0", "3", "100 %"]]
        assert "…" not in page.words()
        assert page.tree.css_first('a[href="/desk/reports/published?period=2026-Q4&format=xlsx"]') is not None
    published = office.as_("vera").get("/desk/reports/published")
    of_auditor = office.as_("auditor").get("/desk/reports")
    for page in (published, of_auditor, office.as_("partner").get("/partner/report")):
        assert page.status == 200
        for name in ("countries", "in_time", "offer_urgency"):
            assert {number for numbers in table(page, name).values() for number in numbers} <= {"…"}
    assert "…" in published.words()
    assert office.as_("partner").get("/desk/reports").status in {303, 403, 404}


def test_a_month_is_exact_and_stands_beside_the_month_before(office: StaffSite) -> None:
    decline(office, 2)
    office.later(days=20)
    office.file(language="be")
    page = office.as_("vera").get("/desk/reports?period=2026-12")
    assert "Report: December 2026" in page.words()
    tile = page.tree.css_first(".tiles > div")
    assert tile is not None
    assert " ".join(tile.text(separator=" ").split()) == "Cases 1 November 2026: 4"
    assert table(page, "languages") == {"Belarusian": ["1", "0", "0", "1", "0 %"]}
    spoken = page.tree.css_first("#t-unmet_places")
    assert spoken is None, "nothing is unmet"
    line = page.tree.css_first("svg.chart desc")
    assert line is not None
    assert line.text().endswith("2026-10: 0; 2026-11: 4; 2026-12: 1")
    quarter = office.as_("vera").get("/desk/reports?period=2026-Q4")
    assert table(quarter, "months") == {
        "October 2026": ["0", "0", "0", "0"],
        "November 2026": ["0", "4", "0", "4"],
        "December 2026": ["1", "0", "0", "1"],
        "All": ["1", "4", "0", "5"],
    }


def test_how_many_began_and_sent_the_form_is_shown_from_ten_on(office: StaffSite) -> None:
    with office.database.begin() as session:
        for language, began, sent in (("ru", 12, 10), ("be", 10, 9), ("en", 9, 9)):
            for _ in range(began):
                form_counts.add(session, language, office.time.at, began=1)
            form_counts.add(session, language, office.time.at, sent=sent)
    rows = office.as_("vera").get("/desk/reports").tree.css('section[aria-labelledby="t-form"] tbody tr')
    assert [" ".join(row.text(separator=" ").split()) for row in rows] == [
        "November 2026 · Belarusian 10 under ten",
        "November 2026 · Russian 12 10",
    ]


def test_a_report_says_that_it_is_behind_and_the_worker_catches_up(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    decline(office, 2)
    monkeypatch.setattr(kept_figures, "MOST_IN_MEMORY", 1)
    assert "4 cases have changed and are not yet counted again" in office.as_("vera").get("/desk/reports").words()
    with office.database.begin() as session:
        assert kept_figures.settle(session)
    page = office.as_("vera").get("/desk/reports")
    assert "not yet counted again" not in page.words()
    assert table(page, "countries")["Poland"][-1] == "4"


def test_a_spreadsheet_opens_and_holds_no_formula(office: StaffSite) -> None:
    decline(office, 10)
    answer = office.as_("vera").get("/desk/reports?format=xlsx").response
    assert answer.headers["content-type"].endswith("spreadsheetml.sheet")
    assert answer.headers["content-disposition"] == 'attachment; filename="report-2026-Q4.xlsx"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        assert book.testzip() is None
        sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
        assert len(sheets) > 8
        assert all(b"<f>" not in book.read(name) for name in sheets)


def test_a_period_that_is_none_or_to_come_is_not_found(office: StaffSite) -> None:
    vera = office.as_("vera")
    for wrong in ("2027-Q1", "2026-Q9", "last", "2026-12", "2026-13"):
        assert vera.get(f"/desk/reports?period={wrong}").status == 404
    for published in ("/desk/reports/published?period=2026-10", "/desk/reports?period=2026-10&format=csv"):
        assert vera.get(published).status == 404, "a month is not published"
    assert vera.get("/desk/reports?format=pdf").status == 404
    assert "not over yet" in vera.get("/desk/reports").words()
    assert "not over yet" not in vera.get("/desk/reports?period=2026-Q3").words()


def test_no_cell_is_a_formula() -> None:
    for text in ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "  =1", "%x"):
        assert safe_text(text) == "'" + text
    for text in ("+48 22 556 44 40", "-5", "-1.5", "Legal help", ""):
        assert safe_text(text) == text
    assert csv_text(("=a",), [("=x", None, 3)], for_people=True) == "\ufeff'=a\r\n'=x,,3\r\n"


def test_a_plot_says_its_numbers_and_escapes_its_words() -> None:
    rows = [Dot("<script>", 0.5, 0.2, 0.8, "3 / 6")]
    drawn_both = (
        dots("c", 'A "plot" <b>', rows, ENGLISH, average=0.4),
        line("c", 'A "plot" <b>', [("<script>", 3), ("b", 0)], ENGLISH),
    )
    for drawn in drawn_both:
        assert "<script>" not in drawn
        assert "A &#34;plot&#34; &lt;b&gt;" in drawn
        assert 'role="img"' in drawn
        assert "style=" not in drawn
    assert "&lt;script&gt;: 50 %, 3 / 6" in dots("c", "A plot", rows, ENGLISH, average=0.4)
    assert "&lt;script&gt;: 3; b: 0" in line("c", "A plot", [("<script>", 3), ("b", 0)], ENGLISH)
    assert stack([0, 0], 5).count("<rect") == 0
    assert stack([1, 20_000], 20_001).count("<rect") == 2, "one of twenty thousand is drawn too"


def test_a_year_and_a_stretch_of_quarters_add_up_what_their_quarters_show(office: StaffSite) -> None:
    decline(office, 6)
    office.later(days=40)
    for _ in range(11):
        office.file(language="be")
    vera = office.as_("vera")
    first, second = (rows(vera.get(f"/desk/reports?period={one}&format=csv").text) for one in ("2026-Q4", "2027-Q1"))
    assert value(first, "Cases by language of the form", "Russian", "All") == "12"
    assert value(second, "Cases by language of the form", "Belarusian", "All") == "11"
    both = rows(vera.get("/desk/reports?period=2026-Q4&until=2027-Q1&format=csv").text)
    assert value(both, "Cases by language of the form", "Russian", "All") == "12"
    assert value(both, "Cases by language of the form", "Belarusian", "All") == "11"
    assert {one["period"] for one in both if one["value"] == "1.0"} <= {"2026-Q4"}, "a median stands under its quarter"
    page = vera.get("/desk/reports?period=2027-Q1&until=2026-Q4")
    assert page.status == 200
    assert "Report: Q4 2026 – Q1 2027" in page.words()
    assert page.form("/desk/reports") == {"period": "2026-Q4", "until": "2027-Q1"}
    assert "Report: 2026" in vera.get("/desk/reports?period=2026").words()
    assert vera.get("/desk/reports?period=2026&format=xlsx").response.content[:2] == b"PK"
    for nothing in ("2031", "2020-Q1..2026-Q4", "x"):
        assert vera.get(f"/desk/reports?period={nothing}").status == 404, nothing


def test_a_stretch_costs_the_statements_of_one_quarter(office: StaffSite) -> None:
    decline(office, 1)
    vera = office.as_("vera")
    costs = []
    for period in ("2026-Q4", "2024-Q1..2026-Q4"):
        vera.get("/desk/")
        with office.statements() as seen:
            assert vera.get(f"/desk/reports?period={period}").status == 200
        costs.append(len([one for one in seen.seen if not one.startswith("BEGIN")]))
    assert costs[0] == costs[1]
