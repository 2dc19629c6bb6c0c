"""`pristan clients`: a program is added, its credential replaced without a gap, and at last switched off."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from app.app_context import migrate, open_app_context
from app.cli.main import app
from app.core.clock import utc_now
from app.partners import credentials, oauth_clients
from app.partners.credentials import Secret
from app.partners.models import AccessToken
from tests.support.assertions import ED, jwk_of

RUN = CliRunner()


@pytest.fixture(autouse=True)
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRISTAN_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("PRISTAN_DATABASE_URL", f"sqlite:///{tmp_path / 'pristan.db'}")
    opened = open_app_context()
    migrate(opened.database)
    opened.database.dispose()


def clients(*arguments: str, code: int = 0) -> str:
    done = RUN.invoke(app, ["clients", *arguments])
    assert done.exit_code == code, done.output
    return done.output


def signs_in(secret: str) -> bool:
    context = open_app_context()
    with context.database.begin() as session:
        found = credentials.authenticate(session, context.keys, Secret("bot", secret), utc_now()) is not None
    context.database.dispose()
    return found


def tokens(secret: str | None = None) -> int:
    """How many tokens there are; with a secret, one more is issued first."""
    context = open_app_context()
    with context.database.begin() as session:
        if secret is not None:
            proof = Secret("bot", secret)
            assert oauth_clients.issue_token(session, context.keys, proof, None, utc_now(), timedelta(minutes=15))
        count = session.scalar(sa.select(sa.func.count()).select_from(AccessToken))
    context.database.dispose()
    return count or 0


def test_a_secret_is_replaced_while_the_old_one_still_works() -> None:
    first = clients("add", "bot", "--name", "A bot", "--scopes", "intakes:create").splitlines()[-1]
    second = clients("rotate", "bot", "--keep-old", "1").splitlines()[-1]
    assert [signs_in(first), signs_in(second)] == [True, True]
    assert "Two credentials" in clients("rotate", "bot", code=1)
    assert tokens(first) == 1
    clients("end", "bot", "--slot", "1")
    assert tokens() == 0, "a token of the ended secret is of no use either"
    assert [signs_in(first), signs_in(second)] == [False, True]
    listed = clients("list")
    assert "bot  intakes:create" in listed
    assert first not in listed
    assert ", ended " in listed
    assert tokens(second) == 1
    third = clients("rotate", "bot", "--keep-old", "0").splitlines()[-1]
    assert [tokens(), signs_in(second), signs_in(third)] == [0, False, True]
    clients("switch-off", "bot")
    assert not signs_in(third)
    assert not signs_in(second)


@pytest.mark.parametrize("client_id", ["a:b", "", "a b", "é", "a" * 65, "a/b"])
def test_an_id_that_could_never_sign_in_is_refused(client_id: str) -> None:
    assert "client id" in clients("add", client_id, "--name", "A bot", "--scopes", "intakes:create", code=1)


def test_a_program_that_signs_has_no_secret(tmp_path: Path) -> None:
    jwk = tmp_path / "key.json"
    jwk.write_text(json.dumps(jwk_of(ED, kid="theirs")))
    added = clients("add", "bot", "--name", "A bot", "--scopes", "intakes:create", "--jwk", str(jwk))
    assert added == ""
    assert "EdDSA theirs" in clients("list")


@pytest.mark.parametrize(
    "wrong",
    [
        ["add", "bot", "--name", "A bot", "--scopes", "everything"],
        ["add", "bot", "--name", "A bot", "--scopes", "events:read", "--organisation", "nobody"],
        ["rotate", "nobody"],
        ["end", "nobody", "--slot", "1"],
        ["switch-off", "nobody"],
    ],
)
def test_what_can_not_be_done_is_said(wrong: list[str]) -> None:
    assert clients(*wrong, code=1)
