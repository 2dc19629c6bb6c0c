"""A partner's reads of its own referrals: prepared selects, one statement for each page, rows instead of entities."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.cases.models import Case
from app.core import sealing
from app.core.db import Json, UtcDateTime
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.directory.models import ServiceRow
from app.referrals.models import Referral
from app.referrals.queries import offered_to
from app.referrals.states import CARD_CLOSED, ReferralState

Row = sa.Row[*tuple[Any, ...]]
_NEEDS: Final = sa.func.coalesce(Referral.needs, Case.needs, type_=Json)
"""What the referral is for. One made by a former version is for all needs of its case."""
_CARD_CLOSED: Final = Referral.state.in_([state.value for state in ReferralState if state in CARD_CLOSED])


def _on_card(column: InstrumentedAttribute[Any], empty: Any = None) -> sa.Label[Any]:
    """A column of the card: empty once the referral has ended without the organisation's help."""
    nothing = sa.null() if empty is None else sa.literal(empty, type_=Json)
    return sa.case((_CARD_CLOSED, nothing), else_=column).label(column.key)


_COLUMNS: Final = (
    Referral.id, Referral.label, Referral.state, Referral.version, Referral.urgency,
    _on_card(Case.last_safe_day).label("deadline_on"),
    Referral.waiting_since, Referral.offered_at, Referral.acknowledge_by, Referral.decide_by, Referral.contact_by,
    Referral.review_on, Referral.reason, Referral.outcome, Referral.updated_at, Referral.question,
    sa.case((_CARD_CLOSED, sa.literal([], type_=Json)), else_=_NEEDS).label("needs"), Case.country,
    _on_card(Case.languages, []), _on_card(Case.deadline_certainty), _on_card(Case.unread_letter),
    ServiceRow.key.label("service"),
)  # fmt: skip
_OFFERED: Final = (
    sa.select(*_COLUMNS)
    .join_from(Referral, Case, Case.id == Referral.case_id)
    .join(ServiceRow, ServiceRow.id == Referral.service_id)
    .where(offered_to(sa.bindparam("organisation_id")))
)
_BATCH: Final = 1000
_WITH_CARD: Final = _OFFERED.add_columns(
    _on_card(Referral.card), _on_card(Case.facts), Case.facts_version, Referral.case_id
).where(Referral.id == sa.bindparam("referral_id"))


@dataclass(frozen=True, slots=True)
class ReferralFilter:
    """A filter of the list; empty fields match all referrals."""

    states: tuple[str, ...] = ()
    need: str | None = None
    updated_since: datetime | None = None


Position = tuple[datetime, UUID]


def page(
    session: Session, organisation_id: UUID, wanted: ReferralFilter, *, after: Position | None, limit: int
) -> Sequence[Row]:
    """Referrals offered to the organisation, in order of their last change, starting after `after`."""
    start = _Start.AFTER if after is not None else _Start.SINCE if wanted.updated_since is not None else _Start.FIRST
    query = _page_query(session.get_bind().dialect.name, bool(wanted.states), wanted.need is not None, start)
    after_at, after_id = after or (None, None)
    given = {
        "organisation_id": organisation_id,
        "states": wanted.states,
        "need": wanted.need,
        "needs": [wanted.need],
        "since": wanted.updated_since,
        "after_at": after_at,
        "after_id": after_id,
        "limit": limit,
    }
    return session.connection().execute(query, given).all()


class _Start(Enum):
    FIRST, SINCE, AFTER = range(3)


@lru_cache(maxsize=32)
def _page_query(dialect: str, in_states: bool, for_need: bool, start: _Start) -> sa.Select[*tuple[Any, ...]]:
    """The select of a page, made once for each combination of filters: making it takes longer than running it."""
    query = _OFFERED.order_by(Referral.updated_at, Referral.id).limit(sa.bindparam("limit", type_=sa.Integer()))
    if in_states:
        query = query.where(Referral.state.in_(sa.bindparam("states", expanding=True)))
    if for_need:
        query = query.where(~_CARD_CLOSED, _is_for_need(dialect))
    if start is _Start.AFTER:
        position = sa.bindparam("after_at", type_=UtcDateTime()), sa.bindparam("after_id", type_=sa.Uuid())
        query = query.where(sa.tuple_(Referral.updated_at, Referral.id) > sa.tuple_(*position))
    elif start is _Start.SINCE:
        query = query.where(Referral.updated_at >= sa.bindparam("since", type_=UtcDateTime()))
    return query


def soonest(session: Session, organisation_id: UUID, states: Collection[ReferralState], limit: int) -> Sequence[Row]:
    """Referrals in these states, in order of the organisation's next deadline."""
    seen_by = sa.case((Referral.state == ReferralState.OFFERED.value, Referral.acknowledge_by))
    due = sa.func.coalesce(seen_by, Referral.decide_by, Referral.contact_by, Referral.updated_at)
    return _in_states(session, organisation_id, states, limit, due)


def latest(session: Session, organisation_id: UUID, states: Collection[ReferralState], limit: int) -> Sequence[Row]:
    """Referrals in these states, the last changed first."""
    return _in_states(session, organisation_id, states, limit, Referral.updated_at.desc())


def _in_states(
    session: Session, organisation_id: UUID, states: Collection[ReferralState], limit: int, order: sa.ColumnElement[Any]
) -> Sequence[Row]:
    query = (
        _OFFERED.where(Referral.state.in_([state.value for state in states])).order_by(order, Referral.id).limit(limit)
    )
    return session.execute(query, {"organisation_id": organisation_id}).all()


def counts(session: Session, organisation_id: UUID) -> Counter[ReferralState]:
    """The number of the organisation's referrals by state."""
    query = sa.select(Referral.state, sa.func.count()).where(offered_to(organisation_id)).group_by(Referral.state)
    return Counter({ReferralState(state): number for state, number in session.execute(query)})


def all_referrals(session: Session, organisation_id: UUID) -> Iterator[Row]:
    """All referrals offered to the organisation, oldest change first, read in pages of a thousand."""
    after: Position | None = None
    while rows := page(session, organisation_id, ReferralFilter(), after=after, limit=_BATCH):
        yield from rows
        after = (rows[-1].updated_at, rows[-1].id)


def by_id(session: Session, organisation_id: UUID, referral_id: UUID) -> Row | None:
    """One referral with its encrypted card. None for an unknown id, another organisation's, and one not offered yet."""
    return session.execute(_WITH_CARD, {"organisation_id": organisation_id, "referral_id": referral_id}).one_or_none()


def open_card(keys: KeyRing, row: Row) -> dict[str, Any]:
    """The codes of the card; empty when it was erased, or the referral ended without this organisation's help."""
    if row.card is None:
        return {}
    try:
        plain = sealing.unpad(keys.decrypt(row.card, "referrals", str(row.id), "card", "1"))
    except CannotOpen:
        return {}
    card: dict[str, Any] = json.loads(plain)
    return card


def _is_for_need(dialect: str) -> sa.ColumnElement[bool]:
    """Whether the referral is for the need that is given with the statement, in each database's own JSON operators."""
    if dialect == "postgresql":
        return _NEEDS.op("@>")(sa.bindparam("needs", type_=Json))
    each = sa.func.json_each(_NEEDS).table_valued("value")
    need = sa.bindparam("need", type_=sa.String())
    return sa.exists(sa.select(sa.literal(1)).select_from(each).where(each.c.value == need))
