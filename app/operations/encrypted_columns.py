"""Every binary column of the schema, in one of five groups, so that key rotation re-encrypts all that it must.

A test in tests/architecture compares these lists with the tables: a new binary column belongs to exactly one group.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from app.cases import duplicate_detection, honeytokens
from app.cases.honeytokens import Honeytoken
from app.cases.models import Case, CaseFingerprint, CaseMove, CaseWrap
from app.casework import shown_codes
from app.conflicts import service as conflicts
from app.conflicts.models import ConflictEntry, ConflictTrace
from app.core.db import Base
from app.core.keyring import KeyRing
from app.intake import receipts
from app.links.models import ReferralLink, ShownCode
from app.matching import runs
from app.matching.models import MatchRun
from app.messaging import recipients
from app.messaging.models import MemberNotices, PartnerNotices, PersonNotices
from app.referrals import threads
from app.referrals.models import Referral
from app.referrals.thread_models import ReferralMessageWrap
from app.staff import invitations, known_browsers
from app.staff import service as staff
from app.staff.invitations import Invitation
from app.staff.known_browsers import KnownBrowser
from app.staff.models import Member
from app.webhooks.models import WebhookEndpoint

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EncryptedColumn:
    """A column whose values come from `KeyRing.encrypt`.

    binding: computes from a row what its value is bound to (the same that its writer passes to `encrypt`).
    binding_columns: the columns that `binding` reads in addition to the primary key.
    deterministic: the values come from `KeyRing.encrypt_deterministically`.
    bare_bytes: the length of a value that an earlier version stored as it was; rotation encrypts it. 0: there is none.
    merge: what happens to a row whose new value another row has already, written while the key was rotated.
    key: the name of the column that a value is bound to.
    """

    model: type[Base]
    column: str
    binding: Callable[[Row], tuple[str, ...]]
    binding_columns: tuple[str, ...] = ()
    deterministic: bool = False
    bare_bytes: int = 0
    merge: Callable[[Session, Row, bytes], None] | None = None
    key: str = "id"

    def reencrypt(self, ring: KeyRing, value: bytes, binding: tuple[str, ...]) -> bytes:
        """The value, encrypted under the current epoch key. Raises CannotOpen."""
        if len(value) == self.bare_bytes:
            encrypt = ring.encrypt_deterministically if self.deterministic else ring.encrypt
            return encrypt(value, *binding)
        if self.deterministic:
            return ring.encrypt_deterministically(ring.decrypt_deterministically(value, *binding), *binding)
        return ring.encrypt(ring.decrypt(value, *binding), *binding)

    @property
    def name(self) -> str:
        return f"{self.model.__tablename__}.{self.column}"


def _simple(model: type[Base], column: str, key: str = "id") -> EncryptedColumn:
    """A column whose values are bound to table, row, column and version 1."""
    return EncryptedColumn(model, column, lambda row: (model.__tablename__, str(row[key]), column, "1"), key=key)


def _webhook(column: str, before: int) -> EncryptedColumn:
    """A signing secret of a webhook endpoint, bound to its version: `secret_version` minus `before`."""
    return EncryptedColumn(
        WebhookEndpoint,
        column,
        lambda row: ("webhook_endpoints", str(row["id"]), "secret", str(row["secret_version"] - before)),
        ("secret_version",),
    )


_MAC_BYTES: Final = 32


def _hidden(
    model: type[Base],
    column: str,
    binding: tuple[str, ...],
    merge: Callable[[Session, Row, bytes], None] | None = None,
) -> EncryptedColumn:
    """A column of MACs that went through `KeyRing.hide`."""
    key = cast("Table", model.__table__).primary_key.columns.keys()[0]
    return EncryptedColumn(
        model, column, lambda _row: binding, deterministic=True, bare_bytes=_MAC_BYTES, merge=merge, key=key
    )


HIDDEN_COLUMNS: Final = (
    _hidden(Case, "receipt_id", receipts.BINDING),
    _hidden(ConflictEntry, "mac", conflicts.BINDING, conflicts.merge_entries),
    _hidden(ConflictTrace, "mac", conflicts.BINDING, conflicts.merge_traces),
    _hidden(Honeytoken, "id", honeytokens.BINDING),
    _hidden(Invitation, "code_mac", invitations.BINDING),
    _hidden(KnownBrowser, "id", known_browsers.BINDING),
    _hidden(MatchRun, "facts_mac", runs.FACTS_BINDING),
    _hidden(PersonNotices, "chat_mark", recipients.CHAT_MARK),
    _hidden(ShownCode, "look_up_id", shown_codes.BINDING),
)
"""MACs that are found or compared, and that a former root secret must not be able to test."""

ENCRYPTED_COLUMNS: Final = (
    *HIDDEN_COLUMNS,
    EncryptedColumn(
        Member,
        "sealed_seed",
        lambda row: ("members", str(row["id"]), "sealed_seed", "1"),
        bare_bytes=staff.BARE_SEED_BYTES,
    ),
    EncryptedColumn(
        Case, "facts", lambda row: ("cases", str(row["id"]), "facts", str(row["facts_version"])), ("facts_version",)
    ),
    EncryptedColumn(
        CaseWrap,
        "ciphertext",
        lambda row: (
            "case_wraps",
            str(row["case_id"]),
            f"{row['purpose']}:{row['kind']}:{row['owner_id']}",
            str(row["version"]),
        ),
        ("case_id", "purpose", "kind", "owner_id", "version"),
    ),
    EncryptedColumn(CaseFingerprint, "fingerprint", lambda _row: duplicate_detection.BINDING, deterministic=True),
    EncryptedColumn(  # bound as the `case_wraps` row that it becomes when the person agrees
        CaseMove,
        "desk_key",
        lambda row: ("case_wraps", str(row["case_id"]), f"desk:team:{row['to_team_id']}", "1"),
        ("case_id", "to_team_id"),
    ),
    EncryptedColumn(
        ReferralMessageWrap,
        "ciphertext",
        threads.wrap_binding,
        ("referral_id", "message_id", "kind", "owner_id"),
    ),
    _simple(MatchRun, "trace"),
    _simple(Referral, "card"),
    _simple(ReferralLink, "token"),
    _simple(ReferralLink, "sealed_key"),
    _simple(Member, "totp_secret"),
    _simple(PartnerNotices, "address", "organisation_id"),
    _simple(MemberNotices, "address", "member_id"),
    _simple(PersonNotices, "how", "case_id"),
    _simple(ShownCode, "sealed_key", "case_id"),
    _webhook("secret", 0),
    _webhook("old_secret", 1),
)
"""Encrypted under the epoch key: rotation re-encrypts each value."""

SEALED: Final = frozenset(
    {
        "appointments.ciphertext",  # with the case's key
        "centre_contacts.whom",  # with the case's desk key
        "document_pieces.ciphertext",  # with a key derived from the case's
        "drafts.sealed",  # with a key that only the person's cookie holds; deleted within an hour
        "key_grants.sealed_seed",  # HPKE, to a holder's public key
        "referral_links.sealed_code",  # with the case's desk key
        "referral_links.visit_key",  # with a key that only the cookie of the browser gives; good for an hour
        "referral_message_exports.ciphertext",  # with the case's key
        "referral_messages.ciphertext",  # with the message's own key
        "sealed_parts.ciphertext",  # with the case's key
        "sealed_responses.reply",  # with a key derived from what only the sender holds
        "sessions.sealed_seed",  # with a key that only the session cookie holds
    }
)
"""Encrypted with a key that the server does not have: rotation leaves them as they are."""

HASHED: Final = frozenset(
    {
        "access_tokens.id",
        "client_credentials.secret_mac",
        "drafts.id",
        "oauth_clients.secret_mac",
        "outbox.address_mark",
        "referral_links.token_hash",
        "referral_links.visit_id",
        "sealed_responses.fingerprint",
        "sealed_responses.request_id",
        "sessions.id",
        "telegram_links.token_mac",
        "used_assertions.id",
        "used_challenges.id",
    }
)
"""Hashes and MACs, which cannot be reversed."""

PUBLIC: Final = frozenset(
    {
        "client_credentials.public_key",
        "members.salt",
        "passkeys.credential_id",
        "passkeys.public_key",
        "sealing_keys.public_key",
    }
)
"""Public keys, credential ids and salts: not secret."""
