"""One malicious member of each role, against every verb of members, keys and proposals: nothing sealed comes within reach.

First at random; then the attacks that each guard stops, played with the guard and without it.
"""

import random
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from app.staff import access_changes, invitations, lineage, members, organisation_keys, proposal_rules, proposals, seats
from app.staff.models import Member, Role
from app.staff.proposal_states import ProposalVerb
from tests.support.desk import ONE, TWO, StaffSite
from tests.support.intruder import RIGHTS, Intruder, key_of


@pytest.mark.parametrize("name", RIGHTS)
def test_no_sequence_of_one_person_reaches_what_is_not_theirs(office: StaffSite, name: str) -> None:
    intruder, chance = Intruder(office, name), random.Random(name)
    for step in range(120):
        intruder.step(chance)
        if step % 15 == 14:
            intruder.colleagues_work(chance)
            assert intruder.harm() == set(), f"after {step} steps"
            assert intruder.puppets_with_keys() == 0


@pytest.mark.parametrize("name", ["admin", "sofia", "partner"])
def test_one_colleague_who_was_fooled_once_is_not_enough(office: StaffSite, name: str) -> None:
    """An honest member approves one invented colleague. With that one the intruder seats nobody else, for a month."""
    intruder, chance = Intruder(office, name), random.Random(f"fooled {name}")
    if name == "admin":
        intruder.act(
            lambda s, who: proposals.propose(
                s, who, proposal_rules.ProposalKind.NEW_ADMIN, {"name": "sham0"}, intruder.now
            )
        )
    else:
        role, place = (Role.COORDINATOR, "pl") if name == "sofia" else (Role.PARTNER, ONE)
        intruder.propose_member(role, place)
    intruder.later(seconds=1)
    newest = intruder.newest()
    assert intruder.fool("sofia" if name == "admin" else "admin", newest)
    intruder.later(hours=25)
    assert intruder.carry_out(newest)
    assert intruder.join(intruder.codes[0]) is not None
    began = intruder.now
    for step in range(70):
        if intruder.now - began < lineage.TIE_LASTS * 0.8:
            intruder.step(chance)
        if step % 10 == 9:
            assert len(intruder.harm()) <= 1, intruder.harm()
            assert intruder.reached() <= RIGHTS[name]


# --- the guards, one by one ------------------------------------------------------------------------------------------


def invented_auditor_approves(intruder: Intruder) -> None:
    """The attack that was reported: the second person is an invention of the first."""
    intruder.invite_at_once(Role.AUDITOR, "")
    sham = intruder.join(intruder.codes[-1])
    intruder.later(seconds=1)
    intruder.propose_member(Role.PARTNER, ONE)
    newest = intruder.newest()
    intruder.decide(newest, ProposalVerb.APPROVE, sham)
    intruder.later(days=1)
    intruder.carry_out(newest)
    for code in intruder.codes[1:]:
        intruder.join(code)


def one_person_invites(intruder: Intruder) -> None:
    intruder.invite_at_once(Role.SENIOR, "pl")
    for code in intruder.codes:
        intruder.join(code)


def a_chain(intruder: Intruder) -> None:
    """A colleague was fooled once; then the intruder and the invented admin seat another."""
    intruder.act(
        lambda s, who: proposals.propose(s, who, proposal_rules.ProposalKind.NEW_ADMIN, {"name": "sham0"}, intruder.now)
    )
    intruder.later(seconds=1)
    newest = intruder.newest()
    intruder.fool("sofia", newest)
    intruder.carry_out(newest)
    sham = intruder.join(intruder.codes[-1])
    assert sham is not None
    intruder.later(seconds=1)
    intruder.propose_member(Role.PARTNER, ONE, sham)
    newest = intruder.newest()
    intruder.decide(newest, ProposalVerb.APPROVE)
    intruder.later(days=1)
    intruder.carry_out(newest, sham)
    for code in intruder.codes[1:]:
        intruder.join(code)
    with intruder.office.database.begin() as session:  # the harm that counts is the second one
        session.execute(sa.update(Member).where(Member.id == sham).values(active=False))


def a_stranger_replaces_a_key(intruder: Intruder) -> None:
    """A colleague was fooled: the admin carries out a new key for a centre that has one."""
    intruder.propose_key(ONE)
    newest = intruder.newest()
    intruder.later(seconds=1)
    intruder.fool("sofia", newest)
    intruder.later(days=1)
    intruder.carry_out(newest)


def a_key_for_those_who_had_none(intruder: Intruder) -> None:
    """A member of the centre carries out a new key; an invented colleague of earlier days waits for it."""
    intruder.legacy(Role.PARTNER, ONE)
    intruder.propose_key(ONE, own=False)
    newest = intruder.newest()
    intruder.later(seconds=1)
    intruder.fool("sofia", newest)
    intruder.later(days=1)
    intruder.honest(
        "partner", lambda s, who: access_changes.carry_out(s, intruder.office.keys, who, newest, intruder.now)
    )


def a_holder_grants_to_an_invention(intruder: Intruder) -> None:
    """One person seated them, before it took two; and a colleague presses the button."""
    sham = intruder.legacy(Role.COORDINATOR, "pl")
    intruder.honest("vera", lambda s, who: members.grant(s, who, sham, intruder.now, key_id=key_of(s, sham)))


def carried_out_at_once(intruder: Intruder) -> None:
    """A colleague of another place was fooled; those whom it concerns see it the next morning."""
    intruder.propose_member(Role.PARTNER, ONE)
    newest = intruder.newest()
    intruder.later(seconds=1)
    intruder.fool("sofia", newest)
    intruder.carry_out(newest)
    intruder.later(hours=12)
    intruder.honest("partner", lambda s, who: proposals.decide(s, who, newest, ProposalVerb.DECLINE, intruder.now))
    intruder.later(hours=13)
    intruder.carry_out(newest)
    for code in intruder.codes:
        intruder.join(code)


def the_code_of_others(intruder: Intruder) -> None:
    """Two honest people seat somebody; the intruder carries it out, to see the code."""
    seat = intruder.seat(Role.PARTNER, ONE)
    intruder.honest("partner", lambda s, who: access_changes.propose_member(s, who, seat, ONE, intruder.now))
    newest = intruder.newest()
    intruder.later(seconds=1)
    intruder.fool("sofia", newest)
    intruder.later(days=1)
    intruder.carry_out(newest)
    for code in intruder.codes:
        intruder.join(code)


def allowed(*_args: Any, **_more: Any) -> None:
    """A guard that lets everybody pass."""


def everybody_may_carry_out(state: Any, verb: Any, *, by: Any) -> Any:
    from app.staff.proposal_states import MOVES

    return next(target for (source, step, _actor), target in MOVES.items() if (source, step) == (state, verb))


def make_for_all(session: Any, organisation_id: Any, *, by: Any, now: Any, first_holder: Any = None) -> int:
    """As it was: the private half for every member of the organisation."""
    from app.core import keyholders
    from app.core.keyholders import OwnerKind
    from app.core.sealing import KeyPair

    pair = KeyPair.generate()
    key = keyholders.register(session, OwnerKind.ORGANISATION, organisation_id, pair.public, now)
    for key_id in session.scalars(sa.select(Member.key_id).where(Member.organisation_id == organisation_id)):
        keyholders.grant(session, key, pair.seed, keyholders.by_id(session, key_id))
    return 0


def invite_any(session: Any, keys: Any, who: Any, seat: Any, now: Any) -> str:
    return invitations.invite(session, keys, seat, by=None, now=now)


GUARDS: dict[str, tuple[Callable[[Intruder], None], Any, str, Any]] = {
    "approve: who counts as a second person": (invented_auditor_approves, proposal_rules, "refuse_dependent", allowed),
    "approve: nobody whom the first has seated": (a_chain, lineage, "independent", lambda *_: True),
    "carry out: only the proposer": (the_code_of_others, proposals, "next_state", everybody_may_carry_out),
    "carry out: not before the wait is over": (carried_out_at_once, proposals, "refuse_early", allowed),
    "invite: one person seats auditors alone": (one_person_invites, members, "invite_auditor", invite_any),
    "organisation key: only who holds the present one": (
        a_stranger_replaces_a_key, proposals, "refuse_stranger_to_key", allowed,
    ),
    "organisation key: only for who held the present one": (
        a_key_for_those_who_had_none, organisation_keys, "make", make_for_all,
    ),
    "grant: only to a seat that two people wanted": (
        a_holder_grants_to_an_invention, seats, "is_seated_by_two", lambda *_: True,
    ),
}  # fmt: skip


def harm_beside_legacy(intruder: Intruder) -> set[str]:
    """Reached sealed parts, and invented colleagues with a seat that the intruder did not have before."""
    legacy = {f"{role} sham1" for role in ("partner", "coordinator")} if not intruder.codes else set()
    return intruder.harm() - legacy


@pytest.mark.parametrize("guard", GUARDS)
def test_each_guard_stops_its_attack(office: StaffSite, guard: str) -> None:
    intruder = Intruder(office, "admin")
    GUARDS[guard][0](intruder)
    assert harm_beside_legacy(intruder) == set()


@pytest.mark.parametrize("guard", GUARDS)
def test_without_the_guard_the_attack_gets_through(
    office: StaffSite, guard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The property sees it: so the guard is what stops it, and not something else."""
    attack, module, name, replacement = GUARDS[guard]
    intruder = Intruder(office, "admin")
    monkeypatch.setattr(module, name, replacement)
    attack(intruder)
    assert harm_beside_legacy(intruder) != set()


def test_a_code_of_one_person_from_before_does_not_work(office: StaffSite) -> None:
    intruder = Intruder(office, "admin")
    for role, place, works in ((Role.SENIOR, "pl", False), (Role.PARTNER, TWO, False), (Role.AUDITOR, "", True)):
        with office.database.begin() as session:
            seat = intruder.seat(role, place)
            code = invitations.invite(session, office.keys, seat, by=intruder.own, now=intruder.now)
        assert (intruder.join(code) is not None) is works, role


def test_somebody_who_came_after_the_proposal_does_not_count(office: StaffSite) -> None:
    """Even if nobody of the two had a part in it: they were not there before."""
    intruder = Intruder(office, "admin")
    intruder.propose_member(Role.COORDINATOR, "pl")
    newest = intruder.newest()
    intruder.later(hours=1)
    with office.database.begin() as session:
        seats.record(session, intruder.id_of("sofia"), seats.CONSOLE, intruder.now)
    assert not intruder.fool("sofia", newest)
    assert intruder.fool("vera", newest)
