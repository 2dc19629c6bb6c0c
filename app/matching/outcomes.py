"""The three values, and the closed list of answers that a leaf test can give, each by a small number of its own.

Three values: YES 2, UNKNOWN 1, NO 0, so that `all` is the least and `any` the greatest. `not` mirrors an answer: its value
is turned round, and it is called `not_…`, for its reason says what the rule leaves out.
"""

from typing import Final

NO, UNKNOWN, YES = 0, 1, 2
VALUE: Final = {"no": NO, "unknown": UNKNOWN, "yes": YES}

Outcome = tuple[int, str]
"""The value, and the part of the reason's key after the leaf's name."""
YES_, NO_, UNKNOWN_ = (YES, "yes"), (NO, "no"), (UNKNOWN, "unknown")
PART, PERHAPS = (UNKNOWN, "part"), (UNKNOWN, "perhaps")
INTERPRETER, NOT_LISTED = (YES, "interpreter"), (YES, "not_listed")
EXCLUDED, NEED_PAUSED, LANGUAGE_PAUSED = (NO, "excluded"), (NO, "need_paused"), (NO, "language_paused")
OPEN, NOT_KNOWN, FULL = (YES, "open"), (YES, "unknown"), (NO, "full")
_PLAIN: Final = (
    YES_, NO_, UNKNOWN_, PART, PERHAPS, INTERPRETER, NOT_LISTED,
    EXCLUDED, NEED_PAUSED, LANGUAGE_PAUSED, OPEN, NOT_KNOWN, FULL,
)  # fmt: skip


def mirrored(outcome: Outcome) -> Outcome:
    value, answer = outcome
    return YES - value, f"not_{answer}"


OUTCOMES: Final = (*_PLAIN, *map(mirrored, _PLAIN))
CODE: Final = {outcome: code for code, outcome in enumerate(OUTCOMES)}
VALUES: Final = tuple(value for value, _ in OUTCOMES)
"""By the number of an answer: its value."""
