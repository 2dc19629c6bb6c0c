"""People in a country that nobody here serves are told so at the question, and who helps them there; nothing is ever "busy"."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.core.db import Database
from app.core.i18n import LANGUAGES, translator
from app.directory.packs import load_packs
from app.staff.models import TeamCountry
from app.web.person.elsewhere_pages import PLACES
from tests.support.html import faults
from tests.support.people import PersonSite, person_site_on, short_form

DIRECTORY = load_packs()


@pytest.fixture
def without_lithuania(database: Database, tmp_path: Path) -> Iterator[PersonSite]:
    with person_site_on(database, tmp_path / "var") as started:
        with database.begin() as session:
            session.execute(sa.delete(TeamCountry).where(TeamCountry.country == "LT"))
        yield started


def test_a_country_without_a_team_is_no_choice_and_the_question_says_who_helps_there(
    without_lithuania: PersonSite,
) -> None:
    browser = without_lithuania.browser()
    for path in ("/en/form/3", "/en/form/all"):
        browser.open(path)
        offered = {node.attributes["value"] for node in browser.page.css("input[name=country]")}
        assert "LT" not in offered
        assert "PL" in offered
        assert browser.page.css_first('a[href="/en/contacts/lt"]') is not None
        assert browser.page.css_first('a[href="/en/elsewhere"]') is not None
    browser.open("/en/contacts/lt")
    assert "Nobody here takes requests from this country." in browser.text
    assert "legal@redcross.lt" in browser.text


def test_a_form_that_names_it_all_the_same_is_told_so_and_keeps_its_words(without_lithuania: PersonSite) -> None:
    said = {"for_whom": "self", "needs": ["asylum"], "country": "LT", "how_soon": "none", "story": "кумкват"}
    browser = without_lithuania.browser().open("/en/form/all").fill(**said)
    assert browser.answer.status_code == 422
    assert "Nobody here takes requests from this country." in browser.text
    assert "кумкват" in browser.text
    assert "busy" not in browser.text
    steps = without_lithuania.browser().open("/en/form/3").fill(country="LT")
    assert steps.answer.status_code == 422
    assert "Nobody here takes requests from this country." in steps.text


def test_a_team_that_ends_while_somebody_writes_loses_them_nothing(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), "en", until_check=True, country="LT", story="кумкват")
    with person_site.database.begin() as session:
        session.execute(sa.delete(TeamCountry).where(TeamCountry.country == "LT"))
    browser.fill()
    assert "Nobody here takes requests from this country." in browser.text
    browser.open("/en/form/6")
    assert "кумкват" in browser.answer.text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_place_names_helpers_with_a_way_to_reach_them(person_site: PersonSite, lang: str) -> None:
    browser = person_site.browser().open(f"/{lang}/elsewhere")
    links = [node.attributes["href"] for node in browser.page.css(".links a")]
    assert links == [
        *(f"/{lang}/elsewhere/{code.lower()}" for code in PLACES if not DIRECTORY.has_country(code)),
        f"/{lang}/elsewhere/xx",
    ]
    for link in links:
        browser.open(str(link))
        assert faults(browser.answer.text) == []
        assert browser.page.css('.centre .reach a[href^="https:"]'), link
        assert browser.page.css_first('a[href="tel:+35312100489"]') is not None
        is_dangerous = str(link).endswith(("/ru", "/by"))
        assert (len(browser.page.css(".urgent")) == 2) == is_dangerous
        assert translator(lang).text("A coordinator can help you with that.") not in browser.answer.text, (
            "nobody here has one"
        )


def test_everybody_of_the_facts_is_named_where_they_help_and_nowhere_else() -> None:
    assert len(DIRECTORY.helpers) == 18
    assert {one.id for one in DIRECTORY.helpers_in("BY")} == {"x-bysol", "x-protectdefenders"}
    assert {one.id for one in DIRECTORY.helpers_in("RU")} == {"x-ovdinfo", "x-protectdefenders"}
    assert [one.id for one in DIRECTORY.helpers_in("AM")][:3] == ["am-unhcr", "am-kovcheg", "am-ayla"]
    assert not [one for one in DIRECTORY.helpers_in("XX") if one.places]
