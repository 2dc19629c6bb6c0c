"""The life of a case on the pages: tasks, household, moving to another country, another instead, questions, notices."""

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.cases.models import Case, CaseMove, CaseWrap
from app.core import keyring
from app.core.ids import named_id
from app.intake.receipts import Receipt
from app.messaging import recipients
from app.messaging.models import PartnerNotices
from app.messaging.recipients import NoticeSettings
from app.operations.encrypted_columns import ENCRYPTED_COLUMNS
from app.operations.rotation import reencrypt_batch
from app.referrals.models import Referral
from app.tasks.models import Task
from tests.support.desk import ONE, STORY, TWO, Browser, Page, StaffSite
from tests.support.newest import at_different_moments
from tests.web.test_desk_case import referral_of, referred


def offered(office: StaffSite, label: str = "") -> tuple[str, str]:
    label = label or office.file()[0]
    assert referred(office, label, office.as_("vera")).status == 303
    return label, f"/partner/referrals/{referral_of(office, label).label}"


def reachable(office: StaffSite) -> None:
    """The organisation has an address for notices, so that nobody has to tell it of an offer by phone."""
    with office.database.begin() as session:
        recipients.save_notice_settings(
            session, office.keys, named_id("organisation", ONE), NoticeSettings("intake@example.org"),
            zone="Europe/Warsaw", version=0, now=office.time.at,
        )  # fmt: skip


def task_count(page: Page) -> str:
    node = page.tree.css_first('a[href="/desk/tasks"] .count, button[value="to=/desk/tasks"] .count')
    return node.text() if node else ""


def person(office: StaffSite, receipt: Receipt) -> Browser:
    browser = office.browser()
    page = browser.get("/ru/return")
    assert browser.submit(page, "/ru/return", number=receipt.digits).status == 303
    return browser


def referrals(office: StaffSite, label: str) -> list[Referral]:
    with office.database.begin(write=False) as session:
        case_id = office.case(label).id
        rows = session.scalars(sa.select(Referral).where(Referral.case_id == case_id).order_by(Referral.created_at))
        listed = list(rows)
        assert at_different_moments(listed, "created_at")
        return listed


def test_what_is_left_to_do_stands_in_the_list_on_the_case_and_in_the_head(office: StaffSite) -> None:
    reachable(office)
    label, path = offered(office)
    partner, vera = office.as_("partner"), office.as_("vera")
    with office.database.begin() as session:  # else the tasks would be hers from the start
        session.execute(sa.update(Case).where(Case.label == label).values(owner_id=None, owner_name=""))
    assert task_count(vera.get("/desk/")) == "0"
    partner.submit(partner.get(path), f"{path}/decline", reason="out_of_scope")
    assert task_count(vera.get("/desk/")) == task_count(vera.get(f"/desk/cases/{label}")) == "2"
    page = vera.get("/desk/tasks")
    assert "review its rule" in page.words()
    assert label in page.words()
    first = page.tree.css_first('form[action$="/take"]').attributes["action"]  # type: ignore[union-attr]
    assert vera.submit(page, first).status == 303
    assert "vera" in vera.get("/desk/tasks?whose=mine").words()
    done = first.replace("/take", "/done")
    assert vera.submit(vera.get(f"/desk/cases/{label}"), done).did("done")
    assert vera.submit(page, done).status == 404
    assert task_count(vera.get("/desk/tasks")) == "1"
    outsider = office.as_("outsider")
    assert task_count(outsider.get("/desk/tasks")) == "0"


def test_two_cases_of_a_household_are_seen_together_and_share_nothing(office: StaffSite) -> None:
    nobody: dict[str, Any] = {"answer_by": {"channel": "number"}, "call_me": ""}  # else they would seem one person
    (one, _), (two, _), (georgian, _) = office.file(), office.file(**nobody), office.file(country="GE", region=None)
    vera = office.as_("vera")
    action = f"/desk/cases/{one}/household"
    assert vera.submit(vera.get(f"/desk/cases/{one}"), action, other=georgian).status == 422
    assert vera.submit(vera.get(f"/desk/cases/{one}"), action, other=two.lower()).status == 303
    for here, other in ((one, two), (two, one)):
        assert vera.get(f"/desk/cases/{here}").tree.css_first(f'button[value="to=case/{other}"]') is not None
    assert vera.submit(vera.get(f"/desk/cases/{one}"), action, other=two).status == 409
    with office.database.begin(write=False) as session:
        wraps = session.execute(sa.select(CaseWrap.case_id, CaseWrap.owner_id, CaseWrap.kind)).all()
    for label in (one, two):
        assert sorted(row.kind for row in wraps if row.case_id == office.case(label).id) == [
            "organisation", "receipt", "team", "team",
        ]  # fmt: skip
    assert vera.submit(vera.get(f"/desk/cases/{one}"), f"{action}/leave").status == 303
    assert vera.get(f"/desk/cases/{two}").tree.css_first(f'button[value="to=case/{one}"]') is None


def test_a_case_moves_to_another_countrys_team_only_with_the_persons_yes(office: StaffSite, tmp_path: Path) -> None:
    label, receipt = office.file()
    vera, outsider = office.as_("vera"), office.as_("outsider")
    vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/note", note="a note that goes along")
    before = office.case(label)
    office.later(days=3)
    vera = office.as_("vera")
    page = vera.get(f"/desk/cases/{label}")
    assert vera.submit(page, f"/desk/cases/{label}/move", country="GE").status == 303
    assert outsider_sees(office, label) == 404
    office.keys.save(tmp_path / "keys.json")
    ring = keyring.begin_epoch(tmp_path / "keys.json", office.time.at.date())
    (asked,) = [one for one in ENCRYPTED_COLUMNS if one.model is CaseMove]
    assert reencrypt_batch(office.database, ring, asked) == (1, 0, None)
    them = person(office, receipt)
    page = them.get("/ru/case")
    assert them.submit(page, "/ru/case/move", answer="no").status == 303
    assert office.case(label).country == "PL"
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(CaseMove.desk_key)).all() == [None]
    vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/move", country="GE")
    them.submit(them.get("/ru/case"), "/ru/case/move", answer="yes")
    after = office.case(label)
    assert (after.country, after.waiting_since, after.owner_id) == ("GE", before.waiting_since, None)
    assert after.team_id != before.team_id
    assert vera.get(f"/desk/cases/{label}").status == 404
    outsider = office.as_("outsider")
    page = outsider.submit(outsider.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/show")
    assert STORY in page.text
    assert "a note that goes along" in page.text
    assert "moved here from another country" in outsider.get("/desk/tasks").words()
    assert them.get("/ru/case").status == 200


def test_a_question_about_moving_is_one_cases_and_is_asked_once(office: StaffSite) -> None:
    other_person: dict[str, Any] = {"answer_by": {"channel": "number"}, "call_me": ""}
    (asked, receipt), (neighbour, neighbours) = office.file(), office.file(**other_person)
    vera = office.as_("vera")
    assert vera.submit(vera.get(f"/desk/cases/{asked}"), f"/desk/cases/{asked}/move", country="GE").status == 303
    again = {
        "csrf": csrf_of(vera.get(f"/desk/cases/{asked}")),
        "version": str(office.case(asked).version),
        "country": "GE",
    }
    assert vera.post(f"/desk/cases/{asked}/move", again).status == 409
    theirs = person(office, neighbours)
    page = theirs.get("/ru/case")
    assert page.tree.css_first('form[action="/ru/case/move"]') is None
    assert theirs.post("/ru/case/move", {"csrf": csrf_of(page), "answer": "yes"}).status == 404
    assert office.case(neighbour).country == office.case(asked).country == "PL"
    assert (
        vera.submit(vera.get(f"/desk/cases/{neighbour}"), f"/desk/cases/{neighbour}/move", country="GE").status == 303
    )
    them = person(office, receipt)
    them.submit(them.get("/ru/case"), "/ru/case/move", answer="yes")
    assert (office.case(asked).country, office.case(neighbour).country) == ("GE", "PL")
    assert theirs.get("/ru/case").tree.css_first('form[action="/ru/case/move"]') is not None


def csrf_of(page: Page) -> str:
    field = page.tree.css_first('input[name="csrf"]')
    assert field is not None
    return str(field.attributes["value"])


def outsider_sees(office: StaffSite, label: str) -> int:
    return office.as_("outsider").get(f"/desk/cases/{label}").status


def test_what_was_only_asked_ends_with_the_move(office: StaffSite) -> None:
    label, receipt = office.file()
    offered(office, label)
    vera, them = office.as_("vera"), person(office, receipt)
    assert vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/move", country="GE").status == 303
    them.submit(them.get("/ru/case"), "/ru/case/move", answer="yes")
    (referral,) = referrals(office, label)
    assert (referral.state, referral.reason) == ("withdrawn", "moved_away")
    assert office.case(label).state == "in_review"


def test_the_end_of_a_case_ends_the_question_and_destroys_the_key_that_lay_ready(office: StaffSite) -> None:
    label, receipt = office.file()
    vera, them = office.as_("vera"), person(office, receipt)
    vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/move", country="GE")
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(CaseMove.desk_key)).one() is not None
    them.submit(them.get("/ru/case"), "/ru/case/erase", sure="yes")
    with office.database.begin(write=False) as session:
        assert session.execute(sa.select(CaseMove.answer, CaseMove.desk_key)).one() == ("ended", None)


def test_a_centre_at_work_stops_the_move(office: StaffSite) -> None:
    label, receipt = office.file()
    _label, path = offered(office, label)
    vera, partner, them = office.as_("vera"), office.as_("partner"), person(office, receipt)
    move = f"/desk/cases/{label}/move"
    assert vera.submit(vera.get(f"/desk/cases/{label}"), move, country="GE").status == 303
    page = them.get("/ru/case")
    partner.submit(partner.get(path), f"{path}/accept")
    assert them.submit(page, "/ru/case/move", answer="yes").status == 409
    assert office.case(label).country == "PL"
    other, _receipt = office.file()
    assert vera.submit(vera.get(f"/desk/cases/{other}"), f"/desk/cases/{other}/move", country="ZZ").status == 422


def test_asking_another_instead_links_the_two(office: StaffSite) -> None:
    label, _path = offered(office)
    vera = office.as_("vera")
    (first,) = referrals(office, label)
    action = f"/desk/cases/{label}/referrals/{first.label}/instead"
    page = vera.get(f"/desk/cases/{label}")
    office.later(seconds=1)
    assert vera.submit(page, action, service=f"{TWO}/legal-help").status == 303
    first, second = referrals(office, label)
    assert (first.state, first.reason, second.state) == ("withdrawn", "better_option", "awaiting_consent")
    assert second.predecessor_id == first.id
    assert vera.submit(page, action, service=f"{TWO}/legal-help").status == 412


def test_a_withdrawal_is_taken_back_with_one_button(office: StaffSite) -> None:
    label, _path = offered(office)
    vera = office.as_("vera")
    (first,) = referrals(office, label)
    here = f"/desk/cases/{label}/referrals/{first.label}"
    vera.submit(vera.get(f"/desk/cases/{label}"), f"{here}/withdraw", reason="mistake")
    assert vera.submit(vera.get(f"/desk/cases/{label}"), f"{here}/back").status == 303
    assert referrals(office, label)[0].state == "offered"
    vera.submit(vera.get(f"/desk/cases/{label}"), f"{here}/withdraw", reason="mistake")
    assert "Undo the withdrawal" not in vera.get(f"/desk/cases/{label}").words()


def test_the_person_reads_a_centres_question_in_their_language_and_answers_it(office: StaffSite) -> None:
    label, receipt = office.file()
    _label, path = offered(office, label)
    partner = office.as_("partner")
    page = partner.get(path)
    assert partner.submit(page, f"{path}/ask_info", question="letter_date").status == 303
    assert "What date is printed on the letter" in partner.get(path).words()
    them = person(office, receipt)
    page = them.get("/ru/case")
    assert "Какая дата напечатана на вашем письме?" in page.words()
    assert them.submit(page, "/ru/case/message", text="Десятого ноября").status == 303
    assert referrals(office, label)[0].state == "acknowledged"
    assert "Какая дата напечатана" not in them.get("/ru/case").words()


def test_the_person_says_whether_they_were_contacted(office: StaffSite) -> None:
    reachable(office)
    label, receipt = office.file()
    _label, path = offered(office, label)
    partner = office.as_("partner")
    partner.submit(partner.get(path), f"{path}/accept")
    partner.submit(partner.get(path), f"{path}/start")
    them = person(office, receipt)
    page = them.get("/ru/case")
    assert "с вами связались?" in page.words()
    assert them.submit(page, "/ru/case/contacted", answer="no").status == 303
    assert "с вами связались?" not in them.get("/ru/case").words()
    vera = office.as_("vera")
    assert "they were not contacted" in vera.get(f"/desk/cases/{label}").words()
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(Task.kind).where(Task.done_at.is_(None))).all() == ["disagreement"]


def test_handing_back_shows_the_desk_what_was_done(office: StaffSite) -> None:
    label, path = offered(office)
    partner = office.as_("partner")
    partner.submit(partner.get(path), f"{path}/accept")
    partner.submit(partner.get(path), f"{path}/hand_back", reason="no_capacity", work_done="appeal_filed")
    page = office.as_("vera").get(f"/desk/cases/{label}")
    assert "Filed an appeal" in page.words()


def test_an_organisation_says_where_when_and_in_which_hours(office: StaffSite) -> None:
    partner = office.as_("partner")
    page = partner.get("/partner/notices")
    form = {name: value for name, value in page.form("/partner/notices").items() if name != "weekdays"}
    given = {
        **form,
        "address": "intake@example.org",
        "when": "digest",
        "hour": "7",
        "own_hours": "yes",
        "opens": "10:00",
    }
    wrong = partner.post("/partner/notices", {**given, "weekdays": "1", "address": "nobody", "closes": "18:00"})
    assert (wrong.status, "This is not an e-mail address." in wrong.words()) == (422, True)
    assert wrong.form("/partner/notices")["opens"] == "10:00"
    assert partner.post("/partner/notices", {**given, "weekdays": "1", "closes": "09:00"}).status == 422
    body = [*given.items(), ("weekdays", "0"), ("weekdays", "2")]
    from urllib.parse import urlencode

    sent = partner.send(
        "POST",
        "/partner/notices",
        content=urlencode(body),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert sent.status == 303
    assert "intake@example.org" in partner.get("/partner/notices").text
    with office.database.begin(write=False) as session:
        row = session.scalars(sa.select(PartnerNotices)).one()
        assert b"example.org" not in (row.address or b"")
        assert recipients.address_of(session, office.keys, row.organisation_id) == "intake@example.org"
        assert (row.digest_hour, row.zone) == (7, "Europe/Warsaw")
        assert row.hours == {"opens": "10:00", "closes": "18:00", "weekdays": [0, 2], "days_off": []}
    assert partner.post("/partner/notices", {**given, "weekdays": "1"}).status == 412
    label, _path = offered(office)
    (referral,) = referrals(office, label)
    assert referral.hours is not None
    assert referral.acknowledge_by is not None


@pytest.mark.parametrize("path", ["/desk/tasks", "/partner/notices"])
def test_the_new_pages_have_a_title_a_heading_and_names_for_their_fields(office: StaffSite, path: str) -> None:
    page = office.as_("partner" if "partner" in path else "vera").get(path)
    assert page.tree.css_first("title").text().strip()  # type: ignore[union-attr]
    assert len(page.tree.css("h1")) == 1
    for node in page.tree.css("main input[id], main textarea[id], main select[id]"):
        assert page.tree.css_first(f'label[for="{node.attributes["id"]}"]') is not None
    assert not re.search(r"\{\{|\}\}", page.text)
    assert ONE not in page.words()
