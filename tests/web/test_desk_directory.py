"""The directory at the desk and at a partner's: two people for an edit, one for what changes daily, and matching follows."""

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.audit.models import AuditEntry
from app.directory import loader, published
from app.directory.models import DirectoryEdit, RuleSet, ServiceRow
from app.directory.packs import load_packs
from app.matching import runs
from app.matching.facts import Facts
from app.partners import sandbox_identity
from app.partners.organisations import Organisation
from app.referrals import queries
from app.staff.models import Member, Team
from app.web.components import directory_view
from tests.support.desk import ONE, START, Browser, Page, StaffSite
from tests.support.newest import newest

SERVICE = f"{ONE}/legal-help"
WEAK = "de-rlc-muc"
ENTRY = f"/desk/directory/organisations/{ONE}"


def propose(browser: Browser, subject: str, name: str, **typed: str) -> Page:
    page = browser.get(f"/desk/directory/edit?subject={subject}&name={name}")
    return browser.submit(page, "/desk/directory/edit", **typed)


def only(office: StaffSite) -> DirectoryEdit:
    return newest(office.database, DirectoryEdit, DirectoryEdit.proposed_at)


def decide(browser: Browser, edit: DirectoryEdit, verb: str) -> Page:
    page = browser.get("/desk/directory/proposals")
    csrf = page.form("/desk/sign-out")["csrf"]
    return browser.post(f"/desk/directory/edits/{edit.id}/{verb}", {"csrf": csrf})


def act(browser: Browser, path: str, **fields: str) -> Page:
    start = "/partner/services" if path.startswith("/partner") else "/desk/directory"
    return browser.post(path, {"csrf": browser.get(start).form("/desk/sign-out")["csrf"], **fields})


def matched(office: StaffSite, **changed: Any) -> Any:
    """The run's word on the service, with what is known today."""
    facts = Facts(**{"needs": frozenset({"asylum"}), "country": "PL", "languages": ("ru",), **changed})
    with office.database.begin(write=False) as session:
        directory = published.with_edits(session, load_packs()).directory
        result = runs.run(session, facts, directory, office.time.at, 1)
    everyone = [*result.candidates, *result.nearest, *result.not_matched]
    found = next(one for one in everyone if one.service == SERVICE)
    return found in result.candidates, {reason.key for reason in found.reasons}


def test_each_list_counts_what_it_shows(office: StaffSite) -> None:
    vera = office.as_("vera")
    until = (START + timedelta(days=10)).date().isoformat()
    act(vera, "/desk/directory/capacity", service=SERVICE, capacity="full", until=until)
    propose(vera, WEAK, "city", city="Augsburg")
    for country in ("", "PL", "DE"):
        counts = {}
        for shelf in directory_view.SHELVES:
            page = vera.get(f"/desk/directory?shelf={shelf}&country={country}")
            shown = len(
                {node.attributes["href"] for node in page.tree.css('main a[href^="/desk/directory/organisations/"]')}
            )
            told = [node for node in page.tree.css("a") if f"shelf={shelf}" in (node.attributes.get("href") or "")]
            counts[shelf] = (shown, [node.css_first(".count").text() for node in told if node.css_first(".count")])
            assert counts[shelf][1] == [str(shown)], (country, shelf, counts)
        assert (counts["paused"][0], counts["proposed"][0]) == {"": (1, 1), "PL": (1, 0), "DE": (0, 1)}[country]


def test_repeated_refusals_are_shown_with_their_number_where_a_change_is_proposed(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "repeated_refusals", lambda *_given: {SERVICE: [("out_of_scope", 3)]})
    words = office.as_("vera").get(ENTRY).words()
    assert "Refused 3 times in the last three months: They do not offer this kind of help." in words


def test_an_edit_is_in_force_once_a_second_person_has_published_it(office: StaffSite) -> None:
    vera, pavel = office.as_("vera"), office.as_("pavel")
    assert propose(vera, ONE, "phone", phone="+48 22 000 00 00").location == f"{ENTRY}?done=edit_proposed"
    assert "+48 22 000 00 00" not in vera.get(ENTRY).tree.css_first("section").text()
    edit = only(office)
    assert decide(vera, edit, "publish").status == 403
    waiting = pavel.get("/desk/directory/proposals").words()
    assert "+48 22 000 00 00" in waiting
    assert decide(pavel, edit, "publish").location == "/desk/directory/proposals?done=publish"
    page = vera.get(ENTRY)
    assert "+48 22 000 00 00" in page.words()
    assert "edited at the desk" in page.words()
    with office.database.begin(write=False) as session:
        row = session.scalars(sa.select(Organisation).where(Organisation.slug == ONE)).one()
        assert row.entry["phone"] == "+48 22 000 00 00"
        actions = session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.seq)).all()
        assert [name for name in actions if name.startswith("directory")] == [
            "directory:proposed",
            "directory:published",
        ]
        codes = session.scalars(sa.select(AuditEntry.codes).where(AuditEntry.action == "directory:proposed")).one()
        assert "+48" not in str(codes)


def test_it_survives_a_pack_that_is_loaded_again_and_two_people_take_it_back(office: StaffSite) -> None:
    vera, pavel = office.as_("vera"), office.as_("pavel")
    propose(vera, ONE, "city", city="Gdynia")
    decide(pavel, only(office), "publish")
    with office.database.begin() as session:
        loader.upsert(session, load_packs(), office.time.at)
        row = session.scalars(sa.select(Organisation).where(Organisation.slug == ONE)).one()
        assert row.entry["city"] == "Gdynia"
    office.later(minutes=1)
    page = pavel.get(ENTRY)
    assert "Value in the country pack" in page.words()
    assert pavel.submit(page, "/desk/directory/as-pack").location == f"{ENTRY}?done=edit_proposed"
    assert decide(pavel, only(office), "publish").status == 403
    decide(vera, only(office), "publish")
    assert "Gdynia" not in vera.get(ENTRY).tree.css_first("section").text()
    with office.database.begin(write=False) as session:
        row = session.scalars(sa.select(Organisation).where(Organisation.slug == ONE)).one()
        assert row.entry["city"] != "Gdynia"


def test_the_process_knows_a_published_edit_within_seconds(office: StaffSite) -> None:
    vera, pavel = office.as_("vera"), office.as_("pavel")
    assert office.app.state.directory is office.app.state.current.packs
    propose(vera, SERVICE, "languages", languages="ka, hy")
    decide(pavel, only(office), "publish")
    office.later(seconds=3)
    vera.get("/desk/assisted")
    entry = office.app.state.directory.service(SERVICE)
    assert [leaf.test.any_of for leaf in entry.service.rule.leaves() if leaf.kind == "language"] == [("ka", "hy")]
    with office.database.begin(write=False) as session:
        kept = session.get(RuleSet, office.app.state.directory.digest)
        assert kept is not None
        assert "ka" in str(kept.content[SERVICE])


def test_without_a_database_the_directory_is_as_it_was_last_seen(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    def broken(*_args: Any) -> None:
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr(office.app.state.current, "refresh", broken)
    office.later(minutes=1)
    assert office.browser().get("/en/contacts").status == 200


def test_a_centre_becomes_verified_by_two_people_with_day_and_source(office: StaffSite) -> None:
    vera, pavel = office.as_("vera"), office.as_("pavel")
    assert "Not verified" in vera.get(f"/desk/directory/organisations/{WEAK}").words()
    page = propose(
        vera, WEAK, "source", title="A call with them", date="2026-11-23", confidence="high", url="", note=""
    )
    assert page.status == 303
    decide(pavel, only(office), "publish")
    assert "Not verified" not in vera.get(f"/desk/directory/organisations/{WEAK}").words()
    with office.database.begin(write=False) as session:
        laid = published.with_edits(session, load_packs()).directory
        assert all(entry.verified for entry in laid.services if entry.organisation.id == WEAK)
        assert session.scalars(sa.select(Organisation.verified).where(Organisation.slug == WEAK)).one()


def test_what_does_not_fit_is_shown_again_with_what_was_typed(office: StaffSite) -> None:
    page = propose(office.as_("vera"), ONE, "website", website="not an address")
    assert page.status == 422
    assert page.tree.css_first("#f-website").attributes["value"] == "not an address"
    assert page.tree.css_first("#f-website").attributes["aria-invalid"] == "true"
    assert "Write the whole address" in page.words()


def test_of_two_proposals_for_a_field_the_second_waits_and_a_stale_one_is_refused(office: StaffSite) -> None:
    vera, pavel = office.as_("vera"), office.as_("pavel")
    propose(vera, ONE, "city", city="Gdynia")
    first = only(office)
    assert propose(pavel, ONE, "city", city="Sopot").status == 409
    with office.database.begin() as session:
        session.get_one(DirectoryEdit, first.id).old = {"value": "something else"}
    assert decide(pavel, first, "publish").status == 409
    assert decide(pavel, first, "reject").status == 303
    assert decide(pavel, first, "publish").status == 409
    office.later(seconds=1)
    assert propose(pavel, ONE, "city", city="Sopot").status == 303
    assert decide(vera, only(office), "withdraw").status == 403
    assert decide(pavel, only(office), "withdraw").status == 303


def test_the_database_itself_refuses_one_person_twice(office: StaffSite) -> None:
    propose(office.as_("vera"), ONE, "city", city="Gdynia")
    edit = only(office)
    with pytest.raises(IntegrityError), office.database.begin() as session:
        session.execute(
            sa.update(DirectoryEdit).values(state="published", decided_by=edit.proposed_by, decided_at=office.time.at)
        )


def test_free_places_have_a_day_and_are_unknown_after_it(office: StaffSite) -> None:
    vera = office.as_("vera")
    until = (START + timedelta(days=10)).date().isoformat()
    assert act(vera, "/desk/directory/capacity", service=SERVICE, capacity="full", until=until).status == 303
    assert matched(office) == (False, {"capacity.full"})
    office.later(days=11)
    assert matched(office)[0]
    for day in ("", "2020-01-01", "2099-01-01", "soon"):
        page = act(office.as_("vera"), "/desk/directory/capacity", service=SERVICE, capacity="open", until=day)
        assert page.status == 422
        assert day == "" or day in str(page.tree.css_first("#u-legal-help").attributes["value"])


@pytest.mark.parametrize(
    ("what", "hindered", "free", "reason"),
    [
        ("all", {}, None, "accepts_referrals.no"),
        (
            "need:asylum",
            {"needs": frozenset({"asylum"})},
            {"needs": frozenset({"asylum", "appeals"})},
            "accepts_referrals.need_paused",
        ),
        ("language:ru", {"languages": ("ru",)}, {"languages": ("ru", "en")}, "accepts_referrals.language_paused"),
    ],
)
def test_a_pause_keeps_matching_from_offering(
    office: StaffSite, what: str, hindered: dict[str, Any], free: dict[str, Any] | None, reason: str
) -> None:
    vera = office.as_("vera")
    until = START.date().isoformat()
    assert act(vera, "/desk/directory/pause", service=SERVICE, what=what, until=until).status == 303
    assert matched(office, **hindered) == (False, {reason})
    if free is not None:
        assert matched(office, **free)[0]
    page = vera.get(ENTRY)
    (form,) = [node for node in page.tree.css("form") if "/pauses/" in str(node.attributes.get("action"))]
    assert vera.submit(page, str(form.attributes["action"])).status == 303
    assert matched(office, **hindered)[0]


def test_a_pause_ends_by_itself_after_its_day(office: StaffSite) -> None:
    act(office.as_("vera"), "/desk/directory/pause", service=SERVICE, what="all", until=START.date().isoformat())
    assert not matched(office)[0]
    office.later(days=1)
    assert matched(office)[0]


def test_a_whole_organisation_pauses_and_goes_on(office: StaffSite) -> None:
    vera = office.as_("vera")
    path = f"{ENTRY}/pause"
    assert act(vera, path, until=START.date().isoformat()).status == 303
    assert matched(office) == (False, {"accepts_referrals.no"})
    assert "Paused" in vera.get("/desk/directory?shelf=paused").words()
    assert act(vera, path, until="").status == 303
    assert matched(office)[0]


def test_lists_and_freshness_name_what_is_to_be_done(office: StaffSite) -> None:
    vera = office.as_("vera")
    everything = vera.get("/desk/directory")
    assert len(everything.tree.css("tbody tr")) == len(load_packs().organisations)
    weak = vera.get("/desk/directory?shelf=unverified&country=DE")
    assert WEAK in weak.text
    assert ONE not in weak.text
    assert vera.get("/desk/directory?shelf=nonsense").status == 404
    with office.database.begin() as session:
        row = session.scalars(sa.select(ServiceRow).where(ServiceRow.key == SERVICE)).one()
        row.capacity, row.capacity_until = "open", date(2026, 11, 1)
    page = vera.get("/desk/directory/freshness").words()
    assert SERVICE in page
    assert "Not verified: shown last" in page


def test_a_partner_changes_its_own_and_nobody_elses(office: StaffSite) -> None:
    partner, other = office.as_("partner"), office.as_("other-partner")
    until = (START + timedelta(days=3)).date().isoformat()
    assert act(partner, "/partner/services/capacity", service=SERVICE, capacity="full", until=until).status == 303
    assert act(other, "/partner/services/capacity", service=SERVICE, capacity="open", until=until).status == 404
    assert act(partner, "/partner/services/pause", service=SERVICE, what="need:asylum", until=until).status == 303
    page = partner.get("/partner/services")
    (form,) = [node for node in page.tree.css("form") if "/pauses/" in str(node.attributes.get("action"))]
    end = str(form.attributes["action"])
    assert act(other, end).status == 404
    assert act(partner, end).status == 303
    assert act(partner, "/partner/services/pause-all", until=until).status == 303
    assert "Paused until" in partner.get("/partner/services").words()


def test_a_partners_proposal_is_published_by_one_at_the_desk(office: StaffSite) -> None:
    partner, vera = office.as_("partner"), office.as_("vera")
    asked = {"subject": ONE, "name": "hours", "value": "Mo-Fr 9:00-15:00"}
    assert act(partner, "/partner/services/propose", **asked).status == 303
    assert "Your proposal is waiting for the desk" in partner.get("/partner/services").words()
    assert "by the organisation itself" in vera.get("/desk/directory/proposals").words()
    assert decide(vera, only(office), "publish").status == 303
    assert "Mo-Fr 09:00-15:00" in partner.get("/partner/services").words()
    for wrong in (
        {"subject": ONE, "name": "source", "value": "x"},
        {"subject": "pl-sip", "name": "hours", "value": "Mo 09:00-10:00"},
    ):
        assert act(partner, "/partner/services/propose", **wrong).status == 404
    assert act(partner, "/partner/services/propose", **{**asked, "value": "always"}).status == 422


def test_the_sandbox_s_team_changes_nothing_of_a_real_organisation(office: StaffSite) -> None:
    """Its key and its people are made up; it reads the directory, and pauses, edits and stops nobody."""
    with office.database.begin() as session:
        session.add(Team(id=sandbox_identity.TEAM_ID, slug="sandbox", name="Sandbox", created_at=START))
        session.flush()
        moved = sa.update(Member).where(Member.name.in_(["vera", "sofia"])).values(team_id=sandbox_identity.TEAM_ID)
        session.execute(moved)
    for name in ("vera", "sofia"):
        browser = office.as_(name)
        csrf = browser.get(ENTRY).form("/desk/sign-out")["csrf"]
        typed = {"csrf": csrf, "until": "2026-12-24", "service": SERVICE, "what": "all", "capacity": "full"}
        for path in (f"{ENTRY}/pause", "/desk/directory/pause", "/desk/directory/capacity", "/desk/freeze"):
            assert browser.post(path, typed).status == 403, (name, path)
    with office.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).where(Organisation.paused_until.is_not(None))) == 0
