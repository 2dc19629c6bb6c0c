"""The desk in process: two teams, four people who sign in, partners with keys of their own, and a browser that keeps cookies."""

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID

import httpx
import pyotp
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy.orm import Session

from app.cases.models import Case
from app.casework import filing
from app.core import keyholders
from app.core.db import Database
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.directory import loader as directory_service
from app.directory.packs import load_packs
from app.intake.receipts import Receipt
from app.intake.schemas import Intake
from app.settings import Settings
from app.staff import service as staff
from app.staff import sessions
from app.staff.models import Role, StaffSession
from tests.support.founding import found
from tests.support.serving import InProcess, in_process
from tests.support.surfaces import create_surfaces

START: Final = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
PASSPHRASE: Final = "correct horse battery staple"
ONE, TWO, UNCONNECTED = "pl-hfhr", "pl-sip", "pl-ocalenie"
STORY, NAME, ADDRESS = "zinnober-story-of-mine", "zinnober-name", "+48 600 111 222"


@dataclass
class Time:
    at: datetime = START

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Page:
    """An answer, read as a page."""

    response: httpx.Response

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def text(self) -> str:
        return self.response.text

    @property
    def tree(self) -> LexborHTMLParser:
        return LexborHTMLParser(self.response.text)

    @property
    def location(self) -> str:
        return str(self.response.headers.get("location", ""))

    def did(self, what: str) -> bool:
        """Whether this sends on to where it is said that this was done."""
        return self.status == 303 and f"done={what}" in self.location.replace("?", "&").split("&")

    def words(self) -> str:
        body = self.tree.body
        return re.sub(r"\s+", " ", body.text() if body else "")

    def form(self, action: str) -> dict[str, str]:
        """The hidden and typed fields of the form with this action, as a browser would send them.

        Where several actions share a form, each button has an address of its own, and `with` says what it acts on.
        """
        button = self.button(action)
        found = self.tree.css_first(f'form[action="{action}"]') or (_form_of(self.tree, button) if button else None)
        assert found is not None, f"no form {action}"
        fields = {}
        if button is not None and button.attributes.get("name"):
            fields[str(button.attributes["name"])] = str(button.attributes.get("value") or "")
        for node in found.css("input[name], textarea[name], select[name]"):
            kind = node.attributes.get("type")
            if kind in {"radio", "checkbox"} and "checked" not in node.attributes:
                continue
            fields[str(node.attributes["name"])] = _value(node)
        return fields

    def button(self, action: str) -> Any:
        """The button with this address of its own, whatever fragment it names; None if there is none."""
        found = [
            node
            for node in self.tree.css("button[formaction]")
            if str(node.attributes["formaction"]).partition("#")[0] == action
        ]
        return found[0] if found else None


def _form_of(tree: LexborHTMLParser, button: Any) -> Any:
    if name := button.attributes.get("form"):
        return tree.css_first(f"form#{name}")
    node = button.parent
    while node is not None and node.tag != "form":
        node = node.parent
    return node


def _value(node: Any) -> str:
    if node.tag == "textarea":
        return str(node.text()).removeprefix("\n")
    if node.tag == "select":
        chosen = node.css_first("option[selected]") or node.css_first("option")
        return str(chosen.attributes.get("value", "")) if chosen else ""
    return str(node.attributes.get("value") or "")


@dataclass
class Browser:
    """Somebody's browser: keeps cookies, follows nothing by itself."""

    http: InProcess
    cookies: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, **rest: Any) -> Page:
        headers = dict(rest.pop("headers", {}))
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = self.http.request(method, path, headers=headers, **rest)
        for header in response.headers.get_list("set-cookie"):
            name, _, value = header.split(";")[0].partition("=")
            gone = "max-age=0" in header.lower()
            self.cookies.pop(name, None) if gone else self.cookies.__setitem__(name, value.strip('"'))
        return Page(response)

    def get(self, path: str, **rest: Any) -> Page:
        return self.send("GET", path, **rest)

    def post(self, path: str, data: dict[str, str], **rest: Any) -> Page:
        """Send a form. Sent once more to where a 307 names, as browsers do without asking."""
        page = self.send("POST", path, data=data, **rest)
        return self.post(page.location, data, **rest) if page.status == 307 else page

    def submit(self, page: Page, action: str, **typed: str) -> Page:
        """Fill the form of a page in and send it. A field `reason@R-1`, which belongs to this action, may be named `reason`."""
        fields = page.form(action)
        acted_on = parse_qs(fields.get("with", "")).get("of", [""])[0]
        own = {name: f"{name}@{acted_on}" for name in typed if f"{name}@{acted_on}" in fields}
        return self.post(action, {**fields, **{own.get(name, name): value for name, value in typed.items()}})


@dataclass
class StaffSite:
    """The staff surfaces in process: desk, partner and account, with two teams and the people who sign in."""

    app: FastAPI
    http: InProcess
    database: Database
    keys: KeyRing
    time: Time
    secrets: dict[str, str]

    def later(self, **by: float) -> None:
        self.time.at += timedelta(**by)

    def browser(self) -> Browser:
        return Browser(self.http)

    def code(self, name: str) -> str:
        return pyotp.TOTP(self.secrets[name]).at(self.time.at)

    def sign_in(self, who: str, browser: Browser | None = None, **changed: str) -> Page:
        """Go through the form of the sign-in."""
        browser = browser or self.browser()
        page = browser.get("/desk/sign-in")
        typed = {"name": who, "passphrase": PASSPHRASE, "code": self.code(who), **changed}
        return browser.submit(page, "/desk/sign-in", **typed)

    def as_(self, name: str) -> Browser:
        """A browser in which this person is signed in: without the form, but by true rows."""
        browser = self.browser()
        with self.database.begin() as session:
            member = session.scalars(sa.select(staff.Member).where(staff.Member.name == name)).one()
            seed = _seed(name)
            secret = sessions.start(session, member, seed, self.time.at)
        browser.cookies["__Host-staff" if self.https else "staff"] = secret
        return browser

    @property
    def https(self) -> bool:
        return str(self.app.state.settings.base_url).startswith("https:")

    def sessions(self) -> int:
        with self.database.begin(write=False) as session:
            return session.scalar(sa.select(sa.func.count()).select_from(StaffSession)) or 0

    def file(self, **answers: Any) -> tuple[str, Receipt]:
        """A case by its label, and the person's number."""
        with self.database.begin() as session:
            filed = filing.file_intake(
                session,
                Intake.model_validate(intake(**answers)),
                keys=self.keys,
                directory=load_packs(),
                now=self.time.at,
            )
            return filed.label, filed.receipt

    def case(self, label: str) -> Case:
        with self.database.begin(write=False) as session:
            case = session.scalars(sa.select(Case).where(Case.label == label)).one()
            session.expunge(case)
            return case

    def statements(self) -> "Counter":
        return Counter(self.app.state.database)


class Counter:
    """Counts the statements that go to the database."""

    def __init__(self, database: Database) -> None:
        self._engine = database.engine
        self.seen: list[str] = []

    def __enter__(self) -> "Counter":
        sa.event.listen(self._engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_problem: object) -> None:
        sa.event.remove(self._engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.seen.append(statement)

    @property
    def count(self) -> int:
        return len(self.seen)


def intake(**answers: Any) -> dict[str, Any]:
    """Somebody in Poland who asks for asylum and agreed to one centre."""
    return {
        "language": "ru",
        "for_whom": "self",
        "needs": ["asylum"],
        "how_soon": "week",
        "country": "PL",
        "region": "PL-14",
        "speak": ["ru"],
        "story": STORY,
        "answer_by": {"channel": "signal", "address": ADDRESS, "good_times": "evening"},
        "call_me": NAME,
        "consent": {"mode": "named", "organisations": [ONE]},
        "status": "asylum_seeker",
        "happened": [],
        **answers,
    }


@contextmanager
def running(database: Database, var: Path, **settings: Any) -> Iterator[StaffSite]:
    founded, time = found(database, founded_office), Time()
    keys = copy.deepcopy(founded.keys)
    base_url = settings.pop("base_url", "http://pristan.test")
    app = create_surfaces(
        Settings(var=var, worker_in_web=False, base_url=base_url, **settings), database=database, keys=keys, clock=time
    )
    with in_process(app) as http:
        yield StaffSite(app, http, database, keys, time, dict(founded.secrets))


@dataclass(frozen=True)
class Founded:
    """The service's keys, and what each member's authenticator holds."""

    keys: KeyRing
    secrets: dict[str, str]


@lru_cache
def _pair(name: str) -> KeyPair:
    return KeyPair.generate()


def _seed(name: str) -> bytes:
    return _pair(name).seed


def founded_office(database: Database) -> Founded:
    """Teams, people and partner organisations."""
    keys = KeyRing.generate(START.date())
    with database.begin() as session:
        return Founded(keys, _add_everybody(session, keys))


def _add_everybody(session: Session, keys: KeyRing) -> dict[str, str]:
    directory_service.upsert(session, load_packs(), START)
    _team, poland, poland_seed = staff.add_team(session, "pl", "Poland", ["PL"], START)
    _team, georgia, georgia_seed = staff.add_team(session, "ge", "Georgia", ["GE"], START)
    organisations = {}
    for slug in (ONE, TWO):
        pair = KeyPair.generate()
        key = keyholders.register(session, OwnerKind.ORGANISATION, named_id("organisation", slug), pair.public, START)
        organisations[slug] = (key, pair.seed)
    secrets = {}
    places: dict[str, tuple[Role, Any, UUID | None, UUID | None]] = {
        "vera": (Role.COORDINATOR, (poland, poland_seed), poland.owner_id, None),
        "pavel": (Role.COORDINATOR, (poland, poland_seed), poland.owner_id, None),
        "sofia": (Role.SENIOR, (poland, poland_seed), poland.owner_id, None),
        "outsider": (Role.COORDINATOR, (georgia, georgia_seed), georgia.owner_id, None),
        "partner": (Role.PARTNER, organisations[ONE], None, named_id("organisation", ONE)),
        "other-partner": (Role.PARTNER, organisations[TWO], None, named_id("organisation", TWO)),
        "auditor": (Role.AUDITOR, None, None, None),
        "admin": (Role.ADMIN, None, None, None),
    }
    for name, (role, held, team_id, organisation_id) in places.items():
        new = staff.add_member(
            session, keys, name, role, PASSPHRASE, START, team_id=team_id, organisation_id=organisation_id
        )
        secrets[name] = new.totp_secret
        new.key.public_key = _pair(name).public  # the key pair that `as_` signs in with
        if name == "vera":
            _keep_vera(keys, new)
        session.flush()
        if held is not None:
            keyholders.grant(session, held[0], held[1], new.key)
    return secrets


def _keep_vera(keys: KeyRing, new: Any) -> None:
    """Her row opens with the passphrase to the same key pair."""
    kek = staff._kek(keys, PASSPHRASE, new.member.salt)
    new.member.sealed_seed = staff.sealing.encrypt(kek, _seed("vera"), staff._seed_binding(new.member.id))


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Iterator[StaffSite]:
    with running(database, tmp_path / "var") as started:
        yield started
