"""The document says what is served, and what is served is as it says."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import given as holds_for
from schemathesis.core.result import Ok

from services.klantinteracties.app import PREFIX
from services.klantinteracties.every import EVERY
from tests.tools import Tool

EXAMPLES = 3  # Of each way of asking.


async def test_every_filter_and_field_is_described(tool: Tool) -> None:
    document = (await tool.client.get(f"{PREFIX}/openapi.json")).json()
    for kind, resource in EVERY.items():
        asked = {one["name"] for one in document["paths"][f"/{kind}"]["get"]["parameters"]}
        assert resource.filters.keys() <= asked
        body = document["components"]["schemas"][f"{resource.one}Body"]["properties"]
        assert {one.name for one in resource.fields} <= body.keys()


async def test_whatever_the_document_allows_is_answered_as_it_says(tool: Tool) -> None:
    document = (await tool.client.get(f"{PREFIX}/openapi.json")).json()
    schema = schemathesis.openapi.from_dict(document)
    operations = list(schema.get_all_operations())
    assert len(operations) > 80
    for found in operations:
        assert isinstance(found, Ok)
        for case in examples(found.ok()):
            answer = await sent(tool, case)
            assert answer.status_code < 500, (case.method, case.path)
            assert answer.status_code in {200, 201, 204, 400, 404, 412, 413, 415}, answer.text
            if answer.content:
                assert answer.headers["content-type"] == "application/json"
                answer.json()


def examples(operation: Any) -> list[Any]:
    found: list[Any] = []

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @holds_for(operation.as_strategy())
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found


async def sent(tool: Tool, case: Any) -> Any:
    said = case.as_transport_kwargs(base_url=f"http://draad{PREFIX}")
    headers = dict(said.get("headers") or {}) | {"Authorization": tool.client.headers["authorization"]}
    body = {name: said[name] for name in ("json", "data") if said.get(name) is not None}
    if "data" in body:
        body["content"] = body.pop("data")
    return await tool.client.request(said["method"], said["url"], params=said.get("params"), headers=headers, **body)
