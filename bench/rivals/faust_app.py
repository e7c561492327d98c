"""The jars on faust-streaming, written as its guide shows it: an agent, a table, and a topic for what is said.

It runs in an environment of its own, and is killed there.
"""

from pathlib import Path
from typing import Any

import faust

from bench.rivals.jar import Orders, add, heard_orders


def app_of(orders: Orders) -> Any:  # noqa: ANN401  # Our own environment does not know its types.
    app = faust.App(
        orders.name,
        broker=f"kafka://{orders.servers}",
        store="memory://",
        datadir=Path(orders.folder),
        topic_partitions=orders.partitions,
        processing_guarantee="exactly_once" if orders.exact else "at_least_once",
        broker_session_timeout=orders.session_s,
        broker_heartbeat_interval=orders.session_s / 3,
        web_enabled=False,
    )
    source = app.topic(orders.source, key_type=str, value_serializer="json", partitions=orders.partitions)
    target = app.topic(orders.target, key_type=str, value_serializer="json", partitions=orders.partitions)
    table = app.Table("kept", partitions=orders.partitions)

    async def count(coins: Any) -> None:  # noqa: ANN401
        async for jar, event in coins.items():
            table[jar], told = add(table.get(jar), event)
            await target.send(key=jar, value=told)

    app.agent(source)(count)
    return app


if __name__ == "__main__":
    faust.Worker(app_of(heard_orders()), loglevel="WARN").execute_from_commandline()
