"""Input of a form whose visit has ended: shown again, on a page that the browser's Back button can show.

It is only shown, never saved to a request: whoever opens one in this browser afterwards may be somebody else.
"""

from datetime import datetime
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from app.core.dependencies import Now, ReadDb
from app.core.keyring import KeyRing
from app.intake import drafts
from app.settings import Settings
from app.web.components.rendering import page
from app.web.person import form_storage, visits
from app.web.person.dependencies import ENDED, Cookie, Lang, anyone, new_secret, set_cookie

router = APIRouter(dependencies=[Depends(anyone)])
_TEMPLATE: Final = "person/visit_ended.html"


def leads_to(
    lang: str,
    text: str,
    session: Session,
    request: Request,
    cookie: str | None,
    keys: KeyRing,
    settings: Settings,
    now: datetime,
    *,
    chosen: bool = False,
) -> Response:
    """Store the text, sealed under the browser's cookie, and redirect to the page that shows it. `chosen`: it lists choices.

    Without room to store it, that page is the response itself.
    """
    if not text.strip():
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    kept = {**(drafts.load(session, cookie, now) or {}), "ended": text, "ended_chosen": chosen}
    if not (form_storage.of(request).has_room(session, request, now) and drafts.fits(kept)):
        return page(_TEMPLATE, lang, status=403, text=text, chosen=chosen, here="return")
    secret = cookie or new_secret(keys)
    visits.keep(session, secret, now, settings.draft_idle, ended=text, ended_chosen=chosen)
    response = RedirectResponse(f"/{lang}/return/text", 303)
    if cookie is None:
        set_cookie(response, secret, settings)
    return response


@router.get("/return/text")
def show_text(lang: Lang, cookie: Cookie, now: Now, session: ReadDb) -> Response:
    """The text of the form that was sent too late."""
    text = visits.kept(session, cookie, now, "ended")
    if not text:
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    chosen = bool(visits.kept(session, cookie, now, "ended_chosen"))
    return page(_TEMPLATE, lang, status=403, text=text, chosen=chosen, here="return/text")
