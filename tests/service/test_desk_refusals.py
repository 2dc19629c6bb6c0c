"""What the desk, a centre and a person are refused, each with its own status: the rules of the verbs, without any page."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app.cases import restriction, saved_replies, saved_views, sealed_parts, team_cases
from app.cases.appointments import Appointment, OfferedTimes
from app.cases.models import Case, CaseAgreement, CaseMove, CaseNeed, CaseWrap, HouseholdMember, SavedReply, SavedView
from app.cases.queue_queries import Filters, QueueQuery
from app.cases.states import CaseVerb
from app.casework import (
    appointment_offers,
    by_hand,
    by_link,
    case_closing,
    case_merges,
    centre_documents,
    correspondence,
    country_moves,
    desk_referrals,
    households,
    partner_access,
    person_actions,
    referral_actions,
    referral_threads,
    rematching,
    restrictions,
    sealed_access,
    shown_codes,
)
from app.casework.by_hand import SpokenContact
from app.conflicts.models import Exclusion
from app.core import identifiers, keyholders, kill_switch
from app.core.errors import AppError, Conflict
from app.core.ids import named_id
from app.core.keyholders import KeyGrant, OwnerKind, SealingKey
from app.core.sealing import KeyPair
from app.directory.models import ServiceRow
from app.directory.packs import load_packs
from app.documents.models import Document
from app.documents.storage import DocumentLimits, DocumentsFull
from app.links import service as links
from app.links.models import ReferralLink
from app.links.service import NewLink
from app.partners.organisations import Organisation
from app.referrals import preconditions, threads
from app.referrals.actors import ActorRef
from app.referrals.commands import TransitionInput
from app.referrals.models import Referral
from app.referrals.states import MAY_OPEN, ReferralActor, ReferralVerb
from app.referrals.thread_models import ReferralMessage
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.service import TaskKind
from tests.support.desk import ADDRESS, ONE, TWO, UNCONNECTED
from tests.support.verbs import AGREED, StaffVerbs

SPOKE = SpokenContact("phone")
NOT_OURS = (404, "There is no such referral.")
HIDDEN_CONFLICT = (409, "This organisation takes no new cases at present.")
PHONE = {"answer_by": {"channel": "phone", "address": ADDRESS, "good_times": "evening"}}


def organisation(slug: str = UNCONNECTED) -> object:
    return named_id("organisation", slug)


def link() -> NewLink:
    return NewLink(uuid4(), "token-" + "t" * 30, "code", bytes(32))


def list_the_person(verbs: StaffVerbs, slug: str) -> None:
    """This organisation's conflict list names the person's phone number; nobody has compared it yet."""
    from app.conflicts import service as conflicts

    owner = named_id("organisation", slug)
    found = identifiers.of_contact("phone", ADDRESS, "PL")
    with verbs.database.begin() as session:
        hashes = [one.keyed(conflicts.salt_of(verbs.keys, owner)) for one in found if one.strong]
        conflicts.add(session, verbs.keys, owner, hashes, verbs.time.at)


def gives_key(verbs: StaffVerbs, slug: str = UNCONNECTED) -> None:
    verbs.do(
        keyholders.register,
        OwnerKind.ORGANISATION,
        named_id("organisation", slug),
        KeyPair.generate().public,
        verbs.time.at,
    )


# --- asked by hand, or by a link -------------------------------------------------------------------------------------


def test_what_cannot_be_recorded_for_a_centre_without_account(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file(consent=AGREED)
    referral = verbs.refer(label)
    desk = verbs.desk()
    ask = (by_hand.record_asked, desk, label)
    assert verbs.status(*ask, "R-NONE", 1, SPOKE) == NOT_OURS
    assert verbs.status(*ask, referral.label, referral.version - 1, SPOKE)[0] == 412
    assert verbs.refused(*ask, referral.label, referral.version, SpokenContact("")).status == 422
    assert verbs.refused(*ask, referral.label, referral.version, SpokenContact("letter-box")).status == 422
    longest = by_hand.LONGEST_NAME
    assert (
        verbs.refused(*ask, referral.label, referral.version, SpokenContact("phone", "x" * (longest + 1))).status == 422
    )
    verbs.do(*ask, referral.label, referral.version, SpokenContact("phone", "x" * longest))
    verbs.do(
        by_hand.record_answer,
        desk,
        label,
        referral.label,
        referral.version,
        ReferralVerb.ACCEPT,
        TransitionInput(),
        SPOKE,
    )
    accepted = verbs.referral(referral.label)
    assert verbs.status(*ask, referral.label, accepted.version, SPOKE) == (
        409, "There is nothing to ask this organisation now.",
    )  # fmt: skip
    other, _receipt = verbs.file()
    with_account = verbs.refer(other, f"{ONE}/legal-help")
    assert verbs.status(by_hand.record_asked, desk, other, with_account.label, with_account.version, SPOKE) == (
        409, "This organisation has an account and answers itself.",
    )  # fmt: skip
    assert verbs.status(by_hand.record_asked, desk, label, with_account.label, with_account.version, SPOKE) == NOT_OURS


def test_a_conflict_keeps_a_centre_without_account_from_being_asked(verbs: StaffVerbs) -> None:
    named, _receipt = verbs.file(consent=AGREED, **PHONE)
    list_the_person(verbs, UNCONNECTED)
    with verbs.database.begin() as session:  # as if nothing had been found, and nobody had asked yet
        session.execute(sa.delete(Exclusion))
        session.execute(sa.delete(CaseAgreement))
    with verbs.database.begin() as session:
        case = session.scalars(sa.select(Case).where(Case.label == named)).one()
        with pytest.raises(Exception, match="takes no new cases") as caught:
            by_hand.let_be_asked(session, verbs.desk(), case, named_id("organisation", UNCONNECTED))
        assert caught.value.status == 409  # type: ignore[attr-defined]
        assert UNCONNECTED not in {str(one) for one in sealed_parts.organisations_agreed(session, case.id)}
        assert not session.scalars(sa.select(CaseAgreement)).all()
        with pytest.raises(Exception, match="takes no new cases"):
            desk_referrals._let_read(session, verbs.desk(), case, _connected(verbs, session, case))
    nobody, _receipt = verbs.file(consent={"mode": "named", "organisations": []})
    with verbs.database.begin() as session:
        case = session.scalars(sa.select(Case).where(Case.label == nobody)).one()
        key = sa.delete(SealingKey).where(SealingKey.owner_id == named_id("organisation", UNCONNECTED))
        session.execute(key)
        with pytest.raises(Conflict, match="not connected to the network"):
            desk_referrals._let_read(session, verbs.desk(), case, named_id("organisation", UNCONNECTED))


def _connected(verbs: StaffVerbs, session: sa.orm.Session, case: Case) -> object:
    """The same organisation, which has got a key by now."""
    owner = named_id("organisation", UNCONNECTED)
    keyholders.register(session, OwnerKind.ORGANISATION, owner, KeyPair.generate().public, verbs.time.at)
    return owner


def test_what_has_no_sheet(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file(consent=AGREED)
    referral = verbs.refer(label)
    other, _receipt = verbs.file()
    with_account = verbs.refer(other, f"{ONE}/legal-help")
    card = (by_hand.card_sheet, verbs.keys)
    assert verbs.status(*card, "R-NONE", verbs.time.at) == NOT_OURS
    assert verbs.status(*card, with_account.label, verbs.time.at) == (
        409, "This organisation answers through its account.",
    )  # fmt: skip
    assert verbs.status(by_hand.open_sheet_of, verbs.desk(), "R-NONE") == NOT_OURS
    assert verbs.refused(by_hand.open_sheet_of, verbs.desk("outsider"), referral.label).status == 404
    auditor = verbs.desk()
    for name in ("admin", "auditor", "partner"):
        member = verbs.member(name)
        desk = type(auditor)(member, auditor.team_id, verbs.keys, verbs.time.at)
        assert verbs.status(by_hand.open_sheet_of, desk, referral.label) == (
            403, "This is for coordinators of a team.",
        )  # fmt: skip
    assert not verbs.do(by_hand.card_sheet, verbs.keys, referral.label, verbs.time.at).is_whole


def test_what_cannot_be_sent_as_a_link_or_given_to_an_account(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file(consent=AGREED, **PHONE)
    referral = verbs.refer(label)
    desk, to = verbs.desk(), named_id("organisation", UNCONNECTED)
    mine = Referral.label == referral.label

    def send(version: int = 0, *, by_mail: bool = False) -> tuple[int, str]:
        at = version or verbs.referral(referral.label).version
        return verbs.status(by_link.send, desk, label, referral.label, at, link(), by_mail=by_mail)

    def give(version: int = 0) -> tuple[int, str]:
        at = version or verbs.referral(referral.label).version
        return verbs.status(by_link.give_to_account, desk, label, referral.label, at)

    assert send(referral.version + 1)[0] == give(referral.version + 1)[0] == 412
    assert give() == (409, "This organisation has no account with a key yet.")
    verbs.change(Organisation, Organisation.id == to, verified=False)
    assert send(by_mail=True)[1].startswith("There is no confirmed address")
    assert verbs.status(by_link.tell_code_again, desk, label, referral.label) == (
        409, "There is no link that works. Make a new one.",
    )  # fmt: skip
    gives_key(verbs)
    for state in ("awaiting_consent", "withdrawn"):
        verbs.change(Referral, mine, state=state, expires_at=None)
        assert send()[1].startswith("There is nothing to send")
        assert give()[1].startswith("There is nothing to hand over")
    verbs.change(Referral, mine, state="offered", expires_at=referral.expires_at)
    with verbs.database.begin() as session:
        agreed = session.execute(sa.select(CaseAgreement)).scalars().all()
        kept = [{"case_id": row.case_id, "organisation_id": row.organisation_id} for row in agreed]
        session.execute(sa.delete(CaseAgreement))
    assert kept, "the person had agreed"
    for answer in (send(), give()):
        assert answer[0] == 409
        assert answer[1].startswith("The person has not agreed")
    verbs.do(sealed_parts.agree, verbs.case(label).id, to)
    list_the_person(verbs, UNCONNECTED)
    verbs.do(lambda session: session.execute(sa.delete(Exclusion)))
    assert give() == HIDDEN_CONFLICT
    with verbs.database.begin(write=False) as session:
        assert to not in sealed_parts.organisations_with_key(session, verbs.case(label).id), "no key of the case"


def test_a_link_that_has_ended_opens_no_key(verbs: StaffVerbs) -> None:
    for row in (ReferralLink(), ReferralLink(sealed_key=None, sealed_code=None, visit_key=None)):
        with pytest.raises(links.CannotOpen):
            links.key_of_visit(row, "cookie")
        with pytest.raises(links.CannotOpen):
            links.open_key(verbs.keys, row, bytes(32))
        with pytest.raises(links.CannotOpen):
            links.code_of(row, bytes(32))


def test_the_switch_stops_every_door_of_a_link(verbs: StaffVerbs) -> None:
    verbs.do(kill_switch.set_switch, kill_switch.FREEZE, on=True, by=None, now=verbs.time.at)
    now = verbs.time.at
    doors = (
        (by_link.take_try, "token", now),
        (by_link.look, verbs.keys, "cookie", now),
        (by_link.open_parts, verbs.keys, "cookie", now),
        (by_link.visited, "cookie", now),
        (by_link.answer, "cookie", ReferralVerb.ACCEPT, TransitionInput(), 1, now),
        (by_link.say_quality, "cookie", [], now),
    )
    for act, *given in doors:
        with pytest.raises(kill_switch.Frozen), verbs.database.begin() as session:
            act(session, *given)


# --- the case --------------------------------------------------------------------------------------------------------


def test_a_case_that_has_ended_is_left_alone(verbs: StaffVerbs) -> None:
    label, receipt = verbs.file()
    desk, version = verbs.desk(), verbs.case(label).version
    assert verbs.refused(case_closing.close, desk, label, version, CaseVerb.TAKE).status == 422
    assert verbs.refused(case_closing.end_need, desk, label, version, "housing", "helped").status == 422
    assert verbs.refused(case_closing.end_need, desk, label, version, "asylum", "lost").status == 422
    verbs.change(Case, Case.label == label, closed_at=verbs.time.at, state="advised")
    offer = OfferedTimes((verbs.time.at + timedelta(days=1),), "phone")
    assert verbs.status(appointment_offers.offer_at_desk, desk, label, offer, "t") == (409, "The case is closed.")
    assert verbs.status(case_closing.end_need, desk, label, version, "asylum", "helped") == (409, "The case is closed.")
    assert verbs.status(country_moves.ask, desk, load_packs(), label, version, "GE") == (409, "The case is closed.")
    matched_again = (409, "The answers of this case have been deleted, so it cannot be matched again.")

    def rematch(session: sa.orm.Session, which: str) -> None:
        case = session.scalars(sa.select(Case).where(Case.label == which)).one()
        rematching.rematch(session, verbs.keys, load_packs(), case, by=desk.member.member_id, now=verbs.time.at)

    def make_code(session: sa.orm.Session) -> None:
        new = shown_codes.NewCode("c", bytes(32), b"m")
        shown_codes.make(session, verbs.opened(session, receipt), verbs.keys, new, verbs.time.at)

    assert verbs.status(make_code) == (409, "This case has ended.")
    assert verbs.status(rematch, label) == matched_again
    verbs.change(Case, Case.label == label, state="withdrawn")
    assert verbs.status(correspondence.message, desk, label, version, "hello") == (
        409, "The person has withdrawn; nothing is sent.",
    )  # fmt: skip
    still_open, _receipt = verbs.file()
    verbs.change(Case, Case.label == still_open, facts=None)
    assert verbs.status(rematch, still_open) == matched_again


def test_a_need_with_an_organisation_is_not_ended_over_its_head(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file(needs=["asylum", "housing"])
    referral = verbs.refer(label, f"{ONE}/legal-help")
    verbs.change(CaseNeed, CaseNeed.need == "asylum", state="with_centre", referral_id=referral.id)
    desk, version = verbs.desk(), verbs.case(label).version
    status, words = verbs.status(case_closing.end_need, desk, label, version, "asylum", "helped")
    assert (status, words.startswith("An organisation is at work on it.")) == (409, True)
    verbs.do(case_closing.end_need, desk, label, version, "housing", "helped")


def test_what_cannot_be_merged_or_joined(verbs: StaffVerbs) -> None:
    (one, _r), (two, _r), (three, _r) = verbs.file(), verbs.file(), verbs.file()
    desk, version = verbs.desk(), verbs.case(one).version
    assert verbs.refused(case_merges.merge, desk, one, version + 1, two).status == 412
    assert verbs.refused(case_merges.merge, desk, one, version, one).status == 422
    assert verbs.status(case_merges.unmerge, desk, one, version) == (409, "This case is not merged.")
    assert verbs.status(households.link, desk, one, version, one) == (409, "This is the same case.")
    with verbs.database.begin() as session:
        for label in (one, two):
            session.add(HouseholdMember(case_id=verbs.case(label).id, household_id=uuid4(), joined_at=verbs.time.at))
    status, words = verbs.status(households.link, desk, one, version, two)
    assert (status, words.startswith("Each of the two belongs to a household already.")) == (409, True)
    verbs.do(households.link, desk, one, version, three)
    verbs.change(Case, Case.label == one, merged_into_id=verbs.case(two).id)
    with verbs.database.begin() as session:
        case = session.scalars(sa.select(Case).where(Case.label == one)).one()
        with pytest.raises(Exception, match="continues as another one") as caught:
            referral_actions.create(session, verbs.keys, case, f"{ONE}/legal-help", by=desk.actor, now=verbs.time.at)
        assert caught.value.status == 409  # type: ignore[attr-defined]


def test_a_move_is_asked_once_and_answered_once(verbs: StaffVerbs) -> None:
    (label, receipt), (other, others) = verbs.file(), verbs.file()
    desk, packs = verbs.desk(), load_packs()
    assert verbs.status(country_moves.ask, desk, packs, label, verbs.case(label).version, "LT") == (
        409, "No team takes cases from that country yet.",
    )  # fmt: skip
    assert verbs.refused(country_moves.ask, desk, packs, label, verbs.case(label).version, "PL").status == 422
    verbs.do(country_moves.ask, desk, packs, label, verbs.case(label).version, "GE")
    assert verbs.status(country_moves.ask, desk, packs, label, verbs.case(label).version, "GE") == (
        409, "The person has already been asked whether the case may move.",
    )  # fmt: skip

    def answer(whose: object, *, yes: bool) -> None:
        with verbs.database.begin() as session:
            opened = verbs.opened(session, whose)  # type: ignore[arg-type]
            country_moves.answer(session, opened, yes=yes, keys=verbs.keys, directory=packs, now=verbs.time.at)

    with pytest.raises(Exception, match="There is no such question") as caught:
        answer(others, yes=True)
    assert caught.value.status == 404  # type: ignore[attr-defined]
    georgia = verbs.desk("outsider").team_id
    with verbs.database.begin() as session:
        keyholders.register(session, OwnerKind.TEAM, georgia, KeyPair.generate().public, verbs.time.at)
    with pytest.raises(Exception, match="The other team has a new key") as caught:
        answer(receipt, yes=True)
    assert caught.value.status == 409  # type: ignore[attr-defined]
    assert (verbs.case(label).country, verbs.case(other).country) == ("PL", "PL")
    answer(receipt, yes=False)
    with pytest.raises(Exception, match="There is no such question"):
        answer(receipt, yes=False)
    with verbs.database.begin(write=False) as session:
        assert session.scalars(sa.select(CaseMove.answer)).all() == ["no"]


def test_a_move_takes_the_keys_and_conversations_of_this_case_alone(verbs: StaffVerbs) -> None:
    third, _receipt = verbs.file()
    verbs.change(CaseWrap, CaseWrap.case_id == verbs.case(third).id, version=7)
    (label, receipt), (other, _r) = verbs.file(), verbs.file()
    desk, packs = verbs.desk(), load_packs()
    asked, neighbour = (verbs.refer(which, f"{ONE}/legal-help") for which in (label, other))
    for which, referral in ((label, asked), (other, neighbour)):
        verbs.do(referral_threads.write_at_desk, desk, which, referral.label, "hello", "form")
    by = ActorRef(ReferralActor.PARTNER, verbs.member("partner").member_id, named_id("organisation", ONE))
    verbs.do(referral_actions.advance, asked.id, ReferralVerb.ACCEPT, by=by, now=verbs.time.at)
    status, words = verbs.status(country_moves.ask, desk, packs, label, verbs.case(label).version, "GE")
    assert (status, words[:40]) == (409, "An organisation is at work on the case. ")
    handed_back = TransitionInput(reason="no_capacity")
    verbs.do(referral_actions.advance, asked.id, ReferralVerb.HAND_BACK, by=by, now=verbs.time.at, payload=handed_back)
    verbs.do(country_moves.ask, desk, packs, label, verbs.case(label).version, "GE")
    with verbs.database.begin() as session:
        opened = verbs.opened(session, receipt)
        country_moves.answer(session, opened, yes=True, keys=verbs.keys, directory=packs, now=verbs.time.at)
    georgia, poland = verbs.desk("outsider"), desk.team_id
    with verbs.database.begin(write=False) as session:
        wraps = session.execute(sa.select(CaseWrap.case_id, CaseWrap.owner_id).where(CaseWrap.kind == "team")).all()
        talks = session.scalars(sa.select(ReferralMessage.case_id)).all()
        mine_wraps = CaseWrap.kind == "team", CaseWrap.case_id == verbs.case(label).id
        versions = set(session.scalars(sa.select(CaseWrap.version).where(*mine_wraps)))
    mine, theirs = verbs.case(label).id, verbs.case(other).id
    others = [(theirs, poland), (verbs.case(third).id, poland)]
    assert sorted(map(tuple, wraps)) == sorted([(mine, georgia.team_id), *others] * 2)
    assert talks == [theirs]
    assert versions == {1}, "those of another case say nothing of this one's keys"
    assert verbs.do(sealed_access.open_case, georgia, label)[1]
    assert verbs.do(sealed_access.open_case, desk, other)[1]


def test_a_case_that_nobody_had_taken_is_taken_up_where_it_moves(verbs: StaffVerbs) -> None:
    label, receipt = verbs.file(consent={"mode": "named", "organisations": []})
    desk, packs = verbs.desk(), load_packs()
    verbs.do(case_closing.close, desk, label, verbs.case(label).version, CaseVerb.UNMET)
    verbs.do(country_moves.ask, desk, packs, label, verbs.case(label).version, "GE")
    with verbs.database.begin() as session:
        opened = verbs.opened(session, receipt)
        country_moves.answer(session, opened, yes=True, keys=verbs.keys, directory=packs, now=verbs.time.at)
    moved = verbs.case(label)
    assert (moved.country, moved.state) == ("GE", "in_review")


# --- referrals -------------------------------------------------------------------------------------------------------


def test_what_cannot_be_sent_on_to_another(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file()
    referral = verbs.refer(label, f"{ONE}/legal-help")
    desk, mine = verbs.desk(), Referral.label == referral.label

    def reroute(to: str) -> tuple[int, str]:
        return verbs.status(
            desk_referrals.reroute, desk, label, referral.label, verbs.referral(referral.label).version, to
        )

    other, _receipt = verbs.file()
    for theirs in ("R-NONE", verbs.refer(other, f"{ONE}/legal-help").label):
        assert verbs.status(desk_referrals.reroute, desk, label, theirs, 1, f"{TWO}/legal-help") == NOT_OURS
    for state in sorted(MAY_OPEN):
        verbs.change(Referral, mine, state=state, expires_at=None)
        assert reroute(f"{TWO}/legal-help")[1].startswith("An organisation is at work on it.")
    verbs.change(Referral, mine, state="declined", reason="conflict")
    status, words = reroute(f"{ONE}/legal-help")
    assert (status, words[:34]) == (409, "They did not take this case before")
    today, full = verbs.time.at.date(), ServiceRow.key == f"{TWO}/legal-help"
    verbs.change(ServiceRow, full, capacity="full", capacity_until=today)
    status, words = reroute(f"{TWO}/legal-help")
    assert (status, words.startswith("This service is full or paused.")) == (409, True)
    verbs.change(ServiceRow, full, capacity_until=today - timedelta(days=1))
    verbs.do(
        desk_referrals.reroute, desk, label, referral.label, verbs.referral(referral.label).version, f"{TWO}/legal-help"
    )


def test_who_may_not_be_asked(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file()
    case_id, now = verbs.case(label).id, verbs.time.at

    def check(**entry: object) -> tuple[int, str]:
        one = Organisation(slug=ONE, kind="centre", retired_at=None, paused_until=None)
        for name, value in entry.items():
            setattr(one, name, value)
        return verbs.status(preconditions.check_may_be_asked, case_id, one, now)

    assert check(kind="authority") == (409, "An authority is never asked.")
    assert check(retired_at=now) == (409, "This organisation is no longer in the directory.")
    assert check(paused_until=now + timedelta(seconds=1)) == HIDDEN_CONFLICT
    verbs.do(
        preconditions.check_may_be_asked, case_id, Organisation(slug=ONE, kind="centre", paused_until=now), now
    )  # the pause has ended
    verbs.do(lambda session: session.add(Exclusion(case_id=case_id, organisation_id=named_id("organisation", ONE))))
    assert check() == HIDDEN_CONFLICT
    verbs.do(
        preconditions.check_may_be_asked, case_id, Organisation(slug=TWO, kind="centre"), now
    )  # the exclusion is another's


def test_preconditions_of_going_on(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file()
    referral = verbs.refer(label, f"{ONE}/legal-help")
    case, now = verbs.case(label), verbs.time.at

    def fails(check: Callable[[sa.orm.Session, Referral, Case, datetime], None], **facts: object) -> bool:
        with verbs.database.begin(write=False) as session:
            row, of = session.get_one(Referral, referral.id), session.get_one(Case, case.id)
            session.expunge_all()
            for name, value in facts.items():
                setattr(of if name == "case_state" else row, name.removeprefix("case_"), value)
            try:
                check(session, row, of, now)
            except Conflict:
                return True
            return False

    for state in ("withdrawn", "erased"):
        assert fails(preconditions._not_erased, case_state=state)
    assert not fails(preconditions._not_erased, case_state="in_review")
    assert fails(preconditions._not_taken, offered_at=None)
    assert fails(preconditions._not_taken, reason="taken_elsewhere")
    assert not fails(preconditions._not_taken, reason="better_option")
    assert not fails(preconditions._needs_free)
    mine = CaseNeed.case_id == case.id
    verbs.change(CaseNeed, mine, state="with_centre", referral_id=referral.id)
    assert fails(preconditions._needs_free), "it has been given away since"
    assert not fails(preconditions._needs_free, completed_at=now), "it is this organisation's own"
    verbs.change(CaseNeed, mine, state="not_wanted", referral_id=None)
    assert fails(preconditions._needs_free, completed_at=now)


def test_a_partner_does_not_move_a_referral_without_end(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file()
    referral = verbs.refer(label, f"{ONE}/legal-help")
    by = ActorRef(ReferralActor.PARTNER, verbs.member("partner").member_id, named_id("organisation", ONE))
    act = (referral_actions.advance, referral.id)
    most = preconditions.MOST_MOVES
    verbs.change(Referral, Referral.id == referral.id, version=most + 1)
    status, words = verbs.status(*act, ReferralVerb.ACKNOWLEDGE, by=by, now=verbs.time.at)
    assert (status, words) == (409, f"This referral has {most} steps already. Write to the coordinator.")
    verbs.change(Referral, Referral.id == referral.id, version=most)
    verbs.do(*act, ReferralVerb.ACKNOWLEDGE, by=by, now=verbs.time.at)
    verbs.do(*act, ReferralVerb.DECLINE, by=by, now=verbs.time.at, payload=TransitionInput(reason="conflict"))
    nobody = ActorRef(ReferralActor.PARTNER, verbs.member("partner").member_id)
    assert verbs.status(*act, ReferralVerb.ACCEPT, by=nobody, now=verbs.time.at) == (
        403, "A partner acts for an organisation.",
    )  # fmt: skip


def test_nothing_is_left_to_refer(verbs: StaffVerbs) -> None:
    states = {"asylum": "with_centre", "housing": "helped"}
    with pytest.raises(Exception, match="There is nothing left to refer") as caught:
        referral_actions.needs_to_ask(states, ["asylum"], None, "in_review")  # type: ignore[arg-type]
    assert caught.value.status == 409  # type: ignore[attr-defined]
    open_ = {**states, "housing": "open"}
    assert referral_actions.needs_to_ask(open_, ["asylum"], None, "in_review") == ["housing"]  # type: ignore[arg-type]


def test_a_question_of_consent_is_answered_by_its_own_person(verbs: StaffVerbs) -> None:
    (label, receipt), (_other, others) = (verbs.file(consent={"mode": "named", "organisations": []}) for _ in range(2))
    asked = verbs.refer(label, f"{ONE}/legal-help")
    assert asked.state == "awaiting_consent"

    def answer(whose: object, which: str) -> None:
        with verbs.database.begin() as session:
            opened = verbs.opened(session, whose)  # type: ignore[arg-type]
            person_actions.answer_consent(session, opened, which, yes=True, keys=verbs.keys, now=verbs.time.at)

    for whose, which in ((others, asked.label), (receipt, "R-NONE")):
        with pytest.raises(Exception, match="There is no such question") as caught:
            answer(whose, which)
        assert caught.value.status == 404  # type: ignore[attr-defined]
    verbs.change(SealingKey, SealingKey.owner_id == named_id("organisation", ONE), active=False)
    with pytest.raises(Exception, match="not connected yet") as caught:
        answer(receipt, asked.label)
    assert caught.value.status == 409  # type: ignore[attr-defined]
    verbs.change(SealingKey, SealingKey.owner_id == named_id("organisation", ONE), active=True)
    answer(receipt, asked.label)
    assert verbs.referral(asked.label).state == "offered"
    with pytest.raises(Exception, match="There is no such question"):
        answer(receipt, asked.label)


# --- keys ------------------------------------------------------------------------------------------------------------


def accepted(verbs: StaffVerbs, label: str) -> Referral:
    referral = verbs.refer(label, f"{ONE}/legal-help")
    by = ActorRef(ReferralActor.PARTNER, verbs.member("partner").member_id, named_id("organisation", ONE))
    verbs.do(referral_actions.advance, referral.id, ReferralVerb.ACCEPT, by=by, now=verbs.time.at)
    return verbs.referral(referral.label)


def test_a_centre_opens_with_its_own_key_and_nothing_else(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file()
    referral = accepted(verbs, label)
    partner, now = verbs.member("partner"), verbs.time.at
    read = (partner_access.open_parts, verbs.keys)
    assert verbs.status(*read, verbs.member("vera"), referral.label, now) == (
        403, "This is for members of an organisation.",
    )  # fmt: skip
    assert verbs.status(*read, verbs.member("other-partner"), referral.label, now) == NOT_OURS
    assert verbs.do(*read, partner, referral.label, now)
    stale = (partner_access.write_message, verbs.keys, partner, referral.label, "hello")
    assert verbs.refused(*stale, now=now, lines_seen=1).status == 412
    verbs.change(Case, Case.label == label, state="withdrawn", closed_at=now)
    assert verbs.status(*stale, now=now, lines_seen=0) == (409, "The person has withdrawn; nothing is sent.")
    verbs.change(Case, Case.label == label, state="referred", closed_at=None)
    key = sa.select(SealingKey.id).where(SealingKey.owner_id == named_id("organisation", ONE)).scalar_subquery()
    wrap = sa.and_(CaseWrap.owner_id == named_id("organisation", ONE), CaseWrap.purpose == sealed_parts.PERSON)
    with verbs.database.begin(write=False) as session:
        sealed, version = session.execute(sa.select(CaseWrap.ciphertext, CaseWrap.version).where(wrap)).one()
    with verbs.database.begin() as session:  # sealed to the same organisation's key, and yet another text
        row = session.scalars(sa.select(CaseWrap).where(wrap)).one()
        public = session.scalars(sa.select(SealingKey).where(SealingKey.id == row.key_id)).one()
        to = sealed_parts.Recipient(sealed_parts.WrapFor.ORGANISATION, row.owner_id, public.public_key, public.id)
        wrapped = sealed_parts.wrap_row(verbs.keys, row.case_id, sealed_parts.PERSON, bytes(32), to)
        row.ciphertext, row.version = wrapped["ciphertext"], wrapped["version"]
    assert verbs.status(*read, partner, referral.label, now) == (
        409, "The encrypted parts cannot be opened with this key.",
    )  # fmt: skip
    with verbs.database.begin() as session:  # for this key, and not what was sealed to it
        row = session.scalars(sa.select(CaseWrap).where(wrap)).one()
        binding = (row.case_id, row.purpose, row.kind, row.owner_id, row.version)
        row.ciphertext = verbs.keys.encrypt(bytes(1200), *sealed_parts._wrap_binding(*binding))
    assert verbs.status(*read, partner, referral.label, now) == (
        409, "The encrypted parts cannot be opened with this key.",
    )  # fmt: skip
    verbs.change(CaseWrap, wrap, ciphertext=sealed, version=version)
    verbs.do(lambda session: session.execute(sa.delete(KeyGrant).where(KeyGrant.sealing_key_id == key)))
    assert verbs.status(*read, partner, referral.label, now)[0] == 403
    verbs.do(lambda session: session.execute(sa.delete(CaseWrap).where(wrap)))
    assert verbs.status(*read, partner, referral.label, now) == (
        409, "There is nothing left to open: the person had it erased.",
    )  # fmt: skip


def test_the_desk_opens_with_the_teams_key_and_nothing_else(verbs: StaffVerbs) -> None:
    (label, _receipt), (other, _r) = verbs.file(), verbs.file()
    team = sa.and_(CaseWrap.kind == "team", CaseWrap.case_id == verbs.case(label).id)
    assert verbs.do(sealed_access.open_case, verbs.desk(), label)[1]
    with verbs.database.begin() as session:
        foreign = keyholders.register(
            session, OwnerKind.TEAM, verbs.desk("outsider").team_id, KeyPair.generate().public, verbs.time.at
        )
        session.execute(sa.update(CaseWrap).where(team).values(key_id=foreign.id))
    status, words = verbs.status(sealed_access.open_case, verbs.desk(), label)
    assert (status, words.startswith("You were not given the key that this case was sealed to.")) == (403, True)
    with verbs.database.begin() as session:
        own = session.scalars(sa.select(CaseWrap.key_id).where(CaseWrap.kind == "team", ~team)).first()
        session.execute(sa.update(CaseWrap).where(team).values(key_id=own, version=77))
    assert verbs.status(sealed_access.open_case, verbs.desk(), label) == (
        409, "The encrypted parts of this case cannot be opened.",
    )  # fmt: skip
    assert verbs.do(sealed_access.open_case, verbs.desk(), other)[1], "the neighbour opens"


def test_a_case_is_restricted_and_lifted_with_keys_alone(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file()
    assert verbs.status(restrictions.lift, verbs.desk("sofia"), label, verbs.case(label).version) == (
        409, "The case is not restricted.",
    )  # fmt: skip
    named = [verbs.member(name).member_id for name in ("sofia", "pavel")]
    verbs.do(restrictions.restrict, verbs.desk("sofia"), label, verbs.case(label).version, named)
    with verbs.database.begin() as session:
        circle = session.scalars(sa.select(SealingKey).where(SealingKey.case_id == verbs.case(label).id)).one()
        grants = session.execute(sa.delete(KeyGrant).where(KeyGrant.sealing_key_id == circle.id))
        assert grants.rowcount  # type: ignore[attr-defined]
        case = session.scalars(sa.select(Case).where(Case.label == label)).one()
        with pytest.raises(restriction.RestrictedCase):
            sealed_access.keys_for(session, verbs.desk("sofia"), case)
        session.rollback()
    verbs.change(SealingKey, SealingKey.owner_id == verbs.desk().team_id, active=False)
    assert verbs.status(restrictions.lift, verbs.desk("sofia"), label, verbs.case(label).version) == (
        409, "The team has no key yet, so nothing can be encrypted to it.",
    )  # fmt: skip


def test_a_conversation_needs_a_key_on_both_sides(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file()
    referral = accepted(verbs, label)
    with verbs.database.begin(write=False) as session:
        assert threads.readers(session, session.get_one(Case, referral.case_id), session.get_one(Referral, referral.id))
    for owner in (named_id("organisation", ONE), verbs.desk().team_id):
        verbs.change(SealingKey, SealingKey.owner_id == owner, active=False)
        with verbs.database.begin(write=False) as session:
            case = session.get_one(Case, referral.case_id)
            with pytest.raises(threads.Conflict) as caught:
                threads.readers(session, case, session.get_one(Referral, referral.id))
        assert caught.value.status == 409
        verbs.change(SealingKey, SealingKey.owner_id == owner, active=True)


# --- appointments, documents, lists ----------------------------------------------------------------------------------


def test_times_are_withdrawn_by_who_offered_them(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file()
    referral = accepted(verbs, label)
    at, partner = verbs.time.at + timedelta(days=1), verbs.member("partner")
    verbs.do(appointment_offers.offer_at_desk, verbs.desk(), label, OfferedTimes((at,), "phone"), "t")
    verbs.do(
        appointment_offers.offer_by_partner,
        verbs.keys,
        partner,
        referral.label,
        OfferedTimes((at,), "phone"),
        "t",
        verbs.time.at,
    )
    with verbs.database.begin(write=False) as session:
        ours, theirs = (
            session.scalars(sa.select(Appointment.id).where(which)).one()
            for which in (Appointment.referral_id.is_(None), Appointment.referral_id.is_not(None))
        )
    no_such = (404, "There is no such appointment.")
    own = named_id("organisation", ONE)
    assert verbs.status(appointment_offers.withdraw_at_desk, verbs.desk(), label, theirs) == no_such
    assert verbs.status(appointment_offers.withdraw_by_partner, own, referral.label, ours, verbs.time.at) == no_such
    assert verbs.status(appointment_offers.withdraw_by_program, own, referral.id, ours, verbs.time.at) == no_such
    verbs.do(appointment_offers.withdraw_by_partner, own, referral.label, theirs, verbs.time.at)
    verbs.do(appointment_offers.withdraw_at_desk, verbs.desk(), label, ours)


def test_a_centre_sends_no_document_beyond_what_fits(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file()
    referral = accepted(verbs, label)
    with verbs.database.begin(write=False) as session:
        row, case = session.get_one(Referral, referral.id), session.get_one(Case, referral.case_id)
        assert centre_documents.sent_before(session, row, case, uuid4(), DocumentLimits()) is None
        none = DocumentLimits(**dict.fromkeys(_counts(DocumentLimits()), 0))
        with pytest.raises(DocumentsFull):
            centre_documents.sent_before(session, row, case, uuid4(), none)


def _counts(limits: DocumentLimits) -> Sequence[str]:
    return [name for name in type(limits).__slots__ if isinstance(getattr(limits, name), int)]


def test_lists_of_ones_own_have_an_end(verbs: StaffVerbs) -> None:
    team, now, vera = verbs.desk().team_id, verbs.time.at, verbs.member("vera").member_id
    pavel = verbs.member("pavel").member_id
    with verbs.database.begin() as session:
        for number in range(saved_replies.MAX_REPLIES - 1):
            session.add(SavedReply(team_id=team, title=f"reply {number}", texts={"en": "x"}, updated_at=now))
        for number in range(saved_views.MAX_VIEWS - 1):
            session.add(
                SavedView(member_id=vera, view="all", filters={"country": f"X{number}"}, sort="age", created_at=now)
            )
    verbs.do(saved_replies.save, team, None, "the last", {"en": "x"}, now)
    assert verbs.status(saved_replies.save, team, None, "one more", {"en": "x"}, now)[0] == 409
    verbs.do(saved_replies.save, verbs.desk("outsider").team_id, None, "one more", {"en": "x"}, now)
    verbs.do(saved_views.save, vera, QueueQuery(filters=Filters(country="GE")), now)
    assert verbs.status(saved_views.save, vera, QueueQuery(filters=Filters(country="LT")), now)[0] == 409
    verbs.do(saved_views.save, vera, QueueQuery(filters=Filters(country="GE")), now)  # it is there already
    verbs.do(saved_views.save, pavel, QueueQuery(filters=Filters(country="LT")), now)


def test_a_case_of_another_team_has_no_outline(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file()
    assert verbs.do(team_cases.outline, verbs.desk().team_id, label).label == label
    for team, which in ((verbs.desk("outsider").team_id, label), (verbs.desk().team_id, "K-NONE")):
        assert verbs.status(team_cases.outline, team, which) == (404, "There is no such case.")


def test_a_task_is_not_opened_again_beside_another_of_its_kind(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file()
    desk = verbs.desk()
    with verbs.database.begin() as session:
        tasks.open_task(session, TaskKind.MOVED_HERE, session.get_one(Case, verbs.case(label).id), now=verbs.time.at)
    with verbs.database.begin(write=False) as session:
        first = session.scalars(sa.select(Task.id).where(Task.kind == TaskKind.MOVED_HERE.value)).one()
    me = desk.member.member_id
    verbs.do(tasks.finish_task, desk.team_id, first, me, now=verbs.time.at)
    with verbs.database.begin() as session:
        tasks.open_task(session, TaskKind.MOVED_HERE, session.get_one(Case, verbs.case(label).id), now=verbs.time.at)
    assert verbs.status(tasks.reopen_task, desk.team_id, first, me, now=verbs.time.at) == (
        409, "There is another task of this kind about the same by now.",
    )  # fmt: skip
    assert (
        verbs.refused(tasks.reopen_task, desk.team_id, first, verbs.member("pavel").member_id, now=verbs.time.at).status
        == 404
    )


def test_a_case_is_not_restricted_while_a_conversation_stays_with_another_key(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file()
    referral = verbs.refer(label, f"{ONE}/legal-help")
    verbs.do(referral_threads.write_at_desk, verbs.desk(), label, referral.label, "hello", "form")
    with verbs.database.begin() as session:
        foreign = keyholders.active_key(session, verbs.desk("outsider").team_id)
        assert foreign is not None
        of_team = threads.ReferralMessageWrap.kind == "team"
        session.execute(sa.update(threads.ReferralMessageWrap).where(of_team).values(key_id=foreign.id))
    named = [verbs.member(name).member_id for name in ("sofia", "pavel")]
    status, words = verbs.status(restrictions.restrict, verbs.desk("sofia"), label, verbs.case(label).version, named)
    assert (status, words.startswith("You were not given the key")) == (403, True)
    assert not verbs.case(label).restricted


def test_a_centre_takes_back_its_own_document_while_it_may_open(
    verbs: StaffVerbs, monkeypatch: pytest.MonkeyPatch
) -> None:
    label, _receipt = verbs.file()
    referral = verbs.refer(label, f"{ONE}/legal-help")
    taken: list[UUID] = []
    monkeypatch.setattr(centre_documents.storage, "remove", lambda _session, document: taken.append(document.id))

    def take_back(owner: str | None, state: str) -> tuple[int, str] | None:
        document = Document(id=uuid4(), organisation_id=named_id("organisation", owner) if owner else None)
        monkeypatch.setattr(centre_documents.storage, "find", lambda *_given: document)
        referral.state = state
        try:
            verbs.do(centre_documents.take_back, referral, document.id, who=uuid4(), now=verbs.time.at)
        except AppError as error:
            return error.status, str(error)
        return None

    assert take_back(TWO, "accepted") == take_back(None, "accepted") == (404, "There is no such document.")
    assert take_back(ONE, "offered") == (409, "The documents open once you have accepted.")
    assert taken == []
    assert take_back(ONE, "accepted") is None
    assert len(taken) == 1
