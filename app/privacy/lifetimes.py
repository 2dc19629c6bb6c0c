"""How long the rows of each table are kept, and what deletes them. `docs/retention.md` is drawn from here.

Every table is declared: a new one fails a test until somebody says here when its rows go.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Ending(StrEnum):
    """What deletes a row."""

    CLOCK = "the worker, when the time is over"
    CASE = "erasing its case, or the worker when the case's time is over"
    STUB = "the worker, with the stub of the erased case"
    OWNER = "whoever it belongs to"
    WORK = "the work that it is for"
    STAYS = "nothing: a bounded number of rows"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """`kept`: for how long, as the page says it. `deletions`: by their names in `app/worker/deletions.py`."""

    ending: Ending
    kept: str
    deletions: tuple[str, ...] = ()


def _clock(kept: str, *deletions: str) -> Lifetime:
    return Lifetime(Ending.CLOCK, kept, deletions)


_CASE: Final = Lifetime(Ending.CASE, "as long as its case")
_STUB: Final = Lifetime(
    Ending.STUB, "codes alone from the erasure on; then `PRISTAN_STUBS_KEPT` (three years)", ("stubs",)
)
_LIVES: Final = MappingProxyType(
    {
        "installation": Lifetime(Ending.STAYS, "as long as the installation"),
        "names": Lifetime(Ending.STAYS, "as long as the installation, because the audit log names its id"),
        "history": Lifetime(
            Ending.STAYS, "as long as the installation: the history of the public directory and its rules"
        ),
        "sums": Lifetime(Ending.STAYS, "as long as the installation: sums by month and code"),
    }
)

LIFETIMES: Final = MappingProxyType(
    {
        # the person and the case
        "cases": _STUB,
        "case_events": _STUB,
        "case_moves": _STUB,
        "referrals": _STUB,
        "referral_events": _STUB,
        "report_cases": _STUB,
        "case_needs": _STUB,
        "case_agreements": _STUB,
        "exclusions": _STUB,
        "case_wraps": _CASE,
        "sealed_parts": _CASE,
        "documents": _CASE,
        "document_pieces": _CASE,
        "case_fingerprints": Lifetime(
            Ending.CASE,
            "as long as the contact of its case; one made without the team's key goes at once",
            ("former fingerprints",),
        ),
        "conflict_traces": Lifetime(
            Ending.CASE, "until the person withdraws, at most as long as the contact of its case"
        ),
        "person_notices": Lifetime(Ending.CASE, "as long as the contact of its case"),
        "case_undos": Lifetime(Ending.CASE, "one for a case: the last act, until another one or the erasure"),
        "emergency_alerts": Lifetime(Ending.CASE, "until somebody has opened the case"),
        "household_members": _CASE,
        "match_runs": _CASE,
        "appointments": _CASE,
        "centre_contacts": _CASE,
        "contact_answers": _CASE,
        "referral_links": Lifetime(
            Ending.CASE, "its code and keys until it ends, the rest as long as its case", ("links",)
        ),
        "referral_message_exports": _CASE,
        "referral_message_wraps": _CASE,
        "referral_messages": _CASE,
        "referral_quality": _CASE,
        "unread_messages": Lifetime(Ending.CASE, "until it is read"),
        "case_presence": _clock("ten minutes: whose page is open", "presence"),
        "shown_codes": _clock("a day, or until it is used up", "shown codes"),
        "telegram_links": _clock("until it is used, two hours at most", "telegram links"),
        "drafts": _clock("`PRISTAN_DRAFT_IDLE` (60 minutes)", "drafts"),
        "sealed_responses": _clock("a day; of the API `PRISTAN_IDEMPOTENCY_TTL` (48 hours)", "answers to forms"),
        # messages and tasks
        "outbox": _clock(
            "a day after it was sent; to organisations and members six days, because a mail can come back; given up, and no task"
            " about it open: 90 days",
            "outbox",
            "undelivered notices",
        ),
        "tasks": _clock("90 days after it ended", "tasks"),
        # organisations and their programs
        "feed_events": _clock("90 days, as the feed promises", "events"),
        "webhook_deliveries": _clock("90 days", "deliveries"),
        "webhook_endpoints": Lifetime(
            Ending.OWNER, "until its organisation deletes it; of the sandbox 24 hours", ("webhook endpoints",)
        ),
        "access_tokens": _clock("15 minutes", "access tokens"),
        "used_assertions": _clock("as long as the assertion is valid", "used assertions"),
        "quota_windows": _clock("two minutes", "quotas"),
        "conflict_entries": Lifetime(
            Ending.OWNER,
            "until its organisation empties its list; an entry from a declined case, as long as the contact of that case",
        ),
        "callback_windows": _clock("a day after it began", "callback windows"),
        "service_pauses": Lifetime(Ending.OWNER, "until it is ended at the desk or by its organisation"),
        "refusal_proposals": Lifetime(Ending.STAYS, "as long as the installation: one a service, reason and quarter"),
        "service_records": Lifetime(Ending.STAYS, "as long as the installation: one a service"),
        "partner_notices": Lifetime(Ending.OWNER, "one for an organisation, until it is changed"),
        "oauth_clients": _LIVES["names"],
        "client_credentials": Lifetime(Ending.WORK, "until it is replaced; the former one seven days more"),
        # members
        "members": _LIVES["names"],
        "seatings": _LIVES["names"],
        "sessions": _clock("until sign-out, 15 minutes of rest, or eight hours", "sessions"),
        "known_browsers": _clock("90 days", "known browsers"),
        "used_challenges": _clock("an hour", "used challenges"),
        "invitations": _clock("until it is used or has run out", "invitations"),
        "proposals": _clock(
            "live for some days; ended `PRISTAN_AUDIT_KEPT` (24 months); one that set automatic offers while these are in force",
            "proposals that run out",
            "ended proposals",
        ),
        "read_counts": _clock("the day that it counts", "reads of a day"),
        "passkeys": Lifetime(Ending.OWNER, "until its member removes it or is switched off"),
        "member_notices": Lifetime(Ending.OWNER, "one for a member, until it is changed"),
        "saved_views": Lifetime(Ending.OWNER, "until its member deletes it"),
        "saved_replies": Lifetime(Ending.OWNER, "until its team deletes it"),
        "team_rotas": Lifetime(Ending.OWNER, "one for a team, until it is changed"),
        "key_grants": Lifetime(
            Ending.OWNER,
            "until it is revoked, its member is switched off, or the key is destroyed",
            ("keys of restricted cases",),
        ),
        "sealing_keys": Lifetime(Ending.STAYS, "as long as the installation: public keys alone"),
        # the installation
        "audit_log": _clock("`PRISTAN_AUDIT_KEPT` (24 months)", "audit log"),
        "case_counters": Lifetime(Ending.WORK, "until it is summed up with others of the same codes"),
        "report_changes": Lifetime(Ending.WORK, "until the figures are brought up to date, some seconds"),
        "report_figures": _LIVES["sums"],
        "persecution_counts": _LIVES["sums"],
        "form_counts": _LIVES["sums"],
        "file_counts": _LIVES["sums"],
        "heartbeats": Lifetime(Ending.STAYS, "one for each job and each way of sending"),
        "kill_switches": Lifetime(Ending.STAYS, "one for each switch"),
        "honeytokens": Lifetime(Ending.STAYS, "as long as the installation: a mark of each invented case"),
        "organisations": _LIVES["history"],
        "services": _LIVES["history"],
        "directory_edits": _LIVES["history"],
        "rule_sets": _LIVES["history"],
        "rule_proposals": _LIVES["history"],
        "teams": _LIVES["installation"],
        "team_countries": _LIVES["installation"],
    }
)
