"""The verbs of a referral. All go through `advance`: lock, check, move, note, tell, in one transaction.

State and every time owed follow from the events alone; there is no repair job because nothing needs repair.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit, messaging
from app.core.clock import to_the_hour
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed, PreconditionFailed
from app.core.keyring import KeyRing
from app.directory.models import ServiceRow
from app.directory.packs import load_packs
from app.intake import life, vault
from app.intake.models import Case
from app.intake.states import CaseState, CaseVerb
from app.matching import records
from app.matching.deadlines import calendar_of
from app.matching.facts import Tier
from app.partners.organisations import Organisation
from app.referrals import clocks, feed, queries
from app.referrals.clocks import Happened, Hours, Owed, Terms
from app.referrals.labels import new_label
from app.referrals.models import Referral, ReferralEvent
from app.referrals.reasons import (
    CONSEQUENCES,
    DAY_REQUIRED,
    FOLLOWS,
    OUTCOME_REQUIRED,
    OUTCOMES,
    REASON_REQUIRED,
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

FULL_FOR: Final = timedelta(days=14)
"""How long a service counts as full after it declined for want of a free place."""


_DECIDES: Final = frozenset({Verb.ACCEPT, Verb.DECLINE, Verb.WAITLIST, Verb.EXPIRE})


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


def create(session: Session, keys: KeyRing, case: Case, service_key: str, *, by: ActorRef, now: datetime) -> Referral:
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
    today = now.astimezone(_hours(case).zone).date()
    return clocks.tier_now(cast("Tier", case.tier), case.last_safe_day, today)


def _check_may_be_asked(session: Session, case_id: UUID, organisation: Organisation, now: datetime) -> None:
    """Raises Conflict. Why an organisation is excluded is not said."""
    if organisation.kind == "authority":
        raise Conflict("An authority is never asked.")
    if organisation.retired_at is not None:
        raise Conflict("This organisation is no longer in the directory.")
    if organisation.paused_until is not None and organisation.paused_until > now:
        raise Conflict("This organisation takes no new cases at present.")
    if organisation.slug in queries.excluded_organisations(session, case_id):
        raise Conflict("This organisation is not available for this case.")


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
    said = said or Said()
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
    if verb in DAY_REQUIRED and said.until is None:
        errors.append(FieldError(pointer="/until", code="required", detail="A day after today."))
    if verb in DAY_REQUIRED and said.until and not now.date() < said.until <= (now + clocks.LONGEST_REVIEW).date():
        detail = f"A day after today, at most {clocks.LONGEST_REVIEW.days} days ahead."
        errors.append(FieldError(pointer="/until", code="out_of_range", detail=detail))
    if verb not in DAY_REQUIRED and said.until is not None:
        errors.append(FieldError(pointer="/until", code="not_taken", detail="This action takes no day."))
    if errors:
        raise Invalid(errors)


# --- guards --------------------------------------------------------------------------------------------------------


def _case_open(_session: Session, _referral: Referral, case: Case, _now: datetime) -> None:
    if case.closed_at is not None:
        raise Conflict("The case is closed.")


def _may_be_asked(session: Session, referral: Referral, case: Case, now: datetime) -> None:
    _check_may_be_asked(session, case.id, session.get_one(Organisation, referral.organisation_id), now)


def _consent(session: Session, referral: Referral, case: Case, _now: datetime) -> None:
    if referral.organisation_id not in vault.holders(session, case.id):
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


_GUARDS: Final[dict[Guard, Callable[[Session, Referral, Case, datetime], None]]] = {
    Guard.CASE_OPEN: _case_open,
    Guard.MAY_BE_ASKED: _may_be_asked,
    Guard.CONSENT: _consent,
    Guard.PAUSE_LEFT: _pause_left,
    Guard.COMPLETED_LATELY: _completed_lately,
    Guard.NOT_ERASED: _not_erased,
    Guard.NO_OTHER_LIVE: _no_other_live,
}


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
    referral.completed_at = at if move.target is State.COMPLETED else None
    happened = Happened(move.clock, at, said.until)
    set_times(referral, clocks.after(times_of(referral), happened, terms_of(referral, case)))
    session.flush()
    _note(session, referral, move.source.value, move.verb.value, said, by, now)
    if referral.offered_at is not None:
        feed.publish(session, referral.organisation_id, referral.id, f"referral.{move.target}", referral.version, at)
    if move.tells is Party.TEAM:
        messaging.queue(session, f"referral_{move.target}", about_id=referral.id, team_id=case.team_id, now=at)
    elif move.tells is Party.PARTNER and referral.offered_at is not None:
        to = referral.organisation_id
        messaging.queue(session, f"referral_{move.target}", about_id=referral.id, organisation_id=to, now=at)
    _remember(session, referral, move, at)
    _follow_up(session, referral, case, move, by, now)
    case.asked = queries.asked(session, case.id)


def _remember(session: Session, referral: Referral, move: Move, at: datetime) -> None:
    """An offer that is decided, or not in time, says how long this service takes to answer."""
    if referral.offered_at is not None and move.verb in _DECIDES and move.source in ASKED:
        records.answered(session, referral.service_id, at - referral.offered_at)


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


def _follow_up(session: Session, referral: Referral, case: Case, move: Move, by: ActorRef, now: datetime) -> None:
    """Every end that is no success leaves an owned next step; a success ends what was asked of others."""
    if move.target is State.OFFERED:
        if CaseState(case.state) is not CaseState.REFERRED:
            _move_case(session, case, CaseVerb.REFER, by, now)
    elif move.target is State.ACCEPTED:
        _withdraw_others(session, referral, case, now)
        _keep_only_readers(session, case)
    elif move.target is State.COMPLETED:
        _completed(session, referral, case, by, now)
    elif move.verb is Verb.REOPEN:
        if CaseState(case.state) in {CaseState.HELPED, CaseState.ADVISED}:
            _move_case(session, case, CaseVerb.REOPEN, by, now)
        if CaseState(case.state) is not CaseState.REFERRED:
            _move_case(session, case, CaseVerb.REFER, CLOCK, now)
    elif move.target in FAILED:
        _failed(session, referral, case, move, by, now)


def _completed(session: Session, referral: Referral, case: Case, by: ActorRef, now: datetime) -> None:
    """The last one at work closes the case, unless its outcome is no help: then the desk goes on."""
    if queries.live_of_case(session, case.id, WITH_PARTNER) or CaseState(case.state) is not CaseState.REFERRED:
        return
    follows = FOLLOWS.get(referral.outcome or "", AfterOutcome.DESK)
    if follows is AfterOutcome.DESK:
        _return(session, case, by, now)
        return
    for draft in queries.live_of_case(session, case.id):
        _withdraw(session, draft, case, "no_longer_needed", now)
    _move_case(session, case, CaseVerb.ADVISE if follows is AfterOutcome.ADVISED else CaseVerb.HELP, by, now)


def _failed(session: Session, referral: Referral, case: Case, move: Move, by: ActorRef, now: datetime) -> None:
    conflict = referral.reason == "conflict"
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


def _withdraw_others(session: Session, accepted: Referral, case: Case, now: datetime) -> None:
    """What others were asked is over. Who is at work on the case already stays at work."""
    for other in queries.live_of_case(session, case.id, LIVE - OPENED):
        if other.id != accepted.id:
            _withdraw(session, other, case, "taken_elsewhere", now)


def _withdraw(session: Session, referral: Referral, case: Case, reason: str, now: datetime) -> None:
    move = next_move(State(referral.state), Verb.WITHDRAW, by=Actor.CLOCK)
    _apply(session, referral, case, move, CLOCK, Said(reason=reason), now)


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


# --- times ---------------------------------------------------------------------------------------------------------

_TIMES: Final = tuple(field.name for field in fields(Owed))


def terms_of(referral: Referral, case: Case) -> Terms:
    """What the referral's times hang on."""
    return Terms(cast("Tier", referral.tier), _hours(case), referral.deadline_on)


def _hours(case: Case) -> Hours:
    calendar = calendar_of(load_packs().country(case.country))
    return Hours(calendar.time_zone, calendar.is_holiday)


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
