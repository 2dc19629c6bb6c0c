"""Every route of the desk and the partner's page, by every role, on a case of one's own, another's, a deleted and no case.

The list of routes is read from the app, so a new one is tested from its first day; what each policy allows is written out here
a second time, by hand.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.routing import APIRoute

from app.core.db import Database
from app.intake import life, vault
from app.intake.states import CaseVerb
from app.referrals import service
from app.referrals.models import Referral
from app.referrals.service import ActorRef
from app.referrals.states import Actor, Verb
from app.web.desk.deps import RequiresRole, anyone, policies
from tests.support.desk import ONE, Browser, DeskHouse, running

ROLES = {
    "vera": "coordinator",
    "sofia": "senior",
    "outsider": "coordinator",
    "partner": "partner",
    "other-partner": "partner",
    "auditor": "auditor",
}
OPEN = {("/desk/sign-in", "GET"), ("/desk/sign-in", "POST")}
NO_VIEW = "00000000-0000-4000-8000-000000000000"
EVERYBODY = {("/desk/sign-out", "POST")}


@dataclass
class Opened:
    office: DeskHouse
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
        if route.path.startswith(("/desk", "/partner")):
            return [(route, method) for method in sorted(route.methods - {"HEAD"})]
        return []
    below = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None) or []
    return [pair for inner in below for pair in _routes_in(inner)]


@pytest.fixture(scope="module")
def opened(_sqlite_template: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    import shutil

    room = tmp_path_factory.mktemp("policy")
    shutil.copyfile(_sqlite_template, room / "pristan.db")
    database = Database(f"sqlite:///{room / 'pristan.db'}")
    with running(database, room / "var") as office:
        made = Opened(office)
        own, _receipt = office.file()
        deleted, _receipt = office.file()
        referral = _offer(office, own)
        _erase(office, deleted)
        georgian, _receipt = office.file(country="GE", region=None, consent={"mode": "ask_first"})
        made.places = {
            "own team": {"label": own, "referral": referral, "verb": "withdraw"},
            "other team": {"label": georgian, "referral": "R-000-0000", "verb": "withdraw"},
            "deleted": {"label": deleted, "referral": "R-000-0000", "verb": "withdraw"},
            "unknown": {"label": "000-0000", "referral": "R-000-0000", "verb": "withdraw"},
        }
        for name in ROLES:
            browser = made.browsers[name] = office.as_(name)
            page = browser.get("/partner/" if "partner" in name else "/desk/")
            made.csrf[name] = page.form("/desk/sign-out")["csrf"]
        yield made
    database.dispose()


def _offer(office: DeskHouse, label: str) -> str:
    by = ActorRef(Actor.COORDINATOR, None)
    with office.database.begin() as session:
        case = life.locked(session, office.case(label).id)
        draft = service.create(session, office.keys, case, f"{ONE}/legal-help", by=by, now=office.time.at)
        service.advance(session, draft.id, Verb.OFFER, by=by, now=office.time.at)
        return str(session.scalar(sa.select(Referral.label).where(Referral.id == draft.id)))


def _erase(office: DeskHouse, label: str) -> None:
    with office.database.begin() as session:
        case = life.locked(session, office.case(label).id)
        vault.destroy(session, case.id)
        case.facts, case.receipt_id = None, None
        life.move(session, case, CaseVerb.ERASE, actor_kind="person", actor_id=None, now=office.time.at)


def expected(path: str, method: str, name: str, place: str) -> set[int]:
    """What the declared policy means. 2xx and 3xx: let in; 409, 412, 422: let in, and the act refused."""
    let_in = {200, 303, 409, 412, 422}
    role = ROLES[name]
    if (path, method) in OPEN:
        return {200, 401, 403} if method == "POST" else {200}
    if (path, method) in EVERYBODY:
        return {303}
    if path.startswith("/partner"):
        if role != "partner":
            return {403}
        if "{label}" not in path:
            return let_in
        return let_in if name == "partner" and place == "own team" else {404}
    if role not in {"coordinator", "senior"}:
        return {403}
    if "{view_id}" in path:
        return {404}  # nobody has kept a view here
    if "{label}" not in path:
        return let_in
    if "{referral}" in path and name == "outsider":
        return {404}  # the other team's case has no referral
    mine = "other team" if name == "outsider" else "own team"
    return let_in if place == mine else {404}


def fill(path: str, place: dict[str, str]) -> str:
    label = place["referral"] if path.startswith("/partner") else place["label"]
    verb = "acknowledge" if path.startswith("/partner") else place["verb"]
    return (
        path.replace("{label}", label)
        .replace("{referral}", place["referral"])
        .replace("{verb}", verb)
        .replace("{view_id}", NO_VIEW)
    )


def test_every_route_declares_exactly_one_policy(opened: Opened) -> None:
    routes = our_routes(opened.office.app)
    assert len(routes) >= 20
    for route, method in routes:
        found = set(policies(route.dependant))
        assert len(found) == 1, f"{method} {route.path}: {found}"
        (policy,) = found
        if (route.path, method) in OPEN:
            assert policy is anyone
        else:
            assert isinstance(policy, RequiresRole)
            assert policy.roles


def test_each_route_answers_each_role_as_declared(opened: Opened) -> None:
    """Versions are never right here, so that no act goes through and changes what the next one finds."""
    wrong = []
    for route, method in our_routes(opened.office.app):
        if route.path in {"/desk/sign-out"}:
            continue
        for name in ROLES:
            for place, given in opened.places.items():
                path = fill(route.path, given)
                if path.endswith("/refer") and method == "GET":
                    country = "ge-gyla/legal-help" if place == "other team" else f"{ONE}/legal-help"
                    path += f"?service={country}"
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
                }
                page = browser.get(path) if method == "GET" else browser.post(path, fields)
                allowed = expected(route.path, method, name, place)
                if page.status not in allowed and not (path.startswith("/desk/cases") and "service=ge" in path):
                    wrong.append((method, path, name, place, page.status, sorted(allowed)))
    assert not wrong, "\n".join(map(str, wrong))


def test_without_signing_in_nothing_opens(opened: Opened) -> None:
    for route, method in our_routes(opened.office.app):
        if (route.path, method) in OPEN:
            continue
        path = fill(route.path, opened.places["own team"])
        browser = opened.office.browser()
        if method == "GET":
            page = browser.get(path)
            assert page.status == 303, path
            assert page.location.startswith("/desk/sign-in?next="), path
        else:
            assert browser.post(path, {"version": "1"}).status == 401, path


def test_without_the_token_of_the_session_no_form_acts(opened: Opened) -> None:
    for route, method in our_routes(opened.office.app):
        if method != "POST" or (route.path, method) in OPEN:
            continue
        name = "partner" if route.path.startswith("/partner") else "vera"
        path = fill(route.path, opened.places["own team"])
        for csrf in ("", "0" * 64, opened.csrf["sofia"]):
            page = opened.browsers[name].post(path, {"csrf": csrf, "version": "1"})
            assert page.status == 409, (path, page.status)
            assert "before you last signed in" in page.words()


def test_unknown_and_other_teams_cases_look_alike(opened: Opened) -> None:
    browser = opened.browsers["vera"]
    answers = [
        browser.get(f"/desk/cases/{opened.places[place]['label']}") for place in ("other team", "deleted", "unknown")
    ]
    assert {page.status for page in answers} == {404}
    assert len({page.text for page in answers}) == 1
