"""The public page of figures: a table, a plot and a file, and nothing under ten in any of them."""

import csv
import io
import re

import pytest
import sqlalchemy as sa

from app.core.i18n import LANGUAGES
from app.directory.packs import load_packs
from app.intake.models import PersecutionCount
from tests.support.html import faults
from tests.support.people import PersonSite, short_form

TOLD = {
    ("2026-08", "search_seizure", "PL"): 7,
    ("2026-09", "search_seizure", "PL"): 8,
    ("2026-09", "search_seizure", "GE"): 9,
    ("2026-10", "violence", "GE"): 1234,
    ("2026-11", "violence", "DE"): 70,
}


@pytest.fixture
def told(person_site: PersonSite) -> PersonSite:
    """Months that are over, one that is not, and two small ones."""
    with person_site.database.begin() as session:
        rows = [{"month": m, "code": code, "country": c, "count": n} for (m, code, c), n in TOLD.items()]
        session.execute(sa.insert(PersecutionCount), rows)
    return person_site


def test_the_file_holds_the_figures_with_their_months_and_no_small_one(told: PersonSite) -> None:
    answer = told.browser().open("/en/numbers.csv").answer
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row[:4] + row[5:] for row in rows[1:]] == [
        ["2026-08", "2026-09", "PL", "search_seizure", "15"],
        ["2026-08", "2026-10", "GE", "violence", "1234"],
    ]


def test_the_table_and_the_plot_say_the_same(told: PersonSite) -> None:
    browser = told.browser().open("/en/numbers")
    cells = [" ".join(node.text().split()) for node in browser.page.css(".figures tbody td")]
    hidden = ["–not shown"] * len(load_packs().countries)
    assert cells == ["15", *hidden[1:], "15", hidden[0], "1,234", *hidden[2:], "1,234"]
    assert [node.text() for node in browser.page.css(".bar-count")] == ["15", "1,234"]
    assert browser.page.css_first(".plot").attributes["aria-label"], "the plot has words for who does not see it"
    assert "70" not in " ".join(node.text() for node in browser.page.css("main"))
    assert faults(browser.answer.text) == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_speaks_every_language_and_is_open_to_everybody(told: PersonSite, lang: str) -> None:
    browser = told.browser().open(f"/{lang}/numbers")
    assert browser.answer.status_code == 200
    digits = re.sub(r"\D", "", browser.page.css(".figures tbody td")[-1].text())
    assert digits == "1234"
    assert not browser.client.cookies


def test_with_nothing_to_show_it_says_so(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/en/numbers")
    assert "nothing to show yet" in browser.text
    assert browser.page.css_first("table") is None


def test_only_who_agreed_is_counted_and_no_row_leads_to_a_case(person_site: PersonSite) -> None:
    short_form(person_site.browser(), happened=["search_seizure", "violence"], count_me="yes")
    short_form(person_site.browser(), happened=["search_seizure"])
    with person_site.database.begin(write=False) as session:
        rows = session.execute(
            sa.select(PersecutionCount.code, PersecutionCount.count).order_by(PersecutionCount.code)
        ).all()
        columns = set(PersecutionCount.__table__.columns.keys())
    assert [tuple(row) for row in rows] == [("search_seizure", 1), ("violence", 1)]
    assert columns == {"month", "code", "country", "count"}
