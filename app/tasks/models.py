"""The table of tasks."""

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

_TO_DO = "done_at IS NULL"


class Task(Base):
    """A task of a team. `about_id`: the referral, the case, or the message that could not be sent.

    `owner_id` is the member who has taken it. A task is open while `done_at` is null; `ending` is how it ended. Codes and
    ids only.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        sa.CheckConstraint("(done_at IS NULL) = (ending IS NULL)", name="ended_somehow"),
        sa.Index(
            "uq_tasks_one_open", "kind", "about_id", unique=True,
            sqlite_where=sa.text(_TO_DO), postgresql_where=sa.text(_TO_DO),
        ),
        sa.Index(
            "ix_tasks_team_due", "team_id", "due_at", "id",
            sqlite_where=sa.text(_TO_DO), postgresql_where=sa.text(_TO_DO),
        ),
        sa.Index("ix_tasks_case", "case_id"),
        sa.Index("ix_tasks_done", "done_at"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[str] = mapped_column(sa.String(24))
    about_id: Mapped[UUID]
    case_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    referral_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("referrals.id"))
    team_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("teams.id"))
    owner_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    due_at: Mapped[datetime]
    opened_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    done_by: Mapped[UUID | None]
    ending: Mapped[str | None] = mapped_column(sa.String(12))
