"""The organisations that are notified of a new referral without a call: by mail, by their endpoint, or by their program."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.messaging.models import PartnerNotices
from app.partners.models import ClientCredential, OAuthClient
from app.webhooks.models import WebhookEndpoint


def notified(session: Session, organisations: Collection[UUID], now: datetime) -> frozenset[UUID]:
    """The organisations, among these, with an address for notices, an active endpoint, or an active program with a credential.

    An address that refused the last notice does not count. One statement. Whether a program really polls is unknown; an offer that
    nobody answers is escalated by its clock.
    """
    ids = list(organisations)
    by_mail = sa.select(PartnerNotices.organisation_id).where(
        PartnerNotices.organisation_id.in_(ids), PartnerNotices.address.is_not(None), PartnerNotices.failed_at.is_(None)
    )
    by_endpoint = sa.select(WebhookEndpoint.organisation_id).where(
        WebhookEndpoint.organisation_id.in_(ids), WebhookEndpoint.state == "active"
    )
    by_program = (
        sa.select(OAuthClient.organisation_id)
        .join(ClientCredential, ClientCredential.client_id == OAuthClient.id)
        .where(
            OAuthClient.organisation_id.in_(ids),
            OAuthClient.active,
            sa.or_(ClientCredential.ends_at.is_(None), ClientCredential.ends_at > now),
        )
    )
    return frozenset(session.scalars(sa.union(by_mail, by_endpoint, by_program)))
