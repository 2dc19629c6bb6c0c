"""A code that the person makes on their page: whoever they give it to can read what the person wrote, without an account."""

from collections.abc import Callable
from typing import Any, Final, TypeVar
from uuid import UUID

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from app.cases.models import PartKind
from app.casework import shown_codes
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import Unavailable
from app.directory.packs import Directory as Packs
from app.links import codes
from app.matching import deadlines
from app.matching.code_names import CodeNames
from app.web.components import csrf, document_pages
from app.web.components.forms import field_value
from app.web.components.rendering import page
from app.web.person import visits
from app.web.person.case_view import reworded_of
from app.web.person.dependencies import Config, Cookie, Directory, Form, Lang, anyone

router = APIRouter(dependencies=[Depends(anyone)])
_T = TypeVar("_T")
_AT_ONCE: Final = 2
_WAITING: Final = 30


class CodeTurns:
    """Limits how many codes are computed at the same time (64 MiB each). One per app; refuses callers beyond the waiting limit."""

    def __init__(self) -> None:
        self._slots, self._callers = anyio.Semaphore(_AT_ONCE), 0

    async def run(self, compute: Callable[[], _T]) -> _T:
        """Compute a key in a thread, when it is this caller's turn. Raises Unavailable."""
        if self._callers >= _AT_ONCE + _WAITING:
            raise Unavailable("The service is very busy. Nothing was saved; try again.")
        self._callers += 1
        try:
            async with self._slots:
                return await run_sync(compute)
        finally:
            self._callers -= 1


def _turns(request: Request) -> CodeTurns:
    state = request.app.state
    if not hasattr(state, "code_turns"):
        state.code_turns = CodeTurns()
    turns: CodeTurns = state.code_turns
    return turns


@router.post("/case/code")
async def make_code(
    request: Request, lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, settings: Config
) -> Response:
    """Make a code, or stop the one there is. The digits are shown on the next page, while this visit lasts.

    Check the visit, compute the key, store the code: three steps, and no transaction is open during the slow one.
    """
    transactions, stops = request.app.state.transactions, field_value(form, "stop") == "yes"

    def refused(session: Session) -> Response | None:
        opened = visits.case_of_form(session, form, cookie, keys, now)
        if opened is None:
            return visits.nothing_changed(lang, session, cookie, now)
        is_over = opened.case.closed_at is not None and not stops  # one that was made before is stopped at any time
        return RedirectResponse(f"/{lang}/case", 303) if is_over else None

    def store(session: Session) -> bool:
        opened = visits.case_of_form(session, form, cookie, keys, now)
        if opened is None or cookie is None or (opened.case.closed_at is not None and not stops):
            return False
        documents = field_value(form, "documents") == "yes"
        code = shown_codes.make(session, opened, keys, new, now, with_documents=documents) if new is not None else None
        if code is None:
            shown_codes.stop(session, opened.case, now)
        visits.keep(session, cookie, now, settings.draft_idle, shown_code=code)
        return code is not None

    async with transactions.open(write=True) as session:  # it locks the row, as every form of a visit does
        refusal = await run_sync(refused, session)
    if refusal is not None:
        return refusal
    new = None if stops else await _turns(request).run(shown_codes.prepare)
    async with transactions.open(write=True) as session:
        is_made = await run_sync(store, session)
    return RedirectResponse(f"/{lang}/case/code" if is_made else f"/{lang}/case", 303)


@router.get("/case/code")
def show_code(
    lang: Lang, cookie: Cookie, now: Now, keys: Keys, directory: Directory, settings: Config, session: ReadDb
) -> Response:
    """Show the code of this visit, and what it opens."""
    opened = visits.case_of_visit(session, cookie, keys, now)
    code = visits.kept(session, cookie, now, "shown_code")
    row = shown_codes.of_case(session, opened.case, now) if opened is not None else None
    if opened is None or row is None or not row.openings_left or not code:
        return RedirectResponse(f"/{lang}/case", 303)
    zone = deadlines.time_zone(directory.country(opened.case.country))
    return page(
        "person/code.html",
        lang,
        reworded=reworded_of(opened.case, keys),
        code=codes.grouped(code),
        address=f"{settings.base_url}/{lang}/show",
        until=CodeNames(lang, directory).translator.moment(row.expires_at, zone),
        left=row.openings_left,
        with_documents=row.with_documents,
        csrf=csrf.new_token(keys, now, csrf.of_visit(cookie)),
        here="case/code",
    )


@router.get("/show")
def ask_for_code(lang: Lang) -> Response:
    """Ask for a code. Opens and changes nothing."""
    return page("person/show.html", lang, shown=None, opened=None, error=False, here="show")


@router.post("/show")
async def open_with_code(
    request: Request, lang: Lang, form: Form, now: Now, keys: Keys, directory: Directory
) -> Response:
    """Open what a code opens, on this page alone; it is not kept in the browser.

    A code that opens nothing costs a look-up; the key of a good one is computed while no transaction is open.
    """
    transactions = request.app.state.transactions
    typed = await run_sync(shown_codes.typed_code, keys, field_value(form, "code"))
    words, is_good = None, False
    if typed is not None:
        async with transactions.open(write=False) as session:
            is_good = await run_sync(shown_codes.is_good, session, typed, now)
    if typed is not None and is_good:
        key = await _turns(request).run(typed.key)

        def look(session: Session) -> dict[str, Any] | None:
            shown = shown_codes.open_case(session, keys, typed, key, now)
            return _in_words(shown, lang, directory) if shown is not None else None

        async with transactions.open(write=True) as session:
            words = await run_sync(look, session)
    status = 200 if words is not None else 422
    return page("person/show.html", lang, status=status, shown=words, opened=None, error=words is None, here="show")


@router.post("/show/document")
def open_document(lang: Lang, form: Form, now: Now, keys: Keys, session: Db) -> Response:
    """Show some pages of a document that the code has opened, on this page alone."""
    ticket, first = field_value(form, "ticket"), document_pages.first_page(form)
    document = _id(field_value(form, "document"))
    opened = shown_codes.open_pages(session, keys, ticket, document, first, now) if document else None
    if opened is None:
        return page("person/show.html", lang, status=422, shown=None, opened=None, error=True, here="show")
    return page(
        "person/show.html",
        lang,
        shown=None,
        error=False,
        ticket=ticket,
        here="show",
        **document_pages.opened_context(opened),
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _in_words(shown_case: shown_codes.ShownCase, lang: str, directory: Packs) -> dict[str, Any]:
    names, case = CodeNames(lang, directory), shown_case.case
    by_part = {part.part: part.content for part in shown_case.parts}
    persecution = {entry.code: entry.label for entry in directory.persecution}
    return {
        "needs": names.names("need", case.needs),
        "country": names.name("country", case.country),
        "languages": names.names("language", case.languages) if case.languages else "",
        "deadline": names.translator.date(case.last_safe_day) if case.last_safe_day else "",
        "is_known": case.deadline_certainty not in {None, "assumed"},
        "documents": shown_case.documents,
        "ticket": shown_case.ticket,
        "story": (by_part.get(PartKind.STORY) or {}).get("story", ""),
        "happened": [
            names.text(persecution.get(code, code)) for code in (by_part.get(PartKind.HAPPENED) or {}).get("codes", ())
        ],
    }
