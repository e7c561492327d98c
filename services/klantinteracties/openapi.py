"""What is served, as OpenAPI: made from the same resources that read and answer."""

import json
from functools import cache
from typing import Any, Final

from services.klantinteracties.asked import EXPAND, ORDER, PAGE, SIZE, SIZE_MAX
from services.klantinteracties.every import EVERY
from services.klantinteracties.fields import object_schema
from services.klantinteracties.resource import Resource

LINK: Final = {
    "type": "object",
    "required": ["uuid", "url"],
    "properties": {"uuid": {"type": "string", "format": "uuid"}, "url": {"type": "string", "format": "uri"}},
}
FAULT: Final = {
    "type": "object",
    "required": ["name", "code", "reason"],
    "properties": {name: {"type": "string"} for name in ("name", "code", "reason")},
}
FAILURE: Final = {
    "type": "object",
    "required": ["type", "code", "title", "status", "detail", "instance"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "code", "title", "detail", "instance")},
        "status": {"type": "integer"},
        "invalidParams": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
    },
}
VERSION: Final = {"API-version": {"schema": {"type": "string"}}}
KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Your own id of this request: the same again changes nothing.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}
NAME: Final = {"name": "uuid", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
FAILED: Final = {
    "description": "What went wrong",
    "headers": VERSION,
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}},
}
PARTS: Final = {
    "klantcontact": "Klantcontact",
    "betrokkene": "Betrokkene",
    "onderwerpobject": "Onderwerpobject",
}


@cache
def described() -> str:
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {"Link": LINK, "Fault": FAULT, "Failure": FAILURE}
    for resource in EVERY.values():
        schemas[resource.one] = answered(resource)
        schemas[f"{resource.one}Body"] = posted(resource, partly=False)
        schemas[f"Patched{resource.one}Body"] = posted(resource, partly=True)
        paths |= of_resource(resource)
    paths["/maak-klantcontact"] = {"post": several()}
    paths["/neem-over"] = {"post": taking()}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Klantinteracties", "version": "0.9.0"},
        "servers": [{"url": "/klantinteracties/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        },
    }
    return json.dumps(document, ensure_ascii=False)


def of_resource(resource: Resource) -> dict[str, Any]:
    one, several = f"/{resource.kind}/{{uuid}}", f"/{resource.kind}"
    body, patched = f"{resource.one}Body", f"Patched{resource.one}Body"
    cascade = {"name": "cascade", "in": "query", "schema": {"type": "boolean"}}
    kept = {"type": "object", "properties": {"behouden": {"type": "array", "items": {"type": "string"}}}}
    gone: dict[str, Any] = {"parameters": [KEY], "responses": {"204": {"description": "Gone", "headers": VERSION}}}
    if resource.kind == "onderwerpobjecten":
        gone["parameters"] = [KEY, cascade]
        gone["responses"] |= {"200": answer(kept)}
    expand = [included()] if resource.every else []
    return {
        several: {
            "get": act(
                f"list_{resource.kind}", {"parameters": parameters(resource), "responses": {"200": page(resource)}}
            ),
            "post": act(f"create_{resource.kind}", writing(resource, body, "201")),
        },
        f"{several}/_zoek": {
            "post": act(
                f"search_{resource.kind}",
                {"requestBody": wanted(searching(resource)), "responses": {"200": page(resource)}},
            )
        },
        one: {
            "parameters": [NAME],
            "get": act(f"get_{resource.kind}", {"parameters": expand, "responses": {"200": whole(resource)}}),
            "put": act(f"put_{resource.kind}", writing(resource, body, "200")),
            "patch": act(f"patch_{resource.kind}", writing(resource, patched, "200")),
            "delete": act(f"delete_{resource.kind}", gone),
        },
    }


def act(name: str, said: dict[str, Any]) -> dict[str, Any]:
    said["responses"]["default"] = FAILED
    return {"operationId": name.replace("-", "_"), **said}


def writing(resource: Resource, body: str, status: str) -> dict[str, Any]:
    sent = wanted({"$ref": f"#/components/schemas/{body}"})
    return {"parameters": [KEY], "requestBody": sent, "responses": {status: whole(resource)}}


def several() -> dict[str, Any]:
    sent = {name: {"$ref": f"#/components/schemas/{one}Body"} for name, one in PARTS.items()}
    back = {name: {"anyOf": [{"$ref": f"#/components/schemas/{one}"}, {"type": "null"}]} for name, one in PARTS.items()}
    loose = {name: {"type": "object", "properties": {}} for name in ("betrokkene", "onderwerpobject")}
    body = {"type": "object", "required": ["klantcontact"], "properties": sent | loose}
    answered = answer({"type": "object", "required": [*PARTS], "properties": back})
    return act("maak_klantcontact", {"parameters": [KEY], "requestBody": wanted(body), "responses": {"201": answered}})


def taking() -> dict[str, Any]:
    """Cards of another register, as it serves them."""
    card = {"type": "object", "required": ["uuid"], "properties": {"uuid": NAME["schema"]}}
    body = {"type": "object", "properties": {kind: {"type": "array", "items": card} for kind in EVERY}}
    back = {name: {"type": "integer", "minimum": 0} for name in ("overgenomen", "bekend")}
    answered = answer({"type": "object", "required": [*back], "properties": back})
    return act("neem_over", {"requestBody": wanted(body), "responses": {"200": answered}})


def wanted(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def answer(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "As it stands", "headers": VERSION, "content": {"application/json": {"schema": schema}}}


def whole(resource: Resource) -> dict[str, Any]:
    return answer({"$ref": f"#/components/schemas/{resource.one}"})


def page(resource: Resource) -> dict[str, Any]:
    address = {"type": ["string", "null"]}
    cards = {"type": "array", "items": {"$ref": f"#/components/schemas/{resource.one}"}}
    said = {"count": {"type": "integer"}, "next": address, "previous": address, "results": cards}
    return answer({"type": "object", "required": [*said], "properties": said})


def answered(resource: Resource) -> dict[str, Any]:
    """What is always there; what a field holds is said by its body."""
    names = [one.name for one in resource.fields] + [one.field for one in resource.reverse]
    lists = {one.field: {"type": "array"} for one in resource.reverse}
    return {"type": "object", "required": ["uuid", "url", *names], "properties": LINK["properties"] | lists}  # type: ignore[operator]


def posted(resource: Resource, *, partly: bool) -> dict[str, Any]:
    schema = object_schema((*resource.fields, *resource.lists), partly=partly)
    if resource.variant:
        name, _, groups = resource.variant
        schema["properties"][name] = {"anyOf": [group.schema() for group in groups.values()]}
    return schema


def parameters(resource: Resource) -> list[dict[str, Any]]:
    asked = {name: one.schema for name, one in resource.filters.items()} | paging(resource)
    said = [{"name": name, "in": "query", "schema": schema} for name, schema in asked.items()]
    return [*said, *([included()] if resource.every else [])]


def paging(resource: Resource) -> dict[str, Any]:
    size = {"type": "integer", "minimum": 1, "maximum": SIZE_MAX}
    order = {ORDER: {"type": "string", "enum": [*resource.orders]}} if resource.orders else {}
    return {PAGE: {"type": "integer", "minimum": 1}, SIZE: size} | order


def included() -> dict[str, Any]:
    """Deeper too, with dots between: what belongs to what is included."""
    return {"name": EXPAND, "in": "query", "explode": False, "schema": {"type": "array", "items": {"type": "string"}}}


def searching(resource: Resource) -> dict[str, Any]:
    asked = {name: one.schema for name, one in resource.filters.items()} | paging(resource)
    expand = {EXPAND: {"type": "string"}} if resource.every else {}
    return {"type": "object", "properties": asked | expand}
