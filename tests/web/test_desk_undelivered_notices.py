"""Notices that did not arrive, as a view of the queue: counted, told, sent again or dropped, by the team they belong to."""

from uuid import UUID

import pytest
import sqlalchemy as sa

from app.messaging.models import OutboxMessage
from tests.support.desk import Page, StaffSite
from tests.support.html import faults
from tests.support.undelivered import give_up

VIEW = "/desk/?view=undelivered"


def counted(page: Page) -> str:
    node = page.tree.css_first(f'nav.views a[href="{VIEW}"] .count')
    assert node is not None
    return str(node.text())


def rows(page: Page) -> list[str]:
    return [node.text() for node in page.tree.css("table.queue tbody th")]


def states(office: StaffSite) -> dict[UUID, tuple[str, bool]]:
    with office.database.begin(write=False) as session:
        found = session.scalars(sa.select(OutboxMessage).where(OutboxMessage.last_error == "smtp_550")).all()
        return {one.id: (one.state, one.dropped_at is not None) for one in found}


def test_what_did_not_arrive_is_a_view_of_the_queue_with_its_count(office: StaffSite) -> None:
    older, _receipt = office.file()
    newer, _receipt = office.file()
    give_up(office, newer, minutes=5)
    give_up(office, older)
    vera = office.as_("vera")
    assert counted(vera.get("/desk/")) == "2", "one click from the queue"
    page = vera.get(VIEW)
    assert page.tree.css_first("h1 .count").text() == counted(page) == "2"  # type: ignore[union-attr]
    assert rows(page) == [older, newer], "the oldest first"
    for word in ("Helsinki Foundation", "smtp_550", "8 attempts"):
        assert word in page.words()
    assert faults(page.text) == []
    assert page.tree.css_first('nav.views a[aria-current="page"]').attributes["href"] == VIEW  # type: ignore[union-attr]


@pytest.mark.parametrize(("act", "left"), [("retry", ("queued", False)), ("drop", ("dead", True))])
def test_each_is_sent_again_or_dropped_and_leaves_the_view(office: StaffSite, act: str, left: tuple[str, bool]) -> None:
    label, _receipt = office.file()
    letter = give_up(office, label)
    sofia = office.as_("sofia")
    done = sofia.submit(sofia.get(VIEW), f"/desk/undelivered-notices/{letter}/{act}")
    assert (done.status, done.location.split("&")[0]) == (303, VIEW)
    assert states(office) == {letter: left}
    page = sofia.get(done.location)
    assert (counted(page), rows(page)) == ("0", [])
    assert "This team has no undelivered notices" in page.words(), "an empty view says why"


def test_when_the_mail_works_again_all_are_tried_with_one_button(office: StaffSite) -> None:
    letters = {give_up(office, office.file()[0], minutes=n) for n in range(3)}
    vera = office.as_("vera")
    assert vera.submit(vera.get(VIEW), "/desk/undelivered-notices/retry").did("retried_all")
    assert states(office) == dict.fromkeys(letters, ("queued", False))
    assert counted(vera.get("/desk/")) == "0"


def test_another_team_neither_counts_nor_sends_them(office: StaffSite) -> None:
    letter = give_up(office, office.file()[0])
    form = office.as_("vera").get(VIEW).form(f"/desk/undelivered-notices/{letter}/drop")
    outsider = office.as_("outsider")
    page = outsider.get(VIEW)
    assert (counted(page), rows(page)) == ("0", [])
    form["csrf"] = page.form("/desk/sign-out")["csrf"]
    assert outsider.post(f"/desk/undelivered-notices/{letter}/drop", form).status == 404
    assert outsider.post("/desk/undelivered-notices/retry", form).did("retried_all")
    assert states(office) == {letter: ("dead", False)}


def test_the_view_costs_the_same_statements_however_many_did_not_arrive(office: StaffSite) -> None:
    label, _receipt = office.file()
    vera = office.as_("vera")
    costs = []
    for many in (1, 6):
        for n in range(many):
            give_up(office, label, minutes=n)
        vera.get(VIEW)
        with office.statements() as seen:
            vera.get(VIEW)
        costs.append(len([one for one in seen.seen if not one.startswith("BEGIN")]))
    assert costs[0] == costs[1] <= 6


def test_a_notice_is_a_task_that_leads_to_the_view(office: StaffSite) -> None:
    give_up(office, office.file()[0])
    page = office.as_("vera").get("/desk/tasks")
    assert page.tree.css_first(f'table a[href="{VIEW}"]') is not None
