"""Moving in: the cases of a list that a team kept elsewhere become cases like any other, all of the list or none of it.

`read` and `look` write nothing; `check` does the same for a member, and counts and audits what the member learns. `file_all` files
every row that can be filed, in the caller's transaction: matched, sealed and audited like a case from the form, but waiting since
the day on which the person first asked. A row that was filed within `KNOWN_FOR` is not filed again, whoever sends the list and
however often, so that a corrected list can simply be sent again.

The list itself is stored nowhere. All that remains of a filed row is its case and, for `KNOWN_FOR`, a keyed hash by which it is
recognised.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app import audit, messaging
from app.cases import duplicate_detection, intake_storage
from app.cases.duplicate_detection import ComparisonKey
from app.cases.models import PartKind
from app.casework import comparisons, filing, import_columns, import_rows
from app.casework.coordinator import Desk
from app.casework.filing import MovedIn
from app.casework.import_code_words import CodeWords
from app.casework.import_columns import COLUMNS, LEFT_OUT, NOTE
from app.casework.import_rows import Problem, ReadRow
from app.client import list_files
from app.client.list_files import Limits, UnreadableListError
from app.core.clock import to_the_hour
from app.core.errors import FieldError, Invalid
from app.core.i18n import N_, Translatable
from app.core.identifiers import Identifier
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.intake import idempotency
from app.intake.idempotency import StoredResponse
from app.messaging.kinds import NoticeKind
from app.staff import read_quotas
from app.staff import service as staff
from app.staff.read_quotas import QuotaReached

LARGEST: Final = 2_000_000
"""Bytes of a list."""
MOST_ROWS: Final = 200
"""Rows of one list: so many are filed in one transaction, in some seconds, in which SQLite lets nobody else write."""
MOST_COLUMNS: Final = 60
KNOWN_FOR: Final = timedelta(days=90)
_LIMITS: Final = Limits(size=LARGEST, unpacked=16_000_000, rows=MOST_ROWS + 1, columns=MOST_COLUMNS, formulas=False)


@dataclass(frozen=True, slots=True)
class CaseList:
    """A list as it was read: the headings, the chosen column of each, and the rows. `more_sheets`: sheets that were not read."""

    headings: tuple[str, ...] = field(repr=False)
    columns: tuple[str, ...]
    rows: tuple[ReadRow, ...] = field(repr=False)
    encoding: str = ""
    more_sheets: int = 0

    @property
    def good(self) -> int:
        """How many rows can be filed."""
        return sum(row.intake is not None for row in self.rows)

    @property
    def bad(self) -> int:
        return len(self.rows) - self.good


@dataclass(frozen=True, slots=True)
class RowReport:
    """The result that a row would have.

    `remarks`: things that the member should know although the row can be filed; `cases`: labels of cases with the same contact;
    `known`: it was filed before, is not filed again and was not compared with the cases.
    """

    row: ReadRow
    remarks: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    known: bool = False


@dataclass(frozen=True, slots=True)
class ListCheck:
    """The result of checking a list, as a member is shown it.

    `compared`: how many rows were compared with the team's cases; None: none was compared, because the member has too few reads
    left today for all of them, did not want it, or (`lacks_key`) was not given the team's key. `waiting`: how many cases of the
    team are not compared yet, so that one of them can be missing.
    """

    reports: tuple[RowReport, ...]
    compared: int | None
    lacks_key: bool = False
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class MovedCase:
    """A row that has become a case. `number`: the person's number for their card; empty without a card.

    `known`: it had been filed before, and nothing was done.
    """

    row: int
    label: str
    language: str = "en"
    number: str = field(default="", repr=False)
    known: bool = False
    case_id: UUID | None = None


def read(
    content: bytes,
    chosen: Mapping[int, str],
    *,
    directory: Directory,
    country: str,
    now: datetime,
) -> CaseList:
    """Read a list. `chosen`: the column that the member chose for a position, from 0; `country`: for rows without one.

    Raises Invalid with the pointer `/file`: a file that cannot be read, or without rows or headings.
    """
    try:
        sheets = [sheet for sheet in list_files.read_sheets(content, _LIMITS) if sheet.rows]
    except UnreadableListError as error:
        raise refused(
            Translatable("This file cannot be read: {why}.", why=Translatable(error.message, **error.params))
        ) from None
    if not sheets or len(sheets[0].rows) < 2:
        raise refused(N_("The first row has to be headings, and each row below it a case. There is no such row."))
    (_number, head), *rest = sheets[0].rows
    if any(cell.unclear for cell in head):
        raise refused(N_("The first row has to be headings in words. A cell of it is a date, a number or a formula."))
    width = max(len(cells) for _row, cells in sheets[0].rows)
    headings = tuple(head[at].text[:80] if at < len(head) else "" for at in range(width))
    columns = _columns(headings, chosen)
    words, today = CodeWords(directory), now.astimezone(UTC).date()
    rows = tuple(
        import_rows.read_row(
            number, cells, columns, headings, directory=directory, words=words, country=country, today=today
        )
        for number, cells in rest
    )
    return CaseList(headings, columns, rows, sheets[0].encoding, len(sheets) - 1)


def _columns(headings: Sequence[str], chosen: Mapping[int, str]) -> tuple[str, ...]:
    """The column of each heading: as chosen, else by its words; of two that seem to be the same, the second becomes a note."""
    columns: list[str] = []
    for at, heading in enumerate(headings):
        column = chosen.get(at)
        if column is None or (column != LEFT_OUT and column not in COLUMNS):
            column = import_columns.guess(heading)
            if column != LEFT_OUT and column in columns:
                column = NOTE
        columns.append(column)
    return tuple(columns)


def refused(detail: str) -> Invalid:
    """The error of a list that is not read at all."""
    return Invalid([FieldError(pointer="/file", code="unreadable", detail=detail)])


def check(session: Session, listed: CaseList, desk: Desk, *, compare: bool) -> ListCheck:
    """Check each row for a member. Each row that is compared counts as a read, because it shows whether the person has a case.

    `compare`: whether the rows are compared with the team's cases at all. If the member's reads of the day do not suffice for all
    of them, nothing is compared or counted. The check is audited with its numbers of rows.
    """
    compared: int | None = None
    by = comparisons.held_key(session, desk) if compare else None

    def allow(rows: int) -> bool:
        nonlocal compared
        if by is None:
            return False
        reader = read_quotas.member_key(desk.member.member_id)
        if rows:
            try:
                with session.begin_nested():
                    read_quotas.count(session, reader, desk.now, limit=desk.reads_a_day, reads=rows)
            except QuotaReached:
                return False
        compared = rows
        return True

    reports = look(session, listed, keys=desk.keys, team_id=desk.team_id, by=by, allow=allow)
    audit.record(
        session, actor_kind=desk.actor.kind.value, actor_id=desk.member.member_id.hex, action="cases:list_checked",
        subject_kind="team", subject_id=desk.team_id, now=desk.now,
        codes={
            "rows": len(listed.rows), "compared": compared or 0, "found": sum(bool(report.cases) for report in reports),
            "known": sum(report.known for report in reports),
        },
    )  # fmt: skip
    waiting = duplicate_detection.count_waiting(session, desk.team_id, desk.member.member_id) if compared else 0
    return ListCheck(tuple(reports), compared, compare and by is None, waiting)


def look(
    session: Session,
    listed: CaseList,
    *,
    keys: KeyRing,
    team_id: UUID | None,
    by: ComparisonKey | None = None,
    allow: Callable[[int], bool] = lambda _rows: True,
) -> list[RowReport]:
    """The result that each row would have. `team_id`: the team whose cases these have to be; None: any. Writes nothing itself.

    `by`: the key of the team's fingerprints; without one no row is compared with the cases. `allow`: asked once whether so many
    rows may be: those with a contact or name that are not filed yet.
    """
    reports: list[RowReport] = []
    to_compare: list[tuple[int, list[Identifier]]] = []
    seen: Counter[bytes] = Counter()
    owners: dict[str, UUID | None] = {}
    for row, mark in zip(listed.rows, _marks(listed), strict=True):
        if row.intake is None:
            reports.append(RowReport(row))
            continue
        problem, owner = _not_ours(session, row.intake.country, team_id, owners)
        if problem or owner is None:
            reports.append(RowReport(_with_problem(row, problem)))
            continue
        contact = intake_storage.part_of(row.intake, PartKind.CONTACT)
        sought = duplicate_detection.identifiers_in(contact, row.intake.country)
        remarks: list[str] = []
        marks = {identifier.canonical() for identifier in sought}
        if any(seen[mark] for mark in marks):
            remarks.append(N_("A row above has the same contact or name."))
        seen.update(marks)
        if row.intake.contact.channel == "number":
            remarks.append(N_("Nobody can reach this person: there is no way to answer."))
        known = idempotency.is_known(session, keys, _who(owner), mark)
        if sought and not known:
            to_compare.append((len(reports), sought))
        reports.append(RowReport(row, tuple(remarks), known=known))
    if not allow(len(to_compare)) or by is None:
        return reports
    for at, sought in to_compare:
        found = duplicate_detection.cases_of(session, keys, by, sought, me=None)
        reports[at] = replace(reports[at], cases=tuple(sorted({case.label for case in found})))
    return reports


def _not_ours(
    session: Session, country: str, team_id: UUID | None, owners: dict[str, UUID | None]
) -> tuple[Problem | None, UUID | None]:
    """Why a case of this country cannot be filed, and the team that takes it. `owners`: the teams that were found before."""
    if country not in owners:
        owners[country] = staff.team_for(session, country)
    owner = owners[country]
    if owner is None:
        return Problem("country", N_("No team of this installation takes requests from this country.")), None
    if team_id is not None and owner != team_id:
        return Problem("country", N_("Another team takes the cases of this country. Ask it to move them in.")), None
    return None, owner


def _with_problem(row: ReadRow, problem: Problem | None) -> ReadRow:
    assert problem is not None
    return ReadRow(row.number, None, problems=(*row.problems, problem))


def file_all(
    session: Session,
    listed: CaseList,
    *,
    keys: KeyRing,
    directory: Directory,
    now: datetime,
    by: str,
    actor_kind: str,
    actor_id: UUID | None,
    team_id: UUID | None,
    leave_out: bool = False,
    cards: str = "asked",
) -> list[MovedCase]:
    """File the rows of a list, in the caller's transaction. `leave_out`: without the rows that cannot be filed.

    `cards`: whose numbers are returned: of those who want one (`asked`), `all`, or `none`. Raises Invalid if a row cannot be filed,
    and what `filing.file_intake` raises: nothing is filed then.
    """
    moved: list[MovedCase] = []
    teams: Counter[UUID] = Counter()
    owners: dict[str, UUID | None] = {}
    for row, mark in zip(listed.rows, _marks(listed), strict=True):
        problem, owner = _not_ours(session, row.intake.country, team_id, owners) if row.intake else (None, None)
        if problem is not None or owner is None:
            if leave_out:
                continue
            raise Invalid([FieldError(pointer="/file", code="unfit", detail=NOT_ALL)])
        with_card = cards == "all" or (cards == "asked" and row.wants_card)
        one = _file_one(
            session, row, mark, owner, with_card,
            keys=keys, directory=directory, now=now, by=by, actor_kind=actor_kind, actor_id=actor_id,
        )  # fmt: skip
        moved.append(one)
        teams[owner] += not one.known
    for owner, count in teams.items():
        if count:
            messaging.queue(session, NoticeKind.CASE_SUBMITTED, about_id=owner, team_id=owner, now=to_the_hour(now))
            audit.record(
                session, actor_kind=actor_kind, actor_id=actor_id.hex if actor_id else "-", action="cases:moved_in",
                subject_kind="team", subject_id=owner, codes={"cases": count}, now=now,
            )  # fmt: skip
    return moved


NOT_ALL: Final = N_(
    "Some rows cannot be moved in, so nothing was. Correct them in the file, or tick that they are to be left out."
)


def _file_one(
    session: Session,
    row: ReadRow,
    mark: str,
    team_id: UUID,
    with_card: bool,
    *,
    keys: KeyRing,
    directory: Directory,
    now: datetime,
    by: str,
    actor_kind: str,
    actor_id: UUID | None,
) -> MovedCase:
    intake = row.intake
    assert intake is not None
    number = ""
    case_id: UUID | None = None

    def act() -> StoredResponse:
        nonlocal number, case_id
        moved_in = MovedIn(_since(row.waiting_since, now), row.note, by, actor_kind, actor_id)
        filed = filing.file_intake(session, intake, keys=keys, directory=directory, now=now, moved_in=moved_in)
        number, case_id = filed.receipt.grouped() if with_card else "", filed.case_id
        return StoredResponse(201, {"case": filed.label}, case_id=filed.case_id)

    reply = idempotency.run_once(session, keys, _who(team_id), mark, b"", act, now=now, ttl=KNOWN_FOR)
    return MovedCase(row.number, str(reply.body["case"]), intake.language or "en", number, reply.replayed, case_id)


def _since(day: date | None, now: datetime) -> datetime:
    """The middle of the day on which they first asked, in UTC: the same day in all our countries. Never later than now."""
    hour = to_the_hour(now)
    return hour if day is None else min(hour, datetime.combine(day, time(12), UTC))


def _who(team_id: UUID) -> str:
    return f"moved-in:{team_id}"


def _marks(listed: CaseList) -> list[str]:
    """The mark of each row. Of rows that are alike to the letter each has its own: they can be different people."""
    seen: Counter[bytes] = Counter()
    marks = []
    for row in listed.rows:
        seen[row.identity] += 1
        text = json.dumps(["case-list", row.identity.hex(), seen[row.identity]])
        marks.append(hashlib.sha256(text.encode()).hexdigest())
    return marks
