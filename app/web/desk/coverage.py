"""The coverage page: which needs have a service in which country, and where there are gaps."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.core.dependencies import Now, ReadDb
from app.core.errors import NotFound
from app.matching.code_names import CodeNames
from app.matching.coverage import SPOKEN, CoverageCell, coverage
from app.matching.engine import ServiceMatch
from app.matching.reasons import render
from app.referrals import quality
from app.reporting import shares
from app.staff import proposal_rules
from app.web.account.policies import Packs
from app.web.components import staff_pages
from app.web.desk.rules import Reads

router = APIRouter(prefix="/desk/coverage")

NEAREST: Final = 3


@router.get("", name="coverage")
def show_coverage(
    request: Request, _member: Reads, packs: Packs, now: Now, country: Annotated[str, Query(max_length=2)] = ""
) -> Response:
    """Show one country or all, computed from the rules in force. No case is read."""
    if country and not packs.is_host(country):
        raise NotFound
    cells = coverage(packs, now.date())
    code_names = staff_pages.code_names(request)
    shown = [country] if country else [entry.code for entry in packs.countries]
    return staff_pages.page(
        request,
        "desk/coverage.html",
        countries=[entry.code for entry in packs.countries],
        chosen=country,
        tables=[(code, [cell for cell in cells if cell.country == code]) for code in shown],
        holes=[(cell, _nearest(cell, code_names)) for cell in cells if cell.is_hole and cell.country in shown],
        spoken=SPOKEN,
        counts=_counts([cell for cell in cells if cell.country in shown]),
    )


def _nearest(cell: CoverageCell, code_names: CodeNames) -> list[tuple[ServiceMatch, list[str]]]:
    return [(match, [render(reason, code_names) for reason in match.reasons]) for match in cell.nearest[:NEAREST]]


def _counts(cells: Sequence[CoverageCell]) -> dict[str, int]:
    return {
        "all": len(cells),
        "holes": sum(cell.is_hole for cell in cells),
        "nobody": sum(cell.is_hole and not cell.unverified for cell in cells),
        "thin": sum(cell.is_thin for cell in cells),
    }


@router.get("/shares", name="shares")
def show_shares(request: Request, member: Reads, session: ReadDb, packs: Packs, now: Now) -> Response:
    """Show the places that each service was due and got, and why first suggestions were passed over.

    Counts of services, not of people.
    """
    may_propose = member.role in proposal_rules.RULES[proposal_rules.ProposalKind.SERVICE_WEIGHT].proposers
    return staff_pages.page(
        request,
        "desk/shares.html",
        shares=shares.shares(session, now),
        passed_over=shares.passed_over(session, now),
        least=shares.LEAST,
        quality=quality.counts(session, now - shares.PERIOD),
        organisations={organisation.id: organisation.name.en for organisation in packs.organisations},
        services=sorted(service.key for service in packs.services) if may_propose else [],
        typed={},
        errors={},
    )
