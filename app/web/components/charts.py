"""Bar charts as SVG, drawn on the server: readable in black and white and by ear, without a style or a script."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

_ROW: Final = 34
_LABEL: Final = 200
_BAR: Final = 300
_WIDTH: Final = _LABEL + _BAR + 70
_PATTERNS: Final = ("", "M0 8 L8 0", "M0 4 H8", "M4 0 V8", "M0 0 L8 8 M0 8 L8 0", "M2 2 h3 v3 h-3 z")
_LONGEST: Final = 26


@dataclass(frozen=True, slots=True)
class Bar:
    """`parts` from the left; None: hidden. `total` stands beside the bar; `text` says all numbers to who can not see it."""

    label: str
    parts: Sequence[int | None]
    total: str
    text: str


def bars(name: str, title: str, legend: Sequence[str], rows: Sequence[Bar]) -> Markup:
    """A stacked bar for each row. `name` makes the ids of this page unique. The table under it says the same."""
    most = max((sum(part or 0 for part in row.parts) for row in rows), default=0) or 1
    top = 26 * (len(legend) if len(legend) > 1 else 0) + 8
    height = top + _ROW * len(rows) + 8
    drawn = [_legend(name, place, word) for place, word in enumerate(legend)] if len(legend) > 1 else []
    drawn += [_bar(name, row, top + _ROW * place, most) for place, row in enumerate(rows)]
    told = "; ".join(f"{row.label}: {row.text}" for row in rows)
    return Markup(
        '<svg class="chart" xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" '
        'aria-labelledby="{name}-t {name}-d" fill="currentColor" font-size="14" font-family="inherit">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{told}</desc><defs>{patterns}</defs>{drawn}</svg>'
    ).format(
        width=_WIDTH, height=height, name=name, title=title, told=told,
        patterns=Markup("").join(_pattern(name, place) for place in range(len(legend))), drawn=Markup("").join(drawn),
    )  # fmt: skip


def _pattern(name: str, place: int) -> Markup:
    """The first is full, the others are hatched: no meaning hangs on a colour."""
    path = _PATTERNS[place % len(_PATTERNS)]
    if not path:
        return Markup("")
    return Markup(
        '<pattern id="{name}-p{place}" width="8" height="8" patternUnits="userSpaceOnUse">'
        '<path d="{path}" fill="none" stroke="currentColor" stroke-width="1.6"/></pattern>'
    ).format(name=name, place=place, path=path)


def _fill(name: str, place: int) -> str:
    return "currentColor" if not _PATTERNS[place % len(_PATTERNS)] else f"url(#{name}-p{place})"


def _legend(name: str, place: int, word: str) -> Markup:
    return Markup(
        '<rect x="0" y="{y}" width="22" height="16" fill="{fill}" stroke="currentColor"/><text x="30" y="{base}">{word}</text>'
    ).format(y=26 * place + 2, base=26 * place + 15, fill=_fill(name, place), word=word)


def _bar(name: str, row: Bar, y: int, most: int) -> Markup:
    drawn, x = [], float(_LABEL)
    for place, part in enumerate(row.parts):
        width = round((part or 0) / most * _BAR, 1)
        if width:
            drawn.append(
                Markup('<rect x="{x}" y="{y}" width="{w}" height="20" fill="{fill}" stroke="currentColor"/>').format(
                    x=round(x, 1), y=y + 4, w=width, fill=_fill(name, place)
                )
            )
        x += width
    label = row.label if len(row.label) <= _LONGEST else row.label[: _LONGEST - 1] + "…"
    return Markup('<text x="{lx}" y="{ty}" text-anchor="end">{label}</text>{bars}<text x="{tx}" y="{ty}">{text}</text>').format(
        lx=_LABEL - 8, ty=y + 19, label=label, bars=Markup("").join(drawn), tx=round(x + 6, 1),
        text=row.total,
    )  # fmt: skip
