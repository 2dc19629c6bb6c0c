"""Models of the API's answers. The OpenAPI document is generated from them, and tests compare every answer with them.

Routes build their answers straight from rows, without these models. A field without a value is absent: no answer contains null.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import FieldError
from app.referrals.quality import MOST, QUALITY

Absent = Field(default=None)


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FieldProblem(_Document):
    """One thing wrong with the input; the input itself is never repeated."""

    pointer: str = Field(description="RFC 6901 pointer into the body, or /query/name.", examples=["/needs/0"])
    code: str = Field(examples=["unknown_code"])
    detail: str


class Problem(BaseModel):
    """RFC 9457. `type` is stable: programs can switch on it. Further members depend on the type."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:pristan:problem:not-found"])
    title: str
    status: int = Field(ge=400, le=599)
    detail: str | None = Absent
    errors: list[FieldProblem] | None = Field(default=None, description="With 422: one entry for each field.")
    state: str | None = Field(default=None, description="With 409 and 412: the referral's present state.")
    version: int | None = Field(default=None, description="With 412: the present version.")
    allowed_actions: list[str] | None = Field(default=None, description="With 409 and 412: what is possible now.")


class OAuthProblem(_Document):
    """An error of the token endpoint (RFC 6749 §5.2)."""

    error: Literal["invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type"]
    error_description: str


class ServerMetadata(_Document):
    """Metadata of the authorization server (RFC 8414)."""

    issuer: str
    token_endpoint: str
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    revocation_endpoint: str
    revocation_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_signing_alg_values_supported: list[str]
    grant_types_supported: list[str]
    response_types_supported: list[str]
    scopes_supported: list[str]


class AccessTokenAnswer(_Document):
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(ge=1, le=900, description="Seconds.")
    scope: str = Field(description="The scopes granted, separated by spaces.")


class CodedNeed(_Document):
    code: str = Field(examples=["asylum"])
    label: str = Field(description="In English.", examples=["Asylum"])


class Due(_Document):
    """The legal deadline as far as it is known; the date printed in the letter always counts for more."""

    last_safe_day: date
    certainty: str | None = Absent
    known: bool | None = Field(
        default=None,
        description="false: the deadline is not known, and `last_safe_day` is a careful assumption. It may be over already.",
    )
    reason: Literal["unread_letter", "unclear_letter"] | None = Field(
        default=None,
        description="Why it is not known: nobody has read the person's document yet, or the letter remains unclear.",
    )


class DueDay(_Document):
    """One day by which something is due. `what` is in English."""

    last_safe_day: date
    certainty: str = Field(description="sourced-high, sourced-medium, sourced-low or assumed.")
    known: bool = Field(description="false: a careful assumption. The deadline may be over already.")
    letters: bool = Field(
        description="true: the limit of the letter itself. false: a further step, or a day that somebody named."
    )
    event: str | None = Field(default=None, description="The kind of letter, as in `letter.kind`, or the further step.")
    what: str | None = Field(default=None, description="What the letter is, or what has to be done by that day.")
    also_due: list[str] | None = Field(default=None, description="What else is due by that day, like an urgent motion.")


class Card(_Document):
    """What you need in order to decide, before acceptance: a card without a name."""

    region: str | None = Field(default=None, description="ISO 3166-2.", examples=["PL-14"])
    speak: list[str] = Field(description="BCP 47.")
    for_whom: Literal["self", "relative", "volunteer"] | None = Absent
    helps: list[str] = Field(description="What the person asked for, like interpreter, woman_lawyer, large_print.")


class ReferralSummary(_Document):
    """One case that your organisation was asked to take."""

    id: UUID
    version: int = Field(ge=1)
    label: str = Field(description="A short name to speak of the referral by.", examples=["R-7KX-29QM"])
    service: str = Field(description="organisation/service", examples=["pl-hfhr/legal-advice"])
    state: str
    allowed_actions: list[str] = Field(description="What a partner may do now.")
    priority: Literal["emergency", "urgent", "normal"]
    needs: list[CodedNeed]
    country: str = Field(pattern="^[A-Z]{2}$")
    languages: list[str] = Field(description="BCP 47.")
    deadline: Due | None = Absent
    respond_by: datetime | None = Field(
        default=None, description="By when you owe the next answer: a sign, a decision, the first contact."
    )
    decide_by: datetime | None = Field(default=None, description="By when to accept or decline.")
    respond_by_local: str | None = Field(
        default=None,
        description="`respond_by` in local time, with its offset. Counted in your working hours, an emergency day and night.",
        examples=["2026-11-25T18:00:00+01:00"],
    )
    time_zone: str | None = Field(
        default=None, description="IANA name of the country's time zone.", examples=["Europe/Warsaw"]
    )
    review_on: date | None = Field(default=None, description="The day you named for a waitlisted or held referral.")
    reason: str | None = Field(default=None, description="Why it ended.")
    outcome: str | None = Field(default=None, description="How it was completed.")
    question: str | None = Field(default=None, description="What you asked, while you wait for the answer.")
    sealed: bool = Field(description="Whether /sealed can be read now.")
    waiting_since: datetime = Field(description="To the hour.")
    offered_at: datetime
    updated_at: datetime


class AppointmentOut(_Document):
    """The state of the times that your organisation offered. The exact time and the place are encrypted: see the partner page."""

    id: UUID
    state: Literal["open", "agreed", "others_wanted"]
    slot: int | None = Field(
        default=None, ge=0, description="Of an agreed time: which of yours, from 0, earliest first."
    )
    hour: datetime | None = Field(default=None, description="Of an agreed time: the full hour in which it begins.")


class SentDocument(_Document):
    """A document that your organisation sent to the person."""

    id: UUID
    pages: int = Field(ge=1)


class TeamAppointmentOut(_Document):
    """The state of the times that the team offered the person, while you work on the referral. The exact time is encrypted."""

    state: Literal["open", "agreed", "others_wanted"]
    hour: datetime | None = Field(default=None, description="Of an agreed time: the full hour in which it begins.")
    callback: bool | None = Field(
        default=None, description="Of an agreed time: true if the team calls back within a window that begins then."
    )


class ReferralDetail(ReferralSummary):
    card: Card
    deadlines: list[DueDay] | None = Field(
        default=None, description="All days by which something is due, earliest first; `deadline` is the case's own."
    )
    appointment: AppointmentOut | None = Absent
    team_appointment: TeamAppointmentOut | None = Absent


class ReferralPage(_Document):
    referrals: list[ReferralSummary]
    next_cursor: str | None = Field(default=None, description="Absent on the last page.")


class Hpke(_Document):
    """Algorithm numbers of the IANA HPKE registry."""

    kem: Literal[25722, 32] = Field(description="25722 X-Wing (0x647A), or 32 X25519 (0x0020): the kind of your key")
    kdf: Literal[1] = Field(description="HKDF-SHA256")
    aead: Literal[2] = Field(description="AES-256-GCM")


Base64Url = Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$", description="base64url without padding")]


class SealedPartOut(_Document):
    id: UUID
    part: Literal["contact", "story", "happened", "thread"]
    seq: int
    author: Literal["person", "desk", "partner"]
    version: int
    aad: Base64Url
    ciphertext: Base64Url = Field(description="Nonce (12 bytes), ciphertext, tag (16 bytes).")


class DocumentOut(_Document):
    """A photo or PDF of the case, as pictures of its pages. Read it in pieces."""

    id: UUID
    author: Literal["person", "desk", "partner"] = Field(description="Who added it.")
    pages: int = Field(ge=1)
    pieces: int = Field(ge=1, description="How many pieces there are, counted through all pages.")
    created_at: datetime = Field(description="The full hour in which it was added.")
    original_pieces: int | None = Field(
        default=None,
        ge=1,
        description="How many more pieces the untouched file has, which was kept because it is electronically signed. It may be "
        "dangerous to open. Left out if it was not kept.",
    )


class DocumentPieceOut(_Document):
    """A piece of a page's picture, encrypted under a key that is derived from the case's. See the documentation."""

    document: UUID
    page: int = Field(ge=0, description="Counted from 1; 0 is the untouched file, if it was kept.")
    pages: int = Field(ge=1, description="How many pages the document has.")
    piece: int = Field(ge=1, description="Its place within the page.")
    pieces: int = Field(ge=1, description="How many pieces the page has.")
    aad: Base64Url
    ciphertext: Base64Url = Field(description="Nonce (12 bytes), ciphertext, tag (16 bytes).")


class Signature(_Document):
    """The service's signature over the document's texts. The documentation gives their order."""

    kid: str = Field(description="Which key of /.well-known/jwks.json.")
    alg: Literal["Ed25519"]
    signed_at: datetime
    value: Base64Url


class PublicKeyOut(_Document):
    """A public key for signatures, as a JSON Web Key (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: Base64Url
    kid: str = Field(description="RFC 7638.")
    alg: Literal["Ed25519"]
    use: Literal["sig"]


class PublicKeys(_Document):
    """A set of public keys (RFC 7517)."""

    keys: list[PublicKeyOut]


class Sealed(_Document):
    """The case's key, sealed to your organisation's public key, and the parts it opens. See the documentation."""

    referral: UUID
    case: str = Field(description="The case's label, by which person and coordinators speak of it.")
    key_id: UUID = Field(description="Which of your registered keys it is sealed to.")
    alg: Literal["HPKE+HKDF-SHA256+AES-256-GCM-SIV"]
    hpke: Hpke
    info: Base64Url
    wrap: Base64Url = Field(description="enc (X-Wing 1,120 bytes, X25519 32), then ciphertext and tag (48 bytes).")
    parts: list[SealedPartOut]
    documents: list[DocumentOut] | None = Field(
        default=None, description="The case's documents, oldest first; left out if there are none."
    )
    signature: Signature


class MessageReader(_Document):
    """A recipient that a message is sealed to, with the public key to use."""

    kind: Literal["team", "organisation"]
    owner: UUID
    key_id: UUID
    hpke: Hpke
    public_key: Base64Url


class SealedMessageOut(_Document):
    id: UUID
    seq: int = Field(ge=1)
    author: Literal["desk", "partner"]
    key_id: UUID = Field(description="Which of your registered keys its key is sealed to.")
    info: Base64Url
    wrap: Base64Url = Field(description="The message's 32-byte key, HPKE-sealed to your organisation.")
    aad: Base64Url
    ciphertext: Base64Url = Field(description="Nonce (12 bytes), ciphertext, tag (16 bytes).")


class Messages(_Document):
    """The conversation about one referral between the team and your organisation. See the documentation."""

    referral: UUID
    seal_to: list[MessageReader] = Field(description="The keys to seal a new message to: the team's and yours.")
    messages: list[SealedMessageOut]


class MessageKey(_Document):
    owner: UUID
    key_id: UUID
    wrap: Base64Url


class NewMessage(_Document):
    """A message that you sealed. `id`: a new UUID of yours; the same one again changes nothing."""

    id: UUID
    ciphertext: Base64Url
    keys: list[MessageKey] = Field(min_length=1, max_length=2, description="Its key, sealed to each of `seal_to`.")


class PostedMessage(_Document):
    id: UUID
    seq: int = Field(ge=1, description="Its place in the conversation.")


class NewTimes(_Document):
    """Times that you sealed. `id`: a new UUID of yours; the same one again changes nothing."""

    id: UUID
    times: int = Field(ge=1, le=5, description="How many.")
    last_hour: datetime = Field(description="The full hour in which the latest of them begins.")
    ciphertext: Base64Url = Field(description="Nonce (12 bytes), ciphertext, tag (16 bytes).")


class OfferedTimes(_Document):
    id: UUID
    state: Literal["open", "agreed", "declined", "others_wanted", "withdrawn", "expired"]


class Quality(_Document):
    """What your organisation says about the quality of a referral."""

    quality: list[Literal[tuple(QUALITY)]] = Field(min_length=1, max_length=MOST, description="One to four codes.")  # type: ignore[valid-type]


class FhirMeta(_Document):
    lastUpdated: datetime


class FhirEntry(_Document):
    fullUrl: str = Field(pattern="^urn:uuid:")
    resource: dict[str, Any] = Field(description="A resource of FHIR R4: Task, ServiceRequest or Patient.")


class FhirBundle(_Document):
    """HL7 FHIR R4 (4.0.1). Our own codes have systems that begin with `urn:pristan:`."""

    resourceType: Literal["Bundle"]
    id: UUID
    meta: FhirMeta
    type: Literal["collection"]
    timestamp: datetime
    entry: list[FhirEntry] = Field(min_length=3, max_length=3)


class EventData(_Document):
    referral: UUID
    state: str = Field(description="The state it came into; of `message.posted`, the state it is in.")
    version: int


class CloudEvent(_Document):
    """CloudEvents 1.0. Ids and codes only."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str = Field(examples=["org.pristan.referral.offered"])
    subject: str = Field(description="The referral's id.")
    time: datetime
    datacontenttype: Literal["application/json"]
    data: EventData


class EventPage(_Document):
    """Events, oldest first. Store the cursor after you have processed the page; an event may come more than once."""

    events: list[CloudEvent]
    cursor: str
    more: bool = Field(description="Whether others are waiting already.")


class WebhookOut(_Document):
    """A webhook endpoint. `secret` is present only in the answer that created it."""

    id: UUID
    version: int = Field(ge=1)
    url: str
    types: list[str] = Field(description="Empty: every type.", examples=[["org.pristan.referral.offered"]])
    signature: Literal["v1", "v1a"] = Field(description="v1: HMAC-SHA256. v1a: Ed25519.")
    state: Literal["active", "paused", "gone"] = Field(description="gone: it answered 410.")
    secret: str | None = Field(default=None, description="For v1. Shown once.", examples=["whsec_…"])
    public_key: str | None = Field(default=None, description="For v1a.", examples=["whpk_…"])
    old_secret_until: datetime | None = Field(
        default=None, description="Until then everything is signed with the secret before, too."
    )
    ends_at: datetime | None = Field(
        default=None, description="When it is removed: only in the sandbox, for its published program."
    )
    created_at: datetime
    updated_at: datetime


class WebhookList(_Document):
    endpoints: list[WebhookOut]


class DeliveryOut(_Document):
    """One event for one endpoint, and the result of its last attempt."""

    id: UUID
    event: UUID = Field(description="The event's id, which is also the header webhook-id.")
    type: str
    referral: UUID | None = Field(default=None, description="Absent for a test event.")
    state: Literal["waiting", "delivered", "dead"] = Field(description="dead: given up after four days, or after 410.")
    attempts: int
    next_attempt_at: datetime | None = Absent
    attempted_at: datetime | None = Absent
    last_status: int | None = Field(default=None, description="What your endpoint answered.")
    last_error: str | None = Field(default=None, description="Why there was no answer.", examples=["too_slow"])
    happened_at: datetime
    created_at: datetime


class DeliveryPage(_Document):
    deliveries: list[DeliveryOut]
    next_cursor: str | None = Field(default=None, description="Absent on the last page.")


class Resent(_Document):
    events: int = Field(description="How many events go out again.")


class ReasonOut(_Document):
    key: str = Field(examples=["need.yes"])
    text: str = Field(description="In the person's language.")


class CandidateOut(_Document):
    service: str
    organisation: str
    name: str
    rank: int = Field(ge=1)
    reasons: list[ReasonOut]


class NearestOut(_Document):
    service: str
    organisation: str
    name: str
    reasons: list[ReasonOut]


class NotMatchedOut(_Document):
    service: str
    reasons: list[ReasonOut]


class NeedResultOut(_Document):
    """The services among the candidates that help with one need. An empty list: nobody was found for it yet."""

    code: str = Field(examples=["asylum"])
    services: list[str] = Field(description="organisation/service", examples=[["pl-hfhr/legal-advice"]])


class FurtherDeadline(_Document):
    event: str
    last_safe_day: date
    certainty: str


class FiledDeadline(_Document):
    """What is known of the deadline. Texts are in the language of the intake, except `note`, `heading` and `source`."""

    last_safe_day: date
    certainty: str = Field(description="sourced-high, sourced-medium, sourced-low or assumed.")
    source: str
    known: bool | None = Field(
        default=None,
        description="false: the deadline is not known, and `last_safe_day` is a careful assumption. It may be over already.",
    )
    passed: bool | None = Field(default=None, description="The last safe day was before today.")
    text: str | None = Field(default=None, description="What to tell the person.")
    certainty_text: str | None = Field(default=None, description="How sure the limit is, in words.")
    event: str | None = Field(default=None, description="The kind of letter, as in `letter.kind`.")
    heading: str | None = Field(default=None, description="What the letter's own heading looks like.")
    note: str | None = Field(default=None, description="What a lawyer has to know of the source. English.")
    source_url: str | None = Absent
    stops_removal: Literal["yes", "no", "partly", "unknown"] | None = Field(
        default=None, description="Whether an appeal made in time stops removal."
    )
    removal_text: str | None = Field(default=None, description="The same in words.")
    appeal_to: str | None = Absent
    filed_through: str | None = Field(default=None, description="Whom the appeal is handed in to.")
    also_due: list[str] | None = Field(default=None, description="What else is due, like an urgent motion.")
    further: list[FurtherDeadline] | None = Field(
        default=None, description="Further steps that the letter makes due, each on a day of its own."
    )
    remarks: list[str] | None = Field(default=None, description="What the person has to know of the limit.")


class FiledIntake(_Document):
    """`receipt` is the person's number, which opens the case: give it to the person and do not store it."""

    receipt: str = Field(pattern="^[0-9]{4}( [0-9]{4}){6}$")
    case: str
    urgency: Literal["emergency", "urgent", "normal"]
    deadline: FiledDeadline | None = Absent
    candidates: list[CandidateOut]
    nearest: list[NearestOut]
    not_matched: list[NotMatchedOut]
    by_need: list[NeedResultOut] = Field(
        default=[], description="The result need by need, those with the letter's deadline first."
    )


class ConflictList(_Document):
    """`salt` is 32 bytes as base64url: the key of the HMAC-SHA256 your program hashes with.

    `form` is the oldest form of hashes that is compared, `forms` are all of them: see the docs.
    """

    form: Literal["1"]
    forms: list[Literal["1", "2"]] = Field(default=["1", "2"])
    salt: str = Field(pattern="^[A-Za-z0-9_-]{43}$")
    entries: int = Field(ge=0)


class ConflictHashes(_Document):
    """What your program sends: hashes, never what was hashed."""

    form: Literal["1", "2"]
    hashes: list[Annotated[str, Field(pattern="^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$")]] = Field(
        min_length=1, max_length=5_000
    )


assert set(FieldError.__annotations__) == set(FieldProblem.model_fields)
