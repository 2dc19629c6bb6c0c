"""The receipt page: shows the number once, prints only its digits, and asks for the last four digits as proof."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.casework import filing
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.i18n import N_
from app.core.keyring import KeyRing
from app.directory.packs import Directory as Packs
from app.intake import drafts, receipts, wording
from app.matching import runs
from app.matching.code_names import CodeNames
from app.matching.deadlines import time_zone
from app.matching.need_results import most_pressing_first
from app.matching.reasons import Reason
from app.matching.reasons import render as in_sentence
from app.web.components import csrf
from app.web.components.forms import field_value
from app.web.components.rendering import page
from app.web.person import (
    calendar_file,
    centre_cards,
    draft_answers,
    elsewhere_pages,
    letter,
    needs_list,
    next_steps,
    urgent_contacts,
    visits,
    waiting_advice,
)
from app.web.person.dependencies import (
    Again,
    Config,
    Cookie,
    Directory,
    Form,
    Lang,
    anyone,
    delete_cookie,
)

router = APIRouter(dependencies=[Depends(anyone)])
_TAKEN = N_(
    "Your request had already been sent, with the choices you made first. What you changed afterwards was not saved. "
    "To change it, come back with your number and choose “Change who may read my request”."
)

GOES_ON: Final = {"open": "case", "documents": "case/documents"}
"""Where the last four digits lead when the visit does not end."""


@router.get("/sent")
def sent(
    lang: Lang,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    directory: Directory,
    session: ReadDb,
    again: Again = "",
    mistyped: Again = "",
) -> Response:
    """Show the number. `again`: the check page was sent again with other choices. `mistyped`: the last four digits were wrong."""
    reply = draft_answers.receipt(session, cookie, now)
    if reply is None:
        return RedirectResponse(f"/{lang}/", 303)
    return receipt_page(lang, reply, directory, keys, now, mistyped=bool(mistyped), notice=_TAKEN if again else "")


@router.post("/sent")
def confirm_number(lang: Lang, form: Form, cookie: Cookie, now: Now, settings: Config, session: Db) -> Response:
    """Check the last four digits; then drop the number from the draft, and open the request or end the visit, as was chosen."""
    reply = draft_answers.receipt(session, cookie, now)
    digits = "".join(character for character in "".join(form.get("last_four", [])) if character.isdecimal())
    if reply is not None and digits and int(digits) != int(reply["receipt"][-4:]):
        return RedirectResponse(f"/{lang}/sent?mistyped=1", 303)
    then = GOES_ON.get(field_value(form, "then"))
    if reply is None and then and visits.number(session, cookie, now) is not None:
        return RedirectResponse(f"/{lang}/{then}", 303)
    drafts.drop(session, cookie)
    if reply is not None and then and cookie is not None:  # under the same cookie: a second click finds the visit
        visits.begin(session, cookie, receipts.parse(reply["receipt"]), now, settings.draft_idle)
        return RedirectResponse(f"/{lang}/{then}", 303)
    response = RedirectResponse(f"/{lang}/goodbye", 303)
    delete_cookie(response, settings)
    return response


@router.get("/sent/reminder.ics")
def reminder(lang: Lang, cookie: Cookie, now: Now, directory: Directory, session: ReadDb) -> Response:
    """The dates of the calendar, as long as the number is shown. They are those of `calendar_file.reminder`."""
    reply = draft_answers.receipt(session, cookie, now)
    if reply is None:
        return RedirectResponse(f"/{lang}/", 303)
    further = (date.fromisoformat(day["last_safe_day"]) for day in (reply.get("deadline") or {}).get("further", ()))
    days = (_last_safe_day(reply), _due_on(reply, directory, now), *further)
    return calendar_file.file(days, runs.local_date(directory, reply["country"], now), lang, now)


def _last_safe_day(reply: dict[str, Any]) -> date | None:
    deadline = reply.get("deadline")
    return date.fromisoformat(deadline["last_safe_day"]) if deadline else None


def _due_on(reply: dict[str, Any], directory: Packs, now: datetime) -> date:
    """The day by which we aim to look at the request."""
    return filing.due_on(reply["urgency"], _last_safe_day(reply), now, time_zone(directory.country(reply["country"])))


def _turn_to_a_centre_from(reply: dict[str, Any], directory: Packs, now: datetime) -> date:
    """The day after the one by which we aim to look at the request."""
    return max(_due_on(reply, directory, now), runs.local_date(directory, reply["country"], now)) + timedelta(days=1)


def receipt_page(
    lang: str,
    reply: dict[str, Any],
    directory: Packs,
    keys: KeyRing,
    now: datetime,
    *,
    mistyped: bool = False,
    notice: str = "",
    here: str | None = "sent",
) -> HTMLResponse:
    """Show the number, what happens next, and what the person can do while they wait.

    `here` is None when the page cannot be requested again; then no other language is offered, so that the number is not lost.
    """
    reworded = wording.of_facts(reply)
    code_names = CodeNames(lang, directory, reworded)
    words = code_names.translator
    today, last_day = runs.local_date(directory, reply["country"], now), _last_safe_day(reply)
    return page(
        "person/receipt.html",
        lang,
        status=422 if mistyped else 200,
        reworded=reworded,
        reply=reply,
        need_results=needs_list.results_of_reply(reply, directory, code_names),
        deadline=letter.of_reply(reply, code_names, directory, now),
        contacts=directory.urgent_contacts(
            reply["country"],
            urgent_contacts.lines_needed(reply.get("needs", ()), reply.get("helps", ())),
            status="no_status" if reply.get("no_status") else None,
        )
        if reply["urgency"] == "emergency"
        else (),
        candidates=[
            centre_cards.card_of(
                candidate["organisation"],
                candidate["name"],
                directory,
                words,
                said=[reason.get("key", "") for reason in candidate["reasons"]],
                reasons=[_in_words(reason, code_names) for reason in candidate["reasons"]],
            )
            for candidate in most_pressing_first(
                (candidate for candidate in reply["candidates"] if candidate["verified"]),
                (need["services"] for need in reply.get("by_need", ())) if reply.get("deadline") else (),
                lambda candidate: str(candidate.get("service", "")),
            )
        ],
        waiting=waiting_advice.while_you_wait(
            reply["country"],
            reply.get("needs", ()),
            reply.get("letter"),
            directory,
            code_names,
            from_day=_turn_to_a_centre_from(reply, directory, now),
            has_deadline=bool(reply.get("deadline")),
            at_once=reply["urgency"] == "emergency",
            is_over=last_day is not None and last_day < today,
            no_status=bool(reply.get("no_status")),
        ),
        next_steps=next_steps.sentences(reply, today, words),
        elsewhere=elsewhere_pages.about_the_place(reply["country"], reply.get("region"), lang, words),
        mistyped=mistyped,
        notice=notice,
        csrf=csrf.new_token(keys, now, csrf.UNBOUND),
        here=here,
    )


def _in_words(stored: Mapping[str, Any], code_names: CodeNames) -> str:
    """A reason of the stored reply, in the language of the page; one of a former version was stored in words."""
    return in_sentence(Reason(stored["key"], stored["params"]), code_names) if "params" in stored else stored["text"]
