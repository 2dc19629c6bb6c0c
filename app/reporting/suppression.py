"""Counts that may be published: small ones are hidden, and so many others that no sum gives a small one away.

Somebody who reads a table also knows how it adds up. A hidden cell is given away when it is the only hidden one of a sum,
when sums taken together leave one value for it, or when the hidden cells of a sum add up to less than the threshold: then
the group is the small cell. `hidden` goes on hiding the smallest cell that helps until none of this is left. Tables that
share cells or totals have to be put in together, for what one of them hides another could tell.

It does not help against somebody who compares two days' tables, or who knows some of the people counted.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

LEAST: Final = 10
"""The smallest count that is published. Zero is hidden too: "nobody" says as much as "one"."""
_PRIME: Final = 2_147_483_647
_HALF: Final = _PRIME // 2
Key = TypeVar("Key", bound=Hashable)
Row = dict[Key, int]


@dataclass(frozen=True, slots=True)
class Sum(Generic[Key]):
    """`total` is exactly the sum of `parts`, and every reader knows it."""

    total: Key
    parts: tuple[Key, ...]


def published(cells: Mapping[Key, int], sums: Iterable[Sum[Key]] = (), least: int = LEAST) -> dict[Key, int | None]:
    """Every cell, or None in the place of a hidden one."""
    gone = hidden(cells, sums, least)
    return {key: None if key in gone else count for key, count in cells.items()}


def hidden(cells: Mapping[Key, int], sums: Iterable[Sum[Key]] = (), least: int = LEAST) -> frozenset[Key]:
    """The cells that must not be published. All cells of a sum have to be among `cells`; counts are not negative.

    Raises ValueError for a negative count or a total that is not the sum of its parts: then the rest would be no protection.
    """
    known = list(sums)
    _check(cells, known)
    gone = {key for key, count in cells.items() if count < least}
    while True:
        wanting = [_line(entry, gone) for entry in known if _tells(entry, cells, gone, least)]
        if not wanting:
            wanting = _told_together(cells, known, gone, least)
        more = {key for line in wanting if (key := _cheapest(line, cells, known, gone)) is not None}
        if not more:
            return frozenset(gone)
        gone |= more


def table(rows: Sequence[Key], columns: Sequence[Key], all_rows: Key, all_columns: Key) -> list[Sum[tuple[Key, Key]]]:
    """The sums of a table with a total for each row and each column; cells are keyed (row, column)."""
    across = [Sum((row, all_columns), tuple((row, column) for column in columns)) for row in (*rows, all_rows)]
    down = [Sum((all_rows, column), tuple((row, column) for row in rows)) for column in (*columns, all_columns)]
    return across + down


def _check(cells: Mapping[Key, int], sums: Iterable[Sum[Key]]) -> None:
    if any(count < 0 for count in cells.values()):
        raise ValueError("a count is negative")
    if any(cells[entry.total] != sum(cells[part] for part in entry.parts) for entry in sums):
        raise ValueError("a total is not the sum of its parts")


def _line(entry: Sum[Key], gone: set[Key]) -> Row[Key]:
    """The hidden cells of a sum, as an equation: what they add up to is known."""
    line = {part: 1 for part in entry.parts if part in gone}
    return {**line, entry.total: -1} if entry.total in gone else line


def _tells(entry: Sum[Key], cells: Mapping[Key, int], gone: set[Key], least: int) -> bool:
    return _gives_away(_line(entry, gone), cells, least)


def _gives_away(line: Row[Key], cells: Mapping[Key, int], least: int) -> bool:
    """Whether this equation alone fixes a cell, or shows that its cells are small together."""
    if len(line) < 2:
        return bool(line)
    signs = {weight > 0 for weight in line.values()}
    return len(signs) == 1 and abs(sum(weight * cells[key] for key, weight in line.items())) < least


def _told_together(cells: Mapping[Key, int], sums: Sequence[Sum[Key]], gone: set[Key], least: int) -> list[Row[Key]]:
    """What only several sums taken together give away: the equations, solved as far as they go."""
    lines = [line for entry in sums if (line := _line(entry, gone))]
    return [line for line in _solved(lines) if _gives_away(line, cells, least)]


def _solved(lines: Iterable[Row[Key]]) -> list[Row[Key]]:
    """Reduced row echelon form, modulo a prime so large that whole numbers stay what they are."""
    done: dict[Key, Row[Key]] = {}
    for line in lines:
        row = {key: weight % _PRIME for key, weight in line.items()}
        for pivot, other in done.items():
            if pivot in row:
                _take(row, other, row[pivot])
        if not row:
            continue
        first = next(iter(row))
        inverse = pow(row[first], -1, _PRIME)
        row = {key: weight * inverse % _PRIME for key, weight in row.items()}
        for other in done.values():
            if first in other:
                _take(other, row, other[first])
        done[first] = row
    return [
        {key: weight if weight <= _HALF else weight - _PRIME for key, weight in row.items()} for row in done.values()
    ]


def _take(row: Row[Key], other: Row[Key], times: int) -> None:
    """Subtract `times` the other row, in place."""
    for key, weight in other.items():
        left = (row.get(key, 0) - times * weight) % _PRIME
        if left:
            row[key] = left
        else:
            row.pop(key, None)


def _cheapest(line: Row[Key], cells: Mapping[Key, int], sums: Iterable[Sum[Key]], gone: set[Key]) -> Key | None:
    """The smallest cell still shown in a sum that holds a cell of this line; a part before a total."""
    choices = [
        (key == entry.total, cells[key], str(key), key)
        for entry in sums
        if not line.keys().isdisjoint((entry.total, *entry.parts))
        for key in (*entry.parts, entry.total)
        if key not in gone
    ]
    return min(choices, key=lambda choice: choice[:3])[3] if choices else None
