"""Small factories for rules: a service with this rule, a case with these facts."""

from collections.abc import Sequence
from typing import Any, Literal

from app.directory.catalogue import ServiceEntry
from app.directory.rules import Rule
from app.directory.schemas import Name, Organisation, Service, Source
from app.matching.facts import Facts


def entry(
    organisation: str,
    rule: dict[str, Any],
    *,
    needs: Sequence[str] = ("asylum",),
    confidence: Literal["high", "medium", "low"] = "high",
    **offer: Any,
) -> ServiceEntry:
    """`organisation/service`, offered in Poland."""
    defaults: dict[str, Any] = {"cost": "free", "representation": "unknown", "remote": "yes"}
    service = Service(
        id="service", name=Name(en="Help"), needs=tuple(needs), rule=Rule.model_validate(rule), **{**defaults, **offer}
    )
    centre = Organisation(
        id=organisation,
        name=Name(en=organisation.title()),
        kind="centre",
        source=Source(title="A test", confidence=confidence),
        services=(service,),
    )
    return ServiceEntry(f"{organisation}/service", centre, service, frozenset({"PL"}))


def facts(**known: Any) -> Facts:
    """A person in Poland who needs asylum, speaks Russian, and said nothing else."""
    plain = {"needs": frozenset({"asylum"}), "country": "PL", "languages": ("ru",), **known}
    return Facts(**{**plain, "needs": frozenset(plain["needs"])})
