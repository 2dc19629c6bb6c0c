"""From nothing to the first opened referral: two commands, no account; and every error of the sandbox has its exit code."""

import csv
import io
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from app.cli import partner
from app.client import profile
from app.client import sandbox as published
from app.partners import sandbox_identity
from tests.service.test_partner_command import Terminal, sitting_at
from tests.support.partners import Network
from tests.support.serving import BASE


@pytest.fixture
def terminal(sandbox_network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    yield from sitting_at(sandbox_network, tmp_path, monkeypatch)


def test_two_commands_to_the_first_referral(terminal: Terminal):
    assert "as sandbox" in terminal("login", "--sandbox", "--base-url", BASE).stdout
    pulled = [json.loads(line) for line in terminal("pull", "--state", "offered", "--json").stdout.splitlines()]
    assert len(pulled) >= 8
    label = next(one["label"] for one in pulled if one["languages"] == ["ka", "ru"])
    terminal("accept", label)
    assert "მერცხალი" in terminal("show", label).stdout


def test_the_commands_of_the_page_run_as_they_stand_there(terminal: Terminal):
    page = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\.venv/bin/pristan partner (.*)$", page, re.MULTILINE)
    assert len(commands) <= 3
    for command in commands:
        last = terminal(*shlex.split(command.replace("http://127.0.0.1:8000", BASE)))
    assert "offered" in last.stdout


def last_line(result: Result) -> str:
    """What the command said; the service, which runs in this very process, logs to the same place before it."""
    return result.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("command", "exit_code", "error"),
    [
        (["accept", "SANDBOX-403"], 3, "insufficient-scope"),
        (["accept", "SANDBOX-409"], 5, "illegal-move"),
        (["show", "SANDBOX-410"], 4, "gone"),
        (["accept", "SANDBOX-412"], 5, "version-mismatch"),
        (["accept", "SANDBOX-429"], 6, "too-many-requests"),
        (["accept", "SANDBOX-503"], 6, "unavailable"),
        (["show", "SANDBOX-SIG"], 7, "not-opened"),
        (["show", "SANDBOX-404"], 4, "not-found"),
    ],
)
def test_every_error_has_its_exit_code_and_its_words_for_programs(
    terminal: Terminal, command: list[str], exit_code: int, error: str
):
    terminal("login", "--sandbox", "--base-url", BASE)
    told = json.loads(last_line(terminal(*command, "--json", exit_code=exit_code)))
    assert (told["error"], told["exit_code"]) == (error, exit_code)
    words = last_line(terminal(*command, exit_code=exit_code))
    assert words
    assert not words.startswith("{")


def test_what_is_published_is_what_the_service_takes():
    assert sandbox_identity.key_pair().seed == partner.from_base64url(published.PRIVATE_KEY)
    assert sandbox_identity.ORGANISATION == published.ORGANISATION


def test_a_visit_to_the_sandbox_loses_no_private_key(terminal: Terminal):
    terminal.log_in("pl-hfhr")
    mine = profile.load().private_key
    referral = terminal.network.offer()
    terminal("accept", referral)
    terminal("login", "--sandbox", "--base-url", BASE)
    assert (profile.load().private_key, profile.load().old_keys) == (published.PRIVATE_KEY, [mine])
    program = terminal.network.clients["pl-hfhr"]
    words = ["login", "--base-url", BASE, "--client-id", program.client_id]
    terminal(*words, env={"PRISTAN_CLIENT_SECRET": program.secret})
    assert mine in profile.load().old_keys
    assert "Анна" in terminal("show", referral).stdout


def test_logging_in_again_keeps_the_place_in_the_feed(terminal: Terminal):
    terminal("login", "--sandbox", "--base-url", BASE)
    assert terminal("listen", "--once").stdout
    terminal("login", "--sandbox", "--base-url", BASE)
    assert terminal("listen", "--once").stdout == ""


def test_all_of_it_as_a_table_and_as_fhir(terminal: Terminal, tmp_path: Path):
    terminal("login", "--sandbox", "--base-url", BASE)
    rows = list(csv.DictReader(io.StringIO(terminal("export").stdout)))
    terminal("export", "--format", "fhir", "--out", str(tmp_path / "out"))
    bundles = [json.loads(line) for line in (tmp_path / "out").read_text(encoding="utf-8").splitlines()]
    assert {row["id"] for row in rows} == {bundle["id"] for bundle in bundles}
    assert (tmp_path / "out").read_bytes().count(b"\r") == 0
