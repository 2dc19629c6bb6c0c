"""A list of the queue as CSV: codes, days and names of organisations and members. Never a name, a contact or a story."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app import audit
from app.cases import queue, queue_queries
from app.cases.local_days import LocalDays
from app.cases.queue import QueueRow
from app.cases.queue_queries import QueueQuery
from app.casework import today
from app.casework.case_clocks import LIVE_REFERRALS, ListedReferral, holders
from app.casework.coordinator import Desk
from app.core import spreadsheet
from app.core.i18n import N_, Translator
from app.matching.code_names import CodeNames
from app.web.components import labels
from app.web.desk.case_clock_view import Clocks

MOST: Final = 5_000
"""Cases in one file; those that are first in the list's order."""
_AT_ONCE: Final = 1_000
_HEADER: Final = (
    N_("case"), N_("urgency"), N_("next"), N_("until"), N_("needs"), N_("review by"), N_("deadline"), N_("country"),
    N_("speaks"), N_("owner"), N_("state"), N_("with"), N_("waiting since (UTC)"),
)  # fmt: skip


def read(
    session: Session, desk: Desk, query: QueueQuery, days: LocalDays
) -> tuple[list[QueueRow], dict[UUID, list[ListedReferral]]]:
    """The cases of a list with their live referrals, at most `MOST`. Writes an audit entry: view, filters and number of rows."""
    rows: list[QueueRow] = []
    offers: dict[UUID, list[ListedReferral]] = {}
    cursor = None
    while len(rows) < MOST:
        page = queue.page(
            session,
            desk.team_id,
            query,
            me=desk.member.member_id,
            today=days,
            cursor=cursor,
            page_size=_AT_ONCE,
            beside=LIVE_REFERRALS,
        )
        rows += page.rows
        offers |= {case_id: today.offers_of(found) for case_id, found in page.beside.items()}
        if page.after is None:
            break
        cursor = page.after
    rows = rows[:MOST]
    codes = {name: code for name in queue_queries.FILTERS if (code := getattr(query.filters, name))}
    audit.record(
        session,
        actor_kind=desk.actor.kind.value,
        actor_id=desk.member.member_id.hex,
        action="list:exported",
        subject_kind="team",
        subject_id=desk.team_id,
        codes={"view": query.view, **codes, "rows": len(rows)},
        now=desk.now,
    )
    return rows, offers


def csv(
    rows: Sequence[QueueRow],
    offers: Mapping[UUID, Sequence[ListedReferral]],
    names: CodeNames,
    words: Translator,
    clocks: Clocks | None,
) -> str:
    """The rows as CSV for people, in the reader's language. No cell is a formula. `clocks` None: of closed cases."""
    header = [words.text(word) for word in _HEADER]
    return spreadsheet.csv_text(
        header, [_line(row, offers.get(row.id, ()), names, words, clocks) for row in rows], for_people=True
    )


def _line(
    row: QueueRow, offers: Sequence[ListedReferral], names: CodeNames, words: Translator, clocks: Clocks | None
) -> tuple[object, ...]:
    clock = clocks.of_case(row, offers) if clocks else None
    return (
        row.label,
        words.text(labels.URGENCIES[row.urgency][1]),
        f"{clock.left}: {words.text(clock.what)}" if clock else None,
        clock.by if clock else None,
        "(restricted)" if row.hidden else names.names("need", row.needs),
        row.due_on,
        row.last_safe_day,
        names.name("country", row.country) if row.country else None,
        names.names("language", row.languages),
        row.owner,
        words.text(labels.CASE_STATES[row.state]),
        ", ".join(holders(offers)),
        f"{row.waiting_since:%Y-%m-%d %H:%M}",
    )


def file_name(view: str, day: date) -> str:
    return f"cases-{view}-{day.isoformat()}.csv"
