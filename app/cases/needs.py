"""The needs of a case: their rows, and the only module that assigns their states, by the table in `need_states`.

The caller holds the case's row, which keeps two writers apart.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import Case, CaseNeed
from app.cases.need_states import END_VERBS, ENDED, OF_CASE_VERB, WAITING, NeedState, NeedVerb, is_uncovered, next_state
from app.cases.states import CaseState, CaseVerb
from app.core import bulk
from app.core.clock import to_the_hour

_CASE: Final = sa.bindparam("case_id", type_=sa.Uuid())
_OF_CASE: Final = sa.select(CaseNeed).where(CaseNeed.case_id == _CASE).order_by(CaseNeed.position, CaseNeed.need)
_STATE_OF_CASE: Final = {
    CaseState.HELPED: NeedState.HELPED,
    CaseState.ADVISED: NeedState.ADVISED,
    CaseState.UNMET: NeedState.UNMET,
    CaseState.WITHDRAWN: NeedState.NOT_WANTED,
}


def store_new(session: Session, case_id: UUID, needs: Iterable[str], now: datetime) -> None:
    """Store the needs of a new case, in the order in which they were named."""
    rows = [_row(case_id, need, position, NeedState.OPEN, now) for position, need in enumerate(dict.fromkeys(needs))]
    bulk.insert(session, CaseNeed, rows)


def _row(case_id: UUID, need: str, position: int, state: NeedState, now: datetime) -> dict[str, Any]:
    return {
        "case_id": case_id,
        "need": need,
        "position": position,
        "state": state.value,
        "referral_id": None,
        "outcome": None,
        "updated_at": to_the_hour(now),
    }


def of_case(session: Session, case: Case, now: datetime | None = None) -> dict[str, CaseNeed]:
    """The rows by need. With `now`, rows that are missing are stored: a former version may have filed the case."""
    rows = {row.need: row for row in session.scalars(_OF_CASE, {"case_id": case.id})}
    missing = [need for need in dict.fromkeys(case.needs) if need not in rows]
    if now is None or not missing:
        return rows
    state = _STATE_OF_CASE.get(CaseState(case.state), NeedState.OPEN)
    for need in missing:
        row = CaseNeed(**_row(case.id, need, len(rows), state, now))
        session.add(row)
        rows[need] = row
    _count_uncovered(session, case, rows)
    return rows


def states_of(rows: Mapping[str, CaseNeed]) -> dict[str, NeedState]:
    return {need: NeedState(row.state) for need, row in rows.items()}


def in_states(rows: Mapping[str, CaseNeed], states: Collection[NeedState]) -> list[str]:
    """The needs in one of these states, in the person's order."""
    return [need for need, row in rows.items() if NeedState(row.state) in states]


def move(
    session: Session,
    case: Case,
    rows: Mapping[str, CaseNeed],
    verb: NeedVerb,
    needs: Iterable[str],
    *,
    by: str,
    now: datetime,
    referral_id: UUID | None = None,
    outcome: str | None = None,
) -> None:
    """Move these needs. `referral_id`: the referral that has them or ended them. Raises IllegalMove, NotAllowed."""
    for need in needs:
        row = rows[need]
        target = next_state(NeedState(row.state), verb, by=by)
        waits = target in WAITING
        row.state = target.value
        row.referral_id = None if waits else referral_id
        row.outcome = outcome
        row.updated_at = to_the_hour(now)
    _count_uncovered(session, case, rows)


def _count_uncovered(session: Session, case: Case, rows: Mapping[str, CaseNeed]) -> None:
    case.uncovered = is_uncovered(states_of(rows).values())
    session.flush()


def follow_case(session: Session, case: Case, verb: CaseVerb, source: CaseState, *, by: str, now: datetime) -> None:
    """Move the needs along with their case, where its move decides about them.

    A case that ends gives its end to the needs that have none. One that is taken up again after nobody was found, or that is
    opened again with nothing left to do, has its needs open.
    """
    if verb is CaseVerb.ERASE:
        session.execute(sa.delete(CaseNeed).where(CaseNeed.case_id == case.id))
        case.uncovered = False
        return
    taken_up = source is CaseState.UNMET and verb in {CaseVerb.TAKE, CaseVerb.REFER}
    if not (verb in OF_CASE_VERB or taken_up or verb in {CaseVerb.REOPEN, CaseVerb.RECALL}):
        return
    rows = of_case(session, case, now)
    if verb in OF_CASE_VERB:
        given = OF_CASE_VERB[verb]
        # what an organisation has goes on when nobody is found for the rest
        having = WAITING if verb is CaseVerb.UNMET else frozenset(NeedState) - ENDED
        move(session, case, rows, given, in_states(rows, having), by=by, now=now)
    elif taken_up:
        move(session, case, rows, NeedVerb.REOPEN, in_states(rows, {NeedState.UNMET}), by=by, now=now)
    elif not in_states(rows, frozenset(NeedState) - ENDED):
        again = in_states(rows, ENDED - {NeedState.NOT_WANTED}) or list(rows)
        move(session, case, rows, NeedVerb.REOPEN, again, by=by, now=now)


def correct(session: Session, case: Case, wanted: Sequence[str], *, now: datetime) -> tuple[list[str], list[str]]:
    """Apply the person's own change of their needs; returns the new needs and those that are no longer wanted.

    A need that an organisation has stays with it, and one that has an end keeps it.
    """
    rows = of_case(session, case)
    new = [need for need in dict.fromkeys(wanted) if need not in rows]
    for need in new:
        row = CaseNeed(**_row(case.id, need, len(rows), NeedState.OPEN, now))
        session.add(row)
        rows[need] = row
    again = [need for need in wanted if need in rows and NeedState(rows[need].state) is NeedState.NOT_WANTED]
    move(session, case, rows, NeedVerb.REOPEN, again, by="person", now=now)
    dropped = [need for need in in_states(rows, {*WAITING, NeedState.UNMET}) if need not in wanted]
    return [*new, *again], dropped


def ended(rows: Mapping[str, CaseNeed]) -> dict[str, list[str | None]]:
    """The needs that have ended, as codes, so that an undo can restore them."""
    return {
        need: [row.state, row.referral_id.hex if row.referral_id else None, row.outcome]
        for need, row in rows.items()
        if NeedState(row.state) in ENDED
    }


def restore(
    session: Session, case: Case, before: Mapping[str, Sequence[str | None]], *, by: str, now: datetime
) -> None:
    """Restore the ends that `ended` returned, and reopen needs that have ended since."""
    rows = of_case(session, case, now)
    again = [need for need in in_states(rows, ENDED) if need not in before or rows[need].state != before[need][0]]
    move(session, case, rows, NeedVerb.REOPEN, again, by=by, now=now)
    for need, (state, referral_id, outcome) in before.items():
        if need in rows and rows[need].state != state:
            move(
                session, case, rows, END_VERBS[state or ""], [need],
                by=by, now=now, referral_id=UUID(referral_id) if referral_id else None, outcome=outcome,
            )  # fmt: skip


def add_from_merged(session: Session, case: Case, more: Iterable[str], *, now: datetime) -> list[str]:
    """Add the needs of a case that was merged into this one; returns those that this case did not have."""
    rows = of_case(session, case, now)
    new = [need for need in more if need not in rows]
    for need in new:
        row = CaseNeed(**_row(case.id, need, len(rows), NeedState.OPEN, now))
        session.add(row)
        rows[need] = row
    _count_uncovered(session, case, rows)
    return new


def remove_merged(session: Session, case: Case, *, now: datetime) -> None:
    """When a merge is undone: remove the needs that came from the merged case, unless somebody was asked for them."""
    rows = of_case(session, case, now)
    for need in [*in_states(rows, {NeedState.OPEN, NeedState.UNMET})]:
        if need not in case.needs:
            session.delete(rows.pop(need))
    _count_uncovered(session, case, rows)
