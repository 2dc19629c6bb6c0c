"""Programs of organisations that call the API: adding one or its secret takes two people, switching it off takes one.

The secret is shown once, to the admin who carries the proposal out. The organisation sees each proposal while it waits, and can
stop it. A program opens no sealed part without the organisation's private key, but it answers offers in its name.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.core.errors import Conflict, FieldError, Invalid, NotFound
from app.core.i18n import N_
from app.core.keyring import KeyRing
from app.partners import credentials, oauth_clients, organisations
from app.partners.models import ClientCredential, OAuthClient
from app.partners.oauth_clients import CLIENT_ID, SCOPES
from app.partners.organisations import Organisation
from app.staff import proposals
from app.staff.models import Proposal
from app.staff.proposal_rules import ProposalKind, ProposalSubject
from app.staff.sessions import SignedIn

OF_ORGANISATION: Final = tuple(scope for scope in SCOPES if scope != "intakes:create")
"""What a program of an organisation may be allowed; filing intakes is for front ends."""
OLD_SECRET_LASTS: Final = timedelta(days=7)
"""How long the present secrets go on after a new one was made."""


class Act(StrEnum):
    ADD = "add"
    ROTATE = "rotate"


@dataclass(frozen=True, slots=True)
class Program:
    """A program with its organisation's name and all its credentials, including ended ones."""

    client: OAuthClient
    organisation: str
    credentials: Sequence[ClientCredential]

    def is_active(self, credential: ClientCredential, now: datetime) -> bool:
        return self.client.active and (credential.ends_at is None or credential.ends_at > now)


def programs(session: Session) -> list[Program]:
    """All programs of organisations, by organisation and id; without the sandbox and front ends."""
    rows = session.execute(
        sa.select(OAuthClient, Organisation.name)
        .join(Organisation, Organisation.id == OAuthClient.organisation_id)
        .where(sa.not_(OAuthClient.sandbox))
        .order_by(Organisation.name, OAuthClient.id)
    ).all()
    by_client: dict[str, list[ClientCredential]] = {}
    for credential in session.scalars(sa.select(ClientCredential).order_by(ClientCredential.slot)):
        by_client.setdefault(credential.client_id, []).append(credential)
    return [Program(client, name, by_client.get(client.id, [])) for client, name in rows]


def propose_program(
    session: Session, caller: SignedIn, organisation: str, client_id: str, scopes: Collection[str], now: datetime
) -> Proposal:
    """Propose a program for an organisation (its slug). Raises NotAllowed, NotFound, Invalid, Conflict (the id is taken)."""
    owner = organisations.by_slug(session, organisation)
    if owner.kind != "centre" or owner.retired_at is not None:
        raise _wrong("organisation", N_("Choose an organisation."))
    if not CLIENT_ID.fullmatch(client_id):
        raise _wrong("client", N_("A program ID has 1 to 64 characters: letters, digits and . _ ~ -"))
    if not scopes or not set(scopes) <= set(OF_ORGANISATION):
        raise _wrong("scopes", N_("Choose what the program may do."))
    if session.get(OAuthClient, client_id) is not None:
        raise Conflict("There is already a program with this ID.")
    codes = {
        "act": Act.ADD.value, "organisation": owner.slug, "client": client_id,
        "scopes": " ".join(scope for scope in OF_ORGANISATION if scope in scopes),
    }  # fmt: skip
    return proposals.propose(
        session, caller, ProposalKind.API_CLIENT, codes, now, ProposalSubject(organisation_id=owner.id)
    )


def propose_secret(session: Session, caller: SignedIn, client_id: str, now: datetime) -> Proposal:
    """Propose a new secret for a program. Raises NotAllowed, NotFound, Conflict (it is switched off, or proposed already)."""
    client, owner = _program(session, client_id)
    if not client.active:
        raise Conflict("This program is switched off.")
    codes = {"act": Act.ROTATE.value, "organisation": owner.slug, "client": client.id}
    return proposals.propose(
        session, caller, ProposalKind.API_CLIENT, codes, now, ProposalSubject(organisation_id=owner.id)
    )


def carry_out(session: Session, keys: KeyRing, done: Proposal, by: UUID, now: datetime) -> str:
    """Do what a proposal says, once it is marked as carried out; returns the secret, which is shown once.

    After a new secret the present one stays valid for `OLD_SECRET_LASTS`. A program has at most two: if it has two already, the
    older one ends immediately, with every token of the program. Raises NotFound, Conflict: nothing is done then.
    """
    client_id = str(done.codes["client"])
    if done.codes["act"] == Act.ADD.value:
        scopes = str(done.codes["scopes"]).split()
        secret = oauth_clients.add_client(
            session, keys, client_id, client_id, scopes, now, organisation_id=done.organisation_id
        )
        _note(session, client_id, "client:added", by, now)
        return secret
    client, owner = _program(session, client_id)
    if not client.active or owner.id != done.organisation_id:
        raise Conflict("This program is switched off.")
    present = sorted(
        credentials.active_credentials(session, client_id, now), key=lambda one: (one.created_at, one.slot)
    )
    for credential in present:
        if len(present) > 1 and credential is present[0]:
            credentials.end(session, client_id, credential.slot, now)
            continue
        ends = now + OLD_SECRET_LASTS
        credentials.expire(session, client_id, credential.slot, min(ends, credential.ends_at or ends))
    secret = credentials.add_secret(session, keys, client_id, now)
    _note(session, client_id, "client:rotated", by, now)
    return secret


def end_credential(session: Session, client_id: str, slot: int, by: UUID, now: datetime) -> None:
    """End one credential immediately, and with it every token that the program has. Raises NotFound."""
    _program(session, client_id)
    credentials.end(session, client_id, slot, now)
    _note(session, client_id, "client:credential_ended", by, now)


def switch_off(session: Session, client_id: str, by: UUID, now: datetime) -> None:
    """Switch a program off: its credentials and tokens stop working immediately. Raises NotFound."""
    client, _owner = _program(session, client_id)
    oauth_clients.deactivate(session, client.id)
    _note(session, client.id, "client:switched_off", by, now)


def _program(session: Session, client_id: str) -> tuple[OAuthClient, Organisation]:
    client = session.get(OAuthClient, client_id)
    if client is None or client.sandbox or client.organisation_id is None:
        raise NotFound("There is no such program.")
    return client, organisations.by_id(session, client.organisation_id)


def _wrong(name: str, detail: str) -> Invalid:
    return Invalid([FieldError(pointer=f"/{name}", code="unfit", detail=detail)])


def _note(session: Session, client_id: str, action: str, by: UUID, now: datetime) -> None:
    audit.record(
        session,
        actor_kind="member",
        actor_id=by.hex,
        action=action,
        subject_kind="client",
        subject_id=client_id,
        now=now,
    )
