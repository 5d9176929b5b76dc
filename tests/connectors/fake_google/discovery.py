"""Google's own description of its services, checked against every request and response.

From it come the paths, the parameters with their types and choices, the scopes, the shapes of replies and of field
masks. What is prose there (which parameters exclude each other, why something is refused) stands in the services.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import googleapiclient

DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
SERVICES = ("calendar.v3", "gmail.v1", "admin.reports_v1", "meet.v2")
_EVERYWHERE = {"fields", "alt", "prettyPrint", "key", "quotaUser"}


class ErrorResponse(Exception):  # noqa: N818 (it is Google's answer, not a fault of the fake)
    """An answer that is not 200: the status and the reason as Google words it."""

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.headers = dict(headers or {})


class FakeError(AssertionError):
    """An answer of the fake that breaks the description: a fault of the fake."""


@dataclass(frozen=True)
class Method:
    """One method of one service."""

    service: str
    id: str
    verb: str
    pattern: re.Pattern[str]
    parameters: Mapping[str, Mapping[str, Any]]
    scopes: frozenset[str]
    response: str

    def checked(self, query: Mapping[str, list[str]]) -> dict[str, Any]:
        """Return the query with typed values; refuse parameters that are not in the description."""
        parameters: dict[str, Any] = {}
        for name, values in query.items():
            if name in _EVERYWHERE:
                parameters[name] = values[-1]
                continue
            if name not in self.parameters or self.parameters[name]["location"] != "query":
                raise ErrorResponse(400, f"invalidParameter: {name}")
            kind = self.parameters[name]
            read = [_typed(name, kind, value) for value in values]
            parameters[name] = read if kind.get("repeated") else read[-1]
        return parameters


def _typed(name: str, kind: Mapping[str, Any], text: str) -> Any:
    if "enum" in kind and text not in kind["enum"]:
        raise ErrorResponse(400, f"invalidParameter: {name}")
    if "pattern" in kind and not re.fullmatch(kind["pattern"], text):
        raise ErrorResponse(400, f"invalidParameter: {name}")
    if kind["type"] == "boolean":
        return {"true": True, "false": False}[text.lower()]
    if kind["type"] == "integer":
        number = int(text)
        if number < int(kind.get("minimum", number)) or number > int(kind.get("maximum", number)):
            raise ErrorResponse(400, f"invalidParameter: {name}")
        return number
    if kind.get("format") == "date-time":
        assert datetime.fromisoformat(text).tzinfo is not None, "a time needs its offset"
    if kind.get("format") == "uint64" and not text.isdigit():
        raise ErrorResponse(400, f"invalidParameter: {name}")
    return text


@cache
def methods() -> tuple[Method, ...]:
    return tuple(method for name in SERVICES for method in _methods_of(name))


def _methods_of(name: str) -> Iterator[Method]:
    document = _document(name)

    def walk(resources: Mapping[str, Any]) -> Iterator[Method]:
        for resource in resources.values():
            for method in resource.get("methods", {}).values():
                if "response" in method and method["httpMethod"] == "GET":
                    yield Method(
                        service=name,
                        id=method["id"],
                        verb=method["httpMethod"],
                        pattern=_pattern(document["servicePath"] + method.get("flatPath", method["path"])),
                        parameters=method.get("parameters", {}),
                        scopes=frozenset(method.get("scopes", ())),
                        response=method["response"]["$ref"],
                    )
            yield from walk(resource.get("resources", {}))

    yield from walk(document["resources"])


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{\+?(\w+)\}", path)
    return re.compile("/" + "".join(f"(?P<{part}>[^/]+)" if n % 2 else re.escape(part) for n, part in enumerate(parts)))


@cache
def _document(name: str) -> Any:
    return json.loads((DOCUMENTS / f"{name}.json").read_text(encoding="utf-8"))


def method_at(path: str) -> tuple[Method, dict[str, str]]:
    """Return the method of a path, and the parameters in the path."""
    for method in methods():
        if match := method.pattern.fullmatch(path):
            return method, {name: unquote(value) for name, value in match.groupdict().items()}
    raise ErrorResponse(404, "notFound")


# Shapes


def check_shape(method: Method, answer: Any) -> None:
    """Check the whole response, before any mask, against the description. Raises :class:`FakeError`."""
    problems = list(_problems(_document(method.service)["schemas"], {"$ref": method.response}, answer, method.response))
    if problems:
        raise FakeError("; ".join(problems))


def _problems(schemas: Mapping[str, Any], shape: Mapping[str, Any], value: Any, place: str) -> Iterator[str]:
    shape = schemas[shape["$ref"]] if "$ref" in shape else shape
    kind = shape.get("type")
    if kind == "object":
        yield from _object_problems(schemas, shape, value, place)
    elif kind == "array":
        if not isinstance(value, list):
            yield f"{place} is no list"
            return
        for index, entry in enumerate(value):
            yield from _problems(schemas, shape["items"], entry, f"{place}[{index}]")
    elif not _fits(shape, value):
        yield f"{place} is no {kind} ({shape.get('format', '')})"


def _object_problems(schemas: Mapping[str, Any], shape: Mapping[str, Any], value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place} is no object"
        return
    properties, others = shape.get("properties", {}), shape.get("additionalProperties")
    for name, entry in value.items():
        if name in properties:
            yield from _problems(schemas, properties[name], entry, f"{place}.{name}")
        elif others:
            yield from _problems(schemas, others, entry, f"{place}.{name}")
        else:
            yield f"{place}.{name} does not exist"


def _fits(shape: Mapping[str, Any], value: Any) -> bool:
    kind, form = shape.get("type"), shape.get("format")
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in {"integer", "number"}:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if not isinstance(value, str) or ("enum" in shape and value not in shape["enum"]):
        return False
    if form in {"int64", "uint64"}:
        return value.lstrip("-").isdigit()
    if form in {"date-time", "google-datetime"}:
        return datetime.fromisoformat(value).tzinfo is not None
    return form != "date" or len(value) == len("2026-01-31")


# Masks


Mask = dict[str, "Mask | None"]


def masked(method: Method, mask: str | None, answer: Any) -> Any:
    """Return the part of the response that the mask selects; refuse a mask with unknown fields."""
    if not mask:
        return answer
    selection = _parsed(mask)
    _refuse_unknown(_document(method.service)["schemas"], {"$ref": method.response}, selection)
    return _applied(selection, answer)


def _parsed(text: str) -> Mask:
    position = 0

    def fields() -> Mask:
        nonlocal position
        selection: Mask = {}
        while position < len(text) and text[position] != ")":
            match = re.compile(r"[\w*]+(?:/[\w*]+)*").match(text, position)
            if match is None:
                raise ErrorResponse(400, "invalidParameter: fields")
            position = match.end()
            inner = None
            if text[position : position + 1] == "(":
                position += 1
                inner = fields()
                position += 1
            *path, last = match[0].split("/")
            place = selection
            for step in path:
                place = place.setdefault(step, {})  # type: ignore[assignment]
            place[last] = inner
            position += text[position : position + 1] == ","
        return selection

    return fields()


def _refuse_unknown(schemas: Mapping[str, Any], shape: Mapping[str, Any], selection: Mask) -> None:
    shape = schemas[shape["$ref"]] if "$ref" in shape else shape
    if shape.get("type") == "array":
        return _refuse_unknown(schemas, shape["items"], selection)
    for name, inner in selection.items():
        if name not in shape.get("properties", {}):
            raise ErrorResponse(400, "invalidParameter: fields")
        if inner:
            _refuse_unknown(schemas, shape["properties"][name], inner)
    return None


def _applied(selection: Mask | None, value: Any) -> Any:
    if selection is None:
        return value
    if isinstance(value, list):
        entries = (_applied(selection, entry) for entry in value)
        return [entry for entry in entries if entry not in ({}, [])]
    result = {name: _applied(inner, value[name]) for name, inner in selection.items() if name in value}
    return {name: entry for name, entry in result.items() if entry != {}}
