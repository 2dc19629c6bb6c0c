"""Witnesses of the audit chain: signed heads outside the database, against somebody who can write every table of it.

The chain alone shows a changed, removed or inserted entry only if the hashes after it are left unchanged. Whoever can write the
database can compute all of them again, or cut the end off. They cannot change what somebody else holds: the number of the newest
entry and its hash, at a moment, signed (Ed25519) with a key that is in a file of its own, in no table and no backup.

Two holders. The worker adds a head an hour to the *heads file* beside that key. `pristan audit witness` prints one for a second
party, who keeps it as a file or on paper: what is printed can be typed in again, and needs no key to be compared.
"""

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy.orm import Session

from app.audit.models import AuditEntry
from app.audit.service import ChainBreak, chain_start
from app.core.clock import to_the_hour

EVERY: Final = timedelta(hours=1)
UNSIGNED_AT_MOST: Final = timedelta(hours=3)
"""Entries older than this have a head after them, if the worker ran."""
_QUIET: Final = timedelta(days=30)
"""The newest entry may have been this old when the witness was taken of it, and so be deleted this much earlier."""
_PURPOSE: Final = "pristan audit head 1"
_PAPER: Final = re.compile(r"(?:[0-9a-f]{4}\s+){15}[0-9a-f]{4}", re.IGNORECASE)
_COUNT: Final = re.compile(r"^\s*entries:?\s+(\d+)\s*$", re.IGNORECASE | re.MULTILINE)
_AT: Final = re.compile(r"^\s*date:?\s+(\S+)\s*$", re.IGNORECASE | re.MULTILINE)


class NoWitness(Exception):
    """The text is no witness, or its signature is not that of this key."""


@dataclass(frozen=True, slots=True)
class Witness:
    """The newest entry at one moment. `key`, `signature`: base64; "" on a witness that was typed in from paper."""

    seq: int
    hash: str
    at: datetime
    key: str = ""
    signature: str = ""

    def line(self) -> str:
        """One line of JSON, for machines and for the heads file."""
        return json.dumps(
            {
                "seq": self.seq,
                "hash": self.hash,
                "at": self.at.isoformat(),
                "key": self.key,
                "signature": self.signature,
            }
        )

    def paper(self) -> str:
        """The witness as text for paper: sixteen groups of four characters, which can be typed in again."""
        groups = [self.hash[start : start + 4] for start in range(0, 64, 4)]
        rows = (" ".join(groups[start : start + 4]) for start in range(0, 16, 4))
        return "\n".join(
            [f"date     {self.at.isoformat()}", f"entries  {self.seq}", *(f"         {row}" for row in rows)]
        )


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The key of this file (32 bytes, base64); made when there is none. Raises ValueError if the file holds something else."""
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(path.read_text().strip(), validate=True))
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = Ed25519PrivateKey.generate()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(base64.b64encode(made.private_bytes_raw()).decode() + "\n")
        return made


def public_key(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def take(session: Session, key: Ed25519PrivateKey, now: datetime) -> Witness | None:
    """A signed witness of the chain as it is now; None while it is empty. Entries that wait for their place are not in it."""
    placed = sa.select(AuditEntry.seq, AuditEntry.hash).where(AuditEntry.seq > 0)
    newest = session.execute(placed.order_by(AuditEntry.seq.desc()).limit(1)).one_or_none()
    if newest is None:
        return None
    signature = base64.b64encode(key.sign(_signed(newest.seq, newest.hash, now))).decode()
    return Witness(newest.seq, newest.hash, now, public_key(key), signature)


def _signed(seq: int, digest: str, at: datetime) -> bytes:
    return f"{_PURPOSE}\n{seq}\n{digest}\n{at.isoformat()}".encode()


def read(text: str, trusted: str = "") -> list[Witness]:
    """The witnesses in a text: lines of JSON as `line` writes them, or one as `paper` prints it.

    `trusted`: the public key that must have signed those with a signature; "" takes any. Raises NoWitness.
    """
    lines = [line for line in text.splitlines() if line.lstrip().startswith("{")]
    return [_of_line(line, trusted) for line in lines] or [_of_paper(text)]


def _of_line(line: str, trusted: str) -> Witness:
    try:
        held = json.loads(line)
        witness = Witness(
            int(held["seq"]),
            str(held["hash"]),
            datetime.fromisoformat(held["at"]),
            str(held["key"]),
            str(held["signature"]),
        )
        Ed25519PublicKey.from_public_bytes(base64.b64decode(witness.key, validate=True)).verify(
            base64.b64decode(witness.signature, validate=True), _signed(witness.seq, witness.hash, witness.at)
        )
    except (ValueError, KeyError, TypeError, InvalidSignature):
        raise NoWitness("a line is no witness, or its signature is wrong") from None
    if trusted and witness.key != trusted:
        raise NoWitness("a witness was signed with another key")
    return witness


def _of_paper(text: str) -> Witness:
    groups, count, at = _PAPER.search(text), _COUNT.search(text), _AT.search(text)
    if not (groups and count and at):
        raise NoWitness(
            "this is no witness: it has a line with a date, one with the number of entries, and sixteen groups"
        )
    try:
        return Witness(int(count[1]), re.sub(r"\s", "", groups[0]).lower(), datetime.fromisoformat(at[1]))
    except ValueError:
        raise NoWitness("the date of the witness cannot be read") from None


def compare(session: Session, witnesses: Iterable[Witness], *, kept: timedelta, now: datetime) -> ChainBreak | None:
    """Compare the chain, which `verify` found consistent, with witnesses. None: it goes on from each of them unchanged.

    `kept`: how long entries are kept. An entry that is gone although it is younger than that was cut off.
    """
    _last, first = chain_start(session)
    for witness in sorted(witnesses, key=lambda one: one.seq):
        digest = session.scalar(sa.select(AuditEntry.hash).where(AuditEntry.seq == witness.seq))
        if digest is None and (witness.seq >= first or now - witness.at < kept - _QUIET):
            return ChainBreak(witness.seq, "cut off, after a witness was taken of it")
        if digest is not None and digest != witness.hash:
            return ChainBreak(witness.seq, "rewritten: a witness holds another hash")
    return None


# --- the heads file ------------------------------------------------------------------------------------------------


def append_head(session: Session, heads: Path, key: Ed25519PrivateKey, now: datetime) -> bool:
    """Add a head to the file when an hour has begun since the last one and there are new entries. True: one was added."""
    last = last_head(heads)
    if last is not None and to_the_hour(now) <= to_the_hour(last.at):
        return False
    witness = take(session, key, now)
    if witness is None or (last is not None and witness.seq <= last.seq):
        return False
    heads.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(heads, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(witness.line() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return True


def last_head(heads: Path) -> Witness | None:
    """The newest head of the file; None if there is none. Its signature is not checked."""
    newest = None
    for newest in _lines(heads):  # noqa: B007
        pass
    if newest is None:
        return None
    held = json.loads(newest)
    return Witness(held["seq"], held["hash"], datetime.fromisoformat(held["at"]), held["key"], held["signature"])


def _lines(heads: Path) -> Iterator[str]:
    """Whole lines; one that a crash cut short is left out."""
    if heads.exists():
        with heads.open() as file:
            yield from (line for line in file if line.endswith("}\n"))


def verify_heads(
    session: Session, heads: Path, key: Ed25519PrivateKey, *, kept: timedelta, now: datetime
) -> ChainBreak | None:
    """Compare the chain with the heads file. Also finds entries of hours that have no head. Raises NoWitness."""
    witnesses: Sequence[Witness] = [_of_line(line, public_key(key)) for line in _lines(heads)]
    if not witnesses:
        return None
    broken = compare(session, witnesses, kept=kept, now=now)
    if broken is None and (late := _without_head(session, witnesses[-1], now)) is not None:
        return ChainBreak(late, "has no signed head for hours: did the worker run, and is this its heads file?")
    return broken


def _without_head(session: Session, last: Witness, now: datetime) -> int | None:
    """The first entry that should have a head after it; entries that still wait for a place count as the next one."""
    seq, old = AuditEntry.seq, AuditEntry.at < now - UNSIGNED_AT_MOST
    placed = session.scalar(sa.select(sa.func.min(seq)).where(seq > last.seq, old))
    if placed is not None or not session.scalar(sa.select(sa.exists().where(seq < 0, old))):
        return placed
    return (session.scalar(sa.select(sa.func.max(seq)).where(seq > 0)) or 0) + 1
