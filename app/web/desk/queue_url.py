"""Addresses of the queue: a view with filters and order as a URL, to link to and to pass from page to page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, urlencode

from app.cases import queue_queries
from app.cases.queue_queries import FILTERS, Cursor, Filters, QueueQuery
from app.cases.queue_views import default_order
from app.core.errors import AppError

_LONGEST: Final = 400
_CASES: Final = "/desk/cases/"


@dataclass(frozen=True, slots=True)
class Listing:
    """A view of the queue with its filters and order. `query` is the query string of its address."""

    queue_query: QueueQuery = field(default_factory=QueueQuery)

    @property
    def codes(self) -> dict[str, str]:
        """The filters that are set."""
        return {name: code for name in FILTERS if (code := getattr(self.queue_query.filters, name))}

    @property
    def sort(self) -> str:
        return f"-{self.queue_query.sort}" if self.queue_query.descending else self.queue_query.sort

    @property
    def query(self) -> str:
        return urlencode(self._parameters())

    @property
    def here(self) -> str:
        return self._path(self._parameters())

    @property
    def has_default_order(self) -> bool:
        return self.sort == default_order(self.queue_query.view)

    def with_view(self, view: str) -> str:
        """The address of another view, in the same order if one was chosen."""
        return self._path({**self._parameters(), "view": view, "sort": "" if self.has_default_order else self.sort})

    def without(self, name: str) -> str:
        return self._path({key: value for key, value in self._parameters().items() if key != name})

    def sorted_by(self, name: str) -> str:
        """The address of this order, or of the reverse if it is the present one."""
        descending = self.queue_query.sort == name and not self.queue_query.descending
        return self._path({**self._parameters(), "sort": f"-{name}" if descending else name})

    def at(self, position: Cursor) -> str:
        return self._path({**self._parameters(), "at": position.token()})

    def selected(self, at: str, *, everything: bool) -> str:
        """The address of the page at a position (empty: the first page), with all of its cases selected or none."""
        return self._path({**self._parameters(), "at": at, "select": "all" if everything else ""}) + "#list"

    def case(self, label: str) -> str:
        return f"{_CASES}{label}{self.onward}"

    @property
    def onward(self) -> str:
        """The query string of a case opened from this list, so that a decision can lead to the next case."""
        return case_path("", self.query).removeprefix(_CASES)

    def _parameters(self) -> dict[str, str]:
        return {"view": self.queue_query.view, **self.codes, "sort": self.sort}

    @staticmethod
    def _path(parameters: Mapping[str, str]) -> str:
        return _address(tuple(parameters.items()))


@lru_cache(maxsize=2048)
def _address(parameters: tuple[tuple[str, str], ...]) -> str:
    """Kept, because a page leads to every view and every order: about 40 addresses, the same on most pages."""
    defaults = {("view", "open"), ("sort", default_order(dict(parameters)["view"]))}
    not_default = [(key, value) for key, value in parameters if value and (key, value) not in defaults]
    return "/desk/" + (f"?{urlencode(not_default)}" if not_default else "")


def case_path(label: str, list_query: str, **more: str) -> str:
    parameters = {"list": list_query, **more}
    query = urlencode({key: value for key, value in parameters.items() if value})
    return f"{_CASES}{label}" + (f"?{query}" if query else "")


def listing(codes: Mapping[str, str]) -> Listing:
    """The listing of these codes. Raises NotFound for an unknown view or order."""
    return Listing(queue_queries.parse_query(codes.get("view") or "open", Filters.of(codes), codes.get("sort", "")))


def read(query: str) -> Listing | None:
    """The listing of a query string that was passed along; None if it is empty or not valid."""
    if not query or len(query) > _LONGEST:
        return None
    try:
        codes = dict(parse_qsl(query, max_num_fields=8))
        if any(len(code) > 64 for code in codes.values()):
            return None
        return listing(codes)
    except (ValueError, AppError):
        return None
