"""`pristan keys register` and `pristan keys rewrap`: public keys of organisations.

Rewrapping encrypts the case keys that were encrypted to an older key of the organisation to its present key.
"""

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
from app.casework import referral_threads
from app.cli import member_sign_in, recovery_proof
from app.core import keyholders, sealing
from app.core.clock import utc_now
from app.core.errors import NotAllowed, NotFound
from app.core.keyholders import OwnerKind, SealingKey
from app.core.sealing import CannotOpen, KeyPair
from app.partners import organisations
from app.referrals import threads

_BATCH: Final = 50


class KeyKind(StrEnum):
    X_WING = "x-wing"
    X25519 = "x25519"


_KEMS: Final = {KeyKind.X_WING: sealing.X_WING, KeyKind.X25519: sealing.X25519}
Organisation = Annotated[str, typer.Argument(help="The organisation's slug.")]
Member = Annotated[
    str | None, typer.Option("--as", help="Sign-in name of a coordinator, to re-encrypt open cases to the new key.")
]


def register(
    organisation: Organisation,
    public_key: Annotated[
        str, typer.Argument(help="The public key in base64url, as printed by the organisation's program.")
    ],
    kind: Annotated[KeyKind, typer.Option(help="Type of the key.")] = KeyKind.X_WING,
    member: Member = None,
) -> None:
    """Register an organisation's public key. First confirm with them over another channel that the key is theirs.

    Asks for the recovery key of the network's first team: what is sealed to this key is read by whoever holds its private half.
    """
    context, now = open_app_context(), utc_now()
    try:
        raw = base64.urlsafe_b64decode(public_key + "=" * (-len(public_key) % 4))
        if sealing.kem_of(raw) != _KEMS[kind]:
            raise ValueError
        with context.database.begin() as session:
            owner = organisations.by_slug(session, organisation)
            recovery_proof.require(session)
            key = keyholders.register(session, OwnerKind.ORGANISATION, owner.id, raw, now)
            audit.record(
                session, actor_kind="operator", actor_id="-", action="organisation:key_registered",
                subject_kind="organisation", subject_id=owner.id, codes={"version": key.version, "kind": kind}, now=now,
            )  # fmt: skip
    except (ValueError, binascii.Error):
        _fail(f"This is not a public key of the type {kind}.")
    except NotFound as error:
        _fail(error.detail)
    typer.echo(f"Registered as version {key.version}. New cases are encrypted to it.")
    if member:
        _rewrap(context, key, member, now)


def rewrap(
    organisation: Organisation, member: Annotated[str, typer.Option("--as", help="Sign-in name of a coordinator.")]
) -> None:
    """Re-encrypt cases from an older key of the organisation to its present one, as far as a coordinator's team can."""
    context = open_app_context()
    with context.database.begin(write=False) as session:
        try:
            owner = organisations.by_slug(session, organisation)
        except NotFound as error:
            _fail(error.detail)
        key = keyholders.active_key(session, owner.id)
    if key is None:
        _fail("This organisation has no key.")
    _rewrap(context, key, member, utc_now())


def _rewrap(context: AppContext, key: SealingKey, member: str, now: datetime) -> None:
    team_keys, done = _team_keys(context, member, now), 0
    while True:
        with context.database.begin(write=False) as session:
            cases = rewrapping.outdated_cases(session, key, team_keys, _BATCH)
        if not cases:
            break
        count = 0
        for case_id in cases:
            with context.database.begin() as session:
                count += rewrapping.rewrap(session, context.keys, case_id, key, team_keys)
        done += count
        if not count:
            break
    _rewrap_conversations(context, key, team_keys)
    with context.database.begin() as session:
        audit.record(
            session, actor_kind="operator", actor_id=member, action="organisation:rewrapped",
            subject_kind="organisation", subject_id=key.owner_id, codes={"cases": done}, now=now,
        )  # fmt: skip
    typer.echo(f"{done} {'case' if done == 1 else 'cases'} re-encrypted to the new key.")


def _rewrap_conversations(context: AppContext, key: SealingKey, team_keys: dict[UUID, KeyPair]) -> None:
    """Re-encrypt the organisation's conversations with the team to its present key."""
    after = None
    while True:
        with context.database.begin(write=False) as session:
            outdated = threads.outdated_referrals(session, key, team_keys, _BATCH, after)
        for referral_id, team_id in outdated:
            with context.database.begin() as session:
                referral_threads.rewrap_for(session, context.keys, referral_id, team_id, team_keys)
        if len(outdated) < _BATCH:
            return
        after = outdated[-1][0]


def _team_keys(context: AppContext, member: str, now: datetime) -> dict[UUID, KeyPair]:
    """Ask a member for passphrase and one-time code and return their team keys."""
    try:
        return member_sign_in.act_as(context, member, now, lambda session, signed_in: signed_in.keys_of(session))
    except NotAllowed as error:
        _fail(str(error.detail))
    except CannotOpen:
        _fail("This member's keys cannot be decrypted.")


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
