"""Whether PostgreSQL can lose what it has acknowledged when a machine is lost."""

from enum import StrEnum
from typing import Final

import sqlalchemy as sa


class LossCause(StrEnum):
    """Why an acknowledged transaction could be lost."""

    COMMIT_DOES_NOT_WAIT = "commit-does-not-wait"
    NO_SYNCHRONOUS_STANDBY = "no-synchronous-standby"


WORDS: Final = {
    LossCause.COMMIT_DOES_NOT_WAIT: "PostgreSQL runs with synchronous_commit=off or local: set it to on",
    LossCause.NO_SYNCHRONOUS_STANDBY: "there are standbys and none is synchronous: name one in synchronous_standby_names"
    " (Patroni: synchronous_mode)",
}
_COPIERS: Final = ("pg_basebackup", "pg_receivewal")
_STATE: Final = sa.text(
    # A role that may not see other sessions gets NULLs. A base backup then counts as two senders with a temporary slot.
    "SELECT current_setting('synchronous_commit') AS commits, current_setting('synchronous_standby_names') AS names,"
    " pg_is_in_recovery() AS standby,"
    " count(*) FILTER (WHERE state IN ('streaming', 'catchup') AND NOT application_name = ANY (:copiers)) AS seen,"
    " count(*) FILTER (WHERE state IS NULL) AS hidden,"
    " (SELECT count(*) FROM pg_replication_slots WHERE temporary AND active AND slot_type = 'physical') AS copies"
    " FROM pg_stat_replication"
    " WHERE pid NOT IN (SELECT active_pid FROM pg_replication_slots WHERE slot_type = 'logical' AND active_pid IS NOT NULL)"
).bindparams(sa.bindparam("copiers", type_=sa.ARRAY(sa.String())))


def possible_losses(connection: sa.Connection) -> list[LossCause]:
    """The present causes that could lose acknowledged transactions.

    One statement; [] on SQLite and on a standby, which acknowledges nothing.
    """
    if connection.dialect.name != "postgresql":
        return []
    row = connection.execute(_STATE, {"copiers": list(_COPIERS)}).one()
    if row.standby:
        return []
    standbys = row.seen + max(row.hidden - 2 * row.copies, 0)
    found = [LossCause.COMMIT_DOES_NOT_WAIT] if row.commits in {"off", "local"} else []
    return [*found, LossCause.NO_SYNCHRONOUS_STANDBY] if standbys and not row.names.strip() else found


def is_read_only(connection: sa.Connection) -> bool:
    """Whether this server takes no writes: a standby, or a primary that is set to read-only."""
    if connection.dialect.name != "postgresql":
        return False
    return bool(connection.execute(_READ_ONLY).scalar())


_READ_ONLY: Final = sa.text("SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean")
