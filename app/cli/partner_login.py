"""Sources of sign-in data for `pristan partner login`: prompts, the demo file, or the published sandbox account.

No login loses a private key: the previous one is kept as an old key and still decrypts what was encrypted to it.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

import typer

from app.cli import files
from app.client import profile, sandbox
from app.client.decryption import from_base64url
from app.client.profile import NoProfile, Profile
from app.core.sealing import SEED_BYTES, CannotOpen

_CREDENTIALS: Final = ("client_id", "client_secret", "private_key")


def from_prompts(base_url: str | None, client_id: str | None) -> Profile:
    return _with_existing_keys(
        Profile(
            base_url=base_url or typer.prompt("Address of the service"),
            client_id=client_id or typer.prompt("Client id"),
            client_secret=os.environ.get("PRISTAN_CLIENT_SECRET")
            or str(typer.prompt("Client secret", hide_input=True)),
        )
    )


def from_sandbox(base_url: str | None) -> Profile:
    """A profile of the published sandbox client; asks for the address only."""
    return _with_existing_keys(
        Profile(
            base_url=base_url or typer.prompt("Address of the service"),
            client_id=sandbox.CLIENT_ID,
            client_secret=sandbox.CLIENT_SECRET,
            organisation=sandbox.ORGANISATION,
            private_key=sandbox.PRIVATE_KEY,
        )
    )


def from_demo(file: Path, organisation: str | None) -> Profile:
    """A profile from the file that `make run` writes. Exits with 2, or raises BadParameter for the organisation."""
    document = files.json_document(file)
    try:
        base_url = str(document["base_url"])
        clients = {
            str(entry["organisation"]): {name: str(entry[name]) for name in _CREDENTIALS}
            for entry in document["clients"]
            if entry.get("private_key")
        }
    except (KeyError, TypeError, AttributeError):
        files.refuse(file, "it is not a file written by the demonstration")
    if organisation is None or organisation not in clients:
        raise typer.BadParameter(f"one of: {', '.join(sorted(clients))}", param_hint="--organisation")
    entry = clients[organisation]
    if not _is_seed(entry["private_key"]):
        files.refuse(file, "the private key in it does not have 32 bytes")
    return _with_existing_keys(
        Profile(
            base_url=base_url,
            client_id=entry["client_id"],
            client_secret=entry["client_secret"],
            organisation=organisation,
            private_key=entry["private_key"],
        )
    )


def _is_seed(text: str) -> bool:
    try:
        return len(from_base64url(text)) == SEED_BYTES
    except CannotOpen:
        return False


def _with_existing_keys(new: Profile) -> Profile:
    """The new profile with the stored keys and, for the same client and address, the feed position and pending actions."""
    try:
        existing = profile.load()
    except NoProfile:
        return new
    private_key = new.private_key or existing.private_key
    old = [key for key in (existing.private_key, *existing.old_keys) if key and key != private_key]
    same_client = (new.base_url, new.client_id) == (existing.base_url, existing.client_id)
    new = replace(new, private_key=private_key, old_keys=list(dict.fromkeys(old)))
    return replace(new, cursor=existing.cursor, pending=existing.pending) if same_client else new
