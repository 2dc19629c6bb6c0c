"""Who is asking, and that the form is ours: the policies of the desk's and the partner's routes.

A route declares `anyone` or one of the roles' policies below (`coordinators`, `members_of_partners`, …); a test of the house
finds a route that has none. The policy looks at the session in a short read of its own, before the one writer of an
embedded database is asked for, and on a POST it also has `csrf` check where the form comes from and the token in it.
"""

import ipaddress
import re
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from fastapi import Depends, Request, Response

from app.casework.coordinator import Desk, desk_of
from app.core.dependencies import Keys, Now, current_directory
from app.core.errors import Conflict, NotAllowed, NotSignedIn
from app.core.kill_switch import Frozen
from app.directory.packs import Directory
from app.settings import Settings
from app.staff import sessions
from app.staff.models import Role
from app.staff.passkeys import RelyingParty
from app.staff.sessions import SignedIn
from app.tasks import service as tasks
from app.web.components import csrf, forms

_SECRET: Final = re.compile(r"[\w-]{20,64}", re.ASCII)
_TOUCH_AFTER: Final = 15  # the idle time is noted to a fifteenth of itself, so that reading seldom writes
DESK_ROLES: Final = (Role.COORDINATOR, Role.SENIOR)


class SignInNeeded(NotSignedIn):
    """Nobody is signed in. What was typed stands in `request.state.typed` and is carried through the sign-in."""


class OldForm(Conflict):
    """The form was made in another session. It is shown again with what was typed, to be sent once more."""

    slug, title = "old-form", "This form is from an earlier session"


class RequiresRole:
    """The policy of a route: signed in, with one of these roles; a POST also with a form of this session."""

    def __init__(self, *roles: Role) -> None:
        self.roles = frozenset(roles)

    def __repr__(self) -> str:
        return f"requires_role({', '.join(sorted(self.roles))})"

    async def __call__(self, request: Request) -> SignedIn:
        posted = request.method not in {"GET", "HEAD"}
        if posted:
            await self.read(request)
        who = await self.known(request, counted=not posted and "label" not in request.path_params)
        if who.frozen and self.roles == {Role.PARTNER}:
            raise Frozen
        if posted and not _token_is_valid(request, who):
            raise OldForm("You opened this form before you last signed in. Check it, then send it again.")
        return who

    async def read(self, request: Request) -> None:
        """What was sent, into `request.state.typed`. Raises NotAllowed, BadRequest."""
        request.state.typed = await csrf.receive(request)

    async def known(self, request: Request, *, counted: bool = False) -> SignedIn:
        """Who is asking. Raises SignInNeeded, NotAllowed."""
        who = request.state.who = await _signed_in(request, counted=counted)
        if who.role not in self.roles:
            raise NotAllowed("Your role does not give you access to this page.")
        return who


class TakesFile(RequiresRole):
    """The same for a form with one file, which comes into `request.state.file`. Nothing of a stranger's file is read."""

    def __init__(self, *roles: Role, largest: int) -> None:
        super().__init__(*roles)
        self.largest = largest

    async def read(self, request: Request) -> None:
        """Raises NotAllowed, SignInNeeded, BadRequest (no such form), TooLarge."""
        csrf.refuse_other_sites(request)
        await self.known(request)
        request.state.typed, request.state.file = {}, None
        if forms.is_multipart(request):
            request.state.typed, request.state.file = await forms.read_multipart(request, self.largest)
        else:
            await super().read(request)


def requires_role(*roles: Role) -> RequiresRole:
    return RequiresRole(*roles)


async def anyone(request: Request) -> None:
    """The policy of what needs no sign-in. A form has to come from our own page all the same."""
    if request.method not in {"GET", "HEAD"}:
        request.state.typed = await csrf.receive(request)


def _token_is_valid(request: Request, who: SignedIn) -> bool:
    state = request.app.state
    return csrf.is_valid(state.keys, field(request, "csrf"), state.clock(), csrf.of_session(who.binding))


def field(request: Request, name: str) -> str:
    """The first value of a field, or nothing."""
    values = request.state.typed.get(name) or [""]
    return str(values[0])


def number(request: Request, name: str) -> int:
    """A version from a hidden field; -1, which is nobody's, for anything else."""
    text = field(request, name)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


async def _signed_in(request: Request, *, counted: bool) -> SignedIn:
    """Who is asking; with `counted` also what their team has to do, for the head of the page and the views of the queue.

    The page of one case counts them with what else stands beside the case.
    """
    secret = cookie(request)
    if secret is None:
        raise SignInNeeded
    state = request.app.state
    settings: Settings = state.settings
    now = state.clock()
    try:
        async with state.transactions.open(write=False) as session:
            who: SignedIn = await run_sync(
                lambda: sessions.signed_in(
                    session, secret, now, idle=settings.session_idle, max_age=settings.session_max
                )
            )
            if counted and who.team_id is not None:
                to_do = await run_sync(tasks.count_open, session, who.team_id)
                request.state.open_tasks, request.state.dead_letters = to_do
    except NotSignedIn as error:
        raise SignInNeeded(error.detail) from None
    if now - who.seen_at > settings.session_idle / _TOUCH_AFTER:
        async with state.transactions.open(write=True) as session:
            await run_sync(sessions.touch, session, secret, now)
    return who


def _https(settings: Settings) -> bool:
    return settings.base_url.startswith("https:")


def cookie_name(settings: Settings) -> str:
    return "__Host-staff" if _https(settings) else "staff"


def cookie(request: Request) -> str | None:
    value = request.cookies.get(cookie_name(request.app.state.settings))
    return value if value and _SECRET.fullmatch(value) else None


def set_cookie(response: Response, name: str, value: str, settings: Settings) -> None:
    """For this visit, readable by no script, sent to no other site."""
    response.set_cookie(name, value, httponly=True, samesite="strict", secure=_https(settings), path="/")


def drop_cookie(response: Response, settings: Settings) -> None:
    response.delete_cookie(cookie_name(settings), path="/", httponly=True, samesite="strict", secure=_https(settings))


def browser_cookie_name(settings: Settings) -> str:
    return "__Host-staff_browser" if _https(settings) else "staff_browser"


def browser_cookie(request: Request) -> str | None:
    """The secret of a browser that somebody signed in with before."""
    value = request.cookies.get(browser_cookie_name(request.app.state.settings))
    return value if value and _SECRET.fullmatch(value) else None


def set_browser_cookie(response: Response, secret: str, settings: Settings, seconds: int) -> None:
    response.set_cookie(
        browser_cookie_name(settings), secret, max_age=seconds, httponly=True, samesite="strict",
        secure=_https(settings), path="/",
    )  # fmt: skip


def site(settings: Settings) -> RelyingParty | None:
    """Where passkeys are good for. None: a bare address, or a host without TLS, where browsers know none."""
    parts = urlsplit(settings.base_url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        secure = parts.scheme == "https" or host == "localhost" or host.endswith(".localhost")
        return RelyingParty(host, f"{parts.scheme}://{parts.netloc}") if host and secure else None
    return None


async def _directory(request: Request) -> Directory:
    directory: Directory = await current_directory(request)
    return directory


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


coordinators: Final = requires_role(*DESK_ROLES)
members_of_partners: Final = requires_role(Role.PARTNER)
everybody_signed_in: Final = requires_role(*Role)
team_and_admins: Final = requires_role(*DESK_ROLES, Role.ADMIN)
seniors_and_admins: Final = requires_role(Role.SENIOR, Role.ADMIN)
admins: Final = requires_role(Role.ADMIN)
auditors: Final = requires_role(Role.AUDITOR, Role.ADMIN)
overseers: Final = requires_role(Role.SENIOR, Role.ADMIN, Role.AUDITOR)

Packs = Annotated[Directory, Depends(_directory)]
Config = Annotated[Settings, Depends(_settings)]


async def _desk(who: Annotated[SignedIn, Depends(coordinators)], keys: Keys, config: Config, now: Now) -> Desk:
    return desk_of(who, keys, now, config.reads_a_day)


AtDesk = Annotated[Desk, Depends(_desk)]
Member = Annotated[SignedIn, Depends(members_of_partners)]
Anybody = Annotated[SignedIn, Depends(everybody_signed_in)]
TeamOrAdmin = Annotated[SignedIn, Depends(team_and_admins)]
SeniorOrAdmin = Annotated[SignedIn, Depends(seniors_and_admins)]
Admin = Annotated[SignedIn, Depends(admins)]
Auditor = Annotated[SignedIn, Depends(auditors)]
Overseer = Annotated[SignedIn, Depends(overseers)]


def policies(dependant: Any) -> list[Any]:
    """The policies a route declares, found in its tree of dependencies: for the tests of the house."""
    found = [dependant.call] if isinstance(dependant.call, RequiresRole) or dependant.call is anyone else []
    return found + [policy for below in dependant.dependencies for policy in policies(below)]
