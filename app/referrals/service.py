"""The verbs of a referral. All go through `advance`: lock, check, move, note, tell, in one transaction.

State and every time owed follow from the events alone; there is no repair job because nothing needs repair.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit, messaging
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed, PreconditionFailed
from app.core.keyring import KeyRing
from app.directory.models import ServiceRow
from app.directory.packs import load_packs
from app.intake import life, vault
from app.intake.models import Case
from app.intake.states import CaseState, CaseVerb
from app.matching.deadlines import calendar_of
from app.partners.organisations import Organisation
from app.referrals import clocks, feed, queries
from app.referrals.clocks import DueTimes, Hours, Step
from app.referrals.labels import new_label
from app.referrals.models import Referral, ReferralEvent
from app.referrals.reasons import DAY_REQUIRED, OUTCOME_REQUIRED, OUTCOMES, REASON_REQUIRED, reasons_for
from app.referrals.states import ASKED, LIVE, OPENED, Actor, Clock, Move, State, Verb, allowed_actions, next_move

_FAILED: Final = frozenset(
    {State.DECLINED, State.HANDED_BACK, State.WITHDRAWN, State.CLIENT_DECLINED, State.EXPIRED, State.ENTERED_IN_ERROR}
)
_TELLS_TEAM: Final = frozenset(
    {State.ACCEPTED, State.DECLINED, State.EXPIRED, State.HANDED_BACK, State.INFO_REQUESTED, State.WAITLISTED, State.COMPLETED}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ActorRef:
    """Who acts. A partner acts for its organisation; whatever else it names does not exist for it."""

    kind: Actor
    id: UUID | None = None
    organisation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a verb may carry beside itself: a reason code, an outcome code, a day."""

    reason: str | None = None
    outcome: str | None = None
    until: date | None = None


CLOCK: Final = ActorRef(Actor.CLOCK)


def create(
    session: Session, keys: KeyRing, case: Case, service_key: str, *, by: ActorRef, now: datetime
) -> Referral:
    """A draft for one service. The caller holds the case's row.

    Raises Conflict: the case has ended, the organisation is excluded, can not answer here, or is asked already.
    """
    if case.closed_at is not None:
        raise Conflict("The case is closed.", state=case.state)
    service = session.scalars(
        sa.select(ServiceRow).where(ServiceRow.key == service_key, ServiceRow.retired_at.is_(None))
    ).one_or_none()
    if service is None:
        raise Conflict("This service is no longer in the directory.")
    facts = vault.unlock_facts(keys, case.id, case.facts_version, case.facts) if case.facts else {}
    _check_may_be_asked(session, case, facts, service.organisation_id)
    referral_id = uuid4()
    card = {name: facts[name] for name in ("region", "helps", "for_whom") if facts.get(name)}
    referral = Referral(
        id=referral_id,
        label=new_label("R-"),
        case_id=case.id,
        service_id=service.id,
        organisation_id=service.organisation_id,
        state=State.DRAFT.value,
        version=1,
        tier=case.tier,
        deadline_on=case.last_safe_day,
        card=keys.lock(vault.padded(card), "referrals", str(referral_id), "card", "1"),
        waiting_since=case.waiting_since,
        created_at=now,
        updated_at=now,
    )
    session.add(referral)
    session.flush()
    _note(session, referral, None, "create", Said(), by, now)
    return referral


def _check_may_be_asked(session: Session, case: Case, facts: dict[str, Any], organisation_id: UUID) -> None:
    organisation = session.get_one(Organisation, organisation_id)
    if organisation.kind == "authority":
        raise Conflict("An authority is never asked.")
    if organisation.slug in (facts.get("consent") or {}).get("never", ()):
        raise Conflict("The person asked not to contact this organisation.")
    if organisation.slug in queries.excluded_organisations(session, case.id):
        raise Conflict("This organisation is not available for this case.")
    taken = sa.select(Referral.id).where(
        Referral.case_id == case.id,
        Referral.organisation_id == organisation_id,
        Referral.state.in_([state.value for state in LIVE]),
    )
    if session.scalar(taken) is not None:
        raise Conflict("This organisation has been asked already.")


def advance(
    session: Session,
    referral_id: UUID,
    verb: Verb,
    *,
    by: ActorRef,
    now: datetime,
    expected_version: int | None = None,
    said: Said | None = None,
) -> Referral:
    """Take one step. Two that race for it: one wins, the other gets 409 or 412 with the state as it is now.

    Raises NotFound (unknown, or another organisation's), PreconditionFailed (another version), IllegalMove and
    NotAllowed (the table), Invalid (a reason, outcome or day that is missing or does not belong to the verb),
    Conflict (a guard: no consent, paused too often, completed too long ago).
    """
    organisation_id = by.organisation_id if by.kind is Actor.PARTNER else None
    if by.kind is Actor.PARTNER and organisation_id is None:
        raise NotAllowed("A partner acts for an organisation.")
    referral, case = queries.locked(session, referral_id, organisation_id)
    state = State(referral.state)
    if expected_version is not None and expected_version != referral.version:
        raise PreconditionFailed(
            "The referral has moved on.",
            state=state.value,
            version=referral.version,
            allowed_actions=allowed_actions(state, by=by.kind),
        )
    move = next_move(state, verb, by=by.kind)
    said = said or Said()
    _check_said(verb, said, now)
    _check_guards(session, referral, case, verb, now)
    _apply(session, referral, case, move, by, said, now)
    return referral


def _check_said(verb: Verb, said: Said, now: datetime) -> None:
    """Reason, outcome and day: there when the verb needs them, of its own codes, and absent otherwise."""
    wanted = (
        ("reason", said.reason, verb in REASON_REQUIRED, reasons_for(verb)),
        ("outcome", said.outcome, verb in OUTCOME_REQUIRED, list(OUTCOMES) if verb in OUTCOME_REQUIRED else []),
    )
    errors = []
    for name, value, required, codes in wanted:
        if value is None and required:
            errors.append(FieldError(pointer=f"/{name}", code="required", detail=f"One of: {', '.join(codes)}."))
        elif value is not None and value not in codes:
            detail = f"One of: {', '.join(codes)}." if codes else "This action takes none."
            errors.append(FieldError(pointer=f"/{name}", code="unknown_code", detail=detail))
    if verb in DAY_REQUIRED and (said.until is None or said.until <= now.date()):
        errors.append(FieldError(pointer="/until", code="required", detail="A day after today."))
    if verb not in DAY_REQUIRED and said.until is not None:
        errors.append(FieldError(pointer="/until", code="not_taken", detail="This action takes no day."))
    if errors:
        raise Invalid(errors)


def _check_guards(session: Session, referral: Referral, case: Case, verb: Verb, now: datetime) -> None:
    if verb in {Verb.OFFER, Verb.CONSENT} and referral.organisation_id not in vault.holders(session, case.id):
        raise Conflict("The person has not agreed that this organisation may read the case.", state=referral.state)
    if verb is Verb.ACCEPT and referral.organisation_id not in vault.holders(session, case.id):
        raise Conflict("The person has withdrawn their consent.", state=referral.state)
    if verb is Verb.ASK_INFO and referral.pauses >= clocks.MOST_PAUSES:
        raise Conflict("The clock was stopped twice already: decide with what is known.", state=referral.state)
    if verb is Verb.REOPEN and (referral.completed_at is None or now - referral.completed_at > clocks.REOPEN_WITHIN):
        raise Conflict("It was completed more than 90 days ago.", state=referral.state)
    if verb is Verb.REOPEN and case.state == CaseState.ERASED:
        raise Conflict("The person had the case erased.", state=referral.state)


def _apply(
    session: Session, referral: Referral, case: Case, move: Move, by: ActorRef, said: Said, now: datetime
) -> None:
    referral.state = move.target.value
    referral.version += 1
    referral.updated_at = now
    referral.reason = said.reason or (referral.reason if move.target not in _FAILED else None)
    referral.outcome = said.outcome or referral.outcome
    referral.completed_at = now if move.target is State.COMPLETED else None
    _CLOCK_EFFECTS[move.clock](referral, case, said, now)
    session.flush()
    _note(session, referral, move.source.value, move.verb.value, said, by, now)
    if referral.offered_at is not None:
        feed.publish(
            session, referral.organisation_id, referral.id, f"referral.{move.target}", referral.version, now
        )
    if move.target is State.OFFERED:
        messaging.queue(
            session, "referral_offered", about_id=referral.id, organisation_id=referral.organisation_id, now=now
        )
    elif move.target in _TELLS_TEAM:
        messaging.queue(session, f"referral_{move.target}", about_id=referral.id, team_id=case.team_id, now=now)
    _follow_up(session, referral, case, move, by, now)


def _note(
    session: Session, referral: Referral, source: str | None, verb: str, said: Said, by: ActorRef, now: datetime
) -> None:
    codes: dict[str, Any] = {
        name: value
        for name, value in (("outcome", said.outcome), ("until", said.until.isoformat() if said.until else None))
        if value
    }
    session.execute(
        sa.insert(ReferralEvent),
        {
            "id": uuid4(),
            "referral_id": referral.id,
            "seq": referral.version,
            "verb": verb,
            "source": source,
            "target": referral.state,
            "actor_kind": by.kind.value,
            "actor_id": by.id,
            "reason": said.reason,
            "codes": codes,
            "at": now,
        },
    )
    audit.record(
        session,
        actor_kind=by.kind.value,
        actor_id=by.id.hex if by.id else "-",
        action=f"referral:{verb}",
        subject_kind="referral",
        subject_id=referral.id,
        codes={"state": referral.state, "version": referral.version, **({"reason": said.reason} if said.reason else {})},
        now=now,
    )


# --- what follows --------------------------------------------------------------------------------------------------


def _follow_up(session: Session, referral: Referral, case: Case, move: Move, by: ActorRef, now: datetime) -> None:
    """Every end that is no success leaves an owned next step; a success ends what was asked of others."""
    state = CaseState(case.state)
    if move.target is State.OFFERED and state is not CaseState.REFERRED:
        _move_case(session, case, CaseVerb.REFER, by, now)
    elif move.target is State.ACCEPTED:
        _withdraw_others(session, referral, case, now)
        vault.destroy_other_wraps(session, case.id, referral.organisation_id)
    elif move.target is State.COMPLETED:
        _move_case(session, case, CaseVerb.HELP, by, now)
    elif move.verb is Verb.REOPEN and state in {CaseState.HELPED, CaseState.ADVISED}:
        _move_case(session, case, CaseVerb.REOPEN, by, now)
        _move_case(session, case, CaseVerb.REFER, CLOCK, now)
    elif move.target in _FAILED:
        if referral.reason == "conflict" or move.target in {State.CLIENT_DECLINED, State.HANDED_BACK}:
            vault.destroy_wraps(session, case.id, [referral.organisation_id])
        if state is CaseState.REFERRED and not queries.live_of_case(session, case.id):
            _move_case(session, case, CaseVerb.RETURN, by, now)


def _move_case(session: Session, case: Case, verb: CaseVerb, by: ActorRef, now: datetime) -> None:
    life.move(session, case, verb, actor_kind=by.kind.value, actor_id=by.id, now=now)


def _withdraw_others(session: Session, accepted: Referral, case: Case, now: datetime) -> None:
    for other in queries.live_of_case(session, case.id):
        if other.id != accepted.id:
            move = next_move(State(other.state), Verb.WITHDRAW, by=Actor.CLOCK)
            _apply(session, other, case, move, CLOCK, Said(reason="taken_elsewhere"), now)


def end_all(session: Session, case_id: UUID, *, by: Actor, now: datetime) -> None:
    """The person wants no help any more: every live referral of the case ends. The caller holds the case's row."""
    case = life.locked(session, case_id)
    for referral in queries.live_of_case(session, case_id):
        move = next_move(State(referral.state), Verb.CLIENT_WITHDRAW, by=by)
        _apply(session, referral, case, move, ActorRef(by), Said(), now)


def forget(session: Session, case_id: UUID) -> None:
    """Erasure: the cards go; states, verbs and times stay, they name nobody."""
    session.execute(sa.update(Referral).where(Referral.case_id == case_id).values(card=None, deadline_on=None))


def export(session: Session, case_id: UUID) -> list[dict[str, Any]]:
    """For the person: who was asked and what became of it. Why an organisation said no is not told."""
    rows = session.execute(
        sa.select(Organisation.name, Referral.state, Referral.offered_at, Referral.updated_at)
        .join(Organisation, Organisation.id == Referral.organisation_id)
        .where(Referral.case_id == case_id, Referral.offered_at.is_not(None))
        .order_by(Referral.offered_at)
    )
    return [
        {"organisation": row.name, "state": row.state, "asked_on": row.offered_at.date().isoformat()} for row in rows
    ]


def may_open(referral: Referral) -> bool:
    """Whether the organisation may have the sealed parts now."""
    return State(referral.state) in OPENED


# --- clocks --------------------------------------------------------------------------------------------------------


def _hours(case: Case) -> Hours:
    calendar = calendar_of(load_packs().country(case.country))
    return Hours(calendar.time_zone, calendar.is_holiday)


def _times(referral: Referral) -> DueTimes:
    assert referral.acknowledge_by
    assert referral.decide_by
    assert referral.expires_at
    return DueTimes(referral.acknowledge_by, referral.decide_by, referral.expires_at)


def _set_times(referral: Referral, times: DueTimes) -> None:
    referral.acknowledge_by, referral.decide_by, referral.expires_at = (
        times.acknowledge_by,
        times.decide_by,
        times.expires_at,
    )


def _set_due(referral: Referral) -> None:
    assert referral.offered_at
    step = clocks.next_step(referral.clock_steps, referral.offered_at, _times(referral))
    referral.due_at = step[1] if step else None


def _start_answer(referral: Referral, case: Case, _said: Said, now: datetime) -> None:
    referral.offered_at = now
    referral.clock_steps = 0
    _set_times(referral, clocks.answer_times(referral.tier, now, _hours(case), referral.deadline_on))
    _set_due(referral)


def _go_on(referral: Referral, _case: Case, _said: Said, _now: datetime) -> None:
    """The same times hold."""


def _pause(referral: Referral, _case: Case, _said: Said, now: datetime) -> None:
    assert referral.expires_at
    referral.pauses += 1
    referral.paused_at = now
    referral.due_at = referral.expires_at + clocks.LONGEST_PAUSE
    referral.clock_steps = len(clocks.STEPS) - 1


def _unpause(referral: Referral, case: Case, _said: Said, now: datetime) -> None:
    assert referral.paused_at
    assert referral.offered_at
    times = clocks.shifted(_times(referral), now - referral.paused_at)
    latest = clocks.latest_answer(now, _hours(case), referral.deadline_on)
    if latest is not None:
        times = DueTimes(*(min(moment, latest) for moment in (times.acknowledge_by, times.decide_by, times.expires_at)))
    referral.paused_at = None
    _set_times(referral, times)
    referral.clock_steps = sum(clocks.step_at(step, referral.offered_at, times) <= now for step in (Step.REMIND, Step.REMIND_AGAIN))
    _set_due(referral)


def _clear(referral: Referral) -> None:
    referral.acknowledge_by = referral.decide_by = referral.expires_at = None
    referral.contact_by = referral.due_at = referral.paused_at = None
    referral.review_on = None
    referral.clock_steps = 0


def _review(referral: Referral, case: Case, said: Said, _now: datetime) -> None:
    _clear(referral)
    assert said.until
    referral.review_on = said.until
    referral.due_at = datetime.combine(said.until, time(9, 0), _hours(case).zone)


def _first_contact(referral: Referral, case: Case, _said: Said, now: datetime) -> None:
    _clear(referral)
    referral.contact_by = clocks.first_contact_by(referral.tier, now, _hours(case), referral.deadline_on)
    referral.due_at = referral.contact_by


def _stop(referral: Referral, _case: Case, _said: Said, _now: datetime) -> None:
    _clear(referral)


_CLOCK_EFFECTS: Final[dict[Clock, Callable[[Referral, Case, Said, datetime], None]]] = {
    Clock.START_ANSWER: _start_answer,
    Clock.GO_ON: _go_on,
    Clock.PAUSE: _pause,
    Clock.UNPAUSE: _unpause,
    Clock.REVIEW: _review,
    Clock.FIRST_CONTACT: _first_contact,
    Clock.STOP: _stop,
}


def clocks_tick(session: Session, *, now: datetime, limit: int) -> int:
    """Do what is due on up to `limit` referrals: remind, escalate, expire. Doing it twice does nothing more."""
    done = 0
    for referral_id in queries.due(session, now, limit):
        referral, case = queries.locked(session, referral_id)
        if referral.due_at is None or referral.due_at > now:
            continue  # another worker, or an answer, was faster
        _tick(session, referral, case, now)
        done += 1
    return done


def _tick(session: Session, referral: Referral, case: Case, now: datetime) -> None:
    if State(referral.state) not in ASKED or referral.expires_at is None:
        referral.due_at = None
        messaging.queue(session, f"look_at_{referral.state}", about_id=referral.id, team_id=case.team_id, now=now)
        session.flush()
        return
    if now >= referral.expires_at and referral.clock_steps >= len(clocks.STEPS) - 1:
        move = next_move(State(referral.state), Verb.EXPIRE, by=Actor.CLOCK)
        _apply(session, referral, case, move, CLOCK, Said(), now)
        return
    step = clocks.STEPS[referral.clock_steps]
    if step is Step.ESCALATE:
        messaging.queue(session, "offer_overdue", about_id=referral.id, team_id=case.team_id, now=now)
    else:
        messaging.queue(
            session, "offer_reminder", about_id=referral.id, organisation_id=referral.organisation_id, now=now
        )
    referral.clock_steps += 1
    _set_due(referral)
    session.flush()
