"""A team for a country without one: two people found it, its first senior joins, two people make its key, and then it is served."""

import re
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.audit.models import AuditEntry
from app.core import keyholders
from app.core.sealing import KeyPair
from app.staff import access_changes, recovery, team_setup
from app.staff import service as staff
from app.staff.access_changes import NewCountryTeam
from app.staff.models import Member, Proposal, Role, Team, TeamRota
from app.staff.proposal_states import ProposalState
from tests.support.desk import PASSPHRASE, Browser, Page, StaffSite, _seed
from tests.support.html import faults
from tests.web.test_account_members import act, code_on, enter, join, let_return, newest_proposal, opens_a_case

PATH = "/desk/teams"
TYPED: dict[str, Any] = {
    "title": "The team in Germany", "countries": ["DE"], "zone": "Europe/Berlin", "language": "ka", "name": "nina",
}  # fmt: skip


@pytest.fixture
def recovery_seed(office: StaffSite) -> bytes:
    """A recovery key that holds the keys of both teams, as `pristan init` makes one."""
    with office.database.begin() as session:
        key, seed = recovery.create_key(session, office.time.at)
        for name in ("sofia", "outsider"):
            member = session.scalars(sa.select(Member).where(Member.name == name)).one()
            held = keyholders.open_granted(session, member.key_id, KeyPair.from_seed(_seed(name)))
            for key_id, inner in held.items():
                keyholders.grant(session, keyholders.by_id(session, key_id), inner, key)
        return seed


def propose(browser: Browser, **typed: Any) -> Page:
    return browser.send("POST", PATH, data={**browser.get(PATH).form(PATH), **TYPED, **typed})


def propose_key(office: StaffSite, browser: Browser) -> Page:
    return browser.submit(browser.get(PATH), f"{PATH}/key")


def decided(office: StaffSite) -> Page:
    """What the admin sees who carries out the newest proposal, after a senior who holds a key has approved it."""
    office.later(seconds=1)
    proposal = newest_proposal(office)
    assert act(office, "sofia", proposal, "approve").did("approved")
    return act(office, "admin", proposal, "carry_out")


def key_made(office: StaffSite) -> Page:
    """What the admin sees who carries out the newest proposal of a key: nobody holds it yet, so nobody shortens its wait."""
    office.later(seconds=1)
    proposal = newest_proposal(office)
    assert act(office, "sofia", proposal, "approve").did("approved")
    assert act(office, "admin", proposal, "carry_out").status == 409
    assert act(office, "sofia", proposal, "confirm").status in {403, 409}
    office.later(days=1)
    return act(office, "admin", proposal, "carry_out")


def founded(office: StaffSite) -> Page:
    assert propose(office.as_("admin")).did("proposed")
    return decided(office)


def served(office: StaffSite) -> frozenset[str]:
    with office.database.begin(write=False) as session:
        return staff.served_countries(session)


def steps(page: Page) -> dict[str, bool]:
    """The checklist of the new team: whether each line is done."""
    (section,) = [node for node in page.tree.css("section") if "The team in Germany" in node.text()]
    return {
        re.sub(r"\s+", " ", line.text()): "done" in (line.attributes.get("class") or "")
        for line in section.css("ul.checks > li")
    }


def done(page: Page) -> list[bool]:
    return list(steps(page).values())


def test_from_a_country_without_a_team_to_its_first_opened_case(office: StaffSite, recovery_seed: bytes) -> None:
    admin = office.as_("admin")
    assert "No team takes requests from" in admin.get("/desk/operations").words()
    shown = founded(office)
    assert faults(shown.text) == []
    assert "http://pristan.test/desk/join?language=ka" in shown.words(), "the link opens in the language of the team"
    assert "propose the key of the team" in shown.words()
    assert served(office) == {"PL", "GE"}, "no request could be encrypted for it yet"
    assert "Germany" in admin.get("/desk/operations").words()
    page = admin.get(PATH)
    assert faults(page.text) == []
    assert "This team takes no requests yet" in page.words()
    assert done(page) == [False, False, False, False, False, True]
    assert page.tree.css_first(f'form[action="{PATH}/key"]') is None, "there is nobody to hold it"
    assert 'value="DE"' not in page.tree.css_first(f'form[action="{PATH}"]').html, "the country is taken"

    assert '<html lang="ka">' in office.browser().get("/desk/join?language=ka").text
    secret = join(office, code_on(shown))
    nina = enter(office, "nina", secret)
    assert nina.get("/desk/today").status == 200
    assert done(admin.get(PATH))[:3] == [True, False, False]
    assert nina.get(PATH).tree.css_first(f'form[action="{PATH}/key"]') is None, "an admin proposes it"

    assert propose_key(office, admin).did("proposed")
    assert "Begun; another person has to go on." in list(steps(admin.get(PATH)))[1]
    hers = nina.get("/desk/proposals")
    assert "First key of a team" in hers.words()
    assert "Approve the proposal" not in hers.words(), "she cannot be the second person"
    assert key_made(office).did("carried_out")
    nina = enter(office, "nina", secret)
    admin = office.as_("admin")
    assert served(office) == {"PL", "GE", "DE"}
    label, _receipt = office.file(country="DE", region="DE-BE", consent={"mode": "ask_first"})
    assert opens_a_case(nina, label)
    assert office.as_("sofia").get(f"/desk/cases/{label}").status == 404, "another team's case"
    with office.database.begin(write=False) as session:
        team = session.scalars(sa.select(Team).where(Team.slug == "de")).one()
        assert keyholders.active_key(session, team.id).id in recovery.granted_seeds(session, recovery_seed)  # type: ignore[union-attr]
        assert session.get_one(TeamRota, team.id).zone == "Europe/Berlin"
        assert _noted(session) >= {"team:added", "team:key_made"}
    page = admin.get(PATH)
    assert done(page)[:3] == [True, True, False]
    assert "This team takes no requests yet" not in page.words()


def _noted(session: Session) -> set[str]:
    return set(session.scalars(sa.select(AuditEntry.action).where(AuditEntry.subject_kind == "team")))


def test_the_one_who_proposed_it_is_not_the_second_person_and_no_coordinator_or_partner_is(
    office: StaffSite, recovery_seed: bytes
) -> None:
    assert propose(office.as_("admin")).did("proposed")
    proposal = newest_proposal(office)
    for who in ("admin", "vera", "partner", "auditor"):
        assert act(office, who, proposal, "approve").status in {403, 404, 409}, who
    assert act(office, "admin", proposal, "carry_out").status == 409, "not approved"
    with office.database.begin(write=False) as session:
        assert session.scalar(sa.select(Team.id).where(Team.slug == "de")) is None
        assert session.get_one(Proposal, UUID(proposal)).state == ProposalState.OPEN


def test_with_a_second_admin_it_waits_a_day_in_which_every_senior_can_stop_it(
    office: StaffSite, recovery_seed: bytes
) -> None:
    with office.database.begin() as session:
        staff.add_member(session, office.keys, "second-admin", Role.ADMIN, PASSPHRASE, office.time.at)
        second = session.scalars(sa.select(Member).where(Member.name == "second-admin")).one()
        keyholders.by_id(session, second.key_id).public_key = KeyPair.from_seed(_seed("second-admin")).public
    office.later(seconds=1)
    assert propose(office.as_("admin")).did("proposed")
    proposal = newest_proposal(office)
    assert act(office, "second-admin", proposal, "approve").did("approved")
    assert act(office, "admin", proposal, "carry_out").status == 409, "it waits"
    assert "proposal" in office.as_("sofia").get("/desk/today").words()
    assert act(office, "sofia", proposal, "decline").did("declined")
    office.later(days=1)
    assert act(office, "admin", proposal, "carry_out").status == 409
    assert propose(office.as_("admin"), name="other").did("proposed")
    again = newest_proposal(office)
    assert act(office, "second-admin", again, "approve").did("approved")
    office.later(days=1)
    assert code_on(act(office, "admin", again, "carry_out"))


def test_of_two_teams_with_one_country_the_first_is_made(office: StaffSite, recovery_seed: bytes) -> None:
    admin = office.as_("admin")
    waiting = []
    for name, countries in (("nina", ["DE", "LT"]), ("mila", ["LT"])):
        assert propose(admin, name=name, countries=countries).did("proposed")
        office.later(seconds=1)
        waiting.append(newest_proposal(office))
        assert act(office, "sofia", waiting[-1], "approve").did("approved")
    assert code_on(act(office, "admin", waiting[1], "carry_out"))
    late = act(office, "admin", waiting[0], "carry_out")
    assert (late.status, "Another team takes requests from one of these countries." in late.words()) == (409, True)
    with office.database.begin(write=False) as session:
        assert {team.slug: team.countries for team in team_setup.teams(session)} == {
            "ge": ("GE",), "lt": ("LT",), "pl": ("PL",),
        }  # fmt: skip


def test_the_key_is_for_the_senior_whose_fingerprint_was_shown_and_made_once(
    office: StaffSite, recovery_seed: bytes
) -> None:
    admin = office.as_("admin")
    join(office, code_on(founded(office)))
    office.later(seconds=1)
    page = admin.get(PATH)
    form = page.form(f"{PATH}/key")
    forged = admin.post(f"{PATH}/key", {**form, "key": "00000000-0000-4000-8000-000000000000"})
    assert forged.status == 409
    assert admin.post(f"{PATH}/key", {**form, "team": "nonsense"}).status == 404
    assert admin.post(f"{PATH}/key", form).did("proposed")
    first = newest_proposal(office)
    assert act(office, "sofia", first, "approve").did("approved")
    office.later(seconds=1)
    join(office, let_return(office, "admin", "nina", second="sofia"))
    assert act(office, "admin", first, "carry_out").status == 409
    assert served(office) == {"PL", "GE"}
    admin = office.as_("admin")
    form = {**form, "csrf": admin.get(PATH).form(f"{PATH}/key")["csrf"]}
    assert admin.post(f"{PATH}/key", form).status == 409, "the fingerprint is an old one"
    assert propose_key(office, admin).did("proposed")
    assert key_made(office).did("carried_out")
    admin = office.as_("admin")
    form = {**form, "csrf": admin.get("/desk/proposals").form("/desk/sign-out")["csrf"]}
    assert propose_key_again(admin, form).status == 409
    with office.database.begin() as session:
        team_id = session.scalars(sa.select(Team.id).where(Team.slug == "de")).one()
        nina = session.scalars(sa.select(Member).where(Member.name == "nina")).one()
        with pytest.raises(access_changes.Conflict):
            team_setup.make_first_key(session, team_id, nina.key_id, by=nina.id, now=office.time.at)


def test_a_team_whose_first_code_was_not_used_gets_another_senior_by_two_people(
    office: StaffSite, recovery_seed: bytes
) -> None:
    assert code_on(founded(office))
    office.later(days=4)
    admin = office.as_("admin")
    assert "Begun;" not in next(iter(steps(admin.get(PATH)))), "the code has expired"
    typed = {"name": "mila", "role": "senior", "team": "de"}
    assert admin.submit(admin.get("/desk/members"), "/desk/members/invite", **typed).did("proposed")
    assert "Begun;" in next(iter(steps(admin.get(PATH))))
    join(office, code_on(decided(office)))
    assert done(office.as_("admin").get(PATH))[0]
    assert "mila has joined." in office.as_("admin").get(PATH).words()


def propose_key_again(browser: Browser, form: dict[str, str]) -> Page:
    return browser.post(f"{PATH}/key", form)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": "x"}, "title"),
        ({"countries": []}, "countries"),
        ({"countries": ["PL"]}, "countries"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"language": "xx"}, "language"),
        ({"name": "!"}, "name"),
        ({"name": "vera"}, "name"),
    ],
)
def test_an_error_stands_at_its_field_and_the_rest_is_kept(
    office: StaffSite, wrong: dict[str, Any], field: str
) -> None:
    page = propose(office.as_("admin"), **wrong)
    assert page.status == 422
    assert faults(page.text) == []
    assert page.tree.css_first(f"#e-{field}") is not None
    assert len(page.tree.css("p.error")) == 1
    kept = page.form(PATH)
    assert {name: kept[name] for name in TYPED if name != "countries" and name not in wrong} == {
        name: value for name, value in TYPED.items() if name != "countries" and name not in wrong
    }
    if "countries" not in wrong:
        assert page.tree.css_first('input[name="countries"][value="DE"]').attributes.get("checked", "no") != "no"


def test_a_short_name_is_made_of_the_countries_and_is_not_given_twice(office: StaffSite) -> None:
    with office.database.begin() as session:
        assert team_setup.free_slug(session, ("DE", "LT")) == "de-lt"
        assert team_setup.free_slug(session, ("PL",)) == "pl-2"
        team = NewCountryTeam("Everywhere", tuple(f"Q{letter}" for letter in "ABCDEFGHIJKLMNOPQ"), "UTC", "en", "nina")
        assert len(team_setup.free_slug(session, team.countries)) <= 32
