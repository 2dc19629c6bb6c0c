"""The queue: whom to look at first. Codes only: never a name, a contact or a story."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from app.core.edge import ReadDb
from app.core.errors import NotFound
from app.intake import queue
from app.intake.queue import Filters, Place
from app.web.desk import pages, words
from app.web.desk.deps import AtDesk, Packs
from app.web.desk.words import N_

router = APIRouter()

_MOST_NEEDS = 2
FILTERS = {
    "country": N_("Country"),
    "need": N_("Need"),
    "tier": N_("Urgency"),
    "language": N_("Language"),
}


@dataclass(frozen=True, slots=True)
class Address:
    """The queue as it is looked at: its view and filters, to make links from."""

    view: str
    filters: dict[str, str]

    def with_view(self, view: str) -> str:
        return self._path({"view": view, **self.filters})

    def without(self, name: str) -> str:
        return self._path({"view": self.view, **{key: value for key, value in self.filters.items() if key != name}})

    def at(self, place: Place) -> str:
        return self._path({"view": self.view, **self.filters, "at": place.token()})

    @staticmethod
    def _path(parameters: dict[str, str]) -> str:
        kept = {key: value for key, value in parameters.items() if value and (key, value) != ("view", "open")}
        return "/desk/" + (f"?{urlencode(kept)}" if kept else "")


Code = Annotated[str, Query(max_length=64)]


@router.get("/desk/", name="queue")
def show_queue(
    request: Request,
    desk: AtDesk,
    session: ReadDb,
    packs: Packs,
    view: Code = "open",
    country: Code = "",
    need: Code = "",
    tier: Code = "",
    language: Code = "",
    at: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """One page of a view, narrowed by filters."""
    if view not in queue.VIEWS:
        raise NotFound("There is no such view.")
    filters = Filters(country or None, need or None, tier or None, language or None)
    place = queue.place_of(at) if at else None
    me, today = desk.who.member_id, desk.now.date()
    page = queue.page(session, desk.team_id, view, filters, me=me, today=today, place=place)
    counts = queue.counts(session, desk.team_id, view, filters, me=me, today=today)
    chosen = {"country": country, "need": need, "tier": tier, "language": language}
    address = Address(view, {name: code for name, code in chosen.items() if code})
    return pages.page(
        request,
        "desk/queue.html",
        view=view,
        rows=page.rows,
        counts=counts,
        chosen=chosen,
        chips=[
            (FILTERS[name], _named(request, name, code), address.without(name))
            for name, code in address.filters.items()
        ],
        options=_options(request, packs),
        filter_names=FILTERS,
        address=address,
        newer=address.at(page.before) if page.before else None,
        older=address.at(page.after) if page.after else None,
        today=today,
        most_needs=_MOST_NEEDS,
    )


@router.get("/desk/next", name="next_case")
def next_case(desk: AtDesk, session: ReadDb, but: Annotated[str, Query(max_length=12)] = "") -> Response:
    """Go to the case that is to be looked at now; with none left, to the queue."""
    label = queue.next_label(session, desk.team_id, desk.now.date(), desk.who.member_id, but=but or None)
    return pages.to(f"/desk/cases/{label}" if label else "/desk/?view=new")


def _named(request: Request, name: str, code: str) -> str:
    reader = pages.reader(request)
    if name == "tier":
        return words.TIERS[code][1] if code in words.TIERS else code
    return reader.name({"country": "country", "need": "need", "language": "language"}[name], code)


def _options(request: Request, packs: Any) -> dict[str, list[tuple[str, str]]]:
    """What each filter may be set to, as codes and words in their order."""
    reader = pages.reader(request)
    spoken = ("ru", "en", "be", "uk", "pl", "lt", "ka", "de")
    return {
        "country": [(entry.code, reader.name("country", entry.code)) for entry in packs.countries],
        "need": [(entry.id, reader.name("need", entry.id)) for entry in packs.needs],
        "tier": [(code, word) for code, (_shape, word) in words.TIERS.items()],
        "language": [(code, reader.name("language", code)) for code in spoken],
    }
