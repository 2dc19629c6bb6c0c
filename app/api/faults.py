"""All faults of a request in one round: those of a body that a route reads itself, and those of a query."""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic_core import PydanticCustomError

from app.core.errors import FieldError, Invalid
from app.directory.packs import Directory

T = TypeVar("T")
NO_ID: Final = UUID(int=0)
"""Stands for an id that cannot be read, until the faults are raised."""
NO_TIME: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Faults:
    """Gathers what is wrong with a body. `refuse` raises all of it at once; do not use what was read before that."""

    errors: list[FieldError] = field(default_factory=list)

    def add(self, pointer: str, code: str, detail: str) -> None:
        """`pointer` holds our field names only, never the caller's."""
        self.errors.append(FieldError(pointer=pointer, code=code, detail=detail))

    def refuse(self) -> None:
        """Raises Invalid if there is any."""
        if self.errors:
            raise Invalid(self.errors)

    def keep(self, read: Callable[[], T]) -> T | None:
        """The result of the call; None if it raises Invalid, whose errors are then kept."""
        try:
            return read()
        except Invalid as error:
            self.errors += error.errors
            return None

    def object(self, body: Any, known: Iterable[str], pointer: str = "") -> Mapping[str, Any]:
        """The body, if it is a JSON object; an unknown field is a fault of the object, and its name is not repeated."""
        if not isinstance(body, dict):
            self.add(
                pointer,
                "not_an_object",
                "This is to be a JSON object." if pointer else "The body must be one JSON object.",
            )
            return {}
        if not set(known).issuperset(body):
            self.add(
                pointer, "unknown_field", "There is an unknown field." if pointer else "The body has an unknown field."
            )
        return body

    def id(self, pointer: str, body: Mapping[str, Any], name: str) -> UUID:
        try:
            value = body[name]
            if isinstance(value, str) and len(value) == 36:
                return UUID(value)
        except KeyError:
            self._required(pointer, name)
            return NO_ID
        except ValueError:
            pass
        self.add(f"{pointer}/{name}", "not_an_id", "This is to be a UUID.")
        return NO_ID

    def octets(self, pointer: str, body: Mapping[str, Any], name: str, most: int) -> bytes:
        """1 to `most` bytes in base64url, with or without padding."""
        try:
            value = body[name]
            if isinstance(value, str) and 0 < len(value) <= most * 4 // 3 + 4:
                raw = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
                if raw and len(raw) <= most:
                    return raw
        except KeyError:
            self._required(pointer, name)
            return b""
        except (binascii.Error, ValueError):
            pass
        self.add(f"{pointer}/{name}", "not_bytes", f"This is to be 1 to {most} bytes in base64url.")
        return b""

    def instant(
        self, pointer: str, body: Mapping[str, Any], name: str, read: Callable[[str, str], datetime]
    ) -> datetime:
        """`read`: reads the text, and raises Invalid that points to the second argument."""
        if name not in body:
            self._required(pointer, name)
        elif not isinstance(body[name], str):
            self.add(f"{pointer}/{name}", "not_an_instant", "Write the time like 2026-11-24T08:00:00Z.")
        elif (found := self.keep(lambda: read(body[name], f"{pointer}/{name}"))) is not None:
            return found
        return NO_TIME

    def _required(self, pointer: str, name: str) -> None:
        self.add(f"{pointer}/{name}", "required", "This is required.")


@dataclass(frozen=True, slots=True)
class CodeOf:
    """Marks a query parameter whose values the directory in force knows: it is checked with the others."""

    codes: Callable[[Directory], Iterable[str]]


def one_of(codes: Iterable[str], value: str) -> str:
    """The value. Raises PydanticCustomError with our code and the values in the sentence."""
    known = tuple(codes)
    if value not in known:
        raise PydanticCustomError("unknown_code", "One of: {codes}.", {"codes": ", ".join(known)})
    return value
