"""Files a form that was sent from the check page, whether it came from the seven steps or from the single page."""

from datetime import datetime

from fastapi import Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from app.casework import filing
from app.core.keyring import KeyRing
from app.core.storage_brake import StorageBrake, StorageFull
from app.directory.packs import Directory
from app.intake import idempotency
from app.intake.idempotency import StoredResponse
from app.intake.questions import FormFields
from app.intake.schemas import Intake
from app.messaging.channels import ways_with
from app.web.components import csrf
from app.web.person import form_storage, spam_signals
from app.web.person.check_page import check_page


def file_form(
    lang: str,
    answers: FormFields,
    intake: Intake,
    request: Request,
    session: Session,
    keys: KeyRing,
    directory: Directory,
    brake: StorageBrake,
    now: datetime,
    *,
    key: str,
    signals: FormFields,
    begun: datetime | None,
    binding: str = csrf.UNBOUND,
    carried: FormFields | None = None,
) -> StoredResponse | HTMLResponse:
    """File the form the first time that it is sent under `key`; the same reply when it is sent again.

    While only urgent requests are accepted and this one is not urgent: returns the check page with a notice, and files nothing.

    Args:
        signals: the fields that spam screening reads.
        begun: when the form was opened.
        binding, carried: as `check_page` takes them.
    """
    screening = spam_signals.screen(request, signals, begun, now)
    try:
        return filing.file_once(
            session,
            intake,
            who="form",
            key=key,
            payload=b"",
            keys=keys,
            directory=directory,
            now=now,
            ttl=idempotency.FORM_TTL,
            held_reason=screening.held_reason,
            crowd=screening.crowd,
            only_urgent=brake.is_on(session),
            ways=ways_with(request.app.state.settings.gateways),
        )
    except StorageFull:
        return check_page(
            lang,
            answers,
            intake,
            session,
            keys,
            directory,
            now,
            binding=binding,
            carried=carried,
            notice=form_storage.ONLY_URGENT,
            status=503,
        )
