"""Endpoints, tasks, tokens, sessions and lists: of two that differ in nothing but whose they are, one is changed."""

from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app.audit import service as audit_log
from app.audit.models import AuditEntry
from app.cases import callback_windows, emergency_alerts, restriction, saved_replies, saved_views, sealed_parts
from app.cases.appointments import Appointment, OfferedTimes
from app.cases.callback_windows import CallbackWindow
from app.cases.models import (
    Case,
    CaseEvent,
    EmergencyAlert,
    HouseholdMember,
    PartKind,
    SavedReply,
    SavedView,
    SealedPart,
)
from app.casework import (
    appointment_offers,
    by_hand,
    by_link,
    contact_answers,
    households,
    referral_actions,
    referral_threads,
    restrictions,
    search,
    undelivered_notices,
    unread_messages,
)
from app.conflicts.models import ConflictEntry, Exclusion
from app.core import keyholders
from app.core.db import Database
from app.core.errors import AppError
from app.core.ids import named_id
from app.core.keyholders import OwnerKind, SealingKey
from app.core.sealing import KeyPair
from app.directory.packs import load_packs
from app.links import service as links
from app.links.models import ReferralLink
from app.links.service import NewLink
from app.messaging import outbox, telegram_links
from app.messaging.kinds import NoticeKind
from app.messaging.models import OutboxMessage, TelegramLink
from app.operations import status, team_keys
from app.partners import credentials, oauth_clients, sandbox_identity
from app.partners.models import AccessToken, OAuthClient
from app.partners.organisations import Organisation
from app.privacy.retention import RetentionPeriods, deletion_times
from app.referrals import centre_contacts, preconditions, queries, refusal_proposals, threads
from app.referrals.actors import ActorRef
from app.referrals.commands import TransitionInput
from app.referrals.models import ContactAnswer
from app.referrals.states import ReferralActor, ReferralVerb
from app.sandbox import service as sandbox
from app.staff import known_browsers, passkeys, recovery, rota, sessions, team_setup
from app.staff import service as staff
from app.staff.models import Member, StaffSession, Team, TeamRota
from app.staff.passkeys import Passkey
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.service import TaskKind
from app.webhooks import delivery as webhook_delivery
from app.webhooks import service as webhooks
from app.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.support.cases import START
from tests.support.desk import ONE, TWO
from tests.support.verbs import AGREED, StaffVerbs

LEGAL = f"{ONE}/legal-help"


def accepted(verbs: StaffVerbs, label: str) -> UUID:
    referral = verbs.refer(label, LEGAL)
    by = ActorRef(ReferralActor.PARTNER, verbs.member("partner").member_id, named_id("organisation", ONE))
    verbs.do(referral_actions.advance, referral.id, ReferralVerb.ACCEPT, by=by, now=verbs.time.at)
    return referral.id


def test_endpoints_and_their_deliveries(verbs: StaffVerbs) -> None:
    now, own = verbs.time.at, webhooks.Owner(named_id("organisation", ONE), "program")
    label, _receipt = verbs.file()
    about = verbs.refer(label, LEGAL).id
    with verbs.database.begin() as session:
        one, other = (
            webhooks.add(session, verbs.keys, own, f"https://example.org/{number}", ["referral.offered"], "v1", now)[
                0
            ].id
            for number in (1, 2)
        )
        for endpoint in (one, other):
            for kind, referral in (("referral.offered", about), ("test", None)):
                session.add(
                    WebhookDelivery(
                        id=uuid4(), endpoint_id=endpoint, event_id=uuid4(), type=kind, happened_at=now, state="dead",
                        attempts=5, created_at=now, referral_id=referral, referral_version=1 if referral else None,
                    )
                )  # fmt: skip

    def waiting() -> Counter[tuple[UUID, str]]:
        with verbs.database.begin(write=False) as session:
            rows = session.execute(
                sa.select(WebhookDelivery.endpoint_id, WebhookDelivery.type).where(WebhookDelivery.state == "waiting")
            )
            return Counter((row.endpoint_id, row.type) for row in rows)

    verbs.do(webhooks.resend, own, one, now - timedelta(hours=1), now)
    assert waiting() == {(one, "referral.offered"): 1}
    with verbs.database.begin(write=False) as session:
        ids = {
            (row.endpoint_id, row.type): row.id
            for row in session.execute(sa.select(WebhookDelivery.id, WebhookDelivery.endpoint_id, WebhookDelivery.type))
        }
    assert verbs.refused(webhooks.retry, own, one, ids[other, "test"], now).status == 404
    verbs.do(webhooks.retry, own, one, ids[one, "test"], now)
    assert waiting() == {(one, "referral.offered"): 1, (one, "test"): 1}
    verbs.change(WebhookDelivery, sa.true(), state="waiting", due_at=now)
    with verbs.database.begin(write=False) as session:
        left = webhooks.events_left(session, session.get_one(WebhookEndpoint, one), now)
    assert left == webhooks.MAX_ANONYMOUS_EVENTS_PER_HOUR - 2
    verbs.do(webhook_delivery._close, one, now)
    assert waiting() == {(other, "referral.offered"): 1, (other, "test"): 1}
    with verbs.database.begin(write=False) as session:
        states = dict(session.execute(sa.select(WebhookEndpoint.id, WebhookEndpoint.state)).all())
    assert states == {one: "gone", other: "active"}


def test_tasks_of_one_owner_and_one_team(verbs: StaffVerbs) -> None:
    now, desk, labels = verbs.time.at, verbs.desk(), [verbs.file()[0] for _case in range(2)]
    vera, pavel = verbs.member("vera").member_id, verbs.member("pavel").member_id
    with verbs.database.begin() as session:
        for label in labels:
            case = session.scalars(sa.select(Case).where(Case.label == label)).one()
            tasks.open_task(session, TaskKind.MOVED_HERE, case, now=now)
        ids = session.scalars(sa.select(Task.id).where(Task.kind == TaskKind.MOVED_HERE.value)).all()
    for task, who in zip(ids, (vera, pavel), strict=True):
        verbs.do(tasks.take_task, desk.team_id, task, who, now=now)
    for task, who in zip(ids, (vera, pavel), strict=True):
        found = verbs.do(tasks.open_tasks, desk.team_id, owner_id=who, me=vera)
        assert [row.id for row in found if row.kind == TaskKind.MOVED_HERE] == [task]
    for task in ids:
        verbs.do(tasks.finish_task, desk.team_id, task, vera, now=now)
    for team, who in ((verbs.desk("outsider").team_id, vera), (desk.team_id, pavel)):
        assert verbs.refused(tasks.reopen_task, team, ids[0], who, now=now).status == 404
    late = now + tasks.UNDO_WITHIN
    assert verbs.refused(tasks.reopen_task, desk.team_id, ids[0], vera, now=late + timedelta(seconds=1)).status == 404
    verbs.do(tasks.reopen_task, desk.team_id, ids[0], vera, now=late)
    with verbs.database.begin(write=False) as session:
        still = session.scalars(sa.select(Task.id).where(Task.id.in_(ids), Task.done_at.is_(None))).all()
    assert still == [ids[0]]


def test_a_persons_answer_is_about_their_own_referral(verbs: StaffVerbs) -> None:
    now, labels = verbs.time.at, [verbs.file()[0] for _case in range(2)]
    referrals = [accepted(verbs, label) for label in labels]
    with verbs.database.begin(write=False) as session:
        names = [verbs.referral(session.get_one(referral_actions.Referral, one).label).label for one in referrals]
    due = now + timedelta(days=60)
    verbs.change(referral_actions.Referral, sa.true(), contact_by=now)

    def answer(label: str, referral: str) -> None:
        with verbs.database.begin() as session:
            case = session.scalars(sa.select(Case).where(Case.label == label)).one()
            contact_answers.answer(session, case, referral, yes=True, now=due)

    for label, referral in ((labels[0], names[1]), (labels[0], "R-NONE")):
        with pytest.raises(AppError, match="There is no such question"):
            answer(label, referral)
    answer(labels[0], names[0])
    with verbs.database.begin(write=False) as session:
        assert session.scalars(sa.select(ContactAnswer.referral_id)).all() == [referrals[0]]
    with pytest.raises(AppError, match="There is no such question"):
        answer(labels[0], names[0])
    answer(labels[1], names[1])


def test_what_one_member_keeps(verbs: StaffVerbs) -> None:
    now, vera, pavel = verbs.time.at, verbs.member("vera").member_id, verbs.member("pavel").member_id
    teams = [verbs.desk().team_id, verbs.desk("outsider").team_id]
    with verbs.database.begin() as session:
        views = {
            (who, number): SavedView(id=uuid4(), member_id=who, view="all", filters={}, sort="age", created_at=now)
            for who in (vera, pavel)
            for number in (1, 2)
        }
        session.add_all(views.values())
        for who in (vera, pavel):
            for number in (1, 2):
                session.add(
                    Passkey(
                        id=uuid4(), member_id=who, credential_id=who.bytes + bytes([number]), public_key=b"k",
                        sign_count=0, label=str(number), created_at=now,
                    )
                )  # fmt: skip
        for team in teams:
            session.add(SavedReply(team_id=team, title="one", texts={"en": "x"}, updated_at=now))
        session.flush()
        keys = {(row.member_id, row.label): row.id for row in session.scalars(sa.select(Passkey))}
    theirs, mine = views[pavel, 1].id, views[vera, 1].id
    assert verbs.refused(saved_views.delete, vera, theirs).status == 404
    verbs.do(saved_views.delete, vera, mine)
    assert verbs.refused(passkeys.remove, vera, keys[pavel, "1"]).status == 404
    verbs.do(passkeys.remove, vera, keys[vera, "1"])
    with verbs.database.begin(write=False) as session:
        assert {row.id for row in session.scalars(sa.select(SavedView))} == {
            view.id for key, view in views.items() if key != (vera, 1)
        }
        assert set(session.scalars(sa.select(Passkey.id))) == {one for key, one in keys.items() if key != (vera, "1")}
        assert [row.team_id for row in saved_replies.of_team(session, teams[0])] == [teams[0]]


def test_what_one_member_is_told_and_reads(verbs: StaffVerbs) -> None:
    vera, pavel = verbs.member("vera").member_id, verbs.member("pavel").member_id
    verbs.change(Member, sa.true(), account_notice="staff:passphrase_changed", account_notice_at=verbs.time.at)
    verbs.do(staff.mark_told, vera)
    verbs.do(staff.choose_language, vera, "uk")
    with verbs.database.begin(write=False) as session:
        rows = {row.id: (row.account_notice, row.language) for row in session.scalars(sa.select(Member))}
        assert staff.names(session, [vera]) == {vera: "vera"}
    assert rows[vera] == (None, "uk")
    assert rows[pavel] == ("staff:passphrase_changed", None)
    assert verbs.refused(staff.choose_language, vera, "xx").status == 422


def test_of_two_sessions_one_ends(verbs: StaffVerbs) -> None:
    now = verbs.time.at
    with verbs.database.begin() as session:
        vera, pavel = (
            session.scalars(sa.select(Member).where(Member.name == name)).one() for name in ("vera", "pavel")
        )
        mine, also_mine, theirs = (sessions.start(session, who, bytes(32), now) for who in (vera, vera, pavel))
    verbs.do(sessions.touch, mine, now + timedelta(minutes=1))
    with verbs.database.begin(write=False) as session:
        seen = Counter(session.scalars(sa.select(StaffSession.seen_at)))
    assert seen == {now: 2, now + timedelta(minutes=1): 1}

    def left() -> set[str]:
        day = timedelta(days=1)
        found = set()
        for name, secret in (("mine", mine), ("also mine", also_mine), ("theirs", theirs)):
            try:
                verbs.do(sessions.signed_in, secret, now, idle=day, max_age=day)
            except AppError:
                continue
            found.add(name)
        return found

    verbs.do(sessions.end_sessions, vera.id, but=mine)
    assert left() == {"mine", "theirs"}
    verbs.do(sessions.sign_out, mine)
    assert left() == {"theirs"}


def test_tokens_of_one_program(verbs: StaffVerbs) -> None:
    now = verbs.time.at
    with verbs.database.begin() as session:
        for client in ("one", "other"):
            session.add(OAuthClient(id=client, organisation_id=None, name=client, scopes=[], created_at=now))
            session.flush()
            credentials.add_secret(session, verbs.keys, client, now)
            for token in ("a", "b"):
                session.add(
                    AccessToken(
                        id=oauth_clients._token_id(f"{client}-{token}"), client_id=client, scopes=[],
                        expires_at=now + timedelta(hours=1),
                    )
                )  # fmt: skip

    def left() -> Counter[str]:
        with verbs.database.begin(write=False) as session:
            return Counter(session.scalars(sa.select(AccessToken.client_id)))

    verbs.do(oauth_clients.revoke, "one", "other-a")
    verbs.do(oauth_clients.revoke, "one", "unknown")
    assert left() == {"one": 2, "other": 2}
    verbs.do(oauth_clients.revoke, "one", "one-a")
    assert left() == {"one": 1, "other": 2}
    verbs.do(credentials.end, "other", 1, now)
    assert left() == {"one": 1}


def test_what_belongs_to_one_case(verbs: StaffVerbs) -> None:
    now, desk = verbs.time.at, verbs.desk()
    labels = [verbs.file(how_soon="today")[0] for _case in range(5)]
    one, other, third, *pair = (verbs.case(label).id for label in labels)
    offer = OfferedTimes((now + timedelta(days=1),), "phone")
    for label in labels[:2]:
        verbs.do(appointment_offers.offer_at_desk, desk, label, offer, "t")
    with verbs.database.begin() as session:
        for case in (one, other):
            session.add(EmergencyAlert(case_id=case, step=0, due_at=now + timedelta(hours=1), told=[], was_taken=False))
            session.add(
                TelegramLink(
                    case_id=case, token_mac=case.bytes * 2, may_say_who=False, good_hours=[], zone="UTC", language="ru",
                    expires_at=now + timedelta(hours=1 if case == one else 2),
                )
            )  # fmt: skip
        ours, theirs = uuid4(), uuid4()
        for case, household in ((one, ours), (other, ours), (third, ours), (pair[0], theirs), (pair[1], theirs)):
            session.add(HouseholdMember(case_id=case, household_id=household, joined_at=now))
    verbs.do(emergency_alerts.hurry, [one], now)
    verbs.do(sealed_parts.destroy_part, one, PartKind.CONTACT)
    verbs.do(households.forget, one)
    assert verbs.do(appointment_offers.expire, one, now=now + timedelta(days=1, hours=2))
    with verbs.database.begin(write=False) as session:
        assert dict(session.execute(sa.select(EmergencyAlert.case_id, EmergencyAlert.due_at)).all()) == {
            one: now, other: now + timedelta(hours=1),
        }  # fmt: skip
        contacts = session.scalars(sa.select(SealedPart.case_id).where(SealedPart.part == "contact")).all()
        assert set(contacts) == {other, third, *pair}
        assert set(session.scalars(sa.select(HouseholdMember.case_id))) == {other, third, *pair}
        assert dict(session.execute(sa.select(Appointment.case_id, Appointment.state)).all()) == {
            one: "expired", other: "open",
        }  # fmt: skip
        assert telegram_links.waits_until(session, one, now) == now + timedelta(hours=1)
        assert telegram_links.waits_until(session, other, now) == now + timedelta(hours=2)
        assert telegram_links.waits_until(session, third, now) is None


def test_what_belongs_to_one_referral(verbs: StaffVerbs) -> None:
    now, desk = verbs.time.at, verbs.desk()
    labels = [verbs.file(consent=AGREED)[0] for _case in range(2)]
    referrals = [verbs.refer(label) for label in labels]
    made = [NewLink(uuid4(), f"token-{number}", "code", bytes(32)) for number in range(2)]
    for label, referral, new in zip(labels, referrals, made, strict=True):
        assert verbs.do(centre_contacts.was_told, referral.id) is False
        verbs.do(by_link.send, desk, label, referral.label, referral.version, new, by_mail=False)
        verbs.change(ReferralLink, ReferralLink.id == new.id, token=verbs.keys.encrypt(
            new.token.encode(), *links._epoch_binding(new.id, "token")
        ))  # fmt: skip
        verbs.change(
            centre_contacts.CentreContact, centre_contacts.CentreContact.referral_id == referrals[1].id,
            referral_id=referrals[0].id,
        )  # fmt: skip
    assert [verbs.do(centre_contacts.was_told, one.id) for one in referrals] == [True, False]
    mails = [verbs.do(by_link.mail_of, verbs.keys, one.id, now) for one in referrals]
    assert [mail and mail.label for mail in mails] in ([one.label for one in referrals], [None, None])
    verbs.do(links.drop_token, made[0].id)
    with verbs.database.begin(write=False) as session:
        kept = session.scalars(sa.select(ReferralLink.id).where(ReferralLink.token.is_not(None))).all()
    assert kept == [made[1].id]
    both = [accepted(verbs, verbs.file()[0]) for _case in range(2)]
    with verbs.database.begin() as session:
        for referral in both:
            case = session.get_one(referral_actions.Referral, referral).case_id
            session.add(unread_messages.UnreadMessage(referral_id=referral, case_id=case, author="desk", due_at=None))
        session.flush()
        session.execute(
            sa.delete(unread_messages.UnreadMessage).where(unread_messages.UnreadMessage.referral_id == both[1])
        )
        assert unread_messages._other_is_due(session, both[0])
        assert not unread_messages._other_is_due(session, both[1])


def test_messages_that_nobody_got_are_about_their_own_referrals(verbs: StaffVerbs) -> None:
    now, own = verbs.time.at, named_id("organisation", ONE)
    referrals = [verbs.refer(verbs.file()[0], LEGAL) for _case in range(2)]
    with verbs.database.begin() as session:
        session.execute(sa.delete(OutboxMessage))
        for referral in referrals:
            outbox.queue(session, NoticeKind.REFERRAL_OFFERED, about_id=referral.id, organisation_id=own, now=now)
        ids = {row.about_id: row.id for row in session.scalars(sa.select(OutboxMessage))}
        first = ids[referrals[0].id]
        assert outbox.about(session, [first]) == {referrals[0].id}
        undelivered_notices.ask_to_tell(session, [first], now)
        told = session.scalars(sa.select(Task.referral_id).where(Task.kind == TaskKind.TELL_CENTRE.value)).all()
    assert told == [referrals[0].id]


def test_windows_of_one_team(verbs: StaffVerbs) -> None:
    now, team, me = verbs.time.at, verbs.desk().team_id, verbs.member("vera").member_id
    one, other, theirs = (uuid4() for _window in range(3))
    with verbs.database.begin() as session:
        for window, owner in ((one, team), (other, team), (theirs, verbs.desk("outsider").team_id)):
            session.add(
                CallbackWindow(
                    id=window, team_id=owner, starts_at=now + timedelta(days=1), hours=1, places=2, taken=0,
                    is_closed=False,
                )
            )  # fmt: skip
    assert verbs.do(callback_windows.take, one)
    assert verbs.refused(callback_windows.close, team, theirs, by=me, now=now).status == 404
    verbs.do(callback_windows.close, team, one, by=me, now=now)
    with verbs.database.begin(write=False) as session:
        rows = {row.id: (row.taken, row.is_closed) for row in session.scalars(sa.select(CallbackWindow))}
    assert rows == {one: (1, True), other: (0, False), theirs: (0, False)}


def test_teams_their_keys_and_their_rotas(verbs: StaffVerbs) -> None:
    now, (poland, georgia) = verbs.time.at, (verbs.desk().team_id, verbs.desk("outsider").team_id)
    assert verbs.do(team_keys.team_by_slug, "pl") == poland
    assert verbs.do(team_keys.team_by_slug, "ge") == georgia
    assert verbs.refused(team_setup.check, "pl", ["LT"]).status == 409
    verbs.do(team_setup.check, "lt", ["LT"])
    vera, pavel = verbs.member("vera").member_id, verbs.member("pavel").member_id
    with verbs.database.begin() as session:
        shift = rota.Shift(
            frozenset({0}), rota.parsed_time("9:00", "/x"), rota.parsed_time("17:00", "/x"), (vera, pavel)
        )
        rota.save(session, poland, [shift], zone="UTC", by=vera, version=0, now=now)
        rota.remove(session, poland, vera, now)
        assert session.get_one(TeamRota, poland).shifts[0]["members"] == [str(pavel)]
    labels = [verbs.file()[0] for _case in range(2)]
    with verbs.database.begin() as session:
        row, seed = recovery.create_key(session, now)
        for team in (poland, georgia):
            key = keyholders.active_key(session, team)
            assert key is not None
            keyholders.grant(session, key, bytes(32), row)
    named = [verbs.member(name).member_id for name in ("sofia", "pavel")]
    for label in labels:
        verbs.do(restrictions.restrict, verbs.desk("sofia"), label, verbs.case(label).version, named)
        assert verbs.do(restriction.recover, seed, label, "pavel", now) == 0
        assert verbs.refused(restriction.recover, seed, label, "outsider", now).status == 404
        assert verbs.do(restriction.recover, seed, label, "vera", now) == 1
        assert verbs.do(restriction.recover, seed, label, "vera", now) == 0
    verbs.do(restriction.end_key, verbs.case(labels[0]).id)
    with verbs.database.begin(write=False) as session:
        of_cases = sa.select(SealingKey.case_id).where(SealingKey.case_id.is_not(None), SealingKey.active)
        assert session.scalars(of_cases).all() == [verbs.case(labels[1]).id]


def test_the_sheet_and_the_renewed_conversations_are_of_one_referral(verbs: StaffVerbs) -> None:
    now, desk, own = verbs.time.at, verbs.desk(), named_id("organisation", ONE)
    by_hand_ones = [verbs.refer(verbs.file(consent=AGREED)[0]) for _case in range(2)]
    for referral in by_hand_ones:
        assert verbs.do(by_hand.open_sheet_of, desk, referral.label).row.label == referral.label
    held, labels = verbs.do(desk.member.keys_of), [verbs.file()[0] for _case in range(2)]
    referrals = {label: verbs.refer(label, LEGAL) for label in labels}
    theirs = verbs.refer(verbs.file(consent={"mode": "named", "organisations": [TWO]})[0], f"{TWO}/legal-help")
    for label, referral in referrals.items():
        verbs.do(referral_threads.write_at_desk, desk, label, referral.label, "hello", "form")
    assert theirs.organisation_id != own
    with verbs.database.begin() as session:
        present = keyholders.active_key(session, own)
        assert present is not None
        assert threads.outdated_referrals(session, present, held, 9) == []
        new = keyholders.register(session, OwnerKind.ORGANISATION, own, KeyPair.generate().public, now)
        expected = sorted((referral.id, desk.team_id) for referral in referrals.values())
        assert sorted(threads.outdated_referrals(session, new, held, 9)) == expected
        assert threads.outdated_referrals(session, new, [uuid4()], 9) == []
        first = min(one for one, _team in expected)
        assert [one for one, _team in threads.outdated_referrals(session, new, held, 9, first)] == [
            max(one for one, _team in expected)
        ]
        other = keyholders.register(
            session, OwnerKind.ORGANISATION, theirs.organisation_id, KeyPair.generate().public, now
        )
        assert threads.outdated_referrals(session, other, held, 9) == [], "no conversation with them"


def test_refusals_are_counted_for_one_service(verbs: StaffVerbs) -> None:
    since, services = verbs.time.at - timedelta(days=1), (LEGAL, f"{TWO}/legal-help")
    for service in services:
        for _case in range(queries.REFUSALS_FOR_REVIEW):
            consent = {"mode": "named", "organisations": [service.split("/")[0]]}
            verbs.refer(verbs.file(consent=consent)[0], service)
    declined = {"state": "declined", "reason": "out_of_scope", "expires_at": None}
    verbs.change(referral_actions.Referral, sa.true(), **declined)
    with verbs.database.begin(write=False) as session:
        assert {one.service for one in queries.refused_services(session, since)} == set(services)
        for service in services:
            (only,) = queries.refused_services(session, since, named_id("service", service))
            assert (only.service, only.times) == (service, queries.REFUSALS_FOR_REVIEW)
    for service in services:
        assert verbs.do(refusal_proposals.file, named_id("service", service), "out_of_scope", verbs.time.at)
        assert not verbs.do(refusal_proposals.file, named_id("service", service), "out_of_scope", verbs.time.at)
    verbs.change(
        refusal_proposals.RefusalProposal,
        refusal_proposals.RefusalProposal.service_id == named_id("service", LEGAL),
        state="rejected", decided_at=verbs.time.at, decided_by=verbs.member("vera").member_id,
    )  # fmt: skip
    still = [verbs.do(refusal_proposals.is_any_open, named_id("service", service)) for service in services]
    assert still == [False, True]
    one = referral_actions.Referral.service_id == named_id("service", LEGAL)
    with verbs.database.begin() as session:
        last = session.scalars(sa.select(referral_actions.Referral.id).where(one).limit(1)).one()
    verbs.change(referral_actions.Referral, referral_actions.Referral.id == last, reason="conflict")
    with verbs.database.begin(write=False) as session:
        assert [one.service for one in queries.refused_services(session, since)] == [services[1]]


def test_the_log_is_verified_and_placed_to_its_end(verbs: StaffVerbs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page by page: also what lies beyond the first."""
    _log_of_ten(verbs, monkeypatch)


def test_the_log_of_postgresql_too(postgres_verbs: StaffVerbs, monkeypatch: pytest.MonkeyPatch) -> None:
    _log_of_ten(postgres_verbs, monkeypatch)


def _log_of_ten(verbs: StaffVerbs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "_PAGE", 3)
    monkeypatch.setattr(audit_log.place, "__defaults__", (3,))
    audit_log.place_all(verbs.database)
    with verbs.database.begin(write=False) as session:
        before = audit_log.examine(session).placed
    for _entry in range(10):
        verbs.do(audit_log.record_by_person, uuid4(), "case:looked", verbs.time.at)
    waiting = verbs.database.dialect == "postgresql"
    assert audit_log.place_all(verbs.database) == (10 if waiting else 0)
    with verbs.database.begin(write=False) as session:
        found = audit_log.examine(session)
        assert (found.broken, found.placed, found.waiting) == (None, before + 10, 0)
        last = session.scalar(sa.select(sa.func.max(AuditEntry.seq)))
    verbs.change(AuditEntry, AuditEntry.seq == last, action="case:never")
    with verbs.database.begin(write=False) as session:
        assert audit_log.verify(session) == audit_log.ChainBreak(last, "changed")


def test_a_case_is_kept_from_its_own_last_move(verbs: StaffVerbs) -> None:
    now, labels = verbs.time.at, [verbs.file()[0] for _case in range(2)]
    one, other = (verbs.case(label).id for label in labels)
    later = now + timedelta(days=9)
    verbs.change(CaseEvent, CaseEvent.case_id == other, at=later)
    periods = RetentionPeriods(unmet=timedelta(days=90))
    with verbs.database.begin(write=False) as session:
        for case, since in ((one, now), (other, later)):
            times = deletion_times(session, session.get_one(Case, case), periods)
            assert times.contact == times.all == since.replace(minute=0, second=0) + timedelta(days=90)
    verbs.change(Case, Case.id == one, state="advised", closed_at=now)
    for contact, rest in ((30, 90), (90, 30)):
        with verbs.database.begin(write=False) as session:
            kept = RetentionPeriods(contact=timedelta(days=contact), rest=timedelta(days=rest))
            times = deletion_times(session, session.get_one(Case, one), kept)
        assert (times.contact, times.all) == (now + timedelta(days=contact), now + timedelta(days=90))


def test_an_endpoint_counts_as_not_reached_for_seven_days(verbs: StaffVerbs) -> None:
    now, owner = verbs.time.at, webhooks.Owner(named_id("organisation", ONE), "program")
    other = webhooks.Owner(named_id("organisation", TWO), "program")
    ids = [
        verbs.do(webhooks.add, verbs.keys, one, "https://example.org/", ["referral.offered"], "v1", now)[0].id
        for one in (owner, other)
    ]
    delivery = WebhookDelivery(
        id=uuid4(), endpoint_id=ids[0], event_id=uuid4(), type="test", happened_at=now, state="dead", attempts=5,
        created_at=now,
    )  # fmt: skip
    verbs.do(lambda session: session.add(delivery))

    def not_reached(after: timedelta) -> list[str]:
        found: list[str] = verbs.do(status._not_reached, now + after)
        return found

    assert len(not_reached(timedelta(0))) == len(not_reached(status.GIVEN_UP_SHOWN)) == 1
    assert not_reached(status.GIVEN_UP_SHOWN + timedelta(seconds=1)) == []
    verbs.change(WebhookEndpoint, WebhookEndpoint.id == ids[1], state="gone")
    assert len(not_reached(timedelta(days=99))) == 1


def test_who_declined_for_a_conflict_is_not_asked_again_and_who_was_not_agreed_to_not_at_all(verbs: StaffVerbs) -> None:
    (label, _r), (other, _r2) = verbs.file(), verbs.file()
    referral, now = verbs.refer(label, LEGAL), verbs.time.at
    by = ActorRef(ReferralActor.PARTNER, verbs.member("partner").member_id, named_id("organisation", ONE))
    declined = TransitionInput(reason="conflict")
    verbs.do(referral_actions.advance, referral.id, ReferralVerb.DECLINE, by=by, now=now, payload=declined)
    verbs.do(lambda session: session.execute(sa.delete(Exclusion)))
    verbs.do(lambda session: session.execute(sa.delete(ConflictEntry)))
    with verbs.database.begin() as session:
        found = session.get_one(Organisation, named_id("organisation", ONE))
        with pytest.raises(AppError, match="not available for this case"):
            preconditions.check_may_be_asked(session, verbs.case(label).id, found, now)
        preconditions.check_may_be_asked(session, verbs.case(other).id, found, now)

    label, _receipt = verbs.file(consent={"mode": "named", "organisations": [TWO]})
    agreed = verbs.refer(label, f"{TWO}/legal-help")
    with verbs.database.begin() as session:
        row, case = session.get_one(referral_actions.Referral, agreed.id), session.get_one(Case, agreed.case_id)
        preconditions._consent(session, row, case, now)
        session.add(Exclusion(case_id=case.id, organisation_id=agreed.organisation_id))
        session.flush()
        with pytest.raises(AppError, match="has not agreed"):
            preconditions._consent(session, row, case, now)
        session.execute(sa.delete(Exclusion))
        preconditions._consent(session, row, case, now)
        sealed_parts.destroy_wraps(session, case.id, [agreed.organisation_id])
        with pytest.raises(AppError, match="has not agreed"):
            preconditions._consent(session, row, case, now)


def test_a_shared_computer_forgets_the_expired_sign_in_of_one_member(verbs: StaffVerbs) -> None:
    vera, pavel, now = verbs.member("vera").member_id, verbs.member("pavel").member_id, verbs.time.at
    secret = verbs.do(known_browsers.remember, verbs.keys, vera, None, now)
    later = now + known_browsers.KNOWN_FOR
    assert verbs.do(known_browsers.remember, verbs.keys, pavel, secret, later - timedelta(days=1)) == secret
    assert verbs.do(known_browsers.remember, verbs.keys, vera, secret, later) == secret
    with verbs.database.begin(write=False) as session:
        assert known_browsers.is_known(session, verbs.keys, vera, secret, later)
        assert known_browsers.is_known(session, verbs.keys, pavel, secret, later)


def test_closing_the_sandbox_ends_no_other_program(verbs: StaffVerbs) -> None:
    own = named_id("organisation", ONE)
    verbs.do(
        oauth_clients.add_client, verbs.keys, "ours", "Ours", ["referrals:read"], verbs.time.at, organisation_id=own
    )
    verbs.do(sandbox._found, verbs.keys, verbs.time.at)
    verbs.do(sandbox_identity.close)
    with verbs.database.begin(write=False) as session:
        assert not sandbox_identity.is_open(session)
        assert session.get_one(OAuthClient, "ours").active


def test_the_sandbox_is_no_team_of_the_network(database: Database) -> None:
    with database.begin() as session:
        assert not recovery.has_team(session)
        session.add(Team(id=sandbox_identity.TEAM_ID, slug="sandbox", name="Sandbox", created_at=START))
        session.flush()
        assert not recovery.has_team(session)
        session.add(Team(id=uuid4(), slug="another", name="Another", created_at=START))
        session.flush()
        assert recovery.has_team(session)


def test_the_search_names_the_cases_that_a_member_has_in_this_team(verbs: StaffVerbs) -> None:
    (label, _r), (elsewhere, _r2) = verbs.file(), verbs.file()
    desk, vera = verbs.desk(), verbs.member("vera")
    with verbs.database.begin(write=False) as session:
        another = session.scalars(sa.select(Member.team_id).where(Member.team_id.not_in([desk.team_id]))).first()
    for one, team_id in ((label, desk.team_id), (elsewhere, another)):
        verbs.change(Case, Case.label == one, owner_id=vera.member_id, owner_name="vera", team_id=team_id)
    with verbs.database.begin(write=False) as session:
        assert search.find(session, desk, load_packs(), "vera").held == {vera.member_id: [label]}
