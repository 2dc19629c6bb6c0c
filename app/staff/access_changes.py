"""The changes that lead to sealed parts: who may propose each, and what is done once it was approved and its wait is over.

| change | proposed by | opens |
| --- | --- | --- |
| a new coordinator, senior or partner member | admin; senior for their team; partner for their organisation | a seat |
| a way back after a lost passphrase | the same | a new key pair, which holds nothing yet |
| coordinator becomes senior | admin | what seniors decide |
| a key for somebody who joined before seats took two people | a holder of the key | all cases of the team or organisation |
| a new key of an organisation | admin, partner | what is sealed to the organisation from then on |
| a new admin | admin, senior | half of each of these |
| a team for a country that no team takes | admin | a seat for its first senior |
| the first key of such a team | admin | all cases of its countries, from then on |
| a program of an organisation, or a new secret for one | admin | what the organisation may read by its API, encrypted for its key |

An organisation that has a key gets a new one only from a member who holds it; the private half goes to the holders of the
present key and to the recovery key. A first key goes to one member whose seat two people wanted, and whose fingerprint the proposal
names; this member grants it to the others.
"""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core import keyholders
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed, NotFound
from app.core.i18n import N_
from app.core.keyring import KeyRing
from app.staff import (
    invitations,
    members,
    organisation_keys,
    proposal_rules,
    proposal_views,
    proposals,
    seats,
    team_setup,
)
from app.staff import service as staff
from app.staff.invitations import Invitee
from app.staff.models import Member, Proposal, Role, Team
from app.staff.proposal_rules import ProposalKind, ProposalSubject
from app.staff.proposal_states import ProposalState
from app.staff.sessions import SignedIn


@dataclass(frozen=True, slots=True)
class NewCountryTeam:
    """A proposed team: its name, countries, time zone, the language of its invitation, and the sign-in name of its first senior."""

    name: str
    countries: tuple[str, ...]
    zone: str
    language: str
    senior: str


def propose_member(session: Session, caller: SignedIn, seat: Invitee, seat_of: str, now: datetime) -> Proposal:
    """Propose a new coordinator, senior or partner member. `seat_of`: the slug of the team or organisation, to be shown.

    Raises NotAllowed (not a role or a team that this member may invite to), Conflict (the name is taken, or proposed).
    """
    members.refuse_invitation(caller, seat)
    name = invitations.free_name(session, seat.name)
    codes = {"name": name, "role": seat.role.value, "place": seat_of}
    subject = ProposalSubject(team_id=_team_with_key(session, seat.team_id), organisation_id=seat.organisation_id)
    return proposals.propose(session, caller, ProposalKind.NEW_MEMBER, codes, now, subject)


def _team_with_key(session: Session, team_id: UUID | None) -> UUID | None:
    """The team whom a seat concerns; None, so the whole network, for one without a key: nobody there could decide about it."""
    if team_id is None or keyholders.active_key(session, team_id) is None:
        return None
    return team_id


def propose_return(session: Session, caller: SignedIn, member_id: UUID, now: datetime) -> Proposal:
    """Propose a way back for a member who lost their passphrase or code app. Raises NotFound, NotAllowed, Conflict."""
    member = members.manageable_member(session, caller, member_id)
    subject = ProposalSubject(_team_with_key(session, member.team_id), member.organisation_id, member.id)
    return proposals.propose(session, caller, ProposalKind.MEMBER_RETURN, {"name": member.name}, now, subject)


def propose_senior(session: Session, caller: SignedIn, member_id: UUID, now: datetime) -> Proposal:
    """Propose that a coordinator becomes a senior. Raises NotFound, NotAllowed, Conflict."""
    member = members.manageable_member(session, caller, member_id)
    members.refuse_role(caller, member, Role.SENIOR)
    subject = ProposalSubject(member.team_id, None, member.id)
    codes = {"name": member.name, "role": Role.SENIOR.value}
    return proposals.propose(session, caller, ProposalKind.NEW_ROLE, codes, now, subject)


def propose_grant(
    session: Session, caller: SignedIn, member_id: UUID, now: datetime, *, key_id: UUID | None
) -> Proposal:
    """Propose to grant the key to a colleague whose seat one person wanted. `key_id`: their own key, as it was shown.

    Raises NotFound, NotAllowed (no key), Conflict (another key by now).
    """
    member = members.grantee(session, caller, member_id, key_id)
    subject = ProposalSubject(member.team_id, member.organisation_id, member.id)
    codes = {"name": member.name, **_own_key(session, member)}
    return proposals.propose(session, caller, ProposalKind.KEY_GRANT, codes, now, subject)


def _own_key(session: Session, member: Member) -> dict[str, str]:
    """A member's own key and its fingerprint, as codes of a proposal: it is carried out for this key and no other."""
    fingerprint = members.fingerprint(keyholders.by_id(session, member.key_id).public_key)
    return {"member_key": member.key_id.hex, "member_fingerprint": fingerprint}


def _named_key(proposal: Proposal) -> UUID | None:
    named = proposal.codes.get("member_key")
    return UUID(named) if named else None


def propose_organisation_key(
    session: Session,
    caller: SignedIn,
    organisation_id: UUID,
    slug: str,
    key: dict[str, str],
    now: datetime,
    *,
    first_holder: str = "",
) -> Proposal:
    """Propose a new key. `key`: the organisation's own public key in base64 and its fingerprint; empty: create one here.

    A first key that is created here goes to one member, whose own key is named in the proposal: the caller, if they are a member
    of the organisation, else the one with the sign-in name `first_holder`, or its only member.

    Raises NotAllowed, Conflict, Invalid.
    """
    if caller.role is Role.PARTNER and caller.organisation_id != organisation_id:
        raise NotAllowed("You may only propose a key for your own organisation.")
    codes, subject = {"organisation": slug, **key}, ProposalSubject(organisation_id=organisation_id)
    if not key and not seats.has_key(session, organisation_id):
        holder = _first_holder(session, caller, organisation_id, first_holder)
        codes |= {"name": holder.name, **_own_key(session, holder)}
        subject = ProposalSubject(organisation_id=organisation_id, member_id=holder.id)
    return proposals.propose(session, caller, ProposalKind.ORGANISATION_KEY, codes, now, subject)


def propose_team(session: Session, caller: SignedIn, team: NewCountryTeam, now: datetime) -> Proposal:
    """Propose a team for countries that no team takes, with its first senior.

    Raises NotAllowed, Invalid (no country), Conflict (a team has one of the countries, the name is taken, the same is proposed).
    """
    slug = team_setup.free_slug(session, team.countries)
    team_setup.check(session, slug, team.countries)
    codes = {
        "team": slug,
        "title": team.name,
        "countries": " ".join(team.countries),
        "zone": team.zone,
        "language": team.language,
        "name": invitations.free_name(session, team.senior),
    }
    return proposals.propose(session, caller, ProposalKind.NEW_TEAM, codes, now)


def propose_team_key(
    session: Session, caller: SignedIn, team_id: UUID, now: datetime, *, key_id: UUID | None
) -> Proposal:
    """Propose the first key of a team for a senior who has joined. `key_id`: their own key, as it was shown.

    Raises NotFound, NotAllowed, Conflict (the team has a key; nobody with this key can hold it).
    """
    team = session.get(Team, team_id)
    if team is None:
        raise NotFound
    if keyholders.active_key(session, team_id) is not None:
        raise Conflict(team_setup.HAS_KEY)
    holder = next(
        (member for member in team_setup.possible_first_holders(session, team_id) if member.key_id == key_id), None
    )
    if holder is None:
        raise Conflict("This is not the present key of a senior of the team. Look at the page again.")
    codes = {"team": team.slug, "name": holder.name, **_own_key(session, holder)}
    return proposals.propose(session, caller, ProposalKind.TEAM_KEY, codes, now, ProposalSubject(member_id=holder.id))


def _first_holder(session: Session, caller: SignedIn, organisation_id: UUID, name: str) -> Member:
    possible = organisation_keys.possible_first_holders(session, organisation_id)
    if caller.role is Role.PARTNER:
        named = [member for member in possible if member.id == caller.member_id]
    elif name.strip():
        named = [member for member in possible if member.name == staff.normalised_name(name)]
    else:
        named = list(possible)
    if not named:
        raise Conflict(organisation_keys.NOBODY_TO_HOLD)
    if len(named) > 1:
        detail = N_(
            "The organisation has several members and no key yet. Write the sign-in name of the one who gets it first."
        )
        raise Invalid([FieldError(pointer="/first_holder", code="missing", detail=detail)])
    return named[0]


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """The result of a change. `code`: the invitation code to pass on, shown once; empty for everything else."""

    proposal: Proposal
    name: str = ""
    code: str = ""

    def __repr__(self) -> str:
        return f"Done({self.proposal.kind})"


def carry_out(session: Session, keys: KeyRing, caller: SignedIn, proposal_id: UUID, now: datetime) -> ChangeResult:
    """Do what an approved proposal says. Raises NotFound, IllegalMove, NotAllowed, Conflict, as `proposals.carry_out` does.

    For a bulk export, the weight of a service and a program only the proposal is marked as done; the caller does the rest. A
    setting of automatic offers is in force from then on, because it is read from the proposals (`automatic_offers.in_force`).
    """
    kind = proposals.kind_of(session, proposal_id)
    proposal = proposals.carry_out(session, caller, proposal_id, kind, now)
    name = str(proposal.codes.get("name", ""))
    match kind:
        case ProposalKind.NEW_MEMBER:
            seat = Invitee(
                name, Role(proposal.codes["role"]), _team_of_seat(session, proposal), proposal.organisation_id
            )
            return ChangeResult(proposal, name, _invite(session, keys, proposal, seat, now))
        case ProposalKind.NEW_ADMIN:
            return ChangeResult(proposal, name, _invite(session, keys, proposal, Invitee(name, Role.ADMIN), now))
        case ProposalKind.NEW_TEAM:
            return ChangeResult(proposal, name, _found_team(session, keys, caller, proposal, now))
        case ProposalKind.TEAM_KEY:
            _make_team_key(session, caller, proposal, now)
        case ProposalKind.MEMBER_RETURN:
            member = members.manageable_member(session, caller, _member_of(proposal))
            by, approved_by = proposal.proposed_by, proposal.decided_by
            code = invitations.invite_back(session, keys, member, by=by, approved_by=approved_by, now=now)
            return ChangeResult(proposal, name, code)
        case ProposalKind.NEW_ROLE:
            members.make_senior(session, caller, _member_of(proposal), now, approved_by=proposal.decided_by)
        case ProposalKind.KEY_GRANT:
            members.grant(session, caller, _member_of(proposal), now, key_id=_named_key(proposal), approved=True)
        case ProposalKind.ORGANISATION_KEY:
            _new_key(session, caller, proposal, now)
        case (
            ProposalKind.BULK_EXPORT
            | ProposalKind.AUTOMATIC_OFFERS
            | ProposalKind.SERVICE_WEIGHT
            | ProposalKind.API_CLIENT
        ):
            pass
    return ChangeResult(proposal, name)


_WITH_CODE: Final = frozenset(
    {ProposalKind.NEW_MEMBER, ProposalKind.NEW_ADMIN, ProposalKind.MEMBER_RETURN, ProposalKind.NEW_TEAM}
)


@dataclass(frozen=True, slots=True)
class RecentChange:
    """A recent change as one member sees it. `code_unused`: the one-time code that it created has not been used."""

    proposal: Proposal
    code_unused: bool
    may_void: bool


def recent(session: Session, caller: SignedIn, now: datetime) -> list[RecentChange]:
    """The recently carried-out changes that this member may see, newest first."""
    done = proposal_views.done(session, caller, now)
    if not done:
        return []
    names = {str(proposal.codes["name"]) for proposal in done if proposal.kind in _WITH_CODE}
    unused = invitations.unused(session, names, now) if names else frozenset()
    changes, shown, facts = [], set[str](), seats.member_facts(session, now)
    for change in done:
        name = str(change.codes.get("name", ""))
        is_unused = change.kind in _WITH_CODE and name in unused and name not in shown  # the newest has the code
        if is_unused:
            shown.add(name)
        changes.append(RecentChange(change, is_unused, is_unused and proposal_rules.may_stop(facts, caller, change)))
    return changes


def void_code(session: Session, caller: SignedIn, proposal_id: UUID, now: datetime) -> None:
    """Void the code that a change created. Whoever could have stopped the change may do this.

    Raises NotFound, NotAllowed, Conflict (it was used, or is void already).
    """
    proposal = proposals.locked(session, caller, proposal_id)
    if proposal.state != ProposalState.DONE or proposal.kind not in _WITH_CODE:
        raise NotFound("There is no such code.")
    if not proposal_rules.may_stop(seats.member_facts(session, now), caller, proposal):
        raise NotAllowed("Your role may not decide about this.")
    if not invitations.void(session, str(proposal.codes["name"])):
        raise Conflict("The code has been used, or is void already.", state=proposal.state)
    proposals.note_code_voided(session, proposal, caller.member_id, now)


def _invite(session: Session, keys: KeyRing, proposal: Proposal, seat: Invitee, now: datetime) -> str:
    by, approved_by = proposal.proposed_by, proposal.decided_by
    return invitations.invite(session, keys, seat, by=by, approved_by=approved_by, now=now)


def _team_of_seat(session: Session, proposal: Proposal) -> UUID | None:
    """The team that a new member joins; one without a key is named by its slug alone."""
    if proposal.team_id is not None or proposal.organisation_id is not None:
        return proposal.team_id
    return _team_named(session, str(proposal.codes["place"]))


def _team_named(session: Session, slug: str) -> UUID:
    team_id = session.scalar(sa.select(Team.id).where(Team.slug == slug))
    if team_id is None:
        raise NotFound
    return team_id


def _found_team(session: Session, keys: KeyRing, caller: SignedIn, proposal: Proposal, now: datetime) -> str:
    """Make the team and invite its first senior; returns the code."""
    codes = {name: str(value) for name, value in proposal.codes.items()}
    team = team_setup.found_team(
        session, codes["team"], codes["title"], codes["countries"].split(), codes["zone"], by=caller.member_id, now=now
    )
    return _invite(session, keys, proposal, Invitee(codes["name"], Role.SENIOR, team_id=team.id), now)


def _make_team_key(session: Session, caller: SignedIn, proposal: Proposal, now: datetime) -> None:
    team_id = _team_named(session, str(proposal.codes["team"]))
    team_setup.make_first_key(session, team_id, _named_key(proposal), by=caller.member_id, now=now)


def _new_key(session: Session, caller: SignedIn, proposal: Proposal, now: datetime) -> None:
    if proposal.organisation_id is None:
        raise Conflict("This was proposed before such changes took two people. Propose it again.", state=proposal.state)
    public_key = proposal.codes.get("public_key")
    if public_key:
        raw = base64.b64decode(public_key)
        organisation_keys.register(session, proposal.organisation_id, raw, by=caller.member_id, now=now)
    else:
        holder = _named_key(proposal)
        organisation_keys.make(session, proposal.organisation_id, by=caller.member_id, now=now, first_holder=holder)


def _member_of(proposal: Proposal) -> UUID:
    if proposal.member_id is None:
        raise Conflict("This proposal names no member.", state=proposal.state)
    return proposal.member_id
