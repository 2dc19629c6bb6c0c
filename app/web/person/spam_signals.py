"""Spam signals of a submitted form. Nobody is refused and there is no CAPTCHA: a suspicious form is held for review.

Three signals: a hidden field is filled in (`trap`); the form is sent faster than it can be read (`haste`); one sender,
or all senders together, exceed a limit (`crowd`). Counts live only in this process's memory, under a key that is discarded
with each window: no address is stored, and none can be recovered later.
"""

import hashlib
import secrets
from collections import Counter
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from fastapi import Request

from app.intake.questions import FormFields

HONEYPOT: Final = "subject"
"""The name of the hidden field: one that programs usually fill in."""
_FASTEST: Final = timedelta(seconds=4)
_WINDOW: Final = timedelta(minutes=10)
_LIMIT_PER_SENDER: Final = 30
_LIMIT_OVERALL: Final = 300


class SubmissionCounter:
    """Number of forms in this window, in total and by sender. One instance per process; reset at the end of the window."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ends: datetime | None = None
        self._reset()

    def _reset(self) -> None:
        self._key = secrets.token_bytes(32)
        self._seen: Counter[bytes] = Counter()

    def exceeds_limit(self, sender: str, now: datetime) -> bool:
        """Count one more form. True when this sender, or all senders together, exceed the limit."""
        with self._lock:
            if self._ends is None or now >= self._ends:
                self._ends = now + _WINDOW
                self._reset()
            sender_hash = hashlib.blake2b(sender.encode(), key=self._key, digest_size=8).digest()
            self._seen[sender_hash] += 1
            return self._seen[sender_hash] > _LIMIT_PER_SENDER or self._seen.total() > _LIMIT_OVERALL


def held_reason(request: Request, form: FormFields, begun: datetime | None, now: datetime) -> str | None:
    """The code of the reason to hold this form; None when nothing is suspicious. `begun`: when the form was opened."""
    state = request.app.state
    if not hasattr(state, "submission_counter"):
        state.submission_counter = SubmissionCounter()
    is_over_limit = state.submission_counter.exceeds_limit(request.client.host if request.client else "", now)
    if "".join(form.get(HONEYPOT, [])).strip():
        return "trap"
    if is_over_limit:
        return "crowd"
    return "haste" if begun is None or now - begun < _FASTEST else None
