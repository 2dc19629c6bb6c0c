"""Attacks with one honest approval of something that sounds plausible: replays of what a review found, each stopped by now.

Who is fooled approves once. Whoever reads out a fingerprint, grants a key or stops a change acts honestly.
"""

from uuid import UUID

import pytest
import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.core import keyholders
from app.messaging.models import OutboxMessage
from app.staff import access_changes, invitations, members, proposals, recovery, seats, sessions
from app.staff import service as staff
from app.staff.access_changes import NewCountryTeam
from app.staff.models import Member, Role
from app.staff.proposal_rules import ProposalKind
from app.staff.proposal_states import ProposalVerb
from tests.support.desk import ONE, UNCONNECTED, Browser, Page, StaffSite, _pair, _seed
from tests.support.intruder import Intruder, key_of


def seat_honestly(office: StaffSite, intruder: Intruder, name: str, role: Role, place: UUID) -> UUID:
    """A colleague whom the operators seated, who waits for the key."""
    team, organisation = (None, place) if role is Role.PARTNER else (place, None)
    with office.database.begin() as session:
        new = staff.add_member(
            session, office.keys, name, role, "a long passphrase 17", intruder.now, team_id=team,
            organisation_id=organisation,
        )  # fmt: skip
        new.key.public_key = _pair(name).public
        return new.member.id


def place_of(intruder: Intruder, slug: str) -> UUID:
    return next(place for place, one in intruder.places.items() if one == slug)


def code_for_return(intruder: Intruder, member: UUID, fooled: str) -> str:
    """A code with which the intruder can take the member's seat: one colleague was fooled, and nobody looked for a day."""
    intruder.act(lambda s, who: access_changes.propose_return(s, who, member, intruder.now))
    proposal = intruder.newest()
    intruder.later(seconds=1)
    assert intruder.fool(fooled, proposal)
    intruder.later(days=1, seconds=1)
    assert intruder.carry_out(proposal)
    return intruder.codes[-1]


def test_a_key_is_granted_only_to_the_fingerprint_that_was_compared(office: StaffSite) -> None:
    """While Vera is on the phone, the intruder comes in as the member whose fingerprint she compares."""
    intruder = Intruder(office, "admin")
    nadja = seat_honestly(office, intruder, "nadja", Role.COORDINATOR, place_of(intruder, "pl"))
    code = code_for_return(intruder, nadja, "sofia")
    vera = office.as_("vera")
    page = vera.get("/desk/members")
    assert intruder.join(code) == nadja
    answer = vera.submit(page, f"/desk/members/{nadja}/grant")
    assert answer.status == 409
    assert "Compare the fingerprint again" in answer.words()
    assert intruder.reached() == set()


def test_an_approved_grant_is_for_one_key_and_ends_when_the_member_comes_back(office: StaffSite) -> None:
    intruder = Intruder(office, "admin")
    old = intruder.legacy(Role.COORDINATOR, "pl")
    code = code_for_return(intruder, old, "pavel")
    with office.database.begin(write=False) as session:
        shown = key_of(session, old)
        fingerprint = members.fingerprint(session.get_one(members.SealingKey, shown).public_key)

    def propose() -> UUID:
        assert intruder.honest(
            "vera", lambda s, who: access_changes.propose_grant(s, who, old, intruder.now, key_id=shown)
        )
        intruder.later(seconds=1)
        return intruder.newest()

    proposal = propose()
    assert fingerprint in office.as_("sofia").get("/desk/proposals").words()
    assert intruder.honest(
        "sofia", lambda s, who: proposals.decide(s, who, proposal, ProposalVerb.APPROVE, intruder.now)
    )
    assert intruder.join(code) == old

    def carry_out() -> bool:
        return intruder.honest(
            "vera", lambda s, who: access_changes.carry_out(s, office.keys, who, proposal, intruder.now)
        )

    with office.database.begin() as session:
        row = session.get_one(proposals.Proposal, proposal)
        assert row.state == "expired"
        row.state = "approved"  # even if it were still open
    assert not carry_out()
    assert intruder.reached() == set()
    with office.database.begin() as session:  # with the key that was approved it works
        session.get_one(Member, old).key_id = shown
    assert carry_out()


# --- first keys ------------------------------------------------------------------------------------------------------


def keyless_centre(intruder: Intruder) -> UUID:
    return place_of(intruder, UNCONNECTED)


def test_a_first_key_goes_to_the_one_member_whose_fingerprint_is_named(office: StaffSite) -> None:
    """Two honest people give a centre its first key, while an invented colleague waits there."""
    intruder = Intruder(office, "admin")
    place = keyless_centre(intruder)
    centre = seat_honestly(office, intruder, "centre", Role.PARTNER, place)
    assert intruder.join(code_of_two(intruder, place=UNCONNECTED)) is not None
    intruder.later(hours=1)
    assert intruder.honest(
        "centre", lambda s, who: access_changes.propose_organisation_key(s, who, place, UNCONNECTED, {}, intruder.now)
    )
    key = intruder.newest()
    intruder.later(seconds=1)
    with office.database.begin(write=False) as session:
        fingerprint = members.fingerprint(session.get_one(members.SealingKey, key_of(session, centre)).public_key)
    assert fingerprint in office.as_("sofia").get("/desk/proposals").words()
    assert intruder.honest("sofia", lambda s, who: proposals.decide(s, who, key, ProposalVerb.APPROVE, intruder.now))
    intruder.later(days=1, seconds=1)
    assert intruder.honest("centre", lambda s, who: access_changes.carry_out(s, office.keys, who, key, intruder.now))
    assert intruder.reached() == set()
    with office.database.begin(write=False) as session:
        assert seats.holds_key_of(session, key_of(session, centre), place)


def test_an_admin_names_who_gets_a_first_key(office: StaffSite) -> None:
    intruder = Intruder(office, "admin")
    place = keyless_centre(intruder)
    for name in ("centre", "second"):
        seat_honestly(office, intruder, name, Role.PARTNER, place)
    admin = office.as_("admin")
    page = admin.get("/desk/proposals")
    for typed, status in (("", 422), ("nobody", 422), ("Centre", 303)):
        answer = admin.submit(
            page, "/desk/proposals", kind="organisation_key", organisation=UNCONNECTED, first_holder=typed
        )
        assert answer.status == status, answer.words()


def test_no_key_is_made_that_nobody_can_hold(office: StaffSite) -> None:
    """A centre whose only member joined when one person was enough: the admin is told the way, and nothing is registered."""
    intruder = Intruder(office, "admin")
    place = keyless_centre(intruder)
    member = intruder.legacy(Role.PARTNER, UNCONNECTED)
    assert not intruder.propose_key(UNCONNECTED, own=False)
    with office.database.begin() as session:
        seats.record(session, member, seats.CONSOLE, intruder.now)
    assert intruder.propose_key(UNCONNECTED, own=False)
    key = intruder.newest()
    intruder.later(seconds=1)
    assert intruder.fool("sofia", key)
    intruder.later(days=1, seconds=1)
    with office.database.begin() as session:  # the named member has another key by now
        session.get_one(Member, member).key_id = key_of(session, intruder.id_of("vera"))
    assert not intruder.carry_out(key)
    with office.database.begin(write=False) as session:
        assert not seats.has_key(session, place)


# --- who was switched off leaves nothing behind ----------------------------------------------------------------------


def code_of_two(intruder: Intruder, fooled: str = "sofia", place: str = ONE) -> str:
    intruder.propose_member(Role.PARTNER, place)
    proposal = intruder.newest()
    intruder.later(seconds=1)
    assert intruder.fool(fooled, proposal)
    intruder.later(days=1, seconds=1)
    assert intruder.carry_out(proposal)
    return intruder.codes[-1]


@pytest.mark.parametrize("off", ["admin", "sofia"])
def test_a_code_of_somebody_who_was_switched_off_is_void(office: StaffSite, off: str) -> None:
    """Whether they made it or approved it; and also if it came into being in the same moment."""
    intruder = Intruder(office, "admin")
    other = office_admin(office, intruder)
    code = code_of_two(intruder)
    with office.database.begin() as session:
        rows = session.execute(sa.select(invitations.Invitation.__table__)).mappings().all()
    switch_off(office, intruder, other, intruder.id_of(off))
    with office.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(invitations.Invitation)) == 0
    with office.database.begin() as session:
        session.execute(sa.insert(invitations.Invitation.__table__), [dict(row) for row in rows])
    assert intruder.join(code) is None


def office_admin(office: StaffSite, intruder: Intruder) -> UUID:
    """A second admin from the command line."""
    with office.database.begin() as session:
        new = staff.add_member(session, office.keys, "other", Role.ADMIN, "a long passphrase 17", intruder.now)
        return new.member.id


def switch_off(office: StaffSite, intruder: Intruder, by: UUID, member: UUID) -> None:
    with office.database.begin() as session:
        members.deactivate(session, intruder.caller(session, by, bytes(32)), member, intruder.now)


@pytest.mark.parametrize("off", ["admin", "sofia"])
def test_what_somebody_who_was_switched_off_proposed_or_approved_ends(office: StaffSite, off: str) -> None:
    intruder = Intruder(office, "admin")
    other = office_admin(office, intruder)
    intruder.propose_member(Role.PARTNER, ONE)
    proposal = intruder.newest()
    intruder.later(seconds=1)
    assert intruder.fool("sofia", proposal)
    switch_off(office, intruder, other, intruder.id_of(off))
    with office.database.begin(write=False) as session:
        assert session.get_one(proposals.Proposal, proposal).state == "expired"


def test_who_was_dismissed_does_not_come_back_with_a_code_from_before(office: StaffSite) -> None:
    intruder = Intruder(office, "admin")
    vera = intruder.id_of("vera")
    code = code_for_return(intruder, vera, "sofia")
    switch_off(office, intruder, office_admin(office, intruder), vera)
    assert intruder.join(code) is None
    with office.database.begin(write=False) as session:
        assert not session.get_one(Member, vera).active


# --- everybody concerned sees it, also when it was quick -------------------------------------------------------------


def test_nobody_takes_the_seat_of_an_active_member_without_the_day(office: StaffSite) -> None:
    """A holder of the key was fooled; Vera, who has lost nothing, sees it the next morning."""
    intruder = Intruder(office, "admin")
    vera = intruder.id_of("vera")
    intruder.act(lambda s, who: access_changes.propose_return(s, who, vera, intruder.now))
    proposal = intruder.newest()
    intruder.later(seconds=1)
    assert intruder.fool("sofia", proposal)
    for name in ("sofia", "pavel"):
        assert not intruder.honest(
            name, lambda s, who: proposals.decide(s, who, proposal, ProposalVerb.CONFIRM, intruder.now)
        ), name
    assert not intruder.carry_out(proposal)
    intruder.later(hours=20)
    assert intruder.honest(
        "vera", lambda s, who: proposals.decide(s, who, proposal, ProposalVerb.DECLINE, intruder.now)
    )
    intruder.later(hours=5)
    assert not intruder.carry_out(proposal)


def test_colleagues_see_a_quick_change_for_a_week_and_can_void_its_code(office: StaffSite) -> None:
    """A holder of the key approves, so nothing waits; all within a second."""
    intruder = Intruder(office, "admin")
    intruder.propose_member(Role.COORDINATOR, "pl")
    proposal = intruder.newest()
    intruder.later(seconds=1)
    assert intruder.fool("sofia", proposal)
    assert intruder.carry_out(proposal)
    vera = office.as_("vera")
    assert "1 change of the last 7 days concerns you or who can read your cases." in vera.get("/desk/tasks").words()
    assert "last 7 days concerns you" not in office.as_("partner").get("/partner/").words()
    page = vera.get("/desk/proposals")
    for said in ("sham1", "Proposed by", "admin, ", "sofia, ", "not used yet"):
        assert said in page.words(), said
    path = f"/desk/proposals/{proposal}/void"
    assert "/partner/" not in path
    outsider = office.as_("outsider")
    csrf = outsider.get("/desk/proposals").form("/desk/sign-out")["csrf"]
    assert outsider.post(path, {"csrf": csrf}).status == 404
    assert vera.submit(page, path).location == "/desk/proposals?done=voided"
    assert intruder.join(intruder.codes[-1]) is None
    assert "not used yet" not in vera.get("/desk/proposals").words()
    csrf = page.form("/desk/sign-out")["csrf"]
    assert vera.post(path, {"csrf": csrf}).status == 409
    office.later(days=7, seconds=1)
    assert "last 7 days concerns you" not in office.as_("vera").get("/desk/tasks").words()


# --- nobody is silenced while a change waits -------------------------------------------------------------------------


def test_stopped_partners_still_see_and_stop_a_change(office: StaffSite) -> None:
    """The intruder stops all reading by partners, so that the centre does not see who joins."""
    intruder = Intruder(office, "admin")
    intruder.propose_member(Role.PARTNER, ONE)
    proposal = intruder.newest()
    intruder.later(seconds=1)
    assert intruder.fool("sofia", proposal)
    admin = office.as_("admin")
    assert admin.submit(admin.get("/desk/operations"), "/desk/freeze").status == 303
    partner = office.as_("partner")
    frozen = partner.get("/partner/")
    assert frozen.status == 503
    assert "1 proposal concerns you" in frozen.words()
    assert partner.get("/partner/members").status == 200
    page = partner.get("/partner/proposals")
    assert partner.submit(page, f"/partner/proposals/{proposal}/decline").location.endswith("declined")
    csrf = page.form("/desk/sign-out")["csrf"]
    assert partner.post("/partner/members/invite", {"csrf": csrf, "name": "second"}).status == 503
    intruder.later(days=1)
    assert not intruder.carry_out(proposal)


def test_who_proposed_something_does_not_remove_those_who_can_stop_it(office: StaffSite) -> None:
    """A centre without a key: one of its two members is switched off while the intruder's key waits; a senior is demoted."""
    intruder = Intruder(office, "admin")
    centre = seat_honestly(office, intruder, "centre", Role.PARTNER, place_of(intruder, UNCONNECTED))
    seat_honestly(office, intruder, "colleague", Role.PARTNER, place_of(intruder, UNCONNECTED))
    sofia = intruder.id_of("sofia")

    def remove() -> list[bool]:
        return [
            intruder.act(lambda s, who: members.deactivate(s, who, centre, intruder.now)),
            intruder.act(lambda s, who: members.make_coordinator(s, who, sofia, intruder.now)),
        ]

    intruder.propose_key(UNCONNECTED)
    proposal = intruder.newest()
    intruder.later(seconds=1)
    assert intruder.fool("sofia", proposal)
    assert remove() == [False, False]
    assert intruder.honest(
        "centre", lambda s, who: proposals.decide(s, who, proposal, ProposalVerb.DECLINE, intruder.now)
    )
    assert remove() == [True, True], "nothing of theirs waits any more"


def test_the_only_member_of_a_centre_without_a_key_is_not_removed_before_a_sham_is_invited(office: StaffSite) -> None:
    """Nobody of the centre would be left to see who joins."""
    intruder = Intruder(office, "admin")
    centre = seat_honestly(office, intruder, "centre", Role.PARTNER, place_of(intruder, UNCONNECTED))
    assert not intruder.act(lambda s, who: members.deactivate(s, who, centre, intruder.now))
    seat_honestly(office, intruder, "colleague", Role.PARTNER, place_of(intruder, UNCONNECTED))
    assert intruder.act(lambda s, who: members.deactivate(s, who, centre, intruder.now))


def test_nobody_floods_the_page_and_it_costs_the_same_for_many(office: StaffSite) -> None:
    intruder = Intruder(office, "partner")
    sofia, counts = office.as_("sofia"), []
    for _ in range(proposals.MAX_LIVE):
        intruder.later(seconds=1)
        assert intruder.propose_member(Role.PARTNER, ONE)
        with office.statements() as counter:
            assert sofia.get("/desk/proposals").status == 200
        counts.append(counter.count)
    assert counts[0] == counts[-1]
    assert not intruder.propose_member(Role.PARTNER, ONE)
    assert intruder.act(lambda s, who: proposals.decide(s, who, intruder.newest(), ProposalVerb.WITHDRAW, intruder.now))
    assert intruder.propose_member(Role.PARTNER, ONE)


def test_partners_see_the_roles_and_not_the_sign_in_names_of_the_network(office: StaffSite) -> None:
    intruder = Intruder(office, "partner")
    intruder.propose_member(Role.PARTNER, ONE)
    page = office.as_("partner").get("/partner/proposals").words()
    assert "Network admin, Senior coordinator" in page
    assert "sofia" not in page
    assert "admin, sofia" in office.as_("admin").get("/desk/proposals").words()


def test_a_newcomer_without_the_key_does_not_redirect_what_the_centre_is_told(office: StaffSite) -> None:
    """And what the centre is told about who joins does not wait for a digest."""
    intruder = Intruder(office, "admin")
    seat_honestly(office, intruder, "second", Role.PARTNER, place_of(intruder, ONE))
    second = office.browser()
    with office.database.begin() as session:
        member = session.scalars(sa.select(Member).where(Member.name == "second")).one()
        second.cookies["staff"] = sessions.start(session, member, _seed("second"), intruder.now)

    def save(browser: Browser, **typed: str) -> Page:
        page = browser.get("/partner/notices")
        form = {name: value for name, value in page.form("/partner/notices").items() if name != "own_hours"}
        return browser.post("/partner/notices", {**form, "when": "digest", "hour": "8", **typed})

    assert save(office.as_("partner"), address="intake@example.org").status == 303
    refused = save(second, address="me@example.net")
    assert refused.status == 422
    assert "Only a member who holds the organisation" in refused.words()
    assert save(second, hour="9").status == 303
    intruder.propose_member(Role.PARTNER, ONE)
    with office.database.begin(write=False) as session:
        message = session.scalars(sa.select(OutboxMessage).where(OutboxMessage.kind == "access_change")).one()
        noted = sa.select(AuditEntry.codes).where(AuditEntry.action == "organisation:notices_changed")
        assert [codes["address"] for codes in session.scalars(noted.order_by(AuditEntry.seq))] == [1, 0]
        assert message.not_before <= intruder.now


# --- a team for a further country --------------------------------------------------------------------------------------


def test_a_colleague_who_believes_everything_gives_no_country_away_before_others_had_a_day(office: StaffSite) -> None:
    """Somebody who holds the key of another country approves at once what an admin asks for: team, senior and key."""
    intruder = Intruder(office, "admin")
    with office.database.begin() as session:
        recovery_key, _seed_of_paper = recovery.create_key(session, intruder.now)
        for name in ("sofia", "outsider"):
            member = session.scalars(sa.select(Member).where(Member.name == name)).one()
            for key_id, inner in keyholders.open_granted(session, member.key_id, _pair(name)).items():
                keyholders.grant(session, keyholders.by_id(session, key_id), inner, recovery_key)
    seat_honestly(office, intruder, "georgia", Role.SENIOR, place_of(intruder, "ge"))
    team = NewCountryTeam("The team in Germany", ("DE",), "Europe/Berlin", "en", "sham")
    assert intruder.act(lambda s, who: access_changes.propose_team(s, who, team, intruder.now))
    proposal = intruder.newest()
    intruder.later(seconds=1)
    assert intruder.fool("sofia", proposal)
    assert intruder.carry_out(proposal)
    sham = intruder.join(intruder.codes[-1])
    assert sham is not None
    with office.database.begin(write=False) as session:
        place = session.get_one(Member, sham).team_id
        shown = key_of(session, sham)
    assert place is not None
    intruder.places[place] = "de"
    intruder.later(seconds=1)
    assert intruder.act(lambda s, who: access_changes.propose_team_key(s, who, place, intruder.now, key_id=shown))
    key = intruder.newest()
    intruder.later(seconds=1)
    assert not intruder.decide(key, ProposalVerb.APPROVE, by=sham), "seated by who proposes it, and it is about them"
    assert intruder.fool("sofia", key)
    assert not intruder.honest(
        "sofia", lambda s, who: proposals.decide(s, who, key, ProposalVerb.CONFIRM, intruder.now)
    )
    assert not intruder.carry_out(key)
    assert intruder.reached() == set()
    assert intruder.honest("georgia", lambda s, who: proposals.decide(s, who, key, ProposalVerb.DECLINE, intruder.now))
    intruder.later(days=1)
    assert not intruder.carry_out(key)
    assert intruder.reached() == set()


def test_an_invented_admin_takes_nobody_away_who_can_stop_a_change(office: StaffSite) -> None:
    intruder = Intruder(office, "admin")
    assert intruder.act(
        lambda s, who: proposals.propose(s, who, ProposalKind.NEW_ADMIN, {"name": "sham"}, intruder.now)
    )
    proposal = intruder.newest()
    intruder.later(seconds=1)
    assert intruder.fool("sofia", proposal)
    assert intruder.carry_out(proposal)
    sham = intruder.join(intruder.codes[-1])
    assert sham is not None
    vera = intruder.id_of("vera")
    assert intruder.propose_member(Role.SENIOR, "pl")
    waiting = intruder.newest()
    intruder.later(seconds=1)
    assert not intruder.act(lambda s, who: members.deactivate(s, who, vera, intruder.now), by=sham)
    assert not intruder.act(
        lambda s, who: members.make_coordinator(s, who, intruder.id_of("sofia"), intruder.now), by=sham
    )
    assert intruder.honest("vera", lambda s, who: proposals.decide(s, who, waiting, ProposalVerb.DECLINE, intruder.now))
    assert intruder.act(lambda s, who: members.deactivate(s, who, vera, intruder.now), by=sham), (
        "nothing waits any more"
    )
    assert intruder.propose_member(Role.SENIOR, "pl", by=None)
    assert intruder.act(lambda s, who: members.deactivate(s, who, intruder.own, intruder.now), by=sham), (
        "who proposed it can be switched off by a colleague whom they seated: the proposal ends"
    )
    with office.database.begin(write=False) as session:
        assert session.get_one(proposals.Proposal, intruder.newest()).state == "expired"
