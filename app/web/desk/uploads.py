"""Receiving one photo or PDF at the desk: from the network straight into the converting process, as pictures of its pages."""

from contextlib import AsyncExitStack
from typing import Annotated, Final

import anyio
from fastapi import Depends, Request

from app.casework.coordinator import Desk, desk_of
from app.core.dependencies import Keys, Now
from app.core.errors import Unavailable
from app.documents.conversion import Conversion, Converters
from app.settings import Settings
from app.staff.sessions import SignedIn
from app.web.account.policies import DESK_ROLES, Config, RequiresRole, token_is_valid
from app.web.components import csrf, forms
from app.web.components.document_pages import document_limits

PATH: Final = "/desk/documents"
"""Where such a form goes. The case is a field of the form, because the limit of a body is known by its path."""
BUSY: Final = "busy"
_FORM_FIELDS: Final = 16_384
_UPLOAD_SECONDS: Final = 1800.0


def body_limits(settings: Settings) -> dict[str, int]:
    """Body limits in bytes of the path that takes a file. One twice as large is still read, so that the page can say why not."""
    return {PATH: 2 * settings.document_bytes + _FORM_FIELDS}


class TakesDocument(RequiresRole):
    """The policy of a form with one document. Its pages are in `request.state.pages`, as JPEG; or why it is refused (`Refusal`, or
    `BUSY`); None without a file.

    The role is checked before the body is read, the token before the file is. No file is whole in memory, and none on disk.
    """

    async def read(self, request: Request) -> None:
        """Read form and file. Raises NotAllowed, SignInNeeded, BadRequest (no such form), Unavailable (too slow)."""
        request.state.form, request.state.pages = {}, None
        if not forms.is_multipart(request):
            await super().read(request)
            return
        parts = csrf.receive_parts(request)
        member = await self.authenticate(request)
        limits = document_limits(request.app.state.settings)
        converters: Converters = request.app.state.converters
        conversion: Conversion | None = None
        size, fits = 0, True
        with anyio.move_on_after(_UPLOAD_SECONDS) as time_limit:
            async with AsyncExitStack() as processes:
                async for part in parts:
                    if part.value is not None:
                        request.state.form.setdefault(part.name, []).append(part.value)
                    elif request.state.pages is not None or not token_is_valid(request, member):
                        continue  # a further file; or the form is an old one, as is said once it has been read
                    elif part.content is None:
                        if conversion is not None and size:
                            try:
                                request.state.pages = await conversion.pages()
                            except Unavailable:
                                request.state.pages = BUSY
                    elif part.content:
                        size += len(part.content)
                        try:
                            if conversion is None:
                                conversion = await processes.enter_async_context(converters.open(limits.file))
                            fits = fits and await conversion.feed(part.content)
                        except Unavailable:
                            request.state.pages = BUSY
        if time_limit.cancelled_caught:
            raise Unavailable("The file took too long to arrive. Nothing was stored.")


async def _desk(
    member: Annotated[SignedIn, Depends(TakesDocument(*DESK_ROLES))], keys: Keys, config: Config, now: Now
) -> Desk:
    return desk_of(member, keys, now, config.member_reads_per_day)


AtDeskWithDocument = Annotated[Desk, Depends(_desk)]
