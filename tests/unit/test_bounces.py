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


_EXIM = """Return-path: <>
From: Mail Delivery System <Mailer-Daemon@exim.example.org>
To: bounces@pristan.test
References: <{id}@pristan.test>
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary=1764-eximdsn-1
MIME-Version: 1.0

--1764-eximdsn-1
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

--1764-eximdsn-1
Content-type: message/delivery-status

Reporting-MTA: dns; exim.example.org

Action: failed
Final-Recipient: rfc822;intake@example.org
Status: 5.0.0
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 5.1.1 <intake@example.org>: Recipient address rejected

--1764-eximdsn-1
Content-type: message/rfc822

Message-ID: <{id}@pristan.test>
Subject: 1 new request

You have 1 new request.
--1764-eximdsn-1--
"""
_EXCHANGE = """From: postmaster@exchange.example.org
To: bounces@pristan.test
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="9B095B5ADSN=_01"
Subject: Undeliverable: 1 new request
In-Reply-To: <{id}@pristan.test>

--9B095B5ADSN=_01
Content-Type: multipart/alternative; boundary="alt"

--alt
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: base64

0J3QtSDQtNC+0YHRgtCw0LLQu9C10L3Qvg==
--alt
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

<p>The address=
 was not found.</p>
--alt--
--9B095B5ADSN=_01
Content-Type: message/delivery-status

Reporting-MTA: dns;made-up.prod.example.org
Received-From-MTA: dns;made-up.outbound.example.org
Arrival-Date: Sat, 28 Nov 2026 21:40:00 +0000

Final-Recipient: rfc822;intake@example.org
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found
X-Display-Name: intake@example.org

--9B095B5ADSN=_01
Content-Type: message/rfc822

Received: from made-up by made-up; Sat, 28 Nov 2026 21:40:00 +0000
Message-ID: <{id}@pristan.test>

--9B095B5ADSN=_01--
"""
_SENDMAIL = """From: MAILER-DAEMON@sendmail.example.org
To: <bounces@pristan.test>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="x.1764/sendmail.example.org"
Auto-Submitted: auto-generated (failure)

--x.1764/sendmail.example.org

   ----- The following addresses had permanent fatal errors -----
<intake@example.org>

--x.1764/sendmail.example.org
Content-Type: message/delivery-status

Reporting-MTA: dns; sendmail.example.org
Arrival-Date: Sat, 28 Nov 2026 21:40:00 GMT

Final-Recipient: RFC822; intake@example.org
Action: failed
Status: 5.2.2
Remote-MTA: DNS; mx.example.org
Diagnostic-Code: SMTP; 552 5.2.2 Over quota

--x.1764/sendmail.example.org
Content-Type: text/rfc822-headers

Return-Path: <bounces@pristan.test>
Message-Id: <{id}@pristan.test>

--x.1764/sendmail.example.org--
"""
_LATER = _EXIM.replace("Action: failed", "Action: delayed").replace("Status: 5.0.0", "Status: 4.0.0")
_QMAIL = """From: MAILER-DAEMON@qmail.example.org
To: bounces@pristan.test
Subject: failure notice

Hi. This is the qmail-send program.

<intake@example.org>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Message-ID: <{id}@pristan.test>
"""


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (_EXIM, Bounce(OURS, "5.1.1", permanent=True)),
        (_EXCHANGE, Bounce(OURS, "5.1.10", permanent=True)),
        (_SENDMAIL, Bounce(OURS, "5.2.2", permanent=False)),
        (_LATER, None),
        (_QMAIL, None),
    ],
    ids=["exim", "exchange", "sendmail", "it takes longer", "qmail, which reports in words alone"],
)
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_the_reports_of_several_mail_servers_are_read(sent: str, found: Bounce | None, line: str) -> None:
    assert bounces.read(sent.format(id=OURS.hex).replace("\n", line).encode()) == found
