"""A self-contained SVG plot of the share of cases accepted, by days since filing."""

from typing import Final

from app.simulation.results import CaseResult, Results

_WIDTH, _HEIGHT, _LEFT, _TOP = 640, 360, 56, 40
_DAYS: Final = 40
_LOOKS: Final = {"emergency": ("#b3261e", ""), "urgent": ("#8a5a00", "6 3"), "normal": ("#1f5f8b", "2 3")}


def svg(results: Results) -> str:
    """The plot, with one line per urgency; lines differ in dashes as well as in colour."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 120} {_TOP + _HEIGHT + 48}" '
        'font-family="sans-serif" font-size="13" role="img">',
        "<title>Share of matched cases accepted, by days since they came in</title>",
        f'<text x="{_LEFT}" y="22" font-size="15">Matched cases accepted, by days since they came in</text>',
    ]
    for share in (0, 25, 50, 75, 100):
        y = _y(share / 100)
        lines.append(f'<path d="M{_LEFT} {y:.1f}h{_WIDTH}" stroke="#ccc"/>')
        lines.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share} %</text>')
    lines += [
        f'<text x="{_x(day):.1f}" y="{_TOP + _HEIGHT + 20}" text-anchor="middle">{day}</text>'
        for day in range(0, _DAYS + 1, 5)
    ]
    label_at = float(_TOP)
    for urgency, (colour, dashes) in _LOOKS.items():
        cases = [case for case in results.cases if case.matched and case.urgency == urgency]
        if cases:
            label_at += 20
            lines.append(_line(cases, colour, dashes))
            x = _LEFT + _WIDTH + 8
            lines.append(
                f'<path d="M{x} {label_at - 4}h22" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>'
            )
            lines.append(f'<text x="{x + 28}" y="{label_at}">{urgency}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _line(cases: list[CaseResult], colour: str, dashes: str) -> str:
    days = sorted(case.waited.total_seconds() / 86_400 for case in cases if case.waited is not None)
    steps = [(day, reached) for reached, day in enumerate(days, 1) if day <= _DAYS]
    path = [f"M{_x(0):.1f} {_y(0):.1f}"]
    path += [f"H{_x(day):.1f}V{_y(reached / len(cases)):.1f}" for day, reached in steps]
    path.append(f"H{_x(_DAYS):.1f}")
    return f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>'


def _x(day: float) -> float:
    return _LEFT + _WIDTH * max(0.0, day) / _DAYS


def _y(share: float) -> float:
    return _TOP + _HEIGHT * (1 - share)
