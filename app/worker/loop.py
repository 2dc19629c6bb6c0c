"""The worker's loop: in each round every job does what is due.

Each job uses short transactions of its own. It can be killed at any point and run twice at the same time: what it has committed is
done, the rest is still due. The exception class of a job that fails is logged, and the other jobs run.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from random import SystemRandom
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app import audit, privacy
from app.audit import witness
from app.cases import appointments, counters
from app.casework import (
    appointment_offers,
    auto_offer,
    escalation,
    notice_delivery,
    restrictions,
    scheduler,
    unread_messages,
)
from app.casework.auto_offer import AutoOfferContext
from app.casework.escalation import EscalationWaits
from app.casework.notice_delivery import DeliveryContext
from app.casework.sending_lanes import Lanes
from app.core import log, patience, tracing
from app.core.clock import Clock, to_the_hour
from app.core.db import Database
from app.core.keyring import KeyRing
from app.core.outbound import Outbound
from app.directory import rule_sets
from app.directory.packs import Directory
from app.directory.published import DirectoryInForce
from app.messaging.channels import Channel, NoticeWay, SendingFailed
from app.messaging.telegram_updates import TelegramPoller
from app.operations import heartbeats, problem_notices, status
from app.partners import sandbox_identity as published
from app.reporting import kept_figures
from app.sandbox import service as sandbox
from app.settings import Settings
from app.staff import automatic_offers
from app.tasks import team_reach
from app.webhooks import reachability
from app.webhooks.delivery import WebhookSender
from app.worker import deletions
from app.worker.channel import channel_of, gateway_channels, telegram_bot_of
from app.worker.deletions import Deletions

Job = Callable[[datetime], int]
_BATCH: Final = 50
_REPORT_BATCHES: Final = 4
"""So many cases are counted again in one round that the other jobs do not wait for it after an upgrade."""
_SEND_SECONDS: Final = 1.0
"""How long continuous rounds wait for the ways that send: a slow one must hold up neither another nor the other jobs."""
_LAST_SECONDS: Final = 8.0
"""How long they may take to end what they have begun when the worker stops."""
_UPDATES: Final = "telegram-updates"
_POLL_SECONDS: Final = 25.0
_POLL_AGAIN: Final = timedelta(seconds=30)
"""How long Telegram is left alone after it did not answer."""
_MARK_EVERY: Final = timedelta(seconds=30)
_LOOK_EVERY: Final = timedelta(minutes=5)
"""How often the state of the service is looked at, to tell operators of a new problem."""
_PLACE_EVERY: Final = timedelta(seconds=1)
"""How often committed audit entries get their places, beside the rounds: until then somebody who writes every table can take one
away and no hash shows it.
"""


class Worker:
    """Runs rounds: continuously in a thread (`start`, `stop`), or a single one (`run_once`)."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        directory: Directory,
        settings: Settings,
        clock: Clock,
        *,
        channel: Channel | None = None,
        gateways: Mapping[NoticeWay, Channel] | None = None,
        outbound: Outbound | None = None,
    ) -> None:
        self._database = database
        self._keys = keys
        self._current = DirectoryInForce(directory)
        self._settings = settings
        self._clock = clock
        self._channel = channel or channel_of(settings)
        self._gateways = gateway_channels(settings) if gateways is None else gateways
        self._resting: dict[str, datetime] = {}
        self._outcomes: dict[str, str] = {}
        self._lanes = Lanes()
        self._noted_ways: dict[str, tuple[datetime, str]] = {}
        self._postman = WebhookSender(database, keys, outbound or Outbound(), SystemRandom())
        self._stored_digest = ""
        self._periods: privacy.RetentionPeriods | None = None
        self._deletions = Deletions(deletions.of(settings))
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.jobs: dict[str, Job] = {
            "clocks": self._clocks,
            "first_offers": self._first_offers,
            "appointments": self._appointments,
            "escalations": self._escalations,
            "unread_messages": self._unread_messages,
            "restricted_cases": self._restricted_cases,
            "problems": self._problems,
            "messages": self._messages,
            "webhooks": self._postman.round,
            "expired": self._expired,
            "retention": self._retention,
            "audit_places": self._audit_places,
            "audit_heads": self._audit_heads,
            "counters": self._counters,
            "reports": self._reports,
            "sandbox": self._sandbox,
            "rule_sets": self._rule_sets,
        }
        self.failed: list[str] = []
        """Jobs of the last round that failed, wholly or for one of several cases."""
        self._job = ""
        self._marked_at: datetime | None = None
        self._looked_at: datetime | None = None
        self._head_hour: datetime | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current job; waits at most 10 s."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def run_forever(self) -> None:
        self._run()

    def _start_polling(self) -> None:
        """Ask Telegram what was written to our bot, in a thread of its own: it waits for answers, which the rounds must not do."""
        bot = telegram_bot_of(self._settings)
        if bot is not None:
            poller = TelegramPoller(bot, self._database, self._keys, self._clock, self._note_telegram)
            threading.Thread(target=self._poll, args=(poller,), name="telegram", daemon=True).start()

    def _start_placing(self) -> None:
        """Give audit entries their places in a thread of its own: a round can take long. On SQLite they have one already."""
        if self._database.dialect == "postgresql":
            threading.Thread(target=self._place, name="audit", daemon=True).start()

    def _place(self) -> None:
        while not self._stop.wait(_PLACE_EVERY.total_seconds()):
            with suppress(Exception), patience.each():  # the job of the round says why
                audit.place_all(self._database, self._stop.is_set)

    def _poll(self, poller: TelegramPoller) -> None:
        offset: int | None = None
        while not self._stop.is_set():
            wait = timedelta(0)
            try:
                if offset is None:
                    offset = self._telegram_offset()
                offset = poller.poll(offset, _POLL_SECONDS)
                self._note_way(_UPDATES, "")
            except SendingFailed as error:
                log.get().warning("poll_failed", kind="telegram", error=error.reason)
                wait = max(_POLL_AGAIN, error.retry_after or _POLL_AGAIN)
                with suppress(Exception):  # the page of operations is late then
                    self._note_way(_UPDATES, error.reason)
            except Exception as error:  # noqa: BLE001  the database is unreachable: the same is asked for again
                log.failure("job_failed", error, kind="telegram")
                wait = _POLL_AGAIN
            self._stop.wait(wait.total_seconds())

    def _telegram_offset(self) -> int:
        with self._database.begin(write=False) as session:
            last = heartbeats.latest(session).get(heartbeats.TELEGRAM)
        return int(last.codes.get("offset", 0)) if last is not None else 0

    def _note_telegram(self, session: Session, offset: int) -> None:
        heartbeats.record(session, heartbeats.TELEGRAM, to_the_hour(self._clock()), offset=offset)

    def run_once(self) -> dict[str, int]:
        """Run one round; returns how many things each job did.

        A job that raised is missing; `failed` names it, and each job in which one of several things failed.
        """
        with patience.each():
            return self._run_once()

    def _run_once(self) -> dict[str, int]:
        done: dict[str, int] = {}
        self.failed = []
        for name, job in self.jobs.items():
            if self._stop.is_set():
                break
            self._job = name
            try:
                with tracing.root(f"job {name}"):
                    done[name] = job(self._clock())
            except Exception as error:  # noqa: BLE001  one failing job must not stop the others
                self._note_failure(error)
        self._note_round(self.failed)
        return done

    def _note_failure(self, error: Exception) -> None:
        log.failure("job_failed", error, kind=self._job)
        if self._job not in self.failed:
            self.failed.append(self._job)

    def _note_round(self, failed: list[str]) -> None:
        """Record the round for the operations page, at most twice a minute."""
        now = self._clock()
        if self._marked_at is not None and now - self._marked_at < _MARK_EVERY:
            return
        try:
            with self._database.begin() as session:
                heartbeats.record(session, heartbeats.WORKER, now, failed=failed)
            self._marked_at = now
        except Exception as error:  # noqa: BLE001  the database is unreachable: the next round tries again
            log.failure("job_failed", error, kind="mark")

    def _run(self) -> None:
        self._lanes = Lanes(waits=_SEND_SECONDS)
        self._start_polling()
        self._start_placing()
        while not self._stop.is_set():
            done = self.run_once()
            if any(done.values()):
                log.get().info("round", count=sum(done.values()))
            self._stop.wait(self._settings.worker_every.total_seconds())
        with suppress(Exception):  # it is sent again
            self._lanes.finish(_LAST_SECONDS)

    def _clocks(self, now: datetime) -> int:
        with self._database.begin(write=False) as session:
            context = self._offer_context(session, now)
            due = scheduler.due(session, now, _BATCH)
        return sum(
            self._in_own_transaction(partial(scheduler.tick, now=now, context=context), referral_id)
            for referral_id in due
        )

    def _appointments(self, now: datetime) -> int:
        """Send reminders of agreed times, and end offers of times that nobody answered."""
        with self._database.begin(write=False) as session:
            near = appointments.due_for_reminder(session, now, _BATCH)
            over = appointments.due_for_expiry(session, now, _BATCH)
        return sum(
            self._in_own_transaction(partial(act, now=now), case_id)
            for act, case_ids in ((appointment_offers.remind, near), (appointment_offers.expire, over))
            for case_id in dict.fromkeys(case_ids)
        )

    def _first_offers(self, now: datetime) -> int:
        """Offer cases that no coordinator has taken in time, in countries whose setting allows it."""
        after = {
            country.code: self._settings.offer_after(country.code) for country in self._current.directory.countries
        }
        waits = {code: wait for code, wait in after.items() if wait is not None}
        with self._database.begin(write=False) as session:
            chosen = automatic_offers.chosen(session, self._settings.by_hand)
            if not waits and not any(wait is not None for wait in chosen.values()):
                return 0
            context = self._offer_context(session, now)
            cases = auto_offer.untaken_cases(session, now, _BATCH, after=waits, chosen=chosen)
        return sum(
            self._in_own_transaction(partial(auto_offer.offer_new_case, now=now, context=context), case_id)
            for case_id in cases
        )

    def _offer_context(self, session: Session, now: datetime) -> AutoOfferContext:
        by_hand = self._settings.by_hand
        manual = frozenset(
            country for country, wait in automatic_offers.chosen(session, by_hand).items() if wait is None
        )
        return AutoOfferContext(self._keys, self._current.refresh(session, now), by_hand, manual, reachability.notified)

    def _in_own_transaction(self, act: Callable[[Session, UUID], object], what: UUID) -> bool:
        """Run an action in its own transaction, so that one that fails does not stop the others. It is still due then."""
        try:
            with self._database.begin() as session:
                return bool(act(session, what))
        except Exception as error:  # noqa: BLE001
            self._note_failure(error)
            return False

    def _messages(self, now: datetime) -> int:
        post = DeliveryContext(
            self._channel,
            self._keys,
            self._settings.base_url,
            self._current.directory,
            others=self._gateways,
            resting=self._resting,
            outcomes=self._outcomes,
            lanes=self._lanes,
            waits=self._waits,
            hears=reachability.notified,
        )
        sent = notice_delivery.send_due(self._database, post, now, _BATCH)
        while self._outcomes:
            self._note_way(*self._outcomes.popitem())
        return sent

    def _note_way(self, lane: str, reason: str) -> None:
        """Record for the operations page how a way of sending works, once an hour and whenever that changes."""
        hour = to_the_hour(self._clock())
        if self._noted_ways.get(lane) == (hour, reason):
            return
        with self._database.begin() as session:
            heartbeats.record(session, f"{heartbeats.WAY}{lane}", hour, reason=reason)
        self._noted_ways[lane] = (hour, reason)

    @property
    def _waits(self) -> EscalationWaits:
        return EscalationWaits(self._settings.escalate_after, self._settings.escalate_to_seniors_after)

    def _escalations(self, now: datetime) -> int:
        """Tell further members of emergencies that nobody has opened."""
        with self._database.begin(write=False) as session:
            due = escalation.due(session, now, _BATCH)
        return sum(
            self._in_own_transaction(partial(escalation.escalate, now=now, waits=self._waits), case_id)
            for case_id in due
        )

    def _unread_messages(self, now: datetime) -> int:
        """Open tasks to call organisations that have not read a message for long."""
        with self._database.begin(write=False) as session:
            due = unread_messages.due(session, now, _BATCH)
        return sum(
            self._in_own_transaction(partial(unread_messages.escalate, now=now), referral_id) for referral_id in due
        )

    def _restricted_cases(self, now: datetime) -> int:
        """Tell of restricted cases that fewer than two members can open, whatever way the others were lost."""
        with self._database.begin(write=False) as session:
            due = restrictions.with_too_few(session, _BATCH)
        return sum(self._in_own_transaction(partial(restrictions.tell_of_too_few, now=now), case_id) for case_id in due)

    def _problems(self, now: datetime) -> int:
        """Tell operators of new problems, every few minutes."""
        if self._looked_at is not None and now - self._looked_at < _LOOK_EVERY:
            return 0
        with self._database.begin() as session:
            found = status.read_status(session, self._keys, now, self._settings.storage_limits).problems()
            if team_reach.countries_untold(session):
                found.append("team-untold")
            told = problem_notices.tell(session, found, now)
        self._looked_at = now
        return told

    def _expired(self, now: datetime) -> int:
        """Delete what has run out, in short transactions; what is left after some seconds waits for the next round."""
        return self._deletions.run(self._database, now, self._stop.is_set, self._note_failure)

    def _rule_sets(self, now: datetime) -> int:
        """Store the rules in force with their content, so that match runs under them can always be explained."""
        with self._database.begin(write=False) as session:
            directory = self._current.refresh(session, now)
        if directory.digest == self._stored_digest:
            return 0
        with self._database.begin() as session:
            new = rule_sets.store_directory(session, directory, now)
        self._stored_digest = directory.digest
        return int(new)

    def _retention(self, now: datetime) -> int:
        settings = self._settings
        periods = privacy.RetentionPeriods(
            contact=settings.contact_kept,
            rest=settings.closed_kept,
            unmet=settings.unmet_kept,
            spam=settings.spam_kept,
        )
        self._apply_retention_change(periods, now)
        with self._database.begin() as session:
            return privacy.forget_due(session, now=now, limit=_BATCH, periods=periods)

    def _apply_retention_change(self, periods: privacy.RetentionPeriods, now: datetime) -> None:
        """Apply changed retention periods to existing cases: have their deletion times computed again."""
        if self._periods == periods:
            return
        codes = {name: int(kept.total_seconds()) for name, kept in asdict(periods).items()}
        with self._database.begin() as session:
            before = heartbeats.latest(session).get(heartbeats.RETENTION)
            if before is None or before.codes != codes:
                privacy.reschedule(session, now)
                heartbeats.record(session, heartbeats.RETENTION, now, **codes)
        self._periods = periods

    def _sandbox(self, now: datetime) -> int:
        """Open and fill the sandbox if the setting says so, otherwise close it. Writes only when that is necessary."""
        with self._database.begin(write=False) as session:
            todo = sandbox.missing(session, now) if self._settings.sandbox else published.is_open(session)
        if not todo:
            return 0
        with self._database.begin() as session:
            if self._settings.sandbox:
                return sandbox.refill(session, keys=self._keys, directory=self._current.directory, now=now)
            published.close(session)
            return 1

    def _audit_places(self, _now: datetime) -> int:
        """Give committed audit entries their places in the chain."""
        return audit.place_all(self._database, self._stop.is_set)

    def _audit_heads(self, now: datetime) -> int:
        """Once an hour, sign the newest entry of the audit chain, outside the database."""
        hour = to_the_hour(now)
        if self._head_hour == hour:
            return 0
        key = witness.signing_key(self._settings.audit_key_file)
        with self._database.begin(write=False) as session:
            added = witness.append_head(session, self._settings.audit_heads_file, key, now)
        self._head_hour = hour
        return int(added)

    def _reports(self, _now: datetime) -> int:
        """Bring the figures of reports up to date for the cases that have changed; if there are very many, some in each round."""
        settled = 0
        for _batch in range(_REPORT_BATCHES):
            if self._stop.is_set():
                break
            with self._database.begin() as session:
                some = kept_figures.settle(session)
            settled += some
            if some < kept_figures.BATCH:
                break
        return settled

    def _counters(self, now: datetime) -> int:
        with self._database.begin() as session:
            return counters.compact(session, now.date())
