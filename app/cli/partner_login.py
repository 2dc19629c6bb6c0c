"""Where a sign-in comes from: what somebody types, the file of the demo, or what is published for the sandbox.

No login loses a private key: the one that was here before stays among the old keys, and goes on opening what is sealed to it.
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import typer

from app.client import profile, sandbox
from app.client.opening import from_base64url
from app.client.profile import NoProfile, Profile
from app.core.sealing import SEED_BYTES, CannotOpen


def from_prompts(base_url: str | None, client_id: str | None) -> Profile:
    return _keeping(
        Profile(
            base_url=base_url or typer.prompt("Address of the service"),
            client_id=client_id or typer.prompt("Client id"),
            client_secret=os.environ.get("PRISTAN_CLIENT_SECRET")
            or str(typer.prompt("Client secret", hide_input=True)),
        )
    )


def from_sandbox(base_url: str | None) -> Profile:
    """No account, nothing to type but the address."""
    return _keeping(
        Profile(
            base_url=base_url or typer.prompt("Address of the service"),
            client_id=sandbox.CLIENT_ID,
            client_secret=sandbox.CLIENT_SECRET,
            organisation=sandbox.ORGANISATION,
            private_key=sandbox.PRIVATE_KEY,
        )
    )


def from_demo(file: Path, organisation: str | None) -> Profile:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        clients = {entry["organisation"]: entry for entry in document["clients"] if entry.get("private_key")}
    except (OSError, ValueError, KeyError, TypeError):
        raise typer.BadParameter("this is no file of the demo network", param_hint="--demo") from None
    if organisation is None or organisation not in clients:
        raise typer.BadParameter(f"one of: {', '.join(sorted(map(str, clients)))}", param_hint="--organisation")
    entry = clients[organisation]
    if not _is_seed(entry["private_key"]):
        raise typer.BadParameter("the private key in it has not 32 bytes", param_hint="--demo")
    return _keeping(
        Profile(
            base_url=document["base_url"],
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


def _keeping(fresh: Profile) -> Profile:
    """With the keys that were here; and, for the same program at the same address, with its place in the feed."""
    try:
        before = profile.load()
    except NoProfile:
        return fresh
    private_key = fresh.private_key or before.private_key
    old = [key for key in (before.private_key, *before.old_keys) if key and key != private_key]
    same = (fresh.base_url, fresh.client_id) == (before.base_url, before.client_id)
    fresh = replace(fresh, private_key=private_key, old_keys=list(dict.fromkeys(old)))
    return replace(fresh, cursor=before.cursor, pending=before.pending) if same else fresh
