"""The settings of an installation, read once from PRISTAN_* environment variables."""

import re
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.client_address import ProxyHeader, TrustedProxies
from app.core.storage_brake import StorageLimits

Surface = Literal["public", "desk", "partner"]
ALL_SURFACES: frozenset[Surface] = frozenset({"public", "desk", "partner"})


def _offer_mode(value: object) -> object:
    """`at_once` means no wait, `by_hand` means never; anything else is a duration."""
    return {"at_once": timedelta(0), "by_hand": None}.get(value, value) if isinstance(value, str) else value


def _days(value: object) -> object:
    """A number without a unit is a number of days."""
    return timedelta(days=int(value)) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _listed(value: object) -> object:
    """Text with commas is a list."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Days = Annotated[timedelta, BeforeValidator(_days)]
OfferAfter = Annotated[timedelta | None, BeforeValidator(_offer_mode)]
TEAM_WAY_KINDS = (
    "signals", "tgram", "matrixs", "mmosts", "ntfys", "gotifys", "rockets", "nctalks", "zulip", "threema",
    "twilio", "vonage", "sinch", "bulksms", "clickatell",
)  # fmt: skip
"""Kinds of addresses of Apprise that speak TLS to one service which the operator names."""
_PLAIN_KINDS = ("signal", "matrix", "mmost", "ntfy", "gotify", "rocket", "nctalk")
"""The same without TLS, for a service on this machine."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _is_loopback(address: str) -> bool:
    try:
        return urlsplit(address).hostname in _LOOPBACK
    except ValueError:
        return False


def _needs_no_tls(host: str) -> bool:
    """An onion service brings its own encryption, and Tor Browser treats it like TLS.

    A connection within the machine needs none, and no host on the internet can be called `.test` (RFC 6761).
    """
    return host in _LOOPBACK or host.endswith((".localhost", ".test", ".onion"))


class Settings(BaseSettings):
    """Immutable settings.

    `var` is the folder of the key file, the SQLite database and the file outbox; it is never part of a backup of the database.
    """

    model_config = SettingsConfigDict(env_prefix="PRISTAN_", frozen=True, extra="ignore", hide_input_in_errors=True)

    var: Path = Path("var")
    database_url: str = ""
    database_pooler: Literal["", "transaction"] = ""
    """`transaction`: PRISTAN_DATABASE_URL leads to a PgBouncer in transaction mode. Then nothing is set for a session, and no
    statement is prepared."""
    database_connections: int = Field(default=40, ge=4, le=500)
    """The most connections that one process opens on PostgreSQL. The sum over all processes has to be below what the server allows;
    each compares it when it starts."""
    database_read_url: str = ""
    """A replica that feed, reports and open directory data are read from. Empty: everything is read from the primary."""
    database_read_behind: Annotated[timedelta, Field(ge=timedelta(seconds=1), le=timedelta(minutes=5))] = timedelta(
        seconds=5
    )
    """How far it may be behind; further, and the primary is read."""
    migrate_database_url: str = ""
    """The address for `pristan migrate` and the other commands, when a pooler stands in the way: straight to the server, and with
    the role that owns the tables. Empty: the same as PRISTAN_DATABASE_URL."""
    accept_data_loss: bool = False
    """Start although the database can lose what it has acknowledged: with standbys and without a synchronous one, or when its
    commits do not wait. *Operations* and /readyz say so in red."""
    key_file: Path = Path()
    key_file_publish: Path | None = None
    """A program that a rotation calls with the path of the key file after each change of it. It returns 0 only when every machine
    has this file (docs/cluster.md). None: all processes see the same file anyway."""
    base_url: str = "http://127.0.0.1:8000"
    demo: bool = False
    operator: str = ""
    """Who runs this copy, as people read it on the page *Who we are*: the name of an organisation or group."""
    funding: str = ""
    """Who pays for it."""
    complaints_to: str = ""
    """Whom to complain to outside the team: a name with an address, a phone number or a page."""
    about_dir: Path = Path()
    """A folder with texts of the operator for it: `about.ru.txt`, `complaints.ru.txt`; English where a language lacks one."""
    worker_in_web: bool = True
    worker_every: timedelta = timedelta(seconds=5)
    auto_offer_after: OfferAfter = None
    """`by_hand`: a coordinator makes the first offer. A duration such as PT4H: it is made automatically if nobody has taken the
    case
    by then. `at_once`: it is made automatically as soon as the case comes in."""
    auto_offer_by_country: dict[str, OfferAfter] = {}
    """The same by host country, as JSON: `{"PL": "at_once", "DE": "PT4H", "GE": "by_hand"}`. In a country set to `by_hand`
    the next offers are made by a coordinator as well."""
    smtp_host: str = ""
    """Empty: notices are written as files below `var`."""
    smtp_port: int = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_from: str = ""
    smtp_bounces: str = ""
    """Where mails that cannot be delivered come back to: a mailbox whose mail is given to `pristan notices bounce`."""
    smtp_timeout: timedelta = timedelta(seconds=10)
    """The deadline of everything that is said to the mail server for one notice."""
    signal_url: SecretStr = SecretStr("")
    """Where a gateway of the operator listens (signal-cli-rest-api): https, or http on this machine. For the worker alone."""
    signal_number: str = ""
    """Our number there, in E.164: `+48…`. Empty: no Signal."""
    telegram_bot: str = ""
    """The user name of our Telegram bot, without the @. Empty: no Telegram."""
    telegram_token: SecretStr = SecretStr("")
    """Its token. For the worker alone."""
    telegram_url: str = "https://api.telegram.org"
    """The server of the Bot API; another one for who runs their own."""
    team_ways: dict[str, SecretStr] = {}
    """More ways by which members can be told, as JSON: `{"duty phone": "signals://…", "Warsaw room": "matrixs://…"}`, with
    addresses as Apprise has them. The desk's process needs the names alone: `{"duty phone": ""}`."""
    team_way_kinds: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = TEAM_WAY_KINDS
    """Which kinds of them are allowed; fewer than all that we know, if you like."""
    gateway_timeout: timedelta = timedelta(seconds=10)
    """The deadline of one call to Signal's gateway or to Telegram."""
    escalate_after: Annotated[timedelta, Field(ge=timedelta(minutes=5), le=timedelta(hours=4))] = timedelta(minutes=15)
    """How long after an emergency was handed out the next one on the rota is told, if nobody has opened it."""
    escalate_to_seniors_after: Annotated[timedelta, Field(ge=timedelta(minutes=10), le=timedelta(hours=12))] = (
        timedelta(minutes=45)
    )
    """How long after it all seniors of the team are told."""
    sandbox: bool = False
    """Whether the published sandbox client may sign in and finds invented referrals."""
    draft_idle: Annotated[timedelta, Field(ge=timedelta(minutes=10), le=timedelta(hours=24))] = timedelta(minutes=60)
    """How long an unfinished form is kept without activity. The limits of the times below are as short as is still useful and
    as long
    as can be justified; a change applies to existing cases as well."""
    contact_kept: Days = Field(default=timedelta(days=30), ge=timedelta(days=7), le=timedelta(days=90))
    """The contact details, from the end of the case."""
    closed_kept: Days = Field(default=timedelta(days=90), ge=timedelta(days=14), le=timedelta(days=365))
    """The rest of the case, from the same day; never shorter than the contact details."""
    unmet_kept: Days = Field(default=timedelta(days=90), ge=timedelta(days=30), le=timedelta(days=365))
    """A case that nobody has taken, or for which no organisation was found."""
    spam_kept: Days = Field(default=timedelta(days=7), ge=timedelta(days=1), le=timedelta(days=30))
    """A case that was discarded as spam."""
    export_team_conversations: bool = False
    """Whether the person's own copy contains what the team and the organisations wrote to each other about their request, and
    the codes with which an organisation answered about its quality. Off: it can contain a lawyer's work, which most laws of our
    countries keep out of it. Ask counsel before you change it; it applies to what the team opens from then on."""
    conversation_messages: int = Field(default=200, ge=10, le=2000)
    """How many messages the conversation of the team with an organisation about one referral can have."""
    session_idle: timedelta = timedelta(minutes=15)
    session_max: timedelta = timedelta(hours=8)
    token_ttl: timedelta = timedelta(minutes=15)
    idempotency_ttl: timedelta = timedelta(hours=48)
    reads_per_minute: int = Field(default=1200, ge=10)
    """Requests of one API client to lists, details and the feed. The three below: actions and webhooks, filing, hand-overs."""
    writes_per_minute: int = Field(default=300, ge=10)
    filings_per_minute: int = Field(default=300, ge=10)
    hand_overs_per_minute: int = Field(default=120, ge=10)
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    """The reverse proxies whose header names the sender: addresses, networks like 172.16.0.0/12, and `unix` for a unix socket,
    with commas between. From everybody else such a header is ignored. Empty: nobody is told apart by address."""
    proxy_header: ProxyHeader = "x-forwarded-for"
    """The one header that these proxies write: `x-forwarded-for`, or `forwarded` (RFC 7239)."""
    hsts_preload: bool = False
    """Whether Strict-Transport-Security asks browsers to put the domain, with all of its subdomains, on their built-in list.
    It can hardly be taken back: only for a domain all of whose hosts speak TLS for good."""
    max_body: int = Field(default=262_144, ge=65_536)
    """The largest request in bytes. The longest genuine form is under 100 KB."""
    documents_per_case: int = Field(default=10, ge=1, le=100)
    """How many photos and PDFs a case can have, whoever added them. The three below: their pages together, bytes of one file, and
    how many are converted at the same time by one web process."""
    document_pages_per_case: int = Field(default=40, ge=1, le=400)
    document_bytes: int = Field(default=15_000_000, ge=1_000_000, le=50_000_000)
    conversions_at_once: int = Field(default=1, ge=1, le=16)
    onion_location: str = ""
    audit_kept: Days = Field(default=timedelta(days=731), ge=timedelta(days=365), le=timedelta(days=3653))
    """How long entries of the audit log are kept: 24 months."""
    traces_url: str = ""
    """Where an OTLP collector takes traces over HTTP, like http://127.0.0.1:4318/v1/traces; https, or http on this machine. Needs
    the packages of requirements/traces.txt. Empty: no traces."""
    traces_share: float = Field(default=1.0, gt=0, le=1)
    """The share of requests and jobs that is traced."""
    stubs_kept: Days = Field(default=timedelta(days=1096), ge=timedelta(days=366), le=timedelta(days=3653))
    """How long the codes that are left of an erased case are kept: three years."""
    member_reads_per_day: int = Field(default=100, ge=1)
    """How many times a day one person may open sealed parts, at the desk or on the partner's pages."""
    client_reads_per_day: int = Field(default=500, ge=1)
    """How many times a day one API client of a partner may fetch sealed parts."""
    metrics_token: str = Field(default="", repr=False)
    """The token with which a collector reads /metrics. Empty: there is no such page."""
    audit_key_file: Path = Path()
    """The key that signs heads of the audit chain; made by the worker. It reads nothing. Keep a copy with the key file."""
    audit_heads_file: Path = Path()
    """The signed heads, one an hour. Copy it to where the database's administrators cannot write."""
    database_max: int = Field(default=0, ge=0)
    """The most bytes that the database may have; 0: no limit. From then on only what is urgent is taken in. Set it on PostgreSQL,
    whose disk this service cannot see: to four fifths of that disk."""
    disk_free_min: int = Field(default=512 * 2**20, ge=0)
    """The same when fewer bytes than this are free on the disk of an SQLite database: the room that is kept for what is urgent."""
    backup_key_file: Path = Path()
    """The file of the public key that backups are sealed to; its private half is kept elsewhere."""

    @model_validator(mode="before")
    @classmethod
    def _places_follow_var(cls, values: dict[str, object]) -> dict[str, object]:
        var = Path(str(values.get("var") or "var"))
        return {
            **values,
            "var": var,
            "database_url": values.get("database_url") or f"sqlite:///{var / 'pristan.db'}",
            "key_file": values.get("key_file") or var / "keys.json",
            "backup_key_file": values.get("backup_key_file") or var / "backup.pub",
            "audit_key_file": values.get("audit_key_file") or var / "audit-key",
            "audit_heads_file": values.get("audit_heads_file") or var / "audit-heads.jsonl",
            "about_dir": values.get("about_dir") or var / "about",
        }

    @model_validator(mode="after")
    def _mail_is_private_and_has_a_sender(self) -> "Settings":
        if self.smtp_host and not self.smtp_from:
            raise ValueError("PRISTAN_SMTP_FROM is needed to send mail")
        if self.smtp_host and self.smtp_security == "none" and self.smtp_host not in _LOOPBACK:
            raise ValueError("mail to another machine must be encrypted: set PRISTAN_SMTP_SECURITY to starttls or tls")
        return self

    @model_validator(mode="after")
    def _gateways_are_whole_and_private(self) -> "Settings":
        if self.signal_url and not self.signal_number:
            raise ValueError("PRISTAN_SIGNAL_NUMBER is needed to send by Signal")
        if self.signal_number and not re.fullmatch(r"\+[1-9]\d{6,14}", self.signal_number, re.ASCII):
            raise ValueError("PRISTAN_SIGNAL_NUMBER is a number like +48600123456")
        if self.telegram_token and not self.telegram_bot:
            raise ValueError("PRISTAN_TELEGRAM_BOT is needed to send by Telegram")
        if self.telegram_bot and not re.fullmatch(r"[A-Za-z]\w{4,31}", self.telegram_bot, re.ASCII):
            raise ValueError("PRISTAN_TELEGRAM_BOT is a user name without the @")
        if self.telegram_token and not re.fullmatch(r"\d+:[\w-]+", self.telegram_token.get_secret_value(), re.ASCII):
            raise ValueError("PRISTAN_TELEGRAM_TOKEN is not a token of a bot")
        for name, address in (
            ("PRISTAN_SIGNAL_URL", self.signal_url.get_secret_value()),
            ("PRISTAN_TELEGRAM_URL", self.telegram_url),
            ("PRISTAN_TRACES_URL", self.traces_url),
        ):
            parts = urlsplit(address)
            if address and parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
                raise ValueError(f"{name} must begin with https://; only a service on this machine may do without TLS")
        return self

    @model_validator(mode="after")
    def _ways_of_the_team_are_allowed_and_private(self) -> "Settings":
        if not set(self.team_way_kinds) <= set(TEAM_WAY_KINDS):
            raise ValueError(f"PRISTAN_TEAM_WAY_KINDS: only {', '.join(TEAM_WAY_KINDS)}")
        for name, secret in self.team_ways.items():
            if not re.fullmatch(r"[\w][\w .-]{0,38}", name):
                raise ValueError("PRISTAN_TEAM_WAYS: a name has at most 39 letters, digits, spaces, dots and hyphens")
            address = secret.get_secret_value()
            kind = address.partition("://")[0].lower()
            allowed = kind in self.team_way_kinds or (
                kind in _PLAIN_KINDS and f"{kind}s" in self.team_way_kinds and _is_loopback(address)
            )
            if address and (not allowed or re.search(r"[?&](verify|redirect)=", address, re.IGNORECASE)):
                raise ValueError(
                    f"PRISTAN_TEAM_WAYS: the address of {name!r} is of no allowed kind, without TLS, or checks no certificate"
                )
        return self

    @property
    def gateways(self) -> frozenset[str]:
        """The ways besides e-mail in which the service itself can notify a person: `signal`, `telegram`.

        Derived from the names alone, which every process can know; only the worker's has address and token.
        """
        return frozenset(
            name for name, is_set in (("signal", self.signal_number), ("telegram", self.telegram_bot)) if is_set
        )

    @model_validator(mode="after")
    def _a_replica_is_of_postgresql(self) -> "Settings":
        if self.database_read_url and not (
            self.database_read_url.startswith("postgres") and self.database_url.startswith("postgres")
        ):
            raise ValueError("PRISTAN_DATABASE_READ_URL is for a replica of a PostgreSQL database")
        return self

    @model_validator(mode="after")
    def _next_on_call_goes_first(self) -> "Settings":
        if self.escalate_to_seniors_after <= self.escalate_after:
            raise ValueError("PRISTAN_ESCALATE_TO_SENIORS_AFTER is not later than PRISTAN_ESCALATE_AFTER")
        return self

    @model_validator(mode="after")
    def _contact_goes_first(self) -> "Settings":
        if self.closed_kept < self.contact_kept:
            raise ValueError("PRISTAN_CLOSED_KEPT is shorter than PRISTAN_CONTACT_KEPT")
        return self

    @model_validator(mode="after")
    def _reached_over_tls(self) -> "Settings":
        parts = urlsplit(self.base_url)
        if parts.scheme == "https" or (parts.scheme == "http" and _needs_no_tls(parts.hostname or "")):
            return self
        raise ValueError(
            "PRISTAN_BASE_URL must begin with https://; only a loopback, .onion or .test address may do without TLS"
        )

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies are sent over TLS only: always, except in development on plain HTTP at a loopback address."""
        parts = urlsplit(self.base_url)
        return parts.scheme == "https" or (parts.hostname or "").endswith(".onion")

    @model_validator(mode="after")
    def _proxies_are_addresses(self) -> "Settings":
        try:
            TrustedProxies.parse(self.trusted_proxies)
        except ValueError as error:
            raise ValueError(f"PRISTAN_TRUSTED_PROXIES: {error}") from None
        return self

    @cached_property
    def proxies(self) -> TrustedProxies:
        return TrustedProxies.parse(self.trusted_proxies, self.proxy_header)

    @property
    def storage_limits(self) -> StorageLimits:
        return StorageLimits(self.database_max, self.disk_free_min)

    def offer_after(self, country: str) -> timedelta | None:
        """How long a new case of this country waits for a coordinator before it is offered automatically; None: it is never
        offered automatically.
        """
        return self.auto_offer_by_country.get(country, self.auto_offer_after)

    @property
    def by_hand(self) -> frozenset[str]:
        """Countries in which nothing is offered automatically."""
        return frozenset(country for country, after in self.auto_offer_by_country.items() if after is None)
