"""Creates a network for measurements, with many made-up cases."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.app_context import migrate
from app.cases.models import Case
from app.casework import filing, referral_actions
from app.core import keyholders
from app.core.db import Database
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.keyring import KeyRing, load_or_create
from app.core.sealing import KeyPair
from app.directory import loader as directory_service
from app.directory.packs import load_packs
from app.intake import schemas
from app.partners import oauth_clients as partners
from app.referrals.actors import ActorRef
from app.referrals.states import ReferralActor, ReferralVerb
from app.staff import team_setup
from app.staff.models import Member, Role
from bench import bulk
from bench.made_up import MOST_ASKED as CENTRE
from bench.made_up import World

PASSPHRASE: Final = "bench-bench-bench-1"  # made for one run, on this machine alone
MEMBER: Final = "bench"
_COLLEAGUES: Final = 11


@dataclass
class Network:
    url: str
    keys: KeyRing
    database: Database
    team_id: UUID
    founded_at: datetime
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
        founded = team_setup.create_team(session, "bench", "Bench", ["PL", "GE", "LT", "DE"], now)
        secret = team_setup.add_coordinator(session, keys, founded, MEMBER, Role.COORDINATOR, PASSPHRASE, now)
        _add_colleagues(session, now)
        centre = named_id("organisation", CENTRE)
        keyholders.register(session, OwnerKind.ORGANISATION, centre, KeyPair.generate().public, now)
        frontend = partners.add_client(session, keys, "front", "Front", ["intakes:create"], now)
        partner = partners.add_client(
            session,
            keys,
            "partner",
            "Partner",
            ["referrals:read", "referrals:write", "events:read"],
            now,
            organisation_id=centre,
        )
        filed = filing.file_intake(
            session, schemas.read(answers(), load_packs(), now.date()), keys=keys, directory=load_packs(), now=now
        )
        by = ActorRef(ReferralActor.COORDINATOR)
        case = session.get_one(Case, filed.case_id)
        referral = referral_actions.create(session, keys, case, f"{CENTRE}/legal-help", by=by, now=now)
        referral_actions.advance(session, referral.id, ReferralVerb.OFFER, by=by, now=now)
        return Network(
            url,
            keys,
            database,
            founded.team_key.owner_id,
            now,
            MEMBER,
            secret,
            frontend,
            partner,
            filed.label,
            str(referral.id),
        )


def _add_colleagues(session: Session, now: datetime) -> None:
    """Owners of the other cases; none of them can sign in."""
    one = dict(session.execute(sa.select(Member.__table__).where(Member.name == MEMBER)).mappings().one())
    rows = [{**one, "id": uuid4(), "name": f"colleague-{n:02}", "created_at": now} for n in range(_COLLEAGUES)]
    session.execute(sa.insert(Member), rows)


def fill(network: Network, wanted: int) -> None:
    """Put in made-up cases until there are `wanted`, with their referrals and the events of these."""
    with network.database.begin(write=False) as session:
        have = session.scalar(sa.select(sa.func.count()).select_from(Case)) or 0
        of_team = sa.select(Member.id, Member.name).where(Member.team_id == network.team_id).order_by(Member.name)
        members = {row.id: row.name for row in session.execute(of_team)}
    world = World.of(network.team_id, members, load_packs(), network.founded_at)
    bulk.fill(network.database, world, range(have, wanted))
