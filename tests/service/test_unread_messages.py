"""What an organisation does not read for long becomes a coordinator's task; reading it, or the end of the referral, ends that."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.casework import person_actions, unread_messages
from app.casework.unread_messages import Author
from app.core.db import Database
from app.messaging.models import OutboxMessage
from app.privacy import service as privacy
from app.referrals import queries
from app.referrals.models import Referral
from app.referrals.states import ReferralVerb
from app.referrals.thread_models import UnreadMessage
from app.tasks.models import Task
from app.worker.loop import Worker
from tests.service.test_notices import Kept, worker
from tests.support.cases import COORDINATOR, ONE, Scene, partner, set_scene

HOUR = timedelta(hours=1)


@pytest.fixture
def scene(database: Database) -> Scene:
    return set_scene(database)


@pytest.fixture
def rounds(scene: Scene, tmp_path: Path) -> Worker:
    return worker(scene, tmp_path, Kept())


def wrote(scene: Scene, referral: UUID, author: Author) -> None:
    with scene.write() as session:
        row, case = queries.locked(session, referral)
        if author is Author.PERSON:
            person_actions.tell_who_works(session, case.id, scene.now)
        else:
            unread_messages.note(session, row, case, author, scene.now)


def read(scene: Scene, referral: UUID, author: Author) -> None:
    with scene.write() as session:
        queries.locked(session, referral)
        unread_messages.read(session, referral, author, scene.now)


def tasks(scene: Scene) -> list[str | None]:
    """How each task of the kind ended; None: it is open."""
    with scene.database.begin(write=False) as session:
        return list(session.scalars(sa.select(Task.ending).where(Task.kind == "message_not_read")))


def told(scene: Scene) -> int:
    with scene.database.begin(write=False) as session:
        kind = OutboxMessage.kind == "message_not_read"
        return session.scalar(sa.select(sa.func.count()).select_from(OutboxMessage).where(kind)) or 0


def unread(scene: Scene) -> list[str]:
    with scene.database.begin(write=False) as session:
        return sorted(session.scalars(sa.select(UnreadMessage.author)))


def later(scene: Scene, rounds: Worker, **by: float) -> int:
    scene.later(**by)
    return rounds.jobs["unread_messages"](scene.now)


@pytest.mark.parametrize("author", Author)
def test_in_an_emergency_two_hours_are_long_and_each_message_counts_from_the_first(
    scene: Scene, rounds: Worker, author: Author
) -> None:
    referral = scene.accepted(ONE, urgency="emergency")
    wrote(scene, referral, author)
    scene.later(minutes=90)
    wrote(scene, referral, author)
    assert later(scene, rounds, minutes=29) == 0
    assert tasks(scene) == []
    assert later(scene, rounds, minutes=1) == 1
    assert later(scene, rounds, hours=5) == 0, "once"
    assert (tasks(scene), told(scene)) == ([None], 1)
    read(scene, referral, author)
    assert (tasks(scene), unread(scene)) == (["overtaken"], [])


def test_otherwise_working_days_count_and_what_was_read_in_time_is_no_task(scene: Scene, rounds: Worker) -> None:
    referral = scene.accepted(ONE)  # on a Monday at 11:00 in Warsaw
    wrote(scene, referral, Author.PERSON)
    assert later(scene, rounds, hours=30) == 0
    read(scene, referral, Author.PERSON)
    wrote(scene, referral, Author.PERSON)  # on Tuesday afternoon
    assert later(scene, rounds, hours=30) == 0, "on Wednesday afternoon"
    assert later(scene, rounds, hours=24) == 1
    assert tasks(scene) == [None]


def test_the_task_stays_until_both_conversations_are_read(scene: Scene, rounds: Worker) -> None:
    referral = scene.accepted(ONE, urgency="emergency")
    for author in Author:
        wrote(scene, referral, author)
    assert later(scene, rounds, hours=2) == 1
    read(scene, referral, Author.DESK)
    assert tasks(scene) == [None]
    read(scene, referral, Author.PERSON)
    assert tasks(scene) == ["overtaken"]


def test_the_end_of_the_referral_ends_it_and_erasing_leaves_nothing(scene: Scene, rounds: Worker) -> None:
    first, second = (scene.accepted(ONE, urgency="emergency") for _ in range(2))
    for referral in (first, second):
        wrote(scene, referral, Author.PERSON)
    assert later(scene, rounds, hours=2) == 2
    scene.act(first, ReferralVerb.HAND_BACK, partner(ONE), reason="other")
    assert sorted(tasks(scene), key=str) == [None, "overtaken"]
    wrote(scene, first, Author.DESK)
    assert unread(scene) == ["person"], "nobody reads a referral that has ended"
    with scene.write() as session:
        privacy.erase(session, scene.case_of(second), actor_kind="person", now=scene.now)
    assert unread(scene) == []
    assert None not in tasks(scene)


def test_where_a_coordinator_asks_the_task_to_tell_is_enough(scene: Scene, rounds: Worker) -> None:
    referral = scene.accepted(ONE)
    with scene.write() as session:
        session.get_one(Referral, referral).way = "hand"
    wrote(scene, referral, Author.PERSON)
    assert unread(scene) == []
    assert later(scene, rounds, days=9) == 0


def test_two_workers_open_one_task(scene: Scene, tmp_path: Path, rounds: Worker) -> None:
    referral = scene.offered(ONE, urgency="emergency")
    wrote(scene, referral, Author.DESK)
    scene.later(hours=2)
    with scene.write() as session:
        assert unread_messages.escalate(session, referral, now=scene.now)
    with scene.write() as session:
        assert not unread_messages.escalate(session, referral, now=scene.now)
    assert worker(scene, tmp_path, Kept()).jobs["unread_messages"](scene.now) == 0
    assert (tasks(scene), told(scene)) == ([None], 1)
    scene.act(referral, ReferralVerb.WITHDRAW, COORDINATOR, reason="better_option")
    assert tasks(scene) == ["overtaken"]
