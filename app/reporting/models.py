"""Tables of the figures that reports are made of. Class of data: plain routing codes and numbers, as in `cases`; nothing sealed."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Json


class ReportFigure(Base):
    """How many there are of one kind in one month: the sum over the cases of `report_cases`. Written by `kept_figures` alone.

    `organisation`: its code, "" where a figure is not about one. `codes`: the codes of the subject, joined by `|` (`tally.Figure`).
    """

    __tablename__ = "report_figures"
    __table_args__ = (
        sa.Index(
            "ix_report_figures_none", "count", sqlite_where=sa.text("count = 0"), postgresql_where=sa.text("count = 0")
        ),
    )

    month: Mapped[str] = mapped_column(sa.String(7), primary_key=True)
    team_id: Mapped[UUID] = mapped_column(sa.Uuid(), primary_key=True)
    subject: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    organisation: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    codes: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    count: Mapped[int]


class ReportCase(Base):
    """The amounts that one case has added to the figures, so that exactly these are subtracted when the case changes.

    An erased case has no row, or one with the offers that were made for it, because its referrals keep their codes.
    """

    __tablename__ = "report_cases"

    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    team_id: Mapped[UUID]
    figures: Mapped[list[Any]] = mapped_column(Json)


class ReportChange(Base):
    """A case that has changed since its figures were stored; `triggers.py` writes it in the transaction of the change."""

    __tablename__ = "report_changes"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    case_id: Mapped[UUID]
