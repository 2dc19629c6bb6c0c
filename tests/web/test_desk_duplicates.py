"""Who wrote twice: found by marks that need the team's key, merged and separated by the desk, forgotten with the case.

How the marks are made: tests/service/test_comparisons.py.
"""

from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.cases import duplicate_detection, person_access, transitions
from app.cases.duplicate_detection import ComparisonKey
from app.cases.models import Case, CaseFingerprint
from app.casework import person_actions
from app.casework.auto_offer import untaken_cases
from app.core import keyring
from app.core.sealing import KeyPair
from app.operations import rotation
from app.operations.encrypted_columns import ENCRYPTED_COLUMNS
from app.privacy import service as privacy
from tests.support.desk import START, Page, StaffSite
from tests.web.test_desk_case import audited, referred
from tests.web.test_desk_undo import act

LENA = {"call_me": "Елена Смирнова", "answer_by": {"channel": "telegram", "address": "@sova_1"}}


def alike(page: Page) -> str:
    return " ".join(str(node.text()) for node in page.tree.css("ul.alike li"))


def marks(office: StaffSite) -> list[bytes]:
    with office.database.begin(write=False) as session:
        return list(session.scalars(sa.select(CaseFingerprint.fingerprint)))


@pytest.mark.parametrize(
    ("again", "kinds"),
    [
        ({"call_me": "Yelena Smirnova", "answer_by": {"channel": "number"}}, "a similar name"),
        ({"call_me": "Лена", "answer_by": {"channel": "telegram", "address": "t.me/Sova_1"}}, "the same user name"),
        ({"call_me": "Елена", "answer_by": {"channel": "telegram", "address": "@filin"}}, ""),
        ({"call_me": "Смирнов Пётр", "answer_by": {"channel": "number"}}, ""),
    ],
)
def test_who_wrote_twice_is_shown_as_possible_with_what_agrees(
    office: StaffSite, again: dict[str, object], kinds: str
) -> None:
    first, _receipt = office.file(**LENA)
    second, _receipt = office.file(**again)
    found = alike(office.as_("vera").get(f"/desk/cases/{second}"))
    assert (first in found) == bool(kinds)
    assert kinds in found
    for secret in ("Смирнова", "sova_1", "Smirnova"):
        assert secret not in office.as_("vera").get(f"/desk/cases/{first}").text


def test_another_team_never_sees_it(office: StaffSite) -> None:
    office.file(**LENA)
    georgian, _receipt = office.file(**LENA, country="GE", region=None, consent={"mode": "ask_first"})
    assert marks(office) == [], "nobody who holds a team's key has looked yet"
    assert alike(office.as_("outsider").get(f"/desk/cases/{georgian}")) == ""
    assert len(marks(office)) == 3
    office.as_("vera").get("/desk/today")
    found = marks(office)
    assert len(found) == len(set(found)) == 6, "of each case the contact, and the name in both forms"


def test_a_first_name_leaves_no_mark(office: StaffSite) -> None:
    label, _receipt = office.file(call_me="Елена", answer_by={"channel": "number"})
    office.as_("vera").get("/desk/today")
    assert office.case(label).compared_with is not None
    assert marks(office) == []


def first_of(office: StaffSite, label: str) -> str:
    return alike(office.as_("vera").get(f"/desk/cases/{label}"))


def test_comparing_again_sees_the_contact_of_today_and_is_noted(office: StaffSite) -> None:
    first, _receipt = office.file(**LENA)
    second, _receipt = office.file(**LENA)
    assert first in first_of(office, second)
    with office.database.begin() as session:
        duplicate_detection.delete_fingerprints(session, office.case(second).id)
    assert first_of(office, second) == ""
    page = act(office.as_("vera"), second, "compare")
    assert first in alike(page)
    assert "sova_1" not in page.text
    assert [action for action, _codes in audited(office, "case:compared")] == ["case:compared"]


def test_merging_leaves_one_in_the_lists_and_both_numbers_working(office: StaffSite) -> None:
    first, receipt = office.file(**LENA)
    second, _receipt = office.file(**LENA)
    browser = office.as_("vera")
    page = browser.get(f"/desk/cases/{second}")
    merged = browser.submit(page, f"/desk/cases/{first}/merge")
    assert merged.location.startswith(f"/desk/cases/{second}?")
    assert first not in browser.get("/desk/").text
    assert first in browser.get("/desk/?view=merged").text
    assert f"Continue in case {second}" in browser.get(f"/desk/cases/{first}").words()
    with office.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, office.keys, office.time.at, lock=True)
        person_actions.write_message(session, opened, "it is me again", now=office.time.at)
    assert first in browser.get("/desk/").text
    act(browser, first, "unmerge")
    assert first_of(office, first)
    assert office.case(first).merged_into_id is None


@pytest.mark.parametrize("verb", ["help", "advise", "withdraw"])
def test_what_was_merged_is_closed_and_opened_with_the_case_that_goes_on(office: StaffSite, verb: str) -> None:
    first, _receipt = office.file(**LENA)
    second, _receipt = office.file(**LENA)
    browser = office.as_("vera")
    act(browser, first, "merge", into=second)
    page = act(browser, second, "close", verb=verb)
    assert office.case(first).state == office.case(second).state
    assert office.case(first).closed_at is not None
    browser.submit(page, f"/desk/cases/{second}/undo")
    assert office.case(first).closed_at is None
    with office.database.begin(write=False) as session:
        for label in (first, second):
            case = office.case(label)
            if verb == "withdraw":
                assert transitions.replayed_state(session, case).value == case.state


def test_when_the_person_erases_the_one_that_goes_on_the_other_is_back(office: StaffSite) -> None:
    first, _receipt = office.file(**LENA)
    second, receipt = office.file(**LENA)
    browser = office.as_("vera")
    act(browser, first, "merge", into=second)
    with office.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, office.keys, office.time.at, lock=True)
        privacy.erase(session, opened.case, actor_kind="person", now=office.time.at)
        assert session.scalars(sa.select(CaseFingerprint).where(CaseFingerprint.case_id == opened.case.id)).all() == []
    assert first in browser.get("/desk/").text
    assert first_of(office, first) == ""


def test_what_can_not_be_merged_says_why(office: StaffSite) -> None:
    first, _receipt = office.file(**LENA)
    second, _receipt = office.file(**LENA)
    third, _receipt = office.file()
    georgian, _receipt = office.file(country="GE", region=None, consent={"mode": "ask_first"})
    browser = office.as_("vera")

    def refused(label: str, into: str) -> int:
        path = f"/desk/cases/{label}"
        return browser.submit(browser.get(path), f"{path}/merge", into=into).status

    assert refused(first, first) == refused(first, "nothing") == refused(first, georgian) == 422
    referred(office, first, browser)
    assert refused(first, second) == 409
    act(browser, second, "merge", into=first)
    assert refused(third, second) == refused(first, third) == 409
    act(browser, third, "close", verb="advise")
    closed = browser.get(f"/desk/cases/{third}")
    assert closed.tree.css_first('form[action$="/merge"]') is None
    fields = {**closed.form(f"/desk/cases/{third}/compare"), "version": str(office.case(third).version), "into": first}
    assert browser.post(f"/desk/cases/{third}/merge", fields).status == 409


def test_the_clock_offers_nothing_for_a_merged_case(office: StaffSite) -> None:
    first, _receipt = office.file(**LENA)
    second, _receipt = office.file(**LENA)
    with office.database.begin() as session:
        rows = {row.label: row for row in session.scalars(sa.select(Case))}
        rows[first].merged_into_id = rows[second].id
    from datetime import timedelta

    with office.database.begin(write=False) as session:
        found = untaken_cases(session, office.time.at + timedelta(days=1), 10, after={"PL": timedelta(hours=1)})
    assert found == [office.case(second).id]


def test_changing_the_epoch_key_keeps_the_marks_alike_and_leaves_none_under_the_old_one(
    office: StaffSite, tmp_path: Path
) -> None:
    first, _receipt = office.file(**LENA)
    second, _receipt = office.file(**LENA)
    ring = keyring.load_or_create(tmp_path / "keys.json", START.date())
    ids = [office.case(label).id for label in (first, second)]
    with office.database.begin() as session:
        by = ComparisonKey.of(office.case(first).team_id, UUID(int=8), KeyPair.generate())
        found = dict.fromkeys(ids, duplicate_detection.identifiers_in(LENA, "PL"))
        duplicate_detection.replace_fingerprints(session, ring, by, found)
    changed = keyring.begin_epoch(tmp_path / "keys.json", START.date())
    of_marks = next(one for one in ENCRYPTED_COLUMNS if one.name == "case_fingerprints.fingerprint")
    moved, closed, _after = rotation.reencrypt_batch(office.database, changed, of_marks)
    assert (moved, closed) == (6, 0)
    assert {mark[:4] for mark in marks(office)} == {changed.current.to_bytes(4, "big")}
    with office.database.begin(write=False) as session:
        alike = duplicate_detection.possible_duplicates(session, office.case(first), me=UUID(int=7))
        assert [one.label for one in alike] == [second]
