"""Each kind of notice in the table is queued by something, for the recipients of its row; each group is counted in words."""

import ast
from pathlib import Path
from typing import Final

import app
from app.casework import scheduler
from app.cli import notice_kinds
from app.messaging import kinds
from app.messaging.kinds import KINDS, Group, NoticeKind, Recipient
from app.messaging.staff_texts import for_organisation
from app.referrals.deadlines import DueAction
from app.referrals.states import MOVES, NOT_OFFERED, DeadlineChange, Party, ReferralState

APP: Final = Path(app.__file__).parent
_RECIPIENTS: Final = {
    Party.TEAM: Recipient.TEAM,
    Party.PARTNER: Recipient.ORGANISATION,
    Party.PERSON: Recipient.PERSON,
}


def queued_by_moves() -> set[tuple[str, Recipient]]:
    return {(f"referral_{move.target}", _RECIPIENTS[party]) for move in MOVES for party in move.notifies}


def queued_by_clocks() -> set[tuple[str, Recipient]]:
    """A date to review comes in states that set one, and in those that wait for the person's consent."""
    sets_review = {DeadlineChange.REVIEW, DeadlineChange.FIRST_CONTACT, DeadlineChange.PROGRESS}
    reviewed = {move.target for move in MOVES if move.deadline_change in sets_review}
    pairs = {
        (f"look_at_{state}", Recipient.TEAM)
        for state in reviewed | {ReferralState.DRAFT, ReferralState.AWAITING_CONSENT}
    }
    pairs |= {(f"look_at_{state}", Recipient.ORGANISATION) for state in reviewed - NOT_OFFERED}
    pairs |= {(kind, Recipient.ORGANISATION) for kind in scheduler._TELLS_ORGANISATION.values()}
    assert DueAction.REVIEW not in {*scheduler._TELLS_ORGANISATION, *scheduler._TELLS_TEAM}
    return pairs | {(kind, Recipient.TEAM) for kind in scheduler._TELLS_TEAM.values()}


def named_in_code() -> set[NoticeKind]:
    """The members that are named outside of the table, however the line is broken."""
    return {
        NoticeKind[node.attr]
        for path in APP.rglob("*.py")
        if path != Path(kinds.__file__)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "NoticeKind"
    }


def test_each_kind_of_the_table_is_queued_by_something_and_each_that_is_queued_has_its_row() -> None:
    derived = queued_by_moves() | queued_by_clocks()
    missing = {f"{kind} for {to}" for kind, to in derived if kind not in KINDS or to not in KINDS[kind].recipients}
    assert missing == set(), "app/messaging/kinds.py: no row, or not for this recipient"
    used = named_in_code() | {kind for kind, _to in derived}
    assert set(NoticeKind) - used == set(), "app/messaging/kinds.py: queued by nothing"


def test_a_group_says_one_and_many() -> None:
    first: dict[Group, str] = {}
    for kind, row in KINDS.items():
        first.setdefault(row.group, kind)
    assert set(first) == set(Group), "app/messaging/kinds.py: a group without a kind"
    subjects = {group: for_organisation([kind], "link")[0] for group, kind in first.items()}
    assert all(subject.startswith("1 ") for subject in subjects.values())
    assert len(set(subjects.values())) == len(Group)
    for kind in first.values():
        assert for_organisation([kind, kind], "link")[0].startswith("2 ")


def test_the_table_in_the_docs_is_the_table_of_the_program() -> None:
    text = notice_kinds.PAGE.read_text(encoding="utf-8")
    assert notice_kinds.drawn(text) == text, "docs/notices.md: run python -m app.cli.notice_kinds"
    assert all(f"| `{kind}` |" in text for kind in NoticeKind)
