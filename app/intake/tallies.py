"""How many cases there are of each kind, exactly, without counting the cases: see docs/decisions/0060.

Triggers add rows of +1 and −1 in the transaction that changes a case, so a count can not drift from what is committed and
two writers never wait for one counter. `fold` puts rows of one kind together, so that there are few to sum up.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.intake.models import Case, CaseTally
from app.intake.states import CaseState

FOLD_AFTER: Final = 2_000
_ROWS: Final = CaseTally.__table__
_MARKS: Final = [column for column in _ROWS.c if column.name not in {"id", "n", "folded"}]
_INTO: Final = [*(column.name for column in _MARKS), "n", "folded"]


def fold(session: Session, *, at_least: int = FOLD_AFTER) -> int:
    """Put rows of one kind together when `at_least` were added since the last time; how many were added.

    PostgreSQL: one statement, so that a reader sees the rows from before or those from after, and rows of a transaction
    that has not ended are left for the next time. SQLite: the writer is alone.
    """
    added = session.scalar(sa.select(sa.func.count()).select_from(_ROWS).where(sa.not_(_ROWS.c.folded))) or 0
    if added < at_least:
        return 0
    if session.get_bind().dialect.name == "postgresql":
        gone = sa.delete(CaseTally).returning(*_ROWS.c).cte("gone")
        session.execute(sa.insert(CaseTally).from_select(_INTO, _summed(gone)).add_cte(gone))
    else:
        last = session.scalar(sa.select(sa.func.max(CaseTally.id)))
        session.execute(sa.insert(CaseTally).from_select(_INTO, _summed(_ROWS, _ROWS.c.id <= last)))
        session.execute(sa.delete(CaseTally).where(CaseTally.id <= last))
    return added


def _summed(rows: sa.FromClause, *which: sa.ColumnElement[bool]) -> sa.Select[tuple[object, ...]]:
    marks = [rows.c[column.name] for column in _MARKS]
    total = sa.func.sum(rows.c.n)
    return sa.select(*marks, total, sa.true()).where(*which).group_by(*marks).having(total != 0)


def recount(session: Session) -> None:
    """Count all cases anew: after rows were loaded past the triggers. Nobody else may write meanwhile."""
    cases = Case.__table__
    still_open = cases.c.closed_at.is_(None)

    def kept(column: sa.ColumnElement[object]) -> sa.ColumnElement[object]:
        return sa.case((still_open, column))

    need, spoken = _codes(session, cases.c.needs), _codes(session, cases.c.speak)
    marks = (
        cases.c.team_id, need.c.code, spoken.c.code, cases.c.country, cases.c.tier, cases.c.state, still_open,
        cases.c.merged_into_id.is_not(None), kept(cases.c.owner_id), kept(cases.c.due_on), kept(cases.c.snoozed_until),
        cases.c.person_wrote, kept(cases.c.asked), kept(cases.c.held_for),
    )  # fmt: skip
    counted = (
        sa.select(*marks, sa.func.count(), sa.true())
        .select_from(cases.join(need, need.c.id == cases.c.id).join(spoken, spoken.c.id == cases.c.id))
        .where(cases.c.state != CaseState.ERASED.value)
        .group_by(*marks)
    )
    session.execute(sa.delete(CaseTally))
    session.execute(sa.insert(CaseTally).from_select(_INTO, counted))


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
