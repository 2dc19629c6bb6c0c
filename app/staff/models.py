"""Tables of teams, members and their sessions."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Json


class Role(StrEnum):
    """COORDINATOR and SENIOR belong to a team, PARTNER to an organisation; AUDITOR and ADMIN cannot open cases."""

    COORDINATOR = "coordinator"
    SENIOR = "senior"
    AUDITOR = "auditor"
    ADMIN = "admin"
    PARTNER = "partner"


class Team(Base):
    """The coordinators of one or more host countries. They share the team's key."""

    __tablename__ = "teams"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    slug: Mapped[str] = mapped_column(sa.String(64), unique=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    created_at: Mapped[datetime]


class TeamCountry(Base):
    """The one team that takes the cases of a country."""

    __tablename__ = "team_countries"

    country: Mapped[str] = mapped_column(sa.String(2), primary_key=True)
    team_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("teams.id"))


def role_checks() -> tuple[sa.CheckConstraint, sa.CheckConstraint]:
    """The CHECKs of a seat: its role exists, and it has the team or organisation that the role requires.

    For members and for invitations.
    """
    return (
        sa.CheckConstraint(
            "(role IN ('coordinator', 'senior')) = (team_id IS NOT NULL)"
            " AND (role = 'partner') = (organisation_id IS NOT NULL)",
            name="role_has_its_place",
        ),
        sa.CheckConstraint("role IN ('coordinator', 'senior', 'auditor', 'admin', 'partner')", name="role_known"),
    )


class Member(Base):
    """Somebody who signs in.

    `sealed_seed` is their private key, encrypted with the passphrase and the server's pepper, and then under the epoch key. The
    one-time password secret is encrypted under the epoch key; `totp_step` is the last 30-second step that was used.
    `passphrase_form` null: the passphrase counts exactly as it was typed; 1 or 2: without what a phone's keyboard adds
    (`passphrases.normalised`, by form). `account_notice` is the last change to how they sign in, until they have seen it.
    `language`: in which they read the pages of staff, one of `i18n.LANGUAGES`; null until they choose one. Staff data.
    `failures` and `wait_until` limit failed attempts from unknown browsers; a colleague can suspend that until `let_in_until`.
    """

    __tablename__ = "members"
    __table_args__ = role_checks()

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(sa.String(64), unique=True)
    role: Mapped[str] = mapped_column(sa.String(16))
    team_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("teams.id"))
    organisation_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"))
    key_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("sealing_keys.id"))
    salt: Mapped[bytes]
    sealed_seed: Mapped[bytes]
    totp_secret: Mapped[bytes]
    totp_step: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    active: Mapped[bool] = mapped_column(default=True)
    failures: Mapped[int] = mapped_column(default=0)
    wait_until: Mapped[datetime | None]
    let_in_until: Mapped[datetime | None]
    passphrase_form: Mapped[int | None] = mapped_column(sa.SmallInteger)
    language: Mapped[str | None] = mapped_column(sa.String(8))
    account_notice: Mapped[str | None] = mapped_column(sa.String(32))
    account_notice_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class TeamRota(Base):
    """Who of a team is on call, by weekday and hour in the team's own time zone.

    `shifts`: a list of `{"days": [0…6], "from": "20:00", "until": "08:00", "members": [id, …]}`, in the order of the list; of the
    members the first is on call and the others are deputies (`rota.Shift`). Ids and times of staff only.
    """

    __tablename__ = "team_rotas"

    team_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("teams.id"), primary_key=True)
    zone: Mapped[str] = mapped_column(sa.String(40))
    shifts: Mapped[list[Any]] = mapped_column(Json)
    version: Mapped[int]
    updated_at: Mapped[datetime]


class StaffSession(Base):
    """A sign-in session. `id` is a hash of the cookie's secret; only that secret decrypts `sealed_seed`.

    `factor` is the second factor that was used: a code or a passkey.
    """

    __tablename__ = "sessions"

    id: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"), index=True)
    sealed_seed: Mapped[bytes]
    factor: Mapped[str | None] = mapped_column(sa.String(8))
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class Seating(Base):
    """How a member got their seat, their way back or their role, and the two people who proposed and approved it.

    Ids and times of staff only. `proposed_by` and `approved_by` are null for somebody who was added at the command line of the
    server. `vouched_by`: an independent holder of the key has compared the member's fingerprint and granted them the key.
    """

    __tablename__ = "seatings"
    __table_args__ = (
        sa.CheckConstraint("how IN ('console', 'joined', 'returned', 'role')", name="how_known"),
        sa.CheckConstraint("approved_by IS NULL OR approved_by <> proposed_by", name="two_people"),
        sa.Index("ix_seatings_member_id", "member_id"),
        sa.Index("ix_seatings_at", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    member_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    how: Mapped[str] = mapped_column(sa.String(8))
    proposed_by: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    approved_by: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    vouched_by: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    at: Mapped[datetime]


class Proposal(Base):
    """An action that needs a second person. `codes` say exactly what was approved, and nothing else is carried out.

    `team_id`, `organisation_id` and `member_id` name those it concerns. An approved change that leads to sealed parts is carried
    out from `ready_at` on; `confirmed_by` is the holder of the key who has shortened that wait, `stopped_by` who has stopped it.
    """

    __tablename__ = "proposals"
    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'declined', 'withdrawn', 'expired', 'done')", name="state_known"
        ),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name="two_people"),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'declined', 'done') OR decided_by IS NOT NULL", name="decided_by_somebody"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[str] = mapped_column(sa.String(24))
    state: Mapped[str] = mapped_column(sa.String(12), index=True)
    codes: Mapped[dict[str, Any]]
    proposed_by: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    decided_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    team_id: Mapped[UUID | None]
    organisation_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]
    ready_at: Mapped[datetime | None]
    confirmed_by: Mapped[UUID | None]
    stopped_by: Mapped[UUID | None]
