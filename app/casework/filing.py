"""Filing an intake: it is interpreted, matched, encrypted, stored, audited and announced to the team in one transaction.

Nobody at the desk takes part, and once it is committed nobody without a key can read it.
"""

from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from app import audit, messaging
from app.cases import intake_storage, needs, sealed_parts, shown_numbers, spam_screening
from app.cases.models import Case, CaseEvent, CaseWrap, PartKind, SealedPart, WrapFor
from app.cases.queue_views import URGENCY_RANK
from app.cases.sealed_parts import Recipient
from app.cases.short_labels import new_label
from app.casework import conflict_screening, letter_deadlines
from app.conflicts import service as conflicts
from app.core import bulk, keyholders
from app.core.clock import to_the_hour
from app.core.errors import CountryNotServed, Unavailable
from app.core.ids import named_id
from app.core.keyholders import PublicKey
from app.core.keyring import KeyRing
from app.core.storage_brake import StorageFull
from app.core.upsert import insert_if_absent, insert_or_update
from app.directory.catalogue import ACROSS
from app.directory.packs import Directory
from app.intake import idempotency, receipts
from app.intake.idempotency import StoredResponse
from app.intake.models import PersecutionCount
from app.intake.schemas import Intake
from app.matching import runs
from app.matching.code_names import CodeNames
from app.matching.deadlines import DeadlineFinding, time_zone
from app.matching.engine import MatchResult, ServiceMatch
from app.matching.facts import Facts
from app.matching.need_results import candidates_by_need
from app.messaging import recipients
from app.messaging.channels import EMAIL_ALONE, NoticeWay
from app.messaging.kinds import NoticeKind
from app.messaging.rules import ContactRules, Verdict, may_notify
from app.messaging.signal import recipient_of
from app.staff import service as staff
from app.tasks import service as tasks

LOOK_WITHIN: Final = {"emergency": timedelta(0), "urgent": timedelta(days=2), "normal": timedelta(days=10)}


@dataclass(frozen=True, slots=True)
class FiledCase:
    """The result of filing. `receipt` is shown now and never again.

    `is_asked_here`: whether a centre that was chosen can read it here.
    """

    receipt: receipts.Receipt
    case_id: UUID
    label: str
    urgency: str
    deadline: DeadlineFinding | None
    result: MatchResult
    is_asked_here: bool = False
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReferredIn:
    """The organisation that refers the person, its program that sent the intake, and how the person agreed: spoken or written."""

    organisation_id: UUID
    client_id: str
    agreed: str


@dataclass(frozen=True, slots=True)
class MovedIn:
    """The particulars of a case from an earlier list.

    Since when the person has waited (UTC, cut to the hour), the team's note on it, and who moves it in. There is no notice for
    each such case, unless it is an emergency.
    """

    waiting_since: datetime
    note: str = field(repr=False)
    by: str
    actor_kind: str
    actor_id: UUID | None


def file_intake(
    session: Session,
    intake: Intake,
    *,
    keys: KeyRing,
    directory: Directory,
    now: datetime,
    held_reason: str | None = None,
    crowd: bool = False,
    referred: ReferredIn | None = None,
    only_urgent: bool = False,
    moved_in: MovedIn | None = None,
) -> FiledCase:
    """File one case. `held_reason`: why it is marked as possible spam, see `cases.spam_screening`.

    `crowd`: very many forms arrive now; the team is told. `only_urgent`: there is no room for a case without urgency. Raises
    CountryNotServed when no team answers for the country, StorageFull.
    """
    team_id = staff.team_for(session, intake.country)
    if team_id is None:
        raise CountryNotServed("No team of this installation takes requests from this country.")
    since = moved_in.waiting_since if moved_in else to_the_hour(now)
    intake = intake.first_asked(runs.local_date(directory, intake.country, since))
    facts, deadline = facts_and_deadline(intake, directory, now)
    if only_urgent and not is_urgent(facts.urgency):
        raise StorageFull
    case_id, contact = uuid4(), intake_storage.part_of(intake, PartKind.CONTACT)
    public = _keys_of(session, team_id, conflict_screening.reachable_organisations(directory, intake))
    compared = conflict_screening.screen_intake(session, keys, contact, intake.country, public.keys() - {team_id})
    resting = conflict_screening.slugs_of(compared.hits, directory)
    result = runs.run(session, facts, directory, now, seed=case_id.int, resting=resting)
    receipt = receipts.new()
    zone = time_zone(directory.country(intake.country))
    row = _case_row(case_id, receipt, team_id, intake, facts, deadline, zone=zone, keys=keys, now=now, since=since)
    shown_numbers.show(session, row["receipt_id"])
    brought_by = referred.organisation_id if referred else None
    if spam_screening.is_offered_last(held_reason, facts.urgency) and row["last_safe_day"] is None:
        row["due_on"] += spam_screening.CROWD_DELAY
    label = _put_under_free_label(session, {**row, "held_reason": held_reason, "referred_by": brought_by})
    if crowd and tasks.open_crowd(session, team_id, now=now):
        messaging.queue(session, NoticeKind.CROWD, about_id=team_id, team_id=team_id, now=to_the_hour(now))
    needs.store_new(session, case_id, intake.needs, now)
    chosen = {named_id("organisation", slug) for slug in intake.consent.organisations}
    conflicts.store_check(session, case_id, compared, readers=chosen)
    _seal(session, case_id, intake, receipt, team_id, public, keys=keys, now=now, but=compared.hits, moved_in=moved_in)
    store_notice_address(session, keys, case_id, intake, directory)
    _note(session, case_id, intake, facts, referred, now, moved_in)
    news = NoticeKind.EMERGENCY if facts.urgency == "emergency" else NoticeKind.CASE_SUBMITTED
    if moved_in is None or news is NoticeKind.EMERGENCY:
        messaging.queue(session, news, about_id=case_id, team_id=team_id, now=to_the_hour(now))
    runs.store_first(session, keys, case_id, facts, result, directory=directory, now=now)
    if intake.count_me and held_reason is None:
        _count(session, intake, now)
    is_asked_here = not chosen.isdisjoint(public.keys() - set(compared.hits))
    return FiledCase(receipt, case_id, label, facts.urgency, deadline, result, is_asked_here, tuple(intake.needs))


def file_sandbox_intake(
    session: Session, intake: Intake, team_id: UUID, *, keys: KeyRing, directory: Directory, now: datetime
) -> UUID:
    """File a case of the sandbox: encrypted and audited like any other, but not matched and not counted."""
    intake = intake.first_asked(runs.local_date(directory, intake.country, now))
    facts, deadline = facts_and_deadline(intake, directory, now)
    case_id, receipt = uuid4(), receipts.new()
    consented = {named_id("organisation", slug) for slug in intake.consent.organisations}
    public = _keys_of(session, team_id, consented)
    zone = time_zone(directory.country(intake.country))
    row = _case_row(case_id, receipt, team_id, intake, facts, deadline, zone=zone, keys=keys, now=now)
    _put_under_free_label(session, row)
    needs.store_new(session, case_id, intake.needs, now)
    _seal(session, case_id, intake, receipt, team_id, public, keys=keys, now=now, but=())
    _note(session, case_id, intake, facts, None, now)
    return case_id


def is_urgent(urgency: str) -> bool:
    """Whether a case of this urgency is accepted while the disk is nearly full."""
    return urgency != "normal"


def facts_and_deadline(intake: Intake, directory: Directory, now: datetime) -> tuple[Facts, DeadlineFinding | None]:
    """The facts of an intake that matching may use, and the last safe day of its letter. Pure; the check page uses it too."""
    return runs.facts_and_deadline(intake.answers(), directory, now)


def store_notice_address(session: Session, keys: KeyRing, case_id: UUID, intake: Intake, directory: Directory) -> None:
    """Store the address for notices when the person asked for them; destroy it when they did not."""
    zone, language = directory.country(intake.country).time_zone, intake.language or "en"
    recipients.set_person_notices(session, keys, case_id, _notice_rules(intake), zone=zone, language=language)


def _notice_rules(intake: Intake) -> dict[str, Any] | None:
    """How the service may notify the person, with a phone number as Signal has it; None: they did not ask for notices."""
    how = intake_storage.notice_of(intake)
    if how is None or how["channel"] != NoticeWay.SIGNAL:
        return how
    written = str(how["address"])
    return {**how, "address": recipient_of(written, intake.country) or written}


def _keys_of(session: Session, team_id: UUID, organisations: Collection[UUID]) -> dict[UUID, PublicKey]:
    """The team's public key and those of connected organisations. Raises Unavailable."""
    public = keyholders.public_keys(session, [team_id, *organisations])
    if team_id not in public:
        raise Unavailable("The team of this country has no key yet.")
    return public


def _put_under_free_label(session: Session, row: dict[str, Any]) -> str:
    """Insert the case under a label that no other case has, and return the label."""
    while True:
        label = new_label()
        if insert_if_absent(session, Case, {**row, "label": label}, key=("label",)):
            return label


def due_on(urgency: str, last_safe_day: date | None, waiting_since: datetime, zone: tzinfo = UTC) -> date:
    """The day the queue is ordered by: the last safe day, or the day by which this urgency is to be reviewed, whichever is earlier.

    Days are those of `zone`, the case's country. It is not before the day of filing and never moves later, so that no newer case
    overtakes an overdue one: see `cases.queue_views`.
    """
    came_in = waiting_since.astimezone(zone).date()
    by_urgency = came_in + LOOK_WITHIN[urgency]
    return max(came_in, min(by_urgency, last_safe_day)) if last_safe_day else by_urgency


def _case_row(
    case_id: UUID,
    receipt: receipts.Receipt,
    team_id: UUID,
    intake: Intake,
    facts: Facts,
    deadline: DeadlineFinding | None,
    *,
    zone: tzinfo,
    keys: KeyRing,
    now: datetime,
    since: datetime | None = None,
) -> dict[str, Any]:
    """The row of a case. `since`: since when the person has waited, if not since this hour."""
    hour = to_the_hour(now)
    waiting_since = since or hour
    last_safe_day = deadline.last_safe_day if deadline else None
    return {
        "id": case_id,
        "receipt_id": receipt.look_up_id(keys),
        "state": "submitted",
        "version": 1,
        "team_id": team_id,
        **intake_storage.plain_columns(intake),
        "urgency": facts.urgency,
        "urgency_rank": URGENCY_RANK[facts.urgency],
        "last_safe_day": last_safe_day,
        "deadline_certainty": deadline.certainty if deadline else None,
        "due_on": due_on(facts.urgency, last_safe_day, waiting_since, zone),
        "waiting_since": waiting_since,
        "person_wrote": False,
        "uncovered": True,
        "facts": sealed_parts.encrypt_facts(keys, case_id, 1, intake_storage.facts_of(intake)),
        "facts_version": 1,
        "forget_at": hour,
        "updated_at": hour,
    }


def _seal(
    session: Session,
    case_id: UUID,
    intake: Intake,
    receipt: receipts.Receipt,
    team_id: UUID,
    public: Mapping[UUID, PublicKey],
    *,
    keys: KeyRing,
    now: datetime,
    but: Collection[UUID],
    moved_in: MovedIn | None = None,
) -> None:
    """Make the two data keys, seal them to everybody who may open the case, and encrypt the parts. The keys are not kept.

    `but`: organisations that get no key although the person agreed, for a conflict of interest. The note of an earlier list is
    sealed as every note of the team is.
    """
    person_key, desk_key = sealed_parts.new_key(), sealed_parts.new_key()
    consented = {named_id("organisation", slug) for slug in intake.consent.organisations} - set(but)
    team = Recipient(WrapFor.TEAM, team_id, public[team_id].public_key, public[team_id].id)
    organisations = [
        Recipient(WrapFor.ORGANISATION, owner, key.public_key, key.id)
        for owner, key in public.items()
        if owner in consented
    ]
    mine = Recipient(WrapFor.RECEIPT, case_id, receipt.key_pair().public)
    wraps = [
        sealed_parts.wrap_row(keys, case_id, sealed_parts.PERSON, person_key, to) for to in (mine, team, *organisations)
    ]
    bulk.insert(session, CaseWrap, [*wraps, sealed_parts.wrap_row(keys, case_id, sealed_parts.DESK, desk_key, team)])
    parts = [
        sealed_parts.part_row(person_key, case_id, part, content)
        for part, content in sealed_contents(intake, now).items()
    ]
    if moved_in is not None and moved_in.note:
        content = {"text": moved_in.note, "at": sealed_parts.exact_time(now), "by": moved_in.by}
        parts.append(sealed_parts.part_row(desk_key, case_id, PartKind.NOTE, content, author="desk"))
    bulk.insert(session, SealedPart, parts)


def sealed_contents(intake: Intake, now: datetime) -> dict[PartKind, dict[str, Any]]:
    """The content to encrypt, by part. The story also holds the exact time of filing."""
    parts = {part: intake_storage.part_of(intake, part) for part in intake_storage.INTAKE_PARTS}
    parts[PartKind.STORY]["at"] = sealed_parts.exact_time(now)
    return parts


def _note(
    session: Session,
    case_id: UUID,
    intake: Intake,
    facts: Facts,
    referred: ReferredIn | None,
    now: datetime,
    moved_in: MovedIn | None = None,
) -> None:
    actor_kind, actor_id = ("partner", referred.organisation_id) if referred else ("person", None)
    if moved_in is not None:
        actor_kind, actor_id = moved_in.actor_kind, moved_in.actor_id
    codes = {"urgency": facts.urgency, "country": intake.country, **({"agreed": referred.agreed} if referred else {})}
    event = {
        "id": uuid4(),
        "case_id": case_id,
        "seq": 1,
        "verb": "submit",
        "source": None,
        "target": "submitted",
        "actor_kind": "desk" if moved_in else actor_kind,
        "actor_id": actor_id,
        "codes": codes,
        "at": to_the_hour(now),
    }
    bulk.insert(session, CaseEvent, [event])
    audit.record(
        session,
        actor_kind=actor_kind,
        actor_id=actor_id.hex if actor_id else "-",
        action="case:referred_in" if referred else "case:moved_in" if moved_in else "case:submitted",
        subject_kind="case",
        subject_id=case_id,
        codes={**codes, **({"client": referred.client_id} if referred else {})},
        now=to_the_hour(now),
    )


def _count(session: Session, intake: Intake, now: datetime) -> None:
    """Add one to each counter the person agreed to. Nothing links it to the case."""
    if not intake.happened:
        return
    month = f"{now:%Y-%m}"
    rows_of_one = [
        {"month": month, "code": code, "country": intake.country, "count": 1} for code in sorted(set(intake.happened))
    ]
    statement = insert_or_update(
        session,
        PersecutionCount,
        key=("month", "code", "country"),
        change=lambda new: {"count": PersecutionCount.count + new["count"]},
    )
    session.execute(statement.values(rows_of_one))


def file_once(
    session: Session,
    intake: Intake,
    *,
    who: str,
    key: str,
    payload: bytes,
    keys: KeyRing,
    directory: Directory,
    now: datetime,
    ttl: timedelta,
    held_reason: str | None = None,
    crowd: bool = False,
    only_urgent: bool = False,
    ways: Collection[NoticeWay] = EMAIL_ALONE,
) -> StoredResponse:
    """File an intake the first time `who` sends it under `key`; return the same reply when it is sent again.

    The reply's body is the answer of `POST /v1/intakes` and, for the pages, the host country. Raises what `file_intake` raises;
    after StorageFull the transaction can go on, and nothing is stored.
    """

    def act() -> StoredResponse:
        filed = file_intake(
            session,
            intake,
            keys=keys,
            directory=directory,
            now=now,
            held_reason=held_reason,
            crowd=crowd,
            only_urgent=only_urgent,
        )
        return StoredResponse(201, filing_reply(filed, intake, directory, now, ways), case_id=filed.case_id)

    with session.begin_nested() if only_urgent else nullcontext():
        return idempotency.run_once(session, keys, who, key, payload, act, now=now, ttl=ttl)


def _is_notified(intake: Intake, ways: Collection[NoticeWay]) -> bool:
    """Whether notices are sent to the person automatically, without a decision at the desk."""
    if not intake.contact.notify:
        return False
    how = ContactRules.of(_notice_rules(intake) or {})
    return may_notify(how, datetime(2026, 1, 5, 12, tzinfo=UTC), ways) != (Verdict.ASK_DESK, None)


def results_by_need(filed: FiledCase, directory: Directory) -> list[dict[str, Any]]:
    """For each need, the services that can help with it; needs that the letter's deadline is about come first.

    An empty list: no service was found.
    """
    by_need = candidates_by_need(
        filed.needs, filed.result.candidates, directory, has_deadline=filed.deadline is not None
    )
    return [{"code": need, "services": [match.service for match in helping]} for need, helping in by_need.items()]


def filing_reply(
    filed: FiledCase, intake: Intake, directory: Directory, now: datetime, ways: Collection[NoticeWay] = EMAIL_ALONE
) -> dict[str, Any]:
    """The reply to the sender: the number, urgency, deadline, and which organisations match or do not match.

    Reasons are codes, because the page may be read in another language than the form.
    """
    reader = CodeNames(intake.language or "en", directory)
    unnamed = runs.not_to_be_named(intake.status, directory)

    def reasons(match: ServiceMatch) -> list[dict[str, Any]]:
        return [{"key": reason.key, "params": dict(reason.params)} for reason in match.reasons]

    def named(match: ServiceMatch) -> dict[str, Any]:
        return {"service": match.service, "organisation": match.organisation, "name": match.name}

    document: dict[str, Any] = {
        "receipt": filed.receipt.grouped(),
        "case": filed.label,
        "country": intake.country,
        **({"region": intake.region} if intake.country == ACROSS else {}),
        "needs": list(intake.needs),
        "helps": list(intake.helps),
        "for_whom": intake.for_whom,
        "no_status": intake.status == "no_status",
        "letter": intake.letter.kind if intake.letter else None,
        "chosen": bool(intake.consent.organisations),
        "chosen_are_connected": filed.is_asked_here,
        "notified": _is_notified(intake, ways),
        "urgency": filed.urgency,
        "candidates": [
            {**named(match), "rank": match.rank, "verified": match.verified, "reasons": reasons(match)}
            for match in filed.result.candidates
        ],
        "nearest": [{**named(match), "reasons": reasons(match)} for match in filed.result.nearest],
        "not_matched": [
            {"service": match.service, "reasons": reasons(match)}
            for match in filed.result.not_matched
            if match.organisation not in unnamed
        ],
        "by_need": results_by_need(filed, directory),
    }
    if filed.deadline is not None:
        document["deadline"] = letter_deadlines.document(
            filed.deadline, runs.local_date(directory, intake.country, now), reader.translator
        )
    return document
