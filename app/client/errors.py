"""Exceptions of the client."""

from typing import Any, Final

PROBLEM_PREFIX: Final = "urn:pristan:problem:"


class ApiError(Exception):
    """The service answered with an error. `code` is the last part of the problem's `type` and stable; `problem` is the document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("type") or problem.get("error") or "unknown").removeprefix(PROBLEM_PREFIX)
        self.title = str(problem.get("title") or problem.get("error_description") or "The service refused the request")
        self.detail = str(problem.get("detail") or "")
        super().__init__(f"{status} {self.code}: {self.detail or self.title}")

    @property
    def state(self) -> str | None:
        """The referral's present state, if the service named it (409, 412)."""
        return self.problem.get("state")

    @property
    def allowed_actions(self) -> list[str]:
        return list(self.problem.get("allowed_actions", ()))


class CannotReach(Exception):
    """No answer after all attempts. An action may or may not have been carried out: repeat it with the same key."""
