"""The identity of the sandbox: a made-up organisation, service, team and client, for anyone who wants to try the API.

Its client secret and private key are published, so it contains only made-up data. Its ids are derived from names; figures and
reports exclude it by `ORGANISATION_ID` and `TEAM_ID`.
"""

import base64
import re
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.client import sandbox as published
from app.core import keyholders
from app.core.errors import Conflict
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.partners import oauth_clients
from app.partners.models import OAuthClient
from app.partners.organisations import Organisation

ORGANISATION: Final = published.ORGANISATION
ORGANISATION_ID: Final = named_id("organisation", ORGANISATION)
TEAM_ID: Final = named_id("team", ORGANISATION)
SERVICE: Final = f"{ORGANISATION}/legal-help"
SERVICE_ID: Final = named_id("service", SERVICE)
SCOPES: Final = ("referrals:read", "referrals:contact", "referrals:write", "events:read", "webhooks:manage")
"""No scope that reaches beyond the sandbox: no intakes, no referring in. Its webhooks end after a day (`app/webhooks`)."""

FORGED_SIGNATURE_LABEL: Final = "SANDBOX-SIG"
"""The label of the referral whose webhook deliveries deliberately have a wrong signature."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{2,63}")


def key_pair() -> KeyPair:
    """The published key pair."""
    text = published.PRIVATE_KEY
    return KeyPair.from_seed(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def set_up(session: Session, keys: KeyRing, now: datetime) -> None:
    """Create the organisation, team, key and client where they are missing. Idempotent."""
    if session.get(Organisation, ORGANISATION_ID) is None:
        session.add(
            Organisation(
                id=ORGANISATION_ID,
                slug=ORGANISATION,
                name="Sandbox",
                kind="sandbox",
                verified=False,
                entry={},
                updated_at=now,
            )
        )
        session.flush()
    public, active = key_pair().public, keyholders.active_key(session, ORGANISATION_ID)
    if active is None or active.public_key != public:
        keyholders.register(session, OwnerKind.ORGANISATION, ORGANISATION_ID, public, now)
    client = session.get(OAuthClient, published.CLIENT_ID)
    if client is None:
        oauth_clients.add_client(
            session,
            keys,
            published.CLIENT_ID,
            "Sandbox, with a published secret",
            list(SCOPES),
            now,
            organisation_id=ORGANISATION_ID,
            sandbox=True,
            secret=published.CLIENT_SECRET,
        )
    else:
        client.active, client.scopes = True, sorted(SCOPES)
    session.flush()


def add_own_client(session: Session, keys: KeyRing, client_id: str, now: datetime) -> str:
    """Add a developer's own client to the sandbox and return its secret, which is shown once.

    The operator knows it, so its webhooks do not expire. Raises Conflict: no sandbox, or the name is taken or invalid.
    """
    if not _NAME.fullmatch(client_id):
        raise Conflict("A client id has 3 to 64 small letters, digits and dashes.")
    if session.get(Organisation, ORGANISATION_ID) is None:
        raise Conflict("There is no sandbox yet: set PRISTAN_SANDBOX=true and let the worker run once.")
    if session.get(OAuthClient, client_id) is not None:
        raise Conflict("A client with this name exists.")
    return oauth_clients.add_client(
        session, keys, client_id, "In the sandbox", list(SCOPES), now, organisation_id=ORGANISATION_ID, sandbox=True
    )


def is_open(session: Session) -> bool:
    """Whether the published client can sign in."""
    active = sa.select(OAuthClient.id).where(OAuthClient.id == published.CLIENT_ID, OAuthClient.active)
    return session.scalar(active) is not None


def close(session: Session) -> None:
    """Deactivate the published client and its tokens."""
    session.execute(sa.update(OAuthClient).where(OAuthClient.id == published.CLIENT_ID).values(active=False))
