"""A new rule set over stored cases: who would have gone elsewhere, on one process and on several, and nothing is changed."""

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from app.casework import rule_replay
from app.cli import rules as command
from app.core.db import Database
from app.directory.catalogue import Directory
from app.directory.packs import load_packs
from app.matching import publication
from app.matching.models import MatchRun
from tests.support.cases import ONE, Scene, set_scene

CHANGE = f"""
{ONE}/legal-help:
  needs: [appeals]
  rule: {{all: [{{need: {{any_of: [appeals]}}}}, {{country: {{any_of: [PL]}}}}]}}
"""


def changed() -> Directory:
    packs = load_packs()
    return publication.checked(packs, publication.read(CHANGE, packs), date(2026, 11, 24))[0]


@pytest.fixture
def scene(database: Database) -> Scene:
    """Three cases that the centre could have taken, one that it could not."""
    scene = set_scene(database)
    for _ in range(3):
        scene.case(ONE)
    scene.case(ONE, needs=["work_rights"])
    return scene


def played(scene: Scene, directory: Directory) -> rule_replay.Summary:
    summary = rule_replay.Summary()
    with scene.database.begin(write=False) as session:
        *_, done = rule_replay.replay(session, scene.keys, directory, summary)
    assert done == summary.cases == 4
    return summary


def test_the_same_rules_move_nobody(scene: Scene) -> None:
    assert played(scene, load_packs()).unchanged == 4


def test_who_would_have_gone_elsewhere_is_told_with_the_services(scene: Scene) -> None:
    summary = played(scene, changed())
    assert (summary.unchanged, summary.lost, summary.gained) == (1, 3, 0)
    for moved in summary.moved:
        assert [(change.service, change.was, change.now) for change in moved.difference.changes] == [
            (f"{ONE}/legal-help", "candidate", "nearest")
        ]


def test_parts_played_alone_add_up_to_the_whole(scene: Scene) -> None:
    whole, parts = played(scene, changed()), rule_replay.Summary()
    with scene.database.begin(write=False) as session:
        batches = list(rule_replay.case_batches(session, size=3))
        assert [len(ids) for ids in batches] == [3, 1]
        for ids in batches:
            parts.merge(rule_replay.replay_cases(session, scene.keys, changed(), ids))
    assert parts.counts() == whole.counts()
    assert {moved.label for moved in parts.moved} == {moved.label for moved in whole.moved}


def test_a_replay_writes_nothing(scene: Scene) -> None:
    with scene.database.begin(write=False) as session:
        before = session.scalar(sa.select(sa.func.count()).select_from(MatchRun))
    played(scene, changed())
    with scene.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(MatchRun)) == before


def test_the_command_plays_on_two_processes(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = set_scene(sqlite_database)
    for _ in range(3):
        scene.case(ONE)
    var = tmp_path / "var"
    var.mkdir(mode=0o700)
    scene.keys.save(var / "keys.json")
    monkeypatch.setenv("PRISTAN_VAR", str(var))
    monkeypatch.setenv("PRISTAN_DATABASE_URL", sqlite_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("PRISTAN_KEY_FILE", str(var / "keys.json"))
    file = tmp_path / "rules.yaml"
    file.write_text(CHANGE, encoding="utf-8")
    for processes in ("1", "2"):
        told = CliRunner().invoke(command.rules_app, ["replay", "--ruleset", str(file), "--processes", processes])
        assert told.exit_code == 0, told.output
        assert "3 cases: 0 unchanged" in told.output
        assert "3 lose one" in told.output
        assert f"{ONE}/legal-help: candidate -> nearest" in told.output
    wrong = CliRunner().invoke(command.rules_app, ["replay"])
    assert wrong.exit_code == 2
