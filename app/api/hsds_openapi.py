"""The description of the HSDS routes, OpenAPI 3.1: FastAPI generates it from what they declare; parameters are added here."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from app.api import hsds
from app.api.dependencies import Config
from app.api.hsds_pages import answer
from app.api.hsds_parameters import PARAMETERS, DeclaredParameters
from app.api.hsds_responses import COMPONENTS, OPTIONAL, REQUIRED
from app.api.openapi_components import without_siblings

router = APIRouter(prefix=hsds.PREFIX, dependencies=hsds.router.dependencies, include_in_schema=False)

_DESCRIPTION: Final = """\
The directory of centres that give legal help to people who had to leave Russia or Belarus, as Open Referral HSDS 3.1.

Public, without a sign-in. Filters are combined with AND. No value is null: unknown fields are absent. Ids are UUIDv5 of our
own short names, which are in `x_slug` and among the organisation's identifiers. Fields that begin with `x_` are our own.
The directory has only confirmed centres, and only the town of a location. It has no authorities, because they decide on people.
"""


@router.get("/openapi.json")
def description(request: Request, config: Config) -> Response:
    return answer(request, document(config.base_url.rstrip("/")))


@lru_cache(maxsize=4)
def document(base_url: str) -> dict[str, Any]:
    """The document. It is shared: callers must not change it."""
    routes = [route for route in hsds.router.routes if isinstance(route, APIRoute) and route.include_in_schema]
    result = get_openapi(
        title="Pristan directory (HSDS 3.1)",
        version="3.1.0",
        openapi_version="3.1.0",
        summary="Organisations that give legal help, and where.",
        description=_DESCRIPTION,
        license_info={"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        servers=[{"url": base_url + hsds.PREFIX}],
        tags=[
            {"name": REQUIRED, "description": "Required by the HSDS API reference."},
            {"name": OPTIONAL, "description": "Optional in the HSDS API reference."},
        ],
        routes=routes,
    )
    for route in routes:
        _complete(result["paths"][route.path_format], route)
    result["paths"] = {path.removeprefix(hsds.PREFIX): methods for path, methods in result["paths"].items()}
    result["components"] = COMPONENTS
    result["jsonSchemaDialect"] = "https://json-schema.org/draft/2020-12/schema"
    result["security"] = []
    return result


def _complete(path: dict[str, Any], route: APIRoute) -> None:
    """Move the id of an entry to its path, and add the parameters that the route's dependencies read."""
    operation = path["get"]
    operation["responses"] = without_siblings(operation["responses"])
    ids = [parameter for parameter in operation.pop("parameters", ()) if parameter["in"] == "path"]
    for parameter in ids:
        del parameter["schema"]["title"]
    if ids:
        path["parameters"] = ids
    operation["parameters"] = [
        {"name": name, "in": "query", "required": False, **PARAMETERS[name]}
        for declared in _declared(route.dependant)
        for name in declared.names
    ]


def _declared(dependant: Dependant) -> Iterator[DeclaredParameters]:
    if isinstance(dependant.call, DeclaredParameters):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _declared(inner)
