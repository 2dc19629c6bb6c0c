"""The release before this one works on the schema of this one, beside this one: it files, offers, accepts, works and counts.

`tests/data/former-release.tar.xz` is its code (CONTRIBUTING says how it is made at each release). PostgreSQL alone: on SQLite the
service is stopped for a schema step.
"""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from app.app_context import ROOT, migrate
from app.cases import queue, queue_queries
from app.cases.models import Case
from app.cases.queue_queries import QueueQuery
from app.casework import filing
from app.core import keyholders
from app.core.clock import utc_now
from app.core.db import Database
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.keyring import KeyRing, load_or_create
from app.core.sealing import KeyPair
from app.directory import loader as directory_service
from app.directory.packs import Directory, load_packs
from app.intake import schemas
from app.settings import Settings
from app.staff import team_setup
from app.staff.models import Team
from app.worker import Worker
from bench.load import answers
from bench.made_up import MOST_ASKED

ARTEFACT = ROOT / "tests" / "data" / "former-release.tar.xz"
SCRIPT = ROOT / "tests" / "support" / "former_release.py"


def counted(database: Database) -> dict[str, int]:
    """What this release's lists count, compared with counting one by one."""
    with database.begin(write=False) as session:
        team, today, nobody = session.scalars(sa.select(Team.id)).one(), datetime.now(UTC).date(), uuid4()
        told = queue.counts(session, team, QueueQuery(), today=today, me=nobody)
        for view, condition in queue_queries.VIEWS.items():
            one_by_one = sa.select(sa.func.count()).where(Case.team_id == team, condition)
            assert told[view] == session.scalar(one_by_one, {"today": today, "me": nobody}), view
    return told


def file_one(database: Database, keys: KeyRing, directory: Directory, story: str) -> None:
    now = datetime.now(UTC)
    with database.begin() as session:
        given = schemas.read({**answers(), "story": story}, directory, now.date())
        filing.file_intake(session, given, keys=keys, directory=directory, now=now)


def test_the_former_release_runs_on_this_schema_beside_this_release(
    make_postgres: Callable[[], Any], tmp_path: Path
) -> None:
    url = make_postgres().render_as_string(hide_password=False)
    database, directory, now = Database(url), load_packs(), datetime.now(UTC)
    keys = load_or_create(tmp_path / "var" / "keys.json", now.date())
    migrate(database)
    with database.begin() as session:
        directory_service.upsert(session, directory, now)
        team_setup.create_team(session, "pl", "Poland", ["PL"], now)
        owner = named_id("organisation", MOST_ASKED)
        keyholders.register(session, OwnerKind.ORGANISATION, owner, KeyPair.generate().public, now)
    file_one(database, keys, directory, "filed by this release")
    try:
        told = former(url, tmp_path)
        assert str(tmp_path) in told["app"], "it was this release that ran"
        assert told["failed"] == []
        assert told["cases"] == 4
        ours = counted(database)
        assert {view: count for view, count in told["counts"].items() if view in ours} == {
            view: count for view, count in ours.items() if view in told["counts"]
        }
        file_one(database, keys, directory, "filed by this release, later")
        worker = Worker(database, keys, directory, Settings(var=tmp_path / "var", database_url=url), utc_now)
        worker.run_once()
        assert worker.failed == []
        later = counted(database)
        assert {view for view, count in later.items() if count == ours[view] + 1}, "the case that was filed later"
    finally:
        database.dispose()


def former(url: str, folder: Path) -> dict[str, Any]:
    """What the former release says after its work."""
    with tarfile.open(ARTEFACT) as packed:
        packed.extractall(folder / "former", filter="data")
    (folder / "intake.json").write_text(json.dumps(answers()))
    done = subprocess.run(
        [sys.executable, "-P", SCRIPT, folder / "intake.json", f"{MOST_ASKED}/legal-help"],
        cwd=folder / "former",
        env={
            **os.environ, "PYTHONPATH": str(folder / "former"), "PRISTAN_DATABASE_URL": url, "PRISTAN_VAR": str(folder / "var"),
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
