"""`pristan keys`: an organisation's key is registered by its kind, and open cases are sealed to it by a coordinator."""

from pathlib import Path

import pyotp
import pytest
import sqlalchemy as sa
import typer
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from typer.testing import CliRunner

from app.app_context import AppContext, migrate, open_app_context
from app.casework.filing import file_intake
from app.cli.keys import published_by
from app.cli.main import app
from app.client.decryption import base64url
from app.core import keyholders
from app.core.clock import utc_now
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.sealing import KeyPair
from app.directory import loader as directory_service
from app.intake import schemas
from app.staff import passphrases, team_setup
from app.staff import recovery as recovery_keys
from app.staff.models import Role, Team
from tests.support.partners import MINE, intake

RUN = CliRunner()
PASSPHRASE = "a passphrase for tests only"


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppContext:
    monkeypatch.setenv("PRISTAN_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("PRISTAN_DATABASE_URL", f"sqlite:///{tmp_path / 'pristan.db'}")
    opened = open_app_context()
    migrate(opened.database)
    return opened


def found(context: AppContext) -> tuple[str, str]:
    """A team with a coordinator and one case, sealed to the centre's first key. Gives the secret of the one-time code, and the
    recovery key."""
    now = utc_now()
    with context.database.begin() as session:
        directory_service.upsert(session, context.directory, now)
        founded = team_setup.create_team(session, "pl", "Poland", ["PL"], now)
        totp = team_setup.add_coordinator(session, context.keys, founded, "anna", Role.COORDINATOR, PASSPHRASE, now)
        owner = named_id("organisation", MINE)
        keyholders.register(session, OwnerKind.ORGANISATION, owner, KeyPair.generate().public, now)
        given = schemas.read(intake(), context.directory, now.date())
        file_intake(session, given, keys=context.keys, directory=context.directory, now=now)
    return totp, founded.recovery


def keys(*arguments: str, typed: str = "", code: int = 0) -> str:
    done = RUN.invoke(app, ["keys", *arguments], input=typed)
    assert done.exit_code == code, done.output
    return done.output


def test_a_key_is_registered_and_a_coordinator_seals_to_it_what_was_open(context: AppContext) -> None:
    totp, recovery = found(context)
    public = base64url(X25519PrivateKey.generate().public_key().public_bytes_raw())
    assert "version 2" in keys("register", MINE, public, "--kind", "x25519", typed=f"{recovery}\n")
    typed = f"{PASSPHRASE}\n{pyotp.TOTP(totp).now()}\n"
    assert "1 case re-encrypted" in keys("rewrap", MINE, "--as", "anna", typed=typed)
    assert "one-time code is wrong" in keys("rewrap", MINE, "--as", "anna", typed=typed, code=1)  # a code opens once


def test_what_is_no_key_or_no_organisation_is_refused(context: AppContext) -> None:
    found(context)
    x25519 = base64url(X25519PrivateKey.generate().public_key().public_bytes_raw())
    assert "not a public key of the type x-wing" in keys("register", MINE, x25519, code=1)
    assert "not a public key of the type x25519" in keys("register", MINE, "AAAA", "--kind", "x25519", code=1)
    assert "no such organisation" in keys("register", "nobody", x25519, "--kind", "x25519", code=1)
    assert "has no key" in keys("rewrap", "pl-sip", "--as", "anna", code=1)


@pytest.mark.parametrize("start", ["-G", "--", "-k"])
def test_a_key_may_begin_with_a_dash(context: AppContext, start: str) -> None:
    """One key in 64 does, and the command line must not take it for an option."""
    _totp, recovery = found(context)
    public = start + "A" * (43 - len(start))  # 32 bytes; every such value is an X25519 key
    assert "version 2" in keys("register", MINE, public, "--kind", "x25519", typed=f"{recovery}\n")


def test_the_command_line_alone_registers_no_key_and_makes_no_second_team(context: AppContext) -> None:
    """Whoever got to the server's command line could else read what comes in, or make up a second person."""
    _totp, recovery = found(context)
    public = base64url(X25519PrivateKey.generate().public_key().public_bytes_raw())
    other = KeyPair.generate().seed
    for typed in ("", "nonsense\n", f"{recovery_keys.format_key(other)}\n"):
        assert "Registered" not in keys("register", MINE, public, "--kind", "x25519", typed=typed, code=1)
        init = RUN.invoke(app, ["init", "--team", "sham", "--countries", "DE", "--member", "mallory"], input=typed)
        assert init.exit_code == 1, init.output
    passphrase = passphrases.suggestion()
    typed = f"{recovery}\n{passphrase}\n{passphrase}\n"
    made = RUN.invoke(app, ["init", "--team", "de", "--countries", "DE", "--member", "hanna"], input=typed)
    assert made.exit_code == 0, made.output
    with context.database.begin(write=False) as session:
        assert session.scalars(sa.select(Team.slug).order_by(Team.slug)).all() == ["de", "pl"]


def test_the_operators_program_gets_the_key_file_and_its_failure_stops_the_rotation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, key_file = tmp_path / "publish", tmp_path / "keys.json"
    key_file.write_text("keys")
    program.write_text(f'#!/bin/sh\ncp "$1" "{tmp_path}/other-machine.json"\n')
    program.chmod(0o700)
    published_by(program)(key_file)
    assert (tmp_path / "other-machine.json").read_text() == "keys"
    program.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(typer.Exit):
        published_by(program)(key_file)
    assert "ended with 3" in capsys.readouterr().err
    published_by(None)(key_file)
