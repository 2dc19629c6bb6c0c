"""One round of everything that is due, and the loop that goes round.

Each job takes its own short transactions, may be killed at any point and started twice: what it did is done, what it
did not do is still due. A job that fails is logged by its class and does not stop the others.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app import privacy
from app.core import log
from app.core.clock import Clock
from app.core.db import Database
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.intake import drafts, openings, replies, tallies
from app.messaging import sending
from app.messaging.channels import Channel, FileChannel
from app.partners import service as partners
from app.referrals import feed, ticking
from app.referrals.ticking import Clockwork
from app.settings import Settings
from app.staff import service as staff

Job = Callable[[datetime], int]
_BATCH: Final = 50


class Worker:
    """Runs rounds, by itself in a thread (`start`, `stop`) or one by one (`once`)."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        directory: Directory,
        settings: Settings,
        clock: Clock,
        *,
        channel: Channel | None = None,
    ) -> None:
        self._database = database
        self._keys = keys
        self._directory = directory
        self._settings = settings
        self._clock = clock
        self._channel = channel or FileChannel(settings.var / "outbox")
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.jobs: dict[str, Job] = {
            "clocks": self._clocks,
            "first_offers": self._first_offers,
            "messages": self._messages,
            "expired": self._expired,
            "retention": self._retention,
            "tallies": self._tallies,
        }

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the round under way end; waits at most 10 s."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def run_forever(self) -> None:
        self._run()

    def once(self) -> dict[str, int]:
        """One round: how many things each job did. A job that raised is missing."""
        done = {}
        for name, job in self.jobs.items():
            if self._stop.is_set():
                break
            try:
                done[name] = job(self._clock())
            except Exception as error:  # noqa: BLE001  one broken job must not stop the clocks of the others
                log.get().error("job_failed", kind=name, error=type(error).__name__, where=log.where(error))
        return done

    def _run(self) -> None:
        while not self._stop.is_set():
            done = self.once()
            if any(done.values()):
                log.get().info("round", count=sum(done.values()))
            self._stop.wait(self._settings.worker_every.total_seconds())

    def _clocks(self, now: datetime) -> int:
        by = Clockwork(self._keys, self._directory)
        with self._database.begin(write=False) as session:
            due = ticking.due(session, now, _BATCH)
        return sum(self._alone(partial(ticking.tick, now=now, by=by), referral_id) for referral_id in due)

    def _first_offers(self, now: datetime) -> int:
        """Only where the setting says so: what nobody at the desk took is offered by the clock."""
        after = self._settings.auto_offer_after
        if after is None:
            return 0
        by = Clockwork(self._keys, self._directory)
        with self._database.begin(write=False) as session:
            cases = ticking.untouched(session, now, _BATCH, after=after)
        return sum(self._alone(partial(ticking.ask_first, now=now, by=by), case_id) for case_id in cases)

    def _alone(self, act: Callable[[Session, UUID], object], what: UUID) -> bool:
        """In a transaction of its own: one that can not be moved does not hold up the others. It is still due then."""
        try:
            with self._database.begin() as session:
                return bool(act(session, what))
        except Exception as error:  # noqa: BLE001
            log.get().error("job_failed", kind="clocks", error=type(error).__name__, where=log.where(error))
            return False

    def _messages(self, now: datetime) -> int:
        return sending.send_due(self._database, self._channel, self._settings.base_url, now, _BATCH)

    def _expired(self, now: datetime) -> int:
        settings = self._settings
        with self._database.begin() as session:
            return (
                replies.drop_expired(session, now)
                + drafts.drop_expired(session, now)
                + partners.drop_expired_tokens(session, now)
                + feed.drop_old(session, now)
                + openings.drop_old(session, now)
                + staff.drop_stale_sessions(session, now, idle=settings.session_idle, longest=settings.session_max)
            )

    def _retention(self, now: datetime) -> int:
        with self._database.begin() as session:
            return privacy.forget_due(session, now=now, limit=_BATCH)

    def _tallies(self, _now: datetime) -> int:
        with self._database.begin() as session:
            return tallies.fold(session)
