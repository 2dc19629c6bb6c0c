"""Whether a service takes what a coordinator is about to send: it may be full, or pause as a whole, for a need or a language."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import Case
from app.directory import availability
from app.directory.models import ServicePause, ServiceRow


@dataclass(frozen=True, slots=True)
class Away:
    """`why`: full, all, need, language. `until`: the last day on which that holds."""

    why: str
    until: date


def away(session: Session, case: Case, service_key: str, today: date) -> Away | None:
    """As matching would see it now: a pause for a need hinders who has no other that they take. Two statements."""
    row = session.scalars(sa.select(ServiceRow).where(ServiceRow.key == service_key)).one_or_none()
    if row is None:
        return None
    pauses = availability.pauses(session, [service_key], today).get(service_key, ())
    hindering = _hindering(pauses, case.needs, case.languages, row.entry.get("needs", ()))
    if hindering:
        return max(hindering, key=lambda one: one.until)
    if row.capacity == "full" and row.capacity_until is not None and row.capacity_until >= today:
        return Away("full", row.capacity_until)
    return None


def _hindering(
    pauses: Sequence[ServicePause], needs: Collection[str], speak: Collection[str], offered: Collection[str]
) -> list[Away]:
    paused = {pause.need for pause in pauses if pause.need}
    silent = {pause.language for pause in pauses if pause.language}
    found = [Away("all", pause.until) for pause in pauses if pause.need is None and pause.language is None]
    if paused & set(needs) and not set(needs) & (set(offered) - paused):
        found += [Away("need", pause.until) for pause in pauses if pause.need in needs]
    if speak and silent.issuperset(speak):
        found += [Away("language", pause.until) for pause in pauses if pause.language in speak]
    return found
