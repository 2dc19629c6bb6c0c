"""The form that offers times on a page: its context, and parsing its input."""

import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.cases.appointments import MOST_TIMES, WAYS, Appointment, OfferedTimes, OpenedAppointment
from app.core.errors import FieldError, Invalid
from app.core.i18n import LANGUAGES, N_
from app.web.components import date_fields
from app.web.components.forms import field_value

_TIME: Final = re.compile(r"\s*([01]?\d|2[0-3])[:.\s]([0-5]\d)\s*", re.ASCII)


def read(form: dict[str, list[str]], zone: str, now: datetime) -> OfferedTimes:
    """The times, in the country's local time, and how to meet. Raises Invalid."""
    local, times = ZoneInfo(zone), []
    for number in range(1, MOST_TIMES + 1):
        day = date_fields.read(form, f"day_{number}", today=now.astimezone(local).date())
        if day is not None or field_value(form, f"time_{number}").strip():
            times.append(read_time(form, f"day_{number}", f"time_{number}", zone, now))
    return OfferedTimes(
        tuple(sorted(times)),
        field_value(form, "way"),
        field_value(form, "place").strip(),
        language_of(form),
        field_value(form, "interpreter") == "yes",
    )


def language_of(form: dict[str, list[str]]) -> str:
    """The language of the meeting; empty if it is not in the list."""
    code = field_value(form, "language")
    return code if code in set(_languages(())) else ""


def read_time(form: dict[str, list[str]], day_name: str, time_name: str, zone: str, now: datetime) -> datetime:
    """A day and a time in this zone's local time, as UTC. Raises Invalid."""
    local = ZoneInfo(zone)
    day = date_fields.read(form, day_name, today=now.astimezone(local).date())
    found = _TIME.fullmatch(field_value(form, time_name).strip())
    if day is None or found is None:
        detail = N_("Write the day, and the time like 14:30.")
        raise Invalid([FieldError(pointer=f"/{time_name}", code="required", detail=detail)])
    at = datetime.combine(day, time(int(found[1]), int(found[2])), local)
    if at.astimezone(UTC).astimezone(local).replace(tzinfo=None) != at.replace(tzinfo=None):
        detail = N_("The clocks are put forward in this hour. Choose another time.")
        raise Invalid([FieldError(pointer=f"/{time_name}", code="out_of_range", detail=detail)])
    return at.astimezone(UTC)


def boxes(form: Mapping[str, Sequence[str]], name: str) -> Any:
    """The input of the boxes of a date."""
    return date_fields.typed(form, name)


def _languages(speak: Collection[str]) -> list[str]:
    return list(dict.fromkeys([*speak, *LANGUAGES]))


def context(
    rows: Sequence[Appointment],
    opened: Sequence[OpenedAppointment] | None,
    *,
    zone: str,
    speak: Collection[str],
    may_offer: bool,
    form: Mapping[str, Sequence[str]] | None = None,
    errors: Sequence[FieldError] = (),
) -> dict[str, Any]:
    """The context of the page with appointments. `rows`: the appointments without content; `opened`: those that were decrypted.

    `form`, `errors`: input and errors of a form that was refused.
    """
    typed = form or {}
    return {
        "rows": rows,
        "opened": {appointment.row.id: appointment for appointment in opened} if opened is not None else None,
        "zone": zone,
        "ways": WAYS,
        "languages": [code for code in _languages(speak) if code in LANGUAGES],
        "may_offer": may_offer,
        "numbers": range(1, MOST_TIMES + 1),
        "boxes": {number: date_fields.typed(typed, f"day_{number}") for number in range(1, MOST_TIMES + 1)},
        "typed": {name: values[-1] for name, values in typed.items() if values},
        "errors": errors,
        "once": secrets.token_urlsafe(16),
    }
