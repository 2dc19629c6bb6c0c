"""Advice for a person who waits: sourced facts for their letter and needs, how to meet a deadline alone, where to turn in the end.

What is not from a source, such as how to write an appeal oneself, is said to be general advice that a lawyer should confirm.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.directory.packs import Deadline, Directory, Source
from app.directory.schemas import Guidance
from app.matching import deadline_texts, deadlines
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
_DECISIONS_ON_ASYLUM: Final = ("asylum", "dublin")
"""What the letters are about after which an application for asylum has been decided."""


@dataclass(frozen=True, slots=True)
class WhileYouWait:
    """The advice for waiting, each fact with its source.

    `first`: up to three facts for the most pressing need; `more`: the rest.

    `from_day`: the day from which to contact a centre directly if nobody has answered; None once somebody has. `at_once`: there is
    no time to wait for an answer. `is_over`: the last safe day of the letter has passed, so that an appeal would be late.
    `can_appeal`: the letter is, or may be, one that can be appealed against. `if_missed`: what a source says of its time limit
    after it was missed; None: no source says it.
    """

    first: Sequence[tuple[str, Source]]
    more: Sequence[tuple[str, Source]]
    country: str
    from_day: date | None
    has_deadline: bool
    at_once: bool = False
    is_over: bool = False
    can_appeal: bool = True
    if_missed: tuple[str, Source] | None = None


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
    """The facts for this kind of letter and these needs, in the reader's language. Those for the letter come first.

    `no_status`: the person has no permission to stay.
    """
    rule = directory.deadline(country, letter) if letter else None
    facts = [
        entry
        for entry in _facts(country, needs, letter, rule, directory)
        if not (no_status and entry.leads_to_the_state)
    ]
    sourced = [(code_names.text(entry.fact), entry.source) for entry in facts]
    missed = directory.row_if_missed(country, rule)
    return WhileYouWait(
        sourced[:SHOWN],
        sourced[SHOWN:],
        country.lower(),
        from_day,
        has_deadline,
        at_once,
        is_over,
        can_appeal=rule is None or rule.is_about_an_appeal,
        if_missed=(_with_certainty(missed, code_names), missed.source) if missed else None,
    )


def _with_certainty(missed: Deadline, code_names: CodeNames) -> str:
    """What the row says, and how sure its time limit is."""
    certainty = deadline_texts.CERTAINTY[deadlines.OF_SOURCE[missed.source.confidence]]
    return f"{code_names.text(missed.in_words or '')} {code_names.text(certainty)}"


def _facts(
    country: str, needs: Iterable[str], letter: str | None, rule: Deadline | None, directory: Directory
) -> list[Guidance]:
    """The facts in the order in which they are shown: about this kind of letter, about the needs, about what is decided already."""
    wanted = [need for need in dict.fromkeys((need_of_letter(letter), *_by_pressure(list(needs)))) if need]
    of_needs = [entry for need in wanted for entry in directory.guidance(country, need)]
    of_letter = [entry for entry in directory.guidance_of_letter(country, letter or "") if entry not in of_needs]
    is_decided = rule is not None and rule.is_about_an_appeal and need_of_letter(letter) in _DECISIONS_ON_ASYLUM

    def rank(entry: Guidance) -> int:
        if letter in entry.letters:
            return 0
        return 2 if is_decided and entry.before_decision else 1

    return sorted((*of_letter, *of_needs), key=rank)


def need_of_letter(kind: str | None) -> str | None:
    """The need that a kind of letter is about; None without one."""
    return next((need for word, need in _NEED_OF_LETTER if kind and word in kind), None)


def _by_pressure(needs: list[str]) -> list[str]:
    """The needs in the order in which their facts are shown. An appeal has the facts on asylum."""
    rank = {need: number for number, need in enumerate(MOST_PRESSING)}
    counted = ["asylum" if need == "appeals" else need for need in needs]
    return sorted(dict.fromkeys(counted), key=lambda need: rank.get(need, len(rank)))
