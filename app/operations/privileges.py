"""The privileges of each database role on each table on PostgreSQL (DESIGN §6, decision 0125).

Every table is declared: a new one fails a test until somebody says here who needs it. S, I, U, D are SELECT, INSERT, UPDATE and
DELETE. `database_roles` turns this table into GRANTs and row policies; `pristan database grants` runs or prints them.
With TEST_ROLES=1 the web and API tests run each surface under its own role.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """One role for each kind of process. The sixth, which owns the tables, migrates and runs the operator's commands."""

    PUBLIC = "public"
    """The person's pages, and the two API routes that are served beside them."""
    PARTNER = "partner"
    """The partner's pages and API."""
    DESK = "desk"
    WORKER = "worker"
    BACKUP = "backup"

    def named(self, prefix: str) -> str:
        """The role's name on the server, like `pristan_public`: a server can hold several installations."""
        return f"{prefix}_{self.value}"


@dataclass(frozen=True, slots=True)
class Rights:
    """What each role may do with one table, as letters of SIUD."""

    public: str = ""
    partner: str = ""
    desk: str = ""
    worker: str = ""
    backup: str = "S"
    columns: "MappingProxyType[Role, str]" = field(default_factory=lambda: MappingProxyType({}))
    """The columns to which SELECT is limited, with spaces between; other columns cannot be read."""
    changes: "MappingProxyType[Role, str]" = field(default_factory=lambda: MappingProxyType({}))
    """The columns to which UPDATE is limited; other columns cannot be changed."""

    def of(self, role: Role) -> str:
        return str(getattr(self, role.value))


def _only(**columns: str) -> "MappingProxyType[Role, str]":
    return MappingProxyType({Role(role): names for role, names in columns.items()})


_CASE: Final = "SIUD"
PRIVILEGES: Final = MappingProxyType(
    {
        "access_tokens": Rights(public="SID", partner="SID", desk="SD", worker="SD", backup=""),
        "appointments": Rights(public="SUD", partner="SIU", desk="SIU", worker="SUD"),
        "audit_log": Rights(
            public="SI", partner="SI", desk="SI", worker="SIUD", backup="SI",
            columns=_only(public="seq hash at subject_id action actor_kind actor_id"),
            changes=_only(worker="seq arrival prev_hash hash"),
        ),
        "callback_windows": Rights(public="SU", partner="SU", desk="SIUD", worker="SUD"),
        "case_agreements": Rights(public="SID", partner="SID", desk="SID", worker="SID"),
        "case_counters": Rights(desk="S", worker="SIUD", backup=""),
        "case_events": Rights(public="SI", partner="SI", desk="SI", worker="SID"),
        "case_fingerprints": Rights(
            public="SID", partner="I", desk=_CASE, worker=_CASE, columns=_only(public="case_id")
        ),
        "case_moves": Rights(public="SU", partner="SU", desk="SIU", worker="SUD"),
        "case_needs": Rights(public=_CASE, partner="SIU", desk=_CASE, worker=_CASE),
        "case_presence": Rights(public="SD", desk=_CASE, worker="SD"),
        "case_undos": Rights(public="SD", desk=_CASE, worker="SD"),
        "case_wraps": Rights(public="SID", partner="SID", desk=_CASE, worker=_CASE),
        "cases": Rights(public="SIU", partner="SIU", desk="SIU", worker="SIUD"),
        "centre_contacts": Rights(public="SD", partner="S", desk="SI", worker="SD"),
        "client_credentials": Rights(public="S", partner="S", desk="SIUD", worker="SIUD"),
        "conflict_entries": Rights(public="SD", partner="SIUD", desk="SIUD", worker="SIUD"),
        "conflict_traces": Rights(public="SID", partner="SIUD", desk=_CASE, worker=_CASE),
        "contact_answers": Rights(public="SID", partner="S", desk="S", worker="SD"),
        "directory_edits": Rights(public="S", partner="SIU", desk="SIU", worker="S"),
        "document_pieces": Rights(public="SID", partner="SID", desk="SID", worker="SD"),
        "documents": Rights(public="SID", partner="SID", desk="SID", worker="SD"),
        "drafts": Rights(public="SIUD", worker="SD", columns=_only(worker="id expires_at"), backup=""),
        "emergency_alerts": Rights(public="SD", desk="SD", worker="SIUD"),
        "exclusions": Rights(public="SID", partner="SI", desk=_CASE, worker=_CASE),
        "feed_events": Rights(
            public="SI", partner="SIU", desk="SIU", worker="SIUD", columns=_only(public="n")
        ),
        "heartbeats": Rights(public="S", partner="S", desk="S", worker="SIU", backup="SIU"),
        "file_counts": Rights(public="SIU", partner="SIU", desk="SIU"),
        "form_counts": Rights(public="SIU", desk="S"),
        "honeytokens": Rights(partner="S", desk="SI", worker="S"),
        "household_members": Rights(public="SD", partner="S", desk=_CASE, worker=_CASE),
        "invitations": Rights(partner="SID", desk="SIUD", worker="SIUD"),
        "key_grants": Rights(partner="SID", desk="SID", worker="SD"),
        "kill_switches": Rights(public="S", partner="S", desk="SIU", worker="S"),
        "known_browsers": Rights(partner="SIUD", desk="SIUD", worker="SD"),
        "match_runs": Rights(public="SID", partner="SI", desk="SI", worker="SIUD"),
        "member_notices": Rights(desk="SIUD", worker="SU"),
        "members": Rights(partner="SIU", desk="SIU", worker="S", columns=_only(
            worker="id name role team_id organisation_id active language account_notice account_notice_at created_at"
        )),
        "oauth_clients": Rights(public="S", partner="S", desk="SIU", worker="SIU"),
        "organisations": Rights(public="S", partner="SU", desk="SIU", worker="SIU"),
        "outbox": Rights(
            public="SID", partner="SIUD", desk="SIUD", worker="SIUD",
            columns=_only(public="id kind about_id case_id state organisation_id"),
        ),
        "partner_notices": Rights(public="S", partner="SIUD", desk="S", worker="SU", columns=_only(
            public="organisation_id digest_hour emergencies_at_once zone hours"
        )),
        "passkeys": Rights(partner="SIUD", desk="SIUD"),
        "persecution_counts": Rights(public="SIU", partner="SIU", desk="SIU"),
        "person_notices": Rights(public=_CASE, partner="SID", desk=_CASE, worker=_CASE),
        "proposals": Rights(partner="SIU", desk="SIU", worker="SIUD"),
        "quota_windows": Rights(public="SIU", partner="SIU", worker="SD", backup=""),
        "read_counts": Rights(partner="SIU", desk="SIU", worker="SD"),
        "referral_events": Rights(public="SI", partner="SI", desk="SI", worker="SID"),
        "referral_links": Rights(
            public="SUD", partner="SU", desk=_CASE, worker=_CASE, columns=_only(public="id referral_id ended_at")
        ),
        "referral_message_exports": Rights(public="SD", partner="SD", desk=_CASE, worker="SD"),
        "referral_message_wraps": Rights(public="SD", partner=_CASE, desk=_CASE, worker=_CASE),
        "referral_messages": Rights(public="SD", partner="SI", desk="SID", worker="SID"),
        "referral_quality": Rights(public="SD", partner="SIU", desk="SIUD", worker="SD"),
        "referrals": Rights(public="SU", partner="SIU", desk="SIU", worker="SIUD"),
        "refusal_proposals": Rights(partner="SI", desk="SIU"),
        "rule_proposals": Rights(public="S", partner="S", desk="SIU", worker="S"),
        "rule_sets": Rights(desk="SI", worker="SI"),
        "saved_replies": Rights(desk="SIUD"),
        "saved_views": Rights(desk="SID"),
        "report_cases": Rights(partner="S", desk="S", worker="SIUD"),
        "report_changes": Rights(partner="S", desk="S", worker="SD"),
        "report_figures": Rights(partner="S", desk="S", worker="SIUD"),
        "sealed_parts": Rights(public=_CASE, partner="SI", desk="SIUD", worker="SID"),
        "sealed_responses": Rights(public="SIUD", partner="SIUD", desk="SIUD", worker="SD"),
        "sealing_keys": Rights(public="S", partner="SIU", desk="SIU", worker="SIU"),
        "seatings": Rights(partner="SI", desk="SIU", worker="S"),
        "service_pauses": Rights(public="S", partner="SIUD", desk="SIUD", worker="SIUD"),
        "service_records": Rights(public="SIU", partner="SIU", desk="SIU", worker="SIU"),
        "services": Rights(public="S", partner="SU", desk="SIU", worker="SIU"),
        "sessions": Rights(partner="SIUD", desk="SIUD", worker="SD", columns=_only(
            worker="id member_id started_at seen_at"
        ), backup=""),
        "shown_codes": Rights(public=_CASE, worker="SD"),
        "tasks": Rights(public="SIU", partner="SIU", desk="SIU", worker="SIUD"),
        "telegram_links": Rights(
            public="SID", partner="SD", desk="SD", worker="SD", columns=_only(partner="case_id")
        ),
        "team_countries": Rights(public="S", partner="S", desk="SIUD", worker="S"),
        "team_rotas": Rights(desk="SIU", worker="S"),
        "teams": Rights(public="S", partner="S", desk="SIU", worker="SI", columns=_only(public="id")),
        "unread_messages": Rights(public="SID", partner="SD", desk="SID", worker="SUD"),
        "used_assertions": Rights(public="SI", partner="SI", worker="SD", backup=""),
        "used_challenges": Rights(partner="SI", desk="SI", worker="SD", backup=""),
        "webhook_deliveries": Rights(partner="SIUD", desk="S", worker="SIUD"),
        "webhook_endpoints": Rights(partner="SIUD", desk="S", worker="SU"),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RowPolicy:
    """Which rows of a table a role can see or change, as an SQL condition. Other roles see all rows; inserting is not limited."""

    role: Role
    condition: str


_OWN_CASE: Final = "case_id = ANY ((SELECT pristan_cases())::uuid[])"
_OWN_REFERRAL: Final = "referral_id IN (SELECT id FROM referrals)"
"""Of which `public` sees its own case's alone."""
_HEAD: Final = "seq = (SELECT pristan_audit_head())"
"""What the version before reads before it writes an entry. To be dropped in a later release, with `hash` and the function."""
_LEAST_KEPT: Final = "interval '365 days'"
"""The shortest time for which `PRISTAN_AUDIT_KEPT` may keep entries, and `PRISTAN_STUBS_KEPT` the stubs of erased cases."""

SHOWN_CASE_ONLY: Final = (
    "appointments", "case_agreements",
    "case_events", "case_fingerprints", "case_moves", "case_needs", "case_presence", "case_undos", "case_wraps",
    "conflict_traces", "document_pieces", "documents", "emergency_alerts", "exclusions", "match_runs", "person_notices",
    "referral_message_exports", "referral_message_wraps", "referral_messages", "referrals", "sealed_parts", "shown_codes",
    "telegram_links", "unread_messages",
)  # fmt: skip
"""Tables of which `public` sees only the rows of the case whose number was shown in the transaction."""

ROW_POLICIES: Final = MappingProxyType(
    {
        **{table: (RowPolicy(Role.PUBLIC, _OWN_CASE),) for table in SHOWN_CASE_ONLY},
        **{
            table: (RowPolicy(Role.PUBLIC, _OWN_REFERRAL),)
            for table in ("centre_contacts", "contact_answers", "referral_quality")
        },
        "cases": (
            RowPolicy(
                Role.PUBLIC,
                "receipt_id = ANY ((SELECT pristan_numbers())::bytea[]) OR id = ANY ((SELECT pristan_cases())::uuid[])",
            ),
        ),
        "case_wraps": (
            RowPolicy(Role.PUBLIC, _OWN_CASE),
            RowPolicy(Role.PARTNER, "purpose = 'person'"),
        ),
        "sealed_parts": (
            RowPolicy(Role.PUBLIC, _OWN_CASE),
            RowPolicy(Role.PARTNER, "part <> 'note'"),
        ),
        "referral_links": (RowPolicy(Role.PUBLIC, "referral_id IN (SELECT id FROM referrals)"),),
        "audit_log": (
            RowPolicy(
                Role.PUBLIC,
                f"{_HEAD} OR subject_id IN (SELECT replace(c::text, '-', '') FROM unnest(pristan_cases()) AS c)"  # noqa: S608  our own text alone
                " OR subject_id IN (SELECT replace(id::text, '-', '') FROM referrals)",  # what organisations opened
            ),
        ),
    }
)

_STUB: Final = f"state = 'erased' AND updated_at < now() - {_LEAST_KEPT}"
_OF_STUB: Final = f"case_id IN (SELECT id FROM cases WHERE {_STUB})"  # noqa: S608  our own text alone
DELETE_POLICIES: Final = MappingProxyType(
    {
        ("audit_log", Role.WORKER): f"at < now() - {_LEAST_KEPT}",
        ("cases", Role.WORKER): _STUB,
        ("case_events", Role.WORKER): _OF_STUB,
        ("case_moves", Role.WORKER): _OF_STUB,
        ("referrals", Role.WORKER): _OF_STUB,
        ("referral_events", Role.WORKER): f"referral_id IN (SELECT id FROM referrals WHERE {_OF_STUB})",  # noqa: S608
    }
)
"""Rows that a role may delete, where that is fewer than it sees."""

UPDATE_POLICIES: Final = MappingProxyType({("audit_log", Role.WORKER): ("seq < 0", "seq > 0")})
"""Rows that a role may change, where that is fewer than it sees, and how they must be afterwards: who places an entry of the audit
cannot move one that has a place, nor take one away.
"""

FUNCTIONS: Final = MappingProxyType(
    {
        "pristan_numbers": """\
CREATE OR REPLACE FUNCTION pristan_numbers() RETURNS bytea[] LANGUAGE plpgsql STABLE AS $$
DECLARE shown text := coalesce(current_setting('pristan.number', true), '');
BEGIN
  RETURN ARRAY(SELECT decode(one, 'hex') FROM unnest(string_to_array(shown, ',')) AS one WHERE one <> '');
END $$""",
        "pristan_cases": """\
CREATE OR REPLACE FUNCTION pristan_cases() RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
  held uuid := nullif(coalesce(current_setting('pristan.held', true), ''), '')::uuid;
  code text := coalesce(current_setting('pristan.code', true), '');
  own uuid[] := ARRAY(SELECT id FROM cases WHERE receipt_id = ANY (pristan_numbers()));
BEGIN
  IF code <> '' THEN
    own := own || ARRAY(SELECT case_id FROM shown_codes WHERE look_up_id = ANY (
      ARRAY(SELECT decode(one, 'hex') FROM unnest(string_to_array(code, ',')) AS one)
    ));
  END IF;
  -- A row that this transaction has written itself was visible to it before.
  IF held IS NOT NULL THEN
    own := own || ARRAY(SELECT id FROM cases WHERE id = held AND xmin::text = pg_current_xact_id()::xid::text);
  END IF;
  IF cardinality(own) = 0 THEN RETURN own; END IF;
  RETURN own || ARRAY(SELECT id FROM cases WHERE merged_into_id = ANY (own))
    || ARRAY(SELECT merged_into_id FROM cases WHERE id = ANY (own) AND merged_into_id IS NOT NULL);
END $$""",
        "pristan_audit_head": """\
CREATE OR REPLACE FUNCTION pristan_audit_head() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$ SELECT max(seq) FROM audit_log $$""",
    }
)
"""Functions that the row policies use. Those with SECURITY DEFINER tell one thing that the role itself may not look up."""

TRIGGER_FUNCTIONS: Final = (
    "count_case",
    "set_owner_name",
    "note_report_change_of_cases",
    "note_report_change_of_case_needs",
    "note_report_change_of_referrals",
)
"""They run with the owner's rights: nobody else writes counters, notes changes for reports or looks up a member's name."""
