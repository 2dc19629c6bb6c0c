"""A person connects Telegram on their page: the link is shown to their visit alone, and the page says what Telegram sees."""

import re
from pathlib import Path

import sqlalchemy as sa

from app.cases.models import Case
from app.core.db import Database
from app.core.i18n import LANGUAGES
from app.messaging import recipients, telegram_links
from app.messaging.models import TelegramLink
from tests.support.people import Browser, PersonSite, person_site_on, short_form

PAGE = "/ru/case/telegram"
LINK = re.compile(r"https://t\.me/made_up_bot\?start=([\w-]{32})")


def back(site: PersonSite, number: str = "") -> Browser:
    number = (
        number or short_form(site.browser(), good_hours=["evening"], channel="email", address="me@example.net").number()
    )
    return site.browser().open("/ru/return").fill(number=number).open("/ru/case")


def made(browser: Browser, **ticked: str) -> str:
    found = LINK.search(browser.open(PAGE).fill("/case/telegram", **ticked).answer.text)
    assert found is not None, browser.text
    return found[1]


def connected(site: PersonSite, token: str) -> None:
    with site.database.begin() as session:
        assert telegram_links.connect(session, site.keys, token, "4242", site.time()) is not None


def test_a_link_is_made_shown_and_used_and_the_chat_disconnected(database: Database, tmp_path: Path) -> None:
    with person_site_on(database, tmp_path / "var", telegram_bot="made_up_bot") as site:
        browser = back(site)
        assert browser.page.css_first(f'a[href="{PAGE}"]') is not None
        before = browser.open(PAGE).text
        assert "Что видит Telegram" in before
        assert "нет сквозного шифрования" in before
        token = made(browser, may_say_who="yes")
        assert f"/start {token}" in browser.text
        assert "Ссылка действует один раз, до: " in browser.text
        with database.begin(write=False) as session:
            (link,) = session.execute(sa.select(TelegramLink.__table__)).mappings()
            assert token.encode() not in bytes(link["token_mac"])
            assert (link["may_say_who"], link["good_hours"], link["language"]) == (True, ["evening"], "ru")
            assert link["expires_at"].minute == 0
            (case,) = session.scalars(sa.select(Case))
        connected(site, token)
        assert "Telegram подключён." in browser.open(PAGE).text
        with database.begin(write=False) as session:
            found = recipients.person_contact(session, site.keys, case.id)
            assert found is not None
            assert (found[0].chat, found[0].may_say_who, found[0].good_hours) == ("4242", True, ("evening",))
        browser.fill("/case/telegram", button=("stop", "yes"))
        assert "Что видит Telegram" in browser.text
        with database.begin(write=False) as session:
            assert recipients.person_contact(session, site.keys, case.id) is None


def test_a_copy_of_all_data_names_the_chat(database: Database, tmp_path: Path) -> None:
    with person_site_on(database, tmp_path / "var", telegram_bot="made_up_bot") as site:
        browser = back(site)
        connected(site, made(browser))
        copy = browser.open("/ru/case").fill("/case/copy")
        assert "4242" in copy.answer.text


def test_where_no_bot_is_set_up_nothing_speaks_of_it(person_site: PersonSite) -> None:
    browser = back(person_site)
    assert browser.page.css_first(f'a[href="{PAGE}"]') is None
    assert str(browser.open(PAGE).answer.url).endswith("/ru/case")


def test_it_speaks_every_language_and_is_light(database: Database, tmp_path: Path) -> None:
    with person_site_on(database, tmp_path / "var", telegram_bot="made_up_bot") as site:
        browser = back(site)
        titles = set()
        for lang in LANGUAGES:
            answer = browser.open(f"/{lang}/case/telegram").answer
            assert answer.status_code == 200
            assert f'lang="{lang}"' in answer.text
            titles.add(browser.page.css("h2")[0].text())
        assert len(titles) == len(LANGUAGES)
