"""Every route of the desk and the partner's page, by every role, on a case of one's own, another's, a deleted and no case.

The list of routes is read from the app, so a new one is tested from its first day; what each policy allows is written out here
a second time, by hand.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from fastapi.routing import APIRoute

from app.cases import sealed_parts, transitions
from app.cases.states import CaseVerb
from app.casework import referral_actions
from app.core import kill_switch
from app.core.db import Database
from app.referrals.actors import ActorRef
from app.referrals.models import Referral
from app.referrals.states import ReferralActor, ReferralVerb
from app.staff.models import Member
from app.web.account.policies import RequiresRole, anyone, anyone_with_file, policies
from tests.support.desk import ONE, Browser, StaffSite, running

ROLES = {
    "vera": "coordinator",
    "sofia": "senior",
    "outsider": "coordinator",
    "partner": "partner",
    "other-partner": "partner",
    "auditor": "auditor",
    "admin": "admin",
}
OPEN = {
    ("/desk/sign-in", "GET"),
    ("/desk/sign-in", "POST"),
    ("/desk/join", "GET"),
    ("/desk/join", "POST"),
    ("/desk/join/finish", "POST"),
    ("/desk/language", "POST"),
}
BY_LINK = {
    ("/partner/link/{lang}/{token}", "GET"),
    ("/partner/link/{lang}", "GET"),
    ("/partner/link/{lang}", "POST"),
    ("/partner/link/{lang}/words", "POST"),
    ("/partner/link/{lang}/answer", "POST"),
    ("/partner/link/{lang}/quality", "POST"),
    ("/partner/link/{lang}/end", "POST"),
    ("/partner/link/{lang}/documents", "POST"),
    ("/partner/link/{lang}/documents/ask", "POST"),
    ("/partner/link/{lang}/documents/{document}", "POST"),
    ("/partner/link/{lang}/documents/{document}/original", "POST"),
    ("/partner/link/{lang}/documents/{document}/remove", "POST"),
}
"""These open with a link and its code alone, whoever is signed in; without them there is nothing (test_partner_link.py)."""
OPEN |= BY_LINK
EVERYBODY = {("/desk/sign-out", "POST")}
# Beginnings of paths that are not for coordinators and seniors alone; the longest that fits counts.
ROLES_OF = {
    "/desk/me": {"coordinator", "senior", "auditor", "admin", "partner"},
    "/desk/members": {"coordinator", "senior", "admin"},
    "/desk/proposals": {"coordinator", "senior", "auditor", "admin"},
    "/desk/audit": {"auditor", "admin"},
    "/desk/operations": {"senior", "auditor", "admin"},
    "/desk/freeze": {"senior", "admin"},
    "/desk/unfreeze": {"senior", "admin"},
    "/desk/honeytokens": {"admin"},
    "/desk/directory/package": {"senior", "admin"},
    "/desk/import": {"senior"},
    "/desk/clients": {"admin"},
    "/desk/teams": {"senior", "admin"},
    "/desk/teams/key": {"admin"},
}
# These would end or change who is asking next; they are tried in test_desk_me.py and test_desk_members.py.
CHANGES_PEOPLE = {
    "/desk/sign-out",
    "/desk/me/sessions/end-others",
    "/desk/members/{member}/deactivate",
    "/desk/members/{member}/role",
    "/desk/freeze",
}
RULES = "/desk/rules"
REPORTS = {"/desk/reports", "/desk/reports/published"}
"""Pages that auditors and admins read too."""
BY_ID = ("{pause}", "{edit}", "{appointment}", "{document}", "{window}")
"""There is none of these here."""


NOBODYS = "00000000-0000-4000-8000-000000000000"


@dataclass
class Opened:
    office: StaffSite
    places: dict[str, dict[str, str]] = field(default_factory=dict)
    browsers: dict[str, Browser] = field(default_factory=dict)
    csrf: dict[str, str] = field(default_factory=dict)


def our_routes(app: Any) -> list[tuple[APIRoute, str]]:
    found = []
    for route in app.router.routes if hasattr(app, "router") else []:
        found += _routes_in(route)
    return found


def _routes_in(route: Any) -> list[tuple[APIRoute, str]]:
    if isinstance(route, APIRoute):
        if route.path_format.startswith(("/desk", "/partner")):
            return [(route, method) for method in sorted(route.methods - {"HEAD"})]
        return []
    below = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None) or []
    return [pair for inner in below for pair in _routes_in(inner)]


@pytest.fixture(scope="module")
def opened(kept_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with running(kept_database, tmp_path_factory.mktemp("policy")) as office:
        made = Opened(office)
        own, _receipt = office.file()
        deleted, _receipt = office.file()
        referral = _offer(office, own)
        _erase(office, deleted)
        georgian, _receipt = office.file(country="GE", region=None, consent={"mode": "ask_first"})
        made.places = {
            "own team": {"label": own, "referral": referral, "verb": "withdraw", "member": "pavel"},
            "other team": {"label": georgian, "referral": "R-000-0000", "verb": "withdraw", "member": "outsider"},
            "deleted": {"label": deleted, "referral": "R-000-0000", "verb": "withdraw", "member": ""},
            "unknown": {"label": "000-0000", "referral": "R-000-0000", "verb": "withdraw", "member": ""},
        }
        for place in made.places.values():
            place["member"] = _member(office, place["member"])
        for name in ROLES:
            browser = made.browsers[name] = office.as_(name)
            page = browser.get("/desk/me")
            made.csrf[name] = page.form("/desk/sign-out")["csrf"]
        yield made


def _member(office: StaffSite, name: str) -> str:
    with office.database.begin(write=False) as session:
        found = session.scalar(sa.select(Member.id).where(Member.name == name))
        return str(found or uuid4())


def _offer(office: StaffSite, label: str) -> str:
    by = ActorRef(ReferralActor.COORDINATOR, None)
    with office.database.begin() as session:
        case = transitions.locked(session, office.case(label).id)
        draft = referral_actions.create(session, office.keys, case, f"{ONE}/legal-help", by=by, now=office.time.at)
        referral_actions.advance(session, draft.id, ReferralVerb.OFFER, by=by, now=office.time.at)
        return str(session.scalar(sa.select(Referral.label).where(Referral.id == draft.id)))


def _erase(office: StaffSite, label: str) -> None:
    with office.database.begin() as session:
        case = transitions.locked(session, office.case(label).id)
        sealed_parts.destroy(session, case.id)
        case.facts, case.receipt_id = None, None
        transitions.move(session, case, CaseVerb.ERASE, actor_kind="person", actor_id=None, now=office.time.at)


def expected(path: str, method: str, name: str, place: str) -> set[int]:
    """What the declared policy means. 2xx and 3xx: let in; 409, 412, 422: let in, and the act refused."""
    let_in = {200, 303, 409, 412, 422}
    role = ROLES[name]
    if (path, method) in BY_LINK:
        return {404}
    if path == "/desk/language":
        return {303}  # it sets a cookie of this browser, for its pages before the sign-in
    if (path, method) in OPEN:
        return {200, 401, 403} if method == "POST" else {200}
    if (path, method) in EVERYBODY:
        return {303}
    declared = max((start for start in ROLES_OF if path.startswith(start)), key=len, default=None)
    if declared:
        return _upkeep(path, name, place) if role in ROLES_OF[declared] else {403}
    if path in REPORTS and role in {"auditor", "admin"}:
        return {200}
    if path.startswith("/partner"):
        if role != "partner":
            return {403}
        if "{member}" in path or "{proposal}" in path:
            return {404}  # all four are people of the network
        if any(part in path for part in BY_ID) or path == "/partner/services/propose":
            return {404}
        if path.startswith("/partner/services/") and path != "/partner/services/pause-all":
            return let_in if name == "partner" else {404}  # the service of the form is the first one's
        if "{label}" not in path:
            return let_in
        return let_in if name == "partner" and place == "own team" else {404}
    if path.startswith((RULES, "/desk/coverage")):
        writes = method == "POST" or path in {f"{RULES}/new", f"{RULES}/form"}
        may = {"senior", "admin"} if writes else {"coordinator", "senior", "auditor", "admin"}
        return {404 if "{" in path else 200, 422} if role in may else {403}
    if role not in {"coordinator", "senior"}:
        return {403}
    if "{view_id}" in path:
        return {404}  # nobody has kept a view here
    if "{task}" in path or "{message}" in path or "{reply}" in path:
        return {404}  # what is filled in is the id of nothing
    if any(part in path for part in BY_ID) or path == "/desk/directory/as-pack":
        return {404}
    if "{label}" not in path:
        return let_in
    if "{referral}" in path and name == "outsider":
        return {404}  # the other team's case has no referral
    mine = "other team" if name == "outsider" else "own team"
    return let_in if place == mine else {404}


def _upkeep(path: str, name: str, place: str) -> set[int]:
    """Of the pages about members and operations. A proposal, session or passkey of these ids is nobody's.

    What a role may do for whom within these pages is tried in test_desk_members.py: here a 403 is as good as being let in.
    """
    let_in = {200, 303, 403, 409, 422}
    if "{proposal}" in path or "{passkey_id}" in path:
        return {404}
    if path.startswith(("/desk/clients/", "/desk/teams/")):
        return {404}  # the form names no program, no team
    if "{member}" not in path:
        return let_in
    if ROLES[name] == "admin":
        return let_in if place in {"own team", "other team"} else {404}
    mine = "other team" if name == "outsider" else "own team"
    return let_in if place == mine else {404}


def fill(path: str, place: dict[str, str]) -> str:
    label = place["referral"] if path.startswith("/partner") else place["label"]
    verb = "acknowledge" if path.startswith("/partner/referrals") else place["verb"]
    path = path.replace("{lang}", "en").replace("{token}", "x" * 43)
    for name in ("{proposal}", "{passkey_id}"):
        path = path.replace(name, place["member"])
    path = path.replace("{member}", place["member"]).replace("{session_id}", "00" * 32)
    path = (
        path.replace("{proposal_id}", NOBODYS)
        .replace("{filed_id}", NOBODYS)
        .replace("{slug}", ONE)
        .replace("{pause}", NOBODYS)
        .replace("{edit}", NOBODYS)
        .replace("{appointment}", NOBODYS)
        .replace("{window}", NOBODYS)
        .replace("{document}", NOBODYS)
        .replace("{view_id}", NOBODYS)
        .replace("{reply}", NOBODYS)
        .replace("{slot}", "1")
    )
    if path.startswith(("/desk/directory", "/desk/rules")):
        verb = "publish"
    return path.replace("{label}", label).replace("{referral}", place["referral"]).replace("{verb}", verb)


def test_every_route_declares_exactly_one_policy(opened: Opened) -> None:
    routes = our_routes(opened.office.app)
    assert len(routes) >= 20
    for route, method in routes:
        found = set(policies(route.dependant))
        assert len(found) == 1, f"{method} {route.path_format}: {found}"
        (policy,) = found
        if (route.path_format, method) in OPEN:
            assert policy in {anyone, anyone_with_file}
        else:
            assert isinstance(policy, RequiresRole)
            assert policy.roles


def test_each_route_answers_each_role_as_declared(opened: Opened) -> None:
    """Versions are never right here, so that no act goes through and changes what the next one finds."""
    wrong = []
    read: dict[tuple[str, str], int] = {}  # by who asked and address: the same question is asked once
    for route, method in our_routes(opened.office.app):
        if route.path_format in CHANGES_PEOPLE:
            continue
        for name in ROLES:
            for place, given in opened.places.items():
                path = fill(route.path_format, given)
                if path.endswith("/refer") and method == "GET":
                    country = "ge-gyla/legal-help" if place == "other team" else f"{ONE}/legal-help"
                    path += f"?service={country}"
                if path == "/desk/directory/edit" and method == "GET":
                    path += f"?subject={ONE}&name=city"
                if path == "/desk/directory/fields" and method == "GET":
                    path += f"?subject={ONE}"
                if path == "/desk/rules/form" and method == "GET":
                    path += f"?service={ONE}/legal-help"
                browser = opened.browsers[name]
                fields = {
                    "csrf": opened.csrf[name],
                    "version": "99999",
                    "text": "x",
                    "purpose": "answer",
                    "verb": "advise",
                    "into": given["label"],
                    "act": "assign",
                    "case": f"{given['label']}:99999",
                    "service": "ge-gyla/legal-help"
                    if path.endswith("/refer/look") and place == "other team"
                    else f"{ONE}/legal-help",
                    "saved": "letter_date",
                    "subject": ONE,
                    "name": "source",
                }
                if method == "POST":
                    status = browser.post(path, fields).status
                elif (name, path) in read:  # an address without a place in it
                    status = read[name, path]
                else:
                    status = read[name, path] = browser.get(path).status
                allowed = expected(route.path_format, method, name, place)
                if status not in allowed and not (path.startswith("/desk/cases") and "service=ge" in path):
                    wrong.append((method, path, name, place, status, sorted(allowed)))
    assert not wrong, "\n".join(map(str, wrong))


def test_without_signing_in_nothing_opens(opened: Opened) -> None:
    for route, method in our_routes(opened.office.app):
        if (route.path_format, method) in OPEN:
            continue
        path = fill(route.path_format, opened.places["own team"])
        browser = opened.office.browser()
        if method == "GET":
            page = browser.get(path)
            assert page.status == 303, path
            assert page.location.startswith("/desk/sign-in?next="), path
        else:
            assert browser.post(path, {"version": "1"}).status == 401, path


def test_without_the_token_of_the_session_no_form_acts(opened: Opened) -> None:
    for route, method in our_routes(opened.office.app):
        if method != "POST" or (route.path_format, method) in OPEN:
            continue
        name = "partner" if route.path_format.startswith("/partner") else "vera"
        if any(route.path_format.startswith(start) and "coordinator" not in roles for start, roles in ROLES_OF.items()):
            name = "admin"
        if route.path_format.startswith((RULES, "/desk/import")):
            name = "sofia"
        path = fill(route.path_format, opened.places["own team"])
        for csrf in ("", "0" * 64, opened.csrf["vera" if name == "sofia" else "sofia"]):
            page = opened.browsers[name].post(path, {"csrf": csrf, "version": "1"})
            assert page.status == 409, (path, page.status)
            assert "before you last signed in" in page.words()


EVEN_FROZEN = ("/partner/members", "/partner/proposals")
"""Where members of partners see and stop changes of who may sign in: the switch does not close these."""


def test_the_switch_closes_every_page_of_partners_that_reads(opened: Opened) -> None:
    _freeze(opened.office, on=True)
    try:
        browser, open_still, closed = opened.browsers["partner"], set(), 0
        for route, method in our_routes(opened.office.app):
            path = route.path_format
            if not path.startswith("/partner") or (path, method) in BY_LINK or path in CHANGES_PEOPLE:
                continue
            data = {"data": {"csrf": opened.csrf["partner"]}} if method == "POST" else {}
            answer = browser.send(method, fill(path, opened.places["own team"]), **data)
            if answer.status == 503:
                assert "Partner access is stopped" in answer.words(), path
                closed += 1
            else:
                open_still.add(path)
        assert closed >= 20
        assert [path for path in sorted(open_still) if not path.startswith(EVEN_FROZEN)] == []
        assert opened.browsers["vera"].get("/desk/").status == 200
    finally:
        _freeze(opened.office, on=False)


def _freeze(office: StaffSite, *, on: bool) -> None:
    with office.database.begin() as session:
        kill_switch.set_switch(session, kill_switch.FREEZE, on=on, by=None, now=office.time.at)


def test_unknown_and_other_teams_cases_look_alike(opened: Opened) -> None:
    browser = opened.browsers["vera"]
    answers = [
        browser.get(f"/desk/cases/{opened.places[place]['label']}") for place in ("other team", "deleted", "unknown")
    ]
    assert {page.status for page in answers} == {404}
    assert len({page.text for page in answers}) == 1
