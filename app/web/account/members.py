"""Members: who is there, who holds the key, and what colleagues do for each other. The same for a team and for an organisation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import FieldError, Invalid
from app.partners import organisations
from app.partners.organisations import Organisation
from app.staff import members, proposals
from app.staff.invitations import Invitee
from app.staff.models import Role, Team
from app.staff.sessions import SignedIn
from app.web.account.my_settings import uuid_of
from app.web.account.policies import Member, TeamOrAdmin, field
from app.web.components import staff_pages

router = APIRouter(prefix="/desk/members")
partner_router = APIRouter(prefix="/partner/members")

Id = Annotated[str, Path(max_length=36)]


@router.get("", name="members")
def show_members(request: Request, who: TeamOrAdmin, session: ReadDb, now: Now) -> Response:
    return _page(request, who, session, now)


@router.post("/invite", name="invite_member")
def invite(request: Request, who: TeamOrAdmin, session: Db, keys: Keys, now: Now) -> Response:
    """A code for somebody new, shown on this one page."""
    seat = _seat(session, request, who)
    return _told(request, seat.name, members.invite(session, keys, who, seat, now))


@router.post("/{member}/return", name="let_member_return")
def let_return(member: Id, request: Request, who: TeamOrAdmin, session: Db, keys: Keys, now: Now) -> Response:
    code = members.let_return(session, keys, who, uuid_of(member), now)
    return _told(request, _name(session, member), code)


@router.post("/{member}/grant", name="grant_key")
def grant(member: Id, who: TeamOrAdmin, session: Db, now: Now) -> Response:
    members.grant(session, who, uuid_of(member), now)
    return staff_pages.to("/desk/members?done=granted")


@router.post("/{member}/let-in", name="let_member_in")
def let_in(member: Id, who: TeamOrAdmin, session: Db, now: Now) -> Response:
    members.let_in(session, who, uuid_of(member), now)
    return staff_pages.to("/desk/members?done=let_in")


@router.post("/{member}/role", name="change_role")
def change_role(member: Id, request: Request, who: TeamOrAdmin, session: Db, now: Now) -> Response:
    members.change_role(session, who, uuid_of(member), _role(request), now)
    return staff_pages.to("/desk/members?done=role_changed")


@router.post("/{member}/deactivate", name="deactivate_member")
def deactivate(member: Id, who: TeamOrAdmin, session: Db, now: Now) -> Response:
    members.deactivate(session, who, uuid_of(member), now)
    return staff_pages.to("/desk/members?done=deactivated")


# --- the same for an organisation's own people -----------------------------------------------------------------------


@partner_router.get("", name="partner_members")
def show_partner_members(request: Request, who: Member, session: ReadDb, now: Now) -> Response:
    return _page(request, who, session, now)


@partner_router.post("/invite", name="invite_partner_member")
def invite_partner(request: Request, who: Member, session: Db, keys: Keys, now: Now) -> Response:
    seat = Invitee(new_name(request), Role.PARTNER, organisation_id=who.organisation_id)
    return _told(request, seat.name, members.invite(session, keys, who, seat, now))


@partner_router.post("/{member}/return", name="let_partner_return")
def let_partner_return(member: Id, request: Request, who: Member, session: Db, keys: Keys, now: Now) -> Response:
    code = members.let_return(session, keys, who, uuid_of(member), now)
    return _told(request, _name(session, member), code)


@partner_router.post("/{member}/grant", name="grant_partner_key")
def grant_partner(member: Id, who: Member, session: Db, now: Now) -> Response:
    members.grant(session, who, uuid_of(member), now)
    return staff_pages.to("/partner/members?done=granted")


@partner_router.post("/{member}/let-in", name="let_partner_in")
def let_partner_in(member: Id, who: Member, session: Db, now: Now) -> Response:
    members.let_in(session, who, uuid_of(member), now)
    return staff_pages.to("/partner/members?done=let_in")


@partner_router.post("/{member}/deactivate", name="deactivate_partner")
def deactivate_partner(member: Id, who: Member, session: Db, now: Now) -> Response:
    members.deactivate(session, who, uuid_of(member), now)
    return staff_pages.to("/partner/members?done=deactivated")


# --- shaping ---------------------------------------------------------------------------------------------------------


def _page(request: Request, who: SignedIn, session: Session, now: datetime) -> Response:
    found, known_teams = members.colleagues(session, who, now), teams(session)
    return staff_pages.page(
        request,
        "account/members.html",
        base="/partner/members" if who.role is Role.PARTNER else "/desk/members",
        colleagues=found,
        teams={team.id: team.name for team in known_teams},
        slugs={team.id: team.slug for team in known_teams},
        organisations=organisations.names(session, [one.organisation_id for one in found if one.organisation_id]),
        connectable=centres(session) if who.role is Role.ADMIN else [],
        roles=sorted(role.value for role in members.INVITES.get(who.role, ())),
        mine={one.id: one for one in found}.get(who.member_id),
        proposed=[one for one in proposals.live(session) if one.proposed_by == who.member_id],
    )


def _told(request: Request, name: str, code: str) -> Response:
    return staff_pages.page(request, "account/invited.html", name=name, code=code)


def teams(session: Session) -> Sequence[Team]:
    return session.scalars(sa.select(Team).order_by(Team.name)).all()


def centres(session: Session) -> list[tuple[str, str]]:
    """Slug and name of every organisation that could have members."""
    rows = session.execute(
        sa.select(Organisation.slug, Organisation.name)
        .where(Organisation.kind == "centre", Organisation.retired_at.is_(None))
        .order_by(Organisation.name)
    )
    return [(row.slug, row.name) for row in rows]


def _seat(session: Session, request: Request, who: SignedIn) -> Invitee:
    """What was filled in; a senior invites to their own team. Raises Invalid, NotFound (no such team or organisation)."""
    name, role = new_name(request), _role(request)
    if role in {Role.COORDINATOR, Role.SENIOR}:
        team_id = who.team_id or _team(session, field(request, "team"))
        return Invitee(name, role, team_id=team_id)
    if role is Role.PARTNER:
        return Invitee(name, role, organisation_id=organisations.by_slug(session, field(request, "organisation")).id)
    return Invitee(name, role)


def _team(session: Session, slug: str) -> UUID:
    found = session.scalar(sa.select(Team.id).where(Team.slug == slug))
    if found is None:
        raise _unfit("team", "Choose a team.")
    return found


def new_name(request: Request) -> str:
    name = field(request, "name").strip()
    if not 2 <= len(name) <= 64 or not all(character.isalnum() or character in " .-_" for character in name):
        raise _unfit("name", "A sign-in name must have 2 to 64 letters, digits, dots or hyphens.")
    return name


def _role(request: Request) -> Role:
    try:
        return Role(field(request, "role"))
    except ValueError:
        raise _unfit("role", "Choose a role.") from None


def _name(session: Session, member: str) -> str:
    member_id = uuid_of(member)
    return members.names(session, [member_id]).get(member_id, "")


def _unfit(pointer: str, detail: str) -> Invalid:
    return Invalid([FieldError(pointer=f"/{pointer}", code="unfit", detail=detail)])
