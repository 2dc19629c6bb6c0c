"""The person's pages in a real browser: the whole way without scripts at 320 px, and every page readable for everybody."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from app.core.db import Database
from app.core.i18n import LANGUAGES, Translator
from app.core.keyring import KeyRing
from app.directory import loader as directory_service
from app.directory.packs import load_packs
from app.main import create_app
from app.settings import Settings
from app.staff import team_setup
from app.web.components import rendering
from tests.support.desk import START, Time
from tests.support.live import address, free_port, served
from tests.support.pages import PHONE, enter, fits, focus, press
from tests.support.pages import check as readable

PLAIN = (
    "",
    *(f"form/{step}" for step in range(1, 8)),
    "form/all",
    "return",
    "safety",
    "contacts",
    "paper",
    "goodbye",
    "numbers",
)
EVERY_PART = ("", "form/all", "return", "contacts", "numbers")
"""Between them they hold every part that a page is made of; the others differ from language to language in words alone."""


@pytest.fixture(scope="module")
def base(kept_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The person's surface behind a real port, on SQLite."""
    packs = load_packs()
    with kept_database.begin() as session:
        directory_service.upsert(session, packs, START)
        team_setup.create_team(session, "all", "All", [country.code for country in packs.countries], START)
    bound, keys = free_port(), KeyRing.generate(START.date())
    settings = Settings(var=tmp_path_factory.mktemp("person"), base_url=address(bound), worker_in_web=False)
    app = create_app(settings, surfaces={"public"}, database=kept_database, keys=keys, clock=Time())
    with served(app, bound) as started:
        yield started


def check(page: Page, *, thorough: bool = True) -> None:
    """As everywhere, and with a contrast of 7:1."""
    readable(page, thorough=thorough, fingers=True, **{"color-contrast-enhanced": {"enabled": True}})


def next_step(page: Page) -> None:
    press(page, "button[name=next]")


def go(page: Page, base: str, lang: str = "ru") -> str:
    """The seven steps and the number, on a phone."""
    go_to_check(page, base, lang)
    press(page, "main form .actions button")
    return page.locator(".receipt").inner_text()


def go_to_check(page: Page, base: str, lang: str = "ru") -> None:
    """The seven steps, up to the page that shows who can help."""
    page.goto(f"{base}/{lang}/")
    press(page, "a.button")
    next_step(page)
    page.locator(".errors").wait_for()  # an empty required answer is asked for again
    page.check("input[value=self]")
    next_step(page)
    page.check("input[value=asylum]")
    next_step(page)
    page.check("input[value=DE]")
    next_step(page)
    page.check("input[value=unknown]")
    page.select_option("#f-letter_kind", "DE.asylum_appeal_simple")
    page.fill("#f-letter_received_on", f"{START:%Y-%m-%d}")
    page.select_option("#f-region", "DE-BE")
    next_step(page)
    page.check("input[name=speak][value=ru]")
    next_step(page)
    page.fill("#f-story", "Пришёл отказ.\nЯ не понимаю письмо.")
    next_step(page)
    next_step(page)
    page.wait_for_url("**/form/check")
    assert page.locator(".centre .reasons li").count() > 3


@pytest.mark.parametrize("lang", ["ru", "ka"])
def test_the_whole_way_on_a_phone_without_scripts(base: str, new_page: Callable[..., Page], lang: str) -> None:
    page = new_page(java_script_enabled=False, viewport=PHONE, locale=lang)
    number = go(page, base, lang)
    page.goto(f"{base}/{lang}/return")
    page.fill("#f-number", number)
    press(page, "main button")
    assert page.url == f"{base}/{lang}/case"
    page.fill("#f-text", "Ещё одна строка")
    press(page, "#thread button")
    expect(page.locator(".thread")).to_contain_text("Ещё одна строка")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_page_in_every_language_is_readable_for_everybody(
    base: str, new_page: Callable[..., Page], lang: str
) -> None:
    page = new_page(viewport=PHONE)
    for path in PLAIN:
        page.goto(f"{base}/{lang}/{path}")
        check(page, thorough=lang == "ru" or path in EVERY_PART)
    page.goto(f"{base}/{lang}/form/1")
    next_step(page)
    check(page)
    page.goto(f"{base}/{lang}/return")
    page.fill("#f-number", "1234")
    press(page, "main button")
    check(page)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_the_pages_with_an_answer_are_readable_in_the_light_and_in_the_dark(
    base: str, new_page: Callable[..., Page], look: str
) -> None:
    page = new_page(viewport=PHONE, color_scheme=look)
    number = go(page, base)
    check(page)
    page.go_back()
    check(page)
    page.goto(f"{base}/ru/return")
    page.fill("#f-number", number)
    press(page, "main button")
    check(page)


def test_twice_the_letter_size_still_fits(base: str, new_page: Callable[..., Page]) -> None:
    page = new_page(viewport=PHONE)
    for path in PLAIN:
        page.goto(f"{base}/de/{path}")
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert fits(page), path


def matching(what: str) -> str:
    return f"node => node.matches('{what}')"


def test_the_whole_way_and_back_is_gone_with_the_keyboard_alone(base: str, new_page: Callable[..., Page]) -> None:
    """From the first page to the number, back with the number, a message, a choice for a centre, a correction, and the end."""
    page = new_page(viewport=PHONE)
    page.goto(f"{base}/en/")
    focus(page, matching("main a.button"))
    enter(page)
    for choice in ("[name=for_whom]", "[name=needs]", "[name=country]", "[name=how_soon]", "", "", ""):
        if choice:
            focus(page, matching(choice))
            page.keyboard.press("Space")
        focus(page, matching("button[name=next]"))
        enter(page)
    page.wait_for_url("**/form/check")
    focus(page, matching("main form .actions button"))
    enter(page)
    page.wait_for_url("**/sent")
    number = "".join(page.locator(".receipt").inner_text().split())
    focus(page, matching("#f-last"))
    page.keyboard.type(number[-4:])
    enter(page)
    page.wait_for_url("**/goodbye")
    focus(page, matching('footer a[href$="/return"]'))
    enter(page)
    focus(page, matching("#f-number"))
    page.keyboard.type(number)
    enter(page)
    page.wait_for_url("**/case")
    focus(page, matching("#f-text"))
    page.keyboard.type("I am waiting")
    focus(page, matching("#f .actions button"))
    enter(page)
    expect(page.locator("#thread")).to_contain_text("I am waiting")
    focus(page, matching('a[href$="/case/centres"]'))
    enter(page)
    focus(page, matching("input[type=radio]:checked"))
    page.keyboard.press("ArrowDown")  # to "never"
    chosen = page.evaluate("document.activeElement.name")
    focus(page, matching("main form .actions button"))
    enter(page)
    page.wait_for_url("**/case/saved")
    page.goto(f"{base}/en/case/centres")
    expect(page.locator(f'input[name="{chosen}"][value=never]')).to_be_checked()
    page.goto(f"{base}/en/case")
    focus(page, matching('form[action$="/case/leave"] button'))
    enter(page)
    page.wait_for_url("**/goodbye")


def test_enter_and_the_go_key_go_on_from_every_text_field(base: str, new_page: Callable[..., Page]) -> None:
    """In Russian, because the language buttons lead to English first."""
    page = new_page(viewport=PHONE, java_script_enabled=False, has_touch=True, is_mobile=True)

    def go_on(path: str, field: str, text: str, then: str) -> None:
        if path:
            page.goto(f"{base}/ru/{path}")
        page.fill(field, text)
        page.focus(field)
        enter(page)
        assert page.url == f"{base}/ru/{then}", field

    go_on("form/4", "#f-letter_received_on", "1", "form/4?again=1")  # an answer is missing: the same step
    assert page.locator(".errors").count() == 1
    go_on("form/6", "#f-call_me", "Анна", "form/7")
    page.check("input[name=channel][value=phone]")
    go_on("", "#f-address", "+49 30 123456", "form/1?again=1")  # what is missing
    number = go(page, base)
    go_on("sent", "#f-last", "0000", "sent?mistyped=1")
    go_on("", "#f-last", number[-4:], "goodbye")
    go_on("return", "#f-number", "12", "return?again=1")
    go_on("", "#f-number", number, "case")
    go_on("case/answers/7", "#f-good_times", "вечером", "case/saved")
    go_on("form/all", "#f-call_me", "Анна", "form/all")
    assert page.locator(".errors").count() == 1


def test_the_check_page_leads_with_what_matters_and_folds_the_rest(base: str, new_page: Callable[..., Page]) -> None:
    page = new_page(viewport={"width": 390, "height": 800})
    go_to_check(page, base)
    assert page.locator("ol.centres:not([start]) > .centre").count() == 4
    assert page.evaluate("document.documentElement.scrollHeight") <= 2_500
    question = page.locator(".centre summary", has_text="Сначала спросите меня").first
    expect(question).to_be_visible()
    question.click()
    expect(page.locator(".centre input[value=never]").first).to_be_visible()
    check(page)
    expect(page.locator("#answers dl")).not_to_be_visible()
    page.set_viewport_size({"width": 1366, "height": 800})
    expect(page.locator("#answers dl")).to_be_visible()
    found, told = page.locator(".cols > div").first.bounding_box(), page.locator(".cols > .side").bounding_box()
    assert found is not None
    assert told is not None
    assert told["y"] == found["y"], "what they told us stands beside what we found, from the top"
    assert told["height"] > found["height"] / 4
    check(page, thorough=False)


@pytest.mark.parametrize(
    ("lang", "country", "letter", "needs"),
    [
        ("ru", "PL", "unknown", ("detention",)),
        ("ka", "GE", "GE.asylum_appeal_accelerated", ("detention", "deportation")),
    ],
)
def test_the_check_page_is_short_in_an_emergency_too(
    base: str, new_page: Callable[..., Page], lang: str, country: str, letter: str, needs: tuple[str, ...]
) -> None:
    page = new_page(viewport={"width": 390, "height": 800})
    page.goto(f"{base}/{lang}/form/1")
    page.check("input[value=self]")
    next_step(page)
    page.check("input[value=asylum]")
    page.locator("details.kind summary").nth(1).click()
    for need in needs:
        page.check(f"input[value={need}]")
    next_step(page)
    page.check(f"input[value={country}]")
    next_step(page)
    page.check("input[value=week]")
    page.select_option("#f-letter_kind", letter)
    if letter != "unknown":
        page.fill("#f-letter_received_on", Time()().date().isoformat())
    for _ in range(4):
        next_step(page)
    page.wait_for_url("**/form/check")
    assert page.locator(".urgent .phone").count() > 1
    assert page.locator(".centre.short").count() > 3
    assert page.evaluate("document.documentElement.scrollHeight") <= 2_500
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_shortest_way_takes_fourteen_taps_and_no_letter(base: str, new_page: Callable[..., Page]) -> None:
    page, taps = new_page(viewport=PHONE, has_touch=True, java_script_enabled=False), 0
    page.goto(f"{base}/ru/")

    def tap(what: str, *, leads_on: bool = True) -> None:
        nonlocal taps
        press(page, what, tap=True) if leads_on else page.locator(what).first.tap()
        taps += 1

    tap("main a.button")
    for choice in ("for_whom", "needs", "country", "how_soon"):
        tap(f"label:has([name={choice}])", leads_on=False)
        tap("button[name=next]")
    for _ in range(3):
        tap("button[name=next]")
    tap("main form .actions button")
    assert page.locator(".receipt").inner_text()
    assert taps <= 14


def test_leaving_shows_nothing_when_going_back(base: str, new_page: Callable[..., Page]) -> None:
    page = new_page(viewport=PHONE)
    page.goto(f"{base}/ru/form/6")
    page.fill("#f-story", "тайна")
    next_step(page)
    page.wait_for_url("**/form/7")
    page.go_back()
    page.fill("#f-story", "тайна тайн")
    with page.expect_response("**/leave") as left:
        page.click("a.leave")
    assert '"storage"' in left.value.all_headers()["clear-site-data"]
    expect(page).not_to_have_url(re.compile("127.0.0.1"))  # the weather page, which does not exist for this browser
    assert page.context.cookies() == []
    page.go_back()
    page.wait_for_load_state()
    assert "тайна" not in page.content()
    assert "тайна" not in page.evaluate("[...document.querySelectorAll('textarea')].map(one => one.value).join()")
    page.goto(f"{base}/ru/form/6")
    assert page.input_value("#f-story") == ""


def test_planted_words_and_the_number_are_in_no_address_title_or_log(
    base: str, new_page: Callable[..., Page], capfd: pytest.CaptureFixture[str]
) -> None:
    page, addresses, titles = new_page(viewport=PHONE), [], []
    page.on("request", lambda request: addresses.append(request.url))
    page.expose_binding("told", lambda _source, title: titles.append(title))
    page.add_init_script("addEventListener('load', () => told(document.title))")
    number = go(page, base)
    page.goto(f"{base}/ru/return")
    page.fill("#f-number", number)
    press(page, "main button")
    page.fill("#f-text", "жаворонок7731")
    press(page, "#thread button")
    logged = "".join(capfd.readouterr())
    assert '"route": "/{lang}/case/message"' in logged, "the log was looked at"
    logged = re.sub(r'"(?:timestamp|ms|\w+_id)": [^,}]+', "", logged)  # four digits of a moment are nobody's number
    addresses = [address.replace(base, "") for address in addresses]  # nor are those of the port
    kept = page.evaluate("[localStorage.length, sessionStorage.length, document.cookie.length]")
    assert len(set(titles)) > 5, "the titles were looked at"
    planted = ("отказ", "письмо", "7731", number, number.replace(" ", ""), number[-9:], "DE-BE", "asylum")
    for where in ("\n".join(addresses), "\n".join(titles), logged):
        assert [word for word in planted if word in where] == []
    assert kept == [0, 0, 0]


@pytest.mark.parametrize("lang", ["ru", "de", "ka"])
def test_the_paper_form_is_two_sheets_at_most_and_the_card_has_no_word(
    base: str, new_page: Callable[..., Page], lang: str
) -> None:
    page = new_page()
    page.goto(f"{base}/{lang}/paper")
    sheets = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", sheets)) <= 2
    if lang != "ru":
        return
    number = go(page, base)
    page.emulate_media(media="print")
    assert page.locator("body").inner_text().split() == number.split(), "the card holds the digits and nothing else"


def test_words_that_are_half_as_long_again_break_nothing(
    base: str, new_page: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A made-up language whose words are 45 % longer than English, in letters that English has not."""
    text, plural = Translator.text, Translator.plural

    def longer(said: str) -> str:
        pieces = re.split(r"(\s+)", said)
        return "".join(piece + "ø" * round(len(piece) * 0.45) if piece.strip() else piece for piece in pieces)

    monkeypatch.setattr(Translator, "text", lambda self, *args, **named: longer(text(self, *args, **named)))
    monkeypatch.setattr(Translator, "plural", lambda self, *args, **named: longer(plural(self, *args, **named)))
    monkeypatch.setattr(
        rendering, "_shared", rendering._shared.__wrapped__
    )  # no page in true English, none kept in this
    page = new_page(viewport=PHONE, java_script_enabled=True)
    for path in PLAIN:
        page.goto(f"{base}/en/{path}")
        assert "ø" in page.locator("main").inner_text(), path
        assert fits(page), path


def test_chosen_colours_and_no_motion_leave_everything_to_be_seen(base: str, new_page: Callable[..., Page]) -> None:
    page = new_page(viewport=PHONE, forced_colors="active", reduced_motion="reduce")
    page.goto(f"{base}/ru/form/1")
    next_step(page)
    for what in ("button[name=next]", ".leave"):
        assert page.evaluate("what => getComputedStyle(document.querySelector(what)).borderStyle", what) == "solid"
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    assert fits(page)


def test_no_page_asks_anybody_else_for_anything(base: str, new_page: Callable[..., Page]) -> None:
    page = new_page(viewport=PHONE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    go(page, base)
    assert [url for url in asked if not url.startswith(base)] == []
    assert all(url.split("?")[0].endswith(".css") or "/ru/" in url for url in asked), (
        "a page and its style, nothing else"
    )
