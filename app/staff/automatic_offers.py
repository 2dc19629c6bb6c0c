"""Automatic offers as two people have set them: how long a new case waits for a coordinator, by host country and urgency.

A setting is a proposal that was carried out; of each country and urgency the last one is in force. Where there is none, the
operator's setting counts, and a country that the operator has set to `by_hand` stays so.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.staff.models import Proposal
from app.staff.proposal_rules import ProposalKind
from app.staff.proposal_states import ProposalState

OPERATOR: Final = "operator"
WAITS: Final[Mapping[str, timedelta | None]] = MappingProxyType(
    {
        "at_once": timedelta(0),
        "1h": timedelta(hours=1),
        "4h": timedelta(hours=4),
        "24h": timedelta(hours=24),
        "by_hand": None,
    }
)
"""The choices, besides `OPERATOR`: back to the operator's setting. None: a coordinator makes each offer."""
URGENCIES: Final = ("emergency", "urgent", "normal")


def in_force(session: Session) -> dict[tuple[str, str], str]:
    """The choice for each country and urgency that two people have set. One statement."""
    chosen = {subject: after for subject, (_id, after) in _last(session).items()}
    return {subject: after for subject, after in chosen.items() if after in WAITS}


def last_of_each(session: Session) -> list[UUID]:
    """The proposals that the settings of today are read from: of each country and urgency the last that was carried out."""
    return [proposal_id for proposal_id, _after in _last(session).values()]


def _last(session: Session) -> dict[tuple[str, str], tuple[UUID, str]]:
    rows = session.execute(
        sa.select(Proposal.id, Proposal.codes)
        .where(Proposal.kind == ProposalKind.AUTOMATIC_OFFERS.value, Proposal.state == ProposalState.DONE.value)
        .order_by(Proposal.expires_at, Proposal.id)  # of a proposal that opens nothing: when it was carried out
    )
    return {(row.codes["country"], row.codes["urgency"]): (row.id, row.codes["after"]) for row in rows}


def chosen(session: Session, by_hand: frozenset[str]) -> dict[tuple[str, str], timedelta | None]:
    """How long a new case of each country and urgency waits, as set at the desk; None: it is offered by hand.

    `by_hand`: countries that the operator has set to be offered by hand. The desk cannot change these.
    """
    return {subject: WAITS[after] for subject, after in in_force(session).items() if subject[0] not in by_hand}
