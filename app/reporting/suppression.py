"""Cell suppression: small counts are hidden, and as many others as are needed so that no sum reveals a small count.

Readers know how a table adds up. A hidden cell is revealed if it is the only hidden cell of a sum, if several sums together
leave one value for it, or if the hidden cells of a sum add up to less than the threshold (the group is then a small cell).
`hidden` hides the smallest helpful cell, again and again, until nothing is revealed. Tables that share cells or totals must
be suppressed together, because one could reveal what another hides.

This does not protect against readers who compare the tables of two days, or who know some of the counted people.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

MIN_COUNT: Final = 10
"""The smallest count that is published. Zero is hidden too, because it reveals as much as a one."""
_PRIME: Final = 2_147_483_647
_HALF: Final = _PRIME // 2
Key = TypeVar("Key", bound=Hashable)
Row = dict[Key, int]


@dataclass(frozen=True, slots=True)
class KnownSum(Generic[Key]):
    """A known equation: `total` is the sum of `parts`."""

    total: Key
    parts: tuple[Key, ...]


def published(
    cells: Mapping[Key, int], sums: Iterable[KnownSum[Key]] = (), least: int = MIN_COUNT
) -> dict[Key, int | None]:
    """All cells, with None for hidden ones. Raises ValueError as `hidden` does."""
    hidden_keys = hidden(cells, sums, least)
    return {key: None if key in hidden_keys else count for key, count in cells.items()}


def hidden(cells: Mapping[Key, int], sums: Iterable[KnownSum[Key]] = (), least: int = MIN_COUNT) -> frozenset[Key]:
    """The cells that must not be published. `cells` must contain every cell of each sum.

    Raises ValueError for a negative count or for a total that is not the sum of its parts: suppression would not protect then.
    """
    all_sums = list(sums)
    _check(cells, all_sums)
    hidden_keys = {key for key, count in cells.items() if count < least}
    while True:
        unsafe = [_equation(sum_, hidden_keys) for sum_ in all_sums if _is_unsafe(sum_, cells, hidden_keys, least)]
        if not unsafe:
            unsafe = _revealed_together(cells, all_sums, hidden_keys, least)
        additional = {
            key for equation in unsafe if (key := _next_to_hide(equation, cells, all_sums, hidden_keys)) is not None
        }
        if not additional:
            return frozenset(hidden_keys)
        hidden_keys |= additional


def table(
    rows: Sequence[Key], columns: Sequence[Key], all_rows: Key, all_columns: Key
) -> list[KnownSum[tuple[Key, Key]]]:
    """The sums of a table with a total for each row and each column; cells are keyed (row, column)."""
    across = [KnownSum((row, all_columns), tuple((row, column) for column in columns)) for row in (*rows, all_rows)]
    down = [KnownSum((all_rows, column), tuple((row, column) for row in rows)) for column in (*columns, all_columns)]
    return across + down


def _check(cells: Mapping[Key, int], sums: Iterable[KnownSum[Key]]) -> None:
    if any(count < 0 for count in cells.values()):
        raise ValueError("a count is negative")
    if any(cells[sum_.total] != sum(cells[part] for part in sum_.parts) for sum_ in sums):
        raise ValueError("a total is not the sum of its parts")


def _equation(sum_: KnownSum[Key], hidden_keys: set[Key]) -> Row[Key]:
    """The hidden cells of a sum as an equation with a known result."""
    equation = {part: 1 for part in sum_.parts if part in hidden_keys}
    return {**equation, sum_.total: -1} if sum_.total in hidden_keys else equation


def _is_unsafe(sum_: KnownSum[Key], cells: Mapping[Key, int], hidden_keys: set[Key], least: int) -> bool:
    return _reveals(_equation(sum_, hidden_keys), cells, least)


def _reveals(equation: Row[Key], cells: Mapping[Key, int], least: int) -> bool:
    """Whether this equation alone determines a cell, or shows that its cells are small together."""
    if len(equation) < 2:
        return bool(equation)
    signs = {weight > 0 for weight in equation.values()}
    return len(signs) == 1 and abs(sum(weight * cells[key] for key, weight in equation.items())) < least


def _revealed_together(
    cells: Mapping[Key, int], sums: Sequence[KnownSum[Key]], hidden_keys: set[Key], least: int
) -> list[Row[Key]]:
    """Equations that reveal a cell only in combination, from the solved system."""
    equations = [equation for sum_ in sums if (equation := _equation(sum_, hidden_keys))]
    return [equation for equation in _reduce(equations) if _reveals(equation, cells, least)]


def _reduce(equations: Iterable[Row[Key]]) -> list[Row[Key]]:
    """Reduced row echelon form modulo a prime that is larger than any coefficient."""
    done: dict[Key, Row[Key]] = {}
    for equation in equations:
        row = {key: weight % _PRIME for key, weight in equation.items()}
        for pivot, other in done.items():
            if pivot in row:
                _subtract(row, other, row[pivot])
        if not row:
            continue
        first = next(iter(row))
        inverse = pow(row[first], -1, _PRIME)
        row = {key: weight * inverse % _PRIME for key, weight in row.items()}
        for other in done.values():
            if first in other:
                _subtract(other, row, other[first])
        done[first] = row
    return [
        {key: weight if weight <= _HALF else weight - _PRIME for key, weight in row.items()} for row in done.values()
    ]


def _subtract(row: Row[Key], other: Row[Key], factor: int) -> None:
    """Subtract the other row `factor` times, in place."""
    for key, weight in other.items():
        rest = (row.get(key, 0) - factor * weight) % _PRIME
        if rest:
            row[key] = rest
        else:
            row.pop(key, None)


def _next_to_hide(
    equation: Row[Key], cells: Mapping[Key, int], sums: Iterable[KnownSum[Key]], hidden_keys: set[Key]
) -> Key | None:
    """The smallest cell still shown in a sum with a cell of this equation; a part before a total."""
    choices = [
        (key == sum_.total, cells[key], str(key), key)
        for sum_ in sums
        if not equation.keys().isdisjoint((sum_.total, *sum_.parts))
        for key in (*sum_.parts, sum_.total)
        if key not in hidden_keys
    ]
    return min(choices, key=lambda choice: choice[:3])[3] if choices else None
