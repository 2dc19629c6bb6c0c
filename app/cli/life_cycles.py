"""Generates docs/life-cycles.md from the state tables: `python -m app.cli.life_cycles > docs/life-cycles.md`.

A test checks that the page is up to date.
"""

import inspect
import sys
from collections.abc import Iterable
from itertools import groupby

from app.cases import need_states
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
from app.referrals.states import DeadlineChange, ReferralActor, ReferralMove, ReferralState, ReferralVerb, disclosure_in
from app.tasks import service as tasks

_DEADLINE_TEXTS = {
    DeadlineChange.WAIT: "reviewed soon",
    DeadlineChange.START_ANSWER: "set: acknowledge, decide, expiry",
    DeadlineChange.GO_ON: "unchanged",
    DeadlineChange.PAUSE: "paused",
    DeadlineChange.UNPAUSE: "resumed, moved by the length of the pause",
    DeadlineChange.REVIEW: "reviewed on the given day",
    DeadlineChange.FIRST_CONTACT: "set: first contact",
    DeadlineChange.PROGRESS: "reviewed at intervals",
    DeadlineChange.ASK_NEXT: "the next best organisation is asked immediately",
    DeadlineChange.STOP: "nothing is due",
}
_CONSEQUENCE_TEXTS = {
    reasons.Consequence.EXCLUDE: "this organisation is not asked again for this case; other organisations never see why",
    reasons.Consequence.FULL: "the service counts as full for 14 days",
    reasons.Consequence.REVIEW_RULE: "the team reviews the service's rule",
    reasons.Consequence.CHECK_CHANNEL: "the team finds a safe way to reach the person; the case stays open",
    reasons.Consequence.MERGE: "the team checks whether the same person wrote twice",
    reasons.Consequence.NEXT: "none",
}
_OUTCOME_TEXTS = {
    reasons.AfterOutcome.HELPED: "the need is *helped*",
    reasons.AfterOutcome.ADVISED: "the need is *advised*",
    reasons.AfterOutcome.DESK: "no help: the need is *open* again, and the desk goes on",
}


def page() -> str:
    """The page of all life cycles, as Markdown with Mermaid diagrams."""
    return "\n".join(
        [
            "# Life cycles",
            "",
            "Generated from the tables in `app/referrals/states.py`, `app/cases/need_states.py` and `app/cases/states.py` by",
            "`python -m app.cli.life_cycles`; a test checks that this page is up to date. A verb that is not listed is refused",
            "with 409 and changes nothing.",
            "",
            "## A referral",
            "",
            "One case offered to one service of one organisation, for some or all of its needs. It is created as a *draft*.",
            "",
            *_diagram(
                (
                    (m.source, m.verb, m.target)
                    for m in states.MOVES
                    if m.target in states.LIVE | {ReferralState.COMPLETED} and m.source != m.target
                ),
                "draft",
            ),
            "",
            "The table also has the transitions to an end without help, which the diagram leaves out.",
            "",
            *_table(
                ("verb", "from", "to", "by", "needs", "condition", "deadlines", "organisation sees", "notice to"),
                map(_verb_row, _by_verb()),
            ),
            "",
            "## What an organisation may see",
            "",
            *_table(("state", "sees"), ((state, disclosure_in(state).replace("_", " ")) for state in ReferralState)),
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
                ("code", "meaning", "used with", "consequence"),
                ((c, r.label, _joined(r.verbs), _CONSEQUENCE_TEXTS[CONSEQUENCES[c]]) for c, r in REASONS.items()),
            ),
            "",
            "## Questions",
            "",
            "What a partner may ask before it accepts. The person reads the question in their language and answers in the thread;",
            "`other` creates a task for a coordinator.",
            "",
            *_table(("code", "meaning"), reasons.QUESTIONS.items()),
            "",
            "## Work done",
            "",
            "What a partner that hands a case back can report as done.",
            "",
            *_table(("code", "meaning"), reasons.WORK_DONE.items()),
            "",
            "## Tasks",
            "",
            "Every end without help and every missed deadline creates a task for the case's team. It is due within this time,",
            "and never later than two working days before the legal deadline.",
            "",
            *_table(
                ("kind", "meaning", "due in: emergency / urgent / normal", "ended automatically when"),
                ((kind, rule.label, _within(rule), _ended_when(rule)) for kind, rule in tasks.RULES.items()),
            ),
            "",
            "## Outcomes",
            "",
            "What becomes of the needs that a completed referral was for. Each of them may have an outcome of its own.",
            "",
            *_table(
                ("code", "meaning", "then"),
                ((c, text, _OUTCOME_TEXTS[FOLLOWS[c]]) for c, text in reasons.OUTCOMES.items()),
            ),
            "",
            "## A need of a case",
            "",
            "Each need has a row in `case_needs`. It moves with the referrals that name it, and by actions of the desk and of the",
            "person. A need has at most one organisation (*with_centre*). An acceptance withdraws another offer only when it",
            "covers all that the other was asked for; otherwise the other offer goes on with the rest (`narrow`).",
            "",
            *_diagram(((source, verb, target) for source, verb, target, _ in need_states.MOVES), "open"),
            "",
            *_table(
                ("from", "verb", "to", "by"),
                ((source, verb, target, _joined(by)) for source, verb, target, by in need_states.MOVES),
            ),
            "",
            "## A case",
            "",
            "One person's request. Its state changes with its needs and their referrals, and by actions of the desk and of the",
            "person.",
            "It ends when each of its needs has an end: *helped* if one was helped, else *advised* if one was advised.",
            "",
            *_diagram(
                ((source, verb, target) for source, verb, target, _ in case_states.MOVES if verb != "erase"),
                "submitted",
            ),
            "",
            *_table(
                ("from", "verb", "to", "by"),
                ((source, verb, target, _joined(by)) for source, verb, target, by in case_states.MOVES),
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


def _by_verb() -> list[list[ReferralMove]]:
    """Transitions grouped by verb and target."""
    return [list(rows) for _, rows in groupby(states.MOVES, key=lambda move: (move.verb, move.target))]


def _verb_row(moves: list[ReferralMove]) -> tuple[str, ...]:
    first = moves[0]
    return (
        first.verb,
        ", ".join(move.source for move in moves),
        first.target,
        ", ".join(actor for actor in ReferralActor if actor in first.by),
        _needs(first.verb),
        "; ".join(first.preconditions),
        _DEADLINE_TEXTS[first.deadline_change],
        str(first.discloses).replace("_", " "),
        ", ".join(first.notifies),
    )


def _needs(verb: ReferralVerb) -> str:
    needed = ["a reason"] if reasons_for(verb) else []
    needed += ["an outcome"] if verb in OUTCOME_REQUIRED else []
    needed += ["a day (`until`)"] if verb in DAY_REQUIRED else []
    needed += ["a question (else `other`)"] if verb in QUESTION_TAKEN else []
    needed += ["may name `work_done`, `deadline_on`"] if verb in WORK_TAKEN else []
    return ", ".join(needed)


_TASK_END_TEXTS = {
    tasks.TaskEnd.OFFERED: "every need is with somebody, or somebody is asked for it",
    tasks.TaskEnd.MOVED: "the referral moves again",
    tasks.TaskEnd.CASE_ENDED: "the case ends",
}


def _within(rule: tasks.TaskRule) -> str:
    hours = [int(rule.within[urgency].total_seconds()) // 3600 for urgency in ("emergency", "urgent", "normal")]
    return " / ".join(f"{number} h" if number < 24 else f"{number // 24} d" for number in hours)


def _ended_when(rule: tasks.TaskRule) -> str:
    return "; ".join(words for ends, words in _TASK_END_TEXTS.items() if ends in rule.ends_with)


def _joined(codes: Iterable[str]) -> str:
    return ", ".join(sorted(codes))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


if __name__ == "__main__":
    sys.stdout.write(page())
