"""How exact each time column may be, and why.

One rule: outside the sealed parts, nothing records when a person did something more exactly than the hour.

Every column that holds an instant is listed here; `tests/architecture/test_moments.py` fails for one that is missing, and
`tests/web/test_person_moments.py` plays a person and looks for times that break these promises.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Precision(StrEnum):
    HOUR = "a full hour, whatever caused it"
    HOUR_OF_PERSON = "a full hour where a person caused it; exact where staff, a partner or the clock did"
    STAFF = "an act of staff, of a partner's program or of an operator; no person causes it"
    DIRECTORY = "about the public directory, rules or keys"
    TERM = "the house's own clock: an answer is due to the second, and what runs out must not run out early"
    ORDER = "the order in which a partner's program reads changes: a cut moment would hide a change from it"
    BRIEF = "deleted within a day, hangs on no case, and opens only with what the sender holds"
    LEASE = "a claim of a worker for two minutes, or the moment of its next try; gone with the message"


P = Precision
MOMENTS: Final = MappingProxyType(
    {
        # the person and the case
        "cases.waiting_since": P.HOUR_OF_PERSON,
        "cases.closed_at": P.HOUR_OF_PERSON,
        "cases.forget_at": P.HOUR_OF_PERSON,
        "cases.updated_at": P.HOUR_OF_PERSON,
        "case_events.at": P.HOUR_OF_PERSON,
        "case_needs.updated_at": P.HOUR_OF_PERSON,
        "case_moves.asked_at": P.STAFF,
        "case_moves.answered_at": P.HOUR_OF_PERSON,
        "shown_codes.expires_at": P.HOUR,
        "documents.created_at": P.HOUR,
        "telegram_links.expires_at": P.HOUR,
        "case_presence.at": P.STAFF,
        "case_undos.at": P.STAFF,
        "household_members.joined_at": P.STAFF,
        "honeytokens.made_at": P.STAFF,
        "match_runs.at": P.HOUR_OF_PERSON,
        "appointments.agreed_hour": P.HOUR,
        "appointments.last_hour": P.HOUR,
        "appointments.remind_at": P.HOUR,
        "appointments.created_at": P.STAFF,
        "contact_answers.at": P.HOUR,
        "sealed_responses.expires_at": P.HOUR,
        "drafts.expires_at": P.BRIEF,
        "audit_log.at": P.HOUR_OF_PERSON,
        # messages
        "outbox.created_at": P.HOUR,
        "outbox.done_at": P.HOUR,
        "outbox.dropped_at": P.HOUR,
        "outbox.not_before": P.LEASE,
        "outbox.lease_until": P.LEASE,
        "emergency_alerts.due_at": P.LEASE,
        # referrals
        "referrals.waiting_since": P.HOUR_OF_PERSON,
        "referrals.created_at": P.HOUR_OF_PERSON,
        "referrals.offered_at": P.HOUR_OF_PERSON,
        "referrals.acknowledge_by": P.TERM,
        "referrals.decide_by": P.TERM,
        "referrals.expires_at": P.TERM,
        "referrals.contact_by": P.TERM,
        "referrals.paused_at": P.TERM,
        "referrals.due_at": P.TERM,
        "referrals.completed_at": P.HOUR_OF_PERSON,
        "referrals.updated_at": P.ORDER,
        "referrals.read_at": P.STAFF,
        "unread_messages.due_at": P.TERM,
        "referral_events.at": P.HOUR_OF_PERSON,
        "centre_contacts.at": P.STAFF,
        "referral_quality.said_at": P.STAFF,
        "callback_windows.starts_at": P.STAFF,
        "feed_events.at": P.HOUR_OF_PERSON,
        "webhook_deliveries.happened_at": P.HOUR_OF_PERSON,
        "webhook_deliveries.due_at": P.LEASE,
        "webhook_deliveries.attempted_at": P.LEASE,
        "webhook_deliveries.created_at": P.LEASE,
        "tasks.due_at": P.HOUR_OF_PERSON,
        "tasks.opened_at": P.HOUR_OF_PERSON,
        "tasks.done_at": P.HOUR_OF_PERSON,
        # staff, partners, the installation
        "conflict_entries.added_on": P.STAFF,
        "heartbeats.at": P.STAFF,
        "referral_links.ended_at": P.HOUR_OF_PERSON,
        "referral_links.expires_at": P.STAFF,
        "referral_links.made_at": P.STAFF,
        "referral_links.opened_at": P.STAFF,
        "referral_links.visit_until": P.STAFF,
        "invitations.created_at": P.STAFF,
        "invitations.expires_at": P.STAFF,
        "invitations.used_at": P.STAFF,
        "kill_switches.changed_at": P.STAFF,
        "known_browsers.expires_at": P.STAFF,
        "known_browsers.wait_until": P.STAFF,
        "members.account_notice_at": P.STAFF,
        "members.created_at": P.STAFF,
        "members.let_in_until": P.STAFF,
        "members.wait_until": P.STAFF,
        "member_notices.bounced_at": P.STAFF,
        "member_notices.failed_at": P.STAFF,
        "member_notices.updated_at": P.STAFF,
        "partner_notices.bounced_at": P.STAFF,
        "partner_notices.failed_at": P.STAFF,
        "partner_notices.updated_at": P.STAFF,
        "passkeys.created_at": P.STAFF,
        "passkeys.used_at": P.STAFF,
        "passkeys.wait_until": P.STAFF,
        "proposals.decided_at": P.STAFF,
        "proposals.expires_at": P.STAFF,
        "proposals.proposed_at": P.STAFF,
        "proposals.ready_at": P.STAFF,
        "quota_windows.begins_at": P.STAFF,
        "seatings.at": P.STAFF,
        "saved_replies.updated_at": P.STAFF,
        "saved_views.created_at": P.STAFF,
        "sessions.seen_at": P.STAFF,
        "sessions.started_at": P.STAFF,
        "team_rotas.updated_at": P.STAFF,
        "teams.created_at": P.STAFF,
        "used_assertions.expires_at": P.STAFF,
        "used_challenges.expires_at": P.STAFF,
        "access_tokens.expires_at": P.STAFF,
        "client_credentials.created_at": P.STAFF,
        "client_credentials.ends_at": P.STAFF,
        "oauth_clients.created_at": P.STAFF,
        "webhook_endpoints.created_at": P.STAFF,
        "webhook_endpoints.ends_at": P.STAFF,
        "webhook_endpoints.old_until": P.STAFF,
        "webhook_endpoints.updated_at": P.STAFF,
        "directory_edits.decided_at": P.DIRECTORY,
        "directory_edits.proposed_at": P.DIRECTORY,
        "organisations.paused_until": P.DIRECTORY,
        "organisations.retired_at": P.DIRECTORY,
        "organisations.updated_at": P.DIRECTORY,
        "refusal_proposals.decided_at": P.DIRECTORY,
        "refusal_proposals.filed_at": P.HOUR,
        "rule_proposals.decided_at": P.DIRECTORY,
        "rule_proposals.proposed_at": P.DIRECTORY,
        "rule_sets.loaded_at": P.DIRECTORY,
        "sealing_keys.created_at": P.DIRECTORY,
        "service_pauses.set_at": P.DIRECTORY,
        "services.retired_at": P.DIRECTORY,
        "services.updated_at": P.DIRECTORY,
    }
)
HOURLY: Final = frozenset({P.HOUR, P.HOUR_OF_PERSON})
"""What a person's own acts must leave no finer than the hour."""
