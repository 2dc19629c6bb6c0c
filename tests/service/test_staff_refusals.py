"""What members, keys, proposals and lists are refused, each with its own status: the rules of the verbs, without any page."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app.cases import callback_windows, restriction
from app.cases.callback_windows import CallbackWindow
from app.casework import api_clients, filing
from app.conflicts import service as conflicts
from app.conflicts.models import ConflictEntry
from app.core import keyholders
from app.core.errors import AppError, Conflict, Invalid, NotAllowed
from app.core.ids import named_id
from app.core.keyholders import OwnerKind, SealingKey
from app.core.sealing import KeyPair
from app.directory import availability, edits
from app.directory.edits import Editor
from app.directory.packs import load_packs
from app.intake import drafts
from app.matching import publication
from app.matching.publication import RuleSetVerb
from app.messaging import member_settings, outbox, way_tests
from app.messaging.kinds import NoticeKind
from app.messaging.member_settings import MemberSettings
from app.messaging.models import OutboxMessage
from app.operations import team_keys
from app.partners import oauth_clients, organisations, sandbox_identity
from app.partners.models import OAuthClient
from app.partners.organisations import Organisation
from app.staff import (
    access_changes,
    invitations,
    members,
    organisation_keys,
    passkeys,
    proposal_rules,
    proposals,
    recovery,
    rota,
    seats,
    sessions,
)
from app.staff import service as staff
from app.staff.invitations import Invitee
from app.staff.models import Member, Proposal, Role, StaffSession, Team
from app.staff.passkeys import Passkey, RelyingParty
from app.staff.proposal_rules import ProposalKind, ProposalSubject
from app.staff.proposal_states import ProposalVerb
from app.webhooks import service as webhooks
from app.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.support.authenticator import Authenticator
from tests.support.desk import ONE, PASSPHRASE, TWO
from tests.support.verbs import StaffVerbs

NO_PROPOSAL = (404, "There is no such proposal.")
NO_MEMBER = (404, "There is no such member.")


def propose(verbs: StaffVerbs, by: str, kind: ProposalKind, subject: ProposalSubject, **codes: object) -> Proposal:
    made: Proposal = verbs.do(proposals.propose, verbs.member(by), kind, codes, verbs.time.at, subject)
    return made


# --- members and their keys ------------------------------------------------------------------------------------------


def test_who_is_managed_by_whom(verbs: StaffVerbs) -> None:
    now, ids = verbs.time.at, {name: verbs.member(name).member_id for name in ("admin", "vera", "outsider", "sofia")}
    manage = members.manageable_member
    assert verbs.status(manage, verbs.member("sofia"), ids["outsider"]) == NO_MEMBER
    assert verbs.status(manage, verbs.member("sofia"), ids["sofia"]) == (403, "Somebody else has to do this for you.")
    assert verbs.status(manage, verbs.member("pavel"), ids["vera"])[0] == 403
    assert verbs.do(manage, verbs.member("sofia"), ids["vera"]).name == "vera"
    assert verbs.status(manage, verbs.member("sofia"), ids["admin"]) == NO_MEMBER
    assert verbs.status(manage, verbs.member("auditor"), ids["admin"]) == (
        403,
        "Only an admin may do this for an admin.",
    )
    assert verbs.status(members.deactivate, verbs.member("admin"), ids["admin"], now)[0] == 403
    verbs.change(Member, Member.name == "vera", active=False)
    switched_off = (409, "This member is deactivated.")
    own = verbs.member("vera").key_id
    assert verbs.status(members.grantee, verbs.member("sofia"), ids["vera"], own) == switched_off
    assert verbs.status(access_changes.propose_senior, verbs.member("admin"), ids["vera"], now) == switched_off
    assert verbs.status(members.deactivate, verbs.member("admin"), ids["vera"], now) == (
        409, "This member is already deactivated.",
    )  # fmt: skip


def test_the_last_admin_stays(verbs: StaffVerbs) -> None:
    now = verbs.time.at
    with verbs.database.begin() as session:
        second = staff.add_member(session, verbs.keys, "second", Role.ADMIN, PASSPHRASE, now).member.id
    admin, first = verbs.member("admin"), verbs.member("admin").member_id
    with verbs.database.begin() as session:
        rows = {row.id: row for row in session.scalars(sa.select(Member).where(Member.role == "admin"))}
        members._refuse_the_last(session, rows[first])
        rows[second].active = False
        session.flush()
        with pytest.raises(AppError, match="This is the last admin") as caught:
            members._refuse_the_last(session, rows[first])
        assert caught.value.status == 409
        session.rollback()
    verbs.do(members.deactivate, admin, second, now)


def test_a_seat_is_offered_in_ones_own_place_alone(verbs: StaffVerbs) -> None:
    places = {name: verbs.member(name) for name in ("sofia", "outsider", "partner", "other-partner", "vera")}
    team, other = places["sofia"].team_id, places["outsider"].team_id
    own, another = places["partner"].organisation_id, places["other-partner"].organisation_id
    elsewhere = (403, "You may only invite people to your own team or organisation.")

    def refused(by: str, seat: Invitee) -> tuple[int, str] | None:
        try:
            members.refuse_invitation(verbs.member(by), seat)
        except NotAllowed as error:
            return error.status, str(error)
        return None

    assert refused("sofia", Invitee("new", Role.COORDINATOR, team)) is None
    assert refused("sofia", Invitee("new", Role.COORDINATOR, other)) == elsewhere
    assert refused("partner", Invitee("new", Role.PARTNER, None, own)) is None
    assert refused("partner", Invitee("new", Role.PARTNER, None, another)) == elsewhere
    assert refused("admin", Invitee("new", Role.PARTNER, None, another)) is None
    for by, role in (
        ("vera", Role.COORDINATOR),
        ("sofia", Role.SENIOR),
        ("partner", Role.COORDINATOR),
        ("admin", Role.ADMIN),
    ):
        words = refused(by, Invitee("new", role, team))
        assert words is not None
        assert words[1].startswith("Your role may not invite this role.")
    assert verbs.status(invitations.free_name, " VERA ")[0] == 409
    assert verbs.do(invitations.free_name, " Nina ") == "nina"
    seed = staff.seal_seed(verbs.keys, uuid4(), PASSPHRASE)
    assert verbs.status(staff.enrol, verbs.keys, "Vera", Role.COORDINATOR, seed, "secret", verbs.time.at) == (
        409, "A member with this name exists.",
    )  # fmt: skip


def test_a_passphrase_is_long_and_changed_once(verbs: StaffVerbs) -> None:
    shortest = "x" * staff.MIN_PASSPHRASE
    staff.seal_seed(verbs.keys, uuid4(), shortest)
    with pytest.raises(ValueError, match="at least"):
        staff.seal_seed(verbs.keys, uuid4(), shortest[1:])
    vera = verbs.member("vera")
    seed = staff.seal_seed(verbs.keys, vera.member_id, shortest)

    class Tried:
        salt = b"another salt"

    status, words = verbs.status(staff.change_passphrase, verbs.keys, Tried, seed, verbs.time.at, keep_session=None)
    assert (status, words) == (409, "The passphrase has been changed in the meantime. Sign in again.")


def test_a_session_that_does_not_open_is_none(verbs: StaffVerbs) -> None:
    now, day = verbs.time.at, timedelta(days=1)
    with verbs.database.begin() as session:
        vera = session.scalars(sa.select(Member).where(Member.name == "vera")).one()
        secret = sessions.start(session, vera, bytes(32), now)
    assert verbs.do(sessions.signed_in, secret, now, idle=day, max_age=day).name == "vera"
    assert verbs.refused(sessions.renew, "unknown").status == 401
    verbs.change(StaffSession, sa.true(), sealed_seed=b"x" * 60)
    assert verbs.refused(sessions.signed_in, secret, now, idle=day, max_age=day).status == 401


def test_passkeys_have_an_end_and_count_once(verbs: StaffVerbs) -> None:
    now, vera = verbs.time.at, verbs.member("vera").member_id
    site = RelyingParty("pristan.test", "https://pristan.test")
    with verbs.database.begin() as session:
        for number in range(passkeys.MAX_PASSKEYS):
            session.add(
                Passkey(
                    member_id=vera, credential_id=bytes([number]) * 16, public_key=b"k", sign_count=0, label="x",
                    created_at=now,
                )
            )  # fmt: skip
    add = (passkeys.add, verbs.keys, site)
    assert verbs.status(*add, vera, "{}", "x", "form", now)[0] == 409
    assert verbs.refused(*add, verbs.member("pavel").member_id, "{}", "x", "form", now).status == 422
    with verbs.database.begin() as session:
        one = session.scalars(sa.select(Passkey).limit(1)).one()
        session.delete(one)
    assert verbs.refused(*add, vera, "{}", "x", "form", now).status == 422


def test_a_rota_and_settings_that_a_colleague_changed(verbs: StaffVerbs) -> None:
    desk, now = verbs.desk(), verbs.time.at
    save = (rota.save, desk.team_id, [])
    named = {"zone": "UTC", "by": desk.member.member_id, "now": now}
    assert verbs.refused(*save, **named, version=1).status == 412
    verbs.do(*save, **named, version=0)
    assert verbs.refused(*save, **named, version=0).status == 412
    settings = MemberSettings("vera@example.org")
    own = (member_settings.save, verbs.keys, desk.member.member_id, settings)
    assert verbs.refused(*own, version=1, now=now).status == 412
    verbs.do(*own, version=0, now=now)
    assert verbs.refused(*own, version=0, now=now).status == 412


# --- proposals -------------------------------------------------------------------------------------------------------


def test_who_does_not_decide_about_a_proposal(verbs: StaffVerbs) -> None:
    now, sofia = verbs.time.at, verbs.member("sofia")
    about = propose(
        verbs,
        "admin",
        ProposalKind.NEW_MEMBER,
        ProposalSubject(team_id=sofia.team_id),
        name="nina",
        role="senior",
        place="pl",
    )
    decide = (proposals.decide,)
    assert verbs.status(*decide, verbs.member("outsider"), about.id, ProposalVerb.DECLINE, now) == NO_PROPOSAL
    assert verbs.status(*decide, verbs.member("partner"), about.id, ProposalVerb.DECLINE, now) == NO_PROPOSAL
    assert verbs.status(*decide, verbs.member("auditor"), about.id, ProposalVerb.DECLINE, now) == (
        403, "Your role may not decide about this.",
    )  # fmt: skip
    assert (
        verbs.status(proposals.carry_out, verbs.member("admin"), about.id, ProposalKind.BULK_EXPORT, now) == NO_PROPOSAL
    )
    verbs.change(Member, Member.name == "admin", role="auditor")
    assert verbs.status(proposals.carry_out, verbs.member("admin"), about.id, ProposalKind.NEW_MEMBER, now) == (
        403, "Your role may not propose this.",
    )  # fmt: skip
    verbs.change(Member, Member.name == "admin", role="admin")
    verbs.change(
        Proposal, Proposal.id == about.id, state="approved", ready_at=None, decided_by=sofia.member_id, decided_at=now
    )
    assert verbs.status(proposals.carry_out, verbs.member("admin"), about.id, ProposalKind.NEW_MEMBER, now) == (
        409, "This was approved before such changes had to wait. Propose it again.",
    )  # fmt: skip
    confirm = (*decide, sofia, about.id, ProposalVerb.CONFIRM)
    verbs.change(Proposal, Proposal.id == about.id, ready_at=now + timedelta(seconds=1))
    assert verbs.status(proposals.carry_out, verbs.member("admin"), about.id, ProposalKind.NEW_MEMBER, now)[0] == 409
    with verbs.database.begin() as session:  # sofia holds the team's key
        assert proposal_rules.holds_key_concerned(seats.member_facts(session, now), sofia, about)
    verbs.change(Proposal, Proposal.id == about.id, ready_at=now)
    assert verbs.status(*confirm, now) == (409, "This does not wait any more.")
    verbs.change(Proposal, Proposal.id == about.id, ready_at=now + timedelta(seconds=1))
    verbs.do(*confirm, now)


def test_a_proposal_without_its_subject_changes_nothing(verbs: StaffVerbs) -> None:
    admin = verbs.member("admin")
    with pytest.raises(AppError, match="names no member") as caught:
        access_changes._member_of(Proposal(member_id=None, state="approved"))
    assert caught.value.status == 409
    with verbs.database.begin() as session:
        with pytest.raises(AppError, match="before such changes took two people") as caught:
            access_changes._new_key(session, admin, Proposal(organisation_id=None, state="approved"), verbs.time.at)
        assert caught.value.status == 409


def test_a_code_is_voided_by_who_could_have_stopped_it(verbs: StaffVerbs) -> None:
    now, team = verbs.time.at, verbs.member("sofia").team_id
    about = propose(
        verbs, "admin", ProposalKind.NEW_MEMBER, ProposalSubject(team_id=team), name="nina", role="senior", place="pl"
    )
    void = access_changes.void_code
    no_code = (404, "There is no such code.")
    assert verbs.status(void, verbs.member("admin"), about.id, now) == no_code
    decided = {"decided_by": verbs.member("sofia").member_id, "decided_at": now}
    verbs.change(Proposal, Proposal.id == about.id, state="done", kind=ProposalKind.KEY_GRANT.value, **decided)
    assert verbs.status(void, verbs.member("admin"), about.id, now) == no_code
    verbs.change(Proposal, Proposal.id == about.id, kind=ProposalKind.NEW_MEMBER.value)
    assert verbs.status(void, verbs.member("auditor"), about.id, now) == (403, "Your role may not decide about this.")
    assert verbs.status(void, verbs.member("outsider"), about.id, now) == NO_PROPOSAL
    assert verbs.status(void, verbs.member("vera"), about.id, now)[1].startswith("The code has been used")
    with verbs.database.begin() as session:
        seat = Invitee("nina", Role.SENIOR, team)
        invitations.invite(session, verbs.keys, seat, by=verbs.member("admin").member_id, now=now)
    verbs.do(void, verbs.member("vera"), about.id, now)


def test_a_program_is_proposed_for_a_centre_that_is_there(verbs: StaffVerbs) -> None:
    now, admin = verbs.time.at, verbs.member("admin")
    wanted = (api_clients.propose_program, admin)
    assert verbs.refused(*wanted, "nobody", "program", ["referrals:read"], now).status == 404
    authority = sa.select(Organisation.slug).where(Organisation.kind == "authority").limit(1)
    with verbs.database.begin(write=False) as session:
        slug = session.scalar(authority)
    assert verbs.refused(*wanted, slug, "program", ["referrals:read"], now).status == 422
    verbs.change(Organisation, Organisation.slug == TWO, retired_at=now)
    assert verbs.refused(*wanted, TWO, "program", ["referrals:read"], now).status == 422
    with verbs.database.begin() as session:
        owner = named_id("organisation", ONE)
        oauth_clients.add_client(session, verbs.keys, "program", "p", [], now, organisation_id=owner)
    assert verbs.status(*wanted, ONE, "program", ["referrals:read"], now) == (
        409, "There is already a program with this ID.",
    )  # fmt: skip
    for which in (OAuthClient.active.is_(True), OAuthClient.organisation_id.is_not(None)):
        change = {"active": False} if which is not None and "active" in str(which) else {"active": True}
        verbs.change(OAuthClient, OAuthClient.id == "program", **change)
        done = Proposal(
            codes={"act": "rotate", "client": "program"},
            organisation_id=named_id("organisation", ONE if change == {"active": False} else TWO),
        )
        assert verbs.status(api_clients.carry_out, verbs.keys, done, admin.member_id, now) == (
            409, "This program is switched off.",
        )  # fmt: skip
    assert verbs.status(oauth_clients.add_client, verbs.keys, "program", "p", [], now) == (
        409, "A client with this id exists.",
    )  # fmt: skip
    assert verbs.status(sandbox_identity.add_own_client, verbs.keys, "my-own", now)[1].startswith(
        "There is no sandbox yet"
    )


# --- keys of teams, organisations and the paper ----------------------------------------------------------------------


def test_a_key_is_not_taken_for_another(verbs: StaffVerbs) -> None:
    now, team = verbs.time.at, verbs.desk().team_id
    assert verbs.refused(keyholders.by_id, uuid4()).status == 404
    assert verbs.refused(team_keys.team_by_slug, "nowhere").status == 404
    assert verbs.refused(organisations.by_id, uuid4()).status == 404
    other = verbs.desk("outsider").member.keys_of
    with verbs.database.begin(write=False) as session:
        foreign = {key_id: pair.seed for key_id, pair in other(session).items()}
    not_this = (403, "This does not open the team's current key.")
    assert verbs.status(team_keys.begin, team, foreign, now) == verbs.status(team_keys.begin, team, {}, now) == not_this
    owner, by = named_id("organisation", ONE), verbs.member("partner").member_id
    assert verbs.refused(organisation_keys.register, owner, b"short", by=by, now=now).status == 422
    with verbs.database.begin() as session:
        row, seed = recovery.create_key(session, now)
    assert row.active
    assert verbs.refused(recovery.grant_to, seed, "nobody", now).status == 404
    verbs.change(Member, Member.name == "pavel", active=False)
    assert verbs.refused(recovery.grant_to, seed, "pavel", now).status == 404
    label, _receipt = verbs.file()
    for which in (label, "K-NONE"):
        assert verbs.status(restriction.recover, seed, which, "vera", now) == (
            404, "There is no restricted case with this label.",
        )  # fmt: skip
    verbs.change(SealingKey, SealingKey.owner_id == team, active=False)
    with verbs.database.begin(write=False) as session, pytest.raises(AppError) as caught:
        filing._keys_of(session, team, [])
    assert (caught.value.status, str(caught.value)) == (503, "The team of this country has no key yet.")


def test_the_paper_of_the_first_team_is_not_that_of_the_sandbox(verbs: StaffVerbs) -> None:
    now = verbs.time.at
    with verbs.database.begin() as session:
        row, seed = recovery.create_key(session, now)
        first = session.scalars(sa.select(Team).order_by(Team.created_at, Team.id).limit(1)).one()
        key = keyholders.active_key(session, first.id)
        assert key is not None
        keyholders.grant(session, key, bytes(32), row)
        recovery.check_holds_key_of(session, seed, None)
        session.add(Team(id=named_id("team", "sandbox"), slug="sandbox", name="S", created_at=now - timedelta(days=9)))
        session.flush()
        keyholders.register(session, OwnerKind.TEAM, named_id("team", "sandbox"), KeyPair.generate().public, now)
        recovery.check_holds_key_of(session, seed, None)
        assert recovery.has_team(session)
        later = session.scalars(sa.select(Team).where(Team.id != first.id, Team.slug != "sandbox")).one()
        with pytest.raises(recovery.WrongKey):
            recovery.check_holds_key_of(session, seed, later.id)


# --- lists -----------------------------------------------------------------------------------------------------------


def test_a_conflict_list_has_an_end_and_what_was_declined_is_not_cleared(
    verbs: StaffVerbs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflicts, "MOST_ENTRIES", 3)
    mine, theirs, now = named_id("organisation", ONE), named_id("organisation", TWO), verbs.time.at
    hashes = [bytes([number]) * 32 for number in range(4)]
    label, _receipt = verbs.file()
    verbs.do(conflicts.add, verbs.keys, theirs, hashes[:3], now)
    verbs.do(conflicts.add_case_traces, verbs.case(label).id, mine, now)
    verbs.do(conflicts.add, verbs.keys, mine, hashes[:3], now)
    status, words = verbs.status(conflicts.add, verbs.keys, mine, hashes[3:], now)
    assert (status, words.startswith("A list can have at most 3 entries.")) == (409, True)
    with verbs.database.begin(write=False) as session:
        assert conflicts.uploaded_count(session, mine) == 3, "nothing of it was kept"
        kept = sa.select(sa.func.count()).where(
            ConflictEntry.organisation_id == mine, ConflictEntry.case_id.is_not(None)
        )
        declined = session.scalar(kept)
    assert declined
    verbs.do(conflicts.clear, mine)
    with verbs.database.begin(write=False) as session:
        assert (conflicts.uploaded_count(session, mine), session.scalar(kept)) == (0, declined)
        assert conflicts.uploaded_count(session, theirs) == 3


def test_of_callback_windows_the_full_one_is_full(verbs: StaffVerbs) -> None:
    team, at = verbs.desk().team_id, verbs.time.at + timedelta(days=1)
    with verbs.database.begin() as session:
        rows = [
            CallbackWindow(
                id=uuid4(),
                team_id=team,
                starts_at=at + timedelta(hours=number),
                hours=1,
                places=1,
                taken=taken,
                is_closed=False,
            )
            for number, taken in enumerate((0, 1, 0))
        ]
        session.add_all(rows)
        session.flush()
        free, full, other = (row.id for row in rows)
        gone = uuid4()
        assert callback_windows.full_among(session, [free, full, gone]) == {full, gone}
        assert callback_windows.full_among(session, [other]) == frozenset()
        assert callback_windows.full_among(session, []) == frozenset()


def test_an_endpoint_goes_with_its_own_deliveries(verbs: StaffVerbs) -> None:
    now = verbs.time.at
    with verbs.database.begin() as session:
        ids = [uuid4(), uuid4()]
        for at, which in enumerate(ids):
            session.add(
                 WebhookEndpoint(
                    id=which, organisation_id=named_id("organisation", (ONE, TWO)[at]), url="https://example.org/",
                    types=[], signature="v1", secret=b"x", position=0, created_at=now, updated_at=now,
                )
            )  # fmt: skip
            session.flush()
            session.add(
                WebhookDelivery(
                    endpoint_id=which, event_id=uuid4(), type="test", happened_at=now, state="waiting", attempts=0,
                    due_at=now, created_at=now,
                )
            )  # fmt: skip
        session.flush()
        assert webhooks.delete_endpoints(session, ids[:1]) == 1
        assert session.scalars(sa.select(WebhookEndpoint.id)).all() == ids[1:]
        assert session.scalars(sa.select(WebhookDelivery.endpoint_id)).all() == ids[1:]


# --- the directory, rules, notices, forms ----------------------------------------------------------------------------


def test_what_the_directory_does_not_have_is_not_changed(verbs: StaffVerbs) -> None:
    now, packs = verbs.time.at, load_packs()
    by, until = Editor(verbs.member("vera").member_id, "desk"), now.date() + timedelta(days=3)
    pause = {"by": by, "now": now}
    assert verbs.refused(availability.pause_service, f"{ONE}/none", until, **pause).status == 404
    key = f"{ONE}/legal-help"
    assert verbs.refused(availability.pause_service, key, until, **pause, need="cooking").status == 422
    assert verbs.refused(availability.pause_service, key, until, **pause, need="asylum", language="ru").status == 422
    assert verbs.refused(availability.pause_organisation, "nobody", until, **pause).status == 404
    verbs.change(Organisation, Organisation.slug == TWO, retired_at=now)
    assert verbs.refused(availability.pause_organisation, TWO, until, **pause).status == 404
    named = {"by": by, "now": now}
    assert verbs.refused(edits.propose, packs, "nobody", "phone", "+48 1", **named).status == 404
    assert verbs.refused(edits.propose, packs, ONE, "shoe size", "44", **named).status == 404
    found = packs.organisation(ONE)
    assert found is not None
    from app.directory import fields

    present = fields.read(found, "phone")
    assert verbs.status(edits.propose, packs, ONE, "phone", present, **named) == (
        409, "The directory has this value already.",
    )  # fmt: skip
    assert verbs.refused(edits.propose_several, packs, "nobody", {"phone": "1"}, **named).status == 404
    assert verbs.status(edits.propose_organisation, packs, ONE, {}, **named) == (
        409, "The directory has this organisation already.",
    )  # fmt: skip


def test_what_is_no_set_of_rules(verbs: StaffVerbs) -> None:
    now, by = verbs.time.at, verbs.member("sofia").member_id
    assert verbs.refused(publication.decide, load_packs(), uuid4(), RuleSetVerb.PUBLISH, by=by, now=now).status == 404
    today = now.date()
    for day in (today - timedelta(days=1), today + publication.LATEST + timedelta(days=1)):
        error = verbs.refused(publication.propose, load_packs(), {}, effective_on=day, why="x", by=by, now=now)
        assert error.status == 422
        assert error.extra["errors"][0]["pointer"] == "/effective_on"
    for day in (today, today + publication.LATEST):
        error = verbs.refused(publication.propose, load_packs(), {}, effective_on=day, why=" ", by=by, now=now)
        assert error.extra["errors"][0]["pointer"] == "/why"


def test_notices_go_to_whom_they_are_for(verbs: StaffVerbs) -> None:
    now, vera = verbs.time.at, verbs.member("vera").member_id
    assert verbs.refused(outbox.retry, uuid4(), now).status == 404
    assert verbs.refused(outbox.drop, uuid4(), now).status == 404
    with verbs.database.begin() as session, pytest.raises(ValueError, match="is not for"):
        outbox.queue(session, NoticeKind.REFERRAL_OFFERED, about_id=uuid4(), now=now, team_id=verbs.desk().team_id)
    for _test in range(way_tests.MOST_IN_AN_HOUR):
        verbs.do(way_tests.ask, now, member_id=vera)
        verbs.change(OutboxMessage, sa.true(), state="sent", done_at=now)
    assert verbs.status(way_tests.ask, now, member_id=vera)[0] == 409
    verbs.do(way_tests.ask, now, member_id=verbs.member("pavel").member_id)
    verbs.do(way_tests.ask, now + timedelta(hours=1), member_id=vera)


def test_a_form_that_holds_more_than_fits_is_not_kept(verbs: StaffVerbs) -> None:
    hour = timedelta(hours=1)
    assert verbs.refused(drafts.save, "secret", {"story": "x" * drafts.MOST_BYTES}, verbs.time.at, hour).status == 413
    verbs.do(drafts.save, "secret", {"story": "x" * 100}, verbs.time.at, hour)


def test_an_endpoint_is_tested_so_often_an_hour(verbs: StaffVerbs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "MAX_TESTS_PER_HOUR", 2)
    now, owners = verbs.time.at, [webhooks.Owner(named_id("organisation", slug), "program") for slug in (ONE, TWO)]
    made = [
        verbs.do(webhooks.add, verbs.keys, owner, "https://example.org/", ["referral.offered"], "v1", now)[0].id
        for owner in owners
    ]
    for _time in range(2):
        verbs.do(webhooks.send_test, owners[0], made[0], now)
    assert verbs.status(webhooks.send_test, owners[0], made[0], now)[0] == 409
    verbs.do(webhooks.send_test, owners[1], made[1], now)
    assert verbs.refused(webhooks.send_test, owners[1], made[0], now).status == 404


def test_a_passkey_is_added_once_with_each_challenge_once(verbs: StaffVerbs) -> None:
    now, vera, pavel = verbs.time.at, verbs.member("vera").member_id, verbs.member("pavel").member_id
    site = RelyingParty("pristan.test", "https://pristan.test")
    device = Authenticator(site.origin)

    def made(who: UUID) -> str:
        challenge = passkeys.challenge(verbs.keys, "form", now)
        return device.make(passkeys.options_for_new(site, who, "x", [], challenge))

    def add(who: UUID, answer: str, bound_to: str = "form", at: datetime = now) -> None:
        verbs.do(passkeys.add, verbs.keys, site, who, answer, "x", bound_to, at)

    first = made(vera)
    for bound_to, at in (("another form", now), ("form", now + timedelta(hours=1, seconds=1))):
        with pytest.raises(Invalid):
            add(vera, first, bound_to, at)
    add(vera, first, at=now + timedelta(hours=1))
    with pytest.raises(Invalid):
        add(pavel, first)
    with pytest.raises(Conflict, match="known already"):
        add(pavel, made(pavel))
