"""The privileges of each database role on each table on PostgreSQL (DESIGN §6, decision 0125).

Every table is declared: a new one fails a test until somebody says here who needs it. S, I, U, D are SELECT, INSERT, UPDATE and
DELETE. `database_roles` turns this table into GRANTs and row policies; `pristan database grants` runs or prints them.
With TEST_ROLES=1 the web and API tests run each surface under its own role.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class DatabaseRole(StrEnum):
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
class TableRights:
    """What each role may do with one table, as letters of SIUD."""

    public: str = ""
    partner: str = ""
    desk: str = ""
    worker: str = ""
    backup: str = "S"
    columns: "MappingProxyType[DatabaseRole, str]" = field(default_factory=lambda: MappingProxyType({}))
    """The columns to which SELECT is limited, with spaces between; other columns cannot be read."""
    changes: "MappingProxyType[DatabaseRole, str]" = field(default_factory=lambda: MappingProxyType({}))
    """The columns to which UPDATE is limited; other columns cannot be changed."""

    def of(self, role: DatabaseRole) -> str:
        return str(getattr(self, role.value))


def _only(**columns: str) -> "MappingProxyType[DatabaseRole, str]":
    return MappingProxyType({DatabaseRole(role): names for role, names in columns.items()})


_CASE: Final = "SIUD"
PRIVILEGES: Final = MappingProxyType(
    {
        "access_tokens": TableRights(public="SID", partner="SID", desk="SD", worker="SD", backup=""),
        "appointments": TableRights(public="SUD", partner="SIU", desk="SIU", worker="SUD"),
        "audit_log": TableRights(
            public="SI", partner="SI", desk="SI", worker="SIUD", backup="SI",
            columns=_only(public="seq hash at subject_id action actor_kind actor_id"),
            changes=_only(worker="seq arrival prev_hash hash"),
        ),
        "callback_windows": TableRights(public="SU", partner="SU", desk="SIUD", worker="SUD"),
        "case_agreements": TableRights(public="SID", partner="SID", desk="SID", worker="SID"),
        "case_counters": TableRights(desk="S", worker="SIUD", backup=""),
        "case_events": TableRights(public="SI", partner="SI", desk="SI", worker="SID"),
        "case_fingerprints": TableRights(  # the I of the first two is of the version before, which filed with them: to be dropped
            public="SID", partner="I", desk=_CASE, worker=_CASE, columns=_only(public="case_id")
        ),
        "case_moves": TableRights(public="SU", partner="SU", desk="SIU", worker="SUD"),
        "case_needs": TableRights(public=_CASE, partner="SIU", desk=_CASE, worker=_CASE),
        "case_presence": TableRights(public="SD", desk=_CASE, worker="SD"),
        "case_undos": TableRights(public="SD", desk=_CASE, worker="SD"),
        "case_wraps": TableRights(public="SID", partner="SID", desk=_CASE, worker=_CASE),
        "cases": TableRights(public="SIU", partner="SIU", desk="SIU", worker="SIUD"),
        "centre_contacts": TableRights(public="SD", partner="S", desk="SI", worker="SD"),
        "client_credentials": TableRights(public="S", partner="S", desk="SIUD", worker="SIUD"),
        "conflict_entries": TableRights(public="SD", partner="SIUD", desk="SIUD", worker="SIUD"),
        "conflict_traces": TableRights(public="SID", partner="SIUD", desk=_CASE, worker=_CASE),
        "contact_answers": TableRights(public="SID", partner="S", desk="S", worker="SD"),
        "directory_edits": TableRights(public="S", partner="SIU", desk="SIU", worker="S"),
        "document_pieces": TableRights(public="SID", partner="SID", desk="SID", worker="SD"),
        "documents": TableRights(public="SID", partner="SID", desk="SID", worker="SD"),
        "drafts": TableRights(public="SIUD", worker="SD", columns=_only(worker="id expires_at"), backup=""),
        "emergency_alerts": TableRights(public="SD", desk="SD", worker="SIUD"),
        "exclusions": TableRights(public="SID", partner="SI", desk=_CASE, worker=_CASE),
        "feed_events": TableRights(
            public="SI", partner="SIU", desk="SIU", worker="SIUD", columns=_only(public="n")
        ),
        "heartbeats": TableRights(public="S", partner="S", desk="S", worker="SIU", backup="SIU"),
        "file_counts": TableRights(public="SIU", partner="SIU", desk="SIU"),
        "form_counts": TableRights(public="SIU", desk="S"),
        "honeytokens": TableRights(partner="S", desk="SI", worker="S"),
        "household_members": TableRights(public="SD", partner="S", desk=_CASE, worker=_CASE),
        "invitations": TableRights(partner="SID", desk="SIUD", worker="SIUD"),
        "key_grants": TableRights(partner="SID", desk="SID", worker="SD"),
        "kill_switches": TableRights(public="S", partner="S", desk="SIU", worker="S"),
        "known_browsers": TableRights(partner="SIUD", desk="SIUD", worker="SD"),
        "match_runs": TableRights(public="SID", partner="SI", desk="SI", worker="SIUD"),
        "member_notices": TableRights(desk="SIUD", worker="SU"),
        "members": TableRights(partner="SIU", desk="SIU", worker="S", columns=_only(
            worker="id key_id name role team_id organisation_id active language account_notice account_notice_at created_at"
        )),
        "oauth_clients": TableRights(public="S", partner="S", desk="SIU", worker="SIU"),
        "organisations": TableRights(public="S", partner="SU", desk="SIU", worker="SIU"),
        "outbox": TableRights(
            public="SID", partner="SIUD", desk="SIUD", worker="SIUD",
            columns=_only(public="id kind about_id case_id state organisation_id"),
        ),
        "partner_notices": TableRights(public="S", partner="SIUD", desk="S", worker="SU", columns=_only(
            public="organisation_id digest_hour emergencies_at_once zone hours"
        )),
        "passkeys": TableRights(partner="SIUD", desk="SIUD"),
        "persecution_counts": TableRights(public="SIU", partner="SIU", desk="SIU"),
        "person_notices": TableRights(public=_CASE, partner="SID", desk=_CASE, worker=_CASE),
        "proposals": TableRights(partner="SIU", desk="SIU", worker="SIUD"),
        "quota_windows": TableRights(public="SIU", partner="SIU", worker="SD", backup=""),
        "read_counts": TableRights(partner="SIU", desk="SIU", worker="SD"),
        "referral_events": TableRights(public="SI", partner="SI", desk="SI", worker="SID"),
        "referral_links": TableRights(
            public="SUD", partner="SU", desk=_CASE, worker=_CASE, columns=_only(public="id referral_id ended_at")
        ),
        "referral_message_exports": TableRights(public="SD", partner="SD", desk=_CASE, worker="SD"),
        "referral_message_wraps": TableRights(public="SD", partner=_CASE, desk=_CASE, worker=_CASE),
        "referral_messages": TableRights(public="SD", partner="SI", desk="SID", worker="SID"),
        "referral_quality": TableRights(public="SD", partner="SIU", desk="SIUD", worker="SD"),
        "referrals": TableRights(public="SU", partner="SIU", desk="SIU", worker="SIUD"),
        "refusal_proposals": TableRights(partner="SI", desk="SIU"),
        "rule_proposals": TableRights(public="S", partner="S", desk="SIU", worker="S"),
        "rule_sets": TableRights(desk="SI", worker="SI"),
        "saved_replies": TableRights(desk="SIUD"),
        "saved_views": TableRights(desk="SID"),
        "report_cases": TableRights(partner="S", desk="S", worker="SIUD"),
        "report_changes": TableRights(partner="S", desk="S", worker="SD"),
        "report_figures": TableRights(partner="S", desk="S", worker="SIUD"),
        "sealed_parts": TableRights(public=_CASE, partner="SI", desk="SIUD", worker="SID"),
        "sealed_responses": TableRights(public="SIUD", partner="SIUD", desk="SIUD", worker="SD"),
        "sealing_keys": TableRights(public="S", partner="SIU", desk="SIU", worker="SIU"),
        "seatings": TableRights(partner="SI", desk="SIU", worker="S"),
        "service_pauses": TableRights(public="S", partner="SIUD", desk="SIUD", worker="SIUD"),
        "service_records": TableRights(public="SIU", partner="SIU", desk="SIU", worker="SIU"),
        "services": TableRights(public="S", partner="SU", desk="SIU", worker="SIU"),
        "sessions": TableRights(partner="SIUD", desk="SIUD", worker="SD", columns=_only(
            worker="id member_id started_at seen_at"
        ), backup=""),
        "shown_codes": TableRights(public=_CASE, worker="SD"),
        "tasks": TableRights(public="SIU", partner="SIU", desk="SIU", worker="SIUD"),
        "telegram_links": TableRights(
            public="SID", partner="SD", desk="SD", worker="SD", columns=_only(partner="case_id")
        ),
        "team_countries": TableRights(public="S", partner="S", desk="SIUD", worker="S"),
        "team_rotas": TableRights(desk="SIU", worker="S"),
        "teams": TableRights(public="S", partner="S", desk="SIU", worker="SI", columns=_only(public="id")),
        "unread_messages": TableRights(public="SID", partner="SD", desk="SID", worker="SUD"),
        "used_assertions": TableRights(public="SI", partner="SI", worker="SD", backup=""),
        "used_challenges": TableRights(partner="SI", desk="SI", worker="SD", backup=""),
        "webhook_deliveries": TableRights(partner="SIUD", desk="S", worker="SIUD"),
        "webhook_endpoints": TableRights(partner="SIUD", desk="S", worker="SU"),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RowPolicy:
    """Which rows of a table a role can see or change, as an SQL condition. Other roles see all rows; inserting is not limited."""

    role: DatabaseRole
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
        **{table: (RowPolicy(DatabaseRole.PUBLIC, _OWN_CASE),) for table in SHOWN_CASE_ONLY},
        **{
            table: (RowPolicy(DatabaseRole.PUBLIC, _OWN_REFERRAL),)
            for table in ("centre_contacts", "contact_answers", "referral_quality")
        },
        "cases": (
            RowPolicy(
                DatabaseRole.PUBLIC,
                "receipt_id = ANY ((SELECT pristan_numbers())::bytea[]) OR id = ANY ((SELECT pristan_cases())::uuid[])",
            ),
        ),
        "case_wraps": (
            RowPolicy(DatabaseRole.PUBLIC, _OWN_CASE),
            RowPolicy(DatabaseRole.PARTNER, "purpose = 'person'"),
        ),
        "sealed_parts": (
            RowPolicy(DatabaseRole.PUBLIC, _OWN_CASE),
            RowPolicy(DatabaseRole.PARTNER, "part <> 'note'"),
        ),
        "referral_links": (RowPolicy(DatabaseRole.PUBLIC, "referral_id IN (SELECT id FROM referrals)"),),
        "audit_log": (
            RowPolicy(
                DatabaseRole.PUBLIC,
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
        ("audit_log", DatabaseRole.WORKER): f"at < now() - {_LEAST_KEPT}",
        ("cases", DatabaseRole.WORKER): _STUB,
        ("case_events", DatabaseRole.WORKER): _OF_STUB,
        ("case_moves", DatabaseRole.WORKER): _OF_STUB,
        ("referrals", DatabaseRole.WORKER): _OF_STUB,
        ("referral_events", DatabaseRole.WORKER): f"referral_id IN (SELECT id FROM referrals WHERE {_OF_STUB})",  # noqa: S608
    }
)
"""Rows that a role may delete, where that is fewer than it sees."""

UPDATE_POLICIES: Final = MappingProxyType({("audit_log", DatabaseRole.WORKER): ("seq < 0", "seq > 0")})
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
