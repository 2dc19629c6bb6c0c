"""Whether a service is unavailable for a case: it may be full, or paused altogether, for a need or for a language."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import Case
from app.directory import availability
from app.directory.models import ServicePause, ServiceRow


@dataclass(frozen=True, slots=True)
class Unavailability:
    """Why a service is unavailable (`full`, `all`, `need`, `language`), and the last day of it (`until`)."""

    why: str
    until: date


def unavailability_of(session: Session, case: Case, service_key: str, today: date) -> Unavailability | None:
    """Unavailability as matching would see it now: a pause for one need matters only without another need. Two statements."""
    row = session.scalars(sa.select(ServiceRow).where(ServiceRow.key == service_key)).one_or_none()
    if row is None:
        return None
    pauses = availability.pauses(session, [service_key], today).get(service_key, ())
    paused = _paused_for(pauses, case.needs, case.languages, row.entry.get("needs", ()))
    if paused:
        return max(paused, key=lambda unavailability: unavailability.until)
    if row.capacity == "full" and row.capacity_until is not None and row.capacity_until >= today:
        return Unavailability("full", row.capacity_until)
    return None


def _paused_for(
    pauses: Sequence[ServicePause], needs: Collection[str], speak: Collection[str], offered: Collection[str]
) -> list[Unavailability]:
    paused = {pause.need for pause in pauses if pause.need}
    silent = {pause.language for pause in pauses if pause.language}
    unavailable = [
        Unavailability("all", pause.until) for pause in pauses if pause.need is None and pause.language is None
    ]
    if paused & set(needs) and not set(needs) & (set(offered) - paused):
        unavailable += [Unavailability("need", pause.until) for pause in pauses if pause.need in needs]
    if speak and silent.issuperset(speak):
        unavailable += [Unavailability("language", pause.until) for pause in pauses if pause.language in speak]
    return unavailable
