"""FastAPI looks at the parameters of every function behind a route when an app is first asked; here one app does it for all.

The service builds one app in its life, the tests build thousands, and each would do the same work again on the same routers.
"""

from typing import Any

from fastapi import routing

_BY_ROUTE: dict[tuple[Any, ...], tuple[Any, Any]] = {}


def share() -> None:
    """For the rest of this process. Without effect on a FastAPI that does not work in this way."""
    included = getattr(routing, "_IncludedRouter", None)
    build = getattr(included, "_build_effective_context", None)
    if included is None or build is None:
        return

    def shared(self: Any, route: Any) -> Any:
        about = self.include_context
        key = (id(route), id(about.included_router), about.prefix, *map(id, about.dependencies), about.max_body_size)
        if key not in _BY_ROUTE:
            _BY_ROUTE[key] = (build(self, route), (route, about))  # held: no other gets their ids
        return _BY_ROUTE[key][0]

    included._build_effective_context = shared
