"""Connecting a Telegram chat with a request, for notices; the link that is made works once."""

from typing import Any, Final

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from app.cases import sealed_parts
from app.cases.models import PartKind
from app.cases.person_access import OpenedCase
from app.core.dependencies import Db, Keys, Now
from app.core.i18n import translator
from app.core.sealing import CannotOpen
from app.intake.vocabulary import GOOD_HOURS
from app.matching import deadlines
from app.messaging import telegram, telegram_links
from app.web.components import csrf
from app.web.components.forms import field_value
from app.web.components.rendering import page
from app.web.person import visits
from app.web.person.dependencies import Config, Cookie, Directory, Form, Lang, anyone

router = APIRouter(dependencies=[Depends(anyone)])
_PAGE: Final = "case/telegram"


@router.get("/case/telegram")
def show_telegram(
    lang: Lang, cookie: Cookie, now: Now, keys: Keys, directory: Directory, settings: Config, session: Db
) -> Response:
    """Show what Telegram sees and what we store; the link of this visit, if one was made; or that a chat is connected."""
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None or not settings.telegram_bot or opened.case.closed_at is not None:
        return RedirectResponse(f"/{lang}/case", 303)
    case = opened.case
    token, until = visits.kept(session, cookie, now, "telegram"), telegram_links.waits_until(session, case.id, now)
    zone = deadlines.time_zone(directory.country(case.country))
    return page(
        "person/telegram.html",
        lang,
        connected=bool(telegram_links.chat_of(session, keys, case.id)),
        link=telegram.deep_link(settings.telegram_bot, token) if token and until else "",
        token=token,
        bot=settings.telegram_bot,
        until=translator(lang).moment(until, zone) if until else "",
        csrf=csrf.new_token(keys, now, csrf.of_visit(cookie)),
        here=_PAGE,
    )


@router.post("/case/telegram")
def change_telegram(
    lang: Lang,
    form: Form,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    directory: Directory,
    settings: Config,
    session: Db,
) -> Response:
    """Make a link, which is shown on the next page while this visit lasts, or disconnect the chat."""
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None or cookie is None:
        return visits.nothing_changed(lang, session, cookie, now)
    if not settings.telegram_bot or opened.case.closed_at is not None:
        return RedirectResponse(f"/{lang}/case", 303)
    case, token = opened.case, None
    if field_value(form, "stop") == "yes":
        telegram_links.disconnect(session, keys, case.id, now)
    else:
        token = telegram_links.make(
            session,
            keys,
            case.id,
            may_say_who=field_value(form, "may_say_who") == "yes",
            good_hours=_good_hours(session, opened),
            zone=directory.country(case.country).time_zone,
            language=lang,
            now=now,
        )
    visits.keep(session, cookie, now, settings.draft_idle, telegram=token)
    return RedirectResponse(f"/{lang}/{_PAGE}", 303)


def _good_hours(session: Session, opened: OpenedCase) -> tuple[str, ...]:
    """The hours that the person chose for contact, if they still stand."""
    try:
        contacts: list[dict[str, Any]] = [
            dict(sealed_parts.open_part(opened.person_key, part).content)
            for part in sealed_parts.parts(session, opened.case.id, (PartKind.CONTACT,))
        ]
    except CannotOpen:
        return ()
    chosen = (contacts[0].get("answer_by") or {}).get("good_hours", ()) if contacts else ()
    return tuple(hour for hour in chosen if hour in GOOD_HOURS)
