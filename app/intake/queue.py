"""The coordinators' queue: one prepared select a page, one for all counts. Routing codes only, never a sealed word.

Order: (due_on, tier_rank, waiting_since, id). `due_on` is fixed when a case comes in and never moves later, so a case that
waits is overtaken only by cases that are due earlier, and of those there are finitely many: nobody waits for ever.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.errors import BadRequest, NotFound
from app.intake import quarantine
from app.intake.models import Case
from app.intake.states import CaseState
from app.staff.models import Member

PAGE: Final = 25
Row = sa.Row[*tuple[Any, ...]]
Condition = sa.ColumnElement[bool]
_ORDER: Final = (Case.due_on, Case.tier_rank, Case.waiting_since, Case.id)
_COLUMNS: Final = (
    Case.id, Case.label, Case.state, Case.tier, Case.tier_rank, Case.last_safe_day, Case.deadline_certainty, Case.due_on,
    Case.waiting_since, Case.needs, Case.country, Case.speak, Case.person_wrote, Case.snoozed_until,
    Member.name.label("owner"),
)  # fmt: skip
_OPEN: Final = sa.and_(  # what a machine seems to have sent has a page of its own, see `quarantine`
    Case.closed_at.is_(None), sa.or_(Case.held_for.is_(None), Case.held_for.not_in(quarantine.HIDDEN))
)
_TODAY: Final = sa.bindparam("today", type_=sa.Date())
_ME: Final = sa.bindparam("me", type_=sa.Uuid())
_AWAKE: Final = sa.or_(Case.snoozed_until.is_(None), Case.snoozed_until <= _TODAY, Case.person_wrote)

# What each saved view holds. All but the last are parts of the open cases, which is what the queue's index covers.
VIEWS: Final = MappingProxyType[str, Condition](
    {
        "open": sa.and_(_OPEN, _AWAKE),
        "new": sa.and_(_OPEN, Case.state == CaseState.SUBMITTED.value),
        "mine": sa.and_(_OPEN, _AWAKE, Case.owner_id == _ME),
        "due": sa.and_(_OPEN, Case.due_on == _TODAY),
        "overdue": sa.and_(_OPEN, Case.due_on < _TODAY),
        "review": sa.and_(_OPEN, _AWAKE, Case.state == CaseState.IN_REVIEW.value),
        "waiting": sa.and_(_OPEN, _AWAKE, Case.state == CaseState.REFERRED.value),
        "answered": sa.and_(_OPEN, Case.person_wrote),
        "unmet": sa.and_(_OPEN, Case.state == CaseState.UNMET.value),
        "snoozed": sa.and_(_OPEN, sa.not_(_AWAKE)),
        "closed": sa.and_(Case.closed_at.is_not(None), Case.state != CaseState.ERASED.value),
    }
)


@dataclass(frozen=True, slots=True)
class Filters:
    """Narrow a view down; None: do not. Codes that nothing has find nothing."""

    country: str | None = None
    need: str | None = None
    tier: str | None = None
    language: str | None = None

    def any(self) -> bool:
        return any((self.country, self.need, self.tier, self.language))


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in the order. `back`: the page before it is meant, else the page after it."""

    key: tuple[date, int, datetime, UUID]
    back: bool = False

    def token(self) -> str:
        due_on, rank, waiting, case_id = self.key
        plain = json.dumps([due_on.isoformat(), rank, waiting.isoformat(), case_id.hex, int(self.back)])
        return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def place_of(token: str) -> Place:
    """Raises BadRequest for what is no place."""
    try:
        plain = urlsafe_b64decode(token[:400].encode("ascii") + b"==")
        due_on, rank, waiting, case_id, back = json.loads(plain)
        moment = datetime.fromisoformat(waiting)
        if moment.tzinfo is None or not 0 <= int(rank) <= 9:
            raise ValueError
        return Place((date.fromisoformat(due_on), int(rank), moment, UUID(case_id)), bool(back))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise BadRequest("This place in the list does not exist.") from None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the queue's order, and the places to go on from."""

    rows: Sequence[Row]
    before: Place | None
    after: Place | None


def page(
    session: Session, team_id: UUID, view: str, filters: Filters, *, me: UUID, today: date, place: Place | None = None
) -> Page:
    """One page of a view, one statement. Raises KeyError for a view that is none."""
    back = place is not None and place.back
    query = (
        sa.select(*_COLUMNS)
        .outerjoin(Member, Member.id == Case.owner_id)
        .where(Case.team_id == team_id, VIEWS[view], *_conditions(session, filters))
        .order_by(*(column.desc() if back else column.asc() for column in _ORDER))
        .limit(PAGE + 1)
    )
    if place is not None:
        here, there = sa.tuple_(*_ORDER), sa.tuple_(*_bound(place.key))
        query = query.where(here < there if back else here > there)
    found = list(session.execute(query, {"today": today, "me": me}))
    more = len(found) > PAGE
    rows = found[:PAGE]
    if back:
        rows.reverse()
    if not rows:
        return Page(rows, None, None)
    earlier = more if back else place is not None
    later = more if not back else True
    return Page(rows, Place(_key(rows[0]), back=True) if earlier else None, Place(_key(rows[-1])) if later else None)


def counts(session: Session, team_id: UUID, view: str, filters: Filters, *, me: UUID, today: date) -> dict[str, int]:
    """How many each view holds, exactly, and under "shown" how many the chosen one holds with its filters. One statement."""
    of_open = [
        sa.func.count().filter(condition).label(name)
        for name, condition in VIEWS.items()
        if name not in {"open", "closed"}
    ]
    of_open.append(sa.func.count().filter(_AWAKE).label("open"))
    closed = (
        sa.select(sa.func.count()).select_from(Case).where(Case.team_id == team_id, VIEWS["closed"]).scalar_subquery()
    )
    shown = (
        sa.select(sa.func.count())
        .select_from(Case)
        .where(Case.team_id == team_id, VIEWS[view], *_conditions(session, filters))
        .scalar_subquery()
    )
    query = sa.select(
        *of_open, closed.label("closed"), shown.label("shown") if filters.any() else sa.literal(0).label("shown")
    )
    row = session.execute(query.where(Case.team_id == team_id, _OPEN), {"today": today, "me": me}).one()
    found: dict[str, int] = dict(row._mapping)
    if not filters.any():
        found["shown"] = found[view]
    return found


def by_label(session: Session, team_id: UUID, label: str, *, lock: bool = False) -> Case:
    """The case this team calls so. Raises NotFound: unknown, another team's and erased ones are not told apart."""
    query = sa.select(Case).where(Case.label == label, Case.team_id == team_id, Case.state != CaseState.ERASED.value)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    case = session.scalars(query).one_or_none()
    if case is None:
        raise NotFound("There is no such case.")
    return case


def next_label(session: Session, team_id: UUID, today: date, me: UUID, *, but: str | None = None) -> str | None:
    """The first case of the queue that is to be looked at now: new or in review, and nobody else's."""
    query = (
        sa.select(Case.label)
        .where(
            Case.team_id == team_id,
            VIEWS["open"],
            Case.state.in_([CaseState.SUBMITTED.value, CaseState.IN_REVIEW.value]),
            sa.or_(Case.owner_id.is_(None), Case.owner_id == me),
        )
        .order_by(*_ORDER)
        .limit(1)
    )
    if but is not None:
        query = query.where(Case.label != but)
    return session.scalar(query.params(today=today, me=me))


def _key(row: Row) -> tuple[date, int, datetime, UUID]:
    return row.due_on, row.tier_rank, row.waiting_since, row.id


def _bound(key: tuple[date, int, datetime, UUID]) -> list[sa.BindParameter[Any]]:
    return [sa.bindparam(None, value, type_=column.type) for value, column in zip(key, _ORDER, strict=True)]


def _conditions(session: Session, filters: Filters) -> list[Condition]:
    conditions: list[Condition] = []
    if filters.country is not None:
        conditions.append(Case.country == filters.country)
    if filters.tier is not None:
        conditions.append(Case.tier == filters.tier)
    if filters.need is not None:
        conditions.append(_holds(session, Case.needs, filters.need))
    if filters.language is not None:
        conditions.append(_holds(session, Case.speak, filters.language))
    return conditions


def _holds(session: Session, column: Any, code: str) -> Condition:
    """Whether a list of codes holds this one, in the words of each database."""
    if session.get_bind().dialect.name == "postgresql":
        condition: Condition = column.op("@>")(sa.literal([code], type_=column.type))
        return condition
    each = sa.func.json_each(column).table_valued("value", name="each")
    return sa.exists(sa.select(sa.literal(1)).select_from(each).where(each.c.value == code))
