"""Tables of the programs that call the API for an organisation (or for a trusted front end)."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class OAuthClient(Base):
    """A program with a client id and a secret (kept as a MAC only). Without an organisation it can only file intakes."""

    __tablename__ = "oauth_clients"

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    organisation_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"))
    name: Mapped[str] = mapped_column(sa.String(120))
    secret_mac: Mapped[bytes] = mapped_column(sa.LargeBinary(32))
    scopes: Mapped[list[str]]
    sandbox: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class AccessToken(Base):
    """An opaque bearer token, kept as a hash."""

    __tablename__ = "access_tokens"

    id: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(sa.String(64), sa.ForeignKey("oauth_clients.id"), index=True)
    scopes: Mapped[list[str]]
    expires_at: Mapped[datetime] = mapped_column(index=True)
