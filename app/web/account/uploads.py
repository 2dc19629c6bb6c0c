"""Forms of signed-in members with a file, a photo or PDF or a list of cases: who may send one, and where it goes."""

from typing import Annotated, Final

from fastapi import Depends, Request

from app.casework.coordinator import Desk, desk_of
from app.core.dependencies import Keys, Now
from app.core.errors import TooLarge
from app.settings import Settings
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.account.policies import DESK_ROLES, Config, RealNetwork, RequiresRole, token_is_valid
from app.web.components import csrf, forms, uploads

AT_DESK: Final = "/desk/documents"
OF_PARTNER: Final = "/partner/documents"
"""Where such a form goes. The case or the referral is a field of the form, because the limit of a body is known by its path."""


def body_limits(path: str, settings: Settings) -> dict[str, int]:
    """Body limits in bytes of a path that takes a file."""
    return {path: uploads.largest_form(settings)}


class TakesDocument(RequiresRole):
    """The policy of a form with one document (`uploads.receive_document`).

    The role is checked before the body is read, the token before the file is.
    """

    async def read(self, request: Request) -> None:
        """Read form and file. Raises NotAllowed, SignInNeeded, BadRequest (no such form), Unavailable (too slow)."""
        request.state.form, request.state.pages = {}, None
        if not forms.is_multipart(request):
            await super().read(request)
            return
        csrf.refuse_other_sites(request)
        member = await self.authenticate(request)
        await uploads.receive_document(request, lambda: token_is_valid(request, member))


class TakesList(RealNetwork):
    """The policy of a form with one list, whole in `request.state.file`; None without one. It is never written to a disk.

    The body is read only after the role was checked.
    """

    def __init__(self, *roles: Role, largest: int) -> None:
        super().__init__(*roles)
        self.largest = largest

    async def read(self, request: Request) -> None:
        """Read form and file. Raises NotAllowed, SignInNeeded, BadRequest (no such form), TooLarge."""
        request.state.form, request.state.file = {}, None
        if not forms.is_multipart(request):
            await super().read(request)
            return
        parts = csrf.receive_parts(request)
        await self.authenticate(request)
        content = bytearray()
        async for part in parts:
            if part.value is not None:
                request.state.form.setdefault(part.name, []).append(part.value)
            elif part.content:
                content += part.content
                if len(content) > self.largest:
                    raise TooLarge("The file is larger than this service takes.")
        request.state.file = bytes(content) or None


async def _desk(
    member: Annotated[SignedIn, Depends(TakesDocument(*DESK_ROLES))], keys: Keys, config: Config, now: Now
) -> Desk:
    return desk_of(member, keys, now, config.member_reads_per_day)


AtDeskWithDocument = Annotated[Desk, Depends(_desk)]
MemberWithDocument = Annotated[SignedIn, Depends(TakesDocument(Role.PARTNER))]
