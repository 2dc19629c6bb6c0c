"""Keeps the figures of reports up to date, and reads them (docs/decisions/0189).

Triggers note each case that changes. For each such case `settle` subtracts what it had added to the figures, and adds its present
values. A reader does the same in memory for the few cases that are noted and not settled yet, so that a report is always exact.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import Case
from app.core import bulk
from app.core.upsert import insert_or_update
from app.partners import sandbox_identity
from app.reporting import queries
from app.reporting.models import ReportCase, ReportChange, ReportFigure
from app.reporting.queries import CaseRecords
from app.reporting.tally import Figure, Subject, tally

BATCH: Final = 500
MOST_IN_MEMORY: Final = 300
"""Up to so many cases that are not settled yet are counted by the reader."""
_LOCK: Final = 0x7265706F7274  # any number that no other advisory lock has
_OF_TEAM: Final = tuple(subject.value for subject in Subject if subject is not Subject.OWN_STEP)
_OF_ORGANISATION: Final = (Subject.OFFER.value, Subject.OFFER_NEED.value, Subject.OWN_STEP.value)
_COMPARED: Final = (Subject.CASE.value, Subject.OFFER.value, Subject.STEP.value)
_Kept = tuple[UUID, Counter[Figure]]


@dataclass(frozen=True, slots=True)
class KeptFigures:
    """Figures by what they count. `behind`: how many changed cases are not in them yet; 0: they are exact."""

    figures: Counter[Figure]
    behind: int = 0

    def within(self, months: Iterable[str]) -> Counter[Figure]:
        wanted = frozenset(months)
        return Counter({figure: count for figure, count in self.figures.items() if figure.month in wanted})


def settle(session: Session, *, limit: int = BATCH) -> int:
    """Bring the figures up to date for cases that have changed; returns the number of noted changes that were processed.

    Only one caller at a time does it; another waits until the first one's transaction ends.
    """
    _lock(session)
    oldest = sa.select(ReportChange.id).order_by(ReportChange.id).limit(limit).scalar_subquery()
    noted = sa.delete(ReportChange).where(ReportChange.id.in_(oldest)).returning(ReportChange.case_id)
    case_ids = session.execute(noted.execution_options(synchronize_session=False)).scalars().all()
    if case_ids:
        _renew(session, list(dict.fromkeys(case_ids)))
    return len(case_ids)


def note_all(session: Session) -> None:
    """Have every case counted again: note all cases as changed. `settle` does the rest, batch by batch."""
    from_cases = sa.select(Case.id)
    session.execute(sa.insert(ReportChange).from_select(["case_id"], from_cases))
    gone = sa.select(ReportCase.case_id).where(ReportCase.case_id.not_in(from_cases))
    session.execute(sa.insert(ReportChange).from_select(["case_id"], gone))


def _lock(session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def _renew(session: Session, case_ids: Sequence[UUID]) -> None:
    """Replace what these cases had added to the figures by their present values."""
    before = _kept(session, case_ids)
    now = _counted(queries.of_cases(session, case_ids))
    changes: Counter[tuple[UUID, Figure]] = Counter()
    for kept, sign in ((before, -1), (now, 1)):
        for team_id, figures in kept.values():
            for figure, count in figures.items():
                changes[team_id, figure] += sign * count
    _add(session, changes)
    changed = [case_id for case_id in case_ids if before.get(case_id) != now.get(case_id)]
    if stored := [case_id for case_id in changed if case_id in before]:
        session.execute(sa.delete(ReportCase).where(ReportCase.case_id.in_(stored)))
    bulk.insert(
        session,
        ReportCase,
        [
            {"case_id": case_id, "team_id": now[case_id][0], "figures": _written(now[case_id][1])}
            for case_id in changed
            if case_id in now
        ],
    )


def _add(session: Session, changes: Mapping[tuple[UUID, Figure], int]) -> None:
    """Add to the rows of these figures, in the same order for every caller, and delete those that reach zero."""
    rows = [
        {
            "month": figure.month,
            "team_id": team_id,
            "subject": figure.subject,
            "organisation": figure.organisation,
            "codes": "|".join(figure.codes),
            "count": count,
        }
        for (team_id, figure), count in sorted(changes.items())
        if count
    ]
    if not rows:
        return
    statement = insert_or_update(
        session,
        ReportFigure,
        key=("month", "team_id", "subject", "organisation", "codes"),
        change=lambda new: {"count": ReportFigure.count + new["count"]},
    )
    session.connection().execute(statement, rows)
    session.execute(sa.delete(ReportFigure).where(ReportFigure.count == sa.literal_column("0")))


def _kept(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, _Kept]:
    rows = session.execute(
        sa.select(ReportCase.case_id, ReportCase.team_id, ReportCase.figures).where(ReportCase.case_id.in_(case_ids))
    )
    return {case_id: (team_id, _read(figures)) for case_id, team_id, figures in rows}


def _counted(records: Mapping[UUID, CaseRecords]) -> dict[UUID, _Kept]:
    counted = {
        case_id: (one.team_id, tally([one.case] if one.case else (), one.offers, one.choices))
        for case_id, one in records.items()
    }
    return {case_id: kept for case_id, kept in counted.items() if kept[1]}


def _written(figures: Counter[Figure]) -> list[Any]:
    return [[*figure[:3], "|".join(figure.codes), count] for figure, count in figures.items()]


def _read(figures: Iterable[Sequence[Any]]) -> Counter[Figure]:
    return Counter(
        {
            Figure(month, subject, organisation, tuple(codes.split("|"))): count
            for month, subject, organisation, codes, count in figures
        }
    )


def read(
    session: Session,
    months: Sequence[str],
    *,
    beside: Sequence[str] = (),
    team_id: UUID | None = None,
    organisation: str | None = None,
) -> KeptFigures:
    """The figures of these months: of a team, or of an organisation; with neither, of all teams but the sandbox's.

    `beside`: other months, of which only the figures needed for a comparison are read. One statement, and four more while cases
    are noted that are not settled yet.
    """
    subjects = _OF_TEAM if organisation is None else _OF_ORGANISATION
    wanted = {(month, subject) for month in months for subject in subjects}
    wanted |= {(month, subject) for month in beside for subject in _COMPARED}
    conditions: list[sa.ColumnElement[bool]] = [
        sa.or_(
            sa.and_(ReportFigure.month.in_(months), ReportFigure.subject.in_(subjects)),
            sa.and_(ReportFigure.month.in_(beside), ReportFigure.subject.in_(_COMPARED)),
        )
    ]
    if team_id is not None:
        conditions.append(ReportFigure.team_id == team_id)
    elif organisation is None:
        conditions.append(ReportFigure.team_id != sandbox_identity.TEAM_ID)
    if organisation is not None:
        conditions.append(ReportFigure.organisation == organisation)
    found, before = _read_both(session, conditions)
    figures: Counter[Figure] = Counter()
    for month, subject, code, codes, count in found:
        figures[Figure(month, subject, code, tuple(codes.split("|")))] = count
    if len(before) > MOST_IN_MEMORY:
        return KeptFigures(figures, _how_many_changed(session))
    if not before:
        return KeptFigures(figures)
    now = _counted(queries.of_cases(session, list(before)))
    for kept, sign in ((before, -1), (now, 1)):
        for team, of_case in kept.values():
            if not _is_asked_for(team, team_id, organisation):
                continue
            for figure, count in of_case.items():
                if figure[:2] in wanted and organisation in {None, figure.organisation}:
                    figures[figure] += sign * count
    return KeptFigures(Counter({figure: count for figure, count in figures.items() if count}))


def _is_asked_for(team: UUID, team_id: UUID | None, organisation: str | None) -> bool:
    if team_id is not None:
        return team == team_id
    return organisation is not None or team != sandbox_identity.TEAM_ID


def _read_both(
    session: Session, conditions: Sequence[sa.ColumnElement[bool]]
) -> tuple[list[tuple[str, str, str, str, int]], dict[UUID, _Kept]]:
    """The figures, and what the noted cases have added to them, in one statement: both are of the same moment."""
    sums = (
        sa.select(
            ReportFigure.month, ReportFigure.subject, ReportFigure.organisation, ReportFigure.codes,
            sa.func.sum(ReportFigure.count).label("count"),
            sa.cast(sa.null(), sa.Uuid()).label("case_id"), sa.cast(sa.null(), sa.Uuid()).label("team_id"),
        )
        .where(*conditions)
        .group_by(ReportFigure.month, ReportFigure.subject, ReportFigure.organisation, ReportFigure.codes)
        .having(sa.func.sum(ReportFigure.count) != 0)
    )  # fmt: skip
    noted = sa.select(ReportChange.case_id).distinct().limit(MOST_IN_MEMORY + 1).subquery()
    kept = sa.select(
        sa.literal(""), sa.literal(""), sa.literal(""),
        sa.func.coalesce(sa.cast(ReportCase.figures, sa.Text()), "[]"), sa.literal(0), noted.c.case_id, ReportCase.team_id,
    ).outerjoin_from(noted, ReportCase, ReportCase.case_id == noted.c.case_id)  # fmt: skip
    found, before = [], {}
    for month, subject, organisation, codes, count, case_id, team_id in session.execute(sa.union_all(sums, kept)):
        if case_id is None:
            found.append((month, subject, organisation, codes, int(count)))
        else:
            before[case_id] = (team_id, _read(json.loads(codes)))
    return found, before


def _how_many_changed(session: Session) -> int:
    return session.scalar(sa.select(sa.func.count(ReportChange.case_id.distinct()))) or 0
