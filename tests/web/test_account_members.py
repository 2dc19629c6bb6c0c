"""Members: invited with a spoken code, granted keys by colleagues, let back in, switched off; two people for what matters most."""

import base64
import re
from datetime import timedelta
from uuid import UUID

import pyotp
import pytest
import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.casework import auto_offer
from app.core import keyholders
from app.core.ids import named_id
from app.core.sealing import KeyPair
from app.matching import service_history
from app.partners.organisations import Organisation
from app.staff import automatic_offers, proposals, sessions
from app.staff.models import Member, Proposal, Team
from tests.support.desk import ONE, STORY, TWO, Browser, Page, StaffSite
from tests.support.html import faults
from tests.support.newest import newest

CODE = re.compile(r"\b(?:\d{4} ){4}\d{4}\b")
WORDS = "four quite different words"


def member_id(office: StaffSite, name: str) -> object:
    with office.database.begin(write=False) as session:
        return session.scalars(sa.select(Member.id).where(Member.name == name)).one()


def code_on(page: Page) -> str:
    found = CODE.search(page.words())
    assert found is not None, page.words()
    return found.group()


def join(office: StaffSite, code: str, browser: Browser | None = None, passphrase: str = WORDS) -> str:
    """Come in with a code; gives the secret of the code app."""
    browser = browser or office.browser()
    page = browser.submit(browser.get("/desk/join"), "/desk/join", invitation=code)
    assert page.status == 200, page.words()
    secret = next(node.text() for node in page.tree.css("p.code")).replace(" ", "").strip()
    one_time = pyotp.TOTP(secret).at(office.time.at)
    typed = {"code": one_time, "passphrase_new": passphrase, "passphrase_again": passphrase}
    done = browser.submit(page, "/desk/join/finish", **typed)
    assert done.location == "/desk/sign-in?done=joined", done.words()
    assert "You have joined." in browser.get(done.location).words()
    assert page.tree.css_first("svg.qr path") is not None, "the app can photograph the key"
    return secret


def enter(office: StaffSite, name: str, secret: str, passphrase: str = WORDS) -> Browser:
    browser = office.browser()
    office.later(minutes=1)
    page = office.sign_in("vera", browser, name=name, passphrase=passphrase, code=pyotp.TOTP(secret).at(office.time.at))
    assert page.status == 303, page.words()
    return browser


def base_of(name: str) -> str:
    return "/partner/proposals" if "partner" in name or name == "second" else "/desk/proposals"


def newest_proposal(office: StaffSite) -> str:
    return str(newest(office.database, Proposal, Proposal.proposed_at).id)


def propose_member(office: StaffSite, by: str, **typed: str) -> str:
    base = base_of(by).replace("proposals", "members")
    browser = office.as_(by)
    done = browser.submit(browser.get(base), f"{base}/invite", **typed)
    assert done.location == f"{base_of(by)}?done=proposed", done.words()
    office.later(seconds=1)
    return newest_proposal(office)


def act(office: StaffSite, by: str, proposal: str, verb: str) -> Page:
    browser, base = office.as_(by), base_of(by)
    csrf = browser.get(base).form("/desk/sign-out")["csrf"]
    return browser.post(f"{base}/{proposal}/{verb}", {"csrf": csrf})


def invite(office: StaffSite, by: str, second: str = "admin", **typed: str) -> str:
    """A code for a new member: proposed, approved by a second person, and the wait is over."""
    proposal = propose_member(office, by, **typed)
    assert act(office, second, proposal, "approve").status == 303
    office.later(days=1)
    return code_on(act(office, by, proposal, "carry_out"))


def let_return(office: StaffSite, by: str, name: str, second: str = "admin") -> str:
    """A code for a member who lost their passphrase."""
    browser = office.as_(by)
    browser.submit(browser.get("/desk/members"), f"/desk/members/{member_id(office, name)}/return")
    proposal = newest_proposal(office)
    assert act(office, second, proposal, "approve").status == 303
    office.later(days=1)
    return code_on(act(office, by, proposal, "carry_out"))


def opens_a_case(browser: Browser, label: str) -> bool:
    page = browser.get(f"/desk/cases/{label}")
    shown = browser.submit(page, f"/desk/cases/{label}/show")
    return shown.status == 200 and STORY in shown.text


def test_from_the_spoken_code_to_the_first_opened_case(office: StaffSite) -> None:
    label, _receipt = office.file()
    secret = join(office, invite(office, "sofia", name="Nadja", role="coordinator"))
    nadja = enter(office, "nadja", secret)
    assert nadja.get("/desk/").status == 200
    assert not opens_a_case(nadja, label), "nobody granted the key yet"
    told = next(node.text() for node in nadja.get("/desk/me").tree.css("p.code"))
    vera = office.as_("vera")
    page = vera.get("/desk/members")
    assert told in page.words(), "the same fingerprint on both screens"
    granted = vera.submit(page, f"/desk/members/{member_id(office, 'nadja')}/grant")
    assert granted.location == "/desk/members?done=granted"
    assert opens_a_case(nadja, label)


def test_a_code_opens_once_for_three_days_and_the_last_one_only(office: StaffSite) -> None:
    first = invite(office, "sofia", name="nadja", role="coordinator")
    second = invite(office, "sofia", name="nadja", role="coordinator")
    assert first != second
    browser = office.browser()

    def tried(code: str) -> int:
        return browser.submit(browser.get("/desk/join"), "/desk/join", invitation=code).status

    assert [tried(first), tried("1" * 20), tried(second)] == [404, 404, 200]
    join(office, second)
    assert tried(second) == 404
    late = invite(office, "sofia", name="lena", role="coordinator")
    office.later(days=3, seconds=1)
    assert tried(late) == 404
    with office.database.begin(write=False) as session:
        rows = session.execute(sa.text("SELECT * FROM invitations")).all()
    assert not any(code.replace(" ", "") in repr(rows) for code in (first, second, late))


@pytest.mark.parametrize(
    ("by", "role"),
    [("vera", "coordinator"), ("sofia", "senior"), ("sofia", "admin"), ("admin", "admin"), ("sofia", "partner")],
)
def test_who_may_not_invite_whom(office: StaffSite, by: str, role: str) -> None:
    browser = office.as_(by)
    csrf = browser.get("/desk/members").form("/desk/sign-out")["csrf"]
    typed = {"csrf": csrf, "name": "nadja", "role": role, "team": "pl", "organisation": ONE}
    assert browser.post("/desk/members/invite", typed).status == 403


def test_a_lost_passphrase_makes_new_keys_that_a_colleague_grants_again(office: StaffSite) -> None:
    label, _receipt = office.file()
    old = office.as_("pavel")
    assert opens_a_case(old, label)
    sofia = office.as_("sofia")
    pavel = member_id(office, "pavel")
    sofia.submit(sofia.get("/desk/members"), f"/desk/members/{pavel}/return")
    proposal = newest_proposal(office)
    assert "Reset of a lost passphrase" in old.get("/desk/proposals").words(), "the person concerned is told"
    assert act(office, "pavel", proposal, "approve").status == 403, "not about oneself"
    assert act(office, "admin", proposal, "approve").status == 303
    assert act(office, "sofia", proposal, "carry_out").status == 409, "it waits"
    assert act(office, "vera", proposal, "confirm").status == 403, "nobody takes an active member's seat early"
    assert act(office, "pavel", proposal, "confirm").status == 303, "but they themselves"
    code = code_on(act(office, "sofia", proposal, "carry_out"))
    assert old.get("/desk/").status == 200, "until the code is used nothing changes"
    secret = join(office, code)
    assert old.get("/desk/").status == 303
    again = enter(office, "pavel", secret)
    assert not opens_a_case(again, label)
    vera = office.as_("vera")
    vera.submit(vera.get("/desk/members"), f"/desk/members/{pavel}/grant")
    assert opens_a_case(again, label)


def test_switched_off_means_no_session_no_key_and_no_way_back_in(office: StaffSite) -> None:
    pavel, sofia = office.as_("pavel"), office.as_("sofia")
    who = member_id(office, "pavel")
    done = sofia.submit(sofia.get("/desk/members"), f"/desk/members/{who}/deactivate")
    assert done.location.endswith("deactivated")
    assert pavel.get("/desk/").status == 303
    with office.database.begin(write=False) as session:
        key_id = session.get_one(Member, who).key_id
        held = session.scalar(
            sa.select(sa.func.count())
            .select_from(keyholders.KeyGrant)
            .where(keyholders.KeyGrant.holder_key_id == key_id)
        )
    assert held == 0


def test_the_last_holder_of_a_key_is_not_switched_off(office: StaffSite) -> None:
    admin = office.as_("admin")
    outsider = member_id(office, "outsider")  # alone in the Georgian team
    page = admin.submit(admin.get("/desk/members"), f"/desk/members/{outsider}/deactivate")
    assert page.status == 409
    assert "Nobody else holds" in page.words()


def test_a_change_of_role_ends_their_sessions(office: StaffSite) -> None:
    pavel, admin = office.as_("pavel"), office.as_("admin")
    page = admin.get("/desk/members")
    admin.submit(page, f"/desk/members/{member_id(office, 'pavel')}/role")
    assert pavel.get("/desk/").status == 200, "proposed"
    proposal = newest_proposal(office)
    assert act(office, "sofia", proposal, "approve").status == 303, "and confirmed with it: she holds the key"
    act(office, "admin", proposal, "carry_out")
    assert pavel.get("/desk/").status == 303
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(Member.role).where(Member.name == "pavel")).one() == "senior"


def test_another_team_s_people_are_like_nobody(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    page = sofia.get("/desk/members")
    assert "outsider" not in page.words()
    csrf = page.form("/desk/sign-out")["csrf"]
    for verb in ("grant", "propose-grant", "return", "deactivate", "let-in", "role"):
        for who in (member_id(office, "outsider"), "00000000-0000-0000-0000-000000000000", "x"):
            answer = sofia.post(f"/desk/members/{who}/{verb}", {"csrf": csrf, "role": "senior"})
            assert answer.status == 404, (verb, who)


def test_nobody_manages_themself(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    csrf = sofia.get("/desk/members").form("/desk/sign-out")["csrf"]
    for verb in ("return", "deactivate", "let-in"):
        assert sofia.post(f"/desk/members/{member_id(office, 'sofia')}/{verb}", {"csrf": csrf}).status == 403


def test_an_admin_holds_no_key_to_grant(office: StaffSite) -> None:
    admin = office.as_("admin")
    csrf = admin.get("/desk/members").form("/desk/sign-out")["csrf"]
    assert admin.post(f"/desk/members/{member_id(office, 'vera')}/grant", {"csrf": csrf}).status == 403


# --- two people ------------------------------------------------------------------------------------------------------


def propose(office: StaffSite, by: str, **typed: str) -> str:
    browser = office.as_(by)
    csrf = browser.get("/desk/proposals").form("/desk/sign-out")["csrf"]
    done = browser.post("/desk/proposals", {"csrf": csrf, **typed})
    assert done.location == "/desk/proposals?done=proposed", done.words()
    return newest_proposal(office)


def test_a_new_admin_takes_two_people(office: StaffSite) -> None:
    proposal = propose(office, "admin", kind="new_admin", name="second")
    assert act(office, "admin", proposal, "approve").status == 403
    assert act(office, "admin", proposal, "carry_out").status == 409
    assert act(office, "auditor", proposal, "approve").status == 403
    assert act(office, "sofia", proposal, "approve").status == 303
    assert act(office, "sofia", proposal, "carry_out").status == 403
    secret = join(office, code_on(act(office, "admin", proposal, "carry_out")))
    assert act(office, "admin", proposal, "carry_out").status == 409, "once"
    second = enter(office, "second", secret)
    assert second.get("/desk/members").status == 200
    assert second.get("/desk/").status == 403, "an admin sees no case"


def refused(page: Page, field: str, sentence: str) -> None:
    """The page is the form's own, and says at the field, which has the focus, what is wrong with it."""
    where = page.tree.css_first("[autofocus]")
    assert (page.status, where is not None and where.attributes["name"]) == (422, field), page.words()
    assert page.tree.css_first("title").text().startswith("Error: ")
    assert where.attributes["aria-invalid"] == "true"
    said = where.attributes["aria-describedby"].split()[-1]
    assert sentence in page.tree.css_first(f"#{said}").text()
    assert [node.text() for node in page.tree.css("p.error")] == [page.tree.css_first(f"#{said}").text()]
    assert faults(page.text) == []


def value(page: Page, field: str) -> str:
    (node,) = page.tree.css(f"#{field}")
    if node.tag == "select":
        node = node.css_first("option[selected]")
    return node.attributes["value"] or ""


def test_a_member_who_cannot_be_proposed_is_refused_in_the_form_with_what_was_typed(office: StaffSite) -> None:
    admin = office.as_("admin")
    page = admin.get("/desk/members")

    def invite(**typed: str) -> Page:
        return admin.submit(page, "/desk/members/invite", **typed)

    refused(invite(name="mila", team="pl"), "role", "Choose a role.")
    wrong = invite(name="!", role="senior", team="pl")
    refused(wrong, "name", "2 to 64 letters")
    assert [value(wrong, field) for field in ("f-name", "f-role", "f-team")] == ["!", "senior", "pl"]
    refused(invite(name="mila", role="senior"), "team", "Choose a team.")
    refused(invite(name="mila", role="partner"), "organisation", "Choose an organisation.")
    wrong = invite(name="vera", role="partner", organisation=ONE)
    refused(wrong, "name", "A member with this name exists.")
    assert value(wrong, "f-organisation") == ONE
    partner = office.as_("partner")
    page = partner.get("/partner/members")
    refused(partner.submit(page, "/partner/members/invite", name="vera"), "name", "A member with this name exists.")
    wrong = partner.submit(page, "/partner/proposals", public_key="AAAA")
    refused(wrong, "public_key", "not an X-Wing public key")
    assert wrong.tree.css_first("#f-public").text().strip() == "AAAA"


def test_a_proposal_that_is_refused_stays_in_its_form(office: StaffSite) -> None:
    admin = office.as_("admin")
    csrf = admin.get("/desk/proposals").form("/desk/sign-out")["csrf"]

    def send(browser: Browser, csrf: str, **typed: str) -> Page:
        return browser.post("/desk/proposals", {"csrf": csrf, **typed})

    wrong = send(admin, csrf, kind="new_admin", name="vera")
    refused(wrong, "name", "A member with this name exists.")
    assert value(wrong, "f-name") == "vera"
    wrong = send(admin, csrf, kind="organisation_key", organisation=TWO, public_key="AAAA", first_holder="mila")
    refused(wrong, "public_key", "not an X-Wing public key")
    assert (value(wrong, "f-organisation"), value(wrong, "f-first")) == (TWO, "mila")
    refused(send(admin, csrf, kind="organisation_key", organisation="none"), "organisation", "Choose an organisation.")
    wrong = send(admin, csrf, kind="bulk_export", what="audit", month="soon")
    refused(wrong, "month", "Write the month and the year")
    assert value(wrong, "f-month") == "soon"
    sofia = office.as_("sofia")
    csrf = sofia.get("/desk/proposals").form("/desk/sign-out")["csrf"]
    wrong = send(sofia, csrf, kind="automatic_offers", country="GE", urgency="soon", after="1h")
    refused(wrong, "urgency", "Choose an urgency.")
    assert (value(wrong, "f-country"), value(wrong, "f-after")) == ("GE", "1h")
    one = f"{ONE}/legal-help"
    wrong = send(sofia, csrf, kind="service_weight", service=one, weight="0")
    refused(wrong, "weight", "Write a whole number from 1 to 99.")
    assert (value(wrong, "f-service"), value(wrong, "f-weight")) == (one, "0")


def test_one_admin_with_invented_colleagues_reads_no_case(office: StaffSite) -> None:
    """The attack that was reported, by its script: a sham senior, a sham member of a real centre, a new key for it."""
    label, _receipt = office.file()
    before = active(office)
    admin = office.as_("admin")
    page = admin.get("/desk/members")
    for typed in (
        {"name": "sham-senior", "role": "senior", "team": "pl"},
        {"name": "sham-partner", "role": "partner", "organisation": ONE},
    ):
        answer = admin.submit(page, "/desk/members/invite", **typed)
        assert answer.location == "/desk/proposals?done=proposed"
        assert CODE.search(answer.words()) is None, "no code yet"
    auditor = admin.submit(page, "/desk/members/invite", name="sham-auditor", role="auditor")
    sham = enter(office, "sham-auditor", join(office, code_on(auditor)))
    mine = propose(office, "admin", kind="organisation_key", organisation=ONE)
    with office.database.begin(write=False) as session:
        waiting = session.execute(sa.text("SELECT id FROM proposals").columns(id=sa.Uuid())).scalars().all()
    csrf = sham.get("/desk/proposals").form("/desk/sign-out")["csrf"]
    for proposal in waiting:
        assert act(office, "admin", str(proposal), "approve").status == 403
        for verb in ("approve", "confirm"):
            assert sham.post(f"/desk/proposals/{proposal}/{verb}", {"csrf": csrf}).status == 403
    office.later(days=2)
    for proposal in (*waiting, mine):
        assert act(office, "admin", str(proposal), "carry_out").status in {403, 409}
    assert active(office) == before
    assert office.as_("admin").get(f"/desk/cases/{label}").status == 403


def test_everybody_concerned_sees_a_change_and_can_stop_it(office: StaffSite) -> None:
    proposal = propose_member(office, "admin", name="nadja", role="partner", organisation=ONE)
    assert act(office, "sofia", proposal, "approve").status == 303
    partner = office.as_("partner")
    assert "1 proposal concerns you or who can read your cases" in partner.get("/partner/").words()
    assert "1 proposal concerns" not in office.as_("other-partner").get("/partner/").words()
    page = partner.get("/partner/proposals").words()
    for said in (
        "nadja",
        "admin, ",
        "sofia, ",
        "waits until",
        "Can end the wait",
        "granted them the key",
    ):
        assert said in page, said
    with office.database.begin(write=False) as session:
        kinds = session.execute(sa.text("SELECT kind FROM outbox WHERE organisation_id IS NOT NULL")).scalars().all()
    assert kinds == ["access_change"]
    assert act(office, "other-partner", proposal, "decline").status == 404
    assert act(office, "partner", proposal, "decline").status == 303
    office.later(days=1)
    assert act(office, "admin", proposal, "carry_out").status == 409
    assert "1 proposal" not in office.as_("partner").get("/partner/").words()


def test_a_holder_of_the_key_ends_the_wait(office: StaffSite) -> None:
    proposal = propose_member(office, "admin", name="nadja", role="partner", organisation=ONE)
    act(office, "sofia", proposal, "approve")
    assert act(office, "admin", proposal, "carry_out").status == 409
    assert act(office, "sofia", proposal, "confirm").status == 403, "she holds no key of the organisation"
    assert act(office, "partner", proposal, "confirm").status == 303
    assert CODE.search(act(office, "admin", proposal, "carry_out").words())


def test_a_proposal_names_its_organisation_and_its_team_as_people_do(office: StaffSite) -> None:
    propose_member(office, "admin", name="nadja", role="partner", organisation=ONE)
    propose_member(office, "admin", name="katja", role="coordinator", team="pl")
    with office.database.begin(write=False) as session:
        names = [
            session.scalar(sa.select(table.name).where(table.slug == slug))
            for table, slug in ((Organisation, ONE), (Team, "pl"))
        ]
    words = office.as_("admin").get("/desk/proposals").words()
    assert all(f"Team or organisation{name}" in words for name in names)
    assert f"Team or organisation{names[0]}" in office.as_("partner").get("/partner/proposals").words()
    assert f"Team or organisation{ONE}" not in words


def test_the_page_says_why_somebody_does_not_count(office: StaffSite) -> None:
    proposal = propose(office, "admin", kind="new_admin", name="second")
    act(office, "sofia", proposal, "approve")
    second = enter(office, "second", join(office, code_on(act(office, "admin", proposal, "carry_out"))))
    propose_member(office, "admin", name="nadja", role="coordinator", team="pl")
    page = second.get("/desk/proposals").words()
    assert "You and the person who proposed this do not count as two people" in page
    assert "pavel, sofia, vera" in page
    csrf = second.get("/desk/proposals").form("/desk/sign-out")["csrf"]
    assert second.post(f"/desk/proposals/{newest_proposal(office)}/approve", {"csrf": csrf}).status == 403
    office.later(days=31)
    later = propose_member(office, "admin", name="lena", role="coordinator", team="pl")
    browser = office.browser()
    with office.database.begin() as session:
        member = session.scalars(sa.select(Member).where(Member.name == "second")).one()
        browser.cookies["staff"] = sessions.start(session, member, bytes(32), office.time.at)
    csrf = browser.get("/desk/proposals").form("/desk/sign-out")["csrf"]
    assert browser.post(f"/desk/proposals/{later}/approve", {"csrf": csrf}).status == 303, "a month later they do"


def test_what_waits_too_long_is_over(office: StaffSite) -> None:
    late = propose(office, "admin", kind="new_admin", name="late")
    office.later(seconds=1)
    never = propose(office, "admin", kind="new_admin", name="never")
    act(office, "sofia", late, "approve")
    office.later(days=3, seconds=1)
    assert act(office, "admin", late, "carry_out").status == 409
    office.later(days=3)
    assert act(office, "sofia", never, "approve").status == 409


def test_an_organisation_s_new_key_is_made_for_its_members(office: StaffSite) -> None:
    proposal = propose(office, "admin", kind="organisation_key", organisation=ONE)
    act(office, "sofia", proposal, "approve")
    before = active(office)
    office.later(days=1)
    assert act(office, "admin", proposal, "carry_out").status == 403, "an admin holds no key of the organisation"
    assert act(office, "other-partner", proposal, "carry_out").status == 404
    assert act(office, "partner", proposal, "carry_out").location.endswith("carried_out")
    assert active(office) != before
    label, _receipt = office.file()
    partner = office.as_("partner")
    referral = accepted(office, label)
    page = partner.get(f"/partner/referrals/{referral}")
    assert STORY in partner.submit(page, f"/partner/referrals/{referral}/show").text


def test_a_partner_registers_a_key_of_its_own_with_the_network_s_consent(office: StaffSite) -> None:
    pair = KeyPair.generate()
    partner = office.as_("partner")
    page = partner.get("/partner/members")
    wrong = partner.submit(page, "/partner/proposals", public_key="AAAA")
    assert wrong.status == 422
    given = base64.b64encode(pair.public).decode()
    assert partner.submit(page, "/partner/proposals", public_key=given).location.endswith("proposed")
    admin = office.as_("admin").get("/desk/proposals")
    assert "Fingerprint of the organisation's own key" in admin.words()
    assert given not in admin.text
    proposal = newest_proposal(office)
    act(office, "admin", proposal, "approve")
    assert act(office, "partner", proposal, "carry_out").status == 409, "it waits: nobody else holds the present key"
    office.later(days=1)
    assert act(office, "partner", proposal, "carry_out").location.endswith("carried_out")
    with office.database.begin(write=False) as session:
        key = keyholders.active_key(session, named_id("organisation", ONE))
    assert key is not None
    assert bytes(key.public_key) == pair.public


def test_an_export_in_bulk_takes_two_people_and_is_taken_once(office: StaffSite) -> None:
    office.file()
    proposal = propose(office, "auditor", kind="bulk_export", what="audit", month="2026-11")
    assert act(office, "auditor", proposal, "carry_out").status == 409
    act(office, "admin", proposal, "approve")
    page = act(office, "auditor", proposal, "carry_out")
    assert page.response.headers["content-type"].startswith("text/csv")
    assert "case:submitted" in page.text
    assert STORY not in page.text
    assert act(office, "auditor", proposal, "carry_out").status == 409


def test_automatic_offers_are_set_by_two_people_within_what_the_operator_allows(office: StaffSite) -> None:
    label, _receipt = office.file()
    typed = {"kind": "automatic_offers", "country": "PL", "urgency": office.case(label).urgency}
    proposal = propose(office, "sofia", **typed, after="1h")
    for reader, clock in (("sofia", "(Warsaw time)"), ("admin", "UTC")):
        assert clock in office.as_(reader).get("/desk/proposals").words(), (
            "the time of the reader's team, if there is one"
        )
    assert act(office, "sofia", proposal, "carry_out").status == 409
    act(office, "admin", proposal, "approve")
    office.later(hours=1)
    assert untaken(office, {}) == []
    assert act(office, "sofia", proposal, "carry_out").location.endswith("carried_out")
    assert "if no coordinator takes them within one hour" in office.as_("sofia").get("/desk/proposals").words()
    with office.database.begin(write=False) as session:
        chosen = automatic_offers.chosen(session, frozenset())
        assert automatic_offers.chosen(session, frozenset({"PL"})) == {}, "the operator's by_hand is a limit"
    assert chosen == {("PL", typed["urgency"]): timedelta(hours=1)}
    assert untaken(office, chosen) == [office.case(label).id]
    for after, expected in (("by_hand", {("PL", typed["urgency"]): None}), ("operator", {})):
        office.later(minutes=1)
        proposal = propose(office, "sofia", **typed, after=after)
        act(office, "admin", proposal, "approve")
        act(office, "sofia", proposal, "carry_out")
        with office.database.begin(write=False) as session:
            assert automatic_offers.chosen(session, frozenset()) == expected
    with office.database.begin() as session:
        assert proposals.delete_ended(session, office.time.at + timedelta(days=800)) == 2, "the setting of today stays"
        assert [kept.codes["after"] for kept in session.scalars(sa.select(Proposal))] == ["operator"]
    browser = office.as_("sofia")
    csrf = browser.get("/desk/proposals").form("/desk/sign-out")["csrf"]
    for wrong in ({"country": "XX"}, {"urgency": "soon"}, {"after": "7h"}):
        assert browser.post("/desk/proposals", {"csrf": csrf, **typed, "after": "1h", **wrong}).status == 422


def test_two_people_set_the_weight_of_a_service_and_the_counts_begin_again(office: StaffSite) -> None:
    one, two = f"{ONE}/legal-help", f"{TWO}/legal-help"
    with office.database.begin() as session:
        service_history.record_turn(session, [one, two], one)
    typed = {"kind": "service_weight", "service": one, "weight": "3"}
    proposal = propose(office, "sofia", **typed)
    assert act(office, "sofia", proposal, "carry_out").status == 409
    assert weights(office) == {one: (1, 1), two: (1, 0)}
    act(office, "admin", proposal, "approve")
    assert act(office, "sofia", proposal, "carry_out").location.endswith("carried_out")
    assert weights(office) == {one: (3, 0), two: (1, 0)}
    vera = office.as_("vera")
    page = vera.get("/desk/coverage/shares")
    assert "Propose the weight" not in page.words(), "a senior or an admin does"
    assert vera.post("/desk/proposals", {**typed, "csrf": page.form("/desk/sign-out")["csrf"]}).status == 403
    sofia = office.as_("sofia")
    page = sofia.get("/desk/coverage/shares")
    assert "Propose the weight" in page.words()
    csrf = page.form("/desk/sign-out")["csrf"]
    for wrong in ({"weight": "0"}, {"weight": "100"}, {"weight": "three"}, {"weight": "³"}, {"service": "nobody/x"}):
        assert sofia.post("/desk/proposals", {"csrf": csrf, **typed, **wrong}).status == 422


def weights(office: StaffSite) -> dict[str, tuple[int, int]]:
    with office.database.begin(write=False) as session:
        found = service_history.history_of(session, [f"{ONE}/legal-help", f"{TWO}/legal-help"]).shares
        return {key: (share.weight, share.got) for key, share in found.items()}


def untaken(office: StaffSite, chosen: dict[tuple[str, str], timedelta | None]) -> list[UUID]:
    with office.database.begin(write=False) as session:
        return list(auto_offer.untaken_cases(session, office.time.at, 10, after={}, chosen=chosen))


def test_a_partner_s_people_look_after_each_other(office: StaffSite) -> None:
    code = invite(office, "partner", name="second", role="partner")
    second = enter(office, "second", join(office, code))
    partner = office.as_("partner")
    page = partner.get("/partner/members")
    assert "waiting for the key" in page.words()
    partner.submit(page, f"/partner/members/{member_id(office, 'second')}/grant")
    label, _receipt = office.file()
    referral = accepted(office, label)
    page = second.get(f"/partner/referrals/{referral}")
    assert STORY in second.submit(page, f"/partner/referrals/{referral}/show").text
    other = office.as_("other-partner")
    assert "second" not in other.get("/partner/members").words()


def test_all_of_it_is_noted_in_codes(office: StaffSite) -> None:
    join(office, invite(office, "sofia", name="nadja", role="coordinator"))
    with office.database.begin(write=False) as session:
        entries = session.scalars(sa.select(AuditEntry)).all()
    assert {"member:invited", "member:joined"} <= {entry.action for entry in entries}
    assert "nadja" not in repr([(entry.action, entry.codes, entry.subject_id) for entry in entries])


def active(office: StaffSite) -> object:
    with office.database.begin(write=False) as session:
        key = keyholders.active_key(session, named_id("organisation", ONE))
        return key.id if key else None


def accepted(office: StaffSite, label: str) -> str:
    """The case offered to ONE and accepted by it; gives the referral's label."""
    vera = office.as_("vera")
    page = vera.get(f"/desk/cases/{label}/refer", params={"service": f"{ONE}/legal-help"})
    vera.submit(page, f"/desk/cases/{label}/refer", by_hand="yes")
    partner = office.as_("partner")
    offers = partner.get("/partner/")
    link = next(
        str(node.attributes["href"])
        for node in offers.tree.css("a")
        if str(node.attributes.get("href")).startswith("/partner/referrals/")
    )
    page = partner.get(link)
    partner.submit(page, f"{link}/accept")
    return link.rsplit("/", 1)[1]
