"""What the OpenAPI document says of the Klantinteracties API is so: made-up requests against the one that runs."""

import json
from typing import Any, Final

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.klantinteracties.openapi import described
from tests.klantclient.houses import ONE, House

EXAMPLES: Final = 4  # Of each operation, of which there are a hundred: all of it stays under a minute.
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What is answered is worded by the same code on both; the client's calls are tried on many machines too.
pytestmark = pytest.mark.parametrize("house", [ONE], indirect=True)
schema = schemathesis.openapi.from_dict(json.loads(described()))


def test_the_document_is_served_as_it_is_tried_here(house: House) -> None:
    assert httpx.get(f"{house.url}openapi.json", trust_env=False).json() == json.loads(described())


@schema.parametrize()
@settings(max_examples=EXAMPLES, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_whatever_is_sent_is_answered_as_the_document_says(
    case: schemathesis.Case[Any], house: House, token: str
) -> None:
    headers = {"Authorization": f"Token {token}"}
    case.call_and_validate(base_url=house.url.rstrip("/"), headers=headers, checks=CHECKS)
