"""What `pristan rules sets|propose|publish|reject|withdraw` do: rule sets from a terminal, by people who sign in there.

The same verbs as the desk's pages, with the same two people: whoever runs the command proves who they are.
"""

from datetime import date
from pathlib import Path
from typing import NoReturn
from uuid import UUID

import typer

from app.app_context import AppContext, open_app_context
from app.core.clock import utc_now
from app.core.errors import AppError, Invalid
from app.directory import published, rule_sets
from app.directory.rule_sets import RuleSetVerb
from app.matching import publication
from app.staff import service as staff
from app.staff import sessions
from app.staff.models import Role


def sets() -> None:
    """The rule sets that were proposed, the newest first, and which one is in force."""
    house = open_app_context()
    with house.database.begin(write=False) as session:
        in_force = rule_sets.published(session, utc_now().date())
        for row in rule_sets.proposals(session):
            mark = "  in force" if in_force and row.id == in_force[0] else ""
            typer.echo(
                f"{row.id}  {row.state:<10}  from {row.effective_on}  {len(row.changed)} services  {row.why}{mark}"
            )
    if in_force is None:
        typer.echo("The rules of the country packs are in force.")


def propose(file: Path, who: str, why: str, first: date) -> None:
    """Ask for other rules."""
    house = open_app_context()
    by = _signed_in(house, who)
    try:
        with house.database.begin() as session:
            base = published.without_rules(session, house.directory)
            content = publication.read(file.read_text(encoding="utf-8"), rule_sets.with_last_set(session, base))
            made = publication.propose(session, base, content, effective_on=first, why=why, by=by, now=utc_now())
            told = f"{made.id}  {', '.join(made.changed)}"
    except (OSError, UnicodeError) as error:
        _refused(f"{file.name}: {type(error).__name__}")
    except AppError as error:
        _refused(error)
    typer.echo(f"Proposed: {told}")


def decide(verb: str, which: str, who: str) -> None:
    """Publish, reject or withdraw."""
    house = open_app_context()
    by = _signed_in(house, who)
    try:
        with house.database.begin() as session:
            base = published.without_rules(session, house.directory)
            made = publication.decide(session, base, UUID(which), RuleSetVerb(verb), by=by, now=utc_now())
            told, first = made.state, made.effective_on
    except ValueError:
        _refused("This is no id of a rule set.")
    except AppError as error:
        _refused(error)
    typer.echo(f"It is {told}.{_from(first) if told == 'published' else ''}")


def _from(day: date) -> str:
    return f" In force from {day}, 0:00 UTC."


def _signed_in(house: AppContext, name: str) -> UUID:
    """Passphrase and one-time code, asked for here; the session they open is closed at once."""
    passphrase = str(typer.prompt("Passphrase", hide_input=True))
    code = str(typer.prompt("One-time code"))
    settings = house.settings
    with house.database.begin(write=False) as session:
        tried = staff.begin_sign_in(session, name)
    seed = staff.open_seed(house.keys, tried, passphrase)
    with house.database.begin() as session:
        secret = staff.complete_sign_in(session, house.keys, tried, seed, staff.SecondFactor(code), utc_now())
        who = None
        if secret is not None:
            who = sessions.signed_in(
                session, secret, utc_now(), idle=settings.session_idle, max_age=settings.session_max
            )
            sessions.sign_out(session, secret)
    if who is None:
        _refused("Name, passphrase or code is wrong.")
    if who.role not in {Role.SENIOR, Role.ADMIN}:
        _refused("This is for seniors and admins.")
    return who.member_id


def _refused(error: AppError | str) -> NoReturn:
    if isinstance(error, Invalid):
        for fault in error.errors:
            typer.echo(fault["detail"], err=True)
    else:
        typer.echo(error if isinstance(error, str) else error.detail or error.title, err=True)
    raise typer.Exit(2)
