"""The exceptions that become an HTTP response.

    AppError                     500
      BadRequest                 400
      NotSignedIn                401
      NotAllowed                 403
      NotFound                   404   also when the thing belongs to somebody else
      Conflict                   409
        IllegalMove              409   a verb that the life cycle does not have here
        CountryNotServed         409   no team of this installation takes requests from the country; trying again does not help
      Gone                       410
      PreconditionFailed         412   somebody changed it in the meantime; carries the current state
      TooLarge                   413
      Invalid                    422   input that does not fit its schema, and nothing else
      PreconditionRequired       428
      TooMany                    429
      Unavailable                503

An error is raised where the problem is found; only `main.py` turns it into a response. A detail names things, never a person, and
never repeats user input.
"""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, TypedDict


class FieldError(TypedDict):
    """One problem with the input. `pointer` is an RFC 6901 JSON pointer; the value itself is never included."""

    pointer: str
    code: str
    detail: str


class AppError(Exception):
    """The base of errors that the caller is told about. `extra` is added to the standard members of the problem document."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(self, detail: str = "", *, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.headers = headers or {}
        self.extra = extra


class BadRequest(AppError):
    status, slug, title = 400, "bad-request", "The request cannot be read"


class NotSignedIn(AppError):
    status, slug, title = 401, "not-signed-in", "Sign in first"


class NotAllowed(AppError):
    status, slug, title = 403, "not-allowed", "This is not allowed for you"


class NotFound(AppError):
    status, slug, title = 404, "not-found", "There is nothing here"


class Conflict(AppError):
    status, slug, title = 409, "conflict", "This does not fit the present state"


class IllegalMove(Conflict):
    """A verb that the life cycle does not have in this state. Nothing was written."""

    slug, title = "illegal-move", "This step is not possible in the present state"

    def __init__(self, thing: str, state: str, verb: str, allowed_actions: Iterable[str] = ()) -> None:
        super().__init__(
            f"A {thing} that is {state} cannot take the step {verb}.",
            state=state,
            allowed_actions=list(allowed_actions),
        )


class CountryNotServed(Conflict):
    """No team of this installation takes requests from the country. It stays so until somebody makes a team for it."""

    slug, title = "country-not-served", "No team here takes requests from this country"


class Gone(AppError):
    status, slug, title = 410, "gone", "This is no longer kept"


class PreconditionFailed(AppError):
    status, slug, title = 412, "version-mismatch", "Somebody has changed this in the meantime"


class TooLarge(AppError):
    status, slug, title = 413, "too-large", "The request is too large"


class FilesTooLarge(TooLarge):
    """The body of an address that takes files is larger than `bytes`. Nothing of it was stored."""

    def __init__(self, most: int) -> None:
        super().__init__("The request is larger than this service takes.")
        self.bytes = most

    @property
    def megabytes(self) -> int:
        return self.bytes // 1_000_000


class Invalid(AppError):
    status, slug, title = 422, "invalid-input", "Some of the input does not fit"

    def __init__(self, errors: Sequence[FieldError], detail: str = "") -> None:
        super().__init__(detail or "Look at `errors`: each entry points to one field.", errors=list(errors))
        self.errors = list(errors)


class PreconditionRequired(AppError):
    status, slug, title = 428, "precondition-required", "Say which version you have seen"


class TooMany(AppError):
    status, slug, title = 429, "too-many-requests", "Too many requests; wait a little"


class Unavailable(AppError):
    status, slug, title = 503, "unavailable", "The service cannot do this now; try again"
