"""Two of everything, in the same place: what is read, changed or deleted for one is not the other's.

Each function here is asked for one of two cases, organisations, members or forms that differ in nothing but their ids.
"""

from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app import audit
from app.audit import queries as audit_queries
from app.audit.queries import EntryFilter
from app.cases import undo
from app.cases.models import Case, CaseUndo, HouseholdMember, SealedPart
from app.casework import households, partner_access
from app.conflicts import service as conflicts
from app.conflicts.models import ConflictEntry, ConflictTrace, Exclusion
from app.core import keyholders
from app.core.db import Database
from app.core.keyholders import OwnerKind
from app.core.sealing import KeyPair
from app.directory import availability
from app.directory.edits import Editor
from app.directory.models import ServicePause
from app.intake import drafts
from app.intake.drafts import Draft
from app.messaging import broken_ways, member_settings, recipients, telegram_links
from app.messaging.models import MemberNotices, PartnerNotices, PersonNotices, TelegramLink
from app.messaging.recipients import NoticeSettings
from app.operations import status
from app.partners.models import OAuthClient
from app.referrals import partner_queries, personal_data, queries
from app.referrals.states import LIVE, MAY_OPEN, ReferralState, ReferralVerb
from app.staff import organisation_keys, passkeys, recovery, rota, sessions
from app.staff.models import Member, Proposal, StaffSession
from app.staff.passkeys import Passkey
from app.webhooks import reachability
from tests.service.test_desk_races import colleague_of, signed_in
from tests.support.cases import ONE, TWO, Scene, organisation, partner, set_scene
from tests.support.desk import ONE as CENTRE
from tests.support.desk import StaffSite
from tests.support.told import member


@pytest.fixture
def scene(database: Database) -> Scene:
    return set_scene(database)


def test_referrals_are_read_and_locked_for_one_case_and_one_organisation(scene: Scene) -> None:
    one, other = scene.accepted(ONE), scene.offered(TWO)
    scene.act(other, ReferralVerb.DECLINE, partner(TWO), reason="conflict")
    first, second = scene.row(one).case_id, scene.row(other).case_id
    with scene.write() as session:
        every = list(ReferralState)
        assert queries.organisations_in(session, first, every) == {organisation(ONE)}
        assert queries.organisations_in(session, second, every) == {organisation(TWO)}
        assert queries.organisations_in(session, second, MAY_OPEN) == frozenset()
        assert queries.excluded_organisations(session, first) == frozenset()
        assert queries.excluded_organisations(session, second) == {TWO}
        assert [row.id for row in queries.lock_live_referrals(session, first)] == [one]
        assert queries.lock_live_referrals(session, second) == []
        assert queries.lock_live_referrals(session, first, LIVE - {ReferralState.ACCEPTED}) == []
        assert queries.has_accepted(session, first, organisation(ONE))
        assert not queries.has_accepted(session, first, organisation(TWO))
        assert not queries.has_accepted(session, second, organisation(ONE))
        assert personal_data.referral_ids(session, first) == [one]
        assert partner_queries.counts(session, organisation(ONE)) == Counter({ReferralState.ACCEPTED: 1})
        assert partner_queries.counts(session, organisation(TWO)) == Counter({ReferralState.DECLINED: 1})
        assert partner_access.count_messages(session, first) == partner_access.count_messages(session, second) == 0
        for seq in range(2):
            session.add(
                SealedPart(case_id=first, part="thread", seq=seq + 1, ciphertext=b"x", version=1, author="person")
            )
        session.flush()
        assert partner_access.count_messages(session, first) == 2
        assert partner_access.count_messages(session, second) == 0


def test_addresses_are_marked_moved_and_forgotten_for_one(scene: Scene) -> None:
    people = [scene.case(ONE), scene.case(ONE)]
    vera, pavel = member(scene, "vera"), member(scene, "pavel")
    with scene.write() as session:
        for slug in (ONE, TWO):
            settings = NoticeSettings(f"{slug}@example.org")
            recipients.save_notice_settings(
                session, scene.keys, organisation(slug), settings, zone="Europe/Warsaw", version=0, now=scene.now
            )
        for case_id in people:
            session.add(PersonNotices(case_id=case_id, zone="Europe/Warsaw", language="ru", how=b"x"))
            session.add(
                TelegramLink(
                    case_id=case_id, token_mac=case_id.bytes * 2, may_say_who=False, good_hours=[], zone="Europe/Warsaw",
                    language="ru", expires_at=scene.now + timedelta(hours=1),
                )
            )  # fmt: skip

    def refused() -> list[bool]:
        with scene.write() as session:
            of_partners = {row.organisation_id: row.failed_at for row in session.scalars(sa.select(PartnerNotices))}
            of_members = {row.member_id: row.failed_at for row in session.scalars(sa.select(MemberNotices))}
        found = of_partners[organisation(ONE)], of_partners[organisation(TWO)], of_members[vera], of_members[pavel]
        return [one is not None for one in found]

    with scene.write() as session:
        broken_ways.of_organisation(session, organisation(ONE), scene.now, permanent=True)
        broken_ways.of_member(session, vera, scene.now, permanent=True)
    assert refused() == [True, False, True, False]
    with scene.write() as session:
        broken_ways.of_organisation(session, organisation(TWO), scene.now, permanent=True)
        broken_ways.of_member(session, pavel, scene.now, permanent=True)
        recipients.mark_reached(session, organisation(ONE), scene.now)
        member_settings.mark_reached(session, vera, scene.now)
    assert refused() == [False, True, False, True]
    with scene.write() as session:
        assert set(member_settings.rows(session, [vera])) == {vera}
        recipients.set_time_zone(session, people[0], "Europe/Berlin")
        zones = {row.case_id: row.zone for row in session.scalars(sa.select(PersonNotices))}
        assert zones == {people[0]: "Europe/Berlin", people[1]: "Europe/Warsaw"}
        telegram_links.forget(session, people[0])
        assert session.scalars(sa.select(TelegramLink.case_id)).all() == [people[1]]
        recipients.forget(session, people[0])
        assert session.scalars(sa.select(PersonNotices.case_id)).all() == [people[1]]
        assert session.scalars(sa.select(TelegramLink.case_id)).all() == [people[1]]
        member_settings.forget(session, vera)
        assert session.scalars(sa.select(MemberNotices.member_id)).all() == [pavel]


def test_who_is_told_by_a_program_is_each_organisation_by_itself(scene: Scene) -> None:
    both = [organisation(ONE), organisation(TWO)]
    with scene.write() as session:
        assert reachability.notified(session, both, scene.now) == set(both)
        assert reachability.notified(session, both[:1], scene.now) == {both[0]}
        assert reachability.notified(session, [], scene.now) == frozenset()
        session.execute(sa.update(OAuthClient).where(OAuthClient.organisation_id == both[0]).values(active=False))
        assert reachability.notified(session, both, scene.now) == {both[1]}


def test_a_household_ends_with_its_last_two_and_another_stays(scene: Scene) -> None:
    one, two, other = (scene.case(ONE) for _ in range(3))
    mine, theirs = uuid4(), uuid4()
    with scene.write() as session:
        session.add_all(
            HouseholdMember(case_id=case_id, household_id=household, joined_at=scene.now)
            for case_id, household in ((one, mine), (two, mine), (other, theirs))
        )
        session.flush()
        households.forget(session, one)
        assert session.scalars(sa.select(HouseholdMember.case_id)).all() == [other]


def test_a_list_is_cleared_and_compared_for_one_organisation(scene: Scene) -> None:
    person, both = scene.case(ONE), [organisation(ONE), organisation(TWO)]
    alike, unlike = b"a" * 32, b"b" * 32
    with scene.write() as session:
        session.execute(sa.delete(ConflictTrace))
        for owner, mac in ((both[0], alike), (both[1], unlike)):
            session.add(ConflictEntry(organisation_id=owner, mac=mac, case_id=None, added_on=scene.now))
        session.add(ConflictTrace(case_id=person, organisation_id=both[1], mac=alike))
        session.flush()
        conflicts.note_hits(session)
        assert session.scalars(sa.select(Exclusion.organisation_id)).all() == [], "another organisation's list"
        session.add(ConflictTrace(case_id=person, organisation_id=both[0], mac=alike))
        session.flush()
        conflicts.note_hits(session)
        conflicts.note_hits(session)
        assert session.scalars(sa.select(Exclusion.organisation_id)).all() == [both[0]]
        conflicts.clear(session, both[0])
        assert session.scalars(sa.select(ConflictEntry.organisation_id)).all() == [both[1]]
        assert [conflicts.uploaded_count(session, owner) for owner in both] == [0, 1]


def test_of_two_unfinished_forms_one_is_renewed(scene: Scene) -> None:
    hour = timedelta(hours=1)
    with scene.write() as session:
        for secret in ("mine", "theirs"):
            drafts.save(session, secret, {"name": secret}, scene.now, hour)
        drafts.renew(session, "mine", "next", {"name": "mine"}, scene.now, hour)
        ends = {row.id: row.expires_at for row in session.scalars(sa.select(Draft))}
    assert ends[drafts._id("theirs")] == ends[drafts._id("next")] == scene.now + hour
    assert ends[drafts._id("mine")] == scene.now + drafts.RESENT_WITHIN


def test_undo_is_offered_to_who_did_it_and_while_nothing_else_happened(scene: Scene) -> None:
    vera, pavel, cases = member(scene, "vera"), member(scene, "pavel"), [scene.case(ONE), scene.case(ONE)]
    with scene.write() as session:
        rows = [session.get_one(Case, case_id) for case_id in cases]
        for row in rows:
            session.add(
                CaseUndo(case_id=row.id, member_id=vera, act="take", version=row.version, before={}, at=scene.now)
            )
        session.flush()
        assert [found.case_id for row in rows if (found := undo.latest(session, row, vera))] == cases
        assert undo.latest(session, rows[0], pavel) is None
        rows[0].version += 1
        assert undo.latest(session, rows[0], vera) is None
        undo.forget(session, cases[0])
        assert session.scalars(sa.select(CaseUndo.case_id)).all() == [cases[1]]


def test_a_member_ends_one_session_of_their_own(office: StaffSite) -> None:
    for name in ("vera", "vera", "pavel"):
        office.as_(name)
    vera, pavel = signed_in(office, "vera").member_id, signed_in(office, "pavel").member_id

    def left() -> Counter[UUID]:
        with office.database.begin(write=False) as session:
            return Counter(session.scalars(sa.select(StaffSession.member_id)))

    with office.database.begin() as session:
        ids = {row.id: row.member_id for row in session.scalars(sa.select(StaffSession))}
        theirs = next(one for one, owner in ids.items() if owner == pavel)
        mine = next(one for one, owner in ids.items() if owner == vera)
        sessions.end_session(session, vera, theirs)
    assert left() == Counter({vera: 2, pavel: 1})
    with office.database.begin() as session:
        sessions.end_session(session, vera, mine)
    assert left() == Counter({vera: 1, pavel: 1})


def test_members_and_keys_are_those_of_one_team_or_organisation(office: StaffSite) -> None:
    second = colleague_of(office, "other-partner")
    vera, outsider, partner_ = (signed_in(office, name) for name in ("vera", "outsider", "partner"))
    assert vera.team_id is not None
    assert outsider.team_id is not None
    assert partner_.organisation_id is not None
    with office.database.begin() as session:
        assert [name for _id, name in rota.members_of(session, vera.team_id)] == ["pavel", "sofia", "vera"]
        assert [name for _id, name in rota.members_of(session, outsider.team_id)] == ["outsider"]
        active = organisation_keys._active_members(session, partner_.organisation_id)
        assert [row.name for row in active] == ["partner"]
        assert second not in {row.name for row in active}
        keyholders.register(session, OwnerKind.TEAM, outsider.team_id, KeyPair.generate().public, office.time.at)
        found = {key.team: key.version for key in status.read_status(session, office.keys, office.time.at).team_keys}
    assert found == {"Poland": 1, "Georgia": 2}


def test_the_recovery_key_gives_a_member_their_own_teams_key_alone(office: StaffSite) -> None:
    vera, outsider = signed_in(office, "vera"), signed_in(office, "outsider")
    with office.database.begin() as session:
        row, seed = recovery.create_key(session, office.time.at)
        for owner in (vera.team_id, outsider.team_id):
            assert owner is not None
            key = keyholders.active_key(session, owner)
            assert key is not None
            keyholders.grant(session, key, bytes(32), row)
        session.execute(sa.delete(keyholders.KeyGrant).where(keyholders.KeyGrant.holder_key_id == vera.key_id))
        assert recovery.grant_to(session, seed, "vera", office.time.at) == 1
        granted = sa.select(keyholders.SealingKey.owner_id).join(
            keyholders.KeyGrant, keyholders.KeyGrant.sealing_key_id == keyholders.SealingKey.id
        )
        mine = session.scalars(granted.where(keyholders.KeyGrant.holder_key_id == vera.key_id)).all()
    assert mine == [vera.team_id]


def test_of_two_pauses_one_is_ended(office: StaffSite) -> None:
    by, until = Editor(signed_in(office, "vera").member_id, "desk"), office.time.at.date() + timedelta(days=3)
    with office.database.begin() as session:
        for language in ("ru", "en"):
            availability.pause_service(
                session, f"{CENTRE}/legal-help", until, by=by, now=office.time.at, language=language
            )
        session.flush()
        first = session.scalars(sa.select(ServicePause).where(ServicePause.language == "ru")).one()
        availability.end_pause(session, first.id, by=by, now=office.time.at)
        session.flush()
        assert session.scalars(sa.select(ServicePause.language)).all() == ["en"]
        assert session.scalars(sa.select(Member.id).where(Member.name == "vera")).one() == by.member_id


def test_passkeys_are_those_of_one_member(office: StaffSite) -> None:
    """A page, a sign-in and a departure of one member know nothing of a colleague's."""
    vera, pavel = signed_in(office, "vera").member_id, signed_in(office, "pavel").member_id
    with office.database.begin() as session:
        for owner in (vera, pavel):
            session.add(
                Passkey(
                    member_id=owner, credential_id=owner.bytes, public_key=b"k", sign_count=0, label="a key",
                    created_at=office.time.at,
                )
            )  # fmt: skip
        session.flush()
        assert [row.member_id for row in passkeys.of_member(session, vera)] == [vera]
        passkeys.forget(session, vera)
        assert [row.member_id for row in passkeys.of_member(session, pavel)] == [pavel]
        assert list(passkeys.of_member(session, vera)) == []


def test_the_log_is_filtered_by_who_did_it_and_to_what(office: StaffSite) -> None:
    with office.database.begin() as session:
        for actor, subject in (("a", "x"), ("b", "x"), ("a", "y")):
            audit.record(
                session, actor_kind="member", actor_id=actor, action="case:looked", subject_kind="case",
                subject_id=subject, now=office.time.at,
            )  # fmt: skip

    def found(**wanted: str) -> list[tuple[str, str]]:
        query = audit_queries._query(EntryFilter(kind="case", **wanted))
        with office.database.begin(write=False) as session:
            return sorted((row.actor_id, row.subject_id) for row in session.scalars(query))

    assert found() == [("a", "x"), ("a", "y"), ("b", "x")]
    assert found(actor_id="a") == [("a", "x"), ("a", "y")]
    assert found(subject_id="x") == [("a", "x"), ("b", "x")]
    assert found(actor_id="b", subject_id="y") == []


def test_a_member_is_shown_the_number_of_changes_that_concern_them(office: StaffSite) -> None:
    """One about an organisation, one about the whole network, one about a team, one about a member."""
    people = {
        name: signed_in(office, name) for name in ("vera", "sofia", "outsider", "partner", "other-partner", "admin")
    }
    about: tuple[dict[str, UUID | None], ...] = (
        {"organisation_id": people["partner"].organisation_id},
        {},
        {"team_id": people["outsider"].team_id},
        {"member_id": people["vera"].member_id, "team_id": people["vera"].team_id},
    )
    with office.database.begin() as session:
        for more in about:
            session.add(
                Proposal(
                    kind="bulk_export", state="open", codes={}, proposed_by=people["admin"].member_id,
                    proposed_at=office.time.at, expires_at=office.time.at + timedelta(days=3), **more,
                )
            )  # fmt: skip
    counted = {}
    for name in people:
        secret = office.as_(name).cookies["staff"]
        with office.database.begin(write=False) as session:
            day = timedelta(days=1)
            counted[name] = sessions.signed_in(session, secret, office.time.at, idle=day, max_age=day).changes
    assert counted == {"vera": 1, "sofia": 2, "outsider": 1, "partner": 1, "other-partner": 0, "admin": 1}
