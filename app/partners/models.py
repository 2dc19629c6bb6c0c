"""Tables of the programs that call the API for an organisation (or for a trusted front end)."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class OAuthClient(Base):
    """A program with a client id and ClientCredentials. Without an organisation it can only file intakes.

    `secret_mac`: where the previous version kept the only secret. Nothing reads it, and an empty one matches nothing; a later
    release drops the column.
    """

    __tablename__ = "oauth_clients"

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    organisation_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"))
    name: Mapped[str] = mapped_column(sa.String(120))
    secret_mac: Mapped[bytes] = mapped_column(sa.LargeBinary(32), default=b"")
    scopes: Mapped[list[str]]
    sandbox: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class ClientCredential(Base):
    """A credential of a client: a secret, stored as a MAC, or a public key that verifies its assertions.

    A client has at most two, so that a new one works before the old one ends. `public_key` is
    the raw Ed25519 key (32 bytes), or the P-256 point (65 bytes, uncompressed).
    """

    __tablename__ = "client_credentials"
    __table_args__ = (
        sa.CheckConstraint("slot IN (1, 2)", name="at_most_two"),
        sa.CheckConstraint(
            "(kind = 'secret' AND secret_mac IS NOT NULL AND public_key IS NULL)"
            " OR (kind IN ('EdDSA', 'ES256') AND secret_mac IS NULL AND public_key IS NOT NULL)",
            name="secret_or_key",
        ),
    )

    client_id: Mapped[str] = mapped_column(sa.String(64), sa.ForeignKey("oauth_clients.id"), primary_key=True)
    slot: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(8))
    secret_mac: Mapped[bytes | None] = mapped_column(sa.LargeBinary(32))
    kid: Mapped[str | None] = mapped_column(sa.String(64))
    public_key: Mapped[bytes | None] = mapped_column(sa.LargeBinary(65))
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]


class UsedAssertion(Base):
    """A used assertion: the hash of its client and `jti`, stored until the assertion expires."""

    __tablename__ = "used_assertions"

    id: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AccessToken(Base):
    """An opaque bearer token, stored as a hash."""

    __tablename__ = "access_tokens"

    id: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(sa.String(64), sa.ForeignKey("oauth_clients.id"), index=True)
    scopes: Mapped[list[str]]
    expires_at: Mapped[datetime] = mapped_column(index=True)
