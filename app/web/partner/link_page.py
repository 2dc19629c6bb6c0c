"""The page behind a link with a code, for an organisation without an account: the referral, and its answers.

The address with the token asks for the code and changes nothing. Once the code was entered, the browser's cookie leads to the link
for an hour, and no other address contains the token. A code is computed outside of any transaction, a few at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from app.cases.models import Case
from app.casework import by_link, centre_documents
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import AppError, Conflict, FilesTooLarge, Invalid, NotFound, PreconditionFailed
from app.core.i18n import LANGUAGES
from app.core.keyring import KeyRing
from app.directory.packs import Directory as Packs
from app.documents import storage
from app.intake.questions import FormFields
from app.links import codes
from app.matching.code_names import CodeNames
from app.referrals import reasons
from app.referrals.commands import TransitionInput
from app.referrals.models import Referral
from app.referrals.states import ReferralVerb
from app.referrals.ways import ContactMeans
from app.settings import Settings
from app.web.account.policies import anyone
from app.web.account.sign_in import passphrase_hashing
from app.web.components import cookies, csrf, document_pages, hand_over_sheet
from app.web.components.forms import field_value
from app.web.components.rendering import error_message, page
from app.web.partner import link_words
from app.web.person.dependencies import Config, Directory, Form, Lang
from app.web.person.person_prompts import QUESTIONS

PREFIX: Final = "/partner/link/"
router = APIRouter(prefix=PREFIX + "{lang}", dependencies=[Depends(anyone)])
COOKIE: Final = "link"
TEMPLATE: Final = "parts/link.html"
_REASONS: Final = MappingProxyType(
    {
        verb.value: {code: link_words.REASONS[code] for code in reasons.reasons_for(verb)}
        for verb in (ReferralVerb.DECLINE, ReferralVerb.HAND_BACK)
    }
)
"""The reasons that each verb takes, with their words."""


class LinkGone(NotFound):
    """The link is unknown, ended, expired or used up, or the visit is over; the answer is the same in each case."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request from a browser in which a code was entered. `cookie`: its secret."""

    lang: str
    cookie: str
    keys: KeyRing
    directory: Packs
    now: datetime

    def __repr__(self) -> str:
        return f"Visit({self.lang})"

    def check_form(self, form: FormFields) -> None:
        """Raises LinkGone: the form belongs to another visit, or is a day old."""
        if not self.knows(form):
            raise LinkGone

    def knows(self, form: FormFields) -> bool:
        """Whether the form has a token of this visit."""
        return csrf.is_valid(self.keys, field_value(form, "csrf"), self.now, csrf.of_visit(self.cookie))


async def _visit(request: Request, lang: Lang, keys: Keys, directory: Directory, now: Now) -> Visit:
    cookie = cookies.secret(request, COOKIE)
    if cookie is None:
        raise LinkGone
    return Visit(lang, cookie, keys, directory, now)


Visiting = Annotated[Visit, Depends(_visit)]
Token = Annotated[str, Path(max_length=64)]
Done = Annotated[str, Query(max_length=12)]


@router.get("/{token}")
def ask_for_code(lang: Lang, token: Token, now: Now, session: ReadDb) -> Response:
    """Ask for the code. Opens and changes nothing, so a program that only fetches the address cannot use up the link."""
    label = by_link.label_of(session, token, now)
    if label is None:
        raise LinkGone
    return _ask(lang, token, label)


@router.post("")
async def give_code(request: Request, lang: Lang, form: Form, settings: Config) -> Response:
    """Count the try, compute the key, compare: three steps, and no transaction is open during the slow one."""
    state = request.app.state
    token, code = field_value(form, "token"), codes.read(field_value(form, "code"))

    def count(session: Session) -> tuple[str | None, bool]:
        label = by_link.label_of(session, token, state.clock())
        return label, label is not None and code is not None and by_link.take_try(session, token, state.clock())

    async with state.transactions.open(write=code is not None) as session:
        label, is_counted = await run_sync(count, session)
    if label is not None and code is None:
        return _ask(lang, token, label, link_words.MISTYPED)
    if label is None or code is None or not is_counted:
        raise LinkGone
    async with passphrase_hashing(request).turn():
        kek = await run_sync(codes.stretched, code, token)
    secret = cookies.mint(state.keys, COOKIE)

    def compare(session: Session) -> tuple[bool, str | None]:
        fits = by_link.try_code(session, state.keys, token, secret, kek, state.clock())
        return fits, by_link.label_of(session, token, state.clock())

    async with state.transactions.open(write=True) as session:
        fits, label = await run_sync(compare, session)
    if label is None:
        raise LinkGone
    if not fits:
        return _ask(lang, token, label, link_words.WRONG)
    response = RedirectResponse(f"{PREFIX}{lang}", 303)
    cookies.put(response, COOKIE, secret, settings)
    return response


@router.get("")
def show_request(visit: Visiting, session: ReadDb, settings: Config, done: Done = "") -> Response:
    """Show the request without a name, and the possible answers."""
    linked = look(session, visit)
    notice = link_words.DONE[ReferralVerb(done)] if done in link_words.DONE else ""
    notice = link_words.SAID.get(done, notice)
    return show(session, visit, settings, linked, notice=notice)


@router.post("/words")
def open_words(form: Form, visit: Visiting, session: Db, settings: Config) -> Response:
    """Open name, contact, story and messages on this page alone: it is not kept in the browser. Writes an audit entry."""
    visit.check_form(form)
    try:
        linked = by_link.open_parts(session, visit.keys, visit.cookie, visit.now)
    except Conflict:
        return show(session, visit, settings, look(session, visit), error=link_words.CHANGED, status=409)
    if linked is None:
        raise LinkGone
    return show(session, visit, settings, linked)


@router.post("/answer")
def answer(form: Form, visit: Visiting, settings: Config, session: Db) -> Response:
    """Make a move for the organisation. Missing input is asked for again."""
    visit.check_form(form)
    seen = look(session, visit)
    given = {name: field_value(form, name) or None for name in ("reason", "outcome", "question")}
    outcomes = {need: code for need in seen.row.needs if (code := field_value(form, f"outcome_{need}"))}
    payload = TransitionInput(
        given["reason"], given["outcome"], question=given["question"], outcomes=outcomes, how=ContactMeans.LINK.value
    )
    try:
        verb = _verb(form)
        moved = by_link.answer(session, visit.cookie, verb, payload, _version(form), visit.now)
    except Invalid:
        verb_typed = field_value(form, "verb")
        return show(session, visit, settings, seen, error=link_words.CHOOSE, status=422, opened=verb_typed, typed=form)
    except (Conflict, PreconditionFailed):
        return show(session, visit, settings, seen, error=link_words.CHANGED, status=409)
    if moved is None:
        raise LinkGone
    if verb in link_words.DONE:
        return RedirectResponse(f"{PREFIX}{visit.lang}?done={verb}", 303)
    response = _said(visit.lang, "ended", link_words.ENDED)
    cookies.remove(response, COOKIE, settings)
    return response


@router.post("/quality")
def say_quality(form: Form, visit: Visiting, session: Db, settings: Config) -> Response:
    """Answer how good the referral was: codes. Words are for the coordinator."""
    visit.check_form(form)
    seen = look(session, visit)
    try:
        is_said = by_link.say_quality(session, visit.cookie, form.get("quality", []), visit.now)
    except Invalid:
        return show(
            session, visit, settings, seen, error=link_words.CHOOSE_SOME, status=422, opened="quality", typed=form
        )
    except Conflict:
        return show(session, visit, settings, seen, error=link_words.CHANGED, status=409)
    if not is_said:
        raise LinkGone
    return RedirectResponse(f"{PREFIX}{visit.lang}?done=quality", 303)


@router.post("/end")
def end_visit(_form: Form, visit: Visiting, settings: Config, session: Db) -> Response:
    """Forget the code in this browser. The link stays valid."""
    by_link.end_visit(session, visit.cookie)
    response = _said(visit.lang, "closed", link_words.CLOSED)
    cookies.remove(response, COOKIE, settings)
    return response


def error_page(request: Request, error: AppError) -> Response:
    """An error of these pages, in the language of the address."""
    wanted = request.url.path.removeprefix(PREFIX).strip("/").split("/", 1)[0]
    lang = wanted if wanted in LANGUAGES else "en"
    is_gone = error.status == LinkGone.status
    message = link_words.GONE if is_gone else error_message(error)
    if isinstance(error, FilesTooLarge):
        message = link_words.TOO_LARGE
    response = _said(lang, "gone" if is_gone else "error", message, error.status)
    response.headers.update(error.headers)
    return response


def _verb(form: FormFields) -> ReferralVerb:
    verb = field_value(form, "verb")
    if verb not in by_link.VERBS:
        raise Conflict("There is no such answer.")
    return ReferralVerb(verb)


def _version(form: FormFields) -> int:
    text = field_value(form, "version")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def look(session: Session, visit: Visit) -> by_link.LinkedReferral:
    """The referral of the visit, with nothing decrypted but the card. Raises LinkGone."""
    linked = by_link.look(session, visit.keys, visit.cookie, visit.now)
    if linked is None:
        raise LinkGone
    return linked


def _said(lang: str, mode: str, message: str, status: int = 200) -> Response:
    return page(
        TEMPLATE, lang, status=status, mode=mode, message=message, label="", paths=None,
        error=message if mode == "error" else "",
    )  # fmt: skip


def _ask(lang: str, token: str, label: str, error: str = "") -> Response:
    return page(
        TEMPLATE, lang, status=422 if error else 200, mode="code", token=token, label=label, error=error,
        paths=f"/{token}",
    )  # fmt: skip


def show(
    session: Session,
    visit: Visit,
    settings: Settings,
    linked: by_link.LinkedReferral,
    *,
    notice: str = "",
    error: str = "",
    status: int = 200,
    opened: str = "",
    typed: Mapping[str, list[str]] = MappingProxyType({}),
) -> Response:
    """The page of the referral. `opened`: the verb whose form is shown open with what was `typed`: something in it is missing."""
    limits = document_pages.document_limits(settings)
    referral, case = session.get_one(Referral, linked.row.id), session.get_one(Case, linked.row.case_id)
    documents = storage.of_case(session, case.id) if linked.may_open else ()
    return page(
        TEMPLATE,
        visit.lang,
        status=status,
        mode="request",
        **hand_over_sheet.context(
            linked.row, linked.card, linked.parts, visit.lang, visit.keys, visit.directory, visit.now
        ),
        version=linked.row.version,
        verbs=linked.verbs,
        may_open=linked.may_open,
        left=CodeNames(visit.lang, visit.directory).translator.number(linked.openings_left),
        reasons=_REASONS,
        outcomes=link_words.OUTCOMES,
        quality=link_words.QUALITY,
        questions=QUESTIONS,
        documents=documents,
        mine=referral.organisation_id,
        sends=centre_documents.may_send(referral, case),
        room=storage.room(session, case.id, limits, author="partner"),
        may_add=storage.room(session, case.id, limits).is_left,
        megabytes=limits.file.bytes // 1_000_000,
        asks=referral.asks_document,
        notice=notice,
        error=error,
        opened=opened,
        typed=typed,
        csrf=csrf.new_token(visit.keys, visit.now, csrf.of_visit(visit.cookie)),
        paths="",
    )
