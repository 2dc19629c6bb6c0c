"""An emergency at 22:40 on a Saturday, sent through a real mail server that is up, down or hangs: who knows it, and when."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.core.db import Database
from app.messaging import member_settings
from app.messaging.channels import NoticeWay
from app.messaging.member_settings import MemberSettings
from app.messaging.smtp import MailServer, SmtpChannel
from app.operations import heartbeats
from app.staff.models import Role
from app.worker.loop import Worker
from tests.service.test_notices import Kept, worker
from tests.service.test_team_notices import SATURDAY_NIGHT, on_call
from tests.support.cases import ONE, Scene, set_scene
from tests.support.smtp import HOST, FakeMailServer, mail_server
from tests.support.told import ALWAYS, member

CANARY = "Zinnober-Кобальт-774411"


@pytest.fixture
def scene(database: Database) -> Scene:
    scene = set_scene(database)
    scene.now = SATURDAY_NIGHT
    return scene


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeMailServer]:
    with mail_server(tmp_path) as server:
        yield server


class Night:
    """The worker's rounds, minute after minute. `deadline`: seconds of one exchange, short where the server is to hang."""

    def __init__(self, scene: Scene, var: Path, server: FakeMailServer, port: int = 0) -> None:
        self.scene, self.var, self.server = scene, var, server
        self.worker = self.with_deadline(30.0, port or server.port)

    def with_deadline(self, seconds: float, port: int) -> Worker:
        mail = MailServer(HOST, port, "starttls", "post@pristan.test", timeout=seconds)
        return worker(self.scene, self.var, SmtpChannel(mail, context=self.server.trust()))

    def round(self) -> list[str]:
        """Who got a mail in this round."""
        before = len(self.server.recipients)
        for job in ("escalations", "messages"):
            self.worker.jobs[job](self.scene.now)
        return sorted(address.partition("@")[0] for address in self.server.recipients[before:])

    def until(self, minutes: int) -> list[tuple[str, int]]:
        """Who got a mail, and at which minute after 22:40."""
        told = []
        while (minute := (self.scene.now - SATURDAY_NIGHT) // timedelta(minutes=1)) <= minutes:
            told += [(who, minute) for who in self.round()]
            self.scene.later(minutes=1)
        return told


def team(scene: Scene, *, rota: bool) -> None:
    vera, pavel = member(scene, "vera"), member(scene, "pavel")
    member(scene, "sofia", Role.SENIOR)
    if rota:
        on_call(scene, vera, pavel)


def file(scene: Scene) -> str:
    return scene.case_row(scene.case(ONE, urgency="emergency", call_me=CANARY, story=CANARY)).label


def test_with_a_rota_one_is_woken_after_another(scene: Scene, tmp_path: Path, server: FakeMailServer) -> None:
    team(scene, rota=True)
    label = file(scene)
    assert Night(scene, tmp_path, server).until(46) == [("vera", 0), ("pavel", 15), ("sofia", 45)]
    assert all(server.encrypted)
    for mail in server.mails:
        text = mail.as_string()
        assert label in text
        assert CANARY not in str(mail.get_payload(decode=True), "utf-8") + text


def test_without_a_rota_everybody_is_woken_and_the_senior_again(
    scene: Scene, tmp_path: Path, server: FakeMailServer
) -> None:
    team(scene, rota=False)
    file(scene)
    told = Night(scene, tmp_path, server).until(16)
    assert told == [("pavel", 0), ("sofia", 0), ("vera", 0), ("sofia", 15)]


@pytest.mark.parametrize("rota", [True, False])
def test_with_the_server_down_nobody_counts_as_told_and_all_are_minutes_after_it_is_back(
    scene: Scene, tmp_path: Path, server: FakeMailServer, rota: bool
) -> None:
    team(scene, rota=rota)
    file(scene)
    night = Night(scene, tmp_path, server)
    server.behaves = "goes"
    assert night.until(20) == []
    server.behaves = "well"
    told = night.until(30)
    assert {who for who, _minute in told} == ({"vera", "pavel"} if rota else {"vera", "pavel", "sofia"})
    assert max(minute for _who, minute in told) <= 26, "each is tried again after five minutes at most"


def test_a_server_that_hangs_holds_up_no_other_way_and_operations_says_so(
    scene: Scene, tmp_path: Path, server: FakeMailServer
) -> None:
    team(scene, rota=True)
    olga = member(scene, "olga", hours=None)
    with scene.write() as session:
        by_phone = MemberSettings("duty phone", NoticeWay.TEAM, hours=ALWAYS)
        member_settings.save(session, scene.keys, olga, by_phone, version=0, now=scene.now)
    file(scene)
    server.behaves = "hangs"
    night = Night(scene, tmp_path, server)
    phone = Kept()
    night.worker = night.with_deadline(0.5, server.port)
    night.worker._gateways = {NoticeWay.TEAM: phone}
    assert night.round() == []
    assert [notice.address for notice in phone.sent] == ["duty phone"], "in the same round"
    with scene.database.begin(write=False) as session:
        assert heartbeats.latest(session)["way:email"].codes["reason"] == "too_slow"
    night.worker.jobs["problems"](scene.now)
    server.behaves = "well"
    night.worker = night.with_deadline(30.0, server.port)
    scene.later(minutes=2)
    assert night.round() == ["sofia", "vera"], "sofia hears that the mail was down"
