"""The surge monitor: `python -m services.surge worker`, with what requirements.lock pins and nothing else of Draad.

Of a contact it takes the channel and the hour, and forgets the rest. Its counts are a table of faust, which Kafka keeps
for it. A count that is lost or doubled where it crashed changes no picture, and is why nothing else here runs on faust.
"""

import asyncio
import hmac
import json
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import faust
from aiohttp import web
from aiokafka import AIOKafkaProducer
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from services.surge.windows import hour, oldest, span_of, usual

TYPE: Final = b"nl.klantcontacten.contact.received"
SESSION_S: Final = 10.0
CHANNEL_CHARS_MAX: Final = 40


@dataclass
class Seen:
    """Contacts by channel and span, as the table has them by partition too."""

    counts: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    @classmethod
    def of(cls, table: Mapping[str, int]) -> "Seen":
        found = cls()
        for key, contacts in table.items():
            _, channel, span = key.split(" ")
            found.counts[channel][int(span)] += contacts
        return found

    def told(self, now: datetime) -> bytes:
        """All of it, for Prometheus."""
        registry = CollectorRegistry()
        contacts = Gauge("draad_surge_contacts", "Contacts within the last hour", ["channel"], registry=registry)
        normal = Gauge("draad_surge_usual", "What such an hour has in past weeks", ["channel"], registry=registry)
        since = min((span for counts in self.counts.values() for span in counts), default=span_of(now))
        for channel, counts in self.counts.items():
            contacts.labels(channel).set(hour(counts, now))
            if (known := usual(counts, now, since)) is not None:
                normal.labels(channel).set(known)
        return generate_latest(registry)


def key_of(partition: int, headers: Any, value: bytes, now: datetime) -> str | None:  # noqa: ANN401  # As faust has it.
    """Where a record counts; nothing where it is no contact, or too long ago."""
    if dict(headers or ()).get("ce_type") != TYPE:
        return None
    said = json.loads(value)
    span, channel = span_of(datetime.fromisoformat(said["at"])), str(said["channel"])[:CHANNEL_CHARS_MAX]
    return f"{partition} {channel} {span}" if span >= oldest(now) else None


def app_of(environ: Mapping[str, str], partitions: int) -> faust.App:
    prefix, servers = environ.get("DRAAD_PREFIX", ""), environ["DRAAD_LOG"].removeprefix("kafka://").split(",")
    app = faust.App(
        f"{prefix}surge",
        broker=[f"kafka://{server}" for server in servers],
        store="memory://",
        datadir=Path(mkdtemp(prefix="draad-surge-")),
        topic_partitions=partitions,
        topic_replication_factor=int(environ.get("DRAAD_TOPICS_REPLICATION", "3")),
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=SESSION_S / 3,
        web_enabled=False,
    )
    table = app.Table("counts", default=int, partitions=partitions)
    source = app.topic(f"{prefix}address", key_serializer="raw", value_serializer="raw", partitions=partitions)

    async def count(stream: Any) -> None:  # noqa: ANN401
        async for event in stream.events():
            message = event.message
            if key := key_of(message.partition, message.headers, event.value, datetime.now(UTC)):
                table[key] += 1

    app.agent(source)(count)
    token = Path(environ["DRAAD_METRICS_TOKEN_FILE"]).read_text().strip()
    place = environ.get("DRAAD_HOST", "127.0.0.1"), int(environ.get("DRAAD_PORT", "8000"))

    async def door() -> None:
        await opened(place, token, table)

    app.task(door)
    return app


async def opened(place: tuple[str, int], token: str, table: Mapping[str, int]) -> None:
    """The door for Prometheus, which brings the token for the figures."""

    async def told(request: web.Request) -> web.Response:
        brought = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(brought.encode(), token.encode()):
            raise web.HTTPUnauthorized
        return web.Response(body=Seen.of(table).told(datetime.now(UTC)), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def live(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    site = web.Application()
    site.add_routes([web.get("/metrics", told), web.get("/health/live", live)])
    runner = web.AppRunner(site, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, *place).start()


async def partitions_of(environ: Mapping[str, str]) -> int:
    """How many the topic of contacts has."""
    async with AIOKafkaProducer(bootstrap_servers=environ["DRAAD_LOG"].removeprefix("kafka://")) as producer:
        return len(await producer.partitions_for(f"{environ.get('DRAAD_PREFIX', '')}address"))


if __name__ == "__main__":
    faust.Worker(app_of(os.environ, asyncio.run(partitions_of(os.environ))), loglevel="WARN").execute_from_commandline()
