"""Counts how many files were converted and how many were refused, by month, format and reason; holds no person, case or day.

So an operator sees when a format fails everywhere, for example after an update of a library.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base
from app.core.upsert import insert_or_update
from app.documents.limits import Refusal

CONVERTED: Final = "converted"


class FileCount(Base):
    """How many files of a format had this outcome in a month. Class of data: numbers that nothing links to anybody.

    `format`: by the first bytes (`limits.format_of`); "" for everything else. `outcome`: `converted`, or a code of `Refusal`.
    """

    __tablename__ = "file_counts"

    month: Mapped[str] = mapped_column(sa.String(7), primary_key=True)
    format: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    outcome: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    files: Mapped[int]


def add(session: Session, files: Sequence[tuple[str, str]], now: datetime) -> None:
    """Add files of these formats and outcomes. What is no refusal of the file itself counts as converted, but for a full case."""
    counted = Counter(
        (format_name, code if code in set(Refusal) else CONVERTED)
        for format_name, code in files
        if code not in _NOT_READ
    )
    for (format_name, outcome), number in sorted(counted.items()):
        statement = insert_or_update(
            session,
            FileCount,
            key=("month", "format", "outcome"),
            change=lambda new: {"files": FileCount.files + new["files"]},
        )
        session.execute(statement.values(month=f"{now:%Y-%m}", format=format_name, outcome=outcome, files=number))


_NOT_READ: Final = frozenset({"full", "busy", "too_many"})


def of_month(session: Session, month: str) -> list[tuple[str, int, list[tuple[str, int]]]]:
    """For each format of a month: how many were converted, and the refusals by reason, the most frequent first."""
    rows = session.scalars(sa.select(FileCount).where(FileCount.month == month)).all()
    formats = sorted({row.format for row in rows}, key=lambda name: (not name, name))
    return [
        (
            name,
            sum(row.files for row in rows if row.format == name and row.outcome == CONVERTED),
            sorted(
                ((row.outcome, row.files) for row in rows if row.format == name and row.outcome != CONVERTED),
                key=lambda entry: (-entry[1], entry[0]),
            ),
        )
        for name in formats
    ]
