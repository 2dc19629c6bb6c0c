"""Match runs: from an intake's answers to facts, and runs that are stored and read back with every reason."""

import contextlib
import json
import zlib
from collections.abc import Collection
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core import bulk
from app.core.clock import to_the_hour
from app.core.db import UtcDateTime
from app.core.ids import named_id
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.directory.models import ServicePause, ServiceRow
from app.directory.packs import Directory
from app.intake.schemas import spoken_languages
from app.matching import deadlines, engine, service_history, urgency
from app.matching.deadlines import DeadlineFinding
from app.matching.engine import LiveStatus, MatchResult, ServiceMatch
from app.matching.facts import Facts
from app.matching.leaves import NO_LIVE_STATUS
from app.matching.models import MatchRun
from app.matching.reasons import Reason
from app.partners.organisations import Organisation


def facts_and_deadline(
    answers: dict[str, Any], directory: Directory, now: datetime, *, asked_on: date | None = None
) -> tuple[Facts, DeadlineFinding | None]:
    """The facts for matching, and the letter's deadline, from an intake's answers (JSON). Pure.

    `asked_on`: the day on which the letter was first asked about, for answers that do not hold it; by default today.

    Without an answer about languages, the language of the form counts. A skipped question about groups means unknown, not no.
    """
    country = directory.country(answers["country"])
    on = local_date(directory, country.code, now)
    finding = _letter(answers, directory, on, asked_on)
    helps = frozenset(answers.get("helps") or ())
    status = answers.get("status")
    consent = answers["consent"]
    needs = frozenset(answers["needs"])
    last_safe_day = finding.last_safe_day if finding else None
    groups = answers.get("groups")
    facts = Facts(
        needs=needs,
        country=country.code,
        region=answers.get("region"),
        languages=tuple(spoken_languages(answers)),
        nationality=answers.get("nationality"),
        status=None if status == "unknown" else status,
        groups=frozenset(groups) if groups else None,
        age="minor" if helps & {"minor", "child_alone"} else None,
        helps=helps,
        urgency=urgency.assess(
            needs=needs,
            helps=helps,
            happened=answers.get("happened") or (),
            how_soon=answers["how_soon"],
            last_safe_day=last_safe_day,
            today=on,
        ),
        last_safe_day=last_safe_day,
        never=frozenset(consent.get("never") or ()),
        unsafe=not_to_be_named(status, directory),
    )
    return facts, finding


NO_STATUS: Final = "no_status"
FACTS_BINDING: Final = ("match_runs", "facts_mac")


def not_to_be_named(status: str | None, directory: Directory) -> frozenset[str]:
    """Organisations not named, in any list, to somebody without permission to stay: those whose legal aid the state pays for."""
    if status != NO_STATUS:
        return frozenset()
    return frozenset(
        organisation.id
        for organisation in directory.organisations
        if organisation.state_run and any(service.cost == "state_funded" for service in organisation.services)
    )


def local_date(directory: Directory, country: str, now: datetime) -> date:
    """Today's date in the country's time zone."""
    return now.astimezone(deadlines.time_zone(directory.country(country))).date()


def _letter(answers: dict[str, Any], directory: Directory, on: date, asked_on: date | None) -> DeadlineFinding | None:
    letter = answers.get("letter")
    if letter is None:
        return None
    days = {
        name: date.fromisoformat(letter[name]) for name in ("received_on", "earlier_on", "asked_on") if letter.get(name)
    }
    rule = directory.deadline(answers["country"], letter.get("kind") or "")
    return deadlines.assess(
        rule,
        days.get("received_on"),
        directory.country(answers["country"]),
        on,
        asked_on=days.get("asked_on", asked_on),
        earlier_on=days.get("earlier_on"),
        further=directory.further_rows(answers["country"], rule),
    )


_LIVE: Final = (
    sa.select(
        ServiceRow.key, ServiceRow.capacity, ServiceRow.capacity_until, Organisation.paused_until,
        ServicePause.id.label("pause"), ServicePause.need, ServicePause.language,
    )
    .join_from(ServiceRow, Organisation, Organisation.id == ServiceRow.organisation_id)
    .outerjoin(
        ServicePause,
        sa.and_(
            ServicePause.service_id == ServiceRow.id, ServicePause.until >= sa.bindparam("on", type_=sa.Date())
        ),
    )
    .where(
        ServiceRow.key.in_(sa.bindparam("keys", type_=sa.String(), expanding=True)),
        sa.or_(
            ServiceRow.capacity != "unknown",
            Organisation.paused_until > sa.bindparam("now", type_=UtcDateTime()),
            ServicePause.id.is_not(None),
        ),
    )
)  # fmt: skip


def live_states(session: Session, country: str, directory: Directory, now: datetime) -> dict[str, LiveStatus]:
    """Capacity and pauses of a country's services, where known. One statement."""
    entries = {entry.key: entry for entry in directory.services_for(country)}
    on = local_date(directory, country, now)
    by_key: dict[str, list[Any]] = {}
    for row in session.connection().execute(_LIVE, {"keys": list(entries), "on": on, "now": now}):
        by_key.setdefault(row.key, []).append(row)
    return {key: _live(rows, frozenset(entries[key].service.needs), now) for key, rows in by_key.items()}


def _live(rows: list[Any], needs: frozenset[str], now: datetime) -> LiveStatus:
    """The live state of one service, from its rows: one for each pause."""
    first = rows[0]
    paused = frozenset(row.need for row in rows if row.need)
    whole = any(row.pause is not None and row.need is None and row.language is None for row in rows)
    return LiveStatus(
        first.capacity,
        first.capacity_until,
        accepts=not whole and (first.paused_until is None or first.paused_until <= now),
        paused_needs=paused,
        open_needs=needs - paused,
        paused_languages=frozenset(row.language for row in rows if row.language),
    )


def run(
    session: Session,
    facts: Facts,
    directory: Directory,
    now: datetime,
    seed: int,
    services: tuple[Any, ...] | None = None,
    *,
    resting: Collection[str] = (),
) -> MatchResult:
    """Evaluate the rules for this case, with the present state of the services.

    `resting`: organisations excluded for a conflict of interest; the result shows them as taking no requests.
    """
    entries = services if services is not None else directory.services_for(facts.country)
    live = live_states(session, facts.country, directory, now)
    for entry in entries if resting else ():
        if entry.organisation.id in resting:
            live[entry.key] = replace(live.get(entry.key, NO_LIVE_STATUS), accepts=False)
    known = service_history.history_of(session, [entry.key for entry in entries])
    return engine.evaluate(
        facts,
        entries,
        on=local_date(directory, facts.country, now),
        related=engine.related_needs(directory),
        live=live,
        answer_days=known.answer_days,
        shares=known.shares,
        seed=seed,
    )


def store(
    session: Session,
    keys: KeyRing,
    case_id: UUID,
    facts: Facts,
    result: MatchResult,
    *,
    directory: Directory,
    now: datetime,
) -> UUID:
    """Store a run: ranking, every leaf's outcome and every reason, encrypted under the epoch key."""
    last = session.scalar(sa.select(sa.func.max(MatchRun.seq)).where(MatchRun.case_id == case_id))
    return store_first(session, keys, case_id, facts, result, directory=directory, now=now, seq=(last or 0) + 1)


def store_first(
    session: Session,
    keys: KeyRing,
    case_id: UUID,
    facts: Facts,
    result: MatchResult,
    *,
    directory: Directory,
    now: datetime,
    seq: int = 1,
) -> UUID:
    """Store the first run of a new case."""
    run_id = uuid4()
    row = {
        "id": run_id,
        "case_id": case_id,
        "seq": seq,
        "rule_set": directory.digest,
        "order_version": result.order_version,
        "facts_mac": keys.hide(keys.mac("facts", _canonical(facts)), *FACTS_BINDING),
        "trace": keys.encrypt(_packed(result), "match_runs", str(run_id), "trace", "1"),
        "at": to_the_hour(now),
    }
    bulk.insert(session, MatchRun, [row])
    return run_id


_LATEST: Final = (
    sa.select(MatchRun)
    .where(MatchRun.case_id == sa.bindparam("case_id", type_=sa.Uuid()))
    .order_by(MatchRun.seq.desc())
    .limit(1)
)


def latest_run(session: Session, keys: KeyRing, case_id: UUID) -> tuple[MatchRun, MatchResult] | None:
    """The newest run of a case, with its reasons. Raises CannotOpen if its epoch key was destroyed."""
    row = session.scalars(_LATEST, {"case_id": case_id}).one_or_none()
    if row is None:
        return None
    return row, decrypted_result(keys, row.id, row.trace, row.order_version)


def runs_of_case(session: Session, keys: KeyRing, case_id: UUID, limit: int) -> list[tuple[MatchRun, MatchResult]]:
    """The runs of a case, newest first; those whose epoch key was destroyed are left out."""
    rows = session.scalars(
        sa.select(MatchRun).where(MatchRun.case_id == case_id).order_by(MatchRun.seq.desc()).limit(limit)
    )
    runs = []
    for row in rows:
        with contextlib.suppress(CannotOpen):
            runs.append((row, decrypted_result(keys, row.id, row.trace, row.order_version)))
    return runs


def decrypted_result(keys: KeyRing, run_id: UUID, trace: bytes, order_version: int) -> MatchResult:
    """A stored run with all its reasons. Raises CannotOpen if its epoch key was destroyed."""
    return _unpacked(keys.decrypt(trace, "match_runs", str(run_id), "trace", "1"), order_version)


def forget(session: Session, case_id: UUID) -> None:
    session.execute(sa.delete(MatchRun).where(MatchRun.case_id == case_id))


def service_id(key: str) -> UUID:
    return named_id("service", key)


def _canonical(facts: Facts) -> bytes:
    plain = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(facts).items()}
    return json.dumps(plain, sort_keys=True, default=str).encode()


def _packed(result: MatchResult) -> bytes:
    document = [
        [
            [
                match.service,
                match.name,
                int(match.verified),
                [[reason.key, dict(reason.params)] for reason in match.reasons],
                "".join(map(str, match.outcomes)),
                list(match.terms),
            ]
            for match in group
        ]
        for group in (result.candidates, result.nearest, result.not_matched)
    ]
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 1)


def _unpacked(packed: bytes, order_version: int) -> MatchResult:
    candidates, nearest, others = (
        tuple(_service_match(row, rank if ranked else 0) for rank, row in enumerate(group, 1))
        for ranked, group in zip((True, False, False), json.loads(zlib.decompress(packed)), strict=True)
    )
    return MatchResult(candidates, nearest, others, order_version)


def _service_match(row: list[Any], rank: int) -> ServiceMatch:
    service, name, verified, reasons, outcomes, terms = row
    return ServiceMatch(
        service,
        service.split("/")[0],
        name,
        bool(verified),
        tuple(Reason(key, params) for key, params in reasons),
        tuple(int(digit) for digit in outcomes),
        rank,
        tuple(terms),
    )
