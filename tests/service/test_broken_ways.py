"""Addresses that refuse, mails that come back, organisations that hear of nothing, and tests of a way."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app import messaging
from app.casework import broken_addresses
from app.core.db import Database
from app.messaging import address_marks, member_settings, outbox, recipients, way_tests
from app.messaging.bounces import Bounce
from app.messaging.channels import NoticeWay, SendingFailed
from app.messaging.kinds import NoticeKind
from app.messaging.models import MemberNotices, OutboxMessage, PartnerNotices, PersonNotices, TelegramLink
from app.partners.models import OAuthClient
from app.tasks.models import Task
from app.webhooks import reachability
from tests.service.test_notices import Kept, mail_to, wants, worker
from tests.support.cases import ONE, Scene, organisation, set_scene
from tests.support.told import ALWAYS, member

BROKEN = "1 address that refuses notices"


@pytest.fixture
def scene(database: Database) -> Scene:
    return set_scene(database)


class Rounds:
    """The worker's rounds of sending; what was sent, by address and subject."""

    def __init__(self, scene: Scene, var: Path) -> None:
        self.scene, self.channel = scene, Kept()
        self.worker = worker(scene, var, self.channel)

    def sent(self) -> list[tuple[str, str]]:
        self.channel.sent.clear()
        self.worker.jobs["messages"](self.scene.now)
        return sorted((notice.address, notice.subject) for notice in self.channel.sent)

    def notice_id(self) -> UUID:
        return self.channel.sent[-1].id

    def returned(self, notice_id: UUID, status: str = "5.1.1") -> str:
        with self.scene.write() as session:
            found = Bounce(notice_id, status, permanent=status == "5.1.1")
            return broken_addresses.returned(session, found, self.scene.now)


@pytest.fixture
def rounds(scene: Scene, tmp_path: Path) -> Rounds:
    return Rounds(scene, tmp_path)


def of_organisation(scene: Scene) -> PartnerNotices:
    with scene.database.begin(write=False) as session:
        return session.get_one(PartnerNotices, organisation(ONE))


def told_person(scene: Scene) -> UUID:
    """A case whose person has news, at an hour at which they may be told by e-mail."""
    case = scene.case(ONE, answer_by=mail_to())
    with scene.write() as session:
        outbox.notify_person(session, NoticeKind.MESSAGE, about_id=case, case_id=case, now=scene.now)
    scene.now = scene.now.replace(hour=12)
    return case


def tasks_of(scene: Scene) -> list[str]:
    with scene.database.begin(write=False) as session:
        return sorted(session.scalars(sa.select(Task.kind).where(Task.done_at.is_(None))))


def test_a_mail_that_comes_back_days_later_breaks_the_address_and_its_team_is_told(
    scene: Scene, rounds: Rounds
) -> None:
    member(scene, "vera", hours=ALWAYS)
    wants(scene)
    scene.offered(ONE)
    assert ("intake@example.org", "1 new request") in rounds.sent()
    notice_id = next(one.id for one in rounds.channel.sent if one.address == "intake@example.org")
    scene.later(days=5)
    with scene.write() as session:
        outbox.delete_done(session, scene.now)
    assert rounds.returned(notice_id) == "counted"
    assert rounds.returned(notice_id) == "known"
    assert "dead_letter" in tasks_of(scene)
    row = of_organisation(scene)
    assert (row.failed_at, row.refusals) == (scene.now, 1)
    assert ("vera@example.org", BROKEN) in rounds.sent()


def test_that_our_relay_takes_the_next_mail_does_not_mend_what_came_back(scene: Scene, rounds: Rounds) -> None:
    wants(scene)
    scene.offered(ONE)
    rounds.sent()
    rounds.returned(rounds.notice_id())
    scene.offered(ONE)
    assert rounds.sent()
    assert of_organisation(scene).failed_at is not None
    scene.later(days=8)
    scene.offered(ONE)
    rounds.sent()
    assert of_organisation(scene).failed_at is None, "nothing has come back for a week"


def test_a_full_mailbox_breaks_an_address_the_third_time(scene: Scene, rounds: Rounds) -> None:
    wants(scene)
    for number in (1, 2, 3):
        scene.offered(ONE)
        rounds.sent()
        rounds.returned(rounds.notice_id(), "5.2.2")
        row = of_organisation(scene)
        assert (row.refusals, row.failed_at is not None) == (number, number == 3)


def test_a_report_about_nothing_of_ours_changes_nothing(scene: Scene, rounds: Rounds) -> None:
    wants(scene)
    assert rounds.returned(uuid4()) == "unknown"
    assert of_organisation(scene).refusals is None


def test_a_persons_mail_that_comes_back_forgets_the_address_and_asks_the_desk(scene: Scene, rounds: Rounds) -> None:
    case = told_person(scene)
    assert rounds.sent()
    assert rounds.returned(rounds.notice_id()) == "counted"
    assert "tell_person" in tasks_of(scene)
    with scene.database.begin(write=False) as session:
        assert session.get(PersonNotices, case) is None


def test_the_mail_of_a_person_that_comes_back_late_leaves_the_address_that_they_have_corrected(
    scene: Scene, rounds: Rounds
) -> None:
    case = told_person(scene)
    assert rounds.sent()
    with scene.write() as session:
        how = mail_to(address="right@example.org", good_times="")
        recipients.set_person_notices(session, scene.keys, case, how, zone="Europe/Warsaw", language="ru")
    assert rounds.returned(rounds.notice_id()) == "counted"
    assert "tell_person" in tasks_of(scene)
    with scene.database.begin(write=False) as session:
        found = recipients.person_contact(session, scene.keys, case)
    assert found is not None
    assert found[0].address == "right@example.org"


def test_a_mail_that_comes_back_ends_no_link_by_which_telegram_is_being_connected(scene: Scene, rounds: Rounds) -> None:
    case = told_person(scene)
    assert rounds.sent()
    with scene.write() as session:
        waiting = {
            "case_id": case, "token_mac": case.bytes * 2, "may_say_who": False, "good_hours": [], "zone": "UTC",
            "language": "ru", "expires_at": scene.now,
        }  # fmt: skip
        session.execute(sa.insert(TelegramLink), waiting)
    rounds.returned(rounds.notice_id())
    with scene.database.begin(write=False) as session:
        assert session.get(PersonNotices, case) is None
        assert session.get(TelegramLink, case) is not None


def test_a_person_whose_mail_went_where_nobody_knows_keeps_the_address(scene: Scene, rounds: Rounds) -> None:
    case = told_person(scene)
    assert rounds.sent()
    with scene.write() as session:
        session.execute(sa.update(OutboxMessage).values(address_mark=None, sent_as=None))  # by an earlier version
    assert rounds.returned(rounds.notice_id()) == "counted"
    with scene.database.begin(write=False) as session:
        assert session.get(PersonNotices, case) is not None


def test_a_corrected_address_of_a_member_or_an_organisation_does_not_suffer(scene: Scene, rounds: Rounds) -> None:
    vera = member(scene, "vera", hours=ALWAYS)
    wants(scene)
    scene.offered(ONE, urgency="emergency")
    rounds.sent()
    sent = {one.address: one.id for one in rounds.channel.sent}
    with scene.write() as session:
        settings, version = member_settings.read(session, scene.keys, vera)
        new = replace(settings, address="vera2@example.org")
        member_settings.save(session, scene.keys, vera, new, version=version, now=scene.now)
        theirs, version = recipients.notice_settings(session, scene.keys, organisation(ONE))
        other = replace(theirs, address="other@example.org")
        recipients.save_notice_settings(
            session, scene.keys, organisation(ONE), other, zone="UTC", version=version, now=scene.now
        )
    assert rounds.returned(sent["vera@example.org"]) == "counted"
    assert rounds.returned(sent["intake@example.org"]) == "counted"
    assert "dead_letter" in tasks_of(scene)
    row = of_organisation(scene)
    assert (row.failed_at, row.refusals, row.bounced_at) == (None, None, None)
    with scene.database.begin(write=False) as session:
        theirs_now = session.get_one(MemberNotices, vera)
        assert (theirs_now.failed_at, theirs_now.refusals, theirs_now.bounced_at) == (None, None, None)


def test_a_member_who_is_told_by_another_way_now_has_no_broken_address(scene: Scene, rounds: Rounds) -> None:
    vera = member(scene, "vera", hours=ALWAYS)
    scene.case(ONE, urgency="emergency")
    rounds.sent()
    with scene.write() as session:
        session.execute(sa.update(MemberNotices).values(way=NoticeWay.SIGNAL))
    assert rounds.returned(rounds.notice_id()) == "counted"
    with scene.database.begin(write=False) as session:
        assert session.get_one(MemberNotices, vera).failed_at is None


def test_every_message_of_a_mail_that_comes_back_is_undelivered(scene: Scene, rounds: Rounds) -> None:
    wants(scene)
    for _ in range(3):
        scene.offered(ONE)
    rounds.sent()
    mail = rounds.notice_id()
    assert rounds.returned(mail) == "counted"
    assert rounds.returned(mail) == "known"
    with scene.database.begin(write=False) as session:
        to_them = OutboxMessage.organisation_id == organisation(ONE)
        stored = session.execute(sa.select(OutboxMessage.state, OutboxMessage.last_error).where(to_them)).all()
    assert [tuple(row) for row in stored] == [("dead", "bounced_5.1.1")] * 3
    assert tasks_of(scene).count("dead_letter") == 3
    assert of_organisation(scene).refusals == 1, "one mail"


def test_a_second_report_of_a_mail_does_not_stop_what_is_sent_again(scene: Scene, rounds: Rounds) -> None:
    wants(scene)
    scene.offered(ONE)
    rounds.sent()
    mail = rounds.notice_id()
    rounds.returned(mail)
    with scene.write() as session:
        outbox.retry(session, mail, scene.now)
    assert rounds.returned(mail) == "known"
    with scene.database.begin(write=False) as session:
        assert session.get_one(OutboxMessage, mail).state == "queued"


def test_a_link_that_comes_back_breaks_no_address_of_notices(scene: Scene, rounds: Rounds) -> None:
    """It can have gone to the directory's address."""
    wants(scene)
    referral = scene.offered(ONE)
    with scene.write() as session:
        session.execute(sa.delete(OutboxMessage))
        messaging.queue(
            session, NoticeKind.REFERRAL_LINK, about_id=referral, organisation_id=organisation(ONE), now=scene.now
        )
        message = session.scalars(sa.select(OutboxMessage)).one()
        outbox.mark_sent(session, [message.id], scene.now, sent_as=message.id)
        notice_id = message.id
    assert rounds.returned(notice_id) == "counted"
    assert "dead_letter" in tasks_of(scene)
    assert of_organisation(scene).refusals is None


def test_a_mark_of_an_address_is_none_without_one_and_another_after_each_save(scene: Scene) -> None:
    wants(scene)
    before = address_marks.mark_of(of_organisation(scene))
    with scene.write() as session:
        theirs, version = recipients.notice_settings(session, scene.keys, organisation(ONE))
        recipients.save_notice_settings(
            session, scene.keys, organisation(ONE), theirs, zone="UTC", version=version, now=scene.now
        )
    after = address_marks.mark_of(of_organisation(scene))
    assert before is not None
    assert after is not None
    assert before != after
    assert address_marks.mark_of(None) is None


def test_a_members_mail_that_comes_back_takes_them_off_the_list_and_colleagues_hear(
    scene: Scene, rounds: Rounds
) -> None:
    vera = member(scene, "vera", hours=ALWAYS)
    member(scene, "pavel", hours=ALWAYS)
    scene.case(ONE, urgency="emergency")
    rounds.sent()
    notice_id = next(one.id for one in rounds.channel.sent if one.address == "vera@example.org")
    assert rounds.returned(notice_id) == "counted"
    with scene.database.begin(write=False) as session:
        assert session.get_one(MemberNotices, vera).failed_at == scene.now
    assert rounds.sent() == [("pavel@example.org", BROKEN)]


def test_an_organisation_that_hears_of_nothing_is_a_task_and_never_passed_over(scene: Scene, rounds: Rounds) -> None:
    scene.offered(ONE)
    assert rounds.sent() == []
    assert tasks_of(scene) == [], "a program of theirs pulls"
    with scene.write() as session:
        session.execute(sa.update(OAuthClient).values(active=False))
        assert reachability.notified(session, [organisation(ONE)], scene.now) == frozenset()
    scene.offered(ONE)
    rounds.sent()
    assert tasks_of(scene) == ["tell_centre"]


def test_a_test_goes_out_alone_and_says_what_the_other_end_answered(scene: Scene, rounds: Rounds) -> None:
    vera = member(scene, "vera")

    def ask() -> None:
        with scene.write() as session:
            way_tests.ask(session, scene.now, member_id=vera)

    def said() -> tuple[str, bool | None]:
        with scene.database.begin(write=False) as session:
            outcome = way_tests.last(session, member_id=vera)
        assert outcome is not None
        return str(outcome.text), outcome.is_good

    ask()
    assert said() == (way_tests.WAITS, None)
    assert rounds.sent() == [("vera@example.org", "1 test: notices reach you here")], "also in quiet hours"
    assert said() == (way_tests.SENT, True)
    scene.later(hours=1)
    rounds.channel.down = SendingFailed("smtp_554", affects_all=True)
    ask()
    rounds.sent()
    assert said() == ("The mail server refused with the code 554.", False)
    assert tasks_of(scene) == [], "whoever asked reads the answer"
    with scene.database.begin(write=False) as session:
        assert session.scalars(sa.select(OutboxMessage.dropped_at).where(OutboxMessage.state == "dead")).all() != [None]
