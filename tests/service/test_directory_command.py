"""`pristan directory`: a fault in a pack is one line that names its place, and not a page of code."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from app.cli import setup
from app.cli.main import app
from app.core.db import Database
from app.directory.packs import load_packs
from tests.support.packs import change, copy


@pytest.fixture
def run(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch):
    context = SimpleNamespace(database=sqlite_database, directory=load_packs())
    monkeypatch.setattr(setup, "open_app_context", lambda: context)
    return lambda *words: CliRunner().invoke(app, ["directory", *map(str, words)])


def test_loading_says_how_much_there_is(run) -> None:
    result = run()
    ours = load_packs()
    said = f"{len(ours.organisations)} organisations with {len(ours.services)} services loaded.\n"
    assert (result.exit_code, result.output) == (0, said)


def test_a_fault_is_one_line(run, tmp_path: Path) -> None:
    root = copy(tmp_path)
    change(root, "lt/country.yaml", "code: LT", "code: LV")
    result = run("--packs", root)
    assert (result.exit_code, result.output) == (2, "lt/country.yaml: code: the folder is called lt\n")
