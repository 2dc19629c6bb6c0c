"""The content of a database schema as the database itself tells it, in a form that two databases can be compared by.

Not only names: the text of CHECK constraints, the definition of indexes with their predicates, triggers and their functions, server
defaults, types, foreign keys. White space is folded; nothing else is.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from app.core.db import Database

Content = dict[str, str]
"""Definition by name: `table.column`, `table/constraint`, `index …`, `trigger …`, `function …`."""

_OURS: Final = "n.nspname = 'public' AND {name} <> 'alembic_version'"
_POSTGRES: Final = {
    "column": """
        SELECT c.relname || '.' || a.attname,
               concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                         'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), NULLIF(a.attidentity, ''))
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND """
    + _OURS.format(name="c.relname"),
    "constraint": """
        SELECT c.relname || '/' || k.conname, pg_get_constraintdef(k.oid)
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE """
    + _OURS.format(name="c.relname"),
    "index": """
        SELECT c.relname, pg_get_indexdef(i.indexrelid)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE """
    + _OURS.format(name="t.relname"),
    "trigger": """
        SELECT t.tgname, pg_get_triggerdef(t.oid)
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT t.tgisinternal AND """
    + _OURS.format(name="c.relname"),
    "function": """
        SELECT p.proname, pg_get_functiondef(p.oid)
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public'""",
}
_SQLITE_MASTER: Final = (
    "SELECT type, name, tbl_name, sql FROM sqlite_master"
    " WHERE sql IS NOT NULL AND tbl_name <> 'alembic_version' AND name NOT LIKE 'sqlite_%'"
)


def content(database: Database) -> Content:
    """Everything that the schema promises, by name."""
    with database.engine.connect() as connection:
        found = _postgres(connection) if database.dialect == "postgresql" else _sqlite(connection)
        return {name: re.sub(r"\s+", " ", definition).strip() for name, definition in found}


def _postgres(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    for kind, query in _POSTGRES.items():
        for name, definition in connection.execute(sa.text(query)):
            yield f"{kind} {name}", definition


def _sqlite(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    for kind, name, table, sql in connection.execute(sa.text(_SQLITE_MASTER)).all():
        if kind != "table":
            yield f"{kind} {name}", sql
            continue
        # The order of columns differs where one was added later; each line of the definition is compared by itself.
        body = sql[sql.index("(") + 1 : sql.rindex(")")]
        for line in _split(body):
            words = line.split()
            named = words[1] if words[0] == "CONSTRAINT" else words[0]
            yield f"{'constraint' if words[0] == 'CONSTRAINT' else 'column'} {table}.{named}", line
        yield f"options {table}", sql[sql.rindex(")") + 1 :]


def _split(body: str) -> Iterator[str]:
    """The comma-separated parts of a table's definition; commas inside brackets and quotes do not part."""
    depth, quoted, part = 0, False, ""
    for character in body:
        if character == "'":
            quoted = not quoted
        elif not quoted and character in "()":
            depth += 1 if character == "(" else -1
        if character == "," and not depth and not quoted:
            yield part.strip()
            part = ""
        else:
            part += character
    if part.strip():
        yield part.strip()


def differences(expected: Content, actual: Content) -> list[Any]:
    """What differs, each as (name, expected or None, actual or None)."""
    names = sorted(expected.keys() | actual.keys())
    return [(name, expected.get(name), actual.get(name)) for name in names if expected.get(name) != actual.get(name)]
