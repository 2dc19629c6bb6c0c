"""The form: seven short steps, or one page; a page to check everything; and the number."""

from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.core.edge import Db, Keys, Now, ReadDb
from app.core.errors import Invalid, NotFound
from app.core.i18n import N_
from app.core.keyring import KeyRing
from app.directory.packs import Directory as Packs
from app.intake import drafts, questions, schemas
from app.intake.questions import STEPS, Typed
from app.matching import matches
from app.matching.reader import Reader
from app.matching.reasons import render as in_sentence
from app.referrals import filing
from app.settings import Settings
from app.web.public import fields as shown
from app.web.public.deps import (
    Config,
    Cookie,
    Directory,
    Form,
    Lang,
    anyone,
    drop_cookie,
    new_token,
    set_cookie,
    token_is_ours,
)
from app.web.rendering import page

router = APIRouter(dependencies=[Depends(anyone)])
_AGAIN: Final = N_("This page was open for a long time. Everything you typed is still here. Please send it again.")
_CONSENTS: Final = ("ask", "allow", "never")


def _kept(typed: Typed) -> Typed:
    """What belongs into the draft: the answers, not the buttons."""
    return {name: said for name, said in typed.items() if name in questions.QUESTIONS or name.startswith("c_")}


def _draft(session: Session, secret: str | None, now: datetime) -> dict[str, Any]:
    content = drafts.load(session, secret, now) or {}
    return content if "typed" in content or "receipt" in content else {}


def _check(typed: Typed, lang: str, directory: Packs, now: datetime) -> tuple[schemas.Intake | None, list[Any]]:
    """The whole form as an intake, or what is wrong with it."""
    try:
        return schemas.read(questions.answers(typed, lang), directory, now.date()), []
    except Invalid as error:
        return None, error.errors


def _step_page(
    lang: str,
    number: int,
    typed: Typed,
    errors: dict[str, str],
    keys: KeyRing,
    directory: Packs,
    *,
    notice: str = "",
    back_to_check: bool = False,
) -> HTMLResponse:
    step = STEPS[number]
    reader = Reader(lang, directory)
    return page(
        "public/step.html",
        lang,
        status=422 if errors else 200,
        step=step,
        number=number + 1,
        count=len(STEPS),
        fields=shown.fields(step.questions, typed, errors, reader, directory),
        errors=errors,
        token=new_token(keys),
        notice=notice,
        back=f"/{lang}/form/{STEPS[number - 1].slug}" if number else f"/{lang}/",
        to_check=back_to_check,
        here=f"form/{step.slug}",
    )


def _number(slug: str) -> int:
    if slug not in questions.SLUGS:
        raise NotFound
    return questions.SLUGS.index(slug)


# --- one page, without a cookie (named before the steps: "all" is no step) ----------------------------------------


@router.get("/form/all")
def whole_form(lang: Lang, keys: Keys, directory: Directory) -> Response:
    return _whole_page(lang, {}, {}, keys, directory)


@router.post("/form/all")
def send_whole_form(lang: Lang, typed: Form, now: Now, keys: Keys, directory: Directory, session: ReadDb) -> Response:
    """Check everything and show the centres; the answers travel in the page itself, so that no cookie is needed."""
    answers = _kept(typed)
    intake, found = _check(answers, lang, directory, now)
    if intake is None or "change" in typed:
        return _whole_page(lang, answers, shown.in_words(found, Reader(lang, directory)), keys, directory)
    return _check_page(lang, answers, intake, session, keys, directory, now, stateless=True)


@router.post("/form/all/send")
def file_whole_form(
    lang: Lang, typed: Form, now: Now, keys: Keys, directory: Directory, settings: Config, session: Db
) -> Response:
    """File it and answer with the number at once. The same page sent twice is one case and shows the same number."""
    answers, token = _kept(typed), typed.get("token", [""])[-1]
    intake, found = _check(answers, lang, directory, now)
    if intake is None or "change" in typed:
        return _whole_page(lang, answers, shown.in_words(found, Reader(lang, directory)), keys, directory)
    if not token_is_ours(keys, token):
        return _check_page(lang, answers, intake, session, keys, directory, now, stateless=True, notice=_AGAIN)
    reply = filing.file_once(
        session,
        intake,
        who="form",
        key=token,
        payload=b"",
        keys=keys,
        directory=directory,
        now=now,
        ttl=settings.reply_ttl,
    )
    return _receipt_page(lang, reply.body, directory, keys)


def _whole_page(lang: str, typed: Typed, errors: dict[str, str], keys: KeyRing, directory: Packs) -> HTMLResponse:
    reader = Reader(lang, directory)
    return page(
        "public/all.html",
        lang,
        status=422 if errors else 200,
        steps=[(step, shown.fields(step.questions, typed, errors, reader, directory)) for step in STEPS],
        consents={name: said[-1] for name, said in typed.items() if name.startswith("c_")},
        errors=errors,
        token=new_token(keys),
        here="form/all",
    )


# --- the page to check ---------------------------------------------------------------------------------------------


@router.get("/form/check")
def check(lang: Lang, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: ReadDb) -> Response:
    typed = _draft(session, cookie, now).get("typed")
    if not typed:
        return RedirectResponse(f"/{lang}/form/{STEPS[0].slug}", 303)
    intake, found = _check(typed, lang, directory, now)
    if intake is None:
        errors = shown.in_words(found, Reader(lang, directory))
        first = next((name for name in errors if name in questions.QUESTIONS), "for_whom")
        number = STEPS.index(questions.step_of(first))
        return _step_page(lang, number, typed, errors, keys, directory)
    return _check_page(lang, typed, intake, session, keys, directory, now)


@router.post("/form/check")
def send(
    lang: Lang, typed: Form, cookie: Cookie, now: Now, keys: Keys, directory: Directory, settings: Config, session: Db
) -> Response:
    """File the draft; the number is kept for the next page only, in the draft's sealed place."""
    draft = _draft(session, cookie, now)
    if "receipt" in draft:
        return RedirectResponse(f"/{lang}/sent", 303)
    if not cookie or "typed" not in draft:
        return RedirectResponse(f"/{lang}/form/{STEPS[0].slug}", 303)
    answers = {**draft["typed"], **{name: said for name, said in typed.items() if name.startswith("c_")}}
    intake, _found = _check(answers, lang, directory, now)
    token = typed.get("token", [""])[-1]
    if intake is None or not token_is_ours(keys, token):
        drafts.save(session, cookie, {"typed": answers}, now, settings.draft_idle)
        return RedirectResponse(f"/{lang}/form/check", 303)
    reply = filing.file_once(
        session,
        intake,
        who="form",
        key=cookie,
        payload=b"",
        keys=keys,
        directory=directory,
        now=now,
        ttl=settings.reply_ttl,
    )
    drafts.save(session, cookie, {"receipt": reply.body}, now, settings.draft_idle)
    return RedirectResponse(f"/{lang}/sent", 303)


def _check_page(
    lang: str,
    typed: Typed,
    intake: schemas.Intake,
    session: Session,
    keys: KeyRing,
    directory: Packs,
    now: datetime,
    *,
    stateless: bool = False,
    notice: str = "",
) -> HTMLResponse:
    reader = Reader(lang, directory)
    facts, deadline = filing.understood(intake, directory, now)
    result = matches.run(session, facts, directory, now, seed=0)
    answered = [(step, field) for step in STEPS for field in shown.fields(step.questions, typed, {}, reader, directory)]
    return page(
        "public/check.html",
        lang,
        answered=answered,
        candidates=_centres(result.candidates, typed, directory, reader),
        nearest=_centres(result.nearest[:8], typed, directory, reader),
        others=_centres(result.not_matched, typed, directory, reader),
        deadline=deadline,
        tier=facts.tier,
        contacts=directory.emergency(intake.country) if facts.tier == "emergency" else (),
        typed=typed if stateless else None,
        action=f"/{lang}/form/all/send" if stateless else f"/{lang}/form/check",
        token=new_token(keys),
        notice=notice,
        here="form/all" if stateless else "form/check",
    )


def _centres(found: Any, typed: Typed, directory: Packs, reader: Reader) -> list[dict[str, Any]]:
    """Centres as the page shows them: name, why, whether they can be allowed to read, and what was chosen.

    A centre is asked about once, also where two of its services fit; and not at all if it takes no requests from us: then
    its own contacts are shown.
    """
    listed = []
    asked: set[str] = set()
    for one in found:
        organisation = directory.organisation(one.organisation)
        if organisation is None:
            continue
        said = typed.get(f"c_{organisation.id}", ["ask"])[-1]
        by_yourself = any(reason.key == "by_yourself" for reason in one.reasons)
        listed.append(
            {
                "slug": organisation.id,
                "name": organisation.name.local or organisation.name.en,
                "english": organisation.name.en,
                "city": organisation.city or "",
                "verified": one.verified,
                "reasons": [in_sentence(reason, reader) for reason in one.reasons],
                "choice": said if said in _CONSENTS else "ask",
                "by_yourself": by_yourself,
                "ask": not by_yourself and organisation.id not in asked,
                "phone": organisation.phone or "",
                "website": organisation.website or "",
            }
        )
        if not by_yourself:
            asked.add(organisation.id)
    return listed


# --- the number ----------------------------------------------------------------------------------------------------


@router.get("/sent")
def sent(lang: Lang, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: ReadDb) -> Response:
    draft = _draft(session, cookie, now)
    if "receipt" not in draft:
        return RedirectResponse(f"/{lang}/", 303)
    return _receipt_page(lang, draft["receipt"], directory, keys)


@router.post("/sent")
def written_down(
    lang: Lang, typed: Form, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: Db
) -> Response:
    """The person types the last four digits; then the number is forgotten here and the visit ends."""
    draft = _draft(session, cookie, now)
    if "receipt" in draft:
        digits = "".join(c for c in "".join(typed.get("last_four", [])) if c.isdigit())
        if digits and digits != draft["receipt"]["receipt"][-4:]:
            return _receipt_page(lang, draft["receipt"], directory, keys, mistyped=True)
    drafts.drop(session, cookie)
    response = RedirectResponse(f"/{lang}/goodbye", 303)
    drop_cookie(response)
    return response


def _receipt_page(
    lang: str, reply: dict[str, Any], directory: Packs, keys: KeyRing, *, mistyped: bool = False
) -> HTMLResponse:
    country = reply["country"]
    return page(
        "public/sent.html",
        lang,
        status=422 if mistyped else 200,
        reply=reply,
        deadline=datetime.fromisoformat(reply["deadline"]["last_safe_day"]).date() if reply.get("deadline") else None,
        contacts=directory.emergency(country) if reply["urgency"] == "emergency" else (),
        mistyped=mistyped,
        token=new_token(keys),
        here="",
    )


# --- the steps -----------------------------------------------------------------------------------------------------


@router.get("/form/{step}")
def step_form(
    lang: Lang, step: str, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: ReadDb
) -> Response:
    number = _number(step)
    typed: Typed = _draft(session, cookie, now).get("typed", {})
    return _step_page(lang, number, typed, {}, keys, directory, back_to_check=_complete(typed, lang, directory, now))


def _complete(typed: Typed, lang: str, directory: Packs, now: datetime) -> bool:
    return bool(typed) and _check(typed, lang, directory, now)[0] is not None


@router.post("/form/{step}")
def send_step(
    lang: Lang,
    step: str,
    typed: Form,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    directory: Directory,
    settings: Config,
    session: Db,
) -> Response:
    """Keep what was typed, right or wrong; go on when this step is right. Nothing is ever lost by an error."""
    number = _number(step)
    asked = {question.name for question in STEPS[number].questions}
    before: Typed = _draft(session, cookie, now).get("typed", {})
    merged = {name: said for name, said in before.items() if name not in asked}
    merged.update({name: said for name, said in typed.items() if name in asked})
    secret = cookie if cookie and before else drafts.new_secret()
    _keep(session, secret, merged, now, settings)
    _intake, found = _check(merged, lang, directory, now)
    here = [error for error in found if questions.question_of(error["pointer"]) in asked]
    if here:
        errors = shown.in_words(here, Reader(lang, directory))
        response: Response = _step_page(lang, number, merged, errors, keys, directory)
    elif "to_check" in typed or number + 1 == len(STEPS):
        response = RedirectResponse(f"/{lang}/form/check", 303)
    else:
        response = RedirectResponse(f"/{lang}/form/{STEPS[number + 1].slug}", 303)
    set_cookie(response, secret, settings)
    return response


def _keep(session: Session, secret: str, typed: Typed, now: datetime, settings: Settings) -> None:
    drafts.save(session, secret, {"typed": typed}, now, settings.draft_idle)
