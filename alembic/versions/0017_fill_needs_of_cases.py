"""Every stored need gets its state, and every live referral the needs it is for; then the queue's view gets its index.

What is known from before is that a referral was for the case as a whole. It is taken to be for those of the needs that its service
lists, or for all when it lists none of them. The rows are written a hundred cases at a time, each portion in a transaction of
its own on PostgreSQL, and a portion that was written is not written again.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

PORTION = 100
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
AT_WORK = ("accepted", "in_progress", "on_hold")
ASKED = ("awaiting_consent", "offered", "acknowledged", "info_requested", "waitlisted")
ENDS = {"helped": "helped", "advised": "advised", "unmet": "unmet", "withdrawn": "not_wanted"}

cases = sa.table(
    "cases",
    sa.column("id", sa.Uuid()),
    sa.column("state", sa.String()),
    sa.column("needs", JSON),
    sa.column("uncovered", sa.Boolean()),
    sa.column("updated_at", sa.DateTime(timezone=True)),
)
case_needs = sa.table(
    "case_needs",
    sa.column("case_id", sa.Uuid()),
    sa.column("need", sa.String()),
    sa.column("position", sa.SmallInteger()),
    sa.column("state", sa.String()),
    sa.column("referral_id", sa.Uuid()),
    sa.column("updated_at", sa.DateTime(timezone=True)),
)
referrals = sa.table(
    "referrals",
    sa.column("id", sa.Uuid()),
    sa.column("case_id", sa.Uuid()),
    sa.column("service_id", sa.Uuid()),
    sa.column("state", sa.String()),
    sa.column("needs", JSON),
    sa.column("created_at", sa.DateTime(timezone=True)),
)
services = sa.table("services", sa.column("id", sa.Uuid()), sa.column("entry", JSON))


def listed_by(connection: sa.Connection) -> dict[Any, list[str]]:
    """The needs that each service lists."""
    rows = connection.execute(sa.select(services.c.id, services.c.entry))
    return {
        row.id: (json.loads(row.entry) if isinstance(row.entry, str) else row.entry or {}).get("needs", ())
        for row in rows
    }


def state_of(case: Any, need: str, asked: Iterable[tuple[Any, list[str]]]) -> tuple[str, Any]:
    """The state of one need, and the referral whose organisation has it."""
    if case.state in ENDS:
        return ENDS[case.state], None
    for referral, named in asked:
        if referral.state in AT_WORK and need in named:
            return "with_centre", referral.id
    return ("offered" if any(r.state in ASKED and need in named for r, named in asked) else "open"), None


def fill_portion(connection: sa.Connection, after: Any, lists: dict[Any, list[str]]) -> Any:
    """Fill the cases that come after this id; the id of the last one, or None when there are no more."""
    query = sa.select(cases).where(cases.c.state != "erased").order_by(cases.c.id).limit(PORTION)
    if after is not None:
        query = query.where(cases.c.id > after)
    portion = connection.execute(query.with_for_update() if connection.dialect.name == "postgresql" else query).all()
    if not portion:
        return None
    ids = [case.id for case in portion]
    having = set(connection.scalars(sa.select(case_needs.c.case_id).where(case_needs.c.case_id.in_(ids))))
    asked: dict[Any, list[tuple[Any, list[str]]]] = {case_id: [] for case_id in ids}
    needs = {case.id: list(dict.fromkeys(case.needs)) for case in portion}
    named_by = []
    for row in connection.execute(
        sa.select(referrals).where(referrals.c.case_id.in_(ids)).order_by(referrals.c.created_at, referrals.c.id)
    ):
        named = row.needs
        if named is None:
            listed = [need for need in needs[row.case_id] if need in lists.get(row.service_id, ())]
            named = listed or needs[row.case_id]
            named_by.append({"referral": row.id, "named": named})
        asked[row.case_id].append((row, named))
    if named_by:
        connection.execute(
            sa.update(referrals)
            .where(referrals.c.id == sa.bindparam("referral"))
            .values(needs=sa.bindparam("named", type_=JSON)),
            named_by,
        )
    rows = [
        {
            "case_id": case.id,
            "need": need,
            "position": place,
            "state": state,
            "referral_id": referral_id,
            "updated_at": case.updated_at,
        }
        for case in portion
        if case.id not in having
        for place, need in enumerate(needs[case.id])
        for state, referral_id in [state_of(case, need, asked[case.id])]
    ]
    if rows:
        connection.execute(sa.insert(case_needs), rows)
    uncovered = sorted({row["case_id"] for row in rows if row["state"] == "open"})
    if uncovered:
        connection.execute(sa.update(cases).where(cases.c.id.in_(uncovered)).values(uncovered=True))
    return ids[-1]


def fill(connection: sa.Connection) -> None:
    lists = listed_by(connection)
    last = fill_portion(connection, None, lists)
    while last is not None:
        last = fill_portion(connection, last, lists)


def upgrade() -> None:
    index = ("ix_cases_uncovered", "cases", ["team_id", "due_on", "urgency_rank", "waiting_since", "id"])
    where = sa.text("closed_at IS NULL AND uncovered")
    if op.get_bind().dialect.name != "postgresql":
        fill(op.get_bind())
        op.create_index(*index, sqlite_where=where)
        return
    with op.get_context().autocommit_block():
        engine = op.get_bind().engine
        with engine.connect() as connection:
            connection.execute(sa.text("SET statement_timeout = 0"))
            connection.commit()
            with connection.begin():
                lists = listed_by(connection)
            last = None
            while True:
                with connection.begin():
                    last = fill_portion(connection, last, lists)
                if last is None:
                    break
        op.create_index(*index, postgresql_where=where, postgresql_concurrently=True, if_not_exists=True)


def downgrade() -> None:
    op.drop_index("ix_cases_uncovered", table_name="cases")
