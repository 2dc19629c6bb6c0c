"""`pristan teams`: a further team is added with the recovery key of the network, which holds its key too."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from app.app_context import migrate, open_app_context
from app.cli.main import app
from app.core.clock import utc_now
from app.core.db import Database
from app.staff import recovery, team_setup
from app.staff import service as staff
from app.staff.models import Member, Role

RUN = CliRunner()
PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The recovery key of a network with one team."""
    monkeypatch.setenv("PRISTAN_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("PRISTAN_DATABASE_URL", f"sqlite:///{tmp_path / 'pristan.db'}")
    opened = open_app_context()
    migrate(opened.database)
    with opened.database.begin() as session:
        founded = team_setup.create_team(session, "pl", "Poland", ["PL"], utc_now())
    opened.database.dispose()
    return founded.recovery


def add(slug: str, countries: str, *typed: str, code: int = 0) -> str:
    arguments = ["teams", "add", slug, "--countries", countries, "--member", "nina"]
    done = RUN.invoke(app, arguments, input="".join(f"{line}\n" for line in typed))
    assert done.exit_code == code, done.output
    assert PASSPHRASE not in done.output
    return done.output


def database() -> Database:
    return open_app_context().database


def test_a_further_team_is_there_with_its_senior_and_the_paper_holds_its_key(paper: str) -> None:
    told = add("de", "de, LT", paper, PASSPHRASE, PASSPHRASE)
    assert "Secret for the authenticator app" in told
    with database().begin(write=False) as session:
        nina = session.scalars(sa.select(Member).where(Member.name == "nina")).one()
        assert nina.role == Role.SENIOR.value
        assert nina.team_id == staff.team_for(session, "DE") == staff.team_for(session, "LT")
        recovery.check_holds_key_of(session, recovery.parse_key(paper), nina.team_id)
        assert {team.slug: (team.countries, team.holders) for team in team_setup.teams(session)} == {
            "de": (("DE", "LT"), 1),
            "pl": (("PL",), 0),
        }
    listed = RUN.invoke(app, ["teams", "list"]).output
    assert "de  DE,LT  1 hold the key" in listed
    assert "GE" in listed.splitlines()[-1], "what no team takes"


@pytest.mark.parametrize(
    ("slug", "countries", "why"),
    [
        ("pl", "LT", "with this slug"),
        ("de", "DE,PL", "Another team takes"),
        ("D E", "DE", "small letters"),
        ("de", ",", "at least one country"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_asked(paper: str, slug: str, countries: str, why: str) -> None:
    assert why in add(slug, countries, code=1)


def test_the_server_alone_is_not_enough(paper: str) -> None:
    for wrong in ("AAAA", recovery.format_key(bytes(range(32)))):
        add("de", "DE", wrong, PASSPHRASE, PASSPHRASE, code=1)
    with database().begin(write=False) as session:
        assert staff.team_for(session, "DE") is None


def test_a_country_without_a_pack_is_refused(paper: str) -> None:
    assert "no country pack for QQ" in add("de", "QQ", code=2)
