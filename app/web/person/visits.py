"""The visit of a person who came back with their number: stored like a draft, for an hour, decrypted by the cookie only."""

from datetime import datetime, timedelta
from typing import Any

from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from app.cases import person_access
from app.cases.person_access import OpenedCase
from app.core.errors import NotFound
from app.core.keyring import KeyRing
from app.intake import drafts, receipts
from app.intake.questions import FormFields
from app.intake.receipts import Receipt
from app.web.components import csrf
from app.web.components.forms import field_value
from app.web.person.dependencies import ENDED, UNCHANGED


def begin(
    session: Session, secret: str, receipt: Receipt, now: datetime, idle: timedelta, *, is_new: bool = False
) -> None:
    """Start a visit. `is_new`: the number was issued in this visit and has not been written down yet."""
    content = {"visit": receipt.digits, "stretched": receipt.stretched.hex(), "is_new": is_new}
    drafts.save(session, secret, content, now, idle)


def keep(session: Session, secret: str, now: datetime, idle: timedelta, **typed: object) -> None:
    """Store the input for the page that a form leads to, sealed under the cookie; None deletes it.

    So the browser's Back can request a page with an error again, and no input is in an address.
    """
    content = {**(drafts.load(session, secret, now) or {}), **typed}
    drafts.save(session, secret, {name: value for name, value in content.items() if value is not None}, now, idle)


def kept(session: Session, secret: str | None, now: datetime, name: str) -> Any:
    """The input that `keep` has stored under this name; None if there is none."""
    return (drafts.load(session, secret, now) or {}).get(name)


def number(session: Session, cookie: str | None, now: datetime) -> tuple[Receipt, bool] | None:
    """The number of this visit, and whether it is new; None when the visit has ended."""
    content = drafts.load(session, cookie, now) or {}
    if "visit" not in content:
        return None
    if "stretched" not in content:  # begun under a former version
        return receipts.parse(content["visit"]), content.get("is_new", False)
    return receipts.restore(content["visit"], bytes.fromhex(content["stretched"])), content.get("is_new", False)


def case_of_visit(
    session: Session, cookie: str | None, keys: KeyRing, now: datetime, *, lock: bool = False
) -> OpenedCase | None:
    """The case of this visit; None when the visit has ended. `lock`: take the row lock, for a request that writes."""
    visit = number(session, cookie, now)
    if visit is None:
        return None
    try:
        return person_access.open_by_receipt(session, visit[0], keys, now, lock=lock)
    except NotFound:
        return None


def case_of_form(
    session: Session, answers: FormFields, cookie: str | None, keys: KeyRing, now: datetime
) -> OpenedCase | None:
    """The case, with its row locked, for a form of this visit; None when the visit has ended or the token is of another visit.

    A caller then answers with `nothing_changed`, so that nobody believes that a button did something.
    """
    if not csrf.is_valid(keys, field_value(answers, "csrf"), now, csrf.of_visit(cookie)):
        return None
    return case_of_visit(session, cookie, keys, now, lock=True)


def nothing_changed(lang: str, session: Session, cookie: str | None, now: datetime) -> Response:
    """Redirect to a page that says that the form changed nothing: the status page, or without a visit the page for the number."""
    if number(session, cookie, now) is None:
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    return RedirectResponse(f"/{lang}/case?{UNCHANGED}", 303)
