"""Two at once on PostgreSQL, in two transactions that meet: each thing happens once, and never are the last two both removed."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.core import keyholders
from app.core.db import Database
from app.core.errors import Conflict, IllegalMove, NotFound
from app.core.ids import named_id
from app.directory import availability
from app.directory.edits import Editor
from app.directory.models import ServicePause
from app.referrals import change_feed
from app.staff import invitations, members, proposals
from app.staff import service as staff
from app.staff.models import Member, Proposal, Role
from app.staff.proposal_rules import ProposalKind
from app.staff.proposal_states import ProposalVerb
from app.staff.sessions import SignedIn
from app.webhooks import delivery as webhooks
from app.webhooks import service as webhook_service
from app.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.support.cases import together
from tests.support.desk import ONE, PASSPHRASE, START, StaffSite, running
from tests.support.races import meet_at

SERVICE = f"{ONE}/legal-help"


@pytest.fixture
def office(postgres_database: Database, tmp_path: Path) -> Iterator[StaffSite]:
    with running(postgres_database, tmp_path / "var") as started:
        yield started


def colleague_of(office: StaffSite, name: str) -> str:
    """A second member in the same place."""
    with office.database.begin() as session:
        like = session.scalars(sa.select(Member).where(Member.name == name)).one()
        staff.add_member(
            session, office.keys, f"second-{name}", Role(like.role), PASSPHRASE, START,
            team_id=like.team_id, organisation_id=like.organisation_id,
        )  # fmt: skip
    return f"second-{name}"


def signed_in(office: StaffSite, name: str) -> SignedIn:
    with office.database.begin(write=False) as session:
        row = session.scalars(sa.select(Member).where(Member.name == name)).one()
        return SignedIn(
            row.id, name, Role(row.role), row.team_id, row.organisation_id, row.key_id, bytes(32), "binding", office.time.at
        )  # fmt: skip


def tried(office: StaffSite, act: Any, *args: Any, **named: Any) -> Any:
    with office.database.begin() as session:
        return act(session, *args, **named)


@pytest.mark.parametrize("name", ["admin", "partner"])
def test_of_the_last_two_who_deactivate_each_other_one_stays(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    one, other = signed_in(office, name), signed_in(office, colleague_of(office, name))
    with office.database.begin() as session:  # the partner's key: both hold it, so that neither is its last holder
        session.execute(sa.delete(keyholders.KeyGrant))
    meet_at(monkeypatch, members, "_refuse_the_last")
    got = together(
        lambda: tried(office, members.deactivate, one, other.member_id, office.time.at),
        lambda: tried(office, members.deactivate, other, one.member_id, office.time.at),
    )
    assert sorted(type(each) for each in got if each is not None) == [Conflict]
    with office.database.begin(write=False) as session:
        left = session.scalars(
            sa.select(Member.id).where(Member.active, Member.id.in_([one.member_id, other.member_id]))
        )
        assert len(left.all()) == 1
        gone = sa.select(sa.func.count()).where(AuditEntry.action == "member:deactivated")
        assert session.scalar(gone) == 1


def test_who_was_deactivated_a_moment_ago_deactivates_nobody(office: StaffSite) -> None:
    """Also where others are left: their session was read before it ended."""
    admin, second, third = (
        signed_in(office, each)
        for each in ("admin", colleague_of(office, "admin"), colleague_of(office, "second-admin"))
    )
    tried(office, members.deactivate, second, admin.member_id, office.time.at)
    with pytest.raises(Conflict):
        tried(office, members.deactivate, admin, third.member_id, office.time.at)
    with office.database.begin(write=False) as session:
        assert session.get_one(Member, third.member_id).active


def test_a_code_is_used_once(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of somebody who comes back: no unique name would stop the second."""
    with office.database.begin() as session:
        vera = session.scalars(sa.select(Member).where(Member.name == "vera")).one()
        code = invitations.invite_back(session, office.keys, vera, by=None, now=office.time.at)
    seeds = [staff.seal_seed(office.keys, vera.id, PASSPHRASE) for _ in range(2)]
    meet_at(monkeypatch, invitations, "_renewed")
    got = together(
        *(
            lambda seed=seed: tried(
                office, invitations.accept, office.keys, code, seed, "JBSWY3DPEHPK3PXP", office.time.at
            )
            for seed in seeds
        )
    )
    assert sorted(isinstance(each, NotFound) for each in got) == [False, True]
    with office.database.begin(write=False) as session:
        returned = sa.select(sa.func.count()).where(AuditEntry.action == "member:returned")
        assert session.scalar(returned) == 1


def proposed(office: StaffSite, **more: Any) -> UUID:
    with office.database.begin() as session:
        row = Proposal(
            id=uuid4(), kind=ProposalKind.BULK_EXPORT, state="open", codes={}, proposed_by=signed_in(office, "sofia").member_id,
            proposed_at=office.time.at, expires_at=office.time.at + timedelta(days=3), **more,
        )  # fmt: skip
        session.add(row)
        return row.id


def notes(office: StaffSite, action: str) -> int:
    with office.database.begin(write=False) as session:
        return session.scalar(sa.select(sa.func.count()).where(AuditEntry.action == action)) or 0


def test_a_proposal_is_decided_once(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    about, admins = proposed(office), [signed_in(office, "admin"), signed_in(office, colleague_of(office, "admin"))]
    meet_at(monkeypatch, proposals, "next_state")
    got = together(
        lambda: tried(office, proposals.decide, admins[0], about, ProposalVerb.DECLINE, office.time.at),
        lambda: tried(office, proposals.decide, admins[1], about, ProposalVerb.DECLINE, office.time.at),
    )
    assert sorted(isinstance(each, IllegalMove) for each in got) == [False, True]
    assert notes(office, "proposal:decline") == 1


def test_a_proposal_expires_once_and_no_worker_waits_for_another(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed(office)
    office.later(days=4)
    meet_at(monkeypatch, proposals, "next_state")
    got = together(*[lambda: tried(office, proposals.expire, office.time.at)] * 2)
    assert sorted(got) == [0, 1]
    assert notes(office, "proposal:expired") == 1


def endpoint(office: StaffSite) -> WebhookEndpoint:
    return WebhookEndpoint(
        organisation_id=named_id("organisation", ONE), url="https://partner.example/", types=[], state="active",
        signature="v1", secret=b"", position=0, created_at=office.time.at, updated_at=office.time.at,
    )  # fmt: skip


def test_a_delivery_is_claimed_once(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    with office.database.begin() as session:
        row = endpoint(office)
        session.add(row)
        session.flush()
        session.add(
            WebhookDelivery(
                endpoint_id=row.id,
                event_id=uuid4(),
                type="test",
                happened_at=office.time.at,
                state="waiting",
                due_at=office.time.at,
                attempts=0,
                created_at=office.time.at,
            )
        )
    monkeypatch.setattr(webhook_service, "secrets_of", lambda *_given: [bytes(32)])
    meet_at(monkeypatch, webhook_service, "secrets_of")
    got = together(*[lambda: tried(office, webhooks.claim, office.keys, office.time.at)] * 2)
    assert sorted(len(each) for each in got) == [0, 1]
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(WebhookDelivery.attempts)).all() == [1]


def test_an_event_becomes_one_delivery(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two workers one reads the feed for an endpoint; the other leaves the endpoint to it."""
    from tests.web.test_desk_case import referred

    label, _receipt = office.file()
    assert referred(office, label, office.as_("vera")).status == 303
    with office.database.begin() as session:
        session.add(endpoint(office))
        change_feed.place_events(session)
    meet_at(monkeypatch, change_feed, "read_events")
    got = together(*[lambda: tried(office, webhooks.create_deliveries, office.time.at)] * 2)
    assert min(got) == 0 < max(got)
    with office.database.begin(write=False) as session:
        events = session.scalars(sa.select(WebhookDelivery.event_id)).all()
    assert len(events) == len(set(events)) == max(got)


def test_each_of_two_new_secrets_has_a_version_of_its_own(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret that is stored opens under the version that is stored with it."""
    with office.database.begin() as session:
        row = endpoint(office)
        session.add(row)
        session.flush()
        endpoint_id, before = row.id, row.secret_version
    owner = webhook_service.Owner(named_id("organisation", ONE), "a-program")
    meet_at(monkeypatch, webhook_service.signing, "new_secret")
    got = together(
        *[lambda: tried(office, webhook_service.renew_secret, office.keys, owner, endpoint_id, office.time.at)] * 2
    )
    secrets = {secret for _endpoint, secret in got}
    assert len(secrets) == 2
    with office.database.begin(write=False) as session:
        stored = session.get_one(WebhookEndpoint, endpoint_id)
        assert stored.secret_version == before + 2
        assert webhook_service.secrets_of(office.keys, stored, office.time.at)[0] in secrets


def test_two_pauses_of_one_kind_are_one(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    by, until = Editor(signed_in(office, "vera").member_id, "desk"), office.time.at.date() + timedelta(days=7)
    meet_at(monkeypatch, availability, "_day")
    together(*[lambda: tried(office, availability.pause_service, SERVICE, until, by=by, now=office.time.at)] * 2)
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(ServicePause.until)).all() == [until]
