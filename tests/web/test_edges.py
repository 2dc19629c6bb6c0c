"""Small inputs that once went wrong, each with its right value: the rows of tests/data/edges.csv through the code that reads them.

A row whose rule is pure asks for no database. Each row has a function of its own here, and each function a row.
"""

import csv
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from app.api import etags
from app.api.dependencies import parse_id
from app.cli.main import app as commands
from app.client import conflicts
from app.core import identifiers, look_alikes, spreadsheet, written_dates
from app.core.errors import Invalid
from app.core.identifiers import Identifier, IdentifierKind
from app.core.written_dates import Fault, Nearest, NotADate
from app.directory.packs import load_packs
from app.intake import schemas
from app.matching import runs, urgency
from app.matching.deadlines import assess
from app.messaging import smtp
from app.referrals import deadlines
from app.referrals.deadlines import DeadlineEvent, Deadlines, DeadlineTerms
from app.referrals.states import DeadlineChange, ReferralVerb
from app.referrals.working_hours import hours_of
from app.staff.models import TeamCountry
from app.tasks.models import Task
from app.web.components.rendering import preferred_language
from tests.support.cases import ONE, THREE, partner, set_scene
from tests.support.desk import running
from tests.support.html import default_buttons
from tests.support.people import CENTRE, PersonSite, person_site_on, short_form

ROWS: Final = {
    row["case"]: row
    for row in csv.DictReader((Path(__file__).parents[1] / "data/edges.csv").read_text(encoding="utf-8").splitlines())
}
PACKS: Final = load_packs()
TODAY: Final = date(2026, 11, 30)
LETTER: Final = date(2026, 11, 24)
WHOLE: Final = {
    "for_whom": "self",
    "needs": ["asylum"],
    "how_soon": "none",
    "country": "PL",
    "consent": {"mode": "named"},
}

Driver = Callable[[str, pytest.FixtureRequest], None]
DRIVERS: Final[dict[str, Driver]] = {}


def row(case: str) -> Callable[[Driver], Driver]:
    """Registers the function that drives a row of the table; it is given what the row says was typed."""

    def register(drive: Driver) -> Driver:
        DRIVERS[case] = drive
        return drive

    return register


@pytest.mark.parametrize("case", ROWS)
def test_each_small_input_has_its_right_value(case: str, request: pytest.FixtureRequest):
    DRIVERS[case](ROWS[case]["input"], request)


def test_each_row_has_its_function_and_each_function_its_row():
    assert DRIVERS.keys() == ROWS.keys()


def opened(request: pytest.FixtureRequest, place: AbstractContextManager[Any]) -> Any:
    """What the context gives, until the end of the test."""
    request.addfinalizer(lambda: place.__exit__(None, None, None))
    return place.__enter__()


def site_of(request: pytest.FixtureRequest) -> PersonSite:
    """The person's pages on SQLite, for the rows that need them; the others ask for no database."""
    site: PersonSite = opened(
        request, person_site_on(request.getfixturevalue("sqlite_database"), request.getfixturevalue("tmp_path"))
    )
    return site


# --- dates and deadlines ---------------------------------------------------------------------------------------------


def reads_the_letter(typed: str, _request: pytest.FixtureRequest) -> None:
    assert written_dates.read(typed, today=TODAY) == LETTER


for _case in ("date-dots", "date-short-year", "date-russian", "date-en-dashes"):
    row(_case)(reads_the_letter)


@row("date-impossible")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    with pytest.raises(NotADate) as refused:
        written_dates.read(typed, today=TODAY)
    assert refused.value.fault is Fault.WRONG_DAY


@row("date-snooze")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    assert written_dates.read(typed, today=date(2026, 11, 24), nearest=Nearest.FUTURE) == date(2026, 11, 30)


def asked(day: date, **letter: str) -> Any:
    answers = {**WHOLE, "letter": {"kind": "border_leave_order_complaint", **letter}}
    return runs.facts_and_deadline(answers, PACKS, datetime(day.year, day.month, day.day, 10, tzinfo=UTC))


@row("letter-unknown-limit")
def _(_typed: str, _request: pytest.FixtureRequest) -> None:
    facts, found = asked(TODAY, received_on=(TODAY - timedelta(days=40)).isoformat())
    assert found.passed
    assert not found.is_known
    assert (
        urgency.assess(
            needs=facts.needs, helps=(), happened=(), how_soon="none", last_safe_day=found.last_safe_day, today=TODAY
        )
        == "emergency"
    )


@row("letter-asked-again")
def _(_typed: str, _request: pytest.FixtureRequest) -> None:
    days = [
        assess(None, None, PACKS.country("PL"), today, asked_on=TODAY).last_safe_day
        for today in (TODAY, TODAY + timedelta(days=1))
    ]
    assert days[0] == days[1]


def open_hours(country: str, offered: datetime, deadline: date | None) -> timedelta:
    """How long the organisations of a country work before an urgent offer of this moment expires."""
    hours = hours_of(country)
    times = deadlines.after_event(
        Deadlines(),
        DeadlineEvent(DeadlineChange.START_ANSWER, offered),
        DeadlineTerms("urgent", hours, deadline),
    )
    assert times.expires_at is not None
    return hours.time_between(offered, times.expires_at)


@row("urgent-before-a-weekend")
def _(_typed: str, _request: pytest.FixtureRequest) -> None:
    assert open_hours("PL", datetime(2026, 11, 27, 17, 30, tzinfo=UTC), date(2026, 12, 1)) >= timedelta(hours=4)


@row("urgent-before-easter")
def _(_typed: str, _request: pytest.FixtureRequest) -> None:
    assert open_hours("GE", datetime(2026, 4, 8, 14, 30, tzinfo=UTC), None) >= timedelta(hours=4)


# --- the same person -------------------------------------------------------------------------------------------------


def share(listed: list[Identifier], typed: list[Identifier]) -> bool:
    return bool({one.canonical() for one in listed if one.strong} & {one.canonical() for one in typed if one.strong})


def same_phone(listed: str, typed: str) -> None:
    number, _, country = typed.partition(" by somebody in ")
    assert share(identifiers.phones(listed, "PL"), identifiers.of_contact("phone", number, country))


@row("phone-eight-in-poland")
@row("phone-seven-in-germany")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    same_phone("+7 916 123-45-67", typed)


@row("phone-belarusian-trunk")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    same_phone("+375 29 123-45-67", typed)


def same_name(listed: str, typed: str) -> None:
    assert share(identifiers.names(listed), identifiers.names(typed))


@row("name-patronymic")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    same_name("Пётр Петрович Иванов", typed)


@row("name-belarusian")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    same_name("Аляксандр Іваноў", typed)


@row("name-soft-sign")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    same_name("Иван Васильев", f"Ivan {typed}")


@row("name-tatar")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    same_name("Рөстәм Әли", typed)


@row("handle-invisible")
def _(_typed: str, _request: pytest.FixtureRequest) -> None:
    listed = identifiers.handle("@exile_demo")
    assert listed == identifiers.handle("@exile_demo\u200b") == Identifier(IdentifierKind.HANDLE, "exile_demo")


@row("handle-word-before")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    assert identifiers.of_contact("telegram", typed, "PL") == [Identifier(IdentifierKind.HANDLE, "exile_demo")]
    read = schemas.read({**WHOLE, "answer_by": {"channel": "telegram", "address": typed}}, PACKS, TODAY)
    assert read.contact.address == "@exile_demo"


def refused_as(channel: str, typed: str) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        schemas.read({**WHOLE, "answer_by": {"channel": channel, "address": typed}}, PACKS, TODAY)
    return [(error["pointer"], error["code"]) for error in refused.value.errors]


@row("phone-zeros")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    assert refused_as("phone", typed) == [("/answer_by/address", "not_a_number")]


@row("handle-empty")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    assert refused_as("telegram", typed) == [("/answer_by/address", "not_a_user_name")]


@row("mail-cyrillic-letter")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    assert refused_as("email", typed) == [("/answer_by/address", "look_alike")]
    assert look_alikes.meant("email", typed) == "ivan.demo@mail.ru"


@row("mail-mailto")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    assert identifiers.email(typed) == Identifier(IdentifierKind.EMAIL, "ivan.demo@mail.ru")
    read = schemas.read({**WHOLE, "answer_by": {"channel": "email", "address": typed}}, PACKS, TODAY)
    assert read.contact.address == "ivan.demo@mail.ru"


@row("mail-cyrillic-domain")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    assert smtp.wire_address(typed) == "ivan.demo@xn--80a1acny.xn--p1ai"


# --- lists and exports -----------------------------------------------------------------------------------------------


@row("list-semicolons")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    found = conflicts.read_file(f"{typed}\nИван Иванов;8 916 123-45-67;ivan@example.org\n".encode(), "PL")
    assert found.problems == ()
    assert found.understood == {"name": 1, "phone": 1, "email": 1}


@row("list-heading")
def _(_typed: str, _request: pytest.FixtureRequest) -> None:
    found = conflicts.read(["Name,Phone number", "Ivan Ivanov,+79161234567"], "PL")
    assert found.problems == ()
    assert Identifier(IdentifierKind.PHONE, "+79161234567") in found.identifiers


@row("list-exponent")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    found = conflicts.read(["name;phone", f"Иван Иванов;{typed}"], "PL")
    assert [(problem.row, problem.column) for problem in found.problems] == [(2, "B")]
    assert not [one for one in found.identifiers if one.kind is IdentifierKind.PHONE]


@row("list-two-in-a-cell")
def _(_typed: str, _request: pytest.FixtureRequest) -> None:
    found = conflicts.read(["phone", '"+7 916 123-45-67, +375 29 123-45-67"'], "PL")
    assert {one.text for one in found.identifiers} == {"+79161234567", "+375291234567"}


@row("export-full-width")
def _(_typed: str, _request: pytest.FixtureRequest) -> None:
    assert spreadsheet.safe_text('\uff1dHYPERLINK("x")').startswith("'")


# --- pages of the person ---------------------------------------------------------------------------------------------


@row("text-vertical-tab")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    browser = short_form(site_of(request).browser(), "en", until_check=True, story="one\x0btwo\x0cthree")
    assert "one<br>two<br>three" in browser.answer.text


@row("text-message-controls")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    browser = returned(request)
    browser.fill("case/message", text="four\x00teen\x1b")
    assert "fourteen" in browser.answer.text


@row("text-too-long")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    browser = site_of(request).browser().open("/en/form/6").fill(story="x" * (schemas.LONGEST_STORY + 1))
    assert browser.answer.status_code == 422
    assert "This is too long. Please shorten it." in browser.text


@row("form-enter")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    browser = site_of(request).browser().open("/ru/form/4")
    (pressed,) = [button for _action, button, fields in default_buttons(browser.answer.text) if fields]
    assert pressed.endswith(": Дальше")


@row("form-sent-twice")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    browser = short_form(site_of(request).browser(), "en", until_check=True)
    check = browser.answer
    browser.fill(**{f"c_{CENTRE}": "allow"})
    browser.answer = check
    browser.fill(**{f"c_{CENTRE}": "never"})
    assert "Your request had already been sent, with the choices you made first." in browser.text


def returned(request: pytest.FixtureRequest) -> Any:
    """A browser on the page of a request."""
    site = site_of(request)
    number = short_form(site.browser(), "en").number()
    return site.browser().open("/en/return").fill(number=number)


@row("form-five-taps")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    browser = returned(request)
    page = browser.answer
    for _time in range(5):
        browser.answer = page
        browser.fill("case/message", text="one word: persimmon")
    assert browser.answer.text.count("persimmon") == 1


@row("number-sign")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    site = site_of(request)
    number = short_form(site.browser(), "en").number()
    assert site.browser().open("/en/return").fill(number=f"№ {number}").answer.url.path == "/en/case"


@row("number-too-few")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    browser = site_of(request).browser().open("/en/return").fill(number="1234 " * 6 + "12")
    assert "You typed 26 digits. A number has 28 digits." in browser.text


@row("country-without-team")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    site = site_of(request)
    with site.database.begin() as session:
        session.execute(sa.delete(TeamCountry).where(TeamCountry.country == "LT"))
    browser = site.browser().open("/en/form/3").fill(country="LT")
    assert browser.answer.status_code == 422
    assert "Nobody here takes requests from this country." in browser.text


@row("country-armenia")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    browser = site_of(request).browser().open("/en/elsewhere/am")
    assert browser.answer.status_code == 200
    assert "Armenia" in browser.text
    assert browser.page.css("main a[href^=http], main a[href^=mailto], main a[href^=tel]")


# --- HTTP and the API ------------------------------------------------------------------------------------------------


@row("http-head")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    answer = site_of(request).browser().client.head("/healthz")
    assert (answer.status_code, answer.content) == (200, b"")


@row("http-no-slash")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    answer = site_of(request).browser().client.get("/ru")
    assert (answer.status_code, answer.headers["location"]) == (308, "/ru/")


@row("http-slash-too-many")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    answer = site_of(request).browser().client.get("/hsds/3.1/services/")
    assert (answer.status_code, answer.headers["location"]) == (308, "/hsds/3.1/services")


@row("http-weak-tag")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    assert etags.version_in(typed) == 2


@row("http-capitals")
def _(_typed: str, _request: pytest.FixtureRequest) -> None:
    text = "3f0c8a52-6b1e-4a4e-9d4b-0c1a7e5d2f10"
    assert parse_id(text.upper()) == parse_id(text) == UUID(text)


@row("http-language")
def _(typed: str, _request: pytest.FixtureRequest) -> None:
    assert preferred_language(typed) == "pl"


@row("api-unix-time")
def _(_typed: str, _request: pytest.FixtureRequest) -> None:
    for written in (1795910400, "1795910400", 1764200000, "1764200000"):
        with pytest.raises(Invalid) as refused:
            schemas.read({**WHOLE, "letter": {"received_on": written}}, PACKS, TODAY)
        assert [(e["pointer"], e["code"]) for e in refused.value.errors] == [("/letter/received_on", "not_a_day")]


@row("api-yes")
def _(_typed: str, _request: pytest.FixtureRequest) -> None:
    with pytest.raises(Invalid) as refused:
        schemas.read({**WHOLE, "count_me": "yes"}, PACKS, TODAY)
    assert [(e["pointer"], e["code"]) for e in refused.value.errors] == [("/count_me", "not_a_boolean")]


@row("match-bad-files")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue("tmp_path")
    for number, content in enumerate((b"", b"\xef\xbb\xbf", b'{"for_whom": "se')):
        file = folder / str(number)
        file.write_bytes(content)
        done = CliRunner().invoke(commands, ["match", str(file)])
        assert done.exit_code == 2
        assert "Traceback" not in done.output
        assert isinstance(done.exception, SystemExit)


# --- the desk --------------------------------------------------------------------------------------------------------


@row("label-small-letters")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    place = running(request.getfixturevalue("sqlite_database"), request.getfixturevalue("tmp_path"))
    office = opened(request, place)
    label, _receipt = office.file()
    assert office.as_("vera").get(f"/desk/cases/{label.lower()}").location == f"/desk/cases/{label}"


@row("needs-two-centres")
def _(_typed: str, request: pytest.FixtureRequest) -> None:
    scene = set_scene(request.getfixturevalue("sqlite_database"))
    case = scene.case(ONE, THREE, needs=["asylum", "psychosocial"])
    first, second = scene.offered(ONE, case), scene.offered(THREE, case)
    scene.act(second, ReferralVerb.ACCEPT, partner(THREE))
    scene.act(second, ReferralVerb.COMPLETE, partner(THREE), outcome="resolved")
    assert scene.needs(case) == {"asylum": "offered", "psychosocial": "helped"}
    scene.act(first, ReferralVerb.DECLINE, partner(ONE), reason="out_of_scope")
    assert scene.needs(case) == {"asylum": "open", "psychosocial": "helped"}
    assert scene.case_row(case).closed_at is None
    with scene.database.begin(write=False) as session:
        tasks = sa.select(Task.kind).where(Task.case_id == case, Task.done_at.is_(None))
        assert "find_next" in set(session.scalars(tasks))
