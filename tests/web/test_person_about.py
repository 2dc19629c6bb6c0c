"""Who runs this copy is told, in the reader's language where the operator wrote it; leaving goes to no Russian company."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.core.db import Database
from app.core.i18n import LANGUAGES
from app.web.person.static_pages import EXIT_PAGES
from tests.support.people import PersonSite, person_site_on


def test_without_settings_the_page_says_that_nobody_has_said_it(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/en/")
    assert browser.page.css_first('footer a[href="/en/about"]') is not None
    assert browser.page.css_first('footer a[href="/en/about#complain"]') is not None
    browser.open("/en/about")
    assert "The people who run this service have not said here who they are." in browser.text
    assert "data protection authority" in browser.text
    assert "somebody outside our team" not in browser.text, "nobody is named"


def test_the_operator_s_words_are_shown_in_the_reader_s_language_else_in_english(
    database: Database, tmp_path: Path
) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "about.en.txt").write_text("We are <five> friends.", encoding="utf-8")
    (texts / "about.ru.txt").write_text("Нас пятеро.", encoding="utf-8")
    told = {"operator": "Kumquat e.V.", "funding": "Donations.", "complaints_to": "+48 601 234 567", "about_dir": texts}
    with person_site_on(database, tmp_path / "var", **told) as site:
        russian = site.browser().open("/ru/about")
        assert "Нас пятеро." in russian.text
        assert "Kumquat e.V." in russian.text
        german = site.browser().open("/de/about")
        assert "We are &lt;five&gt; friends." in german.answer.text
        assert "Donations." in german.text
        assert "+48 601 234 567" in german.text
        assert "außerhalb unseres Teams" in german.text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_leaving_goes_to_no_company_of_russia_or_belarus(person_site: PersonSite, lang: str) -> None:
    target = urlsplit(person_site.browser().client.get(f"/{lang}/leave").headers["location"])
    assert target.scheme == "https"
    host = target.hostname or ""
    assert not host.endswith((".ru", ".by", ".su"))
    assert "gismeteo" not in host, "a Russian company, under whatever ending"
    assert "yandex" not in host
    assert EXIT_PAGES[lang] == target.geturl()


def test_links_of_the_first_page_can_be_tapped(person_site: PersonSite) -> None:
    """They have a class whose height is at least 2.75 rem in `base.css`."""
    browser = person_site.browser().open("/en/")
    for node in browser.page.css("main a"):
        parent = node.parent
        in_list = (
            parent is not None
            and parent.parent is not None
            and "links" in (parent.parent.attributes.get("class") or "")
        )
        assert in_list or {"button", "back"} & set((node.attributes.get("class") or "").split()), node.html
