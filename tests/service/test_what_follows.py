"""What a verb does besides: needs and tasks of merged cases, visits that end, traces that are joined, times that near or pass.

Each with a second one beside it that stays as it was.
"""

from datetime import timedelta
from uuid import uuid4

import sqlalchemy as sa

from app import audit
from app.cases import rewrapping
from app.cases.appointments import Appointment, OfferedTimes
from app.cases.models import Case, CaseNeed
from app.casework import (
    appointment_offers,
    broken_addresses,
    by_link,
    case_closing,
    case_merges,
    referral_actions,
    referral_threads,
    search,
    shown_codes,
)
from app.conflicts import service as conflicts
from app.conflicts.models import ConflictTrace
from app.core import keyholders
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.sealing import KeyPair
from app.directory.packs import load_packs
from app.links.models import ReferralLink, ShownCode
from app.links.service import NewLink, hash_of
from app.messaging import member_settings
from app.messaging.models import OutboxMessage
from app.operations import team_keys
from app.referrals import threads
from app.referrals.actors import ActorRef
from app.referrals.models import FeedEvent
from app.referrals.states import ReferralActor, ReferralVerb
from app.referrals.thread_models import ReferralMessageExport
from app.tasks.models import Task
from tests.support.desk import ONE, TWO
from tests.support.verbs import AGREED, StaffVerbs


def needs_of(verbs: StaffVerbs, label: str) -> dict[str, str]:
    with verbs.database.begin(write=False) as session:
        rows = session.scalars(sa.select(CaseNeed).where(CaseNeed.case_id == verbs.case(label).id))
        return {row.need: row.state for row in rows}


def open_tasks(verbs: StaffVerbs, label: str) -> set[str]:
    with verbs.database.begin(write=False) as session:
        which = Task.case_id == verbs.case(label).id, Task.done_at.is_(None)
        return set(session.scalars(sa.select(Task.kind).where(*which)))


def test_the_waiting_needs_of_a_merged_case_come_and_go_with_it(verbs: StaffVerbs) -> None:
    (one, _r), (into, _r), (third, _r) = verbs.file(needs=["asylum", "housing"]), verbs.file(), verbs.file()
    desk = verbs.desk()
    verbs.do(case_merges.merge, desk, one, verbs.case(one).version, into)
    assert needs_of(verbs, into) == {"asylum": "open", "housing": "open"}
    assert "find_next" in open_tasks(verbs, into)
    assert needs_of(verbs, third) == {"asylum": "open"}
    verbs.change(CaseNeed, sa.and_(CaseNeed.case_id == verbs.case(into).id, CaseNeed.need == "asylum"), state="helped")
    verbs.do(case_merges.unmerge, desk, one, verbs.case(one).version)
    assert needs_of(verbs, into) == {"asylum": "helped"}
    assert needs_of(verbs, one) == {"asylum": "open", "housing": "open"}
    assert "find_next" not in open_tasks(verbs, into)


def test_the_last_need_that_nobody_could_help_with_leaves_a_task(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file(consent={"mode": "named", "organisations": []})
    verbs.do(case_closing.end_need, verbs.desk(), label, verbs.case(label).version, "asylum", "unmet")
    assert verbs.case(label).state == "unmet"
    assert "unmet" in open_tasks(verbs, label)


def test_of_two_visits_one_ends(verbs: StaffVerbs) -> None:
    now, desk, cookies = verbs.time.at, verbs.desk(), ("mine", "theirs")
    for cookie in cookies:
        label, _receipt = verbs.file(consent=AGREED)
        referral = verbs.refer(label)
        made = NewLink(uuid4(), f"token-{cookie}", "code", bytes(32))
        verbs.do(by_link.send, desk, label, referral.label, referral.version, made, by_mail=False)
        assert verbs.do(by_link.try_code, verbs.keys, made.token, cookie, made.kek, now)
    assert all(verbs.do(by_link.look, verbs.keys, cookie, now) for cookie in cookies)
    verbs.do(by_link.end_visit, "mine")
    assert verbs.do(by_link.look, verbs.keys, "mine", now) is None
    assert verbs.do(by_link.look, verbs.keys, "theirs", now) is not None
    hour = timedelta(hours=1)
    assert verbs.do(by_link.look, verbs.keys, "theirs", now + hour - timedelta(seconds=1)) is not None
    assert verbs.do(by_link.look, verbs.keys, "theirs", now + hour) is None
    with verbs.database.begin(write=False) as session:
        assert session.scalars(sa.select(ReferralLink.visit_id).where(ReferralLink.visit_id.is_not(None))).all() == [
            hash_of("theirs")
        ]


def test_a_trace_that_was_stored_twice_is_joined_and_the_others_stay(verbs: StaffVerbs) -> None:
    cases = [verbs.case(verbs.file()[0]).id for _case in range(2)]
    owners, macs = [named_id("organisation", slug) for slug in (ONE, TWO)], [b"a" * 32, b"b" * 32]
    with verbs.database.begin() as session:
        session.execute(sa.delete(ConflictTrace))
        session.add_all(
            ConflictTrace(case_id=case, organisation_id=owner, mac=mac)
            for case in cases
            for owner in owners
            for mac in macs
        )
        session.flush()
        former = {"case_id": cases[0], "organisation_id": owners[0], "mac": macs[0]}
        conflicts.merge_traces(session, former, b"hidden")
        left = session.execute(sa.select(ConflictTrace.case_id, ConflictTrace.organisation_id, ConflictTrace.mac)).all()
    everything = {(case, owner, mac) for case in cases for owner in owners for mac in macs}
    assert everything - {tuple(row) for row in left} == {(cases[0], owners[0], macs[0])}


def test_a_near_time_is_told_to_who_offered_it_and_a_passed_one_leaves_a_task(verbs: StaffVerbs) -> None:
    now, (label, _r), (other, _r2) = verbs.time.at, verbs.file(), verbs.file()
    referral = verbs.refer(label, f"{ONE}/legal-help")
    by = ActorRef(ReferralActor.PARTNER, verbs.member("partner").member_id, named_id("organisation", ONE))
    verbs.do(referral_actions.advance, referral.id, ReferralVerb.ACCEPT, by=by, now=now)
    offer = OfferedTimes((now + timedelta(days=1),), "phone")
    verbs.do(appointment_offers.offer_by_partner, verbs.keys, verbs.member("partner"), referral.label, offer, "t", now)
    verbs.do(appointment_offers.offer_at_desk, verbs.desk(), other, offer, "t")
    case_id, later = verbs.case(label).id, now + timedelta(days=1, hours=2)
    agreed = {"state": "agreed", "agreed_slot": 0, "agreed_hour": now + timedelta(days=1), "remind_at": now}
    verbs.change(OutboxMessage, sa.true(), state="sent", done_at=now)
    verbs.change(Appointment, Appointment.case_id == case_id, **agreed)
    assert not verbs.do(appointment_offers.remind, verbs.case(other).id, now=now)
    assert verbs.do(appointment_offers.remind, case_id, now=now)
    with verbs.database.begin(write=False) as session:
        told = session.execute(
            sa.select(OutboxMessage.organisation_id, OutboxMessage.team_id).where(
                OutboxMessage.kind == "appointment_near"
            )
        ).all()
    assert [tuple(row) for row in told if row.organisation_id] == [(named_id("organisation", ONE), None)]
    assert not [row for row in told if row.team_id], "the centre hears of it itself"
    offered = {"state": "open", "agreed_slot": None, "agreed_hour": None, "remind_at": None}
    verbs.change(Appointment, Appointment.case_id == case_id, **offered)
    with verbs.database.begin(write=False) as session:
        events = session.scalar(sa.select(sa.func.count()).select_from(FeedEvent)) or 0
    assert verbs.do(appointment_offers.expire, case_id, now=later)
    assert not verbs.do(appointment_offers.expire, case_id, now=later)
    with verbs.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(FeedEvent)) == events + 1
        states = dict(session.execute(sa.select(Appointment.case_id, Appointment.state)).all())
    assert states == {case_id: "expired", verbs.case(other).id: "open"}
    assert "appointment" in open_tasks(verbs, label)


def test_of_two_conversations_each_is_kept_for_the_export(verbs: StaffVerbs) -> None:
    """A program that chose one id for a message in each of them: what is kept of one says nothing of the other."""
    (label, _r), (other, _r2) = verbs.file(), verbs.file()
    first, second = (verbs.refer(which, f"{ONE}/legal-help") for which in (label, other))
    verbs.do(referral_threads.write_at_desk, verbs.desk(), label, first.label, "hello", "form")
    message = threads.ReferralMessage
    with verbs.database.begin() as session:
        row = session.execute(sa.select(message.__table__).where(message.referral_id == first.id)).mappings().one()
        session.execute(sa.insert(message), [{**row, "referral_id": second.id, "case_id": second.case_id}])
        for referral in (first, second, first, second):
            threads.keep_for_export(session, referral, bytes(32), {row["id"]: bytes(32)})
        kept = session.scalars(sa.select(ReferralMessageExport.referral_id)).all()
    assert sorted(kept) == sorted([first.id, second.id])


def test_a_reminder_is_of_its_own_case(verbs: StaffVerbs) -> None:
    now, desk, labels = verbs.time.at, verbs.desk(), [verbs.file()[0] for _case in range(2)]
    for label in labels:
        verbs.do(appointment_offers.offer_at_desk, desk, label, OfferedTimes((now + timedelta(days=1),), "phone"), "t")
    agreed = {"state": "agreed", "agreed_slot": 0, "agreed_hour": now + timedelta(days=1), "remind_at": now}
    verbs.change(Appointment, sa.true(), **agreed)
    one, other = (verbs.case(label).id for label in labels)
    assert verbs.do(appointment_offers.remind, one, now=now)
    with verbs.database.begin(write=False) as session:
        left = dict(session.execute(sa.select(Appointment.case_id, Appointment.remind_at)).all())
    assert left == {one: None, other: now}


def test_a_label_finds_its_own_case_and_no_other_teams(verbs: StaffVerbs) -> None:
    labels, packs = [verbs.file()[0] for _case in range(3)], load_packs()
    referrals = {label: verbs.refer(label, f"{ONE}/legal-help").label for label in labels}
    for label, referral in referrals.items():
        assert verbs.do(search.find, verbs.desk(), packs, label).case == label
        found = verbs.do(search.find, verbs.desk(), packs, referral)
        assert (found.case, found.referral) == (label, referral)
        assert verbs.do(search.find, verbs.desk("outsider"), packs, label).case == ""
        assert verbs.do(search.find, verbs.desk("outsider"), packs, referral).case == ""


def test_a_member_is_found_with_their_own_cases(verbs: StaffVerbs) -> None:
    labels, packs = [verbs.file()[0] for _case in range(3)], load_packs()
    names = ("vera", "pavel", "outsider")
    for label, name in zip(labels, names, strict=True):
        verbs.change(Case, Case.label == label, owner_id=verbs.member(name).member_id)
    found = verbs.do(search.find, verbs.desk(), packs, "vera")
    assert dict(found.held) == {verbs.member("vera").member_id: [labels[0]]}


def test_a_code_without_openings_is_shown_while_its_own_case_was_opened_lately(verbs: StaffVerbs) -> None:
    now, labels = verbs.time.at, [verbs.file()[0] for _case in range(2)]
    one, other = (verbs.case(label) for label in labels)
    for number, case in enumerate((one, other)):
        code = ShownCode(
            case_id=case.id, look_up_id=bytes([number]) * 32, sealed_key=b"x", expires_at=now + timedelta(days=1),
            openings_left=0, with_documents=True,
        )  # fmt: skip
        verbs.do(lambda session, code=code: session.add(code))
    verbs.do(audit.record_by_person, one.id, "case:opened_by_code", now)
    verbs.do(audit.record_by_person, other.id, "case:code_made", now)
    assert verbs.do(shown_codes.of_case, one, now) is not None
    assert verbs.do(shown_codes.of_case, other, now) is None
    verbs.change(ShownCode, ShownCode.case_id == one.id, with_documents=False)
    assert verbs.do(shown_codes.of_case, one, now) is None


def test_whose_address_is_refused_their_own_team_hears_of_it(verbs: StaffVerbs) -> None:
    now = verbs.time.at
    for name in ("vera", "outsider", "admin"):
        member = verbs.member(name)
        settings = member_settings.MemberSettings(f"{name}@example.org")
        verbs.do(member_settings.save, verbs.keys, member.member_id, settings, version=0, now=now)
        verbs.do(broken_addresses.refused_by_member, member.member_id, now, permanent=True)
        with verbs.database.begin(write=False) as session:
            told = session.scalars(
                sa.select(OutboxMessage.team_id).where(OutboxMessage.about_id == member.member_id)
            ).all()
        assert told == [member.team_id], name


def test_what_has_the_new_key_is_not_sealed_again(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file()
    owner, now, team = named_id("organisation", ONE), verbs.time.at, verbs.desk().team_id
    held = verbs.do(verbs.desk().member.keys_of)
    with verbs.database.begin() as session:
        present = keyholders.active_key(session, owner)
        assert present is not None
        assert rewrapping.outdated_cases(session, present, held, 9) == []
        new = keyholders.register(session, OwnerKind.ORGANISATION, owner, KeyPair.generate().public, now)
        assert list(rewrapping.outdated_cases(session, new, held, 9)) == [verbs.case(label).id]
        assert rewrapping.outdated_cases(session, new, {}, 9) == []
        assert rewrapping.rewrap(session, verbs.keys, verbs.case(label).id, new, held)
        assert rewrapping.outdated_cases(session, new, held, 9) == []
        pair = KeyPair.generate()
        current = keyholders.register(session, OwnerKind.TEAM, team, pair.public, now)
    seeds = {**{key_id: one.seed for key_id, one in held.items()}, current.id: pair.seed}
    assert team_keys.rewrap_cases(verbs.database, verbs.keys, team, seeds) == 2
    assert team_keys.rewrap_cases(verbs.database, verbs.keys, team, seeds) == 0
