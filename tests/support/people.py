"""A person with a browser that keeps cookies, in front of the person's surface in process."""

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from app.core import keyholders
from app.core.db import Database
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.directory import loader as directory_service
from app.directory.packs import load_packs
from app.settings import Settings
from app.staff import team_setup
from tests.support.founding import found
from tests.support.partners import START, Time
from tests.support.serving import BASE, SyncTransport, in_process
from tests.support.surfaces import create_surfaces

CENTRE = "pl-hfhr"
READING = timedelta(seconds=5)
NUMBER = re.compile(r"\b(?:\d{4} ){6}\d{4}\b")


@dataclass
class PersonSite:
    """The person's surface, one team for all countries, one connected centre."""

    transport: SyncTransport
    database: Database
    keys: KeyRing
    time: Time
    team_key_id: object
    team_seed: bytes
    centre: KeyPair
    app: FastAPI

    def browser(self) -> "Browser":
        return Browser(httpx.Client(transport=self.transport, base_url=BASE), self.time)


class Browser:
    """Fills and sends the forms of a page as a browser without scripts does. Whoever uses it reads for a while first."""

    def __init__(self, client: httpx.Client, time: Time | None = None) -> None:
        self.client = client
        self.time = time
        self.answer = httpx.Response(204)

    @property
    def page(self) -> HTMLParser:
        return HTMLParser(self.answer.text)

    @property
    def text(self) -> str:
        main = self.page.css_first("main")
        assert main is not None
        return " ".join(main.text(separator=" ").split())

    def open(self, path: str) -> "Browser":
        self.answer = self.client.get(path, follow_redirects=True)
        return self

    def fill(
        self,
        action: str | None = None,
        /,
        *,
        button: tuple[str, str] | None = None,
        to: str | None = None,
        **typed: str | list[str],
    ) -> "Browser":
        """Send the page's form (the one with this action, else the first), with what it holds and what is typed.

        `to`: the address that the pressed button sends it to, when it names one itself.
        """
        form = next(
            form
            for form in self.page.css("form")
            if action is None or (form.attributes.get("action") or "").endswith(action)
        )
        fields = [pair for pair in _held(form) if pair[0] not in typed]
        for name, values in typed.items():
            fields += [(name, value) for value in ([values] if isinstance(values, str) else values)]
        if button:
            fields.append(button)
        assert to is None or self.page.css_first(f'button[formaction="{to}"]') is not None, f"no button leads to {to}"
        target = to or form.attributes["action"] or ""
        if self.time:
            self.time.at += READING
        body = str(httpx.QueryParams(fields))
        self.answer = self.client.post(
            target, content=body, headers={"content-type": "application/x-www-form-urlencoded"}, follow_redirects=True
        )
        return self

    def number(self) -> str:
        found = NUMBER.search(self.text)
        assert found is not None, self.text
        return found.group()


def _held(form: Any) -> Iterator[tuple[str, str]]:
    """What the form would send as it stands: hidden and typed values, ticks, choices."""
    for node in form.css("input, textarea, select"):
        name = node.attributes.get("name")
        if not name:
            continue
        if node.tag == "textarea":
            yield name, node.text().removeprefix("\n")
        elif node.tag == "select":
            chosen = [option for option in node.css("option") if "selected" in option.attributes]
            yield name, (chosen[0].attributes.get("value") or "") if chosen else ""
        elif node.attributes.get("type") in {"radio", "checkbox"}:
            if "checked" in node.attributes:
                yield name, node.attributes.get("value") or "on"
        else:
            yield name, node.attributes.get("value") or ""


@contextmanager
def person_site_on(database: Database, var: Path, **settings: Any) -> Iterator[PersonSite]:
    founded, time = found(database, founded_site), Time()
    keys = copy.deepcopy(founded.keys)
    app = create_surfaces(
        Settings(var=var, worker_in_web=False, **settings),
        surfaces={"public"},
        database=database,
        keys=keys,
        clock=time,
    )
    with in_process(app) as running:
        transport = SyncTransport(running)
        yield PersonSite(transport, database, keys, time, founded.team_key_id, founded.team_seed, founded.centre, app)


@dataclass(frozen=True)
class Founded:
    """The service's keys, the team's key and the centre's."""

    keys: KeyRing
    team_key_id: object
    team_seed: bytes
    centre: KeyPair


def founded_site(database: Database) -> Founded:
    centre, packs = KeyPair.generate(), load_packs()
    with database.begin() as session:
        directory_service.upsert(session, packs, START)
        team = team_setup.create_team(session, "all", "All", [country.code for country in packs.countries], START)
        keyholders.register(session, OwnerKind.ORGANISATION, named_id("organisation", CENTRE), centre.public, START)
    return Founded(KeyRing.generate(START.date()), team.team_key.id, team.team_seed, centre)


@pytest.fixture
def person_site(database: Database, tmp_path: Path) -> Iterator[PersonSite]:
    with person_site_on(database, tmp_path / "var") as started:
        yield started


def short_form(
    browser: Browser, lang: str = "ru", *, until_check: bool = False, allow: tuple[str, ...] = (CENTRE,), **more: Any
) -> Browser:
    """Go the seven steps as quickly as they allow; `more` are answers by field name."""
    said: dict[str, Any] = {
        "for_whom": "self",
        "needs": ["asylum"],
        "country": "PL",
        "how_soon": "none",
        "channel": "number",
        **more,
    }
    from app.intake.questions import STEPS
    from app.web.person.draft_answers import fields_of

    browser.open(f"/{lang}/form/1")
    for step in STEPS:
        asked = {name: said[name] for name in sorted(fields_of(step.questions)) if name in said}
        browser.fill(**asked)
        assert browser.answer.status_code == 200, browser.text
    if until_check:
        return browser
    return browser.fill(**{f"c_{slug}": "allow" for slug in allow})
