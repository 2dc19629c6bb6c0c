"""How many cases there are of each kind, exactly, without counting the cases: see docs/decisions/0060.

Triggers add rows of +1 and −1 in the transaction that changes a case, so a count can not drift from what is committed and
two writers never wait for one counter. `fold` puts rows of one kind together, so that there are few to sum up.
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

# A row that is folded tells of its cases how they stand, or when they are due, or whose they are: no view asks for two of these
# at once, and kept together they would make nearly as many kinds as there are cases. `None`, or no state, is what it does not tell.
_OMITTED_DIMENSIONS: Final = MappingProxyType[str, tuple[str, ...]](
    {
        "state": ("due_on", "owner_id"),
        "due_on": ("state", "referral_status", "snoozed_until", "owner_id"),
        "owner_id": ("state", "referral_status", "due_on"),
    }
)
NO_STATE: Final = ""
PAST: Final = date.min


def compact(session: Session, today: date, *, at_least: int = COMPACT_AFTER) -> int:
    """Put rows of one kind together when many were added since the last time; how many were added, or 0.

    Many: `at_least`, and enough to be worth the work of writing all rows anew. PostgreSQL: one statement, so that a reader sees
    the rows from before or those from after, and rows of a transaction that has not ended are left for the next time. SQLite:
    the writer is alone.
    """
    kept, added = session.execute(
        sa.select(sa.func.count(), sa.func.count().filter(sa.not_(_TABLE.c.compacted))).select_from(_TABLE)
    ).one()
    if added < at_least or (at_least and added < kept // _MIN_SHARE_ADDED):
        return 0
    if session.get_bind().dialect.name == "postgresql":
        gone = sa.delete(CaseCounter).returning(*_TABLE.c).cte("gone")
        session.execute(sa.insert(CaseCounter).from_select(_COLUMNS, _compacted(gone, today)).add_cte(gone))
    else:
        last = session.scalar(sa.select(sa.func.max(CaseCounter.id)))
        session.execute(sa.insert(CaseCounter).from_select(_COLUMNS, _compacted(_TABLE, today, _TABLE.c.id <= last)))
        session.execute(sa.delete(CaseCounter).where(CaseCounter.id <= last))
    return int(added)


def _compacted(rows: sa.FromClause, today: date, *which: sa.ColumnElement[bool]) -> sa.CompoundSelect[Any]:
    """Each row once for what it tells. Days that are over are put together as well: they are over for ever."""
    over = today - timedelta(days=1)  # somebody's clock may be a little behind
    due_on, snoozed_until = rows.c.due_on, rows.c.snoozed_until
    marks = {name: rows.c[name] for name in _DIMENSIONS} | {
        "due_on": sa.case((due_on < over, sa.literal(PAST, sa.Date())), else_=due_on),
        "snoozed_until": sa.case((snoozed_until >= over, snoozed_until)),
    }
    tells = {
        "state": rows.c.state != NO_STATE,
        "due_on": due_on.is_not(None),
        "owner_id": rows.c.owner_id.is_not(None),
    }
    return sa.union_all(
        *(
            _sums(rows, {**marks, **dict.fromkeys(_OMITTED_DIMENSIONS[name])}, told, *which)
            for name, told in tells.items()
        )
    )


def _sums(rows: sa.FromClause, marks: Mapping[str, Any], *which: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    """Sums over the marks that are told; the others are null, or no state."""
    total = sa.func.sum(rows.c["count"])
    shown = [_omitted(name) if mark is None else mark for name, mark in marks.items()]
    told = [mark for mark in marks.values() if mark is not None]
    return sa.select(*shown, total, sa.true()).where(*which).group_by(*told).having(total != 0)


def _omitted(name: str) -> sa.ColumnElement[Any]:
    return sa.literal(NO_STATE, sa.String()) if name == "state" else sa.cast(sa.null(), _TABLE.c[name].type)


def recount(session: Session, today: date) -> None:
    """Count all cases anew: after rows were loaded past the triggers. Nobody else may write meanwhile."""
    cases = Case.__table__
    still_open = cases.c.closed_at.is_(None)

    def kept(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.case((still_open, column))

    need, spoken = _codes(session, cases.c.needs), _codes(session, cases.c.languages)
    marks = (
        cases.c.team_id, need.c.code, spoken.c.code, cases.c.country, cases.c.urgency, cases.c.state, still_open,
        cases.c.merged_into_id.is_not(None), kept(cases.c.owner_id), kept(cases.c.due_on), kept(cases.c.snoozed_until),
        cases.c.person_wrote, kept(cases.c.referral_status), kept(cases.c.held_reason),
    )  # fmt: skip
    counted = (
        sa.select(
            *(mark.label(name) for name, mark in zip(_DIMENSIONS, marks, strict=True)), sa.func.count().label("count")
        )
        .select_from(cases.join(need, need.c.id == cases.c.id).join(spoken, spoken.c.id == cases.c.id))
        .where(cases.c.state != CaseState.ERASED.value)
        .group_by(*marks)
        .cte("counted")
    )
    session.execute(sa.delete(CaseCounter))
    session.execute(sa.insert(CaseCounter).from_select(_COLUMNS, _compacted(counted, today)))


def _codes(session: Session, column: sa.ColumnElement[object]) -> sa.Subquery:
    """The codes in a list of each case, and "" for any."""
    cases = Case.__table__
    postgres = session.get_bind().dialect.name == "postgresql"
    each = sa.func.jsonb_array_elements_text(column) if postgres else sa.func.json_each(column)
    one = each.table_valued("value")
    return sa.union(
        sa.select(cases.c.id, sa.literal("").label("code")),
        sa.select(cases.c.id, one.c.value.label("code")).select_from(cases.join(one, sa.true())),
    ).subquery()
