"""What the person's pages weigh on the wire, and that each is valid HTML: every page, every language, with and without errors."""

import gzip
from collections.abc import Iterator
from typing import Final

import pytest

from app.core.db import Database
from app.core.i18n import LANGUAGES
from app.intake.questions import STEPS
from app.web import STATIC
from tests.support.html import faults
from tests.support.people import Browser, PersonSite, person_site_on, short_form

FIRST_PAGE: Final = 14 * 1024
QUESTION: Final = 4 * 1024
JOURNEY: Final = 45 * 1024
CSS: Final = 12 * 1024
PLAIN: Final = (
    "", *(f"form/{step.slug}" for step in STEPS), "form/all", "return", "safety", "contacts", "contacts/ge",
    "elsewhere", "elsewhere/ru", "elsewhere/xx", "about", "paper", "goodbye", "numbers",
)  # fmt: skip


def weight(browser: Browser) -> int:
    """Bytes of the last answer's body as they were sent."""
    return len(gzip.compress(browser.answer.content, 6, mtime=0))


def test_pages_and_style_sheets_are_sent_small_and_only_to_who_takes_them_so(person_site: PersonSite) -> None:
    for path in ("/ru/", "/s/base.css"):
        small = person_site.transport._app.get(path, headers={"accept-encoding": "br, gzip;q=0.5"})
        assert small.headers["content-encoding"] == "gzip"
        assert "accept-encoding" in small.headers["vary"].lower()
        plain = person_site.transport._app.get(path, headers={"accept-encoding": "gzip;q=0, identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == small.content
        assert int(small.headers["content-length"]) < len(plain.content)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_first_page_fits_into_the_first_round_trip_with_its_style(person_site: PersonSite, lang: str) -> None:
    browser = person_site.browser().open(f"/{lang}/")
    css = gzip.compress((STATIC / "base.css").read_bytes(), 6)
    assert len(css) <= CSS
    assert weight(browser) + len(css) <= FIRST_PAGE
    asked = [node.attributes.get("href") or "" for node in browser.page.css("link[rel=stylesheet], link[rel=preload]")]
    assert len(asked) == 1, "the page and its style: two requests"
    assert not browser.page.css("script, img, iframe, video, object, style")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_question_is_light_and_so_is_the_whole_way(person_site: PersonSite, lang: str) -> None:
    browser, paths = person_site.browser(), ("", *(f"form/{step.slug}" for step in STEPS))
    sizes = [weight(browser.open(f"/{lang}/{path}")) for path in paths]
    assert max(sizes[1:]) <= QUESTION
    short_form(browser, lang, until_check=True, needs=["asylum", "detention"])
    sizes.append(weight(browser))
    sizes.append(weight(browser.fill()))
    assert browser.number()
    assert sum(sizes) + len(gzip.compress((STATIC / "base.css").read_bytes(), 6)) <= JOURNEY


@pytest.fixture(scope="module")
def pages(kept_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PersonSite]:
    """One site for all that is only looked at."""
    var = tmp_path_factory.mktemp("pages")
    with person_site_on(kept_database, var, onion_location="http://pristanonion.onion/") as started:
        yield started


def seen(person_site: PersonSite, lang: str) -> Iterator[tuple[str, Browser]]:
    """Every page a person can come to, each also as it is with errors."""
    browser = person_site.browser()
    for path in PLAIN:
        yield path, browser.open(f"/{lang}/{path}")
    yield "no such page", browser.open(f"/{lang}/nothing")
    for step, wrong in (
        ("1", {}),
        ("2", {"needs": ["x"]}),
        ("3", {}),
        ("4", {"letter_received_on": "31.31"}),
        ("7", {"channel": "email"}),
    ):
        yield f"step {step} with errors", browser.open(f"/{lang}/form/{step}").fill(**wrong)
    yield (
        "the one page with errors",
        browser.open(f"/{lang}/form/all").fill(story="<b>&\n", address="<", channel="phone"),
    )
    letter = {"how_soon": "today", "letter_kind": "unknown", "letter_received_on": "2026-11-20"}
    urgent = {
        "needs": ["detention", "asylum"],
        "happened": ["search_seizure"],
        "story": "<i>&amp;\n\nкумкват",
        **letter,
    }
    yield "step 3, urgent", browser.open(f"/{lang}/form/2").fill(needs=["detention"])
    browser = person_site.browser().open(f"/{lang}/form/all").fill(for_whom="self", country="PL", **urgent)
    yield "check, one page", browser
    yield "number, one page", browser.fill()
    browser = short_form(person_site.browser(), lang, until_check=True, **urgent)
    yield "check", browser
    yield "number", browser.fill()
    number = browser.number()
    yield "number, wrong digits", browser.fill(last_four="1" if number[-1] != "1" else "2")
    yield "return with an error", browser.open(f"/{lang}/return").fill(number="12 <")
    yield "case", browser.open(f"/{lang}/return").fill(number=number)
    yield "case with an error", browser.fill("/case/message", text="  ")
    yield "case with a line", browser.fill("/case/message", text="<u>\nкумкват")
    yield "answers", browser.open(f"/{lang}/case/answers")
    for step in range(1, 8):
        yield f"answers of step {step}", browser.open(f"/{lang}/case/answers/{step}")
    yield "answers with errors", browser.open(f"/{lang}/case/answers/4").fill(letter_received_on="<>")
    yield "centres", browser.open(f"/{lang}/case/centres")
    yield "saved", browser.fill()
    yield "copy", browser.open(f"/{lang}/case").fill("/case/copy")
    yield "new number", browser.open(f"/{lang}/case").fill("/case/number", sure="yes")
    yield "withdrawn", browser.open(f"/{lang}/case").fill("/case/withdraw", sure="yes")
    browser.client.cookies.clear()
    browser.answer = browser.client.post(f"/{lang}/case/message", data={"text": "<кумкват>"}, follow_redirects=True)
    yield "visit ended", browser


ENGLISH: Final = (" the ", "please", " you ", "your ", "centre", "request")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_page_is_valid_html_in_its_language_and_titles_tell_nothing(pages: PersonSite, lang: str) -> None:
    for name, browser in seen(pages, lang):
        text = browser.answer.text
        assert faults(text) == [], name
        title = (browser.page.css_first("title") or browser.page.body).text()
        assert "кумкват" not in title, name
        assert browser.answer.headers["cache-control"] == "no-store", name
        assert browser.answer.headers["referrer-policy"] == "no-referrer", name
        assert browser.answer.headers["onion-location"].startswith("http://pristanonion.onion/"), name
        assert "script" not in text.replace("description", ""), name
        if lang != "en":
            words = " " + browser.text.lower() + " "
            for node in browser.page.css("main [lang=en], main [translate=no]"):
                words = words.replace(" ".join(node.text(separator=" ").lower().split()), "")
            assert [word for word in ENGLISH if word in words] == [], name


def test_the_onion_address_leads_to_the_same_page_and_to_none_that_was_sent(pages: PersonSite) -> None:
    browser = pages.browser().open("/ka/safety")
    assert browser.answer.headers["onion-location"] == "http://pristanonion.onion/ka/safety"
    assert "onion-location" not in browser.client.get("/s/base.css").headers
    sent = browser.client.post("/ka/return", data={"number": "1"})
    assert sent.headers["onion-location"] == "http://pristanonion.onion/"
