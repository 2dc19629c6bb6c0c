"""The directory as an Open Referral (HSDS) package: download, and import of a package as proposals with a report by row."""

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from app.core import spreadsheet
from app.core.dependencies import Db, Now, ReadDb
from app.core.i18n import N_
from app.directory import published
from app.directory.catalogue import Directory
from app.directory.edits import Editor
from app.directory.hsds import package_import, packages
from app.directory.hsds.live_status import states
from app.directory.hsds.package_reader import NotAPackage, RowReport
from app.directory.hsds.records import records
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.account.policies import SeniorOrAdmin, TakesFile
from app.web.components import staff_pages
from app.web.components.directory_forms import OwnPacks
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/directory/package")

PATHS: Final = ("/desk/directory/package", "/desk/directory/package/propose")
LARGEST: Final = 4 * 1024 * 1024
"""Limit of an upload in bytes. A directory of two thousand services takes less than half a megabyte."""
LARGEST_UNPACKED: Final = 16 * 1024 * 1024
LINES_SHOWN: Final = 500
Sender = Annotated[SignedIn, Depends(TakesFile(Role.SENIOR, Role.ADMIN, largest=LARGEST))]


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows of one file with the same outcome. `count`: how many; `lines`: their numbers, like `2–5, 9`."""

    file: str
    outcome: str
    detail: str
    count: int
    lines: str


@router.get("", name="directory_package")
def show_package(request: Request, _member: SeniorOrAdmin) -> Response:
    """Show the page with upload and download."""
    return _page(request)


@router.get("/download", name="directory_download")
def download(
    _member: SeniorOrAdmin,
    session: ReadDb,
    packs: OwnPacks,
    now: Now,
    with_unverified: Annotated[bool, Query(alias="all")] = False,
) -> Response:
    """Download the published directory; with `all`, also the unverified organisations."""
    directory = published.with_edits(session, packs).directory
    file = io.BytesIO()
    packages.write(file, records(directory, states(session, now), unverified=with_unverified), now)
    name = f"directory{'-all' if with_unverified else ''}-{now.date().isoformat()}.zip"
    return _file_response(file.getvalue(), "application/zip", name)


@router.post("", name="directory_look")
def check_package(request: Request, member: Sender, session: ReadDb, packs: OwnPacks, now: Now) -> Response:
    """Show the result that each row would have, on the page or as a file. Writes nothing and takes no write lock."""
    try:
        result = _import(request, member, session, packs, now, only_look=True)
    except NotAPackage as error:
        return _page(request, error=error.args[0], status=422)
    if field_value(request.state.form, "act") == "report":
        return _file_response(_report_csv(result.lines), "text/csv; charset=utf-8", "report.csv")
    return _page(request, result=result)


@router.post("/propose", name="directory_import")
def propose(request: Request, member: Sender, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Propose each organisation of the package. If the form is sent twice, each is proposed once."""
    try:
        result = _import(request, member, session, packs, now, only_look=False)
    except NotAPackage as error:
        return _page(request, error=error.args[0], status=422)
    return _page(request, result=result, proposed=True)


def _import(
    request: Request, member: SignedIn, session: Session, packs: Directory, now: datetime, *, only_look: bool
) -> package_import.ImportResult:
    content: bytes | None = request.state.file
    if not content:
        raise NotAPackage(N_("Choose a file."))
    by = Editor(member.member_id, member.role.value, origin="import")
    return package_import.import_package(
        session, packs, io.BytesIO(content), by=by, now=now, only_look=only_look, most_bytes=LARGEST_UNPACKED
    )


def _page(
    request: Request,
    *,
    result: package_import.ImportResult | None = None,
    proposed: bool = False,
    error: str = "",
    status: int = 200,
) -> Response:
    counts: Counter[str] = Counter(line.outcome for line in result.lines) if result else Counter()
    groups = _grouped(result.lines) if result else []
    return staff_pages.page(
        request,
        "desk/directory/package.html",
        status=status,
        result=result,
        proposed=proposed,
        error=error,
        counts=counts,
        groups=groups[:LINES_SHOWN],
        more=max(0, len(groups) - LINES_SHOWN),
        largest=LARGEST // 1024 // 1024,
    )


def _grouped(lines: Iterable[RowReport]) -> list[RowGroup]:
    """The rows grouped by file, outcome and detail; rows that were left out come first."""
    lines_by_outcome: dict[tuple[str, str, str], list[int]] = {}
    for line in lines:
        lines_by_outcome.setdefault((line.file, line.outcome, line.detail), []).append(line.number)
    order = {"left out": 0, "proposed": 1, "used": 2}
    rows = [
        RowGroup(file, outcome, detail, len(numbers), _ranges(numbers))
        for (file, outcome, detail), numbers in lines_by_outcome.items()
    ]
    return sorted(rows, key=lambda row: (order[row.outcome], row.file))


def _ranges(numbers: Sequence[int]) -> str:
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in ranges)


def _report_csv(lines: Iterable[RowReport]) -> bytes:
    rows = ((line.file, line.number, line.id, line.outcome, line.detail) for line in lines)
    return spreadsheet.csv_text(("file", "line", "id", "outcome", "detail"), rows).encode()


def _file_response(content: bytes, kind: str, name: str) -> Response:
    headers: dict[str, Any] = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)
