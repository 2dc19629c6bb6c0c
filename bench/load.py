"""A network to measure, and many made-up cases in it."""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from app.cli import founding
from app.cli.house import migrate
from app.core import keyholders
from app.core.db import Database
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.keyring import KeyRing, load_or_create
from app.core.sealing import KeyPair
from app.directory import service as directory_service
from app.directory.packs import load_packs
from app.intake import schemas, tallies
from app.intake.models import Case
from app.partners import service as partners
from app.referrals import filing, service
from app.referrals.acting import ActorRef
from app.referrals.labels import new_label
from app.referrals.models import Referral
from app.referrals.states import Actor, Verb
from app.staff.models import Role

CENTRE = "pl-hfhr"
PASSPHRASE = "bench-bench-bench-1"  # made for one run, on this machine alone
_BATCH = 2_000
_STATES = ("submitted", "in_review", "referred", "unmet")
_NEEDS = (["asylum"], ["asylum", "appeals"], ["housing"], ["residence_permit", "housing"], ["detention"])
_SPEAK = (["ru"], ["ru", "en"], ["be"], ["uk", "ru"])


@dataclass
class Network:
    url: str
    keys: KeyRing
    database: Database
    team_id: Any
    member: str
    totp_secret: str
    frontend_secret: str
    partner_secret: str
    case_label: str
    referral_id: str


def answers() -> dict[str, Any]:
    return {
        "language": "ru",
        "for_whom": "self",
        "needs": ["asylum", "appeals"],
        "how_soon": "month",
        "country": "PL",
        "region": "PL-14",
        "speak": ["ru"],
        "story": "Выдуманная история для измерения. " * 20,
        "call_me": "Сова",
        "answer_by": {"channel": "signal", "address": "+48 600 000 000"},
        "consent": {"mode": "named", "organisations": [CENTRE]},
        "nationality": "RU",
    }


def found(url: str, var: Path) -> Network:
    """Schema, directory, a team with a coordinator, a connected centre, and one case that was offered to it."""
    database, now = Database(url), datetime.now(UTC)
    keys = load_or_create(var / "keys.json", now.date())
    migrate(database)
    with database.begin() as session:
        directory_service.upsert(session, load_packs(), now)
        founded = founding.found_team(session, "bench", "Bench", ["PL", "GE", "LT", "DE"], now)
        secret = founding.add_coordinator(session, keys, founded, "bench", Role.COORDINATOR, PASSPHRASE, now)
        centre = named_id("organisation", CENTRE)
        keyholders.register(session, OwnerKind.ORGANISATION, centre, KeyPair.generate().public, now)
        frontend = partners.add_client(session, keys, "front", "Front", ["intakes:create"], now)
        partner = partners.add_client(
            session, keys, "partner", "Partner", ["referrals:read", "events:read"], now, organisation_id=centre
        )
        filed = filing.file_intake(
            session, schemas.read(answers(), load_packs(), now.date()), keys=keys, directory=load_packs(), now=now
        )
        by = ActorRef(Actor.COORDINATOR)
        case = session.get_one(Case, filed.case_id)
        referral = service.create(session, keys, case, f"{CENTRE}/legal-help", by=by, now=now)
        service.advance(session, referral.id, Verb.OFFER, by=by, now=now)
        return Network(
            url,
            keys,
            database,
            founded.team_key.owner_id,
            "bench",
            secret,
            frontend,
            partner,
            filed.label,
            str(referral.id),
        )


def fill(network: Network, wanted: int) -> None:
    """Copy routing codes until there are `wanted` open cases; every tenth has a referral the centre has to answer.

    The rows are true to the schema's rules, of mixed needs, languages and states, and the same in every run; their sealed parts
    are left out, for no list reads them. They are loaded past the triggers and counted in the end.
    """
    with _past_the_triggers(network.database):
        _fill(network, wanted)
    with network.database.begin() as session:
        tallies.recount(session)
    _analyse(network.database)


@contextmanager
def _past_the_triggers(database: Database) -> Iterator[None]:
    """Only on PostgreSQL: SQLite can not put them aside, and pays for each row."""
    if database.dialect == "postgresql":
        with database.begin() as session:
            session.execute(sa.text("ALTER TABLE cases DISABLE TRIGGER tally_case"))
    yield
    if database.dialect == "postgresql":
        with database.begin() as session:
            session.execute(sa.text("ALTER TABLE cases ENABLE TRIGGER tally_case"))


def _fill(network: Network, wanted: int) -> None:
    chance = random.Random(wanted)
    with network.database.begin(write=False) as session:
        have = session.scalar(sa.select(sa.func.count()).select_from(Case)) or 0
        case = dict(session.execute(sa.select(Case.__table__).limit(1)).mappings().one())
        referral = dict(session.execute(sa.select(Referral.__table__).limit(1)).mappings().one())
    while have < wanted:
        batch = min(_BATCH, wanted - have)
        cases, referrals = [], []
        for index in range(batch):
            n = have + index
            waiting = case["waiting_since"] - timedelta(hours=n % 1000)
            row = {**case, "id": uuid4(), "label": f"{n:012d}", "receipt_id": None, "waiting_since": waiting}
            row["due_on"] = case["due_on"] + timedelta(days=n % 40)
            row["tier"], row["tier_rank"] = (("emergency", 0), ("urgent", 1), ("normal", 2))[n % 3]
            row["state"] = chance.choice(_STATES)
            row["needs"] = chance.choice(_NEEDS) if n % 1000 else ["statelessness"]
            row["speak"] = chance.choice(_SPEAK)
            row["asked"] = "answer" if row["state"] == "referred" else None
            row["person_wrote"] = n % 500 == 0
            cases.append(row)
            if n % 10 == 0:
                changed = {"id": uuid4(), "label": new_label("R-"), "case_id": row["id"], "updated_at": waiting}
                referrals.append({**referral, **changed})
        with network.database.begin() as session:
            session.execute(sa.insert(Case.__table__), cases)  # type: ignore[arg-type]
            session.execute(sa.insert(Referral.__table__), referrals)  # type: ignore[arg-type]
        have += batch
        print(f"\r  loading {have:,} of {wanted:,}", end="", file=sys.stderr)
    print("\r" + " " * 40 + "\r", end="", file=sys.stderr)


def _analyse(database: Database) -> None:
    if database.dialect == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    else:
        with database.begin() as session:
            session.execute(sa.text("ANALYZE"))
