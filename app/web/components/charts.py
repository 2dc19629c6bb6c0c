"""Bar charts as SVG, drawn on the server. Readable without colour and by screen readers; no style sheet, no script."""

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
    """One bar: `parts` from the left, None where hidden; `total` is shown next to it; `text` has all numbers as words."""

    label: str
    parts: Sequence[int | None]
    total: str
    text: str


def bars(name: str, title: str, legend: Sequence[str], rows: Sequence[Bar]) -> Markup:
    """A chart with one stacked bar for each row. `name` keeps its element ids unique on the page."""
    maximum = max((sum(part or 0 for part in row.parts) for row in rows), default=0) or 1
    top = 26 * (len(legend) if len(legend) > 1 else 0) + 8
    height = top + _ROW * len(rows) + 8
    shapes = [_legend(name, index, label) for index, label in enumerate(legend)] if len(legend) > 1 else []
    shapes += [_bar(name, row, top + _ROW * index, maximum) for index, row in enumerate(rows)]
    description = "; ".join(f"{row.label}: {row.text}" for row in rows)
    return Markup(
        '<svg class="chart" xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" '
        'aria-labelledby="{name}-t {name}-d" fill="currentColor" font-size="14" font-family="inherit">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{description}</desc><defs>{patterns}</defs>{shapes}</svg>'
    ).format(
        width=_WIDTH, height=height, name=name, title=title, description=description,
        patterns=Markup("").join(_pattern(name, index) for index in range(len(legend))), shapes=Markup("").join(shapes),
    )  # fmt: skip


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


def _legend(name: str, index: int, label: str) -> Markup:
    return Markup(
        '<rect x="0" y="{y}" width="22" height="16" fill="{fill}" stroke="currentColor"/><text x="30" y="{base}">{label}</text>'
    ).format(y=26 * index + 2, base=26 * index + 15, fill=_fill(name, index), label=label)


def _bar(name: str, row: Bar, y: int, maximum: int) -> Markup:
    shapes, x = [], float(_LABEL)
    for index, part in enumerate(row.parts):
        width = round((part or 0) / maximum * _BAR, 1)
        if width:
            shapes.append(
                Markup('<rect x="{x}" y="{y}" width="{w}" height="20" fill="{fill}" stroke="currentColor"/>').format(
                    x=round(x, 1), y=y + 4, w=width, fill=_fill(name, index)
                )
            )
        x += width
    label = row.label if len(row.label) <= _LONGEST else row.label[: _LONGEST - 1] + "…"
    return Markup('<text x="{lx}" y="{ty}" text-anchor="end">{label}</text>{bars}<text x="{tx}" y="{ty}">{text}</text>').format(
        lx=_LABEL - 8, ty=y + 19, label=label, bars=Markup("").join(shapes), tx=round(x + 6, 1),
        text=row.total,
    )  # fmt: skip
