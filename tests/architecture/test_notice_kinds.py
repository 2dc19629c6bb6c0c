"""Every kind of notice that is queued for an organisation has its group in the text of the mail, and no group is left over."""

import re
from pathlib import Path

from app.casework import scheduler
from app.messaging.notice_texts import PARTNER_GROUPS, for_partner
from app.referrals.deadlines import DueAction
from app.referrals.states import MOVES, NOT_OFFERED, DeadlineChange, Party

CASEWORK = Path(scheduler.__file__).parent
STAFF = CASEWORK.parent / "staff"


def queued_for_organisations() -> set[str]:
    """From the table of moves, from the scheduler, and from the calls in casework that name their kind themselves."""
    moves = {f"referral_{move.target}" for move in MOVES if Party.PARTNER in move.notifies}
    reviewed = {
        move.target
        for move in MOVES
        if move.deadline_change in {DeadlineChange.REVIEW, DeadlineChange.FIRST_CONTACT, DeadlineChange.PROGRESS}
        and move.target not in NOT_OFFERED
    }
    due = set()
    for action, kind in scheduler._TELLS_PARTNER.items():
        due |= {kind.format(state) for state in reviewed} if action is DueAction.REVIEW else {kind}
    call = re.compile(r'messaging\.queue\(session, "(\w+)"[^\n]*organisation_id=')
    named = {kind for path in CASEWORK.glob("*.py") for kind in call.findall(path.read_text(encoding="utf-8"))}
    own = re.compile(r'messaging\.queue\(\s*session, "(\w+)"[^)]*organisation_id=')
    named |= {kind for path in STAFF.glob("*.py") for kind in own.findall(path.read_text(encoding="utf-8"))}
    return moves | due | named


def test_each_kind_has_its_group() -> None:
    assert queued_for_organisations() == set(PARTNER_GROUPS), "app/messaging/notice_texts.py: PARTNER_GROUPS"


def test_a_group_says_one_and_many() -> None:
    for kind, group in PARTNER_GROUPS.items():
        assert for_partner([kind], "link")[0] == f"1 {group}"
        assert for_partner([kind, kind], "link")[0].startswith("2 ")
