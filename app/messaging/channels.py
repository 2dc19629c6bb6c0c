"""Channels that send notices: one small interface, and the demo channel, which writes files."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID


class NoticeWay(StrEnum):
    """The way in which a notice is sent. Each has one channel, and no channel waits for another."""

    EMAIL = "email"
    SIGNAL = "signal"
    TELEGRAM = "telegram"
    TEAM = "team"
    """One of the ways that the operator has set for members, by its name."""


EMAIL_ALONE: Final = frozenset({NoticeWay.EMAIL})


def ways_with(gateways: Iterable[str]) -> frozenset[NoticeWay]:
    """The ways by which a person can be told, with these gateways (`Settings.gateways`)."""
    return EMAIL_ALONE | {NoticeWay(name) for name in gateways}


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice to send: a subject and a text with counts and a link. Never a name of the person, a contact or a story.

    `to` names the recipient by kind and id; `address` is the address on this way, which the repr does not show.
    """

    id: UUID
    to: str
    subject: str
    text: str
    address: str = ""
    way: NoticeWay = NoticeWay.EMAIL

    @property
    def lane(self) -> str:
        """The name under which an outage is recorded: the way, or for a way of the operator this one alone."""
        return f"{self.way}:{self.address}" if self.way is NoticeWay.TEAM else self.way.value

    def __repr__(self) -> str:
        return f"Notice(id={self.id}, to={self.to})"


class SendingFailed(Exception):
    """Sending failed. Holds no address.

    `affects_all`: other notices of this way would fail too. `permanent`: this one will never be taken, whenever it is tried.
    `address_gone`: nothing will reach this address again, because its owner has blocked us or has no account any more.
    `retry_after`: how long the other side asked us to wait.
    """

    def __init__(
        self,
        reason: str = "",
        *,
        affects_all: bool = False,
        permanent: bool = False,
        address_gone: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.affects_all = affects_all
        self.permanent = permanent
        self.address_gone = address_gone
        self.retry_after = retry_after


class Channel(Protocol):
    def takes(self, notice: Notice) -> bool:
        """Whether this channel can reach the recipient."""

    def send(self, notice: Notice) -> None:
        """Send the notice. May be called again with the same `id`. Raises SendingFailed."""


class FileChannel:
    """Each notice as a file of a folder, named by its id: sending twice writes the same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def takes(self, notice: Notice) -> bool:  # noqa: ARG002
        return True

    def send(self, notice: Notice) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{notice.id}.txt"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"To: {notice.to}\nSubject: {notice.subject}\n\n{notice.text}\n")
        except OSError as error:
            raise SendingFailed(type(error).__name__) from error
