"""Every use of the root secret: the keys derived from it, the values stored with them, their fate when it is replaced.

`tests/architecture/test_root_uses.py` finds each `mac` and `derive` of a key ring in the source, and compares it with this table,
and this table with the one in docs/crypto.md.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class AtNewRoot(StrEnum):
    KEPT = "kept"
    """The key goes on as an item of the key file, because what hangs on it cannot be made again."""
    FADES = "fades"
    """What is in flight is accepted for two days more (`rotation.IN_FLIGHT`); new things are made with the new root."""
    EPOCH = "epoch"
    """There is one for each epoch; it ends with its epoch."""


@dataclass(frozen=True, slots=True)
class RootUse:
    """A purpose, as `KeyRing.derive` gets it; `mac` puts `mac:` in front of its own.

    stored: the columns that hold what was made with it. For a kept key these are also encrypted under the epoch key
    (`HIDDEN_COLUMNS`, `members.sealed_seed`), unless `open_because` says why they need not be.
    """

    purpose: str
    what: str
    at_new_root: AtNewRoot
    stored: tuple[str, ...] = ()
    open_because: str = ""


_KEPT, _FADES = AtNewRoot.KEPT, AtNewRoot.FADES
ROOT_USES: Final = (
    RootUse("mac:receipt:2", "finds a case by its number", _KEPT, ("cases.receipt_id",)),
    RootUse("mac:receipt", "the same, for numbers from before they were stretched", _KEPT, ("cases.receipt_id",)),
    RootUse("mac:conflict-salt", "the salt that an organisation's program hashes its conflict list with", _KEPT),
    RootUse(
        "mac:conflict",
        "entries of conflict lists, and traces of cases for organisations with a list or a key of the case",
        _KEPT,
        ("conflict_entries.mac", "conflict_traces.mac"),
    ),
    RootUse("mac:honeytoken", "marks an invented case", _KEPT, ("honeytokens.id",)),
    RootUse("mac:facts", "shows whether the facts of a case have changed", _KEPT, ("match_runs.facts_mac",)),
    RootUse(
        "mac:shown-code", "finds a case by a code that its person shows to somebody", _KEPT, ("shown_codes.look_up_id",)
    ),
    RootUse(
        "mac:telegram-chat", "finds the cases of a Telegram chat that sends /stop", _KEPT, ("person_notices.chat_mark",)
    ),
    RootUse("mac:invitation", "finds an invitation by its code", _KEPT, ("invitations.code_mac",)),
    RootUse("mac:known-browser", "finds a browser in which a member signed in before", _KEPT, ("known_browsers.id",)),
    RootUse("staff:pepper", "the pepper of members' passphrases", _KEPT, ("members.sealed_seed",)),
    RootUse(
        "mac:oauth-secret",
        "checks the secret of a partner's program",
        _KEPT,
        ("client_credentials.secret_mac",),
        open_because="the secrets are 256 random bits, which nobody guesses; the sandbox's is published",
    ),
    RootUse("mac:form-token", "the tokens of forms", _FADES),
    RootUse("mac:browser-secret:s", "the cookie of a person's visit", _FADES),
    RootUse("mac:browser-secret:staff_form", "the cookie of the sign-in's form", _FADES),
    RootUse("mac:browser-secret:staff_browser", "the cookie of a browser in which somebody signed in", _FADES),
    RootUse("mac:browser-secret:link", "the cookie of a browser in which the code of a link was given", _FADES),
    RootUse("mac:passkey-challenge", "the challenges for passkeys", _FADES),
    RootUse(
        "mac:telegram-link",
        "finds the link with which a person connects their Telegram",
        _FADES,
        ("telegram_links.token_mac",),
    ),
    RootUse("mac:api-cursor", "the cursors of the API", _FADES),
    RootUse("mac:reply-id", "finds the answer to a request that is repeated", _FADES, ("sealed_responses.request_id",)),
    RootUse(
        "mac:reply-payload", "shows whether it is the same request", _FADES, ("sealed_responses.fingerprint",)
    ),
    RootUse("reply-salt", "the salt of the key of that answer", _FADES, ("sealed_responses.reply",)),
    RootUse("signature:{epoch}", "the Ed25519 key that signs documents for partners", AtNewRoot.EPOCH),
)  # fmt: skip

KEPT: Final = tuple(use.purpose for use in ROOT_USES if use.at_new_root is AtNewRoot.KEPT)
FADING: Final = tuple(use.purpose for use in ROOT_USES if use.at_new_root is AtNewRoot.FADES)
