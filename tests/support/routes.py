"""What FastAPI finds out about the functions behind the routes is found out once in a process, and not for each app.

The service builds one app in its life, the tests build thousands, and each would do the same work again on the same routers:
first as their routers are included, then as `app.core.route_index` puts their routes into one list.
"""

from typing import Any

from fastapi import routing

from app.core import route_index

_BY_ROUTE: dict[tuple[Any, ...], tuple[Any, Any]] = {}
_FLAT: dict[int, tuple[Any, Any]] = {}


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

    flat = route_index._flat

    def shared_flat(context: Any, app: Any) -> Any:
        """The same route for the same included route: nothing in it is its app's but the overrides of dependencies, unused here."""
        included_route = getattr(context, "_route_context", None)
        if included_route is None:
            return flat(context, app)
        if id(included_route) not in _FLAT:
            _FLAT[id(included_route)] = (flat(context, app), included_route)  # held, as above
        return _FLAT[id(included_route)][0]

    included._build_effective_context = shared
    route_index._flat = shared_flat
