"""The person's own code: in an unknown browser it opens their own words, a few times within a day, and they are told."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.casework.shown_codes import BINDING
from app.core import sealing, stretching
from app.intake.receipts import Receipt
from app.links import codes
from app.links.models import ShownCode
from app.privacy import service as privacy
from tests.support.desk import ADDRESS, NAME, STORY, Browser, StaffSite


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stretching has its real cost elsewhere; here only what follows from the key matters."""
    monkeypatch.setattr(codes, "_MEMORY_KIB", 8)


def person(office: StaffSite, receipt: Receipt) -> Browser:
    browser = office.browser()
    browser.submit(browser.get("/en/return"), "/en/return", number=receipt.grouped())
    return browser


def made(browser: Browser) -> str:
    done = browser.submit(browser.get("/en/case"), "/en/case/code")
    page = browser.get(done.location)
    found = re.search(r"(?:\d{4} ){4}\d{4}", page.words())
    assert found, page.words()
    return found[0]


def opened(office: StaffSite, code: str) -> str:
    page = office.browser().post("/en/show", {"code": code})
    assert page.response.headers["cache-control"] == "no-store"
    assert page.status == (200 if STORY in page.text else 422)
    return page.text


def test_it_opens_the_persons_words_three_times_and_never_who_they_are(office: StaffSite) -> None:
    _label, receipt = office.file(language="en")
    browser = person(office, receipt)
    code = made(browser)
    for _look in range(5):
        assert office.browser().get("/en/show").status == 200, "looking at the page uses nothing up"
    for _time in range(3):
        text = opened(office, code)
        assert STORY in text
        assert NAME not in text
        assert ADDRESS not in text
    assert STORY not in opened(office, code), "it is used up"
    assert "Somebody opened what you wrote with the code that you made." in browser.get("/en/case").words()


def test_it_ends_after_a_day_when_it_is_stopped_and_when_a_new_one_is_made(office: StaffSite) -> None:
    _label, receipt = office.file(language="en")
    browser = person(office, receipt)
    first = made(browser)
    second = made(browser)
    assert STORY not in opened(office, first)
    assert STORY in opened(office, second)
    browser.submit(browser.get("/en/case"), "/en/case/code", stop="yes")
    assert STORY not in opened(office, second)
    third = made(browser)
    office.time.at += timedelta(hours=25)
    assert STORY not in opened(office, third)


def test_nothing_of_the_code_is_stored_and_erasure_deletes_the_row(office: StaffSite) -> None:
    label, receipt = office.file(language="en")
    code = made(person(office, receipt)).replace(" ", "")
    with office.database.begin() as session:
        row = session.execute(sa.select(ShownCode.__table__)).one()
        assert code.encode() not in b"".join(value for value in row if isinstance(value, bytes))
        assert row.expires_at.minute == row.expires_at.second == 0
        case = session.get_one(type(office.case(label)), office.case(label).id)
        privacy.erase(session, case, actor_kind="person", now=office.time.at)
    assert STORY not in opened(office, code)
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(ShownCode)).all() == []


def test_a_guess_costs_its_stretching_even_with_the_key_file(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the database and the key file compares look-up ids: each comparison must cost Argon2id."""
    real, asked = stretching.stretched, []
    monkeypatch.setattr(stretching, "stretched", lambda *given: asked.append(given) or real(*given))
    _label, receipt = office.file(language="en")
    code = made(person(office, receipt))
    with office.database.begin() as session:
        (row,) = session.scalars(sa.select(ShownCode))
        bare = office.keys.mac("shown-code", sealing.derive(codes.read(code).encode(), "shown-code:look-up"))
        assert row.look_up_id not in office.keys.hidden_forms(bare, *BINDING)
    asked.clear()
    opened(office, codes.grouped(codes.new_code()))
    assert len(asked) == 1


def test_a_mistyped_code_is_no_look_up() -> None:
    code = codes.new_code()
    assert codes.read(codes.grouped(code)) == code
    assert codes.read("٠" * 20) is None
    assert codes.read(code[:-1] + str((int(code[-1]) + 1) % 10)) is None


def test_no_transaction_is_open_while_the_key_of_a_code_is_computed(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of a second inside the one writer's transaction would hold up everybody else who writes."""
    real, open_then = codes.stretched, []

    def watched(*given: str) -> bytes:
        open_then.append(office.database.engine.pool.checkedout())  # type: ignore[attr-defined]
        return real(*given)

    _label, receipt = office.file(language="en")
    browser = person(office, receipt)
    monkeypatch.setattr(codes, "stretched", watched)
    code = made(browser)
    assert STORY in opened(office, code)
    assert STORY not in opened(office, codes.grouped(codes.new_code()))
    assert open_then == [0, 0], "once to make it, once to open it, never for a code that opens nothing"
