"""The coordinators' queue: one prepared select a page, one for all counts. Routing codes only, never a sealed word.

What the views hold and in which order stands in `views`.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import Case, CaseCounter
from app.cases.queue_views import CASE_CONDITIONS, COUNTER_CONDITIONS, DEFAULT_ORDER, ORDERS, URGENCY_RANK, Condition
from app.cases.states import CaseState
from app.core.errors import BadRequest, NotFound

PAGE_SIZE: Final = 25
DEFAULT_VIEW: Final = "open"
QueueRow = sa.Row[*tuple[Any, ...]]
VIEWS: Final = CASE_CONDITIONS
_COLUMNS: Final = (
    Case.id, Case.label, Case.state, Case.version, Case.urgency, Case.urgency_rank, Case.last_safe_day, Case.deadline_certainty,
    Case.due_on, Case.waiting_since, Case.needs, Case.country, Case.languages, Case.person_wrote, Case.snoozed_until,
    Case.referral_status, Case.held_reason, sa.func.nullif(Case.owner_name, "").label("owner"), Case.owner_id,
)  # fmt: skip


FILTERS: Final = ("country", "need", "urgency", "language")


@dataclass(frozen=True, slots=True)
class Filters:
    """Narrow a view down; None: do not. Codes that nothing has find nothing."""

    country: str | None = None
    need: str | None = None
    urgency: str | None = None
    language: str | None = None

    @classmethod
    def of(cls, codes: Mapping[str, str]) -> "Filters":
        """From codes by name; what is empty does not narrow anything."""
        return cls(**{name: codes.get(name) or None for name in FILTERS})

    def any(self) -> bool:
        return any((self.country, self.need, self.urgency, self.language))


@dataclass(frozen=True, slots=True)
class QueueQuery:
    """How the queue is looked at: a view, what narrows it down, and an order. `down`: the order backwards."""

    view: str = DEFAULT_VIEW
    filters: Filters = field(default_factory=Filters)
    sort: str = DEFAULT_ORDER
    down: bool = False

    @property
    def order(self) -> tuple[Any, ...]:
        return ORDERS[self.sort]


def parse_query(view: str, filters: Filters, sort: str) -> QueueQuery:
    """`sort` is the name of an order, with `-` in front for backwards. Raises NotFound for a view or order that is none."""
    name = sort.removeprefix("-") or DEFAULT_ORDER
    if view not in VIEWS or name not in ORDERS:
        raise NotFound("There is no such view.")
    return QueueQuery(view, filters, name, sort.startswith("-"))


@dataclass(frozen=True, slots=True)
class Cursor:
    """A row's place in an order. `back`: the page before it is meant, else the page after it."""

    key: tuple[Any, ...]
    back: bool = False

    def token(self) -> str:
        plain = json.dumps([[_to_json(value) for value in self.key], int(self.back)], separators=(",", ":"))
        return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _to_json(value: Any) -> str | int:
    if isinstance(value, date):
        return value.isoformat()
    return value.hex if isinstance(value, UUID) else value


def _moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _rank(number: Any) -> int:
    if not isinstance(number, int) or not 0 <= number <= 9:
        raise ValueError
    return number


def _code(text: Any) -> str:
    if not isinstance(text, str) or len(text) > 64 or "\0" in text or not text.isprintable():
        raise ValueError
    return text


_PARSERS: Final = MappingProxyType[type, Callable[[Any], Any]](
    {date: date.fromisoformat, datetime: _moment, int: _rank, UUID: UUID, str: _code}
)


def parse_cursor(token: str, order: Sequence[Any] = ORDERS[DEFAULT_ORDER]) -> Cursor:
    """Raises BadRequest for what is no place in this order."""
    try:
        values, back = json.loads(urlsafe_b64decode(token[:400].encode("ascii") + b"=="))
        pairs = zip(order, values, strict=True)
        return Cursor(tuple(_PARSERS[column.type.python_type](value) for column, value in pairs), bool(back))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise BadRequest("This place in the list does not exist.") from None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order asked for, and the places to go on from."""

    rows: Sequence[QueueRow]
    before: Cursor | None
    after: Cursor | None


def page(
    session: Session,
    team_id: UUID,
    seen: QueueQuery,
    *,
    me: UUID,
    today: date,
    place: Cursor | None = None,
    only: Sequence[Condition] = (),
    most: int = PAGE_SIZE,
) -> Page:
    """One page of a view, one statement. `only`: what else must be true of a case."""
    back = place is not None and place.back
    query = _ordered(session, team_id, seen, back=back).where(*only).limit(most + 1)
    if place is not None:
        query = query.where(_after_cursor(seen, place))
    found = list(session.execute(query, {"today": today, "me": me}))
    more, rows = len(found) > most, found[:most]
    if back:
        rows.reverse()
    if not rows:
        return Page(rows, None, None)
    earlier = more if back else place is not None
    later = more if not back else True
    return Page(
        rows,
        Cursor(_key(seen, rows[0]), back=True) if earlier else None,
        Cursor(_key(seen, rows[-1])) if later else None,
    )


def _ordered(session: Session, team_id: UUID, seen: QueueQuery, *, back: bool) -> sa.Select[*tuple[Any, ...]]:
    down = back != seen.down
    keys = [column.label(f"key_{n}") for n, column in enumerate(seen.order)]
    return (
        sa.select(*_COLUMNS, *keys)
        .where(Case.team_id == team_id, VIEWS[seen.view], *_conditions(session, seen.filters))
        .order_by(*(column.desc() if down else column.asc() for column in seen.order))
    )


def _after_cursor(seen: QueueQuery, place: Cursor) -> Condition:
    here = sa.tuple_(*seen.order)
    pairs = zip(place.key, seen.order, strict=True)
    there = sa.tuple_(*(sa.bindparam(None, value, type_=column.type) for value, column in pairs))
    return here < there if place.back != seen.down else here > there


def _key(seen: QueueQuery, row: QueueRow) -> tuple[Any, ...]:
    return tuple(row._mapping[f"key_{n}"] for n in range(len(seen.order)))


def next_case(session: Session, team_id: UUID, seen: QueueQuery, label: str, *, me: UUID, today: date) -> str | None:
    """The case to go on with: the one after this in the order, or else the first; never one that a colleague owns.

    What waits for others is only shown to who asked for such a view. Two or three statements.
    """
    columns = [column.label(f"key_{n}") for n, column in enumerate(seen.order)]
    here = session.execute(
        sa.select(Case.id, *columns).where(Case.label == label, Case.team_id == team_id)
    ).one_or_none()
    only = [sa.or_(Case.owner_id.is_(None), Case.owner_id == me)]
    if here is not None:
        only.append(Case.id != here.id)
    if seen.view == DEFAULT_VIEW:
        only.append(Case.state.in_([CaseState.SUBMITTED.value, CaseState.IN_REVIEW.value]))
    for place in [None] if here is None else [Cursor(_key(seen, here)), None]:
        found = page(session, team_id, seen, me=me, today=today, place=place, only=only, most=1)
        if found.rows:
            return str(found.rows[0].label)
    return None


def counts(
    session: Session, team_id: UUID, seen: QueueQuery, *, me: UUID, today: date, own: Sequence[QueueQuery] = ()
) -> dict[str, int]:
    """How many each view holds, exactly; under "shown" the chosen one with its filters, under "own_0" … the member's own.

    One statement over the tallies, whatever the number of cases.
    """
    of_all = [_sum(condition).label(name) for name, condition in COUNTER_CONDITIONS.items()]
    named = {"shown": seen, **{f"own_{n}": one for n, one in enumerate(own)}}
    narrowed = [_narrowed(team_id, one).label(name) for name, one in named.items()]
    query = sa.select(*of_all, *narrowed).where(*_counter_filters(team_id, Filters()))
    row = session.execute(query, {"today": today, "me": me}).one()
    return {name: int(count) for name, count in row._mapping.items()}


def _sum(condition: Condition) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(CaseCounter.count).filter(condition), 0)


def _narrowed(team_id: UUID, seen: QueueQuery) -> sa.ScalarSelect[int]:
    rows = (
        sa.select(_sum(COUNTER_CONDITIONS[seen.view]))
        .where(*_counter_filters(team_id, seen.filters))
        .select_from(CaseCounter)
    )
    return rows.correlate(None).scalar_subquery()


def _counter_filters(team_id: UUID, filters: Filters) -> list[Condition]:
    """The tallies that count each case once under these filters."""
    found: list[Condition] = [
        CaseCounter.team_id == team_id,
        CaseCounter.need == (filters.need or ""),
        CaseCounter.language == (filters.language or ""),
    ]
    if filters.country is not None:
        found.append(CaseCounter.country == filters.country)
    if filters.urgency is not None:
        found.append(CaseCounter.urgency == filters.urgency)
    return found


_BY_LABEL: Final = sa.select(Case).where(
    Case.label == sa.bindparam("label", type_=sa.String()),
    Case.team_id == sa.bindparam("team_id", type_=sa.Uuid()),
    Case.state != CaseState.ERASED.value,
)
_BY_LABEL_LOCKED: Final = _BY_LABEL.with_for_update().execution_options(populate_existing=True)


def by_label(session: Session, team_id: UUID, label: str, *, lock: bool = False) -> Case:
    """The case this team calls so. Raises NotFound: unknown, another team's and erased ones are not told apart."""
    given = {"label": label, "team_id": team_id}
    case = session.scalars(_BY_LABEL_LOCKED if lock else _BY_LABEL, given).one_or_none()
    if case is None:
        raise NotFound("There is no such case.")
    return case


def _conditions(session: Session, filters: Filters) -> list[Condition]:
    conditions: list[Condition] = []
    if filters.country is not None:
        conditions.append(Case.country == filters.country)
    if filters.urgency is not None:
        conditions.append(
            Case.urgency_rank == URGENCY_RANK.get(filters.urgency, -1)
        )  # the rank is what the indexes hold
    if filters.need is not None:
        conditions.append(_contains(session, Case.needs, filters.need))
    if filters.language is not None:
        conditions.append(_contains(session, Case.languages, filters.language))
    return conditions


def _contains(session: Session, column: Any, code: str) -> Condition:
    """Whether a list of codes holds this one, in the words of each database."""
    if session.get_bind().dialect.name == "postgresql":
        condition: Condition = column.op("@>")(sa.literal([code], type_=column.type))
        return condition
    each = sa.func.json_each(column).table_valued("value", name="each")
    return sa.exists(sa.select(sa.literal(1)).select_from(each).where(each.c.value == code))
