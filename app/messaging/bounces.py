"""Mails that came back: reads a delivery status notification (RFC 3464), which is a stranger's input.

The Message-ID of the returned mail says which notice it is about. The id is random and known only to those who carried or received
that mail, so that nobody else can break an address by a made-up report.
"""

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Final
from uuid import UUID

MOST_BYTES: Final = 1_000_000
_OURS: Final = re.compile(r"<([0-9a-f]{32})@[^>\s]{1,255}>")
_STATUS: Final = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_DIAGNOSED: Final = re.compile(r"\b[245]\d\d[ -]#?([245])\.(\d{1,3})\.(\d{1,3})(?![.\d])")
"""An enhanced code behind the code of an SMTP reply; digits with dots elsewhere can be an address of the network."""
_MOST_DIAGNOSED: Final = 2000
_OF_SENDER: Final = frozenset({"7", "8"})
"""5.1.7 and 5.1.8 say that our own address is wrong; the other codes of 5.1 are about the address that was written to."""
_MOST_PARTS: Final = 50


@dataclass(frozen=True, slots=True)
class Bounce:
    """A mail that was not delivered. `status`: the code of RFC 3463, like 5.1.1. `permanent`: nothing will arrive there."""

    notice_id: UUID
    status: str
    permanent: bool


def read(content: bytes) -> Bounce | None:
    """The bounce in a mail; None: the mail is no bounce, only reports a delay, or names no notice of ours."""
    try:
        return _read(email.message_from_bytes(content[:MOST_BYTES]))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):  # what the parser makes of nonsense
        return None


def _read(mail: Message) -> Bounce | None:
    parts = [part for part, _number in zip(mail.walk(), range(_MOST_PARTS), strict=False)]
    reports = [part for part in parts if part.get_content_type() == "message/delivery-status"]
    fields = [field for report in reports for field in _groups(report)]
    failed = [group for group in fields if str(group.get("Action", "")).strip().lower() == "failed"]
    if not failed:
        return None
    notice_id = next(_notice_ids(mail, parts), None)
    if notice_id is None:
        return None
    codes = [code for code in map(_code, failed) if code is not None]
    permanent = bool(codes) and all(_says_no_such_address(*code) for code in codes)
    return Bounce(notice_id, ".".join(codes[0]) if codes else "unknown", permanent)


def _code(group: Message) -> tuple[str, str, str] | None:
    """The enhanced code of a recipient. 5.0.x is what servers write when they know none; the other server's reply may have one."""
    status = _STATUS.search(str(group.get("Status", "")))
    if status is None:
        return None
    if (status[1], status[2]) == ("5", "0"):
        diagnosed = _DIAGNOSED.search(str(group.get("Diagnostic-Code", ""))[:_MOST_DIAGNOSED])
        status = diagnosed or status
    return status[1], status[2], status[3]


def _says_no_such_address(kind: str, subject: str, detail: str) -> bool:
    """Whether the address does not exist (5.1) or its mailbox is switched off (5.2.1).

    Everything else can be so with a right address: a full mailbox (5.2.2), a time that ran out (5.4.7), a policy (5.7), a final
    failure for no reason given (5.0.0).
    """
    return kind == "5" and ((subject == "1" and detail not in _OF_SENDER) or (subject, detail) == ("2", "1"))


def _groups(report: Message) -> list[Message]:
    """The groups of fields of a report: about the message, and then about each recipient."""
    payload = report.get_payload()
    return [group for group in payload if isinstance(group, Message)] if isinstance(payload, list) else []


def _notice_ids(mail: Message, parts: list[Message]) -> Iterator[UUID]:
    """The ids of notices in the mail that was returned, then in what the report answers to."""
    for part in parts:
        if part.get_content_type() == "message/rfc822":
            payload = part.get_payload()
            returned = payload[0] if isinstance(payload, list) and payload else None
            yield from _ids(str(returned.get("Message-ID", "")) if isinstance(returned, Message) else "")
        elif part.get_content_type() == "text/rfc822-headers":
            content = part.get_payload(decode=True)
            yield from _ids(_message_id(content.decode("utf-8", "replace")) if isinstance(content, bytes) else "")
    yield from _ids(f"{mail.get('In-Reply-To', '')} {mail.get('References', '')}")


def _message_id(headers: str) -> str:
    found = re.search(r"^Message-ID:\s*(\S+)", headers, re.IGNORECASE | re.MULTILINE)
    return found[1] if found else ""


def _ids(text: str) -> Iterator[UUID]:
    yield from (UUID(hex=found) for found in _OURS.findall(text[:2000]))
