"""Exact numbers of cases by their codes, without counting the cases (docs/decisions/0060).

Triggers add rows of +1 and −1 in the transaction that changes a case, so the sums cannot differ from what is committed, and two
writers never wait for the same counter row. `compact` merges rows with equal codes, so that few rows have to be summed.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import Case, CaseCounter
from app.cases.states import CaseState

COMPACT_AFTER: Final = 2_000
_MIN_SHARE_ADDED: Final = 4
_TABLE: Final = CaseCounter.__table__
_DIMENSIONS: Final = [column.name for column in _TABLE.c if column.name not in {"id", "count", "compacted"}]
_COLUMNS: Final = [*_DIMENSIONS, "count", "compacted"]

# A compacted row keeps either the state of its cases, or the due day, or the owner: no view needs two of them at once, and together
# they would make nearly as many rows as there are cases. The omitted dimensions are null, an omitted state is `NO_STATE`, and
# an omitted `uncovered` is false.
_OMITTED_DIMENSIONS: Final = MappingProxyType[str, tuple[str, ...]](
    {
        "state": ("due_on", "owner_id"),
        "due_on": ("state", "referral_status", "snoozed_until", "owner_id", "uncovered"),
        "owner_id": ("state", "referral_status", "due_on", "uncovered"),
    }
)
NO_STATE: Final = ""
PAST: Final = date.min


def compact(session: Session, today: date, *, at_least: int = COMPACT_AFTER) -> int:
    """Merge rows with equal codes if many were added since the last time; returns how many rows had been added, or 0 if nothing
    was merged.

    Many means `at_least`, and at least a quarter of all rows, because all rows are written again. PostgreSQL does it in one
    statement, so that a reader sees either the rows from before or those from after; rows of a transaction that is still open stay
    for the next time. On SQLite there is only one writer.
    """
    total, added = session.execute(
        sa.select(sa.func.count(), sa.func.count().filter(sa.not_(_TABLE.c.compacted))).select_from(_TABLE)
    ).one()
    if added < at_least or (at_least and added < total // _MIN_SHARE_ADDED):
        return 0
    if session.get_bind().dialect.name == "postgresql":
        deleted = sa.delete(CaseCounter).returning(*_TABLE.c).cte("deleted")
        session.execute(sa.insert(CaseCounter).from_select(_COLUMNS, _compacted(deleted, today)).add_cte(deleted))
    else:
        last = session.scalar(sa.select(sa.func.max(CaseCounter.id)))
        session.execute(sa.insert(CaseCounter).from_select(_COLUMNS, _compacted(_TABLE, today, _TABLE.c.id <= last)))
        session.execute(sa.delete(CaseCounter).where(CaseCounter.id <= last))
    return int(added)


def _compacted(rows: sa.FromClause, today: date, *which: sa.ColumnElement[bool]) -> sa.CompoundSelect[Any]:
    """A union of selects that gives the compacted rows, one select for each dimension that is kept. Past days become one value,
    `PAST`.
    """
    over = today - timedelta(days=2)  # it may be yesterday where a case is, and another process's clock a little behind
    due_on, snoozed_until = rows.c.due_on, rows.c.snoozed_until
    dimensions = {name: rows.c[name] for name in _DIMENSIONS} | {
        "due_on": sa.case((due_on < over, sa.literal(PAST, sa.Date())), else_=due_on),
        "snoozed_until": sa.case((snoozed_until >= over, snoozed_until)),
    }
    columns = {
        "state": rows.c.state != NO_STATE,
        "due_on": due_on.is_not(None),
        "owner_id": rows.c.owner_id.is_not(None),
    }
    return sa.union_all(
        *(
            _sums(rows, {**dimensions, **dict.fromkeys(_OMITTED_DIMENSIONS[name])}, applies, *which)
            for name, applies in columns.items()
        )
    )


def _sums(
    rows: sa.FromClause, dimensions: Mapping[str, Any], *which: sa.ColumnElement[bool]
) -> sa.Select[*tuple[Any, ...]]:
    """The summed counts by the dimensions that are given; a dimension that is None is omitted."""
    total = sa.func.sum(rows.c["count"])
    shown = [_omitted(name) if dimension is None else dimension for name, dimension in dimensions.items()]
    grouped = [dimension for dimension in dimensions.values() if dimension is not None]
    return sa.select(*shown, total, sa.true()).where(*which).group_by(*grouped).having(total != 0)


def _omitted(name: str) -> sa.ColumnElement[Any]:
    if name == "uncovered":
        return sa.false()
    return sa.literal(NO_STATE, sa.String()) if name == "state" else sa.cast(sa.null(), _TABLE.c[name].type)


def recount(session: Session, today: date) -> None:
    """Count all cases again and replace the counters, after rows were loaded without the triggers. Nobody else may write during
    this.
    """
    cases = Case.__table__
    still_open = cases.c.closed_at.is_(None)

    def while_open(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.case((still_open, column))

    need, spoken = _codes(session, cases.c.needs), _codes(session, cases.c.languages)
    dimensions = (
        cases.c.team_id, need.c.code, spoken.c.code, cases.c.country, cases.c.urgency, cases.c.state, still_open,
        cases.c.merged_into_id.is_not(None), while_open(cases.c.owner_id), while_open(cases.c.due_on),
        while_open(cases.c.snoozed_until), cases.c.person_wrote, while_open(cases.c.referral_status),
        while_open(cases.c.held_reason), cases.c.uncovered, cases.c.restricted,
    )  # fmt: skip
    counted = (
        sa.select(
            *(dimension.label(name) for name, dimension in zip(_DIMENSIONS, dimensions, strict=True)),
            sa.func.count().label("count"),
        )
        .select_from(cases.join(need, need.c.id == cases.c.id).join(spoken, spoken.c.id == cases.c.id))
        .where(cases.c.state != CaseState.ERASED.value)
        .group_by(*dimensions)
        .cte("counted")
    )
    session.execute(sa.delete(CaseCounter))
    session.execute(sa.insert(CaseCounter).from_select(_COLUMNS, _compacted(counted, today)))


def _codes(session: Session, column: sa.ColumnElement[object]) -> sa.Subquery:
    """The codes in a JSON list of each case, one row each, and one row with "" (any)."""
    cases = Case.__table__
    postgres = session.get_bind().dialect.name == "postgresql"
    each = sa.func.jsonb_array_elements_text(column) if postgres else sa.func.json_each(column)
    entry = each.table_valued("value")
    return sa.union(
        sa.select(cases.c.id, sa.literal("").label("code")),
        sa.select(cases.c.id, entry.c.value.label("code")).select_from(cases.join(entry, sa.true())),
    ).subquery()
