"""Notices by Signal and Telegram: what is sent, and what happens when a gateway refuses, hangs, limits, breaks or is cut off."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import messaging
from app.cases import transitions
from app.casework import notice_delivery
from app.casework.sending_lanes import Lanes
from app.core.db import Database
from app.directory.packs import load_packs
from app.messaging import recipients, telegram_links
from app.messaging.channels import Channel, Notice, NoticeWay, SendingFailed
from app.messaging.gateway import Gateway, GatewayAnswer
from app.messaging.kinds import NoticeKind
from app.messaging.models import OutboxMessage, PersonNotices, TelegramLink
from app.messaging.rules import ContactRules
from app.messaging.signal import SignalChannel, recipient_of
from app.messaging.team_ways import TeamWays
from app.messaging.telegram import TelegramBot, TelegramChannel
from app.messaging.telegram_updates import TelegramPoller
from app.operations import heartbeats
from app.operations.privileges import DatabaseRole
from app.privacy import service as privacy
from app.settings import Settings
from app.tasks.models import Task
from app.worker.loop import Worker
from tests.support.cases import ONE, Scene, set_scene
from tests.support.databases import under
from tests.support.gateways import TOKEN, FakeGateway, gateway

OURS = "+48600000000"
THEIRS = "+48600123456"
CHAT = "4242"
SHORT = 0.4
"""The deadline of an exchange that is to run out."""


@pytest.fixture
def scene(database: Database) -> Scene:
    return set_scene(database)


def channel_to(kind: str, fake: FakeGateway, timeout: float = 30) -> Channel:
    if kind == "signal":
        return SignalChannel(Gateway(fake.address, timeout), OURS)
    return TelegramChannel(TelegramBot(Gateway(f"{fake.address}/bot{TOKEN}", timeout)))


def notice_to(address: str) -> Notice:
    return Notice(uuid4(), "case:x", "News", "There is something new for you.", address)


ADDRESS = {"signal": THEIRS, "telegram": CHAT}


@pytest.fixture(params=["signal", "telegram"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fake(kind: str) -> Iterator[FakeGateway]:
    with gateway(kind) as server:
        yield server


def test_a_notice_is_sent_as_text_alone(kind: str, fake: FakeGateway) -> None:
    channel_to(kind, fake).send(notice_to(ADDRESS[kind]))
    assert [(to, fake.texts[0]) for to, _ in fake.sent] == [(ADDRESS[kind], "There is something new for you.")]


@pytest.mark.parametrize(
    ("behaves", "reason"),
    [
        ("hangs", "too_slow"),
        ("trickles", "too_slow"),
        ("cuts", "RemoteProtocolError"),
        ("halves", "RemoteProtocolError"),
        ("page", "not_understood"),
        ("lists", "not_understood"),
        ("floods", "answer_too_long"),
        ("refuses", "http_403"),
        ("moves", "http_302"),
        ("503", "http_503"),
        ("401", "http_401"),
    ],
)
def test_a_gateway_that_misbehaves_fails_for_all_and_is_waited_for_until_the_deadline(
    kind: str, fake: FakeGateway, behaves: str, reason: str
) -> None:
    fake.behaves = behaves
    timeout = SHORT if reason == "too_slow" else 30
    with pytest.raises(SendingFailed) as failed:
        channel_to(kind, fake, timeout).send(notice_to(ADDRESS[kind]))
    assert (failed.value.reason, failed.value.affects_all, failed.value.permanent) == (reason, True, False)
    assert not failed.value.address_gone
    assert fake.sent == []


def test_a_limit_is_waited_for(kind: str, fake: FakeGateway) -> None:
    fake.waits = 40
    with pytest.raises(SendingFailed) as failed:
        channel_to(kind, fake).send(notice_to(ADDRESS[kind]))
    asked = timedelta(seconds=40) if kind == "telegram" else timedelta(minutes=15)
    assert (failed.value.affects_all, failed.value.retry_after) == (True, asked)


@pytest.mark.parametrize("said", ["User +48600000000 is not registered.", "Specified account does not exist"])
def test_our_own_number_that_signal_no_longer_knows_fails_for_all_and_costs_nobody_their_address(said: str) -> None:
    class Unregistered(Gateway):
        def post(self, *_what: object, **_how: object) -> GatewayAnswer:
            return GatewayAnswer(400, {"error": said})

    with pytest.raises(SendingFailed) as failed:
        SignalChannel(Unregistered("http://127.0.0.1:9"), OURS).send(notice_to(THEIRS))
    assert (failed.value.affects_all, failed.value.permanent, failed.value.address_gone) == (True, False, False)


def test_who_has_blocked_us_or_is_gone_is_refused_alone_and_for_good(kind: str, fake: FakeGateway) -> None:
    fake.gone.add(ADDRESS[kind])
    with pytest.raises(SendingFailed) as failed:
        channel_to(kind, fake).send(notice_to(ADDRESS[kind]))
    assert (failed.value.reason, failed.value.affects_all, failed.value.address_gone) == (
        "recipient_refused", False, True,
    )  # fmt: skip


def test_no_error_holds_a_token_an_address_or_a_text(
    kind: str, fake: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    for behaves in ("cuts", "503", "well"):
        fake.behaves = behaves
        fake.gone.add(ADDRESS[kind])
        with pytest.raises(SendingFailed) as failed:
            channel_to(kind, fake).send(notice_to(ADDRESS[kind]))
        seen = f"{failed.value!r} {failed.value} {failed.value.__cause__!r}"
        assert not any(secret in seen for secret in (TOKEN, ADDRESS[kind], "something new"))
    printed = capsys.readouterr()
    assert not any(secret in printed.out + printed.err for secret in (TOKEN, ADDRESS[kind], "something new"))


@pytest.mark.parametrize(
    ("typed", "country", "sent_to"),
    [
        ("+48 600 123 456", "", THEIRS),
        ("600 123 456", "PL", THEIRS),
        ("8 916 123-45-67", "GE", ""),
        ("made_up.42", "", "made_up.42"),
        ("@made_up.42", "", "made_up.42"),
        ("ask my sister", "PL", ""),
        ("+48 600 123 456, +48 600 123 457", "", ""),
        ("", "PL", ""),
    ],
)
def test_signal_is_written_to_only_where_one_account_can_be_meant(typed: str, country: str, sent_to: str) -> None:
    assert recipient_of(typed, country) == sent_to


# --- through the outbox ----------------------------------------------------------------------------------------------


class NoMail:
    def __init__(self) -> None:
        self.sent: list[Notice] = []

    def takes(self, notice: Notice) -> bool:
        return bool(notice.address)

    def send(self, notice: Notice) -> None:
        self.sent.append(notice)


def worker(
    scene: Scene,
    var: Path,
    gateways: dict[NoticeWay, Channel],
    mail: Channel | None = None,
    every: timedelta = timedelta(seconds=5),
) -> Worker:
    return Worker(
        under(scene.database, DatabaseRole.WORKER),
        scene.keys,
        load_packs(),
        Settings(var=var, worker_every=every),
        lambda: scene.now,
        channel=mail or NoMail(),
        gateways=gateways,
    )


def told(scene: Scene, channel: str, address: str, chat: str = "", **rules: object) -> UUID:
    """A case whose person asked to be told, with news for them."""
    how = {"channel": channel, "address": address, "may_say_who": False, "may_leave_message": True, "notify": True}
    case = scene.case(ONE, answer_by={**how, **rules})
    with scene.write() as session:
        if chat:
            found = {"good_times": "", **how, "address": "", "chat": chat, **rules}
            recipients.set_person_notices(session, scene.keys, case, found, zone="Europe/Warsaw", language="ru")
        messaging.notify_person(session, NoticeKind.MESSAGE, about_id=case, case_id=case, now=scene.now)
    return case


def told_by(scene: Scene, kind: str) -> UUID:
    return (
        told(scene, "signal", "+48 600 123 456")
        if kind == "signal"
        else told(scene, "telegram", "@exile_demo", chat=CHAT)
    )


def states(scene: Scene) -> list[tuple[str, str | None]]:
    with scene.database.begin(write=False) as session:
        rows = session.scalars(sa.select(OutboxMessage).where(OutboxMessage.case_id.is_not(None)))
        return sorted((row.state, row.last_error) for row in rows)


def open_tasks(scene: Scene) -> list[str]:
    with scene.database.begin(write=False) as session:
        return sorted(session.scalars(sa.select(Task.kind).where(Task.done_at.is_(None))))


def test_a_person_hears_by_their_way_that_there_is_news_and_nothing_else(
    scene: Scene, tmp_path: Path, kind: str, fake: FakeGateway
) -> None:
    told_by(scene, kind)
    worker(scene, tmp_path, {NoticeWay(kind): channel_to(kind, fake)}).jobs["messages"](scene.now)
    assert ([to for to, _ in fake.sent], fake.texts) == ([ADDRESS[kind]], ["Для вас есть новости."])
    assert states(scene) == [("sent", None)]


def test_a_way_that_is_not_set_up_is_a_task(scene: Scene, tmp_path: Path, kind: str, fake: FakeGateway) -> None:
    told_by(scene, kind)
    worker(scene, tmp_path, {}).jobs["messages"](scene.now)
    assert (fake.sent, open_tasks(scene)) == ([], ["tell_person"])


@pytest.mark.parametrize("rules", [{"may_leave_message": False}, {"good_times": "not when he is at home"}])
def test_their_rules_hold_for_every_way(
    scene: Scene, tmp_path: Path, kind: str, fake: FakeGateway, rules: dict[str, object]
) -> None:
    if kind == "signal":
        told(scene, "signal", THEIRS, **rules)
    else:
        told(scene, "telegram", "@exile_demo", chat=CHAT, **rules)
    worker(scene, tmp_path, {NoticeWay(kind): channel_to(kind, fake)}).jobs["messages"](scene.now)
    assert (fake.sent, open_tasks(scene)) == ([], ["tell_person"])


def test_whatsapp_phone_and_an_unlinked_telegram_stay_tasks(scene: Scene, tmp_path: Path) -> None:
    for channel in ("whatsapp", "phone"):
        told(scene, channel, "+48 600 123 456")
    told(scene, "telegram", "@made_up")
    everything: dict[NoticeWay, Channel] = {NoticeWay.SIGNAL: NoMail(), NoticeWay.TELEGRAM: NoMail()}
    worker(scene, tmp_path, everything).jobs["messages"](scene.now)
    assert open_tasks(scene) == ["tell_person"] * 3


def test_a_phone_number_typed_as_a_telegram_name_is_never_taken_for_a_chat() -> None:
    contact = {"channel": "telegram", "address": "48600123456", "may_say_who": True, "may_leave_message": True}
    assert ContactRules.of({**contact, "good_times": ""}).way is None


def test_an_address_that_is_gone_is_forgotten_and_the_desk_is_asked(
    scene: Scene, tmp_path: Path, kind: str, fake: FakeGateway
) -> None:
    told_by(scene, kind)
    fake.gone.add(ADDRESS[kind])
    worker(scene, tmp_path, {NoticeWay(kind): channel_to(kind, fake)}).jobs["messages"](scene.now)
    assert (states(scene), open_tasks(scene)) == ([("dead", "recipient_refused")], ["tell_person"])
    with scene.database.begin(write=False) as session:
        assert session.scalars(sa.select(PersonNotices)).all() == []


def test_a_limit_stops_this_way_for_as_long_as_was_asked_and_costs_one_attempt(
    scene: Scene, tmp_path: Path, kind: str, fake: FakeGateway
) -> None:
    for _ in range(2):
        told_by(scene, kind)
    fake.waits = 1200
    loop = worker(scene, tmp_path, {NoticeWay(kind): channel_to(kind, fake)})
    loop.jobs["messages"](scene.now)
    fake.waits = None
    scene.later(minutes=10)
    loop.jobs["messages"](scene.now)
    assert fake.sent == []
    scene.later(minutes=11)
    loop.jobs["messages"](scene.now)
    assert len(fake.sent) == 2
    with scene.database.begin(write=False) as session:
        assert sorted(session.scalars(sa.select(OutboxMessage.attempts).where(OutboxMessage.case_id.is_not(None)))) == [
            1, 2,
        ]  # fmt: skip


def test_no_way_holds_up_another(scene: Scene, tmp_path: Path) -> None:
    """Both gateways hang; mail, due after them, is sent in the same round."""
    for kind in ("signal", "telegram"):
        told_by(scene, kind)
    told(scene, "email", "me@example.net")
    mail = NoMail()
    with gateway("signal") as signal, gateway("telegram") as telegram:
        signal.behaves = telegram.behaves = "hangs"
        ways = {
            NoticeWay.SIGNAL: channel_to("signal", signal, SHORT),
            NoticeWay.TELEGRAM: channel_to("telegram", telegram, SHORT),
        }
        worker(scene, tmp_path, ways, mail).jobs["messages"](scene.now)
    assert [one.address for one in mail.sent] == ["me@example.net"]
    assert states(scene) == [("queued", "too_slow"), ("queued", "too_slow"), ("sent", None)]


class Slow(NoMail):
    """Takes each notice, and answers only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = threading.Event()

    def send(self, notice: Notice) -> None:
        super().send(notice)
        assert self.may_answer.wait(30)


def test_a_slow_way_holds_up_neither_another_nor_the_rounds(scene: Scene, tmp_path: Path) -> None:
    """While Signal answers nothing, what comes in later goes out by mail, and the other jobs have their rounds."""
    for _ in range(2):
        told_by(scene, "signal")
    slow, mail = Slow(), NoMail()
    loop = worker(scene, tmp_path, {NoticeWay.SIGNAL: slow}, mail, every=timedelta(milliseconds=20))
    loop.start()
    try:
        until(lambda: len(slow.sent) == 1)
        told(scene, "email", "me@example.net")
        until(lambda: [one.address for one in mail.sent] == ["me@example.net"])
        told_by(scene, "signal")
        rounds: list[datetime] = []

        def seen(now: datetime) -> int:
            rounds.append(now)
            return 0

        loop.jobs["counters"] = seen
        until(lambda: len(rounds) > 2)
        assert len(slow.sent) == 1, "a way sends one notice after the other"
        slow.may_answer.set()

        def all_are_sent() -> bool:
            scene.later(seconds=1)
            return len(slow.sent) == 3

        until(all_are_sent)
        until(lambda: {state for state, _error in states(scene)} == {"sent"})
    finally:
        slow.may_answer.set()
        loop.stop()
    with scene.database.begin(write=False) as session:
        tries = session.scalars(sa.select(OutboxMessage.attempts).where(OutboxMessage.case_id.is_not(None)))
        assert set(tries) == {1}, "waiting for a way costs no attempt"


def test_what_fails_in_the_thread_of_a_way_fails_the_job_and_frees_the_way() -> None:
    lanes = Lanes()
    lanes.start("email", lambda: 3)
    assert lanes.is_busy("email")
    assert lanes.collect() == 3

    def breaks() -> int:
        raise LookupError

    lanes.start("email", breaks)
    with pytest.raises(LookupError):
        lanes.collect()
    assert not lanes.is_busy("email")


def test_a_way_that_is_down_does_not_fill_the_round_of_the_others(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.worker.loop._BATCH", 2)
    for _ in range(3):
        told_by(scene, "signal")
    told(scene, "email", "me@example.net")
    mail = NoMail()
    with gateway("signal") as signal:
        signal.behaves = "503"
        loop = worker(scene, tmp_path, {NoticeWay.SIGNAL: channel_to("signal", signal)}, mail)
        for _ in range(6):  # the team's own notices take their places too
            loop.jobs["messages"](scene.now)
    assert [one.address for one in mail.sent] == ["me@example.net"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"signal_url": "http://signal.example.org"},
        {"signal_url": "https://signal.example.org"},
        {"signal_url": "https://signal.example.org", "signal_number": "600 123 456"},
        {"telegram_token": TOKEN},
        {"telegram_bot": "@made_up_bot", "telegram_token": TOKEN},
        {"telegram_bot": "made_up_bot", "telegram_token": "not a token"},
        {"telegram_url": "http://api.example.org"},
    ],
)
def test_half_a_gateway_or_one_in_the_clear_is_refused_at_the_start(wrong: dict[str, str]) -> None:
    number = {"signal_number": OURS} if wrong.get("signal_url", "").startswith("http:") else {}
    with pytest.raises(ValueError, match=r"PRISTAN_(SIGNAL|TELEGRAM)") as refused:
        Settings(**{**number, **wrong})  # type: ignore[arg-type]
    assert TOKEN not in str(refused.value)


# --- what people write to the bot ------------------------------------------------------------------------------------


def bot_of(fake: FakeGateway) -> TelegramBot:
    return TelegramBot(Gateway(f"{fake.address}/bot{TOKEN}", 30))


def poller(scene: Scene, fake: FakeGateway) -> TelegramPoller:
    def remember(session: Session, offset: int) -> None:
        heartbeats.record(session, heartbeats.TELEGRAM, scene.now, offset=offset)

    return TelegramPoller(
        bot_of(fake), under(scene.database, DatabaseRole.WORKER), scene.keys, lambda: scene.now, remember
    )


def link(scene: Scene, case: UUID, **rules: Any) -> str:
    with scene.write() as session:
        return telegram_links.make(
            session,
            scene.keys,
            case,
            zone="Europe/Warsaw",
            language="pl",
            now=scene.now,
            **{"may_say_who": False, "good_hours": (), **rules},
        )


def chat_of(scene: Scene, case: UUID) -> str | None:
    with scene.database.begin(write=False) as session:
        found = recipients.person_contact(session, scene.keys, case)
        return found[0].chat if found is not None else None


@pytest.fixture
def telegram() -> Iterator[FakeGateway]:
    with gateway("telegram") as server:
        yield server


def test_a_link_connects_a_chat_once_and_news_arrive_there(scene: Scene, tmp_path: Path, telegram: FakeGateway) -> None:
    case = scene.case(ONE)
    token = link(scene, case)
    telegram.written(f"/start {token}")
    telegram.written(f"/start {token}", chat=666)
    offset = poller(scene, telegram).poll(0)
    assert (offset, chat_of(scene, case)) == (1002, CHAT)
    set_up, too_old = telegram.sent
    assert set_up[1]["text"].startswith("Ustawione."), "in the language of the page"
    assert (too_old[0], too_old[1]["text"].split(".")[0]) == ("666", "Эта ссылка больше не действует")
    telegram.sent.clear()
    with scene.write() as session:
        messaging.notify_person(session, NoticeKind.MESSAGE, about_id=case, case_id=case, now=scene.now)
    worker(scene, tmp_path, {NoticeWay.TELEGRAM: channel_to("telegram", telegram)}).jobs["messages"](scene.now)
    assert [(to, content["text"]) for to, content in telegram.sent] == [(CHAT, "Są dla Państwa nowe wiadomości.")]
    with scene.database.begin(write=False) as session:
        assert CHAT.encode() not in session.scalars(sa.select(PersonNotices.how)).one()
        assert session.scalars(sa.select(TelegramLink)).all() == []


def test_a_link_ends_with_its_hours_and_when_a_new_one_is_made(scene: Scene, telegram: FakeGateway) -> None:
    case = scene.case(ONE)
    first, second = link(scene, case), link(scene, case)
    telegram.written(f"/start {first}")
    scene.later(hours=3)
    telegram.written(f"/start {second}")
    poller(scene, telegram).poll(0)
    assert chat_of(scene, case) is None
    assert len(set(telegram.texts)) == 1


def test_stop_forgets_the_chat_and_says_so(scene: Scene, tmp_path: Path, telegram: FakeGateway) -> None:
    case, other = scene.case(ONE), scene.case(ONE)
    telegram.written(f"/start {link(scene, case)}")
    telegram.written(f"/start {link(scene, other)}", chat=99)
    telegram.written("/STOP")
    poller(scene, telegram).poll(0)
    assert (chat_of(scene, case), chat_of(scene, other)) == (None, "99")
    assert telegram.sent[-1] == (CHAT, {**telegram.sent[-1][1], "text": "Zakończone. Nic więcej tu nie przyjdzie."})


def test_stop_finds_the_chat_without_decrypting_any_address(
    scene: Scene, telegram: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of a former version have no mark: the first look-up marks them, and no later one decrypts anything."""
    older, newer, by_mail = scene.case(ONE), scene.case(ONE), told(scene, "email", "me@example.net")
    telegram.written(f"/start {link(scene, older)}", chat=77)
    telegram.written(f"/start {link(scene, newer)}", chat=99)
    poller(scene, telegram).poll(0)
    with scene.database.begin() as session:
        session.execute(sa.update(PersonNotices).where(PersonNotices.case_id == older).values(chat_mark=None))
        marks = session.scalars(sa.select(PersonNotices.chat_mark).where(PersonNotices.case_id != older)).all()
        assert len(marks) == len(set(marks)) == 2
        assert None not in marks, "also a mail address has one"
        recipients.of_chat(session, scene.keys, "1")
    monkeypatch.setattr(recipients, "rules_in", lambda *_of: pytest.fail("an address was decrypted"))
    with scene.database.begin() as session:
        assert [row.case_id for row in recipients.of_chat(session, scene.keys, "77")] == [older]
        assert recipients.of_chat(session, scene.keys, "me@example.net") == []
        assert len(telegram_links.stop(session, scene.keys, "77", scene.now)) == 1
        assert set(session.scalars(sa.select(PersonNotices.case_id))) == {newer, by_mail}


def test_what_else_is_written_is_answered_and_kept_nowhere(
    scene: Scene, telegram: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    for text, kind in (("My name is Made Up, help", "private"), ("/start", "private"), ("/stop", "group")):
        telegram.written(text, kind=kind, language="de-AT")
    telegram.updates.append({"update_id": 1003, "edited_message": {}})
    telegram.updates.append(
        {"update_id": 1004, "message": {"chat": {"type": "private", "id": "x' OR 1"}, "text": "/stop"}}
    )
    assert poller(scene, telegram).poll(0) == 1005
    assert telegram.texts == ["Was Sie hier schreiben, liest niemand."] * 2
    printed = capsys.readouterr()
    assert "Made Up" not in printed.out + printed.err


def test_the_place_is_kept_and_nothing_is_worked_on_twice(scene: Scene, telegram: FakeGateway) -> None:
    telegram.written("hello")
    poller(scene, telegram).poll(0)
    with scene.database.begin(write=False) as session:
        offset = heartbeats.latest(session)[heartbeats.TELEGRAM].codes["offset"]
    assert poller(scene, telegram).poll(offset) == 1001
    assert len(telegram.sent) == 1


def test_a_message_that_breaks_something_does_not_stop_those_behind_it(
    scene: Scene, telegram: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_about: object) -> list[str]:
        raise RuntimeError

    monkeypatch.setattr(telegram_links, "stop", stop)
    telegram.written("/stop")
    telegram.written("hello")
    assert poller(scene, telegram).poll(0) == 1002
    assert len(telegram.sent) == 1


@pytest.mark.parametrize("behaves", ["cuts", "503", "moves", "page", "lists", "refuses"])
def test_a_bot_server_that_misbehaves_is_asked_for_the_same_again(
    scene: Scene, telegram: FakeGateway, behaves: str
) -> None:
    case = scene.case(ONE)
    telegram.written(f"/start {link(scene, case)}")
    telegram.behaves = behaves
    with pytest.raises(SendingFailed):
        poller(scene, telegram).poll(0)
    telegram.behaves = "well"
    poller(scene, telegram).poll(0)
    assert chat_of(scene, case) == CHAT


def test_the_worker_polls_in_a_thread_of_its_own_and_keeps_on_when_it_is_refused(
    scene: Scene, tmp_path: Path, telegram: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.worker.loop._POLL_AGAIN", timedelta(milliseconds=20))
    case = scene.case(ONE)
    telegram.written(f"/start {link(scene, case)}")
    telegram.behaves = "503"
    settings = Settings(var=tmp_path, telegram_bot="made_up_bot", telegram_token=TOKEN, telegram_url=telegram.address)  # type: ignore[arg-type]
    loop = Worker(scene.database, scene.keys, load_packs(), settings, lambda: scene.now, channel=NoMail())
    loop.jobs.clear()
    loop.start()
    try:
        until(lambda: telegram.refused > 1)
        telegram.behaves = "well"
        until(lambda: bool(telegram.sent))
    finally:
        telegram.done.set()
        loop.stop()
    assert chat_of(scene, case) == CHAT


def until(holds: Callable[[], bool]) -> None:
    for _ in range(3000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError


def test_what_a_form_says_later_does_not_end_a_chat_and_erasing_does(scene: Scene, telegram: FakeGateway) -> None:
    case = scene.case(ONE)
    telegram.written(f"/start {link(scene, case)}")
    poller(scene, telegram).poll(0)
    mail = {"channel": "email", "address": "me@example.net", "good_times": ""}
    for how in (None, {**mail, "may_say_who": False, "may_leave_message": True}):
        with scene.write() as session:
            recipients.set_person_notices(session, scene.keys, case, how, zone="Europe/Vilnius", language="lt")
        assert chat_of(scene, case) == CHAT
    link(scene, case)
    with scene.write() as session:
        privacy.erase(session, transitions.locked(session, case), actor_kind="person", now=scene.now)
    assert chat_of(scene, case) is None
    with scene.database.begin(write=False) as session:
        assert session.scalars(sa.select(TelegramLink)).all() == []


# --- the team's other ways -------------------------------------------------------------------------------------------


def team_notice(name: str) -> Notice:
    return Notice(
        uuid4(), "member:x", "1 emergency", "1 emergency\n\nSign in: https://x.test/desk/", name, NoticeWay.TEAM
    )


@pytest.fixture
def room() -> Iterator[FakeGateway]:
    """A server of ntfy's protocol: whatever is posted to it is shown to who listens."""
    with gateway("ntfy") as server:
        yield server


def room_of(fake: FakeGateway, timeout: float = 120) -> TeamWays:
    return TeamWays({"duty": fake.address.replace("http://", "ntfy://") + "/made-up-topic"}, timeout)


def test_a_named_way_sends_what_a_mail_would_say(room: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    room_of(room).send(team_notice("duty"))
    (sent,) = room.sent
    assert (sent[0], sent[1]["title"]) == ("made-up-topic", "1 emergency")
    assert "https://x.test/desk/" in sent[1]["message"]


@pytest.mark.parametrize(
    ("behaves", "reason"), [("503", "not_taken"), ("403", "not_taken"), ("cuts", "not_taken"), ("trickles", "too_slow")]
)
def test_a_way_of_the_team_that_misbehaves_fails_and_is_ended_at_its_deadline(
    room: FakeGateway, behaves: str, reason: str
) -> None:
    room.behaves = behaves
    with pytest.raises(SendingFailed) as failed:
        room_of(room, 3 if reason == "too_slow" else 120).send(team_notice("duty"))
    assert (failed.value.reason, failed.value.affects_all, room.sent) == (reason, True, [])


def test_a_name_that_the_operator_has_taken_away_counts_as_an_address_that_is_gone() -> None:
    with pytest.raises(SendingFailed) as failed:
        TeamWays({"duty": ""}).send(team_notice("duty"))
    assert (failed.value.reason, failed.value.address_gone) == ("way_removed", True)


def test_ways_of_the_team_wait_for_themselves_alone() -> None:
    assert {team_notice(name).lane for name in ("duty", "room")} == {"team:duty", "team:room"}
    assert notice_to("a@b.test").lane == "email"


@pytest.mark.parametrize(
    "address",
    [
        "ntfy://example.org/topic",
        "ntfys://example.org/topic?verify=no",
        "file:///etc/passwd",
        "jsons://example.org/",
        "mailtos://a:b@example.org",
        "signal://10.0.0.1/+48600000000/+48600000001",
        "dbus://",
    ],
)
def test_a_kind_that_is_not_allowed_or_not_private_is_refused_at_the_start_without_its_secret(address: str) -> None:
    with pytest.raises(ValueError, match="PRISTAN_TEAM_WAYS") as refused:
        Settings(team_ways={"duty": address})  # type: ignore[dict-item]
    assert address not in str(refused.value)


def test_the_operator_can_allow_fewer_kinds_and_no_others() -> None:
    ways = {"duty": "tgram://123456789:made_up/42/"}
    assert Settings(team_ways=ways).team_ways  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="PRISTAN_TEAM_WAYS"):
        Settings(team_ways=ways, team_way_kinds=("ntfys",))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="PRISTAN_TEAM_WAY_KINDS"):
        Settings(team_way_kinds=("ntfys", "file"))


def test_how_each_way_works_is_noted_for_the_operators(scene: Scene, tmp_path: Path) -> None:
    told_by(scene, "signal")
    with gateway("signal") as signal:
        loop = worker(scene, tmp_path, {NoticeWay.SIGNAL: channel_to("signal", signal)})
        signal.behaves = "503"
        loop.jobs["messages"](scene.now)
        assert way_state(scene) == "http_503"
        signal.behaves = "well"
        scene.later(minutes=2)
        loop.jobs["messages"](scene.now)
        assert way_state(scene) == ""


def way_state(scene: Scene) -> str:
    with scene.database.begin(write=False) as session:
        return str(heartbeats.latest(session)["way:signal"].codes["reason"])


class Taking(NoMail):
    """Takes eight seconds of its own clock for each notice."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def send(self, notice: Notice) -> None:
        super().send(notice)
        self.seconds += 8


def test_a_way_gives_up_its_turn_after_fifteen_seconds(scene: Scene) -> None:
    """What it has not sent by then keeps its attempts, and the next round claims it again."""
    taking = Taking()
    for number in range(5):
        told(scene, "email", f"person-{number}@example.net")
    post = notice_delivery.DeliveryContext(
        taking, scene.keys, "https://pristan.example", load_packs(), monotonic=lambda: taking.seconds
    )
    for sent in (2, 2, 1):
        assert notice_delivery.send_due(scene.database, post, scene.now, 50) == sent
    with scene.database.begin(write=False) as session:
        assert set(session.scalars(sa.select(OutboxMessage.attempts).where(OutboxMessage.case_id.is_not(None)))) == {1}
