"""Tells PostgreSQL which number, or which code of the person's own, was shown in this transaction.

The role of the person's pages sees only the rows of the case whose number or code was shown (`operations.privileges`,
decision 0125). To every other role, and on SQLite, this makes no difference.
"""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session


def show(session: Session, *look_up_ids: bytes) -> None:
    """Let this transaction see the cases with these look-up ids, and those merged into them."""
    _set(session, "pristan.number", ",".join(look_up_id.hex() for look_up_id in look_up_ids))


def show_code(session: Session, *look_up_ids: bytes) -> None:
    """Let this transaction see the case that a code of the person's own opens. `look_up_ids`: of that code."""
    _set(session, "pristan.code", ",".join(look_up_id.hex() for look_up_id in look_up_ids))


def hold(session: Session, case_id: UUID) -> None:
    """Let this transaction still see a case whose number it replaces or deletes. Call `show` for the case first."""
    _set(session, "pristan.held", str(case_id))


def _set(session: Session, name: str, value: str) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(_SET, {"name": name, "value": value})


_SET: Final = sa.text("SELECT set_config(:name, :value, true)").bindparams(
    sa.bindparam("name", type_=sa.String()), sa.bindparam("value", type_=sa.String())
)
