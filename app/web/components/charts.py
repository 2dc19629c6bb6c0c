"""Charts as SVG, drawn on the server: a bar in each row of a table, one line, one dot plot. Readable without colour; no script.

Screen readers read the numbers of a line and a dot plot; a bar is beside its numbers and is not read out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from app.core.i18n import Translator

_STACK: Final = 100
_LINE_WIDTH: Final = 620
_LINE_HEIGHT: Final = 130
_DOT_LABEL: Final = 130
_DOT_PLOT: Final = 280
_DOT_ROW: Final = 18
_PATTERNS: Final = ("", "M0 8 L8 0", "M0 4 H8", "M4 0 V8", "M0 0 L8 8 M0 8 L8 0", "M2 2 h3 v3 h-3 z")


def _pattern(name: str, index: int) -> Markup:
    """The fill of a legend entry: the first is solid, the others are hatched, so that no meaning depends on colour."""
    path = _PATTERNS[index % len(_PATTERNS)]
    if not path:
        return Markup("")
    return Markup(
        '<pattern id="{name}-p{index}" width="8" height="8" patternUnits="userSpaceOnUse">'
        '<path d="{path}" fill="none" stroke="currentColor" stroke-width="1.6"/></pattern>'
    ).format(name=name, index=index, path=path)


def _fill(name: str, index: int) -> str:
    return "currentColor" if not _PATTERNS[index % len(_PATTERNS)] else f"url(#{name}-p{index})"


@dataclass(frozen=True, slots=True)
class Dot:
    """One row of a dot plot: a share between 0 and 1 with the ends of its interval; `text` is shown after it."""

    label: str
    share: float
    low: float
    high: float
    text: str


def patterns() -> Markup:
    """The fills of all bars of a page, once for the page."""
    every = Markup("").join(_pattern("r", index) for index in range(len(_PATTERNS)))
    return Markup('<svg class="fills" width="0" height="0" aria-hidden="true"><defs>{every}</defs></svg>').format(
        every=every
    )


def swatch(index: int) -> Markup:
    """The fill of a column, for its heading."""
    return Markup(
        '<svg class="swatch" width="14" height="10" aria-hidden="true" fill="currentColor">'
        '<rect x=".5" y=".5" width="13" height="9" fill="{fill}" stroke="currentColor"/></svg>'
    ).format(fill=_fill("r", index))


def stack(parts: Sequence[int], largest: int, *, rest: int = 0) -> Markup:
    """A bar for one row of a table, its length in proportion to `largest`.

    `rest`: the part that is not broken down, drawn empty. The numbers are beside it, so it is not read out.
    """
    shapes, x = [], 0.0
    for index, part in enumerate(parts):
        width = part / largest * (_STACK - 1)
        if part:
            shapes.append(
                Markup(
                    '<rect x="{x:.1f}" y=".5" width="{w:.1f}" height="13" fill="{fill}" stroke="currentColor"/>'
                ).format(x=x + 0.5, w=max(width, 1.0), fill=_fill("r", index))
            )
        x += width
    if rest > 0:
        shapes.append(
            Markup('<rect x="{x:.1f}" y=".5" width="{w:.1f}" height="13" fill="none" stroke="currentColor"/>').format(
                x=x + 0.5, w=max(rest / largest * (_STACK - 1), 1.0)
            )
        )
    return Markup(
        '<svg class="stack" width="{width}" height="14" aria-hidden="true" fill="currentColor">{shapes}</svg>'
    ).format(width=_STACK + 2, shapes=Markup("").join(shapes))


def line(name: str, title: str, points: Sequence[tuple[str, int]], words: Translator) -> Markup:
    """A line through one number for each month, each with its number."""
    largest = max((count for _month, count in points), default=0) or 1
    step = (_LINE_WIDTH - 60) / max(len(points) - 1, 1)
    places = [
        (30 + step * place, 24 + (_LINE_HEIGHT - 60) * (1 - count / largest))
        for place, (_month, count) in enumerate(points)
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    marks = Markup("").join(
        Markup(
            '<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5"/><text x="{x:.1f}" y="{above:.1f}" text-anchor="middle">{count}</text>'
            '<text x="{x:.1f}" y="{base}" text-anchor="middle" font-size="12">{month}</text>'
        ).format(x=x, y=y, above=y - 9, count=words.number(count), base=_LINE_HEIGHT - 8, month=month)
        for (month, count), (x, y) in zip(points, places, strict=True)
    )
    return Markup(
        '<svg class="chart" xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" '
        'aria-labelledby="{name}-t {name}-d" fill="currentColor" font-size="13" font-family="inherit">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{description}</desc>'
        '<path d="M20 {floor} H{right}" stroke="currentColor" stroke-opacity=".4"/>'
        '<polyline points="{path}" fill="none" stroke="currentColor" stroke-width="2"/>{marks}</svg>'
    ).format(
        width=_LINE_WIDTH, height=_LINE_HEIGHT, name=name, title=title, path=path, marks=marks, floor=_LINE_HEIGHT - 30,
        right=_LINE_WIDTH - 20, description="; ".join(f"{month}: {words.number(count)}" for month, count in points),
    )  # fmt: skip


def dots(name: str, title: str, rows: Sequence[Dot], words: Translator, *, average: float) -> Markup:
    """Shares as dots with their intervals; a vertical line marks the `average`."""
    height = _DOT_ROW * len(rows) + 40

    def at(share: float) -> float:
        return _DOT_LABEL + 10 + _DOT_PLOT * share

    drawn = Markup("").join(
        Markup(
            '<text x="{label_x}" y="{text_y}" text-anchor="end">{label}</text>'
            '<path d="M{low:.1f} {y} H{high:.1f}" stroke="currentColor" stroke-width="2" stroke-opacity=".55"/>'
            '<circle cx="{x:.1f}" cy="{y}" r="4.5"/><text x="{end}" y="{text_y}">{share}</text>'
            '<text x="{last}" y="{text_y}">{text}</text>'
        ).format(
            label_x=_DOT_LABEL,
            text_y=_DOT_ROW * place + 33,
            label=_cut(row.label, 18),
            low=at(row.low),
            high=at(row.high),
            y=_DOT_ROW * place + 28,
            x=at(row.share),
            end=_DOT_LABEL + _DOT_PLOT + 22,
            share=words.percent(100 * row.share),
            last=_DOT_LABEL + _DOT_PLOT + 70,
            text=row.text,
        )
        for place, row in enumerate(rows)
    )
    scale = Markup("").join(
        Markup('<text x="{x:.1f}" y="{y}" text-anchor="middle" font-size="12">{share}</text>').format(
            x=at(share), y=height - 4, share=words.percent(100 * share)
        )
        for share in (0.0, 0.5, 1.0)
    )
    return Markup(
        '<svg class="chart" xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" '
        'aria-labelledby="{name}-t {name}-d" fill="currentColor" font-size="13" font-family="inherit">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{description}</desc>'
        '<path d="M{all:.1f} 14 V{floor}" stroke="currentColor" stroke-dasharray="4 3"/>'
        '<text x="{all:.1f}" y="11" text-anchor="middle" font-size="12">{average}</text>{drawn}{scale}</svg>'
    ).format(
        width=_DOT_LABEL + _DOT_PLOT + 190, height=height, name=name, title=title, all=at(average), floor=height - 18,
        average=words.percent(100 * average), drawn=drawn, scale=scale,
        description="; ".join(f"{row.label}: {words.percent(100 * row.share)}, {row.text}" for row in rows),
    )  # fmt: skip


def _cut(label: str, most: int) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"
