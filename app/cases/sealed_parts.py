"""The sealed parts of a case, its two data keys, and who holds them.

The `person` key opens contact, story, what happened and the thread; it is sealed to the receipt, to the team, and to each
organisation that the person agreed to. The `desk` key opens the staff's notes; it is sealed to the team alone. A data key sealed to
one recipient is a wrap. A wrap cannot be used without the epoch key, and `casework.partner_access` hands out an organisation's wrap
only after acceptance.
"""

import json
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import Case, CaseAgreement, CaseWrap, PartKind, SealedPart, WrapFor
from app.core import sealing
from app.core.errors import NotFound
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen, KeyPair
from app.core.upsert import insert_if_absent

PERSON = "person"
DESK = "desk"
_KEY_VERSION = 1


@dataclass(frozen=True, slots=True)
class Recipient:
    """The recipient that a data key is sealed to. For the receipt, `owner_id` is the case and `key_id` is None."""

    kind: WrapFor
    owner_id: UUID
    public_key: bytes
    key_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OpenedPart:
    """A decrypted part: its content and the plain codes of its row."""

    id: UUID
    part: PartKind
    seq: int
    author: str
    organisation_id: UUID | None
    content: dict[str, Any]


def new_key() -> bytes:
    return os.urandom(32)


def wrap_info(case_id: UUID, purpose: str, kind: str, owner_id: UUID, version: int) -> bytes:
    """The HPKE `info` of a wrap: purpose, case, recipient and version. A partner's client builds the same bytes."""
    return sealing.context("pristan/case-key", purpose, str(case_id), kind, str(owner_id), str(version))


def _wrap_binding(case_id: UUID, purpose: str, kind: str, owner_id: UUID, version: int) -> tuple[str, ...]:
    return ("case_wraps", str(case_id), f"{purpose}:{kind}:{owner_id}", str(version))


def wrap_row(keys: KeyRing, case_id: UUID, purpose: str, data_key: bytes, recipient: Recipient) -> dict[str, Any]:
    """A row of `case_wraps`, ready to insert."""
    binding = (case_id, purpose, recipient.kind.value, recipient.owner_id, _KEY_VERSION)
    sealed = sealing.seal_to(recipient.public_key, data_key, wrap_info(*binding))
    return {
        "id": uuid4(),
        "case_id": case_id,
        "purpose": purpose,
        "kind": recipient.kind.value,
        "owner_id": recipient.owner_id,
        "key_id": recipient.key_id,
        "version": _KEY_VERSION,
        "ciphertext": keys.encrypt(sealed, *_wrap_binding(*binding)),
    }


def grant(
    session: Session, keys: KeyRing, case_id: UUID, purpose: str, data_key: bytes, recipients: Iterable[Recipient]
) -> None:
    """Seal the data key to these recipients, replacing the wrap of one that holds it already."""
    recipients = list(recipients)
    if not recipients:
        return
    session.execute(
        sa.delete(CaseWrap).where(
            CaseWrap.case_id == case_id,
            CaseWrap.purpose == purpose,
            CaseWrap.owner_id.in_([recipient.owner_id for recipient in recipients]),
        )
    )
    rows = [wrap_row(keys, case_id, purpose, data_key, recipient) for recipient in recipients]
    session.execute(sa.insert(CaseWrap), rows)


def sealed_data_key(
    session: Session, keys: KeyRing, case_id: UUID, purpose: str, owner_id: UUID
) -> tuple[CaseWrap, bytes]:
    """The wrap of one recipient, and its data key without the epoch encryption but still HPKE-sealed.

    Raises NotFound (no such wrap), CannotOpen.
    """
    wrap = session.scalars(
        sa.select(CaseWrap).where(
            CaseWrap.case_id == case_id, CaseWrap.purpose == purpose, CaseWrap.owner_id == owner_id
        )
    ).one_or_none()
    if wrap is None:
        raise NotFound("This recipient holds no key of the case.")
    binding = _wrap_binding(wrap.case_id, wrap.purpose, wrap.kind, wrap.owner_id, wrap.version)
    return wrap, keys.decrypt(wrap.ciphertext, *binding)


def data_key(session: Session, keys: KeyRing, case_id: UUID, purpose: str, owner_id: UUID, holder: KeyPair) -> bytes:
    """The data key, opened with the recipient's private key. Raises NotFound, CannotOpen."""
    wrap, sealed = sealed_data_key(session, keys, case_id, purpose, owner_id)
    return holder.open(sealed, wrap_info(wrap.case_id, wrap.purpose, wrap.kind, wrap.owner_id, wrap.version))


def rewrap(keys: KeyRing, wrap: CaseWrap, holder: KeyPair, public_key: bytes, key_id: UUID) -> None:
    """Seal the same data key to a newer key of the same recipient. Raises CannotOpen."""
    binding = _wrap_binding(wrap.case_id, wrap.purpose, wrap.kind, wrap.owner_id, wrap.version)
    info = wrap_info(wrap.case_id, wrap.purpose, wrap.kind, wrap.owner_id, wrap.version)
    inner = holder.open(keys.decrypt(wrap.ciphertext, *binding), info)
    wrap.ciphertext, wrap.key_id = keys.encrypt(sealing.seal_to(public_key, inner, info), *binding), key_id


def organisations_with_key(session: Session, case_id: UUID) -> frozenset[UUID]:
    """The organisations that hold a wrap: those with a key of their own that the person agreed to and that may still be asked."""
    owner_ids = session.scalars(
        sa.select(CaseWrap.owner_id).where(CaseWrap.case_id == case_id, CaseWrap.kind == WrapFor.ORGANISATION.value)
    )
    return frozenset(owner_ids)


def agree(session: Session, case_id: UUID, organisation_id: UUID) -> None:
    """Note that the person agreed to an organisation that has no key of its own: it can be asked by hand or by a link."""
    insert_if_absent(session, CaseAgreement, {"case_id": case_id, "organisation_id": organisation_id}, key=())


def organisations_agreed(session: Session, case_id: UUID) -> frozenset[UUID]:
    """All organisations that the person agreed to and that may still be asked, with a key of their own or without."""
    agreed = sa.select(CaseAgreement.organisation_id).where(CaseAgreement.case_id == case_id)
    return organisations_with_key(session, case_id) | frozenset(session.scalars(agreed))


def destroy_wraps(session: Session, case_id: UUID, organisation_ids: Iterable[UUID]) -> None:
    """Delete the wraps of and agreements to these organisations, after consent was withdrawn or they were excluded."""
    organisation_ids = list(organisation_ids)
    session.execute(
        sa.delete(CaseAgreement).where(
            CaseAgreement.case_id == case_id, CaseAgreement.organisation_id.in_(organisation_ids)
        )
    )
    session.execute(
        sa.delete(CaseWrap).where(
            CaseWrap.case_id == case_id,
            CaseWrap.kind == WrapFor.ORGANISATION.value,
            CaseWrap.owner_id.in_(organisation_ids),
        )
    )


def part_aad(part_id: UUID, case_id: UUID, part: str, version: int) -> bytes:
    """The associated data that a part's ciphertext is bound to. A partner's client builds the same bytes."""
    return sealing.context("sealed_parts", str(part_id), f"{case_id}:{part}", str(version))


def part_key(data_key: bytes, part: str) -> bytes:
    return sealing.derive(data_key, f"pristan/part:{part}")


def part_row(
    data_key: bytes,
    case_id: UUID,
    part: PartKind,
    content: dict[str, Any],
    *,
    seq: int = 1,
    author: str = "person",
    organisation_id: UUID | None = None,
) -> dict[str, Any]:
    """A row of `sealed_parts`, ready to insert: the content as JSON, padded to a bucket, encrypted with the part's own key."""
    part_id, version = uuid4(), 1
    plain = sealing.pad(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
    return {
        "id": part_id,
        "case_id": case_id,
        "part": part.value,
        "seq": seq,
        "version": version,
        "author": author,
        "organisation_id": organisation_id,
        "ciphertext": sealing.encrypt(part_key(data_key, part), plain, part_aad(part_id, case_id, part, version)),
    }


def add_part(
    session: Session,
    data_key: bytes,
    case_id: UUID,
    part: PartKind,
    content: dict[str, Any],
    *,
    author: str,
    organisation_id: UUID | None = None,
) -> UUID:
    """Add a message to the thread or a note. The caller holds the case's row lock, so that `seq` is unique."""
    last = session.scalar(
        sa.select(sa.func.max(SealedPart.seq)).where(SealedPart.case_id == case_id, SealedPart.part == part.value)
    )
    row = part_row(
        data_key, case_id, part, content, seq=(last or 0) + 1, author=author, organisation_id=organisation_id
    )
    session.execute(sa.insert(SealedPart), [row])
    part_id: UUID = row["id"]
    return part_id


def replace_part(data_key: bytes, row: SealedPart, content: dict[str, Any]) -> None:
    """Replace the content of a part under the next version, so that the old ciphertext cannot be put back."""
    version = row.version + 1
    plain = sealing.pad(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
    aad = part_aad(row.id, row.case_id, row.part, version)
    row.version, row.ciphertext = version, sealing.encrypt(part_key(data_key, row.part), plain, aad)


def parts(session: Session, case_id: UUID, which: Sequence[PartKind]) -> Sequence[SealedPart]:
    """The rows of these parts, still sealed, ordered by kind of part and number."""
    return session.scalars(
        sa.select(SealedPart)
        .where(SealedPart.case_id == case_id, SealedPart.part.in_([part.value for part in which]))
        .order_by(SealedPart.part, SealedPart.seq)
    ).all()


def open_part(data_key: bytes, row: SealedPart) -> OpenedPart:
    """Decrypt a part. Raises CannotOpen."""
    aad = part_aad(row.id, row.case_id, row.part, row.version)
    plain = sealing.unpad(sealing.decrypt(part_key(data_key, row.part), row.ciphertext, aad))
    try:
        content = json.loads(plain)
    except ValueError as error:
        raise CannotOpen from error
    return OpenedPart(row.id, PartKind(row.part), row.seq, row.author, row.organisation_id, content)


@dataclass(frozen=True, slots=True)
class SealedContact:
    """The contact of a case, still sealed, with the wrap that opens it. `key_id`: the key that the wrap is sealed to."""

    case_id: UUID
    country: str
    key_id: UUID
    wrap: CaseWrap
    part: SealedPart

    def open(self, keys: KeyRing, holder: KeyPair) -> dict[str, Any]:
        """The content. Raises CannotOpen."""
        wrap = self.wrap
        binding = (wrap.case_id, wrap.purpose, wrap.kind, wrap.owner_id, wrap.version)
        sealed = keys.decrypt(wrap.ciphertext, *_wrap_binding(*binding))
        return open_part(holder.open(sealed, wrap_info(*binding)), self.part).content


def sealed_contacts(session: Session, case_ids: Collection[UUID], key_ids: Collection[UUID]) -> Iterable[SealedContact]:
    """The contacts of these cases that one of these keys opens. One statement; what the session read before is read again."""
    rows = session.execute(
        sa.select(Case.country, CaseWrap, SealedPart)
        .join(CaseWrap, CaseWrap.case_id == Case.id)
        .join(SealedPart, SealedPart.case_id == Case.id)
        .where(
            Case.id.in_(list(case_ids)),
            CaseWrap.purpose == PERSON,
            CaseWrap.key_id.in_(list(key_ids)),
            SealedPart.part == PartKind.CONTACT.value,
        )
        .execution_options(populate_existing=True)
    )
    for country, wrap, part in rows:
        if wrap.key_id is not None:  # always: it is one of `key_ids`
            yield SealedContact(part.case_id, country, wrap.key_id, wrap, part)


def destroy(session: Session, case_id: UUID) -> None:
    """Delete every wrap of a case, so that nobody can open its parts again, and the parts themselves."""
    session.execute(sa.delete(CaseWrap).where(CaseWrap.case_id == case_id))
    session.execute(sa.delete(CaseAgreement).where(CaseAgreement.case_id == case_id))
    session.execute(sa.delete(SealedPart).where(SealedPart.case_id == case_id))


def destroy_part(session: Session, case_id: UUID, part: PartKind) -> None:
    session.execute(sa.delete(SealedPart).where(SealedPart.case_id == case_id, SealedPart.part == part.value))


def padded(content: dict[str, Any]) -> bytes:
    """Codes as JSON, padded to a bucket size."""
    return sealing.pad(json.dumps(content, separators=(",", ":"), sort_keys=True).encode())


def encrypt_facts(keys: KeyRing, case_id: UUID, version: int, facts: dict[str, Any]) -> bytes:
    """Facts, padded and encrypted under the epoch key, bound to their row and version."""
    return keys.encrypt(padded(facts), "cases", str(case_id), "facts", str(version))


def decrypt_facts(keys: KeyRing, case_id: UUID, version: int, envelope: bytes) -> dict[str, Any]:
    """Undo `encrypt_facts`. Raises CannotOpen."""
    facts: dict[str, Any] = json.loads(
        sealing.unpad(keys.decrypt(envelope, "cases", str(case_id), "facts", str(version)))
    )
    return facts


def exact_time(now: datetime) -> str:
    """A moment to the second, for the content of a sealed part (plain columns know only the hour)."""
    return now.isoformat(timespec="seconds")
