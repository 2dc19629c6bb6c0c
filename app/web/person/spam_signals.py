"""Is this a person? Nobody is refused and nobody is asked to prove it: what looks like a machine is held for the desk to look at.

Three signs: a field that people do not see is filled in (`trap`); the form is sent faster than it can be read (`haste`);
one sender, or all of them together, send more than people do (`crowd`). The last is counted in the memory of this
process alone, under a key that is thrown away with each window: no address is stored, and none can be worked out later.
"""

import hashlib
import secrets
from collections import Counter
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from fastapi import Request

from app.intake.questions import Typed

TRAP: Final = "subject"
"""The name of the field that people do not see. Machines fill in what is called like this."""
_FASTEST: Final = timedelta(seconds=4)
_WINDOW: Final = timedelta(minutes=10)
_OF_ONE: Final = 30
_OF_ALL: Final = 300


class Crowd:
    """How many forms came in this window, in all and by sender. One a process; forgets everything at the window's end."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ends: datetime | None = None
        self._start_anew()

    def _start_anew(self) -> None:
        self._key = secrets.token_bytes(32)
        self._seen: Counter[bytes] = Counter()

    def too_many(self, sender: str, now: datetime) -> bool:
        """Note one more form. Whether this sender, or all together, have sent more than people do."""
        with self._lock:
            if self._ends is None or now >= self._ends:
                self._ends = now + _WINDOW
                self._start_anew()
            who = hashlib.blake2b(sender.encode(), key=self._key, digest_size=8).digest()
            self._seen[who] += 1
            return self._seen[who] > _OF_ONE or self._seen.total() > _OF_ALL


def held_for(request: Request, typed: Typed, begun: datetime | None, now: datetime) -> str | None:
    """Why this form is held, as a code of `intake.quarantine`; None for a person. `begun`: when the form was opened."""
    state = request.app.state
    if not hasattr(state, "crowd"):
        state.crowd = Crowd()
    crowded = state.crowd.too_many(request.client.host if request.client else "", now)
    if "".join(typed.get(TRAP, [])).strip():
        return "trap"
    if crowded:
        return "crowd"
    return "haste" if begun is None or now - begun < _FASTEST else None
