"""What is deleted when its time is over, in batches; `app/privacy/lifetimes.py` names these for every table.

A batch that takes long is halved the next time, and no transaction goes on with another one after `TRANSACTION_SECONDS`: nobody
waits for locks of a deletion much longer than that, however many rows have to go after a long outage or a shorter period. On
PostgreSQL one worker at a time deletes; the others leave it to that one.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Final

from sqlalchemy.orm import Session

from app import audit, privacy
from app.cases import callback_windows, case_presence, duplicate_detection, restriction
from app.casework import shown_codes, undelivered_notices
from app.core import quotas
from app.core.db import Database, try_advisory_lock
from app.intake import drafts, idempotency
from app.links import service as links
from app.messaging import outbox, telegram_links
from app.partners import credentials
from app.partners import oauth_clients as partners
from app.referrals import change_feed
from app.settings import Settings
from app.staff import invitations, known_browsers, passkeys, proposals, sessions
from app.staff import read_quotas as daily_reads
from app.tasks import service as tasks
from app.webhooks import delivery as webhooks_delivery

Delete = Callable[[Session, datetime, int], int]
"""Deletes up to so many rows that are due, and returns how many."""
SLOW_SECONDS: Final = 0.25
"""A batch that takes longer is made smaller."""
TRANSACTION_SECONDS: Final = 0.5
"""After so long no further batch begins in the same transaction."""
ROUND_SECONDS: Final = 2.0
"""After so long the other jobs of the worker have their turn."""
SMALLEST, LARGEST = 10, 1000
_LOCK: Final = 0x64656C657465  # any number that no other advisory lock has


def of(settings: Settings) -> Mapping[str, Delete]:
    """The deletions of this installation by name."""
    return {
        "answers to forms": idempotency.drop_expired,
        "outbox": outbox.delete_done,
        "undelivered notices": undelivered_notices.delete_old,
        "drafts": drafts.drop_expired,
        "shown codes": shown_codes.forget_expired,
        "links": links.end_expired,
        "telegram links": telegram_links.delete_expired,
        "access tokens": partners.drop_expired_tokens,
        "used assertions": credentials.drop_used,
        "events": change_feed.drop_old,
        "presence": case_presence.delete_expired,
        "keys of restricted cases": lambda session, _now, _limit: restriction.end_unused_keys(session),
        "former fingerprints": lambda session, _now, limit: duplicate_detection.drop_former(session, limit),
        "callback windows": callback_windows.delete_past,
        "deliveries": webhooks_delivery.delete_old,
        "webhook endpoints": webhooks_delivery.delete_ended_endpoints,
        "quotas": quotas.delete_expired,
        "sessions": partial(sessions.delete_stale, idle=settings.session_idle, max_age=settings.session_max),
        "used challenges": passkeys.delete_expired,
        "known browsers": known_browsers.delete_expired,
        "invitations": invitations.delete_expired,
        "proposals that run out": proposals.expire,
        "ended proposals": lambda session, now, limit: proposals.delete_ended(
            session, now - settings.audit_kept, limit
        ),
        "reads of a day": daily_reads.delete_old,
        "tasks": tasks.delete_done,
        "audit log": lambda session, now, limit: audit.shorten(
            session, before=now - settings.audit_kept, now=now, limit=limit
        ),
        "stubs": lambda session, now, limit: privacy.delete_stubs(session, now - settings.stubs_kept, limit),
    }


@dataclass(slots=True)
class _Deletion:
    name: str
    delete: Delete
    size: int = LARGEST

    def run(self, session: Session, now: datetime, clock: Callable[[], float]) -> tuple[int, bool]:
        """One batch: how many rows are gone, and whether more may be due."""
        limit, began = self.size, clock()
        gone = self.delete(session, now, limit)
        slow = clock() - began > SLOW_SECONDS
        self.size = max(limit // 2, SMALLEST) if slow else min(limit * 2, LARGEST)
        return gone, gone >= limit


class Deletions:
    """The deletions in turn; the next round begins with the one that has waited longest."""

    def __init__(self, deletions: Mapping[str, Delete], clock: Callable[[], float] = monotonic) -> None:
        self._turns = deque(_Deletion(name, delete) for name, delete in deletions.items())
        self._clock = clock

    def run(
        self, database: Database, now: datetime, stopped: Callable[[], bool], failed: Callable[[Exception], None]
    ) -> int:
        """Delete what is due until nothing is, or `ROUND_SECONDS` are over; returns how many rows.

        A deletion that raises ends its transaction, is reported, and waits for the next round; the others go on.
        """
        total, waiting = 0, len(self._turns)
        ends = self._clock() + ROUND_SECONDS
        done: set[str] = set()
        while len(done) < waiting and self._clock() < ends and not stopped():
            try:
                with database.begin() as session:
                    if not try_advisory_lock(session, _LOCK):
                        break
                    gone = self._transaction(session, now, done)
                total += gone
            except Exception as error:  # noqa: BLE001  reported; the others have their turn
                failed(error)
                done.add(self._turns[0].name)
                self._turns.rotate(-1)
        return total

    def _transaction(self, session: Session, now: datetime, done: set[str]) -> int:
        gone, ends = 0, self._clock() + TRANSACTION_SECONDS
        while len(done) < len(self._turns) and self._clock() < ends:
            turn = self._turns[0]
            if turn.name not in done:
                some, more = turn.run(session, now, self._clock)
                gone += some
                if not more:
                    done.add(turn.name)
            self._turns.rotate(-1)
        return gone
