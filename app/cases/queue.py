"""The coordinators' queue: one statement for a page, one for all counts. It reads plain routing codes only, no sealed part.

The conditions of the views and the sort orders are defined in `queue_views`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import restriction
from app.cases.appointment_states import AppointmentState
from app.cases.appointments import Appointment
from app.cases.local_days import LocalDays, local_days
from app.cases.models import Case, CaseCounter
from app.cases.queue_queries import DEFAULT_VIEW, VIEWS, Cursor, Filters, QueueQuery
from app.cases.queue_views import (
    COUNTER_CONDITIONS,
    DEFAULT_ORDER,
    MEMBER_ID,
    ORDERS,
    TELLING_VIEWS,
    URGENCY_RANK,
    Condition,
    conditions_over,
)
from app.cases.states import CaseState

PAGE_SIZE: Final = 25
_KEPT: Final = 40
"""How many built statements of pages, and of counts, a process keeps: one takes about 0.1 MB."""
_TEAM: Final = sa.bindparam("of_team", type_=sa.Uuid())
QueueRow = sa.Row[*tuple[Any, ...]]
_APPOINTMENT: Final = (
    sa.select(sa.func.max(Appointment.agreed_hour)).where(Appointment.case_id == Case.id).scalar_subquery()
)
"""The hour of the latest agreed time; null without one. Only an agreed appointment has such an hour."""
_TIMES_OFFERED: Final = (
    sa.select(sa.func.max(Appointment.last_hour))
    .where(Appointment.case_id == Case.id, Appointment.state == AppointmentState.OPEN.value)
    .scalar_subquery()
)
"""The hour of the latest time that is offered and not answered yet; null without one."""
_COLUMNS: Final = (
    Case.id, Case.label, Case.state, Case.version, Case.urgency, Case.urgency_rank, Case.last_safe_day, Case.deadline_certainty,
    Case.unread_letter,
    Case.due_on, Case.waiting_since, Case.needs, Case.country, Case.languages, Case.person_wrote, Case.snoozed_until,
    Case.referral_status, Case.held_reason, Case.uncovered, Case.restricted,
    sa.func.nullif(Case.owner_name, "").label("owner"), Case.owner_id, _APPOINTMENT.label("appointment_hour"),
    _TIMES_OFFERED.label("offered_hour"), restriction.hidden_from(MEMBER_ID).label("hidden"),
)  # fmt: skip


_WITHHELD: Final = MappingProxyType[str, Any](
    {
        "needs": [], "languages": [], "country": "", "last_safe_day": None, "deadline_certainty": None, "unread_letter": None,
        "person_wrote": False, "snoozed_until": None, "referral_status": None, "held_reason": None, "uncovered": True,
        "owner": None, "owner_id": None, "appointment_hour": None, "offered_hour": None,
    }
)  # fmt: skip
"""What a row shows instead to somebody who is not named: label, state, urgency, day and waiting time are left."""
_SHOWN: Final = sa.not_(restriction.hidden_from(MEMBER_ID))


class WithheldRow:
    """The row of a restricted case for somebody who is not named: like the row itself, without what is withheld."""

    __slots__ = ("_mapping",)

    def __init__(self, row: QueueRow) -> None:
        self._mapping = {**row._mapping, **_WITHHELD}

    def __getattr__(self, name: str) -> Any:
        try:
            return self._mapping[name]
        except KeyError:
            raise AttributeError(name) from None


def _withhold(row: QueueRow) -> QueueRow:
    return cast("QueueRow", WithheldRow(row)) if row.hidden else row


@dataclass(frozen=True, slots=True)
class JoinedRows:
    """Rows of another table that are read with cases, in the same statement. `source` has the columns `case_id` and `id`."""

    source: sa.Subquery

    def joined(self, cases: sa.CTE, *order: sa.ColumnElement[Any]) -> sa.Select[*tuple[Any, ...]]:
        """Each case, once for each row beside it and at least once. The columns of those rows begin with `beside_`."""
        columns = [column.label(f"beside_{column.name}") for column in self.source.c]
        return (
            sa.select(cases, *columns)
            .outerjoin(self.source, self.source.c.case_id == cases.c.id)
            .order_by(*order, self.source.c.case_id)
        )


def _split(result: Sequence[QueueRow]) -> tuple[list[QueueRow], dict[UUID, list[QueueRow]]]:
    """The cases, each once and in order; and the rows that were read beside them, by the case's id."""
    cases: dict[UUID, QueueRow] = {}
    beside: dict[UUID, list[QueueRow]] = {}
    for row in result:
        cases.setdefault(row.id, row)
        if row.beside_case_id is not None:
            beside.setdefault(row.id, []).append(row)
    return list(cases.values()), beside


@dataclass(frozen=True, slots=True)
class QueuePage:
    """The rows of one page in the order of the query, and the cursors of its neighbours (None: there is none).

    `beside`: by the case's id, what was read with it.
    """

    rows: Sequence[QueueRow]
    before: Cursor | None
    after: Cursor | None
    beside: Mapping[UUID, Sequence[QueueRow]] = field(default_factory=dict)


def page(
    session: Session,
    team_id: UUID,
    query: QueueQuery,
    *,
    me: UUID,
    today: date | LocalDays,
    cursor: Cursor | None = None,
    extra_conditions: Sequence[Condition] = (),
    page_size: int = PAGE_SIZE,
    beside: JoinedRows | None = None,
) -> QueuePage:
    """One page of a view, read in one statement with what is `beside` its cases.

    `extra_conditions` apply in addition to the view's own.
    """
    backwards, is_postgres = cursor is not None and cursor.backwards, _is_postgres(session)
    build = _page_statement.__wrapped__ if extra_conditions else _page_statement
    statement = build(
        query, backwards, cursor is not None, page_size, beside, is_postgres, extra_conditions=tuple(extra_conditions)
    )
    given = _given(today, me) | {"of_team": team_id} | dict(_place(cursor) if cursor is not None else ())
    result, found = list(session.execute(statement, given)), dict[UUID, list[QueueRow]]()
    if beside is not None:
        result, found = _split(result)
    more, rows = len(result) > page_size, result[:page_size]
    if backwards:
        rows.reverse()
    if not rows:
        return QueuePage(rows, None, None)
    found = _shown(found, rows)
    earlier = more if backwards else cursor is not None
    later = more if not backwards else True
    return QueuePage(
        [_withhold(row) for row in rows],
        Cursor(_key(query, rows[0]), backwards=True) if earlier else None,
        Cursor(_key(query, rows[-1])) if later else None,
        found,
    )


@lru_cache(maxsize=_KEPT)
def _page_statement(
    query: QueueQuery,
    backwards: bool,
    from_cursor: bool,
    page_size: int,
    beside: JoinedRows | None,
    is_postgres: bool,
    *,
    extra_conditions: tuple[Condition, ...] = (),
) -> sa.Select[*tuple[Any, ...]]:
    """The statement of a page, for the parameters `of_team` and those of `_given` and `_place`.

    The latest ones are cached, because building a statement takes as long as running it.
    """
    descending = backwards != query.descending
    keys = [column.label(f"key_{n}") for n, column in enumerate(query.order)]
    statement = (
        sa.select(*_COLUMNS, *keys)
        .where(Case.team_id == _TEAM, VIEWS[query.view], *_conditions(query, is_postgres), *extra_conditions)
        .order_by(*(column.desc() if descending else column.asc() for column in query.order))
        .limit(page_size + 1)
    )
    if from_cursor:
        here = sa.tuple_(*query.order)
        there = sa.tuple_(*(sa.bindparam(f"place_{n}", type_=column.type) for n, column in enumerate(query.order)))
        statement = statement.where(here < there if descending else here > there)
    if beside is None:
        return statement
    cases = statement.cte("page")
    columns = [cases.c[f"key_{n}"] for n in range(len(query.order))]
    return beside.joined(cases, *(column.desc() if descending else column.asc() for column in columns))


def _shown(beside: Mapping[UUID, list[QueueRow]], cases: Iterable[QueueRow]) -> dict[UUID, list[QueueRow]]:
    """What is beside the cases, without what is beside those that this member is not shown."""
    hidden = {case.id for case in cases if case.hidden}
    return {case_id: rows for case_id, rows in beside.items() if case_id not in hidden}


def _place(cursor: Cursor) -> Iterator[tuple[str, Any]]:
    """The parameters of a place in the list."""
    for n, value in enumerate(cursor.key):
        yield f"place_{n}", value


def _given(today: date | LocalDays, me: UUID) -> dict[str, Any]:
    return {**local_days(today).parameters(), "me": me}


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The first cases of a view in an order, under more conditions: a short list on a page of several.

    `index`: by which SQLite reads it, where its own choice would put all cases of the view into order.
    """

    view: str
    most: int
    sort: str = DEFAULT_ORDER
    conditions: tuple[Condition, ...] = ()
    index: str = ""


def excerpts(
    session: Session,
    team_id: UUID,
    wanted: Mapping[str, Excerpt],
    *,
    me: UUID,
    today: date | LocalDays,
    beside: JoinedRows,
) -> tuple[dict[str, list[QueueRow]], Mapping[UUID, Sequence[QueueRow]]]:
    """Several short lists by their names, and what is beside their cases, all in one statement.

    Each list is read from the index of its order, so that its cost does not depend on how many cases there are.
    """
    statement = _excerpts_statement(tuple(wanted.items()), beside)
    result = list(session.execute(statement, _given(today, me) | {"of_team": team_id}))
    cases, found = _split(result)
    found = _shown(found, cases)
    lists = {}
    for name, excerpt in wanted.items():
        rows, _beside = _split([row for row in result if row.list == name])
        lists[name] = [_withhold(row) for row in sorted(rows, key=_PLACE_OF[excerpt.sort])]
    return lists, {case_id: list({row.beside_id: row for row in rows}.values()) for case_id, rows in found.items()}


@lru_cache(maxsize=2)
def _excerpts_statement(wanted: tuple[tuple[str, Excerpt], ...], beside: JoinedRows) -> sa.Select[*tuple[Any, ...]]:
    """The statement of several short lists, for the parameters `of_team` and those of `_given`. The latest ones are cached."""
    parts = []
    for name, excerpt in wanted:
        part = (
            sa.select(sa.literal(name, sa.String()).label("list"), *_COLUMNS)
            .where(Case.team_id == _TEAM, VIEWS[excerpt.view], *excerpt.conditions)
            .where(*([_SHOWN] if excerpt.view in TELLING_VIEWS else []))
            .order_by(*ORDERS[excerpt.sort])
            .limit(excerpt.most)
        )
        if excerpt.index:
            part = part.with_hint(Case, f"INDEXED BY {excerpt.index}", "sqlite")
        parts.append(sa.select(part.subquery(name)))
    return beside.joined(sa.union_all(*parts).cte("excerpts"))


_PLACE_OF: Final = MappingProxyType[str, Callable[[QueueRow], Any]](
    {
        DEFAULT_ORDER: lambda row: (row.due_on, row.urgency_rank, row.waiting_since, row.id),
        "urgency": lambda row: (row.urgency_rank, row.due_on, row.waiting_since, row.id),
    }
)
"""The orders that an excerpt can have, over its rows."""


def _key(query: QueueQuery, row: QueueRow) -> tuple[Any, ...]:
    return tuple(row._mapping[f"key_{n}"] for n in range(len(query.order)))


def next_case(
    session: Session, team_id: UUID, query: QueueQuery, label: str, *, me: UUID, today: date | LocalDays
) -> str | None:
    """The label of the case to work on next: the one after this in the order, else the first. None: there is none.

    Skips cases that a colleague owns and, in the default view, those that wait for somebody else. Two or three statements.
    """
    columns = [column.label(f"key_{n}") for n, column in enumerate(query.order)]
    # What follows a restricted case would tell its place; so the list begins again from its top for somebody who is not named.
    here = session.execute(
        sa.select(Case.id, *columns).where(Case.label == label, Case.team_id == team_id, _SHOWN), {"me": me}
    ).one_or_none()
    extra_conditions = [sa.or_(Case.owner_id.is_(None), Case.owner_id == me), _SHOWN]
    if here is not None:
        extra_conditions.append(Case.id != here.id)
    if query.view == DEFAULT_VIEW:
        extra_conditions.append(Case.state.in_([CaseState.SUBMITTED.value, CaseState.IN_REVIEW.value]))
    for cursor in [None] if here is None else [Cursor(_key(query, here)), None]:
        result = page(
            session, team_id, query, me=me, today=today, cursor=cursor, extra_conditions=extra_conditions, page_size=1
        )
        if result.rows:
            return str(result.rows[0].label)
    return None


def counts(
    session: Session,
    team_id: UUID,
    query: QueueQuery,
    *,
    me: UUID,
    today: date | LocalDays,
    saved: Sequence[QueueQuery] = (),
) -> dict[str, int]:
    """The exact number of cases in each view; "shown": in `query` with its filters; "own_0", "own_1" …: in the saved queries.

    One statement over the counters, whatever the number of cases. They know of no member: so the few restricted cases that this
    one is not shown are counted one by one, and taken off where the list leaves them out.
    """
    statement = _counts_statement(query, tuple(saved), _is_postgres(session))
    row = session.execute(statement, _given(today, me) | {"of_team": team_id}).one()
    return {name: int(count) for name, count in row._mapping.items()}


@lru_cache(maxsize=_KEPT)
def _counts_statement(
    query: QueueQuery, saved: tuple[QueueQuery, ...], is_postgres: bool
) -> sa.Select[*tuple[Any, ...]]:
    """The statement of all counts, for the parameters `of_team` and those of `_given`. The latest ones are cached."""
    hidden = _hidden_cases()
    views = conditions_over(hidden.c)

    def counted(count: Any, name: str, look: QueueQuery | None = None) -> Any:
        if not (look.tells if look else name in TELLING_VIEWS):
            return count
        away = sa.select(sa.func.count()).select_from(hidden).where(views[name])
        if look:
            away = away.where(*_code_conditions(look.filters, hidden.c, is_postgres))
        return count - away.scalar_subquery()

    of_all = [counted(_sum(one), name).label(name) for name, one in COUNTER_CONDITIONS.items()]
    named = {"shown": query, **{f"own_{n}": one for n, one in enumerate(saved)}}
    narrowed = [counted(_narrowed(one), one.view, one).label(name) for name, one in named.items()]
    return sa.select(*of_all, *narrowed).where(*_counter_filters(QueueQuery(sort=DEFAULT_ORDER)))


def _hidden_cases() -> sa.CTE:
    """The restricted cases of the team that the member `me` is not shown: few, and read from an index of their own."""
    columns = (
        Case.team_id, Case.state, Case.closed_at, Case.merged_into_id, Case.person_wrote, Case.held_reason, Case.urgency,
        Case.snoozed_until, Case.country, Case.needs, Case.languages, Case.owner_id, Case.due_on, Case.referral_status,
        Case.uncovered, Case.restricted,
    )  # fmt: skip
    hidden = sa.select(*columns).where(Case.team_id == _TEAM, restriction.hidden_from(MEMBER_ID)).cte("hidden_cases")
    # SQLite would read the cases again for each count, and from another index.
    return hidden.prefix_with("MATERIALIZED", dialect="sqlite")


def _sum(condition: Condition) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(CaseCounter.count).filter(condition), 0)


def _narrowed(query: QueueQuery) -> sa.ScalarSelect[int]:
    rows = sa.select(_sum(COUNTER_CONDITIONS[query.view])).where(*_counter_filters(query)).select_from(CaseCounter)
    return rows.correlate(None).scalar_subquery()


def _counter_filters(query: QueueQuery) -> list[Condition]:
    """The conditions under which the counters count each case of the list exactly once."""
    filters = query.filters
    conditions: list[Condition] = [
        CaseCounter.team_id == _TEAM,
        CaseCounter.need == (filters.need or ""),
        CaseCounter.language == (filters.language or ""),
    ]
    if filters.country is not None:
        conditions.append(CaseCounter.country == filters.country)
    if filters.urgency is not None:
        conditions.append(CaseCounter.urgency == filters.urgency)
    return conditions


def _conditions(query: QueueQuery, is_postgres: bool) -> list[Condition]:
    conditions = _code_conditions(query.filters, Case, is_postgres)
    # The indexes hold the rank, not the code.
    if query.filters.urgency is not None:
        conditions.append(Case.urgency_rank == URGENCY_RANK.get(query.filters.urgency, -1))
    if query.tells:
        conditions.append(_SHOWN)
    return conditions


def _code_conditions(filters: Filters, rows: Any, is_postgres: bool) -> list[Condition]:
    """The filters over cases, or over the columns of some; that by urgency only where the rank is not at hand."""
    conditions: list[Condition] = []
    if filters.country is not None:
        conditions.append(rows.country == filters.country)
    if filters.urgency is not None and rows is not Case:
        conditions.append(rows.urgency == filters.urgency)
    if filters.need is not None:
        conditions.append(_contains(rows.needs, filters.need, is_postgres))
    if filters.language is not None:
        conditions.append(_contains(rows.languages, filters.language, is_postgres))
    return conditions


def _is_postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _contains(column: Any, code: str, is_postgres: bool) -> Condition:
    """Whether a JSON list of codes contains `code`, in the dialect of the database."""
    if is_postgres:
        condition: Condition = column.op("@>")(sa.literal([code], type_=column.type))
        return condition
    each = sa.func.json_each(column).table_valued("value", name="each")
    return sa.exists(sa.select(sa.literal(1)).select_from(each).where(each.c.value == code))
