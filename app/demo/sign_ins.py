"""Sign-in data of the demonstration network: stored in a file that only its owner may read, and printed once."""

import json
import os
import secrets
from pathlib import Path
from typing import Any, Final

import typer

from app.settings import Settings

_WORDS: Final = [
    "amber",
    "birch",
    "cloud",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heron",
    "ivory",
    "juniper",
    "kelp",
    "larch",
    "maple",
    "nectar",
    "olive",
    "pebble",
]


def path_in(settings: Settings) -> Path:
    return settings.var / "demo.json"


def new_passphrase() -> str:
    """Six of sixteen words and a number. Weak: only for the demonstration, which listens on this machine only."""
    return "-".join([*(secrets.choice(_WORDS) for _ in range(6)), str(secrets.randbelow(9000) + 1000)])


def write_private(path: Path, document: dict[str, Any]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, indent=1)


def announce(settings: Settings, *, fresh: bool) -> None:
    """Print the addresses and the sign-ins. `fresh`: the data was made in this run."""
    address = settings.base_url
    typer.echo(f"\nPristan, a demonstration with made-up people ({'new data' if fresh else 'existing data'}).\n")
    typer.echo(f"  The person's form      {address}/")
    typer.echo(f"  The coordinator's desk {address}/desk/")
    typer.echo(f"  The partner's page     {address}/partner/")
    typer.echo(f"  The partner API        {address}/v1/openapi.json")
    path = path_in(settings)
    if not path.exists():
        typer.echo("\n  The file with the sign-in data, written when the data was created, no longer exists.\n")
        return
    sign_in_data = json.loads(path.read_text(encoding="utf-8"))
    if sign_in_data["base_url"] != address:
        sign_in_data["base_url"] = address
        write_private(path, sign_in_data)
    if fresh:
        typer.echo(f"\n  Sign-ins (also in {path}; enter the TOTP secret in an authenticator app):")
        for member in sign_in_data["desk"]:
            typer.echo(
                f"    {member['name']:<18} {member['passphrase']}   TOTP {member['totp_secret']}   ({member['role']})"
            )
        typer.echo("\n  API clients (client id and secret):")
        for client in sign_in_data["clients"]:
            typer.echo(f"    {client['client_id']:<18} {client['client_secret']}")
    else:
        typer.echo(f"\n  The sign-in data is in {path}.")
    typer.echo("\n  A one-time code for the desk: .venv/bin/pristan code demo-coordinator")
    typer.echo("  Stop with Ctrl-C.\n")


def print_code(name: str) -> None:
    """Print the current one-time code of a demo member. Raises BadParameter."""
    import pyotp

    path = path_in(Settings())
    members = (
        {member["name"]: member for member in json.loads(path.read_text(encoding="utf-8"))["desk"]}
        if path.exists()
        else {}
    )
    if name not in members:
        raise typer.BadParameter("there is no such demo member")
    typer.echo(pyotp.TOTP(members[name]["totp_secret"]).now())
