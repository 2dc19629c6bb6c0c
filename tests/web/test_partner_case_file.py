"""After acceptance: words both ways, team-mates, the sheet to print, the table; each with what must not happen."""

import csv
import io

import pytest
import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.cases import person_access, sealed_parts
from app.cases.models import CaseWrap
from app.casework import person_actions
from app.core import keyholders
from app.core.ids import named_id
from app.core.keyholders import KeyGrant, OwnerKind
from app.core.sealing import KeyPair
from app.intake.receipts import Receipt
from app.messaging.models import OutboxMessage
from app.staff import service as staff
from app.staff.models import Role
from tests.support import desk
from tests.support.desk import ADDRESS, NAME, ONE, PASSPHRASE, START, STORY, Browser, StaffSite
from tests.web.test_desk_case import referral_of, referred

MESSAGE = "zinnober-message-to-the-person"


def accepted(office: StaffSite, **answers: object) -> tuple[str, str, Receipt]:
    label, receipt = office.file(**answers)
    assert referred(office, label, office.as_("vera")).status == 303
    path = f"/partner/referrals/{referral_of(office, label).label}"
    browser = office.as_("partner")
    assert browser.submit(browser.get(path), f"{path}/accept").status == 303
    return label, path, receipt


def colleague(office: StaffSite) -> Browser:
    """A second member of the same organisation, with the organisation's key."""
    organisation_id = named_id("organisation", ONE)
    with office.database.begin() as session:
        new = staff.add_member(
            session, office.keys, "colleague", Role.PARTNER, PASSPHRASE, START, organisation_id=organisation_id
        )
        new.key.public_key = desk._pair("colleague").public
        first = session.scalars(sa.select(staff.Member).where(staff.Member.name == "partner")).one()
        seeds = keyholders.open_granted(session, first.key_id, desk._pair("partner"))
        for key_id, seed in seeds.items():
            keyholders.grant(session, keyholders.by_id(session, key_id), seed, new.key)
    return office.as_("colleague")


def thread(office: StaffSite, receipt: Receipt) -> list[tuple[str, str]]:
    """The conversation as the person reads it with their number."""
    with office.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, office.keys, office.time.at)
        return [(line.author, line.content["text"]) for line in person_access.thread(session, opened)]


def person_writes(office: StaffSite, receipt: Receipt, text: str) -> None:
    with office.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, office.keys, office.time.at, lock=True)
        person_actions.write_message(session, opened, text, now=office.time.at)


def audited(office: StaffSite, action: str) -> list[dict[str, object]]:
    with office.database.begin(write=False) as session:
        query = sa.select(AuditEntry.codes).where(AuditEntry.action == action)
        return list(session.scalars(query.order_by(AuditEntry.seq)))


def test_words_go_both_ways(office: StaffSite) -> None:
    _label, path, receipt = accepted(office)
    browser = office.as_("partner")
    assert browser.submit(browser.get(path), f"{path}/message", text=MESSAGE).location == f"{path}?done=sent"
    assert thread(office, receipt) == [("partner", MESSAGE)]
    assert MESSAGE not in browser.get(path).text, "closed until it is opened"
    person_writes(office, receipt, "zinnober-answer")
    assert "New message" in browser.get("/partner/").words()
    page = browser.submit(browser.get(path), f"{path}/show")
    assert page.words().index(MESSAGE) < page.words().index("zinnober-answer")
    assert "The organisation Tue 24 Nov 2026, 10:00 UTC" in page.words()
    assert browser.submit(browser.get(path), f"{path}/message", text="gelesen").status == 303
    assert "New message" not in browser.get("/partner/").words()


def test_who_is_at_work_is_told_that_the_person_wrote(office: StaffSite) -> None:
    label, _path, receipt = accepted(office)
    person_writes(office, receipt, "zinnober-answer")
    with office.database.begin(write=False) as session:
        told = session.scalars(sa.select(OutboxMessage).where(OutboxMessage.kind == "person_wrote")).all()
        assert [(one.about_id, one.organisation_id) for one in told] == [
            (referral_of(office, label).id, named_id("organisation", ONE))
        ]
        assert told[0].created_at.minute == told[0].created_at.second == 0


def test_two_who_answer_at_once_lose_no_text(office: StaffSite) -> None:
    _label, path, receipt = accepted(office)
    first, second = office.as_("partner"), colleague(office)
    mine, theirs = first.get(path), second.get(path)
    assert first.submit(mine, f"{path}/message", text="the first").status == 303
    late = second.submit(theirs, f"{path}/message", text="the second")
    assert late.status == 412
    assert "the second" in late.text
    assert "new message" in late.words()
    assert thread(office, receipt) == [("partner", "the first")]
    assert second.submit(late, f"{path}/message").status == 303
    assert [text for _author, text in thread(office, receipt)] == ["the first", "the second"]


def test_a_text_outlives_a_colleague_who_hands_the_request_back(office: StaffSite) -> None:
    _label, path, receipt = accepted(office)
    first, second = office.as_("partner"), colleague(office)
    theirs = second.get(path)
    first.submit(first.get(path), f"{path}/hand_back", reason="no_capacity")
    late = second.submit(theirs, f"{path}/message", text=MESSAGE)
    assert late.status == 409
    assert MESSAGE in late.text
    assert thread(office, receipt) == []


@pytest.mark.parametrize("text", ["", "   ", "x" * 10_001])
def test_a_message_that_is_none_is_not_sent(office: StaffSite, text: str) -> None:
    _label, path, receipt = accepted(office)
    browser = office.as_("partner")
    assert browser.submit(browser.get(path), f"{path}/message", text=text).status == 422
    assert thread(office, receipt) == []


def test_the_safety_lines_stand_above_the_contact_on_page_and_paper(office: StaffSite) -> None:
    _label, path, _receipt = accepted(office)
    browser = office.as_("partner")
    for action in ("show", "print"):
        words = browser.submit(browser.get(path), f"{path}/{action}").words()
        for line in ("Do not say who you are", "Do not leave a message", "Preferred times: evening"):
            assert words.index(line) < words.index(NAME) < words.index(ADDRESS), (action, line)
        assert STORY in words
    assert [codes["purpose"] for codes in audited(office, "referral:sealed_opened")] == ["read", "print"]


def test_a_sheet_is_printed_only_from_what_was_accepted(office: StaffSite) -> None:
    _label, path, _receipt = accepted(office)
    browser = office.as_("partner")
    fields = browser.get(path).form(f"{path}/print")
    browser.submit(browser.get(path), f"{path}/hand_back", reason="other")
    page = browser.post(f"{path}/print", fields)
    assert page.status == 409
    assert STORY not in page.text
    assert audited(office, "referral:sealed_opened") == []


def test_could_not_reach_them_goes_back_to_the_desk_and_closes_nothing(office: StaffSite) -> None:
    label, path, _receipt = accepted(office)
    browser = office.as_("partner")
    page = browser.get(path)
    assert "We could not reach the person" in page.words()
    assert page.form(f"{path}/hand_back")["reason"] == "unreachable"
    assert browser.submit(page, f"{path}/hand_back").status == 303
    assert (referral_of(office, label).state, referral_of(office, label).reason) == ("handed_back", "unreachable")
    assert office.case(label).closed_at is None


def test_a_step_without_its_choice_is_asked_for_again_on_the_same_page(office: StaffSite) -> None:
    label, path, _receipt = accepted(office)
    browser = office.as_("partner")
    page = browser.submit(browser.get(path), f"{path}/complete")
    assert page.status == 422
    assert "Choose how the request ended." in page.words()
    opened = [node for node in page.tree.css("details.answer") if "open" in node.attributes]
    assert [node.css_first("summary").text() for node in opened] == ["Complete the request"]  # type: ignore[union-attr]
    target = page.tree.css_first(".errors a").attributes["href"]  # type: ignore[union-attr]
    assert page.tree.css_first(str(target)) is not None
    assert referral_of(office, label).state == "accepted"


def test_the_table_names_nobody_and_holds_only_ones_own(office: StaffSite) -> None:
    label, _path, _receipt = accepted(office)
    answer = office.as_("partner").get("/partner/table.csv")
    assert answer.response.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["request"], row["state"], row["needs"]) for row in rows] == [
        (referral_of(office, label).label, "accepted", "asylum")
    ]
    assert not any(secret in answer.text for secret in (STORY, NAME, ADDRESS))
    assert list(csv.DictReader(io.StringIO(office.as_("other-partner").get("/partner/table.csv").text))) == []


def test_a_member_who_was_given_no_key_reads_and_writes_nothing(office: StaffSite) -> None:
    _label, path, receipt = accepted(office)
    with office.database.begin() as session:
        session.execute(sa.delete(KeyGrant))
    browser = office.as_("partner")
    for action in ("show", "print", "message"):
        page = browser.submit(browser.get(path), f"{path}/{action}", text=MESSAGE)
        assert page.status == 403, action
    assert thread(office, receipt) == []


def test_after_a_new_key_what_was_sealed_to_the_old_one_still_opens(office: StaffSite) -> None:
    """A wrap names the key it is sealed to, and the members go on holding that key."""
    _label, path, _receipt = accepted(office)
    with office.database.begin() as session:
        keyholders.register(
            session, OwnerKind.ORGANISATION, named_id("organisation", ONE), KeyPair.generate().public, START
        )
    browser = office.as_("partner")
    assert STORY in browser.submit(browser.get(path), f"{path}/show").text


def test_colleagues_see_who_did_what_and_nothing_from_before_the_offer(office: StaffSite) -> None:
    _label, path, _receipt = accepted(office)
    second = colleague(office)
    assert second.submit(second.get(path), f"{path}/start").status == 303
    told = [node.text().split(" UTC ")[1] for node in second.get(path).tree.css("ol.timeline li")]
    assert told == ["offered (the desk)", "accepted (partner)", "work started (colleague)"]
    assert "vera" not in second.get(path).words()


def test_a_long_list_shows_what_is_due_first_and_says_what_it_leaves_out(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.partner.offers._LISTED", 2)
    soon = {}
    for how_soon in ("none", "month", "today", "week"):
        label, _receipt = office.file(how_soon=how_soon)
        referred(office, label, office.as_("vera"))
        soon[how_soon] = referral_of(office, label).label
    page = office.as_("partner").get("/partner/")
    assert [node.text() for node in page.tree.css("tbody th a")] == [soon["today"], soon["week"]]
    assert page.tree.css_first("h1 .count").text() == "4"  # type: ignore[union-attr]
    assert "These are due first." in page.words()


def sealed_to(office: StaffSite, label: str) -> object:
    with office.database.begin(write=False) as session:
        wrap = sa.select(CaseWrap.key_id).where(
            CaseWrap.case_id == office.case(label).id, CaseWrap.owner_id == named_id("organisation", ONE)
        )
        return session.scalars(wrap.where(CaseWrap.purpose == sealed_parts.PERSON)).one()


def registered(office: StaffSite, *, for_partner: bool) -> object:
    """A new key of the organisation's; `for_partner`: its member is given it."""
    pair = KeyPair.generate()
    with office.database.begin() as session:
        new = keyholders.register(
            session, OwnerKind.ORGANISATION, named_id("organisation", ONE), pair.public, office.time.at
        )
        if for_partner:
            member = session.scalars(sa.select(staff.Member).where(staff.Member.name == "partner")).one()
            keyholders.grant(session, new, pair.seed, keyholders.by_id(session, member.key_id))
        return new.id


def test_a_case_follows_to_the_new_key_when_a_coordinator_opens_it(office: StaffSite) -> None:
    label, _path, _receipt = accepted(office)
    old, new = sealed_to(office, label), registered(office, for_partner=False)
    assert sealed_to(office, label) == old != new
    vera = office.as_("vera")
    page = f"/desk/cases/{label}"
    assert STORY in vera.submit(vera.get(page), f"{page}/show").text
    assert sealed_to(office, label) == new


def test_a_case_follows_when_a_member_opens_it_who_has_both_keys_and_else_stays(office: StaffSite) -> None:
    label, path, _receipt = accepted(office)
    old = sealed_to(office, label)
    registered(office, for_partner=False)
    partner = office.as_("partner")
    for _ in range(2):
        assert STORY in partner.submit(partner.get(path), f"{path}/show").text
    assert sealed_to(office, label) == old
    newer = registered(office, for_partner=True)
    partner = office.as_("partner")
    for _ in range(2):
        assert STORY in partner.submit(partner.get(path), f"{path}/show").text
        assert sealed_to(office, label) == newer
