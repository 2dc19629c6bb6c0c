"""A reason is asked when the first suggestion is passed over; what was chosen by hand is counted apart from the rotation."""

import sqlalchemy as sa

from app.casework import desk_referrals
from app.casework.coordinator import Desk
from app.core.ids import named_id
from app.directory.models import ServiceRow
from app.matching.models import ServiceRecord
from app.matching.order import UNIT
from app.referrals.models import ReferralEvent
from app.reporting import kept_figures, shares
from app.reporting.periods import Quarter
from app.reporting.tally import Subject
from tests.support.desk import ONE, TWO, Page, StaffSite

BOTH = {"consent": {"mode": "named", "organisations": [ONE, TWO]}}


def first_of(office: StaffSite, label: str) -> str:
    with office.database.begin(write=False) as session:
        desk = Desk(None, named_id("team", "pl"), office.keys, office.time.at)  # type: ignore[arg-type]
        found = desk_referrals.first_suggestion(session, desk, office.case(label))
    assert found
    return found


def refer(office: StaffSite, label: str, service: str, **typed: str) -> tuple[Page, Page]:
    browser, path = office.as_("vera"), f"/desk/cases/{label}/refer"
    page = browser.get(f"{path}?service={service}")
    return page, browser.submit(page, path, by_hand="yes", **typed)


def created(office: StaffSite) -> list[object]:
    with office.database.begin(write=False) as session:
        query = sa.select(ReferralEvent.codes).where(ReferralEvent.verb == "create").order_by(ReferralEvent.at)
        return [codes.get("passed_over") for codes in session.scalars(query)]


def test_a_reason_is_asked_only_when_the_first_suggestion_is_passed_over(office: StaffSite) -> None:
    label, _receipt = office.file(**BOTH)
    first = first_of(office, label)
    other = next(f"{slug}/legal-help" for slug in (ONE, TWO) if f"{slug}/legal-help" != first)
    page, refused = refer(office, label, other, why="because of Anna")
    assert "Why this one?" in page.words()
    assert refused.status == 422
    assert created(office) == []
    page, done = refer(office, label, other, why="knows_person")
    assert done.status == 303
    label, _receipt = office.file(**BOTH)
    page, done = refer(office, label, first_of(office, label), why="")
    assert "Why this one?" not in page.words()
    assert done.status == 303
    office.later(minutes=1)
    label, _receipt = office.file(**BOTH)
    first = first_of(office, label)
    refer(office, label, next(f"{slug}/legal-help" for slug in (ONE, TWO) if f"{slug}/legal-help" != first))
    assert sorted(map(str, created(office))) == ["None", "knows_person", "not_said"]
    with office.database.begin(write=False) as session:
        assert shares.passed_over(session, office.time.at) == {"knows_person": 1, "not_said": 1}
        quarter = Quarter.of(office.time.at.date())
        (team,) = {office.case(label).team_id}
        for seen_by in (team, None):
            kept = kept_figures.read(session, quarter.months, team_id=seen_by).figures
            assert sorted(one.codes[1] for one in kept if one.subject == Subject.CHOICE) == ["knows_person", "not_said"]
        assert not kept_figures.read(session, quarter.before.months).figures
    report = office.as_("vera").get("/desk/reports").words()
    assert "Why a coordinator passed over the first suggestion" in report
    assert "They already know the person or the family" in report


def test_due_and_got_stand_beside_what_was_chosen_by_hand(office: StaffSite) -> None:
    label, _receipt = office.file(**BOTH)
    refer(office, label, f"{ONE}/legal-help")
    with office.database.begin() as session:
        service = session.scalars(sa.select(ServiceRow).where(ServiceRow.key == f"{ONE}/legal-help")).one()
        session.execute(sa.delete(ServiceRecord))
        values = {"weight": 5, "earned": UNIT * 5 // 2, "got": 2, "in_a_row": 0, "answers": 0, "answer_hours": 0}
        session.execute(sa.insert(ServiceRecord).values(service_id=service.id, **values))
    words = office.as_("vera").get("/desk/coverage/shares").words()
    assert f"Helsinki Foundation for Human Rights {ONE}/legal-help52.52fewer than 10" in words
    assert "Weight" in words
