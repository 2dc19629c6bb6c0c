"""History of services that the ranking uses: balances of the rotation, and the usual time to answer.

Called inside the transaction that gives a place or records an answer. Keys are `organisation/service`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core import db
from app.core.ids import named_id
from app.core.upsert import insert_or_update
from app.matching import order
from app.matching.models import ServiceRecord
from app.matching.order import Share

ROTATION: Final = 0x524F5441
MEMORY: Final = 20
"""Number of answers after which older answers lose weight with every new one."""
LONGEST_HOURS: Final = 24 * order.LONGEST_DAYS
_EMPTY: Final = {"weight": 1, "earned": 0, "got": 0, "in_a_row": 0, "answers": 0, "answer_hours": 0}


@dataclass(frozen=True, slots=True)
class ServiceHistory:
    """History by service key; services without history are missing."""

    shares: Mapping[str, Share]
    answer_days: Mapping[str, float]


_KNOWN: Final = sa.select(
    ServiceRecord.service_id, ServiceRecord.weight, ServiceRecord.earned, ServiceRecord.got,
    ServiceRecord.in_a_row, ServiceRecord.answers, ServiceRecord.answer_hours,
).where(ServiceRecord.service_id.in_(sa.bindparam("ids", type_=sa.Uuid(), expanding=True)))  # fmt: skip


def history_of(session: Session, keys: Sequence[str]) -> ServiceHistory:
    """The history of these services."""
    ids = {named_id("service", key): key for key in keys}
    rows = session.connection().execute(_KNOWN, {"ids": list(ids)}).all()
    return ServiceHistory(
        {ids[row.service_id]: Share(row.weight, row.earned, row.got, row.in_a_row) for row in rows},
        {ids[row.service_id]: row.answer_hours / 24 for row in rows if row.answers},
    )


def record_turn(session: Session, equals: Sequence[str], chosen: str) -> None:
    """Record that `chosen` received the place that all of `equals` had a claim to. Not for a place that a person chose by hand.

    Takes an advisory lock, so that concurrent transactions count every place once.
    """
    if len(equals) < 2 or chosen not in equals:
        return
    db.acquire_advisory_lock(session, ROTATION)
    after = order.shares_after_turn(equals, chosen, history_of(session, equals).shares)
    for key, share in after.items():
        values = {"weight": share.weight, "earned": share.earned, "got": share.got, "in_a_row": share.in_a_row}
        _put(session, named_id("service", key), values, values)


def set_weight(session: Session, service_id: UUID, weight: int) -> None:
    """Give the service another weight. All balances of the rotation begin again, so that each counts with the same weights.

    The caller has checked the weight (1 to 99).
    """
    db.acquire_advisory_lock(session, ROTATION)
    session.execute(sa.update(ServiceRecord).values(earned=0, got=0, in_a_row=0))
    _put(session, service_id, {"weight": weight}, {"weight": weight})


def record_answer(session: Session, service_id: UUID, took: timedelta) -> None:
    """Record how long a service took to answer an offer, or until it expired."""
    hours = max(0, min(int(took.total_seconds() // 3600), LONGEST_HOURS))
    known = sa.case((ServiceRecord.answers > MEMORY, MEMORY), else_=ServiceRecord.answers)
    mean = (ServiceRecord.answer_hours * known + hours) / (known + 1)
    _put(
        session,
        service_id,
        {"answers": 1, "answer_hours": hours},
        {"answers": ServiceRecord.answers + 1, "answer_hours": sa.cast(mean, sa.Integer)},
    )


def _put(session: Session, service_id: UUID, first: dict[str, Any], then: dict[str, Any]) -> None:
    """Insert the row with the values `first`, or update it with `then`."""
    statement = insert_or_update(session, ServiceRecord, key=("service_id",), change=lambda _new: then)
    session.execute(statement, {"service_id": service_id, **_EMPTY, **first})
