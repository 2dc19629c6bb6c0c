"""The effect of a rule change: differences between two match results, and a replay of all stored runs with other rules."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import sealed_parts
from app.cases.models import Case
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.directory.catalogue import Directory
from app.matching import runs
from app.matching.engine import MatchResult, ServiceMatch, evaluate, related_needs
from app.matching.facts import Urgency
from app.matching.leaves import ALWAYS, LiveStatus
from app.matching.models import MatchRun
from app.matching.outcomes import NO

_BATCH = 500


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """A service whose result changed: `was` and `now` are candidate, nearest, not_matched or absent."""

    service: str
    was: str
    now: str
    match: ServiceMatch | None
    """As it is now, with its reasons; None when it is gone."""


@dataclass(frozen=True, slots=True)
class RunDifference:
    """The difference of two results: changed services, and whether another service is first."""

    changes: tuple[ServiceChange, ...]
    first_was: str | None
    first_now: str | None
    same_first: bool

    @property
    def is_none(self) -> bool:
        return not self.changes and self.same_first

    def gained(self) -> tuple[str, ...]:
        return tuple(change.service for change in self.changes if change.now == "candidate")

    def lost(self) -> tuple[str, ...]:
        return tuple(change.service for change in self.changes if change.was == "candidate")


def difference(was: MatchResult, now: MatchResult) -> RunDifference:
    """Compare two results. A different order among equals does not count as a change."""
    before, after = _where_listed(was), _where_listed(now)
    changes = []
    for service in dict.fromkeys((*before, *after)):
        old, new = before.get(service, _ABSENT), after.get(service, _ABSENT)
        if old[0] != new[0]:
            changes.append(ServiceChange(service, old[0], new[0], new[1]))
    first_was = was.candidates[0].service if was.candidates else None
    first_now = now.candidates[0].service if now.candidates else None
    same = first_was == first_now or (first_was is not None and first_was in _equals(now))
    return RunDifference(tuple(changes), first_was, first_now, same)


_ABSENT: tuple[str, ServiceMatch | None] = ("absent", None)


def _where_listed(result: MatchResult) -> dict[str, tuple[str, ServiceMatch | None]]:
    groups = (
        ("candidate", result.candidates),
        ("nearest", result.nearest),
        ("not_matched", result.not_matched),
    )
    return {match.service: (where, match) for where, group in groups for match in group}


def _equals(result: MatchResult) -> frozenset[str]:
    first = result.candidates[0].terms[:-1] if result.candidates else ()
    return frozenset(match.service for match in result.candidates if match.terms[:-1] == first)


@dataclass(frozen=True, slots=True)
class ChangedCase:
    """A case with another result under the new rules. Label and codes only."""

    label: str
    country: str
    difference: RunDifference


@dataclass(slots=True)
class Summary:
    """Counts over all replayed cases."""

    cases: int = 0
    unchanged: int = 0
    first_moved: int = 0
    gained: int = 0
    lost: int = 0
    now_without_anybody: int = 0
    unreadable: int = 0
    moved: list[ChangedCase] = field(default_factory=list)

    def add(self, label: str, country: str, difference: RunDifference, *, restricted: bool = False) -> None:
        """Count the case; one that is restricted is not listed among those that moved, with its country and services."""
        self.cases += 1
        if difference.is_none:
            self.unchanged += 1
            return
        self.first_moved += not difference.same_first
        self.gained += bool(difference.gained())
        self.lost += bool(difference.lost())
        self.now_without_anybody += difference.first_was is not None and difference.first_now is None
        if not restricted:
            self.moved.append(ChangedCase(label, country, difference))

    def merge(self, other: "Summary") -> None:
        """Add another process's counts."""
        for name, count in other.counts().items():
            setattr(self, name, getattr(self, name) + count)
        self.moved += other.moved

    def counts(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in _COUNTS}

    def by_country(self) -> dict[str, int]:
        """The number of cases with another first choice, by country."""
        return dict(Counter(moved.country for moved in self.moved if not moved.difference.same_first))


_COUNTS: Final = tuple(entry.name for entry in fields(Summary) if entry.name != "moved")


def count_replayable(session: Session) -> int:
    """The number of cases with a stored run that can be replayed."""
    count = sa.select(sa.func.count(sa.distinct(MatchRun.case_id))).join(Case, Case.id == MatchRun.case_id)
    return session.scalar(count.where(Case.facts.is_not(None))) or 0


def replay(session: Session, keys: KeyRing, directory: Directory, summary: Summary) -> Iterator[int]:
    """Match the facts of every stored case with `directory`; yields the number of cases done, to show progress.

    Services that were paused, full or excluded in the stored run stay so in the replay.
    """
    done = 0
    for ids in case_batches(session):
        summary.merge(replay_cases(session, keys, directory, ids))
        done += len(ids)
        yield done


def case_batches(session: Session, size: int = _BATCH) -> Iterator[list[UUID]]:
    """The ids of all cases that can be replayed, in batches for several processes."""
    run = sa.exists().where(MatchRun.case_id == Case.id)
    query = sa.select(Case.id).where(Case.facts.is_not(None), run).order_by(Case.id).limit(size)
    after: UUID | None = None
    while ids := list(session.scalars(query if after is None else query.where(Case.id > after))):
        yield ids
        after = ids[-1]


def newest_cases(session: Session, count: int) -> list[UUID]:
    """The ids of the newest cases, to replay a sample before all of them."""
    run = sa.exists().where(MatchRun.case_id == Case.id)
    query = sa.select(Case.id).where(Case.facts.is_not(None), run).order_by(Case.waiting_since.desc()).limit(count)
    return list(session.scalars(query))


def replay_cases(session: Session, keys: KeyRing, directory: Directory, ids: Sequence[UUID]) -> Summary:
    """Replay these cases with `directory` and count the results."""
    summary, related = Summary(), related_needs(directory)
    for row in session.execute(_stored(ids)):
        _try(row, keys, directory, related, summary)
    return summary


def _stored(ids: Sequence[UUID]) -> sa.Executable:
    mine = MatchRun.case_id.in_(ids)
    latest = (
        sa.select(MatchRun.case_id, sa.func.max(MatchRun.seq).label("seq"))
        .where(mine)
        .group_by(MatchRun.case_id)
        .subquery()
    )
    columns = (
        Case.id, Case.label, Case.country, Case.urgency, Case.facts, Case.facts_version, Case.restricted,
        MatchRun.id.label("run"), MatchRun.trace, MatchRun.order_version, MatchRun.at,
    )  # fmt: skip
    return (
        sa.select(*columns)
        .join(latest, latest.c.case_id == Case.id)
        .join(MatchRun, sa.and_(MatchRun.case_id == latest.c.case_id, MatchRun.seq == latest.c.seq))
        .where(Case.facts.is_not(None))
        .order_by(Case.id)
    )


def _try(row: Any, keys: KeyRing, directory: Directory, related: dict[str, frozenset[str]], summary: Summary) -> None:
    try:
        answers = sealed_parts.decrypt_facts(keys, row.id, row.facts_version, row.facts)
        was = runs.decrypted_result(keys, row.run, row.trace, row.order_version)
    except CannotOpen:
        summary.unreadable += 1
        return
    if not directory.has_country(row.country):
        summary.unreadable += 1
        return
    facts, _ = runs.facts_and_deadline(answers, directory, row.at)
    urgency: Urgency = row.urgency
    facts = replace(facts, urgency=urgency)  # what happened to the person is sealed, and may have made it urgent
    on = runs.local_date(directory, row.country, row.at)
    now = evaluate(
        facts, directory.services_for(row.country), on, related=related, live=_then(was, on), seed=row.id.int
    )
    summary.add(row.label, row.country, difference(was, now), restricted=row.restricted)


def _then(was: MatchResult, on: Any) -> dict[str, LiveStatus]:
    """The live status of services when the run was made: those that could not be asked, and known capacities."""
    live = {}
    for match in (*was.candidates, *was.nearest, *was.not_matched):
        if NO in match.outcomes[-len(ALWAYS) :]:
            live[match.service] = LiveStatus(accepts=False)
        elif any(reason.key == "capacity.open" for reason in match.reasons):
            live[match.service] = LiveStatus("open", on)
    return live
