"""Moving a case to another host country's team, with the person's consent; its waiting time and history are preserved.

The new team can read only what is sealed to it. The person's key comes from the person, who answers with their number; the
notes' key comes from the coordinator who asks: it is sealed to the new team when the question is asked, and stored encrypted
until the answer is yes.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit, messaging
from app.cases import appointments, case_presence, duplicate_detection, emergency_alerts, sealed_parts, transitions
from app.cases.models import Case, CaseMove, CaseWrap, WrapFor
from app.cases.person_access import OpenedCase
from app.cases.sealed_parts import Recipient
from app.cases.states import CaseState, CaseVerb
from app.casework import conflict_screening, coordinator, person_news, referral_actions, rematching, sealed_access
from app.casework.coordinator import Desk
from app.core import keyholders
from app.core.clock import to_the_hour
from app.core.errors import Conflict, FieldError, Invalid, NotFound
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.messaging import recipients
from app.messaging.kinds import NoticeKind
from app.referrals import queries, threads
from app.referrals.actors import CLOCK
from app.referrals.commands import TransitionInput
from app.referrals.states import AT_WORK, NOT_OFFERED, UNDECIDED, ReferralVerb
from app.staff import service as staff
from app.tasks import service as tasks
from app.tasks.service import TaskKind


@dataclass(frozen=True, slots=True)
class MoveQuestion:
    """A question to the person: may the case move to this country?"""

    from_country: str
    to_country: str


def _open_question(session: Session, case_id: UUID, *, lock: bool = False) -> CaseMove | None:
    query = sa.select(CaseMove).where(CaseMove.case_id == case_id, CaseMove.answer.is_(None))
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def open_question(session: Session, case_id: UUID) -> MoveQuestion | None:
    """The question that waits for the person's answer, if any."""
    move = _open_question(session, case_id)
    return MoveQuestion(move.from_country, move.to_country) if move is not None else None


def ask(session: Session, desk: Desk, directory: Directory, label: str, version: int, country: str) -> Case:
    """Ask the person whether the case may go to this country. Raises Invalid, Conflict (asked already, at work, no team)."""
    case = coordinator.locked_case(session, desk, label, version)
    if not directory.has_country(country) or country == case.country:
        raise Invalid([FieldError(pointer="/country", code="unknown_code", detail="Choose another host country.")])
    if case.closed_at is not None:
        raise Conflict("The case is closed.", state=case.state)
    if case.restricted:
        raise Conflict(
            "The case is restricted. Lift the restriction before it moves to another country.", state=case.state
        )
    if _open_question(session, case.id, lock=True) is not None:
        raise Conflict("The person has already been asked whether the case may move.", state=case.state)
    _refuse_at_work(session, case)
    team_id = staff.team_for(session, country)
    key = keyholders.active_key(session, team_id) if team_id is not None else None
    if team_id is None or key is None:
        raise Conflict("No team takes cases from that country yet.", state=case.state)
    move = CaseMove(
        case_id=case.id,
        from_country=case.country,
        to_country=country,
        from_team_id=case.team_id,
        to_team_id=team_id,
        asked_at=desk.now,
    )
    if team_id != case.team_id:
        to = Recipient(WrapFor.TEAM, team_id, key.public_key, key.id)
        notes_key = sealed_access.data_key(session, desk, case, sealed_parts.DESK)
        move.desk_key_id = key.id
        move.desk_key = sealed_parts.wrap_row(desk.keys, case.id, sealed_parts.DESK, notes_key, to)["ciphertext"]
    session.add(move)
    coordinator.record_change(session, desk, case, "case:move_asked")
    messaging.notify_person(session, NoticeKind.MOVE_ASKED, about_id=case.id, case_id=case.id, now=desk.now)
    return case


def _refuse_at_work(session: Session, case: Case) -> None:
    if queries.lock_live_referrals(session, case.id, AT_WORK):
        raise Conflict(
            "An organisation is at work on the case. It has to complete it or hand it back first.", state=case.state
        )


def answer(
    session: Session, opened: OpenedCase, *, yes: bool, keys: KeyRing, directory: Directory, now: datetime
) -> None:
    """Record the person's answer. With a yes, offers in the old country are withdrawn, and the new team gets the case.

    The caller holds the case's row. Raises NotFound (there is no question), Conflict (an organisation has taken the case in the
    meantime).
    """
    case = opened.case
    move = _open_question(session, case.id, lock=True)
    if move is None:
        raise NotFound("There is no such question.")
    notes_key, move.desk_key = move.desk_key, None
    move.answer, move.answered_at = ("yes" if yes else "no"), to_the_hour(now)
    session.flush()
    if yes:
        _refuse_at_work(session, case)
        _hand_over_keys(session, opened, move, notes_key, keys)
        _end_what_was_asked(session, case, now)
        appointments.end_live(session, case.id, every=True)
        case.country = move.to_country
        conflict_screening.rescreen(session, keys, directory, case, opened.person_key, now)
        _settle(session, case, move, keys, directory, now)
    else:
        person_news.tell_team(session, case, now)
    audit.record_by_person(
        session,
        case.id,
        "case:moved" if yes else "case:move_refused",
        now,
        codes={"from": move.from_country, "to": move.to_country},
    )


def _hand_over_keys(
    session: Session, opened: OpenedCase, move: CaseMove, notes_key: bytes | None, keys: KeyRing
) -> None:
    """Seal both keys to the new team and destroy the old team's."""
    if move.to_team_id == move.from_team_id:
        return
    key = keyholders.active_key(session, move.to_team_id)
    if key is None or notes_key is None or key.id != move.desk_key_id:
        raise Conflict("The other team has a new key: a coordinator has to ask once more.")
    case_id = opened.case.id
    team = CaseWrap.kind == WrapFor.TEAM.value
    version = session.scalar(
        sa.select(CaseWrap.version).where(CaseWrap.case_id == case_id, CaseWrap.purpose == sealed_parts.DESK, team)
    )
    session.execute(sa.delete(CaseWrap).where(CaseWrap.case_id == case_id, team))
    threads.destroy(
        session, case_id
    )  # the old team's conversations: nobody at work has one, and the new team reads none
    to = Recipient(WrapFor.TEAM, move.to_team_id, key.public_key, key.id)
    sealed_parts.grant(session, keys, case_id, sealed_parts.PERSON, opened.person_key, [to])
    session.add(
        CaseWrap(
            case_id=case_id,
            purpose=sealed_parts.DESK,
            kind=WrapFor.TEAM.value,
            owner_id=move.to_team_id,
            key_id=key.id,
            version=version or 1,
            ciphertext=notes_key,
        )
    )
    session.flush()


def _end_what_was_asked(session: Session, case: Case, now: datetime) -> None:
    for referral in queries.lock_live_referrals(session, case.id, UNDECIDED | NOT_OFFERED):
        referral_actions.advance(
            session, referral.id, ReferralVerb.WITHDRAW, by=CLOCK, now=now, payload=TransitionInput(reason="moved_away")
        )


def _settle(session: Session, case: Case, move: CaseMove, keys: KeyRing, directory: Directory, now: datetime) -> None:
    """Set country, team, facts and matches to those of the new country. `waiting_since` and the last safe day stay."""
    case.country, case.team_id, case.owner_id, case.snoozed_until = move.to_country, move.to_team_id, None, None
    if move.to_team_id != move.from_team_id:
        duplicate_detection.leave_team(session, case)
    case.version += 1
    case.updated_at = to_the_hour(now)
    if CaseState(case.state) is CaseState.UNMET:
        transitions.move(session, case, CaseVerb.TAKE, actor_kind="clock", actor_id=None, now=now)
    codes = {"from": move.from_country, "to": move.to_country}
    transitions.record_event(session, case, "moved", actor_kind="person", at=to_the_hour(now), codes=codes)
    recipients.set_time_zone(session, case.id, directory.country(move.to_country).time_zone)
    if case.facts is not None:
        answers = sealed_parts.decrypt_facts(keys, case.id, case.facts_version, case.facts)
        answers["country"] = move.to_country
        answers.pop("region", None)
        if answers.get(
            "letter"
        ):  # kinds are those of one country: the new one's court and time limit are not this letter's
            answers["letter"] = {**answers["letter"], "kind": "unknown"}
        case.facts_version += 1
        case.facts = sealed_parts.encrypt_facts(keys, case.id, case.facts_version, answers)
        session.flush()
        rematching.run_matching(session, keys, directory, case, now)
    tasks.end_case_tasks(session, case.id, now)
    tasks.open_task(session, TaskKind.MOVED_HERE, case, now=now)
    news = NoticeKind.EMERGENCY if case.urgency == "emergency" else NoticeKind.CASE_MOVED_HERE
    emergency_alerts.forget(session, case.id)  # the former team's, as is whoever has the case on the screen
    case_presence.forget(session, case.id)
    messaging.queue(session, news, about_id=case.id, team_id=case.team_id, now=to_the_hour(now))
