"""The reference of the HTTP API, made from the OpenAPI document and the errors that the code raises."""

import ast
from collections.abc import Iterator
from typing import Any

from gateway.web.http import problems
from gateway.web.openapi import document
from tools.reference.markdown import ROOT, table

# The demo's wallet has refusals of its own.
NOT_OURS = ("gateway/demo/", "gateway/regtest/")
_PROOFS = {"token": "access token", "key": "API key"}


def routes() -> str:
    """One line for each operation, readers' first."""
    rows = [
        (f"`{method} {path}`", _proof(operation), operation["summary"]) for method, path, operation in _operations()
    ]
    return table(("operation", "credential", "what it does"), rows)


def operations() -> str:
    """For each operation its parameters, body, answer and refusals."""
    rows = []
    for method, path, operation in _operations():
        inputs = [_parameter(each) for each in operation["parameters"] if each["in"] != "path"]
        if "requestBody" in operation:
            body = operation["requestBody"]
            inputs.append(f"{_content(body['content'])}, {body['description'].lower().rstrip('.')}")
        (status, done), *refusals = operation["responses"].items()
        answer = f"{status} {_content(done['content'])}" if "content" in done else str(status)
        rows.append((f"`{method} {path}`", "; ".join(inputs) or "–", answer, ", ".join(code for code, _ in refusals)))
    return table(("operation", "takes", "answer", "refusals"), rows)


def bodies() -> str:
    """Every JSON body: its members, their types, and whether they are always there."""
    sections = []
    for name, schema in document()["components"]["schemas"].items():
        required = schema.get("required", ())
        rows = [
            (f"`{member}`", _type(kind), "yes" if member in required else "no")
            for member, kind in schema.get("properties", {}).items()
        ]
        meaning = " ".join(schema.get("description", "").split()).replace("<", r"\<")
        sections.append(f"### {name}\n\n{meaning}\n\n{table(('member', 'type', 'always there'), rows)}")
    return "\n".join(sections)


def errors() -> str:
    """Every `code` with its status and its fullest `detail`; `…` stands for what depends on the request."""
    found = {code: (status, detail) for code, status, detail in sorted(_raised(), key=_fullness)}
    found |= {code: (str(status), detail) for status, (code, detail) in problems._HTTP_CODES.items()}
    found["internal_error"] = ("500", problems.DEFECT[1])
    rows = [(f"`{code}`", status, detail) for code, (status, detail) in sorted(found.items())]
    return table(("code", "status", "detail"), rows)


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _proof(operation: dict[str, Any]) -> str:
    names = [_PROOFS[name] for each in operation.get("security", ()) for name in each]
    return ", ".join(names) or "none"


def _parameter(parameter: dict[str, Any]) -> str:
    where = "header" if parameter["in"] == "header" else "query"
    return f"`{parameter['name']}` ({where}{', required' if parameter.get('required') else ''})"


def _content(content: dict[str, Any]) -> str:
    [(media_type, described)] = content.items()
    schema = described.get("schema", {})
    shown = _type(schema) if media_type == "application/json" else ""
    return shown or f"`{media_type}`"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {_type(schema.get('items', {}))}"
    return str(schema.get("type", "any"))


def _raised() -> Iterator[tuple[str, str, str]]:
    """Codes with status and detail, as they stand where the error is made."""
    statuses = {kind.__name__: status for kind, status in problems.STATUS.items()}
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        if path.relative_to(ROOT).as_posix().startswith(NOT_OURS):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in statuses:
                code = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
                if isinstance(code, str):
                    status = problems.STATUS_OF_CODE.get(code, statuses[node.func.id])
                    yield code, str(status), _text(node.args[1]) if len(node.args) > 1 else ""


def _fullness(raised: tuple[str, str, str]) -> tuple[int, str]:
    detail = raised[2]
    return (sum(map(str.isalpha, detail)), detail)


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.IfExp):
        return _text(node.body)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return "…"
