"""Proposals, made automatically, to change a service's rule: filed with its third refusal of one kind in a quarter.

They have no author, and none takes effect by itself: a member adopts one (also with changes), and is then the author of a rule
set that another member has to publish; or rejects it. Class of data: counts about a service, from three cases on. Nothing in
them names a case.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.clock import to_the_hour
from app.core.db import Base, Json
from app.core.errors import Conflict, NotFound
from app.core.upsert import insert_if_absent
from app.directory.models import ServiceRow
from app.referrals import queries


class FiledState(StrEnum):
    OPEN = "open"
    ADOPTED = "adopted"
    REJECTED = "rejected"


class RefusalProposal(Base):
    """One proposal. `times`: refusals for `reason` when it was filed; `by_need`: how often refused and asked, by need.

    `adopted_as`: the rule set that a member made of it.
    """

    __tablename__ = "refusal_proposals"
    __table_args__ = (
        sa.CheckConstraint("state IN ('open', 'adopted', 'rejected')", name="state_known"),
        sa.CheckConstraint("(state = 'open') = (decided_by IS NULL)", name="decided_by_somebody"),
        sa.CheckConstraint("(state = 'adopted') = (adopted_as IS NOT NULL)", name="adopted_as_a_proposal"),
        sa.Index(
            "uq_refusal_proposals_open", "service_id", "reason", unique=True,
            sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"),
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    service_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("services.id"))
    reason: Mapped[str] = mapped_column(sa.String(24))
    times: Mapped[int]
    by_need: Mapped[dict[str, list[int]]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(sa.String(8))
    filed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    decided_at: Mapped[datetime | None]
    adopted_as: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("rule_proposals.id"))

    @property
    def left_out(self) -> frozenset[str]:
        """The needs that the proposal removes from the service.

        Those refused every time; if there are none, at least every second time. Three refusals or more in either case.
        """
        often = {need: n for need, n in self.by_need.items() if n[0] >= queries.REFUSALS_FOR_REVIEW}
        always = {need for need, (refused, asked) in often.items() if refused == asked}
        return frozenset(always or {need for need, (refused, asked) in often.items() if 2 * refused >= asked})


def file(session: Session, service_id: UUID, reason: str, now: datetime) -> bool:
    """File the proposal for a service that refused often enough for this reason.

    False: not often enough, filed already, or decided within a quarter. Three statements at most. Safe when several do it at
    the same time.
    """
    recent = sa.or_(RefusalProposal.state == FiledState.OPEN.value, RefusalProposal.decided_at >= now - queries.QUARTER)
    same = sa.select(RefusalProposal.id).where(
        RefusalProposal.service_id == service_id, RefusalProposal.reason == reason, recent
    )
    if session.scalars(same.limit(1)).first() is not None:
        return False
    counted = queries.refused_services(session, now - queries.QUARTER, service_id)
    found = next((one for one in counted if one.reason == reason), None)
    if found is None:
        return False
    row = {
        "id": uuid4(),
        "service_id": service_id,
        "reason": reason,
        "times": found.times,
        "by_need": {need: list(numbers) for need, numbers in found.by_need.items()},
        "state": FiledState.OPEN.value,
        "filed_at": to_the_hour(now),
    }
    return insert_if_absent(session, RefusalProposal, row, key=())


def waiting(session: Session, limit: int = 100) -> Sequence[tuple[RefusalProposal, str]]:
    """The proposals that nobody has decided, with the key of their service, oldest first. One statement."""
    query = sa.select(RefusalProposal, ServiceRow.key).join(ServiceRow, ServiceRow.id == RefusalProposal.service_id)
    open_ones = query.where(RefusalProposal.state == FiledState.OPEN.value)
    rows = session.execute(open_ones.order_by(RefusalProposal.filed_at, RefusalProposal.id).limit(limit))
    return [(row[0], row[1]) for row in rows]


def locked(session: Session, filed_id: UUID) -> tuple[RefusalProposal, str]:
    """An open proposal with its row locked, and the key of its service. Raises NotFound, Conflict: it was decided."""
    filed = session.get(RefusalProposal, filed_id, with_for_update=True, populate_existing=True)
    if filed is None:
        raise NotFound("There is no such proposal.")
    if filed.state != FiledState.OPEN:
        raise Conflict("Somebody has decided about this proposal already.", state=filed.state)
    return filed, session.get_one(ServiceRow, filed.service_id).key


def is_any_open(session: Session, service_id: UUID) -> bool:
    """Whether another proposal for this service waits."""
    query = sa.select(RefusalProposal.id).where(
        RefusalProposal.service_id == service_id, RefusalProposal.state == FiledState.OPEN.value
    )
    return session.scalars(query.limit(1)).first() is not None


def decide(session: Session, filed: RefusalProposal, by: UUID, now: datetime, adopted_as: UUID | None = None) -> None:
    """Mark it as adopted as this rule set, or as rejected. The caller holds its row."""
    filed.state = (FiledState.REJECTED if adopted_as is None else FiledState.ADOPTED).value
    filed.adopted_as, filed.decided_by, filed.decided_at = adopted_as, by, now
    session.flush()
