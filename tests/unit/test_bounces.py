"""Which mails are reports that a notice of ours was not delivered; everything else changes nothing."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.messaging import bounces
from app.messaging.bounces import Bounce

OURS = UUID(int=0xABCDEF)
REPORT = """From: Mail system <MAILER-DAEMON@mx.example.org>
To: bounces@pristan.test
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

I am sorry to have to inform you.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; intake@example.org
Action: {action}
Status: {status}
Diagnostic-Code: {diagnosed}

--b
Content-Type: {returned}

Return-Path: <bounces@pristan.test>
Message-ID: {id}
Subject: 1 new request

--b--
"""


def report(
    action: str = "failed",
    status: str = "5.1.1",
    returned: str = "message/rfc822",
    id: str = f"<{OURS.hex}@pristan.test>",
    diagnosed: str = "smtp; 550 said somebody",
) -> bytes:
    text = REPORT.format(action=action, status=status, returned=returned, id=id, diagnosed=diagnosed)
    return text.replace("\n", "\r\n").encode()


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_report_names_the_notice_and_says_whether_the_address_is_wrong(returned: str) -> None:
    assert bounces.read(report(returned=returned)) == Bounce(OURS, "5.1.1", permanent=True)


@pytest.mark.parametrize("status", ["5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"])
def test_an_address_that_does_not_exist_and_a_mailbox_that_is_switched_off_are_final(status: str) -> None:
    assert bounces.read(report(status=status)) == Bounce(OURS, status, permanent=True)


@pytest.mark.parametrize(
    ("diagnosed", "code", "permanent"),
    [
        ("smtp; 550 5.1.1 <intake@example.org>: no such user", "5.1.1", True),
        ("smtp; 550-5.1.1 The account does\n 550 5.1.1 not exist", "5.1.1", True),
        ("smtp; 552 5.2.2 mailbox full", "5.2.2", False),
        ("smtp; 550 rejected", "5.0.0", False),
        ("smtp; 550 said 5.1.1.20", "5.0.0", False),
        ("smtp; 550 5.1.1.20 said no", "5.0.0", False),
        ("x-local; retry timeout exceeded", "5.0.0", False),
    ],
)
def test_a_failure_without_a_code_is_final_only_if_the_other_server_gave_one(
    diagnosed: str, code: str, permanent: bool
) -> None:
    found = bounces.read(report(status="5.0.0", diagnosed=diagnosed))
    assert found == Bounce(OURS, code, permanent=permanent)


def test_a_code_that_was_given_is_not_replaced() -> None:
    found = bounces.read(report(status="5.4.7", diagnosed="smtp; 550 5.1.1 no such user"))
    assert found == Bounce(OURS, "5.4.7", permanent=False)


NOT_FINAL = [
    "4.4.7",
    "5.0.0",
    "5.1.7",
    "5.1.8",
    "5.2.0",
    "5.2.2",
    "5.2.3",
    "5.3.4",
    "5.4.1",
    "5.4.4",
    "5.4.7",
    "5.7.1",
    "nothing",
]


@pytest.mark.parametrize("status", NOT_FINAL)
def test_a_full_mailbox_a_policy_and_a_server_that_was_away_say_nothing_final(status: str) -> None:
    found = bounces.read(report(status=status))
    assert found is not None
    assert not found.permanent


def test_what_the_report_answers_to_names_the_notice_too() -> None:
    lines = report(id="<other@example.org>").replace(
        b"To: bounces", f"In-Reply-To: <{OURS.hex}@x.test>\r\nTo: b".encode()
    )
    found = bounces.read(lines)
    assert found is not None
    assert found.notice_id == OURS


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        b"From: a@b.test\r\nSubject: holiday\r\n\r\nI am away until Monday.",
        report(action="delayed"),
        report(action="delivered", status="2.0.0"),
        report(id="<x@pristan.test>"),
        report().replace(b"message/delivery-status", b"text/plain"),
        report()[:300],
        b"Content-Type: multipart/report; boundary=\r\n\r\n" + b"--\r\n" * 1000,
        b"\xff" * 2000,
    ],
)
def test_everything_else_is_no_bounce(mail: bytes) -> None:
    assert bounces.read(mail) is None


@given(st.binary(max_size=400), st.integers(0, 700))
def test_a_broken_report_is_read_or_left_but_never_an_error(noise: bytes, at: int) -> None:
    mail = report()
    found = bounces.read(mail[:at] + noise + mail[at:])
    assert found is None or isinstance(found, Bounce)
