"""Members of a team or of an organisation: list, proposed seats and roles, key grants, deactivation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed, NotFound
from app.core.i18n import LANGUAGES, N_
from app.partners import organisations
from app.partners.organisations import Organisation
from app.staff import access_changes, members
from app.staff.invitations import Invitee
from app.staff.models import Role, Team
from app.staff.sessions import SignedIn
from app.web.account.my_settings import uuid_of
from app.web.account.policies import Member, MemberEvenFrozen, TeamOrAdmin
from app.web.components import staff_pages
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/members")
partner_router = APIRouter(prefix="/partner/members")

Id = Annotated[str, Path(max_length=36)]


@router.get("", name="members")
def show_members(request: Request, caller: TeamOrAdmin, session: ReadDb, now: Now) -> Response:
    return members_page(request, caller, session, now)


@router.post("/invite", name="invite_member")
def invite(request: Request, caller: TeamOrAdmin, session: Db, keys: Keys, now: Now) -> Response:
    """Propose a new member. An auditor, who never holds a key, is invited immediately; the code is shown only on this page."""
    try:
        seat, place = _seat_of_form(session, request, caller)
        if seat.role is Role.AUDITOR:
            return code_page(request, seat.name, members.invite_auditor(session, keys, caller, seat, now))
        access_changes.propose_member(session, caller, seat, place, now)
    except (Invalid, Conflict) as error:
        return members_page(request, caller, session, now, wrong=error)
    return staff_pages.redirect("/desk/proposals?done=proposed")


@router.post("/{member}/return", name="let_member_return")
def propose_return(member: Id, caller: TeamOrAdmin, session: Db, now: Now) -> Response:
    """Propose a way back for a member who lost their passphrase or code app."""
    access_changes.propose_return(session, caller, uuid_of(member), now)
    return staff_pages.redirect("/desk/proposals?done=proposed")


@router.post("/{member}/grant", name="grant_key")
def grant(member: Id, request: Request, caller: TeamOrAdmin, session: Db, now: Now) -> Response:
    members.grant(session, caller, uuid_of(member), now, key_id=_shown_key(request))
    return staff_pages.redirect("/desk/members?done=granted")


@router.post("/{member}/propose-grant", name="propose_grant")
def propose_grant(member: Id, request: Request, caller: TeamOrAdmin, session: Db, now: Now) -> Response:
    access_changes.propose_grant(session, caller, uuid_of(member), now, key_id=_shown_key(request))
    return staff_pages.redirect("/desk/proposals?done=proposed")


@router.post("/{member}/let-in", name="let_member_in")
def restore_access(member: Id, caller: TeamOrAdmin, session: Db, now: Now) -> Response:
    members.restore_access(session, caller, uuid_of(member), now)
    return staff_pages.redirect("/desk/members?done=let_in")


@router.post("/{member}/role", name="change_role")
def change_role(member: Id, request: Request, caller: TeamOrAdmin, session: Db, now: Now) -> Response:
    """Propose that a coordinator becomes a senior, or make a senior a coordinator without a proposal."""
    if _role(request) is Role.COORDINATOR:
        members.make_coordinator(session, caller, uuid_of(member), now)
        return staff_pages.redirect("/desk/members?done=role_changed")
    if _role(request) is not Role.SENIOR:
        raise NotAllowed("Only coordinator and senior can be exchanged. For any other role, send a new invitation.")
    access_changes.propose_senior(session, caller, uuid_of(member), now)
    return staff_pages.redirect("/desk/proposals?done=proposed")


@router.post("/{member}/deactivate", name="deactivate_member")
def deactivate(member: Id, caller: TeamOrAdmin, session: Db, now: Now) -> Response:
    members.deactivate(session, caller, uuid_of(member), now)
    return staff_pages.redirect("/desk/members?done=deactivated")


# --- members of an organisation -------------------------------------------------------------------------------------


@partner_router.get("", name="partner_members")
def show_partner_members(request: Request, caller: MemberEvenFrozen, session: ReadDb, now: Now) -> Response:
    return members_page(request, caller, session, now)


@partner_router.post("/invite", name="invite_partner_member")
def invite_partner(request: Request, caller: Member, session: Db, now: Now) -> Response:
    """Propose a new member of the organisation."""
    try:
        seat = Invitee(new_name(request), Role.PARTNER, organisation_id=caller.organisation_id)
        access_changes.propose_member(session, caller, seat, own_slug(session, caller), now)
    except (Invalid, Conflict) as error:
        return members_page(request, caller, session, now, wrong=error)
    return staff_pages.redirect("/partner/proposals?done=proposed")


@partner_router.post("/{member}/return", name="let_partner_return")
def propose_partner_return(member: Id, caller: Member, session: Db, now: Now) -> Response:
    access_changes.propose_return(session, caller, uuid_of(member), now)
    return staff_pages.redirect("/partner/proposals?done=proposed")


@partner_router.post("/{member}/propose-grant", name="propose_partner_grant")
def propose_partner_grant(member: Id, request: Request, caller: Member, session: Db, now: Now) -> Response:
    access_changes.propose_grant(session, caller, uuid_of(member), now, key_id=_shown_key(request))
    return staff_pages.redirect("/partner/proposals?done=proposed")


@partner_router.post("/{member}/grant", name="grant_partner_key")
def grant_partner(member: Id, request: Request, caller: Member, session: Db, now: Now) -> Response:
    members.grant(session, caller, uuid_of(member), now, key_id=_shown_key(request))
    return staff_pages.redirect("/partner/members?done=granted")


@partner_router.post("/{member}/let-in", name="let_partner_in")
def restore_partner_access(member: Id, caller: Member, session: Db, now: Now) -> Response:
    members.restore_access(session, caller, uuid_of(member), now)
    return staff_pages.redirect("/partner/members?done=let_in")


@partner_router.post("/{member}/deactivate", name="deactivate_partner")
def deactivate_partner(member: Id, caller: MemberEvenFrozen, session: Db, now: Now) -> Response:
    members.deactivate(session, caller, uuid_of(member), now)
    return staff_pages.redirect("/partner/members?done=deactivated")


# --- helpers ---------------------------------------------------------------------------------------------------------


def members_page(
    request: Request,
    caller: SignedIn,
    session: Session,
    now: datetime,
    *,
    wrong: Invalid | Conflict | None = None,
    first: str = "name",
) -> Response:
    """The page of members. `wrong`: why its form was refused; what was typed is shown again, with the error at its field.

    `first`: the field at which a conflict is shown.
    """
    if wrong is not None:
        session.rollback()
    colleagues, all_teams = members.colleagues(session, caller, now), teams(session)
    return staff_pages.page(
        request,
        "account/members.html",
        status=422 if wrong else 200,
        base="/partner/members" if caller.role is Role.PARTNER else "/desk/members",
        colleagues=colleagues,
        teams={team.id: team.name for team in all_teams},
        slugs={team.id: team.slug for team in all_teams},
        organisations=organisations.names(
            session, [colleague.organisation_id for colleague in colleagues if colleague.organisation_id]
        ),
        connectable=centres(session) if caller.role is Role.ADMIN else [],
        roles=sorted(role.value for role in members.INVITES.get(caller.role, ())),
        mine={colleague.id: colleague for colleague in colleagues}.get(caller.member_id),
        by_one=members.seated_by_one(session, colleagues),
        typed=typed_again(request) if wrong else {},
        errors=errors_by_field(wrong, first) if wrong else {},
    )


def typed_again(request: Request) -> dict[str, str]:
    """What was sent with a form, by field, to be shown in it again."""
    return {name: field_value(request.state.form, name) for name in request.state.form if name != "csrf"}


def errors_by_field(error: Invalid | Conflict, first: str) -> dict[str, str]:
    """The sentences about a form by the field they belong to; a conflict belongs to the field `first`."""
    if isinstance(error, Conflict):
        return {first: error.detail}
    return {entry["pointer"].strip("/"): entry["detail"] for entry in error.errors}


def _shown_key(request: Request) -> UUID | None:
    """The member's own key whose fingerprint the page showed; None for anything else, which matches no member's key."""
    try:
        return UUID(field_value(request.state.form, "key"))
    except ValueError:
        return None


def code_page(request: Request, name: str, code: str, *, language: str = "", new_team: bool = False) -> Response:
    """The code of an invitation, shown once. `language`: in which the link opens; `new_team`: the team has no key to grant yet."""
    join = f"{str(request.app.state.settings.base_url).rstrip('/')}/desk/join"
    if language in LANGUAGES:
        join += f"?language={language}"
    return staff_pages.page(request, "account/invited.html", name=name, code=code, join=join, new_team=new_team)


def teams(session: Session) -> Sequence[Team]:
    return session.scalars(sa.select(Team).order_by(Team.name)).all()


def centres(session: Session) -> list[tuple[str, str]]:
    """Slug and name of every organisation that can have members."""
    rows = session.execute(
        sa.select(Organisation.slug, Organisation.name)
        .where(Organisation.kind == "centre", Organisation.retired_at.is_(None))
        .order_by(Organisation.name)
    )
    return [(row.slug, row.name) for row in rows]


def _seat_of_form(session: Session, request: Request, caller: SignedIn) -> tuple[Invitee, str]:
    """The seat in the form, and the slug of its place; a senior invites to their own team.

    Raises Invalid.
    """
    name, role = new_name(request), _role(request)
    if role in {Role.COORDINATOR, Role.SENIOR}:
        team_id = caller.team_id or _team(session, field_value(request.state.form, "team"))
        return Invitee(name, role, team_id=team_id), session.get_one(Team, team_id).slug
    if role is Role.PARTNER:
        organisation_id, slug = chosen_organisation(session, request)
        return Invitee(name, role, organisation_id=organisation_id), slug
    return Invitee(name, role), ""


def chosen_organisation(session: Session, request: Request) -> tuple[UUID, str]:
    """The id and the slug of the organisation chosen in the form. Raises Invalid."""
    try:
        organisation = organisations.by_slug(session, field_value(request.state.form, "organisation"))
    except NotFound:
        raise _invalid("organisation", N_("Choose an organisation.")) from None
    return organisation.id, organisation.slug


def own_slug(session: Session, member: SignedIn) -> str:
    """The slug of the member's own organisation. Raises NotFound."""
    if member.organisation_id is None:
        raise NotFound
    return organisations.by_id(session, member.organisation_id).slug


def _team(session: Session, slug: str) -> UUID:
    team_id = session.scalar(sa.select(Team.id).where(Team.slug == slug))
    if team_id is None:
        raise _invalid("team", N_("Choose a team."))
    return team_id


def new_name(request: Request) -> str:
    """The sign-in name in the form. Raises Invalid."""
    name = field_value(request.state.form, "name").strip()
    if not 2 <= len(name) <= 64 or not all(character.isalnum() or character in " .-_" for character in name):
        raise _invalid("name", N_("A sign-in name must have 2 to 64 letters, digits, dots or hyphens."))
    return name


def _role(request: Request) -> Role:
    try:
        return Role(field_value(request.state.form, "role"))
    except ValueError:
        raise _invalid("role", N_("Choose a role.")) from None


def _invalid(pointer: str, detail: str) -> Invalid:
    return Invalid([FieldError(pointer=f"/{pointer}", code="unfit", detail=detail)])
