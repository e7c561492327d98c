"""Calls the published client as it is told: a JSON object a line in, and what came back a line out.

It runs in the client's own environment, which has a newer Python, and imports nothing of ours.
"""

import json
import sys
from collections.abc import Callable, Generator, Mapping
from typing import Any

from openklant_client import OpenKlantClient
from openklant_client._resources.base import ResourceMixin
from openklant_client.exceptions import ResponseError, StructuredErrorResponse
from requests import Response

SAID = ("type", "code", "title", "status", "detail", "instance", "invalidParams")
OURS = frozenset({"http_client", "process_response", "base_path"})  # What every resource has of its base, and no call.


class Adapter:
    """Says where the API is, and how to come in: as a Django project's settings do."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token

    def get_client_base_url(self) -> str:
        return self._url

    def get_client_session_kwargs(self) -> dict[str, Any]:
        return {"headers": {"Authorization": f"Token {self._token}"}}


def calls(client: OpenKlantClient) -> dict[str, Callable[..., Any]]:
    """Every method that it has, by its name."""
    found = {
        f"{name}.{verb}": getattr(resource, verb)
        for name, resource in vars(client).items()
        if isinstance(resource, ResourceMixin)
        for verb in dir(resource)
        if not verb.startswith("_") and verb not in OURS
    }
    return found | {f"methods.{name}": method for name, method in vars(client.methods).items()}


def done(call: Callable[..., Any], arguments: list[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    try:
        result = call(*arguments, **named)
        if isinstance(result, Generator):
            result = list(result)
        return {"result": {"status": result.status_code} if isinstance(result, Response) else result}
    except StructuredErrorResponse as error:
        return {"error": type(error).__name__, **{name: getattr(error, name, None) for name in SAID}}
    except ResponseError as error:
        return {"error": type(error).__name__, "status": error.response.status_code}


def tell(said: Mapping[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(said)}\n")
    sys.stdout.flush()


def main(url: str, token: str) -> None:
    with OpenKlantClient(url, token=token) as usual, OpenKlantClient.configure_from(Adapter(url, token)) as configured:
        known = {"usual": calls(usual), "configured": calls(configured)}
        tell({"result": sorted(known["usual"])})
        for line in sys.stdin:
            asked = json.loads(line)
            call = known[asked["client"]][asked["call"]]
            tell(done(call, asked["arguments"], asked["named"]))


main(*sys.argv[1:])
