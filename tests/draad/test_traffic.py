"""What ops see of requests: by the template of a route, never by an address."""

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Message

from draad.health import Watch
from draad.traffic import Traffic
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from tests.rooms import Rooms, clock, rooms

BEARER: Final = {"Authorization": "Bearer the-scraper-of-these-tests-and-nothing-else"}


def value(house: Rooms, name: str, **labels: str) -> float | None:
    return house.engine.meter.registry.get_sample_value(name, labels)


async def test_requests_are_counted_by_method_route_and_what_came_of_them() -> None:
    async with rooms() as house:
        await house.post({"channel": "phone", "text": "hallo"})
        await house.client.get("/v1/addresses/unknown.x/timeline")
        await house.client.request("BREW", "/v1/no-such-thing/at-all")
        await house.client.get("/klantinteracties/api/v1/klantcontacten")
        count = "draad_http_seconds_count"
        assert value(house, count, method="POST", route="/v1/contacts", status="2xx") == 1
        assert value(house, count, method="other", route="other", status="4xx") == 1
        text = (await house.client.get("/metrics")).text
        assert 'route="/v1/addresses/{name}/timeline"' in text
        assert 'method="GET",route="/klantinteracties/api/v1",status="4xx"' in text
        assert not [word for word in ("unknown.x", "no-such-thing", "BREW", "klantcontacten") if word in text]


async def test_which_draad_it_is_and_that_it_is_ready_is_shown() -> None:
    async with rooms() as house:
        await house.client.get("/health/ready")
        assert value(house, "draad_ready") == 1
        assert value(house, "draad_build_info", version="0.1.0") == 1


async def test_the_token_of_prometheus_opens_the_figures_and_nothing_else() -> None:
    async with rooms(scraper="the-scraper-of-these-tests-and-nothing-else") as house:
        assert (await house.client.get("/metrics", headers=BEARER)).status_code == 200
        for path in ("/v1/work", "/v1/events", "/", "/klantinteracties/api/v1/actoren"):
            assert (await house.client.get(path, headers=BEARER)).status_code in {401, 403}
    async with rooms() as house:
        assert (await house.client.get("/metrics", headers=BEARER)).status_code == 401


def told(status: int, kind: bytes) -> Message:
    return {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]}


async def test_a_stream_counts_while_somebody_listens() -> None:
    registry, listening, gone = CollectorRegistry(), asyncio.Event(), asyncio.Event()

    async def stream(_scope: Any, _receive: Any, send: Any) -> None:
        await send(told(200, b"text/event-stream; charset=utf-8"))
        listening.set()
        await gone.wait()

    async def ignored(_message: Message) -> None: ...

    async def silent() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "GET", "path": "/door/somebody"}
    listener = asyncio.create_task(Traffic(stream, registry, ("/door",))(scope, silent, ignored))
    await listening.wait()
    assert registry.get_sample_value("draad_streams_open", {"route": "/door"}) == 1
    gone.set()
    await listener
    assert registry.get_sample_value("draad_streams_open", {"route": "/door"}) == 0


async def test_what_breaks_without_an_answer_is_an_error() -> None:
    registry = CollectorRegistry()

    async def broken(*_: Any) -> Any:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await Traffic(broken, registry)({"type": "http", "method": "GET", "path": "/"}, broken, broken)
    labels = {"method": "GET", "route": "other", "status": "5xx"}
    assert registry.get_sample_value("draad_http_seconds_count", labels) == 1


async def test_the_room_for_the_log_is_shown_and_where_its_folder_goes_it_is_not_ready(tmp_path: Path) -> None:
    engine = Engine(MemoryStore(Disk(), clock), clock=clock)
    folder = tmp_path / "log"
    folder.mkdir()
    watch = Watch(engine, [], folder)
    assert await watch.faults(clock()) == []
    assert engine.meter.registry.get_sample_value("draad_disk_free_bytes")
    folder.rmdir()
    assert await watch.faults(clock()) == ["the folder of the log is gone"]
    assert engine.meter.registry.get_sample_value("draad_ready") == 0
    await engine.close()
