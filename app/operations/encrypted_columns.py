"""Every binary column of the schema, in one of four groups, so that key rotation re-encrypts all that it must.

A test in tests/architecture compares these lists with the tables: a new binary column belongs to exactly one group.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.cases import duplicate_detection
from app.cases.models import Case, CaseFingerprint, CaseMove, CaseWrap
from app.core.db import Base
from app.core.keyring import KeyRing
from app.links.models import ShownCode
from app.matching.models import MatchRun
from app.messaging.models import MemberNotices, PartnerNotices, PersonNotices
from app.referrals import threads
from app.referrals.models import Referral
from app.referrals.thread_models import ReferralMessageWrap
from app.staff.models import Member
from app.webhooks.models import WebhookEndpoint

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EncryptedColumn:
    """A column whose values come from `KeyRing.encrypt`.

    binding: computes from a row what its value is bound to (the same that its writer passes to `encrypt`).
    binding_columns: the columns that `binding` reads in addition to the primary key.
    deterministic: the values come from `KeyRing.encrypt_deterministically`.
    key: the name of the primary key column.
    """

    model: type[Base]
    column: str
    binding: Callable[[Row], tuple[str, ...]]
    binding_columns: tuple[str, ...] = ()
    deterministic: bool = False
    key: str = "id"

    def reencrypt(self, ring: KeyRing, value: bytes, binding: tuple[str, ...]) -> bytes:
        """The value, encrypted under the current epoch key. Raises CannotOpen."""
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


ENCRYPTED_COLUMNS: Final = (
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
        "members.sealed_seed",  # with the passphrase
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
        "cases.receipt_id",
        "client_credentials.secret_mac",
        "conflict_entries.mac",
        "conflict_traces.mac",
        "honeytokens.id",
        "drafts.id",
        "invitations.code_mac",
        "known_browsers.id",
        "match_runs.facts_mac",
        "oauth_clients.secret_mac",
        "sealed_responses.fingerprint",
        "sealed_responses.request_id",
        "sessions.id",
        "shown_codes.look_up_id",
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
