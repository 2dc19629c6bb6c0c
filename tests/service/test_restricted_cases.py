"""Restricted cases (docs/decisions/0160): leaving members, grants, rotation, recovery, notices, and two at once."""

import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.audit.models import AuditEntry
from app.cases import emergency_alerts, queue, queue_queries, restriction
from app.cases.models import Case, EmergencyAlert
from app.casework import (
    by_hand,
    case_merges,
    escalation,
    referral_threads,
    restrictions,
    rule_replay,
    sealed_access,
    team_notices,
)
from app.casework.coordinator import Desk, StaleCase
from app.core import keyholders
from app.core.db import Database
from app.core.errors import Conflict, Invalid, NotFound
from app.core.keyholders import KeyGrant
from app.directory.packs import load_packs
from app.messaging.models import MemberNotices, OutboxMessage
from app.operations import team_keys
from app.referrals.models import Referral
from app.staff import members, recovery, rota, seats
from app.staff import service as staff
from app.staff.models import Member, Role
from app.staff.recovery import WrongKey
from app.staff.sessions import SignedIn
from app.tasks.models import Task
from tests.service.test_recovery import printed
from tests.support.cases import together
from tests.support.desk import PASSPHRASE, STORY, StaffSite, _seed, running
from tests.web.test_desk_case import referral_of, referred


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Iterator[StaffSite]:
    with running(database, tmp_path / "var") as started:
        yield started


def desk_of(office: StaffSite, name: str) -> Desk:
    with office.database.begin(write=False) as session:
        row = session.scalars(sa.select(Member).where(Member.name == name)).one()
        member = SignedIn(
            row.id, name, Role(row.role), row.team_id, row.organisation_id, row.key_id, _seed(name), "binding", office.time.at
        )  # fmt: skip
    assert member.team_id is not None
    return Desk(member, member.team_id, office.keys, office.time.at)


def restrict(office: StaffSite, label: str, by: str, *names: str) -> Case:
    version = office.case(label).version
    with office.database.begin() as session:
        named = [desk_of(office, name).member.member_id for name in (by, *names)]
        return restrictions.restrict(session, desk_of(office, by), label, version, named)


def story(office: StaffSite, label: str, who: str) -> str:
    with office.database.begin() as session:
        return str(sealed_access.open_case(session, desk_of(office, who), label)[1])


def test_who_leaves_loses_it_and_the_last_one_cannot_leave(office: StaffSite) -> None:
    label, _receipt = office.file()
    restrict(office, label, "sofia", "pavel")
    admin = desk_of_admin(office)
    ids = {name: desk_of(office, name).member.member_id for name in ("sofia", "pavel")}
    with office.database.begin() as session:
        members.deactivate(session, admin, ids["pavel"], office.time.at)
    with office.database.begin(write=False) as session:
        assert [one.name for one in restriction.named(session, office.case(label).id)] == ["sofia"]
        assert [(one.label, one.has_too_few) for one in restriction.overview(session)] == [(label, True)]
    with (
        pytest.raises(Conflict, match="the only one who can open a restricted case"),
        office.database.begin() as session,
    ):
        members.deactivate(session, admin, ids["sofia"], office.time.at)
    restrict(office, label, "sofia", "vera")
    with office.database.begin() as session:
        members.deactivate(session, admin, ids["sofia"], office.time.at)
    assert STORY in story(office, label, "vera")


def desk_of_admin(office: StaffSite) -> SignedIn:
    with office.database.begin(write=False) as session:
        row = session.scalars(sa.select(Member).where(Member.name == "admin")).one()
        return SignedIn(row.id, "admin", Role.ADMIN, None, None, row.key_id, bytes(32), "binding", office.time.at)


def test_a_grant_of_the_teams_key_gives_nothing_of_it_whenever_it_is_finished(office: StaffSite) -> None:
    """A new colleague waits for the team's key while the case is restricted: they cannot be named yet, and are given no more."""
    label, _receipt = office.file()
    vera = desk_of(office, "vera")
    with office.database.begin() as session:
        new = staff.add_member(
            session, office.keys, "nina", Role.COORDINATOR, PASSPHRASE, office.time.at, team_id=vera.team_id
        )
        seats.record(session, new.member.id, seats.CONSOLE, office.time.at)
        nina, nina_key = new.member.id, new.member.key_id
    version = office.case(label).version
    sofia = desk_of(office, "sofia")
    with pytest.raises(Invalid) as refused, office.database.begin() as session:
        restrictions.restrict(session, sofia, label, version, [sofia.member.member_id, nina])
    assert "hold the team's key" in refused.value.errors[0]["detail"]
    restrict(office, label, "sofia", "vera")
    with office.database.begin() as session:
        assert members.grant(session, sofia.member, nina, office.time.at, key_id=nina_key) == 1
    with office.database.begin(write=False) as session:
        circle = keyholders.active_key(session, restriction.circle_id(office.case(label).id))
        assert circle is not None
        held = set(session.scalars(sa.select(KeyGrant.sealing_key_id).where(KeyGrant.holder_key_id == nina_key)))
        assert circle.id not in held
        assert not restriction.is_named(session, office.case(label).id, nina)
        assert circle.id not in sofia.member.keys_of(session), "no verb about the team's keys sees it"


def test_a_rotation_of_the_teams_key_leaves_it_alone(office: StaffSite) -> None:
    label, _receipt = office.file()
    other, _receipt = office.file()
    restrict(office, label, "sofia", "vera")
    team_id = office.case(label).team_id
    with office.database.begin() as session:
        held = {key: pair.seed for key, pair in desk_of(office, "sofia").member.keys_of(session).items()}
        team_keys.begin(session, team_id, held, office.time.at)
        assert team_keys.remaining(session, team_id) == 2, "of the other case"
    with office.database.begin() as session:
        held = {key: pair.seed for key, pair in desk_of(office, "sofia").member.keys_of(session).items()}
    team_keys.rewrap_cases(office.database, office.keys, team_id, held)
    with office.database.begin() as session:
        assert team_keys.end(session, team_id, office.time.at) == 3
    for who in ("vera", "sofia"):
        assert STORY in story(office, label, who)
        assert STORY in story(office, other, who)
    with pytest.raises(restriction.RestrictedCase):
        story(office, label, "pavel")


def test_the_recovery_key_brings_it_back_for_one_member_of_the_team_and_is_noted(office: StaffSite) -> None:
    label, _receipt = office.file()
    seed = recovery.parse_key(printed(office))
    restrict(office, label, "sofia", "vera")
    case_id, now = office.case(label).id, office.time.at
    with office.database.begin() as session:
        named = [desk_of(office, name).member.key_id for name in ("sofia", "vera")]
        circle = keyholders.active_key(session, restriction.circle_id(case_id))
        assert circle is not None
        session.execute(
            sa.delete(KeyGrant).where(KeyGrant.sealing_key_id == circle.id, KeyGrant.holder_key_id.in_(named))
        )
        assert recovery.grant_to(session, seed, "pavel", now) == 0, "the keys of the team, and no case's own"
        for name in ("outsider", "nobody"):
            with pytest.raises(NotFound):
                restriction.recover(session, seed, label, name, now)
        stranger, other_seed = recovery.create_key(session, now)
        assert stranger
        with pytest.raises(WrongKey):
            restriction.recover(session, other_seed, label, "pavel", now)
        new = recovery.renew(session, seed, now)
        assert restriction.recover(session, new, label, "Pavel", now) == 1
    with office.database.begin(write=False) as session:
        noted = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "recovery:case_granted")).one()
        assert noted.subject_id == case_id.hex
    assert STORY in story(office, label, "pavel")
    restrict(office, label, "pavel", "vera")
    assert STORY in story(office, label, "vera")


def test_an_emergency_goes_to_the_named_then_to_the_seniors(office: StaffSite) -> None:
    label, _receipt = office.file(how_soon="today")
    restrict(office, label, "sofia", "pavel")
    case_id, now = office.case(label).id, office.time.at
    ids = {name: desk_of(office, name).member.member_id for name in ("vera", "sofia", "pavel")}
    named = frozenset((ids["sofia"], ids["pavel"]))
    team_rota = rota.Rota()
    here = {id: _reachable(id, Role.SENIOR if name == "sofia" else Role.COORDINATOR) for name, id in ids.items()}
    first = escalation._next_step(0, here, team_rota, {ids["sofia"]}, now, named)
    assert first == (1, [ids["pavel"]]), "nobody who is not named"
    assert escalation._next_step(1, here, team_rota, set(named), now, named) == (2, [ids["sofia"]])
    about = team_notices.NoticeCase(case_id, ids["sofia"], True, named)
    assert set(team_notices.who_can_help(dict(here), about)) == set(named)
    seniors = team_notices.NoticeCase(case_id, None, True, frozenset((ids["pavel"],)))
    only_senior = {id: one for id, one in here.items() if id != ids["pavel"]}
    assert set(team_notices.who_can_help(only_senior, seniors)) == {ids["sofia"]}
    with office.database.begin() as session:
        assert team_notices._cases_of(session, {case_id})[case_id].named == named


def _lost(office: StaffSite, label: str, *names: str) -> None:
    """Their grants are gone, as after a new passphrase."""
    with office.database.begin() as session:
        circle = keyholders.active_key(session, restriction.circle_id(office.case(label).id))
        assert circle is not None
        held = [desk_of(office, name).member.key_id for name in names]
        session.execute(
            sa.delete(KeyGrant).where(KeyGrant.sealing_key_id == circle.id, KeyGrant.holder_key_id.in_(held))
        )


def _told(office: StaffSite) -> int:
    """What the worker does each round; returns of how many cases it told."""
    with office.database.begin() as session:
        due = restrictions.with_too_few(session, 50)
        return sum(restrictions.tell_of_too_few(session, case_id, now=office.time.at) for case_id in due)


def _warnings(office: StaffSite) -> list[tuple[UUID | None, bool]]:
    """The tasks that warn of it: who has each, and whether it is open."""
    with office.database.begin(write=False) as session:
        rows = session.execute(
            sa.select(Task.owner_id, Task.done_at).where(Task.kind == "too_few_named").order_by(Task.done_at)
        )
        return [(row.owner_id, row.done_at is None) for row in rows]


def test_who_is_left_alone_is_told_once_and_becomes_the_owner(office: StaffSite) -> None:
    label, _receipt = office.file()
    restrict(office, label, "sofia", "pavel")
    assert _told(office) == 0
    sofia, pavel = (desk_of(office, name).member.member_id for name in ("sofia", "pavel"))
    with office.database.begin() as session:
        members.deactivate(session, desk_of_admin(office), sofia, office.time.at)
    assert _told(office) == 1
    assert _told(office) == 0
    assert _warnings(office) == [(pavel, True)]
    assert office.case(label).owner_id == pavel
    with office.database.begin(write=False) as session:
        notices = session.scalars(sa.select(OutboxMessage.kind).where(OutboxMessage.about_id == office.case(label).id))
        assert list(notices).count("too_few_named") == 1
    restrict(office, label, "pavel", "vera")
    assert _warnings(office) == [(pavel, False)]
    _lost(office, label, "pavel", "vera")
    assert _told(office) == 1
    assert [one for one in _warnings(office) if one[1]] == [(None, True)], "nobody's: the seniors are told of it"
    page = office.as_("vera").get(f"/desk/cases/{label}")
    assert "Nobody who is named can open it any more" in page.words()


def test_a_closed_case_opens_no_task_and_a_new_one_does_after_it_is_reopened(office: StaffSite) -> None:
    label, _receipt = office.file()
    restrict(office, label, "sofia", "pavel")
    with office.database.begin() as session:
        session.execute(sa.update(Case).where(Case.label == label).values(state="advised", closed_at=office.time.at))
    _lost(office, label, "pavel")
    assert _told(office) == 0
    with office.database.begin() as session:
        session.execute(sa.update(Case).where(Case.label == label).values(state="in_review", closed_at=None))
    assert _told(office) == 1


def test_a_case_is_restricted_again_after_it_was_opened_to_the_team(office: StaffSite) -> None:
    label, _receipt = office.file()
    for other in ("vera", "pavel"):
        restrict(office, label, "sofia", other)
        assert STORY in story(office, label, other)
        with office.database.begin() as session:
            restrictions.lift(session, desk_of(office, "sofia"), label, office.case(label).version)


def test_what_is_merged_with_it_is_restricted_and_opened_with_it(office: StaffSite) -> None:
    (label, _), (other, _) = office.file(), office.file()
    sofia = desk_of(office, "sofia")
    with office.database.begin() as session:
        case_merges.merge(session, sofia, other, office.case(other).version, label)
    restrict(office, label, "sofia", "vera")
    for one in (label, other):
        assert office.case(one).restricted
        assert STORY in story(office, one, "vera")
        with pytest.raises(restriction.RestrictedCase):
            story(office, one, "pavel")
    restrict(office, other, "sofia", "pavel")
    with pytest.raises(restriction.RestrictedCase):
        story(office, label, "vera")
    with office.database.begin() as session:
        restrictions.lift(session, desk_of(office, "pavel"), label, office.case(label).version)
    assert not office.case(label).restricted
    assert STORY in story(office, other, "vera")


def test_cases_with_other_names_are_not_merged(office: StaffSite) -> None:
    (label, _), (other, _) = office.file(), office.file()
    restrict(office, label, "sofia", "vera")
    restrict(office, other, "sofia", "pavel")
    sofia = desk_of(office, "sofia")
    with pytest.raises(Conflict, match="same members"), office.database.begin() as session:
        case_merges.merge(session, sofia, other, office.case(other).version, label)
    restrict(office, other, "sofia", "vera")
    with office.database.begin() as session:
        case_merges.merge(session, sofia, other, office.case(other).version, label)


def test_the_console_prints_no_card_and_lists_no_changed_match_of_it(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    (label, _), (other, _) = office.file(), office.file()
    for one in (label, other):
        referred(office, one, office.as_("sofia"))
    restrict(office, label, "sofia", "vera")
    with office.database.begin() as session:
        session.execute(sa.update(Referral).values(way="hand"))
        cards = dict(
            session.execute(sa.select(Case.label, Referral.label).join(Referral, Referral.case_id == Case.id)).all()
        )
        assert by_hand.card_sheet(session, office.keys, cards[other], office.time.at)
        with pytest.raises(restriction.RestrictedCase):
            by_hand.card_sheet(session, office.keys, cards[label], office.time.at)
        changed = rule_replay.RunDifference((), "a", "b", same_first=False)
        monkeypatch.setattr(rule_replay, "difference", lambda _was, _now: changed)
        ids = [office.case(one).id for one in (label, other)]
        found = rule_replay.replay_cases(session, office.keys, load_packs(), ids)
    assert (found.cases, found.first_moved) == (2, 2)
    assert [one.label for one in found.moved] == [other]


def test_what_follows_it_in_a_list_does_not_tell_its_place(office: StaffSite) -> None:
    before, label, after = (office.file()[0] for _ in range(3))
    restrict(office, label, "sofia", "vera")
    days = {before: date(2026, 12, 1), label: date(2026, 12, 2), after: date(2026, 12, 3)}
    with office.database.begin() as session:
        for one, day in days.items():
            session.execute(sa.update(Case).where(Case.label == one).values(last_safe_day=day))
        for who, expected in (("vera", after), ("pavel", before)):
            desk = desk_of(office, who)
            query = queue_queries.QueueQuery("open", sort="deadline")
            found = queue.next_case(
                session, desk.team_id, query, label, me=desk.member.member_id, today=office.time.at.date()
            )
            assert found == expected, who


def _reachable(id: UUID, role: Role) -> team_notices.Reachable:
    return team_notices.Reachable(id, role, None, MemberNotices())


def test_opening_its_outline_stops_no_escalation(office: StaffSite) -> None:
    label, _receipt = office.file(how_soon="today")
    restrict(office, label, "sofia", "pavel")
    with office.database.begin() as session:
        case = session.scalars(sa.select(Case).where(Case.label == label)).one()
        case.owner_id = None
        session.flush()
        assert emergency_alerts.start(session, case.id, told=[], due_at=office.time.at)
    assert office.as_("vera").get(f"/desk/cases/{label}").status == 403
    with office.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(EmergencyAlert)) == 1
    assert office.as_("pavel").get(f"/desk/cases/{label}").status == 200
    with office.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(EmergencyAlert)) == 0


def test_of_two_who_restrict_and_lift_at_once_one_is_told_to_look_again(
    postgres_database: Database, tmp_path: Path
) -> None:
    with running(postgres_database, tmp_path / "var") as office:
        label, _receipt = office.file()
        ids = {name: desk_of(office, name).member.member_id for name in ("vera", "sofia", "pavel")}
        restrict(office, label, "sofia", "vera")
        version = office.case(label).version

        def lift() -> None:
            with office.database.begin() as session:
                restrictions.lift(session, desk_of(office, "vera"), label, version)

        def rename() -> None:
            with office.database.begin() as session:
                restrictions.restrict(session, desk_of(office, "sofia"), label, version, [ids["sofia"], ids["pavel"]])

        outcomes = together(lift, rename)
        refused = [one for one in outcomes if isinstance(one, Exception)]
        assert len(refused) == 1
        assert isinstance(refused[0], StaleCase | restriction.RestrictedCase), (
            "the second; it may not be named any more"
        )
        assert STORY in story(office, label, "sofia")


def test_nobody_is_named_who_is_switched_off_at_the_same_moment(postgres_database: Database, tmp_path: Path) -> None:
    with running(postgres_database, tmp_path / "var") as office:
        label, _receipt = office.file()
        admin, pavel = desk_of_admin(office), desk_of(office, "pavel").member.member_id

        def switch_off() -> None:
            with office.database.begin() as session:
                members.deactivate(session, admin, pavel, office.time.at)

        together(lambda: restrict(office, label, "sofia", "pavel"), switch_off)
        with office.database.begin(write=False) as session:
            pavels_key = session.get_one(Member, pavel).key_id
            held = session.scalars(sa.select(KeyGrant.id).where(KeyGrant.holder_key_id == pavels_key)).all()
            assert held == [], "whichever came first"


def test_a_restriction_that_is_lifted_while_the_teams_key_is_replaced_leaves_nothing_behind(
    postgres_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rotation deletes the grants of the old key; so the lift must not seal to it and commit afterwards."""
    with running(postgres_database, tmp_path / "var") as office:
        label, _receipt = office.file()
        restrict(office, label, "sofia", "vera")
        version, team_id = office.case(label).version, office.case(label).team_id
        sealed, rotated, end_key = threading.Event(), threading.Event(), restriction.end_key

        def slowly(session: Session, case_id: UUID) -> None:
            sealed.set()
            rotated.wait(1)  # the rotation waits for this transaction; if it did not, it would be over by now
            end_key(session, case_id)

        monkeypatch.setattr(restriction, "end_key", slowly)

        def lift() -> None:
            with office.database.begin() as session:
                restrictions.lift(session, desk_of(office, "vera"), label, version)

        def rotate() -> None:
            assert sealed.wait(30)
            with office.database.begin() as session:
                team_keys.begin(session, team_id, _held(office, session), office.time.at)
            with office.database.begin(write=False) as session:
                held = _held(office, session)
            team_keys.rewrap_cases(office.database, office.keys, team_id, held)
            with office.database.begin() as session:
                team_keys.end(session, team_id, office.time.at)
            rotated.set()

        assert together(lift, rotate) == [None, None]
        for who in ("vera", "sofia", "pavel"):
            assert STORY in story(office, label, who)


def _held(office: StaffSite, session: Session) -> dict[UUID, bytes]:
    return {key: pair.seed for key, pair in desk_of(office, "sofia").member.keys_of(session).items()}


def test_a_lift_that_waits_for_a_new_key_of_the_team_seals_to_the_new_one(
    postgres_database: Database, tmp_path: Path
) -> None:
    with running(postgres_database, tmp_path / "var") as office:
        label, _receipt = office.file()
        restrict(office, label, "sofia", "vera")
        version, team_id = office.case(label).version, office.case(label).team_id

        def lift() -> None:
            with office.database.begin() as session:
                restrictions.lift(session, desk_of(office, "vera"), label, version)

        with office.database.begin() as session:
            team_keys.begin(session, team_id, _held(office, session), office.time.at)
            waiting = threading.Thread(target=lift)
            waiting.start()
            waiting.join(0.5)
        waiting.join(60)
        with office.database.begin() as session:
            assert team_keys.remaining(session, team_id) == 0
            assert team_keys.end(session, team_id, office.time.at) > 0
        assert STORY in story(office, label, "pavel")


def test_whoever_reads_or_writes_at_the_moment_of_the_restriction_leaves_it_whole(
    postgres_database: Database, tmp_path: Path
) -> None:
    """A colleague opens the case, its centre writes, and it is restricted: in whatever order, those who are named read all."""
    with running(postgres_database, tmp_path / "var") as office:
        label, _receipt = office.file()
        referred(office, label, office.as_("vera"))
        referral = referral_of(office, label)
        thread = f"/desk/cases/{label}/referrals/{referral.label}/thread"

        def writes() -> None:
            with office.database.begin() as session:
                referral_threads.write_by_partner(
                    session, office.keys, referral.organisation_id, referral.id, referral.organisation_id,
                    "zinnober-at-that-moment", "token", now=office.time.at,
                )  # fmt: skip

        seen = together(lambda: story(office, label, "pavel"), lambda: restrict(office, label, "sofia", "vera"), writes)
        assert isinstance(seen[0], restriction.RestrictedCase) or STORY in str(seen[0])
        assert isinstance(seen[1], Case), seen[1]
        assert seen[2] is None
        for who in ("vera", "sofia"):
            assert STORY in story(office, label, who)
            browser = office.as_(who)
            assert "zinnober-at-that-moment" in browser.submit(browser.get(thread), f"{thread}/show").words()
        with pytest.raises(restriction.RestrictedCase):
            story(office, label, "pavel")
