"""Programs that call the API for an organisation: an admin proposes one or a new secret, and switches one off immediately."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app.casework import api_clients
from app.core.dependencies import Db, Now, ReadDb
from app.core.errors import Conflict, Invalid, NotFound
from app.web.account.members import centres
from app.web.account.policies import Admin
from app.web.components import staff_pages
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/clients")

Slot = Annotated[int, Path(ge=1, le=2)]


@router.get("", name="clients")
def show_clients(request: Request, _member: Admin, session: ReadDb) -> Response:
    return _page(request, session)


@router.post("", name="propose_client")
def propose_client(request: Request, member: Admin, session: Db, now: Now) -> Response:
    """Propose a program. Invalid input is shown again as it was typed."""
    form = request.state.form
    typed = {name: field_value(form, name).strip() for name in ("organisation", "client")}
    scopes = tuple(form.get("scopes", ()))
    try:
        api_clients.propose_program(session, member, typed["organisation"], typed["client"], scopes, now)
    except Invalid as error:
        errors = {entry["pointer"].strip("/"): entry["detail"] for entry in error.errors}
        return _page(request, session, typed=typed, scopes=scopes, errors=errors)
    except NotFound:
        return _page(request, session, typed=typed, scopes=scopes, errors={"organisation": "Choose an organisation."})
    except Conflict as error:
        session.rollback()
        return _page(request, session, typed=typed, scopes=scopes, errors={"client": str(error.detail)})
    return staff_pages.redirect("/desk/proposals?done=proposed")


@router.post("/secret", name="propose_client_secret")
def propose_secret(request: Request, member: Admin, session: Db, now: Now) -> Response:
    api_clients.propose_secret(session, member, field_value(request.state.form, "client"), now)
    return staff_pages.redirect("/desk/proposals?done=proposed")


@router.post("/off", name="switch_client_off")
def switch_off(request: Request, member: Admin, session: Db, now: Now) -> Response:
    """Switch a program off immediately. One person can do it."""
    api_clients.switch_off(session, field_value(request.state.form, "client"), member.member_id, now)
    return staff_pages.redirect("/desk/clients?done=client_off")


@router.post("/credentials/{slot}/end", name="end_client_credential")
def end_credential(slot: Slot, request: Request, member: Admin, session: Db, now: Now) -> Response:
    """End one secret or key of a program immediately."""
    api_clients.end_credential(session, field_value(request.state.form, "client"), slot, member.member_id, now)
    return staff_pages.redirect("/desk/clients?done=credential_ended")


def secret_page(request: Request, client_id: str, secret: str) -> Response:
    """The secret of a program, shown once."""
    return staff_pages.page(request, "account/client_secret.html", client=client_id, secret=secret)


def _page(
    request: Request,
    session: Session,
    *,
    typed: Mapping[str, str] | None = None,
    scopes: Sequence[str] = (),
    errors: Mapping[str, str] | None = None,
) -> Response:
    return staff_pages.page(
        request,
        "account/clients.html",
        status=422 if errors else 200,
        programs=api_clients.programs(session),
        centres=centres(session),
        all_scopes=api_clients.OF_ORGANISATION,
        typed=typed or {},
        scopes=scopes
        if typed is not None
        else ("referrals:read", "referrals:contact", "referrals:write", "events:read"),
        errors=errors or {},
        old_lasts=api_clients.OLD_SECRET_LASTS.days,
    )
