"""The person reads who has opened their request, to the day and by role or organisation; the audit is the source."""

import re
from datetime import UTC, timedelta
from pathlib import Path

import sqlalchemy as sa

import app
from app import audit, privacy
from app.cases import person_access
from app.cases.models import Case
from app.casework import openings
from app.casework.openings import OF_OTHERS, OPENINGS, Opening
from app.intake.receipts import Receipt
from tests.support.desk import StaffSite
from tests.support.people import PersonSite, short_form
from tests.web.test_partner_case_file import accepted

ROOT = Path(app.__file__).parent


def opened(office: StaffSite, receipt: Receipt) -> list[Opening]:
    with office.database.begin() as session:
        case = person_access.open_by_receipt(session, receipt, office.keys, office.time.at)
        exported = privacy.export(session, case, office.keys)["opened"]
        found = list(openings.of_case(session, case.case.id, UTC))
    assert [(entry["day"], entry["what"]) for entry in exported] == [
        (entry.day.isoformat(), entry.what) for entry in found
    ]
    return found


def test_each_opening_is_told_once_a_day_and_names_nobody(office: StaffSite) -> None:
    label, path, receipt = accepted(office)
    day = office.time.at.date()
    assert opened(office, receipt) == [], "the person's own look is not listed"
    vera = office.as_("vera")
    for _twice in range(2):
        vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/show")
    partner = office.as_("partner")
    partner.submit(partner.get(path), f"{path}/show")
    by_centre = opened(office, receipt)[0]
    assert (by_centre.day, by_centre.what) == (day, "everything")
    assert by_centre.organisation
    assert opened(office, receipt)[1:] == [Opening(day, "", "words")]
    office.time.at += timedelta(days=1)
    vera = office.as_("vera")
    vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/contact", purpose="answer")
    assert opened(office, receipt)[0] == Opening(day + timedelta(days=1), "", "contact")
    assert len(opened(office, receipt)) == 3


def test_whatever_opens_a_sealed_part_for_others_is_in_the_list() -> None:
    """Promised on the page: nothing is read without the record. A new way to open parts has to be told to the person."""
    recorded = re.compile(r'"((?:case|referral):\w+)"')
    seen = set()
    for file in ROOT.rglob("*.py"):
        for function in re.split(r"\n(?=def |@router)", file.read_text()):
            if function.startswith(("def authorize_read", "def _count_read")):
                continue
            by_code = ("codes.stretched(" in function or "TypedCode" in function) and "open_part(" in function
            by_code = by_code or "documents.pages_with_key(" in function
            if by_code or any(
                call in function for call in ("authorize_read(", "_count_read(", "sealed_access.open_parts(")
            ):
                told = set(recorded.findall(function)) & (OPENINGS.keys() | OF_OTHERS)
                assert told, f"{file}: an opening that the person is not told of (app/casework/openings.py)"
                seen |= told
    assert seen == OPENINGS.keys() | OF_OTHERS


def test_the_page_lists_the_openings_that_the_audit_holds(person_site: PersonSite) -> None:
    number = short_form(person_site.browser()).number()
    page = person_site.browser().open("/en/return").fill(number=number)
    assert "Nobody has opened it yet." in page.text
    with person_site.database.begin() as session:
        case_id = session.scalars(sa.select(Case.id)).one()
        audit.record(
            session, actor_kind="coordinator", actor_id="1" * 32, action="case:words_opened", subject_kind="case",
            subject_id=case_id, now=person_site.time.at,
        )  # fmt: skip
        audit.record(
            session, actor_kind="coordinator", actor_id="1" * 32, action="case:contact_opened", subject_kind="case",
            subject_id=case_id, now=person_site.time.at.replace(hour=23, minute=30),
        )  # fmt: skip
    listed = page.open("/en/case").page.css_first("#opened")
    assert listed is not None
    assert "24 November 2026 : A coordinator opened what you wrote." in listed.text(separator=" ")
    assert "25 November 2026 : A coordinator opened how to contact you." in listed.text(separator=" "), "in Warsaw"
    assert "cannot be taken back" not in page.text, "no centre has read it"
    assert "cannot be taken back" in page.open("/en/case/centres").text
