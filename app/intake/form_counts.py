"""Counts how many people began the form and how many sent it, by month and language; holds no person, case or day."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base
from app.core.upsert import insert_or_update


class FormCount(Base):
    """How many began and how many sent the form in a month in one language. Class of data: numbers that nothing links to anybody.

    They are shown from ten on (`app/web/desk/report_view.py`).
    """

    __tablename__ = "form_counts"

    month: Mapped[str] = mapped_column(sa.String(7), primary_key=True)
    language: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    began: Mapped[int]
    sent: Mapped[int]


def add(session: Session, language: str, now: datetime, *, began: int = 0, sent: int = 0) -> None:
    """Add to the counts of this month and language. Others who count the same wait until this transaction ends."""
    statement = insert_or_update(
        session,
        FormCount,
        key=("month", "language"),
        change=lambda new: {"began": FormCount.began + new["began"], "sent": FormCount.sent + new["sent"]},
    )
    session.execute(statement.values(month=f"{now:%Y-%m}", language=language, began=began, sent=sent))


def of_months(session: Session, months: Sequence[str]) -> Sequence[FormCount]:
    """The counts of these months, by month and language."""
    wanted = sa.select(FormCount).where(FormCount.month.in_(months)).order_by(FormCount.month, FormCount.language)
    return session.scalars(wanted).all()
