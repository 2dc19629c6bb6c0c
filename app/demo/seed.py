"""Fills an empty database with two teams, three partners with API clients and members, the cases of `stories` and their history."""

import base64
from datetime import datetime, time, timedelta
from typing import Any, Final

import sqlalchemy as sa
import typer
from sqlalchemy.orm import Session

from app.app_context import AppContext
from app.cases.models import Case
from app.casework import coordinator, filing, referral_actions
from app.casework.coordinator import Desk
from app.core import keyholders
from app.core.clock import utc_now
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.demo import history, restricted, sign_ins
from app.demo.sign_ins import new_passphrase
from app.demo.stories import Story, stories
from app.directory import loader as directory_loader
from app.directory.packs import Directory
from app.intake import schemas
from app.messaging import member_settings
from app.messaging.member_settings import MemberSettings
from app.messaging.rules import MemberHours
from app.partners import oauth_clients as partners
from app.partners import sandbox_identity
from app.referrals import queries
from app.referrals.actors import ActorRef
from app.referrals.states import ReferralActor, ReferralVerb
from app.sandbox.service import refill
from app.staff import recovery, rota, team_setup
from app.staff import service as staff
from app.staff.models import Member, Role, Team
from app.staff.rota import Shift
from app.staff.sessions import SignedIn
from app.staff.team_setup import NewTeam

SECOND_TEAM: Final = "GE"
"""The country whose cases the second team takes."""
PARTNERS: Final = ("pl-hfhr", "lt-redcross", "x-kovcheg")
NAMED: Final = ("demo-coordinator", "demo-senior")
"""Who can open the restricted cases of the first team; its third member, `demo-colleague`, sees only that they exist."""
READERS: Final = {"demo-georgia": "ka", "demo-x-kovcheg": "ru"}
"""Who reads the pages in a language of their own; the others take that of the browser."""
ON_CALL: Final = (
    (("demo-coordinator", "demo-senior"), "Europe/Warsaw", (time(0), time(0)), range(7)),
    (("demo-georgia",), "Asia/Tbilisi", (time(9), time(21)), range(5)),
)
"""For each team who is told and on call, in which zone, at which hours of which weekdays (0: Monday)."""
PARTNER_SCOPES: Final = ["referrals:read", "referrals:contact", "referrals:write", "events:read"]


def seed_if_empty(context: AppContext, *, with_history: bool = True, at: datetime | None = None) -> bool:
    """Fill an empty database in one transaction. Returns False if it was not empty.

    Without its history it has only the cases of `stories`, which are made in a second. `at`: the moment
    that its days are counted from; now, if it is not given.
    """
    now = at or utc_now()
    with context.database.begin() as session:
        if session.scalar(sa.select(Team.id).limit(1)) is not None:
            return False
        sign_in_data = _seed(session, context, now, with_history=with_history)
    sign_ins.write_private(sign_ins.path_in(context.settings), sign_in_data)
    return True


def _seed(session: Session, context: AppContext, now: datetime, *, with_history: bool) -> dict[str, Any]:
    keys, directory = context.keys, context.directory
    directory_loader.upsert(session, directory, now)
    countries = [country.code for country in directory.countries if country.code != SECOND_TEAM]
    team = team_setup.create_team(session, "demo", "Demo team", countries, now)
    second_team = team_setup.create_team(session, "demo-second", "Demo team in Georgia", [SECOND_TEAM], now)
    desk = []
    for name, role, founded in (
        ("demo-coordinator", Role.COORDINATOR, team),
        ("demo-senior", Role.SENIOR, team),
        ("demo-colleague", Role.COORDINATOR, team),
        ("demo-georgia", Role.COORDINATOR, second_team),
    ):
        passphrase = new_passphrase()
        secret = team_setup.add_coordinator(session, keys, founded, name, role, passphrase, now)
        desk.append({"name": name, "passphrase": passphrase, "totp_secret": secret, "role": role.value})
    refill(session, keys=keys, directory=directory, now=now)
    for name, role in (("demo-admin", Role.ADMIN), ("demo-auditor", Role.AUDITOR)):
        passphrase = new_passphrase()
        new = staff.add_member(session, keys, name, role, passphrase, now)
        desk.append({"name": name, "passphrase": passphrase, "totp_secret": new.totp_secret, "role": role.value})
    clients = []
    for slug in (*PARTNERS, sandbox_identity.ORGANISATION):
        client, member = _partner(session, keys, slug, now)
        clients.append(client)
        desk.append(member)
    secret = partners.add_client(session, keys, "demo-frontend", "Demo front end", ["intakes:create"], now)
    clients.append(
        {
            "organisation": None,
            "client_id": "demo-frontend",
            "client_secret": secret,
            "scopes": ["intakes:create"],
            "private_key": None,
        }
    )
    with typer.progressbar(list(stories(now.date())), label="Made-up cases") as told:
        for story in told:
            _file_story(session, keys, directory, story, now)
    if with_history:
        desks = dict.fromkeys(countries, _desk_of(session, keys, "demo-coordinator", team, now))
        desks[SECOND_TEAM] = _desk_of(session, keys, "demo-georgia", second_team, now)
        filling = history.fill(session, keys, directory, history.Team(desks), now)
        with typer.progressbar(filling, length=history.CASES, label="Three months of work") as labels:
            for _label in labels:
                session.expire_all()
    _make_tellable(session, keys, now)
    if with_history:
        who_reads = [_member(session, name).id for name in NAMED]
        restricted.fill(session, keys, directory, _desk_of(session, keys, NAMED[0], team, now), who_reads)
    for name, language in READERS.items():
        session.execute(sa.update(Member).where(Member.name == name).values(language=language))
    return {
        "base_url": context.settings.base_url,
        "clients": clients,
        "desk": desk,
        "recovery_key": team.recovery,
        "second_recovery_key": second_team.recovery,
    }


def _make_tellable(session: Session, keys: KeyRing, now: datetime) -> None:
    """Notice addresses of the coordinators, and who is on call. After the history, whose notices are long past.

    One team is covered at every hour; the other has nobody on call at night and at weekends, and its pages say so.
    """
    named = {name: _member(session, name) for names, _zone, _hours, _days in ON_CALL for name in names}
    for names, zone, hours, days in ON_CALL:
        for name in names:
            address = f"{name}@pristan.example"
            settings = MemberSettings(address=address, hours=MemberHours(zone=zone), language=READERS.get(name, "en"))
            member_settings.save(session, keys, named[name].id, settings, version=0, now=now)
        first = named[names[0]]
        assert first.team_id is not None
        shift = Shift(frozenset(days), *hours, tuple(named[name].id for name in names))
        rota.save(session, first.team_id, [shift], zone=zone, by=first.id, version=0, now=now)


def _member(session: Session, name: str) -> Member:
    return session.scalars(sa.select(Member).where(Member.name == name)).one()


def _desk_of(session: Session, keys: KeyRing, name: str, team: NewTeam, now: datetime) -> Desk:
    """A coordinator of a team while the demonstration is made: they hold the team's key by its recovery key."""
    member_id = session.scalars(sa.select(Member.id).where(Member.name == name)).one()
    team_id, recovery_seed = team.team_key.owner_id, recovery.parse_key(team.recovery)
    member = SignedIn(
        member_id, name, Role.COORDINATOR, team_id, None, team.recovery_key.id, recovery_seed, binding="", seen_at=now
    )
    return coordinator.desk_of(member, keys, now, reads_a_day=10 * history.CASES)


def _partner(session: Session, keys: KeyRing, slug: str, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """Connect an organisation: key pair, API client and a member for the partner page. Returns the client and the member."""
    organisation_id = named_id("organisation", slug)
    if slug == sandbox_identity.ORGANISATION:
        pair, key = sandbox_identity.key_pair(), keyholders.active_keys(session, [organisation_id])[organisation_id]
    else:
        pair = KeyPair.generate()
        key = keyholders.register(session, OwnerKind.ORGANISATION, organisation_id, pair.public, now)
    client_id = f"demo-{slug}"
    secret = partners.add_client(
        session,
        keys,
        client_id,
        f"Demo client of {slug}",
        PARTNER_SCOPES,
        now,
        organisation_id=organisation_id,
        sandbox=slug == sandbox_identity.ORGANISATION,
    )
    passphrase, name = new_passphrase(), f"demo-{slug}"
    new = staff.add_member(session, keys, name, Role.PARTNER, passphrase, now, organisation_id=organisation_id)
    keyholders.grant(session, key, pair.seed, new.key)
    client = {
        "organisation": slug,
        "client_id": client_id,
        "client_secret": secret,
        "scopes": PARTNER_SCOPES,
        "private_key": base64.urlsafe_b64encode(pair.seed).decode().rstrip("="),
    }
    return client, {"name": name, "passphrase": passphrase, "totp_secret": new.totp_secret, "role": "partner"}


def _file_story(session: Session, keys: KeyRing, directory: Directory, story: Story, now: datetime) -> None:
    """File one story at its time and move its first referral through the verbs of the story."""
    at = now - timedelta(hours=story.hours_ago)
    intake = schemas.read(story.answers, directory, at.date())
    filed = filing.file_intake(session, intake, keys=keys, directory=directory, now=at)
    if not story.asked:
        return
    case = session.get_one(Case, filed.case_id)
    at = min(at + timedelta(minutes=30), now)
    by = ActorRef(ReferralActor.COORDINATOR)
    referral = referral_actions.create(session, keys, case, story.asked, by=by, now=at)
    referral_actions.advance(session, referral.id, ReferralVerb.OFFER, by=by, now=at)
    partner = ActorRef(ReferralActor.PARTNER, organisation_id=referral.organisation_id)
    for step, (verb, payload) in enumerate(story.verbs, 1):
        moment = min(at + timedelta(minutes=10 * step), now)
        referral_actions.advance(session, referral.id, verb, by=partner, now=moment, payload=payload)
    assert queries.referrals_of_case(session, case.id)
