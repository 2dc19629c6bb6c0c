"""The person makes a code on their page; whoever they give it to opens their own words with it, without an account."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response

from app.cases.models import Part
from app.casework import shown_codes
from app.core.dependencies import Db, Keys, Now
from app.directory.packs import Directory as Packs
from app.links import codes
from app.matching import deadlines
from app.matching.code_names import CodeNames
from app.web.components import csrf
from app.web.components.forms import field_value
from app.web.components.rendering import page
from app.web.person import visits
from app.web.person.dependencies import Config, Cookie, Directory, Form, Lang, anyone

router = APIRouter(dependencies=[Depends(anyone)])


@router.post("/case/code")
def make_code(lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, settings: Config, session: Db) -> Response:
    """Make a code, or stop the one there is. The digits are shown on the next page, while this visit lasts."""
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None or cookie is None or opened.case.closed_at is not None:
        return RedirectResponse(f"/{lang}/case", 303)
    if field_value(form, "stop") == "yes":
        shown_codes.stop(session, opened.case, now)
        visits.keep(session, cookie, now, settings.draft_idle, shown_code=None)
        return RedirectResponse(f"/{lang}/case", 303)
    visits.keep(session, cookie, now, settings.draft_idle, shown_code=shown_codes.make(session, opened, keys, now))
    return RedirectResponse(f"/{lang}/case/code", 303)


@router.get("/case/code")
def show_code(
    lang: Lang, cookie: Cookie, now: Now, keys: Keys, directory: Directory, settings: Config, session: Db
) -> Response:
    """Show the code of this visit, and what it opens."""
    opened = visits.case_of_visit(session, cookie, keys, now)
    code = visits.kept(session, cookie, now, "shown_code")
    row = shown_codes.of_case(session, opened.case, now) if opened is not None else None
    if opened is None or row is None or not code:
        return RedirectResponse(f"/{lang}/case", 303)
    zone = deadlines.time_zone(directory.country(opened.case.country))
    return page(
        "person/code.html",
        lang,
        code=codes.grouped(code),
        address=f"{settings.base_url}/{lang}/show",
        until=CodeNames(lang, directory).translator.moment(row.expires_at, zone),
        left=row.openings_left,
        csrf=csrf.new_token(keys, now, csrf.of_visit(cookie)),
        here="case/code",
    )


@router.get("/show")
def ask_for_code(lang: Lang) -> Response:
    """Ask for a code. Opens and changes nothing."""
    return page("person/show.html", lang, shown=None, error=False, here="show")


@router.post("/show")
def open_with_code(lang: Lang, form: Form, now: Now, keys: Keys, directory: Directory, session: Db) -> Response:
    """Open what a code opens, on this page alone; it is not kept in the browser."""
    found = shown_codes.open_case(session, keys, field_value(form, "code"), now)
    if found is None:
        return page("person/show.html", lang, status=422, shown=None, error=True, here="show")
    return page("person/show.html", lang, shown=_in_words(found, lang, directory, now), error=False, here="show")


def _in_words(found: shown_codes.ShownCase, lang: str, directory: Packs, _now: datetime) -> dict[str, Any]:
    names, case = CodeNames(lang, directory), found.case
    by_part = {part.part: part.content for part in found.parts}
    persecution = {entry.code: entry.label for entry in directory.persecution}
    return {
        "needs": names.names("need", case.needs),
        "country": names.name("country", case.country),
        "languages": names.names("language", case.languages) if case.languages else "",
        "deadline": names.translator.date(case.last_safe_day) if case.last_safe_day else "",
        "is_known": case.deadline_certainty not in {None, "assumed"},
        "story": (by_part.get(Part.STORY) or {}).get("story", ""),
        "happened": [
            names.text(persecution.get(code, code)) for code in (by_part.get(Part.HAPPENED) or {}).get("codes", ())
        ],
    }
