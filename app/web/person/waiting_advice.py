"""Advice for a person who waits: sourced facts for their needs, how to meet a deadline alone, and where to turn in the end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.directory.packs import Directory, Source
from app.matching.code_names import CodeNames

MOST_PRESSING: Final = (
    "detention", "deportation", "dublin", "extradition_interpol", "asylum", "residence_permit", "travel_documents",
)  # fmt: skip
"""Needs with facts, the one that can wait least first."""
SHOWN: Final = 3
_NEED_OF_LETTER: Final = (
    ("departure_after_residence", "residence_permit"), ("entry_refusal", "asylum"), ("report_to_reception", "asylum"),
    ("refugee_board", "asylum"), ("dublin", "dublin"), ("transfer", "dublin"), ("detention", "detention"),
    ("return", "deportation"), ("leave", "deportation"),
    ("expulsion", "deportation"), ("removal", "deportation"), ("departure", "deportation"), ("residence", "residence_permit"),
    ("stay", "residence_permit"), ("visa", "residence_permit"), ("asylum", "asylum"), ("airport", "asylum"),
)  # fmt: skip
"""A word in the code of a kind of letter, and the need whose facts are about such a letter."""


@dataclass(frozen=True, slots=True)
class WhileYouWait:
    """The advice for waiting, each fact with its source.

    `first`: up to three facts for the most pressing need; `more`: the rest.

    `from_day`: the day from which to contact a centre directly if nobody has answered; None once somebody has. `at_once`: there is
    no time to wait for an answer. `is_over`: the last safe day of the letter has passed, so that an appeal would be late.
    """

    first: Sequence[tuple[str, Source]]
    more: Sequence[tuple[str, Source]]
    country: str
    from_day: date | None
    has_deadline: bool
    at_once: bool = False
    is_over: bool = False


def while_you_wait(
    country: str,
    needs: Iterable[str],
    letter: str | None,
    directory: Directory,
    code_names: CodeNames,
    *,
    from_day: date | None,
    has_deadline: bool,
    at_once: bool = False,
    is_over: bool = False,
    no_status: bool = False,
) -> WhileYouWait:
    """The facts for these needs and this kind of letter, in the reader's language. Those for the letter come first.

    `no_status`: the person has no permission to stay.
    """
    wanted = [need for need in dict.fromkeys((need_of_letter(letter), *_by_pressure(list(needs)))) if need]
    facts = [
        entry
        for need in wanted
        for entry in directory.guidance(country, need)
        if not (no_status and entry.leads_to_the_state)
    ]
    sourced = [(code_names.text(entry.fact), entry.source) for entry in facts]
    return WhileYouWait(sourced[:SHOWN], sourced[SHOWN:], country.lower(), from_day, has_deadline, at_once, is_over)


def need_of_letter(kind: str | None) -> str | None:
    """The need that a kind of letter is about; None without one."""
    return next((need for word, need in _NEED_OF_LETTER if kind and word in kind), None)


def _by_pressure(needs: list[str]) -> list[str]:
    """The needs in the order in which their facts are shown. An appeal has the facts on asylum."""
    rank = {need: number for number, need in enumerate(MOST_PRESSING)}
    counted = ["asylum" if need == "appeals" else need for need in needs]
    return sorted(dict.fromkeys(counted), key=lambda need: rank.get(need, len(rank)))
