"""The worker on real databases: killed at any moment, or several at once, it loses nothing and doubles nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.audit.service import verify
from app.cases.models import Case
from app.casework import scheduler
from app.core.db import Database
from app.directory.packs import load_packs
from app.messaging import recipients
from app.messaging.kinds import NoticeKind
from app.messaging.models import OutboxMessage
from app.operations.privileges import DatabaseRole
from app.partners.models import OAuthClient
from app.partners.organisations import Organisation
from app.referrals.models import Referral, ReferralEvent
from app.referrals.states import ReferralVerb
from app.settings import Settings
from app.staff import automatic_offers
from app.tasks.models import Task
from app.worker.loop import Worker
from tests.support.cases import ONE, TWO, Scene, organisation, partner, set_scene
from tests.support.databases import under
from tests.support.told import ALWAYS, member

CASES = 12


@pytest.fixture
def scene(database: Database) -> Scene:
    return set_scene(database)


def worker(scene: Scene, var: Path, **settings: object) -> Worker:
    return Worker(
        under(scene.database, DatabaseRole.WORKER),
        scene.keys,
        load_packs(),
        Settings(var=var, **settings),  # type: ignore[arg-type]
        lambda: scene.now,
    )


def test_the_worker_takes_every_step_and_is_then_done(scene: Scene, tmp_path: Path) -> None:
    case = scene.case(ONE, TWO)
    scene.offered(ONE, case)
    scene.later(days=60)
    machine = worker(scene, tmp_path)
    assert [machine.run_once()["clocks"] for _ in range(3)] == [1, 1, 0]
    assert scene.referrals(case) == {ONE: "expired", TWO: "offered"}


def test_one_referral_that_can_not_be_moved_does_not_hold_up_the_others(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = scene.offered(ONE), scene.offered(ONE)
    scene.later(days=60)
    real = scheduler.tick

    def tick(session, referral_id, **rest):  # type: ignore[no-untyped-def]
        done = real(session, referral_id, **rest)
        if referral_id == stuck:
            raise RuntimeError("broken")
        return done

    monkeypatch.setattr(scheduler, "tick", tick)
    assert worker(scene, tmp_path).run_once()["clocks"] == 1
    assert scene.row(stuck).state == "offered"
    assert scene.row(other).state == "expired"
    monkeypatch.undo()
    worker(scene, tmp_path).run_once()
    assert scene.row(stuck).state == "expired"


def test_new_cases_are_offered_by_the_clock_only_where_the_setting_says_so(scene: Scene, tmp_path: Path) -> None:
    taken, new = scene.case(ONE, TWO), scene.case(ONE, TWO)
    with scene.write() as session:
        session.execute(sa.update(Case).where(Case.id == taken).values(state="in_review"))
    scene.later(hours=5)
    assert worker(scene, tmp_path).run_once()["first_offers"] == 0
    machine = worker(scene, tmp_path, auto_offer_after=timedelta(hours=4))
    assert machine.run_once()["first_offers"] == 1
    assert machine.run_once()["first_offers"] == 0
    assert list(scene.referrals(new).values()) == ["offered"]
    assert scene.referrals(taken) == {}
    assert scene.case_row(new).state == "referred"


def test_what_two_people_have_set_comes_before_the_operators_default(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    normal, urgent = scene.case(ONE), scene.case(TWO, urgency="urgent")
    scene.later(hours=5)
    chosen = {("PL", "normal"): "by_hand", ("PL", "urgent"): "4h"}
    monkeypatch.setattr(automatic_offers, "in_force", lambda _session: chosen)
    limited = worker(scene, tmp_path, auto_offer_by_country={"PL": None})
    assert limited.run_once()["first_offers"] == 0
    assert worker(scene, tmp_path, auto_offer_after=timedelta(hours=4)).run_once()["first_offers"] == 1
    assert (scene.referrals(normal), scene.referrals(urgent)) == ({}, {TWO: "offered"})


def test_nothing_is_offered_automatically_to_a_centre_that_nobody_can_notify(scene: Scene, tmp_path: Path) -> None:
    with scene.write() as session:
        session.execute(sa.update(OAuthClient).values(active=False))
        add_address(session, scene, TWO)
    alone, both = scene.case(ONE), scene.case(ONE, TWO)
    scene.later(hours=5)
    worker(scene, tmp_path, auto_offer_after=timedelta(hours=4)).run_once()
    assert scene.referrals(alone) == {}
    assert scene.referrals(both) == {TWO: "offered"}
    assert "nobody_consented_left→team" in scene.told()


def add_address(session: Session, scene: Scene, slug: str) -> None:
    settings = recipients.NoticeSettings(address="office@example.org")
    recipients.save_notice_settings(
        session, scene.keys, organisation(slug), settings, zone="Europe/Warsaw", version=0, now=scene.now
    )


def test_a_new_case_that_can_not_be_offered_is_tried_once(scene: Scene, tmp_path: Path) -> None:
    """Whoever the person agreed to takes nothing at present: the desk is told, once."""
    case = scene.case(ONE)
    scene.later(hours=5)
    with scene.write() as session:
        session.execute(
            sa.update(Organisation).where(Organisation.slug == ONE).values(paused_until=scene.now + timedelta(days=9))
        )
    machine = worker(scene, tmp_path, auto_offer_after=timedelta(hours=4))
    for _ in range(3):
        machine.run_once()
    assert scene.referrals(case) == {}
    assert [kind for kind in scene.told() if kind.startswith("nobody")] == ["nobody_consented_left→team"]


KILLED = """
import os, sys
from datetime import datetime
from pathlib import Path
from app.core.db import Database
from app.core.keyring import KeyRing
from app.directory.packs import load_packs
from app.settings import Settings
from app.worker.loop import Worker
url, var, now = sys.argv[1:]
keys, settings = KeyRing.load(Path(var) / "keys.json"), Settings(var=Path(var))
directory = load_packs()
for line in sys.stdin:  # for each line a worker, which has learnt nothing from the one before
    child = os.fork()
    if not child:
        machine = Worker(Database(url), keys, directory, settings, lambda: datetime.fromisoformat(now))
        print(os.getpid(), flush=True)
        while True:
            machine.run_once()
    os.waitpid(child, 0)
    print("killed", flush=True)
"""


def test_killed_at_any_moment_it_loses_nothing_and_doubles_nothing(scene: Scene, tmp_path: Path) -> None:
    scene.keys.save(tmp_path / "keys.json")
    member(scene, "vera", hours=ALWAYS)
    cases = [scene.case(ONE, TWO) for _ in range(CASES)]
    for case in cases:
        scene.offered(ONE, case)
    scene.later(days=60)
    chance = random.Random(7)
    url = scene.database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", KILLED, url, str(tmp_path), scene.now.isoformat()]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for _ in range(6):
            nursery.stdin.write("another\n")
            nursery.stdin.flush()
            process = int(nursery.stdout.readline())
            time.sleep(chance.uniform(0.0, 0.4))
            os.kill(process, signal.SIGKILL)
            assert nursery.stdout.readline() == "killed\n"
    machine = worker(scene, tmp_path)
    while machine.run_once()["clocks"]:
        pass
    scene.later(minutes=3)  # what a killed worker had claimed is free again
    while machine.run_once()["messages"]:
        pass
    with scene.database.begin(write=False) as session:
        problems = sorted(NoticeKind(kind) for kind in ("problem", "problem_urgent"))  # no operator is here to be told
        told = sa.select(OutboxMessage.state).where(OutboxMessage.kind.not_in(problems))
        assert set(session.scalars(told)) == {"sent"}
        tasks = session.execute(sa.select(Task.case_id, Task.kind, Task.ending)).all()
    assert sorted(tasks) == sorted((case, "find_next", "overtaken") for case in cases)
    for case in cases:
        assert scene.referrals(case) == {ONE: "expired", TWO: "offered"}
    with scene.database.begin(write=False) as session:
        kinds = Counter(session.scalars(sa.select(OutboxMessage.kind)))
        steps = Counter(session.scalars(sa.select(ReferralEvent.verb)))
        assert verify(session) is None
    assert (kinds["referral_expired"], kinds["referral_offered"]) == (CASES, 2 * CASES)
    assert (steps["expire"], steps["create"], steps["offer"]) == (CASES, 2 * CASES, 2 * CASES)
    scene.holds_together()


def test_after_an_end_that_the_desk_dealt_with_already_the_clock_leaves_it_alone(scene: Scene, tmp_path: Path) -> None:
    case = scene.case(ONE, TWO)
    first = scene.offered(ONE, case)
    scene.act(first, ReferralVerb.DECLINE, partner(ONE), reason="other")
    second = scene.offered(TWO, case)
    scene.act(second, ReferralVerb.ACCEPT, partner(TWO))
    worker(scene, tmp_path).run_once()
    with scene.database.begin(write=False) as session:
        rows = session.scalars(sa.select(Referral.organisation_id).where(Referral.case_id == case)).all()
    assert set(rows) == {organisation(ONE), organisation(TWO)}
    assert scene.row(first).due_at is None
