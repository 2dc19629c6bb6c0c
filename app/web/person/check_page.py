"""The check page: each answer with a link to change it, which centres can help and why, and who may read the request."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from app.casework import filing
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.intake.questions import STEPS, Typed
from app.intake.schemas import Intake
from app.matching import runs
from app.matching.code_names import CodeNames
from app.matching.engine import Found
from app.matching.reasons import render as in_sentence
from app.web.components import csrf
from app.web.components.rendering import page
from app.web.person import form_fields as shown

_CHOICES: Final = ("ask", "allow", "never")
_NEAREST: Final = 8


def check_page(
    lang: str,
    typed: Typed,
    intake: Intake,
    session: Session,
    keys: KeyRing,
    directory: Directory,
    now: datetime,
    *,
    binding: str = csrf.UNBOUND,
    carried: Typed | None = None,
    notice: str = "",
    template: str = "person/check.html",
    **more: Any,
) -> HTMLResponse:
    """Show the check page. `carried`: answers held in the page itself when there is no cookie; None when a draft holds them.

    `binding`: what the CSRF token is bound to: the draft's cookie, or an empty value without one.
    """
    return page(
        template,
        lang,
        **shown_to(lang, typed, intake, session, directory, now),
        typed=carried,
        action=f"/{lang}/form/all/send" if carried is not None else f"/{lang}/form/check",
        token=csrf.new_token(keys, now, binding),
        notice=notice,
        here="form/all" if carried is not None else "form/check",
        switch="form/all/send" if carried is not None else "form/check",
        **more,
    )


def shown_to(
    lang: str, typed: Typed, intake: Intake, session: Session, directory: Directory, now: datetime
) -> dict[str, Any]:
    """Template context: answers as text, the letter's deadline, emergency contacts, and every centre with its reasons."""
    reader = CodeNames(lang, directory)
    facts, deadline = filing.facts_and_deadline(intake, directory, now)
    facts = replace(
        facts, never=frozenset()
    )  # a centre that is ruled out keeps its place, so that it can be let in again
    result = runs.run(session, facts, directory, now, seed=0)
    return {
        "answered": [
            (step, field) for step in STEPS for field in shown.fields(step.questions, typed, {}, reader, directory)
        ],
        "candidates": centres(result.candidates, typed, directory, reader),
        "nearest": centres(result.nearest[:_NEAREST], typed, directory, reader),
        "others": centres(result.not_matched, typed, directory, reader),
        "deadline": deadline,
        "days_left": (deadline.last_safe_day - runs.local_date(directory, intake.country, now)).days if deadline else 0,
        "urgency": facts.urgency,
        "contacts": directory.emergency(intake.country) if facts.urgency == "emergency" else (),
    }


def centres(found: Iterable[Found], typed: Typed, directory: Directory, reader: CodeNames) -> list[dict[str, Any]]:
    """Centres as the page shows them: name, reasons, whether consent is asked, and the choice made.

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
                "choice": said if said in _CHOICES else "ask",
                "by_yourself": by_yourself,
                "ask": not by_yourself and organisation.id not in asked,
                "phone": organisation.phone or "",
                "website": organisation.website or "",
            }
        )
        if not by_yourself:
            asked.add(organisation.id)
    return listed
