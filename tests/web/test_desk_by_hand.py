"""Organisations without an account: a coordinator asks them, records what they say, and hands over what they may read."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from app import app_context
from app.app_context import AppContext
from app.audit.models import AuditEntry
from app.cases.models import CaseAgreement
from app.cli.main import app as command
from app.core import clock
from app.core.i18n import LANGUAGES
from app.directory.packs import load_packs
from app.messaging.models import OutboxMessage
from app.privacy import service as privacy
from app.referrals.centre_contacts import CentreContact
from app.referrals.models import Referral, ReferralEvent
from app.referrals.quality import ReferralQuality
from app.tasks.models import Task
from tests.support.desk import ADDRESS, NAME, ONE, PASSPHRASE, STORY, UNCONNECTED, Browser, Page, StaffSite
from tests.support.newest import newest

SERVICE = f"{UNCONNECTED}/legal-help"
NAMED = {"mode": "named", "organisations": [UNCONNECTED]}
WHOM = "zinnober-the-lawyer-there"


def refer(office: StaffSite, browser: Browser, label: str, **typed: str) -> Page:
    page = browser.get(f"/desk/cases/{label}/refer?service={SERVICE}")
    assert "no account here" in page.words()
    return browser.submit(page, f"/desk/cases/{label}/refer", **typed)


def referral_of(office: StaffSite) -> Referral:
    return newest(office.database, Referral, Referral.created_at)


def said(browser: Browser, label: str, referral: Referral, verb: str, **typed: str) -> Page:
    path = f"/desk/cases/{label}/referrals/{referral.label}/said/{verb}"
    page = browser.get(path)
    assert page.status == 200, page.words()
    return browser.submit(page, path, **{"how": "phone", "whom": WHOM, **typed})


def tasks(office: StaffSite) -> dict[str, Task]:
    with office.database.begin(write=False) as session:
        found = list(session.scalars(sa.select(Task).where(Task.done_at.is_(None))))
        session.expunge_all()
        return {task.kind: task for task in found}


def notices_to_organisations(office: StaffSite) -> int:
    with office.database.begin(write=False) as session:
        return session.scalar(sa.select(sa.func.count()).where(OutboxMessage.organisation_id.is_not(None))) or 0


def sheet(browser: Browser, label: str, referral: Referral, language: str = "pl") -> Page:
    action = f"/desk/cases/{label}/referrals/{referral.label}/sheet"
    return browser.submit(browser.get(f"/desk/cases/{label}"), action, language=language)


def test_from_the_first_call_to_the_outcome_without_an_account(office: StaffSite) -> None:
    label, _receipt = office.file(consent=NAMED)
    browser = office.as_("vera")
    assert refer(office, browser, label).did("to_be_asked")
    referral = referral_of(office)
    assert (referral.state, referral.way) == ("offered", "hand")
    assert referral.expires_at is not None
    assert tasks(office)["ask_centre"].due_at == referral.acknowledge_by
    page = browser.get(f"/desk/cases/{label}")
    assert "Nobody has asked them yet." in page.words()
    asked = browser.submit(page, f"/desk/cases/{label}/referrals/{referral.label}/asked", how="phone", whom=WHOM)
    assert asked.did("contact_recorded")
    for verb, typed, state in (
        ("acknowledge", {}, "acknowledged"),
        ("accept", {}, "accepted"),
        ("start", {}, "in_progress"),
        ("complete", {"outcome": "represented"}, "completed"),
    ):
        office.later(minutes=10)
        assert said(browser, label, referral, verb, **typed).did("answer_recorded")
        referral = referral_of(office)
        assert referral.state == state
        if verb == "acknowledge":
            assert tasks(office)["ask_centre"].due_at == referral.decide_by
        if verb == "accept":
            assert tasks(office)["hand_over"].due_at == referral.contact_by
    assert office.case(label).state == "helped"
    assert notices_to_organisations(office) == 0, "nobody there is notified by the service"
    with office.database.begin(write=False) as session:
        events = session.execute(
            sa.select(ReferralEvent.verb, ReferralEvent.actor_kind, ReferralEvent.codes).order_by(ReferralEvent.seq)
        ).all()
        assert [row.verb for row in events if row.actor_kind == "on_behalf"] == [
            "acknowledge", "accept", "start", "complete",
        ]  # fmt: skip
        assert all(row.codes["how"] == "phone" for row in events if row.actor_kind == "on_behalf")
        contacts = session.scalars(sa.select(CentreContact)).all()
        assert len(contacts) == 5
        assert all(WHOM.encode() not in (contact.whom or b"") for contact in contacts)
    history = browser.get(f"/desk/cases/{label}").words()
    assert "the desk, for the organisation" in history
    assert WHOM not in history
    opened = browser.submit(browser.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/show")
    assert WHOM in opened.words(), "the name is shown with the story, whose opening is recorded"


def test_the_sheet_has_what_the_organisation_may_read_and_nothing_else(office: StaffSite) -> None:
    label, _receipt = office.file(consent=NAMED, helps=["interpreter"])
    browser = office.as_("vera")
    refer(office, browser, label)
    referral = referral_of(office)
    before = sheet(browser, label, referral)
    assert before.tree.css_first("html").attributes["lang"] == "pl"  # type: ignore[union-attr]
    assert before.response.headers["cache-control"] == "no-store"
    for secret in (STORY, NAME, ADDRESS):
        assert secret not in before.text
    said(browser, label, referral, "accept")
    after = sheet(browser, label, referral_of(office), "ka")
    for part in (STORY, NAME, ADDRESS):
        assert part in after.text
    with office.database.begin(write=False) as session:
        opened = session.scalars(
            sa.select(AuditEntry.codes)
            .where(AuditEntry.action.in_(["referral:sheet_opened", "referral:card_printed"]))
            .order_by(AuditEntry.seq)
        ).all()
    assert [codes["parts"] for codes in opened] == [["card"], ["story", "contact", "happened", "thread"]]
    said(browser, label, referral_of(office), "hand_back", reason="other")
    assert f"/referrals/{referral.label}/sheet" not in browser.get(f"/desk/cases/{label}").text
    csrf = browser.get("/desk/").form("/desk/sign-out")["csrf"]
    refused = browser.post(f"/desk/cases/{label}/referrals/{referral.label}/sheet", {"csrf": csrf, "language": "pl"})
    assert refused.status == 409
    assert STORY not in refused.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheet_speaks_each_language(office: StaffSite, language: str) -> None:
    label, _receipt = office.file(consent=NAMED)
    browser = office.as_("vera")
    refer(office, browser, label)
    page = sheet(browser, label, referral_of(office), language)
    assert page.status == 200
    assert page.tree.css_first("html").attributes["lang"] == language  # type: ignore[union-attr]
    if language != "en":
        assert "This is all that you can know" not in page.text


def test_without_consent_the_person_is_asked_and_told_who_will_read_what(office: StaffSite) -> None:
    label, receipt = office.file(consent={"mode": "ask_first"}, language="en")
    browser = office.as_("vera")
    assert refer(office, browser, label).did("asked")
    referral = referral_of(office)
    assert referral.state == "awaiting_consent"
    assert browser.get(f"/desk/cases/{label}/referrals/{referral.label}/said/accept").status == 200
    assert said(browser, label, referral, "accept").status == 403, "nothing is recorded before the person agreed"
    assert sheet_refused(browser, label, referral)
    person = office.browser()
    person.submit(person.get("/en/return"), "/en/return", number=receipt.grouped())
    page = person.get("/en/case")
    assert "They have no account here." in page.words()
    assert "the coordinator gives them your name" in page.words()
    person.submit(page, "/en/case/consent", answer="yes")
    assert referral_of(office).state == "offered"
    assert "Nobody has told them anything yet." in person.get("/en/case").words()
    case = browser.get(f"/desk/cases/{label}")
    browser.submit(case, f"/desk/cases/{label}/referrals/{referral.label}/asked", how="in_person")
    told = person.get("/en/case").words()
    assert "A coordinator has asked them." in told
    assert "spoke with them in person" in told
    said(browser, label, referral_of(office), "accept")
    assert "A coordinator gives them what you agreed they may read." in person.get("/en/case").words()


def sheet_refused(browser: Browser, label: str, referral: Referral) -> bool:
    csrf = browser.get("/desk/").form("/desk/sign-out")["csrf"]
    path = f"/desk/cases/{label}/referrals/{referral.label}/sheet"
    return browser.post(path, {"csrf": csrf, "language": "pl"}).status == 409


def test_consent_taken_back_ends_it_and_the_coordinator_is_to_tell_them(office: StaffSite) -> None:
    label, receipt = office.file(consent=NAMED, language="en")
    browser = office.as_("vera")
    refer(office, browser, label, how="letter", whom=WHOM)
    assert office.case(label).state == "referred"
    person = office.browser()
    person.submit(person.get("/en/return"), "/en/return", number=receipt.grouped())
    page = person.get("/en/case/centres")
    person.submit(page, "/en/case/centres", **{f"c_{UNCONNECTED}": "never"})
    assert referral_of(office).state == "client_declined"
    assert "tell_centre" in tasks(office)
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(CaseAgreement)).all() == []


def test_an_offer_undone_before_anybody_was_asked_leaves_nobody_to_tell(office: StaffSite) -> None:
    label, _receipt = office.file(consent=NAMED)
    browser = office.as_("vera")
    done = refer(office, browser, label)
    browser.submit(browser.get(done.location), f"/desk/cases/{label}/undo")
    assert referral_of(office).state == "withdrawn"
    assert "tell_centre" not in tasks(office)


def test_what_is_missing_is_asked_for_again_and_nothing_is_lost(office: StaffSite) -> None:
    label, _receipt = office.file(consent=NAMED)
    browser = office.as_("vera")
    refer(office, browser, label)
    referral = referral_of(office)
    again = said(browser, label, referral, "decline")
    assert again.status == 422
    assert WHOM in again.text
    assert referral_of(office).state == "offered"
    again = said(browser, label, referral, "decline", reason="no_capacity", whom="x" * 121)
    assert again.status == 422
    assert referral_of(office).state == "offered"
    assert said(browser, label, referral, "decline", reason="no_capacity").did("answer_recorded")
    assert "find_next" in tasks(office)
    assert referral_of(office).reason == "no_capacity"
    stale = said(browser, label, referral_of(office), "decline", version="1")
    assert stale.status in {409, 412}


def test_nobody_speaks_for_an_organisation_that_answers_itself(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.get(f"/desk/cases/{label}/refer?service={ONE}/legal-help")
    assert browser.submit(page, f"/desk/cases/{label}/refer", by_hand="yes").did("offered")
    referral = referral_of(office)
    assert said(browser, label, referral, "accept").status == 409
    assert sheet_refused(browser, label, referral)
    other = office.as_("outsider")
    assert other.get(f"/desk/cases/{label}/referrals/{referral.label}/said/accept").status == 404


def test_erasure_deletes_who_spoke_and_the_agreement(office: StaffSite) -> None:
    label, _receipt = office.file(consent=NAMED)
    browser = office.as_("vera")
    refer(office, browser, label, how="phone", whom=WHOM)
    with office.database.begin() as session:
        case = session.get_one(type(office.case(label)), office.case(label).id)
        privacy.erase(session, case, actor_kind="person", now=office.time.at)
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(CentreContact)).all() == []
        assert session.scalars(sa.select(CaseAgreement)).all() == []
    assert "tell_centre" in tasks(office), "somebody still has to tell them that it is over"
    assert re.search(r"Tell the organisation", browser.get("/desk/tasks").words())


def test_the_command_prints_the_card_in_the_centres_language_and_never_what_needs_a_members_key(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    label, _receipt = office.file(consent=NAMED)
    browser = office.as_("vera")
    refer(office, browser, label)
    referral = referral_of(office)
    context = AppContext(office.app.state.settings, office.database, office.keys, load_packs())
    monkeypatch.setattr(app_context, "open_app_context", lambda: context)

    def run(*words: str, exit_code: int = 0) -> str:
        result = CliRunner().invoke(command, ["sheet", *words])
        assert result.exit_code == exit_code, result.output
        return str(result.output)

    printed = run(referral.label.lower())
    assert '<html lang="pl"' in printed
    assert referral.label in printed
    assert "<style>" in printed
    assert 'href="/' not in printed, "a page that is kept as a file has its style in it, and asks nobody for anything"
    for hidden in (NAME, ADDRESS, STORY):
        assert hidden not in printed
    file = tmp_path / "sheet.html"
    file.write_text("what was there before")
    file.chmod(0o644)
    run(referral.label, "--language", "ka", "--out", str(file))
    assert '<html lang="ka"' in file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o077 == 0
    run(referral.label, "--language", "xx", exit_code=2)
    run("R-NOT-HERE", exit_code=4)
    said(browser, label, referral, "accept")
    run(referral.label, exit_code=5)
    with office.database.begin(write=False) as session:
        query = sa.select(AuditEntry.actor_kind).where(AuditEntry.action == "referral:card_printed")
        assert list(session.scalars(query)) == ["operator", "operator"]


def test_the_command_prints_the_whole_sheet_for_a_member_who_signs_in(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    label, _receipt = office.file(consent=NAMED)
    browser = office.as_("vera")
    refer(office, browser, label)
    referral = referral_of(office)
    context = AppContext(office.app.state.settings, office.database, office.keys, load_packs())
    monkeypatch.setattr(app_context, "open_app_context", lambda: context)
    monkeypatch.setattr(clock, "utc_now", lambda: office.time.at)

    def run(name: str, exit_code: int = 0, passphrase: str = PASSPHRASE) -> str:
        office.later(minutes=1)  # no one-time code is taken twice
        typed = f"{passphrase}\n{office.code(name)}\n"
        result = CliRunner().invoke(command, ["sheet", referral.label, "--as", name], input=typed)
        assert result.exit_code == exit_code, result.output
        return str(result.stdout)

    before = run("vera")
    for hidden in (NAME, ADDRESS, STORY):
        assert hidden not in before, "not before the organisation has accepted"
    said(browser, label, referral, "accept")
    for name in ("outsider", "admin"):
        assert STORY not in run(name, exit_code=4 if name == "outsider" else 5)
    assert STORY not in run("vera", exit_code=5, passphrase="not the passphrase of vera")
    sessions_before = office.sessions()
    printed = run("vera")
    assert "One-time code" not in printed, "the questions are not in the file"
    for shown in (NAME, ADDRESS, STORY):
        assert shown in printed
    assert office.sessions() == sessions_before, "the session of the command is closed"
    with office.database.begin(write=False) as session:
        query = sa.select(AuditEntry.actor_kind).where(AuditEntry.action == "referral:sheet_opened")
        assert list(session.scalars(query)) == ["coordinator"]


def test_what_an_organisation_says_about_the_quality_is_recorded_for_it(office: StaffSite) -> None:
    label, _receipt = office.file(consent=NAMED)
    browser = office.as_("vera")
    refer(office, browser, label)
    referral = referral_of(office)
    path = f"/desk/cases/{label}/referrals/{referral.label}/quality"
    button = f"referrals/{referral.label}/quality"
    assert button not in browser.get(f"/desk/cases/{label}").text, "it has not accepted yet"
    early = {**browser.get(path).form(path), "quality": "complete", "how": "phone", "whom": ""}
    assert browser.post(path, early).status == 409
    said(browser, label, referral, "accept")
    assert button in browser.get(f"/desk/cases/{label}").text
    form = {**browser.get(path).form(path), "how": "phone", "whom": WHOM}
    for wrong in ({}, {"quality": "because"}):
        page = browser.post(path, {**form, **wrong})
        assert page.status == 422
        assert WHOM in page.text, "nothing typed is lost"
    version = referral_of(office).version
    assert browser.post(path, {**form, "quality": ["too_late", "facts_missing"]}).did("quality_recorded")  # type: ignore[dict-item]
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(ReferralQuality.codes)).one() == ["facts_missing", "too_late"]
        contact = session.scalars(sa.select(CentreContact).where(CentreContact.what == "quality")).one()
        assert WHOM.encode() not in (contact.whom or b"")
        entry = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "referral:quality_said")).one()
        assert entry.actor_kind == "coordinator"
    assert referral_of(office).version == version, "it moves nothing"
    assert "they said how good the referral was" in browser.get(f"/desk/cases/{label}").words()
