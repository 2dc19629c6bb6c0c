"""Spam signals of a submitted form. Nobody is refused and there is no CAPTCHA: a suspicious form is marked for review.

Three signals: a hidden field is filled in (`trap`); the form is sent faster than it can be read (`haste`); very many forms come at
the same time (`crowd`). What follows from each is in `cases.spam_screening`.

The crowd. A sender is a public address, reported by a trusted proxy (`core.client_address`). More than 30 forms of one sender
within ten minutes are marked; so are those beyond 300 without a real sender (onion service, proxy that does not report one). A
form of a sender who is within their own limit is never marked, however many others come. The team is told of both, and when there
are 300 forms in all. Counts live only in this process's memory, under a key that is discarded with each window: no address is
stored, and none can be recovered later.
"""

import hashlib
import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from fastapi import Request

from app.core.client_address import sender
from app.intake.questions import FormFields

HONEYPOT: Final = "subject"
"""The name of the hidden field: one that programs usually fill in."""
_FASTEST: Final = timedelta(seconds=4)
_WINDOW: Final = timedelta(minutes=10)
_LIMIT_PER_SENDER: Final = 30
_LIMIT_OVERALL: Final = 300


@dataclass(frozen=True, slots=True)
class Screening:
    """The result of the screening. `held_reason`: the mark, or None. `crowd`: so many forms arrive that the team is to be told."""

    held_reason: str | None
    crowd: bool


class SubmissionCounter:
    """Number of forms in this window, in total and by sender. One instance per process; reset at the end of the window."""

    def __init__(self, per_sender: int | None = None) -> None:
        self._per_sender = _LIMIT_PER_SENDER if per_sender is None else per_sender
        self._lock = Lock()
        self._ends: datetime | None = None
        self._reset()

    def _reset(self) -> None:
        self._key = secrets.token_bytes(32)
        self._seen: Counter[bytes] = Counter()
        self._nameless = 0

    def count(self, sender: str | None, now: datetime) -> tuple[bool, bool]:
        """Count one more form. Returns whether it belongs to a crowd, and whether the team is to be told of a crowd."""
        with self._lock:
            if self._ends is None or now >= self._ends:
                self._ends = now + _WINDOW
                self._reset()
            if sender is None:
                self._nameless += 1
                is_over = self._nameless > _LIMIT_OVERALL
            else:
                sender_hash = hashlib.blake2b(sender.encode(), key=self._key, digest_size=8).digest()
                self._seen[sender_hash] += 1
                is_over = self._seen[sender_hash] > self._per_sender
            return is_over, is_over or self._nameless + self._seen.total() > _LIMIT_OVERALL


def screen(request: Request, form: FormFields, begun: datetime | None, now: datetime) -> Screening:
    """Screen this form. `begun`: when it was opened."""
    state = request.app.state
    if not hasattr(state, "submission_counter"):
        state.submission_counter = SubmissionCounter()
    is_over, crowd = state.submission_counter.count(sender(request, state.settings.proxies), now)
    if "".join(form.get(HONEYPOT, [])).strip():
        return Screening("trap", crowd)
    if is_over:
        return Screening("crowd", crowd)
    return Screening("haste" if begun is None or now - begun < _FASTEST else None, crowd)
