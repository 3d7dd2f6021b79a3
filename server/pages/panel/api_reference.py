"""The API's reference for people: the OpenAPI document as a page, with an example for each operation."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from flask import Blueprint, current_app, render_template, url_for

from server.kernel.request import office
from server.web.languages import gettext
from server.web.limits import limited

blueprint = Blueprint("api_reference", __name__, template_folder="templates")

METHODS = ("get", "post", "put", "patch", "delete")
DEEPEST = 4
"""Levels of nested objects in an example."""

Json = Mapping[str, Any]


class Row(NamedTuple):
    """One parameter or field."""

    name: str
    type: str
    required: bool
    description: str


class Table(NamedTuple):
    """The parameters of one place, or the fields of the body."""

    heading: str
    rows: list[Row]


class Operation(NamedTuple):
    """One method of one path."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    tables: list[Table]
    curl: str
    answers: list[tuple[str, str]]


class Group(NamedTuple):
    """The operations under one tag."""

    name: str
    description: str
    operations: list[Operation]


class Document:
    """An OpenAPI 3.1 document, read for a page."""

    def __init__(self, document: Json, server: str) -> None:
        """Take the document and the address that the examples call."""
        self._document = document
        self._server = server.rstrip("/")

    def groups(self) -> list[Group]:
        """Return every operation under its tag, tags in the order of the document."""
        about: dict[str, str] = {
            tag["name"]: tag.get("description", "") for tag in self._document.get("tags", [])
        }
        found: dict[str, list[Operation]] = {name: [] for name in about}
        for path, item in self._document.get("paths", {}).items():
            for method in METHODS:
                if method in item:
                    tag = (item[method].get("tags") or ["API"])[0]
                    found.setdefault(tag, []).append(self._operation(path, method, item[method]))
        return [
            Group(name, about.get(name, ""), operations)
            for name, operations in found.items()
            if operations
        ]

    def _operation(self, path: str, method: str, item: Json) -> Operation:
        body = self._body(item)
        return Operation(
            id=f"{method}{path}".replace("/", "-").replace("{", "").replace("}", ""),
            method=method.upper(),
            path=path,
            summary=item.get("summary", ""),
            description=item.get("description", ""),
            tables=list(self._tables(item, body)),
            curl=self._curl(path, method, item, body),
            answers=[
                (status, answer.get("description", ""))
                for status, answer in sorted(item["responses"].items())
            ],
        )

    def _tables(self, item: Json, body: Json) -> Iterator[Table]:
        headings = {"path": gettext("In the path"), "query": gettext("In the query")}
        for place, heading in headings.items():
            rows = [
                self._row(each["name"], each.get("schema", {}), each)
                for each in self._parameters(item, place)
            ]
            if rows:
                yield Table(heading, rows)
        needed = set(body.get("required", []))
        rows = [
            self._row(name, schema, {"required": name in needed})
            for name, schema in body.get("properties", {}).items()
        ]
        if rows:
            yield Table(gettext("In the body (JSON)"), rows)

    def _parameters(self, item: Json, place: str) -> list[Json]:
        return [each for each in item.get("parameters", []) if each.get("in") == place]

    def _row(self, name: str, schema: Json, about: Json) -> Row:
        description = about.get("description") or schema.get("description") or ""
        return Row(name, self._type(schema), bool(about.get("required")), description)

    def _body(self, item: Json) -> Json:
        content = item.get("requestBody", {}).get("content", {})
        return self._resolved(content.get("application/json", {}).get("schema", {}))

    def _resolved(self, schema: Json) -> Json:
        reference = schema.get("$ref")
        if not reference:
            return schema
        found: Any = self._document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}

    def _type(self, schema: Json) -> str:
        schema = self._resolved(schema)
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            return " | ".join(dict.fromkeys(self._type(each) for each in choices))
        if "enum" in schema:
            return " | ".join(json.dumps(each) for each in schema["enum"])
        if schema.get("type") == "array":
            return f"[{self._type(schema.get('items', {}))}]"
        named = schema.get("format") or schema.get("type", "any")
        low = schema.get("minimum", schema.get("minLength"))
        high = schema.get("maximum", schema.get("maxLength"))
        bounds = f" {'' if low is None else low}–{'' if high is None else high}"
        return f"{named}{bounds}" if (low, high) != (None, None) else str(named)

    def _curl(self, path: str, method: str, item: Json, body: Json) -> str:
        for each in self._parameters(item, "path"):
            path = path.replace("{" + each["name"] + "}", f"${each['name'].upper()}")
        lines = ["curl" if method == "get" else f"curl -X {method.upper()}"]
        if item.get("security") != []:
            lines.append('-H "Authorization: Bearer $TOKEN"')
        if body:
            lines.append("-H 'Content-Type: application/json'")
            example = json.dumps(self._example(body), ensure_ascii=False, indent=2)
            lines.append("-d '" + example.replace("'", "'\\''") + "'")
        lines.append(f'"{self._server}{path}"')
        return " \\\n  ".join(lines)

    def _example(self, schema: Json, depth: int = 0) -> Any:  # noqa: ANN401  an example of any JSON value
        schema = self._resolved(schema)
        given = [
            schema[key] for key in ("example", "default", "const") if schema.get(key) is not None
        ]
        given += schema.get("examples", [])[:1] + schema.get("enum", [])[:1]
        if given:
            return given[0]
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            return self._example(choices[0], depth)
        if schema.get("type") == "array":
            return [self._example(schema.get("items", {}), depth + 1)]
        if schema.get("type") == "object" and depth < DEEPEST:
            fields = schema.get("properties", {})
            return {
                name: self._example(fields[name], depth + 1) for name in schema.get("required", [])
            }
        return self._plain_example(schema)

    def _plain_example(self, schema: Json) -> Any:  # noqa: ANN401  an example of any JSON value
        match schema.get("type"):
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return True
            case _:
                return "2026-12-01T05:00:00Z" if schema.get("format") == "date-time" else "…"


@blueprint.get("/api/v1/")
@limited("60 per minute")
def api_reference() -> str:
    """Show what the API can do."""
    document = read_document()
    server = str(office().settings.base_url).rstrip("/")
    information = document.get("info", {})
    return render_template(
        "panel/api.html",
        title=gettext("%(product)s API", product=information.get("title", "Genkan")),
        version=information.get("version", ""),
        description=information.get("description", ""),
        document_url="/api/v1/openapi.json",
        first_request=f'curl -H "Authorization: Bearer $TOKEN" \\\n  {server}/api/v1/me',
        groups=Document(document, server).groups(),
        account_url=url_for("panel.account"),
    )


def read_document() -> Json:
    """Return the application's OpenAPI document."""
    document: Json = getattr(current_app, "api_doc", {})
    return document
