"""What a list of the queue is asked for: view, filters and sort order, and the place in it. Pure; `queue` reads the rows."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from app.cases.queue_views import CASE_CONDITIONS, DEFAULT_ORDER, ORDERS, TELLING_VIEWS, default_order
from app.core.errors import BadRequest, NotFound

VIEWS: Final = CASE_CONDITIONS
DEFAULT_VIEW: Final = "open"
FILTERS: Final = ("country", "need", "urgency", "language")
_TELLING: Final = frozenset({"country", "need", "language"})
_TELLING_ORDERS: Final = frozenset({"country", "owner", "deadline"})
"""What would tell by a case's being in the list, or by its place there, what its row withholds; so do `TELLING_VIEWS`."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Codes that a case in the list must have; None: any. An unknown code matches no case."""

    country: str | None = None
    need: str | None = None
    urgency: str | None = None
    language: str | None = None

    @classmethod
    def of(cls, codes: Mapping[str, str]) -> "Filters":
        """Filters from codes by name; an empty code counts as None."""
        return cls(**{name: codes.get(name) or None for name in FILTERS})

    def any(self) -> bool:
        return any((self.country, self.need, self.urgency, self.language))


@dataclass(frozen=True, slots=True)
class QueueQuery:
    """The query of a list in the queue: a view, filters and a sort order. `descending`: the order reversed.

    Without `sort` it has the default order of its view.
    """

    view: str = DEFAULT_VIEW
    filters: Filters = field(default_factory=Filters)
    sort: str = ""
    descending: bool = False

    def __post_init__(self) -> None:
        if not self.sort:
            object.__setattr__(self, "sort", default_order(self.view))

    @property
    def order(self) -> tuple[Any, ...]:
        return ORDERS[self.sort]

    @property
    def tells(self) -> bool:
        """Whether to be in this list, or the place in it, tells what the row of a restricted case withholds.

        Such a list has the restricted cases of those who are named for them, and no others.
        """
        return (
            self.view in TELLING_VIEWS
            or self.sort in _TELLING_ORDERS
            or any(getattr(self.filters, name) for name in _TELLING)
        )


def parse_query(view: str, filters: Filters, sort: str) -> QueueQuery:
    """A query from request parameters. `sort` is the name of an order, with `-` in front for descending.

    Raises NotFound for an unknown view or order.
    """
    name = sort.removeprefix("-")
    if view not in VIEWS or (name or DEFAULT_ORDER) not in ORDERS:
        raise NotFound("There is no such view.")
    return QueueQuery(view, filters, name, sort.startswith("-"))


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position of a row in an order (keyset pagination). `backwards`: the page before that row, else the page after it."""

    key: tuple[Any, ...]
    backwards: bool = False

    def token(self) -> str:
        plain = json.dumps([[_to_json(value) for value in self.key], int(self.backwards)], separators=(",", ":"))
        return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _to_json(value: Any) -> str | int:
    if isinstance(value, date):
        return value.isoformat()
    return value.hex if isinstance(value, UUID) else value


def _moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _rank(number: Any) -> int:
    if not isinstance(number, int) or not 0 <= number <= 9:
        raise ValueError
    return number


def _code(text: Any) -> str:
    if not isinstance(text, str) or len(text) > 64 or "\0" in text or not text.isprintable():
        raise ValueError
    return text


_PARSERS: Final = MappingProxyType[type, Callable[[Any], Any]](
    {date: date.fromisoformat, datetime: _moment, int: _rank, UUID: UUID, str: _code}
)


def parse_cursor(token: str, order: Sequence[Any] = ORDERS[DEFAULT_ORDER]) -> Cursor:
    """The cursor of a token. Raises BadRequest for a token that is malformed or belongs to another order."""
    try:
        values, backwards = json.loads(urlsafe_b64decode(token[:400].encode("ascii") + b"=="))
        pairs = zip(order, values, strict=True)
        return Cursor(tuple(_PARSERS[column.type.python_type](value) for column, value in pairs), bool(backwards))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise BadRequest("This place in the list does not exist.") from None
