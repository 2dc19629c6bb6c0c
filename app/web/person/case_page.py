"""The status page after coming back with the number: status, messages, consent, withdrawal and erasure."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from app import privacy
from app.cases import needs, person_access, sealed_parts
from app.cases.models import Case
from app.cases.person_access import OpenedCase, TooManyChanges
from app.cases.states import CaseState
from app.casework import filing, openings, person_actions, shown_codes
from app.casework.openings import OPENINGS
from app.core.dependencies import Brake, Db, Keys, Now, ReadDb
from app.core.errors import Conflict, Invalid, NotFound
from app.core.i18n import N_, Translator, translator
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.core.vocabulary import complete
from app.directory.packs import Directory as Packs
from app.intake import drafts, receipts
from app.intake.questions import FormFields
from app.intake.receipts import MistypedReceipt, Receipt
from app.matching import deadlines, runs
from app.matching.code_names import CodeNames
from app.matching.reasons import render as in_sentence
from app.referrals import centre_contacts
from app.referrals.states import AT_WORK, UNDECIDED, WITH_PARTNER, State
from app.referrals.ways import BY_COORDINATOR, Means, way_of
from app.settings import Settings
from app.web.components import csrf
from app.web.components.forms import field_value
from app.web.components.rendering import page
from app.web.person import (
    appointments,
    centre_cards,
    conversation,
    letter,
    needs_list,
    person_prompts,
    urgent_contacts,
    visits,
    waiting,
)
from app.web.person.check_page import connected_centres
from app.web.person.dependencies import (
    AGAIN,
    Again,
    Config,
    Cookie,
    Directory,
    Form,
    Lang,
    anyone,
    delete_cookie,
    new_secret,
    set_cookie,
)
from app.web.person.single_page_form import EXPIRED_NOTICE

router = APIRouter(dependencies=[Depends(anyone)])
_KEPT_MESSAGE: Final = 2 * person_access.MAX_MESSAGE_LENGTH
"""A longer message is not kept for the page with its error: it would not fit a draft."""
_UNKNOWN: Final = N_(
    "We could not find a request with this number. Please compare it, digit by digit, with what you wrote down."
)
_TYPING_ERROR: Final = N_(
    "At least one digit is wrong. Please compare the number, digit by digit, with what you wrote down."
)
_WRONG_SIGN: Final = N_("The sign “{sign}” does not belong in a number. A number has only digits.")
STATUS: Final = complete(set(CaseState) - {CaseState.ERASED}, {
    "submitted": (N_("We have received your request."), N_("A coordinator will read it next.")),
    "in_review": (
        N_("A coordinator is looking for a centre for you."),
        N_("Come back in a day or two. If we have a question, you will find it below."),
    ),
    "referred": (
        N_("We have asked a centre to help you."),
        N_("The centre has to answer within a fixed time. If it does not, we will ask the next one."),
    ),
    "helped": (N_("A centre has helped you."), N_("If this is not right, write to us below.")),
    "advised": (N_("We have answered your request."), N_("You can still write to us below.")),
    "unmet": (N_("We have not found a centre for you yet."), N_("We are still looking. The contacts below may help you now.")),
    "withdrawn": (N_("You have withdrawn your request."), N_("Centres can no longer read it.")),
})  # fmt: skip
REFERRAL: Final = complete(State, {
    "awaiting_consent": N_("We would like to ask this centre. May they read your request?"),
    "offered": N_("We have asked them. They have not answered yet."),
    "acknowledged": N_("They have seen your request and are considering it."),
    "info_requested": N_("They have a question for you. You will find it below."),
    "waitlisted": N_("They have put you on their waiting list."),
    "accepted": N_("They have taken your case. They will contact you."),
    "in_progress": N_("They are working on your case."),
    "on_hold": N_("They have paused work on your case."),
    "completed": N_("They have finished their work on your case."),
    "draft": "",
    "declined": "",
    "handed_back": "",
    "withdrawn": "",
    "client_declined": "",
    "expired": "",
    "entered_in_error": "",
})  # fmt: skip
"""What the person reads of a referral; nothing, where a state is not shown to them: a refusal is never told."""
OPENED: Final = complete(OPENINGS.values(), {
    "words": N_("A coordinator opened what you wrote."),
    "contact": N_("A coordinator opened how to contact you."),
    "everything": N_("{centre} opened what you wrote and how to contact you."),
    "code": N_("Somebody opened what you wrote with the code that you made."),
    "sheet": N_("A coordinator opened what you wrote and how to contact you, to give it to {centre}."),
})  # fmt: skip
BY_COORDINATOR_WORDS: Final = {
    State.OFFERED: N_("A coordinator has asked them. They have not answered yet."),
    State.ACKNOWLEDGED: N_("They know what your request is about and are considering it."),
    State.ACCEPTED: N_(
        "They have taken your case. A coordinator gives them what you agreed they may read. They will contact you."
    ),
}
"""What the person reads where the centre has no account and a coordinator speaks with it."""
_NOT_YET_ASKED: Final = N_("A coordinator is going to ask them. Nobody has told them anything yet.")
_HOW_ASKED: Final = complete(Means, {
    "phone": N_("The coordinator spoke with them by phone."),
    "email": N_("The coordinator wrote to them by e-mail."),
    "letter": N_("The coordinator wrote them a letter."),
    "in_person": N_("The coordinator spoke with them in person."),
})  # fmt: skip
_NO_ACCOUNT: Final = N_(
    "They have no account here and cannot open your request. Before they agree to help, they hear only what it is about, "
    "without your name."
)
_GOING_TO_ASK: Final = (
    N_("A coordinator is going to ask a centre to help you."),
    N_("The coordinator calls or writes to them. If they do not answer in time, we will ask the next one."),
)
_MAY_WE_ASK: Final = N_("May we ask this centre to help you?")
_UNTIL_YES: Final = N_("They are asked only when you say yes. Please answer below.")
_BEFORE_REFERRAL: Final = frozenset({"submitted", "in_review"})
_LONGEST_KEPT_NUMBER: Final = 200
TOO_MANY_CHANGES: Final = N_(
    "Very many changes were made to this request today. This one was not saved. Please come back tomorrow."
)
_NO_ROOM: Final = N_(
    "We have no room for messages at the moment. It was not sent. Please send it again in a few hours."
)
_EMPTY: Final = N_("Please write your message first.")


@router.get("/return")
def ask_for_number(
    lang: Lang, cookie: Cookie, now: Now, keys: Keys, settings: Config, session: ReadDb, again: Again = ""
) -> Response:
    """Ask for the number. `again`: it was typed before; it is shown with what was wrong with it."""
    typed = visits.kept(session, cookie, now, "number") if again else None
    return _number_form(lang, cookie, keys, settings, now, *(typed or ("", "")))


def _number_form(
    lang: str,
    cookie: str | None,
    keys: KeyRing,
    settings: Settings,
    now: datetime,
    entered: str = "",
    problem: str = "",
) -> Response:
    """The form, tied to a cookie of this browser: another site cannot make it open a case that is not the person's own."""
    secret = cookie or new_secret(keys)
    error = _number_error(problem, entered, translator(lang))
    response = page(
        "person/return.html",
        lang,
        status=422 if error else 200,
        error=error,
        entered=entered,
        csrf=csrf.new_token(keys, now, csrf.of_browser(secret)),
        here="return",
        switch="return",
    )
    if cookie is None:
        set_cookie(response, secret, settings)
    return response


def _number_error(problem: str, entered: str, words: Translator) -> str:
    """What is wrong with the number, in words: which sign, how many digits, a typing error, or a number of nobody."""
    if problem in {"", "late", "unknown"}:
        return words.text({"": "", "late": EXPIRED_NOTICE, "unknown": _UNKNOWN}[problem])
    try:
        receipts.parse(entered)
    except MistypedReceipt as error:
        n_ = words.plural
        counted = n_(
            "You typed {n} digit. A number has 28 digits.", "You typed {n} digits. A number has 28 digits.", error.found
        )
        if error.sign:
            return f"{words.text(_WRONG_SIGN, sign=error.sign)} {counted}"
        return words.text(_TYPING_ERROR) if error.found == receipts.DIGITS else counted
    return words.text(_UNKNOWN)


@router.post("/return")
def sign_in_with_number(
    lang: Lang, form: Form, request: Request, cookie: Cookie, now: Now, keys: Keys, settings: Config, session: Db
) -> Response:
    """Open the case for this visit. Check digits separate a typing error from an unknown number without a query."""
    number = field_value(form, "number")
    receipt, problem = None, ""
    if "switch" not in form:
        receipt, problem = _opened_by(form, number, request, cookie, keys, session, now)
    if receipt is None:
        if cookie is None or len(number) > _LONGEST_KEPT_NUMBER:  # nothing can be kept for the next page
            return _number_form(lang, cookie, keys, settings, now, number, problem)
        visits.keep(session, cookie, now, settings.draft_idle, number=(number, problem))
        return RedirectResponse(f"/{lang}/return?{AGAIN}", 303)
    secret = new_secret(keys)
    visits.begin(session, secret, receipt, now, settings.draft_idle)
    drafts.drop(session, cookie)  # no page can reach it any more
    response = RedirectResponse(f"/{lang}/case", 303)
    set_cookie(response, secret, settings)
    return response


def _opened_by(
    form: FormFields, number: str, request: Request, cookie: str | None, keys: KeyRing, session: Session, now: datetime
) -> tuple[Receipt | None, str]:
    """The number, if this form opens a case with it; else None, and why not: "late", "mistyped" or "unknown"."""
    is_ours = csrf.is_valid(keys, field_value(form, "csrf"), now, csrf.of_browser(cookie))
    if not is_ours and not csrf.is_said_to_be_ours(request):
        return None, "late"
    try:
        receipt = receipts.parse(number)
        person_access.open_by_receipt(session, receipt, keys, now)
    except MistypedReceipt:
        return None, "mistyped"
    except NotFound:
        return None, "unknown"
    return receipt, ""


@router.get("/case")
def show_case(
    lang: Lang, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: Db, again: Again = ""
) -> Response:
    """The status page. `again`: a message was not sent; it is shown with what was wrong with it."""
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        return RedirectResponse(f"/{lang}/return", 303)
    text, problem = (visits.kept(session, cookie, now, "message") if again else None) or ("", "")
    return _page_with_message(lang, session, opened, cookie, keys, directory, now, text, problem)


def _page_with_message(
    lang: str,
    session: Session,
    opened: OpenedCase,
    cookie: str | None,
    keys: KeyRing,
    directory: Packs,
    now: datetime,
    text: str,
    problem: str,
) -> Response:
    """The page with a message that was not sent, and why: a code, or "" for none."""
    words, most = translator(lang), person_access.MAX_MESSAGE_LENGTH
    n_ = words.plural
    error = words.text(_EMPTY) if problem == "required" else ""
    if problem == "too_long":
        length = len(text.strip())
        error = n_(
            "Your message is too long: it has {n} character. The limit is {most}.",
            "Your message is too long: it has {n} characters. The limit is {most}.",
            length,
            most=words.number(most),
        )
    notice = {"late": EXPIRED_NOTICE, "too_many": TOO_MANY_CHANGES, "no_room": _NO_ROOM}.get(problem, "")
    return _case_page(lang, session, opened, cookie, keys, directory, now, text=text, error=error, notice=notice)


def _case_page(
    lang: str,
    session: Session,
    opened: OpenedCase,
    cookie: str | None,
    keys: KeyRing,
    directory: Packs,
    now: datetime,
    *,
    text: str = "",
    error: str = "",
    notice: str = "",
) -> Response:
    case, code_names = opened.case, CodeNames(lang, directory)
    headline, next_step = STATUS[case.state]
    every_referral = person_actions.referrals_of(session, case.id)
    asked_by = centre_contacts.first_asked(session, _spoken_for(every_referral))
    if case.state == CaseState.REFERRED and _is_nobody_asked_yet(every_referral, asked_by):
        headline, next_step = _GOING_TO_ASK
    visible_referrals = [entry for entry in every_referral if REFERRAL[entry.state]]
    today = runs.local_date(directory, case.country, now)
    asked = [entry for entry in visible_referrals if entry.state == State.AWAITING_CONSENT]
    return page(
        "person/case.html",
        lang,
        status=422 if error else 200,
        case=case,
        headline=_MAY_WE_ASK if asked else headline,
        next_step=_UNTIL_YES if asked else next_step,
        asked=_questions_of_consent(session, keys, case, asked, code_names, directory) if asked else (),
        deadline=letter.of_case(case, keys, code_names, directory, now),
        look_by=max(case.due_on, today) if case.state in _BEFORE_REFERRAL else None,
        zone=deadlines.time_zone(directory.country(case.country)),
        needs=code_names.names("need", case.needs),
        names=code_names.names,
        need_progress=needs_list.progress(case, needs.of_case(session, case), every_referral, code_names),
        somebody=needs_list.SOMEBODY,
        country=code_names.translator.country_name(case.country),
        referrals=[
            (
                entry,
                sentence_of(entry, asked_by),
                centre_cards.card_of(entry.slug, entry.organisation, directory, code_names.translator),
                how_asked(entry, asked_by),
            )
            for entry in visible_referrals
            if entry not in asked
        ],
        appointments=appointments.views(
            session,
            opened,
            list(every_referral),
            code_names.translator,
            deadlines.time_zone(directory.country(case.country)),
            now,
        ),
        prompts=person_prompts.prompts_context(session, case.id, visible_referrals, code_names, now),
        waiting=_while_you_wait(case, visible_referrals, today, keys, code_names, directory),
        thread=conversation.of_case(session, opened, directory),
        openings=openings_of(session, case, directory),
        code=shown_codes.of_case(session, case, now),
        contacts=directory.urgent_contacts(
            case.country, urgent_contacts.lines_needed(case.needs), status=_facts(case, keys).get("status")
        )
        if case.urgency == "emergency" or case.state == "unmet"
        else (),
        text=text,
        error=error,
        notice=notice,
        csrf=csrf.new_token(keys, now, csrf.of_visit(cookie)),
        here="case",
        switch="case/message",
    )


def openings_of(session: Session, case: Case, directory: Packs) -> list[tuple[openings.Opening, str]]:
    """Who has opened the case, with the sentence for it."""
    zone = deadlines.time_zone(directory.country(case.country))
    return [(entry, OPENED[entry.what]) for entry in openings.of_case(session, case.id, zone)]


def _spoken_for(referrals: Sequence[person_actions.PersonReferral]) -> list[UUID]:
    """The referrals whose centre a coordinator speaks with."""
    return [entry.id for entry in referrals if way_of(entry.way) in BY_COORDINATOR]


def _is_nobody_asked_yet(
    referrals: Sequence[person_actions.PersonReferral], asked_by: Mapping[UUID, tuple[datetime, Means]]
) -> bool:
    """Whether every centre that is to be asked waits for a coordinator's call."""
    live = [entry for entry in referrals if State(entry.state) in WITH_PARTNER]
    return bool(live) and all(
        way_of(entry.way) in BY_COORDINATOR and entry.state == State.OFFERED and entry.id not in asked_by
        for entry in live
    )


def sentence_of(entry: person_actions.PersonReferral, asked_by: Mapping[UUID, tuple[datetime, Means]]) -> str:
    """How the referral stands, as it is true for the way in which its centre is asked."""
    state = State(entry.state)
    if way_of(entry.way) not in BY_COORDINATOR:
        return REFERRAL[state]
    if state is State.OFFERED and entry.id not in asked_by:
        return _NOT_YET_ASKED
    return BY_COORDINATOR_WORDS.get(state, REFERRAL[state])


def how_asked(entry: person_actions.PersonReferral, asked_by: Mapping[UUID, tuple[datetime, Means]]) -> list[str]:
    """By which means a coordinator asked, and what the centre can read; empty where it has an account."""
    if way_of(entry.way) not in BY_COORDINATOR:
        return []
    told = [_HOW_ASKED[asked_by[entry.id][1]]] if entry.id in asked_by else []
    return [*told, _NO_ACCOUNT] if State(entry.state) in UNDECIDED else told


def _while_you_wait(
    case: Case,
    referrals: Sequence[person_actions.PersonReferral],
    today: date,
    keys: KeyRing,
    code_names: CodeNames,
    directory: Packs,
) -> waiting.WhileYouWait | None:
    """What the person can do while they wait; None when the case has ended, or a centre is at work on it."""
    if case.closed_at is not None or any(State(entry.state) in AT_WORK for entry in referrals):
        return None
    return waiting.while_you_wait(
        case.country,
        case.needs,
        _letter_kind(case, keys),
        directory,
        code_names,
        from_day=max(case.due_on, today) + timedelta(days=1) if case.state in _BEFORE_REFERRAL else None,
        has_deadline=case.last_safe_day is not None,
    )


def _letter_kind(case: Case, keys: KeyRing) -> str | None:
    kind: str | None = (_facts(case, keys).get("letter") or {}).get("kind")
    return kind


def _facts(case: Case, keys: KeyRing) -> dict[str, Any]:
    """The facts of a case; empty when they are gone."""
    try:
        return sealed_parts.decrypt_facts(keys, case.id, case.facts_version, case.facts) if case.facts else {}
    except CannotOpen:
        return {}


def _questions_of_consent(
    session: Session,
    keys: KeyRing,
    case: Case,
    asked: Sequence[person_actions.PersonReferral],
    code_names: CodeNames,
    directory: Packs,
) -> list[tuple[person_actions.PersonReferral, dict[str, Any]]]:
    """The centres whose question waits for a yes, each with the reasons of the latest match."""
    try:
        latest = runs.latest_run(session, keys, case.id)
    except CannotOpen:
        latest = None
    found = (*latest[1].candidates, *latest[1].nearest) if latest else ()
    connected = connected_centres(session, [entry.slug for entry in asked])
    return [
        (
            entry,
            centre_cards.card_of(
                entry.slug,
                entry.organisation,
                directory,
                code_names.translator,
                connected=entry.slug in connected,
                reasons=list(
                    dict.fromkeys(
                        in_sentence(reason, code_names)
                        for match in found
                        if match.organisation == entry.slug
                        for reason in match.reasons
                    )
                ),
            ),
        )
        for entry in asked
    ]


@router.post("/case/message")
def send_message(
    lang: Lang,
    form: Form,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    directory: Directory,
    settings: Config,
    brake: Brake,
    session: Db,
) -> Response:
    """Send a message. If the visit has ended, show the text again and ask for the number."""
    text = field_value(form, "text")
    opened = visits.case_of_visit(session, cookie, keys, now, lock=True)
    if opened is None or cookie is None:
        return page("person/visit_ended.html", lang, status=403, text=text, here="return")
    problem = "" if csrf.is_valid(keys, field_value(form, "csrf"), now, csrf.of_visit(cookie)) else "late"
    if not problem and not filing.is_urgent(opened.case.urgency) and brake.is_on(session):
        problem = "no_room"
    if not problem and "switch" not in form:
        try:
            person_actions.write_message(session, opened, text, now=now)
        except Invalid as error:
            problem = error.errors[0]["code"]
        except (TooManyChanges, Conflict):
            problem = "too_many"
    if problem == "no_room" or len(text) > _KEPT_MESSAGE:  # too large for the draft: it comes back in this answer
        return _page_with_message(lang, session, opened, cookie, keys, directory, now, text, problem)
    if problem or "switch" in form:
        visits.keep(session, cookie, now, settings.draft_idle, message=(text, problem))
        return RedirectResponse(f"/{lang}/case?{AGAIN}#thread", 303)
    visits.keep(session, cookie, now, settings.draft_idle, message=None)
    return RedirectResponse(f"/{lang}/case#thread", 303)


@router.post("/case/consent")
def consent(lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, session: Db) -> Response:
    """Record yes or no for one centre that was not named before."""
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is not None:
        answer = field_value(form, "answer") == "yes"
        with suppress(NotFound):  # answered already: the page says how it stands
            person_actions.answer_consent(
                session, opened, field_value(form, "referral"), yes=answer, keys=keys, now=now
            )
    return RedirectResponse(f"/{lang}/case", 303)


@router.post("/case/withdraw")
def withdraw(lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, session: Db) -> Response:
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is not None and field_value(form, "sure") == "yes" and opened.case.closed_at is None:
        privacy.withdraw(session, opened.case, now=now)
    return RedirectResponse(f"/{lang}/case", 303)


@router.post("/case/erase")
def erase(lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, settings: Config, session: Db) -> Response:
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None or field_value(form, "sure") != "yes":
        return RedirectResponse(f"/{lang}/case", 303)
    privacy.erase(session, opened.case, actor_kind="person", now=now)
    return _end_visit(lang, session, cookie, settings, "deleted")


@router.post("/case/export")
def export(lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, settings: Config, session: Db) -> Response:
    """Download everything we hold about the person as JSON."""
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None:
        return RedirectResponse(f"/{lang}/case", 303)
    document = json.dumps(
        privacy.export(session, opened, keys, team_conversations=settings.export_team_conversations),
        ensure_ascii=False,
        indent=2,
    )
    return Response(
        document, media_type="application/json", headers={"content-disposition": 'attachment; filename="copy.json"'}
    )


@router.post("/case/leave")
def leave(lang: Lang, _typed: Form, cookie: Cookie, settings: Config, session: Db) -> Response:
    return _end_visit(lang, session, cookie, settings)


def _end_visit(lang: str, session: Session, cookie: str | None, settings: Settings, to: str = "goodbye") -> Response:
    drafts.drop(session, cookie)
    response = RedirectResponse(f"/{lang}/{to}", 303)
    delete_cookie(response, settings)
    return response
