"""The steps still missing before a centre can be sent cases: a checklist for the desk and for the centre, the same facts on both.

Everything on it can be done on a page, and no step here is enforced by this module. Until all of it is done a centre is asked in
the ways that it has: by link where it has a confirmed e-mail address, otherwise by hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.directory import availability
from app.directory.schemas import Organisation as Entry
from app.messaging.models import PartnerNotices
from app.staff import seats
from app.staff.invitations import Invitation
from app.staff.models import Member, Proposal
from app.staff.proposal_rules import ProposalKind
from app.staff.proposal_states import LIVE


class Item(StrEnum):
    CONFIRMED = "confirmed"
    TAKES_CASES = "takes_cases"
    MEMBER = "member"
    KEY = "key"
    HOLDER = "holder"
    NOTICES = "notices"
    CAPACITY = "capacity"


OF_DESK = frozenset({Item.CONFIRMED, Item.TAKES_CASES, Item.MEMBER, Item.KEY})
"""What the desk does; the rest is done by the centre."""


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One line of the list. `under_way`: somebody has begun it, and another person has to go on."""

    item: Item
    done: bool
    under_way: bool = False

    @property
    def of_desk(self) -> bool:
        return self.item in OF_DESK


def checklist(session: Session, entry: Entry, organisation_id: UUID, now: datetime) -> list[ChecklistItem]:
    """The list of a centre, in the order in which it is done; empty for an authority, which is never sent a case."""
    if entry.kind == "authority":
        return []
    members = session.scalar(
        sa.select(sa.func.count()).select_from(Member).where(Member.organisation_id == organisation_id, Member.active)
    )
    live = _live_kinds(session, organisation_id, now)
    invited = session.scalar(
        sa.select(
            sa.exists().where(
                Invitation.organisation_id == organisation_id, Invitation.used_at.is_(None), Invitation.expires_at > now
            )
        )
    )
    address = session.scalar(
        sa.select(PartnerNotices.address.is_not(None)).where(PartnerNotices.organisation_id == organisation_id)
    )
    return [
        ChecklistItem(Item.CONFIRMED, entry.source.confidence != "low"),
        ChecklistItem(Item.TAKES_CASES, any(service.takes_referrals == "yes" for service in entry.services)),
        ChecklistItem(Item.MEMBER, bool(members), bool(invited) or ProposalKind.NEW_MEMBER in live),
        ChecklistItem(Item.KEY, seats.has_key(session, organisation_id), ProposalKind.ORGANISATION_KEY in live),
        ChecklistItem(Item.HOLDER, seats.is_held_by_member(session, organisation_id), ProposalKind.KEY_GRANT in live),
        ChecklistItem(Item.NOTICES, bool(address)),
        ChecklistItem(
            Item.CAPACITY,
            _is_capacity_known(session, [f"{entry.id}/{service.id}" for service in entry.services], now.date()),
        ),
    ]


def _live_kinds(session: Session, organisation_id: UUID, now: datetime) -> frozenset[str]:
    states = [state.value for state in LIVE]
    rows = sa.select(Proposal.kind).where(
        Proposal.organisation_id == organisation_id, Proposal.state.in_(states), Proposal.expires_at > now
    )
    return frozenset(session.scalars(rows))


def _is_capacity_known(session: Session, keys: Sequence[str], today: date) -> bool:
    rows = availability.rows(session, keys)
    return bool(keys) and all(
        key in rows and (until := rows[key].capacity_until) is not None and until >= today for key in keys
    )
