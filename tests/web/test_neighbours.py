"""The neighbour left alone: whatever is done with one case, on every form that its pages show to the desk, a centre and the person,
the cases beside it stay as they were, to the byte, and no page of the one shows a word of the others.

One neighbour has the same team and the same centre, so that only "of this case" keeps them apart; one belongs to another team.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app import privacy
from app.cases import transitions
from app.casework import openings
from app.core.db import Base
from app.intake.receipts import Receipt
from app.referrals.models import Referral
from tests.support.desk import ONE, Browser, Page, StaffSite
from tests.web.test_desk_case import referral_of, referred

SAME_PLACE = {
    "call_me": "Persimmon Neighbour",
    "story": "persimmon-story-of-theirs",
    "answer_by": {"channel": "signal", "address": "+48 600 999 888"},
}
OTHER_TEAM = {
    "call_me": "Tamarind Neighbour",
    "story": "tamarind-story-of-theirs",
    "answer_by": {"channel": "email", "address": "tamarind@example.net"},
    "country": "GE",
    "region": None,
    "consent": {"mode": "ask_first"},
}
LAST = ("/close", "/erase", "/withdraw", "/decline", "/return", "/undo", "/sign-out", "/number", "/discard", "/move")
"""Forms that end something: each of them waits until the rest was sent."""


@dataclass
class Neighbour:
    label: str
    ids: set[UUID]
    marks: list[str]


@dataclass
class Robot:
    """Sends every form that it finds on the pages of one case, with something typed into each field."""

    office: StaffSite
    strangers: list[Neighbour]
    sent: dict[str, int] = field(default_factory=dict)

    def look(self, browser: Browser, path: str) -> Page:
        return self.checked(browser.get(path), path)

    def checked(self, page: Page, path: str) -> Page:
        assert page.status < 500, (path, page.words()[:300])
        for stranger in self.strangers:
            shown = [mark for mark in stranger.marks if mark in page.text]
            assert shown == [], f"{path} shows {shown} of another case"
        return page

    def work(self, browser: Browser, path: str, within: str, *, only: tuple[str, ...] = ()) -> None:
        """Send each form on this page whose address begins with `within`, once: those in `only`, else all but the last ones."""
        tried: set[str] = set()
        while True:
            page = self.look(browser, path)
            waiting = [action for action in _actions(page, within) if action not in tried]
            waiting = [action for action in waiting if action.endswith(only or LAST) is bool(only)]
            if not waiting:
                return
            tried.add(waiting[0])
            answer = self.checked(browser.post(waiting[0], _filled(page, waiting[0])), waiting[0])
            self.sent[waiting[0]] = answer.status


def _actions(page: Page, within: str) -> Iterator[str]:
    for form in page.tree.css('form[method="post"]'):
        action = str(form.attributes.get("action") or "")
        if action.startswith(within) and "enctype" not in form.attributes:
            yield action


def _filled(page: Page, action: str) -> dict[str, str]:
    fields = page.form(action)
    node = page.tree.css_first(f'form[action="{action}"]')
    assert node is not None
    for box in node.css("input[name], textarea[name], select[name], button[name]"):
        name, kind = str(box.attributes["name"]), box.attributes.get("type")
        if kind == "hidden" or fields.get(name):
            continue
        if box.tag == "select":
            values = [str(option.attributes.get("value") or "") for option in box.css("option")]
            fields[name] = next((value for value in values if value), "")
        elif kind in {"radio", "checkbox"} or box.tag == "button":
            fields[name] = str(box.attributes.get("value") or "on")
        elif kind == "date":
            fields[name] = "2026-12-01"
        else:
            fields[name] = "typed by a robot"
    return fields


def rows_of(office: StaffSite, ids: set[UUID]) -> dict[str, list[Any]]:
    """Every row of every table that names one of these ids."""
    found: dict[str, list[Any]] = {}
    with office.database.begin(write=False) as session:
        for table in Base.metadata.sorted_tables:
            named = [
                column.in_(ids) if isinstance(column.type, sa.Uuid) else column.in_([one.hex for one in ids])
                for column in table.columns
                if isinstance(column.type, sa.Uuid | sa.String)
            ]
            if named:
                rows = session.execute(sa.select(table).where(sa.or_(*named))).all()
                found[table.name] = sorted(str(dict(row._mapping)) for row in rows)
    return found


def changed(office: StaffSite, strangers: list[Neighbour], before: list[dict[str, list[Any]]]) -> list[Any]:
    now = [rows_of(office, stranger.ids) for stranger in strangers]
    return [
        (table, sorted(set(was[table]) - set(rows)), sorted(set(rows) - set(was[table])))
        for was, found in zip(before, now, strict=True)
        for table, rows in found.items()
        if rows != was[table]
    ]


def neighbour(office: StaffSite, **answers: Any) -> tuple[Neighbour, Receipt]:
    label, receipt = office.file(**answers)
    marks = [answers["call_me"], answers["story"], answers["answer_by"]["address"], label]
    return Neighbour(label, {office.case(label).id}, marks), receipt


def person(office: StaffSite, receipt: Receipt) -> Browser:
    browser = office.browser()
    assert browser.submit(browser.get("/ru/return"), "/ru/return", number=receipt.digits).status == 303
    return browser


def with_everything(office: StaffSite, beside: Neighbour, receipt: Receipt) -> None:
    """What a case can have: a referral that a centre has accepted and opened, notes, messages, tasks, somebody who looked."""
    vera, partner, path = office.as_("vera"), office.as_("partner"), f"/desk/cases/{beside.label}"
    assert referred(office, beside.label, vera).status == 303
    for what, words in (("note", "persimmon-note"), ("message", "persimmon-message")):
        vera.submit(vera.get(path), f"{path}/{what}", text=words)
        beside.marks.append(words)
    referral = referral_of(office, beside.label)
    offer = f"/partner/referrals/{referral.label}"
    assert partner.submit(partner.get(offer), f"{offer}/accept").status == 303
    partner.submit(partner.get(offer), f"{offer}/show")
    vera.submit(vera.get(path), f"{path}/show")
    them = person(office, receipt)
    them.submit(them.get("/ru/case"), "/ru/case/message", text="persimmon-answer")
    beside.ids.add(referral.id)
    beside.marks += [referral.label, "persimmon-answer"]


def live(robot: Robot, label: str, receipt: Receipt) -> tuple[str, Browser, Browser, Browser]:
    """Everything that its pages offer, but for what ends it: at the desk, at the centre that takes it, by its person."""
    office, path = robot.office, f"/desk/cases/{label}"
    vera, partner, them = office.as_("vera"), office.as_("partner"), person(office, receipt)
    robot.look(them, "/ru/case")
    robot.work(vera, path, f"{path}/")
    robot.look(vera, f"{path}/refer?service={ONE}/legal-help")
    referred(office, label, vera)
    with office.database.begin(write=False) as session:
        of_case = sa.select(Referral.label).where(Referral.case_id == office.case(label).id)
        offer = f"/partner/referrals/{session.scalars(of_case).one()}"
    robot.work(partner, offer, f"{offer}/", only=("/accept",))
    for below in ("", "/thread", "/appointments", "/documents"):
        robot.work(partner, offer + below, f"{offer}/")
    for below in ("", "/centres", "/answers", "/answers/2", "/telegram", "/code", "/copy"):
        robot.work(them, f"/ru/case{below}", "/ru/case/")
    robot.work(vera, path, f"{path}/")
    return offer, vera, partner, them


def test_all_that_is_done_with_one_case_is_done_with_it_alone(office: StaffSite) -> None:
    beside, receipt = neighbour(office, **SAME_PLACE)
    abroad, _receipt = neighbour(office, **OTHER_TEAM)
    with_everything(office, beside, receipt)
    neighbours_robot = Robot(office, [abroad])
    for page in ("thread", "appointments"):
        offer = f"/partner/referrals/{referral_of(office, beside.label).label}"
        neighbours_robot.work(office.as_("partner"), f"{offer}/{page}", f"{offer}/")
    for page in ("", "/telegram", "/code"):
        neighbours_robot.work(person(office, receipt), f"/ru/case{page}", "/ru/case/")
    office.later(days=1)
    mine, my_receipt = office.file()
    strangers = [beside, abroad]
    forget_due(office)  # works out when each is due
    before = [rows_of(office, stranger.ids) for stranger in strangers]
    assert sum(map(len, before[0].values())) > 20, "there is something that could change"
    robot = Robot(office, strangers)
    offer, vera, partner, them = live(robot, mine, my_receipt)
    for browser, path in ((partner, offer), (vera, f"/desk/cases/{mine}"), (them, "/ru/case")):
        robot.work(browser, path, f"{path}/", only=LAST[:-4])
    went = [action for action, status in robot.sent.items() if status in {200, 303}]
    assert len(went) >= 15, robot.sent
    assert changed(office, strangers, before) == []
    with office.database.begin() as session:
        case = transitions.locked(session, office.case(mine).id)
        privacy.erase(session, case, actor_kind="person", now=office.time.at)
    office.later(days=20)
    forget_due(office)
    assert changed(office, strangers, before) == []


def forget_due(office: StaffSite) -> None:
    with office.database.begin() as session:
        privacy.forget_due(session, now=office.time.at, limit=50, periods=privacy.RetentionPeriods())


def test_who_has_opened_a_case_is_told_to_its_own_person_alone(office: StaffSite) -> None:
    beside, receipt = neighbour(office, **SAME_PLACE)
    with_everything(office, beside, receipt)
    mine, my_receipt = office.file()
    assert person(office, my_receipt).get("/ru/case").status == 200
    with office.database.begin(write=False) as session:
        theirs, own = (openings.of_case(session, office.case(label).id, UTC) for label in (beside.label, mine))
    assert {(entry.organisation, entry.what) for entry in theirs} >= {("", "words")}
    assert len({entry.organisation for entry in theirs}) == 2
    assert own == []
