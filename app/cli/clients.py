"""Programs that call the API: add one, and change what it proves itself by without a minute in which it can not sign in."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer
from sqlalchemy.orm import Session

from app import audit
from app.app_context import AppContext, open_app_context
from app.core.clock import utc_now
from app.core.errors import AppError
from app.partners import assertions, credentials, organisations
from app.partners import oauth_clients as partners
from app.partners.assertions import PublicKey
from app.partners.models import ClientCredential, OAuthClient

clients_app = typer.Typer(no_args_is_help=True, help="Programs that call the API, and their credentials.")

ClientId = Annotated[str, typer.Argument(help="The client's id.")]
Jwk = Annotated[
    Path | None, typer.Option("--jwk", help="A public JWK or JWK Set (Ed25519, P-256), instead of a secret.")
]


@contextmanager
def _writing() -> Iterator[tuple[AppContext, Session, datetime]]:
    """One transaction; an error of the family becomes a sentence and exit code 1."""
    house = open_app_context()
    try:
        with house.database.begin() as session:
            yield house, session, utc_now()
    except (AppError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@clients_app.command()
def add(
    client_id: ClientId,
    name: Annotated[str, typer.Option(help="Whose program this is, in a few words.")],
    scopes: Annotated[str, typer.Option(help="Scopes separated by spaces.")],
    organisation: Annotated[str | None, typer.Option(help="Slug of the organisation it speaks for.")] = None,
    jwk: Jwk = None,
) -> None:
    """Add a program. Prints its secret once, unless it signs with a key of its own."""
    with _writing() as (house, session, now):
        owner = organisations.by_slug(session, organisation) if organisation else None
        secret = partners.add_client(
            session, house.keys, client_id, name, scopes.split(), now,
            organisation_id=owner.id if owner else None, public_keys=_read(jwk),
        )  # fmt: skip
        _note(session, client_id, "client:added", now)
    _show(secret)


@clients_app.command()
def rotate(
    client_id: ClientId,
    keep_old: Annotated[float, typer.Option(help="Days for which what it has now still works.")] = 7.0,
    jwk: Jwk = None,
) -> None:
    """Give it a new secret (or key) beside the one it has, which ends after some days."""
    with _writing() as (house, session, now):
        for row in credentials.active_credentials(session, client_id, now):
            ends = now + timedelta(days=keep_old)
            credentials.expire(session, client_id, row.slot, min(ends, row.ends_at or ends))
        public = _read(jwk)
        credentials.add_keys(session, client_id, public, now)
        secret = "" if public else credentials.add_secret(session, house.keys, client_id, now)
        _note(session, client_id, "client:rotated", now)
    _show(secret)


@clients_app.command()
def end(client_id: ClientId, slot: Annotated[int, typer.Option(help="1 or 2, as `list` shows it.")]) -> None:
    """End one credential now."""
    with _writing() as (_house, session, now):
        credentials.expire(session, client_id, slot, now)
        _note(session, client_id, "client:credential_ended", now)


@clients_app.command("switch-off")
def switch_off(client_id: ClientId) -> None:
    """Nothing it has opens anything from now on, its tokens neither."""
    with _writing() as (_house, session, now):
        partners.deactivate(session, client_id)
        _note(session, client_id, "client:switched_off", now)


@clients_app.command("list")
def list_clients() -> None:
    """Each program with its credentials: kind, since when, until when. No secret can be shown again."""
    house, now = open_app_context(), utc_now()
    with house.database.begin(write=False) as session:
        for client in session.scalars(sa.select(OAuthClient).order_by(OAuthClient.id)):
            typer.echo(f"{client.id}  {'' if client.active else '(off)  '}{' '.join(client.scopes)}")
            for row in credentials.credentials_of(session, client.id):
                typer.echo(f"  {row.slot}  {_told(row, now)}")


def _told(row: ClientCredential, now: datetime) -> str:
    until = "" if row.ends_at is None else f", {'ended' if row.ends_at <= now else 'ends'} {row.ends_at:%Y-%m-%d %H:%M}"
    return f"{row.kind}{f' {row.kid}' if row.kid else ''}, since {row.created_at:%Y-%m-%d}{until}"


def _read(jwk: Path | None) -> list[PublicKey]:
    """Raises ValueError."""
    return assertions.public_keys(json.loads(jwk.read_text(encoding="utf-8"))) if jwk else []


def _note(session: Session, client_id: str, action: str, now: datetime) -> None:
    audit.record(
        session,
        actor_kind="operator",
        actor_id="-",
        action=action,
        subject_kind="client",
        subject_id=client_id,
        now=now,
    )


def _show(secret: str) -> None:
    if secret:
        typer.echo("The secret. It is shown once and kept nowhere:")
        typer.echo(secret)
