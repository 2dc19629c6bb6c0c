"""Policies of the desk's and the partner's routes: who may call a route, and the CSRF check of its form.

A route declares `anyone` or one of the role policies below (`coordinators`, `members_of_partners`, …); an architecture test
finds a route without one. The policy reads the session in a short transaction of its own, before the single writer of an
embedded database is requested; on a POST, `csrf` also checks the origin of the form and its token.
"""

import ipaddress
import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from app.cases import duplicate_detection
from app.casework.coordinator import Desk, desk_of
from app.core.dependencies import Keys, Now, current_directory
from app.core.errors import Conflict, NotAllowed, NotSignedIn
from app.core.kill_switch import Frozen
from app.directory.packs import Directory
from app.partners import sandbox_identity
from app.settings import Settings
from app.staff import known_browsers, sessions
from app.staff.models import Member as MemberRow
from app.staff.models import Role
from app.staff.passkeys import RelyingParty
from app.staff.sessions import SignedIn
from app.tasks import service as tasks
from app.web.components import cookies, csrf, forms
from app.web.components.forms import field_value

SESSION: Final = "staff"
BROWSER: Final = known_browsers.COOKIE
_SECRET: Final = re.compile(r"[\w.-]{20,80}", re.ASCII)
_TOUCH_AFTER: Final = 15  # the last use is saved after a fifteenth of the idle time, so that reading seldom writes
PROOF_LASTS: Final = timedelta(minutes=10)
_SIGNED_IN: Final = sessions.with_beside(duplicate_detection.is_waiting(MemberRow.team_id))
"""`SignedIn.beside`: whether a case of the member's team waits to be compared (`app.web.desk.comparing`)."""
DESK_ROLES: Final = (Role.COORDINATOR, Role.SENIOR)


class SignInNeeded(NotSignedIn):
    """The caller is not signed in. The submitted form, in `request.state.form`, is carried through the sign-in."""


class ProofNeeded(SignInNeeded):
    """The caller signed in too long ago to change how they sign in. They have to sign in again; nothing typed is carried over."""


class OldForm(Conflict):
    """The form belongs to another session. It is shown again with its input, to be sent again."""

    slug, title = "old-form", "This form is from an earlier session"


class RequiresRole:
    """The policy of a route: the caller is signed in with one of these roles; a POST needs a form of this session."""

    even_frozen = False
    """Whether partners may go on while the kill switch stops their reading."""

    def __init__(self, *roles: Role) -> None:
        self.roles = frozenset(roles)

    def __repr__(self) -> str:
        return f"requires_role({', '.join(sorted(self.roles))})"

    async def __call__(self, request: Request) -> SignedIn:
        is_post = request.method not in {"GET", "HEAD"}
        if is_post:
            await self.read(request)
        member = await self.authenticate(request, counted=not is_post and "label" not in request.path_params)
        if member.frozen and self.roles == {Role.PARTNER} and not self.even_frozen:
            raise Frozen
        if is_post and not token_is_valid(request, member):
            raise OldForm("You opened this form before you last signed in. Check it, then send it again.")
        return member

    async def read(self, request: Request) -> None:
        """Read the form into `request.state.form`. Raises NotAllowed, BadRequest."""
        request.state.form = forms.of_pressed(await csrf.receive(request))

    async def authenticate(self, request: Request, *, counted: bool = False) -> SignedIn:
        """The member who calls. Raises SignInNeeded, NotAllowed."""
        member = request.state.member = await _member_of_session(request, counted=counted)
        if member.role not in self.roles:
            raise NotAllowed("Your role does not give you access to this page.")
        return member


class EvenFrozen(RequiresRole):
    """The policy of the pages on which members of partners see and stop changes.

    The kill switch does not close them, so that nobody can silence partners with it.
    """

    even_frozen = True


class RecentlyProved(RequiresRole):
    """The policy of routes that change how somebody signs in, or where: they must have signed in within the last ten minutes.

    A browser that was left open is not enough to take over an account.
    """

    async def authenticate(self, request: Request, *, counted: bool = False) -> SignedIn:
        member = await super().authenticate(request, counted=counted)
        if not is_recently_proved(member, request.app.state.clock()):
            raise ProofNeeded(
                "To change how you sign in, or to end a session, sign in again first. Then do it within ten minutes."
            )
        return member


def is_recently_proved(member: SignedIn, now: datetime) -> bool:
    """Whether the member has proved within the last ten minutes who they are."""
    return member.started_at is not None and now - member.started_at <= PROOF_LASTS


class RealNetwork(RequiresRole):
    """The policy of routes that change the directory or the rules for everybody: the sandbox's made-up team may only read."""

    async def authenticate(self, request: Request, *, counted: bool = False) -> SignedIn:
        member = await super().authenticate(request, counted=counted)
        if member.team_id == sandbox_identity.TEAM_ID and request.method not in {"GET", "HEAD"}:
            raise NotAllowed("The team of the sandbox cannot change what real organisations do.")
        return member


class TakesFile(RealNetwork):
    """The policy of a form with one file, read into `request.state.file`. The body is read only after the role was checked."""

    def __init__(self, *roles: Role, largest: int) -> None:
        super().__init__(*roles)
        self.largest = largest

    async def read(self, request: Request) -> None:
        """Read form and file. Raises NotAllowed, SignInNeeded, BadRequest (no such form), TooLarge."""
        csrf.refuse_other_sites(request)
        await self.authenticate(request)
        request.state.form, request.state.file = {}, None
        if forms.is_multipart(request):
            request.state.form, request.state.file = await forms.read_multipart(request, self.largest)
        else:
            await super().read(request)


def requires_role(*roles: Role) -> RequiresRole:
    return RequiresRole(*roles)


async def anyone(request: Request) -> None:
    """The policy of routes that need no sign-in. A form has to come from one of our own pages."""
    if request.method not in {"GET", "HEAD"}:
        request.state.form = await csrf.receive(request)


async def anyone_with_file(request: Request) -> None:
    """The policy of routes that need no sign-in and take a file; the route reads the form itself."""
    csrf.refuse_other_sites(request)


def token_is_valid(request: Request, member: SignedIn) -> bool:
    """Whether the form in `request.state.form` has a token of this session."""
    state = request.app.state
    return csrf.is_valid(
        state.keys, field_value(request.state.form, "csrf"), state.clock(), csrf.of_session(member.binding)
    )


def submitted_version(request: Request) -> int:
    """The row's version in the form's hidden field; -1, which no row has, if the field is missing or invalid."""
    text = field_value(request.state.form, "version")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


async def _member_of_session(request: Request, *, counted: bool) -> SignedIn:
    """The member who calls; with `counted`, also count the team's open tasks and undelivered notices for the page's head.

    The case page counts them itself, with its sidebar.
    """
    secret = cookie(request)
    if secret is None:
        raise SignInNeeded
    state = request.app.state
    settings: Settings = state.settings
    now = state.clock()

    def find(session: Session) -> SignedIn:
        member = sessions.signed_in(
            session, secret, now, idle=settings.session_idle, max_age=settings.session_max, statement=_SIGNED_IN
        )
        if counted and member.team_id is not None:
            counts = tasks.count_open(session, member.team_id)
            request.state.open_tasks, request.state.undelivered, request.state.reach = counts
        return member

    try:
        member: SignedIn = await state.transactions.run(find, write=False)
    except NotSignedIn as error:
        raise SignInNeeded(error.detail) from None
    if now - member.seen_at > settings.session_idle / _TOUCH_AFTER:
        await state.transactions.run(lambda session: sessions.touch(session, secret, now), write=True)
    return member


def still_signed_in(request: Request, session: Session) -> bool:
    """Whether the session of this request is still one, for an answer that takes long."""
    secret, state = cookie(request), request.app.state
    settings: Settings = state.settings
    try:
        sessions.signed_in(
            session, secret or "", state.clock(), idle=settings.session_idle, max_age=settings.session_max
        )
    except NotSignedIn:
        return False
    return True


def cookie(request: Request) -> str | None:
    """The secret of the session; a secret of no session opens nothing."""
    value = cookies.read(request, SESSION)
    return value if value and _SECRET.fullmatch(value) else None


def browser_cookie(request: Request) -> str | None:
    """The secret of a browser in which somebody may have signed in before; `known_browsers` decides whether it is accepted."""
    value = cookies.read(request, BROWSER)
    return value if value and _SECRET.fullmatch(value) else None


def site(settings: Settings) -> RelyingParty | None:
    """The relying party of passkeys. None for an IP address or a host without TLS, where browsers offer no passkeys."""
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
coordinators_of_network: Final = RealNetwork(*DESK_ROLES)
members_of_partners: Final = requires_role(Role.PARTNER)
members_of_partners_even_frozen: Final = EvenFrozen(Role.PARTNER)
all_members: Final = requires_role(*Role)
recently_proved: Final = RecentlyProved(*Role)
team_and_admins: Final = requires_role(*DESK_ROLES, Role.ADMIN)
seniors_and_admins: Final = RealNetwork(Role.SENIOR, Role.ADMIN)
admins: Final = requires_role(Role.ADMIN)
auditors: Final = requires_role(Role.AUDITOR, Role.ADMIN)
overseers: Final = requires_role(Role.SENIOR, Role.ADMIN, Role.AUDITOR)
desk_members: Final = requires_role(*DESK_ROLES, Role.ADMIN, Role.AUDITOR)

Packs = Annotated[Directory, Depends(_directory)]
Config = Annotated[Settings, Depends(_settings)]


async def _desk(member: Annotated[SignedIn, Depends(coordinators)], keys: Keys, config: Config, now: Now) -> Desk:
    return desk_of(member, keys, now, config.member_reads_per_day)


AtDesk = Annotated[Desk, Depends(_desk)]
Member = Annotated[SignedIn, Depends(members_of_partners)]
MemberEvenFrozen = Annotated[SignedIn, Depends(members_of_partners_even_frozen)]
AnyMember = Annotated[SignedIn, Depends(all_members)]
ProvedMember = Annotated[SignedIn, Depends(recently_proved)]
TeamOrAdmin = Annotated[SignedIn, Depends(team_and_admins)]
SeniorOrAdmin = Annotated[SignedIn, Depends(seniors_and_admins)]
Admin = Annotated[SignedIn, Depends(admins)]
Auditor = Annotated[SignedIn, Depends(auditors)]
Overseer = Annotated[SignedIn, Depends(overseers)]
DeskMember = Annotated[SignedIn, Depends(desk_members)]


def policies(dependant: Any) -> list[Any]:
    """The policies that a route declares, found in its tree of dependencies; used by the architecture tests."""
    declared = (
        [dependant.call]
        if isinstance(dependant.call, RequiresRole) or dependant.call in {anyone, anyone_with_file}
        else []
    )
    return declared + [policy for dependency in dependant.dependencies for policy in policies(dependency)]
