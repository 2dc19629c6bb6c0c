"""The check page: each answer with a link to change it, which centres can help and why, and who may read the request."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from app.casework import filing
from app.core import keyholders
from app.core.ids import named_id
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.intake import wording
from app.intake.questions import STEPS, FormFields
from app.intake.schemas import Intake
from app.matching import deadline_texts, runs
from app.matching.code_names import CodeNames
from app.matching.engine import ServiceMatch
from app.matching.need_results import candidates_by_need, most_pressing_first
from app.matching.reasons import render as in_sentence
from app.web.components import csrf
from app.web.components.rendering import page
from app.web.person import centre_cards, draft_answers, elsewhere_pages, form_fields, needs_list, urgent_contacts

_NOT_VERIFIED: Final = "not_verified"
_BY_YOURSELF: Final = "by_yourself"
_NEAREST: Final = 8


def check_page(
    lang: str,
    answers: FormFields,
    intake: Intake,
    session: Session,
    keys: KeyRing,
    directory: Directory,
    now: datetime,
    *,
    binding: str = csrf.UNBOUND,
    carried: FormFields | None = None,
    notice: str = "",
    status: int = 200,
    template: str = "person/check.html",
    **context: Any,
) -> HTMLResponse:
    """Show the check page. `carried`: answers held in the page itself when there is no cookie; None when a draft holds them.

    `binding`: what the CSRF token is bound to: the draft's cookie, or an empty value without one.
    """
    return page(
        template,
        lang,
        status=status,
        **check_context(lang, answers, intake, session, directory, now),
        reworded=wording.on_pages(answers),
        answers=carried,
        action=f"/{lang}/form/all/send" if carried is not None else f"/{lang}/form/check",
        csrf=csrf.new_token(keys, now, binding),
        notice=notice,
        here="form/all" if carried is not None else "form/check",
        switch="form/all/send" if carried is not None else "form/check",
        **context,
    )


def check_context(
    lang: str, answers: FormFields, intake: Intake, session: Session, directory: Directory, now: datetime
) -> dict[str, Any]:
    """Template context: answers as text, the letter's deadline, emergency contacts, and every centre with its reasons."""
    code_names = CodeNames(lang, directory, wording.on_pages(answers))
    facts, deadline = filing.facts_and_deadline(intake, directory, now)
    today = runs.local_date(directory, intake.country, now)
    # a centre that the person ruled out keeps its position, so that they can allow it again
    facts = replace(facts, never=frozenset())
    result = runs.run(session, facts, directory, now, seed=0)
    shown = (*result.candidates, *result.nearest)
    connected = connected_centres(session, [match.organisation for match in shown])
    by_need = candidates_by_need(intake.needs, result.candidates, directory, has_deadline=deadline is not None)
    candidates = most_pressing_first(
        (match for match in result.candidates if match.verified),
        ([match.service for match in helping] for helping in by_need.values()) if deadline else (),
        lambda match: match.service,
    )
    nearest = (match for match in result.nearest if match.verified)
    unconfirmed = (match for match in shown if not match.verified)
    return {
        "answered": [
            (step, field)
            for step in STEPS
            for field in form_fields.fields(step.questions, answers, {}, code_names, directory)
        ],
        "candidates": centres(candidates, answers, directory, code_names, connected, {_BY_YOURSELF}),
        "nearest": centres(nearest, answers, directory, code_names, connected)[:_NEAREST],
        "unconfirmed": centres(unconfirmed, answers, directory, code_names, told_elsewhere={_NOT_VERIFIED})[:_NEAREST],
        "others": centres(
            (match for match in result.not_matched if match.organisation not in facts.unsafe),
            answers,
            directory,
            code_names,
        ),
        "need_results": needs_list.results(by_need, directory, code_names),
        "deadline": deadline_texts.describe(deadline, today, code_names.translator) if deadline else None,
        "elsewhere": elsewhere_pages.about_the_place(intake.country, intake.region, lang, code_names.translator),
        "urgency": facts.urgency,
        "contacts": directory.urgent_contacts(
            intake.country, urgent_contacts.lines_needed(intake.needs, intake.helps), status=intake.status
        )
        if facts.urgency == "emergency"
        else (),
    }


def connected_centres(session: Session, slugs: Iterable[str]) -> frozenset[str]:
    """The centres with a key of their own, which can be asked here. A coordinator contacts the others."""
    by_id = {named_id("organisation", slug): slug for slug in slugs}
    return frozenset(by_id[owner] for owner in keyholders.public_keys(session, by_id))


def centres(
    matches: Iterable[ServiceMatch],
    answers: FormFields,
    directory: Directory,
    code_names: CodeNames,
    connected: frozenset[str] = frozenset(),
    told_elsewhere: Collection[str] = (),
) -> list[dict[str, Any]]:
    """The centres for the page: name, reasons, contacts, whether consent is asked, and the choice made.

    Consent is asked once for a centre, even if two of its services fit. It is not asked for a centre that takes no requests from
    us or that is not verified. `connected`: slugs of the centres that can read a request here. `told_elsewhere`: reasons that
    the page says above the centre, or above all centres of the list.
    """
    centre_list = []
    asked: set[str] = set()
    for match in matches:
        organisation = directory.organisation(match.organisation)
        if organisation is None:
            continue
        choice = answers.get(f"c_{organisation.id}", ["ask"])[-1]
        by_yourself = any(reason.key == _BY_YOURSELF for reason in match.reasons)
        centre_list.append(
            centre_cards.card(
                organisation,
                directory,
                code_names.translator,
                said=[reason.key for reason in match.reasons],
                reasons=[
                    in_sentence(reason, code_names) for reason in match.reasons if reason.key not in told_elsewhere
                ],
                choice=choice if choice in draft_answers.CHOICES else "ask",
                ask=match.verified and not by_yourself and organisation.id not in asked,
                connected=organisation.id in connected,
                by_yourself=by_yourself,
            )
        )
        if not by_yourself:
            asked.add(organisation.id)
    return centre_list
