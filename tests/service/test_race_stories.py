"""Eight stories in which two people press at the same moment, as other systems of this kind have lived them.

Each is told again with two real clients on a real port, on both databases. In each exactly one wins, the other learns the state
as it is now, and nothing is lost, doubled or left without an owner.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.core.db import Database
from app.directory.packs import load_packs
from app.main import create_app
from app.operations.privileges import DatabaseRole
from app.partners.organisations import Organisation
from app.referrals import deadline_storage
from app.referrals.models import Referral, ReferralEvent
from app.settings import Settings
from app.worker.loop import Worker
from tests.support import desk
from tests.support.cases import together
from tests.support.databases import under
from tests.support.desk import ONE, START, STORY, TWO, Browser, Page, StaffSite, Time
from tests.support.founding import found
from tests.support.live import address, free_port, served

ROUNDS = 2
LOST = {409, 412}


@dataclass
class Line:
    """A client with a connection of its own, in the place of the one in process."""

    client: httpx.Client

    def request(self, method: str, url: str, **rest: Any) -> httpx.Response:
        return self.client.request(method, url, **rest)


@dataclass
class Live:
    """The desk behind a real port."""

    office: StaffSite
    base: str
    var: Path
    lines: ExitStack

    def as_(self, name: str) -> Browser:
        browser = self.office.as_(name)
        client = self.lines.enter_context(httpx.Client(base_url=self.base, timeout=60))
        browser.http = Line(client)  # type: ignore[assignment]
        return browser

    def offered(self) -> tuple[str, str, Referral]:
        """A case offered to ONE: its label, its address for the partner, the referral."""
        label, _receipt = self.office.file()
        vera = self.as_("vera")
        path = f"/desk/cases/{label}/refer"
        page = vera.get(f"{path}?service={ONE}/legal-help")
        assert vera.submit(page, path, by_hand="yes").status == 303
        (referral,) = self.referrals(label)
        return label, f"/partner/referrals/{referral.label}", referral

    def referrals(self, label: str) -> list[Referral]:
        case_id = self.office.case(label).id
        with self.office.database.begin(write=False) as session:
            return list(session.scalars(sa.select(Referral).where(Referral.case_id == case_id)))

    def events(self, referral: Referral) -> list[str]:
        with self.office.database.begin(write=False) as session:
            query = sa.select(ReferralEvent.verb).where(ReferralEvent.referral_id == referral.id)
            return list(session.scalars(query.order_by(ReferralEvent.seq)))

    def holds(self, label: str) -> None:
        """State and times are the fold of the events."""
        case = self.office.case(label)
        with self.office.database.begin(write=False) as session:
            for referral in session.scalars(sa.select(Referral).where(Referral.case_id == case.id)):
                state, owed = deadline_storage.from_events(session, referral, case)
                assert (state.value, owed.expires_at) == (referral.state, referral.expires_at)


@pytest.fixture
def live(database: Database, tmp_path: Path) -> Iterator[Live]:
    founded, time, bound = found(database, desk.founded_office), Time(), free_port()
    keys, secrets = copy.deepcopy(founded.keys), dict(founded.secrets)
    settings = Settings(var=tmp_path / "var", worker_in_web=False, base_url=address(bound))
    app = create_app(settings, database=database, keys=keys, clock=time)
    with ExitStack() as lines, served(app, bound) as base:
        client = Line(lines.enter_context(httpx.Client(base_url=base, timeout=60)))
        office = StaffSite(app, client, database, keys, time, secrets)  # type: ignore[arg-type]
        yield Live(office, base, tmp_path / "var", lines)


def race(*acts: Callable[[], Page]) -> list[int]:
    """The answers of acts that start at the same moment."""
    return [page.status for page in together(*acts)]


def withdraw_of(live: Live, label: str, referral: Referral, page: Page, by: Browser) -> Callable[[], Page]:
    action = f"/desk/cases/{label}/referrals/{referral.label}/withdraw"
    return partial(by.submit, page, action, reason="better_option")


def test_accept_after_revoke(live: Live) -> None:
    """The centre presses accept on a page from before the desk withdrew."""
    label, path, referral = live.offered()
    partner, vera = live.as_("partner"), live.as_("vera")
    old = partner.get(path)
    assert withdraw_of(live, label, referral, vera.get(f"/desk/cases/{label}"), vera)().status == 303
    late = partner.submit(old, f"{path}/accept")
    assert late.status == 412
    assert "withdrawn" in late.words()
    assert live.events(referral) == ["create", "offer", "withdraw"]
    live.holds(label)


def test_revoke_after_accept(live: Live) -> None:
    """The desk presses withdraw on a page from before the centre accepted; and both at once."""
    label, path, referral = live.offered()
    partner, vera = live.as_("partner"), live.as_("vera")
    old = vera.get(f"/desk/cases/{label}")
    assert partner.submit(partner.get(path), f"{path}/accept").status == 303
    assert withdraw_of(live, label, referral, old, vera)().status == 412
    assert live.events(referral) == ["create", "offer", "accept"]
    for _ in range(ROUNDS):
        label, path, referral = live.offered()
        seen, page = partner.get(path), vera.get(f"/desk/cases/{label}")
        got = race(partial(partner.submit, seen, f"{path}/accept"), withdraw_of(live, label, referral, page, vera))
        assert sorted(got) in ([303, 409], [303, 412]), got
        assert live.referrals(label)[0].state == ("accepted" if got[0] == 303 else "withdrawn")
        live.holds(label)


def test_double_pending_offer_to_one_organisation(live: Live) -> None:
    """Two tabs of one coordinator send the same referral."""
    for _ in range(ROUNDS):
        label, _receipt = live.office.file()
        tabs = live.as_("vera"), live.as_("vera")
        path = f"/desk/cases/{label}/refer"
        pages = [tab.get(f"{path}?service={ONE}/legal-help") for tab in tabs]
        got = race(*(partial(tab.submit, page, path, by_hand="yes") for tab, page in zip(tabs, pages, strict=True)))
        assert sorted(got) in ([303, 409], [303, 412]), got
        assert [one.state for one in live.referrals(label)] == ["offered"]
        live.holds(label)


def test_decline_while_accepting(live: Live) -> None:
    """Two people of one centre, one page."""
    for _ in range(ROUNDS):
        label, path, referral = live.offered()
        one, two = live.as_("partner"), live.as_("partner")
        pages = one.get(path), two.get(path)
        got = race(
            partial(one.submit, pages[0], f"{path}/accept"),
            partial(two.submit, pages[1], f"{path}/decline", reason="other"),
        )
        assert sorted(got) in ([303, 409], [303, 412]), got
        assert live.events(referral)[2:] == (["accept"] if got[0] == 303 else ["decline"])
        live.holds(label)


def test_expire_while_accepting(live: Live) -> None:
    """The centre answers in the minute in which its time runs out: it has the case, or the next-best has."""
    for _ in range(ROUNDS):
        label, path, referral = live.offered()
        partner = live.as_("partner")
        expires = live.referrals(label)[0].expires_at
        assert expires is not None
        live.office.time.at = expires + timedelta(seconds=1)
        partner = live.as_("partner")
        page = partner.get(path)
        settings = Settings(var=live.var)
        clock = Worker(
            under(live.office.database, DatabaseRole.WORKER), live.office.keys, load_packs(), settings, live.office.time
        )
        got = together(partial(partner.submit, page, f"{path}/accept"), clock.run_once)
        assert got[0].status in {303, *LOST}
        state = live.referrals(label)[0].state
        assert state == ("accepted" if got[0].status == 303 else "expired")
        assert len([verb for verb in live.events(referral) if verb in {"accept", "expire"}]) == 1
        live.holds(label)
        live.office.time.at = START


def test_withdraw_while_reading_the_sealed_part(live: Live) -> None:
    """The centre opens the story while the desk takes the case back: it was read and noted before, or not at all."""
    for _ in range(ROUNDS):
        label, path, referral = live.offered()
        partner, vera = live.as_("partner"), live.as_("vera")
        partner.submit(partner.get(path), f"{path}/accept")
        seen, page = partner.get(path), vera.get(f"/desk/cases/{label}")
        read, taken = together(
            partial(partner.submit, seen, f"{path}/show"),
            withdraw_of(live, label, referral, page, vera),
        )
        assert taken.status == 303
        assert read.status in {200, 409}
        assert (STORY in read.text) == (read.status == 200)
        assert (live.referrals(label)[0].read_at is not None) == (read.status == 200)
        again = partner.submit(seen, f"{path}/show")
        assert again.status == 409
        assert STORY not in again.text
        live.holds(label)


def test_two_coordinators_refer_at_once(live: Live) -> None:
    """Each to another centre: one is told that a colleague was faster, and the case is put to one centre only."""
    for _ in range(ROUNDS):
        label, _receipt = live.office.file(consent={"mode": "named", "organisations": [ONE, TWO]})
        vera, pavel = live.as_("vera"), live.as_("pavel")
        path = f"/desk/cases/{label}/refer"
        one, two = vera.get(f"{path}?service={ONE}/legal-help"), pavel.get(f"{path}?service={TWO}/legal-help")
        got = race(partial(vera.submit, one, path, by_hand="yes"), partial(pavel.submit, two, path, by_hand="yes"))
        assert sorted(got) in ([303, 409], [303, 412]), got
        assert [referral.state for referral in live.referrals(label)] == ["offered"]
        live.holds(label)


def test_partner_paused_while_accepting(live: Live) -> None:
    """Pausing stops new offers; what was offered already may still be accepted, and is."""
    for _ in range(ROUNDS):
        label, path, _referral = live.offered()
        partner = live.as_("partner")
        page = partner.get(path)

        def pause() -> None:
            with live.office.database.begin() as session:
                until = live.office.time.at + timedelta(days=30)
                session.execute(sa.update(Organisation).where(Organisation.slug == ONE).values(paused_until=until))

        got = together(partial(partner.submit, page, f"{path}/accept"), pause)
        assert got[0].status == 303
        assert live.referrals(label)[0].state == "accepted"
        other, _receipt = live.office.file()
        refused = live.as_("vera")
        page = refused.get(f"/desk/cases/{other}/refer?service={ONE}/legal-help")
        assert refused.submit(page, f"/desk/cases/{other}/refer").status == 409
        with live.office.database.begin() as session:
            session.execute(sa.update(Organisation).values(paused_until=None))
