"""The PostgreSQL roles of `privileges`: making them, and bringing what they may do into line with the table there.

Everything here can be repeated. Statements are issued only where something differs, because enabling row security and making a
policy lock the table for a moment.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import sqlalchemy as sa

from app.core.db import Database
from app.operations.privileges import (
    DELETE_POLICIES,
    FUNCTIONS,
    PRIVILEGES,
    ROW_POLICIES,
    TRIGGER_FUNCTIONS,
    UPDATE_POLICIES,
    DatabaseRole,
    TableRights,
)

PREFIX: Final = "pristan"
_VERBS: Final = {"S": "SELECT", "I": "INSERT", "U": "UPDATE", "D": "DELETE"}


@dataclass(frozen=True, slots=True)
class Strength:
    """The ways in which the role of a connection can do more than its work needs."""

    superuser: bool
    owner: bool

    @property
    def too_strong(self) -> bool:
        return self.superuser or self.owner


def strength(connection: sa.Connection) -> Strength | None:
    """The strength of the connected role on PostgreSQL; None on SQLite, which has no roles."""
    if connection.dialect.name != "postgresql":
        return None
    return Strength(*connection.execute(_STRENGTH).one())


_STRENGTH: Final = sa.text(
    "SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),"
    " EXISTS (SELECT FROM pg_tables WHERE tablename = 'cases' AND schemaname = 'public' AND tableowner = current_user)"
)


def existing(connection: sa.Connection, prefix: str = PREFIX) -> list[DatabaseRole]:
    """The roles of this installation that are on the server."""
    names = set(connection.scalars(sa.text("SELECT rolname FROM pg_roles")))
    return [role for role in DatabaseRole if role.named(prefix) in names]


def create(connection: sa.Connection, prefix: str = PREFIX) -> list[str]:
    """Make the roles that are missing: they may sign in, have no password, and inherit nothing. Returns the statements."""
    there = existing(connection, prefix)
    statements = [
        f'CREATE ROLE "{role.named(prefix)}" LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS'
        for role in DatabaseRole
        if role not in there
    ]
    _run(connection, statements)
    return statements


def set_password(connection: sa.Connection, name: str, password: str) -> None:
    """Give a role a password. Only its SCRAM verifier goes to the server, so that no log of statements can show it."""
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    verifier = driver.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    _run(connection, [f"ALTER ROLE \"{name}\" PASSWORD '{verifier}'"])


def apply(connection: sa.Connection, prefix: str = PREFIX) -> list[str]:
    """Give each role exactly what `privileges` says, in the database of the connection. Returns the statements.

    The connection must belong to the owner of the tables. All privileges on tables that this version does not know are revoked.
    """
    statements = list(grants(_tables(connection), prefix))
    _run(connection, statements)
    return statements


def renew(database: Database, prefix: str = PREFIX) -> bool:
    """Renew the privileges after a migration, where the roles of this installation exist. Returns whether they do."""
    if database.dialect != "postgresql":
        return False
    with database.engine.begin() as connection:
        if not existing(connection, prefix):
            return False
        create(connection, prefix)  # of a newer version
        apply(connection, prefix)
    return True


def grants(tables: Iterable[tuple[str, dict[str, str], bool]], prefix: str = PREFIX) -> Iterator[str]:
    """The statements for these tables: name, each row policy that is there, whether row security is on."""
    names = [f'"{role.named(prefix)}"' for role in DatabaseRole]
    everybody = ", ".join(names)
    yield "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    yield f"REVOKE ALL ON SCHEMA public FROM {everybody}"
    yield f"GRANT USAGE ON SCHEMA public TO {everybody}"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {everybody}"
    yield f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, {everybody}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {everybody}"
    yield from FUNCTIONS.values()
    for function in FUNCTIONS:
        yield f"REVOKE ALL ON FUNCTION {function}() FROM PUBLIC"
        yield f'GRANT EXECUTE ON FUNCTION {function}() TO "{DatabaseRole.PUBLIC.named(prefix)}"'
    for function in TRIGGER_FUNCTIONS:
        yield f"ALTER FUNCTION {function}() SECURITY DEFINER SET search_path = public, pg_temp"
    for table, policies, has_row_security in tables:
        if table == "alembic_version":
            yield f"GRANT SELECT ON alembic_version TO {everybody}"
        elif table in PRIVILEGES:
            yield from _table_grants(table, PRIVILEGES[table], prefix)
            yield from _row_security(table, policies, prefix, has_row_security=has_row_security)


def _table_grants(table: str, rights: TableRights, prefix: str) -> Iterator[str]:
    for role in DatabaseRole:
        letters = rights.of(role)
        limited = {"S": rights.columns.get(role, "").split(), "U": rights.changes.get(role, "").split()}
        verbs = [
            f"{_VERBS[letter]} ({', '.join(columns)})" if (columns := limited.get(letter)) else _VERBS[letter]
            for letter in letters
        ]
        if verbs:
            yield f'GRANT {", ".join(verbs)} ON {table} TO "{role.named(prefix)}"'


def policies_of(table: str, prefix: str = PREFIX) -> dict[str, str]:
    """The row policies of a table: name, and the rest of CREATE POLICY after the table's name."""
    limited = {policy.role: policy.condition for policy in ROW_POLICIES.get(table, ())}
    deleting = {role: condition for (name, role), condition in DELETE_POLICIES.items() if name == table}
    if not limited and not deleting:
        return {}
    made = {}
    for role in DatabaseRole:
        seen = limited.get(role, "true")
        for verb in "SIUD":
            condition = deleting.get(role, seen) if verb == "D" else seen
            if verb not in PRIVILEGES[table].of(role):
                continue
            clause = "WITH CHECK (true)" if verb == "I" else f"USING ({condition})"
            clause += " WITH CHECK (true)" if verb == "U" and condition != "true" else ""
            if verb == "U" and (table, role) in UPDATE_POLICIES:
                clause = "USING ({}) WITH CHECK ({})".format(*UPDATE_POLICIES[table, role])
            made[f"{role.named(prefix)}_{_VERBS[verb].lower()}"] = (
                f'FOR {_VERBS[verb]} TO "{role.named(prefix)}" {clause}'
            )
    return made


def _row_security(table: str, there: dict[str, str], prefix: str, *, has_row_security: bool) -> Iterator[str]:
    wanted = policies_of(table, prefix)
    ours = {name: text for name, text in there.items() if name.startswith(f"{prefix}_")}
    for name in sorted(ours):
        if ours[name] != wanted.get(name):
            yield f'DROP POLICY "{name}" ON {table}'
    for name, clause in wanted.items():
        if ours.get(name) != clause:
            yield f'CREATE POLICY "{name}" ON {table} {clause}'
            yield f"""COMMENT ON POLICY "{name}" ON {table} IS '{clause.replace("'", "''")}'"""
    if wanted and not has_row_security:
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    if not wanted and has_row_security:
        yield f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"


def _tables(connection: sa.Connection) -> list[tuple[str, dict[str, str], bool]]:
    """The tables of the schema, with the comments of their policies: the text from which we made them."""
    rows = connection.execute(
        sa.text(
            "SELECT c.relname, c.relrowsecurity, p.polname, obj_description(p.oid, 'pg_policy')"
            " FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relname"
        )
    )
    tables: dict[str, tuple[dict[str, str], bool]] = {}
    for table, has_row_security, policy, comment in rows:
        policies, _on = tables.setdefault(table, ({}, has_row_security))
        if policy is not None:
            policies[policy] = comment or ""
    return [(table, policies, on) for table, (policies, on) in tables.items()]


def _run(connection: sa.Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement.replace("%", "%%"))
