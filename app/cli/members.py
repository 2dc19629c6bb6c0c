"""Implementation of `pristan members`, `pristan freeze` and `pristan unfreeze`, for operators of the server."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
import typer
from sqlalchemy.orm import Session

from app import audit
from app.app_context import AppContext, open_app_context
from app.core import kill_switch
from app.core.clock import utc_now
from app.core.errors import AppError, NotFound
from app.operations.team_keys import team_by_slug
from app.staff import invitations, recovery
from app.staff.invitations import Invitee
from app.staff.models import Member, Role
from app.staff.recovery import WrongKey
from app.staff.service import normalised_name


def invite_admin(name: str) -> None:
    """Print a one-time code for the first admin. Exits with 1 if there is an active admin already."""
    context = open_app_context()
    with context.database.begin() as session:
        if session.scalar(sa.select(Member.id).where(Member.role == Role.ADMIN.value, Member.active)) is not None:
            typer.echo("There is already an admin. Propose further admins at /desk/proposals.", err=True)
            raise typer.Exit(1)
        try:
            code = invitations.invite(session, context.keys, Invitee(name, Role.ADMIN), by=None, now=utc_now())
        except AppError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
    typer.echo(f"Code to enter at /desk/join within three days: {code}")


def invite(name: str, team: str, *, senior: bool) -> None:
    """Print a one-time code for a new coordinator. Exits with 1 without the recovery key of the team, or if the name is taken."""
    with _with_recovery_key() as (context, session, seed):
        team_id = team_by_slug(session, team)
        recovery.check_holds_key_of(session, seed, team_id)
        seat = Invitee(name, Role.SENIOR if senior else Role.COORDINATOR, team_id=team_id)
        code = invitations.invite(session, context.keys, seat, by=None, now=utc_now())
    typer.echo(f"Code to enter at /desk/join within three days: {code}")


def let_return(name: str) -> None:
    """Print a one-time code for a member who lost their sign-in.

    Exits with 1 without the recovery key of their team or organisation.
    """
    with _with_recovery_key() as (context, session, seed):
        member = session.scalars(sa.select(Member).where(Member.name == normalised_name(name))).one_or_none()
        if member is None:
            raise NotFound("There is no member of this name.")
        recovery.check_holds_key_of(session, seed, member.team_id or member.organisation_id)
        code = invitations.invite_back(session, context.keys, member, by=None, now=utc_now())
    typer.echo(f"Code to enter at /desk/join within three days: {code}")
    typer.echo("The member's keys are gone when the code is used; pristan recover grants them again.")


@contextmanager
def _with_recovery_key() -> Iterator[tuple[AppContext, Session, bytes]]:
    """A transaction for somebody who types the recovery key. Exits with 1 for any other key, and if what follows is refused."""
    context = open_app_context()
    try:
        seed = recovery.parse_key(typer.prompt("Recovery key", hide_input=True))
        with context.database.begin() as session:
            recovery.key_of(session, seed)
            yield context, session, seed
    except (AppError, WrongKey) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def turn_freeze(*, on: bool) -> None:
    """Set or clear the kill switch for reading by partners; recorded in the audit chain when it changes."""
    now = utc_now()
    with open_app_context().database.begin() as session:
        if kill_switch.set_switch(session, kill_switch.FREEZE, on=on, by=None, now=now):
            audit.record(
                session, actor_kind="console", actor_id="-", action="freeze:on" if on else "freeze:off",
                subject_kind="switch", subject_id=kill_switch.FREEZE, now=now,
            )  # fmt: skip
    typer.echo("Partners can no longer read cases." if on else "Partners can read cases again.")
