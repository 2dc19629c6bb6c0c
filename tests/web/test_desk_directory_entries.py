"""All fields of an entry on one page, and a new organisation: one proposal each, published or rejected as a whole by another."""

import sqlalchemy as sa

from app.core.ids import named_id
from app.directory import edits, published
from app.directory.models import DirectoryEdit, ServiceRow
from app.directory.packs import load_packs
from app.matching.lint import lint
from app.messaging import recipients
from tests.support.desk import ONE, Browser, Page, StaffSite
from tests.support.html import faults

FIELDS, NEW = "/desk/directory/fields", "/desk/directory/new"
SERVICE = f"{ONE}/{load_packs().organisation(ONE).services[0].id}"  # type: ignore[union-attr]
CENTRE = {
    "kind": "centre", "name_en": "Made-up Aid of Łódź", "website": "https://aid.example.org", "email": "post@aid.example.org",
    "phone": "+48 22 000 00 00", "languages": "ru, pl", "remote": "yes", "takes_referrals": "yes", "representation": "unknown",
    "cost": "free", "title": "A call with the director", "date": "20", "date_month": "11", "date_year": "2026",
    "confidence": "high", "countries": "PL", "needs": "asylum",
}  # fmt: skip
SLUG = "pl-made-up-aid-of-lodz"


def pending(office: StaffSite) -> list[DirectoryEdit]:
    with office.database.begin(write=False) as session:
        found = list(edits.pending(session))
        session.expunge_all()
        return found


def propose(browser: Browser, subject: str, **typed: str) -> Page:
    page = browser.get(f"{FIELDS}?subject={subject}")
    assert page.status == 200
    return browser.post(FIELDS, {**page.form(FIELDS), **typed})


def cost(office: StaffSite) -> tuple[str, str]:
    with office.database.begin(write=False) as session:
        entry = published.with_edits(session, load_packs()).directory.service(SERVICE)
        assert entry is not None
        return entry.service.cost, entry.service.remote


def test_all_changed_fields_are_one_proposal_that_another_publishes(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    before = cost(office)
    assert faults(sofia.get(f"{FIELDS}?subject={SERVICE}").text) == []
    wanted = ("unknown" if before[0] != "unknown" else "free", "no" if before[1] != "no" else "yes")
    assert propose(sofia, SERVICE, cost=wanted[0], remote=wanted[1]).did("edit_proposed")
    waiting = pending(office)
    assert {edit.field for edit in waiting} == {"cost", "remote"}, "what was left as it is is not proposed"
    assert len({edit.proposed_with for edit in waiting}) == 1
    vera = office.as_("vera")
    shown = vera.get("/desk/directory/proposals")
    assert faults(shown.text) == []
    assert shown.text.count('class="centre"') == 1, "one proposal"
    assert "Cost, Helps by phone or online" in shown.words() or "Helps by phone or online, Cost" in shown.words()
    action = next(
        node.attributes["action"] for node in shown.tree.css("form") if "publish" in str(node.attributes["action"])
    )
    assert vera.submit(shown, str(action)).did("publish")
    assert cost(office) == wanted
    assert pending(office) == []


def test_it_is_rejected_or_withdrawn_as_a_whole(office: StaffSite) -> None:
    before = cost(office)
    for name, verb in (("vera", "reject"), ("sofia", "withdraw")):
        assert propose(office.as_("sofia"), SERVICE, name_en="Another name", cost="state_funded").did("edit_proposed")
        edit = pending(office)[0]
        browser = office.as_(name)
        page = browser.get("/desk/directory/proposals")
        action = next(
            str(node.attributes["action"]) for node in page.tree.css("form") if verb in str(node.attributes["action"])
        )
        assert browser.submit(page, action).did(verb)
        assert pending(office) == []
        assert edit.proposed_with is not None
    assert cost(office) == before


def test_the_author_cannot_publish_any_part_of_it(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    propose(sofia, SERVICE, name_en="Another name", cost="state_funded")
    csrf = sofia.get("/desk/directory").tree.css_first("input[name=csrf]").attributes["value"]
    for edit in pending(office):
        page = sofia.post(f"/desk/directory/edits/{edit.id}/publish", {"csrf": str(csrf)})
        assert page.status == 403
    assert len(pending(office)) == 2


def test_what_does_not_fit_is_named_and_nothing_typed_is_lost(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    page = propose(sofia, ONE, website="nonsense", email="nobody", name_en="Typed")
    assert page.status == 422
    assert faults(page.text) == []
    assert "Write the whole address" in page.words()
    assert "Write an e-mail address" in page.words()
    assert page.form(FIELDS)["name_en"] == "Typed"
    assert page.form(FIELDS)["website"] == "nonsense"
    same = propose(sofia, SERVICE)
    assert same.status == 422
    assert "The directory has these values already." in same.words()
    propose(sofia, SERVICE, cost="state_funded")
    assert "Another proposal for this field" in propose(sofia, SERVICE, cost="unknown").words()
    assert len(pending(office)) == 1


def test_a_new_organisation_is_published_by_another_and_can_be_matched(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    form = sofia.get(NEW)
    assert faults(form.text) == []
    done = sofia.post(NEW, {**form.form(NEW), **CENTRE})
    assert done.did("edit_proposed"), done.words()
    (edit,) = pending(office)
    assert (edit.subject, edit.origin, edit.proposed_with) == (SLUG, "desk", None)
    vera = office.as_("vera")
    shown = vera.get("/desk/directory/proposals")
    for word in ("post@aid.example.org", "A call with the director", "asylum", "PL", "ru, pl"):
        assert word in shown.words(), "the second person sees all of it"
    assert vera.submit(shown, f"/desk/directory/edits/{edit.id}/publish").did("publish")
    assert "Made-up Aid of Łódź" in vera.get(f"/desk/directory/organisations/{SLUG}").words()
    with office.database.begin(write=False) as session:
        directory = published.with_edits(session, load_packs()).directory
    entry = directory.service(f"{SLUG}/legal-aid")
    assert entry is not None
    assert entry.countries == {"PL"}
    assert not [finding for finding in lint(directory, office.time.at.date()) if SLUG in str(finding)]


def test_a_new_organisation_that_does_not_fit_is_shown_again_as_typed(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    form = sofia.get(NEW).form(NEW)
    page = sofia.post(NEW, {**form, **CENTRE, "countries": "", "needs": "nonsense", "title": "", "name_en": ""})
    assert page.status == 422
    assert faults(page.text) == []
    for why in (
        "Choose at least one country.",
        "Choose at least one need.",
        "Say who or what confirms it",
        "cannot be empty",
    ):
        assert why in page.words()
    assert page.form(NEW)["email"] == CENTRE["email"]
    assert "Write a name with Latin letters." in sofia.post(NEW, {**form, **CENTRE, "name_en": "Помощь"}).words()
    assert sofia.post(NEW, {**form, **CENTRE}).did("edit_proposed")
    again = sofia.post(NEW, {**form, **CENTRE})
    assert "Another proposal" in again.words()
    assert len(pending(office)) == 1


def test_an_authority_has_no_service(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    form = sofia.get(NEW).form(NEW)
    assert sofia.post(NEW, {**form, **CENTRE, "kind": "authority", "needs": ""}).did("edit_proposed")
    (edit,) = pending(office)
    assert "services" not in edit.new["value"]


def test_no_such_entry(office: StaffSite) -> None:
    for subject in ("", "nobody", f"{ONE}/nothing"):
        assert office.as_("sofia").get(f"{FIELDS}?subject={subject}").status == 404
    with office.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(DirectoryEdit)) == 0


def checks(page: Page) -> dict[str, bool]:
    """The lines of the checklist: the first words of each, and whether it is done."""
    return {
        " ".join(node.text().split()).partition(": ")[2][:24]: "done" in str(node.attributes.get("class"))
        for node in page.tree.css(".checks li")
    }


def test_the_checklist_says_to_both_sides_what_is_missing(office: StaffSite) -> None:
    entry, own = f"/desk/directory/organisations/{ONE}", "/partner/services"
    before = checks(office.as_("vera").get(entry))
    assert before == checks(office.as_("partner").get(own)), "the same facts on both sides"
    assert before["The organisation has a m"]
    assert before["The organisation has a k"]
    assert before["A member holds the key a"]
    assert not before["An address for notices i"]
    assert not before["It is known whether each"]
    assert "Your side: A member who holds the key sets it under Notices." in office.as_("partner").get(own).words()
    linked = {
        path: [str(link.attributes["href"]).partition("?")[0].partition("#")[0] for link in page.tree.css(".checks a")]
        for path, page in ((entry, office.as_("vera").get(entry)), (own, office.as_("partner").get(own)))
    }
    assert linked[own] == ["/partner/notices", ""], "what is missing leads to where it is done, or further down"
    assert set(linked[entry]) <= {"/desk/directory/edit", "/desk/directory/fields", ""}
    assert linked[entry] != []
    assert "Your side: A member who holds the key" not in office.as_("vera").get(entry).words()
    with office.database.begin() as session:
        organisation_id = named_id("organisation", ONE)
        settings = recipients.NoticeSettings(address="post@example.org")
        recipients.save_notice_settings(
            session, office.keys, organisation_id, settings, zone="Europe/Warsaw", version=0, now=office.time.at
        )
        rows = sa.select(ServiceRow).where(ServiceRow.organisation_id == organisation_id)
        for row in session.scalars(rows):
            row.capacity, row.capacity_until = "open", office.time.at.date()
    after = checks(office.as_("vera").get(entry))
    assert after["An address for notices i"]
    assert after["It is known whether each"]
    office.later(days=1)
    assert not checks(office.as_("vera").get(entry))["It is known whether each"], "what was known has expired"


def test_the_checklist_of_a_centre_without_an_account_names_what_is_under_way(office: StaffSite) -> None:
    slug = "pl-ocalenie"
    entry = f"/desk/directory/organisations/{slug}"
    admin = office.as_("admin")
    form = admin.get("/desk/members").form("/desk/members/invite")
    assert not checks(office.as_("vera").get(entry))["The organisation has a m"]
    assert "Begun" not in office.as_("vera").get(entry).words()
    wanted = {**form, "name": "first.member", "role": "partner", "organisation": slug}
    assert admin.post("/desk/members/invite", wanted).did("proposed")
    page = office.as_("vera").get(entry)
    assert not checks(page)["The organisation has a m"]
    assert "Begun; another person has to go on." in page.words()
