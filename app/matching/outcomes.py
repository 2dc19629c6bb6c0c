"""The three values of a rule, and the outcomes that a leaf test can have.

Values: YES 2, UNKNOWN 1, NO 0, so that `all` is the smallest of its parts and `any` the greatest.
"""

from dataclasses import dataclass
from typing import Final

NO, UNKNOWN, YES = 0, 1, 2
VALUE: Final = {"no": NO, "unknown": UNKNOWN, "yes": YES}


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One of the constants below, so that two outcomes are equal only when they are the same object.

    Attributes:
        value: what the leaf adds to its rule.
        answer: the second half of the reason's key, after the name of the leaf.
    """

    value: int
    answer: str


YES_, NO_, UNKNOWN_ = Outcome(YES, "yes"), Outcome(NO, "no"), Outcome(UNKNOWN, "unknown")
PART, PERHAPS = Outcome(UNKNOWN, "part"), Outcome(UNKNOWN, "perhaps")
INTERPRETER, NOT_LISTED = Outcome(YES, "interpreter"), Outcome(YES, "not_listed")
EXCLUDED = Outcome(NO, "excluded")
NEED_PAUSED, LANGUAGE_PAUSED = Outcome(NO, "need_paused"), Outcome(NO, "language_paused")
OPEN, NOT_KNOWN, FULL = Outcome(YES, "open"), Outcome(YES, "unknown"), Outcome(NO, "full")
NEGATED: Final = {
    outcome: Outcome(YES - outcome.value, f"not_{outcome.answer}")
    for outcome in (
        YES_, NO_, UNKNOWN_, PART, PERHAPS, INTERPRETER, NOT_LISTED,
        EXCLUDED, NEED_PAUSED, LANGUAGE_PAUSED, OPEN, NOT_KNOWN, FULL,
    )
}  # fmt: skip
"""For each outcome that of the same leaf below a `not`: the opposite value, and an answer of its own for its own reason."""
