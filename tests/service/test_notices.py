"""Notices: to partners counts and a link, at once or with their digest; to a person only as their own rules allow."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from app.cases import transitions
from app.core import keyring
from app.core.db import Database
from app.core.i18n import STAFF, translator
from app.directory.packs import load_packs
from app.messaging import outbox as messaging_outbox
from app.messaging import recipients
from app.messaging.channels import FileChannel, Notice, SendingFailed
from app.messaging.models import OutboxMessage, PartnerNotices, PersonNotices
from app.messaging.recipients import NoticeSettings
from app.messaging.rules import ContactRules, Verdict, may_notify, next_digest
from app.messaging.smtp import MailServer, SmtpChannel
from app.operations.encrypted_columns import ENCRYPTED_COLUMNS
from app.operations.privileges import DatabaseRole
from app.operations.rotation import reencrypt_batch
from app.privacy import service as privacy
from app.referrals.states import ReferralVerb
from app.settings import Settings
from app.staff import service as staff
from app.staff.models import Role as StaffRole
from app.tasks.models import Task
from app.worker.loop import Worker
from tests.support.cases import ONE, START, Scene, organisation, partner, set_scene
from tests.support.databases import under
from tests.support.smtp import HOST, FakeMailServer, mail_server

WARSAW = ZoneInfo("Europe/Warsaw")


@pytest.fixture
def scene(database: Database) -> Scene:
    return set_scene(database)


class Kept:
    """A channel that keeps what it was given, or is down."""

    def __init__(self) -> None:
        self.sent: list[Notice] = []
        self.down: SendingFailed | None = None
        self.breaks_on = ""
        self.tried = 0

    def takes(self, notice: Notice) -> bool:
        return bool(notice.address)

    def send(self, notice: Notice) -> None:
        self.tried += 1
        if self.down is not None:
            raise self.down
        if notice.address == self.breaks_on:
            raise RuntimeError
        self.sent.append(notice)


def worker(scene: Scene, var: Path, channel: Kept | FileChannel | SmtpChannel) -> Worker:
    return Worker(
        under(scene.database, DatabaseRole.WORKER),
        scene.keys,
        load_packs(),
        Settings(var=var),
        lambda: scene.now,
        channel=channel,
    )


def post(scene: Scene, var: Path, channel: Kept | FileChannel | SmtpChannel) -> int:
    return worker(scene, var, channel).jobs["messages"](scene.now)


def wants(scene: Scene, **wanted: object) -> None:
    with scene.write() as session:
        new = NoticeSettings(**{"address": "intake@example.org", **wanted})  # type: ignore[arg-type]
        recipients.save_notice_settings(
            session, scene.keys, organisation(ONE), new, zone="Europe/Warsaw", version=0, now=scene.now
        )


def outbox(scene: Scene) -> list[OutboxMessage]:
    with scene.database.begin(write=False) as session:
        return list(session.scalars(sa.select(OutboxMessage).where(OutboxMessage.team_id.is_(None))))


def test_what_is_due_for_a_partner_goes_out_as_one_mail_with_counts_and_a_link(scene: Scene, tmp_path: Path) -> None:
    wants(scene)
    for _ in range(2):
        scene.offered(ONE)
    ended = scene.offered(ONE)
    scene.act(ended, ReferralVerb.WITHDRAW, reason="mistake")
    channel = Kept()
    post(scene, tmp_path, channel)
    (mail,) = channel.sent
    assert mail.address == "intake@example.org"
    assert "3 new requests\n1 request that has ended" in mail.text
    assert mail.text.endswith("/partner/")
    assert {message.state for message in outbox(scene)} == {"sent"}
    assert post(scene, tmp_path, channel) == 0


def test_a_mail_to_an_organisation_is_in_the_language_that_its_members_chose(scene: Scene, tmp_path: Path) -> None:
    wants(scene)
    scene.offered(ONE)
    with scene.write() as session:
        member = staff.add_member(
            session, scene.keys, "rasa", StaffRole.PARTNER, "six words that nobody guesses", scene.now,
            organisation_id=organisation(ONE),
        ).member  # fmt: skip
        staff.choose_language(session, member.id, "lt")
    channel = Kept()
    post(scene, tmp_path, channel)
    (mail,) = channel.sent
    words = translator("lt", STAFF)
    assert mail.subject == words.plural("{n} new request", "{n} new requests", 1) != "1 new request"
    assert words.text("Sign in to read: {link}", link="").strip() in mail.text


def test_a_digest_waits_for_its_hour_and_an_emergency_does_not(scene: Scene, tmp_path: Path) -> None:
    wants(scene, digest_hour=8)
    scene.offered(ONE)
    channel = Kept()
    post(scene, tmp_path, channel)
    assert channel.sent == []
    scene.offered(ONE, urgency="emergency")
    post(scene, tmp_path, channel)
    assert [mail.subject for mail in channel.sent] == ["1 new request"]
    scene.now = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)  # 8 in Warsaw
    post(scene, tmp_path, channel)
    assert len(channel.sent) == 2


def test_an_organisation_without_an_address_is_left_alone_and_no_task_is_made_of_it(
    scene: Scene, tmp_path: Path
) -> None:
    scene.offered(ONE)
    channel = Kept()
    assert post(scene, tmp_path, channel) == 0
    assert [(one.state, one.last_error, one.dropped_at) for one in outbox(scene)] == [("dead", "no_address", scene.now)]
    with scene.database.begin(write=False) as session:
        assert session.scalars(sa.select(Task)).all() == []


def test_a_dead_channel_costs_one_try_and_the_rest_keep_all_theirs(scene: Scene, tmp_path: Path) -> None:
    wants(scene)
    scene.offered(ONE)
    case = scene.case(ONE, answer_by=mail_to())
    with scene.write() as session:
        messaging_outbox.notify_person(session, "message", about_id=case, case_id=case, now=scene.now)
    channel = Kept()
    channel.down = SendingFailed("TimeoutError", affects_all=True)
    post(scene, tmp_path, channel)
    assert sorted(message.attempts for message in outbox(scene)) == [0, 1]
    channel.down = None
    scene.later(minutes=2)
    post(scene, tmp_path, channel)
    assert len(channel.sent) == 2


def test_what_can_never_be_delivered_becomes_a_task(scene: Scene, tmp_path: Path) -> None:
    wants(scene)
    scene.offered(ONE)
    channel = Kept()
    channel.down = SendingFailed("recipient_refused")
    for _ in range(len(messaging_outbox.BACK_OFF) + 1):
        post(scene, tmp_path, channel)
        scene.later(days=1)
    (message,) = outbox(scene)
    assert (message.state, message.last_error, message.dropped_at) == ("dead", "recipient_refused", None)
    with scene.database.begin(write=False) as session:
        assert session.scalars(sa.select(Task.kind).where(Task.done_at.is_(None))).all() == ["dead_letter"]


# --- the person ------------------------------------------------------------------------------------------------------


def mail_to(**rules: object) -> dict[str, object]:
    return {
        "channel": "email",
        "address": "me@example.net",
        "may_say_who": False,
        "may_leave_message": True,
        "notify": True,
        **rules,
    }


def accepted(scene: Scene, **rules: object) -> UUID:
    referral = scene.offered(ONE, scene.case(ONE, answer_by=mail_to(**rules)))
    scene.act(referral, ReferralVerb.ACCEPT, partner(ONE))
    return referral


def test_a_person_who_asked_for_it_hears_that_there_is_news_and_nothing_else(scene: Scene, tmp_path: Path) -> None:
    accepted(scene)
    channel = Kept()
    post(scene, tmp_path, channel)
    (mail,) = channel.sent
    assert (mail.address, mail.subject, mail.text) == ("me@example.net", "Новости", "Для вас есть новости.")
    with scene.database.begin(write=False) as session:
        assert b"example.net" not in session.scalars(sa.select(PersonNotices.how)).one()


def test_with_leave_to_say_who_the_mail_says_where_to_come_back(scene: Scene, tmp_path: Path) -> None:
    accepted(scene, may_say_who=True)
    channel = Kept()
    post(scene, tmp_path, channel)
    assert "http://127.0.0.1:8000" in channel.sent[0].text


def test_who_did_not_ask_is_never_written_to_and_no_address_is_kept(scene: Scene, tmp_path: Path) -> None:
    accepted(scene, notify=False)
    channel = Kept()
    post(scene, tmp_path, channel)
    assert channel.sent == []
    with scene.database.begin(write=False) as session:
        assert session.scalars(sa.select(PersonNotices)).all() == []


def test_without_leave_for_a_message_the_desk_is_asked_instead(scene: Scene, tmp_path: Path) -> None:
    accepted(scene, may_leave_message=False)
    channel = Kept()
    post(scene, tmp_path, channel)
    assert channel.sent == []
    with scene.database.begin(write=False) as session:
        assert session.scalars(sa.select(Task.kind).where(Task.done_at.is_(None))).all() == ["tell_person"]


def test_the_desk_is_asked_once_about_one_notice(scene: Scene, tmp_path: Path) -> None:
    """Also after the task is done: the notice itself has an end, and is not looked at again."""
    accepted(scene, may_leave_message=False)
    post(scene, tmp_path, Kept())
    with scene.write() as session:
        session.execute(sa.update(Task).values(done_at=scene.now, ending="done"))
    for _ in range(2):
        scene.later(minutes=30)
        post(scene, tmp_path, Kept())
    with scene.database.begin(write=False) as session:
        assert session.scalars(sa.select(Task.kind).where(Task.done_at.is_(None))).all() == []
        about = sa.select(OutboxMessage.state, OutboxMessage.last_error).where(OutboxMessage.case_id.is_not(None))
        assert {tuple(row) for row in session.execute(about)} == {("dead", "asked_desk")}


def test_outside_of_good_hours_it_waits_for_the_next(scene: Scene, tmp_path: Path) -> None:
    accepted(scene, good_hours=["evening"])
    channel = Kept()
    post(scene, tmp_path, channel)
    assert channel.sent == []
    scene.now = START.replace(hour=16, minute=30)  # 17:30 in Warsaw
    post(scene, tmp_path, channel)
    assert [mail.address for mail in channel.sent] == ["me@example.net"]


def test_the_address_goes_with_the_contact(scene: Scene) -> None:
    referral = accepted(scene)
    with scene.write() as session:
        privacy.erase(
            session, transitions.locked(session, scene.row(referral).case_id), actor_kind="person", now=scene.now
        )
        assert session.scalars(sa.select(PersonNotices)).all() == []


HOW = ContactRules("email", "a@b.test", may_say_who=False, may_leave_message=True, good_hours=(), good_times="")


@pytest.mark.parametrize(
    ("hours", "hour", "verdict", "until"),
    [
        ((), 8, Verdict.WAIT, 9),
        ((), 9, Verdict.SEND, None),
        ((), 19, Verdict.SEND, None),
        ((), 20, Verdict.WAIT, 9),
        (("evening",), 12, Verdict.WAIT, 17),
        (("morning", "evening"), 13, Verdict.WAIT, 17),
        (("weekend",), 12, Verdict.WAIT, 9),
    ],
)
def test_good_hours_are_kept_to(hours: tuple[str, ...], hour: int, verdict: Verdict, until: int | None) -> None:
    how = ContactRules(HOW.channel, HOW.address, HOW.may_say_who, HOW.may_leave_message, hours, "")
    found, moment = may_notify(how, datetime(2026, 11, 24, hour, 0, tzinfo=WARSAW))
    assert found is verdict
    assert (moment.hour if moment else None) == until


@pytest.mark.parametrize(
    "how",
    [
        ContactRules("signal", "+48 600", may_say_who=True, may_leave_message=True, good_hours=(), good_times=""),
        ContactRules("email", "a@b.test", may_say_who=True, may_leave_message=False, good_hours=(), good_times=""),
        ContactRules(
            "email", "a@b.test", may_say_who=True, may_leave_message=True, good_hours=(), good_times="not at night"
        ),
    ],
)
def test_what_only_people_can_judge_no_machine_does(how: ContactRules) -> None:
    assert may_notify(how, datetime(2026, 11, 24, 12, 0, tzinfo=WARSAW)) == (Verdict.ASK_DESK, None)


def test_the_next_digest_is_today_or_tomorrow_by_local_time() -> None:
    seven = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
    assert next_digest(seven, 7, WARSAW) == seven
    assert next_digest(seven + timedelta(minutes=1), 7, WARSAW) == seven + timedelta(days=1)


# --- mail ------------------------------------------------------------------------------------------------------------


def notice() -> Notice:
    return Notice(
        uuid4(), "organisation:x", "1 new request", "1 new request\n\nSign in to read: https://x.test", "a@b.test"
    )


def test_mail_goes_out_encrypted_with_the_same_id_for_the_same_notice(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        channel = SmtpChannel(
            MailServer(HOST, server.port, "starttls", "Pristan <post@pristan.test>"), context=server.trust()
        )
        one = notice()
        channel.send(one)
        channel.send(one)
        assert server.encrypted == [True, True]
        assert {mail["Message-ID"] for mail in server.mails} == {f"<{one.id.hex}@pristan.test>"}
        assert server.mails[0]["To"] == "a@b.test"
        assert "Sign in to read" in str(server.mails[0].get_payload())


@pytest.mark.parametrize(
    ("behaves", "why", "affects_all"),
    [
        ("refuses", "recipient_refused", False),
        ("hangs", "too_slow", True),
        ("trickles", "too_slow", True),
        ("cuts", "SMTPServerDisconnected", False),
        ("goes", "smtp_421", True),
        ("plain", "SMTPNotSupportedError", True),
    ],
)
def test_a_server_that_refuses_hangs_or_speaks_in_the_clear_gets_nothing(
    tmp_path: Path, behaves: str, why: str, affects_all: bool
) -> None:
    with mail_server(tmp_path) as server:
        server.behaves = behaves
        channel = SmtpChannel(
            MailServer(
                HOST,
                server.port,
                "starttls",
                "post@pristan.test",
                timeout=0.5 if behaves in {"hangs", "trickles"} else 30,
            ),
            context=server.trust(),
        )
        with pytest.raises(SendingFailed) as down:
            channel.send(notice())
        assert (down.value.reason, down.value.affects_all, server.mails) == (why, affects_all, [])


def mailer(server: FakeMailServer, timeout: float = 30) -> SmtpChannel:
    return SmtpChannel(
        MailServer(HOST, server.port, "starttls", "post@pristan.test", timeout=timeout), context=server.trust()
    )


def to(address: str) -> Notice:
    return Notice(uuid4(), "case:x", "News", "There is something new for you.", address)


def test_a_cyrillic_domain_goes_out_as_punycode(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        mailer(server).send(to("post@почта.рф"))
        assert server.recipients == ["post@xn--80a1acny.xn--p1ai"]
        assert server.mails[0]["To"] == "post@xn--80a1acny.xn--p1ai"


def test_a_name_in_cyrillic_needs_a_relay_that_knows_smtputf8(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        with pytest.raises(SendingFailed) as failed:
            mailer(server).send(to("почта@почта.рф"))
        assert (failed.value.reason, failed.value.affects_all, failed.value.permanent) == (
            "smtputf8_not_supported", False, True,
        )  # fmt: skip
        server.behaves = "knows_utf8"
        mailer(server).send(to("почта@почта.рф"))
        assert server.recipients == ["почта@xn--80a1acny.xn--p1ai"]


@pytest.mark.parametrize(
    ("said", "permanent"),
    [
        ("550 5.1.1 nobody of this name", True),
        ("550 5.7.1 relaying denied", False),
        ("451 4.7.1 come back later", False),
        ("552 5.2.2 mailbox full", False),
    ],
)
def test_only_an_address_that_does_not_exist_is_given_up_at_once(tmp_path: Path, said: str, permanent: bool) -> None:
    with mail_server(tmp_path) as server:
        server.refused["gone@b.test"] = said
        with pytest.raises(SendingFailed) as failed:
            mailer(server).send(to("gone@b.test"))
        assert (failed.value.reason, failed.value.affects_all, failed.value.permanent) == (
            "recipient_refused", False, permanent,
        )  # fmt: skip


def test_a_mail_that_the_server_has_taken_is_sent_whatever_it_does_then(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        server.behaves = "forgets"
        mailer(server, timeout=30).send(to("a@b.test"))
        assert len(server.mails) == 1


def test_one_address_that_the_relay_cannot_take_does_not_stop_those_behind_it(scene: Scene, tmp_path: Path) -> None:
    addresses = ["почта@почта.рф", "gone@example.net", "me@пример.рф", "you@example.net"]
    for address in addresses:
        case = scene.case(ONE, answer_by=mail_to(address=address))
        with scene.write() as session:
            messaging_outbox.notify_person(session, "message", about_id=case, case_id=case, now=scene.now)
    with mail_server(tmp_path) as server:
        server.refused["gone@example.net"] = "550 5.1.1 nobody of this name"
        assert post(scene, tmp_path, mailer(server)) == 2
        assert sorted(server.recipients) == ["me@xn--e1afmkfd.xn--p1ai", "you@example.net"]
    states = sorted((message.state, message.last_error) for message in outbox(scene) if message.case_id)
    assert states == [
        ("dead", "recipient_refused"), ("dead", "smtputf8_not_supported"), ("sent", None), ("sent", None),
    ]  # fmt: skip
    with scene.database.begin(write=False) as session:
        assert session.scalars(sa.select(Task.kind).where(Task.done_at.is_(None))).all() == ["dead_letter"] * 2


def test_a_relay_that_is_down_is_left_alone_for_a_minute_and_costs_one_deadline(scene: Scene, tmp_path: Path) -> None:
    for _ in range(3):
        case = scene.case(ONE, answer_by=mail_to())
        with scene.write() as session:
            messaging_outbox.notify_person(session, "message", about_id=case, case_id=case, now=scene.now)
    channel = Kept()
    channel.down = SendingFailed("too_slow", affects_all=True)
    loop = worker(scene, tmp_path, channel)
    loop.jobs["messages"](scene.now)
    channel.down = None
    loop.jobs["messages"](scene.now)
    assert (channel.tried, channel.sent) == (1, [])
    scene.later(minutes=1)
    loop.jobs["messages"](scene.now)
    assert sorted(message.attempts for message in outbox(scene) if message.case_id) == [1, 1, 2]
    assert len(channel.sent) == 3


def test_a_channel_that_breaks_on_one_notice_sends_the_others(scene: Scene, tmp_path: Path) -> None:
    wants(scene)
    scene.offered(ONE)
    case = scene.case(ONE, answer_by=mail_to())
    with scene.write() as session:
        messaging_outbox.notify_person(session, "message", about_id=case, case_id=case, now=scene.now)
    channel = Kept()
    channel.breaks_on = "me@example.net"
    post(scene, tmp_path, channel)
    assert [mail.address for mail in channel.sent] == ["intake@example.org"]


def test_mail_in_the_clear_to_another_machine_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="must be encrypted"):
        Settings(smtp_host="mail.example.org", smtp_from="a@b.test", smtp_security="none")
    with pytest.raises(ValueError, match="SMTP_FROM"):
        Settings(smtp_host="mail.example.org")


def test_offers_by_country_are_read_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRISTAN_AUTO_OFFER_BY_COUNTRY", '{"PL": "at_once", "DE": "PT4H", "GE": "by_hand"}')
    settings = Settings(auto_offer_after=timedelta(days=1))
    assert [settings.offer_after(code) for code in ("PL", "DE", "GE", "LT")] == [
        timedelta(0), timedelta(hours=4), None, timedelta(days=1),
    ]  # fmt: skip
    assert settings.by_hand == {"GE"}


def test_both_addresses_are_reencrypted_with_the_epoch(scene: Scene, tmp_path: Path) -> None:
    wants(scene)
    case = scene.case(ONE, answer_by=mail_to())
    scene.keys.save(tmp_path / "keys.json")
    ring = keyring.begin_epoch(tmp_path / "keys.json", START.date())
    for one in ENCRYPTED_COLUMNS:
        if one.model in {PartnerNotices, PersonNotices}:
            assert reencrypt_batch(scene.database, ring, one) == (1, 0, None)
    keyring.end_epochs(tmp_path / "keys.json", ring.current)
    only_new = keyring.KeyRing.load(tmp_path / "keys.json")
    with scene.database.begin(write=False) as session:
        assert recipients.address_of(session, only_new, organisation(ONE)) == "intake@example.org"
        found = recipients.person_contact(session, only_new, case)
        assert found is not None
        assert found[0].address == "me@example.net"
