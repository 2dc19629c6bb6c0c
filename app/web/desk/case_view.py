"""View models of the case page: what is known, the next step with its reasons, and the history. Reads only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.audit.models import AuditEntry
from app.cases.appointments import Appointment
from app.cases.models import Case, CaseAgreement, CaseEvent, CaseNeed, CaseWrap, PartKind, SealedPart, WrapFor
from app.cases.need_states import ASKABLE, NeedState
from app.casework import letter_deadlines
from app.casework.eligibility import Eligibility, EligibilityBySlug, eligibility_of
from app.core.i18n import Translator
from app.core.ids import named_id
from app.core.keyholders import SealingKey
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.directory.models import ServiceRow
from app.directory.packs import Deadline as DeadlineRow
from app.directory.packs import Directory, Organisation
from app.documents.models import Document
from app.intake.vocabulary import FOR_WHOM, GROUPS, HELPS, HOW_SOON, STATUSES
from app.matching import deadline_texts, runs
from app.matching.code_names import CodeNames
from app.matching.deadline_texts import DeadlineText
from app.matching.engine import MatchResult, ServiceMatch
from app.matching.models import ServiceRecord
from app.matching.reasons import render
from app.referrals.queries import needs_of
from app.referrals.referral_summaries import ReferralSummary
from app.referrals.states import AT_WORK, LIVE
from app.referrals.thread_models import ReferralMessage
from app.web.components.labels import VERBS

BEST: Final = 3
ACTIONS: Final = tuple(code for code in VERBS if code.startswith("case:"))


@dataclass(frozen=True, slots=True)
class Availability:
    """The present state of a service: its capacity until a day, and its average time to answer over `answers` referrals."""

    capacity: str
    until: date | None
    places: int | None
    answers: int
    answer_hours: int
    connected: bool


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One service as the next step shows it. `entry`: its organisation in the directory, with the contact for the person."""

    service: str
    name: str
    rank: int
    verified: bool
    reasons: tuple[str, ...]
    eligibility: Eligibility | None
    entry: Organisation | None
    availability: Availability | None = None

    @property
    def can_be_asked(self) -> bool:
        return self.eligibility is not None and self.eligibility.reaches != "no"

    @property
    def answers_itself(self) -> bool:
        """Whether it can be asked, and answers through an account of its own."""
        return self.can_be_asked and self.eligibility is not None and self.eligibility.connected

    @property
    def was_asked(self) -> bool:
        """Whether the organisation has declined this case, let the offer expire or handed it back, or is excluded."""
        return self.eligibility is not None and (self.eligibility.excluded or self.eligibility.before is not None)


@dataclass(frozen=True, slots=True)
class NextStep:
    """The latest matching run in words.

    `further`: candidates after the best three whose organisations have an account and can be asked; `others`: the remaining
    candidates; `why_not`: every service that does not match.
    """

    best: tuple[ServiceView, ...] = ()
    further: tuple[ServiceView, ...] = ()
    others: tuple[ServiceView, ...] = ()
    nearest: tuple[ServiceView, ...] = ()
    why_not: tuple[ServiceView, ...] = ()
    ran_at: datetime | None = None

    @property
    def candidates(self) -> tuple[ServiceView, ...]:
        """Every service that can help, in the order in which the page names them."""
        return (*self.best, *self.further, *self.others)


@dataclass(frozen=True, slots=True)
class CaseContents:
    """The content of a case, as far as it is known without decrypting.

    The sealed parts by kind, the organisations that the person agreed to, the needs. `messages`: how many messages the
    conversation with the organisation has, by referral. `appointments`: states of offered times. `documents`: how many.
    """

    counts: Mapping[str, int]
    holders: frozenset[UUID]
    needs: Sequence[sa.Row[*tuple[Any, ...]]]
    messages: Mapping[UUID, int]
    appointments: Sequence[str]
    documents: int


_CASE_ID: Final = sa.bindparam("case_id", type_=sa.Uuid())
_NEED: Final = "need"
_MESSAGES: Final = "messages"
_APPOINTMENT: Final = "appointment"
_DOCUMENTS: Final = "documents"
_NO_TEXT: Final = sa.cast(sa.null(), sa.String(64))
_NO_ID: Final = sa.cast(sa.null(), sa.Uuid())
_CASE_CONTENTS: Final[sa.CompoundSelect[Any]] = sa.union_all(
    sa.select(
        SealedPart.part.label("what"), sa.func.count().label("number"), _NO_ID.label("id"), _NO_TEXT.label("need"),
        _NO_TEXT.label("state"), _NO_TEXT.label("outcome"),
    )
    .where(SealedPart.case_id == _CASE_ID)
    .group_by(SealedPart.part),
    sa.select(CaseWrap.kind, sa.literal(0), CaseWrap.owner_id, _NO_TEXT, _NO_TEXT, _NO_TEXT).where(
        CaseWrap.case_id == _CASE_ID, CaseWrap.kind == WrapFor.ORGANISATION.value
    ),
    sa.select(
        sa.literal(WrapFor.ORGANISATION.value), sa.literal(0), CaseAgreement.organisation_id, _NO_TEXT, _NO_TEXT, _NO_TEXT
    ).where(CaseAgreement.case_id == _CASE_ID),
    sa.select(
        sa.literal(_NEED), CaseNeed.position, CaseNeed.referral_id, CaseNeed.need, CaseNeed.state, CaseNeed.outcome
    ).where(CaseNeed.case_id == _CASE_ID),
    sa.select(
        sa.literal(_MESSAGES), sa.func.count(), ReferralMessage.referral_id, _NO_TEXT, _NO_TEXT, _NO_TEXT
    )
    .where(ReferralMessage.case_id == _CASE_ID)
    .group_by(ReferralMessage.referral_id),
    sa.select(
        sa.literal(_APPOINTMENT), Appointment.times, Appointment.referral_id, _NO_TEXT, Appointment.state, _NO_TEXT
    ).where(Appointment.case_id == _CASE_ID, Appointment.state.in_(["open", "agreed", "others_wanted"])),
    sa.select(sa.literal(_DOCUMENTS), sa.func.count(), _NO_ID, _NO_TEXT, _NO_TEXT, _NO_TEXT).where(
        Document.case_id == _CASE_ID
    ),
)  # fmt: skip


def case_contents(session: Session, case: Case) -> CaseContents:
    """Count the sealed parts and list the key holders and the needs. One statement."""
    rows = session.execute(_CASE_CONTENTS, {"case_id": case.id}).all()
    counts = {part.value: 0 for part in PartKind}
    counts.update({row.what: row.number for row in rows if row.what in counts})
    holders = frozenset(row.id for row in rows if row.what == WrapFor.ORGANISATION.value)
    in_order = sorted((row for row in rows if row.what == _NEED), key=lambda row: (row.number, row.need))
    messages = {row.id: row.number for row in rows if row.what == _MESSAGES}
    appointments = [row.state for row in rows if row.what == _APPOINTMENT]
    documents = sum(row.number for row in rows if row.what == _DOCUMENTS)
    return CaseContents(counts, holders, in_order, messages, appointments, documents)


@dataclass(frozen=True, slots=True)
class CaseNeedView:
    """One need: who has it or ended it (`holder`), who is asked for it, and whether the desk can name its end."""

    code: str
    state: str
    holder: str
    asked: tuple[str, ...]
    outcome: str | None

    @property
    def can_end(self) -> bool:
        return NeedState(self.state) in ASKABLE


def needs_in_words(case: Case, contents: CaseContents, summaries: Sequence[ReferralSummary]) -> list[CaseNeedView]:
    """The state of each need, in the person's order."""
    names = {summary.referral.id: summary.organisation for summary in summaries}
    asking = [summary for summary in summaries if summary.referral.state in LIVE - AT_WORK]
    return [
        CaseNeedView(
            row.need,
            row.state,
            names.get(row.id, ""),
            tuple(summary.organisation for summary in asking if row.need in needs_of(summary.referral, case)),
            row.outcome,
        )
        for row in contents.needs
    ]


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One line of the history."""

    at: datetime
    what: str
    whom: str
    by: str
    reason: str | None = None


def next_step(
    session: Session,
    keys: KeyRing,
    directory: Directory,
    code_names: CodeNames,
    case: Case,
    facts: Mapping[str, Any],
    summaries: Sequence[ReferralSummary],
    holders: frozenset[UUID],
) -> NextStep:
    """Load the next step. Two statements: the latest run, and the present state of its services."""
    try:
        latest = runs.latest_run(session, keys, case.id)
    except CannotOpen:
        latest = None
    if latest is None:
        return NextStep()
    row, result = latest
    shown = (*result.candidates, *result.nearest)
    availability = _availability(session, [match.service for match in shown])
    slugs = [match.organisation for match in shown]
    connected = {
        named_id("organisation", match.organisation)
        for match in shown
        if match.service in availability and availability[match.service].connected
    }
    eligibility = eligibility_of(
        session, case, facts, slugs, [summary.referral for summary in summaries], connected, holders
    )
    return _in_words(result, directory, code_names, eligibility, availability, row.at)


_AVAILABILITY: Final = (
    sa.select(
        ServiceRow.key, ServiceRow.capacity, ServiceRow.capacity_until, ServiceRow.places, ServiceRecord.answers,
        ServiceRecord.answer_hours, SealingKey.id,
    )
    .outerjoin(ServiceRecord, ServiceRecord.service_id == ServiceRow.id)
    .outerjoin(SealingKey, sa.and_(SealingKey.owner_id == ServiceRow.organisation_id, SealingKey.active))
    .where(ServiceRow.key.in_(sa.bindparam("keys", expanding=True, type_=sa.String())))
)  # fmt: skip


def _availability(session: Session, keys: Sequence[str]) -> dict[str, Availability]:
    """The availability of services, by service key. One statement."""
    rows = session.execute(_AVAILABILITY, {"keys": list(keys)})
    return {
        row.key: Availability(
            row.capacity, row.capacity_until, row.places, row.answers or 0, row.answer_hours or 0, row.id is not None
        )
        for row in rows
    }


def _in_words(
    result: MatchResult,
    directory: Directory,
    code_names: CodeNames,
    eligibility: EligibilityBySlug,
    availability: Mapping[str, Availability],
    ran_at: datetime,
) -> NextStep:
    def view(match: ServiceMatch) -> ServiceView:
        return ServiceView(
            match.service,
            match.name,
            match.rank,
            match.verified,
            tuple(render(reason, code_names) for reason in match.reasons),
            eligibility.by_slug.get(match.organisation),
            directory.organisation(match.organisation),
            availability.get(match.service),
        )

    # Who was asked before comes after those who were not; otherwise the order of the rules stays.
    candidates = sorted((view(match) for match in result.candidates), key=lambda candidate: candidate.was_asked)
    return NextStep(
        tuple(candidates[:BEST]),
        tuple(candidate for candidate in candidates[BEST:] if candidate.answers_itself),
        tuple(candidate for candidate in candidates[BEST:] if not candidate.answers_itself),
        tuple(view(match) for match in result.nearest),
        tuple(view(match) for match in result.not_matched),
        ran_at,
    )


def deadline(
    case: Case, facts: Mapping[str, Any], directory: Directory, now: datetime, words: Translator
) -> DeadlineText | None:
    """The deadline stored with the case, and what the pack says about this kind of letter, in words."""
    finding = letter_deadlines.of_case(case, facts, directory, now)
    if finding is None:
        return None
    return deadline_texts.describe(finding, runs.local_date(directory, case.country, now), words)


def row_if_missed(facts: Mapping[str, Any], case: Case, directory: Directory) -> DeadlineRow | None:
    """The row on restoring the time limit of the person's letter; None: no source says what holds after it was missed."""
    letter = (facts.get("letter") or {}).get("kind")
    return directory.row_if_missed(case.country, directory.deadline(case.country, letter) if letter else None)


def facts_in_words(
    facts: Mapping[str, Any], case: Case, code_names: CodeNames, words: Translator
) -> list[tuple[str, str]]:
    """The facts as rows of name and value. A question without an answer is listed as such: it never counts as "no"."""
    _ = words.text
    not_answered = _("not said")
    return [
        (_("Needs"), code_names.names("need", case.needs)),
        (_("Country"), code_names.name("country", case.country)),
        (_("Region"), code_names.name("region", facts["region"]) if facts.get("region") else not_answered),
        (_("Languages"), code_names.names("language", case.languages) if case.languages else not_answered),
        (_("Language of the form"), code_names.name("language", case.language)),
        (_("Status"), _label(_, STATUSES, facts.get("status")) or not_answered),
        (
            _("Citizenship"),
            code_names.name("country", facts["nationality"]) if facts.get("nationality") else not_answered,
        ),
        (_("Groups"), _labels(_, GROUPS, facts.get("groups")) or not_answered),
        (_("Support requested"), _labels(_, HELPS, facts.get("helps")) or _("none")),
        (_("Who needs help"), _label(_, FOR_WHOM, facts.get("for_whom")) or not_answered),
        (_("How soon (the person's answer)"), _label(_, HOW_SOON, facts.get("how_soon")) or not_answered),
    ]


def consent_in_words(facts: Mapping[str, Any], directory: Directory, words: Translator) -> list[str]:
    consent = facts.get("consent") or {}

    def named(slugs: Sequence[str]) -> str:
        organisations = [directory.organisation(slug) for slug in slugs]
        return words.listed(
            [entry.name.en if entry else slug for slug, entry in zip(slugs, organisations, strict=True)]
        )

    _ = words.text
    sentences = []
    if consent.get("organisations"):
        sentences.append(_("Organisations that can read the case: {names}.", names=named(consent["organisations"])))
    if consent.get("mode") == "ask_first" or not consent.get("organisations"):
        sentences.append(_("The person wants to be asked each time before the case is sent."))
    else:
        sentences.append(_("Ask the person before you refer to any other organisation."))
    if consent.get("never"):
        sentences.append(_("Never send to: {names}.", names=named(consent["never"])))
    return sentences


_TRANSITIONS_AND_ACTIONS: Final[sa.CompoundSelect[Any]] = sa.union_all(
    sa.select(CaseEvent.at, CaseEvent.verb.label("what"), CaseEvent.actor_kind, sa.null().label("actor_id")).where(
        CaseEvent.case_id == sa.bindparam("case_id", type_=sa.Uuid())
    ),
    sa.select(AuditEntry.at, AuditEntry.action, AuditEntry.actor_kind, AuditEntry.actor_id).where(
        AuditEntry.subject_id == sa.bindparam("subject_id", type_=sa.String()), AuditEntry.action.in_(ACTIONS)
    ),
)


def timeline(
    session: Session, case: Case, summaries: Sequence[ReferralSummary], members: Mapping[UUID, str]
) -> list[HistoryEvent]:
    """The history, newest first, in codes only: transitions of the case and its referrals, and what the desk did and read.

    `members`: names of the team's members, by id. One statement.
    """
    names = {member_id.hex: name for member_id, name in members.items()}
    rows = session.execute(_TRANSITIONS_AND_ACTIONS, {"case_id": case.id, "subject_id": case.id.hex}).all()
    events = [HistoryEvent(row.at, row.what, "", names.get(row.actor_id) or row.actor_kind) for row in rows]
    for entry in summaries:
        events += [
            HistoryEvent(
                step.at, step.verb, f"{entry.organisation} ({entry.referral.label})", step.actor_kind, step.reason
            )
            for step in entry.events
        ]
    return sorted(events, key=lambda event: event.at, reverse=True)


def _label(say: Callable[[str], str], label_of: Mapping[str, str], code: Any) -> str:
    return say(label_of.get(code, "")) if isinstance(code, str) else ""


def _labels(say: Callable[[str], str], label_of: Mapping[str, str], codes: Any) -> str:
    return "; ".join(say(label_of[code]) if code in label_of else code for code in codes or ())
