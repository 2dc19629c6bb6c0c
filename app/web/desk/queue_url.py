"""The queue as somebody looks at it: its view, filters and order, as an address to link to and to carry from page to page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlencode

from app.cases import queue
from app.cases.queue import FILTERS, Cursor, Filters, QueueQuery
from app.cases.queue_views import DEFAULT_ORDER
from app.core.errors import AppError

_LONGEST: Final = 400
_CASES: Final = "/desk/cases/"


@dataclass(frozen=True, slots=True)
class Listing:
    """A look at the queue. `query` is its address behind `/desk/?`, short where it is the usual one."""

    look: QueueQuery = field(default_factory=QueueQuery)

    @property
    def codes(self) -> dict[str, str]:
        """The filters in force."""
        return {name: code for name in FILTERS if (code := getattr(self.look.filters, name))}

    @property
    def sort(self) -> str:
        return f"-{self.look.sort}" if self.look.descending else self.look.sort

    @property
    def query(self) -> str:
        return urlencode(self._parameters())

    @property
    def here(self) -> str:
        return self._path(self._parameters())

    def with_view(self, view: str) -> str:
        return self._path({**self._parameters(), "view": view})

    def without(self, name: str) -> str:
        return self._path({key: value for key, value in self._parameters().items() if key != name})

    def sorted_by(self, name: str) -> str:
        """By this order, or backwards when it is in force already."""
        down = self.look.sort == name and not self.look.descending
        return self._path({**self._parameters(), "sort": f"-{name}" if down else name})

    def at(self, place: Cursor) -> str:
        return self._path({**self._parameters(), "at": place.token()})

    def case(self, label: str) -> str:
        return f"{_CASES}{label}{self.onward}"

    @property
    def onward(self) -> str:
        """What stands behind the address of a case of this list: it knows where to go on afterwards."""
        return case_path("", self.query).removeprefix(_CASES)

    def _parameters(self) -> dict[str, str]:
        return {"view": self.look.view, **self.codes, "sort": self.sort}

    @staticmethod
    def _path(parameters: Mapping[str, str]) -> str:
        kept = {
            key: value
            for key, value in parameters.items()
            if value and (key, value) not in {("view", "open"), ("sort", DEFAULT_ORDER)}
        }
        return "/desk/" + (f"?{urlencode(kept)}" if kept else "")


def case_path(label: str, listed: str, **more: str) -> str:
    kept = {"list": listed, **more}
    parameters = urlencode({key: value for key, value in kept.items() if value})
    return f"{_CASES}{label}" + (f"?{parameters}" if parameters else "")


def listing(codes: Mapping[str, str]) -> Listing:
    """Raises NotFound for a view or order that is none."""
    return Listing(
        queue.parse_query(codes.get("view") or "open", Filters.of(codes), codes.get("sort") or DEFAULT_ORDER)
    )


def read(query: str) -> Listing | None:
    """A list that was carried along; None when none was, or when it is not one of ours."""
    if not query or len(query) > _LONGEST:
        return None
    try:
        codes = dict(parse_qsl(query, max_num_fields=8))
        if any(len(code) > 64 for code in codes.values()):
            return None
        return listing(codes)
    except (ValueError, AppError):
        return None
