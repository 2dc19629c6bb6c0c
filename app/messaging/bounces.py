"""Mails that came back: reads a delivery status notification (RFC 3464), which is a stranger's input.

Which notice it is about stands in the Message-ID of the mail that was returned. The id is random and known to nobody but whoever
carried or got that mail, so that nobody else can break an address by a made-up report.
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
_MOST_PARTS: Final = 50


@dataclass(frozen=True, slots=True)
class Bounce:
    """A mail that was not delivered. `status`: the code of RFC 3463, like 5.1.1. `permanent`: nothing will arrive there."""

    notice_id: UUID
    status: str
    permanent: bool


def read(content: bytes) -> Bounce | None:
    """The bounce in a mail; None: it is none, only says that it takes longer, or names no notice of ours."""
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
    found = [_STATUS.search(str(group.get("Status", ""))) for group in failed]
    codes = [match for match in found if match is not None]
    # 5.2.2 is a full mailbox and 5.7.x a policy, such as a list that does not know us: the address can be right
    permanent = bool(codes) and all(
        match[1] == "5" and match[2] in {"0", "1", "2", "4"} and match[0] != "5.2.2" for match in codes
    )
    return Bounce(notice_id, codes[0][0] if codes else "unknown", permanent)


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
