"""The page docs/life-cycles.md, drawn from the tables in the code: `python -m app.cli.life_cycles > docs/life-cycles.md`.

A test keeps page and tables equal.
"""

import inspect
import sys
from collections.abc import Iterable
from itertools import groupby

from app.cases import states as case_states
from app.referrals import deadlines, reasons, states
from app.referrals.reasons import (
    CONSEQUENCES,
    DAY_REQUIRED,
    FOLLOWS,
    OUTCOME_REQUIRED,
    QUESTION_TAKEN,
    REASONS,
    WORK_TAKEN,
    reasons_for,
)
from app.referrals.states import Actor, DeadlineChange, Move, State, Verb, disclosure_in
from app.tasks import service as tasks

_DEADLINE_TEXTS = {
    DeadlineChange.WAIT: "reviewed soon",
    DeadlineChange.START_ANSWER: "set: acknowledge, decide, expiry",
    DeadlineChange.GO_ON: "unchanged",
    DeadlineChange.PAUSE: "paused",
    DeadlineChange.UNPAUSE: "go on, later by the pause",
    DeadlineChange.REVIEW: "reviewed on the day named",
    DeadlineChange.FIRST_CONTACT: "set: first contact",
    DeadlineChange.PROGRESS: "reviewed at intervals",
    DeadlineChange.ASK_NEXT: "the next-best is asked at once",
    DeadlineChange.STOP: "nothing is due",
}
_CONSEQUENCE_TEXTS = {
    reasons.Consequence.EXCLUDE: "this organisation is never asked for this case again; others never see why",
    reasons.Consequence.FULL: "the service counts as full for 14 days",
    reasons.Consequence.REVIEW_RULE: "the team looks at the service's rule",
    reasons.Consequence.CHECK_CHANNEL: "the team looks for a safe way to reach the person; the case stays open",
    reasons.Consequence.MERGE: "the team looks whether the same person wrote twice",
    reasons.Consequence.NEXT: "nothing besides",
}
_OUTCOME_TEXTS = {
    reasons.AfterOutcome.HELPED: "the case is *helped*",
    reasons.AfterOutcome.ADVISED: "the case is *advised*",
    reasons.AfterOutcome.DESK: "no help: back to the desk, *in_review*",
}


def page() -> str:
    """The whole page, as Markdown with Mermaid diagrams."""
    return "\n".join(
        [
            "# Life cycles",
            "",
            "Drawn from the tables in `app/referrals/states.py` and `app/cases/states.py` by `python -m app.cli.life_cycles`;",
            "a test keeps this page equal to them. A verb that is not here is refused with 409 and writes nothing.",
            "",
            "## A referral",
            "",
            "One case offered to one service of one organisation. It is created as a *draft*.",
            "",
            *_diagram(
                ((m.source, m.verb, m.target) for m in states.MOVES if m.target in states.LIVE | {State.COMPLETED}),
                "draft",
            ),
            "",
            "Not drawn, but in the table: the ways to an end without help.",
            "",
            *_table(
                ("verb", "from", "to", "by", "needs", "if", "deadlines", "they see", "notice to"),
                map(_verb_row, _by_verb()),
            ),
            "",
            "## What an organisation may see",
            "",
            *_table(("state", "sees"), ((state, disclosure_in(state).replace("_", " ")) for state in State)),
            "",
            "## Deadlines",
            "",
            *inspect.cleandoc(deadlines.__doc__ or "").split("\n", 2)[2].splitlines(),
            "",
            f"`MINIMUM_ANSWER_TIME` is {deadlines.MINIMUM_ANSWER_TIME.seconds // 3600} hours,"
            f" `MAX_PAUSE` {deadlines.MAX_PAUSE.days} days.",
            "",
            "## Reasons",
            "",
            *_table(
                ("code", "in words", "for", "consequence"),
                ((c, r.label, _words(r.verbs), _CONSEQUENCE_TEXTS[CONSEQUENCES[c]]) for c, r in REASONS.items()),
            ),
            "",
            "## Questions",
            "",
            "What a partner may ask before it has accepted. The person reads it in their language and answers in the thread;",
            "`other` is a task for a coordinator.",
            "",
            *_table(("code", "in words"), reasons.QUESTIONS.items()),
            "",
            "## Work done",
            "",
            "What a partner that hands a case back may say of it.",
            "",
            *_table(("code", "in words"), reasons.WORK_DONE.items()),
            "",
            "## Tasks",
            "",
            "Every end without help, and every deadline that passes, leaves a task for the case's team. It is due in this time,",
            "and never later than the legal deadline minus two working days.",
            "",
            *_table(
                ("kind", "in words", "due in: emergency / urgent / normal", "ended, besides by hand, when"),
                ((kind, rule.label, _within(rule), _ended_when(rule)) for kind, rule in tasks.RULES.items()),
            ),
            "",
            "## Outcomes",
            "",
            "When the last organisation at work on the case has completed:",
            "",
            *_table(
                ("code", "in words", "then"),
                ((c, text, _OUTCOME_TEXTS[FOLLOWS[c]]) for c, text in reasons.OUTCOMES.items()),
            ),
            "",
            "## A case",
            "",
            "One person's request. What becomes of its referrals moves it; so does the desk, and the person.",
            "",
            *_diagram(
                ((source, verb, target) for source, verb, target, _ in case_states.MOVES if verb != "erase"),
                "submitted",
            ),
            "",
            *_table(
                ("from", "verb", "to", "by"),
                ((source, verb, target, _words(by)) for source, verb, target, by in case_states.MOVES),
            ),
            "",
        ]
    )


def _diagram(steps: Iterable[tuple[str, str, str]], first: str) -> list[str]:
    return [
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {first}",
        *(f"    {source} --> {target}: {verb}" for source, verb, target in steps),
        "```",
    ]


def _by_verb() -> list[list[Move]]:
    """The table's rows with the same verb and target, together."""
    return [list(rows) for _, rows in groupby(states.MOVES, key=lambda move: (move.verb, move.target))]


def _verb_row(moves: list[Move]) -> tuple[str, ...]:
    first = moves[0]
    return (
        first.verb,
        ", ".join(move.source for move in moves),
        first.target,
        ", ".join(actor for actor in Actor if actor in first.by),
        _needs(first.verb),
        "; ".join(first.preconditions),
        _DEADLINE_TEXTS[first.deadline_change],
        str(first.discloses).replace("_", " "),
        ", ".join(first.notifies),
    )


def _needs(verb: Verb) -> str:
    needed = ["a reason"] if reasons_for(verb) else []
    needed += ["an outcome"] if verb in OUTCOME_REQUIRED else []
    needed += ["a day (`until`)"] if verb in DAY_REQUIRED else []
    needed += ["a question (else `other`)"] if verb in QUESTION_TAKEN else []
    needed += ["may name `work_done`, `deadline_on`"] if verb in WORK_TAKEN else []
    return ", ".join(needed)


_TASK_END_TEXTS = {
    tasks.TaskEnd.OFFERED: "somebody is asked",
    tasks.TaskEnd.MOVED: "the referral moves again",
    tasks.TaskEnd.CASE_ENDED: "the case ends",
}


def _within(rule: tasks.TaskRule) -> str:
    hours = [int(rule.within[urgency].total_seconds()) // 3600 for urgency in ("emergency", "urgent", "normal")]
    return " / ".join(f"{number} h" if number < 24 else f"{number // 24} d" for number in hours)


def _ended_when(rule: tasks.TaskRule) -> str:
    return "; ".join(words for ends, words in _TASK_END_TEXTS.items() if ends in rule.ends_with)


def _words(codes: Iterable[str]) -> str:
    return ", ".join(sorted(codes))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


if __name__ == "__main__":
    sys.stdout.write(page())
