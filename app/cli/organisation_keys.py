"""Public keys of organisations: registered by the network, and what was sealed to an older one sealed anew."""

import base64
import binascii
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, NoReturn
from uuid import UUID

import typer

from app import audit
from app.app_context import AppContext, open_app_context
from app.cases import rewrapping
from app.core import keyholders, sealing
from app.core.clock import utc_now
from app.core.errors import NotFound
from app.core.keyholders import OwnerKind, SealingKey
from app.core.sealing import CannotOpen, KeyPair
from app.partners import organisations
from app.staff import service as staff
from app.staff import sessions
from app.staff.service import SecondFactor

_BATCH: Final = 50


class Kind(StrEnum):
    X_WING = "x-wing"
    X25519 = "x25519"


_KEMS: Final = {Kind.X_WING: sealing.X_WING, Kind.X25519: sealing.X25519}
Organisation = Annotated[str, typer.Argument(help="The organisation's slug.")]
Member = Annotated[str | None, typer.Option("--as", help="Sign-in name of a coordinator who seals anew what is open.")]


def register(
    organisation: Organisation,
    public_key: Annotated[str, typer.Argument(help="Its public key in base64url, as its program printed it.")],
    kind: Annotated[Kind, typer.Option(help="What kind of key that is.")] = Kind.X_WING,
    member: Member = None,
) -> None:
    """Make this the organisation's key. Ask them by another channel whether it is theirs before you do."""
    house, now = open_app_context(), utc_now()
    try:
        raw = base64.urlsafe_b64decode(public_key + "=" * (-len(public_key) % 4))
        if sealing.kem_of(raw) != _KEMS[kind]:
            raise ValueError
        with house.database.begin() as session:
            owner = organisations.by_slug(session, organisation)
            key = keyholders.register(session, OwnerKind.ORGANISATION, owner.id, raw, now)
            audit.record(
                session, actor_kind="operator", actor_id="-", action="organisation:key_registered",
                subject_kind="organisation", subject_id=owner.id, codes={"version": key.version, "kind": kind}, now=now,
            )  # fmt: skip
    except (ValueError, binascii.Error):
        _fail(f"This is no {kind} public key.")
    except NotFound as error:
        _fail(error.detail)
    typer.echo(f"Registered as version {key.version}. New cases are sealed to it.")
    if member:
        _rewrap(house, key, member, now)


def rewrap(organisation: Organisation, member: Annotated[str, typer.Option("--as", help="A coordinator.")]) -> None:
    """Seal to the organisation's present key what was sealed to an older one, as far as a coordinator's team can."""
    house = open_app_context()
    with house.database.begin(write=False) as session:
        try:
            owner = organisations.by_slug(session, organisation)
        except NotFound as error:
            _fail(error.detail)
        key = keyholders.active_key(session, owner.id)
    if key is None:
        _fail("This organisation has no key.")
    _rewrap(house, key, member, utc_now())


def _rewrap(house: AppContext, key: SealingKey, member: str, now: datetime) -> None:
    team_keys, done = _unlocked(house, member, now), 0
    while True:
        with house.database.begin(write=False) as session:
            cases = rewrapping.outdated_cases(session, key, team_keys, _BATCH)
        if not cases:
            break
        moved = 0
        for case_id in cases:
            with house.database.begin() as session:
                moved += rewrapping.rewrap(session, house.keys, case_id, key, team_keys)
        done += moved
        if not moved:
            break
    with house.database.begin() as session:
        audit.record(
            session, actor_kind="operator", actor_id=member, action="organisation:rewrapped",
            subject_kind="organisation", subject_id=key.owner_id, codes={"cases": done}, now=now,
        )  # fmt: skip
    typer.echo(f"{done} case(s) are sealed to the new key.")


def _unlocked(house: AppContext, member: str, now: datetime) -> dict[UUID, KeyPair]:
    """The team keys of somebody who signs in here and now. Their session ends with the command."""
    passphrase = typer.prompt("Passphrase", hide_input=True)
    code: str = typer.prompt("One-time code")
    with house.database.begin(write=False) as session:
        tried = staff.begin_sign_in(session, member)
    seed = staff.open_seed(house.keys, tried, passphrase)
    with house.database.begin() as session:
        secret = staff.complete_sign_in(session, house.keys, tried, seed, SecondFactor(code=code), now)
    if secret is None:
        _fail("Not signed in.")
    with house.database.begin() as session:
        settings = house.settings
        who = sessions.signed_in(session, secret, now, idle=settings.session_idle, max_age=settings.session_max)
        try:
            return who.keys_of(session)
        except CannotOpen:
            _fail("This member's keys can not be opened.")
        finally:
            sessions.sign_out(session, secret)


def _fail(words: str) -> NoReturn:
    typer.echo(words, err=True)
    raise typer.Exit(1)
