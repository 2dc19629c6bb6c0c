"""The partner's page in a real browser: without scripts, at 320 px, readable for everybody, and printed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page

from app.cli.house import migrate
from app.core.db import Database
from app.core.keyring import KeyRing
from app.intake import life
from app.main import create_app
from app.referrals import service
from app.referrals.acting import ActorRef
from app.referrals.states import Actor, Verb
from app.settings import Settings
from tests.browser.test_person import PHONE, check
from tests.support import desk
from tests.support.desk import ADDRESS, NAME, ONE, START, DeskHouse, Time
from tests.support.live import address, free_port, served


@dataclass
class Office:
    base: str
    house: DeskHouse

    def offer(self, **answers: object) -> str:
        """A new request to the centre, by its label."""
        label, _receipt = self.house.file(**answers)
        by = ActorRef(Actor.COORDINATOR)
        with self.house.database.begin() as session:
            case = life.locked(session, self.house.case(label).id)
            draft = service.create(session, self.house.keys, case, f"{ONE}/legal-help", by=by, now=START)
            return service.advance(session, draft.id, Verb.OFFER, by=by, now=START).label

    def signed_in(self, page: Page) -> Page:
        secret = self.house.as_("partner").cookies["staff"]
        page.context.add_cookies([{"name": "staff", "value": secret, "url": self.base}])
        return page


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    var: Path = tmp_path_factory.mktemp("partner")
    database, keys, time = Database(f"sqlite:///{var / 'pristan.db'}"), KeyRing.generate(START.date()), Time()
    migrate(database)
    with database.begin() as session:
        secrets = desk._found(session, keys)
    bound = free_port()
    settings = Settings(var=var, base_url=address(bound), worker_in_web=False)
    app = create_app(settings, database=database, keys=keys, clock=time)
    with served(app, bound) as started:
        yield Office(started, DeskHouse(app, None, database, keys, time, secrets))  # type: ignore[arg-type]


@pytest.fixture(params=[PHONE, {"width": 1280, "height": 900}], ids=["phone", "wide"])
def view(request: pytest.FixtureRequest) -> dict[str, int]:
    found: dict[str, int] = request.param
    return found


def test_a_lawyer_goes_the_whole_way(office: Office, new_page: Callable[..., Page], view: dict[str, int]) -> None:
    label = office.offer(helps=["woman_lawyer", "interpreter"])
    page = office.signed_in(new_page(viewport=view, java_script_enabled=True))
    page.goto(f"{office.base}/partner/")
    check(page)
    page.click(f"text={label}")
    check(page)
    for folded in page.locator("details.answer > summary").all():
        folded.click()
    check(page)
    assert page.locator("details.answer:has-text('can not take it') input[type=radio]").count() == 5
    page.click("button:has-text('We take this request')")
    check(page)
    page.click("button:has-text('Open name, contact and story')")
    check(page)
    text = page.inner_text("main")
    assert text.index("Do not say who you are") < text.index(NAME) < text.index(ADDRESS)
    page.fill("#f-message", "Dzień dobry, dzwonimy jutro wieczorem.")
    page.click("button:has-text('Send the message')")
    check(page)
    page.click("button:has-text('One sheet to print')")
    check(page)
    page.emulate_media(media="print")
    assert not page.locator(".bar").is_visible()
    assert "dzwonimy jutro" in page.inner_text(".sheet")
    page.emulate_media(media="screen")
    page.goto(f"{office.base}/partner/referrals/{label}")
    page.click("button:has-text('We reached them')")
    page.click("summary:has-text('It is closed')")
    page.locator("details.answer[open] button").click()
    check(page)
    page.locator("[role=alert]").wait_for()
    page.check("input[name=outcome][value=advised]")
    page.click("details.answer[open] button")
    assert "Completed" in page.inner_text("main")
    check(page)


def test_without_scripts_every_step_is_within_reach(office: Office, new_page: Callable[..., Page]) -> None:
    label = office.offer()
    page = office.signed_in(new_page(viewport=PHONE, java_script_enabled=False))
    page.goto(f"{office.base}/partner/referrals/{label}")
    page.click("summary:has-text('We can not take it')")
    page.check("details[open] input[value=no_capacity]")
    page.click("details[open] button")
    assert "Declined" in page.inner_text("main")
