"""Who of a team is told of an emergency, and when: on call, by their settings, with the mail up, down or hanging."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app import messaging
from app.cases import case_presence, emergency_alerts
from app.cases.models import Case, EmergencyAlert
from app.casework import person_news, team_notices
from app.core.db import Database
from app.messaging import member_settings
from app.messaging.channels import Notice, SendingFailed
from app.messaging.kinds import NoticeKind
from app.messaging.models import MemberNotices, OutboxMessage
from app.operations import problem_notices
from app.staff import rota
from app.staff.models import Member, Role
from app.staff.rota import Shift
from app.worker.loop import Worker
from tests.service.test_notices import Kept, worker
from tests.support.cases import ONE, Scene, set_scene
from tests.support.told import ALWAYS, HOURS, member, team_of

SATURDAY_NIGHT = datetime(2026, 11, 28, 21, 40, tzinfo=UTC)  # 22:40 in Warsaw
EVENINGS = (time(20), time(8))


@pytest.fixture
def scene(database: Database) -> Scene:
    scene = set_scene(database)
    scene.now = SATURDAY_NIGHT
    return scene


def on_call(scene: Scene, *members: UUID) -> None:
    with scene.write() as session:
        shifts = [Shift(frozenset(range(7)), *EVENINGS, members)]
        rota.save(session, team_of(scene), shifts, zone="Europe/Warsaw", by=members[0], version=0, now=scene.now)


class Post:
    """The worker's rounds with a channel that keeps what it gets; who got which subject, when."""

    def __init__(self, scene: Scene, var: Path) -> None:
        self.scene, self.channel = scene, Kept()
        self.worker: Worker = worker(scene, var, self.channel)

    def round(self) -> list[tuple[str, str]]:
        self.channel.sent.clear()
        for job in ("escalations", "messages"):
            self.worker.jobs[job](self.scene.now)
        return sorted((mail.address.partition("@")[0], mail.subject) for mail in self.channel.sent)

    def mails(self) -> Sequence[Notice]:
        return self.channel.sent


@pytest.fixture
def post(scene: Scene, tmp_path: Path) -> Post:
    return Post(scene, tmp_path)


def left(scene: Scene) -> list[tuple[str, str, str | None]]:
    with scene.database.begin(write=False) as session:
        rows = session.execute(sa.select(OutboxMessage.kind, OutboxMessage.state, OutboxMessage.last_error))
        return sorted(tuple(row) for row in rows)


NEW, STILL = "1 emergency", "1 emergency that nobody has opened yet"


def test_an_emergency_at_night_reaches_who_is_on_call_then_the_deputy_then_all_seniors(
    scene: Scene, post: Post
) -> None:
    vera, pavel = member(scene, "vera"), member(scene, "pavel")
    member(scene, "sofia", Role.SENIOR)
    on_call(scene, vera, pavel)
    scene.case(ONE, urgency="emergency")
    assert post.round() == [("vera", NEW)], "pavel and sofia sleep"
    scene.later(minutes=14)
    assert post.round() == []
    scene.later(minutes=1)
    assert post.round() == [("pavel", STILL)]
    scene.later(minutes=29)
    assert post.round() == []
    scene.later(minutes=1)
    assert post.round() == [("sofia", STILL)]
    assert post.round() == [], "once"
    scene.later(minutes=45)
    assert post.round() == [("sofia", STILL)]


def test_with_no_rota_and_everybody_asleep_an_emergency_wakes_the_team(scene: Scene, post: Post) -> None:
    member(scene, "vera")
    member(scene, "sofia", Role.SENIOR)
    scene.case(ONE, urgency="emergency")
    assert post.round() == [("sofia", NEW), ("vera", NEW)]
    scene.later(minutes=15)
    assert post.round() == [("sofia", STILL)]


def test_with_no_rota_who_is_awake_is_told_and_the_sleeping_in_the_morning_unless_it_was_opened(
    scene: Scene, post: Post
) -> None:
    member(scene, "vera")
    member(scene, "pavel", hours=ALWAYS)
    case_id = scene.case(ONE, urgency="emergency")
    assert post.round() == [("pavel", NEW)]
    with scene.write() as session:
        emergency_alerts.opened(session, team_of(scene), session.get_one(Case, case_id).label, UUID(int=7))
    scene.later(hours=9)
    assert post.round() == []
    assert ("emergency", "dead", "opened") in left(scene)


def test_with_nobody_who_can_be_told_nothing_counts_as_sent_and_a_senior_who_sets_an_address_later_is_told(
    scene: Scene, post: Post
) -> None:
    member(scene, "vera", hours=None)
    scene.case(ONE, urgency="emergency")
    assert post.round() == []
    assert left(scene) == [("emergency", "dead", "nobody_to_tell")]
    member(scene, "sofia", Role.SENIOR)
    scene.later(minutes=45)
    assert post.round() == [("sofia", STILL)]


def test_an_emergency_in_a_team_of_which_nobody_can_be_told_wakes_the_operators(scene: Scene, post: Post) -> None:
    member(scene, "vera", hours=None)
    member(scene, "olga", Role.ADMIN)
    scene.case(ONE, urgency="emergency")
    assert post.round() == []
    scene.later(minutes=1)
    assert post.round() == [("olga", "1 problem with the service")]
    scene.later(minutes=44)
    assert post.round() == []
    scene.later(minutes=1)
    assert post.round() == [("olga", "1 problem with the service")], "again, until somebody opens it"


@pytest.mark.parametrize("reachable", [True, False])
def test_that_nobody_of_a_team_can_be_told_is_told_before_there_is_an_emergency(
    scene: Scene, post: Post, reachable: bool
) -> None:
    member(scene, "olga", Role.ADMIN)
    if reachable:
        member(scene, "vera")
    post.worker.jobs["problems"](scene.now)
    told = problem_notices.named("team-untold")
    with scene.database.begin(write=False) as session:
        found = session.scalars(sa.select(OutboxMessage.kind).where(OutboxMessage.about_id == told)).all()
    assert found == ([] if reachable else ["problem_urgent"])


def test_with_the_mail_down_the_alert_goes_on_and_everything_arrives_when_it_is_back(scene: Scene, post: Post) -> None:
    vera, pavel = member(scene, "vera"), member(scene, "pavel")
    on_call(scene, vera, pavel)
    post.channel.down = SendingFailed("TimeoutError", affects_all=True)
    scene.case(ONE, urgency="emergency")
    for _ in range(20):
        assert post.round() == []
        scene.later(minutes=1)
    post.channel.down = None
    scene.later(minutes=20)
    assert {who for who, _what in post.round()} == {"vera", "pavel"}
    assert not [state for _kind, state, _why in left(scene) if state == "dead"]


def test_an_address_that_refuses_does_not_cost_the_fifteen_minutes(scene: Scene, post: Post) -> None:
    vera, pavel = member(scene, "vera"), member(scene, "pavel")
    on_call(scene, vera, pavel)
    post.channel.down = SendingFailed("recipient_refused", permanent=True)
    scene.case(ONE, urgency="emergency")
    post.round()
    post.channel.down = None
    assert ("pavel", STILL) in post.round()
    with scene.database.begin(write=False) as session:
        assert session.get_one(MemberNotices, vera).failed_at == SATURDAY_NIGHT


def test_an_emergency_that_was_opened_is_not_escalated(scene: Scene, post: Post) -> None:
    vera, pavel = member(scene, "vera"), member(scene, "pavel")
    on_call(scene, vera, pavel)
    case_id = scene.case(ONE, urgency="emergency")
    post.round()
    with scene.write() as session:
        session.get_one(Case, case_id).owner_id = vera
    scene.later(minutes=15)
    assert post.round() == []
    with scene.database.begin(write=False) as session:
        assert session.scalars(sa.select(EmergencyAlert)).all() == []


def becomes_an_emergency(scene: Scene, case_id: UUID) -> None:
    """As the person's correction does (tests/web/test_person_case_changes.py)."""
    with scene.write() as session:
        case = session.get_one(Case, case_id)
        case.urgency = "emergency"
        about = NoticeKind.BECAME_EMERGENCY
        messaging.queue(session, about, about_id=case_id, team_id=case.team_id, now=scene.now)


def test_a_case_that_becomes_an_emergency_wakes_who_is_on_call_though_a_sleeping_colleague_has_it(
    scene: Scene, post: Post
) -> None:
    vera, pavel = member(scene, "vera"), member(scene, "pavel")
    member(scene, "sofia", Role.SENIOR)
    on_call(scene, vera)
    case_id = scene.case(ONE)
    post.round()
    with scene.write() as session:
        case = session.get_one(Case, case_id)
        case.owner_id = pavel
        case_presence.record(session, case.team_id, case.label, pavel, scene.now)
    scene.later(minutes=5)
    becomes_an_emergency(scene, case_id)
    assert post.round() == [("vera", NEW)], "pavel looked at it when it was none"
    scene.later(minutes=15)
    assert post.round() == [("sofia", STILL)]
    with scene.write() as session:
        emergency_alerts.opened(session, team_of(scene), session.get_one(Case, case_id).label, UUID(int=7))
    scene.later(minutes=45)
    assert post.round() == []


def test_who_leaves_while_on_call_does_not_cost_the_fifteen_minutes(scene: Scene, post: Post) -> None:
    vera, pavel = member(scene, "vera"), member(scene, "pavel")
    on_call(scene, vera, pavel)
    scene.case(ONE, urgency="emergency")
    with scene.write() as session:  # the worker has handed it out, and then she leaves before it is sent
        team_notices.hand_out_due(session, scene.now, 50, first_wait=timedelta(minutes=15))
        session.get_one(Member, vera).active = False
        member_settings.forget(session, vera)
        rota.remove(session, team_of(scene), vera, scene.now)
    assert post.round() == []
    assert post.round() == [("pavel", STILL)]
    scene.later(minutes=1)
    assert post.round() == []


def test_an_alert_goes_on_after_the_worker_was_away(scene: Scene, post: Post, tmp_path: Path) -> None:
    vera, pavel = member(scene, "vera"), member(scene, "pavel")
    member(scene, "sofia", Role.SENIOR, HOURS)
    on_call(scene, vera, pavel)
    scene.case(ONE, urgency="emergency")
    assert post.round() == [("vera", NEW)]
    scene.later(hours=3)
    again = Post(scene, tmp_path)
    assert again.round() == [("pavel", STILL)], "the step that was missed, at once"
    scene.later(minutes=29)
    assert again.round() == []
    scene.later(minutes=1)
    assert again.round() == [("sofia", STILL)], "although she has quiet hours"


@pytest.mark.parametrize(
    ("night", "told"),
    [
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "vera"),  # 02:30 in summer time
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "vera"),  # 02:30 once more
        (datetime(2026, 10, 25, 2, 30, tzinfo=UTC), "pavel"),
        (datetime(2027, 3, 28, 0, 59, tzinfo=UTC), "vera"),  # 01:59
        (datetime(2027, 3, 28, 1, 0, tzinfo=UTC), "pavel"),  # 03:00
    ],
)
def test_in_the_night_in_which_the_clocks_change_somebody_is_always_on_call(
    scene: Scene, post: Post, night: datetime, told: str
) -> None:
    vera, pavel = member(scene, "vera"), member(scene, "pavel")
    with scene.write() as session:
        every_day = frozenset(range(7))
        shifts = [Shift(every_day, time(20), time(3), (vera,)), Shift(every_day, time(3), time(20), (pavel,))]
        rota.save(session, team_of(scene), shifts, zone="Europe/Warsaw", by=vera, version=0, now=scene.now)
    scene.now = night
    scene.case(ONE, urgency="emergency")
    assert post.round() == [(told, NEW)]


def test_two_workers_escalate_once(scene: Scene, post: Post, tmp_path: Path) -> None:
    vera, pavel = member(scene, "vera"), member(scene, "pavel")
    on_call(scene, vera, pavel)
    scene.case(ONE, urgency="emergency")
    post.round()
    scene.later(minutes=15)
    second = Post(scene, tmp_path)
    second.worker.jobs["escalations"](scene.now)
    post.worker.jobs["escalations"](scene.now)
    assert [row for row in left(scene) if row[0] == "emergency_not_opened"] == [
        ("emergency_not_opened", "queued", None)
    ]


def test_what_can_wait_comes_with_the_digest_and_counts_are_all_that_it_says(scene: Scene, post: Post) -> None:
    member(scene, "vera")
    for _ in range(2):
        scene.case(ONE)
    assert post.round() == []
    scene.now = datetime(2026, 11, 29, 7, 0, tzinfo=UTC)  # 8 in Warsaw
    assert post.round() == [("vera", "2 new cases")]
    assert post.mails()[0].text == "2 new cases\n\nSign in to read: http://127.0.0.1:8000/desk/"


def test_a_mail_about_an_emergency_has_its_label_and_its_page_and_nothing_else(scene: Scene, post: Post) -> None:
    member(scene, "vera")
    label = scene.case_row(scene.case(ONE, urgency="emergency", call_me="zinnober", story="zinnober")).label
    post.round()
    text = post.mails()[0].text
    assert text == f"1 emergency\n{label}\n\nSign in to read: http://127.0.0.1:8000/desk/cases/{label}"


def test_a_flood_of_emergencies_comes_together_after_the_first_twenty(scene: Scene, post: Post) -> None:
    vera = member(scene, "vera")
    on_call(scene, vera)
    for _ in range(20):
        scene.case(ONE, urgency="emergency")
    assert len(post.round()) == 1
    scene.case(ONE, urgency="emergency")
    assert post.round() == []
    scene.later(minutes=5)
    assert post.round() == [("vera", NEW)]


def test_a_decoy_alarm_reaches_admins_and_auditors_at_once(scene: Scene, post: Post) -> None:
    member(scene, "admin", Role.ADMIN)
    member(scene, "vera")
    with scene.write() as session:
        messaging.queue(session, NoticeKind.HONEYTOKEN_READ, about_id=uuid4(), now=scene.now)
    assert post.round() == [("admin", "1 alarm")]
    assert post.mails()[0].text.endswith("/desk/operations")


def test_an_answer_reaches_the_owner_of_the_case_and_nobody_else(scene: Scene, post: Post) -> None:
    scene.now = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    vera = member(scene, "vera")
    member(scene, "pavel")
    referral = scene.offered(ONE)
    with scene.write() as session:
        case = session.get_one(Case, scene.row(referral).case_id)
        case.owner_id = vera
        messaging.queue(session, NoticeKind.REFERRAL_DECLINED, about_id=referral, team_id=case.team_id, now=scene.now)
    assert post.round() == [("vera", "1 decision by an organisation")]


SUNDAY_AT_SEVEN = datetime(2026, 11, 29, 6, 0, tzinfo=UTC)  # in Warsaw, where quiet hours end


def mention(scene: Scene, member_id: UUID, urgency: str = "normal") -> None:
    case_id = scene.case(ONE, urgency=urgency)
    with scene.write() as session:
        case = session.get_one(Case, case_id)
        session.execute(sa.delete(OutboxMessage).where(OutboxMessage.kind != "mention"))
        team_notices.tell_member(session, NoticeKind.MENTION, member_id, case, scene.now)


def test_a_mention_reaches_the_one_who_is_meant_after_their_quiet_hours(scene: Scene, post: Post) -> None:
    vera = member(scene, "vera")
    member(scene, "pavel", hours=ALWAYS)
    mention(scene, vera)
    assert post.round() == []
    scene.now = SUNDAY_AT_SEVEN
    assert post.round() == [("vera", "1 note that mentions you")]
    assert post.mails()[0].text.endswith("\n\nSign in to read: http://127.0.0.1:8000/desk/")


def test_a_mention_about_an_emergency_wakes_who_is_on_call_and_nobody_else(scene: Scene, post: Post) -> None:
    vera, pavel = member(scene, "vera"), member(scene, "pavel")
    on_call(scene, vera)
    mention(scene, pavel, urgency="emergency")
    assert post.round() == []
    mention(scene, vera, urgency="emergency")
    assert post.round() == [("vera", "1 note that mentions you")]


def test_a_persons_answer_waits_for_the_morning_unless_it_is_an_emergency_and_somebody_is_on_call(
    scene: Scene, post: Post
) -> None:
    vera, pavel = member(scene, "vera"), member(scene, "pavel")
    on_call(scene, pavel)
    for urgency, told in (("normal", []), ("emergency", [("pavel", "1 answer or message from a person")])):
        case_id = scene.case(ONE, urgency=urgency)
        with scene.write() as session:
            case = session.get_one(Case, case_id)
            case.owner_id = vera
            session.execute(sa.delete(OutboxMessage).where(OutboxMessage.kind != "person_answered"))
            person_news.tell_team(session, case, scene.now)
            person_news.tell_team(session, case, scene.now)
        assert post.round() == told
    scene.now = SUNDAY_AT_SEVEN
    assert post.round() == [("vera", "2 answers or messages from people")]


def test_operators_hear_at_once_of_what_can_cost_help_and_of_the_rest_with_the_daily_notice(
    scene: Scene, post: Post
) -> None:
    member(scene, "admin", Role.ADMIN)
    member(scene, "sofia", Role.SENIOR, hours=ALWAYS)

    def found(*problems: str) -> list[tuple[str, str]]:
        with scene.write() as session:
            problem_notices.tell(session, problems, scene.now)
        return post.round()

    assert found("clocks-late", "backup-old") == [("admin", "1 problem with the service")]
    assert post.mails()[0].text.endswith("/desk/operations")
    assert found("clocks-late", "backup-old", "worker-late", "honeytoken-read") == [], "told, or told otherwise"
    scene.now = datetime(2026, 11, 29, 7, 0, tzinfo=UTC)  # the hour of the daily notice
    assert found("backup-old") == [("admin", "1 problem with the service")]
    assert found("clocks-late") == [], "it comes and goes"
    scene.later(hours=15)
    assert found("clocks-late") == [("admin", "1 problem with the service")]


def test_with_no_admin_who_can_be_told_the_seniors_hear_of_a_problem(scene: Scene, post: Post) -> None:
    member(scene, "admin", Role.ADMIN, hours=None)
    member(scene, "sofia", Role.SENIOR)
    member(scene, "vera")
    with scene.write() as session:
        problem_notices.tell(session, ["way-down"], scene.now)
    assert post.round() == [("sofia", "1 problem with the service")]


def test_the_worker_itself_finds_problems_and_tells_of_them(scene: Scene, post: Post) -> None:
    member(scene, "admin", Role.ADMIN, hours=ALWAYS)
    assert post.worker.jobs["problems"](scene.now) >= 1, "there is no backup"
    assert post.worker.jobs["problems"](scene.now) == 0
    (mail,) = post.round()
    assert mail[0] == "admin"
