"""Comparing cases that wait for it, before a page of the desk is read: with the team's key, which a signed-in session alone opens.

Each batch is a transaction of its own. A page is shown whether it succeeds or not.
"""

from typing import Annotated, Final

from fastapi import Depends, Path, Request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.casework import comparisons
from app.casework.coordinator import Desk
from app.core import database_errors, log
from app.core.errors import Unavailable
from app.web.account.policies import AtDesk

_BATCHES_OF_A_LOOK_UP: Final = 20
"""A look-up compares so many batches first, some half a second of work at most; the page says how many cases are left."""


async def compare(request: Request, desk: Desk, *, batches: int = 1, first: str = "") -> None:
    """Compare cases of the team that wait, the one with the label `first` before all others.

    Nothing is read when none waits: the sign-in has asked (`SignedIn.beside`). `is_behind` tells whether some may be left.
    """
    request.state.comparing_is_behind = desk.member.beside
    if not desk.member.beside:
        return
    transactions = request.app.state.transactions
    try:
        for _batch in range(batches):
            done = await transactions.run(
                lambda session: comparisons.compare_new(session, desk, first=first), write=True
            )
            if done < comparisons.BATCH:
                request.state.comparing_is_behind = done == 0
                return
    except (DBAPIError, PoolTimeout, Unavailable) as error:
        if isinstance(error, DBAPIError) and database_errors.response_to(error) is None:
            raise
        log.failure("comparing", error)


def is_behind(request: Request) -> bool:
    """Whether some cases of the team may not be compared yet, so that a page does not say that there is no duplicate."""
    return bool(getattr(request.state, "comparing_is_behind", False))


async def _newest(request: Request, desk: AtDesk) -> None:
    await compare(request, desk)


async def _this_case(label: Annotated[str, Path(max_length=12)], request: Request, desk: AtDesk) -> None:
    await compare(request, desk, first=label)


async def before_a_look_up(request: Request, desk: Desk) -> None:
    await compare(request, desk, batches=_BATCHES_OF_A_LOOK_UP)


async def _caller(request: Request, desk: AtDesk) -> None:
    await before_a_look_up(request, desk)


NEWEST: Final = Depends(_newest)
THIS_CASE: Final = Depends(_this_case)
CALLER: Final = Depends(_caller)
