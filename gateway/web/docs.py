"""The API reference at /docs: the OpenAPI document rendered as a page, without scripts or third parties."""

from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from gateway.web.http.language import words_in
from gateway.web.http.render import render
from gateway.web.openapi import document
from gateway.web.pages.views import View

PROOFS = {"token": "the access_token of a paid invoice", "key": "an API key"}
_GROUPS = (
    ("For readers and programs", "/v1/", "Open to everyone. A token gives access to what its invoice paid for."),
    ("For creators", "/v1/admin/", "With the API key that `tuppence creator add` prints, or the operator's."),
    ("For operators", "/", "Health and metrics."),
)
_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "{}",
}

Schema = Mapping[str, Any]


async def show_docs(request: web.Request) -> web.Response:
    """GET /docs."""
    return render(request, "docs.html", reference_view(document()), words=words_in("en"))


def reference_view(api: Schema) -> View:
    """The template variables of an OpenAPI document: its operations in groups."""
    operations = list(_operations(api))
    groups = []
    for title, prefix, words in _GROUPS:
        # An operation belongs to the group with the longest matching prefix.
        mine = [o for o in operations if _group_of(o["path"]) == prefix]
        groups.append({"title": title, "words": words, "operations": mine})
    return {"operations": operations, "groups": groups, "version": api["info"]["version"]}


def _group_of(path: str) -> str:
    return max((prefix for _, prefix, _ in _GROUPS if path.startswith(prefix)), key=len)


def _operations(api: Schema) -> Iterator[View]:
    schemas = api["components"]["schemas"]
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            done, answers = _answers(operation["responses"])
            yield {
                "id": operation["operationId"],
                "method": method.upper(),
                "path": path,
                "summary": operation["summary"],
                "proof": next((PROOFS[name] for need in operation.get("security", ()) for name in need), ""),
                "parameters": [_parameter(p) for p in operation.get("parameters", ())],
                "takes": _body(operation.get("requestBody", {}), schemas),
                "gives": _body(done, schemas),
                "answers": answers,
            }


def _answers(responses: Schema) -> tuple[Schema, list[View]]:
    done = next(response for status, response in responses.items() if status.startswith("2"))
    return done, [{"status": status, "words": response["description"]} for status, response in responses.items()]


def _parameter(parameter: Schema) -> View:
    schema = parameter.get("schema", {})
    return {"name": parameter["name"], "place": parameter["in"], "words": _words(schema)}


def _body(holder: Schema, schemas: Schema) -> View | None:
    """A body's media type and, for an object, its fields."""
    for media_type, content in holder.get("content", {}).items():
        schema = content.get("schema", {})
        inner = schema.get("items", schema)
        named = schemas.get(_name_of(inner), inner)
        required = named.get("required", ())
        fields = [
            {"name": name, "words": _words(field), "required": name in required}
            for name, field in named.get("properties", {}).items()
        ]
        return {"media_type": media_type, "is_list": "items" in schema, "fields": fields}
    return None


def _words(schema: Schema) -> str:
    """A schema in a few words: `integer, at least 1000, or null`."""
    if "anyOf" in schema:
        return " or ".join(_words(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(choice) for choice in schema["enum"])
    if "$ref" in schema:
        return _name_of(schema)
    if schema.get("type") == "array":
        return f"list of {_words(schema['items'])}"
    limits = [words.format(schema[name]) for name, words in _LIMITS.items() if name in schema]
    return ", ".join([str(schema.get("type", "anything")), *limits])


def _name_of(schema: Schema) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]
