"""Implementation of `pristan members invite-admin`, `pristan freeze` and `pristan unfreeze`, for operators of the server."""

import sqlalchemy as sa
import typer

from app import audit
from app.app_context import open_app_context
from app.core import kill_switch
from app.core.clock import utc_now
from app.core.errors import AppError
from app.staff import invitations
from app.staff.invitations import Invitee
from app.staff.models import Member, Role


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
