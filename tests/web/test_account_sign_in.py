"""Signing in at the desk: neutral, slow where it must be, and nothing that was typed is lost when a session ends."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.staff import service as staff
from app.staff.models import Member
from tests.support.desk import PASSPHRASE, StaffSite, running

WRONG = "is not correct, or the code has already been used"


def test_all_three_together_open_the_desk(office: StaffSite) -> None:
    browser = office.browser()
    page = office.sign_in("vera", browser)
    assert (page.status, page.location) == (303, "/desk/today")
    assert browser.get("/desk/").status == 200


def test_the_cookie_is_for_this_visit_and_for_us_alone(office: StaffSite) -> None:
    headers = office.sign_in("vera").response.headers.get_list("set-cookie")
    cookie = next(header for header in headers if header.startswith("staff="))
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert "Max-Age" not in cookie
    assert "expires" not in cookie.lower()


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(sqlite_database, tmp_path) -> None:
    with running(sqlite_database, tmp_path / "var", base_url="https://pristan.test") as office:
        page = office.sign_in("vera")
        cookie = next(one for one in page.response.headers.get_list("set-cookie") if one.startswith("__Host-staff="))
        assert "Secure" in cookie
        assert "Domain" not in cookie


@pytest.mark.parametrize("changed", [{"name": "nobody"}, {"passphrase": "wrong horse battery"}, {"code": "000000"}])
def test_what_was_wrong_is_not_told(office: StaffSite, changed: dict[str, str]) -> None:
    page = office.sign_in("vera", **changed)
    assert page.status == 401
    assert WRONG in page.words()
    assert PASSPHRASE not in page.text
    assert office.sessions() == 0


def test_a_code_opens_once(office: StaffSite) -> None:
    assert office.sign_in("vera").status == 303
    assert office.sign_in("vera").status == 401
    office.later(seconds=30)
    assert office.sign_in("vera").status == 303


def test_a_code_that_came_with_a_wrong_passphrase_is_used_up(office: StaffSite) -> None:
    assert office.sign_in("vera", passphrase="wrong horse battery").status == 401
    assert office.sign_in("vera").status == 401
    office.later(seconds=30)
    assert office.sign_in("vera").status == 303


def test_after_five_wrong_ones_nothing_is_right_for_five_minutes_and_the_page_says_the_same(office: StaffSite) -> None:
    for _try in range(5):
        assert office.sign_in("vera", code="000000").status == 401
    office.later(minutes=1)
    page = office.sign_in("vera")
    assert page.status == 401
    assert WRONG in page.words()
    office.later(minutes=5)
    assert office.sign_in("vera").status == 303


def test_no_transaction_is_open_while_a_passphrase_is_stretched(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove, seen = staff.open_seed, []

    def watched(*arguments: object) -> object:
        pool = office.database.engine.pool
        seen.append(pool.checkedout())  # type: ignore[attr-defined]
        if office.database.writer_lock is not None:
            seen.append(int(office.database.writer_lock.locked()))
        return prove(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(staff, "open_seed", watched)
    office.sign_in("vera")
    assert set(seen) == {0}


def test_two_are_stretched_at_once(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    prove, running_now, most = staff.open_seed, [], []

    def watched(*arguments: object) -> object:
        running_now.append(1)
        most.append(len(running_now))
        try:
            return prove(*arguments)  # type: ignore[arg-type]
        finally:
            running_now.pop()

    monkeypatch.setattr(staff, "open_seed", watched)
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _number: office.sign_in("vera", code="000000"), range(5)))
    assert max(most) <= 2


def test_strangers_do_not_shut_out_members(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """45 tries with made-up names wait, or are refused; whoever signs in where they did before goes past all of them."""
    browser = office.browser()
    assert office.sign_in("vera", browser).status == 303
    office.later(seconds=30)
    prove, at_once, over = staff.open_seed, threading.Semaphore(0), threading.Event()

    def watched(keys: object, tried: staff.SignInAttempt, passphrase: str) -> object:
        if tried.member_id is None:
            at_once.release()
            over.wait(60)
        return prove(keys, tried, passphrase)  # type: ignore[arg-type]

    monkeypatch.setattr(staff, "open_seed", watched)
    with ThreadPoolExecutor(45) as pool:
        tries = [pool.submit(office.sign_in, "vera", name=f"nobody{number}") for number in range(45)]
        try:
            assert at_once.acquire(timeout=60), "one of them has its turn"
            assert office.sign_in("vera", browser).status == 303
            assert not at_once.acquire(blocking=False), "and no other one beside it"
        finally:
            over.set()
    statuses = [one.result().status for one in tries]
    assert set(statuses) <= {401, 503}
    assert statuses.count(503) >= 45 - 13


def test_idle_for_a_quarter_of_an_hour_ends_it(office: StaffSite) -> None:
    browser = office.as_("vera")
    for _step in range(3):
        office.later(minutes=14)
        assert browser.get("/desk/").status == 200
    office.later(minutes=16)
    page = browser.get("/desk/?view=mine")
    assert (page.status, page.location) == (303, "/desk/sign-in?next=/desk/%3Fview%3Dmine")


def test_after_eight_hours_it_ends_however_busy(office: StaffSite) -> None:
    browser = office.as_("vera")
    for _step in range(34):
        office.later(minutes=14)
        assert browser.get("/desk/").status == 200
    office.later(minutes=10)
    assert browser.get("/desk/").status == 303


def test_signing_out_ends_it_at_once(office: StaffSite) -> None:
    browser = office.as_("vera")
    page = browser.get("/desk/")
    assert browser.submit(page, "/desk/sign-out").location == "/desk/sign-in"
    assert office.sessions() == 0
    assert browser.get("/desk/").status == 303


def test_somebody_switched_off_is_out_at_once(office: StaffSite) -> None:
    browser = office.as_("vera")
    with office.database.begin() as session:
        session.execute(sa.update(Member).where(Member.name == "vera").values(active=False))
    assert browser.get("/desk/").status == 303


def test_text_typed_before_the_session_ended_is_offered_again(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.get(f"/desk/cases/{label}")
    office.later(minutes=20)
    path = f"/desk/cases/{label}/message"
    page = browser.submit(page, path, text="A long answer\nof two lines")
    assert page.status == 401
    assert "You were signed out before your text was sent" in page.words()
    office.time.at = office.time.at.replace(second=0)
    page = browser.submit(page, "/desk/sign-in", name="vera", passphrase=PASSPHRASE, code=office.code("vera"))
    assert page.status == 200
    assert page.form(path)["text"] == "A long answer\nof two lines"
    assert browser.submit(page, path).location == f"/desk/cases/{label}?done=sent"
    page = browser.get(f"/desk/cases/{label}")
    page = browser.submit(page, f"/desk/cases/{label}/show")
    assert "A long answer" in page.words()


def test_a_wrong_passphrase_in_between_loses_nothing_either(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.browser()
    page = browser.post(f"/desk/cases/{label}/note", {"text": "Zeile", "version": "1", "csrf": "old"})
    page = browser.submit(page, "/desk/sign-in", name="vera", passphrase="wrong", code="1")
    assert page.form("/desk/sign-in")["again:text"] == "Zeile"


@pytest.mark.parametrize(
    "target", ["//evil.test/", "https://evil.test/", "/desk/../x", "/desk//evil.test", "/ru/", "/desk/\\evil"]
)
def test_the_way_back_leads_nowhere_else(office: StaffSite, target: str) -> None:
    browser = office.browser()
    page = browser.get("/desk/sign-in", params={"next": target})
    page = browser.submit(page, "/desk/sign-in", name="vera", passphrase=PASSPHRASE, code=office.code("vera"))
    assert page.location == "/desk/today"


def test_signing_in_needs_our_own_form(office: StaffSite) -> None:
    typed = {"name": "vera", "passphrase": PASSPHRASE, "code": office.code("vera")}
    assert office.browser().post("/desk/sign-in", typed).status == 403
    crossed = {"sec-fetch-site": "cross-site"}
    browser = office.browser()
    page = browser.get("/desk/sign-in")
    fields = {**page.form("/desk/sign-in"), **typed}
    assert browser.post("/desk/sign-in", fields, headers=crossed).status == 403
    assert office.sessions() == 0
    same = {"sec-fetch-site": "same-origin", "origin": "null"}
    assert browser.post("/desk/sign-in", fields, headers=same).status == 303


def test_signing_in_is_noted_without_words(office: StaffSite) -> None:
    office.sign_in("vera", code="000000")
    office.sign_in("vera")
    with office.database.begin(write=False) as session:
        actions = session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.seq)).all()
    assert [action for action in actions if action.startswith("staff:")] == ["staff:sign_in_failed", "staff:signed_in"]
