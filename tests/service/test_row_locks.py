"""On PostgreSQL: who reads a row in order to change it has it alone from then on, and a worker waits for no other's row.

Each act is tried in a transaction of its own, which is rolled back; what it would refuse later does not matter.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from webauthn.helpers import bytes_to_base64url

from app.cases import callback_windows, emergency_alerts, rewrapping, team_cases, transitions
from app.cases.appointments import Appointment, OfferedTimes
from app.cases.callback_windows import CallbackWindow
from app.cases.models import Case, CaseWrap, EmergencyAlert
from app.cases.states import CaseVerb
from app.casework import (
    appointment_offers,
    by_link,
    country_moves,
    referral_threads,
    shown_codes,
)
from app.core import keyholders, kill_switch
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.sealing import KeyPair
from app.directory import availability, edits
from app.directory.edit_states import EditVerb
from app.directory.edits import Editor
from app.directory.models import DirectoryEdit, RuleSet, ServicePause
from app.directory.packs import load_packs
from app.directory.rule_sets import RuleProposal
from app.links import service as links
from app.links.models import ShownCode
from app.links.service import NewLink
from app.matching import publication, service_history
from app.matching.publication import RuleSetVerb
from app.messaging import address_marks, broken_ways, member_settings, outbox, recipients, telegram_links
from app.messaging.kinds import NoticeKind
from app.messaging.member_settings import MemberSettings
from app.messaging.models import MemberNotices, OutboxMessage, PartnerNotices, PersonNotices, TelegramLink
from app.messaging.recipients import NoticeSettings
from app.operations import heartbeats, problem_notices, rotation, team_keys
from app.operations.encrypted_columns import ENCRYPTED_COLUMNS
from app.partners import credentials
from app.partners.models import OAuthClient
from app.privacy import service as privacy
from app.referrals import queries, refusal_proposals, threads
from app.referrals.refusal_proposals import RefusalProposal
from app.reporting import kept_figures
from app.sandbox import service as sandbox
from app.staff import invitations, known_browsers, members, passkeys, proposals, rota, sessions
from app.staff import service as staff
from app.staff.known_browsers import KnownBrowser
from app.staff.models import Member, TeamRota
from app.staff.passkeys import Passkey, RelyingParty
from app.staff.proposal_rules import ProposalKind
from app.staff.proposal_states import ProposalVerb
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.service import TaskKind
from app.webhooks import delivery as webhook_delivery
from app.webhooks import service as webhooks
from app.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.support.desk import ONE, PASSPHRASE, TWO
from tests.support.races import holds_advisory_lock, locked_rows, passes_over
from tests.support.verbs import AGREED, SITE, StaffVerbs

HOST = SITE.rpartition("/")[2]
SERVICE, OTHER_SERVICE = f"{ONE}/legal-help", f"{TWO}/legal-help"
Act = Callable[[Session], object]


@pytest.fixture
def verbs(postgres_verbs: StaffVerbs) -> StaffVerbs:
    return postgres_verbs


def one_by_one(verbs: StaffVerbs, acts: dict[str, tuple[Any, Act]]) -> None:
    """Each act locks a row of its table. Of what is found all is said at once."""
    free = [name for name, (table, act) in acts.items() if not locked_rows(verbs.database, table.__tablename__, act)]
    assert free == [], "others can change what these have read"


def waits_for_none(verbs: StaffVerbs, acts: dict[str, tuple[Any, Act]]) -> None:
    """Each act finds nothing while somebody else holds the rows of its table, and finds them afterwards."""
    for name, (table, act) in acts.items():
        assert not passes_over(verbs.database, table.__tablename__, act), name
        with verbs.database.begin() as session:
            assert act(session), name
            session.rollback()


def test_cases_and_what_belongs_to_them(verbs: StaffVerbs) -> None:
    now, desk, own = verbs.time.at, verbs.desk(), named_id("organisation", ONE)
    (label, receipt), (other, _r) = verbs.file(), verbs.file()
    emergency = verbs.case(verbs.file(how_soon="today")[0]).id
    case_id, referral = verbs.case(label).id, verbs.refer(label, SERVICE)
    verbs.do(appointment_offers.offer_at_desk, desk, label, OfferedTimes((now + timedelta(days=1),), "phone"), "t")
    verbs.do(country_moves.ask, desk, load_packs(), other, verbs.case(other).version, "GE")
    verbs.do(referral_threads.write_at_desk, desk, label, referral.label, "hello", "form")
    verbs.change(Case, Case.label == other, merged_into_id=case_id)
    window, document, ticket_id = uuid4(), uuid4(), bytes(32)
    with verbs.database.begin() as session:
        session.add(
            CallbackWindow(
                id=window, team_id=desk.team_id, starts_at=now + timedelta(days=1), hours=1, places=1, taken=0,
                is_closed=False,
            )
        )  # fmt: skip
        session.add(
            ShownCode(
                case_id=case_id, look_up_id=ticket_id, sealed_key=b"x", expires_at=now + timedelta(days=1),
                openings_left=1, with_documents=True,
            )
        )  # fmt: skip
        assert emergency_alerts.start(session, emergency, told=[], due_at=now)
        appointment = session.scalars(sa.select(Appointment.id)).one()
        new = keyholders.register(session, OwnerKind.ORGANISATION, own, KeyPair.generate().public, now)
    content = {
        "until": (now + timedelta(hours=1)).isoformat(),
        "look_up_id": ticket_id.hex(),
        "keys": {document.hex: "00"},
    }
    ticket = urlsafe_b64encode(verbs.keys.encrypt(json.dumps(content).encode(), *shown_codes._TICKET)).decode()
    typed = shown_codes.TypedCode("code", [ticket_id])
    me = desk.member.member_id

    def merged(session: Session) -> None:
        case = session.get_one(Case, case_id)
        transitions._move_merged_cases(session, case, CaseVerb.HELP, actor_kind="clock", actor_id=None, now=now)

    def conversation(session: Session) -> None:
        threads.move_to(session, verbs.keys, case_id, {}, uuid4(), new)

    one_by_one(
        verbs,
        {
            "transitions.locked": (Case, lambda session: transitions.locked(session, case_id)),
            "team_cases.by_label": (Case, lambda session: team_cases.by_label(session, desk.team_id, label, me=me, lock=True)),
            "open_by_receipt": (Case, lambda session: verbs.opened(session, receipt)),
            "_move_merged_cases": (Case, merged),
            "rewrap": (Case, lambda session: rewrapping.rewrap(session, verbs.keys, case_id, new, {})),
            "rewrap_opened": (Case, lambda session: rewrapping.rewrap_opened(session, verbs.keys, case_id, bytes(32))),
            "queries.locked": (Case, lambda session: queries.locked(session, referral.id)),
            "queries.locked, the referral": (type(referral), lambda session: queries.locked(session, referral.id)),
            "lock_live_referrals": (type(referral), lambda session: queries.lock_live_referrals(session, case_id)),
            "claim_due": (Case, lambda session: queries.claim_due(session, referral.id, now + timedelta(days=99))),
            "of_case": (
                type(referral),
                lambda session: referral_threads.of_case(session, desk, label, referral.label, lock=True),
            ),
            "reseal_opened": (
                threads.ReferralMessageWrap,
                lambda session: threads.reseal_opened(session, verbs.keys, referral.id, {}),
            ),
            "move_to": (threads.ReferralMessageWrap, conversation),
            "an appointment": (
                Appointment, lambda session: appointment_offers._locked(session, case_id, appointment),
            ),
            "a question to move": (
                country_moves.CaseMove,
                lambda session: country_moves._open_question(session, verbs.case(other).id, lock=True),
            ),
            "open_pages": (
                ShownCode, lambda session: shown_codes.open_pages(session, verbs.keys, ticket, document, 1, now),
            ),
            "a shown code": (ShownCode, lambda session: shown_codes._row(session, typed, now, lock=True)),
            "a callback window": (
                CallbackWindow,
                lambda session: callback_windows.close(session, desk.team_id, window, by=me, now=now),
            ),
            "an alert": (EmergencyAlert, lambda session: emergency_alerts.claim(session, emergency, now)),
        },
    )  # fmt: skip
    waits_for_none(
        verbs,
        {
            "an alert": (EmergencyAlert, lambda session: emergency_alerts.claim(session, emergency, now)),
            "claim_due": (Case, lambda session: queries.claim_due(session, referral.id, now + timedelta(days=99))),
        },
    )
    verbs.change(Case, Case.id == case_id, receipt_id=receipt.former_look_up_ids(verbs.keys)[0])
    one_by_one(verbs, {"a former number": (Case, lambda session: verbs.opened(session, receipt, lock=False))})
    verbs.change(Case, Case.label == other, forget_at=now, state="advised", closed_at=now - timedelta(days=999))
    forget = partial(privacy.forget_due, now=now, limit=5)
    one_by_one(verbs, {"forget_due": (Case, forget)})
    waits_for_none(verbs, {"forget_due": (Case, forget)})


def test_links(verbs: StaffVerbs) -> None:
    label, _receipt = verbs.file(consent=AGREED)
    referral, now = verbs.refer(label), verbs.time.at
    made = NewLink(uuid4(), "token", "code", bytes(32))
    verbs.do(by_link.send, verbs.desk(), label, referral.label, referral.version, made, by_mail=False)

    def found(session: Session) -> object:
        return by_link._locked(session, links.by_token(session, "token", now), now)

    one_by_one(
        verbs,
        {
            "links.locked": (links.ReferralLink, lambda session: links.locked(session, made.id, now)),
            "the link with its referral": (type(referral), found),
            "the link with its case": (Case, found),
        },
    )
    assert verbs.do(links.end, referral.id, "revoked", now)
    assert verbs.do(links.locked, made.id, now) is None


def test_members_and_their_keys(verbs: StaffVerbs) -> None:
    now, vera, team = verbs.time.at, verbs.member("vera"), verbs.desk().team_id
    site = RelyingParty(HOST, SITE)
    seed = staff.seal_seed(verbs.keys, vera.member_id, PASSPHRASE)
    with verbs.database.begin() as session:
        row = session.get_one(Member, vera.member_id)
        secret = sessions.start(session, row, bytes(32), now)
        code = invitations.invite_back(session, verbs.keys, row, by=None, now=now)
        rota.save(session, team, [], zone="UTC", by=vera.member_id, version=0, now=now)
        session.add(
            Passkey(
                member_id=vera.member_id,
                credential_id=b"c" * 16,
                public_key=b"k",
                sign_count=0,
                label="x",
                created_at=now,
            )
        )
        browser = known_browsers.remember(session, verbs.keys, vera.member_id, None, now)
        salt = row.salt
    tried = staff.SignInAttempt(vera.member_id, salt, b"")
    client_data = {
        "type": "webauthn.get",
        "challenge": passkeys.challenge(verbs.keys, "form", now),
        "origin": site.origin,
    }
    answer = json.dumps(
        {
            "id": bytes_to_base64url(b"c" * 16),
            "rawId": bytes_to_base64url(b"c" * 16),
            "type": "public-key",
            "response": {"clientDataJSON": bytes_to_base64url(json.dumps(client_data).encode())},
        }
    )
    second = staff.SecondFactor(code="000000")
    one_by_one(
        verbs,
        {
            "members.lock": (Member, lambda session: members.lock(session, vera.member_id)),
            "change_passphrase": (
                Member,
                lambda session: staff.change_passphrase(session, verbs.keys, tried, seed, now, keep_session=None),
            ),
            "change_totp": (
                Member,
                lambda session: staff.change_totp(session, verbs.keys, vera.member_id, "A" * 32, now, keep_session=None),
            ),
            "complete_sign_in": (
                Member, lambda session: staff.complete_sign_in(session, verbs.keys, tried, None, second, now),
            ),
            "a member who returns": (
                Member,
                lambda session: invitations._renewed(session, verbs.keys, vera.member_id, seed, "A" * 32, now),
            ),
            "an invitation": (
                invitations.Invitation, lambda session: invitations.find(session, verbs.keys, code, now, lock=True),
            ),
            "sessions.renew": (sessions.StaffSession, lambda session: sessions.renew(session, secret)),
            "rota.save": (
                TeamRota,
                lambda session: rota.save(session, team, [], zone="UTC", by=vera.member_id, version=9, now=now),
            ),
            "rota.remove": (TeamRota, lambda session: rota.remove(session, team, vera.member_id, now)),
            "a known browser": (
                KnownBrowser,
                lambda session: known_browsers.known_browser(session, verbs.keys, vera.member_id, browser, now),
            ),
            "a passkey": (Passkey, lambda session: passkeys.check(session, verbs.keys, site, answer, "form", now)),
        },
    )  # fmt: skip


def test_proposals(verbs: StaffVerbs) -> None:
    now, own = verbs.time.at, named_id("organisation", ONE)
    subject = proposals.ProposalSubject(organisation_id=own)
    made = verbs.do(
        proposals.propose, verbs.member("admin"), ProposalKind.ORGANISATION_KEY, {"organisation": ONE}, now, subject
    )
    admin, table = verbs.member("admin"), proposals.Proposal

    def carry_out(session: Session) -> None:
        proposals.carry_out(session, admin, made.id, ProposalKind.ORGANISATION_KEY, now)

    def expire(session: Session) -> int:
        return proposals.expire(session, now + timedelta(days=99))

    one_by_one(
        verbs,
        {
            "decide": (table, lambda session: proposals.decide(session, admin, made.id, ProposalVerb.WITHDRAW, now)),
            "carry_out": (table, carry_out),
            "the organisation of a first key": (availability.Organisation, carry_out),
            "end": (table, lambda session: proposals.end(session, now, table.id == made.id)),
            "expire": (table, expire),
        },
    )
    waits_for_none(verbs, {"expire": (table, expire)})


def test_the_directory_and_its_rules(verbs: StaffVerbs) -> None:
    now, packs, by = verbs.time.at, load_packs(), Editor(verbs.member("vera").member_id, "desk")
    until, service = now.date() + timedelta(days=3), named_id("service", SERVICE)
    paused = partial(availability.pause_service, key=SERVICE, until=until, by=by, now=now)
    verbs.do(paused)
    edit = verbs.do(edits.propose, packs, ONE, "phone", "+48 111 222 333", by=by, now=now).id
    filed, ruled = uuid4(), uuid4()
    with verbs.database.begin() as session:
        session.add(
            RefusalProposal(
                id=filed, service_id=service, reason="out_of_area", times=3, by_need={}, state="open", filed_at=now
            )
        )
        session.add(RuleSet(digest="d" * 64, content={}, loaded_at=now))
        session.flush()
        session.add(
            RuleProposal(
                id=ruled, digest="d" * 64, changed=[], why="x", effective_on=now.date(), state="proposed",
                proposed_by=by.member_id, proposed_at=now,
            )
        )  # fmt: skip

    def decide(session: Session) -> None:
        publication.decide(session, packs, ruled, RuleSetVerb.WITHDRAW, by=by.member_id, now=now)

    table = availability.ServiceRow
    one_by_one(
        verbs,
        {
            "a service": (table, lambda session: availability._service(session, SERVICE)),
            "its pause": (ServicePause, paused),
            "no_free_place": (
                table, lambda session: availability.no_free_place(session, service, ["asylum"], until, now),
            ),
            "an organisation": (
                availability.Organisation,
                lambda session: availability.pause_organisation(session, ONE, until, by=by, now=now),
            ),
            "an edit": (DirectoryEdit, lambda session: edits._taken(session, edit, EditVerb.WITHDRAW, by)),
            "a filed proposal": (RefusalProposal, lambda session: refusal_proposals.locked(session, filed)),
            "a set of rules": (RuleProposal, decide),
        },
    )  # fmt: skip
    taking_turns: dict[str, tuple[int, Act]] = {
        "an edit that is put forward": (
            edits._LOCK,
            lambda session: edits._put_forward(session, ONE, "email", {"value": ""}, {"value": "x"}, by, now),
        ),
        "an edit that is taken": (edits._LOCK, lambda session: edits._taken(session, edit, EditVerb.WITHDRAW, by)),
        "edits of one proposal": (edits._LOCK, lambda session: edits._proposed_together(session, edit)),
        "a set of rules": (publication._LOCK, decide),
        "a turn": (
            service_history.ROTATION,
            lambda session: service_history.record_turn(session, [SERVICE, OTHER_SERVICE], SERVICE),
        ),
        "a weight": (service_history.ROTATION, lambda session: service_history.set_weight(session, service, 2)),
        "figures": (kept_figures._LOCK, kept_figures.settle),
        "the sandbox": (
            sandbox._LOCK,
            lambda session: sandbox.refill(session, keys=verbs.keys, directory=packs, now=now),
        ),
        "deactivations": (
            members._LOCK,
            lambda session: members.deactivate(session, verbs.member("admin"), verbs.member("pavel").member_id, now),
        ),
    }
    open_ = [
        name for name, (number, act) in taking_turns.items() if not holds_advisory_lock(verbs.database, number, act)
    ]
    assert open_ == [], "two of these can happen at once"


def test_notices_and_their_addresses(verbs: StaffVerbs) -> None:
    now, vera, own = verbs.time.at, verbs.member("vera").member_id, named_id("organisation", ONE)
    label, _receipt = verbs.file()
    case_id = verbs.case(label).id
    with verbs.database.begin() as session:
        recipients.save_notice_settings(
            session, verbs.keys, own, NoticeSettings("one@example.org"), zone="Europe/Warsaw", version=0, now=now
        )
        member_settings.save(session, verbs.keys, vera, MemberSettings("vera@example.org"), version=0, now=now)
        session.add(PersonNotices(case_id=case_id, zone="Europe/Warsaw", language="ru", how=b"x"))
        macs = verbs.keys.macs("telegram-link", b"token")
        session.add(
            TelegramLink(
                case_id=case_id, token_mac=macs[0], may_say_who=False, good_hours=[], zone="UTC", language="ru",
                expires_at=now + timedelta(hours=1),
            )
        )  # fmt: skip
        heartbeats.record(session, heartbeats.PROBLEMS, now, told={})
        outbox.queue(session, NoticeKind.REFERRAL_OFFERED, about_id=uuid4(), organisation_id=own, now=now, at_once=True)
        outbox.queue(session, NoticeKind.REFERRAL_OFFERED, about_id=uuid4(), organisation_id=own, now=now, at_once=True)
        session.execute(sa.update(OutboxMessage).values(not_before=now))
        ids = session.scalars(sa.select(OutboxMessage.id)).all()
        session.execute(sa.update(OutboxMessage).where(OutboxMessage.id == ids[0]).values(state="dead", done_at=now))

    verbs.do(kill_switch.set_switch, kill_switch.FREEZE, on=True, by=None, now=now)

    def stored(**to: UUID) -> Act:
        return lambda session: address_marks.is_still_stored(session, OutboxMessage(**to))

    def claim(session: Session) -> object:
        return list(outbox.claim(session, now))

    one_by_one(
        verbs,
        {
            "the address of a person": (PersonNotices, stored(case_id=case_id)),
            "the address of a member": (MemberNotices, stored(member_id=vera)),
            "the address of a centre": (PartnerNotices, stored(organisation_id=own)),
            "a centre's refusal": (
                PartnerNotices, lambda session: broken_ways.of_organisation(session, own, now, permanent=True),
            ),
            "a member's refusal": (
                MemberNotices, lambda session: broken_ways.of_member(session, vera, now, permanent=True),
            ),
            "settings of a member": (
                MemberNotices,
                lambda session: member_settings.save(session, verbs.keys, vera, MemberSettings(), version=9, now=now),
            ),
            "settings of a centre": (
                PartnerNotices,
                lambda session: recipients.save_notice_settings(
                    session, verbs.keys, own, NoticeSettings("x@example.org"), zone="UTC", version=9, now=now
                ),
            ),
            "a chat": (
                TelegramLink, lambda session: telegram_links.connect(session, verbs.keys, "token", "1", now),
            ),
            "what was told": (heartbeats.Heartbeat, lambda session: problem_notices.tell(session, [], now)),
            "outbox.claim": (OutboxMessage, claim),
            "what was sent with a notice": (OutboxMessage, lambda session: outbox.sent_with(session, ids[1])),
            "what was given up": (OutboxMessage, lambda session: outbox._dead(session, ids[0])),
            "the switch": (
                kill_switch.KillSwitch,
                lambda session: kill_switch.set_switch(session, kill_switch.FREEZE, on=False, by=None, now=now),
            ),
        },
    )  # fmt: skip
    waits_for_none(verbs, {"outbox.claim": (OutboxMessage, claim)})


def test_tasks_endpoints_and_programs(verbs: StaffVerbs) -> None:
    now, desk, own = verbs.time.at, verbs.desk(), named_id("organisation", ONE)
    label, _receipt = verbs.file()
    verbs.refer(label, SERVICE)
    me = desk.member.member_id
    with verbs.database.begin() as session:
        case = session.get_one(Case, verbs.case(label).id)
        tasks.open_task(session, TaskKind.MOVED_HERE, case, now=now)
        tasks.open_task(session, TaskKind.UNMET, case, now=now)
        session.add(OAuthClient(id="program", organisation_id=own, name="p", scopes=[], created_at=now))
        session.flush()
        endpoint, _secret = webhooks.add(
            session, verbs.keys, webhooks.Owner(own, "program"), f"{SITE}/", ["referral.offered"], "v1", now
        )
        session.add(
            WebhookDelivery(
                endpoint_id=endpoint.id, event_id=uuid4(), type="test", happened_at=now, state="waiting", attempts=0,
                due_at=now, created_at=now,
            )
        )  # fmt: skip
    with verbs.database.begin(write=False) as session:
        by_kind = {row.kind: row.id for row in session.scalars(sa.select(Task))}
        delivery = session.scalars(sa.select(WebhookDelivery.id)).one()
    verbs.do(tasks.finish_task, desk.team_id, by_kind["unmet"], me, now=now)
    owner = webhooks.Owner(own, "program")
    attempt = webhook_delivery.DeliveryAttempt(delivery, endpoint.id, 7, "", b"", {})

    def claim(session: Session) -> object:
        row = session.get_one(WebhookEndpoint, endpoint.id)
        return list(webhook_delivery._claim_of(session, verbs.keys, row, now))

    def record(session: Session) -> None:
        webhook_delivery.record_outcome(session, webhook_delivery.DeliveryOutcome(attempt, status=200), now, None)  # type: ignore[arg-type]

    def create(session: Session) -> object:
        return webhook_delivery.create_deliveries(session, now)

    one_by_one(
        verbs,
        {
            "a task": (Task, lambda session: tasks._locked_task(session, desk.team_id, by_kind["moved_here"], me)),
            "a task that was done": (
                Task, lambda session: tasks.reopen_task(session, desk.team_id, by_kind["unmet"], me, now=now),
            ),
            "an endpoint": (WebhookEndpoint, lambda session: webhooks.get(session, owner, endpoint.id, lock=True)),
            "a delivery once more": (
                WebhookDelivery, lambda session: webhooks.retry(session, owner, endpoint.id, delivery, now),
            ),
            "a claimed delivery": (WebhookDelivery, claim),
            "an outcome": (WebhookDelivery, record),
            "new deliveries": (WebhookEndpoint, create),
            "a program": (
                OAuthClient, lambda session: credentials.add_secret(session, verbs.keys, "program", now),
            ),
            "a secret that ends": (OAuthClient, lambda session: credentials.end(session, "program", 1, now)),
        },
    )  # fmt: skip
    waits_for_none(verbs, {"a claimed delivery": (WebhookDelivery, claim)})
    assert not passes_over(verbs.database, "webhook_endpoints", create)


def test_keys_that_are_changed_batch_by_batch(verbs: StaffVerbs, monkeypatch: pytest.MonkeyPatch) -> None:
    """These open transactions of their own."""
    monkeypatch.setattr(rotation, "_is_older", lambda *_given: sa.true())
    verbs.file()
    team, now = verbs.desk().team_id, verbs.time.at
    facts = next(one for one in ENCRYPTED_COLUMNS if one.model is Case and one.column == "facts")
    held = {key_id: pair.seed for key_id, pair in verbs.do(verbs.desk().member.keys_of).items()}
    verbs.do(keyholders.register, OwnerKind.TEAM, team, KeyPair.generate().public, now)

    def reencrypt(_session: Session) -> int:
        return rotation.reencrypt_batch(verbs.database, verbs.keys, facts)[0]

    def rewrap(_session: Session) -> int:
        return team_keys._batch(verbs.database, verbs.keys, CaseWrap, team, held, None)[0]

    one_by_one(verbs, {"reencrypt_batch": (Case, reencrypt), "rewrap_cases": (CaseWrap, rewrap)})
    waits_for_none(verbs, {"reencrypt_batch": (Case, reencrypt)})
