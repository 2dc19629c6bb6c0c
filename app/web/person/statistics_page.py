"""The public statistics page of reported persecution: table, chart and CSV file. No figure below ten is shown."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from app.core import spreadsheet
from app.core.dependencies import Now, ReplicaDb
from app.directory.packs import Directory as Packs
from app.intake.vocabulary import PHASES
from app.matching.code_names import CodeNames
from app.reporting import persecution_figures
from app.reporting.persecution_figures import Figure
from app.web.components.rendering import page
from app.web.person.dependencies import Directory, Lang, anyone

router = APIRouter(dependencies=[Depends(anyone)])
_FULL_WIDTH: Final = 100.0


@dataclass(frozen=True, slots=True)
class PersecutionRow:
    """One type of persecution: its figures by country in table order; 0 where the figure is suppressed."""

    label: str
    by_country: tuple[int, ...]
    total: int
    width: float
    """Width of its bar, in per cent of the longest."""


@router.get("/numbers")
def show_numbers(lang: Lang, now: Now, directory: Directory, session: ReplicaDb) -> Response:
    code_names = CodeNames(lang, directory)
    figures = persecution_figures.published(persecution_figures.monthly_counts(session), now.date())
    labelled_figures = [figure for figure in figures if _is_in_packs(figure, directory)]
    return page(
        "person/statistics.html",
        lang,
        countries=[code_names.translator.country_name(country.code) for country in directory.countries],
        phases=_phases(labelled_figures, directory, code_names),
        first=min((figure.first for figure in labelled_figures), default=None),
        last=max((figure.last for figure in labelled_figures), default=None),
        fewest=persecution_figures.MIN_PEOPLE,
        here="numbers",
    )


@router.get("/numbers.csv")
def numbers_as_file(lang: Lang, now: Now, directory: Directory, session: ReplicaDb) -> Response:
    """The figures of the page as CSV, one per row, with the months that each covers."""
    code_names = CodeNames(lang, directory)
    labels = {entry.code: code_names.text(entry.label) for entry in directory.persecution}
    rows = (
        (
            f"{figure.first:%Y-%m}",
            f"{figure.last:%Y-%m}",
            figure.country,
            figure.code,
            labels[figure.code],
            figure.count,
        )
        for figure in persecution_figures.published(persecution_figures.monthly_counts(session), now.date())
        if _is_in_packs(figure, directory)
    )
    header = ("first_month", "last_month", "country", "code", "label", "count")
    text = spreadsheet.csv_text(header, rows, for_people=True)
    headers = {"content-disposition": 'attachment; filename="numbers.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _is_in_packs(figure: Figure, directory: Packs) -> bool:
    """Whether code and country are still in the packs; others have no labels."""
    return directory.is_host(figure.country) and figure.code in {entry.code for entry in directory.persecution}


def _phases(
    figures: Iterable[Figure], directory: Packs, code_names: CodeNames
) -> Sequence[tuple[str, Sequence[PersecutionRow]]]:
    cells: Counter[tuple[str, str]] = Counter()
    for figure in figures:
        cells[figure.code, figure.country] += figure.count
    by_code: dict[str, tuple[int, ...]] = {
        entry.code: tuple(cells[entry.code, country.code] for country in directory.countries)
        for entry in directory.persecution
    }
    longest = max((sum(counts) for counts in by_code.values()), default=0) or 1
    phases = []
    for phase, label in PHASES.items():
        rows = [
            PersecutionRow(
                code_names.text(entry.label),
                by_code[entry.code],
                sum(by_code[entry.code]),
                round(_FULL_WIDTH * sum(by_code[entry.code]) / longest, 1),
            )
            for entry in directory.persecution
            if entry.phase == phase and any(by_code[entry.code])
        ]
        if rows:
            phases.append((code_names.text(label), rows))
    return phases
