"""The stub that is left of an erased case: its codes, states and moves, without anything about the person.

It keeps what happened at the organisations explainable, and goes after `PRISTAN_STUBS_KEPT`. The figures of reports keep its part:
they are sums, and the row that would subtract it again is deleted first.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import Case
from app.core.db import Base
from app.referrals.models import Referral
from app.reporting.models import ReportCase, ReportChange


def delete_stubs(session: Session, before: datetime, limit: int) -> int:
    """Delete the cases that were erased before `before`, with all rows that hang on them; returns how many cases.

    At most a fiftieth of `limit`, because each has some dozens of rows. A case whose figures are not settled yet waits.
    """
    chosen = (
        sa.select(Case.id)
        .where(
            Case.state == "erased",
            Case.updated_at < before,
            sa.not_(sa.exists().where(ReportChange.case_id == Case.id)),
        )
        .order_by(Case.updated_at)
        .limit(max(limit // 50, 1))
    )
    case_ids = session.scalars(chosen).all()
    if not case_ids:
        return 0
    referral_ids = session.scalars(sa.select(Referral.id).where(Referral.case_id.in_(case_ids))).all()
    session.execute(sa.delete(ReportCase).where(ReportCase.case_id.in_(case_ids)))
    owned = {"cases.id": case_ids, "referrals.id": referral_ids}
    for table in reversed(Base.metadata.sorted_tables):
        for key in table.foreign_keys:
            if ids := owned.get(key.target_fullname):
                session.execute(sa.delete(table).where(key.parent.in_(ids)))
    session.execute(sa.delete(Case).where(Case.id.in_(case_ids)))
    return len(case_ids)
