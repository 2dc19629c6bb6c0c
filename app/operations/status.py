"""The status of the running service, in numbers and codes. It contains no personal data.

Each problem has a code, which is the same on the operations page, in /readyz and in the metrics.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.audit.models import AuditEntry
from app.cases import honeytokens
from app.core import connection_limits, durability, kill_switch, storage_brake
from app.core.connection_limits import ConnectionDemand
from app.core.db import sqlite_driver
from app.core.durability import LossCause
from app.core.keyholders import OwnerKind, SealingKey
from app.core.keyring import KeyRing
from app.core.storage_brake import Storage, StorageLevel, StorageLimits
from app.messaging.models import OutboxMessage
from app.operations import database_roles, heartbeats
from app.partners.organisations import Organisation
from app.referrals.models import Referral
from app.staff import read_quotas
from app.staff.models import Team
from app.webhooks.models import WebhookDelivery, WebhookEndpoint

WORKER_LATE: Final = timedelta(minutes=2)
MESSAGE_LATE: Final = timedelta(minutes=70)  # a message caused by a person is due from the full hour on
CLOCK_LATE: Final = timedelta(minutes=10)
BACKUP_OLD: Final = timedelta(days=2)
EPOCH_OLD: Final = timedelta(days=35)
ROOT_OLD: Final = timedelta(days=400)
AUDIT_LATE: Final = timedelta(minutes=70)  # what a person did is entered under the full hour
WITNESS_OLD: Final = timedelta(days=35)
DIRECTORY_OLD: Final = timedelta(days=90)
ALARMS_SHOWN: Final = timedelta(days=30)
GIVEN_UP_SHOWN: Final = timedelta(days=7)
_NO_LIMITS: Final = StorageLimits()
_VERSIONS: Final = Path(__file__).resolve().parents[2] / "alembic" / "versions"


@dataclass(frozen=True, slots=True)
class Versions:
    app: str
    database: str
    schema: str
    schema_wanted: str


@dataclass(frozen=True, slots=True)
class TeamKey:
    team: str
    version: int
    since: datetime


@dataclass(frozen=True, slots=True)
class WayState:
    """How a way of sending worked when it was last used: in which hour, and "" or why it failed for every notice."""

    name: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """The status at one moment. None: it has never happened, or there is nothing of the kind."""

    at: datetime
    worker_at: datetime | None
    worker_failed: Sequence[str]
    messages_waiting: int
    oldest_message_at: datetime | None
    messages_dead: int
    not_reached: Sequence[str]
    oldest_clock_at: datetime | None
    epochs: Sequence[int]
    epoch_age: timedelta
    root_age: timedelta
    team_keys: Sequence[TeamKey]
    backup_at: datetime | None
    rotation_at: datetime | None
    directory_at: datetime | None
    directory_old: int
    alarms: int
    honeytokens: int
    frozen: bool
    most_reads: Sequence[tuple[str, int]]
    retention_since: datetime | None
    versions: Versions
    storage: Storage
    witness_at: datetime | None = None
    audit_waiting: int = 0
    audit_waiting_since: datetime | None = None
    losses: Sequence[LossCause] = ()
    role_too_strong: bool = False
    ways: Sequence[WayState] = ()
    connections: ConnectionDemand | None = None

    def problems(self) -> list[str]:
        """The codes of the problems that an operator should look at."""
        worker_late = self.worker_at is None or self.at - self.worker_at > WORKER_LATE
        checks = {
            "worker-late": worker_late,
            "worker-job-failed": bool(self.worker_failed),
            "messages-late": self.oldest_message_at is not None and self.at - self.oldest_message_at > MESSAGE_LATE,
            "messages-dead": self.messages_dead > 0,
            "way-down": any(way.reason for way in self.ways),
            "clocks-late": self.oldest_clock_at is not None and self.at - self.oldest_clock_at > CLOCK_LATE,
            "rotation-unfinished": len(self.epochs) > 1,
            "epoch-key-old": self.epoch_age > EPOCH_OLD,
            "root-secret-old": self.root_age > ROOT_OLD,
            "backup-old": self.backup_at is None or self.at - self.backup_at > BACKUP_OLD,
            "backup-before-rotation": None not in (self.backup_at, self.rotation_at)
            and self.backup_at < self.rotation_at,  # type: ignore[operator]
            "directory-old": self.directory_old > 0,
            "honeytoken-read": self.alarms > 0,
            "partner-reads-frozen": self.frozen,
            "witness-old": self.witness_at is not None and self.at - self.witness_at > WITNESS_OLD,
            "audit-waiting": not worker_late  # which explains it
            and self.audit_waiting_since is not None
            and self.at - self.audit_waiting_since > AUDIT_LATE,
            "storage-low": self.storage.level is StorageLevel.LOW,
            "storage-full": self.storage.level is StorageLevel.FULL,
            "data-can-be-lost": bool(self.losses),
            "schema-behind": self.versions.schema < self.versions.schema_wanted,
            "database-role-strong": self.role_too_strong,
            "connections-too-many": self.connections is not None and self.connections.too_much,
        }
        return [code for code, is_problem in checks.items() if is_problem]


def read_status(session: Session, keys: KeyRing, now: datetime, limits: StorageLimits = _NO_LIMITS) -> Status:
    """Read the status. `limits`: of the database's size. With a fixed number of statements, each on an index or a small table."""
    last = heartbeats.latest(session)
    worker, backup, rotated = last.get(heartbeats.WORKER), last.get(heartbeats.BACKUP), last.get(heartbeats.ROTATION)
    queued = OutboxMessage.state == "queued"
    given_up = sa.and_(OutboxMessage.state == "dead", OutboxMessage.dropped_at.is_(None))
    count = sa.func.count()
    waiting, oldest, dead = session.execute(
        sa.select(
            sa.select(count).select_from(OutboxMessage).where(queued).scalar_subquery(),
            sa.select(sa.func.min(OutboxMessage.not_before)).where(queued).scalar_subquery(),
            sa.select(count).select_from(OutboxMessage).where(given_up).scalar_subquery(),
        )
    ).one()
    unplaced, unplaced_since = session.execute(
        sa.select(count, sa.func.min(AuditEntry.at)).where(AuditEntry.seq < 0)
    ).one()
    overdue = session.scalar(sa.select(sa.func.min(Referral.due_at)).where(Referral.due_at.is_not(None)))
    centres = sa.and_(Organisation.retired_at.is_(None), Organisation.kind == "centre")
    newest, old = session.execute(
        sa.select(
            sa.func.max(Organisation.updated_at),
            sa.func.coalesce(sa.func.sum(sa.case((Organisation.updated_at < now - DIRECTORY_OLD, 1), else_=0)), 0),
        ).where(centres)
    ).one()
    return Status(
        at=now,
        worker_at=worker.at if worker else None,
        worker_failed=tuple(worker.codes.get("failed", ())) if worker else (),
        messages_waiting=waiting,
        oldest_message_at=min(oldest, now) if oldest else None,
        messages_dead=dead,
        not_reached=_not_reached(session, now),
        oldest_clock_at=min(overdue, now) if overdue else None,
        epochs=keys.epochs,
        epoch_age=now.date() - min(keys.since.values()),
        root_age=_root_age(session, keys, now),
        team_keys=_team_keys(session),
        backup_at=backup.at if backup else None,
        rotation_at=rotated.at if rotated else None,
        directory_at=newest,
        directory_old=int(old),
        alarms=alarms(session, now),
        honeytokens=honeytokens.count(session),
        frozen=kill_switch.is_on(session, kill_switch.FREEZE),
        most_reads=read_quotas.heaviest_readers(session, now),
        retention_since=kept.at if (kept := last.get(heartbeats.RETENTION)) else None,
        versions=versions(session),
        storage=storage_brake.measure(session, limits),
        witness_at=taken.at if (taken := last.get(heartbeats.WITNESS)) else None,
        audit_waiting=unplaced,
        audit_waiting_since=unplaced_since,
        losses=durability.possible_losses(session.connection()),
        ways=_ways(last),
        connections=connection_limits.demand(session.connection()),
        role_too_strong=(strength := database_roles.strength(session.connection())) is not None and strength.too_strong,
    )


def _ways(last: Mapping[str, heartbeats.Heartbeat]) -> list[WayState]:
    return [
        WayState(name.removeprefix(heartbeats.WAY), beat.at, str(beat.codes.get("reason", "")))
        for name, beat in sorted(last.items())
        if name.startswith(heartbeats.WAY)
    ]


def alarms(session: Session, now: datetime) -> int:
    """How often a honeytoken was read in the last 30 days."""
    since = AuditEntry.at >= now - ALARMS_SHOWN
    query = (
        sa.select(sa.func.count()).select_from(AuditEntry).where(AuditEntry.action == "alarm:honeytoken_read", since)
    )
    return session.scalar(query) or 0


def _not_reached(session: Session, now: datetime) -> list[str]:
    """Organisations whose webhook endpoint is gone, or for which a delivery was given up in the last 7 days."""
    given_up = sa.exists().where(
        WebhookDelivery.endpoint_id == WebhookEndpoint.id,
        WebhookDelivery.created_at >= now - GIVEN_UP_SHOWN,
        WebhookDelivery.state == "dead",
    )
    wanted = (
        sa.select(Organisation.name)
        .where(
            Organisation.kind == "centre",
            sa.exists().where(
                WebhookEndpoint.organisation_id == Organisation.id, sa.or_(WebhookEndpoint.state == "gone", given_up)
            ),
        )
        .order_by(Organisation.name)
    )
    return list(session.scalars(wanted))


def _root_age(session: Session, keys: KeyRing, now: datetime) -> timedelta:
    """A key file that does not say when its root secret was made is as old as the first team or epoch key that is left."""
    if keys.root_since is not None:
        return now.date() - keys.root_since
    first_team = session.scalar(sa.select(sa.func.min(Team.created_at)))
    return max(now.date() - min(keys.since.values()), now - first_team if first_team else timedelta())


def _team_keys(session: Session) -> list[TeamKey]:
    rows = session.execute(
        sa.select(Team.name, SealingKey.version, SealingKey.created_at)
        .join(SealingKey, sa.and_(SealingKey.owner_id == Team.id, SealingKey.active))
        .where(SealingKey.owner_kind == OwnerKind.TEAM.value, SealingKey.case_id.is_(None))
        .order_by(Team.name)
    )
    return [TeamKey(row.name, row.version, row.created_at) for row in rows]


def versions(session: Session) -> Versions:
    if session.get_bind().dialect.name == "postgresql":
        database = "PostgreSQL " + str(session.scalar(sa.text("SHOW server_version"))).split(" ")[0]
    else:
        database = f"SQLite {sqlite_driver().sqlite_version}"
    return Versions(app_version(), database, schema(session), schema_wanted())


def schema(session: Session) -> str:
    """The migration that the database is at."""
    return str(session.scalar(sa.text("SELECT version_num FROM alembic_version")) or "0000")


@lru_cache(maxsize=1)
def schema_wanted() -> str:
    """The latest migration that this version knows."""
    return max(path.name[:4] for path in _VERSIONS.glob("[0-9]*.py"))


@lru_cache(maxsize=1)
def app_version() -> str:
    try:
        return version("pristan")
    except PackageNotFoundError:
        return "0"
