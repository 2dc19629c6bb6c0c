"""The parts of a team's exact report besides its tables: measures, the line of months, comparison of groups, forms."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from markupsafe import Markup

from app.core.i18n import N_, Translator
from app.core.vocabulary import complete
from app.intake.form_counts import FormCount
from app.reporting import comparison
from app.reporting.comparison import HOURS, PERCENTAGES, GroupShare, Measure
from app.reporting.periods import Month, Period, Quarter
from app.reporting.suppression import MIN_COUNT
from app.reporting.tally import Figure, Subject
from app.web.components import charts
from app.web.components.report_page import LabelOf
from app.web.components.time_format import TimeFormat

LINE_MONTHS: Final = 12
MEASURES: Final = complete(
    Measure,
    {
        "cases": N_("Cases"),
        "offered": N_("Offered to an organisation"),
        "accepted": N_("Accepted by an organisation"),
        "helped": N_("Helped or advised"),
        "unmet": N_("Unmet"),
        "first_offer": N_("To the first offer"),
        "decide": N_("To a decision"),
        "in_time": N_("Decided in time"),
    },
)
GROUPS: Final = {"language": N_("Language"), "country": N_("Country"), "urgency": N_("Urgency")}


@dataclass(frozen=True, slots=True)
class Tile:
    """A measure of the period and of the one before; "": that one had none."""

    name: str
    now: str
    before: str


def tiles(now: Mapping[Figure, int], before: Mapping[Figure, int], times: TimeFormat) -> list[Tile]:
    ours, theirs = comparison.summary(now), comparison.summary(before)
    return [
        Tile(MEASURES[one], _measured(one, ours[one], times), _measured(one, theirs[one], times)) for one in Measure
    ]


def _measured(measure: Measure, value: float | None, times: TimeFormat) -> str:
    if value is None:
        return ""
    if measure in HOURS:
        return times.hours_taken(value)
    return times.words.percent(value) if measure in PERCENTAGES else times.words.number(round(value))


def months_line(figures: Mapping[Figure, int], months: Sequence[str], title: str, words: Translator) -> Markup:
    """Cases by month as a line."""
    counts = dict.fromkeys(months, 0)
    for figure, many in figures.items():
        if figure.subject == Subject.CASE and figure.month in counts:
            counts[figure.month] += many
    return charts.line("c-line", title, list(counts.items()), words)


def line_months(period: Quarter | Month | Period, today: date) -> list[str]:
    """The twelve months that end with the period, or with the present month."""
    year, month = map(int, min(period.months[-1], f"{today:%Y-%m}").split("-"))
    back = [divmod(year * 12 + month - 1 - ago, 12) for ago in range(LINE_MONTHS - 1, -1, -1)]
    return [f"{whole}-{rest + 1:02}" for whole, rest in back]


def disparity(figures: Mapping[Figure, int], label_of: LabelOf, title: str, words: Translator) -> Markup | None:
    """The share of cases of each group that an organisation accepted, as dots with intervals; None: no groups to compare."""
    shares = comparison.disparities(figures)
    if not shares:
        return None
    urgency = [share for share in shares if share.group == "urgency"]
    part, total = (sum(getattr(share, name) for share in urgency) for name in ("part", "total"))
    rows = [_dot(share, label_of(share.group, share.code), words) for share in _largest(shares)]
    return charts.dots("c-disparity", title, rows, words, average=part / total)


def _largest(shares: Sequence[GroupShare]) -> Iterable[GroupShare]:
    """The six largest groups of each kind."""
    for group in GROUPS:
        yield from [share for share in shares if share.group == group][:6]


def _dot(share: GroupShare, label: str, words: Translator) -> charts.Dot:
    text = f"{words.number(share.part)} / {words.number(share.total)}"
    return charts.Dot(label, share.share, share.low, share.high, text)


def form_rows(counts: Iterable[FormCount], label_of: LabelOf, times: TimeFormat) -> list[tuple[str, str, str, str]]:
    """Month, language, and how many began and sent the form; numbers from ten on."""
    return [
        (
            times.period(count.month),
            label_of("language", count.language),
            times.words.number(count.began),
            _from_ten(count.sent, times.words),
        )
        for count in counts
        if count.began >= MIN_COUNT
    ]


def _from_ten(number: int, words: Translator) -> str:
    return words.number(number) if number >= MIN_COUNT else ""


def periods(today: date, most: int) -> tuple[list[Quarter], list[Month]]:
    """The quarters and months that can be chosen, the latest first."""
    quarters, months = [Quarter.of(today)], [Month(f"{today:%Y-%m}")]
    while len(quarters) < most:
        quarters.append(quarters[-1].before)
        months.append(months[-1].before)
    return quarters, months
