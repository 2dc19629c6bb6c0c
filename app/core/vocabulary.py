"""Tables over closed vocabularies: one row for each code, or the program does not start."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

Row = TypeVar("Row")


def complete(codes: Iterable[str], rows: Mapping[str, Row]) -> Mapping[str, Row]:
    """The rows as a read-only table with one row for each code, in the order of the rows.

    Every table with one entry for each code of a vocabulary (labels, effects, names in an outside standard) is made by this
    function, so that after a code is added, each table that lacks it fails at import.

    Raises ValueError, which names the codes that have no row and the rows that are no code.
    """
    wanted = {str(code) for code in codes}
    missing, unknown = sorted(wanted - {str(code) for code in rows}), sorted({str(code) for code in rows} - wanted)
    if missing or unknown:
        raise ValueError(
            f"A table has no row for {missing}, and rows for {unknown}, which are no codes of its vocabulary."
        )
    return MappingProxyType(dict(rows))
