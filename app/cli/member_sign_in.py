"""Signing in as a member from a command, for what only a member's key opens."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import typer
from sqlalchemy.orm import Session

from app.app_context import AppContext
from app.core.errors import NotAllowed
from app.staff import service as staff
from app.staff import sessions
from app.staff.service import SecondFactor
from app.staff.sessions import SignedIn

T = TypeVar("T")


def act_as(context: AppContext, member: str, now: datetime, act: Callable[[Session, SignedIn], T]) -> T:
    """Ask for passphrase and one-time code, and do `act` as this member, in one transaction; the session is closed again.

    A failed try counts like one at the page. Raises NotAllowed: a wrong name, passphrase or code; and what `act` raises.
    """
    passphrase = typer.prompt("Passphrase", hide_input=True, err=True)
    code: str = typer.prompt("One-time code", err=True)
    with context.database.begin(write=False) as session:
        tried = staff.begin_sign_in(session, member)
    seed = staff.open_seed(context.keys, tried, passphrase)
    with context.database.begin() as session:
        secret = staff.complete_sign_in(session, context.keys, tried, seed, SecondFactor(code=code), now)
    if secret is None:
        raise NotAllowed("The name, passphrase or one-time code is wrong.")
    settings = context.settings
    try:
        with context.database.begin() as session:
            signed_in = sessions.signed_in(
                session, secret, now, idle=settings.session_idle, max_age=settings.session_max
            )
            return act(session, signed_in)
    finally:
        with context.database.begin() as session:
            sessions.sign_out(session, secret)
