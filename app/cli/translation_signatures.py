"""Which messages of a catalogue a native reader has signed.

Beside `<domain>.po` stands `<domain>.signed.json`: for each signing the name under which it was done, the day, a digest of all
that was signed, and a digest of each message with its translation. So whatever changes one of the two makes that message a draft
again, and nothing else. It is a record for people who read the repository's history, not proof of who somebody is.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

Message = str | tuple[str, str]
DRAFT: Final = "State: draft. No native reader has signed it yet."
_NAME: Final = re.compile(r"[^\W_][\w .,'’-]{0,58}[\w.]")


class NotSigned(Exception):
    """The catalogue cannot be signed; the text says why."""


@dataclass(frozen=True, slots=True)
class Signing:
    """One signature of a catalogue: who signed, on which day, and the digests of the messages."""

    by: str
    on: date
    messages: frozenset[str]

    @property
    def digest(self) -> str:
        """A digest of all that was signed."""
        return _hash("\n".join(sorted(self.messages)))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of(message: Message, translations: Sequence[str]) -> str:
    """The digest of a message with its translations, in 32 hexadecimal digits."""
    source = [message] if isinstance(message, str) else list(message)
    return _hash(json.dumps([source, list(translations)], ensure_ascii=True))[:32]


def key_of(message: Message) -> str:
    """What names a message in a file for readers, whatever its translation is."""
    return digest_of(message, ())[:16]


def file_of(catalogue: Path) -> Path:
    """The file with the signatures of this catalogue."""
    return catalogue.with_suffix(".signed.json")


def read(path: Path) -> list[Signing]:
    """The signings in this file, oldest first; none without a file. Raises ValueError: one was changed by hand."""
    if not path.exists():
        return []
    signings = []
    for entry in json.loads(path.read_text(encoding="utf-8")):
        signing = Signing(entry["by"], date.fromisoformat(entry["on"]), frozenset(entry["messages"]))
        if signing.digest != entry["digest"]:
            raise ValueError(f"{path.name}: what {signing.by} signed on {signing.on} was changed afterwards")
        signings.append(signing)
    return signings


def write(path: Path, signings: Sequence[Signing]) -> None:
    stored = [
        {"by": each.by, "on": each.on.isoformat(), "digest": each.digest, "messages": sorted(each.messages)}
        for each in signings
    ]
    path.write_text(json.dumps(stored, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def signed(signings: Sequence[Signing]) -> frozenset[str]:
    """The digests of everything that somebody has signed."""
    return frozenset().union(*(signing.messages for signing in signings))


def sign(
    signings: Sequence[Signing],
    entries: Mapping[Message, Sequence[str]],
    *,
    by: str,
    on: date,
    only: Collection[str] | None = None,
) -> list[Signing]:
    """The signings with a new one: of all messages, or of those with a key in `only`. What holds no longer is dropped.

    Raises NotSigned: no proper name, a message without a translation, or nothing to sign.
    """
    if not _NAME.fullmatch(by):
        raise NotSigned("The name has 2 to 60 letters, digits, spaces, dots, commas, apostrophes and hyphens.")
    chosen = {message: texts for message, texts in entries.items() if only is None or key_of(message) in only}
    if empty := sum(not texts or not all(texts) for texts in chosen.values()):
        raise NotSigned(f"{empty} of these messages are not translated.")
    if not chosen:
        raise NotSigned("There is nothing to sign.")
    new = frozenset(digest_of(message, texts) for message, texts in chosen.items())
    present = {digest_of(message, texts) for message, texts in entries.items()}
    before = [Signing(each.by, each.on, each.messages & present - new) for each in signings]
    return [*(each for each in before if each.messages), Signing(by, on, new)]


def state_line(signings: Sequence[Signing], entries: Mapping[Message, Sequence[str]]) -> str:
    """The line for the catalogue's header: signed as a whole, or a draft with this part signed."""
    present = {digest_of(message, texts) for message, texts in entries.items()}
    held = [Signing(each.by, each.on, each.messages & present) for each in signings]
    by = [f"{each.by} on {each.on}" for each in held if each.messages]
    count = len(signed(held))
    if not count:
        return DRAFT
    if count == len(present):
        return f"State: signed by {', '.join(by)}."
    return f"State: draft. {count} of {len(present)} messages are signed, by {', '.join(by)}."
