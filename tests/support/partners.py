"""A small network around the API: one team, two centres with keys of their own, and a trusted front end."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import transitions
from app.cases.models import Case
from app.casework import referral_actions as referrals
from app.core import keyholders
from app.core.db import Database
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.directory import loader as directory_service
from app.directory.packs import Directory, load_packs
from app.partners import oauth_clients as partners
from app.referrals.actors import ActorRef
from app.referrals.commands import TransitionInput
from app.referrals.states import ReferralActor, ReferralVerb
from app.settings import Settings
from app.staff import service as staff
from tests.support.founding import found
from tests.support.serving import InProcess, in_process
from tests.support.surfaces import create_surfaces

START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
MINE, OTHER = "pl-hfhr", "pl-sip"
DESK = ActorRef(ReferralActor.SENIOR, uuid4())


@dataclass
class ApiClient:
    """One program that calls the API."""

    organisation: str | None
    client_id: str
    secret: str
    pair: KeyPair = field(repr=False)

    @property
    def organisation_id(self) -> UUID | None:
        return named_id("organisation", self.organisation) if self.organisation else None


@dataclass
class Time:
    """A clock that stands still until it is turned."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Network:
    """The running service, in process, with a clock that the test turns."""

    http: InProcess
    database: Database
    keys: KeyRing
    clients: dict[str, ApiClient]
    time: "Time"
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def directory(self) -> Directory:
        return load_packs()

    @property
    def now(self) -> datetime:
        return self.time()

    def later(self, **by: float) -> None:
        self.time.at += timedelta(**by)

    def token(self, who: str, scope: str = "") -> str:
        if (who, scope) not in self.tokens:
            program = self.clients[who]
            form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
            answer = self.http.post("/oauth/token", data=form, auth=(program.client_id, program.secret))
            assert answer.status_code == 200, answer.text
            self.tokens[who, scope] = answer.json()["access_token"]
        return self.tokens[who, scope]

    def call(self, method: str, path: str, *, who: str = MINE, scope: str = "", **rest: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(who, scope)}", **rest.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **rest)

    def get(self, path: str, **rest: Any) -> httpx.Response:
        return self.call("GET", path, **rest)

    def file(self, key: str | None = None, **answers: Any) -> httpx.Response:
        """File an intake as the trusted front end."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        return self.call("POST", "/v1/intakes", who="bot", headers=headers, json=intake(**answers))

    def case(self, **answers: Any) -> UUID:
        answer = self.file(**answers)
        assert answer.status_code == 201, answer.text
        with self.database.begin(write=False) as session:
            return session.scalars(sa.select(Case.id).where(Case.label == answer.json()["case"])).one()

    def offer(self, who: str = MINE, case_id: UUID | None = None, **answers: Any) -> str:
        """A referral to one of the centres, offered by the desk. Its id."""
        case_id = case_id or self.case(**answers)
        with self.database.begin() as session:
            case = transitions.locked(session, case_id)
            draft = referrals.create(session, self.keys, case, f"{who}/legal-help", by=DESK, now=self.now)
            referrals.advance(session, draft.id, ReferralVerb.OFFER, by=DESK, now=self.now)
            return str(draft.id)

    def desk(self, referral_id: str, verb: ReferralVerb, **payload: Any) -> None:
        with self.database.begin() as session:
            referrals.advance(
                session, UUID(referral_id), verb, by=DESK, now=self.now, payload=TransitionInput(**payload)
            )

    def act(
        self, referral_id: str, verb: str, *, version: int | None = None, key: str | None = None, **rest: Any
    ) -> httpx.Response:
        """An action of a partner, with the present version unless one is given."""
        who = rest.pop("who", MINE)
        if version is None:
            version = self.get(f"/v1/referrals/{referral_id}", who=who).json()["version"]
        headers = {"If-Match": f'"{version}"', "Idempotency-Key": key or str(uuid4()), **rest.pop("headers", {})}
        path = f"/v1/referrals/{referral_id}/actions/{verb}"
        return self.call("POST", path, who=who, headers=headers, **rest)


def intake(**answers: Any) -> dict[str, Any]:
    """The answers of somebody who asks for asylum in Poland and agreed to both centres."""
    return {
        "language": "ru",
        "for_whom": "self",
        "needs": ["asylum"],
        "how_soon": "week",
        "country": "PL",
        "region": "PL-14",
        "speak": ["ru"],
        "story": "Тестовая история",
        "answer_by": {"channel": "signal", "address": "+48 600 000 000"},
        "call_me": "Анна",
        "consent": {"mode": "named", "organisations": [MINE, OTHER]},
        "helps": ["interpreter"],
        **answers,
    }


@contextmanager
def running(database: Database, var: Path, *, founded: "Founded | None" = None, **settings: Any) -> Iterator[Network]:
    """The service on this database with the little network in it, or with what was `founded` there already."""
    founded, time = founded or found(database, founded_network), Time()
    keys = copy.deepcopy(founded.keys)
    app = create_surfaces(
        Settings(var=var, worker_in_web=False, base_url="https://pristan.test", **settings),
        surfaces={"partner"},
        database=database,
        keys=keys,
        clock=time,
    )
    clients = {name: replace(program) for name, program in founded.clients.items()}
    with in_process(app) as http:
        yield Network(http, database, keys, clients, time, dict(founded.tokens))


@dataclass(frozen=True)
class Founded:
    """The service's keys, and the programs with theirs."""

    keys: KeyRing
    clients: dict[str, ApiClient]
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)


def founded_network(database: Database) -> Founded:
    keys = KeyRing.generate(START.date())
    with database.begin() as session:
        return Founded(keys, _add_everybody(session, keys))


def _add_everybody(session: Session, keys: KeyRing) -> dict[str, ApiClient]:
    directory_service.upsert(session, load_packs(), START)
    staff.add_team(session, "pl", "Poland", ["PL"], START)
    clients = {slug: ApiClient(slug, f"api-{slug}", "", KeyPair.generate()) for slug in (MINE, OTHER)}
    clients["bot"] = ApiClient(None, "helpline-bot", "", KeyPair.generate())
    for program in clients.values():
        scopes = [scope for scope in partners.SCOPES if scope != "intakes:create"]
        program.secret = partners.add_client(
            session,
            keys,
            program.client_id,
            "A test program",
            scopes if program.organisation else ["intakes:create", "referrals:read"],
            START,
            organisation_id=program.organisation_id,
        )
        if program.organisation_id is not None:
            keyholders.register(session, OwnerKind.ORGANISATION, program.organisation_id, program.pair.public, START)
    return clients


@pytest.fixture
def network(database: Database, tmp_path: Path) -> Iterator[Network]:
    with running(database, tmp_path / "var") as started:
        yield started
