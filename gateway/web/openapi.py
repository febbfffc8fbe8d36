"""The OpenAPI document, generated from the table of routes and the types of the bodies."""

import re
from functools import cache
from typing import Any

import msgspec
from aiohttp import web

from gateway import __version__
from gateway.idempotency import IDEMPOTENCY_KEY
from gateway.web.admin.item_bodies import ItemRequest
from gateway.web.http.bodies import answer
from gateway.web.http.problems import MEDIA_TYPE, TITLES, Problem
from gateway.web.http.public_path import with_public_path
from gateway.web.routes import API, Route

PATH_PARAMETERS = {
    "item_id": "^[a-z0-9-]{1,64}$",
    "node_id": "^[a-z0-9-]{1,64}$",
    "name": "^[a-z0-9-]{1,64}$",
    "payment_hash": "^[0-9a-f]{64}$",
    "payout_id": "^[0-9a-f]{32}$",
}
_BYTES = {"type": "string", "format": "binary", "minLength": 1}
_FORMS = {"markdown": "string", "file_name": "string", "sealed": "object"}
_REF_TEMPLATE = "#/components/schemas/{name}"


async def serve_document(request: web.Request) -> web.Response:
    """GET /openapi.json."""
    return answer({**document(), "servers": [{"url": with_public_path(request, "") or "/"}]})


@cache
def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    types = [kind for route in API for kind in (route.takes, route.gives) if not isinstance(kind, str | None)]
    schemas, components = msgspec.json.schema_components([*types, Problem], ref_template=_REF_TEMPLATE)
    by_type = {repr(kind): schema for kind, schema in zip([*types, Problem], schemas, strict=True)}
    components[ItemRequest.__name__]["oneOf"] = [_only(given) for given in _FORMS]
    paths: dict[str, Any] = {}
    for route in API:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tuppence", "version": __version__, "description": (__doc__ or "").strip()},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An invoice's access_token, or L402."},
                "key": {"type": "http", "scheme": "bearer", "description": "A creator's or the operator's API key."},
            },
        },
    }


def _only(given: str) -> dict[str, Any]:
    """A schema that requires one of the members; the others are missing or null."""
    absent = {name: {"type": "null"} for name in _FORMS if name != given}
    return {"required": [given], "properties": {given: {"type": _FORMS[given]}, **absent}}


def _operation(route: Route, by_type: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "parameters": _parameters(route),
        "responses": {str(route.status): {"description": "Done"}},
    }
    if route.gives is not None:
        operation["responses"][str(route.status)]["content"] = _content(route.gives, by_type)
    for status in route.refusals:
        operation["responses"][str(status)] = {
            "description": TITLES[status],
            "content": {MEDIA_TYPE: {"schema": by_type[repr(Problem)]}},
        }
    if route.path == "/readyz":
        operation["responses"]["503"]["content"] = _content(route.gives, by_type)
    if route.takes is not None:
        operation["requestBody"] = {
            "required": True,
            "description": f"At most {route.most()} bytes.",
            "content": _content(route.takes, by_type),
        }
    if route.proof != "none":
        operation["security"] = [{route.proof: []}]
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", route.path)
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": PATH_PARAMETERS[name]}}
        for name in names
    ]
    found += [
        {"name": name, "in": "query", "schema": schema} | ({"required": True} if name in route.needs else {})
        for name, schema in route.query.items()
    ]
    if route.idempotent:
        pattern = f"^{IDEMPOTENCY_KEY.pattern}$"
        found.append({"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "pattern": pattern}})
    return found


def _content(kind: Any, by_type: dict[str, Any]) -> dict[str, Any]:
    if isinstance(kind, str):
        return {kind: {"schema": _BYTES if kind == "application/octet-stream" else {}}}
    return {"application/json": {"schema": by_type[repr(kind)]}}
