"""The demo network: true directory, made-up people. Everybody in it is invented, and no organisation named has joined.

`make run` starts it. Running it again keeps the data. Sign-ins go to `var/demo.json`, which only its owner may read.
"""

import base64
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import typer
from sqlalchemy.orm import Session

from app.cli import founding
from app.cli.house import House, migrate, open_house
from app.cli.serving import serve
from app.core import keyholders
from app.core.clock import utc_now
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.directory import service as directory_service
from app.directory.packs import Directory
from app.intake import schemas
from app.intake.models import Case
from app.partners import sandbox
from app.partners import service as partners
from app.referrals import filing, queries, service
from app.referrals.acting import ActorRef, Said
from app.referrals.sandbox import refill
from app.referrals.states import Actor, Verb
from app.settings import Settings
from app.staff import service as staff
from app.staff.models import Role, Team

PARTNERS: Final = ("pl-hfhr", "lt-redcross", "x-kovcheg")
PARTNER_SCOPES: Final = ["referrals:read", "referrals:contact", "referrals:write", "events:read"]
_WORDS: Final = [
    "amber",
    "birch",
    "cloud",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heron",
    "ivory",
    "juniper",
    "kelp",
    "larch",
    "maple",
    "nectar",
    "olive",
    "pebble",
]


@dataclass(frozen=True, slots=True)
class Story:
    """A made-up case: its answers, how many hours ago it came, and the verbs its first offer went through."""

    answers: dict[str, Any]
    hours_ago: int
    asked: str = ""
    verbs: tuple[tuple[Verb, Said], ...] = field(default=())


def _story(language: str, country: str, needs: list[str], story: str, hours_ago: int, **more: Any) -> Story:
    asked, verbs = more.pop("asked", ""), more.pop("verbs", ())
    allow = more.pop("allow", [asked.split("/")[0]] if asked else [])
    answers = {
        "language": language,
        "for_whom": more.pop("for_whom", "self"),
        "needs": needs,
        "how_soon": more.pop("how_soon", "none"),
        "country": country,
        "speak": more.pop("speak", [language]),
        "story": story,
        "consent": {"mode": "named" if allow else "ask_first", "organisations": allow},
        **more,
    }
    return Story(answers, hours_ago, asked, verbs)


_HFHR, _REDCROSS, _KOVCHEG = "pl-hfhr/legal-help", "lt-redcross/legal-help", "x-kovcheg/support"
_ACCEPT: Final = (Verb.ACCEPT, Said())
_START: Final = (Verb.START, Said())


def stories(today: date) -> Iterator[Story]:
    """Some twenty invented requests, in several languages and states."""
    day = today.isoformat
    recent = (today - timedelta(days=2)).isoformat()
    yield _story(
        "ru",
        "PL",
        ["asylum", "appeals"],
        "Выдуманная история: пришёл отказ на польском, я не понимаю письмо.",
        5,
        letter={"kind": "asylum_appeal_regular", "received_on": recent},
        region="PL-14",
        nationality="RU",
        groups=["activist"],
        call_me="Сова",
        asked=_HFHR,
    )
    yield _story(
        "ru",
        "PL",
        ["hrd_journalists"],
        "Выдуманная история: я снимал репортажи, дома идёт обыск у коллег.",
        30,
        groups=["journalist"],
        nationality="RU",
        call_me="Рысь",
        asked=_HFHR,
        verbs=((Verb.ACKNOWLEDGE, Said()),),
    )
    yield _story(
        "be",
        "PL",
        ["residence_permit"],
        "Прыдуманая гісторыя: заканчваецца карта побыту.",
        50,
        nationality="BY",
        how_soon="month",
        call_me="Бусел",
        asked=_HFHR,
        verbs=(_ACCEPT, _START),
    )
    yield _story(
        "ru",
        "LT",
        ["detention"],
        "Выдуманная история: мужа держат в центре регистрации.",
        2,
        for_whom="relative",
        how_soon="today",
        nationality="RU",
        call_me="Ива",
        asked=_REDCROSS,
    )
    yield _story(
        "ru",
        "LT",
        ["asylum"],
        "Выдуманная история: хочу просить убежища, не знаю с чего начать.",
        80,
        region="LT-VL",
        nationality="RU",
        call_me="Клён",
        asked=_REDCROSS,
        verbs=(_ACCEPT, _START, (Verb.COMPLETE, Said(outcome="advised"))),
    )
    yield _story(
        "lt",
        "LT",
        ["integration"],
        "Išgalvota istorija: ieškau lietuvių kalbos kursų.",
        100,
        nationality="UA",
        call_me="Ąžuolas",
        asked=_REDCROSS,
        verbs=((Verb.DECLINE, Said(reason="no_capacity")),),
    )
    yield _story(
        "ru",
        "GE",
        ["residence_permit", "housing"],
        "Выдуманная история: скоро год, как я здесь, и негде жить.",
        20,
        nationality="RU",
        region="GE-TB",
        status="visa_free",
        call_me="Гранат",
        asked=_KOVCHEG,
    )
    yield _story(
        "ru",
        "GE",
        ["humanitarian_visa"],
        "Выдуманная история: боюсь, что меня выдадут.",
        9,
        nationality="RU",
        how_soon="week",
        groups=["activist"],
        call_me="Орех",
        asked=_KOVCHEG,
        verbs=((Verb.ASK_INFO, Said()),),
    )
    yield _story(
        "ru",
        "DE",
        ["housing"],
        "Выдуманная история: общежитие закрывают.",
        60,
        nationality="RU",
        region="DE-BE",
        how_soon="month",
        call_me="Липа",
        asked=_KOVCHEG,
        verbs=((Verb.WAITLIST, Said(until=today + timedelta(days=20))),),
    )
    yield _story(
        "en",
        "DE",
        ["dublin"],
        "Made-up story: the letter says they will send me to another country.",
        4,
        letter={"kind": "dublin_appeal", "received_on": day()},
        nationality="RU",
        speak=["en", "ru"],
        call_me="Heron",
    )
    yield _story(
        "de",
        "DE",
        ["asylum"],
        "Erfundene Geschichte: Die Anhörung ist nächste Woche.",
        26,
        how_soon="week",
        region="DE-BE",
        nationality="BY",
        speak=["de", "ru"],
        call_me="Eiche",
    )
    yield _story(
        "ru",
        "DE",
        ["lgbtq", "asylum"],
        "Выдуманная история: дома меня преследуют за то, кого я люблю.",
        44,
        groups=["lgbtq"],
        nationality="RU",
        region="DE-HH",
        call_me="Лист",
    )
    yield _story(
        "ka",
        "GE",
        ["asylum"],
        "გამოგონილი ამბავი: მივიღე უარი და არ ვიცი, რა ვქნა.",
        12,
        letter={"kind": "asylum_appeal_accelerated", "received_on": recent},
        nationality="RU",
        speak=["ka", "ru"],
        call_me="მერცხალი",
    )
    yield _story(
        "uk",
        "PL",
        ["temporary_protection", "children"],
        "Вигадана історія: донька приїхала сама.",
        3,
        for_whom="relative",
        helps=["child_alone"],
        nationality="UA",
        call_me="Ластівка",
    )
    yield _story(
        "pl",
        "PL",
        ["work_rights"],
        "Zmyślona historia: szef nie płaci od trzech miesięcy.",
        120,
        nationality="BY",
        speak=["pl", "ru"],
        region="PL-30",
        call_me="Brzoza",
    )
    yield _story(
        "ru",
        "PL",
        ["conscientious_objection"],
        "Выдуманная история: пришла повестка.",
        70,
        groups=["draft_refuser"],
        nationality="RU",
        call_me="Шмель",
    )
    yield _story(
        "ru",
        "GE",
        ["extradition_interpol"],
        "Выдуманная история: знакомый сказал, что я в розыске.",
        7,
        nationality="RU",
        happened=["wanted_list"],
        call_me="Кедр",
    )
    yield _story(
        "be",
        "LT",
        ["travel_documents"],
        "Прыдуманая гісторыя: пашпарт скончыўся, а ў амбасаду нельга.",
        150,
        nationality="BY",
        status="residence_permit",
        call_me="Васілёк",
    )
    yield _story(
        "ru",
        "DE",
        ["gbv"],
        "Выдуманная история: дома страшно.",
        1,
        for_whom="volunteer",
        how_soon="today",
        region="DE-BY",
        call_me="Мята",
    )
    yield _story(
        "en",
        "LT",
        ["family_reunification"],
        "Made-up story: my parents are still there.",
        200,
        nationality="RU",
        speak=["en"],
        call_me="Robin",
    )
    yield _story(
        "ru",
        "PL",
        ["psychosocial"],
        "Выдуманная история: не сплю.",
        90,
        nationality="RU",
        region="PL-14",
        call_me="Туман",
    )


def seed_if_empty(house: House) -> bool:
    """Fill an empty database; False when there was something. All or nothing: one transaction."""
    now = utc_now()
    with house.database.begin() as session:
        if session.scalar(sa.select(Team.id).limit(1)) is not None:
            return False
        signs = _seed(session, house, now)
    _write_private(house.settings.var / "demo.json", signs)
    return True


def _seed(session: Session, house: House, now: datetime) -> dict[str, Any]:
    keys, directory = house.keys, house.directory
    directory_service.upsert(session, directory, now)
    founded = founding.found_team(session, "demo", "Demo team", [country.code for country in directory.countries], now)
    desk = []
    for name, role in (("demo-coordinator", Role.COORDINATOR), ("demo-senior", Role.SENIOR)):
        passphrase = new_passphrase()
        secret = founding.add_coordinator(session, keys, founded, name, role, passphrase, now)
        desk.append({"name": name, "passphrase": passphrase, "totp_secret": secret, "role": role.value})
    refill(session, keys=keys, directory=directory, now=now)
    for name, role in (("demo-admin", Role.ADMIN), ("demo-auditor", Role.AUDITOR)):
        passphrase = new_passphrase()
        new = staff.add_member(session, keys, name, role, passphrase, now)
        desk.append({"name": name, "passphrase": passphrase, "totp_secret": new.totp_secret, "role": role.value})
    clients = []
    for slug in (*PARTNERS, sandbox.ORGANISATION):
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
            _tell(session, keys, directory, story, now)
    return {"base_url": house.settings.base_url, "clients": clients, "desk": desk, "recovery_key": founded.recovery}


def _partner(session: Session, keys: KeyRing, slug: str, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """An organisation that is connected: a key pair, a program, and a member for the page."""
    organisation_id = named_id("organisation", slug)
    if slug == sandbox.ORGANISATION:
        pair, key = sandbox.key_pair(), keyholders.active_keys(session, [organisation_id])[organisation_id]
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
        sandbox=slug == sandbox.ORGANISATION,
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


def _tell(session: Session, keys: KeyRing, directory: Directory, story: Story, now: datetime) -> None:
    """File one story at its time, and let its first referral go as far as the story says."""
    at = now - timedelta(hours=story.hours_ago)
    intake = schemas.read(story.answers, directory, at.date())
    filed = filing.file_intake(session, intake, keys=keys, directory=directory, now=at)
    if not story.asked:
        return
    case = session.get_one(Case, filed.case_id)
    at = min(at + timedelta(minutes=30), now)
    by = ActorRef(Actor.COORDINATOR)
    referral = service.create(session, keys, case, story.asked, by=by, now=at)
    service.advance(session, referral.id, Verb.OFFER, by=by, now=at)
    partner = ActorRef(Actor.PARTNER, organisation_id=referral.organisation_id)
    for step, (verb, said) in enumerate(story.verbs, 1):
        moment = min(at + timedelta(minutes=10 * step), now)
        service.advance(session, referral.id, verb, by=partner, now=moment, said=said)
    assert queries.of_case(session, case.id)


def new_passphrase() -> str:
    """Six words of sixteen and a number: for the demo only, which listens on this machine alone."""
    return "-".join([*(secrets.choice(_WORDS) for _ in range(6)), str(secrets.randbelow(9000) + 1000)])


def _write_private(path: Path, document: dict[str, Any]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, indent=1)


def run(port: int) -> None:
    """Schema, demo network, and the service on 127.0.0.1."""
    base = Settings()
    settings = base.model_copy(update={"demo": True, "sandbox": True, "base_url": f"http://127.0.0.1:{port}"})
    house = open_house(settings)
    migrate(house.database)
    fresh = seed_if_empty(house)
    house.database.dispose()
    _announce(settings, fresh=fresh)
    serve("127.0.0.1", port, ["public", "desk", "partner"], settings)


def _announce(settings: Settings, *, fresh: bool) -> None:
    address = settings.base_url
    typer.echo(
        f"\nPristan, a demonstration with made-up people ({'new data' if fresh else 'the data of last time'}).\n"
    )
    typer.echo(f"  The person's form      {address}/")
    typer.echo(f"  The coordinator's desk {address}/desk/")
    typer.echo(f"  The partner's page     {address}/partner/")
    typer.echo(f"  The partner API        {address}/v1/openapi.json")
    path = settings.var / "demo.json"
    if not path.exists():
        typer.echo("\n  The sign-ins were written when the data was made, and the file is gone.\n")
        return
    signs = json.loads(path.read_text(encoding="utf-8"))
    if signs["base_url"] != address:
        signs["base_url"] = address
        _write_private(path, signs)
    if fresh:
        typer.echo(f"\n  Sign-ins (also in {path}; the code app takes the secret):")
        for member in signs["desk"]:
            typer.echo(
                f"    {member['name']:<18} {member['passphrase']}   TOTP {member['totp_secret']}   ({member['role']})"
            )
        typer.echo("\n  Programs (client id and secret):")
        for client in signs["clients"]:
            typer.echo(f"    {client['client_id']:<18} {client['client_secret']}")
    else:
        typer.echo(f"\n  Sign-ins are in {path}.")
    typer.echo("\n  A one-time code for the desk: .venv/bin/pristan code demo-coordinator")
    typer.echo("  Stop with Ctrl-C.\n")


def print_code(name: str) -> None:
    """The present one-time code of a demo member."""
    import pyotp

    path = Settings().var / "demo.json"
    members = (
        {member["name"]: member for member in json.loads(path.read_text(encoding="utf-8"))["desk"]}
        if path.exists()
        else {}
    )
    if name not in members:
        raise typer.BadParameter("there is no such demo member")
    typer.echo(pyotp.TOTP(members[name]["totp_secret"]).now())
