"""The same day on many machines: two workers and a desk, each a process of its own, on Kafka, PostgreSQL and Redis.

    CITY=1000000 MINUTES=10 KILLS=20 python -m bench many-whole

Kafka is one broker with one copy, as everything stands on the same two cores. The desk takes webhooks, forms and the
API; the first worker takes mails. They are killed in turn.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bench.houses import Doors, House, Machine
from bench.whole import day
from infra.servers import Kafka, Postgres, Redis
from tests.running import draad
from tests.services.chats import free_port

PEPPER: Final = "p" * 32


async def run() -> None:
    await day(many_machines)


@contextmanager
def many_machines(place: Path, relay: int) -> Iterator[House]:
    doors = Doors(relay)
    with Kafka(lasting=True) as kafka, Postgres() as postgres, Redis() as redis, ExitStack() as opened:
        shared = {
            "DRAAD_LOG": f"kafka://{kafka.address}",
            "DRAAD_DATABASE": postgres.url(),
            "DRAAD_REDIS": redis.url,
            "DRAAD_PEPPER": PEPPER,
            "DRAAD_TOPICS_REPLICATION": "1",
        }
        made = draad(place / "topics", "topics", "apply", **shared)
        assert made.returncode == 0, made.stderr

        def machine(name: str, verb: str, port: int, *, mails: bool = False) -> Machine:
            settings = doors.settings(place / name.replace(" ", "-"), mails=mails) | shared
            return Machine(name, verb, place / f"{name.replace(' ', '-')}.db", port, settings, opened)

        machines = [
            machine("the first worker", "work", free_port(), mails=True),
            machine("the second worker", "work", free_port()),
            machine("the desk", "desk", doors.port),
        ]
        servers = {"Kafka": kafka.brokers[0].pid, "PostgreSQL": postgres.pid, "Redis": redis.pid}
        yield House(doors, machines, servers)
