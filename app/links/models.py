"""The tables of the codes that people make to show their request to somebody, and of links to referrals."""

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class ShownCode(Base):
    """The code that a person made to show what they wrote to somebody; at most one for each case.

    `look_up_id`: a MAC of the code, hidden under the epoch key. `sealed_key`: the case's `person` key, encrypted with the key of
    the code (`codes.stretched`) and then under the epoch key. `expires_at` is a full hour. `with_documents`: it opens the person's
    letters and documents too. The row is deleted when the code is stopped or too old, and with the last opening, unless documents
    were shown that somebody may still be leafing through: then the row stays with no openings left.
    """

    __tablename__ = "shown_codes"

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    look_up_id: Mapped[bytes] = mapped_column(sa.LargeBinary(), unique=True)
    sealed_key: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    openings_left: Mapped[int] = mapped_column(sa.SmallInteger)
    with_documents: Mapped[bool] = mapped_column(default=False, server_default=sa.false())


class ReferralLink(Base):
    """A link that opens one referral together with a code, for an organisation without an account.

    `token_hash`: of the token in the link's address. `token`: the token, encrypted under the epoch key, until its mail has gone
    out. `sealed_key`: the case's `person` key, encrypted with the key of token and code and then under the epoch key.
    `sealed_code`: the code, encrypted with the case's desk key, so that a coordinator can tell it again. `visit_id`: a hash of the
    cookie of the browser in which the code was given last; `visit_key`: the key of token and code, encrypted with a key that only
    this cookie gives. All of them are empty once the link has ended. `tries`: codes that did not fit; `openings`: how often the
    encrypted parts were opened. `ended_why` is a code. Deleted with the case.
    """

    __tablename__ = "referral_links"
    __table_args__ = (
        sa.CheckConstraint(
            "ended_at IS NULL OR (sealed_key IS NULL AND sealed_code IS NULL AND token IS NULL AND visit_key IS NULL)",
            name="ended_is_empty",
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="ended_somehow"),
        sa.Index(
            "uq_referral_links_one_open", "referral_id", unique=True,
            sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index(
            "ix_referral_links_expires", "expires_at",
            sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    referral_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("referrals.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True)
    token: Mapped[bytes | None]
    sealed_key: Mapped[bytes | None]
    sealed_code: Mapped[bytes | None]
    made_by: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(sa.SmallInteger, default=0)
    openings: Mapped[int] = mapped_column(sa.SmallInteger, default=0)
    opened_at: Mapped[datetime | None]
    visit_id: Mapped[bytes | None] = mapped_column(sa.LargeBinary(32), unique=True)
    visit_key: Mapped[bytes | None]
    visit_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None] = mapped_column(sa.String(12))
