"""The jars on Quix Streams, written as its guide shows it: a stateful step between two topics.

It runs in an environment of its own, and is killed there.
"""

from pathlib import Path
from typing import Any

from quixstreams import Application

from bench.rivals.jar import Orders, add, heard_orders


def count(event: dict[str, Any], state: Any) -> dict[str, Any]:  # noqa: ANN401  # We do not know its types here.
    kept, told = add(state.get("kept"), event)
    state.set("kept", kept)
    return told


def run(orders: Orders) -> None:
    app = Application(
        broker_address=orders.servers,
        consumer_group=orders.name,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once" if orders.exact else "at-least-once",
        state_dir=Path(orders.folder) / "state",
        consumer_extra_config={"session.timeout.ms": orders.session_s * 1000},
        loglevel="WARNING",
    )
    source = app.topic(orders.source, key_deserializer="str", value_deserializer="json")
    target = app.topic(orders.target, key_serializer="str", value_serializer="json")
    app.dataframe(source).apply(count, stateful=True).to_topic(target)
    app.run()


if __name__ == "__main__":
    run(heard_orders())
