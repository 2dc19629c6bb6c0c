"""`pristan clients`: OAuth clients of the API, and the rotation of their credentials without downtime."""

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
from app.cli import files
from app.core.clock import utc_now
from app.core.errors import AppError
from app.partners import assertions, credentials, organisations
from app.partners import oauth_clients as partners
from app.partners.assertions import BadJwk, PublicKey
from app.partners.models import ClientCredential, OAuthClient

clients_app = typer.Typer(no_args_is_help=True, help="Manage API clients and their credentials.")

ClientId = Annotated[str, typer.Argument(help="The client's id.")]
Jwk = Annotated[
    Path | None, typer.Option("--jwk", help="File with a public JWK or JWK Set (Ed25519, P-256), in place of a secret.")
]


@contextmanager
def _transaction() -> Iterator[tuple[AppContext, Session, datetime]]:
    """The context, one database transaction and the current time; errors are printed and end with exit code 1."""
    context = open_app_context()
    try:
        with context.database.begin() as session:
            yield context, session, utc_now()
    except (AppError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@clients_app.command()
def add(
    client_id: ClientId,
    name: Annotated[str, typer.Option(help="Short description: whose program this is.")],
    scopes: Annotated[str, typer.Option(help="Scopes separated by spaces.")],
    organisation: Annotated[str | None, typer.Option(help="Slug of the organisation that the client acts for.")] = None,
    jwk: Jwk = None,
) -> None:
    """Add a client. Prints its secret once, unless it signs with its own key."""
    public = _public_keys(jwk)
    with _transaction() as (context, session, now):
        owner = organisations.by_slug(session, organisation) if organisation else None
        secret = partners.add_client(
            session, context.keys, client_id, name, scopes.split(), now,
            organisation_id=owner.id if owner else None, public_keys=public,
        )  # fmt: skip
        _record(session, client_id, "client:added", now)
    _print_secret(secret)


@clients_app.command()
def rotate(
    client_id: ClientId,
    keep_old: Annotated[float, typer.Option(help="Days for which the present credentials stay valid.")] = 7.0,
    jwk: Jwk = None,
) -> None:
    """Issue a new secret (or add a key). The present credentials stay valid for some days."""
    public = _public_keys(jwk)
    with _transaction() as (context, session, now):
        for credential in credentials.active_credentials(session, client_id, now):
            if keep_old <= 0:
                credentials.end(session, client_id, credential.slot, now)
                continue
            ends = now + timedelta(days=keep_old)
            credentials.expire(session, client_id, credential.slot, min(ends, credential.ends_at or ends))
        credentials.add_keys(session, client_id, public, now)
        secret = "" if public else credentials.add_secret(session, context.keys, client_id, now)
        _record(session, client_id, "client:rotated", now)
    _print_secret(secret)


@clients_app.command()
def end(
    client_id: ClientId, slot: Annotated[int, typer.Option(help="Slot of the credential, 1 or 2, as shown by `list`.")]
) -> None:
    """Revoke one credential immediately, and every token that the client has."""
    with _transaction() as (_house, session, now):
        credentials.end(session, client_id, slot, now)
        _record(session, client_id, "client:credential_ended", now)


@clients_app.command("switch-off")
def switch_off(client_id: ClientId) -> None:
    """Deactivate a client: its credentials and its tokens stop working immediately."""
    with _transaction() as (_house, session, now):
        partners.deactivate(session, client_id)
        _record(session, client_id, "client:switched_off", now)


@clients_app.command("list")
def list_clients() -> None:
    """List the clients with the kind and validity of their credentials. Secrets cannot be shown again."""
    context, now = open_app_context(), utc_now()
    with context.database.begin(write=False) as session:
        for client in session.scalars(sa.select(OAuthClient).order_by(OAuthClient.id)):
            typer.echo(f"{client.id}  {'' if client.active else '(off)  '}{' '.join(client.scopes)}")
            for credential in credentials.credentials_of(session, client.id):
                typer.echo(f"  {credential.slot}  {_credential_line(credential, now)}")


def _credential_line(credential: ClientCredential, now: datetime) -> str:
    until = (
        ""
        if credential.ends_at is None
        else f", {'ended' if credential.ends_at <= now else 'ends'} {credential.ends_at:%Y-%m-%d %H:%M}"
    )
    return f"{credential.kind}{f' {credential.kid}' if credential.kid else ''}, since {credential.created_at:%Y-%m-%d}{until}"


def _public_keys(jwk: Path | None) -> list[PublicKey]:
    """The public keys in a JWK file, or none without a file. Exits with 2."""
    if jwk is None:
        return []
    document = files.json_document(jwk)
    if not isinstance(document, dict):
        files.refuse(jwk, "it is no JWK and no JWK Set")
    try:
        return assertions.public_keys(document)
    except BadJwk as error:
        files.refuse(jwk, str(error))


def _record(session: Session, client_id: str, action: str, now: datetime) -> None:
    audit.record(
        session,
        actor_kind="operator",
        actor_id="-",
        action=action,
        subject_kind="client",
        subject_id=client_id,
        now=now,
    )


def _print_secret(secret: str) -> None:
    if secret:
        typer.echo("The client secret. It is shown only once and is not stored:")
        typer.echo(secret)
