"""Tells operators of the problems that *Operations* shows in red, immediately or with their daily notice.

Immediately where somebody may miss help. `worker-late` is left out,
because the worker itself sends the notices: watch /readyz from outside. A honeytoken has
an alarm of its own.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import messaging
from app.core.ids import named_id
from app.messaging.kinds import NoticeKind
from app.operations import heartbeats
from app.operations.heartbeats import Heartbeat

URGENT: Final = frozenset(
    {
        "worker-job-failed",
        "messages-late",
        "way-down",
        "clocks-late",
        "storage-full",
        "data-can-be-lost",
        "audit-waiting",
        "team-untold",
    }
)
"""While these last, notices, offers or time limits may fail."""
_TOLD_OTHERWISE: Final = frozenset({"worker-late", "honeytoken-read"})
AGAIN_URGENT: Final = timedelta(days=1)
AGAIN: Final = timedelta(days=7)
"""How long a problem that lasts, or comes and goes, is not told again."""


def to_tell(problems: Collection[str], told: Mapping[str, datetime], now: datetime) -> list[str]:
    """The codes that somebody has to be told of now. `told`: when each was last told."""
    return [
        code
        for code in problems
        if code not in _TOLD_OTHERWISE
        and (code not in told or now - told[code] >= (AGAIN_URGENT if code in URGENT else AGAIN))
    ]


def tell(session: Session, problems: Collection[str], now: datetime) -> int:
    """Queue a notice to the operators for each problem that is new; returns how many. Of two workers, only one queues it."""
    row = session.scalars(sa.select(Heartbeat).where(Heartbeat.name == heartbeats.PROBLEMS).with_for_update()).first()
    stored = row.codes.get("told", {}) if row is not None else {}
    told = {code: datetime.fromisoformat(at) for code, at in stored.items()}
    new = to_tell(problems, told, now)
    for code in new:
        kind = NoticeKind.PROBLEM_URGENT if code in URGENT else NoticeKind.PROBLEM
        messaging.queue(session, kind, about_id=named(code), now=now)
    if new:
        told = {code: at for code, at in told.items() if now - at < AGAIN} | dict.fromkeys(new, now)
        heartbeats.record(
            session, heartbeats.PROBLEMS, now, told={code: at.isoformat() for code, at in sorted(told.items())}
        )
    return len(new)


def named(code: str) -> UUID:
    """What a notice about this problem is about."""
    return named_id("problem", code)
