"""Implementation of `pristan rules sets|propose|publish|reject|withdraw`.

As on the desk's pages, two people are needed: the member who runs the command signs in with passphrase and one-time code.
"""

from datetime import date
from pathlib import Path
from typing import NoReturn
from uuid import UUID

import typer

from app.app_context import AppContext, open_app_context
from app.cli import files
from app.core.clock import utc_now
from app.core.errors import AppError, Invalid
from app.directory import published, rule_sets
from app.directory.rule_sets import RuleSetVerb
from app.matching import publication
from app.staff import service as staff
from app.staff import sessions
from app.staff.models import Role


def sets() -> None:
    """Print all proposed rule sets, newest first, and mark the one in force."""
    context = open_app_context()
    with context.database.begin(write=False) as session:
        in_force = rule_sets.published(session, utc_now().date())
        for row in rule_sets.proposals(session):
            suffix = "  in force" if in_force and row.id == in_force[0] else ""
            typer.echo(
                f"{row.id}  {row.state:<10}  from {row.effective_on}  {len(row.changed)} services  {row.why}{suffix}"
            )
    if in_force is None:
        typer.echo("The rules of the country packs are in force.")


def propose(file: Path, member_name: str, why: str, first_day: date) -> None:
    """Propose the rules in a file, in force from `first_day`. Exits with 2 if they are refused."""
    text = files.text(file)
    context = open_app_context()
    by = _signed_in(context, member_name)
    try:
        with context.database.begin() as session:
            base = published.without_rules(session, context.directory)
            content = publication.read(text, rule_sets.with_last_set(session, base))
            rule_set = publication.propose(
                session, base, content, effective_on=first_day, why=why, by=by, now=utc_now()
            )
            summary = f"{rule_set.id}  {', '.join(rule_set.changed)}"
    except AppError as error:
        _fail(error)
    typer.echo(f"Proposed: {summary}")


def decide(verb: str, rule_set_id: str, member_name: str) -> None:
    """Publish, reject or withdraw a rule set. Exits with 2 if this is refused."""
    context = open_app_context()
    by = _signed_in(context, member_name)
    try:
        with context.database.begin() as session:
            base = published.without_rules(session, context.directory)
            rule_set = publication.decide(session, base, UUID(rule_set_id), RuleSetVerb(verb), by=by, now=utc_now())
            summary, first_day = rule_set.state, rule_set.effective_on
    except ValueError:
        _fail("This is not the id of a rule set.")
    except AppError as error:
        _fail(error)
    typer.echo(f"The rule set is now {summary}.{_start_text(first_day) if summary == 'published' else ''}")


def _start_text(day: date) -> str:
    return f" In force from {day}, 0:00 UTC."


def _signed_in(context: AppContext, name: str) -> UUID:
    """Ask for passphrase and one-time code and return the id of the senior or admin. The session is closed again."""
    passphrase = str(typer.prompt("Passphrase", hide_input=True))
    code = str(typer.prompt("One-time code"))
    settings = context.settings
    with context.database.begin(write=False) as session:
        sign_in = staff.begin_sign_in(session, name)
    seed = staff.open_seed(context.keys, sign_in, passphrase)
    with context.database.begin() as session:
        secret = staff.complete_sign_in(session, context.keys, sign_in, seed, staff.SecondFactor(code), utc_now())
        member = None
        if secret is not None:
            member = sessions.signed_in(
                session, secret, utc_now(), idle=settings.session_idle, max_age=settings.session_max
            )
            sessions.sign_out(session, secret)
    if member is None:
        _fail("The name, passphrase or one-time code is wrong.")
    if member.role not in {Role.SENIOR, Role.ADMIN}:
        _fail("Only seniors and admins may do this.")
    return member.member_id


def _fail(error: AppError | str) -> NoReturn:
    if isinstance(error, Invalid):
        for problem in error.errors:
            typer.echo(problem["detail"], err=True)
    else:
        typer.echo(error if isinstance(error, str) else error.detail or error.title, err=True)
    raise typer.Exit(2)
