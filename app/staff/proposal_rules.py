"""Who may take part in a proposal: who proposes which kind, who counts as the second person, who may stop it, who sees it.

A rule takes the proposal, the member, and the facts about all seats (`seats.MemberFacts`), and reads nothing else. The second
person was there before the proposal, and neither of the two had a part in seating the other (`app/staff/lineage.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.core.errors import NotAllowed
from app.core.i18n import N_, Translatable
from app.staff import lineage
from app.staff.models import Member, Proposal, Role
from app.staff.seats import MemberFacts
from app.staff.sessions import SignedIn


class ProposalKind(StrEnum):
    NEW_MEMBER = "new_member"
    MEMBER_RETURN = "member_return"
    NEW_ROLE = "new_role"
    KEY_GRANT = "key_grant"
    ORGANISATION_KEY = "organisation_key"
    NEW_ADMIN = "new_admin"
    BULK_EXPORT = "bulk_export"
    AUTOMATIC_OFFERS = "automatic_offers"
    SERVICE_WEIGHT = "service_weight"
    API_CLIENT = "api_client"
    NEW_TEAM = "new_team"
    TEAM_KEY = "team_key"


@dataclass(frozen=True, slots=True)
class ProposalRule:
    """Who may propose this kind, and whether it leads to sealed parts, in which case it is announced and has to wait."""

    proposers: frozenset[Role]
    opens_sealed_parts: bool


_ADMIN: Final = frozenset({Role.ADMIN})
_SEATS: Final = frozenset({Role.ADMIN, Role.SENIOR, Role.PARTNER})
# fmt: off
RULES: Final[Mapping[ProposalKind, ProposalRule]] = {
    ProposalKind.NEW_MEMBER:       ProposalRule(_SEATS, opens_sealed_parts=True),
    ProposalKind.MEMBER_RETURN:    ProposalRule(_SEATS, opens_sealed_parts=True),
    ProposalKind.NEW_ROLE:         ProposalRule(_ADMIN, opens_sealed_parts=True),
    ProposalKind.KEY_GRANT:        ProposalRule(frozenset({Role.COORDINATOR, Role.SENIOR, Role.PARTNER}), opens_sealed_parts=True),
    ProposalKind.ORGANISATION_KEY: ProposalRule(frozenset({Role.ADMIN, Role.PARTNER}), opens_sealed_parts=True),
    ProposalKind.NEW_ADMIN:        ProposalRule(frozenset({Role.ADMIN, Role.SENIOR}), opens_sealed_parts=True),
    ProposalKind.BULK_EXPORT:      ProposalRule(frozenset({Role.ADMIN, Role.SENIOR, Role.AUDITOR}), opens_sealed_parts=False),
    ProposalKind.AUTOMATIC_OFFERS: ProposalRule(frozenset({Role.ADMIN, Role.SENIOR}), opens_sealed_parts=False),
    ProposalKind.SERVICE_WEIGHT:   ProposalRule(frozenset({Role.ADMIN, Role.SENIOR}), opens_sealed_parts=False),
    ProposalKind.API_CLIENT:       ProposalRule(_ADMIN, opens_sealed_parts=True),
    ProposalKind.NEW_TEAM:         ProposalRule(_ADMIN, opens_sealed_parts=True),
    ProposalKind.TEAM_KEY:         ProposalRule(_ADMIN, opens_sealed_parts=True),
}
# fmt: on


@dataclass(frozen=True, slots=True)
class ProposalSubject:
    """The subject of a proposal: a team or an organisation, and a member who exists already. All empty: the whole network."""

    team_id: UUID | None = None
    organisation_id: UUID | None = None
    member_id: UUID | None = None


NETWORK: Final = ProposalSubject()


def refuse_dependent(facts: MemberFacts, caller: SignedIn, proposal: Proposal, *, must_hold: bool) -> None:
    """Raises NotAllowed unless this member counts as a second person; `must_hold`: as a holder of the key concerned."""
    reason = why_not_second(facts, caller, proposal, must_hold=must_hold)
    if reason:
        raise NotAllowed(reason)


def why_not_second(facts: MemberFacts, caller: SignedIn, proposal: Proposal, *, must_hold: bool = False) -> str:
    """Why this member does not count as the second person of a proposal, in words; empty if they do."""
    if must_hold and takes_a_seat(facts, proposal):
        if caller.member_id == proposal.member_id:
            return ""
        return N_("This would take the sign-in of somebody who is active. Only they themselves can end the wait.")
    if must_hold and not holds_key_concerned(facts, caller, proposal):
        return N_("Only somebody who holds the key concerned can confirm this before the waiting time is over.")
    if not must_hold and not may_decide(facts, caller, proposal):
        return N_("Your role may not decide about this.")
    return _why_not_two_people(facts, caller, proposal)


def _why_not_two_people(facts: MemberFacts, caller: SignedIn, proposal: Proposal) -> str:
    if caller.member_id == proposal.proposed_by:
        return N_("Somebody else has to decide about what you proposed.")
    if caller.member_id == proposal.member_id:
        return N_("This is about you. Somebody else has to decide about it.")
    seated_at = facts.seated_at.get(caller.member_id)
    if seated_at is None or seated_at > proposal.proposed_at:
        return N_(
            "You joined, came back or got your role after this was proposed. Somebody who was there before has to decide."
        )
    if not lineage.independent(caller.member_id, proposal.proposed_by, facts.ties):
        return Translatable(
            "You and the person who proposed this do not count as two people: one of you had a part in how the other joined, "
            "came back or got their role in the last {days} days, or the same person had for both of you. "
            "Somebody else has to decide.",
            days=lineage.TIE_LASTS.days,
        )
    return ""


def may_decide(facts: MemberFacts, caller: SignedIn, proposal: Proposal) -> bool:
    """Whether this role may be the second person: an admin, a senior who holds their team's key, a holder of the key concerned.

    A senior decides about their own team and about organisations; a holder of a key only about their own team or organisation.
    """
    if caller.role is Role.ADMIN:
        return True
    owner_id = proposal.team_id or proposal.organisation_id
    if caller.role is Role.SENIOR:
        return proposal.team_id in {None, caller.team_id} and facts.holds_key_of(caller.key_id, caller.team_id)
    own = caller.team_id or caller.organisation_id
    return owner_id is not None and own == owner_id and facts.holds_key_of(caller.key_id, owner_id)


def holds_key_concerned(facts: MemberFacts, caller: SignedIn, proposal: Proposal) -> bool:
    """Whether the member holds the active key of the team or organisation; of their own team, if it concerns the network.

    Nobody holds the first key of a team before it is made.
    """
    if proposal.kind == ProposalKind.TEAM_KEY:
        return False
    own, owner_id = caller.team_id or caller.organisation_id, proposal.team_id or proposal.organisation_id
    if owner_id is None:
        return caller.role is Role.SENIOR and facts.holds_key_of(caller.key_id, own)
    return own == owner_id and facts.holds_key_of(caller.key_id, owner_id)


def takes_a_seat(facts: MemberFacts, proposal: Proposal) -> bool:
    """Whether this is a reset for an active member: they lose their sign-in and keys by it, so nobody else shortens the wait."""
    return proposal.kind == ProposalKind.MEMBER_RETURN and proposal.member_id in facts.active


def is_concerned(caller: SignedIn, proposal: Proposal) -> bool:
    """Whether the change concerns this member: themself, their team or organisation, or everybody who looks after the network."""
    if proposal.member_id == caller.member_id:
        return True
    if proposal.team_id is None and proposal.organisation_id is None:
        return caller.role in {Role.ADMIN, Role.SENIOR}
    own = caller.team_id or caller.organisation_id
    return own is not None and own in {proposal.team_id, proposal.organisation_id}


def is_visible(caller: SignedIn, proposal: Proposal) -> bool:
    """Whether this member may see the proposal: it is their own or concerns them, or they look after the network."""
    if (
        caller.member_id == proposal.proposed_by
        or is_concerned(caller, proposal)
        or caller.role in {Role.ADMIN, Role.AUDITOR}
    ):
        return True
    return caller.role is Role.SENIOR and proposal.team_id is None


def may_stop(facts: MemberFacts, caller: SignedIn, proposal: Proposal) -> bool:
    """Whether this member may stop the proposal, or void the code that it created."""
    return (
        caller.member_id == proposal.proposed_by
        or is_concerned(caller, proposal)
        or may_decide(facts, caller, proposal)
    )


def as_caller(member: Member) -> SignedIn:
    """The member as if they were signed in, without any key, to ask the rules about them."""
    return SignedIn(
        member_id=member.id, name=member.name, role=Role(member.role), team_id=member.team_id,
        organisation_id=member.organisation_id, key_id=member.key_id, seed=b"", binding="", seen_at=member.created_at,
    )  # fmt: skip
