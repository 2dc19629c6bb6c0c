"""Every binary column of the schema, and what it is: what has to be locked anew when the epoch key is rotated can not be forgotten.

A house test compares this list with the tables themselves. A new column stands in exactly one of the four groups.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.cases import duplicate_detection
from app.cases.models import Case, CaseFingerprint, CaseMove, CaseWrap
from app.core.db import Base
from app.core.keyring import KeyRing
from app.matching.models import MatchRun
from app.messaging.models import PartnerNotices, PersonNotices
from app.referrals.models import Referral
from app.staff.models import Member
from app.webhooks.models import WebhookEndpoint

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Locked:
    """A column whose values were made by `KeyRing.lock`. `place` tells of a row what its value is bound to.

    `same`: they were made by `lock_same`. `reads` are the columns that `place` needs beside the primary key, which is `key`.
    """

    model: type[Base]
    column: str
    place: Callable[[Row], tuple[str, ...]]
    reads: tuple[str, ...] = ()
    same: bool = False
    key: str = "id"

    def anew(self, ring: KeyRing, value: bytes, place: tuple[str, ...]) -> bytes:
        """The value under the key of today. Raises CannotOpen."""
        if self.same:
            return ring.lock_same(ring.unlock_same(value, *place), *place)
        return ring.lock(ring.unlock(value, *place), *place)

    @property
    def name(self) -> str:
        return f"{self.model.__tablename__}.{self.column}"


def _simple(model: type[Base], column: str, key: str = "id") -> Locked:
    """Bound to table, row, column and version 1, as most are."""
    return Locked(model, column, lambda row: (model.__tablename__, str(row[key]), column, "1"), key=key)


def _webhook(column: str, before: int) -> Locked:
    """A secret of a webhook: the newest under its version, the one before under the version below."""
    return Locked(
        WebhookEndpoint,
        column,
        lambda row: ("webhook_endpoints", str(row["id"]), "secret", str(row["secret_version"] - before)),
        ("secret_version",),
    )


LOCKED: Final = (
    Locked(
        Case, "facts", lambda row: ("cases", str(row["id"]), "facts", str(row["facts_version"])), ("facts_version",)
    ),
    Locked(
        CaseWrap,
        "locked",
        lambda row: (
            "case_wraps",
            str(row["case_id"]),
            f"{row['purpose']}:{row['kind']}:{row['owner_id']}",
            str(row["version"]),
        ),
        ("case_id", "purpose", "kind", "owner_id", "version"),
    ),
    Locked(CaseFingerprint, "fingerprint", lambda _row: duplicate_detection.PLACE, same=True),
    Locked(  # the wrap that it becomes with the person's yes
        CaseMove,
        "desk_key",
        lambda row: ("case_wraps", str(row["case_id"]), f"desk:team:{row['to_team_id']}", "1"),
        ("case_id", "to_team_id"),
    ),
    _simple(MatchRun, "trace"),
    _simple(Referral, "card"),
    _simple(Member, "totp_secret"),
    _simple(PartnerNotices, "address", "organisation_id"),
    _simple(PersonNotices, "how", "case_id"),
    _webhook("secret", 0),
    _webhook("old_secret", 1),
)
"""Locked under the epoch key: rotation reads each and locks it anew."""

SEALED: Final = frozenset(
    {
        "drafts.sealed",  # with a key that only a person's cookie has; gone within an hour
        "key_grants.sealed_seed",  # HPKE, to a holder's public key
        "members.sealed_seed",  # with the passphrase
        "sealed_parts.ciphertext",  # with the case's key
        "sealed_responses.reply",  # with what only the sender has
        "sessions.sealed_seed",  # with a key that only a cookie has
    }
)
"""Closed with a key that the server does not have: rotation leaves them."""

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
        "used_assertions.id",
        "used_challenges.id",
    }
)
"""Hashes and MACs: nothing comes back out of them."""

PUBLIC: Final = frozenset(
    {
        "client_credentials.public_key",
        "members.salt",
        "passkeys.credential_id",
        "passkeys.public_key",
        "sealing_keys.public_key",
    }
)
"""Public keys, their names, and salts: no secret."""
