"""How many connections our processes may open together, compared with what PostgreSQL allows.

Each process says in its application name how many it may open. That is one of the few columns of other roles' sessions that every
role can see, so no process has to be told of the others. Behind a pooler nothing is said, and nothing compared.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

_APPLICATION: Final = "pristan"
_NAME: Final = re.compile(rf"{_APPLICATION}/(\d{{1,5}})/[0-9a-f]{{8}}")
_DEMAND: Final = sa.text(
    "SELECT least("
    " current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
    " - coalesce(current_setting('reserved_connections', true)::int, 0),"
    " (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())) AS allowed,"
    " (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user) AS of_role,"
    " ARRAY(SELECT DISTINCT application_name FROM pg_stat_activity"
    " WHERE application_name LIKE :ours AND datname = current_database()) AS names"
).bindparams(sa.bindparam("ours", type_=sa.String()))


@dataclass(frozen=True, slots=True)
class ConnectionDemand:
    """`wanted`: what all processes may open that are connected now. `allowed`: by the server and this database, without the places
    that are kept for superusers; `allowed_of_role`: the same for the role of this connection.
    """

    wanted: int
    allowed: int
    allowed_of_role: int

    @property
    def too_much(self) -> bool:
        return self.wanted > self.allowed


def application_name(connections: int) -> str:
    """The application name of one process that opens up to so many connections."""
    return f"{_APPLICATION}/{connections}/{secrets.token_hex(4)}"


def demand(connection: sa.Connection) -> ConnectionDemand | None:
    """The present demand; one statement. None on SQLite, and where no process says anything."""
    if connection.dialect.name != "postgresql":
        return None
    row = connection.execute(_DEMAND, {"ours": f"{_APPLICATION}/%"}).one()
    sizes = [int(found[1]) for name in row.names if (found := _NAME.fullmatch(name))]
    if not sizes:
        return None
    of_role = row.allowed if row.of_role is None else min(row.allowed, row.of_role)
    return ConnectionDemand(sum(sizes), row.allowed, of_role)
