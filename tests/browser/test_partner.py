"""The partner's page in a real browser: without scripts, at 320 px, readable for everybody, and printed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from app.cases import transitions
from app.casework import referral_actions
from app.core.db import Database
from app.referrals.actors import ActorRef
from app.referrals.states import ReferralActor, ReferralVerb
from tests.support.desk import ADDRESS, NAME, ONE, START, StaffSite, running
from tests.support.live import address, free_port, served
from tests.support.pages import PHONE, WIDE, press
from tests.support.pages import check as readable


@dataclass
class Office:
    base: str
    site: StaffSite

    def offer(self, **answers: object) -> str:
        """A new request to the centre, by its label."""
        label, _receipt = self.site.file(**answers)
        by = ActorRef(ReferralActor.COORDINATOR)
        with self.site.database.begin() as session:
            case = transitions.locked(session, self.site.case(label).id)
            draft = referral_actions.create(session, self.site.keys, case, f"{ONE}/legal-help", by=by, now=START)
            return referral_actions.advance(session, draft.id, ReferralVerb.OFFER, by=by, now=START).label

    def signed_in(self, page: Page) -> Page:
        secret = self.site.as_("partner").cookies["staff"]
        page.context.add_cookies([{"name": "staff", "value": secret, "url": self.base}])
        return page


@pytest.fixture(scope="module")
def office(kept_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    bound = free_port()
    with running(kept_database, tmp_path_factory.mktemp("partner"), base_url=address(bound)) as site:
        with served(site.app, bound) as started:
            yield Office(started, site)


@pytest.fixture(params=[PHONE, WIDE], ids=["phone", "wide"])
def view(request: pytest.FixtureRequest) -> dict[str, int]:
    found: dict[str, int] = request.param
    return found


def check(page: Page) -> None:
    readable(page, fingers=True, **{"color-contrast-enhanced": {"enabled": True}})


def test_a_lawyer_goes_the_whole_way(office: Office, new_page: Callable[..., Page], view: dict[str, int]) -> None:
    label = office.offer(helps=["woman_lawyer", "interpreter"])
    page = office.signed_in(new_page(viewport=view, java_script_enabled=True))
    page.goto(f"{office.base}/partner/")
    check(page)
    press(page, f"text={label}")
    check(page)
    for folded in page.locator("details.answer > summary").all():
        folded.click()
    check(page)
    assert page.locator("details.answer:has-text('Decline the request') input[type=radio]").count() == 5
    press(page, "button:has-text('Accept the request')")
    check(page)
    press(page, "button:has-text('Open the name, contact details and story')")
    check(page)
    expect(page.locator("main")).to_contain_text(ADDRESS)
    text = page.inner_text("main")
    assert text.index("Do not say who you are") < text.index(NAME) < text.index(ADDRESS)
    page.fill("#f-message", "Dzień dobry, dzwonimy jutro wieczorem.")
    press(page, "button:has-text('Send the message')")
    check(page)
    press(page, "button:has-text('Open the print version')")
    check(page)
    page.emulate_media(media="print")
    expect(page.locator(".bar")).to_be_hidden()
    expect(page.locator(".sheet")).to_contain_text("dzwonimy jutro")
    page.emulate_media(media="screen")
    page.goto(f"{office.base}/partner/referrals/{label}")
    press(page, "button:has-text('We have reached the person')")
    page.click("summary:has-text('Complete the request')")
    press(page, "details.answer[open] button")
    check(page)
    page.locator("[role=alert]").wait_for()
    page.check("input[name=outcome][value=advised]")
    press(page, "details.answer[open] button")
    expect(page.locator("main")).to_contain_text("Completed")
    check(page)


def test_without_scripts_every_step_is_within_reach(office: Office, new_page: Callable[..., Page]) -> None:
    label = office.offer()
    page = office.signed_in(new_page(viewport=PHONE, java_script_enabled=False))
    page.goto(f"{office.base}/partner/referrals/{label}")
    page.click("summary:has-text('Decline the request')")
    page.check("details[open] input[value=no_capacity]")
    press(page, "details[open] button")
    expect(page.locator("main")).to_contain_text("Declined")
