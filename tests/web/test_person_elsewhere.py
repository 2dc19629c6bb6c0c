"""People in a country that nobody here serves are told so at the question, and who helps them there; nothing is ever "busy".

Where a team takes requests from everywhere else, they can send one, and read beforehand what it can and cannot do.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.cases.models import Case
from app.casework import auto_offer
from app.casework.auto_offer import AutoOfferContext
from app.core.db import Database
from app.core.i18n import LANGUAGES, translator
from app.directory.catalogue import ACROSS
from app.directory.packs import load_packs
from app.referrals.models import Referral
from app.staff.models import TeamCountry
from app.web.person.elsewhere_pages import PLACES
from tests.support.desk import StaffSite
from tests.support.html import faults
from tests.support.people import PersonSite, person_site_on, short_form

DIRECTORY = load_packs()


@pytest.fixture
def without_lithuania(database: Database, tmp_path: Path) -> Iterator[PersonSite]:
    with person_site_on(database, tmp_path / "var") as started:
        with database.begin() as session:
            session.execute(sa.delete(TeamCountry).where(TeamCountry.country == "LT"))
        yield started


@pytest.fixture
def from_everywhere(database: Database, tmp_path: Path) -> Iterator[PersonSite]:
    """The team takes requests from everywhere else too, and from no Lithuania."""
    with person_site_on(database, tmp_path / "var") as started:
        with database.begin() as session:
            session.execute(sa.update(TeamCountry).where(TeamCountry.country == "LT").values(country=ACROSS))
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


# --- a team for everywhere else ----------------------------------------------------------------------------------------


def test_the_first_page_and_the_paper_name_only_countries_with_a_team(without_lithuania: PersonSite) -> None:
    browser = without_lithuania.browser().open("/en/")
    assert "In these countries: Poland, Georgia and Germany." in browser.text
    assert "from afar" not in browser.text
    assert not re.search(r"☐ Lithuania\b", browser.open("/en/paper").text)
    assert "☐ Another country" not in browser.text


def test_a_request_from_elsewhere_is_taken_and_says_what_it_can_do(from_everywhere: PersonSite) -> None:
    browser = from_everywhere.browser().open("/en/")
    assert "If you are in another country, we look for help from afar." in browser.text
    for path in ("/en/elsewhere", "/en/elsewhere/am", "/en/elsewhere/ru"):
        browser.open(path)
        assert "A team here takes requests from every country." in browser.text
        assert "Nobody here takes requests" not in browser.text
        assert "We cannot take a request" not in browser.text
        assert browser.page.css_first('main a.button[href="/en/form/1"]') is not None
    browser.open("/en/form/3")
    assert browser.page.css_first(f"input[name=country][value={ACROSS}]") is not None
    assert "From another country you can send a request too." in browser.text
    received = from_everywhere.time().date().isoformat()
    said = {"country": ACROSS, "region": "XX-RU", "letter_kind": "unknown", "letter_received_on": received}
    short_form(browser, "en", until_check=True, **said)
    unknown = "We do not know the laws and deadlines of that country, and no centre is asked automatically."
    assert unknown in browser.text
    assert "can be a crime" in browser.text
    assert "We do not know the deadline for this letter." in browser.text
    assert browser.page.css_first('a[href="/en/elsewhere/ru"]') is not None
    number = browser.fill().number()
    assert unknown in browser.text
    browser.open("/en/return").fill(number=number)
    assert unknown in browser.text
    assert "Another country" in browser.text
    browser.open("/en/case/answers/4")
    assert "Which country is that?" in browser.text
    assert "Which region?" not in browser.text
    assert browser.page.css_first("#f-region option[selected]").text() == "Russia"
    with from_everywhere.database.begin(write=False) as session:
        assert session.scalars(sa.select(Case.country)).all() == [ACROSS]


def test_somebody_elsewhere_is_not_sent_to_numbers_of_other_countries_and_facts_that_are_not_there(
    from_everywhere: PersonSite,
) -> None:
    said = {"country": ACROSS, "region": "XX-AM", "needs": ["residence_permit"], "how_soon": "today", "allow": ()}
    browser = short_form(from_everywhere.browser(), "en", until_check=True, **said)
    assert "This is very urgent. Send the form now: a coordinator will look at it first." in browser.text
    assert browser.page.css_first('main a[href="/en/contacts"]') is None
    assert browser.page.css_first('main a[href="/en/elsewhere/am"]') is not None
    number = browser.fill().number()
    assert "While you wait" in browser.text
    assert "These are facts from public sources" not in browser.text
    with from_everywhere.database.begin() as session:
        session.execute(sa.update(Case).values(state="unmet"))
    case = from_everywhere.browser().open("/en/return").fill(number=number)
    assert "A coordinator checks what else is possible and writes to you here." in case.text
    assert "The contacts below" not in case.text, "there are none"


def test_nobody_is_asked_automatically_elsewhere_but_a_coordinator_can_refer(office: StaffSite) -> None:
    with office.database.begin() as session:
        session.execute(sa.update(TeamCountry).where(TeamCountry.country == "PL").values(country=ACROSS))
    consent = {"mode": "named", "organisations": ["x-odf"], "never": []}
    label, _number = office.file(country=ACROSS, region="XX-AM", needs=["extradition_interpol"], consent=consent)
    vera = office.as_("vera")
    page = vera.get(f"/desk/cases/{label}")
    assert page.status == 200
    assert "Another country" in vera.get("/desk/").words()
    assert vera.get(f"/desk/cases/{label}/refer?service=x-odf/legal-help").status == 200
    assert vera.get(f"/desk/cases/{label}/refer?service=pl-hfhr/legal-help").status == 404
    with office.database.begin() as session:
        case = session.scalars(sa.select(Case).where(Case.label == label)).one()
        context = AutoOfferContext(office.keys, DIRECTORY)
        assert auto_offer.offer_to_next(session, case, now=office.time.at, context=context) == []
        assert session.scalars(sa.select(Referral)).all() == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_elsewhere_is_a_country_by_name_in_every_language(lang: str) -> None:
    words = translator(lang)
    assert words.country_name(ACROSS) == words.text("Another country")
    assert lang == "en" or words.country_name(ACROSS) != "Another country"
    assert not DIRECTORY.is_host(ACROSS)
    assert {entry.organisation.id[:2] for entry in DIRECTORY.services_for(ACROSS)} == {"x-"}
