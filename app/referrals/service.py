"""The verbs of a referral. All go through `advance`: lock, check, move, note, tell, in one transaction.

State and every time owed follow from the events alone; there is no repair job because nothing needs repair.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit, messaging
from app.conflicts import service as conflicts
from app.core.clock import to_the_hour
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed, PreconditionFailed
from app.core.keyring import KeyRing
from app.directory.models import ServiceRow
from app.intake import life, vault
from app.intake.models import Case
from app.intake.states import CaseState, CaseVerb
from app.matching import records
from app.matching.facts import Tier
from app.messaging import notices
from app.partners.organisations import Organisation
from app.referrals import clocks, feed, queries, tasks
from app.referrals.clocks import Happened, Owed, Terms
from app.referrals.hours import hours_of, said_in_directory
from app.referrals.labels import new_label
from app.referrals.models import ContactAnswer, Referral, ReferralEvent
from app.referrals.reasons import (
    CONSEQUENCES,
    DAY_REQUIRED,
    FOLLOWS,
    OUTCOME_REQUIRED,
    OUTCOMES,
    QUESTION_TAKEN,
    QUESTIONS,
    REASON_REQUIRED,
    UNNAMED_QUESTION,
    WORK_DONE,
    WORK_TAKEN,
    AfterOutcome,
    Consequence,
    reasons_for,
)
from app.referrals.states import (
    ASKED,
    BEGINNING,
    FAILED,
    LIVE,
    OPENED,
    WITH_PARTNER,
    Actor,
    Clock,
    Guard,
    Move,
    Party,
    State,
    Verb,
    allowed_actions,
    next_move,
)
from app.referrals.tasks import TaskKind

_FURTHEST_DEADLINE: Final = timedelta(days=2 * 366)
FULL_FOR: Final = timedelta(days=14)
"""How long a service counts as full after it declined for want of a free place."""


_TAKES_UP: Final = frozenset({State.AWAITING_CONSENT, State.OFFERED, State.ACCEPTED, State.IN_PROGRESS})
"""In these states somebody was asked, or is at work: nobody has to look for them any more."""
_DECIDES: Final = frozenset({Verb.ACCEPT, Verb.DECLINE, Verb.WAITLIST, Verb.EXPIRE})


@dataclass(frozen=True, slots=True)
class ActorRef:
    """Who acts. A partner acts for its organisation; whatever else it names does not exist for it."""

    kind: Actor
    id: UUID | None = None
    organisation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a verb may carry beside itself: codes and days."""

    reason: str | None = None
    outcome: str | None = None
    until: date | None = None
    question: str | None = None
    work_done: tuple[str, ...] = ()
    deadline_on: date | None = None


CLOCK: Final = ActorRef(Actor.CLOCK)


def create(
    session: Session,
    keys: KeyRing,
    case: Case,
    service_key: str,
    *,
    by: ActorRef,
    now: datetime,
    follows: UUID | None = None,
) -> Referral:
    """A draft for one service. Takes the case's row lock, which the caller may hold already.

    Raises Conflict: the case has ended, the organisation is excluded, can not answer here, or is asked already.
    """
    case = life.locked(session, case.id)
    if case.closed_at is not None:
        raise Conflict("The case is closed.", state=case.state)
    if case.merged_into_id is not None:
        raise Conflict("This case goes on as another one: refer that.", state=case.state)
    service = session.scalars(
        sa.select(ServiceRow).where(ServiceRow.key == service_key, ServiceRow.retired_at.is_(None))
    ).one_or_none()
    if service is None:
        raise Conflict("This service is no longer in the directory.")
    facts = vault.unlock_facts(keys, case.id, case.facts_version, case.facts) if case.facts else {}
    organisation = session.get_one(Organisation, service.organisation_id)
    if organisation.slug in (facts.get("consent") or {}).get("never", ()):
        raise Conflict("The person asked not to contact this organisation.")
    _check_may_be_asked(session, case.id, organisation, now)
    if queries.is_asked(session, case.id, organisation.id):
        raise Conflict("This organisation has been asked already.")
    referral_id = uuid4()
    card = {name: facts[name] for name in ("region", "helps", "for_whom") if facts.get(name)}
    referral = Referral(
        id=referral_id,
        label=_free_label(session),
        case_id=case.id,
        service_id=service.id,
        organisation_id=service.organisation_id,
        state=BEGINNING.value,
        version=1,
        tier=tier_now(case, now),
        deadline_on=case.last_safe_day,
        card=keys.lock(vault.padded(card), "referrals", str(referral_id), "card", "1"),
        waiting_since=case.waiting_since,
        created_at=now,
        updated_at=now,
        predecessor_id=follows,
        hours=notices.hours(session, service.organisation_id) or said_in_directory(organisation.entry),
    )
    set_times(referral, clocks.after(Owed(), Happened(Clock.WAIT, _at(by, now)), terms_of(referral, case)))
    session.add(referral)
    session.flush()
    _note(session, referral, None, "create", Said(), by, now)
    return referral


def _free_label(session: Session) -> str:
    while True:
        label = new_label("R-")
        if session.scalar(sa.select(Referral.id).where(Referral.label == label)) is None:
            return label


def tier_now(case: Case, now: datetime) -> Tier:
    """The case's tier, raised by a deadline that has come near since it was filed."""
    today = now.astimezone(hours_of(case.country).zone).date()
    return clocks.tier_now(cast("Tier", case.tier), case.last_safe_day, today)


def _check_may_be_asked(session: Session, case_id: UUID, organisation: Organisation, now: datetime) -> None:
    """Raises Conflict. Why an organisation is excluded is not said."""
    if organisation.kind == "authority":
        raise Conflict("An authority is never asked.")
    if organisation.retired_at is not None:
        raise Conflict("This organisation is no longer in the directory.")
    if organisation.paused_until is not None and organisation.paused_until > now:
        raise _rests()
    if organisation.slug in queries.excluded_organisations(session, case_id):
        raise Conflict("This organisation is not available for this case.")
    if organisation.slug in conflicts.excluded(session, case_id):
        raise _rests()


def _rests() -> Conflict:
    """Of an organisation that is paused, and of one with a conflict of interest: the two are not told apart."""
    return Conflict("This organisation takes no new cases at present.")


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
    present: dict[str, Any] = {
        "state": state.value,
        "version": referral.version,
        "allowed_actions": allowed_actions(state, by=by.kind),
    }
    if expected_version is not None and expected_version != referral.version:
        raise PreconditionFailed("The referral has moved on.", **present)
    said = _named(said or Said(), verb)
    try:
        move = next_move(state, verb, by=by.kind)
        _check_said(verb, said, now)
        for guard in move.guards:
            _GUARDS[guard](session, referral, case, now)
    except Conflict as refused:
        refused.extra = {**present, **refused.extra}
        raise
    _apply(session, referral, case, move, by, said, now)
    return referral


def _named(said: Said, verb: Verb) -> Said:
    """A question without a code is one that the coordinator has to find out."""
    return replace(said, question=UNNAMED_QUESTION) if verb in QUESTION_TAKEN and said.question is None else said


def _check_said(verb: Verb, said: Said, now: datetime) -> None:
    """Reason, outcome and day: there when the verb needs them, of its own codes, and absent otherwise."""
    wanted = (
        ("reason", said.reason, verb in REASON_REQUIRED, reasons_for(verb)),
        ("outcome", said.outcome, verb in OUTCOME_REQUIRED, list(OUTCOMES) if verb in OUTCOME_REQUIRED else []),
        ("question", said.question, False, list(QUESTIONS) if verb in QUESTION_TAKEN else []),
    )
    errors = []
    for name, value, required, codes in wanted:
        if value is None and required:
            errors.append(FieldError(pointer=f"/{name}", code="required", detail=f"One of: {', '.join(codes)}."))
        elif value is not None and value not in codes:
            detail = f"One of: {', '.join(codes)}." if codes else "This action takes none."
            errors.append(FieldError(pointer=f"/{name}", code="unknown_code", detail=detail))
    if verb in DAY_REQUIRED and said.until is None:
        errors.append(FieldError(pointer="/until", code="required", detail="A day after today."))
    if verb in DAY_REQUIRED and said.until and not now.date() < said.until <= (now + clocks.LONGEST_REVIEW).date():
        detail = f"A day after today, at most {clocks.LONGEST_REVIEW.days} days ahead."
        errors.append(FieldError(pointer="/until", code="out_of_range", detail=detail))
    if verb not in DAY_REQUIRED and said.until is not None:
        errors.append(FieldError(pointer="/until", code="not_taken", detail="This action takes no day."))
    errors += _wrong_work(verb, said, now)
    if errors:
        raise Invalid(errors)


def _wrong_work(verb: Verb, said: Said, now: datetime) -> list[FieldError]:
    """What is said of work done and a deadline known belongs to handing back alone."""
    errors = []
    if set(said.work_done) - (set(WORK_DONE) if verb in WORK_TAKEN else set()):
        detail = f"Some of: {', '.join(WORK_DONE)}." if verb in WORK_TAKEN else "This action takes none."
        errors.append(FieldError(pointer="/work_done", code="unknown_code", detail=detail))
    if said.deadline_on is not None and verb not in WORK_TAKEN:
        errors.append(FieldError(pointer="/deadline_on", code="not_taken", detail="This action takes no deadline."))
    elif said.deadline_on is not None and not now.date() <= said.deadline_on <= (now + _FURTHEST_DEADLINE).date():
        detail = f"A day from today on, at most {_FURTHEST_DEADLINE.days} days ahead."
        errors.append(FieldError(pointer="/deadline_on", code="out_of_range", detail=detail))
    return errors


# --- guards --------------------------------------------------------------------------------------------------------


def _case_open(_session: Session, _referral: Referral, case: Case, _now: datetime) -> None:
    if case.closed_at is not None:
        raise Conflict("The case is closed.")


def _may_be_asked(session: Session, referral: Referral, case: Case, now: datetime) -> None:
    _check_may_be_asked(session, case.id, session.get_one(Organisation, referral.organisation_id), now)


def _consent(session: Session, referral: Referral, case: Case, _now: datetime) -> None:
    organisation = session.get_one(Organisation, referral.organisation_id)
    if organisation.id not in vault.holders(session, case.id) or organisation.slug in conflicts.excluded(
        session, case.id
    ):
        raise Conflict("The person has not agreed, or no longer, that this organisation may read the case.")


def _pause_left(_session: Session, referral: Referral, _case: Case, _now: datetime) -> None:
    if referral.pauses >= clocks.MOST_PAUSES:
        raise Conflict("The clock was stopped twice already: decide with what is known.")


def _completed_lately(_session: Session, referral: Referral, _case: Case, now: datetime) -> None:
    if referral.completed_at is None or now - referral.completed_at > clocks.REOPEN_WITHIN:
        raise Conflict("It was completed more than 90 days ago.")


def _not_erased(_session: Session, _referral: Referral, case: Case, _now: datetime) -> None:
    if CaseState(case.state) in {CaseState.WITHDRAWN, CaseState.ERASED}:
        raise Conflict("The person has withdrawn the case or had it erased.")


def _no_other_live(session: Session, referral: Referral, case: Case, _now: datetime) -> None:
    if queries.is_asked(session, case.id, referral.organisation_id):
        raise Conflict("There is a newer referral of this case to the same organisation.")


def _just_now(_session: Session, referral: Referral, _case: Case, now: datetime) -> None:
    if now - referral.updated_at > clocks.UNDO_WITHIN:
        raise Conflict("It was done more than 30 minutes ago and can not be taken back any more.")


def _unread(_session: Session, referral: Referral, _case: Case, _now: datetime) -> None:
    if referral.read_at is not None:
        raise Conflict("The sealed parts were opened: it can not be taken back any more.")


def _not_undone(session: Session, referral: Referral, _case: Case, _now: datetime) -> None:
    if any(event.verb in {Verb.UNDO_ACCEPT, Verb.UNDO_WITHDRAW} for event in queries.events(session, referral.id)):
        raise Conflict("It was taken back once already.")


def _not_taken(_session: Session, referral: Referral, _case: Case, _now: datetime) -> None:
    if referral.offered_at is None or referral.reason == "taken_elsewhere":
        raise Conflict("It was not withdrawn by the desk after an offer: there is nothing to take back.")


_GUARDS: Final[dict[Guard, Callable[[Session, Referral, Case, datetime], None]]] = {
    Guard.CASE_OPEN: _case_open,
    Guard.MAY_BE_ASKED: _may_be_asked,
    Guard.CONSENT: _consent,
    Guard.PAUSE_LEFT: _pause_left,
    Guard.COMPLETED_LATELY: _completed_lately,
    Guard.NOT_ERASED: _not_erased,
    Guard.NO_OTHER_LIVE: _no_other_live,
    Guard.JUST_NOW: _just_now,
    Guard.UNREAD: _unread,
    Guard.NOT_UNDONE: _not_undone,
    Guard.NOT_TAKEN: _not_taken,
}


def may(session: Session, referral: Referral, case: Case, verb: Verb, *, by: Actor, now: datetime) -> bool:
    """Whether the table has this step and its guards hold now: for the pages, which offer only what works."""
    try:
        for guard in next_move(State(referral.state), verb, by=by).guards:
            _GUARDS[guard](session, referral, case, now)
    except (Conflict, NotAllowed):
        return False
    return True


def open_to_partner(session: Session, referral_id: UUID, organisation_id: UUID, now: datetime) -> list[Verb]:
    """The steps a partner can take just now, guards included. Takes no lock: the step itself checks again."""
    row = session.execute(
        sa.select(Referral, Case)
        .join(Case, Case.id == Referral.case_id)
        .where(Referral.id == referral_id, Referral.organisation_id == organisation_id)
    ).one()
    verbs = [Verb(verb) for verb in allowed_actions(State(row.Referral.state), by=Actor.PARTNER)]
    return [verb for verb in verbs if may(session, row.Referral, row.Case, verb, by=Actor.PARTNER, now=now)]


# --- the one step --------------------------------------------------------------------------------------------------


def _at(by: ActorRef, now: datetime) -> datetime:
    """The moment as it is kept: what the person themself did is kept to the full hour."""
    return to_the_hour(now) if by.kind is Actor.PERSON else now


def _apply(
    session: Session, referral: Referral, case: Case, move: Move, by: ActorRef, said: Said, now: datetime
) -> None:
    at = _at(by, now)
    referral.state = move.target.value
    referral.version += 1
    referral.updated_at = now  # exact, for `updated_since`: a moment that is cut would hide the change from a reader
    if referral.reason != "conflict":  # it excludes the organisation for ever, whatever becomes of the referral
        referral.reason = said.reason
    referral.outcome = said.outcome or referral.outcome
    referral.question = said.question
    referral.completed_at = at if move.target is State.COMPLETED else None
    happened = Happened(move.clock, at, said.until)
    set_times(referral, clocks.after(times_of(referral), happened, terms_of(referral, case)))
    session.flush()
    _note(session, referral, move.source.value, move.verb.value, said, by, now)
    if referral.offered_at is not None:
        feed.publish(session, referral.organisation_id, referral.id, f"referral.{move.target}", referral.version, at)
    _tell(session, referral, case, move, at)
    tasks.moved(session, referral.id, now)
    _remember(session, referral, move, at)
    _follow_up(session, referral, case, move, by, said, now)
    case.asked = queries.asked(session, case.id)


def _tell(session: Session, referral: Referral, case: Case, move: Move, at: datetime) -> None:
    kind, urgent = f"referral_{move.target}", referral.tier == "emergency"
    for party in move.tells:
        if party is Party.TEAM:
            messaging.queue(session, kind, about_id=referral.id, team_id=case.team_id, now=at)
        elif party is Party.PERSON:
            messaging.news(session, kind, about_id=referral.id, case_id=case.id, now=at)
        elif referral.offered_at is not None:
            to = referral.organisation_id
            messaging.queue(session, kind, about_id=referral.id, organisation_id=to, now=at, urgent=urgent)


def _remember(session: Session, referral: Referral, move: Move, at: datetime) -> None:
    """An offer that is decided, or not in time, says how long this service takes to answer."""
    if referral.offered_at is not None and move.verb in _DECIDES and move.source in ASKED:
        records.answered(session, referral.service_id, at - referral.offered_at)


def _note(
    session: Session, referral: Referral, source: str | None, verb: str, said: Said, by: ActorRef, now: datetime
) -> None:
    codes: dict[str, Any] = {
        name: value.isoformat() if isinstance(value, date) else value
        for name in ("outcome", "until", "question", "work_done", "deadline_on")
        if (value := getattr(said, name))
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
            "at": _at(by, now),
        },
    )
    audit.record(
        session,
        actor_kind=by.kind.value,
        actor_id=by.id.hex if by.id else "-",
        action=f"referral:{verb}",
        subject_kind="referral",
        subject_id=referral.id,
        codes={
            "state": referral.state,
            "version": referral.version,
            **({"reason": said.reason} if said.reason else {}),
        },
        now=now,
    )


# --- what follows --------------------------------------------------------------------------------------------------


def _follow_up(
    session: Session, referral: Referral, case: Case, move: Move, by: ActorRef, said: Said, now: datetime
) -> None:
    """Every end that is no success leaves an owned next step; a success ends what was asked of others."""
    if move.target in _TAKES_UP:
        tasks.offered(session, case.id, now)
    if move.target is State.OFFERED:
        if CaseState(case.state) is not CaseState.REFERRED:
            _move_case(session, case, CaseVerb.REFER, by, now)
    elif move.target is State.ACCEPTED:
        _withdraw_others(session, referral, case, now)
        _keep_only_readers(session, case)
    elif move.target is State.INFO_REQUESTED and referral.question == UNNAMED_QUESTION:
        tasks.open_task(session, TaskKind.QUESTION, case, referral=referral, now=now)
    elif move.target is State.COMPLETED:
        _completed(session, referral, case, by, now)
    elif move.verb is Verb.REOPEN:
        if CaseState(case.state) in {CaseState.HELPED, CaseState.ADVISED}:
            _move_case(session, case, CaseVerb.REOPEN, by, now)
        if CaseState(case.state) is not CaseState.REFERRED:
            _move_case(session, case, CaseVerb.REFER, CLOCK, now)
    elif move.target in FAILED:
        if said.deadline_on is not None:
            _deadline_known(case, said.deadline_on)
        _failed(session, referral, case, move, by, now)
        _leave_next_step(session, referral, case, move, now)


def _completed(session: Session, referral: Referral, case: Case, by: ActorRef, now: datetime) -> None:
    """The last one at work closes the case, unless its outcome is no help: then the desk goes on."""
    if queries.live_of_case(session, case.id, WITH_PARTNER) or CaseState(case.state) is not CaseState.REFERRED:
        return
    follows = FOLLOWS.get(referral.outcome or "", AfterOutcome.DESK)
    if follows is AfterOutcome.DESK:
        _return(session, case, by, now)
        tasks.open_task(session, TaskKind.FIND_NEXT, case, now=now)
        return
    for draft in queries.live_of_case(session, case.id):
        _withdraw(session, draft, case, "no_longer_needed", now)
    _move_case(session, case, CaseVerb.ADVISE if follows is AfterOutcome.ADVISED else CaseVerb.HELP, by, now)


def _failed(session: Session, referral: Referral, case: Case, move: Move, by: ActorRef, now: datetime) -> None:
    conflict = referral.reason == "conflict"
    if conflict:
        conflicts.take_from(session, case.id, referral.organisation_id, now)
    refused = move.target in {State.CLIENT_DECLINED, State.HANDED_BACK}
    if conflict or refused or (move.verb is Verb.VOID and move.source in OPENED):
        vault.destroy_wraps(session, case.id, [referral.organisation_id])
    if CONSEQUENCES.get(referral.reason or "") is Consequence.FULL:
        _count_as_full(session, referral.service_id, now)
    state = CaseState(case.state)
    if state is CaseState.REFERRED and not queries.live_of_case(session, case.id, WITH_PARTNER):
        _return(session, case, by, now)
    elif move.source is State.COMPLETED and state in {CaseState.HELPED, CaseState.ADVISED}:
        _move_case(session, case, CaseVerb.REOPEN, by, now)


_LEAVES: Final = {
    Consequence.REVIEW_RULE: TaskKind.REVIEW_RULE,
    Consequence.CHECK_CHANNEL: TaskKind.CHECK_CHANNEL,
    Consequence.MERGE: TaskKind.MERGE,
}


def _leave_next_step(session: Session, referral: Referral, case: Case, move: Move, now: datetime) -> None:
    """Somebody owns what comes next: what the reason asks for, and who is asked when nobody is."""
    if case.closed_at is not None:
        return
    left = _LEAVES.get(CONSEQUENCES.get(referral.reason or "", Consequence.NEXT))
    if left is not None:
        tasks.open_task(session, left, case, referral=referral, now=now)
    if move.verb is Verb.HAND_BACK:
        tasks.open_task(session, TaskKind.HANDED_BACK, case, referral=referral, now=now)
    elif not queries.live_of_case(session, case.id):
        tasks.open_task(session, TaskKind.FIND_NEXT, case, now=now)


def _deadline_known(case: Case, deadline_on: date) -> None:
    """A deadline that a partner knows binds what comes next, unless an earlier one does already."""
    if case.last_safe_day is None or deadline_on < case.last_safe_day:
        case.last_safe_day, case.deadline_certainty = deadline_on, "sourced-high"
    case.due_on = min(case.due_on, deadline_on)


def _return(session: Session, case: Case, by: ActorRef, now: datetime) -> None:
    """Back to the desk, and awake: somebody there owns what comes next."""
    _move_case(session, case, CaseVerb.RETURN, by, now)
    case.snoozed_until = None


def _count_as_full(session: Session, service_id: UUID, now: datetime) -> None:
    session.execute(
        sa.update(ServiceRow)
        .where(ServiceRow.id == service_id)
        .values(capacity="full", capacity_until=(now + FULL_FOR).date(), updated_at=now)
    )


def _move_case(session: Session, case: Case, verb: CaseVerb, by: ActorRef, now: datetime) -> None:
    life.move(session, case, verb, actor_kind=by.kind.value, actor_id=by.id, now=now)
    if case.closed_at is not None:
        tasks.case_ended(session, case.id, now)


def _withdraw_others(session: Session, accepted: Referral, case: Case, now: datetime) -> None:
    """What others were asked is over. Who is at work on the case already stays at work."""
    for other in queries.live_of_case(session, case.id, LIVE - OPENED):
        if other.id != accepted.id:
            _withdraw(session, other, case, "taken_elsewhere", now)


def _withdraw(session: Session, referral: Referral, case: Case, reason: str, now: datetime) -> None:
    move = next_move(State(referral.state), Verb.WITHDRAW, by=Actor.CLOCK)
    _apply(session, referral, case, move, CLOCK, Said(reason=reason), now)


def is_at_work(session: Session, case_id: UUID, organisation_id: UUID) -> bool:
    """Whether the organisation has accepted this case and may open it."""
    return organisation_id in queries.organisations_in(session, case_id, OPENED)


def end_offers(session: Session, case: Case, organisation_id: UUID, now: datetime) -> None:
    """What this organisation was asked and has not taken up is over, and the next-best is asked. Whoever is at work goes on.

    The caller holds the case's row.
    """
    for referral in queries.live_of_case(session, case.id, LIVE - OPENED):
        if referral.organisation_id == organisation_id:
            _withdraw(session, referral, case, "no_longer_needed", now)
            referral.due_at = now
    session.flush()


def _keep_only_readers(session: Session, case: Case) -> None:
    """On acceptance: only organisations that have accepted go on holding a key."""
    readers = queries.organisations_in(session, case.id, OPENED)
    vault.destroy_wraps(session, case.id, vault.holders(session, case.id) - readers)


def end_all(session: Session, case_id: UUID, *, by: Actor, now: datetime) -> None:
    """The person wants no help any more: every live referral of the case ends. The caller holds the case's row."""
    case = life.locked(session, case_id)
    for referral in queries.live_of_case(session, case_id):
        move = next_move(State(referral.state), Verb.CLIENT_WITHDRAW, by=by)
        _apply(session, referral, case, move, ActorRef(by), Said(), now)


def let_go(session: Session, case_id: UUID, now: datetime) -> None:
    """The case has ended for good: nothing is left to do on it."""
    tasks.case_ended(session, case_id, now)


def forget(session: Session, case_id: UUID) -> None:
    """Erasure: the cards and what the person said of the centres go; states, verbs and times stay, they name nobody."""
    session.execute(sa.update(Referral).where(Referral.case_id == case_id).values(card=None, deadline_on=None))
    mine = sa.select(Referral.id).where(Referral.case_id == case_id).scalar_subquery()
    session.execute(sa.delete(ContactAnswer).where(ContactAnswer.referral_id.in_(mine)))


def export(session: Session, case_id: UUID) -> list[dict[str, Any]]:
    """For the person: who was asked, what became of it, and what they told us of it. Why an organisation said no is not told."""
    rows = session.execute(
        sa.select(Referral.id, Organisation.name, Referral.state, Referral.offered_at)
        .join(Organisation, Organisation.id == Referral.organisation_id)
        .where(Referral.case_id == case_id, Referral.offered_at.is_not(None))
        .order_by(Referral.offered_at)
    ).all()
    said: dict[UUID, dict[str, bool]] = {row.id: {} for row in rows}
    for answer in session.scalars(sa.select(ContactAnswer).where(ContactAnswer.referral_id.in_(list(said)))):
        said[answer.referral_id][answer.about] = answer.yes
    return [
        {
            "organisation": row.name,
            "state": row.state,
            "asked_on": row.offered_at.date().isoformat(),
            **({"you_said": said[row.id]} if said[row.id] else {}),
        }
        for row in rows
    ]


def first_read(session: Session, referral: Referral, now: datetime) -> None:
    """The sealed parts were opened: from here on the acceptance can not be taken back. The caller holds the row."""
    if referral.read_at is None:
        referral.read_at = now
        session.flush()


def may_open(referral: Referral) -> bool:
    """Whether the organisation may have the sealed parts now."""
    return State(referral.state) in OPENED


# --- times ---------------------------------------------------------------------------------------------------------

_TIMES: Final = tuple(field.name for field in fields(Owed))


def terms_of(referral: Referral, case: Case) -> Terms:
    """What the referral's times hang on."""
    return Terms(cast("Tier", referral.tier), hours_of(case.country, referral.hours), referral.deadline_on)


def times_of(referral: Referral) -> Owed:
    return Owed(**{name: getattr(referral, name) for name in _TIMES if getattr(referral, name) is not None})


def set_times(referral: Referral, owed: Owed) -> None:
    for name, value in asdict(owed).items():
        setattr(referral, name, value)


def expire(session: Session, referral: Referral, case: Case, *, now: datetime) -> None:
    """Nobody answered. The caller holds both rows. Raises IllegalMove."""
    _apply(session, referral, case, next_move(State(referral.state), Verb.EXPIRE, by=Actor.CLOCK), CLOCK, Said(), now)


def refolded(session: Session, referral: Referral, case: Case) -> tuple[State, Owed]:
    """State and times once more, from the events alone: what the row must say. Only reminders leave no event."""
    state, owed, terms = BEGINNING, Owed(), terms_of(referral, case)
    for event in queries.events(session, referral.id):
        until = date.fromisoformat(event.codes["until"]) if "until" in event.codes else None
        effect = Clock.WAIT
        if event.source is not None:
            move = next_move(state, Verb(event.verb), by=Actor(event.actor_kind))
            state, effect = move.target, move.clock
        owed = clocks.after(owed, Happened(effect, event.at, until), terms)
    return state, owed
