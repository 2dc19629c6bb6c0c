"""Reading from a replica, with a bound on how far it may be behind, and from the primary where that does not hold.

What is at most `most_behind` old is proved by the write-ahead log and not by clocks: we remember the primary's position at several
moments, and the replica has to have replayed the position of a moment that is not longer ago than that. A replica that is behind,
paused, cut off, promoted or gone is not read; nobody waits for it longer than `CHECK_SECONDS`.

Never for anything sealed, for who may do what, or for what is written afterwards: those are read where they are written.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from app.core import log, patience
from app.core.db import Database

CHECK_SECONDS: Final = 1.0
_REST_SECONDS: Final = {"behind": 1.0, "unreachable": 15.0}
"""How long the primary is read before the replica is asked again."""
_SAMPLES_IN_TIME: Final = 5
"""How many positions of the primary are remembered within the bound."""

_POSITION: Final = sa.text(
    "SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint END"
)
_HAS_REACHED: Final = sa.text(
    "SELECT CASE WHEN pg_is_in_recovery()"
    " THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint >= :position ELSE false END"
).bindparams(sa.bindparam("position", type_=sa.BigInteger()))


class ReplicaState(StrEnum):
    """How the replica was when it was last asked."""

    USED = "used"
    BEHIND = "behind"
    """Further behind than allowed, or it is no replica: it was promoted, or the address leads to the primary."""
    UNREACHABLE = "unreachable"


class Replica:
    """One per process; all threads share what it remembers."""

    def __init__(
        self,
        database: Database,
        primary: Database,
        most_behind: timedelta,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._primary = primary
        self._bound = most_behind.total_seconds()
        self._clock = clock
        self._positions: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()
        self._rest_until = float("-inf")
        self.state: ReplicaState | None = None

    def session(self) -> Session | None:
        """A reading session that sees everything that was committed `most_behind` ago; None: read the primary.

        Its transaction has begun with one statement. The primary is asked for its position a few times within the bound.
        """
        if self._clock() < self._rest_until:
            return None
        position = self._position_in_time()
        if position is None:
            return None
        session = self._database.session(write=False)
        try:
            with patience.each(CHECK_SECONDS):
                has_reached = bool(session.execute(_HAS_REACHED, {"position": position}).scalar())
        except (DBAPIError, PoolTimeout):
            session.close()
            self.leave_alone()
            return None
        if not has_reached:
            session.close()
            self._note(ReplicaState.BEHIND)
            return None
        self._note(ReplicaState.USED)
        return session

    def leave_alone(self) -> None:
        """It failed: the primary is read for a while."""
        self._note(ReplicaState.UNREACHABLE)

    def dispose(self) -> None:
        self._database.dispose()

    def _position_in_time(self) -> int | None:
        """A position of the primary from a moment within the bound, the oldest that we know; None: it does not tell us."""
        now = self._clock()
        with self._lock:
            while self._positions and self._positions[0][0] < now - self._bound:
                self._positions.popleft()
            newest = self._positions[-1][0] if self._positions else float("-inf")
            oldest = self._positions[0][1] if self._positions else None
        if now - newest < self._bound / _SAMPLES_IN_TIME:
            return oldest
        try:
            with patience.each(CHECK_SECONDS), self._primary.begin(write=False) as session:
                position = session.execute(_POSITION).scalar()
        except (DBAPIError, PoolTimeout):
            return oldest
        if position is None:  # not the primary any more: positions of another history prove nothing
            with self._lock:
                self._positions.clear()
            return None
        with self._lock:
            self._positions.append((now, position))
        return position if oldest is None else oldest

    def _note(self, state: ReplicaState) -> None:
        if rest := _REST_SECONDS.get(state, 0.0):
            self._rest_until = self._clock() + rest
        if state is not self.state:
            self.state = state
            log.get().log(20 if state is ReplicaState.USED else 30, "replica", state=state.value)
