"""What is refused before anything is done: files, forms, settings, addresses and dates that are not whole. Pure."""

import base64
import io
import json
import smtplib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import anyio
import pytest
from pydantic import ValidationError
from sqlalchemy.dialects import sqlite

from app.cases import queue_queries
from app.casework import referral_threads
from app.core import identifiers
from app.core.db import Database, UnsafeDatabase, UtcDateTime
from app.core.errors import BadRequest, NotAllowed
from app.core.sealing import CannotOpen, KeyPair
from app.core.storage_brake import StorageBrake, StorageFull, StorageLevel, StorageLimits
from app.core.written_dates import Fault, NotADate
from app.core.written_dates import read as read_date
from app.directory import opening_hours
from app.directory.schemas import FurtherStep
from app.messaging import smtp
from app.messaging.channels import SendingFailed
from app.operations import sealed_file
from app.operations.sealed_file import DamagedFile
from app.settings import Settings
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.components import forms
from app.web.partner import offers, own_services, report

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


# --- files -----------------------------------------------------------------------------------------------------------


def sealed(pair: KeyPair, lines: list[bytes]) -> bytes:
    sink = io.BytesIO()
    sealed_file.write(sink, pair.public, lines)
    return sink.getvalue()


def read(content: bytes, pair: KeyPair) -> list[bytes]:
    return list(sealed_file.read(io.BytesIO(content), pair))


def test_a_sealed_file_opens_whole_with_its_own_key_alone() -> None:
    pair = KeyPair.generate()
    whole = sealed(pair, [b"one", b"two"])
    assert read(whole, pair) == [b"one", b"two"]
    with pytest.raises(CannotOpen):
        read(whole, KeyPair.generate())
    head = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    spoiled: dict[str, bytes] = {
        "another kind of file": b"x" + whole,
        "no header": whole.replace(b'{"alg"', b'["alg"', 1),
        "no chunk": whole[:head],
        "cut within a chunk": whole[:-1],
        "a changed byte": whole[:-1] + bytes([whole[-1] ^ 1]),
        "something behind it": whole + b"\0\0\0\1x",
    }
    opened = []
    for what, content in spoiled.items():
        try:
            read(content, pair)
        except DamagedFile:
            continue
        opened.append(what)
    assert opened == []
    sink = io.BytesIO(whole[:head])
    key = pair.open(base64.b64decode(json.loads(whole[:head].splitlines()[1])["key"]), sealed_file._INFO)
    sink.seek(0, io.SEEK_END)
    sealed_file._put(sink, key, 0, next(iter(sealed_file._compressed([b"one"]))), last=True)
    with pytest.raises(DamagedFile):  # each chunk is whole, and the text within ends too early
        read(sink.getvalue(), pair)


# --- forms -----------------------------------------------------------------------------------------------------------

HEAD = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
END = b"\r\n--x--\r\n"


def parts(body: bytes) -> list[forms.FormPart]:
    class Request:
        headers: ClassVar = {"content-type": "multipart/form-data; boundary=x"}

        async def stream(self) -> AsyncIterator[bytes]:
            yield body

    async def collect() -> list[forms.FormPart]:
        return [part async for part in forms.stream_multipart(Request())]  # type: ignore[arg-type]

    return anyio.run(collect)


def test_a_form_of_parts_has_limits_on_both_sides() -> None:
    longest, most = forms._LONGEST_FIELD_BESIDE_A_FILE, forms._MOST_PARTS
    assert parts(HEAD + b"y" * longest + END)[0].value == "y" * longest
    assert len(parts(b"\r\n".join([HEAD + b"y"] * most) + END)) == most
    for body in (
        HEAD + b"y" * (longest + 1) + END,
        b"\r\n".join([HEAD + b"y"] * (most + 1)) + END,
        b"--x\r\nContent-Disposition: form-data; name=" + b"n" * (longest + 1) + b"\r\n\r\ny" + END,
        b'--x\r\nContent-Disposition: attachment; name="a"\r\n\r\ny' + END,
        b"--x\r\nno header at all\r\n\r\ny" + END,
        b"something else",
    ):
        with pytest.raises(BadRequest):
            parts(body)


@pytest.mark.parametrize(
    ("parse", "good", "bad"),
    [
        (queue_queries._moment, "2026-11-24T10:00:00+00:00", ["2026-11-24T10:00:00"]),
        (queue_queries._rank, 9, [10, -1, "1", None]),
        (queue_queries._rank, 0, [1.0]),
        (queue_queries._code, "x" * 64, ["x" * 65, "a\0b", "a\nb", 7, None]),
    ],
)
def test_a_place_in_the_queue_is_of_its_kind(parse: Callable[[Any], Any], good: Any, bad: list[Any]) -> None:
    parse(good)
    for value in bad:
        with pytest.raises(ValueError):
            parse(value)


def test_hours_have_at_most_so_many_lines() -> None:
    line = "Mo 09:00-10:00\n"
    assert len(opening_hours.parse(line * opening_hours.MOST_LINES)) == opening_hours.MOST_LINES
    with pytest.raises(ValueError, match="too many lines"):
        opening_hours.parse(line * (opening_hours.MOST_LINES + 1))


@pytest.mark.parametrize(
    "text", ["1 2 3 May", "123 May 20", "12345678 May 1", "123.1.20", "12.123.20", "1.2.3.4", "12345.1.20"]
)
def test_numbers_that_are_no_day_are_unreadable(text: str) -> None:
    with pytest.raises(NotADate) as caught:
        read_date(text, today=date(2026, 11, 24))
    assert caught.value.fault is Fault.UNREADABLE


def test_digits_that_are_no_number_are_kept_unless_all_are_the_same() -> None:
    def kept(text: str) -> list[str]:
        return [one.text for one in identifiers.phones(text, "PL")]

    assert kept("001001") == ["001001"]
    assert kept("001" * 5) == ["001" * 5]
    assert kept("000000") == kept("00100") == kept("001" * 5 + "0") == []


# --- settings and stores ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"team_ways": {"x" * 40: "json://127.0.0.1"}}, "PRISTAN_TEAM_WAYS"),
        ({"team_ways": {"-x": "json://127.0.0.1"}}, "PRISTAN_TEAM_WAYS"),
        ({"escalate_after": "PT20M", "escalate_to_seniors_after": "PT20M"}, "PRISTAN_ESCALATE_TO_SENIORS_AFTER"),
        ({"trusted_proxies": "the-proxy"}, "PRISTAN_TRUSTED_PROXIES"),
    ],
)
def test_settings_that_do_not_fit_are_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(var=Path("var"), **given)


def test_an_instant_has_a_time_zone() -> None:
    column, dialect = UtcDateTime(), sqlite.dialect()  # type: ignore[no-untyped-call]
    assert column.process_bind_param(NOW, dialect) == NOW.replace(tzinfo=None)
    with pytest.raises(TypeError):
        column.process_bind_param(NOW.replace(tzinfo=None), dialect)


def test_a_database_of_another_kind_is_refused() -> None:
    with pytest.raises(UnsafeDatabase):
        Database("mysql://localhost/x")


def test_the_brake_refuses_while_it_is_on() -> None:
    class Measured(StorageBrake):
        level = StorageLevel.FULL

        def is_on(self, session: Any) -> bool:
            return self.level is StorageLevel.FULL

    brake = Measured(StorageLimits())
    with pytest.raises(StorageFull):
        brake.check(None)  # type: ignore[arg-type]
    brake.level = StorageLevel.LOW
    brake.check(None)  # type: ignore[arg-type]


def test_the_sentence_of_a_further_step_names_its_day() -> None:
    with pytest.raises(ValidationError, match="the sentence has no"):
        FurtherStep(event="appeal", by="Go there.", undated="Go there.")
    assert FurtherStep(event="appeal", by="Go there by {day}.", undated="Go there.")


# --- mail ------------------------------------------------------------------------------------------------------------


def test_an_address_without_a_domain_that_exists_is_given_up() -> None:
    assert smtp.wire_address("post@почта.рф") == "post@xn--80a1acny.xn--p1ai"
    with pytest.raises(SendingFailed) as caught:
        smtp.wire_address("post@почта..рф")
    assert (caught.value.reason, caught.value.permanent) == ("address_unusable", True)


@pytest.mark.parametrize(
    ("raised", "reason", "affects_all"),
    [
        (smtplib.SMTPDataError(421, b"closing"), "smtp_421", True),
        (smtplib.SMTPDataError(554, b"no"), "smtp_554", False),
        (smtplib.SMTPSenderRefused(550, b"no", "us"), "smtp_550", True),
        (TimeoutError(), "too_slow", True),
        (ConnectionResetError(), "ConnectionResetError", False),
    ],
)
def test_what_a_server_answers_concerns_one_mail_or_all(raised: Exception, reason: str, affects_all: bool) -> None:
    class Server:
        def send_message(self, *_given: Any, **_named: Any) -> None:
            raise raised

    with pytest.raises(SendingFailed) as caught:
        smtp._hand_over(Server(), EmailMessage(), "")  # type: ignore[arg-type]
    assert (caught.value.reason, caught.value.affects_all) == (reason, affects_all)


# --- pages of organisations ------------------------------------------------------------------------------------------


def test_a_page_of_an_organisation_is_for_its_members_behind_the_door_too() -> None:
    coordinator = SignedIn(uuid4(), "vera", Role.COORDINATOR, uuid4(), None, uuid4(), bytes(32), "binding", NOW)
    for find in (
        offers.organisation_of,
        referral_threads._organisation,
        lambda member: own_services._slug_of(None, member),  # type: ignore[arg-type]
        lambda member: report._own_code(None, member),  # type: ignore[arg-type]
    ):
        with pytest.raises(NotAllowed):
            find(coordinator)
