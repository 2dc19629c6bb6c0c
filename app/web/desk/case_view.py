"""What the case page shows, gathered: what is known, what to do next and why, what happened. Nothing here is decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.audit.models import AuditEntry
from app.cases.models import Case, CaseEvent, CaseWrap, Part, SealedPart, WrapFor
from app.casework.eligibility import Eligibility, EligibilityBySlug, eligibility_of
from app.core.i18n import N_, STAFF, translator
from app.core.ids import named_id
from app.core.keyholders import SealingKey
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.directory.models import ServiceRow
from app.directory.packs import Directory, Organisation
from app.intake.vocabulary import FOR_WHOM, GROUPS, HELPS, HOW_SOON, STATUSES
from app.matching import runs
from app.matching.code_names import CodeNames
from app.matching.deadlines import DeadlineFinding
from app.matching.engine import Found, MatchResult
from app.matching.models import ServiceRecord
from app.matching.reasons import render
from app.referrals.referral_summaries import ReferralSummary
from app.web.components.labels import VERBS

BEST: Final = 3
ACTS: Final = tuple(code for code in VERBS if code.startswith("case:"))


@dataclass(frozen=True, slots=True)
class Room:
    """What is known of a service now: free places until when, and how long it took to answer, on the average of so many."""

    capacity: str
    until: date | None
    answers: int
    answer_hours: int
    connected: bool


@dataclass(frozen=True, slots=True)
class Offered:
    """One service as the next step shows it. `entry`: what the directory says of its organisation, to tell the person."""

    service: str
    name: str
    rank: int
    verified: bool
    reasons: tuple[str, ...]
    standing: Eligibility | None
    entry: Organisation | None
    room: Room | None = None

    @property
    def can_be_asked(self) -> bool:
        return self.standing is not None and self.standing.reaches != "no"


@dataclass(frozen=True, slots=True)
class NextStep:
    """The stored run in words. `further`: after the best three, but connected, so that the case can be put to them;
    `others`: the remaining candidates; `why_not`: every service that does not match.
    """

    best: tuple[Offered, ...] = ()
    further: tuple[Offered, ...] = ()
    others: tuple[Offered, ...] = ()
    nearest: tuple[Offered, ...] = ()
    why_not: tuple[Offered, ...] = ()
    ran_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline."""

    at: datetime
    what: str
    whom: str
    by: str
    reason: str | None = None


def next_step(
    session: Session,
    keys: KeyRing,
    directory: Directory,
    reader: CodeNames,
    case: Case,
    facts: Mapping[str, Any],
    put: Sequence[ReferralSummary],
    holders: frozenset[UUID],
) -> NextStep:
    """Two statements: the latest run, and what is known of its services today."""
    try:
        latest = runs.latest_run(session, keys, case.id)
    except CannotOpen:
        latest = None
    if latest is None:
        return NextStep()
    row, result = latest
    shown = (*result.candidates, *result.nearest)
    rooms = _rooms(session, [found.service for found in shown])
    slugs = [found.organisation for found in shown]
    connected = {
        named_id("organisation", found.organisation)
        for found in shown
        if found.service in rooms and rooms[found.service].connected
    }
    standing = eligibility_of(session, case, facts, slugs, [entry.referral for entry in put], connected, holders)
    return _told(result, directory, reader, standing, rooms, row.at)


_ROOMS: Final = (
    sa.select(
        ServiceRow.key, ServiceRow.capacity, ServiceRow.capacity_until, ServiceRecord.answers,
        ServiceRecord.answer_hours, SealingKey.id,
    )
    .outerjoin(ServiceRecord, ServiceRecord.service_id == ServiceRow.id)
    .outerjoin(SealingKey, sa.and_(SealingKey.owner_id == ServiceRow.organisation_id, SealingKey.active))
    .where(ServiceRow.key.in_(sa.bindparam("keys", expanding=True, type_=sa.String())))
)  # fmt: skip


def _rooms(session: Session, keys: Sequence[str]) -> dict[str, Room]:
    """By service key. One statement."""
    rows = session.execute(_ROOMS, {"keys": list(keys)})
    return {
        row.key: Room(row.capacity, row.capacity_until, row.answers or 0, row.answer_hours or 0, row.id is not None)
        for row in rows
    }


def _told(
    result: MatchResult,
    directory: Directory,
    reader: CodeNames,
    standing: EligibilityBySlug,
    rooms: Mapping[str, Room],
    ran_at: datetime,
) -> NextStep:
    def told(found: Found) -> Offered:
        return Offered(
            found.service,
            found.name,
            found.rank,
            found.verified,
            tuple(render(reason, reader) for reason in found.reasons),
            standing.by_slug.get(found.organisation),
            directory.organisation(found.organisation),
            rooms.get(found.service),
        )

    candidates = [told(found) for found in result.candidates]
    return NextStep(
        tuple(candidates[:BEST]),
        tuple(one for one in candidates[BEST:] if one.can_be_asked),
        tuple(one for one in candidates[BEST:] if not one.can_be_asked),
        tuple(told(found) for found in result.nearest),
        tuple(told(found) for found in result.not_matched),
        ran_at,
    )


def deadline(facts: dict[str, Any], directory: Directory, now: datetime) -> DeadlineFinding | None:
    """The last safe day with its source, reckoned from the stored codes of the letter."""
    if not facts or not directory.has_country(facts.get("country", "")):
        return None
    _facts, finding = runs.facts_and_deadline(facts, directory, now)
    return finding


def facts_in_words(facts: Mapping[str, Any], case: Case, reader: CodeNames) -> list[tuple[str, str]]:
    """What was said, as rows of a table; what was not asked or not answered is said too, for it is never a "no"."""
    unsaid = N_("not said")
    return [
        (N_("Needs"), reader.names("need", case.needs)),
        (N_("Country"), reader.name("country", case.country)),
        (N_("Region"), reader.name("region", facts["region"]) if facts.get("region") else unsaid),
        (N_("Languages"), reader.names("language", case.languages) if case.languages else unsaid),
        (N_("Language of the form"), reader.name("language", case.language)),
        (N_("Status"), _word(STATUSES, facts.get("status")) or unsaid),
        (N_("Citizenship"), reader.name("country", facts["nationality"]) if facts.get("nationality") else unsaid),
        (N_("Groups"), _words(GROUPS, facts.get("groups")) or unsaid),
        (N_("Support requested"), _words(HELPS, facts.get("helps")) or N_("none")),
        (N_("Who needs help"), _word(FOR_WHOM, facts.get("for_whom")) or unsaid),
        (N_("How soon (the person's answer)"), _word(HOW_SOON, facts.get("how_soon")) or unsaid),
    ]


def consent_in_words(facts: Mapping[str, Any], directory: Directory) -> list[str]:
    consent = facts.get("consent") or {}

    def named(slugs: Sequence[str]) -> str:
        found = [directory.organisation(slug) for slug in slugs]
        return ", ".join(entry.name.en if entry else slug for slug, entry in zip(slugs, found, strict=True))

    _ = translator("en", STAFF).text
    told = []
    if consent.get("organisations"):
        told.append(_("Organisations that can read the case: {names}.", names=named(consent["organisations"])))
    if consent.get("mode") == "ask_first" or not consent.get("organisations"):
        told.append(_("The person wants to be asked each time before the case is sent."))
    else:
        told.append(_("Ask the person before you refer to any other organisation."))
    if consent.get("never"):
        told.append(_("Never send to: {names}.", names=named(consent["never"])))
    return told


_STEPS_AND_ACTS: Final[sa.CompoundSelect[Any]] = sa.union_all(
    sa.select(CaseEvent.at, CaseEvent.verb.label("what"), CaseEvent.actor_kind, sa.null().label("actor_id")).where(
        CaseEvent.case_id == sa.bindparam("case_id", type_=sa.Uuid())
    ),
    sa.select(AuditEntry.at, AuditEntry.action, AuditEntry.actor_kind, AuditEntry.actor_id).where(
        AuditEntry.subject_id == sa.bindparam("subject_id", type_=sa.String()), AuditEntry.action.in_(ACTS)
    ),
)


def timeline(session: Session, case: Case, put: Sequence[ReferralSummary], members: Mapping[UUID, str]) -> list[Event]:
    """What happened, newest first, in codes only: steps of the case and of its referrals, and what the desk did and read.

    `members`: names of the team. One statement.
    """
    names = {member_id.hex: name for member_id, name in members.items()}
    rows = session.execute(_STEPS_AND_ACTS, {"case_id": case.id, "subject_id": case.id.hex}).all()
    events = [Event(row.at, row.what, "", names.get(row.actor_id) or row.actor_kind) for row in rows]
    for entry in put:
        events += [
            Event(step.at, step.verb, f"{entry.organisation} ({entry.referral.label})", step.actor_kind, step.reason)
            for step in entry.events
        ]
    return sorted(events, key=lambda event: event.at, reverse=True)


@dataclass(frozen=True, slots=True)
class Inside:
    """What the vault tells without being opened: how many sealed pieces of each part, and which organisations hold a key."""

    counts: Mapping[str, int]
    holders: frozenset[UUID]


_THIS: Final = sa.bindparam("case_id", type_=sa.Uuid())
_INSIDE: Final[sa.CompoundSelect[Any]] = sa.union_all(
    sa.select(SealedPart.part.label("what"), sa.cast(sa.func.count(), sa.String(64)).label("told"))
    .where(SealedPart.case_id == _THIS)
    .group_by(SealedPart.part),
    sa.select(CaseWrap.kind, sa.cast(CaseWrap.owner_id, sa.String(64))).where(
        CaseWrap.case_id == _THIS, CaseWrap.kind == WrapFor.ORGANISATION.value
    ),
)


def inside(session: Session, case: Case) -> Inside:
    """One statement."""
    rows = session.execute(_INSIDE, {"case_id": case.id}).all()
    counts = {part.value: 0 for part in Part}
    counts.update({row.what: int(row.told) for row in rows if row.what != WrapFor.ORGANISATION.value})
    return Inside(counts, frozenset(UUID(row.told) for row in rows if row.what == WrapFor.ORGANISATION.value))


def _word(words: Mapping[str, str], code: Any) -> str:
    return words.get(code, "") if isinstance(code, str) else ""


def _words(words: Mapping[str, str], codes: Any) -> str:
    return "; ".join(words.get(code, code) for code in codes or ())
