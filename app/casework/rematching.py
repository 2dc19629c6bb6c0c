"""Matching a stored case again: before each automatic offer, or by the desk after a change."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app import audit
from app.cases import sealed_parts
from app.cases.models import Case
from app.casework import rule_replay
from app.casework.rule_replay import RunDifference
from app.conflicts import service as conflicts
from app.core.errors import Conflict
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.directory.packs import Directory
from app.matching import runs as matching_runs
from app.matching.engine import MatchResult
from app.matching.models import MatchRun
from app.referrals import deadline_storage, queries

SHOWN = 10


@dataclass(frozen=True, slots=True)
class RunWithChanges:
    """A stored run, and its differences from the run before; None when it was the first."""

    row: MatchRun
    result: MatchResult
    since: RunDifference | None


def run_matching(
    session: Session, keys: KeyRing, directory: Directory, case: Case, now: datetime
) -> MatchResult | None:
    """Match the case with the services as they are now, and store the run. None: the facts cannot be read any more."""
    if case.facts is None:
        return None
    try:
        answers: dict[str, Any] = sealed_parts.decrypt_facts(keys, case.id, case.facts_version, case.facts)
    except CannotOpen:
        return None
    facts, _ = matching_runs.facts_and_deadline(answers, directory, now)
    facts = replace(  # urgency and deadline as they were found when all that was said could be read
        facts,
        urgency=deadline_storage.current_urgency(case, now),
        last_safe_day=case.last_safe_day,
        excluded=queries.excluded_organisations(session, case.id),
    )
    resting = conflicts.excluded(session, case.id)
    result = matching_runs.run(session, facts, directory, now, seed=case.id.int, resting=resting)
    matching_runs.store(session, keys, case.id, facts, result, directory=directory, now=now)
    return result


def rematch(session: Session, keys: KeyRing, directory: Directory, case: Case, *, by: UUID, now: datetime) -> None:
    """Match a case again for the desk. The caller holds its row. Raises Conflict: it has ended, or its facts are gone."""
    if case.closed_at is not None or run_matching(session, keys, directory, case, now) is None:
        raise Conflict("The answers of this case have been deleted, so it cannot be matched again.", state=case.state)
    case.version += 1
    case.updated_at = now
    session.flush()
    audit.record(
        session,
        actor_kind="member",
        actor_id=by.hex,
        action="case:matched_again",
        subject_kind="case",
        subject_id=case.id,
        now=now,
    )


def latest_runs(session: Session, keys: KeyRing, case: Case) -> list[RunWithChanges]:
    """The latest runs of a case, newest first, each with its changes. Runs that can no longer be decrypted are left out."""
    opened = matching_runs.runs_of_case(session, keys, case.id, SHOWN + 1)
    before = [result for _row, result in opened[1:]]
    return [
        RunWithChanges(row, result, rule_replay.difference(was, result) if was is not None else None)
        for (row, result), was in zip(opened, [*before, None], strict=False)
    ][:SHOWN]
