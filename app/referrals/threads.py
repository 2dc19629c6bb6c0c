"""The conversation between the team and the organisation about one referral: sealing, storing, opening, destroying.

Each message has a key of its own, which is sealed to the public key of the team and to that of the organisation. So either side
(or a partner's program) can write without a private key at hand, before acceptance too, and only these two can read it. The
person's number does not open it. A member who leaves the team or the organisation loses its key, and with it the conversation.
"""

import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.cases import restriction, sealed_parts
from app.cases.models import Case, WrapFor
from app.core import keyholders, sealing
from app.core.errors import Conflict, FieldError, Invalid
from app.core.i18n import Translatable
from app.core.ids import named_id
from app.core.keyholders import SealingKey
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen, KeyPair
from app.referrals.models import Referral
from app.referrals.states import WITH_PARTNER, ReferralState
from app.referrals.thread_models import ReferralMessage, ReferralMessageExport, ReferralMessageWrap

MAX_TEXT: Final = 10_000
MAX_CIPHERTEXT: Final = 65_536
"""Bytes of one sealed message: the longest text in four-byte characters, padded, with nonce and tag, fits."""
MAX_MESSAGES: Final = 200
TALKING: Final = WITH_PARTNER | {ReferralState.COMPLETED}
"""In these states the organisation reads and writes; afterwards only the team reads."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who a message is sealed to: the team or the organisation, with its active public key."""

    kind: WrapFor
    owner_id: UUID
    key_id: UUID
    public_key: bytes


@dataclass(frozen=True, slots=True)
class SealedMessage:
    """A message ready to be stored: its ciphertext, and its key sealed to each reader (by `owner_id`)."""

    id: UUID
    ciphertext: bytes
    wraps: Mapping[UUID, bytes]


@dataclass(frozen=True, slots=True)
class OpenedMessage:
    """A message as its reader sees it; `content` is None when it cannot be opened with this key. The repr shows no content."""

    id: UUID
    seq: int
    author: str
    content: dict[str, Any] | None

    def __repr__(self) -> str:
        return f"OpenedMessage({self.seq})"


def may_talk(referral: Referral) -> bool:
    return ReferralState(referral.state) in TALKING


def message_info(referral_id: UUID, message_id: UUID, kind: str, owner_id: UUID) -> bytes:
    """The HPKE `info` of a message's key. A partner's client builds the same bytes."""
    return sealing.context("pristan/message-key", str(referral_id), str(message_id), kind, str(owner_id))


def message_aad(referral_id: UUID, message_id: UUID, author: str) -> bytes:
    """The associated data of a message's ciphertext. A partner's client builds the same bytes."""
    return sealing.context("referral_messages", str(referral_id), str(message_id), author)


def _wrap_binding(referral_id: object, message_id: object, kind: object, owner_id: object) -> tuple[str, ...]:
    return ("referral_message_wraps", f"{referral_id}:{message_id}", f"{kind}:{owner_id}", "1")


def wrap_binding(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The binding of a wrap's encryption, from its row; key rotation uses it."""
    return _wrap_binding(row["referral_id"], row["message_id"], row["kind"], row["owner_id"])


def readers(session: Session, case: Case, referral: Referral) -> dict[WrapFor, Reader]:
    """The team and the organisation with their active keys; of a restricted case its named members instead of the team.

    Raises Conflict when one of them has none.
    """
    owners = {WrapFor.TEAM: restriction.holder_of(case), WrapFor.ORGANISATION: referral.organisation_id}
    keys = keyholders.public_keys(session, list(owners.values()))
    if referral.organisation_id not in keys:
        raise Conflict("This organisation has no key, so nothing can be encrypted to it. Write or phone.")
    if owners[WrapFor.TEAM] not in keys:
        raise Conflict("The team has no key yet, so nothing can be encrypted to it.")
    return {kind: Reader(kind, owner, keys[owner].id, keys[owner].public_key) for kind, owner in owners.items()}


def id_of_form(referral_id: UUID, author: str, writer_id: UUID, token: str) -> UUID:
    """The id of a message from a form: the same form sent again gives the same id; another writer's form never gives it."""
    return named_id("referral-message", f"{referral_id}:{author}:{writer_id}:{token[:64]}")


def check_text(text: str) -> str:
    """The text without surrounding space. Raises Invalid: empty, or too long."""
    text = text.strip()
    if not text or len(text) > MAX_TEXT:
        code = "too_long" if text else "required"
        raise Invalid(
            [
                FieldError(
                    pointer="/text", code=code, detail=Translatable("Write 1 to {most} characters.", most=MAX_TEXT)
                )
            ]
        )
    return text


def seal(
    to: Iterable[Reader], referral_id: UUID, message_id: UUID, author: str, text: str, now: datetime
) -> SealedMessage:
    """Seal a text to the readers. Raises Invalid."""
    key = os.urandom(32)
    content = {"text": check_text(text), "at": sealed_parts.exact_time(now)}
    plain = sealing.pad(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
    return SealedMessage(
        message_id,
        sealing.encrypt(key, plain, message_aad(referral_id, message_id, author)),
        {
            reader.owner_id: sealing.seal_to(
                reader.public_key, key, message_info(referral_id, message_id, reader.kind.value, reader.owner_id)
            )
            for reader in to
        },
    )


def stored(session: Session, referral_id: UUID, message_id: UUID) -> ReferralMessage | None:
    return session.get(ReferralMessage, (referral_id, message_id))


def add(
    session: Session,
    keys: KeyRing,
    referral: Referral,
    to: Iterable[Reader],
    author: str,
    message: SealedMessage,
    *,
    limit: int = MAX_MESSAGES,
) -> int | None:
    """Store a message; returns its number, or None: it is stored already. The caller holds the referral's row.

    Raises Conflict: the conversation has `limit` messages.
    """
    if stored(session, referral.id, message.id) is not None:
        return None
    last = last_seq(session, referral.id)
    if last >= limit:
        raise Conflict(
            "This conversation is full. Write or phone, or use the conversation with the person.", state=referral.state
        )
    session.add(
        ReferralMessage(
            referral_id=referral.id,
            id=message.id,
            case_id=referral.case_id,
            seq=last + 1,
            author=author,
            ciphertext=message.ciphertext,
        )
    )
    for reader in to:
        binding = _wrap_binding(referral.id, message.id, reader.kind.value, reader.owner_id)
        session.add(
            ReferralMessageWrap(
                referral_id=referral.id,
                message_id=message.id,
                case_id=referral.case_id,
                kind=reader.kind.value,
                owner_id=reader.owner_id,
                key_id=reader.key_id,
                ciphertext=keys.encrypt(message.wraps[reader.owner_id], *binding),
            )
        )
    session.flush()
    return last + 1


def last_seq(session: Session, referral_id: UUID) -> int:
    """The number of messages of the conversation."""
    query = sa.select(sa.func.max(ReferralMessage.seq)).where(ReferralMessage.referral_id == referral_id)
    return session.scalar(query) or 0


def sealed_messages(
    session: Session, keys: KeyRing, referral_id: UUID, owner_id: UUID
) -> list[tuple[ReferralMessage, ReferralMessageWrap, bytes]]:
    """The messages in order, each with this reader's wrap and the wrap without the epoch encryption, still HPKE-sealed.

    A message that this reader holds no wrap of is left out; so is one whose epoch key was destroyed.
    """
    rows = session.execute(
        sa.select(ReferralMessage, ReferralMessageWrap)
        .join(
            ReferralMessageWrap,
            sa.and_(
                ReferralMessageWrap.referral_id == ReferralMessage.referral_id,
                ReferralMessageWrap.message_id == ReferralMessage.id,
            ),
        )
        .where(ReferralMessage.referral_id == referral_id, ReferralMessageWrap.owner_id == owner_id)
        .order_by(ReferralMessage.seq)
    ).all()
    messages = []
    for message, wrap in rows:
        try:
            messages.append((message, wrap, keys.decrypt(wrap.ciphertext, *_binding_of(wrap))))
        except CannotOpen:
            continue
    return messages


def open_messages(
    session: Session, keys: KeyRing, referral_id: UUID, owner_id: UUID, held: Mapping[UUID, KeyPair]
) -> tuple[list[OpenedMessage], dict[UUID, bytes]]:
    """The messages of a conversation and the keys that were opened (by message), with the key pairs of a reader."""
    messages, opened_keys = [], {}
    for message, wrap, sealed in sealed_messages(session, keys, referral_id, owner_id):
        content = None
        holder = held.get(wrap.key_id)
        try:
            if holder is not None:
                key = holder.open(sealed, message_info(referral_id, message.id, wrap.kind, wrap.owner_id))
                content = _content(message, key)
                opened_keys[message.id] = key
        except CannotOpen:
            content = None
        messages.append(OpenedMessage(message.id, message.seq, message.author, content))
    return messages, opened_keys


def _content(message: ReferralMessage, key: bytes) -> dict[str, Any]:
    """Raises CannotOpen, also for a content that a partner's program built in another shape."""
    aad = message_aad(message.referral_id, message.id, message.author)
    plain = sealing.unpad(sealing.decrypt(key, message.ciphertext, aad))
    try:
        content = json.loads(plain)
        text, at = str(content["text"]), datetime.fromisoformat(str(content["at"]))
    except (ValueError, KeyError, TypeError) as error:
        raise CannotOpen from error
    if at.tzinfo is None:
        raise CannotOpen
    return {"text": text[:MAX_TEXT], "at": at.isoformat(timespec="seconds")}


def _binding_of(wrap: ReferralMessageWrap) -> tuple[str, ...]:
    return _wrap_binding(wrap.referral_id, wrap.message_id, wrap.kind, wrap.owner_id)


# --- keys that change ------------------------------------------------------------------------------------------------


def reseal_opened(
    session: Session,
    keys: KeyRing,
    referral_id: UUID,
    opened_keys: Mapping[UUID, bytes],
    *,
    to: Collection[UUID] | None = None,
) -> int:
    """Seal the keys of opened messages to the active keys of readers that hold them under an older one; returns how many.

    `to`: only to these keys, because a member who has only the old key would lose access. A wrap that was destroyed stays so.
    """
    outdated = session.execute(
        sa.select(ReferralMessageWrap, SealingKey)
        .join(SealingKey, SealingKey.owner_id == ReferralMessageWrap.owner_id)
        .where(
            ReferralMessageWrap.referral_id == referral_id,
            ReferralMessageWrap.key_id != SealingKey.id,
            SealingKey.active,
        )
        .with_for_update(of=ReferralMessageWrap)
    ).all()
    done = 0
    for wrap, key in outdated:
        if wrap.message_id in opened_keys and (to is None or key.id in to):
            _reseal(keys, wrap, opened_keys[wrap.message_id], key)
            done += 1
    session.flush()
    return done


def _reseal(keys: KeyRing, wrap: ReferralMessageWrap, message_key: bytes, key: SealingKey) -> None:
    info = message_info(wrap.referral_id, wrap.message_id, wrap.kind, wrap.owner_id)
    wrap.ciphertext = keys.encrypt(sealing.seal_to(key.public_key, message_key, info), *_binding_of(wrap))
    wrap.key_id = key.id


def rewrap(keys: KeyRing, wrap: ReferralMessageWrap, holder: KeyPair, key: SealingKey) -> None:
    """Seal a wrap's message key to a newer key of the same reader. Raises CannotOpen."""
    info = message_info(wrap.referral_id, wrap.message_id, wrap.kind, wrap.owner_id)
    _reseal(keys, wrap, holder.open(keys.decrypt(wrap.ciphertext, *_binding_of(wrap)), info), key)


def move_to(
    session: Session, keys: KeyRing, case_id: UUID, held: Mapping[UUID, KeyPair], holder_id: UUID, key: SealingKey
) -> bool:
    """Seal the desk's side of every conversation about the case to another holder, and destroy what was sealed before.

    False: a message was sealed to a key that is not in `held`. A wrap that does not open at all is destroyed.
    """
    wraps = session.scalars(
        sa.select(ReferralMessageWrap)
        .where(ReferralMessageWrap.case_id == case_id, ReferralMessageWrap.kind == WrapFor.TEAM.value)
        .with_for_update()
    ).all()
    for wrap in wraps:
        if wrap.key_id not in held:
            return False
        info = message_info(wrap.referral_id, wrap.message_id, wrap.kind, wrap.owner_id)
        try:
            message_key = held[wrap.key_id].open(keys.decrypt(wrap.ciphertext, *_binding_of(wrap)), info)
        except CannotOpen:
            session.delete(wrap)
            continue
        wrap.owner_id = holder_id
        _reseal(keys, wrap, message_key, key)
    session.flush()
    return True


def outdated_referrals(
    session: Session, new: SealingKey, team_keys: Collection[UUID], limit: int, after: UUID | None = None
) -> list[tuple[UUID, UUID]]:
    """Referrals with a wrap for this organisation under an older key that a team key of `team_keys` can renew, with the team."""
    theirs, ours = aliased(ReferralMessageWrap), aliased(ReferralMessageWrap)
    query = (
        sa.select(theirs.referral_id, ours.owner_id)
        .join(ours, sa.and_(ours.referral_id == theirs.referral_id, ours.message_id == theirs.message_id))
        .where(
            theirs.owner_id == new.owner_id,
            theirs.key_id != new.id,
            ours.kind == WrapFor.TEAM.value,
            ours.key_id.in_(list(team_keys)),
        )
        .group_by(theirs.referral_id, ours.owner_id)
        .order_by(theirs.referral_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(theirs.referral_id > after)
    return [(row[0], row[1]) for row in session.execute(query)]


# --- the end ---------------------------------------------------------------------------------------------------------


def destroy_for(session: Session, case_id: UUID, organisation_ids: Collection[UUID]) -> None:
    """Delete these organisations' wraps of the case's conversations: they can no longer open them; the team can."""
    session.execute(
        sa.delete(ReferralMessageWrap).where(
            ReferralMessageWrap.case_id == case_id, ReferralMessageWrap.owner_id.in_(list(organisation_ids))
        )
    )


def organisations_with_wrap(session: Session, case_id: UUID) -> frozenset[UUID]:
    """The organisations that hold a key of a conversation about this case."""
    return frozenset(
        session.scalars(
            sa.select(ReferralMessageWrap.owner_id)
            .where(ReferralMessageWrap.case_id == case_id, ReferralMessageWrap.kind == WrapFor.ORGANISATION.value)
            .distinct()
        )
    )


def destroy(session: Session, case_id: UUID) -> None:
    """Delete every conversation about the case, keys first."""
    for table in (ReferralMessageWrap, ReferralMessageExport, ReferralMessage):
        session.execute(sa.delete(table).where(table.case_id == case_id))


# --- the person's export, where the law wants it ---------------------------------------------------------------------


def _export_aad(referral_id: UUID, message_id: UUID) -> bytes:
    return sealing.context("referral_message_exports", str(referral_id), str(message_id))


def _export_key(person_key: bytes) -> bytes:
    return sealing.derive(person_key, "pristan/team-conversation")


def keep_for_export(session: Session, referral: Referral, person_key: bytes, opened_keys: Mapping[UUID, bytes]) -> None:
    """Put the keys of opened messages under the case's person key, so that the person's export can contain them."""
    retained = set(
        session.scalars(
            sa.select(ReferralMessageExport.message_id).where(ReferralMessageExport.referral_id == referral.id)
        )
    )
    for message_id, key in opened_keys.items():
        if message_id not in retained:
            ciphertext = sealing.encrypt(_export_key(person_key), key, _export_aad(referral.id, message_id))
            session.add(
                ReferralMessageExport(
                    referral_id=referral.id, message_id=message_id, case_id=referral.case_id, ciphertext=ciphertext
                )
            )
    session.flush()


def export(session: Session, case_id: UUID, person_key: bytes) -> list[dict[str, Any]]:
    """The messages of the case's conversations whose keys were kept for the export, oldest first."""
    rows = session.execute(
        sa.select(ReferralMessage, ReferralMessageExport.ciphertext)
        .join(
            ReferralMessageExport,
            sa.and_(
                ReferralMessageExport.referral_id == ReferralMessage.referral_id,
                ReferralMessageExport.message_id == ReferralMessage.id,
            ),
        )
        .where(ReferralMessage.case_id == case_id)
    ).all()
    lines = []
    for message, sealed in rows:
        try:
            key = sealing.decrypt(_export_key(person_key), sealed, _export_aad(message.referral_id, message.id))
            lines.append({"by": message.author, **_content(message, key)})
        except CannotOpen:
            continue
    return sorted(lines, key=lambda line: datetime.fromisoformat(line["at"]))
