"""Passkeys beside the one-time code, with an authenticator in software; and nobody locks a colleague out."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.core.db import Database
from app.staff.models import Member
from app.staff.passkeys import Passkey, UsedChallenge
from tests.support.authenticator import Authenticator
from tests.support.desk import PASSPHRASE, Browser, Page, StaffSite, running

HERE = "https://pristan.test"
MAKE, USE = '[data-passkey="make"]', '[data-passkey="use"]'


@pytest.fixture
def tls(database: Database, tmp_path: Path) -> Iterator[StaffSite]:
    with running(database, tmp_path / "var", base_url=HERE) as office:
        yield office


def question(page: Page, which: str) -> dict[str, object]:
    button = page.tree.css_first(f"button{which}")
    assert button is not None, page.words()
    asked: dict[str, object] = json.loads(str(button.attributes["data-question"]))
    return asked


def add(office: StaffSite, who: str = "vera", device: Authenticator | None = None, **changed: str) -> Authenticator:
    device = device or Authenticator(HERE)
    browser = office.as_(who)
    page = browser.get("/desk/me")
    made = device.make(question(page, MAKE))
    done = browser.submit(page, "/desk/me/passkeys", **{"passkey": made, "label": "my phone", **changed})
    assert done.location == "/desk/me?done=passkey_added", done.words()
    return device


def sign_in_with(office: StaffSite, device: Authenticator, browser: Browser | None = None, **changed: str) -> Page:
    browser = browser or office.browser()
    page = browser.get("/desk/sign-in")
    typed = {"name": "vera", "passphrase": PASSPHRASE, "passkey": device.use(question(page, USE)), **changed}
    return browser.submit(page, "/desk/sign-in", **typed)


def test_a_passkey_and_the_passphrase_open_the_queue_and_a_code_still_does(tls: StaffSite) -> None:
    device = add(tls)
    browser = tls.browser()
    assert sign_in_with(tls, device, browser).location == "/desk/today"
    assert "passkey" in browser.get("/desk/me").words()
    assert sign_in_with(tls, device).status == 303
    assert tls.sign_in("vera").status == 303


def test_several_devices_each_sign_in_until_one_is_removed(tls: StaffSite) -> None:
    phone, key = add(tls), add(tls, label="security key")
    assert [sign_in_with(tls, one).status for one in (phone, key)] == [303, 303]
    browser = tls.as_("vera")
    page = browser.get("/desk/me")
    with tls.database.begin(write=False) as session:
        first = session.scalars(sa.select(Passkey.id).where(Passkey.label == "my phone")).one()
    assert browser.submit(page, f"/desk/me/passkeys/{first}/remove").location.endswith("passkey_removed")
    assert [sign_in_with(tls, one).status for one in (phone, key)] == [401, 303]


def test_a_passkey_that_is_added_or_removed_gives_the_session_a_fresh_secret(tls: StaffSite) -> None:
    device, browser = Authenticator(HERE), tls.as_("vera")
    former = dict(browser.cookies)
    page = browser.get("/desk/me")
    made = device.make(question(page, MAKE))
    browser.submit(page, "/desk/me/passkeys", passkey=made, label="my phone")
    fresh = dict(browser.cookies)
    assert fresh != former
    with tls.database.begin(write=False) as session:
        added = session.scalars(sa.select(Passkey.id)).one()
    page = browser.get("/desk/me")
    assert page.status == 200, "the member goes on"
    browser.submit(page, f"/desk/me/passkeys/{added}/remove")
    assert browser.cookies not in (fresh, former)
    stolen = tls.browser()
    for secret in (former, fresh):
        stolen.cookies = secret
        assert stolen.get("/desk/me").status == 303, "whoever copied the former secret is out"


@pytest.mark.parametrize("changed", [{"name": "pavel"}, {"passphrase": "wrong horse battery"}, {"passkey": "{}"}])
def test_a_passkey_alone_opens_nothing(tls: StaffSite, changed: dict[str, str]) -> None:
    device = add(tls)
    assert sign_in_with(tls, device, **changed).status == 401


def test_a_device_that_did_not_ask_who_holds_it_is_refused(tls: StaffSite) -> None:
    device = Authenticator(HERE, verifies=False)
    browser = tls.as_("vera")
    page = browser.get("/desk/me")
    refused = browser.submit(page, "/desk/me/passkeys", passkey=device.make(question(page, MAKE)), label="x")
    assert refused.status == 422
    device = add(tls)
    device.verifies = False
    assert sign_in_with(tls, device).status == 401


def test_an_answer_given_to_another_site_is_refused(tls: StaffSite) -> None:
    device = add(tls)
    device.origin = "https://pristan.evil"
    assert sign_in_with(tls, device).status == 401


def test_an_answer_counts_once_and_only_for_its_own_form(tls: StaffSite) -> None:
    device = add(tls, device=Authenticator(HERE, counts=False))
    browser = tls.browser()
    page = browser.get("/desk/sign-in")
    answer = device.use(question(page, USE))
    typed = {"name": "vera", "passphrase": PASSPHRASE, "passkey": answer}
    elsewhere = tls.browser()
    assert elsewhere.submit(elsewhere.get("/desk/sign-in"), "/desk/sign-in", **typed).status == 401
    assert browser.submit(page, "/desk/sign-in", **typed).status == 303
    assert browser.submit(page, "/desk/sign-in", **typed).status == 401
    tls.later(hours=2)
    with tls.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(UsedChallenge)) == 2


def test_an_old_challenge_is_refused(tls: StaffSite) -> None:
    device, browser = add(tls), tls.browser()
    page = browser.get("/desk/sign-in")
    answer = device.use(question(page, USE))
    tls.later(hours=1, seconds=2)
    typed = {"name": "vera", "passphrase": PASSPHRASE, "passkey": answer}
    assert browser.submit(page, "/desk/sign-in", **typed).status == 401


def test_a_copied_passkey_shows_by_its_count(tls: StaffSite) -> None:
    device = add(tls)
    copy = Authenticator(HERE, count=device.count, credential_id=device.credential_id, key=device.key)
    assert [sign_in_with(tls, device).status for _ in range(2)] == [303, 303]
    assert sign_in_with(tls, copy).status == 401


@pytest.mark.parametrize(
    "broken", ["[]", "{", '{"id": 7}', '{"id": "é", "response": {"clientDataJSON": "###"}}', "[" * 5000]
)
def test_nonsense_is_a_wrong_sign_in_and_no_failure(tls: StaffSite, broken: str) -> None:
    browser = tls.browser()
    page = browser.get("/desk/sign-in")
    assert browser.submit(page, "/desk/sign-in", name="vera", passphrase=PASSPHRASE, passkey=broken).status == 401
    inside = tls.as_("vera")
    assert inside.submit(inside.get("/desk/me"), "/desk/me/passkeys", passkey=broken, label="x").status == 422


def test_only_the_pages_with_passkeys_may_run_a_script_and_only_ours(tls: StaffSite) -> None:
    browser = tls.as_("vera")
    for path, allowed in (("/desk/sign-in", True), ("/desk/me", True), ("/desk/", False), ("/desk/join", False)):
        policy = browser.get(path).response.headers["content-security-policy"]
        assert ("script-src 'self';" in policy) == allowed, path
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy


def test_at_a_bare_address_there_are_codes_only(sqlite_database: Database, tmp_path: Path) -> None:
    with running(sqlite_database, tmp_path / "var", base_url="http://127.0.0.1:8000") as office:
        assert office.browser().get("/desk/sign-in").tree.css_first("[data-passkey]") is None
        assert "this server has no host name with TLS" in office.as_("vera").get("/desk/me").words()


# --- nobody is locked out by strangers --------------------------------------------------------------------------------


def lock_out(office: StaffSite, name: str = "vera") -> None:
    for _try in range(6):
        assert office.sign_in(name, code="000000").status == 401


def test_a_stranger_who_knows_the_name_shuts_nobody_out_of_a_known_browser_or_a_passkey(tls: StaffSite) -> None:
    known = tls.browser()
    assert tls.sign_in("vera", known).status == 303
    device = add(tls)
    tls.later(minutes=1)
    lock_out(tls)
    assert tls.sign_in("vera").status == 401, "a browser that nobody knows has to wait"
    assert tls.sign_in("vera", known).status == 303
    assert sign_in_with(tls, device).status == 303
    tls.later(minutes=1)
    lock_out(tls)
    assert tls.sign_in("vera", known).status == 303


def test_a_known_browser_waits_after_its_own_wrong_tries(tls: StaffSite) -> None:
    known = tls.browser()
    tls.sign_in("vera", known)
    for _try in range(5):
        assert tls.sign_in("vera", known, code="000000").status == 401
    tls.later(minutes=1)
    assert tls.sign_in("vera", known).status == 401
    assert tls.sign_in("vera").status == 303, "strangers' tries are counted apart"


def test_a_colleague_lets_somebody_in_who_is_kept_out(tls: StaffSite) -> None:
    lock_out(tls)
    tls.later(minutes=1)
    with tls.database.begin(write=False) as session:
        vera = session.scalars(sa.select(Member.id).where(Member.name == "vera")).one()
    colleague = tls.as_("sofia")
    page = colleague.get("/desk/members")
    assert colleague.submit(page, f"/desk/members/{vera}/let-in").location.endswith("let_in")
    with tls.database.begin(write=False) as session:
        assert session.scalars(sa.select(Member.account_notice).where(Member.name == "vera")).one() == "member:let_in"
    lock_out(tls)
    assert tls.sign_in("vera").status == 303
    for _again in range(2):
        assert colleague.submit(page, f"/desk/members/{vera}/let-in").status == 303
    refused = colleague.submit(page, f"/desk/members/{vera}/let-in")
    assert refused.status == 409, "three times a day, so that nobody guesses on and on"


def test_the_same_is_written_for_a_name_that_nobody_has(tls: StaffSite) -> None:
    """Else the time of one commit would tell which names exist."""
    written = []
    for name in ("vera", "nobody"):
        with tls.statements() as counter:
            tls.sign_in("vera", name=name, code="000000")
        written.append([statement.split()[0] for statement in counter.seen if not statement.startswith("SELECT")])
    assert ("INSERT" in written[0], "INSERT" in written[1]) == (True, True)
