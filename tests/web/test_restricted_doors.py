"""Every route of the desk against a restricted case, for those who are not named: nothing of it is shown, and nothing is done.

The routes are read from the app, so a new one is tested from its first day (docs/decisions/0203 has the table of doors).
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.cases.queue_views import CASE_CONDITIONS, ORDERS
from app.messaging.models import OutboxMessage
from app.tasks import service as tasks
from app.tasks.models import Task
from tests.support.desk import Browser, Page, StaffSite
from tests.web.test_desk_case import referral_of, referred
from tests.web.test_referral_threads import write
from tests.web.test_restricted_cases import ELENA, ids, name
from tests.web.test_route_policies import CHANGES_PEOPLE, OPEN, our_routes

CANARIES = ("zinnober", "Елена Смирнова", "512 345 678", "512345678")
WITHHELD = (*CANARIES, "Asylum", "Poland", "Russian", "Helsinki", "vera", "pavel", "New message", "Snoozed")
"""What the row or the line of the case shows to nobody who is not named."""
LISTS = ("/desk/bulk", "/desk/queue.csv", "/desk/search", "/desk/search/caller")
"""Forms below no case that could name it; with those that act on a task or a notice, whose ids are given."""
NARROWED = ("need=asylum", "country=PL", "language=ru", "urgency=urgent")


@dataclass
class Sealed:
    """A restricted case, and the ids by which somebody could ask for what belongs to it."""

    label: str
    case_id: str
    version: int
    referral: str
    task: str
    message: str

    def filled(self, path: str) -> str:
        given = {"label": self.label, "referral": self.referral, "task": self.task, "message": self.message,
                 "need": "asylum", "verb": "withdraw"}  # fmt: skip
        return re.sub(r"\{(\w+)[^}]*\}", lambda part: given.get(part[1], "0" * 32), path)

    def fields(self, csrf: str, me: str) -> dict[str, str]:
        return {
            "csrf": csrf, "version": str(self.version), "page": self.label, "purpose": "answer", "text": "x", "note": "x",
            "into": self.label, "other": self.label, "act": "assign", "case": f"{self.label}:{self.version}", "member": me,
            "verb": "advise", "country": "GE", "list": "view=waiting", "caller": "+48 512 345 678", "q": "Елена Смирнова",
            "restricted": "yes", f"named_@{me}": "yes",
        }  # fmt: skip


def sealed(office: StaffSite, *, first: str, then: str, before: bool) -> Sealed:
    """A case with an owner, a referral, a message, a note and a task. `first`, `then`: who is named, one after the other."""
    label, _receipt = office.file(story="zinnober-story", **ELENA)
    vera, partner = office.as_("vera"), office.as_("partner")
    vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/take")
    if before:
        referred(office, label, vera)
    for names in (first, then):
        assert name(office, vera, label, *names.split()).status == 303
    if not before:
        referred(office, label, vera)
    referral = referral_of(office, label).label
    write(partner, f"/partner/referrals/{referral}/thread", "zinnober-message")
    vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/note", note="zinnober-note")
    case = office.case(label)
    with office.database.begin() as session:
        message = session.scalars(sa.select(OutboxMessage.id).order_by(OutboxMessage.id)).first()
        assert message is not None
        tasks.open_undelivered_notice(session, message, case.team_id, case.id, now=office.time.at)
        task = session.scalars(sa.select(Task.id).where(Task.case_id == case.id, Task.kind == "message")).one()
        session.execute(
            sa.update(Task).where(Task.about_id == message, Task.case_id != case.id).values(case_id=case.id)
        )
    return Sealed(label, case.id.hex, case.version, referral, str(task), str(message))


@pytest.mark.parametrize(
    ("who", "first", "then", "before"),
    [
        ("sofia", "vera pavel sofia", "vera pavel", True),  # a senior who was named, and is no more
        ("pavel", "vera sofia", "vera sofia", False),  # a coordinator who was never named
    ],
)
def test_no_route_of_the_desk_shows_or_does_anything(
    office: StaffSite, who: str, first: str, then: str, before: bool
) -> None:
    case, browser = sealed(office, first=first, then=then, before=before), office.as_(who)
    csrf = browser.get("/desk/").form("/desk/bulk")["csrf"]
    (me,) = ids(office, who)
    said, tried, wrong = _entries(office), 0, list[str]()
    for method, path, page in _answers(office, browser, case, csrf, me.hex):
        tried += 1
        wrong += [f"{method} {path}: {fault}" for fault in _faults(page, case, path)]
    assert tried > 120
    assert wrong == []
    assert office.case(case.label).version == case.version
    assert _entries(office) == said, "nothing was done to it or to what belongs to it"


def _answers(office: StaffSite, browser: Browser, case: Sealed, csrf: str, me: str) -> Iterator[tuple[str, str, Page]]:
    for route, method in our_routes(office.app):
        path = route.path_format
        if not path.startswith("/desk") or path in CHANGES_PEOPLE or (path, method) in OPEN:
            continue
        if method == "GET":
            yield method, path, browser.get(case.filled(path))
        elif "{label" in path or "{task" in path or "{message" in path or path in LISTS:
            yield method, path, browser.post(case.filled(path), case.fields(csrf, me))
    orders = [f"sort={order}" for order in ORDERS]
    for query in itertools.chain((f"view={view}" for view in CASE_CONDITIONS), orders, NARROWED):
        yield "GET", f"/desk/?{query}", browser.get(f"/desk/?{query}")
        fields = {"csrf": csrf, "list": query}
        yield "POST", f"/desk/queue.csv {query}", browser.post("/desk/queue.csv", fields)
    for typed in (case.referral, case.label, "vera"):
        yield "POST", "/desk/search", browser.post("/desk/search", {"csrf": csrf, "q": typed})


TELLING = re.compile(r"need=|country=|language=|sort=(country|owner|deadline)|view=(mine|consent|waiting|declined|working"
                     r"|answered|uncovered|snoozed|possible_spam|merged)$")  # fmt: skip


def _faults(page: Page, case: Sealed, path: str) -> Iterator[str]:
    below = "{label" in path or "{task" in path or "{message" in path
    allowed = {403, 404, 409, 422} if below else {200, 303, 403, 404, 422}
    if page.status not in allowed:
        yield f"status {page.status}"
    shown = re.sub(r"<(input|textarea)[^>]*>", "", page.text)
    yield from (canary for canary in CANARIES[:1] if canary in shown)
    if page.response.headers.get("content-type", "").startswith("text/csv"):
        lines = [line for line in page.text.splitlines() if case.label in line]
    else:
        lines = [
            _words(node)
            for node in page.tree.css("tr, li")
            if case.label in _words(node) and not node.css("tr, li")[1:]
        ]
    for line in lines:
        yield from (f"its line has {word}" for word in WITHHELD if word in line)
    if lines and TELLING.search(path):
        yield "is in a list that tells what it withholds"
    if case.referral in shown and path != "/desk/search":
        yield "its referral"


def _words(node: Any) -> str:
    return re.sub(r"\s+", " ", node.text())


def _entries(office: StaffSite) -> int:
    """How many entries of the audit change something; reading a list and looking for a caller are noted as well."""
    with office.database.begin(write=False) as session:
        kinds = session.scalars(
            sa.select(AuditEntry.action).where(AuditEntry.subject_kind.in_(["case", "referral", "task", "outbox"]))
        )
        return len(kinds.all())


def test_its_centre_notices_nothing_whenever_it_was_asked(office: StaffSite) -> None:
    partner = office.as_("partner")
    for before in (True, False):
        case = sealed(office, first="vera pavel", then="vera sofia", before=before)
        page = partner.get(f"/partner/referrals/{case.referral}")
        assert page.status == 200
        assert "restricted" not in page.words().lower()
        opened = partner.submit(partner.get(f"/partner/referrals/{case.referral}/thread"),
                                f"/partner/referrals/{case.referral}/thread/show")  # fmt: skip
        assert "zinnober-message" in opened.words()


def test_whoever_oversees_sees_its_label_and_who_acted(office: StaffSite) -> None:
    case = sealed(office, first="vera pavel", then="vera sofia", before=True)
    for who in ("admin", "auditor"):
        browser = office.as_(who)
        for route, method in our_routes(office.app):
            path = route.path_format
            if method == "GET" and path.startswith("/desk") and path not in CHANGES_PEOPLE:
                page = browser.get(case.filled(path))
                assert "zinnober" not in page.text, (who, path)
                assert page.status != 200 or "{label" not in path, (who, path)
        for about in (case.label, case.referral):
            codes = [
                node.text()
                for node in browser.get("/desk/audit", params={"about": about}).tree.css("tbody td:last-child")
            ]
            assert codes
            assert all("Restricted" in one for one in codes), (who, about)


def test_a_case_is_restricted_from_the_moment_it_is_typed_in(office: StaffSite) -> None:
    from tests.web.test_desk_spam_review import SAID

    vera = office.as_("vera")
    check = vera.submit(vera.get("/desk/assisted"), "/desk/assisted", **SAID)
    mine, colleague, other = ids(office, "vera", "pavel", "outsider")
    one = {f"named_@{mine.hex}": "yes"}
    send = "/desk/assisted/send"
    for ticks, said in (
        (one, "Name at least 2 members"),
        ({f"named_@{colleague.hex}": "yes"}, "Name yourself too"),
        (one | {f"named_@{other.hex}": "yes"}, "who hold the team's key"),
    ):
        page = vera.submit(check, send, **ticks)
        assert page.status == 422
        assert said in page.words()
        ticked = {str(node.attributes["name"]) for node in page.tree.css("input[checked]")}
        assert {tick for tick in ticks if other.hex not in tick} <= ticked, "nothing that was ticked is lost"
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(Task.id)).all() == [], "nothing was filed yet"
    done = vera.submit(check, send, **one, **{f"named_@{colleague.hex}": "yes"})
    assert done.status == 200
    again = vera.submit(check, send, **one, **{f"named_@{colleague.hex}": "yes"})
    assert again.status == 200, "sent twice, it is one case"
    label = _only_case(office)
    assert office.case(label).owner_id == mine
    assert vera.get(f"/desk/cases/{label}").status == 200
    assert office.as_("pavel").get(f"/desk/cases/{label}").status == 200
    assert office.as_("sofia").get(f"/desk/cases/{label}").status == 403


def test_a_case_of_another_team_cannot_be_restricted_from_here_and_nothing_is_filed(office: StaffSite) -> None:
    from tests.web.test_desk_spam_review import SAID

    vera = office.as_("vera")
    said = {**SAID, "country": "GE", "region": ""}
    check = vera.submit(vera.get("/desk/assisted"), "/desk/assisted", **said)
    ticks = {f"named_@{one.hex}": "yes" for one in ids(office, "vera", "pavel")}
    page = vera.submit(check, "/desk/assisted/send", **ticks)
    assert page.status == 422
    assert "Another team takes the cases of this country" in page.words()


def _only_case(office: StaffSite) -> str:
    from app.cases.models import Case

    with office.database.begin(write=False) as session:
        return session.scalars(sa.select(Case.label)).one()
