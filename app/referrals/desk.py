"""The verbs of the desk: what a coordinator does with a case, joining case, vault and referrals in one transaction.

Each verb takes the case's row lock and the version that the coordinator has seen; when somebody was faster it raises Clash
and writes nothing. Sealed words are opened and written with the team's key, which only a signed-in session carries.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit, messaging
from app.core import keyholders
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed, NotFound, PreconditionFailed
from app.core.ids import named_id
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen, KeyPair
from app.directory.models import ServiceRow
from app.intake import life, openings, queue, returning, undos, vault
from app.intake.models import Case, CaseOpening, Part, WrapFor
from app.intake.states import CaseState, CaseVerb
from app.intake.vault import Opened, Recipient
from app.partners.organisations import Organisation
from app.referrals import guard, queries, screening, service, tasks
from app.referrals.acting import ActorRef, Said
from app.referrals.guard import READS_A_DAY, Reader
from app.referrals.models import Referral, ReferralEvent
from app.referrals.reasons import reasons_for
from app.referrals.states import LIVE, OPENED, Actor, State, Verb
from app.referrals.tasks import TaskKind
from app.staff.models import Member, Role
from app.staff.sessions import SignedIn

LONGEST_SNOOZE: Final = timedelta(days=14)
WORDS: Final = (Part.STORY, Part.HAPPENED, Part.THREAD, Part.NOTE)
PURPOSES: Final = ("answer", "urgent_call", "check_channel")
ENDS: Final = (CaseVerb.HELP, CaseVerb.ADVISE, CaseVerb.UNMET, CaseVerb.WITHDRAW)
_FILED: Final = frozenset({CaseState.SUBMITTED, CaseState.UNMET})


class Clash(PreconditionFailed):
    """Somebody has changed the case since this coordinator saw it. Carries the version and state of now."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A coordinator at work: who they are, their team, the server's keys, the moment, how many cases they may open a day."""

    who: SignedIn
    team_id: UUID
    keys: KeyRing
    now: datetime
    reads_a_day: int = READS_A_DAY

    @property
    def actor(self) -> ActorRef:
        return ActorRef(Actor.SENIOR if self.who.role is Role.SENIOR else Actor.COORDINATOR, self.who.member_id)

    def holds(self, session: Session) -> Mapping[UUID, KeyPair]:
        """The team's key pairs, opened with this session. Raises NotAllowed when the member was given none."""
        held = self.who.keys_of(session)
        if not held:
            raise NotAllowed("You were not given the team's key yet. Ask a colleague to grant it.")
        return held


def at_desk(who: SignedIn, keys: KeyRing, now: datetime, reads_a_day: int = READS_A_DAY) -> Desk:
    """Raises NotAllowed for somebody without a team."""
    if who.team_id is None:
        raise NotAllowed("This is for coordinators of a team.")
    return Desk(who, who.team_id, keys, now, reads_a_day)


def locked(session: Session, desk: Desk, label: str, version: int) -> Case:
    """The team's case, its row locked, as the coordinator has seen it. Raises NotFound, Clash."""
    case = queue.by_label(session, desk.team_id, label, lock=True)
    if case.version != version:
        raise Clash("Somebody has changed this case since you opened it.", state=case.state, version=case.version)
    return case


# --- whose it is -----------------------------------------------------------------------------------------------------


def take(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Make it mine; a new one is in review from now on."""
    case = locked(session, desk, label, version)
    was = undos.before(case)
    _take(session, desk, case)
    _can_be_undone(session, desk, case, "take", was)
    return case


def _take(session: Session, desk: Desk, case: Case) -> None:
    if CaseState(case.state) in _FILED:
        moved(session, desk, case, CaseVerb.TAKE)
    if case.owner_id != desk.who.member_id:
        case.owner_id = desk.who.member_id
        touched(session, desk, case, "case:taken")


def assign(session: Session, desk: Desk, label: str, version: int, member_id: UUID | None) -> Case:
    """Give it to a colleague of the team, or to nobody. Raises Invalid when they are no coordinator of this team."""
    case = locked(session, desk, label, version)
    if member_id is not None and member_id not in {member.id for member in colleagues(session, desk.team_id)}:
        raise Invalid([FieldError(pointer="/member", code="unknown_code", detail="Choose a colleague of this team.")])
    was = undos.before(case)
    case.owner_id = member_id
    touched(session, desk, case, "case:assigned")
    _can_be_undone(session, desk, case, "assign", was)
    return case


def snooze(session: Session, desk: Desk, label: str, version: int, until: date | None) -> Case:
    """Out of the lists until a day, or back into them (None).

    At most 14 days, and never to or beyond the last safe day. When the person writes, it comes back by itself.
    Raises Invalid.
    """
    case = locked(session, desk, label, version)
    today = desk.now.date()
    if until is not None:
        latest = today + LONGEST_SNOOZE
        if case.last_safe_day is not None:
            latest = min(latest, case.last_safe_day - timedelta(days=1))
        if not today < until <= latest:
            detail = f"A day after today and not after {latest.isoformat()}." if latest > today else "It can not wait."
            raise Invalid([FieldError(pointer="/until", code="out_of_range", detail=detail)])
    was = undos.before(case)
    case.snoozed_until = until
    touched(session, desk, case, "case:snoozed" if until else "case:woken")
    _can_be_undone(session, desk, case, "snooze", was)
    return case


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of the team; `opened_at`: when they last had the case on the screen, if that is minutes ago."""

    id: UUID
    name: str
    opened_at: datetime | None = None


def colleagues(
    session: Session, team_id: UUID, *, case_id: UUID | None = None, now: datetime | None = None
) -> list[Colleague]:
    """The team, by name; with a case, also who has it on the screen. One statement."""
    query = sa.select(Member.id, Member.name).where(Member.team_id == team_id, Member.active).order_by(Member.name)
    if case_id is None or now is None:
        return [Colleague(row.id, row.name) for row in session.execute(query)]
    fresh = sa.and_(
        CaseOpening.member_id == Member.id, CaseOpening.case_id == case_id, CaseOpening.at > now - openings.LASTS
    )
    rows = session.execute(query.add_columns(CaseOpening.at).outerjoin(CaseOpening, fresh))
    return [Colleague(row.id, row.name, row.at) for row in rows]


# --- to a partner ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands between a case and an organisation. `reaches` says what referring would do: offer, ask, or nothing."""

    organisation_id: UUID
    connected: bool
    consented: bool
    never: bool
    excluded: bool
    asked: bool

    @property
    def reaches(self) -> str:
        if self.never or self.excluded or self.asked or not self.connected:
            return "no"
        return "offer" if self.consented else "ask"


@dataclass(frozen=True, slots=True)
class Standings:
    """The same for many organisations, by slug."""

    by_slug: Mapping[str, Standing] = field(default_factory=dict)

    def of(self, slug: str) -> Standing:
        return self.by_slug[slug]


def standings(
    session: Session,
    case: Case,
    facts: Mapping[str, Any],
    slugs: Sequence[str],
    asked: Sequence[Referral],
    connected: Collection[UUID] | None = None,
    holders: Collection[UUID] | None = None,
) -> Standings:
    """How each of these organisations stands to the case. Who is connected and who holds a key is looked up unless it is given."""
    ids = {slug: named_id("organisation", slug) for slug in dict.fromkeys(slugs)}
    if connected is None:
        connected = keyholders.active_keys(session, list(ids.values()))
    if holders is None:
        holders = vault.holders(session, case.id)
    consent = facts.get("consent") or {}
    live = {referral.organisation_id for referral in asked if State(referral.state) in LIVE}
    conflicts = {referral.organisation_id for referral in asked if referral.reason == "conflict"}
    return Standings(
        {
            slug: Standing(
                organisation_id,
                connected=organisation_id in connected,
                consented=organisation_id in holders or slug in consent.get("organisations", ()),
                never=slug in consent.get("never", ()),
                excluded=organisation_id in conflicts,
                asked=organisation_id in live,
            )
            for slug, organisation_id in ids.items()
        }
    )


def refer(session: Session, desk: Desk, label: str, version: int, service_key: str) -> Referral:
    """Put the case to a service of a connected organisation.

    With the person's consent it is offered at once; an organisation they named before it joined is given the case's key
    from this session. Without consent the person is asked first, and answers with their number.
    Raises Conflict: not connected, excluded, asked already, or the case has ended.
    """
    case = locked(session, desk, label, version)
    return _refer(session, desk, case, service_key, was=undos.before(case))


def reroute(session: Session, desk: Desk, label: str, referral_label: str, version: int, service_key: str) -> Referral:
    """Put the case to another service instead: the one before ends, and the two are linked. `version` is the referral's.

    One that a centre is at work on is withdrawn only by itself first. Raises Clash, NotFound, Conflict as `refer` does.
    """
    case = queue.by_label(session, desk.team_id, label, lock=True)
    before = session.scalars(
        sa.select(Referral).where(Referral.label == referral_label, Referral.case_id == case.id)
    ).one_or_none()
    if before is None:
        raise NotFound("There is no such referral.")
    state = State(before.state)
    if state in OPENED:
        raise Conflict("A centre is at work on it. Withdraw it first, or ask them to hand it back.", state=state)
    if state in LIVE:
        step(session, desk, label, referral_label, version, Verb.WITHDRAW, Said(reason="better_option"))
    elif before.version != version:
        raise Clash("The referral has moved on since you opened the case.", state=state, version=before.version)
    return _refer(session, desk, case, service_key, follows=before.id)


def _refer(
    session: Session,
    desk: Desk,
    case: Case,
    service_key: str,
    *,
    follows: UUID | None = None,
    was: dict[str, Any] | None = None,
) -> Referral:
    """`was`: how the case was before, when this can be taken back as a whole."""
    slug = service_key.split("/", 1)[0]
    facts = facts_of(desk.keys, case)
    standing = standings(session, case, facts, [slug], queries.of_case(session, case.id)).of(slug)
    if not standing.connected:
        raise Conflict(
            "This organisation is not connected to the network: nothing can be sent to it.", state=case.state
        )
    if case.owner_id is None:
        case.owner_id = desk.who.member_id
    referral = service.create(session, desk.keys, case, service_key, by=desk.actor, now=desk.now, follows=follows)
    if standing.consented:
        _let_read(session, desk, case, standing.organisation_id)
        service.advance(session, referral.id, Verb.OFFER, by=desk.actor, now=desk.now)
    else:
        service.advance(session, referral.id, Verb.ASK_CONSENT, by=desk.actor, now=desk.now)
        if CaseState(case.state) in _FILED:
            moved(session, desk, case, CaseVerb.TAKE)
    case.snoozed_until = None
    touched(session, desk, case, "case:referred")
    if was is not None:
        _can_be_undone(session, desk, case, "refer", {**was, "referral": referral.id.hex})
    return referral


def _let_read(session: Session, desk: Desk, case: Case, organisation_id: UUID) -> None:
    """Seal the case's key to an organisation that the person agreed to, unless it was done when the case came in."""
    if organisation_id in vault.holders(session, case.id):
        return
    key = keyholders.active_key(session, organisation_id)
    if key is None:
        raise Conflict(
            "This organisation is not connected to the network: nothing can be sent to it.", state=case.state
        )
    to = Recipient(WrapFor.ORGANISATION, organisation_id, key.public_key, key.id)
    person_key = data_key(session, desk, case, vault.PERSON)
    if screening.is_hit(session, desk.keys, case, person_key, organisation_id):
        raise Conflict("This organisation takes no new cases at present.")
    vault.grant(session, desk.keys, case.id, vault.PERSON, person_key, [to])
    noted(session, desk, case, "case:key_granted", {"organisation": organisation_id.hex})


def step(
    session: Session, desk: Desk, label: str, referral_label: str, version: int, verb: Verb, said: Said
) -> Referral:
    """Withdraw, void, answer or reopen a referral of this case. `version` is the referral's. Raises Clash, NotFound."""
    case = queue.by_label(session, desk.team_id, label, lock=True)
    referral_id = session.scalar(
        sa.select(Referral.id).where(Referral.label == referral_label, Referral.case_id == case.id)
    )
    if referral_id is None:
        raise NotFound("There is no such referral.")
    try:
        referral = service.advance(
            session, referral_id, verb, by=desk.actor, now=desk.now, expected_version=version, said=said
        )
    except PreconditionFailed as error:
        raise Clash("The referral has moved on since you opened the case.", **error.extra) from None
    touched(session, desk, case, f"case:referral_{verb}")
    return referral


def close(session: Session, desk: Desk, label: str, version: int, verb: CaseVerb) -> Case:
    """End the case, or mark it unmet. What is still offered to somebody is withdrawn first.

    Raises IllegalMove, NotAllowed, Invalid (a verb that ends nothing).
    """
    if verb not in ENDS:
        raise Invalid([FieldError(pointer="/verb", code="unknown_code", detail="Choose how the case ends.")])
    case = locked(session, desk, label, version)
    was = undos.before(case)
    if verb is CaseVerb.HELP and CaseState(case.state) in _FILED:
        moved(session, desk, case, CaseVerb.TAKE)
    for referral in queries.live_of_case(session, case.id):
        service.advance(
            session, referral.id, Verb.WITHDRAW, by=desk.actor, now=desk.now, said=Said(reason="no_longer_needed")
        )
    if verb is not CaseVerb.UNMET or CaseState(case.state) is not CaseState.UNMET:
        moved(session, desk, case, verb)
    if verb is CaseVerb.UNMET:
        tasks.end_kind(session, TaskKind.FIND_NEXT, case.id, desk.now)
        tasks.open_task(session, TaskKind.UNMET, case, now=desk.now)
    case.person_wrote = False
    case.snoozed_until = None
    touched(session, desk, case, f"case:{verb}")
    _can_be_undone(session, desk, case, "close", was)
    return case


def reopen(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Undo an ending as helped or advised."""
    case = locked(session, desk, label, version)
    was = undos.before(case)
    moved(session, desk, case, CaseVerb.REOPEN)
    case.owner_id = desk.who.member_id
    touched(session, desk, case, "case:reopened")
    _can_be_undone(session, desk, case, "reopen", was)
    return case


# --- words -----------------------------------------------------------------------------------------------------------


def message(session: Session, desk: Desk, label: str, version: int, text: str) -> Case:
    """Write to the person, into the thread they read with their number. Raises Invalid, Clash."""
    case = locked(session, desk, label, version)
    if case.closed_at is not None and CaseState(case.state) is CaseState.WITHDRAWN:
        raise Conflict("The person has withdrawn; nothing is sent.", state=case.state)
    key = data_key(session, desk, case, vault.PERSON)
    returning.add_line(session, case, key, text, author="desk", now=desk.now, actor_id=desk.who.member_id.hex)
    if CaseState(case.state) in _FILED:
        _take(session, desk, case)
    messaging.news(session, "message", about_id=case.id, case_id=case.id, now=desk.now)
    touched(session, desk, case, "case:message_sent")
    return case


def note(session: Session, desk: Desk, label: str, version: int, text: str) -> Case:
    """Write a note that only the team can open. Raises Invalid, Clash."""
    case = locked(session, desk, label, version)
    text = text.strip()
    if not text or len(text) > returning.LONGEST_LINE:
        detail = f"Write 1 to {returning.LONGEST_LINE} characters."
        raise Invalid([FieldError(pointer="/text", code="too_long" if text else "required", detail=detail)])
    content = {"text": text, "at": vault.said_at(desk.now), "by": desk.who.name}
    vault.add_part(session, data_key(session, desk, case, vault.DESK), case.id, Part.NOTE, content, author="desk")
    touched(session, desk, case, "case:note_added")
    return case


def read(session: Session, desk: Desk, label: str) -> tuple[Case, list[Opened]]:
    """Open story, what happened, conversation and notes. No audit row, no read. Raises NotFound, NotAllowed, QuotaReached."""
    case = queue.by_label(session, desk.team_id, label)
    _count_read(session, desk, case)
    noted(session, desk, case, "case:words_opened", {"parts": [part.value for part in WORDS]})
    return case, opened(session, desk, case, WORDS)


def contact(session: Session, desk: Desk, label: str, purpose: str) -> tuple[Case, Opened | None]:
    """Open how the person can be reached, for a purpose that is noted. Raises Invalid, NotFound, NotAllowed, QuotaReached."""
    if purpose not in PURPOSES:
        raise Invalid([FieldError(pointer="/purpose", code="unknown_code", detail="Choose what you need it for.")])
    case = queue.by_label(session, desk.team_id, label)
    _count_read(session, desk, case)
    noted(session, desk, case, "case:contact_opened", {"parts": ["contact"], "purpose": purpose})
    found = opened(session, desk, case, (Part.CONTACT,))
    return case, found[0] if found else None


def _count_read(session: Session, desk: Desk, case: Case) -> None:
    """Raises QuotaReached."""
    reader = Reader.member(desk.actor.kind.value, desk.who.member_id, desk.reads_a_day)
    guard.before_opening(session, desk.keys, reader, case.id, desk.now)


def opened(session: Session, desk: Desk, case: Case, which: Sequence[Part]) -> list[Opened]:
    """Parts opened with the team's key. The caller has noted it. Raises NotAllowed, Conflict."""
    rows = vault.parts(session, case.id, which)
    held = desk.holds(session)
    found = []
    data_keys: dict[str, bytes] = {}
    for row in rows:
        purpose = vault.DESK if row.part == Part.NOTE else vault.PERSON
        if purpose not in data_keys:
            data_keys[purpose] = _with(session, desk, case, purpose, held)
        found.append(vault.open_part(data_keys[purpose], row))
    return found


def data_key(session: Session, desk: Desk, case: Case, purpose: str) -> bytes:
    return _with(session, desk, case, purpose, desk.holds(session))


def _with(session: Session, desk: Desk, case: Case, purpose: str, held: Mapping[UUID, KeyPair]) -> bytes:
    """The case's key, with whichever of the team's keys it was sealed to. Raises NotAllowed: this member was not given it."""
    try:
        wrap, sealed = vault.unlocked_wrap(session, desk.keys, case.id, purpose, desk.team_id)
        holder = held.get(wrap.key_id) if wrap.key_id else None
        if holder is None:
            raise NotAllowed("You were not given the key that this case was sealed to. Ask a colleague to grant it.")
        info = vault.wrap_info(case.id, purpose, wrap.kind, wrap.owner_id, wrap.version)
        return holder.open(sealed, info)
    except CannotOpen:
        raise Conflict("The sealed parts of this case can not be opened.", state=case.state) from None


def facts_of(keys: KeyRing, case: Case) -> dict[str, Any]:
    """The facts, or nothing when they were erased or their epoch's key is gone."""
    if case.facts is None:
        return {}
    try:
        return vault.unlock_facts(keys, case.id, case.facts_version, case.facts)
    except CannotOpen:
        return {}


@dataclass(frozen=True, slots=True)
class Put:
    """A referral of a case with the names it is spoken of by, and what happened to it, oldest first."""

    referral: Referral
    organisation: str
    service: str
    service_key: str
    events: tuple[ReferralEvent, ...]


def referrals(session: Session, case_id: UUID) -> list[Put]:
    """All referrals of a case with their steps. Two statements."""
    rows = session.execute(
        sa.select(Referral, Organisation.name, ServiceRow.name.label("service"), ServiceRow.key)
        .join(Organisation, Organisation.id == Referral.organisation_id)
        .join(ServiceRow, ServiceRow.id == Referral.service_id)
        .where(Referral.case_id == case_id)
        .order_by(Referral.created_at.desc(), Referral.id)
    ).all()
    ids = [row.Referral.id for row in rows]
    query = sa.select(ReferralEvent).where(ReferralEvent.referral_id.in_(ids)).order_by(ReferralEvent.seq)
    steps = session.scalars(query).all() if ids else []
    return [
        Put(
            row.Referral,
            row.name,
            row.service,
            row.key,
            tuple(event for event in steps if event.referral_id == row.Referral.id),
        )
        for row in rows
    ]


def withdraw_reasons() -> list[str]:
    return [code for code in reasons_for(Verb.WITHDRAW) if code not in {"taken_elsewhere", "moved_away"}]


# --- noting ----------------------------------------------------------------------------------------------------------


def _can_be_undone(session: Session, desk: Desk, case: Case, act: str, was: dict[str, Any]) -> None:
    undos.remember(session, case, act, was, member_id=desk.who.member_id, now=desk.now)


def moved(session: Session, desk: Desk, case: Case, verb: CaseVerb) -> None:
    """One step in the case's life, by this coordinator. Raises IllegalMove, NotAllowed."""
    life.move(session, case, verb, actor_kind=desk.actor.kind.value, actor_id=desk.who.member_id, now=desk.now)
    if case.closed_at is not None:
        service.let_go(session, case.id, desk.now)


def touched(session: Session, desk: Desk, case: Case, action: str) -> None:
    """A new version, so that whoever has the old one on the screen is told."""
    case.version += 1
    case.updated_at = desk.now
    session.flush()
    noted(session, desk, case, action)


def noted(session: Session, desk: Desk, case: Case, action: str, codes: dict[str, Any] | None = None) -> None:
    """In the audit log, or not at all: it is written with the commit."""
    audit.record(
        session,
        actor_kind=desk.actor.kind.value,
        actor_id=desk.who.member_id.hex,
        action=action,
        subject_kind="case",
        subject_id=case.id,
        codes=codes,
        now=desk.now,
    )
