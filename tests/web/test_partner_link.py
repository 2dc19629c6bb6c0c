"""An organisation without an account, by a link with a code: from the mail to the outcome, in its own browser."""

import re
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.cases.models import CaseNeed
from app.casework import by_link, notice_delivery
from app.casework.notice_delivery import DeliveryContext
from app.core import keyholders
from app.core.db import Database
from app.core.i18n import LANGUAGES
from app.core.keyholders import OwnerKind
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.directory.packs import load_packs
from app.intake.receipts import Receipt
from app.links import codes
from app.links import service as links
from app.links.models import ReferralLink
from app.messaging.channels import Notice
from app.messaging.models import OutboxMessage
from app.operations import rotation
from app.partners.organisations import Organisation
from app.privacy import service as privacy
from app.referrals.models import Referral, ReferralEvent
from app.referrals.quality import ReferralQuality
from app.tasks.models import Task
from tests.support.desk import ADDRESS, NAME, STORY, UNCONNECTED, Browser, Page, StaffSite
from tests.support.newest import newest

SERVICE = f"{UNCONNECTED}/legal-help"
NAMED = {"mode": "named", "organisations": [UNCONNECTED]}
CODE = re.compile(r"(?:\d{4} ){4}\d{4}")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stretching has its real cost elsewhere; here only what follows from the key matters."""
    monkeypatch.setattr(codes, "_MEMORY_KIB", 8)


class Post:
    """A channel that keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[Notice] = []

    def takes(self, _notice: Notice) -> bool:
        return True

    def send(self, notice: Notice) -> None:
        self.sent.append(notice)


def referral_of(office: StaffSite) -> Referral:
    with office.database.begin(write=False) as session:
        referral = session.scalars(sa.select(Referral)).one()
        session.expunge(referral)
        return referral


def set_address(office: StaffSite, *, verified: bool) -> None:
    with office.database.begin() as session:
        row = session.scalars(sa.select(Organisation).where(Organisation.slug == UNCONNECTED)).one()
        row.entry, row.verified = {**row.entry, "email": "office@centre.example"}, verified


def link_row(office: StaffSite) -> ReferralLink:
    return newest(office.database, ReferralLink, ReferralLink.made_at)


def open_tasks(office: StaffSite) -> set[str]:
    with office.database.begin(write=False) as session:
        return set(session.scalars(sa.select(Task.kind).where(Task.done_at.is_(None))))


def actions(office: StaffSite) -> list[str]:
    with office.database.begin(write=False) as session:
        return list(session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.seq)))


def referred(office: StaffSite, **answers: object) -> tuple[Browser, str, Receipt]:
    """A case that the person let be put to an organisation without an account."""
    label, receipt = office.file(consent=NAMED, language="en", **answers)
    vera = office.as_("vera")
    page = vera.get(f"/desk/cases/{label}/refer?service={SERVICE}")
    assert vera.submit(page, f"/desk/cases/{label}/refer", by_hand="yes").did("to_be_asked")
    return vera, label, receipt


def made(office: StaffSite, vera: Browser, label: str, send: str = "self") -> tuple[str, str]:
    """A link by its path, and its code."""
    action = f"/desk/cases/{label}/referrals/{referral_of(office).label}/link"
    page = vera.submit(vera.get(f"/desk/cases/{label}"), action, send=send)
    assert page.status == 200, page.words()
    found, path = CODE.search(page.words()), re.search(r"/partner/link/\w\w/[\w-]{43}", page.text)
    assert found
    return path[0] if path else "", found[0]


def given(office: StaffSite, path: str, code: str, language: str = "en") -> tuple[Browser, Page]:
    """A browser in which the code was typed behind the link."""
    browser = office.browser()
    path = re.sub(r"/link/\w\w/", f"/link/{language}/", path)
    page = browser.get(path)
    if page.status != 200:
        return browser, page
    answer = browser.submit(page, f"/partner/link/{language}", code=code)
    return browser, browser.get(answer.location) if answer.status == 303 else answer


def said(browser: Browser, page: Page, verb: str, **typed: str) -> Page:
    form = next(node for node in page.tree.css("form") if node.css_first(f'input[value="{verb}"]'))
    fields = {str(node.attributes["name"]): str(node.attributes["value"]) for node in form.css("input[type=hidden]")}
    done = browser.post("/partner/link/en/answer", {**fields, **typed})
    return browser.get(done.location) if done.status == 303 else done


def test_from_the_mail_to_the_outcome_without_an_account(office: StaffSite) -> None:
    vera, label, receipt = referred(office)
    set_address(office, verified=True)
    shown, code = made(office, vera, label, send="mail")
    assert shown == "", "the link goes to its recipient alone"
    post = Post()
    context = DeliveryContext(post, office.keys, "https://pristan.example", load_packs())
    notice_delivery.send_due(office.database, context, office.time.at, 20)
    (mail,) = [notice for notice in post.sent if "/partner/link/" in notice.text]
    assert "@" in mail.address
    assert referral_of(office).label in mail.subject
    assert code not in mail.text
    for word in ("asyl", "Pol", "pilne", "detention", STORY, NAME):
        assert word not in mail.text.replace(mail.text.split("/partner/link/")[1].split()[0], "")
    path = "/partner/link/" + mail.text.split("/partner/link/")[1].split()[0]
    assert path.startswith("/partner/link/pl/"), "in the centre's language"
    assert link_row(office).token is None, "once it is mailed, nobody else has it"

    first = office.browser().get(path)
    assert first.status == 200
    assert "asylum" not in first.text, "the link alone shows nothing"
    browser, page = given(office, path, code)
    assert "Asylum" in page.words()
    for secret in (STORY, NAME, ADDRESS):
        assert secret not in page.text
    assert page.response.headers["cache-control"] == "no-store"
    assert browser.post("/partner/link/en/words", {"csrf": _csrf(page)}).status == 409, "nothing opens before the yes"
    page = said(browser, page, "accept")
    assert referral_of(office).state == "accepted"
    assert "hand_over" in open_tasks(office), "until they have read it, somebody owes them the rest"
    assert STORY not in page.text
    opened = browser.submit(page, "/partner/link/en/words")
    for part in (STORY, NAME, ADDRESS):
        assert part in opened.text
    assert "hand_over" not in open_tasks(office)
    person = office.browser()
    person.submit(person.get("/en/return"), "/en/return", number=receipt.grouped())
    told = person.get("/en/case").words()
    assert "opened what you wrote and how to contact you, with a link and a code." in told
    assert "With a link and a code they can read what you agreed they may read." in told
    assert "What a centre has already read, or was given on paper, cannot be taken back." in told
    page = said(browser, browser.get("/partner/link/en"), "start")
    ended = said(browser, page, "complete", outcome="represented")
    assert "this link has ended" in ended.words()
    assert referral_of(office).state == "completed"
    assert office.case(label).state == "helped"
    assert browser.get("/partner/link/en").status == 404
    assert office.browser().get(path).status == 404
    row = link_row(office)
    assert (row.ended_why, row.sealed_key, row.sealed_code, row.visit_key) == ("referral", None, None, None)
    with office.database.begin(write=False) as session:
        events = session.execute(
            sa.select(ReferralEvent.verb, ReferralEvent.actor_kind, ReferralEvent.codes, ReferralEvent.actor_id)
        ).all()
    mine = [event for event in events if event.actor_kind == "partner"]
    assert [event.verb for event in mine] == ["accept", "start", "complete"]
    assert all(event.codes["how"] == "link" and event.actor_id == row.id for event in mine)


def test_each_need_of_a_linked_request_ends_in_its_own_way(office: StaffSite) -> None:
    """One need is solved, the other one goes back to the coordinators, with a task; what was chosen is not lost."""
    vera, label, _receipt = referred(office, needs=["asylum", "psychosocial"])
    with office.database.begin() as session:  # a browser sends both ticks, the form of these tests one
        session.execute(sa.update(Referral).values(needs=["asylum", "psychosocial"]))
        session.execute(sa.update(CaseNeed).values(state="offered"))
    browser, page = given(office, *made(office, vera, label))
    page = said(browser, page, "accept")
    chosen = {"outcome_psychosocial": "referred_on", "outcome_housing": "resolved"}
    again = said(browser, page, "complete", **chosen)
    assert again.status == 422
    (kept,) = again.tree.css('option[value="referred_on"][selected]')
    assert kept.parent is not None
    assert kept.parent.attributes["name"] == "outcome_psychosocial"
    assert "this link has ended" in said(browser, again, "complete", outcome="represented", **chosen).words()
    with office.database.begin(write=False) as session:
        rows = session.execute(sa.select(CaseNeed.need, CaseNeed.state)).all()
        assert {row.need: row.state for row in rows} == {"asylum": "helped", "psychosocial": "open"}
    assert "find_next" in open_tasks(office)
    assert office.case(label).state == "in_review"


def _csrf(page: Page) -> str:
    return str(page.tree.css_first("input[name=csrf]").attributes["value"])  # type: ignore[union-attr]


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_speaks_each_language_and_needs_the_code_first(office: StaffSite, language: str) -> None:
    vera, label, _receipt = referred(office)
    path, code = made(office, vera, label)
    _browser, page = given(office, path, code, language)
    assert page.status == 200
    assert page.tree.css_first("html").attributes["lang"] == language  # type: ignore[union-attr]
    if language != "en":
        for words in ("We take this request", "This is all that you can know", "Decline the request", "no free place"):
            assert words not in page.text
    gone = office.browser().get(f"/partner/link/{language}")
    assert gone.status == 404
    assert gone.tree.css_first("html").attributes["lang"] == language  # type: ignore[union-attr]


def test_a_decline_with_its_reason_goes_to_the_next_and_shows_nothing_more(office: StaffSite) -> None:
    vera, label, _receipt = referred(office)
    path, code = made(office, vera, label)
    browser, page = given(office, path, code)
    missing = said(browser, page, "decline")
    assert missing.status == 422
    assert "Please choose an answer" in missing.words()
    assert referral_of(office).state == "offered"
    assert said(browser, missing, "decline", reason="no_capacity").status == 200
    assert (referral_of(office).state, referral_of(office).reason) == ("declined", "no_capacity")
    assert "find_next" in open_tasks(office)
    assert browser.get("/partner/link/en").status == 404, "the card is closed to who declined"


def test_wrong_codes_are_counted_and_the_last_one_ends_the_link_and_tells_the_team(office: StaffSite) -> None:
    vera, label, _receipt = referred(office)
    path, code = made(office, vera, label)
    _browser, page = given(office, path, "1234")
    assert "These are not the 20 digits" in page.words()
    assert link_row(office).tries == 0, "a typing error is no try"
    for _time in range(links.MAX_TRIES - 1):
        _browser, page = given(office, path, codes.new_code())
        assert page.status == 422
    assert given(office, path, code)[1].status == 200, "the right one still fits, and does not count"
    assert link_row(office).tries == links.MAX_TRIES - 1
    assert given(office, path, codes.new_code())[1].status == 404
    assert given(office, path, code)[1].status == 404
    assert link_row(office).ended_why == "tries"
    assert "link_stopped" in open_tasks(office)
    assert actions(office).count("link:wrong_code") == links.MAX_TRIES
    fresh, new_code = made(office, vera, label)
    assert given(office, fresh, new_code)[1].status == 200, "the coordinator makes another"


def test_guesses_at_the_same_time_are_no_more_than_guesses_one_after_the_other(
    office: StaffSite, database: Database
) -> None:
    vera, label, _receipt = referred(office)
    path, _code = made(office, vera, label)
    token = path.rsplit("/", 1)[1]
    counted = []

    def guess() -> None:
        with database.begin() as session:
            counted.append(by_link.take_try(session, token, office.time.at))

    threads = [threading.Thread(target=guess) for _ in range(links.MAX_TRIES + 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted.count(True) == links.MAX_TRIES
    assert link_row(office).ended_why == "tries"


def test_every_link_that_does_not_work_is_answered_alike(office: StaffSite) -> None:
    vera, label, _receipt = referred(office)
    old, old_code = made(office, vera, label)
    path, code = made(office, vera, label)
    browser, page = given(office, path, code)
    assert page.status == 200
    unknown = "/partner/link/en/" + codes.new_token()
    answers = [office.browser().get(old.replace("/pl/", "/en/")), office.browser().get(unknown)]
    assert given(office, old, old_code)[1].status == 404
    referral = referral_of(office).label
    again = vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/referrals/{referral}/link/code")
    assert code in again.words()
    end = f"/desk/cases/{label}/referrals/{referral}/link/end"
    assert vera.submit(vera.get(f"/desk/cases/{label}"), end).did("link_ended")
    assert browser.get("/partner/link/en").status == 404, "whoever has it open reads nothing more"
    answers.append(office.browser().get(path.replace("/pl/", "/en/")))
    third, third_code = made(office, vera, label)
    browser, _page = given(office, third, third_code)
    office.time.at += timedelta(minutes=61)
    assert browser.get("/partner/link/en").status == 404, "after an hour the code is needed again"
    assert given(office, third, third_code)[1].status == 200
    office.time.at += links.LASTS
    answers.append(office.browser().get(third.replace("/pl/", "/en/")))
    assert {page.status for page in answers} == {404}
    assert len({page.text for page in answers}) == 1
    for path_, fields in (("", {"token": "x", "code": code}), ("/words", {}), ("/answer", {"verb": "accept"})):
        assert office.browser().post(f"/partner/link/en{path_}", fields).text == answers[0].text


def test_consent_taken_back_ends_the_link_at_once(office: StaffSite) -> None:
    vera, label, receipt = referred(office)
    path, code = made(office, vera, label)
    browser, page = given(office, path, code)
    page = said(browser, page, "accept")
    person = office.browser()
    person.submit(person.get("/en/return"), "/en/return", number=receipt.grouped())
    chosen = person.get("/en/case/centres")
    person.submit(chosen, "/en/case/centres", **{f"c_{UNCONNECTED}": "never"})
    refused = browser.post("/partner/link/en/words", {"csrf": _csrf(page)})
    assert refused.status == 404
    assert STORY not in refused.text
    assert link_row(office).sealed_key is None


def test_openings_are_counted_and_stopped_like_all_reading_by_partners(office: StaffSite) -> None:
    vera, label, _receipt = referred(office)
    path, code = made(office, vera, label)
    browser, page = given(office, path, code)
    page = said(browser, page, "accept")
    with office.database.begin() as session:
        session.execute(sa.update(ReferralLink).values(openings=links.MAX_OPENINGS - 1))
    assert STORY in browser.submit(page, "/partner/link/en/words").text
    last = browser.submit(page, "/partner/link/en/words")
    assert last.status == 409
    assert STORY not in last.text
    admin = office.as_("admin")
    assert admin.submit(admin.get("/desk/operations"), "/desk/freeze").status == 303
    frozen = browser.get("/partner/link/ka")
    assert frozen.status == 503
    assert frozen.tree.css_first("html").attributes["lang"] == "ka"  # type: ignore[union-attr]
    assert given(office, path, code)[1].status == 503


def test_the_switch_stops_each_step_of_a_link(office: StaffSite) -> None:
    """A page that was opened before the switch was turned answers nothing and opens nothing."""
    vera, label, _receipt = referred(office)
    path, code = made(office, vera, label)
    browser, page = given(office, path, code)
    accepted = said(browser, page, "accept")
    admin = office.as_("admin")
    admin.submit(admin.get("/desk/operations"), "/desk/freeze")
    words = browser.submit(accepted, "/partner/link/en/words")
    assert (words.status, STORY in words.text) == (503, False)
    assert browser.post("/partner/link/en/answer", accepted.form("/partner/link/en/answer")).status == 503
    assert browser.get("/partner/link/en").status == 503
    assert (link_row(office).openings, referral_of(office).state) == (0, "accepted")
    admin.submit(admin.get("/desk/operations"), "/desk/unfreeze")
    assert STORY in browser.submit(accepted, "/partner/link/en/words").text


def test_nothing_of_link_and_code_is_stored_and_erasure_deletes_the_row(office: StaffSite) -> None:
    vera, label, _receipt = referred(office)
    path, code = made(office, vera, label)
    browser, _page = given(office, path, code)
    token, digits, cookie = path.rsplit("/", 1)[1], code.replace(" ", ""), browser.cookies["link"]
    with office.database.begin() as session:
        row = session.execute(sa.select(ReferralLink.__table__)).one()
        stored = b"".join(value for value in row if isinstance(value, bytes))
        for secret in (token, digits, cookie, STORY):
            assert secret.encode() not in stored
        for entry in session.scalars(sa.select(AuditEntry.codes)):
            assert token not in str(entry)
            assert digits not in str(entry)
        for message in session.execute(sa.select(OutboxMessage.__table__)):
            assert token not in str(message)
    with office.database.begin() as session:
        case = session.get_one(type(office.case(label)), office.case(label).id)
        privacy.erase(session, case, actor_kind="person", now=office.time.at)
    assert browser.get("/partner/link/en").status == 404
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(ReferralLink)).all() == []


def test_it_goes_on_after_epoch_key_and_root_secret_were_replaced(office: StaffSite, tmp_path: Path) -> None:
    vera, label, _receipt = referred(office)
    path, code = made(office, vera, label)
    browser, page = given(office, path, code)
    page = said(browser, page, "accept")
    before = link_row(office).sealed_key
    rotate(office, tmp_path / "keys.json")
    assert link_row(office).sealed_key != before
    assert STORY in browser.submit(page, "/partner/link/en/words").text


def rotate(office: StaffSite, path: Path) -> None:
    office.keys.save(path)
    rotation.rotate(
        office.database, path, lambda: office.time.at, patience=timedelta(0), sleep=lambda _seconds: None, root=True,
        in_flight=timedelta(days=36_500),
    )  # fmt: skip
    for app in getattr(office.app, "apps", {"": office.app}).values():
        app.state.keys = KeyRing.load(path)


def test_a_link_is_not_mailed_to_an_address_that_nobody_has_confirmed(office: StaffSite) -> None:
    vera, label, _receipt = referred(office)
    set_address(office, verified=False)
    page = vera.get(f"/desk/cases/{label}")
    assert "There is no address that they or a trusted source have confirmed." in page.words()
    action = f"/desk/cases/{label}/referrals/{referral_of(office).label}/link"
    assert vera.submit(page, action, send="mail").status == 409


def test_an_organisation_that_gets_an_account_answers_there(office: StaffSite) -> None:
    vera, label, _receipt = referred(office)
    path, code = made(office, vera, label)
    referral = referral_of(office)
    action = f"/desk/cases/{label}/referrals/{referral.label}/account"
    assert action not in vera.get(f"/desk/cases/{label}").text
    with office.database.begin() as session:
        keyholders.register(
            session, OwnerKind.ORGANISATION, referral.organisation_id, KeyPair.generate().public, office.time.at
        )
    assert vera.submit(vera.get(f"/desk/cases/{label}"), action).did("given_to_account")
    assert referral_of(office).way is None
    assert given(office, path, code)[1].status == 404
    with office.database.begin(write=False) as session:
        assert session.scalar(
            sa.select(sa.func.count()).where(
                OutboxMessage.kind == "referral_offered", OutboxMessage.organisation_id.is_not(None)
            )
        )
    assert "ask_centre" not in open_tasks(office)


def test_what_the_organisation_says_about_the_quality_through_its_link(office: StaffSite) -> None:
    vera, label, _receipt = referred(office)
    browser, page = given(office, *made(office, vera, label))
    action = "/partner/link/en/quality"
    assert action not in page.text, "it is asked about requests that were accepted"
    fields = page.form("/partner/link/en/answer")
    assert browser.post(action, {**fields, "quality": "complete"}).status == 409
    page = said(browser, page, "accept")
    for wrong in ({}, {"quality": "because"}):
        refused = browser.post(action, {**page.form(action), **wrong})
        assert refused.status == 422
        assert "one to four answers" in refused.words()
    done = browser.post(action, {**page.form(action), "quality": ["too_late", "facts_missing"]})  # type: ignore[dict-item]
    assert "The coordinator sees your answer" in browser.get(done.location).words()
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(ReferralQuality.codes)).one() == ["facts_missing", "too_late"]
    assert "referral:quality_said" in actions(office)
    assert browser.post(action, {"csrf": "made-up", "quality": "complete"}).status == 404
    vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/referrals/{referral_of(office).label}/link/end")
    assert browser.post(action, {**page.form(action), "quality": "complete"}).status == 404
