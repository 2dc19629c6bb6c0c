"""The directory as an Open Referral package: downloaded, and a foreign one read into proposals. Nothing is dropped in silence."""

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
from app.directory import published
from app.directory.catalogue import Directory
from app.directory.edits import Editor
from app.directory.hsds import package_import, packages
from app.directory.hsds.live_status import states
from app.directory.hsds.package_reader import NotAPackage, RowReport
from app.directory.hsds.records import records
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.account.policies import SeniorOrAdmin, TakesFile, field
from app.web.components import staff_pages
from app.web.components.directory_forms import OwnPacks

router = APIRouter(prefix="/desk/directory/package")

PATHS: Final = ("/desk/directory/package", "/desk/directory/package/propose")
LARGEST: Final = 4 * 1024 * 1024
"""Of an upload, in bytes. A directory of two thousand services is less than half a megabyte."""
LARGEST_UNPACKED: Final = 16 * 1024 * 1024
LINES_SHOWN: Final = 500
Sender = Annotated[SignedIn, Depends(TakesFile(Role.SENIOR, Role.ADMIN, largest=LARGEST))]


@dataclass(frozen=True, slots=True)
class Same:
    """Rows of one file of which the same is to be told. `lines`: their numbers, like `2–5, 9`."""

    file: str
    outcome: str
    detail: str
    many: int
    lines: str


@router.get("", name="directory_package")
def show_package(request: Request, who: SeniorOrAdmin) -> Response:
    """Both ways on one page."""
    del who
    return _page(request)


@router.get("/download", name="directory_download")
def download(
    who: SeniorOrAdmin,
    session: ReadDb,
    packs: OwnPacks,
    now: Now,
    everything: Annotated[bool, Query(alias="all")] = False,
) -> Response:
    """The directory as it is published; with `all` also whom nobody has confirmed yet."""
    del who
    directory = published.with_edits(session, packs).directory
    file = io.BytesIO()
    packages.write(file, records(directory, states(session, now), unverified=everything), now)
    name = f"directory{'-all' if everything else ''}-{now.date().isoformat()}.zip"
    return _file(file.getvalue(), "application/zip", name)


@router.post("", name="directory_look")
def look(request: Request, who: Sender, session: ReadDb, packs: OwnPacks, now: Now) -> Response:
    """What would become of each row: on the page, or as a file. Nothing is written, and nobody who writes has to wait."""
    try:
        taken = _taken_in(request, who, session, packs, now, only_look=True)
    except NotAPackage as error:
        return _page(request, wrong=str(error), status=422)
    if field(request, "act") == "report":
        return _file(_table(taken.lines), "text/csv; charset=utf-8", "report.csv")
    return _page(request, taken=taken)


@router.post("/propose", name="directory_import")
def propose(request: Request, who: Sender, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Each organisation becomes a proposal; sent twice, it is one."""
    try:
        taken = _taken_in(request, who, session, packs, now, only_look=False)
    except NotAPackage as error:
        return _page(request, wrong=str(error), status=422)
    return _page(request, taken=taken, proposed=True)


def _taken_in(
    request: Request, who: SignedIn, session: Session, packs: Directory, now: datetime, *, only_look: bool
) -> package_import.ImportResult:
    content: bytes | None = request.state.file
    if not content:
        raise NotAPackage("Choose a file.")
    by = Editor(who.member_id, who.role.value, origin="import")
    return package_import.import_package(
        session, packs, io.BytesIO(content), by=by, now=now, only_look=only_look, most_bytes=LARGEST_UNPACKED
    )


def _page(
    request: Request,
    *,
    taken: package_import.ImportResult | None = None,
    proposed: bool = False,
    wrong: str = "",
    status: int = 200,
) -> Response:
    counts: Counter[str] = Counter(line.outcome for line in taken.lines) if taken else Counter()
    told = _grouped(taken.lines) if taken else []
    return staff_pages.page(
        request,
        "desk/directory/package.html",
        status=status,
        taken=taken,
        proposed=proposed,
        wrong=wrong,
        counts=counts,
        told=told[:LINES_SHOWN],
        more=max(0, len(told) - LINES_SHOWN),
        largest=LARGEST // 1024 // 1024,
    )


def _grouped(lines: Iterable[RowReport]) -> list[Same]:
    """Every row, those together of which the same is told; what was left out first."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for line in lines:
        found.setdefault((line.file, line.outcome, line.detail), []).append(line.number)
    order = {"left out": 0, "proposed": 1, "used": 2}
    rows = [Same(file, what, why, len(numbers), _ranges(numbers)) for (file, what, why), numbers in found.items()]
    return sorted(rows, key=lambda row: (order[row.outcome], row.file))


def _ranges(numbers: Sequence[int]) -> str:
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in ranges)


def _table(lines: Iterable[RowReport]) -> bytes:
    rows = ((line.file, line.number, line.id, line.outcome, line.detail) for line in lines)
    return spreadsheet.csv_text(("file", "line", "id", "outcome", "detail"), rows).encode()


def _file(content: bytes, kind: str, name: str) -> Response:
    headers: dict[str, Any] = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)
