"""Nothing typed is lost at the desk: each form is sent with one wrong field beside long right ones, and the right ones come back.

The page of a case has a test of its own (`test_desk_case_typed.py`); forms of members, teams and programs too.
"""

from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.support.desk import Browser, Page, StaffSite
from tests.support.html import faults

LONG: Final = "Слова, которые долго писали: " + "осторожно с телефоном сестры, " * 20 + "конец"
PLAIN: Final = "words that took a while"
ENTRY: Final = "/desk/directory/organisations/pl-sip"
APPOINTMENTS: Final = "/desk/cases/{label}/appointments"


@dataclass(frozen=True)
class Try:
    """A form with one wrong field. `kept`: the right fields, which the answer has to show as they were typed."""

    page: str
    action: str
    wrong: dict[str, str]
    kept: dict[str, str]
    who: str = "vera"
    status: int = 422


TEXTS = {f"text_{code}": f"{LONG} {code}" for code in ("ru", "en", "be", "uk", "pl", "lt", "ka", "de")}
PLACE = {
    "name_en": PLAIN,
    "city": "Warszawa",
    "eligibility": LONG,
    "phone": "+48 22 000 00 00",
    "note": PLAIN,
    "title": PLAIN,
}
MADE_UP = {"call_me": PLAIN, "text": LONG}
MANY = {"capacity": "open", "places": "many"}
NO_DAY = {"effective_on": "31", "effective_on_month": "2", "effective_on_year": "2027"}
A_DAY = {"day": "3", "day_month": "12", "day_year": "2026"}
TIMES = {"day_1": "3", "day_1_month": "12", "day_1_year": "2026", "time_1": "10:15", "place": LONG}
TRIES: Final = (
    Try("/desk/replies", "/desk/replies", {"title": ""}, TEXTS),
    Try("/desk/replies", "/desk/replies", {"title": "x" * 500}, TEXTS),
    Try("/desk/rota", "/desk/rota", {"from_0": "noon"}, {"until_0": "08:15", "from_1": "21:45", "until_1": "07:30"}),
    Try("/desk/rota", "/desk/rota", {"until_1": "25:00"}, {"until_0": "08:15", "from_0": "10:00", "from_1": "21:45"}),
    Try("/desk/rota", "/desk/rota", {"zone": "Mars/Olympus"}, {"from_0": "10:00", "until_0": "08:15"}),
    Try("/desk/me/notices", "/desk/me/notices", {"address": "nowhere"}, {"hour": "9", "quiet_from": "21", "quiet_until": "6"}),
    Try("/desk/me/notices", "/desk/me/notices", {"hour": "99"}, {"address": "vera@post.example", "quiet_from": "21"}),
    Try("/desk/me/notices", "/desk/me/notices", {"quiet_from": "x"}, {"address": "vera@post.example", "hour": "9"}),
    Try("/desk/me/notices", "/desk/me/notices", {"zone": "Mars/Olympus"}, {"address": "vera@post.example", "hour": "9"}),
    Try("/desk/directory/new", "/desk/directory/new", {"name_en": ""}, {**PLACE, "name_en": "", "name_local": PLAIN}),
    Try("/desk/directory/new", "/desk/directory/new", {"email": "nowhere"}, PLACE),
    Try("/desk/directory/new", "/desk/directory/new", {"website": "ftp:/x"}, PLACE),
    Try("/desk/directory/new", "/desk/directory/new", {"hours": "always"}, PLACE),
    Try("/desk/directory/new", "/desk/directory/new", {"date": "31", "date_month": "2", "date_year": "2026"}, PLACE),
    Try(ENTRY, "/desk/directory/pause", {"until": "31", "until_month": "2"}, {"until_year": "2026"}),
    Try(ENTRY, "/desk/directory/pause", {"until": ""}, {"until_month": "3", "until_year": "2027"}),
    Try(ENTRY, "/desk/directory/capacity", {"until": "31", "until_month": "2"}, {"until_year": "2026", "places": "7"}),
    Try(ENTRY, "/desk/directory/capacity", MANY, {"until": "1", "until_month": "3", "until_year": "2027"}),
    Try("/desk/rules/new", "/desk/rules", {"text": "- [}"}, {"why": PLAIN}, "sofia"),
    Try("/desk/rules/new", "/desk/rules", {"why": ""}, {"text": LONG}, "sofia"),
    Try("/desk/rules/new", "/desk/rules", NO_DAY, {"text": LONG, "why": PLAIN}, "sofia"),
    Try("/desk/callbacks", "/desk/callbacks", {"time": "noon"}, {**A_DAY, "places": "4"}, "sofia"),
    Try("/desk/callbacks", "/desk/callbacks", {"day": "31", "day_month": "2"}, {"time": "10:15", "places": "4"}, "sofia"),
    Try("/desk/callbacks", "/desk/callbacks", {"places": "x"}, {**A_DAY, "time": "10:15"}, "sofia"),
    Try(APPOINTMENTS, APPOINTMENTS, {"time_1": "noon"}, {**TIMES, "time_1": ""}),
    Try(APPOINTMENTS, APPOINTMENTS, {"day_1": "31", "day_1_month": "2"}, {"day_1_year": "2027", "time_1": "10:15", "place": LONG}),
    Try(APPOINTMENTS, APPOINTMENTS, {"time_2": "99:99", "day_2": "4"}, {"time_1": "10:15", "place": LONG}),
    Try("/desk/operations", "/desk/honeytokens", {"call_me": ""}, {"text": LONG}, "admin"),
    Try("/desk/operations", "/desk/honeytokens", {"text": ""}, {"call_me": PLAIN}, "admin"),
    Try("/desk/operations", "/desk/honeytokens", {"country": "QQ"}, MADE_UP, "admin"),
    Try("/desk/members", "/desk/members/invite", {"name": "!!! no name"}, {}, "sofia"),
    Try("/desk/clients", "/desk/clients", {"organisation": "nobody"}, {"client": "our-cases"}, "admin"),
)  # fmt: skip


def shown(page: Page) -> set[str]:
    """All that stands in the fields of the page."""
    values = {str(node.attributes.get("value") or "") for node in page.tree.css("input")}
    return values | {node.text().removeprefix("\n").strip() for node in page.tree.css("textarea")}


def test_a_wrong_field_costs_no_word_of_the_others(office: StaffSite) -> None:
    label, _receipt = office.file(how_soon="month")
    browsers: dict[str, Browser] = {}
    lost, tries = [], 0
    for one in TRIES:
        browser = browsers.setdefault(one.who, office.as_(one.who))
        path, action = one.page.format(label=label), one.action.format(label=label)
        form = browser.get(path).form(action)
        sent: dict[str, Any] = {**form, **one.kept, **one.wrong}
        page = browser.send("POST", action, data=sent)
        tries += len(one.kept)
        where = f"{action} with {one.wrong}"
        if page.status != one.status:
            lost.append(f"{where}: {page.status} {page.location}")
            continue
        missing = [name for name, text in one.kept.items() if text.strip() and text.strip() not in shown(page)]
        lost += [f"{where}: {name}" for name in missing]
        lost += [f"{where}: {fault}" for fault in faults(page.text)]
        if not page.tree.css("[aria-invalid], .error, .errors, [role=alert]"):
            lost.append(f"{where}: no error is shown")
    assert lost == []
    assert tries >= 100


@pytest.mark.parametrize("field_name", ["story", "spoken_word", "letter_received_on"])
def test_a_wrong_field_of_an_assisted_intake_costs_no_word(office: StaffSite, field_name: str) -> None:
    browser = office.as_("vera")
    form = browser.get("/desk/assisted").form("/desk/assisted")
    kept = {"story": LONG, "call_me": PLAIN, "address": "@sova_1", "good_times": PLAIN, "other_language": PLAIN}
    wrong = {
        "story": {"story": ""},
        "spoken_word": {"spoken_word": ""},
        "letter_received_on": {"letter_received_on": "99"},
    }
    page = browser.send("POST", "/desk/assisted", data={**form, **kept, **wrong[field_name]})
    right = {name: text for name, text in kept.items() if name not in wrong[field_name]}
    assert page.status == 422
    assert [name for name, text in right.items() if text not in shown(page)] == []
