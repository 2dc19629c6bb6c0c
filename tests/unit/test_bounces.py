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
Diagnostic-Code: smtp; 550 {status} said somebody

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
) -> bytes:
    return REPORT.format(action=action, status=status, returned=returned, id=id).replace("\n", "\r\n").encode()


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_report_names_the_notice_and_says_whether_the_address_is_wrong(returned: str) -> None:
    assert bounces.read(report(returned=returned)) == Bounce(OURS, "5.1.1", permanent=True)


@pytest.mark.parametrize("status", ["4.4.7", "5.2.2", "5.7.1", "5.3.4", "nothing"])
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
