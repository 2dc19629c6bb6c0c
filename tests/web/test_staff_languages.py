"""The pages of staff and partners in the reader's language: whose it is, how it is switched, and that no English is left on one."""

import gzip
import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from app.core.i18n import LANGUAGES, OWN_NAMES, STAFF, translator
from app.directory.packs import load_packs
from app.staff import passphrases
from app.staff.models import Member, Team
from tests.support.desk import ADDRESS, NAME, STORY, Browser, Page, StaffSite
from tests.support.plain_words import plain_words
from tests.support.pseudo_locale import pseudo_locale
from tests.web.test_route_policies import Opened, fill, opened, our_routes  # noqa: F401


def language_of(page: Page) -> str:
    return str(page.tree.css_first("html").attributes["lang"])  # type: ignore[union-attr]


def kept(office: StaffSite, name: str) -> str | None:
    with office.database.begin(write=False) as session:
        return session.scalar(sa.select(Member.language).where(Member.name == name))


def choose(office: StaffSite, name: str, language: str) -> Browser:
    """A browser of this member, who reads this language."""
    browser = office.as_(name)
    page = browser.get("/desk/me")
    assert browser.submit(page, "/desk/me/language", language=language).status == 303
    return browser


# --- whose language it is --------------------------------------------------------------------------------------------


def test_before_the_sign_in_the_browser_says_which_language(office: StaffSite) -> None:
    for accept, language in (("ka-GE,ka;q=0.9", "ka"), ("fr", "en"), ("", "en"), ("uk;q=0.4, lt", "lt")):
        page = office.browser().get("/desk/sign-in", headers={"accept-language": accept})
        assert language_of(page) == language, accept
        assert page.tree.css_first("h1").text() == translator(language, STAFF).text("Sign in")  # type: ignore[union-attr]


def test_a_page_is_switched_in_place_before_the_sign_in(office: StaffSite) -> None:
    browser = office.browser()
    page = browser.get("/desk/sign-in?next=/desk/tasks")
    answer = browser.submit(page, "/desk/language", language="pl")
    assert answer.location == "/desk/sign-in?next=%2Fdesk%2Ftasks"
    assert browser.cookies["staff_language"] == "pl", "the cookie holds nothing else"
    again = browser.get(answer.location)
    assert language_of(again) == "pl"
    assert again.form("/desk/sign-in")["next"] == "/desk/tasks"
    assert language_of(browser.get("/desk/join")) == "pl"
    assert again.response.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in again.response.headers["content-security-policy"]


@pytest.mark.parametrize(
    "typed", [{"language": "xx"}, {"language": ""}, {}, {"language": "pl", "next": "//evil.example/"}]
)
def test_nothing_else_can_be_chosen_and_nobody_is_sent_elsewhere(office: StaffSite, typed: dict[str, str]) -> None:
    browser = office.browser()
    answer = browser.post("/desk/language", typed)
    assert (answer.status, answer.location) == (303, "/desk/sign-in")
    assert browser.cookies.get("staff_language") == (typed["language"] if "next" in typed else None)


def test_a_member_keeps_their_language_in_every_browser(office: StaffSite) -> None:
    browser = office.as_("vera")
    assert language_of(browser.get("/desk/today", headers={"accept-language": "de"})) == "de", "not chosen yet"
    page = browser.get("/desk/tasks?whose=mine")
    answer = browser.submit(page, "/desk/me/language", language="ru")
    assert answer.location == "/desk/tasks?whose=mine", "the page that was open, in the other language"
    assert kept(office, "vera") == "ru"
    other = office.as_("vera")
    assert language_of(other.get("/desk/today", headers={"accept-language": "de"})) == "ru"
    assert language_of(office.as_("pavel").get("/desk/today")) == "en", "a colleague's pages stay as they were"
    other.cookies["staff_language"] = "lt"
    assert language_of(other.get("/desk/today")) == "ru", "what a member chose comes before what a browser was told"


def test_a_switch_without_a_token_of_the_session_changes_nothing(office: StaffSite) -> None:
    browser = office.as_("vera")
    assert browser.post("/desk/me/language", {"language": "ru", "csrf": "x"}).status == 409
    assert kept(office, "vera") is None
    page = browser.get("/desk/me")
    assert browser.submit(page, "/desk/me/language", language="xx").status == 422
    assert kept(office, "vera") is None


def test_a_page_that_answers_a_form_offers_no_switch_that_would_lose_what_is_typed(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.get(f"/desk/cases/{label}")
    assert page.tree.css_first("footer.switch") is not None
    refused = browser.submit(page, f"/desk/cases/{label}/message", text="")
    assert refused.status == 422
    assert refused.tree.css_first("footer.switch") is None


def test_each_language_names_itself_in_the_switch(office: StaffSite) -> None:
    page = office.browser().get("/desk/sign-in")
    options = page.tree.css("#f-switch option")
    assert {str(one.attributes["lang"]): one.text() for one in options} == OWN_NAMES


def test_errors_and_what_was_done_are_said_in_the_readers_language(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser, words = choose(office, "vera", "ru"), translator("ru", STAFF)
    page = browser.get(f"/desk/cases/{label}")
    refused = browser.submit(page, f"/desk/cases/{label}/message", text="")
    assert words.text("Write 1 to {most} characters.", most=10_000) in refused.words().replace("\xa0", " ")
    taken = browser.submit(page, f"/desk/cases/{label}/take")
    assert words.text("You have taken the case.") in browser.get(taken.location).words()
    nowhere = browser.get("/desk/cases/000-0000")
    assert nowhere.status == 404
    assert language_of(nowhere) == "ru"
    assert (
        words.text("We could not find this page. It may belong to another team or have been deleted.")
        in nowhere.words()
    )
    partner = choose(office, "partner", "ka")
    assert language_of(partner.get("/partner/")) == "ka"
    assert language_of(partner.get("/partner/nowhere")) == "ka"


def test_two_readers_at_once_never_read_each_others_language(office: StaffSite) -> None:
    """What is kept between requests, such as names of codes, is kept for each language."""
    office.file()
    readers = {language: choose(office, name, language) for name, language in (("vera", "ru"), ("pavel", "de"))}
    for _round in range(2):
        for language, browser in readers.items():
            page = browser.get("/desk/")
            assert translator(language).country_name("PL") in page.words()
            other = "de" if language == "ru" else "ru"
            assert translator(other).country_name("PL") not in page.words()


def test_the_list_for_a_spreadsheet_is_in_the_readers_language(office: StaffSite) -> None:
    office.file()
    browser, words = choose(office, "vera", "pl"), translator("pl", STAFF)
    text = browser.submit(browser.get("/desk/"), "/desk/queue.csv").text
    head, line = text.lstrip("\ufeff").splitlines()[:2]
    assert head.split(",")[0] == words.text("case")
    assert words.text("New") in line
    assert "Poland" not in text


# --- no English is left ----------------------------------------------------------------------------------------------


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(passphrases, "suggestion", lambda: "1 2 3")
    with pseudo_locale() as language:
        yield language


def data(office: StaffSite) -> set[str]:
    """What is shown as it is: names of organisations, services, sources and members, keys of entries, time zones."""
    packs = load_packs()
    known = {
        "Pristan",
        "SQLite",
        "PostgreSQL",
        "Enter",
        "Esc",
        "Aegis",
        "FreeOTP",
        "KeePassXC",
        NAME,
        STORY,
        ADDRESS,
        "evening",
        "JavaScript",
        "II", "III", "IV",  # quarters, as Georgian writes them
    }  # fmt: skip
    for organisation in packs.organisations:
        known |= {organisation.id, organisation.name.en, organisation.name.local or "", organisation.city or ""}
        known |= {organisation.source.title, organisation.source.note or "", organisation.source.date or ""}
        known |= {organisation.eligibility or "", organisation.address or ""}
    for entry in packs.services:
        known |= {entry.key, entry.service.id, entry.service.name.en, entry.service.name.local or ""}
    for country in packs.countries:
        known |= {
            country.time_zone,
            *(name for region in country.regions.values() for name in (region.en, region.local)),
        }
    with office.database.begin(write=False) as session:
        known |= set(session.scalars(sa.select(Member.name)))
    return {text for text in known if text}


def left_in_english(page: Page, known: set[str], where: str) -> list[str]:
    kind = page.response.headers.get("content-type", "")
    if not kind.startswith("text/html"):
        return []
    assert language_of(page) == "ka", where
    return [f"{where}: {text}" for text in plain_words(page.text, known)]


def test_no_english_is_left_on_any_page(opened: Opened, made_up: str) -> None:  # noqa: F811
    office, found = opened.office, []
    with office.database.begin() as session:  # else names of teams would hide names of countries
        session.execute(sa.update(Team).values(name=sa.func.upper(Team.slug) + "-1"))
    known = data(office)
    for name in ("vera", "sofia", "partner", "auditor", "admin"):
        browser = opened.browsers[name]
        browser.cookies["staff_language"] = made_up
        for route, method in our_routes(office.app):
            path = route.path_format
            if method != "GET" or path.startswith("/partner/link"):
                continue
            path = fill(path, opened.places["own team"])
            path += "?service=pl-hfhr/legal-help" if path.endswith(("/refer", "/desk/rules/form")) else ""
            path += "?subject=pl-hfhr&name=city" if path == "/desk/directory/edit" else ""
            path += "?subject=pl-hfhr" if path == "/desk/directory/fields" else ""
            found += left_in_english(browser.get(path), known, path)
        browser.cookies.pop("staff_language")
    assert "\n".join(sorted(set(found))) == ""


def test_no_english_is_left_on_a_case_that_is_opened_and_on_forms_that_are_refused(
    opened: Opened,  # noqa: F811
    made_up: str,
) -> None:
    office, found = opened.office, []
    known = data(office)
    label = opened.places["own team"]["label"]
    here = f"/desk/cases/{label}"
    browser = opened.browsers["vera"]
    browser.cookies["staff_language"] = made_up
    form = browser.get(here).form(f"{here}/typed")
    for act, typed in (
        ("show", {}), ("contact", {"purpose": "answer"}), ("message", {"text": ""}), ("note", {"note": ""}),
        ("snooze", {"until": "30", "until_month": "2", "until_year": "2027"}), ("assign", {"member": "x"}),
        ("merge", {"into": "x"}), ("household", {"other": "x"}), ("close", {}), ("move", {"country": "xx"}),
        ("insert", {"saved": "papers"}),
    ):  # fmt: skip
        found += left_in_english(browser.post(f"{here}/{act}", {**form, **typed}), known, act)
    listed = browser.get("/desk/").form("/desk/bulk")
    for typed in ({}, {"act": "snooze", "case": f"{label}:1", "until": "x"}):
        found += left_in_english(browser.post("/desk/bulk", {**listed, **typed}), known, "bulk")
    browser.cookies.pop("staff_language")
    stranger = office.browser()
    stranger.cookies["staff_language"] = made_up
    page = stranger.get("/desk/sign-in")
    found += left_in_english(
        stranger.submit(page, "/desk/sign-in", name="1", passphrase="2", code="3"), known, "sign-in"
    )
    page = stranger.get("/desk/join")
    found += left_in_english(stranger.submit(page, "/desk/join", invitation="1"), known, "join")
    assert "\n".join(sorted(set(found))) == ""


def test_the_walk_itself_finds_english() -> None:
    assert plain_words('<p title="Hello">⟦ɐƃɔ⟧ 12 PL-14 UTC</p>') == ["Hello"]
    assert plain_words("<p>⟦ɐƃɔ today⟧</p><p translate=no>case:taken</p><p>Caritas</p>", {"Caritas"}) == ["⟦ɐƃɔ today⟧"]


# --- budgets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_queue_keeps_its_budget_in_every_language(opened: Opened, language: str) -> None:  # noqa: F811
    browser = opened.browsers["vera"]
    browser.cookies["staff_language"] = language
    with opened.office.statements() as counted:
        page = browser.get("/desk/")
    browser.cookies.pop("staff_language")
    assert language_of(page) == language
    assert len([statement for statement in counted.seen if not statement.startswith("BEGIN")]) <= 7
    assert len(gzip.compress(page.text.encode())) <= 25_000
    assert not re.search(r"\{\w+\}", page.text), "a field that nobody filled in"


def test_a_catalogue_is_looked_up_in_memory(opened: Opened) -> None:  # noqa: F811
    """A translator is made once for each language, with all that it reads from disk."""
    browser = opened.browsers["vera"]
    browser.cookies["staff_language"] = "de"
    browser.get("/desk/")
    before = translator.cache_info().misses
    browser.get("/desk/")
    browser.cookies.pop("staff_language")
    assert translator.cache_info().misses == before
