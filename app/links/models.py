"""The table of the codes that people make to show their request to somebody."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class ShownCode(Base):
    """The code of a case that its person made to show their own words to somebody; at most one for each case.

    `look_up_id`: a MAC of the code, hidden under the epoch key. `sealed_key`: the case's `person` key, encrypted with the key of
    the code (`codes.stretched`) and then under the epoch key. `expires_at` is a full hour. The
    row is deleted when the code is used up, stopped or too old.
    """

    __tablename__ = "shown_codes"

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    look_up_id: Mapped[bytes] = mapped_column(sa.LargeBinary(), unique=True)
    sealed_key: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    openings_left: Mapped[int] = mapped_column(sa.SmallInteger)
