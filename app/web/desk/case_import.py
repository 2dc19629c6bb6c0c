"""Moving in at the desk: a list of cases is checked row by row, its columns are chosen, and then all of it becomes cases.

Between the check and the filing the list stays in the browser, encrypted under the server's key and bound to the member; the
service keeps it nowhere. The numbers for the cards are shown on the page after the filing. The same form sent again shows the same
page, so that a lost response does not lose a number, as long as the token is valid: in the same session and within
`idempotency.FORM_TTL`. For that each number is stored sealed with a key that is derived from the form's token, and deleted with
its case.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from app.casework import case_import
from app.casework.case_import import CaseList, ListCheck, MovedCase, RowReport
from app.casework.coordinator import Desk, desk_of
from app.casework.import_columns import COLUMNS, LEFT_OUT
from app.core.dependencies import Brake, Db, Keys, Now, ReadDb
from app.core.errors import Invalid
from app.core.i18n import N_, translator
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.directory.packs import Directory
from app.intake import idempotency
from app.intake.idempotency import StoredResponse
from app.staff import service as staff
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.account.policies import Config, Packs, RealNetwork
from app.web.account.uploads import TakesList
from app.web.components import csrf, staff_pages
from app.web.components.forms import field_value
from app.web.desk import comparing

router = APIRouter(prefix="/desk/import")

PATHS: Final = ("/desk/import", "/desk/import/file")
LARGEST_FORM: Final = 2 * case_import.LARGEST + 65_536
"""Bytes of a form that carries the encrypted list: a third more than the list."""
_POSITION: Final = re.compile(r"column_(\d{1,2})", re.ASCII)
CARDS: Final = {
    "asked": N_("For those who want one, as the list says"),
    "all": N_("For everybody"),
    "none": N_("For nobody"),
}
seniors: Final = RealNetwork(Role.SENIOR)


async def _desk(
    member: Annotated[SignedIn, Depends(TakesList(Role.SENIOR, largest=case_import.LARGEST))],
    keys: Keys,
    config: Config,
    now: Now,
) -> Desk:
    return desk_of(member, keys, now, config.member_reads_per_day)


Mover = Annotated[Desk, Depends(_desk)]


async def _compare_first(request: Request, desk: Mover) -> None:
    await comparing.before_a_look_up(request, desk)


@router.get("", name="case_import", dependencies=[Depends(seniors)])
def show_form(request: Request, session: ReadDb) -> Response:
    """Show the form for a list."""
    return _page(request, countries=_countries(session, request.state.member))


@router.post("", name="check_case_list", dependencies=[Depends(_compare_first)])
def check_list(request: Request, desk: Mover, packs: Packs, session: Db) -> Response:
    """Show how each column is interpreted, and the result that each row would have.

    Counts as reads and is audited; files nothing.
    """
    try:
        content, listed = _listed(request, desk, packs)
    except Invalid as error:
        return _refused(request, desk, session, error)
    return _checked(request, desk, session, content, listed)


@router.post("/file", name="file_case_list")
def file_list(request: Request, desk: Mover, packs: Packs, session: Db, brake: Brake) -> Response:
    """File the list: all of it or nothing. The same page sent twice files it once and shows the same numbers."""
    try:
        content, listed = _listed(request, desk, packs)
    except Invalid as error:
        return _refused(request, desk, session, error)
    submission = field_value(request.state.form, "submission")
    if not csrf.is_valid(desk.keys, submission, desk.now, csrf.of_session(desk.member.binding)):
        return _checked(request, desk, session, content, listed)
    brake.check(session)
    cards = field_value(request.state.form, "cards")

    def act() -> StoredResponse:
        moved = case_import.file_all(
            session, listed, keys=desk.keys, directory=packs, now=desk.now, by=desk.member.name,
            actor_kind=desk.actor.kind.value, actor_id=desk.member.member_id, team_id=desk.team_id,
            leave_out=bool(field_value(request.state.form, "leave_out")), cards=cards if cards in CARDS else "asked",
        )  # fmt: skip
        for case in moved:
            _keep_number(session, desk, submission, case)
        return StoredResponse(201, {"moved": [_document(case) for case in moved]})

    try:
        response = idempotency.run_once(
            session, desk.keys, f"case-list:{desk.member.member_id}", submission, b"", act,
            now=desk.now, ttl=idempotency.FORM_TTL,
        )  # fmt: skip
    except Invalid as error:
        session.rollback()
        return _checked(request, desk, session, content, listed, error=error.errors[0]["detail"])
    moved = [
        MovedCase(**document, number=_kept_number(session, desk, submission, document["row"]))
        for document in response.body["moved"]
    ]
    return staff_pages.page(
        request,
        "desk/import_done.html",
        moved=moved,
        new=sum(not case.known for case in moved),
        cards=[(case, translator(case.language)) for case in moved if case.number],
        address=str(request.app.state.settings.base_url).rstrip("/"),
        left_out=len(listed.rows) - len(moved),
    )


def _document(case: MovedCase) -> dict[str, Any]:
    return {"row": case.row, "label": case.label, "language": case.language, "known": case.known}


def _keep_number(session: Session, desk: Desk, submission: str, case: MovedCase) -> None:
    """Store the number of a card, for the same form sent again; in a separate row, so that it is deleted with its case."""
    if case.number:
        idempotency.run_once(
            session, desk.keys, _of_row(desk, case.row), submission, b"",
            lambda: StoredResponse(201, {"number": case.number}, case_id=case.case_id),
            now=desk.now, ttl=idempotency.FORM_TTL,
        )  # fmt: skip


def _kept_number(session: Session, desk: Desk, submission: str, row: int) -> str:
    """The number for the card of a row; empty without a card, or if the case has been erased since."""
    kept = idempotency.stored(session, desk.keys, _of_row(desk, row), submission)
    return str(kept.body["number"]) if kept else ""


def _of_row(desk: Desk, row: int) -> str:
    return f"case-card:{desk.member.member_id}:{row}"


def _listed(request: Request, desk: Desk, packs: Directory) -> tuple[bytes, CaseList]:
    """The content of the list, from the form with a file or from the page of the check, and the list itself. Raises Invalid."""
    form = request.state.form
    content: bytes = getattr(request.state, "file", None) or _carried(desk.keys, desk.member.member_id, form)
    chosen = {
        int(found[1]): values[-1] for name, values in form.items() if (found := _POSITION.fullmatch(name)) is not None
    }
    country = field_value(form, "country")
    return content, case_import.read(
        content, chosen, directory=packs, country=country if packs.has_country(country) else "", now=desk.now
    )


def _binding(member_id: UUID) -> tuple[str, str]:
    return "case_list", member_id.hex


def _to_carry(keys: KeyRing, member_id: UUID, content: bytes) -> str:
    return base64.urlsafe_b64encode(keys.encrypt(zlib.compress(content), *_binding(member_id))).decode()


def _carried(keys: KeyRing, member_id: UUID, form: Mapping[str, Sequence[str]]) -> bytes:
    """The list that the page of the check carries. Raises Invalid: there is none, or it is not this member's."""
    text = form.get("list", [""])[-1]
    if not text:
        raise case_import.refused(N_("Choose a file."))
    try:
        return zlib.decompress(keys.decrypt(base64.urlsafe_b64decode(text.encode()), *_binding(member_id)))
    except (binascii.Error, ValueError, zlib.error, CannotOpen):
        raise case_import.refused(N_("This page is too old. Choose the file again.")) from None


def _countries(session: Session, member: SignedIn) -> list[str]:
    """The countries of the member's team."""
    return sorted(
        country for country in staff.served_countries(session) if staff.team_for(session, country) == member.team_id
    )


def _refused(request: Request, desk: Desk, session: Session, error: Invalid) -> Response:
    return _page(
        request, countries=_countries(session, desk.member), error=error.errors[0]["detail"], status=error.status
    )


def _checked(
    request: Request,
    desk: Desk,
    session: Session,
    content: bytes,
    listed: CaseList,
    *,
    error: str = "",
) -> Response:
    alone = bool(field_value(request.state.form, "alone"))
    check = case_import.check(session, listed, desk, compare=not alone)
    return _page(
        request,
        countries=_countries(session, desk.member),
        listed=listed,
        check=check,
        reads_a_day=desk.reads_a_day,
        carried=_to_carry(desk.keys, desk.member.member_id, content),
        submission=csrf.new_token(desk.keys, desk.now, csrf.of_session(desk.member.binding)),
        filing_error=error,
        status=422 if error else 200,
    )


def _page(
    request: Request,
    *,
    countries: list[str],
    listed: CaseList | None = None,
    check: ListCheck | None = None,
    reads_a_day: int = 0,
    carried: str = "",
    submission: str = "",
    error: str = "",
    filing_error: str = "",
    status: int = 200,
) -> Response:
    form = getattr(request.state, "form", {})
    reports: Sequence[RowReport] = check.reports if check else ()
    return staff_pages.page(
        request,
        "desk/import.html",
        status=status,
        listed=listed,
        good=[report for report in reports if report.row.intake and not report.known],
        known=[report for report in reports if report.known],
        bad=[report for report in reports if not report.row.intake],
        check=check,
        reads_a_day=reads_a_day,
        alone=bool(field_value(form, "alone")),
        carried=carried,
        submission=submission,
        error=error,
        filing_error=filing_error,
        columns=COLUMNS,
        left_out=LEFT_OUT,
        countries=countries,
        country=field_value(form, "country"),
        leave_out=bool(field_value(form, "leave_out")),
        cards=CARDS,
        chosen_cards=field_value(form, "cards") or "asked",
        most_rows=case_import.MOST_ROWS,
        largest=case_import.LARGEST // 1_000_000,
    )
