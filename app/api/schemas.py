"""The documents that go out, as models: the API description is made of them, and tests hold every answer against them.

Routes build their answers straight from rows; no model stands between. A field that has nothing to say is absent: there
is no null in any answer.
"""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import FieldError

Absent = Field(default=None)


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FieldProblem(_Document):
    """One thing wrong with the input; the input itself is never repeated."""

    pointer: str = Field(description="RFC 6901 pointer into the body, or /query/name.", examples=["/needs/0"])
    code: str = Field(examples=["unknown_code"])
    detail: str


class Problem(BaseModel):
    """RFC 9457. `type` is stable: programs switch on it. Members beside the five below depend on the type."""

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
    """RFC 6749 §5.2."""

    error: Literal["invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type"]
    error_description: str


class ServerMetadata(_Document):
    """RFC 8414."""

    issuer: str
    token_endpoint: str
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint: str
    revocation_endpoint_auth_methods_supported: list[str]
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


class Card(_Document):
    """What there is to decide on, before acceptance: a card without a name."""

    region: str | None = Field(default=None, description="ISO 3166-2.", examples=["PL-14"])
    speak: list[str] = Field(description="BCP 47.")
    for_whom: Literal["self", "relative", "volunteer"] | None = Absent
    helps: list[str] = Field(description="What the person asked for, like interpreter, woman_lawyer, large_print.")


class ReferralSummary(_Document):
    """One case put to your organisation."""

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
    review_on: date | None = Field(default=None, description="The day you named for a waitlisted or held referral.")
    reason: str | None = Field(default=None, description="Why it ended.")
    outcome: str | None = Field(default=None, description="How it was completed.")
    question: str | None = Field(default=None, description="What you asked, while you wait for the answer.")
    sealed: bool = Field(description="Whether /sealed can be read now.")
    waiting_since: datetime = Field(description="To the hour.")
    offered_at: datetime
    updated_at: datetime


class ReferralDetail(ReferralSummary):
    card: Card


class ReferralPage(_Document):
    referrals: list[ReferralSummary]
    next_cursor: str | None = Field(default=None, description="Absent on the last page.")


class Hpke(_Document):
    """Algorithm numbers of the IANA HPKE registry."""

    kem: Literal[25722] = Field(description="X-Wing (0x647A)")
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


class Sealed(_Document):
    """The case's key, sealed to your organisation's public key, and the parts it opens. See the documentation."""

    referral: UUID
    case: str = Field(description="The case's label, by which person and coordinators speak of it.")
    key_id: UUID = Field(description="Which of your registered keys it is sealed to.")
    alg: Literal["HPKE+HKDF-SHA256+AES-256-GCM-SIV"]
    hpke: Hpke
    info: Base64Url
    wrap: Base64Url = Field(description="enc (1,120 bytes), then ciphertext and tag (48 bytes).")
    parts: list[SealedPartOut]


class EventData(_Document):
    referral: UUID
    state: str = Field(description="The state it came into.")
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
    """Events, oldest first. Keep the cursor after you are done with the page; an event may come more than once."""

    events: list[CloudEvent]
    cursor: str
    more: bool = Field(description="Whether others are waiting already.")


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


class FiledDeadline(_Document):
    last_safe_day: date
    certainty: str
    source: str


class FiledIntake(_Document):
    """`receipt` opens the case: give it to the person and keep it nowhere."""

    receipt: str = Field(pattern="^[0-9]{4}( [0-9]{4}){6}$")
    case: str
    urgency: Literal["emergency", "urgent", "normal"]
    deadline: FiledDeadline | None = Absent
    candidates: list[CandidateOut]
    nearest: list[NearestOut]
    not_matched: list[NotMatchedOut]


assert set(FieldError.__annotations__) == set(FieldProblem.model_fields)
