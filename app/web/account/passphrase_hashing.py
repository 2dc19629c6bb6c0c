"""Queues for hashing passphrases, which takes 64 MiB and most of a second.

Strangers can send as many sign-in forms as they like. So they have a queue of their own, one turn at a time, in which no sender has
more than a few places; after each of their turns it rests as long as the turn took, which leaves the processor to the form. Members
in a browser that has signed them in before, with a passkey, or signed in already, never wait behind them.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio

from app.core.errors import Unavailable

_KNOWN_AT_ONCE: Final = 2
_KNOWN_WAITING: Final = 30
_STRANGERS_WAITING: Final = 12
_PLACES_OF_A_SENDER: Final = 3
_LONGEST_REST: Final = 3.0  # seconds


class PassphraseHashing:
    """Limits how many passphrases are hashed at the same time, and refuses callers beyond the waiting limits."""

    def __init__(self) -> None:
        self._known, self._strangers = anyio.Semaphore(_KNOWN_AT_ONCE), anyio.Semaphore(1)
        self._known_waiting = 0
        self._places: Counter[str | None] = Counter()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the turn of a member who is known. Raises Unavailable."""
        if self._known_waiting >= _KNOWN_WAITING:
            raise Unavailable("Too many people are signing in at the moment. Try again in a minute.")
        self._known_waiting += 1
        try:
            async with self._known:
                yield
        finally:
            self._known_waiting -= 1

    @asynccontextmanager
    async def stranger_turn(self, sender: str | None) -> AsyncIterator[None]:
        """Wait for the turn of somebody unknown. `sender` None: there is no real one, and only the whole queue is limited.

        Raises Unavailable.
        """
        if self._places.total() >= _STRANGERS_WAITING or (
            sender is not None and self._places[sender] >= _PLACES_OF_A_SENDER
        ):
            raise Unavailable(
                "Too many people are signing in from browsers that we do not know. Try again in a minute, or use a browser in "
                "which you have signed in before, or a passkey."
            )
        self._places[sender] += 1
        try:
            async with self._strangers:
                began = anyio.current_time()
                yield
                await anyio.sleep(min(anyio.current_time() - began, _LONGEST_REST))
        finally:
            self._places[sender] -= 1
            if not self._places[sender]:
                del self._places[sender]
