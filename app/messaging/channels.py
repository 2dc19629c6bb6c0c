"""Channels that send notices: one small interface, and the demo channel, which writes files."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Notice:
    """What is sent: a subject and a text with counts and a link. Never a name of the person, a contact or a story.

    `to` names the recipient by kind and id; `address` is the e-mail address, which the repr does not show.
    """

    id: UUID
    to: str
    subject: str
    text: str
    address: str = ""

    def __repr__(self) -> str:
        return f"Notice(id={self.id}, to={self.to})"


class SendingFailed(Exception):
    """Sending failed; try again later. Holds no address. `affects_all`: other notices would fail too."""

    def __init__(self, reason: str = "", *, affects_all: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.affects_all = affects_all


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
