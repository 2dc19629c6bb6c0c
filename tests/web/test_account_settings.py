"""One's own sign-in: sessions, passphrase, code app."""

import pyotp
import pytest
import sqlalchemy as sa

from app.staff import service as staff
from app.staff.models import Member
from tests.support.desk import PASSPHRASE, StaffSite

NEW = "four quite different words"


def change(office: StaffSite, browser, **typed: str):
    page = browser.get("/desk/me")
    fields = {"passphrase": PASSPHRASE, "passphrase_new": NEW, "passphrase_again": NEW, **typed}
    return browser.submit(page, "/desk/me/passphrase", **fields)


def test_a_new_passphrase_opens_the_same_keys_and_ends_all_other_sessions(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser, elsewhere = office.as_("vera"), office.as_("vera")
    assert change(office, browser).location == "/desk/me?done=passphrase"
    assert browser.get("/desk/").status == 200
    assert elsewhere.get("/desk/").status == 303
    assert office.sign_in("vera").status == 401
    office.later(seconds=30)  # a code is used up by a wrong passphrase too
    fresh = office.browser()
    assert office.sign_in("vera", fresh, passphrase=NEW).status == 303
    page = fresh.get(f"/desk/cases/{label}")
    assert "zinnober-story-of-mine" in fresh.submit(page, f"/desk/cases/{label}/show").text


@pytest.mark.parametrize(
    "typed",
    [
        {"passphrase": "not the present one"},
        {"passphrase_new": "short", "passphrase_again": "short"},
        {"passphrase_again": "another one altogether"},
    ],
)
def test_a_passphrase_that_does_not_fit_changes_nothing_and_is_not_shown_again(
    office: StaffSite, typed: dict[str, str]
) -> None:
    page = change(office, office.as_("vera"), **typed)
    assert page.status == 422
    assert PASSPHRASE not in page.text
    assert NEW not in page.text
    assert office.sign_in("vera").status == 303


def test_sessions_are_listed_and_ended_one_by_one_or_all(office: StaffSite) -> None:
    here, there, far = office.as_("vera"), office.as_("vera"), office.as_("vera")
    stranger = office.as_("pavel")
    page = here.get("/desk/me")
    ends = [
        str(form.attributes["action"])
        for form in page.tree.css("form")
        if str(form.attributes["action"]).endswith("/end")
    ]
    assert len(ends) == 2
    csrf = stranger.get("/desk/me").form("/desk/sign-out")["csrf"]
    stranger.post(ends[0], {"csrf": csrf})
    assert [one.get("/desk/").status for one in (here, there, far)] == [200, 200, 200], "another's is not theirs to end"
    here.submit(page, ends[0])
    assert sorted(one.get("/desk/").status for one in (here, there, far)) == [200, 200, 303]
    here.submit(page, "/desk/me/sessions/end-others")
    assert [one.get("/desk/").status for one in (here, there, far)] == [200, 303, 303]
    assert stranger.get("/desk/").status == 200


def test_another_code_app_counts_from_its_first_code_on(office: StaffSite) -> None:
    browser, elsewhere = office.as_("vera"), office.as_("vera")
    page = browser.get("/desk/me/code")
    secret = next(node.text() for node in page.tree.css("p.code")).replace(" ", "").strip()
    assert browser.submit(page, "/desk/me/code", code="000000").status == 422
    assert office.sign_in("vera").status == 303, "nothing has changed yet"
    code = pyotp.TOTP(secret).at(office.time.at)
    assert browser.submit(page, "/desk/me/code", code=code).location == "/desk/me?done=code_changed"
    assert elsewhere.get("/desk/").status == 303
    office.later(minutes=1)
    assert office.sign_in("vera").status == 401
    assert office.sign_in("vera", code=pyotp.TOTP(secret).at(office.time.at)).status == 303


def test_a_secret_from_another_form_is_not_taken(office: StaffSite) -> None:
    """The secret is encrypted in the form, so that nobody can put one of their own in."""
    page = office.as_("pavel").get("/desk/me/code")
    secret = next(node.text() for node in page.tree.css("p.code")).replace(" ", "").strip()
    vera = office.as_("vera")
    typed = {"seat": page.form("/desk/me/code")["seat"], "code": pyotp.TOTP(secret).at(office.time.at)}
    assert vera.submit(vera.get("/desk/me/code"), "/desk/me/code", **typed).status == 422


# --- fresh proof, and being told -------------------------------------------------------------------------------------


def test_what_changes_the_sign_in_takes_a_fresh_one(office: StaffSite) -> None:
    """A browser that was left open changes nothing; ten minutes after signing in it takes passphrase and code again."""
    vera, elsewhere = office.as_("vera"), office.as_("vera")
    page = vera.get("/desk/me")
    csrf = page.form("/desk/sign-out")["csrf"]
    (end,) = (
        str(form.attributes["action"])
        for form in page.tree.css("form")
        if str(form.attributes["action"]).endswith("/end")
    )
    other = end.split("/")[-2]
    assert "sign in again first" not in page.words()
    office.later(minutes=11)
    assert "sign in again first" in vera.get("/desk/me").words()
    assert vera.get("/desk/me/code").location.startswith("/desk/sign-in")
    typed = {"csrf": csrf, "passphrase": PASSPHRASE, "passphrase_new": NEW, "passphrase_again": NEW, "label": "x"}
    nobody = "00000000-0000-4000-8000-000000000000"
    for path in (
        "passphrase",
        "code",
        "passkeys",
        f"passkeys/{nobody}/remove",
        "sessions/end-others",
        f"sessions/{other}/end",
    ):
        answer = vera.post(f"/desk/me/{path}", typed)
        assert answer.status == 401, path
        assert "sign in again first" in answer.words()
        assert NEW not in answer.text
    assert vera.get("/desk/").status == 200, "everything else goes on"
    assert elsewhere.get("/desk/").status == 200, "her other session too: whoever found this browser cannot end it"


def test_the_member_is_told_what_changed_until_they_have_seen_it(office: StaffSite) -> None:
    vera = office.as_("vera")
    assert change(office, vera).status == 303
    elsewhere = office.as_("vera")
    page = elsewhere.get("/desk/")
    assert "Your passphrase has been changed" in page.words()
    assert "somebody else may be using your sign-in" in page.words()
    assert elsewhere.submit(page, "/desk/me/seen").location == "/desk/me"
    assert "Your passphrase has been changed" not in elsewhere.get("/desk/").words()
    assert "has been changed" not in office.as_("pavel").get("/desk/").words()


def test_a_weak_passphrase_is_refused_with_the_reason(office: StaffSite) -> None:
    vera = office.as_("vera")
    page = change(office, vera, passphrase_new="password1234", passphrase_again="password1234")
    assert page.status == 422
    assert "easy to guess" in page.words()


@pytest.mark.parametrize("typed", [NEW.capitalize(), f"{NEW} "])
def test_what_a_phone_s_keyboard_adds_is_forgiven(office: StaffSite, typed: str) -> None:
    vera = office.as_("vera")
    assert change(office, vera).status == 303
    assert office.sign_in("vera", passphrase=typed).status == 303


def test_an_older_passphrase_counts_exactly_as_it_was_typed(office: StaffSite) -> None:
    """Its row says so; a capital of then is still a capital."""
    older = "Capital Letters Of Then "
    with office.database.begin() as session:
        member = session.scalars(sa.select(Member).where(Member.name == "vera")).one()
        kek = staff._kek(office.keys, older, member.salt)
        member.sealed_seed = staff.sealing.encrypt(kek, bytes(range(32)), staff._seed_binding(member.id))
        member.passphrase_form = None
    assert office.sign_in("vera", passphrase=older.strip()).status == 401
    office.later(seconds=30)
    assert office.sign_in("vera", passphrase=older).status == 303


def test_a_passphrase_of_the_form_before_counts_as_it_did(office: StaffSite) -> None:
    older = "words–with–dashes of then"
    with office.database.begin() as session:
        member = session.scalars(sa.select(Member).where(Member.name == "vera")).one()
        kek = staff._kek(office.keys, older, member.salt)
        member.sealed_seed = staff.encrypt_seed(
            office.keys,
            staff.SealedSeed(
                member.id,
                bytes(range(32)),
                member.salt,
                staff.sealing.encrypt(kek, bytes(range(32)), staff._seed_binding(member.id)),
            ),
        )
        member.passphrase_form = 1
    assert office.sign_in("vera", passphrase=older.replace("–", "-")).status == 401
    office.later(seconds=30)
    assert office.sign_in("vera", passphrase=f"W{older[1:]} ").status == 303
